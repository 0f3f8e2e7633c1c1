package tlshttp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"

	"github.com/akushu/akushu/tls"
)

// RoundTripper speaks HTTP/1 and HTTP/2 over akushu's TLS, whichever the server chooses by
// ALPN. It keeps connections for later requests, and is safe for concurrent use. Response.TLS
// is set in both versions. A request that asks for an upgrade (WebSocket) goes out in
// HTTP/1. Requests to http:// go out in the clear, in HTTP/1.
//
// Errors of the handshake come unwrapped from RoundTrip, and in a *url.Error from
// [http.Client].
type RoundTripper struct {
	config   *tls.Config
	http1    *tls.Config // config with HTTP/1 alone
	base     *http.Transport
	one, two *http.Transport // of base, for HTTP/1 and HTTP/2
	parked   parking
	hosts    hosts
	early    earlyConfigs // nil: nothing is sent early
}

// Transport returns a RoundTripper with the settings of http.DefaultTransport as Go has
// it, and without a proxy. See [TransportFrom].
func Transport(cfg *tls.Config) *RoundTripper {
	return TransportFrom(&http.Transport{
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConns:          100,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}, cfg)
}

// TransportFrom returns a RoundTripper with the settings of base, which it copies, and
// with cfg, which may be nil. Where cfg names no protocols, those of [NextProtos] are
// offered; what it names says which versions of HTTP are spoken, so that Protocols,
// ForceAttemptHTTP2 and TLSNextProto of base mean nothing, nor does what base says of
// crypto/tls. ServerName is each request's host unless cfg has one. Connections are dialled
// with base's DialContext. A limit of connections per host counts for each version of
// HTTP. A base whose Proxy names one for a request to https:// fails that request.
func TransportFrom(base *http.Transport, cfg *tls.Config) *RoundTripper {
	t := &RoundTripper{config: &tls.Config{}, base: base.Clone()}
	if cfg != nil {
		t.config = cfg.Clone()
	}
	if len(t.config.NextProtos) == 0 {
		t.config.NextProtos = NextProtos
	}
	t.http1 = t.config.Clone()
	t.http1.NextProtos = []string{protoHTTP1}
	if t.base.DialContext == nil {
		t.base.DialContext = new(net.Dialer).DialContext
	}
	t.one, t.two = t.transport(false), t.transport(true)
	return t
}

// transport returns base for one version of HTTP.
func (t *RoundTripper) transport(http2 bool) *http.Transport {
	v := t.base.Clone()
	v.TLSNextProto, v.ForceAttemptHTTP2 = nil, false
	v.Protocols = new(http.Protocols)
	v.Protocols.SetHTTP1(!http2)
	v.Protocols.SetUnencryptedHTTP2(http2) // over our TLS, which net/http does not know as such
	v.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		return t.dial(ctx, network, place{addr, http2})
	}
	if v.Proxy != nil {
		v.Proxy = t.proxy
	}
	return v
}

// proxy is base's, for requests in the clear only: net/http would run crypto/tls through it.
func (t *RoundTripper) proxy(r *http.Request) (*url.URL, error) {
	u, err := t.base.Proxy(r)
	if u != nil && r.URL.Scheme == "https" {
		return nil, fmt.Errorf("tlshttp: the proxy %s cannot be used for https", u.Redacted())
	}
	return u, err
}

// errOtherVersion says that a connection that speaks the other version of HTTP was made. It
// is parked.
var errOtherVersion = errors.New("tlshttp: the server chose the other version of HTTP")

// dial returns a connection to a place, a parked one if there is.
func (t *RoundTripper) dial(ctx context.Context, network string, want place) (net.Conn, error) {
	if c := t.parked.take(want); c != nil {
		return c, nil
	}
	if !onlyHTTP1(ctx) && t.parked.has(place{want.addr, !want.http2}) {
		return nil, errOtherVersion
	}
	c, err := t.connect(ctx, network, want.addr)
	if err != nil {
		return nil, err
	}
	got := place{want.addr, c.ConnectionState().NegotiatedProtocol == protoHTTP2}
	if got != want {
		t.parked.put(got, c)
		return nil, errOtherVersion
	}
	return c, nil
}

// connect dials and shakes hands.
func (t *RoundTripper) connect(ctx context.Context, network, addr string) (*tls.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	raw, err := t.base.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	cfg := t.config
	if onlyHTTP1(ctx) {
		cfg = t.http1
	}
	shake := (*tls.Conn).HandshakeContext
	if early := t.early[cfg]; early != nil && mayBeEarly(ctx) {
		cfg, shake = early, (*tls.Conn).HandshakeEarly
	}
	if cfg.ServerName == "" {
		cfg = cfg.Clone()
		cfg.ServerName = host
	}
	c := tls.Client(raw, cfg)
	if err := t.handshake(ctx, c, shake); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return c, nil
}

// handshake shakes hands within base's time, and tells the request's trace.
func (t *RoundTripper) handshake(ctx context.Context, c *tls.Conn, shake func(*tls.Conn, context.Context) error) error {
	if limit := t.base.TLSHandshakeTimeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.TLSHandshakeStart != nil {
		trace.TLSHandshakeStart()
	}
	err := shake(c, ctx)
	if trace != nil && trace.TLSHandshakeDone != nil {
		trace.TLSHandshakeDone(c.ConnectionState(), err)
	}
	return err
}

// maxTries bounds how often a request is made again because a server chose the other
// version of HTTP. Once is enough, unless others take the connections that were parked
// while the server keeps changing its mind.
const maxTries = 4

// RoundTrip implements [http.RoundTripper].
func (t *RoundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	p := newPending(r)
	p.early = t.early != nil && safe(r.Method) && p.body == nil
	resp, err := t.roundTrip(p)
	if p.early && tooEarly(resp, err) {
		discard(resp)
		p.early = false
		resp, err = t.roundTrip(p)
	}
	return resp, err
}

// roundTrip makes a request, in the version of HTTP that the server chooses.
func (t *RoundTripper) roundTrip(p *pending) (*http.Response, error) {
	defer p.end()
	if p.http1 {
		return p.try(t.one)
	}
	host := p.orig.URL.Host
	http2 := t.hosts.speakHTTP2(host)
	for range maxTries {
		resp, err := p.try(t.version(http2))
		if !errors.Is(err, errOtherVersion) {
			return resp, err
		}
		http2 = !http2
		t.hosts.note(host, http2)
		if err := p.rewind(); err != nil {
			return nil, err
		}
	}
	return nil, errOtherVersion
}

func (t *RoundTripper) version(http2 bool) http.RoundTripper {
	if http2 {
		return t.two
	}
	return t.one
}

// CloseIdleConnections closes the connections that no request uses.
func (t *RoundTripper) CloseIdleConnections() {
	t.one.CloseIdleConnections()
	t.two.CloseIdleConnections()
	t.parked.clear()
}
