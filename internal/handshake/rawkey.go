package handshake

import (
	"slices"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// Public keys without certificates (RFC 7250): which of the two each end shows is agreed on in the
// hellos, for each end apart.

// rawOrNot is what an end offers that has keys for both.
var rawOrNot = []byte{byte(iana.CertTypeRawPublicKey), byte(iana.CertTypeX509)}

// certTypes is what was agreed on; X.509 where nobody says anything.
type certTypes struct{ client, server iana.CertificateType }

// offerCertTypes says that the server may show its key alone, where we know whom to expect, and
// that we may, where we have one (RFC 7250 §4.1).
func (c *client) offerCertTypes() {
	if c.cfg.RawKey != nil {
		c.hello.ClientCertTypes = rawOrNot
		c.hello.Extensions.Add(iana.ExtClientCertificateType)
	}
	if c.cfg.Trust.TakesKeys() {
		c.hello.ServerCertTypes = rawOrNot
		c.hello.Extensions.Add(iana.ExtServerCertificateType)
	}
}

// recvCertTypes takes what the server chose (RFC 7250 §4.2).
func (c *client) recvCertTypes(message string, x *msg.Extensions, client, server uint8) error {
	for _, each := range []struct {
		code    iana.ExtensionType
		offered []byte
		chosen  uint8
		at      *iana.CertificateType
	}{
		{iana.ExtClientCertificateType, c.hello.ClientCertTypes, client, &c.types.client},
		{iana.ExtServerCertificateType, c.hello.ServerCertTypes, server, &c.types.server},
	} {
		if !x.Has(each.code) {
			continue
		}
		if !slices.Contains(each.offered, each.chosen) {
			return alert.Illegal(message+"."+each.code.String(), "RFC 7250 §4.2", "%v was not offered", iana.CertificateType(each.chosen))
		}
		*each.at = iana.CertificateType(each.chosen)
	}
	return nil
}

// chooseCertTypes decides what each end shows (RFC 7250 §4.2).
func (s *server) chooseCertTypes() error {
	for _, each := range []struct {
		code    iana.ExtensionType
		offered []byte
		raw     bool // we can do that
		matters bool
		at      *iana.CertificateType
	}{
		{iana.ExtClientCertificateType, s.hello.ClientCertTypes, s.cfg.ClientTrust.TakesKeys(), s.cfg.ClientAuth.Requests(), &s.types.client},
		{iana.ExtServerCertificateType, s.hello.ServerCertTypes, s.cfg.RawKey != nil, true, &s.types.server},
	} {
		*each.at = iana.CertTypeX509
		switch {
		case !s.hello.Extensions.Has(each.code) || !each.matters:
		case each.raw && slices.Contains(each.offered, byte(iana.CertTypeRawPublicKey)):
			*each.at = iana.CertTypeRawPublicKey
		case !slices.Contains(each.offered, byte(iana.CertTypeX509)):
			return alert.NoCommonGround("client_hello."+each.code.String(), "RFC 7250 §4.2", "no type of certificate in common").
				With(iana.AlertUnsupportedCertificate)
		}
	}
	return nil
}

// answerCertTypes says which were chosen, to a client that asked.
func (s *server) answerCertTypes(x *msg.Extensions, client, server *uint8) {
	if s.hello.Extensions.Has(iana.ExtClientCertificateType) && s.cfg.ClientAuth.Requests() {
		*client = uint8(s.types.client)
		x.Add(iana.ExtClientCertificateType)
	}
	if s.hello.Extensions.Has(iana.ExtServerCertificateType) {
		*server = uint8(s.types.server)
		x.Add(iana.ExtServerCertificateType)
	}
}

// certificate12 is the message that shows a credential before TLS 1.3.
func (f *flow) certificate12(cred *auth.Credential) *msg.Certificate12 {
	f.layout.CertType = iana.CertTypeX509
	if cred.Raw {
		f.layout.CertType = iana.CertTypeRawPublicKey
		return &msg.Certificate12{PublicKey: cred.Chain[0]}
	}
	return &msg.Certificate12{List: cred.Chain}
}

// chain12 is what the peer shows in Certificate before TLS 1.3: its chain, its key, or nothing.
func chain12(m *msg.Certificate12) [][]byte {
	if len(m.PublicKey) > 0 {
		return [][]byte{m.PublicKey}
	}
	return m.List
}
