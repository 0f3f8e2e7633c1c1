package keys

import (
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"math/bits"
)

// RecordMAC is HMAC (RFC 2104) under one key for many messages: the MAC of records before AEADs (RFC 5246 §6.2.3.1). It is
// for one goroutine at a time, and allocates nothing per message. Messages must lie on the heap or they are moved there.
type RecordMAC struct {
	mac
	block  [maxBlock]byte // one that may be the last of a message
	state  [maxState]byte // of the hash, after block
	digest [maxHash]byte
}

// NewRecordMAC returns the MAC of a hash under key, which it does not keep. The hash is one of SHA-1, SHA-256 and SHA-384
// of the standard library, or something around one of them that counts.
func NewRecordMAC(newHash func() hash.Hash, key Secret) *RecordMAC {
	r := &RecordMAC{mac: mac{h: newHash().(marshalledHash)}}
	r.setKey(key)
	return r
}

// Size is the length of a MAC in bytes.
func (r *RecordMAC) Size() int { return r.h.Size() }

// Sum returns the MAC of header and data behind it. The slice is good until the next call.
func (r *RecordMAC) Sum(header, data []byte) []byte {
	r.begin()
	r.h.Write(header)
	r.h.Write(data)
	return r.sum()
}

// SumSecret is Sum of header and data[:length], where only the caller knows length, between least and len(data): how long
// it takes, how much is hashed and what memory is read depend on the lengths of the slices and on least alone. The header
// is shorter than a block of the hash.
//
// A hash ends with a block that holds the end of the message, a bit and the length. From the first block on that may be
// that one, each is made as it is if it is the last, as it is if it is not, whichever is true, without a branch; after each
// the state of the hash is the digest if that one was the last. That is every place where the message may end, evaluated.
func (r *RecordMAC) SumSecret(header, data []byte, length, least int) []byte {
	size := r.h.BlockSize()
	shift := bits.TrailingZeros(uint(size)) // to divide by size: a division takes longer for some numbers
	end := len(header) + length
	last := (end + size/8) >> shift // an eighth of a block is for the length of the message

	first := (len(header) + least) >> shift
	r.begin()
	r.writeBlocks(header, data, first<<shift)

	clear(r.digest[:])
	for i := first; i <= (len(header)+len(data)+size/8)>>shift; i++ {
		isLast := equal(i, last)
		r.fill(header, data, i<<shift, end, isLast)
		r.h.Write(r.block[:size])
		r.pick(isLast)
	}
	r.restore(r.outer)
	r.h.Write(r.digest[:r.h.Size()])
	return r.h.Sum(r.out[:0])
}

// writeBlocks hashes the first n bytes of the message, none or at least as many as header has.
func (r *RecordMAC) writeBlocks(header, data []byte, n int) {
	if n > 0 {
		r.h.Write(header)
		r.h.Write(data[:n-len(header)])
	}
}

// fill makes the block of the message that begins at from. The message is end bytes long; behind it there is a bit, zeros
// and, if isLast, the length in bits with that of the padded key.
func (r *RecordMAC) fill(header, data []byte, from, end int, isLast byte) {
	block := r.block[:r.h.BlockSize()]
	for i := range block {
		at := from + i
		var b byte
		switch {
		case at < len(header):
			b = header[at]
		case at < len(header)+len(data):
			b = data[at-len(header)]
		}
		block[i] = b&less(at, end) | 0x80&equal(at, end)
	}
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], 8*uint64(len(block)+end))
	for i, b := range length {
		block[len(block)-len(length)+i] |= b & isLast
	}
}

// stateHead is how long the name is that stands before the state proper in a marshalled hash of the standard library. The
// digest is the beginning of the state proper. If that were otherwise, no record would open; a test sees it first.
const stateHead = 4

// pick makes the state of the hash the digest if isLast.
func (r *RecordMAC) pick(isLast byte) {
	state, err := r.h.AppendBinary(r.state[:0])
	if err != nil {
		panic("keys: a hash that has no state to look at: " + err.Error())
	}
	for i, b := range state[stateHead : stateHead+r.h.Size()] {
		r.digest[i] |= b & isLast
	}
}

// Wipe overwrites the key's traces and the last message's. The RecordMAC is of no use afterwards.
func (r *RecordMAC) Wipe() {
	r.wipe()
	clear(r.block[:])
	clear(r.state[:])
	clear(r.digest[:])
}

// less returns ones if a < b and zeros otherwise, without a branch.
func less(a, b int) byte { return byte(-subtle.ConstantTimeLessOrEq(a+1, b)) }

// equal returns ones if a = b and zeros otherwise, without a branch.
func equal(a, b int) byte { return byte(-subtle.ConstantTimeEq(int32(a), int32(b))) }
