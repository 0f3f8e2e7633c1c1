package interop_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/tls"
)

// lamp is a key that both ends are given.
var lamp = tls.LegacyPSK{Identity: []byte("lamp"), Key: []byte("a key of any length at all")}

// sharing is our end, with one suite for keys that are shared.
func sharing(s *suite.Suite) *tls.Config {
	return &tls.Config{
		LegacyPSKs: []tls.LegacyPSK{lamp}, LegacyPSKHint: "house 7", CipherSuites: []uint16{uint16(s.ID)},
		ServerName: "localhost", MaxVersion: tls.VersionTLS12,
		MinDHBits: 1024, // what OpenSSL takes where there is no certificate to measure by
	}
}

// sharedWithOpenSSL is the suites for keys that are shared; those with 3DES are not in all builds of OpenSSL, and it has no
// ECDHE with AES in GCM or CCM.
func sharedWithOpenSSL() []*suite.Suite {
	return slices.DeleteFunc(suite.All(), func(s *suite.Suite) bool {
		return !s.Shared() || strings.Contains(s.Cipher.Name, "3DES") ||
			s.KeyExchange == suite.KeyExchangeECDHE && !s.Cipher.CBC() && !strings.Contains(s.Cipher.Name, "CHACHA20")
	})
}

var openSSLShares = []string{
	"-psk", hex.EncodeToString(lamp.Key), "-psk_identity", string(lamp.Identity),
	"-tls1_2", "-cipher", "ALL:PSK:@SECLEVEL=0",
}

// TestLegacyPSKOpenSSLServer connects to a server without certificate in every suite for keys that are shared.
func TestLegacyPSKOpenSSLServer(t *testing.T) {
	path := peer.Find(t, "openssl")
	y := newTally(t, "keys shared before TLS 1.3: connect to OpenSSL")
	args := append([]string{"s_server", "-accept", "127.0.0.1:0", "-rev", "-nocert", "-psk_hint", "house 7"}, openSSLShares...)
	addr := peer.Start(t, path, args...).Await(t, `ACCEPT (127\.0\.0\.1:\d+)`)
	for _, s := range sharedWithOpenSSL() {
		y.run(t, s.ID.String(), func(t *testing.T) {
			c, err := tls.Dial("tcp", addr, sharing(s))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(60 * time.Second))
			if _, err := io.WriteString(c, "akushu\n"); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 7)
			if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "uhsuka\n" {
				t.Errorf("got %q, %v, want %q", buf, err, "uhsuka\n")
			}
		})
	}
}

// TestLegacyPSKOpenSSLClient is connected to in every suite for keys that are shared.
func TestLegacyPSKOpenSSLClient(t *testing.T) {
	path := peer.Find(t, "openssl")
	y := newTally(t, "keys shared before TLS 1.3: OpenSSL to our server")
	for _, s := range sharedWithOpenSSL() {
		y.run(t, s.ID.String(), func(t *testing.T) {
			addr, identity := awaitLamp(t, s)
			p := peer.Start(t, path, append([]string{"s_client", "-connect", addr}, openSSLShares...)...)
			p.Say(t, "akushu")
			p.Await(t, `(?m)^akushu$`)
			if got, want := <-identity, string(lamp.Identity); got != want {
				t.Errorf("identity: got %q, want %q", got, want)
			}
		})
	}
}

// awaitLamp is a server of ours that sends back a line to one client, and says then which key it used.
func awaitLamp(t *testing.T, s *suite.Suite) (addr string, identity <-chan string) {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", sharing(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	used := make(chan string, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(60 * time.Second))
		_, _ = io.CopyN(c, c, 7)
		info, _ := c.(*tls.Conn).Info()
		used <- info.PSKIdentity
	}()
	return ln.Addr().String(), used
}

// sharedWithGnuTLS is the suites for keys that are shared, but for ECDHE with AES in GCM or CCM, which GnuTLS has not.
func sharedWithGnuTLS() []*suite.Suite {
	return slices.DeleteFunc(suite.All(), func(s *suite.Suite) bool {
		return !s.Shared() || s.KeyExchange == suite.KeyExchangeECDHE && !s.Cipher.CBC() && !strings.Contains(s.Cipher.Name, "CHACHA20")
	})
}

// gnuTLSShares allows all of them.
const gnuTLSShares = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+PSK:+DHE-PSK:+ECDHE-PSK:" +
	"+3DES-CBC:+AES-128-CCM:+AES-256-CCM:+AES-128-CCM-8:+AES-256-CCM-8:+AES-128-CBC:+AES-256-CBC:+SHA1:+SHA256:+SHA384"

// TestLegacyPSKGnuTLSServer connects to gnutls-serv in every suite for keys that are shared.
func TestLegacyPSKGnuTLSServer(t *testing.T) {
	serv := peer.Find(t, "gnutls-serv")
	y := newTally(t, "keys shared before TLS 1.3: connect to GnuTLS")
	passwords := write(t, t.TempDir(), "psk", fmt.Appendf(nil, "%s:%x\n", lamp.Identity, lamp.Key))
	addr := startGnuTLS(t, serv, "--echo", "--pskpasswd", passwords, "--pskhint", "house 7", "--priority", gnuTLSShares)
	for _, s := range sharedWithGnuTLS() {
		y.run(t, s.ID.String(), func(t *testing.T) {
			c, err := tls.Dial("tcp", addr, sharing(s))
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
				t.Errorf("got %q, %v, want what was said", buf, err)
			}
		})
	}
}

// TestLegacyPSKGnuTLSClient is connected to by gnutls-cli in every suite for keys that are shared. Where there is a
// Diffie-Hellman exchange beside the key, gnutls-cli 3.7.9 crashes when it describes the session, with gnutls-serv too: the
// handshake is complete by then, and no more is asked of it.
func TestLegacyPSKGnuTLSClient(t *testing.T) {
	cli := peer.Find(t, "gnutls-cli")
	y := newTally(t, "keys shared before TLS 1.3: GnuTLS to our server")
	for _, s := range sharedWithGnuTLS() {
		y.run(t, s.ID.String(), func(t *testing.T) {
			addr, identity := awaitLamp(t, s)
			p := peer.Start(t, cli, "--port", port(t, addr), "--pskusername", string(lamp.Identity), "--pskkey", hex.EncodeToString(lamp.Key),
				"--priority", gnuTLSShares, "localhost")
			if !s.Ephemeral() {
				p.Say(t, "akushu")
				p.Await(t, `(?m)^akushu$`)
			}
			if got, want := <-identity, string(lamp.Identity); got != want {
				t.Errorf("identity: got %q, want %q", got, want)
			}
		})
	}
}
