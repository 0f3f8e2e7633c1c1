package suite

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"slices"
)

// ccm is AES in Counter with CBC-MAC mode (NIST SP 800-38C, RFC 3610): the MAC of nonce, additional data and plaintext, and
// plaintext and MAC encrypted in counter mode. Every block costs two calls of AES, the first of which waits for the one
// before, so that this is slower than GCM by nature.
//
// The blocks that it works on are part of it, so that a call allocates nothing; hence one goroutine at a time.
type ccm struct {
	block         cipher.Block
	nonceLen, tag int            // bytes
	mac           [ccmBlock]byte // the CBC-MAC so far
	counter       [ccmBlock]byte // the counter block that comes next
	stream        [ccmBlock]byte // the encrypted counter block
}

const ccmBlock = aes.BlockSize

// newCCM makes AES-CCM for nonces of 7 to 13 bytes and tags of 4, 6, … or 16.
func newCCM(key []byte, nonceLen, tag int) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return &ccm{block: block, nonceLen: nonceLen, tag: tag}, nil
}

func (c *ccm) NonceSize() int { return c.nonceLen }
func (c *ccm) Overhead() int  { return c.tag }

var errOpen = errors.New("the tag does not match")

// Seal appends the ciphertext and the tag to dst. The plaintext may lie exactly where the ciphertext goes. It panics if the
// nonce has another length than NonceSize, or the plaintext one that does not fit into 15-NonceSize bytes.
func (c *ccm) Seal(dst, nonce, plaintext, additional []byte) []byte {
	c.begin(nonce, len(plaintext), additional)
	sealed := slices.Grow(dst, len(plaintext)+c.tag)[:len(dst)+len(plaintext)]
	for out := sealed[len(dst):]; len(plaintext) > 0; {
		n := min(ccmBlock, len(plaintext))
		c.absorb(plaintext[:n])
		c.crypt(out[:n], plaintext[:n])
		out, plaintext = out[n:], plaintext[n:]
	}
	return append(sealed, c.finish(nonce)...)
}

// Open appends the plaintext to dst, or returns nil and an error, with zeros where the plaintext would be. It may lie
// exactly where the ciphertext is. It panics as Seal does.
func (c *ccm) Open(dst, nonce, ciphertext, additional []byte) ([]byte, error) {
	n := len(ciphertext) - c.tag
	if n < 0 {
		return nil, errOpen
	}
	c.begin(nonce, n, additional)
	ciphertext, tag := ciphertext[:n], ciphertext[n:]
	opened := slices.Grow(dst, n)[:len(dst)+n]
	for out := opened[len(dst):]; len(ciphertext) > 0; {
		n := min(ccmBlock, len(ciphertext))
		c.crypt(out[:n], ciphertext[:n])
		c.absorb(out[:n])
		out, ciphertext = out[n:], ciphertext[n:]
	}
	if subtle.ConstantTimeCompare(tag, c.finish(nonce)) == 0 {
		clear(opened[len(dst):])
		return nil, errOpen
	}
	return opened, nil
}

// begin starts the MAC, with the block B_0 and the additional data (SP 800-38C §A.2), and the counter (§A.3).
func (c *ccm) begin(nonce []byte, length int, additional []byte) {
	lengthLen := ccmBlock - 1 - c.nonceLen // of the length of the plaintext, and of the counter
	if len(nonce) != c.nonceLen {
		panic("suite: a nonce of another length than AES-CCM was made for")
	}
	if lengthLen < 8 && uint64(length)>>(8*lengthLen) != 0 {
		panic("suite: more plaintext than AES-CCM takes")
	}
	c.setCounter(nonce, 1)

	clear(c.mac[:])
	binary.BigEndian.PutUint64(c.mac[ccmBlock-8:], uint64(length))
	copy(c.mac[1:], nonce)
	c.mac[0] = byte((c.tag-2)/2<<3 | (lengthLen - 1))
	if len(additional) > 0 {
		c.mac[0] |= 1 << 6
	}
	c.block.Encrypt(c.mac[:], c.mac[:])
	c.absorbAdditional(additional)
}

// absorbAdditional is the additional data behind its length (SP 800-38C §A.2.2).
func (c *ccm) absorbAdditional(p []byte) {
	if len(p) == 0 {
		return
	}
	head := len(appendLength(c.stream[:0], uint64(len(p))))
	n := copy(c.stream[head:], p)
	c.absorb(c.stream[:head+n])
	for p = p[n:]; len(p) > 0; p = p[n:] {
		n = min(ccmBlock, len(p))
		c.absorb(p[:n])
	}
}

// appendLength appends the length of the additional data, in the shortest of its three forms that holds it.
func appendLength(dst []byte, n uint64) []byte {
	switch {
	case n < 1<<16-1<<8:
		return binary.BigEndian.AppendUint16(dst, uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, 0xff, 0xfe), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xff, 0xff), n)
}

// absorb takes a block, or the last piece of one, which zeros fill, into the MAC.
func (c *ccm) absorb(p []byte) {
	subtle.XORBytes(c.mac[:], c.mac[:], p)
	c.block.Encrypt(c.mac[:], c.mac[:])
}

// setCounter makes n, which is 0 or 1, the counter.
func (c *ccm) setCounter(nonce []byte, n byte) {
	clear(c.counter[:])
	c.counter[0] = byte(ccmBlock - 2 - c.nonceLen)
	copy(c.counter[1:], nonce)
	c.counter[ccmBlock-1] = n
}

// crypt encrypts or decrypts a block, or the last piece of one, and counts.
func (c *ccm) crypt(out, in []byte) {
	c.block.Encrypt(c.stream[:], c.counter[:])
	subtle.XORBytes(out, in, c.stream[:])
	last := c.counter[ccmBlock-8:]
	binary.BigEndian.PutUint64(last, binary.BigEndian.Uint64(last)+1)
}

// finish returns the tag: the MAC, encrypted with the counter 0.
func (c *ccm) finish(nonce []byte) []byte {
	c.setCounter(nonce, 0)
	c.crypt(c.mac[:], c.mac[:])
	return c.mac[:c.tag]
}
