package keylog

import (
	"bytes"
	"io"
)

// A scanner cuts a key log, which comes in pieces of any size, into lines and reads them. It holds the line that is
// not complete yet, of which it keeps no more than shows that it is too long.
type scanner struct {
	line    []byte // what came of the present line
	number  int    // of lines before it
	skipped int    // of them were bad
	afterCR bool   // the last line ended in CR: a LF that follows belongs to it
}

// next reads from data, and takes from it what it used, up to the end of the next good line. It reports false when
// data is used up.
func (s *scanner) next(data *[]byte, report func(*BadLine)) (Line, bool) {
	for s.cut(data) {
		if l, ok := s.read(report); ok {
			return l, true
		}
	}
	return Line{}, false
}

// last reads the line that has no terminator, when no more data will come.
func (s *scanner) last(report func(*BadLine)) (Line, bool) {
	if len(s.line) == 0 {
		return Line{}, false
	}
	return s.read(report)
}

// cut moves bytes from data to the present line and reports whether that is complete. CR, LF and CRLF end a line, also
// mixed in one file (RFC 9850 §2).
func (s *scanner) cut(data *[]byte) bool {
	rest := *data
	if s.afterCR && len(rest) > 0 {
		rest = bytes.TrimPrefix(rest, []byte{'\n'}) // at most one
		s.afterCR = false
	}
	end := lineEnd(rest)
	if end < 0 {
		s.keep(rest)
		*data = nil
		return false
	}
	s.keep(rest[:end])
	s.afterCR = rest[end] == '\r'
	*data = rest[end+1:]
	return true
}

// lineEnd is where the first CR or LF is, or -1. To look for each alone is quicker than for either.
func lineEnd(b []byte) int {
	end := bytes.IndexByte(b, '\n')
	if end >= 0 {
		b = b[:end]
	}
	if cr := bytes.IndexByte(b, '\r'); cr >= 0 {
		return cr
	}
	return end
}

func (s *scanner) keep(b []byte) {
	room := MaxLine + 1 - len(s.line)
	s.line = append(s.line, b[:min(len(b), room)]...)
}

// byteOrderMark must not be there (RFC 9850 §2). Editors put it there.
var byteOrderMark = []byte("\ufeff")

// read reads the present line, which is complete, and begins the next one.
func (s *scanner) read(report func(*BadLine)) (Line, bool) {
	s.number++
	text := s.line
	defer s.forget()
	if s.number == 1 {
		text = bytes.TrimPrefix(text, byteOrderMark)
	}
	if len(text) == 0 || text[0] == '#' {
		return Line{}, false
	}
	l, fault := parse(text)
	if fault == nil {
		return l, true
	}
	s.skipped++
	if report != nil {
		fault.Number = s.number
		report(fault)
	}
	return Line{}, false
}

// forget drops the present line, secret and all.
func (s *scanner) forget() {
	clear(s.line)
	s.line = s.line[:0]
}

// A Reader reads the lines of a key log. Lines that are not in the format are skipped, so that a damaged file still
// gives the secrets that it has (RFC 9850 §2).
type Reader struct {
	// Bad, where it is set, is told of each line that was skipped for a fault.
	Bad func(*BadLine)

	src  io.Reader
	scan scanner
	buf  []byte
	data []byte // the part of buf that is not used yet
	err  error  // what src said last
}

// NewReader returns a Reader of src. It reads ahead.
func NewReader(src io.Reader) *Reader {
	return &Reader{src: src, buf: make([]byte, 4<<10)}
}

// Next returns the next good line. The error is io.EOF at the end of the log, else that of the source, and stays.
// At the end of the log a line without a terminator counts as complete.
func (r *Reader) Next() (Line, error) {
	for {
		if l, ok := r.scan.next(&r.data, r.Bad); ok {
			return l, nil
		}
		if r.err == nil {
			r.fill()
			continue
		}
		if r.err != io.EOF {
			return Line{}, r.err
		}
		if l, ok := r.scan.last(r.Bad); ok {
			return l, nil
		}
		return Line{}, io.EOF
	}
}

// Skipped is the number of lines that were skipped for a fault so far.
func (r *Reader) Skipped() int { return r.scan.skipped }

// fill gets more data. A source that again and again returns neither data nor an error gives io.ErrNoProgress.
func (r *Reader) fill() {
	for range 100 {
		n, err := r.src.Read(r.buf)
		if n > 0 || err != nil {
			r.data, r.err = r.buf[:n], err
			return
		}
	}
	r.err = io.ErrNoProgress
}
