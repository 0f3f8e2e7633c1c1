package handshake_test

import (
	"slices"
	"testing"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// sized has both ends set a limit for records.
func sized(c *handshake.ClientConfig, s *handshake.ServerConfig) {
	c.RecordSizeLimit, s.RecordSizeLimit = 1000, 2000
}

// A limit below the least is refused, in either direction and version (RFC 8449 §4).
func TestRejectsRecordSizeLimit(t *testing.T) {
	const ref = "RFC 8449 §4"
	for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
		rejects(t, flowOf{"server", v}, []rejection{
			{
				name: "a limit of 63", message: ch, setup: sized,
				change: hello(func(m *msg.ClientHello) { m.RecordSizeLimit = 63 }),
				where:  "client_hello.record_size_limit", alert: illegal, ref: ref,
			},
			{
				name: "a limit of one byte", message: ch, setup: sized,
				change: hello(func(m *msg.ClientHello) {
					m.Extensions.Remove(iana.ExtRecordSizeLimit)
					m.Extensions.Order = slices.Insert(m.Extensions.Order, 0, msg.Extension{Type: iana.ExtRecordSizeLimit, Raw: []byte{100}})
				}),
				where: "client_hello.extensions[0].record_size_limit", alert: malformed, ref: ref,
			},
		})
	}
	rejects(t, flowOf{"client", iana.VersionTLS12}, []rejection{
		{
			name: "a limit of 63", message: "server ServerHello", setup: sized,
			change: edit(func(m *msg.ServerHello) { m.RecordSizeLimit = 63 }),
			where:  "server_hello.record_size_limit", alert: illegal, ref: ref,
		},
		{
			name: "a limit that was not asked for", message: "server ServerHello",
			change: edit(func(m *msg.ServerHello) { m.RecordSizeLimit = 64; m.Extensions.Add(iana.ExtRecordSizeLimit) }),
			where:  "server_hello.record_size_limit", alert: unsupported, ref: "RFC 9846 §4.3",
		},
	})
	rejects(t, flowOf{"client", iana.VersionTLS13}, []rejection{
		{
			name: "a limit of 63", message: "server EncryptedExtensions", setup: sized,
			change: edit(func(m *msg.EncryptedExtensions) { m.RecordSizeLimit = 63 }),
			where:  "encrypted_extensions.record_size_limit", alert: illegal, ref: ref,
		},
		{
			name: "a limit that was not asked for", message: "server EncryptedExtensions",
			change: edit(func(m *msg.EncryptedExtensions) { m.RecordSizeLimit = 64; m.Extensions.Add(iana.ExtRecordSizeLimit) }),
			where:  "encrypted_extensions.record_size_limit", alert: unsupported, ref: "RFC 9846 §4.3",
		},
		{
			name: "the client's limit of fragments beside it", message: "server EncryptedExtensions", setup: sized,
			change: edit(func(m *msg.EncryptedExtensions) {
				m.MaxFragmentLength = 1
				m.Extensions.Add(iana.ExtMaxFragmentLength)
			}),
			where: "encrypted_extensions.max_fragment_length", alert: unsupported, ref: "RFC 9846 §4.3",
		},
	})
}

// A client that sets no limit hears of none, and the limits of both reach the transports.
func TestRecordLimits(t *testing.T) {
	for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
		for _, ask := range []bool{false, true} {
			client, server := ends(t)
			server.MaxVersion = v
			wantC, wantS := [2]int{}, [2]int{}
			if sized(client, server); ask {
				wantC, wantS = [2]int{1000, 2000}, [2]int{2000, 1000}
			} else {
				client.RecordSizeLimit = 0
			}
			c, s := new(pair).run(client, server)
			if c.err != nil || s.err != nil || c.end.limits != wantC || s.end.limits != wantS {
				t.Errorf("%v: got %v and %v, %v, %v, want %v and %v", v, c.end.limits, s.end.limits, c.err, s.err, wantC, wantS)
			}
		}
	}
}

// A server that chooses what means nothing is refused as one that chooses what was not offered.
func TestClientRejectsGREASE(t *testing.T) {
	greased := func(c *handshake.ClientConfig, _ *handshake.ServerConfig) { c.GREASE = true }
	for _, tt := range []struct {
		name   string
		v      iana.Version
		change func(offer *msg.ClientHello, m *msg.ServerHello)
		where  string
		alert  iana.Alert
		ref    string
	}{
		{"suite", iana.VersionTLS13, func(h *msg.ClientHello, m *msg.ServerHello) { m.CipherSuite = h.CipherSuites[0] }, "server_hello.cipher_suite", illegal, "RFC 9846 §4.2.3"},
		{"suite", iana.VersionTLS12, func(h *msg.ClientHello, m *msg.ServerHello) { m.CipherSuite = h.CipherSuites[0] }, "server_hello.cipher_suite", illegal, "RFC 9846 §4.2.3"},
		{"version", iana.VersionTLS13, func(h *msg.ClientHello, m *msg.ServerHello) { m.SelectedVersion = h.SupportedVersions[0] }, "server_hello.supported_versions.selected_version", illegal, "RFC 9846 §4.3.1"},
		{"group", iana.VersionTLS13, func(h *msg.ClientHello, m *msg.ServerHello) { m.KeyShare.Group = h.SupportedGroups[0] }, "server_hello.key_share.server_share.group", illegal, "RFC 9846 §4.3.8"},
		{"extension", iana.VersionTLS13, func(h *msg.ClientHello, m *msg.ServerHello) { m.Extensions.AddRaw(h.Extensions.Order[0].Type, nil) }, "", unsupported, "RFC 9846 §4.3"},
	} {
		t.Run(tt.name+"/"+tt.v.String(), func(t *testing.T) {
			client, server := ends(t)
			greased(client, server)
			server.MaxVersion = tt.v
			offer := &msg.ClientHello{}
			p := &pair{tamper: func(from string, raw []byte) [][]byte {
				switch iana.HandshakeType(raw[0]) {
				case iana.HandshakeClientHello:
					if err := msg.DecodeInto(offer, &msg.Context{}, raw); err != nil {
						t.Fatal(err)
					}
				case iana.HandshakeServerHello:
					return edit(func(m *msg.ServerHello) { tt.change(offer, m) })(&msg.Context{Version: tt.v}, raw)
				}
				return [][]byte{raw}
			}}
			c, _ := p.run(client, server)
			where := tt.where
			if tt.name == "extension" {
				where = "server_hello." + offer.Extensions.Order[0].Type.String()
			}
			wantAlert(t, c.err, where, tt.alert, tt.ref)
		})
	}
}
