package ladder

import (
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/observe"
)

// The list of keys: values, what is masked, and why something is not there.
func TestKeys(t *testing.T) {
	s := &observe.Session{}
	s.Version = "TLS 1.3"
	s.Keys = []observe.Key{
		{What: observe.KeyClientRandom, From: "client", Length: 2, Value: "abcd"},
		{What: observe.KeyShared, Secret: true, Why: observe.LacksNotLogged},
		{What: observe.KeyTraffic, Label: "CLIENT_TRAFFIC_SECRET_0", From: "client", Length: 32, Secret: true},
		{What: observe.KeyWrite, Label: "CLIENT_TRAFFIC_SECRET_0", From: "client", Secret: true, Why: string(observe.DecryptNoSecret)},
	}
	for lang, want := range map[explain.Lang][]string{
		explain.English: {
			"client_random            abcd", "shared_secret            not known: key logs do not have it",
			"CLIENT_TRAFFIC_SECRET_0  32 bytes, not shown", "  key                    the key log has no line for this connection",
		},
		explain.Japanese: {"鍵", "不明: 鍵ログには記録されない", "32 バイト、非表示", "この接続の行が鍵ログにない"},
	} {
		var text strings.Builder
		for _, line := range New(Options{Width: 100, Words: explain.For(lang)}).Lines(s) {
			for _, segment := range line {
				text.WriteString(segment.Text)
			}
			text.WriteByte('\n')
		}
		for _, part := range want {
			if !strings.Contains(text.String(), part) {
				t.Errorf("no %q in\n%s", part, text.String())
			}
		}
	}
}

// Where no key log was given, none is said to have no line.
func TestKeyless(t *testing.T) {
	s := &observe.Session{}
	s.Version, s.DecryptError = "TLS 1.3", observe.DecryptNoSecret
	for _, tc := range []struct {
		keyless   func() bool
		want, not string
	}{
		{nil, "the key log has no line", "no key log was given"},
		{func() bool { return false }, "the key log has no line", "no key log was given"},
		{func() bool { return true }, "no key log was given", "the key log has no line"},
	} {
		var text strings.Builder
		for _, line := range New(Options{Width: 100, Keyless: tc.keyless}).Lines(s) {
			for _, segment := range line {
				text.WriteString(segment.Text)
			}
		}
		if got := text.String(); !strings.Contains(got, tc.want) || strings.Contains(got, tc.not) {
			t.Errorf("got %s, want %q and not %q", got, tc.want, tc.not)
		}
	}
}

// A connection that was watched from its middle on is one of TLS, in the table and in the summary.
func TestFromItsMiddle(t *testing.T) {
	s := &observe.Session{}
	s.DecryptError = observe.DecryptNoHello
	v := Options{Width: 100, Words: explain.For(explain.English)}
	for what, lines := range map[string][]Line{"table": NewTable(v).Row(s, s.Start.Time), "summary": New(v).Lines(s)} {
		var text strings.Builder
		for _, line := range lines {
			for _, segment := range line {
				text.WriteString(segment.Text)
			}
		}
		if !strings.Contains(strings.ReplaceAll(text.String(), "\u00a0", " "), "TLS, from its middle") { // a narrow column has the rest below
			t.Errorf("%s: got %s", what, text.String())
		}
	}
}
