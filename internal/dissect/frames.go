package dissect

import "sort"

// Frames is a set of packets, by their numbers.
type Frames struct {
	runs []run
	n    int
}

// run is consecutive numbers.
type run struct{ first, last int }

// maxRuns bounds the set. What comes after is counted only.
const maxRuns = 1 << 16

// Len is how many packets there are.
func (f *Frames) Len() int { return f.n }

// Has reports whether a packet is in the set.
func (f *Frames) Has(frame int) bool {
	i := f.after(frame)
	return i > 0 && frame <= f.runs[i-1].last
}

// after is the index of the first run that begins after a number.
func (f *Frames) after(frame int) int {
	return sort.Search(len(f.runs), func(i int) bool { return f.runs[i].first > frame })
}

// add puts in a packet that is not in the set. They come in order, but for few.
func (f *Frames) add(frame int) {
	f.n++
	i := f.after(frame)
	switch {
	case i > 0 && f.runs[i-1].last == frame-1:
		f.runs[i-1].last = frame
	case len(f.runs) < maxRuns:
		f.runs = append(f.runs, run{})
		copy(f.runs[i+1:], f.runs[i:])
		f.runs[i] = run{frame, frame}
	}
}
