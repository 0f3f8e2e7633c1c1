// Package session is what outlives a connection: sessions, the tickets and identities that stand for them, the caches
// that keep them, pre-shared keys from elsewhere, and the register that sees to it that early data is accepted once.
//
// The flows of internal/handshake and the package tls bring the messages, the clock, the randomness and the user's
// settings; here is what they ask:
//
//   - what is a session, as bytes too: [State]
//   - may it be resumed now: [Matches], for a client [Offerable]
//   - what stands for it on the wire: [TicketKeys] for tickets, [IDs] for TLS 1.2's session IDs, [Select] and the binders
//     of [PSK] for TLS 1.3
//   - where is it kept: [ServerCache], [ClientCache]
//   - may its early data be accepted: [AcceptEarlyData] for the rules, [AntiReplay] with a [Register] for "once"
//
// Every decision is a pure function over a struct of facts and a table of rules, and a refusal is a [Code]: a word that
// never changes, with a sentence and a section of an RFC. No refusal is an error to the peer. It costs a full handshake,
// or early data a round trip, and nothing else; the one exception is [Code.Abort].
package session

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
	"time"
)

// Env is the world outside of the protocol.
type Env struct {
	Rand io.Reader        // cryptographically secure, safe for concurrent use
	Now  func() time.Time // safe for concurrent use
}

// Fingerprint stands for something long, such as a policy, in a session: its SHA-256. The zero value stands for nothing.
type Fingerprint [sha256.Size]byte

// FingerprintOf returns the fingerprint of a list of byte strings. Lists that differ in any string, or in where one ends
// and the next begins, have different fingerprints.
func FingerprintOf(parts ...[]byte) Fingerprint {
	h := sha256.New()
	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write(part)
	}
	return Fingerprint(h.Sum(nil))
}

// rule is one row of a table of conditions. Rows are tried in order; the first that does not hold decides.
type rule[F any] struct {
	code  Code // when it does not hold
	holds func(F) bool
}

// decide goes through the rules.
func decide[F any](rules []rule[F], f F) (bool, Code) {
	for i := range rules {
		if !rules[i].holds(f) {
			return false, rules[i].code
		}
	}
	return true, OK
}
