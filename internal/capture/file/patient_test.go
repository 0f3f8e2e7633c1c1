//go:build unix

package file_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/akushu/akushu/internal/capture/file"
)

// TestInterrupted waits for a pipe that nobody writes to, to be opened and to be read, until the context is done. What came
// before is there.
func TestInterrupted(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := file.Open(ctx, pipe, nil, file.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("opened: got %v, want %v", err, context.Canceled)
	}
	for _, follow := range []bool{false, true} {
		want := map[bool]error{false: context.Canceled, true: io.EOF}[follow]
		r, w, err := os.Pipe()
		must(t, err)
		_, err = w.Write(recording(t, 3))
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		f, err := file.Open(ctx, file.Stdin, r, file.Options{Follow: follow})
		must(t, err)
		for range 5 { // the section, the interface and the packets
			_, err := f.Next()
			must(t, err)
		}
		cancel()
		if n, err := count(f); n != 0 || !errors.Is(err, want) {
			t.Errorf("follow %t: got %d packets and %v, want none and %v", follow, n, err, want)
		}
		must(t, f.Close())
		must(t, errors.Join(w.Close(), r.Close()))
	}
}

// TestReadPatiently reads whatever comes in whatever pieces.
func TestReadPatiently(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789"), 50_000)
	got, err := io.ReadAll(file.ReadPatiently(t.Context(), bytes.NewReader(want)))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes and %v, want %d", len(got), err, len(want))
	}
}
