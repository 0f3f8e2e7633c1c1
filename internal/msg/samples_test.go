package msg_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/rfc8448"
)

// A sample is a message that is as it should be, or, where it is flawed, one that only
// lenient decoding takes.
type sample struct {
	name   string
	ctx    msg.Context
	raw    []byte
	flawed bool
}

// samples is every sample: ours, those of crypto/tls and those of RFC 8448.
func samples(t testing.TB) []sample {
	return slices.Concat(ours(t), flawed(), theirs(t), traced())
}

// traced is the messages of RFC 8448. That of the resumed handshake is made without its
// binders; here it is as it was sent.
func traced() (all []sample) {
	for _, section := range rfc8448.Handshakes {
		var unfinished []byte
		for _, step := range rfc8448.Section(section) {
			raw, name := made(step)
			if raw == nil && unfinished != nil && bytes.HasPrefix(step.Values["payload"], unfinished) {
				raw, name = step.Values["payload"], "ClientHello with binders"
			}
			switch {
			case raw == nil:
			case bytes.Equal(raw, reframed(raw)):
				unfinished = nil
				all = append(all, sample{fmt.Sprintf("RFC 8448 §%s: %s of the %s", section, name, step.Side), tls13, raw, false})
			default:
				unfinished = raw
			}
		}
	}
	return all
}

// made is the message that a step makes, and its name.
func made(step rfc8448.Step) (raw []byte, name string) {
	_, name, found := strings.Cut(step.Action, "construct a")
	if !found {
		return nil, ""
	}
	name = strings.TrimPrefix(strings.TrimSuffix(strings.TrimPrefix(name, "n"), " handshake message"), " ")
	return step.Values[name], name
}

// reframed is raw with a header that fits.
func reframed(raw []byte) []byte {
	raw = bytes.Clone(raw)
	reframe(raw)
	return raw
}

var (
	unknown = msg.Context{}
	tls13   = msg.Context{Version: iana.VersionTLS13}
	tls12   = msg.Context{Version: iana.VersionTLS12}
	tls11   = msg.Context{Version: iana.VersionTLS11}
	ssl30   = msg.Context{Version: iana.VersionSSL30}
	dtls12  = msg.Context{Version: iana.VersionTLS12, Protocol: msg.DTLS}
)

func exchange(v iana.Version, kx msg.KeyExchange) msg.Context {
	return msg.Context{Version: v, KeyExchange: kx}
}

func rawKey(v iana.Version) msg.Context {
	return msg.Context{Version: v, CertType: iana.CertTypeRawPublicKey}
}

// fill is n bytes that differ, beginning with first.
func fill(first byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

// ours is the samples that are written down as values.
func ours(t testing.TB) (all []sample) {
	for _, v := range values {
		raw, err := msg.Append(nil, &v.ctx, v.m)
		if err != nil {
			t.Fatalf("%s: %v", v.name, err)
		}
		all = append(all, sample{v.name, v.ctx, raw, false})
	}
	return all
}

type value struct {
	name string
	ctx  msg.Context
	m    msg.Message
}

var values = []value{
	{"hello_request", tls12, &msg.HelloRequest{}},
	{"client_hello of SSL 3.0", unknown, &msg.ClientHello{
		LegacyVersion: iana.VersionSSL30, Random: [32]byte{1},
		CipherSuites:       []iana.CipherSuite{iana.TLS_RSA_WITH_AES_128_CBC_SHA},
		CompressionMethods: []byte{0, 1},
	}},
	{"client_hello with an empty extension block", unknown, &msg.ClientHello{
		LegacyVersion: iana.VersionTLS12, SessionID: fill(1, 32),
		CipherSuites: []iana.CipherSuite{0x0a0a}, CompressionMethods: []byte{0},
		Extensions: msg.Extensions{Present: true},
	}},
	{"client_hello of DTLS", dtls12, &msg.ClientHello{
		LegacyVersion: 0xfefd, Cookie: fill(3, 20),
		CipherSuites: []iana.CipherSuite{iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, CompressionMethods: []byte{0},
	}},
	{"client_hello with everything", unknown, fullClientHello()},
	{"client_hello with GREASE and unknown extensions", unknown, greasedClientHello()},
	{"client_hello with another name and status types", unknown, oddClientHello()},
	{"client_hello inside of another", unknown, innerClientHello()},
	{"client_hello with resumption", unknown, resumingClientHello()},

	{"server_hello of TLS 1.0", unknown, &msg.ServerHello{
		LegacyVersion: iana.VersionTLS10, SessionID: fill(1, 32), CipherSuite: iana.TLS_RSA_WITH_AES_128_CBC_SHA,
	}},
	{"server_hello with an empty extension block", unknown, &msg.ServerHello{
		LegacyVersion: iana.VersionTLS12, CipherSuite: iana.TLS_RSA_WITH_AES_128_CBC_SHA,
		Extensions: msg.Extensions{Present: true},
	}},
	{"server_hello with everything", unknown, fullServerHello()},
	{"hello_retry_request", unknown, fullHelloRetryRequest()},

	{"encrypted_extensions, empty", tls13, &msg.EncryptedExtensions{}},
	{"encrypted_extensions with everything", tls13, fullEncryptedExtensions()},
	{"certificate_request with everything", tls13, fullCertificateRequest()},
	{"certificate_request_1_2", tls12, certificateRequest12},
	{"certificate_request_1_2 of TLS 1.1", tls11, &msg.CertificateRequest12{CertificateTypes: []byte{1, 2, 64}}},

	{"certificate, empty", tls13, &msg.Certificate{}},
	{"certificate with everything", tls13, fullCertificate()},
	{"certificate of a draft", msg.Context{Version: iana.VersionTLS13Draft23}, fullCertificate()},
	{"certificate, raw public key", rawKey(iana.VersionTLS13), &msg.Certificate{
		List: []msg.CertificateEntry{{Data: fill(0x30, 44)}},
	}},
	{"certificate_1_2", tls12, &msg.Certificate12{List: [][]byte{fill(0x30, 300), fill(0x31, 3)}}},
	{"certificate_1_2, empty", tls12, &msg.Certificate12{}},
	{"certificate_1_2, raw public key", rawKey(iana.VersionTLS12), &msg.Certificate12{PublicKey: fill(0x30, 44)}},
	{"compressed_certificate", tls13, &msg.CompressedCertificate{
		Algorithm: iana.CertCompressionZlib, Uncompressed: 3000, Compressed: fill(7, 50),
	}},
	{"certificate_status", tls12, &msg.CertificateStatus{
		Status: msg.OCSPStatus{StatusType: iana.CertStatusOCSP, Response: fill(0x30, 20)},
	}},
	{"certificate_url", tls12, &msg.CertificateURL{ChainType: 1, URLs: []msg.URLAndHash{
		{URL: []byte("http://example.com/chain"), Padding: 1, SHA1: [20]byte{9}},
	}}},
	{"certificate_verify", tls13, &msg.CertificateVerify{Algorithm: iana.SchemeEd25519, Signature: fill(1, 64)}},
	{"certificate_verify of TLS 1.2", tls12, &msg.CertificateVerify{Algorithm: iana.SchemeRSAPKCS1SHA256, Signature: fill(1, 64)}},
	{"certificate_verify_1_0", tls11, &msg.CertificateVerify10{Signature: fill(1, 64)}},

	{"server_key_exchange, ECDHE", exchange(iana.VersionTLS12, msg.KeyExchangeECDHE), serverECDH(true)},
	{"server_key_exchange, ECDHE of TLS 1.1", exchange(iana.VersionTLS11, msg.KeyExchangeECDHE), unnamed(serverECDH(true))},
	{"server_key_exchange, DHE", exchange(iana.VersionTLS12, msg.KeyExchangeDHE), serverDH(true)},
	{"server_key_exchange, DHE of SSL 3.0", exchange(iana.VersionSSL30, msg.KeyExchangeDHE), unnamed(serverDH(true))},
	{"server_key_exchange, ECDH_anon", exchange(iana.VersionTLS12, msg.KeyExchangeECDHAnon), serverECDH(false)},
	{"server_key_exchange, DH_anon", exchange(iana.VersionTLS12, msg.KeyExchangeDHAnon), serverDH(false)},
	{"server_key_exchange, PSK", exchange(iana.VersionTLS12, msg.KeyExchangePSK), hinted(&msg.ServerKeyExchange{})},
	{"server_key_exchange, RSA_PSK", exchange(iana.VersionTLS12, msg.KeyExchangeRSAPSK), hinted(&msg.ServerKeyExchange{})},
	{"server_key_exchange, DHE_PSK", exchange(iana.VersionTLS12, msg.KeyExchangeDHEPSK), hinted(serverDH(false))},
	{"server_key_exchange, ECDHE_PSK", exchange(iana.VersionTLS12, msg.KeyExchangeECDHEPSK), hinted(serverECDH(false))},

	{"client_key_exchange, ECDHE", exchange(iana.VersionTLS12, msg.KeyExchangeECDHE), &msg.ClientKeyExchange{Public: fill(4, 65)}},
	{"client_key_exchange, DHE", exchange(iana.VersionTLS12, msg.KeyExchangeDHE), &msg.ClientKeyExchange{Public: fill(4, 256)}},
	{"client_key_exchange, RSA", exchange(iana.VersionTLS12, msg.KeyExchangeRSA), &msg.ClientKeyExchange{EncryptedPremaster: fill(5, 256)}},
	{"client_key_exchange, RSA of SSL 3.0", exchange(iana.VersionSSL30, msg.KeyExchangeRSA), &msg.ClientKeyExchange{EncryptedPremaster: fill(5, 128)}},
	{"client_key_exchange, ECDH_anon", exchange(iana.VersionTLS12, msg.KeyExchangeECDHAnon), &msg.ClientKeyExchange{Public: fill(4, 65)}},
	{"client_key_exchange, DH_anon", exchange(iana.VersionTLS12, msg.KeyExchangeDHAnon), &msg.ClientKeyExchange{Public: fill(4, 256)}},
	{"client_key_exchange, PSK", exchange(iana.VersionTLS12, msg.KeyExchangePSK), &msg.ClientKeyExchange{Identity: []byte("me")}},
	{"client_key_exchange, RSA_PSK", exchange(iana.VersionTLS12, msg.KeyExchangeRSAPSK), &msg.ClientKeyExchange{Identity: []byte("me"), EncryptedPremaster: fill(5, 256)}},
	{"client_key_exchange, DHE_PSK", exchange(iana.VersionTLS12, msg.KeyExchangeDHEPSK), &msg.ClientKeyExchange{Identity: []byte("me"), Public: fill(4, 256)}},
	{"client_key_exchange, ECDHE_PSK", exchange(iana.VersionTLS12, msg.KeyExchangeECDHEPSK), &msg.ClientKeyExchange{Identity: []byte("me"), Public: fill(4, 32)}},

	{"server_hello_done", tls12, &msg.ServerHelloDone{}},
	{"finished", tls13, &msg.Finished{VerifyData: fill(1, 48)}},
	{"finished of TLS 1.2", tls12, &msg.Finished{VerifyData: fill(1, 12)}},
	{"finished of SSL 3.0", ssl30, &msg.Finished{VerifyData: fill(1, 36)}},
	{"supplemental_data", tls12, &msg.SupplementalData{Entries: []msg.SupplementalDataEntry{{DataType: 0x4002, Data: fill(1, 5)}}}},
	{"next_protocol", tls12, &msg.NextProtocol{Selected: []byte("h2"), Padding: make([]byte, 28)}},

	{"new_session_ticket", tls13, fullNewSessionTicket()},
	{"new_session_ticket_1_2", tls12, &msg.NewSessionTicket12{LifetimeHint: 7200, Ticket: fill(1, 100)}},
	{"new_session_ticket_1_2, empty", tls12, &msg.NewSessionTicket12{}},
	{"end_of_early_data", tls13, &msg.EndOfEarlyData{}},
	{"key_update", tls13, &msg.KeyUpdate{RequestUpdate: 1}},
	{"message_hash", tls13, &msg.Unknown{MsgType: iana.HandshakeMessageHash, Body: fill(1, 32)}},
	{"unknown type", unknown, &msg.Unknown{MsgType: 0x7f, Body: fill(1, 5)}},
	{"certificate of an unknown version", unknown, fullCertificate()},
	{"certificate_1_2 of an unknown version", unknown, &msg.Certificate12{List: [][]byte{fill(0x30, 300)}}},
}

var certificateRequest12 = &msg.CertificateRequest12{
	CertificateTypes:    []byte{1, 64},
	SignatureAlgorithms: []iana.SignatureScheme{iana.SchemeECDSASecp256r1SHA256},
	Authorities:         []msg.DistinguishedName{fill(0x30, 12)},
}

func serverECDH(signed bool) *msg.ServerKeyExchange {
	m := &msg.ServerKeyExchange{CurveType: iana.CurveTypeNamedCurve, NamedCurve: iana.GroupX25519, Public: fill(4, 32)}
	return sign(m, signed)
}

func serverDH(signed bool) *msg.ServerKeyExchange {
	return sign(&msg.ServerKeyExchange{P: fill(0xf0, 256), G: []byte{2}, Public: fill(4, 256)}, signed)
}

func sign(m *msg.ServerKeyExchange, signed bool) *msg.ServerKeyExchange {
	if signed {
		m.Algorithm, m.Signature = iana.SchemeECDSASecp256r1SHA256, fill(0x30, 70)
	}
	return m
}

// unnamed is m without the name of its signature algorithm.
func unnamed(m *msg.ServerKeyExchange) *msg.ServerKeyExchange {
	m.Algorithm = 0
	return m
}

func hinted(m *msg.ServerKeyExchange) *msg.ServerKeyExchange {
	m.IdentityHint = []byte("hint")
	return m
}

func clientHello() *msg.ClientHello {
	return &msg.ClientHello{
		LegacyVersion: iana.VersionTLS12, Random: [32]byte(fill(0x20, 32)), SessionID: fill(0xa0, 32),
		CipherSuites:       []iana.CipherSuite{iana.TLS_AES_128_GCM_SHA256, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
		CompressionMethods: []byte{0},
	}
}

var (
	groups    = []iana.NamedGroup{iana.GroupX25519MLKEM768, iana.GroupX25519}
	schemes   = []iana.SignatureScheme{iana.SchemeECDSASecp256r1SHA256, iana.SchemeEd25519}
	protocols = []msg.ProtocolName{[]byte("h2"), []byte("http/1.1")}
	names     = []msg.DistinguishedName{fill(0x30, 12), fill(0x31, 1)}
	srtp      = msg.UseSRTP{Profiles: []uint16{1, 7}, MKI: fill(1, 4)}
	scts      = []msg.SCT{fill(1, 47), fill(2, 48)}
	ocsp      = msg.OCSPStatus{StatusType: iana.CertStatusOCSP, Response: fill(0x30, 30)}
)

// fullClientHello has every extension that has a layout in ClientHello.
func fullClientHello() *msg.ClientHello {
	m := clientHello()
	m.ServerName = []msg.ServerName{{HostName: []byte("example.com")}}
	m.MaxFragmentLength = iana.MaxFragment2To12
	m.StatusRequest = msg.StatusRequest{StatusType: iana.CertStatusOCSP, Responders: names, Extensions: fill(1, 3)}
	m.SupportedGroups = groups
	m.PointFormats = []byte{0, 1}
	m.SignatureAlgorithms, m.SignatureCert, m.DelegatedCredential = schemes, schemes, schemes[:1]
	m.ALPN, m.ApplicationSettings, m.ApplicationSettingsNew = protocols, protocols[:1], protocols[:1]
	m.ClientCertTypes, m.ServerCertTypes = []byte{0, 2}, []byte{2}
	m.Padding = make([]byte, 9)
	m.CompressCertificate = []iana.CertificateCompression{iana.CertCompressionZlib, iana.CertCompressionBrotli}
	m.RecordSizeLimit = 16385
	m.SessionTicket = fill(1, 20)
	m.SupportedVersions = []iana.Version{iana.VersionTLS13, iana.VersionTLS12}
	m.HRRCookie = fill(1, 40)
	m.PSKModes = []byte{1}
	m.Authorities = names
	m.KeyShares = []msg.KeyShareEntry{{Group: iana.GroupX25519, KeyExchange: fill(1, 32)}, {Group: iana.GroupSecp256r1, KeyExchange: fill(4, 65)}}
	m.UseSRTP, m.Heartbeat, m.TicketRequest = srtp, iana.HeartbeatModePeerAllowedToSend, msg.TicketRequest{NewSession: 2, Resumption: 1}
	m.ECH = msg.EncryptedClientHello{
		KDF: iana.HPKEHKDFSHA256, AEAD: iana.HPKEAES128GCM, ConfigID: 7, Enc: fill(1, 32), Payload: fill(2, 128),
	}
	m.ECHOuterExtensions = []iana.ExtensionType{iana.ExtKeyShare, iana.ExtSupportedGroups}
	m.RenegotiatedConnInfo = fill(1, 12)
	m.PSK = psks()
	m.Extensions.Add(
		iana.ExtServerName, iana.ExtMaxFragmentLength, iana.ExtClientCertificateURL, iana.ExtTruncatedHMAC,
		iana.ExtStatusRequest, iana.ExtSupportedGroups, iana.ExtECPointFormats, iana.ExtSignatureAlgorithms,
		iana.ExtUseSRTP, iana.ExtHeartbeat, iana.ExtApplicationLayerProtocolNegotiation,
		iana.ExtSignedCertificateTimestamp, iana.ExtClientCertificateType, iana.ExtServerCertificateType,
		iana.ExtPadding, iana.ExtEncryptThenMAC, iana.ExtExtendedMainSecret, iana.ExtCompressCertificate,
		iana.ExtRecordSizeLimit, iana.ExtDelegatedCredential, iana.ExtSessionTicket, iana.ExtEarlyData,
		iana.ExtSupportedVersions, iana.ExtCookie, iana.ExtPSKKeyExchangeModes, iana.ExtCertificateAuthorities,
		iana.ExtPostHandshakeAuth, iana.ExtSignatureAlgorithmsCert, iana.ExtKeyShare, iana.ExtTicketRequest,
		iana.ExtNextProtocolNegotiation, iana.ExtApplicationSettings, iana.ExtApplicationSettingsNew,
		iana.ExtECHOuterExtensions, iana.ExtEncryptedClientHello, iana.ExtRenegotiationInfo, iana.ExtPreSharedKey,
	)
	return m
}

func psks() msg.OfferedPSKs {
	return msg.OfferedPSKs{
		Identities: []msg.PSKIdentity{{Identity: fill(1, 100), ObfuscatedTicketAge: 0xcafe}, {Identity: []byte("external")}},
		Binders:    [][]byte{make([]byte, 32), make([]byte, 48)},
	}
}

func greasedClientHello() *msg.ClientHello {
	m := clientHello()
	m.CipherSuites = append([]iana.CipherSuite{0x1a1a}, m.CipherSuites...)
	m.SupportedGroups = append([]iana.NamedGroup{0x2a2a}, groups...)
	m.KeyShares = []msg.KeyShareEntry{{Group: 0x2a2a, KeyExchange: []byte{0}}, {Group: iana.GroupX25519, KeyExchange: fill(1, 32)}}
	m.SupportedVersions = []iana.Version{0x3a3a, iana.VersionTLS13}
	m.PSKModes = []byte{0x0b, 1}
	m.Extensions.AddRaw(0x4a4a, nil)
	m.Extensions.Add(iana.ExtSupportedGroups, iana.ExtKeyShare, iana.ExtSupportedVersions, iana.ExtPSKKeyExchangeModes)
	m.Extensions.AddRaw(iana.ExtQUICTransportParameters, fill(1, 9))
	m.Extensions.AddRaw(0xff77, fill(1, 4))
	m.Extensions.AddRaw(0x5a5a, []byte{0})
	return m
}

func oddClientHello() *msg.ClientHello {
	m := clientHello()
	m.ServerName = []msg.ServerName{{NameType: 7, HostName: []byte("?")}}
	m.StatusRequest = msg.StatusRequest{StatusType: 9, Other: fill(1, 3)}
	m.Extensions.Add(iana.ExtServerName, iana.ExtStatusRequest)
	return m
}

func innerClientHello() *msg.ClientHello {
	m := clientHello()
	m.ECH.Kind = msg.ECHInner
	m.Extensions.Add(iana.ExtEncryptedClientHello)
	return m
}

func resumingClientHello() *msg.ClientHello {
	m := clientHello()
	m.PSKModes, m.PSK = []byte{0, 1}, psks()
	m.Extensions.Add(iana.ExtPSKKeyExchangeModes, iana.ExtEarlyData, iana.ExtSessionTicket, iana.ExtPreSharedKey)
	return m
}

func fullServerHello() *msg.ServerHello {
	m := &msg.ServerHello{
		LegacyVersion: iana.VersionTLS12, Random: [32]byte(fill(0x40, 32)), SessionID: fill(0xa0, 32),
		CipherSuite:       iana.TLS_AES_256_GCM_SHA384,
		MaxFragmentLength: iana.MaxFragment2To9, PointFormats: []byte{0}, ALPN: protocols[:1], SCTs: scts,
		ClientCertType: 2, ServerCertType: 2, RecordSizeLimit: 64, SelectedIdentity: 1, SelectedVersion: iana.VersionTLS13,
		KeyShare: msg.KeyShareEntry{Group: iana.GroupX25519, KeyExchange: fill(1, 32)},
		UseSRTP:  srtp, Heartbeat: iana.HeartbeatModePeerAllowedToSend, NextProtocols: protocols,
		RenegotiatedConnInfo: fill(1, 24),
	}
	m.Extensions.Add(
		iana.ExtServerName, iana.ExtMaxFragmentLength, iana.ExtClientCertificateURL, iana.ExtTruncatedHMAC,
		iana.ExtStatusRequest, iana.ExtECPointFormats, iana.ExtUseSRTP, iana.ExtHeartbeat,
		iana.ExtApplicationLayerProtocolNegotiation, iana.ExtSignedCertificateTimestamp,
		iana.ExtClientCertificateType, iana.ExtServerCertificateType, iana.ExtEncryptThenMAC,
		iana.ExtExtendedMainSecret, iana.ExtRecordSizeLimit, iana.ExtSessionTicket, iana.ExtPreSharedKey,
		iana.ExtSupportedVersions, iana.ExtKeyShare, iana.ExtNextProtocolNegotiation, iana.ExtRenegotiationInfo,
	)
	m.Extensions.AddRaw(0x6a6a, fill(1, 2))
	return m
}

func fullHelloRetryRequest() *msg.HelloRetryRequest {
	m := &msg.HelloRetryRequest{
		LegacyVersion: iana.VersionTLS12, Random: msg.HelloRetryRandom, SessionID: fill(0xa0, 32),
		CipherSuite: iana.TLS_AES_128_GCM_SHA256, SelectedVersion: iana.VersionTLS13,
		Cookie: fill(1, 40), SelectedGroup: iana.GroupSecp384r1, ECHConfirmation: [8]byte{1, 2, 3},
	}
	m.Extensions.Add(iana.ExtSupportedVersions, iana.ExtCookie, iana.ExtKeyShare, iana.ExtEncryptedClientHello)
	return m
}

func fullEncryptedExtensions() *msg.EncryptedExtensions {
	m := &msg.EncryptedExtensions{
		MaxFragmentLength: iana.MaxFragment2To10, SupportedGroups: groups, ALPN: protocols[1:],
		ClientCertType: 2, ServerCertType: 2, RecordSizeLimit: 1024,
		UseSRTP: srtp, Heartbeat: iana.HeartbeatModePeerAllowedToSend, ExpectedTickets: 2,
		ApplicationSettings: fill(1, 3), ApplicationSettingsNew: fill(2, 3),
		RetryConfigs: []msg.ECHConfig{
			{
				Version: 0xfe0d, ConfigID: 8, KEM: iana.HPKEDHKEMX25519HKDFSHA256, PublicKey: fill(1, 32),
				Suites:  []msg.HPKESuite{{KDF: iana.HPKEHKDFSHA256, AEAD: iana.HPKEAES128GCM}},
				MaxName: 64, PublicName: []byte("public.example"),
			},
			{Version: 0xfe0a, Other: fill(1, 7)},
		},
	}
	m.Extensions.Add(
		iana.ExtServerName, iana.ExtMaxFragmentLength, iana.ExtSupportedGroups, iana.ExtUseSRTP, iana.ExtHeartbeat,
		iana.ExtApplicationLayerProtocolNegotiation, iana.ExtClientCertificateType, iana.ExtServerCertificateType,
		iana.ExtRecordSizeLimit, iana.ExtEarlyData, iana.ExtTicketRequest, iana.ExtApplicationSettings,
		iana.ExtApplicationSettingsNew, iana.ExtEncryptedClientHello,
	)
	m.Extensions.AddRaw(iana.ExtQUICTransportParameters, fill(1, 9))
	return m
}

func fullCertificateRequest() *msg.CertificateRequest {
	m := &msg.CertificateRequest{
		RequestContext: fill(1, 8), SignatureAlgorithms: schemes, SignatureCert: schemes, DelegatedCredential: schemes,
		CompressCertificate: []iana.CertificateCompression{iana.CertCompressionZstd}, Authorities: names,
		OIDFilters: []msg.OIDFilter{{OID: fill(6, 5), Values: fill(0x30, 4)}, {OID: []byte{6}}},
	}
	m.Extensions.Add(
		iana.ExtStatusRequest, iana.ExtSignatureAlgorithms, iana.ExtSignedCertificateTimestamp,
		iana.ExtCompressCertificate, iana.ExtDelegatedCredential, iana.ExtCertificateAuthorities,
		iana.ExtOIDFilters, iana.ExtSignatureAlgorithmsCert,
	)
	return m
}

func fullCertificate() *msg.Certificate {
	leaf := msg.CertificateEntry{Data: fill(0x30, 500), Status: ocsp, SCTs: scts, Credential: msg.DelegatedCredential{
		ValidTime: 86400, CertVerifyAlgorithm: iana.SchemeEd25519, PublicKey: fill(0x30, 44),
		Algorithm: iana.SchemeECDSASecp256r1SHA256, Signature: fill(0x30, 70),
	}}
	leaf.Extensions.Add(iana.ExtStatusRequest, iana.ExtSignedCertificateTimestamp, iana.ExtDelegatedCredential)
	leaf.Extensions.AddRaw(0x7a7a, fill(1, 3))
	return &msg.Certificate{RequestContext: fill(1, 8), List: []msg.CertificateEntry{leaf, {Data: fill(0x31, 9)}}}
}

func fullNewSessionTicket() *msg.NewSessionTicket {
	m := &msg.NewSessionTicket{
		Lifetime: 604800, AgeAdd: 0xdeadbeef, Nonce: []byte{0, 1}, Ticket: fill(1, 180), MaxEarlyData: 16384,
	}
	m.Extensions.Add(iana.ExtEarlyData)
	m.Extensions.AddRaw(0x8a8a, nil)
	return m
}

// flawed is the samples that lenient decoding has to make the best of.
func flawed() []sample {
	hello := func(extensions string) []byte {
		x, err := hex.DecodeString(extensions)
		if err != nil {
			panic(err)
		}
		body := append(append([]byte{3, 3}, make([]byte, 32)...), 0, 0, 2, 0x13, 0x01, 1, 0)
		body = append(body, byte(len(x)>>8), byte(len(x)))
		return frame(iana.HandshakeClientHello, append(body, x...))
	}
	versions, share := "002b0003020304", "0033 0007 0005 001d0001 aa"
	share = string(bytes.ReplaceAll([]byte(share), []byte(" "), nil))
	return []sample{
		{"client_hello with an extension twice", unknown, hello(versions + share + versions), true},
		{"client_hello with GREASE twice", unknown, hello("4a4a0000" + share + "4a4a0000"), true},
		{"client_hello with a broken key_share", unknown, hello(versions + "003300070005001d0041aa" + "000a00040002001d"), true},
		{"client_hello with more than a key_share", unknown, hello("003300080005001d0001aaff" + versions), true},
		{"client_hello with a broken extension that no endpoint acts on", unknown, hello("000f0000" + versions), false},
		{"client_key_exchange of an unknown kind", unknown, frame(iana.HandshakeClientKeyExchange, append([]byte{1, 0}, fill(4, 256)...)), false},
		{"key_update of neither kind", tls13, frame(iana.HandshakeKeyUpdate, []byte{2}), true},
		{"server_key_exchange with an explicit curve", tls12, frame(iana.HandshakeServerKeyExchange, fill(1, 9)), true},
		{"certificate_status of another type", tls12, frame(iana.HandshakeCertificateStatus, []byte{2, 0, 0, 1, 9}), true},
		{"client_hello whose header says more", unknown, []byte{1, 0, 0, 9, 3, 3, 1, 2}, true},
		{"finished whose header says less", unknown, []byte{20, 0, 0, 1, 3, 3, 1, 2}, true},
		{"header alone", unknown, []byte{2, 0, 0}, true},
		{"nothing", unknown, nil, true},
	}
}

func frame(t iana.HandshakeType, body []byte) []byte {
	return append([]byte{byte(t), byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...)
}
