package ladder

import (
	"strings"

	"github.com/akushu/akushu/observe"
)

// segment draws a TCP segment that opens or ends the connection as a rung, with its flags and numbers,
// and one in which something went wrong as well, with what that is.
func (f *fold) segment(e observe.Event, b *observe.Segment) {
	s := step{dir: e.Dir, title: Line{{Dim, strings.Join(b.Flags, ", ")}, {Dim, f.numbers(b)}}, size: f.segmentSize(b)}
	switch b.What {
	case observe.SegmentSYN, observe.SegmentSYNACK, observe.SegmentACK:
	case observe.SegmentFIN:
		f.ended[e.Dir%3] = true
	case observe.SegmentRST:
		f.ended[e.Dir%3] = true
		s.title[0].Role = Error
		s.title = append(s.title, Segment{Dim, " " + f.view.words.Text("ladder.rst")})
	default:
		words := f.view.words.Or(string(b.What), "ladder.segment."+string(b.What))
		s.title = Line{{Warning, words}, {Dim, f.view.marks.separator}, s.title[0], s.title[1]}
	}
	f.push(e, s)
}

// numbers is the segment's relative sequence number, and its acknowledgement where it has one.
func (f *fold) numbers(b *observe.Segment) string {
	text := " seq=" + count(b.Seq)
	for _, flag := range b.Flags {
		if flag == "ACK" {
			text += " ack=" + count(b.Ack)
		}
	}
	if len(b.Options) > 0 {
		text += " " + strings.Join(b.Options, " ")
	}
	return text
}

func (f *fold) segmentSize(b *observe.Segment) string {
	switch {
	case b.What == observe.SegmentACK && b.RTT > 0:
		return f.view.words.Text("ladder.tcp.rtt", elapsed(b.RTT))
	case b.Length > 0:
		return size(int64(b.Length))
	}
	return ""
}

// streamEnded is TCP's own end of a direction, where its segment was not drawn. An end that only means
// that nobody watches any more is left to FlowClosed.
func (f *fold) streamEnded(e observe.Event, b *observe.StreamEnded) {
	switch {
	case f.ended[e.Dir%3]:
	case b.How == observe.EndFIN:
		f.push(e, step{dir: e.Dir, title: Line{{Dim, "FIN"}}})
	case b.How == observe.EndRST && !f.ended[e.Dir.Opposite()]:
		f.push(e, step{dir: e.Dir, title: Line{{Error, "RST"}, {Dim, " " + f.view.words.Text("ladder.rst")}}})
	}
}
