// Package show shows the connections of a capture, for the verbs that read packets: as a table or as ladders for
// people, as NDJSON for machines.
//
// One connection is shown as a ladder, more are a table; which of the two it is turns out as the capture is read. Rows
// come in the order in which the connections began, as far as that costs no more than some memory.
package show

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/dissect"
	"github.com/akushu/akushu/internal/filter"
	"github.com/akushu/akushu/internal/view/ladder"
	"github.com/akushu/akushu/internal/view/ndjson"
	"github.com/akushu/akushu/observe"
)

// Options says how connections are shown.
type Options struct {
	JSON    bool            // NDJSON on standard output
	Ladders bool            // a ladder for each connection, even if there are several
	Verbose bool            // every field
	Hex     bool            // bytes
	Filter  *filter.Program // only connections with packets that match are shown, and those are marked; may be nil
	Only    bool            // what does not match is left out
	Live    bool            // connections are shown as they end, in no other order
	Keyless func() bool     // there is no key log, nor one in the capture so far; may be nil
}

// Shower shows connections. It is not for several goroutines.
type Shower struct {
	env     *cli.Env
	opts    Options
	json    *ndjson.Writer
	look    ladder.Options
	ladders map[int]*ladder.Ladder // of connections that have not ended; nil once none are needed
	first   *shown                 // the only one so far
	export  *Exporter              // may be nil
	before  func()                 // called before something is written to standard output
	table   *ladder.Table
	lines   []ladder.Line // of the table, that are not written yet
	rows    rows
	count   int // of connections that were shown
	opened  Opened
	err     error
}

// Opened counts how many connections with TLS there were, and how many could not be decrypted.
type Opened struct{ TLS, Shut int }

// shown is a connection that waits to be shown.
type shown struct {
	*dissect.Connection
	ladder *ladder.Ladder
}

// New returns a Shower.
func New(env *cli.Env, o Options) *Shower {
	s := &Shower{env: env, opts: o, look: env.Ladder(env.Out), before: func() {}}
	s.look.Verbose, s.look.Hex, s.look.Keyless = o.Verbose, o.Hex, o.Keyless
	s.table = ladder.NewTable(s.look)
	s.rows.waiting = make(map[int][]ladder.Line)
	if o.JSON {
		s.json = ndjson.NewWriter(env.Out)
	} else {
		s.ladders = make(map[int]*ladder.Ladder)
	}
	return s
}

// Before has f called before something is written to standard output.
func (s *Shower) Before(f func()) { s.before = f }

// Omits is for dissect.Options: a ladder and a table tell of no hashes, a table of no details.
func (s *Shower) Omits() observe.Omit {
	if s.json != nil {
		return 0
	}
	return observe.OmitHashes | observe.OmitDetails
}

// Watches is for dissect.Options.
func (s *Shower) Watches(stream int) bool { return s.export != nil || s.drawn(stream) }

// drawn reports whether a connection may be drawn. The only one that is shown is the first, if nothing chooses: it is
// watched even if it turned out by then that it is not the only one, so that what is known of it does not depend on who is
// quicker.
func (s *Shower) drawn(stream int) bool {
	return s.json == nil && (s.opts.Ladders || s.opts.Filter != nil || stream == 0)
}

// Watch is for dissect.Options.
func (s *Shower) Watch(stream int) func(observe.Event) {
	if !s.drawn(stream) {
		return s.export.watch()
	}
	l := ladder.New(s.look)
	if s.ladders != nil {
		s.ladders[stream] = l
	}
	if s.export == nil {
		return l.Add
	}
	return func(e observe.Event) {
		l.Add(e)
		s.export.folder.Add(e)
	}
}

// Done is for dissect.Options.
func (s *Shower) Done(c *dissect.Connection) {
	l := s.ladders[c.Stream]
	delete(s.ladders, c.Stream)
	wanted := s.opts.Filter == nil || c.Matching.Len() > 0
	s.export.done(c.Stream, wanted)
	if !wanted {
		s.rows.skip(c.Stream)
		s.flush(false)
		return
	}
	s.count++
	s.note(c.Session)
	switch {
	case s.json != nil:
		s.write(func() error { return s.json.Write(c.Session) })
	case s.opts.Ladders:
		s.draw(&shown{c, l})
	case s.first == nil && s.count == 1:
		s.first = &shown{c, l}
	default:
		s.tabulate(c)
	}
}

func (s *Shower) note(c *observe.Session) {
	if c.TLS() {
		s.opened.TLS++
		if c.DecryptError != "" && !c.Decrypted {
			s.opened.Shut++
		}
	}
}

// tabulate begins the table with the second connection, and adds a row. No ladders are needed from then on.
func (s *Shower) tabulate(c *dissect.Connection) {
	if s.first != nil {
		first := s.first.Connection
		s.first, s.ladders = nil, nil
		s.rows.since = first.Begun
		s.write(func() error { return s.env.Print(s.env.Out, s.table.Head()) })
		s.addRow(first)
	}
	s.addRow(c)
	s.flush(s.opts.Live)
}

// addRow keeps what a row says until its turn, which is less than what is known of the connection.
func (s *Shower) addRow(c *dissect.Connection) {
	s.rows.waiting[c.Stream] = s.table.Row(c.Session, s.rows.since)
}

// linesAtOnce is how many lines of a table are written at a time.
const linesAtOnce = 64

// flush writes the rows whose turn it is, many at a time; all of them if so asked.
func (s *Shower) flush(all bool) {
	if s.first != nil || s.json != nil {
		return
	}
	s.lines = s.rows.due(s.lines, all)
	if len(s.lines) >= linesAtOnce || all && len(s.lines) > 0 {
		s.write(func() error { return s.env.Print(s.env.Out, s.lines) })
		clear(s.lines)
		s.lines = s.lines[:0]
	}
}

// draw draws a ladder, with an empty line before it unless it is the first.
func (s *Shower) draw(c *shown) {
	if c.ladder == nil {
		c.ladder = ladder.New(s.look)
	}
	if s.opts.Filter != nil {
		c.ladder.Select(ladder.Selection{Has: c.Matching.Has, Count: c.Matching.Len(), Only: s.opts.Only})
	}
	lines := c.ladder.Lines(c.Session)
	if s.count > 1 {
		lines = append([]ladder.Line{nil}, lines...)
	}
	s.write(func() error { return s.env.Print(s.env.Out, lines) })
}

func (s *Shower) write(do func() error) {
	s.before()
	s.err = cmp.Or(s.err, do()) // the next ones fail alike
}

// Finish shows what was held back. It returns what went wrong with showing.
func (s *Shower) Finish() error {
	if s.first != nil {
		s.draw(s.first)
		s.first = nil
	}
	s.flush(true)
	return s.err
}

// Count is how many connections were shown, and Opened how many of them could be read.
func (s *Shower) Count() int { return s.count }

// Opened says how many of the connections that were shown could be read.
func (s *Shower) Opened() Opened { return s.opened }

// rows puts connections into the order in which they began.
type rows struct {
	next    int                   // the stream whose turn it is
	waiting map[int][]ladder.Line // none: it is not shown
	since   time.Time
}

// rowsWaiting bounds how many rows wait for a connection that began before them.
const rowsWaiting = 4096

func (r *rows) skip(stream int) { r.waiting[stream] = nil }

// due appends the rows that come next.
func (r *rows) due(lines []ladder.Line, all bool) []ladder.Line {
	take := func(stream int) {
		lines = append(lines, r.waiting[stream]...)
		delete(r.waiting, stream)
	}
	for {
		if _, ok := r.waiting[r.next]; !ok {
			break
		}
		take(r.next)
		r.next++
	}
	if all || len(r.waiting) > rowsWaiting {
		for _, stream := range slices.Sorted(maps.Keys(r.waiting)) {
			take(stream)
			r.next = max(r.next, stream+1)
		}
	}
	return lines
}
