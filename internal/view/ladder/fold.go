package ladder

import (
	"slices"
	"time"

	"github.com/akushu/akushu/observe"
)

// stepLimit bounds the rungs of one ladder, and with them its memory: nobody reads more.
// What comes after is counted.
const stepLimit = 2000

// fold makes steps of events.
type fold struct {
	view  *view
	list  []*step
	tls13 bool
	begun bool     // a record was seen
	hello []detail // of the last ClientHello
	ended [3]bool  // by Dir: FIN or RST was drawn
	http  bool     // application data is HTTP, which tells more than its text
}

// add folds an event in. Kinds that are not drawn, or not known, are passed over.
func (f *fold) add(e observe.Event) {
	switch b := e.Body.(type) {
	case *observe.FlowOpened:
		f.flowOpened(e, b)
	case *observe.RolesSwapped:
		for _, s := range f.list {
			s.dir = s.dir.Opposite()
		}
	case *observe.Record:
		f.record(e, b)
	case *observe.Message:
		f.message(e, b)
	case *observe.ChangeCipherSpec:
		f.changeCipherSpec(e, b)
	case *observe.Alert:
		f.alert(e, b)
	case *observe.KeysInstalled:
		f.keys(e, b)
	case *observe.Negotiated:
		f.tls13 = f.tls13 || b.What == observe.WhatVersion && is13(b.Chosen)
	case *observe.Peer:
		f.peer(e, b)
	case *observe.Checked:
		f.checked(e, b)
	case *observe.ApplicationData:
		f.applicationData(e, b)
	case *observe.NotTLS:
		f.notTLS(e, b)
	case *observe.Gap:
		f.gap(e, b)
	case *observe.Finding:
		f.finding(e, b)
	case *observe.StreamEnded:
		f.streamEnded(e, b)
	case *observe.Segment:
		f.segment(e, b)
	case *observe.HTTPHead:
		f.httpHead(e, b)
	case *observe.HTTPBody:
		f.httpBody(e, b)
	case *observe.FlowClosed:
		f.flowClosed(e, b)
	}
}

// push adds a step for an event.
func (f *fold) push(e observe.Event, s step) *step {
	s.seq, s.at = e.Seq, e.Time
	if len(f.list) >= stepLimit {
		return f.overflow(e)
	}
	s.title = clean(s.title)
	s.clean()
	s.inFrame(e.Frame())
	f.list = append(f.list, &s)
	return &s
}

func (s *step) clean() {
	for i := range s.more {
		s.more[i].text, s.more[i].lead = clean(s.more[i].text), clean(s.more[i].lead)
	}
}

// overflow counts what is not drawn any more.
func (f *fold) overflow(e observe.Event) *step {
	last := f.list[len(f.list)-1]
	if last.run.sort != rest {
		last = &step{kind: note, seq: e.Seq, at: e.Time, run: run{sort: rest}}
		f.list = append(f.list, last)
	}
	last.run.count++
	last.title = Line{{Warning, f.view.words.Text("ladder.rest", count(int64(last.run.count)))}}
	return last
}

// last is the step that a run can continue: the last one of the direction, if nothing of
// the other direction and no note came between.
func (f *fold) last() *step {
	if len(f.list) == 0 {
		return &step{}
	}
	return f.list[len(f.list)-1]
}

// steps returns the steps in the order of time. In one direction that is the order in which
// they came; between the two, an observer that waits for keys lets one run ahead.
func (f *fold) steps() []*step {
	ordered := slices.Clone(f.list)
	at := make(map[*step]time.Time, len(ordered))
	var next [3]time.Time // the earliest time of what comes later in each direction
	for _, s := range slices.Backward(ordered) {
		t, dir := s.at, s.dir
		if later := next[dir]; !later.IsZero() && later.Before(t) {
			t = later
		}
		at[s], next[dir] = t, t
	}
	slices.SortStableFunc(ordered, func(a, b *step) int { return at[a].Compare(at[b]) })
	return ordered
}
