package tls

import (
	"net"
	"sync"
	"time"
)

// writeDeadline is when writing gives up: at the user's deadline, and while an alert is on
// its way at a sooner one, which the user's next deadline does not put off.
type writeDeadline struct {
	mu   sync.Mutex
	user time.Time
	soon time.Time // zero while no alert is on its way
}

// alertTimeout is how long an alert may take to leave.
const alertTimeout = 5 * time.Second

// effective is what raw is to be told.
func (d *writeDeadline) effective() time.Time {
	if d.user.IsZero() || !d.soon.IsZero() && d.soon.Before(d.user) {
		return d.soon
	}
	return d.user
}

// set sets the user's deadline of writing, and of reading too where that is asked for.
func (d *writeDeadline) set(raw net.Conn, t time.Time, read bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.user = t
	if !read {
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
func (d *writeDeadline) hurry(raw net.Conn) { d.limit(raw, time.Now().Add(alertTimeout)) }

// relax lets the user's deadline be the only one again.
func (d *writeDeadline) relax(raw net.Conn) { d.limit(raw, time.Time{}) }

func (d *writeDeadline) limit(raw net.Conn, soon time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.soon = soon
	_ = raw.SetWriteDeadline(d.effective()) // one that cannot be set does not bind: nothing to be done
}
