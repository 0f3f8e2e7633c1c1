package handshake

import (
	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// The limit of what a record holds, which each end sets for the other (RFC 8449). It counts
// what is protected: in TLS 1.3 the byte for the type and padding too.

const (
	minRecordLimit   = 64
	maxRecordLimit12 = 1 << 14
	maxRecordLimit13 = maxRecordLimit12 + 1
)

func maxRecordLimit(v iana.Version) uint16 {
	if v >= iana.VersionTLS13 {
		return maxRecordLimit13
	}
	return maxRecordLimit12
}

// offerRecordLimit tells the server how much we take. Without a limit of our own the extension
// is not sent, and the server has none for us either.
func (c *client) offerRecordLimit() {
	if c.cfg.RecordSizeLimit > 0 {
		c.hello.RecordSizeLimit = min(c.cfg.RecordSizeLimit, maxRecordLimit(c.cfg.MaxVersion))
		c.hello.Extensions.Add(iana.ExtRecordSizeLimit)
	}
}

// recvRecordLimit takes the server's limit.
func (c *client) recvRecordLimit(message string, x *msg.Extensions, limit uint16) error {
	if !x.Has(iana.ExtRecordSizeLimit) {
		return nil
	}
	return setRecordLimits(c.t, c.result, message, c.hello.RecordSizeLimit, limit)
}

// answerRecordLimit takes the client's limit, if it has one, and returns ours to answer with,
// or 0 where there is nothing to answer.
func (s *server) answerRecordLimit() (uint16, error) {
	if !s.hello.Extensions.Has(iana.ExtRecordSizeLimit) {
		return 0, nil
	}
	ours := maxRecordLimit(s.result.Version)
	if own := s.cfg.RecordSizeLimit; own > 0 {
		ours = min(ours, own)
	}
	return ours, setRecordLimits(s.t, s.result, "client_hello", ours, s.hello.RecordSizeLimit)
}

// setRecordLimits holds both ends to what they said. A limit above what TLS allows means no
// more than that (RFC 8449 §4).
func setRecordLimits(t Transport, r *Result, message string, ours, theirs uint16) error {
	if theirs < minRecordLimit {
		return alert.Illegal(message+".record_size_limit", "RFC 8449 §4", "%d bytes, the least is %d", theirs, minRecordLimit)
	}
	most := maxRecordLimit(r.Version)
	r.RecordSizeLimit = min(theirs, most)
	t.SetRecordLimits(int(min(ours, most)), int(r.RecordSizeLimit))
	return nil
}
