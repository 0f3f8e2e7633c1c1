package tls

import (
	"context"
	"errors"
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
	if c.await(ctx, r) && r.err != nil {
		return ctx.Err()
	}
	if r.fate != nil {
		r.fate()
	}
	return r.err
}

// await waits for the end of r. If ctx ends before, it closes the connection, and reports
// that it did.
func (c *Conn) await(ctx context.Context, r *run) (interrupted bool) {
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { _ = c.raw.Close() })
		defer func() { interrupted = !stop() }()
	}
	<-r.done
	return false
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
// exits.
func (c *Conn) perform(ctx context.Context, r *run) {
	c.in.mu.Lock()
	c.out.mu.Lock()
	t := &transport{in: &c.in, out: &c.out}
	err := errNoReturn
	defer func() {
		if err == errNoReturn {
			r.fate = runtime.Goexit
			if p := recover(); p != nil {
				r.fate = func() { panic(p) }
			}
			t.refuse(alert.Internal("handshake", "%w", err))
		}
		c.in.unlock()
		c.out.unlock()
		c.settle(r, err)
	}()
	err = c.flow(ctx, t)
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
	c.result.Store(result)
	return nil
}

func (c *Conn) clientFlow(ctx context.Context, t *transport) (*handshake.Result, handshake.Post, error) {
	cfg, err := c.config.client(c.name)
	if err != nil {
		return nil, nil, err
	}
	if !c.config.resolve().dynamicRecords {
		c.out.sent = fullSizeAfter
	}
	return handshake.Client(ctx, t, cfg)
}

func (c *Conn) serverFlow(ctx context.Context, t *transport) (*handshake.Result, handshake.Post, error) {
	setup, err := c.config.server(c.raw)
	if err != nil {
		return nil, nil, alert.Internal("handshake", "%w", err)
	}
	result, post, err := handshake.Server(ctx, t, &setup.ServerConfig)
	if !setup.dynamicRecords {
		c.out.sent = fullSizeAfter
	}
	return result, post, err
}
