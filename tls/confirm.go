package tls

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
)

// ErrNotConfirmed is the error of [Conn.ConfirmHandshake] where application data came before
// anything that would prove that the server has our Finished: it may refuse the handshake
// still.
var ErrNotConfirmed = errors.New("tls: application data came before a confirmation of the handshake")

// ConfirmHandshake waits until it is certain that the server has processed all of the
// client's handshake, and so has accepted its certificate, or the lack of one; after a
// handshake if there was none yet. In TLS 1.3 a client's handshake is complete before the
// server has seen the certificate, which it may then refuse: without this, some later Read
// or Write fails.
//
// It returns nil at the first message that is proof: in TLS 1.2 the server's Finished, or
// data where a session is resumed (RFC 5246 §7.4.9), so at once as a rule; in TLS 1.3 a
// ticket, where the server had asked for a certificate in the handshake (RFC 9846 §4.7.1), or
// a request for one after it. It returns the error that the server's alert is, as Read does,
// if that comes, and [ErrNotConfirmed] if application data came before, which the next Read
// returns; io.EOF if the server closed. A server that sends none of these, such as one that
// gives no tickets, is waited for until ctx ends, which does no harm to the connection: the
// deadline of ctx is how much a confirmation is worth waiting for. Where the server has asked
// for no certificate there may be no proof ever.
//
// At a server the handshake is confirmed as soon as it is complete.
func (c *Conn) ConfirmHandshake(ctx context.Context) error {
	if err := c.HandshakeContext(ctx); err != nil {
		return err
	}
	if c.result.Load().Proof == handshake.ProofComplete {
		return nil
	}
	p := &c.in.proof
	if err := c.in.await(ctx, p.settled()); err != nil {
		return err
	}
	if p.state.Load() == proofNone {
		return ErrNotConfirmed
	}
	return nil
}

// proof is what the peer's messages say about whether it has our Finished.
type proof struct {
	state atomic.Uint32
	wait  atomic.Pointer[chan struct{}] // closed when state is known; nil while nobody waits
}

// The states of proof.
const (
	proofOpen uint32 = iota
	proofNone        // application data came first
	proofGiven
)

// settled returns a channel that is closed when the state is known.
func (p *proof) settled() <-chan struct{} {
	fresh := make(chan struct{})
	p.wait.CompareAndSwap(nil, &fresh)
	p.wake()
	return *p.wait.Load()
}

// wake closes the channel, if there is one and the state is known.
func (p *proof) wake() {
	if p.state.Load() == proofOpen {
		return
	}
	if ch := p.wait.Swap(&closed); ch != nil && ch != &closed {
		close(*ch)
	}
}

// closed is a channel that is.
var closed = func() chan struct{} {
	ch := make(chan struct{})
	close(ch)
	return ch
}()

// data notes that application data came.
func (p *proof) data(v iana.Version) {
	if p.state.Load() != proofOpen {
		return
	}
	state := proofNone
	if v < iana.VersionTLS13 {
		state = proofGiven // see handshake.ProofData
	}
	p.state.CompareAndSwap(proofOpen, state)
	p.wake()
}

// Confirm implements [handshake.PostTransport].
func (h *inHalf) Confirm() {
	h.proof.state.Store(proofGiven)
	h.proof.wake()
}

// await reads until done is closed, unless somebody else reads, who then does. Application
// data ends it too: it is left for Read.
func (h *inHalf) await(ctx context.Context, done <-chan struct{}) error {
	held := make(chan struct{})
	if !h.mu.TryLock() {
		go h.lockFor(ctx, held, done)
		select {
		case <-held:
		case <-done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer h.unlock()
	return h.conn.interruptible(ctx, func() error { return h.readUntil(done) })
}

// lockFor locks the half for somebody who waits for it at held, unless they have gone.
func (h *inHalf) lockFor(ctx context.Context, held chan<- struct{}, done <-chan struct{}) {
	h.mu.Lock()
	select {
	case held <- struct{}{}:
	case <-done:
		h.unlock()
	case <-ctx.Done():
		h.unlock()
	}
}

// readUntil reads until done is closed. The lock is held.
func (h *inHalf) readUntil(done <-chan struct{}) error {
	for {
		select {
		case <-done:
			return nil
		default:
		}
		if h.err != nil {
			return h.err
		}
		if len(h.data) > 0 {
			if err := h.keep(); err != nil {
				return err
			}
		}
		if err := h.next(); err != nil {
			return h.fail(err)
		}
	}
}

// interruptible does read, which returns early where ctx ends. The user's deadline stays as it
// is.
func (c *Conn) interruptible(ctx context.Context, read func() error) error {
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.deadline.interrupt(c.raw)
		close(interrupted)
	})
	err := read()
	if stop() {
		return err
	}
	<-interrupted
	c.deadline.resume(c.raw)
	if timedOut(err) {
		return ctx.Err()
	}
	return err
}
