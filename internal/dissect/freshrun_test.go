package dissect_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"
)

// A dialog is what is said to a client program, and when it was answered: by something that it prints, or by a file that
// it writes; if by neither, it ends by itself.
type dialog struct {
	says  string
	until *regexp.Regexp
	file  string
}

// question is what the client says in a connection, and answers what servers say to that: OpenSSL's turns it round. Its
// client may print that in the middle of a line on something else.
const question = "hello\n"

var (
	answers = regexp.MustCompile(`(?m)(olleh|hello)\r?$`)
	asked   = dialog{says: question, until: answers}
)

// get asks a server of HTTP, which then hangs up.
var get = dialog{says: "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"}

// command is a program that does not outlive the test.
func (f *fresh) command(ctx context.Context, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = f.dir
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// output is what a program prints.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start starts a server program, and returns once it is ready, or false if it ended before.
func (f *fresh) start(ready func(said *output) bool, args ...string) bool {
	ctx, cancel := context.WithCancel(context.Background())
	cmd, said := f.command(ctx, args), new(output)
	cmd.Stdout, cmd.Stderr = said, said
	in, err := cmd.StdinPipe() // which stays open
	check(f.t, err)
	check(f.t, cmd.Start())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	f.t.Cleanup(func() {
		cancel()
		in.Close()
		<-ended
	})
	for until := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		select {
		case <-ended:
			f.t.Logf("%v:\n%s", args, said)
			return false
		default:
		}
		if ready(said) {
			return true
		}
		if time.Now().After(until) {
			f.t.Fatalf("%v does not listen:\n%s", args, said)
		}
	}
}

// listen starts a server program that listens on sockets of the file system, so that no port is taken by somebody else.
func (f *fresh) listen(path string, args ...string) {
	ready := func(*output) bool {
		c, err := net.Dial("unix", path)
		if err == nil {
			c.Close()
		}
		return err == nil
	}
	if !f.start(ready, args...) {
		f.t.Fatalf("%v does not run", args)
	}
}

// announced starts a server program that says on which address it listens.
func (f *fresh) announced(says *regexp.Regexp, args ...string) (address string) {
	ready := func(said *output) bool {
		m := says.FindStringSubmatch(said.String())
		if m != nil {
			address = m[1]
		}
		return m != nil
	}
	if !f.start(ready, args...) {
		f.t.Fatalf("%v does not run", args)
	}
	return address
}

// listenOn starts a server program on a port, on which it says that it listens; on another one if somebody else was quicker.
func (f *fresh) listenOn(says *regexp.Regexp, args func(port string) []string) (address string) {
	for range 10 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		check(f.t, err)
		_, port, err := net.SplitHostPort(ln.Addr().String())
		check(f.t, err)
		ln.Close()
		if f.start(func(said *output) bool { return says.MatchString(said.String()) }, args(port)...) {
			return "127.0.0.1:" + port
		}
	}
	f.t.Fatal("got no port")
	return ""
}

// run runs a client program until it was answered or has ended.
func (f *fresh) run(d dialog, args ...string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := f.command(ctx, args)
	keys := f.file(fmt.Sprintf("keys%d", f.runs.Add(1)))
	defer os.Remove(keys)
	cmd.Env = append(os.Environ(), "SSLKEYLOGFILE="+keys)
	if args[0] == "openssl" && args[1] == "s_client" {
		cmd.Args = append(cmd.Args, "-keylogfile", keys)
	}
	in, err := cmd.StdinPipe()
	check(f.t, err)
	out, err := cmd.StdoutPipe()
	check(f.t, err)
	cmd.Stderr = cmd.Stdout
	check(f.t, cmd.Start())
	_, _ = io.WriteString(in, d.says)
	f.answered(d, out)
	in.Close()
	_, _ = io.Copy(io.Discard, out)
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		f.t.Error(args, err)
	}
	if ctx.Err() != nil {
		f.t.Errorf("%v: it does not end", args)
	}
	if log, err := os.ReadFile(keys); err == nil {
		_, _ = f.Write(log)
	}
}

// answered waits until a program was answered, or says nothing more.
func (f *fresh) answered(d dialog, out io.Reader) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if d.until != nil && d.until.MatchString(lines.Text()) {
				return
			}
		}
	}()
	for d.file != "" {
		if _, err := os.Stat(f.file(d.file)); err == nil {
			return
		}
		select {
		case <-done:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	<-done
}
