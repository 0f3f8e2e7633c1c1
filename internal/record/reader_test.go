package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"testing/iotest"
	"time"

	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
)

// stream is a connection of one direction: a hello in the clear, then data under keys.
type stream struct {
	bytes []byte
	want  []string // the contents of its records, the hello first
}

func newStream(t testing.TB, s *suite.Suite, lengths ...int) stream {
	t.Helper()
	hello := []byte("\x01\x00\x00\x05hello")
	st := stream{bytes: mustSeal(t, &Sealer{}, iana.ContentHandshake, hello, 0), want: []string{string(hello)}}
	sealer := sealerFor(s)
	for i, n := range lengths {
		content := bytes.Repeat([]byte{byte('a' + i)}, n)
		st.bytes = append(st.bytes, mustSeal(t, sealer, iana.ContentApplicationData, content, 0)...)
		if splits(s) && n > 1 {
			st.want = append(st.want, string(content[:1]))
			content = content[1:]
		}
		st.want = append(st.want, string(content))
	}
	return st
}

// read reads a stream from any reader to its end, and checks what is in it.
func (st stream) read(t *testing.T, s *suite.Suite, r *Reader) {
	t.Helper()
	for i, want := range st.want {
		if i == 1 {
			r.SetKeys(testKeys(s, 1))
		}
		_, content, err := r.Next()
		if err != nil || string(content) != want {
			t.Fatalf("record %d: got %d bytes, %v, want %d", i, len(content), err, len(want))
		}
	}
	if _, _, err := r.Next(); err != io.EOF {
		t.Errorf("at the end: got %v, want %v", err, io.EOF)
	}
}

// However the bytes arrive, the same records are read.
func TestReadRecords(t *testing.T) {
	forSuites(t, func(t *testing.T, s *suite.Suite) {
		poisoned(t)
		st := newStream(t, s, 0, 1, 300, MaxPlaintext, 5000, 1, MaxPlaintext, MaxPlaintext, MaxPlaintext, MaxPlaintext, MaxPlaintext, 7)
		for name, r := range map[string]io.Reader{
			"at once":        bytes.NewReader(st.bytes),
			"byte by byte":   iotest.OneByteReader(bytes.NewReader(st.bytes)),
			"in half":        iotest.HalfReader(bytes.NewReader(st.bytes)),
			"end with bytes": iotest.DataErrReader(bytes.NewReader(st.bytes)),
		} {
			t.Run(name, func(t *testing.T) { st.read(t, s, NewReader(borrow.From(r))) })
		}
	})
}

func TestReadRecordsOfAConnection(t *testing.T) {
	s := suiteOf(iana.VersionTLS13)
	poisoned(t, []byte("aaaaaaaa"))
	st := newStream(t, s, 300, MaxPlaintext, MaxPlaintext, MaxPlaintext, MaxPlaintext, MaxPlaintext, MaxPlaintext, 1)
	near, far := tcp(t)
	go func() {
		far.Write(st.bytes[:20000]) // it ends within a record, and the reader has to wait there
		time.Sleep(30 * time.Millisecond)
		far.Write(st.bytes[20000:])
		far.Close()
	}()
	st.read(t, s, NewReader(borrow.From(near)))
}

func tcp(t testing.TB) (near, far net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if far, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if near, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// Several records that came together take one read.
func TestOneReadForManyRecords(t *testing.T) {
	s := suiteOf(iana.VersionTLS13)
	st := newStream(t, s, 10, 10, 10, 10)
	reads := 0
	r := NewReader(counting{bytes.NewReader(st.bytes), &reads})
	for range st.want {
		if r.Protected() || reads > 0 {
			r.SetKeys(nil)
		}
		if _, _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if reads != 1 {
		t.Errorf("got %d reads, want 1", reads)
	}
	r.Wipe()
}

// counting is a Source that reads a Reader without holding anything back, and counts.
type counting struct {
	r io.Reader
	n *int
}

func (c counting) ReadBorrowed(buf []byte, size int) ([]byte, error) {
	*c.n++
	had := len(buf)
	buf = borrow.Grow(buf, max(size, had+1))
	n, err := c.r.Read(buf[had:cap(buf)])
	if n == 0 {
		return borrow.Fit(buf), err
	}
	return buf[:had+n], nil
}

// A stream that does not pause soon takes few reads, of large records and of small ones.
func TestReadsGrowWithTheStream(t *testing.T) {
	s := suiteOf(iana.VersionTLS13)
	for _, test := range []struct{ length, records, most int }{
		{MaxPlaintext, 40, 13},
		{200, 1000, 6},
	} {
		stream := sealMany(t, s, make([]byte, test.length), test.records)
		reads := 0
		r := NewReader(counting{bytes.NewReader(stream), &reads})
		r.SetKeys(testKeys(s, 1))
		r.begun = true
		for range test.records {
			if _, _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		}
		if reads > test.most {
			t.Errorf("got %d reads for %d records of %d bytes, want at most %d", reads, test.records, test.length, test.most)
		}
		r.Wipe()
	}
}

// What was read out of a buffer is gone from it before the next borrower has it, also what lay past its last content.
func TestUsedContentIsOverwritten(t *testing.T) {
	poisoned(t, []byte("a secret at the end"))
	s := suiteOf(iana.VersionTLS13)
	sealer := sealerFor(s)
	stream := mustSeal(t, sealer, iana.ContentApplicationData, append(make([]byte, 500), "a secret at the end"...), 0)
	cut := len(stream) + 3
	stream = append(stream, mustSeal(t, sealer, iana.ContentApplicationData, []byte("short"), 0)...)
	reads := 0
	r := NewReader(counting{io.MultiReader(bytes.NewReader(stream[:cut]), bytes.NewReader(stream[cut:])), &reads})
	r.SetKeys(testKeys(s, 1))
	r.begun = true
	for range 2 {
		if _, _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	r.Done()
	if reads != 2 {
		t.Errorf("got %d reads, want the second record in two pieces", reads)
	}
}

func TestEndOfStream(t *testing.T) {
	poisoned(t)
	st := newStream(t, suiteOf(iana.VersionTLS12), 5)
	for n := range len(st.bytes) {
		r := NewReader(borrow.From(bytes.NewReader(st.bytes[:n])))
		var err error
		for i := 0; err == nil; i++ {
			_, _, err = r.Next()
			if i == 0 {
				r.SetKeys(testKeys(suiteOf(iana.VersionTLS12), 1))
			}
		}
		want := io.ErrUnexpectedEOF
		if n == 0 || n == HeaderLen+9 {
			want = io.EOF
		}
		if err != want {
			t.Errorf("after %d bytes: got %v, want %v", n, err, want)
		}
		if r.Buffered() == 0 != (want == io.EOF) {
			t.Errorf("after %d bytes: got %d buffered with %v", n, r.Buffered(), err)
		}
		r.Wipe()
	}
}

// A deadline passes anywhere within a record, and nothing is lost.
func TestReadGoesOnAfterADeadline(t *testing.T) {
	poisoned(t)
	s := suiteOf(iana.VersionTLS13)
	st := newStream(t, s, 20)
	near, far := tcp(t)
	r := NewReader(borrow.From(near))
	var got []string
	for i, b := range st.bytes {
		near.SetReadDeadline(time.Now().Add(time.Millisecond))
		_, content, err := r.Next()
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("before byte %d: got %q, %v, want a timeout", i, content, err)
		}
		far.Write([]byte{b})
		near.SetReadDeadline(time.Now().Add(time.Minute))
		if i == HeaderLen+8 || i == len(st.bytes)-1 {
			_, content, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(content))
			r.Done()
			r.SetKeys(testKeys(s, 1))
		}
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", st.want) {
		t.Errorf("got %q, want %q", got, st.want)
	}
	r.Wipe()
}

// What speaks no TLS is told by its first bytes, before anything that it announces is waited for.
func TestNotTLS(t *testing.T) {
	poisoned(t)
	for _, first := range []string{
		"GET / HTTP/1.1\r\n\r\n",
		"HTTP/1.1 400 Bad Request\r\n",
		"SSH-2.0-OpenSSH",
		"\x80\x2e\x01\x03\x01\x00", // the hello of SSL 2.0
		"\x18\x03\x03\x00\x10",     // heartbeat
		"\x16\x02\x00\x00\x10",
		"\x16\x7f\x12\x00\x10",
		"\x00\x00\x00\x00\x00",
	} {
		r := NewReader(borrow.From(io.MultiReader(bytes.NewReader([]byte(first)), iotest.ErrReader(errors.New("read on")))))
		for range 2 { // it stays so
			_, _, err := r.Next()
			var e *NotTLSError
			if !errors.As(err, &e) || string(e.Header[:]) != first[:HeaderLen] {
				t.Errorf("%q: got %v, want a NotTLSError with the first bytes", first, err)
			}
			wantAlert(t, first, err, iana.AlertUnexpectedMessage)
		}
		r.Wipe()
	}
	for _, first := range []string{"\x16\x03\x01", "\x16\x03\x03", "\x16\x03\x00", "\x15\x03\x01", "\x16\x03\x7f", "\x14\x03\x03", "\x17\x03\x03"} {
		r := NewReader(borrow.From(bytes.NewReader([]byte(first + "\x00\x02ok"))))
		if _, content, err := r.Next(); err != nil || string(content) != "ok" {
			t.Errorf("%q: got %q, %v, want it read", first, content, err)
		}
		r.Wipe()
	}
}

// Behind the first record any type of TLS is passed on, for the caller to judge, and so is any version until one is negotiated.
func TestLaterRecords(t *testing.T) {
	const data, warns = iana.ContentApplicationData, iana.ContentAlert
	for _, test := range []struct {
		typ                 iana.ContentType
		negotiated, carries iana.Version
		want                iana.Alert
	}{
		{data, 0, 0x0301, 0},
		{data, 0, 0x7f7f, 0},
		{data, iana.VersionTLS12, 0x0303, 0},
		{data, iana.VersionTLS12, 0x0301, iana.AlertProtocolVersion},
		{data, iana.VersionTLS11, 0x0303, iana.AlertProtocolVersion},
		{data, iana.VersionTLS13, 0x0303, 0},
		{data, iana.VersionTLS13, 0x7f7f, 0},
		{warns, iana.VersionTLS12, 0x0301, 0}, // by which a peer may refuse that version
		{warns, iana.VersionTLS12, 0x0300, 0},
		{warns, iana.VersionTLS12, 0x7f7f, iana.AlertProtocolVersion},
	} {
		records := append([]byte("\x16\x03\x01\x00\x01x"), Header{test.typ, test.carries, 1}.Append(nil)...)
		r := NewReader(borrow.From(bytes.NewReader(append(records, 'y'))))
		if _, _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		r.SetVersion(test.negotiated)
		typ, content, err := r.Next()
		what := fmt.Sprintf("%v, %v negotiated, %v in the header", test.typ, test.negotiated, test.carries)
		if test.want != 0 {
			wantAlert(t, what, err, test.want)
		} else if err != nil || typ != test.typ || string(content) != "y" {
			t.Errorf("%s: got %v, %q, %v, want it read", what, typ, content, err)
		}
		r.Wipe()
	}
}

// A type that TLS does not have is refused by its header: what it announces is not waited for.
func TestUnknownType(t *testing.T) {
	for _, typ := range []iana.ContentType{0, 19, 24, 99, 255} {
		records := append([]byte("\x16\x03\x01\x00\x01x"), Header{typ, iana.VersionTLS12, 100}.Append(nil)...)
		r := NewReader(borrow.From(bytes.NewReader(records)))
		if _, _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		_, _, err := r.Next()
		wantAlert(t, typ.String(), err, iana.AlertUnexpectedMessage)
		r.Wipe()
	}
}

// A record that is too long is refused by its header, and nothing of it is read.
func TestRecordOverflow(t *testing.T) {
	poisoned(t)
	for _, test := range []struct {
		name   string
		suite  *suite.Suite
		length int
		want   error
	}{
		{"plaintext, longest", nil, 1 << 14, io.ErrUnexpectedEOF},
		{"plaintext", nil, 1<<14 + 1, nil},
		{"TLS 1.3, longest", suiteOf(iana.VersionTLS13), 1<<14 + 256, io.ErrUnexpectedEOF},
		{"TLS 1.3", suiteOf(iana.VersionTLS13), 1<<14 + 257, nil},
		{"TLS 1.2, longest", suiteOf(iana.VersionTLS12), 1<<14 + 2048, io.ErrUnexpectedEOF},
		{"TLS 1.2", suiteOf(iana.VersionTLS12), 1<<14 + 2049, nil},
		{"most that a header can say", suiteOf(iana.VersionTLS12), 1<<16 - 1, nil},
	} {
		header := Header{iana.ContentHandshake, iana.VersionTLS12, test.length}.Append(nil)
		r := NewReader(borrow.From(bytes.NewReader(header)))
		if test.suite != nil {
			r.SetKeys(testKeys(test.suite, 1))
		}
		_, _, err := r.Next()
		if test.want == nil {
			wantAlert(t, test.name, err, iana.AlertRecordOverflow)
		} else if err != test.want {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
		r.Wipe()
	}
}

// A record that does not open is passed over by the next call: so can early data be skipped.
func TestNextAfterABadRecord(t *testing.T) {
	poisoned(t)
	s := suiteOf(iana.VersionTLS13)
	st := newStream(t, s, 10)
	var other Sealer
	other.SetKeys(testKeys(s, 2))
	at := HeaderLen + 9
	early := mustSeal(t, &other, iana.ContentApplicationData, []byte("early"), 0)
	r := NewReader(borrow.From(bytes.NewReader(append(append(bytes.Clone(st.bytes[:at]), early...), st.bytes[at:]...))))
	if _, _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	r.SetKeys(testKeys(s, 1))
	_, _, err := r.Next()
	wantAlert(t, "early data", err, iana.AlertBadRecordMAC)
	if _, content, err := r.Next(); err != nil || string(content) != st.want[1] {
		t.Errorf("behind it: got %q, %v, want %q", content, err, st.want[1])
	}
	r.Wipe()
}

// A buffer is held from a record's arrival until its content was used, and no longer.
func TestReaderHoldsBuffersOnlyWhileThereIsSomething(t *testing.T) {
	poisoned(t, []byte("aaaaaaaaaa"), []byte("bbbbbbbbbb"))
	s := suiteOf(iana.VersionTLS13)
	st := newStream(t, s, 10, 10)
	near, far := tcp(t)
	r := NewReader(borrow.From(near))
	check := func(when string, want int) {
		t.Helper()
		if n, _ := borrow.Outstanding(); n != want {
			t.Errorf("%s: got %d buffers held, want %d", when, n, want)
		}
	}
	far.Write(st.bytes)
	time.Sleep(20 * time.Millisecond)
	next := func() {
		t.Helper()
		if _, _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	check("before the first record", 0)
	next()
	r.SetKeys(testKeys(s, 1))
	r.Done()
	check("with more records", 1)
	next()
	r.Done()
	check("with one more record", 1)
	next()
	check("with the last content", 1)
	r.Done()
	check("after it was used", 0)
	if n := r.Buffered(); n != 0 {
		t.Errorf("got %d bytes buffered, want 0", n)
	}

	near.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, _, err := r.Next(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want a timeout", err)
	}
	check("after waiting", 0)
	far.Write(st.bytes[:3])
	near.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, _, err := r.Next(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want a timeout", err)
	}
	if n, size := borrow.Outstanding(); n != 1 || size != borrow.Small || r.Buffered() != 3 {
		t.Errorf("within a header: got %d buffers of %d bytes, %d bytes buffered, want a small one with 3", n, size, r.Buffered())
	}
	r.Wipe()
	check("after Wipe", 0)
}
