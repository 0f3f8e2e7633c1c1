package dissect_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/dissect"
	"github.com/akushu/akushu/internal/filter"
	"github.com/akushu/akushu/observe"
)

var start = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// conversations writes a capture of plain connections, each with a request and an answer.
func conversations(t testing.TB, n int) *bytes.Buffer {
	t.Helper()
	var file bytes.Buffer
	w, err := capture.NewWriter(&file, capture.Section{})
	check(t, err)
	_, err = w.AddInterface(capture.Interface{LinkType: capture.LinkEthernet})
	check(t, err)
	for i := range n {
		at := start.Add(time.Duration(i) * time.Second)
		client := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(20000+i))
		c, err := capture.NewConversation(w, client, netip.MustParseAddrPort("198.51.100.1:80"), at, 0)
		check(t, err)
		check(t, c.Data(true, at, fmt.Appendf(nil, "GET /%d HTTP/1.0\r\n\r\n", i)))
		check(t, c.Data(false, at, []byte("HTTP/1.0 200 OK\r\n\r\nhello")))
		check(t, c.Close(false, at))
		check(t, c.Close(true, at))
	}
	return &file
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func run(t testing.TB, file *bytes.Buffer, o dissect.Options) dissect.Totals {
	t.Helper()
	src, err := capture.NewReader(file)
	check(t, err)
	totals, err := dissect.Run(context.Background(), src, o)
	check(t, err)
	return totals
}

func TestRun(t *testing.T) {
	var got []string
	totals := run(t, conversations(t, 3), dissect.Options{Stream: -1, Done: func(c *dissect.Connection) {
		got = append(got, fmt.Sprint(c.Stream, " ", c.Client, " ", c.End, " ", c.HTTP[0].Path, " ", c.HTTP[0].Status, " ", c.Packets, " ", c.TCP.SYN, c.TCP.FIN))
	}})
	want := []string{
		"0 192.0.2.1:20000 fin /0 200 11 true true", "1 192.0.2.1:20001 fin /1 200 11 true true", "2 192.0.2.1:20002 fin /2 200 11 true true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := (dissect.Totals{Packets: 33, Connections: 3, First: start, Last: start.Add(2 * time.Second)}); totals != want {
		t.Errorf("got %+v, want %+v", totals, want)
	}
}

func TestStream(t *testing.T) {
	var got []int
	run(t, conversations(t, 3), dissect.Options{Stream: 1, Done: func(c *dissect.Connection) { got = append(got, c.Stream) }})
	if diff := cmp.Diff([]int{1}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFilter(t *testing.T) {
	program, err := filter.Compile(`http.request.uri == "/1" or http.response and tcp.stream == 2`)
	check(t, err)
	var packets []int
	matching := map[int]int{}
	run(t, conversations(t, 3), dissect.Options{
		Stream: -1, Filter: program,
		Judged: func(frame int, matches bool) {
			if matches {
				packets = append(packets, frame)
			}
		},
		Done: func(c *dissect.Connection) { matching[c.Stream] = c.Matching.Len() },
	})
	if diff := cmp.Diff([]int{15, 30}, packets); diff != "" {
		t.Errorf("packets: %s", diff)
	}
	if diff := cmp.Diff(map[int]int{0: 0, 1: 1, 2: 1}, matching); diff != "" {
		t.Errorf("connections: %s", diff)
	}
}

// TestWatch requires events to come for the connections that are looked at, each with its stream.
func TestWatch(t *testing.T) {
	got := map[int]int{}
	run(t, conversations(t, 2), dissect.Options{Stream: -1, Watch: func(stream int) func(observe.Event) {
		return func(e observe.Event) {
			if e.Stream != stream {
				t.Errorf("got an event of %d, want %d", e.Stream, stream)
			}
			if _, ok := e.Body.(*observe.HTTPHead); ok {
				got[stream]++
			}
		}
	}})
	if diff := cmp.Diff(map[int]int{0: 2, 1: 2}, got); diff != "" {
		t.Error(diff)
	}
}

// syns is a source of packets that each begin a connection, of which nothing more comes.
type syns struct {
	left   int
	packet *capture.Packet
}

func (s *syns) Next() (capture.Item, error) {
	if s.left == 0 {
		return nil, context.Canceled
	}
	s.left--
	p := s.packet
	p.Number++
	p.Time = start.Add(time.Duration(p.Number) * time.Microsecond)
	n := p.Number
	p.Data[28], p.Data[29], p.Data[34], p.Data[35] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n) // address and port
	return p, nil
}

// TestHalfOpenIsBounded requires a flood of SYNs to cost a bounded amount of memory.
func TestHalfOpenIsBounded(t *testing.T) {
	var file bytes.Buffer
	w, err := capture.NewWriter(&file, capture.Section{})
	check(t, err)
	_, err = w.AddInterface(capture.Interface{LinkType: capture.LinkEthernet})
	check(t, err)
	_, err = capture.NewConversation(w, netip.MustParseAddrPort("192.0.2.1:20000"), netip.MustParseAddrPort("198.51.100.1:80"), start, 0)
	check(t, err)
	r, err := capture.NewReader(&file)
	check(t, err)
	var first *capture.Packet
	for first == nil {
		item, err := r.Next()
		check(t, err)
		first, _ = item.(*capture.Packet)
	}
	own := *first
	own.Data = bytes.Clone(first.Data)
	count := 150_000
	if large() {
		count = 1_000_000
	}
	most, done := uint64(0), 0
	_, _ = dissect.Run(context.Background(), &syns{count, &own}, dissect.Options{Stream: -1, Done: func(c *dissect.Connection) {
		if done++; done%50_000 == 0 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}})
	if done != count {
		t.Errorf("got %d connections, want %d", done, count)
	}
	if most > 200<<20 {
		t.Errorf("got %d MB in use, want at most 200", most>>20)
	}
}

// large has the tests of what memory is bounded run in full: a million connections, a gigabyte. It takes minutes.
func large() bool { return os.Getenv("AKUSHU_LARGE") != "" }

// endless is a source of a connection that was there before, and does not end: records that nobody can open.
type endless struct {
	left   int // bytes
	packet *capture.Packet
	most   uint64
}

func (s *endless) Next() (capture.Item, error) {
	const headers = 14 + 20 + 20
	p := s.packet
	payload := p.Data[headers:]
	if s.left -= len(payload); s.left < 0 {
		return nil, context.Canceled
	}
	if p.Number++; p.Number%4096 == 0 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		s.most = max(s.most, m.HeapAlloc)
	}
	p.Time = start.Add(time.Duration(p.Number) * time.Microsecond)
	seq := binary.BigEndian.Uint32(p.Data[38:])
	binary.BigEndian.PutUint32(p.Data[38:], seq+uint32(len(payload)))
	return p, nil
}

// TestEndlessIsBounded requires a stream that does not end, and cannot be opened, to cost a bounded amount of memory.
func TestEndlessIsBounded(t *testing.T) {
	var file bytes.Buffer
	w, err := capture.NewWriter(&file, capture.Section{})
	check(t, err)
	_, err = w.AddInterface(capture.Interface{LinkType: capture.LinkEthernet})
	check(t, err)
	c, err := capture.NewConversation(w, netip.MustParseAddrPort("192.0.2.1:20000"), netip.MustParseAddrPort("198.51.100.1:443"), start, 0)
	check(t, err)
	record := append([]byte{23, 3, 3, 0x05, 0x00}, make([]byte, 0x500)...) // one in each packet
	check(t, c.Data(true, start, record))
	r, err := capture.NewReader(&file)
	check(t, err)
	var data *capture.Packet
	for data == nil {
		item, err := r.Next()
		check(t, err)
		if p, ok := item.(*capture.Packet); ok && len(p.Data) > len(record) {
			own := *p
			own.Data = bytes.Clone(p.Data)
			data = &own
		}
	}
	src := &endless{left: 64 << 20, packet: data}
	if large() {
		src.left = 1 << 30
	}
	sent, seen := int64(src.left), int64(0)
	_, _ = dissect.Run(context.Background(), src, dissect.Options{Stream: -1, Watch: func(int) func(observe.Event) {
		return func(e observe.Event) {
			if r, ok := e.Body.(*observe.Record); ok {
				seen += int64(r.Length)
			}
		}
	}})
	if seen < sent*9/10 {
		t.Errorf("got records of %d bytes, want nearly %d", seen, sent)
	}
	if src.most > 64<<20 {
		t.Errorf("got %d MB in use, want at most 64", src.most>>20)
	}
}
