package observe

import (
	"github.com/akushu/akushu/internal/iana"
)

// maxFragment is the longest fragment that any version allows (RFC 5246 §6.2.3).
const maxFragment = 1<<14 + 2048

// foreignFirst is after how many bytes that are not TLS the first NotTLS is told, so that a
// view need not wait for their end.
const foreignFirst = 512

// foreign is bytes that were passed over, and not told yet.
type foreign struct {
	n     int
	place Place
	mark  mark
	line  []byte
}

// mayBegin reports whether b, which is not empty, can be the beginning of a record. Here
// it is known that a record should stand there.
func (h *half) mayBegin(b []byte) bool {
	if len(b) > 1 && b[1] != 3 {
		return false
	}
	t := iana.ContentType(b[0])
	ok := iana.ContentChangeCipherSpec <= t && t <= iana.ContentHeartbeat
	if !h.started {
		return ok && likelihood(b) != unlikely
	}
	return ok
}

// lose notes that there is no record where one should begin.
func (h *half) lose() {
	if h.started {
		h.c.found(h.dir, h.markAt(0).at.Time, findNoRecord(h.window()))
		h.gap()
	}
	h.found = false
}

// guess is how sure it is that a record begins somewhere.
type guess uint8

const (
	unlikely guess = iota
	possible       // more bytes will tell
	likely
)

// likelihood judges whether a record begins at b, where anything may stand: by its header,
// and by a hello, or another header behind it.
func likelihood(b []byte) guess {
	if !plausibleHeader(b) {
		return unlikely
	}
	if len(b) < headerSize+1 {
		return possible
	}
	if b[0] == byte(iana.ContentHandshake) && isHello(b[headerSize:]) {
		return likely
	}
	n, _ := recordSize(b)
	switch {
	case len(b) <= n:
		return possible
	case !plausibleHeader(b[n:]):
		return unlikely
	case len(b) < n+headerSize:
		return possible
	}
	return likely
}

// plausibleHeader judges as much of a header as there is.
func plausibleHeader(b []byte) bool {
	if len(b) > 0 && (b[0] < byte(iana.ContentChangeCipherSpec) || b[0] > byte(iana.ContentApplicationData)) {
		return false
	}
	if len(b) > 1 && b[1] != 3 || len(b) > 2 && b[2] > 4 {
		return false
	}
	n, ok := recordSize(b)
	return !ok || n > headerSize && n <= headerSize+maxFragment
}

// isHello reports whether b may be the beginning of a ClientHello or ServerHello.
func isHello(b []byte) bool {
	if t := iana.HandshakeType(b[0]); t != iana.HandshakeClientHello && t != iana.HandshakeServerHello {
		return false
	}
	return len(b) < 4 || b[1] == 0
}

// seek passes over bytes until a record begins, where it is not known whether one does. It
// reports whether it did anything.
func (h *half) seek() bool {
	b := h.window()
	for i := range b {
		g := likelihood(b[i:])
		if g == possible && (h.ended || h.broken()) {
			g = unlikely
		}
		switch g {
		case likely:
			h.pass(i)
			h.flushForeign(0)
			h.found = true
			return true
		case possible:
			h.pass(i)
			return false
		}
	}
	h.pass(len(b))
	return len(b) > 0
}

// pass takes n bytes that are no record.
func (h *half) pass(n int) {
	if n == 0 {
		return
	}
	f := &h.passed
	if f.n == 0 {
		f.place = h.place(n)
	}
	f.place.Frame = h.place(n).Frame
	f.mark = h.markAt(n - 1)
	f.line = append(f.line, h.window()[:min(n, max(0, lineMax+1-len(f.line)))]...)
	f.n += n
	h.take(n)
	h.flushForeign(foreignFirst)
}

// flushForeign tells of bytes that were passed over, where there are at least least of
// them: as another protocol's before the first record, as a gap after it. The least is for
// the first time only, so that many bytes do not make many events.
func (h *half) flushForeign(least int) {
	f := &h.passed
	if f.n == 0 || least > 0 && (h.started || f.place.Offset > 0 || f.n < least) {
		return
	}
	t := f.mark.at.Time
	if h.started {
		h.emit(t, &Gap{Offset: f.place.Offset, Length: int64(f.n), Reason: GapSkip})
	} else {
		h.tellForeign(f, least)
		return
	}
	h.passed = foreign{}
}
