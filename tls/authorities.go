package tls

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/akushu/akushu/internal/auth"
)

// authoritiesKey is what the authorities of a client are kept under in the context of a
// ClientHelloInfo, which has no field for them.
type authoritiesKey struct{}

// withAuthorities returns ctx with a copy of names.
func withAuthorities(ctx context.Context, names [][]byte) context.Context {
	if len(names) == 0 {
		return ctx
	}
	own := make([][]byte, len(names))
	for i, name := range names {
		own[i] = bytes.Clone(name)
	}
	return context.WithValue(ctx, authoritiesKey{}, own)
}

// AcceptableCAs returns the authorities that a client says it trusts, as DER of their
// distinguished names (certificate_authorities, RFC 9846 §4.3.4), which ClientHelloInfo has no
// field for. Nil: it does not say, as most. hello must be what a callback of a [Config] was
// given. A server prefers those of Config.Certificates that they vouch for; GetCertificate may
// want to do the same.
func AcceptableCAs(hello *ClientHelloInfo) [][]byte {
	ctx := hello.Context()
	if ctx == nil { // a ClientHelloInfo that no callback was given
		return nil
	}
	names, _ := ctx.Value(authoritiesKey{}).([][]byte)
	return names
}

// signedBy says why none of authorities vouches for cred's chain, or nil.
func signedBy(authorities [][]byte, cred *auth.Credential) error {
	issuer := cred.Leaf
	for i := 0; ; i++ {
		if slices.ContainsFunc(authorities, func(name []byte) bool { return bytes.Equal(name, issuer.RawIssuer) }) {
			return nil
		}
		if i+1 >= len(cred.Chain) {
			return errors.New("tls: no authority that the peer accepts has signed the chain")
		}
		var err error
		if issuer, err = x509.ParseCertificate(cred.Chain[i+1]); err != nil {
			return fmt.Errorf("tls: certificate %d of the chain does not parse: %w", i+1, err)
		}
	}
}
