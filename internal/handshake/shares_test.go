package handshake_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// TestShares says for which groups a client sends key shares: those that it is told, or the
// first, and where that is post-quantum one that is not. Where there is none the server asks.
func TestShares(t *testing.T) {
	const hybrid, pure, x25519, p256 = iana.GroupX25519MLKEM768, iana.GroupMLKEM1024, iana.GroupX25519, iana.GroupSecp256r1
	for _, tt := range []struct{ groups, shares, want []iana.NamedGroup }{
		{[]iana.NamedGroup{x25519, p256}, nil, []iana.NamedGroup{x25519}},
		{[]iana.NamedGroup{hybrid, p256, x25519}, nil, []iana.NamedGroup{hybrid, x25519}},
		{[]iana.NamedGroup{hybrid, p256}, nil, []iana.NamedGroup{hybrid, p256}},
		{[]iana.NamedGroup{hybrid, pure}, nil, []iana.NamedGroup{hybrid}},
		{[]iana.NamedGroup{pure, hybrid, x25519, p256}, nil, []iana.NamedGroup{pure, x25519}},
		{[]iana.NamedGroup{pure}, nil, []iana.NamedGroup{pure}},
		{[]iana.NamedGroup{x25519, pure}, nil, []iana.NamedGroup{x25519}},
		{[]iana.NamedGroup{hybrid, x25519, p256}, []iana.NamedGroup{p256}, []iana.NamedGroup{p256}},
		{[]iana.NamedGroup{hybrid, x25519, p256}, []iana.NamedGroup{p256, hybrid, x25519}, []iana.NamedGroup{p256, hybrid, x25519}},
		{[]iana.NamedGroup{hybrid, x25519, p256}, []iana.NamedGroup{}, nil},
	} {
		client, server := ends(t)
		client.MinVersion = iana.VersionTLS13
		client.Groups = groups(tt.groups...)
		if tt.shares != nil {
			client.Shares = groups(tt.shares...)
		}
		var got []iana.NamedGroup
		p := &pair{tamper: nth("client ClientHello", func(raw []byte) [][]byte {
			m := &msg.ClientHello{}
			if err := msg.DecodeInto(m, &msg.Context{}, raw); err != nil {
				t.Fatal(err)
			}
			for _, s := range m.KeyShares {
				got = append(got, s.Group)
			}
			return [][]byte{raw}
		})}
		c, s := p.run(client, server)
		if c.err != nil || s.err != nil {
			t.Fatalf("%v: client: %v, server: %v", tt.groups, c.err, s.err)
		}
		if asked := c.result.HelloRetry; asked != !slices.Contains(tt.want, c.result.Group) {
			t.Errorf("%v: HelloRetryRequest: %v, with shares for %v and %v chosen", tt.groups, asked, tt.want, c.result.Group)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%v: shares for (-want +got):\n%s", tt.groups, diff)
		}
	}
}
