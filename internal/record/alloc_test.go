package record

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
)

// runs is how many times an allocation test runs its body.
const runs = 100

// wantNoAllocs fails if body allocates. The race detector makes pools drop things at random.
func wantNoAllocs(t *testing.T, what string, body func() error) {
	t.Helper()
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	var failed error
	got := testing.AllocsPerRun(runs, func() {
		if err := body(); err != nil {
			failed = err
		}
	})
	if got != 0 || failed != nil {
		t.Errorf("%s: got %v allocations, %v, want 0", what, got, failed)
	}
}

var sizes = []int{1, 1200, MaxPlaintext}

func TestNoAllocationsPerRecord(t *testing.T) {
	forSuites(t, func(t *testing.T, s *suite.Suite) {
		for _, size := range sizes {
			payload := make([]byte, size)

			sealer, dst := sealerFor(s), make([]byte, 0, borrow.Record)
			wantNoAllocs(t, "Seal", func() error {
				_, err := sealer.Seal(dst, iana.ContentApplicationData, payload, 1)
				return err
			})

			w := NewWriter(io.Discard)
			if err := w.SetKeys(testKeys(s, 1)); err != nil {
				t.Fatal(err)
			}
			wantNoAllocs(t, "Write", func() error {
				_, err := w.Write(payload)
				return err
			})

			stream := sealMany(t, s, payload, runs+1)
			opener, rest := openerFor(s), bytes.Clone(stream)
			wantNoAllocs(t, "Open", func() error {
				h := ParseHeader(rest)
				_, _, err := opener.Open(h, rest[HeaderLen:][:h.Length])
				rest = rest[HeaderLen+h.Length:]
				return err
			})

			var reads int
			r := NewReader(counting{bytes.NewReader(stream), &reads})
			r.SetKeys(testKeys(s, 1))
			r.begun = true
			wantNoAllocs(t, "Next", func() error {
				_, _, err := r.Next()
				return err
			})
		}
	})
}

// sealMany returns n records with the same content.
func sealMany(t testing.TB, s *suite.Suite, payload []byte, n int) []byte {
	t.Helper()
	sealer := sealerFor(s)
	var stream []byte
	for range n {
		var err error
		if stream, err = sealer.Seal(stream, iana.ContentApplicationData, payload, 0); err != nil {
			t.Fatal(err)
		}
	}
	return stream
}

// What both halves of a connection keep while it waits, with their ciphers and without.
func TestHeapOfIdleHalves(t *testing.T) {
	const connections = 500
	for _, test := range []struct {
		name string
		most int // bytes a connection, either suite
		idle func(*Reader, *Writer)
	}{
		{"fresh", 750, func(*Reader, *Writer) {}},
		{"used", 3000, useHalves},
		{"resting", 800, func(r *Reader, w *Writer) {
			useHalves(r, w)
			r.Done()
			r.Rest()
			w.Rest()
		}},
	} {
		for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
			kept := make([]any, 0, 2*connections)
			record := sealMany(t, suiteOf(v), make([]byte, MaxPlaintext), 1)
			before := heap()
			for range connections {
				r := NewReader(&repeating{record: record})
				w := NewWriter(io.Discard)
				r.begun = true
				r.SetKeys(testKeys(suiteOf(v), 1))
				if err := w.SetKeys(testKeys(suiteOf(v), 1)); err != nil {
					t.Fatal(err)
				}
				test.idle(r, w)
				r.Done()
				kept = append(kept, r, w)
			}
			each := (int(heap()) - int(before)) / connections
			t.Logf("%v, %s: %d bytes of heap a connection", v, test.name, each)
			if each > test.most {
				t.Errorf("%v, %s: got %d bytes of heap a connection, want at most %d", v, test.name, each, test.most)
			}
			runtime.KeepAlive(kept)
		}
	}
}

// useHalves has a connection receive and send 16 KiB.
func useHalves(r *Reader, w *Writer) {
	if _, _, err := r.Next(); err != nil {
		panic(err)
	}
	if _, err := w.Write(make([]byte, MaxPlaintext)); err != nil {
		panic(err)
	}
}

// repeating is a Source that gives the same record again and again.
type repeating struct{ record []byte }

func (s *repeating) ReadBorrowed(buf []byte, size int) ([]byte, error) {
	return append(borrow.Grow(buf, len(buf)+len(s.record)), s.record...), nil
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // the first empties pools into their victims, the second empties those
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkSeal(b *testing.B) {
	forSizes(b, func(b *testing.B, s *suite.Suite, payload []byte) {
		sealer, dst := sealerFor(s), make([]byte, 0, borrow.Record)
		for b.Loop() {
			if _, err := sealer.Seal(dst, iana.ContentApplicationData, payload, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	forSizes(b, func(b *testing.B, s *suite.Suite, payload []byte) {
		record := sealMany(b, s, payload, 1)
		opener, h, fragment := openerFor(s), ParseHeader(record), make([]byte, len(record)-HeaderLen)
		for b.Loop() {
			copy(fragment, record[HeaderLen:])
			opener.SetSequence(0)
			if _, _, err := opener.Open(h, fragment); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkConnection sends records over loopback TCP and reads them.
func BenchmarkConnection(b *testing.B) {
	forSizes(b, func(b *testing.B, s *suite.Suite, payload []byte) {
		near, far := tcp(b)
		w := NewWriter(far)
		w.SetVersion(s.MinVersion)
		if err := w.SetKeys(testKeys(s, 1)); err != nil {
			b.Fatal(err)
		}
		go func() {
			for {
				if _, err := w.Write(payload); err != nil {
					return
				}
			}
		}()
		r := NewReader(borrow.From(near))
		r.SetKeys(testKeys(s, 1))
		r.begun = true
		for b.Loop() {
			if _, _, err := r.Next(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func forSizes(b *testing.B, run func(b *testing.B, s *suite.Suite, payload []byte)) {
	for _, id := range []iana.CipherSuite{iana.TLS_AES_128_GCM_SHA256, iana.TLS_CHACHA20_POLY1305_SHA256, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, iana.TLS_AES_128_CCM_SHA256} {
		for _, size := range sizes {
			b.Run(fmt.Sprintf("%v/%d", id, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				run(b, suite.ByID(id), make([]byte, size))
			})
		}
	}
	for _, name := range []string{"AES-128-CBC SHA-1", "AES-128-CBC SHA-256", "AES-256-CBC SHA-384", "3DES-EDE-CBC SHA-1"} {
		for _, etm := range []string{"", " encrypt-then-MAC"} {
			for _, size := range sizes {
				b.Run(fmt.Sprintf("%s%s/%d", name, etm, size), func(b *testing.B) {
					b.SetBytes(int64(size))
					b.ReportAllocs()
					run(b, kind(b, "TLS 1.2 "+name+etm), make([]byte, size))
				})
			}
		}
	}
}
