package observe

import (
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/record"
)

// framing is what is known of where records begin.
type framing struct {
	lost    bool  // it is not known where the next one begins
	started bool  // one was found before
	rest    int   // bytes of a record with a hole in it that are still to be passed over
	read    int64 // up to which position bytes before the first record were read as HTTP
	passed  foreign
}

// foreign is bytes that were passed over, and not told yet.
type foreign struct {
	n     int
	told  bool // some were told before
	place Place
	mark  mark // of the last one
	line  []byte
}

// foreignFirst is after how many bytes that are not TLS the first NotTLS is told, so that a
// view need not wait for their end. The rest is told once, so that many bytes do not make
// many events.
const foreignFirst = 512

// mayBegin reports whether b can be the beginning of a record, where one should be.
// Before the first one more is asked: there may be another protocol.
func (h *half) mayBegin(b []byte) bool {
	if !h.started {
		return plausibleHeader(b)
	}
	t := iana.ContentType(b[0])
	return iana.ContentChangeCipherSpec <= t && t <= iana.ContentHeartbeat && (len(b) < 2 || b[1] == 3)
}

// lose notes that there is no record where one should begin.
func (h *half) lose() {
	h.lost = true
	if h.started {
		h.found(h.markAt(0).at.Time, noRecord(h.window()))
		h.skipped()
	}
}

// guess is how sure it is that a record begins somewhere.
type guess uint8

const (
	unlikely guess = iota
	possible       // more bytes will tell
	likely
)

// likelihood judges whether a record begins at b, where anything may stand: by its header,
// and by a hello inside or another header behind it.
func likelihood(b []byte) guess {
	if !plausibleHeader(b) {
		return unlikely
	}
	if len(b) <= record.HeaderLen {
		return possible
	}
	n, _ := recordSize(b)
	if b[0] == byte(iana.ContentHandshake) {
		if g := beginsHello(b[record.HeaderLen:min(n, len(b))], n-record.HeaderLen); g != unlikely {
			return g
		}
	}
	switch {
	case len(b) <= n:
		return possible
	case !plausibleHeader(b[n:]):
		return unlikely
	case len(b) < n+record.HeaderLen:
		return possible
	}
	return likely
}

// plausibleHeader judges as much of a header as there is.
func plausibleHeader(b []byte) bool {
	if len(b) > 0 && (b[0] < byte(iana.ContentChangeCipherSpec) || b[0] > byte(iana.ContentHeartbeat)) {
		return false
	}
	if len(b) > 1 && b[1] != 3 || len(b) > 2 && b[2] > 4 {
		return false
	}
	n, ok := recordSize(b)
	return !ok || n > record.HeaderLen && n <= record.HeaderLen+record.MaxCiphertext12
}

// helloLeast is how much of a hello is looked at: to the length of its session ID.
const helloLeast = msg.HeaderLength + 2 + 32 + 1

// beginsHello judges whether b begins with a ClientHello or ServerHello, in a record of n bytes.
func beginsHello(b []byte, n int) guess {
	t := iana.HandshakeType(b[0])
	if t != iana.HandshakeClientHello && t != iana.HandshakeServerHello {
		return unlikely
	}
	for i, fits := range []func(c byte) bool{
		1:  func(c byte) bool { return c == 0 },
		4:  func(c byte) bool { return c == 3 || c == 0x7f },
		5:  func(c byte) bool { return c <= 4 || b[4] == 0x7f },
		38: func(c byte) bool { return c <= 32 || b[4] == 0x7f },
	} {
		if fits != nil && i < len(b) && !fits(b[i]) {
			return unlikely
		}
	}
	if len(b) < helloLeast {
		if n < helloLeast { // the rest is in other records
			return unlikely
		}
		return possible
	}
	length := msg.HeaderLength + int(b[2])<<8 + int(b[3])
	if length < helloLeast || t == iana.HandshakeClientHello && length < n {
		return unlikely
	}
	return likely
}

// seek passes over bytes until a record begins. It reports whether it did anything.
func (h *half) seek() bool {
	b := h.window()
	if !h.started && h.plainHTTP(b) {
		h.pass(len(b))
		return len(b) > 0
	}
	for i := range b {
		g := likelihood(b[i:])
		if g == possible && (h.ended || h.broken()) {
			g = endsWith(b[i:])
		}
		switch g {
		case likely:
			h.pass(i)
			h.tellForeign()
			h.lost = false
			return true
		case possible:
			h.pass(i)
			return false
		}
	}
	h.pass(len(b))
	return len(b) > 0
}

// endsWith judges b, which may begin a record and has nothing behind it: one that is as long as it says is one.
func endsWith(b []byte) guess {
	if n, ok := recordSize(b); ok && n == len(b) {
		return likely
	}
	return unlikely
}

// pass takes n bytes that are no record.
func (h *half) pass(n int) {
	f := &h.passed
	for n > 0 {
		some := n
		if !f.told && !h.started {
			some = min(n, foreignFirst-f.n)
		}
		h.passSome(some)
		n -= some
		if !f.told && !h.started && f.n == foreignFirst {
			h.tellForeign()
		}
	}
}

func (h *half) passSome(n int) {
	f := &h.passed
	p := h.place(n)
	if f.n == 0 {
		f.place = p
	}
	f.place.Frame, f.mark = p.Frame, h.markAt(n-1)
	if room := lineMax + 1 - len(f.line); !f.told && room > 0 {
		f.line = append(f.line, h.window()[:min(n, room)]...)
	}
	f.n += n
	h.take(n)
}

// tellForeign tells of bytes that were passed over: as another protocol's before the
// first record, as a gap after it.
func (h *half) tellForeign() {
	f := h.passed
	if f.n == 0 {
		return
	}
	h.passed = foreign{told: true}
	if h.started {
		h.emit(f.mark.at.Time, &Gap{Offset: f.place.Offset, Length: int64(f.n), Reason: GapSkip})
		return
	}
	h.emit(f.mark.at.Time, &NotTLS{Place: f.place, Length: f.n, Line: firstLine(f.line)})
}
