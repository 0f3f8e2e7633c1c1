package tls_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/record"
	"github.com/akushu/akushu/tls"
)

// A tape is a connection that plays what was recorded, and records what is written.
type tape struct {
	net.Conn // nil: nothing else is asked of it
	play     *bytes.Reader
	mu       sync.Mutex
	written  bytes.Buffer
	closed   chan struct{}
}

func newTape(play []byte) *tape {
	return &tape{play: bytes.NewReader(play), closed: make(chan struct{})}
}

// Read plays, and a tape without anything on it waits for the end.
func (t *tape) Read(b []byte) (int, error) {
	if t.play.Size() == 0 {
		<-t.closed
	}
	return t.play.Read(b)
}

func (t *tape) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.written.Write(b)
}

func (t *tape) Close() error                     { close(t.closed); return nil }
func (t *tape) SetWriteDeadline(time.Time) error { return nil }

// sticky is a session cache that gives the same session again and again.
type sticky struct {
	atomic.Pointer[tls.ClientSessionState]
}

func (s *sticky) Get(string) (*tls.ClientSessionState, bool) { cs := s.Load(); return cs, cs != nil }
func (s *sticky) Put(_ string, cs *tls.ClientSessionState)   { s.CompareAndSwap(nil, cs) }

// replayer is a client's first flight, and servers that it can be played to.
type replayer struct {
	*earlyPair
	now    atomic.Int64 // the servers' clock and the client's, in milliseconds
	flight []byte
}

func newReplayer(t *testing.T) *replayer {
	r := &replayer{earlyPair: newEarlyPair(t, links[0])}
	r.now.Store(time.Now().UnixMilli())
	clock := func() time.Time { return time.UnixMilli(r.now.Load()) }
	r.client.Time, r.server.Time = clock, clock
	r.client.ClientSessionCache = new(sticky)
	r.server.SetSessionTicketKeys([][32]byte{{1}})
	r.prime(t)
	r.flight = r.record(t)
	return r
}

// record returns what a client sends with its first flight.
func (r *replayer) record(t *testing.T) []byte {
	t.Helper()
	raw := newTape(nil)
	c := tls.Client(raw, r.client)
	if err := c.HandshakeEarly(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "pay!"); err != nil {
		t.Fatal(err)
	}
	c.Close()
	_ = c.Handshake() // waits until the flow has seen it
	return raw.written.Bytes()
}

// restarted is a server that knows what the first one was told, and not what it did.
func (r *replayer) restarted() *tls.Config {
	c := &tls.Config{Certificates: r.server.Certificates, MaxEarlyData: r.server.MaxEarlyData, Time: r.server.Time}
	c.SetSessionTicketKeys([][32]byte{{1}})
	return c
}

// play plays the flight to a server, and reports whether that took the early data.
func (r *replayer) play(server *tls.Config) bool {
	early, _ := tls.Server(newTape(r.flight), server).EarlyData(context.Background())
	if early == nil {
		return false
	}
	b, err := io.ReadAll(early)
	return string(b) == "pay!" && err == io.ErrUnexpectedEOF
}

// playAll plays the flight a thousand times at once, to the servers in turn, and counts how
// often it was taken.
func (r *replayer) playAll(servers ...*tls.Config) int {
	var taken atomic.Int32
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range 1000 {
		done.Go(func() {
			start.Wait()
			if r.play(servers[i%len(servers)]) {
				taken.Add(1)
			}
		})
	}
	start.Done()
	done.Wait()
	return int(taken.Load())
}

// again is a handshake with the same ticket to a server: it resumes whatever becomes of early
// data.
func (r *replayer) again(t *testing.T, server *tls.Config, want, why string) {
	t.Helper()
	p := &earlyPair{client: r.client, server: server, link: links[0]}
	c, done := p.meet(t, "hello")
	if err := c.Handshake(); err != nil || !c.ConnectionState().DidResume {
		t.Errorf("the same ticket: got %v, resumed %v", err, c.ConnectionState().DidResume)
	}
	answer := map[string]string{"accepted": "got hello\nlater", "rejected": "later"}[want]
	c.AcknowledgeRejection()
	saysBack(t, c, "later", answer)
	c.Close()
	if h := <-done; h.info.EarlyData != want || !strings.Contains(h.info.EarlyDataWhy, why) {
		t.Errorf("the same ticket: got %+v, want early data %s, %q", h, want, why)
	}
}

// TestReplayIsTakenOnce plays a first flight 1,000 times at once. Run it with -race.
func TestReplayIsTakenOnce(t *testing.T) {
	r := newReplayer(t)
	if got := r.playAll(r.server); got != 1 {
		t.Errorf("one server: taken %d times, want 1", got)
	}
	r.again(t, r.server, "accepted", "")

	// Processes that share keys and register take it once in all.
	shared := tls.NewEarlyDataRegister(0) // which has the real clock
	r = newReplayer(t)
	var servers []*tls.Config
	for range 4 {
		c := r.restarted()
		c.EarlyDataRegister = shared
		servers = append(servers, c)
	}
	if got := r.playAll(servers...); got != 1 {
		t.Errorf("four servers: taken %d times, want 1", got)
	}
}

// TestReplayAfterRestart plays a first flight that was taken to a server that does not know:
// while it is fresh, and after.
func TestReplayAfterRestart(t *testing.T) {
	r := newReplayer(t)
	if !r.play(r.server) || r.play(r.server) {
		t.Fatal("want it taken, and then not")
	}
	r.now.Add(1)
	server := r.restarted()
	for range 100 {
		if r.play(server) {
			t.Fatalf("taken again after a restart")
		}
		r.now.Add(250)
	}
	r.again(t, server, "accepted", "") // the warm-up is over

	r = newReplayer(t)
	r.now.Add(1)
	r.again(t, r.restarted(), "rejected", "not been up long enough")
}

// TestReplayAfterWindow plays a first flight that nobody saw, too late.
func TestReplayAfterWindow(t *testing.T) {
	r := newReplayer(t)
	r.now.Add(10_000)
	if !r.play(r.server) {
		t.Error("at the end of the window: not taken")
	}
	r = newReplayer(t)
	r.now.Add(10_001)
	if r.play(r.server) {
		t.Error("after the window: taken")
	}
	r.again(t, r.server, "accepted", "")
}

// TestHeadersOfFirstFlight: all records but that of ClientHello say 0x0303, which OpenSSL
// insists on (RFC 9846 §5.1).
func TestHeadersOfFirstFlight(t *testing.T) {
	var got []string
	for flight := newReplayer(t).flight; len(flight) > 0; {
		h := record.ParseHeader(flight)
		got = append(got, fmt.Sprintf("%v %04x", h.Type, uint16(h.Version)))
		flight = flight[record.HeaderLen+h.Length:]
	}
	want := []string{"handshake 0301", "change_cipher_spec 0303", "application_data 0303"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestReplayToServerWithout plays a first flight to a server that takes no early data, as
// captured, and has it answered like any other.
func TestReplayToServerWithout(t *testing.T) {
	r := newReplayer(t)
	server := r.restarted()
	server.MaxEarlyData = 0
	if r.play(server) {
		t.Error("taken")
	}
	r.again(t, server, "rejected", "takes no early data")
}

// TestReplayToConfigsForClients plays a first flight to a server that has another Config for
// each client: they are lent the ticket keys, and take it once in all.
func TestReplayToConfigsForClients(t *testing.T) {
	r := newReplayer(t)
	var others []*tls.Config
	for range 4 {
		others = append(others, &tls.Config{Certificates: r.server.Certificates, MaxEarlyData: r.server.MaxEarlyData, Time: r.server.Time})
	}
	var asked atomic.Int32
	r.server = &tls.Config{Time: r.server.Time, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return others[int(asked.Add(1))%len(others)], nil
	}}
	for range others { // all of them have been there for as long as the ticket
		r.client = r.client.Clone()
		r.client.ClientSessionCache = new(sticky)
		r.prime(t)
	}
	r.flight = r.record(t)
	if got := r.playAll(r.server); got != 1 {
		t.Errorf("taken %d times, want 1", got)
	}
}
