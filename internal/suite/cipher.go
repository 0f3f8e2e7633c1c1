package suite

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"math"

	"golang.org/x/crypto/chacha20poly1305"
)

// Cipher is how a suite protects records, its nonces included. Lengths are in bytes.
//
// It is an AEAD, which New makes, or a block cipher in CBC mode, which NewBlock makes and which goes with a MAC that the
// suite names.
//
// The nonce of an AEAD is made in one of two ways. Where ExplicitNonceLen is zero, it is the fixed IV, combined by XOR with
// the record's sequence number, padded on the left (RFC 9846 §5.3, RFC 7905 §2). Where it is not, the nonce is the fixed IV
// followed by an explicit part, which the sender chooses and which travels before the ciphertext (RFC 5288 §3).
type Cipher struct {
	Name             string // in the field's terms: "AES-128-GCM"
	KeyLen           int
	FixedIVLen       int // the part of the nonce that is derived with the key; the first IV of CBC in TLS 1.0
	ExplicitNonceLen int // the part of the nonce that each record carries
	TagLen           int
	// New makes the AEAD, nil for CBC. It may be used by one goroutine at a time.
	New func(key []byte) (cipher.AEAD, error)
	// NewBlock makes the block cipher of CBC, nil for an AEAD.
	NewBlock func(key []byte) (cipher.Block, error)
	// RecordLimit is how many records one key may protect (RFC 9846 §5.5). It is the whole sequence number where no
	// earlier end is set, or where no KeyUpdate could follow it.
	RecordLimit uint64
}

// CBC reports whether c is a block cipher in CBC mode rather than an AEAD.
func (c *Cipher) CBC() bool { return c.NewBlock != nil }

// aesLimit is 2^24.5, rounded down. RFC 9846 §5.5 sets it for GCM. For CCM it sets none; the bound of RFC 9001 Appendix
// B.2, 2^34.5 blocks for the same margin, is 2^24.5 records of 2^10 blocks as well.
const aesLimit = 23_726_566

// The ciphers. AES-GCM and AES-CCM have two rows, for their nonce changed with TLS 1.3; ChaCha20-Poly1305 was made the new
// way at once.
var (
	aes128GCM        = aead13("AES-128-GCM", 16, 16, newGCM)
	aes256GCM        = aead13("AES-256-GCM", 32, 16, newGCM)
	aes128CCM        = aead13("AES-128-CCM", 16, 16, newCCM16)
	aes128CCM8       = aead13("AES-128-CCM-8", 16, 8, newCCM8)
	chacha20Poly1305 = &Cipher{Name: "CHACHA20-POLY1305", KeyLen: 32, FixedIVLen: 12, TagLen: 16, New: chacha20poly1305.New, RecordLimit: math.MaxUint64}

	aes128GCM12  = aead12("AES-128-GCM", 16, 16, newGCM)
	aes256GCM12  = aead12("AES-256-GCM", 32, 16, newGCM)
	aes128CCM12  = aead12("AES-128-CCM", 16, 16, newCCM16)
	aes256CCM12  = aead12("AES-256-CCM", 32, 16, newCCM16)
	aes128CCM812 = aead12("AES-128-CCM-8", 16, 8, newCCM8)
	aes256CCM812 = aead12("AES-256-CCM-8", 32, 8, newCCM8)

	aes128CBC    = &Cipher{Name: "AES-128-CBC", KeyLen: 16, FixedIVLen: aes.BlockSize, NewBlock: aes.NewCipher, RecordLimit: math.MaxUint64}
	aes256CBC    = &Cipher{Name: "AES-256-CBC", KeyLen: 32, FixedIVLen: aes.BlockSize, NewBlock: aes.NewCipher, RecordLimit: math.MaxUint64}
	tripleDESCBC = &Cipher{Name: "3DES-EDE-CBC", KeyLen: 24, FixedIVLen: des.BlockSize, NewBlock: des.NewTripleDESCipher, RecordLimit: math.MaxUint64}
)

type newAEAD = func(key []byte) (cipher.AEAD, error)

func aead13(name string, key, tag int, n newAEAD) *Cipher {
	return &Cipher{Name: name, KeyLen: key, FixedIVLen: 12, TagLen: tag, New: n, RecordLimit: aesLimit}
}

func aead12(name string, key, tag int, n newAEAD) *Cipher {
	return &Cipher{Name: name, KeyLen: key, FixedIVLen: 4, ExplicitNonceLen: 8, TagLen: tag, New: n, RecordLimit: math.MaxUint64}
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func newCCM16(key []byte) (cipher.AEAD, error) { return newCCM(key, 12, 16) }
func newCCM8(key []byte) (cipher.AEAD, error)  { return newCCM(key, 12, 8) }
