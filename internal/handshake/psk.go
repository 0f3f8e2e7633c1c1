package handshake

import (
	"bytes"
	"context"
	"crypto"
	"slices"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/session"
	"github.com/akushu/akushu/internal/suite"
)

// Pre-shared keys that both ends were given (RFC 9846 §2.2; psk12.go for TLS 1.2), beside those
// that tickets stand for, which resume.go has. A handshake with one needs no certificate.

// A PSKSource knows a server's pre-shared keys.
type PSKSource interface {
	// FindPSK returns the key that an identity stands for, or nil. It is not changed, or wiped.
	// An error ends the handshake.
	FindPSK(ctx context.Context, client *auth.ClientHelloFacts, identity []byte) (*session.PSK, error)
}

// pskModes is in what ways p uses PSKs, tickets among them.
func (p *Policy) pskModes() []iana.PSKKeyExchangeMode {
	if len(p.PSKModes) == 0 {
		return []iana.PSKKeyExchangeMode{iana.ModePSKDHEKE}
	}
	return p.PSKModes
}

// hasMode reports whether p uses PSKs in a way.
func (p *Policy) hasMode(mode iana.PSKKeyExchangeMode) bool {
	return slices.Contains(p.pskModes(), mode)
}

// offerModes says in what ways we use PSKs. Without it no server sends tickets.
func (c *client) offerModes() {
	for _, mode := range c.cfg.pskModes() {
		c.hello.PSKModes = append(c.hello.PSKModes, byte(mode))
	}
	c.hello.Extensions.Add(iana.ExtPSKKeyExchangeModes)
}

// lend returns a copy of a PSK, which is the handshake's to wipe.
func lend(p *session.PSK) *session.PSK {
	q := *p
	q.Key = p.Key.Clone()
	return &q
}

// offerPSKs offers the PSKs that go with a suite of ours, behind a session if there is one. What
// they are offered in must be the last extension.
func (c *client) offerPSKs() {
	if c.cfg.MaxVersion < iana.VersionTLS13 {
		return
	}
	for _, p := range c.cfg.PSKs {
		if len(ofHash(c.cfg.suites(iana.VersionTLS13), p.Hash)) > 0 {
			c.session.psks = append(c.session.psks, lend(p))
		}
	}
	if len(c.session.psks) > 0 {
		c.hello.Extensions.Add(iana.ExtPreSharedKey)
	}
}

// ofHash are the suites with a hash.
func ofHash(all []*suite.Suite, h crypto.Hash) []*suite.Suite {
	return slices.DeleteFunc(slices.Clone(all), func(s *suite.Suite) bool { return s.Hash != h })
}

// checkMode holds the server to a way to use PSKs that we offered: with a share of its own, or
// without (RFC 9846 §4.3.9).
func (c *client13) checkMode(hello *msg.ServerHello) error {
	const ref = "RFC 9846 §4.3.9"
	switch shared := hello.Extensions.Has(iana.ExtKeyShare); {
	case !hello.Extensions.Has(iana.ExtPreSharedKey):
		return nil
	case shared && !c.cfg.hasMode(iana.ModePSKDHEKE):
		return alert.Illegal("server_hello.key_share", ref, "psk_dhe_ke was not offered")
	case !shared && !c.cfg.hasMode(iana.ModePSKKE):
		return alert.Illegal("server_hello", "RFC 9846 §4.3.8", "key_share is missing: psk_ke was not offered").
			With(iana.AlertMissingExtension)
	}
	return nil
}

// takeNoShare takes a ServerHello in which a PSK alone makes the keys.
func (c *client13) takeNoShare(hello *msg.ServerHello) (keys.Secret, error) {
	if !hello.Extensions.Has(iana.ExtPreSharedKey) {
		return nil, alert.Illegal("server_hello", "RFC 9846 §4.3.8", "key_share is missing").With(iana.AlertMissingExtension)
	}
	c.result.PSKOnly = true
	return nil, c.takeSelected(hello)
}

// common are our suites of TLS 1.3 that the client offers.
func (s *server13) common() []*suite.Suite {
	return slices.DeleteFunc(s.cfg.suites(iana.VersionTLS13), func(each *suite.Suite) bool {
		return !slices.Contains(s.hello.CipherSuites, each.ID)
	})
}

// usesPSKs reports whether there may be a PSK to choose, and in which way. Without a group in
// common there is only psk_ke.
func (s *server13) usesPSKs() (iana.PSKKeyExchangeMode, bool) {
	if !s.hello.Extensions.Has(iana.ExtPreSharedKey) || !s.cfg.Resumption.tickets() && s.cfg.PSKs == nil {
		return 0, false
	}
	modes := s.cfg.pskModes()
	if s.group == nil {
		modes = slices.DeleteFunc(slices.Clone(modes), func(m iana.PSKKeyExchangeMode) bool { return m != iana.ModePSKKE })
	}
	return session.ChooseMode(s.hello.PSKModes, modes)
}

// findExternal finds a PSK that is no ticket. Its copies are wiped at the end.
func (s *server13) findExternal(ctx context.Context, identity []byte) (*session.PSK, error) {
	if s.cfg.PSKs == nil || s.pskErr != nil || s.cfg.ClientAuth.Requires() {
		return nil, session.PSKUnknown
	}
	p, err := s.cfg.PSKs.FindPSK(ctx, s.facts, identity)
	if err != nil {
		s.pskErr = err
		return nil, err
	}
	if p == nil {
		return nil, session.PSKUnknown
	}
	p = lend(p)
	p.Identity = identity
	s.lent = append(s.lent, p)
	return p, nil
}

// suiteForPSK is the suite that a HelloRetryRequest names, which the PSKs of the second
// ClientHello must go with: that of a PSK which is known here, if one is offered.
func (s *server13) suiteForPSK(all []*suite.Suite) (*suite.Suite, error) {
	if _, ok := s.usesPSKs(); !ok {
		return all[0], nil
	}
	for i, offered := range s.hello.PSK.Identities {
		if i == session.MaxIdentities {
			break
		}
		p, err := s.findExternal(s.ctx, offered.Identity)
		if s.pskErr != nil {
			return nil, s.pskErr
		}
		if err == nil && len(ofHash(all, p.Hash)) > 0 {
			return ofHash(all, p.Hash)[0], nil
		}
	}
	return all[0], nil
}

// takePSK goes on with a PSK that was chosen, once its binder is verified: nobody without the
// key can have made that (RFC 9846 §4.3.11.2).
func (s *server13) takePSK(found session.Selection) error {
	s.psk, s.selected = found.PSK, uint16(found.Index)
	s.early = s.psk.Schedule(s.cfg.log(&s.hello.Random))
	covered, err := session.BinderHash(s.psk.Hash, s.before, s.raw, s.hello.PSK.BindersAt)
	if err != nil {
		return alert.Internal("client_hello.pre_shared_key.binders", "%w", err)
	}
	if s.psk.External() {
		s.result.PSKIdentity = bytes.Clone(s.psk.Name())
	} else {
		s.result.Resumed, s.result.Peer = true, s.resumed
		s.result.TicketLateness = s.psk.Lateness(s.hello.PSK.Identities[found.Index].ObfuscatedTicketAge, s.cfg.Now())
	}
	return s.psk.VerifyBinder(s.early, covered, s.hello.PSK.Binders[found.Index])
}

// checkNoPSK refuses a client that no PSK authenticates us to, where there is no certificate
// that could (RFC 9846 §6.2).
func (s *server) checkNoPSK(offered bool) error {
	if s.cfg.Identity != nil {
		return nil
	}
	if offered {
		return alert.NoCommonGround("client_hello.pre_shared_key.identities", "RFC 9846 §4.3.11",
			"no PSK of the client's is known, and there is no certificate").With(iana.AlertUnknownPSKIdentity)
	}
	return alert.NoCommonGround("client_hello", "RFC 9846 §4.3.11", "the client offers no PSK, and there is no certificate")
}

// wipeLent wipes the PSKs that were looked at.
func (s *server13) wipeLent() {
	for _, p := range s.lent {
		p.Key.Wipe()
	}
}
