package borrow

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

// pipes are the ways to connect two ends, by the sort of Source that reads them.
var pipes = []struct {
	name string
	dial func(t testing.TB) (near, far net.Conn)
}{
	{"tcp", func(t testing.TB) (near, far net.Conn) { return dial(t, "tcp", "127.0.0.1:0") }},
	{"unix", func(t testing.TB) (near, far net.Conn) {
		return dial(t, "unix", filepath.Join(t.TempDir(), "s"))
	}},
	{"wrapped", func(t testing.TB) (near, far net.Conn) {
		near, far = dial(t, "tcp", "127.0.0.1:0")
		return wrapped{near.(*net.TCPConn)}, far
	}},
}

// wrapped is how programs wrap connections: all methods of the embedded one are there, SyscallConn too.
type wrapped struct{ *net.TCPConn }

func dial(t testing.TB, network, address string) (near, far net.Conn) {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	far, err = net.Dial(network, ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

func TestFromChoosesHowToWait(t *testing.T) {
	tcp, _ := dial(t, "tcp", "127.0.0.1:0")
	if _, lazy := From(tcp).(*reader); lazy != (runtime.GOOS == "windows") {
		t.Errorf("a TCP connection: got %T", From(tcp))
	}
	if s, ok := From(wrapped{tcp.(*net.TCPConn)}).(*reader); !ok {
		t.Errorf("a wrapped connection: got %T, want its own Read to be used", s)
	}
	s := From(tcp)
	if got := From(forward{s}); got != (forward{s}) {
		t.Errorf("a Source: got %T, want itself", got)
	}
}

// forward is a tap: it has the method, and is read by it.
type forward struct{ Source }

func (forward) Read([]byte) (int, error) { panic("read past ReadBorrowed") }

func TestReadBehindTheContent(t *testing.T) {
	defer Poison(nil)()
	for _, pipe := range pipes {
		t.Run(pipe.name, func(t *testing.T) {
			near, far := pipe.dial(t)
			s := From(near)
			var buf []byte
			var want []byte
			for i, n := range []int{1, 300, 300, 5000, 40000} { // each needs a larger buffer than the one before
				sent := bytes.Repeat([]byte{byte(i + 1)}, n)
				want = append(want, sent...)
				go far.Write(sent)
				for len(buf) < len(want) {
					var err error
					if buf, err = s.ReadBorrowed(buf, len(want)); err != nil {
						t.Fatal(err)
					}
				}
				if !bytes.Equal(buf, want) {
					t.Fatalf("after %d bytes: got other bytes", len(want))
				}
			}
			if n, _ := Outstanding(); n != 1 {
				t.Errorf("got %d buffers outstanding, want 1", n)
			}
			Put(buf)
		})
	}
}

// What lay there before the call must be found without waiting for more.
func TestReadOfDataThatIsAlreadyThere(t *testing.T) {
	for _, pipe := range pipes {
		near, far := pipe.dial(t)
		s := From(near)
		far.Write([]byte("first and second"))
		time.Sleep(20 * time.Millisecond)
		for _, want := range []string{"first and second", "third"} {
			buf, err := s.ReadBorrowed(nil, 0)
			if err != nil || string(buf) != want {
				t.Errorf("%s: got %q, %v, want %q", pipe.name, buf, err, want)
			}
			Put(buf)
			far.Write([]byte("third"))
		}
	}
}

// Errors are what Read of the same connection returns, and the content outlives them.
func TestErrorsAreThoseOfRead(t *testing.T) {
	defer Poison(nil)()
	for _, test := range []struct {
		name   string
		cause  func(near, far net.Conn)
		satisf func(error) bool
	}{
		{"end", func(near, far net.Conn) { far.Close() }, func(err error) bool { return err == io.EOF }},
		{"deadline passed", func(near, far net.Conn) { near.SetReadDeadline(time.Unix(1, 0)) }, isTimeout},
		{"deadline", func(near, far net.Conn) { near.SetReadDeadline(time.Now().Add(20 * time.Millisecond)) }, isTimeout},
		{"closed", func(near, far net.Conn) { near.Close() }, func(err error) bool { return errors.Is(err, net.ErrClosed) }},
		{"closed while reading", func(near, far net.Conn) {
			time.AfterFunc(20*time.Millisecond, func() { near.Close() })
		}, func(err error) bool { return errors.Is(err, net.ErrClosed) }},
	} {
		for _, pipe := range pipes {
			for _, content := range []string{"", "partial"} {
				near, far := pipe.dial(t)
				s := From(near)
				var buf []byte
				if content != "" {
					buf = append(Get(Bulk), content...)
				}
				test.cause(near, far)
				buf, err := s.ReadBorrowed(buf, Bulk)
				_, want := near.Read(make([]byte, 1))
				if !test.satisf(err) || err.Error() != want.Error() {
					t.Errorf("%s, %s: got error %q, want %q", pipe.name, test.name, err, want)
				}
				if string(buf) != content || content == "" && buf != nil {
					t.Errorf("%s, %s: got content %q, want %q", pipe.name, test.name, buf, content)
				}
				Put(buf)
			}
		}
	}
	if n, _ := Outstanding(); n != 0 {
		t.Errorf("got %d buffers outstanding, want 0", n)
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) && errors.As(err, &e) && e.Timeout()
}

// A reset is told by the system, not by the poller.
func TestResetIsAnErrorOfRead(t *testing.T) {
	near, far := dial(t, "tcp", "127.0.0.1:0")
	far.(*net.TCPConn).SetLinger(0)
	far.Close()
	_, err := From(near).ReadBorrowed(nil, Bulk)
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "read" || op.Net != "tcp" || op.Addr != near.RemoteAddr() || op.Source != near.LocalAddr() {
		t.Errorf("got %#v, want the read error of the connection", err)
	}
}

func TestReadGoesOnAfterADeadline(t *testing.T) {
	for _, pipe := range pipes {
		near, far := pipe.dial(t)
		s := From(near)
		near.SetReadDeadline(time.Unix(1, 0))
		buf, err := s.ReadBorrowed(append(Get(1), 'a'), Bulk)
		if !isTimeout(err) {
			t.Errorf("%s: got %v, want a timeout", pipe.name, err)
		}
		near.SetReadDeadline(time.Time{})
		far.Write([]byte("b"))
		if buf, err = s.ReadBorrowed(buf, Bulk); err != nil || string(buf) != "ab" {
			t.Errorf("%s: got %q, %v, want \"ab\"", pipe.name, buf, err)
		}
		Put(buf)
	}
}

func TestReadOfAnyReader(t *testing.T) {
	defer Poison(nil)()
	text := strings.Repeat("record ", 1000)
	broken := errors.New("broken")
	for _, test := range []struct {
		name string
		r    io.Reader
		want error
	}{
		{"whole", strings.NewReader(text), io.EOF},
		{"single bytes", iotest.OneByteReader(strings.NewReader(text)), io.EOF},
		{"end together with bytes", iotest.DataErrReader(strings.NewReader(text)), io.EOF},
		{"failure together with bytes", &failing{text, broken}, broken},
		{"failure", io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), broken},
		{"no progress", io.MultiReader(strings.NewReader(text), idle{}), io.ErrNoProgress},
	} {
		s := From(test.r)
		var buf []byte
		var err error
		for err == nil {
			buf, err = s.ReadBorrowed(buf, Bulk)
		}
		if string(buf) != text || err != test.want {
			t.Errorf("%s: got %d bytes, %v, want %d, %v", test.name, len(buf), err, len(text), test.want)
		}
		Put(buf)
	}
	if n, _ := Outstanding(); n != 0 {
		t.Errorf("got %d buffers outstanding, want 0", n)
	}
}

// failing is a Reader that gives its last bytes with an error, once.
type failing struct {
	rest string
	err  error
}

func (f *failing) Read(p []byte) (int, error) {
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	if f.rest != "" {
		return n, nil
	}
	err := f.err
	f.err = io.EOF
	return n, err
}

// idle is a Reader that does nothing.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// Who waits with nothing holds nothing; who waits within a record holds what the part needs.
func TestWaitingReadersHoldNoBuffer(t *testing.T) {
	const readers = 200
	for _, test := range []struct {
		pipe    int
		content string
		most    int // bytes of heap a reader
	}{
		{0, "", 100},
		{0, "part", 100 + Small},
		{2, "", 100 + Small},
	} {
		pipe := pipes[test.pipe]
		var sources []Source
		var conns []net.Conn
		for range readers {
			near, _ := pipe.dial(t)
			sources, conns = append(sources, From(near)), append(conns, near)
		}
		stop := Poison(nil)
		ended := make(chan error, readers)
		for _, s := range sources {
			go func() {
				var buf []byte
				if test.content != "" {
					buf = append(Get(Bulk), test.content...)
				}
				buf, err := s.ReadBorrowed(buf, Bulk)
				Put(buf)
				ended <- err
			}()
		}
		if held := settled(readers * test.most); held > readers*test.most {
			t.Errorf("%s with %q: got %d bytes held by %d readers, want at most %d", pipe.name, test.content, held, readers, readers*test.most)
		}
		for _, c := range conns {
			c.Close()
			if err := <-ended; !errors.Is(err, net.ErrClosed) {
				t.Errorf("got %v, want %v", err, net.ErrClosed)
			}
		}
		stop()
	}
}

// settled waits until readers that were just started hold no more than most bytes, and returns what they hold.
func settled(most int) (held int) {
	for range 100 {
		time.Sleep(50 * time.Millisecond) // let those begin that have not
		if _, held = Outstanding(); held <= most {
			break
		}
	}
	return held
}

// What waiting costs beyond a goroutine in the connection's own Read, measured.
func TestHeapOfWaitingReaders(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("readers hold a small buffer here")
	}
	const most = 200 // bytes a reader
	one := make([]byte, 1)
	heapOfReaders(t, func(c net.Conn) { c.Read(one) }) // the runtime keeps goroutines, and uses them again
	bare := heapOfReaders(t, func(c net.Conn) { c.Read(one) })
	lazy := heapOfReaders(t, func(c net.Conn) { From(c).ReadBorrowed(nil, Bulk) })
	t.Logf("%d bytes of heap a reader, %d with a Source", bare, lazy)
	if lazy > bare+most {
		t.Errorf("got %d bytes of heap a waiting reader, want at most %d beyond %d", lazy, most, bare)
	}
}

// heapOfReaders returns the bytes of heap that one of many goroutines costs that wait in read.
func heapOfReaders(t *testing.T, read func(net.Conn)) int {
	const readers = 300
	conns := make([]net.Conn, readers)
	for i := range conns {
		conns[i], _ = dial(t, "tcp", "127.0.0.1:0")
	}
	before := heap()
	var running sync.WaitGroup
	for _, c := range conns {
		running.Go(func() { read(c) })
	}
	time.Sleep(200 * time.Millisecond)
	each := (int(heap()) - int(before)) / readers
	for _, c := range conns {
		c.Close()
	}
	running.Wait()
	return each
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // the first empties pools into their victims, the second empties those
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A record of 16 KiB with its header and tag, arriving whole.
func BenchmarkReadRecord(b *testing.B) {
	near, far := dial(b, "tcp", "127.0.0.1:0")
	s := From(near)
	record := make([]byte, 5+1<<14+17)
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := far.Write(record); err != nil {
			b.Fatal(err)
		}
		var buf []byte
		for len(buf) < len(record) {
			var err error
			if buf, err = s.ReadBorrowed(buf, Record); err != nil {
				b.Fatal(err)
			}
		}
		Put(buf)
	}
}
