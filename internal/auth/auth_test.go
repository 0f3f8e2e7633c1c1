package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
)

// testKeys is one private key of each kind.
var testKeys = func() map[string]crypto.Signer {
	all := map[string]crypto.Signer{}
	for name, curve := range map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()} {
		all[name] = must(ecdsa.GenerateKey(curve, rand.Reader))
	}
	all["RSA"] = must(rsa.GenerateKey(rand.Reader, 2048))
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	all["Ed25519"] = must(ed, err)
	return all
}()

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// wantAlert checks an error's place, alert and section.
func wantAlert(t *testing.T, err error, where string, a iana.Alert, ref string) {
	t.Helper()
	var e *alert.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an alert.Error", err)
	}
	got := fmt.Sprintf("%s: %v (%s)", e.Where, e.Alert, e.Ref)
	if want := fmt.Sprintf("%s: %v (%s)", where, a, ref); got != want {
		t.Errorf("got  %s\nwant %s\n%v", got, want, e)
	}
}

// TestChooseScheme picks by the peer's order, from what key and certificate allow.
func TestChooseScheme(t *testing.T) {
	const (
		p256, p384, ed = iana.SchemeECDSASecp256r1SHA256, iana.SchemeECDSASecp384r1SHA384, iana.SchemeEd25519
		pss, pkcs1     = iana.SchemeRSAPSSRSAESHA256, iana.SchemeRSAPKCS1SHA256
	)
	type schemes = []iana.SignatureScheme
	tests := []struct {
		key     string
		allowed schemes // of the credential
		version iana.Version
		peer    schemes
		want    iana.SignatureScheme // 0: none
	}{
		{"P-256", nil, iana.VersionTLS13, schemes{pss, p384, p256}, p256},
		{"P-256", nil, iana.VersionTLS12, schemes{pss, p384, p256}, p384}, // no curve belongs to a scheme there
		{"P-384", nil, iana.VersionTLS13, schemes{p256}, 0},
		{"P-256", schemes{p384}, iana.VersionTLS13, schemes{p256}, 0},
		{"Ed25519", nil, iana.VersionTLS13, schemes{p256, ed}, ed},
		{"RSA", nil, iana.VersionTLS12, schemes{pkcs1, pss}, pkcs1},
		{"RSA", nil, iana.VersionTLS13, schemes{pkcs1, pss}, pss},
		{"RSA", schemes{pkcs1}, iana.VersionTLS12, schemes{pss, pkcs1}, pkcs1},
		{"RSA", nil, iana.VersionTLS12, schemes{iana.SchemeRSAPKCS1SHA1}, 0},
		{"P-256", nil, iana.VersionTLS12, schemes{iana.SchemeECDSASHA1}, 0},
		{"RSA", nil, iana.VersionTLS13, nil, 0},
		{"RSA", nil, iana.VersionTLS13, schemes{0x3a3a, 0xfefe}, 0},
	}
	for _, tt := range tests {
		got, err := ChooseScheme(&Credential{Key: testKeys[tt.key], Schemes: tt.allowed}, tt.version, tt.peer)
		what := fmt.Sprintf("%s, %v, %v offered", tt.key, tt.version, tt.peer)
		switch {
		case tt.want == 0:
			wantAlert(t, err, "signature_algorithms", iana.AlertHandshakeFailure, "RFC 9846 §4.3.3")
		case err != nil || got.ID != tt.want:
			t.Errorf("%s: got %v, %v, want %v", what, got, err, tt.want)
		}
	}
	_, err := ChooseScheme(&Credential{Key: testKeys["RSA"]}, iana.VersionTLS13, nil)
	if want := "2048-bit RSA key"; !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want it to name the %s", err, want)
	}
}

// TestSignatures signs with each scheme of each version, and has the signature refused when
// anything about it is other than it was.
func TestSignatures(t *testing.T) {
	hash := []byte("a transcript hash")
	for name, key := range testKeys {
		leaf := key.Public()
		cred := &Credential{Key: key}
		for _, s := range suite.SchemesFor(key.Public(), iana.VersionTLS13) {
			t.Run(fmt.Sprintf("%s/%v/TLS 1.3", name, s.ID), func(t *testing.T) {
				sig := must(Sign13(context.Background(), rand.Reader, cred, s, ServerContext, hash))
				verify := func(who string, hash, sig []byte) error {
					return Verify13(leaf, suite.Schemes(), s.ID, who, hash, sig)
				}
				if err := verify(ServerContext, hash, sig); err != nil {
					t.Fatal(err)
				}
				const where, ref = "certificate_verify.signature", "RFC 9846 §4.5.2"
				wantAlert(t, verify(ClientContext, hash, sig), where, iana.AlertDecryptError, ref)
				wantAlert(t, verify(ServerContext, hash[1:], sig), where, iana.AlertDecryptError, ref)
				wantAlert(t, verify(ServerContext, hash, sig[:len(sig)-1]), where, iana.AlertDecryptError, ref)
				wantAlert(t, Verify13(leaf, nil, s.ID, ServerContext, hash, sig), "certificate_verify.algorithm", iana.AlertIllegalParameter, ref)
				for other, k := range testKeys {
					if other != name {
						err := Verify13(k.Public(), suite.Schemes(), s.ID, ServerContext, hash, sig)
						wantAlert(t, err, "certificate_verify.algorithm", iana.AlertIllegalParameter, ref)
					}
				}
			})
		}
		for _, s := range suite.SchemesFor(key.Public(), iana.VersionTLS12) {
			t.Run(fmt.Sprintf("%s/%v/TLS 1.2", name, s.ID), func(t *testing.T) {
				sig := must(Sign(context.Background(), rand.Reader, cred, s, hash))
				if err := Verify12("x", leaf, suite.Schemes(), s.ID, hash, sig); err != nil {
					t.Fatal(err)
				}
				wantAlert(t, Verify12("x", leaf, suite.Schemes(), s.ID, hash[1:], sig), "x.signature", iana.AlertDecryptError, "RFC 5246 §7.4.3")
			})
		}
	}
}

// SHA-1 and PKCS#1 are refused where their version does not have them, offered or not.
func TestOldSchemes(t *testing.T) {
	leaf := testKeys["RSA"].Public()
	for _, id := range []iana.SignatureScheme{iana.SchemeRSAPKCS1SHA256, iana.SchemeRSAPKCS1SHA1, 0xfefe} {
		err := Verify13(leaf, suite.Schemes(), id, ServerContext, nil, nil)
		wantAlert(t, err, "certificate_verify.algorithm", iana.AlertIllegalParameter, "RFC 9846 §4.5.2")
		err = Verify12("x", leaf, suite.DefaultSchemes(), 0x0201, nil, nil)
		wantAlert(t, err, "x.algorithm", iana.AlertIllegalParameter, "RFC 5246 §7.4.3")
	}
}

// TestSignedContent compares what is signed with the example of RFC 9846 §4.5.2.
func TestSignedContent(t *testing.T) {
	want := strings.Repeat(" ", 64) + "TLS 1.3, server CertificateVerify\x00" + strings.Repeat("\x01", 32)
	if diff := cmp.Diff(want, string(signedContent(ServerContext, []byte(strings.Repeat("\x01", 32))))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// broken is a key that does not sign.
type broken struct{ crypto.Signer }

func (broken) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the smart card was taken out")
}

func TestKeyFails(t *testing.T) {
	s := suite.SchemeByID(iana.SchemeECDSASecp256r1SHA256)
	_, err := Sign13(context.Background(), rand.Reader, &Credential{Key: broken{testKeys["P-256"]}}, s, ServerContext, nil)
	wantAlert(t, err, "signature", iana.AlertInternalError, "")
	if !strings.Contains(err.Error(), "smart card") {
		t.Errorf("got %v, want it to say why", err)
	}
}
