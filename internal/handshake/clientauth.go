package handshake

import (
	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// Asking a client for its certificate, in both versions.

// sendCertificateRequest asks for the client's certificate, if that is wanted (RFC 9846
// §4.4.2).
func (s *server13) sendCertificateRequest() error {
	if !s.cfg.ClientAuth.Requests() {
		return nil
	}
	s.request, s.result.Asked = s.certificateRequest(), true
	return s.send(s.request)
}

// certificateRequest asks for the client's certificate, during the handshake or after it.
func (s *server) certificateRequest() *msg.CertificateRequest {
	m := &msg.CertificateRequest{SignatureAlgorithms: s.cfg.schemes(), Authorities: s.authorities()}
	m.Extensions.Add(iana.ExtSignatureAlgorithms, iana.ExtStatusRequest, iana.ExtSignedCertificateTimestamp)
	if len(m.Authorities) > 0 {
		m.Extensions.Add(iana.ExtCertificateAuthorities)
	}
	s.requestCompression(m)
	return m
}

// authorities are the names of the issuers that are accepted.
func (s *server) authorities() []msg.DistinguishedName {
	all := make([]msg.DistinguishedName, len(s.cfg.ClientAuthorities))
	for i, name := range s.cfg.ClientAuthorities {
		all[i] = name
	}
	return all
}

// recvCertificate takes the client's Certificate and CertificateVerify, if we asked for
// them (RFC 9846 §4.5).
func (s *server13) recvCertificate() error {
	if !s.cfg.ClientAuth.Requests() {
		return nil
	}
	s.layout.CertType = s.types.client
	m, err := s.recvChain(s.cfg.Compression)
	if err != nil {
		return err
	}
	if len(m.List) == 0 {
		return s.noCertificate(m, iana.AlertCertificateRequired)
	}
	chain, peer, err := peerChain(m, s.request.RequestContext, s.request.Extensions.Has)
	if err != nil {
		return err
	}
	if err := s.judge(chain, peer); err != nil {
		return err
	}
	s.result.ClientScheme, err = s.recvCertificateVerify(s.result.Peer, s.cfg.Schemes, auth.ClientContext)
	return err
}

// noCertificate decides about a client that has none.
func (s *server) noCertificate(m msg.Message, a iana.Alert) error {
	if !s.cfg.ClientAuth.Requires() {
		return nil
	}
	spec := m.Spec()
	return alert.Auth(spec.Name+".certificate_list", spec.Ref, "the client sent no certificate, and one is required").With(a)
}

// judge decides about the client's certificates and remembers them.
func (s *server) judge(shown [][]byte, stapled auth.Peer) error {
	peer, err := judge(s.cfg.ClientTrust, auth.ToSign, shown, s.types.client == iana.CertTypeRawPublicKey, s.cfg.Now())
	peer.OCSP, peer.SCTs = stapled.OCSP, stapled.SCTs
	s.result.Peer = peer
	return err
}

// The kinds of certificate that TLS 1.2 asks for (RFC 5246 §7.4.4, RFC 8422 §5.5): the
// signature schemes say the rest.
var clientCertificateTypes = []byte{byte(iana.ClientCertRSASign), byte(iana.ClientCertECDSASign)}

// sendCertificateRequest asks for the client's certificate, if that is wanted (RFC 5246
// §7.4.4).
func (s *server12) sendCertificateRequest() error {
	if !s.asks() {
		return nil
	}
	s.result.Asked = true
	return s.send(&msg.CertificateRequest12{
		CertificateTypes:    clientCertificateTypes,
		SignatureAlgorithms: s.cfg.schemes(),
		Authorities:         s.authorities(),
	})
}

// recvCertificate takes the client's Certificate, if we asked for it (RFC 5246 §7.4.6).
func (s *server12) recvCertificate() error {
	if !s.asks() {
		return nil
	}
	m := &msg.Certificate12{}
	s.layout.CertType = s.types.client
	if _, err := s.receive(m); err != nil {
		return err
	}
	shown := chain12(m)
	if len(shown) == 0 {
		return s.noCertificate(m, iana.AlertHandshakeFailure)
	}
	return s.judge(shown, auth.Peer{})
}

// recvCertificateVerify takes the client's proof that it has the key of its certificate, if
// it sent one (RFC 5246 §7.4.8). It signs all messages so far.
func (s *server12) recvCertificateVerify() error {
	signed := s.transcript.messages
	s.transcript.forget()
	if s.result.Peer.Key == nil {
		return nil
	}
	const where = "certificate_verify"
	pub := s.result.Peer.Key
	if s.result.Version < iana.VersionTLS12 {
		m := &msg.CertificateVerify10{}
		if _, err := s.receive(m); err != nil {
			return err
		}
		return auth.VerifyBefore12(where, pub, signed, m.Signature)
	}
	m := &msg.CertificateVerify{}
	if _, err := s.receive(m); err != nil {
		return err
	}
	s.result.ClientScheme = m.Algorithm
	return s.verify12(where, pub, s.cfg.Schemes, m.Algorithm, signed, m.Signature)
}
