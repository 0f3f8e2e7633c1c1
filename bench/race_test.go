//go:build race

package bench

// raceEnabled: more escapes to the heap then, and pools drop what they hold at random.
const raceEnabled = true
