package pack

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/akushu/akushu/internal/capture/file"
	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/cli/show"
)

// write writes the capture, of which wrong is known to be wrong. Where that leaves nothing to write, it leaves OUT alone.
func (o *options) write(ctx context.Context, env *cli.Env, name string, f *found, wrong error) error {
	if o.out == file.Stdin {
		return o.told(env, o.pack(ctx, env.Out, name, f))
	}
	path, straight, err := target(o.out)
	switch {
	case err != nil:
		return env.FileError(o.out, err)
	case straight:
		return o.into(ctx, env, path, name, f)
	case wrong != nil && same(path, o.in):
		env.Note(env.Words.Text("cli.pack_kept", o.out))
		return wrong
	}
	return o.replace(ctx, env, path, name, f)
}

// target is the file that a name leads to, and whether that is written to as it is: a pipe, or a device.
func target(name string) (path string, straight bool, err error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return name, false, nil
	case err != nil:
		return "", false, err
	case info.IsDir():
		return "", false, syscall.EISDIR
	case !info.Mode().IsRegular():
		return name, true, nil
	}
	path, err = filepath.EvalSymlinks(name)
	return path, false, err
}

func same(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

func (o *options) into(ctx context.Context, env *cli.Env, path, name string, f *found) error {
	dst, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return env.FileError(o.out, err)
	}
	err = o.pack(ctx, dst, name, f)
	return o.told(env, errors.Join(err, dst.Close()))
}

// replace writes the capture at once: it may take the place of what is read. What is wrong with that does not keep it from
// being written as far as it goes.
func (o *options) replace(ctx context.Context, env *cli.Env, path, name string, f *found) error {
	var wrong error
	err := cli.Replace(path, func(dst io.Writer) error {
		wrong = o.pack(ctx, dst, name, f)
		return unwritten(wrong)
	})
	if err != nil {
		return o.told(env, &outputError{err})
	}
	return o.told(env, wrong)
}

// An outputError is one of writing, not of reading.
type outputError struct{ error }

func (e *outputError) Unwrap() error { return e.error }

// unwritten is the error of writing, nil for one of reading.
func unwritten(err error) error {
	if e, ok := errors.AsType[*outputError](err); ok {
		return e
	}
	return nil
}

// told says whose error it is.
func (o *options) told(env *cli.Env, err error) error {
	e := unwritten(err)
	switch {
	case e == nil:
		return show.Unreadable(env, o.in, err)
	case errors.Is(e, context.Canceled):
		return e
	}
	return env.FileError(o.out, e)
}

// pack writes the capture.
func (o *options) pack(ctx context.Context, dst io.Writer, name string, f *found) error {
	w := bufio.NewWriterSize(&output{ctx, dst}, 1<<18)
	return errors.Join(file.Pack(ctx, w, name, f.lines), w.Flush())
}

// output is what is written to until ctx is done. Its errors are outputErrors.
type output struct {
	ctx context.Context
	to  io.Writer
}

func (o *output) Write(b []byte) (int, error) {
	err := o.ctx.Err()
	n := 0
	if err == nil {
		n, err = o.to.Write(b)
	}
	if err != nil {
		return n, &outputError{err}
	}
	return n, nil
}
