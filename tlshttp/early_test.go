package tlshttp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/tls"
	"github.com/akushu/akushu/tlshttp"
)

// A valve holds what servers say to clients back until it is opened: handshakes are not
// complete before. It closes again.
type valve struct {
	mu   sync.Mutex
	open chan struct{}
}

func newValve() *valve { v := new(valve); v.shut(); v.release(); return v }

func (v *valve) shut() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open = make(chan struct{})
}

func (v *valve) release() {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-v.open:
	default:
		close(v.open)
	}
}

// dial dials through v.
func (v *valve) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	return valved{c, v}, err
}

type valved struct {
	net.Conn
	v *valve
}

func (c valved) Read(b []byte) (int, error) {
	c.v.mu.Lock()
	open := c.v.open
	c.v.mu.Unlock()
	<-open
	return c.Conn.Read(b)
}

// An opener is a listener whose connections open a valve when they write for the second
// time: behind the flight of the handshake there is an answer.
type opener struct {
	net.Listener
	v *valve
}

func (o opener) Accept() (net.Conn, error) {
	c, err := o.Listener.Accept()
	return &opening{Conn: c, v: o.v}, err
}

type opening struct {
	net.Conn
	v      *valve
	writes int
}

func (c *opening) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if c.writes++; c.writes == 2 {
		c.v.release()
	}
	return n, err
}

// earlyServer serves h with early data, and returns a client's configuration for it.
func earlyServer(t *testing.T, h http.Handler) (*server, *tls.Config) {
	t.Helper()
	return earlyServerOn(t, h, func(ln net.Listener) net.Listener { return ln })
}

func earlyServerOn(t *testing.T, h http.Handler, on func(net.Listener) net.Listener) (*server, *tls.Config) {
	t.Helper()
	cfg := serverConfig(0, tlshttp.NextProtos)
	cfg.MaxEarlyData = 4096
	srv := &http.Server{Handler: h}
	s := start(t, srv, func(ln net.Listener) error { return tlshttp.Serve(srv, tls.NewListener(on(ln), cfg)) })
	_, pool := identity()
	return s, &tls.Config{RootCAs: pool, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(4)}
}

// earlyClient sends requests early, through v.
func earlyClient(t *testing.T, cfg *tls.Config, v *valve, http2 bool) *http.Client {
	t.Helper()
	cfg = cfg.Clone()
	cfg.NextProtos = []string{"http/1.1"}
	if http2 {
		cfg.NextProtos = []string{"h2"}
	}
	rt := tlshttp.TransportFrom(&http.Transport{DialContext: v.dial}, cfg)
	rt.SendEarly()
	t.Cleanup(rt.CloseIdleConnections)
	t.Cleanup(v.release)
	return &http.Client{Transport: rt, Timeout: 20 * time.Second}
}

// TestEarlyRequests sends requests early to handlers with different minds about that.
func TestEarlyRequests(t *testing.T) {
	for _, row := range []struct {
		name, method string
		handle       func(w http.ResponseWriter, r *http.Request) bool // false: it has answered
		want         []string                                          // what came to the handler, each time
	}{
		{"taken", "GET", func(http.ResponseWriter, *http.Request) bool { return true }, []string{"GET 1"}},
		{"HEAD", "HEAD", func(http.ResponseWriter, *http.Request) bool { return true }, []string{"HEAD 1"}},
		{"too early", "GET", func(w http.ResponseWriter, r *http.Request) bool {
			early := r.Header.Get("Early-Data") != ""
			if early {
				w.WriteHeader(http.StatusTooEarly)
			}
			return !early
		}, []string{"GET 1", "GET "}},
		{"not safe", "POST", func(http.ResponseWriter, *http.Request) bool { return true }, []string{"POST "}},
	} {
		versions(t, func(t *testing.T, http2 bool) {
			t.Run(row.name, func(t *testing.T) {
				v := newValve()
				var came []string
				s, cfg := earlyServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/" {
						came = append(came, r.Method+" "+r.Header.Get("Early-Data"))
					}
					v.release()
					if row.handle(w, r) {
						_, _ = io.WriteString(w, "hello")
					}
				}))
				c := earlyClient(t, cfg, v, http2)
				get(t, c, "https://"+s.addr+"/first") // for a ticket
				c.CloseIdleConnections()
				if row.method != "POST" {
					v.shut()
				}
				req, err := http.NewRequest(row.method, "https://"+s.addr+"/", nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := c.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if got := fmt.Sprint(came); resp.StatusCode != 200 || got != fmt.Sprint(row.want) || !resp.TLS.DidResume || !resp.TLS.HandshakeComplete {
					t.Errorf("got %s, %s, %+v, want %s", resp.Status, got, resp.TLS, row.want)
				}
			})
		})
	}
}

// TestWaitForHandshake has a handler ask for the handshake first.
func TestWaitForHandshake(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		v := newValve()
		s, cfg := earlyServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			before := r.Header.Get("Early-Data")
			v.release()
			err := tlshttp.WaitForHandshake(r)
			fmt.Fprintf(w, "%q %q %v", before, r.Header.Get("Early-Data"), err)
		}))
		c := earlyClient(t, cfg, v, http2)
		if _, body := get(t, c, "https://"+s.addr); body != `"" "" <nil>` {
			t.Errorf("without early data: got %s", body)
		}
		c.CloseIdleConnections()
		v.shut()
		if _, body := get(t, c, "https://"+s.addr); body != `"1" "" <nil>` {
			t.Errorf("got %s", body)
		}
	})
}

// TestEarlyPost plays a request that is not safe to a server: it must not come to the handler,
// and the connection serves the next one.
func TestEarlyPost(t *testing.T) {
	v := newValve()
	s, cfg := earlyServerOn(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %q", r.Method, r.Header.Get("Early-Data"))
	}), func(ln net.Listener) net.Listener { return opener{ln, v} })
	cfg.NextProtos = []string{"http/1.1"}
	c := earlyClient(t, cfg, v, false)
	get(t, c, "https://"+s.addr)
	c.CloseIdleConnections()

	raw, err := new(net.Dialer).Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	v.shut()
	conn := tls.Client(valved{raw, v}, cfg)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	if err := conn.HandshakeEarly(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi"); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusTooEarly {
		t.Errorf("got %s, want 425", resp.Status)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi"); err != nil {
		t.Fatal(err)
	}
	if resp, err = http.ReadResponse(in, nil); err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(resp.Body); string(body) != `POST ""` {
		t.Errorf("again: got %s, %q", resp.Status, body)
	}
}
