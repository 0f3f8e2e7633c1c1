package tls

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/akushu/akushu/internal/handshake"
)

// Early data, or 0-RTT (RFC 9846 §2.3): what a client that resumes a session says with its
// first flight, before the server has said anything. Whoever records that flight can play it
// to the server again.

// ErrEarlyDataRejected is the error of Read and Write at a client whose early data the
// server did not take, until [Conn.AcknowledgeRejection] is called: what was written so far
// is lost.
var ErrEarlyDataRejected = errors.New("tls: the server rejected the early data")

// errEarlyUnread is the error of Read at a server that did not read the early data.
var errEarlyUnread = errors.New("tls: early data is to be read from EarlyData before other data is")

// early is what a connection keeps that has a use for early data.
type early struct {
	shared    chan struct{}    // closed when the application may write
	soon      handshake.Result // what the handshake will have come to; set before
	rejected  atomic.Bool      // client: what was written is lost, and nobody has said so yet
	data      *EarlyData       // server
	write     earlyWrites      // guarded by the lock of outHalf
	room      atomic.Int64     // client: write.left while it is open, else 0
	replaying bool             // what is rejected may be sent again
}

// earlyWrites is what the application may write before the handshake is complete.
type earlyWrites struct {
	open       bool
	left, sent int64  // bytes
	kept       []byte // to be sent again
}

// maxKept bounds what is kept to be sent again, in bytes.
const maxKept = 64 << 10

// wantEarly notes that the application has a use for early data. It must come before the
// handshake.
func (c *Conn) wantEarly() *early {
	c.early.CompareAndSwap(nil, &early{shared: make(chan struct{}), data: newEarlyData(c)})
	return c.early.Load()
}

// HandshakeEarly begins the handshake of a client, and returns as soon as Write can send
// early data: at once, where Config.ClientSessionCache has a session whose ticket allows it.
// Where it has none, it is [Conn.HandshakeContext]. It must be called before anything else
// that shakes hands.
//
// Until the server has answered, a Write that fits into what is left of the ticket's
// allowance goes out as early data, as a whole; one that does not waits for the handshake.
// Early data can be replayed by whoever records it, and there is no knowing whether it came
// to the server: it must be such that doing it twice does no harm. Read waits for the
// handshake.
//
// Where the server does not take early data, Read and Write return [ErrEarlyDataRejected]
// once there was some, see [Conn.AcknowledgeRejection] and Config.ReplayEarlyData.
//
// ctx means nothing after HandshakeEarly has returned; the handshake goes on. The next call
// that shakes hands waits for its outcome.
func (c *Conn) HandshakeEarly(ctx context.Context) error {
	if !c.client {
		return errors.New("tls: HandshakeEarly called on TLS server connection")
	}
	return c.shakeEarly(ctx)
}

// EarlyData waits until it is known whether the client's early data is accepted, and returns
// it if it is, else nil, after the handshake. It must be called before anything else that
// shakes hands: a server that does not ask for early data rejects it, so that it is never
// taken for other data. Config.MaxEarlyData says how much is taken.
//
// The handshake is not complete when early data is there, and goes on while it is read: the
// client is known by its ticket, but may be somebody who replays what it said, which
// Config.EarlyDataRegister prevents as far as it can.
func (c *Conn) EarlyData(ctx context.Context) (*EarlyData, error) {
	if c.client {
		return nil, errors.New("tls: EarlyData called on TLS client connection")
	}
	if err := c.shakeEarly(ctx); err != nil {
		return nil, err
	}
	if c.foreseen() == nil {
		return nil, nil
	}
	return c.early.Load().data, nil
}

// shakeEarly shakes hands, and returns when the application may write, if that is before
// the end.
func (c *Conn) shakeEarly(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e := c.wantEarly()
	// The flow goes on when this has returned, so it sees ctx end only before.
	flow, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, cancel)()
	r, err := c.join(flow)
	if r == nil {
		cancel()
		return err
	}
	return c.outcome(ctx, r, e.shared)
}

// foreseen is what the handshake will have come to, nil where that is not known.
func (c *Conn) foreseen() *handshake.Result {
	e := c.early.Load()
	if e == nil {
		return nil
	}
	select {
	case <-e.shared:
		return &e.soon
	default:
		return nil
	}
}

// AcknowledgeRejection takes note that what was written as early data is lost, so that Read
// and Write go on. It returns how many bytes that were; 0 where nothing was lost.
func (c *Conn) AcknowledgeRejection() (lost int64) {
	e := c.early.Load()
	if e == nil || !e.rejected.Swap(false) {
		return 0
	}
	return e.write.sent // the handshake is over, and nothing changes it any more
}

// checkEarly says why other data must wait, after the handshake.
func (c *Conn) checkEarly() error {
	e := c.early.Load()
	switch {
	case e == nil:
		return nil
	case e.rejected.Load():
		return ErrEarlyDataRejected
	case e.data.unread():
		return errEarlyUnread
	}
	return nil
}

// writeEarly writes before the handshake is complete, where that is allowed.
func (c *Conn) writeEarly(b []byte) (n int, done bool, err error) {
	e := c.early.Load()
	if e == nil || c.result.Load() != nil {
		return 0, false, nil
	}
	h := &c.out
	h.mu.Lock()
	defer h.unlock()
	w := &e.write
	if !w.open || int64(len(b)) > w.left {
		return 0, false, nil
	}
	n, err = h.send(b)
	w.left, w.sent = w.left-int64(n), w.sent+int64(n)
	e.room.Store(w.left)
	if e.replaying {
		w.kept = append(w.kept, b[:n]...)
	}
	return n, true, err
}

// EarlyDataLeft returns how many bytes Write can send as early data now: 0 where there is none,
// and when the server has answered. A Write of more waits for the handshake.
func (c *Conn) EarlyDataLeft() int64 {
	e := c.early.Load()
	if e == nil || !c.client {
		return 0
	}
	return e.room.Load()
}

// settleEarly decides, at the end of the handshake, about early data that was rejected. It
// is sent again only if the application said that it may be, and for the same protocol
// (RFC 9846 §4.3.10). The lock of outHalf is held.
func (c *Conn) settleEarly(result *handshake.Result) {
	e := c.early.Load()
	if e == nil {
		return
	}
	if c.foreseen() == nil { // there was none: a connection that idles keeps nothing for it
		c.early.Store(nil)
		return
	}
	defer func() { clear(e.write.kept); e.write.kept = nil }()
	if !c.client || result.EarlyData != handshake.EarlyDataRejected || e.write.sent == 0 {
		return
	}
	if !e.replaying || result.ALPN != e.soon.ALPN {
		e.rejected.Store(true)
		return
	}
	_, _ = c.out.send(e.write.kept) // the next Write tells what became of it
}

// concludeEarly lets those go on who wait for the end of the handshake.
func (c *Conn) concludeEarly() {
	if e := c.early.Load(); e != nil {
		e.data.conclude()
	}
}

// failEarly ends early data where the handshake failed. The end of TCP is not its end.
func (c *Conn) failEarly(err error) {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if e := c.early.Load(); e != nil {
		e.data.finish(err)
	}
}

// WantsEarlyData implements [handshake.EarlyTransport].
func (t *transport) WantsEarlyData() bool { return t.in.conn.early.Load() != nil }

// ShareWriting implements [handshake.EarlyTransport].
func (t *transport) ShareWriting(soon *handshake.Result, most int64) {
	e := t.in.conn.early.Load()
	e.soon = *soon
	if e.replaying = t.in.conn.client && t.in.conn.config.resolve().replayEarly; e.replaying {
		most = min(most, maxKept)
	}
	e.write = earlyWrites{open: true, left: most}
	e.room.Store(most)
	t.out.begin()
	t.shared = true
	t.out.unlock()
	close(e.shared)
}

// reclaim ends what ShareWriting began. It waits for a Write that is under way.
func (t *transport) reclaim() {
	if !t.shared {
		return
	}
	t.shared = false
	e := t.in.conn.early.Load()
	e.room.Store(0) // no Write of later counts on it
	t.out.mu.Lock()
	e.write.open = false
	e.room.Store(0) // one that was under way has set it
}

// reclaimSoon is reclaim where the handshake failed: a Write that waits for a peer that reads no
// more is interrupted, as long as an alert may take.
func (t *transport) reclaimSoon() {
	if t.shared {
		t.in.conn.deadline.hurry(t.in.conn.raw)
		defer t.in.conn.deadline.relax(t.in.conn.raw)
	}
	t.reclaim()
}

// lockShared holds the lock of out until the function that it returns is called, if the
// application may write meanwhile.
func (t *transport) lockShared() (unlock func()) {
	if !t.shared {
		return func() {}
	}
	t.out.mu.Lock()
	return t.out.unlock
}

// TakeEarlyData implements [handshake.EarlyTransport].
func (t *transport) TakeEarlyData(most int64) { t.taking, t.takes = true, most }

// takeEarlyData hands a record of early data to the application.
func (t *transport) takeEarlyData(content []byte) error {
	if len(content) == 0 {
		return t.in.floods.add(floodEmpty)
	}
	return t.in.conn.early.Load().data.put(content, t.takes)
}

// endEarlyData ends what TakeEarlyData began.
func (t *transport) endEarlyData() {
	if t.taking {
		t.taking = false
		t.in.conn.early.Load().data.finish(io.EOF)
	}
}

// SkipEarlyData implements [handshake.EarlyTransport].
func (t *transport) SkipEarlyData(most int) { t.in.records.SkipEarlyData(most) }
