package main_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// terminal is a pseudo-terminal, and all that was written to it.
type terminal struct {
	*os.File
	mu   sync.Mutex
	said bytes.Buffer
}

// newTerminal makes a terminal of so many columns.
func newTerminal(t *testing.T, columns uint16) *terminal {
	t.Helper()
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("there are no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { control.Close() })
	fd := int(control.Fd())
	must(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	must(t, err)
	must(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}))
	file, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	must(t, err)
	t.Cleanup(func() { file.Close() })
	term := &terminal{File: file}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := control.Read(buf)
			term.mu.Lock()
			term.said.Write(buf[:n])
			term.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return term
}

func (term *terminal) text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.said.String()
}

// eventually waits until a text has another in it.
func eventually(t *testing.T, text func() string, wanted string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !strings.Contains(text(), wanted); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("got %q, want %q in it", text(), wanted)
		}
	}
}

// large is a capture of 20 MB that has no connection yet, and one that may be added to it.
func large(t *testing.T) (path string, more []byte) {
	t.Helper()
	recording, err := os.ReadFile("../../internal/dissect/testdata/plain_http.pcap")
	must(t, err)
	const fileHeader, packet = 24, 60_000
	b := bytes.Clone(recording[:fileHeader])
	for range 20_000_000 / packet {
		b = append(b, recording[fileHeader:fileHeader+8]...) // the time of the first one
		b = binary.LittleEndian.AppendUint32(b, packet)
		b = binary.LittleEndian.AppendUint32(b, packet)
		b = append(b, make([]byte, packet)...)
	}
	path = filepath.Join(t.TempDir(), "large.pcap")
	must(t, os.WriteFile(path, b, 0o600))
	return path, recording[fileHeader:]
}

// inspectLarge runs the verb inspect on a large file that grows, until a connection was shown. Where progress is not to be seen on
// standard error, what would show it has the time to. It returns standard output and standard error.
func inspectLarge(t *testing.T, term *terminal, args ...string) (out, told string) {
	t.Helper()
	path, more := large(t)
	cmd := exec.Command("akushu", append([]string{"inspect", path, "--follow", "--lang", "en"}, args...)...)
	cmd.Env = append(os.Environ(), "TERM=xterm", "SSLKEYLOGFILE=", "LC_ALL=C.UTF-8")
	dir := t.TempDir()
	stdout, err := os.Create(filepath.Join(dir, "stdout"))
	must(t, err)
	stderr, err := os.Create(filepath.Join(dir, "stderr"))
	must(t, err)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if term != nil {
		cmd.Stderr = term.File
	}
	must(t, cmd.Start())
	if term != nil {
		eventually(t, term.text, "100% 19/19 MB")
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.Write(more)
	must(t, err)
	must(t, f.Close())
	read := func(f *os.File) func() string {
		return func() string {
			b, err := os.ReadFile(f.Name())
			must(t, err)
			return string(b)
		}
	}
	eventually(t, read(stdout), "missing") // the path of a request
	if term == nil {
		time.Sleep(300 * time.Millisecond)
	}
	must(t, cmd.Process.Signal(os.Interrupt))
	must(t, cmd.Wait())
	return read(stdout)(), read(stderr)()
}

// TestProgress looks at the bar that a large file has on a terminal: it is as wide as that, and nothing is left of it.
func TestProgress(t *testing.T) {
	for _, columns := range []uint16{30, 80} {
		term := newTerminal(t, columns)
		out, _ := inspectLarge(t, term)
		eventually(t, func() string { return strings.TrimRight(term.text(), "\x00") + "$" }, "\r\x1b[K$")
		for _, bar := range strings.FieldsFunc(term.text(), func(r rune) bool { return r == '\r' }) {
			if bar != "\x1b[K" && (len(bar) >= int(columns) || !strings.HasSuffix(bar, " MB")) {
				t.Errorf("%d columns: got %q", columns, bar)
			}
		}
		if strings.ContainsAny(out, "\r\x1b") {
			t.Errorf("got parts of the bar in %q", out)
		}
	}
}

// TestNoProgress requires none where nobody sees it.
func TestNoProgress(t *testing.T) {
	for _, args := range [][]string{nil, {"--json"}} {
		out, told := inspectLarge(t, nil, args...)
		if told != "" || strings.ContainsAny(out, "\r\x1b") {
			t.Errorf("%v: got %q on standard error", args, told)
		}
		if wanted := `{"v":1`; len(args) > 0 && !strings.HasPrefix(out, wanted) {
			t.Errorf("got %.40q, want %s", out, wanted)
		}
	}
}

// TestOneTerminal has output and talk on one terminal: the bar is taken away before something is written, and colours are
// those of a terminal.
func TestOneTerminal(t *testing.T) {
	term := newTerminal(t, 80)
	path, more := large(t)
	cmd := exec.Command("akushu", "inspect", path, "--follow", "--lang", "en")
	cmd.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=", "SSLKEYLOGFILE=", "LC_ALL=C.UTF-8")
	cmd.Stdout, cmd.Stderr = term.File, term.File
	must(t, cmd.Start())
	eventually(t, term.text, "100% 19/19 MB")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.Write(more)
	must(t, err)
	must(t, f.Close())
	eventually(t, term.text, "missing")
	must(t, cmd.Process.Signal(os.Interrupt))
	must(t, cmd.Wait())
	before, _, found := strings.Cut(term.text(), "127.0.0.1")
	line := before[strings.LastIndex(before, "\n")+1:]
	if !found || strings.Contains(line, "MB") && !strings.Contains(line, "\r\x1b[K") {
		t.Errorf("got %q before what is shown", line)
	}
	if !strings.Contains(term.text(), "\x1b[36m") {
		t.Error("nothing is coloured")
	}
}
