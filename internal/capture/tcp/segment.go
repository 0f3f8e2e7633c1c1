package tcp

import (
	"time"

	"github.com/akushu/akushu/internal/capture/packet"
)

// A segment is a segment of a connection.
type segment struct {
	*packet.TCP
	c      *Conn
	dir    Dir
	at     At
	data   []byte
	length int   // of the data on the wire, of which not all may have been captured
	pos    int64 // of the sequence number
	ack    int64 // position of the acknowledgement in the other direction
}

func (s *segment) half() *half { return &s.c.halves[s.dir] }
func (s *segment) peer() *half { return &s.c.halves[s.dir.Opposite()] }

func (s *segment) has(f packet.Flags) bool { return s.Flags&f != 0 }

// start is the position of the first byte of data, which follows SYN.
func (s *segment) start() int64 {
	if s.has(packet.SYN) {
		return s.pos + 1
	}
	return s.pos
}

// end is the position of FIN, or behind the data.
func (s *segment) end() int64 { return s.start() + int64(s.length) }

// segment takes a segment from one end of a connection to the other.
func (a *Assembler) segment(s *segment) {
	a.askAgain(s)
	a.place(s)
	if s.c.life.state == closed {
		return
	}
	a.analyse(s)
	a.handshake(s)
	a.acknowledge(s)
	if s.has(packet.RST) {
		a.reset(s)
		return
	}
	if s.length > 0 {
		a.revive(s)
		a.data(s)
	}
	a.fin(s)
	a.proceed(s.c, s.dir, s.at)
	a.wait(s)
	a.end(s)
}

// place finds out where in its direction the segment stands.
func (a *Assembler) place(s *segment) {
	h, p := s.half(), s.peer()
	switch {
	case s.has(packet.SYN) && (!h.known || h.soft):
		h.setBase(s.Seq)
	case !h.known:
		h.setBase(s.Seq - 1)
		h.soft = s.has(packet.RST) // whose number may be anything
	case h.soft && !s.has(packet.RST):
		h.begin(h.pos(s.Seq))
	case s.has(packet.SYN) && s.has(packet.ACK) && s.Seq != h.base:
		a.otherSYNACK(s)
	}
	h.soft, h.seen = h.soft && s.has(packet.RST), true
	s.pos = h.pos(s.Seq)
	if !s.has(packet.ACK) {
		return
	}
	if !p.known {
		p.setBase(s.Ack - 1)
		// The answer to a SYN-ACK that was not captured tells where the data begins.
		p.soft = !h.synSeen
	}
	if p.otherSeen && s.Ack == p.other+1 && p.untouched() {
		p.setBase(p.other)
	}
	s.ack = p.pos(s.Ack)
}

// otherSYNACK takes the latest SYN-ACK for the right one, until the client's acknowledgement tells.
func (a *Assembler) otherSYNACK(s *segment) {
	h := s.half()
	if !h.synSeen || !h.untouched() {
		return
	}
	h.other, h.otherSeen = h.base, true
	h.setBase(s.Seq)
	a.note(s, SYNACKOther)
}

// untouched reports whether nothing was seen but a SYN.
func (h *half) untouched() bool { return h.silent() && h.acked <= 1 }

// silent reports whether no data was seen.
func (h *half) silent() bool { return h.top <= 1 && h.next <= 1 }

// note tells an event that a segment is.
func (a *Assembler) note(s *segment, k Kind) { a.event(s.c, s.event(k)) }

func (s *segment) event(k Kind) *Event {
	return &Event{
		Kind: k, Dir: s.dir, At: s.at, Flags: s.Flags, Seq: s.pos, Ack: s.ack, Length: s.length, Window: s.Window,
	}
}

// outOfOrderTime is within which of the segment that is ahead of it a late one counts as reordered, not repeated,
// where the round trip is not known.
const outOfOrderTime = 3 * time.Millisecond

// analyse compares a segment with what was seen before it.
func (a *Assembler) analyse(s *segment) {
	h := s.half()
	if k := s.kindOf(); k != "" {
		e := s.event(k)
		if e.Like = k; k == Overlap {
			e.Like = s.kindOfOverlap()
		}
		s.c.count(e.Like)
		a.event(s.c, e)
	}
	if s.Window == 0 && !s.has(packet.SYN|packet.FIN|packet.RST) {
		a.note(s, ZeroWindow)
	}
	h.acknowledges(s)
	h.keepAlive = s.isKeepAlive()
	end := s.end()
	if s.has(packet.FIN) {
		end++
	}
	if end > h.top && !s.has(packet.RST) {
		h.top, h.topAt = end, s.at.Time
	}
}

// acknowledges remembers what the latest segment acknowledges, and how often it was said before.
func (h *half) acknowledges(s *segment) {
	same := s.length == 0 && !s.has(packet.SYN|packet.FIN|packet.RST) && s.Window != 0 && s.Window == h.window && s.ack == h.ack && s.pos == h.top
	switch {
	case s.ack != h.ack:
		h.again = 0
	case same && !s.peer().keepAlive:
		h.again++
	}
	h.window, h.ack, h.ackAt = s.Window, s.ack, s.at.Time
}

// kindOf is what a segment is, seen in its direction; empty if it is simply the next one.
func (s *segment) kindOf() Kind {
	h := s.half()
	end := s.end()
	switch {
	case s.has(packet.RST):
		return ""
	case s.isKeepAlive():
		return KeepAlive
	case s.length == 0 && !s.has(packet.SYN|packet.FIN):
		return s.kindOfACK()
	case s.has(packet.SYN):
		if h.synSeen && s.pos == 0 {
			return s.kindOfSeen()
		}
		return ""
	case s.pos > h.top:
		return LostSegment
	case s.pos == h.top:
		return ""
	case end > h.top:
		return Overlap
	case h.covered(s.pos, end):
		return s.kindOfSeen()
	}
	return s.kindOfLate()
}

// kindOfSeen is of a segment that brings nothing new.
func (s *segment) kindOfSeen() Kind {
	acked := s.length > 0 && s.pos+int64(s.length) <= s.half().acked
	if !acked && s.isEarly() {
		return Duplicate
	}
	return Retransmission
}

// kindOfLate is of a segment that brings what is missing.
func (s *segment) kindOfLate() Kind {
	if s.isEarly() {
		return OutOfOrder
	}
	return Retransmission
}

// kindOfOverlap is what counts, of one that repeats some bytes and brings others; empty for the byte of a window's probe.
func (s *segment) kindOfOverlap() Kind {
	if s.pos == s.half().top-1 {
		return ""
	}
	return s.kindOfLate()
}

// fastTime is within which of the acknowledgement that asks for it a segment counts as repeated because of it.
const fastTime = 20 * time.Millisecond

// isEarly reports whether a segment comes so soon after the one that is ahead of it that nobody can have asked for it.
func (s *segment) isEarly() bool {
	h, p := s.half(), s.peer()
	if p.again >= 2 && p.ack == s.pos && s.at.Time.Sub(p.ackAt) < fastTime {
		return false
	}
	limit := s.c.Stats.RTT
	if limit == 0 {
		limit = outOfOrderTime
	}
	end := s.pos + int64(s.length) // without SYN, as tshark has it
	if s.has(packet.FIN) {
		end++
	}
	return s.at.Time.Sub(h.topAt) < limit && end != h.top
}

func (s *segment) isKeepAlive() bool {
	return s.length <= 1 && !s.has(packet.SYN|packet.FIN|packet.RST) && s.pos == s.half().top-1
}

func (s *segment) kindOfACK() Kind {
	h := s.half()
	switch {
	case s.pos > h.top:
		return LostSegment
	case s.peer().keepAlive && s.Window == h.window && s.ack == h.ack && s.pos == h.top:
		return KeepAliveACK
	}
	return ""
}

func (c *Conn) count(k Kind) {
	switch k {
	case Retransmission:
		c.Stats.Retransmissions++
	case OutOfOrder:
		c.Stats.OutOfOrder++
	}
}

// handshake follows the three segments that open a connection.
func (a *Assembler) handshake(s *segment) {
	c, h := s.c, s.half()
	switch {
	case s.has(packet.SYN):
		if s.dir == ServerToClient || s.has(packet.ACK) {
			a.synACK(s)
		} else {
			c.Stats.SYN, c.life.syn = true, s.at.Time
			a.syn(s, SYN, 0)
		}
		h.synSeen = true
	case (c.life.state == halfOpen || c.life.state == refused) && !s.has(packet.RST):
		c.life.torn = false
		a.advance(c, open)
	}
	if s.dir == ClientToServer && !s.has(packet.SYN|packet.RST) && s.has(packet.ACK) && h.synSeen && !c.Stats.ACK {
		a.established(s)
	}
}

// synACK also takes the SYN of a server that opens at the same time (RFC 9293 §3.5).
func (a *Assembler) synACK(s *segment) {
	c := s.c
	c.Stats.SYNACK, c.life.synACK = true, s.at.Time
	a.syn(s, SYNACK, since(c.life.syn, s.at.Time))
}

// since is the time between two segments, 0 where the first was not seen.
func since(t, now time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return max(now.Sub(t), 0)
}

func (a *Assembler) syn(s *segment, k Kind, rtt time.Duration) {
	e := s.event(k)
	e.Options, e.RTT = s.ParseOptions(), rtt
	a.event(s.c, e)
}

func (a *Assembler) established(s *segment) {
	c := s.c
	c.Stats.ACK = true
	if c.Stats.SYNACK {
		c.Stats.RTT = since(c.life.syn, s.at.Time)
	}
	e := s.event(Established)
	e.RTT = c.Stats.RTT
	a.event(c, e)
}

// acknowledge notes what the other end has sent by now.
func (a *Assembler) acknowledge(s *segment) {
	if !s.has(packet.ACK) {
		return
	}
	p := s.peer()
	if s.has(packet.RST) || s.ack <= p.acked {
		return
	}
	if p.seen && !p.soft && !p.covered(p.acked, p.withoutFIN(s.ack)) {
		a.note(s, AckedLost)
	}
	p.acked = s.ack
}

// askAgain takes a refusal back: it was another's, or the client is persistent.
func (a *Assembler) askAgain(s *segment) {
	c := s.c
	if c.life.state != refused || !s.has(packet.SYN) {
		return
	}
	c.life.torn = false
	a.advance(c, halfOpen)
	if !s.has(packet.ACK) { // what was said to the first SYN is of no account
		h := s.half()
		known, base := h.known, h.base
		c.halves = [2]half{}
		if known {
			h.setBase(base)
			h.synSeen = true
		}
	}
}

// reset ends the connection. What is still under way is waited for.
func (a *Assembler) reset(s *segment) {
	c := s.c
	if !c.Stats.RST || c.life.state != ending {
		c.life.rst = s.dir
	}
	c.Stats.RST, c.life.torn = true, true
	a.note(s, RST)
	if c.halves[0].silent() && c.halves[1].silent() {
		a.finally(c, refused, s.at)
	} else {
		a.finally(c, ending, s.at)
	}
}

// finally begins the end of a connection, of which there are two kinds.
func (a *Assembler) finally(c *Conn, s state, at At) {
	if c.life.state < ending {
		c.life.ended = at.Time
		a.advance(c, s)
	}
}

// revive takes a reset back: who sends data has not torn the connection down, and somebody else did so in its name.
func (a *Assembler) revive(s *segment) {
	if c := s.c; c.life.state == ending && c.Stats.RST && s.dir == c.life.rst {
		c.life.torn = false
		a.advance(c, open)
	}
}

// fin notes where the direction ends. That is not where data were seen behind it: then the number is another
// connection's, or out of date.
func (a *Assembler) fin(s *segment) {
	if !s.has(packet.FIN) {
		return
	}
	s.c.Stats.FIN = true
	if h := s.half(); !h.finSeen && s.end() >= h.next {
		h.finSeen, h.fin, h.finEvent = true, s.end(), s.event(FIN)
	}
}

// end begins the end of a connection that both ends have closed.
func (a *Assembler) end(s *segment) {
	if s.c.halves[0].finTold && s.c.halves[1].finTold {
		a.finally(s.c, ending, s.at)
	}
}
