package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

const module = "github.com/akushu/akushu/"

// event is a line that go test -json prints (go doc test2json).
type event struct {
	Action, Package, Test, Output, ImportPath string
}

// results is what came of tests. What a later run says replaces what an earlier one did.
type results struct {
	of       map[string]string // "pass", "skip" or "fail", by "package.Test"
	packages map[string]string // the same, by import path
}

func newResults() *results { return &results{map[string]string{}, map[string]string{}} }

// failed is the packages that failed, by import path.
func (res *results) failed() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(res.packages)) {
		if res.packages[name] == "fail" {
			list = append(list, name)
		}
	}
	return list
}

// read reads a run's events, and passes on to w what one would read without -json.
func (res *results) read(r io.Reader, w io.Writer) error {
	said := map[string][]string{} // what tests said that are under way
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(w, lines.Text()) // the go command itself, not a test
			continue
		}
		key := strings.TrimPrefix(e.Package, module) + "." + e.Test
		switch e.Action {
		case "build-output":
			fmt.Fprint(w, e.Output)
		case "output":
			said[key] = append(said[key], e.Output)
		case "pass", "skip", "fail":
			res.settle(w, key, e, said[key])
			delete(said, key)
		}
	}
	return lines.Err()
}

// settle notes what came of a test, or of a package, and prints what should be read.
func (res *results) settle(w io.Writer, key string, e event, said []string) {
	if e.Test != "" {
		res.of[key] = e.Action
	} else {
		res.packages[e.Package] = e.Action
	}
	for _, line := range said {
		switch {
		case e.Action == "fail" && !strings.HasPrefix(line, "=== "):
			fmt.Fprint(w, line)
		case e.Test == "" && strings.HasPrefix(line, "ok "):
			fmt.Fprint(w, line)
		case strings.Contains(line, "ran ") && strings.Contains(line, " of "): // a tally of cells
			fmt.Fprintln(w, withoutPlace(line))
		}
	}
}

// withoutPlace is what a test logged, without the file and line that package testing puts before it.
func withoutPlace(line string) string {
	if _, words, ok := strings.Cut(line, "_test.go:"); ok {
		if _, words, ok = strings.Cut(words, ": "); ok {
			line = words
		}
	}
	return strings.TrimSpace(line)
}

// check returns what is amiss with the tests that rows name.
func (res *results) check(s *sheet, rows []row) (faults []error) {
	for _, r := range rows {
		for _, peer := range s.peers {
			for _, test := range r.tests[peer] {
				switch got := res.of[test]; got {
				case "pass":
				case "":
					faults = append(faults, fmt.Errorf("%s with %s: there is no test %s", r.en, peer, test))
				default:
					faults = append(faults, fmt.Errorf("%s with %s: %s: %s", r.en, peer, test, got))
				}
			}
		}
	}
	return faults
}

// concern reports whether any test was run that rows name.
func (res *results) concern(rows []row) bool {
	for _, r := range rows {
		for _, tests := range r.tests {
			if slices.ContainsFunc(tests, func(test string) bool { return res.of[test] != "" }) {
				return true
			}
		}
	}
	return false
}

// passed reports whether tests were run, and all of them passed.
func (res *results) passed(tests []string) bool {
	for _, test := range tests {
		if res.of[test] != "pass" {
			return false
		}
	}
	return len(tests) > 0
}
