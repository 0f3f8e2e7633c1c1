package suite

import (
	"crypto/mlkem"
	"io"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
)

// x25519MLKEM768 is ML-KEM-768 (FIPS 203) and X25519 side by side. In both shares and in the secret the ML-KEM part comes
// first (RFC 10024).
type x25519MLKEM768 struct{}

type hybridKey struct {
	decapsulation *mlkem.DecapsulationKey768
	x25519        x25519Key
	public        []byte
}

func (x25519MLKEM768) generate(g *Group, rand io.Reader) (PrivateKey, error) {
	key := new(hybridKey)
	seed := make(keys.Secret, mlkem.SeedSize)
	defer seed.Wipe()
	if err := fill(rand, seed); err != nil {
		return nil, err
	}
	var err error
	if key.decapsulation, err = mlkem.NewDecapsulationKey768(seed); err != nil {
		return nil, alert.Internal("key_share", "ML-KEM: %w", err)
	}
	if err := key.x25519.generate(rand); err != nil {
		return nil, err
	}
	key.public = append(make([]byte, 0, g.ShareLen), key.decapsulation.EncapsulationKey().Bytes()...)
	key.public = append(key.public, key.x25519.public...)
	return key, nil
}

// respond draws the X25519 key from rand; the randomness of the encapsulation crypto/mlkem draws itself, and lets nobody
// give it.
func (x25519MLKEM768) respond(g *Group, rand io.Reader, peer []byte) ([]byte, keys.Secret, error) {
	encapsulation, err := mlkem.NewEncapsulationKey768(peer[:mlkem.EncapsulationKeySize768])
	if err != nil {
		return nil, nil, alert.Illegal("", g.ref(), "%v share holds no ML-KEM encapsulation key: %w", g.ID, err)
	}
	var key x25519Key
	defer key.Wipe()
	if err := key.generate(rand); err != nil {
		return nil, nil, err
	}
	classical, err := key.exchange(peer[mlkem.EncapsulationKeySize768:])
	if err != nil {
		return nil, nil, err
	}
	shared, ciphertext := encapsulation.Encapsulate()
	secret := join(shared, classical)
	share := append(make([]byte, 0, g.ReplyLen), ciphertext...)
	return append(share, key.public...), secret, nil
}

// join puts the two secrets together, and wipes them where they were.
func join(first, second keys.Secret) keys.Secret {
	secret := append(append(make(keys.Secret, 0, len(first)+len(second)), first...), second...)
	first.Wipe()
	second.Wipe()
	return secret
}

func (k *hybridKey) Public() []byte { return k.public }

func (k *hybridKey) Shared(peer []byte) (keys.Secret, error) {
	g := groupX25519MLKEM768
	if err := g.checkLen(peer, g.ReplyLen); err != nil {
		return nil, err
	}
	classical, err := k.x25519.exchange(peer[mlkem.CiphertextSize768:])
	if err != nil {
		return nil, err
	}
	shared, err := k.decapsulation.Decapsulate(peer[:mlkem.CiphertextSize768])
	if err != nil {
		classical.Wipe()
		return nil, alert.Illegal("", g.ref(), "%v share holds no ML-KEM ciphertext: %w", g.ID, err)
	}
	return join(shared, classical), nil
}

// Classical returns the X25519 half as a key of its own.
func (k *hybridKey) Classical() (iana.NamedGroup, PrivateKey) { return iana.GroupX25519, &k.x25519 }

// Wipe drops both halves, which are out of reach.
func (k *hybridKey) Wipe() {
	k.x25519.Wipe()
	k.decapsulation = nil
}
