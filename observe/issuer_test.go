package observe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"testing"
	"time"
)

// Who has the issuer's name and another key has not signed a certificate: it is not bad.
func TestOtherIssuers(t *testing.T) {
	type issue struct {
		subject, issuer string
		key, by         *ecdsa.PrivateKey
		id, byID        string
	}
	a, b := ecdsaKey(t), ecdsaKey(t)
	made := func(i issue) []byte {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: i.subject}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
			SubjectKeyId: []byte(i.id), AuthorityKeyId: []byte(i.byID), IsCA: i.id != "", BasicConstraintsValid: true,
		}
		parent := &x509.Certificate{Subject: pkix.Name{CommonName: i.issuer}, SubjectKeyId: []byte(i.byID)}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, i.key.Public(), i.by)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	old, renewed := issue{"CA", "root", a, b, "a", "root"}, issue{"CA", "root", b, b, "b", "root"}
	for _, row := range []struct {
		name  string
		chain []issue
		want  []string
	}{
		{"the right one", []issue{{"leaf", "CA", b, a, "", "a"}, old}, []string{"", ReasonNoIssuer}},
		{"the wrong one, with its number", []issue{{"leaf", "CA", b, a, "", "a"}, renewed}, []string{ReasonNoIssuer, ReasonNoIssuer}},
		{"the wrong one, without", []issue{{"leaf", "CA", b, a, "", ""}, renewed}, []string{ReasonMismatch, ReasonNoIssuer}},
		{"both", []issue{{"leaf", "CA", b, a, "", "a"}, renewed, old}, []string{"", ReasonNoIssuer, ReasonNoIssuer}},
		{"a name of one's own, and another's number", []issue{{"same", "same", b, a, "b", "a"}}, []string{ReasonNoIssuer}},
		{"a name and a number of one's own", []issue{{"same", "same", b, a, "b", "b"}}, []string{ReasonMismatch}},
	} {
		var ders [][]byte
		for _, i := range row.chain {
			ders = append(ders, made(i))
		}
		var got []string
		for _, v := range judgeChain(ders) {
			got = append(got, v.reason)
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

func ecdsaKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
