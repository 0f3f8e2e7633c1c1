package sidechannel

import (
	"crypto"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding"
	"fmt"
	"hash"
	"sync"
)

// Work counts what instrumented parts are asked for: hashes, and whatever else says so with Note. It can be used by
// several goroutines at once. The zero Work counts nothing until Start.
type Work struct {
	mu           sync.Mutex
	on           bool
	calls        []string
	compressions int
	bytes        int
}

// Start forgets what was counted and counts from now on.
func (w *Work) Start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on, w.calls, w.compressions, w.bytes = true, nil, 0, 0
}

// Stop counts no more, and returns what each call was.
func (w *Work) Stop() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on = false
	return w.calls
}

// String sums up what was counted.
func (w *Work) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprintf("%d compressions, %d bytes, %d calls", w.compressions, w.bytes, len(w.calls))
}

// Note counts something that is no hash.
func (w *Work) Note(format string, args ...any) { w.count(0, 0, format, args...) }

func (w *Work) count(compressions, bytes int, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.on {
		return
	}
	w.calls = append(w.calls, fmt.Sprintf(format, args...))
	w.compressions += compressions
	w.bytes += bytes
}

// Hash returns hashes of a kind that w counts. They are the standard library's, which can save and restore their state.
func (w *Work) Hash(h crypto.Hash, newHash func() hash.Hash) func() hash.Hash {
	return func() hash.Hash {
		std := newHash()
		return &counted{std, std.(encoding.BinaryAppender), std.(encoding.BinaryUnmarshaler), h, w, 0}
	}
}

// Everywhere has w count every hash of TLS that is made by its number, in this process and from now on.
func (w *Work) Everywhere() {
	for h, newHash := range map[crypto.Hash]func() hash.Hash{
		crypto.MD5: md5.New, crypto.SHA1: sha1.New, crypto.SHA256: sha256.New, crypto.SHA384: sha512.New384,
	} {
		crypto.RegisterHash(h, w.Hash(h, newHash))
	}
}

// counted is a hash that says what it is asked for.
type counted struct {
	hash.Hash
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
	kind    crypto.Hash
	work    *Work
	partial int // bytes of a block that is not full
}

// Write implements [hash.Hash].
func (c *counted) Write(p []byte) (int, error) {
	size := c.BlockSize()
	c.work.count((c.partial+len(p))/size, len(p), "%v: write %d", c.kind, len(p))
	c.partial = (c.partial + len(p)) % size
	return c.Hash.Write(p)
}

// Sum implements [hash.Hash]. The last block ends with the length, in an eighth of it.
func (c *counted) Sum(b []byte) []byte {
	size := c.BlockSize()
	c.work.count((c.partial+size/8)/size+1, 0, "%v: sum", c.kind)
	return c.Hash.Sum(b)
}

// Reset implements [hash.Hash].
func (c *counted) Reset() {
	c.work.count(0, 0, "%v: reset", c.kind)
	c.partial = 0
	c.Hash.Reset()
}

// UnmarshalBinary implements [encoding.BinaryUnmarshaler]. States are saved between two blocks.
func (c *counted) UnmarshalBinary(b []byte) error {
	c.work.count(0, 0, "%v: restore", c.kind)
	c.partial = 0
	return c.BinaryUnmarshaler.UnmarshalBinary(b)
}
