package handshake_test

import (
	"bytes"
	"context"
	"crypto"
	"testing"

	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/session"
)

// shared are pre-shared keys that both ends have.
type shared []*session.PSK

func (s shared) FindPSK(_ context.Context, _ *auth.ClientHelloFacts, identity []byte) (*session.PSK, error) {
	for _, p := range s {
		if bytes.Equal(p.Identity, identity) {
			return p, nil
		}
	}
	return nil, nil
}

func newShared() shared {
	p := session.NewExternal([]byte("alice"), keys.Secret(bytes.Repeat([]byte{1}, 32)))
	q := session.NewExternal([]byte("bob"), keys.Secret(bytes.Repeat([]byte{2}, 48)))
	q.Hash = crypto.SHA384
	return shared{p, q}
}

// share has both ends know the same keys.
func share(c *handshake.ClientConfig, s *handshake.ServerConfig) {
	all := newShared()
	c.PSKs, s.PSKs = all, all
	suites := c.Suites[:0:0]
	for _, each := range c.Suites { // one of each hash, so that either PSK has its suite
		if each.ID == iana.TLS_AES_128_GCM_SHA256 || each.ID == iana.TLS_AES_256_GCM_SHA384 || each.MaxVersion < iana.VersionTLS13 {
			suites = append(suites, each)
		}
	}
	c.Suites, s.Suites = suites, suites
}

// alone has both ends use PSKs without a key exchange.
func alone(c *handshake.ClientConfig, s *handshake.ServerConfig) {
	share(c, s)
	c.PSKModes, s.PSKModes = []iana.PSKKeyExchangeMode{iana.ModePSKKE}, []iana.PSKKeyExchangeMode{iana.ModePSKKE}
}

// What a client may say with a PSK, and a server refuses.
func TestServerRejectsPSK(t *testing.T) {
	const ch = "client ClientHello"
	const where = "client_hello.pre_shared_key"
	rejects(t, flowOf{"server", iana.VersionTLS13}, []rejection{
		{
			name: "a binder that is wrong", message: ch, setup: share,
			change: edit(func(m *msg.ClientHello) { m.PSK.Binders[0][0] ^= 1 }),
			where:  where + ".binders", alert: iana.AlertDecryptError, ref: "RFC 9846 §4.3.11.2",
		},
		{
			name: "another client's binder", message: ch, setup: share,
			change: edit(func(m *msg.ClientHello) {
				m.PSK.Identities[0], m.PSK.Identities[1] = m.PSK.Identities[1], m.PSK.Identities[0]
			}),
			where: where + ".binders", alert: iana.AlertDecryptError, ref: "RFC 9846 §4.3.11.2",
		},
		{
			name: "a binder too few", message: ch, setup: share,
			change: edit(func(m *msg.ClientHello) { m.PSK.Binders = m.PSK.Binders[:1] }),
			where:  where + ".binders", alert: illegal, ref: "RFC 9846 §4.3.11",
		},
		{
			name: "a hello that was changed", message: ch, setup: share,
			change: edit(func(m *msg.ClientHello) { m.ServerName[0].HostName = []byte("example.org") }),
			where:  where + ".binders", alert: iana.AlertDecryptError, ref: "RFC 9846 §4.3.11.2",
		},
		{
			name: "no modes", message: ch, setup: share,
			change: edit(func(m *msg.ClientHello) { m.Extensions.Remove(iana.ExtPSKKeyExchangeModes) }),
			where:  "client_hello", alert: iana.AlertMissingExtension, ref: "RFC 9846 §9.2",
		},
		{
			name: "unknown, and no certificate", message: ch, setup: func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
				share(c, s)
				s.Identity = nil
			},
			change: edit(func(m *msg.ClientHello) {
				m.PSK.Identities[0].Identity, m.PSK.Identities[1].Identity = []byte("x"), []byte("y")
			}),
			where: where + ".identities", alert: iana.AlertUnknownPSKIdentity, ref: "RFC 9846 §4.3.11",
		},
		{
			name: "not the last extension", message: ch, setup: share,
			change: edit(func(m *msg.ClientHello) { m.Extensions.AddRaw(0xfafa, nil) }),
			where:  "client_hello.pre_shared_key", alert: illegal, ref: "RFC 9846 §4.3.11",
		},
	})
}

// What a server may answer to PSKs, and a client refuses.
func TestClientRejectsPSK(t *testing.T) {
	const sh = "server ServerHello"
	rejects(t, flowOf{"client", iana.VersionTLS13}, []rejection{
		{
			name: "one that was not offered", message: sh, setup: share,
			change: edit(func(m *msg.ServerHello) { m.SelectedIdentity = 2 }),
			where:  "server_hello.pre_shared_key.selected_identity", alert: illegal, ref: "RFC 9846 §4.3.11",
		},
		{
			name: "one of another hash", message: sh, setup: share,
			change: edit(func(m *msg.ServerHello) { m.SelectedIdentity = 1 }),
			where:  "server_hello.cipher_suite", alert: illegal, ref: "RFC 9846 §4.3.11",
		},
		{
			name: "without a share, which was not offered", message: sh, setup: share,
			change: edit(func(m *msg.ServerHello) { m.Extensions.Remove(iana.ExtKeyShare) }),
			where:  "server_hello", alert: iana.AlertMissingExtension, ref: "RFC 9846 §4.3.8",
		},
		{
			name: "with a share, which was not offered", message: sh, setup: func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
				alone(c, s)
			},
			change: edit(func(m *msg.ServerHello) {
				m.KeyShare = msg.KeyShareEntry{Group: iana.GroupX25519, KeyExchange: make([]byte, 32)}
				m.Extensions.Add(iana.ExtKeyShare)
			}),
			where: "server_hello.key_share", alert: illegal, ref: "RFC 9846 §4.3.9",
		},
		{
			name: "neither a share nor a PSK", message: sh, setup: alone,
			change: edit(func(m *msg.ServerHello) { m.Extensions.Remove(iana.ExtPreSharedKey) }),
			where:  "server_hello", alert: iana.AlertMissingExtension, ref: "RFC 9846 §4.3.8",
		},
	})
}

// TestSharedMessages shows what a PSK does without.
func TestSharedMessages(t *testing.T) {
	want := "client ClientHello server ServerHello server ChangeCipherSpec server EncryptedExtensions server Finished client ChangeCipherSpec client Finished"
	for name, setup := range map[string]func(*handshake.ClientConfig, *handshake.ServerConfig){"psk_dhe_ke": share, "psk_ke": alone} {
		client, server := ends(t)
		setup(client, server)
		server.ClientAuth, server.ClientTrust = auth.RequestClientCert, &auth.Trust{Skip: true}
		p := new(pair)
		c, s := p.run(client, server)
		if c.err != nil || s.err != nil {
			t.Fatal(c.err, s.err)
		}
		if got := joined(p.log); got != want {
			t.Errorf("%s: got %s\nwant %s", name, got, want)
		}
		for _, r := range []*handshake.Result{c.result, s.result} {
			if string(r.PSKIdentity) != "alice" || r.Resumed || r.PSKOnly != (name == "psk_ke") || (r.Group == 0) != r.PSKOnly {
				t.Errorf("%s: got %q, resumed %v, alone %v, group %v", name, r.PSKIdentity, r.Resumed, r.PSKOnly, r.Group)
			}
		}
		for _, psk := range client.PSKs { // what the user gave is not wiped
			if bytes.Count(psk.Key, []byte{0}) > 0 {
				t.Errorf("%s: the key of %s was changed", name, psk.Identity)
			}
		}
	}
}

func joined(log []string) string {
	var b bytes.Buffer
	for i, s := range log {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s)
	}
	return b.String()
}
