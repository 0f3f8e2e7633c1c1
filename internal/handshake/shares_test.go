package handshake_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// TestShares says for which groups a client sends key shares: the first, and where that is
// post-quantum one that is not.
func TestShares(t *testing.T) {
	const hybrid, pure, x25519, p256 = iana.GroupX25519MLKEM768, iana.GroupMLKEM1024, iana.GroupX25519, iana.GroupSecp256r1
	for _, tt := range []struct{ groups, want []iana.NamedGroup }{
		{[]iana.NamedGroup{x25519, p256}, []iana.NamedGroup{x25519}},
		{[]iana.NamedGroup{hybrid, p256, x25519}, []iana.NamedGroup{hybrid, x25519}},
		{[]iana.NamedGroup{hybrid, p256}, []iana.NamedGroup{hybrid, p256}},
		{[]iana.NamedGroup{hybrid, pure}, []iana.NamedGroup{hybrid}},
		{[]iana.NamedGroup{pure, hybrid, x25519, p256}, []iana.NamedGroup{pure, x25519}},
		{[]iana.NamedGroup{pure}, []iana.NamedGroup{pure}},
		{[]iana.NamedGroup{x25519, pure}, []iana.NamedGroup{x25519}},
	} {
		client, server := ends(t)
		client.MinVersion = iana.VersionTLS13
		client.Groups = groups(tt.groups...)
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
		if c, s := p.run(client, server); c.err != nil || s.err != nil {
			t.Errorf("%v: client: %v, server: %v", tt.groups, c.err, s.err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%v: shares for (-want +got):\n%s", tt.groups, diff)
		}
	}
}
