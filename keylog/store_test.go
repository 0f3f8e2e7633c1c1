package keylog_test

import (
	"strings"
	"testing"

	"github.com/akushu/akushu/keylog"
	"github.com/google/go-cmp/cmp"
)

func line(label string, from, fill byte) keylog.Line {
	return keylog.Line{Label: label, ClientRandom: random(from), Secret: secret(32, fill)}
}

func TestStore(t *testing.T) {
	s := keylog.NewStore(0)
	first, second := line("EXPORTER_SECRET", 1, 0xaa), line("EXPORTER_SECRET", 1, 0xbb)
	other := line("CLIENT_TRAFFIC_SECRET_0", 1, 0xcc)
	for _, l := range []keylog.Line{first, other, second} {
		if !s.Add(l) {
			t.Errorf("got false for %v, want it added", l)
		}
	}
	if s.Add(first) {
		t.Error("got a line added twice")
	}
	if diff := cmp.Diff([]keylog.Line{second, other, first}, s.Lines(random(1))); diff != "" {
		t.Errorf("got other lines, want the newest first (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]byte{second.Secret, first.Secret}, s.Secrets(random(1), "EXPORTER_SECRET")); diff != "" {
		t.Errorf("got other secrets, want both, the newer first (-want +got):\n%s", diff)
	}
	if got := s.Lines(random(2)); got != nil {
		t.Errorf("got %v for a random that is not there, want nothing", got)
	}
}

// The eight bytes of an encrypted premaster secret are no client random.
func TestStorePremaster(t *testing.T) {
	s := keylog.NewStore(0)
	rsa := keylog.Line{Label: keylog.LabelRSA, EncryptedPremaster: [8]byte{1}, Secret: secret(48, 1)}
	s.Add(rsa)
	if diff := cmp.Diff([]keylog.Line{rsa}, s.Premaster([8]byte{1})); diff != "" {
		t.Errorf("got other lines (-want +got):\n%s", diff)
	}
	if got := s.Lines(random(1)); got != nil {
		t.Errorf("got %v for a client random, want nothing", got)
	}
	if got := s.ClientRandoms(); got != nil {
		t.Errorf("got client randoms %v, want none", got)
	}
}

func TestStoreForgetsTheOldest(t *testing.T) {
	s := keylog.NewStore(3)
	a, b := line("A", 1, 1), line("B", 2, 2)
	for _, l := range []keylog.Line{a, line("A", 1, 2), b, line("C", 3, 3)} {
		s.Add(l)
	}
	if diff := cmp.Diff([]keylog.Line{line("A", 1, 2)}, s.Lines(random(1))); diff != "" {
		t.Errorf("got other lines, want the oldest gone (-want +got):\n%s", diff)
	}
	s.Add(line("D", 4, 4))
	if got := s.Lines(random(1)); got != nil {
		t.Errorf("got %v, want all of the oldest connection gone", got)
	}
	if s.Len() != 3 || len(s.ClientRandoms()) != 3 {
		t.Errorf("got %d lines of %d connections, want 3 of 3", s.Len(), len(s.ClientRandoms()))
	}
	if !s.Add(a) {
		t.Error("got a forgotten line refused, want it added again")
	}
}

func TestStoreReadFrom(t *testing.T) {
	s := keylog.NewStore(0)
	added, err := s.ReadFrom(keylog.NewReader(strings.NewReader(exampleLine + "\nbad\n" + exampleLine)))
	if added != 1 || err != nil || s.Len() != 1 {
		t.Errorf("got %d added, %v, %d lines, want 1, nil, 1", added, err, s.Len())
	}
}
