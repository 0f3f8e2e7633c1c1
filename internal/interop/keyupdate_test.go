package interop_test

import (
	"bufio"
	std "crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/tls"
)

// updates is what OpenSSL is told between its lines: "k" sends a KeyUpdate with its next data,
// "K" one that asks for ours. Its other commands are single letters too, that no line of data may
// begin with.
var updates = []string{"k", "K", "K", "k", "k", "K"}

// keyUpdates counts the KeyUpdates that OpenSSL sent, or received.
func keyUpdates(p *peer.Program, sent bool) int {
	arrow := map[bool]string{true: ">>>", false: "<<<"}[sent]
	n := 0
	for line := range strings.Lines(p.Text()) {
		if strings.HasPrefix(line, arrow) && strings.Contains(line, ", KeyUpdate") {
			n++
		}
	}
	return n
}

// wantKeyUpdates compares the KeyUpdates of a connection with updates.
func wantKeyUpdates(t *testing.T, p *peer.Program) {
	t.Helper()
	asked := strings.Count(strings.Join(updates, ""), "K")
	p.Settle(t, "KeyUpdates that OpenSSL sent and received", func() string {
		return fmt.Sprint(keyUpdates(p, true), keyUpdates(p, false))
	}, fmt.Sprint(len(updates), asked))
}

// updateCells is one cell for each suite of TLS 1.3.
func updateCells() (all []cell) {
	for _, x := range cells() {
		if x.version == iana.VersionTLS13 && x.group == suite.GroupByID(iana.GroupX25519) && x.key == "ecdsa-p256" {
			all = append(all, x)
		}
	}
	return all
}

// TestKeyUpdateFromServer has openssl s_server update keys again and again.
func TestKeyUpdateFromServer(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	creds := newCredentials(t)
	y := newTally(t, "KeyUpdate from openssl s_server")
	for _, x := range updateCells() {
		y.run(t, x.String(), func(t *testing.T) {
			files := creds.files[x.key]
			p := peer.Start(t, openssl, append([]string{
				"s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-cert", files[0], "-key", files[1],
			}, opensslFlags(x)...)...)
			c := dial(t, p.Await(t, `ACCEPT (127\.0\.0\.1:\d+)`), creds.config(x))
			defer c.Close()
			lines := bufio.NewReader(c)
			p.Await(t, `CIPHER is`)
			for i, update := range updates {
				p.Say(t, update)
				p.Await(t, fmt.Sprintf(`(?s)(>>> [^\n]*, KeyUpdate.*){%d}`, i+1))
				p.Say(t, fmt.Sprint("ask ", i))
				if got, err := lines.ReadString('\n'); got != fmt.Sprintf("ask %d\n", i) {
					t.Fatalf("got %q, %v", got, err)
				}
				fmt.Fprintf(c, "answer %d\n", i)
				p.Await(t, fmt.Sprintf(`(?m)^answer %d$`, i))
			}
			wantKeyUpdates(t, p)
		})
	}
}

// TestKeyUpdateFromClient has openssl s_client do the same.
func TestKeyUpdateFromClient(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	creds := newCredentials(t)
	y := newTally(t, "KeyUpdate from openssl s_client")
	for _, x := range updateCells() {
		y.run(t, x.String(), func(t *testing.T) {
			addr, states := echo(t, creds.config(x))
			p := peer.Start(t, openssl, append([]string{"s_client", "-connect", addr, "-CAfile", creds.root, "-servername", "localhost"}, opensslFlags(x)...)...)
			p.Await(t, `Verify return code: 0 \(ok\)`)
			for i, update := range updates {
				p.Say(t, update)
				p.Await(t, fmt.Sprintf(`(?s)(KEYUPDATE.*){%d}`, i+1))
				p.Say(t, fmt.Sprint("ask ", i))
				p.Await(t, fmt.Sprintf(`(?m)^ask %d$`, i))
			}
			wantKeyUpdates(t, p)
			p.Say(t, "Q")
			if _, ok := <-states; !ok {
				t.Error("the server failed")
			}
		})
	}
}

// rekeys is what is updated in turn: by the peer that is told, with a request for ours or without.
var rekeys = []bool{false, true, true, false}

// gnutlsTLS13 allows every suite that cells have.
const gnutlsTLS13 = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+AES-128-CCM:+AES-128-CCM-8"

// TestKeyUpdateGnuTLSClient has gnutls-cli update keys, and ask our server to.
func TestKeyUpdateGnuTLSClient(t *testing.T) {
	cli := peer.Find(t, "gnutls-cli")
	creds := newCredentials(t)
	y := newTally(t, "KeyUpdate from gnutls-cli")
	for _, x := range updateCells() {
		y.run(t, x.String(), func(t *testing.T) {
			addr, _ := echo(t, creds.config(x))
			p := peer.Start(t, cli, "-d", "5", "--inline-commands", "--port", port(t, addr), "--x509cafile", creds.root, "--priority", gnutlsTLS13, "localhost")
			p.Await(t, `Handshake was completed`)
			answers := 0
			for i, request := range rekeys {
				p.Say(t, map[bool]string{false: "^rekey1^", true: "^rekey^"}[request])
				p.Await(t, fmt.Sprintf(`(?s)(Rekey was completed.*){%d}`, i+1))
				p.Say(t, fmt.Sprint("ask ", i))
				p.Await(t, fmt.Sprintf(`(?m)^ask %d$`, i))
				if request {
					answers++
				}
				p.Settle(t, "KeyUpdates that GnuTLS received", func() string {
					return fmt.Sprint(strings.Count(p.Text(), "received TLS 1.3 key update (0)"))
				}, fmt.Sprint(answers))
			}
		})
	}
}

// TestKeyUpdateGnuTLSServer has our client update keys, and ask gnutls-serv to.
func TestKeyUpdateGnuTLSServer(t *testing.T) {
	serv := peer.Find(t, "gnutls-serv")
	creds := newCredentials(t)
	y := newTally(t, "KeyUpdate to gnutls-serv")
	for _, x := range updateCells() {
		y.run(t, x.String(), func(t *testing.T) {
			files := creds.files[x.key]
			addr, p := launchGnuTLS(t, serv, "-d", "5", "--echo", "--x509certfile", files[0], "--x509keyfile", files[1], "--disable-client-cert", "--priority", gnutlsTLS13)
			c, err := tls.Dial("tcp", addr, creds.config(x))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			updateBothWays(t, c)
			want := fmt.Sprint(strings.Count(fmt.Sprint(rekeys), "false"), strings.Count(fmt.Sprint(rekeys), "true"))
			p.Settle(t, "KeyUpdates that GnuTLS received", func() string {
				return fmt.Sprint(strings.Count(p.Text(), "received TLS 1.3 key update (0)"), strings.Count(p.Text(), "received TLS 1.3 key update (1)"))
			}, want)
			if n := strings.Count(p.Text(), "sending key update (0)"); n != strings.Count(fmt.Sprint(rekeys), "true") {
				t.Errorf("GnuTLS answered %d KeyUpdates", n)
			}
		})
	}
}

// updateBothWays updates keys on c, whose peer sends back what it reads.
func updateBothWays(t *testing.T, c *tls.Conn) {
	t.Helper()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	lines := bufio.NewReader(c)
	for i, request := range rekeys {
		if err := c.UpdateKeys(request); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "ask %d\n", i)
		if got, err := lines.ReadString('\n'); got != fmt.Sprintf("ask %d\n", i) {
			t.Fatalf("got %q, %v", got, err)
		}
	}
}

// TestKeyUpdateStd has our ends update keys, and ask crypto/tls to, which never does of itself.
func TestKeyUpdateStd(t *testing.T) {
	creds := newCredentials(t)
	y := newTally(t, "KeyUpdate to crypto/tls")
	for _, x := range updateCells() {
		if !stdHas(x) {
			continue
		}
		y.run(t, "to its server, "+x.String(), func(t *testing.T) {
			ln, err := std.Listen("tcp", "127.0.0.1:0", creds.stdConfig(x))
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			go echoOne(ln)
			c, err := tls.Dial("tcp", ln.Addr().String(), creds.config(x))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			updateBothWays(t, c)
		})
		y.run(t, "to its client, "+x.String(), func(t *testing.T) {
			ln, err := tls.Listen("tcp", "127.0.0.1:0", creds.config(x))
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			go func() {
				c, err := std.Dial("tcp", ln.Addr().String(), creds.stdConfig(x))
				if err != nil {
					return
				}
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
			c, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			updateBothWays(t, c.(*tls.Conn))
		})
	}
}

// echoOne sends back what one connection brings.
func echoOne(ln net.Listener) {
	c, err := ln.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = io.Copy(c, c)
}
