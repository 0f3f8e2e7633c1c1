package tls_test

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/tls"
)

// sharedSuites is the suites for keys that both ends were given.
func sharedSuites() []*suite.Suite {
	return slices.DeleteFunc(suite.All(), func(s *suite.Suite) bool { return !s.Shared() })
}

// TestLegacyPSKs has ends without any certificate share a key, in every suite and version that
// is for it, resume, and hear each other.
func TestLegacyPSKs(t *testing.T) {
	keys := []tls.LegacyPSK{{Identity: []byte("lamp"), Key: []byte("0123456789abcdef")}, {Identity: []byte("door"), Key: []byte("x")}}
	for _, s := range sharedSuites() {
		for v := s.MinVersion; v <= s.MaxVersion; v++ {
			t.Run(fmt.Sprint(s.ID, " ", v), func(t *testing.T) {
				for _, hint := range []string{"", "house 7"} {
					server := &tls.Config{
						LegacyPSKs: keys, LegacyPSKHint: hint, CipherSuites: []uint16{uint16(s.ID)},
						MinVersion: uint16(v), MaxVersion: uint16(v),
					}
					client := &tls.Config{
						LegacyPSKs: keys[1:], CipherSuites: []uint16{uint16(s.ID)}, ServerName: "localhost",
						MinVersion: uint16(v), MaxVersion: uint16(v), ClientSessionCache: tls.NewLRUClientSessionCache(1),
					}
					ours := stack{"akushu", func(c net.Conn) conn { return tls.Client(c, client) }, func(c net.Conn) conn { return tls.Server(c, server) }}
					for i, again := range []bool{false, true} {
						c, _ := talk(t, ours, ours)
						if c.DidResume != again || c.CipherSuite != uint16(s.ID) || len(c.PeerCertificates) > 0 {
							t.Errorf("connection %d: resumed: %v, %s, %d certificates", i, c.DidResume, tls.CipherSuiteName(c.CipherSuite), len(c.PeerCertificates))
						}
					}
				}
			})
		}
	}
}

// TestLegacyPSKChoice is about which key and which suite are used, and what becomes of ends that
// do not share any.
func TestLegacyPSKChoice(t *testing.T) {
	cert, pool := newCert(t)
	lamp, door := tls.LegacyPSK{Identity: []byte("lamp"), Key: []byte("one")}, tls.LegacyPSK{Identity: []byte("door"), Key: []byte("two")}
	wrong := tls.LegacyPSK{Identity: lamp.Identity, Key: []byte("three")}
	for _, tt := range []struct {
		name           string
		client, server []tls.LegacyPSK
		change         func(client, server *tls.Config)
		identity       string     // that the server is told; "" for a certificate
		err            iana.Alert // that the client hears, or 0
		fails          bool
	}{
		{name: "the second of the server's", client: []tls.LegacyPSK{door}, server: []tls.LegacyPSK{lamp, door}, identity: "door"},
		{name: "the client's first", client: []tls.LegacyPSK{lamp, door}, server: []tls.LegacyPSK{door, lamp}, identity: "lamp"},
		{name: "a server that has none", client: []tls.LegacyPSK{lamp}},
		{name: "a client that has none", server: []tls.LegacyPSK{lamp}},
		{name: "an identity that is unknown", client: []tls.LegacyPSK{door}, server: []tls.LegacyPSK{lamp}, err: iana.AlertUnknownPSKIdentity, fails: true},
		{name: "another key", client: []tls.LegacyPSK{wrong}, server: []tls.LegacyPSK{lamp}, err: iana.AlertBadRecordMAC, fails: true},
		{
			name: "a certificate is required", client: []tls.LegacyPSK{lamp}, server: []tls.LegacyPSK{lamp},
			change: func(_, server *tls.Config) { server.ClientAuth = tls.RequireAnyClientCert }, err: iana.AlertHandshakeFailure, fails: true,
		},
		{
			name: "a certificate is welcome", client: []tls.LegacyPSK{lamp}, server: []tls.LegacyPSK{lamp},
			change: func(_, server *tls.Config) { server.ClientAuth = tls.RequestClientCert }, identity: "lamp",
		},
		{
			name: "a server without certificate", client: []tls.LegacyPSK{lamp}, server: []tls.LegacyPSK{lamp},
			change: func(_, server *tls.Config) { server.Certificates = nil }, identity: "lamp",
		},
		{
			name: "that, and a client without key", server: []tls.LegacyPSK{lamp},
			change: func(_, server *tls.Config) { server.Certificates = nil }, err: iana.AlertUnrecognizedName, fails: true,
		},
		{
			name: "TLS 1.3", client: []tls.LegacyPSK{lamp}, server: []tls.LegacyPSK{lamp},
			change: func(client, server *tls.Config) { client.MaxVersion, server.MaxVersion = 0, 0 },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clientConfig := &tls.Config{RootCAs: pool, ServerName: "localhost", MaxVersion: tls.VersionTLS12, LegacyPSKs: tt.client}
			serverConfig := &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12, LegacyPSKs: tt.server}
			if tt.change != nil {
				tt.change(clientConfig, serverConfig)
			}
			rawC, rawS := loopback(t)
			client, server := tls.Client(rawC, clientConfig), tls.Server(rawS, serverConfig)
			done := make(chan error, 1)
			go func() { done <- server.Handshake() }()
			err := client.Handshake()
			served := <-done
			if (err != nil) != tt.fails || (served != nil) != tt.fails || tt.err != 0 && !errors.Is(err, tls.AlertError(tt.err)) {
				t.Fatalf("got %v and %v, want the alert %v", err, served, tt.err)
			}
			if info, _ := server.Info(); info.PSKIdentity != tt.identity {
				t.Errorf("identity: got %q, want %q", info.PSKIdentity, tt.identity)
			}
			if shown := len(client.ConnectionState().PeerCertificates) > 0; !tt.fails && shown != (tt.identity == "") {
				t.Errorf("a certificate was shown: %v", shown)
			}
		})
	}
}

// TestLegacyPSKsAreNotShown prints keys.
func TestLegacyPSKsAreNotShown(t *testing.T) {
	psk := tls.LegacyPSK{Identity: []byte("lamp"), Key: []byte("secret")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if got, want := fmt.Sprintf(format, psk), `pre-shared key "lamp"`; got != want {
			t.Errorf("%s: got %s, want %s", format, got, want)
		}
	}
}
