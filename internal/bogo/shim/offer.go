package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/hook"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/tls"
)

// offer is what an end is willing to do.
type offer struct {
	min, max   uint16   // of the version; zero: the lowest and the highest
	without    []uint16 // versions in between
	suites     []uint16
	ciphers    string // suites in OpenSSL's language
	groups     []uint16
	schemes    []uint16 // for signatures of the peer
	sign       []uint16 // for ours, where the credential does not say
	serverName string
	protocols  string // ALPN as it is sent: a client's offer
	protocol   string // ALPN that a server chooses
}

// callbacks is what the callbacks of the application do.
type callbacks struct {
	early                bool // the certificate comes from the callback that sees the ClientHello
	failEarly, failCert  bool
	verifyPeer, failPeer bool // the peer's certificate is judged, and not accepted
	custom               bool // by a callback that chooses its alert
	ocsp                 bool // one that judges the OCSP response, or gives it
	failOCSP, noOCSP     bool
	dos, failDoS         bool // one that turns clients away under attack
}

// config makes a Config of the plan.
func (s *session) config() (*tls.Config, error) {
	o := &s.plan.offer
	c := &tls.Config{
		ServerName:                  o.serverName,
		InsecureSkipVerify:          true, // what judges is a callback
		VerifyConnection:            s.judge,
		KeyLogWriter:                s.keys,
		DynamicRecordSizingDisabled: true,
	}
	for _, step := range []func(*tls.Config) error{o.setVersions, o.setSuites, o.setGroups, o.setProtocols, s.setIdentity, s.setPolicy} {
		if err := step(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// spoken is the versions that akushu has.
var spoken = []uint16{tls.VersionTLS12, tls.VersionTLS13}

// setVersions narrows the range of versions.
func (o *offer) setVersions(c *tls.Config) error {
	var left []uint16
	for _, v := range spoken {
		if v >= o.min && (o.max == 0 || v <= o.max) && !slices.Contains(o.without, v) {
			left = append(left, v)
		}
	}
	if len(left) == 0 {
		return notOffered(featureOldVersions)
	}
	c.MinVersion, c.MaxVersion = left[0], left[len(left)-1]
	if int(c.MaxVersion-c.MinVersion) != len(left)-1 {
		return notOffered("feature: a gap in the range of versions")
	}
	return nil
}

// setSuites understands what of OpenSSL's language for lists of suites the tests use and is
// not about suites that are not offered.
func (o *offer) setSuites(c *tls.Config) error {
	c.CipherSuites = o.suites
	switch o.ciphers {
	case "":
		return nil
	case "DEFAULT:!AES":
		c.CipherSuites = []uint16{
			tls.TLS_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		}
		return nil
	}
	if strings.Contains(o.ciphers, "[") {
		return notOffered("feature: cipher suites of equal preference")
	}
	for name := range strings.SplitSeq(o.ciphers, ":") {
		i := slices.IndexFunc(tls.CipherSuites(), func(s *tls.CipherSuite) bool { return s.Name == name })
		if i < 0 {
			return notOffered(suiteFeature(name))
		}
		c.CipherSuites = append(c.CipherSuites, tls.CipherSuites()[i].ID)
	}
	return nil
}

// suiteFeature is the feature that a suite needs which is not offered.
func suiteFeature(name string) string {
	switch {
	case strings.Contains(name, "3DES"):
		return feature3DES
	case strings.Contains(name, "_CBC_"):
		return featureCBC
	case strings.HasPrefix(name, "TLS_RSA_"):
		return featureRSA
	}
	return "feature: " + name
}

func (o *offer) setGroups(c *tls.Config) error {
	for _, id := range o.groups {
		if suite.GroupByID(iana.NamedGroup(id)) == nil {
			return notOffered(fmt.Sprintf("feature: %v", iana.NamedGroup(id)))
		}
		c.CurvePreferences = append(c.CurvePreferences, tls.CurveID(id))
	}
	return nil
}

// setProtocols offers or chooses by ALPN.
func (o *offer) setProtocols(c *tls.Config) error {
	if o.protocol != "" {
		c.NextProtos = []string{o.protocol}
	}
	for list := o.protocols; list != ""; {
		n := 1 + int(list[0])
		if n > len(list) {
			return errors.New("a truncated list of protocols")
		}
		c.NextProtos, list = append(c.NextProtos, list[1:n]), list[n:]
	}
	return nil
}

// setIdentity gives c our certificates, by the way that the test is about.
func (s *session) setIdentity(c *tls.Config) error {
	own, err := s.load()
	if err != nil {
		return err
	}
	if s.plan.server && s.plan.callback.verifyPeer {
		return notOffered(featureClientAuth)
	}
	if !s.plan.server {
		c.GetClientCertificate = s.chooseForServer(own)
		return nil
	}
	call := &s.plan.callback
	c.GetConfigForClient = s.seeHello(c, own)
	switch {
	case call.early: // it brings them
	case s.plan.async, call.ocsp, call.failCert:
		c.GetCertificate = s.chooseForClient(c, own)
	default:
		c.Certificates = own
	}
	return nil
}

// load reads our certificates: the default one comes last.
func (s *session) load() (own []tls.Certificate, err error) {
	for i := range s.plan.own {
		i = (i + 1) % len(s.plan.own)
		if s.plan.own[i].certFile == "" {
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

// setPolicy sets what Config has no field for.
func (s *session) setPolicy(c *tls.Config) error {
	schemes, err := s.plan.offer.schemesOf()
	if err != nil {
		return err
	}
	hook.Client(c, func(cfg *handshake.ClientConfig) { cfg.Schemes = schemes })
	hook.Server(c, func(cfg *handshake.ServerConfig) { cfg.Schemes = schemes })
	return nil
}

// usual is the signature schemes that the runner takes for the default.
var usual = []uint16{
	uint16(iana.SchemeECDSASecp256r1SHA256), uint16(iana.SchemeRSAPSSRSAESHA256), uint16(iana.SchemeRSAPKCS1SHA256),
	uint16(iana.SchemeECDSASecp384r1SHA384), uint16(iana.SchemeRSAPSSRSAESHA384), uint16(iana.SchemeRSAPKCS1SHA384),
	uint16(iana.SchemeRSAPSSRSAESHA512), uint16(iana.SchemeRSAPKCS1SHA512),
}

func (o *offer) schemesOf() ([]*suite.Scheme, error) {
	ids := o.schemes
	if ids == nil {
		ids = usual
	}
	list := make([]*suite.Scheme, len(ids))
	for i, id := range ids {
		if list[i] = suite.SchemeByID(iana.SignatureScheme(id)); list[i] == nil {
			return nil, notOffered(fmt.Sprintf("feature: signatures with %v", iana.SignatureScheme(id)))
		}
	}
	return list, nil
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
		i := slices.IndexFunc(own, func(cert tls.Certificate) bool { return tls.SupportsCertificate(c, hello, &cert) == nil })
		chosen := own[max(0, i)]
		if call.noOCSP {
			chosen.OCSPStaple = nil
		}
		return &chosen, nil
	}
}

// chooseForServer is the callback that chooses a client's certificate: the first that suits
// the server, whoever signed it, or just the first.
func (s *session) chooseForServer(own []tls.Certificate) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		s.asked = request
		s.elsewhere(func() {})
		if s.plan.callback.failCert {
			return nil, failing(iana.AlertInternalError)
		}
		anybody := &tls.CertificateRequestInfo{Version: request.Version, SignatureSchemes: request.SignatureSchemes}
		if len(own) == 0 {
			return &tls.Certificate{}, nil
		}
		i := slices.IndexFunc(own, func(cert tls.Certificate) bool { return tls.SupportsClientCertificate(anybody, &cert) == nil })
		return &own[max(0, i)], nil
	}
}

// judge is the callback that has the last word on the peer.
func (s *session) judge(tls.ConnectionState) error {
	s.elsewhere(func() {})
	call := &s.plan.callback
	switch {
	case !s.plan.server && call.ocsp && call.failOCSP:
		return failing(iana.AlertBadCertificateStatusResponse)
	case !call.verifyPeer || !call.failPeer:
		return nil
	case call.custom:
		return failing(iana.AlertCertificateUnknown)
	}
	return failing(iana.AlertHandshakeFailure)
}
