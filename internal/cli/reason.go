package cli

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
)

// reasons are the errors of the system that people meet most, with the texts for them. What is not here is told in the
// system's words.
var reasons = []struct {
	is   error
	text string // its id in the catalogue
}{
	{syscall.ECONNREFUSED, "cli.reason.refused"},
	{syscall.ECONNRESET, "cli.reason.reset"},
	{syscall.EPIPE, "cli.reason.pipe"},
	{syscall.ETIMEDOUT, "cli.reason.timeout"},
	{os.ErrDeadlineExceeded, "cli.reason.timeout"},
	{context.DeadlineExceeded, "cli.reason.timeout"},
	{syscall.EHOSTUNREACH, "cli.reason.no_route"},
	{syscall.ENETUNREACH, "cli.reason.no_network"},
	{syscall.EADDRINUSE, "cli.reason.in_use"},
	{syscall.EADDRNOTAVAIL, "cli.reason.not_ours"},
	{fs.ErrNotExist, "cli.reason.no_file"},
	{fs.ErrPermission, "cli.reason.permission"},
	{syscall.EISDIR, "cli.reason.directory"},
	{syscall.ENOTDIR, "cli.reason.no_directory"},
	{syscall.ENOSPC, "cli.reason.full"},
}

// Reason is the text of an error, in which the words of the system are in the reader's language where they are known.
func (e *Env) Reason(err error) string {
	leaf := leafOf(err)
	if id := reasonOf(leaf); id != "" {
		return strings.Replace(err.Error(), leaf.Error(), e.Words.Text(id), 1)
	}
	return err.Error()
}

// leafOf is what is at the bottom of an error. Of several that are joined none is.
func leafOf(err error) error {
	for {
		inner := errors.Unwrap(err)
		if joined, ok := err.(interface{ Unwrap() []error }); ok && len(joined.Unwrap()) == 1 {
			inner = joined.Unwrap()[0]
		}
		if inner == nil {
			return err
		}
		err = inner
	}
}

// reasonOf is the id of the text for an error, empty where there is none.
func reasonOf(leaf error) string {
	if dns, ok := leaf.(*net.DNSError); ok && dns.IsNotFound {
		return "cli.reason.no_host"
	}
	if _, several := leaf.(interface{ Unwrap() []error }); several {
		return ""
	}
	for _, r := range reasons {
		if errors.Is(leaf, r.is) {
			return r.text
		}
	}
	return ""
}

// bare is an error of package net without the operation and the addresses, which are told already.
func bare(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		err = op.Err
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		err = call.Err
	}
	return err
}
