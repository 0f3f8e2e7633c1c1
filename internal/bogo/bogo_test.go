package bogo

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the counts into docs/CONFORMANCE.md")

// suite is the runner, and a shim for it.
type suite struct {
	runner, dir string // its binary, and the folder where it must run
	shim        string
	config      string
}

// newSuite builds the shim, or skips the test where there is no runner.
func newSuite(t *testing.T) *suite {
	t.Helper()
	s := &suite{runner: os.Getenv("AKUSHU_BOGO_RUNNER"), dir: os.Getenv("AKUSHU_BOGO_DIR")}
	if s.runner == "" || s.dir == "" {
		t.Skip("AKUSHU_BOGO_RUNNER and AKUSHU_BOGO_DIR are not set")
	}
	s.shim = filepath.Join(t.TempDir(), "shim")
	if out, err := exec.Command("go", "build", "-o", s.shim, "./shim").CombinedOutput(); err != nil {
		t.Fatalf("the shim does not build: %v\n%s", err, out)
	}
	var err error
	if s.config, err = filepath.Abs("config.json"); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestBoGo runs the suite.
func TestBoGo(t *testing.T) {
	s := newSuite(t)
	c := readConfig(t)
	names, missing := s.survey(t)
	for _, fault := range c.check(names) {
		t.Errorf("config.json: %s", fault)
	}
	tests := s.run(t, names)
	for i := range tests {
		each := &tests[i]
		switch each.outcome {
		case failed:
			t.Errorf("%s: %s", each.name, each.fault)
			continue
		case unimplemented:
			each.reason = missing[each.name]
		case disabled:
			each.reason = c.reason(each.name)
		default:
			continue
		}
		if kindOf(each.reason) == len(off) {
			t.Errorf("%s is off, and the reason, %q, is of no kind that there is", each.name, each.reason)
		}
	}
	text := report(tests)
	t.Logf("\n%s", text)
	document(t, text)
}

func readConfig(t *testing.T) *config {
	t.Helper()
	text, err := os.ReadFile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	c := new(config)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(c); err != nil {
		t.Fatal(err)
	}
	return c
}

// survey lists the tests that there are, in their order, and why the shim would not run them.
func (s *suite) survey(t *testing.T) (names []string, missing map[string]string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "survey")
	run := s.command("-num-workers", "1") // so that the shim's numbers are the tests'
	run.Env = append(os.Environ(), "AKUSHU_BOGO_SURVEY="+file)
	out, _ := run.CombinedOutput()
	for _, m := range regexp.MustCompile(`(?m)^UNIMPLEMENTED \((.*)\)$`).FindAllSubmatch(out, -1) {
		names = append(names, string(m[1]))
	}
	lines, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; the runner says:\n%s", err, out)
	}
	missing = map[string]string{}
	for line := range strings.Lines(string(lines)) {
		number, reason, _ := strings.Cut(strings.TrimSpace(line), "\t")
		i, err := strconv.Atoi(number)
		if err != nil || i >= len(names) {
			t.Fatalf("the survey has a line for test %s, of %d", number, len(names))
		}
		missing[names[i]] = reason
	}
	return names, missing
}

// run runs the tests that are on.
func (s *suite) run(t *testing.T, names []string) []test {
	t.Helper()
	file := filepath.Join(t.TempDir(), "results.json")
	out, runErr := s.command("-shim-config", s.config, "-json-output", file).CombinedOutput()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v, %v; the runner says:\n%s", runErr, err, out)
	}
	var results struct {
		Tests map[string]struct{ Actual, Error string }
	}
	if err := json.Unmarshal(text, &results); err != nil {
		t.Fatal(err)
	}
	tests := make([]test, len(names))
	for i, name := range names {
		result := results.Tests[name]
		o, ok := map[string]outcome{"PASS": passed, "FAIL": failed, "SKIP": unimplemented, "": disabled}[result.Actual]
		if !ok {
			t.Fatalf("%s: the result is %q", name, result.Actual)
		}
		tests[i] = test{name: name, outcome: o, fault: result.Error}
	}
	return tests
}

func (s *suite) command(args ...string) *exec.Cmd {
	run := exec.Command(s.runner, append([]string{
		"-allow-unimplemented", "-loose-errors", "-pipe", "-shim-path", s.shim,
	}, args...)...)
	run.Dir = s.dir
	return run
}

// document compares docs/CONFORMANCE.md with the counts, or writes these into it.
func document(t *testing.T, counts string) {
	t.Helper()
	const file, begin, end = "../../docs/CONFORMANCE.md", "<!-- counts -->\n", "<!-- end of counts -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	old, after, ok2 := strings.Cut(rest, end)
	switch {
	case !ok || !ok2:
		t.Fatalf("%s has no place for the counts", file)
	case old == counts:
	case *update:
		if err := os.WriteFile(file, []byte(before+begin+counts+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s has other counts; -update writes these", file)
	}
}

// Every reason is of a kind, also where there is no runner.
func TestReasons(t *testing.T) {
	for _, fault := range readConfig(t).check(nil) {
		t.Errorf("config.json: %s", fault)
	}
	if faults := (&config{DisabledTests: map[string]string{"a*": "DTLS", "b": "because", "c": "bug: it is"}}).check([]string{"ab", "b"}); len(faults) != 2 {
		t.Errorf("got %q, want one about a reason of no kind and one about a line that matches nothing", faults)
	}
}

// No pattern stands twice: the decoder would take the last.
func TestPatternsAreUnique(t *testing.T) {
	text, err := os.ReadFile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		pattern, _, ok := strings.Cut(strings.TrimSpace(s.Text()), `": "`)
		if !ok {
			continue
		}
		if slices.Contains(seen, pattern) {
			t.Errorf("%s stands twice", pattern)
		}
		seen = append(seen, pattern)
	}
}

func TestReport(t *testing.T) {
	got := report([]test{
		{name: "A", outcome: passed},
		{name: "A-Async", outcome: passed},
		{name: "B", outcome: disabled, reason: "bug: one"},
		{name: "C", outcome: unimplemented, reason: "feature: two"},
		{name: "D-Async", outcome: unimplemented, reason: "feature: two"},
		{name: "E-DTLS", outcome: disabled, reason: "DTLS"},
	})
	for _, want := range []string{
		"| TLS over TCP | 3 | 1 | 0 | 1 | 1 |\n",
		"| the same, asynchronous | 2 | 1 | 0 | 1 | 0 |\n",
		"| DTLS | 1 | 0 | 0 | 0 | 1 |\n",
		"| all | 6 | 2 | 0 | 2 | 2 |\n",
		"| feature: two | 1 | 1 | | |\n| DTLS | | | 1 | |\n| bug: one | 1 | | | |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwithout\n%s", got, want)
		}
	}
}
