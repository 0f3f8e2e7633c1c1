// Package bodies writes what HTTP carried into a folder: the bodies of requests and responses, a file each, named after
// the connection, the exchange and the path, 0-1-index.html.
//
// Names come from strangers. What a name is made of is letters, digits, dots, dashes and underscores of ASCII; files
// are made new and never opened, so that none that is there is changed, and no link is followed. Bodies are written as
// they were sent, compressed ones with an extension that says so: the files are never larger than the capture.
package bodies

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/akushu/akushu/observe"
)

// Bounds of a Folder.
const (
	maxFiles   = 100_000   // that are written
	maxPending = 4096      // requests of a connection whose bodies or responses may still come
	bodyHeld   = 64 << 10  // bytes of a body that are held
	allHeld    = 64 << 20  // bytes of all bodies that are held
	maxAgain   = 1000      // files of a name that are there
	fileMode   = 0o600     // what was encrypted is the owner's only
	partial    = ".part"   // ends the name of a file whose body was not seen to its end
	request    = "request" // stands in the name of a file that the client sent
)

// Folder is where bodies are written. It is for one goroutine.
type Folder struct {
	root    *os.Root
	streams map[int]*stream
	count   int // of files
	cut     bool
	held    int
	err     error
}

// stream is a connection.
type stream struct {
	number  int
	pending map[exchange]string // paths of requests
	bodies  map[exchange]*body
	files   []string
}

// exchange names an exchange, and what is sent in it.
type exchange struct {
	number    int
	encrypted bool
	from      observe.Dir
}

// body is one that is being sent.
type body struct {
	name string // of the file; "" until it is made
	want string // what it should be called
	data []byte // not written yet
}

// Open uses a folder, which it makes if it is not there.
func Open(path string) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	return &Folder{root: root, streams: make(map[int]*stream)}, err
}

// Name is the path that the folder was opened with.
func (f *Folder) Name() string { return f.root.Name() }

// Count is how many files were written. The second result is true where there were more bodies than may be.
func (f *Folder) Count() (int, bool) { return f.count, f.cut }

// Close ends the use of the folder. The error is the first that there was.
func (f *Folder) Close() error { return errors.Join(f.err, f.root.Close()) }

// Add takes an event in.
func (f *Folder) Add(e observe.Event) {
	switch b := e.Body.(type) {
	case *observe.HTTPHead:
		f.stream(e.Stream).head(e.Dir, b)
	case *observe.HTTPBody:
		f.body(f.stream(e.Stream), exchange{b.Exchange, b.Encrypted, e.Dir}, b)
	}
}

func (f *Folder) stream(number int) *stream {
	s := f.streams[number]
	if s == nil {
		s = &stream{number: number, pending: make(map[exchange]string), bodies: make(map[exchange]*body)}
		f.streams[number] = s
	}
	return s
}

// head remembers what the next body of an exchange is to be called.
func (s *stream) head(from observe.Dir, h *observe.HTTPHead) {
	x := exchange{h.Exchange, h.Encrypted, from}
	asked := exchange{h.Exchange, h.Encrypted, observe.ClientToServer}
	if from == observe.ClientToServer && len(s.pending) < maxPending {
		s.pending[asked] = h.Path
	}
	if len(s.bodies) < maxPending {
		s.bodies[x] = &body{want: fileName(s.number, x, s.pending[asked], h)}
	}
}

func (f *Folder) body(s *stream, x exchange, b *observe.HTTPBody) {
	held := s.bodies[x]
	if held == nil {
		return
	}
	held.data = append(held.data, b.Data...)
	f.held += len(b.Data)
	if b.End || len(held.data) >= bodyHeld {
		f.write(s, held)
	}
	if f.held > allHeld {
		f.writeAll()
	}
	if b.End {
		delete(s.bodies, x)
		if x.from == observe.ServerToClient {
			delete(s.pending, exchange{x.number, x.encrypted, observe.ClientToServer})
		}
	}
}

func (f *Folder) writeAll() {
	for _, s := range f.streams {
		for _, b := range s.bodies {
			f.write(s, b)
		}
	}
}

// write writes what is held of a body. An empty one makes no file.
func (f *Folder) write(s *stream, b *body) {
	data := b.data
	f.held -= len(data)
	b.data = nil
	if len(data) == 0 || f.err != nil {
		return
	}
	file, err := f.open(s, b)
	if file == nil {
		f.err = err
		return
	}
	_, err = file.Write(data)
	f.err = errors.Join(err, file.Close())
}

// open opens the file of a body, and makes it at first. It is nil where there are too many.
func (f *Folder) open(s *stream, b *body) (*os.File, error) {
	if b.name != "" {
		return f.root.OpenFile(b.name, os.O_WRONLY|os.O_APPEND, fileMode)
	}
	if f.cut = f.cut || f.count == maxFiles; f.cut {
		return nil, nil
	}
	for again := range maxAgain {
		name := b.want
		if again > 0 {
			name = numbered(name, again+1)
		}
		file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
		if err == nil {
			b.name = name
			s.files = append(s.files, name)
			f.count++
		}
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
	}
	return nil, fmt.Errorf("%s: %w", b.want, fs.ErrExist)
}

// Done ends a connection. What was written of one that is not wanted is taken away.
func (f *Folder) Done(number int, wanted bool) {
	s := f.streams[number]
	if s == nil {
		return
	}
	delete(f.streams, number)
	for _, b := range s.bodies {
		if wanted {
			f.write(s, b)
		} else {
			f.held -= len(b.data)
		}
		if wanted && b.name != "" {
			f.err = cmp.Or(f.err, f.root.Rename(b.name, b.name+partial))
		}
	}
	if wanted {
		return
	}
	for _, name := range s.files {
		f.err = cmp.Or(f.err, f.root.Remove(name))
		f.count--
	}
}
