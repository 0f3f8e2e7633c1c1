package tcp

import "hash/maphash"

// recent remembers the segments that were told last by a sum of their bytes, so that a repetition with other bytes is
// noticed without keeping them.
type recent struct {
	told [8]told
	n    int
}

type told struct {
	start int64
	len   int
	sum   uint64
}

var seed = maphash.MakeSeed()

func (h *half) remember(start int64, data []byte) {
	if h.recent == nil {
		h.recent = new(recent)
	}
	r := h.recent
	r.told[r.n%len(r.told)] = told{start, len(data), maphash.Bytes(seed, data)}
	r.n++
}

// differs reports whether one of the segments that are remembered had other bytes where data repeats it whole.
func (r *recent) differs(start int64, data []byte) bool {
	if r == nil {
		return false
	}
	for _, t := range r.told {
		from := t.start - start
		if t.len == 0 || from < 0 || from+int64(t.len) > int64(len(data)) {
			continue
		}
		if maphash.Bytes(seed, data[from:from+int64(t.len)]) != t.sum {
			return true
		}
	}
	return false
}
