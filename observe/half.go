package observe

import (
	"math"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/record"
)

// heldLimit is how many bytes a direction may hold for want of a key.
const heldLimit = 256 << 10

// half is one direction of a connection: bytes are cut into records, records are opened,
// handshake messages put together.
type half struct {
	c   *Conn
	dir Dir
	stream
	framing
	protection
	assembly
	ending
	telling   telling
	next      rawRecord // what front returns
	blocked   bool      // the next record waits for something
	blockedOn int       // Conn.news when it began to
	forced    bool      // the next record must not wait
	dropped   int64     // bytes of records that were given up for want of room, until a key comes
	droppedAt int64     // the offset of the first of them
}

// telling is the bodies of the events that come with every record, told again and again.
type telling struct {
	record Record
	data   ApplicationData
}

// ending is how a direction came to its end.
type ending struct {
	ended       bool
	told        bool // StreamEnded is out
	endedHow    End
	endedAt     At
	closeNotify bool
	fatal       bool          // a fatal alert was sent
	unopened    bool          // what came last was not opened, or is missing: it may have been an alert
	closing     *earlySegment // the FIN, until it is told
}

func (h *half) begin(c *Conn, d Dir) {
	h.c, h.dir = c, d
	h.epoch, h.messages = EpochInitial, newMessages()
}

func (h *half) peer() *half { return h.c.halves[h.dir.Opposite()] }

func (h *half) emit(t time.Time, b Body) { h.c.emit(h.dir, t, b) }

func (h *half) found(t time.Time, f *Finding) { h.emit(t, f) }

// rawRecord is a record as it stands in the stream.
type rawRecord struct {
	record.Header
	raw      []byte // all of it; what is in fragment may be opened in place
	fragment []byte
	mark     mark // of its last byte
	place    Place
}

func (r *rawRecord) time() time.Time { return r.mark.at.Time }

// front is the next record, if all of it is there, until it is asked again.
func (h *half) front() (*rawRecord, bool) {
	b := h.window()
	n, ok := recordSize(b)
	if !ok || len(b) < n {
		return nil, false
	}
	h.next = rawRecord{
		Header: record.ParseHeader(b), raw: b[:n:n], fragment: b[record.HeaderLen:n:n], mark: h.markAt(n - 1), place: h.place(n),
	}
	return &h.next, true
}

// recordSize is the size of the record at the beginning of b, header included.
func recordSize(b []byte) (int, bool) {
	if len(b) < record.HeaderLen {
		return 0, false
	}
	return record.HeaderLen + record.ParseHeader(b).Length, true
}

// ready says when that came which step takes next: directions are taken in this order.
func (h *half) ready() uint64 {
	b := h.window()
	n, ok := recordSize(b)
	if h.in2(b) == likely {
		n, ok = size2(b)
	}
	if !ok {
		n = len(b)
	}
	if h.lost || h.rest > 0 {
		n = min(1, len(b))
	}
	if n == 0 || n > len(b) {
		return math.MaxUint64
	}
	return h.markAt(n - 1).order
}

// step takes one thing from the stream: a record, bytes that are none, a hole, the end. It
// reports whether there was something to take.
func (h *half) step() bool {
	if h.blocked && h.blockedOn == h.c.news && !h.c.final && !h.forced {
		return false
	}
	b := h.window()
	switch {
	case h.rest > 0 && len(b) > 0:
		n := min(h.rest, len(b))
		h.rest -= n
		h.take(n)
		return true
	case h.lost:
		return h.seek() || h.cross()
	}
	switch h.in2(b) {
	case likely:
		return h.step2()
	case possible:
		if !h.ended && !h.broken() {
			return false
		}
	}
	if len(b) > 0 && !h.mayBegin(b) {
		h.lose()
		return true
	}
	if r, ok := h.front(); ok {
		return h.stepRecord(r)
	}
	return h.cross()
}

func (h *half) stepRecord(r *rawRecord) bool {
	h.blocked, h.blockedOn = !h.record(r), h.c.news
	if h.blocked {
		return false
	}
	h.started = true
	h.take(record.HeaderLen + len(r.fragment))
	return true
}

// limit gives up what is held beyond the limit, oldest first.
func (h *half) limit() {
	for h.held() > heldLimit {
		h.c.decide(true)
		h.forced = true
		went := h.step()
		h.forced = false
		if !went {
			break
		}
	}
}

// miss notes a hole of n bytes in the stream, 0 where that is not known.
func (h *half) miss(at At, n int64) {
	h.breaks = append(h.breaks, hole{pos: h.end(), n: max(n, 0), at: at})
	h.holed = true
	h.c.changed()
}

// cross goes on behind a hole, or to the end, once all before it was taken. A record with
// a hole in it is passed over: where its length and the hole's are known it is known where
// the next one begins.
func (h *half) cross() bool {
	if !h.broken() {
		return h.finish()
	}
	b := h.window()
	size, known := recordSize(b)
	from := h.offset()
	h.tellPart(b)
	h.take(len(b))
	hole := h.mend()
	missing := int64(len(b)) + hole.n
	h.rest = 0
	if h.lost = h.lost || !known || hole.n == 0 || missing > int64(size); !h.lost {
		h.rest = int(int64(size) - missing)
	}
	if hole.n == 0 {
		missing = 0
	}
	h.emit(hole.at.Time, &Gap{Offset: from, Length: missing, Reason: GapLost})
	h.skipped()
	return true
}

// finish tells the end of the stream, once.
func (h *half) finish() bool {
	if !h.ended || h.told {
		return false
	}
	h.told = true
	t := h.endedAt.Time
	if b := h.window(); len(b) > 0 {
		h.found(t, truncatedRecord(len(b)))
		if !h.started {
			h.tellPart(b)
		}
		h.take(len(b))
	}
	h.tellForeign()
	h.endHTTP(h.endedAt)
	h.abandon(t)
	if h.lacksCloseNotify() {
		h.found(t, noCloseNotify())
	}
	h.tellClosing()
	h.emit(t, &StreamEnded{How: h.endedHow, Bytes: h.offset(), CloseNotify: h.closeNotify})
	return true
}

// lacksCloseNotify reports whether TLS ended without the alert that says so. After a fatal
// alert of either end none is due; and where the last record was not opened, it may have
// been in there.
func (h *half) lacksCloseNotify() bool {
	return h.started && h.endedHow == EndFIN && !h.closeNotify && !h.fatal && !h.peer().fatal && !h.unopened
}

// role tells which end sends in this direction, by its messages: ClientToServer if it is the client, Neither where they
// do not say. It reports whether more of them are of no use, or there was enough to know better.
func (h *half) role() (Dir, bool) {
	b := h.window()
	switch beginsHello2(b) {
	case likely:
		return map[byte]Dir{msg.TypeClientHello2: ClientToServer, msg.TypeServerHello2: ServerToClient}[b[2]], true
	case possible:
		return Neither, false
	}
	if len(b) > 0 && !plausibleHeader(b) {
		return h.foreignRole(b)
	}
	for message := 0; ; {
		n, ok := recordSize(b)
		if !ok || len(b) <= record.HeaderLen {
			return Neither, false
		}
		if iana.ContentType(b[0]) != iana.ContentHandshake {
			return Neither, true // what comes after it is encrypted
		}
		fragment := b[record.HeaderLen:min(n, len(b))]
		for message < len(fragment) {
			if d := senders[iana.HandshakeType(fragment[message])]; d != Neither {
				return d, true
			}
			if len(fragment) < message+4 {
				return Neither, len(b) >= n
			}
			message += 4 + int(fragment[message+1])<<16 + int(fragment[message+2])<<8 + int(fragment[message+3])
		}
		message -= len(fragment)
		if b = b[min(n, len(b)):]; len(b) == 0 {
			return Neither, false
		}
	}
}

// foreignMax is how many bytes without TLS are looked at for a hello behind them, before roles are taken as they were
// guessed.
const foreignMax = 16 << 10

// foreignRole tells the sender of a stream that begins with another protocol, by the hello in it. Who opened the TCP
// connection is not asked again.
func (h *half) foreignRole(b []byte) (Dir, bool) {
	if h.c.opts.TCP.SYN {
		return Neither, true
	}
	for i := range b {
		if likelihood(b[i:]) == likely && len(b) > i+record.HeaderLen && b[i] == byte(iana.ContentHandshake) {
			return senders[iana.HandshakeType(b[i+record.HeaderLen])], true
		}
	}
	return Neither, len(b) > foreignMax
}

// senders is which messages only one end sends, in any version.
var senders = map[iana.HandshakeType]Dir{
	iana.HandshakeClientHello:       ClientToServer,
	iana.HandshakeClientKeyExchange: ClientToServer,
	iana.HandshakeCertificateURL:    ClientToServer,
	iana.HandshakeServerHello:       ServerToClient,
	iana.HandshakeServerKeyExchange: ServerToClient,
	iana.HandshakeServerHelloDone:   ServerToClient,
}
