package record

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
)

// forSuites runs test for every kind of suite there is.
func forSuites(t *testing.T, test func(t *testing.T, s *suite.Suite)) {
	for _, s := range kinds {
		t.Run(kindName(s), func(t *testing.T) { test(t, s) })
	}
}

func is13(s *suite.Suite) bool { return s.MinVersion >= iana.VersionTLS13 }

// openAll opens the records of stream and returns what is in them, piece by piece.
func openAll(t *testing.T, o *Opener, stream []byte, want iana.ContentType) (content []byte, lengths []int) {
	t.Helper()
	for len(stream) > 0 {
		n := HeaderLen + ParseHeader(stream).Length
		typ, piece, err := open(o, stream[:n])
		if err != nil || typ != want {
			t.Fatalf("record %d: got %v, %v, want %v", len(lengths), typ, err, want)
		}
		content, lengths = append(content, piece...), append(lengths, len(piece))
		stream = stream[n:]
	}
	return content, lengths
}

func TestSealedIsOpened(t *testing.T) {
	forSuites(t, func(t *testing.T, s *suite.Suite) {
		sealer, opener := sealerFor(s), openerFor(s)
		for _, test := range []struct {
			length, most int
			padding      int
			want         []int
		}{
			{0, 0, 0, []int{0}},
			{1, 0, 0, []int{1}},
			{100, 0, 300, []int{100}},
			{MaxPlaintext, 0, 0, []int{MaxPlaintext}},
			{MaxPlaintext, 0, 1, []int{MaxPlaintext}},
			{MaxPlaintext - 1, 0, 1 << 20, []int{MaxPlaintext - 1}},
			{MaxPlaintext + 1, 0, 7, []int{MaxPlaintext, 1}},
			{3*MaxPlaintext + 5, 0, 0, []int{MaxPlaintext, MaxPlaintext, MaxPlaintext, 5}},
			{130, 64, 0, []int{64, 64, 2}},
			{130, 64, 100, []int{64, 64, 2}},
		} {
			name := fmt.Sprintf("%d bytes by %d with padding %d", test.length, test.most, test.padding)
			payload := bytes.Repeat([]byte{0}, test.length) // zeros, to be told from padding
			sealer.SetMaxContent(test.most)
			most, err := sealer.SealedLen(test.length, test.padding)
			if err != nil {
				t.Fatal(err)
			}
			stream := mustSeal(t, sealer, iana.ContentApplicationData, payload, test.padding)
			if room := most - len(stream); room < 0 || room > MaxPlaintext+64 {
				t.Errorf("%s: got %d bytes, want at most %d, and not much less", name, len(stream), most)
			}
			if n := test.want[0]; splits(s) && n > 1 { // one byte goes ahead, and makes room at the end
				test.want = append([]int{1}, rest(test.length-1, test.most)...)
			}
			got, lengths := openAll(t, opener, stream, iana.ContentApplicationData)
			if !bytes.Equal(got, payload) || fmt.Sprint(lengths) != fmt.Sprint(test.want) {
				t.Errorf("%s: got %d bytes in records of %v, want %v", name, len(got), lengths, test.want)
			}
			if opener.Sequence() != sealer.seq {
				t.Errorf("%s: got sequence number %d, want %d", name, opener.Sequence(), sealer.seq)
			}
		}
	})
}

// rest returns the lengths of the records for n bytes.
func rest(n, most int) (lengths []int) {
	if most == 0 {
		most = MaxPlaintext
	}
	for ; n > most; n -= most {
		lengths = append(lengths, most)
	}
	return append(lengths, n)
}

// How long a record is tells how much padding went in, and TLS 1.2 has none.
func TestLengthOfRecords(t *testing.T) {
	for _, test := range []struct {
		suite           iana.CipherSuite
		length, padding int
		want            int
	}{
		{iana.TLS_AES_128_GCM_SHA256, 10, 0, 10 + 1 + 16},
		{iana.TLS_AES_128_GCM_SHA256, 10, 20, 10 + 1 + 20 + 16},
		{iana.TLS_AES_128_GCM_SHA256, 10, 1 << 20, MaxPlaintext + 1 + 16},
		{iana.TLS_AES_128_GCM_SHA256, MaxPlaintext, 0, MaxPlaintext + 1 + 16},
		{iana.TLS_CHACHA20_POLY1305_SHA256, 0, 0, 1 + 16},
		{iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, 10, 20, 8 + 10 + 16},
		{iana.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, 10, 20, 10 + 16},
		{iana.TLS_AES_128_CCM_8_SHA256, 10, 0, 10 + 1 + 8},
		{iana.TLS_RSA_WITH_AES_256_CCM_8, 10, 0, 8 + 10 + 8},
		{iana.TLS_RSA_WITH_AES_128_CBC_SHA256, 10, 20, 16 + 48}, // 10, a MAC of 32, 6 of padding
		{iana.TLS_RSA_WITH_AES_128_CBC_SHA256, 15, 0, 16 + 48},  // 1 of padding
		{iana.TLS_RSA_WITH_AES_128_CBC_SHA256, 16, 0, 16 + 64},  // 16 of padding
		{iana.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384, 0, 0, 16 + 64},
	} {
		s := suite.ByID(test.suite)
		record := mustSeal(t, sealerFor(s), iana.ContentAlert, make([]byte, test.length), test.padding)
		h := ParseHeader(record)
		outer := iana.ContentAlert
		if is13(s) {
			outer = iana.ContentApplicationData
		}
		if want := (Header{outer, iana.VersionTLS12, test.want}); h != want || len(record) != HeaderLen+h.Length {
			t.Errorf("%v, %d bytes and padding %d: got %+v, %d bytes, want %+v", test.suite, test.length, test.padding, h, len(record), want)
		}
	}
}

func TestVersionInHeaders(t *testing.T) {
	for _, test := range []struct {
		set  iana.Version
		want iana.Version
	}{
		{0, iana.VersionTLS10},
		{iana.VersionTLS10, iana.VersionTLS10},
		{iana.VersionTLS11, iana.VersionTLS11},
		{iana.VersionTLS12, iana.VersionTLS12},
		{iana.VersionTLS13, iana.VersionTLS12},
		{iana.VersionTLS13Draft23, iana.VersionTLS12},
	} {
		var s Sealer
		if test.set != 0 {
			s.SetVersion(test.set)
		}
		if got := ParseHeader(mustSeal(t, &s, iana.ContentHandshake, []byte{1}, 0)).Version; got != test.want {
			t.Errorf("set %v: got %v, want %v", test.set, got, test.want)
		}
	}
}

// The explicit nonce is the sequence number, which nobody has to be told and which never comes twice (RFC 5288 §3).
func TestExplicitNonce(t *testing.T) {
	sealer := sealerFor(suite.ByID(iana.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384))
	for want := range uint64(3) {
		record := mustSeal(t, sealer, iana.ContentApplicationData, []byte("x"), 0)
		if got := binary.BigEndian.Uint64(record[HeaderLen:]); got != want {
			t.Errorf("got explicit nonce %d, want %d", got, want)
		}
	}
}

// A changed bit anywhere is found, says nothing but that, and harms nothing: the right record still opens.
func TestTamperedRecords(t *testing.T) {
	forSuites(t, func(t *testing.T, s *suite.Suite) {
		record := mustSeal(t, sealerFor(s), iana.ContentHandshake, []byte("genuine"), 3)
		opener := openerFor(s)
		var texts []string
		for i := range record {
			for _, flip := range []byte{0x01, 0x80} {
				bad := bytes.Clone(record)
				bad[i] ^= flip
				typ, content, err := open(opener, bad)
				want := iana.AlertBadRecordMAC
				if i == 0 && is13(s) {
					want = iana.AlertUnexpectedMessage // the type is outside what is authenticated
				}
				wantAlert(t, fmt.Sprintf("byte %d", i), err, want)
				if typ != 0 || content != nil {
					t.Errorf("byte %d: got %v, %q with the error, want nothing", i, typ, content)
				}
				if want == iana.AlertBadRecordMAC {
					texts = append(texts, err.Error())
				}
			}
		}
		for n := range len(record) - HeaderLen {
			_, _, err := open(opener, record[:HeaderLen+n])
			wantAlert(t, fmt.Sprintf("cut to %d bytes", n), err, iana.AlertBadRecordMAC)
			texts = append(texts, err.Error())
		}
		_, _, err := open(opener, append(bytes.Clone(record), 0))
		wantAlert(t, "a byte more", err, iana.AlertBadRecordMAC)
		for _, text := range append(texts, err.Error()) {
			if text != texts[0] {
				t.Fatalf("got errors %q and %q, want one for all", texts[0], text)
			}
		}
		if _, content, err := open(opener, record); err != nil || string(content) != "genuine" {
			t.Errorf("the record itself, after all: got %q, %v, want it opened", content, err)
		}
	})
}

func TestWrongPlaceOrKey(t *testing.T) {
	forSuites(t, func(t *testing.T, s *suite.Suite) {
		sealer := sealerFor(s)
		first := mustSeal(t, sealer, iana.ContentHandshake, []byte("first"), 0)
		second := mustSeal(t, sealer, iana.ContentHandshake, []byte("second"), 0)

		opener := openerFor(s)
		_, _, err := open(opener, second)
		wantAlert(t, "the second first", err, iana.AlertBadRecordMAC)
		opener.SetSequence(1)
		if _, content, err := open(opener, second); !splits(s) && (err != nil || string(content) != "second") {
			t.Errorf("where it belongs: got %q, %v, want it opened", content, err)
		}
		opener.SetSequence(1)
		_, _, err = open(opener, first)
		wantAlert(t, "the first second", err, iana.AlertBadRecordMAC)

		opener.SetKeys(testKeys(s, 2))
		_, _, err = open(opener, first)
		wantAlert(t, "another key", err, iana.AlertBadRecordMAC)
	})
}

// sealRaw makes a TLS 1.3 record of any inner bytes, padding and type included.
func sealRaw(t *testing.T, inner []byte) []byte {
	t.Helper()
	guard, err := protect(testKeys(suiteOf(iana.VersionTLS13), 1))
	if err != nil {
		t.Fatal(err)
	}
	a := guard.(*aead13)
	h := Header{iana.ContentApplicationData, iana.VersionTLS12, len(inner) + a.Overhead()}
	header := h.Append(nil)
	return append(header, a.Seal(nil, a.nonceFor(0), inner, header)...)
}

// What TLS 1.3 finds wrong once a record is open.
func TestInnerPlaintext(t *testing.T) {
	content := func(n int, tail ...byte) []byte { return append(bytes.Repeat([]byte{9}, n), tail...) }
	for _, test := range []struct {
		name  string
		inner []byte
		want  iana.Alert
		typ   iana.ContentType
		n     int
	}{
		{"content", content(5, 22), 0, iana.ContentHandshake, 5},
		{"no content", content(0, 23), 0, iana.ContentApplicationData, 0},
		{"content and padding", content(5, 21, 0, 0, 0), 0, iana.ContentAlert, 5},
		{"padding all through", content(0, append([]byte{23}, make([]byte, MaxPlaintext)...)...), 0, iana.ContentApplicationData, 0},
		{"a type without a name", content(5, 99), 0, 99, 5},
		{"longest", content(MaxPlaintext, 23), 0, iana.ContentApplicationData, MaxPlaintext},
		{"too long", content(MaxPlaintext+1, 23), iana.AlertRecordOverflow, 0, 0},
		{"too long by padding", content(MaxPlaintext, 23, 0), iana.AlertRecordOverflow, 0, 0},
		{"nothing", nil, iana.AlertUnexpectedMessage, 0, 0},
		{"zeros", make([]byte, 50), iana.AlertUnexpectedMessage, 0, 0},
		{"change_cipher_spec", content(1, 20), iana.AlertUnexpectedMessage, 0, 0},
	} {
		typ, got, err := open(openerFor(suiteOf(iana.VersionTLS13)), sealRaw(t, test.inner))
		if test.want != 0 {
			wantAlert(t, test.name, err, test.want)
			continue
		}
		if err != nil || typ != test.typ || !bytes.Equal(got, test.inner[:test.n]) {
			t.Errorf("%s: got %v, %d bytes, %v, want %v, %d bytes", test.name, typ, len(got), err, test.typ, test.n)
		}
	}
}

func TestTooMuchContentInTLS12(t *testing.T) {
	for _, s := range kinds {
		if is13(s) {
			continue
		}
		guard, err := protect(testKeys(s, 1))
		if err != nil {
			t.Fatal(err)
		}
		h := Header{Type: iana.ContentApplicationData, Version: iana.VersionTLS12}
		record := guard.seal(make([]byte, 0, 1<<15), h, 0, make([]byte, MaxPlaintext+1), 0)
		_, _, err = open(openerFor(s), record)
		wantAlert(t, kindName(s), err, iana.AlertRecordOverflow)
	}
}

// ChangeCipherSpec goes past TLS 1.3's protection, both ways, and does not count; TLS 1.2 protects it like any other.
func TestChangeCipherSpec(t *testing.T) {
	for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
		s := suiteOf(v)
		sealer, opener := sealerFor(s), openerFor(s)
		ccs := mustSeal(t, sealer, iana.ContentChangeCipherSpec, []byte{1}, 9)
		if plain := bytes.Equal(ccs, []byte{20, 3, 3, 0, 1, 1}); plain != is13(s) {
			t.Errorf("%v: got % x, in the clear: %v, want %v", v, ccs, plain, is13(s))
		}
		data := mustSeal(t, sealer, iana.ContentApplicationData, []byte("x"), 0)
		for _, record := range [][]byte{ccs, data} {
			if _, content, err := open(opener, record); err != nil || len(content) != 1 {
				t.Errorf("%v: got %x, %v, want one byte", v, content, err)
			}
		}
	}
}

func TestUnprotectedUnderKeys(t *testing.T) {
	opener := openerFor(suiteOf(iana.VersionTLS13))
	for _, typ := range []iana.ContentType{0, iana.ContentAlert, iana.ContentHandshake, 99} {
		_, _, err := opener.Open(Header{typ, iana.VersionTLS12, 2}, []byte{2, 47})
		wantAlert(t, typ.String(), err, iana.AlertUnexpectedMessage)
		if told := strings.Contains(err.Error(), "illegal_parameter"); told != (typ == iana.ContentAlert) {
			t.Errorf("%v: got %q, the alert told: %v", typ, err, told)
		}
	}
}

// A KeyUpdate makes both ends begin anew with other keys (RFC 9846 §7.2).
func TestUpdate(t *testing.T) {
	forSuites(t, func(t *testing.T, s *suite.Suite) {
		sealer, opener := sealerFor(s), openerFor(s)
		if !is13(s) {
			wantAlert(t, "update", sealer.Update(), iana.AlertInternalError)
			return
		}
		old := openerFor(s)
		openAll(t, opener, mustSeal(t, sealer, iana.ContentHandshake, []byte("before"), 0), iana.ContentHandshake)
		for range 2 {
			if err := sealer.Update(); err != nil {
				t.Fatal(err)
			}
			record := mustSeal(t, sealer, iana.ContentApplicationData, []byte("after"), 0)
			_, _, err := open(old, record)
			wantAlert(t, "old keys", err, iana.AlertBadRecordMAC)
			if err := opener.Update(); err != nil {
				t.Fatal(err)
			}
			openAll(t, opener, record, iana.ContentApplicationData)
			if opener.Sequence() != 1 {
				t.Errorf("got sequence number %d, want 1", opener.Sequence())
			}
		}
	})
	wantAlert(t, "without keys", (&Opener{}).Update(), iana.AlertInternalError)
}

// Ciphers can be dropped between any two records.
func TestRest(t *testing.T) {
	forSuites(t, func(t *testing.T, s *suite.Suite) {
		sealer, opener := sealerFor(s), openerFor(s)
		for range 3 {
			openAll(t, opener, mustSeal(t, sealer, iana.ContentApplicationData, []byte("x"), 0), iana.ContentApplicationData)
			sealer.Rest()
			opener.Rest()
			if sealer.guard != nil || opener.guard != nil {
				t.Error("got a cipher kept, want none")
			}
		}
	})
}

func TestWipe(t *testing.T) {
	forSuites(t, func(t *testing.T, s *suite.Suite) {
		for _, test := range []struct {
			name string
			end  func(*Sealer)
		}{
			{"Wipe", func(s *Sealer) { s.Wipe() }},
			{"other keys", func(sealer *Sealer) { sealer.SetKeys(testKeys(s, 2)) }},
			{"no keys", func(s *Sealer) { s.SetKeys(nil) }},
		} {
			var sealer Sealer
			k := testKeys(s, 1)
			sealer.SetKeys(k)
			mustSeal(t, &sealer, iana.ContentApplicationData, []byte("x"), 0)
			guard := sealer.guard
			test.end(&sealer)
			for _, secret := range [][]byte{k.Secret, k.MAC, k.Key, k.IV} {
				if !bytes.Equal(secret, make([]byte, len(secret))) {
					t.Errorf("%s: got %x left, want zeros", test.name, secret)
				}
			}
			if left := leftOf(guard); len(bytes.Trim(left, "\x00")) != 0 {
				t.Errorf("%s: got %x left, want zeros", test.name, left)
			}
			if sealer.guard != nil || sealer.seq != 0 {
				t.Errorf("%s: got cipher %v, sequence number %d, want none, 0", test.name, sealer.guard, sealer.seq)
			}
		}
	})
}

// The key that a cipher was made of does not outlive its making, where it is not kept to make it again.
func TestDerivedKeyIsWiped(t *testing.T) {
	s := *suiteOf(iana.VersionTLS13)
	c := *s.Cipher
	var key []byte
	c.New = func(k []byte) (cipher.AEAD, error) {
		key = k
		return s.Cipher.New(k)
	}
	withSpy := s
	withSpy.Cipher = &c
	mustSeal(t, sealerFor(&withSpy), iana.ContentAlert, []byte{1, 0}, 0)
	if !bytes.Equal(key, make([]byte, s.Cipher.KeyLen)) {
		t.Errorf("got %x, want %d zeros", key, s.Cipher.KeyLen)
	}
}

// leftOf returns what a protection knew and can forget.
func leftOf(p protection) []byte {
	switch p := p.(type) {
	case *aead13:
		return append(p.iv[:], p.nonce[:]...)
	case *aead12:
		return append(p.iv[:], p.nonce[:]...)
	case *cbc:
		return slices.Concat(p.last[:], p.found[:], p.moved[:])
	}
	panic("a protection that the test does not know")
}

// A key protects as many records as it may and not one more, and never the half of a payload (RFC 9846 §5.5).
func TestRecordLimit(t *testing.T) {
	s := *suiteOf(iana.VersionTLS13)
	c := *s.Cipher
	c.RecordLimit = 3
	s.Cipher = &c
	sealer := sealerFor(&s)
	sealer.SetMaxContent(10)
	if got := (&Sealer{}).Remaining(); got != math.MaxUint64 {
		t.Errorf("without keys: got %d records left, want no end", got)
	}
	for _, step := range []struct {
		length int
		want   uint64
		fails  bool
	}{
		{31, 3, true},
		{20, 1, false},
		{11, 1, true},
		{10, 0, false},
		{0, 0, true},
	} {
		dst := []byte("before")
		got, err := sealer.Seal(dst, iana.ContentApplicationData, make([]byte, step.length), 0)
		if step.fails {
			wantAlert(t, "past the limit", err, iana.AlertInternalError)
			if !bytes.Equal(got, dst) {
				t.Errorf("got %x with the error, want what was there before", got)
			}
		} else if err != nil {
			t.Errorf("%d bytes: %v", step.length, err)
		}
		if left := sealer.Remaining(); left != step.want {
			t.Errorf("after %d bytes: got %d records left, want %d", step.length, left, step.want)
		}
	}
	if err := sealer.Update(); err != nil || sealer.Remaining() != 3 {
		t.Errorf("after an update: got %d records left, %v, want 3", sealer.Remaining(), err)
	}
}

// A sequence number never wraps (RFC 9846 §5.3).
func TestLastSequenceNumber(t *testing.T) {
	forSuites(t, func(t *testing.T, s *suite.Suite) {
		sealer, opener := sealerFor(s), openerFor(s)
		sealer.seq = math.MaxUint64 - 1
		opener.SetSequence(math.MaxUint64 - 1)
		endless, c := *s, *s.Cipher
		c.RecordLimit = math.MaxUint64
		endless.Cipher = &c
		sealer.keys.Suite = &endless
		last := mustSeal(t, sealer, iana.ContentHandshake, []byte("last"), 0)
		openAll(t, opener, last, iana.ContentHandshake)
		_, err := sealer.Seal(nil, iana.ContentHandshake, []byte("more"), 0)
		wantAlert(t, "seal", err, iana.AlertInternalError)
		_, _, err = open(opener, last)
		wantAlert(t, "open", err, iana.AlertInternalError)
	})
}

// Keys that do not go with their suite are an error of ours, found on first use.
func TestBadKeys(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(*suite.TrafficKeys)
	}{
		{"short key", func(k *suite.TrafficKeys) { k.Key = k.Key[1:] }},
		{"short IV", func(k *suite.TrafficKeys) { k.IV = k.IV[1:] }},
		{"long IV", func(k *suite.TrafficKeys) { k.IV = append(k.IV, 1) }},
		{"short MAC key", func(k *suite.TrafficKeys) { k.MAC = k.MAC[:max(0, len(k.MAC)-1)] }},
	} {
		for _, s := range kinds {
			if is13(s) {
				continue // both are derived, to the length that the suite has
			}
			k := testKeys(s, 1)
			if test.spoil(k); test.name == "short MAC key" && !s.Cipher.CBC() {
				continue // it has none
			}
			var sealer Sealer
			sealer.SetKeys(k)
			_, err := sealer.Seal(nil, iana.ContentAlert, []byte{1, 0}, 0)
			wantAlert(t, test.name, err, iana.AlertInternalError)
			_, err = sealer.SealedLen(1, 0)
			wantAlert(t, test.name, err, iana.AlertInternalError)
			opener := Opener{sealer.half}
			_, _, err = opener.Open(Header{Type: iana.ContentAlert}, nil)
			wantAlert(t, test.name, err, iana.AlertInternalError)
		}
	}
}

func TestMaxFragment(t *testing.T) {
	for _, test := range []struct {
		keys *suite.TrafficKeys
		want int
	}{
		{nil, 1 << 14},
		{testKeys(suiteOf(iana.VersionTLS12), 1), 1<<14 + 2048},
		{testKeys(suiteOf(iana.VersionTLS13), 1), 1<<14 + 256},
	} {
		var o Opener
		o.SetKeys(test.keys)
		if got := o.MaxFragment(); got != test.want {
			t.Errorf("got %d, want %d", got, test.want)
		}
	}
}
