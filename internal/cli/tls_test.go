package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/pki"
	"github.com/akushu/akushu/observe"
	"github.com/akushu/akushu/tls"
)

// TestHandshakeCodes says with which code each way to fail ends the process.
func TestHandshakeCodes(t *testing.T) {
	remote := func(a iana.Alert) error { return &net.OpError{Op: "remote error", Err: tls.AlertError(a)} }
	for _, tc := range []struct {
		err  error
		code ExitCode
		talk string
	}{
		{remote(iana.AlertHandshakeFailure), ExitNegotiate, "error: the other end refused the connection with the alert handshake_failure\nhint: The two ends have nothing in common"},
		{remote(iana.Alert(200)), ExitNegotiate, "error: the other end refused the connection with the alert 0xc8\n"},
		{remote(iana.AlertCertificateRequired), ExitRefused, "error: the server did not accept our certificate, or that there was none: alert certificate_required\nhint: The server wants"},
		{remote(iana.AlertUnknownCA), ExitRefused, "error: the server did not accept our certificate, or that there was none: alert unknown_ca\n"},
		{alert.Illegal("server_hello.cipher_suite", "RFC 9846 §4.2.3", "it was not offered"), ExitNegotiate, "the other end was told illegal_parameter\n"},
		{io.ErrUnexpectedEOF, ExitNegotiate, "closed the connection without a word\n"},
		{context.DeadlineExceeded, ExitNegotiate, "did not answer in time\n"},
		{tls.RecordHeaderError{Msg: "no TLS"}, ExitNegotiate, "hint: what answers on this port may not speak TLS\n"},
		{&tls.CertificateVerificationError{Err: errors.New("bad")}, ExitUntrusted, "error: there is no certificate\n"},
	} {
		env, _, talk := testEnv(nil)
		if got := env.Report(env.Handshake(tc.err, pki.Check{}, false)); got != tc.code {
			t.Errorf("%v: got code %d, want %d", tc.err, got, tc.code)
		}
		if !strings.Contains(talk.String(), tc.talk) {
			t.Errorf("%v: got %q, want %q in it", tc.err, talk, tc.talk)
		}
	}
}

// TestAskedAndRefused: a server of TLS 1.2 that misses a certificate has no alert of its own for that.
func TestAskedAndRefused(t *testing.T) {
	env, _, talk := testEnv(nil)
	err := &net.OpError{Op: "remote error", Err: tls.AlertError(iana.AlertHandshakeFailure)}
	if got := env.Report(env.Handshake(err, pki.Check{}, true)); got != ExitRefused {
		t.Errorf("got code %d, want %d", got, ExitRefused)
	}
	if want := "error: the server did not accept our certificate, or that there was none: alert handshake_failure\n"; talk.String() != want {
		t.Errorf("got %q, want %q", talk, want)
	}
}

// TestBrokenPipes: nobody is told that nobody reads what is printed, but that a connection broke is told.
func TestBrokenPipes(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{&os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}, ""},
		{&net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}, "error: write tcp: write: broken pipe\n"},
	} {
		env, _, talk := testEnv(nil)
		if got := env.Report(tc.err); got != ExitFailure || talk.String() != tc.want {
			t.Errorf("%v: got code %d and %q, want %d and %q", tc.err, got, talk, ExitFailure, tc.want)
		}
		if !HungUp(tc.err) || Quiet(tc.err) {
			t.Errorf("%v: got hung up %v, quiet %v, want true, false", tc.err, HungUp(tc.err), Quiet(tc.err))
		}
	}
}

func TestNetworkCodes(t *testing.T) {
	env, _, _ := testEnv(nil)
	for _, tc := range []struct {
		err  error
		code ExitCode
		talk string
	}{
		{
			env.Connecting("a:1", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}),
			ExitNetwork, "error: no connection to a:1: " + syscall.ECONNREFUSED.Error() + "\n",
		},
		{
			env.Connecting("a:1", &net.OpError{Op: "dial", Err: &net.DNSError{Name: "a", IsNotFound: true}}),
			ExitNetwork, "error: there is no host a\n",
		},
		{
			env.Listening(":1", &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}),
			ExitNetwork, "error: :1 cannot be listened on: " + syscall.EADDRINUSE.Error() + "\n",
		},
		{
			env.Listening("1", &net.OpError{Op: "listen", Err: &net.AddrError{Err: "missing port in address", Addr: "1"}}),
			ExitUsage, "hint: for example 127.0.0.1:8443",
		},
	} {
		env, _, talk := testEnv(nil)
		if got := env.Report(tc.err); got != tc.code {
			t.Errorf("%v: got code %d, want %d", tc.err, got, tc.code)
		}
		if !strings.Contains(talk.String(), tc.talk) {
			t.Errorf("got %q, want %q in it", talk, tc.talk)
		}
	}
}

func TestReadFile(t *testing.T) {
	env, _, _ := testEnv(nil)
	env.In = strings.NewReader("from standard input")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{file: "from a file", "-": "from standard input"} {
		if got, err := env.ReadFile(t.Context(), name); err != nil || string(got) != want {
			t.Errorf("ReadFile(%s): got %q, %v, want %q", name, got, err, want)
		}
	}
	_, err := env.ReadFile(t.Context(), file+".none")
	if env.Report(err) != ExitFailure {
		t.Errorf("got %v, want an error with code 1", err)
	}
}

// TestLoadIdentity reads a chain and its key: of two files, and of one that is standard input.
func TestLoadIdentity(t *testing.T) {
	env, _, _ := testEnv(nil)
	chain, key := identity(t)
	dir := t.TempDir()
	chainFile, keyFile := filepath.Join(dir, "chain"), filepath.Join(dir, "key")
	for name, data := range map[string][]byte{chainFile: chain, keyFile: key} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env.In = bytes.NewReader(append(chain, key...))
	for _, files := range [][2]string{{chainFile, keyFile}, {"-", "-"}} {
		cert, err := env.LoadIdentity(t.Context(), files[0], files[1])
		if err != nil || cert.Leaf.Subject.CommonName != "cli test" {
			t.Errorf("%v: got %v, %v", files, cert.Leaf, err)
		}
	}
	if _, err := env.LoadIdentity(t.Context(), keyFile, chainFile); env.Report(err) != ExitFailure {
		t.Errorf("got %v for a chain and a key the wrong way round, want an error with code 1", err)
	}
}

func identity(t *testing.T) (chain, key []byte) {
	t.Helper()
	signer, err := pki.GenerateKey(pki.DefaultKeyKind)
	if err != nil {
		t.Fatal(err)
	}
	id, err := pki.SelfSigned(pki.Env{Now: time.Now, Rand: zeros{}}, pki.Request{Key: signer, CommonName: "cli test"})
	if err != nil {
		t.Fatal(err)
	}
	if key, err = pki.EncodeKey(signer); err != nil {
		t.Fatal(err)
	}
	return pki.EncodeChain(id.Chain...), key
}

// zeros is randomness enough for a serial number of a test.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 1
	}
	return len(p), nil
}

// TestWatcher shows two connections, one after the other: ladders with an empty line between
// them, or objects.
func TestWatcher(t *testing.T) {
	for _, tc := range []struct {
		json bool
		want string // what begins the second connection
	}{
		{false, "\n\n          client"},
		{true, "\n{\"v\":1,\"stream\":1,"},
	} {
		env, out, _ := testEnv(nil)
		env.Now = time.Now
		o := WatchOptions{JSON: tc.json}
		if !tc.json {
			o.Ladders = env.Out
		}
		w := env.Watch(o)
		for range 2 {
			near, far := net.Pipe()
			c := w.Tap.Conn(near, observe.Client, 0)
			go func() { _, _ = io.Copy(io.Discard, far) }()
			if _, err := io.WriteString(c, "GET / HTTP/1.0\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if n := strings.Count(out.String(), tc.want); n != 1 || w.Err() != nil {
			t.Errorf("json %v: got error %v and\n%s, want %q in it once", tc.json, w.Err(), out, tc.want)
		}
	}
}

func TestHelpShowsDefaults(t *testing.T) {
	words := explain.For(explain.English)
	cmd := NewCommand(words, "version", nil)
	var addr string
	var wait time.Duration
	String(cmd.Flags(), words, &addr, "addr", "ADDR", "127.0.0.1:8443")
	String(cmd.Flags(), words, new(string), "dir", "DIR", "")
	cmd.Flags().DurationVar(&wait, "wait", 200*time.Millisecond, "how long")
	var got bytes.Buffer
	if err := Help(&got, cmd, words); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"(127.0.0.1:8443)\n", "--wait TIME  how long (200ms)\n", "this folder\n"} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("got\n%s, want %q in it", got.String(), want)
		}
	}
}
