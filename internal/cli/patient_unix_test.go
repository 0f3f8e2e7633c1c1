//go:build unix

package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestReadFileInterrupted waits for a pipe that nobody opens, and for one that nobody writes to, until the context is done.
func TestReadFileInterrupted(t *testing.T) {
	env, _, _ := testEnv(nil)
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	defer r.Close()
	env.In = r
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range []string{pipe, "-"} {
		if _, err := env.ReadFile(ctx, name); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want %v", name, err, context.Canceled)
		}
	}
	both, err := os.OpenFile(pipe, os.O_RDWR, 0) // who writes is there, but does not
	if err != nil {
		t.Fatal(err)
	}
	defer both.Close()
	if _, err := env.ReadFile(ctx, pipe); !errors.Is(err, context.Canceled) {
		t.Errorf("opened: got %v, want %v", err, context.Canceled)
	}
}
