// Package tlshttp makes net/http serve and speak HTTP/1 and HTTP/2 over akushu's TLS.
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
// net/http knows one TLS, crypto/tls: only on its connections does it shake hands, look
// at ALPN, answer a client that speaks plain HTTP, and serve HTTP/2. This package does
// the first three itself. The fourth it leaves to net/http, which can be asked for HTTP/2
// without a TLS that it knows: a connection that has shaken hands and negotiated h2 is
// handed over as one of unencrypted HTTP/2 with prior knowledge (RFC 9113 §3.3). So there
// is one HTTP/2, with one set of settings, and Shutdown, timeouts and ConnState work as
// they do there. A server for which golang.org/x/net/http2 was configured uses that one.
//
// # Servers
//
// [Serve] takes the place of [http.Server.Serve] behind a TLS listener, and a handler
// cannot tell the two apart. What is done to the http.Server for that is said at
// [Prepare]. What remains different:
//
//   - ConnContext is called, and ConnState reports StateNew, after the handshake. A
//     connection that never completes one is seen by neither. Both are given akushu's
//     *tls.Conn, for HTTP/2 too.
//   - During the handshake, the context that a callback finds in ClientHelloInfo has what
//     BaseContext put there, and nothing of ConnContext.
//   - Shutdown ends handshakes that are under way. They have brought no request yet.
//   - TLSConfig, ServeTLS and ListenAndServeTLS are crypto/tls's. The configuration of
//     Serve is the listener's.
//   - A function in TLSNextProto is given a crypto/tls connection, which is not what we
//     have. A connection whose ALPN is neither HTTP/1 nor HTTP/2 is closed after the
//     handshake, which is all that acme-tls/1 needs.
//   - GODEBUG=http2server=0 and http2client=0 turn net/http's HTTP/2 off, so that NextProtos
//     should then be "http/1.1" alone.
//
// # Clients
//
// [Transport] takes the place of an [http.Transport], [TransportFrom] of one with settings
// of its own. A [RoundTripper] does not know what a server speaks until the handshake is over, while
// an [http.Transport] has to know before it dials, unless the TLS is crypto/tls's. So
// there are two inside, one for each version, that dial through the same function: a
// connection that turns out to speak the other's version is put aside, and the request is
// made again there, where that connection is the first to be taken. Nothing was sent
// before, and a request's body was neither read nor closed. Which version a host spoke
// last is remembered.
//
// net/http lets no TLS but its own run through a proxy, so requests to https:// use none.
package tlshttp

// NextProtos is what a server or client of HTTP/2 and HTTP/1 offers by ALPN, in order of
// preference. It must not be changed.
var NextProtos = []string{protoHTTP2, protoHTTP1}

// The names of ALPN (RFC 9113 §3.1, RFC 7301 §6).
const (
	protoHTTP2 = "h2"
	protoHTTP1 = "http/1.1"
)
