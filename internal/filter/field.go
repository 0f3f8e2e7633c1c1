package filter

import (
	"math"
	"slices"
	"strings"

	"github.com/akushu/akushu/internal/iana"
)

// Field is a field of packets, by what Wireshark calls it.
type Field uint8

// The fields.
const (
	// The packet itself.
	Frame Field = iota
	FrameNumber
	FrameLen
	FrameCapLen
	FrameTime
	FrameTimeEpoch
	FrameTimeRelative
	FrameTimeDelta
	FrameInterfaceID
	FrameComment

	// IP (the innermost).
	IP
	IPVersion
	IPSrc
	IPDst
	IPAddr
	IPTTL
	IPLen
	IPID
	IPProto
	IPv6
	IPv6Version
	IPv6Src
	IPv6Dst
	IPv6Addr
	IPv6HopLimit
	IPv6PayloadLen

	// TCP.
	TCP
	TCPSrcPort
	TCPDstPort
	TCPPort
	TCPStream
	TCPLen
	TCPSeq
	TCPSeqRaw
	TCPNextSeq
	TCPAck
	TCPAckRaw
	TCPHdrLen
	TCPFlags
	TCPFlagsFIN
	TCPFlagsSYN
	TCPFlagsRST
	TCPFlagsPSH
	TCPFlagsACK
	TCPFlagsURG
	TCPFlagsECE
	TCPFlagsCWR
	TCPWindow
	TCPPayload
	TCPTimeRelative
	TCPAnalysisFlags
	TCPRetransmission
	TCPOutOfOrder
	TCPLostSegment
	TCPKeepAlive
	TCPKeepAliveACK
	TCPAckedLost
	TCPZeroWindow
	TCPReusedPorts

	// TLS: records.
	TLS
	TLSRecord
	TLSRecordContentType
	TLSRecordOpaqueType
	TLSRecordVersion
	TLSRecordLength
	TLSChangeCipherSpec
	TLSAlert
	TLSAlertLevel
	TLSAlertDescription
	TLSAppData

	// TLS: handshake messages.
	TLSHandshake
	TLSHandshakeType
	TLSHandshakeLength
	TLSHandshakeVersion
	TLSRandom
	TLSSessionIDLength
	TLSSessionID
	TLSCipherSuitesLength
	TLSCipherSuites
	TLSCipherSuite
	TLSCompressionMethod
	TLSCertificates
	TLSCertificatesLength
	TLSCertificateLength
	TLSCertificate
	TLSCertificateType
	TLSServerCurveType
	TLSServerNamedCurve
	TLSServerPoint
	TLSClientPoint
	TLSSignature
	TLSVerifyData
	TLSTicketLifetime
	TLSTicketLength
	TLSTicket
	TLSKeyUpdate
	TLSEncryptedPremaster

	// TLS: extensions.
	TLSExtensionsLength
	TLSExtensionType
	TLSExtensionLen
	TLSServerName
	TLSServerNameLen
	TLSALPN
	TLSSupportedGroup
	TLSPointFormat
	TLSSignatureAlgorithm
	TLSSupportedVersion
	TLSKeyShareGroup
	TLSKeyShareSelected
	TLSKeyExchange
	TLSKeyExchangeLength
	TLSPSKIdentity
	TLSPSKSelected
	TLSCookie
	TLSPSKMode
	TLSRenegotiationInfo
	TLSStatusRequestType
	TLSRecordSizeLimit
	TLSMaxEarlyData
	TLSCompressCertificate

	// Fingerprints.
	TLSJA3
	TLSJA3S

	// HTTP.
	HTTP
	HTTPRequest
	HTTPRequestMethod
	HTTPRequestURI
	HTTPRequestVersion
	HTTPResponse
	HTTPResponseCode
	HTTPResponseVersion
	HTTPHost
	HTTPUserAgent
	HTTPContentType
	HTTPServer
	HTTPLocation
	HTTPCookie
	HTTPSetCookie
	HTTPContentLength
	HTTP2
	HTTP2StreamID
	HTTP2Method
	HTTP2Path
	HTTP2Authority
	HTTP2Scheme
	HTTP2Status
	HTTP2HeaderName
	HTTP2HeaderValue

	fieldCount
)

// kind is the type of a field's values.
type kind uint8

const (
	kindNone     kind = iota // it is there, or it is not
	kindProtocol             // the same, and it has bytes
	kindNumber               // without a sign
	kindBool                 //
	kindIPv4
	kindIPv6
	kindText
	kindBytes
	kindDuration // in nanoseconds
	kindTime     // in nanoseconds since 1970
)

// row is what is known of a field.
type row struct {
	name  string
	kind  kind
	names namer // of its numbers; nil where they have none
}

var table = [fieldCount]row{
	Frame:                  {"frame", kindProtocol, nil},
	FrameNumber:            {"frame.number", kindNumber, nil},
	FrameLen:               {"frame.len", kindNumber, nil},
	FrameCapLen:            {"frame.cap_len", kindNumber, nil},
	FrameTime:              {"frame.time", kindTime, nil},
	FrameTimeEpoch:         {"frame.time_epoch", kindTime, nil},
	FrameTimeRelative:      {"frame.time_relative", kindDuration, nil},
	FrameTimeDelta:         {"frame.time_delta", kindDuration, nil},
	FrameInterfaceID:       {"frame.interface_id", kindNumber, nil},
	FrameComment:           {"frame.comment", kindText, nil},
	IP:                     {"ip", kindNone, nil},
	IPVersion:              {"ip.version", kindNumber, nil},
	IPSrc:                  {"ip.src", kindIPv4, nil},
	IPDst:                  {"ip.dst", kindIPv4, nil},
	IPAddr:                 {"ip.addr", kindIPv4, nil},
	IPTTL:                  {"ip.ttl", kindNumber, nil},
	IPLen:                  {"ip.len", kindNumber, nil},
	IPID:                   {"ip.id", kindNumber, nil},
	IPProto:                {"ip.proto", kindNumber, nil},
	IPv6:                   {"ipv6", kindNone, nil},
	IPv6Version:            {"ipv6.version", kindNumber, nil},
	IPv6Src:                {"ipv6.src", kindIPv6, nil},
	IPv6Dst:                {"ipv6.dst", kindIPv6, nil},
	IPv6Addr:               {"ipv6.addr", kindIPv6, nil},
	IPv6HopLimit:           {"ipv6.hlim", kindNumber, nil},
	IPv6PayloadLen:         {"ipv6.plen", kindNumber, nil},
	TCP:                    {"tcp", kindProtocol, nil},
	TCPSrcPort:             {"tcp.srcport", kindNumber, nil},
	TCPDstPort:             {"tcp.dstport", kindNumber, nil},
	TCPPort:                {"tcp.port", kindNumber, nil},
	TCPStream:              {"tcp.stream", kindNumber, nil},
	TCPLen:                 {"tcp.len", kindNumber, nil},
	TCPSeq:                 {"tcp.seq", kindNumber, nil},
	TCPSeqRaw:              {"tcp.seq_raw", kindNumber, nil},
	TCPNextSeq:             {"tcp.nxtseq", kindNumber, nil},
	TCPAck:                 {"tcp.ack", kindNumber, nil},
	TCPAckRaw:              {"tcp.ack_raw", kindNumber, nil},
	TCPHdrLen:              {"tcp.hdr_len", kindNumber, nil},
	TCPFlags:               {"tcp.flags", kindNumber, nil},
	TCPFlagsFIN:            {"tcp.flags.fin", kindBool, nil},
	TCPFlagsSYN:            {"tcp.flags.syn", kindBool, nil},
	TCPFlagsRST:            {"tcp.flags.reset", kindBool, nil},
	TCPFlagsPSH:            {"tcp.flags.push", kindBool, nil},
	TCPFlagsACK:            {"tcp.flags.ack", kindBool, nil},
	TCPFlagsURG:            {"tcp.flags.urg", kindBool, nil},
	TCPFlagsECE:            {"tcp.flags.ece", kindBool, nil},
	TCPFlagsCWR:            {"tcp.flags.cwr", kindBool, nil},
	TCPWindow:              {"tcp.window_size_value", kindNumber, nil},
	TCPPayload:             {"tcp.payload", kindBytes, nil},
	TCPTimeRelative:        {"tcp.time_relative", kindDuration, nil},
	TCPAnalysisFlags:       {"tcp.analysis.flags", kindNone, nil},
	TCPRetransmission:      {"tcp.analysis.retransmission", kindNone, nil},
	TCPOutOfOrder:          {"tcp.analysis.out_of_order", kindNone, nil},
	TCPLostSegment:         {"tcp.analysis.lost_segment", kindNone, nil},
	TCPKeepAlive:           {"tcp.analysis.keep_alive", kindNone, nil},
	TCPKeepAliveACK:        {"tcp.analysis.keep_alive_ack", kindNone, nil},
	TCPAckedLost:           {"tcp.analysis.ack_lost_segment", kindNone, nil},
	TCPZeroWindow:          {"tcp.analysis.zero_window", kindNone, nil},
	TCPReusedPorts:         {"tcp.analysis.reused_ports", kindNone, nil},
	TLS:                    {"tls", kindProtocol, nil},
	TLSRecord:              {"tls.record", kindNone, nil},
	TLSRecordContentType:   {"tls.record.content_type", kindNumber, codes[iana.ContentType]},
	TLSRecordOpaqueType:    {"tls.record.opaque_type", kindNumber, codes[iana.ContentType]},
	TLSRecordVersion:       {"tls.record.version", kindNumber, codes[iana.Version]},
	TLSRecordLength:        {"tls.record.length", kindNumber, nil},
	TLSChangeCipherSpec:    {"tls.change_cipher_spec", kindNone, nil},
	TLSAlert:               {"tls.alert_message", kindNone, nil},
	TLSAlertLevel:          {"tls.alert_message.level", kindNumber, codes[iana.AlertLevel]},
	TLSAlertDescription:    {"tls.alert_message.desc", kindNumber, codes[iana.Alert]},
	TLSAppData:             {"tls.app_data", kindNone, nil},
	TLSHandshake:           {"tls.handshake", kindNone, nil},
	TLSHandshakeType:       {"tls.handshake.type", kindNumber, codes[iana.HandshakeType]},
	TLSHandshakeLength:     {"tls.handshake.length", kindNumber, nil},
	TLSHandshakeVersion:    {"tls.handshake.version", kindNumber, codes[iana.Version]},
	TLSRandom:              {"tls.handshake.random", kindBytes, nil},
	TLSSessionIDLength:     {"tls.handshake.session_id_length", kindNumber, nil},
	TLSSessionID:           {"tls.handshake.session_id", kindBytes, nil},
	TLSCipherSuitesLength:  {"tls.handshake.cipher_suites_length", kindNumber, nil},
	TLSCipherSuites:        {"tls.handshake.ciphersuites", kindNone, nil},
	TLSCipherSuite:         {"tls.handshake.ciphersuite", kindNumber, codes[iana.CipherSuite]},
	TLSCompressionMethod:   {"tls.handshake.comp_method", kindNumber, codes[iana.CompressionMethod]},
	TLSCertificates:        {"tls.handshake.certificates", kindNone, nil},
	TLSCertificatesLength:  {"tls.handshake.certificates_length", kindNumber, nil},
	TLSCertificateLength:   {"tls.handshake.certificate_length", kindNumber, nil},
	TLSCertificate:         {"tls.handshake.certificate", kindBytes, nil},
	TLSCertificateType:     {"tls.handshake.cert_type", kindNumber, codes[iana.ClientCertificateType]},
	TLSServerCurveType:     {"tls.handshake.server_curve_type", kindNumber, nil},
	TLSServerNamedCurve:    {"tls.handshake.server_named_curve", kindNumber, codes[iana.NamedGroup]},
	TLSServerPoint:         {"tls.handshake.server_point", kindBytes, nil},
	TLSClientPoint:         {"tls.handshake.client_point", kindBytes, nil},
	TLSSignature:           {"tls.handshake.sig", kindBytes, nil},
	TLSVerifyData:          {"tls.handshake.verify_data", kindNone, nil},
	TLSTicketLifetime:      {"tls.handshake.session_ticket_lifetime_hint", kindNumber, nil},
	TLSTicketLength:        {"tls.handshake.session_ticket_length", kindNumber, nil},
	TLSTicket:              {"tls.handshake.session_ticket", kindBytes, nil},
	TLSKeyUpdate:           {"tls.handshake.key_update.request_update", kindNumber, nil},
	TLSEncryptedPremaster:  {"tls.handshake.epms", kindBytes, nil},
	TLSExtensionsLength:    {"tls.handshake.extensions_length", kindNumber, nil},
	TLSExtensionType:       {"tls.handshake.extension.type", kindNumber, codes[iana.ExtensionType]},
	TLSExtensionLen:        {"tls.handshake.extension.len", kindNumber, nil},
	TLSServerName:          {"tls.handshake.extensions_server_name", kindText, nil},
	TLSServerNameLen:       {"tls.handshake.extensions_server_name_len", kindNumber, nil},
	TLSALPN:                {"tls.handshake.extensions_alpn_str", kindText, nil},
	TLSSupportedGroup:      {"tls.handshake.extensions_supported_group", kindNumber, codes[iana.NamedGroup]},
	TLSPointFormat:         {"tls.handshake.extensions_ec_point_format", kindNumber, nil},
	TLSSignatureAlgorithm:  {"tls.handshake.sig_hash_alg", kindNumber, codes[iana.SignatureScheme]},
	TLSSupportedVersion:    {"tls.handshake.extensions.supported_version", kindNumber, codes[iana.Version]},
	TLSKeyShareGroup:       {"tls.handshake.extensions_key_share_group", kindNumber, codes[iana.NamedGroup]},
	TLSKeyShareSelected:    {"tls.handshake.extensions_key_share_selected_group", kindNumber, codes[iana.NamedGroup]},
	TLSKeyExchange:         {"tls.handshake.extensions_key_share_key_exchange", kindBytes, nil},
	TLSKeyExchangeLength:   {"tls.handshake.extensions_key_share_key_exchange_length", kindNumber, nil},
	TLSPSKIdentity:         {"tls.handshake.extensions.psk.identity.identity", kindBytes, nil},
	TLSPSKSelected:         {"tls.handshake.extensions.psk.identity.selected", kindNumber, nil},
	TLSCookie:              {"tls.handshake.extensions.cookie", kindBytes, nil},
	TLSPSKMode:             {"tls.extension.psk_ke_mode", kindNumber, nil},
	TLSRenegotiationInfo:   {"tls.handshake.extensions_reneg_info", kindBytes, nil},
	TLSStatusRequestType:   {"tls.handshake.extensions_status_request_type", kindNumber, nil},
	TLSRecordSizeLimit:     {"tls.record_size_limit", kindNumber, nil},
	TLSMaxEarlyData:        {"tls.early_data.max_early_data_size", kindNumber, nil},
	TLSCompressCertificate: {"tls.compress_certificate.algorithm", kindNumber, nil},
	TLSJA3:                 {"tls.handshake.ja3", kindText, nil},
	TLSJA3S:                {"tls.handshake.ja3s", kindText, nil},
	HTTP:                   {"http", kindNone, nil},
	HTTPRequest:            {"http.request", kindBool, nil},
	HTTPRequestMethod:      {"http.request.method", kindText, nil},
	HTTPRequestURI:         {"http.request.uri", kindText, nil},
	HTTPRequestVersion:     {"http.request.version", kindText, nil},
	HTTPResponse:           {"http.response", kindBool, nil},
	HTTPResponseCode:       {"http.response.code", kindNumber, nil},
	HTTPResponseVersion:    {"http.response.version", kindText, nil},
	HTTPHost:               {"http.host", kindText, nil},
	HTTPUserAgent:          {"http.user_agent", kindText, nil},
	HTTPContentType:        {"http.content_type", kindText, nil},
	HTTPServer:             {"http.server", kindText, nil},
	HTTPLocation:           {"http.location", kindText, nil},
	HTTPCookie:             {"http.cookie", kindText, nil},
	HTTPSetCookie:          {"http.set_cookie", kindText, nil},
	HTTPContentLength:      {"http.content_length", kindNumber, nil},
	HTTP2:                  {"http2", kindNone, nil},
	HTTP2StreamID:          {"http2.streamid", kindNumber, nil},
	HTTP2Method:            {"http2.headers.method", kindText, nil},
	HTTP2Path:              {"http2.headers.path", kindText, nil},
	HTTP2Authority:         {"http2.headers.authority", kindText, nil},
	HTTP2Scheme:            {"http2.headers.scheme", kindText, nil},
	HTTP2Status:            {"http2.headers.status", kindNumber, nil},
	HTTP2HeaderName:        {"http2.header.name", kindText, nil},
	HTTP2HeaderValue:       {"http2.header.value", kindText, nil},
}

// octets is how long numbers are in the packet, of those fields that have less than four octets, or more.
var octets = map[Field]int{
	IPVersion: 1, IPTTL: 1, IPLen: 2, IPID: 2, IPProto: 1, IPv6Version: 1, IPv6HopLimit: 1, IPv6PayloadLen: 2,
	TCPSrcPort: 2, TCPDstPort: 2, TCPPort: 2, TCPHdrLen: 1, TCPFlags: 2, TCPWindow: 2,
	TLSRecordContentType: 1, TLSRecordOpaqueType: 1, TLSRecordVersion: 2, TLSRecordLength: 2, TLSAlertLevel: 1, TLSAlertDescription: 1,
	TLSHandshakeType: 1, TLSHandshakeVersion: 2, TLSSessionIDLength: 1, TLSCipherSuitesLength: 2, TLSCipherSuite: 2, TLSCompressionMethod: 1,
	TLSExtensionsLength: 2, TLSExtensionType: 2, TLSExtensionLen: 2, TLSSupportedGroup: 2, TLSSupportedVersion: 2, TLSSignatureAlgorithm: 2,
	TLSKeyShareGroup: 2, TLSKeyShareSelected: 2, TLSServerCurveType: 1, TLSServerNamedCurve: 2, TLSTicketLength: 2, TLSPSKMode: 1,
	HTTPContentLength: 8,
}

// most is the highest number that the field can have.
func (f Field) most() uint64 {
	n, ok := octets[f]
	if !ok {
		n = 4
	}
	return math.MaxUint64 >> (64 - 8*n)
}

// Valued reports whether the field has values, and is not just there.
func (f Field) Valued() bool { return table[f].kind != kindNone && table[f].kind != kindProtocol }

// Name is what the field is called in an expression.
func (f Field) Name() string { return table[f].name }

// Names lists the names of all fields.
func Names() []string {
	names := make([]string, fieldCount)
	for f := range table {
		names[f] = table[f].name
	}
	return names
}

// lookup finds a field by its name. What is Wireshark's older name for TLS counts too.
func lookup(name string) (Field, bool) {
	if rest, old := strings.CutPrefix(name, "ssl"); old && (rest == "" || rest[0] == '.') {
		name = "tls" + rest
	}
	i := slices.IndexFunc(table[:], func(r row) bool { return r.name == name })
	return Field(max(i, 0)), i >= 0
}
