package suite

import (
	"crypto/aes"
	"crypto/cipher"
	"math"

	"golang.org/x/crypto/chacha20poly1305"
)

// Cipher is how a suite protects records, its nonces included. Lengths are in bytes.
//
// A nonce is made in one of two ways. Where ExplicitNonceLen is zero, it is the fixed IV, combined by XOR with the record's
// sequence number, padded on the left (RFC 9846 §5.3, RFC 7905 §2). Where it is not, the nonce is the fixed IV followed by
// an explicit part, which the sender chooses and which travels before the ciphertext (RFC 5288 §3).
type Cipher struct {
	Name             string // in the field's terms: "AES-128-GCM"
	KeyLen           int
	FixedIVLen       int // the part of the nonce that is derived with the key
	ExplicitNonceLen int // the part of the nonce that each record carries
	TagLen           int
	New              func(key []byte) (cipher.AEAD, error)
	// RecordLimit is how many records one key may protect (RFC 9846 §5.5). It is the whole sequence number where no
	// earlier end is set, or where no KeyUpdate could follow it.
	RecordLimit uint64
}

// gcmLimit is 2^24.5, rounded down (RFC 9846 §5.5).
const gcmLimit = 23_726_566

// The ciphers. AES-GCM has two rows, for its nonce changed with TLS 1.3; ChaCha20-Poly1305 was made the new way at once.
var (
	aes128GCM        = &Cipher{Name: "AES-128-GCM", KeyLen: 16, FixedIVLen: 12, TagLen: 16, New: newGCM, RecordLimit: gcmLimit}
	aes256GCM        = &Cipher{Name: "AES-256-GCM", KeyLen: 32, FixedIVLen: 12, TagLen: 16, New: newGCM, RecordLimit: gcmLimit}
	chacha20Poly1305 = &Cipher{Name: "CHACHA20-POLY1305", KeyLen: 32, FixedIVLen: 12, TagLen: 16, New: chacha20poly1305.New, RecordLimit: math.MaxUint64}
	aes128GCM12      = &Cipher{Name: "AES-128-GCM", KeyLen: 16, FixedIVLen: 4, ExplicitNonceLen: 8, TagLen: 16, New: newGCM, RecordLimit: math.MaxUint64}
	aes256GCM12      = &Cipher{Name: "AES-256-GCM", KeyLen: 32, FixedIVLen: 4, ExplicitNonceLen: 8, TagLen: 16, New: newGCM, RecordLimit: math.MaxUint64}
)

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
