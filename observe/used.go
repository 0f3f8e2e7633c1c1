package observe

import (
	"slices"

	"github.com/akushu/akushu/keylog"
)

// tellUsed tells what a key comes from, in the words of a key log: what opens these records, and nothing else.
func (h *half) tellUsed(k *key) {
	told := h.c.opts.Used
	if told == nil {
		return
	}
	hs := h.hs
	if is13(h.c.tls) {
		hs = h.c.hs
	}
	l := keylog.Line{ClientRandom: hs.clientRandom}
	switch {
	case k.label != "":
		l.Label, l.Secret = k.label, slices.Concat(k.write.MAC.Reveal(), k.write.Key.Reveal(), k.write.IV.Reveal())
	case k.traffic != nil && k.generation == 0:
		l.Label, l.Secret = secretLabels[k.epoch][h.dir], k.traffic.Clone().Reveal()
	case k.main.main != nil:
		l.Label, l.Secret = keylog.LabelClientRandom, k.main.main.Clone().Reveal()
	default: // what was worked out from keys that were told before, or NULL
		return
	}
	told(l)
}

// tellUnused tells the secrets of a connection that others may open, and we cannot.
func (h *half) tellUnused(why DecryptError) {
	told := h.c.opts.Used
	if told == nil || why != DecryptUnsupported && why != DecryptDraft {
		return
	}
	for _, random := range h.c.hs.randoms {
		for _, l := range h.c.keys.store.Lines(random) {
			if l.Label != keylog.LabelExporterSecret && l.Label != keylog.LabelEarlyExporterSecret {
				l.Secret = slices.Clone(l.Secret)
				told(l)
			}
		}
	}
}
