package session

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
)

// Sizes of XAES-256-GCM, in bytes.
const (
	xaesKey   = 32
	xaesNonce = 24
	xaesTag   = 16
)

// xaes is XAES-256-GCM (C2SP, https://c2sp.org/XAES-256-GCM): AES-256-GCM under a key that is derived, by AES-CMAC as the
// KDF of NIST SP 800-108r1, from the first half of a nonce of 24 bytes. Plain AES-GCM may take 2^32 random nonces under one
// key, which a fleet that shares its ticket keys uses up unnoticed; this takes 2^80.
type xaes struct {
	block cipher.Block
	k1    [aes.BlockSize]byte // CMAC's subkey for whole blocks (NIST SP 800-38B §6.1)
}

// newXAES requires key to have 32 bytes.
func newXAES(key []byte) (*xaes, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("ticket key: %w", err)
	}
	x := &xaes{block: block}
	block.Encrypt(x.k1[:], x.k1[:])
	double(&x.k1)
	return x, nil
}

// double multiplies by x in GF(2^128), in constant time.
func double(b *[aes.BlockSize]byte) {
	carry := b[0] >> 7
	for i := range len(b) - 1 {
		b[i] = b[i]<<1 | b[i+1]>>7
	}
	b[len(b)-1] = b[len(b)-1]<<1 ^ -carry&0x87
}

// gcm returns the AES-256-GCM for a nonce. The second half of nonce is the nonce there.
func (x *xaes) gcm(nonce []byte) (cipher.AEAD, error) {
	var key [xaesKey]byte
	defer clear(key[:])
	for i := range byte(2) {
		m := key[int(i)*aes.BlockSize:][:aes.BlockSize]
		copy(m, []byte{0, i + 1, 'X', 0})
		copy(m[4:], nonce[:12])
		for j := range m {
			m[j] ^= x.k1[j]
		}
		x.block.Encrypt(m, m)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal appends the encryption of plain to dst.
func (x *xaes) seal(dst, nonce, plain, additional []byte) ([]byte, error) {
	g, err := x.gcm(nonce)
	if err != nil {
		return nil, err
	}
	return g.Seal(dst, nonce[12:], plain, additional), nil
}

// open returns the decryption of sealed in new memory.
func (x *xaes) open(nonce, sealed, additional []byte) ([]byte, error) {
	g, err := x.gcm(nonce)
	if err != nil {
		return nil, err
	}
	return g.Open(nil, nonce[12:], sealed, additional)
}
