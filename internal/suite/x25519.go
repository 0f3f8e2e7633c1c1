package suite

import (
	"crypto/subtle"
	"io"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/keys"
)

// x25519 is RFC 7748 §5. crypto/ecdh has it too, but multiplies the base point by the same slow ladder as any other, and
// does so for every private key that it is given. Here the base point goes by edwards25519's tables, at a third of the
// time, and the ladder runs on the same package's field, without allocating.
type x25519 struct{}

type x25519Key struct{ scalar, public [32]byte }

func (x25519) generate(_ *Group, rand io.Reader) (PrivateKey, error) {
	key := new(x25519Key)
	if err := key.generate(rand); err != nil {
		return nil, err
	}
	return key, nil
}

func (x25519) respond(g *Group, rand io.Reader, peer []byte) ([]byte, keys.Secret, error) {
	return respondDH(g, rand, peer)
}

// generate fills in a new key.
func (k *x25519Key) generate(rand io.Reader) error {
	if err := fill(rand, k.scalar[:]); err != nil {
		return err
	}
	scalar, err := new(edwards25519.Scalar).SetBytesWithClamping(k.scalar[:])
	if err != nil {
		return alert.Internal("key_share", "x25519: %w", err)
	}
	copy(k.public[:], new(edwards25519.Point).ScalarBaseMult(scalar).BytesMontgomery())
	*scalar = edwards25519.Scalar{}
	return nil
}

func (k *x25519Key) Public() []byte { return k.public[:] }

func (k *x25519Key) Shared(peer []byte) (keys.Secret, error) {
	if err := groupX25519.checkLen(peer, len(k.public)); err != nil {
		return nil, err
	}
	secret := make(keys.Secret, 32)
	if err := k.exchange(secret, peer); err != nil {
		return nil, err
	}
	return secret, nil
}

// exchange writes the shared secret to out. A secret of zeros means that the peer's point has a small order, so that it
// would know the secret whatever our key is (RFC 9846 §7.4.2).
func (k *x25519Key) exchange(out keys.Secret, peer []byte) error {
	ladder(out, &k.scalar, peer)
	if subtle.ConstantTimeCompare(out, make([]byte, 32)) == 1 {
		return alert.Illegal("", "RFC 9846 §7.4.2", "x25519 share is a point of small order, the secret would be zero")
	}
	return nil
}

// Wipe zeroes the scalar. The public share stays, for it may be on its way out.
func (k *x25519Key) Wipe() { clear(k.scalar[:]) }

// ladder is the function X25519 of RFC 7748 §5, which names the variables: the u coordinate of scalar times the point
// with coordinate u. It takes the same steps for every scalar.
func ladder(out []byte, scalar *[32]byte, u []byte) {
	k := *scalar
	k[0] &= 248
	k[31] = k[31]&127 | 64

	var x1, x2, z2, x3, z3 field.Element
	if _, err := x1.SetBytes(u); err != nil { // takes any 32 bytes, the top bit aside, as the RFC asks for
		panic("suite: x25519 point of a length that was checked: " + err.Error())
	}
	x2.One()
	x3.Set(&x1)
	z3.One()
	swap := 0
	for t := 254; t >= 0; t-- {
		bit := int(k[t/8]>>(t%8)) & 1
		x2.Swap(&x3, swap^bit)
		z2.Swap(&z3, swap^bit)
		swap = bit
		ladderStep(&x1, &x2, &z2, &x3, &z3)
	}
	x2.Swap(&x3, swap)
	z2.Swap(&z3, swap)
	copy(out, x2.Multiply(&x2, z2.Invert(&z2)).Bytes())
	clear(k[:])
}

// ladderStep doubles (x2 : z2) and adds it to (x3 : z3), whose difference is (x1 : 1).
func ladderStep(x1, x2, z2, x3, z3 *field.Element) {
	var a, aa, b, bb, e, c, d, da, cb field.Element
	a.Add(x2, z2)
	aa.Square(&a)
	b.Subtract(x2, z2)
	bb.Square(&b)
	e.Subtract(&aa, &bb)
	c.Add(x3, z3)
	d.Subtract(x3, z3)
	da.Multiply(&d, &a)
	cb.Multiply(&c, &b)
	x3.Add(&da, &cb)
	x3.Square(x3)
	z3.Subtract(&da, &cb)
	z3.Square(z3)
	z3.Multiply(x1, z3)
	x2.Multiply(&aa, &bb)
	z2.Mult32(&e, 121665)
	z2.Add(&aa, z2)
	z2.Multiply(&e, z2)
}
