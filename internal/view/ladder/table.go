package ladder

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/akushu/akushu/observe"
)

// Table lists connections, one a row. Rows come one by one, so that its columns have widths of their own.
type Table struct{ *view }

// NewTable returns a Table.
func NewTable(o Options) *Table { return &Table{newView(o)} }

// The columns' widths. What is longer moves the rest of its row.
const (
	streamWidth   = 5
	startWidth    = 9
	protocolWidth = 20
	endsWidth     = 38
)

// Head is the headings of the columns; nothing where a row takes several lines.
func (t *Table) Head() []Line {
	if t.width < narrow {
		return nil
	}
	line := Line{}
	for _, column := range []struct {
		id    string
		width int
	}{{"stream", streamWidth}, {"start", startWidth}, {"protocol", protocolWidth}, {"ends", endsWidth}, {"what", 0}} {
		text := t.words.Text("table." + column.id)
		if column.width <= startWidth {
			text = t.FillLeft(text, column.width-1)
		}
		line = append(line, t.pad(Line{{Label, text}}, column.width)...)
		line = append(line, Segment{Dim, " "})
	}
	return []Line{t.cut(line, t.width, t.marks.ellipsis)}
}

// Row is a connection. since is when the capture began.
func (t *Table) Row(s *observe.Session, since time.Time) []Line {
	start := strconv.FormatFloat(s.Start.Sub(since).Seconds(), 'f', 3, 64)
	line := Line{
		{Dim, t.FillLeft(strconv.Itoa(s.Stream), streamWidth-1) + "  "},
		{Dim, t.FillLeft(start, startWidth-1) + "  "},
	}
	line = append(line, t.pad(t.protocol(s), protocolWidth)...)
	line = append(line, Segment{Dim, " "})
	ends := Line{{Client, s.Client}, {Dim, string(glue) + t.marks.arrow + " "}, {Server, s.Server}}
	what := t.what(s)
	if t.width >= narrow {
		line = append(append(line, t.pad(ends, endsWidth)...), Segment{Dim, " "})
		return t.folded(append(line, what...), streamWidth+startWidth+2)
	}
	return append(t.folded(line, streamWidth+1), t.indented(append(append(ends, Segment{Dim, " "}), what...), streamWidth+1)...)
}

// folded breaks a row; what does not fit stands below it, indented. Spaces at its beginning and between its columns stay.
func (t *Table) folded(l Line, indent int) []Line {
	l = clean(l)
	if t.line(l) <= t.width {
		return []Line{unglued(l)}
	}
	var first Line
	for len(l) > 0 && t.line(first)+t.line(l[:1]) <= t.width {
		first, l = append(first, l[0]), l[1:]
	}
	last := len(first) - 1
	if last > 0 && first[last].Text == t.marks.separator {
		first = first[:last]
	}
	for len(l) > 0 && strings.TrimSpace(l[0].Text) == strings.TrimSpace(t.marks.separator) {
		l = l[1:]
	}
	return append([]Line{unglued(first)}, t.indented(l, indent)...)
}

func (t *Table) indented(l Line, indent int) []Line {
	var lines []Line
	for _, part := range t.wrap(clean(l), t.width-indent) {
		lines = append(lines, append(Line{{Dim, strings.Repeat(" ", indent)}}, part...))
	}
	return lines
}

// protocol says what was spoken: "HTTP/2 over TLS 1.3".
func (t *Table) protocol(s *observe.Session) Line {
	over, inner := s.Version, application(s)
	switch {
	case fromMiddle(s):
		return Line{{Warning, t.words.Text("table.tls_from_middle")}}
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
	return s.Version == "" && s.DecryptError == observe.DecryptNoHello && !slices.ContainsFunc(s.Messages, greeting)
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
	return s.ALPN
}

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
		add(Normal, s.ServerName)
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
	case s.DecryptError == "" || len(s.Alerts) > 0:
		add(Warning, t.words.Text("table.incomplete"))
	}
	if tls && s.DecryptError != "" {
		add(Warning, t.words.Text("table.not_decrypted"))
	}
	if !tls && len(s.HTTP) == 0 && !s.TCP.SYNACK && s.TCP.SYN {
		add(Warning, t.words.Text("table.no_answer"))
	}
	if s.TCP.RST && !s.TCP.FIN {
		add(Warning, "RST")
	}
	if s.TCP.Retransmissions+s.TCP.Gaps > 0 {
		add(Dim, t.words.Text("summary.loss", s.TCP.Retransmissions, s.TCP.Gaps))
	}
}

func (t *Table) exchange(x *observe.HTTP) string {
	text := x.Method + " " + x.Path
	if x.Status != 0 {
		text += " " + t.marks.arrow + " " + strconv.Itoa(x.Status)
	}
	return cutText(text, lineShown)
}
