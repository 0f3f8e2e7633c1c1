package keys

import (
	"bytes"
	"crypto"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// leaks reports in which spelling of its bytes a secret of 0xab 0xcd … is found in text.
func leaks(text string) string {
	for _, spelling := range []string{"abcd", "ABCD", "ab cd", "AB CD", "0xab", "0XAB", "171 205", "171, 205", "253 315", "\xab\xcd", "q80", "10101011"} {
		if strings.Contains(text, spelling) {
			return spelling
		}
	}
	return ""
}

func testSecret() Secret { return bytes.Repeat([]byte{0xab, 0xcd}, 16) }

const redaction = "[secret, 32 bytes]"

func TestSecretPrintsRedacted(t *testing.T) {
	s := testSecret()
	type holder struct {
		Key  Secret
		Keys []Secret
		By   map[string]Secret
		Any  any
	}
	held := holder{s, []Secret{s}, map[string]Secret{"k": s}, s}
	for verb := rune('A'); verb <= 'z'; verb++ {
		if verb == 'p' || verb == 'w' {
			continue // see Secret: fmt reports these as misused without asking the value, and vet refuses them
		}
		for _, flag := range []string{"", "+", "#", "-", " ", "0", "99.99", "# "} {
			format := "%" + flag + string(verb)
			if text := fmt.Sprintf(format, s); verb != 'T' && !strings.Contains(text, redaction) && isLetter(verb) {
				t.Errorf("%s: got %q, want the redaction", format, text)
			}
			for _, v := range []any{s, &s, held, &held, []Secret{s}, any(s)} {
				if text := fmt.Sprintf(format, v); leaks(text) != "" {
					t.Errorf("%s of %T: got %q, which shows the secret", format, v, text)
				}
			}
		}
	}
	for name, text := range map[string]string{"Sprint": fmt.Sprint(s), "String": s.String(), "GoString": s.GoString(), "Errorf": fmt.Errorf("x: %w", fmt.Errorf("%s", s)).Error()} {
		if !strings.Contains(text, redaction) {
			t.Errorf("%s: got %q, want the redaction", name, text)
		}
	}
}

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

func TestSecretEncodesRedacted(t *testing.T) {
	s := testSecret()
	type holder struct{ Key Secret }
	var out bytes.Buffer
	check := func(name string, err error) {
		t.Helper()
		if err != nil || leaks(out.String()) != "" || !strings.Contains(out.String(), redaction) {
			t.Errorf("%s: got %q, error %v, want the redaction", name, out.String(), err)
		}
		out.Reset()
	}
	check("json", json.NewEncoder(&out).Encode(holder{s}))
	check("json map key", json.NewEncoder(&out).Encode(map[string]any{"k": []Secret{s}}))
	check("xml", xml.NewEncoder(&out).Encode(holder{s}))
	check("gob", gob.NewEncoder(&out).Encode(holder{s}))
	for name, h := range map[string]slog.Handler{"slog text": slog.NewTextHandler(&out, nil), "slog json": slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("x", "key", s)
		check(name, nil)
		slog.New(h).Info("x", slog.Group("g", slog.Any("key", s)))
		check(name+" group", nil)
	}
}

func TestSchedulePrintsNoSecret(t *testing.T) {
	early := TLS13(crypto.SHA256, nil).Early(testSecret())
	copy(early.secret[:], testSecret())
	holder := struct{ schedule Early }{early}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, v := range []any{early, early.ladder, &early, holder, &holder} {
			if text := fmt.Sprintf(format, v); leaks(text) != "" {
				t.Errorf("%s of %T: got %q, which shows the secret", format, v, text)
			}
		}
	}
}

func TestSecretRevealCloneWipe(t *testing.T) {
	s := testSecret()
	c := s.Clone()
	if !bytes.Equal(s.Reveal(), c.Reveal()) || len(c) != 32 {
		t.Fatalf("got clone %x, want %x", c.Reveal(), s.Reveal())
	}
	s.Wipe()
	if want := make([]byte, 32); !bytes.Equal(s.Reveal(), want) {
		t.Errorf("after Wipe: got %x, want zeros", s.Reveal())
	}
	if !bytes.Equal(c.Reveal(), testSecret().Reveal()) {
		t.Errorf("Wipe reached the clone: got %x", c.Reveal())
	}
	if Secret(nil).Clone() != nil {
		t.Error("clone of nil: got a slice, want nil")
	}
}
