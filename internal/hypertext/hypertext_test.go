package hypertext

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2/hpack"
)

// heard writes down what a Decoder tells.
type heard struct{ strings.Builder }

func (w *heard) Head(from Side, m *Head) {
	fmt.Fprintf(w, "%c%d %s", "cs"[from], m.Exchange, m.Protocol)
	if m.Status != 0 {
		fmt.Fprintf(w, " %d", m.Status)
	} else {
		fmt.Fprintf(w, " %s %s %s", m.Method, m.Host, m.Path)
	}
	for _, f := range m.Fields {
		fmt.Fprintf(w, " [%s: %s]", f.Name, f.Value)
	}
	if m.Cut {
		w.WriteString(" cut")
	}
	w.WriteByte('\n')
}

func (w *heard) Body(from Side, exchange int, b []byte, end bool) {
	if end {
		fmt.Fprintf(w, "%c%d end\n", "cs"[from], exchange)
		return
	}
	fmt.Fprintf(w, "%c%d %q\n", "cs"[from], exchange, b)
}

// talk is what the ends say, in turn: "c" and "s" and the text.
type talk []string

func (t talk) play(d *Decoder, size int) {
	for _, s := range t {
		from, b := Client, []byte(s[1:])
		if s[0] == 's' {
			from = Server
		}
		for len(b) > 0 {
			n := min(size, len(b))
			d.Push(from, b[:n])
			b = b[n:]
		}
	}
}

func TestHTTP1(t *testing.T) {
	for _, row := range []struct {
		name string
		talk talk
		want string
	}{
		{"a request and its response", talk{
			"cGET /a b HTTP/1.1\r\nHost: x\r\n\r\n", "sHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		}, "c1 HTTP/1.1 GET x /a b [Host: x]\nc1 end\ns1 HTTP/1.1 200 [Content-Length: 2]\ns1 \"hi\"\ns1 end\n"},
		{"pipelined, one HEAD", talk{
			"cHEAD /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n",
			"sHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
		}, "c1 HTTP/1.1 HEAD  /1\nc1 end\nc2 HTTP/1.1 GET  /2\nc2 end\n" +
			"s1 HTTP/1.1 200 [Content-Length: 9]\ns1 end\ns2 HTTP/1.1 404 [Content-Length: 0]\ns2 end\n"},
		{"chunks, a trailer, and an interim response", talk{
			"cPOST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nT: u\r\n\r\n",
			"sHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
		}, "c1 HTTP/1.1 POST  / [Transfer-Encoding: gzip, Chunked]\nc1 \"abc\"\nc1 \"d\"\nc1 end\n" +
			"s1 HTTP/1.1 100\ns1 HTTP/1.1 204\ns1 end\n"},
		{"until the connection ends, bare LF", talk{"cGET / HTTP/1.0\n\n", "sHTTP/1.0 200 OK\n\nab"}, "c1 HTTP/1.0 GET  /\nc1 end\ns1 HTTP/1.0 200\ns1 \"ab\"\ns1 end\n"},
		{"only the response", talk{"sHTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"}, "s1 HTTP/1.1 302 [Content-Length: 0]\ns1 end\n"},
		{"a tunnel", talk{
			"cCONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "sHTTP/1.1 200 Connection established\r\n\r\n", "cGET / HTTP/1.1\r\n\r\n", "sabc",
		}, "c1 HTTP/1.1 CONNECT a:443 a:443 [Host: a:443]\nc1 end\ns1 HTTP/1.1 200\ns1 end\n"},
		{"heads whose ends are missing", talk{
			"cHEAD /a HTTP/1.1\r\nHost: x\r\nAccept: t", "sHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nContent-",
		}, "c1 HTTP/1.1 HEAD x /a [Host: x] cut\ns1 HTTP/1.1 404 [Content-Length: 2] cut\n"},
		{"a request whose end is missing", talk{
			"cHEAD /a HTTP/1.1\r\nHo", "sHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
		}, "s1 HTTP/1.1 200 [Content-Length: 2]\nc1 HTTP/1.1 HEAD  /a cut\n"},
		{"a first line whose end is missing", talk{"cGET /a HTTP/1.1", "sHTTP/1.1 200 OK"}, ""},
		{"something else", talk{"c\x16\x03\x01\x02\x00", "s220 ready\r\n"}, ""},
		{"a first line that is none", talk{"cGET /\r\n\r\n", "sHTTP/1.1 2000\r\n\r\n"}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, size := range []int{1, 3, 1 << 20} {
				var got heard
				d := NewDecoder(&got)
				row.talk.play(d, size)
				d.End(Client)
				d.End(Server)
				if got := joined(got.String()); got != joined(row.want) {
					t.Errorf("in pieces of %d bytes:\n got %s\nwant %s", size, got, row.want)
				}
			}
		})
	}
}

// joined puts pieces of a body together, so that it does not matter how they came.
func joined(s string) string {
	var out []string
	for _, line := range strings.Split(s, "\n") {
		if n := len(out) - 1; n >= 0 && strings.Contains(line, " \"") && strings.HasPrefix(out[n], line[:3]) && strings.HasSuffix(out[n], `"`) {
			out[n] = out[n][:len(out[n])-1] + line[4:]
			continue
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// frames writes HTTP/2.
type frames struct {
	bytes.Buffer
	fields bytes.Buffer
	enc    *hpack.Encoder
}

func newFrames() *frames {
	f := &frames{}
	f.enc = hpack.NewEncoder(&f.fields)
	return f
}

// frame writes a frame; text is its payload.
func (f *frames) frame(t frameType, flags byte, stream byte, payload ...[]byte) {
	p := bytes.Join(payload, nil)
	f.Write([]byte{byte(len(p) >> 16), byte(len(p) >> 8), byte(len(p)), byte(t), flags, 0, 0, 0, stream})
	f.Write(p)
}

func (f *frames) block(list ...string) []byte {
	f.fields.Reset()
	for i := 0; i < len(list); i += 2 {
		f.enc.WriteField(hpack.HeaderField{Name: list[i], Value: list[i+1]})
	}
	return bytes.Clone(f.fields.Bytes())
}

func TestHTTP2(t *testing.T) {
	c, s := newFrames(), newFrames()
	const all, last = flagEndHeaders, flagEndHeaders | flagEndStream
	c.WriteString(preface)
	c.frame(frameSettings, 0, 0)
	get := c.block(":method", "GET", ":scheme", "https", ":path", "/", ":authority", "x", "a", "b")
	c.frame(frameHeaders, flagEndStream|flagPadded|flagPriority, 1, []byte{7, 0, 0, 0, 0, 3}, get[:3], make([]byte, 7))
	c.frame(frameContinuation, flagEndHeaders, 1, get[3:])
	c.frame(frameHeaders, all, 3, c.block(":method", "POST", ":path", "/p", ":authority", "x", "a", "b"))
	c.frame(frameData, flagEndStream|flagPadded, 3, []byte{9}, []byte("data"), make([]byte, 9))
	s.frame(frameSettings, 0, 0, []byte{0, 5, 0, 0, 64, 0})
	s.frame(frameSettings, 1, 0)
	s.frame(frameHeaders, all, 3, s.block(":status", "100"))
	s.frame(frameHeaders, last, 3, s.block(":status", "404"))
	s.frame(framePushPromise, all, 1, []byte{0, 0, 0, 2}, s.block(":method", "GET", ":path", "/pushed", ":authority", "x"))
	s.frame(frameHeaders, all, 1, s.block(":status", "200"))
	s.frame(frameData, 0, 1, []byte("hel"))
	s.frame(0xfe, 0, 9, []byte("unknown"))
	s.frame(framePing, 0, 0, make([]byte, 8))
	s.frame(frameWindowUpdate, 0, 1, make([]byte, 4))
	s.frame(frameData, 0, 1)
	s.frame(frameData, 0, 1, []byte("lo"))
	s.frame(frameHeaders, last, 1, s.block("trailer", "t"))
	s.frame(frameHeaders, last, 2, s.block(":status", "203"))
	s.frame(frameReset, 0, 5, make([]byte, 4))
	s.frame(frameHeaders, last, 7, s.block(":status", "500"))
	const want = `c1 HTTP/2 GET x / [a: b]
c1 end
c3 HTTP/2 POST x /p [a: b]
c3 "data"
c3 end
s3 HTTP/2 100
s3 HTTP/2 404
s3 end
c2 HTTP/2 GET x /pushed
s1 HTTP/2 200
s1 "hello"
s1 end
s2 HTTP/2 203
s2 end
s7 HTTP/2 500
s7 end
`
	for _, size := range []int{1, 5, 1 << 20} {
		var got heard
		d := NewDecoder(&got)
		talk{"c" + c.String(), "s" + s.String()}.play(d, size)
		if got := joined(got.String()); got != want {
			t.Errorf("in pieces of %d bytes:\n got %s\nwant %s", size, got, want)
		}
		if d.Lost(Client) || d.Lost(Server) {
			t.Errorf("in pieces of %d bytes: lost the client %v, the server %v", size, d.Lost(Client), d.Lost(Server))
		}
	}
	var first heard
	d := NewDecoder(&first)
	talk{"s" + s.String(), "c" + c.String()}.play(d, 1)
	if got := first.String(); !strings.HasPrefix(got, "s3 HTTP/2 100\n") || !strings.Contains(got, "POST x /p") {
		t.Errorf("the server first: got %s", got)
	}
}

// Frames are told where they end, those of a client after its preface.
func TestFrames(t *testing.T) {
	c := newFrames()
	c.WriteString(preface)
	c.frame(frameSettings, 0, 0)
	get := c.block(":method", "GET", ":path", "/")
	c.frame(frameHeaders, 0, 1, get[:1])
	c.frame(frameContinuation, flagEndHeaders, 1, get[1:])
	c.frame(frameData, flagPadded, 1, []byte{1}, []byte("data"), []byte{0})
	c.frame(frameData, flagEndStream, 1)
	want := []Frame{
		{Preface: true},
		{Type: 4},
		{Type: 1, Stream: 1, Length: 1},
		{Type: 9, Flags: flagEndHeaders, Stream: 1, Length: len(get) - 1},
		{Flags: flagPadded, Stream: 1, Length: 6},
		{Flags: flagEndStream, Stream: 1},
	}
	for _, size := range []int{1, 5, 1 << 20} {
		var got []Frame
		d := NewDecoder(new(heard))
		d.OnFrame(func(_ Side, f Frame) { got = append(got, f) })
		talk{"c" + c.String()}.play(d, size)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in pieces of %d bytes (-want +got):\n%s", size, diff)
		}
	}
}

func TestUpgradeToHTTP2(t *testing.T) {
	c, s := newFrames(), newFrames()
	c.WriteString("GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n")
	s.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n")
	s.frame(frameSettings, 0, 0)
	s.frame(frameHeaders, flagEndHeaders|flagEndStream, 1, s.block(":status", "200"))
	second := newFrames()
	second.WriteString(preface)
	second.frame(frameHeaders, flagEndHeaders|flagEndStream, 3, second.block(":method", "GET", ":path", "/2"))
	var got heard
	talk{"c" + c.String(), "s" + s.String(), "c" + second.String()}.play(NewDecoder(&got), 4)
	want := "c1 HTTP/1.1 GET  / [Upgrade: h2c]\nc1 end\ns1 HTTP/1.1 101 [Upgrade: h2c]\ns1 HTTP/2 200\ns1 end\nc3 HTTP/2 GET  /2\nc3 end\n"
	if got.String() != want {
		t.Errorf("got %s\nwant %s", got.String(), want)
	}
}

// What is endless is given up.
func TestBounds(t *testing.T) {
	for name, text := range map[string]string{
		"a line":          "cGET /" + strings.Repeat("a", 1<<20),
		"fields":          "cGET / HTTP/1.1\r\n" + strings.Repeat("a: b\r\n", 1<<16),
		"a field block":   "c" + preface + endless(),
		"a chunk's name":  "cPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1", 1<<20),
		"a long trailer":  "cPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("a: b\r\n", 1<<16),
		"frames too long": "c" + preface + "\xff\xff\xff\x01\x00\x00\x00\x00\x01" + strings.Repeat("a", 1<<20),
	} {
		d := NewDecoder(new(heard))
		talk{text}.play(d, 1<<10)
		if !d.Lost(Client) {
			t.Errorf("%s: got it read, want it given up", name)
		}
	}
}

// endless is a field block that goes on and on.
func endless() string {
	f := newFrames()
	f.frame(frameHeaders, 0, 1, f.block(":method", "GET"))
	for i := range 100 {
		f.frame(frameContinuation, 0, 1, f.block("name", strings.Repeat(string(rune(33+i%90)), 2000)))
	}
	return f.String()
}

// Whatever comes: no panic, and the pieces in which it comes make no difference.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"), byte(3))
	f.Add([]byte(preface+endless()[:40]), []byte("\x00\x00\x00\x04\x00\x00\x00\x00\x00"), byte(1))
	f.Fuzz(func(t *testing.T, client, server []byte, size byte) {
		var whole, pieces heard
		for _, run := range []struct {
			to   *heard
			size int
		}{{&whole, 1 << 30}, {&pieces, int(size)%64 + 1}} {
			d := NewDecoder(run.to)
			talk{"c" + string(client), "s" + string(server)}.play(d, run.size)
			d.End(Client)
			d.End(Server)
		}
		if bodies(whole.String()) != bodies(pieces.String()) {
			t.Errorf("in one piece:\n%s\nin several:\n%s", whole.String(), pieces.String())
		}
	})
}

// bodies leaves the lines of bodies out.
func bodies(s string) string {
	var out []string
	for _, line := range strings.Split(s, "\n") {
		if !strings.Contains(line, " \"") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}
