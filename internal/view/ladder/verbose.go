package ladder

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/akushu/akushu/observe"
)

// everything is every field of a message: where its bytes are, what it is called, what it means, and the bytes.
func (v *view) everything(m *observe.Message) []detail {
	all := []detail{{text: Line{{Dim, v.where(m)}}}}
	fields := m.Fields()
	var parents []string // paths of the groups around the field
	for i := range fields {
		f := &fields[i]
		parents = append(parents[:min(f.Depth, len(parents))], f.Path)
		all = append(all, v.field(f, parents, m.Raw[f.Start:f.End]))
	}
	return all
}

// where says in which packets and at which place of its direction a message stands.
func (v *view) where(m *observe.Message) string {
	text := v.words.Text("ladder.verbose.place", m.Offset, m.Records)
	switch {
	case m.Frame == 0:
	case m.FrameFirst == m.Frame:
		text = v.words.Text("ladder.verbose.packet", m.Frame) + v.marks.separator + text
	default:
		text = v.words.Text("ladder.verbose.packets", m.FrameFirst, m.Frame) + v.marks.separator + text
	}
	if m.Ref != "" {
		text += v.marks.separator + strings.ReplaceAll(m.Ref, " ", string(glue))
	}
	return text
}

// field is one of them. Its name is what its path adds to that of the group around it.
func (v *view) field(f *observe.Field, parents []string, raw []byte) detail {
	name := f.Path[strings.LastIndexByte(f.Path, '.')+1:]
	if n := len(parents); n > 1 {
		if inner, ok := strings.CutPrefix(f.Path, parents[n-2]); ok && inner != "" {
			name = strings.TrimPrefix(inner, ".")
		}
	}
	d := detail{lead: Line{{Dim, v.offsets(f)}, {Label, strings.Repeat("  ", f.Depth) + name + " "}}}
	if !f.Leaf {
		return d
	}
	const bytesShown = 16
	digits := hex.EncodeToString(raw[:min(len(raw), bytesShown)])
	if len(raw) > bytesShown {
		digits += v.marks.ellipsis
	}
	if text := hex.EncodeToString(raw); text == f.Text {
		d.text = Line{{Normal, cutText(text, fieldShown)}}
		return d
	}
	d.text = Line{{Normal, cutText(f.Text, fieldShown) + " "}, {Dim, digits}}
	return d
}

// offsets are those of a field's first and last byte in its message.
func (v *view) offsets(f *observe.Field) string {
	if f.End-f.Start < 2 {
		return fmt.Sprintf("%9d  ", f.Start)
	}
	return fmt.Sprintf("%9s  ", fmt.Sprintf("%d-%d", f.Start, f.End-1))
}

const hexLine = 16 // bytes in a line

// dump is bytes in hexadecimal and as ASCII. from is the offset of the first.
func (v *view) dump(b []byte, from int) []detail {
	var all []detail
	for i := 0; i < len(b); i += hexLine {
		line := b[i:min(i+hexLine, len(b))]
		digits := fmt.Sprintf("% x", line)
		if len(line) > hexLine/2 {
			digits = fmt.Sprintf("% x  % x", line[:hexLine/2], line[hexLine/2:])
		}
		ascii := []byte(strings.Map(printable, string(latin(line))))
		all = append(all, detail{
			lead: Line{{Dim, fmt.Sprintf("%06x  ", from+i)}},
			text: Line{{Normal, fmt.Sprintf("%-49s", digits)}, {Dim, " " + string(ascii)}}, raw: true,
		})
	}
	return all
}

// latin keeps what is ASCII, so that each byte is one character.
func latin(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		if out[i] = c; c >= 0x7f {
			out[i] = '.'
		}
	}
	return out
}

func printable(r rune) rune {
	if r < ' ' {
		return '.'
	}
	return r
}

// dumpData adds application data to its step, as much as there is room for.
func (f *fold) dumpData(b []byte) {
	s := f.last()
	if s.run.sort == rest || s.run.dumped >= allShown {
		return
	}
	some := b[:min(len(b), allShown-s.run.dumped)]
	for _, d := range f.view.dump(some, s.run.dumped) {
		s.add(d)
	}
	if s.run.dumped += len(some); s.run.dumped >= allShown {
		s.add(detail{text: Line{{Dim, f.view.marks.ellipsis}}})
	}
}
