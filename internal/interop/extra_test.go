package interop_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/tls"
)

// An extra is something that a handshake can do beside what it must, and how each program is
// told to do it.
type extra struct {
	name     string
	versions []iana.Version
	key      string                          // of the server's certificate; empty: ecdsa-p256
	config   func(*credentials, *tls.Config) // of our end, which is either
	// What programs are told. Nil: they cannot do it at this end.
	openssl, gnutls ends
	ours            string // what our end says afterwards, by said; empty: nothing particular
	said            func(c *tls.Conn) string
	priority        string // of GnuTLS, beside the version
}

// ends is the flags of a program as a server and as a client, and what its output has to match.
type ends struct {
	server, client           func(*credentials) []string
	serverShows, clientShows string
}

// flags is the same flags, whatever the credentials.
func flags(all ...string) func(*credentials) []string {
	return func(*credentials) []string { return all }
}

var both = []iana.Version{iana.VersionTLS12, iana.VersionTLS13}

func (x *extra) kind() string {
	if x.key == "" {
		return "ecdsa-p256"
	}
	return x.key
}

// our is the Config of our end.
func (x *extra) our(creds *credentials, v iana.Version) *tls.Config {
	cfg := &tls.Config{
		Certificates: []tls.Certificate{creds.certs[x.kind()]}, RootCAs: creds.pool, ClientCAs: creds.pool, ServerName: "localhost",
		MinVersion: uint16(v), MaxVersion: uint16(v),
	}
	if x.config != nil {
		x.config(creds, cfg)
	}
	return cfg
}

// check compares what our end came to.
func (x *extra) check(t *testing.T, c *tls.Conn) {
	t.Helper()
	if x.said == nil {
		return
	}
	if got := x.said(c); got != x.ours {
		t.Errorf("our end: got %s, want %s", got, x.ours)
	}
}

// visit has our client connect to a program that sends lines back, as want.
func (x *extra) visit(t *testing.T, creds *credentials, v iana.Version, addr, want string) {
	t.Helper()
	c := dial(t, addr, x.our(creds, v))
	defer c.Close()
	if _, err := io.WriteString(c, "akushu\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := bufio.NewReader(c).ReadString('\n'); got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	x.check(t, c)
}

// host serves one connection and checks it.
func (x *extra) host(t *testing.T, creds *credentials, v iana.Version) (addr string, done <-chan error) {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", x.our(creds, v))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	out := make(chan error, 1)
	go func() {
		raw, err := ln.Accept()
		if err != nil {
			out <- err
			return
		}
		defer raw.Close()
		c := raw.(*tls.Conn)
		c.SetDeadline(time.Now().Add(20 * time.Second))
		line, err := bufio.NewReader(c).ReadString('\n')
		if err == nil {
			_, err = io.WriteString(c, line)
		}
		if err == nil {
			x.check(t, c)
		}
		out <- err
		_, _ = io.Copy(io.Discard, c)
	}()
	return ln.Addr().String(), out
}

// outcome waits for what our server came to.
func outcome(t *testing.T, done <-chan error) {
	t.Helper()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("our server waits")
	}
}

func opensslVersion(v iana.Version) string {
	return map[iana.Version]string{iana.VersionTLS12: "-tls1_2", iana.VersionTLS13: "-tls1_3"}[v]
}

func (x *extra) gnutlsPriority(v iana.Version) string {
	return fmt.Sprintf("NORMAL:-VERS-ALL:+VERS-%s%s", strings.ReplaceAll(v.String(), " ", ""), x.priority)
}

func (x *extra) toOpenSSL(t *testing.T, openssl string, creds *credentials, v iana.Version) {
	files := creds.files[x.kind()]
	p := peer.Start(t, openssl, append([]string{
		"s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-rev", "-cert", files[0], "-key", files[1], opensslVersion(v),
	}, x.openssl.server(creds)...)...)
	x.visit(t, creds, v, p.Await(t, `ACCEPT (127\.0\.0\.1:\d+)`), "uhsuka\n")
	p.Await(t, x.openssl.serverShows)
}

func (x *extra) fromOpenSSL(t *testing.T, openssl string, creds *credentials, v iana.Version) {
	addr, done := x.host(t, creds, v)
	p := peer.Start(t, openssl, append([]string{
		"s_client", "-connect", addr, "-CAfile", creds.root, "-verify_return_error", "-servername", "localhost", opensslVersion(v),
	}, x.openssl.client(creds)...)...)
	p.Await(t, `(New|Reused), TLSv1\.\d`)
	p.Say(t, "akushu")
	p.Await(t, `akushu\n`)
	p.Await(t, x.openssl.clientShows)
	p.Say(t, "Q")
	outcome(t, done)
}

func (x *extra) toGnuTLS(t *testing.T, serv string, creds *credentials, v iana.Version) {
	files := creds.files[x.kind()]
	args := []string{"--echo", "--priority", x.gnutlsPriority(v)}
	own := x.gnutls.server(creds)
	if !strings.Contains(strings.Join(own, " "), "client-cert") {
		args = append(args, "--disable-client-cert")
	}
	if !strings.Contains(strings.Join(own, " "), "--x509keyfile") && !strings.Contains(strings.Join(own, " "), "--rawpkkeyfile") {
		args = append(args, "--x509certfile", files[0], "--x509keyfile", files[1])
	}
	addr, p := launchGnuTLS(t, serv, append(args, own...)...)
	x.visit(t, creds, v, addr, "akushu\n")
	p.Await(t, x.gnutls.serverShows)
}

func (x *extra) fromGnuTLS(t *testing.T, cli string, creds *credentials, v iana.Version) {
	addr, done := x.host(t, creds, v)
	_, port, _ := net.SplitHostPort(addr)
	args := append([]string{"--port", port, "--x509cafile", creds.root, "--priority", x.gnutlsPriority(v)}, x.gnutls.client(creds)...)
	p := peer.Start(t, cli, append(args, "localhost")...)
	p.Await(t, `Handshake was completed`)
	p.Say(t, "akushu")
	p.Await(t, `(?m)^akushu$`)
	p.Await(t, x.gnutls.clientShows)
	outcome(t, done)
}

// runExtras runs every extra that a program can do at its end, in every version.
func runExtras(t *testing.T, program, name string, all []extra, can func(*extra) bool, run func(*extra, *testing.T, string, *credentials, iana.Version)) {
	path := peer.Find(t, program)
	creds := newCredentials(t)
	y := newTally(t, name)
	for i := range all {
		if x := &all[i]; can(x) {
			for _, v := range x.versions {
				y.run(t, fmt.Sprintf("%s/%v", x.name, v), func(t *testing.T) { run(x, t, path, creds, v) })
			}
		}
	}
}

// runAll runs extras with both programs, at both ends.
func runAll(t *testing.T, what string, all []extra) {
	t.Run("OpenSSL server", func(t *testing.T) {
		runExtras(t, "openssl", "our client, openssl s_server: "+what, all, func(x *extra) bool { return x.openssl.server != nil }, (*extra).toOpenSSL)
	})
	t.Run("OpenSSL client", func(t *testing.T) {
		runExtras(t, "openssl", "openssl s_client, our server: "+what, all, func(x *extra) bool { return x.openssl.client != nil }, (*extra).fromOpenSSL)
	})
	t.Run("GnuTLS server", func(t *testing.T) {
		runExtras(t, "gnutls-serv", "our client, gnutls-serv: "+what, all, func(x *extra) bool { return x.gnutls.server != nil }, (*extra).toGnuTLS)
	})
	t.Run("GnuTLS client", func(t *testing.T) {
		runExtras(t, "gnutls-cli", "gnutls-cli, our server: "+what, all, func(x *extra) bool { return x.gnutls.client != nil }, (*extra).fromGnuTLS)
	})
}
