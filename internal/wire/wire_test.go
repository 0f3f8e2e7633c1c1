package wire_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/wire"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// layout is a structure made of a function.
type layout func(c *wire.Codec)

func (l layout) Layout(c *wire.Codec) { l(c) }

// Named types, to see that values keep them.
type (
	octet  uint8
	code   uint16
	opaque []byte
)

func (o octet) String() string { return fmt.Sprintf("octet %d", uint8(o)) }

func (c code) String() string { return fmt.Sprintf("code %d", uint16(c)) }

// all has a field of every kind.
type all struct {
	Number8  octet
	Number16 code
	Number24 uint32
	Number32 uint32
	Number64 uint64
	Fixed    [3]byte
	Count    uint8
	Bytes    opaque
	Vec8     opaque
	Vec16    opaque
	Vec24    opaque
	Block8   uint8
	Block16  opaque
	Block24  opaque
	Struct24 inner
	List8    []inner
	List16   []opaque
	List24   []opaque
	Codes8   []code
	Codes16  []code
	Octets8  []byte
	Group    inner
	Marked   int
	Tail     bool
	Rest     []opaque
}

type inner struct{ A, B uint8 }

func (i *inner) Layout(c *wire.Codec) {
	wire.Uint8(c, "a", &i.A)
	wire.Uint8(c, "b", &i.B)
}

func layoutInner(c *wire.Codec, i *inner) { i.Layout(c) }

func layoutOpaque(c *wire.Codec, b *opaque) { wire.Vec8(c, "item", b, 1, 4) }

func (s *all) Layout(c *wire.Codec) {
	wire.Uint8(c, "number8", &s.Number8)
	wire.Uint16(c, "number16", &s.Number16)
	wire.Uint24(c, "number24", &s.Number24)
	wire.Uint32(c, "number32", &s.Number32)
	wire.Uint64(c, "number64", &s.Number64)
	wire.Fixed(c, "fixed", s.Fixed[:])
	wire.Uint8(c, "count", &s.Count)
	wire.Bytes(c, "bytes", &s.Bytes, int(s.Count))
	wire.Vec8(c, "vec8", &s.Vec8, 0, 2)
	wire.Vec16(c, "vec16", &s.Vec16, 1, 2)
	wire.Vec24(c, "vec24", &s.Vec24, 0, 2)
	wire.Block8(c, "block8", 1, 1, func(c *wire.Codec) { wire.Uint8(c, "inside", &s.Block8) })
	wire.Block16(c, "block16", 0, 9, func(c *wire.Codec) { wire.Rest(c, "rest", &s.Block16) })
	wire.Block24(c, "block24", 0, 9, func(c *wire.Codec) { wire.Rest(c, "", &s.Block24) })
	wire.Struct24(c, "struct24", 2, 2, &s.Struct24)
	wire.List8(c, "list8", &s.List8, 2, 4, layoutInner)
	wire.List16(c, "list16", &s.List16, 0, 9, layoutOpaque)
	wire.List24(c, "list24", &s.List24, 0, 9, layoutOpaque)
	wire.Codes8(c, "codes8", "code", &s.Codes8, 2, 4)
	wire.Codes16(c, "codes16", "code", &s.Codes16, 0, 4)
	wire.Octets8[octet](c, "octets8", "octet", &s.Octets8, 1, 3)
	wire.Group(c, "group", func(c *wire.Codec) { s.Group.Layout(c) })
	wire.Mark(c, &s.Marked)
	if wire.Present(c, &s.Tail) {
		wire.ListRest(c, "rest", &s.Rest, layoutOpaque)
	}
}

const allHex = `
	07 0102 010203 01020304 0102030405060708
	aabbcc 02 0102
	01:09 0001:09 000000
	01:05 0000 000001:07 000002:0102
	04:01020304 0004:01:09:01:08 000000
	02:0007 0004:00010002 02:0102
	0304
	02:0506 01:07`

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	s = strings.NewReplacer(" ", "", "\n", "", "\t", "", ":", "").Replace(s)
	var b []byte
	if _, err := fmt.Sscanf(s, "%x", &b); err != nil && s != "" {
		t.Fatal(err)
	}
	return b
}

// draw is spans as text: an indented line each.
func draw(spans []wire.Span) string {
	var b strings.Builder
	for _, s := range spans {
		fmt.Fprintf(&b, "%s%d-%d %s", strings.Repeat("  ", s.Depth), s.Start, s.End, s.Path)
		switch v := s.Value.(type) {
		case nil:
		case octet, code:
			fmt.Fprintf(&b, " = %v", v)
		default:
			fmt.Fprintf(&b, " = %x", v)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestSpans compares the spans of every kind of field with testdata/spans.txt.
func TestSpans(t *testing.T) {
	var c wire.Codec
	ann, err := c.Annotate(unhex(t, allHex), "all", new(all), false)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/spans.txt", draw(ann.Spans))
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", name, diff)
	}
}

func TestDecodeEncode(t *testing.T) {
	raw := unhex(t, allHex)
	want := all{
		Number8: 7, Number16: 0x102, Number24: 0x10203, Number32: 0x1020304, Number64: 0x102030405060708,
		Fixed: [3]byte{0xaa, 0xbb, 0xcc}, Count: 2, Bytes: opaque{1, 2},
		Vec8: opaque{9}, Vec16: opaque{9}, Vec24: opaque{},
		Block8: 5, Block16: opaque{}, Block24: opaque{7}, Struct24: inner{1, 2},
		List8: []inner{{1, 2}, {3, 4}}, List16: []opaque{{9}, {8}},
		Codes8: []code{7}, Codes16: []code{1, 2}, Octets8: []byte{1, 2}, Group: inner{3, 4},
		Marked: 73, Tail: true, Rest: []opaque{{5, 6}, {7}},
	}
	var c wire.Codec
	var got all
	if err := c.Decode(raw, "all", &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}

	want.Marked = 0
	before := []byte("what was there")
	b, err := c.Encode(bytes.Clone(before), "all", &want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, append(before, raw...)) {
		t.Errorf("encoded: got %x, want %x", b, append(before, raw...))
	}
	if want.Marked != 73 {
		t.Errorf("mark when encoding: got %d, want 73, from where the structure begins", want.Marked)
	}
}

// TestAlias: decoded bytes are the input's, and cannot grow into what follows.
func TestAlias(t *testing.T) {
	raw := []byte{1, 0xaa, 0xbb}
	var v opaque
	var tail uint8
	var c wire.Codec
	err := c.Decode(raw, "s", layout(func(c *wire.Codec) {
		wire.Vec8(c, "v", &v, 0, 9)
		wire.Uint8(c, "tail", &tail)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if &v[0] != &raw[1] || cap(v) != 1 {
		t.Errorf("got a slice of capacity %d, want the input's own bytes with capacity 1", cap(v))
	}
}

// TestReuse: a second decoding into the same structure leaves nothing of the first.
func TestReuse(t *testing.T) {
	var c wire.Codec
	var list []opaque
	var codes []code
	l := layout(func(c *wire.Codec) {
		wire.List8(c, "list", &list, 0, 9, layoutOpaque)
		wire.Codes8(c, "codes", "code", &codes, 0, 9)
	})
	for _, in := range []string{"04:01:09:01:08 04:0102:0304", "02:01:07 02:0506"} {
		if err := c.Decode(unhex(t, in), "s", l); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]opaque{{7}}, list); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]code{0x506}, codes); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
}
