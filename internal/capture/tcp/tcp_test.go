package tcp_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/packet"
	"github.com/akushu/akushu/internal/capture/tcp"
	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// story writes down what a Sink is told, a line each.
type story struct {
	lines []string
}

func (s *story) add(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

func arrow(d tcp.Dir) string { return [...]string{">", "<"}[d] }

func (s *story) Opened(c *tcp.Conn) { s.add("%d opened %v %v", c.ID, c.Client, c.Server) }

func (s *story) Data(c *tcp.Conn, d tcp.Dir, at tcp.At, b []byte) {
	s.add("%d %s data #%d %q", c.ID, arrow(d), at.Frame, b)
}

func (s *story) Gap(c *tcp.Conn, d tcp.Dir, at tcp.At, n int64) {
	s.add("%d %s gap #%d %d", c.ID, arrow(d), at.Frame, n)
}

func (s *story) Event(c *tcp.Conn, e *tcp.Event) {
	s.add("%d %s %s #%d seq %d ack %d", c.ID, arrow(e.Dir), e.Kind, e.At.Frame, e.Seq, e.Ack)
}

func (s *story) Closed(c *tcp.Conn, r tcp.Reason) { s.add("%d closed %s", c.ID, r) }

// talk makes the segments of connections.
type talk struct {
	*tcp.Assembler
	story
	t     *testing.T
	now   time.Time
	frame int
}

func newTalk(t *testing.T, l tcp.Limits) *talk {
	k := &talk{t: t, now: noon}
	k.Assembler = tcp.New(&k.story, l)
	return k
}

var (
	alice = netip.MustParseAddrPort("192.0.2.1:51000")
	bob   = netip.MustParseAddrPort("192.0.2.2:443")
)

const (
	syn = packet.SYN
	ack = packet.ACK
	fin = packet.FIN
	rst = packet.RST
)

// Initial sequence numbers, the first of which soon wraps.
const (
	aliceISN = 0xffff_fff0
	bobISN   = 1000
)

// send has an end send a segment, with positions as in Event.
func (k *talk) send(from netip.AddrPort, f packet.Flags, seq, ackPos int, data string) tcp.Seen {
	k.frame++
	k.now = k.now.Add(time.Millisecond)
	p := packet.Packet{
		Frame: k.frame, Time: k.now, Src: from, Dst: bob, IsTCP: true, Payload: []byte(data),
		TCP: packet.TCP{Seq: aliceISN + uint32(seq), Ack: bobISN + uint32(ackPos), Flags: f, Window: 1000},
	}
	if from == bob {
		p.Dst = alice
		p.TCP.Seq, p.TCP.Ack = bobISN+uint32(seq), aliceISN+uint32(ackPos)
	}
	return k.Add(&p)
}

func (k *talk) open() {
	k.send(alice, syn, 0, 0, "")
	k.send(bob, syn|ack, 0, 1, "")
	k.send(alice, ack, 1, 1, "")
}

// want compares what was told since the last call.
func (k *talk) want(lines ...string) {
	k.t.Helper()
	if diff := cmp.Diff(lines, k.lines); diff != "" {
		k.t.Errorf("got another story (-want +got):\n%s", diff)
	}
	k.lines = nil
}

func TestConnection(t *testing.T) {
	k := newTalk(t, tcp.Limits{})
	k.open()
	k.send(alice, ack, 1, 1, "hello, this wraps around")
	k.send(bob, ack, 1, 25, "hi")
	k.send(alice, fin|ack, 25, 3, "bye")
	k.send(bob, fin|ack, 3, 29, "")
	k.send(alice, ack, 29, 4, "")
	k.Close()
	k.want(
		"0 opened 192.0.2.1:51000 192.0.2.2:443",
		"0 > syn #1 seq 0 ack 0",
		"0 < syn_ack #2 seq 0 ack 1",
		"0 > ack #3 seq 1 ack 1",
		`0 > data #4 "hello, this wraps around"`,
		`0 < data #5 "hi"`,
		`0 > data #6 "bye"`,
		"0 > fin #6 seq 25 ack 3",
		"0 < fin #7 seq 3 ack 29",
		"0 closed fin",
	)
}

// What a Conversation makes of bytes, packets give back.
func TestConversation(t *testing.T) {
	for _, ends := range [][2]string{{"192.0.2.1:51000", "192.0.2.2:443"}, {"[2001:db8::1]:51000", "[2001:db8::2]:443"}} {
		client, server := netip.MustParseAddrPort(ends[0]), netip.MustParseAddrPort(ends[1])
		var told story
		w := &wire{decoder: packet.NewDecoder(), Assembler: tcp.New(&told, tcp.Limits{})}
		c, err := capture.NewConversation(w, client, server, noon, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{c.Data(true, noon, []byte("hello")), c.Data(false, noon, []byte("hi")), c.Reset(false, noon)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		want := []string{
			fmt.Sprintf("0 opened %v %v", client, server),
			"0 > syn #1 seq 0 ack 0",
			"0 < syn_ack #2 seq 0 ack 1",
			"0 > ack #3 seq 1 ack 1",
			`0 > data #4 "hello"`,
			`0 < data #6 "hi"`,
			"0 < rst #8 seq 3 ack 6",
			"0 closed rst",
		}
		if diff := cmp.Diff(want, told.lines); diff != "" {
			t.Errorf("got another story (-want +got):\n%s", diff)
		}
	}
}

// wire is a PacketWriter whose packets go to an Assembler.
type wire struct {
	decoder *packet.Decoder
	*tcp.Assembler
	frame int
}

func (w *wire) WritePacket(p capture.Packet) error {
	w.frame++
	p.Number = w.frame
	w.Add(w.decoder.Decode(&p))
	return nil
}
