package bench

import (
	"runtime"
	"testing"
)

// TestHalfOfTheAllocations has a handshake take no more than half of crypto/tls's allocations, in each version.
func TestHalfOfTheAllocations(t *testing.T) {
	for _, v := range versions {
		t.Run(v.name, func(t *testing.T) {
			least := map[string]uint64{}
			for _, s := range stacks(t, v.id) {
				least[s.name] = leastAllocations(t, s)
			}
			most := least["crypto_tls"] / 2
			if raceEnabled {
				most += most / 10
			}
			if got := least["akushu"]; got > most {
				t.Errorf("got %d allocations for a handshake, want at most %d, half of crypto/tls's", got, most)
			}
		})
	}
}

// leastAllocations counts the allocations of a handshake, both ends together: the least of many, because the first
// resolves the configuration, and others may find a pool empty or run beside something else.
func leastAllocations(t *testing.T, s stack) uint64 {
	dial := loopback(t)
	least := ^uint64(0)
	for range 50 {
		rawC, rawS := dial()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		shake(t, s.client(rawC), s.server(rawS))
		runtime.ReadMemStats(&after)
		rawC.Close()
		rawS.Close()
		least = min(least, after.Mallocs-before.Mallocs)
	}
	return least
}
