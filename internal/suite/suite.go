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
	MAC                    crypto.Hash  // of the HMAC that goes with a CBC cipher; 0 where the cipher is an AEAD
	Hash                   crypto.Hash  // of the key schedule and the transcript; see TranscriptHash
	MinVersion, MaxVersion iana.Version // of TLS, both included
	FIPS                   bool         // made of algorithms that FIPS 140-3 approves
	Default                bool         // in the default policy: forward secrecy, authenticated encryption, in common use
}

// KeyExchange is how two ends come to a shared secret.
type KeyExchange uint8

// The key exchanges. With AuthPSK they are those of RFC 4279 and RFC 5489, which mix a pre-shared key in.
const (
	KeyExchangeNegotiated KeyExchange = iota // by the group, apart from the suite (RFC 9846 §4.2.1)
	KeyExchangeECDHE                         // ephemeral Diffie-Hellman on an elliptic curve
	KeyExchangeHybrid                        // ECDHE and ML-KEM together
	KeyExchangeDHE                           // ephemeral Diffie-Hellman in a finite field
	KeyExchangeRSA                           // the client encrypts a secret to the certificate (RFC 5246 §7.4.7.1)
	KeyExchangePSK                           // a pre-shared key and nothing else (RFC 4279 §2)
	KeyExchangeKEM                           // ML-KEM alone
)

// String returns the name that is used in the field: "ECDHE".
func (k KeyExchange) String() string {
	return [...]string{"negotiated", "ECDHE", "ECDHE + ML-KEM", "DHE", "RSA", "PSK", "ML-KEM"}[k]
}

// Authentication is the kind of signature, or of other proof, that authenticates the server, in the terms of TLS 1.2
// suites.
type Authentication uint8

// The kinds of authentication.
const (
	AuthNegotiated Authentication = iota // by the signature scheme, apart from the suite (RFC 9846 §4.2.1)
	AuthRSA
	AuthECDSA // EdDSA too (RFC 8422 §2.1)
	AuthPSK   // by the pre-shared key; with KeyExchangeRSA by a certificate as well (RFC 4279 §4)
)

// String returns the name that is used in the field: "RSA".
func (a Authentication) String() string { return [...]string{"negotiated", "RSA", "ECDSA", "PSK"}[a] }

// All returns every suite, in order of preference.
func All() []*Suite { return append([]*Suite(nil), suites[:]...) }

// Usable returns the suites of All that the flows of internal/handshake can shake hands with.
func Usable() []*Suite {
	return filter(suites[:], func(s *Suite) bool { return s.Usable() })
}

// Usable reports whether s is one of the suites that Usable lists.
func (s *Suite) Usable() bool { return usable[s.KeyExchange] && s.Auth != AuthPSK }

// Shared reports whether the ends are authenticated by a key that they share, and nothing else (RFC 4279 §2, §3).
func (s *Suite) Shared() bool { return s.Auth == AuthPSK && s.KeyExchange != KeyExchangeRSA }

// usable is what the flows can do. A key exchange is put here when they learn it.
var usable = map[KeyExchange]bool{
	KeyExchangeNegotiated: true, KeyExchangeECDHE: true, KeyExchangeDHE: true, KeyExchangeRSA: true,
}

// Default returns the suites of the default policy, in order of preference: those that give forward secrecy and
// authenticated encryption, and under GODEBUG=fips140=on only approved ones.
func Default() []*Suite { return defaultSuites(fips140.Enabled()) }

// DefaultSince is Default where versions from oldest on are asked for: TLS 1.0 and 1.1 add what is best of theirs, ECDHE
// and AES in CBC mode.
func DefaultSince(oldest iana.Version) []*Suite {
	list := Default()
	if oldest >= iana.VersionTLS12 {
		return list
	}
	return append(list, filter(suites[:], func(s *Suite) bool {
		return s.Supports(oldest) && s.Usable() && s.KeyExchange == KeyExchangeECDHE && s.Cipher.KeyLen != tripleDESCBC.KeyLen
	})...)
}

func defaultSuites(fips bool) []*Suite {
	return filter(suites[:], func(s *Suite) bool { return s.Default && (s.FIPS || !fips) })
}

// Ephemeral reports whether the server makes a key for each handshake and signs it, in a ServerKeyExchange.
func (s *Suite) Ephemeral() bool {
	return s.KeyExchange == KeyExchangeECDHE || s.KeyExchange == KeyExchangeDHE
}

func filter[T any](list []*T, keep func(*T) bool) []*T {
	var kept []*T
	for _, row := range list {
		if keep(row) {
			kept = append(kept, row)
		}
	}
	return kept
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

// Lengths says what the suite takes from the key block of TLS 1.2 and before (RFC 5246 §6.3). A CBC cipher takes an IV
// that only TLS 1.0 has a use for. It is the last of the block, so that nothing else depends on it.
func (s *Suite) Lengths() keys.Lengths {
	n := keys.Lengths{Key: s.Cipher.KeyLen, IV: s.Cipher.FixedIVLen}
	if s.MAC != 0 {
		n.MAC = s.MAC.Size()
	}
	return n
}

// TranscriptHash is the hash of the transcript, and of the PRF, in version v: before TLS 1.2 it was MD5 and SHA-1 side by
// side for every suite (RFC 4346 §5). keys.NewTranscript makes either.
func (s *Suite) TranscriptHash(v iana.Version) crypto.Hash {
	if v < iana.VersionTLS12 {
		return crypto.MD5SHA1
	}
	return s.Hash
}

// TrafficKeys is what protects the records of one direction from some point on. In TLS 1.3 that is a traffic secret, of
// which key and IV are derived and which a KeyUpdate replaces; before, it is a piece of the key block.
type TrafficKeys struct {
	Version        iana.Version
	Suite          *Suite
	Secret         keys.Secret // TLS 1.3
	MAC, Key, IV   keys.Secret // TLS 1.2 and before
	EncryptThenMAC bool        // with a CBC cipher: encrypt_then_mac was negotiated (RFC 7366)
}

// Wipe zeroes every secret of k, which may be nil.
func (k *TrafficKeys) Wipe() {
	if k == nil {
		return
	}
	for _, s := range []keys.Secret{k.Secret, k.MAC, k.Key, k.IV} {
		s.Wipe()
	}
}
