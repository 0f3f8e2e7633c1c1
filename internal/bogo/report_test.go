package bogo

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// family is what a test is about, as its name tells.
type family int

const (
	sync family = iota
	async
	dtls
	quic
	families
)

func (f family) String() string {
	return [...]string{"TLS over TCP", "the same, asynchronous", "DTLS", "QUIC"}[f]
}

func familyOf(name string) family {
	switch {
	case strings.Contains(name, "DTLS"):
		return dtls
	case strings.Contains(name, "QUIC"):
		return quic
	case strings.Contains(name, "Async"):
		return async
	}
	return sync
}

// outcome is what came of a test.
type outcome int

const (
	passed outcome = iota
	failed
	unimplemented // the shim says that it cannot do it
	disabled      // config.json says that it is off
	outcomes
)

func (o outcome) String() string {
	return [...]string{"PASS", "FAIL", "UNIMPLEMENTED", "DISABLED"}[o]
}

// test is one test of the suite.
type test struct {
	name    string
	outcome outcome
	reason  string // why it was not run
	fault   string // how it failed
}

// off is the kinds of reason for which a test may be off. What follows says more.
var off = []string{
	"DTLS",
	"QUIC",
	"BoringSSL-only API: ", // there is nothing of the kind here to test
	"feature: ",            // something that is not offered, or not yet
	"RFC ",                 // the runner expects what this section does not
	"bug: ",                // ours
}

// config is config.json.
type config struct {
	DisabledTests map[string]string // patterns, with the reasons
	ErrorMap      map[string][]string

	// HalfRTTTickets is how many tickets a server sends before the client's Finished. It may;
	// ours does not (RFC 9846 §4.7.1).
	HalfRTTTickets int
}

// check returns what is wrong with the config for the tests that there are.
func (c *config) check(names []string) (faults []string) {
	for pattern, reason := range c.DisabledTests {
		if kindOf(reason) == len(off) {
			faults = append(faults, fmt.Sprintf("%s: the reason, %q, is of no kind that there is", pattern, reason))
		}
		if names != nil && !slices.ContainsFunc(names, func(name string) bool { return match(pattern, name) }) {
			faults = append(faults, pattern+": there is no such test")
		}
	}
	slices.Sort(faults)
	return faults
}

// kindOf returns the place of a reason's kind among all, which are len(off).
func kindOf(reason string) int {
	for i, kind := range off {
		if strings.HasPrefix(reason, kind) {
			return i
		}
	}
	return len(off)
}

// reason returns why a test is off: of several reasons the first in the order of kinds, of
// several of a kind that of the longest pattern.
func (c *config) reason(name string) string {
	matching := slices.DeleteFunc(slices.Collect(maps.Keys(c.DisabledTests)), func(p string) bool { return !match(p, name) })
	if len(matching) == 0 {
		return ""
	}
	return c.DisabledTests[slices.MinFunc(matching, func(a, b string) int {
		return cmp.Or(kindOf(c.DisabledTests[a])-kindOf(c.DisabledTests[b]), len(b)-len(a), strings.Compare(a, b))
	})]
}

// match is how the runner compares.
func match(pattern, name string) bool {
	ok, err := filepath.Match(pattern, name)
	return ok && err == nil
}

// report is the counts of docs/CONFORMANCE.md.
func report(tests []test) string {
	var text strings.Builder
	text.WriteString("| | tests |")
	for o := range outcomes {
		fmt.Fprintf(&text, " %v |", o)
	}
	text.WriteString("\n|---|---:|---:|---:|---:|---:|\n")
	row := func(name string, in func(family) bool) {
		var all int
		var counts [outcomes]int
		for _, t := range tests {
			if in(familyOf(t.name)) {
				all++
				counts[t.outcome]++
			}
		}
		fmt.Fprintf(&text, "| %s | %d |", name, all)
		for _, n := range counts {
			fmt.Fprintf(&text, " %d |", n)
		}
		text.WriteString("\n")
	}
	for f := range families {
		row(f.String(), func(g family) bool { return f == g })
	}
	row("all", func(family) bool { return true })
	text.WriteString("\n")
	text.WriteString(reasons(tests))
	return text.String()
}

// reasons counts the tests that were not run by their reasons, the commonest first.
func reasons(tests []test) string {
	counts := map[string][families]int{}
	total := map[string]int{}
	for _, t := range tests {
		if t.outcome == unimplemented || t.outcome == disabled {
			c := counts[t.reason]
			c[familyOf(t.name)]++
			counts[t.reason] = c
			total[t.reason]++
		}
	}
	var text strings.Builder
	text.WriteString("| why a test was not run |")
	for f := range families {
		fmt.Fprintf(&text, " %v |", f)
	}
	text.WriteString("\n|---|---:|---:|---:|---:|\n")
	most := func(a, b string) int { return cmp.Or(total[b]-total[a], strings.Compare(a, b)) }
	for _, reason := range slices.SortedFunc(maps.Keys(counts), most) {
		fmt.Fprintf(&text, "| %s |", reason)
		for _, n := range counts[reason] {
			if n == 0 {
				text.WriteString(" |")
				continue
			}
			fmt.Fprintf(&text, " %d |", n)
		}
		text.WriteString("\n")
	}
	return text.String()
}
