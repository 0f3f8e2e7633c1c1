package order

import (
	"fmt"
	"strings"

	"github.com/akushu/akushu/internal/iana"
)

// Draw returns the legal conversations of version v as a figure in text: the client's messages
// on the left, the server's on the right, what belongs together in a bracket that says when it
// is there, and below what may come at any time.
func Draw(v iana.Version) string {
	g := grammarOf(v)
	var d drawing
	d.node(g.order)
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n\n", g.name, g.ref)
	d.write(&b)
	if g.again != "" {
		fmt.Fprintf(&b, "\nThen all of it again, any number of times (%s).\n", g.again)
	}
	b.WriteString("\nBesides:\n")
	for _, f := range g.free {
		fmt.Fprintf(&b, "  %v from %s, %s (%s)\n", f.what, senders(f.from), phases[f.when], f.ref)
	}
	return b.String()
}

var phases = [...]string{
	anytime:       "at any time",
	untilFinished: "until its own Finished",
	sinceFinished: "after its own Finished",
}

func senders(from [2]bool) string {
	switch from {
	case fromBoth:
		return "either end"
	case fromClient:
		return "the client"
	default:
		return "the server"
	}
}

// drawing is the rows of a figure.
type drawing []row

// row is one message, with the brackets around it, outermost first.
type row struct {
	brackets []rune
	sides    [2]string
	notes    []string
}

var labels = map[kind]string{
	optional: "optional",
	repeated: "any number of times",
	answer:   "if a certificate was requested",
}

func (d *drawing) node(n node) {
	start := len(*d)
	switch {
	case n.kind == message:
		var r row
		r.sides[n.from] = n.what.String()
		*d = append(*d, r)
	case n.kind == either && n.parts[0].kind == message:
		d.alternatives(n.parts)
	default:
		for _, part := range n.parts {
			d.node(part)
		}
	}
	if label := labels[n.kind] + n.name; label != "" {
		d.bracket(start, label)
	}
}

// alternatives draws messages of one side of which one is sent, in one row.
func (d *drawing) alternatives(parts []node) {
	var names []string
	for _, part := range parts {
		names = append(names, part.what.String())
	}
	var r row
	r.sides[parts[0].from] = strings.Join(names, " / ")
	*d = append(*d, r)
}

// bracket draws a bracket around the rows from start on, outside of those that are there.
func (d *drawing) bracket(start int, label string) {
	rows := (*d)[start:]
	for i := range rows {
		edge := '│'
		switch {
		case len(rows) == 1:
			edge = '╶'
		case i == 0:
			edge = '┌'
		case i == len(rows)-1:
			edge = '└'
		}
		rows[i].brackets = append([]rune{edge}, rows[i].brackets...)
	}
	rows[0].notes = append([]string{label}, rows[0].notes...)
}

// write lays the rows out in columns.
func (d drawing) write(b *strings.Builder) {
	brackets, left, right := 0, 0, 0
	for _, r := range d {
		brackets = max(brackets, len(r.brackets))
		left, right = max(left, len(r.sides[Client])), max(right, len(r.sides[Server]))
	}
	for _, r := range d {
		arrow := "──▶"
		if r.sides[Client] == "" {
			arrow = "◀──"
		}
		line := fmt.Sprintf("  %-*s %-*s  %s  %-*s  %s", brackets, string(r.brackets),
			left, r.sides[Client], arrow, right, r.sides[Server], strings.Join(r.notes, ", "))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}
