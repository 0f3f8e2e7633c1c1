package show

import (
	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/view/bodies"
	"github.com/akushu/akushu/observe"
)

// Exporter writes the bodies of HTTP into a folder. A nil one does nothing.
type Exporter struct {
	env    *cli.Env
	path   string
	folder *bodies.Folder
}

// Export has the bodies of the connections that are shown written to a folder. It returns nil for none.
func (s *Shower) Export(path string) (*Exporter, error) {
	if path == "" {
		return nil, nil
	}
	folder, err := bodies.Open(path)
	if err != nil {
		return nil, s.env.FileError(path, err)
	}
	s.export = &Exporter{s.env, path, folder}
	return s.export, nil
}

func (e *Exporter) watch() func(observe.Event) {
	if e == nil {
		return nil
	}
	return e.folder.Add
}

func (e *Exporter) done(stream int, wanted bool) {
	if e != nil {
		e.folder.Done(stream, wanted)
	}
}

// Finish says what was written.
func (e *Exporter) Finish() error {
	if e == nil {
		return nil
	}
	words := e.env.Words
	if err := e.folder.Close(); err != nil {
		return e.env.FileError(e.path, err)
	}
	count, cut := e.folder.Count()
	e.env.Note(words.Text("cli.exported", count, e.path))
	if cut {
		e.env.Warn(words.Text("cli.export_cut", count))
	}
	return nil
}
