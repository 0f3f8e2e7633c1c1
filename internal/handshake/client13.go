package handshake

import (
	"crypto/hmac"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/order"
	"github.com/akushu/akushu/internal/session"
	"github.com/akushu/akushu/internal/suite"
)

// client13 is the client's side of TLS 1.3 after ServerHello.
type client13 struct {
	*client
	secrets13
	request *msg.CertificateRequest // nil: our certificate was not asked for
}

// recvAuthentication takes what proves who the server is: its Finished alone, where a PSK
// did.
func (c *client13) recvAuthentication() error {
	if c.psk == nil {
		if err := c.recvCertificateRequest(); err != nil {
			return err
		}
		if err := c.recvCertificate(); err != nil {
			return err
		}
	}
	return c.recvFinished()
}

// run goes through RFC 9846 Appendix A.1 from WAIT_SH on.
//
//	WAIT_SH      ServerHello            K_send = K_recv = handshake
//	             [early data]           K_send = early data, before and behind it
//	WAIT_EE      EncryptedExtensions
//	WAIT_CERT_CR [CertificateRequest]
//	WAIT_CERT    Certificate
//	WAIT_CV      CertificateVerify
//	WAIT_FINISHED Finished
//	             [EndOfEarlyData]       K_send = handshake
//	             [Certificate [CertificateVerify]] Finished
//	CONNECTED                           K_send = K_recv = application
//
// K_send changes earlier than in the RFC's figure, which asks for it below: so an alert
// about what the server sent is encrypted too. It waits for the end of early data.
func (c *client13) run(hello *msg.ServerHello) (*Result, Post, error) {
	shared, err := c.sharedSecret(hello)
	if err != nil {
		return nil, nil, err
	}
	c.derive(c.result, c.cfg.log(&c.hello.Random), shared, c.transcript.sum())
	defer c.wipe()
	for _, step := range []func() error{
		c.installHandshakeKeys,
		c.recvEncryptedExtensions,
		c.recvAuthentication,
		c.deriveApplication,
		c.sendEndOfEarlyData,
		c.sendLastFlight,
	} {
		if err := step(); err != nil {
			return nil, nil, err
		}
	}
	if err := c.t.SetWriteKeys(EpochApplication, c.keys(c.clientApplication)); err != nil {
		return nil, nil, err
	}
	c.result.Proof = ProofMessage
	return c.result, post13{client: true, tickets: c.receiveTickets(), asked: c.result.Asked, auth: c.postAuth()}, nil
}

// installHandshakeKeys encrypts all from here on, but for the ChangeCipherSpec that goes
// out with whatever we send next (RFC 9846 Appendix E.4).
func (c *client13) installHandshakeKeys() error {
	if err := c.changeCipherSpec(); err != nil {
		return err
	}
	if err := c.setWriteKeys(); err != nil {
		return err
	}
	return c.t.SetReadKeys(EpochHandshake, c.keys(c.serverHandshake))
}

// deriveApplication lets the user judge the server, and reads application data from here
// on.
func (c *client13) deriveApplication() error {
	c.application(c.result, c.transcript.sum())
	if err := c.cfg.peer(c.result); err != nil {
		return err
	}
	return c.t.SetReadKeys(EpochApplication, c.keys(c.serverApplication))
}

// sharedSecret checks the server's share and combines it with ours (RFC 9846 §4.3.8).
func (c *client13) sharedSecret(hello *msg.ServerHello) (keys.Secret, error) {
	const where, ref = "server_hello.key_share", "RFC 9846 §4.3.8"
	if err := c.checkEcho("server_hello", hello.LegacyVersion, hello.SessionID, hello.CompressionMethod); err != nil {
		return nil, err
	}
	if err := c.checkMode(hello); err != nil {
		return nil, err
	}
	if !hello.Extensions.Has(iana.ExtKeyShare) {
		return c.takeNoShare(hello)
	}
	for _, s := range c.shares {
		if s.group.ID == hello.KeyShare.Group {
			c.result.Group = s.group.ID
			if err := c.takeSelected(hello); err != nil {
				return nil, err
			}
			shared, err := s.key.Shared(hello.KeyShare.KeyExchange)
			return shared, at(where+".server_share.key_exchange", err)
		}
	}
	return nil, alert.Illegal(where+".server_share.group", ref, "no share for %v was sent", hello.KeyShare.Group)
}

// recvEncryptedExtensions takes the rest of what the server chose (RFC 9846 §4.4.1).
func (c *client13) recvEncryptedExtensions() error {
	m := &msg.EncryptedExtensions{}
	if _, err := c.receive(m); err != nil {
		return err
	}
	if err := order.CheckExtensions(order.Of(m), iana.VersionTLS13, &m.Extensions, c.requested); err != nil {
		return err
	}
	if err := c.recvAnswers("encrypted_extensions", answers{&m.Extensions, &m.ALPN, &m.ClientCertType, &m.ServerCertType, &m.RecordSizeLimit}); err != nil {
		return err
	}
	return c.recvEarlyData(m)
}

// recvCertificateRequest takes a request for our certificate, if there is one (RFC 9846
// §4.4.2).
func (c *client13) recvCertificateRequest() error {
	got, err := c.peek()
	if err != nil || got != iana.HandshakeCertificateRequest {
		return err
	}
	m, err := c.flow.recvCertificateRequest()
	if err != nil {
		return err
	}
	if len(m.RequestContext) != 0 {
		return alert.Illegal("certificate_request.certificate_request_context", "RFC 9846 §4.4.2", "it is not empty during the handshake")
	}
	c.request, c.result.Asked = m, true
	return nil
}

// recvCertificateRequest takes a request for our certificate, during the handshake or after it.
func (f *flow) recvCertificateRequest() (*msg.CertificateRequest, error) {
	m := &msg.CertificateRequest{}
	if _, err := f.receive(m); err != nil {
		return nil, err
	}
	if err := order.CheckExtensions(order.Of(m), iana.VersionTLS13, &m.Extensions, nil); err != nil {
		return nil, err
	}
	if !m.Extensions.Has(iana.ExtSignatureAlgorithms) {
		return nil, alert.Illegal("certificate_request", "RFC 9846 §4.3.3", "signature_algorithms is missing").
			With(iana.AlertMissingExtension)
	}
	return m, nil
}

// recvCertificate takes the server's Certificate and CertificateVerify (RFC 9846 §4.5).
func (c *client13) recvCertificate() error {
	c.layout.CertType = c.types.server
	m, err := c.recvChain(c.cfg.Compression)
	if err != nil {
		return err
	}
	if err := c.checkDelegated(m); err != nil {
		return err
	}
	chain, peer, err := peerChain(m, nil, c.requested)
	if err != nil {
		return err
	}
	if err := c.judge(auth.ToSign, chain, peer); err != nil {
		return err
	}
	schemes, err := c.takeDelegated(&m.List[0])
	if err != nil {
		return err
	}
	scheme, err := c.recvCertificateVerify(c.result.Peer, schemes, auth.ServerContext)
	c.result.Scheme = scheme
	return err
}

// recvFinished takes the server's Finished (RFC 9846 §4.5.3).
func (c *client13) recvFinished() error { return c.recvFinished13(c.kdf, c.serverHandshake) }

func (f *flow) recvFinished13(kdf keys.KDF, base keys.Secret) error {
	want := kdf.AppendFinished(nil, base, f.transcript.sum())
	m := &msg.Finished{}
	if _, err := f.receive(m); err != nil {
		return err
	}
	if !hmac.Equal(want, m.VerifyData) {
		return alert.BadSignature("finished.verify_data", "RFC 9846 §4.5.3", "it does not match the handshake as seen here")
	}
	return nil
}

func (f *flow) sendFinished13(kdf keys.KDF, base keys.Secret) error {
	return f.send(&msg.Finished{VerifyData: kdf.AppendFinished(nil, base, f.transcript.sum())})
}

// sendLastFlight sends our certificate, if asked for, and Finished.
func (c *client13) sendLastFlight() error {
	if c.request != nil {
		if err := c.sendCertificate(); err != nil {
			return err
		}
	}
	if err := c.sendFinished13(c.kdf, c.clientHandshake); err != nil {
		return err
	}
	return c.t.Flush()
}

// sendCertificate answers a CertificateRequest, with an empty list where we have no
// certificate for it (RFC 9846 §4.5.1.2).
func (c *client13) sendCertificate() error {
	cred, err := c.credential(&auth.CertificateRequestFacts{
		Version:     iana.VersionTLS13,
		Authorities: names(c.request.Authorities),
		Schemes:     c.request.SignatureAlgorithms,
	})
	if err != nil {
		return err
	}
	if cred == nil {
		return c.send(&msg.Certificate{RequestContext: c.request.RequestContext})
	}
	c.result.ClientScheme, err = c.sendCertificate13(c.ctx, c.cfg.Env, cred, auth.ClientContext, wishesOfServer(c.request, &c.cfg.Policy))
	return err
}

func (c *client) credential(facts *auth.CertificateRequestFacts) (*auth.Credential, error) {
	if c.types.client == iana.CertTypeRawPublicKey {
		return c.cfg.RawKey, nil
	}
	if c.cfg.Identity == nil {
		return nil, nil
	}
	return c.cfg.Identity.ClientCredential(c.ctx, facts)
}

func names(authorities []msg.DistinguishedName) [][]byte {
	all := make([][]byte, len(authorities))
	for i, n := range authorities {
		all[i] = n
	}
	return all
}

// secrets13 is what both sides of TLS 1.3 derive. The keys that go to the transport are
// copies: what is here is wiped in one place, however the handshake ends.
type secrets13 struct {
	kdf   keys.KDF
	suite *suite.Suite
	psk   *session.PSK // nil: none
	early keys.Early   // the schedule, begun with psk where that was needed before
	main  keys.Main

	earlyTraffic                         keys.Secret // of a server that accepts early data
	clientHandshake, serverHandshake     keys.Secret
	clientApplication, serverApplication keys.Secret
}

// derive makes the handshake traffic secrets of the shared secret, which it wipes (RFC 9846
// §7.1). helloHash is the transcript up to ServerHello.
func (s *secrets13) derive(r *Result, log keys.Log, shared keys.Secret, helloHash []byte) {
	defer shared.Wipe()
	s.suite = r.Suite
	s.kdf = keys.TLS13(r.Suite.Hash, log)
	if s.psk != nil && s.early == (keys.Early{}) {
		s.early = s.psk.Schedule(log)
	}
	if s.psk == nil {
		s.early = s.kdf.Early(nil)
	}
	schedule := s.early.Handshake(shared)
	s.clientHandshake, s.serverHandshake = schedule.Traffic(helloHash)
	s.main = schedule.Main()
}

// application makes the application traffic secrets and the exporter. finishedHash is the
// transcript up to the server's Finished.
func (s *secrets13) application(r *Result, finishedHash []byte) {
	client, server, exporter := s.main.Application(finishedHash)
	s.clientApplication, s.serverApplication = client, server
	r.Exporter = &exporter13{s.kdf, exporter}
}

// keys is what a transport protects records with under secret.
func (s *secrets13) keys(secret keys.Secret) *suite.TrafficKeys {
	return &suite.TrafficKeys{Version: iana.VersionTLS13, Suite: s.suite, Secret: secret.Clone()}
}

func (s *secrets13) wipe() {
	if s.early != (keys.Early{}) { // it is one ladder from there to main
		s.early.Wipe()
	}
	if s.psk != nil {
		s.psk.Key.Wipe()
	}
	for _, secret := range []keys.Secret{s.earlyTraffic, s.clientHandshake, s.serverHandshake, s.clientApplication, s.serverApplication} {
		secret.Wipe()
	}
}
