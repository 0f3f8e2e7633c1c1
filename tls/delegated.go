package tls

import (
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/spki"
	"github.com/akushu/akushu/internal/suite"
)

// A DelegatedCredential is a key that the owner of a server's certificate let stand in for the
// certificate's own for a few days (RFC 9345): whoever runs the server need not have that one.
type DelegatedCredential struct {
	// Certificate is the chain, leaf first, with what is stapled to it. Its PrivateKey is not
	// looked at. The leaf has the extension DelegationUsage (1.3.6.1.4.1.44363.44) and
	// digitalSignature among its key usages, or clients refuse it.
	Certificate Certificate
	// Raw is the DelegatedCredential as it goes to clients (RFC 9345 §4), which the owner of the
	// leaf signed; [NewDelegatedCredential] makes one.
	Raw []byte
	// PrivateKey is the key that it is about: ECDSA, Ed25519, or RSA that Raw has for RSASSA-PSS
	// alone.
	PrivateKey crypto.Signer
}

// NewDelegatedCredential has the owner of cert, which has its private key, delegate to key until
// end, for signatures with scheme, or the first that goes with key where it is zero. Clients take
// no credential that has more than seven days to go, and none that ends after cert. rand is what
// signing takes.
func NewDelegatedCredential(rand io.Reader, cert *Certificate, key crypto.Signer, scheme SignatureScheme, end time.Time) (*DelegatedCredential, error) {
	owner, err := newCredential(cert)
	if err != nil {
		return nil, fmt.Errorf("tls: the certificate cannot be used: %w", err)
	}
	public := key.Public()
	if plain, ok := public.(*rsa.PublicKey); ok { // of RSA's no others are delegated to
		public = &suite.PSSKey{PublicKey: plain}
	}
	fitting := auth.Delegable(suite.SchemesFor(public, iana.VersionTLS13))
	if scheme == 0 {
		if len(fitting) == 0 {
			return nil, fmt.Errorf("tls: a %s key cannot be delegated to", suite.KeyName(public))
		}
		scheme = SignatureScheme(fitting[0].ID)
	}
	d, err := auth.Delegate(context.Background(), rand, owner, public, iana.SignatureScheme(scheme), end)
	if err != nil {
		return nil, fmt.Errorf("tls: no credential can be delegated: %w", err)
	}
	raw, err := d.Marshal()
	if err != nil {
		return nil, err
	}
	chain := *cert
	chain.PrivateKey = nil
	return &DelegatedCredential{Certificate: chain, Raw: raw, PrivateKey: key}, nil
}

// newDelegated checks that c's key is the one that is delegated to. What the owner of its certificate
// signed, and whether that may sign such, is for clients to judge.
func newDelegated(c *DelegatedCredential) (*auth.Credential, error) {
	cert := &c.Certificate
	if len(cert.Certificate) == 0 {
		return nil, errors.New("there is no certificate in it")
	}
	if c.PrivateKey == nil {
		return nil, errors.New("it has no private key")
	}
	leaf, err := spki.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("its leaf does not parse: %w", err)
	}
	d, err := auth.ParseDelegation(c.Raw)
	if err != nil {
		return nil, err
	}
	if err := d.CheckKey(auth.Delegable(suite.Schemes())); err != nil {
		return nil, err
	}
	if key, ok := d.Key.(interface{ Equal(crypto.PublicKey) bool }); !ok || !key.Equal(c.PrivateKey.Public()) {
		return nil, fmt.Errorf("its %s private key is not that which is delegated to", suite.KeyName(c.PrivateKey.Public()))
	}
	return &auth.Credential{
		Chain:      cert.Certificate,
		Leaf:       leaf,
		Key:        c.PrivateKey,
		Schemes:    []iana.SignatureScheme{d.Scheme},
		OCSP:       cert.OCSPStaple,
		SCTs:       cert.SignedCertificateTimestamps,
		Delegation: d,
	}, nil
}

// setDelegated has a server use c's delegated credentials, and a client take those of servers.
func (r *resolved) setDelegated(c *Config) error {
	r.client.Delegated = c.AcceptDelegatedCredentials
	for i := range c.DelegatedCredentials {
		cred, err := newDelegated(&c.DelegatedCredentials[i])
		if err != nil {
			return configError(fmt.Sprintf("DelegatedCredentials[%d]", i), "%w", err)
		}
		r.certificates.delegated = append(r.certificates.delegated, cred)
	}
	if len(r.certificates.delegated) > 0 {
		r.server.Delegated = &r.certificates
	}
	return nil
}

// DelegatedCredential implements auth.DelegatedIdentity: the first that the client can make use of
// is taken, of several those under authorities that it trusts.
func (s *certificates) DelegatedCredential(hello *auth.ClientHelloFacts, now time.Time) *auth.Credential {
	var suitable *auth.Credential
	for _, cred := range s.delegated {
		switch {
		case !suitsDelegated(hello, cred, now):
		case len(hello.Authorities) == 0 || signedBy(hello.Authorities, cred) == nil:
			return cred
		case suitable == nil:
			suitable = cred
		}
	}
	return suitable
}

// suitsDelegated reports whether a client can make use of a delegated credential (RFC 9345 §4.1.1).
func suitsDelegated(hello *auth.ClientHelloFacts, cred *auth.Credential, now time.Time) bool {
	d := cred.Delegation
	return slices.Contains(hello.Delegated, d.Scheme) &&
		slices.Contains(hello.Schemes, d.Algorithm) &&
		d.Timely(cred.Leaf, now) == nil &&
		(hello.ServerName == "" || cred.Leaf.VerifyHostname(hello.ServerName) == nil)
}
