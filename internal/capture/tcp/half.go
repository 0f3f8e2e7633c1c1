package tcp

import (
	"bytes"
	"slices"
	"sort"
	"time"
)

// half is one direction. Positions are relative sequence numbers that do not wrap: SYN has 0, the first byte 1.
type half struct {
	base     uint32    // the sequence number of position 0
	other    uint32    // that of another SYN-ACK, which base may still have to be
	next     int64     // what is told next
	top      int64     // behind all that was seen
	acked    int64     // what the other end acknowledged
	fin      int64     // position of FIN
	finEvent *Event    // until it is told
	topAt    time.Time // when top was reached
	halfFlags
	window uint16    // of the latest segment
	again  uint16    // how often its acknowledgement was there before, and nothing else
	ack    int64     // of the latest segment
	ackAt  time.Time // of the latest segment
	chunks []chunk
	recent *recent
}

type halfFlags struct {
	known     bool // base is
	soft      bool // base is only what the other end acknowledged first
	synSeen   bool // base is from a SYN
	seen      bool // a segment of its own was seen
	otherSeen bool // other is set
	finSeen   bool
	finTold   bool
	keepAlive bool // the latest segment was one
}

// A chunk is bytes that wait for those before them.
type chunk struct {
	start int64
	data  []byte
	at    At
}

func (c *chunk) end() int64 { return c.start + int64(len(c.data)) }

// What a chunk costs besides its bytes, and how many of them a direction may have: putting one among others takes time
// that grows with their number.
const (
	chunkSize = 96
	maxChunks = 8192
)

// setBase makes seq position 0, with nothing told.
func (h *half) setBase(seq uint32) {
	h.base, h.next, h.top, h.acked = seq, 1, 1, 1
	h.known = true
}

// pos is the position of a sequence number: of all that it may be, the one nearest to what is told next.
func (h *half) pos(seq uint32) int64 {
	return h.next + int64(int32(seq-h.base-uint32(h.next)))
}

// begin makes pos what is told next, before anything was.
func (h *half) begin(pos int64) {
	h.soft, h.next, h.top, h.acked = false, pos, pos, pos
}

// missing reports whether bytes are that the other end has acknowledged.
func (h *half) missing() bool { return h.seen && h.acked > h.next && h.hole() > 0 }

// hole is how many bytes are missing before what waits, or before the end as far as it is known.
func (h *half) hole() int64 {
	switch {
	case len(h.chunks) > 0:
		return h.chunks[0].start - h.next
	case h.finSeen:
		return h.fin - h.next
	case h.acked == h.next+1:
		return 0 // that may be a FIN that was not captured
	}
	return max(h.acked-h.next, 0)
}

// covered reports whether all bytes from start to end were seen.
func (h *half) covered(start, end int64) bool {
	start = max(start, h.next)
	for i := h.find(start); start < end; i++ {
		if i == len(h.chunks) || h.chunks[i].start > start {
			return false
		}
		start = h.chunks[i].end()
	}
	return true
}

// withoutFIN is a position, but that of FIN where it is behind it.
func (h *half) withoutFIN(pos int64) int64 {
	if h.finSeen && pos > h.fin {
		return h.fin
	}
	return pos
}

// find is the index of the first chunk that ends behind pos.
func (h *half) find(pos int64) int {
	if n := len(h.chunks); n == 0 || h.chunks[n-1].end() <= pos {
		return n
	}
	return sort.Search(len(h.chunks), func(i int) bool { return h.chunks[i].end() > pos })
}

// insert keeps those bytes that were not seen before. It reports what they cost, and whether one that was has another
// value now.
func (h *half) insert(start int64, data []byte, at At) (cost int, conflict bool) {
	for i := h.find(start); len(data) > 0; i++ {
		free := len(data)
		if i < len(h.chunks) {
			free = int(min(int64(free), max(h.chunks[i].start-start, 0)))
		}
		if free > 0 {
			h.chunks = slices.Insert(h.chunks, i, chunk{start, bytes.Clone(data[:free]), at})
			cost += free + chunkSize
			start, data = start+int64(free), data[free:]
			continue
		}
		c := &h.chunks[i]
		held := c.data[start-c.start:]
		n := min(len(held), len(data))
		conflict = conflict || !bytes.Equal(held[:n], data[:n])
		start, data = start+int64(n), data[n:]
	}
	return cost, conflict
}
