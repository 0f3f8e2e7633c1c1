package iana_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/iana"
)

// The values are those listed in RFC 8701 §2.
func TestIsGREASE(t *testing.T) {
	want := []uint16{
		0x0a0a, 0x1a1a, 0x2a2a, 0x3a3a, 0x4a4a, 0x5a5a, 0x6a6a, 0x7a7a,
		0x8a8a, 0x9a9a, 0xaaaa, 0xbaba, 0xcaca, 0xdada, 0xeaea, 0xfafa,
	}
	var got []uint16
	for v := range 1 << 16 {
		if iana.IsGREASE(uint16(v)) {
			got = append(got, uint16(v))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestIsGREASEByte(t *testing.T) {
	want := []uint8{0x0b, 0x2a, 0x49, 0x68, 0x87, 0xa6, 0xc5, 0xe4}
	var got []uint8
	for v := range 1 << 8 {
		if iana.IsGREASEByte(uint8(v)) {
			got = append(got, uint8(v))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

// A GREASE value that had a name would be taken for the thing that it only imitates.
func TestGREASEHasNoName(t *testing.T) {
	for v := range 1 << 16 {
		n := uint16(v)
		if !iana.IsGREASE(n) {
			continue
		}
		for _, registered := range []bool{
			iana.CipherSuite(n).Registered(), iana.NamedGroup(n).Registered(), iana.SignatureScheme(n).Registered(),
			iana.ExtensionType(n).Registered(), iana.Version(n).Registered(),
		} {
			if registered {
				t.Errorf("%#04x: got Registered true, want false", n)
			}
		}
	}
}
