package suite

import (
	"crypto/ecdh"
	"io"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/keys"
)

// x25519 is RFC 7748 §5, by crypto/ecdh.
type x25519 struct{}

type x25519Key struct {
	key    *ecdh.PrivateKey
	public []byte
	scalar [32]byte // while the key is made of it
}

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

// generate fills in a new key. crypto/ecdh's own generation ignores the reader that it is given.
func (k *x25519Key) generate(rand io.Reader) error {
	scalar := keys.Secret(k.scalar[:])
	defer scalar.Wipe()
	if err := fill(rand, scalar); err != nil {
		return err
	}
	key, err := ecdh.X25519().NewPrivateKey(scalar)
	if err != nil {
		return alert.Internal("key_share", "x25519: %w", err)
	}
	k.key, k.public = key, key.PublicKey().Bytes()
	return nil
}

func (k *x25519Key) Public() []byte { return k.public }

func (k *x25519Key) Shared(peer []byte) (keys.Secret, error) {
	if err := groupX25519.checkLen(peer, groupX25519.ReplyLen); err != nil {
		return nil, err
	}
	return k.exchange(peer)
}

// exchange returns the shared secret. A secret of zeros, which crypto/ecdh refuses, means that the peer's point has a small
// order, so that it would know the secret whatever our key is (RFC 9846 §7.4.2).
func (k *x25519Key) exchange(peer []byte) (keys.Secret, error) {
	point, err := ecdh.X25519().NewPublicKey(peer)
	if err != nil {
		return nil, alert.Illegal("", groupX25519.ref(), "x25519 share: %w", err)
	}
	secret, err := k.key.ECDH(point)
	if err != nil {
		return nil, alert.Illegal("", "RFC 9846 §7.4.2", "x25519 share is a point of small order, the secret would be zero")
	}
	return secret, nil
}

// Wipe drops the key, whose scalar is out of reach. The public share stays, for it may be on its way out.
func (k *x25519Key) Wipe() { k.key = nil }
