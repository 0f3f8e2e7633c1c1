package capture_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/google/go-cmp/cmp"
)

var (
	clientV4 = netip.MustParseAddrPort("192.0.2.1:51000")
	serverV4 = netip.MustParseAddrPort("198.51.100.7:443")
	clientV6 = netip.MustParseAddrPort("[2001:db8::1]:51000")
	serverV6 = netip.MustParseAddrPort("[2001:db8::2]:443")
)

// notes writes down what segments say: who, flags, and the sequence and acknowledgement numbers from the initial ones.
type notes struct {
	lines []string
	times []time.Time
	first map[bool]uint32 // initial sequence number of the client, and the server
	err   error           // of the next packet
}

const headersV4 = 14 + 20

func (n *notes) WritePacket(p capture.Packet) error {
	tcp := p.Data[headersV4:]
	port, seq, ack := binary.BigEndian.Uint16(tcp), binary.BigEndian.Uint32(tcp[4:]), binary.BigEndian.Uint32(tcp[8:])
	fromClient := port == clientV4.Port()
	if n.first == nil {
		n.first = make(map[bool]uint32)
	}
	if tcp[13]&2 != 0 {
		n.first[fromClient] = seq
	}
	if tcp[13]&16 != 0 {
		ack -= n.first[!fromClient]
	}
	n.lines = append(n.lines, fmt.Sprintf("%s %s %d %d +%d", map[bool]string{true: ">", false: "<"}[fromClient],
		flags(tcp[13]), seq-n.first[fromClient], ack, len(tcp)-int(tcp[12]>>4)*4))
	n.times = append(n.times, p.Time)
	return n.err
}

func flags(b byte) string {
	var names []string
	for i, name := range []string{"F", "S", "R", "P", "A"} {
		if b&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "")
}

var opening = []string{"> S 0 0 +0", "< SA 0 1 +0", "> A 1 1 +0"}

func TestConversation(t *testing.T) {
	rows := []struct {
		name string
		run  func(c *capture.Conversation) error
		want []string // after the opening
	}{
		{"nothing", func(*capture.Conversation) error { return nil }, nil},
		{"a write of nothing", func(c *capture.Conversation) error { return c.Data(true, noon, nil) }, nil},
		{"a question and its answer", func(c *capture.Conversation) error {
			return errors.Join(c.Data(true, noon, make([]byte, 10)), c.Data(false, noon, make([]byte, 20)))
		}, []string{
			"> PA 1 1 +10", "< A 1 11 +0",
			"< PA 1 11 +20", "> A 11 21 +0",
		}},
		{"a write of many segments", func(c *capture.Conversation) error {
			return c.Data(false, noon, make([]byte, 4*1460+1))
		}, []string{
			"< A 1 1 +1460", "< A 1461 1 +1460", "> A 1 2921 +0",
			"< A 2921 1 +1460", "< A 4381 1 +1460", "> A 1 5841 +0",
			"< PA 5841 1 +1", "> A 1 5842 +0",
		}},
		{"a write that fills its segment", func(c *capture.Conversation) error {
			return c.Data(true, noon, make([]byte, 1460))
		}, []string{"> PA 1 1 +1460", "< A 1 1461 +0"}},
		{"closed by both, twice, and reset when all is over", func(c *capture.Conversation) error {
			return errors.Join(c.Close(true, noon), c.Close(true, noon), c.Close(false, noon), c.Close(false, noon), c.Reset(true, noon))
		}, []string{"> FA 1 1 +0", "< A 1 2 +0", "< FA 1 2 +0", "> A 2 2 +0"}},
		{"half closed", func(c *capture.Conversation) error {
			return errors.Join(c.Close(true, noon), c.Data(false, noon, make([]byte, 5)), c.Close(false, noon))
		}, []string{"> FA 1 1 +0", "< A 1 2 +0", "< PA 1 2 +5", "> A 2 6 +0", "< FA 6 2 +0", "> A 2 7 +0"}},
		{"reset, and closed after it", func(c *capture.Conversation) error {
			return errors.Join(c.Data(true, noon, make([]byte, 1)), c.Reset(false, noon), c.Reset(true, noon), c.Close(true, noon))
		}, []string{"> PA 1 1 +1", "< A 1 2 +0", "< RA 1 2 +0"}},
	}
	starts := map[string]time.Time{
		"noon": noon,
		// the clock that numbers come from stands just before its end
		"when sequence numbers wrap":    time.UnixMicro(4 * (1<<32 - 1)),
		"when those of the server wrap": time.UnixMicro(0),
	}
	for _, row := range rows {
		for when, start := range starts {
			t.Run(row.name+", "+when, func(t *testing.T) {
				var n notes
				c, err := capture.NewConversation(&n, clientV4, serverV4, start, 0)
				must(t, err)
				must(t, row.run(c))
				if diff := cmp.Diff(append(opening[:3:3], row.want...), n.lines); diff != "" {
					t.Errorf("got other segments (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestConversationRefuses(t *testing.T) {
	for _, row := range []struct{ client, server netip.AddrPort }{
		{clientV4, serverV6},
		{clientV4, netip.AddrPort{}},
		{netip.AddrPort{}, serverV4},
	} {
		if _, err := capture.NewConversation(&notes{}, row.client, row.server, noon, 0); err == nil {
			t.Errorf("got no error from %v to %v", row.client, row.server)
		}
	}
	c, err := capture.NewConversation(&notes{}, clientV4, serverV4, noon, 0)
	must(t, err)
	must(t, c.Close(true, noon))
	if err := c.Data(true, noon, []byte{1}); err == nil {
		t.Error("got no error for data after Close")
	}
	must(t, c.Reset(false, noon))
	if err := c.Data(false, noon, []byte{1}); err == nil {
		t.Error("got no error for data after Reset")
	}
}

// Two taps give times that are not in order; packets must be.
func TestConversationTimesNeverGoBack(t *testing.T) {
	var n notes
	c, err := capture.NewConversation(&n, clientV4, serverV4, noon, 0)
	must(t, err)
	must(t, c.Data(true, noon.Add(time.Second), []byte{1}))
	must(t, c.Data(false, noon, []byte{1}))
	must(t, c.Close(true, noon.Add(2*time.Second)))
	second := time.Second
	want := []time.Duration{0, 0, 0, second, second, second, second, 2 * second, 2 * second}
	var got []time.Duration
	for _, at := range n.times {
		got = append(got, at.Sub(noon))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("got other times (-want +got):\n%s", diff)
	}
}

func TestConversationPassesErrorsOn(t *testing.T) {
	full := errors.New("full")
	n := notes{err: full}
	if _, err := capture.NewConversation(&n, clientV4, serverV4, noon, 0); err != full {
		t.Errorf("got %v, want %v", err, full)
	}
	n.err = nil
	c, err := capture.NewConversation(&n, clientV4, serverV4, noon, 0)
	must(t, err)
	n.err = full
	for name, err := range map[string]error{
		"Data": c.Data(true, noon, []byte{1}), "Close": c.Close(true, noon), "Reset": c.Reset(true, noon),
	} {
		if err != full {
			t.Errorf("%s: got %v, want %v", name, err, full)
		}
	}
}

func TestConversationAddresses(t *testing.T) {
	rows := []struct{ client, server, macs string }{
		{"127.0.0.1:1", "127.0.0.1:2", "000000000000 000000000000"},
		{"127.0.0.1:1", "127.0.0.2:2", "000000000000 000000000000"},
		{"[::1]:1", "[::1]:2", "000000000000 000000000000"},
		{"[::ffff:192.0.2.1]:1", "192.0.2.1:2", "000000000000 000000000000"},
		{"[fe80::1%eth0]:1", "[fe80::2]:2", "020000000002 020000000001"}, // to the server, from the client
		{"192.0.2.1:1", "192.0.2.2:2", "020000000002 020000000001"},
	}
	for _, row := range rows {
		t.Run(row.client+" "+row.server, func(t *testing.T) {
			var p first
			_, err := capture.NewConversation(&p, netip.MustParseAddrPort(row.client), netip.MustParseAddrPort(row.server), noon, 0)
			must(t, err)
			if got := fmt.Sprintf("%x %x", p.frame[:6], p.frame[6:12]); got != row.macs {
				t.Errorf("got %s, want %s", got, row.macs)
			}
		})
	}
}

// first keeps the first frame.
type first struct{ frame []byte }

func (f *first) WritePacket(p capture.Packet) error {
	if f.frame == nil {
		f.frame = append(f.frame, p.Data...)
	}
	return nil
}

func TestConversationAllocatesNothing(t *testing.T) {
	w, err := capture.NewWriter(io.Discard, capture.Section{})
	must(t, err)
	_, err = w.AddInterface(ether)
	must(t, err)
	for _, ends := range [][2]netip.AddrPort{{clientV4, serverV4}, {clientV6, serverV6}} {
		c, err := capture.NewConversation(w, ends[0], ends[1], noon, 0)
		must(t, err)
		data := make([]byte, 16<<10)
		if got := testing.AllocsPerRun(100, func() { must(t, c.Data(true, noon, data)) }); got != 0 {
			t.Errorf("got %v allocations a write, want 0", got)
		}
	}
}
