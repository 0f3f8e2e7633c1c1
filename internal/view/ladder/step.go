package ladder

import (
	"slices"
	"time"

	"github.com/akushu/akushu/observe"
)

// step is what becomes one rung, or one note between the rungs.
type step struct {
	kind   kind
	dir    observe.Dir
	seal   seal
	at     time.Time // zero: no time is shown
	seq    uint64
	title  Line   // on the rung; for a note, the note
	size   string // at the rung's end
	more   []detail
	run    run    // what is folded into the step
	first  string // the first line of its data, where that is text
	http   bool   // it brought HTTP, which says more than its first line
	frames []int  // the packets that it stands in
	marked bool   // one of them is selected
}

// kind is how a step is drawn.
type kind uint8

const (
	rung kind = iota // an arrow from one end to the other
	note             // a line between the lifelines
)

// detail is a value with its label; without a label it is prose over the full width.
type detail struct {
	label string // its id after "ladder.label."
	lead  Line   // stands before the text, of which later lines stand below its first
	text  Line
	raw   bool // no line is broken in it
}

func (d detail) equal(other detail) bool {
	return d.label == other.label && slices.Equal(d.text, other.text)
}

// run counts what consecutive events of one sort add to one step.
type run struct {
	sort   sort
	count  int
	bytes  int64
	early  bool
	shown  int // bytes of a body
	dumped int // bytes in hexadecimal
}

// sort is what can be folded.
type sort uint8

const (
	single     sort = iota // not folded
	data                   // application data
	sealedData             // records that were not opened
	notTLS                 // bytes that are no records
	rest                   // all that came after the ladder was full
)

// joins reports whether an event of this sort continues the step.
func (s *step) joins(k sort, dir observe.Dir, early bool) bool {
	return s.run.sort == k && s.dir == dir && s.run.early == early
}
