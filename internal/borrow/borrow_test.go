package borrow

import (
	"bytes"
	"testing"
)

func TestGetGivesTheSmallestBufferThatFits(t *testing.T) {
	for _, test := range []struct{ n, want int }{
		{0, Small},
		{1, Small},
		{Small, Small},
		{Small + 1, Medium},
		{Medium + 1, Record},
		{5 + 1<<14 + 2048, Record},
		{Record + 1, Bulk},
		{4 * (5 + 1<<14 + 17), Bulk},
		{Bulk, Bulk},
		{Bulk + 1, Bulk + 1},
	} {
		buf := Get(test.n)
		if len(buf) != 0 || cap(buf) != test.want {
			t.Errorf("Get(%d): got length %d, capacity %d, want 0, %d", test.n, len(buf), cap(buf), test.want)
		}
		Put(buf)
	}
}

func TestPutOverwritesTheContent(t *testing.T) {
	for _, size := range []int{Small, Bulk + 1} {
		buf := append(Get(size), "a secret"...)
		Put(buf)
		if !bytes.Equal(buf, make([]byte, len(buf))) {
			t.Errorf("of %d bytes: got %q after the return, want zeros", size, buf)
		}
	}
}

// A buffer that grows or shrinks keeps its content, and the one it leaves goes back.
func TestGrowAndFit(t *testing.T) {
	defer Poison(nil)()
	content := bytes.Repeat([]byte{7}, 600)
	steps := []struct {
		what string
		do   func([]byte) []byte
		want int
	}{
		{"grow within the room", func(b []byte) []byte { return Grow(b, Medium) }, Medium},
		{"grow", func(b []byte) []byte { return Grow(b, Medium+1) }, Record},
		{"grow past the pool", func(b []byte) []byte { return Grow(b, Bulk+1) }, Bulk + 1},
		{"fit", Fit, Medium},
		{"fit what fits", Fit, Medium},
	}
	buf := append(Get(600), content...)
	for _, step := range steps {
		buf = step.do(buf)
		if cap(buf) != step.want || !bytes.Equal(buf, content) {
			t.Errorf("%s: got capacity %d, content kept: %v, want %d, true", step.what, cap(buf), bytes.Equal(buf, content), step.want)
		}
		if n, _ := Outstanding(); n != 1 {
			t.Errorf("%s: got %d buffers outstanding, want 1", step.what, n)
		}
	}
	buf = Fit(buf[:0])
	if n, _ := Outstanding(); buf != nil || n != 0 {
		t.Errorf("fit nothing: got %v and %d buffers outstanding, want nil and 0", buf, n)
	}
}

func TestPoisonFindsMisuse(t *testing.T) {
	for _, test := range []struct {
		name, want string
		misuse     func()
	}{
		{"double return", "borrow: a buffer was returned twice", func() {
			buf := Get(Bulk + 1)
			Put(buf)
			Put(buf)
		}},
		{"write after return", "borrow: a buffer was written to after its return", func() {
			for range 1000 { // the pool may drop a buffer, under the race detector at random
				buf := Get(Medium)
				Put(buf)
				buf[:1][0] = 1
				Put(Get(Medium))
			}
		}},
		{"return of a part", "borrow: what was returned is a part of a buffer", func() {
			Put(Get(Small)[1:1])
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer Poison(nil)()
			defer func() {
				for _, c := range classes {
					c.free.Get() // the buffer written to, or any: the next test starts clean
				}
				if got := recover(); got != test.want {
					t.Errorf("got panic %v, want %v", got, test.want)
				}
			}()
			test.misuse()
		})
	}
}

func TestPoisonFillsAndShowsWhatComesBack(t *testing.T) {
	var seen []byte
	defer Poison(func(buf []byte) { seen = bytes.Clone(buf) })()
	buf := append(Get(10), "secret, leftover"...)
	Put(buf[:6])
	if want := append(make([]byte, 6), ", leftover"...); !bytes.Equal(seen[:16], want) {
		t.Errorf("got %q shown, want %q", seen[:16], want)
	}
	if !poisoned(buf) {
		t.Errorf("got %q after the return, want poison", buf)
	}
}

func TestBorrowingAllocatesNothing(t *testing.T) {
	got := testing.AllocsPerRun(100, func() {
		for _, c := range classes {
			Put(Fit(Grow(append(Get(c.size), 1), c.size)))
		}
	})
	if got >= 1 && !raceEnabled { // with which the pool drops buffers at random
		t.Errorf("got %v allocations, want 0", got)
	}
}
