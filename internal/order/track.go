package order

import (
	"slices"
	"sync"
)

// A track follows one end or both through a program. It has a tape of each end, of what was
// sent and not yet taken, and threads that take from both as their place in the program says.
// What was sent is legal while some thread can take all that is there.
type track struct {
	program program
	sees    [2]bool
	threads []thread // wait for a message
	tapes   [2][]Message
}

// scratch is space that walk needs.
type scratch struct {
	seen map[thread]bool
	todo []thread
}

var scratches = sync.Pool{New: func() any { return &scratch{seen: map[thread]bool{}} }}

// thread is a place in the program.
type thread struct {
	at    int
	asked bool   // a CertificateRequest came
	taken [2]int // messages of each tape
}

// backlog is how many messages of one end may wait for the other before the other is thought
// to be invisible.
const backlog = 32

func newTrack(p program, sees [2]bool, threads ...thread) *track {
	t := &track{program: p, sees: sees}
	t.threads, _ = t.walk(threads, [2]bool{})
	return t
}

// clone is a track of its own that is as far as t.
func (t *track) clone() *track {
	c := *t
	c.threads = slices.Clone(t.threads)
	for side, tape := range t.tapes {
		c.tapes[side] = slices.Clone(tape)
	}
	return &c
}

// without is t without the end from.
func (t *track) without(from Side) *track {
	u := *t
	u.sees[from], u.tapes[from] = false, nil
	u.threads = slices.Clone(t.threads)
	for i := range u.threads {
		u.threads[i].taken[from] = 0
	}
	u.threads, _ = u.walk(u.threads, [2]bool{})
	return &u
}

// next takes a message and reports whether it may, and whether a handshake is now complete.
func (t *track) next(from Side, m Message) (complete, ok bool) {
	tape := t.tapes[from]
	t.tapes[from] = append(tape, m)
	waiting, complete := t.walk(t.threads, [2]bool{})
	if !t.through(waiting) && !t.possible() {
		t.tapes[from] = tape
		return false, false
	}
	t.threads = waiting
	t.trim()
	return complete, true
}

// possible reports whether there are messages, still to come, with which all that is there
// would be legal.
func (t *track) possible() bool {
	waiting, _ := t.walk(t.threads, [2]bool{true, true})
	return t.through(waiting)
}

// through reports whether a thread has taken all that is there.
func (t *track) through(threads []thread) bool {
	return slices.ContainsFunc(threads, func(at thread) bool {
		return at.taken[Client] == len(t.tapes[Client]) && at.taken[Server] == len(t.tapes[Server])
	})
}

// expected lists what an end may send next, in the order of the program.
func (t *track) expected(from Side) (all []Message) {
	var guess [2]bool
	guess[from.Peer()] = true
	waiting, _ := t.walk(t.threads, guess)
	slices.SortFunc(waiting, func(a, b thread) int { return a.at - b.at })
	tape := t.tapes[from]
	for _, at := range waiting {
		i := t.program[at.at]
		if i.op != take || i.from != from || slices.Contains(all, i.what) {
			continue
		}
		t.tapes[from] = append(slices.Clone(tape), i.what)
		if t.possible() {
			all = append(all, i.what)
		}
	}
	t.tapes[from] = tape
	return all
}

// walk moves threads as far as their tapes reach, and returns those that wait for a message,
// or are at the end. A thread that waits for an end of which to guess also goes on as if the
// message had come; messages of an end that is not seen have always come.
func (t *track) walk(threads []thread, guess [2]bool) (waiting []thread, complete bool) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	clear(s.seen)
	todo := append(s.todo[:0], threads...)
	defer func() { s.todo = todo }()
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if s.seen[at] {
			continue
		}
		s.seen[at] = true
		switch i := t.program[at.at]; i.op {
		case take:
			waits, goes := t.take(at, i, guess[i.from])
			if waits {
				waiting = append(waiting, at)
			}
			if goes {
				todo = append(todo, t.behind(at, i))
			}
		case fork:
			todo = append(todo, at.to(i.other), at.to(at.at+1))
		case jump:
			todo = append(todo, at.to(i.other))
		case unasked:
			next := i.other
			if at.asked {
				next = at.at + 1
			}
			todo = append(todo, at.to(next))
		case finish:
			complete = true
			todo = append(todo, at.to(at.at+1))
		case end:
			waiting = append(waiting, at)
		}
	}
	return waiting, complete
}

// take reports whether a thread waits for the message of i, and whether it goes on behind it.
func (t *track) take(at thread, i instruction, guess bool) (waits, goes bool) {
	tape, taken := t.tapes[i.from], at.taken[i.from]
	switch {
	case !t.sees[i.from]:
		return false, true
	case taken == len(tape):
		return true, guess
	}
	return false, tape[taken] == i.what
}

// behind is a thread once it went on behind the message of i, which it takes from the tape if it is there.
func (t *track) behind(at thread, i instruction) thread {
	if t.sees[i.from] && at.taken[i.from] < len(t.tapes[i.from]) {
		at.taken[i.from]++
	}
	return at.past(i)
}

func (at thread) to(place int) thread {
	at.at = place
	return at
}

// past is the thread behind the message of i.
func (at thread) past(i instruction) thread {
	at.asked = at.asked && i.what != ClientHello || i.what == CertificateRequest
	return at.to(at.at + 1)
}

// trim forgets what all threads have taken.
func (t *track) trim() {
	for side := range t.tapes {
		least := len(t.tapes[side])
		for _, at := range t.threads {
			least = min(least, at.taken[side])
		}
		t.tapes[side] = t.tapes[side][least:]
		for i := range t.threads {
			t.threads[i].taken[side] -= least
		}
	}
}
