// Package tlshttp makes net/http serve and speak HTTP/1 and HTTP/2 over akushu's TLS.
//
// net/http gives HTTP/2, the handshake timeout and the answer to a plain-HTTP client to
// crypto/tls's connections only. Serve and Transport make up for it:
//
//	ln, err := tls.Listen("tcp", ":443", &tls.Config{
//		Certificates: []tls.Certificate{cert},
//		NextProtos:   tlshttp.NextProtos,
//	})
//	...
//	err = tlshttp.Serve(&http.Server{Handler: mux}, ln)
//
//	client := &http.Client{Transport: tlshttp.Transport(&tls.Config{})}
//
// HTTP/2 is net/http's own: it is told that a handshaken connection on which h2 was
// negotiated speaks HTTP/2 with prior knowledge, so that timeouts, Shutdown and
// ConnState work as they do there.
package tlshttp

import (
	"context"
	stdtls "crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/akushu/akushu/tls"
)

// NextProtos is what a server or client of HTTP/2 and HTTP/1 offers by ALPN.
var NextProtos = []string{"h2", "http/1.1"}

// Serve serves HTTP on the connections of ln, which must be of akushu's package tls: what
// [tls.Listen] or [tls.NewListener] returned. It returns http.ErrServerClosed after
// Shutdown or Close of srv, which drain and end both protocols, else the listener's error.
//
// Each connection is handshaken under the shortest of srv's ReadHeaderTimeout, ReadTimeout
// and WriteTimeout. A client that speaks plain HTTP gets a 400 that says so. Handlers see
// Request.TLS.
//
// Serve prepares srv once: it wraps Handler and ConnContext, and adds unencrypted HTTP/2
// to Protocols where HTTP/2 is allowed, which a plain listener of the same srv
// then speaks too.
func Serve(srv *http.Server, ln net.Listener) error {
	prepare(srv)
	shaker := newShaker(srv, ln)
	go shaker.run()
	err := srv.Serve(shaker)
	shaker.Close()
	shaker.wait()
	return err
}

// ListenAndServe listens on srv.Addr, or on :https if that is empty, and serves HTTP with
// cfg, to which h2 and http/1.1 are added where it names no protocols.
func ListenAndServe(srv *http.Server, cfg *tls.Config) error {
	addr := srv.Addr
	if addr == "" {
		addr = ":https"
	}
	if len(cfg.NextProtos) == 0 {
		cfg = cfg.Clone()
		cfg.NextProtos = NextProtos
	}
	ln, err := tls.Listen("tcp", addr, cfg)
	if err != nil {
		return err
	}
	return Serve(srv, ln)
}

var preparing sync.Mutex

// prepared marks a handler that prepare has wrapped.
type prepared struct{ http.Handler }

// prepare makes srv see our connections for what they are.
func prepare(srv *http.Server) {
	preparing.Lock()
	defer preparing.Unlock()
	if _, done := srv.Handler.(prepared); done {
		return
	}
	handler := srv.Handler
	if handler == nil {
		handler = http.DefaultServeMux
	}
	srv.Handler = prepared{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if state, ok := r.Context().Value(stateKey{}).(*stdtls.ConnectionState); ok && r.TLS == nil {
			r.TLS = state
		}
		handler.ServeHTTP(w, r)
	})}
	before := srv.ConnContext
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if h2, ok := c.(*h2Conn); ok {
			ctx, c = context.WithValue(ctx, stateKey{}, &h2.state), h2.Conn
		}
		if before != nil {
			ctx = before(ctx, c)
		}
		return ctx
	}
	if srv.TLSNextProto == nil {
		allowHTTP2(srv)
	}
}

func allowHTTP2(srv *http.Server) {
	if srv.Protocols == nil {
		srv.Protocols = new(http.Protocols)
		srv.Protocols.SetHTTP1(true)
		srv.Protocols.SetHTTP2(true)
	}
	if srv.Protocols.HTTP2() {
		srv.Protocols.SetUnencryptedHTTP2(true)
	}
}

// stateKey is where a request's context has the state of its HTTP/2 connection.
type stateKey struct{}

// h2Conn is a connection on which h2 was negotiated. It hides ConnectionState from
// net/http, which would take it for HTTP/1 otherwise.
type h2Conn struct {
	net.Conn
	state stdtls.ConnectionState
}

// shaker is a listener whose connections have shaken hands.
type shaker struct {
	net.Listener
	srv    *http.Server
	ready  chan net.Conn
	closed chan struct{}
	once   sync.Once
	err    error // of the listener, before closed is closed

	mu      sync.Mutex
	shaking map[net.Conn]struct{}
	running sync.WaitGroup
}

func newShaker(srv *http.Server, ln net.Listener) *shaker {
	return &shaker{
		Listener: ln,
		srv:      srv,
		ready:    make(chan net.Conn),
		closed:   make(chan struct{}),
		shaking:  make(map[net.Conn]struct{}),
	}
}

// Accept returns the next connection that has shaken hands.
func (s *shaker) Accept() (net.Conn, error) {
	select {
	case c := <-s.ready:
		return c, nil
	case <-s.closed:
		return nil, s.err
	}
}

// Close ends accepting, and the handshakes under way, which carry no request yet.
func (s *shaker) Close() error {
	s.stop(net.ErrClosed)
	return s.Listener.Close()
}

func (s *shaker) stop(err error) {
	s.once.Do(func() {
		s.err = err
		close(s.closed)
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.shaking {
			c.Close()
		}
	})
}

// wait waits until all goroutines have ended.
func (s *shaker) wait() { s.running.Wait() }

// maxAcceptDelay bounds how long accepting pauses after an error that may pass, such as
// too many open files.
const maxAcceptDelay = time.Second

func (s *shaker) run() {
	s.running.Add(1)
	defer s.running.Done()
	delay := 5 * time.Millisecond
	for {
		c, err := s.Listener.Accept()
		var temporary interface{ Temporary() bool }
		if errors.As(err, &temporary) && temporary.Temporary() {
			s.logf("tlshttp: accept: %v; again in %v", err, delay)
			time.Sleep(delay)
			delay = min(2*delay, maxAcceptDelay)
			continue
		}
		if err != nil {
			s.stop(err)
			return
		}
		delay = 5 * time.Millisecond
		s.running.Add(1)
		go s.serve(c)
	}
}

// serve shakes hands on c and passes it on.
func (s *shaker) serve(c net.Conn) {
	defer s.running.Done()
	conn, ok := c.(*tls.Conn)
	if !ok {
		s.logf("tlshttp: %T is no connection of akushu's package tls", c)
		c.Close()
		return
	}
	if !s.track(c) {
		c.Close()
		return
	}
	err := s.handshake(conn)
	s.untrack(c)
	if err != nil {
		s.logf("tlshttp: TLS handshake error from %v: %v", c.RemoteAddr(), err)
		c.Close()
		return
	}
	state := conn.ConnectionState()
	if state.NegotiatedProtocol == "h2" && s.srv.Protocols != nil && s.srv.Protocols.UnencryptedHTTP2() {
		c = &h2Conn{conn, state}
	}
	select {
	case s.ready <- c:
	case <-s.closed:
		c.Close()
	}
}

// handshake runs the handshake under the server's timeouts. A panic of a callback, such
// as GetCertificate, ends this connection and no other.
func (s *shaker) handshake(conn *tls.Conn) (err error) {
	defer func() {
		if r := recover(); r != nil && r != http.ErrAbortHandler {
			err = errors.New("panic: " + sprint(r))
		}
	}()
	timeout := handshakeTimeout(s.srv)
	if timeout > 0 {
		conn.SetDeadline(time.Now().Add(timeout))
	}
	err = conn.Handshake()
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) && plain.Conn != nil && looksLikeHTTP(plain.RecordHeader) {
		_, _ = io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
		return errors.New("client sent an HTTP request to an HTTPS server")
	}
	if err == nil && timeout > 0 {
		conn.SetDeadline(time.Time{})
	}
	return err
}

// track remembers c while it shakes hands; false says that it is too late for that.
func (s *shaker) track(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
		return false
	default:
	}
	s.shaking[c] = struct{}{}
	return true
}

func (s *shaker) untrack(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.shaking, c)
}

func (s *shaker) logf(format string, args ...any) {
	if s.srv.ErrorLog != nil {
		s.srv.ErrorLog.Printf(format, args...)
		return
	}
	log.Printf(format, args...)
}

// handshakeTimeout is the shortest of srv's timeouts that are set, as in net/http.
func handshakeTimeout(srv *http.Server) time.Duration {
	var shortest time.Duration
	for _, d := range []time.Duration{srv.ReadHeaderTimeout, srv.ReadTimeout, srv.WriteTimeout} {
		if d > 0 && (shortest == 0 || d < shortest) {
			shortest = d
		}
	}
	return shortest
}

// looksLikeHTTP reports whether the first bytes of a connection are those of a request.
func looksLikeHTTP(header [5]byte) bool {
	switch string(header[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH", "CONNE", "TRACE":
		return true
	}
	return false
}
