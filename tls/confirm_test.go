package tls_test

import (
	"context"
	std "crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/tls"
)

// briefly is a context that ends, for what should not come: long enough for a peer that is there.
func briefly(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// confirmation is one server, and what ConfirmHandshake says of it.
type confirmation struct {
	name    string
	version uint16
	server  func(*testing.T, net.Conn) conn
	then    string // what the server says behind the handshake; "": nothing
	want    string // of ConfirmHandshake's error; "": nil
	read    string // what the next Read says; "" where there is nothing
}

// confirmations are servers that refuse our client's certificate or do not, and that say
// different things first.
func confirmations(t *testing.T) (all []confirmation, client *tls.Config) {
	cert, pool := newCert(t)
	_, others := newCert(t)
	client = &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost"}
	client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	akushu := func(change func(*tls.Config)) func(*testing.T, net.Conn) conn {
		return func(_ *testing.T, raw net.Conn) conn {
			cfg := &tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: pool}
			change(cfg)
			return tls.Server(raw, cfg)
		}
	}
	theirs := func(change func(*std.Config)) func(*testing.T, net.Conn) conn {
		return func(_ *testing.T, raw net.Conn) conn {
			cfg := &std.Config{Certificates: []tls.Certificate{cert}, ClientCAs: pool}
			change(cfg)
			return std.Server(raw, cfg)
		}
	}
	const unknown = "remote error: tls: unknown certificate authority"
	return []confirmation{
		{"akushu takes it", tls.VersionTLS13, akushu(func(c *tls.Config) { c.ClientAuth = tls.RequireAndVerifyClientCert }), "", "", ""},
		{"akushu takes it and speaks", tls.VersionTLS13, akushu(func(c *tls.Config) { c.ClientAuth = tls.RequireAndVerifyClientCert }), "hello", "", "hello"},
		{"akushu refuses it", tls.VersionTLS13, akushu(func(c *tls.Config) {
			c.ClientAuth, c.ClientCAs = tls.VerifyClientCertIfGiven, others
		}), "", unknown, unknown},
		{"akushu asks nothing", tls.VersionTLS13, akushu(func(*tls.Config) {}), "hello", tls.ErrNotConfirmed.Error(), "hello"},
		{"akushu gives no tickets and speaks", tls.VersionTLS13, akushu(func(c *tls.Config) {
			c.ClientAuth, c.SessionTicketsDisabled = tls.RequireAnyClientCert, true
		}), "hello", tls.ErrNotConfirmed.Error(), "hello"},
		{"akushu gives no tickets and is silent", tls.VersionTLS13, akushu(func(c *tls.Config) {
			c.ClientAuth, c.SessionTicketsDisabled = tls.RequireAnyClientCert, true
		}), "", context.DeadlineExceeded.Error(), ""},
		{"akushu, TLS 1.2", tls.VersionTLS12, akushu(func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }), "", "", ""},
		{"crypto/tls takes it", tls.VersionTLS13, theirs(func(c *std.Config) { c.ClientAuth = tls.RequireAndVerifyClientCert }), "", "", ""},
		{"crypto/tls refuses it", tls.VersionTLS13, theirs(func(c *std.Config) {
			c.ClientAuth, c.ClientCAs = tls.VerifyClientCertIfGiven, others
		}), "", unknown, unknown},
		{"crypto/tls asks nothing", tls.VersionTLS13, theirs(func(*std.Config) {}), "hello", tls.ErrNotConfirmed.Error(), "hello"},
		{"crypto/tls, TLS 1.2", tls.VersionTLS12, theirs(func(c *std.Config) { c.ClientAuth = tls.RequireAnyClientCert }), "", "", ""},
	}, client
}

// TestConfirmHandshake learns at once whether a server accepts a certificate, and loses nothing
// of what the server says.
func TestConfirmHandshake(t *testing.T) {
	all, config := confirmations(t)
	for _, tt := range all {
		for _, l := range links {
			t.Run(tt.name+"/"+l.name, func(t *testing.T) {
				rawC, rawS := l.join(t)
				cfg := config.Clone()
				cfg.MaxVersion = tt.version
				client, server := tls.Client(rawC, cfg), tt.server(t, rawS)
				served := make(chan struct{})
				go func() {
					defer close(served)
					if server.Handshake() == nil {
						_, _ = io.WriteString(server, tt.then)
					}
				}()
				ctx := context.Background()
				if tt.want == context.DeadlineExceeded.Error() {
					ctx = briefly(t)
				}
				if got := fmt.Sprint(client.ConfirmHandshake(ctx)); got != orNil(tt.want) {
					t.Errorf("got %s, want %s", got, orNil(tt.want))
				}
				<-served
				if tt.read == "" {
					return
				}
				buf := make([]byte, 16)
				n, err := client.Read(buf)
				if got := string(buf[:n]); got != tt.read && fmt.Sprint(err) != tt.read {
					t.Errorf("Read: got %q, %v, want %q", got, err, tt.read)
				}
				client.Close()
				server.Close()
			})
		}
	}
}

func orNil(s string) string {
	if s == "" {
		return "<nil>"
	}
	return s
}

// TestConfirmServer finds a server's handshake confirmed by its end.
func TestConfirmServer(t *testing.T) {
	_, ours := stacks(t, tls.VersionTLS13)
	_, server := shaken(t, links[0], ours, ours)
	if err := server.(*tls.Conn).ConfirmHandshake(context.Background()); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

// TestConfirmResumed12 takes data as proof where a session of TLS 1.2 is resumed: the server has
// none to send before it has the client's Finished.
func TestConfirmResumed12(t *testing.T) {
	_, ours, _ := resumable(t, tls.VersionTLS12)
	talk(t, ours, ours)
	client, server := shaken(t, links[0], ours, ours)
	if !client.ConnectionState().DidResume {
		t.Fatal("the session was not resumed")
	}
	c := client.(*tls.Conn)
	if err := c.ConfirmHandshake(briefly(t)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("before data: got %v, want %v", err, context.DeadlineExceeded)
	}
	if _, err := server.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := c.ConfirmHandshake(context.Background()); err != nil {
		t.Errorf("behind data: got %v, want nil", err)
	}
	buf := make([]byte, 16)
	if n, err := c.Read(buf); string(buf[:n]) != "hello" {
		t.Errorf("Read: got %q, %v", buf[:n], err)
	}
}

// TestConfirmBesideRead waits for a confirmation while a Read waits for data: the Read goes on
// afterwards.
func TestConfirmBesideRead(t *testing.T) {
	for _, tt := range []struct {
		name    string
		tickets bool
		want    error
	}{{"confirmed", true, nil}, {"ended", false, context.DeadlineExceeded}} {
		t.Run(tt.name, func(t *testing.T) {
			cert, pool := newCert(t)
			rawC, rawS := loopback(t)
			client := tls.Client(rawC, &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost"})
			server := tls.Server(rawS, &tls.Config{
				Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert, SessionTicketsDisabled: !tt.tickets,
			})
			shook := make(chan error, 1)
			go func() { shook <- client.Handshake() }()
			if err := server.Handshake(); err != nil || <-shook != nil {
				t.Fatal(err)
			}
			read := make(chan string, 1)
			go func() {
				buf := make([]byte, 16)
				n, err := client.Read(buf)
				read <- fmt.Sprint(string(buf[:n]), err)
			}()
			ctx := context.Background()
			if tt.want != nil {
				ctx = briefly(t)
			}
			if err := client.ConfirmHandshake(ctx); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if _, err := server.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			if got := <-read; got != "hello<nil>" {
				t.Errorf("Read: got %s, want hello", got)
			}
			client.Close()
		})
	}
}

// TestConfirmKeepsDeadlines has the user's deadlines hold beside the context's end, and behind
// it.
func TestConfirmKeepsDeadlines(t *testing.T) {
	_, ours := stacks(t, tls.VersionTLS13)
	for _, set := range []func(conn, time.Time) error{conn.SetReadDeadline, conn.SetDeadline} {
		client, server := shaken(t, links[0], ours, ours)
		c := client.(*tls.Conn)
		if err := c.ConfirmHandshake(briefly(t)); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want the context's error", err)
		}
		if err := set(c, time.Now().Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := c.ConfirmHandshake(context.Background()); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want %v", err, os.ErrDeadlineExceeded)
		}
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		if err := c.ConfirmHandshake(ended); err == nil {
			t.Error("got nil, want an error")
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read: got %v, want the user's deadline", err)
		}
		if err := set(c, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if err := c.ConfirmHandshake(context.Background()); err != tls.ErrNotConfirmed {
			t.Errorf("got %v, want %v", err, tls.ErrNotConfirmed)
		}
	}
}

// TestConfirmFails passes on what ends the connection.
func TestConfirmFails(t *testing.T) {
	_, ours := stacks(t, tls.VersionTLS13)
	client, server := shaken(t, links[0], ours, ours)
	server.Close()
	if err := client.(*tls.Conn).ConfirmHandshake(context.Background()); err != io.EOF {
		t.Errorf("closed: got %v, want %v", err, io.EOF)
	}
	raw, other := loopback(t)
	other.Close()
	_, config := confirmations(t)
	err := tls.Client(raw, config).ConfirmHandshake(context.Background())
	if err == nil || strings.Contains(err.Error(), "confirm") {
		t.Errorf("no handshake: got %v, want its error", err)
	}
}
