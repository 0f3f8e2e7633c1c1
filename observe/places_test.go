package observe_test

import (
	"crypto/tls"
	"fmt"
	"testing"

	"github.com/akushu/akushu/observe"
	"github.com/google/go-cmp/cmp"
)

func talk12(t *testing.T) *conversation {
	client, server := configs(t, tls.VersionTLS12, "ECDSA")
	return record(t, scene{client: client, server: server})
}

// Without the server's hello the version is not known, but what follows ChangeCipherSpec is encrypted, although it may
// begin with as many zeros as a HelloRequest has.
func TestClientAlone(t *testing.T) {
	c := talk12(t)
	alone := &conversation{}
	for _, k := range c.chunks {
		if k.dir == observe.ClientToServer {
			alone.chunks = append(alone.chunks, k)
		}
	}
	s := watch(alone, options(), never).session
	want := "c:ClientHello c:ClientKeyExchange c:ChangeCipherSpec c:EncryptedHandshake* c:Alert*"
	if got := messageList(s); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A message has the packets that brought it, whichever came first.
func TestPacketsOutOfOrder(t *testing.T) {
	c := talk12(t)
	hello := c.chunks[0].data
	conn := observe.New(options())
	for i, frame := range []int{7, 9, 8} {
		part := hello[i*10 : i*10+10]
		if i == 2 {
			part = hello[i*10:]
		}
		conn.Feed(observe.ClientToServer, observe.At{Time: epoch, Frame: frame}, part)
	}
	conn.Close(observe.At{Time: epoch}, observe.EndInput, observe.TCP{})
	m := conn.Session().Messages
	if len(m) != 1 || m[0].FrameFirst != 7 || m[0].Frame != 9 {
		t.Errorf("got %+v, want one message, of packets 7 to 9", m)
	}
}

// Messages are listed as they went by, also where a record waits for a key in vain.
func TestListedInSequence(t *testing.T) {
	c := talk12(t)
	s := watch(c, options(), never).session
	var got []string
	for _, m := range s.Messages {
		got = append(got, fmt.Sprint(m.From[:1], ":", m.Type))
	}
	want := []string{
		"c:ClientHello", "s:ServerHello", "s:Certificate", "s:ServerKeyExchange", "s:ServerHelloDone",
		"c:ClientKeyExchange", "c:ChangeCipherSpec", "c:EncryptedHandshake", "s:ChangeCipherSpec", "s:EncryptedHandshake",
		"s:Alert", "c:Alert",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("got another sequence (-want +got):\n%s", diff)
	}
}
