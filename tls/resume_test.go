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
func resumable(t *testing.T) (theirs, ours stack, server *tls.Config) {
	t.Helper()
	cert, pool := newCert(t)
	stdConfig := &std.Config{
		Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost",
		MinVersion: tls.VersionTLS13, ClientSessionCache: std.NewLRUClientSessionCache(8),
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost",
		MinVersion: tls.VersionTLS13, ClientSessionCache: tls.NewLRUClientSessionCache(8),
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

// TestResumption resumes a session of TLS 1.3, many times over, between every two stacks of
// which one is ours.
func TestResumption(t *testing.T) {
	theirs, ours, _ := resumable(t)
	for _, tt := range []struct{ client, server stack }{{ours, ours}, {ours, theirs}, {theirs, ours}} {
		t.Run(fmt.Sprintf("%s to %s", tt.client.name, tt.server.name), func(t *testing.T) {
			for i := range 4 {
				c, s := talk(t, tt.client, tt.server)
				if want := i > 0; c.DidResume != want || s.DidResume != want {
					t.Errorf("connection %d: resumed %v and %v, want %v", i, c.DidResume, s.DidResume, want)
				}
				if len(c.PeerCertificates) != 1 || len(c.VerifiedChains) != 1 {
					t.Errorf("connection %d: %d certificates, %d chains", i, len(c.PeerCertificates), len(c.VerifiedChains))
				}
			}
		})
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
			_, ours, server := resumable(t)
			server.SetSessionTicketKeys([][32]byte{{9}})
			talk(t, ours, ours)
			tt.change(server)
			c, s := talk(t, ours, ours)
			if c.DidResume != tt.resume || s.DidResume != tt.resume {
				t.Errorf("resumed %v and %v, want %v", c.DidResume, s.DidResume, tt.resume)
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
	_, ours, server := resumable(t)
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
	_, ours, config := resumable(t)
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
