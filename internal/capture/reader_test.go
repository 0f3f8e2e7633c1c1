package capture_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/google/go-cmp/cmp"
)

// both are the byte orders of a file.
var both = map[string]order{"little-endian": binary.LittleEndian, "big-endian": binary.BigEndian}

type order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// file makes captures by hand, in either byte order.
type file struct {
	order
	b []byte
}

// append appends values of 16, 32 or 64 bits, bytes, strings, and lists of such.
func (f *file) append(values ...any) *file {
	for _, v := range values {
		switch v := v.(type) {
		case int:
			f.b = f.AppendUint32(f.b, uint32(v))
		case uint16:
			f.b = f.AppendUint16(f.b, v)
		case uint64:
			f.b = f.AppendUint64(f.b, v)
		case string:
			f.b = append(f.b, v...)
		case []any:
			f.append(v...)
		default:
			panic(fmt.Sprintf("%T", v))
		}
	}
	return f
}

// block appends a block of a type with a body, padded.
func (f *file) block(kind int, body ...any) *file {
	inner := (&file{order: f.order}).append(body...).b
	padded := string(inner) + strings.Repeat("\x00", -len(inner)&3)
	return f.append(kind, len(padded)+12, padded, len(padded)+12)
}

func (f *file) section() *file {
	return f.block(0x0a0d0d0a, 0x1a2b3c4d, uint16(1), uint16(0), ^uint64(0))
}

// iface appends an Ethernet interface without a snap length.
func (f *file) iface(options ...any) *file {
	return f.block(1, append([]any{uint16(1), uint16(0), 0}, options...)...)
}

// packet appends an enhanced packet of interface 0 with four bytes.
func (f *file) packet(time uint64, options ...any) *file {
	return f.block(6, append([]any{0, int(time >> 32), int(uint32(time)), 4, 60, "abcd"}, options...)...)
}

func option(code uint16, value any) []any {
	f := (&file{order: binary.LittleEndian}).append(value)
	n := uint16(len(f.b))
	return []any{code, n, value, strings.Repeat("\x00", -len(f.b)&3)}
}

func TestReaderPcapng(t *testing.T) {
	for name, order := range both {
		t.Run(name, func(t *testing.T) {
			f := &file{order: order}
			f.block(0x0a0d0d0a, 0x1a2b3c4d, uint16(1), uint16(2), uint64(64),
				option(1, "one"), option(1, "two"), option(4, "dumpcap"), option(0, ""), "after the end")
			f.block(1, uint16(1), uint16(0), 3, option(2, "eth0"), option(3, "a card"), option(99, "?"))
			f.iface(option(9, "\x09"), option(14, uint64(3600)))
			f.block(0x0bad, "a block that nobody knows")
			f.packet(1_500_000, option(1, "a"), option(1, "b"))
			f.block(6, 1, 0, 1_500, 1, 1, "x")
			f.block(3, 1514, "abc") // the snap length says 3
			f.block(10, 0x544c534b, 5, "# key\x00\x00\x00", option(1, "c"))
			f.block(2, uint16(1), uint16(7), 0, 2_500, 1, 9, "y\x00\x00\x00", option(1, "old"))
			f.block(4, uint16(1), uint16(12), "\xc0\x00\x02\x01a.b\x00c.d\x00", uint16(3), uint16(4), "abcd",
				uint16(2), uint16(18), "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01e\x00\x00\x00", 0, option(2, "dns"))
			f.section() // forgets the interfaces
			f.iface()
			f.packet(0)
			want := []capture.Item{
				&capture.Section{Comment: "one\ntwo", Application: "dumpcap"},
				&capture.Interface{LinkType: 1, SnapLen: 3, Name: "eth0", Description: "a card"},
				&capture.Interface{ID: 1, LinkType: 1},
				&capture.Packet{Number: 1, LinkType: 1, Time: time.Unix(1, 5e8).UTC(), Length: 60, Data: []byte("abcd"), Comment: "a\nb"},
				&capture.Packet{Number: 2, Interface: 1, LinkType: 1, Time: time.Unix(3600, 1500).UTC(), Length: 1, Data: []byte("x")},
				&capture.Packet{Number: 3, LinkType: 1, Length: 1514, Data: []byte("abc")},
				&capture.Secrets{Type: capture.SecretsTLSKeyLog, Data: []byte("# key")},
				&capture.Packet{Number: 4, Interface: 1, LinkType: 1, Time: time.Unix(3600, 2500).UTC(), Length: 9, Data: []byte("y"), Comment: "old"},
				&capture.Names{
					{Addr: netip.MustParseAddr("192.0.2.1"), Names: []string{"a.b", "c.d"}},
					{Addr: netip.MustParseAddr("2001:db8::1"), Names: []string{"e"}},
				},
				&capture.Section{},
				&capture.Interface{LinkType: 1},
				&capture.Packet{Number: 5, LinkType: 1, Time: time.Unix(0, 0).UTC(), Length: 60, Data: []byte("abcd")},
			}
			got, err := collect(iotest.OneByteReader(bytes.NewReader(f.b)))
			must(t, err)
			if diff := cmp.Diff(want, got, sameAddr); diff != "" {
				t.Errorf("got other items (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReaderPcap(t *testing.T) {
	units := map[int]time.Duration{0xa1b2c3d4: time.Microsecond, 0xa1b23c4d: time.Nanosecond}
	for name, order := range both {
		for magic, unit := range units {
			t.Run(fmt.Sprintf("%s, %v", name, unit), func(t *testing.T) {
				f := &file{order: order}
				f.append(magic, uint16(2), uint16(4), 0, 0, 65535, 0x50000065) // raw IP; upper half: no matter
				f.append(1000, 7, 3, 60, "abc")
				f.append(1001, 8, 0, 0)
				want := []capture.Item{
					&capture.Interface{LinkType: 101, SnapLen: 65535},
					&capture.Packet{Number: 1, LinkType: 101, Time: time.Unix(1000, 0).Add(7 * unit).UTC(), Length: 60, Data: []byte("abc")},
					&capture.Packet{Number: 2, LinkType: 101, Time: time.Unix(1001, 0).Add(8 * unit).UTC(), Data: []byte{}},
				}
				got, err := collect(iotest.OneByteReader(bytes.NewReader(f.b)))
				must(t, err)
				if diff := cmp.Diff(want, got, sameAddr); diff != "" {
					t.Errorf("got other items (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// A form of pcap whose packets have a longer header.
func TestReaderPcapOfOldLinux(t *testing.T) {
	f := (&file{order: binary.LittleEndian}).append(0xa1b2cd34, uint16(2), uint16(4), 0, 0, 65535, 1)
	f.append(1000, 7, 3, 60, 1, 2, "abc", 1000, 8, 1, 1, 1, 2, "d")
	got, err := collect(bytes.NewReader(f.b))
	must(t, err)
	if len(got) != 3 || string(got[1].(*capture.Packet).Data) != "abc" || string(got[2].(*capture.Packet).Data) != "d" {
		t.Errorf("got %v, want packets abc and d", got)
	}
}

var sameAddr = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

// Times in every resolution, and those that no packet can have.
func TestReaderTimes(t *testing.T) {
	rows := []struct {
		name    string
		options []any
		stamp   uint64
		want    time.Time
	}{
		{"default", nil, 1_000_001, time.Unix(1, 1000)},
		{"seconds", option(9, "\x00"), 9, time.Unix(9, 0)},
		{"10⁻¹⁹ s", option(9, "\x13"), 10_000_000_000_000_000_000, time.Unix(1, 0)},
		{"10⁻¹² s", option(9, "\x0c"), 1_000_000_001_999, time.Unix(1, 1)},
		{"2⁻¹ s", option(9, "\x81"), 3, time.Unix(1, 5e8)},
		{"2⁻⁶³ s", option(9, "\xbf"), 1<<63 + 1<<62, time.Unix(1, 5e8)},
		{"seconds before 1970", option(14, ^uint64(0)), 0, time.Unix(-1, 0)},
		{"the last second of the year 9999", option(9, "\x00"), 253402300799, time.Unix(253402300799, 0)},
		{"the year 10000", option(9, "\x00"), 253402300800, time.Time{}},
		{"an offset that overflows", option(14, uint64(1<<63-1)), 1_000_000, time.Time{}},
		{"a stamp that overflows", option(9, "\x00"), 1<<64 - 1, time.Time{}},
		{"the year 0", option(14, ^uint64(62135596800)), 0, time.Time{}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f := (&file{order: binary.LittleEndian}).section().iface(row.options...).packet(row.stamp)
			items, err := collect(bytes.NewReader(f.b))
			must(t, err)
			if got := items[2].(*capture.Packet).Time; !got.Equal(row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

func TestReaderFaults(t *testing.T) {
	begin := func() *file { return (&file{order: binary.LittleEndian}).section().iface() } // 28 + 20 bytes
	empty := func() *file { return &file{order: binary.LittleEndian} }
	rows := []struct {
		name   string
		file   []byte
		offset int64
		want   string
	}{
		{"empty", nil, 0, "file header: the file is empty"},
		{"three bytes", []byte("abc"), 0, "unexpected EOF"},
		{"something else", []byte("GET / HTTP/1.1"), 0, "neither pcapng nor pcap: it begins with 47455420"},
		{"a magic that is none", empty().block(0x0a0d0d0a, 0x11111111, 0, 0).b, 0, "byte-order magic 11111111"},
		{"pcapng 2", empty().block(0x0a0d0d0a, 0x1a2b3c4d, uint16(2), uint16(0), uint64(0)).b, 24, "version 2"},
		{"a section that is short", empty().block(0x0a0d0d0a, 0x1a2b3c4d, 1).b, 16, "section length of 8 bytes, but 0 are left"},
		{"a block shorter than its own header", begin().append(6, 8, 0).b, 48, "a block of 8 bytes"},
		{"a block of odd length", begin().append(6, 33, "0123456789").b, 48, "a block of 33 bytes"},
		{"a block too large to read", begin().append(6, 1<<25, 0).b, 48, "16 MiB"},
		{"a header cut short", begin().append(6, 12).b, 48, "unexpected EOF"},
		{"a block cut short", begin().packet(0).b[:48+33], 81, "enhanced packet block: unexpected EOF"},
		{"a block cut after its header", begin().append(6, 44, 0).b[:48+12], 60, "unexpected EOF"},
		{"an unknown block cut short", begin().append(77, 40, "0123").b, 48, "unexpected EOF"},
		{"an unknown block without its trailer", begin().append(77, 16, "0123").b, 48, "unexpected EOF"},
		{"a trailer that differs", begin().append(10, 20, 0, 0, 24).b, 48 + 16, "a block of 20 bytes that ends as one of 24"},
		{"an unknown block's trailer that differs", begin().append(77, 12, 16).b, 48, "ends as one of 16"},
		{"an old packet of no interface", begin().block(2, uint16(1), uint16(0), 0, 0, 0, 0).b, 48 + 12, "interface 1, of 1"},
		{"names without an address", begin().block(4, uint16(1), uint16(3), "abc\x00").b, 48 + 16, "of which the address takes 4"},
		{"names longer than their block", begin().block(4, uint16(1), uint16(9), "abcd").b, 48 + 12, "record of 9 bytes"},
		{"a packet of no interface", begin().block(6, 1, 0, 0, 0, 0).b, 48 + 12, "interface 1, of 1"},
		{"a simple packet before any interface", empty().section().block(3, 0).b, 28 + 8, "interface 0, of 0"},
		{"a packet longer than its block", begin().block(6, 0, 0, 0, 5, 5, "abcd").b, 48 + 28, "packet of 5 bytes, but 4 are left"},
		{"a packet of 4 GiB", begin().block(6, 0, 0, 0, 0xffffffff, 5, "abcd").b, 48 + 28, "packet of 4294967295 bytes"},
		{"a simple packet longer than its block", begin().block(3, 5, "abcd").b, 48 + 12, "packet of 5 bytes, but 4"},
		{"secrets longer than their block", begin().block(10, 0, 9, "abcdefgh").b, 48 + 16, "secrets of 9 bytes, but 8"},
		{"an option longer than its block", begin().packet(0, uint16(1), uint16(5), "abcd").b, 48 + 36, "option of 5 bytes, but 4"},
		{"a resolution that is too fine", empty().section().iface(option(9, "\x14")).b, 28 + 24, "time resolution 14"},
		{"a binary resolution that is too fine", empty().section().iface(option(9, "\xc0")).b, 28 + 24, "time resolution c0"},
		{"a resolution of two bytes", empty().section().iface(option(9, "\x06\x06")).b, 28 + 24, "time resolution 0606"},
		{"an offset of four bytes", empty().section().iface(option(14, 1)).b, 28 + 24, "time offset of 4"},
		{"pcap cut in its header", empty().append(0xa1b2c3d4, 0).b, 8, "file header: unexpected EOF"},
		{"pcap of version 3", empty().append(0xa1b2c3d4, uint16(3), uint16(0), 0, 0, 0, 0).b, 4, "version 3 of pcap"},
		{"pcap cut in a packet header", pcapFile().append(1, 2).b, 32, "packet header: unexpected EOF"},
		{"pcap cut in a packet", pcapFile().append(1, 2, 5, 5, "abcd").b, 44, "packet: unexpected EOF"},
		{"pcap cut before the data", pcapFile().append(1, 2, 5, 5).b, 40, "packet: unexpected EOF"},
		{"a pcap packet too large", pcapFile().append(1, 2, 1<<24+1, 5).b, 24, "a packet of 16777217 bytes"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := collect(bytes.NewReader(row.file))
			format, ok := errors.AsType[*capture.FormatError](err)
			if !ok || format.Offset != row.offset || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want offset %d and %q", err, row.offset, row.want)
			}
		})
	}
}

func pcapFile() *file {
	return (&file{order: binary.LittleEndian}).append(0xa1b2c3d4, uint16(2), uint16(4), 0, 0, 65535, 1)
}

// Every prefix of a good file ends at a block or says that it is cut, and gives what comes before.
func TestReaderOfPrefixes(t *testing.T) {
	f := (&file{order: binary.BigEndian}).section().iface(option(2, "eth0")).packet(1).block(77, "abcd").block(10, 1, 4, "abcd")
	ends := map[int]int{28: 1, 56: 2, 92: 3, 108: 3} // offset: items before it
	for n := range f.b {
		items, err := collect(bytes.NewReader(f.b[:n]))
		want, whole := ends[n]
		if !whole && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: got %v, want an unexpected EOF", n, err)
		}
		if whole && (err != nil || len(items) != want) {
			t.Errorf("%d bytes: got %d items, %v, want %d", n, len(items), err, want)
		}
	}
}

// An error stays, and one of the source is not turned into one of the file.
func TestReaderErrorsStay(t *testing.T) {
	broken := errors.New("broken")
	begin := (&file{order: binary.LittleEndian}).section().b
	r, err := capture.NewReader(io.MultiReader(bytes.NewReader(begin), iotest.ErrReader(broken)))
	must(t, err)
	_, err = r.Next()
	must(t, err)
	for range 2 {
		if _, err := r.Next(); err != broken {
			t.Errorf("got %v, want %v", err, broken)
		}
	}
	if _, err := capture.NewReader(iotest.ErrReader(broken)); err != broken {
		t.Errorf("got %v, want %v", err, broken)
	}
}

// A length that a file only claims gets no memory.
func TestReaderMemory(t *testing.T) {
	f := (&file{order: binary.LittleEndian}).section().iface().append(6, 16<<20, 0, "abc")
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := collect(bytes.NewReader(f.b)); !errors.Is(err, io.ErrUnexpectedEOF) {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if got > 1<<20 {
		t.Errorf("got %d bytes allocated for a block of which 3 bytes are there", got)
	}
}

func TestReadingPacketsAllocatesNothing(t *testing.T) {
	f := (&file{order: binary.LittleEndian}).section().iface()
	for range 200 {
		f.packet(1)
	}
	r, err := capture.NewReader(bytes.NewReader(f.b))
	must(t, err)
	for range 3 {
		_, err := r.Next()
		must(t, err)
	}
	if got := testing.AllocsPerRun(100, func() { _, err = r.Next() }); got != 0 || err != nil {
		t.Errorf("got %v allocations a packet, %v, want 0", got, err)
	}
}

func TestSecretsAreRedacted(t *testing.T) {
	s := capture.Secrets{Type: capture.SecretsTLSKeyLog, Data: []byte(text(aLine))}
	asJSON, err := json.Marshal(s)
	must(t, err)
	for _, got := range []string{string(asJSON), fmt.Sprintf("%v", s), fmt.Sprintf("%#v", &s), fmt.Sprintf("%x", s)} {
		if strings.Contains(got, "EXPORTER") || strings.Contains(got, "4558504f") || strings.Contains(got, "69, 88") {
			t.Errorf("got %s, want no data", got)
		}
	}
	if l, err := s.Reader().Next(); err != nil || !cmp.Equal(l, aLine) {
		t.Errorf("got %v, %v, want %v", l, err, aLine)
	}
}

// No input makes the Reader panic or give a packet that is longer than it was.
func FuzzReader(f *testing.F) {
	for _, order := range both {
		f.Add((&file{order: order}).section().iface(option(9, "\x09"), option(2, "eth0")).packet(1, option(1, "c")).
			block(3, 4, "abcd").block(4, uint16(1), uint16(6), "abcde\x00\x00\x00").block(2, 0, 0, 0, 2, 2, "xy").block(77, "x").block(10, 0x544c534b, 4, "abcd").section().b)
		f.Add((&file{order: order}).append(0xa1b23c4d, uint16(2), uint16(4), 0, 0, 65535, 1, 1, 2, 3, 3, "abc").b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		items, err := collect(bytes.NewReader(b))
		for _, item := range items {
			if p, ok := item.(*capture.Packet); ok && (p.Length < len(p.Data) || p.Time.Year() < 1 || p.Time.Year() > 9999) {
				t.Errorf("got packet %+v", p)
			}
		}
		if e, ok := errors.AsType[*capture.FormatError](err); err != nil && (!ok || e.Offset < 0 || e.Offset > int64(len(b))) {
			t.Errorf("got %v, want a fault within the file", err)
		}
	})
}
