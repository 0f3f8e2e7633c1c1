package interop_test

import (
	"crypto"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/tls"
)

// A acquaintance is one way to know each other by a key that both ends were given. No end has a
// certificate.
type acquaintance struct {
	version iana.Version
	suite   iana.CipherSuite
	mode    tls.PSKMode // of TLS 1.3
	retry   bool        // by way of a HelloRetryRequest
}

func (x acquaintance) String() string {
	if x.version < iana.VersionTLS13 {
		return fmt.Sprintf("%v/%v", x.version, x.suite)
	}
	s := fmt.Sprintf("%v/%v/%v", x.version, x.suite, x.mode)
	if x.retry {
		s += "/HelloRetryRequest"
	}
	return s
}

// sharings of TLS 1.3.
var acquaintances13 = []acquaintance{
	{iana.VersionTLS13, iana.TLS_AES_128_GCM_SHA256, tls.PSKModeDHE, false},
	{iana.VersionTLS13, iana.TLS_CHACHA20_POLY1305_SHA256, tls.PSKModeDHE, false},
	{iana.VersionTLS13, iana.TLS_AES_128_GCM_SHA256, tls.PSKModeDHE, true},
	{iana.VersionTLS13, iana.TLS_AES_128_GCM_SHA256, tls.PSKModeOnly, false},
}

const sharedIdentity = "akushu"

var sharedKey = []byte("thirty-two bytes that both have.")

func sharedHex() string { return hex.EncodeToString(sharedKey) }

// config is our end's.
func (x acquaintance) config() *tls.Config {
	cfg := &tls.Config{
		ServerName: "localhost", MinVersion: uint16(x.version), MaxVersion: uint16(x.version), CipherSuites: []uint16{uint16(x.suite)},
		PreSharedKeys: []tls.PreSharedKey{{Identity: []byte(sharedIdentity), Key: sharedKey, Hash: crypto.SHA256}},
	}
	if x.version == iana.VersionTLS13 {
		cfg.PSKModes = []tls.PSKMode{x.mode}
	}
	if x.retry {
		cfg.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}
	}
	return cfg
}

// check looks at what our end says of the connection.
func (x acquaintance) check(t *testing.T, c *tls.Conn) {
	t.Helper()
	info, _ := c.Info()
	got := fmt.Sprintf("%d %s %s %v %v", c.ConnectionState().Version, info.CipherSuite, info.PSKIdentity, info.KeyExchange == "PSK", c.ConnectionState().HelloRetryRequest)
	want := fmt.Sprintf("%d %s %s %v %v", uint16(x.version), x.suite, sharedIdentity, x.alone(), x.retry)
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// alone reports whether the keys come of the key that is shared, and of nothing else.
func (x acquaintance) alone() bool {
	if x.version == iana.VersionTLS13 {
		return x.mode == tls.PSKModeOnly
	}
	return psk12[x.suite]
}

// dial connects to a server and says a word that comes back as want.
func (x acquaintance) dial(t *testing.T, addr, want string) {
	t.Helper()
	c := dial(t, addr, x.config())
	defer c.Close()
	x.check(t, c)
	if _, err := io.WriteString(c, "akushu\n"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, len(want))
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != want {
		t.Errorf("got %q, %v, want %q", buf, err, want)
	}
}

// serve is a server of ours that says back what it hears, and hands out its connection.
func (x acquaintance) serve(t *testing.T) (addr string, conns <-chan *tls.Conn) {
	t.Helper()
	cfg := x.config()
	if x.retry {
		cfg.CurvePreferences = []tls.CurveID{tls.CurveP384}
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	out := make(chan *tls.Conn, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		if err := c.(*tls.Conn).Handshake(); err != nil {
			t.Errorf("our server: %v", err)
			close(out)
			return
		}
		out <- c.(*tls.Conn)
		_, _ = io.Copy(c, c)
	}()
	return ln.Addr().String(), out
}

// await checks what our server says of a connection.
func (x acquaintance) await(t *testing.T, conns <-chan *tls.Conn) {
	t.Helper()
	select {
	case c, ok := <-conns:
		if ok {
			x.check(t, c)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no connection")
	}
}

// openssl is what OpenSSL is told.
func (x acquaintance) openssl() []string {
	flags := []string{"-psk", sharedHex(), "-psk_identity", sharedIdentity}
	if x.version < iana.VersionTLS13 {
		return append(flags, "-tls1_2", "-cipher", opensslName(x.suite)+":@SECLEVEL=0")
	}
	return append(flags, "-tls1_3", "-ciphersuites", x.suite.String())
}

// gnutls is what GnuTLS is told: which ways there are is a matter of priorities there.
func (x acquaintance) gnutls() string {
	cipher := map[iana.CipherSuite]string{
		iana.TLS_AES_128_GCM_SHA256: "AES-128-GCM", iana.TLS_CHACHA20_POLY1305_SHA256: "CHACHA20-POLY1305",
	}[x.suite]
	kx := "+ECDHE-PSK:+DHE-PSK"
	if x.mode == tls.PSKModeOnly {
		kx = "+PSK"
	}
	return "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:" + kx + ":-CIPHER-ALL:+" + cipher
}

func TestPSKOpenSSLServer(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	y := newTally(t, "our client and openssl s_server share a key")
	for _, x := range acquaintances() {
		y.run(t, x.String(), func(t *testing.T) {
			args := append([]string{"s_server", "-accept", "127.0.0.1:0", "-nocert", "-rev"}, x.openssl()...)
			if x.mode == tls.PSKModeOnly {
				args = append(args, "-allow_no_dhe_kex")
			}
			if x.retry {
				args = append(args, "-groups", "P-384")
			}
			p := peer.Start(t, openssl, args...)
			x.dial(t, p.Await(t, `ACCEPT (127\.0\.0\.1:\d+)`), "uhsuka\n")
		})
	}
}

func TestPSKOpenSSLClient(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	y := newTally(t, "openssl s_client and our server share a key")
	for _, x := range acquaintances() {
		y.run(t, x.String(), func(t *testing.T) {
			addr, conns := x.serve(t)
			args := append([]string{"s_client", "-connect", addr, "-servername", "localhost"}, x.openssl()...)
			if x.mode == tls.PSKModeOnly {
				args = append(args, "-allow_no_dhe_kex")
			}
			if x.retry {
				args = append(args, "-groups", "X25519:P-384")
			}
			p := peer.Start(t, openssl, args...)
			x.await(t, conns)
			p.Say(t, "akushu")
			p.Await(t, `(?m)^akushu$`)
		})
	}
}

func TestPSKGnuTLSServer(t *testing.T) {
	serv := peer.Find(t, "gnutls-serv")
	passwords := write(t, t.TempDir(), "psk", []byte(sharedIdentity+":"+sharedHex()+"\n"))
	y := newTally(t, "our client and gnutls-serv share a key")
	for _, x := range acquaintances() {
		y.run(t, x.String(), func(t *testing.T) {
			priority := x.gnutls()
			if x.retry {
				priority += ":-GROUP-ALL:+GROUP-SECP384R1"
			}
			x.dial(t, startGnuTLS(t, serv, "--echo", "--pskpasswd", passwords, "--priority", priority), "akushu\n")
		})
	}
}

func TestPSKGnuTLSClient(t *testing.T) {
	cli := peer.Find(t, "gnutls-cli")
	y := newTally(t, "gnutls-cli and our server share a key")
	for _, x := range acquaintances() {
		y.run(t, x.String(), func(t *testing.T) {
			addr, conns := x.serve(t)
			_, port, _ := net.SplitHostPort(addr)
			priority := x.gnutls()
			args := []string{"--port", port, "--pskusername", sharedIdentity, "--pskkey", sharedHex()}
			if x.retry {
				priority += ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP384R1"
				args = append(args, "--single-key-share")
			}
			p := peer.Start(t, cli, append(args, "--priority", priority, "localhost")...)
			x.await(t, conns)
			p.Say(t, "akushu")
			p.Await(t, `(?m)^akushu$`)
		})
	}
}

// psk12 is suites of TLS 1.2, and whether there is no key exchange in them.
var psk12 = map[iana.CipherSuite]bool{}

func acquaintances() []acquaintance { return acquaintances13 }
