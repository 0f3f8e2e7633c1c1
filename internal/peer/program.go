package peer

import (
	"bytes"
	"io"
	"os/exec"
	"regexp"
	"sync"
	"testing"
	"time"
)

// A Program runs beside a test, until it ends by itself, its time is up, or the test ends. What it printed is in the log
// of a test that failed.
type Program struct {
	In io.WriteCloser // its standard input

	cmd *exec.Cmd
	mu  sync.Mutex
	out bytes.Buffer
}

// limit is how long a program may run: it ends tests that wait for one that does not.
const limit = 3 * time.Minute

// Start starts a program.
func Start(t testing.TB, program string, args ...string) *Program {
	t.Helper()
	return StartCommand(t, exec.Command(program, args...))
}

// StartCommand starts a command, whose input and output it takes.
func StartCommand(t testing.TB, cmd *exec.Cmd) *Program {
	t.Helper()
	p := &Program{cmd: cmd}
	in, err := cmd.StdinPipe()
	must(t, err)
	p.In = in
	cmd.Stdout, cmd.Stderr = p, p
	must(t, cmd.Start())
	timer := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		timer.Stop()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%q\n%s", cmd.Args, p.Text())
		}
	})
	return p
}

// Write takes the program's output.
func (p *Program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

// Text is what the program has printed, to standard output and to standard error.
func (p *Program) Text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// Say gives the program a line.
func (p *Program) Say(t testing.TB, line string) {
	t.Helper()
	_, err := io.WriteString(p.In, line+"\n")
	must(t, err)
}

// Wait waits for the program's end; its exit code is not looked at.
func (p *Program) Wait() { _ = p.cmd.Wait() }

// Await waits until the output matches, and returns what the pattern's last group matched.
func (p *Program) Await(t testing.TB, pattern string) string {
	t.Helper()
	return p.AwaitAfter(t, 0, pattern)
}

// AwaitAfter is Await for what comes after so many bytes of output.
func (p *Program) AwaitAfter(t testing.TB, before int, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && !t.Failed(); time.Sleep(2 * time.Millisecond) {
		if m := re.FindStringSubmatch(p.Text()[before:]); m != nil {
			return m[len(m)-1]
		}
	}
	t.Fatalf("no %q in the output", pattern)
	return ""
}

// Settle waits until what the output shows is what it should be: it may come later than what the program did.
func (p *Program) Settle(t testing.TB, what string, shown func() string, want string) {
	t.Helper()
	got := shown()
	for end := time.Now().Add(5 * time.Second); got != want && time.Now().Before(end); got = shown() {
		time.Sleep(5 * time.Millisecond)
	}
	if got != want {
		t.Errorf("%s: got %s, want %s", what, got, want)
	}
}
