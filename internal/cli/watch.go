package cli

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/akushu/akushu/internal/view/ladder"
	"github.com/akushu/akushu/internal/view/ndjson"
	"github.com/akushu/akushu/observe"
)

// Watcher shows connections of this process: as ladders or as JSON, once each has ended. What
// it shows it has from a tap alone.
type Watcher struct {
	Tap  *observe.Tap
	env  *Env
	json *ndjson.Writer // nil: ladders
	to   io.Writer      // of ladders

	mu      sync.Mutex
	ladders map[int]*ladder.Ladder
	shown   bool // a ladder was
	asked   bool // see Asked
	err     error
}

// WatchOptions says how connections are shown.
type WatchOptions struct {
	JSON      bool               // on standard output
	Ladders   io.Writer          // where ladders go; nil: nowhere
	Recording *observe.Recording // may be nil
	Keys      observe.KeyView
}

// Watch returns a Watcher.
func (e *Env) Watch(o WatchOptions) *Watcher {
	w := &Watcher{env: e, to: o.Ladders, ladders: map[int]*ladder.Ladder{}}
	if o.JSON {
		w.json = ndjson.NewWriter(e.Out)
	}
	w.Tap = observe.NewTap(observe.TapOptions{Sink: w.add, Done: w.done, Recording: o.Recording, Now: e.Now, ListKeys: o.Keys})
	return w
}

// add takes in an event.
func (w *Watcher) add(ev observe.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.to == nil {
		return
	}
	l := w.ladders[ev.Stream]
	if l == nil {
		l = ladder.New(w.env.Ladder(w.to))
		w.ladders[ev.Stream] = l
	}
	l.Add(ev)
}

// done shows a connection that has ended.
func (w *Watcher) done(s *observe.Session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = s.ClientAuth
	if l := w.ladders[s.Stream]; l != nil {
		delete(w.ladders, s.Stream)
		lines := l.Lines(s)
		if w.shown {
			lines = append([]ladder.Line{nil}, lines...)
		}
		w.shown = true
		w.note(w.env.Print(w.to, lines))
	}
	if w.json != nil {
		w.note(w.json.Write(s))
	}
}

func (w *Watcher) note(err error) { w.err = errors.Join(w.err, err) }

// Asked reports whether the client was asked for a certificate, in the connection that ended last.
func (w *Watcher) Asked() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked
}

// Err returns what went wrong with showing.
func (w *Watcher) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Client returns a client's connection, watched. connect is how long it took to connect.
func (w *Watcher) Client(c net.Conn, connect time.Duration) net.Conn {
	return w.Tap.Conn(c, observe.Client, connect)
}

// KeyLog is the key log of the watched connections, and of file too if that is not nil.
func (w *Watcher) KeyLog(file io.Writer) io.Writer {
	if file == nil {
		return w.Tap.KeyLog()
	}
	return io.MultiWriter(w.Tap.KeyLog(), file)
}

// Record begins a capture file with the secrets embedded. The function it returns ends it.
func (e *Env) Record(path string) (*observe.Recording, func() error, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) // it holds secrets
	if err != nil {
		return nil, nil, e.FileError(path, err)
	}
	r, err := observe.NewRecording(f)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return r, func() error { return errors.Join(r.Close(), f.Close()) }, nil
}

// HungUp reports whether err is that the other end is gone already, and takes no goodbye.
func HungUp(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// Quiet reports whether err is only that somebody closed a connection or a listener.
func Quiet(err error) bool {
	return err == nil || errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF)
}
