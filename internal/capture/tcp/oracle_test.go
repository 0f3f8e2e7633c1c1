package tcp_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/packet"
	"github.com/akushu/akushu/internal/capture/rewrite"
	"github.com/akushu/akushu/internal/capture/tcp"
	"github.com/akushu/akushu/internal/peer"
	godiff "github.com/google/go-cmp/cmp"
)

// collected is a PacketWriter that keeps copies.
type collected []capture.Packet

func (c *collected) WritePacket(p capture.Packet) error {
	p.Data = bytes.Clone(p.Data)
	*c = append(*c, p)
	return nil
}

// conversations is some connections, one after the other and two at a time, of which every second is over IPv6.
func conversations(t *testing.T) []capture.Packet {
	t.Helper()
	var all collected
	now := noon
	for i := range 4 {
		client, server := fmt.Sprintf("10.0.0.1:%d", 50000+i), "10.0.0.2:61234"
		if i%2 == 1 {
			client, server = fmt.Sprintf("[fd00::1]:%d", 50000+i), "[fd00::2]:61234"
		}
		c, err := capture.NewConversation(&all, netip.MustParseAddrPort(client), netip.MustParseAddrPort(server), now, 0)
		must(t, err)
		for turn := range 6 {
			now = now.Add(10 * time.Millisecond)
			must(t, c.Data(turn%2 == 0, now, text(i*10+turn, 300+1700*turn)))
		}
		now = now.Add(10 * time.Millisecond)
		must(t, c.Close(true, now))
		must(t, c.Close(false, now))
	}
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// text is n bytes of which no two pieces are alike.
func text(seed, n int) []byte {
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// A change is made to a capture.
type change struct {
	name string
	do   func([]capture.Packet) []capture.Packet
}

func split(all []capture.Packet) []capture.Packet { return rewrite.Split(all, 240) }

var rewrites = []change{
	{"as it is", func(all []capture.Packet) []capture.Packet { return all }},
	{"segments of 240 bytes", split},
	{"reordered", func(all []capture.Packet) []capture.Packet { return rewrite.Swap(all, 3) }},
	{"reordered, of 240 bytes", func(all []capture.Packet) []capture.Packet { return rewrite.Swap(split(all), 5) }},
	{"some twice, at once", func(all []capture.Packet) []capture.Packet { return rewrite.Twice(all, 4, 0) }},
	{"some twice, later", func(all []capture.Packet) []capture.Packet { return rewrite.Twice(all, 4, 5*time.Millisecond) }},
	{"some twice, behind the next", func(all []capture.Packet) []capture.Packet { return echoed(split(all)) }},
	{"cut in two ways, at once", func(all []capture.Packet) []capture.Packet { return cutTwice(all, 0) }},
	{"cut in two ways, later", func(all []capture.Packet) []capture.Packet { return cutTwice(all, 5*time.Millisecond) }},
	{"some lost", func(all []capture.Packet) []capture.Packet { return rewrite.Lose(all, 7) }},
	{"some lost, of 240 bytes", func(all []capture.Packet) []capture.Packet { return rewrite.Lose(split(all), 9) }},
	{"in VLANs", func(all []capture.Packet) []capture.Packet { return wrap(all, 12, "\x81\x00\x00\x07") }},
	{"from the middle on", func(all []capture.Packet) []capture.Packet { return all[9:] }},
	{"the first half", func(all []capture.Packet) []capture.Packet { return all[:len(all)/2] }},
	{"one direction", func(all []capture.Packet) []capture.Packet {
		return slices.DeleteFunc(slices.Clone(all), func(p capture.Packet) bool { return header(p).Dst.Port() == 61234 })
	}},
	{"ports used again", func(all []capture.Packet) []capture.Packet { return append(all, again(all)...) }},
}

// echoed has every fourth packet again behind the one that follows it.
func echoed(all []capture.Packet) []capture.Packet {
	var more []capture.Packet
	for i, p := range all {
		if more = append(more, p); i > 0 && i%4 == 0 {
			more = append(more, all[i-1])
			more[len(more)-1].Time = p.Time
		}
	}
	return more
}

// cutTwice has every packet in small segments and, one by one between those and that much later each, in larger ones: some
// of their bytes were seen before.
func cutTwice(all []capture.Packet, later time.Duration) []capture.Packet {
	var more []capture.Packet
	var passed time.Duration
	for _, p := range all {
		small, large := rewrite.Split([]capture.Packet{p}, 240), rewrite.Split([]capture.Packet{p}, 340)
		for i := range small {
			list := small[i : i+1]
			if i < len(large) && len(small) > 1 {
				list = append(list[:1:1], large[i])
			}
			for _, p := range list {
				p.Time = p.Time.Add(passed)
				passed += later
				more = append(more, p)
			}
		}
	}
	return more
}

// header decodes a packet.
func header(p capture.Packet) packet.Packet { return *packet.NewDecoder().Decode(&p) }

// wrap puts bytes into every packet.
func wrap(all []capture.Packet, at int, with string) []capture.Packet {
	all = slices.Clone(all)
	for i := range all {
		all[i].Data = slices.Insert(bytes.Clone(all[i].Data), at, []byte(with)...)
		all[i].Length = len(all[i].Data)
	}
	return all
}

// again is the same connections a minute later, with other sequence numbers.
func again(all []capture.Packet) []capture.Packet {
	all = slices.Clone(all)
	for i, p := range all {
		k := header(p)
		at := len(p.Data) - len(k.Payload) - 20 - len(k.TCP.Options)
		data := bytes.Clone(p.Data)
		binary.BigEndian.PutUint32(data[at+4:], k.TCP.Seq+1_000_000)
		if k.TCP.Flags&packet.ACK != 0 {
			binary.BigEndian.PutUint32(data[at+8:], k.TCP.Ack+1_000_000)
		}
		all[i].Data, all[i].Time = data, p.Time.Add(time.Minute)
	}
	return all
}

// telling is what both say of a capture: a line for each packet, and the bytes of each stream and direction.
type telling struct {
	Packets []string
	Streams map[string]string
}

// analyses are the events that mean the same to tshark, by the names of its fields.
var analyses = map[tcp.Kind]string{
	tcp.Retransmission: "tcp.analysis.retransmission", tcp.OutOfOrder: "tcp.analysis.out_of_order",
	tcp.Duplicate:   "tcp.analysis.out_of_order",
	tcp.LostSegment: "tcp.analysis.lost_segment", tcp.AckedLost: "tcp.analysis.ack_lost_segment",
	tcp.KeepAlive: "tcp.analysis.keep_alive", tcp.KeepAliveACK: "tcp.analysis.keep_alive_ack",
	tcp.ZeroWindow: "tcp.analysis.zero_window", tcp.PortsReused: "tcp.analysis.reused_ports",
}

var analysisNames = func() []string {
	var names []string
	for _, n := range analyses {
		names = append(names, n)
	}
	slices.Sort(names)
	return slices.Compact(names)
}()

// gathered is a Sink that keeps the bytes as tshark follows them, which has no word for a gap that ends a stream.
type gathered map[string]*followed

type followed struct{ bytes, gap string }

func (g gathered) of(c *tcp.Conn, d tcp.Dir) *followed {
	from := [...]netip.AddrPort{c.Client, c.Server}[d]
	k := fmt.Sprintf("%d from %d", c.ID, from.Port())
	if g[k] == nil {
		g[k] = new(followed)
	}
	return g[k]
}

func (g gathered) Opened(*tcp.Conn)             {}
func (g gathered) Event(*tcp.Conn, *tcp.Event)  {}
func (g gathered) Closed(*tcp.Conn, tcp.Reason) {}
func (g gathered) Data(c *tcp.Conn, d tcp.Dir, _ tcp.At, b []byte) {
	f := g.of(c, d)
	f.bytes, f.gap = f.bytes+f.gap+string(b), ""
}

func (g gathered) Gap(c *tcp.Conn, d tcp.Dir, _ tcp.At, n int64) {
	g.of(c, d).gap = fmt.Sprintf("[%d bytes missing in capture file]", n)
}

func tellOurs(all []capture.Packet) telling {
	g := gathered{}
	a, d := tcp.New(g, tcp.Limits{}), packet.NewDecoder()
	told := telling{Streams: map[string]string{}}
	for i, p := range all {
		p.Number = i + 1
		seen := a.Add(d.Decode(&p))
		var names []string
		for _, e := range seen.Events {
			if n := analyses[cmp.Or(e.Like, e.Kind)]; n != "" {
				names = append(names, n)
			}
		}
		slices.Sort(names)
		told.Packets = append(told.Packets, fmt.Sprintf("%d stream %d seq %d ack %d len %d %s",
			i+1, seen.Conn.ID, uint32(seen.Seq), uint32(seen.Ack), seen.Length, strings.Join(names, " ")))
	}
	a.Close()
	for k, f := range g {
		told.Streams[k] = f.bytes
	}
	return told
}

func tellTshark(t *testing.T, all []capture.Packet) telling {
	t.Helper()
	file := peer.Store(t, all)
	names := append([]string{"frame.number", "tcp.stream", "tcp.seq", "tcp.ack", "tcp.len"}, analysisNames...)
	told := telling{Streams: map[string]string{}}
	streams := map[string]bool{}
	for _, f := range peer.Fields(t, file, names) {
		var names []string
		for i, n := range analysisNames {
			if f[5+i] != "" {
				names = append(names, n)
			}
		}
		streams[f[1]] = true
		told.Packets = append(told.Packets, fmt.Sprintf("%s stream %s seq %s ack %s len %s %s", f[0], f[1], f[2], cmp.Or(f[3], "0"), f[4], strings.Join(names, " ")))
	}
	follow(t, file, streams, told.Streams)
	return told
}

// follow takes the bytes of streams from what tshark prints: "Filter: tcp.stream eq 0", "Node 0: address:port", then
// hex, that of the other node behind a tab.
func follow(t *testing.T, file string, streams map[string]bool, into map[string]string) {
	t.Helper()
	args := []string{"-r", file, "-q"}
	for s := range streams {
		args = append(args, "-z", "follow,tcp,raw,"+s)
	}
	var stream string
	var ports [2]string
	for _, line := range strings.Split(string(peer.Output(t, "tshark", args...)), "\n") {
		if s, ok := strings.CutPrefix(line, "Filter: tcp.stream eq "); ok {
			stream = s
		}
		for i := range ports {
			if address, ok := strings.CutPrefix(line, fmt.Sprintf("Node %d: ", i)); ok {
				ports[i] = address[strings.LastIndex(address, ":")+1:]
			}
		}
		node := 0
		if strings.HasPrefix(line, "\t") {
			node = 1
		}
		if b, err := hex.DecodeString(strings.TrimSpace(line)); err == nil && len(b) > 0 {
			// The text that it puts in the place of a gap ends with a zero byte.
			into[stream+" from "+ports[node]] += strings.ReplaceAll(string(b), "in capture file]\x00", "in capture file]")
		}
	}
}

// ackLost is where tshark says more: it does so of further acknowledgements after the one that covers the hole, too.
const ackLost = "tcp.analysis.ack_lost_segment"

// forgive takes it out where only tshark says it.
func forgive(want, got []string) {
	for i := range min(len(want), len(got)) {
		if !strings.Contains(got[i], ackLost) {
			before, after, _ := strings.Cut(want[i], ackLost)
			want[i] = before + strings.TrimPrefix(after, " ")
		}
	}
}

// TestTsharkAgrees on streams, sequence numbers, bytes and what TCP did, for captures that were rewritten.
func TestTsharkAgrees(t *testing.T) {
	base := conversations(t)
	for _, r := range rewrites {
		t.Run(r.name, func(t *testing.T) {
			all := r.do(base)
			want, got := tellTshark(t, all), tellOurs(all)
			forgive(want.Packets, got.Packets)
			if diff := godiff.Diff(want, got); diff != "" {
				t.Errorf("got something else (-tshark +got):\n%.6000s", diff)
			}
		})
	}
}
