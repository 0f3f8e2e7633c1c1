package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/wire"
)

// Structures of one field each, to be faulty in.

func number(c *wire.Codec) {
	var n code
	wire.Uint16(c, "n", &n)
}

func fixed(c *wire.Codec) { wire.Fixed(c, "f", make([]byte, 4)) }

func counted(c *wire.Codec) {
	var n uint8
	var b opaque
	wire.Uint8(c, "n", &n)
	wire.Bytes(c, "b", &b, int(n))
}

func vector(c *wire.Codec) {
	var v opaque
	wire.Vec16(c, "v", &v, 2, 4)
}

func block(c *wire.Codec) { wire.Block8(c, "k", 0, 9, number) }

func list(c *wire.Codec) {
	var l []opaque
	wire.List8(c, "l", &l, 0, 9, layoutOpaque)
}

func nested(c *wire.Codec) {
	wire.Block16(c, "k", 0, 99, func(c *wire.Codec) {
		list(c)
		vector(c)
	})
}

func unnamed(c *wire.Codec) {
	wire.Block8(c, "", 0, 9, func(c *wire.Codec) { c.Fail("n", errOdd) })
}

func codes(c *wire.Codec) {
	var l []code
	wire.Codes8(c, "l", "code", &l, 0, 9)
}

func octets(c *wire.Codec) {
	var l []byte
	wire.Octets8[octet](c, "l", "octet", &l, 1, 9)
}

func hollow(c *wire.Codec) {
	var l []inner
	wire.List8(c, "l", &l, 0, 9, func(*wire.Codec, *inner) {})
}

var errOdd = errors.New("odd number")

func checked(c *wire.Codec) {
	var n code
	wire.Uint16(c, "n", &n)
	if n%2 != 0 {
		c.Fail("n", errOdd)
	}
}

func noted(c *wire.Codec) {
	var n code
	wire.Uint16(c, "n", &n)
	if n%2 != 0 {
		c.Note("n", errOdd)
	}
	vector(c)
}

func cited(c *wire.Codec) {
	before := c.Cite("RFC 1 §2")
	number(c)
	c.Cite(before)
	vector(c)
}

// extension is a block that is understood or kept raw, as TLS extensions are.
func extension(must bool) layout {
	return func(c *wire.Codec) {
		var list []opaque
		wire.List16(c, "extensions", &list, 0, 99, func(c *wire.Codec, raw *opaque) {
			var t code
			wire.Uint16(c, "type", &t)
			c.Elide()
			wire.Block16(c, "key_share", 0, 99, func(c *wire.Codec) {
				var v inner
				if !wire.Try(c, &v, must, func(c *wire.Codec, v *inner) { wire.Block16(c, "share", 2, 2, v.Layout) }) {
					wire.Rest(c, "", raw)
				}
			})
		})
		number(c)
	}
}

// faults is bytes and the structure that they are not. What becomes of each is in
// testdata/faults.txt: the error when strict, the findings and spans when lenient.
var faults = []struct {
	name   string
	layout layout
	in     string
}{
	{"number cut off", number, "01"},
	{"number missing", number, ""},
	{"number and more", number, "0102:03"},
	{"fixed bytes cut off", fixed, "010203"},
	{"counted bytes cut off", counted, "02:0a"},
	{"length cut off", vector, "00"},
	{"vector cut off", vector, "0003:0a0b"},
	{"vector below its least", vector, "0001:0a"},
	{"vector above its most", vector, "0005:0a0b0c0d0e"},
	{"block with more", block, "03:0a0b:0c"},
	{"block with less", block, "01:0a"},
	{"element cut off", list, "05:01:0a:03:0b00"},
	{"element too small", list, "04:01:0a:00:0b"},
	{"fault in an inner vector", nested, "000a:05:01:0a:00:0b00:0002:0102"},
	{"fault in a vector without a name, and more", unnamed, "02:0102:03"},
	{"codes of an odd length", codes, "03:0001:02"},
	{"octets that are missing", octets, "00"},
	{"elements without bytes", hollow, "02:0000"},
	{"a layout's own fault", checked, "0003"},
	{"a layout's own note", noted, "0003:0002:0a0b"},
	{"fault with a citation", cited, "01"},
	{"fault after a citation", cited, "0102:0001:0a"},
	{"extension at fault", extension(true), "000c:0001:0002:0102:0001:0002:0000:0001"},
	{"extension with more", extension(true), "0009:0001:0005:0002:0102:03:0001"},
	{"extension at fault that nobody needs", extension(false), "000c:0001:0002:0102:0001:0002:0000:0001"},
	{"extension cut off", extension(true), "0008:0001:0006:0002:0102:0001"},
}

func TestFaults(t *testing.T) {
	var b strings.Builder
	for _, f := range faults {
		raw := unhex(t, f.in)
		fmt.Fprintf(&b, "== %s: %s\n", f.name, f.in)
		var c wire.Codec
		fmt.Fprintf(&b, "strict:  %v\n", describe(c.Decode(raw, "s", f.layout)))
		ann, err := c.Annotate(raw, "s", f.layout, true)
		if err != nil {
			t.Errorf("%s: lenient decoding failed: %v", f.name, err)
		}
		for _, e := range ann.Findings {
			fmt.Fprintf(&b, "finding: %v\n", describe(e))
		}
		fmt.Fprintf(&b, "damaged: %v\n%s\n", ann.Damaged, draw(ann.Spans))
		if err := tiled(ann.Spans, len(raw)); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
	}
	golden(t, "testdata/faults.txt", b.String())
}

// describe is an error with its citation.
func describe(err error) string {
	var e *wire.Error
	if !errors.As(err, &e) || e.Ref == "" {
		return fmt.Sprint(err)
	}
	return fmt.Sprintf("%v (%s)", err, e.Ref)
}

// tiled checks that the leaves cover n bytes, each once, in order, and that every span lies
// within the group around it.
func tiled(spans []wire.Span, n int) error {
	at := 0
	var around []wire.Span
	for _, s := range spans {
		if s.Depth > len(around) {
			return fmt.Errorf("%s has depth %d inside of %d groups", s.Path, s.Depth, len(around))
		}
		around = around[:s.Depth]
		if s.Depth > 0 && (s.Start < around[s.Depth-1].Start || s.End > around[s.Depth-1].End) {
			return fmt.Errorf("%s is outside of %s", s.Path, around[s.Depth-1].Path)
		}
		switch {
		case !s.Leaf:
			around = append(around, s)
		case s.Start != at:
			return fmt.Errorf("%s begins at %d, want %d", s.Path, s.Start, at)
		default:
			at = s.End
		}
	}
	if at != n {
		return fmt.Errorf("leaves end at %d, want %d", at, n)
	}
	return nil
}

// TestPath: a path leads from the structure to the field, and an ID leaves out indexes and
// what is elided.
func TestPath(t *testing.T) {
	raw := unhex(t, "0012:0001:0004:0002:0102:0001:0006:0041:0102:0304:0000")
	var c wire.Codec
	var e *wire.Error
	if !errors.As(c.Decode(raw, "client_hello", extension(true)), &e) {
		t.Fatal("want an error")
	}
	if got, want := e.Error(), "client_hello.extensions[1].key_share.share: 65 bytes declared, 4 left, at offset 14"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := e.ID, "client_hello.key_share.share"; got != want {
		t.Errorf("ID: got %s, want %s", got, want)
	}
}

// TestEncodeFaults: fields that break their bounds are not encoded.
func TestEncodeFaults(t *testing.T) {
	big, odd := uint32(1<<24), code(3)
	few, many := opaque{1}, opaque{1, 2, 3, 4, 5}
	none, list := []code{}, []opaque{{1}, {}}
	bare := []byte{}
	for _, test := range []struct {
		layout layout
		want   string
	}{
		{func(c *wire.Codec) { wire.Uint24(c, "n", &big) }, "s.n: number that does not fit in 3 bytes, at offset 0"},
		{func(c *wire.Codec) { wire.Bytes(c, "b", &few, 2) }, "s.b: 1 byte, at least 2 expected, at offset 0"},
		{func(c *wire.Codec) { wire.Bytes(c, "b", &many, 2) }, "s.b: 5 bytes, at most 2 allowed, at offset 0"},
		{func(c *wire.Codec) { wire.Vec8(c, "v", &few, 2, 4) }, "s.v: 1 byte, at least 2 expected, at offset 2"},
		{func(c *wire.Codec) { wire.Vec24(c, "v", &many, 2, 4) }, "s.v: 5 bytes, at most 4 allowed, at offset 8"},
		{func(c *wire.Codec) { wire.Codes16(c, "l", "code", &none, 2, 4) }, "s.l: 0 bytes, at least 2 expected, at offset 2"},
		{func(c *wire.Codec) { wire.Octets8[octet](c, "l", "o", &bare, 1, 4) }, "s.l: 0 bytes, at least 1 expected, at offset 1"},
		{func(c *wire.Codec) { wire.List8(c, "l", &list, 0, 9, layoutOpaque) }, "s.l[1].item: 0 bytes, at least 1 expected, at offset 4"},
		{func(c *wire.Codec) { wire.ListRest(c, "l", &list, layoutOpaque) }, "s.l[1].item: 0 bytes, at least 1 expected, at offset 3"},
		{func(c *wire.Codec) { c.Note("n", errOdd) }, "s.n: odd number, at offset 0"},
		{func(c *wire.Codec) {
			wire.Try(c, &odd, true, func(c *wire.Codec, n *code) { c.Fail("n", errOdd) })
		}, "s.n: odd number, at offset 0"},
	} {
		var c wire.Codec
		if _, err := c.Encode([]byte("before"), "s", test.layout); err == nil || err.Error() != test.want {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
	}
}

// TestFirstFault: a fault is not replaced by what follows from it, and unwraps.
func TestFirstFault(t *testing.T) {
	var c wire.Codec
	err := c.Decode([]byte{1, 2, 3}, "s", layout(func(c *wire.Codec) {
		c.Fail("first", errOdd)
		if got := c.Err(); got == nil || got.Kind != wire.Invalid {
			t.Errorf("Err: got %v, want a fault of kind Invalid", got)
		}
		c.Fail("second", errors.New("another"))
		c.Note("third", errors.New("yet another"))
		var v inner
		if wire.Try(c, &v, false, func(c *wire.Codec, v *inner) { v.Layout(c) }) {
			t.Error("Try: got true after a fault, want false")
		}
		vector(c)
		wire.Group(c, "g", number)
		var present bool
		if wire.Present(c, &present) || c.Remaining() != 0 || c.Peek() != nil {
			t.Error("got something left after a fault, want nothing")
		}
	}))
	if !errors.Is(err, errOdd) {
		t.Errorf("got %v, want %v in its chain", err, errOdd)
	}
	if got, want := fmt.Sprint(err), "s.first: odd number, at offset 0"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestTry: what a failed try read is undone, what a lenient one found stays.
func TestTry(t *testing.T) {
	try := func(v *inner, must bool) layout {
		return func(c *wire.Codec) {
			var raw opaque
			if !wire.Try(c, v, must, func(c *wire.Codec, v *inner) {
				v.Layout(c)
				c.Fail("b", errOdd)
			}) && c.Err() == nil {
				wire.Rest(c, "raw", &raw)
			}
			if c.Err() == nil && !bytes.Equal(raw, []byte{1, 2}) {
				t.Errorf("raw: got %x, want 0102", raw)
			}
		}
	}
	for _, test := range []struct {
		name          string
		must, lenient bool
		fails         bool
		findings      int
	}{
		{"strict, must", true, false, true, 0},
		{"strict", false, false, false, 0},
		{"lenient, must", true, true, false, 1},
		{"lenient", false, true, false, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c wire.Codec
			v := inner{7, 8}
			ann, err := c.Annotate([]byte{1, 2}, "s", try(&v, test.must), test.lenient)
			if (err != nil) != test.fails {
				t.Errorf("got error %v, want one: %v", err, test.fails)
			}
			if got := len(ann.Findings); got != test.findings {
				t.Errorf("got %d findings, want %d", got, test.findings)
			}
			if !test.fails && v != (inner{7, 8}) {
				t.Errorf("got %v, want what was there before", v)
			}
			if ann.Damaged {
				t.Error("got damaged, want whole: the bytes are kept raw")
			}
		})
	}
}

// TestModes: a layout can see what is being done.
func TestModes(t *testing.T) {
	var c wire.Codec
	var decoding, lenient bool
	l := layout(func(c *wire.Codec) { decoding, lenient = c.Decoding(), c.Lenient() })
	for _, test := range []struct {
		name              string
		do                func() error
		decoding, lenient bool
	}{
		{"decode", func() error { return c.Decode(nil, "s", l) }, true, false},
		{"encode", func() error { _, err := c.Encode(nil, "s", l); return err }, false, false},
		{"annotate", func() error { _, err := c.Annotate(nil, "s", l, false); return err }, true, false},
		{"annotate leniently", func() error { _, err := c.Annotate(nil, "s", l, true); return err }, true, true},
	} {
		if err := test.do(); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if decoding != test.decoding || lenient != test.lenient {
			t.Errorf("%s: got decoding %v, lenient %v, want %v, %v", test.name, decoding, lenient, test.decoding, test.lenient)
		}
	}
}

// TestPresent: an absent tail and an empty one are two things.
func TestPresent(t *testing.T) {
	var present bool
	var v opaque
	l := layout(func(c *wire.Codec) {
		if wire.Present(c, &present) {
			wire.Vec8(c, "v", &v, 0, 9)
		}
	})
	for _, raw := range [][]byte{{}, {0}, {1, 5}} {
		var c wire.Codec
		if err := c.Decode(raw, "s", l); err != nil {
			t.Fatal(err)
		}
		if got, want := present, len(raw) > 0; got != want {
			t.Errorf("%x: got present %v, want %v", raw, got, want)
		}
		if got, err := c.Encode(nil, "s", l); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%x: encoded to %x, %v", raw, got, err)
		}
	}
}

// TestAllocations: neither direction allocates once its slices are there.
func TestAllocations(t *testing.T) {
	if testing.CoverMode() != "" {
		t.Skip("counting statements moves closures to the heap")
	}
	if raceEnabled {
		t.Skip("the race detector allocates too")
	}
	raw := unhex(t, allHex)
	buf := make([]byte, 0, 256)
	var c wire.Codec
	var s all
	for name, do := range map[string]func(){
		"decode": func() { _ = c.Decode(raw, "all", &s) },
		"encode": func() { _, _ = c.Encode(buf, "all", &s) },
	} {
		do()
		if got := testing.AllocsPerRun(100, do); got != 0 {
			t.Errorf("%s: got %v allocations, want 0", name, got)
		}
	}
}

// FuzzAll holds the codec to its promises on a structure with every kind of field.
func FuzzAll(f *testing.F) {
	raw := unhex(f, allHex)
	f.Add(raw)
	for i := range raw {
		f.Add(raw[:i])
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var c wire.Codec
		var s all
		strict := c.Decode(raw, "all", &s)
		if strict == nil {
			got, err := c.Encode(nil, "all", &s)
			if err != nil || !bytes.Equal(got, raw) {
				t.Errorf("encoding what was decoded: got %x, %v, want %x", got, err, raw)
			}
		}
		ann, err := c.Annotate(raw, "all", new(all), false)
		if fmt.Sprint(err) != fmt.Sprint(strict) {
			t.Errorf("annotating: got error %v, want %v as when decoding", err, strict)
		}
		if err == nil {
			if err := tiled(ann.Spans, len(raw)); err != nil {
				t.Error(err)
			}
		}
		ann, err = c.Annotate(raw, "all", new(all), true)
		if err != nil {
			t.Errorf("lenient decoding failed: %v", err)
		}
		if (strict == nil) != (len(ann.Findings) == 0) {
			t.Errorf("got %d findings, but strictly %v", len(ann.Findings), strict)
		}
		if err := tiled(ann.Spans, len(raw)); err != nil {
			t.Errorf("leniently: %v", err)
		}
	})
}
