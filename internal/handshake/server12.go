package handshake

import (
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
	choice12
	cred *auth.Credential
	key  suite.PrivateKey // of the key exchange
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
		s.chooseCertTypes,
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
	s.keepSession() // before the client has our Finished, and can be back
	if _, err := s.sendFinished12(&s.flow, keys.Server); err != nil {
		return nil, nil, err
	}
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
	cred, err := s.certified()
	if err != nil {
		return err
	}
	if s.choice12, err = choose12(&s.cfg.Policy, s.result.Version, s.hello, cred); err != nil {
		return err
	}
	if s.cred = cred; s.suite.Shared() {
		s.cred = &auth.Credential{} // none is shown
	}
	r := s.result
	r.Suite = s.suite
	if s.group != nil {
		r.Group = s.group.ID
	}
	if s.scheme != nil {
		r.Scheme = s.scheme.ID
	}
	s.layout.KeyExchange = form(s.suite)
	s.transcript.keep = s.asks()
	s.transcript.begin(s.suite.TranscriptHash(r.Version))
	return nil
}

// sendServerHello answers with what was chosen (RFC 5246 §7.4.1.3).
func (s *server12) sendServerHello() error {
	s.markDowngrade()
	m := &msg.ServerHello{
		LegacyVersion: s.result.Version,
		Random:        s.random,
		CipherSuite:   s.result.Suite.ID,
		PointFormats:  uncompressed,
	}
	x := &s.hello.Extensions
	s.result.EncryptThenMAC = x.Has(iana.ExtEncryptThenMAC) && s.result.Suite.Cipher.CBC() // also where a session is resumed
	if x.Has(iana.ExtRenegotiationInfo) || slices.Contains(s.hello.CipherSuites, iana.TLS_EMPTY_RENEGOTIATION_INFO_SCSV) {
		m.Extensions.Add(iana.ExtRenegotiationInfo)
		s.result.BindsAnother = true
	}
	if err := s.answer(answers{&m.Extensions, &m.ALPN, &m.ClientCertType, &m.ServerCertType, &m.RecordSizeLimit}, s.session != nil); err != nil {
		return err
	}
	for _, each := range []struct {
		code   iana.ExtensionType
		answer bool
	}{
		{iana.ExtExtendedMainSecret, true},
		{iana.ExtEncryptThenMAC, s.result.EncryptThenMAC},
		{iana.ExtECPointFormats, s.result.Suite.KeyExchange == suite.KeyExchangeECDHE},
	} {
		if each.answer && x.Has(each.code) {
			m.Extensions.Add(each.code)
		}
	}
	if len(s.cred.SCTs) > 0 && x.Has(iana.ExtSignedCertificateTimestamp) {
		m.SCTs = scts(s.cred)
		m.Extensions.Add(iana.ExtSignedCertificateTimestamp)
	}
	if s.staples() {
		m.Extensions.Add(iana.ExtStatusRequest)
	}
	s.addSession(m)
	return s.send(m)
}

// markDowngrade has the random say that we speak a newer version, so that the client can
// tell if somebody else talked it out of that (RFC 9846 §4.2.3).
func (s *server12) markDowngrade() {
	switch newest := s.cfg.MaxVersion; {
	case s.result.Version < iana.VersionTLS12 && newest >= iana.VersionTLS12:
		copy(s.random[24:], sentinel11[:])
	case newest >= iana.VersionTLS13:
		copy(s.random[24:], sentinel12[:])
	}
}

// staples reports whether an OCSP response is sent.
func (s *server12) staples() bool {
	return len(s.cred.OCSP) > 0 && s.hello.Extensions.Has(iana.ExtStatusRequest)
}

// sendCertificate sends our chain and what is stapled to it.
func (s *server12) sendCertificate() error {
	if s.suite.Shared() {
		return nil
	}
	if err := s.send(s.certificate12(s.cred)); err != nil {
		return err
	}
	if !s.staples() {
		return nil
	}
	return s.send(&msg.CertificateStatus{Status: msg.OCSPStatus{StatusType: iana.CertStatusOCSP, Response: s.cred.OCSP}})
}

// sendServerKeyExchange begins the key exchange, and where that takes a share of ours, sends
// it, signed (RFC 5246 §7.4.3, RFC 8422 §5.4).
func (s *server12) sendServerKeyExchange() error {
	m := &msg.ServerKeyExchange{}
	if s.suite.Shared() {
		m.IdentityHint = []byte(s.cfg.PSKHint12)
	}
	key, err := exchangeOf(s.suite).begin(s, m)
	if err != nil {
		return alert.Internal("server_key_exchange", "no key for %v: %w", s.suite.KeyExchange, err)
	}
	s.key = key
	if !s.speaks() {
		return nil
	}
	m.Public = key.Public()
	if s.scheme == nil { // nothing is signed
		return s.send(m)
	}
	m.Algorithm = s.scheme.ID
	unsigned, err := msg.Append(s.buf[:0], &s.layout, m) // ParamsEnd says how far the parameters go
	if err != nil {
		return err
	}
	behind := unsigned[len(unsigned):]
	params := appendSignedParams(behind, &s.hello.Random, &s.random, unsigned[msg.HeaderLength:m.ParamsEnd])
	if m.Signature, err = auth.Sign(s.ctx, s.cfg.Rand, s.cred, s.scheme, params); err != nil {
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

// recvClientKeyExchange takes the client's side and derives the keys (RFC 5246 §7.4.7).
func (s *server12) recvClientKeyExchange() error {
	exchange := exchangeOf(s.suite)
	m := &msg.ClientKeyExchange{}
	if _, err := s.receive(m); err != nil {
		return err
	}
	premaster, err := s.key.Shared(*exchange.share(m))
	if err != nil {
		return at(exchange.theClients, err)
	}
	if premaster, err = s.mixTheirs(premaster, m); err != nil {
		return err
	}
	defer premaster.Wipe()
	s.derive(s.result, s.cfg.log(&s.hello.Random), premaster, s.transcript.sum(), &s.hello.Random, &s.random)
	return nil
}
