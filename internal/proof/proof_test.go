package proof

import (
	"bytes"
	"crypto"

	//lint:ignore SA1019 old captures have its signatures
	"crypto/dsa"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/peer"
)

var content = []byte("what is signed")

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Signatures of the standard library verify, and with one bit changed, of them or of the content, they do not.
func TestVerify(t *testing.T) {
	private := rsaKey(t)
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	salted := func(h crypto.Hash, n int) crypto.SignerOpts { return &rsa.PSSOptions{SaltLength: n, Hash: h} }
	for _, row := range []struct {
		name string
		a    Algorithm
		key  crypto.Signer
		opts crypto.SignerOpts
	}{
		{"PKCS#1 SHA-1", Algorithm{Kind: RSAPKCS1, Hash: crypto.SHA1}, private, crypto.SHA1},
		{"PKCS#1 MD5", Algorithm{Kind: RSAPKCS1, Hash: crypto.MD5}, private, crypto.MD5},
		{"PKCS#1 MD5 and SHA-1", Before12(private.Public()), private, crypto.MD5SHA1},
		{"PKCS#1 SHA-512", OfScheme(0x0601), private, crypto.SHA512},
		{"PSS SHA-256", OfScheme(0x0804), private, salted(crypto.SHA256, 32)},
		{"PSS SHA-512, short salt", OfScheme(0x0806), private, salted(crypto.SHA512, 5)},
		{"PSS SHA-256, no salt", OfScheme(0x0809), private, salted(crypto.SHA256, 0)},
		{"ECDSA SHA-256 on P-384", OfScheme(0x0403), ec, crypto.SHA256},
		{"ECDSA SHA-1", Before12(ec.Public()), ec, crypto.SHA1},
		{"Ed25519", OfScheme(0x0807), ed, crypto.Hash(0)},
	} {
		signed := content
		if row.a.Hash != 0 {
			signed = row.a.digest(content)
		}
		sig, err := row.key.Sign(rand.Reader, signed, row.opts)
		if err != nil {
			t.Fatal(row.name, err)
		}
		check := func(what string, content, sig []byte, want bool) Result {
			t.Helper()
			r, err := row.a.Verify(row.key.Public(), content, sig)
			if err != nil || r.OK != want {
				t.Errorf("%s, %s: got %v, %v, want %v", row.name, what, r.OK, err, want)
			}
			return r
		}
		r := check("as it is", content, sig, true)
		if _, is := row.key.(*rsa.PrivateKey); is && (r.Signed == nil || !bytes.Equal(r.Signed, r.Computed)) {
			t.Errorf("%s: got hashes %x and %x", row.name, r.Signed, r.Computed)
		}
		r = check("another content", append(bytes.Clone(content), '.'), sig, false)
		if _, is := row.key.(*rsa.PrivateKey); is && (r.Signed == nil || bytes.Equal(r.Signed, r.Computed)) {
			t.Errorf("%s, another content: got hashes %x and %x, want two that differ", row.name, r.Signed, r.Computed)
		}
		for _, i := range []int{0, len(sig) / 2, len(sig) - 1} {
			bad := bytes.Clone(sig)
			bad[i] ^= 1
			check("changed", content, bad, false)
		}
		check("cut", content, sig[:len(sig)-1], false)
		check("none", content, nil, false)
		if _, err := (Algorithm{}).Verify(row.key.Public(), content, sig); err != ErrUnsupported {
			t.Errorf("%s, under no algorithm: got %v", row.name, err)
		}
	}
}

// A key of 512 bits, which the standard library refuses, and DSA.
func TestOldKeys(t *testing.T) {
	p, q := prime(t, 256), prime(t, 256)
	n := new(big.Int).Mul(p, q)
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	d := new(big.Int).ModInverse(big.NewInt(65537), phi)
	if d == nil {
		t.Skip("no exponent for these primes")
	}
	a := Algorithm{Kind: RSAPKCS1, Hash: crypto.SHA1}
	prefix := digestInfos[crypto.SHA1][1]
	tail := append(append([]byte{0}, prefix...), a.digest(content)...)
	em := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, 64-2-len(tail))...)
	m := new(big.Int).SetBytes(append(em, tail...))
	sig := m.Exp(m, d, n).FillBytes(make([]byte, 64))
	if r, err := a.Verify(&rsa.PublicKey{N: n, E: 65537}, content, sig); err != nil || !r.OK {
		t.Errorf("RSA of 512 bits, no parameters: got %v, %v", r, err)
	}
	var k dsa.PrivateKey
	if err := dsa.GenerateParameters(&k.Parameters, rand.Reader, dsa.L1024N160); err != nil {
		t.Fatal(err)
	}
	if err := dsa.GenerateKey(&k, rand.Reader); err != nil {
		t.Fatal(err)
	}
	a = OfScheme(0x0402)
	r, s, err := dsa.Sign(rand.Reader, &k, a.digest(content)[:20])
	if err != nil {
		t.Fatal(err)
	}
	der, _ := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if got, err := a.Verify(&k.PublicKey, content, der); err != nil || !got.OK {
		t.Errorf("DSA: got %v, %v", got, err)
	}
	if got, err := a.Verify(&k.PublicKey, content[1:], der); err != nil || got.OK {
		t.Errorf("DSA of another content: got %v, %v", got, err)
	}
}

func prime(t *testing.T, bits int) *big.Int {
	t.Helper()
	p, err := rand.Prime(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// No key makes a reader work for long, or panic.
func TestOddKeys(t *testing.T) {
	huge := new(big.Int).Lsh(big.NewInt(1), maxRSA+1)
	for _, pub := range []crypto.PublicKey{
		&rsa.PublicKey{N: huge, E: 3}, &rsa.PublicKey{N: big.NewInt(0), E: 3}, &rsa.PublicKey{E: 3}, &dsa.PublicKey{}, ed25519.PublicKey{1}, nil,
	} {
		for _, a := range []Algorithm{OfScheme(0x0804), OfScheme(0x0401), OfScheme(0x0202), OfScheme(0x0403), OfScheme(0x0807)} {
			if r, err := a.Verify(pub, content, []byte{1}); err == nil || r.OK {
				t.Errorf("%T under %v: got %v, %v", pub, a, r, err)
			}
		}
	}
	for _, n := range []int64{1, 3, 255, 65535} {
		for _, a := range []Algorithm{OfScheme(0x0804), OfScheme(0x0401)} {
			if r, err := a.Verify(&rsa.PublicKey{N: big.NewInt(n), E: 3}, content, []byte{0}); err != nil || r.OK {
				t.Errorf("modulus %d: got %v, %v", n, r, err)
			}
		}
	}
}

// A chain of the standard library's, and what OpenSSL makes of RSA-PSS, keys for that alone included.
func TestCertificates(t *testing.T) {
	ca := rsaKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
		SignatureAlgorithm: x509.SHA384WithRSAPSS,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, ca.Public(), ca)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := c.Check(c.Key); err != nil || !r.OK || !bytes.Equal(c.Issuer, c.Subject) {
		t.Errorf("RSA-PSS with SHA-384: got %v, %v", r, err)
	}
	for _, n := range []int{0, 1, len(der) / 2, len(der) - 1} {
		if _, err := ParseCertificate(der[:n]); err == nil {
			t.Errorf("%d bytes of a certificate are taken for one", n)
		}
	}
	if _, err := ParseCertificate(append(bytes.Clone(der), 0)); err == nil {
		t.Error("a certificate with something behind it is taken for one")
	}
	path := filepath.Join(t.TempDir(), "c.pem")
	peer.Output(t, "openssl", "req", "-x509", "-newkey", "rsa-pss", "-nodes", "-subj", "/CN=pss", "-sha512", "-out", path, "-keyout", os.DevNull)
	text, _ := os.ReadFile(path)
	block, _ := pem.Decode(text)
	if c, err = ParseCertificate(block.Bytes); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Check(c.Key); err != nil || !r.OK || c.Algorithm.Hash != crypto.SHA512 {
		t.Errorf("a key for RSA-PSS alone: got %v, %v, %v", r, err, c.Algorithm)
	}
}

func FuzzCertificate(f *testing.F) {
	sum := sha256.Sum256(nil)
	f.Add([]byte{0x30, 0x00}, sum[:])
	f.Fuzz(func(t *testing.T, der, sig []byte) {
		if c, err := ParseCertificate(der); err == nil {
			if r, err := c.Check(c.Key); err != nil && r.OK {
				t.Errorf("got %v with %v", r, err)
			}
		}
	})
}
