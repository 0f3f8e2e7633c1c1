package ladder

import (
	"strings"
	"time"

	"github.com/akushu/akushu/observe"
)

// narrow is the width below which there is no column for the time: it stands on the rung,
// in the place of the size.
const narrow = 64

// frame is the geometry of one ladder, in columns.
type frame struct {
	*view
	time    int // of the time, with a space after it; 0 where it is narrow
	inner   int // between the lifelines
	shift   int // by how much what the server sends is indented
	label   int // of the labels of details
	start   time.Time
	lines   []Line
	said    string // the time that was shown last
	marking bool   // what is drawn is selected, and was not marked yet
}

// draw draws the ladder between two ends.
func draw(v *view, heads [2]string, steps []*step) []Line {
	f := newFrame(v, steps)
	f.head(heads)
	f.blank()
	var before time.Time
	for i, s := range steps {
		f.pause(before, s.at)
		f.step(s)
		if before = s.at; len(s.more) > 0 && i < len(steps)-1 {
			f.blank()
		}
	}
	f.blank()
	f.legend(steps)
	return f.lines
}

func newFrame(v *view, steps []*step) *frame {
	f := &frame{view: v, label: v.labelWidth(steps), time: 10}
	if v.width < narrow {
		f.time = 0
	}
	f.inner = v.width - f.time - 2
	f.shift = min(max((f.inner-52)/2, 0), 28)
	if len(steps) > 0 {
		f.start = steps[0].at
	}
	return f
}

// labelWidth is the width of the widest label, so that all values begin in one column.
func (v *view) labelWidth(steps []*step) int {
	widest := 0
	for _, s := range steps {
		for _, d := range s.more {
			if d.label != "" {
				widest = max(widest, v.StringWidth(v.label(d.label)))
			}
		}
	}
	return widest
}

func (v *view) label(id string) string { return v.words.Text("ladder.label." + id) }

// head names the two ends, above their lifelines.
func (f *frame) head(addresses [2]string) {
	width := f.inner + 2
	client, server := f.words.Text("ladder.client"), f.words.Text("ladder.server")
	f.ends(Line{{Client, client}}, Line{{Server, server}}, width)
	if addresses == [2]string{} {
		return
	}
	f.ends(clean(Line{{Client, addresses[0]}}), clean(Line{{Server, addresses[1]}}), width)
}

// ends sets one text at the left and one at the right, in two lines where one is too
// short.
func (f *frame) ends(left, right Line, width int) {
	margin := Segment{Dim, strings.Repeat(" ", f.time)}
	if room := width - f.line(left); f.line(right)+2 > room {
		f.lines = append(f.lines, append(Line{margin}, left...))
		left = nil
	}
	fill := max(width-f.line(left)-f.line(right), 0)
	line := append(Line{margin}, left...)
	line = append(line, Segment{Dim, strings.Repeat(" ", fill)})
	f.lines = append(f.lines, append(line, right...))
}

// row adds a line with its lifelines; body is cut or padded to what is between them.
func (f *frame) row(when, left string, body Line, right string, role Role) {
	line := Line{{Dim, ""}}
	if f.time > 0 {
		line[0].Text = f.FillLeft(when, f.time-1)
		line = append(line, f.mark())
	}
	body = f.pad(f.cut(body, f.inner, f.marks.ellipsis), f.inner)
	line = append(line, Segment{role, left})
	line = append(line, body...)
	f.lines = append(f.lines, append(line, Segment{role, right}))
}

// mark stands before the lifeline of what is selected, once.
func (f *frame) mark() Segment {
	if !f.marking {
		return Segment{Dim, " "}
	}
	f.marking = false
	return Segment{Warning, f.marks.mark}
}

func (f *frame) blank() { f.row("", f.marks.rail, nil, f.marks.rail, Dim) }

// pause shows that nothing was sent for a second or longer.
func (f *frame) pause(before, at time.Time) {
	silence := at.Sub(before)
	if before.IsZero() || silence < time.Second {
		return
	}
	text := f.words.Text("ladder.silence", elapsed(silence))
	f.inside(Line{{Dim, strings.ReplaceAll(text, string(glue), " ")}}, 2, "")
}

func (f *frame) step(s *step) {
	if f.marking = s.marked; s.marked && f.time == 0 {
		s.title = append(Line{{Warning, f.marks.mark + string(glue)}}, s.title...)
	}
	if s.kind == note {
		f.note(s)
	} else {
		f.rung(s)
	}
	for i := range s.more {
		f.detail(s, &s.more[i])
	}
}

func (f *frame) note(s *step) {
	when := f.when(s)
	for i, line := range f.wrap(s.title, f.inner-4) {
		indent := 2
		if i > 0 {
			indent, when = 4, ""
		}
		f.inside(line, indent, when)
	}
}

// inside adds a line of text between the lifelines.
func (f *frame) inside(text Line, indent int, when string) {
	body := append(Line{{Dim, strings.Repeat(" ", indent)}}, text...)
	f.row(when, f.marks.rail, body, f.marks.rail, Dim)
}

// when is the time of a step since the first one, empty where the last line showed it.
func (f *frame) when(s *step) string {
	if s.at.IsZero() {
		return ""
	}
	text := elapsed(s.at.Sub(f.start))
	if text == f.said {
		return ""
	}
	f.said = text
	return strings.ReplaceAll(text, string(glue), " ")
}

// rung draws an arrow with its title and its size.
func (f *frame) rung(s *step) {
	m, role := f.marks, sealRoles[s.seal]
	when, end := f.when(s), strings.ReplaceAll(s.size, string(glue), " ")
	if f.time == 0 && when != "" {
		end = when
	}
	left, right := Segment{role, m.shaft[s.seal] + " "}, Segment{role, m.shaft[s.seal] + m.right}
	from, to := m.from[s.seal], m.rail
	if s.dir == observe.ServerToClient {
		left = Segment{role, m.left + strings.Repeat(m.shaft[s.seal], f.shift+1) + " "}
		right = Segment{role, m.shaft[s.seal]}
		from, to = m.rail, m.to[s.seal]
	}
	f.row(when, from, f.shaft(s, left, end, right), to, role)
}

// shaft is the arrow between the lifelines: the title, as much of a line as there is
// room for, and the end, which falls away where there is none.
func (f *frame) shaft(s *step, left Segment, end string, right Segment) Line {
	room := f.inner - f.StringWidth(left.Text) - f.StringWidth(right.Text)
	if end != "" {
		end = " " + end + " "
	}
	if f.line(s.title)+f.StringWidth(end)+3 > room {
		end = ""
	}
	title := f.cut(s.title, room-2, f.marks.ellipsis)
	fill := max(room-f.line(title)-1-f.StringWidth(end), 0)
	body := append(Line{left}, unglued(title)...)
	body = append(body, Segment{Dim, " "}, Segment{left.Role, strings.Repeat(f.marks.shaft[s.seal], fill)})
	return append(body, Segment{Dim, end}, right)
}

// unglued turns glue into the space that it shows as.
func unglued(l Line) Line {
	plain := make(Line, len(l))
	for i, s := range l {
		plain[i] = Segment{s.Role, strings.ReplaceAll(s.Text, string(glue), " ")}
	}
	return plain
}

// least is how many columns a text gets beside what leads it.
const least = 20

// detail draws a value and its label, wrapped to the room between the lifelines. What the
// server sent is indented as its rung is.
func (f *frame) detail(s *step, d *detail) {
	indent := 4
	if f.time == 0 {
		indent = 2
	}
	if s.dir == observe.ServerToClient {
		indent += f.shift
	}
	label := d.lead
	if d.label != "" {
		label = f.pad(Line{{Label, f.view.label(d.label)}}, f.label+2)
	}
	if len(d.text) == 0 || d.raw {
		f.inside(append(label[:len(label):len(label)], d.text...), indent, "")
		return
	}
	room := f.inner - indent - f.line(label) - 1
	if len(d.lead) > 0 && room < least {
		f.inside(label, indent, "")
		label = f.pad(nil, min(f.inner/4, 16))
		room = f.inner - indent - f.line(label) - 1
	}
	for _, text := range f.brief(f.wrap(d.text, room), room) {
		f.inside(append(label[:len(label):len(label)], text...), indent, "")
		label = f.pad(nil, f.line(label))
	}
}

// legend says what the lines mean of which there is more than one kind.
func (f *frame) legend(steps []*step) {
	var seen [3]bool
	for _, s := range steps {
		seen[s.seal] = seen[s.seal] || s.kind == rung
	}
	if !seen[sealOpened] && !seen[sealShut] {
		return
	}
	var text Line
	for seal, id := range []string{"none", "opened", "shut"} {
		if seen[seal] {
			mark := strings.Repeat(f.marks.shaft[seal], 2) + string(glue)
			words := strings.ReplaceAll(f.words.Text("ladder.legend."+id), " ", string(glue))
			text = append(text, Segment{sealRoles[seal], mark}, Segment{Dim, words + glued("", "", "") + " "})
		}
	}
	for _, line := range f.wrap(text, f.width-f.time) {
		f.lines = append(f.lines, append(Line{{Dim, strings.Repeat(" ", f.time)}}, line...))
	}
}

// briefly is how many lines a value takes, unless every field is wanted.
const briefly = 12

// brief leaves out what takes too many lines, and says so with an ellipsis.
func (v *view) brief(lines []Line, width int) []Line {
	if v.verbose || len(lines) <= briefly {
		return lines
	}
	last := lines[briefly-1]
	ellipsis := Segment{Dim, v.marks.ellipsis}
	last = append(v.cut(last, width-v.StringWidth(ellipsis.Text), ""), ellipsis)
	return append(lines[:briefly-1:briefly-1], last)
}
