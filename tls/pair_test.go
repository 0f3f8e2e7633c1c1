package tls_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	std "crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/observe"
	"github.com/akushu/akushu/tls"
)

// TestMain fails the package's tests if they leave a goroutine of ours behind.
func TestMain(m *testing.M) {
	if told := os.Getenv(processEnv); told != "" {
		if err := serveProcess(told); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if left := goroutines(); code == 0 && left != "" {
		os.Stderr.WriteString("goroutines are left:\n" + left)
		code = 1
	}
	os.Exit(code)
}

// goroutines returns the stacks of goroutines that run our code, after giving them time to
// end.
func goroutines() string {
	var left string
	for range 100 {
		buf := make([]byte, 1<<20)
		stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
		left = ""
		for _, s := range stacks {
			if strings.Contains(s, "akushu/tls.(") && !strings.Contains(s, "TestMain") {
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

// conn is what crypto/tls's connections and ours can do.
type conn interface {
	net.Conn
	Handshake() error
	HandshakeContext(context.Context) error
	CloseWrite() error
	NetConn() net.Conn
	ConnectionState() tls.ConnectionState
	VerifyHostname(string) error
	OCSPResponse() []byte
}

var (
	_ conn = (*tls.Conn)(nil)
	_ conn = (*std.Conn)(nil)
)

// stack is one of the two TLS stacks.
type stack struct {
	name   string
	client func(net.Conn) conn
	server func(net.Conn) conn
}

// newCert makes a self-signed certificate for localhost, and a pool that trusts it.
func newCert(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	return selfSigned(t, key, template)
}

// selfSigned makes a certificate that its own key signs, and a pool that trusts it.
func selfSigned(t testing.TB, key crypto.Signer, template *x509.Certificate) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// stacks returns crypto/tls and ours, configured alike.
func stacks(t testing.TB, version uint16) (theirs, ours stack) {
	t.Helper()
	cert, pool := newCert(t)
	stdConfig := &std.Config{
		Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost",
		MinVersion: version, MaxVersion: version, SessionTicketsDisabled: true,
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost",
		MinVersion: version, MaxVersion: version, SessionTicketsDisabled: true,
	}
	theirs = stack{
		"crypto/tls",
		func(c net.Conn) conn { return std.Client(c, stdConfig) },
		func(c net.Conn) conn { return std.Server(c, stdConfig) },
	}
	ours = stack{
		"akushu",
		func(c net.Conn) conn { return tls.Client(c, config) },
		func(c net.Conn) conn { return tls.Server(c, config) },
	}
	return theirs, ours
}

// insecure is a client of crypto/tls that trusts anybody.
func insecure(c net.Conn) conn { return std.Client(c, &std.Config{InsecureSkipVerify: true}) }

// A link is a way to join two ends. Every test that joins some runs over all of them: a
// connection that is watched behaves as one that is not.
type link struct {
	name string
	join func(testing.TB) (client, server net.Conn)
}

var links = []link{{"bare", loopback}, {"tapped", tapped}}

// tapped is a loopback with both ends watched.
func tapped(t testing.TB) (client, server net.Conn) {
	client, server = loopback(t)
	tap := observe.NewTap(observe.TapOptions{})
	return tap.Conn(client, observe.Client, 0), tap.Conn(server, observe.Server, 0)
}

// loopback returns the two ends of a TCP connection.
func loopback(t testing.TB) (client, server net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		s.Close()
	})
	return c, s
}

// shaken returns the two ends of a connection after the handshake, the client's of stack c
// and the server's of stack s.
func shaken(t testing.TB, l link, c, s stack) (client, server conn) {
	t.Helper()
	rawC, rawS := l.join(t)
	client, server = c.client(rawC), s.server(rawS)
	done := make(chan error, 1)
	go func() { done <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatalf("client %s to %s: %v", c.name, s.name, err)
	}
	if err := <-done; err != nil {
		t.Fatalf("server: %v", err)
	}
	return client, server
}
