package tls

import (
	"io"

	"github.com/akushu/akushu/internal/compression"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
)

// A CertificateCompression is an algorithm for the certificates of TLS 1.3 (RFC 8879).
type CertificateCompression struct {
	// ID is its code point: 1 is zlib, 2 brotli, 3 Zstandard.
	ID uint16

	// Compress returns the message compressed. It may be called concurrently, and its result
	// is kept for the next connection with the same certificates. Nil: certificates are taken
	// in this algorithm, and not sent in it.
	Compress func(message []byte) ([]byte, error)

	// Decompress returns a reader of what is compressed. No more is read of it than the length
	// that the peer has announced, which is 64 KiB at most, and one byte; how much memory it
	// takes beside that is its own matter, and should not be up to the peer. It is closed if
	// it is an io.Closer. It may be called concurrently.
	Decompress func(compressed io.Reader) (io.Reader, error)
}

// ZlibCertificates is the algorithm that needs nothing beyond the standard library.
func ZlibCertificates() CertificateCompression {
	return CertificateCompression{uint16(iana.CertCompressionZlib), compression.CompressZlib, compression.DecompressZlib}
}

// setCompression takes the algorithms.
func (c *Config) setCompression(p *handshake.Policy) error {
	if len(c.CertificateCompression) == 0 {
		return nil
	}
	if n := len(c.CertificateCompression); n > 127 {
		return configError("CertificateCompression", "%d algorithms, at most 127 can be sent", n)
	}
	p.Compression = make([]*compression.Algorithm, len(c.CertificateCompression))
	for i, a := range c.CertificateCompression {
		if a.Decompress == nil {
			return configError("CertificateCompression", "%v has no Decompress", iana.CertificateCompression(a.ID))
		}
		p.Compression[i] = compression.New(iana.CertificateCompression(a.ID), a.Compress, a.Decompress)
	}
	return nil
}
