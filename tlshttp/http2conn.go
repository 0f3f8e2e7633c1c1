package tlshttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/akushu/akushu/tls"
)

// http2Preface is what a client sends first on a connection of HTTP/2 (RFC 9113 §3.4).
const http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// prefaceTimeout is how long the preface may take, as in net/http.
const prefaceTimeout = 10 * time.Second

// http2Conn is a connection on which h2 was negotiated, in the form in which net/http
// serves it. It has no ConnectionState, by which net/http would take it for HTTP/1, and it
// begins with the preface, without which net/http would go on in HTTP/1: ALPN must not be
// contradicted (RFC 7301 §3.2).
type http2Conn struct {
	net.Conn        // a secured
	preface  string // what of it net/http has not read yet
}

// errNoRequest is a client that went away, or stayed silent, after the handshake. Nobody is
// told of it, as in net/http.
var errNoRequest = errors.New("nothing was asked")

// goAway is the frame that says INADEQUATE_SECURITY before any stream (RFC 9113 §6.8, §7).
const goAway = "\x00\x00\x08\x07\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x0c"

// newHTTP2Conn takes the preface from conn, unless ctx ends before. It refuses what is too weak for HTTP/2, as
// net/http would if it saw the TLS.
func newHTTP2Conn(ctx context.Context, conn secured) (net.Conn, error) {
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	var got [len(http2Preface)]byte
	_ = conn.SetReadDeadline(time.Now().Add(prefaceTimeout))
	if _, err := io.ReadFull(conn, got[:]); err != nil {
		return nil, errNoRequest
	}
	if string(got[:]) != http2Preface {
		return nil, fmt.Errorf("%v negotiated h2, but speaks something else: %q", conn.RemoteAddr(), got)
	}
	if s := conn.ConnectionState(); tooWeak(s.Version, s.CipherSuite) {
		_, _ = io.WriteString(conn, goAway)
		return nil, fmt.Errorf("%v negotiated h2 with %s and %s, which HTTP/2 forbids (RFC 9113 §9.2)",
			conn.RemoteAddr(), tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite))
	}
	return &http2Conn{conn, http2Preface}, conn.SetReadDeadline(time.Time{})
}

// tooWeak reports whether HTTP/2 forbids a version, or in TLS 1.2 a cipher suite: all but
// those with an ephemeral key exchange and authenticated encryption (RFC 9113 §9.2.2).
func tooWeak(version, suite uint16) bool {
	if version >= tls.VersionTLS13 {
		return false
	}
	name := tls.CipherSuiteName(suite)
	contains := func(part string) bool { return strings.Contains(name, part) }
	ephemeral := strings.HasPrefix(name, "TLS_ECDHE_") || strings.HasPrefix(name, "TLS_DHE_")
	authenticated := slices.ContainsFunc([]string{"_GCM_", "_CCM", "_CHACHA20_POLY1305"}, contains)
	return version < tls.VersionTLS12 || !ephemeral || !authenticated
}

// Read returns the preface, and then what comes after it.
func (c *http2Conn) Read(b []byte) (int, error) {
	if c.preface == "" {
		return c.Conn.Read(b)
	}
	n := copy(b, c.preface)
	c.preface = c.preface[n:]
	return n, nil
}

// state is what was negotiated.
func (c *http2Conn) state() tls.ConnectionState { return c.Conn.(secured).ConnectionState() }

// revealed is the connection that stands for c outside of this package.
func revealed(c net.Conn) net.Conn {
	if h2, ok := c.(*http2Conn); ok {
		c = h2.Conn
	}
	if early, ok := c.(*tls.EarlyConn); ok {
		c = early.Conn
	}
	return c
}
