package ndjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/observe"
)

func session() *observe.Session {
	s := &observe.Session{V: observe.SessionVersion}
	s.Client, s.Server = "10.0.0.2:51000", "[2001:db8::1]:443"
	s.Start = observe.Timestamp{Time: time.Date(2026, 11, 20, 19, 0, 0, 123000, time.FixedZone("JST", 9*3600))}
	s.Duration = observe.Milliseconds(1200 * time.Microsecond)
	s.ServerName = "a<b>&c"
	return s
}

func TestOneLine(t *testing.T) {
	var got bytes.Buffer
	if err := NewWriter(&got).Write(session()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(got.String(), "\n"); n != 1 || !strings.HasSuffix(got.String(), "\n") {
		t.Errorf("got %d line ends in %q, want one, at the end", n, got.String())
	}
	for _, want := range []string{
		`{"v":1,"stream":0,"client":"10.0.0.2:51000","server":"[2001:db8::1]:443",`,
		`"start":"2026-11-20T10:00:00.000123Z","duration_ms":1.2,`,
		`"server_name":"a<b>&c"`,
	} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("got %s, want %s in it", got.String(), want)
		}
	}
}

// TestLinesDoNotMix writes from many goroutines to a writer that is not safe for that.
func TestLinesDoNotMix(t *testing.T) {
	var got bytes.Buffer
	w := NewWriter(&got)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if err := w.Write(session()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	lines := strings.SplitAfter(strings.TrimSuffix(got.String(), "\n"), "\n")
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Fatalf("no JSON: %s", line)
		}
	}
	if len(lines) != 160 {
		t.Errorf("got %d lines, want 160", len(lines))
	}
}

type full struct{}

var errFull = errors.New("full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteError(t *testing.T) {
	if err := NewWriter(full{}).Write(session()); !errors.Is(err, errFull) {
		t.Errorf("got error %v, want %v", err, errFull)
	}
}
