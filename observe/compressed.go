package observe

import (
	"io"
	"slices"
	"sync"

	"github.com/akushu/akushu/internal/compression"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// compressions is the algorithms in which certificates can be looked into.
var compressions = struct {
	mu  sync.Mutex
	all []*compression.Algorithm
}{all: []*compression.Algorithm{compression.New(iana.CertCompressionZlib, nil, compression.DecompressZlib)}}

// RegisterCompression has compressed certificates looked into (RFC 8879) by all connections
// from now on. id is the code point of the algorithm, and decompress as in
// tls.CertificateCompression; zlib is there already. A later one takes an earlier one's place.
// Certificates in other algorithms stay closed.
func RegisterCompression(id uint16, decompress func(compressed io.Reader) (io.Reader, error)) {
	c := &compressions
	c.mu.Lock()
	defer c.mu.Unlock()
	others := slices.DeleteFunc(slices.Clone(c.all), func(a *compression.Algorithm) bool { return a.ID == iana.CertificateCompression(id) })
	c.all = append(others, compression.New(iana.CertificateCompression(id), nil, decompress))
}

// compressedCertificate takes the chain out of a message.
func (h *half) compressedCertificate(s *source, packed *msg.CompressedCertificate) {
	compressions.mu.Lock()
	known := compressions.all
	compressions.mu.Unlock()
	if !slices.Contains(compression.IDs(known), packed.Algorithm) {
		return
	}
	raw, err := compression.Unpack(packed, known)
	if err != nil {
		h.fault(s.time(), err)
		return
	}
	ctx := h.context()
	m := &msg.Certificate{}
	ann, err := msg.AnnotateInto(m, &ctx, raw, true)
	if err != nil {
		h.fault(s.time(), err)
		return
	}
	for _, f := range ann.Findings {
		h.fault(s.time(), msg.Finding(m, f))
	}
	h.certificates(s, entries(m.List))
	h.c.hs.delegated[h.dir] = delegatedKey(m.List)
	h.inPlace(s, m)
}
