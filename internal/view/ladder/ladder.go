// Package ladder draws a connection as a ladder: the client at the left, the server at the
// right, a rung for each message between them, top to bottom in the order of time. Under
// it stands a summary of what the two agreed on.
//
// It is a fold over what observe saw: events go in, lines of styled segments come out. A
// segment has a role, not a colour; WritePlain and WriteANSI render them for pipes and
// terminals. The words are internal/explain's, the names those of the RFCs.
//
//	l := ladder.New(ladder.Options{Width: 100, Words: explain.For(explain.English)})
//	conn := observe.New(…, l.Add)
//	…
//	ladder.WritePlain(os.Stdout, l.Lines(conn.Session()))
//
// What is drawn how: a single line is in the clear, a double line travelled under keys and
// was opened, a shaded one could not be opened. Which fields of a message are shown is a
// table (fieldTable), keyed by observe's ids.
package ladder

import (
	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/observe"
)

// Options is how to draw.
type Options struct {
	// Width is how many columns there are; 0 means 80. Less than 32 are drawn as 32, and
	// more than 120 are left empty, except by tables.
	Width int
	// Unfolded has tables take a line a row, however long it is: for programs that read lines.
	Unfolded bool
	// Words are those of the language; nil is English.
	Words *explain.Words
	// ASCII draws with ASCII alone, for terminals that have nothing else.
	ASCII bool
	// WideAmbiguous says that the terminal shows characters of ambiguous width (UAX #11)
	// two columns wide. It implies ASCII, as lines are such characters.
	WideAmbiguous bool
	// Verbose shows every field of every message, with the offsets of its bytes, and the header fields of HTTP.
	Verbose bool
	// Hex shows the bytes of messages and of application data.
	Hex bool
	// Keyless reports whether there is no key log in which secrets could have been looked for; nil: there is one.
	Keyless func() bool
}

const (
	defaultWidth = 80
	leastWidth   = 32
	mostWidth    = 120
)

// view is what every part of the drawing needs.
type view struct {
	width int
	words *explain.Words
	marks *marks
	ruler
	verbose, hex bool
	keyless      func() bool // may be nil
}

func newView(o Options) *view {
	v := &view{width: o.Width, words: o.Words, marks: &unicodeMarks, ruler: newRuler(o.WideAmbiguous), verbose: o.Verbose, hex: o.Hex, keyless: o.Keyless}
	if v.width == 0 {
		v.width = defaultWidth
	}
	v.width = min(max(v.width, leastWidth), mostWidth)
	if v.words == nil {
		v.words = explain.For(explain.English)
	}
	if o.ASCII || o.WideAmbiguous {
		v.marks = &asciiMarks
	}
	return v
}

// Ladder collects the events of one connection. It keeps what is drawn of them only, and
// is not safe for use by several goroutines at once.
type Ladder struct {
	view      *view
	fold      fold
	heads     [2]string // addresses of client and server
	selection *Selection
}

// New returns a ladder without rungs.
func New(o Options) *Ladder {
	v := newView(o)
	return &Ladder{view: v, fold: fold{view: v}}
}

// Add takes in the next event. It keeps nothing of it that it may not keep, so that it
// can be an observer's sink.
func (l *Ladder) Add(e observe.Event) {
	switch b := e.Body.(type) {
	case *observe.FlowOpened:
		l.heads = [2]string{b.Client, b.Server}
	case *observe.RolesSwapped:
		l.heads = [2]string{b.Client, b.Server}
	}
	l.fold.add(e)
}

// Lines draws the connection: the ladder, and the summary of s, which may be nil for the
// ladder alone.
func (l *Ladder) Lines(s *observe.Session) []Line {
	heads := l.heads
	if s != nil {
		heads = [2]string{s.Client, s.Server}
	}
	lines := draw(l.view, heads, l.selected(l.fold.steps()))
	if s != nil {
		lines = append(lines, nil)
		lines = append(lines, summarise(l.view, s)...)
	}
	return lines
}
