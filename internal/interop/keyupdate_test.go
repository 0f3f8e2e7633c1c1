package interop_test

import (
	"bufio"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/tls"
)

// updates is what OpenSSL is told between its lines: "k" sends a KeyUpdate with its next data,
// "K" one that asks for ours. Its other commands are single letters too, that no line of data may
// begin with.
var updates = []string{"k", "K", "K", "k", "k", "K"}

// keyUpdates counts the KeyUpdates that OpenSSL sent, or received.
func (p *program) keyUpdates(sent bool) int {
	arrow := map[bool]string{true: ">>>", false: "<<<"}[sent]
	n := 0
	for line := range strings.Lines(p.text()) {
		if strings.HasPrefix(line, arrow) && strings.Contains(line, ", KeyUpdate") {
			n++
		}
	}
	return n
}

// wantKeyUpdates compares the KeyUpdates of a connection with updates.
func (p *program) wantKeyUpdates(t *testing.T) {
	t.Helper()
	asked := strings.Count(strings.Join(updates, ""), "K")
	p.settle(t, "KeyUpdates that OpenSSL sent and received", func() string {
		return fmt.Sprint(p.keyUpdates(true), p.keyUpdates(false))
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
	openssl := need(t, "openssl")
	creds := newCredentials(t)
	y := newTally(t, "KeyUpdate from openssl s_server")
	for _, x := range updateCells() {
		y.run(t, x.String(), func(t *testing.T) {
			files := creds.files[x.key]
			p := start(t, openssl, append([]string{
				"s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-cert", files[0], "-key", files[1],
			}, opensslFlags(x)...)...)
			c, err := tls.Dial("tcp", p.await(t, `ACCEPT (127\.0\.0\.1:\d+)`), creds.config(x))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(20 * time.Second))
			lines := bufio.NewReader(c)
			p.await(t, `CIPHER is`)
			for i, update := range updates {
				p.say(t, update)
				p.await(t, fmt.Sprintf(`(?s)(>>> [^\n]*, KeyUpdate.*){%d}`, i+1))
				p.say(t, fmt.Sprint("ask ", i))
				if got, err := lines.ReadString('\n'); got != fmt.Sprintf("ask %d\n", i) {
					t.Fatalf("got %q, %v", got, err)
				}
				fmt.Fprintf(c, "answer %d\n", i)
				p.await(t, fmt.Sprintf(`(?m)^answer %d$`, i))
			}
			p.wantKeyUpdates(t)
		})
	}
}

// TestKeyUpdateFromClient has openssl s_client do the same.
func TestKeyUpdateFromClient(t *testing.T) {
	openssl := need(t, "openssl")
	creds := newCredentials(t)
	y := newTally(t, "KeyUpdate from openssl s_client")
	for _, x := range updateCells() {
		y.run(t, x.String(), func(t *testing.T) {
			addr, states := echo(t, creds.config(x))
			p := start(t, openssl, append([]string{"s_client", "-connect", addr, "-CAfile", creds.root, "-servername", "localhost"}, opensslFlags(x)...)...)
			p.await(t, `Verify return code: 0 \(ok\)`)
			for i, update := range updates {
				p.say(t, update)
				p.await(t, fmt.Sprintf(`(?s)(KEYUPDATE.*){%d}`, i+1))
				p.say(t, fmt.Sprint("ask ", i))
				p.await(t, fmt.Sprintf(`(?m)^ask %d$`, i))
			}
			p.wantKeyUpdates(t)
			p.say(t, "Q")
			if _, ok := <-states; !ok {
				t.Error("the server failed")
			}
		})
	}
}
