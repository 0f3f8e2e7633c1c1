// Package borrow lends the buffers that records are read into and written from, and reads into them without holding one
// while there is nothing to read. A connection that waits for weeks then keeps no buffer at all.
//
// A buffer is a plain slice of one of a few sizes. [Get] lends one, [Put] takes it back, and between the two it belongs to
// the borrower alone. What was in it is overwritten on its return, so that no plaintext waits in a pool for the next
// borrower: Put overwrites buf[:len(buf)], and whoever shortens a buffer overwrites what it cuts off, unless that was on
// the wire as it stands.
//
// [Source] is how a connection is read. [From] makes one of any [io.Reader]; a connection that wraps another, such as a
// tap, is one itself and forwards the call, so that watched and unwatched connections run the same code.
package borrow

import "sync"

// The sizes of buffers, in bytes.
const (
	Small  = 512
	Medium = 4 << 10
	Record = 19072    // the longest legal record, 5 + 2^14 + 2048 bytes (RFC 5246 §6.2.3), and what the allocator adds
	Bulk   = 72 << 10 // four records of 2^14 bytes with their overhead, rounded to pages
)

// class is the buffers of one size. The pool holds pointers to arrays: a slice would need an allocation to be put there.
type class struct {
	size  int
	slice func(array any) []byte
	array func(buf []byte) any
	free  sync.Pool
}

var classes = [...]*class{
	{
		size:  Small,
		slice: func(a any) []byte { return a.(*[Small]byte)[:0] },
		array: func(b []byte) any { return (*[Small]byte)(b) },
	},
	{
		size:  Medium,
		slice: func(a any) []byte { return a.(*[Medium]byte)[:0] },
		array: func(b []byte) any { return (*[Medium]byte)(b) },
	},
	{
		size:  Record,
		slice: func(a any) []byte { return a.(*[Record]byte)[:0] },
		array: func(b []byte) any { return (*[Record]byte)(b) },
	},
	{
		size:  Bulk,
		slice: func(a any) []byte { return a.(*[Bulk]byte)[:0] },
		array: func(b []byte) any { return (*[Bulk]byte)(b) },
	},
}

// classFor returns the smallest class whose buffers hold n bytes, or nil.
func classFor(n int) *class {
	for _, c := range classes {
		if n <= c.size {
			return c
		}
	}
	return nil
}

// Get lends an empty buffer with room for n bytes or more. One for more than [Bulk] bytes comes from the heap and goes back
// there. Bytes past its length may be what an earlier borrower left that was public.
func Get(n int) []byte {
	c := classFor(n)
	if c == nil {
		return lent(make([]byte, 0, n))
	}
	if a := c.free.Get(); a != nil {
		return lent(c.slice(a))
	}
	return lent(make([]byte, 0, c.size))
}

// Put takes a buffer back and overwrites buf[:len(buf)] with zeros. buf begins where the slice began that Get gave. A nil
// buffer is none.
func Put(buf []byte) {
	if cap(buf) == 0 {
		return
	}
	clear(buf)
	buf = buf[:cap(buf)]
	returned(buf)
	if c := classFor(cap(buf)); c != nil && c.size == cap(buf) {
		c.free.Put(c.array(buf))
	}
}

// Grow returns a buffer with the content of buf and room for n bytes in all: buf itself where it has the room, else another,
// and buf has gone back.
func Grow(buf []byte, n int) []byte {
	if n <= cap(buf) {
		return buf
	}
	return move(buf, n)
}

// Fit returns the smallest buffer that holds the content of buf: buf itself, or another, and buf has gone back. Without
// content there is none to hold, and Fit returns nil.
func Fit(buf []byte) []byte {
	if len(buf) == 0 {
		Put(buf)
		return nil
	}
	if c := classFor(len(buf)); c == nil || c.size >= cap(buf) {
		return buf
	}
	return move(buf, len(buf))
}

func move(buf []byte, n int) []byte {
	to := append(Get(n), buf...)
	Put(buf)
	return to
}
