package spki

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"embed"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/suite"
)

//go:embed testdata
var testdata embed.FS

// block is the DER of a file of testdata.
func block(t testing.TB, name string) []byte {
	t.Helper()
	text, err := testdata.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := pem.Decode(text)
	return b.Bytes
}

func certificate(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	cert, err := ParseCertificate(block(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// TestCertificates reads what OpenSSL made.
func TestCertificates(t *testing.T) {
	for _, tt := range []struct {
		name string
		hash crypto.Hash
		salt int
	}{
		{"any", 0, 0},
		{"sha384", crypto.SHA384, 48},
	} {
		cert := certificate(t, tt.name+".pem")
		key, ok := KeyOf(cert).(*suite.PSSKey)
		if !ok || key.Hash != tt.hash || key.Salt != tt.salt || key.N.BitLen() != 2048 {
			t.Fatalf("%s: got %v, want a key of %v, %d", tt.name, KeyOf(cert), tt.hash, tt.salt)
		}
		if !key.Equal(cert.PublicKey) || cert.PublicKeyAlgorithm != x509.RSA {
			t.Errorf("%s: got a certificate with a %T, want its RSA key", tt.name, cert.PublicKey)
		}
		private, err := ParsePKCS8PrivateKey(block(t, tt.name+".key"))
		if err != nil || !key.Equal(private.(*rsa.PrivateKey).Public()) {
			t.Errorf("%s: got %T, %v, want the certificate's key", tt.name, private, err)
		}
		again, err := ParsePublicKey(cert.RawSubjectPublicKeyInfo)
		if err != nil || !key.Equal(again) {
			t.Errorf("%s: ParsePublicKey: got %v, %v, want the same", tt.name, again, err)
		}
	}
}

// TestOtherKeys reads what crypto/x509 reads, but for keys that sign nothing.
func TestOtherKeys(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ed := ed25519.NewKeyFromSeed(make([]byte, 32))
	agree, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, public := range []crypto.PublicKey{ec.Public(), ed.Public()} {
		info, err := MarshalPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParsePublicKey(info); err != nil || !got.(interface{ Equal(crypto.PublicKey) bool }).Equal(public) {
			t.Errorf("got %v, %v, want %v", got, err, public)
		}
		if _, err := ParsePublicKey(append(info, 0)); err == nil {
			t.Error("got no error of a key with something behind it")
		}
	}
	info, err := MarshalPublicKey(agree.Public())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParsePublicKey(info); err == nil {
		t.Errorf("got %T, want no key for key agreement", got)
	}
	if _, err := ParsePKCS8PrivateKey(block(t, "leaf.key")); err != nil {
		t.Error(err)
	}
}

// TestChains verifies a chain through an authority with a key for RSASSA-PSS alone.
func TestChains(t *testing.T) {
	root, leaf := certificate(t, "root.pem"), certificate(t, "leaf.pem")
	pool := x509.NewCertPool()
	pool.AddCert(root)
	chains, err := leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := Chains(chains); err != nil || len(kept) != 1 {
		t.Errorf("got %d chains, %v, want it kept", len(kept), err)
	}
	for _, algorithm := range []x509.SignatureAlgorithm{x509.SHA256WithRSA, x509.SHA384WithRSAPSS, x509.UnknownSignatureAlgorithm} {
		other := *leaf
		other.SignatureAlgorithm = algorithm
		bad := []*x509.Certificate{&other, root}
		if kept, err := Chains([][]*x509.Certificate{bad}); err == nil || len(kept) != 0 || !strings.Contains(err.Error(), "not what its issuer's key is for") {
			t.Errorf("%v: got %d chains, %v, want it refused", algorithm, len(kept), err)
		}
		if kept, err := Chains([][]*x509.Certificate{bad, chains[0]}); err != nil || len(kept) != 1 {
			t.Errorf("%v, beside another chain: got %d chains, %v, want that", algorithm, len(kept), err)
		}
	}
	if err := CheckChain(nil); err != nil {
		t.Errorf("no chain: %v", err)
	}
}

// TestParameters reads parameters as they may be, and refuses what they may not be.
func TestParameters(t *testing.T) {
	restricted := certificate(t, "sha384.pem").RawSubjectPublicKeyInfo
	const hash = "\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00"
	const mask = "\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00"
	const salt, trailer = "\xa2\x03\x02\x01\x30", "\xa3\x03\x02\x01\x01"
	was := "\x30\x34" + hash + mask + salt
	if !bytes.Contains(restricted, []byte(was)) {
		t.Fatalf("the parameters of the sample are not what they should be: %x", restricted)
	}
	sequence := func(fields ...string) string {
		all := strings.Join(fields, "")
		return "\x30" + string(rune(len(all))) + all
	}
	for _, tt := range []struct {
		name, params, want string
	}{
		{"as made", was, "SHA-384 48"},
		{"with the trailer", sequence(hash, mask, salt, trailer), "SHA-384 48"},
		{"the defaults", sequence(), "SHA-1 20"},
		{"the default salt", sequence(hash, mask), "SHA-384 20"},
		{"one hash, another mask", sequence(hash, salt), ""},
		{"in another order", sequence(mask, hash, salt), ""},
		{"another trailer", sequence(hash, mask, salt, "\xa3\x03\x02\x01\x02"), ""},
		{"a negative salt", sequence(hash, mask, "\xa2\x03\x02\x01\xff"), ""},
		{"a salt twice", sequence(hash, mask, salt, salt), ""},
		{"an unknown hash", sequence(strings.Replace(hash, "\x02\x02\x05", "\x02\x0a\x05", 1), mask, salt), ""},
		{"an unknown mask", sequence(hash, strings.Replace(mask, "\x01\x01\x08", "\x01\x01\x09", 1), salt), ""},
		{"null", "\x05\x00", ""},
		{"something behind", was + "\x05\x00", ""},
	} {
		got := ""
		key, err := ParsePublicKey(replace(t, restricted, was, tt.params))
		if err == nil {
			got = fmt.Sprint(key.(*suite.PSSKey).Hash, key.(*suite.PSSKey).Salt)
		}
		if got != tt.want {
			t.Errorf("%s: got %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

// replace replaces the parameters of an algorithm, and the lengths around them.
func replace(t *testing.T, info []byte, was, by string) []byte {
	t.Helper()
	out := bytes.Replace(bytes.Clone(info), []byte(was), []byte(by), 1)
	grown := len(by) - len(was)
	length := int(out[2])<<8 | int(out[3]) + grown // 30 82 xx xx, of the whole
	out[2], out[3] = byte(length>>8), byte(length)
	out[5] += byte(grown) // 30 xx, of the algorithm
	return out
}

// FuzzParsePublicKey looks for what panics, and for keys that are read in two ways.
func FuzzParsePublicKey(f *testing.F) {
	for _, name := range []string{"any.pem", "sha384.pem", "leaf.pem"} {
		f.Add(certificate(f, name).RawSubjectPublicKeyInfo)
	}
	f.Fuzz(func(t *testing.T, info []byte) {
		key, err := ParsePublicKey(info)
		if (key == nil) == (err == nil) {
			t.Fatalf("got %v and %v", key, err)
		}
		cert := &x509.Certificate{RawSubjectPublicKeyInfo: info}
		if pss, ok := key.(*suite.PSSKey); ok && !pss.Equal(KeyOf(cert)) {
			t.Errorf("got another key of a certificate: %v, %v", KeyOf(cert), pss)
		}
		_, _ = ParsePKCS8PrivateKey(info)
		_, _ = ParseCertificate(info)
	})
}
