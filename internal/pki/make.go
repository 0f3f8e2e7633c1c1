package pki

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"time"
)

// Usage says which end a certificate is for. The values can be combined.
type Usage uint8

// The two ends.
const (
	Server Usage = 1 << iota
	Client
)

// extended lists the purposes of RFC 5280 §4.2.1.12.
func (u Usage) extended() []x509.ExtKeyUsage {
	var usages []x509.ExtKeyUsage
	if u&Server != 0 {
		usages = append(usages, x509.ExtKeyUsageServerAuth)
	}
	if u&Client != 0 {
		usages = append(usages, x509.ExtKeyUsageClientAuth)
	}
	return usages
}

// A Request says what a certificate is to hold. Only Key is required.
type Request struct {
	Key        crypto.Signer // whose public half is certified
	CommonName string        // of the subject; by default the first of Names
	// Names are DNS names, in ASCII, and IP addresses. By default those of this machine, LocalNames, for a server's
	// certificate, and none for others.
	Names     []string
	Usage     Usage         // by default Server
	Serial    *big.Int      // by default 127 random bits
	NotBefore time.Time     // by default an hour ago
	Validity  time.Duration // by default DefaultValidity
}

const (
	// DefaultValidity is how long a certificate is valid.
	DefaultValidity = 90 * 24 * time.Hour

	// skew is how much the clocks of two machines may differ.
	skew = time.Hour

	longestCommonName = 64 // RFC 5280, Appendix A.1: ub-common-name
)

// LocalNames are the names by which a machine calls itself.
func LocalNames() []string { return []string{"localhost", "127.0.0.1", "::1"} }

// SelfSigned makes a leaf that signs itself: it belongs to no authority, and whoever trusts it trusts it alone.
func SelfSigned(env Env, r Request) (*Identity, error) {
	template, err := leafTemplate(env, r)
	if err != nil {
		return nil, err
	}
	template.AuthorityKeyId = template.SubjectKeyId
	leaf, err := sign(env, template, template, r.Key, r.Key)
	if err != nil {
		return nil, err
	}
	return &Identity{Chain: []*x509.Certificate{leaf}, Key: r.Key}, nil
}

// An Authority issues certificates.
type Authority struct {
	Certificate *x509.Certificate

	env   Env
	key   crypto.Signer
	above []*x509.Certificate // certificates to send after those that it issues: its own and those above, no root
}

// NewAuthority makes a root. It must have a CommonName, and neither Names nor Usage.
func NewAuthority(env Env, r Request) (*Authority, error) {
	template, err := authorityTemplate(env, r)
	if err != nil {
		return nil, err
	}
	template.AuthorityKeyId = template.SubjectKeyId
	root, err := sign(env, template, template, r.Key, r.Key)
	if err != nil {
		return nil, err
	}
	return &Authority{Certificate: root, env: env, key: r.Key}, nil
}

// Subordinate makes an authority below this one.
func (a *Authority) Subordinate(r Request) (*Authority, error) {
	template, err := authorityTemplate(a.env, r)
	if err != nil {
		return nil, err
	}
	own, err := sign(a.env, template, a.Certificate, r.Key, a.key)
	if err != nil {
		return nil, err
	}
	return &Authority{Certificate: own, env: a.env, key: r.Key, above: slices.Insert(slices.Clone(a.above), 0, own)}, nil
}

// Issue makes a leaf. Its chain goes up to the certificate below the root.
func (a *Authority) Issue(r Request) (*Identity, error) {
	template, err := leafTemplate(a.env, r)
	if err != nil {
		return nil, err
	}
	leaf, err := sign(a.env, template, a.Certificate, r.Key, a.key)
	if err != nil {
		return nil, err
	}
	return &Identity{Chain: slices.Insert(slices.Clone(a.above), 0, leaf), Key: r.Key}, nil
}

// Pool is a pool with the authority alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate)
	return pool
}

func sign(env Env, template, parent *x509.Certificate, key, by crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(env.Rand, template, parent, key.Public(), by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// leafTemplate is the profile of a certificate of an end: it signs handshakes and, with RSA, decrypts the premaster
// secret of an RSA key exchange (RFC 5246 §7.4.2), and signs no certificate.
func leafTemplate(env Env, r Request) (*x509.Certificate, error) {
	if r.Usage == 0 {
		r.Usage = Server
	}
	if r.Names == nil && r.Usage&Server != 0 {
		r.Names = LocalNames()
	}
	if r.CommonName == "" && len(r.Names) > 0 && len(r.Names[0]) <= longestCommonName {
		r.CommonName = r.Names[0]
	}
	template, err := newTemplate(env, r)
	if err != nil {
		return nil, err
	}
	if err := addNames(template, r.Names); err != nil {
		return nil, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	if _, isRSA := r.Key.Public().(*rsa.PublicKey); isRSA && r.Usage&Server != 0 {
		template.KeyUsage |= x509.KeyUsageKeyEncipherment
	}
	template.ExtKeyUsage = r.Usage.extended()
	return template, nil
}

// authorityTemplate is the profile of an authority: it signs certificates and revocation lists.
func authorityTemplate(env Env, r Request) (*x509.Certificate, error) {
	if r.CommonName == "" || r.Names != nil || r.Usage != 0 {
		return nil, errors.New("an authority has a common name, and neither names nor a usage")
	}
	template, err := newTemplate(env, r)
	if err != nil {
		return nil, err
	}
	template.IsCA = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	return template, nil
}

// newTemplate is what all certificates have.
func newTemplate(env Env, r Request) (*x509.Certificate, error) {
	if r.Key == nil {
		return nil, errors.New("a certificate needs a key")
	}
	if r.CommonName == "" && len(r.Names) == 0 {
		return nil, errors.New("a certificate needs a common name or another name")
	}
	if len(r.CommonName) > longestCommonName {
		return nil, fmt.Errorf("a common name of %d bytes, of which there can be %d", len(r.CommonName), longestCommonName)
	}
	serial, err := serialNumber(env.Rand, r.Serial)
	if err != nil {
		return nil, err
	}
	id, err := keyID(r.Key.Public())
	if err != nil {
		return nil, err
	}
	notBefore, notAfter := r.period(env.Now)
	return &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: r.CommonName},
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		BasicConstraintsValid: true,
		SubjectKeyId:          id,
	}, nil
}

// period is the first and the last second in which the certificate is valid (RFC 5280 §4.1.2.5).
func (r *Request) period(now func() time.Time) (first, last time.Time) {
	first, validity := r.NotBefore, r.Validity
	if first.IsZero() {
		first = now().Add(-skew)
	}
	if validity == 0 {
		validity = DefaultValidity
	}
	first = first.UTC().Truncate(time.Second)
	return first, first.Add(validity - time.Second)
}

// serialNumber draws a number that is positive, and has 16 bytes, where none is given. RFC 5280 §4.1.2.2 allows 20.
func serialNumber(random io.Reader, given *big.Int) (*big.Int, error) {
	if given != nil {
		return given, nil
	}
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("drawing a serial number: %w", err)
	}
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b[:]), nil
}

// keyID names a key by the first 160 bits of a hash of it (RFC 7093 §2, method 1).
func keyID(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	var info publicKeyInfo
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, err
	}
	hash := sha256.Sum256(info.Key.RightAlign())
	return hash[:20], nil
}

// publicKeyInfo is SubjectPublicKeyInfo (RFC 5280 §4.1).
type publicKeyInfo struct {
	Algorithm pkix.AlgorithmIdentifier
	Key       asn1.BitString
}

// addNames sorts names into what the extension distinguishes (RFC 5280 §4.2.1.6).
func addNames(template *x509.Certificate, names []string) error {
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		if name == "" || len(name) > 253 || strings.ContainsFunc(name, notInName) {
			return fmt.Errorf("%q is no DNS name in ASCII and no IP address", name)
		}
		template.DNSNames = append(template.DNSNames, name)
	}
	return nil
}

// notInName lets through the asterisk of a wildcard.
func notInName(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.*", r))
}
