package tls_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/tls"
)

// earlyPair is a client and a server that can do early data.
type earlyPair struct {
	client, server *tls.Config
	link           link
}

func newEarlyPair(t *testing.T, l link) *earlyPair {
	t.Helper()
	cert, pool := newCert(t)
	return &earlyPair{
		client: &tls.Config{RootCAs: pool, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(8)},
		server: &tls.Config{Certificates: []tls.Certificate{cert}, MaxEarlyData: 1000},
		link:   l,
	}
}

// prime shakes hands once, so that the client has a ticket.
func (p *earlyPair) prime(t *testing.T) {
	t.Helper()
	talk(t, stack{"akushu", func(c net.Conn) conn { return tls.Client(c, p.client) }, nil},
		stack{"akushu", nil, func(c net.Conn) conn { return tls.Server(c, p.server) }})
}

// heard is what a server was told, and what became of it.
type heard struct {
	early string
	info  tls.Info
	err   error
}

// hear serves one connection: it answers early data at once, and then echoes a line.
func (p *earlyPair) hear(c net.Conn) heard {
	var h heard
	s := tls.Server(c, p.server)
	early, err := s.EarlyData(context.Background())
	if err != nil {
		return heard{err: err}
	}
	if early != nil {
		b, err := io.ReadAll(early)
		if h.early = string(b); err != nil {
			h.err = err
			return h
		}
		if _, h.err = io.WriteString(early, "got "+h.early+"\n"); h.err != nil {
			return h
		}
	}
	if h.err = s.Handshake(); h.err != nil {
		return h
	}
	h.info, _ = s.Info()
	_, h.err = io.Copy(s, s)
	return h
}

// meet runs a server's end, after the client has written early, and the client's end to the
// end of the handshake. The server's clock may be told.
func (p *earlyPair) meet(t *testing.T, early ...string) (*tls.Conn, <-chan heard) {
	t.Helper()
	rawC, rawS := p.link.join(t)
	c := tls.Client(rawC, p.client)
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if err := c.HandshakeEarly(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, s := range early {
		if n, err := io.WriteString(c, s); n != len(s) || err != nil {
			t.Fatal(n, err)
		}
	}
	done := make(chan heard, 1)
	go func() { done <- p.hear(rawS) }()
	return c, done
}

// saysBack writes a line, which the server sends back, after what it said before.
func saysBack(t *testing.T, c *tls.Conn, line, want string) {
	t.Helper()
	if _, err := io.WriteString(c, line); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// onLinks runs a test on watched connections and on others.
func onLinks(t *testing.T, test func(*testing.T, *earlyPair)) {
	for _, l := range links {
		t.Run(l.name, func(t *testing.T) {
			p := newEarlyPair(t, l)
			p.prime(t)
			test(t, p)
		})
	}
}

// TestEarlyData has the server answer before the handshake is complete.
func TestEarlyData(t *testing.T) {
	onLinks(t, func(t *testing.T, p *earlyPair) {
		rawC, rawS := p.link.join(t)
		c, s := tls.Client(rawC, p.client), tls.Server(rawS, p.server)
		defer c.Close()
		if err := c.HandshakeEarly(context.Background()); err != nil {
			t.Fatal(err)
		}
		if state := c.ConnectionState(); state.HandshakeComplete || !state.DidResume || state.Version != tls.VersionTLS13 {
			t.Errorf("before the server's answer: got %+v", state)
		}
		for _, part := range []string{"hello", " early", " world"} {
			if n, err := io.WriteString(c, part); n != len(part) || err != nil {
				t.Fatal(n, err)
			}
		}
		early, err := s.EarlyData(context.Background())
		if err != nil || early == nil {
			t.Fatal(early, err)
		}
		if state := s.ConnectionState(); !state.DidResume || state.ServerName != "localhost" {
			t.Errorf("before the client's end: got %+v", state)
		}
		if _, err := io.WriteString(early, "at once"); err != nil {
			t.Fatal(err)
		}
		done := make(chan string, 1)
		go func() {
			b, err := io.ReadAll(early)
			done <- fmt.Sprint(string(b), err)
		}()
		got := make([]byte, len("at once"))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != "at once" {
			t.Errorf("got %q, %v", got, err)
		}
		if told := <-done; told != "hello early world<nil>" {
			t.Errorf("got %q", told)
		}
		if _, err := io.WriteString(early, "and later"); err != nil { // as by Write
			t.Error(err)
		}
		for _, conn := range []*tls.Conn{c, s} {
			if err := conn.Handshake(); err != nil {
				t.Error(err)
			}
			info, _ := conn.Info()
			if info.EarlyData != "accepted" || info.EarlyDataWhy != "" {
				t.Errorf("got %q, %q, want it accepted", info.EarlyData, info.EarlyDataWhy)
			}
		}
	})
}

// TestEarlyDataIsRead has a server read early data, and then what comes later.
func TestEarlyDataIsRead(t *testing.T) {
	onLinks(t, func(t *testing.T, p *earlyPair) {
		c, done := p.meet(t, "hello", " world")
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		saysBack(t, c, "later", "got hello world\nlater")
		c.Close()
		if h := <-done; h.early != "hello world" || h.err != nil || h.info.EarlyData != "accepted" {
			t.Errorf("got %+v", h)
		}
	})
}

// TestEarlyDataRejected has a server reject early data for one reason or other: the handshake
// goes on without it, and the client must take note.
func TestEarlyDataRejected(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*earlyPair)
		why    string
		resume bool
	}{
		{"off", func(p *earlyPair) { p.server.MaxEarlyData = 0 }, "takes no early data", true},
		{"less than the ticket allows", func(p *earlyPair) { p.server.MaxEarlyData = 999 }, "more early data than", true},
		{"another protocol", func(p *earlyPair) { p.server.NextProtos = []string{"b"}; p.client.NextProtos = []string{"b"} }, "no PSK was selected", false},
		{"other ticket keys", func(p *earlyPair) { p.server.SetSessionTicketKeys([][32]byte{{7}}) }, "no PSK was selected", false},
		{"no tickets", func(p *earlyPair) { p.server.SessionTicketsDisabled = true }, "no PSK was selected", false},
		{"HelloRetryRequest", func(p *earlyPair) { p.server.CurvePreferences = []tls.CurveID{tls.CurveP256} }, "second ClientHello", true},
		{"stale", func(p *earlyPair) { p.server.Time = func() time.Time { return time.Now().Add(time.Minute) } }, "older than the window", true},
		{"from the future", func(p *earlyPair) { p.server.Time = func() time.Time { return time.Now().Add(-11 * time.Second) } }, "from the future", true},
		{"a wider window", func(p *earlyPair) {
			p.server.Time = func() time.Time { return time.Now().Add(time.Minute) }
			p.server.EarlyDataWindow = 2 * time.Minute
		}, "have to be remembered for longer", true},
		{"a register that fails", func(p *earlyPair) { p.server.EarlyDataRegister = brokenRegister{} }, "failed: broken", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			onLinks(t, func(t *testing.T, p *earlyPair) {
				p.server, p.client = p.server.Clone(), p.client.Clone()
				row.change(p)
				c, done := p.meet(t, "hello", " world")
				if err := c.Handshake(); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if n, err := c.Write([]byte("x")); n != 0 || err != tls.ErrEarlyDataRejected {
						t.Errorf("Write: got %d, %v", n, err)
					}
					if n, err := c.Read(make([]byte, 1)); n != 0 || err != tls.ErrEarlyDataRejected {
						t.Errorf("Read: got %d, %v", n, err)
					}
				}
				if lost := c.AcknowledgeRejection(); lost != 11 {
					t.Errorf("got %d bytes lost, want 11", lost)
				}
				if lost := c.AcknowledgeRejection(); lost != 0 {
					t.Errorf("got %d bytes lost again", lost)
				}
				saysBack(t, c, "later", "later")
				if info, _ := c.Info(); info.EarlyData != "rejected" || c.ConnectionState().DidResume != row.resume {
					t.Errorf("client: got %+v, resumed %v", info, c.ConnectionState().DidResume)
				}
				c.Close()
				h := <-done
				if h.early != "" || h.err != nil || h.info.EarlyData != "rejected" || !strings.Contains(h.info.EarlyDataWhy, row.why) {
					t.Errorf("got %+v, want %q", h, row.why)
				}
			})
		})
	}
}

type brokenRegister struct{}

func (brokenRegister) Claim(context.Context, [32]byte, time.Time) (bool, error) {
	return true, errors.New("broken")
}

// TestEarlyDataNotAskedFor: a server that does not know of early data never takes it for other
// data.
func TestEarlyDataNotAskedFor(t *testing.T) {
	onLinks(t, func(t *testing.T, p *earlyPair) {
		rawC, rawS := p.link.join(t)
		c, s := tls.Client(rawC, p.client), tls.Server(rawS, p.server)
		defer c.Close()
		if err := c.HandshakeEarly(context.Background()); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "hello"); err != nil {
			t.Fatal(err)
		}
		go io.Copy(s, s)
		if _, err := c.Read(make([]byte, 1)); err != tls.ErrEarlyDataRejected {
			t.Errorf("got %v", err)
		}
		c.AcknowledgeRejection()
		saysBack(t, c, "later", "later")
	})
}

// TestEarlyDataUnread: other data is not read before early data is.
func TestEarlyDataUnread(t *testing.T) {
	p := newEarlyPair(t, links[0])
	p.prime(t)
	rawC, rawS := p.link.join(t)
	c, s := tls.Client(rawC, p.client), tls.Server(rawS, p.server)
	if err := c.HandshakeEarly(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	early, err := s.EarlyData(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := s.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "EarlyData") {
		t.Errorf("got %v, want an error that says what to read first", err)
	}
	if b, err := io.ReadAll(early); string(b) != "hello" || err != nil {
		t.Errorf("got %q, %v", b, err)
	}
	if _, err := s.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v, want the end", err)
	}
}

// TestEarlyDataReplayed has a client send again what was rejected, because it was told to.
func TestEarlyDataReplayed(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*earlyPair)
		again  bool
	}{
		{"off", func(p *earlyPair) { p.server.MaxEarlyData = 0 }, true},
		{"HelloRetryRequest", func(p *earlyPair) { p.server.CurvePreferences = []tls.CurveID{tls.CurveP256} }, true},
		{"another protocol", func(p *earlyPair) { p.server.NextProtos = []string{"a"}; p.client.NextProtos = []string{"a"} }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			onLinks(t, func(t *testing.T, p *earlyPair) {
				p.server, p.client = p.server.Clone(), p.client.Clone()
				p.client.ReplayEarlyData = true
				row.change(p)
				c, done := p.meet(t, "hello", " world")
				if row.again {
					saysBack(t, c, "later", "hello worldlater")
				} else if _, err := c.Read(make([]byte, 1)); err != tls.ErrEarlyDataRejected {
					t.Errorf("got %v", err)
				}
				c.Close()
				if h := <-done; h.early != "" || h.err != nil || h.info.EarlyData != "rejected" {
					t.Errorf("got %+v", h)
				}
			})
		})
	}
}

// TestEarlyDataLimit writes up to what the ticket allows: what does not fit goes out after the
// handshake, as a whole.
func TestEarlyDataLimit(t *testing.T) {
	onLinks(t, func(t *testing.T, p *earlyPair) {
		rawC, rawS := p.link.join(t)
		c := tls.Client(rawC, p.client)
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		if err := c.HandshakeEarly(context.Background()); err != nil {
			t.Fatal(err)
		}
		early := strings.Repeat("a", 990)
		if _, err := io.WriteString(c, early); err != nil {
			t.Fatal(err)
		}
		written := make(chan error, 1)
		go func() { // 11 bytes, where 10 are left
			_, err := io.WriteString(c, "hello world")
			written <- err
		}()
		done := make(chan heard, 1)
		go func() { done <- p.hear(rawS) }()
		if err := <-written; err != nil {
			t.Fatal(err)
		}
		saysBack(t, c, "!", "got "+early+"\nhello world!")
		c.Close()
		if h := <-done; h.early != early || h.err != nil {
			t.Errorf("got %d bytes, %v", len(h.early), h.err)
		}
	})
}

// TestDialEarly: without a session it is Dial, and the next one is early.
func TestDialEarly(t *testing.T) {
	p := newEarlyPair(t, links[0])
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	done := make(chan heard, 2)
	go func() {
		for range 2 {
			if c, err := ln.Accept(); err == nil {
				done <- p.hear(c)
			}
		}
	}()
	for i, want := range []string{"none", "accepted"} {
		c, err := tls.DialEarly("tcp", ln.Addr().String(), p.client)
		if err != nil {
			t.Fatal(err)
		}
		if complete := c.ConnectionState().HandshakeComplete; i == 0 && !complete {
			t.Error("without a session: got back before the handshake was complete")
		}
		if _, err := io.WriteString(c, "hello\n"); err != nil {
			t.Fatal(err)
		}
		// All of the answer, which is as long where the server was quicker than the early data.
		if _, err := io.ReadFull(c, make([]byte, [...]int{len("hello\n"), len("got hello\n\n")}[i])); err != nil {
			t.Fatal(err)
		}
		c.Close()
		if h := <-done; h.err != nil || i == 0 && h.info.EarlyData != want {
			t.Errorf("connection %d: got %+v, want %s", i, h, want)
		}
	}
}

// TestEarlyMisuse calls each end's method at the other.
func TestEarlyMisuse(t *testing.T) {
	p := newEarlyPair(t, links[0])
	rawC, rawS := p.link.join(t)
	if _, err := tls.Client(rawC, p.client).EarlyData(context.Background()); err == nil {
		t.Error("EarlyData at a client: got no error")
	}
	if err := tls.Server(rawS, p.server).HandshakeEarly(context.Background()); err == nil {
		t.Error("HandshakeEarly at a server: got no error")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := tls.Client(rawC, p.client).HandshakeEarly(ctx); err != context.Canceled {
		t.Errorf("a context that has ended: got %v", err)
	}
}
