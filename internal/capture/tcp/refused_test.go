package tcp_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/capture/tcp"
)

// Who is refused may ask again with the same number: that is the same connection, which may come about yet.
func TestRefusedAndAskedAgain(t *testing.T) {
	k := newTalk(t, tcp.Limits{})
	k.send(alice, syn, 0, 0, "")
	k.send(bob, rst|ack, 0, 1, "")
	k.now = k.now.Add(time.Second)
	k.open()
	k.send(alice, ack, 1, 1, "hello")
	k.send(alice, fin|ack, 6, 1, "")
	k.send(bob, fin|ack, 1, 7, "")
	k.Close()
	k.want(
		"0 opened 192.0.2.1:51000 192.0.2.2:443",
		"0 > syn #1 seq 0 ack 0",
		"0 < rst #2 seq 1 ack 1",
		"0 > retransmission #3 seq 0 ack 0",
		"0 > syn #3 seq 0 ack 0",
		"0 < syn_ack #4 seq 0 ack 1",
		"0 > ack #5 seq 1 ack 1",
		`0 > data #6 "hello"`,
		"0 > fin #7 seq 6 ack 1",
		"0 < fin #8 seq 1 ack 7",
		"0 closed fin",
	)
}

// One who does not ask again, or with another number, has been refused.
func TestRefused(t *testing.T) {
	k := newTalk(t, tcp.Limits{})
	k.send(alice, syn, 0, 0, "")
	k.send(bob, rst|ack, 0, 1, "")
	k.send(alice, syn, 100, 0, "")
	k.send(bob, rst|ack, 0, 101, "")
	k.Tick(k.now.Add(time.Minute))
	k.want(
		"0 opened 192.0.2.1:51000 192.0.2.2:443",
		"0 > syn #1 seq 0 ack 0",
		"0 < rst #2 seq 1 ack 1",
		"0 closed rst",
		"1 opened 192.0.2.1:51000 192.0.2.2:443",
		"1 > ports_reused #3 seq 0 ack 0",
		"1 > syn #3 seq 0 ack 0",
		"1 < rst #4 seq 1 ack 1",
		"1 closed rst",
	)
}

// An end that answers a SYN with an acknowledgement of something else is reset, and asked again.
func TestAskedAgainAfterWrongAnswer(t *testing.T) {
	k := newTalk(t, tcp.Limits{})
	k.send(alice, syn, 0, 0, "")
	k.send(bob, ack, 5000, 70000, "")
	k.send(alice, rst, 70000, 5000, "")
	k.now = k.now.Add(3 * time.Second)
	k.lines = nil
	k.open()
	k.send(bob, ack, 1, 1, "hello")
	k.Close()
	k.want(
		"0 > retransmission #4 seq 0 ack 0",
		"0 > syn #4 seq 0 ack 0",
		"0 < syn_ack #5 seq 0 ack 1",
		"0 > ack #6 seq 1 ack 1",
		`0 < data #7 "hello"`,
		"0 closed input",
	)
}

// A late answer to a SYN begins no new connection.
func TestLateSYNACK(t *testing.T) {
	k := newTalk(t, tcp.Limits{})
	k.open()
	k.send(alice, ack, 1, 1, "hello")
	k.send(alice, rst, 6, 1, "")
	k.Tick(k.now.Add(time.Second))
	k.now = k.now.Add(time.Second)
	k.lines = nil
	k.send(bob, syn|ack, 0, 1, "")
	k.Close()
	k.want("0 < retransmission #6 seq 0 ack 1", "0 < syn_ack #6 seq 0 ack 1", "0 closed rst")
}

// ended is a connection that both ends have closed.
func (k *talk) ended() {
	k.open()
	k.send(alice, fin|ack, 1, 1, "")
	k.send(bob, fin|ack, 1, 2, "")
	k.send(alice, ack, 2, 2, "")
	k.lines = nil
}

// What comes long after both ends have closed is still told, while there are few such connections; then the ports are
// somebody else's, with whatever number.
func TestLateReset(t *testing.T) {
	k := newTalk(t, tcp.Limits{})
	k.ended()
	k.now = k.now.Add(time.Minute)
	k.send(bob, fin|ack, 1, 2, "")
	k.send(alice, rst, 2, 0, "")
	k.want("0 < retransmission #7 seq 1 ack 2", "0 > rst #8 seq 2 ack 0")
	k.send(alice, syn, 0, 0, "")
	k.want("0 closed rst", "1 opened 192.0.2.1:51000 192.0.2.2:443", "1 > ports_reused #9 seq 0 ack 0", "1 > syn #9 seq 0 ack 0")
	k = newTalk(t, tcp.Limits{})
	k.ended()
	k.Tick(k.now.Add(119 * time.Second))
	k.want()
	k.Tick(k.now.Add(120 * time.Second))
	k.want("0 closed fin")
	k = newTalk(t, tcp.Limits{Lingers: 10 * time.Millisecond})
	k.ended()
	k.Tick(k.now.Add(10 * time.Millisecond))
	k.want("0 closed fin")
}

// Only so many connections wait for what comes late.
func TestLingering(t *testing.T) {
	k := newTalk(t, tcp.Limits{})
	for n := range uint16(200) {
		client := netip.AddrPortFrom(alice.Addr(), alice.Port()+n)
		k.send(client, syn, 0, 0, "")
		k.send(client, ack, 1, 1, "x")
		k.send(client, rst, 2, 0, "")
	}
	k.Tick(k.now.Add(250 * time.Millisecond))
	k.lines = slices.DeleteFunc(k.lines, func(line string) bool { return !strings.Contains(line, " closed ") })
	var want []string
	for n := range 200 - 128 {
		want = append(want, fmt.Sprintf("%d closed rst", n))
	}
	k.want(want...)
}

// A FIN with a number that lies behind data that was seen is one, but says not where the end is.
func TestFINOutOfDate(t *testing.T) {
	k := newTalk(t, tcp.Limits{})
	k.open()
	k.send(bob, ack, 1, 1, "hello")
	k.lines = nil
	seen := k.send(bob, fin|ack, 1, 1, "")
	k.send(bob, ack, 6, 1, "more")
	k.Close()
	if !seen.Conn.Stats.FIN {
		t.Error("got no FIN")
	}
	k.want(`0 < duplicate #5 seq 1 ack 1`, `0 < data #6 "more"`, "0 closed input")
}
