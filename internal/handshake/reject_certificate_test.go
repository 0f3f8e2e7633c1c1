package handshake_test

import (
	"testing"

	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// clientCert has the server ask for a certificate, and the client have one, stapled.
func clientCert(c *handshake.ClientConfig, s *handshake.ServerConfig) {
	cred := *s.Identity.(identity).cred
	cred.OCSP, cred.SCTs = []byte("response"), [][]byte{[]byte("one"), []byte("two")}
	c.Identity = clientIdentity{&cred}
	s.ClientAuth, s.ClientTrust = auth.RequireAnyClientCert, &auth.Trust{Skip: true}
}

// What a client staples to its certificate in TLS 1.3 reaches the server's user.
func TestClientStaples(t *testing.T) {
	client, server := ends(t)
	clientCert(client, server)
	c, s := new(pair).run(client, server)
	if c.err != nil || s.err != nil {
		t.Fatal(c.err, s.err)
	}
	if p := s.result.Peer; string(p.OCSP) != "response" || len(p.SCTs) != 2 || string(p.SCTs[1]) != "two" {
		t.Errorf("got %q and %q", p.OCSP, p.SCTs)
	}
}

// What a client that is asked for its certificate may not say about it.
func TestServer13RejectsCertificate(t *testing.T) {
	const ct = "client Certificate"
	certificate := func(f func(*msg.Certificate)) change { return edit(f) }
	rows := []rejection{
		{
			name: "an extension that was not asked for", message: ct,
			change: certificate(func(m *msg.Certificate) { m.List[0].Extensions.AddRaw(iana.ExtTransparencyInfo, nil) }),
			where:  "certificate.transparency_info", alert: unsupported, ref: "RFC 9846 §4.3",
		},
		{
			name: "an OCSP response of an unknown kind", message: ct,
			change: certificate(func(m *msg.Certificate) {
				m.List[0].Extensions = msg.Extensions{}
				m.List[0].Extensions.AddRaw(iana.ExtStatusRequest, []byte{2, 0, 0, 1, 1})
			}),
			where: "certificate.certificate_list[0].extensions[0].status_request.status_type", alert: malformed, ref: "RFC 6066 §8",
		},
		{
			name: "an empty OCSP response", message: ct,
			change: certificate(func(m *msg.Certificate) {
				m.List[0].Extensions = msg.Extensions{}
				m.List[0].Extensions.AddRaw(iana.ExtStatusRequest, []byte{1, 0, 0, 0})
			}),
			where: "certificate.certificate_list[0].extensions[0].status_request.ocsp_response", alert: malformed, ref: "RFC 6066 §8",
		},
		{
			name: "an empty list of SCTs", message: ct,
			change: certificate(func(m *msg.Certificate) {
				m.List[0].Extensions = msg.Extensions{}
				m.List[0].Extensions.AddRaw(iana.ExtSignedCertificateTimestamp, []byte{0, 0})
			}),
			where: "certificate.certificate_list[0].extensions[0].signed_certificate_timestamp.sct_list", alert: malformed, ref: "RFC 6962 §3.3.1",
		},
		{
			name: "a context", message: ct, change: certificate(func(m *msg.Certificate) { m.RequestContext = []byte{1} }),
			where: "certificate.certificate_request_context", alert: illegal, ref: "RFC 9846 §4.5.1",
		},
		{
			name: "no Certificate", message: ct, change: drop,
			where: "certificate", alert: unexpected, ref: "RFC 9846 §4.5.1",
		},
		{
			name: "a wrong signature", message: "client CertificateVerify", change: flip,
			where: "certificate_verify.signature", alert: decrypt, ref: "RFC 9846 §4.5.2",
		},
	}
	for i := range rows {
		rows[i].setup = clientCert
	}
	rejects(t, flowOf{"server", iana.VersionTLS13}, rows)
}
