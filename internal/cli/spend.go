package cli

import (
	"os"
	"runtime/debug"
)

// How a verb that reads large files spends memory to save time: garbage is collected less often than usual, until so many
// bytes are in use.
const (
	spendPercent = 400
	spendLimit   = 144 << 20
)

// Spend has garbage collected less often, unless the environment says how often. What it returns undoes it.
func Spend() func() {
	if os.Getenv("GOGC")+os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	percent, limit := debug.SetGCPercent(spendPercent), debug.SetMemoryLimit(spendLimit)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}
