package order

import (
	"slices"
	"strings"
	"sync"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
)

// A Tracker follows one conversation. It has to see what one end sends in order, but not
// which end was first: an observer reads one direction before it has the keys of the other.
// What it reports is therefore never that an end was too early, but that no conversation has
// the two ends send what they sent.
//
// A violation is reported once; then the message at fault is taken as right, and the tracker
// goes on from there, from now on with each end by itself. The zero value is not ready,
// [NewTracker] is.
type Tracker struct {
	at     *state
	closed [2]string // by which alert an end said that it is through
}

// NewTracker returns a tracker of a conversation from its beginning, of a version that is yet
// to be learnt.
func NewTracker() *Tracker { return &Tracker{at: beginning()} }

// Version tells the tracker which version it is.
func (t *Tracker) Version(v iana.Version) {
	g := grammarOf(v)
	t.at, _ = t.at.after(step{version: g}, func(runs []*run) []*run {
		if i := slices.IndexFunc(runs, func(r *run) bool { return r.grammar == g }); i >= 0 {
			return runs[i : i+1]
		}
		r := newRun(g) // which did not fit so far
		r.resume()
		return []*run{r}
	})
}

// Resume tells the tracker that messages were missed, or that it starts in the middle: what
// either end sends next may be anything.
func (t *Tracker) Resume() {
	t.at, _ = t.at.after(step{resume: true}, func(runs []*run) []*run {
		for _, r := range runs {
			r.resume()
		}
		return runs
	})
}

// Next takes the next message of one end. It returns nil where the message is legal, else an
// unexpected_message that says what would have been.
func (t *Tracker) Next(from Side, m Message) *alert.Error {
	if by := t.closed[from]; by != "" {
		return alert.Unexpected(m.Name(), "RFC 9846 §6.1", "%v from the %v, which ended the connection with %s", m, from, by)
	}
	if t.at.isFree(from, m) {
		return nil
	}
	fits := func(runs []*run) []*run {
		return slices.DeleteFunc(runs, func(r *run) bool { return !r.next(from, m) })
	}
	if at, ok := t.at.after(step{from: from, what: m}, fits); ok {
		t.at = at
		return nil
	}
	expected, ref := t.Expected(from), t.at.runs[0].grammar.ref
	t.at, _ = t.at.after(step{from: from, what: m, wrong: true}, func(runs []*run) []*run {
		for _, r := range runs {
			r.resync(from, m)
		}
		return runs
	})
	return alert.Unexpected(m.Name(), ref, "%v from the %v, where %s was expected", m, from, words(expected))
}

// Alert takes an alert of one end. After a fatal one or close_notify, the end has nothing
// more to say. In SSL 3.0 no_certificate stands for an empty Certificate (RFC 6101 §5.6.6).
func (t *Tracker) Alert(from Side, level iana.AlertLevel, a iana.Alert) *alert.Error {
	switch {
	case t.closed[from] != "":
		return alert.Unexpected("alert", "RFC 9846 §6.1", "%v from the %v, which ended the connection with %s", a, from, t.closed[from])
	case a == iana.AlertNoCertificate:
		return t.Next(from, Certificate)
	case a == iana.AlertCloseNotify || level == iana.AlertLevelFatal:
		t.closed[from] = a.String()
	}
	return nil
}

// Expected returns what an end may send next, apart from what it may send at any time, in the
// order of the grammar.
func (t *Tracker) Expected(from Side) (all []Message) {
	if t.closed[from] != "" {
		return nil
	}
	for _, r := range t.at.runs {
		for _, m := range r.clone().expected(from) { // which tries messages
			if !slices.Contains(all, m) {
				all = append(all, m)
			}
		}
	}
	return all
}

// Complete reports whether all messages of a handshake were there.
func (t *Tracker) Complete() bool {
	return slices.ContainsFunc(t.at.runs, func(r *run) bool { return r.complete })
}

// words is messages as a list in words.
func words(all []Message) string {
	var names []string
	for _, m := range all {
		names = append(names, m.String())
	}
	list := strings.Join(names, ", ")
	if i := strings.LastIndex(list, ", "); i >= 0 {
		list = list[:i] + " or " + list[i+2:]
	}
	return list
}

// A run is a conversation on its way through one grammar.
type run struct {
	grammar  *grammar
	program  program
	tracks   []*track // one of both ends; or, once they were torn apart, one of each
	finished [2]bool  // the end has sent a Finished
	midway   bool     // not seen from the beginning
	complete bool
}

var programs = sync.OnceValue(func() map[*grammar]program {
	return map[*grammar]program{&tls13: compile(&tls13), &tls12: compile(&tls12)}
})

func newRun(g *grammar) *run {
	p := programs()[g]
	return &run{grammar: g, program: p, tracks: []*track{newTrack(p, fromBoth, thread{})}}
}

// clone is a run of its own that is as far as r.
func (r *run) clone() *run {
	c := *r
	c.tracks = make([]*track, len(r.tracks))
	for i, t := range r.tracks {
		c.tracks[i] = t.clone()
	}
	return &c
}

// next takes a message, or reports that it is not legal.
func (r *run) next(from Side, m Message) bool {
	if r.isFree(from, m) {
		return true
	}
	t := r.track(from)
	complete, ok := t.next(from, m)
	if !ok {
		return false
	}
	r.finished[from] = r.finished[from] || m == Finished
	r.complete = r.complete || complete && len(r.tracks) == 1
	if len(t.tapes[from]) > backlog {
		r.resume()
	}
	return true
}

// isFree reports whether m may come now without a place in the order.
func (r *run) isFree(from Side, m Message) bool {
	return slices.ContainsFunc(r.grammar.free, func(f free) bool {
		now := r.midway || f.when == anytime || (f.when == sinceFinished) == r.finished[from]
		return f.what == m && f.from[from] && now
	})
}

// track returns the track that sees an end.
func (r *run) track(from Side) *track {
	return r.tracks[min(int(from), len(r.tracks)-1)]
}

func (r *run) expected(from Side) []Message { return r.track(from).expected(from) }

// resume lets each end go on from anywhere.
func (r *run) resume() {
	anywhere := r.program.places(0, func(i instruction) bool { return i.op == take })
	r.tracks = []*track{newTrack(r.program, fromClient, anywhere...), newTrack(r.program, fromServer, anywhere...)}
	r.midway = true
}

// resync goes on as if m had been right: its end behind wherever the grammar has m, the other
// end as before. Where the grammar does not have m at all, it is passed over.
func (r *run) resync(from Side, m Message) {
	behind := r.program.places(1, func(i instruction) bool { return i == instruction{op: take, from: from, what: m} })
	if len(behind) == 0 {
		return
	}
	var tracks [2]*track
	tracks[from] = newTrack(r.program, from.alone(), behind...)
	tracks[from.Peer()] = r.track(from.Peer()).without(from)
	r.tracks = tracks[:]
	r.finished[from] = r.finished[from] || m == Finished
}

// places makes threads, so many instructions behind each that is chosen.
func (p program) places(behind int, chosen func(instruction) bool) (threads []thread) {
	for at, i := range p {
		if chosen(i) {
			threads = append(threads, thread{at: at + behind}, thread{at: at + behind, asked: true})
		}
	}
	return threads
}
