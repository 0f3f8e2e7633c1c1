package tlshttp_test

import (
	"bytes"
	"context"
	"crypto/rand"
	std "crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/pki"
	"github.com/akushu/akushu/tls"
	"github.com/akushu/akushu/tlshttp"
)

// TestMain fails the package's tests if they leave a goroutine of ours, or of net/http,
// behind.
func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if left := goroutines(); code == 0 && left != "" {
		os.Stderr.WriteString("goroutines are left:\n" + left)
		code = 1
	}
	os.Exit(code)
}

// goroutines returns the stacks of goroutines that run our code or net/http's, after
// giving them time to end.
func goroutines() string {
	var left string
	for range 150 {
		left = ""
		for s := range strings.SplitSeq(goroutineStacks(), "\n\n") {
			ours := strings.Contains(s, "akushu/tls") || strings.Contains(s, "net/http.")
			if ours && !strings.Contains(s, "TestMain") {
				left += s + "\n\n"
			}
		}
		if left == "" {
			return ""
		}
		time.Sleep(20 * time.Millisecond)
	}
	return left
}

func goroutineStacks() string {
	buf := make([]byte, 4<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// identity is the certificate of all servers here, and the pool that trusts it.
var identity = sync.OnceValues(func() (std.Certificate, *x509.CertPool) {
	key, err := pki.GenerateKey("ecdsa-p256")
	if err != nil {
		panic(err)
	}
	id, err := pki.SelfSigned(pki.Env{Now: time.Now, Rand: rand.Reader}, pki.Request{Key: key, Names: []string{"localhost", "127.0.0.1"}})
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(id.Leaf())
	return std.Certificate{Certificate: id.DER(), PrivateKey: id.Key, Leaf: id.Leaf()}, pool
})

// logs is what a server wrote to its ErrorLog.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// wait waits until text was logged.
func (l *logs) wait(t *testing.T, text string) {
	t.Helper()
	eventually(t, func() bool { return strings.Contains(l.String(), text) }, func() string {
		return "the log is " + l.String() + ", want in it: " + text
	})
}

// eventually waits until ok, for some seconds.
func eventually(t *testing.T, ok func() bool, otherwise func() string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(otherwise())
		}
	}
}

// server is a running server.
type server struct {
	*http.Server
	addr   string
	log    *logs
	served chan error // what Serve returned
	conns  *countingListener
}

// countingListener counts what it accepts.
type countingListener struct {
	net.Listener
	mu sync.Mutex
	n  int
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		l.n++
		l.mu.Unlock()
	}
	return c, err
}

func (l *countingListener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// stack is one of the two ways to serve HTTPS: net/http's own, or ours.
type stack struct {
	name  string
	serve func(srv *http.Server, ln net.Listener, version uint16, protos []string) error
}

var (
	theirs = stack{"crypto/tls", func(srv *http.Server, ln net.Listener, version uint16, protos []string) error {
		cert, _ := identity()
		return srv.Serve(std.NewListener(ln, &std.Config{
			Certificates: []std.Certificate{cert}, NextProtos: protos, MinVersion: version, MaxVersion: version,
		}))
	}}
	ours = stack{"akushu", func(srv *http.Server, ln net.Listener, version uint16, protos []string) error {
		return tlshttp.Serve(srv, tls.NewListener(ln, serverConfig(version, protos)))
	}}
)

// serverConfig is ours. Version 0 is any.
func serverConfig(version uint16, protos []string) *tls.Config {
	cert, _ := identity()
	return &tls.Config{
		Certificates: []tls.Certificate{cert}, NextProtos: protos, MinVersion: version, MaxVersion: version,
	}
}

// start runs srv until the test ends.
func (s stack) start(t *testing.T, srv *http.Server, version uint16, protos []string) *server {
	t.Helper()
	return start(t, srv, func(ln net.Listener) error { return s.serve(srv, ln, version, protos) })
}

func start(t *testing.T, srv *http.Server, serve func(net.Listener) error) *server {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &server{Server: srv, addr: inner.Addr().String(), log: new(logs), served: make(chan error, 1)}
	r.conns = &countingListener{Listener: inner}
	if srv.ErrorLog == nil {
		srv.ErrorLog = log.New(r.log, "", 0)
	}
	go func() { r.served <- serve(r.conns) }()
	t.Cleanup(func() { srv.Close() })
	return r
}

// serveOurs runs srv over our TLS, both versions of TLS and HTTP allowed.
func serveOurs(t *testing.T, srv *http.Server) *server {
	t.Helper()
	return ours.start(t, srv, 0, tlshttp.NextProtos)
}

// client is net/http's client over crypto/tls, in one version of HTTP.
func client(t *testing.T, http2 bool) *http.Client {
	t.Helper()
	_, pool := identity()
	cfg := &std.Config{RootCAs: pool}
	if !http2 {
		cfg.NextProtos = []string{"http/1.1"}
	}
	tr := &http.Transport{TLSClientConfig: cfg, Protocols: new(http.Protocols)}
	tr.Protocols.SetHTTP1(!http2)
	tr.Protocols.SetHTTP2(http2)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

// dial makes a TLS connection to a server, with crypto/tls.
func dial(t *testing.T, addr string, protos ...string) *std.Conn {
	t.Helper()
	_, pool := identity()
	c, err := std.Dial("tcp", addr, &std.Config{RootCAs: pool, ServerName: "localhost", NextProtos: protos})
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(20 * time.Second))
	t.Cleanup(func() { c.Close() })
	return c
}

// get makes a request, and returns the body.
func get(t *testing.T, c *http.Client, url string) (*http.Response, string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// versions runs a test for HTTP/1 and HTTP/2.
func versions(t *testing.T, f func(t *testing.T, http2 bool)) {
	t.Helper()
	for name, http2 := range map[string]bool{"http1": false, "http2": true} {
		t.Run(name, func(t *testing.T) { f(t, http2) })
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}
