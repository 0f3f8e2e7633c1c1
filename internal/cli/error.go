package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/akushu/akushu/internal/view/ladder"
)

// ExitCode is what the process ends with. Scripts rely on the numbers.
type ExitCode int

// The exit codes.
const (
	ExitOK        ExitCode = 0
	ExitFailure   ExitCode = 1 // anything that has no code of its own
	ExitUsage     ExitCode = 2 // the command line
	ExitNetwork   ExitCode = 3 // DNS or TCP
	ExitNegotiate ExitCode = 4 // the TLS handshake failed
	ExitUntrusted ExitCode = 5 // the peer's certificate is not trusted
	ExitRefused   ExitCode = 6 // the peer did not accept our certificate
)

// Error is an error with the code that the process ends with, and with advice.
type Error struct {
	Code  ExitCode
	Text  string   // for people, in their language
	Hints []string // what to do, each a sentence or a command; may be empty
	Err   error    // the cause; may be nil, and is not shown
}

// Error is the text alone.
func (e *Error) Error() string { return e.Text }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Usage is an error of the command line.
func Usage(text string, hints ...string) *Error {
	return &Error{Code: ExitUsage, Text: text, Hints: hints}
}

// Report tells an error on standard error and returns the code to end with. An end that
// somebody asked for (an interrupt, a reader that closed its pipe) is not told.
func (e *Env) Report(err error) ExitCode {
	if err == nil {
		return ExitOK
	}
	_, network := errors.AsType[*net.OpError](err)
	if errors.Is(err, context.Canceled) || errors.Is(err, syscall.EPIPE) && !network { // nobody reads what we print
		return ExitFailure
	}
	told := &Error{Code: ExitFailure, Text: e.Reason(err)}
	errors.As(err, &told)
	e.say("cli.error", told.Text)
	for _, hint := range told.Hints {
		e.say("cli.hint", hint)
	}
	return told.Code
}

// Warn tells on standard error what is not as it should be.
func (e *Env) Warn(text string) { e.say("cli.warning", text) }

// Note tells on standard error what is good to know.
func (e *Env) Note(text string) { e.say("cli.note", text) }

// Tell tells on standard error what a verb does.
func (e *Env) Tell(text string) { _, _ = fmt.Fprintln(e.Err, ladder.Visible(text)) }

// say writes one line. Text may come from the other end of a connection: what controls a
// terminal is replaced.
func (e *Env) say(id, text string) {
	// Where standard error does not take it, there is nobody left to tell.
	_, _ = fmt.Fprintf(e.Err, "%s %s\n", e.Words.Text(id), ladder.Visible(text))
}
