package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/akushu/akushu/internal/capture/live"
	"github.com/akushu/akushu/internal/peer"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"akushu": main})
}

// TestScripts runs the command as a shell would: each script is a page of its manual. Beside
// the usual there are
//
//	[lack:PROGRAM]     true where it is not installed; under CI=true that fails
//	[cannot:capture]   true where packets may not be captured; as root under CI=true that fails
//	free NAME…         set each variable to an address of this machine that is free, and NAME_PORT to its port
//	await FILE REGEXP  wait until a program in the background has written that
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds:      map[string]func(*testscript.TestScript, bool, []string){"free": free, "await": await},
		Condition: condition, Deadline: time.Now().Add(7 * time.Minute), Setup: setup,
	})
}

// setup tells scripts in RECORDINGS where those of package dissect are, and has tshark look for TLS on every port, those
// that belong to another protocol too: a port that is free may be such a one.
func setup(env *testscript.Env) error {
	dir := filepath.Join(env.WorkDir, ".config", "wireshark")
	env.Setenv("HOME", env.WorkDir)
	recordings, err := filepath.Abs("../../internal/dissect/testdata")
	if err != nil {
		return err
	}
	env.Setenv("RECORDINGS", recordings)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "preferences"), []byte("tcp.try_heuristic_first: TRUE\n"), 0o666)
}

func condition(cond string) (bool, error) {
	if cond == "cannot:capture" {
		return cannotCapture()
	}
	program, ok := strings.CutPrefix(cond, "lack:")
	if !ok {
		return false, fmt.Errorf("unknown condition %q", cond)
	}
	_, err := exec.LookPath(program)
	if err != nil && peer.Required() {
		return false, fmt.Errorf("%s is not installed", program)
	}
	return err != nil, nil
}

func cannotCapture() (bool, error) {
	h, err := live.Open(live.Any, live.Options{Filter: "port 1"})
	if err == nil {
		return false, h.Close()
	}
	if peer.Required() && os.Geteuid() == 0 {
		return false, err
	}
	return true, nil
}

func free(ts *testscript.TestScript, _ bool, names []string) {
	for _, name := range names {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		_, port, err := net.SplitHostPort(ln.Addr().String())
		ts.Check(err)
		ts.Setenv(name, ln.Addr().String())
		ts.Setenv(name+"_PORT", port)
		ts.Check(ln.Close())
	}
}

func await(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile(args[1])
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && want.Match(text) {
			return
		}
	}
	text, _ := os.ReadFile(ts.MkAbs(args[0]))
	ts.Fatalf("no %q in %s:\n%s", args[1], args[0], text)
}
