package tls_test

import (
	"errors"
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/tls"
)

// TestFallback has a client try again with an older version than it has: a server that speaks
// more says that there is no reason to (RFC 7507 §3).
func TestFallback(t *testing.T) {
	cert, pool := newCert(t)
	for _, tt := range []struct {
		name   string
		suites []uint16
		max    uint16 // that the server speaks
		err    error
	}{
		{"to what the server speaks", []uint16{tls.TLS_FALLBACK_SCSV}, tls.VersionTLS12, nil},
		{"to less", []uint16{tls.TLS_FALLBACK_SCSV}, tls.VersionTLS13, tls.AlertError(iana.AlertInappropriateFallback)},
		{
			"with suites of its own",
			[]uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_FALLBACK_SCSV},
			tls.VersionTLS13, tls.AlertError(iana.AlertInappropriateFallback),
		},
		{"that is none", []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}, tls.VersionTLS13, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rawC, rawS := loopback(t)
			server := tls.Server(rawS, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tt.max})
			client := tls.Client(rawC, &tls.Config{RootCAs: pool, ServerName: "localhost", MaxVersion: tls.VersionTLS12, CipherSuites: tt.suites})
			done := make(chan error, 1)
			go func() { done <- server.Handshake() }()
			err := client.Handshake()
			if served := <-done; (served == nil) != (tt.err == nil) {
				t.Errorf("the server came to %v", served)
			}
			if !errors.Is(err, tt.err) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
		})
	}
}
