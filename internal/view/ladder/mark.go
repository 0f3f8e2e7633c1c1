package ladder

// Selection is which packets somebody looks for.
type Selection struct {
	Has   func(frame int) bool
	Count int  // how many there are
	Only  bool // what is in none of them is not drawn
}

// Select marks what stands in the packets of a selection, from the next call of Lines on.
func (l *Ladder) Select(s Selection) { l.selection = &s }

// framesKept bounds the packets that are remembered of a step.
const framesKept = 4096

// frames remembers that an event of a step stood in a packet.
func (s *step) inFrame(frame int) {
	if n := len(s.frames); frame != 0 && n < framesKept && (n == 0 || s.frames[n-1] != frame) {
		s.frames = append(s.frames, frame)
	}
}

// selected returns the steps that are drawn, and counts the packets of the selection that have a step.
func (l *Ladder) selected(steps []*step) []*step {
	if l.selection == nil {
		return steps
	}
	var drawn []*step
	shown := map[int]bool{}
	for _, s := range steps {
		s.marked = false
		for _, frame := range s.frames {
			if l.selection.Has(frame) {
				s.marked, shown[frame] = true, true
			}
		}
		if s.marked || !l.selection.Only {
			drawn = append(drawn, s)
		}
	}
	text := l.view.words.Text("ladder.matching", count(int64(l.selection.Count)), count(int64(l.selection.Count-len(shown))))
	return append(drawn, &step{kind: note, title: Line{{Dim, text}}})
}
