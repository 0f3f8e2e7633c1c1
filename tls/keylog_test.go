package tls

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/keys"
)

// writes records each Write, and whether two ran at once.
type writes struct {
	lines   []string
	busy    atomic.Bool
	overlap atomic.Bool
	err     error
}

func (w *writes) Write(p []byte) (int, error) {
	if !w.busy.CompareAndSwap(false, true) {
		w.overlap.Store(true)
	}
	w.lines = append(w.lines, string(p))
	runtime.Gosched()
	w.busy.Store(false)
	return len(p), w.err
}

// list is a writer that cannot be compared.
type list []*writes

func (l list) Write(p []byte) (int, error) { return l[0].Write(p) }

func TestKeyLogLine(t *testing.T) {
	w := &writes{err: errors.New("disk full")}
	cfg := must((&Config{ServerName: "a.example", KeyLogWriter: w}).client(""))
	random := [32]byte{0xab, 31: 0xcd}
	cfg.Secret("CLIENT_RANDOM", &random, keys.Secret(strings.Repeat("\x0f", 48)))
	cfg.Secret("EXPORTER_SECRET", &random, keys.Secret(strings.Repeat("\xff", 32)))
	hexRandom := "ab" + strings.Repeat("00", 30) + "cd"
	want := []string{"CLIENT_RANDOM " + hexRandom + " " + strings.Repeat("0f", 48) + "\n", "EXPORTER_SECRET " + hexRandom + " " + strings.Repeat("ff", 32) + "\n"}
	if strings.Join(w.lines, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q: each line in one Write, also after one failed", w.lines, want)
	}
}

// Lines of all connections that share a writer come one after the other, whatever Configs
// they have.
func TestKeyLogIsSerialised(t *testing.T) {
	w := &writes{}
	original := &Config{ServerName: "a.example", KeyLogWriter: w}
	var wg sync.WaitGroup
	for _, c := range []*Config{original, original.Clone(), {ServerName: "b.example", KeyLogWriter: w}} {
		cfg := must(c.client(""))
		for range 100 {
			wg.Go(func() { cfg.Secret("L", new([32]byte), keys.Secret{1}) })
		}
	}
	wg.Wait()
	if len(w.lines) != 300 || w.overlap.Load() {
		t.Errorf("got %d lines, overlapping: %v, want 300 one by one", len(w.lines), w.overlap.Load())
	}
}

func TestKeyLogWriterThatCannotBeCompared(t *testing.T) {
	w := list{{}}
	cfg := must((&Config{ServerName: "a.example", KeyLogWriter: w}).client(""))
	cfg.Secret("L", new([32]byte), keys.Secret{1})
	if len(w[0].lines) != 1 {
		t.Errorf("got %d lines, want 1", len(w[0].lines))
	}
}

func TestKeyLogLetsWriterGo(t *testing.T) {
	func() {
		w := &writes{}
		if first := keyLogTo(w); keyLogTo(w) != first {
			t.Error("got two logs for one writer, want one")
		}
	}()
	for range 100 {
		runtime.GC()
		kept := false
		keyLogs.Range(func(w, _ any) bool {
			_, kept = w.(*writes)
			return !kept
		})
		if !kept {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("got writers that nobody uses any more, want none left")
}

func TestNoKeyLog(t *testing.T) {
	if must((&Config{ServerName: "a.example"}).client("")).Secret != nil {
		t.Error("got a hook, want none: deriving must not pay for it")
	}
}
