package session

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
)

// declared reads the codes out of code.go.
func declared(t *testing.T) (all []Code) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "code.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && fmt.Sprint(v.Type) == "Code" && len(v.Values) == 1 {
			text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			if text != "" {
				all = append(all, Code(text))
			}
		}
		return true
	})
	return all
}

// Codes never change: they stand in other people's logs. The golden file has what each says.
func TestCodes(t *testing.T) {
	var doc strings.Builder
	for _, c := range declared(t) {
		if c.Error() == "" {
			t.Errorf("%s says nothing", c)
		}
		fmt.Fprintf(&doc, "%s: %s (%s)\n", string(c), c, c.Ref())
	}
	if got, want := len(declared(t)), len(reasons); got != want {
		t.Errorf("got %d codes, want the %d that say something", got, want)
	}
	golden(t, "testdata/codes.txt", doc.String())
}

func TestAbort(t *testing.T) {
	for _, c := range append(declared(t), OK) {
		err := c.Abort()
		if (err != nil) != (c == SessionMainMissing) {
			t.Errorf("%s: got %v", string(c), err)
		}
	}
	err := SessionMainMissing.Abort()
	if got, want := alert.For(err), iana.AlertHandshakeFailure; got != want || CodeOf(err) != SessionMainMissing {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestCodeOf(t *testing.T) {
	other := errors.New("other")
	for err, want := range map[error]Code{
		nil: OK, other: OK, EarlyFull: EarlyFull,
		fmt.Errorf("%w: %w", EarlySlow, other): EarlySlow,
	} {
		if got := CodeOf(err); got != want {
			t.Errorf("%v: got %s, want %s", err, got, want)
		}
	}
}

// rulesOf lists the codes of a table of rules.
func rulesOf[F any](rules []rule[F]) (all []Code) {
	for _, r := range rules {
		all = append(all, r.code)
	}
	return all
}

// wantEach fails unless the rows of a test cover the rules of a table, in the same order.
func wantEach(t *testing.T, got, rules []Code) {
	t.Helper()
	if got = slices.Compact(got); !slices.Equal(got, rules) {
		t.Errorf("rows: got %q, want a row at least for each of %q, in that order", got, rules)
	}
}
