package handshake_test

import (
	"fmt"
	"testing"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
)

// An end that requires a protocol goes on with one and with none refuses, in both versions.
func TestRequiredALPN(t *testing.T) {
	const chWhere = "client_hello.application_layer_protocol_negotiation"
	tests := []struct {
		name  string
		setup func(*handshake.ClientConfig, *handshake.ServerConfig)
		who   string // refuses; empty: nobody
		where map[iana.Version]string
	}{
		{"both have one", func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
			c.RequireALPN, s.RequireALPN = true, true
		}, "", nil},
		{"the server has none", func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
			c.RequireALPN, s.ALPN = true, nil
		}, "client", map[iana.Version]string{
			iana.VersionTLS12: "server_hello.application_layer_protocol_negotiation",
			iana.VersionTLS13: "encrypted_extensions.application_layer_protocol_negotiation",
		}},
		{"the client has none", func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
			s.RequireALPN, c.ALPN = true, nil
		}, "server", map[iana.Version]string{iana.VersionTLS12: chWhere, iana.VersionTLS13: chWhere}},
		{"the client has another", func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
			s.RequireALPN, c.ALPN = true, []string{"imap"}
		}, "server", map[iana.Version]string{iana.VersionTLS12: chWhere, iana.VersionTLS13: chWhere}},
	}
	for _, tt := range tests {
		for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
			t.Run(fmt.Sprintf("%s/%v", tt.name, v), func(t *testing.T) {
				client, server := ends(t)
				server.MaxVersion = v
				tt.setup(client, server)
				c, s := new(pair).run(client, server)
				if tt.who == "" {
					if c.err != nil || s.err != nil || c.result.ALPN != "h2" {
						t.Errorf("got %v, %v, want h2", c.err, s.err)
					}
					return
				}
				err := map[string]error{"client": c.err, "server": s.err}[tt.who]
				wantAlert(t, err, tt.where[v], iana.AlertNoApplicationProtocol, "RFC 7301 §3.2")
			})
		}
	}
}
