package dissect_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/capture/packet"
	"github.com/akushu/akushu/internal/dissect"
	"github.com/akushu/akushu/observe"
)

// TestWatchedOrNot: what is known of a connection does not depend on whether somebody listens to its segments, not even
// where a clock was set back, so that the last packet is not the latest.
func TestWatchedOrNot(t *testing.T) {
	all, log := album(t, 0)
	decoder := packet.NewDecoder()
	for i := range all {
		if d := decoder.Decode(&all[i]); d.TCP.Flags&(packet.SYN|packet.ACK) == packet.SYN|packet.ACK {
			all[i].Time = all[i].Time.Add(time.Minute)
		}
	}
	sums := func(watched bool) (list []string) {
		src := sheets(numbered(all))
		_, err := dissect.Run(context.Background(), &src, dissect.Options{
			Stream: -1, Keys: secrets(t, log),
			Watch: func(int) func(observe.Event) {
				if !watched {
					return nil
				}
				return func(observe.Event) {}
			},
			Watches: func(int) bool { return watched },
			Done: func(c *dissect.Connection) {
				b, err := json.Marshal(c.Session)
				check(t, err)
				list = append(list, string(b))
			},
		})
		check(t, err)
		return list
	}
	if diff := cmp.Diff(sums(true), sums(false)); diff != "" {
		t.Errorf("(-watched +not):\n%s", diff)
	}
}
