package record

import (
	"math"
	"slices"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/suite"
)

// half is the keys of one direction. The cipher is made of them on first use: it is the largest thing that a connection
// would keep.
type half struct {
	keys  *suite.TrafficKeys // nil while nothing is protected
	guard protection         // made of keys; nil until it is needed, and when resting
	seq   uint64             // of the next record
	limit int                // bytes in a protected record (RFC 8449 §4); 0 is none
	own   int                // bytes of content in any record, as this end wants it; 0 is no wish
}

// SetKeys protects from now on with k, which it takes over: the half wipes them when they have done their service. Nil is
// no protection.
func (h *half) SetKeys(k *suite.TrafficKeys) {
	h.Wipe()
	h.keys = k
}

// SetLimit bounds what protected records hold to n bytes, as RFC 8449 §4 counts them: in TLS 1.3 the type and padding are
// among them. Zero is no limit beyond MaxPlaintext.
func (h *half) SetLimit(n int) { h.limit = n }

// maxLimited is the most content that goes into a record, MaxPlaintext where there is no limit.
func (h *half) maxLimited() int {
	most := MaxPlaintext
	if h.own > 0 {
		most = min(h.own, most)
	}
	switch {
	case h.limit == 0 || h.keys == nil:
		return most
	case h.tls13():
		return min(h.limit-1, most)
	default:
		return min(h.limit, most)
	}
}

// Protected reports whether there are keys.
func (h *half) Protected() bool { return h.keys != nil }

// Update replaces the keys by the next ones (RFC 9846 §7.2). Only TLS 1.3's application traffic keys have such.
func (h *half) Update() error {
	if !h.tls13() {
		return alert.Internal("key_update", "there are no TLS 1.3 keys to update")
	}
	h.Rest()
	h.seq = 0
	keys.TLS13(h.keys.Suite.Hash, nil).Update(h.keys.Secret)
	return nil
}

// Secret returns the traffic secret of TLS 1.3 keys, which stays the half's; nil where there is none.
func (h *half) Secret() keys.Secret {
	if h.keys == nil {
		return nil
	}
	return h.keys.Secret
}

// Rest drops the cipher and keeps the keys that it can be made of again. It is for a connection that will be idle.
func (h *half) Rest() {
	if h.guard != nil {
		h.guard.wipe()
		h.guard = nil
	}
}

// Wipe zeroes the keys and drops them.
func (h *half) Wipe() {
	h.Rest()
	if h.keys != nil {
		h.keys.Wipe()
	}
	h.keys, h.seq = nil, 0
}

func (h *half) tls13() bool { return h.keys != nil && h.keys.Version >= iana.VersionTLS13 }

// protection returns what records of type typ are protected with. A ChangeCipherSpec is never protected in TLS 1.3, and
// does not count among the records that are (RFC 9846 §5).
func (h *half) protection(typ iana.ContentType) (protection, error) {
	if typ == iana.ContentChangeCipherSpec && h.tls13() {
		return unprotected, nil
	}
	if h.guard == nil {
		guard, err := protect(h.keys)
		if err != nil {
			return nil, err
		}
		h.guard = guard
	}
	return h.guard, nil
}

// checkSeq refuses the sequence number that could not be followed by another (RFC 9846 §5.3, RFC 5246 §6.1).
func (h *half) checkSeq() error {
	if h.seq == math.MaxUint64 {
		return alert.Internal("record", "the sequence numbers of this key are used up")
	}
	return nil
}

// Opener unprotects the records of one direction. The zero Opener has no keys yet and returns records as they came.
type Opener struct{ half }

// Open unprotects a record in place: content lies in fragment. Without keys it is the fragment itself, and so is that of a
// ChangeCipherSpec in TLS 1.3, which is never protected. The fragment is as long as h says.
//
// It fails with bad_record_mac and no more detail where the record does not open; the fragment is destroyed then, and the
// sequence number stays, so that the next record can be tried. It fails with unexpected_message for a TLS 1.3 record that
// says what is inside or has nothing inside, and with record_overflow for content beyond MaxPlaintext.
func (o *Opener) Open(h Header, fragment []byte) (typ iana.ContentType, content []byte, err error) {
	return o.OpenInto(nil, h, fragment)
}

// OpenInto is Open, but that the content lies in the capacity of dst, which has room for the fragment, and that the
// fragment stays as it is. So it can be opened again with other keys, and nobody copies it before. What is not protected is
// not copied: the content is the fragment then. A nil dst is that of Open.
func (o *Opener) OpenInto(dst []byte, h Header, fragment []byte) (typ iana.ContentType, content []byte, err error) {
	guard, err := o.protection(h.Type)
	if err != nil {
		return 0, nil, err
	}
	if guard == unprotected {
		return h.Type, fragment, nil
	}
	if o.tls13() && h.Type != iana.ContentApplicationData {
		return 0, nil, inTheClear(h.Type, fragment)
	}
	if err := o.checkSeq(); err != nil {
		return 0, nil, err
	}
	if len(fragment) != h.Length {
		return 0, nil, badRecord()
	}
	if typ, content, err = guard.open(dst, h, o.seq, fragment); err != nil {
		return 0, nil, err
	}
	if o.limit > 0 {
		if err := o.checkLimit(h, guard, len(content)); err != nil {
			return 0, nil, err
		}
	}
	o.seq++
	return typ, content, nil
}

// checkLimit refuses what is longer than the peer was told that it may be. In TLS 1.3 the length of the fragment says how
// much there is with padding.
func (o *Opener) checkLimit(h Header, guard protection, n int) error {
	if o.tls13() {
		n = h.Length - guard.overhead()
	}
	if most := o.maxLimited(); n > most {
		return tooLong(n, most, "RFC 8449 §4")
	}
	return nil
}

// inTheClear reports a record that says what is inside. Nobody vouches for an alert there, but it may be the only word of a
// peer that had no keys yet when it gave up.
func inTheClear(typ iana.ContentType, fragment []byte) error {
	if typ == iana.ContentAlert && len(fragment) == 2 {
		return alert.Unexpected("record", "RFC 9846 §5.2", "an alert, %v, that is not protected as all records are", iana.Alert(fragment[1]))
	}
	return alert.Unexpected("record", "RFC 9846 §5.2", "a record of type %v that is not protected as all are", typ)
}

// Sequence returns the sequence number of the next record.
func (o *Opener) Sequence() uint64 { return o.seq }

// SetSequence says which record is next, to an observer that missed some. It does not help with CBC in TLS 1.0, where a
// record opens behind the one before it only.
func (o *Opener) SetSequence(n uint64) { o.seq = n }

// MaxFragment returns the length of the longest fragment that may come now.
func (o *Opener) MaxFragment() int {
	switch {
	case o.keys == nil:
		return MaxPlaintext
	case o.tls13():
		return MaxCiphertext13
	default:
		return MaxCiphertext12
	}
}

// Sealer makes the records of one direction. The zero Sealer has no keys yet and protects nothing.
type Sealer struct {
	half
	version iana.Version
	most    int // bytes of content a record; 0 is MaxPlaintext
}

// SetVersion says what was negotiated, or 0x0301 for the first ClientHello. It stands in the headers of records that are
// not protected with TLS 1.3, as 0x0303 at most (RFC 9846 §5.1). Zero is 0x0301.
func (s *Sealer) SetVersion(v iana.Version) { s.version = min(v, iana.VersionTLS12) }

// SetLargest makes records, protected or not, carry at most n bytes of content and padding for good. Zero is no wish.
func (s *Sealer) SetLargest(n int) { s.own = n }

// SetMaxContent makes records carry at most n bytes of content and padding. Zero, and more than that, is MaxPlaintext.
func (s *Sealer) SetMaxContent(n int) { s.most = min(n, MaxPlaintext) }

func (s *Sealer) maxContent() int {
	if s.most == 0 {
		return s.maxLimited()
	}
	return min(s.most, s.maxLimited())
}

func (s *Sealer) header(typ iana.ContentType) Header {
	return Header{Type: typ, Version: max(s.version, iana.VersionTLS10)}
}

// Seal appends payload to dst as one record or as many as it needs, none of them empty unless the payload is. TLS 1.3
// appends padding zeros inside each record, as far as there is room. In TLS 1.0 the first byte of data goes ahead alone
// where the cipher is in CBC mode: the IV of a record is known by then to whoever may have chosen the payload, and the MAC of
// that byte changes it (BEAST). The payload must not lie in dst's capacity.
//
// It fails, with dst as it was, where [Sealer.Remaining] is too little.
func (s *Sealer) Seal(dst []byte, typ iana.ContentType, payload []byte, padding int) ([]byte, error) {
	guard, err := s.protection(typ)
	if err != nil {
		return dst, err
	}
	if uint64(s.records(typ, len(payload))) > s.Remaining() {
		return dst, alert.Internal("record", "the keys have protected as many records as they may")
	}
	h, sealed, n := s.header(typ), dst, s.first(typ, len(payload))
	for more := true; more; more = len(payload) > 0 {
		zeros := min(padding, s.maxContent()-n)
		sealed = slices.Grow(sealed, HeaderLen+n+zeros+guard.overhead())
		sealed = guard.seal(sealed, h, s.seq, payload[:n], zeros)
		if guard != unprotected {
			s.seq++
		}
		payload = payload[n:]
		n = min(len(payload), s.maxContent())
	}
	return sealed, nil
}

// first returns how much of n bytes goes into the first record. Every other is as full as it can be.
func (s *Sealer) first(typ iana.ContentType, n int) int {
	if k := s.keys; typ == iana.ContentApplicationData && k != nil && k.Version <= iana.VersionTLS10 && k.Suite.Cipher.CBC() {
		return min(n, 1)
	}
	return min(n, s.maxContent())
}

// records returns how many records it takes for n bytes.
func (s *Sealer) records(typ iana.ContentType, n int) int {
	return 1 + (n-s.first(typ, n)+s.maxContent()-1)/s.maxContent()
}

// SealedLen returns the most bytes that Seal appends for n bytes of payload.
func (s *Sealer) SealedLen(n, padding int) (int, error) {
	guard, err := s.protection(iana.ContentApplicationData)
	if err != nil {
		return 0, err
	}
	padding = min(padding, s.maxContent()) // of the last record: the others are full
	return n + padding + s.records(iana.ContentApplicationData, n)*(HeaderLen+guard.overhead()), nil
}

// Records returns the most records that n bytes of application data take, if no record may carry more than most of them.
func (s *Sealer) Records(n, most int) uint64 { return uint64(n/min(most, s.maxLimited()) + 2) }

// Remaining returns how many more records the keys may protect (RFC 9846 §5.5). The caller updates them before there are
// none, or ends the connection.
func (s *Sealer) Remaining() uint64 {
	if s.keys == nil {
		return math.MaxUint64
	}
	limit := s.keys.Suite.Cipher.RecordLimit
	return limit - min(limit, s.seq)
}
