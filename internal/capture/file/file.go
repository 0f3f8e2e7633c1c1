// Package file opens capture files as people have them: compressed or not, on disk or from a pipe, or while another
// program still writes them.
package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/keylog"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Stdin is the name that stands for the standard input.
const Stdin = "-"

// Options says how to read. The zero value reads to the end.
type Options struct {
	// Follow goes on at the end of a file: what is still written to it comes as well, until the context is done.
	Follow bool
	// Idle is called again and again while Follow waits, be it for a file to grow or for a pipe. It may be nil.
	Idle func()
}

// A File is a capture file that is read.
type File struct {
	reader *capture.Reader
	ctx    context.Context // of Open: it ends what Next waits for
	tail   tail
	file   io.Closer // nil for stdin
	unpack io.Closer // nil where nothing is compressed
}

// Open opens a file, or stdin in the place of Stdin. The error is that of the system, or a *capture.FormatError. It
// waits for the first bytes, if it has to.
func Open(ctx context.Context, name string, stdin io.Reader, o Options) (*File, error) {
	return open(ctx, name, stdin, o, (*File).begin)
}

// Pack copies a file as capture.Pack does. Its errors are those of Open and Next.
func Pack(ctx context.Context, dst io.Writer, name string, lines []keylog.Line) error {
	f, err := open(ctx, name, nil, Options{}, func(f *File) error {
		src, err := f.decompress(&f.tail)
		if err != nil {
			return err
		}
		return capture.Pack(dst, src, lines)
	})
	if err != nil {
		return err
	}
	return f.Close()
}

// open opens a file and begins to read it.
func open(ctx context.Context, name string, stdin io.Reader, o Options, begin func(*File) error) (*File, error) {
	f := &File{ctx: ctx, tail: tail{ctx: ctx, Options: o, src: stdin}}
	file, ok := stdin.(*os.File)
	if name != Stdin {
		var err error
		if file, err = OpenPatiently(ctx, name); err != nil {
			return nil, err
		}
		f.file = file
	}
	if name != Stdin || ok {
		if err := f.tail.use(file); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	if err := begin(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// begin reads what the file begins with.
func (f *File) begin() error {
	src, err := f.decompress(&f.tail)
	if err == nil {
		f.reader, err = capture.NewReader(src)
	}
	return f.ended(err)
}

// Next returns the next item, see capture.Reader. Where Follow ends because the context is done, the file ends.
func (f *File) Next() (capture.Item, error) {
	item, err := f.reader.Next()
	if err != nil {
		return nil, f.ended(err)
	}
	return item, nil
}

// ended is the end of the file, where a block is cut only because Follow ended.
func (f *File) ended(err error) error {
	if stopped := f.ctx.Err(); f.tail.Follow && stopped != nil && (errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF || errors.Is(err, stopped)) {
		return io.EOF
	}
	return err
}

// Size is how large the file is on disk by now, in bytes; 0 where that is not known.
func (f *File) Size() int64 {
	size, _ := f.tail.size() // not known, then
	return size
}

// Position is how much of it was read. It may be asked while another goroutine reads.
func (f *File) Position() int64 { return f.tail.read.Load() }

// Close closes the file, but not stdin.
func (f *File) Close() error {
	if f.unpack != nil {
		_ = f.unpack.Close() // it says again what Next said, if anything
	}
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// maxWindow is how far back a zstd stream may refer, in bytes: it is memory. More is only made with --ultra or --long.
const maxWindow = 128 << 20

// A compression is known by the first bytes of a file.
type compression struct {
	name  string
	magic string
	open  func(io.Reader) (io.ReadCloser, error)
}

var compressions = []compression{
	{"gzip", "\x1f\x8b", func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }},
	{"zstd", "\x28\xb5\x2f\xfd", openZstd},
}

func openZstd(r io.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// decompress returns what is in a file, whether it is compressed or not.
func (f *File) decompress(src io.Reader) (io.Reader, error) {
	head := make([]byte, 4)
	n, err := io.ReadFull(src, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	src = io.MultiReader(bytes.NewReader(head[:n]), src)
	for _, c := range compressions {
		if !bytes.HasPrefix(head, []byte(c.magic)) {
			continue
		}
		r, err := c.open(src)
		if err != nil {
			return nil, (&unpacked{name: c.name}).located(err)
		}
		f.unpack = r
		return &unpacked{r, c.name, 0}, nil
	}
	return src, nil
}

// unpacked is what comes out of a compressed stream. Its faults tell where they are: behind how many bytes that came
// out.
type unpacked struct {
	io.Reader
	name string
	out  int64
}

func (u *unpacked) Read(b []byte) (int, error) {
	n, err := u.Reader.Read(b)
	u.out += int64(n)
	return n, u.located(err)
}

func (u *unpacked) located(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if path, ok := errors.AsType[*os.PathError](err); ok { // reading failed, not what was read
		return path
	}
	return &capture.FormatError{Offset: u.out, Where: u.name + " stream", Err: err}
}

// tail reads a file and goes on at its end.
type tail struct {
	Options
	ctx  context.Context
	src  io.Reader
	file *os.File     // nil: it has no size, and its end is its end
	read atomic.Int64 // others look at it
}

// pollTime is how long to wait before looking again whether a file has grown.
const pollTime = 50 * time.Millisecond

// use makes a file the source. Only of a regular file is the size known.
func (t *tail) use(file *os.File) error {
	t.src = file
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		return &os.PathError{Op: "read", Path: file.Name(), Err: syscall.EISDIR}
	}
	if err == nil && info.Mode().IsRegular() {
		t.file = file
	} else {
		var idle func()
		if t.Follow {
			idle = t.Idle
		}
		t.src = readPatiently(t.ctx, file, idle)
	}
	return err
}

func (t *tail) size() (int64, error) {
	if t.file == nil {
		return 0, nil
	}
	info, err := t.file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (t *tail) Read(b []byte) (int, error) {
	for {
		n, err := t.src.Read(b)
		t.read.Add(int64(n))
		if n > 0 && err == io.EOF {
			err = nil
		}
		if n > 0 || err != io.EOF || !t.Follow || t.file == nil {
			return n, err
		}
		if err := t.wait(); err != nil {
			return 0, err
		}
	}
}

// wait waits for a moment. It ends with io.EOF.
func (t *tail) wait() error {
	size, err := t.size()
	if err != nil {
		return err
	}
	if read := t.read.Load(); size < read {
		return fmt.Errorf("%s was cut to %d bytes after %d were read", t.file.Name(), size, read)
	}
	if t.Idle != nil {
		t.Idle()
	}
	select {
	case <-t.ctx.Done():
		return io.EOF
	case <-time.After(pollTime):
		return nil
	}
}
