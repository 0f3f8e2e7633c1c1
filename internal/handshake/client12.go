package handshake

import (
	"crypto"
	"crypto/hmac"
	"slices"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/suite"
)

// client12 is the client's side of TLS 1.2 after ServerHello.
type client12 struct {
	*client
	secrets12
	hello   *msg.ServerHello
	request *msg.CertificateRequest12 // nil: our certificate was not asked for
}

// run goes through the full handshake of RFC 5246 §7.3 from ServerHello on.
//
//	Client                                    Server
//	                                     Certificate
//	                             [CertificateStatus]
//	                               ServerKeyExchange
//	                            [CertificateRequest]
//	                                 ServerHelloDone
//	[Certificate]
//	ClientKeyExchange
//	[CertificateVerify]
//	ChangeCipherSpec                          K_send
//	Finished
//	                              [NewSessionTicket]
//	                                ChangeCipherSpec  K_recv
//	                                        Finished
func (c *client12) run(hello *msg.ServerHello) (*Result, Post, error) {
	c.hello = hello
	c.layout.KeyExchange = form(c.result.Suite)
	if err := c.takeServerHello(); err != nil {
		return nil, nil, err
	}
	if c.result.Resumed {
		return c.resume()
	}
	if err := c.recvCertificate(); err != nil {
		return nil, nil, err
	}
	premaster, ours, err := c.recvServerKeyExchange()
	if err != nil {
		return nil, nil, err
	}
	defer premaster.Wipe()
	if err := c.recvServerHelloDone(); err != nil {
		return nil, nil, err
	}
	if err := c.cfg.peer(c.result); err != nil {
		return nil, nil, err
	}
	defer c.wipe()
	if err := c.sendKeyExchange(ours, premaster); err != nil {
		return nil, nil, err
	}
	first, err := c.sendFinished12(&c.flow, keys.Client)
	if err != nil {
		return nil, nil, err
	}
	ticket, err := c.recvTicket()
	if err != nil {
		return nil, nil, err
	}
	second, err := c.recvFinished12(&c.flow, keys.Server)
	if err != nil {
		return nil, nil, err
	}
	c.keepSession(ticket)
	c.finish12(c.result, first, &c.client.hello.Random, &c.hello.Random)
	return c.result, post12{client: true, again: c.mayRenegotiate(first, second)}, nil
}

// takeServerHello takes what of it is TLS 1.2's.
func (c *client12) takeServerHello() error {
	const where = "server_hello"
	if err := c.takeSessionID(); err != nil {
		return err
	}
	if err := c.again.checkInfo(c.hello); err != nil {
		return err
	}
	if c.hello.Extensions.Has(iana.ExtECPointFormats) && !slices.Contains(c.hello.PointFormats, 0) {
		return alert.Illegal(where+".ec_point_formats", "RFC 8422 §5.1.2", "uncompressed points are missing")
	}
	c.result.ExtendedMain = c.hello.Extensions.Has(iana.ExtExtendedMainSecret)
	c.result.BindsAnother = c.hello.Extensions.Has(iana.ExtRenegotiationInfo)
	c.result.EncryptThenMAC = c.hello.Extensions.Has(iana.ExtEncryptThenMAC)
	if c.result.EncryptThenMAC && !c.result.Suite.Cipher.CBC() {
		return alert.Illegal(where+".encrypt_then_mac", "RFC 7366 §3", "%v has no MAC of its own", c.result.Suite.ID)
	}
	for _, sct := range c.hello.SCTs {
		c.result.Peer.SCTs = append(c.result.Peer.SCTs, sct)
	}
	m := c.hello
	if err := c.recvAnswers(where, answers{&m.Extensions, &m.ALPN, &m.ClientCertType, &m.ServerCertType, &m.RecordSizeLimit}); err != nil {
		return err
	}
	return c.again.checkSame(c.result)
}

// recvCertificate takes the server's chain and, if it comes, an OCSP response for it.
func (c *client12) recvCertificate() error {
	if c.result.Suite.Shared() {
		return nil
	}
	const where, ref = "certificate_1_2.certificate_list", "RFC 5246 §7.4.2"
	m := &msg.Certificate12{}
	c.layout.CertType = c.types.server
	if _, err := c.receive(m); err != nil {
		return err
	}
	shown := chain12(m)
	if len(shown) == 0 {
		return alert.Malformed(where, ref, "the server sent no certificate")
	}
	peer := auth.Peer{SCTs: c.result.Peer.SCTs}
	if c.hello.Extensions.Has(iana.ExtStatusRequest) {
		if err := c.recvCertificateStatus(&peer); err != nil {
			return err
		}
	}
	if err := c.judge(useOf(c.result.Suite), shown, peer); err != nil {
		return err
	}
	if err := c.again.checkPeer(&c.result.Peer); err != nil {
		return err
	}
	curve := suite.CurveOf(c.result.Peer.Key)
	if curve != 0 && !offersGroup(c.client.hello, curve) {
		return alert.Illegal(where, "RFC 8422 §5.3", "the key's curve, %v, was not offered", curve)
	}
	return nil
}

// recvCertificateStatus takes an OCSP response; the server may leave it out although it
// announced it (RFC 6066 §8).
func (c *client12) recvCertificateStatus(peer *auth.Peer) error {
	got, err := c.peek()
	if err != nil || got != iana.HandshakeCertificateStatus {
		return err
	}
	m := &msg.CertificateStatus{}
	if _, err := c.receive(m); err != nil {
		return err
	}
	peer.OCSP = m.Status.Response
	return nil
}

// recvServerKeyExchange checks the server's share and its signature, where it sends one, and
// responds: the results are the premaster secret and our side of the exchange (RFC 5246
// §7.4.3, RFC 8422 §5.4).
func (c *client12) recvServerKeyExchange() (keys.Secret, *msg.ClientKeyExchange, error) {
	exchange := exchangeOf(c.result.Suite)
	m := &msg.ServerKeyExchange{}
	var raw []byte
	there, err := c.hasServerKeyExchange()
	if err != nil {
		return nil, nil, err
	}
	if there {
		if raw, err = c.receive(m); err != nil {
			return nil, nil, err
		}
	}
	server, err := exchange.check(c, m)
	if err != nil {
		return nil, nil, err
	}
	if raw != nil && !c.result.Suite.Shared() {
		if err := c.verifyParams(m, raw[msg.HeaderLength:m.ParamsEnd]); err != nil {
			return nil, nil, err
		}
	}
	ours := &msg.ClientKeyExchange{}
	var premaster keys.Secret
	if *exchange.share(ours), premaster, err = server.Respond(c.cfg.Rand, m.Public); err != nil {
		return nil, nil, at(exchange.theServers, err)
	}
	return c.mixOurs(premaster, ours), ours, nil
}

// hasServerKeyExchange reports whether the server sends one: where it has a share, and beside a
// pre-shared key alone if it has a hint (RFC 4279 §2).
func (c *client12) hasServerKeyExchange() (bool, error) {
	if c.result.Suite.KeyExchange != suite.KeyExchangePSK {
		return c.result.Suite.Ephemeral(), nil
	}
	got, err := c.peek()
	return got == iana.HandshakeServerKeyExchange, err
}

// verifyParams checks the signature of ServerKeyExchange.
func (c *client12) verifyParams(m *msg.ServerKeyExchange, params []byte) error {
	const where = "server_key_exchange"
	pub := c.result.Peer.Key
	if s := schemeOf(c.result.Version, m.Algorithm, pub); s != nil && s.Auth() != c.result.Suite.Auth {
		return alert.Illegal(where+".algorithm", "RFC 8422 §5.4", "%v signatures do not go with %v", s.Kind, c.result.Suite.ID)
	}
	c.result.Scheme = m.Algorithm
	return c.verify12(where, pub, c.cfg.Schemes, m.Algorithm, c.signedParams(params), m.Signature)
}

// schemeOf is the scheme of a signature, which before TLS 1.2 is the key's.
func schemeOf(v iana.Version, id iana.SignatureScheme, pub crypto.PublicKey) *suite.Scheme {
	if v < iana.VersionTLS12 {
		return suite.SchemeBefore12(pub)
	}
	return suite.SchemeByID(id)
}

// verify12 checks a signature of TLS 1.2 or before, called where.
func (f *flow) verify12(where string, pub crypto.PublicKey, offered []*suite.Scheme, id iana.SignatureScheme, content, sig []byte) error {
	if f.layout.Version < iana.VersionTLS12 {
		return auth.VerifyBefore12(where, pub, content, sig)
	}
	return auth.Verify12(where, pub, offered, id, content, sig)
}

// signedParams is what the signature of ServerKeyExchange covers (RFC 5246 §7.4.3).
func (c *client12) signedParams(params []byte) []byte {
	return appendSignedParams(c.buf[:0], &c.client.hello.Random, &c.hello.Random, params)
}

func appendSignedParams(dst []byte, client, server *[32]byte, params []byte) []byte {
	dst = append(dst, client[:]...)
	dst = append(dst, server[:]...)
	return append(dst, params...)
}

// recvServerHelloDone takes the end of the server's flight, and the request for our
// certificate that may come before it.
func (c *client12) recvServerHelloDone() error {
	got, err := c.peek()
	if err != nil {
		return err
	}
	if got == iana.HandshakeCertificateRequest && !c.result.Suite.Shared() {
		c.request, c.result.Asked = &msg.CertificateRequest12{}, true
		if _, err := c.receive(c.request); err != nil {
			return err
		}
	} else {
		c.transcript.forget()
	}
	_, err = c.receive(&msg.ServerHelloDone{})
	return err
}

// sendKeyExchange sends our side of the key exchange and derives the keys.
func (c *client12) sendKeyExchange(ours *msg.ClientKeyExchange, premaster keys.Secret) error {
	var cred *auth.Credential
	var err error
	if c.request != nil {
		if cred, err = c.sendCertificate(); err != nil {
			return err
		}
	}
	if err := c.send(ours); err != nil {
		return err
	}
	c.derive(c.result, c.cfg.log(&c.client.hello.Random), premaster, c.transcript.sum(), &c.client.hello.Random, &c.hello.Random)
	if cred == nil {
		return nil
	}
	return c.sendCertificateVerify(cred)
}

// sendCertificate answers a CertificateRequest, with an empty list where we have no
// certificate for it (RFC 5246 §7.4.6).
func (c *client12) sendCertificate() (*auth.Credential, error) {
	cred, err := c.credential(&auth.CertificateRequestFacts{
		Version:     c.result.Version,
		Authorities: names(c.request.Authorities),
		Schemes:     acceptable12(c.result.Version, c.request),
	})
	if err != nil {
		return nil, err
	}
	if cred != nil && c.result.Version < iana.VersionTLS12 && !takes(c.request, suite.AuthFor(cred.Public())) {
		cred = nil // no scheme that is acceptable says so
	}
	if cred == nil {
		c.layout.CertType = iana.CertTypeX509 // an empty message looks the same in both
		return nil, c.send(&msg.Certificate12{})
	}
	return cred, c.send(c.certificate12(cred))
}

// certificateTypes is what stands in certificate_types for the keys of each kind (RFC 5246
// §7.4.4, RFC 8422 §5.5).
var certificateTypes = map[suite.Authentication]iana.ClientCertificateType{
	suite.AuthRSA:   iana.ClientCertRSASign,
	suite.AuthECDSA: iana.ClientCertECDSASign,
}

// takes reports whether a request takes certificates of a kind.
func takes(m *msg.CertificateRequest12, kind suite.Authentication) bool {
	return slices.Contains(m.CertificateTypes, byte(certificateTypes[kind]))
}

// acceptable12 lists the signature schemes of a request that go with the types of
// certificate that it takes. Before TLS 1.2 it has none; so that a certificate can be chosen
// all the same, they are those that may go with its types.
func acceptable12(v iana.Version, m *msg.CertificateRequest12) []iana.SignatureScheme {
	all := slices.Clone(m.SignatureAlgorithms)
	if v < iana.VersionTLS12 {
		for _, s := range suite.Schemes() {
			all = append(all, s.ID)
		}
	}
	return slices.DeleteFunc(all, func(id iana.SignatureScheme) bool {
		s := suite.SchemeByID(id)
		return s != nil && !takes(m, s.Auth())
	})
}

// sendCertificateVerify proves that we have the certificate's key (RFC 5246 §7.4.8).
func (c *client12) sendCertificateVerify(cred *auth.Credential) error {
	scheme, err := auth.ChooseScheme(cred, c.result.Version, acceptable12(c.result.Version, c.request))
	if err != nil {
		return err
	}
	c.result.ClientScheme = scheme.ID
	sig, err := auth.Sign(c.ctx, c.cfg.Rand, cred, scheme, c.transcript.messages)
	if err != nil {
		return err
	}
	if c.result.Version < iana.VersionTLS12 {
		return c.send(&msg.CertificateVerify10{Signature: sig})
	}
	return c.send(&msg.CertificateVerify{Algorithm: scheme.ID, Signature: sig})
}

// secrets12 is what both sides of TLS 1.2 derive. The keys that go to the transport are its
// from then on; all others are wiped in one place, however the handshake ends.
type secrets12 struct {
	prf            keys.PRF
	main           keys.Secret
	client, server *suite.TrafficKeys // nil once the transport has them
}

// derive makes the main secret and all keys of it (RFC 5246 §8.1, §6.3; RFC 7627 §4).
func (s *secrets12) derive(r *Result, log keys.Log, premaster keys.Secret, sessionHash []byte, client, server *[32]byte) {
	s.prf = prf12(r.Version, r.Suite, log)
	if r.ExtendedMain {
		s.main = s.prf.ExtendedMainSecret(premaster, sessionHash)
	} else {
		s.main = s.prf.MainSecret(premaster, client[:], server[:])
	}
	s.expand(r, client, server)
}

// expand makes all keys of the main secret (RFC 5246 §6.3).
func (s *secrets12) expand(r *Result, client, server *[32]byte) {
	block := s.prf.KeyBlock(s.main, client[:], server[:], r.Suite.Lengths())
	both := [...]suite.TrafficKeys{trafficKeys12(r, &block.Client), trafficKeys12(r, &block.Server)}
	s.client, s.server = &both[0], &both[1]
}

// prf12 is the PRF of a version (RFC 5246 §5, RFC 4346 §5).
func prf12(v iana.Version, s *suite.Suite, log keys.Log) keys.PRF {
	if v < iana.VersionTLS12 {
		return keys.TLS10(log)
	}
	return keys.TLS12(s.Hash, log)
}

func trafficKeys12(r *Result, k *keys.WriteKeys) suite.TrafficKeys {
	return suite.TrafficKeys{
		Version: r.Version, Suite: r.Suite, Key: k.Key, IV: k.IV, MAC: k.MAC, EncryptThenMAC: r.EncryptThenMAC,
	}
}

// take hands over the keys of one side.
func (s *secrets12) take(side keys.Side) *suite.TrafficKeys {
	from := &s.client
	if side == keys.Server {
		from = &s.server
	}
	k := *from
	*from = nil
	return k
}

func (s *secrets12) wipe() {
	s.main.Wipe()
	for _, k := range []*suite.TrafficKeys{s.client, s.server} {
		if k != nil {
			k.Wipe()
		}
	}
}

// sendFinished12 changes our keys and sends Finished, whose contents it returns (RFC 5246
// §7.4.9).
func (s *secrets12) sendFinished12(f *flow, we keys.Side) ([]byte, error) {
	if err := f.t.WriteChangeCipherSpec(); err != nil {
		return nil, err
	}
	if err := f.t.SetWriteKeys(EpochApplication, s.take(we)); err != nil {
		return nil, err
	}
	data := s.prf.AppendFinished(nil, s.main, we, f.transcript.sum())
	if err := f.send(&msg.Finished{VerifyData: data}); err != nil {
		return nil, err
	}
	return data, f.t.Flush()
}

// recvFinished12 takes the peer's change of keys and Finished, whose contents it returns.
func (s *secrets12) recvFinished12(f *flow, peer keys.Side) ([]byte, error) {
	if f.peeked != nil {
		return nil, unexpected(iana.HandshakeType(f.peeked[0]), &msg.Finished{})
	}
	if err := f.t.ReadChangeCipherSpec(); err != nil {
		return nil, err
	}
	if err := f.t.SetReadKeys(EpochApplication, s.take(peer)); err != nil {
		return nil, err
	}
	want := s.prf.AppendFinished(f.buf[:0], s.main, peer, f.transcript.sum())
	m := &msg.Finished{}
	if _, err := f.receive(m); err != nil {
		return nil, err
	}
	if !hmac.Equal(want, m.VerifyData) {
		return nil, alert.BadSignature("finished.verify_data", "RFC 5246 §7.4.9", "it does not match the handshake as seen here")
	}
	return m.VerifyData, nil
}

// finish12 fills in what is known at the end. first is the Finished that was sent first:
// tls-unique, which is safe only with an extended main secret (RFC 7627 §1, RFC 5929 §3). The
// main secret is the exporter's from here on.
func (s *secrets12) finish12(r *Result, first []byte, client, server *[32]byte) {
	r.Exporter = &exporter12{prf: s.prf, main: s.main, client: *client, server: *server}
	s.main = nil
	if r.ExtendedMain {
		r.TLSUnique = first
	}
}
