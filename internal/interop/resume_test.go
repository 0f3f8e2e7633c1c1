package interop_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/tls"
)

// A resumption is one way to resume a session.
type resumption struct {
	version iana.Version
	byID    bool // by session ID, without tickets: TLS 1.2
	auth    bool // the client has shown a certificate in the first handshake
}

func (r resumption) String() string {
	how := "ticket"
	if r.byID {
		how = "session ID"
	}
	if r.auth {
		how += ", client certificate"
	}
	return fmt.Sprintf("%v/%s", r.version, how)
}

var resumptions = []resumption{
	{iana.VersionTLS12, false, false},
	{iana.VersionTLS12, true, false},
	{iana.VersionTLS12, false, true},
	{iana.VersionTLS12, true, true},
	{iana.VersionTLS13, false, false},
	{iana.VersionTLS13, false, true},
}

// config is our end's.
func (r resumption) config(creds *credentials) *tls.Config {
	cfg := &tls.Config{
		Certificates: []tls.Certificate{creds.certs["ecdsa-p256"]}, RootCAs: creds.pool, ClientCAs: creds.pool, ServerName: "localhost",
		MinVersion: uint16(r.version), MaxVersion: uint16(r.version), ClientSessionCache: tls.NewLRUClientSessionCache(4),
		ServerSessionCache: tls.NewLRUServerSessionCache(4),
	}
	if r.auth {
		cfg.ClientAuth = tls.RequireAnyClientCert
	}
	return cfg
}

// dialTwice resumes, as a client, the session of its first connection, and says a word each
// time that comes back as want.
func (r resumption) dialTwice(t *testing.T, creds *credentials, addr, want string) {
	t.Helper()
	cfg := r.config(creds)
	cfg.SessionTicketsDisabled = false // a client without tickets resumes nothing at all
	for i := range 2 {
		c, err := tls.Dial("tcp", addr, cfg)
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(20 * time.Second))
		if got := c.ConnectionState().DidResume; got != (i == 1) {
			t.Errorf("connection %d: resumed %v", i, got)
		}
		if _, err := io.WriteString(c, "akushu\n"); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, len(want))
		if _, err := io.ReadFull(c, buf); err != nil || string(buf) != want {
			t.Errorf("connection %d: got %q, %v, want %q", i, buf, err, want)
		}
		c.Close()
	}
}

// serve is a server of ours that sends back what it reads. It says of each connection, in the
// order in which they came, whether it was resumed, and whether the client has a certificate.
func (r resumption) serve(t *testing.T, creds *credentials) (addr string, states <-chan chan string) {
	t.Helper()
	cfg := r.config(creds)
	cfg.SessionTicketsDisabled = r.byID
	ln, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	out := make(chan chan string, 8)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			state := make(chan string, 1)
			out <- state
			go func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(20 * time.Second))
				if err := c.(*tls.Conn).Handshake(); err != nil {
					state <- err.Error()
					return
				}
				s := c.(*tls.Conn).ConnectionState()
				state <- fmt.Sprintf("resumed %v, client known %v", s.DidResume, len(s.PeerCertificates) > 0)
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return ln.Addr().String(), out
}

// want compares what our server says of a connection.
func (r resumption) want(t *testing.T, states <-chan chan string, resumed bool) {
	t.Helper()
	want := fmt.Sprintf("resumed %v, client known %v", resumed, r.auth)
	select {
	case state := <-states:
		if got := <-state; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Errorf("no connection, want %s", want)
	}
}

// flags is what OpenSSL is told.
func (r resumption) flags() []string {
	flags := []string{"-tls1_3"}
	if r.version == iana.VersionTLS12 {
		flags = []string{"-tls1_2"}
	}
	if r.byID {
		flags = append(flags, "-no_ticket")
	}
	return flags
}

// TestResumeOpenSSLServer has our client resume sessions of openssl s_server.
func TestResumeOpenSSLServer(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	creds := newCredentials(t)
	y := newTally(t, "our client resumes sessions of openssl s_server")
	for _, r := range resumptions {
		y.run(t, r.String(), func(t *testing.T) {
			files := creds.files["ecdsa-p256"]
			args := append([]string{
				"s_server", "-accept", "127.0.0.1:0", "-rev", "-cert", files[0], "-key", files[1],
			}, r.flags()...)
			if r.auth {
				args = append(args, "-Verify", "1", "-CAfile", creds.root)
			}
			p := peer.Start(t, openssl, args...)
			r.dialTwice(t, creds, p.Await(t, `ACCEPT (127\.0\.0\.1:\d+)`), "uhsuka\n")
		})
	}
}

// TestResumeOpenSSLClient has openssl s_client resume sessions of our server.
func TestResumeOpenSSLClient(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	creds := newCredentials(t)
	y := newTally(t, "openssl s_client resumes our sessions")
	for _, r := range resumptions {
		y.run(t, r.String(), func(t *testing.T) {
			addr, states := r.serve(t, creds)
			kept := filepath.Join(t.TempDir(), "session")
			files := creds.files["ecdsa-p256"]
			for i, flag := range []string{"-sess_out", "-sess_in"} {
				args := append([]string{
					"s_client", "-connect", addr, "-CAfile", creds.root, "-servername", "localhost",
					"-cert", files[0], "-key", files[1], flag, kept,
				}, r.flags()...)
				p := peer.Start(t, openssl, args...)
				p.Await(t, `(New|Reused), TLSv1\.\d`)
				p.Say(t, "akushu")
				p.Await(t, `akushu\n`) // wherever it prints it in between
				p.Say(t, "Q")
				p.Wait()
				if got := strings.Contains(p.Text(), "Reused, "); got != (i == 1) {
					t.Errorf("connection %d: OpenSSL says reused: %v\n%s", i, got, p.Text())
				}
				r.want(t, states, i == 1)
			}
			if _, err := os.Stat(kept); err != nil {
				t.Error(err)
			}
		})
	}
}

// priority is what GnuTLS is told.
func (r resumption) priority() string {
	if r.version == iana.VersionTLS12 {
		return "NORMAL:-VERS-ALL:+VERS-TLS1.2"
	}
	return "NORMAL:-VERS-ALL:+VERS-TLS1.3"
}

// TestResumeGnuTLSServer has our client resume sessions of gnutls-serv.
func TestResumeGnuTLSServer(t *testing.T) {
	serv := peer.Find(t, "gnutls-serv")
	creds := newCredentials(t)
	y := newTally(t, "our client resumes sessions of gnutls-serv")
	for _, r := range resumptions {
		y.run(t, r.String(), func(t *testing.T) {
			files := creds.files["ecdsa-p256"]
			args := []string{"--echo", "--x509certfile", files[0], "--x509keyfile", files[1], "--priority", r.priority()}
			if r.byID {
				args = append(args, "--noticket")
			}
			if r.auth {
				args = append(args, "--require-client-cert", "--verify-client-cert", "--x509cafile", creds.root)
			} else {
				args = append(args, "--disable-client-cert")
			}
			addr := startGnuTLS(t, serv, args...)
			r.dialTwice(t, creds, addr, "akushu\n")
		})
	}
}

// startGnuTLS starts gnutls-serv on a port that is free, and returns its address.
func startGnuTLS(t *testing.T, serv string, args ...string) string {
	t.Helper()
	addr, _ := launchGnuTLS(t, serv, args...)
	return addr
}

// launchGnuTLS is startGnuTLS, and returns the program too.
func launchGnuTLS(t *testing.T, serv string, args ...string) (string, *peer.Program) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	ln.Close()
	p := peer.Start(t, serv, append(args, "--port", port)...)
	p.Await(t, `listening on IPv4 .*\n.*done`)
	return net.JoinHostPort("127.0.0.1", port), p
}

// TestResumeGnuTLSClient has gnutls-cli resume sessions of our server.
func TestResumeGnuTLSClient(t *testing.T) {
	cli := peer.Find(t, "gnutls-cli")
	creds := newCredentials(t)
	y := newTally(t, "gnutls-cli resumes our sessions")
	for _, r := range resumptions {
		y.run(t, r.String(), func(t *testing.T) {
			addr, states := r.serve(t, creds)
			_, port, _ := net.SplitHostPort(addr)
			files := creds.files["ecdsa-p256"]
			args := []string{
				"--resume", "--waitresumption", "--port", port, "--x509cafile", creds.root, "--priority", r.priority(),
				"--x509certfile", files[0], "--x509keyfile", files[1],
			}
			if r.byID {
				args = append(args, "--noticket")
			}
			p := peer.Start(t, cli, append(args, "localhost")...)
			r.want(t, states, false)
			r.want(t, states, true)
			p.Await(t, regexp.QuoteMeta("*** This is a resumed session"))
		})
	}
}
