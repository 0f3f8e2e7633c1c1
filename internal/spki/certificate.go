package spki

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	der "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/akushu/akushu/internal/suite"
)

// ParseCertificate is [x509.ParseCertificate], which leaves PublicKey empty where a certificate has
// a key for RSASSA-PSS alone. Here it is an *rsa.PublicKey then, so that chains through the
// certificate can be verified; that it signs in no other way is for [KeyOf] and [CheckChain].
func ParseCertificate(raw []byte) (*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(raw)
	if err != nil || cert.PublicKey != nil || !isPSS(cert.RawSubjectPublicKeyInfo) {
		return cert, err
	}
	key, err := parsePSS(cert.RawSubjectPublicKeyInfo)
	if err != nil {
		return nil, err
	}
	cert.PublicKey, cert.PublicKeyAlgorithm = key.PublicKey, x509.RSA
	return cert, nil
}

// signs is the hash of each algorithm of signatures with RSASSA-PSS that crypto/x509 verifies.
var signs = map[x509.SignatureAlgorithm]crypto.Hash{
	x509.SHA256WithRSAPSS: crypto.SHA256,
	x509.SHA384WithRSAPSS: crypto.SHA384,
	x509.SHA512WithRSAPSS: crypto.SHA512,
}

// CheckChain holds the keys of a verified chain, leaf first, to what they may sign with: one for
// RSASSA-PSS alone signs with that, and if it says so with one hash alone (RFC 4055 §1.2, §3.1).
func CheckChain(chain []*x509.Certificate) error {
	for i, issuer := range chain[min(1, len(chain)):] {
		key, ok := KeyOf(issuer).(*suite.PSSKey)
		if !ok {
			continue
		}
		child := chain[i]
		if hash, isPSS := signs[child.SignatureAlgorithm]; !isPSS || !key.Allows(hash) {
			return fmt.Errorf("x509: %v, with which certificate %d is signed, is not what its issuer's key is for", child.SignatureAlgorithm, i)
		}
	}
	return nil
}

// Chains drops the chains that CheckChain refuses, in place, and returns why where none is left.
func Chains(all [][]*x509.Certificate) ([][]*x509.Certificate, error) {
	var err error
	kept := slices.DeleteFunc(all, func(chain []*x509.Certificate) bool {
		bad := CheckChain(chain)
		if err == nil {
			err = bad
		}
		return bad != nil
	})
	if len(kept) > 0 {
		err = nil
	}
	return kept, err
}

// ParsePKCS8PrivateKey is [x509.ParsePKCS8PrivateKey], and reads keys for RSASSA-PSS alone too, as
// an *rsa.PrivateKey (RFC 5958 §2). What such a key may be used for is in its certificate.
func ParsePKCS8PrivateKey(raw []byte) (crypto.PrivateKey, error) {
	in := cryptobyte.String(raw)
	var whole, algorithm, inner cryptobyte.String
	var version int
	var oid asn1.ObjectIdentifier
	if !in.ReadASN1(&whole, der.SEQUENCE) || !whole.ReadASN1Integer(&version) || !whole.ReadASN1(&algorithm, der.SEQUENCE) ||
		!algorithm.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(oidPSS) {
		return x509.ParsePKCS8PrivateKey(raw)
	}
	if !whole.ReadASN1(&inner, der.OCTET_STRING) {
		return nil, errors.New("x509: malformed RSASSA-PSS private key")
	}
	return x509.ParsePKCS1PrivateKey(inner)
}
