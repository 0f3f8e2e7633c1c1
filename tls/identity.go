package tls

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"weak"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/spki"
	"github.com/akushu/akushu/internal/stdtls"
	"github.com/akushu/akushu/internal/suite"
)

// certificates is what a Config says of its own certificates.
type certificates struct {
	own       []*auth.Credential // Config.Certificates
	delegated []*auth.Credential // Config.DelegatedCredentials
	forClient func(*ClientHelloInfo) (*Certificate, error)
	forServer func(*CertificateRequestInfo) (*Certificate, error)
	policy    *handshake.Policy
}

func (s *certificates) init(c *Config, policy *handshake.Policy) error {
	*s = certificates{forClient: c.GetCertificate, forServer: c.GetClientCertificate, policy: policy}
	if len(c.Certificates) == 0 {
		return nil
	}
	s.own = make([]*auth.Credential, len(c.Certificates))
	for i := range c.Certificates {
		var err error
		if s.own[i], err = newCredential(&c.Certificates[i]); err != nil {
			return configError(fmt.Sprintf("Certificates[%d]", i), "%w", err)
		}
	}
	return nil
}

// serverIdentity is a server's certificates for a connection over conn.
type serverIdentity struct {
	*certificates
	conn net.Conn
}

// ServerCredential implements auth.ServerIdentity: GetCertificate is asked first, where
// the client names a server or there is nothing else; then the first certificate that
// suits the client is taken, of several those under authorities that it trusts, or the first
// of all.
func (id *serverIdentity) ServerCredential(ctx context.Context, hello *auth.ClientHelloFacts) (*auth.Credential, error) {
	if id.forClient != nil && (len(id.own) == 0 || hello.ServerName != "") {
		cert, err := id.forClient(helloInfo(ctx, hello, id.conn))
		if err != nil {
			return nil, refused(err)
		}
		if cert != nil {
			return chosen("GetCertificate", cert)
		}
	}
	switch len(id.own) {
	case 0:
		if len(id.delegated) > 0 {
			return nil, alert.NoCommonGround("certificate", "RFC 9345 §4.1.1", "the client takes none of our delegated credentials, and there is nothing else")
		}
		return nil, nil
	case 1:
		return id.own[0], nil
	}
	var suitable *auth.Credential
	for _, cred := range id.own {
		switch {
		case supportsClient(id.policy, hello, cred) != nil:
		case len(hello.Authorities) == 0 || signedBy(hello.Authorities, cred) == nil:
			return cred, nil
		case suitable == nil:
			suitable = cred
		}
	}
	return cmp.Or(suitable, id.own[0]), nil
}

// clientIdentity is a client's certificates.
type clientIdentity struct{ *certificates }

// ClientCredential implements auth.ClientIdentity: GetClientCertificate decides alone
// where it is set, else the first certificate that suits the server is taken.
func (id clientIdentity) ClientCredential(ctx context.Context, request *auth.CertificateRequestFacts) (*auth.Credential, error) {
	if id.forServer != nil {
		cert, err := id.forServer(requestInfo(ctx, request))
		if err != nil {
			return nil, refused(err)
		}
		if cert != nil && len(cert.Certificate) == 0 {
			return nil, nil
		}
		return chosen("GetClientCertificate", cert)
	}
	for _, cred := range id.own {
		if supportsServer(request, cred) == nil {
			return cred, nil
		}
	}
	return nil, nil
}

// chosen is the credential of a certificate that a callback returned.
func chosen(callback string, cert *Certificate) (*auth.Credential, error) {
	if cert == nil {
		return nil, alert.Internal("certificate", "Config.%s returned neither a certificate nor an error", callback)
	}
	cred, err := credentials.of(cert)
	if err != nil {
		return nil, alert.Internal("certificate", "Config.%s returned a certificate that cannot be used: %w", callback, err)
	}
	return cred, nil
}

// newCredential checks that cert is a chain with the private key that belongs to it.
func newCredential(cert *Certificate) (*auth.Credential, error) {
	if len(cert.Certificate) == 0 {
		return nil, errors.New("there is no certificate in it")
	}
	key, err := privateKey(cert.PrivateKey)
	if err != nil {
		return nil, err
	}
	leaf := cert.Leaf
	if leaf == nil || leaf.PublicKey == nil { // crypto/x509 does not read every key that there is
		if leaf, err = spki.ParseCertificate(cert.Certificate[0]); err != nil {
			return nil, fmt.Errorf("its leaf does not parse: %w", err)
		}
	}
	if err := checkKey(key.Public(), spki.KeyOf(leaf)); err != nil {
		return nil, err
	}
	return &auth.Credential{
		Chain:   cert.Certificate,
		Leaf:    leaf,
		Key:     key,
		Schemes: convert[iana.SignatureScheme](cert.SupportedSignatureAlgorithms),
		OCSP:    cert.OCSPStaple,
		SCTs:    cert.SignedCertificateTimestamps,
	}, nil
}

// privateKey takes a key that signs, decrypts or both.
func privateKey(key crypto.PrivateKey) (auth.PrivateKey, error) {
	switch key := key.(type) {
	case nil:
		return nil, errors.New("it has no private key")
	case crypto.Signer:
		return key, nil
	case crypto.Decrypter:
		return key, nil
	}
	return nil, fmt.Errorf("its private key, a %T, is neither a crypto.Signer nor a crypto.Decrypter", key)
}

// checkKey checks that the leaf's key is of a kind that can sign handshakes, and that of pub.
func checkKey(pub, leaf crypto.PublicKey) error {
	key, ok := leaf.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !key.Equal(pub) {
		return fmt.Errorf("its %s private key does not belong to its leaf, which has another %s key", suite.KeyName(pub), suite.KeyName(leaf))
	}
	if !signs(leaf) {
		return fmt.Errorf("no signature scheme is for its %s key", suite.KeyName(leaf))
	}
	return nil
}

// signs reports whether there is a signature scheme for keys like pub. TLS 1.2 takes what
// TLS 1.3 takes, and more.
func signs(pub crypto.PublicKey) bool {
	return slices.ContainsFunc(defaults().Schemes, func(s *suite.Scheme) bool { return s.Fits(pub, iana.VersionTLS12) })
}

// credentialCache remembers what became of certificates that somebody still holds, so that a
// callback that returns the same one again and again costs nothing.
type credentialCache struct{ m sync.Map } // weak.Pointer[Certificate] → *auth.Credential

var credentials credentialCache

func (c *credentialCache) of(cert *Certificate) (*auth.Credential, error) {
	p := weak.Make(cert)
	if cred, ok := c.m.Load(p); ok {
		return cred.(*auth.Credential), nil
	}
	cred, err := newCredential(cert)
	if err != nil {
		return nil, err
	}
	if _, loaded := c.m.LoadOrStore(p, cred); !loaded {
		runtime.AddCleanup(cert, func(p weak.Pointer[Certificate]) { c.m.Delete(p) }, p)
	}
	return cred, nil
}

// SupportsCertificate returns nil if a server with this Config, which may be nil, could
// present cert to the client that sent hello, and otherwise says why not: the name, the
// signature schemes, and in TLS 1.2 the curves and cipher suites must fit. It takes the place
// of the method of ClientHelloInfo, which goes by crypto/tls's own policy.
func SupportsCertificate(config *Config, hello *ClientHelloInfo, cert *Certificate) error {
	r := config.resolve()
	if r.clientErr != nil {
		return r.clientErr
	}
	cred, err := newCredential(cert)
	if err != nil {
		return fmt.Errorf("tls: the certificate cannot be used: %w", err)
	}
	return supportsClient(&r.client.Policy, helloFacts(hello), cred)
}

// SupportsClientCertificate returns nil if a client could present cert to the server that
// asks for one with request, and otherwise says why not. It takes the place of the method
// of CertificateRequestInfo, which goes by crypto/tls's own policy.
func SupportsClientCertificate(request *CertificateRequestInfo, cert *Certificate) error {
	cred, err := newCredential(cert)
	if err != nil {
		return fmt.Errorf("tls: the certificate cannot be used: %w", err)
	}
	return supportsServer(&auth.CertificateRequestFacts{
		Version:     iana.Version(request.Version),
		Authorities: request.AcceptableCAs,
		Schemes:     convert[iana.SignatureScheme](request.SignatureSchemes),
	}, cred)
}

// supportsClient says why a server cannot present cred to a client, or nil.
func supportsClient(p *handshake.Policy, hello *auth.ClientHelloFacts, cred *auth.Credential) error {
	v := p.MaxVersion
	for v >= p.MinVersion && !slices.Contains(hello.Versions, v) {
		v--
	}
	if v < p.MinVersion {
		return errors.New("tls: the client speaks no version that this end speaks")
	}
	if hello.ServerName != "" {
		if err := cred.Leaf.VerifyHostname(hello.ServerName); err != nil {
			return fmt.Errorf("tls: the certificate is not for the name that the client asks for: %w", err)
		}
	}
	if v < iana.VersionTLS13 {
		return supportsClient12(p, v, hello, cred)
	}
	// What else there is to agree on does not depend on the certificate.
	_, err := auth.ChooseScheme(cred, v, hello.Schemes)
	return err
}

// supportsClient12 checks what TLS 1.2 ties to the certificate's key: the kind of cipher
// suite (RFC 8422 §2), and unless that encrypts to the key, how to sign and to exchange keys.
func supportsClient12(p *handshake.Policy, v iana.Version, hello *auth.ClientHelloFacts, cred *auth.Credential) error {
	kind := suite.AuthFor(cred.Public())
	err := fmt.Errorf("tls: there is no cipher suite for %v certificates in common with the client", kind)
	for _, s := range p.Suites {
		if !s.Supports(v) || s.Auth != kind || !slices.Contains(hello.CipherSuites, s.ID) {
			continue
		}
		if err = supportsSuite(p, v, hello, cred, s); err == nil {
			return nil
		}
	}
	return err
}

// supportsSuite checks what a suite needs.
func supportsSuite(p *handshake.Policy, v iana.Version, hello *auth.ClientHelloFacts, cred *auth.Credential, s *suite.Suite) error {
	if !s.Ephemeral() {
		_, pss := cred.Public().(*suite.PSSKey)
		if _, ok := cred.Key.(crypto.Decrypter); !ok || pss {
			return errors.New("tls: the private key does not decrypt")
		}
		return nil
	}
	if s.KeyExchange == suite.KeyExchangeECDHE {
		if err := supportsCurves(p, v, hello, cred.Public()); err != nil {
			return err
		}
	}
	_, err := auth.ChooseScheme(cred, v, hello.Schemes)
	return err
}

// supportsCurves checks that there can be an ECDHE at all, and with ECDSA the certificate's
// curve (RFC 8422 §5.1).
func supportsCurves(p *handshake.Policy, v iana.Version, hello *auth.ClientHelloFacts, pub crypto.PublicKey) error {
	const uncompressed = 0
	if len(hello.PointFormats) > 0 && !slices.Contains(hello.PointFormats, uncompressed) {
		return errors.New("tls: the client does not take uncompressed points")
	}
	accepts := func(id iana.NamedGroup) bool { // without the extension it takes any (RFC 8422 §4)
		return len(hello.Groups) == 0 || slices.Contains(hello.Groups, id)
	}
	if !slices.ContainsFunc(p.Groups, func(g *suite.Group) bool { return g.Supports(v) && accepts(g.ID) }) {
		return errors.New("tls: there is no group in common with the client")
	}
	if curve := suite.CurveOf(pub); curve != 0 && !accepts(curve) {
		return fmt.Errorf("tls: the client does not take the certificate's curve, %v", curve)
	}
	return nil
}

// asksFor reports whether one of schemes is of a kind. Before TLS 1.2 that is all that they say.
func asksFor(schemes []iana.SignatureScheme, kind suite.Authentication) bool {
	return slices.ContainsFunc(schemes, func(id iana.SignatureScheme) bool {
		s := suite.SchemeByID(id)
		return s != nil && s.Auth() == kind
	})
}

// supportsServer says why a client cannot present cred to a server that asks for a
// certificate, or nil.
func supportsServer(request *auth.CertificateRequestFacts, cred *auth.Credential) error {
	if _, err := auth.ChooseScheme(cred, request.Version, request.Schemes); err != nil {
		return err
	}
	if request.Version < iana.VersionTLS12 && !asksFor(request.Schemes, suite.AuthFor(cred.Public())) {
		return errors.New("tls: the server asks for certificates of another kind")
	}
	if len(request.Authorities) == 0 {
		return nil
	}
	return signedBy(request.Authorities, cred)
}

// helloInfo is what a callback is told of a client. It may be kept: nothing in it aliases
// the message.
func helloInfo(ctx context.Context, hello *auth.ClientHelloFacts, conn net.Conn) *ClientHelloInfo {
	info := &ClientHelloInfo{
		CipherSuites:      convert[uint16](hello.CipherSuites),
		ServerName:        hello.ServerName,
		SupportedCurves:   convert[CurveID](hello.Groups),
		SupportedPoints:   bytes.Clone(hello.PointFormats),
		SignatureSchemes:  convert[SignatureScheme](hello.Schemes),
		SupportedProtos:   slices.Clone(hello.ALPN),
		SupportedVersions: convert[uint16](hello.Versions),
		Extensions:        convert[uint16](hello.Extensions),
		Conn:              conn,
	}
	stdtls.SetHelloContext(info, withAuthorities(ctx, hello.Authorities))
	return info
}

// helloFacts is the inverse of helloInfo.
func helloFacts(info *ClientHelloInfo) *auth.ClientHelloFacts {
	return &auth.ClientHelloFacts{
		ServerName:   info.ServerName,
		ALPN:         info.SupportedProtos,
		Versions:     convert[iana.Version](info.SupportedVersions),
		CipherSuites: convert[iana.CipherSuite](info.CipherSuites),
		Groups:       convert[iana.NamedGroup](info.SupportedCurves),
		PointFormats: info.SupportedPoints,
		Schemes:      convert[iana.SignatureScheme](info.SignatureSchemes),
		Extensions:   convert[iana.ExtensionType](info.Extensions),
	}
}

// requestInfo is what a callback is told of a CertificateRequest. It may be kept.
func requestInfo(ctx context.Context, request *auth.CertificateRequestFacts) *CertificateRequestInfo {
	info := &CertificateRequestInfo{
		AcceptableCAs:    make([][]byte, len(request.Authorities)),
		SignatureSchemes: convert[SignatureScheme](request.Schemes),
		Version:          uint16(request.Version),
	}
	for i, name := range request.Authorities {
		info.AcceptableCAs[i] = bytes.Clone(name)
	}
	stdtls.SetRequestContext(info, ctx)
	return info
}

// convert copies code points into another type for them. Nil stays nil.
func convert[T, F ~uint16](from []F) []T {
	if from == nil {
		return nil
	}
	to := make([]T, len(from))
	for i, v := range from {
		to[i] = T(v)
	}
	return to
}
