package record

import (
	"io"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/internal/iana"
)

// Reader reads the records of one direction of a connection. It holds a buffer only while it has bytes that have not been
// used, or the caller has not said so: it waits with none.
type Reader struct {
	Opener
	src     borrow.Source
	buf     []byte // borrowed, or nil
	off     int    // bytes of buf that have been used
	size    int    // of the next buffer to borrow
	version iana.Version
	begun   bool // a first record was seen
	skip    skip // early data
}

// NewReader returns a Reader of src, at the begin of a connection and without keys.
func NewReader(src borrow.Source) *Reader { return &Reader{src: src, size: borrow.Medium} }

// SetVersion says what was negotiated. Headers must carry it from then on, except those of alerts in the clear, and except
// in TLS 1.3, where what they carry means nothing (RFC 9846 §5.1).
func (r *Reader) SetVersion(v iana.Version) { r.version = v }

// Next returns the next record, opened in place: content is good until the next call of Next, Done or Wipe.
//
// At the end of the stream the error is io.EOF between records and io.ErrUnexpectedEOF within one. It and other errors of
// the source come unwrapped, and after a deadline reading can go on. The first bytes of a connection may be a
// [NotTLSError]. A record that is too long is a record_overflow, before it is read. What [Opener.Open] refuses has been
// read, and Next goes on behind it.
func (r *Reader) Next() (typ iana.ContentType, content []byte, err error) {
	for {
		h, fragment, err := r.record()
		if err != nil {
			return 0, nil, err
		}
		typ, content, err := r.Open(h, fragment)
		if skipped, err := r.skips(h, typ, err); !skipped {
			return typ, content, err
		}
	}
}

// record reads the next record as it is.
func (r *Reader) record() (Header, []byte, error) {
	if err := r.fill(HeaderLen); err != nil {
		return Header{}, nil, err
	}
	h := ParseHeader(r.buf[r.off:])
	if err := r.check(h); err != nil {
		return Header{}, nil, err
	}
	if err := r.fill(HeaderLen + h.Length); err != nil {
		return Header{}, nil, err
	}
	record := r.buf[r.off : r.off+HeaderLen+h.Length]
	r.off += len(record)
	return h, record[HeaderLen:], nil
}

// check refuses a header before what it announces is read.
func (r *Reader) check(h Header) error {
	if !r.begun && !h.begins() {
		return notTLS(r.buf[r.off : r.off+HeaderLen])
	}
	r.begun = true
	if !h.known() {
		return alert.Unexpected("record", "RFC 9846 §5", "a record of type %v", h.Type)
	}
	if r.version != 0 && r.version <= iana.VersionTLS12 && h.Version != r.version && !r.mayDiffer(h) {
		return alert.Illegal("record", "RFC 5246 §6.2.1", "the header says %v, and %v was negotiated", h.Version, r.version).
			With(iana.AlertProtocolVersion)
	}
	if most := r.maxFragment(h.Type); h.Length > most {
		return tooLong(h.Length, most, "RFC 9846 §5.1, §5.2")
	}
	return nil
}

// mayDiffer reports whether a record may say another version of TLS than was negotiated: an alert in the clear, by which the
// peer may refuse just that version.
func (r *Reader) mayDiffer(h Header) bool {
	return h.Type == iana.ContentAlert && !r.Protected() && h.begins()
}

// fill reads until n bytes are there that have not been used.
func (r *Reader) fill(n int) error {
	for len(r.buf)-r.off < n {
		if err := r.read(n); err != nil {
			return err
		}
	}
	return nil
}

// read reads once.
func (r *Reader) read(n int) error {
	r.compact()
	had, buf := len(r.buf), r.buf
	r.buf = nil // the source's until it returns, even if it panics
	buf, err := r.src.ReadBorrowed(buf, max(n, r.size))
	r.buf = buf
	switch {
	case err == io.EOF && had > 0:
		return io.ErrUnexpectedEOF
	case err != nil:
		return err
	}
	r.adapt()
	return nil
}

// compact moves what has not been used to the front, over what has, and gives the buffer back if there is nothing.
func (r *Reader) compact() {
	unused := copy(r.buf, r.buf[r.off:])
	clear(r.buf[unused:])
	r.buf, r.off = r.buf[:unused], 0
	if unused == 0 {
		r.release()
	}
}

// adapt chooses the next buffer: a larger one after a read that filled this one, for there may be more.
func (r *Reader) adapt() {
	switch n := len(r.buf); {
	case n == cap(r.buf) && n >= borrow.Record:
		r.size = borrow.Bulk
	case n == cap(r.buf):
		r.size = borrow.Record
	case n <= borrow.Medium:
		r.size = borrow.Medium
	}
}

// Done says that the content of the last record is not needed any more. It gives the buffer back unless more records lie
// in it. A caller that will not call Next at once should call it.
func (r *Reader) Done() {
	if r.off == len(r.buf) {
		r.release()
	}
}

func (r *Reader) release() {
	borrow.Put(r.buf)
	r.buf, r.off = nil, 0
}

// Buffered returns how many bytes were read of the source that Next has not got to.
func (r *Reader) Buffered() int { return len(r.buf) - r.off }

// Wipe zeroes the keys, and what was read and not used.
func (r *Reader) Wipe() {
	r.Opener.Wipe()
	r.release()
}
