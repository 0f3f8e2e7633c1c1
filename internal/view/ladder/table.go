package ladder

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/akushu/akushu/observe"
)

// Table lists connections, one a row. Rows come one by one, so that its columns have widths of their own.
type Table struct {
	*view
	columns []column
}

// column is a column of a table: the cells that stand in it, below each other. What is too long for it goes on below itself.
type column struct {
	width int  // 0: as much as there is
	right bool // its cells end below each other
	cells []part
}

// part is a cell of a row.
type part uint8

// The cells, which are named by headings.
const (
	partStream part = iota
	partStart
	partProtocol
	partEnds
	partWhat
	partBegin // start and protocol, where there is no room for headings
	parts
)

var headings = [parts]string{partStream: "stream", partStart: "start", partProtocol: "protocol", partEnds: "ends", partWhat: "what"}

// The columns' widths, and what is between two of them.
const (
	streamWidth   = 4
	startWidth    = 8
	protocolWidth = 21
	endsWidth     = 45 // two addresses of IPv4 at most
	gap           = 2
	beforeEnds    = streamWidth + startWidth + protocolWidth + 3*gap
)

// spacious is from which width on every cell has a column of its own.
const spacious = 100

// NewTable returns a Table.
func NewTable(o Options) *Table {
	t := &Table{view: newView(o)}
	if o.Width > mostWidth {
		t.width = o.Width
	}
	if o.Unfolded {
		t.width = 0
	}
	t.columns = t.arranged()
	return t
}

// arranged is which cell stands where.
func (t *Table) arranged() []column {
	one := func(width int, p part) column { return column{width: width, cells: []part{p}} }
	stream, start := one(streamWidth, partStream), one(startWidth, partStart)
	stream.right, start.right = true, true
	room := t.width - beforeEnds
	switch {
	case t.width == 0:
		return []column{stream, start, one(protocolWidth, partProtocol), one(endsWidth, partEnds), one(0, partWhat)}
	case t.width >= spacious:
		ends := min(max(room*14/25, 34), 60)
		return []column{stream, start, one(protocolWidth, partProtocol), one(ends, partEnds), one(room-ends-gap, partWhat)}
	case t.width >= narrow:
		return []column{stream, start, one(protocolWidth, partProtocol), {width: room, cells: []part{partEnds, partWhat}}}
	}
	return []column{stream, {width: t.width - streamWidth - gap, cells: []part{partBegin, partEnds, partWhat}}}
}

// Head is the headings of the columns; nothing where most cells stand below each other.
func (t *Table) Head() []Line {
	if t.width != 0 && t.width < narrow {
		return nil
	}
	var cells [parts]Line
	for p, id := range headings {
		if id != "" {
			cells[p] = Line{{Label, t.words.Text("table." + id)}}
		}
	}
	return t.beside(&cells)
}

// Row is a connection. since is when the capture began.
func (t *Table) Row(s *observe.Session, since time.Time) []Line {
	start := strconv.FormatFloat(s.Start.Sub(since).Seconds(), 'f', 3, 64)
	protocol := t.protocol(s)
	return t.beside(&[parts]Line{
		partStream:   {{Dim, strconv.Itoa(s.Stream)}},
		partStart:    {{Dim, start}},
		partProtocol: protocol,
		partEnds:     {{Client, s.Client}, {Dim, string(glue) + t.marks.arrow + " "}, {Server, s.Server}},
		partWhat:     t.what(s),
		partBegin:    append(Line{{Dim, start + string(glue) + "s"}, {Dim, t.marks.separator}}, protocol...),
	})
}

// beside sets cells into their columns.
func (t *Table) beside(cells *[parts]Line) []Line {
	var lines []Line
	begin := 0
	for _, c := range t.columns {
		at := 0
		for _, p := range c.cells {
			for _, text := range t.folded(clean(cells[p]), &c) {
				if at == len(lines) {
					lines = append(lines, nil)
				}
				lines[at] = t.set(lines[at], text, begin, &c)
				at++
			}
		}
		begin += c.width + gap
	}
	return lines
}

// set sets text into a column that begins there. What stands before it may have taken more room than it had.
func (t *Table) set(line, text Line, begin int, c *column) Line {
	if c.right {
		begin += max(c.width-t.line(text), 0)
	}
	if used := t.line(line); used > 0 {
		begin = max(begin, used+1)
	}
	return append(t.pad(line, begin), text...)
}

// folded breaks a cell that is wider than its column, between the things that it tells if they fit; numbers stay whole.
func (t *Table) folded(cell Line, c *column) []Line {
	switch {
	case len(cell) == 0:
		return nil
	case t.width == 0, c.right, t.line(cell) <= c.width:
		return []Line{unglued(cell)}
	}
	var lines []Line
	var line, told Line
	for i, s := range cell {
		told = append(told, s)
		text, more := strings.CutSuffix(s.Text, " ")
		if !more && i < len(cell)-1 {
			continue
		}
		if len(line) > 0 && t.line(line)+t.line(told)-t.StringWidth(s.Text)+t.StringWidth(text) > c.width {
			lines, line = append(lines, t.wrap(line, c.width)...), nil
		}
		line, told = append(line, told...), nil
	}
	return append(lines, t.wrap(line, c.width)...)
}

// protocol says what was spoken: "HTTP/2 over TLS 1.3".
func (t *Table) protocol(s *observe.Session) Line {
	over, inner := s.Version, application(s)
	switch {
	case fromMiddle(s):
		return Line{{Warning, t.words.Text("table.tls_from_middle")}}
	case over == "" && s.Partial():
		return Line{{Warning, t.words.Text("table.tls_partial")}}
	case over == "" && len(s.Messages) > 0:
		return Line{{Warning, t.words.Text("table.tls_unanswered")}}
	case over == "" && inner == "":
		return Line{{Dim, "TCP"}}
	case over == "":
		return Line{{Data, inner}}
	case inner == "":
		return Line{{Heading, over}}
	}
	return Line{{Heading, t.words.Text("table.over", inner, over)}}
}

// fromMiddle reports whether a connection was watched from its middle on.
func fromMiddle(s *observe.Session) bool {
	greeting := func(m observe.MessageInfo) bool { return m.Type == "ClientHello" }
	return s.Version == "" && s.DecryptError == observe.DecryptNoHello && !s.Partial() && !slices.ContainsFunc(s.Messages, greeting)
}

// alpnNames is what protocols are called whose ALPN name is not what people call them.
var alpnNames = map[string]string{"h2": "HTTP/2", "http/1.1": "HTTP/1.1", "http/1.0": "HTTP/1.0"}

// application is the protocol above TLS, or above TCP: what was seen, else what was agreed upon.
func application(s *observe.Session) string {
	if len(s.HTTP) > 0 {
		return s.HTTP[0].Protocol
	}
	if name, ok := alpnNames[s.ALPN]; ok {
		return name
	}
	return cutText(s.ALPN, alpnShown)
}

// alpnShown is how much of a name of a protocol is shown, in bytes.
const alpnShown = 40

// what says what came of a connection.
func (t *Table) what(s *observe.Session) Line {
	line := Line{}
	add := func(role Role, text string) {
		if len(line) > 0 {
			line = append(line, Segment{Dim, t.marks.separator})
		}
		line = append(line, Segment{role, text})
	}
	if s.ServerName != "" {
		add(Normal, cutText(s.ServerName, lineShown))
	}
	t.outcomes(s, add)
	if n := len(s.HTTP); n > 0 {
		add(Data, t.exchange(&s.HTTP[0]))
		if n > 1 {
			add(Dim, t.words.Text("ladder.more", n-1))
		}
	}
	return line
}

// outcomes tells how far it came, and what went wrong.
func (t *Table) outcomes(s *observe.Session, add func(Role, string)) {
	tls := s.TLS()
	for _, a := range s.Alerts {
		if a.Description != "" && !orderly[a.Description] {
			add(alertRole(a.Level), a.Description)
		}
	}
	switch {
	case !tls:
	case s.Complete:
		if s.Resumed {
			add(Good, t.words.Text("table.resumed"))
		}
	case s.Partial():
		add(Warning, t.words.Text("summary.unknown"))
	case s.DecryptError == "" || len(s.Alerts) > 0:
		add(Warning, t.words.Text("table.incomplete"))
	}
	if tls && s.DecryptError != "" {
		add(Warning, t.words.Text("table.not_decrypted"))
	}
	alone := !tls && len(s.HTTP) == 0 && !s.TCP.SYNACK && s.TCP.SYN
	switch {
	case alone && s.TCP.RST:
		add(Warning, t.words.Text("table.refused"))
	case alone:
		add(Warning, t.words.Text("table.no_answer"))
	case s.TCP.RST && !s.TCP.FIN:
		add(Warning, "RST")
	}
	switch {
	case s.TCP.Cut > 0:
		add(Warning, t.loss(&s.TCP))
	case s.TCP.Retransmissions+s.TCP.Gaps > 0:
		add(Dim, t.loss(&s.TCP))
	}
}

func (t *Table) exchange(x *observe.HTTP) string {
	text := x.Method + " " + x.Path
	if x.Status != 0 {
		text += " " + t.marks.arrow + " " + strconv.Itoa(x.Status)
	}
	return cutText(strings.TrimSpace(text), lineShown)
}
