package tls_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	std "crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/akushu/akushu/tls"
)

var errTaken = errors.New("the smart card was taken out")

// broken is a key that does not sign.
type broken struct{ crypto.Signer }

func (broken) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errTaken }

// TestClientCertificate has a server of crypto/tls ask our client for a certificate.
func TestClientCertificate(t *testing.T) {
	cert, pool := newCert(t)
	key384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	give := func(c *tls.Certificate, err error) func(*tls.Config) {
		return func(cfg *tls.Config) {
			cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c, err }
		}
	}
	brokenKey := cert
	brokenKey.PrivateKey = broken{cert.PrivateKey.(crypto.Signer)}
	wrongKey := cert
	wrongKey.PrivateKey = key384
	unfit := cert
	unfit.SupportedSignatureAlgorithms = []tls.SignatureScheme{tls.PSSWithSHA256}
	tests := []struct {
		name   string
		ask    std.ClientAuthType
		config func(*tls.Config)
		sent   int    // certificates that the server saw
		err    string // what the client fails with
		alert  string // what the server hears
	}{
		{name: "given", ask: std.RequireAnyClientCert, config: func(c *tls.Config) { c.Certificates = []tls.Certificate{cert} }, sent: 1},
		{name: "verified", ask: std.RequireAndVerifyClientCert, config: func(c *tls.Config) { c.Certificates = []tls.Certificate{cert} }, sent: 1},
		{name: "from the callback", ask: std.RequireAnyClientCert, config: give(&cert, nil), sent: 1},
		{name: "none", ask: std.RequestClientCert, config: func(*tls.Config) {}},
		{name: "none that fits", ask: std.RequestClientCert, config: func(c *tls.Config) { c.Certificates = []tls.Certificate{unfit} }},
		{name: "none from the callback", ask: std.RequestClientCert, config: give(new(tls.Certificate), nil)},
		{
			name: "an error from the callback", ask: std.RequestClientCert, config: give(nil, errTaken),
			err: errTaken.Error(), alert: "internal error",
		},
		{
			name: "nothing from the callback", ask: std.RequestClientCert, config: give(nil, nil),
			err: "neither a certificate nor an error", alert: "internal error",
		},
		{
			name: "a certificate with another's key", ask: std.RequestClientCert, config: give(&wrongKey, nil),
			err: "does not belong to its leaf", alert: "internal error",
		},
		{
			name: "one that does not fit", ask: std.RequestClientCert, config: give(&unfit, nil),
			err: "no signature scheme that our ECDSA P-256 key can use", alert: "handshake failure",
		},
		{
			name: "a key that does not sign", ask: std.RequestClientCert, config: give(&brokenKey, nil),
			err: errTaken.Error(), alert: "internal error",
		},
	}
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, l := range links {
			for _, tt := range tests {
				t.Run(fmt.Sprintf("%s/%s/%s", tls.VersionName(v), l.name, tt.name), func(t *testing.T) {
					rawC, rawS := l.join(t)
					server := std.Server(rawS, &std.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tt.ask, ClientCAs: clientCAs(pool, tt.ask), MaxVersion: v})
					config := &tls.Config{RootCAs: pool, ServerName: "localhost"}
					tt.config(config)
					client := tls.Client(rawC, config)
					done := make(chan error, 1)
					go func() { done <- server.Handshake() }()
					err := client.Handshake()
					client.Close()
					heard := <-done
					if tt.err != "" {
						if err == nil || !strings.Contains(err.Error(), tt.err) {
							t.Errorf("got %v, want %q in it", err, tt.err)
						}
						if heard == nil || !strings.Contains(heard.Error(), "remote error: tls: "+tt.alert) {
							t.Errorf("the server hears %v, want %q", heard, tt.alert)
						}
						return
					}
					if sent := len(server.ConnectionState().PeerCertificates); err != nil || heard != nil || sent != tt.sent {
						t.Errorf("got %v, the server %v and %d certificates, want %d", err, heard, sent, tt.sent)
					}
				})
			}
		}
	}
}

// clientCAs names authorities only where the certificate is verified against them.
func clientCAs(pool *x509.CertPool, ask std.ClientAuthType) *x509.CertPool {
	if ask < std.VerifyClientCertIfGiven {
		return nil
	}
	return pool
}
