package handshake

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/suite"
)

// Pre-shared keys in TLS 1.2 and before (RFC 4279, RFC 5489): they authenticate both ends, in
// the place of certificates, and go into the premaster secret beside what Diffie-Hellman
// yields, if there is any.

// PSK12 is a key that both ends were given, and its name.
type PSK12 struct {
	Identity []byte
	Key      keys.Secret
}

// sharedExchanges12 is exchanges12 for suites whose ends share a key.
var sharedExchanges12 = map[suite.KeyExchange]*exchange12{
	suite.KeyExchangeECDHE: exchanges12[suite.KeyExchangeECDHE].in(msg.KeyExchangeECDHEPSK),
	suite.KeyExchangeDHE:   exchanges12[suite.KeyExchangeDHE].in(msg.KeyExchangeDHEPSK),
	suite.KeyExchangePSK: {
		form: msg.KeyExchangePSK, begin: (*server12).beginPSK, check: (*client12).checkPSK, share: publicShare,
		theServers: "server_key_exchange", theClients: "client_key_exchange",
	},
}

// in is the same exchange in messages of another form.
func (x exchange12) in(form msg.KeyExchange) *exchange12 {
	x.form = form
	return &x
}

// exchangeOf is the row of a suite's key exchange.
func exchangeOf(s *suite.Suite) *exchange12 {
	if s.Auth == suite.AuthPSK {
		return sharedExchanges12[s.KeyExchange]
	}
	return exchanges12[s.KeyExchange]
}

// noExchange is either end's half where there is a pre-shared key alone.
type noExchange struct{}

func (noExchange) Public() []byte                     { return nil }
func (noExchange) Shared([]byte) (keys.Secret, error) { return nil, nil }
func (noExchange) Wipe()                              {}

// beginPSK has nothing to say, but for the hint.
func (*server12) beginPSK(*msg.ServerKeyExchange) (suite.PrivateKey, error) {
	return noExchange{}, nil
}

func (*client12) checkPSK(*msg.ServerKeyExchange) (responder, error) { return nobody{}, nil }

// speaks reports whether there is a ServerKeyExchange: where the server has a share, and beside a
// pre-shared key alone if it has a hint (RFC 4279 §2).
func (s *server12) speaks() bool {
	return s.suite.Ephemeral() || s.suite.Shared() && s.cfg.PSKHint12 != ""
}

// nobody is noExchange as a responder.
type nobody struct{}

func (nobody) Respond(_ io.Reader, _ []byte) ([]byte, keys.Secret, error) { return nil, nil, nil }

// premasterOf mixes a pre-shared key into what the key exchange yields, which it wipes; as many
// zeros as the key has bytes stand for nothing (RFC 4279 §2).
func premasterOf(other, psk keys.Secret) keys.Secret {
	defer other.Wipe()
	n := len(other)
	if n == 0 {
		n = len(psk)
	}
	premaster := make([]byte, 0, 2+n+2+len(psk))
	premaster = binary.BigEndian.AppendUint16(premaster, uint16(n))
	premaster = append(premaster, other.Reveal()...)
	premaster = append(premaster, make([]byte, n-len(other))...)
	premaster = binary.BigEndian.AppendUint16(premaster, uint16(len(psk)))
	return append(premaster, psk.Reveal()...)
}

// mixOurs names the client's key, the first there is, and mixes it in.
func (c *client12) mixOurs(premaster keys.Secret, ours *msg.ClientKeyExchange) keys.Secret {
	if !c.result.Suite.Shared() {
		return premaster
	}
	psk := c.cfg.PSKs12[0]
	ours.Identity, c.result.PSKIdentity = psk.Identity, bytes.Clone(psk.Identity)
	return premasterOf(premaster, psk.Key)
}

// mixTheirs mixes in the key that the client names.
func (s *server12) mixTheirs(premaster keys.Secret, theirs *msg.ClientKeyExchange) (keys.Secret, error) {
	if !s.suite.Shared() {
		return premaster, nil
	}
	i := slices.IndexFunc(s.cfg.PSKs12, func(p PSK12) bool { return bytes.Equal(p.Identity, theirs.Identity) })
	if i < 0 {
		premaster.Wipe()
		return nil, alert.Auth("client_key_exchange.psk_identity", "RFC 4279 §2", "%q is nobody that is known here", theirs.Identity).
			With(iana.AlertUnknownPSKIdentity)
	}
	s.result.PSKIdentity = bytes.Clone(theirs.Identity)
	return premasterOf(premaster, s.cfg.PSKs12[i].Key), nil
}

// certified returns our certificate. A server that shares keys may do without: then only
// suites for those can be chosen.
func (s *server12) certified() (*auth.Credential, error) {
	cred, err := s.credential()
	if err != nil && len(s.cfg.PSKs12) > 0 && offersShared(&s.cfg.Policy, s.result.Version, s.hello) {
		return nil, nil
	}
	return cred, err
}

// offersShared reports whether a client offers a suite of ours for pre-shared keys.
func offersShared(p *Policy, v iana.Version, hello *msg.ClientHello) bool {
	return slices.ContainsFunc(p.Suites, func(s *suite.Suite) bool {
		return s.Shared() && s.Supports(v) && slices.Contains(hello.CipherSuites, s.ID)
	})
}

// goesWith reports whether the server can prove itself as a suite asks for: with a key that is
// shared, or with its certificate.
func goesWith(s *suite.Suite, p *Policy, cred *auth.Credential) bool {
	if s.Shared() {
		return len(p.PSKs12) > 0
	}
	return cred != nil && s.Auth == suite.AuthFor(cred.Public())
}

// asks reports whether the client is asked for a certificate: not where it shares a key
// (RFC 4279 §2).
func (s *server12) asks() bool { return s.cfg.ClientAuth.Requests() && !s.suite.Shared() }
