package handshake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
)

// judge is a server's policy for clients that are asked later.
type judge struct {
	trust *auth.Trust
	err   error
}

func (j judge) ClientTrust(auth.ClientAuth) (*auth.Trust, [][]byte) { return j.trust, nil }
func (j judge) JudgeClient(*handshake.Result) error                 { return j.err }

// late is a connection after its handshake: messages go from one Post to the other.
type late struct {
	client handshake.Post
	server handshake.Requester
	toEnd  spoken // what the client did
	toOurs spoken // what the server did
	result *handshake.Result
}

// traffic is the secret under which the client writes. Both ends have the same; here it need
// not be the handshake's.
var traffic = keys.Secret(bytes.Repeat([]byte{7}, 32))

// lateEnd is one end's PostTransport.
type lateEnd struct {
	*spoken
	answers []func(context.Context) (*handshake.Answer, error)
}

func (e *lateEnd) Answer(prepare func(context.Context) (*handshake.Answer, error)) {
	e.answers = append(e.answers, prepare)
}

func (*lateEnd) ReadSecret() keys.Secret { return traffic }

// newLate shakes hands with a client that may be asked.
func newLate(t testing.TB, setup func(*handshake.ClientConfig, *handshake.ServerConfig)) *late {
	t.Helper()
	client, server := ends(t)
	id, trust := newIdentity(t)
	trust.Name = ""
	client.PostHandshakeAuth, client.Identity = true, shows(id)
	server.Clients = judge{trust: trust}
	if setup != nil {
		setup(client, server)
	}
	c, s := new(pair).run(client, server)
	if c.err != nil || s.err != nil {
		t.Fatal(c.err, s.err)
	}
	l := &late{client: c.post}
	var ok bool
	if l.server, ok = s.post.(handshake.Requester); !ok {
		t.Fatal("the client may not be asked")
	}
	return l
}

// request asks the client, and returns the messages of its answer.
func (l *late) request(t testing.TB, want auth.ClientAuth) [][]byte {
	t.Helper()
	raw, err := l.server.RequestCertificate(want, func(r *handshake.Result) { l.result = r })
	if err != nil {
		t.Fatal(err)
	}
	return l.answer(t, raw)
}

// answer has the client answer a request.
func (l *late) answer(t testing.TB, raw []byte) [][]byte {
	t.Helper()
	end := &lateEnd{spoken: &l.toEnd}
	if err := l.client.HandlePost(end, raw); err != nil {
		t.Fatal(err)
	}
	clear(raw) // it does not keep it
	a, err := end.answers[0](context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return a.Messages(traffic)
}

// hear gives the server messages, and returns the first error.
func (l *late) hear(messages ...[]byte) error {
	for _, raw := range messages {
		if err := l.server.HandlePost(&lateEnd{spoken: &l.toOurs}, raw); err != nil {
			return err
		}
	}
	return nil
}

func types(messages [][]byte) string {
	var names []string
	for _, raw := range messages {
		names = append(names, iana.HandshakeType(raw[0]).StructName())
	}
	return strings.Join(names, " ")
}

// TestPostHandshakeAuth asks a client for its certificate after the handshake, in every
// version of the messages that there is.
func TestPostHandshakeAuth(t *testing.T) {
	const all, none = "Certificate CertificateVerify Finished", "Certificate Finished"
	for _, tt := range []struct {
		name   string
		setup  func(*handshake.ClientConfig, *handshake.ServerConfig)
		want   auth.ClientAuth
		says   string
		known  bool
		refuse string
	}{
		{"a certificate", nil, auth.RequireAndVerifyClientCert, all, true, ""},
		{"none", func(c *handshake.ClientConfig, _ *handshake.ServerConfig) { c.Identity = nil }, auth.VerifyClientCertIfGiven, none, false, ""},
		{"none, and one is required", func(c *handshake.ClientConfig, _ *handshake.ServerConfig) { c.Identity = nil }, auth.RequireAnyClientCert, none, false, "certificate_required"},
		{"compressed", func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
			id := c.Identity
			zlibs(c, s)
			c.Identity, s.ClientAuth = id, auth.NoClientCert
		}, auth.RequestClientCert, "CompressedCertificate CertificateVerify Finished", true, ""},
		{"behind a HelloRetryRequest", func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
			s.Groups = s.Groups[3:4]
		}, auth.RequestClientCert, all, true, ""},
		{"of who was known before", func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
			s.ClientAuth, s.ClientTrust = auth.RequestClientCert, s.Clients.(judge).trust
		}, auth.RequestClientCert, all, true, ""},
		{"refused by the judge", func(_ *handshake.ClientConfig, s *handshake.ServerConfig) {
			s.Clients = judge{s.Clients.(judge).trust, errBroken}
		}, auth.RequestClientCert, all, false, errBroken.Error()},
		{"not trusted", func(_ *handshake.ClientConfig, s *handshake.ServerConfig) {
			_, others := newIdentity(t)
			others.Name = "elsewhere"
			s.Clients = judge{trust: others}
		}, auth.RequireAndVerifyClientCert, all, false, "not trusted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLate(t, tt.setup)
			messages := l.request(t, tt.want)
			if got := types(messages); got != tt.says {
				t.Errorf("got %s, want %s", got, tt.says)
			}
			err := l.hear(messages...)
			if tt.refuse != "" {
				var fact *alert.Error
				errors.As(err, &fact)
				if err == nil || !strings.Contains(fmt.Sprint(err), tt.refuse) && (fact == nil || fact.Alert.String() != tt.refuse) {
					t.Errorf("got %v, want %s", err, tt.refuse)
				}
				if l.result != nil {
					t.Error("got a result beside the error")
				}
				return
			}
			if err != nil || l.result == nil {
				t.Fatalf("got %v, result %v", err, l.result)
			}
			if known := len(l.result.Peer.Certificates) > 0; known != tt.known {
				t.Errorf("the client is known: got %v, want %v", known, tt.known)
			}
			if want := (spoken{"confirm"}); !slices.Equal(l.toEnd, want) {
				t.Errorf("the client: got %v, want %v", l.toEnd, want)
			}
		})
	}
}

// TestPostHandshakeAuthInAnyOrder asks twice; the answers come in the other order.
func TestPostHandshakeAuthInAnyOrder(t *testing.T) {
	l := newLate(t, nil)
	first := l.request(t, auth.RequireAndVerifyClientCert)
	second := l.request(t, auth.RequireAndVerifyClientCert)
	for _, answer := range [][][]byte{second, first} {
		l.result = nil
		if err := l.hear(answer...); err != nil || l.result == nil {
			t.Fatalf("got %v, result %v", err, l.result)
		}
	}
}

// TestRejectPostHandshakeAuth changes answers, and what comes between their messages.
func TestRejectPostHandshakeAuth(t *testing.T) {
	const ref = "RFC 9846 §4.7.2"
	change := func(i int, f change) func(*testing.T, *late) [][]byte {
		return func(t *testing.T, l *late) [][]byte {
			m := l.request(t, auth.RequireAnyClientCert)
			return slices.Concat(m[:i], f(&msg.Context{Version: iana.VersionTLS13}, m[i]), m[i+1:])
		}
	}
	flip := func(at int) func(*msg.Context, []byte) [][]byte {
		return func(_ *msg.Context, raw []byte) [][]byte {
			raw = bytes.Clone(raw)
			raw[len(raw)-at] ^= 1
			return [][]byte{raw}
		}
	}
	drop := func(*msg.Context, []byte) [][]byte { return nil }
	before := func(extra []byte) func(*msg.Context, []byte) [][]byte {
		return func(_ *msg.Context, raw []byte) [][]byte { return [][]byte{extra, raw} }
	}
	for _, tt := range []struct {
		name  string
		says  func(*testing.T, *late) [][]byte
		where string
		alert iana.Alert
		ref   string
	}{
		{"an answer that nobody asked for", func(t *testing.T, l *late) [][]byte {
			m := l.request(t, auth.RequireAnyClientCert)
			return slices.Concat(m, m)
		}, "certificate", unexpected, ref},
		{"of another request", func(t *testing.T, l *late) [][]byte {
			return change(0, edit(func(m *msg.Certificate) { m.RequestContext[0] ^= 1 }))(t, l)
		}, "certificate.certificate_request_context", illegal, "RFC 9846 §4.5.1"},
		{"no context", change(0, edit(func(m *msg.Certificate) { m.RequestContext = nil })), "certificate.certificate_request_context", illegal, "RFC 9846 §4.5.1"},
		{"answered twice", func(t *testing.T, l *late) [][]byte {
			m := l.request(t, auth.RequireAnyClientCert)
			l.request(t, auth.RequireAnyClientCert)
			return slices.Concat(m, m)
		}, "certificate.certificate_request_context", illegal, "RFC 9846 §4.5.1"},
		{"no CertificateVerify", change(1, drop), "certificate_verify", unexpected, "RFC 9846 §4.5.2"},
		{"CertificateVerify of other messages", change(1, flip(1)), "certificate_verify.signature", iana.AlertDecryptError, "RFC 9846 §4.5.2"},
		{"Finished of other messages", change(2, flip(1)), "finished.verify_data", iana.AlertDecryptError, "RFC 9846 §4.5.3"},
		{"Finished alone", change(0, func(*msg.Context, []byte) [][]byte { return [][]byte{message(20, 0)} }), "finished", unexpected, ref},
		{"CertificateVerify without a certificate", change(0, edit(func(m *msg.Certificate) { m.List = nil })), "certificate.certificate_list", iana.AlertCertificateRequired, "RFC 9846 §4.5.1"},
		{"KeyUpdate amid", change(1, before(handshake.KeyUpdate(false))), "key_update", unexpected, ref},
		{"KeyUpdate before Finished", change(2, before(handshake.KeyUpdate(false))), "key_update", unexpected, ref},
		{"two Certificates", func(t *testing.T, l *late) [][]byte {
			m := l.request(t, auth.RequireAnyClientCert)
			return [][]byte{m[0], m[0]}
		}, "certificate", unexpected, ref},
		{"a malformed Certificate", change(0, func(*msg.Context, []byte) [][]byte { return [][]byte{message(11, 1)} }), "certificate.certificate_request_context", malformed, "RFC 9846 §4.5.1"},
		{"ClientHello", change(0, func(*msg.Context, []byte) [][]byte { return [][]byte{message(1, 3, 3)} }), "client_hello", unexpected, ref},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLate(t, nil)
			wantAlert(t, l.hear(tt.says(t, l)...), tt.where, tt.alert, tt.ref)
		})
	}
}

// TestRejectCertificateRequest asks a client as a server may not.
func TestRejectCertificateRequest(t *testing.T) {
	ask := func(t *testing.T, l *late) []byte {
		raw, err := l.server.RequestCertificate(auth.RequireAnyClientCert, func(*handshake.Result) {})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	ctx := &msg.Context{Version: iana.VersionTLS13}
	for _, tt := range []struct {
		name  string
		says  func(*testing.T, *late) []byte
		where string
		alert iana.Alert
		ref   string
	}{
		{"a context that came before", func(t *testing.T, l *late) []byte {
			raw := ask(t, l)
			l.answer(t, bytes.Clone(raw))
			return raw
		}, "certificate_request.certificate_request_context", illegal, "RFC 9846 §4.4.2"},
		{"no signature_algorithms", func(t *testing.T, l *late) []byte {
			return edit(func(m *msg.CertificateRequest) { m.Extensions.Remove(iana.ExtSignatureAlgorithms) })(ctx, ask(t, l))[0]
		}, "certificate_request", iana.AlertMissingExtension, "RFC 9846 §4.3.3"},
		{"cut off", func(*testing.T, *late) []byte { return message(13, 2, 0) }, "certificate_request.certificate_request_context", malformed, "RFC 9846 §4.4.2"},
		{"too often", func(t *testing.T, l *late) []byte {
			for i := range 64 {
				l.answer(t, edit(func(m *msg.CertificateRequest) { m.RequestContext = []byte{byte(i)} })(ctx, ask(t, newLate(t, nil)))[0])
			}
			return ask(t, l)
		}, "certificate_request", unexpected, "RFC 9846 §4.7.2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLate(t, nil)
			wantAlert(t, l.client.HandlePost(&lateEnd{spoken: new(spoken)}, tt.says(t, l)), tt.where, tt.alert, tt.ref)
		})
	}
	l := newLate(t, nil)
	for range 64 {
		ask(t, l)
	}
	if _, err := l.server.RequestCertificate(auth.RequestClientCert, nil); err == nil {
		t.Error("a 65th request: got no error")
	}
}

// TestNoPostHandshakeAuth has nobody ask a client that did not offer it.
func TestNoPostHandshakeAuth(t *testing.T) {
	for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
		client, server := ends(t)
		client.PostHandshakeAuth = v < iana.VersionTLS13
		server.MaxVersion = v
		c, s := new(pair).run(client, server)
		if c.err != nil || s.err != nil {
			t.Fatal(c.err, s.err)
		}
		if _, ok := s.post.(handshake.Requester); ok {
			t.Errorf("%v: the client may be asked", v)
		}
		if v < iana.VersionTLS13 {
			continue
		}
		err := c.post.HandlePost(&lateEnd{spoken: new(spoken)}, message(13, 0, 0, 0))
		wantAlert(t, err, "certificate_request", unexpected, "RFC 9846 §4.7.2")
	}
}

// FuzzPostHandshakeAuth feeds a server that has asked what may come as an answer, and a client
// what may come as a request.
func FuzzPostHandshakeAuth(f *testing.F) {
	l := newLate(f, nil)
	raw, err := l.server.RequestCertificate(auth.RequestClientCert, func(*handshake.Result) {})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.Clone(raw))
	answer := l.answer(f, raw)
	f.Add(bytes.Join(answer, nil))
	f.Add(bytes.Join(answer[:2], nil))
	f.Add(slices.Concat(answer[0], handshake.KeyUpdate(true)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l := newLate(t, nil)
		if _, err := l.server.RequestCertificate(auth.RequestClientCert, func(*handshake.Result) { t.Error("accepted") }); err != nil {
			t.Fatal(err)
		}
		for len(raw) >= 4 {
			n := min(len(raw), 4+int(raw[1])<<16+int(raw[2])<<8+int(raw[3]))
			for _, err := range []error{
				l.hear(raw[:n]), l.client.HandlePost(&lateEnd{spoken: &l.toEnd}, raw[:n]),
			} {
				var e *alert.Error
				if err != nil && (!errors.As(err, &e) || e.Ref == "") {
					t.Errorf("got %v, want an alert.Error with a section", err)
				}
			}
			raw = raw[n:]
		}
	})
}
