package main

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/tls"
)

// callbacks is what the callbacks of the application do.
type callbacks struct {
	early                bool // the certificate comes from the callback that sees the ClientHello
	failEarly, failCert  bool
	verifyPeer, failPeer bool // the peer's certificate is judged, and not accepted
	requirePeer          bool // a client must have one
	custom               bool // by a callback that chooses its alert
	ocsp                 bool // one that judges the OCSP response, or gives it
	failOCSP, noOCSP     bool
	again                bool // resumed connections are judged too
	dos, failDoS         bool // one that turns clients away under attack
	ticketCalls
}

// ticketCalls is what the callback does that makes and takes tickets.
type ticketCalls struct {
	ticket      bool // there is one
	noTicket    bool // it makes none
	renewTicket bool // it has clients get new ones when they resume
}

// setIdentity gives c our certificates, by the way that the test is about.
func (s *session) setIdentity(c *tls.Config) error {
	own, err := s.load()
	if err != nil {
		return err
	}
	c.PreSharedKeys = s.plan.psks()
	if !s.plan.server {
		s.insist(c)
		c.GetClientCertificate = s.chooseForServer(own)
		return nil
	}
	if err := s.setDelegated(c); err != nil {
		return err
	}
	call := &s.plan.callback
	switch {
	case call.requirePeer:
		c.ClientAuth = tls.RequireAnyClientCert
	case call.verifyPeer:
		c.ClientAuth = tls.RequestClientCert
	}
	c.GetConfigForClient = s.seeHello(c, own)
	switch {
	case call.early: // it brings them
	case len(own) == 0 && (s.plan.offer.psk != "" || c.PreSharedKeys != nil || c.DelegatedCredentials != nil || c.RawPublicKey != nil): // nobody needs any
	case s.plan.async, call.ocsp, call.failCert, s.gated(own):
		c.GetCertificate = s.chooseForClient(c, own)
	default:
		c.Certificates = own
	}
	return nil
}

// insist has a client that shares keys want nothing else, unless it judges certificates.
func (s *session) insist(c *tls.Config) {
	if c.PreSharedKeys == nil || s.plan.callback.verifyPeer {
		return
	}
	c.MinVersion, c.InsecureSkipVerify, c.RootCAs = tls.VersionTLS13, false, x509.NewCertPool()
	if c.ServerName == "" {
		c.ServerName = "localhost"
	}
}

// load reads our certificates: the default one comes last.
func (s *session) load() (own []tls.Certificate, err error) {
	for i := range s.plan.own {
		i = (i + 1) % len(s.plan.own)
		if s.plan.own[i].certFile == "" || s.plan.own[i].delegated != nil {
			continue
		}
		cert, err := s.plan.own[i].load(s, i-1)
		if err != nil {
			return nil, err
		}
		own = append(own, cert)
	}
	return own, nil
}

// credential is what a certificate that load returned was read from.
func (s *session) credential(cert *tls.Certificate) *credential {
	return s.plan.own[cert.PrivateKey.(*signer).index+1]
}

// failing is what a callback returns that the test wants to fail, with the alert that the
// runner then expects.
func failing(a iana.Alert) error {
	return fmt.Errorf("the callback fails, as the test asks: %w", tls.AlertError(a))
}

// seeHello is the callback that sees the ClientHello.
func (s *session) seeHello(c *tls.Config, own []tls.Certificate) func(*tls.ClientHelloInfo) (*tls.Config, error) {
	return func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		s.hello = hello
		s.elsewhere(func() {})
		call := &s.plan.callback
		switch {
		case call.failEarly:
			return nil, failing(iana.AlertHandshakeFailure)
		case call.dos && call.failDoS:
			return nil, failing(iana.AlertInternalError)
		}
		if !call.early {
			return nil, nil
		}
		with := c.Clone()
		with.Certificates, with.GetConfigForClient = own, nil
		return with, s.setPolicy(with)
	}
}

// chooseForClient is the callback that chooses a server's certificate.
func (s *session) chooseForClient(c *tls.Config, own []tls.Certificate) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		s.elsewhere(func() {})
		call := &s.plan.callback
		if call.failCert || call.ocsp && call.failOCSP {
			return nil, failing(iana.AlertInternalError)
		}
		i := slices.IndexFunc(own, func(cert tls.Certificate) bool {
			return tls.SupportsCertificate(c, hello, &cert) == nil && s.trusts(tls.AcceptableCAs(hello), &cert)
		})
		if i < 0 && s.gated(own) {
			return nil, failing(iana.AlertHandshakeFailure)
		}
		chosen := own[max(0, i)]
		if call.noOCSP {
			chosen.OCSPStaple = nil
		}
		return &chosen, nil
	}
}

// chooseForServer is the callback that chooses a client's certificate: the first that suits
// the server, whoever signed it unless that matters.
func (s *session) chooseForServer(own []tls.Certificate) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		s.asked = request
		s.elsewhere(func() {})
		if s.plan.callback.failCert {
			return nil, failing(iana.AlertInternalError)
		}
		if len(own) == 0 {
			return &tls.Certificate{}, nil
		}
		for i := range own {
			if s.suits(&own[i], request) {
				return &own[i], nil
			}
		}
		return nil, failing(iana.AlertHandshakeFailure)
	}
}

// suits reports whether a server that asks for a certificate takes cert. Whom it trusts counts
// only where the credential says so.
func (s *session) suits(cert *tls.Certificate, request *tls.CertificateRequestInfo) bool {
	asked := *request
	asked.AcceptableCAs = nil
	return tls.SupportsClientCertificate(&asked, cert) == nil && s.trusts(request.AcceptableCAs, cert)
}

// gated reports whether certificates are only for peers that name their issuer.
func (s *session) gated(own []tls.Certificate) bool {
	return slices.ContainsFunc(own, func(cert tls.Certificate) bool { return s.credential(&cert).matchIssuer })
}

// trusts reports whether a certificate need not, or does, come from one of the authorities.
func (s *session) trusts(authorities [][]byte, cert *tls.Certificate) bool {
	if !s.credential(cert).matchIssuer {
		return true
	}
	return slices.ContainsFunc(cert.Certificate, func(der []byte) bool {
		parsed, err := x509.ParseCertificate(der)
		return err == nil && slices.ContainsFunc(authorities, func(name []byte) bool { return bytes.Equal(name, parsed.RawIssuer) })
	})
}

// judge is the callback that has the last word on the peer.
func (s *session) judge(state tls.ConnectionState) error {
	s.elsewhere(func() {})
	s.judged++
	call := &s.plan.callback
	if s.plan.early.rejected && !s.plan.server && s.judged > 1 { // the first time was ahead of early data
		call = &s.plan.retry.callback
	}
	switch {
	case state.DidResume && !call.again:
		return nil
	case !s.plan.server && call.ocsp && call.failOCSP:
		return failing(iana.AlertBadCertificateStatusResponse)
	case !call.failPeer || !call.verifyPeer && !call.requirePeer:
		return nil
	case call.custom:
		return failing(iana.AlertCertificateUnknown)
	}
	return failing(iana.AlertHandshakeFailure)
}
