package suite

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"filippo.io/bigmod"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
)

// Field is Diffie-Hellman in a finite field as TLS 1.2 and before have it: the server says with which numbers, and its share
// and the client's are numbers too (RFC 5246 §7.4.3, §7.4.7.2). A Field is shared; nothing of it may be changed. For TLS 1.3,
// where only named ones are left, the same is a [Group].
type Field struct {
	Name  string          // "ffdhe2048", "modp2048", where RFC 7919 or RFC 3526 has exactly these numbers; "" for others
	Group iana.NamedGroup // that RFC 7919 gives it, or 0
	Bits  int             // of P
	P, G  []byte          // big-endian, without leading zeros

	exponent int // bits of a private exponent
	modulus  *bigmod.Modulus
	base     *bigmod.Nat
}

// The sizes of P in bits that FiniteField takes unless it is told otherwise.
const (
	MinFieldBits = 2048 // what is shorter may be in somebody's reach
	MaxFieldBits = 8192 // what is longer is of no use but to keep us busy
)

// FiniteField returns the field that a server's ServerKeyExchange says, big-endian. p must be odd and have least to most
// bits, zero being MinFieldBits and MaxFieldBits, and 1 < g < p-1. Whether p is prime and what g generates is not checked
// (RFC 7919 §5.1 says what that would take): without a Name, the server vouches for it.
//
// A p that is too short is an insufficient_security; all else is an illegal_parameter.
func FiniteField(p, g []byte, least, most int) (*Field, error) {
	p, g = bytes.TrimLeft(p, "\x00"), bytes.TrimLeft(g, "\x00")
	if err := checkModulus(p, least, most); err != nil {
		return nil, err
	}
	f, err := fieldOf(p, g)
	if err != nil {
		return nil, alert.Illegal("server_key_exchange.dh_g", "RFC 5246 §7.4.3", "the generator: %w", err)
	}
	return f, nil
}

func checkModulus(p []byte, least, most int) error {
	const where, ref = "server_key_exchange.dh_p", "RFC 5246 §7.4.3"
	if least == 0 {
		least = MinFieldBits
	}
	if most == 0 {
		most = MaxFieldBits
	}
	switch n := bitLen(p); {
	case n < least || n < 3:
		return alert.Illegal(where, ref, "a modulus of %d bits, at least %d are wanted", n, least).With(iana.AlertInsufficientSecurity)
	case n > most:
		return alert.Illegal(where, ref, "a modulus of %d bits, at most %d are taken", n, most)
	case p[len(p)-1]%2 == 0:
		return alert.Illegal(where, ref, "the modulus is even, hence no prime")
	}
	return nil
}

// bitLen returns the length in bits of a number without leading zeros.
func bitLen(p []byte) int {
	if len(p) == 0 {
		return 0
	}
	return 8*(len(p)-1) + bits.Len8(p[0])
}

// fieldOf returns the field of p, which was checked, and g. A private exponent may be short where p is known to be a safe
// prime; where it is not, anything shorter than p may be found piece by piece (RFC 7919 §5.1).
func fieldOf(p, g []byte) (*Field, error) {
	f := &Field{Bits: bitLen(p), P: bytes.Clone(p), exponent: bitLen(p) - 1}
	if known := knownPrimes()[string(p)]; known != nil {
		f = known.field()
		if bytes.Equal(f.G, g) {
			return f, nil
		}
		f = &Field{Bits: f.Bits, P: f.P, exponent: f.exponent, modulus: f.modulus}
	}
	return f, f.generateWith(g)
}

// generateWith makes g the generator of a field that has none.
func (f *Field) generateWith(g []byte) (err error) {
	if f.modulus == nil {
		if f.modulus, err = bigmod.NewModulus(f.P); err != nil {
			return err
		}
	}
	f.G = bytes.Clone(g)
	f.base, err = f.element(g)
	return err
}

// Field returns the group as TLS 1.2 says it, or nil for one that is no finite field.
func (g *Group) Field() *Field {
	if k, ok := g.kem.(finiteField); ok {
		return k.prime.field()
	}
	return nil
}

// String says which field it is.
func (f *Field) String() string {
	if f.Name != "" {
		return f.Name
	}
	return fmt.Sprintf("a field of %d bits without a name", f.Bits)
}

// Generate makes a key from bytes of rand: the same bytes give the same key. Its share is as long as P, for old peers want
// it so; the peer's may have leading zeros or not.
//
// The secret has none (RFC 5246 §8.1.2). How long it is shows in the time that it takes to hash it, from which the secret of
// another exchange with the same key can be found (the Raccoon attack); so a key must be for one exchange.
func (f *Field) Generate(rand io.Reader) (PrivateKey, error) {
	k, err := f.generate(rand)
	if err != nil {
		return nil, err
	}
	return &strippingKey{k}, nil
}

// Respond answers the server's share, with the share of a new key and the secret, as Generate describes them. A share that
// is no number from 2 to P-2 is an *alert.Error with handshake_failure (RFC 7919 §3), whose Where the caller fills in.
func (f *Field) Respond(rand io.Reader, peer []byte) (share []byte, secret keys.Secret, err error) {
	return respondDH(f, rand, peer)
}

// strippingKey is a key for TLS 1.2.
type strippingKey struct{ *fieldKey }

func (k *strippingKey) Shared(peer []byte) (keys.Secret, error) {
	secret, err := k.exchange(peer)
	if err != nil {
		return nil, alert.Illegal("", "RFC 7919 §3", "share for %v: %w", k.field, err).With(iana.AlertHandshakeFailure)
	}
	return bytes.TrimLeft(secret, "\x00"), nil
}

// finiteField is one of RFC 7919's groups as TLS 1.3 has them: shares and secrets have the length of p (RFC 9846 §4.3.8.1,
// §7.4.1).
type finiteField struct{ prime *prime }

func (k finiteField) generate(g *Group, rand io.Reader) (PrivateKey, error) {
	key, err := k.prime.field().generate(rand)
	if err != nil {
		return nil, err
	}
	return &paddedKey{key, g}, nil
}

func (finiteField) respond(g *Group, rand io.Reader, peer []byte) ([]byte, keys.Secret, error) {
	return respondDH(g, rand, peer)
}

// paddedKey is a key for TLS 1.3.
type paddedKey struct {
	*fieldKey
	group *Group
}

func (k *paddedKey) Shared(peer []byte) (keys.Secret, error) {
	if err := k.group.checkLen(peer, k.group.ReplyLen); err != nil {
		return nil, err
	}
	secret, err := k.exchange(peer)
	if err != nil {
		return nil, alert.Illegal("", k.group.ref(), "share for %v: %w", k.group.ID, err)
	}
	return secret, nil
}

// fieldKey is what the keys of either version have in common: a private exponent and the share that it makes.
type fieldKey struct {
	field    *Field
	exponent keys.Secret
	public   []byte
}

// generate makes an exponent of exactly as many bits as it should have (RFC 7919 §5.2).
func (f *Field) generate(rand io.Reader) (*fieldKey, error) {
	k := &fieldKey{field: f, exponent: make(keys.Secret, (f.exponent+7)/8)}
	if err := fill(rand, k.exponent); err != nil {
		return nil, err
	}
	highest := byte(1) << ((f.exponent - 1) % 8)
	k.exponent[0] = k.exponent[0]&(highest-1) | highest
	k.public = f.power(f.base, k.exponent)
	return k, nil
}

func (k *fieldKey) Public() []byte { return k.public }

// Wipe zeroes the exponent. The public share stays, for it may be on its way out.
func (k *fieldKey) Wipe() { k.exponent.Wipe() }

// exchange returns the secret, as long as P. In a field that we do not know a share may be in a small subgroup, and the
// secret no secret.
func (k *fieldKey) exchange(peer []byte) (keys.Secret, error) {
	y, err := k.field.element(bytes.TrimLeft(peer, "\x00"))
	if err != nil {
		return nil, err
	}
	secret := k.field.power(y, k.exponent)
	last := len(secret) - 1
	if subtle.ConstantTimeCompare(secret[:last], make([]byte, last)) == 1 && secret[last] <= 1 {
		return nil, errors.New("the secret would be 0 or 1")
	}
	return secret, nil
}

// power returns x^exponent, as long as P, in a time that does not depend on the numbers.
func (f *Field) power(x *bigmod.Nat, exponent keys.Secret) []byte {
	result := bigmod.NewNat().Exp(x, exponent, f.modulus)
	defer clear(result.Bits())
	return result.Bytes(f.modulus)
}

// element returns the number that b, without leading zeros, says: one that may be a share or a generator, from 2 to P-2
// (RFC 7919 §5.1). It is public.
func (f *Field) element(b []byte) (*bigmod.Nat, error) {
	x, err := bigmod.NewNat().SetBytes(b, f.modulus)
	if err != nil || x.IsZero()|x.IsOne()|x.IsMinusOne(f.modulus) == 1 {
		return nil, errors.New("it is not between 1 and the modulus less 1")
	}
	return x, nil
}
