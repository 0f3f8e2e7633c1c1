package akushu_test

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
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
  internal/stdtls
  internal/rfc8448

row 1: messages and arithmetic
  internal/keys
  internal/borrow
  internal/suite: internal/alert internal/iana internal/keys
  internal/msg: internal/alert internal/iana internal/wire
  internal/order: internal/alert internal/iana internal/msg
  internal/filter: internal/iana

row 2: records, certificates, key logs
  internal/record: internal/alert internal/borrow internal/iana internal/keys internal/suite
  internal/spki: internal/suite
  internal/auth: internal/alert internal/iana internal/keys internal/spki internal/suite
  internal/session: internal/alert internal/iana internal/keys internal/msg internal/suite internal/wire
  keylog
  internal/compression: internal/alert internal/iana internal/msg
  internal/bygone: internal/alert internal/iana internal/keys internal/record
  internal/proof: internal/iana internal/keys

row 3: the flows; captures; HTTP, seen
  internal/hypertext
  internal/handshake: internal/alert internal/auth internal/compression internal/iana internal/keys internal/msg internal/order internal/session internal/suite
  internal/hook: internal/handshake internal/iana
  internal/capture: keylog
  internal/capture/packet: internal/capture
  internal/capture/tcp: internal/capture/packet
  internal/capture/rewrite: internal/capture internal/capture/packet
  internal/capture/file: internal/capture keylog
  internal/capture/capfilter
  internal/capture/live: internal/capture internal/capture/capfilter

row 4: the stack, and the glass
  tls: internal/alert internal/auth internal/borrow internal/compression internal/handshake internal/hook internal/iana internal/keys internal/record internal/session internal/spki internal/stdtls internal/suite keylog
  observe: internal/alert internal/borrow internal/bygone internal/capture internal/compression internal/hypertext internal/iana internal/keys internal/msg internal/order internal/proof internal/record internal/spki internal/suite internal/wire keylog
  internal/pki: internal/spki

row 5: views, words, HTTP, captures seen as connections
  internal/dissect: internal/capture internal/capture/packet internal/capture/tcp internal/filter internal/iana keylog observe
  internal/explain
  internal/view/ladder: internal/explain observe
  internal/view/ndjson: observe
  internal/view/bodies: observe
  tlshttp: tls

row 6: the command
  internal/cli: internal/alert internal/capture/file internal/explain internal/iana internal/pki internal/session internal/suite internal/view/ladder internal/view/ndjson keylog observe tls
  internal/cli/connect: internal/cli internal/explain internal/pki tls
  internal/cli/demo: internal/cli internal/explain internal/iana internal/pki internal/suite tls tlshttp
  internal/cli/serve: internal/cli internal/pki tls tlshttp
  internal/cli/show: internal/capture internal/capture/file internal/cli internal/dissect internal/explain internal/filter internal/pki internal/view/bodies internal/view/ladder internal/view/ndjson keylog observe
  internal/cli/inspect: internal/capture/file internal/cli internal/cli/show internal/dissect observe
  internal/cli/capture: internal/capture internal/capture/capfilter internal/capture/file internal/capture/live internal/cli internal/cli/show internal/dissect internal/iana keylog
  internal/cli/pack: internal/capture/file internal/cli internal/cli/show internal/dissect keylog observe
  internal/cli/version: internal/cli
  internal/cli/root: internal/cli internal/cli/capture internal/cli/connect internal/cli/demo internal/cli/inspect internal/cli/pack internal/cli/serve internal/cli/version internal/explain internal/iana
  cmd/akushu: internal/cli internal/cli/root

row 7: tests and generators
  .
  bench
  internal/peer: internal/capture
  internal/interop
  internal/sidechannel
  internal/works
  internal/bogo
  internal/bogo/shim: internal/handshake internal/hook internal/iana internal/suite keylog tls
  internal/iana/gen
`

// outside is which packages of other modules are imported, by whom. Tests apart, there is
// nothing else.
const outside = `
  internal/suite: filippo.io/bigmod golang.org/x/crypto/chacha20poly1305
  internal/auth: golang.org/x/crypto/cryptobyte
  internal/spki: golang.org/x/crypto/cryptobyte golang.org/x/crypto/cryptobyte/asn1
  internal/hypertext: golang.org/x/net/http2/hpack
  internal/capture/file: github.com/klauspost/compress/gzip github.com/klauspost/compress/zstd
  internal/capture/capfilter: golang.org/x/net/bpf
  internal/capture/live: golang.org/x/net/bpf golang.org/x/sys/unix
  internal/view/ladder: github.com/mattn/go-runewidth
  internal/cli: github.com/andybalholm/brotli github.com/klauspost/compress/zstd github.com/spf13/cobra github.com/spf13/pflag golang.org/x/term
  internal/cli/connect: github.com/spf13/cobra
  internal/cli/demo: github.com/spf13/cobra github.com/spf13/pflag
  internal/cli/serve: github.com/spf13/cobra
  internal/cli/inspect: github.com/spf13/cobra
  internal/cli/capture: github.com/spf13/cobra
  internal/cli/pack: github.com/spf13/cobra
  internal/cli/show: github.com/spf13/pflag
  internal/cli/version: github.com/spf13/cobra
  internal/cli/root: github.com/spf13/cobra
`

// TestImports compares the graph above with the one that the compiler sees.
func TestImports(t *testing.T) {
	readTree(t)
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	inner, rows := parseGraph(t, imports)
	outer, _ := parseGraph(t, outside)
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		pkg := local(words[0])
		if _, known := inner[pkg]; !known {
			t.Errorf("%s is not in the graph", pkg)
			continue
		}
		gotInner, gotOuter := split(words[1:])
		compare(t, pkg, gotInner, inner[pkg])
		compare(t, pkg, gotOuter, outer[pkg])
		for _, imp := range gotInner {
			if rows[imp] > rows[pkg] {
				t.Errorf("%s (row %d) imports %s (row %d)", pkg, rows[pkg], imp, rows[imp])
			}
		}
		delete(inner, pkg)
	}
	for pkg := range inner {
		t.Errorf("%s is in the graph, but there is no such package", pkg)
	}
}

// readTree reads every source file, so that the go command, which caches the results of tests, knows that this one hangs
// on them.
func readTree(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") {
			_, err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// local is the path of a package within this module, "." for its root.
func local(path string) string {
	if path+"/" == module {
		return "."
	}
	return strings.TrimPrefix(path, module)
}

// split sorts imports into those of this module and those of others; the standard
// library's are neither.
func split(imports []string) (inner, outer []string) {
	for _, imp := range imports {
		first, _, _ := strings.Cut(imp, "/")
		switch {
		case strings.HasPrefix(imp, module):
			inner = append(inner, local(imp))
		case strings.Contains(first, "."):
			outer = append(outer, imp)
		}
	}
	return inner, outer
}

func compare(t *testing.T, pkg string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s imports %v, the graph says %v", pkg, got, want)
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
