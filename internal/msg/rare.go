package msg

import (
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/wire"
)

// CertificateURL says where a TLS 1.2 client's certificates are (RFC 6066 §5).
type CertificateURL struct {
	ChainType uint8 // 0 individual_certs, 1 pkipath
	URLs      []URLAndHash
}

// URLAndHash is a place and the SHA-1 of what is there (RFC 6066 §5).
type URLAndHash struct {
	URL     []byte
	Padding uint8 // 1; without it, the place would have no hash
	SHA1    [20]byte
}

// Type implements [Message].
func (*CertificateURL) Type() iana.HandshakeType { return iana.HandshakeCertificateURL }

// Spec implements [Message].
func (*CertificateURL) Spec() Spec { return Spec{"certificate_url", "RFC 6066 §5"} }

// Layout implements RFC 6066 §5.
func (m *CertificateURL) Layout(c *wire.Codec) {
	wire.Uint8(c, "type", &m.ChainType)
	wire.List16(c, "url_and_hash_list", &m.URLs, 1, 1<<16-1, func(c *wire.Codec, u *URLAndHash) {
		wire.Vec16(c, "url", &u.URL, 1, 1<<16-1)
		wire.Uint8(c, "padding", &u.Padding)
		wire.Fixed(c, "SHA1Hash", u.SHA1[:])
	})
}

// SupplementalData is further data for an application's authorization, TLS 1.2 and older
// (RFC 4680 §2).
type SupplementalData struct{ Entries []SupplementalDataEntry }

// SupplementalDataEntry is data of one type, not taken apart (RFC 4680 §2).
type SupplementalDataEntry struct {
	DataType uint16
	Data     []byte
}

// Type implements [Message].
func (*SupplementalData) Type() iana.HandshakeType { return iana.HandshakeSupplementalData }

// Spec implements [Message].
func (*SupplementalData) Spec() Spec { return Spec{"supplemental_data", "RFC 4680 §2"} }

// Layout implements RFC 4680 §2.
func (m *SupplementalData) Layout(c *wire.Codec) {
	wire.List24(c, "supp_data", &m.Entries, 1, MaxLength, func(c *wire.Codec, e *SupplementalDataEntry) {
		wire.Uint16(c, "supp_data_type", &e.DataType)
		wire.Vec16(c, "supp_data_data", &e.Data, 0, 1<<16-1)
	})
}

// NextProtocol is the client's choice among the server's next_protocol_negotiation, the
// forerunner of ALPN (draft-agl-tls-nextprotoneg §3).
type NextProtocol struct{ Selected, Padding []byte }

// Type implements [Message].
func (*NextProtocol) Type() iana.HandshakeType { return iana.HandshakeNextProtocol }

// Spec implements [Message].
func (*NextProtocol) Spec() Spec {
	return Spec{"next_protocol", "draft-agl-tls-nextprotoneg §3"}
}

// Layout implements draft-agl-tls-nextprotoneg §3.
func (m *NextProtocol) Layout(c *wire.Codec) {
	wire.Vec8(c, "selected_protocol", &m.Selected, 0, 255)
	wire.Vec8(c, "padding", &m.Padding, 0, 255)
}

// Unknown is a message whose type has no layout here. Its fields' paths begin with the
// registered name of the type, or else with "unknown".
type Unknown struct {
	MsgType iana.HandshakeType
	Body    []byte
}

// Type implements [Message].
func (m *Unknown) Type() iana.HandshakeType { return m.MsgType }

// Spec implements [Message].
func (m *Unknown) Spec() Spec {
	name := "unknown"
	if m.MsgType.Registered() {
		name = m.MsgType.String()
	}
	return Spec{name, "RFC 9846 §4"}
}

// Layout takes the whole body as one field.
func (m *Unknown) Layout(c *wire.Codec) { wire.Rest(c, "body", &m.Body) }
