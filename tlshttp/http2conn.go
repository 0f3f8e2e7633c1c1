package tlshttp

import (
	"errors"
	"fmt"
	"io"
	"net"
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
	net.Conn        // a *tls.Conn
	preface  string // what of it net/http has not read yet
}

// errNoRequest is a client that went away, or stayed silent, after the handshake. Nobody is
// told of it, as in net/http.
var errNoRequest = errors.New("nothing was asked")

// newHTTP2Conn takes the preface from conn.
func newHTTP2Conn(conn *tls.Conn) (net.Conn, error) {
	var got [len(http2Preface)]byte
	_ = conn.SetReadDeadline(time.Now().Add(prefaceTimeout))
	if _, err := io.ReadFull(conn, got[:]); err != nil {
		return nil, errNoRequest
	}
	if string(got[:]) != http2Preface {
		return nil, fmt.Errorf("%v negotiated h2, but speaks something else: %q", conn.RemoteAddr(), got)
	}
	return &http2Conn{conn, http2Preface}, conn.SetReadDeadline(time.Time{})
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

func (c *http2Conn) tls() *tls.Conn { return c.Conn.(*tls.Conn) }

// revealed is the connection that stands for c outside of this package.
func revealed(c net.Conn) net.Conn {
	if h2, ok := c.(*http2Conn); ok {
		return h2.Conn
	}
	return c
}
