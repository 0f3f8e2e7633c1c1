package msg

import (
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/wire"
)

// Certificate is the sender's chain in TLS 1.3 (RFC 9846 §4.5.1).
type Certificate struct {
	RequestContext []byte // certificate_request_context
	List           []CertificateEntry
}

// Type implements [Message].
func (*Certificate) Type() iana.HandshakeType { return iana.HandshakeCertificate }

// Spec implements [Message].
func (*Certificate) Spec() Spec { return Spec{"certificate", "RFC 9846 §4.5.1"} }

// Layout implements RFC 9846 §4.5.1.
func (m *Certificate) Layout(c *wire.Codec) {
	wire.Vec8(c, "certificate_request_context", &m.RequestContext, 0, 255)
	wire.List24(c, "certificate_list", &m.List, 0, MaxLength, layoutEntry)
}

// CertificateEntry is one certificate with what belongs to it.
type CertificateEntry struct {
	Data       []byte // cert_data in DER; for a raw public key its SubjectPublicKeyInfo
	Extensions Extensions

	Status     OCSPStatus
	SCTs       []SCT
	Credential DelegatedCredential
}

func layoutEntry(c *wire.Codec, e *CertificateEntry) {
	name := "cert_data"
	if context(c).CertType == iana.CertTypeRawPublicKey {
		name = "ASN1_subjectPublicKeyInfo"
	}
	wire.Vec24(c, name, &e.Data, 1, MaxLength)
	layoutExtensions(c, e, &e.Extensions, certificateExtensions)
}

// Certificate12 is the sender's chain in TLS 1.2 and older (RFC 5246 §7.4.2).
type Certificate12 struct {
	List      [][]byte // DER
	PublicKey []byte   // instead of List where the certificate type is RawPublicKey (RFC 7250 §3)
}

// Type implements [Message].
func (*Certificate12) Type() iana.HandshakeType { return iana.HandshakeCertificate }

// Spec implements [Message].
func (*Certificate12) Spec() Spec { return Spec{"certificate_1_2", "RFC 5246 §7.4.2"} }

// Layout implements RFC 5246 §7.4.2 and RFC 7250 §3.
func (m *Certificate12) Layout(c *wire.Codec) {
	if context(c).CertType == iana.CertTypeRawPublicKey {
		wire.Vec24(c, "ASN1_subjectPublicKeyInfo", &m.PublicKey, 0, MaxLength)
		return
	}
	wire.List24(c, "certificate_list", &m.List, 0, MaxLength, layoutCertificate)
}

func layoutCertificate(c *wire.Codec, der *[]byte) { wire.Vec24(c, "certificate", der, 1, MaxLength) }

// CompressedCertificate is a Certificate, compressed (RFC 8879 §4).
type CompressedCertificate struct {
	Algorithm    iana.CertificateCompression
	Uncompressed uint32 // uncompressed_length in bytes, 24 bits
	Compressed   []byte
}

// Type implements [Message].
func (*CompressedCertificate) Type() iana.HandshakeType { return iana.HandshakeCompressedCertificate }

// Spec implements [Message].
func (*CompressedCertificate) Spec() Spec {
	return Spec{"compressed_certificate", "RFC 8879 §4"}
}

// Layout implements RFC 8879 §4.
func (m *CompressedCertificate) Layout(c *wire.Codec) {
	wire.Uint16(c, "algorithm", &m.Algorithm)
	wire.Uint24(c, "uncompressed_length", &m.Uncompressed)
	wire.Vec24(c, "compressed_certificate_message", &m.Compressed, 1, MaxLength)
}

// CertificateStatus carries an OCSP response in TLS 1.2 (RFC 6066 §8).
type CertificateStatus struct{ Status OCSPStatus }

// Type implements [Message].
func (*CertificateStatus) Type() iana.HandshakeType { return iana.HandshakeCertificateStatus }

// Spec implements [Message].
func (*CertificateStatus) Spec() Spec { return Spec{"certificate_status", "RFC 6066 §8"} }

// Layout implements RFC 6066 §8.
func (m *CertificateStatus) Layout(c *wire.Codec) { m.Status.layout(c) }

// CertificateVerify proves possession of the certificate's key (RFC 9846 §4.5.2;
// RFC 5246 §7.4.8).
type CertificateVerify struct {
	Algorithm iana.SignatureScheme
	Signature []byte
}

// Type implements [Message].
func (*CertificateVerify) Type() iana.HandshakeType { return iana.HandshakeCertificateVerify }

// Spec implements [Message].
func (*CertificateVerify) Spec() Spec { return Spec{"certificate_verify", "RFC 9846 §4.5.2"} }

// Layout implements RFC 9846 §4.5.2.
func (m *CertificateVerify) Layout(c *wire.Codec) {
	wire.Uint16(c, "algorithm", &m.Algorithm)
	wire.Vec16(c, "signature", &m.Signature, 0, 1<<16-1)
}

// CertificateVerify10 is the older form, which does not name its algorithm
// (RFC 4346 §7.4.8).
type CertificateVerify10 struct{ Signature []byte }

// Type implements [Message].
func (*CertificateVerify10) Type() iana.HandshakeType { return iana.HandshakeCertificateVerify }

// Spec implements [Message].
func (*CertificateVerify10) Spec() Spec {
	return Spec{"certificate_verify_1_0", "RFC 4346 §7.4.8"}
}

// Layout implements RFC 4346 §7.4.8.
func (m *CertificateVerify10) Layout(c *wire.Codec) {
	wire.Vec16(c, "signature", &m.Signature, 0, 1<<16-1)
}

// Finished proves that both ends saw the same handshake (RFC 9846 §4.5.3; RFC 5246
// §7.4.9). Its length follows from the version and hash, and is the flow's to check.
type Finished struct{ VerifyData []byte }

// Type implements [Message].
func (*Finished) Type() iana.HandshakeType { return iana.HandshakeFinished }

// Spec implements [Message].
func (*Finished) Spec() Spec { return Spec{"finished", "RFC 9846 §4.5.3"} }

// Layout implements RFC 9846 §4.5.3.
func (m *Finished) Layout(c *wire.Codec) { wire.Rest(c, "verify_data", &m.VerifyData) }
