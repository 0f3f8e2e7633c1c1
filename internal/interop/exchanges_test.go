package interop_test

import (
	std "crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/tls"
)

// A mix is one way to shake hands before TLS 1.3: a version and a suite, which say how keys are exchanged and records
// protected, whether a MAC is made of what is encrypted, and whether the client shows a certificate.
type mix struct {
	version        iana.Version
	suite          *suite.Suite
	encryptThenMAC bool
	client         string // kind of the client's key; "": no certificate
}

func (m mix) String() string {
	name := fmt.Sprintf("%v/%v", m.version, m.suite.ID)
	if m.encryptThenMAC {
		name += "/encrypt_then_mac"
	}
	if m.client != "" {
		name += "/client certificate, " + m.client
	}
	return name
}

// serverKeys is the server's certificate for each kind of suite.
var serverKeys = map[suite.Authentication]string{suite.AuthRSA: "rsa-2048", suite.AuthECDSA: "ecdsa-p256"}

// mixes returns every suite in every version before TLS 1.3 with each kind of client, and those with CBC with and without
// encrypt_then_mac.
func mixes() []mix {
	var all []mix
	for v := iana.VersionTLS10; v < iana.VersionTLS13; v++ {
		for _, s := range suite.Usable() {
			for _, client := range append([]string{""}, clientKinds...) {
				if !s.Supports(v) {
					continue
				}
				all = append(all, mix{v, s, false, client})
				if s.Cipher.CBC() {
					all = append(all, mix{v, s, true, client})
				}
			}
		}
	}
	return all
}

// config is our end of a mix, client or server.
func (m mix) config(c *credentials) *tls.Config {
	cfg := &tls.Config{
		Certificates: []tls.Certificate{c.certs[serverKeys[m.suite.Auth]]}, RootCAs: c.pool, ClientCAs: c.pool, ServerName: "localhost",
		MinVersion: uint16(m.version), MaxVersion: uint16(m.version), CipherSuites: []uint16{uint16(m.suite.ID)},
	}
	if m.client != "" {
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return cfg
}

// clientConfig is our end, where it is the client.
func (m mix) clientConfig(c *credentials) *tls.Config {
	cfg := m.config(c)
	cfg.Certificates = nil
	if m.client != "" {
		cfg.Certificates = []tls.Certificate{c.certs[clientOf(m.client)]}
	}
	return cfg
}

// check compares what our end came to with the mix.
func (m mix) check(t *testing.T, c *tls.Conn, serves bool) {
	t.Helper()
	state := c.ConnectionState()
	info, _ := c.Info()
	got := mix{version: iana.Version(state.Version), suite: suite.ByID(iana.CipherSuite(state.CipherSuite)), encryptThenMAC: info.EncryptThenMAC}
	want := m
	want.client = ""
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if field := info.FieldBits >= 2048; field != (m.suite.KeyExchange == suite.KeyExchangeDHE) {
		t.Errorf("got a field of %d bits for %v", info.FieldBits, m.suite.KeyExchange)
	}
	if serves {
		if shown := len(state.VerifiedChains) == 1; shown != (m.client != "") {
			t.Errorf("got %d chains of the client", len(state.VerifiedChains))
		}
	} else if signed := info.ClientSignatureScheme != ""; signed != (m.client != "") && m.version == iana.VersionTLS12 { // schemes had no names before
		t.Errorf("got the client's signature %q", info.ClientSignatureScheme)
	}
}

// talk is our client's part, with a server that answers a line with want. It says goodbye, so that the server can tell.
func (m mix) talk(t *testing.T, creds *credentials, addr, want string) {
	t.Helper()
	c, err := tls.Dial("tcp", addr, m.clientConfig(creds))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := io.WriteString(c, "akushu\n"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, len(want))
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != want {
		t.Errorf("got %q, %v, want %q", buf, err, want)
	}
	m.check(t, c, false)
}

// answer is our server's part: it sends a line back, of one connection, which it returns.
func (m mix) answer(t *testing.T, creds *credentials) (addr string, conns <-chan *tls.Conn) {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", m.config(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	out := make(chan *tls.Conn, 1)
	go func() {
		defer close(out)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(60 * time.Second))
		if n, err := io.CopyN(c, c, 7); err != nil {
			t.Errorf("the server: %d bytes, %v", n, err)
			return
		}
		out <- c.(*tls.Conn)
	}()
	return ln.Addr().String(), out
}

// A stranger is somebody else's TLS, by its programs.
type stranger struct {
	name           string
	server, client string
	lacks          func(mix) bool // what it cannot do
	refuses        func(mix) bool // what it refuses as a server
	// serve starts a server that speaks every mix that m stands for, by encryptThenMAC and whether client is set.
	// It answers a line with what answers is.
	serve   func(t *testing.T, path string, creds *credentials, m mix) (addr string)
	answers string
	// dial starts a client that speaks all suites, and waits until its line has come back.
	dial func(t *testing.T, path string, creds *credentials, m mix, addr string)
}

var strangers = []*stranger{
	{
		name: "OpenSSL", server: "openssl", client: "openssl",
		lacks: func(m mix) bool { return strings.Contains(m.suite.Cipher.Name, "3DES") }, // it is built without
		// It holds an ECDSA key of the client to the curves in the hello, also where there are no curves in it because
		// there is no suite for them (RFC 8422 §4), and the finite field is not one of them.
		refuses: func(m mix) bool { return m.suite.KeyExchange == suite.KeyExchangeDHE && m.client == "ecdsa-p256" },
		serve:   serveOpenSSL, answers: "uhsuka\n", dial: dialOpenSSL,
	},
	{
		name: "GnuTLS", server: "gnutls-serv", client: "gnutls-cli",
		lacks:   func(mix) bool { return false },
		refuses: func(mix) bool { return false },
		serve:   serveGnuTLS, answers: "akushu\n", dial: dialGnuTLS,
	},
}

// everything has OpenSSL offer all that it has.
func everything(m mix) []string {
	flags := []string{"-min_protocol", "TLSv1", "-max_protocol", "TLSv1.2", "-cipher", "ALL:@SECLEVEL=0"}
	if !m.encryptThenMAC {
		flags = append(flags, "-no_etm")
	}
	return flags
}

func serveOpenSSL(t *testing.T, path string, creds *credentials, m mix) string {
	rsa, ecdsa := creds.files["rsa-2048"], creds.files["ecdsa-p256"]
	args := append([]string{
		"s_server", "-accept", "127.0.0.1:0", "-rev", "-cert", rsa[0], "-key", rsa[1], "-dcert", ecdsa[0], "-dkey", ecdsa[1],
	}, everything(m)...)
	if m.client != "" {
		args = append(args, "-Verify", "1", "-verify_return_error", "-CAfile", creds.root)
	}
	return peer.Start(t, path, args...).Await(t, `ACCEPT (127\.0\.0\.1:\d+)`)
}

func dialOpenSSL(t *testing.T, path string, creds *credentials, m mix, addr string) {
	args := append([]string{
		"s_client", "-connect", addr, "-CAfile", creds.root, "-verify_return_error", "-verify_hostname", "localhost", "-servername", "localhost",
	}, everything(m)...)
	if m.client != "" {
		files := creds.files[clientOf(m.client)]
		args = append(args, "-cert", files[0], "-key", files[1])
	}
	p := peer.Start(t, path, args...)
	p.Await(t, `Verify return code: 0 \(ok\)`)
	p.Say(t, "akushu")
	p.Await(t, `(?m)^akushu$`)
	p.Say(t, "Q")
}

// priority has GnuTLS offer all that it has.
func priority(m mix) string {
	const all = "NONE:+VERS-TLS1.2:+VERS-TLS1.1:+VERS-TLS1.0:+ECDHE-ECDSA:+ECDHE-RSA:+DHE-RSA:+RSA" +
		":+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-CCM:+AES-256-CCM:+AES-128-CCM-8:+AES-256-CCM-8" +
		":+AES-128-CBC:+AES-256-CBC:+3DES-CBC:+AEAD:+SHA1:+SHA256:+SHA384:+SIGN-ALL:+SIGN-RSA-SHA1:+GROUP-ALL:+COMP-NULL:+CTYPE-X509"
	if !m.encryptThenMAC {
		return all + ":%NO_ETM"
	}
	return all
}

func serveGnuTLS(t *testing.T, path string, creds *credentials, m mix) string {
	args := []string{"--echo", "--priority", priority(m)}
	for _, kind := range []string{"rsa-2048", "ecdsa-p256"} {
		args = append(args, "--x509certfile", creds.files[kind][0], "--x509keyfile", creds.files[kind][1])
	}
	if m.client != "" {
		args = append(args, "--require-client-cert", "--verify-client-cert", "--x509cafile", creds.root)
	} else {
		args = append(args, "--disable-client-cert")
	}
	return startGnuTLS(t, path, args...)
}

func dialGnuTLS(t *testing.T, path string, creds *credentials, m mix, addr string) {
	args := []string{"--port", port(t, addr), "--x509cafile", creds.root, "--priority", priority(m)}
	if m.client != "" {
		files := creds.files[clientOf(m.client)]
		args = append(args, "--x509certfile", files[0], "--x509keyfile", files[1])
	}
	p := peer.Start(t, path, append(args, "localhost")...)
	p.Await(t, `Handshake was completed`)
	p.Say(t, "akushu")
	p.Await(t, `(?m)^akushu$`)
	p.In.Close()
}

// What there was before TLS 1.3, with both programs of both strangers.
func TestBefore13OpenSSLServer(t *testing.T) { strangers[0].serves(t) }
func TestBefore13OpenSSLClient(t *testing.T) { strangers[0].dials(t) }
func TestBefore13GnuTLSServer(t *testing.T)  { strangers[1].serves(t) }
func TestBefore13GnuTLSClient(t *testing.T)  { strangers[1].dials(t) }

// serves has our client connect to the stranger's server. One process serves all that need not differ for it.
func (x *stranger) serves(t *testing.T) {
	path := peer.Find(t, x.server)
	creds := newCredentials(t)
	y := newTally(t, "before TLS 1.3: connect to "+x.name)
	servers := map[mix]string{}
	for _, m := range mixes() {
		if x.lacks(m) || x.refuses(m) {
			continue
		}
		kind := mix{encryptThenMAC: m.encryptThenMAC}
		if m.client != "" {
			kind.client = "any"
		}
		if servers[kind] == "" {
			servers[kind] = x.serve(t, path, creds, kind)
		}
		y.run(t, m.String(), func(t *testing.T) { m.talk(t, creds, servers[kind], x.answers) })
	}
}

// dials has the stranger's client connect to our server, with a key of the server's kind where it shows a certificate:
// each row is a process.
func (x *stranger) dials(t *testing.T) {
	path := peer.Find(t, x.client)
	creds := newCredentials(t)
	y := newTally(t, "before TLS 1.3: "+x.name+" to our server")
	for _, m := range mixes() {
		if x.lacks(m) || m.client != "" && m.client != serverKeys[m.suite.Auth] {
			continue
		}
		y.run(t, m.String(), func(t *testing.T) {
			addr, conns := m.answer(t, creds)
			x.dial(t, path, creds, m, addr)
			if c, ok := <-conns; ok {
				m.check(t, c, true)
			}
		})
	}
}

// stdMixes is what crypto/tls has, which never makes its MACs of what is encrypted.
func stdMixes() []mix {
	return slices.DeleteFunc(mixes(), func(m mix) bool {
		return m.encryptThenMAC || !slices.ContainsFunc(slices.Concat(std.CipherSuites(), std.InsecureCipherSuites()), func(s *std.CipherSuite) bool {
			return s.ID == uint16(m.suite.ID)
		})
	})
}

// std is m's configuration for crypto/tls.
func (m mix) std(cfg *tls.Config) *std.Config {
	return &std.Config{
		Certificates: cfg.Certificates, RootCAs: cfg.RootCAs, ServerName: cfg.ServerName, ClientCAs: cfg.ClientCAs, ClientAuth: cfg.ClientAuth,
		MinVersion: cfg.MinVersion, MaxVersion: cfg.MaxVersion, CipherSuites: cfg.CipherSuites,
	}
}

// TestBefore13StdServer has our client connect to crypto/tls.
func TestBefore13StdServer(t *testing.T) {
	creds := newCredentials(t)
	y := newTally(t, "before TLS 1.3: connect to crypto/tls")
	for _, m := range stdMixes() {
		y.run(t, m.String(), func(t *testing.T) {
			ln, err := std.Listen("tcp", "127.0.0.1:0", m.std(m.config(creds)))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { ln.Close() })
			chains := make(chan [][]*x509.Certificate, 1)
			go func() {
				defer close(chains)
				c, err := ln.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				if _, err := io.CopyN(c, c, 7); err == nil {
					chains <- c.(*std.Conn).ConnectionState().VerifiedChains
				}
			}()
			m.talk(t, creds, ln.Addr().String(), "akushu\n")
			if got, want := len(<-chains) == 1, m.client != ""; got != want {
				t.Errorf("crypto/tls verified the client: %v, want %v", got, want)
			}
		})
	}
}

// TestBefore13StdClient has crypto/tls connect to our server.
func TestBefore13StdClient(t *testing.T) {
	creds := newCredentials(t)
	y := newTally(t, "before TLS 1.3: crypto/tls to our server")
	for _, m := range stdMixes() {
		y.run(t, m.String(), func(t *testing.T) {
			addr, conns := m.answer(t, creds)
			c, err := std.Dial("tcp", addr, m.std(m.clientConfig(creds)))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(60 * time.Second))
			if _, err := io.WriteString(c, "akushu\n"); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 7)
			if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "akushu\n" {
				t.Errorf("got %q, %v", buf, err)
			}
			if ours, ok := <-conns; ok {
				m.check(t, ours, true)
			}
		})
	}
}
