package tls_test

import (
	"crypto/rand"
	"crypto/rsa"
	std "crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/akushu/akushu/tls"
)

// TestClientSignatureScheme has a client show a certificate: both ends know with which scheme
// it signed.
func TestClientSignatureScheme(t *testing.T) {
	cert, pool := newCert(t)
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, tt := range []struct {
			own  []tls.Certificate
			want string
		}{{[]tls.Certificate{cert}, "ecdsa_secp256r1_sha256"}, {nil, ""}} {
			server := &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert, MaxVersion: v}
			client := &tls.Config{Certificates: tt.own, RootCAs: pool, ServerName: "localhost"}
			ours := stack{
				"akushu",
				func(c net.Conn) conn { return tls.Client(c, client) },
				func(c net.Conn) conn { return tls.Server(c, server) },
			}
			c, s := shaken(t, links[0], ours, ours)
			for who, end := range map[string]conn{"client": c, "server": s} {
				if info, _ := end.(*tls.Conn).Info(); info.ClientSignatureScheme != tt.want {
					t.Errorf("%s, %s, %d certificates: got %q, want %q", tls.VersionName(v), who, len(tt.own), info.ClientSignatureScheme, tt.want)
				}
			}
			if got := len(s.ConnectionState().PeerCertificates); got != len(tt.own) {
				t.Errorf("%s: the server saw %d certificates, want %d", tls.VersionName(v), got, len(tt.own))
			}
		}
	}
}

// rsaCert makes a self-signed certificate with an RSA key.
func rsaCert(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestClientCertificateBefore12 has clients show certificates in TLS 1.0 and 1.1, where what
// they sign with goes without saying (RFC 4346 §7.4.8), to and from crypto/tls.
func TestClientCertificateBefore12(t *testing.T) {
	ecdsaCert, pool := newCert(t)
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		for name, own := range map[string]tls.Certificate{"ECDSA": ecdsaCert, "RSA": rsaCert(t)} {
			stdConfig := &std.Config{
				Certificates: []tls.Certificate{ecdsaCert}, RootCAs: pool, ServerName: "localhost",
				MinVersion: v, MaxVersion: v, ClientAuth: std.RequireAnyClientCert,
			}
			stdClient := stdConfig.Clone()
			stdClient.Certificates = []tls.Certificate{own}
			server := &tls.Config{
				Certificates: []tls.Certificate{ecdsaCert}, MinVersion: v, MaxVersion: v, ClientAuth: tls.RequireAnyClientCert,
			}
			client := &tls.Config{
				Certificates: []tls.Certificate{own}, RootCAs: pool, ServerName: "localhost", MinVersion: v, MaxVersion: v,
			}
			theirs := stack{
				"crypto/tls",
				func(c net.Conn) conn { return std.Client(c, stdClient) },
				func(c net.Conn) conn { return std.Server(c, stdConfig) },
			}
			ours := stack{
				"akushu",
				func(c net.Conn) conn { return tls.Client(c, client) },
				func(c net.Conn) conn { return tls.Server(c, server) },
			}
			for _, tt := range []struct{ client, server stack }{{ours, theirs}, {theirs, ours}, {ours, ours}} {
				_, s := shaken(t, links[0], tt.client, tt.server)
				if got := len(s.ConnectionState().PeerCertificates); got != 1 {
					t.Errorf("%s, %s, %s to %s: the server saw %d certificates, want 1", tls.VersionName(v), name, tt.client.name, tt.server.name, got)
				}
			}
		}
	}
}
