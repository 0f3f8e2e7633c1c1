package suite

import (
	"testing"

	"github.com/akushu/akushu/internal/iana"
)

// What one end of an exchange allocates. Ours is a key, a share and a secret; the rest is the libraries': seven allocations
// for a new key on a NIST curve, ML-KEM's keys of 8 KB. In longer fields than of 2048 bits, exponentiation allocates its table.
func TestGroupAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates too")
	}
	for id, want := range map[iana.NamedGroup]struct{ generate, respond, shared float64 }{
		iana.GroupX25519:         {7, 10, 3},
		iana.GroupX25519MLKEM768: {11, 15, 6},
		iana.GroupSecp256r1:      {9, 18, 7},
		iana.GroupFFDHE2048:      {4, 8, 4},
	} {
		g := GroupByID(id)
		key := generate(t, g, source(1))
		share, _, err := g.Respond(source(2), key.Public())
		if err != nil {
			t.Fatal(err)
		}
		r := source(3)
		for name, c := range map[string]struct {
			want float64
			call func() error
		}{
			"Generate": {want.generate, func() error { _, err := g.Generate(r); return err }},
			"Respond":  {want.respond, func() error { _, _, err := g.Respond(r, key.Public()); return err }},
			"Shared":   {want.shared, func() error { _, err := key.Shared(share); return err }},
		} {
			got := testing.AllocsPerRun(20, func() {
				if err := c.call(); err != nil {
					t.Fatal(err)
				}
			})
			if got > c.want {
				t.Errorf("%v %s: got %v allocations, want %v", id, name, got, c.want)
			}
		}
	}
}
