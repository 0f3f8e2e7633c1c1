package tcp

import (
	"slices"
	"time"

	"github.com/akushu/akushu/internal/capture/packet"
)

// Limits bounds what an Assembler holds. Zero is the default.
type Limits struct {
	Conns    int // that are open; 65,536
	HalfOpen int // that are not open yet; 65,536
	Held     int // bytes that wait, of all connections; 64 MiB
	HeldEach int // bytes that wait, of one connection; 16 MiB
	// Lingers is for how long, in the time of the capture, a connection that both ends have closed, or one has torn down,
	// waits for what comes late, such as a reset; 2 min. Only the lingering that ended last wait for longer than it takes
	// packets to arrive.
	Lingers time.Duration
	// Refused is for how long, in the time of the capture, who was refused may ask again with the same number, as some do
	// several times; 15 s.
	Refused time.Duration
}

func (l *Limits) setDefaults() {
	if l.Refused <= 0 {
		l.Refused = 15 * time.Second
	}
	if l.Lingers <= 0 {
		l.Lingers = 2 * time.Minute
	}
	for _, d := range []struct {
		limit *int
		value int
	}{{&l.Conns, 1 << 16}, {&l.HalfOpen, 1 << 16}, {&l.Held, 64 << 20}, {&l.HeldEach, 16 << 20}} {
		if *d.limit <= 0 {
			*d.limit = d.value
		}
	}
}

// How long, in the time of the capture, is waited for what is late.
const (
	// missingTime and missingPackets are after when bytes are given up that were acknowledged: a capture may reorder
	// what a host got in order.
	missingTime    = 200 * time.Millisecond
	missingPackets = 64
	// endingTime is how long packets may be under way when their connection has ended. Then another one may have its ports.
	endingTime = 250 * time.Millisecond
	// lingering is how many connections may wait for longer than that.
	lingering = 128
	// maxClosed is how many connections are remembered after Closed.
	maxClosed = 8192
)

// An Assembler finds connections and puts their bytes in order. It is not for use by several goroutines.
type Assembler struct {
	sink    Sink
	limits  Limits
	conns   map[key]*Conn
	latest  *Conn // of the packet before
	made    int
	lists   [states]list
	holders list // those that hold bytes
	held    int
	events  []Event
}

// New returns an Assembler.
func New(sink Sink, limits Limits) *Assembler {
	limits.setDefaults()
	a := &Assembler{sink: sink, limits: limits, conns: make(map[key]*Conn), holders: list{link: holding}}
	for i := range a.lists {
		a.lists[i].link = aged
	}
	return a
}

// Add takes the next packet, and tells the Sink what follows from it. What it returns is good until the next call.
func (a *Assembler) Add(p *packet.Packet) Seen {
	a.expire(p.Time)
	if !p.IsTCP {
		return Seen{}
	}
	a.events = a.events[:0]
	c := a.find(p)
	s := segment{c: c, TCP: &p.TCP, at: At{p.Time, p.Frame}, data: p.Payload, length: len(p.Payload) + p.Missing}
	if p.Src != c.Client {
		s.dir = ServerToClient
	}
	c.Last = s.at
	c.Stats.Packets++
	if p.Missing > 0 {
		c.Stats.Cut++
	}
	a.segment(&s)
	return Seen{Conn: c, Dir: s.dir, Seq: s.pos, Ack: s.ack, Length: s.length, Events: a.events}
}

// Tick tells that it is now, as a packet of that time would: for when none come.
func (a *Assembler) Tick(now time.Time) {
	a.expire(now)
	for c := a.holders.front; c != nil; {
		next := c.life.holding.next
		if w := c.life.waiting; !w.since.IsZero() && now.Sub(w.since) >= missingTime {
			a.giveUp(c)
		}
		c = next
	}
}

// Close tells the end of all connections, in the order in which they began: the capture is over.
func (a *Assembler) Close() {
	var left []*Conn
	for _, l := range a.lists[:closed] {
		for c := l.front; c != nil; c = c.life.aged.next {
			left = append(left, c)
		}
	}
	slices.SortFunc(left, func(x, y *Conn) int { return x.ID - y.ID })
	for _, c := range left {
		a.close(c, ByInput)
	}
	clear(a.conns)
	a.lists[closed] = list{link: aged}
	a.latest = nil
}

// Held is how many bytes wait, with what they cost besides, and how many connections are open or half open.
func (a *Assembler) Held() (bytes, conns int) {
	return a.held, a.lists[halfOpen].n + a.lists[open].n + a.lists[ending].n + a.lists[refused].n
}

// expire closes the connections that have ended long enough ago.
func (a *Assembler) expire(now time.Time) {
	a.expireSome(ending, now, min(endingTime, a.limits.Lingers), lingering)
	a.expireSome(ending, now, a.limits.Lingers, 0)
	a.expireSome(refused, now, a.limits.Refused, 0)
}

// expireSome closes those of a state, all but some, that have been in it for long enough.
func (a *Assembler) expireSome(s state, now time.Time, after time.Duration, but int) {
	l := &a.lists[s]
	for c := l.front; c != nil && l.n > but && now.Sub(c.life.ended) >= after; c = l.front {
		a.close(c, ByInput)
	}
}

// find returns the connection of a packet, which may be new.
func (a *Assembler) find(p *packet.Packet) *Conn {
	k := keyOf(p.Src, p.Dst)
	c := a.latest
	if c == nil || c.life.key != k || c.life.state == closed {
		c = a.conns[k]
	}
	switch {
	case c == nil:
		c = a.open(k, p)
	case c.succeeded(p):
		a.forget(c)
		c = a.open(k, p)
		a.event(c, &Event{Kind: PortsReused, At: c.First, Flags: p.TCP.Flags})
	}
	a.latest = c
	if c.life.state <= open {
		a.lists[c.life.state].touch(c)
	}
	return c
}

// succeeded reports whether a packet begins a new connection between the same ends: a SYN with another number, or
// data from who had torn the connection down.
func (c *Conn) succeeded(p *packet.Packet) bool {
	d := ClientToServer
	if p.Src != c.Client {
		d = ServerToClient
	}
	t, h := &p.TCP, &c.halves[d]
	over := c.life.state == closed || c.life.state == ending && p.Time.Sub(c.life.ended) >= endingTime
	if t.Flags&packet.SYN != 0 {
		other := h.known && !h.soft && t.Seq != h.base
		if t.Flags&packet.ACK != 0 { // else it is a late answer
			return c.life.state >= ending && other
		}
		return over || other
	}
	return over && c.Stats.RST && d == c.life.rst && len(p.Payload) > 0
}

// forget closes a connection and makes way for another of its key.
func (a *Assembler) forget(c *Conn) {
	a.close(c, ByInput)
	a.drop(c)
}

// drop forgets that there was a connection that is closed.
func (a *Assembler) drop(c *Conn) {
	a.lists[closed].remove(c)
	delete(a.conns, c.life.key)
	if a.latest == c {
		a.latest = nil
	}
}

// open makes a new connection, and room for it.
func (a *Assembler) open(k key, p *packet.Packet) *Conn {
	a.evict(halfOpen, a.limits.HalfOpen)
	c := &Conn{ID: a.made, Client: p.Src, Server: p.Dst, First: At{p.Time, p.Frame}}
	a.made++
	c.life.key = k
	switch p.TCP.Flags & (packet.SYN | packet.ACK) {
	case packet.SYN:
	case packet.SYN | packet.ACK:
		c.Client, c.Server = p.Dst, p.Src
	default:
		c.Guessed = true
		if p.Src.Port() < p.Dst.Port() {
			c.Client, c.Server = p.Dst, p.Src
		}
	}
	a.conns[k] = c
	a.lists[halfOpen].push(c)
	a.sink.Opened(c)
	return c
}

// evict makes room in a list for one more.
func (a *Assembler) evict(s state, limit int) {
	for a.lists[s].n >= limit {
		c := a.lists[s].front
		a.close(c, ByEvicted)
		a.drop(c)
	}
}

// advance moves a connection to another state.
func (a *Assembler) advance(c *Conn, s state) {
	if c.life.state == s {
		return
	}
	switch s {
	case open, ending:
		a.evict(s, a.limits.Conns)
	case refused:
		a.evict(s, a.limits.HalfOpen)
	case closed:
		for a.lists[closed].n >= maxClosed {
			a.drop(a.lists[closed].front)
		}
	}
	a.lists[c.life.state].remove(c)
	c.life.state = s
	a.lists[s].push(c)
}

// close tells what is left of a connection and its end. One that was ending ends for its own reason.
func (a *Assembler) close(c *Conn, r Reason) {
	if c.life.state == closed {
		return
	}
	if c.life.state >= ending {
		r = ByFIN
		if c.life.torn {
			r = ByRST
		}
	}
	for d := range c.halves {
		a.finish(c, Dir(d))
	}
	a.advance(c, closed)
	a.sink.Closed(c, r)
	c.User = nil
}

func (a *Assembler) event(c *Conn, e *Event) {
	a.events = append(a.events, *e)
	a.sink.Event(c, &a.events[len(a.events)-1])
}
