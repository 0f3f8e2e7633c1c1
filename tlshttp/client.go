package tlshttp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/akushu/akushu/tls"
)

func sprint(v any) string { return fmt.Sprint(v) }

// RoundTripper speaks HTTP/1 or HTTP/2 over akushu's TLS, whichever the server chooses by
// ALPN. It reuses connections, and is safe for concurrent use. Requests to http:// go
// out in the clear. Proxies are not used.
type RoundTripper struct {
	config *tls.Config
	one    *http.Transport // HTTP/1
	two    *http.Transport // HTTP/2

	mu     sync.Mutex
	h2     map[string]bool       // what the address spoke last
	parked map[string][]net.Conn // connections that turned out to speak the other version
}

// Transport returns a RoundTripper with cfg, to which h2 and http/1.1 are added where it
// names no protocols. ServerName is each request's host unless cfg has one.
func Transport(cfg *tls.Config) *RoundTripper {
	cfg = cfg.Clone()
	if len(cfg.NextProtos) == 0 {
		cfg.NextProtos = NextProtos
	}
	t := &RoundTripper{config: cfg, h2: map[string]bool{}, parked: map[string][]net.Conn{}}
	t.one = t.transport(false)
	t.two = t.transport(true)
	return t
}

// idleTimeout is how long an unused connection is kept, as in http.DefaultTransport.
const idleTimeout = 90 * time.Second

func (t *RoundTripper) transport(h2 bool) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!h2)
	protocols.SetUnencryptedHTTP2(h2) // over our TLS, which net/http does not know as such
	return &http.Transport{
		IdleConnTimeout:   idleTimeout,
		ForceAttemptHTTP2: false,
		Protocols:         protocols,
		DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return t.dial(ctx, network, addr, h2)
		},
	}
}

// errOtherVersion says that the connection that was made speaks the other version of HTTP.
// It is parked for that.
var errOtherVersion = errors.New("tlshttp: the server chose the other version of HTTP")

// dial returns a connection for the version that is wanted.
func (t *RoundTripper) dial(ctx context.Context, network, addr string, h2 bool) (net.Conn, error) {
	if c := t.unpark(addr, h2); c != nil {
		return c, nil
	}
	dialer := tls.Dialer{Config: t.config}
	c, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	speaksH2 := c.(*tls.Conn).ConnectionState().NegotiatedProtocol == "h2"
	if speaksH2 != h2 {
		t.park(addr, speaksH2, c)
		return nil, errOtherVersion
	}
	return c, nil
}

func (t *RoundTripper) park(addr string, h2 bool, c net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.h2[addr] = h2
	t.parked[addr] = append(t.parked[addr], c)
	time.AfterFunc(idleTimeout, func() { t.drop(addr, c) })
}

func (t *RoundTripper) unpark(addr string, h2 bool) net.Conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.parked[addr]
	if t.h2[addr] != h2 || len(list) == 0 {
		return nil
	}
	c := list[len(list)-1]
	t.parked[addr] = list[:len(list)-1]
	return c
}

// drop closes c if it is parked still.
func (t *RoundTripper) drop(addr string, c net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.parked[addr]
	for i := range list {
		if list[i] == c {
			t.parked[addr] = append(list[:i], list[i+1:]...)
			c.Close()
			return
		}
	}
}

// RoundTrip implements [http.RoundTripper].
func (t *RoundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return t.one.RoundTrip(r)
	}
	addr := r.URL.Host
	if r.URL.Port() == "" {
		addr = net.JoinHostPort(r.URL.Hostname(), "443")
	}
	t.mu.Lock()
	h2 := t.h2[addr]
	t.mu.Unlock()
	// The server may change its mind once a dial, so twice is enough.
	for range 2 {
		resp, err := t.roundTrip(r, h2)
		if !errors.Is(err, errOtherVersion) {
			return resp, err
		}
		h2 = !h2
	}
	return nil, errOtherVersion
}

// roundTrip makes the request in one version of HTTP. Nothing of it was sent where the
// error is errOtherVersion.
func (t *RoundTripper) roundTrip(r *http.Request, h2 bool) (*http.Response, error) {
	if h2 {
		return t.two.RoundTrip(r)
	}
	var conn net.Conn
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { conn = info.Conn }}
	resp, err := t.one.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if c, ok := conn.(*tls.Conn); ok && err == nil {
		state := c.ConnectionState()
		resp.TLS = &state
		resp.Request = r
	}
	return resp, err
}

// CloseIdleConnections closes the connections that no request uses.
func (t *RoundTripper) CloseIdleConnections() {
	t.one.CloseIdleConnections()
	t.two.CloseIdleConnections()
	t.mu.Lock()
	defer t.mu.Unlock()
	for addr, list := range t.parked {
		for _, c := range list {
			c.Close()
		}
		delete(t.parked, addr)
	}
}
