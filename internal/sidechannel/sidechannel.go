// Package sidechannel is for tests that code does the same whatever a secret is. [SamePath] counts what is executed;
// [Compare] measures how long it takes, and says how sure it is of a difference.
//
// Neither sees everything. The first knows statements but not the addresses that they read, the second what this machine
// shows in that time. Hashes and keys that count what they are asked for, in the tests that use these, see the rest.
package sidechannel

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// chosen names, in a process that SamePath starts, the one of its runs that is to be run.
const chosen = "AKUSHU_SIDECHANNEL_RUN"

// SamePath fails the test if any two of the runs execute a statement of the packages, given by import path, a different
// number of times. It says which.
//
// It has the go command build this package's test with counters, and starts that once for each of the runs. There
// everything of the test up to this call happens again, and must be the same each time; what comes behind it does not.
func SamePath(t *testing.T, packages []string, runs map[string]func()) {
	t.Helper()
	if name, ok := os.LookupEnv(chosen); ok {
		runs[name]()
		t.SkipNow()
	}
	names := slices.Sorted(maps.Keys(runs))
	if len(names) < 2 {
		t.Fatal("there is nothing to compare")
	}
	binary := filepath.Join(t.TempDir(), "counting.test")
	command(t, "", "go", "test", "-c", "-o", binary, "-covermode=count", "-coverpkg="+strings.Join(packages, ","), ".")
	first := profile(t, binary, names[0])
	for _, name := range names[1:] {
		got := profile(t, binary, name)
		for _, statement := range slices.Sorted(maps.Keys(first)) {
			if a, b := first[statement], got[statement]; a != b {
				t.Errorf("%s: executed %s times for %q and %s for %q", statement, a, names[0], b, name)
			}
		}
	}
}

// profile runs one of the runs, and returns how often each piece of code was executed.
func profile(t *testing.T, binary, name string) map[string]string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "profile")
	pattern := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	command(t, chosen+"="+name, binary, "-test.run", pattern, "-test.coverprofile", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	counts, executed := map[string]string{}, false
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line) // a place, statements there, times executed
		if len(f) == 3 {
			counts[f[0]] = f[2]
			executed = executed || f[2] != "0"
		}
	}
	if !executed {
		t.Fatalf("%q executes nothing of the packages", name)
	}
	return counts
}

// command runs a program to its end. One that has not come to it when the tests' time is nearly up is stopped, and named:
// on a busy machine that compiles everything anew, building takes minutes.
func command(t *testing.T, env, name string, args ...string) {
	t.Helper()
	ctx := t.Context()
	if end, ok := t.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-time.Until(end)/20))
		defer cancel()
	}
	c := exec.CommandContext(ctx, name, args...)
	c.WaitDelay = time.Second                // compilers that it started have its output too
	c.Env = append(os.Environ(), "GOFLAGS=") // this test's own, such as -race, do not go with counters
	if env != "" {                           // what is pooled is found again if nothing is collected and there is one processor
		c.Env = append(c.Env, env, "GOGC=off", "GOMAXPROCS=1")
	}
	begin := time.Now()
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s, after %v: %v\n%s", fmt.Sprint(c.Args), time.Since(begin).Round(time.Second), errors.Join(ctx.Err(), err), out)
	}
}
