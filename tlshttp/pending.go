package tlshttp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/akushu/akushu/tls"
)

// pending is a request that may have to be made again in the other version of HTTP.
type pending struct {
	orig  *http.Request
	http1 bool      // it must go out in HTTP/1
	body  *heldBody // nil where there is none
	conn  net.Conn  // that was found for it last
	early bool      // it may go out as early data
}

// http1Key marks the context of a request that must go out in HTTP/1.
type http1Key struct{}

// onlyHTTP1 reports whether a connection is dialled for such a request.
func onlyHTTP1(ctx context.Context) bool { return ctx.Value(http1Key{}) != nil }

func newPending(r *http.Request) *pending {
	p := &pending{orig: r}
	// What goes out in the clear may go to a proxy over TLS. HTTP/2 knows no upgrade (RFC
	// 9113 §8.6).
	p.http1 = r.URL == nil || r.URL.Scheme != "https" || r.Header.Get("Upgrade") != ""
	if r.Body != nil && r.Body != http.NoBody {
		p.body = &heldBody{ReadCloser: r.Body}
	}
	return p
}

// try makes the request in one version of HTTP.
func (p *pending) try(version http.RoundTripper) (*http.Response, error) {
	ctx := p.orig.Context()
	if p.http1 {
		ctx = context.WithValue(ctx, http1Key{}, true)
	}
	if p.early {
		ctx = context.WithValue(ctx, maybeEarlyKey{}, true)
	}
	r := p.orig.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: p.gotConn}))
	if p.body != nil {
		r.Body = p.body
	}
	resp, err := version.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Request = p.orig
	if c, ok := p.conn.(*tls.Conn); ok && (resp.TLS == nil || !resp.TLS.HandshakeComplete) { // net/http saw no TLS, or too early
		state := c.ConnectionState()
		resp.TLS = &state
	}
	return resp, nil
}

// gotConn is told which connection is used. It is called by RoundTrip, on its goroutine.
func (p *pending) gotConn(info httptrace.GotConnInfo) {
	p.conn = info.Conn
	if p.body != nil {
		p.body.sent.Store(true)
	}
	if c, ok := info.Conn.(*tls.Conn); ok && !p.early {
		// The connection may be another request's that goes out early; this one waits. What
		// becomes of the handshake, writing tells.
		_ = c.HandshakeContext(p.orig.Context())
	}
}

var errBodyUsed = errors.New("tlshttp: the request's body was used on a connection that ended, and cannot be sent again")

// rewind prepares for one more try. A body that was used by a try before, on a connection
// that turned out to be dead, is asked for again, as in net/http.
func (p *pending) rewind() error {
	if p.body == nil || !p.body.sent.Load() {
		return nil
	}
	if p.orig.GetBody == nil {
		return errBodyUsed
	}
	body, err := p.orig.GetBody()
	if err != nil {
		return err
	}
	p.body = &heldBody{ReadCloser: body}
	return nil
}

// end closes a body that no connection was found for: RoundTrip has to.
func (p *pending) end() {
	if p.body != nil && !p.body.sent.Swap(true) {
		_ = p.body.Close()
	}
}

// heldBody is a request's body that stays open until there is a connection to send it
// on. net/http closes it when it finds none.
type heldBody struct {
	io.ReadCloser
	sent atomic.Bool
}

func (b *heldBody) Close() error {
	if !b.sent.Load() {
		return nil
	}
	return b.ReadCloser.Close()
}
