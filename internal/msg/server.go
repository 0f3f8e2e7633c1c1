package msg

import (
	"github.com/akushu/akushu/internal/alert"
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
}

func (*EncryptedExtensions) Type() iana.HandshakeType { return iana.HandshakeEncryptedExtensions }
func (*EncryptedExtensions) Spec() Spec {
	return Spec{"encrypted_extensions", "RFC 9846 §4.4.1"}
}

// Layout implements RFC 9846 §4.4.1.
func (m *EncryptedExtensions) Layout(c *wire.Codec) {
	m.Extensions.Present = true
	layoutExtensions(c, m, &m.Extensions, encryptedExtensions)
}

// CertificateRequest asks a TLS 1.3 client for a certificate (RFC 9846 §4.4.2).
type CertificateRequest struct {
	RequestContext []byte // certificate_request_context
	Extensions     Extensions

	StatusRequest       []byte
	SignatureAlgorithms []iana.SignatureScheme
	SignatureCert       []iana.SignatureScheme
	CompressCertificate []iana.CertificateCompression
	DelegatedCredential []iana.SignatureScheme
	Authorities         []DistinguishedName
	OIDFilters          []OIDFilter
}

func (*CertificateRequest) Type() iana.HandshakeType { return iana.HandshakeCertificateRequest }
func (*CertificateRequest) Spec() Spec               { return Spec{"certificate_request", "RFC 9846 §4.4.2"} }

// Layout implements RFC 9846 §4.4.2.
func (m *CertificateRequest) Layout(c *wire.Codec) {
	wire.Vec8(c, "certificate_request_context", &m.RequestContext, 0, 255)
	m.Extensions.Present = true
	layoutExtensions(c, m, &m.Extensions, certificateRequestExtensions)
}

// CertificateRequest12 asks a client for a certificate in TLS 1.2 and older
// (RFC 5246 §7.4.4).
type CertificateRequest12 struct {
	CertificateTypes    []byte                 // ClientCertificateType codes
	SignatureAlgorithms []iana.SignatureScheme // TLS 1.2 only
	Authorities         []DistinguishedName
}

func (*CertificateRequest12) Type() iana.HandshakeType { return iana.HandshakeCertificateRequest }
func (*CertificateRequest12) Spec() Spec {
	return Spec{"certificate_request_1_2", "RFC 5246 §7.4.4"}
}

// Layout implements RFC 5246 §7.4.4 and RFC 4346 §7.4.4.
func (m *CertificateRequest12) Layout(c *wire.Codec) {
	wire.Vec8(c, "certificate_types", &m.CertificateTypes, 1, 255)
	if context(c).Version >= iana.VersionTLS12 {
		wire.Codes16(c, "supported_signature_algorithms", "algorithm", &m.SignatureAlgorithms, 2, 1<<16-2)
	}
	wire.List16(c, "certificate_authorities", &m.Authorities, 0, 1<<16-1, layoutName)
}

// ServerKeyExchange carries the server's share of a TLS 1.2 key exchange, signed
// (RFC 5246 §7.4.3; RFC 8422 §5.4; RFC 4279 and 5489 for PSK).
type ServerKeyExchange struct {
	IdentityHint []byte // PSK key exchanges
	CurveType    iana.ECCurveType
	NamedCurve   iana.NamedGroup
	Public       []byte // the ECDH point, or dh_Ys
	P, G         []byte // DHE
	ParamsEnd    int    // offset in the message, header included, at which the signed part ends
	Algorithm    iana.SignatureScheme
	Signature    []byte
}

func (*ServerKeyExchange) Type() iana.HandshakeType { return iana.HandshakeServerKeyExchange }
func (*ServerKeyExchange) Spec() Spec {
	return Spec{"server_key_exchange", "RFC 5246 §7.4.3"}
}

// Layout implements RFC 5246 §7.4.3 and RFC 8422 §5.4.
func (m *ServerKeyExchange) Layout(c *wire.Codec) {
	kx := traits[context(c).KeyExchange]
	if kx.psk {
		wire.Vec16(c, "psk_identity_hint", &m.IdentityHint, 0, 1<<16-1)
	}
	if kx.ec {
		m.layoutCurve(c)
	}
	if kx.ff {
		wire.Vec16(c, "dh_p", &m.P, 1, 1<<16-1)
		wire.Vec16(c, "dh_g", &m.G, 1, 1<<16-1)
		wire.Vec16(c, "dh_Ys", &m.Public, 1, 1<<16-1)
	}
	wire.Mark(c, &m.ParamsEnd)
	if kx.signed {
		if context(c).Version >= iana.VersionTLS12 {
			wire.Uint16(c, "algorithm", &m.Algorithm)
		}
		wire.Vec16(c, "signature", &m.Signature, 0, 1<<16-1)
	}
	if kx == (trait{}) {
		c.Fail("", alert.Unexpected("", "RFC 5246 §7.4.3", "this key exchange has no ServerKeyExchange"))
	}
}

func (m *ServerKeyExchange) layoutCurve(c *wire.Codec) {
	wire.Uint8(c, "curve_type", &m.CurveType)
	if m.CurveType != iana.CurveTypeNamedCurve {
		c.Fail("curve_type", alert.Illegal("", "RFC 8422 §5.4", "only named curves are allowed, not type %v", m.CurveType))
	}
	wire.Uint16(c, "named_curve", &m.NamedCurve)
	wire.Vec8(c, "public", &m.Public, 1, 255)
}

// trait says what a key exchange's messages are made of.
type trait struct {
	psk, ec, ff, signed bool
}

// traits is indexed by KeyExchange. RSA has no ServerKeyExchange.
var traits = [...]trait{
	KeyExchangeUnknown:  {},
	KeyExchangeECDHE:    {ec: true, signed: true},
	KeyExchangeDHE:      {ff: true, signed: true},
	KeyExchangeRSA:      {},
	KeyExchangePSK:      {psk: true},
	KeyExchangeECDHEPSK: {psk: true, ec: true},
	KeyExchangeDHEPSK:   {psk: true, ff: true},
	KeyExchangeRSAPSK:   {psk: true},
	KeyExchangeECDHAnon: {ec: true},
	KeyExchangeDHAnon:   {ff: true},
}

// ServerHelloDone ends the server's first flight in TLS 1.2 (RFC 5246 §7.4.5).
type ServerHelloDone struct{}

func (*ServerHelloDone) Type() iana.HandshakeType { return iana.HandshakeServerHelloDone }
func (*ServerHelloDone) Spec() Spec               { return Spec{"server_hello_done", "RFC 5246 §7.4.5"} }
func (*ServerHelloDone) Layout(*wire.Codec)       {}

// ClientKeyExchange carries the client's share, or the encrypted premaster secret, of a
// TLS 1.2 key exchange (RFC 5246 §7.4.7; RFC 8422 §5.7).
type ClientKeyExchange struct {
	Identity           []byte // PSK key exchanges
	Public             []byte // the ECDH point, or dh_Yc
	EncryptedPremaster []byte // RSA
}

func (*ClientKeyExchange) Type() iana.HandshakeType { return iana.HandshakeClientKeyExchange }
func (*ClientKeyExchange) Spec() Spec {
	return Spec{"client_key_exchange", "RFC 5246 §7.4.7"}
}

// Layout implements RFC 5246 §7.4.7 and RFC 8422 §5.7.
func (m *ClientKeyExchange) Layout(c *wire.Codec) {
	kx := context(c).KeyExchange
	t := traits[kx]
	if t.psk {
		wire.Vec16(c, "psk_identity", &m.Identity, 0, 1<<16-1)
	}
	switch {
	case t.ec:
		wire.Vec8(c, "ecdh_Yc", &m.Public, 1, 255)
	case t.ff:
		wire.Vec16(c, "dh_Yc", &m.Public, 1, 1<<16-1)
	case kx == KeyExchangeRSA || kx == KeyExchangeRSAPSK:
		if context(c).Version == iana.VersionSSL30 { // SSL 3.0 has no length here (RFC 6101 §5.6.7)
			wire.Rest(c, "encrypted_pre_master_secret", &m.EncryptedPremaster)
			return
		}
		wire.Vec16(c, "encrypted_pre_master_secret", &m.EncryptedPremaster, 0, 1<<16-1)
	}
}

// NewSessionTicket gives a TLS 1.3 client a PSK for later (RFC 9846 §4.7.1).
type NewSessionTicket struct {
	Lifetime   uint32 // in seconds
	AgeAdd     uint32
	Nonce      []byte
	Ticket     []byte
	Extensions Extensions

	MaxEarlyData uint32 // early_data: max_early_data_size in bytes
}

func (*NewSessionTicket) Type() iana.HandshakeType { return iana.HandshakeNewSessionTicket }
func (*NewSessionTicket) Spec() Spec               { return Spec{"new_session_ticket", "RFC 9846 §4.7.1"} }

// Layout implements RFC 9846 §4.7.1.
func (m *NewSessionTicket) Layout(c *wire.Codec) {
	wire.Uint32(c, "ticket_lifetime", &m.Lifetime)
	wire.Uint32(c, "ticket_age_add", &m.AgeAdd)
	wire.Vec8(c, "ticket_nonce", &m.Nonce, 0, 255)
	wire.Vec16(c, "ticket", &m.Ticket, 1, 1<<16-1)
	m.Extensions.Present = true
	layoutExtensions(c, m, &m.Extensions, newSessionTicketExtensions)
}

// NewSessionTicket12 gives a TLS 1.2 client its session in a form only the server can
// read (RFC 5077 §3.3).
type NewSessionTicket12 struct {
	LifetimeHint uint32 // in seconds; 0 is unspecified
	Ticket       []byte
}

func (*NewSessionTicket12) Type() iana.HandshakeType { return iana.HandshakeNewSessionTicket }
func (*NewSessionTicket12) Spec() Spec {
	return Spec{"new_session_ticket_1_2", "RFC 5077 §3.3"}
}

// Layout implements RFC 5077 §3.3.
func (m *NewSessionTicket12) Layout(c *wire.Codec) {
	wire.Uint32(c, "ticket_lifetime_hint", &m.LifetimeHint)
	wire.Vec16(c, "ticket", &m.Ticket, 0, 1<<16-1)
}

// KeyUpdate tells that the sender's next records have new keys (RFC 9846 §4.7.3).
type KeyUpdate struct {
	RequestUpdate uint8 // 0 update_not_requested, 1 update_requested
}

func (*KeyUpdate) Type() iana.HandshakeType { return iana.HandshakeKeyUpdate }
func (*KeyUpdate) Spec() Spec               { return Spec{"key_update", "RFC 9846 §4.7.3"} }

// Layout implements RFC 9846 §4.7.3.
func (m *KeyUpdate) Layout(c *wire.Codec) {
	wire.Uint8(c, "request_update", &m.RequestUpdate)
	if m.RequestUpdate > 1 {
		c.Fail("request_update", alert.Illegal("", "RFC 9846 §4.7.3", "value %d is neither 0 nor 1", m.RequestUpdate))
	}
}

// EndOfEarlyData ends 0-RTT data (RFC 9846 §4.6).
type EndOfEarlyData struct{}

func (*EndOfEarlyData) Type() iana.HandshakeType { return iana.HandshakeEndOfEarlyData }
func (*EndOfEarlyData) Spec() Spec               { return Spec{"end_of_early_data", "RFC 9846 §4.6"} }
func (*EndOfEarlyData) Layout(*wire.Codec)       {}

// Unknown is a message whose type has no layout here.
type Unknown struct {
	MsgType iana.HandshakeType
	Body    []byte
}

func (m *Unknown) Type() iana.HandshakeType { return m.MsgType }
func (m *Unknown) Spec() Spec               { return Spec{m.MsgType.String(), "RFC 9846 §4"} }

// Layout takes the whole body as one field.
func (m *Unknown) Layout(c *wire.Codec) { wire.Rest(c, "body", &m.Body) }
