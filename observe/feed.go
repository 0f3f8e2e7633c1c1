package observe

import "github.com/akushu/akushu/internal/record"

// feedSize bounds what is taken in at once, so that a caller may feed a whole file.
const feedSize = 64 << 10

// A Piece is bytes that were seen at one time, in one packet.
type Piece struct {
	At
	N int // how many
}

// Feed tells the bytes that come next in a direction. They are copied where they are kept.
func (c *Conn) Feed(d Dir, at At, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.feed(d, at, b)
}

// FeedPieces is Feed of each piece in turn, one behind the other in b. It does the same, sooner: records that lie in
// several packets are opened where they are, and not put together first.
func (c *Conn) FeedPieces(d Dir, b []byte, pieces []Piece) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(pieces) > 0 {
		n, size := 1, pieces[0].N
		if h := c.enter(d, pieces[0].At); h != nil && h.flows() {
			for n < len(pieces) && size+pieces[n].N <= feedSize {
				size += pieces[n].N
				n++
			}
		}
		if n == 1 {
			c.feed(d, pieces[0].At, b[:size])
		} else {
			c.flow(d, b[:size], pieces[:n])
		}
		b, pieces = b[size:], pieces[n:]
	}
}

func (c *Conn) feed(d Dir, at At, b []byte) {
	for len(b) > 0 {
		n := min(len(b), feedSize)
		c.flow(d, b[:n], []Piece{{at, n}})
		b = b[n:]
	}
}

// flow takes bytes in. They are several pieces only where the direction flows.
func (c *Conn) flow(d Dir, b []byte, pieces []Piece) {
	h := c.enter(d, pieces[0].At)
	if h == nil || h.ended {
		return
	}
	flows, end := h.flows(), h.end()
	for i := range pieces {
		c.fed++
		end += int64(pieces[i].N)
		h.marks = append(h.marks, mark{end: end, at: pieces[i].At, order: c.fed})
	}
	for len(b) > 0 {
		n := len(b)
		if flows {
			n = h.borrow(b)
		} else {
			h.push(b)
		}
		b = b[n:]
		c.run()
	}
	h.limit()
}

// flows reports whether records are opened as they come, with keys that fit, and nothing waits, as it is with nearly all
// bytes: then it makes no difference in how many pieces they come.
func (h *half) flows() bool {
	return h.opener != nil && !h.uncertain && !h.blocked && !h.lost && h.rest == 0 && !h.broken() &&
		h.c.roles.told && !h.c.two && !h.c.hs.hello2
}

// borrow takes some of b in, and says how much: what the record under way lacks, or all of it where there is none, which
// is then read where it lies.
func (s *stream) borrow(b []byte) int {
	if s.taken == len(s.buf) {
		s.release()
		s.buf, s.borrowed = b, true
		return len(b)
	}
	if n := s.lacks(b); 0 < n && n < len(b) {
		b = b[:n]
	}
	s.push(b)
	return len(b)
}

// lacks is how many bytes the record under way lacks, of which b is what comes next.
func (s *stream) lacks(b []byte) int {
	var header [record.HeaderLen]byte
	have := s.buf[s.taken:]
	n := copy(header[:], have)
	n += copy(header[n:], b)
	size, ok := recordSize(header[:n])
	if !ok {
		return len(b)
	}
	return size - len(have)
}
