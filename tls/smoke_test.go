package tls_test

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

func newCert(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestSmoke(t *testing.T) {
	cert, pool := newCert(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, kind := range []string{"ours/ours", "ours/std", "std/ours"} {
			t.Run(tls.VersionName(version)+" "+kind, func(t *testing.T) {
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer ln.Close()
				done := make(chan error, 1)
				go func() {
					raw, err := ln.Accept()
					if err != nil {
						done <- err
						return
					}
					var c net.Conn
					if kind[5:] == "std" {
						c = std.Server(raw, &std.Config{Certificates: []std.Certificate{cert}})
					} else {
						c = tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{cert}})
					}
					_, err = io.Copy(c, c)
					c.Close()
					done <- err
				}()
				var c interface {
					net.Conn
					CloseWrite() error
				}
				if kind[:4] == "ours" {
					c, err = tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: pool, ServerName: "localhost", MaxVersion: version})
				} else {
					c, err = std.Dial("tcp", ln.Addr().String(), &std.Config{RootCAs: pool, ServerName: "localhost", MaxVersion: version})
				}
				if err != nil {
					t.Fatal(err, <-done)
				}
				msg := make([]byte, 1<<20)
				rand.Read(msg)
				go func() { c.Write(msg); c.CloseWrite() }()
				got, err := io.ReadAll(c)
				if err != nil || string(got) != string(msg) {
					t.Fatalf("got %d bytes, %v", len(got), err)
				}
				if err := <-done; err != nil {
					t.Error(err)
				}
				c.Close()
			})
		}
	}
}
