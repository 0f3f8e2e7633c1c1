package session

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/wire"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

var samples = []struct {
	name  string
	state func() *State
}{
	{"server, TLS 1.3", server13},
	{"server, TLS 1.2", server12},
	{"client, TLS 1.3", client13},
}

// The golden file is the encoding, field by field. A change of it is a change of format, which must get another number:
// tickets and session files of the old one are out there.
func TestStateEncoding(t *testing.T) {
	var doc strings.Builder
	for _, sample := range samples {
		fmt.Fprintf(&doc, "== %s\n", sample.name)
		ann, err := new(wire.Codec).Annotate(mustEncode(t, sample.state()), "session", new(State), false)
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		for _, span := range ann.Spans {
			if span.Leaf {
				fmt.Fprintf(&doc, "%s: %x\n", span.Path, mustEncode(t, sample.state())[span.Start:span.End])
				at = span.End
			}
		}
		if want := len(mustEncode(t, sample.state())); at != want {
			t.Errorf("%s: got spans up to %d, want %d", sample.name, at, want)
		}
	}
	golden(t, "testdata/state_2.txt", doc.String())
}

// What the golden file holds is still read as what it was made of.
func TestStateDecoding(t *testing.T) {
	file, err := os.ReadFile("testdata/state_2.txt")
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(file), "== ")[1:]
	if len(sections) != len(samples) {
		t.Fatalf("got %d sections, want %d", len(sections), len(samples))
	}
	for i, sample := range samples {
		s, err := Decode(unhex(t, sections[i]))
		if err != nil {
			t.Errorf("%s: %v", sample.name, err)
		} else if d := diff(s, sample.state()); d != "" {
			t.Errorf("%s: (-want +got)\n%s", sample.name, d)
		}
	}
}

// unhex joins the values of a section of the golden file.
func unhex(t *testing.T, section string) (all []byte) {
	t.Helper()
	for line := range strings.Lines(section) {
		if _, digits, found := strings.Cut(strings.TrimSpace(line), ": "); found {
			b, err := hex.DecodeString(digits)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b...)
		}
	}
	return all
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(got, string(want)); d != "" {
		t.Errorf("%s (-want +got):\n%s", file, d)
	}
}

// Decode keeps nothing of its argument.
func TestDecodeCopies(t *testing.T) {
	b := mustEncode(t, client13())
	s, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if d := diff(s, client13()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// Every prefix of a session, and a session with a byte more, is refused as what it is: not ours.
func TestDecodeTruncated(t *testing.T) {
	for _, sample := range samples {
		whole := mustEncode(t, sample.state())
		for n := range len(whole) {
			if _, err := Decode(whole[:n]); CodeOf(err) != SessionFormat {
				t.Errorf("%s, %d bytes of %d: got %v, want %s", sample.name, n, len(whole), err, SessionFormat)
			}
		}
		if _, err := Decode(append(whole, 0)); CodeOf(err) != SessionFormat {
			t.Errorf("%s and a byte: got %v, want %s", sample.name, err, SessionFormat)
		}
	}
}

// A session that is not sound is neither written nor read. The rows that set bytes are for what a State cannot hold.
func TestStateFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		break_ func(*State)
		want   string // the path of the field
	}{
		{"no side", func(s *State) { s.Side = keys.Both }, "session.side"},
		{"another side", func(s *State) { s.Side = 3 }, "session.side"},
		{"no such suite", func(s *State) { s.Suite = 0x1399 }, "session.cipher_suite"},
		{"a suite of another version", func(s *State) { s.Version = iana.VersionTLS12 }, "session.cipher_suite"},
		{"a name of 256 bytes", func(s *State) { s.ServerName = strings.Repeat("a", 256) }, "session.server_name"},
		{"a protocol of 256 bytes", func(s *State) { s.ALPN = strings.Repeat("a", 256) }, "session.alpn"},
		{"not created", func(s *State) { s.Created = time.Time{} }, "session.created"},
		{"created in the year 10000", func(s *State) { s.Created = time.UnixMilli(maxMillis + 1) }, "session.created"},
		{"never authenticated", func(s *State) { s.Authenticated = time.Time{} }, "session.authenticated"},
		{"eight days", func(s *State) { s.Lifetime = 8 * 24 * time.Hour }, "session.lifetime"},
		{"less than no time", func(s *State) { s.Lifetime = -time.Second }, "session.lifetime"},
		{"half a second", func(s *State) { s.Lifetime = time.Second / 2 }, "session.lifetime"},
		{"a round trip of fifty days", func(s *State) { s.RTT = 50 * 24 * time.Hour }, "session.rtt"},
		{"a server with a ticket", func(s *State) { s.Ticket = []byte{1} }, "session.ticket"},
		{"an ID of 33 bytes", func(s *State) { s.ID = fill(33, 0) }, "session.id"},
		{"no secret", func(s *State) { s.Secret = nil }, "session.secret"},
		{"a secret of another hash", func(s *State) { s.Secret = fill(48, 0) }, "session.secret"},
	} {
		s := server13()
		c.break_(s)
		out, err := s.Append([]byte("kept"))
		if CodeOf(err) != SessionFormat || !strings.Contains(fmt.Sprint(err), c.want) || string(out) != "kept" {
			t.Errorf("%s: got %q, %v, want an error about %s", c.name, out, err, c.want)
		}
	}
	for _, c := range []struct {
		name string
		at   int
		to   byte
		want string
	}{
		{"another format", 0, 3, "session.format: format 3, where 2 is known"},
		{"no side", 1, 0, "session.side"},
		{"a flag that nobody has", 1 + 1 + 2 + 2 + 12 + 3 + 4 + 2, 4, "session.flags"},
		{"two keys", 1 + 1 + 2 + 2 + 12 + 3 + 4 + 2, 2, "session.certificates"},
	} {
		b := mustEncode(t, server13())
		b[c.at] = c.to
		if _, err := Decode(b); CodeOf(err) != SessionFormat || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: got %v, want an error about %s", c.name, err, c.want)
		}
	}
}

// A buffer that Append grew, and one that it failed in, hold no secret.
func TestAppendLeavesNoSecret(t *testing.T) {
	s := server13()
	small := make([]byte, 0, 8)
	if _, err := s.Append(small); err != nil {
		t.Fatal(err)
	}
	s.Ticket = []byte{1} // the fault is found after the secret is written
	room := make([]byte, 0, 1024)
	if _, err := s.Append(room); err == nil {
		t.Fatal("a server's session with a ticket was encoded")
	}
	for name, b := range map[string][]byte{"grown": small[:cap(small)], "failed": room[:cap(room)]} {
		if bytes.Contains(b, s.Secret[:8]) {
			t.Errorf("%s: the buffer holds the secret", name)
		}
	}
}

// Nor does what was decrypted and is no session.
func TestDecodeFailureLeavesNoSecret(t *testing.T) {
	b := append(mustEncode(t, server13()), 0)
	if _, err := decode(b); err == nil || !bytes.Equal(b, make([]byte, len(b))) {
		t.Errorf("got %v, and %x, want zeros", err, b)
	}
}

func TestStateShowsNoSecret(t *testing.T) {
	s := client13()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "session", s)
	for _, shown := range []string{
		fmt.Sprintf("%v %+v %#v", s, s, s), string(text), log.String(),
	} {
		for _, secret := range []string{hex.EncodeToString(s.Secret[:6]), strings.Trim(fmt.Sprint([]byte(s.Secret[:6])), "[]")} {
			if strings.Contains(shown, secret) {
				t.Errorf("the secret is in %s", shown)
			}
		}
	}
}

func TestWipeAndClone(t *testing.T) {
	s := server12()
	c := s.Clone()
	s.Wipe()
	if !bytes.Equal(s.Secret, make([]byte, 48)) {
		t.Errorf("after Wipe: got %x, want zeros", s.Secret.Reveal())
	}
	if d := diff(c, server12()); d != "" {
		t.Errorf("the clone (-want +got):\n%s", d)
	}
	(*State)(nil).Wipe()
}

func TestFingerprints(t *testing.T) {
	seen := map[Fingerprint]string{}
	for name, f := range map[string]Fingerprint{
		"nothing":   FingerprintOf(),
		"one empty": FingerprintOf(nil),
		"ab":        FingerprintOf([]byte("ab")),
		"a, b":      FingerprintOf([]byte("a"), []byte("b")),
	} {
		if other, ok := seen[f]; ok {
			t.Errorf("%s and %s have the same fingerprint", name, other)
		}
		seen[f] = name
	}
}

// Whatever the bytes are: a session, which encodes to the same bytes, or SessionFormat.
func FuzzDecodeState(f *testing.F) {
	for _, sample := range samples {
		f.Add(mustEncode(f, sample.state()))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Decode(b)
		if err != nil {
			if CodeOf(err) != SessionFormat {
				t.Errorf("got %v, want %s", err, SessionFormat)
			}
			return
		}
		if again := mustEncode(t, s); !bytes.Equal(again, b) {
			t.Errorf("got %x, want %x", again, b)
		}
	})
}
