package explain

import (
	"fmt"
	"strconv"
	"strings"
)

// text is a text between and around its placeholders.
type text []piece

// piece is words, or, where arg is not 0, a place for that argument.
type piece struct {
	words     string
	arg       int    // counted from 1
	one, many string // with arg: the word for 1 and for any other number, instead of the argument
}

// parse reads a catalogue. Its lines are
//
//	id = text with {1} and {2}, and {1|file|files}
//
// {1} is the first argument; {1|file|files} is "file" where that is 1, else "files". Lines
// that begin with # and empty lines do not count.
func parse(data string) (map[string]text, error) {
	texts := make(map[string]text)
	for i, line := range strings.Split(data, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		id, words, ok := strings.Cut(line, " = ")
		if !ok {
			return nil, fmt.Errorf("line %d: no \" = \"", i+1)
		}
		if _, twice := texts[id]; twice {
			return nil, fmt.Errorf("line %d: %s appears twice", i+1, id)
		}
		t, err := parseText(words)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		texts[id] = t
	}
	return texts, nil
}

func parseText(words string) (text, error) {
	var t text
	for words != "" {
		before, rest, found := strings.Cut(words, "{")
		if before != "" {
			t = append(t, piece{words: before})
		}
		if !found {
			break
		}
		inside, after, closed := strings.Cut(rest, "}")
		p, ok := placeholder(inside)
		if !closed || !ok {
			return nil, fmt.Errorf("no placeholder: {%s", inside)
		}
		t, words = append(t, p), after
	}
	return t, nil
}

// placeholder reads what stands between the braces: "1" or "1|one|many".
func placeholder(inside string) (piece, bool) {
	parts := strings.Split(inside, "|")
	n, err := strconv.Atoi(parts[0])
	if err != nil || n < 1 {
		return piece{}, false
	}
	switch len(parts) {
	case 1:
		return piece{arg: n}, true
	case 3:
		return piece{arg: n, one: parts[1], many: parts[2]}, true
	}
	return piece{}, false
}

// fill puts args into t. An argument that is not there stays visible as its placeholder.
func (t text) fill(args []any) string {
	var b strings.Builder
	for _, p := range t {
		switch {
		case p.arg == 0:
			b.WriteString(p.words)
		case p.arg > len(args):
			fmt.Fprintf(&b, "{%d}", p.arg)
		default:
			b.WriteString(p.render(args[p.arg-1]))
		}
	}
	return b.String()
}

func (p piece) render(arg any) string {
	shown := fmt.Sprint(arg)
	switch {
	case p.one == "" && p.many == "":
		return shown
	case shown == "1":
		return p.one
	}
	return p.many
}
