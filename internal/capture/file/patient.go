package file

import (
	"context"
	"io"
	"os"
	"time"
)

// OpenPatiently opens a file as os.Open does, which for a named pipe can take for ever: it ends when ctx does.
func OpenPatiently(ctx context.Context, name string) (*os.File, error) {
	if info, err := os.Stat(name); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return os.Open(name)
	}
	type opened struct {
		file *os.File
		err  error
	}
	done := make(chan opened, 1)
	go func() {
		file, err := os.Open(name)
		done <- opened{file, err}
	}()
	select {
	case o := <-done:
		return o.file, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Patiently returns a reader of a file whose reads do not outlast ctx: the file itself, unless it is one that makes one wait.
func Patiently(ctx context.Context, file *os.File) io.Reader {
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		return file
	}
	return ReadPatiently(ctx, file)
}

// ReadPatiently returns a reader of src, a pipe or a terminal, whose reads end with the error of ctx when that is done,
// however long src makes one wait. src must not be read by others from then on.
func ReadPatiently(ctx context.Context, src io.Reader) io.Reader { return readPatiently(ctx, src, nil) }

// readPatiently calls idle, unless that is nil, again and again while a read waits.
func readPatiently(ctx context.Context, src io.Reader, idle func()) io.Reader {
	p := &patient{ctx: ctx, idle: idle, pieces: make(chan piece), spare: make(chan []byte, 2)}
	for range cap(p.spare) {
		p.spare <- make([]byte, 64<<10)
	}
	go p.fetch(src)
	return p
}

// patient reads ahead in a goroutine of its own.
type patient struct {
	ctx    context.Context
	idle   func()
	pieces chan piece
	spare  chan []byte // buffers that are not in use
	piece
	read []byte // what is left of the piece
}

// piece is what one read gave.
type piece struct {
	buf []byte
	n   int
	err error
}

func (p *patient) fetch(src io.Reader) {
	for {
		select {
		case buf := <-p.spare:
			n, err := src.Read(buf)
			select {
			case p.pieces <- piece{buf, n, err}:
			case <-p.ctx.Done():
				return
			}
			if err != nil {
				return
			}
		case <-p.ctx.Done():
			return
		}
	}
}

func (p *patient) Read(b []byte) (int, error) {
	for len(p.read) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		if p.buf != nil {
			p.spare <- p.buf
		}
		p.piece = p.await()
		p.read = p.buf[:p.n]
	}
	n := copy(b, p.read)
	p.read = p.read[n:]
	return n, nil
}

// await waits for the next piece.
func (p *patient) await() piece {
	for {
		var moment <-chan time.Time
		if p.idle != nil {
			moment = time.After(pollTime)
		}
		select {
		case next := <-p.pieces:
			return next
		case <-p.ctx.Done():
			return piece{err: p.ctx.Err()}
		case <-moment:
			p.idle()
		}
	}
}
