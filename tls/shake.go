package tls

import (
	"context"
	"errors"
	"net"
	"runtime"
	"sync"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/handshake"
)

// shake is a connection's handshake: it runs once, whoever asks for it first, and its
// outcome stays.
type shake struct {
	mu  sync.Mutex
	run *run  // while it runs
	err error // why it failed, for good
}

// run is a handshake under way.
type run struct {
	done   chan struct{}      // closed at the end
	err    error              // set before done is closed
	fate   func()             // does as the flow did where that panicked or exited; else nil
	cancel context.CancelFunc // of the context that callbacks and private keys see

	mu      sync.Mutex
	state   runState
	unasked bool // nobody waits for the outcome any more
}

// runState is what a flow does.
type runState uint8

const (
	working runState = iota // it computes, or asks a callback or a private key
	waiting                 // it reads or writes
	ended
)

// wait says that the flow is about to read or write. It is an error where nobody wants that.
func (r *run) wait() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unasked {
		return net.ErrClosed
	}
	r.state = waiting
	return nil
}

// become says what the flow does next, and returns whether anybody waits for it still.
func (r *run) become(state runState) (asked bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state = state
	return !r.unasked
}

// giveUp ends a run for which nobody waits any more. Where it reads or writes, closing the
// connection does that. Where it asks a private key that lives elsewhere, the key is told by
// its context, so that the flow fails, and the peer hears of it, before the connection is
// closed.
func (c *Conn) giveUp(r *run) {
	r.mu.Lock()
	r.unasked = true
	state := r.state
	r.mu.Unlock()
	if state != working {
		_ = c.raw.Close()
	}
	r.cancel()
}

// abandon tells callbacks and private keys that the connection is closed.
func (s *shake) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run != nil {
		s.run.cancel()
	}
}

// interruptedError is why a handshake failed whose context ended.
type interruptedError struct{ why, ctx error }

func (e *interruptedError) Error() string   { return e.why.Error() }
func (e *interruptedError) Unwrap() []error { return []error{e.why, e.ctx} }

// interruption is what a context's end comes to: where a private key failed because of it, the
// error says that too.
func interruption(ctx context.Context, r *run) error {
	if ofContext(r.err) {
		return &interruptedError{r.err, ctx.Err()}
	}
	return ctx.Err()
}

// ofContext reports whether something failed because a context ended.
func ofContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// errNoReturn is the outcome of a flow that panicked or exited.
var errNoReturn = errors.New("tls: a callback of the configuration did not return")

// Handshake runs the handshake if it has not been run yet. Most uses need not call it: the
// first Read or Write does.
func (c *Conn) Handshake() error { return c.HandshakeContext(context.Background()) }

// HandshakeContext is Handshake under a context: if it ends before the handshake is
// complete, the connection is closed and the context's error is returned, or one that wraps
// it. Once the handshake is complete the context means nothing. A callback or a private key
// that is being asked sees its context end, and the connection is closed when that has
// returned.
//
// Concurrent calls share one run, and callbacks see the first one's context. A panic of a
// callback reaches those who wait.
func (c *Conn) HandshakeContext(ctx context.Context) error {
	if c.result.Load() != nil {
		return nil
	}
	r, err := c.join(ctx)
	if r == nil {
		return err
	}
	return c.outcome(ctx, r, nil)
}

// outcome waits for the end of r, or for the application's turn to write in between.
func (c *Conn) outcome(ctx context.Context, r *run, turn <-chan struct{}) error {
	interrupted, ended := c.await(ctx, r, turn)
	switch {
	case interrupted && !ended:
		return ctx.Err()
	case !ended:
		return nil
	case r.fate != nil:
		r.fate()
	case interrupted:
		return interruption(ctx, r) // also where it came too late to stop the handshake: the connection is closed
	}
	return r.err
}

// await waits for the end of r, or for turn. If ctx ends before, it closes the connection,
// and reports that it did.
func (c *Conn) await(ctx context.Context, r *run, turn <-chan struct{}) (interrupted, ended bool) {
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { c.giveUp(r) })
		defer func() { interrupted = !stop() }()
	}
	select {
	case <-r.done:
	case <-turn:
	}
	select {
	case <-turn: // it is also if the flow has ended since
		return false, false
	default:
		return false, true
	}
}

// join returns the run that is under way, after starting it if need be, or nil and the
// outcome of the one that has ended.
func (c *Conn) join(ctx context.Context) (*run, error) {
	c.shake.mu.Lock()
	defer c.shake.mu.Unlock()
	switch {
	case c.result.Load() != nil:
		return nil, nil
	case c.shake.run != nil:
		return c.shake.run, nil
	case c.shake.err != nil:
		return nil, c.shake.err
	case c.closed.Load():
		return nil, net.ErrClosed
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &run{done: make(chan struct{}), cancel: cancel}
	c.shake.run = r
	// On a goroutine of its own: its stack grows deep, and must not be the one that
	// then idles for weeks.
	go c.perform(ctx, r)
	return r, nil
}

// perform runs the flow and makes its outcome known, also where a callback panics or
// exits. Callbacks' contexts end with it.
func (c *Conn) perform(ctx context.Context, r *run) {
	deepen(0)
	c.in.mu.Lock()
	c.out.mu.Lock()
	t := &transport{in: &c.in, out: &c.out, run: r}
	err := errNoReturn
	defer func() {
		t.reclaimSoon()
		if err == errNoReturn {
			r.fate = fateOf(recover())
			t.apologise()
		}
		if err != nil {
			t.forget()
			c.failEarly(err)
		}
		c.in.unlock()
		c.out.unlock()
		if !r.become(ended) {
			_ = c.raw.Close()
		}
		r.cancel() // before anyone hears of the outcome
		c.settle(r, err)
		c.concludeEarly()
	}()
	err = c.flow(ctx, t)
}

// deepen grows the stack at once to what a handshake needs, while there is nothing on it that would have to be moved.
// Otherwise it grows by doubling, deep in the flow, and that takes a twentieth of a handshake.
//
//go:noinline
func deepen(i int) byte {
	var room [12 << 10]byte
	return room[i]
}

// fateOf does as a flow did that panicked with p, or exited.
func fateOf(p any) func() {
	if p == nil {
		return runtime.Goexit
	}
	return func() { panic(p) }
}

func (c *Conn) settle(r *run, err error) {
	c.shake.mu.Lock()
	c.shake.run, c.shake.err = nil, err
	c.shake.mu.Unlock()
	r.err = err
	close(r.done)
}

// flow runs our end's flow over t.
func (c *Conn) flow(ctx context.Context, t *transport) error {
	run := c.serverFlow
	if c.client {
		run = c.clientFlow
	}
	result, post, err := run(ctx, t)
	if err == nil {
		if err = t.endFlight(result.Version); err != nil {
			result.Exporter.Wipe()
		}
	}
	if err != nil {
		t.reclaimSoon()
		t.refuse(err)
		var remote AlertError
		if _, told := alertFor(err); told || errors.As(err, &remote) {
			c.in.forgetSession()
		}
		return c.plainError(err)
	}
	t.reclaim()
	result.Exporter = guard(result.Exporter)
	c.in.post = post
	// The ciphers go, the keys stay: a connection that idles from here on keeps none.
	c.in.records.Rest()
	c.out.records.Rest()
	c.out.begin()
	c.settleEarly(result)
	c.result.Store(result)
	if c.closed.Load() { // and whoever closed it may have looked for the result before it was there
		result.Exporter.Wipe()
	}
	return nil
}

func (c *Conn) clientFlow(ctx context.Context, t *transport) (*handshake.Result, handshake.Post, error) {
	cfg, err := c.config.client(c.name)
	if err != nil {
		return nil, nil, err
	}
	r := c.config.resolve()
	if !r.dynamicRecords {
		c.out.sent = fullSizeAfter
	}
	c.out.records.SetPadding(r.padding)
	c.out.records.SetLargest(r.largest)
	return handshake.Client(ctx, t, cfg)
}

func (c *Conn) serverFlow(ctx context.Context, t *transport) (*handshake.Result, handshake.Post, error) {
	setup, err := c.config.server(c.raw)
	if err != nil {
		return nil, nil, alert.Internal("handshake", "%w", err)
	}
	c.out.records.SetPadding(setup.padding)
	c.out.records.SetLargest(setup.largest)
	result, post, err := handshake.Server(ctx, t, &setup.ServerConfig)
	if err != nil {
		return nil, nil, err
	}
	t.reclaim()
	c.out.records.SetPadding(setup.padding)
	c.out.records.SetLargest(setup.largest)
	if !setup.dynamicRecords {
		c.out.sent = fullSizeAfter
	}
	return result, post, err
}
