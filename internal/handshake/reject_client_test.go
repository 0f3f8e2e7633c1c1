package handshake_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"testing"

	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/suite"
)

func groups(ids ...iana.NamedGroup) []*suite.Group {
	all := make([]*suite.Group, len(ids))
	for i, id := range ids {
		all[i] = suite.GroupByID(id)
	}
	return all
}

// oneGroup has both ends use g alone. The client offers the curve of the server's
// certificate too, which TLS 1.2 asks for (RFC 8422 §5.1).
func oneGroup(g iana.NamedGroup) func(*handshake.ClientConfig, *handshake.ServerConfig) {
	return func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
		c.Groups, s.Groups = groups(g, iana.GroupSecp256r1), groups(g)
	}
}

func only13(c *handshake.ClientConfig, _ *handshake.ServerConfig) { c.MinVersion = iana.VersionTLS13 }

func noALPN(c *handshake.ClientConfig, s *handshake.ServerConfig) { c.ALPN, s.ALPN = nil, nil }

// certificateOn returns a certificate whose key is on a curve.
func certificateOn(t *testing.T, curve elliptic.Curve) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

const (
	illegal     = iana.AlertIllegalParameter
	unexpected  = iana.AlertUnexpectedMessage
	unsupported = iana.AlertUnsupportedExtension
	missing     = iana.AlertMissingExtension
	malformed   = iana.AlertDecodeError
	version     = iana.AlertProtocolVersion
	decrypt     = iana.AlertDecryptError
	failure     = iana.AlertHandshakeFailure
)

// A server that says what it may not in ServerHello, HelloRetryRequest and the messages
// that follow, in TLS 1.3.
func TestClient13Rejects(t *testing.T) {
	const sh, ee, ct, cv = "server ServerHello", "server EncryptedExtensions", "server Certificate", "server CertificateVerify"
	serverHello := func(f func(*msg.ServerHello)) change { return edit(f) }
	share := func(f func(*msg.KeyShareEntry)) change {
		return edit(func(m *msg.ServerHello) { f(&m.KeyShare) })
	}
	rejects(t, flowOf{"client", iana.VersionTLS13}, []rejection{
		{
			name: "version before TLS 1.3 in supported_versions", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.SelectedVersion = iana.VersionTLS12 }),
			where:  "server_hello.supported_versions.selected_version", alert: illegal, ref: "RFC 9846 §4.3.1",
		},
		{
			name: "version after TLS 1.3", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.SelectedVersion = 0x0305 }),
			where:  "server_hello.supported_versions.selected_version", alert: illegal, ref: "RFC 9846 §4.3.1",
		},
		{
			name: "legacy_version 1.0", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.LegacyVersion = iana.VersionTLS10 }),
			where:  "server_hello.legacy_version", alert: version, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "legacy_version 1.3", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.LegacyVersion = iana.VersionTLS13 }),
			where:  "server_hello.legacy_version", alert: version, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "legacy_version 1.3 and no supported_versions", message: sh,
			change: serverHello(func(m *msg.ServerHello) {
				m.LegacyVersion = iana.VersionTLS13
				m.Extensions.Remove(iana.ExtSupportedVersions)
			}),
			where: "server_hello.legacy_version", alert: version, ref: "RFC 5246 §7.4.1.3",
		},
		{
			name: "no supported_versions, TLS 1.3 alone was offered", message: sh, setup: only13,
			change: serverHello(func(m *msg.ServerHello) { m.Extensions.Remove(iana.ExtSupportedVersions) }),
			where:  "server_hello.legacy_version", alert: version, ref: "RFC 5246 §7.4.1.3",
		},
		{
			name: "no supported_versions, so a suite of another version", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.Extensions = msg.Extensions{} }),
			where:  "server_hello.cipher_suite", alert: illegal, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "suite that nobody knows", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.CipherSuite = 0x13ff }),
			where:  "server_hello.cipher_suite", alert: illegal, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "suite that was not offered", message: sh,
			setup: func(c *handshake.ClientConfig, _ *handshake.ServerConfig) {
				c.Suites = []*suite.Suite{suite.ByID(iana.TLS_AES_128_GCM_SHA256)}
			},
			change: serverHello(func(m *msg.ServerHello) { m.CipherSuite = iana.TLS_AES_256_GCM_SHA384 }),
			where:  "server_hello.cipher_suite", alert: illegal, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "suite of TLS 1.2", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.CipherSuite = iana.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 }),
			where:  "server_hello.cipher_suite", alert: illegal, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "compression", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.CompressionMethod = 1 }),
			where:  "server_hello.legacy_compression_method", alert: illegal, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "another session ID", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.SessionID = append([]byte{1}, m.SessionID[1:]...) }),
			where:  "server_hello.legacy_session_id_echo", alert: illegal, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "no session ID", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.SessionID = nil }),
			where:  "server_hello.legacy_session_id_echo", alert: illegal, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "an extension that was not asked for", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.Extensions.AddRaw(iana.ExtPreSharedKey, []byte{0, 0}) }),
			where:  "server_hello.pre_shared_key", alert: unsupported, ref: "RFC 9846 §4.3",
		},
		{
			name: "an extension that nobody knows", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.Extensions.AddRaw(0xfafa, nil) }),
			where:  "server_hello.0xfafa", alert: unsupported, ref: "RFC 9846 §4.3",
		},
		{
			name: "an extension that belongs into EncryptedExtensions", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.Extensions.AddRaw(iana.ExtServerName, nil) }),
			where:  "server_hello.server_name", alert: illegal, ref: "RFC 9846 §4.3",
		},
		{
			name: "an extension twice", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.Extensions.AddRaw(iana.ExtSupportedVersions, []byte{3, 4}) }),
			where:  "server_hello.extensions[2].supported_versions", alert: illegal, ref: "RFC 9846 §4.3",
		},
		{
			name: "an extension with a byte too many", message: sh,
			change: serverHello(func(m *msg.ServerHello) {
				m.Extensions.Remove(iana.ExtSupportedVersions)
				m.Extensions.AddRaw(iana.ExtSupportedVersions, []byte{3, 4, 0})
			}),
			where: "server_hello.extensions[1].supported_versions", alert: malformed, ref: "RFC 9846 §4.3.1",
		},
		{
			name: "no key_share", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.Extensions.Remove(iana.ExtKeyShare) }),
			where:  "server_hello", alert: missing, ref: "RFC 9846 §4.3.8",
		},
		{
			name: "a group without a share", message: sh,
			change: share(func(s *msg.KeyShareEntry) { s.Group = iana.GroupSecp521r1 }),
			where:  "server_hello.key_share.server_share.group", alert: illegal, ref: "RFC 9846 §4.3.8",
		},
		{
			name: "a share that is too short", message: sh, setup: oneGroup(iana.GroupX25519),
			change: share(func(s *msg.KeyShareEntry) { s.KeyExchange = s.KeyExchange[1:] }),
			where:  "server_hello.key_share.server_share.key_exchange", alert: illegal, ref: "RFC 9846 §4.3.8.2",
		},
		{
			name: "a point of small order", message: sh, setup: oneGroup(iana.GroupX25519),
			change: share(func(s *msg.KeyShareEntry) { clear(s.KeyExchange) }),
			where:  "server_hello.key_share.server_share.key_exchange", alert: illegal, ref: "RFC 9846 §7.4.2",
		},
		{
			name: "a point that is not on the curve", message: sh, setup: oneGroup(iana.GroupSecp256r1),
			change: share(func(s *msg.KeyShareEntry) { s.KeyExchange[64] ^= 1 }),
			where:  "server_hello.key_share.server_share.key_exchange", alert: illegal, ref: "RFC 9846 §4.3.8.2",
		},
		{
			name: "a compressed point", message: sh, setup: oneGroup(iana.GroupSecp384r1),
			change: share(func(s *msg.KeyShareEntry) { s.KeyExchange = append([]byte{2}, s.KeyExchange[1:49]...) }),
			where:  "server_hello.key_share.server_share.key_exchange", alert: illegal, ref: "RFC 9846 §4.3.8.2",
		},
		{
			name: "a hybrid without its ML-KEM half", message: sh, setup: oneGroup(iana.GroupX25519MLKEM768),
			change: share(func(s *msg.KeyShareEntry) { s.KeyExchange = s.KeyExchange[1088:] }),
			where:  "server_hello.key_share.server_share.key_exchange", alert: illegal, ref: "RFC 10024",
		},
		{
			name: "a hybrid with a point of small order", message: sh, setup: oneGroup(iana.GroupX25519MLKEM768),
			change: share(func(s *msg.KeyShareEntry) { clear(s.KeyExchange[1088:]) }),
			where:  "server_hello.key_share.server_share.key_exchange", alert: illegal, ref: "RFC 9846 §7.4.2",
		},

		{
			name: "an extension that was not asked for, encrypted", message: ee,
			change: edit(func(m *msg.EncryptedExtensions) { m.Extensions.AddRaw(iana.ExtEarlyData, nil) }),
			where:  "encrypted_extensions.early_data", alert: unsupported, ref: "RFC 9846 §4.3",
		},
		{
			name: "a protocol that was not asked for", message: ee, setup: noALPN,
			change: edit(func(m *msg.EncryptedExtensions) {
				m.ALPN = []msg.ProtocolName{msg.ProtocolName("h2")}
				m.Extensions.Add(iana.ExtApplicationLayerProtocolNegotiation)
			}),
			where: "encrypted_extensions.application_layer_protocol_negotiation", alert: unsupported, ref: "RFC 9846 §4.3",
		},
		{
			name: "a protocol that was not offered", message: ee,
			change: edit(func(m *msg.EncryptedExtensions) { m.ALPN[0] = msg.ProtocolName("h3") }),
			where:  "encrypted_extensions.application_layer_protocol_negotiation", alert: illegal, ref: "RFC 7301 §3.1",
		},
		{
			name: "two protocols", message: ee,
			change: edit(func(m *msg.EncryptedExtensions) { m.ALPN = append(m.ALPN, msg.ProtocolName("http/1.1")) }),
			where:  "encrypted_extensions.application_layer_protocol_negotiation", alert: illegal, ref: "RFC 7301 §3.1",
		},
		{
			name: "an extension that belongs into ServerHello", message: ee,
			change: edit(func(m *msg.EncryptedExtensions) { m.Extensions.AddRaw(iana.ExtKeyShare, []byte{0, 29, 0, 1, 1}) }),
			where:  "encrypted_extensions.key_share", alert: illegal, ref: "RFC 9846 §4.3",
		},
		{
			name: "no EncryptedExtensions", message: ee, change: drop,
			where: "encrypted_extensions", alert: unexpected, ref: "RFC 9846 §4.4.1",
		},

		{
			name: "a request with a context", message: ct, change: before(request(func(m *msg.CertificateRequest) { m.RequestContext = []byte{1} })),
			where: "certificate_request.certificate_request_context", alert: illegal, ref: "RFC 9846 §4.4.2",
		},
		{
			name: "a request without signature_algorithms", message: ct,
			change: before(request(func(m *msg.CertificateRequest) { m.Extensions.Order = nil })),
			where:  "certificate_request", alert: missing, ref: "RFC 9846 §4.3.3",
		},
		{
			name: "a request with an extension of another message", message: ct,
			change: before(request(func(m *msg.CertificateRequest) { m.Extensions.AddRaw(iana.ExtKeyShare, nil) })),
			where:  "certificate_request.key_share", alert: illegal, ref: "RFC 9846 §4.3",
		},
		{
			name: "a request that is cut short", message: ct,
			change: before(&msg.Unknown{MsgType: iana.HandshakeCertificateRequest, Body: []byte{0, 0, 4}}),
			where:  "certificate_request.extensions", alert: malformed, ref: "RFC 9846 §4.4.2",
		},
		{
			name: "two requests", message: ct, change: before(request(nil), request(nil)),
			where: "certificate", alert: unexpected, ref: "RFC 9846 §4.5.1",
		},

		{
			name: "no Certificate", message: ct, change: drop,
			where: "certificate", alert: unexpected, ref: "RFC 9846 §4.5.1",
		},
		{
			name: "a Certificate with a context", message: ct,
			change: edit(func(m *msg.Certificate) { m.RequestContext = []byte{1} }),
			where:  "certificate.certificate_request_context", alert: illegal, ref: "RFC 9846 §4.5.1",
		},
		{
			name: "an empty Certificate", message: ct,
			change: edit(func(m *msg.Certificate) { m.List = nil }),
			where:  "certificate.certificate_list", alert: malformed, ref: "RFC 9846 §4.5.1.3",
		},
		{
			name: "a certificate of no bytes", message: ct,
			change: body(func([]byte) []byte { return []byte{0, 0, 0, 5, 0, 0, 0, 0, 0} }),
			where:  "certificate.certificate_list[0].cert_data", alert: malformed, ref: "RFC 9846 §4.5.1",
		},
		{
			name: "a certificate with an extension that was not asked for", message: ct,
			change: edit(func(m *msg.Certificate) { m.List[0].Extensions.AddRaw(iana.ExtTransparencyInfo, nil) }),
			where:  "certificate.transparency_info", alert: unsupported, ref: "RFC 9846 §4.3",
		},
		{
			name: "a certificate that is none", message: ct,
			change: edit(func(m *msg.Certificate) { m.List[0].Data = []byte("not DER") }),
			where:  "certificate.certificate_list", alert: iana.AlertBadCertificate, ref: "RFC 9846 §4.5.1.3",
		},
		{
			name: "an OCSP response of an unknown kind", message: ct,
			change: edit(func(m *msg.Certificate) { m.List[0].Extensions.AddRaw(iana.ExtStatusRequest, []byte{2, 0, 0, 1, 1}) }),
			where:  "certificate.certificate_list[0].extensions[0].status_request.status_type", alert: malformed, ref: "RFC 6066 §8",
		},

		{
			name: "no CertificateVerify", message: cv, change: drop,
			where: "certificate_verify", alert: unexpected, ref: "RFC 9846 §4.5.2",
		},
		{
			name: "a scheme that was not offered", message: cv,
			setup: func(c *handshake.ClientConfig, _ *handshake.ServerConfig) {
				c.Schemes = []*suite.Scheme{suite.SchemeByID(iana.SchemeECDSASecp256r1SHA256)}
			},
			change: edit(func(m *msg.CertificateVerify) { m.Algorithm = iana.SchemeEd25519 }),
			where:  "certificate_verify.algorithm", alert: illegal, ref: "RFC 9846 §4.5.2",
		},
		{
			name: "a scheme that nobody knows", message: cv,
			change: edit(func(m *msg.CertificateVerify) { m.Algorithm = 0xfefe }),
			where:  "certificate_verify.algorithm", alert: illegal, ref: "RFC 9846 §4.5.2",
		},
		{
			name: "a scheme of TLS 1.2", message: cv,
			change: edit(func(m *msg.CertificateVerify) { m.Algorithm = iana.SchemeRSAPKCS1SHA256 }),
			where:  "certificate_verify.algorithm", alert: illegal, ref: "RFC 9846 §4.5.2",
		},
		{
			name: "SHA-1", message: cv,
			change: edit(func(m *msg.CertificateVerify) { m.Algorithm = iana.SchemeECDSASHA1 }),
			where:  "certificate_verify.algorithm", alert: illegal, ref: "RFC 9846 §4.5.2",
		},
		{
			name: "a scheme of another key", message: cv,
			change: edit(func(m *msg.CertificateVerify) { m.Algorithm = iana.SchemeRSAPSSRSAESHA256 }),
			where:  "certificate_verify.algorithm", alert: illegal, ref: "RFC 9846 §4.5.2",
		},
		{
			name: "a scheme of another curve", message: cv,
			change: edit(func(m *msg.CertificateVerify) { m.Algorithm = iana.SchemeECDSASecp384r1SHA384 }),
			where:  "certificate_verify.algorithm", alert: illegal, ref: "RFC 9846 §4.5.2",
		},
		{
			name: "a wrong signature", message: cv, change: flip,
			where: "certificate_verify.signature", alert: decrypt, ref: "RFC 9846 §4.5.2",
		},
		{
			name: "no signature", message: cv,
			change: edit(func(m *msg.CertificateVerify) { m.Signature = nil }),
			where:  "certificate_verify.signature", alert: decrypt, ref: "RFC 9846 §4.5.2",
		},
		{
			name: "a signature of another handshake", message: ee,
			change: edit(func(m *msg.EncryptedExtensions) { m.Extensions.Remove(iana.ExtServerName) }),
			where:  "certificate_verify.signature", alert: decrypt, ref: "RFC 9846 §4.5.2",
		},

		{
			name: "no Finished", message: "server Finished", change: instead(&msg.KeyUpdate{}),
			where: "finished", alert: unexpected, ref: "RFC 9846 §4.5.3",
		},
		{
			name: "a wrong Finished", message: "server Finished", change: flip,
			where: "finished.verify_data", alert: decrypt, ref: "RFC 9846 §4.5.3",
		},
		{
			name: "an empty Finished", message: "server Finished", change: instead(&msg.Finished{}),
			where: "finished.verify_data", alert: decrypt, ref: "RFC 9846 §4.5.3",
		},
	})
}

// request is a CertificateRequest with a change.
func request(f func(*msg.CertificateRequest)) *msg.CertificateRequest {
	m := &msg.CertificateRequest{SignatureAlgorithms: []iana.SignatureScheme{iana.SchemeEd25519}}
	m.Extensions.Add(iana.ExtSignatureAlgorithms)
	if f != nil {
		f(m)
	}
	return m
}

func TestClientRejectsHelloRetryRequest(t *testing.T) {
	const hrr, second = "server ServerHello", "server ServerHello 2"
	setup := retryWith(iana.GroupSecp384r1)
	retry := func(f func(*msg.HelloRetryRequest)) change { return edit(f) }
	serverHello := func(f func(*msg.ServerHello)) change { return edit(f) }
	rows := []rejection{
		{
			name: "legacy_version 1.0", message: hrr,
			change: retry(func(m *msg.HelloRetryRequest) { m.LegacyVersion = iana.VersionTLS10 }),
			where:  "hello_retry_request.legacy_version", alert: version, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "another session ID", message: hrr,
			change: retry(func(m *msg.HelloRetryRequest) { m.SessionID = nil }),
			where:  "hello_retry_request.legacy_session_id_echo", alert: illegal, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "compression", message: hrr,
			change: retry(func(m *msg.HelloRetryRequest) { m.CompressionMethod = 1 }),
			where:  "hello_retry_request.legacy_compression_method", alert: illegal, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "suite that was not offered", message: hrr,
			change: retry(func(m *msg.HelloRetryRequest) { m.CipherSuite = iana.TLS_SM4_GCM_SM3 }),
			where:  "hello_retry_request.cipher_suite", alert: illegal, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "no supported_versions", message: hrr,
			change: retry(func(m *msg.HelloRetryRequest) { m.Extensions.Remove(iana.ExtSupportedVersions) }),
			where:  "hello_retry_request", alert: missing, ref: "RFC 9846 §4.2.4",
		},
		{
			name: "TLS 1.2 selected", message: hrr,
			change: retry(func(m *msg.HelloRetryRequest) { m.SelectedVersion = iana.VersionTLS12 }),
			where:  "hello_retry_request.supported_versions.selected_version", alert: illegal, ref: "RFC 9846 §4.2.4",
		},
		{
			name: "an extension that was not asked for", message: hrr,
			change: retry(func(m *msg.HelloRetryRequest) { m.Extensions.AddRaw(iana.ExtEarlyData, nil) }),
			where:  "hello_retry_request.early_data", alert: unsupported, ref: "RFC 9846 §4.3",
		},
		{
			name: "no change asked for", message: hrr,
			change: retry(func(m *msg.HelloRetryRequest) { m.Extensions.Remove(iana.ExtKeyShare) }),
			where:  "hello_retry_request", alert: illegal, ref: "RFC 9846 §4.2.4",
		},
		{
			name: "a group that was not offered", message: hrr,
			change: retry(func(m *msg.HelloRetryRequest) { m.SelectedGroup = iana.GroupSecp521r1 }),
			where:  "hello_retry_request.key_share.selected_group", alert: illegal, ref: "RFC 9846 §4.3.8",
		},
		{
			name: "a group that nobody knows", message: hrr,
			change: retry(func(m *msg.HelloRetryRequest) { m.SelectedGroup = 0x7777 }),
			where:  "hello_retry_request.key_share.selected_group", alert: illegal, ref: "RFC 9846 §4.3.8",
		},
		{
			name: "a group with a share", message: hrr,
			change: retry(func(m *msg.HelloRetryRequest) { m.SelectedGroup = iana.GroupX25519 }),
			where:  "hello_retry_request.key_share.selected_group", alert: illegal, ref: "RFC 9846 §4.3.8",
		},
		{
			name: "an empty cookie", message: hrr,
			change: retry(func(m *msg.HelloRetryRequest) { m.Extensions.AddRaw(iana.ExtCookie, []byte{0, 0}) }),
			where:  "hello_retry_request.extensions[2].cookie.cookie", alert: malformed, ref: "RFC 9846 §4.3.2",
		},

		{
			name: "a second one", message: second,
			change: serverHello(func(m *msg.ServerHello) { m.Random = msg.HelloRetryRandom }),
			where:  "hello_retry_request", alert: unexpected, ref: "RFC 9846 §4.2.4",
		},
		{
			name: "then another suite", message: second,
			change: serverHello(func(m *msg.ServerHello) { m.CipherSuite = iana.TLS_CHACHA20_POLY1305_SHA256 }),
			where:  "server_hello.cipher_suite", alert: illegal, ref: "RFC 9846 §4.2.4",
		},
		{
			name: "then TLS 1.2", message: second,
			change: serverHello(func(m *msg.ServerHello) { m.Extensions = msg.Extensions{} }),
			where:  "server_hello", alert: illegal, ref: "RFC 9846 §4.2.4",
		},
		{
			name: "then another group", message: second,
			change: serverHello(func(m *msg.ServerHello) { m.KeyShare.Group = iana.GroupX25519 }),
			where:  "server_hello.key_share.server_share.group", alert: illegal, ref: "RFC 9846 §4.3.8",
		},
		{
			name: "then no ServerHello", message: second, change: instead(&msg.Finished{}),
			where: "server_hello", alert: unexpected, ref: "RFC 9846 §4.2.3",
		},
	}
	for i := range rows {
		rows[i].setup = setup
	}
	rejects(t, flowOf{"client", iana.VersionTLS13}, append(rows, rejection{
		name: "TLS 1.3 was not offered", message: hrr,
		setup: func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
			c.MaxVersion, s.MaxVersion = iana.VersionTLS12, iana.VersionTLS12
		},
		change: serverHello(func(m *msg.ServerHello) { m.Random = msg.HelloRetryRandom }),
		where:  "hello_retry_request", alert: unexpected, ref: "RFC 9846 §4.2.4",
	}))
}

// The same for TLS 1.2, at a client that would speak TLS 1.3 as well.
func TestClient12Rejects(t *testing.T) {
	const sh, ct, ske, done = "server ServerHello", "server Certificate", "server ServerKeyExchange", "server ServerHelloDone"
	serverHello := func(f func(*msg.ServerHello)) change { return edit(f) }
	exchange := func(f func(*msg.ServerKeyExchange)) change { return edit(f) }
	var offered []byte // the session ID of ClientHello
	rejects(t, flowOf{"client", iana.VersionTLS12}, []rejection{
		{
			name: "TLS 1.1", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.LegacyVersion = iana.VersionTLS11 }),
			where:  "server_hello.legacy_version", alert: version, ref: "RFC 5246 §7.4.1.3",
		},
		{
			name: "SSL 3.0", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.LegacyVersion = iana.VersionSSL30 }),
			where:  "server_hello.legacy_version", alert: version, ref: "RFC 5246 §7.4.1.3",
		},
		{
			name: "the sentinel of a server that speaks TLS 1.3", message: sh,
			change: serverHello(func(m *msg.ServerHello) { copy(m.Random[24:], "DOWNGRD\x01") }),
			where:  "server_hello.random", alert: illegal, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "the sentinel for older versions", message: sh,
			change: serverHello(func(m *msg.ServerHello) { copy(m.Random[24:], "DOWNGRD\x00") }),
			where:  "server_hello.random", alert: illegal, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "suite that was not offered", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.CipherSuite = iana.TLS_PSK_WITH_AES_128_CBC_SHA }),
			where:  "server_hello.cipher_suite", alert: illegal, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "suite of TLS 1.3", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.CipherSuite = iana.TLS_AES_128_GCM_SHA256 }),
			where:  "server_hello.cipher_suite", alert: illegal, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "compression", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.CompressionMethod = 1 }),
			where:  "server_hello.legacy_compression_method", alert: illegal, ref: "RFC 9846 §4.2.3",
		},
		{
			name: "an extension that was not asked for", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.Extensions.AddRaw(iana.ExtSessionTicket, nil) }),
			where:  "server_hello.session_ticket", alert: unsupported, ref: "RFC 9846 §4.3",
		},
		{
			name: "an extension twice", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.Extensions.AddRaw(iana.ExtExtendedMainSecret, nil) }),
			where:  "server_hello.extensions[5].extended_main_secret", alert: illegal, ref: "RFC 9846 §4.3",
		},
		{
			name: "an extension of TLS 1.3", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.Extensions.AddRaw(iana.ExtKeyShare, []byte{0, 29, 0, 1, 1}) }),
			where:  "server_hello.key_share", alert: illegal, ref: "RFC 9846 §4.3",
		},
		{
			name: "a renegotiation", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.RenegotiatedConnInfo = make([]byte, 24) }),
			where:  "server_hello.renegotiation_info", alert: failure, ref: "RFC 5746 §3.4",
		},
		{
			name: "no uncompressed points", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.PointFormats = []byte{1} }),
			where:  "server_hello.ec_point_formats", alert: illegal, ref: "RFC 8422 §5.1.2",
		},
		{
			name: "a protocol that was not offered", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.ALPN[0] = msg.ProtocolName("h3") }),
			where:  "server_hello.application_layer_protocol_negotiation", alert: illegal, ref: "RFC 7301 §3.1",
		},
		{
			name: "two protocols", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.ALPN = append(m.ALPN, m.ALPN[0]) }),
			where:  "server_hello.application_layer_protocol_negotiation", alert: illegal, ref: "RFC 7301 §3.1",
		},
		{
			name: "our session ID", message: sh,
			setup: func(c *handshake.ClientConfig, _ *handshake.ServerConfig) {
				c.Rand = &counter{} // 32 bytes of random, then the session ID
				offered = make([]byte, 64)
				_, _ = (&counter{}).Read(offered)
				offered = offered[32:]
			},
			change: serverHello(func(m *msg.ServerHello) { m.SessionID = offered }),
			where:  "server_hello.legacy_session_id_echo", alert: illegal, ref: "RFC 5246 §7.4.1.3",
		},

		{
			name: "no Certificate", message: ct, change: drop,
			where: "certificate_1_2", alert: unexpected, ref: "RFC 5246 §7.4.2",
		},
		{
			name: "an empty Certificate", message: ct,
			change: edit(func(m *msg.Certificate12) { m.List = nil }),
			where:  "certificate_1_2.certificate_list", alert: malformed, ref: "RFC 5246 §7.4.2",
		},
		{
			name: "a certificate that is none", message: ct,
			change: edit(func(m *msg.Certificate12) { m.List[0] = []byte("not DER") }),
			where:  "certificate.certificate_list", alert: iana.AlertBadCertificate, ref: "RFC 9846 §4.5.1.3",
		},
		{
			name: "a CertificateStatus that was not announced", message: ske, change: before(status(1)),
			where: "server_key_exchange", alert: unexpected, ref: "RFC 5246 §7.4.3",
		},
		{
			name: "a CertificateStatus of an unknown kind", message: "server CertificateStatus", setup: stapled,
			change: body(func(b []byte) []byte { b[0] = 2; return b }),
			where:  "certificate_status.status_type", alert: malformed, ref: "RFC 6066 §8",
		},
		{
			name: "two CertificateStatus", message: ske, setup: stapled, change: before(status(1)),
			where: "server_key_exchange", alert: unexpected, ref: "RFC 5246 §7.4.3",
		},

		{
			name: "no ServerKeyExchange", message: ske, change: drop,
			where: "server_key_exchange", alert: unexpected, ref: "RFC 5246 §7.4.3",
		},
		{
			name: "an explicit curve", message: ske,
			change: body(func(b []byte) []byte { b[0] = byte(iana.CurveTypeExplicitPrime); return b }),
			where:  "server_key_exchange.curve_type", alert: illegal, ref: "RFC 8422 §5.4",
		},
		{
			name: "a curve that was not offered", message: ske,
			setup: func(c *handshake.ClientConfig, _ *handshake.ServerConfig) {
				c.Groups = groups(iana.GroupX25519, iana.GroupSecp256r1)
			},
			change: exchange(func(m *msg.ServerKeyExchange) { m.NamedCurve = iana.GroupSecp384r1 }),
			where:  "server_key_exchange.named_curve", alert: illegal, ref: "RFC 8422 §5.4",
		},
		{
			name: "a certificate on a curve that was not offered", message: ct,
			setup: func(c *handshake.ClientConfig, _ *handshake.ServerConfig) {
				c.Groups = groups(iana.GroupX25519, iana.GroupSecp256r1)
				c.Trust = &auth.Trust{Skip: true}
			},
			change: instead(&msg.Certificate12{List: [][]byte{certificateOn(t, elliptic.P384())}}),
			where:  "certificate_1_2.certificate_list", alert: illegal, ref: "RFC 8422 §5.3",
		},
		{
			name: "a group of TLS 1.3", message: ske,
			change: exchange(func(m *msg.ServerKeyExchange) { m.NamedCurve = iana.GroupX25519MLKEM768 }),
			where:  "server_key_exchange.named_curve", alert: illegal, ref: "RFC 8422 §5.4",
		},
		{
			name: "a scheme that was not offered", message: ske,
			setup: func(c *handshake.ClientConfig, _ *handshake.ServerConfig) {
				c.Schemes = []*suite.Scheme{suite.SchemeByID(iana.SchemeECDSASecp256r1SHA256)}
			},
			change: exchange(func(m *msg.ServerKeyExchange) { m.Algorithm = iana.SchemeECDSASecp384r1SHA384 }),
			where:  "server_key_exchange.algorithm", alert: illegal, ref: "RFC 5246 §7.4.3",
		},
		{
			name: "a scheme of another suite", message: ske,
			change: exchange(func(m *msg.ServerKeyExchange) { m.Algorithm = iana.SchemeRSAPSSRSAESHA256 }),
			where:  "server_key_exchange.algorithm", alert: illegal, ref: "RFC 8422 §5.4",
		},
		{
			name: "a scheme of another key", message: ske,
			change: exchange(func(m *msg.ServerKeyExchange) { m.Algorithm = iana.SchemeEd25519 }),
			where:  "server_key_exchange.algorithm", alert: illegal, ref: "RFC 5246 §7.4.3",
		},
		{
			name: "a wrong signature", message: ske, change: flip,
			where: "server_key_exchange.signature", alert: decrypt, ref: "RFC 5246 §7.4.3",
		},
		{
			name: "a signature of other parameters", message: ske,
			change: exchange(func(m *msg.ServerKeyExchange) { m.Public[3] ^= 1 }),
			where:  "server_key_exchange.signature", alert: decrypt, ref: "RFC 5246 §7.4.3",
		},
		{
			name: "a signature of another handshake", message: sh,
			change: serverHello(func(m *msg.ServerHello) { m.Random[0] ^= 1 }),
			where:  "server_key_exchange.signature", alert: decrypt, ref: "RFC 5246 §7.4.3",
		},

		{
			name: "a request without signature algorithms", message: done,
			change: before(&msg.Unknown{MsgType: iana.HandshakeCertificateRequest, Body: []byte{1, 64, 0, 0, 0, 0}}),
			where:  "certificate_request_1_2.supported_signature_algorithms", alert: malformed, ref: "RFC 5246 §7.4.4",
		},
		{
			name: "two requests", message: done, change: before(request12, request12),
			where: "server_hello_done", alert: unexpected, ref: "RFC 5246 §7.4.5",
		},
		{
			name: "a request for certificates of a type that our key is not", message: done,
			setup: func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
				c.Identity = asked{s.Identity.(identity).cred}
			},
			change: before(&msg.CertificateRequest12{
				CertificateTypes:    []byte{byte(iana.ClientCertRSASign)},
				SignatureAlgorithms: []iana.SignatureScheme{iana.SchemeECDSASecp256r1SHA256},
			}),
			where: "signature_algorithms", alert: failure, ref: "RFC 9846 §4.3.3",
		},
		{
			name: "a wrong Finished", message: "server Finished", change: flip,
			where: "finished.verify_data", alert: decrypt, ref: "RFC 5246 §7.4.9",
		},
		{
			name: "an empty Finished", message: "server Finished", change: instead(&msg.Finished{}),
			where: "finished.verify_data", alert: decrypt, ref: "RFC 5246 §7.4.9",
		},
	})
}

var request12 = &msg.CertificateRequest12{
	CertificateTypes:    []byte{64},
	SignatureAlgorithms: []iana.SignatureScheme{iana.SchemeEd25519},
}

// asked is a client with one certificate.
type asked struct{ cred *auth.Credential }

func (a asked) ClientCredential(context.Context, *auth.CertificateRequestFacts) (*auth.Credential, error) {
	return a.cred, nil
}

func status(kind iana.CertificateStatusType) *msg.CertificateStatus {
	return &msg.CertificateStatus{Status: msg.OCSPStatus{StatusType: kind, Response: []byte{1}}}
}

// stapled gives the server an OCSP response.
func stapled(_ *handshake.ClientConfig, s *handshake.ServerConfig) {
	cred := *s.Identity.(identity).cred
	cred.OCSP = []byte("an OCSP response")
	s.Identity = identity{&cred}
}

// A server of TLS 1.2 that signs a share which is none.
func TestClient12RejectsSignedPoints(t *testing.T) {
	for _, tt := range []struct {
		name   string
		group  iana.NamedGroup
		spoil  func(public []byte) []byte
		refers string
	}{
		{"too short", iana.GroupX25519, func(p []byte) []byte { return p[1:] }, "RFC 9846 §4.3.8.2"},
		{"small order", iana.GroupX25519, func(p []byte) []byte { clear(p); return p }, "RFC 9846 §7.4.2"},
		{"not on the curve", iana.GroupSecp256r1, func(p []byte) []byte { p[64] ^= 1; return p }, "RFC 9846 §4.3.8.2"},
		{"compressed", iana.GroupSecp521r1, func(p []byte) []byte { return append([]byte{2}, p[1:67]...) }, "RFC 9846 §4.3.8.2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client, server := ends(t)
			server.MaxVersion = iana.VersionTLS12
			oneGroup(tt.group)(client, server)
			p := &pair{tamper: signAgain(t, server, msg.KeyExchangeECDHE, func(m *msg.ServerKeyExchange) { m.Public = tt.spoil(m.Public) })}
			c, _ := p.run(client, server)
			wantAlert(t, c.err, "server_key_exchange.public", illegal, tt.refers)
		})
	}
}
