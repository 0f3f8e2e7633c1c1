package observe

import (
	"math"
	"time"
)

// Segment is a TCP segment that says something about the connection itself: that opens it, ends
// it, or repeats, misses or reorders what was sent. Segments that only carry data or acknowledge
// it have no event.
type Segment struct {
	What SegmentKind
	// Flags are the control bits (RFC 9293 §3.1) that are set, in that section's names.
	Flags []string
	// Seq and Ack are relative: a SYN has number 0.
	Seq, Ack int64
	Length   int      // of the data, in bytes
	Options  []string // "MSS=1460", "WS=7", "SACK", "TS", those that open a connection have
	Frame    int      // the packet; 0 where there are no packets
	// RTT is the time since SYN, of those that answer it; else 0.
	RTT time.Duration
}

// SegmentKind says what a segment does.
type SegmentKind string

// What segments do. More may come.
const (
	SegmentSYN            SegmentKind = "syn"     // asks for a connection
	SegmentSYNACK         SegmentKind = "syn_ack" // grants it
	SegmentACK            SegmentKind = "ack"     // completes the opening
	SegmentFIN            SegmentKind = "fin"     // ends a direction
	SegmentRST            SegmentKind = "rst"     // tears the connection down
	SegmentRetransmission SegmentKind = "retransmission"
	SegmentDuplicate      SegmentKind = "duplicate"     // came a moment before already
	SegmentOutOfOrder     SegmentKind = "out_of_order"  // comes after what it goes before
	SegmentLost           SegmentKind = "lost_segment"  // something before it was not seen
	SegmentAckedLost      SegmentKind = "ack_lost"      // acknowledges what was not seen
	SegmentOverlap        SegmentKind = "overlap"       // repeats some bytes, and has some new ones
	SegmentConflict       SegmentKind = "conflict"      // repeats bytes with another value
	SegmentKeepAlive      SegmentKind = "keep_alive"    //
	SegmentZeroWindow     SegmentKind = "zero_window"   // its sender can take no more
	SegmentOtherSYNACK    SegmentKind = "syn_ack_other" // grants it otherwise than before
	SegmentPortsReused    SegmentKind = "ports_reused"  // a connection between ports that had one before
)

// KindSegment is the kind of a Segment.
const KindSegment Kind = "segment"

// Kind implements Body.
func (*Segment) Kind() Kind { return KindSegment }

// segmentsLimit bounds the segments that wait until it is known who is the client.
const segmentsLimit = 32

// earlySegment is one that came before it was known who is the client.
type earlySegment struct {
	dir  Dir
	time time.Time
	body *Segment

	order uint64 // of the call that told it, as mark.order
}

// Segment tells a TCP segment that was seen. Those that open a connection come before its first
// bytes; one that ends a direction comes before EndOfStream, and is delivered when everything
// before it was.
func (c *Conn) Segment(d Dir, at At, s Segment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.enter(d, at)
	if h == nil {
		return
	}
	s.Frame = at.Frame
	c.fed++
	e := earlySegment{h.dir, at.Time, &s, c.fed}
	switch {
	case s.What == SegmentFIN && !h.told:
		h.closing = &e
	case !c.roles.told:
		if len(c.roles.waiting) < segmentsLimit {
			c.roles.waiting = append(c.roles.waiting, e)
		}
	default:
		c.late = append(c.late, e)
		c.tellLate(len(c.late) > lateLimit)
	}
}

// lateLimit bounds the segments that wait for records that came before them.
const lateLimit = 1024

// tellLate delivers the segments before which nothing is held any more, and the first one in any case if it must.
func (c *Conn) tellLate(must bool) {
	first := uint64(math.MaxUint64)
	for _, h := range c.halves[ClientToServer:] {
		first = min(first, h.ready())
		if h.closing != nil {
			first = min(first, h.closing.order)
		}
	}
	for len(c.late) > 0 && (must || c.late[0].order < first) {
		s := c.late[0]
		c.late, must = c.late[1:], false
		c.emit(s.dir, s.time, s.body)
	}
	if len(c.late) == 0 {
		c.late = nil
	}
}

// tellSegments delivers the segments that waited for FlowOpened. flipped tells that the ends
// changed places since they came.
func (c *Conn) tellSegments() {
	for _, s := range c.roles.waiting {
		if c.roles.flipped {
			s.dir = s.dir.Opposite()
		}
		c.emit(s.dir, s.time, s.body)
	}
	c.roles.waiting = nil
}

// tellClosing delivers the segment that ends the direction.
func (h *half) tellClosing() {
	if s := h.closing; s != nil {
		h.emit(s.time, s.body)
		h.closing = nil
	}
}

// Waiting reports whether bytes that were fed are held until something else comes: a key, or the hello of the
// other end. Events of them are still to come.
func (c *Conn) Waiting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	for _, h := range c.halves[ClientToServer:] {
		if len(h.window()) > 0 && (h.blocked || !c.roles.decided) {
			return true
		}
	}
	return false
}
