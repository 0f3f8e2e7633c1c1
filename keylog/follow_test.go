package keylog_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/akushu/akushu/keylog"
	"github.com/google/go-cmp/cmp"
)

// followed is a log that is followed in a synctest bubble.
type followed struct {
	t      *testing.T
	path   string
	labels []string
	bad    []int
	done   chan error
	cancel context.CancelCauseFunc
}

const interval = time.Second

func follow(t *testing.T, path string) *followed {
	f := &followed{t: t, path: path, done: make(chan error, 1)}
	var ctx context.Context
	ctx, f.cancel = context.WithCancelCause(t.Context())
	go func() {
		f.done <- keylog.Follow(ctx, path, interval,
			func(l keylog.Line) { f.labels = append(f.labels, l.Label) },
			func(b *keylog.BadLine) { f.bad = append(f.bad, b.Number) })
	}()
	return f
}

// sees waits for the next look and compares what was read since the last call.
func (f *followed) sees(want ...string) {
	f.t.Helper()
	time.Sleep(interval + interval/2)
	synctest.Wait()
	if diff := cmp.Diff(want, f.labels); diff != "" {
		f.t.Errorf("got other lines (-want +got):\n%s", diff)
	}
	f.labels = nil
}

func (f *followed) write(text string) {
	f.t.Helper()
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		f.t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(text); err != nil {
		f.t.Fatal(err)
	}
}

// text is lines with the given labels and a secret of their own.
func text(labels ...string) string {
	var b strings.Builder
	for i, label := range labels {
		b.Write(line(label, byte(i), label[0]).AppendTo(nil))
		b.WriteByte('\n')
	}
	return b.String()
}

func TestFollow(t *testing.T) {
	rows := []struct {
		name string
		run  func(f *followed)
	}{
		{"a file that is not there yet", func(f *followed) {
			f.sees()
			f.write(text("A", "B"))
			f.sees("A", "B")
		}},
		{"a file that grows", func(f *followed) {
			f.write(text("A"))
			f.sees("A")
			f.sees()
			f.write(text("B"))
			f.write("bad line\n")
			f.write(text("C"))
			f.sees("B", "C")
			if diff := cmp.Diff([]int{3}, f.bad); diff != "" {
				f.t.Errorf("got other bad lines (-want +got):\n%s", diff)
			}
		}},
		{"a line that comes in pieces", func(f *followed) {
			whole := text("A", "B")
			f.write(whole[:100])
			f.sees()
			f.write(whole[100 : len(whole)-1])
			f.sees("A")
			f.write(whole[len(whole)-1:])
			f.sees("B")
		}},
		{"a file that is truncated", func(f *followed) {
			f.write(text("A", "B"))
			f.write("half a li")
			f.sees("A", "B")
			f.rewrite(text("C"))
			f.sees("C")
		}},
		{"a file that is truncated and soon longer than before", func(f *followed) {
			f.write(text("A"))
			f.sees("A")
			f.rewrite(text("C", "D"))
			f.sees("C", "D")
		}},
		{"a file that is replaced", func(f *followed) {
			f.write(text("A"))
			f.sees("A")
			if err := os.Rename(f.path, f.path+".1"); err != nil {
				f.t.Fatal(err)
			}
			f.sees()
			f.write(text("A", "B"))
			f.sees("A", "B") // the first line again: the file is another
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := follow(t, filepath.Join(t.TempDir(), "keys.log"))
				row.run(f)
				f.write(text("Z")) // just before the end
				over := errors.New("over")
				f.cancel(over)
				if err := <-f.done; err != over {
					t.Errorf("got %v, want %v", err, over)
				}
				if diff := cmp.Diff([]string{"Z"}, f.labels); diff != "" {
					t.Errorf("got other lines at the end (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func (f *followed) rewrite(text string) {
	f.t.Helper()
	if err := os.WriteFile(f.path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func TestFollowRefuses(t *testing.T) {
	ignore := func(keylog.Line) {}
	if err := keylog.Follow(t.Context(), "x", 0, ignore, nil); err == nil {
		t.Error("got no error for an interval of 0")
	}
	if err := keylog.Follow(t.Context(), t.TempDir(), interval, ignore, nil); err == nil {
		t.Error("got no error for a folder")
	}
}
