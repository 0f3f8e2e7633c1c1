package order

import (
	"errors"
	"fmt"
	"testing"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

func TestAllowed(t *testing.T) {
	const grease, unassigned iana.ExtensionType = 0x1a1a, 0xfe00
	for _, test := range []struct {
		m       Message
		x       iana.ExtensionType
		version iana.Version
		want    bool
	}{
		{ClientHello, iana.ExtKeyShare, iana.VersionTLS12, true}, // a hello is of all versions
		{ClientHello, iana.ExtRenegotiationInfo, iana.VersionTLS13, true},
		{ClientHello, iana.ExtOIDFilters, 0, false},
		{ServerHello, iana.ExtKeyShare, iana.VersionTLS13, true},
		{ServerHello, iana.ExtKeyShare, iana.VersionTLS12, false},
		{ServerHello, iana.ExtKeyShare, 0, true},
		{ServerHello, iana.ExtApplicationLayerProtocolNegotiation, iana.VersionTLS12, true},
		{ServerHello, iana.ExtApplicationLayerProtocolNegotiation, iana.VersionTLS13, false},
		{ServerHello, iana.ExtApplicationLayerProtocolNegotiation, iana.VersionTLS13Draft23, false},
		{ServerHello, iana.ExtSupportedVersions, iana.VersionTLS12, false},
		{HelloRetryRequest, iana.ExtCookie, iana.VersionTLS13, true},
		{HelloRetryRequest, iana.ExtPreSharedKey, iana.VersionTLS13, false},
		{EncryptedExtensions, iana.ExtApplicationLayerProtocolNegotiation, iana.VersionTLS13, true},
		{EncryptedExtensions, iana.ExtKeyShare, iana.VersionTLS13, false},
		{Certificate, iana.ExtStatusRequest, iana.VersionTLS13, true},
		{Certificate, iana.ExtServerName, iana.VersionTLS13, false},
		{CertificateRequest, iana.ExtOIDFilters, iana.VersionTLS13, true},
		{NewSessionTicket, iana.ExtEarlyData, iana.VersionTLS13, true},
		{NewSessionTicket, iana.ExtServerName, iana.VersionTLS13, false},
		{EncryptedExtensions, grease, iana.VersionTLS13, true},
		{ServerHello, unassigned, iana.VersionTLS12, true},
		{Finished, iana.ExtServerName, iana.VersionTLS13, false},
	} {
		if got := Allowed(test.m, test.x, test.version); got != test.want {
			t.Errorf("%v in %v of %v: got %v, want %v", test.x, test.m, test.version, got, test.want)
		}
	}
}

func TestNeedsRequest(t *testing.T) {
	for m, want := range map[Message]bool{
		ClientHello: false, ServerHello: true, HelloRetryRequest: true, EncryptedExtensions: true,
		Certificate: true, CertificateRequest: false, NewSessionTicket: false,
	} {
		if got := NeedsRequest(m, iana.ExtStatusRequest); got != want {
			t.Errorf("%v: got %v, want %v", m, got, want)
		}
	}
	if NeedsRequest(HelloRetryRequest, iana.ExtCookie) {
		t.Error("cookie in HelloRetryRequest: got true, want false: nobody asks for it")
	}
}

// TestPlacements: the table has each extension once, somewhere, with a reference.
func TestPlacements(t *testing.T) {
	seen := map[iana.ExtensionType]bool{}
	for _, p := range placements {
		if seen[p.code] {
			t.Errorf("%v stands twice", p.code)
		}
		seen[p.code] = true
		if p.tls13|p.tls12 == 0 {
			t.Errorf("%v has no place", p.code)
		}
		if got := msg.ExtensionRef(p.code); got == "" {
			t.Errorf("%v has no reference", p.code)
		}
	}
}

// TestLayouts: where msg has a layout for an extension, the table has a place.
func TestLayouts(t *testing.T) {
	for _, x := range iana.All[iana.ExtensionType]() {
		var set msg.Extensions
		set.Add(x)
		for _, m := range []msg.Message{
			&msg.ClientHello{CipherSuites: []iana.CipherSuite{0}, CompressionMethods: []byte{0}, Extensions: set},
			&msg.ServerHello{Extensions: set},
			&msg.HelloRetryRequest{Extensions: set},
			&msg.EncryptedExtensions{Extensions: set},
			&msg.CertificateRequest{Extensions: set},
			&msg.Certificate{List: []msg.CertificateEntry{{Data: []byte{0}, Extensions: set}}},
			&msg.NewSessionTicket{Ticket: []byte{0}, Extensions: set},
		} {
			_, err := msg.Append(nil, &msg.Context{}, m)
			var e *alert.Error
			if errors.As(err, &e) && e.Kind == alert.KindInternal {
				continue // no layout
			}
			if !Allowed(Of(m), x, 0) {
				t.Errorf("%v in %v has a layout but no place", x, Of(m))
			}
		}
	}
}

func TestCheckExtensions(t *testing.T) {
	asked := func(x iana.ExtensionType) bool {
		return x != iana.ExtEarlyData && x != iana.ExtRenegotiationInfo && x != iana.ExtCookie
	}
	for _, test := range []struct {
		name    string
		m       Message
		version iana.Version
		x       []iana.ExtensionType
		want    string
	}{
		{"good", ServerHello, iana.VersionTLS13, []iana.ExtensionType{iana.ExtSupportedVersions, iana.ExtKeyShare}, "<nil>"},
		{"none", EncryptedExtensions, iana.VersionTLS13, nil, "<nil>"},
		{"cookie", HelloRetryRequest, iana.VersionTLS13, []iana.ExtensionType{iana.ExtCookie}, "<nil>"},
		{"GREASE offered", ClientHello, 0, []iana.ExtensionType{0x1a1a, iana.ExtPreSharedKey}, "<nil>"},
		{"GREASE in a ticket", NewSessionTicket, iana.VersionTLS13, []iana.ExtensionType{0x1a1a}, "<nil>"},
		{
			"misplaced", EncryptedExtensions, iana.VersionTLS13,
			[]iana.ExtensionType{iana.ExtKeyShare},
			"illegal_parameter: tls: encrypted_extensions.key_share: this extension may not stand in EncryptedExtensions (RFC 9846 §4.3)",
		},
		{
			"of another version", ServerHello, iana.VersionTLS13,
			[]iana.ExtensionType{iana.ExtExtendedMainSecret},
			"illegal_parameter: tls: server_hello.extended_main_secret: this extension may not stand in ServerHello (RFC 9846 §4.3)",
		},
		{
			"not asked for", EncryptedExtensions, iana.VersionTLS13,
			[]iana.ExtensionType{iana.ExtServerName, iana.ExtEarlyData},
			"unsupported_extension: tls: encrypted_extensions.early_data: an answer to what was not asked (RFC 9846 §4.3)",
		},
		{
			"not asked for", ServerHello, iana.VersionTLS12,
			[]iana.ExtensionType{iana.ExtRenegotiationInfo},
			"unsupported_extension: tls: server_hello.renegotiation_info: an answer to what was not asked (RFC 9846 §4.3)",
		},
		{
			"GREASE answered", HelloRetryRequest, iana.VersionTLS13,
			[]iana.ExtensionType{0x1a1a},
			"unsupported_extension: tls: hello_retry_request.0x1a1a: an answer to GREASE (RFC 8701 §3.1)",
		},
		{
			"not last", ClientHello, 0,
			[]iana.ExtensionType{iana.ExtPreSharedKey, iana.ExtPadding},
			"illegal_parameter: tls: client_hello.pre_shared_key: this extension must be the last (RFC 9846 §4.3.11)",
		},
	} {
		var x msg.Extensions
		x.Add(test.x...)
		got := "<nil>"
		if err := CheckExtensions(test.m, test.version, &x, asked); err != nil {
			got = fmt.Sprintf("%v: %v", alert.For(err), err)
		}
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
	var x msg.Extensions
	x.Add(iana.ExtServerName)
	if err := CheckExtensions(ClientHello, 0, &x, nil); err != nil {
		t.Errorf("a request: got %v", err)
	}
}
