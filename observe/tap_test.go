package observe_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/observe"
	"github.com/google/go-cmp/cmp"
)

// pair is two ends of a TCP connection over loopback.
func pair(t testing.TB) (client, server net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err = net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// log collects events of a tap by connection.
type log struct {
	mu       sync.Mutex
	events   map[int][]observe.Event
	sessions map[int]*observe.Session
}

func newLog() *log {
	return &log{events: map[int][]observe.Event{}, sessions: map[int]*observe.Session{}}
}

func (l *log) options() observe.TapOptions {
	return observe.TapOptions{
		Sink: func(e observe.Event) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.events[e.Stream] = append(l.events[e.Stream], e.Clone())
		},
		Done: func(s *observe.Session) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.sessions[s.Stream] = s
		},
	}
}

// A client and a server of crypto/tls, watched at both ends by one tap with one key log, say
// the same, with nothing but the bytes and the key log.
func TestTapBothEnds(t *testing.T) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) {
			l := newLog()
			tap := observe.NewTap(l.options())
			clientConfig, serverConfig := configs(t, v, "ECDSA")
			clientConfig.KeyLogWriter, serverConfig.KeyLogWriter = tap.KeyLog(), tap.KeyLog()
			c, s := pair(t)
			questionAndAnswer(
				t, tls.Client(tap.Conn(c, observe.Client, time.Millisecond), clientConfig), tls.Server(tap.Conn(s, observe.Server, 0), serverConfig),
			)
			client, server := l.sessions[0], l.sessions[1]
			if client == nil || server == nil {
				t.Fatal("got no session of both ends")
			}
			for _, s := range []*observe.Session{client, server} {
				checkData(t, s)
				if len(s.Findings) > 0 || s.End != observe.EndFIN || !s.Complete || s.DecryptError != "" {
					t.Errorf("got end %s, findings %v, %+v", s.End, s.Findings, s.Outcome)
				}
				if s.Client != c.LocalAddr().String() || s.Server != c.RemoteAddr().String() || s.RoundTrips.TCP != 1 {
					t.Errorf("got %s to %s, %+v", s.Client, s.Server, s.RoundTrips)
				}
			}
			// The server does not wait for the client's close_notify.
			if got, want := sorted(messageList(server)), sorted(strings.TrimSuffix(messageList(client), " c:Alert*")); got != want {
				t.Errorf("messages:\nserver %s\nclient %s", got, want)
			}
			if diff := cmp.Diff(client.Parameters, server.Parameters); diff != "" {
				t.Errorf("parameters of client and server (-client +server):\n%s", diff)
			}
			if opened := l.events[0][0].Body.(*observe.FlowOpened); opened.Connect != time.Millisecond || !opened.Tap {
				t.Errorf("got %+v, want a tap that connected in 1ms", opened)
			}
		})
	}
}

// Many connections at once share a tap and its key log.
func TestTapManyConnections(t *testing.T) {
	const connections = 20
	l := newLog()
	tap := observe.NewTap(l.options())
	clientConfig, serverConfig := configs(t, tls.VersionTLS13, "ECDSA")
	serverConfig.KeyLogWriter = tap.KeyLog() // the servers' taps alone
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	watched := tap.Listener(ln)
	var running sync.WaitGroup
	running.Go(func() {
		for range connections {
			conn, err := watched.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			running.Go(func() {
				c := tls.Server(conn, serverConfig)
				io.Copy(c, io.LimitReader(c, int64(len(question))))
				c.Close()
			})
		}
	})
	for range connections {
		running.Go(func() {
			c, err := tls.Dial("tcp", ln.Addr().String(), clientConfig)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			io.WriteString(c, question)
			if echo, _ := io.ReadAll(c); string(echo) != question {
				t.Errorf("got %q echoed", echo)
			}
		})
	}
	running.Wait()
	if len(l.sessions) != connections {
		t.Fatalf("got %d sessions, want %d", len(l.sessions), connections)
	}
	for stream, s := range l.sessions {
		if s.ApplicationData.Server.Line != "GET / HTTP/1.0" || !s.Complete || s.DecryptError != "" {
			t.Errorf("stream %d: got %+v %+v", stream, s.Outcome, s.ApplicationData)
		}
	}
}

// A tapped connection behaves as the one that it wraps.
func TestTappedConnBehaves(t *testing.T) {
	tap := observe.NewTap(observe.TapOptions{})
	bare, far := pair(t)
	c := tap.Conn(bare, observe.Client, 0)
	if c.LocalAddr() != bare.LocalAddr() || c.RemoteAddr() != bare.RemoteAddr() {
		t.Errorf("got other addresses")
	}

	c.SetReadDeadline(time.Now().Add(-time.Second))
	_, err := c.Read(make([]byte, 1))
	_, want := bare.Read(make([]byte, 1))
	if !errors.Is(err, os.ErrDeadlineExceeded) || err.Error() != want.Error() {
		t.Errorf("deadline: got %v, want %v", err, want)
	}
	c.SetReadDeadline(time.Time{})

	io.WriteString(far, "abc")
	if n, err := io.ReadFull(c, make([]byte, 3)); n != 3 || err != nil {
		t.Errorf("got %d, %v after the deadline was lifted", n, err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Error(err)
	}
	if b, err := io.ReadAll(far); len(b) > 0 || err != nil {
		t.Errorf("after CloseWrite the other end got %q, %v", b, err)
	}
	io.WriteString(far, "def")
	if n, err := io.ReadFull(c, make([]byte, 3)); n != 3 || err != nil {
		t.Errorf("got %d, %v after CloseWrite", n, err)
	}
	if _, err := c.Write([]byte("x")); err == nil {
		t.Error("got no error for a Write after CloseWrite")
	}

	blocked := make(chan error)
	go func() {
		_, err := c.Read(make([]byte, 1))
		blocked <- err
	}()
	time.Sleep(10 * time.Millisecond)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-blocked; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v from a Read that Close unblocked, want %v", err, net.ErrClosed)
	}
	if err := c.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v from a second Close, want %v", err, net.ErrClosed)
	}
	if got := c.Session().End; got != observe.EndFIN {
		t.Errorf("got end %q, want %q", got, observe.EndFIN)
	}

	p, _ := net.Pipe()
	if err := tap.Conn(p, observe.Client, 0).CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v for a pipe, want %v", err, errors.ErrUnsupported)
	}
}

// Who reads into borrowed buffers does so through a tap as well, and what it reads is seen.
func TestTapReadsBorrowed(t *testing.T) {
	defer borrow.Poison(nil)()
	client, server := configs(t, tls.VersionTLS12, "ECDSA")
	c := record(t, scene{client: client, server: server})
	tap := observe.NewTap(observe.TapOptions{})
	near, far := pair(t)
	conn := tap.Conn(near, observe.Client, 0)
	if got := borrow.From(conn); got != borrow.Source(conn) {
		t.Errorf("got %T, want the tapped connection itself", got)
	}
	var sent []byte
	for _, k := range c.chunks {
		if k.dir == observe.ServerToClient {
			sent = append(sent, k.data...)
			far.Write(k.data)
		}
	}
	far.Close()
	var buf []byte
	var err error
	for err == nil {
		buf, err = conn.ReadBorrowed(buf, len(sent))
	}
	if err != io.EOF || !bytes.Equal(buf, sent) {
		t.Errorf("got %d bytes, %v, want %d, %v", len(buf), err, len(sent), io.EOF)
	}
	borrow.Put(buf)
	conn.Close()
	if s := conn.Session(); len(s.Messages) == 0 || s.Messages[0].Type != "ServerHello" {
		t.Errorf("got messages %v", s.Messages)
	}
}

// A connection that the other end resets.
func TestTapReset(t *testing.T) {
	tap := observe.NewTap(observe.TapOptions{})
	near, far := pair(t)
	c := tap.Conn(near, observe.Client, 0)
	far.(*net.TCPConn).SetLinger(0)
	far.Close()
	c.Read(make([]byte, 1))
	c.Close()
	if got := c.Session().End; got != observe.EndRST {
		t.Errorf("got end %q, want %q", got, observe.EndRST)
	}
}

// Read, Write, Close and the key log are used at the same time, and no goroutine is left.
func TestTapConcurrently(t *testing.T) {
	before := runtime.NumGoroutine()
	l := newLog()
	var file bytes.Buffer
	rec, err := observe.NewRecording(&file)
	if err != nil {
		t.Fatal(err)
	}
	o := l.options()
	o.Recording = rec
	tap := observe.NewTap(o)
	clientConfig, serverConfig := configs(t, tls.VersionTLS13, "ECDSA")
	clientConfig.KeyLogWriter = tap.KeyLog()
	for range 10 {
		c, s := pair(t)
		client, server := tls.Client(tap.Conn(c, observe.Client, 0), clientConfig), tls.Server(tap.Conn(s, observe.Server, 0), serverConfig)
		var running sync.WaitGroup
		for _, conn := range []*tls.Conn{client, server} {
			running.Go(func() { io.Copy(io.Discard, conn) })
			running.Go(func() {
				for i := range 50 {
					fmt.Fprintf(conn, "line %d\n", i)
				}
			})
			running.Go(func() {
				time.Sleep(5 * time.Millisecond)
				conn.NetConn().(*observe.TappedConn).Session()
				conn.Close()
			})
		}
		running.Wait()
	}
	if err := rec.Close(); err != nil {
		t.Errorf("recording: %v", err)
	}
	if len(l.sessions) != 20 {
		t.Errorf("got %d sessions, want 20", len(l.sessions))
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("got %d goroutines, %d before", runtime.NumGoroutine(), before)
}

// What taps saw is a capture that opens itself.
func TestRecording(t *testing.T) {
	var file bytes.Buffer
	rec, err := observe.NewRecording(&file)
	if err != nil {
		t.Fatal(err)
	}
	l := newLog()
	o := l.options()
	o.Recording = rec
	tap := observe.NewTap(o)
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		clientConfig, serverConfig := configs(t, v, "ECDSA")
		clientConfig.KeyLogWriter = tap.KeyLog()
		c, s := pair(t)
		questionAndAnswer(t, tls.Client(tap.Conn(c, observe.Client, 0), clientConfig), tls.Server(s, serverConfig))
	}
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/tap.pcapng"
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out := peer.Output(t, "tshark", "-r", path, "-T", "fields", "-e", "tls.handshake.type", "-e", "http.response.code")
	var types []string
	for _, s := range []int{0, 1} {
		for _, m := range l.sessions[s].Messages {
			types = append(types, m.Type)
		}
	}
	for _, want := range []string{"20", "200"} { // a decrypted Finished, and what was said
		if n := strings.Count("\t"+strings.NewReplacer("\n", "\t", ",", "\t").Replace(string(out))+"\t", "\t"+want+"\t"); n < 2 {
			t.Errorf("tshark shows %q %d times, want both connections decrypted; the taps saw %v\n%s", want, n, types, out)
		}
	}
}

// Connections that are not of the internet are recorded too, under made-up addresses, and a
// destination that fails is told by Close.
func TestRecordingOfAPipe(t *testing.T) {
	for _, fails := range []bool{false, true} {
		var file bytes.Buffer
		var dst io.Writer = &file
		if fails {
			dst = failing{}
		}
		rec, err := observe.NewRecording(dst)
		if err != nil {
			t.Fatal(err)
		}
		tap := observe.NewTap(observe.TapOptions{Recording: rec})
		clientConfig, serverConfig := configs(t, tls.VersionTLS13, "ECDSA")
		clientConfig.KeyLogWriter = tap.KeyLog()
		c, s := net.Pipe()
		questionAndAnswer(t, tls.Client(tap.Conn(c, observe.Client, 0), clientConfig), tls.Server(s, serverConfig))
		if err := rec.Close(); (err != nil) != fails {
			t.Errorf("got %v, want an error: %v", err, fails)
		}
		if err := rec.Close(); (err != nil) != fails {
			t.Errorf("got %v from a second Close, want an error: %v", err, fails)
		}
		if !fails && file.Len() < 3000 {
			t.Errorf("got a file of %d bytes", file.Len())
		}
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no room") }
