// Package ndjson writes connections for machines: one connection object a line, as
// observe's Session encodes itself, whatever the language. Lines of several goroutines
// do not mix.
package ndjson

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"

	"github.com/akushu/akushu/observe"
)

// Writer writes connection objects. Several goroutines may use it.
type Writer struct {
	mu  sync.Mutex
	dst io.Writer
}

// NewWriter returns a Writer to dst.
func NewWriter(dst io.Writer) *Writer { return &Writer{dst: dst} }

// Write writes s as one line, in one Write to the destination, whose error it returns.
func (w *Writer) Write(s *observe.Session) error {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false) // nobody puts it into HTML, and people read it
	if err := enc.Encode(s); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.dst.Write(line.Bytes())
	return err
}
