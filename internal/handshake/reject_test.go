package handshake_test

import (
	"cmp"
	"errors"
	"fmt"
	"testing"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// A rejection is one change to a good handshake, and what the end that receives the change
// must say about it.
type rejection struct {
	name    string
	message string // the message that is changed: "server ServerHello", "client ClientHello 2" for the second
	change  change
	where   string
	alert   iana.Alert
	ref     string
	setup   func(*handshake.ClientConfig, *handshake.ServerConfig) // nil: both ends can do everything
	form    msg.KeyExchange                                        // of the messages before TLS 1.3; zero: ECDHE
}

// A change is what is sent in place of a message.
type change func(ctx *msg.Context, raw []byte) [][]byte

// flowOf names who must reject, and in which version.
type flowOf struct {
	end     string
	version iana.Version
}

func (f flowOf) String() string { return f.end + " " + f.version.String() }

// rejects runs the rows against one flow.
func rejects(t *testing.T, f flowOf, rows []rejection) {
	t.Helper()
	for _, row := range rows {
		t.Run(f.String()+"/"+row.name, func(t *testing.T) {
			row.run(t, f)
		})
	}
}

func (r *rejection) run(t *testing.T, f flowOf) {
	client, server := ends(t)
	if f.version < iana.VersionTLS13 {
		server.MaxVersion = f.version // the client offers TLS 1.3 too, as it does by default
	}
	if r.setup != nil {
		r.setup(client, server)
	}
	changed := false
	p := &pair{tamper: nth(r.message, func(raw []byte) [][]byte {
		changed = true
		return r.change(&msg.Context{Version: f.version, KeyExchange: cmp.Or(r.form, msg.KeyExchangeECDHE)}, raw)
	})}
	c, s := p.run(client, server)
	end := map[string]outcome{"client": c, "server": s}[f.end]
	if !changed {
		t.Fatalf("no %s was sent: %v, client: %v, server: %v", r.message, p.log, c.err, s.err)
	}
	if end.result != nil || end.post != nil {
		t.Errorf("got a result beside the error")
	}
	wantAlert(t, end.err, r.where, r.alert, r.ref)
}

// wantAlert checks an error's place, alert and section.
func wantAlert(t *testing.T, err error, where string, a iana.Alert, ref string) {
	t.Helper()
	var e *alert.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an alert.Error", err)
	}
	if n := len(e.Error()); n > 1000 {
		t.Errorf("got an error of %d bytes, want what one can read", n)
	}
	got := fmt.Sprintf("%s: %v (%s)", e.Where, e.Alert, e.Ref)
	if want := fmt.Sprintf("%s: %v (%s)", where, a, ref); got != want {
		t.Errorf("got  %s\nwant %s\n%v", got, want, e)
	}
}

// nth applies f to one message of a conversation, named as in a rejection.
func nth(message string, f func(raw []byte) [][]byte) func(from string, raw []byte) [][]byte {
	seen := map[string]int{}
	return func(from string, raw []byte) [][]byte {
		name := fmt.Sprintf("%s %s", from, iana.HandshakeType(raw[0]).StructName())
		seen[name]++
		if n := seen[name]; name == message && n == 1 || fmt.Sprintf("%s %d", name, n) == message {
			return f(raw)
		}
		return [][]byte{raw}
	}
}

// edit changes the fields of a message.
func edit[T any, P interface {
	*T
	msg.Message
}](change func(P),
) change {
	return func(ctx *msg.Context, raw []byte) [][]byte {
		m := P(new(T))
		if err := msg.DecodeInto(m, ctx, raw); err != nil {
			panic(err)
		}
		change(m)
		return [][]byte{encode(ctx, m)}
	}
}

// instead sends m in place of a message.
func instead(m msg.Message) change {
	return func(ctx *msg.Context, _ []byte) [][]byte { return [][]byte{encode(ctx, m)} }
}

// before sends messages before a message.
func before(all ...msg.Message) change {
	return func(ctx *msg.Context, raw []byte) (out [][]byte) {
		for _, m := range all {
			out = append(out, encode(ctx, m))
		}
		return append(out, raw)
	}
}

// body replaces a message's body by what f makes of it.
func body(f func(body []byte) []byte) change {
	return func(_ *msg.Context, raw []byte) [][]byte {
		b := f(raw[msg.HeaderLength:])
		return [][]byte{append([]byte{raw[0], byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b))}, b...)}
	}
}

// flip changes the last bit of a message.
var flip = body(func(b []byte) []byte { b[len(b)-1] ^= 1; return b })

// drop sends nothing in place of a message.
func drop(*msg.Context, []byte) [][]byte { return nil }

func encode(ctx *msg.Context, m msg.Message) []byte {
	raw, err := msg.Append(nil, ctx, m)
	if err != nil {
		panic(err)
	}
	return raw
}

// TestMessagesOutOfOrder has each message of each flow replaced by another, cut short and
// made longer.
func TestMessagesOutOfOrder(t *testing.T) {
	flows := []struct {
		name     string
		version  iana.Version
		setup    func(*handshake.ClientConfig, *handshake.ServerConfig)
		messages []string
	}{
		{"full", iana.VersionTLS13, nil, full13},
		{"retry", iana.VersionTLS13, retryWith(iana.GroupSecp384r1), retried13},
		{"full", iana.VersionTLS12, nil, full12},
		{"full, with a ticket", iana.VersionTLS12, keeps(false), full12WithTicket},
		{"resumed by ticket", iana.VersionTLS12, warm(false), abbreviated12},
		{"resumed by session ID", iana.VersionTLS12, warm(true), abbreviated12},
	}
	unasked := func(*msg.Context, []byte) [][]byte { return [][]byte{handshake.KeyUpdate(false)} }
	short := body(func(b []byte) []byte { return b[:max(0, len(b)-1)] })
	long := body(func(b []byte) []byte { return append(b, 0) })
	for _, f := range flows {
		seen := map[string]int{}
		for _, m := range f.messages {
			from, name, _ := cut(m)
			if name == "ChangeCipherSpec" {
				continue
			}
			seen[m]++
			m = fmt.Sprintf("%s %d", m, seen[m])
			to := map[string]string{"client": "server", "server": "client"}[from]
			for _, how := range []struct {
				name   string
				change change
				alerts []iana.Alert
			}{
				{"another message", unasked, []iana.Alert{iana.AlertUnexpectedMessage}},
				{"a byte less", short, []iana.Alert{iana.AlertDecodeError, iana.AlertDecryptError}},
				{"a byte more", long, []iana.Alert{iana.AlertDecodeError, iana.AlertDecryptError}},
			} {
				if how.name == "a byte less" && name == "ServerHelloDone" {
					continue // it has no bytes
				}
				t.Run(fmt.Sprintf("%v/%s/%s/%s", f.version, f.name, m, how.name), func(t *testing.T) {
					expectAlert(t, f.version, f.setup, m, how.change, to, how.alerts)
				})
			}
		}
	}
}

// expectAlert changes one message and wants one of alerts from the end that receives it.
func expectAlert(t *testing.T, v iana.Version, setup func(*handshake.ClientConfig, *handshake.ServerConfig), message string, how change, to string, alerts []iana.Alert) {
	client, server := ends(t)
	server.MaxVersion = v
	if setup != nil {
		setup(client, server)
	}
	p := &pair{tamper: nth(message, func(raw []byte) [][]byte { return how(nil, raw) })}
	c, s := p.run(client, server)
	err := map[string]error{"client": c.err, "server": s.err}[to]
	var e *alert.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: got %v, want an alert.Error", to, err)
	}
	for _, a := range alerts {
		if e.Alert == a && e.Where != "" && e.Ref != "" {
			return
		}
	}
	t.Errorf("%s: got %v with %v, want one of %v, a place and a section", to, e, e.Alert, alerts)
}

// cut takes "client ClientHello" apart.
func cut(message string) (from, name string, ok bool) {
	n, err := fmt.Sscan(message, &from, &name)
	return from, name, n == 2 && err == nil
}

// retryWith has the server ask for a share for g, which the client did not send.
func retryWith(g iana.NamedGroup) func(*handshake.ClientConfig, *handshake.ServerConfig) {
	return func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
		s.Groups = groups(g)
		c.Groups = groups(iana.GroupX25519, iana.GroupSecp256r1, g)
	}
}
