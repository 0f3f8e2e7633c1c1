package record

import (
	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
)

// skip is the early data that is passed over, because nobody wants it (RFC 9846 §4.3.10).
type skip struct {
	on   bool
	left int // bytes of fragments
}

// SkipEarlyData has Next pass over up to most bytes of early data, protected with keys that are not known here. Without
// keys, that is every record of type application_data until a handshake message comes in the clear: a second ClientHello.
// With keys, it is every such record that does not open, until the first that does. More bytes are an unexpected_message.
func (r *Reader) SkipEarlyData(most int) { r.skip = skip{on: true, left: most} }

// maxFragment is the length of the longest fragment that may come now.
func (r *Reader) maxFragment(typ iana.ContentType) int {
	if r.skip.on && typ == iana.ContentApplicationData {
		return MaxCiphertext13
	}
	return r.MaxFragment()
}

// skips reports whether a record, of which Open made typ, content and err, is early data to be passed over.
func (r *Reader) skips(h Header, typ iana.ContentType, err error) (bool, error) {
	switch {
	case !r.skip.on || typ == iana.ContentChangeCipherSpec:
		return false, err
	case h.Type == iana.ContentApplicationData && (!r.Protected() || isBadRecord(err)):
		return r.skip.take(h.Length)
	}
	r.skip.on = r.skip.on && typ == iana.ContentAlert
	return false, err
}

func isBadRecord(err error) bool {
	fact, ok := err.(*alert.Error)
	return ok && fact.Kind == alert.KindBadRecord
}

// leastProtected is the least that a protected record of TLS 1.3 holds: the type of what is inside, and a tag.
const leastProtected = 1 + 16

// take passes over a record. One that is shorter than any can be counts as much as the shortest, for it costs as much.
func (s *skip) take(n int) (bool, error) {
	if s.left -= max(n, leastProtected); s.left < 0 {
		return false, alert.Unexpected("early_data", "RFC 9846 §4.3.10", "more early data than is passed over")
	}
	return true, nil
}
