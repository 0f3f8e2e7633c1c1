package hypertext

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// message is what is known of the message of HTTP/1 (RFC 9112) that a direction is in.
type message struct {
	head     *Head
	size     int   // of the head so far, in bytes
	left     int64 // of the body, or of a chunk of it
	untilEnd bool  // the body lasts as long as the connection
	count    int   // of messages, interim responses apart
}

// line takes a line, which may come in pieces. It reports false where its end is not there yet.
func (h *half) line(b []byte) (line []byte, n int, whole bool) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		h.hold(b)
		return nil, len(b), false
	}
	if line = b[:end]; len(h.held) > 0 {
		if !h.hold(line) {
			return nil, len(b), false
		}
		line = h.held
		h.held = h.held[:0]
	}
	return bytes.TrimSuffix(line, []byte{'\r'}), end + 1, true
}

// startLine takes the first line of a message. Empty lines before it are passed over (RFC 9112 §2.2).
func (h *half) startLine(b []byte) int {
	line, n, whole := h.line(b)
	if !whole {
		if h.step != nil && !plausible(h.held) {
			h.fail()
		}
		return n
	}
	if len(line) == 0 {
		return n
	}
	h.head, h.size = &Head{}, len(line)
	if !h.parseStart(string(line)) {
		h.fail()
		return n
	}
	h.d.version = one
	h.step = (*half).fieldLine
	return n
}

// plausible reports whether b can be the beginning of a first line: text.
func plausible(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\r' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

func (h *half) parseStart(line string) bool {
	if h.side == Server {
		return h.head.parseStatus(line)
	}
	return h.head.parseRequest(line)
}

// parseRequest reads a request-line (RFC 9112 §3).
func (m *Head) parseRequest(line string) bool {
	method, rest, ok := strings.Cut(line, " ")
	i := strings.LastIndexByte(rest, ' ')
	if !ok || i <= 0 || !isVersion(rest[i+1:]) || !isToken(method) {
		return false
	}
	m.Method, m.Path, m.Protocol = method, rest[:i], rest[i+1:]
	return plausible([]byte(m.Path))
}

// parseStatus reads a status-line (RFC 9112 §4).
func (m *Head) parseStatus(line string) bool {
	protocol, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if !isVersion(protocol) || err != nil || len(code) != 3 || status < 100 {
		return false
	}
	m.Protocol, m.Status = protocol, status
	return true
}

func isVersion(s string) bool {
	return len(s) == len("HTTP/1.1") && strings.HasPrefix(s, "HTTP/1.") && s[7] >= '0' && s[7] <= '9'
}

// isToken reports whether s may be a method (RFC 9110 §5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// fieldLine takes a header field, or the empty line behind the last one.
func (h *half) fieldLine(b []byte) int {
	line, n, whole := h.line(b)
	if !whole {
		return n
	}
	if len(line) == 0 {
		h.endHead()
		return n
	}
	if h.size += len(line); h.size > headMax || len(h.head.Fields) == fieldsMax {
		h.fail()
		return n
	}
	name, value, ok := strings.Cut(string(line), ":")
	if !ok || !isToken(name) {
		h.fail()
		return n
	}
	h.head.Fields = append(h.head.Fields, Field{name, strings.Trim(value, " \t")})
	return n
}

// get is the value of a field, "" where there is none.
func (m *Head) get(name string) string {
	for _, f := range m.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// endHead tells the head, and finds out how long the body is.
func (h *half) endHead() {
	m := h.head
	h.head = nil
	if h.side == Client {
		h.request(m)
	} else {
		h.response(m)
	}
}

// cut tells the head that the direction is in, of which nothing more comes.
func (h *half) cut() {
	m := h.head
	if m == nil {
		return
	}
	h.head, m.Cut = nil, true
	if h.side == Client {
		h.ask(m)
	} else {
		m.Exchange = h.count + 1
	}
	h.d.sink.Head(h.side, m)
}

func (h *half) request(m *Head) {
	h.ask(m)
	h.d.sink.Head(Client, m)
	h.startBody(m, 0)
}

// ask notes a request, for what answers it.
func (h *half) ask(m *Head) {
	h.count++
	m.Host, m.Exchange = m.get("Host"), h.count
	if len(h.d.open) < exchangesMax {
		h.d.open = append(h.d.open, exchange{h.count, m.Method, strings.EqualFold(m.get("Upgrade"), "h2c")})
	}
}

// response tells a response, of which one with a status below 200 is not the last to its request.
func (h *half) response(m *Head) {
	m.Exchange = h.count + 1
	x := h.d.asked(m.Exchange)
	h.d.sink.Head(Server, m)
	if m.Status < 200 && m.Status != 101 {
		h.step, h.size = (*half).startLine, 0
		return
	}
	h.count++
	switch {
	case m.Status == 101:
		h.d.upgrade(x, m)
	case x.method == "CONNECT" && m.Status/100 == 2:
		h.endBody()
		h.d.tunnel()
	case x.method == "HEAD" || m.Status == 204 || m.Status == 304:
		h.endBody()
	default:
		h.startBody(m, math.MaxInt64)
	}
}

// startBody begins the body (RFC 9112 §6.3). length is what it has where the head says nothing.
func (h *half) startBody(m *Head, length int64) {
	if hasToken(m.get("Transfer-Encoding"), "chunked") {
		h.step = (*half).chunkSize
		return
	}
	if text := m.get("Content-Length"); text != "" {
		n, err := strconv.ParseInt(text, 10, 63)
		if err != nil || n < 0 {
			h.fail()
			return
		}
		length = n
	}
	if length == 0 {
		h.endBody()
		return
	}
	h.left, h.untilEnd = length, length == math.MaxInt64
	h.step = (*half).body
}

func hasToken(list, token string) bool {
	for s := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(s), token) {
			return true
		}
	}
	return false
}

// body takes a piece of a body, or of a chunk.
func (h *half) body(b []byte) int {
	n := h.piece(b)
	if h.left == 0 {
		h.endBody()
	}
	return n
}

func (h *half) piece(b []byte) int {
	n := int(min(h.left, int64(len(b))))
	h.d.sink.Body(h.side, h.count, b[:n], false)
	if !h.untilEnd {
		h.left -= int64(n)
	}
	return n
}

// endBody ends the message.
func (h *half) endBody() {
	h.d.sink.Body(h.side, h.count, nil, true)
	h.untilEnd, h.size = false, 0
	h.step = (*half).startLine
}

// chunkSize takes the line before a chunk (RFC 9112 §7.1).
func (h *half) chunkSize(b []byte) int {
	line, n, whole := h.line(b)
	if !whole {
		return n
	}
	digits, _, _ := strings.Cut(string(line), ";")
	size, err := strconv.ParseInt(strings.TrimSpace(digits), 16, 63)
	switch {
	case err != nil || size < 0:
		h.fail()
	case size == 0:
		h.step = (*half).trailer
	default:
		h.left, h.step = size, (*half).chunk
	}
	return n
}

func (h *half) chunk(b []byte) int {
	n := h.piece(b)
	if h.left == 0 {
		h.step = (*half).chunkEnd
	}
	return n
}

// chunkEnd takes the line end behind a chunk.
func (h *half) chunkEnd(b []byte) int {
	line, n, whole := h.line(b)
	switch {
	case !whole:
	case len(line) > 0:
		h.fail()
	default:
		h.step = (*half).chunkSize
	}
	return n
}

// trailer takes what follows the last chunk.
func (h *half) trailer(b []byte) int {
	line, n, whole := h.line(b)
	if !whole {
		return n
	}
	if h.size += len(line); h.size > headMax {
		h.fail()
	} else if len(line) == 0 {
		h.endBody()
	}
	return n
}

// upgrade leaves HTTP/1: for HTTP/2, in which the request is stream 1 (RFC 7540 §3.2), or for something else.
func (d *Decoder) upgrade(x exchange, m *Head) {
	if !x.h2c || !strings.EqualFold(m.get("Upgrade"), "h2c") {
		d.tunnel()
		return
	}
	d.version = two
	d.halves[Server].startFrames()
	d.halves[Client].step = (*half).begin
}

// tunnel passes over what follows.
func (d *Decoder) tunnel() {
	for i := range d.halves {
		d.halves[i].fail()
	}
}
