package ladder

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// glue is a space at which no line is broken.
const glue = '\u00a0'

// Visible replaces what must not reach a terminal, as text out of a connection may be
// anybody's: control characters, and those that reorder text or have no shape. Spaces of
// every kind become the common one, save the no-break space.
func Visible(text string) string {
	if simple(text) {
		return text
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r), r == glue:
			return r
		case r == '\t', unicode.Is(unicode.Zs, r):
			return ' '
		}
		return '\ufffd'
	}, text)
}

// simple reports whether text is ASCII that can be shown: most of it is, and takes a column a byte.
func simple(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// clean makes a line of foreign text safe to show.
func clean(line Line) Line {
	safe := make(Line, len(line))
	for i, s := range line {
		safe[i] = Segment{s.Role, Visible(s.Text)}
	}
	return safe
}

// glued joins words that are to stay on one line.
func glued(words ...string) string { return strings.Join(words, string(glue)) }

// ruler measures text in columns of a terminal.
type ruler struct{ *runewidth.Condition }

// newRuler counts characters of ambiguous width (UAX #11) as two columns where wide.
func newRuler(wide bool) ruler {
	return ruler{&runewidth.Condition{EastAsianWidth: wide, StrictEmojiNeutral: !wide}}
}

// StringWidth is how many columns text takes.
func (r ruler) StringWidth(text string) int {
	if simple(text) {
		return len(text)
	}
	return r.Condition.StringWidth(text)
}

func (r ruler) line(l Line) int {
	n := 0
	for _, s := range l {
		n += r.StringWidth(s.Text)
	}
	return n
}

// pad adds spaces up to width.
func (r ruler) pad(l Line, width int) Line {
	if n := width - r.line(l); n > 0 {
		return append(l[:len(l):len(l)], Segment{Dim, strings.Repeat(" ", n)})
	}
	return l
}

// cut shortens a line to width, and says so with an ellipsis.
func (r ruler) cut(l Line, width int, ellipsis string) Line {
	if r.line(l) <= width {
		return l
	}
	var short Line
	for _, s := range l {
		n := r.StringWidth(s.Text)
		if n < width {
			short, width = append(short, s), width-n
			continue
		}
		text := r.Truncate(s.Text+ellipsis, max(width, 1), ellipsis) // there is more, so some of it goes
		return append(short, Segment{s.Role, text})
	}
	return short
}

// cell is a character with its role.
type cell struct {
	rune
	role Role
}

// token is text without a good place for a line break.
type token struct {
	cells []cell
	space bool // white space stands before it
}

// wrap breaks a line into lines of at most width columns: at spaces, between wide
// characters, and elsewhere only where nothing else helps.
func (r ruler) wrap(l Line, width int) []Line {
	width = max(width, 2)
	if whole(l, width) {
		return []Line{joined(l)}
	}
	return r.broken(l, width)
}

// whole reports whether wrap leaves the text of a line as it is, as it does most: it fits, and has no spaces that would go.
func whole(l Line, width int) bool {
	before := byte(' ')
	for _, s := range l {
		if s.Text == "" {
			continue
		}
		if width -= len(s.Text); width < 0 || !simple(s.Text) || s.Text[0] == ' ' && before == ' ' || strings.Contains(s.Text, "  ") {
			return false
		}
		before = s.Text[len(s.Text)-1]
	}
	return before != ' ' || len(l) == 0
}

// joined is a line in which neighbours have different roles, and spaces the role of what follows them.
func joined(l Line) Line {
	var all Line
	space := ""
	for _, s := range l {
		text, ends := strings.CutSuffix(s.Text, " ")
		if text == "" {
			space += s.Text
			continue
		}
		if text = space + text; len(all) > 0 && all[len(all)-1].Role == s.Role {
			all[len(all)-1].Text += text
		} else {
			all = append(all, Segment{s.Role, text})
		}
		if space = ""; ends {
			space = " "
		}
	}
	return all
}

func (r ruler) broken(l Line, width int) []Line {
	var lines []Line
	var line []cell
	used := 0 // columns of line
	for _, t := range r.tokens(l) {
		more := r.cells(t.cells)
		if t.space && len(line) > 0 && used+1+more <= width {
			line = append(line, cell{' ', t.cells[0].role})
			used++
		} else if len(line) > 0 && (t.space || used+more > width) {
			lines, line, used = append(lines, compose(line)), nil, 0
		}
		for line, used = append(line, t.cells...), used+more; used > width; {
			n := r.fitting(line, width)
			used -= r.cells(line[:n])
			lines, line = append(lines, compose(line[:n])), line[n:]
		}
	}
	return append(lines, compose(line))
}

// Width is how many columns text takes.
func Width(text string) int { return newRuler(false).StringWidth(text) }

// Wrap breaks text into lines of at most width columns, as it is done inside a ladder.
func Wrap(text string, width int) []string {
	lines := newRuler(false).wrap(clean(Line{{Normal, text}}), width)
	all := make([]string, len(lines))
	for i, line := range lines {
		all[i] = line.String()
	}
	return all
}

// compose makes a line of cells. Glue has done its work by now.
func compose(cells []cell) Line {
	var l Line
	var text []byte
	for i, c := range cells {
		if c.rune == glue {
			c.rune = ' '
		}
		text = utf8.AppendRune(text, c.rune)
		if i == len(cells)-1 || cells[i+1].role != c.role {
			l, text = append(l, Segment{c.role, string(text)}), text[:0]
		}
	}
	return l
}

// tokens takes a line apart where it may be broken.
func (r ruler) tokens(l Line) []token {
	var all []token
	before := ' '
	for _, s := range l {
		for _, c := range s.Text {
			if c != ' ' && (before == ' ' || r.breakable(before, c)) {
				all = append(all, token{space: before == ' '})
			}
			if c != ' ' {
				last := &all[len(all)-1]
				last.cells = append(last.cells, cell{c, s.Role})
			}
			before = c
		}
	}
	return all
}

func (r ruler) cells(cells []cell) int {
	n := 0
	for _, c := range cells {
		n += r.RuneWidth(c.rune)
	}
	return n
}

// fitting is how many cells, at least one, fit into width: up to the last mark behind
// which a name is best broken, if there is one.
func (r ruler) fitting(cells []cell, width int) int {
	used, nice := 0, 0
	for i, c := range cells {
		if used += r.RuneWidth(c.rune); used > width {
			if nice == 0 {
				nice = i
			}
			return max(nice, 1)
		}
		if strings.ContainsRune("_/,=:.-", c.rune) {
			nice = i + 1
		}
	}
	return len(cells)
}

// breakable reports whether a line may be broken between a and b: wide characters need no
// space, but some marks stay with what is before or after them (JIS X 4051 §6.1).
func (r ruler) breakable(a, b rune) bool {
	if strings.ContainsRune("、。，．）」』】・ーぁぃぅぇぉっゃゅょァィゥェォッャュョ：；？！)", b) ||
		strings.ContainsRune("（「『【(", a) {
		return false
	}
	return r.wide(a) && b != glue || a != glue && r.wide(b)
}

// wide is asked of letters only: marks of ambiguous width have spaces beside them.
func (r ruler) wide(c rune) bool { return c >= 0x2e80 && r.RuneWidth(c) == 2 }
