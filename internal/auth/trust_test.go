package auth

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/spki"
	"github.com/akushu/akushu/internal/suite"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// template is a leaf for example.com with a change.
func template(change func(*x509.Certificate)) *x509.Certificate {
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "example.com"},
		DNSNames:     []string{"example.com"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(c)
	}
	return c
}

// authority makes template one that signs others.
func authority(c *x509.Certificate) {
	c.Subject = pkix.Name{CommonName: "authority"}
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
}

// issue makes a certificate for pub, signed with the authority's key, which is P-384.
func issue(t *testing.T, c, parent *x509.Certificate, pub any) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, pub, testKeys["P-384"])
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestJudge gives chains to a client that trusts one authority.
func TestJudge(t *testing.T) {
	root := template(authority)
	rootDER := issue(t, root, root, testKeys["P-384"].Public())
	roots := x509.NewCertPool()
	roots.AddCert(must(x509.ParseCertificate(rootDER)))
	leaf := func(change func(*x509.Certificate)) []byte {
		return issue(t, template(change), root, testKeys["P-256"].Public())
	}
	huge := &rsa.PublicKey{N: new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 8192), big.NewInt(1)), E: 65537}
	tests := []struct {
		name  string
		chain [][]byte
		trust func(*Trust)
		where string
		alert iana.Alert // 0: trusted
		ref   string
		judge bool // it is a VerificationError
	}{
		{name: "trusted", chain: [][]byte{leaf(nil)}},
		{name: "trusted, with its root and another certificate", chain: [][]byte{leaf(nil), rootDER, leaf(nil)}},
		{name: "any name", chain: [][]byte{leaf(nil)}, trust: func(t *Trust) { t.Name = "" }},
		{name: "nothing verified", chain: [][]byte{leaf(nil)}, trust: func(t *Trust) { t.Skip, t.Roots = true, nil }},
		{name: "no key usage at all", chain: [][]byte{leaf(func(c *x509.Certificate) { c.KeyUsage = 0 })}},

		{name: "no DER", chain: [][]byte{[]byte("DER")}, where: "certificate.certificate_list", alert: iana.AlertBadCertificate, ref: "RFC 9846 §4.5.1.3"},
		{name: "no DER behind the leaf", chain: [][]byte{leaf(nil), {0x30, 0}}, where: "certificate.certificate_list", alert: iana.AlertBadCertificate, ref: "RFC 9846 §4.5.1.3"},
		{
			name: "a huge key", chain: [][]byte{issue(t, template(nil), root, huge)},
			where: "certificate.certificate_list", alert: iana.AlertBadCertificate, ref: "RFC 9846 §4.5.1.3",
		},
		{
			name: "a huge key of an intermediate", chain: [][]byte{leaf(nil), issue(t, template(authority), root, huge)},
			where: "certificate.certificate_list", alert: iana.AlertBadCertificate, ref: "RFC 9846 §4.5.1.3",
		},
		{
			name: "a key that is not for signatures", chain: [][]byte{leaf(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })},
			trust: func(t *Trust) { t.Skip = true },
			where: "certificate.certificate_list", alert: iana.AlertUnsupportedCertificate, ref: "RFC 9846 §4.5.1.2",
		},

		{
			name: "nobody's", chain: [][]byte{leaf(nil)}, trust: func(t *Trust) { t.Roots = x509.NewCertPool() },
			where: "certificate", alert: iana.AlertUnknownCA, ref: "RFC 9846 §4.5.1.3", judge: true,
		},
		{
			name: "another name", chain: [][]byte{leaf(nil)}, trust: func(t *Trust) { t.Name = "example.org" },
			where: "certificate", alert: iana.AlertBadCertificate, ref: "RFC 9846 §4.5.1.3", judge: true,
		},
		{
			name: "too late", chain: [][]byte{leaf(func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Minute) })},
			where: "certificate", alert: iana.AlertCertificateExpired, ref: "RFC 9846 §4.5.1.3", judge: true,
		},
		{
			name: "too early", chain: [][]byte{leaf(func(c *x509.Certificate) { c.NotBefore = now.Add(time.Minute) })},
			where: "certificate", alert: iana.AlertCertificateExpired, ref: "RFC 9846 §4.5.1.3", judge: true,
		},
		{
			name: "for clients", chain: [][]byte{leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })},
			where: "certificate", alert: iana.AlertUnsupportedCertificate, ref: "RFC 9846 §4.5.1.3", judge: true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			trust := &Trust{Roots: roots, Name: "example.com", Usage: x509.ExtKeyUsageServerAuth}
			if tt.trust != nil {
				tt.trust(trust)
			}
			peer, err := trust.Judge(tt.chain, now)
			if tt.alert == 0 {
				if err != nil || len(peer.Certificates) != len(tt.chain) || (peer.Chains == nil) != trust.Skip {
					t.Errorf("got %d certificates, %d chains, %v, want it trusted", len(peer.Certificates), len(peer.Chains), err)
				}
				return
			}
			wantAlert(t, err, tt.where, tt.alert, tt.ref)
			var bad *VerificationError
			if errors.As(err, &bad) != tt.judge || tt.judge && (len(bad.Certificates) != len(tt.chain) || errors.Unwrap(bad) == nil) {
				t.Errorf("got %v, want a VerificationError: %v", err, tt.judge)
			}
			if peer.Chains != nil {
				t.Errorf("got a verified chain beside the error")
			}
		})
	}
}

// TestKeysForPSSAlone judges chains whose keys the standard library leaves out: the peer's key is
// one for RSASSA-PSS, whose certificate decrypts nothing.
func TestKeysForPSSAlone(t *testing.T) {
	for _, name := range []string{"any", "leaf"} {
		root := map[string]string{"any": "any.pem", "leaf": "root.pem"}[name]
		roots := x509.NewCertPool()
		roots.AddCert(must(spki.ParseCertificate(pemOf(t, root))))
		trust := &Trust{Roots: roots, Name: "localhost", Usage: x509.ExtKeyUsageServerAuth}
		peer, err := trust.Judge([][]byte{pemOf(t, name+".pem")}, now.Add(24*time.Hour))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, pss := peer.Key.(*suite.PSSKey); pss != (name == "any") || len(peer.Chains) != 1 {
			t.Errorf("%s: got a %T and %d chains", name, peer.Key, len(peer.Chains))
		}
	}
	cred := &Credential{Leaf: must(spki.ParseCertificate(pemOf(t, "any.pem"))), Key: testKeys["RSA"]}
	if _, err := ChooseScheme(cred, iana.VersionTLS12, []iana.SignatureScheme{iana.SchemeRSAPSSRSAESHA256, iana.SchemeRSAPKCS1SHA256}); err == nil {
		t.Error("got a scheme for other RSA keys, want none")
	}
	if s, err := ChooseScheme(cred, iana.VersionTLS13, []iana.SignatureScheme{iana.SchemeRSAPSSRSAESHA256, iana.SchemeRSAPSSPSSSHA512}); err != nil || s.ID != iana.SchemeRSAPSSPSSSHA512 {
		t.Errorf("got %v, %v, want rsa_pss_pss_sha512", s, err)
	}
}

// TestJudgeKey judges keys that come without a certificate.
func TestJudgeKey(t *testing.T) {
	info := must(spki.MarshalPublicKey(testKeys["P-256"].Public()))
	huge := must(spki.MarshalPublicKey(&rsa.PublicKey{N: new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 8192), big.NewInt(1)), E: 65537}))
	trust := &Trust{Keys: []crypto.PublicKey{testKeys["RSA"].Public(), testKeys["P-256"].Public()}}
	if peer, err := trust.JudgeKey([][]byte{info}); err != nil || !peer.Raw || peer.Key == nil || peer.Certificates != nil {
		t.Errorf("got %+v, %v, want the key", peer, err)
	}
	const where, ref = "certificate.ASN1_subjectPublicKeyInfo", "RFC 7250 §3"
	for name, tt := range map[string]struct {
		shown [][]byte
		alert iana.Alert
		ref   string
	}{
		"two keys":             {[][]byte{info, info}, iana.AlertIllegalParameter, "RFC 9846 §4.5.1"},
		"none":                 {nil, iana.AlertIllegalParameter, "RFC 9846 §4.5.1"},
		"no DER":               {[][]byte{[]byte("DER")}, iana.AlertBadCertificate, ref},
		"something behind it":  {[][]byte{append(info[:len(info):len(info)], 0)}, iana.AlertBadCertificate, ref},
		"a certificate":        {[][]byte{pemOf(t, "leaf.pem")}, iana.AlertBadCertificate, ref},
		"a huge key":           {[][]byte{huge}, iana.AlertBadCertificate, ref},
		"a key of nobody here": {[][]byte{must(spki.MarshalPublicKey(testKeys["Ed25519"].Public()))}, iana.AlertCertificateUnknown, "RFC 7250 §6"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := trust.JudgeKey(tt.shown)
			wantAlert(t, err, where, tt.alert, tt.ref)
		})
	}
	_, err := (&Trust{Skip: true}).JudgeKey([][]byte{info})
	wantAlert(t, err, where, iana.AlertUnsupportedCertificate, ref)
}

func pemOf(t *testing.T, name string) []byte {
	t.Helper()
	block, _ := pem.Decode(must(os.ReadFile("../spki/testdata/" + name)))
	return block.Bytes
}

// What is held is parsed once, and forgotten when nobody holds it.
func TestParsedOnce(t *testing.T) {
	root := template(authority)
	der := issue(t, root, root, testKeys["P-384"].Public())
	first := must(parse(der))
	if second := must(parse(der)); second != first {
		t.Error("got another certificate of the same bytes, want the same one")
	}
	runtime.KeepAlive(first)
	count := func() (n int) {
		parsed.Range(func(any, any) bool { n++; return true })
		return n
	}
	before := count()
	first = nil
	for range 100 {
		if runtime.GC(); count() < before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("got %d certificates remembered, want fewer than %d", count(), before)
}
