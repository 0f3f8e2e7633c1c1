package rfc8448

import "testing"

// The number of derivations that each trace spells out, counted in the RFC's text.
func TestSectionsAreWhole(t *testing.T) {
	for title, want := range map[string]struct{ steps, values int }{
		PrivateKeys:       {1, 8},
		SimpleOneRTT:      {38, 109},
		ResumedZeroRTT:    {40, 125},
		HelloRetryRequest: {38, 106},
		ClientAuth:        {36, 101},
		CompatibilityMode: {35, 102},
	} {
		steps, values := Section(title), 0
		for _, s := range steps {
			values += len(s.Values)
		}
		if len(steps) != want.steps || values != want.values {
			t.Errorf("%s: got %d steps with %d values, want %d with %d", title, len(steps), values, want.steps, want.values)
		}
	}
}
