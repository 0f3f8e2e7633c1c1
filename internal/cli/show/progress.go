package show

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/akushu/akushu/internal/cli"
)

// Sized is something that is read, and knows how far.
type Sized interface {
	Size() int64     // in bytes; 0 where that is not known
	Position() int64 // how many of them were read
}

// progressFrom is how large a file is that deserves a bar, in bytes.
const progressFrom = 16 << 20

// Progress is a bar on standard error, if that is a terminal and the file is large. A nil one is none.
type Progress struct {
	mu      sync.Mutex
	out     io.Writer
	of      Sized
	columns int
	drawn   string // the bar that is there; empty: none
	stop    chan struct{}
	done    sync.WaitGroup
}

// NewProgress begins to show how far reading is, where that makes sense.
func NewProgress(env *cli.Env, of Sized) *Progress {
	columns, ok := env.Columns(env.Err)
	if !ok || of.Size() < progressFrom {
		return nil
	}
	p := &Progress{out: env.Err, of: of, columns: columns, stop: make(chan struct{})}
	p.done.Go(p.run)
	return p
}

func (p *Progress) run() {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			p.draw()
		}
	}
}

func (p *Progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := bar(p.of.Position(), p.of.Size(), p.columns)
	if now != p.drawn {
		p.drawn = now
		_, _ = io.WriteString(p.out, "\r"+now)
	}
}

// bar is as long as columns allow.
func bar(read, size int64, columns int) string {
	share := float64(min(read, size)) / float64(max(size, 1))
	text := fmt.Sprintf(" %3.0f%% %d/%d MB", share*100, read/1e6, size/1e6)
	width := min(columns-len(text)-3, 40)
	if width < 4 {
		return strings.TrimSpace(text)
	}
	full := int(share * float64(width))
	return "[" + strings.Repeat("#", full) + strings.Repeat(" ", width-full) + "]" + text
}

// Clear takes the bar away until it is drawn next, so that something else can be written.
func (p *Progress) Clear() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn != "" {
		_, _ = io.WriteString(p.out, "\r\x1b[K")
		p.drawn = ""
	}
}

// Stop ends it.
func (p *Progress) Stop() {
	if p == nil {
		return
	}
	close(p.stop)
	p.done.Wait()
	p.Clear()
}
