package tlshttp

import (
	"context"
	stdtls "crypto/tls"
	"net"
	"net/http"
	"sync"

	"github.com/akushu/akushu/tls"
)

// Serve serves HTTP on the connections of ln, which must be those of akushu's package
// tls: ln is what [tls.Listen] or [tls.NewListener] returned. It always returns an error
// and closes ln: http.ErrServerClosed after Shutdown or Close of srv, else what ended the
// listener. HTTP/2 is spoken with clients that negotiated h2, for which NextProtos of the
// listener's configuration must have it.
//
// As in net/http, a handshake may take as long as the shortest of srv's
// ReadHeaderTimeout, ReadTimeout and WriteTimeout; one that fails is logged, and so is a
// panic in a callback such as GetCertificate, which ends that connection only. A client
// that speaks plain HTTP gets a 400 that says so.
//
// A request that comes as early data, where the listener's configuration has MaxEarlyData,
// gets to the handler at once with the header Early-Data: 1 if its method is safe, and is
// answered with 425 if not (RFC 8470). The header says that somebody may have recorded the
// request and played it again; a handler that minds answers 425, or calls
// [WaitForHandshake].
//
// Serve calls [Prepare]. It may run for several listeners at once.
func Serve(srv *http.Server, ln net.Listener) error {
	Prepare(srv)
	return srv.Serve(newListener(srv, ln))
}

// ListenAndServe listens on srv.Addr, or on :https if that is empty, and calls [Serve].
// Where cfg names no protocols, those of srv.Protocols are added to a copy of it.
func ListenAndServe(srv *http.Server, cfg *tls.Config) error {
	addr := srv.Addr
	if addr == "" {
		addr = ":https"
	}
	if cfg != nil && len(cfg.NextProtos) == 0 {
		cfg = cfg.Clone()
		cfg.NextProtos = nextProtos(protocolsOf(srv))
	}
	ln, err := tls.Listen("tcp", addr, cfg)
	if err != nil {
		return err
	}
	return Serve(srv, ln)
}

// nextProtos is what a server of p offers.
func nextProtos(p http.Protocols) []string {
	var names []string
	if p.HTTP2() {
		names = append(names, protoHTTP2)
	}
	if p.HTTP1() {
		names = append(names, protoHTTP1)
	}
	return names
}

// protocolsOf is what srv speaks over TLS. Where Protocols is nil, TLSNextProto without h2
// turns HTTP/2 off.
func protocolsOf(srv *http.Server) http.Protocols {
	if srv.Protocols != nil {
		return *srv.Protocols
	}
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetHTTP2(srv.TLSNextProto == nil || srv.TLSNextProto[protoHTTP2] != nil)
	return p
}

var preparing sync.Mutex

// Prepare makes srv see our listeners and connections for what they are. [Serve] calls
// it. Whoever also has srv serve elsewhere, a plain listener for instance, calls it before
// that, because it changes fields that a running server reads. To call it again does
// nothing.
//
// It wraps Handler, so that Request.TLS is set on HTTP/2 too, and BaseContext, ConnContext
// and ConnState where they are set, so that these are given what they would be given of
// crypto/tls. It does not touch what it wraps. Where Protocols has HTTP/2, or is nil and
// nothing else turned HTTP/2 off, it is replaced by a copy that also has unencrypted
// HTTP/2. A plain listener of srv speaks that as well then; who does not want it gives the
// plain listener a server of its own.
func Prepare(srv *http.Server) {
	preparing.Lock()
	defer preparing.Unlock()
	if _, done := srv.Handler.(handler); done {
		return
	}
	srv.Handler = handler{srv.Handler}
	srv.ConnContext = connContext(srv.ConnContext)
	if user := srv.BaseContext; user != nil {
		srv.BaseContext = baseContext(user)
	}
	if user := srv.ConnState; user != nil {
		srv.ConnState = func(c net.Conn, s http.ConnState) { user(revealed(c), s) }
	}
	if p := protocolsOf(srv); p.HTTP2() {
		p.SetUnencryptedHTTP2(true)
		srv.Protocols = &p
	}
}

// handler is the handler of a server that is prepared. The one inside may be nil, which
// is http.DefaultServeMux.
type handler struct{ inner http.Handler }

// ServeHTTP sets Request.TLS where net/http saw no TLS.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.TLS == nil {
		r.TLS, _ = r.Context().Value(stateKey{}).(*stdtls.ConnectionState)
	}
	inner := h.inner
	if inner == nil {
		inner = http.DefaultServeMux
	}
	if admit(w, r) {
		inner.ServeHTTP(w, r)
	}
}

// stateKey is where the context of an HTTP/2 connection has its *ConnectionState.
type stateKey struct{}

// connContext notes the state of the connections on which net/http sees no TLS. The
// user's function may be nil.
func connContext(user func(context.Context, net.Conn) context.Context) func(context.Context, net.Conn) context.Context {
	return func(ctx context.Context, c net.Conn) context.Context {
		ctx = withEarly(ctx, c)
		if h2, ok := c.(*http2Conn); ok {
			state := h2.state()
			ctx = context.WithValue(ctx, stateKey{}, &state)
		}
		if user == nil {
			return ctx
		}
		return user(ctx, revealed(c))
	}
}

// baseContext asks the user's function about the listener that was given to [Serve], and
// lets that have the answer too, for the handshakes.
func baseContext(user func(net.Listener) context.Context) func(net.Listener) context.Context {
	return func(ln net.Listener) context.Context {
		ours, ok := ln.(*listener)
		if !ok {
			return user(ln)
		}
		ctx := user(ours.Listener)
		if ctx != nil { // net/http panics then, in its own words
			ours.base = ctx
		}
		return ctx
	}
}
