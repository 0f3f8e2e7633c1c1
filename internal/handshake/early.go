package handshake

import "github.com/akushu/akushu/internal/iana"

// Early data, or 0-RTT (RFC 9846 §2.3, §4.3.10).

// skippable is how many bytes of early data are passed over, records' overhead included,
// where nothing says how much a client may have been allowed: other stacks let it be that.
const skippable = 16 << 10

// skipEarlyData passes over the early data of a client whose ClientHello announces some. It
// is behind that in any case, whatever we answer.
func (s *server13) skipEarlyData() {
	if s.hello.Extensions.Has(iana.ExtEarlyData) {
		s.t.SkipEarlyData(skippable)
	}
}
