// Package wire is the codec on which every TLS structure's layout stands. It knows no TLS.
//
// A structure describes itself once, in a Layout method that names its fields in
// order, with their bounds:
//
//	func (h *Header) Layout(c *wire.Codec) {
//		wire.Uint8(c, "type", &h.Type)
//		wire.Vec16(c, "body", &h.Body, 1, 1<<14)
//	}
//
// The codec that the method is handed knows what is being done: decoding (fields are
// filled from bytes), encoding (bytes are appended from fields) or annotating
// (decoding that also records which bytes each field came from). So a decoder, an
// encoder and a dissector cannot disagree: they are the same lines.
//
// The first fault stops everything after it: the functions of this package do nothing
// once [Codec.Err] is set, so a layout needs no error handling of its own. A fault
// carries the path of the field and the offset of the byte at which it was found.
// Only lenient annotating goes on after a fault; see [Codec.Annotate].
//
// Decoded byte slices alias the input. Encoding appends to the caller's buffer.
// Neither allocates, except for the slices of lists.
package wire

import "slices"

// A Struct is a structure with a layout.
type Struct interface {
	// Layout names every field of the structure, in order.
	Layout(c *Codec)
}

type mode uint8

const (
	decoding mode = iota
	encoding
)

// A Codec performs a layout. The zero value is ready; a codec may be used again and
// again, by one goroutine at a time, and keeps its scratch space.
type Codec struct {
	// Context is whatever the layouts need to know that is not in the bytes. It is
	// the caller's, opaque here, and survives until the caller changes it.
	Context any

	mode  mode
	buf   []byte // decoding: all of the input; encoding: the output
	start int    // encoding: where the structure begins in buf
	off   int    // decoding: the cursor
	end   int    // decoding: the end of the innermost vector
	path  []step
	ref   string
	err   *Error
	rec   *recorder // nil unless annotating

	survey recorder // what rec is in Survey

	scratch []byte            // for paths
	ids     map[string]string // IDs that were made before
}

// step is one element of the path to the current field, and what is to be known of it
// when it ends.
type step struct {
	name   string
	outer  int   // of a vector; decoding: the end of what is around; encoding: where the length stands
	index  int32 // of the current element, -1 outside of lists
	span   int32 // of a group: its index in the recorder, or -1
	min    int32 // of a vector, as are the next three
	max    int32
	prefix uint8
	ok     bool // the vector may be laid out
	elided bool // left out of IDs
}

// Decode reads s from all of b, strictly: a byte too few or too many is an error (an
// [*Error]). root begins every path. Slices in s alias b. A slice that s has already is
// overwritten; a field that the bytes do not have keeps its value.
func (c *Codec) Decode(b []byte, root string, s Struct) error {
	c.reset(decoding, b, root)
	s.Layout(c)
	c.finish()
	return c.result()
}

// Encode appends s to dst and returns the longer slice, or an [*Error] where a field
// is out of its bounds; the bytes after dst are then of no use.
func (c *Codec) Encode(dst []byte, root string, s Struct) ([]byte, error) {
	c.reset(encoding, dst, root)
	s.Layout(c)
	out := c.buf
	return out, c.result()
}

func (c *Codec) reset(m mode, b []byte, root string) {
	c.mode, c.buf, c.ref, c.err, c.rec = m, b, "", nil, nil
	c.start, c.off, c.end = len(b), 0, len(b)
	c.path = c.path[:0]
	c.push(root)
}

// finish requires that decoding consumed everything.
func (c *Codec) finish() {
	if c.err == nil && c.off < c.end {
		c.fail(Trailing, 0, c.end-c.off)
	}
}

// result returns the error as an interface that is nil when there is none, and lets
// go of the input.
func (c *Codec) result() error {
	c.buf = nil
	if c.err == nil {
		return nil
	}
	return c.err
}

// Decoding reports whether fields are being filled from bytes, as opposed to bytes
// from fields.
func (c *Codec) Decoding() bool { return c.mode == decoding }

// Err returns the first fault, or nil.
func (c *Codec) Err() *Error { return c.err }

// Remaining is the number of bytes left in the innermost vector; 0 when encoding.
func (c *Codec) Remaining() int {
	if c.mode == encoding || c.err != nil {
		return 0
	}
	return c.end - c.off
}

// Peek returns what is left of the innermost vector without consuming it; it aliases the
// input. It is nil when nothing is left, and when encoding.
func (c *Codec) Peek() []byte {
	n := c.Remaining()
	if n == 0 {
		return nil
	}
	return c.buf[c.off : c.off+n : c.off+n]
}

// Offset is the position in the structure, in bytes from its beginning, in both
// directions.
func (c *Codec) Offset() int {
	if c.mode == encoding {
		return len(c.buf) - c.start
	}
	return c.off
}

// Fail stops the layout with a fault of the layout's own at the field name.
func (c *Codec) Fail(name string, err error) {
	if c.err == nil {
		c.push(name)
		c.err = &Error{Kind: Invalid, Path: c.where(), ID: c.id(), Offset: c.Offset(), Ref: c.ref, Err: err}
		c.pop()
	}
}

// Cite sets the section that faults from here on are against, and returns the section
// that was set before, so that it can be restored.
func (c *Codec) Cite(ref string) (before string) {
	before, c.ref = c.ref, ref
	return before
}

// Elide leaves the list around the current element out of the IDs of the element's
// remaining fields: a container such as "extensions" says nothing about what is in it.
func (c *Codec) Elide() { c.top().elided = true }

// take returns the next n bytes of the field name, or nil after recording the fault.
func (c *Codec) take(name string, n int) []byte {
	if c.err != nil {
		return nil
	}
	if n > c.end-c.off {
		c.failAt(name, Truncated, n, c.end-c.off)
		return nil
	}
	b := c.buf[c.off : c.off+n : c.off+n]
	c.off += n
	return b
}

// push makes name the innermost element of the path. It is written in place: copying a
// whole step costs as much as all the rest of a small vector.
func (c *Codec) push(name string) *step {
	if len(c.path) == cap(c.path) {
		c.path = slices.Grow(c.path, 8)
	}
	c.path = c.path[:len(c.path)+1]
	v := c.top()
	v.name, v.index, v.span, v.ok, v.elided = name, -1, -1, false, false
	return v
}

func (c *Codec) pop() { c.path = c.path[:len(c.path)-1] }

func (c *Codec) top() *step { return &c.path[len(c.path)-1] }

// element begins the i-th element of a list.
func (c *Codec) element(i int) {
	v := c.top()
	v.index, v.elided = int32(i), false
}

// failAt records a fault at the field name below the current path.
func (c *Codec) failAt(name string, k Kind, want, got int) {
	c.push(name)
	c.fail(k, want, got)
	c.pop()
}

func (c *Codec) fail(k Kind, want, got int) {
	if c.err == nil {
		c.err = &Error{Kind: k, Path: c.where(), ID: c.id(), Offset: c.Offset(), Want: want, Got: got, Ref: c.ref}
	}
}
