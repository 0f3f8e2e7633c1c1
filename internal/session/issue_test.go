package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/rfc8448"
)

var testResumption = keys.Secret(fill(32, 0x70))

// overWire sends a message and returns what the other end reads.
func overWire[M msg.Message](t *testing.T, v iana.Version, sent, got M) M {
	t.Helper()
	raw, err := msg.Append(nil, &msg.Context{Version: v}, sent)
	if err != nil {
		t.Fatal(err)
	}
	if err := msg.DecodeInto(got, &msg.Context{Version: v}, raw); err != nil {
		t.Fatal(err)
	}
	return got
}

// A ticket goes from server to client, comes back a minute later, and both ends have the same PSK.
func TestIssueAndAccept(t *testing.T) {
	c := newClock()
	k := fixedKeys(t, c, 1)
	base, before := server13(), server13()
	c.add(time.Hour)
	m, err := Issue(bg, c.env(), k, base, testResumption, 0)
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(base, before); d != "" {
		t.Errorf("Issue changed the session (-want +got):\n%s", d)
	}
	read := overWire(t, iana.VersionTLS13, m, &msg.NewSessionTicket{})
	clientBase := server13()
	clientBase.Side, clientBase.RTT = keys.Client, 0
	client := Accept(clientBase, read, testResumption, c.now())
	if got, want := client.Lifetime, MaxLifetime-time.Hour; got != want {
		t.Errorf("lifetime: got %v, want %v, what is left after an hour", got, want)
	}
	if client.MaxEarlyData != 16384 || !client.Created.Equal(c.now()) || !client.Authenticated.Equal(epoch) {
		t.Errorf("got %+v", client)
	}
	c.add(time.Minute)
	o := Offered(c.env(), []*PSK{client.PSK(client.Ticket)})
	f := facts(server13())
	f.Now = c.now()
	sel := Select(bg, FromTickets(k), o.Identities, f)
	if sel.PSK == nil {
		t.Fatalf("the ticket was passed over: %v", sel.Passed)
	}
	if !bytes.Equal(sel.PSK.Key, client.Secret) || bytes.Equal(client.Secret, before.Secret) {
		t.Errorf("PSK: got %x at the server, %x at the client", sel.PSK.Key.Reveal(), client.Secret.Reveal())
	}
	e := EarlyFacts{PSK: sel.PSK, Age: o.Identities[0].ObfuscatedTicketAge, Now: c.now()}
	if got, want := e.lateness(), -base.RTT; got != want {
		t.Errorf("lateness: got %v, want %v", got, want)
	}
}

// The PSK of RFC 8448 §3, from its resumption secret and nonce.
func TestTicketPSKTrace(t *testing.T) {
	var resumption, want, nonce []byte
	for _, step := range rfc8448.Section(rfc8448.SimpleOneRTT) {
		if step.Action == `generate resumption secret "tls13 resumption"` {
			resumption, nonce, want = step.Values["PRK"], step.Values["hash"], step.Values["expanded"]
		}
	}
	s := Accept(server13(), &msg.NewSessionTicket{Lifetime: 1, Nonce: nonce, Ticket: []byte{1}}, resumption, epoch)
	if len(want) != 32 || !bytes.Equal(s.Secret, want) {
		t.Errorf("got %x, want %x", s.Secret.Reveal(), want)
	}
}

// No two tickets of a connection have the same nonce, age_add or PSK.
func TestTicketsOfOneConnection(t *testing.T) {
	c := newClock()
	k, env := fixedKeys(t, c, 1), c.env()
	seen := map[string]uint64{}
	for n := range uint64(300) {
		m, err := Issue(bg, env, k, server13(), testResumption, n)
		if err != nil {
			t.Fatal(err)
		}
		s := Accept(server13(), m, testResumption, c.now())
		for _, v := range []string{fmt.Sprintf("nonce %x", m.Nonce), fmt.Sprint("age_add ", m.AgeAdd), string(s.Secret), string(m.Ticket)} {
			if other, ok := seen[v]; ok {
				t.Errorf("tickets %d and %d have the same %q", other, n, v)
			}
			seen[v] = n
		}
	}
}

// A session of the handshake that ends just now is as old as its ticket, to the nanosecond: it lives for all of seven days.
func TestIssueAtOnce(t *testing.T) {
	c := newClock()
	s := server13()
	s.Authenticated = time.Time{}
	c.add(time.Hour + 1)
	m, err := Issue(bg, c.env(), fixedKeys(t, c, 1), s, testResumption, 0)
	if err != nil || m.Lifetime != 604800 {
		t.Errorf("got %+v, %v, want 604800 seconds", m, err)
	}
}

// A ticket lives for as long as its session says, and never beyond seven days after the full handshake.
func TestIssueLifetime(t *testing.T) {
	for _, row := range []struct {
		name                string
		lifetime, resumedAt time.Duration
		want                uint32 // seconds; 0: no ticket
	}{
		{"seven days", MaxLifetime, 0, 604800},
		{"an hour", time.Hour, 0, 3600},
		{"an hour, on the sixth day", time.Hour, 6 * 24 * time.Hour, 3600},
		{"a day, in the last hour", 24 * time.Hour, MaxLifetime - time.Hour, 3600},
		{"a day, in the last second", 24 * time.Hour, MaxLifetime - time.Second, 1},
		{"a day, too late", 24 * time.Hour, MaxLifetime - time.Second + 1, 0},
		{"no time", 0, 0, 0},
	} {
		c := newClock()
		c.add(row.resumedAt)
		s13, s12 := server13(), server12()
		s13.Lifetime, s12.Lifetime = row.lifetime, row.lifetime
		m, err := Issue(bg, c.env(), fixedKeys(t, c, 1), s13, testResumption, 0)
		m12, err12 := Issue12(bg, c.env(), fixedKeys(t, c, 1), s12)
		if row.want == 0 {
			if m != nil || m12 != nil || err != SessionAuthAge || err12 != SessionAuthAge {
				t.Errorf("%s: got %v, %v, %v, %v, want %s", row.name, m, err, m12, err12, string(SessionAuthAge))
			}
			continue
		}
		if err != nil || err12 != nil || m.Lifetime != row.want || m12.LifetimeHint != row.want {
			t.Errorf("%s: got %+v, %v, %+v, %v, want %d", row.name, m, err, m12, err12, row.want)
		}
	}
}

func TestIssue12AndAccept12(t *testing.T) {
	c := newClock()
	k := fixedKeys(t, c, 1)
	base := server12()
	base.ID = nil
	c.add(2 * time.Hour)
	m, err := Issue12(bg, c.env(), k, base)
	if err != nil {
		t.Fatal(err)
	}
	read := overWire(t, iana.VersionTLS12, m, &msg.NewSessionTicket12{})
	want := *base
	want.Created = c.now()
	wantOpen(t, "at the server", k, read.Ticket, &want, false)
	want.Side, want.Ticket = keys.Client, read.Ticket
	clientBase := want
	clientBase.Created, clientBase.Ticket = epoch, nil
	client := Accept12(&clientBase, read, c.now())
	if d := diff(client, &want); d != "" {
		t.Errorf("at the client (-want +got):\n%s", d)
	}
	client.Wipe()
	clear(read.Ticket)
	if base.Secret[0] == 0 || client.Ticket[0] == 0 && client.Ticket[1] == 0 {
		t.Error("the client's session shares memory with the connection's")
	}
}

func TestAcceptLimits(t *testing.T) {
	base := server12()
	for hint, want := range map[uint32]time.Duration{0: 24 * time.Hour, 5: 5 * time.Second, 1 << 31: MaxLifetime} {
		if got := Accept12(base, &msg.NewSessionTicket12{LifetimeHint: hint, Ticket: []byte{1}}, epoch).Lifetime; got != want {
			t.Errorf("TLS 1.2, hint %d: got %v, want %v", hint, got, want)
		}
	}
	if s := Accept12(base, &msg.NewSessionTicket12{LifetimeHint: 5}, epoch); s != nil {
		t.Errorf("an empty ticket: got %v, want none", s)
	}
	m := &msg.NewSessionTicket{Lifetime: 1 << 31, Ticket: []byte{1}}
	s := Accept(server13(), m, testResumption, epoch)
	if s.Lifetime != MaxLifetime || s.MaxEarlyData != 0 {
		t.Errorf("got %v and %d bytes of early data, want seven days and none", s.Lifetime, s.MaxEarlyData)
	}
	m.Lifetime = 0
	if s := Accept(server13(), m, testResumption, epoch); s != nil {
		t.Errorf("a lifetime of 0: got %v, want none", s)
	}
}

// refusing makes no tickets, and remembers what it was given.
type refusing struct {
	error
	secret keys.Secret
}

func (r *refusing) Seal(_ context.Context, s *State) ([]byte, error) {
	r.secret = s.Secret
	return nil, r.error
}

func (r *refusing) Open(context.Context, []byte) (*State, bool, error) { return nil, false, r.error }

// Where no ticket can be made the PSK is wiped all the same, and the error says why.
func TestIssueFails(t *testing.T) {
	c := newClock()
	r := &refusing{error: errors.New("the key service is down")}
	if m, err := Issue(bg, c.env(), r, server13(), testResumption, 0); m != nil || !errors.Is(err, r.error) {
		t.Errorf("got %v, %v, want %v", m, err, r.error)
	}
	if !bytes.Equal(r.secret, make([]byte, 32)) {
		t.Errorf("the PSK: got %x, want zeros", r.secret.Reveal())
	}
	if m, err := Issue12(bg, c.env(), r, server12()); m != nil || !errors.Is(err, r.error) {
		t.Errorf("TLS 1.2: got %v, %v, want %v", m, err, r.error)
	}
	dry := Env{Rand: &drying{left: 3, err: errors.New("dry")}, Now: c.now}
	if m, err := Issue(bg, dry, fixedKeys(t, c, 1), server13(), testResumption, 0); m != nil || err == nil {
		t.Errorf("without randomness: got %v, %v", m, err)
	}
}
