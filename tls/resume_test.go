package tls_test

import (
	"bytes"
	std "crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/observe"
	"github.com/akushu/akushu/tls"
)

// resumable returns the two stacks with a session cache each, and our server's
// configuration.
func resumable(t *testing.T, version uint16) (theirs, ours stack, server *tls.Config) {
	t.Helper()
	cert, pool := newCert(t)
	stdConfig := &std.Config{
		Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost",
		MinVersion: version, MaxVersion: version, ClientSessionCache: std.NewLRUClientSessionCache(8),
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost",
		MinVersion: version, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(8),
	}
	theirs = stack{
		"crypto/tls",
		func(c net.Conn) conn { return std.Client(c, stdConfig) },
		func(c net.Conn) conn { return std.Server(c, stdConfig) },
	}
	ours = stack{
		"akushu",
		func(c net.Conn) conn { return tls.Client(c, config) },
		func(c net.Conn) conn { return tls.Server(c, config) },
	}
	return theirs, ours, config
}

// talk shakes hands, says a word in each direction, so that tickets are read, and reports
// whether each end resumed.
func talk(t *testing.T, c, s stack) (client, server tls.ConnectionState) {
	t.Helper()
	cc, sc := shaken(t, links[1], c, s)
	done := make(chan error, 1)
	go func() {
		_, err := io.CopyN(sc, sc, 5)
		done <- err
	}()
	if _, err := cc.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	echo := make([]byte, 5)
	if _, err := io.ReadFull(cc, echo); err != nil || !bytes.Equal(echo, []byte("hello")) {
		t.Fatalf("got %q, %v", echo, err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	client, server = cc.ConnectionState(), sc.ConnectionState()
	cc.Close()
	sc.Close()
	return client, server
}

// TestResumption resumes a session, many times over, between every two stacks of which one is
// ours.
func TestResumption(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		theirs, ours, _ := resumable(t, version)
		for _, tt := range []struct{ client, server stack }{{ours, ours}, {ours, theirs}, {theirs, ours}} {
			t.Run(fmt.Sprintf("%s/%s to %s", tls.VersionName(version), tt.client.name, tt.server.name), func(t *testing.T) {
				wantResumed(t, tt.client, tt.server)
			})
		}
	}
}

// wantResumed connects again and again, and wants every session but the first resumed.
func wantResumed(t *testing.T, client, server stack) {
	t.Helper()
	for i := range 4 {
		c, s := talk(t, client, server)
		if want := i > 0; c.DidResume != want || s.DidResume != want {
			t.Errorf("connection %d: resumed %v and %v, want %v", i, c.DidResume, s.DidResume, want)
		}
		if len(c.PeerCertificates) != 1 || len(c.VerifiedChains) != 1 {
			t.Errorf("connection %d: %d certificates, %d chains", i, len(c.PeerCertificates), len(c.VerifiedChains))
		}
		if c.CurveID != s.CurveID || c.CurveID == 0 || c.CipherSuite != s.CipherSuite {
			t.Errorf("connection %d: %v and %v, %#x and %#x", i, c.CurveID, s.CurveID, c.CipherSuite, s.CipherSuite)
		}
	}
}

// ownCache is a program's own cache, which keeps one session for each server.
type ownCache map[string]*tls.ClientSessionState

func (c ownCache) Get(key string) (*tls.ClientSessionState, bool) {
	s, ok := c[key]
	return s, ok
}

func (c ownCache) Put(key string, s *tls.ClientSessionState) {
	if s == nil {
		delete(c, key)
		return
	}
	c[key] = s
}

// TestResumptionByID resumes sessions of TLS 1.2 by session ID, without tickets; a program's
// own cache of the client's will do.
func TestResumptionByID(t *testing.T) {
	cert, pool := newCert(t)
	for name, cache := range map[string]tls.ClientSessionCache{"ours": tls.NewLRUClientSessionCache(8), "own": ownCache{}} {
		client := &tls.Config{RootCAs: pool, ServerName: "localhost", ClientSessionCache: cache}
		server := &tls.Config{
			Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12,
			SessionTicketsDisabled: true, ServerSessionCache: tls.NewLRUServerSessionCache(0),
		}
		ours := stack{
			"akushu",
			func(c net.Conn) conn { return tls.Client(c, client) },
			func(c net.Conn) conn { return tls.Server(c, server.Clone()) },
		}
		t.Run(name, func(t *testing.T) { wantResumed(t, ours, ours) })
	}
}

// TestResumed12IsNotForwardSecret: nothing but the session makes the keys.
func TestResumed12IsNotForwardSecret(t *testing.T) {
	_, ours, _ := resumable(t, tls.VersionTLS12)
	for _, want := range []bool{true, false} {
		cc, sc := shaken(t, links[1], ours, ours)
		for _, c := range []conn{cc, sc} {
			info, ok := c.(*tls.Conn).Info()
			if !ok || info.ForwardSecret != want {
				t.Errorf("got forward secret %v, want %v", info.ForwardSecret, want)
			}
		}
		cc.Close()
		sc.Close()
	}
}

// TestTicketsAreOnlyAnOffer has a server that cannot use the client's ticket: that costs a
// full handshake, and nothing else.
func TestTicketsAreOnlyAnOffer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(server *tls.Config)
		resume bool
	}{
		{"nothing changed", func(*tls.Config) {}, true},
		{"other keys", func(c *tls.Config) { c.SetSessionTicketKeys([][32]byte{{1}}) }, false},
		{"another key first", func(c *tls.Config) { c.SetSessionTicketKeys([][32]byte{{2}, {9}}) }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				_, ours, server := resumable(t, version)
				server.SetSessionTicketKeys([][32]byte{{9}})
				talk(t, ours, ours)
				tt.change(server)
				c, s := talk(t, ours, ours)
				if c.DidResume != tt.resume || s.DidResume != tt.resume {
					t.Errorf("%s: resumed %v and %v, want %v", tls.VersionName(version), c.DidResume, s.DidResume, tt.resume)
				}
			}
		})
	}
}

// TestResumeAfterHelloRetry resumes although the client guesses the group wrong.
func TestResumeAfterHelloRetry(t *testing.T) {
	cert, pool := newCert(t)
	server := &tls.Config{Certificates: []tls.Certificate{cert}, CurvePreferences: []tls.CurveID{tls.CurveP256}}
	client := &tls.Config{
		RootCAs: pool, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(1),
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256},
	}
	ours := stack{
		"akushu",
		func(c net.Conn) conn { return tls.Client(c, client) },
		func(c net.Conn) conn { return tls.Server(c, server) },
	}
	talk(t, ours, ours)
	c, s := talk(t, ours, ours)
	if !c.DidResume || !s.DidResume || !c.HelloRetryRequest {
		t.Errorf("resumed %v and %v, retried %v", c.DidResume, s.DidResume, c.HelloRetryRequest)
	}
}

// TestClonesShareTickets: a ticket of a configuration is good for its clone.
func TestClonesShareTickets(t *testing.T) {
	_, ours, server := resumable(t, tls.VersionTLS13)
	clone := server.Clone()
	other := stack{"clone", ours.client, func(c net.Conn) conn { return tls.Server(c, clone) }}
	talk(t, ours, ours)
	if c, _ := talk(t, ours, other); !c.DidResume {
		t.Error("the clone did not take the ticket")
	}
}

// A server acknowledges the name that it is asked for, but not where it resumes a session (RFC
// 6066 §3).
func TestServerNameIsNotAcknowledgedInResumption(t *testing.T) {
	_, ours, config := resumable(t, tls.VersionTLS13)
	var seen []iana.ExtensionType
	tap := observe.NewTap(observe.TapOptions{Sink: func(e observe.Event) {
		m, ok := e.Body.(*observe.Message)
		if !ok || m.Type != "EncryptedExtensions" {
			return
		}
		var ee msg.EncryptedExtensions
		if err := msg.DecodeInto(&ee, &msg.Context{Version: iana.VersionTLS13}, m.Raw); err != nil {
			t.Error(err)
		}
		for _, x := range ee.Extensions.Order {
			seen = append(seen, x.Type)
		}
	}})
	config.KeyLogWriter = tap.KeyLog()
	tapped := ours
	tapped.client = func(c net.Conn) conn { return ours.client(tap.Conn(c, observe.Client, 0)) }
	for _, want := range [][]iana.ExtensionType{{iana.ExtServerName}, nil} {
		seen = nil
		talk(t, tapped, ours)
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("extensions in EncryptedExtensions (-want +got):\n%s", diff)
		}
	}
}

// TestSessionTicketsDisabled has one end do without tickets. Nothing is resumed then.
func TestSessionTicketsDisabled(t *testing.T) {
	cert, pool := newCert(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, off := range []string{"client", "server", ""} {
			client := &tls.Config{
				RootCAs: pool, ServerName: "localhost", MaxVersion: version,
				ClientSessionCache: tls.NewLRUClientSessionCache(8), SessionTicketsDisabled: off == "client",
			}
			server := &tls.Config{Certificates: []tls.Certificate{cert}, SessionTicketsDisabled: off == "server"}
			ours := stack{
				"akushu",
				func(c net.Conn) conn { return tls.Client(c, client) },
				func(c net.Conn) conn { return tls.Server(c, server) },
			}
			talk(t, ours, ours)
			if c, _ := talk(t, ours, ours); c.DidResume != (off == "") {
				t.Errorf("%s, disabled at %q: resumed %v", tls.VersionName(version), off, c.DidResume)
			}
		}
	}
}
