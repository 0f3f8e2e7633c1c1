package msg

import (
	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/wire"
)

// The registries: which extension has which layout in which message. Extensions that
// are registered but not listed stay raw.

var clientHelloExtensions = registry[ClientHello]{
	{iana.ExtServerName, func(c *wire.Codec, m *ClientHello) {
		wire.List16(c, "server_name_list", &m.ServerName, 1, 1<<16-1, layoutServerName)
	}},
	{iana.ExtMaxFragmentLength, func(c *wire.Codec, m *ClientHello) { wire.Uint8(c, "", &m.MaxFragmentLength) }},
	{iana.ExtStatusRequest, func(c *wire.Codec, m *ClientHello) { m.StatusRequest.layout(c) }},
	{iana.ExtSupportedGroups, func(c *wire.Codec, m *ClientHello) { layoutGroups(c, &m.SupportedGroups) }},
	{iana.ExtECPointFormats, func(c *wire.Codec, m *ClientHello) { layoutPointFormats(c, &m.PointFormats) }},
	{iana.ExtSignatureAlgorithms, func(c *wire.Codec, m *ClientHello) { layoutSchemes(c, &m.SignatureAlgorithms) }},
	{iana.ExtApplicationLayerProtocolNegotiation, func(c *wire.Codec, m *ClientHello) { layoutALPN(c, &m.ALPN) }},
	{iana.ExtSignedCertificateTimestamp, func(*wire.Codec, *ClientHello) {}},
	{iana.ExtClientCertificateType, func(c *wire.Codec, m *ClientHello) {
		wire.Vec8(c, "client_certificate_types", &m.ClientCertTypes, 1, 255)
	}},
	{iana.ExtServerCertificateType, func(c *wire.Codec, m *ClientHello) {
		wire.Vec8(c, "server_certificate_types", &m.ServerCertTypes, 1, 255)
	}},
	{iana.ExtPadding, func(c *wire.Codec, m *ClientHello) { wire.Rest(c, "", &m.Padding) }},
	{iana.ExtEncryptThenMAC, func(*wire.Codec, *ClientHello) {}},
	{iana.ExtExtendedMainSecret, func(*wire.Codec, *ClientHello) {}},
	{iana.ExtCompressCertificate, func(c *wire.Codec, m *ClientHello) { layoutCompression(c, &m.CompressCertificate) }},
	{iana.ExtRecordSizeLimit, func(c *wire.Codec, m *ClientHello) { wire.Uint16(c, "", &m.RecordSizeLimit) }},
	{iana.ExtDelegatedCredential, func(c *wire.Codec, m *ClientHello) { layoutSchemes(c, &m.DelegatedCredential) }},
	{iana.ExtSessionTicket, func(c *wire.Codec, m *ClientHello) { wire.Rest(c, "", &m.SessionTicket) }},
	{iana.ExtPreSharedKey, func(c *wire.Codec, m *ClientHello) { m.PSK.layout(c) }},
	{iana.ExtEarlyData, func(*wire.Codec, *ClientHello) {}},
	{iana.ExtSupportedVersions, func(c *wire.Codec, m *ClientHello) {
		wire.Codes8(c, "versions", "version", &m.SupportedVersions, 2, 254)
	}},
	{iana.ExtCookie, func(c *wire.Codec, m *ClientHello) { wire.Vec16(c, "", &m.HRRCookie, 1, 1<<16-1) }},
	{iana.ExtPSKKeyExchangeModes, func(c *wire.Codec, m *ClientHello) { wire.Vec8(c, "ke_modes", &m.PSKModes, 1, 255) }},
	{iana.ExtCertificateAuthorities, func(c *wire.Codec, m *ClientHello) { layoutAuthorities(c, &m.Authorities) }},
	{iana.ExtPostHandshakeAuth, func(*wire.Codec, *ClientHello) {}},
	{iana.ExtSignatureAlgorithmsCert, func(c *wire.Codec, m *ClientHello) { layoutSchemes(c, &m.SignatureCert) }},
	{iana.ExtKeyShare, func(c *wire.Codec, m *ClientHello) {
		wire.List16(c, "client_shares", &m.KeyShares, 0, 1<<16-1, layoutKeyShare)
	}},
	{iana.ExtRenegotiationInfo, func(c *wire.Codec, m *ClientHello) {
		wire.Vec8(c, "renegotiated_connection", &m.RenegotiatedConnInfo, 0, 255)
	}},
}

var serverHelloExtensions = registry[ServerHello]{
	{iana.ExtServerName, func(*wire.Codec, *ServerHello) {}},
	{iana.ExtMaxFragmentLength, func(c *wire.Codec, m *ServerHello) { wire.Uint8(c, "", &m.MaxFragmentLength) }},
	{iana.ExtStatusRequest, func(*wire.Codec, *ServerHello) {}},
	{iana.ExtECPointFormats, func(c *wire.Codec, m *ServerHello) { layoutPointFormats(c, &m.PointFormats) }},
	{iana.ExtApplicationLayerProtocolNegotiation, func(c *wire.Codec, m *ServerHello) { layoutALPN(c, &m.ALPN) }},
	{iana.ExtSignedCertificateTimestamp, func(c *wire.Codec, m *ServerHello) { layoutSCTs(c, &m.SCTs) }},
	{iana.ExtClientCertificateType, func(c *wire.Codec, m *ServerHello) {
		wire.Uint8(c, "client_certificate_type", &m.ClientCertType)
	}},
	{iana.ExtServerCertificateType, func(c *wire.Codec, m *ServerHello) {
		wire.Uint8(c, "server_certificate_type", &m.ServerCertType)
	}},
	{iana.ExtEncryptThenMAC, func(*wire.Codec, *ServerHello) {}},
	{iana.ExtExtendedMainSecret, func(*wire.Codec, *ServerHello) {}},
	{iana.ExtRecordSizeLimit, func(c *wire.Codec, m *ServerHello) { wire.Uint16(c, "", &m.RecordSizeLimit) }},
	{iana.ExtSessionTicket, func(*wire.Codec, *ServerHello) {}},
	{iana.ExtPreSharedKey, func(c *wire.Codec, m *ServerHello) {
		wire.Uint16(c, "selected_identity", &m.SelectedIdentity)
	}},
	{iana.ExtSupportedVersions, func(c *wire.Codec, m *ServerHello) {
		wire.Uint16(c, "selected_version", &m.SelectedVersion)
	}},
	{iana.ExtKeyShare, func(c *wire.Codec, m *ServerHello) {
		wire.Group(c, "server_share", func(c *wire.Codec) { layoutKeyShare(c, &m.KeyShare) })
	}},
	{iana.ExtRenegotiationInfo, func(c *wire.Codec, m *ServerHello) {
		wire.Vec8(c, "renegotiated_connection", &m.RenegotiatedConnInfo, 0, 255)
	}},
}

var helloRetryExtensions = registry[HelloRetryRequest]{
	{iana.ExtSupportedVersions, func(c *wire.Codec, m *HelloRetryRequest) {
		wire.Uint16(c, "selected_version", &m.SelectedVersion)
	}},
	{iana.ExtCookie, func(c *wire.Codec, m *HelloRetryRequest) { wire.Vec16(c, "", &m.Cookie, 1, 1<<16-1) }},
	{iana.ExtKeyShare, func(c *wire.Codec, m *HelloRetryRequest) { wire.Uint16(c, "selected_group", &m.SelectedGroup) }},
}

var encryptedExtensions = registry[EncryptedExtensions]{
	{iana.ExtServerName, func(*wire.Codec, *EncryptedExtensions) {}},
	{iana.ExtMaxFragmentLength, func(c *wire.Codec, m *EncryptedExtensions) { wire.Uint8(c, "", &m.MaxFragmentLength) }},
	{iana.ExtSupportedGroups, func(c *wire.Codec, m *EncryptedExtensions) { layoutGroups(c, &m.SupportedGroups) }},
	{iana.ExtApplicationLayerProtocolNegotiation, func(c *wire.Codec, m *EncryptedExtensions) { layoutALPN(c, &m.ALPN) }},
	{iana.ExtClientCertificateType, func(c *wire.Codec, m *EncryptedExtensions) {
		wire.Uint8(c, "client_certificate_type", &m.ClientCertType)
	}},
	{iana.ExtServerCertificateType, func(c *wire.Codec, m *EncryptedExtensions) {
		wire.Uint8(c, "server_certificate_type", &m.ServerCertType)
	}},
	{iana.ExtRecordSizeLimit, func(c *wire.Codec, m *EncryptedExtensions) { wire.Uint16(c, "", &m.RecordSizeLimit) }},
	{iana.ExtEarlyData, func(*wire.Codec, *EncryptedExtensions) {}},
}

var certificateRequestExtensions = registry[CertificateRequest]{
	{iana.ExtStatusRequest, func(c *wire.Codec, m *CertificateRequest) { wire.Rest(c, "", &m.StatusRequest) }},
	{iana.ExtSignatureAlgorithms, func(c *wire.Codec, m *CertificateRequest) { layoutSchemes(c, &m.SignatureAlgorithms) }},
	{iana.ExtSignatureAlgorithmsCert, func(c *wire.Codec, m *CertificateRequest) { layoutSchemes(c, &m.SignatureCert) }},
	{iana.ExtSignedCertificateTimestamp, func(*wire.Codec, *CertificateRequest) {}},
	{iana.ExtCompressCertificate, func(c *wire.Codec, m *CertificateRequest) { layoutCompression(c, &m.CompressCertificate) }},
	{iana.ExtDelegatedCredential, func(c *wire.Codec, m *CertificateRequest) { layoutSchemes(c, &m.DelegatedCredential) }},
	{iana.ExtCertificateAuthorities, func(c *wire.Codec, m *CertificateRequest) { layoutAuthorities(c, &m.Authorities) }},
	{iana.ExtOIDFilters, func(c *wire.Codec, m *CertificateRequest) {
		wire.List16(c, "filters", &m.OIDFilters, 0, 1<<16-1, layoutOIDFilter)
	}},
}

var certificateExtensions = registry[CertificateEntry]{
	{iana.ExtStatusRequest, func(c *wire.Codec, e *CertificateEntry) { e.Status.layout(c) }},
	{iana.ExtSignedCertificateTimestamp, func(c *wire.Codec, e *CertificateEntry) { layoutSCTs(c, &e.SCTs) }},
	{iana.ExtDelegatedCredential, func(c *wire.Codec, e *CertificateEntry) { wire.Rest(c, "", &e.Credential) }},
}

var newSessionTicketExtensions = registry[NewSessionTicket]{
	{iana.ExtEarlyData, func(c *wire.Codec, m *NewSessionTicket) {
		wire.Uint32(c, "max_early_data_size", &m.MaxEarlyData)
	}},
}

// The structures inside extensions.

// ServerName is a name that the client wants to reach (RFC 6066 §3).
type ServerName struct {
	NameType uint8 // 0 is host_name, the only one there is
	HostName []byte
}

func layoutServerName(c *wire.Codec, n *ServerName) {
	wire.Uint8(c, "name_type", &n.NameType)
	name := "host_name"
	if n.NameType != 0 {
		name = "name"
	}
	wire.Vec16(c, name, &n.HostName, 1, 1<<16-1)
}

// MaxFragmentLength is the code of RFC 6066 §4: 1 to 4 for 2^9 to 2^12 bytes.
type MaxFragmentLength uint8

// StatusRequest asks for an OCSP response (RFC 6066 §8).
type StatusRequest struct {
	StatusType iana.CertificateStatusType
	Responders []DistinguishedName // responder_id_list; the entries are ResponderIDs
	Extensions []byte              // request_extensions
	Other      []byte              // the request, where the type is not ocsp
}

func (s *StatusRequest) layout(c *wire.Codec) {
	wire.Uint8(c, "status_type", &s.StatusType)
	if s.StatusType != iana.CertStatusOCSP {
		wire.Rest(c, "request", &s.Other)
		return
	}
	wire.List16(c, "responder_id_list", &s.Responders, 0, 1<<16-1, layoutName)
	wire.Vec16(c, "request_extensions", &s.Extensions, 0, 1<<16-1)
}

// OCSPStatus is an OCSP response for a certificate (RFC 6066 §8).
type OCSPStatus struct {
	StatusType iana.CertificateStatusType
	Response   []byte
}

func (s *OCSPStatus) layout(c *wire.Codec) {
	wire.Uint8(c, "status_type", &s.StatusType)
	if s.StatusType != iana.CertStatusOCSP {
		c.Fail("status_type", alert.Malformed("", "RFC 6066 §8", "unknown status type %v", s.StatusType))
	}
	wire.Vec24(c, "ocsp_response", &s.Response, 1, MaxLength)
}

func layoutGroups(c *wire.Codec, v *[]iana.NamedGroup) {
	wire.Codes16(c, "named_group_list", "named_group", v, 2, 1<<16-1)
}

func layoutPointFormats(c *wire.Codec, v *[]byte) {
	wire.Vec8(c, "ec_point_format_list", v, 1, 255)
}

func layoutSchemes(c *wire.Codec, v *[]iana.SignatureScheme) {
	wire.Codes16(c, "supported_signature_algorithms", "algorithm", v, 2, 1<<16-2)
}

func layoutCompression(c *wire.Codec, v *[]iana.CertificateCompression) {
	wire.Codes8(c, "algorithms", "algorithm", v, 2, 254)
}

// ProtocolName is a protocol of ALPN (RFC 7301 §3.1), 1 to 255 bytes.
type ProtocolName []byte

func layoutALPN(c *wire.Codec, v *[]ProtocolName) {
	wire.List16(c, "protocol_name_list", v, 2, 1<<16-1, func(c *wire.Codec, n *ProtocolName) {
		wire.Vec8(c, "protocol_name", n, 1, 255)
	})
}

// SCT is a signed certificate timestamp (RFC 6962 §3.3), not taken apart.
type SCT []byte

func layoutSCTs(c *wire.Codec, v *[]SCT) {
	wire.List16(c, "sct_list", v, 1, 1<<16-1, func(c *wire.Codec, s *SCT) {
		wire.Vec16(c, "serialized_sct", s, 1, 1<<16-1)
	})
}

// DistinguishedName is the DER of an X.501 name.
type DistinguishedName []byte

func layoutName(c *wire.Codec, n *DistinguishedName) {
	wire.Vec16(c, "distinguished_name", n, 1, 1<<16-1)
}

func layoutAuthorities(c *wire.Codec, v *[]DistinguishedName) {
	wire.List16(c, "authorities", v, 3, 1<<16-1, layoutName)
}

// OIDFilter asks for a certificate with an extension (RFC 9846 §4.3.5).
type OIDFilter struct {
	OID    []byte // certificate_extension_oid in DER
	Values []byte // certificate_extension_values
}

func layoutOIDFilter(c *wire.Codec, f *OIDFilter) {
	wire.Vec8(c, "certificate_extension_oid", &f.OID, 1, 255)
	wire.Vec16(c, "certificate_extension_values", &f.Values, 0, 1<<16-1)
}

// KeyShareEntry is a public key for one group (RFC 9846 §4.3.8).
type KeyShareEntry struct {
	Group       iana.NamedGroup
	KeyExchange []byte
}

func layoutKeyShare(c *wire.Codec, s *KeyShareEntry) {
	wire.Uint16(c, "group", &s.Group)
	wire.Vec16(c, "key_exchange", &s.KeyExchange, 1, 1<<16-1)
}

// OfferedPSKs is what a client offers to resume from (RFC 9846 §4.3.11).
type OfferedPSKs struct {
	Identities []PSKIdentity
	Binders    [][]byte
	BindersAt  int // offset in the message, header included, at which the binders begin
}

// PSKIdentity names a PSK (RFC 9846 §4.3.11).
type PSKIdentity struct {
	Identity            []byte
	ObfuscatedTicketAge uint32 // in milliseconds, plus ticket_age_add, modulo 2^32
}

func (p *OfferedPSKs) layout(c *wire.Codec) {
	wire.List16(c, "identities", &p.Identities, 7, 1<<16-1, layoutIdentity)
	wire.Mark(c, &p.BindersAt)
	wire.List16(c, "binders", &p.Binders, 33, 1<<16-1, layoutBinder)
}

func layoutIdentity(c *wire.Codec, p *PSKIdentity) {
	wire.Vec16(c, "identity", &p.Identity, 1, 1<<16-1)
	wire.Uint32(c, "obfuscated_ticket_age", &p.ObfuscatedTicketAge)
}

func layoutBinder(c *wire.Codec, b *[]byte) { wire.Vec8(c, "binder", b, 32, 255) }
