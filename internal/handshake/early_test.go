package handshake_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// TestSkipEarlyData has a client announce early data to a server that takes none. Its
// ClientHello is changed on the way, so that the two ends do not agree in the end.
func TestSkipEarlyData(t *testing.T) {
	announce := func(raw []byte) [][]byte {
		return hello(func(m *msg.ClientHello) { m.Extensions.Add(iana.ExtEarlyData) })(&msg.Context{}, raw)
	}
	as := func(raw []byte) [][]byte { return [][]byte{raw} }
	for _, row := range []struct {
		name   string
		setup  func(*handshake.ClientConfig, *handshake.ServerConfig)
		tamper func([]byte) [][]byte
		want   []int
	}{
		{"not announced", nil, as, nil},
		{"one round trip", nil, announce, []int{16 << 10}},
		{"HelloRetryRequest", retryWith(iana.GroupSecp384r1), announce, []int{16 << 10}},
	} {
		t.Run(row.name, func(t *testing.T) {
			client, server := ends(t)
			if row.setup != nil {
				row.setup(client, server)
			}
			p := &pair{tamper: nth(ch, row.tamper)}
			_, s := p.run(client, server)
			if diff := cmp.Diff(row.want, s.end.skipped); diff != "" {
				t.Errorf("SkipEarlyData (-want +got):\n%s\n%v", diff, p.log)
			}
		})
	}
}
