package inspect_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/cli/inspect"
	"github.com/akushu/akushu/internal/explain"
)

var update = flag.Bool("update", false, "write what is said anew")

// TestReasonSentences inspects a capture for each reason why a connection stays closed, which package observe's TestReasons
// made, and compares the sentences of both languages.
func TestReasonSentences(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "reasons", "*.pcapng*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Errorf("got captures of %d reasons, want 20", len(files))
	}
	var said strings.Builder
	for _, file := range files {
		base := strings.TrimSuffix(strings.TrimSuffix(file, ".gz"), ".pcapng")
		said.WriteString(filepath.Base(base) + "\n")
		args := []string{file, "--keylog", base + ".keylog"}
		if _, err := os.Stat(base + ".pem"); err == nil {
			args = append(args, "--key", base+".pem")
		}
		if psk, err := os.ReadFile(base + ".psk"); err == nil {
			args = append(args, "--psk", string(psk))
		}
		for _, lang := range []explain.Lang{explain.English, explain.Japanese} {
			said.WriteString("  " + sentence(t, explain.For(lang), args) + "\n")
		}
	}
	golden := filepath.Join("testdata", "reasons.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(said.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), said.String()); diff != "" {
		t.Errorf("(-want +got), go test -update writes it anew:\n%s", diff)
	}
}

// sentence is what the summary says of decryption.
func sentence(t *testing.T, words *explain.Words, args []string) string {
	t.Helper()
	var out, told bytes.Buffer
	env := &cli.Env{
		In: strings.NewReader(""), Out: &out, Err: &told, Getenv: func(name string) string { return map[string]string{"COLUMNS": "120"}[name] },
		Words: words, Now: func() time.Time { return time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC) },
	}
	cmd := inspect.New(env)
	cmd.SetArgs(args)
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, &told)
	}
	label := "  " + words.Text("summary.label.decrypted") + " "
	_, text, found := strings.Cut(out.String(), "\n"+label)
	if !found {
		t.Fatalf("%v: nothing of decryption in\n%s", args, &out)
	}
	var whole []string
	for i, line := range strings.Split(text, "\n") {
		if i > 0 && !strings.HasPrefix(line, "      ") {
			break
		}
		whole = append(whole, strings.TrimSpace(line))
	}
	return strings.Join(whole, " ")
}
