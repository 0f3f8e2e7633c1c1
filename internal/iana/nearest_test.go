package iana

import "testing"

func TestCorrections(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "abc", 0},
		{"abc", "abd", 1},
		{"abc", "ab", 1},
		{"abc", "xabc", 1},
		{"abc", "acb", 1},
		{"abcd", "badc", 2},
		{"kitten", "sitting", 3},
	}
	for _, test := range tests {
		if got := corrections(test.a, test.b); got != test.want {
			t.Errorf("%q → %q: got %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"demo", "serve", "connect", "version"}
	for word, want := range map[string]string{
		"conect":   "connect",
		"verison":  "version",
		"server":   "serve",
		"dmeo":     "demo",
		"inspect":  "",
		"":         "",
		"x":        "",
		"nonsense": "",
	} {
		if got := Nearest(names, word); got != want {
			t.Errorf("Nearest to %q: got %q, want %q", word, got, want)
		}
	}
}
