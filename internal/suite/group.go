package suite

import (
	"crypto/ecdh"
	"crypto/fips140"
	"crypto/mlkem"
	"io"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
)

// Group is a way of key exchange: a Diffie-Hellman group or a KEM, both seen as a KEM. One end, the client in TLS 1.3 and
// the server in TLS 1.2, generates a key and sends its share; the other responds to that with a share of its own and has
// the secret; the first gets the secret from that share.
type Group struct {
	ID                     iana.NamedGroup
	KeyExchange            KeyExchange
	PostQuantum            bool // it withstands a quantum computer
	Hybrid                 bool // it joins a classical and a post-quantum exchange, and is as strong as the stronger
	FIPS                   bool // approved by FIPS 140-3
	Default                bool // in the default policy
	MinVersion, MaxVersion iana.Version
	ShareLen               int // bytes of the share of the end that generates
	ReplyLen               int // bytes of the share of the end that responds
	SecretLen              int // bytes of the shared secret
	kem                    kem
}

// PrivateKey is the generating end's half of an exchange. It is for one exchange only.
type PrivateKey interface {
	// Public returns our share, which the caller must not change.
	Public() []byte
	// Shared returns the secret that the peer's share makes. A share that is not valid is an *alert.Error, whose Where
	// the caller fills in.
	Shared(peer []byte) (keys.Secret, error)
	// Wipe zeroes what can be zeroed of the key and drops the rest, which the standard library keeps for itself.
	Wipe()
}

// Combined is a PrivateKey of a hybrid group, of which the classical half may be offered by itself as well: a client sends
// two shares for the price of one (RFC 10024). Wiping either key wipes that half in both.
type Combined interface {
	PrivateKey
	Classical() (iana.NamedGroup, PrivateKey)
}

// kem is the behaviour of a group. Shares have been checked for length.
type kem interface {
	generate(g *Group, rand io.Reader) (PrivateKey, error)
	respond(g *Group, rand io.Reader, peer []byte) (share []byte, secret keys.Secret, err error)
}

// The order is of preference; CONTRACT and docs name that of the first five as the default. ML-KEM alone is for those who
// may use nothing else, as CNSA 2.0 has it. The finite fields are for peers that have no curves.
var groups = [...]*Group{
	groupX25519MLKEM768, groupX25519, groupP256, groupP384, groupP521,
	groupMLKEM1024, groupMLKEM768,
	dheGroup(ffdhe[0]), dheGroup(ffdhe[1]), dheGroup(ffdhe[2]), dheGroup(ffdhe[3]), dheGroup(ffdhe[4]),
}

var (
	groupX25519MLKEM768 = &Group{
		ID: iana.GroupX25519MLKEM768, KeyExchange: KeyExchangeHybrid, PostQuantum: true, Hybrid: true, FIPS: true, Default: true,
		MinVersion: iana.VersionTLS13, MaxVersion: iana.VersionTLS13, ShareLen: 1184 + 32, ReplyLen: 1088 + 32, SecretLen: 64,
		kem: x25519MLKEM768{},
	}
	groupX25519 = ecdheGroup(iana.GroupX25519, 32, 32, false, x25519{})
	groupP256   = ecdheGroup(iana.GroupSecp256r1, 65, 32, true, nist{ecdh.P256(), 0xff})
	groupP384   = ecdheGroup(iana.GroupSecp384r1, 97, 48, true, nist{ecdh.P384(), 0xff})
	groupP521   = ecdheGroup(iana.GroupSecp521r1, 133, 66, true, nist{ecdh.P521(), 0x01})

	groupMLKEM768  = kemGroup(iana.GroupMLKEM768, mlkem.EncapsulationKeySize768, mlkem.CiphertextSize768, mlkem768)
	groupMLKEM1024 = kemGroup(iana.GroupMLKEM1024, mlkem.EncapsulationKeySize1024, mlkem.CiphertextSize1024, mlkem1024)
)

func ecdheGroup(id iana.NamedGroup, share, secret int, fips bool, k kem) *Group {
	return &Group{
		ID: id, KeyExchange: KeyExchangeECDHE, FIPS: fips, Default: true, MinVersion: iana.VersionTLS10, MaxVersion: iana.VersionTLS13,
		ShareLen: share, ReplyLen: share, SecretLen: secret, kem: k,
	}
}

func kemGroup(id iana.NamedGroup, share, reply int, k kem) *Group {
	return &Group{
		ID: id, KeyExchange: KeyExchangeKEM, PostQuantum: true, FIPS: true, MinVersion: iana.VersionTLS13, MaxVersion: iana.VersionTLS13,
		ShareLen: share, ReplyLen: reply, SecretLen: mlkem.SharedKeySize, kem: k,
	}
}

func dheGroup(p *prime) *Group {
	size := p.bits / 8
	return &Group{
		ID: p.id, KeyExchange: KeyExchangeDHE, FIPS: true, MinVersion: iana.VersionTLS10, MaxVersion: iana.VersionTLS13,
		ShareLen: size, ReplyLen: size, SecretLen: size, kem: finiteField{p},
	}
}

// Groups returns every group, in order of preference.
func Groups() []*Group { return append([]*Group(nil), groups[:]...) }

// DefaultGroups returns the groups of the default policy, in order of preference; under GODEBUG=fips140=on only approved
// ones.
func DefaultGroups() []*Group { return defaultGroups(fips140.Enabled()) }

func defaultGroups(fips bool) []*Group {
	return filter(groups[:], func(g *Group) bool { return g.Default && (g.FIPS || !fips) })
}

// DefaultFields returns the finite fields that go with DHE where none is named. The larger ones cost more than they give.
func DefaultFields() []*Group {
	return filter(groups[:], func(g *Group) bool { return g.KeyExchange == KeyExchangeDHE && g.ShareLen <= 4096/8 })
}

// GroupByID returns the group, or nil for one that is not supported.
func GroupByID(id iana.NamedGroup) *Group {
	for _, g := range groups {
		if g.ID == id {
			return g
		}
	}
	return nil
}

// Supports reports whether the group may be used in version v.
func (g *Group) Supports(v iana.Version) bool { return g.MinVersion <= v && v <= g.MaxVersion }

// Serves reports whether a handshake with the suite, in version v, may use the group: in TLS 1.3 any group that has it, before
// that a group of the suite's own key exchange.
func (g *Group) Serves(s *Suite, v iana.Version) bool {
	return g.Supports(v) && s.Supports(v) && (s.KeyExchange == KeyExchangeNegotiated || s.KeyExchange == g.KeyExchange)
}

// Generate makes a key from bytes of rand: the same bytes give the same key.
func (g *Group) Generate(rand io.Reader) (PrivateKey, error) { return g.kem.generate(g, rand) }

// Respond answers the other end's share. A share that is not valid is an *alert.Error, whose Where the caller fills in.
// An ML-KEM group does not draw all of its randomness from rand; see there.
func (g *Group) Respond(rand io.Reader, peer []byte) (share []byte, secret keys.Secret, err error) {
	if err := g.checkLen(peer, g.ShareLen); err != nil {
		return nil, nil, err
	}
	return g.kem.respond(g, rand, peer)
}

func (g *Group) checkLen(share []byte, want int) error {
	if len(share) != want {
		return alert.Illegal("", g.ref(), "%v share of %d bytes, not %d", g.ID, len(share), want)
	}
	return nil
}

// ref is the section that says what a share looks like.
func (g *Group) ref() string {
	switch g.KeyExchange {
	case KeyExchangeHybrid:
		return "RFC 10024"
	case KeyExchangeKEM:
		return "draft-ietf-tls-mlkem"
	case KeyExchangeDHE:
		return "RFC 9846 §4.3.8.1"
	}
	return "RFC 9846 §4.3.8.2"
}

// respondDH is respond in Diffie-Hellman, where both ends do the same.
func respondDH(g interface {
	Generate(rand io.Reader) (PrivateKey, error)
}, rand io.Reader, peer []byte,
) ([]byte, keys.Secret, error) {
	key, err := g.Generate(rand)
	if err != nil {
		return nil, nil, err
	}
	defer key.Wipe()
	secret, err := key.Shared(peer)
	if err != nil {
		return nil, nil, err
	}
	return key.Public(), secret, nil
}

// fill reads random bytes.
func fill(rand io.Reader, p []byte) error {
	if _, err := io.ReadFull(rand, p); err != nil {
		return alert.Internal("key_share", "the random source failed: %w", err)
	}
	return nil
}
