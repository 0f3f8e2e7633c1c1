package suite

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"io"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
)

// nist is one of the curves P-256, P-384 and P-521. A share is an uncompressed point (RFC 9846 §4.3.8.2), the secret the
// x coordinate in full length (§7.4.2).
type nist struct {
	curve ecdh.Curve
	mask  byte // for the first byte of a scalar: its bits that the curve's order has
}

type nistKey struct {
	group *Group
	curve ecdh.Curve
	key   *ecdh.PrivateKey
}

// candidates is how many scalars are tried before the random source is given up. On these curves fewer than one in four
// billion is not below the order.
const candidates = 16

// generate reads scalars until one is good: crypto/ecdh's own generation ignores the reader that it is given.
func (n nist) generate(g *Group, rand io.Reader) (PrivateKey, error) {
	scalar := make(keys.Secret, g.SecretLen)
	defer scalar.Wipe()
	for range candidates {
		if err := fill(rand, scalar); err != nil {
			return nil, err
		}
		scalar[0] &= n.mask
		if key, err := n.curve.NewPrivateKey(scalar); err == nil {
			return &nistKey{g, n.curve, key}, nil
		}
	}
	return nil, alert.Internal("key_share", "the random source gives no scalar for %v", g.ID)
}

func (nist) respond(g *Group, rand io.Reader, peer []byte) ([]byte, keys.Secret, error) {
	return respondDH(g, rand, peer)
}

func (k *nistKey) Public() []byte { return k.key.PublicKey().Bytes() }

// Shared refuses what is not a point of the curve in uncompressed form; crypto/ecdh checks that.
func (k *nistKey) Shared(peer []byte) (keys.Secret, error) {
	if err := k.group.checkLen(peer, k.group.ReplyLen); err != nil {
		return nil, err
	}
	point, err := k.curve.NewPublicKey(peer)
	if err != nil {
		return nil, alert.Illegal("", k.group.ref(), "%v share is not an uncompressed point of the curve", k.group.ID)
	}
	secret, err := k.key.ECDH(point)
	if err != nil {
		return nil, alert.Illegal("", k.group.ref(), "%v share gives no secret: %w", k.group.ID, err)
	}
	return secret, nil
}

// Wipe drops the key, whose scalar is out of reach.
func (k *nistKey) Wipe() { k.key = nil }

// CurveOf returns the curve of an ECDSA key, 0 for other keys and other curves. A TLS 1.2 client must have offered it
// among its groups (RFC 8422 §5.1).
func CurveOf(pub crypto.PublicKey) iana.NamedGroup {
	key, ok := pub.(*ecdsa.PublicKey)
	if !ok {
		return 0
	}
	switch key.Curve {
	case elliptic.P256():
		return iana.GroupSecp256r1
	case elliptic.P384():
		return iana.GroupSecp384r1
	case elliptic.P521():
		return iana.GroupSecp521r1
	}
	return 0
}
