package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
)

// suiteAt chooses a kind of suite by any byte.
func suiteAt(i byte) *suite.Suite { return kinds[int(i)%len(kinds)] }

func FuzzHeader(f *testing.F) {
	f.Add([]byte("\x16\x03\x01\x02\x00"))
	f.Add([]byte("GET /"))
	f.Add([]byte("\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < HeaderLen {
			return
		}
		if got := ParseHeader(b).Append(nil); !bytes.Equal(got, b[:HeaderLen]) {
			t.Errorf("got % x, want % x", got, b[:HeaderLen])
		}
	})
}

// Nothing opens but what was sealed, as the seeds were, and the error says which alert to send.
func FuzzOpen(f *testing.F) {
	for i := range byte(len(kinds)) {
		record, err := sealerFor(suiteAt(i)).Seal(nil, iana.ContentHandshake, []byte("seed"), 0)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i, uint64(0), record)
	}
	f.Add(byte(0), ^uint64(0), []byte("\x17\x03\x03\x00\x00"))
	f.Add(byte(0), uint64(1), []byte("\x14\x03\x03\x00\x01\x01"))
	f.Fuzz(func(t *testing.T, s byte, seq uint64, record []byte) {
		if len(record) < HeaderLen {
			return
		}
		o := openerFor(suiteAt(s))
		o.SetSequence(seq)
		h := ParseHeader(record)
		typ, content, err := open(o, record)
		if h.Type == iana.ContentChangeCipherSpec && is13(suiteAt(s)) {
			if err != nil || typ != h.Type || !bytes.Equal(content, record[HeaderLen:]) {
				t.Errorf("change_cipher_spec: got %v, %x, %v, want it as it came", typ, content, err)
			}
			return
		}
		if err == nil {
			sealer := sealerFor(suiteAt(s))
			sealer.seq = seq
			if !is13(suiteAt(s)) { // of another version with the same protection it may be: the reader looks at that
				sealer.SetVersion(h.Version)
			}
			if again := sealOne(t, sealer, typ, content); !bytes.Equal(again, record) {
				t.Errorf("got %v, %q of % x, want it refused", typ, content, record)
			}
			return
		}
		var e *alert.Error
		if !errors.As(err, &e) || o.Sequence() != seq {
			t.Errorf("got %v, %x, %v, sequence number %d, want an alert.Error and %d", typ, content, err, o.Sequence(), seq)
		}
	})
}

// Whatever is in a TLS 1.3 record, its type is the last byte that is not zero.
func FuzzInnerPlaintext(f *testing.F) {
	f.Add([]byte("content\x17"))
	f.Add([]byte("content\x16\x00\x00\x00"))
	f.Add([]byte("\x00\x00"))
	f.Add([]byte("\x01\x14"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, inner []byte) {
		typ, content, err := open(openerFor(suiteOf(iana.VersionTLS13)), sealRaw(t, inner))
		want := bytes.TrimRight(inner, "\x00")
		if len(inner) > MaxPlaintext+1 || len(want) == 0 || want[len(want)-1] == byte(iana.ContentChangeCipherSpec) {
			if err == nil {
				t.Errorf("got %v, %d bytes, want an error", typ, len(content))
			}
			return
		}
		last := len(want) - 1
		if err != nil || byte(typ) != want[last] || !bytes.Equal(content, want[:last]) {
			t.Errorf("got %v, %x, %v, want %x", typ, content, err, want)
		}
	})
}

func FuzzSeal(f *testing.F) {
	f.Add(byte(0), byte(23), uint16(0), uint16(0), []byte("payload"))
	f.Add(byte(3), byte(22), uint16(1), uint16(9), []byte("payload"))
	f.Add(byte(8), byte(20), uint16(3), uint16(3), []byte{})
	f.Fuzz(func(t *testing.T, s, typ byte, most, padding uint16, payload []byte) {
		if typ == 0 {
			return // no type in TLS 1.3: it would be padding
		}
		sealer, opener := sealerFor(suiteAt(s)), openerFor(suiteAt(s))
		sealer.SetMaxContent(int(most) % (MaxPlaintext + 1))
		stream, err := sealer.Seal(nil, iana.ContentType(typ), payload, int(padding))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := openAll(t, opener, stream, iana.ContentType(typ)); !bytes.Equal(got, payload) {
			t.Errorf("got %x, want %x", got, payload)
		}
	})
}

// outcome is everything that a Reader makes of a stream. keysAt is the record before which it gets keys.
func outcome(r io.Reader, s *suite.Suite, keysAt int) (out []string) {
	reader := NewReader(borrow.From(r))
	defer reader.Wipe()
	for i := 0; ; i++ {
		if i == keysAt {
			reader.SetKeys(testKeys(s, 1))
			reader.SetVersion(s.MinVersion)
		}
		typ, content, err := reader.Next()
		out = append(out, fmt.Sprintf("%v %q %v", typ, content, err))
		var e *alert.Error
		if err != nil && !(errors.As(err, &e) && e.Kind == alert.KindBadRecord) {
			return out
		}
	}
}

// A stream means the same however it is cut, and no stream leaves a buffer behind.
func FuzzReader(f *testing.F) {
	for i := range byte(len(kinds)) {
		st := newStream(f, suiteAt(i), 3, 0, 20)
		f.Add(st.bytes, i, byte(1))
		f.Add(st.bytes[:len(st.bytes)-1], i, byte(1))
		f.Add(st.bytes, i, byte(2))
	}
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), byte(0), byte(0))
	f.Add([]byte("\x16\x03\x01\xff\xff"), byte(0), byte(1))
	f.Fuzz(func(t *testing.T, stream []byte, s, keysAt byte) {
		poisoned(t)
		whole := outcome(bytes.NewReader(stream), suiteAt(s), int(keysAt))
		bytewise := outcome(iotest.OneByteReader(bytes.NewReader(stream)), suiteAt(s), int(keysAt))
		if fmt.Sprint(whole) != fmt.Sprint(bytewise) {
			t.Errorf("got %q byte by byte, want %q as at once", bytewise, whole)
		}
	})
}

// split cuts a flight into messages the plain way. rest is what is left, and long that a message there is too long.
func split(flight []byte) (messages []string, rest []byte, long bool) {
	for len(flight) >= messageHeaderLen {
		n := int(flight[1])<<16 | int(flight[2])<<8 | int(flight[3])
		if n > DefaultMaxMessage {
			return messages, flight, true
		}
		if len(flight) < messageHeaderLen+n {
			break
		}
		messages = append(messages, string(flight[:messageHeaderLen+n]))
		flight = flight[messageHeaderLen+n:]
	}
	return messages, flight, false
}

func FuzzMessages(f *testing.F) {
	f.Add(append(message(iana.HandshakeServerHello, 5), message(iana.HandshakeFinished, 0)...), byte(3))
	f.Add(message(iana.HandshakeCertificate, 300)[:200], byte(7))
	f.Add([]byte("\x0b\xff\xff\xff"), byte(1))
	f.Fuzz(func(t *testing.T, flight []byte, size byte) {
		want, rest, long := split(flight)
		var m Messages
		var got []string
		var failed error
		for fragment := range bytes.SplitAfterSeq(flight, []byte{size}) {
			if len(fragment) == 0 {
				continue
			}
			if failed = m.Push(fragment); failed != nil {
				break
			}
			var raw []byte
			for raw, failed = m.Next(); raw != nil; raw, failed = m.Next() {
				got = append(got, string(raw))
			}
			if failed != nil {
				break
			}
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) || (failed != nil) != long {
			t.Errorf("got %q, %v, want %q, too long: %v", got, failed, want, long)
		}
		if !long && m.Partial() != (len(rest) > 0) {
			t.Errorf("got partial %v with %d bytes left", m.Partial(), len(rest))
		}
	})
}
