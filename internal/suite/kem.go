package suite

import (
	"crypto"
	"crypto/mlkem"
	"io"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/keys"
)

// pure is ML-KEM (FIPS 203) without anything beside it (draft-ietf-tls-mlkem), as crypto/mlkem has it.
type pure struct {
	decapsulation func(seed []byte) (crypto.Decapsulator, error)
	encapsulation func(key []byte) (crypto.Encapsulator, error)
}

var (
	mlkem768 = pure{
		func(seed []byte) (crypto.Decapsulator, error) { return mlkem.NewDecapsulationKey768(seed) },
		func(key []byte) (crypto.Encapsulator, error) { return mlkem.NewEncapsulationKey768(key) },
	}
	mlkem1024 = pure{
		func(seed []byte) (crypto.Decapsulator, error) { return mlkem.NewDecapsulationKey1024(seed) },
		func(key []byte) (crypto.Encapsulator, error) { return mlkem.NewEncapsulationKey1024(key) },
	}
)

type kemKey struct {
	group         *Group
	decapsulation crypto.Decapsulator
	public        []byte
}

func (p pure) generate(g *Group, rand io.Reader) (PrivateKey, error) {
	seed := make(keys.Secret, mlkem.SeedSize)
	defer seed.Wipe()
	if err := fill(rand, seed); err != nil {
		return nil, err
	}
	key, err := p.decapsulation(seed)
	if err != nil {
		return nil, alert.Internal("key_share", "ML-KEM: %w", err)
	}
	return &kemKey{g, key, key.Encapsulator().Bytes()}, nil
}

// respond has crypto/mlkem draw the randomness, which lets nobody give it.
func (p pure) respond(g *Group, _ io.Reader, peer []byte) ([]byte, keys.Secret, error) {
	key, err := p.encapsulation(peer)
	if err != nil {
		return nil, nil, alert.Illegal("", g.ref(), "%v share is no ML-KEM encapsulation key: %w", g.ID, err)
	}
	secret, ciphertext := key.Encapsulate()
	return ciphertext, secret, nil
}

func (k *kemKey) Public() []byte { return k.public }

func (k *kemKey) Shared(peer []byte) (keys.Secret, error) {
	if err := k.group.checkLen(peer, k.group.ReplyLen); err != nil {
		return nil, err
	}
	secret, err := k.decapsulation.Decapsulate(peer)
	if err != nil {
		return nil, alert.Illegal("", k.group.ref(), "%v share is no ML-KEM ciphertext: %w", k.group.ID, err)
	}
	return secret, nil
}

// Wipe drops the key, which is out of reach.
func (k *kemKey) Wipe() { k.decapsulation = nil }
