// Package hypertext reads HTTP/1 and HTTP/2 out of two byte streams that somebody else exchanged: heads with their
// fields, and bodies without their framing. It is the observer's: it never fails, answers nothing, and holds a bounded
// amount of memory. What it cannot follow any more, it passes over.
package hypertext

import "golang.org/x/net/http2/hpack"

// Side is the end that sends.
type Side uint8

// The ends.
const (
	Client Side = iota
	Server
)

// The protocols, as Head names them. HTTP/1 has its own words for its versions.
const HTTP2 = "HTTP/2"

// Field is a header field. In HTTP/2 names are lower case.
type Field struct{ Name, Value string }

// Head is the beginning of a request or of a response.
type Head struct {
	Protocol string // "HTTP/1.0", "HTTP/1.1", "HTTP/2"
	// Exchange is the same for a request and the responses to it, whichever is seen first: in HTTP/1 they are
	// counted from 1, in HTTP/2 it is the stream.
	Exchange int
	Method   string  // of a request
	Path     string  // of a request: the target as it was sent
	Host     string  // of a request: :authority or Host
	Status   int     // of a response; 0 for a request
	Fields   []Field // pseudo-header fields apart; the slice is the receiver's
	Cut      bool    // the rest of the head is missing, some fields perhaps; no body follows
}

// A Sink receives what was read. body is good until Body returns; end tells that it was the last of the body, in a call of
// its own with no bytes.
type Sink interface {
	Head(from Side, h *Head)
	Body(from Side, exchange int, body []byte, end bool)
}

// Frame is a frame of HTTP/2 (RFC 9113 §4) that came to its end, or the preface of a client (§3.4).
type Frame struct {
	Preface bool
	Type    uint8
	Flags   uint8
	Stream  uint32
	Length  int // of the payload
}

// Bounds of what is held.
const (
	headMax      = 64 << 10 // bytes of a head in HTTP/1, of a field block in HTTP/2
	fieldsMax    = 1024     // fields of a head
	exchangesMax = 4096     // requests of HTTP/1 without a response
	tableMax     = 64 << 10 // bytes of a table of HPACK, as browsers ask for
)

// Decoder reads one connection.
type Decoder struct {
	sink    Sink
	frames  func(from Side, f Frame) // nil: nobody asks
	halves  [2]half
	version version
	open    []exchange // of HTTP/1, the oldest first
}

// version is the generation of HTTP.
type version uint8

const (
	unknown version = iota
	one
	two
)

// exchange is a request of HTTP/1, and what it asks for.
type exchange struct {
	number int // 0: it was not seen yet
	method string
	h2c    bool // it asks for HTTP/2
}

// half is one direction.
type half struct {
	d    *Decoder
	side Side
	step func(h *half, b []byte) int // takes some of b, and says how much; nil: nothing can be read any more
	held []byte                      // what step needs more of
	message
	frame
}

// NewDecoder returns a decoder that tells sink what it reads.
func NewDecoder(sink Sink) *Decoder {
	d := &Decoder{sink: sink}
	for side := range d.halves {
		d.halves[side] = half{d: d, side: Side(side), step: (*half).begin}
	}
	return d
}

// OnFrame has f told of every frame of HTTP/2, before what it says.
func (d *Decoder) OnFrame(f func(from Side, f Frame)) { d.frames = f }

// SetHTTP2 says that the connection is HTTP/2, as ALPN may have it.
func (d *Decoder) SetHTTP2() { d.version = two }

// Push takes the bytes that come next from an end.
func (d *Decoder) Push(from Side, b []byte) {
	h := &d.halves[from]
	for len(b) > 0 && h.step != nil {
		n := h.step(h, b)
		b = b[n:]
	}
}

// Break tells that bytes of an end are missing: what follows of it cannot be read.
func (d *Decoder) Break(from Side) {
	d.halves[from].cut()
	d.halves[from].fail()
}

// End tells that nothing more comes from an end. It ends a body that lasts as long as the connection.
func (d *Decoder) End(from Side) {
	h := &d.halves[from]
	if h.untilEnd {
		h.endBody()
	}
	h.cut()
	h.fail()
}

// Lost reports whether nothing of what an end sends can be read any more: it is another protocol, broken, or what
// goes through a tunnel.
func (d *Decoder) Lost(from Side) bool { return d.halves[from].step == nil }

// Known reports whether the connection speaks HTTP.
func (d *Decoder) Known() bool { return d.version != unknown }

// fail gives up.
func (h *half) fail() { *h = half{d: h.d, side: h.side} }

// hold keeps b behind what is held, up to a bound. It reports false where that is passed.
func (h *half) hold(b []byte) bool {
	if len(h.held)+len(b) > headMax {
		h.fail()
		return false
	}
	h.held = append(h.held, b...)
	return true
}

// preface begins HTTP/2 (RFC 9113 §3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// begin finds out what is spoken.
func (h *half) begin(b []byte) int {
	switch {
	case h.side == Client && h.d.version != one && mayBegin(preface, h.held, b):
		return h.prefaced(b)
	case h.side == Server && h.d.version == unknown && !mayBegin("HTTP/1.", h.held, b):
		return h.guess(b)
	}
	if h.d.version == two {
		h.startFrames()
		return 0
	}
	held := h.held
	h.held, h.step = nil, (*half).startLine
	h.pushHeld(held)
	return 0
}

// guess takes what a server says before its client was heard, and what is not HTTP/1: a frame of SETTINGS begins HTTP/2
// (RFC 9113 §3.4).
func (h *half) guess(b []byte) int {
	n := min(frameHeaderLen-len(h.held), len(b))
	h.held = append(h.held, b[:n]...)
	if len(h.held) < frameHeaderLen {
		return n
	}
	held := h.held
	if held[0] != 0 || held[1] != 0 || frameType(held[3]) != frameSettings || held[4] != 0 {
		h.fail()
		return n
	}
	h.d.version = two
	h.startFrames()
	h.pushHeld(held)
	return n
}

// pushHeld gives bytes that were held to the next step.
func (h *half) pushHeld(b []byte) {
	for len(b) > 0 && h.step != nil {
		b = b[h.step(h, b):]
	}
}

// mayBegin reports whether held and b may be the beginning of want, or begin with it.
func mayBegin(want string, held, b []byte) bool {
	if len(held) >= len(want) || want[:len(held)] != string(held) {
		return false
	}
	rest := want[len(held):]
	n := min(len(rest), len(b))
	return rest[:n] == string(b[:n])
}

// prefaced takes a piece of the preface.
func (h *half) prefaced(b []byte) int {
	n := min(len(preface)-len(h.held), len(b))
	h.held = append(h.held, b[:n]...)
	if len(h.held) == len(preface) {
		h.d.version, h.held = two, nil
		h.startFrames()
		h.tellFrame(Frame{Preface: true})
	}
	return n
}

func (h *half) startFrames() {
	h.fields = hpack.NewDecoder(4096, h.field)
	h.fields.SetAllowedMaxDynamicTableSize(tableMax)
	h.fields.SetMaxStringLength(headMax)
	h.held, h.step = nil, (*half).frameHeader
}

// asked is the request with a number, as far as it was seen. Those before it are forgotten.
func (d *Decoder) asked(number int) exchange {
	for len(d.open) > 0 && d.open[0].number < number {
		d.open = d.open[1:]
	}
	if len(d.open) > 0 && d.open[0].number == number {
		return d.open[0]
	}
	return exchange{}
}
