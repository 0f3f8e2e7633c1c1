package capture

import (
	"encoding/binary"
	"math"
	"math/bits"
	"time"
)

// A clock turns the time of a packet into ours.
type clock struct {
	unit   uint64 // how many units of time make a second
	offset int64  // in seconds, to be added
}

// newClock reads the options of an interface that say how its packets tell time. The default is microseconds.
func newClock(options map[uint16][]byte, order binary.ByteOrder) (clock, error) {
	c := clock{unit: unit(resolutionDefault)}
	if value, ok := options[optResolution]; ok {
		if len(value) != 1 || unit(value[0]) == 0 {
			return clock{}, faultf("time resolution %x, which no time has", value)
		}
		c.unit = unit(value[0])
	}
	if value, ok := options[optOffset]; ok {
		if len(value) != 8 {
			return clock{}, faultf("time offset of %d bytes, not 8", len(value))
		}
		c.offset = int64(order.Uint64(value))
	}
	return c, nil
}

// unit is how many units of a resolution make a second: a power of ten, or of two; 0 where it is too large.
func unit(resolution byte) uint64 {
	power := resolution &^ resolutionBinary
	if resolution&resolutionBinary != 0 {
		return 1 << power // 0 from 2⁶⁴ on
	}
	if power > 19 {
		return 0
	}
	unit := uint64(1)
	for range power {
		unit *= 10
	}
	return unit
}

// The times that RFC 3339 can write: the years 1 to 9999.
const (
	firstYear = -62135596800
	lastYear  = 253402300799
)

// time is the zero time where the file says one that no packet can have.
func (c *clock) time(stamp uint64) time.Time {
	if c.unit == 0 {
		return time.Time{}
	}
	seconds, fraction := stamp/c.unit, stamp%c.unit
	if seconds > math.MaxInt64/2 || c.offset > math.MaxInt64/2 {
		return time.Time{} // before their sum overflows
	}
	since := int64(seconds) + c.offset
	if since < firstYear || since > lastYear {
		return time.Time{}
	}
	high, low := bits.Mul64(fraction, nanosPerSecond)
	nanos, _ := bits.Div64(high, low, c.unit)
	return time.Unix(since, int64(nanos)).UTC()
}
