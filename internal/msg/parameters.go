package msg

import (
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/wire"
)

// EncryptedExtensions answers what of ClientHello need not be known before encryption
// (RFC 9846 §4.4.1).
type EncryptedExtensions struct {
	Extensions Extensions

	MaxFragmentLength MaxFragmentLength
	SupportedGroups   []iana.NamedGroup
	ALPN              []ProtocolName
	ClientCertType    uint8
	ServerCertType    uint8
	RecordSizeLimit   uint16

	UseSRTP                UseSRTP
	Heartbeat              iana.HeartbeatMode
	ExpectedTickets        uint8  // ticket_request
	ApplicationSettings    []byte // application_settings, code point 17513
	ApplicationSettingsNew []byte // the same, code point 17613
	RetryConfigs           []ECHConfig
}

// Type implements [Message].
func (*EncryptedExtensions) Type() iana.HandshakeType { return iana.HandshakeEncryptedExtensions }

// Spec implements [Message].
func (*EncryptedExtensions) Spec() Spec {
	return Spec{"encrypted_extensions", "RFC 9846 §4.4.1"}
}

// Layout implements RFC 9846 §4.4.1.
func (m *EncryptedExtensions) Layout(c *wire.Codec) {
	layoutExtensions(c, m, &m.Extensions, encryptedExtensions)
}

// CertificateRequest asks a TLS 1.3 client for a certificate (RFC 9846 §4.4.2).
type CertificateRequest struct {
	RequestContext []byte // certificate_request_context
	Extensions     Extensions

	SignatureAlgorithms []iana.SignatureScheme
	SignatureCert       []iana.SignatureScheme
	CompressCertificate []iana.CertificateCompression
	DelegatedCredential []iana.SignatureScheme
	Authorities         []DistinguishedName
	OIDFilters          []OIDFilter
}

// Type implements [Message].
func (*CertificateRequest) Type() iana.HandshakeType { return iana.HandshakeCertificateRequest }

// Spec implements [Message].
func (*CertificateRequest) Spec() Spec { return Spec{"certificate_request", "RFC 9846 §4.4.2"} }

// Layout implements RFC 9846 §4.4.2.
func (m *CertificateRequest) Layout(c *wire.Codec) {
	wire.Vec8(c, "certificate_request_context", &m.RequestContext, 0, 255)
	layoutExtensions(c, m, &m.Extensions, certificateRequestExtensions)
}

// CertificateRequest12 asks a client for a certificate in TLS 1.2 and older
// (RFC 5246 §7.4.4).
type CertificateRequest12 struct {
	CertificateTypes    []byte                 // ClientCertificateType codes
	SignatureAlgorithms []iana.SignatureScheme // TLS 1.2 only
	Authorities         []DistinguishedName
}

// Type implements [Message].
func (*CertificateRequest12) Type() iana.HandshakeType { return iana.HandshakeCertificateRequest }

// Spec implements [Message].
func (*CertificateRequest12) Spec() Spec {
	return Spec{"certificate_request_1_2", "RFC 5246 §7.4.4"}
}

// Layout implements RFC 5246 §7.4.4 and RFC 4346 §7.4.4.
func (m *CertificateRequest12) Layout(c *wire.Codec) {
	wire.Octets8[iana.ClientCertificateType](c, "certificate_types", "certificate_type", &m.CertificateTypes, 1, 255)
	if context(c).Version >= iana.VersionTLS12 {
		wire.Codes16(c, "supported_signature_algorithms", "algorithm", &m.SignatureAlgorithms, 2, 1<<16-2)
	}
	wire.List16(c, "certificate_authorities", &m.Authorities, 0, 1<<16-1, layoutName)
}

// ServerHelloDone ends the server's first flight in TLS 1.2 (RFC 5246 §7.4.5).
type ServerHelloDone struct{}

// Type implements [Message].
func (*ServerHelloDone) Type() iana.HandshakeType { return iana.HandshakeServerHelloDone }

// Spec implements [Message].
func (*ServerHelloDone) Spec() Spec { return Spec{"server_hello_done", "RFC 5246 §7.4.5"} }

// Layout has nothing to name: the message is empty.
func (*ServerHelloDone) Layout(*wire.Codec) {}

// EndOfEarlyData ends 0-RTT data (RFC 9846 §4.6).
type EndOfEarlyData struct{}

// Type implements [Message].
func (*EndOfEarlyData) Type() iana.HandshakeType { return iana.HandshakeEndOfEarlyData }

// Spec implements [Message].
func (*EndOfEarlyData) Spec() Spec { return Spec{"end_of_early_data", "RFC 9846 §4.6"} }

// Layout has nothing to name: the message is empty.
func (*EndOfEarlyData) Layout(*wire.Codec) {}
