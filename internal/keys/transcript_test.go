package keys

import (
	"crypto"
	"crypto/md5"
	"crypto/sha1"
	"fmt"
	"testing"
)

// RFC 1321 §A.5 and RFC 3174 §7.3 hash the same words.
func TestTranscriptOfTLS10(t *testing.T) {
	for text, want := range map[string]string{
		"":    "d41d8cd98f00b204e9800998ecf8427e" + "da39a3ee5e6b4b0d3255bfef95601890afd80709",
		"abc": "900150983cd24fb0d6963f7d28e17f72" + "a9993e364706816aba3e25717850c26c9cd0d89d",
	} {
		h := NewTranscript(crypto.MD5SHA1)
		h.Write([]byte(text))
		if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// It behaves as a hash does: a sum does not end the message, a reset does.
func TestTranscripts(t *testing.T) {
	for _, id := range []crypto.Hash{crypto.MD5SHA1, crypto.SHA256, crypto.SHA384} {
		h := NewTranscript(id)
		h.Write([]byte("Client"))
		h.Sum(nil)
		n, err := h.Write([]byte("Hello"))
		if n != 5 || err != nil {
			t.Errorf("%v: wrote %d bytes, error %v, want 5", id, n, err)
		}
		got := fmt.Sprintf("%x", h.Sum([]byte("before")))
		var want string
		if id == crypto.MD5SHA1 {
			want = fmt.Sprintf("%x%x%x", "before", md5.Sum([]byte("ClientHello")), sha1.Sum([]byte("ClientHello")))
		} else {
			std := id.New()
			std.Write([]byte("ClientHello"))
			want = fmt.Sprintf("%x%x", "before", std.Sum(nil))
		}
		if got != want {
			t.Errorf("%v: got %s, want %s", id, got, want)
		}
		if len(h.Sum(nil)) != h.Size() || h.Size() != id.Size() || h.BlockSize()%64 != 0 {
			t.Errorf("%v: got %d bytes, size %d, block %d, want %d", id, len(h.Sum(nil)), h.Size(), h.BlockSize(), id.Size())
		}
		h.Reset()
		if got, want := fmt.Sprintf("%x", h.Sum(nil)), fmt.Sprintf("%x", NewTranscript(id).Sum(nil)); got != want {
			t.Errorf("%v: after Reset: got %s, want %s", id, got, want)
		}
	}
}
