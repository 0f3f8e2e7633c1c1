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

// listen accepts TCP connections and has each served by serve, until the test ends.
func listen(t *testing.T, serve func(net.Conn)) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return ln.Addr().String()
}

// TestDial dials servers of all kinds in all ways.
func TestDial(t *testing.T) {
	cert, pool := newCert(t)
	good := listen(t, func(c net.Conn) {
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}})
		_, _ = io.Copy(s, s)
	})
	_, port, _ := net.SplitHostPort(good)
	silent := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	http := listen(t, func(c net.Conn) { fmt.Fprint(c, "HTTP/1.0 400 Bad Request\r\n\r\n") })
	cut := listen(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) })
	const patience = 50 * time.Millisecond
	trusting := &tls.Config{RootCAs: pool}
	tests := []struct {
		name   string
		addr   string
		limit  func(*net.Dialer) // nil: none
		config *tls.Config
		want   string // in the error; empty: none
	}{
		{name: "the name is the address's", addr: "localhost:" + port, config: trusting},
		{name: "the name is the configuration's", addr: good, config: &tls.Config{RootCAs: pool, ServerName: "localhost"}},
		{name: "another name", addr: good, config: trusting, want: "cannot validate certificate for 127.0.0.1"},
		{name: "nobody trusts it", addr: "localhost:" + port, config: nil, want: "failed to verify certificate"},
		{name: "a stalled server and a timeout", addr: silent, limit: func(d *net.Dialer) { d.Timeout = patience }, config: trusting, want: "deadline exceeded"},
		{name: "a stalled server and a deadline", addr: silent, limit: func(d *net.Dialer) { d.Deadline = time.Now().Add(patience) }, config: trusting, want: "deadline exceeded"},
		{name: "a server of HTTP", addr: http, config: trusting, want: "first record does not look like a TLS handshake (RFC 9846 §5.1)"},
		{name: "a server that hangs up", addr: cut, config: trusting, want: "EOF"},
		{name: "no server", addr: "127.0.0.1:1", config: trusting, want: "refused"},
		{name: "a configuration that cannot be", addr: silent, config: &tls.Config{MinVersion: 1}, want: "Config.MinVersion"},
		{name: "no port", addr: "localhost", config: trusting, want: "missing port"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plain := func() *net.Dialer {
				d := new(net.Dialer)
				if tt.limit != nil {
					tt.limit(d)
				}
				return d
			}
			dialer := func() *tls.Dialer { return &tls.Dialer{NetDialer: plain(), Config: tt.config} }
			for how, dial := range map[string]func() (net.Conn, error){
				"DialWithDialer": func() (net.Conn, error) {
					c, err := tls.DialWithDialer(plain(), "tcp", tt.addr, tt.config)
					if c == nil {
						return nil, err
					}
					return c, err
				},
				"Dialer.Dial":        func() (net.Conn, error) { return dialer().Dial("tcp", tt.addr) },
				"Dialer.DialContext": func() (net.Conn, error) { return dialer().DialContext(context.Background(), "tcp", tt.addr) },
			} {
				within(t, how, func() {
					c, err := dial()
					switch {
					case tt.want != "":
						if err == nil || !strings.Contains(err.Error(), tt.want) || c != nil {
							t.Errorf("%s: got %v, %v, want no connection, and %q in the error", how, c, err, tt.want)
						}
					case err != nil:
						t.Errorf("%s: got %v", how, err)
					default:
						if !c.(*tls.Conn).ConnectionState().HandshakeComplete {
							t.Errorf("%s: the handshake is not complete", how)
						}
						c.Close()
					}
				})
			}
		})
	}
	if _, err := new(tls.Dialer).Dial("tcp", "127.0.0.1:1"); err == nil {
		t.Error("a zero Dialer: got no error from a port where nobody listens")
	}
}

// TestListenErrors names what is wrong with a configuration or an address before anybody connects.
func TestListenErrors(t *testing.T) {
	cert, _ := newCert(t)
	for name, tt := range map[string]struct {
		addr   string
		config *tls.Config
		want   string
	}{
		"no certificate":   {"127.0.0.1:0", &tls.Config{}, "Config.Certificates"},
		"no configuration": {"127.0.0.1:0", nil, "Config.Certificates"},
		"no address":       {"nowhere", &tls.Config{Certificates: []tls.Certificate{cert}}, "missing port"},
	} {
		if ln, err := tls.Listen("tcp", tt.addr, tt.config); err == nil || !strings.Contains(err.Error(), tt.want) || ln != nil {
			t.Errorf("%s: got %v, want %q in it", name, err, tt.want)
		}
	}
}

// Configurations that cannot be carried out fail the handshake, and tell the peer no more than
// that; the client's says nothing at all.
func TestImpossibleConfig(t *testing.T) {
	rawC, rawS := loopback(t)
	c, s := tls.Client(rawC, &tls.Config{}), tls.Server(rawS, &tls.Config{})
	if err := c.Handshake(); err == nil || !strings.Contains(err.Error(), "Config.ServerName") {
		t.Errorf("client: got %v, want the field", err)
	}
	if err := s.Handshake(); err == nil || !strings.Contains(err.Error(), "Config.Certificates") {
		t.Errorf("server: got %v, want the field", err)
	}
	s.Close()
	heard, _ := io.ReadAll(rawC)
	if want := "\x15\x03\x01\x00\x02\x02\x50"; string(heard) != want {
		t.Errorf("the client hears %q, want an alert, %q", heard, want)
	}
	c.Close()
}

// TestAccessors asks connections about themselves, before and after the handshake.
func TestAccessors(t *testing.T) {
	rawC, rawS := loopback(t)
	before := tls.Client(rawC, nil)
	if before.LocalAddr() != rawC.LocalAddr() || before.RemoteAddr() != rawC.RemoteAddr() || before.NetConn() != rawC {
		t.Error("the connection underneath shows other addresses")
	}
	if _, ok := before.Info(); ok {
		t.Error("got an Info before the handshake")
	}
	for what, err := range map[string]error{
		"VerifyHostname": before.VerifyHostname("localhost"),
		"Export":         second(before.ExportKeyingMaterial("x", nil, 1)),
	} {
		if err == nil || !strings.Contains(err.Error(), "handshake has not yet been performed") {
			t.Errorf("%s before the handshake: got %v", what, err)
		}
	}
	rawS.Close()

	client, server := talking(t, tls.VersionTLS13, nil)
	if info, ok := client.Info(); !ok || info.Version != "TLS 1.3" || !info.ForwardSecret {
		t.Errorf("got %+v, %v", info, ok)
	}
	if err := client.VerifyHostname("localhost"); err != nil {
		t.Error(err)
	}
	if err := client.VerifyHostname("example.org"); err == nil {
		t.Error("got no error for another name")
	}
	if err := server.VerifyHostname("localhost"); err == nil {
		t.Error("got no error from a server")
	}
	if client.OCSPResponse() != nil || server.OCSPResponse() != nil {
		t.Error("got an OCSP response that nobody sent")
	}
	if err := errors.Join(client.CloseWrite(), client.CloseWrite()); err != nil {
		t.Errorf("CloseWrite twice: got %v", err)
	}
	if _, err := server.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v, want %v", err, io.EOF)
	}
}

func second[T any](_ T, err error) error { return err }

// Nothing is shaken after Close.
func TestHandshakeAfterClose(t *testing.T) {
	rawC, rawS := loopback(t)
	for _, c := range []*tls.Conn{tls.Client(rawC, nil), tls.Server(rawS, nil)} {
		c.Close()
		for what, err := range map[string]error{
			"Handshake": c.Handshake(), "Read": second(c.Read(make([]byte, 1))), "Write": second(c.Write([]byte("x"))),
		} {
			if err != net.ErrClosed {
				t.Errorf("%s: got %v, want %v", what, err, net.ErrClosed)
			}
		}
	}
}
