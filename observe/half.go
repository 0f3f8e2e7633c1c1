package observe

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/akushu/akushu/internal/iana"
)

// headerSize is that of a record (RFC 9846 §5.1).
const headerSize = 5

// heldLimit is how many bytes a direction may hold for want of a key.
const heldLimit = 256 << 10

// half is one direction of a connection: bytes are cut into records, records are opened,
// handshake messages put together.
type half struct {
	c   *Conn
	dir Dir
	stream
	sync
	protection
	assembly
	ending
	blocked   bool // the next record waits for something
	blockedOn int  // Conn.version when it began to
	forced    bool // the next record must not wait
}

// sync is what is known of where records begin.
type sync struct {
	found   bool // the next byte begins a record
	started bool // a record was found before
	rest    int  // bytes of a record with a hole in it that are still to be passed over
	passed  foreign
}

// ending is how a direction came to its end.
type ending struct {
	ended, told bool // told: StreamEnded is out
	endedHow    End
	endedAt     At
	closeNotify bool
	fatal       bool // a fatal alert was sent
	unopened    bool // the last record was not opened: it may have been an alert
}

func newHalf(c *Conn, d Dir) *half {
	h := &half{c: c, dir: d}
	h.found = true
	return h
}

func (h *half) peer() *half { return h.c.halves[h.dir.Opposite()] }

func (h *half) emit(t time.Time, b Body) { h.c.emit(h.dir, t, b) }

// rawRecord is a record as it stands in the stream.
type rawRecord struct {
	header   []byte
	fragment []byte
	mark     mark // of its last byte
	place    Place
}

func (r *rawRecord) contentType() iana.ContentType { return iana.ContentType(r.header[0]) }

func (r *rawRecord) time() time.Time { return r.mark.at.Time }

// front is the next record, if all of it is there.
func (h *half) front() (rawRecord, bool) {
	b := h.window()
	n, ok := recordSize(b)
	if !ok || len(b) < n {
		return rawRecord{}, false
	}
	return rawRecord{header: b[:headerSize], fragment: b[headerSize:n], mark: h.markAt(n - 1), place: h.place(n)}, true
}

// recordSize is the size of the record at the beginning of b, header included.
func recordSize(b []byte) (int, bool) {
	if len(b) < headerSize {
		return 0, false
	}
	return headerSize + int(binary.BigEndian.Uint16(b[3:])), true
}

// ready says when that came which step takes next: directions are taken in this order.
func (h *half) ready() uint64 {
	b := h.window()
	n, ok := recordSize(b)
	switch {
	case !h.found || h.rest > 0:
		n = 1
	case !ok || n > len(b):
		n = len(b)
	}
	if n == 0 || len(b) < n {
		return math.MaxUint64
	}
	return h.markAt(n - 1).order
}

// step takes one thing from the stream: a record, bytes that are none, a hole, the end. It
// reports whether there was something to take.
func (h *half) step() bool {
	switch {
	case h.blocked && h.blockedOn == h.c.version && !h.c.final && !h.forced:
		return false
	case h.rest > 0 && len(h.window()) > 0:
		n := min(h.rest, len(h.window()))
		h.rest -= n
		h.take(n)
		return true
	case !h.found:
		return h.seek() || h.cross()
	}
	if b := h.window(); len(b) > 0 && !h.mayBegin(b) {
		h.lose()
		return true
	}
	r, ok := h.front()
	if !ok {
		return h.cross()
	}
	h.blocked = !h.record(&r)
	h.blockedOn = h.c.version
	if h.blocked {
		return false
	}
	h.started, h.found = true, true
	h.take(headerSize + len(r.fragment))
	return true
}

// limit gives up what is held beyond the limit, oldest first.
func (h *half) limit() {
	for h.held() > heldLimit {
		h.forced = true
		went := h.step()
		h.forced = false
		if !went {
			break
		}
	}
	h.compact()
	h.c.run()
}

// lost notes a hole.
func (h *half) lost(at At, n int64) {
	h.breaks = append(h.breaks, hole{pos: h.end(), n: max(n, 0), at: at})
	h.c.changed()
}

// cross goes on behind a hole, or to the end, where what is before it was taken. A record
// with a hole in it is passed over: where its length and the hole's are known it is known where
// the next one begins.
func (h *half) cross() bool {
	if !h.broken() {
		return h.finish()
	}
	b := h.window()
	size, known := recordSize(b)
	from := h.offset()
	h.take(len(b))
	hole := h.mend()
	missing := int64(len(b)) + hole.n
	h.found = h.found && hole.n > 0 && (missing == 0 || known && missing <= int64(size))
	h.rest = 0
	if h.found && known {
		h.rest = int(int64(size) - missing)
	}
	h.emit(hole.at.Time, &Gap{Offset: from, Length: missing, Reason: GapLost})
	h.gap()
	return true
}

// finish tells the end of the stream, once.
func (h *half) finish() bool {
	if !h.ended || h.told {
		return false
	}
	h.told = true
	if b := h.window(); len(b) > 0 && h.found {
		h.c.found(h.dir, h.endedAt.Time, findTruncated(h.offset(), len(b)))
		h.take(len(b))
	}
	h.flushForeign(0)
	h.abandon(h.endedAt.Time)
	if h.lacksCloseNotify() {
		h.c.found(h.dir, h.endedAt.Time, findNoCloseNotify())
	}
	h.emit(h.endedAt.Time, &StreamEnded{How: h.endedHow, Bytes: h.offset(), CloseNotify: h.closeNotify})
	return true
}

// lacksCloseNotify reports whether TLS ended without the alert that says so. After a fatal
// alert, from either end, none is due; and where the last record was not opened, it may
// have been there.
func (h *half) lacksCloseNotify() bool {
	return h.started && h.endedHow == EndFIN && !h.closeNotify && !h.fatal && !h.peer().fatal && !h.unopened
}
