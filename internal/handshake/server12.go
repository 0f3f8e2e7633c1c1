package handshake

import (
	"crypto"
	"slices"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/suite"
)

// server12 is the server's side of TLS 1.2 after ClientHello.
type server12 struct {
	*server
	secrets12
	resumption12
	cred   *auth.Credential
	scheme *suite.Scheme
	group  *suite.Group
	key    suite.PrivateKey
}

// run goes through the full handshake of RFC 5246 §7.3 from ServerHello on.
//
//	Client                                    Server
//	                                     ServerHello
//	                                     Certificate
//	                             [CertificateStatus]
//	                               ServerKeyExchange
//	                            [CertificateRequest]
//	                                 ServerHelloDone
//	[Certificate]
//	ClientKeyExchange
//	[CertificateVerify]
//	ChangeCipherSpec                          K_recv
//	Finished
//	                              [NewSessionTicket]
//	                                ChangeCipherSpec  K_send
//	                                        Finished
func (s *server12) run() (*Result, Post, error) {
	defer s.wipe()
	for _, step := range []func() error{s.checkClientHello, s.chooseSession} {
		if err := step(); err != nil {
			return nil, nil, err
		}
	}
	if s.session != nil {
		return s.resume()
	}
	for _, step := range []func() error{
		s.negotiate,
		s.promise,
		s.sendServerHello,
		s.sendCertificate,
		s.sendServerKeyExchange,
		s.sendCertificateRequest,
		s.sendServerHelloDone,
		s.recvCertificate,
		s.recvClientKeyExchange,
		s.recvCertificateVerify,
	} {
		if err := step(); err != nil {
			return nil, nil, err
		}
	}
	first, err := s.recvFinished12(&s.flow, keys.Client)
	if err != nil {
		return nil, nil, err
	}
	if err := s.cfg.peer(s.result); err != nil {
		return nil, nil, err
	}
	if err := s.sendTicket(); err != nil {
		return nil, nil, err
	}
	if _, err := s.sendFinished12(&s.flow, keys.Server); err != nil {
		return nil, nil, err
	}
	s.keepSession()
	s.finish12(s.result, first, &s.hello.Random, &s.random)
	return s.result, post12{}, nil
}

func (s *server12) wipe() {
	s.secrets12.wipe()
	s.session.Wipe()
	if s.key != nil {
		s.key.Wipe()
	}
}

// checkClientHello checks what TLS 1.2 asks of every ClientHello.
func (s *server12) checkClientHello() error {
	const where = "client_hello"
	if !slices.Contains(s.hello.CompressionMethods, 0) {
		return alert.Illegal(where+".legacy_compression_methods", "RFC 5246 §7.4.1.2", "null compression is missing")
	}
	if s.hello.Extensions.Has(iana.ExtECPointFormats) && !slices.Contains(s.hello.PointFormats, 0) {
		return alert.Illegal(where+".ec_point_formats", "RFC 8422 §5.1.2", "uncompressed points are missing")
	}
	if len(s.hello.RenegotiatedConnInfo) != 0 {
		return alert.Illegal(where+".renegotiation_info", "RFC 5746 §3.6", "it is not empty in a first handshake").
			With(iana.AlertHandshakeFailure)
	}
	return nil
}

// negotiate chooses certificate, suite, signature scheme, group and protocol.
func (s *server12) negotiate() error {
	cred, err := s.credential()
	if err != nil {
		return err
	}
	s.cred = cred
	s.group = chooseGroup12(&s.cfg.Policy, s.hello)
	if s.group == nil {
		return alert.NoCommonGround("client_hello.supported_groups", "RFC 8422 §4",
			"no group in common; the client offers %s", list(s.hello.SupportedGroups))
	}
	if curve := suite.CurveOf(cred.Key.Public()); curve != 0 && !offersGroup(s.hello, curve) {
		return alert.NoCommonGround("client_hello.supported_groups", "RFC 8422 §5.1",
			"the certificate's curve, %v, is missing; the client offers %s", curve, list(s.hello.SupportedGroups))
	}
	s.result.Suite, err = chooseSuite(s.suitesFor(cred.Key.Public()), s.hello.CipherSuites)
	if err != nil {
		return err
	}
	// A client that does not say accepts SHA-1 alone (RFC 5246 §7.4.1.4.1), which we do not sign with.
	s.scheme, err = auth.ChooseScheme(cred, iana.VersionTLS12, s.hello.SignatureAlgorithms)
	if err != nil {
		return err
	}
	s.result.Group, s.result.Scheme = s.group.ID, s.scheme.ID
	s.layout.KeyExchange = form(s.result.Suite)
	s.transcript.keep = s.cfg.ClientAuth.Requests()
	s.transcript.begin(s.result.Suite.Hash)
	return nil
}

// suitesFor lists our suites of TLS 1.2 that go with a certificate's key.
func (s *server12) suitesFor(pub crypto.PublicKey) []*suite.Suite {
	auth := suite.AuthFor(pub)
	return slices.DeleteFunc(s.cfg.suites(iana.VersionTLS12), func(c *suite.Suite) bool { return c.Auth != auth })
}

// sendServerHello answers with what was chosen (RFC 5246 §7.4.1.3).
func (s *server12) sendServerHello() error {
	if s.cfg.MaxVersion >= iana.VersionTLS13 {
		copy(s.random[24:], sentinel12[:])
	}
	m := &msg.ServerHello{
		LegacyVersion: iana.VersionTLS12,
		Random:        s.random,
		CipherSuite:   s.result.Suite.ID,
		PointFormats:  []byte{0},
	}
	x := &s.hello.Extensions
	if x.Has(iana.ExtRenegotiationInfo) || slices.Contains(s.hello.CipherSuites, iana.TLS_EMPTY_RENEGOTIATION_INFO_SCSV) {
		m.Extensions.Add(iana.ExtRenegotiationInfo)
	}
	if s.result.ServerName != "" && s.session == nil { // RFC 6066 §3: not where a session is resumed
		m.Extensions.Add(iana.ExtServerName)
	}
	for _, t := range []iana.ExtensionType{iana.ExtExtendedMainSecret, iana.ExtECPointFormats} {
		if x.Has(t) {
			m.Extensions.Add(t)
		}
	}
	if s.result.ALPN != "" {
		m.ALPN = []msg.ProtocolName{msg.ProtocolName(s.result.ALPN)}
		m.Extensions.Add(iana.ExtApplicationLayerProtocolNegotiation)
	}
	if len(s.cred.SCTs) > 0 && x.Has(iana.ExtSignedCertificateTimestamp) {
		m.SCTs = scts(s.cred)
		m.Extensions.Add(iana.ExtSignedCertificateTimestamp)
	}
	if s.staples() {
		m.Extensions.Add(iana.ExtStatusRequest)
	}
	limit, err := s.answerRecordLimit()
	if err != nil {
		return err
	}
	if m.RecordSizeLimit = limit; limit > 0 {
		m.Extensions.Add(iana.ExtRecordSizeLimit)
	}
	s.addSession(m)
	return s.send(m)
}

// staples reports whether an OCSP response is sent.
func (s *server12) staples() bool {
	return len(s.cred.OCSP) > 0 && s.hello.Extensions.Has(iana.ExtStatusRequest)
}

// sendCertificate sends our chain and what is stapled to it.
func (s *server12) sendCertificate() error {
	if err := s.send(&msg.Certificate12{List: s.cred.Chain}); err != nil {
		return err
	}
	if !s.staples() {
		return nil
	}
	return s.send(&msg.CertificateStatus{Status: msg.OCSPStatus{StatusType: iana.CertStatusOCSP, Response: s.cred.OCSP}})
}

// sendServerKeyExchange sends our share, signed (RFC 8422 §5.4).
func (s *server12) sendServerKeyExchange() error {
	var err error
	if s.key, err = s.group.Generate(s.cfg.Rand); err != nil {
		return alert.Internal("server_key_exchange", "no key for %v: %w", s.group.ID, err)
	}
	m := &msg.ServerKeyExchange{
		CurveType:  iana.CurveTypeNamedCurve,
		NamedCurve: s.group.ID,
		Public:     s.key.Public(),
		Algorithm:  s.scheme.ID,
	}
	unsigned, err := msg.Append(nil, &s.layout, m) // ParamsEnd says how far the parameters go
	if err != nil {
		return err
	}
	params := signedParams(&s.hello.Random, &s.random, unsigned[msg.HeaderLength:m.ParamsEnd])
	if m.Signature, err = auth.Sign(s.cfg.Rand, s.cred, s.scheme, params); err != nil {
		return err
	}
	return s.send(m)
}

func (s *server12) sendServerHelloDone() error {
	if err := s.send(&msg.ServerHelloDone{}); err != nil {
		return err
	}
	return s.t.Flush()
}

// recvClientKeyExchange takes the client's share and derives the keys (RFC 8422 §5.7).
func (s *server12) recvClientKeyExchange() error {
	m := &msg.ClientKeyExchange{}
	if _, err := s.receive(m); err != nil {
		return err
	}
	premaster, err := s.key.Shared(m.Public)
	if err != nil {
		return at("client_key_exchange.ecdh_Yc", err)
	}
	defer premaster.Wipe()
	s.derive(s.result, s.cfg.log(&s.hello.Random), premaster, s.transcript.sum(), &s.hello.Random, &s.random)
	return nil
}
