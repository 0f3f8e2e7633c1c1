package handshake

import (
	"bytes"
	"context"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/compression"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/order"
	"github.com/akushu/akushu/internal/suite"
)

// Certificate and CertificateVerify of TLS 1.3 (RFC 9846 §4.5), the same in both directions.

// wishes is what a peer says about the certificate that it would like to see: in ClientHello,
// or in CertificateRequest.
type wishes struct {
	extensions  *msg.Extensions
	schemes     []iana.SignatureScheme
	delegated   []iana.SignatureScheme // for keys that are delegated to
	compression *compression.Algorithm // that both ends have; nil: none
	context     []byte                 // of the request
}

func wishesOfClient(m *msg.ClientHello, p *Policy) *wishes {
	return &wishes{&m.Extensions, m.SignatureAlgorithms, m.DelegatedCredential, compression.Choose(p.Compression, m.CompressCertificate), nil}
}

func wishesOfServer(m *msg.CertificateRequest, p *Policy) *wishes {
	return &wishes{&m.Extensions, m.SignatureAlgorithms, nil, compression.Choose(p.Compression, m.CompressCertificate), m.RequestContext}
}

// sendCertificate13 sends Certificate and CertificateVerify, and returns what it signed with.
func (f *flow) sendCertificate13(ctx context.Context, env Env, cred *auth.Credential, who string, peer *wishes) (iana.SignatureScheme, error) {
	schemes := peer.schemes
	if cred.Delegation != nil {
		schemes = peer.delegated
	}
	scheme, err := auth.ChooseScheme(cred, iana.VersionTLS13, schemes)
	if err != nil {
		return 0, err
	}
	f.layout.CertType = iana.CertTypeX509
	if cred.Raw {
		f.layout.CertType = iana.CertTypeRawPublicKey
	}
	m := &msg.Certificate{RequestContext: peer.context}
	for _, der := range cred.Chain {
		m.List = append(m.List, msg.CertificateEntry{Data: der})
	}
	staple(&m.List[0], cred, peer.extensions)
	delegate(&m.List[0], cred.Delegation)
	if err := f.sendChain(m, peer.compression); err != nil {
		return 0, err
	}
	sig, err := auth.Sign13(ctx, env.Rand, cred, scheme, who, f.transcript.sum())
	if err != nil {
		return 0, err
	}
	return scheme.ID, f.send(&msg.CertificateVerify{Algorithm: scheme.ID, Signature: sig})
}

// staple adds what proves the leaf's standing (RFC 9846 §4.5.1.1).
func staple(leaf *msg.CertificateEntry, cred *auth.Credential, requested *msg.Extensions) {
	if len(cred.OCSP) > 0 && requested.Has(iana.ExtStatusRequest) {
		leaf.Status = msg.OCSPStatus{StatusType: iana.CertStatusOCSP, Response: cred.OCSP}
		leaf.Extensions.Add(iana.ExtStatusRequest)
	}
	if len(cred.SCTs) > 0 && requested.Has(iana.ExtSignedCertificateTimestamp) {
		leaf.SCTs = scts(cred)
		leaf.Extensions.Add(iana.ExtSignedCertificateTimestamp)
	}
}

func scts(cred *auth.Credential) []msg.SCT {
	all := make([]msg.SCT, len(cred.SCTs))
	for i, s := range cred.SCTs {
		all[i] = s
	}
	return all
}

// peerChain takes a Certificate message apart, which answers a request with context. requested
// says which extensions were asked for.
func peerChain(m *msg.Certificate, context []byte, requested func(iana.ExtensionType) bool) ([][]byte, auth.Peer, error) {
	const where, ref = "certificate.certificate_list", "RFC 9846 §4.5.1"
	if !bytes.Equal(m.RequestContext, context) {
		return nil, auth.Peer{}, alert.Illegal("certificate.certificate_request_context", ref, "it is not that of the request; the handshake's is empty")
	}
	if len(m.List) == 0 {
		return nil, auth.Peer{}, alert.Malformed(where, "RFC 9846 §4.5.1.3", "the server sent no certificate")
	}
	chain := make([][]byte, len(m.List))
	for i := range m.List {
		if err := order.CheckExtensions(order.Of(m), iana.VersionTLS13, &m.List[i].Extensions, requested); err != nil {
			return nil, auth.Peer{}, err
		}
		chain[i] = m.List[i].Data
	}
	peer := auth.Peer{OCSP: m.List[0].Status.Response}
	for _, sct := range m.List[0].SCTs {
		peer.SCTs = append(peer.SCTs, sct)
	}
	return chain, peer, nil
}

// recvCertificateVerify takes a peer's proof that it has the key of its certificate.
func (f *flow) recvCertificateVerify(peer auth.Peer, offered []*suite.Scheme, who string) (iana.SignatureScheme, error) {
	signed := f.transcript.sum()
	m := &msg.CertificateVerify{}
	if _, err := f.receive(m); err != nil {
		return 0, err
	}
	return m.Algorithm, auth.Verify13(peer.Key, offered, m.Algorithm, who, signed, m.Signature)
}
