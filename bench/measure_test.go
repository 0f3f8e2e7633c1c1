package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// cost is what a program took.
type cost struct {
	Elapsed time.Duration
	CPU     time.Duration // the processor's time, user's and system's
	Memory  int64         // at most, in bytes
}

// measure runs a program and returns what it took, and what it printed.
//
// The test binary starts itself to do so. To Linux the most memory of a process is at least what the process that started
// it had, and the benchmark has a great deal.
func measure(t testing.TB, program string, args ...string) (cost, string) {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	file := filepath.Join(t.TempDir(), "cost")
	cmd := exec.Command(self, append([]string{measuring, file, program}, args...)...)
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, &talk)
	}
	b, err := os.ReadFile(file)
	check(t, err)
	var c cost
	check(t, json.Unmarshal(b, &c))
	return c, out.String()
}

// measuring, before the name of a file and a command line, has the test binary run that and write its cost there.
const measuring = "measuring"

func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == measuring {
		if err := weigh(os.Args[2], os.Args[3], os.Args[4:]); err != nil {
			_, _ = os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		return
	}
	m.Run()
}

// weigh runs a program and writes what it took.
func weigh(file, program string, args []string) error {
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	begun := time.Now()
	if err := cmd.Run(); err != nil {
		return err
	}
	p := cmd.ProcessState
	b, err := json.Marshal(cost{time.Since(begun), p.UserTime() + p.SystemTime(), peak(p)})
	return errors.Join(err, os.WriteFile(file, b, 0o600))
}
