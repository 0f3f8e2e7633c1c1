package keylog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Follow reads the key log at path, and what is added to it, until ctx ends: it then looks a last time and returns
// the context's error. It looks every interval, which must be positive.
//
// A file that is not there yet is waited for. One that was truncated or replaced is read again from its start, so a
// line may come twice; a Store does not mind. Only complete lines count, as the rest of the last one may be on its way.
// Anything but a regular file is an error, as is a failure to read.
//
// line is called for each good line and bad, which may be nil, for each that was skipped, both by the goroutine that
// called Follow.
func Follow(ctx context.Context, path string, interval time.Duration, line func(Line), bad func(*BadLine)) error {
	if interval <= 0 {
		return fmt.Errorf("keylog: cannot look every %v", interval)
	}
	f := NewFollower(path, line, bad)
	defer f.Close()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		ended := context.Cause(ctx) // before the look: what was written when it ended is read
		if err := f.Look(); err != nil {
			return err
		}
		if ended != nil {
			return ended
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// A Follower is for programs that know themselves when to look at a key log; Follow is for others. It remembers how far it
// read, and keeps no file open: on some systems a file that is open cannot be replaced. It is not for several goroutines.
type Follower struct {
	path string
	line func(Line)
	bad  func(*BadLine)

	scan   scanner
	file   fs.FileInfo // which file was read last
	offset int64       // how far
	tail   []byte      // the bytes before offset: a file that was written anew has others
	buf    []byte
}

// tailLength is how much of what was read must still be there. A line ends in more random digits than these.
const tailLength = 48

// NewFollower returns a Follower that has read nothing. Its arguments are those of Follow.
func NewFollower(path string, line func(Line), bad func(*BadLine)) *Follower {
	return &Follower{path: path, line: line, bad: bad, buf: make([]byte, 16<<10)}
}

// Close wipes what the Follower has of the file.
func (f *Follower) Close() { f.restart() }

// Look reads what is new, calling line and bad. Of a file that is not there nothing is. Anything but a regular file is an
// error, as is a failure to read.
func (f *Follower) Look() error {
	file, info, err := openRegular(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if !f.continues(file, info) {
		f.restart()
	}
	f.file = info
	return f.read(io.NewSectionReader(file, f.offset, info.Size()-f.offset))
}

// openRegular looks before it opens: to open a named pipe can take for ever.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("keylog: %s is not a regular file (mode %v): it cannot be followed", path, info.Mode())
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	if info, err = file.Stat(); err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// continues reports whether the file is the one that was read, and still holds what was read.
func (f *Follower) continues(file *os.File, info fs.FileInfo) bool {
	if f.file == nil || !os.SameFile(f.file, info) || info.Size() < f.offset {
		return false
	}
	tail := make([]byte, len(f.tail))
	_, err := file.ReadAt(tail, f.offset-int64(len(tail)))
	return (err == nil || err == io.EOF) && bytes.Equal(tail, f.tail)
}

// restart goes back to the start of the file, and wipes what it has of it.
func (f *Follower) restart() {
	f.scan.forget()
	clear(f.tail)
	f.scan, f.offset, f.tail = scanner{line: f.scan.line}, 0, f.tail[:0]
}

func (f *Follower) read(src io.Reader) error {
	defer clear(f.buf)
	for {
		n, err := src.Read(f.buf)
		f.take(f.buf[:n])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// take reads the lines of what is new.
func (f *Follower) take(data []byte) {
	f.offset += int64(len(data))
	f.tail = append(f.tail, data[max(0, len(data)-tailLength):]...)
	f.tail = append(f.tail[:0], f.tail[max(0, len(f.tail)-tailLength):]...)
	for {
		l, ok := f.scan.next(&data, f.bad)
		if !ok {
			return
		}
		f.line(l)
	}
}
