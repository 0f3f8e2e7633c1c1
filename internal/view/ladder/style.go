package ladder

import (
	"bufio"
	"io"
	"strings"
	"sync"
)

// A Role says what a piece of text is, not how it looks.
type Role uint8

// The roles.
const (
	Normal    Role = iota
	Client         // what the client sent, and its name
	Server         // what the server sent, and its name
	Encrypted      // the mark of what travelled under keys
	Secret         // keys and the names of secrets
	Label          // the name of a value
	Data           // application data
	Dim            // what matters least: lifelines, times, sizes
	Heading
	Good
	Warning
	Error
)

// A Segment is a piece of text with one role. Nothing in Text can move a terminal's
// cursor or change its state.
type Segment struct {
	Role Role
	Text string
}

// A Line is one line, without its end.
type Line []Segment

// String is the line without roles.
func (l Line) String() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.Text)
	}
	return b.String()
}

// WritePlain writes lines as text alone.
func WritePlain(w io.Writer, lines []Line) error {
	return write(w, lines, func(s Segment) string { return s.Text })
}

// WriteANSI writes lines with the escape sequences of ECMA-48 for their roles: the basic
// colours only, which every terminal has and its user has chosen.
func WriteANSI(w io.Writer, lines []Line) error {
	return write(w, lines, func(s Segment) string {
		code := ansi[s.Role]
		if code == "" || strings.TrimSpace(s.Text) == "" {
			return s.Text
		}
		return "\x1b[" + code + "m" + s.Text + "\x1b[0m"
	})
}

// ansi is the parameters of SGR (ECMA-48 §8.3.117) for each role.
var ansi = [...]string{
	Normal:    "",
	Client:    "36",
	Server:    "35",
	Encrypted: "32",
	Secret:    "33",
	Label:     "2",
	Data:      "34",
	Dim:       "2",
	Heading:   "1",
	Good:      "32",
	Warning:   "1;33",
	Error:     "1;31",
}

// writers are those that write does not need at the moment: a table is written a few rows at a time.
var writers = sync.Pool{New: func() any { return bufio.NewWriter(nil) }}

func write(w io.Writer, lines []Line, render func(Segment) string) error {
	b := writers.Get().(*bufio.Writer)
	b.Reset(w)
	defer func() {
		b.Reset(nil)
		writers.Put(b)
	}()
	for _, line := range lines {
		for _, s := range trimmed(line) {
			b.WriteString(render(s)) // the writer keeps its first error for Flush
		}
		b.WriteByte('\n')
	}
	return b.Flush()
}

// trimmed is the line without white space at its end.
func trimmed(line Line) Line {
	for len(line) > 0 {
		last := len(line) - 1
		text := strings.TrimRight(line[last].Text, " ")
		if text == line[last].Text {
			break
		}
		line = append(line[:last:last], Segment{line[last].Role, text})
		if text != "" {
			break
		}
		line = line[:last]
	}
	return line
}
