package tls_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/hook"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/record"
	"github.com/akushu/akushu/tls"
)

// changer changes what is written to a connection.
type changer struct {
	net.Conn
	change func([]byte) []byte
}

func (c changer) Write(b []byte) (int, error) {
	if _, err := c.Conn.Write(c.change(bytes.Clone(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// records calls f for each record in b, and puts together what it returns.
func records(b []byte, f func(h record.Header, whole []byte) []byte) (out []byte) {
	for len(b) > 0 {
		h := record.ParseHeader(b)
		n := record.HeaderLen + h.Length
		out, b = append(out, f(h, b[:n])...), b[n:]
	}
	return out
}

// TestEarlyDataFaults has a client get early data wrong that was accepted: who reads it hears
// of it, and the client too.
func TestEarlyDataFaults(t *testing.T) {
	for _, row := range []struct {
		name   string
		setup  func(*tls.ClientSessionState)
		change func() func([]byte) []byte
		say    []string
		alert  string
		read   string // before the end
	}{
		{
			name: "a record that was changed", say: []string{"hello", "world"}, alert: "bad record MAC", read: "hello",
			change: spoilSecond,
		},
		{name: "as much as is allowed", say: []string{strings.Repeat("x", 1000)}, read: strings.Repeat("x", 1000)},
		{
			name: "more than is allowed", say: []string{strings.Repeat("x", 999), "yy"}, alert: "unexpected message", read: strings.Repeat("x", 999),
			setup: func(s *tls.ClientSessionState) { hook.SetMaxEarlyData(s, 1<<20) },
		},
		{
			name: "more than is allowed in one record", say: []string{strings.Repeat("x", 1001)}, alert: "unexpected message",
			setup: func(s *tls.ClientSessionState) { hook.SetMaxEarlyData(s, 1<<20) },
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			onLinks(t, func(t *testing.T, p *earlyPair) {
				if row.setup != nil {
					s, _ := p.client.ClientSessionCache.Get("localhost")
					row.setup(s)
					p.client.ClientSessionCache.Put("localhost", s)
				}
				rawC, rawS := p.link.join(t)
				if row.change != nil {
					rawC = changer{rawC, row.change()}
				}
				c, s := tls.Client(rawC, p.client), tls.Server(rawS, p.server)
				defer c.Close()
				defer s.Close()
				c.SetDeadline(time.Now().Add(20 * time.Second))
				if err := c.HandshakeEarly(context.Background()); err != nil {
					t.Fatal(err)
				}
				for _, say := range row.say {
					if _, err := io.WriteString(c, say); err != nil {
						t.Fatal(err)
					}
				}
				early, err := s.EarlyData(context.Background())
				if err != nil || early == nil {
					t.Fatal(early, err)
				}
				done := make(chan error, 1)
				go func() { done <- c.Handshake() }()
				got, err := io.ReadAll(early)
				theirs := <-done
				if string(got) != row.read {
					t.Errorf("got %d bytes, want %d", len(got), len(row.read))
				}
				if row.alert == "" {
					if err != nil || theirs != nil {
						t.Errorf("got %v and %v", err, theirs)
					}
					return
				}
				if err == nil || s.Handshake() == nil {
					t.Error("the server: got no error")
				}
				if _, rerr := c.Read(make([]byte, 1)); theirs == nil {
					theirs = rerr // the alert came behind the server's Finished
				}
				if theirs == nil || !strings.Contains(theirs.Error(), row.alert) {
					t.Errorf("the client: got %v, want %s", theirs, row.alert)
				}
			})
		})
	}
}

// spoilSecond changes a bit of the second record of early data.
func spoilSecond() func([]byte) []byte {
	n := 0
	return func(b []byte) []byte {
		return records(b, func(h record.Header, whole []byte) []byte {
			if h.Type == 23 {
				if n++; n == 2 {
					whole[len(whole)-1] ^= 1
				}
			}
			return whole
		})
	}
}

// TestEarlyDataIsForNobodyElse: a client that refuses the server of a session sends it nothing.
func TestEarlyDataIsForNobodyElse(t *testing.T) {
	onLinks(t, func(t *testing.T, p *earlyPair) {
		refuse := errors.New("not that one")
		p.client = p.client.Clone()
		asked := 0
		p.client.VerifyConnection = func(s tls.ConnectionState) error {
			if asked++; !s.DidResume || s.HandshakeComplete || len(s.PeerCertificates) != 1 {
				t.Errorf("asked about %+v", s)
			}
			return refuse
		}
		rawC, _ := p.link.join(t)
		c := tls.Client(rawC, p.client)
		defer c.Close()
		if err := c.HandshakeEarly(context.Background()); !errors.Is(err, refuse) || asked != 1 {
			t.Errorf("got %v, asked %d times", err, asked)
		}
		if n, err := io.WriteString(c, "secret"); n != 0 || !errors.Is(err, refuse) || c.EarlyDataLeft() != 0 {
			t.Errorf("Write: got %d, %v", n, err)
		}
	})
}

// TestEarlyWriteIsInterrupted: a server that says why it refuses, and reads no more, is heard
// although a Write of early data waits for it.
func TestEarlyWriteIsInterrupted(t *testing.T) {
	t.Parallel()
	p := newEarlyPair(t, links[0])
	p.prime(t)
	rawC, rawS := net.Pipe() // without room for anything
	defer rawS.Close()
	c := tls.Client(rawC, p.client)
	defer c.Close()
	served := make(chan error, 1)
	go func() {
		header := make([]byte, record.HeaderLen)
		_, err := io.ReadFull(rawS, header)
		if err == nil { // ClientHello, and a byte of what comes behind it
			_, err = io.ReadFull(rawS, make([]byte, record.ParseHeader(header).Length+1))
		}
		if err == nil {
			_, err = rawS.Write([]byte{21, 3, 3, 0, 2, 2, 40})
		}
		served <- err
	}()
	if err := c.HandshakeEarly(context.Background()); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() {
		_, err := c.Write(make([]byte, 1000))
		written <- err
	}()
	if err := c.Handshake(); err == nil || !strings.Contains(err.Error(), "handshake failure") {
		t.Errorf("got %v, want the alert", err)
	}
	if err := <-written; err == nil {
		t.Error("Write: got no error")
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestEarlyClose closes each end at moments of chance, while early data is written, read and
// answered. Nobody is left waiting, and no secret is left.
func TestEarlyClose(t *testing.T) {
	onLinks(t, func(t *testing.T, p *earlyPair) {
		for i := range 40 {
			p.prime(t)
			rawC, rawS := p.link.join(t)
			c, s := tls.Client(rawC, p.client), tls.Server(rawS, p.server)
			if err := c.HandshakeEarly(context.Background()); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					for {
						if _, err := c.Write(make([]byte, 50)); err != nil {
							return
						}
					}
				})
			}
			wg.Go(func() { _, _ = io.Copy(io.Discard, c) })
			wg.Go(func() {
				early, err := s.EarlyData(context.Background())
				if err != nil {
					return
				}
				if early == nil {
					_, _ = io.Copy(s, s)
					return
				}
				both := early.Conn()
				_, _ = io.Copy(both, both)
			})
			first, second := c.Close, s.Close
			if i%2 == 1 {
				first, second = second, first
			}
			time.Sleep(time.Duration(i%20) * 100 * time.Microsecond)
			_ = first()
			time.Sleep(time.Duration(i%7) * 100 * time.Microsecond)
			_ = second()
			wg.Wait()
			_, _ = c.Handshake(), s.Handshake() // until the flows have ended
			after := slices.Concat(secretsOf(c), secretsOf(s))
			kept := secretsOf(p.client.ClientSessionCache) // which the connection has at hand, and are not its own
			after = slices.DeleteFunc(after, func(s keys.Secret) bool {
				return slices.ContainsFunc(kept, func(k keys.Secret) bool { return &k[0] == &s[0] })
			})
			if n := left(after); n != 0 {
				t.Fatalf("got %d secrets that are not zero after Close", n)
			}
		}
	})
}

// TestEarlyWriters has many write at once while the server answers: each Write goes as a
// whole, early or not, and nothing is lost or comes twice.
func TestEarlyWriters(t *testing.T) {
	onLinks(t, func(t *testing.T, p *earlyPair) {
		rawC, rawS := p.link.join(t)
		c, s := tls.Client(rawC, p.client), tls.Server(rawS, p.server)
		defer c.Close()
		defer s.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		if err := c.HandshakeEarly(context.Background()); err != nil {
			t.Fatal(err)
		}
		const writers, size = 26, 97 // of which ten have room
		heard := make(chan string, 1)
		go func() {
			early, err := s.EarlyData(context.Background())
			if err != nil || early == nil {
				heard <- "no early data"
				return
			}
			b := make([]byte, writers*size)
			n, _ := io.ReadFull(early.Conn(), b)
			heard <- string(b[:n])
		}()
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				if n, err := c.Write(bytes.Repeat([]byte{byte('a' + i)}, size)); n != size || err != nil {
					t.Errorf("got %d, %v", n, err)
				}
				if left := c.EarlyDataLeft(); left < 0 || left > 1000 {
					t.Errorf("got room for %d bytes", left)
				}
			})
		}
		wg.Wait()
		got := <-heard
		for i := range writers {
			if want := strings.Repeat(string(rune('a'+i)), size); strings.Count(got, want) != 1 {
				t.Errorf("got %q %d times: %q", want, strings.Count(got, want), got)
			}
		}
	})
}
