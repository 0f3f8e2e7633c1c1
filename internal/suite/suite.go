// Package suite is what akushu supports, as tables of behaviour: cipher suites with their ciphers and hashes, groups with
// their key exchange, signature schemes with signing and verifying. Package iana names everything there is; what has a
// row here also works.
//
// A new algorithm is a new row. Nobody else asks which suite, group or scheme it has: they read the row's fields and call
// its functions. What is allowed, and in what order, is the caller's policy; the tables' order is the one that we prefer.
package suite

import (
	"crypto"
	"crypto/fips140"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
)

// Suite is a cipher suite.
type Suite struct {
	ID                     iana.CipherSuite
	KeyExchange            KeyExchange    // KeyExchangeNegotiated in TLS 1.3, where the group says
	Auth                   Authentication // AuthNegotiated in TLS 1.3, where the signature scheme says
	Cipher                 *Cipher
	Hash                   crypto.Hash  // of the key schedule and the transcript
	MinVersion, MaxVersion iana.Version // of TLS, both included
	FIPS                   bool         // made of algorithms that FIPS 140-3 approves
}

// KeyExchange is how two ends come to a shared secret.
type KeyExchange uint8

// The key exchanges.
const (
	KeyExchangeNegotiated KeyExchange = iota // by the group, apart from the suite (RFC 9846 §4.2.1)
	KeyExchangeECDHE                         // ephemeral Diffie-Hellman on an elliptic curve
	KeyExchangeHybrid                        // ECDHE and ML-KEM together
)

// String returns the name that is used in the field: "ECDHE".
func (k KeyExchange) String() string {
	return [...]string{"negotiated", "ECDHE", "ECDHE + ML-KEM"}[k]
}

// Authentication is the kind of signature that authenticates the server, in the terms of TLS 1.2 suites.
type Authentication uint8

// The kinds of authentication.
const (
	AuthNegotiated Authentication = iota // by the signature scheme, apart from the suite (RFC 9846 §4.2.1)
	AuthRSA
	AuthECDSA // EdDSA too (RFC 8422 §2.1)
)

// String returns the name that is used in the field: "RSA".
func (a Authentication) String() string { return [...]string{"negotiated", "RSA", "ECDSA"}[a] }

// The order is of preference: forward secrecy with authenticated encryption is all there is so far, so it is AES-128
// first, being fastest where there is hardware for it, and ECDSA before RSA, being cheaper for the server.
var suites = [...]*Suite{
	suite13(iana.TLS_AES_128_GCM_SHA256, aes128GCM, crypto.SHA256, true),
	suite13(iana.TLS_AES_256_GCM_SHA384, aes256GCM, crypto.SHA384, true),
	suite13(iana.TLS_CHACHA20_POLY1305_SHA256, chacha20Poly1305, crypto.SHA256, false),

	ecdhe12(iana.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, AuthECDSA, aes128GCM12, crypto.SHA256, true),
	ecdhe12(iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, AuthRSA, aes128GCM12, crypto.SHA256, true),
	ecdhe12(iana.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, AuthECDSA, aes256GCM12, crypto.SHA384, true),
	ecdhe12(iana.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, AuthRSA, aes256GCM12, crypto.SHA384, true),
	ecdhe12(iana.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, AuthECDSA, chacha20Poly1305, crypto.SHA256, false),
	ecdhe12(iana.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, AuthRSA, chacha20Poly1305, crypto.SHA256, false),
}

func suite13(id iana.CipherSuite, c *Cipher, h crypto.Hash, fips bool) *Suite {
	return &Suite{ID: id, Cipher: c, Hash: h, MinVersion: iana.VersionTLS13, MaxVersion: iana.VersionTLS13, FIPS: fips}
}

func ecdhe12(id iana.CipherSuite, a Authentication, c *Cipher, h crypto.Hash, fips bool) *Suite {
	return &Suite{
		ID: id, KeyExchange: KeyExchangeECDHE, Auth: a, Cipher: c, Hash: h,
		MinVersion: iana.VersionTLS12, MaxVersion: iana.VersionTLS12, FIPS: fips,
	}
}

// All returns every suite, in order of preference.
func All() []*Suite { return append([]*Suite(nil), suites[:]...) }

// Default returns the suites of the default policy, in order of preference: those that give forward secrecy and
// authenticated encryption, and under GODEBUG=fips140=on only approved ones.
func Default() []*Suite { return defaultSuites(fips140.Enabled()) }

func defaultSuites(fips bool) []*Suite {
	var list []*Suite
	for _, s := range suites {
		if s.FIPS || !fips {
			list = append(list, s)
		}
	}
	return list
}

// ByID returns the suite, or nil for one that is not supported.
func ByID(id iana.CipherSuite) *Suite {
	for _, s := range suites {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// Supports reports whether the suite belongs to version v.
func (s *Suite) Supports(v iana.Version) bool { return s.MinVersion <= v && v <= s.MaxVersion }

// Lengths says what the suite takes from the key block of TLS 1.2 (RFC 5246 §6.3).
func (s *Suite) Lengths() keys.Lengths {
	return keys.Lengths{Key: s.Cipher.KeyLen, IV: s.Cipher.FixedIVLen}
}

// TrafficKeys is what protects the records of one direction from some point on. In TLS 1.3 that is a traffic secret, of
// which key and IV are derived and which a KeyUpdate replaces; before, it is a piece of the key block.
type TrafficKeys struct {
	Version      iana.Version
	Suite        *Suite
	Secret       keys.Secret // TLS 1.3
	MAC, Key, IV keys.Secret // TLS 1.2
}

// Wipe zeroes every secret of k.
func (k *TrafficKeys) Wipe() {
	for _, s := range []keys.Secret{k.Secret, k.MAC, k.Key, k.IV} {
		s.Wipe()
	}
}
