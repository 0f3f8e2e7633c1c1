package keys

import (
	"crypto"
	"crypto/md5"
	"crypto/sha1"
	"hash"
)

// NewTranscript returns an empty transcript hash. crypto.MD5SHA1, which has no implementation of its own, is that of
// TLS 1.0 and 1.1: the MD5 hash followed by the SHA-1 hash (RFC 4346 §7.4.9).
func NewTranscript(h crypto.Hash) hash.Hash {
	if h == crypto.MD5SHA1 {
		return &md5SHA1{md5.New(), sha1.New()}
	}
	return h.New()
}

// md5SHA1 is two hashes of the same message.
type md5SHA1 struct{ md5, sha1 hash.Hash }

func (h *md5SHA1) Write(p []byte) (int, error) {
	h.md5.Write(p)
	return h.sha1.Write(p)
}

func (h *md5SHA1) Sum(b []byte) []byte { return h.sha1.Sum(h.md5.Sum(b)) }

func (h *md5SHA1) Reset() {
	h.md5.Reset()
	h.sha1.Reset()
}

func (h *md5SHA1) Size() int      { return md5.Size + sha1.Size }
func (h *md5SHA1) BlockSize() int { return md5.BlockSize }
