package pki

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/akushu/akushu/internal/spki"
)

// A Summary is what one wants to know of a certificate. Names and addresses in it are as the certificate has them:
// whoever prints them must expect control characters.
type Summary struct {
	Subject            string // as in RFC 4514
	Issuer             string
	Serial             string // hex
	NotBefore          time.Time
	NotAfter           time.Time
	DNSNames           []string
	IPs                []string
	Key                string // "RSA 2048", "ECDSA P-256", "Ed25519"; an OID where it has no name here
	SignatureAlgorithm string // as its RFC names it: "sha256WithRSAEncryption"; an OID where it has no name here
	SHA256             string // of the DER, hex
	PublicKeySHA256    string // of SubjectPublicKeyInfo, hex
	SelfSigned         bool   // it is its own issuer, and its signature is its own
	Authority          bool   // it may sign certificates
}

// Describe summarises a certificate.
func Describe(c *x509.Certificate) Summary {
	return Summary{
		Subject:            c.Subject.String(),
		Issuer:             c.Issuer.String(),
		Serial:             fmt.Sprintf("%x", c.SerialNumber),
		NotBefore:          c.NotBefore.UTC(),
		NotAfter:           c.NotAfter.UTC(),
		DNSNames:           c.DNSNames,
		IPs:                addresses(c),
		Key:                certificateKeyName(c),
		SignatureAlgorithm: signatureName(c),
		SHA256:             hash(c.Raw),
		PublicKeySHA256:    hash(c.RawSubjectPublicKeyInfo),
		SelfSigned:         selfSigned(c),
		Authority:          c.BasicConstraintsValid && c.IsCA,
	}
}

// DescribeDER summarises a certificate as it was sent. Where it cannot be parsed, it has a hash all the same.
func DescribeDER(der []byte) (Summary, error) {
	c, err := spki.ParseCertificate(der)
	if err != nil {
		return Summary{SHA256: hash(der)}, err
	}
	return Describe(c), nil
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func addresses(c *x509.Certificate) []string {
	var texts []string
	for _, ip := range c.IPAddresses {
		texts = append(texts, ip.String())
	}
	return texts
}

// selfSigned takes the word of a certificate whose signature nobody checks any more, such as one of SHA-1.
func selfSigned(c *x509.Certificate) bool {
	if !bytes.Equal(c.RawSubject, c.RawIssuer) {
		return false
	}
	err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
	_, weak := errors.AsType[x509.InsecureAlgorithmError](err)
	return err == nil || weak || errors.Is(err, x509.ErrUnsupportedAlgorithm)
}

// keyNames are the kinds of key that the standard library does not parse.
var keyNames = map[string]string{
	"1.2.840.113549.1.1.10":   "RSA-PSS", // RFC 4055 §1.2: id-RSASSA-PSS
	"1.2.840.10040.4.1":       "DSA",     // RFC 3279 §2.3.2
	"1.3.101.113":             "Ed448",   // RFC 8410 §3
	"2.16.840.1.101.3.4.3.17": "ML-DSA-44",
	"2.16.840.1.101.3.4.3.18": "ML-DSA-65",
	"2.16.840.1.101.3.4.3.19": "ML-DSA-87", // RFC 9881 §2
}

func certificateKeyName(c *x509.Certificate) string {
	if name := KeyName(spki.KeyOf(c)); name != "" {
		return name
	}
	var info publicKeyInfo
	if _, err := asn1.Unmarshal(c.RawSubjectPublicKeyInfo, &info); err != nil {
		return ""
	}
	name := named(keyNames, info.Algorithm)
	if key, err := x509.ParsePKCS1PublicKey(info.Key.RightAlign()); err == nil {
		name = fmt.Sprintf("%s %d", name, key.N.BitLen())
	}
	return name
}

// signatureNames are the names in the RFCs that define the algorithms.
var signatureNames = map[string]string{
	"1.2.840.113549.1.1.2":    "md2WithRSAEncryption", // RFC 3279 §2.2.1
	"1.2.840.113549.1.1.4":    "md5WithRSAEncryption",
	"1.2.840.113549.1.1.5":    "sha1WithRSAEncryption",
	"1.2.840.113549.1.1.10":   "id-RSASSA-PSS", // RFC 4055 §3.1
	"1.2.840.113549.1.1.11":   "sha256WithRSAEncryption",
	"1.2.840.113549.1.1.12":   "sha384WithRSAEncryption",
	"1.2.840.113549.1.1.13":   "sha512WithRSAEncryption",
	"1.2.840.113549.1.1.14":   "sha224WithRSAEncryption",
	"1.2.840.10040.4.3":       "id-dsa-with-sha1",
	"2.16.840.1.101.3.4.3.1":  "id-dsa-with-sha224", // RFC 5758 §3.1
	"2.16.840.1.101.3.4.3.2":  "id-dsa-with-sha256",
	"1.2.840.10045.4.1":       "ecdsa-with-SHA1",
	"1.2.840.10045.4.3.1":     "ecdsa-with-SHA224", // RFC 5758 §3.2
	"1.2.840.10045.4.3.2":     "ecdsa-with-SHA256",
	"1.2.840.10045.4.3.3":     "ecdsa-with-SHA384",
	"1.2.840.10045.4.3.4":     "ecdsa-with-SHA512",
	"1.3.101.112":             "id-Ed25519", // RFC 8410 §3
	"1.3.101.113":             "id-Ed448",
	"2.16.840.1.101.3.4.3.17": "id-ml-dsa-44", // RFC 9881 §2
	"2.16.840.1.101.3.4.3.18": "id-ml-dsa-65",
	"2.16.840.1.101.3.4.3.19": "id-ml-dsa-87",
}

func signatureName(c *x509.Certificate) string {
	var outer struct { // Certificate (RFC 5280 §4.1)
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(c.Raw, &outer); err != nil {
		return ""
	}
	return named(signatureNames, outer.Algorithm)
}

func named(names map[string]string, algorithm pkix.AlgorithmIdentifier) string {
	oid := algorithm.Algorithm.String()
	if name, ok := names[oid]; ok {
		return name
	}
	return oid
}
