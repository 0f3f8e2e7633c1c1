package handshake_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
)

// variant is a kind of handshake, to have it fail at each of its steps.
type variant struct {
	name  string
	setup func(*handshake.ClientConfig, *handshake.ServerConfig)
	draws int // how often an end needs randomness at least, if not twice
	early string
}

var variants = []variant{
	{name: "TLS 1.2", setup: func(_ *handshake.ClientConfig, s *handshake.ServerConfig) { s.MaxVersion = iana.VersionTLS12 }},
	{name: "TLS 1.2, stapled", setup: func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
		s.MaxVersion = iana.VersionTLS12
		stapled(c, s)
	}},
	{name: "TLS 1.3", setup: func(*handshake.ClientConfig, *handshake.ServerConfig) {}},
	{name: "TLS 1.3 with one group", setup: oneGroup(iana.GroupSecp384r1)},
	{name: "HelloRetryRequest", setup: retryWith(iana.GroupSecp256r1)},
	{name: "TLS 1.2, with a ticket", setup: both12(keeps(false))},
	{name: "TLS 1.2, with a session ID", setup: both12(keeps(true))},
	{name: "TLS 1.2, resumed by ticket", setup: both12(warm(false)), draws: 1},
	{name: "TLS 1.2, resumed by session ID", setup: both12(warm(true)), draws: 1},
	{name: "TLS 1.3, with early data", setup: warmEarly, early: "early"},
	{name: "TLS 1.3, early data rejected", setup: noEarly, early: "early"},
	{name: "HelloRetryRequest, early data rejected", setup: earlyRetried, early: "early"},
}

// both12 has both ends speak TLS 1.2 at the most, before setup.
func both12(setup func(*handshake.ClientConfig, *handshake.ServerConfig)) func(*handshake.ClientConfig, *handshake.ServerConfig) {
	return func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
		c.MaxVersion, s.MaxVersion = iana.VersionTLS12, iana.VersionTLS12
		setup(c, s)
	}
}

var errBroken = errors.New("broken")

// What a transport says goes through unchanged, at every step of every flow.
func TestTransportFails(t *testing.T) {
	for _, v := range variants {
		for _, who := range []string{"client", "server"} {
			t.Run(v.name+"/"+who, func(t *testing.T) {
				for n := 0; ; n++ {
					client, server := ends(t)
					v.setup(client, server)
					at, op := 0, ""
					p := &pair{early: v.early, fail: func(end, method string) error {
						if end != who {
							return nil
						}
						if at++; at == n+1 {
							op = method
							return errBroken
						}
						return nil
					}}
					c, s := p.run(client, server)
					o := map[string]outcome{"client": c, "server": s}[who]
					if op == "" {
						if o.err != nil || n < 8 {
							t.Errorf("%d steps, then %v", n, o.err)
						}
						return
					}
					if o.err != errBroken || o.result != nil || o.post != nil {
						t.Errorf("%s failed as step %d: got %v, %v, want the error as it was and no result", op, n, o.result, o.err)
					}
				}
			})
		}
	}
}

// limited is a source of randomness that ends.
type limited struct{ n int }

func (l *limited) Read(p []byte) (int, error) {
	if l.n < len(p) {
		return 0, errBroken
	}
	l.n -= len(p)
	return rand.Read(p)
}

// Without randomness there is no handshake, wherever it ends.
func TestNoRandomness(t *testing.T) {
	for _, v := range variants {
		for _, who := range []string{"client", "server"} {
			t.Run(v.name+"/"+who, func(t *testing.T) {
				failed := map[string]bool{}
				for n := 0; n < 400; n += 8 {
					client, server := ends(t)
					v.setup(client, server)
					env := &client.Env
					if who == "server" {
						env = &server.Env
					}
					env.Rand = &limited{n}
					c, s := (&pair{early: v.early}).run(client, server)
					err := map[string]error{"client": c.err, "server": s.err}[who]
					if err == nil {
						if len(failed) < v.draws || v.draws == 0 && len(failed) < 2 {
							t.Errorf("%d bytes of randomness are enough, and it failed only at %v", n, failed)
						}
						return
					}
					var e *alert.Error
					if !errors.As(err, &e) || e.Alert != iana.AlertInternalError || e.Where == "" || !errors.Is(err, errBroken) {
						t.Fatalf("got %v, want internal_error, a place, and why", err)
					}
					failed[e.Where] = true
				}
				t.Error("no randomness is enough")
			})
		}
	}
}

// failing is a private key that does not sign.
type failing struct{ crypto.Signer }

func (failing) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errBroken }

// chooser is an identity that is a function.
type chooser func() (*auth.Credential, error)

func (f chooser) ServerCredential(context.Context, *auth.ClientHelloFacts) (*auth.Credential, error) {
	return f()
}

// What callbacks refuse ends the handshake, and says so.
func TestCallbacksFail(t *testing.T) {
	refuse := func(*handshake.Result) error { return alert.Auth("", "", "%w", errBroken) }
	tests := []struct {
		name  string
		end   string
		setup func(*handshake.ClientConfig, *handshake.ServerConfig)
		where string
		alert iana.Alert
	}{
		{
			"the client's user does not accept the server", "client", func(c *handshake.ClientConfig, _ *handshake.ServerConfig) { c.Peer = refuse },
			"", iana.AlertBadCertificate,
		},
		{
			"the server's user does not accept the client", "server", func(_ *handshake.ClientConfig, s *handshake.ServerConfig) { s.Peer = refuse },
			"", iana.AlertBadCertificate,
		},
		{"no configuration", "server", func(_ *handshake.ClientConfig, s *handshake.ServerConfig) {
			s.ForClient = func(context.Context, *auth.ClientHelloFacts) (*handshake.ServerConfig, error) { return nil, errBroken }
		}, "client_hello", iana.AlertInternalError},
		{"no certificate", "server", func(_ *handshake.ClientConfig, s *handshake.ServerConfig) {
			s.Identity = chooser(func() (*auth.Credential, error) { return nil, nil })
		}, "certificate", iana.AlertUnrecognizedName},
		{"an error instead of a certificate", "server", func(_ *handshake.ClientConfig, s *handshake.ServerConfig) {
			s.Identity = chooser(func() (*auth.Credential, error) { return nil, alert.Internal("x", "%w", errBroken) })
		}, "x", iana.AlertInternalError},
		{"a key that does not sign", "server", func(_ *handshake.ClientConfig, s *handshake.ServerConfig) {
			cred := *s.Identity.(identity).cred
			cred.Key = failing{cred.Key.(crypto.Signer)}
			s.Identity = identity{&cred}
		}, "signature", iana.AlertInternalError},
	}
	for _, tt := range tests {
		for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
			t.Run(fmt.Sprintf("%s/%v", tt.name, v), func(t *testing.T) {
				client, server := ends(t)
				server.MaxVersion = v
				tt.setup(client, server)
				c, s := new(pair).run(client, server)
				err := map[string]error{"client": c.err, "server": s.err}[tt.end]
				var e *alert.Error
				if !errors.As(err, &e) || e.Where != tt.where || e.Alert != tt.alert {
					t.Errorf("got %v, want %q with %v", err, tt.where, tt.alert)
				}
			})
		}
	}
}

// A configuration made for one client takes the place of the other, and the hello decides
// what it is made of.
func TestForClient(t *testing.T) {
	client, server := ends(t)
	other := *server
	other.ALPN = []string{"http/1.1"}
	var asked *auth.ClientHelloFacts
	server.ForClient = func(_ context.Context, hello *auth.ClientHelloFacts) (*handshake.ServerConfig, error) {
		asked = hello
		return &other, nil
	}
	c, s := new(pair).run(client, server)
	if c.err != nil || s.err != nil {
		t.Fatal(c.err, s.err)
	}
	if c.result.ALPN != "http/1.1" || s.result.ALPN != "http/1.1" {
		t.Errorf("got %q and %q, want the other configuration's protocol", c.result.ALPN, s.result.ALPN)
	}
	if diff := cmp.Diff([]string{"h2", "http/1.1"}, asked.ALPN); asked.ServerName != "example.com" || diff != "" {
		t.Errorf("asked with %q and protocols (-want +got):\n%s", asked.ServerName, diff)
	}
}

// TestServerNameSent compares what a client is to connect to with what it tells the server.
func TestServerNameSent(t *testing.T) {
	for name, want := range map[string]string{
		"example.com":       "example.com",
		"example.com.":      "example.com",
		"127.0.0.1":         "",
		"::1":               "",
		"[::1]":             "",
		"fe80::1%eth0":      "",
		"[fe80::1%eth0]":    "",
		"":                  "",
		"xn--mgba3a4f16a.i": "xn--mgba3a4f16a.i",
	} {
		client, server := ends(t)
		client.ServerName = name
		_, s := new(pair).run(client, server)
		if s.err != nil || s.result.ServerName != want {
			t.Errorf("%q: got %q, %v, want %q", name, s.result.ServerName, s.err, want)
		}
	}
}

// What a server staples reaches the client's user in both versions, if the client asked.
func TestStaples(t *testing.T) {
	for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
		client, server := ends(t)
		server.MaxVersion = v
		cred := *server.Identity.(identity).cred
		cred.OCSP, cred.SCTs = []byte("response"), [][]byte{[]byte("one"), []byte("two")}
		server.Identity = identity{&cred}
		c, s := new(pair).run(client, server)
		if c.err != nil || s.err != nil {
			t.Fatal(c.err, s.err)
		}
		if got := c.result.Peer; !bytes.Equal(got.OCSP, cred.OCSP) || cmp.Diff(cred.SCTs, got.SCTs) != "" {
			t.Errorf("%v: got %q and %q", v, got.OCSP, got.SCTs)
		}
	}
}

// A cookie of a HelloRetryRequest comes back.
func TestCookie(t *testing.T) {
	cookie := []byte("the server's state")
	client, server := ends(t)
	retryWith(iana.GroupSecp384r1)(client, server)
	ctx := &msg.Context{Version: iana.VersionTLS13}
	var second msg.ClientHello
	give := nth("server ServerHello", func(raw []byte) [][]byte {
		return edit(func(m *msg.HelloRetryRequest) {
			m.Cookie = cookie
			m.Extensions.Add(iana.ExtCookie)
		})(ctx, raw)
	})
	take := nth("client ClientHello 2", func(raw []byte) [][]byte {
		if err := msg.DecodeInto(&second, ctx, raw); err != nil {
			t.Error(err)
		}
		return [][]byte{raw}
	})
	p := &pair{tamper: func(from string, raw []byte) [][]byte {
		if from == "server" {
			return give(from, raw)
		}
		return take(from, raw)
	}}
	p.run(client, server)
	if !bytes.Equal(second.HRRCookie, cookie) {
		t.Errorf("got %q in the second ClientHello, want %q", second.HRRCookie, cookie)
	}
}

// spoken is what a Post had its connection do.
type spoken []string

func (s *spoken) NextReadKeys() error     { *s = append(*s, "next read keys"); return nil }
func (s *spoken) AnswerKeyUpdate()        { *s = append(*s, "answer") }
func (s *spoken) Confirm()                { *s = append(*s, "confirm") }
func (s *spoken) Amid(bool)               {}
func (s *spoken) ReadSecret() keys.Secret { return nil }
func (s *spoken) Answer(func(context.Context) (*handshake.Answer, error)) {
	*s = append(*s, "answer a request")
}

func (s *spoken) Renegotiate(func(context.Context, handshake.Transport) (*handshake.Result, handshake.Post, error)) error {
	*s = append(*s, "renegotiate")
	return nil
}
func (s *spoken) Warn(a iana.Alert) error { *s = append(*s, "warn "+a.String()); return nil }

// message is a handshake message: its type and its body.
func message(b ...byte) []byte {
	return append([]byte{b[0], 0, 0, byte(len(b) - 1)}, b[1:]...)
}

// stuck is a connection whose read keys cannot be changed now.
type stuck struct{ spoken }

func (*stuck) NextReadKeys() error { return errBroken }

func TestPost(t *testing.T) {
	hello := append([]byte{1, 3, 3}, make([]byte, 32+1)...)
	hello = append(hello, 0, 2, 0xc0, 0x2b, 1, 0)
	ticket := []byte{4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0}
	tests := []struct {
		end     string
		version iana.Version
		raw     []byte
		does    spoken
		where   string // of the error; empty: none
		alert   iana.Alert
		ref     string
	}{
		{end: "client", version: iana.VersionTLS13, raw: handshake.KeyUpdate(false), does: spoken{"next read keys"}},
		{end: "server", version: iana.VersionTLS13, raw: handshake.KeyUpdate(true), does: spoken{"next read keys", "answer"}},
		{end: "client", version: iana.VersionTLS13, raw: message(24, 2), where: "key_update.request_update", alert: illegal, ref: "RFC 9846 §4.7.3"},
		{end: "client", version: iana.VersionTLS13, raw: message(24), where: "key_update.request_update", alert: malformed, ref: "RFC 9846 §4.7.3"},
		{end: "client", version: iana.VersionTLS13, raw: message(ticket...)},
		{end: "asked client", version: iana.VersionTLS13, raw: message(ticket...), does: spoken{"confirm"}},
		{end: "client", version: iana.VersionTLS13, raw: message(ticket[:5]...), where: "new_session_ticket.ticket_age_add", alert: malformed, ref: "RFC 9846 §4.7.1"},
		{end: "server", version: iana.VersionTLS13, raw: message(ticket...), where: "new_session_ticket", alert: unexpected, ref: "RFC 9846 §4.7"},
		{end: "client", version: iana.VersionTLS13, raw: message(13, 0, 0, 0), where: "certificate_request", alert: unexpected, ref: "RFC 9846 §4.7.2"},
		{end: "server", version: iana.VersionTLS13, raw: message(hello...), where: "client_hello", alert: unexpected, ref: "RFC 9846 §4.7"},
		{end: "client", version: iana.VersionTLS12, raw: message(0), does: spoken{"warn no_renegotiation"}},
		{end: "client", version: iana.VersionTLS12, raw: message(0, 1), where: "hello_request", alert: malformed, ref: "RFC 5246 §7.4.1.1"},
		{end: "server", version: iana.VersionTLS12, raw: message(0), where: "hello_request", alert: unexpected, ref: "RFC 5246 §7.4"},
		{end: "server", version: iana.VersionTLS12, raw: message(hello...), does: spoken{"warn no_renegotiation"}},
		{end: "server", version: iana.VersionTLS12, raw: message(1), where: "client_hello.legacy_version", alert: malformed, ref: "RFC 9846 §4.2.2"},
		{end: "client", version: iana.VersionTLS12, raw: message(hello...), where: "client_hello", alert: unexpected, ref: "RFC 5246 §7.4"},
		{end: "client", version: iana.VersionTLS12, raw: handshake.KeyUpdate(false), where: "key_update", alert: unexpected, ref: "RFC 5246 §7.4"},
	}
	posts := map[string]handshake.Post{}
	for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
		client, server := ends(t)
		server.MaxVersion = v
		c, s := new(pair).run(client, server)
		if c.err != nil || s.err != nil {
			t.Fatal(c.err, s.err)
		}
		posts["client"+v.String()], posts["server"+v.String()] = c.post, s.post
	}
	client, server := ends(t)
	server.ClientAuth = auth.RequestClientCert
	asked, _ := new(pair).run(client, server)
	posts["asked client"+iana.VersionTLS13.String()] = asked.post
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s/%v/%x", tt.end, tt.version, tt.raw), func(t *testing.T) {
			var did spoken
			err := posts[tt.end+tt.version.String()].HandlePost(&did, tt.raw)
			if diff := cmp.Diff(tt.does, did); diff != "" {
				t.Errorf("does (-want +got):\n%s", diff)
			}
			if tt.where != "" {
				wantAlert(t, err, tt.where, tt.alert, tt.ref)
			} else if err != nil {
				t.Errorf("got %v, want no error", err)
			}
		})
	}
	err := posts["client"+iana.VersionTLS13.String()].HandlePost(new(stuck), handshake.KeyUpdate(true))
	if err != errBroken {
		t.Errorf("keys that cannot change: got %v, want %v", err, errBroken)
	}
}
