package session

import (
	"crypto"
	"testing"
	"time"
)

// The budgets are what each call gives back, and for tickets one AES-GCM of its own. Decisions
// cost none.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool drop what it holds")
	}
	for _, op := range operations(t) {
		if got := testing.AllocsPerRun(200, op.call); got > op.allocs {
			t.Errorf("%s: got %v allocations, want %v", op.name, got, op.allocs)
		}
	}
}

func BenchmarkOperations(b *testing.B) {
	for _, op := range operations(b) {
		b.Run(op.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				op.call()
			}
		})
	}
}

type operation struct {
	name   string
	allocs float64
	call   func()
}

func operations(t testing.TB) []operation {
	c := newClock()
	k := fixedKeys(t, c, 1)
	s, f, early := server13(), facts(server13()), early0()
	ticket, encoded := mustSeal(t, k, s), mustEncode(t, s)
	tr := readTrace(t)
	schedule := tr.psk.Schedule(nil)
	at := decodeHello(t, tr.hello).PSK.BindersAt
	offered := identities(ticket)
	find := FromTickets(k)
	buf := make([]byte, 0, 1024)
	strikes := NewStrikes(0, DefaultStrikes, c.now)
	c.add(time.Hour)
	n := 0
	return []operation{
		{"State.Append", 2, func() { _, _ = s.Append(buf) }}, // two strings
		{"Decode", 4, func() { _, _ = Decode(encoded) }},     // the copy, the State, two strings
		{"Seal", 8, func() { _, _ = k.Seal(bg, s) }},
		{"Open", 8, func() { _, _, _ = k.Open(bg, ticket) }},
		{"Open a foreign ticket", 1, func() { _, _, _ = k.Open(bg, encoded) }},
		{"Matches", 0, func() { Matches(s, f) }},
		{"Select", 9, func() { Select(bg, find, offered, f) }},
		{"BinderHash", 2, func() { _, _ = BinderHash(crypto.SHA256, nil, tr.hello, at) }},
		{"VerifyBinder", 0, func() { _ = tr.psk.VerifyBinder(schedule, tr.hash, tr.binder) }},
		{"AcceptEarlyData", 0, func() { AcceptEarlyData(early) }},
		{"Claim again", 0, func() { _, _ = strikes.Claim(bg, claimID(0), c.at.Add(window)) }},
		{"Claim", 1, func() {
			n++
			c.at = c.at.Add(time.Millisecond)
			_, _ = strikes.Claim(bg, claimID(n), c.at.Add(window))
		}},
	}
}
