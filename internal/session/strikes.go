package session

import (
	"context"
	"sync"
	"time"
)

// Strikes is a [Register] in memory. It refuses rather than forgets: when it is full, for what would have to be remembered
// too long, and for what may have been accepted before it was there.
//
// Its one invariant: every claim that it has granted and that expires after floor is in a slot. So a claim that expires
// at or before floor is refused, and floor rises to the time at which slots were last dropped. That holds too where a
// clock is set forward and back: nothing is granted until it has caught up.
//
// The warm-up is the floor of the beginning. A server that was here before accepted at start at the latest, from
// ClientHellos that should have arrived one window later at the latest, and these are fresh for another window. It must
// have had no larger window than this one. Two servers that run at the same time must share a Register.
// For a ticket that was made since the start there is no warm-up: no server that was here before has seen it, unless one
// made it, took it back and ended within the same millisecond.
type Strikes struct {
	now    func() time.Time
	window int64 // milliseconds, as all times here
	limit  int
	start  int64
	warm   int64 // the floor of the beginning, for tickets of before

	mu    sync.Mutex
	floor int64
	count int
	slots map[int64]slot // by the time of expiry, in windows
}

// slot is the claims that expire within the same window.
type slot map[[32]byte]struct{}

// DefaultStrikes is a limit for NewStrikes: 100,000 claims, at most 10 MB. With the default window that is enough for
// 5,000 connections a second with early data.
const DefaultStrikes = 100_000

// NewStrikes returns a register that has just started, for a window of freshness (0: DefaultWindow). It holds up to
// limit claims, of less than 100 bytes each.
func NewStrikes(window time.Duration, limit int, now func() time.Time) *Strikes {
	s := &Strikes{now: now, window: orDefault(window, DefaultWindow).Milliseconds(), limit: limit, slots: map[int64]slot{}}
	s.start = now().UnixMilli()
	s.warm, s.floor = s.horizon(s.start), s.start
	return s
}

// horizon is the latest time at which a claim that is made at now can expire: two windows on, see AcceptEarlyData, and the
// millisecond of forgettable.
func (s *Strikes) horizon(now int64) int64 { return now + 2*s.window + 1 }

// Claim implements [Register]. Its errors are Codes.
func (s *Strikes) Claim(_ context.Context, id [32]byte, expires time.Time) (first bool, err error) {
	return s.claim(id, expires, time.Time{})
}

// claim is Claim under a ticket that was issued then; the zero time is not known.
func (s *Strikes) claim(id [32]byte, expires, issued time.Time) (first bool, err error) {
	at := expires.UnixMilli()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now().UnixMilli()
	s.drop(now)
	switch {
	case expires.IsZero() || at > s.horizon(now):
		return false, EarlyHorizon
	case at <= s.floor:
		return false, EarlyStale
	case at <= s.warm && (issued.IsZero() || issued.UnixMilli() < s.start):
		return false, EarlyWarmUp
	case s.has(id):
		return false, nil
	case s.count >= s.limit:
		return false, EarlyFull
	}
	s.put(id, at/s.window)
	return true, nil
}

// drop forgets the slots in which all have expired.
func (s *Strikes) drop(now int64) {
	for n, ids := range s.slots {
		if (n+1)*s.window <= now {
			s.count -= len(ids)
			delete(s.slots, n)
		}
	}
	s.floor = max(s.floor, now)
}

// has looks in every slot, of which there are four at most.
func (s *Strikes) has(id [32]byte) bool {
	for _, ids := range s.slots {
		if _, ok := ids[id]; ok {
			return true
		}
	}
	return false
}

func (s *Strikes) put(id [32]byte, n int64) {
	if s.slots[n] == nil {
		s.slots[n] = slot{}
	}
	s.slots[n][id] = struct{}{}
	s.count++
}
