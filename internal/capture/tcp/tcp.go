// Package tcp puts the segments of captured packets together: it finds the connections, and tells of each the bytes of
// either direction in their order, each with the packet that brought it, and what TCP did.
//
// What a capture holds is not what a host received: packets come reordered, twice, cut, one direction only, or not at
// all, and a connection may have begun before. Of bytes that come twice the first copy counts. Bytes that do not come
// are a gap, told once it is clear that nothing will fill it: when the other end has acknowledged them and has gone on
// for a while, when what waits behind them grows too large, or when the connection ends.
//
// All memory is bounded: the bytes that wait, of one connection and of all, and the number of connections, of which the
// one that was idle for longest is evicted.
package tcp

import (
	"time"

	"github.com/akushu/akushu/internal/capture/packet"
)

// Dir is a direction of a connection.
type Dir uint8

// The directions.
const (
	ClientToServer Dir = iota
	ServerToClient
)

// Opposite is the other direction.
func (d Dir) Opposite() Dir { return 1 - d&1 }

// String is "client_to_server" or "server_to_client".
func (d Dir) String() string { return [...]string{"client_to_server", "server_to_client"}[d&1] }

// At says when, and in which packet, something was seen.
type At struct {
	Time  time.Time
	Frame int
}

// A Sink is told what happens. Opened is the first call for a connection and Closed the last. A Conn is good until
// Closed returns; slices until the call returns.
type Sink interface {
	// Opened tells of a new connection, before anything else of it.
	Opened(*Conn)
	// Data tells the next bytes of a direction. They all came in one packet.
	Data(c *Conn, d Dir, at At, b []byte)
	// Gap tells that the next n bytes of a direction, at least one, are missing for good. at is the packet that made
	// it clear.
	Gap(c *Conn, d Dir, at At, n int64)
	// Event tells what TCP did. FIN stands in the order of the direction's bytes, all others come with their packet.
	Event(*Conn, *Event)
	// Closed tells that nothing more comes.
	Closed(*Conn, Reason)
}

// Reason says how a connection came to its end.
type Reason string

// The reasons.
const (
	ByFIN     Reason = "fin"     // both ends closed, and all bytes before were told
	ByRST     Reason = "rst"     // one end tore it down
	ByEvicted Reason = "evicted" // forgotten, to keep memory bounded
	ByInput   Reason = "input"   // the capture ended before it
)

// An Event is something that TCP did.
type Event struct {
	Kind     Kind
	Dir      Dir
	At       At
	Flags    packet.Flags
	Seq, Ack int64 // relative: SYN has 0
	Length   int   // of the data
	Window   uint16
	Options  packet.Options // of SYN and SYNACK
	RTT      time.Duration  // of SYNACK: since SYN; of Established: since SYN too
	Like     Kind           // of Overlap: what it counts as, Retransmission, OutOfOrder or nothing; else Kind, where it is counted
}

// Kind names what TCP did, in snake_case. Where tshark has an analysis of the same name it means the same, but that we
// know which bytes were seen, where tshark judges by time alone: a Duplicate is out of order to it, and what was acknowledged
// before it was seen a retransmission.
type Kind string

// The kinds.
const (
	SYN            Kind = "syn"
	SYNACK         Kind = "syn_ack"
	Established    Kind = "ack" // the client's first acknowledgement: the third segment of the handshake
	FIN            Kind = "fin"
	RST            Kind = "rst"
	Retransmission Kind = "retransmission" // every byte was seen before, or was due long before
	Duplicate      Kind = "duplicate"      // every byte was seen just before, sooner than anybody can have asked for it again
	OutOfOrder     Kind = "out_of_order"   // fills a hole, soon after what made it
	LostSegment    Kind = "lost_segment"   // begins beyond what was seen
	AckedLost      Kind = "ack_lost"       // acknowledges what was not seen
	Overlap        Kind = "overlap"        // some bytes were seen before, and some are new
	Conflict       Kind = "conflict"       // bytes that were seen before, with another value
	KeepAlive      Kind = "keep_alive"     // one byte or none, from just before what comes next
	KeepAliveACK   Kind = "keep_alive_ack" // the answer to it
	ZeroWindow     Kind = "zero_window"    // the sender can take no more
	SYNACKOther    Kind = "syn_ack_other"  // a SYN-ACK that differs from the one before
	PortsReused    Kind = "ports_reused"   // the SYN of a connection between ports that had one before
)

// Seen is what one packet was in its connection.
type Seen struct {
	Conn     *Conn // nil: it is not TCP
	Dir      Dir
	Seq, Ack int64 // relative; Ack is 0 without the flag
	Length   int   // of the data on the wire
	Events   []Event
}
