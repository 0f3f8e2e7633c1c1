package dissect

import (
	"strings"
	"time"

	"github.com/akushu/akushu/internal/filter"
	"github.com/akushu/akushu/keylog"
	"github.com/akushu/akushu/observe"
)

// worker is the side that looks at connections, or some of them.
type worker struct {
	opts  *Options
	crew  *crew
	index int
	seq   uint64    // of the op that is being done
	asked time.Time // when new secrets were asked for
}

// run does what comes until no more does.
func (w *worker) run(batches <-chan *batch, spare chan<- *batch) {
	for b := range batches {
		w.batch(b)
		w.crew.did(b)
		clear(b.ops)
		b.ops, b.data, b.runs = b.ops[:0], b.data[:0], b.runs[:0]
		select {
		case spare <- b:
		default:
		}
	}
}

// askInterval is between two times that secrets are asked for while a connection lasts.
const askInterval = 20 * time.Millisecond

// ask asks for new secrets if records wait for some, at once where it is the last chance.
func (w *worker) ask(c *observe.Conn, last bool) {
	if !w.opts.Live || w.opts.Secrets == nil || !c.Waiting() {
		return
	}
	if now := time.Now(); last || now.Sub(w.asked) >= askInterval {
		w.asked = now
		for _, l := range w.opts.Secrets() {
			w.opts.Keys.Add(l)
		}
	}
}

func (w *worker) batch(b *batch) {
	data, runs := b.data, b.runs
	for i := range b.ops {
		o := &b.ops[i]
		w.at(o.seq)
		if o.kind == opData {
			w.data(o, data[:o.n:o.n], runs[:o.run])
			data, runs = data[o.n:], runs[o.run:]
			continue
		}
		w.do(o)
	}
	w.at(b.end)
}

// at says that all before an op is done.
func (w *worker) at(seq uint64) {
	w.seq = seq
	w.crew.turns.reach(w.index, seq)
}

// turn waits until all that comes before is done, by whomever.
func (w *worker) turn() { w.crew.turns.await(w.index, w.seq) }

func (w *worker) do(o *op) {
	switch o.kind {
	case opGap:
		w.conn(o.flow).Lost(o.dir, o.at, o.n)
	case opSegment:
		w.segment(o, o.more.(*observe.Segment))
	case opEnd:
		w.segment(o, nil)
	case opPacket:
		w.packet(o, o.more.(*judged))
	case opPacketEnd:
		w.settle(o.flow)
	case opClose:
		w.close(o, o.more.(*ending))
	case opSecrets:
		w.secrets(o.more.([]keylog.Line))
	}
}

// secrets is done by the first worker, while the others wait.
func (w *worker) secrets(lines []keylog.Line) {
	w.turn()
	if w.index > 0 {
		w.crew.turns.awaitFirst(w.seq + 1)
		return
	}
	for _, l := range lines {
		w.opts.Keys.Add(l)
	}
}

// conn is the observer of a connection. It is made when it is first asked for.
func (w *worker) conn(f *flow) *observe.Conn {
	if f.conn != nil {
		return f.conn
	}
	f.opts.Keys, f.opts.Used, f.opts.Turn, f.opts.ListKeys = w.opts.Keys, w.opts.Used, w.turn, w.opts.ListKeys
	watch := w.crew.watch(f.opts.Stream)
	if f.opts.Sink = watch; w.opts.Filter != nil {
		f.opts.Sink = func(e observe.Event) {
			w.fields(f, e)
			if watch != nil {
				watch(e)
			}
		}
	}
	if f.opts.Omit = w.opts.Omit; f.opts.Sink != nil {
		f.opts.Omit &= observe.OmitHashes
	}
	f.opts.HTTPFrames = w.opts.Filter != nil && w.opts.Filter.UsesAny(filter.HTTP2, filter.HTTP2StreamID)
	f.conn = observe.New(f.opts)
	for i := range f.segments {
		s := &f.segments[i]
		f.tell(s.dir, s.at, s.body)
	}
	f.segments = nil
	return f.conn
}

// segment tells of a segment, which does not need an observer by itself; nil: a direction ends.
func (w *worker) segment(o *op, s *observe.Segment) {
	f := o.flow
	if f.conn == nil {
		if len(f.segments) < flowSegments {
			f.segments = append(f.segments, waiting{o.dir, o.at, s})
		}
		return
	}
	f.tell(o.dir, o.at, s)
}

// tell tells the observer of a segment.
func (f *flow) tell(d observe.Dir, at observe.At, s *observe.Segment) {
	if s != nil {
		f.conn.Segment(d, at, *s)
	}
	if s == nil || s.What == observe.SegmentFIN {
		f.conn.EndOfStream(d, at, observe.EndFIN)
	}
}

func (w *worker) close(o *op, e *ending) {
	f := o.flow
	c := w.conn(f)
	w.ask(c, true)
	s := c.Finish(o.at, e.how, e.tcp)
	if !e.untold.IsZero() { // it counts as if it had been told
		s.Duration = max(s.Duration, observe.Milliseconds(e.untold.Sub(s.Start.Time)))
	}
	for _, j := range f.window {
		w.judge(f, j)
	}
	f.window = nil
	e.is = &Connection{Session: s, Begun: f.begun, Packets: e.packets, Matching: f.matching}
	f.conn = nil // nothing comes for it any more
	w.crew.closed(e)
}

// packet notes a packet that the filter will judge.
func (w *worker) packet(o *op, j *judged) {
	if o.flow == nil {
		w.judge(nil, j)
		return
	}
	f := o.flow
	f.window = append(f.window, j)
	if len(f.window) > flowWindow {
		w.judge(f, f.window[0])
		f.window = f.window[1:]
	}
}

// data takes the bytes of some packets.
func (w *worker) data(o *op, b []byte, run []observe.Piece) {
	for i := range run {
		w.arrived(o.flow, run[i].Frame)
	}
	c := w.conn(o.flow)
	c.FeedPieces(o.dir, b, run)
	w.ask(c, false)
}

// arrived notes that the bytes of a packet came out of reassembly.
func (w *worker) arrived(f *flow, frame int) {
	if w.opts.Filter == nil {
		return
	}
	if j := f.pending(frame); j != nil {
		j.settled = true
	}
}

// await keeps a head of HTTP/1 until its body ends: there Wireshark shows the message. An interim response has none.
func (f *flow) await(d observe.Dir, m *observe.HTTPHead) bool {
	if m.Protocol == "HTTP/2" || m.Status/100 == 1 {
		return false
	}
	f.heads[d] = m
	return true
}

// awaited is the head of a message that ends here, or nil.
func (f *flow) awaited(d observe.Dir, b *observe.HTTPBody) observe.Body {
	m := f.heads[d]
	if !b.End || m == nil || m.Exchange != b.Exchange || m.Encrypted != b.Encrypted {
		return nil
	}
	f.heads[d] = nil
	return m
}

// fields adds what an event says to the fields of its packet.
func (w *worker) fields(f *flow, e observe.Event) {
	frame := e.Frame()
	switch b := e.Body.(type) {
	case *observe.Message:
		f.latest[e.Dir] = frame
	case *observe.Fingerprint: // of the message before
		frame = f.latest[e.Dir]
	case *observe.HTTPHead:
		if b.Cut || f.await(e.Dir, b) { // Wireshark takes none for one that is not whole
			return
		}
	case *observe.HTTPBody:
		if e.Body = f.awaited(e.Dir, b); e.Body == nil {
			return
		}
	case *observe.Negotiated:
		f.tls13 = f.tls13 || b.What == observe.WhatVersion && strings.HasPrefix(b.Chosen, "TLS 1.3")
	}
	if frame == 0 {
		return
	}
	if j := f.pending(frame); j != nil {
		fill(j.fields, &e, f.tls13)
	}
}

// settle judges the packets of which all is known.
func (w *worker) settle(f *flow) {
	if f == nil || f.conn != nil && f.conn.Waiting() {
		return
	}
	rest := f.window[:0]
	for _, j := range f.window {
		if j.settled {
			w.judge(f, j)
		} else {
			rest = append(rest, j)
		}
	}
	clear(f.window[len(rest):])
	f.window = rest
}

func (w *worker) judge(f *flow, j *judged) {
	matches := w.opts.Filter.Match(j.fields)
	if matches && f != nil {
		f.matching.add(j.frame)
	}
	if w.opts.Judged != nil {
		w.opts.Judged(j.frame, matches)
	}
}
