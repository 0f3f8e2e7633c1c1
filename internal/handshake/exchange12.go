package handshake

import (
	"context"
	"crypto"
	"crypto/rsa"
	"io"
	"slices"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/suite"
)

// The key exchanges of TLS 1.2 and before. What they have in common, messages, signature and
// the keys that come of it, are steps of the flows; what differs is a row here.

// exchange12 is a key exchange. The server begins it with parameters and the public half of
// a key, the client responds with a share of its own.
type exchange12 struct {
	form msg.KeyExchange // of the two messages
	// begin makes the server's key, and says in ServerKeyExchange, where there is one, to
	// what it belongs.
	begin func(*server12, *msg.ServerKeyExchange) (suite.PrivateKey, error)
	// check takes what the server says, and returns who responds to its share.
	check func(*client12, *msg.ServerKeyExchange) (responder, error)
	// share is where the client's share stands in ClientKeyExchange.
	share func(*msg.ClientKeyExchange) *[]byte
	// The paths of the two shares, for errors.
	theServers, theClients string
}

// responder answers a share with another, and has the premaster secret then.
type responder interface {
	Respond(rand io.Reader, peer []byte) (share []byte, secret keys.Secret, err error)
}

// exchanges12 has a row for each key exchange that a suite may name.
var exchanges12 = map[suite.KeyExchange]*exchange12{
	suite.KeyExchangeECDHE: {
		form: msg.KeyExchangeECDHE, begin: (*server12).beginECDHE, check: (*client12).checkCurve, share: publicShare,
		theServers: "server_key_exchange.public", theClients: "client_key_exchange.ecdh_Yc",
	},
	suite.KeyExchangeDHE: {
		form: msg.KeyExchangeDHE, begin: (*server12).beginDHE, check: (*client12).checkField, share: publicShare,
		theServers: "server_key_exchange.dh_Ys", theClients: "client_key_exchange.dh_Yc",
	},
	suite.KeyExchangeRSA: {
		form: msg.KeyExchangeRSA, begin: (*server12).beginRSA, check: (*client12).checkRSA, share: encryptedShare,
		theServers: "certificate_1_2.certificate_list", theClients: "client_key_exchange.encrypted_pre_master_secret",
	},
}

func publicShare(m *msg.ClientKeyExchange) *[]byte    { return &m.Public }
func encryptedShare(m *msg.ClientKeyExchange) *[]byte { return &m.EncryptedPremaster }

// form is the form that a suite's key exchange gives to the messages that carry it.
func form(s *suite.Suite) msg.KeyExchange { return exchangeOf(s).form }

// beginECDHE makes a key on a curve (RFC 8422 §5.4).
func (s *server12) beginECDHE(m *msg.ServerKeyExchange) (suite.PrivateKey, error) {
	m.CurveType, m.NamedCurve = iana.CurveTypeNamedCurve, s.group.ID
	return s.group.Generate(s.cfg.Rand)
}

// checkCurve takes a curve that we offered (RFC 8422 §5.4).
func (c *client12) checkCurve(m *msg.ServerKeyExchange) (responder, error) {
	g := c.cfg.group(m.NamedCurve)
	if g == nil || !g.Serves(c.result.Suite, c.result.Version) {
		return nil, alert.Illegal("server_key_exchange.named_curve", "RFC 8422 §5.4", "%v was not offered", m.NamedCurve)
	}
	c.result.Group = g.ID
	return g, nil
}

// beginDHE makes a key in a finite field, and says in which (RFC 5246 §7.4.3).
func (s *server12) beginDHE(m *msg.ServerKeyExchange) (suite.PrivateKey, error) {
	s.result.Field = s.group.Field()
	m.P, m.G = s.result.Field.P, s.result.Field.G
	return s.result.Field.Generate(s.cfg.Rand)
}

// checkField takes the server's field if it has a fair size: most servers do not let the
// client choose, as RFC 7919 has it.
func (c *client12) checkField(m *msg.ServerKeyExchange) (responder, error) {
	f, err := suite.FiniteField(m.P, m.G, c.cfg.MinFieldBits, c.cfg.MaxFieldBits)
	if err != nil {
		return nil, err
	}
	c.result.Field, c.result.Group = f, f.Group
	return f, nil
}

// beginRSA has nothing to say: the key is the certificate's.
func (s *server12) beginRSA(*msg.ServerKeyExchange) (suite.PrivateKey, error) {
	key, err := decrypter(s.cred)
	return &rsaDecrypter{s.ctx, s.cfg.Rand, key, s.hello.LegacyVersion}, err
}

// decrypter returns the key of a certificate that secrets can be encrypted to.
func decrypter(cred *auth.Credential) (crypto.Decrypter, error) {
	const where, ref = "certificate", "RFC 5246 §7.4.2"
	key, ok := cred.Key.(crypto.Decrypter)
	if _, pss := cred.Public().(*suite.PSSKey); !ok || pss {
		return nil, alert.NoCommonGround(where, ref, "our %s key, a %T, does not decrypt", suite.KeyName(cred.Public()), cred.Key)
	}
	if !auth.Allows(cred.Leaf, auth.ToEncipher) {
		return nil, alert.NoCommonGround(where, ref, "the certificate's key usage does not allow %s", auth.ToEncipher)
	}
	return key, nil
}

// rsaDecrypter is the server's half of RSA key exchange.
type rsaDecrypter struct {
	ctx    context.Context
	rand   io.Reader
	key    crypto.Decrypter
	oldest iana.Version // that the client's hello says, and its premaster secret repeats
}

func (*rsaDecrypter) Public() []byte { return nil }

// Shared returns the premaster secret, or bytes that nobody knows (RFC 5246 §7.4.7.1).
func (d *rsaDecrypter) Shared(encrypted []byte) (keys.Secret, error) {
	return auth.DecryptPremaster(d.ctx, d.rand, d.key, d.oldest, encrypted)
}

// Wipe does nothing: the key is the certificate's, and stays.
func (*rsaDecrypter) Wipe() {}

// checkRSA takes the certificate's key.
func (c *client12) checkRSA(*msg.ServerKeyExchange) (responder, error) {
	key, ok := c.result.Peer.Key.(*rsa.PublicKey)
	if !ok {
		return nil, alert.Illegal("certificate_1_2.certificate_list", "RFC 5246 §7.4.2",
			"nothing can be encrypted to its %s key, as %v asks for", suite.KeyName(c.result.Peer.Key), c.result.Suite.ID)
	}
	return &rsaEncrypter{key, c.client.hello.LegacyVersion}, nil
}

// rsaEncrypter is the client's half of RSA key exchange.
type rsaEncrypter struct {
	key     *rsa.PublicKey
	version iana.Version
}

// Respond makes a premaster secret (RFC 5246 §7.4.7.1).
func (e *rsaEncrypter) Respond(rand io.Reader, _ []byte) ([]byte, keys.Secret, error) {
	secret, encrypted, err := auth.EncryptPremaster(rand, e.key, e.version)
	return encrypted, secret, err
}

// choice12 is what a server of TLS 1.2 or before chooses together.
type choice12 struct {
	suite  *suite.Suite
	group  *suite.Group  // nil without Diffie-Hellman
	scheme *suite.Scheme // nil where nothing is signed
}

// choose12 picks the first of our suites that the client offers, that goes with the
// certificate, which may be nil, and for which all else that it takes is there too. If there is
// none, the error is about the first.
func choose12(p *Policy, v iana.Version, hello *msg.ClientHello, cred *auth.Credential) (choice12, error) {
	var first error
	for _, s := range p.Suites {
		if !s.Supports(v) || !goesWith(s, p, cred) || !slices.Contains(hello.CipherSuites, s.ID) {
			continue
		}
		c, err := complete12(p, v, hello, cred, s)
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = noSuite(hello.CipherSuites)
	}
	return choice12{}, first
}

// complete12 picks what goes with a suite.
func complete12(p *Policy, v iana.Version, hello *msg.ClientHello, cred *auth.Credential, s *suite.Suite) (choice12, error) {
	c := choice12{suite: s}
	var err error
	if s.Ephemeral() {
		c.group, err = chooseGroup12(p, v, s, hello)
	} else if !s.Shared() {
		_, err = decrypter(cred)
	}
	if err != nil || !s.Ephemeral() || s.Shared() {
		return c, err
	}
	const where = "client_hello.supported_groups"
	if curve := suite.CurveOf(cred.Public()); curve != 0 && !offersGroup(hello, curve) {
		return c, alert.NoCommonGround(where, "RFC 8422 §5.1",
			"the certificate's curve, %v, is missing; the client offers %s", curve, list(hello.SupportedGroups))
	}
	// A client that does not say accepts SHA-1 alone (RFC 5246 §7.4.1.4.1), which we do not sign with.
	c.scheme, err = auth.ChooseScheme(cred, v, hello.SignatureAlgorithms)
	return c, err
}

// chooseGroup12 picks a group for a suite's key exchange.
func chooseGroup12(p *Policy, v iana.Version, s *suite.Suite, hello *msg.ClientHello) (*suite.Group, error) {
	offers := offersGroup
	if s.KeyExchange == suite.KeyExchangeDHE {
		offers = offersField
	}
	for _, g := range p.groups12(v, s) {
		if offers(hello, g.ID) {
			return g, nil
		}
	}
	const where, text = "client_hello.supported_groups", "no group for %v in common; the client offers %s"
	if s.KeyExchange == suite.KeyExchangeDHE {
		return nil, alert.NoCommonGround(where, "RFC 7919 §4", text, s.KeyExchange, list(hello.SupportedGroups)).
			With(iana.AlertInsufficientSecurity)
	}
	return nil, alert.NoCommonGround(where, "RFC 8422 §4", text, s.KeyExchange, list(hello.SupportedGroups))
}

// groups12 lists the groups of p for a suite's key exchange. One that names no finite field
// has nothing against any: CurvePreferences are of curves, as a rule.
func (p *Policy) groups12(v iana.Version, s *suite.Suite) []*suite.Group {
	serve := func(from []*suite.Group) []*suite.Group {
		return slices.DeleteFunc(slices.Clone(from), func(g *suite.Group) bool { return !g.Serves(s, v) })
	}
	list := serve(p.Groups)
	if len(list) == 0 && s.KeyExchange == suite.KeyExchangeDHE {
		return serve(suite.Groups())
	}
	return list
}

// HasGroup reports whether p has a group for a suite, if that takes one.
func (p *Policy) HasGroup(s *suite.Suite, v iana.Version) bool {
	switch s.KeyExchange {
	case suite.KeyExchangeRSA, suite.KeyExchangePSK, suite.KeyExchangeDHE: // see groups12
		return true
	}
	return slices.ContainsFunc(p.Groups, func(g *suite.Group) bool { return g.Serves(s, v) })
}

// offersGroup reports whether a client of TLS 1.2 accepts a group. One without
// supported_groups accepts any (RFC 8422 §4).
func offersGroup(hello *msg.ClientHello, id iana.NamedGroup) bool {
	return !hello.Extensions.Has(iana.ExtSupportedGroups) || slices.Contains(hello.SupportedGroups, id)
}

// offersField reports whether a client accepts a finite field: any where it names none (RFC
// 7919 §4).
func offersField(hello *msg.ClientHello, id iana.NamedGroup) bool {
	const first, last = 0x0100, 0x01ff // the code points of finite fields, known or not
	return slices.Contains(hello.SupportedGroups, id) ||
		!slices.ContainsFunc(hello.SupportedGroups, func(g iana.NamedGroup) bool { return g >= first && g <= last })
}
