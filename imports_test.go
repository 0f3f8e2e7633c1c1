package akushu_test

import (
	"bufio"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/akushu/akushu/"

// imports is the graph of this module: a package, and what of the module it imports. A
// row never imports a row that stands below it in this text. docs/ARCHITECTURE.md draws
// the same picture.
//
// Three edges matter most, and are missing on purpose: a view imports nothing but
// observe and explain; observe imports no flow; a flow imports neither the network nor
// internal/record.
const imports = `
row 0: bytes, names, errors
  internal/wire
  internal/iana
  internal/alert: internal/iana
`

// outside is what may be imported from other modules, by whom.
const outside = `
`

// TestImports compares the graph above with the one that the compiler sees.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{range .Imports}} {{.}}{{end}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	want, rows := parseGraph(t, imports)
	for line := range strings.Lines(string(out)) {
		pkg, list, _ := strings.Cut(strings.TrimSpace(line), ":")
		pkg = strings.TrimPrefix(pkg, module)
		var got []string
		for _, imp := range strings.Fields(list) {
			if inner, ok := strings.CutPrefix(imp, module); ok {
				got = append(got, inner)
			}
		}
		slices.Sort(got)
		expected, known := want[pkg]
		if !known {
			t.Errorf("%s: not in the graph; it imports %v", pkg, got)
			continue
		}
		if !slices.Equal(got, expected) {
			t.Errorf("%s: imports %v, the graph says %v", pkg, got, expected)
		}
		for _, imp := range got {
			if rows[imp] > rows[pkg] {
				t.Errorf("%s (row %d) imports %s (row %d)", pkg, rows[pkg], imp, rows[imp])
			}
		}
		delete(want, pkg)
	}
	for pkg := range want {
		t.Errorf("%s: in the graph, but there is no such package", pkg)
	}
}

func parseGraph(t *testing.T, text string) (edges map[string][]string, rows map[string]int) {
	t.Helper()
	edges, rows = map[string][]string{}, map[string]int{}
	row := -1
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		if line == "" {
			continue
		}
		if n, err := fmt.Sscanf(line, "row %d:", new(int)); n == 1 && err == nil {
			fmt.Sscanf(line, "row %d:", &row)
			continue
		}
		pkg, list, _ := strings.Cut(line, ":")
		deps := strings.Fields(list)
		slices.Sort(deps)
		edges[pkg], rows[pkg] = deps, row
	}
	return edges, rows
}
