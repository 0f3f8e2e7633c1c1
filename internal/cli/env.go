// Package cli is what the verbs of the command akushu share: the streams and the terminal,
// errors with their exit codes and hints, and the flags that have the same meaning in
// every verb. A verb is a package below this one; package root puts them together.
//
// Data goes to standard output, talk to standard error. What people read comes from
// internal/explain.
package cli

import (
	"cmp"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/internal/view/ladder"
)

// Env is what a verb has of the world outside.
type Env struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	Now      func() time.Time
	Words    *explain.Words
	NoColor  bool // --no-color
}

// System is the environment of this process.
func System() *Env {
	return &Env{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Now: time.Now,
		Words: explain.For(explain.LangOf(os.Getenv)),
	}
}

// terminal returns the descriptor of w, where that is a terminal.
func terminal(w io.Writer) (int, bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}

// Columns is how wide the terminal is that w is. The second result is false where it is none, or a dumb one.
func (e *Env) Columns(w io.Writer) (int, bool) {
	_, tty := terminal(w)
	return e.width(w), tty && !e.dumb()
}

// pipeWidth is the width of what is not read on a terminal.
const pipeWidth = 100

// width is how many columns w has; pipeWidth where nothing says it.
func (e *Env) width(w io.Writer) int { return cmp.Or(e.knownWidth(w), pipeWidth) }

// knownWidth is how many columns w has, 0 where nothing says it.
func (e *Env) knownWidth(w io.Writer) int {
	if fd, ok := terminal(w); ok {
		if columns, _, err := term.GetSize(fd); err == nil && columns > 0 {
			return columns
		}
	}
	columns, err := strconv.Atoi(e.Getenv("COLUMNS"))
	if err != nil {
		return 0
	}
	return max(columns, 0)
}

// colour reports whether w is to be coloured: it is a terminal that can, and
// nobody asked for none (https://no-color.org).
func (e *Env) colour(w io.Writer) bool {
	_, tty := terminal(w)
	return tty && !e.NoColor && e.Getenv("NO_COLOR") == "" && !e.dumb() && !e.oldConsole()
}

func (e *Env) dumb() bool { return e.Getenv("TERM") == "dumb" }

// oldConsole reports whether the terminal may be a console of Windows that shows escape
// sequences as they are.
func (e *Env) oldConsole() bool {
	return runtime.GOOS == "windows" && e.Getenv("WT_SESSION") == "" && e.Getenv("TERM") == ""
}

// ascii reports whether lines are to be drawn with ASCII: on a dumb terminal, and on one
// whose locale has no other characters.
func (e *Env) ascii(w io.Writer) bool {
	if _, tty := terminal(w); !tty {
		return e.dumb()
	}
	locale := strings.ToLower(cmp.Or(e.Getenv("LC_ALL"), e.Getenv("LC_CTYPE"), e.Getenv("LANG")))
	_, charset, named := strings.Cut(locale, ".")
	charset, _, _ = strings.Cut(charset, "@")
	switch {
	case e.dumb(), locale == "c", locale == "posix":
		return true
	case named:
		return charset != "utf-8" && charset != "utf8"
	}
	return false
}

// Ladder is how ladders are drawn on w, standard output or standard error.
func (e *Env) Ladder(w io.Writer) ladder.Options {
	return ladder.Options{
		Width: e.width(w), Unfolded: e.unfolded(w), Words: e.Words, ASCII: e.ascii(w),
		WideAmbiguous: e.Getenv("RUNEWIDTH_EASTASIAN") == "1", // as other programs that use go-runewidth
	}
}

// unfolded reports whether rows go on for as long as they have to: what reads them is no terminal, and nobody said how
// wide it is.
func (e *Env) unfolded(w io.Writer) bool {
	_, tty := terminal(w)
	return !tty && e.knownWidth(w) == 0
}

// Print writes lines to w, standard output or standard error, coloured where that is wanted.
func (e *Env) Print(w io.Writer, lines []ladder.Line) error {
	if e.colour(w) {
		return ladder.WriteANSI(w, lines)
	}
	return ladder.WritePlain(w, lines)
}
