package pki

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"

	"github.com/akushu/akushu/internal/spki"
)

// keyNames are the kinds of key that the standard library does not parse.
var keyNames = map[string]string{
	"1.2.840.113549.1.1.10":   "RSA-PSS", // RFC 4055 §1.2: id-RSASSA-PSS
	"1.2.840.10040.4.1":       "DSA",     // RFC 3279 §2.3.2
	"1.3.101.113":             "Ed448",   // RFC 8410 §3
	"2.16.840.1.101.3.4.3.17": "ML-DSA-44",
	"2.16.840.1.101.3.4.3.18": "ML-DSA-65",
	"2.16.840.1.101.3.4.3.19": "ML-DSA-87", // RFC 9881 §2
}

// CertificateKeyName names the kind and the size of the key in a certificate: "RSA 2048", "ECDSA P-256", "Ed25519"; it is
// an OID where the kind has no name here, and empty where there is nothing to be read.
func CertificateKeyName(c *x509.Certificate) string {
	if name := KeyName(spki.KeyOf(c)); name != "" {
		return name
	}
	var info publicKeyInfo
	if _, err := asn1.Unmarshal(c.RawSubjectPublicKeyInfo, &info); err != nil {
		return ""
	}
	oid := info.Algorithm.Algorithm.String()
	name, ok := keyNames[oid]
	if !ok {
		name = oid
	}
	if key, err := x509.ParsePKCS1PublicKey(info.Key.RightAlign()); err == nil {
		name = fmt.Sprintf("%s %d", name, key.N.BitLen())
	}
	return name
}
