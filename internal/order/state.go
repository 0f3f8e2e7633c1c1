package order

import (
	"slices"
	"sync"
)

// A state is how far a conversation is. It does not change: what a message leads to is another state. That is worked out
// once, and remembered, for most conversations go like others before.
type state struct {
	runs   []*run
	shared bool // it is remembered, and so is what follows it
}

// step is what leads from one state to the next: a message, or something that the tracker is told.
type step struct {
	from    Side
	what    Message
	wrong   bool     // the message is not legal, and taken as right
	resume  bool     // messages were missed
	version *grammar // the version is known
}

// known is the states that are remembered.
var known = struct {
	sync.RWMutex
	after map[*state]map[step]*state // nil for what is not legal
	n     int
}{after: make(map[*state]map[step]*state)}

// statesMax bounds them: there is no end of wrong conversations.
const statesMax = 1024

// beginning is the state that all conversations begin in.
var beginning = sync.OnceValue(func() *state {
	return &state{runs: []*run{newRun(&tls13), newRun(&tls12)}, shared: true}
})

// isFree reports whether a message may come without a place in the order: then it leads nowhere.
func (s *state) isFree(from Side, m Message) bool {
	return !slices.ContainsFunc(s.runs, func(r *run) bool { return !r.isFree(from, m) })
}

// after returns the state that a step leads to. do takes it with runs of its own, and returns those that it leaves; with
// none the step is not legal.
func (s *state) after(by step, do func([]*run) []*run) (*state, bool) {
	if s.shared {
		known.RLock()
		next, ok := known.after[s][by]
		known.RUnlock()
		if ok {
			return next, next != nil
		}
	}
	runs := make([]*run, len(s.runs))
	for i, r := range s.runs {
		runs[i] = r.clone()
	}
	var next *state
	if left := do(runs); len(left) > 0 {
		next = &state{runs: left}
	}
	s.remember(by, next)
	return next, next != nil
}

// remember keeps what a step leads to, if there is room.
func (s *state) remember(by step, next *state) {
	known.Lock()
	defer known.Unlock()
	if !s.shared || known.n >= statesMax {
		return
	}
	if known.after[s] == nil {
		known.after[s] = make(map[step]*state)
	}
	if _, raced := known.after[s][by]; raced {
		return
	}
	known.n++
	known.after[s][by] = next
	if next != nil {
		next.shared = true
	}
}
