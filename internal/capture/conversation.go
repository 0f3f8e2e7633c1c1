package capture

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Synthesised is the comment of a Section whose packets a Conversation made, so that nobody takes them for captured
// ones.
const Synthesised = "no packets were captured: the bytes are real, Ethernet, IP and TCP around them are made up"

// A Conversation makes the packets of a TCP connection of which only the bytes are known: Ethernet, IPv4 or IPv6, and
// TCP as two well-behaved hosts without loss would have sent them. Its packets are of interface 0. Times never go
// back: a time before that of the last packet becomes that.
//
// It keeps no packets. Methods must not be called at the same time.
type Conversation struct {
	w              PacketWriter
	client, server end
	now            time.Time
	over           bool // reset
	frame          []byte
	mss            int
}

// An end is one of the two hosts.
type end struct {
	addr   netip.AddrPort
	mac    [6]byte
	seq    uint32 // of the next byte it sends
	closed bool   // it sent FIN
}

var (
	errClosed = errors.New("capture: data from an end that has closed the conversation")
	errOver   = errors.New("capture: data in a conversation that was reset")
)

// NewConversation begins a conversation with the three segments that open a connection: SYN at t, its answer a round
// trip later. The addresses must be of one family.
func NewConversation(w PacketWriter, client, server netip.AddrPort, t time.Time, trip time.Duration) (*Conversation, error) {
	c := &Conversation{w: w, client: end{addr: plain(client)}, server: end{addr: plain(server)}, now: t}
	if err := c.checkAddresses(); err != nil {
		return nil, err
	}
	c.setMACs()
	c.mss = maxSegment(c.client.addr.Addr())
	c.client.seq = initialSequence(t)
	c.server.seq = ^c.client.seq // any other number
	return c, c.open(t.Add(trip))
}

// plain is the address as packets have it.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

func (c *Conversation) checkAddresses() error {
	client, server := c.client.addr, c.server.addr
	if !client.IsValid() || !server.IsValid() || client.Addr().Is4() != server.Addr().Is4() {
		return fmt.Errorf("capture: no packet goes from %v to %v", client, server)
	}
	return nil
}

// setMACs gives the ends locally administered addresses, or leaves the zeros of a loopback interface.
func (c *Conversation) setMACs() {
	client, server := c.client.addr.Addr(), c.server.addr.Addr()
	if client == server || client.IsLoopback() && server.IsLoopback() {
		return
	}
	c.client.mac = [6]byte{2, 0, 0, 0, 0, 1}
	c.server.mac = [6]byte{2, 0, 0, 0, 0, 2}
}

// initialSequence is the clock of RFC 9293 §3.4.1, which ticks every four microseconds.
func initialSequence(t time.Time) uint32 { return uint32(t.UnixMicro() / 4) }

func (c *Conversation) open(answered time.Time) error {
	if err := c.send(&c.client, flagSYN, nil); err != nil {
		return err
	}
	c.advance(answered)
	if err := c.send(&c.server, flagSYN|flagACK, nil); err != nil {
		return err
	}
	return c.send(&c.client, flagACK, nil)
}

// Data makes the segments of one write of an end, the last of them with PSH, and the acknowledgements of the other
// end: of every second segment and of the last.
func (c *Conversation) Data(fromClient bool, t time.Time, b []byte) error {
	from, to := c.ends(fromClient)
	if c.over {
		return errOver
	}
	if from.closed {
		return errClosed
	}
	c.advance(t)
	for sent := 1; len(b) > 0; sent++ {
		segment := b[:min(len(b), c.mss)]
		b = b[len(segment):]
		if err := c.dataSegment(from, to, segment, len(b) == 0, sent%2 == 0); err != nil {
			return err
		}
	}
	return nil
}

func (c *Conversation) dataSegment(from, to *end, data []byte, last, acknowledge bool) error {
	flags := byte(flagACK)
	if last {
		flags |= flagPSH
	}
	if err := c.send(from, flags, data); err != nil {
		return err
	}
	if !last && !acknowledge {
		return nil
	}
	return c.send(to, flagACK, nil)
}

// Close makes the FIN of an end and its acknowledgement. The other end can still send, and ends the conversation with
// a Close of its own. Another Close of the same end, or one after Reset, does nothing.
func (c *Conversation) Close(fromClient bool, t time.Time) error {
	from, to := c.ends(fromClient)
	if c.over || from.closed {
		return nil
	}
	c.advance(t)
	from.closed = true
	if err := c.send(from, flagFIN|flagACK, nil); err != nil {
		return err
	}
	return c.send(to, flagACK, nil)
}

// Reset makes the RST of an end, which is the end of the conversation. After both ends closed it does nothing.
func (c *Conversation) Reset(fromClient bool, t time.Time) error {
	if c.over || c.client.closed && c.server.closed {
		return nil
	}
	c.advance(t)
	c.over = true
	from, _ := c.ends(fromClient)
	return c.send(from, flagRST|flagACK, nil)
}

func (c *Conversation) ends(fromClient bool) (from, to *end) {
	if fromClient {
		return &c.client, &c.server
	}
	return &c.server, &c.client
}

func (c *Conversation) advance(t time.Time) {
	if t.After(c.now) {
		c.now = t
	}
}

// send writes one segment, which acknowledges all that the other end has sent, and counts what it used of the
// sequence numbers.
func (c *Conversation) send(from *end, flags byte, data []byte) error {
	to := &c.server
	if from == to {
		to = &c.client
	}
	c.frame = appendFrame(c.frame[:0], &segment{from: from, to: to, flags: flags, mss: uint16(c.mss), data: data})
	from.seq += uint32(len(data))
	if flags&(flagSYN|flagFIN) != 0 {
		from.seq++
	}
	return c.w.WritePacket(Packet{LinkType: LinkEthernet, Time: c.now, Length: len(c.frame), Data: c.frame})
}
