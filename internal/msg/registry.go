package msg

import (
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/wire"
)

// The registries: which extension has which layout in which message. Extensions that
// are registered but not listed stay raw.

var clientHelloExtensions = register([]row[ClientHello]{
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
		wire.Octets8[iana.CertificateType](c, "client_certificate_types", "client_certificate_type", &m.ClientCertTypes, 1, 255)
	}},
	{iana.ExtServerCertificateType, func(c *wire.Codec, m *ClientHello) {
		wire.Octets8[iana.CertificateType](c, "server_certificate_types", "server_certificate_type", &m.ServerCertTypes, 1, 255)
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
	{iana.ExtCookie, func(c *wire.Codec, m *ClientHello) { wire.Vec16(c, "cookie", &m.HRRCookie, 1, 1<<16-1) }},
	{iana.ExtPSKKeyExchangeModes, func(c *wire.Codec, m *ClientHello) {
		wire.Octets8[iana.PSKKeyExchangeMode](c, "ke_modes", "ke_mode", &m.PSKModes, 1, 255)
	}},
	{iana.ExtCertificateAuthorities, func(c *wire.Codec, m *ClientHello) { layoutAuthorities(c, &m.Authorities) }},
	{iana.ExtPostHandshakeAuth, func(*wire.Codec, *ClientHello) {}},
	{iana.ExtSignatureAlgorithmsCert, func(c *wire.Codec, m *ClientHello) { layoutSchemes(c, &m.SignatureCert) }},
	{iana.ExtKeyShare, func(c *wire.Codec, m *ClientHello) {
		wire.List16(c, "client_shares", &m.KeyShares, 0, 1<<16-1, layoutKeyShare)
	}},
	{iana.ExtClientCertificateURL, func(*wire.Codec, *ClientHello) {}},
	{iana.ExtTruncatedHMAC, func(*wire.Codec, *ClientHello) {}},
	{iana.ExtUseSRTP, func(c *wire.Codec, m *ClientHello) { m.UseSRTP.layout(c) }},
	{iana.ExtHeartbeat, func(c *wire.Codec, m *ClientHello) { wire.Uint8(c, "mode", &m.Heartbeat) }},
	{iana.ExtTicketRequest, func(c *wire.Codec, m *ClientHello) { m.TicketRequest.layout(c) }},
	{iana.ExtNextProtocolNegotiation, func(*wire.Codec, *ClientHello) {}},
	{iana.ExtApplicationSettings, func(c *wire.Codec, m *ClientHello) { layoutSupported(c, &m.ApplicationSettings) }},
	{iana.ExtApplicationSettingsNew, func(c *wire.Codec, m *ClientHello) { layoutSupported(c, &m.ApplicationSettingsNew) }},
	{iana.ExtECHOuterExtensions, func(c *wire.Codec, m *ClientHello) {
		wire.Codes8(c, "outer_extensions", "outer_extension", &m.ECHOuterExtensions, 2, 254)
	}},
	{iana.ExtEncryptedClientHello, func(c *wire.Codec, m *ClientHello) { m.ECH.layout(c) }},
	{iana.ExtRenegotiationInfo, func(c *wire.Codec, m *ClientHello) {
		wire.Vec8(c, "renegotiated_connection", &m.RenegotiatedConnInfo, 0, 255)
	}},
})

var serverHelloExtensions = register([]row[ServerHello]{
	{iana.ExtServerName, func(*wire.Codec, *ServerHello) {}},
	{iana.ExtMaxFragmentLength, func(c *wire.Codec, m *ServerHello) { wire.Uint8(c, "", &m.MaxFragmentLength) }},
	{iana.ExtStatusRequest, func(*wire.Codec, *ServerHello) {}},
	{iana.ExtECPointFormats, func(c *wire.Codec, m *ServerHello) { layoutPointFormats(c, &m.PointFormats) }},
	{iana.ExtApplicationLayerProtocolNegotiation, func(c *wire.Codec, m *ServerHello) { layoutALPN(c, &m.ALPN) }},
	{iana.ExtSignedCertificateTimestamp, func(c *wire.Codec, m *ServerHello) { layoutSCTs(c, &m.SCTs) }},
	{iana.ExtClientCertificateType, func(c *wire.Codec, m *ServerHello) {
		wire.Uint8(c, "client_certificate_type", (*iana.CertificateType)(&m.ClientCertType))
	}},
	{iana.ExtServerCertificateType, func(c *wire.Codec, m *ServerHello) {
		wire.Uint8(c, "server_certificate_type", (*iana.CertificateType)(&m.ServerCertType))
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
	{iana.ExtClientCertificateURL, func(*wire.Codec, *ServerHello) {}},
	{iana.ExtTruncatedHMAC, func(*wire.Codec, *ServerHello) {}},
	{iana.ExtUseSRTP, func(c *wire.Codec, m *ServerHello) { m.UseSRTP.layout(c) }},
	{iana.ExtHeartbeat, func(c *wire.Codec, m *ServerHello) { wire.Uint8(c, "mode", &m.Heartbeat) }},
	{iana.ExtNextProtocolNegotiation, func(c *wire.Codec, m *ServerHello) {
		wire.ListRest(c, "protocols", &m.NextProtocols, layoutProtocol)
	}},
	{iana.ExtRenegotiationInfo, func(c *wire.Codec, m *ServerHello) {
		wire.Vec8(c, "renegotiated_connection", &m.RenegotiatedConnInfo, 0, 255)
	}},
})

var helloRetryExtensions = register([]row[HelloRetryRequest]{
	{iana.ExtSupportedVersions, func(c *wire.Codec, m *HelloRetryRequest) {
		wire.Uint16(c, "selected_version", &m.SelectedVersion)
	}},
	{iana.ExtCookie, func(c *wire.Codec, m *HelloRetryRequest) { wire.Vec16(c, "cookie", &m.Cookie, 1, 1<<16-1) }},
	{iana.ExtKeyShare, func(c *wire.Codec, m *HelloRetryRequest) { wire.Uint16(c, "selected_group", &m.SelectedGroup) }},
	{iana.ExtEncryptedClientHello, func(c *wire.Codec, m *HelloRetryRequest) { wire.Fixed(c, "confirmation", m.ECHConfirmation[:]) }},
})

var draftRetryExtensions = register([]row[HelloRetryRequestDraft]{
	{iana.ExtKeyShare, func(c *wire.Codec, m *HelloRetryRequestDraft) { wire.Uint16(c, "selected_group", &m.SelectedGroup) }},
})

var encryptedExtensions = register([]row[EncryptedExtensions]{
	{iana.ExtServerName, func(*wire.Codec, *EncryptedExtensions) {}},
	{iana.ExtMaxFragmentLength, func(c *wire.Codec, m *EncryptedExtensions) { wire.Uint8(c, "", &m.MaxFragmentLength) }},
	{iana.ExtSupportedGroups, func(c *wire.Codec, m *EncryptedExtensions) { layoutGroups(c, &m.SupportedGroups) }},
	{iana.ExtApplicationLayerProtocolNegotiation, func(c *wire.Codec, m *EncryptedExtensions) { layoutALPN(c, &m.ALPN) }},
	{iana.ExtClientCertificateType, func(c *wire.Codec, m *EncryptedExtensions) {
		wire.Uint8(c, "client_certificate_type", (*iana.CertificateType)(&m.ClientCertType))
	}},
	{iana.ExtServerCertificateType, func(c *wire.Codec, m *EncryptedExtensions) {
		wire.Uint8(c, "server_certificate_type", (*iana.CertificateType)(&m.ServerCertType))
	}},
	{iana.ExtRecordSizeLimit, func(c *wire.Codec, m *EncryptedExtensions) { wire.Uint16(c, "", &m.RecordSizeLimit) }},
	{iana.ExtEarlyData, func(*wire.Codec, *EncryptedExtensions) {}},
	{iana.ExtUseSRTP, func(c *wire.Codec, m *EncryptedExtensions) { m.UseSRTP.layout(c) }},
	{iana.ExtHeartbeat, func(c *wire.Codec, m *EncryptedExtensions) { wire.Uint8(c, "mode", &m.Heartbeat) }},
	{iana.ExtTicketRequest, func(c *wire.Codec, m *EncryptedExtensions) { wire.Uint8(c, "expected_count", &m.ExpectedTickets) }},
	{iana.ExtApplicationSettings, func(c *wire.Codec, m *EncryptedExtensions) { wire.Rest(c, "", &m.ApplicationSettings) }},
	{iana.ExtApplicationSettingsNew, func(c *wire.Codec, m *EncryptedExtensions) { wire.Rest(c, "", &m.ApplicationSettingsNew) }},
	{iana.ExtEncryptedClientHello, func(c *wire.Codec, m *EncryptedExtensions) {
		wire.List16(c, "retry_configs", &m.RetryConfigs, 4, 1<<16-1, layoutECHConfig)
	}},
})

var certificateRequestExtensions = register([]row[CertificateRequest]{
	{iana.ExtStatusRequest, func(*wire.Codec, *CertificateRequest) {}},
	{iana.ExtSignatureAlgorithms, func(c *wire.Codec, m *CertificateRequest) { layoutSchemes(c, &m.SignatureAlgorithms) }},
	{iana.ExtSignatureAlgorithmsCert, func(c *wire.Codec, m *CertificateRequest) { layoutSchemes(c, &m.SignatureCert) }},
	{iana.ExtSignedCertificateTimestamp, func(*wire.Codec, *CertificateRequest) {}},
	{iana.ExtCompressCertificate, func(c *wire.Codec, m *CertificateRequest) { layoutCompression(c, &m.CompressCertificate) }},
	{iana.ExtDelegatedCredential, func(c *wire.Codec, m *CertificateRequest) { layoutSchemes(c, &m.DelegatedCredential) }},
	{iana.ExtCertificateAuthorities, func(c *wire.Codec, m *CertificateRequest) { layoutAuthorities(c, &m.Authorities) }},
	{iana.ExtOIDFilters, func(c *wire.Codec, m *CertificateRequest) {
		wire.List16(c, "filters", &m.OIDFilters, 0, 1<<16-1, layoutOIDFilter)
	}},
})

var certificateExtensions = register([]row[CertificateEntry]{
	{iana.ExtStatusRequest, func(c *wire.Codec, e *CertificateEntry) { e.Status.layout(c) }},
	{iana.ExtSignedCertificateTimestamp, func(c *wire.Codec, e *CertificateEntry) { layoutSCTs(c, &e.SCTs) }},
	{iana.ExtDelegatedCredential, func(c *wire.Codec, e *CertificateEntry) { e.Credential.layout(c) }},
})

var newSessionTicketExtensions = register([]row[NewSessionTicket]{
	{iana.ExtEarlyData, func(c *wire.Codec, m *NewSessionTicket) {
		wire.Uint32(c, "max_early_data_size", &m.MaxEarlyData)
	}},
})
