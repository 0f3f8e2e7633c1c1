package suite

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
)

// The words of a suite's IANA name say what the row must say.
func TestSuitesAgreeWithTheirNames(t *testing.T) {
	for _, s := range All() {
		words := []string{"TLS"}
		if s.KeyExchange != KeyExchangeNegotiated {
			words = append(words, s.KeyExchange.String(), s.Auth.String(), "WITH")
		}
		words = append(words, strings.ReplaceAll(s.Cipher.Name, "-", "_"), strings.ReplaceAll(s.Hash.String(), "-", ""))
		if got := strings.Join(words, "_"); got != s.ID.String() {
			t.Errorf("row says %s, want %s", got, s.ID)
		}
		if (s.KeyExchange == KeyExchangeNegotiated) != (s.MinVersion == iana.VersionTLS13) || (s.Auth == AuthNegotiated) != (s.MinVersion == iana.VersionTLS13) {
			t.Errorf("%v: key exchange %v and authentication %v do not go with version %v", s.ID, s.KeyExchange, s.Auth, s.MinVersion)
		}
	}
}

func TestSuitesAgreeWithCryptoTLS(t *testing.T) {
	theirs := map[iana.CipherSuite][]uint16{}
	for _, s := range tls.CipherSuites() {
		theirs[iana.CipherSuite(s.ID)] = s.SupportedVersions
	}
	seen := map[iana.CipherSuite]bool{}
	for _, s := range All() {
		if seen[s.ID] {
			t.Errorf("%v stands there twice", s.ID)
		}
		seen[s.ID] = true
		if ByID(s.ID) != s {
			t.Errorf("ByID(%v): got %v, want the row", s.ID, ByID(s.ID))
		}
		for v := iana.VersionTLS10; v <= iana.VersionTLS13; v++ {
			if got, want := s.Supports(v), slices.Contains(theirs[s.ID], uint16(v)); got != want {
				t.Errorf("%v in %v: got %v, want %v", s.ID, v, got, want)
			}
		}
	}
	if len(seen) != 9 {
		t.Errorf("got %d suites, want 9", len(seen))
	}
	if s := ByID(iana.TLS_RSA_WITH_NULL_MD5); s != nil {
		t.Errorf("ByID of a suite without a row: got %v, want nil", s)
	}
}

// What one cipher is, against the RFCs: 5288 §3 and 7905 §2 for TLS 1.2, 9846 §5.3 and §5.5 for TLS 1.3.
func TestCiphers(t *testing.T) {
	type row struct {
		key, fixed, explicit, tag int
		limit                     uint64
	}
	want := map[iana.CipherSuite]row{
		iana.TLS_AES_128_GCM_SHA256:                        {16, 12, 0, 16, 23726566},
		iana.TLS_AES_256_GCM_SHA384:                        {32, 12, 0, 16, 23726566},
		iana.TLS_CHACHA20_POLY1305_SHA256:                  {32, 12, 0, 16, 1<<64 - 1},
		iana.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:       {16, 4, 8, 16, 1<<64 - 1},
		iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:         {16, 4, 8, 16, 1<<64 - 1},
		iana.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:       {32, 4, 8, 16, 1<<64 - 1},
		iana.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:         {32, 4, 8, 16, 1<<64 - 1},
		iana.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: {32, 12, 0, 16, 1<<64 - 1},
		iana.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:   {32, 12, 0, 16, 1<<64 - 1},
	}
	for _, s := range All() {
		c := s.Cipher
		if got := (row{c.KeyLen, c.FixedIVLen, c.ExplicitNonceLen, c.TagLen, c.RecordLimit}); got != want[s.ID] {
			t.Errorf("%v: got %+v, want %+v", s.ID, got, want[s.ID])
		}
		if got, want := s.Lengths(), (keys.Lengths{Key: c.KeyLen, IV: c.FixedIVLen}); got != want {
			t.Errorf("%v: key block %+v, want %+v", s.ID, got, want)
		}
		checkAEAD(t, s)
	}
}

func checkAEAD(t *testing.T, s *Suite) {
	t.Helper()
	c := s.Cipher
	aead, err := c.New(make([]byte, c.KeyLen))
	if err != nil {
		t.Fatalf("%v: %v", s.ID, err)
	}
	if aead.NonceSize() != c.FixedIVLen+c.ExplicitNonceLen || aead.Overhead() != c.TagLen {
		t.Errorf("%v: got nonce of %d and tag of %d, want %d and %d", s.ID, aead.NonceSize(), aead.Overhead(), c.FixedIVLen+c.ExplicitNonceLen, c.TagLen)
	}
	nonce := make([]byte, aead.NonceSize())
	sealed := aead.Seal(nil, nonce, []byte("record"), []byte("header"))
	if got, err := aead.Open(nil, nonce, sealed, []byte("header")); err != nil || string(got) != "record" {
		t.Errorf("%v: opened %q, error %v, want what was sealed", s.ID, got, err)
	}
	if _, err := aead.Open(nil, nonce, sealed, []byte("other")); err == nil {
		t.Errorf("%v: opened a record under another header", s.ID)
	}
	for _, n := range []int{0, c.KeyLen - 1, c.KeyLen + 1} {
		if _, err := c.New(make([]byte, n)); err == nil {
			t.Errorf("%v: took a key of %d bytes", s.ID, n)
		}
	}
}

// The two AES key lengths, that a row's cipher does what its name says: NIST's GCM test cases 1 and 13 (no plaintext, zero
// key and nonce) for AES, RFC 8439 §2.8.2 for ChaCha20-Poly1305.
func TestCipherKnownAnswers(t *testing.T) {
	zero := make([]byte, 32)
	chachaKey := make([]byte, 32)
	for i := range chachaKey {
		chachaKey[i] = byte(0x80 + i)
	}
	for _, c := range []struct {
		cipher                *Cipher
		key, nonce, text, aad []byte
		tag                   string
	}{
		{aes128GCM, zero[:16], zero[:12], nil, nil, "58e2fccefa7e3061367f1d57a4e7455a"},
		{aes256GCM, zero, zero[:12], nil, nil, "530f8afbc74536b9a963b4f1c4cb738b"},
		{
			chacha20Poly1305, chachaKey,
			[]byte{7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47},
			[]byte("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."),
			[]byte{0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7},
			"1ae10b594f09e26a7e902ecbd0600691",
		},
	} {
		aead, err := c.cipher.New(c.key)
		if err != nil {
			t.Fatal(err)
		}
		sealed := aead.Seal(nil, c.nonce, c.text, c.aad)
		if got := fmt.Sprintf("%x", sealed[len(sealed)-16:]); got != c.tag {
			t.Errorf("%s: got tag %s, want %s", c.cipher.Name, got, c.tag)
		}
	}
}

func TestDefaultSuites(t *testing.T) {
	names := func(list []*Suite) []string {
		var all []string
		for _, s := range list {
			all = append(all, s.ID.String())
		}
		return all
	}
	if diff := cmp.Diff(names(All()), names(defaultSuites(false))); diff != "" {
		t.Errorf("so far every suite is a default one (-want +got):\n%s", diff)
	}
	want := []string{
		"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
		"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
		"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
	}
	if diff := cmp.Diff(want, names(defaultSuites(true))); diff != "" {
		t.Errorf("under FIPS 140 (-want +got):\n%s", diff)
	}
}

// A caller may sort and cut its list.
func TestListsAreCopies(t *testing.T) {
	All()[0], Groups()[0], Schemes()[0] = nil, nil, nil
	Default()[0], DefaultGroups()[0], DefaultSchemes()[0] = nil, nil, nil
	for name, first := range map[string]bool{
		"All": All()[0] == nil, "Groups": Groups()[0] == nil, "Schemes": Schemes()[0] == nil,
		"Default": Default()[0] == nil, "DefaultGroups": DefaultGroups()[0] == nil, "DefaultSchemes": DefaultSchemes()[0] == nil,
	} {
		if first {
			t.Errorf("%s gives away the table", name)
		}
	}
}

func TestTrafficKeysWipe(t *testing.T) {
	all := bytes.Repeat([]byte{1}, 16)
	k := TrafficKeys{Secret: all[:4], MAC: all[4:8], Key: all[8:12], IV: all[12:]}
	k.Wipe()
	if want := make([]byte, 16); !bytes.Equal(all, want) {
		t.Errorf("got %x, want %x", all, want)
	}
}

// The hashes of all rows are linked in.
func TestHashesAreAvailable(t *testing.T) {
	for _, s := range All() {
		if !s.Hash.Available() {
			t.Errorf("%v: %v is not linked in", s.ID, s.Hash)
		}
	}
	for _, s := range Schemes() {
		if s.Hash != crypto.Hash(0) && !s.Hash.Available() {
			t.Errorf("%v: %v is not linked in", s.ID, s.Hash)
		}
	}
}
