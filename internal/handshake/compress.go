package handshake

import (
	"slices"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/compression"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// Compression of Certificate in TLS 1.3 (RFC 8879), for the certificates of both ends.

// offerCompression says in which algorithms we take the server's certificate.
func (c *client) offerCompression() {
	if len(c.cfg.Compression) > 0 {
		c.hello.CompressCertificate = compression.IDs(c.cfg.Compression)
		c.hello.Extensions.Add(iana.ExtCompressCertificate)
	}
}

// requestCompression says in which algorithms we take the client's.
func (s *server) requestCompression(m *msg.CertificateRequest) {
	if len(s.cfg.Compression) > 0 {
		m.CompressCertificate = compression.IDs(s.cfg.Compression)
		m.Extensions.Add(iana.ExtCompressCertificate)
	}
}

// sendChain sends Certificate, compressed if there is an algorithm for that.
func (f *flow) sendChain(m *msg.Certificate, with *compression.Algorithm) error {
	if with == nil {
		return f.send(m)
	}
	plain, err := msg.Append(nil, &f.layout, m)
	if err != nil {
		return err
	}
	plain = plain[msg.HeaderLength:]
	compressed, err := with.Compress(plain)
	if err != nil {
		return alert.Internal("compressed_certificate", "%v: %w", with.ID, err)
	}
	return f.send(&msg.CompressedCertificate{Algorithm: with.ID, Uncompressed: uint32(len(plain)), Compressed: compressed})
}

// recvChain takes Certificate, which may be compressed as we offered.
func (f *flow) recvChain(ours []*compression.Algorithm) (*msg.Certificate, error) {
	m := &msg.Certificate{}
	if got, err := f.peek(); err != nil || got != iana.HandshakeCompressedCertificate || len(ours) == 0 {
		if err == nil {
			_, err = f.receive(m)
		}
		return m, err
	}
	packed := &msg.CompressedCertificate{}
	if _, err := f.receive(packed); err != nil {
		return nil, err
	}
	plain, err := compression.Unpack(packed, ours)
	if err != nil {
		return nil, err
	}
	return m, msg.DecodeInto(m, &f.layout, plain)
}

// checkCompression refuses a client that names an algorithm twice: there is no such set (RFC
// 8879 §3).
func checkCompression(theirs []iana.CertificateCompression) error {
	for i, id := range theirs {
		if slices.Contains(theirs[:i], id) {
			return alert.Illegal("client_hello.compress_certificate.algorithms", "RFC 8879 §3", "%v is named twice", id)
		}
	}
	return nil
}
