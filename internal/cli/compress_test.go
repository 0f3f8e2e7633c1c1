package cli

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"github.com/akushu/akushu/internal/iana"
)

// What each algorithm compresses it decompresses, also concurrently; garbage is an error; and
// a small input does not make it take much memory.
func TestCompressions(t *testing.T) {
	message := bytes.Repeat([]byte("a certificate like all others, "), 100)
	for _, a := range compressions() {
		t.Run(iana.CertificateCompression(a.ID).String(), func(t *testing.T) {
			for range 2 {
				packed, err := a.Compress(message)
				if err != nil || len(packed) >= len(message)/2 {
					t.Fatalf("got %d bytes of %d, %v", len(packed), len(message), err)
				}
				r, err := a.Decompress(bytes.NewReader(packed))
				if err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, message) {
					t.Errorf("got %d bytes back, %v", len(got), err)
				}
				if c, ok := r.(io.Closer); ok {
					c.Close()
				}
			}
			for _, garbage := range [][]byte{nil, []byte("garbage"), bytes.Repeat([]byte{0xff}, 1000)} {
				r, err := a.Decompress(bytes.NewReader(garbage))
				if err == nil {
					_, err = io.ReadFull(r, make([]byte, 64<<10))
				}
				if err == nil {
					t.Errorf("% x: got no error", garbage)
				}
			}
			bomb, err := a.Compress(make([]byte, 8<<20))
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, err := a.Decompress(bytes.NewReader(bomb))
			if err == nil {
				_, _ = io.ReadFull(r, make([]byte, 64<<10))
				if c, ok := r.(io.Closer); ok {
					c.Close()
				}
			}
			runtime.ReadMemStats(&after)
			t.Logf("8 MiB of zeros are %d bytes; their beginning took %d KiB, %v", len(bomb), (after.TotalAlloc-before.TotalAlloc)>>10, err)
			if got := after.TotalAlloc - before.TotalAlloc; got > 40<<20 {
				t.Errorf("got %d bytes allocated for the beginning of a bomb", got)
			}
		})
	}
}
