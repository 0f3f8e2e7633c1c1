package observe

import (
	"time"

	"github.com/akushu/akushu/internal/hypertext"
)

// HTTPHead is the head of a request or a response of HTTP/1 or HTTP/2: of the application data, or of a connection, or
// a beginning of one, without TLS. The sender is the event's Dir.From; a request that a server promises is the client's.
type HTTPHead struct {
	Place            // of the record, or the bytes, that completed it
	Protocol  string // "HTTP/1.0", "HTTP/1.1", "HTTP/2"
	Exchange  int    // the same for a request and its responses; apart before and inside TLS
	Method    string // of a request
	Path      string // of a request: its target
	Host      string // of a request
	Status    int    // of a response; 0 for a request
	Fields    []HTTPField
	Encrypted bool // it travelled under keys
	Early     bool // 0-RTT, told once it is known to be accepted
	Cut       bool `json:",omitempty"` // the rest of the head is missing, some fields perhaps; no body follows
}

// HTTPField is a header field.
type HTTPField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// HTTPBody is a piece of the body of a request or a response, without chunks, frames and padding; compression is left
// as it is. It is the sink's only until the sink returns: see Event.Clone.
type HTTPBody struct {
	// Place is that of the record, or the bytes, that it ends in. What ends with the connection does in its last packet,
	// and nowhere where it is encrypted.
	Place
	Exchange  int    // as that of the head
	Encrypted bool   // it travelled under keys
	Early     bool   // 0-RTT, told once it is known to be accepted
	End       bool   // nothing more comes of it; there is no Data
	Data      []byte // the sink's only until the sink returns
}

// HTTPFrame is a frame of HTTP/2 (RFC 9113 §4), or the preface of a client (§3.4). It is told, before what it says, to who
// asks for it: see Options.HTTPFrames.
type HTTPFrame struct {
	Place     // of the record, or the bytes, that completed it
	Preface   bool
	Type      uint8
	Flags     uint8
	HTTP2     uint32 // the stream of HTTP/2, 0 for the connection
	Length    int    // of the payload
	Encrypted bool   // it travelled under keys
}

// Kind implements Body.
func (*HTTPFrame) Kind() Kind { return KindHTTPFrame }

// Kind implements Body.
func (*HTTPHead) Kind() Kind { return KindHTTPHead }

// Kind implements Body.
func (*HTTPBody) Kind() Kind { return KindHTTPBody }

// The kinds of event of HTTP.
const (
	KindHTTPHead  Kind = "http_head"
	KindHTTPBody  Kind = "http_body"
	KindHTTPFrame Kind = "http_frame"
)

// web reads HTTP: what stands before TLS, or what is inside.
type web struct {
	c         *Conn
	decoder   *hypertext.Decoder
	encrypted bool
	early     bool      // what is being read is
	time      time.Time // of what is being read
	place     Place
	latest    [2]webSpot // by side: what came last of it
	body      HTTPBody   // told again and again
}

// webSpot is when and where bytes came.
type webSpot struct {
	time  time.Time
	place Place
}

func newWeb(c *Conn, encrypted bool) *web {
	w := &web{c: c, encrypted: encrypted}
	w.decoder = hypertext.NewDecoder(w)
	if c.opts.HTTPFrames {
		w.decoder.OnFrame(w.frame)
	}
	return w
}

// webSides is which end sends in a direction, in the words of package hypertext.
var webSides = [...]hypertext.Side{ClientToServer: hypertext.Client, ServerToClient: hypertext.Server}

var webDirs = [...]Dir{hypertext.Client: ClientToServer, hypertext.Server: ServerToClient}

func (w *web) push(d Dir, t time.Time, p Place, b []byte) {
	w.time, w.place = t, p
	w.latest[webSides[d]] = webSpot{t, p}
	w.decoder.Push(webSides[d], b)
}

// Head implements hypertext.Sink.
func (w *web) Head(from hypertext.Side, m *hypertext.Head) {
	at := webSpot{w.time, w.place}
	if m.Cut {
		at = w.latest[from]
	}
	e := &HTTPHead{
		Place: at.place, Protocol: m.Protocol, Exchange: m.Exchange, Method: m.Method, Path: m.Path, Host: m.Host, Status: m.Status,
		Encrypted: w.encrypted, Early: w.early, Cut: m.Cut,
	}
	if !w.c.omits(OmitDetails) {
		e.Fields = make([]HTTPField, len(m.Fields))
		for i, f := range m.Fields {
			e.Fields[i] = HTTPField(f)
		}
	}
	w.c.emit(webDirs[from], at.time, e)
}

// Body implements hypertext.Sink.
func (w *web) Body(from hypertext.Side, exchange int, b []byte, end bool) {
	w.body = HTTPBody{Place: w.place, Exchange: exchange, Encrypted: w.encrypted, Early: w.early, End: end, Data: b}
	w.c.emit(webDirs[from], w.time, &w.body)
	w.body.Data = nil
}

func (w *web) frame(from hypertext.Side, f hypertext.Frame) {
	w.c.emit(webDirs[from], w.time, &HTTPFrame{
		Place: w.place, Preface: f.Preface, Type: f.Type, Flags: f.Flags, HTTP2: f.Stream, Length: f.Length, Encrypted: w.encrypted,
	})
}

// earlyLimit is how much early data is kept until it is known whether it was accepted, in bytes.
const earlyLimit = 64 << 10

// early is early data whose fate is not known: what is rejected does not count as said.
type early struct {
	held  []byte
	place Place
	lost  bool // there was too much
}

func (e *early) hold(p Place, b []byte) {
	if e.lost = e.lost || len(e.held)+len(b) > earlyLimit; !e.lost {
		e.held, e.place = append(e.held, b...), p
	}
}

// readHTTP takes application data.
func (h *half) readHTTP(s *source, b []byte) {
	w := h.c.inside
	switch fate := h.c.hs.early; {
	case s.epoch == EpochEarlyData && fate == EarlyDataRejected:
		return
	case s.epoch == EpochEarlyData && fate != EarlyDataAccepted:
		h.c.early.hold(s.place, b)
		return
	}
	h.c.settleEarly(s.time())
	w.push(h.dir, s.time(), s.place, b)
}

// settleEarly takes the early data that was held, if it was accepted.
func (c *Conn) settleEarly(t time.Time) {
	e := c.early
	if e.held == nil && !e.lost || c.hs.early == EarlyDataOffered {
		return
	}
	c.early = early{}
	switch {
	case c.hs.early != EarlyDataAccepted:
	case e.lost:
		c.inside.decoder.Break(hypertext.Client)
	default:
		c.inside.early = true
		c.inside.push(ClientToServer, t, e.place, e.held)
		c.inside.early = false
	}
}

// before is what reads the bytes before TLS.
func (c *Conn) before() *web {
	if c.outside == nil {
		c.outside = newWeb(c, false)
	}
	return c.outside
}

// breakHTTP notes that what a direction says cannot be followed any more.
func (h *half) breakHTTP() {
	side := webSides[h.dir]
	if h.protected != 0 {
		h.c.inside.decoder.Break(side)
	} else {
		h.c.before().decoder.Break(side)
	}
}

// endHTTP notes that a direction carries nothing more.
func (h *half) endHTTP(at At) {
	for _, w := range []*web{h.c.outside, h.c.inside} {
		if w != nil {
			w.time, w.place = at.Time, Place{}
			if !w.encrypted {
				w.place = Place{Offset: h.offset(), FrameFirst: at.Frame, Frame: at.Frame}
			}
			w.decoder.End(webSides[h.dir])
		}
	}
}

// plainHTTP reads b, which is before the first record, as HTTP, and reports whether it is that, so that no TLS is to be
// looked for in it. Behind a request for a tunnel, and its answer, it is not.
func (h *half) plainHTTP(b []byte) bool {
	w := h.c.before()
	if news := b[max(0, h.read-h.pos):]; len(news) > 0 {
		h.read = h.pos + int64(len(b))
		w.push(h.dir, h.markAt(len(b)-1).at.Time, h.place(len(b)), news)
	}
	return w.decoder.Known() && !w.decoder.Lost(webSides[h.dir])
}

// isHTTP2 reports whether a protocol of ALPN is HTTP/2.
func isHTTP2(alpn string) bool { return alpn == "h2" }

// http lists an exchange, at the first that is seen of it.
func (f *fold) http(d Dir, m *HTTPHead) {
	key := exchangeKey{m.Encrypted, m.Exchange}
	i, known := f.exchanges[key]
	if !known {
		i = len(f.s.HTTP)
		appendTo(f.s, "http", &f.s.HTTP, HTTP{Protocol: m.Protocol})
		if i == len(f.s.HTTP) {
			return
		}
		if f.exchanges == nil {
			f.exchanges = make(map[exchangeKey]int)
		}
		f.exchanges[key] = i
	}
	x := &f.s.HTTP[i]
	if d == ClientToServer {
		x.Protocol, x.Method, x.Path, x.Host, x.Request = m.Protocol, m.Method, m.Path, m.Host, f.fields(m.Fields)
	} else {
		x.Protocol, x.Status, x.Response = m.Protocol, m.Status, f.fields(m.Fields)
	}
}

// exchangeKey names an exchange: those before and inside TLS are counted apart.
type exchangeKey struct {
	encrypted bool
	number    int
}

// fieldsLimit bounds what a Session keeps of header fields, in bytes.
const fieldsLimit = 256 << 10

// fields is what is kept of header fields.
func (f *fold) fields(list []HTTPField) []HTTPField {
	for _, field := range list {
		f.fieldBytes += len(field.Name) + len(field.Value) + 32
	}
	if f.fieldBytes > fieldsLimit {
		truncated(f.s, "http.fields")
		return nil
	}
	return list
}
