package interop_test

import (
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/internal/pki"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/tls"
)

// cell is one way to shake hands: one version, one kind of certificate, one suite, one
// group.
type cell struct {
	version iana.Version
	key     string // kind of the certificate's key, as internal/pki names it
	suite   *suite.Suite
	group   *suite.Group
}

func (c cell) String() string {
	return fmt.Sprintf("%v/%s/%v/%v", c.version, c.key, c.suite.ID, c.group.ID)
}

// keyKinds is the certificates' keys, with what they authenticate in TLS 1.2 and, for
// ECDSA, the curve that a TLS 1.2 client must have offered (RFC 8422 §5.1.1).
var keyKinds = []struct {
	kind  string
	auth  suite.Authentication
	curve iana.NamedGroup
}{
	{"rsa-2048", suite.AuthRSA, 0},
	{"ecdsa-p256", suite.AuthECDSA, iana.GroupSecp256r1},
	{"ecdsa-p384", suite.AuthECDSA, iana.GroupSecp384r1},
	{"ecdsa-p521", suite.AuthECDSA, iana.GroupSecp521r1},
	{"ed25519", suite.AuthECDSA, 0},
}

// cells returns every cell that is valid. Finite fields take long, and one kind of
// certificate is enough for them.
func cells() []cell {
	var all []cell
	for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
		for _, s := range suite.Usable() {
			for _, k := range keyKinds {
				for _, g := range suite.Groups() {
					if g.KeyExchange == suite.KeyExchangeDHE && k.kind != "ecdsa-p256" {
						continue
					}
					if g.Serves(s, v) && (s.Auth == suite.AuthNegotiated || s.Auth == k.auth) &&
						(v >= iana.VersionTLS13 || k.curve == 0 || k.curve == g.ID) {
						all = append(all, cell{v, k.kind, s, g})
					}
				}
			}
		}
	}
	return all
}

// tally counts the cells that ran, and says so at the end.
type tally struct {
	ran, all atomic.Int32
	name     string
}

func newTally(t *testing.T, name string) *tally {
	y := &tally{name: name}
	t.Cleanup(func() {
		fmt.Printf("%s: ran %d of %d\n", y.name, y.ran.Load(), y.all.Load())
		if y.ran.Load() != y.all.Load() && !t.Failed() && peer.Required() {
			t.Errorf("%s: only %d of %d ran", y.name, y.ran.Load(), y.all.Load())
		}
	})
	return y
}

// run runs one cell, beside others.
func (y *tally) run(t *testing.T, name string, f func(t *testing.T)) {
	y.all.Add(1)
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		f(t)
		y.ran.Add(1)
	})
}

// credentials is a certificate for each kind of key under one root, in memory and as
// files for the peers.
type credentials struct {
	root  string // a file
	pool  *x509.CertPool
	certs map[string]tls.Certificate
	files map[string][2]string // certificate and key
}

func newCredentials(t *testing.T) *credentials {
	t.Helper()
	dir := t.TempDir()
	rootKey, err := pki.GenerateKey("ecdsa-p256")
	if err != nil {
		t.Fatal(err)
	}
	root, err := pki.NewAuthority(pki.Env{Now: time.Now, Rand: rand.Reader}, pki.Request{Key: rootKey, CommonName: "interop root"})
	if err != nil {
		t.Fatal(err)
	}
	c := &credentials{
		root: write(t, dir, "root.pem", pki.EncodeChain(root.Certificate)), pool: root.Pool(),
		certs: map[string]tls.Certificate{}, files: map[string][2]string{},
	}
	for _, k := range keyKinds {
		c.issue(t, dir, root, k.kind, k.kind, pki.Server)
	}
	for _, kind := range clientKinds {
		c.issue(t, dir, root, clientOf(kind), kind, pki.Client)
	}
	return c
}

// clientKinds is the keys for which there are certificates of clients too.
var clientKinds = []string{"rsa-2048", "ecdsa-p256"}

// clientOf is what a client's certificate is called.
func clientOf(kind string) string { return "client's " + kind }

// issue makes a certificate that is called name.
func (c *credentials) issue(t *testing.T, dir string, root *pki.Authority, name, kind string, usage pki.Usage) {
	t.Helper()
	key, err := pki.GenerateKey(kind)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := root.Issue(pki.Request{Key: key, CommonName: "localhost", Names: []string{"localhost", "127.0.0.1"}, Usage: usage})
	if err != nil {
		t.Fatal(err)
	}
	c.certs[name] = tls.Certificate{Certificate: leaf.DER(), PrivateKey: leaf.Key}
	keyPEM, err := pki.EncodeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c.files[name] = [2]string{
		write(t, dir, name+".pem", pki.EncodeChain(leaf.Chain...)),
		write(t, dir, name+".key", keyPEM),
	}
}

func write(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// config is our end of a cell, client or server. It offers the groups that are given,
// or the cell's alone.
func (c *credentials) config(x cell, groups ...*suite.Group) *tls.Config {
	if len(groups) == 0 {
		groups = []*suite.Group{x.group}
	}
	cfg := &tls.Config{
		Certificates: []tls.Certificate{c.certs[x.key]},
		RootCAs:      c.pool,
		ServerName:   "localhost",
		MinVersion:   uint16(x.version),
		MaxVersion:   uint16(x.version),
		CipherSuites: []uint16{uint16(x.suite.ID)},
	}
	for _, g := range groups {
		cfg.CurvePreferences = append(cfg.CurvePreferences, tls.CurveID(g.ID))
	}
	return cfg
}

// check compares what our end negotiated with the cell.
func (x cell) check(t *testing.T, s tls.ConnectionState, retried bool) {
	t.Helper()
	got := fmt.Sprint(iana.Version(s.Version), iana.CipherSuite(s.CipherSuite), iana.NamedGroup(s.CurveID), s.HelloRetryRequest)
	want := fmt.Sprint(x.version, x.suite.ID, x.group.ID, retried)
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// echo serves one connection: what it reads it sends back, until the end. The state of
// the connection comes out of the channel.
func echo(t *testing.T, cfg *tls.Config) (addr string, states <-chan tls.ConnectionState) {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	out := make(chan tls.ConnectionState, 1)
	go func() {
		defer close(out)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		buf := make([]byte, 1024)
		for {
			n, err := c.Read(buf)
			if _, werr := c.Write(buf[:n]); err != nil || werr != nil {
				break
			}
		}
		out <- c.(*tls.Conn).ConnectionState()
	}()
	return ln.Addr().String(), out
}

// another returns a group that x's end would offer before x's, so that the client sends
// no share for x's.
func (x cell) another() *suite.Group {
	for _, id := range []iana.NamedGroup{iana.GroupSecp256r1, iana.GroupX25519} {
		if x.group.ID != id {
			return suite.GroupByID(id)
		}
	}
	panic("unreachable")
}

// retries returns the cells of HelloRetryRequest: each group, one suite and certificate.
func retries() []cell {
	var all []cell
	for _, x := range cells() {
		if x.version == iana.VersionTLS13 && x.suite.ID == iana.TLS_AES_128_GCM_SHA256 && x.key == "ecdsa-p256" {
			all = append(all, x)
		}
	}
	return all
}
