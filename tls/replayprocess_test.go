package tls_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/hook"
	"github.com/akushu/akushu/tls"
)

// Replays to processes: the server is this test's program, run again.

// processEnv holds the orders of a process that is to be a server.
const processEnv = "AKUSHU_TEST_EARLY_SERVER"

// processWindow is the servers' window, in which slow machines come to the end of a test.
const processWindow = 2 * time.Minute

// orders is what a server process is told. All have the same ticket keys.
type orders struct {
	Cert, Key []byte // DER
	Max       uint32 // of early data
	Register  string // a unix socket; empty: its own, in memory
}

// serveProcess is the life of a server process. It says its address, and then a line for each
// connection, and hears by how many milliseconds its clock is ahead. It ends with standard
// input.
func serveProcess(told string) error {
	var o orders
	if err := json.Unmarshal([]byte(told), &o); err != nil {
		return err
	}
	key, err := x509.ParsePKCS8PrivateKey(o.Key)
	if err != nil {
		return err
	}
	var ahead atomic.Int64
	cfg := &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{o.Cert}, PrivateKey: key}}, MaxEarlyData: o.Max, EarlyDataWindow: processWindow,
		Time: func() time.Time { return time.Now().Add(time.Duration(ahead.Load()) * time.Millisecond) },
	}
	cfg.SetSessionTicketKeys([][32]byte{{1}})
	if o.Register != "" {
		cfg.EarlyDataRegister = remoteRegister(o.Register)
		hook.Server(cfg, func(s *handshake.ServerConfig) { s.EarlyData.AntiReplay.Timeout = time.Minute }) // machines may be slow
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var out sync.Mutex
	say := func(line string) {
		out.Lock()
		defer out.Unlock()
		fmt.Println(line)
	}
	say(ln.Addr().String())
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { say(hearProcess(cfg, c)) }()
		}
	}()
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var ms int64
		if _, err := fmt.Sscan(in.Text(), &ms); err != nil {
			return err
		}
		ahead.Store(ms)
		say("ahead")
	}
	return nil
}

// hearProcess serves one connection, of a client that goes on or of somebody who replays one.
func hearProcess(cfg *tls.Config, c net.Conn) string {
	defer c.Close()
	h := (&earlyPair{server: cfg}).hear(c)
	if h.info.EarlyData == "" { // the handshake never ended
		return "replayed: " + h.early
	}
	return h.info.EarlyData + ": " + h.info.EarlyDataWhy
}

// remoteRegister is a register that a socket leads to.
type remoteRegister string

// Claim implements [tls.EarlyDataRegister].
func (r remoteRegister) Claim(ctx context.Context, id [32]byte, expires time.Time) (bool, error) {
	c, err := new(net.Dialer).DialContext(ctx, "unix", string(r))
	if err != nil {
		return false, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if _, err := c.Write(binary.BigEndian.AppendUint64(id[:], uint64(expires.UnixMilli()))); err != nil {
		return false, err
	}
	var answer [1]byte
	_, err = io.ReadFull(c, answer[:])
	return answer[0] == 1, err
}

// serveRegister is the other end of remoteRegister: who asks first for an id is told so.
func serveRegister(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "register")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	var known sync.Map
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				var ask [40]byte
				if _, err := io.ReadFull(c, ask[:]); err != nil {
					return
				}
				answer := byte(0)
				if _, before := known.LoadOrStore([32]byte(ask[:32]), true); !before {
					answer = 1
				}
				_, _ = c.Write([]byte{answer})
			}()
		}
	}()
	return path
}

// A process is a server.
type process struct {
	addr  string
	in    io.Writer
	lines chan string
	stop  func()
}

// startProcess starts a server with the certificate of r's.
func (r *replayer) startProcess(t *testing.T, max uint32, register string) *process {
	t.Helper()
	cert := r.server.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	told, err := json.Marshal(orders{cert.Certificate[0], key, max, register})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), processEnv+"="+string(told))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{in: in, lines: make(chan string, 16)}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	p.stop = sync.OnceFunc(func() {
		in.Close()
		for range p.lines {
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(p.stop)
	p.addr = p.line(t)
	return p
}

// line is the next thing that the server says.
func (p *process) line(t *testing.T) string {
	t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			t.Fatal("the server has ended")
		}
		return line
	case <-time.After(time.Minute):
		t.Fatal("the server says nothing")
	}
	return ""
}

// clock sets the server's clock ahead.
func (p *process) clock(t *testing.T, ahead time.Duration) {
	t.Helper()
	fmt.Fprintln(p.in, ahead.Milliseconds())
	if got := p.line(t); got != "ahead" {
		t.Fatalf("got %q", got)
	}
}

// atOnce bounds how many replays are under way: a process has only so many files.
const atOnce = 200

// playTo plays the flight n times, to the processes in turn, and counts how often it was
// taken.
func (r *replayer) playTo(t *testing.T, n int, processes ...*process) (taken int) {
	t.Helper()
	var done sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i := range n {
		slots <- struct{}{}
		done.Go(func() {
			defer func() { <-slots }()
			if err := r.playOnce(processes[i%len(processes)].addr); err != nil {
				t.Error(err)
			}
		})
		if i >= atOnce/2 { // half of them wait for what they are told, while the others come
			taken += heardOf(t, processes[(i-atOnce/2)%len(processes)])
		}
	}
	for i := max(0, n-atOnce/2); i < n; i++ {
		taken += heardOf(t, processes[i%len(processes)])
	}
	done.Wait()
	return taken
}

// heardOf is 1 if a server took what was played to it.
func heardOf(t *testing.T, p *process) int {
	t.Helper()
	switch got := p.line(t); got {
	case "replayed: pay!":
		return 1
	case "replayed: ":
		return 0
	default:
		t.Errorf("got %q", got)
		return 0
	}
}

func (r *replayer) playOnce(addr string) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.Copy(c, bytes.NewReader(r.flight)); err != nil {
		return err
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, c) // until the server hangs up
	return nil
}

// visit is a client with the same ticket: it resumes, whatever becomes of its early data.
func (r *replayer) visit(t *testing.T, p *process, want, why string) {
	t.Helper()
	c, err := tls.DialEarly("tcp", p.addr, r.client)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	if err := c.Handshake(); err != nil || !c.ConnectionState().DidResume {
		t.Errorf("got %v, resumed %v", err, c.ConnectionState().DidResume)
	}
	answer := map[string]string{"accepted": "got \nhello", "rejected": "hello"}[want] // there was no early data
	saysBack(t, c, "hello", answer)
	c.Close()
	if got := p.line(t); !strings.HasPrefix(got, want+": ") || !strings.Contains(got, why) {
		t.Errorf("got %q, want %s, %q", got, want, why)
	}
}

// newProcessReplayer has a client's first flight for a server process, with a ticket of that.
func newProcessReplayer(t *testing.T, register string) (*replayer, *process) {
	t.Helper()
	cert, pool := newCert(t)
	r := &replayer{earlyPair: &earlyPair{
		client: &tls.Config{RootCAs: pool, ServerName: "localhost", ClientSessionCache: new(sticky)},
		server: &tls.Config{Certificates: []tls.Certificate{cert}},
	}}
	p := r.startProcess(t, 1000, register)
	c, err := tls.Dial("tcp", p.addr, r.client)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(time.Minute))
	saysBack(t, c, "hello", "hello") // the ticket comes before
	c.Close()
	if got := p.line(t); got != "none: " {
		t.Fatalf("got %q", got)
	}
	r.flight = r.record(t)
	return r, p
}

// TestReplayToProcess plays a first flight 1,000 times to a server, which takes it once.
func TestReplayToProcess(t *testing.T) {
	t.Parallel()
	r, p := newProcessReplayer(t, "")
	if got := r.playTo(t, 1000, p); got != 1 {
		t.Errorf("taken %d times, want 1", got)
	}
	r.visit(t, p, "accepted", "")
}

// TestReplayToNextProcess plays a flight that was taken to the process that comes next, with
// the same ticket keys, and one that was not to a process for which it is too late.
func TestReplayToNextProcess(t *testing.T) {
	t.Parallel()
	r, p := newProcessReplayer(t, "")
	if got := r.playTo(t, 2, p); got != 1 {
		t.Fatalf("taken %d times, want 1", got)
	}
	unseen := &replayer{earlyPair: r.earlyPair, flight: r.record(t)}
	p.clock(t, processWindow+time.Second)
	if got := unseen.playTo(t, 100, p); got != 0 {
		t.Errorf("after the window: taken %d times", got)
	}
	p.stop()

	next := r.startProcess(t, 1000, "")
	r.visit(t, next, "rejected", "not been up long enough")
	for _, later := range []time.Duration{0, processWindow / 2} { // it is open still
		next.clock(t, later)
		if got := r.playTo(t, 100, next); got != 0 {
			t.Errorf("%v after a restart: taken %d times", later, got)
		}
	}
	next.stop()

	without := r.startProcess(t, 0, "")
	if got := r.playTo(t, 2, without); got != 0 {
		t.Errorf("without early data: taken %d times", got)
	}
	r.visit(t, without, "rejected", "takes no early data")
}

// TestReplayToProcesses plays a first flight 1,000 times to two servers at once, which share a
// register.
func TestReplayToProcesses(t *testing.T) {
	t.Parallel()
	register := serveRegister(t)
	r, first := newProcessReplayer(t, register)
	second := r.startProcess(t, 1000, register)
	if got := r.playTo(t, 1000, first, second); got != 1 {
		t.Errorf("taken %d times, want 1", got)
	}
	r.visit(t, second, "accepted", "")
}
