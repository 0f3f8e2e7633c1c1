package session

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var _ Register = (*Strikes)(nil)

func claimID(n int) (id [32]byte) {
	binary.BigEndian.PutUint64(id[:], uint64(n)+1)
	return id
}

// wantClaim claims n until d from now.
func wantClaim(t *testing.T, what string, s *Strikes, n int, d time.Duration, wantFirst bool, wantErr error) {
	t.Helper()
	first, err := s.Claim(bg, claimID(n), s.now().Add(d))
	if first != wantFirst || err != wantErr {
		t.Errorf("%s: got %t, %v, want %t, %v", what, first, err, wantFirst, wantErr)
	}
}

const window = DefaultWindow

func TestStrikes(t *testing.T) {
	c := newClock()
	s := NewStrikes(0, 100, c.now)
	// A claim until just after the horizon of the start can be of no hello that was accepted before it.
	wantClaim(t, "at the start", s, 1, window, false, EarlyWarmUp)
	wantClaim(t, "the last that may have been accepted before", s, 1, 2*window+time.Millisecond, false, EarlyWarmUp)
	wantClaim(t, "longer than can be", s, 1, 2*window+2*time.Millisecond, false, EarlyHorizon)
	c.add(time.Millisecond)
	wantClaim(t, "the first that was not", s, 1, 2*window+time.Millisecond, true, nil)
	wantClaim(t, "the same", s, 1, 2*window+time.Millisecond, false, nil)
	c.add(window - time.Millisecond)
	wantClaim(t, "the warm-up's last moment, for a hello that is on time", s, 2, window+time.Millisecond, false, EarlyWarmUp)
	c.add(time.Millisecond)
	wantClaim(t, "the moment after", s, 2, window+time.Millisecond, true, nil)

	c.add(time.Hour)
	wantClaim(t, "an hour later", s, 3, window, true, nil)
	wantClaim(t, "the same until another time", s, 3, 2*window, false, nil)
	wantClaim(t, "the same until yet another", s, 3, time.Millisecond, false, nil)
	wantClaim(t, "what has expired", s, 4, 0, false, EarlyStale)
	if _, err := s.Claim(bg, claimID(4), time.Time{}); err != EarlyHorizon {
		t.Errorf("for ever: got %v, want %s", err, string(EarlyHorizon))
	}
	c.add(window - time.Millisecond)
	wantClaim(t, "in the last millisecond of the claim", s, 3, time.Millisecond, false, nil)
}

// Tickets that were made since the start need no warm-up.
func TestStrikesOfNewTickets(t *testing.T) {
	c := newClock()
	start := c.now()
	s := NewStrikes(0, 100, c.now)
	for i, row := range []struct {
		what   string
		issued time.Time
		first  bool
		err    error
	}{
		{"before the start", start.Add(-time.Millisecond), false, EarlyWarmUp},
		{"at the start", start, true, nil},
		{"after the start", start.Add(time.Millisecond), true, nil},
		{"not known", time.Time{}, false, EarlyWarmUp},
	} {
		for again := range 2 {
			first, err := s.claim(claimID(i), c.now().Add(window), row.issued)
			if first != (row.first && again == 0) || err != row.err {
				t.Errorf("%s, time %d: got %t, %v", row.what, again, first, err)
			}
		}
	}
}

// Of 1,000 that claim one id at once, one is the first, whatever else is going on. Run it with -race.
func TestStrikesConcurrently(t *testing.T) {
	c := newClock()
	s := warmStrikes(c)
	var firsts [20]atomic.Int32
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			for n := range firsts {
				if first, err := s.Claim(bg, claimID(n), c.now().Add(window)); err != nil {
					t.Error(err)
				} else if first {
					firsts[n].Add(1)
				}
			}
			if i%100 == 0 {
				c.add(time.Millisecond)
			}
		})
	}
	wg.Wait()
	for n := range firsts {
		if got := firsts[n].Load(); got != 1 {
			t.Errorf("id %d: got %d firsts, want 1", n, got)
		}
	}
}

// The invariant, against a register that never forgets: whatever is claimed, for whenever, with a clock that goes
// forward, back and far ahead, and with restarts, nothing is granted twice while it has not expired for good.
func TestStrikesNeverTwice(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		c := newClock()
		s := NewStrikes(0, 50, c.now)
		type claim struct {
			id      int
			expires int64
		}
		granted := map[claim]bool{}
		grants := 0
		for step := range 5000 {
			switch jump := r.IntN(500); {
			case jump < 400:
				c.add(time.Duration(r.Int64N(int64(200 * time.Millisecond))))
			case jump == 498:
				c.add(time.Minute)
			case jump == 499:
				c.add(-time.Duration(r.Int64N(int64(time.Minute))))
			case jump == 497:
				c.add(max(0, time.UnixMilli(s.floor).Sub(c.now()))) // a restart is not before what was seen
				s = NewStrikes(0, 50, c.now)
			}
			// A hello's id and expiry go together.
			id := r.IntN(30)
			expires := c.now().Add(time.Duration(r.Int64N(int64(2 * window)))).Truncate(window / 4)
			first, err := s.Claim(bg, claimID(id*1000+int(expires.UnixMilli()/2500)%1000), expires)
			if !first || err != nil {
				continue
			}
			grants++
			key := claim{id, expires.UnixMilli()}
			if granted[key] {
				t.Fatalf("seed %d, step %d: claim %v was granted twice", seed, step, key)
			}
			granted[key] = true
		}
		if grants < 300 {
			t.Errorf("seed %d: got %d grants of 5000, want more: the test tests nothing", seed, grants)
		}
	}
}

// A clock that was set ahead and back stops early data until it has caught up, for what was forgotten may be fresh again.
func TestStrikesClockSetBack(t *testing.T) {
	c := newClock()
	s := warmStrikes(c)
	wantClaim(t, "before", s, 1, window, true, nil)
	c.add(time.Minute)
	wantClaim(t, "a minute ahead", s, 2, window, true, nil)
	c.add(-time.Minute)
	wantClaim(t, "the claim that was forgotten", s, 1, window, false, EarlyStale)
	wantClaim(t, "a new one", s, 3, window, false, EarlyStale)
	c.add(time.Minute)
	wantClaim(t, "caught up", s, 3, window, true, nil)
	wantClaim(t, "the claim that was not forgotten", s, 2, window, false, nil)
}

// A full register refuses what is new, still knows what it has, and has room again when that expires.
func TestStrikesFull(t *testing.T) {
	c := newClock()
	s := NewStrikes(0, 100, c.now)
	c.add(time.Hour)
	for n := range 100 {
		wantClaim(t, "filling", s, n, window, true, nil)
	}
	wantClaim(t, "one more", s, 100, window, false, EarlyFull)
	wantClaim(t, "one that is there", s, 50, window, false, nil)
	c.add(window - time.Millisecond)
	wantClaim(t, "nothing has expired", s, 100, window, false, EarlyFull)
	c.add(window + time.Millisecond)
	wantClaim(t, "all has expired", s, 100, window, true, nil)
	if s.count != 1 || len(s.slots) != 1 {
		t.Errorf("got %d claims in %d slots, want 1 in 1", s.count, len(s.slots))
	}
	none := NewStrikes(0, 0, c.now)
	c.add(time.Hour)
	wantClaim(t, "a register of no size", none, 1, window, false, EarlyFull)
}

// A claim takes less than 100 bytes, however many there are, and a flood no more than the limit allows.
func TestStrikesMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector changes what things weigh")
	}
	for _, limit := range []int{1000, 20_000, DefaultStrikes} {
		c := newClock()
		size := heap(t, func() any {
			s := NewStrikes(0, limit, c.now)
			c.add(time.Hour)
			for n := range 2 * limit {
				_, _ = s.Claim(bg, claimID(n), c.now().Add(window+time.Duration(n%9000)*time.Millisecond))
			}
			if s.count != limit {
				t.Errorf("got %d claims, want %d", s.count, limit)
			}
			return s
		})
		t.Logf("%d claims: %d KiB, %d bytes each", limit, size>>10, size/limit)
		if size > 100*limit {
			t.Errorf("%d claims: got %d bytes each, want less than 100", limit, size/limit)
		}
	}
}
