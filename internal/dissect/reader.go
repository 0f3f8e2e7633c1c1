package dissect

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/packet"
	"github.com/akushu/akushu/internal/capture/tcp"
	"github.com/akushu/akushu/keylog"
	"github.com/akushu/akushu/observe"
)

// reader is the side that reads packets. It is the Sink of its Assembler.
type reader struct {
	opts      *Options
	decoder   *packet.Decoder
	assembler *tcp.Assembler
	crew      *crew
	batches   []*batch // by worker
	ops       uint64   // how many there were
	round     *round   // nil where there is one worker
	totals    Totals
	before    time.Time // of the packet before
	came      time.Time // when something came last, by our clock
	delivered int       // the packet whose bytes were told last
}

// Bounds of the connections that are open at a time. The one that was silent for longest makes way.
const (
	halfOpen = 1 << 15 // of which nothing was seen but SYNs
	seen     = 1 << 12
	watched  = 1 << 9 // of whose events more is kept than observe does
)

func newReader(o *Options, c *crew) *reader {
	r := &reader{opts: o, decoder: packet.NewDecoder(), crew: c}
	r.batches, r.round = c.blank()
	limits := tcp.Limits{HalfOpen: halfOpen, Conns: seen}
	if o.Watched {
		limits.Conns = watched
	}
	if o.Live {
		limits.Refused, limits.Lingers = time.Second, 250*time.Millisecond // somebody is waiting to see it
	}
	r.assembler = tcp.New(r, limits)
	return r
}

// run reads until the end of src.
func (r *reader) run(ctx context.Context, src Source) error {
	if r.opts.Ready != nil {
		r.opts.Ready(r.tick)
	}
	var err error
	for err == nil && ctx.Err() == nil {
		var item capture.Item
		if item, err = src.Next(); err == nil {
			r.item(item)
		}
	}
	r.assembler.Close()
	r.send()
	return err
}

func (r *reader) item(item capture.Item) {
	switch item := item.(type) {
	case *capture.Packet:
		r.packet(item)
	case *capture.Secrets:
		r.secrets(item)
	}
	if r.opts.Live {
		r.came = time.Now()
	}
	if r.opts.Live || slices.ContainsFunc(r.batches, (*batch).full) {
		r.send()
	}
}

func (b *batch) full() bool {
	return len(b.ops) >= batchOps || len(b.data) >= batchData || len(b.runs) >= batchOps
}

// tick is for when no packets come. The time goes on from that of the last one, of whosever clock it is.
func (r *reader) tick() {
	if r.totals.Packets == 0 {
		return
	}
	r.assembler.Tick(r.totals.Last.Add(time.Since(r.came)))
	r.send()
}

// send hands the batches over.
func (r *reader) send() {
	if slices.ContainsFunc(r.batches, func(b *batch) bool { return len(b.ops) > 0 }) {
		r.crew.send(r.batches, r.ops, r.round)
		r.batches, r.round = r.crew.blank()
	}
}

// op adds an op to the work of one who decrypts, and returns whose batch it is in.
func (r *reader) op(worker int, o op) *batch {
	o.seq = r.ops
	r.ops++
	b := r.batches[worker]
	b.ops = append(b.ops, o)
	return b
}

// secrets takes the key log that a capture holds; other kinds of secrets are not ours.
func (r *reader) secrets(s *capture.Secrets) {
	if s.Type != capture.SecretsTLSKeyLog {
		return
	}
	var lines []keylog.Line
	log := keylog.NewReader(bytes.NewReader(bytes.Clone(s.Data)))
	for {
		l, err := log.Next()
		if err != nil {
			break
		}
		lines = append(lines, l)
	}
	for i := range r.batches { // with the same number: it is one thing that all of them wait for
		r.op(i, op{kind: opSecrets, more: lines})
		r.ops--
	}
	r.ops++
}

func (r *reader) packet(p *capture.Packet) {
	d := r.decoder.Decode(p)
	r.count(p, d)
	at := -1
	if r.opts.Filter != nil {
		at = len(r.batches[0].ops)
		r.op(0, op{kind: opPacket})
	}
	r.delivered = 0
	seen := r.assembler.Add(d)
	if at >= 0 {
		r.judge(at, p, d, &seen)
	}
	r.before = p.Time
}

func (r *reader) count(p *capture.Packet, d *packet.Packet) {
	r.totals.Packets++
	if !d.IsTCP {
		r.totals.Other++
	}
	if r.totals.First.IsZero() {
		r.totals.First, r.before = p.Time, p.Time
	}
	r.totals.Last = p.Time
}

// judge hands over what the headers of a packet say.
func (r *reader) judge(at int, p *capture.Packet, d *packet.Packet, seen *tcp.Seen) {
	j := &judged{frame: p.Number, fields: r.opts.Filter.NewPacket()}
	head := header{Packet: p, decoded: d, seen: seen, first: r.totals.First, before: r.before}
	head.fill(j.fields)
	o := &r.batches[0].ops[at]
	o.more = j
	if seen.Conn == nil {
		return
	}
	j.settled = seen.Length == 0 || r.delivered == p.Number || isRepeated(seen.Events)
	o.flow, _ = seen.Conn.User.(*flow)
	r.op(0, op{kind: opPacketEnd, flow: o.flow})
}

// isRepeated reports whether a segment brings nothing that was not seen before.
func isRepeated(events []tcp.Event) bool {
	for i := range events {
		if k := events[i].Kind; k == tcp.Retransmission || k == tcp.Duplicate || k == tcp.KeepAlive {
			return true
		}
	}
	return false
}

// Opened implements tcp.Sink.
func (r *reader) Opened(c *tcp.Conn) {
	r.totals.Connections++
	if r.opts.Stream < 0 || r.opts.Stream == c.ID {
		c.User = newFlow(c, r.totals.First)
	}
}

// about adds an op for a connection that is looked at.
// It returns the batch that it is in, nil for none.
func (r *reader) about(c *tcp.Conn, o op) *batch {
	f, ok := c.User.(*flow)
	if !ok {
		return nil
	}
	o.flow = f
	return r.op(c.ID%len(r.batches), o)
}

// Data implements tcp.Sink.
func (r *reader) Data(c *tcp.Conn, d tcp.Dir, at tcp.At, b []byte) {
	r.delivered = at.Frame
	f, ok := c.User.(*flow)
	if !ok {
		return
	}
	to := r.batches[c.ID%len(r.batches)]
	o := r.goesOn(to, f, direction(d))
	if o == nil {
		r.op(c.ID%len(r.batches), op{kind: opData, flow: f, dir: direction(d)})
		o = &to.ops[len(to.ops)-1]
	}
	o.n += int64(len(b))
	o.run++
	to.data = append(to.data, b...)
	to.runs = append(to.runs, observe.Piece{At: observe.At(at), N: len(b)})
}

// goesOn is the latest op, where it is of data of the same direction: then there is one for them all.
func (r *reader) goesOn(b *batch, f *flow, d observe.Dir) *op {
	if len(b.ops) == 0 {
		return nil
	}
	o := &b.ops[len(b.ops)-1]
	if o.seq+1 != r.ops || o.kind != opData || o.flow != f || o.dir != d {
		return nil
	}
	return o
}

// Gap implements tcp.Sink.
func (r *reader) Gap(c *tcp.Conn, d tcp.Dir, at tcp.At, n int64) {
	r.about(c, op{kind: opGap, dir: direction(d), at: observe.At(at), n: n})
}

// Event implements tcp.Sink.
func (r *reader) Event(c *tcp.Conn, e *tcp.Event) {
	if r.opts.watches(c.ID) {
		r.about(c, op{kind: opSegment, dir: direction(e.Dir), at: observe.At(e.At), more: segment(e)})
		return
	}
	if f, ok := c.User.(*flow); ok && f.untold.Before(e.At.Time) {
		f.untold = e.At.Time
	}
	if e.Kind == tcp.FIN {
		r.about(c, op{kind: opEnd, dir: direction(e.Dir), at: observe.At(e.At)})
	}
}

// Closed implements tcp.Sink.
func (r *reader) Closed(c *tcp.Conn, why tcp.Reason) {
	e := &ending{how: observe.End(why), tcp: tcpOf(c), packets: c.Stats.Packets}
	if f, ok := c.User.(*flow); ok {
		e.untold = f.untold
	}
	if r.about(c, op{kind: opClose, at: observe.At(c.Last), more: e}) != nil && r.round != nil {
		r.round.closed = append(r.round.closed, e)
	}
}

func direction(d tcp.Dir) observe.Dir {
	if d == tcp.ClientToServer {
		return observe.ClientToServer
	}
	return observe.ServerToClient
}

// tcpOf is what the packets so far tell of a connection.
func tcpOf(c *tcp.Conn) observe.TCP {
	s := &c.Stats
	return observe.TCP{
		SYN: s.SYN, SYNACK: s.SYNACK, ACK: s.ACK, FIN: s.FIN, RST: s.RST,
		RTT: float64(s.RTT) / float64(time.Millisecond), Retransmissions: s.Retransmissions, Gaps: s.Gaps, Cut: s.Cut,
	}
}

// segment is an event as an observer is told it.
func segment(e *tcp.Event) *observe.Segment {
	s := &observe.Segment{
		What: observe.SegmentKind(e.Kind), Flags: strings.Split(e.Flags.String(), ", "), Seq: e.Seq, Ack: e.Ack, Length: e.Length, RTT: e.RTT,
	}
	if e.Kind == tcp.SYN || e.Kind == tcp.SYNACK {
		s.Options = optionNames(&e.Options)
	}
	return s
}

// optionNames are the options of a segment that opens a connection, in the words of Wireshark.
func optionNames(o *packet.Options) []string {
	var names []string
	if o.MSS != 0 {
		names = append(names, "MSS="+strconv.Itoa(int(o.MSS)))
	}
	if o.HasWindowScale {
		names = append(names, "WS="+strconv.Itoa(1<<o.WindowScale))
	}
	if o.SACKPermitted {
		names = append(names, "SACK")
	}
	if o.HasTimestamps {
		names = append(names, "TS")
	}
	return names
}
