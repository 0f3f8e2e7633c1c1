// Package bench compares this module with crypto/tls, side by side in one run:
//
//	go test -bench . ./bench
//
// docs/PERFORMANCE.md holds the results.
package bench

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	std "crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/akushu/akushu/tls"
)

// authority is a root and a leaf for localhost under it, both ECDSA P-256.
func authority(t testing.TB) (std.Certificate, *x509.CertPool) {
	t.Helper()
	rootKey, root := issue(t, nil, nil, &x509.Certificate{
		Subject:               pkix.Name{CommonName: "bench root"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	})
	key, leaf := issue(t, rootKey, root, &x509.Certificate{
		Subject:     pkix.Name{CommonName: "localhost"},
		DNSNames:    []string{"localhost"},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	pool := x509.NewCertPool()
	pool.AddCert(root)
	return std.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, pool
}

func issue(t testing.TB, parentKey *ecdsa.PrivateKey, parent, template *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if parent == nil {
		parentKey, parent = key, template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

// conn is what both stacks' connections can do.
type conn interface {
	net.Conn
	Handshake() error
}

// stack is a TLS stack with everything set.
type stack struct {
	name   string
	client func(net.Conn) conn
	server func(net.Conn) conn
}

// stacks returns crypto/tls and ours, with the same certificates and policy: X25519 first, and the leaf's curve, without
// which TLS 1.2 has no use for the leaf (RFC 8422 §5.3).
func stacks(t testing.TB, version uint16) []stack {
	cert, pool := authority(t)
	stdClient := &std.Config{RootCAs: pool, ServerName: "localhost", MinVersion: version, MaxVersion: version, CurvePreferences: []std.CurveID{std.X25519, std.CurveP256}}
	stdServer := &std.Config{
		Certificates: []std.Certificate{cert}, MinVersion: version, MaxVersion: version,
		CurvePreferences: []std.CurveID{std.X25519, std.CurveP256}, SessionTicketsDisabled: true,
	}
	ourClient := &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: version, MaxVersion: version, CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256}}
	ourServer := &tls.Config{
		Certificates: []tls.Certificate{cert}, MinVersion: version, MaxVersion: version,
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256}, SessionTicketsDisabled: true,
	}
	return []stack{
		{
			"crypto_tls",
			func(c net.Conn) conn { return std.Client(c, stdClient) },
			func(c net.Conn) conn { return std.Server(c, stdServer) },
		},
		{
			"akushu",
			func(c net.Conn) conn { return tls.Client(c, ourClient) },
			func(c net.Conn) conn { return tls.Server(c, ourServer) },
		},
	}
}

// versions is what each benchmark runs in.
var versions = []struct {
	name string
	id   uint16
}{{"tls13", tls.VersionTLS13}, {"tls12", tls.VersionTLS12}}

// loopback returns the two ends of TCP connections, as many as are asked for.
func loopback(t testing.TB) (dial func() (client, server net.Conn)) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return func() (net.Conn, net.Conn) {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		s, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return c, s
	}
}

// shake has both ends shake hands.
func shake(t testing.TB, client, server conn) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// BenchmarkHandshake is a full handshake, client and server together: X25519, an ECDSA
// P-256 leaf under one root, the name verified, no key log. TCP's own part is not
// counted.
func BenchmarkHandshake(b *testing.B) {
	for _, v := range versions {
		for _, s := range stacks(b, v.id) {
			b.Run(v.name+"/"+s.name, func(b *testing.B) {
				dial := loopback(b)
				b.ReportAllocs()
				for b.Loop() {
					b.StopTimer()
					rawC, rawS := dial()
					b.StartTimer()
					client, server := s.client(rawC), s.server(rawS)
					shake(b, client, server)
					b.StopTimer()
					rawC.Close()
					rawS.Close()
					b.StartTimer()
				}
			})
		}
	}
}

// BenchmarkBulk sends 256 KiB a Write over loopback TCP.
func BenchmarkBulk(b *testing.B) {
	for _, v := range versions {
		for _, s := range stacks(b, v.id) {
			b.Run(v.name+"/"+s.name, func(b *testing.B) {
				rawC, rawS := loopback(b)()
				client, server := s.client(rawC), s.server(rawS)
				shake(b, client, server)
				defer rawC.Close()
				defer rawS.Close()
				data := make([]byte, 256<<10)
				done := make(chan error, 1)
				go func() {
					buf := make([]byte, 64<<10)
					for {
						if _, err := server.Read(buf); err != nil {
							done <- err
							return
						}
					}
				}()
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := client.Write(data); err != nil {
						b.Fatal(err)
					}
				}
				client.Close()
				if err := <-done; err != io.EOF {
					b.Fatal(err)
				}
			})
		}
	}
}
