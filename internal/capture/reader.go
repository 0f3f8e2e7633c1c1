package capture

import (
	"bufio"
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

// NewReader reads as much of src as says what it is. The error is that of src, or a *FormatError.
func NewReader(src io.Reader) (*Reader, error) {
	s := &source{r: bufio.NewReaderSize(src, 64<<10)}
	magic, err := s.r.Peek(4)
	if err == io.EOF {
		err = &FormatError{Where: "file header", Err: io.ErrUnexpectedEOF}
	}
	if err != nil {
		return nil, err
	}
	if binary.BigEndian.Uint32(magic) == blockSection {
		return &Reader{next: (&pcapng{source: s}).next}, nil
	}
	for _, f := range pcapFormats {
		if f.order.Uint32(magic) == f.magic {
			return &Reader{next: (&pcap{source: s, pcapFormat: f}).next}, nil
		}
	}
	return nil, &FormatError{Where: "file header", Err: fmt.Errorf("%w: it begins with %x", ErrNotCapture, magic)}
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

// A source reads pieces of a file and knows where it is.
type source struct {
	r      *bufio.Reader
	offset int64
	buf    []byte
}

// growth is how much memory a length that a file claims gets before its bytes are there.
const growth = 64 << 10

// read returns the next n bytes, good until the next call. At the very end of the file the error is io.EOF, within
// the n bytes io.ErrUnexpectedEOF.
func (s *source) read(n int) ([]byte, error) {
	s.buf = s.buf[:0]
	for len(s.buf) < n {
		have := len(s.buf)
		step := min(n-have, max(have, growth))
		s.buf = slices.Grow(s.buf, step)[:have+step]
		m, err := io.ReadFull(s.r, s.buf[have:])
		s.offset += int64(m)
		if err == io.EOF && have > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
	}
	return s.buf, nil
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
		m, err := s.r.Discard(int(min(n, growth)))
		s.offset += int64(m)
		n -= int64(m)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
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
