package pki_test

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/akushu/akushu/internal/pki"
	"github.com/akushu/akushu/internal/spki"
)

// foreign is a certificate that OpenSSL made.
func foreign(t *testing.T, file string) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	must(t, err)
	chain, err := pki.LoadChain(text)
	must(t, err)
	return chain[0]
}

// Keys of algorithms that our own making does not have.
func TestForeignKeyNames(t *testing.T) {
	for file, want := range map[string]string{
		"rsa_pss.pem":  "RSA-PSS 2048",
		"rsa_sha1.pem": "RSA 2048",
		"dsa.pem":      "DSA",
		"ed448.pem":    "Ed448",
	} {
		if got := pki.CertificateKeyName(foreign(t, file)); got != want {
			t.Errorf("%s: got %q, want %q", file, got, want)
		}
	}
}

// An algorithm that has no name here is its OID: Ed448 (1.3.101.113) made a stranger (1.3.101.127).
func TestUnknownKeyName(t *testing.T) {
	der := bytes.ReplaceAll(foreign(t, "ed448.pem").Raw, []byte{0x2b, 0x65, 0x71}, []byte{0x2b, 0x65, 0x7f})
	c, err := spki.ParseCertificate(der)
	must(t, err)
	if got, want := pki.CertificateKeyName(c), "1.3.101.127"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := pki.CertificateKeyName(new(x509.Certificate)); got != "" {
		t.Errorf("of no certificate: got %q, want nothing", got)
	}
}

func TestCertificateKeyName(t *testing.T) {
	for kind, want := range map[string]string{
		"ecdsa-p256": "ECDSA P-256",
		"ecdsa-p384": "ECDSA P-384",
		"ecdsa-p521": "ECDSA P-521",
		"rsa-2048":   "RSA 2048",
		"ed25519":    "Ed25519",
	} {
		id, err := pki.SelfSigned(env(), pki.Request{Key: key(t, kind)})
		must(t, err)
		if got := pki.CertificateKeyName(id.Leaf()); got != want {
			t.Errorf("%s: got %q, want %q", kind, got, want)
		}
	}
}
