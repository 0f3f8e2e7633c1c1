// Package pki makes, reads and describes what authentication needs: keys, certificates and chains.
//
// The verbs that serve make a key and a certificate here when the user gave none, and read the files when there are
// some, with errors that say what is wrong in which block. Whoever verified a chain and failed asks for the diagnosis:
// which certificate is at fault, and why, as facts with a stable code. Words for them are the business of
// internal/explain.
//
// Profiles follow RFC 5280. The package knows nothing of TLS.
package pki

import (
	"crypto"
	"crypto/x509"
	"io"
	"time"
)

// Env is what the making of certificates takes from the world. Both fields are required.
type Env struct {
	Now  func() time.Time
	Rand io.Reader // of serial numbers, and of signatures as far as the standard library lets it
}

// An Identity is a chain of certificates, the leaf first, and the leaf's private key.
type Identity struct {
	Chain []*x509.Certificate
	Key   crypto.Signer
}

// Leaf is the certificate that Key belongs to.
func (i *Identity) Leaf() *x509.Certificate { return i.Chain[0] }

// DER is the chain as TLS sends it. The bytes are the certificates' own.
func (i *Identity) DER() [][]byte {
	der := make([][]byte, len(i.Chain))
	for n, c := range i.Chain {
		der[n] = c.Raw
	}
	return der
}
