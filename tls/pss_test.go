package tls_test

import (
	"crypto/rsa"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/tls"
)

// ParseCertificate and X509KeyPair read a key for RSASSA-PSS alone, of which crypto/x509 says nothing.
func TestParseCertificatePSS(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	peer.Output(t, "openssl", "req", "-x509", "-newkey", "rsa-pss", "-nodes", "-subj", "/CN=pss", "-out", certFile, "-keyout", keyFile)
	certPEM, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil || theirs.PublicKey != nil {
		t.Fatalf("crypto/x509: got %T, %v, want no key", theirs.PublicKey, err)
	}
	ours, err := tls.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	key, ok := ours.PublicKey.(*rsa.PublicKey)
	if !ok || !key.Equal(&pair.PrivateKey.(*rsa.PrivateKey).PublicKey) {
		t.Errorf("got %T, want the pair's key", ours.PublicKey)
	}
}
