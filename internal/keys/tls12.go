package keys

import (
	"crypto"
	"crypto/subtle"
	"errors"
	"fmt"
)

// Sizes of TLS 1.2 and earlier, in bytes.
const (
	MainSecretSize = 48 // RFC 5246 §8.1
	VerifyDataSize = 12 // RFC 5246 §7.4.9; every suite there is keeps to it
)

// PRF is the pseudorandom function of TLS 1.2 with the hash of a cipher suite, or that of TLS 1.0 and 1.1. It is a small
// value; the zero one is of no use.
type PRF struct {
	hash crypto.Hash
	log  Log
}

// TLS12 returns the PRF of TLS 1.2 (RFC 5246 §5) with h, which is SHA-256 for suites older than TLS 1.2. The main secret
// goes to log, which may be nil.
func TLS12(h crypto.Hash, log Log) PRF { return PRF{hash: h, log: log} }

// TLS10 returns the PRF of TLS 1.0 and 1.1 (RFC 2246 §5): MD5 over one half of the secret, SHA-1 over the other. Its
// transcripts are the MD5 hash followed by the SHA-1 hash.
func TLS10(log Log) PRF { return PRF{hash: crypto.MD5SHA1, log: log} }

// MainSecret returns the main secret (RFC 5246 §8.1, where it is still called master). The premaster secret is the
// caller's to wipe.
func (p PRF) MainSecret(premaster Secret, clientRandom, serverRandom []byte) Secret {
	main := make(Secret, MainSecretSize)
	p.expand(main, premaster, MainSecret, MainSecret.Wire(), clientRandom, serverRandom)
	return main
}

// ExtendedMainSecret returns the main secret bound to the handshake (RFC 7627 §4). sessionHash is the transcript up to
// ClientKeyExchange.
func (p PRF) ExtendedMainSecret(premaster Secret, sessionHash []byte) Secret {
	main := make(Secret, MainSecretSize)
	p.expand(main, premaster, ExtendedMainSecret, ExtendedMainSecret.Wire(), sessionHash)
	return main
}

// Lengths says how many bytes of each kind a suite takes from the key block, for one side.
type Lengths struct{ MAC, Key, IV int }

// WriteKeys is what one side protects its records with.
type WriteKeys struct{ MAC, Key, IV Secret }

// KeyBlock is the key block, cut up (RFC 5246 §6.3).
type KeyBlock struct{ Client, Server WriteKeys }

// KeyBlock returns the keys of both sides. They lie in one allocation, but each may be wiped alone.
func (p PRF) KeyBlock(main Secret, clientRandom, serverRandom []byte, n Lengths) KeyBlock {
	var b KeyBlock
	partition := [...]struct {
		key    *Secret
		length int
	}{
		{&b.Client.MAC, n.MAC},
		{&b.Server.MAC, n.MAC},
		{&b.Client.Key, n.Key},
		{&b.Server.Key, n.Key},
		{&b.Client.IV, n.IV},
		{&b.Server.IV, n.IV},
	}
	rest := make(Secret, 2*(n.MAC+n.Key+n.IV))
	p.expand(rest, main, KeyExpansion, KeyExpansion.Wire(), serverRandom, clientRandom)
	for _, part := range partition {
		*part.key, rest = rest[:part.length:part.length], rest[part.length:]
	}
	return b
}

// AppendFinished appends Finished.verify_data of the sender's side to dst (RFC 5246 §7.4.9).
func (p PRF) AppendFinished(dst []byte, main Secret, sender Side, transcript []byte) []byte {
	label := ClientFinished
	if sender == Server {
		label = ServerFinished
	}
	dst = append(dst, make([]byte, VerifyDataSize)...)
	p.expand(dst[len(dst)-VerifyDataSize:], main, label, label.Wire(), transcript)
	return dst
}

// Export is the exporter of RFC 5705 §4: length bytes of keying material under the application's label. No context (nil)
// and an empty one differ. It fails for a label that the handshake uses itself and for a context of more than 65535 bytes.
func (p PRF) Export(main Secret, label string, clientRandom, serverRandom, context []byte, length int) ([]byte, error) {
	if reserved12(label) {
		return nil, fmt.Errorf("exporter label %q is one of the handshake's own", label)
	}
	if len(context) > 1<<16-1 {
		return nil, fmt.Errorf("exporter context of %d bytes, the most is 65535", len(context))
	}
	if length < 0 {
		return nil, errors.New("exporter length below zero")
	}
	seed := [4][]byte{clientRandom, serverRandom}
	if context != nil {
		seed[2] = []byte{byte(len(context) >> 8), byte(len(context))}
		seed[3] = context
	}
	material := make([]byte, length)
	p.expand(material, main, ExporterValue12, label, seed[:]...)
	return material, nil
}

// reserved12 reports whether the TLS 1.2 handshake derives something with label: with it an exporter would give away, or
// forge, the handshake's own values.
func reserved12(label string) bool {
	for l := MainSecret; l <= ServerFinished; l++ {
		if l.Wire() == label {
			return true
		}
	}
	return false
}

// expand is PRF(secret, label, seed) into out, whatever is there. Every derivation of TLS 1.0 to 1.2 runs through here.
func (p PRF) expand(out []byte, secret Secret, l Label, wire string, seed ...[]byte) {
	clear(out)
	if p.hash == crypto.MD5SHA1 {
		half := (len(secret) + 1) / 2 // an odd byte in the middle belongs to both
		xorPHash(crypto.MD5, out, secret[:half], wire, seed)
		xorPHash(crypto.SHA1, out, secret[len(secret)-half:], wire, seed)
	} else {
		xorPHash(p.hash, out, secret, wire, seed)
	}
	p.log.write(l, out)
}

// xorPHash combines out with P_hash(secret, label + seed) (RFC 5246 §5).
func xorPHash(h crypto.Hash, out, secret []byte, label string, seed [][]byte) {
	m := acquire(h)
	defer m.release()
	m.setKey(secret)
	a := m.chain(nil, label, seed)
	for {
		m.begin()
		m.write(a)
		block := m.seeded(label, seed)
		n := min(len(out), len(block))
		subtle.XORBytes(out[:n], out[:n], block[:n])
		if out = out[n:]; len(out) == 0 {
			return
		}
		a = m.chain(a, "", nil)
	}
}

// chain returns A(i), which is the HMAC of A(i-1), and of label + seed for i = 1.
func (m *mac) chain(a []byte, label string, seed [][]byte) []byte {
	m.begin()
	m.write(a)
	return m.kept[:copy(m.kept[:], m.seeded(label, seed))]
}

// seeded ends a message with label + seed and returns its HMAC.
func (m *mac) seeded(label string, seed [][]byte) []byte {
	m.writeString(label)
	for _, s := range seed {
		m.write(s)
	}
	return m.sum()
}
