package auth

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/spki"
	"github.com/akushu/akushu/internal/suite"
)

// TestDelegable lists what a delegated key may sign with: neither PKCS #1, nor SHA-1, nor anything
// with a key for any use of RSA (RFC 9345 §4).
func TestDelegable(t *testing.T) {
	want := []iana.SignatureScheme{
		iana.SchemeECDSASecp256r1SHA256, iana.SchemeEd25519, iana.SchemeECDSASecp384r1SHA384, iana.SchemeECDSASecp521r1SHA512,
		iana.SchemeRSAPSSPSSSHA256, iana.SchemeRSAPSSPSSSHA384, iana.SchemeRSAPSSPSSSHA512,
	}
	if got := ids(Delegable(suite.Schemes())); len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	} else {
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%d: got %v, want %v", i, got[i], want[i])
			}
		}
	}
}

// FuzzParseDelegation holds that what parses comes out the same, and that no more is made of it
// than a key: judging it does not panic.
func FuzzParseDelegation(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	pss := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 2047, 1), E: 65537} // which nobody has the key of
	for _, pub := range []any{key.Public(), &suite.PSSKey{PublicKey: pss}} {
		info, err := spki.MarshalPublicKey(pub)
		if err != nil {
			f.Fatal(err)
		}
		d := &Delegation{ValidTime: 86400, Scheme: iana.SchemeECDSASecp256r1SHA256, Info: info, Algorithm: iana.SchemeEd25519, Signature: []byte{1, 2, 3}}
		raw, err := d.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
		f.Add(raw[:len(raw)-1])
	}
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 1, 4, 3, 0, 0, 1, 0, 4, 3, 0, 1, 0})
	leaf := &x509.Certificate{Raw: []byte{0x30, 0}, KeyUsage: x509.KeyUsageDigitalSignature, PublicKey: key.Public()}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := ParseDelegation(raw)
		if err != nil {
			return
		}
		if again, err := d.Marshal(); err != nil || !bytes.Equal(again, raw) {
			t.Errorf("got % x, %v; want % x", again, err, raw)
		}
		if err := d.Judge(leaf, suite.Schemes(), leaf.NotBefore); err == nil {
			t.Error("a certificate without DelegationUsage delegates")
		}
	})
}
