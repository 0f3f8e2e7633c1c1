package observe

import (
	"slices"
	"sort"
	"sync"
)

// stream is the bytes of one direction that were not taken yet. Positions count the bytes
// that were fed; an offset, which is what is shown, counts the lost ones too.
type stream struct {
	buf      []byte
	borrowed bool  // buf is the caller's, until it returns
	taken    int   // of buf
	pos      int64 // of the first byte that was not taken
	skew     int64 // offset - pos
	marks    []mark
	breaks   []hole
}

// mark says where the bytes before a position came from.
type mark struct {
	end   int64
	at    At
	order uint64 // of the call that fed them, over both directions
}

// markSize is what a mark costs, in bytes, when what a stream holds is bounded.
const markSize = 48

// hole is a number of bytes, or an unknown number, that are missing at a position.
type hole struct {
	pos int64
	n   int64
	at  At
}

// buffers are those of streams that are empty, and what records are opened in: a connection at rest has none.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// blanks is what buffers were in: a pool takes pointers, and nothing is allocated for one.
var blanks = sync.Pool{New: func() any { return new([]byte) }}

func lend() []byte {
	p := buffers.Get().(*[]byte)
	b := (*p)[:0]
	*p = nil
	blanks.Put(p)
	return b
}

func giveBack(b []byte) {
	if cap(b) <= feedSize {
		p := blanks.Get().(*[]byte)
		*p = b
		buffers.Put(p)
	}
}

func (s *stream) push(b []byte) {
	if s.buf == nil {
		s.buf = lend()
	}
	s.buf = append(s.buf, b...)
}

// end is the position after the last byte.
func (s *stream) end() int64 { return s.pos + int64(len(s.buf)-s.taken) }

func (s *stream) offset() int64 { return s.pos + s.skew }

// held is what the stream costs, in bytes.
func (s *stream) held() int { return len(s.buf) - s.taken + len(s.marks)*markSize }

// window is what can be taken before the next hole.
func (s *stream) window() []byte {
	b := s.buf[s.taken:]
	if len(s.breaks) > 0 {
		b = b[:s.breaks[0].pos-s.pos]
	}
	return b
}

// broken reports whether a hole follows the window.
func (s *stream) broken() bool { return len(s.breaks) > 0 }

// take passes n bytes of the window over.
func (s *stream) take(n int) {
	s.taken += n
	s.pos += int64(n)
}

// mend goes on behind the hole that follows, once the window before it is empty.
func (s *stream) mend() hole {
	b := s.breaks[0]
	s.breaks = s.breaks[1:]
	s.skew += b.n
	return b
}

// compact gives back what was taken.
func (s *stream) compact() {
	switch rest := s.buf[s.taken:]; {
	case len(rest) == 0:
		s.release()
	case s.borrowed:
		s.buf, s.borrowed, s.taken = append(lend(), rest...), false, 0
	default:
		s.buf, s.taken = s.buf[:copy(s.buf, rest)], 0
	}
	s.marks = slices.Delete(s.marks, 0, s.markOf(s.pos))
}

// release lets the buffer go, in which nothing is left.
func (s *stream) release() {
	if s.buf != nil && !s.borrowed {
		giveBack(s.buf)
	}
	s.buf, s.borrowed, s.taken = nil, false, 0
}

// markOf is the index of the mark that covers the byte at pos.
func (s *stream) markOf(pos int64) int {
	return sort.Search(len(s.marks), func(i int) bool { return s.marks[i].end > pos })
}

// markAt is the mark that covers the byte n after the first that was not taken.
func (s *stream) markAt(n int) mark {
	if i := s.markOf(s.pos + int64(n)); i < len(s.marks) {
		return s.marks[i]
	}
	return mark{}
}

// place is that of the next n bytes, which are at least one: the first and the last packet that brought some of them,
// in whatever order they came.
func (s *stream) place(n int) Place {
	i, last := s.markOf(s.pos), s.pos+int64(n)-1
	p := Place{Offset: s.offset()}
	for ; i < len(s.marks); i++ {
		p.spread(s.marks[i].at.Frame)
		if s.marks[i].end > last {
			break
		}
	}
	return p
}

// spread includes a packet in a place.
func (p *Place) spread(frame int) {
	if p.FrameFirst == 0 || frame < p.FrameFirst {
		p.FrameFirst = frame
	}
	p.Frame = max(p.Frame, frame)
}
