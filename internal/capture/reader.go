package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// A FormatError says where a file is damaged, or ends too early (it then wraps io.ErrUnexpectedEOF).
type FormatError struct {
	Offset int64  // of the byte from the start of the file
	Where  string // "enhanced packet block", …
	Err    error
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("capture: at offset %d, in the %s: %v", e.Offset, e.Where, e.Err)
}

// Unwrap returns the reason.
func (e *FormatError) Unwrap() error { return e.Err }

// A Reader reads a capture file, pcapng or pcap, of either byte order, item by item. It needs no seeking, so the file
// may be a pipe, and holds one block at a time.
type Reader struct {
	next func() (Item, error)
	err  error
}

// ErrNotCapture: the file begins as neither pcapng nor pcap does.
var ErrNotCapture = errors.New("the file is neither pcapng nor pcap")

// A StrangerError is an ErrNotCapture with what the file begins with instead: up to 64 bytes, at least four.
type StrangerError struct{ Head []byte }

func (e *StrangerError) Error() string {
	return fmt.Sprintf("%v: it begins with %x", ErrNotCapture, e.Head[:min(4, len(e.Head))])
}

// Unwrap returns ErrNotCapture.
func (e *StrangerError) Unwrap() error { return ErrNotCapture }

// ErrEmpty: the file has no byte. It wraps io.ErrUnexpectedEOF.
var ErrEmpty = fmt.Errorf("the file is empty: %w", io.ErrUnexpectedEOF)

// NewReader reads as much of src as says what it is. The error is that of src, or a *FormatError.
func NewReader(src io.Reader) (*Reader, error) {
	modern, old, err := recognise(src)
	switch {
	case err != nil:
		return nil, err
	case modern != nil:
		return &Reader{next: modern.next}, nil
	}
	return &Reader{next: old.next}, nil
}

// recognise finds out which of the two formats a file has.
func recognise(src io.Reader) (*pcapng, *pcap, error) {
	s := newSource(src)
	magic, err := s.peek(4)
	if err == io.EOF {
		err = &FormatError{Where: "file header", Err: io.ErrUnexpectedEOF}
		if len(magic) == 0 {
			err = &FormatError{Where: "file header", Err: ErrEmpty}
		}
	}
	if err != nil {
		return nil, nil, err
	}
	if binary.BigEndian.Uint32(magic) == blockSection {
		return &pcapng{source: s}, nil, nil
	}
	for _, f := range pcapFormats {
		if f.order.Uint32(magic) == f.magic {
			return nil, &pcap{source: s, pcapFormat: f}, nil
		}
	}
	head, _ := s.peek(64) // fewer will do
	return nil, nil, &FormatError{Where: "file header", Err: &StrangerError{slices.Clone(head)}}
}

// Next returns the next item. The item and all that it points to are the Reader's, and change with the next call.
// Blocks of other kinds are skipped. The error is io.EOF at the end of the file, a *FormatError or that of the source,
// and stays.
func (r *Reader) Next() (Item, error) {
	if r.err != nil {
		return nil, r.err
	}
	item, err := r.next()
	if err != nil {
		r.err = err
		return nil, err
	}
	return item, nil
}

// A source reads pieces of a file and knows where it is. Pieces are handed out where they were read to, so that a
// packet is copied by nobody.
type source struct {
	src    io.Reader
	offset int64 // of what comes next
	buf    []byte
	from   int   // in buf, of what comes next
	err    error // of src, once there is one
}

// readSize is how much is read at once, and how much memory a length that a file claims gets before its bytes are there.
const readSize = 256 << 10

func newSource(src io.Reader) *source { return &source{src: src, buf: make([]byte, 0, readSize)} }

// peek returns the next n bytes, or those that there are and why there are no more. They are good until the next call.
func (s *source) peek(n int) ([]byte, error) {
	for empty := 0; len(s.buf)-s.from < n; empty++ {
		if s.err == nil && empty == maxEmptyReads {
			s.err = io.ErrNoProgress
		}
		if s.err != nil {
			return s.buf[s.from:], s.err
		}
		if s.fill(n) {
			empty = 0
		}
	}
	return s.buf[s.from:][:n], nil
}

// maxEmptyReads is how often in a row a source may return nothing.
const maxEmptyReads = 100

// fill reads once, and makes room for it as far as n bytes need it. It reports whether something came.
func (s *source) fill(n int) bool {
	if s.from > 0 && s.from+n > cap(s.buf) {
		s.buf = s.buf[:copy(s.buf, s.buf[s.from:])]
		s.from = 0
	}
	have := len(s.buf)
	if have == cap(s.buf) {
		s.buf = slices.Grow(s.buf, readSize)
	}
	m, err := s.src.Read(s.buf[have:cap(s.buf)])
	s.buf, s.err = s.buf[:have+m], err
	return m > 0
}

// read returns the next n bytes, good until the next call. At the very end of the file the error is io.EOF, within
// the n bytes io.ErrUnexpectedEOF.
func (s *source) read(n int) ([]byte, error) {
	b, err := s.peek(n)
	s.from += len(b)
	s.offset += int64(len(b))
	if err == io.EOF && len(b) > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

// rest is read where the end of the file is too early.
func (s *source) rest(n int) ([]byte, error) {
	b, err := s.read(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// skip passes over n bytes.
func (s *source) skip(n int64) error {
	for n > 0 {
		b, err := s.rest(int(min(n, readSize)))
		if err != nil {
			return err
		}
		n -= int64(len(b))
	}
	return nil
}

// located makes a fault of the file a FormatError. Errors of the source itself pass.
func located(err error, offset int64, where string) error {
	if _, ok := errors.AsType[*FormatError](err); ok || err == nil {
		return err
	}
	if _, ok := errors.AsType[fault](err); ok || err == io.ErrUnexpectedEOF {
		return &FormatError{Offset: offset, Where: where, Err: err}
	}
	return err
}

// A fault is what is wrong with a file.
type fault string

func (f fault) Error() string { return string(f) }

func faultf(format string, args ...any) error { return fault(fmt.Sprintf(format, args...)) }
