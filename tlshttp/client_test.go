package tlshttp_test

import (
	"bufio"
	"bytes"
	"context"
	std "crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/tls"
	"github.com/akushu/akushu/tlshttp"
)

// ourClient is a client over our TLS that offers protos, or both versions.
func ourClient(t *testing.T, protos ...string) *http.Client {
	t.Helper()
	_, pool := identity()
	tr := tlshttp.Transport(&tls.Config{RootCAs: pool, NextProtos: protos})
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

// proto is what a client that speaks one version of HTTP offers.
func proto(http2 bool) string {
	if http2 {
		return "h2"
	}
	return "http/1.1"
}

// TestClientsAreAlike makes the same requests with net/http's client over crypto/tls and
// with ours, of servers of both stacks.
func TestClientsAreAlike(t *testing.T) {
	for _, s := range []stack{theirs, ours} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(s.name+"/"+tls.VersionName(version), func(t *testing.T) {
				versions(t, func(t *testing.T, http2 bool) {
					srv := s.start(t, &http.Server{Handler: site()}, version, []string{proto(http2)})
					theirClient, ourClient := client(t, http2), ourClient(t)
					for _, q := range requests {
						want, got := q.observe(theirClient, "https://"+srv.addr), q.observe(ourClient, "https://"+srv.addr)
						if diff := cmp.Diff(want, got); diff != "" {
							t.Errorf("%s: crypto/tls -, akushu +\n%s", q.name, diff)
						}
					}
				})
			})
		}
	}
}

// TestConnectionsAreReused counts what the server accepted.
func TestConnectionsAreReused(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		srv := theirs.start(t, &http.Server{Handler: site()}, 0, []string{proto(http2)})
		c := ourClient(t)
		for range 5 {
			if resp, _ := get(t, c, "https://"+srv.addr+"/see"); resp.TLS == nil || resp.TLS.NegotiatedProtocol != proto(http2) {
				t.Fatalf("Response.TLS: got %+v", resp.TLS)
			}
		}
		if n := srv.conns.count(); n != 1 {
			t.Errorf("%d connections, want one", n)
		}
		c.CloseIdleConnections()
		get(t, c, "https://"+srv.addr+"/see")
		if n := srv.conns.count(); n != 2 {
			t.Errorf("after CloseIdleConnections %d connections in all, want two", n)
		}
	})
}

// TestConcurrentFirstRequests has nobody know yet what the server speaks.
func TestConcurrentFirstRequests(t *testing.T) {
	const n = 30
	versions(t, func(t *testing.T, http2 bool) {
		seen := new(states)
		srv := ours.start(t, &http.Server{Handler: site(), ConnState: seen.note}, 0, []string{proto(http2)})
		c := ourClient(t)
		var answers []<-chan answer
		for range n {
			answers = append(answers, background(c, "https://"+srv.addr+"/see"))
		}
		for _, a := range answers {
			if a := <-a; !strings.Contains(a.body, "TLS 1.3 "+proto(http2)) {
				t.Errorf("got %q, %v", a.body, a.err)
			}
		}
		if got := srv.conns.count(); got > n {
			t.Errorf("%d connections for %d requests", got, n)
		}
		before := srv.conns.count()
		get(t, c, "https://"+srv.addr+"/see")
		if got := srv.conns.count(); got != before {
			t.Errorf("one more request made %d connections", got-before)
		}
		eventually(t, func() bool {
			c.CloseIdleConnections() // again where the last stream was not gone
			return seen.notClosed() == 0
		}, func() string { return "connections stay: " + seen.String() })
	})
}

// fickle is a server that chooses what each connection speaks.
func fickle(t *testing.T, handler http.Handler, choose func(n int) string) *server {
	t.Helper()
	cfg := serverConfig(0, nil)
	var n atomic.Int32
	cfg.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return serverConfig(0, []string{choose(int(n.Add(1)))}), nil
	}
	srv := &http.Server{Handler: handler}
	return start(t, srv, func(ln net.Listener) error { return tlshttp.Serve(srv, tls.NewListener(ln, cfg)) })
}

// TestServerChangesItsMind speaks another version on each connection; each is used for
// one request.
func TestServerChangesItsMind(t *testing.T) {
	srv := fickle(t, site(), func(n int) string { return proto(n%2 == 1) })
	c := ourClient(t)
	for i := range 6 {
		body := strings.Repeat("x", 1000*i)
		resp, err := c.Post("https://"+srv.addr+"/echo", "", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if want := fmt.Sprintf("%d ", len(body)); !strings.HasPrefix(string(got), want) || resp.ProtoMajor != 1+(i+1)%2 {
			t.Errorf("request %d: got %s %s, want %s", i, resp.Proto, got, want)
		}
		c.CloseIdleConnections()
	}
	if n := srv.conns.count(); n != 6 {
		t.Errorf("%d connections for 6 requests", n)
	}
}

// TestConcurrentRequestsToAFickleServer takes parked connections from each other.
func TestConcurrentRequestsToAFickleServer(t *testing.T) {
	srv := fickle(t, site(), func(n int) string { return proto(n%8 < 4) })
	c := ourClient(t)
	failed := 0
	for range 10 {
		var answers []<-chan answer
		for range 8 {
			answers = append(answers, background(c, "https://"+srv.addr+"/see"))
		}
		for _, a := range answers {
			if a := <-a; a.err != nil {
				failed++
				t.Logf("%v", a.err)
			}
		}
		c.CloseIdleConnections()
	}
	if failed > 0 {
		t.Errorf("%d of 80 requests failed", failed)
	}
}

// body is a request's body that fails when it is read after Close, and counts.
type body struct {
	io.Reader
	reads, closes atomic.Int32
}

func (b *body) Read(p []byte) (int, error) {
	if b.closes.Load() > 0 {
		return 0, errors.New("read after Close")
	}
	b.reads.Add(1)
	return b.Reader.Read(p)
}

func (b *body) Close() error {
	b.closes.Add(1)
	return nil
}

// TestBodies says that a body is sent once and closed once, whatever the first connection
// turns out to speak, and closed though nothing came of the request.
func TestBodies(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		srv := ours.start(t, &http.Server{Handler: site()}, 0, []string{proto(http2)})
		b := &body{Reader: largeBody()}
		resp, err := ourClient(t).Post("https://"+srv.addr+"/echo", "", b)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if got, _ := io.ReadAll(resp.Body); !strings.HasPrefix(string(got), "3000000 ") {
			t.Errorf("got %s", got)
		}
		eventually(t, func() bool { return b.closes.Load() == 1 }, func() string { return fmt.Sprintf("closed %d times, want once", b.closes.Load()) })
	})
	t.Run("no server", func(t *testing.T) {
		b := &body{Reader: largeBody()}
		if _, err := ourClient(t).Post("https://"+freeAddr(t), "", b); err == nil {
			t.Error("no error")
		}
		if r, c := b.reads.Load(), b.closes.Load(); r != 0 || c != 1 {
			t.Errorf("read %d times, closed %d times, want 0 and 1", r, c)
		}
	})
	t.Run("no such request", func(t *testing.T) {
		for _, r := range []*http.Request{
			{Method: "POST", URL: &url.URL{Scheme: "https"}, Header: http.Header{}},
			{Method: "POST", URL: &url.URL{Scheme: "gopher", Host: "h"}, Header: http.Header{}},
			{Method: "P T", URL: &url.URL{Scheme: "https", Host: "h"}, Header: http.Header{}},
			{Method: "POST", URL: &url.URL{Scheme: "https", Host: "h"}},
			{Method: "POST", Header: http.Header{}},
		} {
			b := &body{Reader: largeBody()}
			r.Body = b
			if _, err := ourClient(t).Transport.RoundTrip(r); err == nil || b.closes.Load() != 1 {
				t.Errorf("%v: got %v, closed %d times", r.URL, err, b.closes.Load())
			}
		}
	})
}

// TestBodyAfterADeadConnection has a connection of HTTP/1 end under a request, and the next
// one speak HTTP/2: the body is asked for again where it can be, and not sent otherwise.
func TestBodyAfterADeadConnection(t *testing.T) {
	for _, again := range []bool{true, false} {
		t.Run(fmt.Sprint("GetBody ", again), func(t *testing.T) {
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.ProtoMajor == 1 && r.URL.Path == "/second" {
					panic(http.ErrAbortHandler)
				}
				echo(w, r)
			})
			srv := fickle(t, handler, func(n int) string { return proto(n > 1) })
			c := ourClient(t)
			get(t, c, "https://"+srv.addr+"/first")
			r, err := http.NewRequest("GET", "https://"+srv.addr+"/second", strings.NewReader("abc"))
			if err != nil {
				t.Fatal(err)
			}
			if !again {
				r.GetBody = nil
			}
			resp, err := c.Do(r)
			if (err == nil) != again {
				t.Fatalf("got %v, want success %v", err, again)
			}
			if !again {
				return // net/http itself gives up
			}
			defer resp.Body.Close()
			if got, _ := io.ReadAll(resp.Body); !bytes.HasPrefix(got, []byte("3 ")) || resp.ProtoMajor != 2 {
				t.Errorf("got %s %s, want 3 bytes in HTTP/2", resp.Proto, got)
			}
		})
	}
}

// noticed is a connection of which it is noticed that it was closed.
type noticed struct {
	net.Conn
	closed *atomic.Bool
}

func (c *noticed) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

func TestUntrusted(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		srv := ours.start(t, &http.Server{}, 0, []string{proto(http2)})
		cfg := &tls.Config{RootCAs: x509.NewCertPool()}
		var closed atomic.Bool
		base := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			return &noticed{c, &closed}, err
		}}
		tr := tlshttp.TransportFrom(base, cfg)
		_, err := (&http.Client{Transport: tr}).Get("https://" + srv.addr)
		var untrusted *tls.CertificateVerificationError
		var unknown x509.UnknownAuthorityError
		if !errors.As(err, &untrusted) || !errors.As(err, &unknown) || len(untrusted.UnverifiedCertificates) != 1 {
			t.Errorf("got %v", err)
		}
		srv.log.wait(t, "remote error: tls: unknown certificate authority")
		if !closed.Load() {
			t.Error("the connection stays open")
		}
		if cfg.NextProtos != nil {
			t.Errorf("the configuration was changed: %q", cfg.NextProtos)
		}
	})
	t.Run("name", func(t *testing.T) {
		srv := ours.start(t, &http.Server{}, 0, tlshttp.NextProtos)
		_, pool := identity()
		tr := tlshttp.Transport(&tls.Config{RootCAs: pool, ServerName: "other.example"})
		_, err := (&http.Client{Transport: tr}).Get("https://" + srv.addr)
		var name x509.HostnameError
		if !errors.As(err, &name) || name.Host != "other.example" {
			t.Errorf("got %v, want an error for other.example", err)
		}
	})
}

// TestNotTLS asks a plain server.
func TestNotTLS(t *testing.T) {
	srv := &http.Server{Handler: site()}
	r := start(t, srv, srv.Serve)
	if _, err := ourClient(t).Get("https://" + r.addr); !errors.Is(err, http.ErrSchemeMismatch) {
		t.Errorf("got %v, want %v", err, http.ErrSchemeMismatch)
	}
	resp, body := get(t, ourClient(t), "http://"+r.addr+"/see")
	if !strings.Contains(body, "no TLS") || resp.TLS != nil || resp.ProtoMajor != 1 {
		t.Errorf("http: got %s %s, %v", resp.Proto, body, resp.TLS)
	}
}

// silentServer accepts and says nothing.
func silentServer(t *testing.T) *countingListener {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := &countingListener{Listener: inner}
	var conns []net.Conn
	var done sync.WaitGroup
	done.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			conns = append(conns, c)
		}
	})
	t.Cleanup(func() {
		ln.Close()
		done.Wait()
		for _, c := range conns {
			c.Close()
		}
	})
	return ln
}

func TestGivingUpDuringTheHandshake(t *testing.T) {
	t.Run("context", func(t *testing.T) {
		ln := silentServer(t)
		ctx, cancel := context.WithCancel(context.Background())
		r, _ := http.NewRequestWithContext(ctx, "GET", "https://"+ln.Addr().String(), nil)
		go func() {
			eventually(t, func() bool { return ln.count() == 1 }, func() string { return "not dialled" })
			cancel()
		}()
		if _, err := ourClient(t).Do(r); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
	t.Run("Client.Timeout", func(t *testing.T) {
		ln := silentServer(t)
		c := ourClient(t)
		c.Timeout = 50 * time.Millisecond
		_, err := c.Get("https://" + ln.Addr().String())
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("got %v, want a timeout", err)
		}
	})
	t.Run("TLSHandshakeTimeout", func(t *testing.T) {
		ln := silentServer(t)
		base := &http.Transport{TLSHandshakeTimeout: 50 * time.Millisecond}
		tr := tlshttp.TransportFrom(base, nil)
		if base.DialContext != nil {
			t.Error("base was changed")
		}
		_, err := (&http.Client{Transport: tr}).Get("https://" + ln.Addr().String())
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("got %v, want a timeout", err)
		}
	})
}

// TestClientTimeout ends a request that is answered slowly.
func TestClientTimeout(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		g := newGate()
		srv := ours.start(t, &http.Server{Handler: g}, 0, []string{proto(http2)})
		c := ourClient(t)
		c.Timeout = 100 * time.Millisecond
		a := <-background(c, "https://"+srv.addr)
		var timeout net.Error
		if !errors.As(a.err, &timeout) || !timeout.Timeout() {
			t.Errorf("got %v, want a timeout", a.err)
		}
		<-g.entered // and left, since the request's context ended
	})
}

// TestParkedConnections gives up a request whose connection then speaks the other version
// of HTTP.
func TestParkedConnections(t *testing.T) {
	hold := make(chan struct{})
	cfg := serverConfig(0, nil)
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		<-hold
		return serverConfig(0, tlshttp.NextProtos), nil
	}
	srv := &http.Server{Handler: site()}
	r := start(t, srv, func(ln net.Listener) error { return tlshttp.Serve(srv, tls.NewListener(ln, cfg)) })
	_, pool := identity()
	// abandoned returns a transport that has a connection of HTTP/2 parked.
	abandoned := func(t *testing.T) *tlshttp.RoundTripper {
		tr := tlshttp.Transport(&tls.Config{RootCAs: pool})
		ctx, cancel := context.WithCancel(context.Background())
		req, _ := http.NewRequestWithContext(ctx, "GET", "https://"+r.addr+"/see", nil)
		before := r.conns.count()
		go func() {
			eventually(t, func() bool { return r.conns.count() > before }, func() string { return "not dialled" })
			cancel()
		}()
		if _, err := tr.RoundTrip(req); err != context.Canceled {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		hold <- struct{}{}
		eventually(t, func() bool { return waitsForPreface() }, func() string { return "no connection is parked" })
		time.Sleep(20 * time.Millisecond) // until it is parked
		return tr
	}
	t.Run("taken", func(t *testing.T) {
		tr := abandoned(t)
		defer tr.CloseIdleConnections()
		before := r.conns.count()
		resp, _ := get(t, &http.Client{Transport: tr}, "https://"+r.addr+"/see")
		if n := r.conns.count() - before; n != 0 || resp.ProtoMajor != 2 {
			t.Errorf("%s, %d connections more, want HTTP/2 and none", resp.Proto, n)
		}
	})
	t.Run("closed", func(t *testing.T) {
		tr := abandoned(t)
		begin := time.Now()
		tr.CloseIdleConnections()
		eventually(t, func() bool { return !waitsForPreface() }, func() string { return "a parked connection stays after CloseIdleConnections" })
		if took := time.Since(begin); took > 3*time.Second { // it would have been closed anyway, in time
			t.Errorf("the parked connection was closed after %v", took)
		}
	})
	t.Run("left for an upgrade", func(t *testing.T) {
		tr := abandoned(t)
		defer tr.CloseIdleConnections()
		req, _ := http.NewRequest("GET", "https://"+r.addr+"/see", nil)
		req.Header.Set("Upgrade", "echo")
		go func() { hold <- struct{}{} }()
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.ProtoMajor != 1 {
			t.Errorf("got %s, want HTTP/1.1", resp.Proto)
		}
	})
}

// waitsForPreface reports whether a server of ours waits for the first bytes of HTTP/2.
func waitsForPreface() bool { return strings.Contains(goroutineStacks(), "newHTTP2Conn") }

// TestClientUpgrade asks a server that would rather speak HTTP/2.
func TestClientUpgrade(t *testing.T) {
	srv := ours.start(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			see(w, r)
			return
		}
		upgrade(w, r)
	})}, 0, tlshttp.NextProtos)
	c := ourClient(t)
	c.Timeout = 0 // which would hide that the body can be written to
	for range 2 { // before and after the server is known
		r, _ := http.NewRequest("GET", "https://"+srv.addr, nil)
		r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"echo"}}
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		conn, ok := resp.Body.(io.ReadWriter)
		if resp.StatusCode != http.StatusSwitchingProtocols || !ok || resp.TLS == nil {
			t.Fatalf("got %s, a body of type %T, %v", resp.Status, resp.Body, resp.TLS)
		}
		io.WriteString(conn, "hello\n")
		if got, err := bufio.NewReader(conn).ReadString('\n'); got != "hello\n" {
			t.Errorf("got %q, %v", got, err)
		}
		if resp, _ := get(t, c, "https://"+srv.addr); resp.ProtoMajor != 2 {
			t.Errorf("without an upgrade: got %s, want HTTP/2", resp.Proto)
		}
	}
}

// TestTrace compares the events of a first and a second request with net/http's.
func TestTrace(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		srv := theirs.start(t, &http.Server{Handler: site()}, 0, []string{proto(http2)})
		var got [2][]string
		for i, c := range []*http.Client{client(t, http2), ourClient(t, proto(http2))} {
			for range 2 {
				var mu sync.Mutex
				note := func(what ...any) {
					mu.Lock()
					defer mu.Unlock()
					got[i] = append(got[i], fmt.Sprint(what...))
				}
				ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
					ConnectDone:          func(network, _ string, err error) { note("connected ", network, err) },
					TLSHandshakeStart:    func() { note("shaking") },
					TLSHandshakeDone:     func(s tls.ConnectionState, err error) { note("shaken ", s.NegotiatedProtocol, err) },
					GotConn:              func(i httptrace.GotConnInfo) { note("connection, reused ", i.Reused) },
					WroteRequest:         func(i httptrace.WroteRequestInfo) { note("written ", i.Err) },
					GotFirstResponseByte: func() { note("answered") },
				})
				r, _ := http.NewRequestWithContext(ctx, "GET", "https://"+srv.addr+"/see", nil)
				resp, err := c.Transport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.Request != r {
					t.Error("Response.Request is not the request")
				}
				mu.Lock()
				slices.Sort(got[i]) // the last two come in any order
				mu.Unlock()
			}
		}
		if diff := cmp.Diff(got[0], got[1]); diff != "" {
			t.Errorf("crypto/tls -, akushu +\n%s", diff)
		}
	})
}

// TestTransportFrom says that base's settings are kept, and base itself is.
func TestTransportFrom(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		srv := ours.start(t, &http.Server{Handler: site()}, 0, []string{proto(http2)})
		_, pool := identity()
		var dialled atomic.Int32
		base := &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				dialled.Add(1)
				return new(net.Dialer).DialContext(ctx, network, srv.addr)
			},
			DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, errors.New("not to be used")
			},
			DisableKeepAlives: true,
			TLSClientConfig:   &std.Config{RootCAs: x509.NewCertPool()},
			TLSNextProto:      map[string]func(string, *std.Conn) http.RoundTripper{},
		}
		c := &http.Client{Transport: tlshttp.TransportFrom(base, &tls.Config{RootCAs: pool})}
		for range 2 {
			_, body := get(t, c, "https://localhost/see")
			if !strings.Contains(body, proto(http2)+" localhost") {
				t.Errorf("got %s", body)
			}
		}
		if n := dialled.Load(); n != 2 {
			t.Errorf("dialled %d times, want 2", n)
		}
		if base.Protocols != nil || len(base.TLSNextProto) != 0 {
			t.Error("base was changed")
		}
	})
}

// TestProxyOverTLS has requests in the clear go to a proxy that would speak HTTP/2.
func TestProxyOverTLS(t *testing.T) {
	p := serveOurs(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto, " for ", r.URL, " over ", r.TLS.NegotiatedProtocol)
	})}).addr
	_, pool := identity()
	base := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "https", Host: p})}
	c := &http.Client{Transport: tlshttp.TransportFrom(base, &tls.Config{RootCAs: pool})}
	defer c.CloseIdleConnections()
	if _, body := get(t, c, "http://example.invalid/"); body != "HTTP/1.1 for http://example.invalid/ over http/1.1" {
		t.Errorf("got %s", body)
	}
}

func TestProxy(t *testing.T) {
	var proxied atomic.Int32
	proxy := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxied.Add(1)
		fmt.Fprint(w, "for ", r.URL)
	})}
	p := start(t, proxy, proxy.Serve)
	base := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", User: url.UserPassword("u", "secret"), Host: p.addr})}
	c := &http.Client{Transport: tlshttp.TransportFrom(base, nil)}
	defer c.CloseIdleConnections()
	if _, body := get(t, c, "http://example.invalid/"); body != "for http://example.invalid/" {
		t.Errorf("got %s", body)
	}
	_, err := c.Get("https://example.invalid/")
	if err == nil || !strings.Contains(err.Error(), "cannot be used for https") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want an error that names the proxy and not the password", err)
	}
	if n := proxied.Load(); n != 1 {
		t.Errorf("%d requests came to the proxy, want 1", n)
	}
}

// TestRedirectsAndCookies goes through http.Client, across versions of HTTP.
func TestRedirects(t *testing.T) {
	two := ours.start(t, &http.Server{Handler: site()}, 0, []string{"h2"})
	one := ours.start(t, &http.Server{Handler: http.RedirectHandler("https://"+two.addr+"/echo", http.StatusTemporaryRedirect)}, 0, []string{"http/1.1"})
	resp, err := ourClient(t).Post("https://"+one.addr, "", strings.NewReader("abc"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, _ := io.ReadAll(resp.Body); !strings.HasPrefix(string(got), "3 ") || resp.ProtoMajor != 2 {
		t.Errorf("got %s %s, want 3 bytes in HTTP/2", resp.Proto, got)
	}
}

// TestNames dials names in other spellings than the server's.
func TestNames(t *testing.T) {
	srv := ours.start(t, &http.Server{Handler: site()}, 0, tlshttp.NextProtos)
	c := ourClient(t)
	for _, host := range []string{"localhost", "LOCALHOST", "127.0.0.1"} {
		if resp, _ := get(t, c, "https://"+host+":"+port(srv.addr)+"/see"); resp.ProtoMajor != 2 {
			t.Errorf("%s: got %s, want HTTP/2", host, resp.Proto)
		}
	}
}
