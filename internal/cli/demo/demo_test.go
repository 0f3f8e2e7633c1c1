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
	{"tls11", []string{"--tls", "1.1"}},
	{"tls10", []string{"--tls", "1.0"}},
	{"kx-rsa", []string{"--kx", "rsa"}},
	{"kx-dhe", []string{"--kx", "dhe"}},
	{"kx-ecdhe", []string{"--kx", "ecdhe"}},
	{"kx-dhe-13", []string{"--kx", "dhe", "--tls", "1.3"}},
	{"kx-rsa-client-cert", []string{"--tls", "1.2", "--kx", "rsa", "--client-cert"}},
	{"client-cert", []string{"--client-cert"}},
	{"hello-retry", []string{"--hello-retry"}},
	{"resume-id", []string{"--resume", "id"}},
	{"resume-id-client-cert", []string{"--resume", "id", "--kx", "dhe", "--client-cert"}},
	{"resume-ticket", []string{"--resume", "ticket"}},
	{"resume-ticket-13", []string{"--resume", "ticket", "--tls", "1.3"}},
	{"resume-psk", []string{"--resume", "psk"}},
	{"early-data", []string{"--resume", "psk", "--early-data"}},
	{"early-data-hello-retry", []string{"--early-data", "--hello-retry", "--client-cert"}},
	{"key-type-rsa", []string{"--key-type", "rsa-2048"}},
	{"key-type-ed25519-12", []string{"--key-type", "ed25519", "--tls", "1.2"}},
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
			compare(t, golden, steady(run(t, explain.English, d.flags)))
			if info, err := os.Stat(demo.File); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v, %v", demo.File, info, err)
			}
		})
	}
}

// TestLadderInJapanese compares one in the other language.
func TestLadderInJapanese(t *testing.T) {
	golden, err := filepath.Abs(filepath.Join("testdata", "early-data-ja.golden"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	compare(t, golden, steady(run(t, explain.Japanese, []string{"--early-data"})))
}

// compare compares got with a golden file, or writes that.
func compare(t *testing.T, golden, got string) {
	t.Helper()
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
}

// run returns what a demo writes to standard output.
func run(t *testing.T, lang explain.Lang, flags []string) string {
	t.Helper()
	var out, talk bytes.Buffer
	env := &cli.Env{
		In: strings.NewReader(""), Out: &out, Err: &talk, Now: time.Now,
		Getenv: func(string) string { return "" }, Words: explain.For(lang),
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
	{regexp.MustCompile(`TCP 接続[^│]*`), "TCP 接続"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+ *`), "127.0.0.1:… "},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d`), "YYYY-MM-DD"},
	{regexp.MustCompile(`60\d,\d{3} seconds`), "60…,… seconds"},
}

// steady is what of a ladder is the same in each run: without the times that stand before
// it, and without what may overtake the other end's messages, or be overtaken, when the
// handshake is over: data, but early data, tickets and the end.
func steady(ladder string) string {
	var b strings.Builder
	passing := false
	for line := range strings.Lines(ladder) {
		line = strings.TrimRight(line, "\n")
		switch {
		case overtakes.MatchString(line):
			passing = true
		case rungOrNote.MatchString(line):
			passing = false
		}
		if passing || perRun.MatchString(line) {
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

var (
	overtakes  = regexp.MustCompile(`[═╞] (application data|アプリケーションデータ|Alert|NewSessionTicket) ?[═ c]|─ FIN ─|─ RST ─`)
	rungOrNote = regexp.MustCompile(`[├╞┤╡]|■|── `)
	perRun     = regexp.MustCompile(`^  (time|messages|時間|メッセージ) `)
)
