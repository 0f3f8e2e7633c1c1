package auth

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"runtime"
	"sync"
	"time"
	"weak"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/spki"
)

// Trust is how a peer's certificates are judged.
type Trust struct {
	Roots *x509.CertPool   // nil: the system's
	Name  string           // the name that the leaf must be valid for; empty: any
	Usage x509.ExtKeyUsage // what the leaf must be good for
	Skip  bool             // parse only, verify nothing
	// Peers that show no certificate but a key alone (RFC 7250) are accepted where it is one of
	// Keys, or VerifyKey returns no error.
	Keys      []crypto.PublicKey
	VerifyKey func(crypto.PublicKey) error
}

// TakesKeys reports whether a peer may show its key alone.
func (t *Trust) TakesKeys() bool { return t != nil && (len(t.Keys) > 0 || t.VerifyKey != nil) }

// Peer is what is known of the other end from its certificates.
type Peer struct {
	Key          crypto.PublicKey      // that the other end proves to have: the leaf's
	Raw          bool                  // it showed Key alone, and no certificate
	Certificates []*x509.Certificate   // as sent, leaf first
	Chains       [][]*x509.Certificate // verified ones; nil where verification was skipped
	OCSP         []byte
	SCTs         [][]byte
	shown        []byte // Key as it was shown, where Raw
}

// Shown is what the other end showed of itself: its certificates or, where raw, its key
// (a SubjectPublicKeyInfo).
func (p *Peer) Shown() (shown [][]byte, raw bool) {
	if p.Raw {
		return [][]byte{p.shown}, true
	}
	for _, cert := range p.Certificates {
		shown = append(shown, cert.Raw)
	}
	return shown, false
}

// VerificationError says that a chain was not accepted. Err is what crypto/x509 said.
type VerificationError struct {
	Certificates []*x509.Certificate // the chain, as sent
	Err          error
}

func (e *VerificationError) Error() string {
	return "the certificate is not trusted: " + e.Err.Error()
}

// Unwrap returns crypto/x509's error.
func (e *VerificationError) Unwrap() error { return e.Err }

// maxRSABits bounds the work that a peer's certificate can cause.
const maxRSABits = 8192

// MaxChain is how many certificates a peer may send. Nobody has a chain as long, but some send all that they have.
const MaxChain = 64

// A Use is what a handshake does with a certificate's key.
type Use uint8

// The uses.
const (
	ToSign     Use = iota
	ToEncipher     // in RSA key exchange: secrets are encrypted to it (RFC 5246 §7.4.2)
)

var uses = [...]struct {
	name string
	bit  x509.KeyUsage
}{
	ToSign:     {"signatures", x509.KeyUsageDigitalSignature},
	ToEncipher: {"that secrets are encrypted to it", x509.KeyUsageKeyEncipherment},
}

// String says what a certificate has to allow.
func (u Use) String() string { return uses[u].name }

// Allows reports whether a certificate allows a use, as one does that says nothing of it.
func Allows(leaf *x509.Certificate, u Use) bool {
	return leaf == nil || leaf.KeyUsage == 0 || leaf.KeyUsage&uses[u].bit != 0
}

// Judge parses the peer's chain and decides whether it is trusted, at the time now, to sign.
func (t *Trust) Judge(chain [][]byte, now time.Time) (Peer, error) {
	return t.JudgeFor(ToSign, chain, now)
}

// JudgeFor is Judge for a key that is put to another use.
func (t *Trust) JudgeFor(use Use, chain [][]byte, now time.Time) (Peer, error) {
	const where, ref = "certificate.certificate_list", "RFC 9846 §4.5.1.3"
	if len(chain) > MaxChain {
		return Peer{}, alert.Auth(where, ref, "%d certificates, at most %d are accepted", len(chain), MaxChain)
	}
	peer := Peer{Certificates: make([]*x509.Certificate, len(chain))}
	for i, der := range chain {
		cert, err := parse(der)
		if err != nil {
			return Peer{}, alert.Auth(where, ref, "certificate %d does not parse: %w", i, err)
		}
		if key, ok := cert.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxRSABits {
			return Peer{}, alert.Auth(where, ref, "the RSA key of certificate %d has %d bits, at most %d are accepted", i, key.N.BitLen(), maxRSABits)
		}
		peer.Certificates[i] = cert
	}
	leaf := peer.Certificates[0]
	if !Allows(leaf, use) {
		return Peer{}, alert.Auth(where, "RFC 9846 §4.5.1.2", "the certificate's key usage does not allow %v", use).
			With(iana.AlertUnsupportedCertificate)
	}
	if peer.Key = spki.KeyOf(leaf); peer.Key == nil && use == ToSign {
		return Peer{}, alert.Auth(where, ref, "the key of the certificate is of a kind that is not known here").
			With(iana.AlertUnsupportedCertificate)
	}
	if !t.Skip {
		if err := t.verify(&peer, now); err != nil {
			return peer, err
		}
	}
	return peer, nil
}

func (t *Trust) verify(peer *Peer, now time.Time) error {
	opts := x509.VerifyOptions{
		Roots:       t.Roots,
		CurrentTime: now,
		DNSName:     t.Name,
		KeyUsages:   []x509.ExtKeyUsage{t.Usage},
	}
	if len(peer.Certificates) > 1 {
		opts.Intermediates = x509.NewCertPool()
		for _, cert := range peer.Certificates[1:] {
			opts.Intermediates.AddCert(cert)
		}
	}
	chains, err := peer.Certificates[0].Verify(opts)
	if err == nil {
		chains, err = spki.Chains(chains)
	}
	if err != nil {
		bad := &VerificationError{Certificates: peer.Certificates, Err: err}
		return alert.Auth("certificate", "RFC 9846 §4.5.1.3", "%w", bad).With(alertFor(err))
	}
	peer.Chains = chains
	return nil
}

// alertFor is the alert that says most closely what crypto/x509 found (RFC 9846 §6.2).
func alertFor(err error) iana.Alert {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown):
		return iana.AlertUnknownCA
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return iana.AlertCertificateExpired
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return iana.AlertUnsupportedCertificate
	}
	return iana.AlertBadCertificate
}

// parsed remembers certificates that somebody still holds, so that a thousand
// connections to one server share one parsed chain.
var parsed sync.Map // [32]byte, the SHA-256 of the DER → weak.Pointer[x509.Certificate]

// parse is spki.ParseCertificate, sharing the result.
func parse(der []byte) (*x509.Certificate, error) {
	id := sha256.Sum256(der)
	if p, ok := parsed.Load(id); ok {
		if cert := p.(weak.Pointer[x509.Certificate]).Value(); cert != nil {
			return cert, nil
		}
	}
	cert, err := spki.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	p := weak.Make(cert)
	parsed.Store(id, p)
	runtime.AddCleanup(cert, func(id [32]byte) { parsed.CompareAndDelete(id, p) }, id)
	return cert, nil
}
