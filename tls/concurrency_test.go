package tls_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/tls"
)

// soon is how long anything may take that must not wait.
const soon = 3 * time.Second

// within fails the test if f takes longer than soon.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(soon):
		buf := make([]byte, 1<<20)
		t.Fatalf("%s took longer than %v\n%s", what, soon, buf[:runtime.Stack(buf, true)])
	}
}

// TestCloseBesideAnything has all methods of both ends run at once and in any order, before
// and after the handshake, one of them Close: all of them return.
func TestCloseBesideAnything(t *testing.T) {
	ops := []func(*tls.Conn){
		func(c *tls.Conn) { c.Close() },
		func(c *tls.Conn) { c.Close() },
		func(c *tls.Conn) { c.CloseWrite() },
		func(c *tls.Conn) { c.Handshake() },
		func(c *tls.Conn) {
			ctx, cancel := context.WithTimeout(context.Background(), rand.N(2*time.Millisecond))
			defer cancel()
			c.HandshakeContext(ctx)
		},
		func(c *tls.Conn) { io.Copy(io.Discard, c) },
		func(c *tls.Conn) { c.Read(make([]byte, 10)) },
		func(c *tls.Conn) { c.Write(make([]byte, 100<<10)) },
		func(c *tls.Conn) { c.Write([]byte("x")) },
		func(c *tls.Conn) { c.SetDeadline(time.Now().Add(rand.N(10 * time.Millisecond))) },
		func(c *tls.Conn) { c.SetWriteDeadline(time.Time{}) },
		func(c *tls.Conn) { _, _ = c.ConnectionState(), c.OCSPResponse() },
		func(c *tls.Conn) { c.ExportKeyingMaterial("EXPORTER-x", nil, 8) },
	}
	for _, l := range links {
		for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(l.name+"/"+tls.VersionName(v), func(t *testing.T) {
				cert, pool := newCert(t)
				config := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost", MaxVersion: v}
				for range 60 {
					rawC, rawS := l.join(t)
					ends := []*tls.Conn{tls.Client(rawC, config), tls.Server(rawS, config)}
					within(t, "all at once", func() {
						var wg sync.WaitGroup
						for _, i := range rand.Perm(2 * len(ops)) {
							wg.Go(func() {
								time.Sleep(rand.N(2 * time.Millisecond))
								ops[i/2](ends[i%2])
							})
						}
						wg.Wait()
					})
					for _, c := range ends {
						if n := left(secretsOf(c)); n != 0 {
							t.Fatalf("got %d secrets that are not zero", n)
						}
					}
				}
			})
		}
	}
}

// TestCallbackDoesNotReturn has each callback panic, or end its goroutine. That happens to who
// waits for the handshake, the peer is told, and the listener goes on.
func TestCallbackDoesNotReturn(t *testing.T) {
	cert, pool := newCert(t)
	callbacks := []struct {
		name   string
		client bool
		set    func(c *tls.Config, f func())
	}{
		{"GetCertificate", false, func(c *tls.Config, f func()) {
			c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { f(); return nil, nil }
		}},
		{"GetConfigForClient", false, func(c *tls.Config, f func()) {
			c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { f(); return nil, nil }
		}},
		{"VerifyConnection", false, func(c *tls.Config, f func()) {
			c.VerifyConnection = func(tls.ConnectionState) error { f(); return nil }
		}},
		{"VerifyConnection", true, func(c *tls.Config, f func()) {
			c.VerifyConnection = func(tls.ConnectionState) error { f(); return nil }
		}},
		{"Time", true, func(c *tls.Config, f func()) { c.Time = func() time.Time { f(); return time.Now() } }},
		{"Rand", true, func(c *tls.Config, f func()) { c.Rand = readerFunc(func([]byte) (int, error) { f(); return 0, nil }) }},
		{"KeyLogWriter", false, func(c *tls.Config, f func()) {
			c.KeyLogWriter = &writerFunc{func([]byte) (int, error) { f(); return 0, nil }}
		}},
	}
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, cb := range callbacks {
			for _, how := range []struct {
				name string
				do   func()
				want any // what the caller recovers; nil for an exit
			}{{"panics", func() { panic("at the disco") }, "at the disco"}, {"exits", runtime.Goexit, nil}} {
				t.Run(fmt.Sprintf("%s/%s at client %v %s", tls.VersionName(v), cb.name, cb.client, how.name), func(t *testing.T) {
					good := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost", MaxVersion: v}
					bad := good.Clone()
					cb.set(bad, how.do)
					rawC, rawS := loopback(t)
					c, peer := tls.Server(rawS, bad), tls.Client(rawC, good)
					if cb.client {
						c, peer = tls.Client(rawC, bad), tls.Server(rawS, good)
					}
					heard := make(chan error, 1)
					go func() {
						_, err := io.Copy(io.Discard, peer)
						heard <- err
					}()
					within(t, "Handshake", func() {
						done := make(chan struct{})
						go func() {
							defer close(done)
							wantFate(t, c, how.want)
						}()
						<-done
					})
					if err := c.Handshake(); err == nil || !strings.Contains(err.Error(), "did not return") {
						t.Errorf("afterwards: got %v, want an error that says so", err)
					}
					if n := left(secretsOf(c)); n != 0 {
						t.Errorf("got %d secrets that are not zero", n)
					}
					c.Close()
					want := "remote error: tls: internal error"
					if cb.name == "KeyLogWriter" && v == tls.VersionTLS13 {
						want = "an alert, internal_error, that is not protected" // the keys are not in place yet
					}
					if err := <-heard; err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("the peer hears %v, want %s", err, want)
					}
				})
			}
		}
	}
}

// TestPanicReachesAllWhoWait has two callers wait for a handshake that panics.
func TestPanicReachesAllWhoWait(t *testing.T) {
	rawC, rawS := loopback(t)
	both := make(chan struct{})
	c := tls.Server(rawS, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		<-both
		panic("at the disco")
	}})
	go func() { _ = insecure(rawC).Handshake() }()
	within(t, "both", func() {
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { wantFate(t, c, "at the disco") })
		}
		time.Sleep(20 * time.Millisecond) // so that both are there
		close(both)
		wg.Wait()
	})
	c.Close()
	rawC.Close()
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

type writerFunc struct{ f func([]byte) (int, error) }

func (w *writerFunc) Write(p []byte) (int, error) { return w.f(p) }

// wantFate shakes hands and wants a panic with a value, or the goroutine's end for nil.
func wantFate(t *testing.T, c *tls.Conn, want any) {
	returned := false
	defer func() {
		if got := recover(); returned || got != want {
			t.Errorf("got a panic with %v, a return: %v, want a panic with %v", got, returned, want)
		}
	}()
	err := c.Handshake()
	returned = true
	t.Errorf("got %v", err)
}

// TestPanicLeavesTheServerAlive accepts a second connection beside one whose callback panics,
// and a third after it.
func TestPanicLeavesTheServerAlive(t *testing.T) {
	cert, pool := newCert(t)
	calls := make(chan struct{})
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if h.ServerName == "bad.localhost" {
			<-calls
			panic("no such tenant")
		}
		return &cert, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = recover() }() // as net/http does
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	bad := make(chan error, 1)
	go func() {
		_, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{ServerName: "bad.localhost", RootCAs: pool})
		bad <- err
	}()
	for i := range 2 {
		c, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{ServerName: "localhost", RootCAs: pool})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "hello")
		if got, err := io.ReadAll(io.LimitReader(c, 5)); string(got) != "hello" {
			t.Errorf("got %q, %v", got, err)
		}
		c.Close()
		if i == 0 {
			close(calls)
			if err := <-bad; err == nil || err.Error() != "remote error: tls: internal error" {
				t.Errorf("got %v, want internal error", err)
			}
		}
	}
}

// panicking is a connection that panics when it is written to.
type panicking struct{ net.Conn }

func (panicking) Write([]byte) (int, error) { panic("broken pipe dream") }

// A connection underneath that panics, also when it is to carry the alert about that, does so
// at the caller.
func TestConnPanics(t *testing.T) {
	cert, pool := newCert(t)
	config := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost"}
	rawC, rawS := loopback(t)
	go func() { _ = tls.Client(rawC, config).Handshake() }()
	c := tls.Server(panicking{rawS}, config)
	within(t, "Handshake", func() { wantFate(t, c, "broken pipe dream") })
	c.Close()
	rawC.Close()
}

// TestKeyLogOfFailures wants every secret in the key log that existed when the handshake failed.
func TestKeyLogOfFailures(t *testing.T) {
	const (
		hs  = "CLIENT_HANDSHAKE_TRAFFIC_SECRET SERVER_HANDSHAKE_TRAFFIC_SECRET"
		all = hs + " CLIENT_TRAFFIC_SECRET_0 SERVER_TRAFFIC_SECRET_0 EXPORTER_SECRET"
	)
	refuse := func(tls.ConnectionState) error { return errors.New("no") }
	tests := []struct {
		name           string
		version        uint16
		client, server func(*tls.Config)
		clientLog      string
		serverLog      string
	}{
		{"the certificate is not trusted", tls.VersionTLS13, func(c *tls.Config) { c.RootCAs = nil; c.ServerName = "example.org" }, nil, hs, all},
		{"the certificate is not trusted", tls.VersionTLS12, func(c *tls.Config) { c.RootCAs = nil; c.ServerName = "example.org" }, nil, "", ""},
		{"the client's user refuses", tls.VersionTLS13, func(c *tls.Config) { c.VerifyConnection = refuse }, nil, all, all},
		{"the client's user refuses", tls.VersionTLS12, func(c *tls.Config) { c.VerifyConnection = refuse }, nil, "", ""},
		{"the server's user refuses", tls.VersionTLS13, nil, func(c *tls.Config) { c.VerifyConnection = refuse }, all, all},
		{"the server's user refuses", tls.VersionTLS12, nil, func(c *tls.Config) { c.VerifyConnection = refuse }, "CLIENT_RANDOM", "CLIENT_RANDOM"},
	}
	cert, pool := newCert(t)
	for _, tt := range tests {
		t.Run(tls.VersionName(tt.version)+"/"+tt.name, func(t *testing.T) {
			var logs [2]logbook
			configs := [2]*tls.Config{}
			for i, change := range []func(*tls.Config){tt.client, tt.server} {
				configs[i] = &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost", MaxVersion: tt.version, KeyLogWriter: &logs[i]}
				if change != nil {
					change(configs[i])
				}
			}
			rawC, rawS := loopback(t)
			client, server := tls.Client(rawC, configs[0]), tls.Server(rawS, configs[1])
			var wg sync.WaitGroup
			wg.Go(func() {
				_ = server.Handshake()
				server.Close()
			})
			_ = client.Handshake()
			client.Close()
			wg.Wait()
			for i, want := range []string{tt.clientLog, tt.serverLog} {
				var labels []string
				for _, line := range logs[i].lines {
					if f := strings.Fields(line); len(f) != 3 || len(f[1]) != 64 || !strings.HasSuffix(line, "\n") {
						t.Errorf("got the line %q, want three fields", line)
					}
					labels = append(labels, strings.Fields(line)[0])
				}
				if diff := cmp.Diff(strings.Fields(want), append([]string{}, labels...)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", []string{"client", "server"}[i], diff)
				}
			}
		})
	}
}

// stuckWrite returns a connection with a Write that has filled what the puppet, who does not
// read, can take, and the outcome of that Write.
func stuckWrite(t *testing.T, m moment) (*tls.Conn, *puppet, <-chan error) {
	cert, pool := newCert(t)
	config := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost", SessionTicketsDisabled: true}
	c, p := victim(t, links[0], config, m)
	_ = c.NetConn().(*net.TCPConn).SetWriteBuffer(64 << 10)
	_ = p.conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	shaken := make(chan error, 1)
	go func() { shaken <- c.Handshake() }()
	p.play(t, m.victim == "server", m.version, &cert)
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() {
		_, err := c.Write(make([]byte, 4<<20)) // more than TCP's buffers take
		written <- err
	}()
	time.Sleep(100 * time.Millisecond)
	select {
	case err := <-written:
		t.Fatalf("the Write is not stuck: %v", err)
	default:
	}
	return c, p, written
}

// TestReaderDoesNotWait has a reader with something to send while a Write is stuck: it goes on,
// and what it had to send goes out when the Write can.
func TestReaderDoesNotWait(t *testing.T) {
	tests := []struct {
		name string
		at   []moment
		do   func(*puppet)
		read string // what Read returns: data, or an error
		hear string // behind the data of the Write
		fail bool   // the stuck Write fails
	}{
		{"a KeyUpdate to answer", after13, func(p *puppet) {
			p.message(iana.HandshakeKeyUpdate, 1)
			_ = p.out.Update()
			p.say(iana.ContentApplicationData, 'h', 'i')
		}, "hi", "KeyUpdate", false},
		{"no_renegotiation", after12, func(p *puppet) {
			if p.client {
				p.message(iana.HandshakeClientHello, append(append([]byte{3, 3}, make([]byte, 33)...), 0, 2, 0xc0, 0x2b, 1, 0)...)
			} else {
				p.message(iana.HandshakeHelloRequest)
			}
			p.say(iana.ContentApplicationData, 'h', 'i')
		}, "hi", "warning no_renegotiation", false},
		{
			"a fatal alert", slices.Concat(after12, after13), func(p *puppet) { p.clear(iana.ContentApplicationData, make([]byte, 64)...) },
			"it does not open with these keys", "fatal bad_record_mac", true,
		},
		{
			"nothing, for it was told an alert", slices.Concat(after12, after13), func(p *puppet) { p.say(iana.ContentAlert, 2, 80) },
			"remote error: tls: internal error", "", true,
		},
	}
	for _, tt := range tests {
		for _, m := range tt.at {
			t.Run(tt.name+"/"+m.String(), func(t *testing.T) {
				c, p, written := stuckWrite(t, m)
				tt.do(p)
				within(t, "Read", func() {
					buf := make([]byte, 10)
					n, err := c.Read(buf)
					if got := fmt.Sprintf("%s%v", buf[:n], err); !strings.Contains(got, tt.read) {
						t.Errorf("Read: got %s, want %s", got, tt.read)
					}
				})
				heard := make(chan []string, 1)
				go func() { heard <- p.listen() }()
				err := <-written
				if (err != nil) != tt.fail {
					t.Errorf("Write: got %v, want an error: %v", err, tt.fail)
				}
				_, _ = c.Write([]byte("last"))
				c.Close()
				got := slices.DeleteFunc(<-heard, func(s string) bool { return strings.HasPrefix(s, "application_data") })
				want := []string{tt.hear, "warning close_notify"}
				if tt.fail {
					want = strings.FieldsFunc(tt.hear, func(rune) bool { return false })
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("the peer hears (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestOneAlert has many Writes and Reads go on while the peer's fault is found: it hears of it
// once, and nothing after that.
func TestOneAlert(t *testing.T) {
	for _, m := range slices.Concat(after12, after13) {
		t.Run(m.String(), func(t *testing.T) {
			cert, pool := newCert(t)
			for range 20 {
				c, p := victim(t, links[0], &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost", SessionTicketsDisabled: true}, m)
				var wg sync.WaitGroup
				for range 3 {
					wg.Go(func() {
						for {
							if _, err := c.Write([]byte("data")); err != nil {
								return
							}
						}
					})
					wg.Go(func() { _, _ = c.Read(make([]byte, 10)) })
				}
				go func() {
					wg.Wait()
					c.Close()
				}()
				p.play(t, m.victim == "server", m.version, &cert)
				p.clear(iana.ContentApplicationData, make([]byte, 64)...)
				heard := p.listen()
				for len(heard) > 0 && heard[0] == `application_data "data"` {
					heard = heard[1:]
				}
				if diff := cmp.Diff([]string{"fatal bad_record_mac"}, heard); diff != "" {
					t.Fatalf("the peer hears (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestWriteUpdatesKeys writes more than one key may protect.
func TestWriteUpdatesKeys(t *testing.T) {
	const limit = 1000
	cert, pool := newCert(t)
	data := bytes.Repeat([]byte("0123456789abcdef"), 3<<20/16)
	for _, end := range []string{"client", "server"} {
		t.Run(end, func(t *testing.T) {
			config := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost", MaxVersion: tls.VersionTLS13}
			config.InsecureSkipVerify = true
			tls.LimitRecords(config, limit)
			theirs, _ := stacks(t, tls.VersionTLS13)
			rawC, rawS := loopback(t)
			var c *tls.Conn
			var peer conn
			if end == "client" {
				c, peer = tls.Client(rawC, config), theirs.server(rawS)
			} else {
				c, peer = tls.Server(rawS, config), insecure(rawC)
			}
			done := make(chan error, 1)
			go func() { done <- peer.Handshake() }()
			if err := c.Handshake(); err != nil {
				t.Fatal(err, <-done)
			}
			<-done
			before := bytes.Join(reveal(c), nil)
			received := make(chan []byte, 1)
			go func() {
				all, _ := io.ReadAll(peer)
				received <- all
			}()
			for _, part := range [][]byte{data[:10], data[10:100], data[100:]} {
				if n, err := c.Write(part); n != len(part) || err != nil {
					t.Fatalf("got %d, %v, want %d", n, err, len(part))
				}
			}
			for range 2 * limit { // records of their own
				if _, err := c.Write([]byte{'.'}); err != nil {
					t.Fatal(err)
				}
			}
			updated := bytes.Join(reveal(c), nil)
			c.Close()
			if got := <-received; !bytes.Equal(got, append(bytes.Clone(data), bytes.Repeat([]byte{'.'}, 2*limit)...)) {
				t.Errorf("got %d bytes, or other ones, want %d", len(got), len(data)+2*limit)
			}
			if bytes.Equal(before, updated) {
				t.Error("the keys are the same as before")
			}
		})
	}
}

func reveal(c *tls.Conn) (all [][]byte) {
	for _, s := range secretsOf(c) {
		all = append(all, bytes.Clone(s.Reveal()))
	}
	return all
}

// TestLimitOfTLS12 writes more than one key may protect where there is no other: that fails,
// before anything goes out that should not.
func TestLimitOfTLS12(t *testing.T) {
	const limit = 50
	cert, pool := newCert(t)
	config := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost", MaxVersion: tls.VersionTLS12}
	tls.LimitRecords(config, limit)
	rawC, rawS := loopback(t)
	client, server := tls.Client(rawC, config), tls.Server(rawS, config)
	defer client.Close()
	go func() { _, _ = io.Copy(io.Discard, server) }()
	var err error
	n := 0
	for ; err == nil && n < 2*limit; n++ {
		_, err = client.Write([]byte("x"))
	}
	if want := limit; n != want || err == nil || !strings.Contains(err.Error(), "as many records as they may") {
		t.Errorf("got %v at record %d, want it refused at %d (Finished was the first)", err, n, want)
	}
	server.Close()
}

// TestAlertsDoNotBlock closes connections whose peer does not read: that takes five seconds and
// no more, whatever deadlines the user sets meanwhile.
func TestAlertsDoNotBlock(t *testing.T) {
	cert, pool := newCert(t)
	for name, meanwhile := range map[string]func(*tls.Conn){
		"nothing":      func(*tls.Conn) {},
		"no deadline":  func(c *tls.Conn) { c.SetDeadline(time.Time{}) },
		"a later one":  func(c *tls.Conn) { c.SetWriteDeadline(time.Now().Add(time.Hour)) },
		"a sooner one": func(c *tls.Conn) { c.SetWriteDeadline(time.Now().Add(time.Second)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config := &tls.Config{
					Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost",
					Time: func() time.Time { return cert.Leaf.NotBefore.Add(time.Minute) },
				}
				rawC, rawS := net.Pipe() // holds nothing: who writes waits for a reader
				client, server := tls.Client(rawC, config), tls.Server(rawS, config)
				go func() {
					_ = server.Handshake()
				}()
				if err := client.Handshake(); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				go func() {
					time.Sleep(time.Millisecond)
					meanwhile(client)
				}()
				begin := time.Now()
				err := client.Close()
				want := 5 * time.Second
				if name == "a sooner one" {
					want = time.Second + time.Millisecond
				}
				if took := time.Since(begin); took != want || err == nil {
					t.Errorf("got %v after %v, want a timeout after %v", err, took, want)
				}
				server.Close()
			})
		})
	}
}

// A context that ends when the handshake does closes the connection, and says so.
func TestContextEndsAtTheEnd(t *testing.T) {
	cert, pool := newCert(t)
	ctx, cancel := context.WithCancel(context.Background())
	var inner context.Context
	server := &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		inner = h.Context()
		return &cert, nil
	}}
	client := &tls.Config{RootCAs: pool, ServerName: "localhost", VerifyConnection: func(tls.ConnectionState) error {
		cancel()
		return nil
	}}
	rawC, rawS := loopback(t)
	s := tls.Server(rawS, server)
	done := make(chan error, 1)
	go func() { done <- s.Handshake() }()
	if err := tls.Client(rawC, client).HandshakeContext(ctx); err != context.Canceled {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	<-done
	if inner.Err() == nil {
		t.Error("a callback's context outlives its handshake")
	}
	s.Close()
}
