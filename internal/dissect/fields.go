package dissect

import (
	"strconv"
	"strings"

	"github.com/akushu/akushu/internal/filter"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/observe"
)

// fill adds what an event says to the fields of its packet.
func fill(k *filter.Packet, e *observe.Event, tls13 bool) {
	switch b := e.Body.(type) {
	case *observe.Record:
		fillRecord(k, b, tls13)
	case *observe.Message:
		fillMessage(k, b, tls13)
	case *observe.ChangeCipherSpec:
		k.Mark(filter.TLSChangeCipherSpec)
	case *observe.Alert:
		fillAlert(k, b)
	case *observe.HTTPHead:
		fillHTTP(k, b)
	case *observe.HTTPFrame:
		fillFrame(k, b)
	case *observe.Fingerprint:
		if field, ok := fingerprints[b.Name]; ok {
			k.Text(field, b.Value)
		}
	}
}

// fingerprints is those that Wireshark has fields for.
var fingerprints = map[observe.FingerprintName]filter.Field{
	observe.FingerprintJA3: filter.TLSJA3, observe.FingerprintJA3S: filter.TLSJA3S,
}

// fillRecord fills in a record's header. TLS 1.3 hides the type: the one in the header is then the opaque type, and
// the other is known only once the record was opened.
func fillRecord(k *filter.Packet, b *observe.Record, tls13 bool) {
	if len(b.Raw) > 0 {
		k.Bytes(filter.TLS, b.Raw)
	} else {
		k.Has(filter.TLS)
	}
	k.Mark(filter.TLSRecord)
	k.Number(filter.TLSRecordVersion, uint64(b.Version))
	k.Number(filter.TLSRecordLength, uint64(b.Length))
	inner := iana.ContentType(b.TypeCode)
	hides := tls13 && inner == iana.ContentApplicationData
	if b.Opened {
		inner = contentTypes[b.Inner]
	}
	if hides {
		k.Number(filter.TLSRecordOpaqueType, uint64(b.TypeCode))
	}
	if !hides || b.Opened {
		k.Number(filter.TLSRecordContentType, uint64(inner))
	}
	if inner == iana.ContentApplicationData {
		k.Mark(filter.TLSAppData)
	}
}

// contentTypes is the types of records by their names.
var contentTypes = byName[iana.ContentType]()

var alertLevels = byName[iana.AlertLevel]()

func byName[T iana.Code]() map[string]T {
	all := make(map[string]T)
	for _, code := range iana.All[T]() {
		all[code.String()] = code
	}
	return all
}

func fillAlert(k *filter.Packet, b *observe.Alert) {
	k.Mark(filter.TLSAlert)
	if b.Opened {
		k.Number(filter.TLSAlertLevel, uint64(alertLevels[b.Level]))
		k.Number(filter.TLSAlertDescription, uint64(b.Code))
	}
}

// messageFields is which field of a handshake message, by its stable id without the message's own, is which of
// Wireshark's.
var messageFields = map[string]filter.Field{
	"msg_type":                                      filter.TLSHandshakeType,
	"length":                                        filter.TLSHandshakeLength,
	"legacy_version":                                filter.TLSHandshakeVersion,
	"random":                                        filter.TLSRandom,
	"legacy_session_id.length":                      filter.TLSSessionIDLength,
	"legacy_session_id":                             filter.TLSSessionID,
	"legacy_session_id_echo.length":                 filter.TLSSessionIDLength,
	"legacy_session_id_echo":                        filter.TLSSessionID,
	"cipher_suites":                                 filter.TLSCipherSuites,
	"cipher_suites.length":                          filter.TLSCipherSuitesLength,
	"cipher_suites.cipher_suite":                    filter.TLSCipherSuite,
	"cipher_suite":                                  filter.TLSCipherSuite,
	"legacy_compression_method":                     filter.TLSCompressionMethod,
	"extensions.length":                             filter.TLSExtensionsLength,
	"extensions.extension_type":                     filter.TLSExtensionType,
	"certificate_list":                              filter.TLSCertificates,
	"certificate_list.length":                       filter.TLSCertificatesLength,
	"certificate_list.certificate":                  filter.TLSCertificate,
	"certificate_list.certificate.length":           filter.TLSCertificateLength,
	"certificate_list.cert_data":                    filter.TLSCertificate,
	"certificate_list.cert_data.length":             filter.TLSCertificateLength,
	"certificate_types.certificate_type":            filter.TLSCertificateType,
	"curve_type":                                    filter.TLSServerCurveType,
	"named_curve":                                   filter.TLSServerNamedCurve,
	"public":                                        filter.TLSServerPoint,
	"ecdh_Yc":                                       filter.TLSClientPoint,
	"encrypted_pre_master_secret":                   filter.TLSEncryptedPremaster,
	"algorithm":                                     filter.TLSSignatureAlgorithm,
	"signature":                                     filter.TLSSignature,
	"verify_data":                                   filter.TLSVerifyData,
	"ticket_lifetime":                               filter.TLSTicketLifetime,
	"ticket_lifetime_hint":                          filter.TLSTicketLifetime,
	"ticket.length":                                 filter.TLSTicketLength,
	"ticket":                                        filter.TLSTicket,
	"request_update":                                filter.TLSKeyUpdate,
	"early_data.max_early_data_size":                filter.TLSMaxEarlyData,
	"supported_versions.versions.version":           filter.TLSSupportedVersion,
	"supported_versions.selected_version":           filter.TLSSupportedVersion,
	"key_share.client_shares.group":                 filter.TLSKeyShareGroup,
	"key_share.client_shares.key_exchange":          filter.TLSKeyExchange,
	"key_share.client_shares.key_exchange.length":   filter.TLSKeyExchangeLength,
	"key_share.server_share.group":                  filter.TLSKeyShareGroup,
	"key_share.server_share.key_exchange":           filter.TLSKeyExchange,
	"key_share.server_share.key_exchange.length":    filter.TLSKeyExchangeLength,
	"key_share.selected_group":                      filter.TLSKeyShareSelected,
	"cookie.cookie":                                 filter.TLSCookie,
	"psk_key_exchange_modes.ke_modes.ke_mode":       filter.TLSPSKMode,
	"pre_shared_key.identities.identity":            filter.TLSPSKIdentity,
	"pre_shared_key.selected_identity":              filter.TLSPSKSelected,
	"renegotiation_info.renegotiated_connection":    filter.TLSRenegotiationInfo,
	"status_request.status_type":                    filter.TLSStatusRequestType,
	"record_size_limit":                             filter.TLSRecordSizeLimit,
	"compress_certificate.algorithms.algorithm":     filter.TLSCompressCertificate,
	"server_name.server_name_list.host_name":        filter.TLSServerName,
	"server_name.server_name_list.host_name.length": filter.TLSServerNameLen,
	"application_layer_protocol_negotiation.protocol_name_list.protocol_name": filter.TLSALPN,
	"supported_groups.named_group_list.named_group":                           filter.TLSSupportedGroup,
	"ec_point_formats.ec_point_format_list.ec_point_format":                   filter.TLSPointFormat,
	"signature_algorithms.supported_signature_algorithms.algorithm":           filter.TLSSignatureAlgorithm,
	"signature_algorithms_cert.supported_signature_algorithms.algorithm":      filter.TLSSignatureAlgorithm,
	"delegated_credential.supported_signature_algorithms.algorithm":           filter.TLSSignatureAlgorithm,
	"supported_signature_algorithms.algorithm":                                filter.TLSSignatureAlgorithm,
	"certificate_list.extensions.extension_type":                              filter.TLSExtensionType,
	"legacy_compression_methods.compression_method":                           filter.TLSCompressionMethod,
}

// fillMessage fills in a handshake message. That there is one in a record is not to be seen where TLS 1.3 hides the type.
func fillMessage(k *filter.Packet, b *observe.Message, tls13 bool) {
	if tls13 && !b.Opened() {
		return
	}
	k.Mark(filter.TLSHandshake)
	if !b.Opened() || !k.Wants(filter.TLSHandshakeType, filter.TLSCompressCertificate) {
		return
	}
	extension := false // the field before was the type of one
	fields := b.Fields()
	for i := range fields {
		f := &fields[i]
		name := strings.TrimPrefix(f.ID, b.ID+".")
		if extension && f.Leaf && strings.HasSuffix(name, ".length") {
			fillValue(k, filter.TLSExtensionLen, f.Value)
		}
		if f.Leaf {
			extension = strings.HasSuffix(name, "extensions.extension_type")
		}
		if field, ok := messageFields[name]; ok {
			fillValue(k, field, f.Value)
		}
	}
}

func fillValue(k *filter.Packet, f filter.Field, v any) {
	switch v := v.(type) {
	case uint64:
		k.Number(f, v)
	case []byte:
		if len(v) > 0 { // Wireshark leaves out what is empty
			k.Bytes(f, v)
		}
	case nil:
		if !f.Valued() {
			k.Has(f)
		}
	}
}

// headFields is which header field is which of Wireshark's.
var headFields = map[string]filter.Field{
	"host": filter.HTTPHost, "user-agent": filter.HTTPUserAgent, "content-type": filter.HTTPContentType, "server": filter.HTTPServer,
	"location": filter.HTTPLocation, "cookie": filter.HTTPCookie, "set-cookie": filter.HTTPSetCookie,
}

func fillHTTP(k *filter.Packet, b *observe.HTTPHead) {
	if b.Protocol == "HTTP/2" {
		fillHTTP2(k, b)
		return
	}
	k.Has(filter.HTTP)
	if b.Method != "" {
		k.Bool(filter.HTTPRequest, true)
		k.Text(filter.HTTPRequestMethod, b.Method)
		k.Text(filter.HTTPRequestURI, b.Path)
		k.Text(filter.HTTPRequestVersion, b.Protocol)
	} else {
		k.Bool(filter.HTTPResponse, true)
		k.Number(filter.HTTPResponseCode, uint64(b.Status))
		k.Text(filter.HTTPResponseVersion, b.Protocol)
	}
	for i := range b.Fields {
		name := strings.ToLower(b.Fields[i].Name)
		if field, ok := headFields[name]; ok {
			k.Text(field, b.Fields[i].Value)
		}
		if n, err := strconv.ParseUint(b.Fields[i].Value, 10, 64); err == nil && name == "content-length" {
			k.Number(filter.HTTPContentLength, n)
		}
	}
}

// fillFrame fills in a frame of HTTP/2. The preface is shown as one without a stream.
func fillFrame(k *filter.Packet, b *observe.HTTPFrame) {
	k.Has(filter.HTTP2)
	if !b.Preface {
		k.Number(filter.HTTP2StreamID, uint64(b.HTTP2))
	}
}

func fillHTTP2(k *filter.Packet, b *observe.HTTPHead) {
	k.Has(filter.HTTP2)
	if b.Method != "" {
		k.Text(filter.HTTP2Method, b.Method)
		k.Text(filter.HTTP2Path, b.Path)
		k.Text(filter.HTTP2Authority, b.Host)
	} else {
		k.Number(filter.HTTP2Status, uint64(b.Status))
	}
	for i := range b.Fields {
		k.Text(filter.HTTP2HeaderName, b.Fields[i].Name)
		k.Text(filter.HTTP2HeaderValue, b.Fields[i].Value)
	}
}
