package capture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/keylog"
	"github.com/google/go-cmp/cmp"
)

// block is one of pcapng, in a byte order.
func block(order binary.ByteOrder, typ uint32, body []byte) []byte {
	b := make([]byte, 8, 12+len(body))
	b = append(append(b, body...), 0, 0, 0, 0)
	order.PutUint32(b, typ)
	order.PutUint32(b[4:], uint32(len(b)))
	order.PutUint32(b[len(b)-4:], uint32(len(b)))
	return b
}

func choice(order binary.ByteOrder, code uint16, value string) string {
	b := make([]byte, 4)
	order.PutUint16(b, code)
	order.PutUint16(b[2:], uint16(len(value)))
	return string(b) + value
}

// words is numbers in a byte order.
func words(order binary.ByteOrder, list ...uint32) []byte {
	b := make([]byte, 4*len(list))
	for i, v := range list {
		order.PutUint32(b[4*i:], v)
	}
	return b
}

// sectionHeader says that it has a length, which Pack must not keep.
func sectionHeader(order binary.ByteOrder) []byte {
	body := words(order, 0x1a2b3c4d, 0, 0, 1234)
	order.PutUint16(body[4:], 1)
	return block(order, 0x0a0d0d0a, body)
}

// TestPackCopies requires all blocks of pcapng but secrets to come out as they were, in both byte orders, with the new
// secrets before the first packet.
func TestPackCopies(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		section := sectionHeader(order)
		old := block(order, 10, append(words(order, 0x544c534b, 4), "old\n"...))
		iface := block(order, 1, words(order, 1, 0))
		other := block(order, 0x7777, []byte("what"))
		custom := block(order, 0xbad, words(order, 32473))
		never := block(order, 0x40000bad, words(order, 32473))
		statistics := block(order, 5, words(order, 0, 1, 2))
		packet := block(order, 6, append(words(order, 0, 1, 2, 4, 60), "data"+choice(order, 2, "\x00\x00\x00\x01")+choice(order, 0, "")...)) // flags
		in := bytes.Join([][]byte{section, old, iface, other, custom, never, packet, old, packet, statistics, section, iface, packet}, nil)

		lines := []keylog.Line{aLine}
		var out bytes.Buffer
		must(t, capture.Pack(&out, bytes.NewReader(in), lines))
		open := bytes.Clone(section)
		copy(open[16:], "\xff\xff\xff\xff\xff\xff\xff\xff")
		text := append(aLine.AppendTo(nil), '\n')
		secrets := append(words(order, 0x544c534b, uint32(len(text))), text...)
		secrets = append(secrets, make([]byte, -len(text)&3)...)
		want := bytes.Join([][]byte{open, iface, other, custom, block(order, 10, secrets), packet, packet, statistics, open, iface, packet}, nil)
		if diff := cmp.Diff(want, out.Bytes()); diff != "" {
			t.Errorf("%v: %s", order, diff)
		}
	}
}

// TestPackPcap requires the packets of a pcap file, with link type and times.
func TestPackPcap(t *testing.T) {
	order := binary.BigEndian
	in := words(order, 0xa1b23c4d, 2<<16|4, 0, 0, 1<<18, 276)
	in = append(in, words(order, 1_700_000_000, 123_456_789, 4, 60)...)
	in = append(in, "data"...)
	var out bytes.Buffer
	must(t, capture.Pack(&out, bytes.NewReader(in), []keylog.Line{aLine}))
	got, err := collect(&out)
	must(t, err)
	want := []capture.Item{
		&capture.Section{},
		&capture.Interface{LinkType: capture.LinkLinuxSLL2, SnapLen: 1 << 18},
		&capture.Secrets{Type: capture.SecretsTLSKeyLog, Data: append(aLine.AppendTo(nil), '\n')},
		&capture.Packet{Number: 1, LinkType: capture.LinkLinuxSLL2, Time: time.Unix(1_700_000_000, 123_456_789).UTC(), Length: 60, Data: []byte("data")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestPackDamaged requires what came before the damage.
func TestPackDamaged(t *testing.T) {
	order := binary.LittleEndian
	whole := bytes.Join([][]byte{sectionHeader(order), block(order, 1, words(order, 1, 0)), block(order, 6, append(words(order, 0, 1, 2, 4, 4), "data"...))}, nil)
	var all bytes.Buffer
	must(t, capture.Pack(&all, bytes.NewReader(whole), nil))
	for cut := 1; cut < len(whole); cut++ {
		var out bytes.Buffer
		err := capture.Pack(&out, bytes.NewReader(whole[:cut]), nil)
		boundary := cut == 28 || cut == 28+20
		if _, damaged := errors.AsType[*capture.FormatError](err); damaged == boundary || boundary && err != nil {
			t.Fatalf("cut at %d: got %v", cut, err)
		}
		if !bytes.HasPrefix(all.Bytes(), out.Bytes()) {
			t.Fatalf("cut at %d: got %x", cut, out.Bytes())
		}
	}
	if err := capture.Pack(io.Discard, bytes.NewReader(append(whole, block(order, 6, words(order, 9, 1, 2, 0, 0))...)), nil); err == nil {
		t.Error("a packet of an interface that there is not: got nil")
	}
}

// TestPackManySecrets requires secrets of many connections to be cut into blocks that can be read.
func TestPackManySecrets(t *testing.T) {
	order := binary.LittleEndian
	in := bytes.Join([][]byte{sectionHeader(order), block(order, 1, words(order, 1, 0)), block(order, 6, words(order, 0, 1, 2, 0, 0))}, nil)
	lines := make([]keylog.Line, 40_000)
	for i := range lines {
		lines[i] = aLine
		order.PutUint32(lines[i].ClientRandom[:], uint32(i))
	}
	var out bytes.Buffer
	must(t, capture.Pack(&out, bytes.NewReader(in), lines))
	items, err := collect(&out)
	must(t, err)
	var text []byte
	for _, item := range items {
		if s, ok := item.(*capture.Secrets); ok {
			text = append(text, s.Data...)
		}
	}
	store := keylog.NewStore(0)
	if n, err := store.ReadFrom(keylog.NewReader(bytes.NewReader(text))); n != len(lines) || err != nil || len(items) < 5 {
		t.Errorf("got %d lines in %d items, %v, want %d", n, len(items), err, len(lines))
	}
}
