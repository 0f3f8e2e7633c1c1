package tls_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/akushu/akushu/tls"
)

// kept is a program's own cache that keeps every session.
type kept struct {
	mu  sync.Mutex
	all []*tls.ClientSessionState
}

func (k *kept) Get(string) (*tls.ClientSessionState, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.all) == 0 {
		return nil, false
	}
	return k.all[len(k.all)-1], true
}

func (k *kept) Put(_ string, s *tls.ClientSessionState) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s == nil {
		k.all = nil
		return
	}
	k.all = append(k.all, s)
}

// TestStoredSessions keeps a client's session as bytes and resumes what was made of them.
func TestStoredSessions(t *testing.T) {
	cert, pool := newCert(t)
	for _, tt := range []struct {
		name    string
		version uint16
		byID    bool
	}{
		{"TLS 1.2 by ID", tls.VersionTLS12, true},
		{"TLS 1.2 by ticket", tls.VersionTLS12, false},
		{"TLS 1.3", tls.VersionTLS13, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := &tls.Config{
				Certificates: []tls.Certificate{cert}, MaxVersion: tt.version, NextProtos: []string{"h2"},
				SessionTicketsDisabled: tt.byID, ServerSessionCache: tls.NewLRUServerSessionCache(0),
			}
			connect := func(cache tls.ClientSessionCache) bool {
				client := &tls.Config{RootCAs: pool, ServerName: "localhost", ClientSessionCache: cache, NextProtos: []string{"h2"}}
				ours := stack{"", func(c net.Conn) conn { return tls.Client(c, client) }, func(c net.Conn) conn { return tls.Server(c, server) }}
				c, _ := talk(t, ours, ours)
				return c.DidResume
			}
			first := new(kept)
			connect(first)
			if len(first.all) != 1 {
				t.Fatalf("got %d sessions, want 1", len(first.all))
			}
			ticket, state, err := first.all[0].ResumptionState()
			if err != nil || (len(ticket) == 0) != tt.byID {
				t.Fatalf("got a ticket of %d bytes, %v", len(ticket), err)
			}
			if got := state.NegotiatedProtocol(); got != "h2" {
				t.Errorf("got protocol %q, want h2", got)
			}
			state.Extra = [][]byte{[]byte("mine")}
			stored, err := state.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			if state, err = tls.ParseSessionState(stored); err != nil || len(state.Extra) != 1 || string(state.Extra[0]) != "mine" {
				t.Fatalf("got %q, %v", state.Extra, err)
			}
			restored, err := tls.NewResumptionState(ticket, state)
			if err != nil {
				t.Fatal(err)
			}
			if !connect(&kept{all: []*tls.ClientSessionState{restored}}) {
				t.Error("the session that was stored was not resumed")
			}
		})
	}
}

func TestBadSessionStates(t *testing.T) {
	first := new(kept)
	_, ours, _ := resumable(t, tls.VersionTLS13)
	cert, pool := newCert(t)
	client := &tls.Config{RootCAs: pool, ServerName: "localhost", ClientSessionCache: first}
	var servers *tls.SessionState
	server := &tls.Config{Certificates: []tls.Certificate{cert}}
	server.WrapSession = func(cs tls.ConnectionState, s *tls.SessionState) ([]byte, error) {
		servers = s
		return server.EncryptTicket(cs, s)
	}
	ours.client = func(c net.Conn) conn { return tls.Client(c, client) }
	ours.server = func(c net.Conn) conn { return tls.Server(c, server) }
	talk(t, ours, ours)
	ticket, state, err := first.all[0].ResumptionState()
	if err != nil {
		t.Fatal(err)
	}
	good, err := state.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"nothing": nil, "cut short": good[:len(good)-1], "too long": append(bytes.Clone(good), 0),
		"another format": append([]byte{99}, good[1:]...), "text": []byte("not a session"),
	} {
		if s, err := tls.ParseSessionState(bad); err == nil || s != nil {
			t.Errorf("%s: got %v, %v, want an error", name, s, err)
		}
	}
	for name, f := range map[string]func() (*tls.ClientSessionState, error){
		"no state":         func() (*tls.ClientSessionState, error) { return tls.NewResumptionState(ticket, nil) },
		"an empty state":   func() (*tls.ClientSessionState, error) { return tls.NewResumptionState(ticket, &tls.SessionState{}) },
		"no ticket":        func() (*tls.ClientSessionState, error) { return tls.NewResumptionState(nil, state) },
		"a server's state": func() (*tls.ClientSessionState, error) { return tls.NewResumptionState(ticket, servers) },
	} {
		if cs, err := f(); err == nil || cs != nil {
			t.Errorf("%s: got %v, %v, want an error", name, cs, err)
		}
	}
	if _, err := (&tls.SessionState{}).Bytes(); err == nil {
		t.Error("an empty state has bytes")
	}
	if _, err := server.EncryptTicket(tls.ConnectionState{}, state); err == nil {
		t.Error("a client's state made a ticket")
	}
	if s, err := server.DecryptTicket([]byte("foreign"), tls.ConnectionState{}); s != nil || err != nil {
		t.Errorf("a foreign ticket: got %v, %v, want nothing", s, err)
	}
}

// A store keeps a server's sessions itself and makes tickets that are keys to them.
type store struct {
	sessions []*tls.SessionState
	wrapErr  error
	asked    func(tls.ConnectionState)
}

func (s *store) wrap(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
	s.asked(cs)
	ss.Extra = append(ss.Extra, []byte("of the store"))
	s.sessions = append(s.sessions, ss)
	return binary.AppendUvarint(nil, uint64(len(s.sessions))), s.wrapErr
}

func (s *store) unwrap(identity []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
	s.asked(cs)
	i, n := binary.Uvarint(identity)
	if n <= 0 || i == 0 || int(i) > len(s.sessions) {
		return nil, nil
	}
	return s.sessions[i-1], nil
}

// TestWrapSession has a program keep the sessions of its server: each can be resumed many
// times, and what the hooks say counts.
func TestWrapSession(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cert, pool := newCert(t)
		s := &store{asked: func(cs tls.ConnectionState) {
			if cs.ServerName != "localhost" || cs.Version != version || cs.HandshakeComplete {
				t.Errorf("asked about %q, %#x, %v", cs.ServerName, cs.Version, cs.HandshakeComplete)
			}
		}}
		server := &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version, WrapSession: s.wrap, UnwrapSession: s.unwrap}
		first := new(kept)
		client := &tls.Config{RootCAs: pool, ServerName: "localhost", ClientSessionCache: first}
		ours := stack{"", func(c net.Conn) conn { return tls.Client(c, client) }, func(c net.Conn) conn { return tls.Server(c, server) }}
		talk(t, ours, ours)
		for range 3 { // always the first one
			first.all = first.all[:1]
			if c, _ := talk(t, ours, ours); !c.DidResume {
				t.Errorf("%s: not resumed", tls.VersionName(version))
			}
		}
		s.sessions = nil
		if c, _ := talk(t, ours, ours); c.DidResume {
			t.Errorf("%s: resumed a session that is gone", tls.VersionName(version))
		}
	}
}

// TestWrapSessionFails: an error of either hook ends the handshake, as in crypto/tls.
func TestWrapSessionFails(t *testing.T) {
	broken := errors.New("the store is broken")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for name, change := range map[string]func(*tls.Config){
			"wrap": func(c *tls.Config) {
				c.WrapSession = func(tls.ConnectionState, *tls.SessionState) ([]byte, error) { return nil, broken }
			},
			"unwrap": func(c *tls.Config) {
				c.UnwrapSession = func([]byte, tls.ConnectionState) (*tls.SessionState, error) { return nil, broken }
			},
			"an empty ticket": func(c *tls.Config) {
				c.WrapSession = func(tls.ConnectionState, *tls.SessionState) ([]byte, error) { return []byte{}, nil }
			},
			"no session": func(c *tls.Config) {
				c.UnwrapSession = func([]byte, tls.ConnectionState) (*tls.SessionState, error) { return &tls.SessionState{}, nil }
			},
		} {
			_, ours, server := resumable(t, version)
			talk(t, ours, ours)
			hooked := server.Clone()
			change(hooked)
			if hooked.WrapSession != nil { // only a new session is wrapped in TLS 1.2
				hooked.SetSessionTicketKeys([][32]byte{{7}})
			}
			rawC, rawS := loopback(t)
			cc, sc := ours.client(rawC), tls.Server(rawS, hooked)
			go func() { _, _ = cc.Read(make([]byte, 1)) }()
			if err := sc.Handshake(); err == nil || name == "wrap" && !errors.Is(err, broken) {
				t.Errorf("%s, %s: got %v", tls.VersionName(version), name, err)
			}
			cc.Close()
			sc.Close()
		}
	}
}

// TestNoTicket: WrapSession may decide that a client gets no ticket.
func TestNoTicket(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		_, ours, server := resumable(t, version)
		server.WrapSession = func(tls.ConnectionState, *tls.SessionState) ([]byte, error) { return nil, nil }
		for range 2 {
			if c, s := talk(t, ours, ours); c.DidResume || s.DidResume {
				t.Errorf("%s: a session was resumed without a ticket", tls.VersionName(version))
			}
		}
	}
}

// TestNewConfigForEachClient: configurations that are made anew for each client share the
// ticket keys of the one that makes them, unless they have their own.
func TestNewConfigForEachClient(t *testing.T) {
	cert, pool := newCert(t)
	made := byte(0)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for name, tt := range map[string]struct {
			change func(*tls.Config)
			resume bool
		}{
			"shared":          {func(*tls.Config) {}, true},
			"keys of its own": {func(c *tls.Config) { c.SetSessionTicketKeys([][32]byte{{2}}) }, true},
			"other keys":      {func(c *tls.Config) { made++; c.SetSessionTicketKeys([][32]byte{{3, made}}) }, false},
			"disabled":        {func(c *tls.Config) { c.SessionTicketsDisabled = true }, false},
		} {
			server := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
				c := &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version}
				tt.change(c)
				return c, nil
			}}
			server.SetSessionTicketKeys([][32]byte{{1}})
			client := &tls.Config{RootCAs: pool, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(0)}
			ours := stack{"", func(c net.Conn) conn { return tls.Client(c, client) }, func(c net.Conn) conn { return tls.Server(c, server) }}
			talk(t, ours, ours)
			if c, s := talk(t, ours, ours); c.DidResume != tt.resume || s.DidResume != tt.resume {
				t.Errorf("%s, %s: resumed %v and %v, want %v", tls.VersionName(version), name, c.DidResume, s.DidResume, tt.resume)
			}
		}
	}
}
