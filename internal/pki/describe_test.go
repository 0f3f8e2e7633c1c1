package pki_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/pki"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Certificates that OpenSSL made, of algorithms that our own making does not have. The hashes are those that
// `openssl x509 -fingerprint -sha256` prints.
func TestDescribeForeign(t *testing.T) {
	rows := []struct{ file, serial, key, signature, sha256 string }{
		{"rsa_pss.pem", "102", "RSA-PSS 2048", "id-RSASSA-PSS", "19ce7b65e1e7740cfe5bd15a0b12f4a9c272110aca95057e482cf59a93199ec7"},
		{"rsa_sha1.pem", "3", "RSA 2048", "sha1WithRSAEncryption", "bcf2e7b09438b9acf9c45debdece01639ec1e6de5be51ec28bccc8ca1d8eb2cb"},
		{"dsa.pem", "2", "DSA", "id-dsa-with-sha256", "d0b8d9b8fca0b559e1819d1222f2f485ac5935f10f8fecd150f0bce7b774bed5"},
		{"ed448.pem", "1", "Ed448", "id-Ed448", "f7f0826980374db38f7d5e6f08ac1841c5c5e06561fa4cdd7c52978c60d3a62d"},
	}
	for _, row := range rows {
		t.Run(row.file, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", row.file))
			must(t, err)
			chain, err := pki.LoadChain(text)
			must(t, err)
			got := pki.Describe(chain[0])
			want := pki.Summary{
				Subject:            "CN=akushu test,O=akushu,C=JP",
				Issuer:             "CN=akushu test,O=akushu,C=JP",
				Serial:             row.serial,
				DNSNames:           []string{"example.com", "*.example.com"},
				IPs:                []string{"192.0.2.1", "2001:db8::1"},
				Key:                row.key,
				SignatureAlgorithm: row.signature,
				SHA256:             row.sha256,
				SelfSigned:         true,
				Authority:          true,
			}
			ignore := cmpopts.IgnoreFields(pki.Summary{}, "NotBefore", "NotAfter", "PublicKeySHA256")
			if diff := cmp.Diff(want, got, ignore); diff != "" {
				t.Errorf("got another summary (-want +got):\n%s", diff)
			}
		})
	}
}

// Algorithms that have no name here are their OID: Ed448 (1.3.101.113) made a stranger (1.3.101.127).
func TestDescribeUnknownAlgorithm(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "ed448.pem"))
	must(t, err)
	chain, err := pki.LoadChain(text)
	must(t, err)
	got, err := pki.DescribeDER(bytes.ReplaceAll(chain[0].Raw, []byte{0x2b, 0x65, 0x71}, []byte{0x2b, 0x65, 0x7f}))
	must(t, err)
	if got.Key != "1.3.101.127" || got.SignatureAlgorithm != "1.3.101.127" {
		t.Errorf("got key %s and signature %s, want 1.3.101.127 for both", got.Key, got.SignatureAlgorithm)
	}
}

func TestDescribe(t *testing.T) {
	signatures := map[string]string{ // of an authority with such a key
		"ecdsa-p256": "ecdsa-with-SHA256",
		"ecdsa-p384": "ecdsa-with-SHA384",
		"ecdsa-p521": "ecdsa-with-SHA512",
		"rsa-2048":   "sha256WithRSAEncryption",
		"ed25519":    "id-Ed25519",
	}
	for kind, signature := range signatures {
		t.Run(kind, func(t *testing.T) {
			root, err := pki.NewAuthority(env(), pki.Request{Key: key(t, kind), CommonName: "root"})
			must(t, err)
			id, err := root.Issue(pki.Request{Key: key(t, "ecdsa-p256")})
			must(t, err)
			got := pki.Describe(id.Leaf())
			want := pki.Summary{
				Subject:            "CN=localhost",
				Issuer:             "CN=root",
				NotBefore:          time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC),
				NotAfter:           time.Date(2027, 2, 18, 10, 59, 59, 0, time.UTC),
				DNSNames:           []string{"localhost"},
				IPs:                []string{"127.0.0.1", "::1"},
				Key:                "ECDSA P-256",
				SignatureAlgorithm: signature,
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(pki.Summary{}, "Serial", "SHA256", "PublicKeySHA256")); diff != "" {
				t.Errorf("got another summary (-want +got):\n%s", diff)
			}
			if len(got.SHA256) != 64 || len(got.PublicKeySHA256) != 64 || got.SHA256 == got.PublicKeySHA256 {
				t.Errorf("got hashes %s and %s, want two of 64 digits", got.SHA256, got.PublicKeySHA256)
			}
			if top := pki.Describe(root.Certificate); !top.SelfSigned || !top.Authority {
				t.Errorf("got %+v, want a self-signed authority", top)
			}
		})
	}
}

// A certificate that bears its issuer's name and another's signature is not self-signed.
func TestDescribeSameName(t *testing.T) {
	root, err := pki.NewAuthority(env(), pki.Request{Key: key(t, "ecdsa-p256"), CommonName: "x"})
	must(t, err)
	id, err := root.Issue(pki.Request{Key: key(t, "ecdsa-p384"), CommonName: "x"})
	must(t, err)
	if pki.Describe(id.Leaf()).SelfSigned {
		t.Error("got self-signed, want not")
	}
}

func TestDescribeDER(t *testing.T) {
	id, err := pki.SelfSigned(env(), pki.Request{Key: key(t, "ed25519")})
	must(t, err)
	got, err := pki.DescribeDER(id.Leaf().Raw)
	must(t, err)
	if diff := cmp.Diff(pki.Describe(id.Leaf()), got); diff != "" {
		t.Errorf("got another summary (-want +got):\n%s", diff)
	}
	broken, err := pki.DescribeDER([]byte("abc"))
	// of FIPS 180-2's example "abc"
	want := pki.Summary{SHA256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}
	if diff := cmp.Diff(want, broken); err == nil || diff != "" {
		t.Errorf("got %v and another summary (-want +got):\n%s", err, diff)
	}
}
