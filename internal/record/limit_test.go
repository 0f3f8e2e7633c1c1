package record

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
)

// A limit holds for both halves: what a sealer makes under it is taken, and a byte more is a
// record_overflow (RFC 8449 §4). TLS 1.3 counts the type and padding.
func TestSizeLimit(t *testing.T) {
	const limit = 64
	forSuites(t, func(t *testing.T, s *suite.Suite) {
		most := limit
		if is13(s) {
			most--
		}
		sealer, opener := sealerFor(s), openerFor(s)
		opener.SetLimit(limit)
		sealer.SetLimit(limit)
		payload := bytes.Repeat([]byte("x"), 5*limit)
		for _, padding := range []int{0, 10, 1 << 20} {
			stream := mustSeal(t, sealer, iana.ContentApplicationData, payload, padding)
			content, lengths := openAll(t, opener, stream, iana.ContentApplicationData)
			for _, n := range lengths {
				if n > most {
					t.Errorf("padding %d: got records of %v, want none of more than %d", padding, lengths, most)
				}
			}
			if !bytes.Equal(content, payload) {
				t.Errorf("padding %d: got %d bytes, want %d", padding, len(content), len(payload))
			}
		}
		sealer.SetLimit(0)
		stream := mustSeal(t, sealer, iana.ContentHandshake, payload[:most+1], 0)
		_, _, err := open(opener, stream)
		wantAlert(t, "a byte more", err, iana.AlertRecordOverflow)
	})
	// Padding counts too.
	s := suiteOf(iana.VersionTLS13)
	sealer, opener := sealerFor(s), openerFor(s)
	opener.SetLimit(limit)
	_, _, err := open(opener, mustSeal(t, sealer, iana.ContentApplicationData, []byte("x"), limit-1))
	wantAlert(t, "padding", err, iana.AlertRecordOverflow)
	// What is not protected has no limit.
	var plain Opener
	plain.SetLimit(limit)
	if _, content, err := open(&plain, mustSeal(t, new(Sealer), iana.ContentHandshake, make([]byte, 1000), 0)); err != nil || len(content) != 1000 {
		t.Errorf("in the clear: got %d bytes, %v, want 1000", len(content), err)
	}
}

// Padding fills records up to a multiple, and never beyond what a record holds.
func TestPaddedLengths(t *testing.T) {
	const overhead = 16 + 1
	for _, test := range []struct {
		length, padding, most int
		want                  []int // content and padding
	}{
		{1, 0, 0, []int{1}},
		{1, 100, 0, []int{100}},
		{100, 100, 0, []int{100}},
		{101, 100, 0, []int{200}},
		{MaxPlaintext - 1, 1000, 0, []int{MaxPlaintext}},
		{MaxPlaintext + 1, 1000, 0, []int{MaxPlaintext, 1000}},
		{250, 64, 100, []int{100, 100, 64}},
		{290, 64, 100, []int{100, 100, 100}},
	} {
		var wire bytes.Buffer
		w := NewWriter(&wire)
		w.SetPadding(test.padding)
		w.SetMaxContent(test.most)
		if err := w.SetKeys(testKeys(suiteOf(iana.VersionTLS13), 1)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, test.length)); err != nil {
			t.Fatal(err)
		}
		var got []int
		for b := wire.Bytes(); len(b) > 0; {
			n := ParseHeader(b).Length
			got, b = append(got, n-overhead), b[HeaderLen+n:]
		}
		if fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%d bytes by %d, padded to %d: got %v, want %v", test.length, test.most, test.padding, got, test.want)
		}
		r := NewReader(borrow.From(&wire))
		r.SetKeys(testKeys(suiteOf(iana.VersionTLS13), 1))
		total := 0
		for range got {
			_, content, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			total += len(content)
		}
		if r.Wipe(); total != test.length {
			t.Errorf("%d bytes, padded to %d: got %d back", test.length, test.padding, total)
		}
	}
}
