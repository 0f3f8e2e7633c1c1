package tlshttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/akushu/akushu/tls"
)

// listener is a listener whose connections have shaken hands, and said what they speak.
// net/http accepts from it. Each handshake runs on a goroutine of its own, which ends with
// it.
type listener struct {
	net.Listener
	srv   *http.Server
	base  context.Context // of the handshakes; set before the first Accept
	http2 bool            // net/http takes connections of HTTP/2; set by the first Accept

	start  sync.Once
	ready  chan accepted
	finish sync.Once
	closed chan struct{}
}

// accepted is what an Accept returns.
type accepted struct {
	conn net.Conn
	err  error
}

func newListener(srv *http.Server, ln net.Listener) *listener {
	return &listener{
		Listener: ln,
		srv:      srv,
		base:     context.Background(),
		ready:    make(chan accepted),
		closed:   make(chan struct{}),
	}
}

// Accept returns the next connection that has shaken hands, or the next error of the
// listener underneath. net/http knows which of these are temporary, and waits.
func (l *listener) Accept() (net.Conn, error) {
	l.start.Do(func() {
		// Not before, because net/http sets HTTP/2 up when it begins to serve.
		l.http2 = takesHTTP2(l.srv)
		go l.run()
	})
	select {
	case a := <-l.ready:
		return a.conn, a.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// takesHTTP2 reports whether srv, which is set up, takes connections of HTTP/2 that are
// not crypto/tls's.
func takesHTTP2(srv *http.Server) bool {
	p := protocolsOf(srv)
	return p.HTTP2() && p.UnencryptedHTTP2() && srv.TLSNextProto["unencrypted_http2"] != nil
}

// Close ends accepting, and the handshakes under way.
func (l *listener) Close() error {
	l.finish.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// run accepts until the listener is closed.
func (l *listener) run() {
	ctx, cancel := context.WithCancel(context.WithValue(l.base, http.ServerContextKey, l.srv))
	defer cancel()
	for {
		c, err := l.Listener.Accept()
		if err == nil {
			go l.welcome(ctx, c)
		} else if !l.deliver(accepted{err: err}) {
			return
		}
	}
}

// deliver hands a over to Accept; false says that nobody accepts any more.
func (l *listener) deliver(a accepted) bool {
	select {
	case l.ready <- a:
		return true
	case <-l.closed:
		return false
	}
}

// welcome makes c ready for net/http, and hands it over.
func (l *listener) welcome(ctx context.Context, c net.Conn) {
	delivered := false
	defer func() {
		if !delivered {
			_ = c.Close()
		}
	}()
	conn, ok := c.(*tls.Conn)
	if !ok {
		l.deliver(accepted{err: fmt.Errorf("tlshttp: the listener's connections are %T, not akushu's *tls.Conn", c)})
		return
	}
	ready, err := l.prepare(context.WithValue(ctx, http.LocalAddrContextKey, c.LocalAddr()), conn)
	switch {
	case err == nil:
		delivered = l.deliver(accepted{conn: ready})
	case ctx.Err() == nil && err != errNoRequest:
		l.logf("http: %v", err)
	}
}

// prepare shakes hands, and returns the connection in the form in which net/http serves
// what was negotiated.
func (l *listener) prepare(ctx context.Context, conn *tls.Conn) (net.Conn, error) {
	ready, err := l.handshake(ctx, conn)
	if err != nil {
		return nil, err
	}
	proto := conn.ConnectionState().NegotiatedProtocol
	switch {
	case proto == "" || proto == protoHTTP1 || proto == "http/1.0":
		return ready, nil
	case proto == protoHTTP2 && l.http2:
		return newHTTP2Conn(ctx, ready)
	}
	return nil, fmt.Errorf("%v negotiated %q, which the server does not speak", conn.RemoteAddr(), proto)
}

// handshake shakes hands within the server's timeouts. A panic of a callback, such as
// GetCertificate, is an error of this connection, and of no other. Where a client sends
// early data, the rest of the handshake takes place while that is answered.
func (l *listener) handshake(ctx context.Context, conn *tls.Conn) (ready secured, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic serving %v: %v\n%s", conn.RemoteAddr(), p, debug.Stack())
		}
	}()
	if limit := handshakeTimeout(l.srv); limit > 0 {
		_ = conn.SetDeadline(time.Now().Add(limit))
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit+grace)
		defer cancel()
	}
	early, err := conn.EarlyData(ctx)
	if err != nil {
		return nil, fmt.Errorf("TLS handshake error from %v: %w", conn.RemoteAddr(), answerPlainHTTP(err))
	}
	if ready = conn; early != nil {
		ready = early.Conn()
	}
	return ready, ready.SetDeadline(time.Time{})
}

// secured is a *tls.Conn, or a *tls.EarlyConn.
type secured interface {
	net.Conn
	ConnectionState() tls.ConnectionState
}

// grace is by how much a handshake's context outlasts its deadline, of which only reading and
// writing hear: what fails then says so, and the context is for callbacks and for private keys
// that live elsewhere.
const grace = time.Second

// handshakeTimeout is the shortest of srv's timeouts that are set, as in net/http; 0 is
// none.
func handshakeTimeout(srv *http.Server) time.Duration {
	var shortest time.Duration
	for _, d := range []time.Duration{srv.ReadHeaderTimeout, srv.ReadTimeout, srv.WriteTimeout} {
		if d > 0 && (shortest == 0 || d < shortest) {
			shortest = d
		}
	}
	return shortest
}

func (l *listener) logf(format string, args ...any) {
	if l.srv.ErrorLog != nil {
		l.srv.ErrorLog.Printf(format, args...)
		return
	}
	log.Printf(format, args...)
}

const (
	plainHTTPAnswer = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
	// The rest of a request is read for so long, and so much of it, before the connection
	// is closed: TCP would reset it otherwise, and the client might not see the answer.
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 256 << 10
)

// errPlainHTTP is net/http's wording.
var errPlainHTTP = errors.New("client sent an HTTP request to an HTTPS server")

// answerPlainHTTP answers a client that sent an HTTP request instead of a ClientHello, if
// that is why the handshake failed, and returns why it failed.
func answerPlainHTTP(err error) error {
	var header tls.RecordHeaderError
	if !errors.As(err, &header) || header.Conn == nil || !looksLikeHTTP(header.RecordHeader) {
		return err
	}
	c := header.Conn
	_ = c.SetDeadline(time.Now().Add(lingerTime))
	_, _ = io.WriteString(c, plainHTTPAnswer)
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_, _ = io.CopyN(io.Discard, c, lingerBytes)
	return errPlainHTTP
}

// looksLikeHTTP reports whether the first bytes of a connection are those of a request.
func looksLikeHTTP(header [5]byte) bool {
	switch string(header[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH", "CONNE", "TRACE":
		return true
	}
	return false
}
