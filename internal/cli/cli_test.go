package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/internal/view/ladder"
)

// testEnv is an environment whose streams are buffers.
func testEnv(variables map[string]string) (env *Env, out, talk *bytes.Buffer) {
	out, talk = new(bytes.Buffer), new(bytes.Buffer)
	return &Env{
		In: strings.NewReader(""), Out: out, Err: talk,
		Getenv: func(name string) string { return variables[name] },
		Words:  explain.For(explain.English),
	}, out, talk
}

func TestReport(t *testing.T) {
	for _, tc := range []struct {
		err  error
		code ExitCode
		talk string
	}{
		{nil, ExitOK, ""},
		{errors.New("it broke"), ExitFailure, "error: it broke\n"},
		{Usage("wrong flag", "try this", "or that"), ExitUsage, "error: wrong flag\nhint: try this\nhint: or that\n"},
		{fmt.Errorf("around: %w", &Error{Code: ExitUntrusted, Text: "who is that"}), ExitUntrusted, "error: who is that\n"},
		{&Error{Code: ExitNetwork, Text: "bad \x1b[2J name"}, ExitNetwork, "error: bad \ufffd[2J name\n"},
		{fmt.Errorf("stopped: %w", context.Canceled), ExitFailure, ""},
		{&os.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}, ExitFailure, ""},
	} {
		env, out, talk := testEnv(nil)
		if got := env.Report(tc.err); got != tc.code {
			t.Errorf("Report(%v): got code %d, want %d", tc.err, got, tc.code)
		}
		if talk.String() != tc.talk || out.Len() > 0 {
			t.Errorf("Report(%v): got %q on standard error and %q on standard output, want %q and nothing", tc.err, talk, out, tc.talk)
		}
	}
}

func TestLadderOptions(t *testing.T) {
	for _, tc := range []struct {
		variables map[string]string
		want      ladder.Options
	}{
		{nil, ladder.Options{Width: 100, Unfolded: true}},
		{map[string]string{"COLUMNS": "72"}, ladder.Options{Width: 72}},
		{map[string]string{"COLUMNS": "-1"}, ladder.Options{Width: 100, Unfolded: true}},
		{map[string]string{"TERM": "dumb"}, ladder.Options{Width: 100, Unfolded: true, ASCII: true}},
		{map[string]string{"LC_ALL": "C"}, ladder.Options{Width: 100, Unfolded: true}}, // a pipe has no characters of its own
		{map[string]string{"RUNEWIDTH_EASTASIAN": "1"}, ladder.Options{Width: 100, Unfolded: true, WideAmbiguous: true}},
	} {
		env, _, _ := testEnv(tc.variables)
		got := env.Ladder(env.Out)
		got.Words = nil
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("with %v (-want +got):\n%s", tc.variables, diff)
		}
	}
}

func TestNoColourInPipes(t *testing.T) {
	env, out, _ := testEnv(nil)
	if err := env.Print(env.Out, []ladder.Line{{{Role: ladder.Error, Text: "red"}}}); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "red\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseAddress(t *testing.T) {
	words := explain.For(explain.English)
	for text, want := range map[string]string{
		"example.com":           "example.com:443",
		"example.com:8443":      "example.com:8443",
		"192.0.2.1":             "192.0.2.1:443",
		"192.0.2.1:1":           "192.0.2.1:1",
		"::1":                   "[::1]:443",
		"[::1]":                 "[::1]:443",
		"[::1]:65535":           "[::1]:65535",
		"[2001:db8::1]:8443":    "[2001:db8::1]:8443",
		"fe80::1%eth0":          "[fe80::1%eth0]:443",
		"localhost:443":         "localhost:443",
		"xn--wgv71a119e.jp":     "xn--wgv71a119e.jp:443",
		"日本語.jp":                "日本語.jp:443",
		"https://example.com/x": "hint: did you mean example.com?",
		"https://example.com:1": "hint: did you mean example.com:1?",
		"":                      `error: "" is no HOST or HOST:PORT`,
		":443":                  `error: ":443" is no HOST or HOST:PORT`,
		"example.com:":          `error: "" is no port number`,
		"example.com:0":         `error: "0" is no port number`,
		"example.com:65536":     `error: "65536" is no port number`,
		"example.com:https":     `error: "https" is no port number`,
		"example.com/path":      `error: "example.com/path" is no HOST or HOST:PORT`,
		"a:b:c":                 `error: "a:b:c" is no HOST or HOST:PORT`,
		"[::1":                  `error: "[::1" is no HOST or HOST:PORT`,
		"user@example.com":      `error: "user@example.com" is no HOST or HOST:PORT`,
	} {
		a, err := ParseAddress(words, text)
		got := a.String()
		if err != nil {
			env, _, talk := testEnv(nil)
			env.Report(err)
			if got = talk.String(); strings.Contains(got, want) {
				continue
			}
		}
		if got != want {
			t.Errorf("ParseAddress(%q): got %s, want %s", text, got, want)
		}
	}
}

// parse reads flags as a verb would.
func parse(t *testing.T, args ...string) (*TLSFlags, error) {
	t.Helper()
	words := explain.For(explain.English)
	flags := &TLSFlags{}
	cmd := &cobra.Command{Use: "verb"}
	flags.Register(cmd.Flags(), words)
	if err := cmd.ParseFlags(args); err != nil {
		return nil, FlagError(cmd, words, err)
	}
	return flags, flags.Check(cmd.Flags(), words)
}

func TestTLSFlags(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want TLSFlags
	}{
		{nil, TLSFlags{}},
		{[]string{"--tls", "1.2"}, TLSFlags{Min: iana.VersionTLS12, Max: iana.VersionTLS12}},
		{[]string{"--tls-min=1.2", "--tls-max=tlsv1.3"}, TLSFlags{Min: iana.VersionTLS12, Max: iana.VersionTLS13}},
		{[]string{"--suites", "tls_aes_256_gcm_sha384, TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384"}, TLSFlags{
			Suites: []iana.CipherSuite{iana.TLS_AES_256_GCM_SHA384, iana.TLS_AES_128_GCM_SHA256},
		}},
		{[]string{"--suites", "default"}, TLSFlags{}},
		{[]string{"--suites", "ALL"}, TLSFlags{Suites: suiteIDs(suite.Usable())}},
		{[]string{"--groups", "P-256,x25519"}, TLSFlags{Groups: []iana.NamedGroup{iana.GroupSecp256r1, iana.GroupX25519}}},
		{[]string{"--groups", "p-521,default"}, TLSFlags{Groups: []iana.NamedGroup{
			iana.GroupSecp521r1, iana.GroupX25519MLKEM768, iana.GroupX25519, iana.GroupSecp256r1, iana.GroupSecp384r1,
		}}},
		{[]string{"--alpn", "h2, http/1.1", "--keylog", "k.txt"}, TLSFlags{ALPN: []string{"h2", "http/1.1"}, KeyLog: "k.txt"}},
	} {
		got, err := parse(t, tc.args...)
		if err != nil {
			t.Errorf("%v: %v", tc.args, err)
			continue
		}
		if diff := cmp.Diff(&tc.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tc.args, diff)
		}
	}
}

func TestTLSFlagFaults(t *testing.T) {
	for args, want := range map[string]string{
		"--tls 1.4":                     "error: --tls: nothing has the name \"1.4\"\nhint: did you mean TLS 1.3?\n",
		"--tls SSLv3":                   "error: --tls: akushu does not support SSL 3.0\nhint: supported are TLS 1.0, TLS 1.1, TLS 1.2, TLS 1.3\n",
		"--tls 1.2 --tls-max 1.3":       "error: --tls says the same as --tls-min and --tls-max together: give one or the other\n",
		"--tls-min 1.3 --tls-max 1.2":   "error: no version is left between --tls-min TLS 1.3 and --tls-max TLS 1.2\n",
		"--groups x25591":               "error: --groups: nothing has the name \"x25591\"\nhint: did you mean x25519?\n",
		"--groups x25519,":              "error: --groups: nothing has the name \"\"\nhint: see verb --help\n",
		"--groups sect163k1":            "error: --groups: akushu does not support sect163k1\nhint: supported are X25519MLKEM768, x25519, secp256r1, secp384r1, secp521r1, MLKEM1024, MLKEM768, ffdhe2048, ffdhe3072, ffdhe4096, ffdhe6144, ffdhe8192\n",
		"--suites TLS_AES_128_GCM_SHA":  "error: --suites: nothing has the name \"TLS_AES_128_GCM_SHA\"\nhint: did you mean TLS_AES_128_GCM_SHA256?\n",
		"--alpn h2,,http/1.1":           "error: --alpn: \"h2,,http/1.1\" does not fit: a protocol name has 1 to 255 bytes (RFC 7301 §3.1)\nhint: see verb --help\n",
		"--keylog":                      "error: --keylog needs a value\nhint: see verb --help\n",
		"--key-log x":                   "error: verb has no flag --key-log\nhint: did you mean --keylog?\n",
		"--completely-different-things": "error: verb has no flag --completely-different-things\nhint: see verb --help\n",
		"-z":                            "error: verb has no flag -z\nhint: see verb --help\n",
	} {
		_, err := parse(t, strings.Fields(args)...)
		env, _, talk := testEnv(nil)
		if code := env.Report(err); code != ExitUsage {
			t.Errorf("%s: got code %d, want %d", args, code, ExitUsage)
		}
		if got := talk.String(); got != want {
			t.Errorf("%s: got\n%s, want\n%s", args, got, want)
		}
	}
}

func TestOpenKeyLog(t *testing.T) {
	dir := t.TempDir()
	given, named := filepath.Join(dir, "given"), filepath.Join(dir, "named")
	for _, tc := range []struct{ flag, variable, file, talk string }{
		{"", "", "", ""},
		{given, "", given, ""},
		{given, named, given, ""},
		{"", named, named, "note: the secrets of these connections are written to " + named + ", as SSLKEYLOGFILE asks; whoever reads that file can decrypt them\n"},
	} {
		env, _, talk := testEnv(map[string]string{"SSLKEYLOGFILE": tc.variable})
		w, err := env.OpenKeyLog(tc.flag)
		if err != nil {
			t.Fatal(err)
		}
		if (w != nil) != (tc.file != "") {
			t.Errorf("%+v: got writer %v", tc, w)
		}
		if w != nil {
			checkOwnersOnly(t, tc.file)
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
		if got := talk.String(); got != tc.talk {
			t.Errorf("%+v: got talk %q", tc, got)
		}
	}
}

func checkOwnersOnly(t *testing.T, file string) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("%s: got mode %o, want 600", file, got)
	}
}

func TestOpenKeyLogFaults(t *testing.T) {
	dir := t.TempDir()
	env, _, talk := testEnv(nil)
	if _, err := env.OpenKeyLog(filepath.Join(dir, "none", "file")); env.Report(err) != ExitFailure {
		t.Error("no error for a folder that is not there")
	}
	readable := filepath.Join(dir, "readable")
	if err := os.WriteFile(readable, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	talk.Reset()
	w, err := env.OpenKeyLog(readable)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if got, want := talk.String(), "warning: others can read the key log "+readable+", and decrypt with it\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHelpFitsColumns(t *testing.T) {
	for _, lang := range explain.Languages() {
		words := explain.For(lang)
		cmd := NewCommand(words, "version", nil)
		new(TLSFlags).Register(cmd.Flags(), words)
		var got bytes.Buffer
		if err := Help(&got, cmd, words); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(got.String(), "\n") {
			if n := ladder.Width(line); n > 80 {
				t.Errorf("%s: a line of %d columns: %s", lang, n, line)
			}
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(got.String(), "--"+f.Name+" "+f.Value.Type()) {
				t.Errorf("%s: the help does not tell of --%s", lang, f.Name)
			}
		})
	}
}
