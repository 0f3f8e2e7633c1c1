package demo_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/cli/demo"
	"github.com/akushu/akushu/internal/explain"
)

var update = flag.Bool("update", false, "write the golden files anew")

// demos is what is compared with golden ladders: the name of the file and the flags.
var demos = []struct {
	name  string
	flags []string
}{
	{"tls13", nil},
	{"tls12", []string{"--tls", "1.2"}},
	{"hello-retry", []string{"--hello-retry"}},
	{"resume-id", []string{"--resume", "id"}},
	{"resume-ticket", []string{"--resume", "ticket"}},
	{"resume-ticket-13", []string{"--resume", "ticket", "--tls", "1.3"}},
	{"resume-psk", []string{"--resume", "psk"}},
}

// TestLadders compares what each demo prints with its golden file, but for what differs from
// run to run.
func TestLadders(t *testing.T) {
	for _, d := range demos {
		t.Run(d.name, func(t *testing.T) {
			golden, err := filepath.Abs(filepath.Join("testdata", d.name+".golden"))
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			got := steady(run(t, d.flags))
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if info, err := os.Stat(demo.File); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v, %v", demo.File, info, err)
			}
		})
	}
}

// run returns what a demo writes to standard output.
func run(t *testing.T, flags []string) string {
	t.Helper()
	var out, talk bytes.Buffer
	env := &cli.Env{
		In: strings.NewReader(""), Out: &out, Err: &talk, Now: time.Now,
		Getenv: func(string) string { return "" }, Words: explain.For(explain.English),
	}
	cmd := demo.New(env)
	cmd.SetArgs(append([]string{}, flags...)) // nil would be our own
	if err := cmd.Execute(); err != nil {
		t.Fatalf("%v\n%s", err, &talk)
	}
	return out.String()
}

// Words of the ladder that differ from run to run: sizes of signatures and what contains
// them, with the line that leads up to them, times, addresses, dates.
var varies = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`[─═]+ [\d,]+ B [─═]`), "─ … B ─"},
	{regexp.MustCompile(`TCP connected in [^│]*`), "TCP connected "},
	{regexp.MustCompile(`127\.0\.0\.1:\d+ *`), "127.0.0.1:… "},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d`), "YYYY-MM-DD"},
	{regexp.MustCompile(`60\d,\d{3} seconds`), "60…,… seconds"},
}

// steady is what of a ladder is the same in each run: without the times that stand before
// it, and without the lines of what may overtake one another once the handshake is over.
func steady(ladder string) string {
	var b strings.Builder
	over := false
	for line := range strings.Lines(ladder) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.Contains(line, "application data") || strings.Contains(line, "NewSessionTicket ═"):
			over = true
		case strings.Contains(line, "── in the clear"):
			over = false
		}
		if over || strings.HasPrefix(line, "  time ") || strings.HasPrefix(line, "  messages ") {
			continue
		}
		line = line[max(0, strings.IndexAny(line, "│├╞")):]
		for _, v := range varies {
			line = v.pattern.ReplaceAllString(line, v.by)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}
