package cli

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Hold is a connection from which nothing is read until Release: over loopback a server
// answers before the client has come to its early data, which is then none any more.
type Hold struct {
	net.Conn
	Release func() // may be called more than once

	released <-chan struct{}
	atWrite  atomic.Bool
}

// NewHold holds back what c brings, for so long at most: a server may stop reading until it
// is read from.
func NewHold(c net.Conn, most time.Duration) *Hold {
	released := make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	time.AfterFunc(most, release)
	return &Hold{Conn: c, Release: release, released: released}
}

// Read waits for Release.
func (h *Hold) Read(b []byte) (int, error) {
	<-h.released
	return h.Conn.Read(b)
}

// ReleaseAtWrite has the next Write release, once it is through.
func (h *Hold) ReleaseAtWrite() { h.atWrite.Store(true) }

func (h *Hold) Write(b []byte) (int, error) {
	if h.atWrite.Load() {
		defer h.Release()
	}
	return h.Conn.Write(b)
}

// Close ends the wait, too.
func (h *Hold) Close() error {
	h.Release()
	return h.Conn.Close()
}
