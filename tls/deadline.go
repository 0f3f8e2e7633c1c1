package tls

import (
	"net"
	"sync"
	"time"
)

// deadlines is when reading and writing give up: at the user's deadlines. While an alert is
// on its way writing has a sooner one, and a read that is interrupted ends at once; the
// user's next deadline puts off neither.
type deadlines struct {
	mu   sync.Mutex
	user time.Time // of writing
	soon time.Time // zero while no alert is on its way
	read time.Time // the user's of reading
	stop bool      // reading is interrupted
}

// alertTimeout is how long an alert may take to leave.
const alertTimeout = 5 * time.Second

// effective is what raw is to be told.
func (d *deadlines) effective() time.Time {
	if d.user.IsZero() || !d.soon.IsZero() && d.soon.Before(d.user) {
		return d.soon
	}
	return d.user
}

// set sets the user's deadline of writing, and of reading too where that is asked for.
func (d *deadlines) set(raw net.Conn, t time.Time, read bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.user = t
	if !read {
		return raw.SetWriteDeadline(d.effective())
	}
	if d.read = t; d.stop {
		return raw.SetWriteDeadline(d.effective())
	}
	if d.soon.IsZero() {
		return raw.SetDeadline(t)
	}
	if err := raw.SetReadDeadline(t); err != nil {
		return err
	}
	return raw.SetWriteDeadline(d.effective())
}

// hurry gives what is written next at most [alertTimeout], until relax.
func (d *deadlines) hurry(raw net.Conn) { d.limit(raw, time.Now().Add(alertTimeout)) }

// relax lets the user's deadline be the only one again.
func (d *deadlines) relax(raw net.Conn) { d.limit(raw, time.Time{}) }

func (d *deadlines) limit(raw net.Conn, soon time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.soon = soon
	_ = raw.SetWriteDeadline(d.effective()) // one that cannot be set does not bind: nothing to be done
}

// setRead sets the user's deadline of reading.
func (d *deadlines) setRead(raw net.Conn, t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.read = t; d.stop {
		return nil
	}
	return raw.SetReadDeadline(t)
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// interrupt ends reading that is under way, and any other until resume.
func (d *deadlines) interrupt(raw net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stop = true
	_ = raw.SetReadDeadline(longAgo) // one that cannot be set does not bind: nothing to be done
}

// resume lets the user's deadline be the only one again.
func (d *deadlines) resume(raw net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stop = false
	_ = raw.SetReadDeadline(d.read)
}
