package tlshttp_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	std "crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/tls"
	"github.com/akushu/akushu/tlshttp"
)

// both runs a test on crypto/tls and on ours, so that it shows what net/http does, and
// that we do as much.
func both(t *testing.T, f func(t *testing.T, s stack, http2 bool)) {
	t.Helper()
	t.Parallel()
	for _, s := range []stack{theirs, ours} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			versions(t, func(t *testing.T, http2 bool) { f(t, s, http2) })
		})
	}
}

// gate is a handler that stays in a request until it is opened.
type gate struct {
	entered chan struct{}
	open    chan struct{}
}

func newGate() *gate { return &gate{make(chan struct{}, 200), make(chan struct{})} }

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/quick" {
		return
	}
	g.entered <- struct{}{}
	select {
	case <-g.open:
		io.WriteString(w, "done")
	case <-r.Context().Done():
	}
}

// answer is what came of a request that was made in the background.
type answer struct {
	body string
	err  error
}

func background(c *http.Client, url string) <-chan answer {
	out := make(chan answer, 1)
	go func() {
		resp, err := c.Get(url)
		if err != nil {
			out <- answer{err: err}
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		out <- answer{string(body), err}
	}()
	return out
}

// states remembers the last state of each connection.
type states struct {
	mu   sync.Mutex
	last map[net.Conn]http.ConnState
	all  []string
}

func (s *states) note(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = map[net.Conn]http.ConnState{}
	}
	s.last[c] = state
	s.all = append(s.all, state.String())
}

func (s *states) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.all, " ")
}

// notClosed counts the connections that are not closed.
func (s *states) notClosed() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, state := range s.last {
		if state != http.StateClosed {
			n++
		}
	}
	return n
}

func TestShutdownDrains(t *testing.T) {
	both(t, func(t *testing.T, s stack, http2 bool) {
		g, seen := newGate(), new(states)
		srv := s.start(t, &http.Server{Handler: g, ConnState: seen.note}, 0, tlshttp.NextProtos)
		url := "https://" + srv.addr
		get(t, client(t, http2), url+"/quick") // leaves an idle connection behind
		inFlight := background(client(t, http2), url)
		<-g.entered

		down := make(chan error, 1)
		go func() { down <- srv.Shutdown(within(t, 20*time.Second)) }()
		if err := <-srv.served; err != http.ErrServerClosed {
			t.Errorf("Serve: got %v, want %v", err, http.ErrServerClosed)
		}
		if c, err := net.Dial("tcp", srv.addr); err == nil {
			c.Close()
			t.Error("a new connection is accepted after Shutdown")
		}
		eventually(t, func() bool { return seen.notClosed() == 1 }, func() string { return "the idle connection stays: " + seen.String() })
		select {
		case err := <-down:
			t.Fatalf("Shutdown returned %v with a request in flight", err)
		case <-time.After(50 * time.Millisecond):
		}
		close(g.open)
		if a := <-inFlight; a.body != "done" || a.err != nil {
			t.Errorf("the request in flight: got %q, %v, want done", a.body, a.err)
		}
		if err := <-down; err != nil {
			t.Errorf("Shutdown: got %v, want nil", err)
		}
		// The hook is called after net/http itself has counted the connection out.
		eventually(t, func() bool { return seen.notClosed() == 0 }, func() string { return "after Shutdown connections are open: " + seen.String() })
	})
}

func TestShutdownGivesUp(t *testing.T) {
	both(t, func(t *testing.T, s stack, http2 bool) {
		g := newGate()
		srv := s.start(t, &http.Server{Handler: g}, 0, tlshttp.NextProtos)
		inFlight := background(client(t, http2), "https://"+srv.addr)
		<-g.entered
		if err := srv.Shutdown(within(t, 20*time.Millisecond)); err != context.DeadlineExceeded {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
		close(g.open)
		if a := <-inFlight; a.body != "done" {
			t.Errorf("got %q, %v, want done", a.body, a.err)
		}
	})
}

func TestCloseEndsAtOnce(t *testing.T) {
	both(t, func(t *testing.T, s stack, http2 bool) {
		g, seen := newGate(), new(states)
		srv := s.start(t, &http.Server{Handler: g, ConnState: seen.note}, 0, tlshttp.NextProtos)
		inFlight := background(client(t, http2), "https://"+srv.addr)
		<-g.entered
		if err := srv.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if a := <-inFlight; a.err == nil {
			t.Errorf("the request in flight ended with %q, want an error", a.body)
		}
		if err := <-srv.served; err != http.ErrServerClosed {
			t.Errorf("Serve: got %v, want %v", err, http.ErrServerClosed)
		}
		eventually(t, func() bool { return seen.notClosed() == 0 }, seen.String)
	})
}

// TestHandshakesEndWithTheServer has connections in each state before a request.
func TestHandshakesEndWithTheServer(t *testing.T) {
	for name, end := range map[string]func(*http.Server) error{
		"Shutdown": func(s *http.Server) error { return s.Shutdown(context.Background()) },
		"Close":    (*http.Server).Close,
	} {
		t.Run(name, func(t *testing.T) {
			srv := serveOurs(t, &http.Server{})
			silent, err := net.Dial("tcp", srv.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer silent.Close()
			undecided := dial(t, srv.addr, "h2") // handshake complete, no preface
			eventually(t, func() bool { return srv.conns.count() == 2 && waitsForPreface() }, func() string { return "not accepted" })
			if err := end(srv.Server); err != nil {
				t.Error(err)
			}
			<-srv.served
			for name, c := range map[string]net.Conn{"silent": silent, "undecided": undecided} {
				c.SetDeadline(time.Now().Add(5 * time.Second))
				if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%s: got %v, want the end", name, err)
				}
			}
			eventually(t, func() bool { return !waitsForPreface() }, func() string { return "somebody waits for HTTP/2" })
			if got := srv.log.String(); got != "" {
				t.Errorf("logged: %s", got)
			}
		})
	}
}

// TestTimeouts compares what comes of each timeout with net/http.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	const short = 150 * time.Millisecond
	idle := func(t *testing.T, srv *server, http2 bool) string {
		get(t, client(t, http2), "https://"+srv.addr+"/see")
		return "answered"
	}
	slowBody := func(t *testing.T, srv *server, http2 bool) string {
		r, w := io.Pipe()
		defer w.Close()
		go io.WriteString(w, "a")
		resp, err := client(t, http2).Post("https://"+srv.addr+"/body", "", r)
		if err != nil {
			return "error"
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.Status + " " + string(body)
	}
	slowAnswer := func(t *testing.T, srv *server, http2 bool) string {
		a := <-background(client(t, http2), "https://"+srv.addr+"/slow")
		return fmt.Sprint(a.body, a.err == nil)
	}
	for _, x := range []struct {
		name string
		set  func(*http.Server)
		do   func(t *testing.T, srv *server, http2 bool) string
	}{
		{"IdleTimeout", func(s *http.Server) { s.IdleTimeout = short }, idle},
		{"ReadTimeout when idle", func(s *http.Server) { s.ReadTimeout = short }, idle},
		{"ReadTimeout", func(s *http.Server) { s.ReadTimeout = short }, slowBody},
		{"WriteTimeout", func(s *http.Server) { s.WriteTimeout = short; s.IdleTimeout = short }, slowAnswer},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			versions(t, func(t *testing.T, http2 bool) {
				t.Parallel()
				var got [2]string
				var seen [2]states
				begin := time.Now()
				for i, s := range []stack{theirs, ours} {
					srv := &http.Server{ConnState: seen[i].note, Handler: slow(short)}
					x.set(srv)
					got[i] = x.do(t, s.start(t, srv, 0, tlshttp.NextProtos), http2)
				}
				for i := range seen {
					// The client would keep the connection.
					eventually(t, func() bool { return seen[i].notClosed() == 0 }, seen[i].String)
					if took := time.Since(begin); took < short {
						t.Errorf("the connection ended after %v, want %v at least", took, short)
					}
					got[i] += ": " + seen[i].String()
				}
				if got[0] != got[1] {
					t.Errorf("got %q, want %q", got[1], got[0])
				}
			})
		})
	}
}

// slow is a handler that waits for all of a body, or longer than a timeout.
func slow(timeout time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/body":
			_, err := io.ReadAll(r.Body)
			var timeout net.Error
			fmt.Fprint(w, errors.As(err, &timeout) && timeout.Timeout())
		case "/slow":
			time.Sleep(2 * timeout)
			io.WriteString(w, "late")
		}
	})
}

func TestStalledHandshake(t *testing.T) {
	both(t, func(t *testing.T, s stack, _ bool) {
		srv := s.start(t, &http.Server{ReadHeaderTimeout: 50 * time.Millisecond}, 0, nil)
		for _, sent := range []string{"", "\x16\x03\x01\x02\x00\x01"} {
			c, err := net.Dial("tcp", srv.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			io.WriteString(c, sent)
			c.SetDeadline(time.Now().Add(5 * time.Second))
			if _, err := io.Copy(io.Discard, c); err != nil {
				t.Errorf("after %q: %v, want the end", sent, err)
			}
			srv.log.wait(t, "http: TLS handshake error from "+c.LocalAddr().String()+": read tcp ")
		}
		srv.log.wait(t, "i/o timeout")
	})
}

// TestHandshakeTimeoutEndsWithTheHandshake says that later reads have their own.
func TestHandshakeTimeoutEndsWithTheHandshake(t *testing.T) {
	both(t, func(t *testing.T, s stack, http2 bool) {
		srv := s.start(t, &http.Server{ReadHeaderTimeout: 800 * time.Millisecond, Handler: site()}, 0, tlshttp.NextProtos)
		c := client(t, http2)
		get(t, c, "https://"+srv.addr+"/see")
		time.Sleep(1000 * time.Millisecond)
		get(t, c, "https://"+srv.addr+"/see")
		if n := srv.conns.count(); http2 && n != 1 {
			t.Errorf("%d connections, want one", n)
		}
	})
}

func TestCallbacksThatDoNotReturn(t *testing.T) {
	for name, x := range map[string]struct {
		callback func(*tls.ClientHelloInfo) (*tls.Certificate, error)
		logged   string
	}{
		"panic":  {func(*tls.ClientHelloInfo) (*tls.Certificate, error) { panic("no such key") }, ": no such key\n"},
		"abort":  {func(*tls.ClientHelloInfo) (*tls.Certificate, error) { panic(http.ErrAbortHandler) }, "http: panic serving 127.0.0.1:"},
		"error":  {func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, errors.New("no key") }, ": no key\n"},
		"Goexit": {func(*tls.ClientHelloInfo) (*tls.Certificate, error) { runtime.Goexit(); return nil, nil }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := serverConfig(0, tlshttp.NextProtos)
			cert := cfg.Certificates[0]
			cfg.Certificates = nil
			var broken sync.Once
			cfg.GetCertificate = func(hello *tls.ClientHelloInfo) (c *tls.Certificate, err error) {
				c = &cert
				broken.Do(func() { c, err = x.callback(hello) })
				return c, err
			}
			srv := &http.Server{Handler: site()}
			s := start(t, srv, func(ln net.Listener) error { return tlshttp.Serve(srv, tls.NewListener(ln, cfg)) })
			// The first connection ends.
			_, pool := identity()
			if c, err := std.Dial("tcp", s.addr, &std.Config{RootCAs: pool}); err == nil {
				c.Close()
				t.Error("the handshake succeeded")
			}
			s.log.wait(t, x.logged)
			// The next one is served.
			if _, body := get(t, client(t, true), "https://"+s.addr+"/see"); !strings.Contains(body, "h2") {
				t.Errorf("afterwards: %s", body)
			}
		})
	}
}

func TestPlainHTTP(t *testing.T) {
	srv := serveOurs(t, &http.Server{Handler: site()})
	const want = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
	for name, sent := range map[string]string{
		"GET":     "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"HEAD":    "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST":    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n" + strings.Repeat("x", 200_000),
		"DELETE":  "DELETE /a HTTP/1.1\r\nHost: h\r\n\r\n",
		"CONNECT": "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", srv.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.WriteString(c, sent); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(c)
			if string(got) != want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
			c.Close()
			srv.log.wait(t, "http: TLS handshake error from "+c.LocalAddr().String()+": client sent an HTTP request to an HTTPS server\n")
		})
	}
	t.Run("a client that reads first", func(t *testing.T) {
		c, err := net.Dial("tcp", srv.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n")
		if got, err := io.ReadAll(c); string(got) != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		// The connection is not reset for some time.
		for range 2 {
			if _, err := io.WriteString(c, "x"); err != nil {
				t.Errorf("sending the body after the answer: %v", err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	t.Run("net/http", func(t *testing.T) {
		resp, err := http.Get("http://" + srv.addr)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("got %s, want 400", resp.Status)
		}
	})
}

func TestManyStreams(t *testing.T) {
	const n = 100
	g := newGate()
	srv := serveOurs(t, &http.Server{Handler: g})
	c := client(t, true)
	get(t, c, "https://"+srv.addr+"/quick")
	var answers []<-chan answer
	for range n {
		answers = append(answers, background(c, "https://"+srv.addr))
	}
	for range n {
		<-g.entered // all at once
	}
	close(g.open)
	for _, a := range answers {
		if a := <-a; a.body != "done" {
			t.Errorf("got %q, %v, want done", a.body, a.err)
		}
	}
	if got := srv.conns.count(); got != 1 {
		t.Errorf("%d connections, want one", got)
	}
}

// TestUpgrade has both ends leave HTTP, as WebSocket does.
func TestUpgrade(t *testing.T) {
	srv := serveOurs(t, &http.Server{Handler: http.HandlerFunc(upgrade)})
	c := dial(t, srv.addr, "http/1.1")
	// The first bytes of the new protocol come together with the request.
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly ")
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %s, want 101", resp.Status)
	}
	time.Sleep(20 * time.Millisecond)
	io.WriteString(c, "late")
	c.CloseWrite()
	if got, err := io.ReadAll(in); string(got) != "early late" || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, "early late")
	}
}

// upgrade switches to a protocol that sends back what it gets.
func upgrade(w http.ResponseWriter, r *http.Request) {
	c, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer c.Close()
	if _, ok := c.(*tls.Conn); !ok {
		panic(fmt.Sprintf("hijacked a %T", c))
	}
	io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	io.Copy(c, buf)
}

type contextKey string

// TestSettingsAreKept sets what a user may set of a server that Prepare wraps.
func TestSettingsAreKept(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		seen := new(states)
		var listeners []net.Listener
		var helloed context.Context
		srv := &http.Server{
			BaseContext: func(ln net.Listener) context.Context {
				listeners = append(listeners, ln)
				return context.WithValue(context.Background(), contextKey("base"), "of the server")
			},
			ConnContext: func(ctx context.Context, c net.Conn) context.Context {
				return context.WithValue(ctx, contextKey("conn"), c.(*tls.Conn))
			},
			ConnState: func(c net.Conn, s http.ConnState) { seen.note(c.(*tls.Conn), s) },
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c, _ := r.Context().Value(contextKey("conn")).(*tls.Conn)
				fmt.Fprint(w, r.Context().Value(contextKey("base")), " ", c.ConnectionState().NegotiatedProtocol == r.TLS.NegotiatedProtocol)
			}),
		}
		cfg := serverConfig(0, tlshttp.NextProtos)
		cfg.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			helloed = h.Context()
			return nil, nil
		}
		var ln net.Listener
		s := start(t, srv, func(inner net.Listener) error {
			ln = tls.NewListener(inner, cfg)
			return tlshttp.Serve(srv, ln)
		})
		if _, body := get(t, client(t, http2), "https://"+s.addr); body != "of the server true" {
			t.Errorf("the handler saw %q", body)
		}
		if !slices.Equal(listeners, []net.Listener{ln}) {
			t.Errorf("BaseContext was asked about %v, want %v", listeners, ln)
		}
		if a, _ := helloed.Value(http.LocalAddrContextKey).(net.Addr); a == nil || a.String() != s.addr {
			t.Errorf("GetConfigForClient has a context with the address %v, want %s", a, s.addr)
		}
		if v := helloed.Value(contextKey("base")); v != "of the server" || helloed.Value(http.ServerContextKey) != srv {
			t.Errorf("GetConfigForClient has a context with %v, %v", v, helloed.Value(http.ServerContextKey))
		}
		srv.Shutdown(within(t, 5*time.Second))
		eventually(t, func() bool { return seen.notClosed() == 0 }, seen.String)
		want := "new active idle closed"
		if http2 { // which begins with the connection's own frames
			want = "new active idle active idle closed"
		}
		if got := seen.String(); got != want || len(seen.last) != 1 {
			t.Errorf("ConnState: got %q of %d connections, want %q of one", got, len(seen.last), want)
		}
	})
}

func TestDefaultServeMux(t *testing.T) {
	before := http.DefaultServeMux
	defer func() { http.DefaultServeMux = before }()
	http.DefaultServeMux = http.NewServeMux()
	srv := serveOurs(t, &http.Server{})
	http.HandleFunc("/", see)
	versions(t, func(t *testing.T, http2 bool) {
		if _, body := get(t, client(t, http2), "https://"+srv.addr); !strings.Contains(body, "TLS 1.3") {
			t.Errorf("got %s", body)
		}
	})
}

// TestProtocols says which versions of HTTP are served, where net/http has three ways to
// say so.
func TestProtocols(t *testing.T) {
	protocols := func(http1, http2 bool) *http.Protocols {
		p := new(http.Protocols)
		p.SetHTTP1(http1)
		p.SetHTTP2(http2)
		return p
	}
	none := map[string]func(*http.Server, *std.Conn, http.Handler){}
	for name, x := range map[string]struct {
		srv          *http.Server
		http1, http2 bool
	}{
		"default":                 {&http.Server{}, true, true},
		"both":                    {&http.Server{Protocols: protocols(true, true)}, true, true},
		"HTTP/1":                  {&http.Server{Protocols: protocols(true, false)}, true, false},
		"HTTP/2":                  {&http.Server{Protocols: protocols(false, true)}, false, true},
		"TLSNextProto":            {&http.Server{TLSNextProto: none}, true, false},
		"TLSNextProto, Protocols": {&http.Server{TLSNextProto: map[string]func(*http.Server, *std.Conn, http.Handler){}, Protocols: protocols(true, true)}, true, true},
		"TLSConfig":               {&http.Server{TLSConfig: &std.Config{}}, true, true},
	} {
		for _, s := range []stack{theirs, ours} {
			t.Run(name+"/"+s.name, func(t *testing.T) {
				if s.name == theirs.name && name == "TLSConfig" {
					t.Skip("net/http looks for h2 in it, which is not where ours is configured")
				}
				srv := &http.Server{
					Handler: site(), Protocols: x.srv.Protocols, TLSNextProto: clone(x.srv.TLSNextProto), TLSConfig: x.srv.TLSConfig,
				}
				r := s.start(t, srv, 0, tlshttp.NextProtos)
				for http2, want := range map[bool]bool{false: x.http1, true: x.http2} {
					if a := <-background(client(t, http2), "https://"+r.addr+"/see"); (a.err == nil) != want {
						t.Errorf("http2 %v: got %q, %v, want success %v", http2, a.body, a.err, want)
					}
				}
				if p := x.srv.Protocols; p != nil && p.UnencryptedHTTP2() {
					t.Error("the user's Protocols were changed")
				}
				if s.name == ours.name && !x.http2 {
					r.log.wait(t, `negotiated "h2", which the server does not speak`)
				}
			})
		}
	}
}

func clone[M ~map[K]V, K comparable, V any](m M) M {
	if m == nil {
		return nil
	}
	c := M{}
	for k, v := range m {
		c[k] = v
	}
	return c
}

// TestOtherProtocols negotiates what is not HTTP: the connection ends after the handshake.
func TestOtherProtocols(t *testing.T) {
	for _, s := range []stack{theirs, ours} {
		srv := s.start(t, &http.Server{Handler: site()}, 0, []string{"acme-tls/1", "h2"})
		c := dial(t, srv.addr, "acme-tls/1")
		if p := c.ConnectionState().NegotiatedProtocol; p != "acme-tls/1" {
			t.Errorf("%s: negotiated %q", s.name, p)
		}
		if n, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%s: got %d, %v, want the end", s.name, n, err)
		}
	}
}

// TestPreface negotiates h2 and does otherwise.
func TestPreface(t *testing.T) {
	srv := serveOurs(t, &http.Server{Handler: site()})
	c := dial(t, srv.addr, "h2")
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if got, err := io.ReadAll(c); len(got) != 0 || err != nil {
		t.Errorf("got %q, %v, want nothing", got, err)
	}
	srv.log.wait(t, `negotiated h2, but speaks something else: "GET / HTTP/1.1`)
	before := srv.log.String()
	dial(t, srv.addr, "h2").Close() // who goes away is not worth a line
	get(t, client(t, true), "https://"+srv.addr+"/see")
	if got := srv.log.String(); got != before {
		t.Errorf("logged: %s", strings.TrimPrefix(got, before))
	}
	// In pieces it is good too: the server answers with SETTINGS.
	c = dial(t, srv.addr, "h2")
	for _, b := range []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00") {
		c.Write([]byte{b})
	}
	header := make([]byte, 9)
	if _, err := io.ReadFull(c, header); err != nil || header[3] != 4 {
		t.Errorf("got %x, %v, want a SETTINGS frame", header, err)
	}
}

// TestTwoListeners has one server on two TLS listeners and a plain one.
func TestTwoListeners(t *testing.T) {
	srv := &http.Server{Handler: site()}
	tlshttp.Prepare(srv)
	plain := start(t, srv, srv.Serve)
	one := start(t, srv, func(ln net.Listener) error {
		return tlshttp.Serve(srv, tls.NewListener(ln, serverConfig(tls.VersionTLS12, tlshttp.NextProtos)))
	})
	two := start(t, srv, func(ln net.Listener) error {
		return tlshttp.Serve(srv, tls.NewListener(ln, serverConfig(tls.VersionTLS13, tlshttp.NextProtos)))
	})
	versions(t, func(t *testing.T, http2 bool) {
		c := client(t, http2)
		for url, want := range map[string]string{
			"https://" + one.addr: "TLS 1.2", "https://" + two.addr: "TLS 1.3", "http://" + plain.addr: "no TLS",
		} {
			if http2 && want == "no TLS" {
				continue
			}
			if _, body := get(t, c, url+"/see"); !strings.Contains(body, want) {
				t.Errorf("%s: got %s, want %s", url, body, want)
			}
		}
	})
	t.Run("end", func(t *testing.T) {
		if err := srv.Shutdown(within(t, 5*time.Second)); err != nil {
			t.Error(err)
		}
		for _, s := range []*server{plain, one, two} {
			if err := <-s.served; err != http.ErrServerClosed {
				t.Errorf("got %v, want %v", err, http.ErrServerClosed)
			}
		}
	})
}

// TestPrepareTwice says that nothing is wrapped twice.
func TestPrepareTwice(t *testing.T) {
	calls := 0
	srv := &http.Server{Handler: site(), ConnState: func(_ net.Conn, s http.ConnState) { calls++ }}
	tlshttp.Prepare(srv)
	handler := srv.Handler
	tlshttp.Prepare(srv)
	if srv.Handler != handler {
		t.Error("the second Prepare changed the handler")
	}
	srv.ConnState(nil, http.StateNew)
	if calls != 1 {
		t.Errorf("ConnState was called %d times, want once", calls)
	}
}

// script is a listener that returns what it is told to.
type script struct {
	net.Listener
	steps chan func() (net.Conn, error)
}

func (s *script) Accept() (net.Conn, error) {
	select {
	case step := <-s.steps:
		return step()
	default:
		return s.Listener.Accept()
	}
}

type temporary struct{}

func (temporary) Error() string   { return "too many files" }
func (temporary) Timeout() bool   { return false }
func (temporary) Temporary() bool { return true }

func TestAcceptErrors(t *testing.T) {
	both(t, func(t *testing.T, s stack, http2 bool) {
		steps := make(chan func() (net.Conn, error), 10)
		steps <- func() (net.Conn, error) { return nil, temporary{} }
		steps <- func() (net.Conn, error) { return nil, temporary{} }
		srv := &http.Server{Handler: site()}
		r := start(t, srv, func(ln net.Listener) error {
			return s.serve(srv, &script{ln, steps}, 0, tlshttp.NextProtos)
		})
		get(t, client(t, http2), "https://"+r.addr+"/see")
		r.log.wait(t, "http: Accept error: too many files; retrying in 5ms\nhttp: Accept error: too many files; retrying in 10ms\n")
		broken := errors.New("broken")
		steps <- func() (net.Conn, error) { return nil, broken }
		if c, err := net.Dial("tcp", r.addr); err == nil { // ends the Accept that waits
			defer c.Close()
		}
		if err := <-r.served; err != broken {
			t.Errorf("Serve: got %v, want %v", err, broken)
		}
	})
}

func TestServeRefuses(t *testing.T) {
	t.Run("other connections", func(t *testing.T) {
		srv := &http.Server{}
		r := start(t, srv, func(ln net.Listener) error { return tlshttp.Serve(srv, ln) })
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got, want := fmt.Sprint(<-r.served), "tlshttp: the listener's connections are *net.TCPConn, not akushu's *tls.Conn"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("after Shutdown", func(t *testing.T) {
		srv := &http.Server{}
		srv.Shutdown(context.Background())
		r := start(t, srv, func(ln net.Listener) error { return tlshttp.Serve(srv, ln) })
		if err := <-r.served; err != http.ErrServerClosed {
			t.Errorf("got %v, want %v", err, http.ErrServerClosed)
		}
		if c, err := net.Dial("tcp", r.addr); err == nil {
			c.Close()
			t.Error("the listener is open")
		}
	})
	t.Run("no certificate", func(t *testing.T) {
		if err := tlshttp.ListenAndServe(&http.Server{Addr: "127.0.0.1:0"}, nil); err == nil {
			t.Error("no error")
		}
	})
	t.Run("no such address", func(t *testing.T) {
		if err := tlshttp.ListenAndServe(&http.Server{Addr: "256.0.0.1:0"}, serverConfig(0, nil)); err == nil {
			t.Error("no error")
		}
	})
}

// freeAddr is an address on which nobody listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// TestListenAndServe says what is offered by ALPN where the configuration does not.
func TestListenAndServe(t *testing.T) {
	only := func(http2 bool) *http.Protocols {
		p := new(http.Protocols)
		p.SetHTTP1(!http2)
		p.SetHTTP2(http2)
		return p
	}
	for name, x := range map[string]struct {
		protocols *http.Protocols
		protos    []string
		want      string
	}{
		"default":    {nil, nil, "h2"},
		"HTTP/1":     {only(false), nil, "http/1.1"},
		"HTTP/2":     {only(true), nil, "h2"},
		"configured": {nil, []string{"http/1.1"}, "http/1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := &http.Server{Addr: freeAddr(t), Protocols: x.protocols, ErrorLog: log.New(io.Discard, "", 0)}
			cfg := serverConfig(0, x.protos)
			served := make(chan error, 1)
			go func() { served <- tlshttp.ListenAndServe(srv, cfg) }()
			eventually(t, func() bool {
				c, err := net.Dial("tcp", srv.Addr)
				if err == nil {
					c.Close()
				}
				return err == nil
			}, func() string { return "nobody listens" })
			if got := dial(t, srv.Addr, "h2", "http/1.1").ConnectionState().NegotiatedProtocol; got != x.want {
				t.Errorf("negotiated %q, want %q", got, x.want)
			}
			if !slices.Equal(cfg.NextProtos, x.protos) {
				t.Errorf("the configuration was changed: %q", cfg.NextProtos)
			}
			srv.Close()
			if err := <-served; err != http.ErrServerClosed {
				t.Errorf("got %v, want %v", err, http.ErrServerClosed)
			}
		})
	}
}

// TestDefaultLog is for servers without ErrorLog.
func TestDefaultLog(t *testing.T) {
	var buf logs
	defer log.SetOutput(log.Writer())
	log.SetOutput(&buf)
	srv := &http.Server{}
	srv.ErrorLog = log.New(io.Discard, "", 0)
	r := serveOurs(t, srv)
	srv.ErrorLog = nil
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "EHLO mail.example\r\n")
	buf.wait(t, "http: TLS handshake error from "+c.LocalAddr().String())
}

// TestBothDirectionsAtOnce sends a large body while a large answer comes, on one stream.
func TestBothDirectionsAtOnce(t *testing.T) {
	both(t, func(t *testing.T, s stack, http2 bool) {
		srv := s.start(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).EnableFullDuplex()
			io.Copy(w, r.Body)
		})}, 0, tlshttp.NextProtos)
		data := bytes.Repeat([]byte("0123456789abcdef"), 1<<19) // 8 MiB
		resp, err := client(t, http2).Post("https://"+srv.addr, "", bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if got, err := io.ReadAll(resp.Body); !bytes.Equal(got, data) || err != nil {
			t.Errorf("got %d bytes, %v, want %d", len(got), err, len(data))
		}
	})
}

// TestSuitesOfHTTP2 negotiates h2 with each suite that a stack has: HTTP/2 forbids some.
func TestSuitesOfHTTP2(t *testing.T) {
	cert, pool := identity()
	haveIt := make(map[uint16]bool)
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		haveIt[s.ID] = true
	}
	forbidden := 0
	for _, suite := range slices.Concat(std.CipherSuites(), std.InsecureCipherSuites()) {
		if !strings.Contains(suite.Name, "_ECDHE_ECDSA_") || strings.Contains(suite.Name, "RC4") {
			continue
		}
		only := []uint16{suite.ID}
		listen := map[string]func(*http.Server, net.Listener) error{
			theirs.name: func(srv *http.Server, ln net.Listener) error {
				return srv.Serve(std.NewListener(ln, &std.Config{
					Certificates: []std.Certificate{cert}, NextProtos: tlshttp.NextProtos, MaxVersion: std.VersionTLS12, CipherSuites: only,
				}))
			},
		}
		if haveIt[suite.ID] {
			listen[ours.name] = func(srv *http.Server, ln net.Listener) error {
				cfg := serverConfig(tls.VersionTLS12, tlshttp.NextProtos)
				cfg.CipherSuites = only
				return tlshttp.Serve(srv, tls.NewListener(ln, cfg))
			}
		}
		for name, serve := range listen {
			t.Run(suite.Name+"/"+name, func(t *testing.T) {
				srv := &http.Server{Handler: site()}
				r := start(t, srv, func(ln net.Listener) error { return serve(srv, ln) })
				c, err := std.Dial("tcp", r.addr, &std.Config{RootCAs: pool, NextProtos: []string{"h2"}, MaxVersion: std.VersionTLS12, CipherSuites: only})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
				frame := make([]byte, 9+8)
				if _, err := io.ReadFull(c, frame); err != nil {
					t.Fatal(err)
				}
				want := byte(4) // SETTINGS
				if strings.Contains(suite.Name, "_CBC_") {
					want = 7 // GOAWAY
					forbidden++
				}
				if frame[3] != want || want == 7 && frame[16] != 0xc {
					t.Errorf("got %x, want a frame of type %d", frame, want)
				}
			})
		}
	}
	if forbidden == 0 {
		t.Error("no suite was forbidden")
	}
}

// hanging is a private key in a place from which no answer comes.
type hanging struct{ crypto.Signer }

func (hanging) SignContext(ctx context.Context, _ io.Reader, _ []byte, _ crypto.SignerOpts) ([]byte, error) {
	<-ctx.Done()
	return nil, fmt.Errorf("key server: no answer: %w", ctx.Err())
}

// TestKeyHangs has a private key hang: the server's timeout ends that too, the client is told
// internal_error, and the log says why.
func TestKeyHangs(t *testing.T) {
	t.Parallel()
	cfg := serverConfig(0, tlshttp.NextProtos)
	cfg.Certificates[0].PrivateKey = hanging{cfg.Certificates[0].PrivateKey.(crypto.Signer)}
	srv := &http.Server{ReadHeaderTimeout: 50 * time.Millisecond, Handler: site()}
	s := start(t, srv, func(ln net.Listener) error { return tlshttp.Serve(srv, tls.NewListener(ln, cfg)) })
	_, pool := identity()
	_, err := tls.Dial("tcp", s.addr, &tls.Config{RootCAs: pool})
	var a tls.AlertError
	if !errors.As(err, &a) || a != 80 {
		t.Errorf("client: got %v, want internal_error", err)
	}
	s.log.wait(t, "tls: signature: the private key failed to sign with ecdsa_secp256r1_sha256: key server: no answer: context canceled")
}
