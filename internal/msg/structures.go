package msg

import (
	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/wire"
)

// ServerName is a name that the client wants to reach (RFC 6066 §3).
type ServerName struct {
	NameType uint8 // 0 is host_name, the only one there is
	HostName []byte
}

func layoutServerName(c *wire.Codec, n *ServerName) {
	wire.Uint8(c, "name_type", (*iana.NameType)(&n.NameType))
	name := "host_name"
	if n.NameType != uint8(iana.NameTypeHostName) {
		name = "name"
	}
	wire.Vec16(c, name, &n.HostName, 1, 1<<16-1)
}

// MaxFragmentLength is the code of RFC 6066 §4: 1 to 4 for 2^9 to 2^12 bytes.
type MaxFragmentLength = iana.MaxFragmentLength

// StatusRequest asks for an OCSP response (RFC 6066 §8).
type StatusRequest struct {
	StatusType iana.CertificateStatusType
	Responders []DistinguishedName // responder_id_list; the entries are DER of ResponderIDs
	Extensions []byte              // request_extensions
	Other      []byte              // the request, where the type is not ocsp
}

func (s *StatusRequest) layout(c *wire.Codec) {
	wire.Uint8(c, "status_type", &s.StatusType)
	if s.StatusType != iana.CertStatusOCSP {
		wire.Rest(c, "request", &s.Other)
		return
	}
	wire.List16(c, "responder_id_list", &s.Responders, 0, 1<<16-1, func(c *wire.Codec, id *DistinguishedName) {
		wire.Vec16(c, "responder_id", id, 1, 1<<16-1)
	})
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
	wire.Octets8[iana.ECPointFormat](c, "ec_point_format_list", "ec_point_format", v, 1, 255)
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
	wire.List16(c, "protocol_name_list", v, 2, 1<<16-1, layoutProtocol)
}

func layoutProtocol(c *wire.Codec, n *ProtocolName) { wire.Vec8(c, "protocol_name", n, 1, 255) }

// layoutSupported is the protocols for which a client has application settings
// (draft-vvv-tls-alps §4).
func layoutSupported(c *wire.Codec, v *[]ProtocolName) {
	wire.List16(c, "supported_protocols", v, 2, 1<<16-1, layoutProtocol)
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

// UseSRTP offers or chooses protection profiles for SRTP (RFC 5764 §4.1.1).
type UseSRTP struct {
	Profiles []uint16
	MKI      []byte // srtp_mki
}

func (u *UseSRTP) layout(c *wire.Codec) {
	wire.Codes16(c, "SRTPProtectionProfiles", "SRTPProtectionProfile", &u.Profiles, 2, 1<<16-1)
	wire.Vec8(c, "srtp_mki", &u.MKI, 0, 255)
}

// TicketRequest is how many tickets a client would like (RFC 9149 §3).
type TicketRequest struct {
	NewSession uint8 // new_session_count, of a full handshake
	Resumption uint8 // resumption_count
}

func (t *TicketRequest) layout(c *wire.Codec) {
	wire.Uint8(c, "new_session_count", &t.NewSession)
	wire.Uint8(c, "resumption_count", &t.Resumption)
}

// DelegatedCredential is a short-lived key that a certificate's owner signed
// (RFC 9345 §4).
type DelegatedCredential struct {
	ValidTime           uint32               // in seconds after the certificate's notBefore
	CertVerifyAlgorithm iana.SignatureScheme // what the key will sign CertificateVerify with
	PublicKey           []byte               // ASN1_subjectPublicKeyInfo in DER
	CredentialEnd       int                  // offset in the message, header included, at which the signed part ends
	Algorithm           iana.SignatureScheme // of Signature
	Signature           []byte
}

func (d *DelegatedCredential) layout(c *wire.Codec) {
	wire.Uint32(c, "valid_time", &d.ValidTime)
	wire.Uint16(c, "dc_cert_verify_algorithm", &d.CertVerifyAlgorithm)
	wire.Vec24(c, "ASN1_subjectPublicKeyInfo", &d.PublicKey, 1, MaxLength)
	wire.Mark(c, &d.CredentialEnd)
	wire.Uint16(c, "algorithm", &d.Algorithm)
	wire.Vec16(c, "signature", &d.Signature, 1, 1<<16-1)
}

// EncryptedClientHello carries a hello that only the server can read, or marks the hello
// that was inside (RFC 9849 §5).
type EncryptedClientHello struct {
	Kind     uint8 // 0 outer, 1 inner, which has no other field
	KDF      iana.HPKEKDF
	AEAD     iana.HPKEAEAD
	ConfigID uint8
	Enc      []byte // HPKE's encapsulated key; empty in the second ClientHello
	Payload  []byte
}

// The kinds of EncryptedClientHello.
const (
	ECHOuter = 0
	ECHInner = 1
)

func (e *EncryptedClientHello) layout(c *wire.Codec) {
	wire.Uint8(c, "type", &e.Kind)
	switch e.Kind {
	case ECHOuter:
		wire.Group(c, "cipher_suite", func(c *wire.Codec) { layoutHPKE(c, &e.KDF, &e.AEAD) })
		wire.Uint8(c, "config_id", &e.ConfigID)
		wire.Vec16(c, "enc", &e.Enc, 0, 1<<16-1)
		wire.Vec16(c, "payload", &e.Payload, 1, 1<<16-1)
	case ECHInner:
	default:
		c.Fail("type", alert.Illegal("", "RFC 9849 §5", "type %d is neither outer nor inner", e.Kind))
	}
}

func layoutHPKE(c *wire.Codec, kdf *iana.HPKEKDF, aead *iana.HPKEAEAD) {
	wire.Uint16(c, "kdf_id", kdf)
	wire.Uint16(c, "aead_id", aead)
}

// ECHConfig tells clients how to encrypt a hello (RFC 9849 §4).
type ECHConfig struct {
	Version    uint16 // 0xfe0d, as the extension's code point
	ConfigID   uint8
	KEM        iana.HPKEKEM
	PublicKey  []byte
	Suites     []HPKESuite
	MaxName    uint8 // maximum_name_length
	PublicName []byte
	Extensions []byte // not taken apart
	Other      []byte // contents, of any other version
}

// HPKESuite is a pair of algorithms (RFC 9180 §7).
type HPKESuite struct {
	KDF  iana.HPKEKDF
	AEAD iana.HPKEAEAD
}

func layoutECHConfig(c *wire.Codec, e *ECHConfig) {
	wire.Uint16(c, "version", &e.Version)
	wire.Block16(c, "contents", 0, 1<<16-1, func(c *wire.Codec) {
		if e.Version != uint16(iana.ExtEncryptedClientHello) {
			wire.Rest(c, "", &e.Other)
			return
		}
		wire.Group(c, "key_config", e.layoutKey)
		wire.Uint8(c, "maximum_name_length", &e.MaxName)
		wire.Vec8(c, "public_name", &e.PublicName, 1, 255)
		wire.Vec16(c, "extensions", &e.Extensions, 0, 1<<16-1)
	})
}

func (e *ECHConfig) layoutKey(c *wire.Codec) {
	wire.Uint8(c, "config_id", &e.ConfigID)
	wire.Uint16(c, "kem_id", &e.KEM)
	wire.Vec16(c, "public_key", &e.PublicKey, 1, 1<<16-1)
	wire.List16(c, "cipher_suites", &e.Suites, 4, 1<<16-4, func(c *wire.Codec, s *HPKESuite) {
		layoutHPKE(c, &s.KDF, &s.AEAD)
	})
}
