package observe_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/akushu/akushu/observe"
)

// heldMost is the most bytes that a connection may hold: the limit of both directions, what
// is taken in at once, and the room that slices grow by.
const heldMost = 2 * 2 * (256<<10 + 64<<10)

// play runs a script against a Conn: each step is what to do, a length in two bytes, and as
// many bytes.
func play(script []byte) (*observe.Session, uint64, int) {
	seq, most := uint64(0), 0
	o := options()
	ordered := true
	o.Sink = func(e observe.Event) {
		ordered = ordered && e.Seq == seq
		seq++
		if m, ok := e.Body.(*observe.Message); ok {
			m.Fields()
		}
	}
	o.ListKeys = observe.ShownKeys
	o.RolesGuessed = len(script) > 0 && script[0]&128 != 0
	conn := observe.New(o)
	for len(script) >= 3 {
		op, n := script[0]&127, int(binary.BigEndian.Uint16(script[1:]))
		data := script[3:min(len(script), 3+n)]
		script = script[3+len(data):]
		d := observe.ClientToServer
		if op&1 != 0 {
			d = observe.ServerToClient
		}
		switch op >> 1 {
		case 1:
			conn.Lost(d, observe.At{}, int64(n))
		case 2:
			conn.EndOfStream(d, observe.At{}, observe.EndFIN)
		case 3:
			addKeys(conn, data)
		case 4:
			conn.Flush()
		default:
			conn.Feed(d, observe.At{}, data)
		}
		most = max(most, conn.Held())
	}
	conn.Close(observe.At{}, observe.EndInput, observe.TCP{})
	if !ordered {
		seq = 0
	}
	return conn.Session(), seq, most
}

// script is a conversation in the form that play takes.
func script(c *conversation) []byte {
	var b []byte
	step := func(op byte, data []byte) {
		b = append(b, op)
		b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
		b = append(b, data...)
	}
	step(3<<1, c.keys)
	for _, k := range c.chunks {
		op := byte(k.dir - observe.ClientToServer)
		if k.end {
			op |= 2 << 1
		}
		step(op, k.data)
	}
	return b
}

// Whatever is fed, in whatever order: no panic, events in order, memory bounded.
func FuzzConn(f *testing.F) {
	for _, g := range golden {
		f.Add(script(load(f, g.name)))
	}
	f.Add([]byte("\x00\x00\x05hello\x02\x00\x10\x04\x00\x00"))
	two := "\x80\x1f\x01\x00\x02\x00\x06\x00\x00\x00\x10\x01\x00\x80\x07\x00\xc0" + strings.Repeat("c", 16)
	f.Add([]byte("\x80\x00" + string(rune(len(two))) + two + "\x01\x00\x0e\x80\x0b\x04\x00\x01\x00\x02\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, script []byte) {
		s, events, most := play(script)
		if events == 0 || s.End != observe.EndInput {
			t.Errorf("got %d events in order, end %q", events, s.End)
		}
		if most > heldMost {
			t.Errorf("got %d bytes held, want at most %d", most, heldMost)
		}
	})
}

// One byte of a real conversation is another, or missing.
func FuzzMutation(f *testing.F) {
	conversations := map[byte]*conversation{}
	for i, g := range golden {
		conversations[byte(i)] = load(f, g.name)
		for at := range uint16(20) {
			f.Add(byte(i), at*137, byte(1)<<(at%8), at%2 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, which byte, at uint16, change byte, missing bool) {
		c := conversations[which%byte(len(conversations))]
		mutated := &conversation{keys: c.keys}
		left := int(at)
		for _, k := range c.chunks {
			if left >= 0 && left < len(k.data) {
				data := append([]byte(nil), k.data...)
				if data[left] ^= change; missing {
					data = append(data[:left], data[left+1:]...)
				}
				k.data = data
			}
			left -= len(k.data)
			mutated.chunks = append(mutated.chunks, k)
		}
		s := watch(mutated, options(), withKeys(mutated)).session
		if len(s.Messages) == 0 {
			t.Error("got no message of a conversation with one byte changed")
		}
	})
}
