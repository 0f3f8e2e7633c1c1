package pki_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/pki"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const day = 24 * time.Hour

// A world has an authority, one below it, and a leaf for a.example; each can be spoilt before it is signed.
type world struct {
	root, middle, leaf *x509.Certificate // templates
	sent               []*x509.Certificate
	roots              *x509.CertPool
}

func newWorld() *world {
	authority := func(name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-day), NotAfter: now.Add(day),
			BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign, MaxPathLen: -1, SubjectKeyId: []byte(name),
		}
	}
	return &world{root: authority("root"), middle: authority("middle"), leaf: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "leaf"}, NotBefore: now.Add(-day), NotAfter: now.Add(day),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"a.example", "*.b.example"}, IPAddresses: addressesOf("192.0.2.1"), SubjectKeyId: []byte("leaf"),
		IssuingCertificateURL: []string{"http://ca.example/middle.crt"},
	}}
}

// sign signs the chain, which is sent whole, save for the root, which is trusted.
func (w *world) sign(t *testing.T) {
	t.Helper()
	root := signed(t, w.root, w.root, key(t, "ecdsa-p256"), key(t, "ecdsa-p256"))
	middle := signed(t, w.middle, root, key(t, "ecdsa-p384"), key(t, "ecdsa-p256"))
	leaf := signed(t, w.leaf, middle, key(t, "ed25519"), key(t, "ecdsa-p384"))
	w.sent = []*x509.Certificate{leaf, middle}
	w.roots = x509.NewCertPool()
	w.roots.AddCert(root)
	w.root = root
}

func signed(t *testing.T, template, parent *x509.Certificate, own, by crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(env().Rand, template, parent, own.Public(), by)
	must(t, err)
	c, err := x509.ParseCertificate(der)
	must(t, err)
	return c
}

func TestDiagnose(t *testing.T) {
	rows := []struct {
		name  string
		spoil func(w *world)               // before signing
		after func(t *testing.T, w *world) // after signing
		host  string                       // a.example
		usage pki.Usage
		want  pki.Diagnosis
		blame string // common name; empty where none is
	}{
		{
			name:  "an expired leaf",
			spoil: func(w *world) { w.leaf.NotAfter = now.Add(-time.Hour) },
			want:  pki.Diagnosis{Code: pki.CodeExpired, Bound: now.Add(-time.Hour).Truncate(time.Second)},
			blame: "leaf",
		},
		{
			name:  "a leaf of the future",
			spoil: func(w *world) { w.leaf.NotBefore = now.Add(time.Hour) },
			want:  pki.Diagnosis{Code: pki.CodeNotYetValid, Bound: now.Add(time.Hour).Truncate(time.Second)},
			blame: "leaf",
		},
		{
			name:  "an expired authority",
			spoil: func(w *world) { w.middle.NotAfter = now.Add(-time.Hour) },
			want:  pki.Diagnosis{Code: pki.CodeExpired, Index: 1, Bound: now.Add(-time.Hour).Truncate(time.Second)},
			blame: "middle",
		},
		{
			name:  "an expired root",
			spoil: func(w *world) { w.root.NotAfter = now.Add(-time.Hour) },
			want:  pki.Diagnosis{Code: pki.CodeExpired, Index: -1, Bound: now.Add(-time.Hour).Truncate(time.Second)},
			blame: "root",
		},
		{
			name:  "an expired authority under a root that nobody trusts",
			spoil: func(w *world) { w.middle.NotAfter = now.Add(-time.Hour) },
			after: func(_ *testing.T, w *world) { w.roots = x509.NewCertPool() },
			want:  pki.Diagnosis{Code: pki.CodeExpired, Index: 1, Bound: now.Add(-time.Hour).Truncate(time.Second)},
			blame: "middle",
		},
		{
			name:  "another name",
			host:  "www.a.example",
			want:  pki.Diagnosis{Code: pki.CodeNameMismatch, Host: "www.a.example", Names: []string{"a.example", "*.b.example", "192.0.2.1"}},
			blame: "leaf",
		},
		{
			name:  "another address",
			host:  "192.0.2.2",
			want:  pki.Diagnosis{Code: pki.CodeNameMismatch, Host: "192.0.2.2", Names: []string{"a.example", "*.b.example", "192.0.2.1"}},
			blame: "leaf",
		},
		{
			name:  "the authority below the root was not sent",
			after: func(_ *testing.T, w *world) { w.sent = w.sent[:1] },
			want:  pki.Diagnosis{Code: pki.CodeUnknownAuthority, Issuer: "CN=middle", IssuerURLs: []string{"http://ca.example/middle.crt"}},
			blame: "leaf",
		},
		{
			name:  "the root is not trusted",
			after: func(_ *testing.T, w *world) { w.roots = x509.NewCertPool() },
			want:  pki.Diagnosis{Code: pki.CodeUnknownAuthority, Index: 1, Issuer: "CN=root"},
			blame: "middle",
		},
		{
			name:  "the root is not trusted, and was sent",
			after: func(_ *testing.T, w *world) { w.sent, w.roots = append(w.sent, w.root), x509.NewCertPool() },
			want:  pki.Diagnosis{Code: pki.CodeUntrustedRoot, Index: 2},
			blame: "root",
		},
		{
			name: "self-signed",
			after: func(t *testing.T, w *world) {
				w.sent = []*x509.Certificate{signed(t, w.leaf, w.leaf, key(t, "ed25519"), key(t, "ed25519"))}
			},
			want:  pki.Diagnosis{Code: pki.CodeSelfSigned},
			blame: "leaf",
		},
		{
			name: "an authority of the same name and another key",
			after: func(t *testing.T, w *world) {
				w.middle.SubjectKeyId = []byte("another")
				w.sent[1] = signed(t, w.middle, w.root, key(t, "rsa-2048"), key(t, "ecdsa-p256"))
			},
			want:  pki.Diagnosis{Code: pki.CodeUnknownAuthority, Issuer: "CN=middle", IssuerURLs: []string{"http://ca.example/middle.crt"}},
			blame: "leaf",
		},
		{
			name: "a signature that is not the issuer's",
			after: func(t *testing.T, w *world) {
				w.sent[1] = signed(t, w.middle, w.root, key(t, "rsa-2048"), key(t, "ecdsa-p256"))
			},
			want:  pki.Diagnosis{Code: pki.CodeBadSignature},
			blame: "leaf",
		},
		{
			name: "a signature of SHA-1",
			after: func(t *testing.T, w *world) {
				w.leaf.SignatureAlgorithm = x509.SHA1WithRSA
				w.sent[1] = signed(t, w.middle, w.root, key(t, "rsa-2048"), key(t, "ecdsa-p256"))
				w.sent[0] = signed(t, w.leaf, w.sent[1], key(t, "ed25519"), key(t, "rsa-2048").(*rsa.PrivateKey))
			},
			want:  pki.Diagnosis{Code: pki.CodeWeakSignature},
			blame: "leaf",
		},
		{
			name:  "an issuer that is no authority",
			spoil: func(w *world) { w.middle.IsCA, w.middle.KeyUsage = false, x509.KeyUsageDigitalSignature },
			want:  pki.Diagnosis{Code: pki.CodeNotAuthority, Index: 1},
			blame: "middle",
		},
		{
			name:  "more authorities than the root allows",
			spoil: func(w *world) { w.root.MaxPathLen, w.root.MaxPathLenZero = 0, true },
			want:  pki.Diagnosis{Code: pki.CodePathTooLong, Index: -1},
			blame: "root",
		},
		{
			name:  "a server's certificate for a client",
			usage: pki.Client,
			want:  pki.Diagnosis{Code: pki.CodeWrongUsage, Usages: []string{"serverAuth"}},
			blame: "leaf",
		},
		{
			name: "an authority for other purposes",
			spoil: func(w *world) {
				w.middle.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
				w.middle.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 2, 3}}
			},
			want:  pki.Diagnosis{Code: pki.CodeWrongUsage, Index: 1, Usages: []string{"emailProtection", "1.2.3"}},
			blame: "middle",
		},
		{
			name: "a leaf for other purposes, under an authority for all",
			spoil: func(w *world) {
				w.middle.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
				w.leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
			},
			want:  pki.Diagnosis{Code: pki.CodeWrongUsage, Usages: []string{"codeSigning"}},
			blame: "leaf",
		},
		{
			name: "a root for other purposes, which was not sent",
			spoil: func(w *world) {
				w.root.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
				w.middle.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
				w.leaf.ExtKeyUsage = nil
			},
			want: pki.Diagnosis{Code: pki.CodeWrongUsage, Index: -1},
		},
		{
			name:  "a name that the authority may not sign for",
			spoil: func(w *world) { w.middle.PermittedDNSDomains = []string{"c.example"} },
			want:  pki.Diagnosis{Code: pki.CodeNameConstraint},
			blame: "leaf",
		},
		{
			name: "a critical extension that nobody knows",
			spoil: func(w *world) {
				w.leaf.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
			},
			want:  pki.Diagnosis{Code: pki.CodeCritical},
			blame: "leaf",
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld()
			if row.spoil != nil {
				row.spoil(w)
			}
			w.sign(t)
			if row.after != nil {
				row.after(t, w)
			}
			if row.host == "" {
				row.host = "a.example"
			}
			check := pki.Check{At: now, Usage: row.usage}
			err := verify(w.sent, w.roots, row.host, check)
			got := pki.Diagnose(fmt.Errorf("wrapped: %w", err), w.sent, check)
			if diff := cmp.Diff(row.want, got, cmpopts.IgnoreFields(pki.Diagnosis{}, "Certificate", "Err")); diff != "" {
				t.Errorf("got another diagnosis of %v (-want +got):\n%s", err, diff)
			}
			if blamed := commonName(got.Certificate); blamed != row.blame {
				t.Errorf("got %q at fault, want %q", blamed, row.blame)
			}
			if !errors.Is(got.Err, err) {
				t.Errorf("got error %v, want %v", got.Err, err)
			}
		})
	}
}

func commonName(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	return c.Subject.CommonName
}

// A chain that verifies has no diagnosis: the rows above spoil one thing each.
func TestDiagnoseNothing(t *testing.T) {
	w := newWorld()
	w.sign(t)
	err := verify(w.sent, w.roots, "x.b.example", pki.Check{At: now})
	must(t, err)
	if got := pki.Diagnose(err, w.sent, pki.Check{At: now}); got.Code != "" || got.Index != -1 {
		t.Errorf("got %+v, want no code", got)
	}
}

// Errors without a certificate, and chains that go round in a circle.
func TestDiagnoseOther(t *testing.T) {
	w := newWorld()
	w.sign(t)
	one, two := *w.middle, *w.middle
	one.Subject.CommonName, two.Subject.CommonName = "one", "two"
	one.SubjectKeyId, two.SubjectKeyId = nil, nil
	circle := []*x509.Certificate{
		signed(t, &one, &two, key(t, "ecdsa-p256"), key(t, "ecdsa-p384")),
		signed(t, &two, &one, key(t, "ecdsa-p384"), key(t, "ecdsa-p256")),
	}
	other := errors.New("other")
	rows := []struct {
		name  string
		err   error
		chain []*x509.Certificate
		want  pki.Code
		index int
	}{
		{"no certificate", other, nil, pki.CodeNoCertificate, -1},
		{"another error", other, w.sent, pki.CodeOther, -1},
		{"no roots", x509.SystemRootsError{Err: other}, w.sent, pki.CodeNoRoots, -1},
		{"a critical extension in no certificate that was sent", x509.UnhandledCriticalExtension{}, w.sent, pki.CodeCritical, -1},
		{"a reason of its own", x509.CertificateInvalidError{Cert: w.sent[1], Reason: x509.NoValidChains}, w.sent, pki.CodeOther, 1},
		{"a circle", x509.UnknownAuthorityError{Cert: circle[0]}, circle, pki.CodeUnknownAuthority, 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := pki.Diagnose(row.err, row.chain, pki.Check{At: now})
			if got.Code != row.want || got.Index != row.index || got.Err != row.err {
				t.Errorf("got %+v, want code %s and index %d", got, row.want, row.index)
			}
		})
	}
}
