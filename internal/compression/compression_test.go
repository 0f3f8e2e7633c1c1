package compression

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// What was compressed before is not compressed again, and what is remembered is bounded.
func TestCompressRemembers(t *testing.T) {
	made := 0
	a := New(1, func(m []byte) ([]byte, error) { made++; return bytes.Clone(m), nil }, DecompressZlib)
	for range 3 {
		for i := range 10 {
			if got, err := a.Compress([]byte{byte(i)}); err != nil || got[0] != byte(i) {
				t.Fatalf("got %x, %v", got, err)
			}
		}
	}
	if made != 10 {
		t.Errorf("got %d compressions, want 10", made)
	}
	for i := range 10 * mostCompressed {
		_, _ = a.Compress([]byte{1, byte(i), byte(i >> 8)})
	}
	if len(a.done) > mostCompressed {
		t.Errorf("got %d messages remembered, want at most %d", len(a.done), mostCompressed)
	}
	fails := New(1, func([]byte) ([]byte, error) { return nil, errors.New("no") }, DecompressZlib)
	if _, err := fails.Compress(nil); err == nil || len(fails.done) > 0 {
		t.Errorf("got %v, want the error, and nothing remembered", err)
	}
}

// A megabyte that says that it is a hundred bytes is not decompressed further than that.
func TestUnpackIsBounded(t *testing.T) {
	read := 0
	endless := New(1, nil, func(r io.Reader) (io.Reader, error) { return &zeros{&read}, nil })
	_, err := Unpack(&msg.CompressedCertificate{Algorithm: 1, Uncompressed: 100, Compressed: []byte{1}}, []*Algorithm{endless})
	if err == nil || read > 101 {
		t.Errorf("got %v after %d bytes, want an error after 101", err, read)
	}
}

// zeros has no end.
type zeros struct{ read *int }

func (z *zeros) Read(p []byte) (int, error) { *z.read += len(p); return len(p), nil }

// Any bytes are opened or refused, and no more comes out than was announced.
func FuzzDecompress(f *testing.F) {
	zlib := New(iana.CertCompressionZlib, CompressZlib, DecompressZlib)
	good, _ := CompressZlib([]byte{0, 0, 0, 0})
	f.Add(good, uint32(4))
	f.Add([]byte("not zlib"), uint32(1<<24-1))
	f.Fuzz(func(t *testing.T, compressed []byte, n uint32) {
		if len(compressed) == 0 {
			return
		}
		raw, err := Unpack(&msg.CompressedCertificate{Algorithm: 1, Uncompressed: n & (1<<24 - 1), Compressed: compressed}, []*Algorithm{zlib})
		if err == nil && len(raw) != int(n&(1<<24-1))+msg.HeaderLength {
			t.Errorf("got %d bytes, want %d", len(raw), n)
		}
	})
}
