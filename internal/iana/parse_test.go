package iana_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/iana"
)

// The parsers, by what they name, with their types taken off.
var parsers = map[string]func(string) (uint16, error){
	"suite":     untyped(iana.ParseCipherSuite),
	"group":     untyped(iana.ParseNamedGroup),
	"scheme":    untyped(iana.ParseSignatureScheme),
	"extension": untyped(iana.ParseExtensionType),
	"version":   untyped(iana.ParseVersion),
	"alert":     untyped(iana.ParseAlert),
}

func untyped[T iana.Code](parse func(string) (T, error)) func(string) (uint16, error) {
	return func(name string) (uint16, error) {
		v, err := parse(name)
		return uint16(v), err
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		parser, name string
		want         uint16
	}{
		{"suite", "TLS_AES_128_GCM_SHA256", 0x1301},
		{"suite", "tls_dh_anon_with_aes_128_cbc_sha", 0x0034},
		{"suite", "0x1303", 0x1303},
		{"suite", "0x0a0a", 0x0a0a},
		{"group", "x25519", 0x001d},
		{"group", "X25519", 0x001d},
		{"group", "x25519mlkem768", 0x11ec},
		{"group", "secp256r1", 0x0017},
		{"group", "P-256", 0x0017},
		{"group", "p-384", 0x0018},
		{"group", "P-521", 0x0019},
		{"scheme", "ECDSA_secp256r1_SHA256", 0x0403},
		{"extension", "key_share", 51},
		{"extension", "extended_main_secret", 23},
		{"extension", "extended_master_secret", 23},
		{"extension", "elliptic_curves", 10},
		{"version", "1.0", 0x0301},
		{"version", "1.1", 0x0302},
		{"version", "1.2", 0x0303},
		{"version", "1.3", 0x0304},
		{"version", "TLS 1.3", 0x0304},
		{"version", "tls1.3", 0x0304},
		{"version", "TLSv1.3", 0x0304},
		{"version", "SSL 3.0", 0x0300},
		{"version", "SSLv3", 0x0300},
		{"version", "DTLS 1.2", 0xfefd},
		{"version", "DTLSv1.2", 0xfefd},
		{"version", "TLS 1.3 (draft 23)", 0x7f17},
		{"alert", "handshake_failure", 40},
		{"alert", "no_certificate_RESERVED", 41},
		{"alert", "0x28", 40},
	}
	for _, test := range tests {
		got, err := parsers[test.parser](test.name)
		if err != nil || got != test.want {
			t.Errorf("%s %q: got %#04x, %v, want %#04x, nil", test.parser, test.name, got, err, test.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ parser, name, want string }{
		{"group", "x2519", `unknown group "x2519", did you mean "x25519"?`},
		{"group", "x25591", `unknown group "x25591", did you mean "x25519"?`},
		{"group", "p-265", `unknown group "p-265", did you mean "P-256"?`},
		{"group", "P384", `unknown group "P384", did you mean "P-384"?`},
		{"group", "X25519MLKEM786", `unknown group "X25519MLKEM786", did you mean "X25519MLKEM768"?`},
		{"group", "banana", `unknown group "banana"`},
		{"group", "", `unknown group ""`},
		{"group", "0x1d", `unknown group "0x1d"`},
		{"group", "0x-01d", `unknown group "0x-01d"`},
		{"suite", "TLS_AES_128_GCM_SHA265", `unknown cipher suite "TLS_AES_128_GCM_SHA265", did you mean "TLS_AES_128_GCM_SHA256"?`},
		{"scheme", "ed25591", `unknown signature scheme "ed25591", did you mean "ed25519"?`},
		{"extension", "severname", `unknown extension "severname", did you mean "server_name"?`},
		{"version", "1.4", `unknown version "1.4", did you mean "TLS 1.3"?`},
		{"alert", "handshake_fail", `unknown alert "handshake_fail", did you mean "handshake_failure"?`},
		{"alert", strings.Repeat("x", 100), `unknown alert "` + strings.Repeat("x", 100) + `"`},
	}
	for _, test := range tests {
		_, err := parsers[test.parser](test.name)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s %q: got %v, want %s", test.parser, test.name, err, test.want)
		}
	}
}

// The parts of the error are for those who print hints apart.
func TestUnknownNameError(t *testing.T) {
	_, err := iana.ParseNamedGroup("x2519")
	var got *iana.UnknownNameError
	if !errors.As(err, &got) {
		t.Fatalf("got %T, want *iana.UnknownNameError", err)
	}
	want := &iana.UnknownNameError{Kind: "group", Name: "x2519", Nearest: "x25519"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// TestParseReadsWhatStringWrites holds for every value, registered or not.
func TestParseReadsWhatStringWrites(t *testing.T) {
	checkRoundTrip(t, iana.ParseCipherSuite, 1<<16)
	checkRoundTrip(t, iana.ParseNamedGroup, 1<<16)
	checkRoundTrip(t, iana.ParseSignatureScheme, 1<<16)
	checkRoundTrip(t, iana.ParseExtensionType, 1<<16)
	checkRoundTrip(t, iana.ParseVersion, 1<<16)
	checkRoundTrip(t, iana.ParseAlert, 1<<8)
}

func checkRoundTrip[T iana.Code](t *testing.T, parse func(string) (T, error), values int) {
	t.Helper()
	for v := range values {
		want := T(v)
		if got, err := parse(want.String()); err != nil || got != want {
			t.Errorf("%T %v: got %v, %v, want itself", want, want, got, err)
		}
	}
}

// FuzzParse holds that a parser never panics, and that what it suggests is a name that it knows.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"x2519", "P-256", "0x1301", "0x", "TLSv1.3", "handshake_failure_RESERVED", "é", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for parser, parse := range parsers {
			_, err := parse(name)
			var unknown *iana.UnknownNameError
			if !errors.As(err, &unknown) || unknown.Nearest == "" {
				continue
			}
			if _, err := parse(unknown.Nearest); err != nil {
				t.Errorf("%s %q: the suggestion %q: got %v, want nil", parser, name, unknown.Nearest, err)
			}
		}
	})
}
