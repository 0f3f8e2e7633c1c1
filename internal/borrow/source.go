package borrow

import (
	"io"
	"net"
)

// Source is a byte stream that is read into borrowed buffers. Its method has only builtin types, so that a connection
// which wraps another satisfies it without importing this package.
type Source interface {
	// ReadBorrowed waits until there is something to read and reads it, in one piece, behind the content of buf.
	//
	// buf is nil or a borrowed buffer, and ReadBorrowed takes it over. It returns the buffer that now holds the
	// content and what was read, with room for size bytes or more while it read; where it fails, nothing was read
	// and the content is as it was, nil if there was none. While it waits it holds no more than the content needs.
	//
	// Errors are those of net.Conn's Read, unwrapped: io.EOF at the end of the stream. After a deadline passed it can be
	// called again. It is called by one goroutine at a time.
	ReadBorrowed(buf []byte, size int) ([]byte, error)
}

// From returns r itself where it is a [Source], and else one that reads r.
//
// Of the standard library's connections, waiting without a buffer is for the types that are known to have no Read but
// their own. A type of the user's that embeds one of them has its SyscallConn too, and perhaps a Read that must not be
// passed by.
func From(r io.Reader) Source {
	switch c := r.(type) {
	case Source:
		return c
	case *net.TCPConn:
		return fromConn(c)
	case *net.UnixConn:
		return fromConn(c)
	}
	return &reader{r: r}
}

// reader reads anything. It holds a buffer while it waits: a small one between records, one that takes a record within.
type reader struct {
	r   io.Reader
	err error // came together with bytes, and is still to be told
}

// emptyReads is how many times in a row a Read may give neither bytes nor an error.
const emptyReads = 100

func (s *reader) ReadBorrowed(buf []byte, size int) ([]byte, error) {
	if err := s.err; err != nil {
		s.err = nil
		return buf, err
	}
	had := len(buf)
	size = min(size, Record)
	if had == 0 {
		size = Small
	}
	buf = Grow(buf, max(size, had+1))
	for range emptyReads {
		n, err := s.r.Read(buf[had:cap(buf)])
		switch {
		case n > 0:
			s.err = err
			return buf[:had+n], nil
		case err != nil:
			return Fit(buf), err
		}
	}
	return Fit(buf), io.ErrNoProgress
}
