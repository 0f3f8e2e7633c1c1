package tls_test

import (
	"io"
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/record"
	"github.com/akushu/akushu/tls"
)

// A client that refuses a ServerHello says so in a record of the version that the server chose, if it can be that one: who
// has chosen a version need not read another one's.
func TestRefusalHasTheServersVersion(t *testing.T) {
	for _, tt := range []struct {
		chosen, want iana.Version
	}{
		{iana.VersionTLS12, iana.VersionTLS12},
		{iana.VersionTLS11, iana.VersionTLS11},
		{0x0305, iana.VersionTLS10}, // which nobody offered
	} {
		rawC, rawS := loopback(t)
		client := tls.Client(rawC, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10})
		done := make(chan error, 1)
		go func() { done <- client.Handshake() }()
		readRecord(t, rawS)
		hello, err := msg.Append(nil, &msg.Context{Version: tt.chosen}, &msg.ServerHello{
			LegacyVersion: tt.chosen, CipherSuite: iana.TLS_RSA_EXPORT_WITH_RC4_40_MD5,
		})
		if err != nil {
			t.Fatal(err)
		}
		header := record.Header{Type: iana.ContentHandshake, Version: min(tt.chosen, iana.VersionTLS12), Length: len(hello)}
		if _, err := rawS.Write(append(header.Append(nil), hello...)); err != nil {
			t.Fatal(err)
		}
		if got := readRecord(t, rawS); got.Type != iana.ContentAlert || got.Version != tt.want {
			t.Errorf("%v chosen: got a record of type %v and %v, want an alert of %v", tt.chosen, got.Type, got.Version, tt.want)
		}
		if err := <-done; err == nil {
			t.Error("got no error")
		}
	}
}

// readRecord reads a record.
func readRecord(t *testing.T, r io.Reader) record.Header {
	t.Helper()
	head := make([]byte, record.HeaderLen)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	h := record.ParseHeader(head)
	if _, err := io.CopyN(io.Discard, r, int64(h.Length)); err != nil {
		t.Fatal(err)
	}
	return h
}
