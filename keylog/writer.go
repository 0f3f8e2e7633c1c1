package keylog

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"sync"
)

// A Writer writes a key log. Several connections may use it at once: each line reaches the destination whole, in one
// call of its Write.
type Writer struct {
	mu  sync.Mutex
	dst io.Writer
	buf []byte
}

// NewWriter returns a Writer to dst, which from then on should have no other user.
func NewWriter(dst io.Writer) *Writer { return &Writer{dst: dst} }

// WriteLine writes one line. A line that a reader would not take is refused, with a *BadLine, before any of it is
// written. No copy of the secret stays in memory.
func (w *Writer) WriteLine(l Line) error {
	if fault := l.check(); fault != nil {
		return fault
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = slices.Grow(w.buf[:0], l.textLength()+1)
	w.buf = append(l.AppendTo(w.buf), '\n')
	defer clear(w.buf)
	n, err := w.dst.Write(w.buf)
	if err == nil && n < len(w.buf) {
		err = io.ErrShortWrite
	}
	return err
}

// Write passes p, one or more complete lines, on in one piece. With it a Writer serves as the KeyLogWriter of several
// configurations of a TLS package.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dst.Write(p)
}

// A PermissionError says that a key log is not safe with the permissions that its file has.
type PermissionError struct {
	Path string
	Mode fs.FileMode
}

func (e *PermissionError) Error() string {
	return fmt.Sprintf("keylog: others can write to %s (mode %v): make it 0600 or choose another file", e.Path, e.Mode)
}

// OpenFile opens a key log to append to, and creates it, readable and writable by its owner only, where there is none.
// A regular file or a named pipe that its group or others can write to is refused with a *PermissionError: they could
// put their own lines, or another file, in the place of ours. Windows has other permissions, which are not looked at.
func OpenFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := checkWritable(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

const (
	writableByOthers = 0o022
	readableByOthers = 0o044
)

func checkWritable(f *os.File) error {
	mode, err := guarded(f)
	if err != nil {
		return err
	}
	if mode.Perm()&writableByOthers != 0 {
		return &PermissionError{Path: f.Name(), Mode: mode}
	}
	return nil
}

// ReadableByOthers reports whether the group or others can read a key log that OpenFile opened, as they can where
// another program created it with the usual mask. It is worth a warning.
func ReadableByOthers(f *os.File) (bool, error) {
	mode, err := guarded(f)
	return mode.Perm()&readableByOthers != 0, err
}

// guarded is the mode of a file as far as it guards what is written there: a device or the null file holds nothing.
func guarded(f *os.File) (fs.FileMode, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	mode := info.Mode()
	if runtime.GOOS == "windows" || !mode.IsRegular() && mode&fs.ModeNamedPipe == 0 {
		return mode.Type(), nil
	}
	return mode, nil
}
