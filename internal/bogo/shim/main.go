// Command shim is what BoGo, BoringSSL's suite of tests for TLS stacks, runs to have a
// conversation with akushu. Its runner starts one process for each test and says in flags
// what that is to do: which end to be, what to offer, what to say, what must come of it.
// The process connects to the runner, does so, and reports by its exit code.
//
// The way through the code is that of a test: flags.go reads the flags, by a table with a
// row for each; they fill in a [plan]; offer.go makes a tls.Config of it; talk.go has the
// conversation; expect.go says what must have come of the handshake. What a flag means
// was learnt from the runner's sources.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// The exit codes that the runner knows.
const (
	exitOK            = 0
	exitFailed        = 1
	exitUnimplemented = 89 // the test asks for something that is not offered
	exitMustFail      = 90 // failed, and should not have, whatever the test expects
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[len(args)-1] == "-is-handshaker-supported" {
		fmt.Fprintln(stdout, "No")
		return exitOK
	}
	plans, err := parse(args)
	if to := os.Getenv(surveyVariable); to != "" {
		return survey(to, plans, err)
	}
	if err == nil {
		err = plans.run()
	}
	if err != nil {
		fmt.Fprintf(stderr, "shim: %v\n", err)
	}
	return exitCode(err)
}

// notOffered says that a test needs something that akushu or its shim does not have. It
// is the reason, as docs/CONFORMANCE.md counts it.
type notOffered string

func (n notOffered) Error() string { return "not offered: " + string(n) }

// mustFail is an error that no test expects.
type mustFail struct{ error }

func exitCode(err error) int {
	var off notOffered
	var must mustFail
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &off):
		return exitUnimplemented
	case errors.As(err, &must):
		return exitMustFail
	}
	return exitFailed
}
