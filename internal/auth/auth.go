// Package auth is authentication by certificates, written once for client and server,
// TLS 1.3 and TLS 1.2: choosing a certificate and a signature scheme, signing and
// checking the handshake, judging the peer's chain. The flows of internal/handshake say
// when; this package says how.
package auth

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/spki"
	"github.com/akushu/akushu/internal/suite"
)

// A Credential is a certificate chain with its private key.
type Credential struct {
	Chain   [][]byte               // DER, leaf first; the sender must not change it
	Leaf    *x509.Certificate      // Chain[0], parsed
	Key     PrivateKey             // of the leaf
	Raw     bool                   // Chain is one SubjectPublicKeyInfo, Leaf is nil (RFC 7250)
	Schemes []iana.SignatureScheme // what Key may be used with; nil: all that it can do
	OCSP    []byte                 // a stapled OCSP response, or nil
	SCTs    [][]byte               // signed certificate timestamps
	// Delegation has Key, which is not the leaf's then, stand in for that in TLS 1.3; nil: it is
	// the leaf's.
	Delegation *Delegation
}

// Public returns the public key, as the leaf says what it is for.
func (c *Credential) Public() crypto.PublicKey {
	if c.Delegation != nil {
		return c.Delegation.Key
	}
	if c.Leaf != nil {
		if key, ok := spki.KeyOf(c.Leaf).(*suite.PSSKey); ok {
			return key
		}
	}
	return c.Key.Public()
}

// PrivateKey is a private key by what it can do: a [crypto.Signer], a [crypto.Decrypter] or both. One that only decrypts
// serves for RSA key exchange, and nothing else.
type PrivateKey interface {
	Public() crypto.PublicKey
}

// ClientHelloFacts is what a ClientHello tells about the client, for choosing a
// certificate or a configuration. Slices alias the message.
type ClientHelloFacts struct {
	ServerName   string
	ALPN         []string
	Versions     []iana.Version
	CipherSuites []iana.CipherSuite
	Groups       []iana.NamedGroup
	PointFormats []byte
	Schemes      []iana.SignatureScheme
	Delegated    []iana.SignatureScheme // of keys that a certificate's owner delegates to (RFC 9345); empty: none are taken
	Authorities  [][]byte               // DER of issuers that the client trusts; empty: it does not say
	Extensions   []iana.ExtensionType
}

// CertificateRequestFacts is what a CertificateRequest asks for.
type CertificateRequestFacts struct {
	Version     iana.Version
	Authorities [][]byte // DER of acceptable issuers; empty: any
	Schemes     []iana.SignatureScheme
}

// A ServerIdentity chooses the certificate for a client. An error ends the handshake.
type ServerIdentity interface {
	ServerCredential(context.Context, *ClientHelloFacts) (*Credential, error)
}

// A DelegatedIdentity chooses a credential with a Delegation for a client of TLS 1.3 at the time now,
// or nil where none fits.
type DelegatedIdentity interface {
	DelegatedCredential(*ClientHelloFacts, time.Time) *Credential
}

// A ClientIdentity chooses the certificate for a server that asks for one, or nil to
// send none.
type ClientIdentity interface {
	ClientCredential(context.Context, *CertificateRequestFacts) (*Credential, error)
}

// ChooseScheme picks the first of the peer's schemes with which cred can sign in
// version v, in the order of the peer's preference. Before TLS 1.2 peers have none: the kind of
// key decides.
func ChooseScheme(cred *Credential, v iana.Version, peer []iana.SignatureScheme) (*suite.Scheme, error) {
	if _, ok := cred.Key.(crypto.Signer); !ok {
		return nil, alert.NoCommonGround("certificate", "RFC 9846 §4.5.2", "our private key, a %T, does not sign", cred.Key)
	}
	if v < iana.VersionTLS12 {
		return schemeBefore12(cred.Public())
	}
	for _, id := range peer {
		if cred.Schemes != nil && !slices.Contains(cred.Schemes, id) {
			continue
		}
		if s := suite.SchemeByID(id); s != nil && s.Signs(cred.Public(), v) {
			return s, nil
		}
	}
	return nil, alert.NoCommonGround("signature_algorithms", "RFC 9846 §4.3.3",
		"the peer offers no signature scheme that our %s key can use", keyName(cred.Public()))
}

func schemeBefore12(pub crypto.PublicKey) (*suite.Scheme, error) {
	if s := suite.SchemeBefore12(pub); s != nil {
		return s, nil
	}
	return nil, alert.NoCommonGround("certificate", "RFC 4346 §7.4.2", "our %s key cannot sign in TLS 1.0 and 1.1", keyName(pub))
}

// The context strings of CertificateVerify (RFC 9846 §4.5.2).
const (
	ServerContext = "TLS 1.3, server CertificateVerify"
	ClientContext = "TLS 1.3, client CertificateVerify"
)

// signedContent is what a TLS 1.3 CertificateVerify signs (RFC 9846 §4.5.2).
func signedContent(who string, transcriptHash []byte) []byte {
	content := make([]byte, 0, 64+len(who)+1+len(transcriptHash))
	for range 64 {
		content = append(content, ' ')
	}
	content = append(content, who...)
	content = append(content, 0)
	return append(content, transcriptHash...)
}

// Sign13 makes the signature of a TLS 1.3 CertificateVerify.
func Sign13(ctx context.Context, rand io.Reader, cred *Credential, s *suite.Scheme, who string, transcriptHash []byte) ([]byte, error) {
	return Sign(ctx, rand, cred, s, signedContent(who, transcriptHash))
}

// Sign signs content as TLS 1.2 does, without a context.
func Sign(ctx context.Context, rand io.Reader, cred *Credential, s *suite.Scheme, content []byte) ([]byte, error) {
	key, ok := cred.Key.(crypto.Signer)
	if !ok {
		return nil, alert.Internal("signature", "the private key, a %T, does not sign", cred.Key)
	}
	sig, err := sign(ctx, rand, key, s, content)
	if err != nil {
		return nil, alert.Internal("signature", "the private key failed to sign with %v: %w", s.ID, err)
	}
	return sig, nil
}

// Verify13 checks the signature of a TLS 1.3 CertificateVerify.
func Verify13(pub crypto.PublicKey, offered []*suite.Scheme, id iana.SignatureScheme, who string, transcriptHash, sig []byte) error {
	const where, ref = "certificate_verify", "RFC 9846 §4.5.2"
	return verify(where, ref, pub, iana.VersionTLS13, offered, id, signedContent(who, transcriptHash), sig)
}

// Verify12 checks the signature of a ServerKeyExchange (RFC 5246 §7.4.3) or of a
// CertificateVerify (§7.4.8) of TLS 1.2, called where.
func Verify12(where string, pub crypto.PublicKey, offered []*suite.Scheme, id iana.SignatureScheme, content, sig []byte) error {
	return verify(where, "RFC 5246 §7.4.3", pub, iana.VersionTLS12, offered, id, content, sig)
}

// VerifyBefore12 is Verify12 in TLS 1.0 and 1.1, where the certificate's key says which
// scheme it is (RFC 4346 §7.4.3, RFC 8422 §5.4).
func VerifyBefore12(where string, pub crypto.PublicKey, content, sig []byte) error {
	const ref = "RFC 4346 §7.4.3"
	s := suite.SchemeBefore12(pub)
	if s == nil {
		return alert.Illegal(where, ref, "nothing is signed with the certificate's %s key in TLS 1.0 and 1.1", keyName(pub))
	}
	return verifyWith(s, where, ref, pub, content, sig)
}

func verify(where, ref string, pub crypto.PublicKey, v iana.Version, offered []*suite.Scheme, id iana.SignatureScheme, content, sig []byte) error {
	i := slices.IndexFunc(offered, func(s *suite.Scheme) bool { return s.ID == id })
	if i < 0 || !offered[i].Handshake(v) {
		return alert.Illegal(where+".algorithm", ref, "%v was not offered for signatures of %v", id, v)
	}
	s := offered[i]
	if !s.Fits(pub, v) {
		return alert.Illegal(where+".algorithm", ref, "%v does not go with the certificate's %s key", id, keyName(pub))
	}
	return verifyWith(s, where, ref, pub, content, sig)
}

func verifyWith(s *suite.Scheme, where, ref string, pub crypto.PublicKey, content, sig []byte) error {
	if err := s.Verify(pub, content, sig); err != nil {
		return alert.BadSignature(where+".signature", ref, "the signature does not verify under the certificate's key: %w", err)
	}
	return nil
}

// keyName says what a public key is, for error messages.
func keyName(pub crypto.PublicKey) string {
	if k, ok := pub.(*rsa.PublicKey); ok {
		return fmt.Sprintf("%d-bit RSA", k.N.BitLen())
	}
	return suite.KeyName(pub)
}
