package observe

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"slices"
	"sync"

	"github.com/akushu/akushu/internal/spki"
	"github.com/akushu/akushu/internal/suite"
)

// newCertificate reads what there is to be read of a certificate. What does not parse has a
// hash and nothing else.
func newCertificate(from string, der []byte) Certificate {
	c := certificates.read(der)
	c.From, c.DER, c.DNSNames = from, der, copied(c.DNSNames)
	return c
}

// certificates remembers what was read: a server sends the same certificate to everybody.
var certificates = certificateMemo{known: make(map[[sha256.Size]byte]Certificate)}

type certificateMemo struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]Certificate
}

// certificateMemoMax bounds what is remembered.
const certificateMemoMax = 1024

func (m *certificateMemo) read(der []byte) Certificate {
	sum := sha256.Sum256(der)
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.known[sum]
	if ok {
		return c
	}
	c = readCertificate(der, sum)
	if len(m.known) >= certificateMemoMax {
		clear(m.known)
	}
	m.known[sum] = c
	return c
}

func readCertificate(der []byte, sum [sha256.Size]byte) Certificate {
	c := Certificate{DNSNames: []string{}, SHA256: hex.EncodeToString(sum[:])}
	x, err := spki.ParseCertificate(der)
	if err != nil {
		if key, err := spki.ParsePublicKey(der); err == nil { // there is no certificate (RFC 7250)
			c.Key = suite.KeyName(key)
		}
		return c
	}
	c.Subject, c.Issuer = x.Subject.String(), x.Issuer.String()
	c.NotBefore, c.NotAfter = Timestamp{x.NotBefore}, Timestamp{x.NotAfter}
	c.DNSNames = slices.Concat(c.DNSNames, x.DNSNames)
	if key := spki.KeyOf(x); key != nil {
		c.Key = suite.KeyName(key)
	}
	c.SignatureAlgorithm = signatureAlgorithm(x)
	return c
}

// signatureNames is what the standards call the algorithms (RFC 4055 §5, RFC 5758 §3.2,
// RFC 8410 §3, RFC 3279 §2.2).
var signatureNames = map[x509.SignatureAlgorithm]string{
	x509.MD2WithRSA:       "md2WithRSAEncryption",
	x509.MD5WithRSA:       "md5WithRSAEncryption",
	x509.SHA1WithRSA:      "sha1WithRSAEncryption",
	x509.SHA256WithRSA:    "sha256WithRSAEncryption",
	x509.SHA384WithRSA:    "sha384WithRSAEncryption",
	x509.SHA512WithRSA:    "sha512WithRSAEncryption",
	x509.SHA256WithRSAPSS: "rsassaPss",
	x509.SHA384WithRSAPSS: "rsassaPss",
	x509.SHA512WithRSAPSS: "rsassaPss",
	x509.DSAWithSHA1:      "dsa-with-sha1",
	x509.DSAWithSHA256:    "dsa-with-sha256",
	x509.ECDSAWithSHA1:    "ecdsa-with-SHA1",
	x509.ECDSAWithSHA256:  "ecdsa-with-SHA256",
	x509.ECDSAWithSHA384:  "ecdsa-with-SHA384",
	x509.ECDSAWithSHA512:  "ecdsa-with-SHA512",
	x509.PureEd25519:      "Ed25519",
}

// signatureAlgorithm is the name of the algorithm that signed a certificate, its OID where
// it has none here.
func signatureAlgorithm(x *x509.Certificate) string {
	if name := signatureNames[x.SignatureAlgorithm]; name != "" {
		return name
	}
	var outer struct { // RFC 5280 §4.1
		TBS       asn1.RawValue
		Algorithm struct {
			OID        asn1.ObjectIdentifier
			Parameters asn1.RawValue `asn1:"optional"`
		}
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(x.Raw, &outer); err != nil {
		return ""
	}
	return outer.Algorithm.OID.String()
}
