package interop_test

import (
	"context"
	"crypto/rand"
	std "crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/internal/pki"
	"github.com/akushu/akushu/tls"
)

// A shown is one way to be asked for a certificate, and to answer.
type shown struct {
	version iana.Version
	mode    tls.ClientAuthType
	key     string // kind of the client's certificate; "" where it has none, "stranger" for one that nobody vouches for
}

func (x shown) String() string {
	key := x.key
	if key == "" {
		key = "none"
	}
	return fmt.Sprintf("%v/%v/%s", x.version, x.mode, key)
}

// refused says what is to come of it.
func (x shown) refused() bool {
	switch x.key {
	case "":
		return x.mode == tls.RequireAnyClientCert || x.mode == tls.RequireAndVerifyClientCert
	case "stranger":
		return x.mode >= tls.VerifyClientCertIfGiven
	}
	return false
}

// modes is all that a server may ask, as crypto/tls, OpenSSL and GnuTLS say it.
var modes = []struct {
	mode    tls.ClientAuthType
	openssl []string
	gnutls  []string
}{
	{tls.NoClientCert, nil, []string{"--disable-client-cert"}},
	{tls.RequestClientCert, []string{"-verify", "1"}, nil},
	{tls.RequireAnyClientCert, []string{"-Verify", "1"}, []string{"--require-client-cert"}},
	{tls.VerifyClientCertIfGiven, []string{"-verify", "1", "-verify_return_error"}, []string{"--verify-client-cert"}},
	{tls.RequireAndVerifyClientCert, []string{"-Verify", "1", "-verify_return_error"}, []string{"--require-client-cert", "--verify-client-cert"}},
}

// shows returns every way for a mode: each version with a certificate, without, and with a
// stranger's, and where certificates are verified with each kind of key.
func shows(mode tls.ClientAuthType) (ways []shown) {
	keys := []string{"ecdsa-p256", "", "stranger"}
	if mode == tls.RequireAndVerifyClientCert {
		for _, k := range keyKinds[:] {
			if k.kind != "ecdsa-p256" {
				keys = append(keys, k.kind)
			}
		}
	}
	for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
		for _, key := range keys {
			ways = append(ways, shown{v, mode, key})
		}
	}
	return ways
}

// visitors are clients with a certificate for each kind of key under a root of their own, and
// a stranger, whose root has the same name and another key.
type visitors struct {
	*credentials // the servers'
	root         string
	pool         *x509.CertPool
	certs        map[string]tls.Certificate
	files        map[string][2]string
}

func newVisitors(t *testing.T) *visitors {
	t.Helper()
	dir := t.TempDir()
	root := newRoot(t, "visitors")
	v := &visitors{
		newCredentials(t), write(t, dir, "visitors.pem", pki.EncodeChain(root.Certificate)), root.Pool(),
		map[string]tls.Certificate{},
		map[string][2]string{},
	}
	for _, k := range keyKinds {
		v.add(t, dir, k.kind, k.kind, root)
	}
	v.add(t, dir, "stranger", "ecdsa-p256", newRoot(t, "visitors"))
	return v
}

func newRoot(t *testing.T, name string) *pki.Authority {
	t.Helper()
	key, err := pki.GenerateKey("ecdsa-p256")
	if err != nil {
		t.Fatal(err)
	}
	root, err := pki.NewAuthority(pki.Env{Now: time.Now, Rand: rand.Reader}, pki.Request{Key: key, CommonName: name})
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func (v *visitors) add(t *testing.T, dir, name, kind string, root *pki.Authority) {
	t.Helper()
	key, err := pki.GenerateKey(kind)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := root.Issue(pki.Request{Key: key, CommonName: name, Usage: pki.Client})
	if err != nil {
		t.Fatal(err)
	}
	keyPEM, err := pki.EncodeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	v.certs[name] = tls.Certificate{Certificate: leaf.DER(), PrivateKey: leaf.Key}
	v.files[name] = [2]string{write(t, dir, name+"-client.pem", pki.EncodeChain(leaf.Chain...)), write(t, dir, name+"-client.key", keyPEM)}
}

// client is our end of x, which shows its certificate whatever authorities the server names.
func (x shown) client(all *visitors) *tls.Config {
	return &tls.Config{
		RootCAs: all.credentials.pool, ServerName: "localhost", MinVersion: uint16(x.version), MaxVersion: uint16(x.version),
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert := all.certs[x.key]
			return &cert, nil
		},
	}
}

// dial connects as x to a server that says back what it hears, perhaps changed to want, and
// checks that a refusal is told at once.
func (x shown) dial(t *testing.T, all *visitors, addr, want string) {
	t.Helper()
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Client(raw, x.client(all))
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	err = c.Handshake()
	if info, _ := c.Info(); err == nil && info.CertificateRequested != (x.mode != tls.NoClientCert) {
		t.Errorf("asked for a certificate: got %v, want %v", info.CertificateRequested, x.mode)
	}
	if err == nil && x.mode != tls.NoClientCert {
		err = c.ConfirmHandshake(context.Background())
	}
	var alert tls.AlertError
	if x.refused() {
		if !errors.As(err, &alert) {
			t.Errorf("got %v, want an alert", err)
		}
		return
	}
	if err != nil {
		t.Fatalf("got %v, want nil", err)
	}
	if _, err := io.WriteString(c, "akushu\n"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, len(want))
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != want {
		t.Errorf("got %q, %v, want %q", buf, err, want)
	}
}

// TestClientCertificateOpenSSLServer has openssl s_server ask our client.
func TestClientCertificateOpenSSLServer(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	all := newVisitors(t)
	y := newTally(t, "openssl s_server asks our client for a certificate")
	for _, m := range modes {
		files := all.credentials.files["ecdsa-p256"]
		args := append([]string{
			"s_server", "-accept", "127.0.0.1:0", "-rev", "-cert", files[0], "-key", files[1], "-CAfile", all.root,
		}, m.openssl...)
		addr := peer.Start(t, openssl, args...).Await(t, `ACCEPT (127\.0\.0\.1:\d+)`)
		for _, x := range shows(m.mode) {
			y.run(t, x.String(), func(t *testing.T) { x.dial(t, all, addr, "uhsuka\n") })
		}
	}
}

// TestClientCertificateGnuTLSServer has gnutls-serv ask our client.
func TestClientCertificateGnuTLSServer(t *testing.T) {
	serv := peer.Find(t, "gnutls-serv")
	all := newVisitors(t)
	y := newTally(t, "gnutls-serv asks our client for a certificate")
	for _, m := range modes {
		files := all.credentials.files["ecdsa-p256"]
		args := append([]string{"--echo", "--x509certfile", files[0], "--x509keyfile", files[1], "--x509cafile", all.root}, m.gnutls...)
		addr := startGnuTLS(t, serv, args...)
		for _, x := range shows(m.mode) {
			y.run(t, x.String(), func(t *testing.T) { x.dial(t, all, addr, "akushu\n") })
		}
	}
}

// TestClientCertificateStdServer has crypto/tls ask our client.
func TestClientCertificateStdServer(t *testing.T) {
	all := newVisitors(t)
	y := newTally(t, "crypto/tls asks our client for a certificate")
	for _, m := range modes {
		ln, err := std.Listen("tcp", "127.0.0.1:0", &std.Config{
			Certificates: []tls.Certificate{all.credentials.certs["ecdsa-p256"]}, ClientAuth: m.mode, ClientCAs: all.pool,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					_, _ = io.Copy(c, c)
				}()
			}
		}()
		for _, x := range shows(m.mode) {
			y.run(t, x.String(), func(t *testing.T) { x.dial(t, all, ln.Addr().String(), "akushu\n") })
		}
	}
}

// serve is our end of x as a server. It says what came of the handshake.
func (x shown) serve(t *testing.T, all *visitors) (addr string, said <-chan string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	out := make(chan string, 1)
	go func() {
		raw, err := ln.Accept()
		if err != nil {
			return
		}
		c := tls.Server(raw, &tls.Config{
			Certificates: []tls.Certificate{all.credentials.certs["ecdsa-p256"]}, ClientAuth: x.mode, ClientCAs: all.pool,
			MinVersion: uint16(x.version), MaxVersion: uint16(x.version),
		})
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		err = c.Handshake()
		info, _ := c.Info()
		out <- saidOf(err, len(c.ConnectionState().PeerCertificates), info.CertificateRequested)
		_, _ = io.Copy(c, c)
	}()
	return ln.Addr().String(), out
}

func saidOf(err error, certificates int, asked bool) string {
	if err != nil {
		return "refused"
	}
	return fmt.Sprintf("asked %v, %d certificates", asked, certificates)
}

// check compares what our server said with what it should have. sent is how many certificates
// the client sends of a chain.
func (x shown) check(t *testing.T, said <-chan string) {
	t.Helper()
	var err error
	if x.refused() {
		err = errors.New("")
	}
	certificates := 1
	if x.key == "" || x.mode == tls.NoClientCert {
		certificates = 0
	}
	want := saidOf(err, certificates, x.mode != tls.NoClientCert)
	select {
	case got := <-said:
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Error("nothing came of the handshake")
	}
}

// clients runs every way for a client to answer our server.
func clients(t *testing.T, name string, connect func(t *testing.T, all *visitors, x shown, addr string)) {
	all := newVisitors(t)
	y := newTally(t, name)
	for _, m := range modes {
		for _, x := range shows(m.mode) {
			y.run(t, x.String(), func(t *testing.T) {
				addr, said := x.serve(t, all)
				connect(t, all, x, addr)
				x.check(t, said)
			})
		}
	}
}

// TestClientCertificateOpenSSLClient has our server ask openssl s_client.
func TestClientCertificateOpenSSLClient(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	clients(t, "our server asks openssl s_client for a certificate", func(t *testing.T, all *visitors, x shown, addr string) {
		args := []string{"s_client", "-connect", addr, "-CAfile", all.credentials.root, "-servername", "localhost"}
		if files, ok := all.files[x.key]; ok {
			args = append(args, "-cert", files[0], "-key", files[1])
		}
		peer.Start(t, openssl, args...)
	})
}

// TestClientCertificateGnuTLSClient has our server ask gnutls-cli.
func TestClientCertificateGnuTLSClient(t *testing.T) {
	cli := peer.Find(t, "gnutls-cli")
	clients(t, "our server asks gnutls-cli for a certificate", func(t *testing.T, all *visitors, x shown, addr string) {
		_, port, _ := net.SplitHostPort(addr)
		args := []string{"--port", port, "--x509cafile", all.credentials.root}
		if files, ok := all.files[x.key]; ok {
			args = append(args, "--x509certfile", files[0], "--x509keyfile", files[1])
		}
		peer.Start(t, cli, append(args, "localhost")...)
	})
}

// TestClientCertificateStdClient has our server ask crypto/tls.
func TestClientCertificateStdClient(t *testing.T) {
	clients(t, "our server asks crypto/tls for a certificate", func(t *testing.T, all *visitors, x shown, addr string) {
		c, err := std.Dial("tcp", addr, &std.Config{
			RootCAs: all.credentials.pool, ServerName: "localhost",
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				cert := all.certs[x.key]
				return &cert, nil
			},
		})
		if err == nil {
			t.Cleanup(func() { c.Close() })
		}
	})
}
