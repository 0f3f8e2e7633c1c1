package suite

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"fmt"
	"regexp"
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
		if got, want := nameOf(s), s.ID.String(); got != want {
			t.Errorf("row says %s, want %s", got, want)
		}
		negotiated := s.MinVersion == iana.VersionTLS13
		if (s.KeyExchange == KeyExchangeNegotiated) != negotiated || (s.Auth == AuthNegotiated) != negotiated {
			t.Errorf("%v: key exchange %v and authentication %v do not go with version %v", s.ID, s.KeyExchange, s.Auth, s.MinVersion)
		}
		if s.Cipher.CBC() != (s.MAC != 0) || s.Cipher.CBC() == (s.Cipher.New != nil) {
			t.Errorf("%v: CBC %v, with AEAD %v and MAC %v", s.ID, s.Cipher.CBC(), s.Cipher.New != nil, s.MAC)
		}
	}
}

// nameOf puts the name of a suite together from its row.
func nameOf(s *Suite) string {
	words := []string{"TLS"}
	if s.KeyExchange != KeyExchangeNegotiated {
		words = append(words, s.KeyExchange.String(), s.Auth.String(), "WITH")
		if s.KeyExchange.String() == s.Auth.String() {
			words = []string{"TLS", s.Auth.String(), "WITH"}
		}
	}
	if s.KeyExchange == KeyExchangeDHE && s.Auth == AuthPSK && s.Cipher.TagLen == 8 {
		words = []string{"TLS", "PSK", "DHE", "WITH"} // RFC 6655 §6 has them this way round, in these two alone
	}
	words = append(words, strings.ReplaceAll(s.Cipher.Name, "-", "_"))
	switch {
	case s.Cipher.CBC():
		words = append(words, strings.TrimSuffix(strings.ReplaceAll(s.MAC.String(), "-", ""), "1"))
	case !strings.Contains(s.Cipher.Name, "CCM"), s.MinVersion == iana.VersionTLS13, s.KeyExchange == KeyExchangeECDHE && s.Auth == AuthPSK:
		words = append(words, strings.ReplaceAll(s.Hash.String(), "-", ""))
	}
	return strings.Join(words, "_")
}

// Every suite that IANA has of these key exchanges and ciphers has a row.
func TestSuitesAreComplete(t *testing.T) {
	ours := regexp.MustCompile(`^TLS_((RSA|DHE_RSA|ECDHE_RSA|ECDHE_ECDSA|PSK|DHE_PSK|PSK_DHE|RSA_PSK|ECDHE_PSK)_WITH_)?` +
		`(AES_(128|256)_(CBC_SHA(256|384)?|GCM_SHA(256|384)|CCM(_8)?(_SHA256)?)|3DES_EDE_CBC_SHA|CHACHA20_POLY1305_SHA256)$`)
	n := 0
	for id := iana.CipherSuite(0); id < 0xffff; id++ {
		want := ours.MatchString(id.String())
		if got := ByID(id) != nil; got != want {
			t.Errorf("%v: got a row %v, want %v", id, got, want)
		}
		if want {
			n++
		}
	}
	if len(suites) != n {
		t.Errorf("got %d rows, want %d", len(suites), n)
	}
}

func TestSuitesAgreeWithCryptoTLS(t *testing.T) {
	theirs := map[iana.CipherSuite][]uint16{}
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		theirs[iana.CipherSuite(s.ID)] = s.SupportedVersions
	}
	seen := map[iana.CipherSuite]bool{}
	agreed := 0
	for _, s := range All() {
		if seen[s.ID] {
			t.Errorf("%v stands there twice", s.ID)
		}
		seen[s.ID] = true
		if ByID(s.ID) != s {
			t.Errorf("ByID(%v): got %v, want the row", s.ID, ByID(s.ID))
		}
		versions, known := theirs[s.ID]
		if !known {
			continue
		}
		agreed++
		for v := iana.VersionTLS10; v <= iana.VersionTLS13; v++ {
			if got, want := s.Supports(v), slices.Contains(versions, uint16(v)); got != want {
				t.Errorf("%v in %v: got %v, want %v", s.ID, v, got, want)
			}
		}
	}
	// All that crypto/tls has, but its three with RC4.
	if want := len(theirs) - 3; agreed != want {
		t.Errorf("got %d suites in common, want %d", agreed, want)
	}
}

// What each cipher is, against the RFCs: 5246 §6.3, 6655 §3, 7905 §2 and 5288 §3 for TLS 1.2, 9846 §5.3 and §5.5 for
// TLS 1.3.
func TestCiphers(t *testing.T) {
	type row struct {
		key, fixed, explicit, tag int
		limit                     uint64
	}
	const all = 1<<64 - 1
	want12 := map[string]row{
		"AES-128-GCM": {16, 4, 8, 16, all}, "AES-256-GCM": {32, 4, 8, 16, all},
		"AES-128-CCM": {16, 4, 8, 16, all}, "AES-256-CCM": {32, 4, 8, 16, all},
		"AES-128-CCM-8": {16, 4, 8, 8, all}, "AES-256-CCM-8": {32, 4, 8, 8, all},
		"CHACHA20-POLY1305": {32, 12, 0, 16, all},
		"AES-128-CBC":       {16, 16, 0, 0, all}, "AES-256-CBC": {32, 16, 0, 0, all}, "3DES-EDE-CBC": {24, 8, 0, 0, all},
	}
	want13 := map[string]row{
		"AES-128-GCM": {16, 12, 0, 16, 23726566}, "AES-256-GCM": {32, 12, 0, 16, 23726566},
		"AES-128-CCM": {16, 12, 0, 16, 23726566}, "AES-128-CCM-8": {16, 12, 0, 8, 23726566},
		"CHACHA20-POLY1305": {32, 12, 0, 16, all},
	}
	for _, s := range All() {
		c, want := s.Cipher, want12
		if s.MinVersion == iana.VersionTLS13 {
			want = want13
		}
		if got := (row{c.KeyLen, c.FixedIVLen, c.ExplicitNonceLen, c.TagLen, c.RecordLimit}); got != want[c.Name] {
			t.Errorf("%v: got %+v, want %+v", s.ID, got, want[c.Name])
		}
		mac := map[crypto.Hash]int{0: 0, crypto.SHA1: 20, crypto.SHA256: 32, crypto.SHA384: 48}[s.MAC]
		if got, want := s.Lengths(), (keys.Lengths{MAC: mac, Key: c.KeyLen, IV: c.FixedIVLen}); got != want {
			t.Errorf("%v: key block %+v, want %+v", s.ID, got, want)
		}
		if c.CBC() {
			checkBlock(t, s)
		} else {
			checkAEAD(t, s)
		}
	}
}

// TLS 1.2 hashes with what the suite says, SHA-256 where that is older than TLS 1.2 (RFC 5246 §5).
func TestTranscriptHash(t *testing.T) {
	for _, c := range []struct {
		suite iana.CipherSuite
		v     iana.Version
		want  crypto.Hash
	}{
		{iana.TLS_RSA_WITH_AES_128_CBC_SHA, iana.VersionTLS10, crypto.MD5SHA1},
		{iana.TLS_RSA_WITH_AES_128_CBC_SHA, iana.VersionTLS11, crypto.MD5SHA1},
		{iana.TLS_RSA_WITH_AES_128_CBC_SHA, iana.VersionTLS12, crypto.SHA256},
		{iana.TLS_RSA_WITH_AES_256_CBC_SHA256, iana.VersionTLS12, crypto.SHA256},
		{iana.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384, iana.VersionTLS12, crypto.SHA384},
		{iana.TLS_DHE_RSA_WITH_AES_256_CCM, iana.VersionTLS12, crypto.SHA256},
		{iana.TLS_AES_256_GCM_SHA384, iana.VersionTLS13, crypto.SHA384},
	} {
		if got := ByID(c.suite).TranscriptHash(c.v); got != c.want {
			t.Errorf("%v in %v: got %v, want %v", c.suite, c.v, got, c.want)
		}
	}
}

func checkBlock(t *testing.T, s *Suite) {
	t.Helper()
	c := s.Cipher
	block, err := c.NewBlock(make([]byte, c.KeyLen))
	if err != nil {
		t.Fatalf("%v: %v", s.ID, err)
	}
	if block.BlockSize() != c.FixedIVLen {
		t.Errorf("%v: got an IV of %d, want %d, a block", s.ID, c.FixedIVLen, block.BlockSize())
	}
	for _, n := range []int{0, c.KeyLen - 1, c.KeyLen + 1} {
		if _, err := c.NewBlock(make([]byte, n)); err == nil {
			t.Errorf("%v: took a key of %d bytes", s.ID, n)
		}
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

func idNames(list []*Suite) []string {
	var all []string
	for _, s := range list {
		all = append(all, s.ID.String())
	}
	return all
}

func TestDefaultSuites(t *testing.T) {
	want := []string{
		"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
		"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
		"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
		"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
	}
	if diff := cmp.Diff(want, idNames(defaultSuites(false))); diff != "" {
		t.Errorf("by default (-want +got):\n%s", diff)
	}
	want = slices.DeleteFunc(want, func(s string) bool { return strings.Contains(s, "CHACHA20") })
	if diff := cmp.Diff(want, idNames(defaultSuites(true))); diff != "" {
		t.Errorf("under FIPS 140 (-want +got):\n%s", diff)
	}
}

// Behind what everybody should use come the suites by class; within one, those without forward secrecy later.
func TestOrderOfPreference(t *testing.T) {
	class := func(s *Suite) int {
		forward := s.KeyExchange != KeyExchangeRSA && s.KeyExchange != KeyExchangePSK
		switch {
		case s.MinVersion == iana.VersionTLS13:
			return 0
		case s.Default:
			return 1
		case s.Cipher == tripleDESCBC:
			return 8
		case forward && s.Cipher.TagLen == 16:
			return 2
		case forward && s.Cipher.TagLen == 8:
			return 3
		case forward:
			return 4
		case s.Cipher.TagLen == 16:
			return 5
		case s.Cipher.TagLen == 8:
			return 6
		}
		return 7
	}
	all := All()
	if !slices.IsSortedFunc(all, func(a, b *Suite) int { return class(a) - class(b) }) {
		t.Errorf("got %v out of the order of their classes", idNames(all))
	}
}

// What the flows cannot shake hands with is not offered to them.
func TestUsable(t *testing.T) {
	n := 0
	for _, s := range All() {
		want := s.MinVersion == iana.VersionTLS13 || !strings.Contains(s.ID.String(), "PSK")
		if s.Usable() != want {
			t.Errorf("%v: got usable %v, want %v", s.ID, s.Usable(), want)
		}
		if want {
			n++
		}
	}
	if got := len(Usable()); got != n {
		t.Errorf("got %d usable suites, want %d", got, n)
	}
	for _, s := range Default() {
		if !s.Usable() {
			t.Errorf("%v is a default one, but not usable", s.ID)
		}
	}
}

// A caller may sort and cut its list.
func TestListsAreCopies(t *testing.T) {
	All()[0], Groups()[0], Schemes()[0] = nil, nil, nil
	Usable()[0] = nil
	Default()[0], DefaultGroups()[0], DefaultSchemes()[0] = nil, nil, nil
	for name, first := range map[string]bool{
		"All": All()[0] == nil, "Usable": Usable()[0] == nil, "Groups": Groups()[0] == nil, "Schemes": Schemes()[0] == nil,
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
		if !s.Hash.Available() || s.MAC != 0 && !s.MAC.Available() {
			t.Errorf("%v: %v or %v is not linked in", s.ID, s.Hash, s.MAC)
		}
	}
	for _, s := range Schemes() {
		if s.Hash != crypto.Hash(0) && !s.Hash.Available() {
			t.Errorf("%v: %v is not linked in", s.ID, s.Hash)
		}
	}
}
