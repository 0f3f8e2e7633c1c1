// Package compression is compressed Certificate messages (RFC 8879): what compresses and
// decompresses them, and the bounds of that. The flows send and take them, the observer looks
// inside.
package compression

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// An Algorithm is made by [New].
type Algorithm struct {
	ID         iana.CertificateCompression
	compress   func(message []byte) ([]byte, error)
	decompress func(compressed io.Reader) (io.Reader, error)

	mu   sync.Mutex
	done map[[sha256.Size]byte][]byte // what was compressed before: chains do not change often
}

// mostCompressed is how many messages an Algorithm remembers.
const mostCompressed = 32

// New returns an algorithm. compress may be nil, for one in which nothing is sent.
// The reader that decompress returns is closed if it can be.
func New(id iana.CertificateCompression, compress func([]byte) ([]byte, error), decompress func(io.Reader) (io.Reader, error)) *Algorithm {
	return &Algorithm{ID: id, compress: compress, decompress: decompress}
}

// CompressZlib and DecompressZlib are the algorithm that everybody has (RFC 8879 §4).
func CompressZlib(message []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := zlib.NewWriterLevel(&out, zlib.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(message); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

// DecompressZlib is the inverse of [CompressZlib].
func DecompressZlib(compressed io.Reader) (io.Reader, error) { return zlib.NewReader(compressed) }

// Sends reports whether messages can be compressed too.
func (c *Algorithm) Sends() bool { return c.compress != nil }

// Compress returns message compressed, which must not be changed. Sends must be true.
func (c *Algorithm) Compress(message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	c.mu.Lock()
	out, known := c.done[sum]
	c.mu.Unlock()
	if known {
		return out, nil
	}
	out, err := c.compress(message)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil || len(c.done) >= mostCompressed {
		c.done = map[[sha256.Size]byte][]byte{}
	}
	c.done[sum] = out
	return out, nil
}

// open decompresses to exactly n bytes, whatever more there may be.
func (c *Algorithm) open(compressed []byte, n int) ([]byte, error) {
	r, err := c.decompress(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	if closer, ok := r.(io.Closer); ok {
		defer closer.Close()
	}
	out := make([]byte, n)
	if _, err := io.ReadFull(r, out); err != nil {
		return nil, err
	}
	switch more, err := io.ReadFull(r, make([]byte, 1)); {
	case more > 0:
		return nil, errors.New("there is more than uncompressed_length says")
	case err != io.EOF:
		return nil, err // the end is where a checksum is found to be wrong
	}
	return out, nil
}

// IDs lists the code points.
func IDs(all []*Algorithm) []iana.CertificateCompression {
	ids := make([]iana.CertificateCompression, len(all))
	for i, c := range all {
		ids[i] = c.ID
	}
	return ids
}

// Choose picks the first of ours that sends and that the peer takes, or nil.
func Choose(ours []*Algorithm, theirs []iana.CertificateCompression) *Algorithm {
	for _, c := range ours {
		if c.Sends() && slices.Contains(theirs, c.ID) {
			return c
		}
	}
	return nil
}

// maxCertificate is the length in bytes of the longest Certificate, as for one that comes as
// it is: see record.DefaultMaxMessage.
const maxCertificate = 64 << 10

// Unpack returns the Certificate, header included, in a CompressedCertificate (RFC 8879 §4).
func Unpack(m *msg.CompressedCertificate, offered []*Algorithm) ([]byte, error) {
	const where, ref = "compressed_certificate", "RFC 8879 §4"
	i := slices.IndexFunc(offered, func(c *Algorithm) bool { return c.ID == m.Algorithm })
	if i < 0 {
		return nil, alert.Illegal(where+".algorithm", ref, "%v was not offered", m.Algorithm)
	}
	if m.Uncompressed > maxCertificate {
		return nil, alert.Auth(where+".uncompressed_length", ref, "%d bytes, the most taken is %d", m.Uncompressed, maxCertificate).
			With(iana.AlertBadCertificate)
	}
	body, err := offered[i].open(m.Compressed, int(m.Uncompressed))
	if err != nil {
		return nil, alert.Auth(where+".compressed_certificate_message", ref, "it does not decompress with %v to %d bytes: %w", m.Algorithm, m.Uncompressed, err).
			With(iana.AlertBadCertificate)
	}
	n := len(body)
	return append([]byte{byte(iana.HandshakeCertificate), byte(n >> 16), byte(n >> 8), byte(n)}, body...), nil
}
