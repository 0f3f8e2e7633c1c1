package pki

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
)

// DefaultKeyKind is the kind of key that every client accepts and that costs a server least.
const DefaultKeyKind = "ecdsa-p256"

// keyKinds are the kinds of key, the default first.
var keyKinds = []struct {
	name     string
	generate func() (crypto.Signer, error)
}{
	{DefaultKeyKind, generateECDSA(elliptic.P256())},
	{"ecdsa-p384", generateECDSA(elliptic.P384())},
	{"ecdsa-p521", generateECDSA(elliptic.P521())},
	{"rsa-2048", generateRSA(2048)},
	{"rsa-3072", generateRSA(3072)},
	{"rsa-4096", generateRSA(4096)},
	{"ed25519", generateEd25519},
}

func generateECDSA(curve elliptic.Curve) func() (crypto.Signer, error) {
	return func() (crypto.Signer, error) { return ecdsa.GenerateKey(curve, rand.Reader) }
}

func generateRSA(bits int) func() (crypto.Signer, error) {
	return func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, bits) }
}

func generateEd25519() (crypto.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

// KeyKinds are the names that GenerateKey takes, the default first.
func KeyKinds() []string {
	names := make([]string, len(keyKinds))
	for i, k := range keyKinds {
		names[i] = k.name
	}
	return names
}

// GenerateKey makes a private key of a kind that KeyKinds lists, in upper or lower case, or an *UnknownKindError. Its
// randomness is the system's: the standard library takes no other for keys.
func GenerateKey(kind string) (crypto.Signer, error) {
	for _, k := range keyKinds {
		if strings.EqualFold(k.name, kind) {
			return k.generate()
		}
	}
	return nil, &UnknownKindError{Kind: kind, Nearest: nearestKind(kind)}
}

// An UnknownKindError is for a kind of key that there is not.
type UnknownKindError struct {
	Kind    string
	Nearest string // the kind that looks most like it
}

func (e *UnknownKindError) Error() string {
	return fmt.Sprintf("unknown key type %q, did you mean %q? possible are %s", e.Kind, e.Nearest, strings.Join(KeyKinds(), ", "))
}

// nearestKind is the kind that takes the fewest letters added and taken away to get to.
func nearestKind(kind string) string {
	kind = strings.ToLower(kind)
	if len(kind) > 64 {
		kind = kind[:64] // nobody meant that
	}
	nearest, fewest := "", 0
	for _, k := range keyKinds {
		edits := len(kind) + len(k.name) - 2*common(kind, k.name)
		if nearest == "" || edits < fewest {
			nearest, fewest = k.name, edits
		}
	}
	return nearest
}

// common is the length of the longest common subsequence.
func common(a, b string) int {
	row := make([]int, len(b)+1) // for the part of a so far, by how much of b
	for i := range len(a) {
		diagonal := 0
		for j := range len(b) {
			above := row[j+1]
			if a[i] == b[j] {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			diagonal = above
		}
	}
	return row[len(b)]
}

// KeyName names a public key and its size: "RSA 2048", "ECDSA P-256", "Ed25519"; "" for a type that it does not know.
func KeyName(public crypto.PublicKey) string {
	switch k := public.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	case *ecdh.PublicKey:
		return fmt.Sprint(k.Curve())
	}
	return ""
}
