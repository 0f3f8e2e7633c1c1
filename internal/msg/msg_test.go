package msg_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// stdClientHello is a ClientHello as crypto/tls sends it.
func stdClientHello(t testing.TB) []byte {
	t.Helper()
	c, s := net.Pipe()
	go tls.Client(c, &tls.Config{ServerName: "example.com", NextProtos: []string{"h2", "http/1.1"}}).Handshake()
	defer s.Close()
	var header [5]byte
	if _, err := io.ReadFull(s, header[:]); err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, int(header[3])<<8|int(header[4]))
	if _, err := io.ReadFull(s, raw); err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestClientHelloRoundTrip(t *testing.T) {
	raw := stdClientHello(t)
	m, err := msg.Decode(&msg.Context{}, raw)
	if err != nil {
		t.Fatal(err)
	}
	hello := m.(*msg.ClientHello)
	if got, want := string(hello.ServerName[0].HostName), "example.com"; got != want {
		t.Errorf("server name: got %q, want %q", got, want)
	}
	if !hello.Extensions.Has(iana.ExtKeyShare) {
		t.Errorf("key_share is missing from %v", hello.Extensions.Order)
	}
	again, err := msg.Append(nil, &msg.Context{}, hello)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(raw, again) {
		t.Errorf("encoding gave other bytes:\n got %x\nwant %x", again, raw)
	}
	_, ann, err := msg.Annotate(&msg.Context{}, raw, false)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, s := range ann.Spans {
		t.Logf("%4d %4d %-60s %v", s.Start, s.End, s.ID, s.Value)
		if s.Leaf && s.Start != at {
			t.Errorf("%s begins at %d, want %d", s.Path, s.Start, at)
		}
		if s.Leaf {
			at = s.End
		}
	}
	if at != len(raw) {
		t.Errorf("leaves end at %d, want %d", at, len(raw))
	}
}

func BenchmarkClientHello(b *testing.B) {
	raw := stdClientHello(b)
	ctx := &msg.Context{}
	var hello msg.ClientHello
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := msg.DecodeInto(&hello, ctx, raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		buf := make([]byte, 0, 4096)
		for b.Loop() {
			if _, err := msg.Append(buf, ctx, &hello); err != nil {
				b.Fatal(err)
			}
		}
	})
}
