package main_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/cli/root"
	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/observe"
)

var update = flag.Bool("update", false, "write docs/CLI.md anew from what --help says")

// TestCLIDoc compares what docs/CLI.md shows of --help with what --help says.
func TestCLIDoc(t *testing.T) {
	const path = "../../docs/CLI.md"
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```\n\\$ akushu ([^\n]*)\n(.*?)```")
	want := shown.ReplaceAllFunc(doc, func(block []byte) []byte {
		command := string(shown.FindSubmatch(block)[1])
		return []byte("```\n$ akushu " + command + "\n" + run(t, strings.Fields(command)...) + "```")
	})
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(doc, want) {
		t.Errorf("docs/CLI.md does not show what --help says; go test ./cmd/akushu -update writes it anew")
	}
}

// run runs the command and returns its standard output.
func run(t *testing.T, args ...string) string {
	t.Helper()
	env := cli.System()
	var out, errOut bytes.Buffer
	env.Out, env.Err, env.Words = &out, &errOut, explain.For(explain.English)
	if code := root.Main(t.Context(), env, args); code != cli.ExitOK {
		t.Fatalf("akushu %s: exit code %d\n%s", strings.Join(args, " "), code, &errOut)
	}
	return out.String()
}

// TestNDJSONDoc requires each member of the connection object to have a row in
// docs/NDJSON.md, and each row a member.
func TestNDJSONDoc(t *testing.T) {
	doc, err := os.ReadFile("../../docs/NDJSON.md")
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllSubmatch(doc, -1) {
		for _, name := range regexp.MustCompile("`([a-z0-9_]+)`").FindAllSubmatch(row[1], -1) {
			described[string(name[1])] = true
		}
	}
	object, err := json.Marshal(new(observe.Session))
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(object, &members); err != nil {
		t.Fatal(err)
	}
	for name := range members {
		if !described[name] && name != "forward_secret_why" {
			t.Errorf("%q is in the object and not in docs/NDJSON.md", name)
		}
		delete(described, name)
	}
	for name := range described {
		t.Errorf("%q is in docs/NDJSON.md and not in the object", name)
	}
}
