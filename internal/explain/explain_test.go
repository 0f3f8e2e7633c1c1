package explain

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
)

func TestLanguagesSayTheSame(t *testing.T) {
	en, ja := For(English), For(Japanese)
	if diff := cmp.Diff(ids(en), ids(ja)); diff != "" {
		t.Errorf("ids of English (-) and Japanese (+) differ:\n%s", diff)
	}
	for id, text := range en.texts {
		if got, want := numbers(ja.texts[id]), numbers(text); !slices.Equal(got, want) {
			t.Errorf("%s: the Japanese text uses arguments %v, want %v", id, got, want)
		}
	}
}

func ids(w *Words) []string {
	var all []string
	for id := range w.texts {
		all = append(all, id)
	}
	slices.Sort(all)
	return all
}

// numbers lists the arguments that a text uses, each once.
func numbers(t text) []int {
	var all []int
	for _, p := range t {
		if p.arg > 0 && !slices.Contains(all, p.arg) {
			all = append(all, p.arg)
		}
	}
	slices.Sort(all)
	return all
}

func TestEnglishIsASCII(t *testing.T) {
	for id := range For(English).texts {
		text := For(English).Text(id)
		if i := strings.IndexFunc(text, func(r rune) bool { return r > unicode.MaxASCII }); i >= 0 {
			t.Errorf("%s: %q is not ASCII from byte %d on", id, text, i)
		}
	}
}

func TestJapaneseIsJapanese(t *testing.T) {
	same := map[string]bool{ // names that are not translated
		"ladder.label.alpn": true, "ladder.label.psk": true, "ladder.label.main_secret": true,
		"table.stream": true, "summary.label.alpn": true, "summary.label.http": true, "summary.label.tcp": true, "summary.time.tcp": true,
	}
	for id := range For(Japanese).texts {
		if en, ja := For(English).Text(id), For(Japanese).Text(id); (en == ja) != same[id] {
			t.Errorf("%s: English %q, Japanese %q: one of the same kind, or not?", id, en, ja)
		}
	}
}

func TestEveryAlertHasAMeaning(t *testing.T) {
	for _, a := range iana.All[iana.Alert]() {
		if id := "alert." + a.String(); !For(English).Has(id) {
			t.Errorf("no text for %s", id)
		}
	}
	for _, id := range ids(For(English)) {
		if name, ok := strings.CutPrefix(id, "alert."); ok {
			if _, err := iana.ParseAlert(name); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
	}
}

// TestEveryCodeHasWords finds the constants of other packages that are codes of something
// which is put into words, by the beginning of their names.
func TestEveryCodeHasWords(t *testing.T) {
	for _, tc := range []struct {
		dir, prefix, family string
		least               int
		but                 []string // never shown
	}{
		{"../../observe", "Code", "finding.", 7, nil},
		{"../../observe", "Decrypt", "decrypt.", 7, nil},
		{"../../observe", "Why", "forward_secret.", 5, nil},
		{"../../observe", "Check", "check.", 5, nil},
		{"../../observe", "Result", "check.result.", 3, nil},
		{"../../observe", "Reason", "check.reason.", 9, []string{"mismatch"}},
		{"../../observe", "Lacks", "keys.why.", 5, nil},
		{"../../observe", "Gap", "ladder.gap.", 3, nil},
		{"../../observe", "Epoch", "ladder.epoch.", 4, []string{"initial"}},
		{"../../observe", "Segment", "ladder.segment.", 14, []string{"syn", "syn_ack", "ack", "fin", "rst"}},
		{"../../observe", "End", "ladder.end.", 4, []string{"fin", "rst"}},
	} {
		codes := constants(t, tc.dir, tc.prefix)
		if len(codes) < tc.least {
			t.Errorf("%s: got %d constants %s…, want at least %d", tc.dir, len(codes), tc.prefix, tc.least)
		}
		for _, code := range codes {
			if !slices.Contains(tc.but, code) && !For(English).Has(tc.family+code) {
				t.Errorf("no text for %s%s", tc.family, code)
			}
		}
	}
	for k := alert.KindMalformed; k <= alert.KindInternal; k++ {
		if id := "finding." + k.String(); !For(English).Has(id) {
			t.Errorf("no text for %s", id)
		}
	}
}

// constants returns the values of a package's string constants whose names begin with
// prefix and a capital.
func constants(t *testing.T, dir, prefix string) []string {
	t.Helper()
	named := regexp.MustCompile(`^\s*` + prefix + `[A-Z]\w*\s+(\w+\s+)?= "([a-z_0-9]+)"`)
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			if m := named.FindStringSubmatch(line); m != nil {
				values = append(values, m[2])
			}
		}
	}
	return values
}

// idLike matches string literals that can be ids of texts, or the beginning of some.
var idLike = regexp.MustCompile(`^(ladder|summary|table|alert|check|keys|finding|fact|decrypt|forward_secret|diagnosis|cli|hint|help)(\.[a-z0-9_]+)+\.?$|^(table|alert|check|finding|fact|decrypt|forward_secret|diagnosis|help)\.$`)

// TestCodeAndCatalogueAgree reads every Go file that shows words: an id in it must be in the
// catalogue, and each id of the catalogue must be in some file, whole or as the beginning
// that a code is added to ("alert.").
func TestCodeAndCatalogueAgree(t *testing.T) {
	used := literals(t)
	for literal, place := range used {
		if !strings.HasSuffix(literal, ".") && !For(English).Has(literal) {
			t.Errorf("%s: no text for %q", place, literal)
		}
	}
	for _, id := range ids(For(English)) {
		_, whole := used[id]
		_, family := used[id[:strings.LastIndexByte(id, '.')+1]]
		if !whole && !family {
			t.Errorf("%s is in the catalogue and nowhere used", id)
		}
	}
}

// literals finds the string literals that look like ids, and where they stand.
func literals(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	files := token.NewFileSet()
	read := func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && idLike.MatchString(text) {
					found[text] = files.Position(lit.Pos()).String()
				}
			}
			return true
		})
		return nil
	}
	for _, dir := range []string{"../cli", "../view", "../../cmd"} {
		if err := filepath.WalkDir(dir, read); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func TestText(t *testing.T) {
	texts, err := parse("# comment\n\na = one {1} two {2}\nb = {1} {1|file|files}, {3}\nc = {2} {1}\n")
	if err != nil {
		t.Fatal(err)
	}
	words := &Words{English, texts}
	for _, tc := range []struct {
		id   string
		args []any
		want string
	}{
		{"a", []any{"x", 7}, "one x two 7"},
		{"b", []any{1, 0, "end"}, "1 file, end"},
		{"b", []any{"1,001", 0, "end"}, "1,001 files, end"},
		{"b", []any{2}, "2 files, {3}"},
		{"c", []any{"first", "second"}, "second first"},
		{"missing", []any{1}, "missing"},
	} {
		if got := words.Text(tc.id, tc.args...); got != tc.want {
			t.Errorf("Text(%q, %v): got %q, want %q", tc.id, tc.args, got, tc.want)
		}
	}
	if got := words.Or("else", "missing"); got != "else" {
		t.Errorf("Or of a missing text: got %q, want the alternative", got)
	}
	if got := words.Or("else", "a", 1, 2); got != "one 1 two 2" {
		t.Errorf("Or of a text: got %q, want the text", got)
	}
}

func TestParseFaults(t *testing.T) {
	for catalogue, want := range map[string]string{
		"a = x\nno sign\n": `line 2: no " = "`,
		"a = x\na = y\n":   "line 2: a appears twice",
		"a = {x}":          "line 1: no placeholder: {x",
		"a = {0}":          "line 1: no placeholder: {0",
		"a = {1":           "line 1: no placeholder: {1",
		"a = {1|x}":        "line 1: no placeholder: {1|x",
	} {
		if _, err := parse(catalogue); err == nil || err.Error() != want {
			t.Errorf("parse(%q): got error %v, want %s", catalogue, err, want)
		}
	}
}

func TestLangOf(t *testing.T) {
	for _, tc := range []struct {
		env  map[string]string
		want Lang
	}{
		{nil, English},
		{map[string]string{"LANG": "ja_JP.UTF-8"}, Japanese},
		{map[string]string{"LANG": "ja"}, Japanese},
		{map[string]string{"LANG": "ja_JP.UTF-8", "LC_MESSAGES": "C"}, English},
		{map[string]string{"LANG": "C", "LC_MESSAGES": "JA_JP"}, Japanese},
		{map[string]string{"LC_ALL": "en_US.UTF-8", "LC_MESSAGES": "ja_JP"}, English},
		{map[string]string{"LC_ALL": "ja.UTF-8", "LANG": "C"}, Japanese},
		{map[string]string{"LANG": "de_DE.UTF-8"}, English},
		{map[string]string{"LANG": "jav_ID"}, English},
	} {
		if got := LangOf(func(name string) string { return tc.env[name] }); got != tc.want {
			t.Errorf("LangOf(%v): got %q, want %q", tc.env, got, tc.want)
		}
	}
}

func TestForAnUnknownLanguageIsEnglish(t *testing.T) {
	if got := For("xx").lang; got != English {
		t.Errorf("got %q, want %q", got, English)
	}
	if _, ok := ParseLang("xx"); ok {
		t.Error("ParseLang took xx for a language that there is")
	}
}
