package show

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/explain"
)

// Unreadable is the error of a file that cannot be read, or not to its end; nil where there is none.
func Unreadable(env *cli.Env, path string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	words := env.Words
	bad, damaged := errors.AsType[*capture.FormatError](err)
	switch {
	case errors.Is(err, capture.ErrNotCapture):
		return notCapture(words, path, err)
	case damaged:
		return &cli.Error{Code: cli.ExitFailure, Text: damage(words, path, bad), Err: err}
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok || errors.Is(err, os.ErrInvalid) {
		return env.FileError(path, err)
	}
	return &cli.Error{Code: cli.ExitFailure, Text: words.Text("cli.inspect_read", path, env.Reason(err)), Err: err}
}

// damage says what is wrong with a file, and where.
func damage(words *explain.Words, path string, bad *capture.FormatError) string {
	switch {
	case errors.Is(bad, capture.ErrEmpty):
		return words.Text("cli.inspect_empty", path)
	case errors.Is(bad, io.ErrUnexpectedEOF):
		return words.Text("cli.inspect_damaged", path, bad.Offset, words.Text("cli.inspect_ends"))
	}
	return words.Text("cli.inspect_damaged", path, bad.Offset, bad.Err)
}
