package dissect

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/akushu/akushu/observe"
)

// crew is the workers. Each has the connections whose numbers leave the same remainder. Where there are several, another
// goroutine hands out what they have done, in the order of the capture.
type crew struct {
	opts    *Options
	batches []chan *batch // by worker
	spare   chan *batch
	rounds  chan *round // nil where there is one worker
	turns   *turns
	working sync.WaitGroup
	calling sync.Mutex // held while a function of opts is called
}

func newCrew(o *Options) *crew {
	n := o.workers()
	c := &crew{opts: o, spare: make(chan *batch, n*(batchesAhead+2)), turns: newTurns(n)}
	for range n {
		c.batches = append(c.batches, make(chan *batch, batchesAhead))
	}
	if n > 1 {
		c.rounds = make(chan *round, batchesAhead)
		c.working.Go(c.handOut)
	}
	for i, batches := range c.batches {
		c.working.Go(func() {
			w := &worker{opts: o, crew: c, index: i}
			w.run(batches, c.spare)
			c.turns.reach(i, math.MaxUint64)
		})
	}
	return c
}

// blank returns a batch for each worker, with nothing in it, and the round that they will be.
func (c *crew) blank() ([]*batch, *round) {
	all := make([]*batch, len(c.batches))
	for i := range all {
		select {
		case all[i] = <-c.spare:
		default:
			all[i] = new(batch)
		}
	}
	if c.rounds == nil {
		return all, nil
	}
	return all, new(round)
}

// send gives each worker its batch. All of them get one, so that nobody waits for one who has nothing to do.
func (c *crew) send(all []*batch, end uint64, r *round) {
	if r != nil {
		r.left.Add(len(all))
	}
	for i, b := range all {
		b.end, b.round = end, r
		c.batches[i] <- b
	}
	if r != nil {
		c.rounds <- r
	}
}

// did notes that a batch is done.
func (c *crew) did(b *batch) {
	if b.round != nil {
		b.round.left.Done()
		b.round = nil
	}
}

// handOut hands out the connections of each round.
func (c *crew) handOut() {
	for r := range c.rounds {
		r.left.Wait()
		for _, e := range r.closed {
			c.done(e)
		}
	}
}

// closed is told of a connection that ended. With one worker it is handed out at once.
func (c *crew) closed(e *ending) {
	if c.rounds == nil {
		c.done(e)
	}
}

func (c *crew) done(e *ending) {
	if c.opts.Done != nil {
		c.calling.Lock()
		defer c.calling.Unlock()
		c.opts.Done(e.is)
	}
}

func (c *crew) watch(stream int) func(observe.Event) {
	if c.opts.Watch == nil {
		return nil
	}
	c.calling.Lock()
	defer c.calling.Unlock()
	return c.opts.Watch(stream)
}

// finish returns when all is done and handed out.
func (c *crew) finish() {
	for _, b := range c.batches {
		close(b)
	}
	if c.rounds != nil {
		close(c.rounds)
	}
	c.working.Wait()
}

// turns is how far workers are. What one does that others can see, or see, waits for its turn: then all that comes
// before it in the capture was done, and nothing that comes later is done that must wait likewise.
//
// Nobody waits forever: who is furthest behind does not wait.
type turns struct {
	at      []atomic.Uint64 // by worker: all ops before are done
	waiting atomic.Int32    // how many wait
	mu      sync.Mutex
	moved   *sync.Cond
}

func newTurns(workers int) *turns {
	t := &turns{at: make([]atomic.Uint64, workers)}
	t.moved = sync.NewCond(&t.mu)
	return t
}

// reach says how far a worker is.
func (t *turns) reach(worker int, seq uint64) {
	t.at[worker].Store(seq)
	if t.waiting.Load() > 0 {
		t.mu.Lock()
		t.moved.Broadcast()
		t.mu.Unlock()
	}
}

// await waits until all the others are as far.
func (t *turns) await(worker int, seq uint64) {
	t.until(func() bool {
		for i := range t.at {
			if i != worker && t.at[i].Load() < seq {
				return false
			}
		}
		return true
	})
}

// awaitFirst waits until the first worker is as far.
func (t *turns) awaitFirst(seq uint64) { t.until(func() bool { return t.at[0].Load() >= seq }) }

func (t *turns) until(reached func() bool) {
	if reached() {
		return
	}
	t.waiting.Add(1)
	defer t.waiting.Add(-1)
	t.mu.Lock()
	defer t.mu.Unlock()
	for !reached() {
		t.moved.Wait()
	}
}
