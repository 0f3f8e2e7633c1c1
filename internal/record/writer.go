package record

import (
	"errors"
	"io"

	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
)

// Writer writes the records of one direction of a connection. Handshake messages are collected to a flight, which Flush
// sends; application data takes what waits with it. It holds buffers only while something waits.
//
// Once the connection failed to take a record, it may have taken a part: every later call returns the same error, as the
// connection gave it.
type Writer struct {
	Sealer
	w        io.Writer
	messages []byte // handshake messages that are in no record yet; borrowed, or nil
	flight   []byte // records that have not been sent; borrowed, or nil
	padding  int    // records of TLS 1.3 are multiples of it; 0 is none
	err      error
}

// NewWriter returns a Writer to w, without keys.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// SetPadding makes TLS 1.3 append zeros inside each record (RFC 9846 §5.4), until the content is a multiple of n bytes or
// there is no more room.
func (w *Writer) SetPadding(n int) { w.padding = n }

// zeros returns how many zeros go behind n bytes of content. Records that are full have no room for any.
func (w *Writer) zeros(n int) int {
	if w.padding == 0 {
		return 0
	}
	last := n % w.maxContent()
	return (w.padding - last%w.padding) % w.padding
}

// WriteMessage appends a handshake message, header included, to the flight. Messages go together into as few records as
// they need.
func (w *Writer) WriteMessage(raw []byte) error {
	if w.err != nil {
		return w.err
	}
	w.messages = append(borrow.Grow(w.messages, len(w.messages)+len(raw)), raw...)
	return nil
}

// WriteRecord appends a record of another type to the flight: an alert, a ChangeCipherSpec.
func (w *Writer) WriteRecord(typ iana.ContentType, content []byte) error {
	if err := w.endRecord(); err != nil {
		return err
	}
	return w.seal(typ, content)
}

// SetKeys protects with k what comes behind what the flight has now. The Writer takes k over, also where it fails.
func (w *Writer) SetKeys(k *suite.TrafficKeys) error {
	if err := w.endRecord(); err != nil {
		k.Wipe()
		return err
	}
	w.Sealer.SetKeys(k)
	return nil
}

// Update goes on to the next keys, behind what the flight has now: a KeyUpdate, under the old ones (RFC 9846 §4.7.3).
func (w *Writer) Update() error {
	if err := w.endRecord(); err != nil {
		return err
	}
	return w.Sealer.Update()
}

// Flush sends the flight, in one Write.
func (w *Writer) Flush() error {
	if err := w.endRecord(); err != nil {
		return err
	}
	defer w.drop()
	_, err := w.send()
	return err
}

// Write sends application data, in one Write of the connection for as many records as a buffer holds, and the flight with
// the first. n counts what went out in whole records. An empty p sends nothing.
func (w *Writer) Write(p []byte) (n int, err error) {
	if err := w.endRecord(); err != nil {
		return 0, err
	}
	batch, err := w.batch()
	for len(p) > 0 && err == nil {
		var sent int
		sent, err = w.writeBatch(p[:min(len(p), batch)])
		n, p = n+sent, p[sent:]
	}
	return n, err
}

// batch returns how many bytes of data fill one buffer.
func (w *Writer) batch() (int, error) {
	one, err := w.SealedLen(w.maxContent(), 0)
	if err != nil {
		return 0, err
	}
	return max(1, borrow.Bulk/one) * w.maxContent(), nil
}

// writeBatch sends the flight with p behind it, and returns how much of p went out.
func (w *Writer) writeBatch(p []byte) (int, error) {
	before := len(w.flight)
	if err := w.seal(iana.ContentApplicationData, p); err != nil {
		return 0, err
	}
	defer w.drop()
	sent, err := w.send()
	return w.whole(w.flight[before:], sent-before, len(p)), err
}

// whole returns how many bytes of data lie in the records that the first sent bytes of records hold all of.
func (w *Writer) whole(records []byte, sent, data int) (n int) {
	piece := w.first(iana.ContentApplicationData, data)
	for len(records) > 0 {
		length := HeaderLen + ParseHeader(records).Length
		if sent < length {
			break
		}
		n += piece
		piece = min(data-n, w.maxContent())
		records, sent = records[length:], sent-length
	}
	return n
}

// endRecord puts the messages so far into records.
func (w *Writer) endRecord() error {
	if len(w.messages) == 0 {
		return w.err
	}
	err := w.seal(iana.ContentHandshake, w.messages)
	borrow.Put(w.messages)
	w.messages = nil
	return err
}

// seal appends records to the flight, which first gets the room for them.
func (w *Writer) seal(typ iana.ContentType, content []byte) error {
	if w.err != nil {
		return w.err
	}
	n, zeros := 0, w.zeros(len(content))
	if n, w.err = w.SealedLen(len(content), zeros); w.err != nil {
		return w.err
	}
	w.flight = borrow.Grow(w.flight, len(w.flight)+n)
	w.flight, w.err = w.Seal(w.flight, typ, content, zeros)
	return w.err
}

// send writes the flight, which stays.
func (w *Writer) send() (n int, err error) {
	if len(w.flight) == 0 {
		return 0, nil
	}
	n, err = w.w.Write(w.flight)
	if err == nil && n < len(w.flight) {
		err = io.ErrShortWrite
	}
	w.err = err
	return n, err
}

// drop gives the flight back. It was meant for everybody's eyes as it is, so nothing has to be overwritten.
func (w *Writer) drop() {
	borrow.Put(w.flight[:0])
	w.flight = nil
}

var errWiped = errors.New("record: nothing can be written any more, the keys are wiped")

// Wipe zeroes the keys and drops what was not sent. Later calls fail, so that nothing goes out in the clear.
func (w *Writer) Wipe() {
	if w.err == nil {
		w.err = errWiped
	}
	w.Sealer.Wipe()
	borrow.Put(w.messages)
	w.messages = nil
	w.drop()
}
