package iana_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/iana"
)

// TestNames shows what values print as: registered names, and numbers of the registry's width.
func TestNames(t *testing.T) {
	tests := []struct {
		value fmt.Stringer
		want  string
	}{
		{iana.CipherSuite(0x1301), "TLS_AES_128_GCM_SHA256"},
		{iana.CipherSuite(0xc0b4), "TLS_SHA256_SHA256"},
		{iana.CipherSuite(0xc0b5), "TLS_SHA384_SHA384"},
		{iana.CipherSuite(0x0005), "TLS_RSA_WITH_RC4_128_SHA"},
		{iana.CipherSuite(0x0000), "TLS_NULL_WITH_NULL_NULL"},
		{iana.CipherSuite(0xd005), "TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256"},
		{iana.CipherSuite(0x1234), "0x1234"},
		{iana.CipherSuite(0xffff), "0xffff"},
		{iana.NamedGroup(0x001d), "x25519"},
		{iana.NamedGroup(0x0017), "secp256r1"},
		{iana.NamedGroup(0x11eb), "SecP256r1MLKEM768"},
		{iana.NamedGroup(0x11ec), "X25519MLKEM768"},
		{iana.NamedGroup(0x11ed), "SecP384r1MLKEM1024"},
		{iana.NamedGroup(0x0200), "MLKEM512"},
		{iana.NamedGroup(0x0201), "MLKEM768"},
		{iana.NamedGroup(0x0202), "MLKEM1024"},
		{iana.NamedGroup(0x0a0a), "0x0a0a"},
		{iana.SignatureScheme(0x0403), "ecdsa_secp256r1_sha256"},
		{iana.SignatureScheme(0x0904), "mldsa44"},
		{iana.SignatureScheme(0x0905), "mldsa65"},
		{iana.SignatureScheme(0x0906), "mldsa87"},
		{iana.ExtensionType(0), "server_name"},
		{iana.ExtensionType(23), "extended_main_secret"},
		{iana.ExtensionType(0xfe0d), "encrypted_client_hello"},
		{iana.ExtensionType(0xff01), "renegotiation_info"},
		{iana.Version(0x0304), "TLS 1.3"},
		{iana.Version(0x0300), "SSL 3.0"},
		{iana.Version(0x7f12), "TLS 1.3 (draft 18)"},
		{iana.Version(0x7f17), "TLS 1.3 (draft 23)"},
		{iana.Version(0x7f1c), "TLS 1.3 (draft 28)"},
		{iana.HandshakeType(1), "client_hello"},
		{iana.HandshakeType(6), "hello_retry_request"},
		{iana.HandshakeType(254), "message_hash"},
		{iana.HandshakeType(0x7f), "0x7f"},
		{iana.ContentType(22), "handshake"},
		{iana.Alert(0), "close_notify"},
		{iana.Alert(21), "decryption_failed"},
		{iana.Alert(41), "no_certificate"},
		{iana.Alert(60), "export_restriction"},
		{iana.Alert(117), "general_error"},
		{iana.Alert(121), "ech_required"},
		{iana.Alert(5), "0x05"},
		{iana.CompressionMethod(1), "DEFLATE"},
		{iana.CertificateCompression(2), "brotli"},
		{iana.CertificateCompression(0x4000), "0x4000"},
		{iana.HPKEKEM(0x20), "DHKEM(X25519, HKDF-SHA256)"},
	}
	for _, test := range tests {
		if got := test.value.String(); got != test.want {
			t.Errorf("%T: got %q, want %q", test.value, got, test.want)
		}
	}
}

// TestConstantNames fixes the rule of the package comment: it compiles only while the constants have these names.
func TestConstantNames(t *testing.T) {
	tests := []struct {
		name  string
		value fmt.Stringer
		want  string
	}{
		{"TLS_AES_128_GCM_SHA256", iana.TLS_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256"},
		{"VersionTLS12", iana.VersionTLS12, "TLS 1.2"},
		{"VersionTLS13", iana.VersionTLS13, "TLS 1.3"},
		{"VersionSSL30", iana.VersionSSL30, "SSL 3.0"},
		{"VersionTLS13Draft23", iana.VersionTLS13Draft23, "TLS 1.3 (draft 23)"},
		{"GroupX25519", iana.GroupX25519, "x25519"},
		{"GroupSecp256r1", iana.GroupSecp256r1, "secp256r1"},
		{"GroupX25519MLKEM768", iana.GroupX25519MLKEM768, "X25519MLKEM768"},
		{"GroupFFDHE2048", iana.GroupFFDHE2048, "ffdhe2048"},
		{"SchemeRSAPSSRSAESHA256", iana.SchemeRSAPSSRSAESHA256, "rsa_pss_rsae_sha256"},
		{"SchemeRSAPKCS1SHA256", iana.SchemeRSAPKCS1SHA256, "rsa_pkcs1_sha256"},
		{"SchemeECDSASecp256r1SHA256", iana.SchemeECDSASecp256r1SHA256, "ecdsa_secp256r1_sha256"},
		{"SchemeEd25519", iana.SchemeEd25519, "ed25519"},
		{"SchemeMLDSA44", iana.SchemeMLDSA44, "mldsa44"},
		{"ExtServerName", iana.ExtServerName, "server_name"},
		{"ExtKeyShare", iana.ExtKeyShare, "key_share"},
		{"ExtPSKKeyExchangeModes", iana.ExtPSKKeyExchangeModes, "psk_key_exchange_modes"},
		{"ExtExtendedMainSecret", iana.ExtExtendedMainSecret, "extended_main_secret"},
		{"ContentHandshake", iana.ContentHandshake, "handshake"},
		{"ContentAlert", iana.ContentAlert, "alert"},
		{"HandshakeClientHello", iana.HandshakeClientHello, "client_hello"},
		{"HandshakeServerHello", iana.HandshakeServerHello, "server_hello"},
		{"AlertDecodeError", iana.AlertDecodeError, "decode_error"},
		{"AlertUnexpectedMessage", iana.AlertUnexpectedMessage, "unexpected_message"},
		{"AlertUnknownCA", iana.AlertUnknownCA, "unknown_ca"},
		{"AlertTooManyCIDsRequested", iana.AlertTooManyCIDsRequested, "too_many_cids_requested"},
		{"AlertLevelFatal", iana.AlertLevelFatal, "fatal"},
		{"CompressionNull", iana.CompressionNull, "null"},
		{"ModePSKDHEKE", iana.ModePSKDHEKE, "psk_dhe_ke"},
		{"KeyUpdateRequested", iana.KeyUpdateRequested, "update_requested"},
		{"CertTypeX509", iana.CertTypeX509, "X509"},
		{"CertTypeRawPublicKey", iana.CertTypeRawPublicKey, "Raw Public Key"},
		{"CertStatusOCSP", iana.CertStatusOCSP, "ocsp"},
		{"CertCompressionZlib", iana.CertCompressionZlib, "zlib"},
		{"ClientCertECDSASign", iana.ClientCertECDSASign, "ecdsa_sign"},
		{"HashSHA256", iana.HashSHA256, "sha256"},
		{"SignatureECDSA", iana.SignatureECDSA, "ecdsa"},
		{"CurveTypeNamedCurve", iana.CurveTypeNamedCurve, "named_curve"},
		{"PointFormatUncompressed", iana.PointFormatUncompressed, "uncompressed"},
		{"NameTypeHostName", iana.NameTypeHostName, "host_name"},
		{"MaxFragment2To12", iana.MaxFragment2To12, "2^12"},
		{"HeartbeatMessageHeartbeatRequest", iana.HeartbeatMessageHeartbeatRequest, "heartbeat_request"},
		{"HeartbeatModePeerAllowedToSend", iana.HeartbeatModePeerAllowedToSend, "peer_allowed_to_send"},
		{"CachedInformationCertReq", iana.CachedInformationCertReq, "cert_req"},
		{"HPKEDHKEMX25519HKDFSHA256", iana.HPKEDHKEMX25519HKDFSHA256, "DHKEM(X25519, HKDF-SHA256)"},
		{"HPKEHKDFSHA256", iana.HPKEHKDFSHA256, "HKDF-SHA256"},
		{"HPKEAES128GCM", iana.HPKEAES128GCM, "AES-128-GCM"},
	}
	for _, test := range tests {
		if got := test.value.String(); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestStructNames(t *testing.T) {
	tests := []struct {
		value iana.HandshakeType
		want  string
	}{
		{iana.HandshakeHelloRequest, "HelloRequest"},
		{iana.HandshakeClientHello, "ClientHello"},
		{iana.HandshakeNewSessionTicket, "NewSessionTicket"},
		{iana.HandshakeEncryptedExtensions, "EncryptedExtensions"},
		{iana.HandshakeServerHelloDone, "ServerHelloDone"},
		{iana.HandshakeCertificateStatus, "CertificateStatus"},
		{iana.HandshakeCertificateURL, "CertificateURL"},
		{iana.HandshakeKeyUpdate, "KeyUpdate"},
		{0x7f, "0x7f"},
	}
	for _, test := range tests {
		if got := test.value.StructName(); got != test.want {
			t.Errorf("%v: got %q, want %q", test.value, got, test.want)
		}
	}
	for _, v := range iana.All[iana.HandshakeType]() {
		if v.StructName() == "" {
			t.Errorf("%v: got no struct name, want one", v)
		}
	}
}

// TestHandshakeTypes lists all message types that any version has had, obsolete ones too.
func TestHandshakeTypes(t *testing.T) {
	want := "0 1 2 3 4 5 6 8 9 10 11 12 13 14 15 16 17 20 21 22 23 24 25 26 67 203 254"
	var got []string
	for _, v := range iana.All[iana.HandshakeType]() {
		got = append(got, fmt.Sprintf("%d", uint8(v)))
	}
	if got := strings.Join(got, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestReferences(t *testing.T) {
	tests := []struct {
		value interface {
			Reference() string
			Registered() bool
			Recommended() iana.Recommendation
		}
		want        string
		registered  bool
		recommended iana.Recommendation
	}{
		{iana.TLS_AES_128_GCM_SHA256, "RFC 9846", true, iana.Recommended},
		{iana.TLS_RSA_WITH_AES_128_GCM_SHA256, "RFC 5288", true, iana.NotRecommended},
		{iana.TLS_PSK_WITH_NULL_SHA, "RFC 4785, RFC 9847", true, iana.Discouraged},
		{iana.CipherSuite(0x1a1a), "", false, iana.NoAdvice},
		{iana.GroupX25519MLKEM768, "RFC 10024", true, iana.Recommended},
		{iana.ExtEncryptedClientHello, "RFC 9849", true, iana.Recommended},
		{iana.AlertDecodeError, "RFC 9846", true, iana.NoAdvice},
		{iana.Alert(2), "", false, iana.NoAdvice},
		{iana.HandshakeServerKeyExchange, "RFC 5246", true, iana.NoAdvice},
	}
	for _, test := range tests {
		if got := test.value.Reference(); got != test.want {
			t.Errorf("%v: Reference: got %q, want %q", test.value, got, test.want)
		}
		if got := test.value.Registered(); got != test.registered {
			t.Errorf("%v: Registered: got %v, want %v", test.value, got, test.registered)
		}
		if got := test.value.Recommended(); got != test.recommended {
			t.Errorf("%v: Recommended: got %v, want %v", test.value, got, test.recommended)
		}
	}
}

func TestRecommendationString(t *testing.T) {
	for r, want := range []string{"", "Y", "N", "D"} {
		if got := iana.Recommendation(r).String(); got != want {
			t.Errorf("%d: got %q, want %q", r, got, want)
		}
	}
}

// TestAll checks every row of every registry: in order, found by its value, with a reference, its name its own.
func TestAll(t *testing.T) {
	checkAll[iana.CipherSuite](t)
	checkAll[iana.Version](t)
	checkAll[iana.NamedGroup](t)
	checkAll[iana.SignatureScheme](t)
	checkAll[iana.ExtensionType](t)
	checkAll[iana.ContentType](t)
	checkAll[iana.HandshakeType](t)
	checkAll[iana.Alert](t)
	checkAll[iana.AlertLevel](t)
	checkAll[iana.CompressionMethod](t)
	checkAll[iana.PSKKeyExchangeMode](t)
	checkAll[iana.KeyUpdateRequest](t)
	checkAll[iana.CertificateType](t)
	checkAll[iana.CertificateStatusType](t)
	checkAll[iana.CertificateCompression](t)
	checkAll[iana.ClientCertificateType](t)
	checkAll[iana.HashAlgorithm](t)
	checkAll[iana.SignatureAlgorithm](t)
	checkAll[iana.ECCurveType](t)
	checkAll[iana.ECPointFormat](t)
	checkAll[iana.NameType](t)
	checkAll[iana.MaxFragmentLength](t)
	checkAll[iana.HeartbeatMessageType](t)
	checkAll[iana.HeartbeatMode](t)
	checkAll[iana.CachedInformationType](t)
	checkAll[iana.HPKEKEM](t)
	checkAll[iana.HPKEKDF](t)
	checkAll[iana.HPKEAEAD](t)
}

func checkAll[T iana.Code](t *testing.T) {
	t.Helper()
	all := iana.All[T]()
	if len(all) == 0 {
		t.Errorf("%T: got no code points, want some", *new(T))
	}
	names := map[string]T{}
	for i, v := range all {
		if i > 0 && all[i-1] >= v {
			t.Errorf("%T: got %v before %v, want ascending values", v, all[i-1], v)
		}
		if !v.Registered() || v.Reference() == "" {
			t.Errorf("%T %v: got Registered %v, Reference %q, want true and a document", v, v, v.Registered(), v.Reference())
		}
		name := strings.ToLower(v.String())
		if other, ok := names[name]; ok {
			t.Errorf("%T: got the name %v for %d and %d, want it once", v, v, other, v)
		}
		names[name] = v
	}
}

// TestStringAllocatesNothing holds for registered values: names are printed per message, on hot paths too.
func TestStringAllocatesNothing(t *testing.T) {
	allocs := testing.AllocsPerRun(100, func() {
		for v := iana.TLS_RSA_WITH_NULL_MD5; v < iana.TLS_RSA_EXPORT_WITH_RC4_40_MD5; v++ {
			_ = v.String()
		}
	})
	if allocs != 0 {
		t.Errorf("got %v allocations, want 0", allocs)
	}
}

func BenchmarkCipherSuiteString(b *testing.B) {
	for b.Loop() {
		_ = iana.TLS_AES_128_GCM_SHA256.String()
	}
}
