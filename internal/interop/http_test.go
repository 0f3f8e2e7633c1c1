package interop_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/tls"
	"github.com/akushu/akushu/tlshttp"
)

// lines is a log, written and read at once.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.buf.String()), "\n")
}

// webServer serves our HTTPS: / says what the handler saw, /echo how much it got.
func webServer(t *testing.T, creds *credentials) (addr string, keys, errors *lines) {
	t.Helper()
	keys, errors = new(lines), new(lines)
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{creds.certs["ecdsa-p256"]},
		// curl --http1.0 offers it.
		NextProtos:   append(slices.Clone(tlshttp.NextProtos), "http/1.0"),
		KeyLogWriter: keys,
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %q\n", r.Proto, tls.VersionName(r.TLS.Version), r.TLS.NegotiatedProtocol)
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		n, err := io.Copy(sum, r.Body)
		fmt.Fprintf(w, "%d %x %v\n", n, sum.Sum(nil), err)
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) { w.Write(large) })
	srv := &http.Server{Handler: mux, ErrorLog: log.New(errors, "", 0)}
	served := make(chan error, 1)
	go func() { served <- tlshttp.Serve(srv, ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != http.ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
	})
	return ln.Addr().String(), keys, errors
}

var large = bytes.Repeat([]byte("0123456789abcdef"), 200_000) // 3.2 MB

// curl runs curl, and returns what it wrote.
func curl(t *testing.T, env []string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, peer.Find(t, "curl"), append([]string{"-sS"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("curl %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestCurl asks our server in every version of TLS and HTTP.
func TestCurl(t *testing.T) {
	peer.Find(t, "curl")
	creds := newCredentials(t)
	addr, keys, _ := webServer(t, creds)
	for _, x := range []struct{ flags, want string }{
		{"", `HTTP/2.0 TLS 1.3 "h2"`},
		{"--http2", `HTTP/2.0 TLS 1.3 "h2"`},
		{"--http1.1", `HTTP/1.1 TLS 1.3 "http/1.1"`},
		{"--http1.0", `HTTP/1.0 TLS 1.3 "http/1.0"`},
		{"--no-alpn", `HTTP/1.1 TLS 1.3 ""`},
		{"--tls-max 1.2", `HTTP/2.0 TLS 1.2 "h2"`},
		{"--tls-max 1.2 --http1.1", `HTTP/1.1 TLS 1.2 "http/1.1"`},
		{"--tls-max 1.2 --http1.0", `HTTP/1.0 TLS 1.2 "http/1.0"`},
		{"--tls-max 1.2 --no-alpn", `HTTP/1.1 TLS 1.2 ""`},
	} {
		t.Run(x.flags, func(t *testing.T) {
			flags := strings.Fields(x.flags)
			out := curl(t, nil, append(flags, "-k", "-i", "https://"+addr)...)
			status, _, _ := strings.Cut(out, "\r\n")
			if !strings.HasPrefix(status, "HTTP/") || !strings.Contains(status, " 200") || !strings.HasSuffix(out, "\r\n\r\n"+x.want+"\n") {
				t.Errorf("got %s, want %s", out, x.want)
			}
			trusting := append(flags, "--cacert", creds.root, "--resolve", "localhost:"+port(t, addr)+":127.0.0.1")
			large := "https://localhost:" + port(t, addr)
			if out := curl(t, nil, append(trusting, large+"/large")...); len(out) != 3_200_000 {
				t.Errorf("got %d bytes, want 3200000", len(out))
			}
			if out, want := curl(t, nil, append(trusting, "--data-binary", "@"+largeFile(t), large+"/echo")...), largeSum(); out != want {
				t.Errorf("got %s, want %s", out, want)
			}
		})
	}
	t.Run("SSLKEYLOGFILE", func(t *testing.T) {
		for _, version := range []string{"1.2", "1.3"} {
			file := filepath.Join(t.TempDir(), "keys")
			curl(t, []string{"SSLKEYLOGFILE=" + file}, "-k", "--tls-max", version, "https://"+addr)
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			ours := keys.all()
			n := 0
			for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
				if strings.HasPrefix(line, "#") {
					continue
				}
				n++
				if !slices.Contains(ours, line) {
					t.Errorf("TLS %s: curl logged %s, we did not", version, line)
				}
			}
			if n == 0 {
				t.Errorf("TLS %s: curl logged nothing", version)
			}
		}
	})
}

func largeFile(t *testing.T) string { return write(t, t.TempDir(), "large", large) }

func largeSum() string { return fmt.Sprintf("%d %x <nil>\n", len(large), sha256.Sum256(large)) }

// TestCurlInTheClear sends plain HTTP to the TLS port.
func TestCurlInTheClear(t *testing.T) {
	peer.Find(t, "curl")
	addr, _, errors := webServer(t, newCredentials(t))
	for _, args := range [][]string{{}, {"--http1.0"}, {"--data-binary", "@" + largeFile(t)}} {
		got := curl(t, nil, append(args, "-i", "http://"+addr)...)
		if want := "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"; got != want {
			t.Errorf("%q: got %q, want %q", args, got, want)
		}
	}
	for end := time.Now().Add(5 * time.Second); len(errors.all()) < 3 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	if all := errors.all(); len(all) != 3 || !strings.HasSuffix(all[0], ": client sent an HTTP request to an HTTPS server") {
		t.Errorf("logged: %q", all)
	}
}

// TestCurlThroughShutdown has a download under way while the server shuts down.
func TestCurlThroughShutdown(t *testing.T) {
	program := peer.Find(t, "curl")
	for _, flag := range []string{"--http1.1", "--http2"} {
		creds := newCredentials(t)
		ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
			Certificates: []tls.Certificate{creds.certs["ecdsa-p256"]}, NextProtos: tlshttp.NextProtos,
		})
		if err != nil {
			t.Fatal(err)
		}
		begun, finish := make(chan struct{}), make(chan struct{})
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "first half, ")
			http.NewResponseController(w).Flush()
			close(begun)
			<-finish
			io.WriteString(w, "second half")
		})}
		served := make(chan error, 1)
		go func() { served <- tlshttp.Serve(srv, ln) }()
		cmd := exec.Command(program, "-sSk", flag, "--max-time", "20", "https://"+ln.Addr().String())
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-begun
		down := make(chan error, 1)
		go func() { down <- srv.Shutdown(context.Background()) }()
		if err := <-served; err != http.ErrServerClosed {
			t.Errorf("%s: Serve: %v", flag, err)
		}
		close(finish)
		if err := cmd.Wait(); err != nil || out.String() != "first half, second half" {
			t.Errorf("%s: got %q, %v", flag, out.String(), err)
		}
		if err := <-down; err != nil {
			t.Errorf("%s: Shutdown: %v", flag, err)
		}
	}
}

// nginxConf is a server of HTTP/1 and one of HTTP/2, which also send what comes to /up/ to
// ours.
const nginxConf = `
daemon off;
master_process off;
pid %[1]s/pid;
error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
	client_max_body_size 10m;
	ssl_protocols TLSv1.2 TLSv1.3;
	ssl_certificate %[2]s;
	ssl_certificate_key %[3]s;
	proxy_ssl_trusted_certificate %[4]s;
	proxy_ssl_verify on;
	proxy_ssl_name localhost;
	proxy_ssl_server_name on;
	proxy_ssl_protocols TLSv1.2 TLSv1.3;
	proxy_http_version 1.1;
	server {
		listen %[5]s ssl;
		location / { return 200 "$server_protocol $ssl_protocol\n"; }
		location /up/ { proxy_pass https://%[7]s/; }
	}
	server {
		listen %[6]s ssl http2;
		location / { return 200 "$server_protocol $ssl_protocol\n"; }
		location /up/ { proxy_pass https://%[7]s/; }
	}
}
`

// TestNginx has our client ask nginx, and nginx ask our server.
func TestNginx(t *testing.T) {
	program := peer.Find(t, "nginx")
	creds := newCredentials(t)
	up, _, _ := webServer(t, creds)
	one, two := freeAddr(t), freeAddr(t)
	dir := t.TempDir()
	files := creds.files["ecdsa-p256"]
	conf := write(t, dir, "nginx.conf", fmt.Appendf(nil, nginxConf, dir, files[0], files[1], creds.root, one, two, up))
	p := peer.Start(t, program, "-p", dir, "-c", conf, "-e", "stderr")
	for _, addr := range []string{one, two} {
		awaitListener(t, addr, p)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for addr, proto := range map[string]string{one: "HTTP/1.1", two: "HTTP/2.0"} {
			t.Run(tls.VersionName(version)+"/"+proto, func(t *testing.T) {
				tr := tlshttp.Transport(&tls.Config{RootCAs: creds.pool, MinVersion: version, MaxVersion: version})
				defer tr.CloseIdleConnections()
				c := &http.Client{Transport: tr, Timeout: 20 * time.Second}
				resp, err := c.Get("https://" + addr)
				want := proto + " " + strings.ReplaceAll(tls.VersionName(version), "TLS ", "TLSv") + "\n"
				if got := text(t, resp, err); got != want || resp.Proto != proto || resp.TLS.Version != version {
					t.Errorf("got %s %q, want %q", resp.Proto, got, want)
				}
				resp, err = c.Post("https://"+addr+"/up/echo", "", bytes.NewReader(large))
				if got := text(t, resp, err); got != largeSum() {
					t.Errorf("got %q, want %q", got, largeSum())
				}
				resp, err = c.Get("https://" + addr + "/up/")
				if got := text(t, resp, err); !strings.HasPrefix(got, "HTTP/1.1 TLS 1.3 ") {
					t.Errorf("got %q, want HTTP/1.1 over TLS 1.3", got)
				}
			})
		}
	}
}

// text is the body of a response.
func text(t *testing.T, resp *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func awaitListener(t *testing.T, addr string, p *peer.Program) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody listens on %s:\n%s", addr, p.Text())
		}
	}
}

func port(t *testing.T, addr string) string {
	t.Helper()
	_, p, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
