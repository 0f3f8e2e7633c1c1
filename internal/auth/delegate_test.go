package auth

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"testing"
	"time"

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

// publishedLeaf is the certificate of the test vectors of draft-ietf-tls-subcerts, which became RFC
// 9345 and has its form.
const publishedLeaf = `MIIBezCCASKgAwIBAgIRAJZxpkATSkXtaYuKkmP/7YQwCgYIKoZIzj0EAwIwFDES
MBAGA1UEChMJQWNtZSBJbmMuMB4XDTIwMDcwMTEzMDUzM1oXDTIwMDcwODEzMDUz
M1owFDESMBAGA1UEChMJQWNtZSBJbmMuMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
QgAEJYa2xzCGsR//gL6mdUxMr+DpSrrsputAPiTSrnBOvyfCw1aY3fq+tlRS9WbV
1zXEQKItVNf7ofFSm2BYVXxOxqNVMFMwDgYDVR0PAQH/BAQDAgeAMBMGA1UdJQQM
MAoGCCsGAQUFBwMBMAwGA1UdEwEB/wQCMAAwDwYDVR0RBAgwBocEfwAAATANBgkr
BgEEAYLaSywEADAKBggqhkjOPQQDAgNHADBEAiAWufQRTjgJaOYn3KBmvkNUwLyp
66vHmWi7L52EDCUGYwIgawvUo3EplSqfdTrYM1YbjuN7aiyqeljkE5G0hihUh0w=`

// TestPublishedDelegations has clients take the published test vectors, as long as they are good for.
func TestPublishedDelegations(t *testing.T) {
	leaf, err := x509.ParseCertificate(unbase64(t, publishedLeaf))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		scheme iana.SignatureScheme
		text   string
	}{
		{iana.SchemeECDSASecp256r1SHA256, `AAk6gAQDAABbMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE3d+Pzf7NWkggc7nA
aaGilBsaMIRkBPQmFsefWn9rBNyeDW2BMFZ6mV080ymb7FM5+Da1cdjJRPifS2Ag
ZKesmgQDAEgwRgIhAMIU+EDJFpqdTq/1dGPjk8xJd+ODjTnjlcyR1A271HczAiEA
pYW11X2/nCu4VE/saC/ufvIMw1ICVlCVfhwxait68sw=`},
		{iana.SchemeECDSASecp521r1SHA512, `AAk6gAYDAACeMIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQBW1wDJ64H4/8yhITm
GHcYw/61R29wGY0I9ZoeQbQJWqp4dLaPW1cxO92gauXquWIw13UG1nRpoE5dVW5g
orbYFh4BqrL9opUBBBtY17ZS6weOGkNSmNw5r3Y1T4xA0QhflipvYOehF3BE1uZD
i7246NDFCci8i1mXNpTu0VD+L5N/UwkEAwBGMEQCIGb3a+0emini37x8s+Kk5z/H
ZtMPrKZITvLuqOwr7eEQAiBioJSh1+ZQMFcKolH+lKkjmB1OuEJ94K38FIRsPgA8
ZQ==`},
		{iana.SchemeECDSASecp384r1SHA384, `AAk6gAUDAAB4MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEIU3nnaepGRVE0B03mZpC
p6pKFemLkpvTcJY2DRS/DWTy3MSvhLV2G6wthE6aWnWbOkjv+bvgv6jS2NOtYTFb
xGcTJEyoyYRNxl2fRUWFsQW4z4LCCWseK7IO3R6LKmnmBAMARjBEAiAHQkPswEN6
0b1Aun8t6ivnGJFOx6lOCknbeO7y2DErbQIgaq1GUrcGF79hIG/XO4MTjinTp0ai
PzmH7d0v9UHNP4c=`},
		{iana.SchemeEd25519, `AAk6gAgHAAAsMCowBQYDK2VwAyEAfNmwkbUcG0OgeI8mjmvEob+mEhMmdoRvn7yA
o1vOui4EAwBGMEQCIByJ7WXoTUXaIK2P99WyE0ZGHz2fCIaxsQ1LUyZlqqMjAiBg
KOC3Yi3ThHvk5Kbk0NYz8GPokcsCIzRUCJ43O2meFQ==`},
	} {
		d, err := ParseDelegation(unbase64(t, tt.text))
		if err != nil {
			t.Fatalf("%v: %v", tt.scheme, err)
		}
		if d.Scheme != tt.scheme || !d.Expiry(leaf).Equal(leaf.NotBefore.Add(MaxDelegation)) {
			t.Errorf("got %v until %v, want %v for seven days", d.Scheme, d.Expiry(leaf), tt.scheme)
		}
		if err := d.Judge(leaf, suite.Schemes(), leaf.NotBefore); err != nil {
			t.Errorf("%v: %v", tt.scheme, err)
		}
		if err := d.Judge(leaf, suite.Schemes(), leaf.NotAfter.Add(time.Second)); err == nil {
			t.Errorf("%v: got no error a second after the end", tt.scheme)
		}
		d.ValidTime--
		if err := d.Judge(leaf, suite.Schemes(), leaf.NotBefore); err == nil {
			t.Errorf("%v: got no error for another time than was signed", tt.scheme)
		}
	}
}

func unbase64(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
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
