package handshake

import (
	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/suite"
)

// Keys of servers that the owner of a certificate delegates to, for some days (RFC 9345).

// offerDelegated says that such a key will do, and which signatures of it.
func (c *client) offerDelegated() {
	if !c.cfg.Delegated || c.cfg.MaxVersion < iana.VersionTLS13 {
		return
	}
	for _, s := range auth.Delegable(c.cfg.Schemes) {
		c.hello.DelegatedCredential = append(c.hello.DelegatedCredential, s.ID)
	}
	if len(c.hello.DelegatedCredential) > 0 {
		c.hello.Extensions.Add(iana.ExtDelegatedCredential)
	}
}

// checkDelegated refuses a server that shows what was not asked for: here, other than with other
// extensions, that is an unexpected message (RFC 9345 §4.1.1).
func (c *client13) checkDelegated(m *msg.Certificate) error {
	if len(m.List) == 0 || !m.List[0].Extensions.Has(iana.ExtDelegatedCredential) || c.requested(iana.ExtDelegatedCredential) {
		return nil
	}
	return alert.Unexpected("certificate.certificate_list.delegated_credential", "RFC 9345 §4.1.1", "it was not asked for")
}

// takeDelegated makes the key that stands in for the leaf's the server's, if there is one, and
// returns the schemes with which it may sign. What other certificates bring is none of ours.
func (c *client13) takeDelegated(leaf *msg.CertificateEntry) ([]*suite.Scheme, error) {
	if !leaf.Extensions.Has(iana.ExtDelegatedCredential) {
		return c.cfg.Schemes, nil
	}
	const where = "certificate.certificate_list.delegated_credential"
	if c.result.Peer.Raw {
		return nil, alert.Illegal(where, "RFC 9345 §4.2", "there is no certificate whose owner could delegate")
	}
	from := &leaf.Credential
	d := &auth.Delegation{
		ValidTime: from.ValidTime,
		Scheme:    from.CertVerifyAlgorithm,
		Info:      from.PublicKey,
		Algorithm: from.Algorithm,
		Signature: from.Signature,
	}
	cert := c.result.Peer.Certificates[0]
	if err := d.Judge(cert, c.cfg.Schemes, c.cfg.Now()); err != nil {
		return nil, err
	}
	c.result.Peer.Key, c.result.DelegatedUntil = d.Key, d.Expiry(cert)
	return []*suite.Scheme{suite.SchemeByID(d.Scheme)}, nil
}

// credential13 is our certificate, with a key that its owner delegated to where the client takes
// that.
func (s *server13) credential13() (*auth.Credential, error) {
	if s.cfg.Delegated == nil || s.types.server == iana.CertTypeRawPublicKey {
		return s.credential()
	}
	cred := s.cfg.Delegated.DelegatedCredential(s.facts, s.cfg.Now())
	if cred == nil {
		return s.credential()
	}
	s.result.DelegatedUntil = cred.Delegation.Expiry(cred.Leaf)
	return cred, nil
}

// delegate adds what the leaf's owner says of our key.
func delegate(leaf *msg.CertificateEntry, d *auth.Delegation) {
	if d == nil {
		return
	}
	leaf.Credential = msg.DelegatedCredential{
		ValidTime:           d.ValidTime,
		CertVerifyAlgorithm: d.Scheme,
		PublicKey:           d.Info,
		Algorithm:           d.Algorithm,
		Signature:           d.Signature,
	}
	leaf.Extensions.Add(iana.ExtDelegatedCredential)
}
