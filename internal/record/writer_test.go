package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
)

// sink keeps each Write apart.
type sink struct{ writes [][]byte }

func (s *sink) Write(p []byte) (int, error) {
	s.writes = append(s.writes, bytes.Clone(p))
	return len(p), nil
}

// records lists the records of each Write: type and length of fragment.
func (s *sink) records() (list [][]string) {
	for _, w := range s.writes {
		var of []string
		for len(w) > 0 {
			h := ParseHeader(w)
			of = append(of, fmt.Sprintf("%v %d", h.Type, h.Length))
			w = w[HeaderLen+h.Length:]
		}
		list = append(list, of)
	}
	return list
}

func (s *sink) want(t *testing.T, what string, want ...[]string) {
	t.Helper()
	if got := s.records(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
	s.writes = nil
}

// A flight is as few records as can be and one Write, whatever it consists of.
func TestFlight(t *testing.T) {
	poisoned(t, []byte("\x08\x08\x08\x08"), []byte("\x14\x14\x14\x14")) // EncryptedExtensions, Finished
	var s sink
	w := NewWriter(&s)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.Flush())
	s.want(t, "nothing")

	w.SetVersion(iana.VersionTLS13)
	must(w.WriteMessage(message(iana.HandshakeServerHello, 90)))
	must(w.WriteRecord(iana.ContentChangeCipherSpec, []byte{1}))
	must(w.SetKeys(testKeys(suiteOf(iana.VersionTLS13), 1)))
	must(w.WriteMessage(message(iana.HandshakeEncryptedExtensions, 6)))
	must(w.WriteMessage(message(iana.HandshakeCertificate, 1000)))
	must(w.WriteMessage(message(iana.HandshakeFinished, 32)))
	must(w.SetKeys(testKeys(suiteOf(iana.VersionTLS13), 2)))
	s.want(t, "before Flush")
	must(w.Flush())
	s.want(t, "server's flight", []string{"handshake 94", "change_cipher_spec 1", "application_data 1067"})

	must(w.WriteMessage(message(iana.HandshakeCertificate, 2*MaxPlaintext)))
	must(w.Flush())
	s.want(t, "long message", []string{"application_data 16401", "application_data 16401", "application_data 21"})

	must(w.WriteMessage(message(iana.HandshakeKeyUpdate, 1)))
	must(w.Update())
	must(w.WriteRecord(iana.ContentAlert, []byte{1, 0}))
	if n, _ := borrow.Outstanding(); n != 1 {
		t.Errorf("with a flight: got %d buffers held, want 1", n)
	}
	if _, err := w.Write([]byte("data")); err != nil {
		t.Fatal(err)
	}
	s.want(t, "with data", []string{"application_data 22", "application_data 19", "application_data 21"})
	if n, _ := borrow.Outstanding(); n != 0 {
		t.Errorf("after it: got %d buffers held, want 0", n)
	}
	must(w.WriteMessage(message(iana.HandshakeFinished, 32)))
	w.Wipe()
}

// A large Write leaves in few pieces.
func TestWriteBatches(t *testing.T) {
	poisoned(t)
	const full = MaxPlaintext + 17
	f := fmt.Sprintf("application_data %d", full)
	for _, test := range []struct {
		length, most int
		want         [][]string
	}{
		{0, 0, nil},
		{1, 0, [][]string{{"application_data 18"}}},
		{MaxPlaintext, 0, [][]string{{f}}},
		{4 * MaxPlaintext, 0, [][]string{{f, f, f, f}}},
		{9*MaxPlaintext + 1, 0, [][]string{{f, f, f, f}, {f, f, f, f}, {f, "application_data 18"}}},
		{250, 100, [][]string{{"application_data 117", "application_data 117", "application_data 67"}}},
	} {
		var s sink
		w := NewWriter(&s)
		w.SetMaxContent(test.most)
		if err := w.SetKeys(testKeys(suiteOf(iana.VersionTLS13), 1)); err != nil {
			t.Fatal(err)
		}
		if n, err := w.Write(make([]byte, test.length)); n != test.length || err != nil {
			t.Errorf("%d bytes: got %d, %v", test.length, n, err)
		}
		s.want(t, fmt.Sprintf("%d bytes", test.length), test.want...)
	}
}

// Whatever is written is read, with padding or without.
func TestWrittenIsRead(t *testing.T) {
	forSuites(t, func(t *testing.T, s *suite.Suite) {
		poisoned(t)
		for _, padding := range []int{0, 100, 1 << 20} {
			var wire bytes.Buffer
			w := NewWriter(&wire)
			w.SetVersion(s.MinVersion)
			w.SetPadding(padding)
			finished := message(iana.HandshakeFinished, 12)
			data := bytes.Repeat([]byte("0123456789"), 20000)
			if err := errors.Join(w.WriteMessage(finished), w.SetKeys(testKeys(s, 1))); err != nil {
				t.Fatal(err)
			}
			if n, err := w.Write(data); n != len(data) || err != nil {
				t.Fatalf("got %d, %v, want %d", n, err, len(data))
			}
			r := NewReader(borrow.From(&wire))
			r.SetVersion(s.MinVersion)
			if _, content, err := r.Next(); err != nil || !bytes.Equal(content, finished) {
				t.Fatalf("got %x, %v, want %x", content, err, finished)
			}
			r.SetKeys(testKeys(s, 1))
			var got []byte
			for {
				_, content, err := r.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, content...)
			}
			if !bytes.Equal(got, data) {
				t.Errorf("got %d bytes, or other ones, want %d", len(got), len(data))
			}
		}
	})
}

// short takes n bytes and then fails, or says that it took them all.
type short struct {
	n   int
	err error
}

func (s *short) Write(p []byte) (int, error) {
	n := min(len(p), s.n)
	s.n -= n
	if n < len(p) {
		return n, s.err
	}
	return n, nil
}

// A connection that fails fails for good, and what it took of the data is counted in whole records.
func TestFailedWrite(t *testing.T) {
	poisoned(t)
	broken := errors.New("broken")
	const alert, record = HeaderLen + 2 + 17, HeaderLen + 10 + 17
	for _, test := range []struct {
		taken, want int
	}{
		{0, 0},
		{alert - 1, 0},          // of the flight before the data
		{alert, 0},              // the flight
		{alert + record - 1, 0}, // within the first record
		{alert + record, 10},
		{alert + 2*record + 5, 20},
		{alert + 3*record - 1 - 5, 20},
	} {
		for _, err := range []error{broken, nil} {
			want := err
			if err == nil {
				want = io.ErrShortWrite
			}
			w := NewWriter(&short{test.taken, err})
			w.SetMaxContent(10)
			k := testKeys(suiteOf(iana.VersionTLS13), 1)
			if err := errors.Join(w.SetKeys(k), w.WriteRecord(iana.ContentAlert, []byte{1, 90})); err != nil {
				t.Fatal(err)
			}
			if n, err := w.Write(make([]byte, 25)); n != test.want || err != want {
				t.Errorf("taken %d bytes: got %d, %v, want %d, %v", test.taken, n, err, test.want, want)
			}
			late := testKeys(suiteOf(iana.VersionTLS13), 2)
			for name, do := range map[string]func() error{
				"Write":        func() error { _, err := w.Write([]byte("x")); return err },
				"WriteMessage": func() error { return w.WriteMessage([]byte("x")) },
				"WriteRecord":  func() error { return w.WriteRecord(iana.ContentAlert, []byte{1, 0}) },
				"Flush":        w.Flush,
				"Update":       w.Update,
				"SetKeys":      func() error { return w.SetKeys(late) },
			} {
				if err := do(); err != want {
					t.Errorf("%s after it: got %v, want %v", name, err, want)
				}
			}
			w.Wipe()
			if !bytes.Equal(append(k.Secret, late.Secret...), make([]byte, 64)) {
				t.Errorf("got keys %x and %x left, want zeros", k.Secret, late.Secret)
			}
		}
	}
}

// Keys that cannot be used fail the Writer before anything goes out.
func TestWriterWithBadKeys(t *testing.T) {
	poisoned(t)
	for _, do := range []func(*Writer) error{
		func(w *Writer) error { _, err := w.Write([]byte("x")); return err },
		func(w *Writer) error { return errors.Join(w.WriteMessage([]byte("x")), w.Flush()) },
		func(w *Writer) error { return w.WriteRecord(iana.ContentAlert, []byte{1, 0}) },
	} {
		var s sink
		w := NewWriter(&s)
		k := testKeys(suiteOf(iana.VersionTLS12), 1)
		k.Key = k.Key[1:]
		if err := w.SetKeys(k); err != nil {
			t.Fatal(err)
		}
		wantAlert(t, "first use", do(w), iana.AlertInternalError)
		wantAlert(t, "second use", do(w), iana.AlertInternalError)
		s.want(t, "bad keys")
		w.Wipe()
	}
}

// Past the limit of the keys nothing goes out either.
func TestWriterPastTheLimit(t *testing.T) {
	poisoned(t)
	s := *suiteOf(iana.VersionTLS13)
	c := *s.Cipher
	c.RecordLimit = 1
	s.Cipher = &c
	var out sink
	w := NewWriter(&out)
	if err := w.SetKeys(testKeys(&s, 1)); err != nil {
		t.Fatal(err)
	}
	n, err := w.Write(make([]byte, MaxPlaintext+1))
	if n != 0 {
		t.Errorf("got %d bytes written, want 0", n)
	}
	wantAlert(t, "past the limit", err, iana.AlertInternalError)
	out.want(t, "past the limit")
	w.Wipe()
}

// A Writer that was wiped has no keys, and so must not write: it would write in the clear.
func TestWipedWriterWritesNothing(t *testing.T) {
	poisoned(t)
	var s sink
	w := NewWriter(&s)
	if err := w.SetKeys(testKeys(suiteOf(iana.VersionTLS13), 1)); err != nil {
		t.Fatal(err)
	}
	w.Wipe()
	for name, do := range map[string]func() error{
		"Write":        func() error { _, err := w.Write([]byte("x")); return err },
		"WriteMessage": func() error { return w.WriteMessage([]byte("x")) },
		"WriteRecord":  func() error { return w.WriteRecord(iana.ContentAlert, []byte{1, 0}) },
		"Flush":        w.Flush,
	} {
		if err := do(); err == nil {
			t.Errorf("%s: got no error, want one", name)
		}
	}
	s.want(t, "after Wipe")
}
