package live_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/live"
	"github.com/akushu/akushu/internal/capture/packet"
	"github.com/akushu/akushu/internal/capture/tcp"
	"github.com/akushu/akushu/internal/peer"
)

// open begins a capture. Who may not capture skips the test, but root in CI may.
func open(t *testing.T, name string, o live.Options) *live.Handle {
	t.Helper()
	h, err := live.Open(name, o)
	if _, ok := errors.AsType[*live.PrivilegeError](err); ok && (!peer.Required() || os.Geteuid() != 0) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() { must(t, h.Close()) })
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// heard is what a Sink was told of one connection.
type heard struct {
	bytes  [2]bytes.Buffer
	opened int
	conn   *tcp.Conn
	closed bool
}

func (h *heard) Opened(c *tcp.Conn)                              { h.opened, h.conn = h.opened+1, c }
func (h *heard) Data(_ *tcp.Conn, d tcp.Dir, _ tcp.At, b []byte) { h.bytes[d].Write(b) }
func (h *heard) Gap(_ *tcp.Conn, d tcp.Dir, at tcp.At, n int64) {
	fmt.Fprintf(&h.bytes[d], "[gap of %d]", n)
}
func (h *heard) Event(*tcp.Conn, *tcp.Event)      {}
func (h *heard) Closed(_ *tcp.Conn, r tcp.Reason) { h.closed = r == tcp.ByFIN }

// echo is a server that sends back what it is sent, once.
func echo(t *testing.T, network string) net.Listener {
	t.Helper()
	ln, err := net.Listen(network, map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"}[network])
	if err != nil && network == "tcp6" {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.Copy(c, c) // the client notices
	}()
	return ln
}

// ask sends a message and reads it back.
func ask(address string, message []byte) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	wrote := make(chan error, 1)
	go func() {
		_, err := c.Write(message)
		wrote <- errors.Join(err, c.(*net.TCPConn).CloseWrite())
	}()
	got, err := io.ReadAll(c)
	if !bytes.Equal(got, message) {
		err = errors.Join(err, errors.New("the echo differs"))
	}
	return errors.Join(err, <-wrote)
}

// One connection over loopback comes whole, once, and nothing else does.
func TestCaptureOnLoopback(t *testing.T) {
	for _, network := range []string{"tcp4", "tcp6"} {
		for _, name := range []string{"lo", live.Any} {
			t.Run(network+" "+name, func(t *testing.T) {
				ln := echo(t, network)
				_, port, err := net.SplitHostPort(ln.Addr().String())
				must(t, err)
				h := open(t, name, live.Options{Filter: "tcp port " + port})
				done := make(chan error, 1)
				message := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
				go func() { done <- ask(ln.Addr().String(), message) }()
				var got heard
				listen(t, h, &got)
				must(t, <-done)
				for d := range got.bytes {
					if !bytes.Equal(got.bytes[d].Bytes(), message) {
						t.Errorf("got %d bytes %v, want the %d that were sent", got.bytes[d].Len(), tcp.Dir(d), len(message))
					}
				}
				s := got.conn.Stats // TCP sends things twice and out of order even here, where a machine has much to do
				if got.opened != 1 || !s.SYN || !s.SYNACK || !s.ACK || s.Gaps > 0 {
					t.Errorf("got %d connections, the last with %+v, want one without trouble", got.opened, s)
				}
				stats, err := h.Stats()
				must(t, err)
				if stats.Dropped != 0 || stats.Received < uint64(s.Packets) {
					t.Errorf("got %+v, want none dropped of at least %d", stats, s.Packets)
				}
			})
		}
	}
}

// listen captures until a connection is closed.
func listen(t *testing.T, h *live.Handle, sink *heard) {
	t.Helper()
	decoder, streams := packet.NewDecoder(), tcp.New(sink, tcp.Limits{Lingers: time.Millisecond})
	for !sink.closed {
		p, err := h.Next(time.Minute)
		if sink.conn != nil && sink.conn.Stats.FIN && errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("got no end of the connection")
		}
		must(t, err)
		seen := streams.Add(decoder.Decode(p))
		if c := seen.Conn; c != nil && c.Last.Time.Sub(c.First.Time) < 0 {
			t.Errorf("got time %v before %v", c.Last.Time, c.First.Time)
		}
		for _, e := range seen.Events {
			if e.Kind == tcp.FIN && sink.bytes[0].Len() == sink.bytes[1].Len() {
				streams.Tick(p.Time.Add(time.Second))
			}
		}
	}
}

func TestNextWaits(t *testing.T) {
	h := open(t, "lo", live.Options{Filter: "host 192.0.2.77"})
	for range 2 {
		if _, err := h.Next(time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want %v", err, os.ErrDeadlineExceeded)
		}
	}
	if got := h.Interface(); got.Name != "lo" || got.LinkType != capture.LinkEthernet {
		t.Errorf("got %+v, want lo with Ethernet", got)
	}
}

func TestSnapLen(t *testing.T) {
	ln := echo(t, "tcp4")
	_, port, err := net.SplitHostPort(ln.Addr().String())
	must(t, err)
	h := open(t, "lo", live.Options{Filter: "port " + port, SnapLen: 60})
	must(t, ask(ln.Addr().String(), make([]byte, 1000)))
	for {
		p, err := h.Next(time.Minute)
		must(t, err)
		if len(p.Data) > 60 {
			t.Fatalf("got %d bytes, want 60 at most", len(p.Data))
		}
		if p.Length > 1000 && len(p.Data) == 60 {
			return
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, row := range []struct {
		name, filter, want string
	}{
		{"no-such-interface", "", "no interface is called"},
		{"lo", "port http", "is no port"},
	} {
		h, err := live.Open(row.name, live.Options{Filter: row.filter})
		if _, ok := errors.AsType[*live.PrivilegeError](err); ok {
			t.Skip(err)
		}
		if err == nil {
			must(t, h.Close())
		}
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("got %v, want %q", err, row.want)
		}
	}
}
