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

	var l rungs
	if _, err := l.x1.SetBytes(u); err != nil { // takes any 32 bytes, the top bit aside, as the RFC asks for
		panic("suite: x25519 point of a length that was checked: " + err.Error())
	}
	l.x2.One()
	l.x3.Set(&l.x1)
	l.z3.One()
	swap := 0
	for t := 254; t >= 0; t-- {
		bit := int(k[t/8]>>(t%8)) & 1
		l.swap(swap ^ bit)
		l.step()
		swap = bit
	}
	l.swap(swap)
	copy(out, l.x2.Multiply(&l.x2, l.z2.Invert(&l.z2)).Bytes())
	clear(k[:])
}

// rungs are the variables of the ladder: two points, (x2 : z2) and (x3 : z3), whose difference is (x1 : 1), and what a step
// computes on the way.
type rungs struct {
	x1, x2, z2, x3, z3 field.Element
	a, b, c, d, aa, bb field.Element
}

func (l *rungs) swap(yes int) {
	l.x2.Swap(&l.x3, yes)
	l.z2.Swap(&l.z3, yes)
}

// step doubles (x2 : z2), and adds it to (x3 : z3).
func (l *rungs) step() {
	l.a.Add(&l.x2, &l.z2)
	l.b.Subtract(&l.x2, &l.z2)
	l.c.Add(&l.x3, &l.z3)
	l.d.Subtract(&l.x3, &l.z3)
	l.d.Multiply(&l.d, &l.a) // DA
	l.c.Multiply(&l.c, &l.b) // CB
	l.aa.Square(&l.a)
	l.bb.Square(&l.b)

	l.x3.Add(&l.d, &l.c)
	l.x3.Square(&l.x3)
	l.z3.Subtract(&l.d, &l.c)
	l.z3.Square(&l.z3)
	l.z3.Multiply(&l.z3, &l.x1)

	l.x2.Multiply(&l.aa, &l.bb)
	l.bb.Subtract(&l.aa, &l.bb) // E
	l.z2.Mult32(&l.bb, 121665)
	l.z2.Add(&l.z2, &l.aa)
	l.z2.Multiply(&l.z2, &l.bb)
}
