package keylog_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/akushu/akushu/keylog"
)

// calls records each Write apart, and keeps what it was given to see what becomes of it.
type calls struct {
	texts []string
	last  []byte
}

func (c *calls) Write(p []byte) (int, error) {
	c.texts = append(c.texts, string(p))
	c.last = p
	return len(p), nil
}

func TestWriter(t *testing.T) {
	var dst calls
	w := keylog.NewWriter(&dst)
	var group sync.WaitGroup
	for i := range byte(8) {
		group.Go(func() {
			for j := range byte(50) {
				if err := w.WriteLine(line("A", i, j)); err != nil {
					t.Error(err)
				}
			}
			fmt.Fprintf(w, "%s\n", line("B", i, 0).AppendTo(nil)) // as crypto/tls does
		})
	}
	group.Wait()
	if len(dst.texts) != 8*51 {
		t.Errorf("got %d writes, want %d", len(dst.texts), 8*51)
	}
	for _, text := range dst.texts {
		if _, err := keylog.Parse([]byte(strings.TrimSuffix(text, "\n"))); err != nil || strings.Count(text, "\n") != 1 {
			t.Fatalf("got a write of %q, want one whole line", text)
		}
	}
}

func TestWriterLeavesNoSecret(t *testing.T) {
	var dst calls
	if err := keylog.NewWriter(&dst).WriteLine(example()); err != nil {
		t.Fatal(err)
	}
	if dst.texts[0] != exampleLine+"\n" {
		t.Errorf("got %q, want %q", dst.texts[0], exampleLine+"\n")
	}
	if len(bytes.Trim(dst.last, "\x00")) != 0 {
		t.Errorf("got %q in the buffer after the write, want zeros", dst.last)
	}
}

func TestWriterRefuses(t *testing.T) {
	rows := []struct {
		name string
		line keylog.Line
		want keylog.Fault
	}{
		{"two lines in one", line("A\nB", 0, 0), keylog.FaultLabel},
		{"a label with a space", line("A B", 0, 0), keylog.FaultLabel},
		{"no label", line("", 0, 0), keylog.FaultLabel},
		{"a comment", line("#", 0, 0), keylog.FaultLabel},
		{"no secret", keylog.Line{Label: "A"}, keylog.FaultSecret},
		{"a main secret of 32 bytes", line("CLIENT_RANDOM", 0, 0), keylog.FaultLength},
		{"too long", keylog.Line{Label: "A", Secret: secret(keylog.MaxLine, 0)}, keylog.FaultTooLong},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var dst calls
			err := keylog.NewWriter(&dst).WriteLine(row.line)
			if faultOf(err) != row.want || dst.texts != nil {
				t.Errorf("got %v and %q written, want fault %q and nothing", err, dst.texts, row.want)
			}
		})
	}
}

type failing struct {
	n   int
	err error
}

func (f failing) Write([]byte) (int, error) { return f.n, f.err }

func TestWriterPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	if err := keylog.NewWriter(failing{err: broken}).WriteLine(example()); err != broken {
		t.Errorf("got %v, want %v", err, broken)
	}
	if err := keylog.NewWriter(failing{n: 3}).WriteLine(example()); err != io.ErrShortWrite {
		t.Errorf("got %v, want %v", err, io.ErrShortWrite)
	}
}

func TestOpenFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions are other on Windows")
	}
	path := filepath.Join(t.TempDir(), "keys.log")
	for range 2 {
		f, err := keylog.OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := keylog.NewWriter(f).WriteLine(example()); err != nil {
			t.Fatal(err)
		}
		if readable, err := keylog.ReadableByOthers(f); readable || err != nil {
			t.Errorf("got readable %t, %v, want false", readable, err)
		}
		f.Close()
	}
	if got, _ := os.ReadFile(path); string(got) != exampleLine+"\n"+exampleLine+"\n" {
		t.Errorf("got %q in the file, want the line twice", got)
	}
	if info, _ := os.Stat(path); info.Mode() != 0o600 {
		t.Errorf("got mode %v, want 0600", info.Mode())
	}
}

func TestOpenFilePermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions are other on Windows")
	}
	rows := []struct {
		mode              os.FileMode
		refused, readable bool
	}{
		{0o600, false, false},
		{0o644, false, true},
		{0o640, false, true},
		{0o660, true, false},
		{0o602, true, false},
		{0o666, true, false},
	}
	for _, row := range rows {
		t.Run(row.mode.String(), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keys.log")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, row.mode); err != nil {
				t.Fatal(err)
			}
			f, err := keylog.OpenFile(path)
			if _, refused := errors.AsType[*keylog.PermissionError](err); refused != row.refused {
				t.Fatalf("got %v, want refused %t", err, row.refused)
			}
			if row.refused {
				return
			}
			defer f.Close()
			if readable, err := keylog.ReadableByOthers(f); readable != row.readable || err != nil {
				t.Errorf("got readable %t, %v, want %t", readable, err, row.readable)
			}
		})
	}
	f, err := keylog.OpenFile(os.DevNull) // anyone may write there, and nothing is kept
	if err != nil {
		t.Fatalf("got %v for the null file, want none", err)
	}
	f.Close()
}
