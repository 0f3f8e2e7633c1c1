package record

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/suite"
)

// testKeys returns keys of the suite, filled with bytes that depend on seed: each call a copy, for whoever takes them over.
func testKeys(s *suite.Suite, seed byte) *suite.TrafficKeys {
	fill := func(n int) keys.Secret { return bytes.Repeat([]byte{seed}, n) }
	k := &suite.TrafficKeys{Version: s.MinVersion, Suite: s, EncryptThenMAC: encryptThenMAC[s]}
	if s.MinVersion >= iana.VersionTLS13 {
		k.Secret = fill(s.Hash.Size())
		return k
	}
	n := s.Lengths()
	k.MAC, k.Key, k.IV = fill(n.MAC), fill(n.Key), fill(n.IV)
	return k
}

func sealerFor(s *suite.Suite) *Sealer {
	sealer := &Sealer{}
	sealer.SetKeys(testKeys(s, 1))
	sealer.SetVersion(s.MinVersion)
	return sealer
}

func openerFor(s *suite.Suite) *Opener {
	opener := &Opener{}
	opener.SetKeys(testKeys(s, 1))
	return opener
}

// kinds is a suite for every way to protect a record: every cipher with every MAC, in each version. CBC ones are there twice,
// the second time with encrypt_then_mac. The rows are copies that have one version.
var kinds = makeKinds()

// encryptThenMAC is those of kinds that have it.
var encryptThenMAC = map[*suite.Suite]bool{}

func makeKinds() (all []*suite.Suite) {
	type kind struct {
		cipher  *suite.Cipher
		mac     crypto.Hash
		version iana.Version
	}
	seen := map[kind]bool{}
	for _, s := range suite.All() {
		for v := s.MinVersion; v <= s.MaxVersion; v++ {
			k := kind{s.Cipher, s.MAC, v}
			if seen[k] {
				continue
			}
			seen[k] = true
			row := *s
			row.MinVersion, row.MaxVersion = v, v
			all = append(all, &row)
			if s.Cipher.CBC() {
				etm := row
				encryptThenMAC[&etm] = true
				all = append(all, &etm)
			}
		}
	}
	return all
}

func kindName(s *suite.Suite) string {
	name := fmt.Sprintf("%v %s", s.MinVersion, s.Cipher.Name)
	if s.MAC != 0 {
		name += " " + s.MAC.String()
	}
	if encryptThenMAC[s] {
		name += " encrypt-then-MAC"
	}
	return name
}

// kind returns the one of kinds with this name.
func kind(t testing.TB, name string) *suite.Suite {
	t.Helper()
	for _, s := range kinds {
		if kindName(s) == name {
			return s
		}
	}
	t.Fatalf("no kind %q", name)
	return nil
}

// splits reports whether data goes out with its first byte ahead.
func splits(s *suite.Suite) bool { return s.MinVersion == iana.VersionTLS10 }

// suiteOf returns the first suite of a version, for tests that do not need them all.
func suiteOf(v iana.Version) *suite.Suite {
	for _, s := range suite.All() {
		if s.Supports(v) {
			return s
		}
	}
	panic("no suite of that version")
}

func mustSeal(t testing.TB, s *Sealer, typ iana.ContentType, payload []byte, padding int) []byte {
	t.Helper()
	record, err := s.Seal(nil, typ, payload, padding)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// open opens one record that came as bytes, and leaves those alone.
func open(o *Opener, record []byte) (iana.ContentType, []byte, error) {
	return o.Open(ParseHeader(record), bytes.Clone(record[HeaderLen:]))
}

// wantAlert checks that err is an alert.Error with this alert and a reference.
func wantAlert(t testing.TB, what string, err error, want iana.Alert) {
	t.Helper()
	var e *alert.Error
	if !errors.As(err, &e) || e.Alert != want {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

// poisoned runs the rest of the test with poisoned buffers, and requires at its end that all came back and that none had
// a secret left in it.
func poisoned(t *testing.T, secrets ...[]byte) {
	stop := borrow.Poison(func(buf []byte) {
		for _, s := range secrets {
			if bytes.Contains(buf, s) {
				t.Errorf("got %q left in a buffer that was returned", s)
			}
		}
	})
	t.Cleanup(func() {
		defer stop()
		if n, _ := borrow.Outstanding(); n != 0 {
			t.Errorf("got %d buffers outstanding, want 0", n)
		}
	})
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestHeader(t *testing.T) {
	for _, test := range []struct {
		bytes string
		want  Header
	}{
		{"16030100c4", Header{iana.ContentHandshake, iana.VersionTLS10, 196}},
		{"1703034011", Header{iana.ContentApplicationData, iana.VersionTLS12, 1<<14 + 17}},
		{"ff0123ffff", Header{0xff, 0x0123, 0xffff}},
	} {
		b := unhex(t, test.bytes)
		if got := ParseHeader(b); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.bytes, got, test.want)
		}
		if got := fmt.Sprintf("%x", test.want.Append(nil)); got != test.bytes {
			t.Errorf("got %s, want %s", got, test.bytes)
		}
	}
}
