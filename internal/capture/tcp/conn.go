package tcp

import (
	"net/netip"
	"time"
)

// A Conn is a connection.
type Conn struct {
	ID             int            // counted from 0, in the order of first packets
	Client, Server netip.AddrPort // the client is who sent SYN
	// Guessed tells that the first packet was neither SYN nor SYN-ACK: the lower port counts as the server's.
	Guessed bool
	First   At // the first packet
	Last    At // the latest
	Stats   Stats
	User    any // the Sink's own

	halves [2]half
	life   life
}

// Stats counts what was seen of a connection.
type Stats struct {
	SYN, SYNACK, ACK bool // of the three-way handshake
	FIN, RST         bool // of either end
	// RTT is how long the handshake took, from the last SYN to the client's acknowledgement; 0 where not all of it was
	// seen.
	RTT             time.Duration
	Packets         int
	Retransmissions int // segments that were counted as Retransmission
	OutOfOrder      int
	Gaps            int
	Cut             int // packets of whose data the capture has the beginning only
}

// life is where an Assembler keeps a connection.
type life struct {
	key
	state
	ended   time.Time // when it began to end
	syn     time.Time // of the latest SYN
	synACK  time.Time // of the latest SYN-ACK
	rst     Dir       // who tore it down, if Stats.RST
	torn    bool      // and nothing came that says otherwise
	waiting wait
	aged    link // in the list of its state
	holding link // in the list of those that hold bytes
	held    int  // bytes that wait, with what they cost besides
}

// state is how far a connection is.
type state uint8

const (
	halfOpen state = iota // nothing was seen but SYN and SYN-ACK
	open
	ending  // both ends closed, or one tore it down: stragglers are waited for
	refused // torn down before any data: its client may ask again
	closed  // and told; remembered so that stragglers make no new connection
	states
)

// A key names a connection by its ends, in an order of its own.
type key struct{ low, high netip.AddrPort }

func keyOf(a, b netip.AddrPort) key {
	if a.Port() < b.Port() || a.Port() == b.Port() && a.Addr().Less(b.Addr()) {
		return key{a, b}
	}
	return key{b, a}
}

// wait is since when bytes are missing that were acknowledged.
type wait struct {
	since   time.Time // zero: none are
	packets int       // of the connection since
}

// A link is a place in a list.
type link struct{ prev, next *Conn }

// A list is of connections, the one that was moved last at its back.
type list struct {
	front, back *Conn
	n           int
	link        func(*Conn) *link
}

func aged(c *Conn) *link    { return &c.life.aged }
func holding(c *Conn) *link { return &c.life.holding }

func (l *list) push(c *Conn) {
	*l.link(c) = link{prev: l.back}
	if l.back != nil {
		l.link(l.back).next = c
	} else {
		l.front = c
	}
	l.back = c
	l.n++
}

func (l *list) remove(c *Conn) {
	k := l.link(c)
	if k.prev != nil {
		l.link(k.prev).next = k.next
	} else {
		l.front = k.next
	}
	if k.next != nil {
		l.link(k.next).prev = k.prev
	} else {
		l.back = k.prev
	}
	*k = link{}
	l.n--
}

// touch moves c to the back.
func (l *list) touch(c *Conn) {
	if l.back != c {
		l.remove(c)
		l.push(c)
	}
}
