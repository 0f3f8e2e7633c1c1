package handshake_test

import (
	"testing"

	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/compression"
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

// zlibs has both ends compress with zlib, the client certificates too.
func zlibs(c *handshake.ClientConfig, s *handshake.ServerConfig) {
	clientCert(c, s)
	zlib := compression.New(iana.CertCompressionZlib, compression.CompressZlib, compression.DecompressZlib)
	c.Compression, s.Compression = []*compression.Algorithm{zlib}, []*compression.Algorithm{zlib}
}

// Certificates of both ends go compressed if both have an algorithm, the sender preferring one
// of several, and else as they are.
func TestCompression(t *testing.T) {
	algorithm := func(id iana.CertificateCompression) *compression.Algorithm {
		return compression.New(id, compression.CompressZlib, compression.DecompressZlib)
	}
	one, two := algorithm(1), algorithm(2)
	mute := compression.New(2, nil, compression.DecompressZlib)
	type list = []*compression.Algorithm
	for _, tt := range []struct {
		client, server         list
		fromServer, fromClient iana.CertificateCompression // 0: as it is
	}{
		{nil, nil, 0, 0},
		{list{one}, nil, 0, 0},
		{nil, list{one}, 0, 0},
		{list{one}, list{two}, 0, 0},
		{list{one, two}, list{two, one}, 2, 1},
		{list{one, two}, list{mute}, 0, 2},
	} {
		client, server := ends(t)
		clientCert(client, server)
		client.Compression, server.Compression = tt.client, tt.server
		sent := map[string]iana.CertificateCompression{}
		p := &pair{tamper: func(from string, raw []byte) [][]byte {
			if iana.HandshakeType(raw[0]) == iana.HandshakeCompressedCertificate {
				sent[from] = iana.CertificateCompression(raw[5])
			}
			return [][]byte{raw}
		}}
		c, s := p.run(client, server)
		if c.err != nil || s.err != nil || sent["server"] != tt.fromServer || sent["client"] != tt.fromClient {
			t.Errorf("got %v, %v, %v, want %v from the server and %v from the client", sent, c.err, s.err, tt.fromServer, tt.fromClient)
			continue
		}
		if len(c.result.Peer.Certificates) != 1 || string(s.result.Peer.OCSP) != "response" {
			t.Errorf("got %+v and %+v, want the certificates", c.result.Peer, s.result.Peer)
		}
	}
}

// A compressed certificate that was not asked for, does not decompress, or is not what it says.
func TestRejectsCompression(t *testing.T) {
	const ref = "RFC 8879 §4"
	packed := func(f func(*msg.CompressedCertificate)) change { return edit(f) }
	bomb := func(m *msg.CompressedCertificate) {
		var err error
		if m.Compressed, err = compression.CompressZlib(make([]byte, 64<<20)); err != nil {
			panic(err)
		}
	}
	for _, end := range []struct{ who, from string }{{"client", "server"}, {"server", "client"}} {
		cc := end.from + " CompressedCertificate"
		rows := []rejection{
			{
				name: "an algorithm that was not offered", message: cc,
				change: packed(func(m *msg.CompressedCertificate) { m.Algorithm = 2 }),
				where:  "compressed_certificate.algorithm", alert: illegal, ref: ref,
			},
			{
				name: "a length beyond what is taken", message: cc,
				change: packed(func(m *msg.CompressedCertificate) { m.Uncompressed = 64<<10 + 1 }),
				where:  "compressed_certificate.uncompressed_length", alert: iana.AlertBadCertificate, ref: ref,
			},
			{
				name: "a byte more than it says", message: cc,
				change: packed(func(m *msg.CompressedCertificate) { m.Uncompressed-- }),
				where:  "compressed_certificate.compressed_certificate_message", alert: iana.AlertBadCertificate, ref: ref,
			},
			{
				name: "a byte less than it says", message: cc,
				change: packed(func(m *msg.CompressedCertificate) { m.Uncompressed++ }),
				where:  "compressed_certificate.compressed_certificate_message", alert: iana.AlertBadCertificate, ref: ref,
			},
			{
				name: "a length of zero", message: cc,
				change: packed(func(m *msg.CompressedCertificate) { m.Uncompressed = 0 }),
				where:  "compressed_certificate.compressed_certificate_message", alert: iana.AlertBadCertificate, ref: ref,
			},
			{
				name: "a bomb", message: cc, change: packed(bomb),
				where: "compressed_certificate.compressed_certificate_message", alert: iana.AlertBadCertificate, ref: ref,
			},
			{
				name: "what is not compressed", message: cc,
				change: packed(func(m *msg.CompressedCertificate) { m.Compressed = []byte("not zlib") }),
				where:  "compressed_certificate.compressed_certificate_message", alert: iana.AlertBadCertificate, ref: ref,
			},
			{
				name: "a checksum that is wrong", message: cc,
				change: packed(func(m *msg.CompressedCertificate) { m.Compressed[len(m.Compressed)-1] ^= 1 }),
				where:  "compressed_certificate.compressed_certificate_message", alert: iana.AlertBadCertificate, ref: ref,
			},
			{
				name: "nothing", message: cc,
				change: body(func(b []byte) []byte { return append(b[:5:5], 0, 0, 0) }),
				where:  "compressed_certificate.compressed_certificate_message", alert: malformed, ref: ref,
			},
			{
				name: "no Certificate inside", message: cc,
				change: packed(func(m *msg.CompressedCertificate) {
					m.Uncompressed = 5
					m.Compressed, _ = compression.CompressZlib([]byte("hello"))
				}),
				where: "certificate.certificate_request_context", alert: malformed, ref: "RFC 9846 §4.5.1",
			},
		}
		for i := range rows {
			rows[i].setup = zlibs
		}
		rows = append(rows, rejection{
			name: "it was not offered", message: end.from + " Certificate", setup: clientCert,
			change: instead(&msg.CompressedCertificate{Algorithm: 1, Uncompressed: 10, Compressed: []byte{1}}),
			where:  "certificate", alert: unexpected, ref: "RFC 9846 §4.5.1",
		})
		rejects(t, flowOf{end.who, iana.VersionTLS13}, rows)
	}
}
