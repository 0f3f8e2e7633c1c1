package session

import (
	"bytes"
	"crypto"
	"crypto/hkdf"
	_ "crypto/sha512"
	"encoding/binary"
	"hash"
	"testing"

	"github.com/akushu/akushu/internal/keys"
)

// TestImport computes imported keys anew, with the standard library's HKDF and the structures of RFC 9258 §5.1 written
// out. The RFC has no vectors.
func TestImport(t *testing.T) {
	key := bytes.Repeat([]byte("ABCD"), 8)
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384} {
		got := Import(&PSK{Identity: []byte("psk1"), Key: keys.Secret(key), Hash: h}, []byte("context1"))
		if len(got) != 2 {
			t.Fatalf("%v: got %d keys, want one for SHA-256 and one for SHA-384", h, len(got))
		}
		for i, target := range []crypto.Hash{crypto.SHA256, crypto.SHA384} {
			identity := "\x00\x04psk1" + "\x00\x08context1" + "\x03\x04" + "\x00" + string(rune(i+1))
			epskx, err := hkdf.Extract(func() hash.Hash { return h.New() }, key, nil)
			if err != nil {
				t.Fatal(err)
			}
			context := h.New()
			context.Write([]byte(identity))
			label := binary.BigEndian.AppendUint16(nil, uint16(target.Size()))
			label = append(append(label, 17), "tls13 derived psk"...)
			label = append(append(label, byte(h.Size())), context.Sum(nil)...)
			want, err := hkdf.Expand(func() hash.Hash { return h.New() }, epskx, string(label), target.Size())
			if err != nil {
				t.Fatal(err)
			}
			p := got[i]
			if string(p.Identity) != identity || p.Hash != target || !p.Imported || !p.External() {
				t.Errorf("%v for %v: got %q, %v", h, target, p.Identity, p.Hash)
			}
			if !bytes.Equal(p.Key.Reveal(), want) {
				t.Errorf("%v for %v: got another key than the RFC's", h, target)
			}
		}
	}
}
