package ladder

import (
	"slices"
	"strconv"
	"strings"

	"github.com/akushu/akushu/observe"
)

// checkRoles is how results look.
var checkRoles = map[string]Role{observe.ResultOK: Good, observe.ResultBad: Error, observe.ResultUnknown: Label}

// checked adds what came of a check to the message that it is of. What could not even be opened is for the summary.
func (f *fold) checked(e observe.Event, b *observe.Checked) {
	for _, s := range slices.Backward(f.list) {
		if s.dir != e.Dir || s.kind != rung || len(s.title) == 0 || !carries(s.title[0].Text, b.Message) {
			continue
		}
		s.more = append(s.more, detail{label: "check", text: f.view.check(&b.Check)})
		if f.view.verbose && b.HashSigned != "" {
			s.more = append(
				s.more,
				detail{label: "hash_signed", text: Line{{Dim, b.HashSigned}}},
				detail{label: "hash_computed", text: Line{{Dim, b.HashComputed}}},
			)
		}
		s.clean()
		return
	}
}

// carries reports whether a message of a type brings what a check of another is about.
func carries(title, message string) bool {
	return title == message || message == "Certificate" && title == "CompressedCertificate"
}

// check says what was checked, and what came of it.
func (v *view) check(c *observe.Check) Line {
	what := v.words.Or(c.What, "check."+c.What)
	if number := indexIn(c.Where); number > 0 {
		what += " " + strconv.Itoa(number+1)
	}
	line := Line{{checkRoles[c.Result], v.words.Or(c.Result, "check.result."+c.Result)}, {Dim, v.marks.separator}, {Normal, what}}
	if c.Reason != "" && c.Result == observe.ResultUnknown {
		line = append(line, Segment{Dim, v.marks.separator}, Segment{Normal, v.words.Or(c.Reason, "check.reason."+c.Reason)})
	}
	return line
}

// indexIn is the index in a place such as "binders[1]", 0 without one.
func indexIn(where string) int {
	_, after, _ := strings.Cut(where, "[")
	n, _ := strconv.Atoi(strings.TrimSuffix(after, "]"))
	return n
}

// checks says how many things verify, and what does not.
func (s summary) checks() []Line {
	var all []Line
	ok := 0
	for i := range s.Checks {
		c := &s.Checks[i]
		if c.Result == observe.ResultOK {
			ok++
			continue
		}
		who := Segment{Normal, s.words.Text("ladder." + c.From)}
		all = append(all, append(Line{who, {Dim, s.marks.separator}}, s.check(c)...))
	}
	if ok == 0 {
		return all
	}
	id := "check.some"
	if len(all) == 0 {
		id = "check.all"
	}
	return append([]Line{{{Good, s.words.Text(id, ok)}}}, all...)
}
