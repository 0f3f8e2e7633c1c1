package tls_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/akushu/akushu/tls"
)

// Both ends get the same bytes, another connection gets others, and what does not exist is
// an error.
func TestChannelBinding(t *testing.T) {
	tests := []struct {
		version uint16
		kind    string
		length  int // 0: there is none
	}{
		{tls.VersionTLS12, "tls-exporter", 32},
		{tls.VersionTLS12, "tls-unique", 12},
		{tls.VersionTLS13, "tls-exporter", 32},
		{tls.VersionTLS13, "tls-unique", 0},
		{tls.VersionTLS13, "tls-telepathy", 0},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s/%s", tls.VersionName(tt.version), tt.kind), func(t *testing.T) {
			_, ours := stacks(t, tt.version)
			var seen [][]byte
			for range 2 {
				client, server := shaken(t, links[0], ours, ours)
				mine, err := client.(*tls.Conn).ChannelBinding(tt.kind)
				if (err == nil) != (tt.length > 0) || len(mine) != tt.length {
					t.Fatalf("got %x, %v, want %d bytes", mine, err, tt.length)
				}
				theirs, _ := server.(*tls.Conn).ChannelBinding(tt.kind)
				if !bytes.Equal(mine, theirs) {
					t.Errorf("got %x and %x, want both ends to have the same", mine, theirs)
				}
				seen = append(seen, mine)
			}
			if tt.length > 0 && bytes.Equal(seen[0], seen[1]) {
				t.Errorf("got %x on two connections", seen[0])
			}
		})
	}
	if _, err := tls.Client(nil, nil).ChannelBinding("tls-exporter"); err == nil {
		t.Error("before the handshake: got no error")
	}
}

// crypto/tls's ends have the same tls-unique and the same exporter.
func TestChannelBindingWithStd(t *testing.T) {
	theirs, ours := stacks(t, tls.VersionTLS12)
	client, server := shaken(t, links[0], ours, theirs)
	got, err := client.(*tls.Conn).ChannelBinding("tls-unique")
	if want := server.ConnectionState().TLSUnique; err != nil || !bytes.Equal(got, want) {
		t.Errorf("tls-unique: got %x, %v, want %x", got, err, want)
	}
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		theirs, ours := stacks(t, v)
		client, server := shaken(t, links[0], ours, theirs)
		got, err := client.(*tls.Conn).ChannelBinding("tls-exporter")
		state := server.ConnectionState()
		want, _ := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s, tls-exporter: got %x, %v, want %x", tls.VersionName(v), got, err, want)
		}
	}
}

// KeyUpdates on demand, by either end and both at once, lose nothing.
func TestUpdateKeys(t *testing.T) {
	for _, l := range links {
		for _, request := range []bool{false, true} {
			theirs, ours := stacks(t, tls.VersionTLS13)
			for _, peer := range []stack{ours, theirs} {
				t.Run(fmt.Sprintf("%s/%s/request %v", l.name, peer.name, request), func(t *testing.T) {
					client, server := shaken(t, l, ours, peer)
					go func() { _, _ = io.Copy(server, server) }()
					for i := range 20 {
						if err := client.(*tls.Conn).UpdateKeys(request); err != nil {
							t.Fatal(err)
						}
						if c, ok := server.(*tls.Conn); ok {
							if err := c.UpdateKeys(request); err != nil {
								t.Fatal(err)
							}
						}
						said, heard := fmt.Appendf(nil, "message %02d", i), make([]byte, 10)
						if _, err := client.Write(said); err != nil {
							t.Fatal(err)
						}
						if _, err := io.ReadFull(client, heard); err != nil || !bytes.Equal(said, heard) {
							t.Fatalf("got %q, %v, want %q", heard, err, said)
						}
					}
				})
			}
		}
	}
	_, ours := stacks(t, tls.VersionTLS12)
	client, _ := shaken(t, links[0], ours, ours)
	if err := client.(*tls.Conn).UpdateKeys(false); err == nil {
		t.Error("TLS 1.2: got no error")
	}
	client.Close()
	if err := client.(*tls.Conn).UpdateKeys(false); err == nil {
		t.Error("after Close: got no error")
	}
}
