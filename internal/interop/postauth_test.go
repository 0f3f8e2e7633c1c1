package interop_test

import (
	"bufio"
	"context"
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

// later is the kinds of key that a client is asked for after its handshake, and none.
func later() (kinds []string) {
	for _, k := range keyKinds {
		kinds = append(kinds, k.kind)
	}
	return append(kinds, "")
}

func nameOf(kind string) string {
	if kind == "" {
		return "none"
	}
	return kind
}

// reader reads lines beside whatever else is done with c.
func reader(c io.Reader) <-chan string {
	lines := make(chan string, 16)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(c); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return lines
}

// dial connects to a peer, which has twenty seconds for all that it says.
func dial(t *testing.T, addr string, cfg *tls.Config) *tls.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", addr, cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// wantLine waits for a line.
func wantLine(t *testing.T, lines <-chan string, want string) {
	t.Helper()
	select {
	case got := <-lines:
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("no line, want %q", want)
	}
}

// answers counts the client's Finished messages that OpenSSL received beyond the handshake's.
func answers(p *peer.Program) string {
	n := -1
	for line := range strings.Lines(p.Text()) {
		if strings.HasPrefix(line, "<<<") && strings.Contains(line, ", Finished") {
			n++
		}
	}
	return fmt.Sprint(n)
}

// TestPostHandshakeAuthOpenSSLServer has openssl s_server ask our client after the handshake,
// twice, with new keys in between.
func TestPostHandshakeAuthOpenSSLServer(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	all := newVisitors(t)
	y := newTally(t, "openssl s_server asks our client after the handshake")
	for _, kind := range later() {
		y.run(t, nameOf(kind), func(t *testing.T) {
			files := all.credentials.files["ecdsa-p256"]
			p := peer.Start(t, openssl, "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-tls1_3", "-msg",
				"-cert", files[0], "-key", files[1], "-CAfile", all.root)
			cfg := shown{version: iana.VersionTLS13, key: kind}.client(all)
			cfg.PostHandshakeAuth = true
			c := dial(t, p.Await(t, `ACCEPT (127\.0\.0\.1:\d+)`), cfg)
			defer c.Close()
			lines := reader(c)
			p.Await(t, `CIPHER is`)
			for i := range 2 {
				p.Say(t, "c")
				p.Settle(t, "answers", func() string { return answers(p) }, fmt.Sprint(i+1))
				p.Say(t, fmt.Sprint("line ", i))
				wantLine(t, lines, fmt.Sprint("line ", i))
				fmt.Fprintf(c, "answer %d\n", i)
				p.Await(t, fmt.Sprintf(`(?m)^answer %d$`, i))
				// One that asks for OpenSSL's would have to be answered before it asks again: it sends
				// only one of the two.
				if err := c.UpdateKeys(false); err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.Count(p.Text(), "verify return:1") > 0; got != (kind != "") {
				t.Errorf("OpenSSL verified a certificate: %v", got)
			}
			if err := c.ConfirmHandshake(context.Background()); err != nil {
				t.Errorf("a request confirms the handshake: got %v", err)
			}
		})
	}
}

// TestPostHandshakeAuthGnuTLSServer has gnutls-serv ask our client after the handshake.
func TestPostHandshakeAuthGnuTLSServer(t *testing.T) {
	serv := peer.Find(t, "gnutls-serv")
	all := newVisitors(t)
	y := newTally(t, "gnutls-serv asks our client after the handshake")
	for _, kind := range later() {
		y.run(t, nameOf(kind), func(t *testing.T) {
			files := all.credentials.files["ecdsa-p256"]
			addr := startGnuTLS(t, serv, "--echo", "--disable-client-cert", "--x509certfile", files[0], "--x509keyfile", files[1],
				"--x509cafile", all.root, "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3")
			cfg := shown{version: iana.VersionTLS13, key: kind}.client(all)
			asked := make(chan bool, 4)
			give := cfg.GetClientCertificate
			cfg.PostHandshakeAuth = true
			cfg.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
				asked <- true
				return give(info)
			}
			c := dial(t, addr, cfg)
			defer c.Close()
			lines := reader(c)
			for i := range 2 {
				fmt.Fprint(c, "**REAUTH**\n")
				<-asked
				if kind == "" { // it is required there
					for range lines {
					}
					if _, err := c.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "certificate required") {
						t.Errorf("got %v, want certificate_required", err)
					}
					return
				}
				wantLine(t, lines, "Successfully executed command")
				fmt.Fprintf(c, "answer %d\n", i)
				wantLine(t, lines, fmt.Sprint("answer ", i))
				if err := c.UpdateKeys(true); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// asks is a server of ours that asks its client twice after the handshake, with new keys in
// between, and says how many certificates it has then.
func asks(t *testing.T, all *visitors) (addr string, said <-chan string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	out := make(chan string, 1)
	go func() {
		raw, err := ln.Accept()
		if err != nil {
			return
		}
		c := tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{all.credentials.certs["ecdsa-p256"]}, ClientCAs: all.pool})
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		for i := range 2 {
			if err := c.RequestClientCertificate(context.Background(), tls.VerifyClientCertIfGiven); err != nil {
				out <- fmt.Sprintf("request %d: %v", i, err)
				return
			}
			if err := c.UpdateKeys(true); err != nil {
				out <- err.Error()
				return
			}
		}
		s := c.ConnectionState()
		out <- fmt.Sprintf("%d certificates, verified %v", len(s.PeerCertificates), len(s.VerifiedChains) > 0)
		_, _ = io.Copy(c, c)
	}()
	return ln.Addr().String(), out
}

// wantAsked compares what such a server said.
func wantAsked(t *testing.T, said <-chan string, kind string) {
	t.Helper()
	want := "1 certificates, verified true"
	if kind == "" {
		want = "0 certificates, verified false"
	}
	select {
	case got := <-said:
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Errorf("the server says nothing, want %s", want)
	}
}

// TestPostHandshakeAuthOpenSSLClient has our server ask openssl s_client after the handshake.
func TestPostHandshakeAuthOpenSSLClient(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	all := newVisitors(t)
	y := newTally(t, "our server asks openssl s_client after the handshake")
	for _, kind := range later() {
		y.run(t, nameOf(kind), func(t *testing.T) {
			addr, said := asks(t, all)
			args := []string{"s_client", "-connect", addr, "-CAfile", all.credentials.root, "-servername", "localhost", "-enable_pha"}
			if files, ok := all.files[kind]; ok {
				args = append(args, "-cert", files[0], "-key", files[1])
			}
			p := peer.Start(t, openssl, args...)
			wantAsked(t, said, kind)
			p.Say(t, "akushu")
			p.Await(t, `(?m)^akushu$`)
		})
	}
}

// TestPostHandshakeAuthGnuTLSClient has our server ask gnutls-cli after the handshake.
func TestPostHandshakeAuthGnuTLSClient(t *testing.T) {
	cli := peer.Find(t, "gnutls-cli")
	all := newVisitors(t)
	y := newTally(t, "our server asks gnutls-cli after the handshake")
	for _, kind := range later() {
		y.run(t, nameOf(kind), func(t *testing.T) {
			addr, said := asks(t, all)
			_, port, _ := net.SplitHostPort(addr)
			args := []string{"--port", port, "--x509cafile", all.credentials.root, "--post-handshake-auth"}
			if files, ok := all.files[kind]; ok {
				args = append(args, "--x509certfile", files[0], "--x509keyfile", files[1])
			}
			p := peer.Start(t, cli, append(args, "localhost")...)
			wantAsked(t, said, kind)
			p.Say(t, "akushu")
			p.Await(t, `(?m)^akushu$`)
		})
	}
}
