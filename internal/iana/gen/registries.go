package main

// registry is one registry of code points: its file, and the Go type that is made of it.
type registry struct {
	file   string // below registry/, without .csv
	typ    string // the Go type
	bits   int    // 8 or 16: the width on the wire
	prefix string // what the names of its constants begin with
	doc    string // continues "<typ> is "
}

// registries lists the types of package iana in the order in which they are written.
var registries = []registry{
	{"cipher_suites", "CipherSuite", 16, "", "a code point of the TLS Cipher Suites registry (RFC 9846 §11)"},
	{"versions", "Version", 16, "Version", "a ProtocolVersion as it stands on the wire (RFC 9846 §4.3.1), of SSL, TLS and DTLS, and of the drafts of TLS 1.3 that were deployed"},
	{"named_groups", "NamedGroup", 16, "Group", "a code point of the TLS Supported Groups registry (RFC 9846 §4.3.7)"},
	{"signature_schemes", "SignatureScheme", 16, "Scheme", "a code point of the TLS SignatureScheme registry (RFC 9846 §4.3.3)"},
	{"extension_types", "ExtensionType", 16, "Ext", "a code point of the TLS ExtensionType Values registry (RFC 9846 §4.3)"},
	{"content_types", "ContentType", 8, "Content", "the type of a record's content, from the TLS ContentType registry (RFC 9846 §5.1)"},
	{"handshake_types", "HandshakeType", 8, "Handshake", "the type of a handshake message, from the TLS HandshakeType registry (RFC 9846 §4)"},
	{"alerts", "Alert", 8, "Alert", "the description of an alert, from the TLS Alerts registry (RFC 9846 §6)"},
	{"alert_levels", "AlertLevel", 8, "AlertLevel", "the level of an alert (RFC 9846 §6)"},
	{"compression_methods", "CompressionMethod", 8, "Compression", "a code point of the TLS Compression Method Identifiers registry (RFC 3749 §2)"},
	{"psk_key_exchange_modes", "PSKKeyExchangeMode", 8, "Mode", "a code point of the TLS PskKeyExchangeMode registry (RFC 9846 §4.3.9)"},
	{"key_update_requests", "KeyUpdateRequest", 8, "Key", "what a KeyUpdate message asks of its receiver (RFC 9846 §4.7.3)"},
	{"certificate_types", "CertificateType", 8, "CertType", "a code point of the TLS Certificate Types registry (RFC 9846 §4.5.1, RFC 7250 §3)"},
	{"certificate_status_types", "CertificateStatusType", 8, "CertStatus", "a code point of the TLS Certificate Status Types registry (RFC 6066 §8)"},
	{"certificate_compression", "CertificateCompression", 16, "CertCompression", "a code point of the TLS Certificate Compression Algorithm IDs registry (RFC 8879 §3)"},
	{"client_certificate_types", "ClientCertificateType", 8, "ClientCert", "a code point of the TLS ClientCertificateType Identifiers registry, used in the CertificateRequest of TLS 1.2 (RFC 5246 §7.4.4)"},
	{"hash_algorithms", "HashAlgorithm", 8, "Hash", "a code point of the TLS HashAlgorithm registry: the first byte of a TLS 1.2 SignatureAndHashAlgorithm (RFC 5246 §7.4.1.4.1)"},
	{"signature_algorithms", "SignatureAlgorithm", 8, "Signature", "a code point of the TLS SignatureAlgorithm registry: the second byte of a TLS 1.2 SignatureAndHashAlgorithm (RFC 5246 §7.4.1.4.1)"},
	{"ec_curve_types", "ECCurveType", 8, "CurveType", "a code point of the TLS EC Curve Types registry, used in the ServerKeyExchange of TLS 1.2 (RFC 8422 §5.4)"},
	{"ec_point_formats", "ECPointFormat", 8, "PointFormat", "a code point of the TLS EC Point Formats registry (RFC 8422 §5.1.2)"},
	{"name_types", "NameType", 8, "NameType", "the type of a name in the server_name extension (RFC 6066 §3)"},
	{"max_fragment_lengths", "MaxFragmentLength", 8, "MaxFragment", "a length of the max_fragment_length extension, in bytes as a power of two (RFC 6066 §4)"},
	{"heartbeat_message_types", "HeartbeatMessageType", 8, "HeartbeatMessage", "a code point of the Heartbeat Message Types registry (RFC 6520 §3)"},
	{"heartbeat_modes", "HeartbeatMode", 8, "HeartbeatMode", "a code point of the Heartbeat Modes registry (RFC 6520 §2)"},
	{"cached_information_types", "CachedInformationType", 8, "CachedInformation", "a code point of the TLS CachedInformationType Values registry (RFC 7924 §3)"},
	{"hpke_kems", "HPKEKEM", 16, "HPKE", "a code point of the HPKE KEM Identifiers registry, used by Encrypted Client Hello (RFC 9180 §7.1)"},
	{"hpke_kdfs", "HPKEKDF", 16, "HPKE", "a code point of the HPKE KDF Identifiers registry, used by Encrypted Client Hello (RFC 9180 §7.2)"},
	{"hpke_aeads", "HPKEAEAD", 16, "HPKE", "a code point of the HPKE AEAD Identifiers registry, used by Encrypted Client Hello (RFC 9180 §7.3)"},
}
