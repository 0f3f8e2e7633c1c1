package tls

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/record"
)

// outHalf is the half of a connection that writes. The other half never waits for it: what
// it wants sent it leaves here, for whoever holds the lock next.
type outHalf struct {
	mu      sync.Mutex
	conn    *Conn
	records record.Writer
	err     error // why nothing can be written any more
	sent    int   // bytes of application data, counted up to fullSizeAfter
	closing bool  // close_notify was sent, or should have been

	answer atomic.Bool            // a KeyUpdate is owed (RFC 9846 §4.7.3)
	urgent atomic.Pointer[urgent] // what a reader wants done
}

// urgent is an alert, if it has a level, and then the end of writing, if it has an error.
type urgent struct {
	level iana.AlertLevel
	code  iana.Alert
	err   error // what later Writes return
}

func (h *outHalf) init(c *Conn) {
	h.conn = c
	h.records = *record.NewWriter(c.raw)
}

// unlock ends a use of the half, after sending what was left here meanwhile. Whoever comes
// last after Close wipes it.
func (h *outHalf) unlock() {
	for {
		h.drain()
		if h.conn.gone.Load() {
			h.wipe()
		}
		h.mu.Unlock()
		// Either may have come between the lines above.
		if h.urgent.Load() == nil && !h.conn.gone.Load() || !h.mu.TryLock() {
			return
		}
		if h.urgent.Load() == nil {
			h.wipe()
			h.mu.Unlock()
			return
		}
	}
}

// retire wipes the half after Close, unless somebody uses it, who then does.
func (h *outHalf) retire() {
	if h.mu.TryLock() {
		h.wipe()
		h.mu.Unlock()
	}
}

func (h *outHalf) wipe() {
	h.records.Wipe()
	h.urgent.Store(nil)
	if h.err == nil {
		h.err = net.ErrClosed
	}
}

// urge has u done: at once if nobody is writing, else by whoever is.
func (h *outHalf) urge(u urgent) {
	h.urgent.Store(&u)
	if h.mu.TryLock() {
		h.unlock()
	}
}

// drain does what was left here. The lock is held.
func (h *outHalf) drain() {
	u := h.urgent.Swap(nil)
	if u == nil {
		return
	}
	if h.err == nil && u.level != 0 {
		_ = h.alert(u.level, u.code)
	}
	if u.err == nil {
		return
	}
	if h.err == nil {
		h.err = u.err
	}
	h.wipe()
}

// alert sends an alert, for at most [alertTimeout]. The lock is held.
func (h *outHalf) alert(level iana.AlertLevel, a iana.Alert) error {
	h.conn.deadline.hurry(h.conn.raw)
	defer h.conn.deadline.relax(h.conn.raw)
	if err := h.records.WriteRecord(iana.ContentAlert, []byte{byte(level), byte(a)}); err != nil {
		return err
	}
	return h.records.Flush()
}

// closeNotify says that nothing more will be written (RFC 9846 §6.1).
func (h *outHalf) closeNotify() error {
	h.mu.Lock()
	defer h.unlock()
	return h.sendCloseNotify()
}

func (h *outHalf) sendCloseNotify() error {
	if h.closing || h.err != nil {
		return nil
	}
	h.closing = true
	err := h.alert(iana.AlertLevelWarning, iana.AlertCloseNotify)
	if h.err == nil {
		h.err = errShutdown
	}
	return err
}

// goodbye sends close_notify on Close, unless a Write is stuck: that is interrupted.
func (h *outHalf) goodbye() error {
	if !h.lockSoon() {
		return nil
	}
	defer h.unlock()
	return h.sendCloseNotify()
}

// patience is how long Close waits for a Write that is about to return: its data may have
// been answered already.
const patience = 10 * time.Millisecond

func (h *outHalf) lockSoon() bool {
	for end := time.Now().Add(patience); !h.mu.TryLock(); time.Sleep(patience / 100) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

const (
	// smallRecord is the content of a record that fits into one TCP segment nearly
	// everywhere, so that the peer can use it as soon as that has come.
	smallRecord = 1300
	// fullSizeAfter is how much is sent in small records: about TCP's first windows.
	fullSizeAfter = 64 << 10
	// chunk is how much is written between two looks at the keys' limits.
	chunk = 1 << 20
	// reserve is how many records more than a chunk takes there must be: for KeyUpdates and
	// alerts.
	reserve = 64
)

// begin prepares for application data. The lock is held.
func (h *outHalf) begin() {
	if h.sent < fullSizeAfter {
		h.records.SetMaxContent(smallRecord)
	} else {
		h.records.SetMaxContent(record.MaxPlaintext)
	}
}

// write sends application data.
func (h *outHalf) write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.unlock()
	return h.send(b)
}

// send is write with the lock held.
func (h *outHalf) send(b []byte) (int, error) {
	total := 0
	for {
		if h.drain(); h.err != nil || len(b) == 0 {
			return total, h.err
		}
		if err := h.freshen(); err != nil {
			return total, h.fail(err)
		}
		n, err := h.records.Write(b[:h.portion(len(b))])
		total += n
		if err != nil {
			return total, h.fail(err)
		}
		b = b[n:]
	}
}

// portion returns how much of n bytes to write at once, and sets the size of records for
// it.
func (h *outHalf) portion(n int) int {
	if h.sent >= fullSizeAfter {
		return min(n, chunk)
	}
	n = min(n, fullSizeAfter-h.sent)
	if h.sent += n; h.sent == fullSizeAfter {
		h.records.SetMaxContent(record.MaxPlaintext)
	}
	return n
}

// freshen sends the KeyUpdate that is owed to the peer, or that our keys need (RFC 9846
// §4.7.3, §5.5).
func (h *outHalf) freshen() error {
	needed := h.records.Remaining() < h.records.Records(chunk, smallRecord)+reserve && h.updatable()
	if !h.answer.Swap(false) && !needed {
		return nil
	}
	return h.updateKeys(false)
}

// updatable reports whether keys can be updated: in TLS 1.3, after the handshake.
func (h *outHalf) updatable() bool {
	r := h.conn.result.Load()
	return r != nil && r.Version == iana.VersionTLS13
}

// updateKeys appends a KeyUpdate to the flight and goes on with the next keys.
func (h *outHalf) updateKeys(request bool) error {
	if err := h.records.WriteMessage(handshake.KeyUpdate(request)); err != nil {
		return err
	}
	return h.records.Update()
}

// fail remembers why writing ended. A deadline ends it too: part of a record may be on its
// way.
func (h *outHalf) fail(err error) error {
	if h.err == nil {
		h.err = err
		if timedOut(err) {
			h.err = &writeTimeoutError{err}
		}
	}
	return err
}

// writeTimeoutError is what Write returns after one timed out.
type writeTimeoutError struct{ err error }

func (e *writeTimeoutError) Error() string {
	return "tls: an earlier write timed out: " + e.err.Error()
}
func (e *writeTimeoutError) Unwrap() error   { return e.err }
func (e *writeTimeoutError) Timeout() bool   { return true }
func (e *writeTimeoutError) Temporary() bool { return false }

var _ net.Error = (*writeTimeoutError)(nil)
