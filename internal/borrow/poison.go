package borrow

import (
	"sync"
	"sync/atomic"
)

// poison is what a buffer in the pool is filled with while [Poison] is on. As a record header it is nonsense.
const poison = 0xDB

// ledger knows where each buffer is that has been seen since poisoning began.
type ledger struct {
	mu   sync.Mutex
	lent map[*byte]int // bytes of room; 0 for those in the pool
	look func(buf []byte)
}

var current atomic.Pointer[ledger]

// Poison is for tests: until stop is called, every buffer that comes back is filled with nonsense, so that a use of it after
// its return is seen, and the pool panics when a buffer comes back twice or was written to after its return. look, which
// may be nil, is shown the whole of each returned buffer, past its length too, as it would lie in the pool.
func Poison(look func(buf []byte)) (stop func()) {
	l := &ledger{lent: map[*byte]int{}, look: look}
	before := current.Swap(l)
	return func() { current.Store(before) }
}

// Outstanding is for tests: how many buffers were lent since [Poison] and have not come back, and how many bytes of room
// they have.
func Outstanding() (buffers, bytes int) {
	l := current.Load()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, room := range l.lent {
		if room > 0 {
			buffers++
			bytes += room
		}
	}
	return buffers, bytes
}

// lent notes that buf leaves.
func lent(buf []byte) []byte {
	l := current.Load()
	if l == nil {
		return buf
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	all := buf[:cap(buf)]
	if _, known := l.lent[&all[0]]; known && !poisoned(all) {
		panic("borrow: a buffer was written to after its return")
	}
	l.lent[&all[0]] = len(all)
	return buf
}

// returned notes that buf, all of it, comes back.
func returned(buf []byte) {
	l := current.Load()
	if l == nil {
		return
	}
	if c := classFor(len(buf)); c != nil && c.size != len(buf) {
		panic("borrow: what was returned is a part of a buffer")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if room, known := l.lent[&buf[0]]; known && room == 0 {
		panic("borrow: a buffer was returned twice")
	}
	if l.look != nil {
		l.look(buf)
	}
	l.lent[&buf[0]] = 0
	for i := range buf {
		buf[i] = poison
	}
}

func poisoned(buf []byte) bool {
	for _, b := range buf {
		if b != poison {
			return false
		}
	}
	return true
}
