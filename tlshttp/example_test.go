package tlshttp_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"time"

	"github.com/akushu/akushu/tls"
	"github.com/akushu/akushu/tlshttp"
)

// A server and a client, both over akushu's TLS. In real life the certificate comes from
// tls.LoadX509KeyPair, and a client trusts the system's roots with RootCAs left out.
func Example() {
	cert, roots := exampleIdentity()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{cert},
		NextProtos:   tlshttp.NextProtos, // h2 and http/1.1
	})
	if err != nil {
		log.Fatal(err)
	}
	srv := &http.Server{
		ReadHeaderTimeout: 10 * time.Second, // for the handshake too
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s over %s", r.Proto, tls.VersionName(r.TLS.Version))
		}),
	}
	served := make(chan error, 1)
	go func() { served <- tlshttp.Serve(srv, ln) }()

	transport := tlshttp.Transport(&tls.Config{RootCAs: roots})
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	resp, err := client.Get("https://" + ln.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(body))
	fmt.Println(resp.TLS.NegotiatedProtocol)

	// What is in flight is finished, then Shutdown returns.
	if err := srv.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-served)
	// Output:
	// HTTP/2.0 over TLS 1.3
	// h2
	// http: Server closed
}

// A transport with settings of its own, for a client that talks to few hosts a lot, in
// HTTP/1 only.
func ExampleTransportFrom() {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.Proxy = nil
	base.MaxIdleConnsPerHost = 100
	transport := tlshttp.TransportFrom(base, &tls.Config{NextProtos: []string{"http/1.1"}})

	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	_, err := client.Get("https://127.0.0.1:1") // where nobody listens
	fmt.Println(err != nil)
	// Output: true
}

// ExamplePrepare has one server answer on two ports, one of them in the clear.
func ExamplePrepare() {
	cert, _ := exampleIdentity()
	srv := &http.Server{Handler: http.NotFoundHandler()}
	tlshttp.Prepare(srv) // before srv serves anywhere

	ends := make(chan error, 2)
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		log.Fatal(err)
	}
	srv.Addr = "127.0.0.1:0"
	go func() { ends <- srv.ListenAndServe() }()
	go func() { ends <- tlshttp.Serve(srv, ln) }()

	srv.Close()
	fmt.Println(<-ends)
	fmt.Println(<-ends)
	// Output:
	// http: Server closed
	// http: Server closed
}

func exampleIdentity() (tls.Certificate, *x509.CertPool) { return identity() }
