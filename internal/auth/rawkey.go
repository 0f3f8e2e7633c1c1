package auth

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"slices"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/spki"
	"github.com/akushu/akushu/internal/suite"
)

var errUnknownKey = errors.New("it is none of those that are expected")

// JudgeKey decides about a peer that shows its public key and no certificate (RFC 7250). shown is
// what stands in its Certificate.
func (t *Trust) JudgeKey(shown [][]byte) (Peer, error) {
	const where, ref = "certificate.ASN1_subjectPublicKeyInfo", "RFC 7250 §3"
	if len(shown) != 1 {
		return Peer{}, alert.Illegal(where, "RFC 9846 §4.5.1", "%d keys, where there can be one", len(shown))
	}
	if !t.TakesKeys() {
		return Peer{}, alert.Auth(where, ref, "no key is accepted without a certificate").With(iana.AlertUnsupportedCertificate)
	}
	key, err := spki.ParsePublicKey(shown[0])
	if err != nil {
		return Peer{}, alert.Auth(where, ref, "the key does not parse: %w", err)
	}
	if bits := rsaBits(key); bits > maxRSABits {
		return Peer{}, alert.Auth(where, ref, "the RSA key has %d bits, at most %d are accepted", bits, maxRSABits)
	}
	peer := Peer{Key: key, Raw: true, shown: shown[0]}
	if !t.Skip {
		if err := t.verifyKey(key); err != nil {
			a := iana.AlertCertificateUnknown
			if fact := new(alert.Error); errors.As(err, &fact) {
				a = fact.Alert
			}
			return peer, alert.Auth(where, "RFC 7250 §6", "the %s key is not trusted: %w", suite.KeyName(key), err).With(a)
		}
	}
	return peer, nil
}

// verifyKey decides whether a key is a peer's.
func (t *Trust) verifyKey(key crypto.PublicKey) error {
	if slices.ContainsFunc(t.Keys, func(k crypto.PublicKey) bool {
		known, ok := k.(interface{ Equal(crypto.PublicKey) bool })
		return ok && known.Equal(key)
	}) {
		return nil
	}
	if t.VerifyKey != nil {
		return t.VerifyKey(key)
	}
	return errUnknownKey
}

func rsaBits(key crypto.PublicKey) int {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen()
	case *suite.PSSKey:
		return k.N.BitLen()
	}
	return 0
}
