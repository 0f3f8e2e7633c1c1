package observe

import (
	"cmp"
	"slices"
)

// moment is when an entry of a list came: in which packet, or where there are none, at what time.
type moment struct {
	from  string
	frame int
	time  Milliseconds
}

func (m moment) compare(o moment) int {
	if m.frame != 0 && o.frame != 0 {
		return cmp.Compare(m.frame, o.frame)
	}
	return cmp.Compare(m.time, o.time)
}

// inSequence sorts a list by when its entries came, as records that wait for keys are told behind what the other end
// sent after them. The order of each direction stays as it is, also where its packets came in another.
func inSequence[T any](list []T, when func(*T) moment) {
	type entry struct {
		moment
		is T
	}
	if slices.IsSortedFunc(list, func(a, b T) int { return when(&a).compare(when(&b)) }) {
		return
	}
	latest := make(map[string]moment, 2)
	entries := make([]entry, len(list))
	for i := range list {
		m := when(&list[i])
		if before, ok := latest[m.from]; ok && m.compare(before) < 0 {
			m = before
		}
		latest[m.from] = m
		entries[i] = entry{m, list[i]}
	}
	slices.SortStableFunc(entries, func(x, y entry) int { return x.compare(y.moment) })
	for i := range entries {
		list[i] = entries[i].is
	}
}
