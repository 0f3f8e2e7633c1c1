package msg

import (
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/wire"
)

// HelloRetryRandom is the random of a ServerHello that is a HelloRetryRequest: SHA-256
// of "HelloRetryRequest" (RFC 9846 §4.2.3).
var HelloRetryRandom = [32]byte{
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
}

// HelloRequest asks a TLS 1.2 client to begin a new handshake (RFC 5246 §7.4.1.1).
type HelloRequest struct{}

// Type implements [Message].
func (*HelloRequest) Type() iana.HandshakeType { return iana.HandshakeHelloRequest }

// Spec implements [Message].
func (*HelloRequest) Spec() Spec { return Spec{"hello_request", "RFC 5246 §7.4.1.1"} }

// Layout has nothing to name: the message is empty.
func (*HelloRequest) Layout(*wire.Codec) {}

// ClientHello opens every handshake (RFC 9846 §4.2.2; RFC 5246 §7.4.1.2). A typed
// extension field means something only where Extensions has its type.
type ClientHello struct {
	LegacyVersion      iana.Version
	Random             [32]byte
	SessionID          []byte // legacy_session_id, at most 32 bytes
	Cookie             []byte // DTLS only (RFC 9147 §5.3)
	CipherSuites       []iana.CipherSuite
	CompressionMethods []byte
	Extensions         Extensions

	ServerName             []ServerName
	MaxFragmentLength      MaxFragmentLength
	StatusRequest          StatusRequest
	SupportedGroups        []iana.NamedGroup
	PointFormats           []byte
	SignatureAlgorithms    []iana.SignatureScheme
	SignatureCert          []iana.SignatureScheme // signature_algorithms_cert
	ALPN                   []ProtocolName
	ClientCertTypes        []byte
	ServerCertTypes        []byte
	Padding                []byte
	CompressCertificate    []iana.CertificateCompression
	RecordSizeLimit        uint16
	DelegatedCredential    []iana.SignatureScheme
	SessionTicket          []byte
	PSK                    OfferedPSKs
	SupportedVersions      []iana.Version
	HRRCookie              []byte // the cookie extension
	PSKModes               []byte
	Authorities            []DistinguishedName
	KeyShares              []KeyShareEntry
	UseSRTP                UseSRTP
	Heartbeat              iana.HeartbeatMode
	TicketRequest          TicketRequest
	ApplicationSettings    []ProtocolName // application_settings, code point 17513
	ApplicationSettingsNew []ProtocolName // the same, code point 17613
	ECH                    EncryptedClientHello
	ECHOuterExtensions     []iana.ExtensionType // in an inner hello as it is encrypted (RFC 9849 §5.1)
	RenegotiatedConnInfo   []byte               // renegotiation_info
}

// Type implements [Message].
func (*ClientHello) Type() iana.HandshakeType { return iana.HandshakeClientHello }

// Spec implements [Message].
func (*ClientHello) Spec() Spec { return Spec{"client_hello", "RFC 9846 §4.2.2"} }

// Layout implements RFC 9846 §4.2.2.
func (m *ClientHello) Layout(c *wire.Codec) {
	wire.Uint16(c, "legacy_version", &m.LegacyVersion)
	wire.Fixed(c, "random", m.Random[:])
	wire.Vec8(c, "legacy_session_id", &m.SessionID, 0, 32)
	if context(c).Protocol == DTLS {
		wire.Vec8(c, "cookie", &m.Cookie, 0, 255)
	}
	wire.Codes16(c, "cipher_suites", "cipher_suite", &m.CipherSuites, 2, 1<<16-2)
	wire.Octets8[iana.CompressionMethod](c, "legacy_compression_methods", "compression_method", &m.CompressionMethods, 1, 255)
	layoutOptionalExtensions(c, m, &m.Extensions, clientHelloExtensions)
}

// ServerHello chooses (RFC 9846 §4.2.3; RFC 5246 §7.4.1.3).
type ServerHello struct {
	LegacyVersion     iana.Version
	Random            [32]byte
	SessionID         []byte // legacy_session_id_echo
	CipherSuite       iana.CipherSuite
	CompressionMethod uint8
	Extensions        Extensions

	MaxFragmentLength    MaxFragmentLength
	PointFormats         []byte
	ALPN                 []ProtocolName
	SCTs                 []SCT
	ClientCertType       uint8
	ServerCertType       uint8
	RecordSizeLimit      uint16
	SelectedIdentity     uint16
	SelectedVersion      iana.Version
	KeyShare             KeyShareEntry
	UseSRTP              UseSRTP
	Heartbeat            iana.HeartbeatMode
	NextProtocols        []ProtocolName // next_protocol_negotiation
	RenegotiatedConnInfo []byte
}

// Type implements [Message].
func (*ServerHello) Type() iana.HandshakeType { return iana.HandshakeServerHello }

// Spec implements [Message].
func (*ServerHello) Spec() Spec { return Spec{"server_hello", "RFC 9846 §4.2.3"} }

// Layout implements RFC 9846 §4.2.3. Until draft 21 of TLS 1.3 there was neither session ID nor compression method, and the
// version stood in front.
func (m *ServerHello) Layout(c *wire.Codec) {
	wire.Uint16(c, "legacy_version", &m.LegacyVersion)
	wire.Fixed(c, "random", m.Random[:])
	short := isShort(c, m.LegacyVersion)
	if !short {
		wire.Vec8(c, "legacy_session_id_echo", &m.SessionID, 0, 32)
	}
	wire.Uint16(c, "cipher_suite", &m.CipherSuite)
	if !short {
		wire.Uint8(c, "legacy_compression_method", (*iana.CompressionMethod)(&m.CompressionMethod))
	}
	layoutOptionalExtensions(c, m, &m.Extensions, serverHelloExtensions)
}

// isShort reports whether what follows a server's random is that of a draft of TLS 1.3 whose hellos are shorter than those
// of TLS 1.2 (draft-ietf-tls-tls13-21 §4.1.3). Those before 16 gave the number of the standard to come, which stands there
// neither in the standard nor in later drafts: an observer knows them by their length.
func isShort(c *wire.Codec, v iana.Version) bool {
	if v == iana.VersionTLS13 && c.Lenient() {
		const before = 4 // the suite and the length of the extensions
		rest := c.Peek()
		return len(rest) >= before && int(rest[2])<<8|int(rest[3]) == len(rest)-before
	}
	return v>>8 == 0x7f && v <= iana.VersionTLS13Draft21
}

// HelloRetryRequest asks for another ClientHello (RFC 9846 §4.2.4). On the wire it is a
// ServerHello whose random is [HelloRetryRandom].
type HelloRetryRequest struct {
	LegacyVersion     iana.Version
	Random            [32]byte
	SessionID         []byte // legacy_session_id_echo
	CipherSuite       iana.CipherSuite
	CompressionMethod uint8
	Extensions        Extensions

	SelectedVersion iana.Version
	Cookie          []byte
	SelectedGroup   iana.NamedGroup
	ECHConfirmation [8]byte
}

// Type implements [Message].
func (*HelloRetryRequest) Type() iana.HandshakeType { return iana.HandshakeServerHello }

// Spec implements [Message].
func (*HelloRetryRequest) Spec() Spec { return Spec{"hello_retry_request", "RFC 9846 §4.2.4"} }

// Layout implements RFC 9846 §4.2.4.
func (m *HelloRetryRequest) Layout(c *wire.Codec) {
	wire.Uint16(c, "legacy_version", &m.LegacyVersion)
	wire.Fixed(c, "random", m.Random[:])
	wire.Vec8(c, "legacy_session_id_echo", &m.SessionID, 0, 32)
	wire.Uint16(c, "cipher_suite", &m.CipherSuite)
	wire.Uint8(c, "legacy_compression_method", (*iana.CompressionMethod)(&m.CompressionMethod))
	layoutExtensions(c, m, &m.Extensions, helloRetryExtensions)
}

// HelloRetryRequestDraft is what asked for another ClientHello until draft 21 of TLS 1.3 (draft-ietf-tls-tls13-21 §4.1.4).
type HelloRetryRequestDraft struct {
	Version     iana.Version
	CipherSuite iana.CipherSuite // since draft 19
	Extensions  Extensions

	SelectedGroup iana.NamedGroup
}

// Type implements [Message].
func (*HelloRetryRequestDraft) Type() iana.HandshakeType { return iana.HandshakeHelloRetryRequest }

// Spec implements [Message].
func (*HelloRetryRequestDraft) Spec() Spec {
	return Spec{"hello_retry_request_draft", "draft-ietf-tls-tls13-21 §4.1.4"}
}

// Layout implements draft-ietf-tls-tls13-21 §4.1.4.
func (m *HelloRetryRequestDraft) Layout(c *wire.Codec) {
	wire.Uint16(c, "server_version", &m.Version)
	if m.Version >= iana.VersionTLS13Draft19 {
		wire.Uint16(c, "cipher_suite", &m.CipherSuite)
	}
	layoutExtensions(c, m, &m.Extensions, draftRetryExtensions)
}
