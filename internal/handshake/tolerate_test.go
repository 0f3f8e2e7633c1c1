package handshake_test

import (
	"slices"
	"testing"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// TestServerIgnores puts into ClientHello what a server must pass over, and wants it to go
// on. (The handshake fails later: the client has another transcript.)
func TestServerIgnores(t *testing.T) {
	raw := func(typ iana.ExtensionType, data ...byte) change {
		return hello(func(m *msg.ClientHello) {
			m.Extensions.Order = slices.Insert(m.Extensions.Order, 1, msg.Extension{Type: typ, Raw: data})
		})
	}
	tests := []struct {
		name   string
		change change
	}{
		{name: "a name of another type", change: hello(func(m *msg.ClientHello) {
			m.ServerName = append(m.ServerName, msg.ServerName{NameType: 7, HostName: []byte("?")})
		})},
		{name: "GREASE", change: hello(func(m *msg.ClientHello) {
			m.CipherSuites = append([]iana.CipherSuite{0x0a0a}, m.CipherSuites...)
			m.SupportedVersions = append([]iana.Version{0x1a1a}, m.SupportedVersions...)
			m.SupportedGroups = append([]iana.NamedGroup{0x2a2a}, m.SupportedGroups...)
			m.SignatureAlgorithms = append([]iana.SignatureScheme{0x3a3a}, m.SignatureAlgorithms...)
			m.ALPN = append([]msg.ProtocolName{{0x4a, 0x4a}}, m.ALPN...)
			m.KeyShares = append([]msg.KeyShareEntry{{Group: 0x2a2a, KeyExchange: []byte{0}}}, m.KeyShares...)
			m.PSKModes = append(m.PSKModes, 0x2a)
		})},
		{name: "an extension that nobody knows", change: raw(0xfafa, 1, 2, 3)},
		{name: "status_request_v2", change: raw(iana.ExtStatusRequestV2, 0, 7, 2, 0, 4, 0, 0, 0, 0)},
		{name: "session_ticket", change: raw(iana.ExtSessionTicket, 1, 2, 3)},
		{name: "max_fragment_length", change: raw(iana.ExtMaxFragmentLength, 1)},
		{name: "record_size_limit", change: raw(iana.ExtRecordSizeLimit, 1, 0)},
		{name: "padding", change: raw(iana.ExtPadding, make([]byte, 300)...)},
		{name: "a PSK and early data", change: hello(func(m *msg.ClientHello) {
			m.Extensions.Add(iana.ExtEarlyData)
			offerPSK(m)
		})},
		{name: "no extensions of TLS 1.2", change: without(iana.ExtECPointFormats, iana.ExtExtendedMainSecret, iana.ExtRenegotiationInfo)},
		{name: "neither server_name nor ALPN", change: without(iana.ExtServerName, iana.ExtApplicationLayerProtocolNegotiation)},
		{name: "no session ID", change: hello(func(m *msg.ClientHello) { m.SessionID = nil })},
		{name: "a thousand suites", change: hello(func(m *msg.ClientHello) {
			for i := range 1000 {
				m.CipherSuites = append(m.CipherSuites, iana.CipherSuite(0xd000+i))
			}
		})},
	}
	for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
		for _, tt := range tests {
			t.Run(v.String()+"/"+tt.name, func(t *testing.T) {
				client, server := ends(t)
				server.MaxVersion = v
				p := &pair{tamper: nth(ch, func(raw []byte) [][]byte { return tt.change(&msg.Context{}, raw) })}
				_, s := p.run(client, server)
				if !slices.Contains(p.log, "server ServerHello") {
					t.Errorf("got %v, want the server to go on", s.err)
				}
			})
		}
	}
}

// A TLS 1.2 client without supported_versions, and one that offers other compression too.
func TestServer12Ignores(t *testing.T) {
	for name, change := range map[string]change{
		"no supported_versions": without(iana.ExtSupportedVersions),
		"legacy_version 1.3 without supported_versions": hello(func(m *msg.ClientHello) {
			m.LegacyVersion = iana.VersionTLS13
			m.Extensions.Remove(iana.ExtSupportedVersions)
		}),
		"compression":         hello(func(m *msg.ClientHello) { m.CompressionMethods = []byte{1, 0} }),
		"no supported_groups": without(iana.ExtSupportedGroups, iana.ExtKeyShare),
		"the renegotiation SCSV": hello(func(m *msg.ClientHello) {
			m.Extensions.Remove(iana.ExtRenegotiationInfo)
			m.CipherSuites = append(m.CipherSuites, iana.TLS_EMPTY_RENEGOTIATION_INFO_SCSV)
		}),
		"a fallback to the newest": hello(func(m *msg.ClientHello) { m.CipherSuites = append(m.CipherSuites, iana.TLS_FALLBACK_SCSV) }),
	} {
		t.Run(name, func(t *testing.T) {
			client, server := ends(t)
			client.MaxVersion, server.MaxVersion = iana.VersionTLS12, iana.VersionTLS12
			p := &pair{tamper: nth(ch, func(raw []byte) [][]byte { return change(&msg.Context{}, raw) })}
			_, s := p.run(client, server)
			if !slices.Contains(p.log, "server ServerHelloDone") {
				t.Errorf("got %v, want the server to go on", s.err)
			}
		})
	}
}

// Two ends without ALPN negotiate none; one that offers it and one that does not agree on none.
func TestNoALPN(t *testing.T) {
	for name, setup := range map[string]func(*handshake.ClientConfig, *handshake.ServerConfig){
		"neither": noALPN,
		"client":  func(_ *handshake.ClientConfig, s *handshake.ServerConfig) { s.ALPN = nil },
		"server":  func(c *handshake.ClientConfig, _ *handshake.ServerConfig) { c.ALPN = nil },
	} {
		for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
			client, server := ends(t)
			server.MaxVersion = v
			setup(client, server)
			c, s := new(pair).run(client, server)
			if c.err != nil || s.err != nil || c.result.ALPN != "" || s.result.ALPN != "" {
				t.Errorf("%s has ALPN, %v: got %v, %v", name, v, c.err, s.err)
			}
		}
	}
}
