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
	done chan struct{} // closed at the end
	err  error         // set before done is closed
	fate func()        // does as the flow did where that panicked or exited; else nil
}

// errNoReturn is the outcome of a flow that panicked or exited.
var errNoReturn = errors.New("tls: a callback of the configuration did not return")

// Handshake runs the handshake if it has not been run yet. Most uses need not call it: the
// first Read or Write does.
func (c *Conn) Handshake() error { return c.HandshakeContext(context.Background()) }

// HandshakeContext is Handshake under a context: if it ends before the handshake is
// complete, the connection is closed and the context's error is returned. Once the
// handshake is complete the context means nothing.
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
		return ctx.Err() // also where it came too late to stop the handshake: the connection is closed
	}
	return r.err
}

// await waits for the end of r, or for turn. If ctx ends before, it closes the connection,
// and reports that it did.
func (c *Conn) await(ctx context.Context, r *run, turn <-chan struct{}) (interrupted, ended bool) {
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { _ = c.raw.Close() })
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
	r := &run{done: make(chan struct{})}
	c.shake.run = r
	// On a goroutine of its own: its stack grows deep, and must not be the one that
	// then idles for weeks.
	go c.perform(ctx, r)
	return r, nil
}

// perform runs the flow and makes its outcome known, also where a callback panics or
// exits. Callbacks' contexts end with it.
func (c *Conn) perform(ctx context.Context, r *run) {
	ctx, cancel := context.WithCancel(ctx)
	c.in.mu.Lock()
	c.out.mu.Lock()
	t := &transport{in: &c.in, out: &c.out}
	err := errNoReturn
	defer func() {
		t.reclaim()
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
		cancel() // before anyone hears of the outcome
		c.settle(r, err)
		c.concludeEarly()
	}()
	err = c.flow(ctx, t)
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
		if err = t.checkTurn(); err != nil {
			result.Exporter.Wipe()
		}
	}
	t.reclaim()
	if err != nil {
		t.refuse(err)
		return c.plainError(err)
	}
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
	return handshake.Client(ctx, t, cfg)
}

func (c *Conn) serverFlow(ctx context.Context, t *transport) (*handshake.Result, handshake.Post, error) {
	setup, err := c.config.server(c.raw)
	if err != nil {
		return nil, nil, alert.Internal("handshake", "%w", err)
	}
	c.out.records.SetPadding(setup.padding)
	result, post, err := handshake.Server(ctx, t, &setup.ServerConfig)
	t.reclaim()
	c.out.records.SetPadding(setup.padding)
	if !setup.dynamicRecords {
		c.out.sent = fullSizeAfter
	}
	return result, post, err
}
