package msg

import (
	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/wire"
)

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

// Type implements [Message].
func (*ServerKeyExchange) Type() iana.HandshakeType { return iana.HandshakeServerKeyExchange }

// Spec implements [Message].
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

// ClientKeyExchange carries the client's share, or the encrypted premaster secret, of a
// TLS 1.2 key exchange (RFC 5246 §7.4.7; RFC 8422 §5.7).
type ClientKeyExchange struct {
	Identity           []byte // PSK key exchanges
	Public             []byte // the ECDH point, or dh_Yc
	EncryptedPremaster []byte // RSA
}

// Type implements [Message].
func (*ClientKeyExchange) Type() iana.HandshakeType { return iana.HandshakeClientKeyExchange }

// Spec implements [Message].
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
