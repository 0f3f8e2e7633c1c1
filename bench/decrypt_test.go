package bench

import (
	"bytes"
	std "crypto/tls"
	"encoding/binary"
	"math"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/observe"
)

// A wire is a TCP connection whose bytes are kept, in the order in which its ends sent them.
type wire struct {
	mu   sync.Mutex
	sent []sent
}

// sent is what one end wrote at a time.
type sent struct {
	dir  observe.Dir
	data []byte
}

// end is one end of a wire.
type end struct {
	net.Conn
	wire *wire
	dir  observe.Dir
}

func (e *end) Write(b []byte) (int, error) {
	e.wire.mu.Lock()
	e.wire.sent = append(e.wire.sent, sent{e.dir, bytes.Clone(b)})
	e.wire.mu.Unlock()
	return e.Conn.Write(b)
}

// packetSize is what a packet of TCP carries over Ethernet.
const packetSize = 1460

// packets cuts what was sent as TCP does.
func (w *wire) packets() []sent {
	var all []sent
	for _, s := range w.sent {
		for len(s.data) > 0 {
			n := min(len(s.data), packetSize)
			all = append(all, sent{s.dir, s.data[:n]})
			s.data = s.data[n:]
		}
	}
	return all
}

// records are the sizes of the records that carry the response, without their headers.
func (w *wire) records() []int {
	var b []byte
	for _, s := range w.sent {
		if s.dir == observe.ServerToClient {
			b = append(b, s.data...)
		}
	}
	var sizes []int
	for len(b) >= 5 {
		n := int(binary.BigEndian.Uint16(b[3:]))
		if b[0] == 23 {
			sizes = append(sizes, n)
		}
		b = b[5+n:]
	}
	return sizes
}

// BenchmarkDecrypt feeds an observer with a bulk conversation whose keys it knows, and opens records of the same sizes with
// AES-128-GCM and nothing else: how much of the bare AEAD is left when every record becomes an event. Hashes of the data are
// left out, as they are for a table.
//
//	go test -run xxx -bench Decrypt -benchtime 20x ./bench
//
// The bytes are cut as TCP cuts them, and come through a buffer as from a file; filling it is not counted. In runs they are
// fed as the verb inspect does, the packets that a direction has one after the other at once, else packet by packet. Both take
// turns with the AEAD, and the quickest turn of each counts: what else the machine does slows all.
func BenchmarkDecrypt(b *testing.B) {
	const size = 64 << 20
	cert, roots := authority(b)
	keys, wire := observe.NewKeys(), new(wire)
	client, server := loopback(b)()
	check(b, converse(
		std.Client(&end{client, wire, observe.ClientToServer}, &std.Config{RootCAs: roots, ServerName: "localhost", KeyLogWriter: keys}),
		std.Server(&end{server, wire, observe.ServerToClient}, &std.Config{Certificates: []std.Certificate{cert}}), size))
	packets, records := wire.packets(), wire.records()
	for _, row := range []struct {
		name string
		feed func(*observe.Conn, *run)
	}{{"packets", feedPackets}, {"runs", feedRun}} {
		b.Run(row.name, func(b *testing.B) {
			ours, bare := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
			for b.Loop() {
				ours = min(ours, follow(b, keys, packets, row.feed, size))
				bare = min(bare, openAll(b, records))
			}
			b.ReportMetric(size/1e9/ours.Seconds(), "GB/s")
			b.ReportMetric(size/1e9/bare.Seconds(), "AEAD-GB/s")
			b.ReportMetric(bare.Seconds()/ours.Seconds(), "of-AEAD")
		})
	}
}

// A run is the packets that a direction has one after the other, in a buffer.
type run struct {
	dir    observe.Dir
	data   []byte
	pieces []observe.Piece
}

func feedRun(c *observe.Conn, r *run) { c.FeedPieces(r.dir, r.data, r.pieces) }

func feedPackets(c *observe.Conn, r *run) {
	b := r.data
	for _, p := range r.pieces {
		c.Feed(r.dir, p.At, b[:p.N])
		b = b[p.N:]
	}
}

// follow is how long an observer takes for all packets.
func follow(b *testing.B, keys *observe.Keys, packets []sent, feed func(*observe.Conn, *run), size int64) (took time.Duration) {
	var data, events int64
	c := observe.New(observe.Options{Keys: keys, Omit: observe.OmitHashes | observe.OmitDetails, Sink: func(e observe.Event) {
		events++
		if d, ok := e.Body.(*observe.ApplicationData); ok && e.Dir == observe.ServerToClient {
			data += int64(d.Length)
		}
	}})
	r := run{data: make([]byte, 0, 256<<10)}
	flush := func() {
		begun := time.Now()
		feed(c, &r)
		took += time.Since(begun)
		r.data, r.pieces = r.data[:0], r.pieces[:0]
	}
	at := time.Now()
	for i, p := range packets {
		if p.dir != r.dir || len(r.data)+len(p.data) > cap(r.data) {
			flush()
		}
		r.dir, r.data = p.dir, append(r.data, p.data...)
		r.pieces = append(r.pieces, observe.Piece{At: observe.At{Time: at, Frame: i + 1}, N: len(p.data)})
	}
	flush()
	c.Close(observe.At{Time: at}, observe.EndFIN, observe.TCP{})
	if data < size {
		b.Fatalf("got %d bytes in %d events, want %d and more", data, events, size)
	}
	return took
}
