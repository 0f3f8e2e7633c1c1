package ladder

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWrap(t *testing.T) {
	for _, tc := range []struct {
		text  string
		width int
		want  []string
	}{
		{"", 10, []string{""}},
		{"one two three", 7, []string{"one two", "three"}},
		{"one two three", 100, []string{"one two three"}},
		{"one\u00a0two three", 8, []string{"one two", "three"}},
		{"a, bb\u00a0· cc", 6, []string{"a,", "bb ·", "cc"}},
		{"TLS_AES_128_GCM_SHA256", 10, []string{"TLS_AES_", "128_GCM_", "SHA256"}},
		{"abcdefghij", 4, []string{"abcd", "efgh", "ij"}},
		{"日本語の文章", 6, []string{"日本語", "の文章"}},
		{"日本語。文章", 6, []string{"日本", "語。文", "章"}},
		{"（日本）語", 4, []string{"（日", "本）", "語"}},
		{"鍵 TLS", 6, []string{"鍵 TLS"}},
	} {
		var got []string
		for _, line := range newRuler(false).wrap(Line{{Normal, tc.text}}, tc.width) {
			got = append(got, line.String())
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("wrap(%q, %d) (-want +got):\n%s", tc.text, tc.width, diff)
		}
	}
}

// TestWrapKeepsRoles wraps where roles change: a change is no place to break.
func TestWrapKeepsRoles(t *testing.T) {
	got := newRuler(false).wrap(Line{{Good, "yes"}, {Dim, "\u00a0· "}, {Normal, "because it is"}}, 9)
	want := []Line{{{Good, "yes"}, {Dim, " ·"}}, {{Normal, "because"}}, {{Normal, "it is"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// TestWrapWhole holds lines that fit to what comes of taking them apart.
func TestWrapWhole(t *testing.T) {
	texts := []string{"", " ", "a", "bc", "d e", " f", "g ", "h  i", "\u00a0", "日本"}
	r, whole := newRuler(false), 0
	for _, x := range texts {
		for _, y := range texts {
			for _, z := range texts {
				for _, width := range []int{4, 5, 9} {
					l := Line{{Normal, x}, {Dim, y}, {Dim, z}}
					got, want := r.wrap(l, width), r.broken(l, width)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("wrap(%q, %d) (-want +got):\n%s", l, width, diff)
					}
					if len(got) == 1 {
						whole++
					}
				}
			}
		}
	}
	if whole < 500 {
		t.Errorf("got %d lines that are left whole, want 500 and more", whole)
	}
}

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                    "plain",
		"a\x1b[2Jb":                "a\ufffd[2Jb",
		"bell\a null\x00 \u009b1m": "bell\ufffd null\ufffd \ufffd1m",
		"over\u202eride":           "over\ufffdride",
		"zero\u200bwidth":          "zero\ufffdwidth",
		"tab\tspace\u3000wide":     "tab space wide",
		"glue\u00a0stays":          "glue\u00a0stays",
		"日本 é":                     "日本 é",
		"bad\xffutf8":              "bad\ufffdutf8",
	} {
		if got := Visible(text); got != want {
			t.Errorf("Visible(%q): got %q, want %q", text, got, want)
		}
	}
}

// TestNothingReachesTheTerminal draws a connection whose every text is hostile.
func TestNothingReachesTheTerminal(t *testing.T) {
	s, session := damaged(t)
	var plain bytes.Buffer
	if err := WritePlain(&plain, drawn(Options{}, s, session)); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexAny(plain.String(), "\x1b\u202e"); i >= 0 {
		t.Errorf("an escape is left at byte %d", i)
	}
}

func TestCut(t *testing.T) {
	r := newRuler(false)
	for _, tc := range []struct {
		line  Line
		width int
		want  string
	}{
		{Line{{Normal, "short"}}, 5, "short"},
		{Line{{Normal, "longer"}}, 5, "long…"},
		{Line{{Normal, "two"}, {Dim, " parts"}}, 6, "two p…"},
		{Line{{Normal, "full"}, {Dim, " more"}}, 4, "ful…"},
		{Line{{Normal, "日本語"}}, 5, "日本…"},
	} {
		if got := r.cut(tc.line, tc.width, "…").String(); got != tc.want {
			t.Errorf("cut(%q, %d): got %q, want %q", tc.line, tc.width, got, tc.want)
		}
	}
}

func TestSizesAndTimes(t *testing.T) {
	for got, want := range map[string]string{
		size(0):                 "0\u00a0B",
		size(999):               "999\u00a0B",
		size(1_234_567):         "1,234,567\u00a0B",
		size(10_000_000):        "10.0\u00a0MB",
		size(12_345_678_901):    "12.3\u00a0GB",
		elapsed(0):              "0.00\u00a0ms",
		elapsed(99_994_000):     "99.99\u00a0ms",
		elapsed(123_456_000):    "123.5\u00a0ms",
		elapsed(61_000_000_000): "61.00\u00a0s",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestCipherOf(t *testing.T) {
	for suite, want := range map[string]string{
		"TLS_AES_128_GCM_SHA256":                        "AES-128-GCM",
		"TLS_CHACHA20_POLY1305_SHA256":                  "CHACHA20-POLY1305",
		"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA":            "AES-128-CBC",
		"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305",
		"TLS_AES_128_CCM_8_SHA256":                      "AES-128-CCM-8",
		"TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8":            "AES-128-CCM-8",
		"TLS_RSA_WITH_NULL_SHA256":                      "NULL",
		"0x1234":                                        "0x1234",
		"":                                              "",
	} {
		if got := cipherOf(suite); got != want {
			t.Errorf("cipherOf(%q): got %q, want %q", suite, got, want)
		}
	}
}

func TestGREASE(t *testing.T) {
	for text, want := range map[string]bool{
		"0x0a0a": true, "0xfafa": true, "0x1a2a": false, "0x1301": false, "x25519": false, "0xa0a0": false,
	} {
		if got := isGREASE(text); got != want {
			t.Errorf("isGREASE(%q): got %v, want %v", text, got, want)
		}
	}
}
