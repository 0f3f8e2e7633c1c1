package dissect

import "testing"

func TestFrames(t *testing.T) {
	var f Frames
	want := map[int]bool{}
	for _, n := range []int{3, 4, 5, 9, 7, 8, 12, 6, 1} {
		f.add(n)
		want[n] = true
	}
	for n := range 15 {
		if got := f.Has(n); got != want[n] {
			t.Errorf("Has(%d): got %v, want %v", n, got, want[n])
		}
	}
	if f.Len() != len(want) {
		t.Errorf("Len: got %d, want %d", f.Len(), len(want))
	}
}
