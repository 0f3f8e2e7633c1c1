package tlshttp_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	std "crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/tls"
	"github.com/akushu/akushu/tlshttp"
)

// site is what both servers serve.
func site() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/see", see)
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) {
		w.Write(bytes.Repeat([]byte("0123456789abcdef"), 256<<10)) // 4 MiB
	})
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d bytes, ", len(body))
		w.Header().Set("X-Sum", r.Trailer.Get("X-Client"))
	})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		for i := range 3 {
			fmt.Fprintf(w, "part %d\n", i)
			if err := http.NewResponseController(w).Flush(); err != nil {
				fmt.Fprintln(w, err)
			}
		}
	})
	mux.HandleFunc("/early", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "after hints")
	})
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("on purpose") })
	mux.HandleFunc("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/hijack", func(w http.ResponseWriter, r *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			fmt.Fprint(w, "no: ", err)
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 299 Mine\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
	})
	mux.HandleFunc("/push", func(w http.ResponseWriter, r *http.Request) {
		p, ok := w.(http.Pusher)
		if !ok {
			io.WriteString(w, "no pusher")
			return
		}
		fmt.Fprint(w, p.Push("/see", nil)) // Go's client refuses it
	})
	mux.HandleFunc("/deadline", func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		fmt.Fprintln(w, rc.SetReadDeadline(time.Now().Add(time.Minute)), rc.SetWriteDeadline(time.Now().Add(time.Minute)), rc.EnableFullDuplex())
	})
	mux.HandleFunc("/small", func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 10))
		fmt.Fprint(w, err)
	})
	return mux
}

// see writes what a handler sees of its connection.
func see(w http.ResponseWriter, r *http.Request) {
	remote, _, err := net.SplitHostPort(r.RemoteAddr)
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	srv, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	fmt.Fprintln(w, r.Proto, r.Method, r.URL, r.Host != "", remote, err, local != nil && local.String() != r.RemoteAddr, srv != nil)
	if r.TLS == nil {
		fmt.Fprintln(w, "no TLS")
		return
	}
	s := r.TLS
	fmt.Fprintln(w, s.HandshakeComplete, tls.VersionName(s.Version), s.NegotiatedProtocol, s.ServerName, s.DidResume, s.CurveID)
	_, err = s.ExportKeyingMaterial("EXPORTER-akushu", nil, 16)
	fmt.Fprintln(w, "exporter", err)
}

func echo(w http.ResponseWriter, r *http.Request) {
	h := sha256.New()
	n, err := io.Copy(h, r.Body)
	fmt.Fprintf(w, "%d %x %v", n, h.Sum(nil)[:4], err)
}

// request is one request of the table.
type request struct {
	name, method, path string
	body               func() io.Reader
	header             http.Header
	trailer            http.Header
}

var requests = []request{
	{name: "see", path: "/see"},
	{name: "HEAD", method: "HEAD", path: "/see"},
	{name: "none there", path: "/none"},
	{name: "redirect", path: "/see/../see"},
	{name: "OPTIONS", method: "OPTIONS", path: "*"},
	{name: "large answer", path: "/large"},
	{name: "large request", method: "POST", path: "/echo", body: largeBody},
	{name: "length unknown", method: "POST", path: "/echo", body: func() io.Reader { return io.MultiReader(largeBody()) }},
	{name: "empty request body", method: "POST", path: "/echo", body: func() io.Reader { return strings.NewReader("") }},
	{name: "100-continue", method: "PUT", path: "/echo", body: largeBody, header: http.Header{"Expect": {"100-continue"}}},
	{name: "trailers", method: "POST", path: "/trailers", body: func() io.Reader { return io.MultiReader(strings.NewReader("abc")) }, trailer: http.Header{"X-Client": {"sum"}}},
	{name: "stream", path: "/stream"},
	{name: "early hints", path: "/early"},
	{name: "panic", path: "/panic"},
	{name: "abort", path: "/abort"},
	{name: "hijack", path: "/hijack"},
	{name: "push", path: "/push"},
	{name: "deadlines", path: "/deadline"},
	{name: "body too large", method: "POST", path: "/small", body: func() io.Reader { return strings.NewReader("more than ten bytes") }},
	{name: "large header", path: "/see", header: http.Header{"X-Large": {strings.Repeat("x", 1<<20+8192)}}},
}

func largeBody() io.Reader { return bytes.NewReader(bytes.Repeat([]byte("0123456789"), 300_000)) }

// observe makes a request, and describes what came of it.
func (q request) observe(c *http.Client, base string) string {
	var body io.Reader
	if q.body != nil {
		body = q.body()
	}
	path := q.path
	if path == "*" {
		path = "/"
	}
	r, err := http.NewRequest(q.method, base+path, body)
	if err != nil {
		return err.Error()
	}
	if q.path == "*" {
		r.URL.Path, r.URL.Opaque = "", "*"
	}
	if q.header != nil {
		r.Header = q.header.Clone()
	}
	r.Trailer = q.trailer.Clone()
	resp, err := c.Do(r)
	if err != nil {
		return "error: " + short(err)
	}
	defer resp.Body.Close()
	return describe(resp)
}

// describe is all of a response that does not depend on time or chance.
func describe(resp *http.Response) string {
	var b strings.Builder
	fmt.Fprintln(&b, resp.Proto, resp.Status, resp.ContentLength, resp.TransferEncoding, resp.Close, resp.Uncompressed)
	resp.Header.Del("Date")
	var names []string
	for name := range resp.Header {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintln(&b, name, resp.Header[name])
	}
	body, err := io.ReadAll(resp.Body)
	if len(body) > 1000 {
		body = fmt.Appendf(nil, "%d bytes, %x", len(body), sha256.Sum256(body))
	}
	fmt.Fprintf(&b, "%s\n%v\n", body, err)
	fmt.Fprintln(&b, resp.Trailer)
	if s := resp.TLS; s != nil {
		fmt.Fprintln(&b, s.HandshakeComplete, s.NegotiatedProtocol, tls.VersionName(s.Version))
	}
	return b.String()
}

// short is the error below what net/http says of the request.
func short(err error) string {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err.Error()
}

// TestServersAreAlike makes the same requests of net/http over crypto/tls and over ours,
// and wants the same to be seen, by handlers and clients.
func TestServersAreAlike(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			versions(t, func(t *testing.T, http2 bool) {
				var urls [2]string
				var logs [2]*logs
				for i, s := range []stack{theirs, ours} {
					srv := s.start(t, &http.Server{Handler: site()}, version, tlshttp.NextProtos)
					urls[i], logs[i] = "https://"+srv.addr, srv.log
				}
				c := client(t, http2)
				for _, q := range requests {
					want, got := q.observe(c, urls[0]), q.observe(c, urls[1])
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s: crypto/tls -, akushu +\n%s", q.name, diff)
					}
				}
				for _, l := range logs {
					l.wait(t, "on purpose")
				}
				if want, got := firstWords(logs[0]), firstWords(logs[1]); want != got {
					t.Errorf("logged: got %q, want %q", got, want)
				}
			})
		})
	}
}

// firstWords is what was logged without addresses and stacks.
func firstWords(l *logs) string {
	var words []string
	for line := range strings.Lines(l.String()) {
		if before, _, ok := strings.Cut(line, "127.0.0.1:"); ok {
			_, after, _ := strings.Cut(line, ": ")
			words = append(words, before+" … "+after[strings.Index(after, ": ")+1:])
		}
	}
	return strings.Join(words, "")
}

// TestHandlerSees says once, without a comparison, what a handler is to see.
func TestHandlerSees(t *testing.T) {
	srv := serveOurs(t, &http.Server{Handler: site()})
	for http2, want := range map[bool]string{
		false: "HTTP/1.1 GET /see true 127.0.0.1 <nil> true true\ntrue TLS 1.3 http/1.1 localhost false X25519MLKEM768\nexporter <nil>\n",
		true:  "HTTP/2.0 GET /see true 127.0.0.1 <nil> true true\ntrue TLS 1.3 h2 localhost false X25519MLKEM768\nexporter <nil>\n",
	} {
		_, got := get(t, client(t, http2), "https://localhost:"+port(srv.addr)+"/see")
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}

// exchange is bytes that are sent on one connection.
type exchange struct {
	name   string
	plain  bool     // without TLS
	protos []string // what the client offers by ALPN
	send   string
}

var exchanges = []exchange{
	{name: "HTTP/1.0 without Host", send: "GET /see HTTP/1.0\r\n\r\n"},
	{name: "HTTP/1.0 keep-alive", send: "GET /see HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /none HTTP/1.0\r\n\r\n"},
	{name: "HTTP/1.0 by ALPN", protos: []string{"http/1.0"}, send: "GET /see HTTP/1.0\r\n\r\n"},
	{name: "HTTP/1.1 without ALPN", send: "GET /see HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"},
	{name: "HTTP/1.1 without Host", send: "GET /see HTTP/1.1\r\n\r\n"},
	{name: "pipelined", send: "GET /see HTTP/1.1\r\nHost: h\r\n\r\nGET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"},
	{name: "OPTIONS *", send: "OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"},
	{name: "not HTTP", send: "hello\r\n\r\n"},
	{name: "HTTP/2 without ALPN", send: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
	{name: "HTTP/1.1 for h2", protos: []string{"h2"}, send: "GET /see HTTP/1.1\r\nHost: somewhere\r\nConnection: close\r\n\r\n"},
	{name: "plain GET", plain: true, send: "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "plain POST", plain: true, send: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"},
	{name: "plain something", plain: true, send: "EHLO mail.example\r\n"},
}

// observe sends the bytes, and returns what comes back.
func (x exchange) observe(t *testing.T, addr string) string {
	t.Helper()
	var c net.Conn
	var err error
	if x.plain {
		c, err = net.Dial("tcp", addr)
	} else {
		_, pool := identity()
		c, err = std.Dial("tcp", addr, &std.Config{RootCAs: pool, NextProtos: x.protos})
	}
	if err != nil {
		return "dial: " + short(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, x.send); err != nil {
		return "write: " + short(err)
	}
	var lines []string
	for s := bufio.NewScanner(c); s.Scan(); {
		if line := s.Text(); !strings.HasPrefix(line, "Date:") {
			lines = append(lines, fmt.Sprintf("%q", line))
		}
	}
	return strings.Join(lines, "\n")
}

// TestExchangesAreAlike compares bytes on a connection.
func TestExchangesAreAlike(t *testing.T) {
	var addrs [2]string
	for i, s := range []stack{theirs, ours} {
		protos := append(slices.Clone(tlshttp.NextProtos), "http/1.0")
		addrs[i] = s.start(t, &http.Server{Handler: site()}, 0, protos).addr
	}
	for _, x := range exchanges {
		want, got := x.observe(t, addrs[0]), x.observe(t, addrs[1])
		if x.name == "HTTP/1.1 for h2" {
			// Here the frames that net/http sends before it looks at the preface are
			// not sent.
			if got != "" {
				t.Errorf("%s: got %s, want nothing", x.name, got)
			}
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: crypto/tls -, akushu +\n%s", x.name, diff)
		}
	}
}
