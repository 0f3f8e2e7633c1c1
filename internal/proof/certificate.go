package proof

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
)

// Certificate is what is needed of a certificate to check its signature, and those that it made. Much is taken for one
// that a stricter reader refuses (RFC 5280 §4.1). Slices alias what it was parsed from.
type Certificate struct {
	Signed          []byte // tbsCertificate
	Algorithm       Algorithm
	Signature       []byte
	Issuer, Subject []byte           // names, DER
	Key             crypto.PublicKey // nil for a kind of key that is not known
	First           bool             // it is of version 1, which has room for nothing more
	// KeyID and IssuerKeyID are how the key and that of the issuer are told from others of the same name (RFC 5280
	// §4.2.1.1, §4.2.1.2); nil where they are not.
	KeyID, IssuerKeyID []byte
}

// MayIssue reports whether a certificate that bears the issuer's name may be the issuer's, by what else is said of that:
// keys change, and names stay.
func (c *Certificate) MayIssue(issuer *Certificate) bool {
	if c.IssuerKeyID != nil && issuer.KeyID != nil {
		return bytes.Equal(c.IssuerKeyID, issuer.KeyID)
	}
	return !c.First || c != issuer
}

type algorithmIdentifier struct {
	OID        asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

type tbsCertificate struct {
	Version   asn1.RawValue `asn1:"optional,explicit,tag:0"`
	Serial    asn1.RawValue
	Algorithm asn1.RawValue
	Issuer    asn1.RawValue
	Validity  asn1.RawValue
	Subject   asn1.RawValue
	Key       asn1.RawValue
}

// ParseCertificate reads a certificate.
func ParseCertificate(der []byte) (*Certificate, error) {
	var outer struct {
		TBS       asn1.RawValue
		Algorithm algorithmIdentifier
		Signature asn1.BitString
	}
	if rest, err := asn1.Unmarshal(der, &outer); err != nil {
		return nil, err
	} else if len(rest) > 0 {
		return nil, errors.New("something follows the certificate")
	}
	var inner tbsCertificate
	if _, err := asn1.Unmarshal(outer.TBS.FullBytes, &inner); err != nil {
		return nil, err
	}
	key, err := ParseKey(inner.Key.FullBytes)
	if err != nil {
		key = nil
	}
	c := &Certificate{
		Signed: outer.TBS.FullBytes, Algorithm: algorithmOf(&outer.Algorithm), Signature: outer.Signature.RightAlign(),
		Issuer: inner.Issuer.FullBytes, Subject: inner.Subject.FullBytes, Key: key, First: len(inner.Version.FullBytes) == 0,
	}
	c.identify()
	return c, nil
}

// identify reads the extensions that tell keys apart. Those that make no sense say nothing.
func (c *Certificate) identify() {
	var whole struct {
		Version                                           asn1.RawValue `asn1:"optional,explicit,tag:0"`
		Serial, Algorithm, Issuer, Validity, Subject, Key asn1.RawValue
		IssuerID                                          asn1.BitString   `asn1:"optional,tag:1"`
		SubjectID                                         asn1.BitString   `asn1:"optional,tag:2"`
		Extensions                                        []pkix.Extension `asn1:"omitempty,optional,explicit,tag:3"`
	}
	if _, err := asn1.Unmarshal(c.Signed, &whole); err != nil {
		return
	}
	for _, x := range whole.Extensions {
		switch {
		case x.Id.Equal(oidKeyID):
			if _, err := asn1.Unmarshal(x.Value, &c.KeyID); err != nil {
				c.KeyID = nil
			}
		case x.Id.Equal(oidIssuerKeyID):
			var id struct {
				KeyID []byte `asn1:"optional,tag:0"`
			}
			if _, err := asn1.Unmarshal(x.Value, &id); err == nil && len(id.KeyID) > 0 {
				c.IssuerKeyID = id.KeyID
			}
		}
	}
}

var (
	oidKeyID       = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidIssuerKeyID = asn1.ObjectIdentifier{2, 5, 29, 35}
)

// Check checks the certificate's signature under the key of its issuer.
func (c *Certificate) Check(issuer crypto.PublicKey) (Result, error) {
	return c.Algorithm.Verify(issuer, c.Signed, c.Signature)
}

// ParseKey reads a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). An RSA key that is for RSASSA-PSS alone, which the standard
// library does not read, is an *rsa.PublicKey too.
func ParseKey(der []byte) (crypto.PublicKey, error) {
	key, err := x509.ParsePKIXPublicKey(der)
	if err == nil {
		return key, nil
	}
	var info struct {
		Algorithm algorithmIdentifier
		Key       asn1.BitString
	}
	if _, wrong := asn1.Unmarshal(der, &info); wrong != nil || !info.Algorithm.OID.Equal(oidPSS) {
		return nil, err
	}
	var k struct {
		N *big.Int
		E int
	}
	if _, err := asn1.Unmarshal(info.Key.RightAlign(), &k); err != nil {
		return nil, err
	}
	return &rsa.PublicKey{N: k.N, E: k.E}, nil
}

// oidPSS is id-RSASSA-PSS (RFC 4055 §3.1).
var oidPSS = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}

// algorithms is what signs certificates (RFC 3279 §2.2, RFC 4055 §5, RFC 5758 §3, RFC 8410 §3).
var algorithms = map[string]Algorithm{
	"1.2.840.113549.1.1.4":   {Kind: RSAPKCS1, Hash: crypto.MD5},
	"1.2.840.113549.1.1.5":   {Kind: RSAPKCS1, Hash: crypto.SHA1},
	"1.3.14.3.2.29":          {Kind: RSAPKCS1, Hash: crypto.SHA1}, // of ISO, for the same
	"1.2.840.113549.1.1.14":  {Kind: RSAPKCS1, Hash: crypto.SHA224},
	"1.2.840.113549.1.1.11":  {Kind: RSAPKCS1, Hash: crypto.SHA256},
	"1.2.840.113549.1.1.12":  {Kind: RSAPKCS1, Hash: crypto.SHA384},
	"1.2.840.113549.1.1.13":  {Kind: RSAPKCS1, Hash: crypto.SHA512},
	"1.2.840.10040.4.3":      {Kind: DSA, Hash: crypto.SHA1},
	"2.16.840.1.101.3.4.3.1": {Kind: DSA, Hash: crypto.SHA224},
	"2.16.840.1.101.3.4.3.2": {Kind: DSA, Hash: crypto.SHA256},
	"1.2.840.10045.4.1":      {Kind: ECDSA, Hash: crypto.SHA1},
	"1.2.840.10045.4.3.1":    {Kind: ECDSA, Hash: crypto.SHA224},
	"1.2.840.10045.4.3.2":    {Kind: ECDSA, Hash: crypto.SHA256},
	"1.2.840.10045.4.3.3":    {Kind: ECDSA, Hash: crypto.SHA384},
	"1.2.840.10045.4.3.4":    {Kind: ECDSA, Hash: crypto.SHA512},
	"1.3.101.112":            {Kind: Ed25519},
}

// hashes is the hashes that RSA-PSS may name (RFC 4055 §2.1).
var hashes = map[string]crypto.Hash{
	"1.3.14.3.2.26":          crypto.SHA1,
	"2.16.840.1.101.3.4.2.4": crypto.SHA224,
	"2.16.840.1.101.3.4.2.1": crypto.SHA256,
	"2.16.840.1.101.3.4.2.2": crypto.SHA384,
	"2.16.840.1.101.3.4.2.3": crypto.SHA512,
}

func algorithmOf(id *algorithmIdentifier) Algorithm {
	if id.OID.Equal(oidPSS) {
		return algorithmPSS(id.Parameters.FullBytes)
	}
	return algorithms[id.OID.String()]
}

// algorithmPSS reads RSASSA-PSS-params (RFC 4055 §3.1): without them, it is SHA-1.
func algorithmPSS(der []byte) Algorithm {
	var p struct {
		Hash algorithmIdentifier `asn1:"optional,explicit,tag:0"`
		MGF  algorithmIdentifier `asn1:"optional,explicit,tag:1"`
		Salt int                 `asn1:"optional,explicit,tag:2,default:20"`
		Tail int                 `asn1:"optional,explicit,tag:3,default:1"`
	}
	a := Algorithm{Kind: RSAPSS, Hash: crypto.SHA1, MGF: crypto.SHA1}
	if len(der) == 0 {
		return a
	}
	if _, err := asn1.Unmarshal(der, &p); err != nil {
		return Algorithm{}
	}
	if p.Hash.OID != nil {
		a.Hash = hashes[p.Hash.OID.String()]
	}
	if p.MGF.OID != nil {
		var inner algorithmIdentifier
		if _, err := asn1.Unmarshal(p.MGF.Parameters.FullBytes, &inner); err != nil {
			return Algorithm{}
		}
		a.MGF = hashes[inner.OID.String()]
	}
	if a.Hash == 0 || a.MGF == 0 {
		return Algorithm{}
	}
	return a
}
