package record

import (
	"bytes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"flag"
	"fmt"
	"hash"
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/sidechannel"
	"github.com/akushu/akushu/internal/suite"
)

// forCBC runs test for the kinds with CBC.
func forCBC(t *testing.T, test func(t *testing.T, s *suite.Suite)) {
	forSuites(t, func(t *testing.T, s *suite.Suite) {
		if s.Cipher.CBC() {
			test(t, s)
		}
	})
}

// crafted is a record made by hand of testKeys(s, 1), sequence number 0: with any padding, any MAC, any ciphertext.
type crafted struct {
	s       *suite.Suite
	content []byte
	padding []byte // its length byte included
	harm    func(mac []byte)
}

func (c crafted) macOf(h Header, length int, data []byte) []byte {
	m := hmac.New(c.s.MAC.New, testKeys(c.s, 1).MAC)
	m.Write(appendPseudoHeader(nil, 0, h, length))
	m.Write(data)
	mac := m.Sum(nil)
	if c.harm != nil {
		c.harm(mac)
	}
	return mac
}

// record returns the whole record.
func (c crafted) record(t testing.TB) []byte {
	t.Helper()
	k := testKeys(c.s, 1)
	block, err := c.s.Cipher.NewBlock(k.Key)
	if err != nil {
		t.Fatal(err)
	}
	h := Header{Type: iana.ContentHandshake, Version: c.s.MinVersion}
	plain := bytes.Clone(c.content)
	if !k.EncryptThenMAC {
		plain = append(plain, c.macOf(h, len(plain), plain)...)
	}
	plain = append(plain, c.padding...)
	iv, fragment := k.IV, []byte(nil)
	if c.s.MinVersion > iana.VersionTLS10 {
		iv = bytes.Repeat([]byte{0xa5}, block.BlockSize())
		fragment = append(fragment, iv...)
	}
	fragment = append(fragment, make([]byte, len(plain))...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(fragment[len(fragment)-len(plain):], plain)
	if k.EncryptThenMAC {
		fragment = append(fragment, c.macOf(h, len(fragment), fragment)...)
	}
	h.Length = len(fragment)
	return append(h.Append(nil), fragment...)
}

// padded returns padding that goes with n bytes of plaintext: as little as can be and more blocks.
func padded(s *suite.Suite, n, more int) []byte {
	size := s.Cipher.FixedIVLen
	length := size - n%size + more*size
	return bytes.Repeat([]byte{byte(length - 1)}, length)
}

// inside is how much of the plaintext is no content, padding apart.
func inside(s *suite.Suite) int {
	if encryptThenMAC[s] {
		return 0
	}
	return s.MAC.Size()
}

// All padding that the RFC allows opens, up to 255 bytes and whatever the content is; a wrong byte anywhere in it does not.
func TestCBCPadding(t *testing.T) {
	forCBC(t, func(t *testing.T, s *suite.Suite) {
		for _, n := range []int{0, 1, 7, 8, 15, 16, 100, 300} {
			for more := 0; ; more++ {
				padding := padded(s, n+inside(s), more)
				if len(padding) > 256 {
					break
				}
				c := crafted{s: s, content: bytes.Repeat([]byte{padding[0]}, n), padding: padding} // to be told from padding
				typ, got, err := open(openerFor(s), c.record(t))
				if typ != iana.ContentHandshake || !bytes.Equal(got, c.content) || err != nil {
					t.Fatalf("%d bytes, %d of padding: got %v, %d bytes, %v", n, len(padding), typ, len(got), err)
				}
				for _, i := range []int{0, len(padding) / 2, max(0, len(padding)-2), len(padding) - 1} {
					c.padding = bytes.Clone(padding)
					if c.padding[i] ^= 0x80; i == len(padding)-1 && c.padding[i] == 0 {
						continue // no padding is right too, where the MAC does not have to come before it
					}
					_, _, err := open(openerFor(s), c.record(t))
					wantAlert(t, fmt.Sprintf("%d bytes, %d of padding, number %d wrong", n, len(padding), i), err, iana.AlertBadRecordMAC)
				}
			}
		}
	})
}

// Bad padding counts as none, so that what is computed from it stays within the record.
func TestPaddingOf(t *testing.T) {
	for _, c := range []struct {
		plain         string
		most          int
		padding, good int
	}{
		{"\x00", 0, 0, 1},
		{"\x01", 0, 0, 0},
		{"x\x00", 1, 0, 1},
		{"\x01\x01", 1, 1, 1},
		{"\x00\x01", 1, 0, 0},
		{"xxx\x03\x03\x03\x03", 3, 3, 1},
		{"xxx\x03\x03\x03\x03", 2, 0, 0},
		{"xxx\x03\x02\x03\x03", 3, 0, 0},
		{"\xff", 0, 0, 0},
		{string(bytes.Repeat([]byte{255}, 256)), 255, 255, 1},
		{string(bytes.Repeat([]byte{255}, 255)), 254, 0, 0},
		{"\x00" + string(bytes.Repeat([]byte{255}, 255)), 255, 0, 0},
	} {
		if padding, good := paddingOf([]byte(c.plain), c.most); padding != c.padding || good != c.good {
			t.Errorf("%q, at most %d: got %d, %d, want %d, %d", c.plain, c.most, padding, good, c.padding, c.good)
		}
	}
}

// A padding length that reaches into the MAC, or out of the record, is no padding.
func TestCBCPaddingTooLong(t *testing.T) {
	forCBC(t, func(t *testing.T, s *suite.Suite) {
		size := s.Cipher.FixedIVLen
		for blocks := 1; blocks < 18; blocks++ {
			n := max(0, blocks*size-inside(s)-1) // as much content as leaves room for a length byte
			for said := range 256 {
				padding := bytes.Repeat([]byte{byte(said)}, blocks*size-min(n+inside(s), blocks*size-1))
				c := crafted{s: s, content: bytes.Repeat([]byte{byte(said)}, n), padding: padding}
				if (n+inside(s)+len(padding))%size != 0 {
					continue // the MAC is longer than that
				}
				_, _, err := open(openerFor(s), c.record(t))
				if good := said == len(padding)-1 || encryptThenMAC[s] && said < n+len(padding); good != (err == nil) {
					t.Errorf("%d bytes, %d of padding that says %d: got %v, want it opened: %v", n, len(padding), said, err, good)
				}
			}
		}
	})
}

// ways are what can be wrong with a record of one length, all of them after decryption, and what can be right.
func ways(s *suite.Suite, n int) map[string]crafted {
	shortest := padded(s, n+inside(s), 0)
	longest := bytes.Clone(shortest)
	content := n
	for len(longest)+s.Cipher.FixedIVLen <= 256 && content >= s.Cipher.FixedIVLen {
		content -= s.Cipher.FixedIVLen
		longest = padded(s, content+inside(s), (n-content)/s.Cipher.FixedIVLen)
	}
	with := func(padding []byte, content int, last byte, harm func([]byte)) crafted {
		p := bytes.Clone(padding)
		p[len(p)-1] = last
		return crafted{s: s, content: bytes.Repeat([]byte{last}, content), padding: p, harm: harm}
	}
	first, last := func(mac []byte) { mac[0] ^= 1 }, func(mac []byte) { mac[len(mac)-1] ^= 1 }
	all := map[string]crafted{
		"right, short padding":     with(shortest, n, shortest[0], nil),
		"right, long padding":      with(longest, content, longest[0], nil),
		"bad MAC, short padding":   with(shortest, n, shortest[0], first),
		"bad MAC, long padding":    with(longest, content, longest[0], last),
		"padding says less":        with(longest, content, longest[0]-1, nil),
		"padding says none":        with(longest, content, 0, nil),
		"padding says much":        with(shortest, n, 255, nil),
		"padding into the MAC":     with(shortest, n, shortest[0]+byte(s.Cipher.FixedIVLen), nil),
		"bad padding, bad MAC":     with(longest, content, longest[0]-1, first),
		"all is the same byte":     {s: s, content: bytes.Repeat([]byte{shortest[0]}, n), padding: shortest, harm: func(mac []byte) { fill(mac, shortest[0]) }},
		"nothing but zeros behind": {s: s, content: make([]byte, n), padding: make([]byte, len(shortest)), harm: func(mac []byte) { clear(mac) }},
	}
	if encryptThenMAC[s] {
		delete(all, "padding says none") // which is right where no MAC has to come before it
	}
	return all
}

func fill(p []byte, b byte) {
	for i := range p {
		p[i] = b
	}
}

// opening is a way to open a record with a given MAC hash: ours, or one to compare it with.
type opening func(s *suite.Suite, newHash func() hash.Hash, record []byte) error

func ours(s *suite.Suite, newHash func() hash.Hash, record []byte) error {
	o := openerFor(s)
	guard, err := newCBC(o.keys)
	if err != nil {
		return err
	}
	guard.mac = keys.NewRecordMAC(newHash, o.keys.MAC)
	o.guard = guard
	_, _, err = open(o, record)
	return err
}

// naive opens a record as RFC 5246 §6.2.3.2 describes it and a programmer in a hurry writes it down: it believes the padding,
// stops at the first thing that is wrong, and hashes as much as there is.
func naive(s *suite.Suite, newHash func() hash.Hash, record []byte) error {
	k := testKeys(s, 1)
	block, err := s.Cipher.NewBlock(k.Key)
	if err != nil {
		return err
	}
	h, p := ParseHeader(record), bytes.Clone(record[HeaderLen:])
	mac := keys.NewRecordMAC(newHash, k.MAC)
	check := func(data, sum []byte) bool {
		return bytes.Equal(mac.Sum(appendPseudoHeader(nil, 0, h, len(data)), data), sum)
	}
	if k.EncryptThenMAC {
		at := len(p) - s.MAC.Size()
		if at < 0 || !check(p[:at], p[at:]) {
			return badRecord()
		}
		p = p[:at]
	}
	iv := k.IV
	if s.MinVersion > iana.VersionTLS10 {
		if len(p) < len(iv) {
			return badRecord()
		}
		iv, p = p[:len(iv)], p[len(iv):]
	}
	if len(p) == 0 || len(p)%len(iv) != 0 {
		return badRecord()
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(p, p)
	said := int(p[len(p)-1])
	if said+1+inside(s) > len(p) {
		return badRecord()
	}
	for _, b := range p[len(p)-1-said:] {
		if int(b) != said {
			return badRecord()
		}
	}
	p = p[:len(p)-1-said]
	if at := len(p) - inside(s); !k.EncryptThenMAC && !check(p[:at], p[at:]) {
		return badRecord()
	}
	return nil
}

// differs returns two of the ways on which open does another amount of work, or nothing.
func differs(t *testing.T, s *suite.Suite, n int, open opening) string {
	t.Helper()
	var first, firstName string
	for name, c := range ways(s, n) {
		record := c.record(t)
		var w sidechannel.Work
		w.Start()
		err := open(s, w.Hash(s.MAC, s.MAC.New), record)
		if right := name[:5] == "right"; right != (err == nil) {
			t.Errorf("%d bytes, %s: got %v", n, name, err)
		}
		got := fmt.Sprint(&w, " ", w.Stop())
		if first == "" {
			first, firstName = got, name
		}
		if got != first {
			return fmt.Sprintf("%d bytes, %q: %s\n%q: %s", n, firstName, first, name, got)
		}
	}
	return ""
}

// Whatever is right or wrong behind the encryption, as many blocks of the hash are compressed, in the same calls.
func TestCBCDoesTheSameWork(t *testing.T) {
	forCBC(t, func(t *testing.T, s *suite.Suite) {
		if encryptThenMAC[s] {
			return // nothing is decrypted that is not authentic
		}
		for _, n := range []int{256, 257, 300, 311, 312, 313, 320, 1200, MaxPlaintext - 300} {
			if d := differs(t, s, n, ours); d != "" {
				t.Error(d)
			}
		}
	})
}

// The test above sees what it is there to see: without the countermeasure it is red.
func TestNaiveCBCDoesNot(t *testing.T) {
	forCBC(t, func(t *testing.T, s *suite.Suite) {
		if !encryptThenMAC[s] && differs(t, s, 300, naive) == "" {
			t.Error("got the same work for all of the naive way, want a difference")
		}
	})
}

// Every statement of check runs as often on every record of one length, so that as many bytes are touched. (Behind it the
// record opens or does not.)
func TestCBCTakesTheSamePath(t *testing.T) {
	s := kind(t, "TLS 1.2 AES-256-CBC SHA-384")
	runs := map[string]func(){}
	for name, c := range ways(s, 300) {
		guard, err := newCBC(testKeys(s, 1))
		if err != nil {
			t.Fatal(err)
		}
		record := c.record(t)
		plain := guard.decrypt(bytes.Clone(record[HeaderLen:]))
		runs[name] = func() {
			if _, good := guard.check(ParseHeader(record), 0, plain); good == 1 != (name[:5] == "right") {
				t.Errorf("%s: got good %d", name, good)
			}
		}
	}
	const module = "github.com/akushu/akushu/internal/"
	sidechannel.SamePath(t, []string{module + "record", module + "keys"}, runs)
}

// One error, with one alert, whatever is wrong: with the padding, the MAC, the length.
func TestCBCHasOneError(t *testing.T) {
	forCBC(t, func(t *testing.T, s *suite.Suite) {
		record := mustSeal(t, sealerFor(s), iana.ContentHandshake, make([]byte, 300), 0)
		bad := map[string][]byte{}
		for name, c := range ways(s, 300) {
			if name[:5] != "right" {
				bad[name] = c.record(t)
			}
		}
		for n := range len(record) - HeaderLen {
			bad[fmt.Sprint("cut to ", n)] = append(Header{iana.ContentHandshake, s.MinVersion, n}.Append(nil), record[HeaderLen:][:n]...)
		}
		want := badRecord().Error()
		for name, r := range bad {
			_, content, err := open(openerFor(s), r)
			wantAlert(t, name, err, iana.AlertBadRecordMAC)
			if err != nil && err.Error() != want || content != nil {
				t.Errorf("%s: got %d bytes, %v, want %s", name, len(content), err, want)
			}
		}
	})
}

// What was decrypted of a record that does not open is not left lying there.
func TestCBCDestroysWhatDoesNotOpen(t *testing.T) {
	forCBC(t, func(t *testing.T, s *suite.Suite) {
		for _, name := range []string{"padding says much", "bad MAC, short padding"} {
			record := ways(s, 300)[name].record(t)
			if _, _, err := openerFor(s).Open(ParseHeader(record), record[HeaderLen:]); err == nil || len(bytes.Trim(record[HeaderLen:], "\x00")) != 0 {
				t.Errorf("%s: got %v with %x, want zeros", name, err, record)
			}
		}
	})
}

// The IV of a record is not to be predicted, and never the same.
func TestCBCInitialisationVectors(t *testing.T) {
	forCBC(t, func(t *testing.T, s *suite.Suite) {
		if splits(s) {
			return
		}
		seen := map[string]bool{}
		for seed := range byte(3) {
			var sealer Sealer
			sealer.SetKeys(testKeys(s, seed))
			for range 100 {
				iv := string(mustSeal(t, &sealer, iana.ContentApplicationData, []byte("x"), 0)[HeaderLen:][:s.Cipher.FixedIVLen])
				if seen[iv] {
					t.Fatalf("got the IV %x twice", iv)
				}
				seen[iv] = true
			}
		}
	})
}

// In TLS 1.0 the last block of a record is the next one's IV, also when the ciphers were dropped between them, and when a
// record did not open.
func TestCBCChaining(t *testing.T) {
	forCBC(t, func(t *testing.T, s *suite.Suite) {
		if !splits(s) {
			return
		}
		sealer, opener := sealerFor(s), openerFor(s)
		iv := []byte(bytes.Clone(sealer.keys.IV))
		for i := range 5 {
			record := mustSeal(t, sealer, iana.ContentHandshake, []byte("the same"), 0)
			if got := firstPlain(t, s, record, iv); !bytes.HasPrefix([]byte("the same"), got[:8]) {
				t.Errorf("record %d: got %q under the IV %x", i, got, iv)
			}
			broken := bytes.Clone(record)
			broken[HeaderLen] ^= 1
			_, _, err := open(opener, broken)
			wantAlert(t, "broken", err, iana.AlertBadRecordMAC)
			openAll(t, opener, record, iana.ContentHandshake)
			sealed := record[HeaderLen : len(record)-len(behind(s, record))]
			iv = bytes.Clone(sealed[len(sealed)-len(iv):])
			sealer.Rest()
			opener.Rest()
		}
	})
}

// behind returns what of a record lies behind the encryption.
func behind(s *suite.Suite, record []byte) []byte {
	if !encryptThenMAC[s] {
		return nil
	}
	return record[len(record)-s.MAC.Size():]
}

// firstPlain decrypts the first block of a record under an IV.
func firstPlain(t *testing.T, s *suite.Suite, record, iv []byte) []byte {
	t.Helper()
	block, err := s.Cipher.NewBlock(testKeys(s, 1).Key)
	if err != nil {
		t.Fatal(err)
	}
	p := bytes.Clone(record[HeaderLen:][:len(iv)])
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(p, p)
	return p
}

// BEAST: in TLS 1.0 one byte of data goes ahead, of data only, and is counted by itself where a write fails.
func TestCBCSplitsDataInTLS10(t *testing.T) {
	for _, v := range []iana.Version{iana.VersionTLS10, iana.VersionTLS11, iana.VersionTLS12} {
		s := kind(t, v.String()+" AES-128-CBC SHA-1")
		for _, test := range []struct {
			typ    iana.ContentType
			length int
			want   []int
		}{
			{iana.ContentApplicationData, 0, []int{0}},
			{iana.ContentApplicationData, 1, []int{1}},
			{iana.ContentApplicationData, 2, []int{1, 1}},
			{iana.ContentApplicationData, MaxPlaintext + 1, []int{1, MaxPlaintext}},
			{iana.ContentApplicationData, MaxPlaintext + 2, []int{1, MaxPlaintext, 1}},
			{iana.ContentHandshake, 100, []int{100}},
			{iana.ContentAlert, 2, []int{2}},
		} {
			if !splits(s) {
				test.want = rest(test.length, 0)
			}
			_, got := openAll(t, openerFor(s), mustSeal(t, sealerFor(s), test.typ, make([]byte, test.length), 0), test.typ)
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("%v, %v of %d bytes: got %v, want %v", v, test.typ, test.length, got, test.want)
			}
		}
	}
	s := kind(t, "TLS 1.0 AES-128-CBC SHA-1")
	const one, ten = HeaderLen + 32, HeaderLen + 32 // 1 and 10 bytes, a MAC of 20 and padding
	for _, test := range []struct{ taken, want int }{
		{one - 1, 0},
		{one, 1},
		{one + ten - 1, 1},
		{one + ten, 11},
		{one + 2*ten, 21},
		{one + 2*ten + one - 1, 21},
		{one + 2*ten + one, 25},
	} {
		w := NewWriter(&short{test.taken, nil})
		w.SetMaxContent(10)
		if err := w.SetKeys(testKeys(s, 1)); err != nil {
			t.Fatal(err)
		}
		if n, _ := w.Write(make([]byte, 25)); n != test.want {
			t.Errorf("taken %d bytes: got %d, want %d", test.taken, n, test.want)
		}
		w.Wipe()
	}
}

// A key's last record can be counted only if the byte that goes ahead is.
func TestCBCLimitCountsTheSplit(t *testing.T) {
	s := *kind(t, "TLS 1.0 AES-128-CBC SHA-1")
	c := *s.Cipher
	c.RecordLimit = 2
	s.Cipher = &c
	var sealer Sealer
	sealer.SetKeys(testKeys(&s, 1))
	_, err := sealer.Seal(nil, iana.ContentApplicationData, make([]byte, MaxPlaintext+2), 0)
	wantAlert(t, "three records", err, iana.AlertInternalError)
	if _, err := sealer.Seal(nil, iana.ContentApplicationData, make([]byte, MaxPlaintext+1), 0); err != nil {
		t.Errorf("two records: %v", err)
	}
}

// Whatever a record decrypts to, the way that looks at everything and the plain way agree.
func FuzzCBC(f *testing.F) {
	f.Add(byte(0), []byte("content"), byte(3), uint16(0), byte(0))
	f.Add(byte(3), []byte("content"), byte(15), uint16(40), byte(1))
	f.Add(byte(5), make([]byte, 300), byte(255), uint16(0), byte(0))
	f.Add(byte(7), make([]byte, 47), byte(0), uint16(301), byte(0x80))
	f.Fuzz(func(t *testing.T, which byte, content []byte, said byte, at uint16, flip byte) {
		var cbcs []*suite.Suite
		for _, s := range kinds {
			if s.Cipher.CBC() {
				cbcs = append(cbcs, s)
			}
		}
		s := cbcs[int(which)%len(cbcs)]
		size := s.Cipher.FixedIVLen
		length := 1 + int(said)
		length += (size - (len(content)+inside(s)+length)%size) % size
		if len(content) > MaxPlaintext || length > 256 {
			return
		}
		padding := bytes.Repeat([]byte{said}, length) // right if said is, a byte more or less where it is not
		padding[int(at)%length] ^= flip
		record := crafted{s: s, content: content, padding: padding}.record(t)
		if flip&1 != 0 {
			record[HeaderLen+int(at)%(len(record)-HeaderLen)] ^= flip
		}
		want := naive(s, s.MAC.New, record)
		if got := ours(s, s.MAC.New, record); (got == nil) != (want == nil) {
			t.Errorf("%s: got %v, want %v for % x", kindName(s), got, want, record)
		}
	})
}

// timing is how many records a longer run measures. The figures in docs/SECURITY.md are from such a run.
var timing = flag.Int("timing", 0, "records to time for each comparison of TestCBCTiming")

// TestCBCTiming compares how long the kinds of bad records take, and, to show what it would see, the naive way on them.
func TestCBCTiming(t *testing.T) {
	if *timing == 0 {
		return
	}
	for _, name := range []string{"TLS 1.2 AES-128-CBC SHA-1", "TLS 1.2 AES-128-CBC SHA-256", "TLS 1.2 AES-256-CBC SHA-384"} {
		s := kind(t, name)
		for _, pair := range [][2]string{
			{"bad MAC, short padding", "bad MAC, long padding"},
			{"bad MAC, long padding", "padding says less"},
			{"bad MAC, short padding", "padding says much"},
		} {
			const n = 320
			ours := timeOpening(t, s, n, pair, func() func([]byte) {
				o := openerFor(s)
				return func(record []byte) { _, _, _ = o.Open(ParseHeader(record), record[HeaderLen:]) }
			}())
			t.Logf("%s, %q against %q: %v", name, pair[0], pair[1], ours)
			if ours.Leaks() {
				t.Errorf("%s, %q against %q: a difference in time: %v", name, pair[0], pair[1], ours)
			}
			t.Logf("%s, the naive way: %v", name, timeOpening(t, s, n, pair, func(record []byte) { _ = naive(s, s.MAC.New, record) }))
		}
	}
}

func timeOpening(t *testing.T, s *suite.Suite, n int, pair [2]string, open func(record []byte)) sidechannel.Verdict {
	var records [2][]byte
	for i, name := range pair {
		records[i] = ways(s, n)[name].record(t)
	}
	if len(records[0]) != len(records[1]) {
		t.Fatalf("%v: got records of %d and %d bytes, want the same", pair, len(records[0]), len(records[1]))
	}
	record := make([]byte, len(records[0]))
	// The content differs from time to time, so that nothing is learnt by heart: both kinds are remade with random bytes in
	// the IV, which decryption spreads over the first block.
	return sidechannel.Compare(*timing, func(kind int) {
		copy(record, records[kind])
		_, _ = rand.Read(record[HeaderLen:][:s.Cipher.FixedIVLen])
	}, func() { open(record) })
}

// What the standard library calls a CBC mode can be given an IV.
func TestBlockModesTakeAnIV(t *testing.T) {
	for _, s := range kinds {
		if !s.Cipher.CBC() {
			continue
		}
		block, err := s.Cipher.NewBlock(make([]byte, s.Cipher.KeyLen))
		if err != nil {
			t.Fatal(err)
		}
		iv := make([]byte, block.BlockSize())
		for _, mode := range []cipher.BlockMode{cipher.NewCBCEncrypter(block, iv), cipher.NewCBCDecrypter(block, iv)} {
			if _, ok := mode.(blockMode); !ok {
				t.Errorf("%s: got a %T that takes no IV", kindName(s), mode)
			}
		}
	}
}
