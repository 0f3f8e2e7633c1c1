package hypertext

import (
	"encoding/binary"
	"strconv"

	"golang.org/x/net/http2/hpack"
)

// frame is what is known of the frame of HTTP/2 (RFC 9113 §4) that a direction is in.
type frame struct {
	frameType
	flags   uint8
	stream  uint32
	length  int // of the payload
	rest    int // bytes of it that have not come
	pad     int // bytes of padding at its end
	fields  *hpack.Decoder
	block   *Head  // of the field block under way
	blockOf uint32 // the stream that its frames stand in
	about   uint32 // the stream that it is about
	ends    bool   // END_STREAM came with the block
	bytes   int    // of the block so far
}

type frameType uint8

// The frames that mean something here (RFC 9113 §6).
const (
	frameData         frameType = 0
	frameHeaders      frameType = 1
	framePriority     frameType = 2
	frameReset        frameType = 3
	frameSettings     frameType = 4
	framePushPromise  frameType = 5
	framePing         frameType = 6
	frameGoAway       frameType = 7
	frameWindowUpdate frameType = 8
	frameContinuation frameType = 9
)

// Flags.
const (
	flagEndStream  = 0x01
	flagEndHeaders = 0x04
	flagPadded     = 0x08
	flagPriority   = 0x20
)

const frameHeaderLen = 9

// collect holds bytes until there are n. It reports false where they are not there yet.
func (h *half) collect(b []byte, n int) (all []byte, took int, whole bool) {
	if len(h.held) == 0 && len(b) >= n {
		return b[:n], n, true
	}
	took = min(n-len(h.held), len(b))
	if !h.hold(b[:took]) {
		return nil, len(b), false
	}
	if len(h.held) < n {
		return nil, took, false
	}
	all = h.held
	h.held = h.held[:0]
	return all, took, true
}

// frameHeader takes the nine bytes before a payload.
func (h *half) frameHeader(b []byte) int {
	header, n, whole := h.collect(b, frameHeaderLen)
	if !whole {
		return n
	}
	h.length = int(header[0])<<16 | int(header[1])<<8 | int(header[2])
	h.rest = h.length
	h.frameType, h.flags, h.stream = frameType(header[3]), header[4], binary.BigEndian.Uint32(header[5:])&^(1<<31)
	if !h.sound() {
		h.fail()
		return n
	}
	h.pad = 0
	h.step = (*half).skip
	switch h.frameType {
	case frameData:
		h.step = (*half).data
		if h.flags&flagPadded != 0 {
			h.step = (*half).padLength
		}
	case frameHeaders, framePushPromise, frameContinuation:
		h.step = (*half).payload
	}
	if h.rest == 0 {
		h.empty()
	}
	return n
}

// empty takes a frame without a payload.
func (h *half) empty() {
	if h.frameType == frameContinuation {
		h.payload(nil)
		return
	}
	h.endFrame()
}

// sound reports whether a frame may come here: it tells HTTP/2 from something else.
func (h *half) sound() bool {
	if (h.block != nil) != (h.frameType == frameContinuation) || h.block != nil && h.blockOf != h.stream {
		return false
	}
	switch h.frameType {
	case frameHeaders, framePushPromise:
		return h.stream != 0 && h.rest > 0
	case frameData, frameContinuation:
		return h.stream != 0 && (h.rest > 0 || h.flags&flagPadded == 0)
	case frameSettings:
		return h.stream == 0 && h.rest%6 == 0
	case framePing:
		return h.stream == 0 && h.rest == 8
	case frameWindowUpdate, frameReset:
		return h.rest == 4
	case framePriority:
		return h.rest == 5
	case frameGoAway:
		return h.stream == 0
	}
	return h.rest <= 1<<14 // of an extension
}

func (h *half) skip(b []byte) int {
	n := min(h.rest, len(b))
	if h.rest -= n; h.rest == 0 {
		h.endFrame()
	}
	return n
}

// endFrame goes on with the next frame.
func (h *half) endFrame() {
	h.step = (*half).frameHeader
	h.tellFrame(Frame{Type: uint8(h.frameType), Flags: h.flags, Stream: h.stream, Length: h.length})
	if h.flags&flagEndStream == 0 {
		return
	}
	if h.frameType == frameData {
		h.endStream(h.stream)
	}
}

func (h *half) tellFrame(f Frame) {
	if h.d.frames != nil {
		h.d.frames(h.side, f)
	}
}

// endStream ends what an end sends in a stream.
func (h *half) endStream(stream uint32) { h.d.sink.Body(h.side, int(stream), nil, true) }

func (h *half) padLength(b []byte) int {
	h.pad = int(b[0])
	h.rest--
	h.step = (*half).data
	switch {
	case h.pad > h.rest:
		h.fail()
	case h.rest == 0:
		h.endFrame()
	}
	return 1
}

// data takes a piece of a DATA frame.
func (h *half) data(b []byte) int {
	n := min(h.rest, len(b))
	if content := min(n, h.rest-h.pad); content > 0 {
		h.d.sink.Body(h.side, int(h.stream), b[:content], false)
	}
	if h.rest -= n; h.rest == 0 {
		h.endFrame()
	}
	return n
}

// payload takes a frame as a whole.
func (h *half) payload(b []byte) int {
	payload, n, whole := h.collect(b, h.rest)
	if !whole {
		return n
	}
	h.endFrame()
	switch h.frameType {
	case frameContinuation:
		h.fragment(payload)
	default:
		h.startBlock(payload)
	}
	return n
}

// startBlock begins a field block (RFC 9113 §6.2, §6.6).
func (h *half) startBlock(p []byte) {
	pad, skip := 0, 0
	if h.flags&flagPadded != 0 {
		pad, skip = int(p[0]), 1
	}
	if h.frameType == frameHeaders && h.flags&flagPriority != 0 {
		skip += 5
	}
	h.blockOf = h.stream
	of := h.stream
	if h.frameType == framePushPromise {
		if len(p) < skip+4 {
			h.fail()
			return
		}
		of = binary.BigEndian.Uint32(p[skip:]) &^ (1 << 31)
		skip += 4
	}
	if len(p) < skip+pad {
		h.fail()
		return
	}
	h.block = &Head{Protocol: HTTP2}
	h.ends, h.bytes = h.frameType == frameHeaders && h.flags&flagEndStream != 0, 0
	h.about = of
	h.fragment(p[skip : len(p)-pad])
}

// fragment takes a piece of a field block. It is decoded whatever it says, since the table depends on it.
func (h *half) fragment(p []byte) {
	if h.bytes += len(p); h.bytes > headMax {
		h.fail()
		return
	}
	if _, err := h.fields.Write(p); err != nil {
		h.fail()
		return
	}
	if h.flags&flagEndHeaders == 0 {
		return
	}
	if err := h.fields.Close(); err != nil {
		h.fail()
		return
	}
	m := h.block
	h.block = nil
	h.headers(m, h.about)
}

// field takes a field out of a block.
func (h *half) field(f hpack.HeaderField) {
	m := h.block
	switch f.Name {
	case ":method":
		m.Method = f.Value
	case ":path":
		m.Path = f.Value
	case ":authority":
		m.Host = f.Value
	case ":status":
		m.Status, _ = strconv.Atoi(f.Value)
	case ":scheme", ":protocol":
	default:
		// A table lets few bytes stand for long fields: what they stand for is bounded as well.
		if h.size += int(f.Size()); len(m.Fields) < fieldsMax && h.size <= headMax {
			m.Fields = append(m.Fields, Field{f.Name, f.Value})
		}
	}
}

// headers tells a head. A block that is none is a trailer.
func (h *half) headers(m *Head, stream uint32) {
	h.size = 0
	switch {
	case m.Method != "":
		h.asked(m, stream)
	case m.Status != 0:
		h.answered(m, stream)
	}
	if h.ends {
		h.endStream(stream)
	}
}

// asked tells a request, which is the server's own where it promises a response (RFC 9113 §8.4).
func (h *half) asked(m *Head, stream uint32) {
	if m.Path == "" && m.Method == "CONNECT" {
		m.Path = m.Host
	}
	if m.Host == "" {
		m.Host = m.get("host")
	}
	m.Exchange = int(stream)
	h.d.sink.Head(Client, m)
}

func (h *half) answered(m *Head, stream uint32) {
	m.Exchange = int(stream)
	h.d.sink.Head(Server, m)
}
