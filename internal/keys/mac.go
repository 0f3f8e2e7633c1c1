package keys

import (
	"crypto"
	"encoding"
	"hash"
	"sync"

	// The hashes that schedules are made with.
	_ "crypto/md5"
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"
)

const (
	maxHash  = 64  // bytes, SHA-512
	maxBlock = 128 // bytes, SHA-384 and SHA-512
	maxState = 256 // bytes; a marshalled SHA-512 is the longest, 204
)

// mac computes HMACs (RFC 2104) with one hash object: it takes another key without allocating, and keeps the hash states
// after either padded key, so that a second message under the same key costs two blocks less.
//
// All input is copied through buf. That keeps the callers' slices out of an interface call, hence their stack buffers off
// the heap, and costs nothing beside the hash.
type mac struct {
	id           crypto.Hash
	h            marshalledHash
	inner, outer []byte // states of h after key^ipad and key^opad, in states
	states       [2][maxState]byte
	buf          [maxBlock]byte
	out          [maxHash]byte // the last sum
	tmp          [maxHash]byte // for a caller's intermediate secret
	kept         [maxHash]byte // for a hash that is input, or A(i) of the TLS 1.2 PRF
}

type marshalledHash interface {
	hash.Hash
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

// pools holds wiped macs by hash: traffic keys are derived at any time in a connection's life, and a mac of its own would
// stay with it for nothing.
var pools [crypto.BLAKE2b_512 + 1]sync.Pool

// acquire returns a mac for h without a key. The caller releases it.
func acquire(h crypto.Hash) *mac {
	if m, ok := pools[h].Get().(*mac); ok {
		return m
	}
	return &mac{id: h, h: h.New().(marshalledHash)}
}

// release wipes m and gives it back.
func (m *mac) release() {
	m.wipe()
	pools[m.id].Put(m)
}

// wipe overwrites everything that passed through m, and what the hash object keeps of its last partial block: that is
// filled with zeros in two writes, because a whole block is not buffered.
func (m *mac) wipe() {
	clear(m.states[0][:])
	clear(m.states[1][:])
	clear(m.buf[:])
	clear(m.out[:])
	clear(m.tmp[:])
	clear(m.kept[:])
	block := m.h.BlockSize()
	m.h.Reset()
	m.h.Write(m.buf[:block-1])
	m.h.Write(m.buf[:1])
	m.h.Reset()
}

// setKey makes key the key of the messages to come. It may be m.tmp or m.out.
func (m *mac) setKey(key []byte) {
	if len(key) > m.h.BlockSize() {
		key = m.hash(key)
	}
	m.inner = m.pad(m.states[0][:0], key, 0x36)
	m.outer = m.pad(m.states[1][:0], key, 0x5c)
}

// pad appends the state of the hash after one block of key^x.
func (m *mac) pad(state, key []byte, x byte) []byte {
	block := m.buf[:m.h.BlockSize()]
	clear(block)
	copy(block, key)
	for i := range block {
		block[i] ^= x
	}
	m.h.Reset()
	m.h.Write(block)
	state, err := m.h.AppendBinary(state)
	if err != nil {
		panic("keys: " + m.id.String() + " has no state to keep: " + err.Error())
	}
	return state
}

// hash returns the hash of p, in m.out. It ends a message begun.
func (m *mac) hash(p []byte) []byte {
	m.h.Reset()
	m.write(p)
	return m.h.Sum(m.out[:0])
}

// keepHash is hash with the result in m.kept, where it may be the context of a derivation.
func (m *mac) keepHash(p []byte) []byte {
	return m.kept[:copy(m.kept[:], m.hash(p))]
}

// begin starts a message under the key.
func (m *mac) begin() { m.restore(m.inner) }

func (m *mac) restore(state []byte) {
	if err := m.h.UnmarshalBinary(state); err != nil {
		panic("keys: " + m.id.String() + " does not take its state back: " + err.Error())
	}
}

func (m *mac) write(p []byte) {
	for len(p) > 0 {
		n := copy(m.buf[:], p)
		m.h.Write(m.buf[:n])
		p = p[n:]
	}
}

func (m *mac) writeString(s string) {
	for len(s) > 0 {
		n := copy(m.buf[:], s)
		m.h.Write(m.buf[:n])
		s = s[n:]
	}
}

func (m *mac) writeByte(b byte) {
	m.buf[0] = b
	m.h.Write(m.buf[:1])
}

// sum ends the message and returns its HMAC, in m.out.
func (m *mac) sum() []byte {
	inner := m.h.Sum(m.out[:0])
	m.restore(m.outer)
	m.h.Write(inner)
	return m.h.Sum(m.out[:0])
}
