package handshake

import (
	"bytes"
	"hash"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/session"
	"github.com/akushu/akushu/internal/suite"
)

// server13 is the server's side of TLS 1.3 after ClientHello.
type server13 struct {
	*server
	secrets13
	group    *suite.Group
	share    []byte                  // the client's, for group
	selected uint16                  // which of the client's PSKs is psk
	before   hash.Hash               // the transcript up to a HelloRetryRequest
	pskErr   error                   // of who knows PSKs
	resumed  auth.Peer               // the client of the session that was looked at last
	lent     []*session.PSK          // that were looked at
	request  *msg.CertificateRequest // nil: we did not ask for the client's certificate
}

// run goes through RFC 9846 Appendix A.2 from RECVD_CH on.
//
//	RECVD_CH      [HelloRetryRequest, ClientHello]
//	NEGOTIATED    ServerHello            K_send = handshake
//	              EncryptedExtensions
//	              [CertificateRequest]
//	              Certificate
//	              CertificateVerify
//	              Finished               K_send = application
//	WAIT_EOED     [early data,           K_recv = early data
//	               EndOfEarlyData]
//	WAIT_FLIGHT2                         K_recv = handshake
//	WAIT_CERT     [Certificate
//	WAIT_CV       [CertificateVerify]]
//	WAIT_FINISHED Finished               K_recv = application
//	CONNECTED
func (s *server13) run() (*Result, Post, error) {
	defer s.wipe()
	defer s.wipeLent()
	for _, step := range []func() error{s.checkClientHello, s.negotiate, s.chooseCertTypes, s.chooseEarlyData} {
		if err := step(); err != nil {
			return nil, nil, err
		}
	}
	shared, err := s.sendServerHello()
	if err != nil {
		return nil, nil, err
	}
	s.derive(s.result, s.cfg.log(&s.hello.Random), shared, s.transcript.sum())
	for _, step := range []func() error{
		s.installHandshakeKeys,
		s.sendEncryptedExtensions,
		s.sendAuthentication,
		s.recvEarlyData,
		s.recvAuthentication,
		s.judgePeer,
	} {
		if err := step(); err != nil {
			return nil, nil, err
		}
	}
	if err := s.sendTicket(); err != nil {
		return nil, nil, err
	}
	return s.result, s.post(), nil
}

// sendAuthentication sends what proves who we are: Finished alone, where a PSK does.
func (s *server13) sendAuthentication() error {
	if s.psk == nil {
		if err := s.sendCertificateRequest(); err != nil {
			return err
		}
		if err := s.sendCertificate(); err != nil {
			return err
		}
	}
	return s.sendFinished()
}

// recvAuthentication takes what proves who the client is.
func (s *server13) recvAuthentication() error {
	if s.psk == nil {
		if err := s.recvCertificate(); err != nil {
			return err
		}
	}
	return s.recvFinished()
}

// checkClientHello checks what TLS 1.3 asks of every ClientHello (RFC 9846 §4.2.2, §9.2).
func (s *server13) checkClientHello() error {
	const where = "client_hello"
	x := &s.hello.Extensions
	if !bytes.Equal(s.hello.CompressionMethods, noCompression) {
		return alert.Illegal(where+".legacy_compression_methods", "RFC 9846 §4.2.2", "only null compression may be offered")
	}
	for _, need := range []struct {
		t, with iana.ExtensionType
		unless  bool
	}{
		{iana.ExtSignatureAlgorithms, iana.ExtSupportedVersions, x.Has(iana.ExtPreSharedKey)},
		{iana.ExtSupportedGroups, iana.ExtSupportedVersions, x.Has(iana.ExtPreSharedKey)},
		{iana.ExtKeyShare, iana.ExtSupportedGroups, false},
		{iana.ExtSupportedGroups, iana.ExtKeyShare, false},
		{iana.ExtPSKKeyExchangeModes, iana.ExtPreSharedKey, false},
	} {
		if x.Has(need.with) && !x.Has(need.t) && !need.unless {
			return alert.NoCommonGround(where, "RFC 9846 §9.2", "%v is missing", need.t).With(iana.AlertMissingExtension)
		}
	}
	return s.checkShares()
}

// checkShares checks that each share is for a group that is offered, once (RFC 9846
// §4.3.8).
func (s *server13) checkShares() error {
	const where, ref = "client_hello.key_share.client_shares", "RFC 9846 §4.3.8"
	const offered, shared = 1, 2
	groups := make(map[iana.NamedGroup]int, len(s.hello.SupportedGroups))
	for _, g := range s.hello.SupportedGroups {
		groups[g] = offered
	}
	for _, share := range s.hello.KeyShares {
		switch groups[share.Group] {
		case 0:
			return alert.Illegal(where, ref, "a share for %v, which is not in supported_groups", share.Group)
		case shared:
			return alert.Illegal(where, ref, "two shares for %v", share.Group)
		}
		groups[share.Group] = shared
	}
	return nil
}

// negotiate chooses suite, group and protocol, by asking for a second ClientHello if need
// be (RFC 9846 §4.2.1, §4.2.4).
func (s *server13) negotiate() error {
	all := s.common()
	if len(all) == 0 {
		return noSuite(s.hello.CipherSuites)
	}
	var noGroup, err error
	if s.group, s.share, noGroup = chooseGroup(&s.cfg.Policy, s.hello); s.needsRetry() {
		if s.result.Suite, err = s.suiteForPSK(all); err != nil {
			return err
		}
		s.transcript.begin(s.result.Suite.Hash)
		if err := s.retry(); err != nil {
			return err
		}
		all = []*suite.Suite{s.result.Suite}
	}
	s.result.Suite = all[0]
	if s.result.ALPN, err = chooseALPN(&s.cfg.Policy, s.hello); err != nil {
		return err
	}
	if err := s.choosePSK(all); err != nil {
		return err
	}
	if !s.result.HelloRetry {
		s.transcript.begin(s.result.Suite.Hash)
	}
	if s.group != nil {
		s.result.Group = s.group.ID
	}
	if s.result.PSKOnly {
		return nil
	}
	return noGroup
}

// needsRetry reports whether a share is missing, and is needed: psk_ke does without.
func (s *server13) needsRetry() bool {
	mode, ok := s.usesPSKs()
	return s.group != nil && s.share == nil && !(ok && mode == iana.ModePSKKE)
}

// retry sends HelloRetryRequest and takes the second ClientHello (RFC 9846 §4.2.4).
func (s *server13) retry() error {
	m := &msg.HelloRetryRequest{
		LegacyVersion:   iana.VersionTLS12,
		Random:          msg.HelloRetryRandom,
		SessionID:       s.hello.SessionID,
		CipherSuite:     s.result.Suite.ID,
		SelectedVersion: iana.VersionTLS13,
		SelectedGroup:   s.group.ID,
	}
	m.Extensions.Add(iana.ExtSupportedVersions, iana.ExtKeyShare)
	s.transcript.retry()
	if err := s.send(m); err != nil {
		return err
	}
	if err := s.t.WriteChangeCipherSpec(); err != nil { // Appendix E.4: after our first message
		return err
	}
	if err := s.t.Flush(); err != nil {
		return err
	}
	s.skipEarlyData()
	s.result.HelloRetry = true
	s.before = s.transcript.fork()
	return s.recvSecondHello()
}

func (s *server13) recvSecondHello() error {
	const where, ref = "client_hello.key_share.client_shares", "RFC 9846 §4.3.8"
	first := s.hello
	s.hello = &msg.ClientHello{}
	var err error
	if s.raw, err = s.receive(s.hello); err != nil {
		return err
	}
	for _, check := range []func() error{
		s.checkExtensions,
		func() error { return sameHello(first, s.hello) },
		s.checkClientHello,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	if len(s.hello.KeyShares) != 1 || s.hello.KeyShares[0].Group != s.group.ID {
		return alert.Illegal(where, ref, "a share for %v alone was asked for", s.group.ID)
	}
	if s.hello.Extensions.Has(iana.ExtEarlyData) {
		return alert.Illegal("client_hello.early_data", "RFC 9846 §4.2.2", "it may not be in the second ClientHello")
	}
	s.share = s.hello.KeyShares[0].KeyExchange
	return nil
}

// sendServerHello finishes the key exchange and returns the shared secret.
func (s *server13) sendServerHello() (keys.Secret, error) {
	var public []byte
	var shared keys.Secret
	if s.group != nil {
		var err error
		if public, shared, err = s.group.Respond(s.cfg.Rand, s.share); err != nil {
			return nil, at("client_hello.key_share.client_shares.key_exchange", err)
		}
	}
	m := &msg.ServerHello{
		LegacyVersion:   iana.VersionTLS12,
		Random:          s.random,
		SessionID:       s.hello.SessionID,
		CipherSuite:     s.result.Suite.ID,
		SelectedVersion: iana.VersionTLS13,
		KeyShare:        msg.KeyShareEntry{Group: s.result.Group, KeyExchange: public},
	}
	m.Extensions.Add(iana.ExtSupportedVersions)
	if s.group != nil {
		m.Extensions.Add(iana.ExtKeyShare)
	}
	if s.psk != nil {
		m.SelectedIdentity = s.selected
		m.Extensions.Add(iana.ExtPreSharedKey)
	}
	if err := s.send(m); err != nil {
		shared.Wipe()
		return nil, err
	}
	return shared, nil
}

// installHandshakeKeys encrypts all from here on, in both directions, but for the
// ChangeCipherSpec that middleboxes expect after our first message (RFC 9846 Appendix E.4).
// Clients that send no session ID do without, but it does them no harm.
func (s *server13) installHandshakeKeys() error {
	if !s.result.HelloRetry { // else it went behind that
		if err := s.t.WriteChangeCipherSpec(); err != nil {
			return err
		}
	}
	if err := s.t.SetWriteKeys(EpochHandshake, s.keys(s.serverHandshake)); err != nil {
		return err
	}
	return s.setReadKeys()
}

// sendEncryptedExtensions sends what else was chosen (RFC 9846 §4.4.1).
func (s *server13) sendEncryptedExtensions() error {
	m := &msg.EncryptedExtensions{}
	if err := s.answer(answers{&m.Extensions, &m.ALPN, &m.ClientCertType, &m.ServerCertType, &m.RecordSizeLimit}, s.psk != nil); err != nil {
		return err
	}
	if s.result.EarlyData == EarlyDataAccepted {
		m.Extensions.Add(iana.ExtEarlyData)
	}
	return s.send(m)
}

// sendCertificate sends Certificate and CertificateVerify (RFC 9846 §4.5).
func (s *server13) sendCertificate() error {
	cred, err := s.credential13()
	if err != nil {
		return err
	}
	s.result.Scheme, err = s.sendCertificate13(s.ctx, s.cfg.Env, cred, auth.ServerContext, wishesOfClient(s.hello, &s.cfg.Policy))
	return err
}

// sendFinished ends our flight (RFC 9846 §4.5.3). What we send from here on is under the
// application's keys.
func (s *server13) sendFinished() error {
	if err := s.sendFinished13(s.kdf, s.serverHandshake); err != nil {
		return err
	}
	if err := s.t.Flush(); err != nil {
		return err
	}
	s.application(s.result, s.transcript.sum())
	return s.t.SetWriteKeys(EpochApplication, s.keys(s.serverApplication))
}

// recvFinished ends the client's flight.
func (s *server13) recvFinished() error {
	if err := s.recvFinished13(s.kdf, s.clientHandshake); err != nil {
		return err
	}
	return s.t.SetReadKeys(EpochApplication, s.keys(s.clientApplication))
}
