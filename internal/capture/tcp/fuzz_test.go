package tcp_test

import (
	"bytes"
	"testing"

	"github.com/akushu/akushu/internal/capture/packet"
	"github.com/akushu/akushu/internal/capture/tcp"
)

// naive puts the bytes of one direction together as simply as can be: it has room for all, and who comes first wins.
type naive struct {
	bytes []byte
	known []bool
}

// streamLen is how long the stream is that segments are cut from.
const streamLen = 600

func (n *naive) add(at int, data []byte) {
	for i, b := range data {
		if !n.known[at+i] {
			n.bytes[at+i], n.known[at+i] = b, true
		}
	}
}

// told is what was told of a direction, gaps as zeros.
type told struct {
	tcp.Sink
	bytes []byte
	gaps  int64
	t     *testing.T
	last  int
}

func (s *told) Opened(*tcp.Conn)             {}
func (s *told) Event(*tcp.Conn, *tcp.Event)  {}
func (s *told) Closed(*tcp.Conn, tcp.Reason) {}

func (s *told) Data(_ *tcp.Conn, d tcp.Dir, at tcp.At, b []byte) {
	if d == tcp.ClientToServer {
		s.bytes = append(s.bytes, b...)
	}
	if at.Frame < 1 || at.Frame > s.last {
		s.t.Errorf("got bytes of packet %d, of %d so far", at.Frame, s.last)
	}
}

func (s *told) Gap(_ *tcp.Conn, d tcp.Dir, _ tcp.At, n int64) {
	if d == tcp.ClientToServer {
		s.gaps += n
		s.bytes = append(s.bytes, make([]byte, n)...)
	}
}

// FuzzReassembly cuts a stream into segments that come in any order, repeated, overlapping, some with other bytes, some
// not at all: what is told is what a naive oracle has, with gaps where bytes are missing.
func FuzzReassembly(f *testing.F) {
	f.Add([]byte{0, 0, 100, 0, 100, 100, 0, 200, 200})
	f.Add([]byte{0, 100, 100, 0, 0, 150, 0, 40, 200, 1, 0, 10})
	f.Add([]byte{2, 10, 20, 0, 5, 20, 3, 0, 0, 0, 0, 255})
	f.Fuzz(func(t *testing.T, script []byte) {
		oracle := &naive{make([]byte, streamLen), make([]bool, streamLen)}
		sink := &told{t: t}
		a := tcp.New(sink, tcp.Limits{})
		now, frame := noon, 0
		send := func(flags packet.Flags, at int, data []byte) {
			frame++
			sink.last = frame
			now = now.Add(1000)
			a.Add(&packet.Packet{
				Frame: frame, Time: now, Src: alice, Dst: bob, IsTCP: true, Payload: data,
				TCP: packet.TCP{Seq: aliceISN + uint32(at), Ack: bobISN + 1, Flags: flags, Window: 1000},
			})
		}
		send(syn, 0, nil)
		for ; len(script) >= 3; script = script[3:] {
			at := 2 * int(script[1])
			data := stream(script[0]%4 == 1)[at:min(at+int(script[2]), streamLen)]
			oracle.add(at, data)
			send(ack, 1+at, data)
		}
		a.Close()
		end := len(oracle.known)
		for end > 0 && !oracle.known[end-1] {
			end--
		}
		if !bytes.Equal(sink.bytes, oracle.bytes[:end]) {
			t.Errorf("got other bytes:\n%x\nwant\n%x", sink.bytes, oracle.bytes[:end])
		}
		missing := int64(0)
		for _, known := range oracle.known[:end] {
			if !known {
				missing++
			}
		}
		if sink.gaps != missing {
			t.Errorf("got gaps of %d bytes, want %d", sink.gaps, missing)
		}
		if held, _ := a.Held(); held != 0 {
			t.Errorf("got %d bytes held after the end", held)
		}
	})
}

// stream is the bytes that are sent, or others in their place.
func stream(other bool) []byte {
	b := make([]byte, streamLen)
	for i := range b {
		b[i] = byte(i%251) + 1
		if other {
			b[i] ^= 0x55
		}
	}
	return b
}
