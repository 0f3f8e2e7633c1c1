package tls_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/tls"
)

// countingCache is a server's cache that can be looked into.
type countingCache struct {
	tls.ServerSessionCache
	mu   sync.Mutex
	kept map[string]bool
}

func newCountingCache() *countingCache {
	return &countingCache{ServerSessionCache: tls.NewLRUServerSessionCache(8), kept: map[string]bool{}}
}

func (c *countingCache) Put(ctx context.Context, id, session []byte, expires time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept[string(id)] = true
	return c.ServerSessionCache.Put(ctx, id, session, expires)
}

func (c *countingCache) Remove(ctx context.Context, id []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.kept, string(id))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return c.ServerSessionCache.Remove(ctx, id)
}

func (c *countingCache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.kept)
}

var errDisliked = errors.New("the client does not like it")

// A session that is kept under an ID is forgotten, at both ends, when a fatal alert ends a
// connection of it, and only then (RFC 5246 §7.2.2).
func TestSessionForgottenOnFatalAlert(t *testing.T) {
	garbage := []byte{23, 3, 3, 0, 4, 1, 2, 3, 4}
	for _, tt := range []struct {
		name   string
		second bool // it is the second connection, which resumes the first's session, that this happens to
		ending func(t *testing.T, client, server *tls.Conn)
		keeps  bool
	}{
		{"the server cannot open a record", false, func(t *testing.T, client, server *tls.Conn) {
			client.NetConn().Write(garbage)
			wantFailure(t, server, client)
		}, false},
		{"the client cannot", false, func(t *testing.T, client, server *tls.Conn) {
			server.NetConn().Write(garbage)
			wantFailure(t, client, server)
		}, false},
		{"the server cannot, in a resumed connection", true, func(t *testing.T, client, server *tls.Conn) {
			client.NetConn().Write(garbage)
			wantFailure(t, server, client)
		}, false},
		{"close_notify", false, func(t *testing.T, client, server *tls.Conn) {
			client.Close()
			io.Copy(io.Discard, server)
		}, true},
		{"the network breaks", false, func(t *testing.T, client, server *tls.Conn) {
			client.NetConn().Close()
			io.Copy(io.Discard, server)
		}, true},
		{"a deadline", true, func(t *testing.T, client, server *tls.Conn) {
			server.SetReadDeadline(time.Now())
			io.Copy(io.Discard, server)
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cache := newCountingCache()
			client, server := byID(t, cache)
			if tt.second {
				c, s := join(t, client, server)
				c.Close()
				s.Close()
			}
			c, s := join(t, client, server)
			if got := c.ConnectionState().DidResume; got != tt.second {
				t.Fatalf("resumed %v", got)
			}
			tt.ending(t, c, s)
			c.Close()
			s.Close()
			if kept := cache.len() == 1; kept != tt.keeps {
				t.Errorf("the server keeps the session: %v, want %v", kept, tt.keeps)
			}
			c, _ = join(t, client, server)
			if got := c.ConnectionState().DidResume; got != tt.keeps {
				t.Errorf("resumed %v, want %v", got, tt.keeps)
			}
		})
	}
}

// A handshake that is to resume a session and fails ends it as well, whoever finds fault.
func TestSessionForgottenInHandshake(t *testing.T) {
	for _, who := range []string{"client", "server"} {
		t.Run(who, func(t *testing.T) {
			cache := newCountingCache()
			client, server := byID(t, cache)
			c, s := join(t, client, server)
			c.Close()
			s.Close()
			picky := map[string]*tls.Config{"client": client, "server": server}
			own := picky[who].Clone()
			own.VerifyConnection = func(tls.ConnectionState) error { return errDisliked }
			picky[who] = own
			rawC, rawS := loopback(t)
			ours := tls.Server(rawS, picky["server"])
			done := make(chan error, 1)
			go func() { done <- ours.Handshake() }()
			err := tls.Client(rawC, picky["client"]).Handshake()
			if serverErr := <-done; serverErr == nil {
				t.Fatalf("client: %v, server: %v, want a failure", err, serverErr)
			}
			if cache.len() != 0 {
				t.Error("the server keeps the session")
			}
		})
	}
}

// byID is two ends that resume by session ID.
func byID(t *testing.T, cache tls.ServerSessionCache) (client, server *tls.Config) {
	t.Helper()
	cert, pool := newCert(t)
	server = &tls.Config{
		Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12, SessionTicketsDisabled: true, ServerSessionCache: cache,
	}
	return &tls.Config{RootCAs: pool, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(8)}, server
}

// join shakes hands.
func join(t *testing.T, client, server *tls.Config) (c, s *tls.Conn) {
	t.Helper()
	rawC, rawS := loopback(t)
	c, s = tls.Client(rawC, client), tls.Server(rawS, server)
	done := make(chan error, 1)
	go func() { done <- s.Handshake() }()
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return c, s
}

// wantFailure has one end find fault with what it reads, and the other hear of it.
func wantFailure(t *testing.T, finds, hears *tls.Conn) {
	t.Helper()
	for _, c := range []*tls.Conn{finds, hears} {
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("got %v, want a fault", err)
		}
	}
}
