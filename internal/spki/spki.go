// Package spki reads public keys as X.509 writes them, and the certificates that they stand in:
// with crypto/x509, and where that has no type for a key, RSA for RSASSA-PSS alone (RFC 4055), by
// itself. internal/auth judges peers by it, the observer and internal/pki describe what they see.
package spki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	der "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/akushu/akushu/internal/suite"
)

var (
	oidMGF1   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	oidPSS    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	rawOIDPSS = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a}
)

// hashes is the hashes that a key may be tied to (RFC 4055 §2.1). Others are read, and go with
// no scheme of TLS.
var hashes = []struct {
	oid  asn1.ObjectIdentifier
	hash crypto.Hash
}{
	{asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, crypto.SHA1},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 4}, crypto.SHA224},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, crypto.SHA512},
}

var errForm = errors.New("x509: malformed RSASSA-PSS public key")

// ParsePublicKey reads a SubjectPublicKeyInfo in DER (RFC 5280 §4.1). The result is an
// *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey or a *[suite.PSSKey].
func ParsePublicKey(info []byte) (crypto.PublicKey, error) {
	if isPSS(info) {
		key, err := parsePSS(info)
		if err != nil {
			return nil, err // and no key of that type that is nil
		}
		return key, nil
	}
	key, err := x509.ParsePKIXPublicKey(info)
	if err != nil {
		return nil, err
	}
	switch key.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
		return key, nil
	}
	return nil, fmt.Errorf("x509: a %T is no key for signatures", key)
}

// MarshalPublicKey is the inverse of [ParsePublicKey] for keys that crypto/x509 has a type for, and
// for those for RSASSA-PSS alone that are tied to no hash.
func MarshalPublicKey(key crypto.PublicKey) ([]byte, error) {
	pss, ok := key.(*suite.PSSKey)
	if !ok {
		return x509.MarshalPKIXPublicKey(key)
	}
	if pss.Hash != 0 {
		return nil, errors.New("x509: an RSASSA-PSS public key that is tied to a hash is only read")
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(der.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(der.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(rawOIDPSS) })
		b.AddASN1BitString(x509.MarshalPKCS1PublicKey(pss.PublicKey))
	})
	return b.Bytes()
}

// KeyOf returns the public key of a certificate, nil for a kind that nobody here knows. That of a
// certificate of [ParseCertificate] may be a *[suite.PSSKey], where its PublicKey has none.
func KeyOf(cert *x509.Certificate) crypto.PublicKey {
	if isPSS(cert.RawSubjectPublicKeyInfo) {
		if key, err := parsePSS(cert.RawSubjectPublicKeyInfo); err == nil {
			return key
		}
		return nil
	}
	return cert.PublicKey
}

// isPSS reports whether a SubjectPublicKeyInfo has the algorithm id-RSASSA-PSS.
func isPSS(info []byte) bool {
	in := cryptobyte.String(info)
	var whole, algorithm cryptobyte.String
	return in.ReadASN1(&whole, der.SEQUENCE) && whole.ReadASN1(&algorithm, der.SEQUENCE) && bytes.HasPrefix(algorithm, rawOIDPSS)
}

// parsePSS reads a key that isPSS.
func parsePSS(info []byte) (*suite.PSSKey, error) {
	in := cryptobyte.String(info)
	var whole, algorithm cryptobyte.String
	var bits []byte
	if !in.ReadASN1(&whole, der.SEQUENCE) || !in.Empty() || !whole.ReadASN1(&algorithm, der.SEQUENCE) ||
		!algorithm.Skip(len(rawOIDPSS)) || !whole.ReadASN1BitStringAsBytes(&bits) || !whole.Empty() {
		return nil, errForm
	}
	public, err := x509.ParsePKCS1PublicKey(bits)
	if err != nil {
		return nil, err
	}
	key := &suite.PSSKey{PublicKey: public}
	if algorithm.Empty() {
		return key, nil
	}
	if err := parseParameters(algorithm, key); err != nil {
		return nil, err
	}
	return key, nil
}

// parseParameters reads the RSASSA-PSS-params that tie a key to a hash and to salts of some length
// at least (RFC 4055 §3.1).
func parseParameters(params cryptobyte.String, key *suite.PSSKey) error {
	var in, field cryptobyte.String
	if !params.ReadASN1(&in, der.SEQUENCE) || !params.Empty() {
		return errForm
	}
	digest, mask, salt, trailer := crypto.SHA1, crypto.SHA1, 20, 1 // the defaults
	var present bool
	for i, read := range []func(*cryptobyte.String) bool{
		func(s *cryptobyte.String) bool { return readHash(s, &digest) },
		func(s *cryptobyte.String) bool { return readMGF1(s, &mask) },
		func(s *cryptobyte.String) bool { return s.ReadASN1Integer(&salt) },
		func(s *cryptobyte.String) bool { return s.ReadASN1Integer(&trailer) },
	} {
		if !in.ReadOptionalASN1(&field, &present, der.Tag(i).Constructed().ContextSpecific()) || present && (!read(&field) || !field.Empty()) {
			return errForm
		}
	}
	if !in.Empty() || salt < 0 || trailer != 1 {
		return errForm
	}
	if digest != mask {
		return errors.New("x509: an RSASSA-PSS public key with one hash and another mask")
	}
	key.Hash, key.Salt = digest, salt
	return nil
}

// readHash reads the AlgorithmIdentifier of a hash, whose parameters are NULL or absent.
func readHash(in *cryptobyte.String, hash *crypto.Hash) bool {
	var algorithm cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !in.ReadASN1(&algorithm, der.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&oid) || !algorithm.SkipOptionalASN1(der.NULL) || !algorithm.Empty() {
		return false
	}
	for _, h := range hashes {
		if h.oid.Equal(oid) {
			*hash = h.hash
			return true
		}
	}
	return false
}

// readMGF1 reads the AlgorithmIdentifier of the only mask generation function there is.
func readMGF1(in *cryptobyte.String, hash *crypto.Hash) bool {
	var algorithm cryptobyte.String
	var oid asn1.ObjectIdentifier
	return in.ReadASN1(&algorithm, der.SEQUENCE) && algorithm.ReadASN1ObjectIdentifier(&oid) && oid.Equal(oidMGF1) &&
		readHash(&algorithm, hash) && algorithm.Empty()
}
