package tlshttp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/akushu/akushu/tls"
)

// Early data in HTTP (RFC 8470): who records a request can play it to the server again, so
// only methods that do no harm are for it, and each end can ask for the handshake first.

// earlyHeader tells a handler that a request may have been played by somebody else.
const earlyHeader = "Early-Data"

// safe reports whether a method is safe (RFC 9110 §9.2.1).
func safe(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// earlyKey is where the context of a connection with early data has its *tls.Conn.
type earlyKey struct{}

// withEarly notes c in ctx, if early data was accepted on it.
func withEarly(ctx context.Context, c net.Conn) context.Context {
	if h2, ok := c.(*http2Conn); ok {
		c = h2.Conn
	}
	if early, ok := c.(*tls.EarlyConn); ok {
		return context.WithValue(ctx, earlyKey{}, early.Conn)
	}
	return ctx
}

// isEarly reports whether a request came before the end of a handshake that has not ended
// yet. Once it has, nobody else can have played the request.
func isEarly(r *http.Request) bool {
	c, ok := r.Context().Value(earlyKey{}).(*tls.Conn)
	return ok && !c.ConnectionState().HandshakeComplete
}

// admit decides about a request that came early: a safe one goes to the handler with the
// header Early-Data, any other is answered with 425 (RFC 8470 §5).
func admit(w http.ResponseWriter, r *http.Request) bool {
	if !isEarly(r) {
		return true
	}
	if !safe(r.Method) {
		http.Error(w, "425 too early", http.StatusTooEarly)
		return false
	}
	r.Header.Set(earlyHeader, "1")
	return true
}

// WaitForHandshake returns when the handshake of a request's connection is complete, at once
// where it was before. A handler that has nothing to do with early data calls it first:
// after it, nobody else can have played the request. It is an alternative to answering 425
// where the header Early-Data is set.
func WaitForHandshake(r *http.Request) error {
	c, ok := r.Context().Value(earlyKey{}).(*tls.Conn)
	if !ok {
		return nil
	}
	if err := c.HandshakeContext(r.Context()); err != nil {
		return err
	}
	r.Header.Del(earlyHeader)
	return nil
}

// earlyConfigs is the configurations to send early data with, by those without.
type earlyConfigs map[*tls.Config]*tls.Config

// SendEarly has t send requests early, where it has a session with the server that allows
// it: before the handshake of a new connection is complete. That saves a round trip. Only
// requests with a safe method and without a body are sent so, since who records one can play
// it to the server again; one that the server rejects, or answers with 425, is sent again once
// the handshake is complete. It is to be called before the first request.
func (t *RoundTripper) SendEarly() {
	t.early = earlyConfigs{}
	for _, cfg := range []*tls.Config{t.config, t.http1} {
		early := cfg.Clone()
		early.ReplayEarlyData = true // a safe request does no harm if it comes twice
		t.early[cfg] = early
	}
}

// maybeEarlyKey marks the context of a request that may go out early.
type maybeEarlyKey struct{}

// mayBeEarly reports whether a connection is dialled for such a request.
func mayBeEarly(ctx context.Context) bool { return ctx.Value(maybeEarlyKey{}) != nil }

// tooEarly reports whether a request that may have gone out early has to be sent again: it
// was rejected for good, or the server wants it later (RFC 8470 §5.2).
func tooEarly(resp *http.Response, err error) bool {
	if err != nil {
		return errors.Is(err, tls.ErrEarlyDataRejected)
	}
	return resp.StatusCode == http.StatusTooEarly
}

// maxDiscard bounds what is read of an answer that nobody wants, so that its connection can be
// used again, in bytes.
const maxDiscard = 64 << 10

func discard(resp *http.Response) {
	if resp != nil {
		_, _ = io.CopyN(io.Discard, resp.Body, maxDiscard)
		_ = resp.Body.Close()
	}
}
