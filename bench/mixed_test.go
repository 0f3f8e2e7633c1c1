package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/file"
	"github.com/akushu/akushu/internal/capture/rewrite"
)

// load reads the packets of a capture.
func load(t testing.TB, name string) []capture.Packet {
	t.Helper()
	src, err := file.Open(context.Background(), name, nil, file.Options{})
	check(t, err)
	defer src.Close()
	return rewrite.Load(src.Next)
}

// mixed is what people capture, all at once: the recordings of internal/dissect, some of which do not end, or begin late;
// clients that get no answer; and bulk data, some of which nobody has keys for, and some of which does not end. keys is the
// file of their key logs.
func mixed(t testing.TB, dir string) (tracks []rewrite.Track, keys string) {
	t.Helper()
	names, err := filepath.Glob("../internal/dissect/testdata/*.pcap")
	check(t, err)
	keys = filepath.Join(dir, "all.keys")
	log := create(t, keys)
	add := func(name string) {
		b, err := os.ReadFile(name)
		if !errors.Is(err, os.ErrNotExist) {
			check(t, err)
		}
		_, err = log.Write(b)
		check(t, err)
	}
	for _, name := range names {
		k := load(t, name)
		tracks = append(tracks, rewrite.Track{Packets: k, Weight: 60}, rewrite.Track{Packets: rewrite.Unended(k), Weight: 20},
			rewrite.Track{Packets: k[8:], Weight: 5}, rewrite.Track{Packets: k[:1], Weight: 15})
		add(name[:len(name)-len("pcap")] + "keys")
	}
	for i, opens := range []bool{true, true, false} {
		r := record(t, filepath.Join(dir, string(rune('a'+i))), 1, 1, 1<<20)
		k := load(t, r.packets)
		tracks = append(tracks, rewrite.Track{Packets: k, Weight: 5}, rewrite.Track{Packets: rewrite.Unended(k), Weight: 5})
		if opens {
			add(r.keys)
		}
	}
	check(t, log.Close())
	return tracks, keys
}

// A capture of any size is read in bounded memory: a mixture of all that there is through a pipe, as a table and as NDJSON.
//
//	AKUSHU_LARGE=1 go test -run InspectIsBounded -v ./bench
//
// has it be more than a gigabyte.
func TestInspectIsBounded(t *testing.T) {
	const most = 200 << 20
	size := int64(64 << 20)
	if os.Getenv("AKUSHU_LARGE") != "" {
		size = 1100 << 20
	}
	dir := t.TempDir()
	tracks, keys := mixed(t, dir)
	akushu := built(t, dir)
	for _, args := range [][]string{nil, {"--json"}} {
		cmd := exec.Command(akushu, append([]string{"inspect", "-", "--keylog", keys}, args...)...)
		m := rewrite.NewMixture(tracks)
		lines := pour(t, cmd, func(w io.Writer) error { return play(m, w, size) })
		if lines < m.Started {
			t.Errorf("%q: got %d lines, want one for each of %d connections", args, lines, m.Started)
		}
		used := peak(cmd.ProcessState)
		t.Logf("%q: %d MB, %d connections, %d MB of memory, %v", args, size>>20, m.Started, used>>20, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		if used > most {
			t.Errorf("%q: got %d MB in use, want at most %d", args, used>>20, most>>20)
		}
	}
}

// play writes a capture of so many bytes or a little more.
func play(m *rewrite.Mixture, dst io.Writer, size int64) error {
	to := &counter{Writer: dst}
	w, err := capture.NewWriter(to, capture.Section{})
	if err != nil {
		return err
	}
	if _, err := w.AddInterface(capture.Interface{LinkType: capture.LinkEthernet}); err != nil {
		return err
	}
	return m.Play(w, func() bool { return to.n < size })
}

// counter counts what is written.
type counter struct {
	io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.n += int64(n)
	return n, err
}

// pour runs a command with what write writes as its input. It returns how many lines it prints.
func pour(t testing.TB, cmd *exec.Cmd, write func(io.Writer) error) (lines int) {
	t.Helper()
	in, err := cmd.StdinPipe()
	check(t, err)
	out, err := cmd.StdoutPipe()
	check(t, err)
	var talk bytes.Buffer
	cmd.Stderr = &talk
	check(t, cmd.Start())
	written := make(chan error, 1)
	go func() {
		buffered := bufio.NewWriterSize(in, 1<<16)
		written <- errors.Join(write(buffered), buffered.Flush(), in.Close())
	}()
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<24)
	for scanner.Scan() {
		lines++
	}
	check(t, errors.Join(<-written, scanner.Err()))
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &talk)
	}
	return lines
}
