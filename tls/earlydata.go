package tls

import (
	"os"
	"sync"
	"time"

	"github.com/akushu/akushu/internal/alert"
)

// EarlyData is the data that a client sent with its first flight.
type EarlyData struct {
	conn *Conn

	mu    sync.Mutex
	more  sync.Cond
	buf   []byte
	taken int64
	end   error // why no more comes; nil while some may
	over  bool  // the handshake is
	until readDeadline
}

// readDeadline is when an [EarlyConn] stops to wait for data: the connection's own deadline
// would end the handshake.
type readDeadline struct {
	set   bool
	at    time.Time   // zero: never
	timer *time.Timer // wakes those who wait
}

func (d *readDeadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func newEarlyData(c *Conn) *EarlyData {
	d := &EarlyData{conn: c}
	d.more.L = &d.mu
	return d
}

// Read reads early data, as it comes. It returns io.EOF at its end, which the client has
// confirmed; any other error is that of the handshake.
func (d *EarlyData) Read(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(b) > 0 && len(d.buf) == 0 {
		if d.end != nil {
			return 0, d.end
		}
		d.more.Wait()
	}
	n := copy(b, d.buf)
	d.drop(n)
	return n, nil
}

// drop drops n bytes that were read.
func (d *EarlyData) drop(n int) {
	clear(d.buf[:n])
	if d.buf = d.buf[n:]; len(d.buf) == 0 {
		d.buf = nil
	}
}

// Conn returns the connection with early data before other data: for protocols that tell the
// two apart by other means, such as ConnectionState().HandshakeComplete, or have no need to.
// Nobody else may read from the connection, or from d.
func (d *EarlyData) Conn() *EarlyConn { return &EarlyConn{d.conn, d} }

// Write answers at once, where [Conn.Write] waits until the handshake is complete. What is
// written may go to somebody who replays a client's early data, and who cannot read it.
func (d *EarlyData) Write(b []byte) (int, error) {
	if n, done, err := d.conn.writeEarly(b); done {
		return n, err
	}
	return d.conn.Write(b)
}

// put takes early data, of which there may be most bytes in all.
func (d *EarlyData) put(content []byte, most int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.taken += int64(len(content)); d.taken > most {
		return alert.Unexpected("early_data", "RFC 9846 §4.7.1", "more than %d bytes of early data, which the ticket allows", most)
	}
	d.buf = append(d.buf, content...)
	d.more.Broadcast()
	return nil
}

// finish ends the data, unless it has ended.
func (d *EarlyData) finish(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.end == nil {
		d.end = err
	}
	d.more.Broadcast()
}

// unread reports whether there is data that was not read.
func (d *EarlyData) unread() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.buf) > 0
}

// An EarlyConn is a server's end of a connection on which early data was accepted. Its Read
// returns early data and then other data, its Write does not wait for the end of the
// handshake.
type EarlyConn struct {
	*Conn
	data *EarlyData
}

// Read reads early data, and then what comes after it.
func (c *EarlyConn) Read(b []byte) (int, error) {
	if n, err := c.data.readOrWait(b); n > 0 || err != nil {
		return n, err
	}
	return c.Conn.Read(b)
}

// readOrWait reads early data, or waits until the handshake is over.
func (d *EarlyData) readOrWait(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.buf) == 0 && !d.over {
		if d.until.passed() {
			return 0, os.ErrDeadlineExceeded
		}
		d.more.Wait()
	}
	n := copy(b, d.buf)
	d.drop(n)
	return n, nil
}

// Write is [EarlyData.Write].
func (c *EarlyConn) Write(b []byte) (int, error) { return c.data.Write(b) }

// SetDeadline implements [net.Conn].
func (c *EarlyConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline implements [net.Conn]. It does not bound the handshake.
func (c *EarlyConn) SetReadDeadline(t time.Time) error {
	d := c.data
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return c.Conn.SetReadDeadline(t)
	}
	d.until.stop()
	d.until.set, d.until.at = true, t
	if !t.IsZero() {
		d.until.timer = time.AfterFunc(time.Until(t), d.wake)
	}
	return nil
}

// stop ends the wait for the deadline.
func (d *readDeadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

func (d *EarlyData) wake() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.more.Broadcast()
}

// earlyLinger is how long Close waits for the handshake to be complete: the client may still
// be reading the answer, and TCP would take it away from it.
const earlyLinger = 5 * time.Second

// Close waits for the end of the handshake, for a moment, and closes the connection.
func (c *EarlyConn) Close() error {
	if !c.data.isOver() {
		_ = c.Conn.SetReadDeadline(time.Now().Add(earlyLinger))
		_ = c.Handshake()
	}
	return c.Conn.Close()
}

func (d *EarlyData) isOver() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over
}

// conclude notes that the handshake is over, and hands the deadline over to the connection.
func (d *EarlyData) conclude() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	d.until.stop()
	if d.until.set {
		_ = d.conn.SetReadDeadline(d.until.at)
	}
	d.more.Broadcast()
}
