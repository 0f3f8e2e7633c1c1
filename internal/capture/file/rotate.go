package file

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/keylog"
)

// Rotation says when a capture goes on in a new file. The zero value is one file that grows.
type Rotation struct {
	Bytes int64         // before a file has more, a new one begins; 0: no matter
	Age   time.Duration // between the first and the last packet of a file; 0: no matter
	Files int           // how many files are kept, of which the oldest makes way; 0: all
}

// rotates reports whether there will be more than one file.
func (r Rotation) rotates() bool { return r.Bytes > 0 || r.Age > 0 }

// A Rotating writes captures as pcapng files, each of which can be opened by itself: with Rotation{} the one that was
// named, else numbered ones, F_00001.pcapng, F_00002.pcapng and so on. Only their owner may read them.
//
// Secrets are embedded in every file from then on, for the connections that they open may go on there; of those before,
// the last maxSecrets.
type Rotating struct {
	name       string
	section    capture.Section
	interfaces []capture.Interface
	rotation   Rotation

	current
	made    int
	secrets []keylog.Line
}

// current is the file that is written.
type current struct {
	file   io.WriteCloser
	buffer *bufio.Writer
	writer *capture.Writer
	size   int64
	began  time.Time // of its first packet
}

const maxSecrets = 10_000

// NewRotating begins the first file. Its packets name the interfaces by their place in the list.
func NewRotating(name string, s capture.Section, interfaces []capture.Interface, r Rotation) (*Rotating, error) {
	w := &Rotating{name: name, section: s, interfaces: interfaces, rotation: r}
	if err := w.begin(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// NewStream writes to dst as a Rotating with Rotation{} does to a file. Close leaves dst open.
func NewStream(dst io.Writer, s capture.Section, interfaces []capture.Interface) (*Rotating, error) {
	w := &Rotating{section: s, interfaces: interfaces}
	return w, w.head(unclosed{dst})
}

// unclosed is a Writer that is not closed.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

// Name is that of the file that is written.
func (w *Rotating) Name() string { return w.nameOf(w.made) }

// Names are those of the first and the last file that are there.
func (w *Rotating) Names() (first, last string) {
	oldest := 1
	if w.rotation.Files > 0 {
		oldest = max(1, w.made-w.rotation.Files+1)
	}
	return w.nameOf(oldest), w.Name()
}

func (w *Rotating) nameOf(n int) string {
	if !w.rotation.rotates() {
		return w.name
	}
	extension := filepath.Ext(w.name)
	return fmt.Sprintf("%s_%05d%s", strings.TrimSuffix(w.name, extension), n, extension)
}

// begin begins the next file.
func (w *Rotating) begin() error {
	w.made++
	file, err := os.OpenFile(w.Name(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := w.head(file); err != nil {
		return err
	}
	return w.forgetOldest()
}

// head writes what a file begins with.
func (w *Rotating) head(file io.WriteCloser) (err error) {
	w.current = current{file: file}
	w.buffer = bufio.NewWriterSize(counted{file, &w.current.size}, bufferSize)
	if w.writer, err = capture.NewWriter(w.buffer, w.section); err != nil {
		return err
	}
	for _, i := range w.interfaces {
		if _, err := w.writer.AddInterface(i); err != nil {
			return err
		}
	}
	return w.writer.WriteSecrets(w.secrets...)
}

const bufferSize = 256 << 10

// counted counts what is written.
type counted struct {
	io.Writer
	size *int64
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	*c.size += int64(n)
	return n, err
}

func (w *Rotating) forgetOldest() error {
	if oldest := w.made - w.rotation.Files; w.rotation.rotates() && w.rotation.Files > 0 && oldest > 0 {
		return os.Remove(w.nameOf(oldest))
	}
	return nil
}

// blockOverhead is what a packet takes in a file besides its bytes and its comment, at most.
const blockOverhead = 48

// WritePacket implements capture.PacketWriter.
func (w *Rotating) WritePacket(p capture.Packet) error {
	size := w.size + int64(w.buffer.Buffered()+len(p.Data)+len(p.Comment)+blockOverhead)
	full := w.rotation.Bytes > 0 && size > w.rotation.Bytes
	old := w.rotation.Age > 0 && p.Time.Sub(w.began) > w.rotation.Age
	if !w.began.IsZero() && (full || old) {
		if err := w.closeFile(); err != nil {
			return err
		}
		if err := w.begin(); err != nil {
			return err
		}
	}
	if w.began.IsZero() {
		w.began = p.Time
	}
	return w.writer.WritePacket(p)
}

// WriteSecrets embeds key log lines in this file and those to come.
func (w *Rotating) WriteSecrets(lines ...keylog.Line) error {
	w.secrets = append(w.secrets, lines...)
	if n := len(w.secrets) - maxSecrets; n > 0 {
		w.secrets = append(w.secrets[:0], w.secrets[n:]...)
	}
	return w.writer.WriteSecrets(lines...)
}

// Flush writes what is held, for who reads the file while it grows.
func (w *Rotating) Flush() error { return w.buffer.Flush() }

// Close completes the file.
func (w *Rotating) Close() error { return w.closeFile() }

func (w *Rotating) closeFile() error {
	if w.file == nil {
		return nil
	}
	file := w.file
	w.file = nil
	return errors.Join(w.buffer.Flush(), file.Close())
}
