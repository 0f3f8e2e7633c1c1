package suite

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"os"
	"strconv"
	"strings"
	"testing"
)

type ccmVector struct{ name, key, nonce, additional, plain, sealed string } // bytes, the name apart

// ccmVectors reads testdata/ccm.txt, which says where each vector is from.
func ccmVectors(t testing.TB) []ccmVector {
	t.Helper()
	file, err := os.ReadFile("testdata/ccm.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []ccmVector
	for line := range strings.Lines(string(file)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		for i := range f[1:] {
			f[i+1] = field(t, f[i+1])
		}
		all = append(all, ccmVector{f[0], f[1], f[2], f[3], f[4], f[5]})
	}
	return all
}

func field(t testing.TB, s string) string {
	t.Helper()
	digits, times, repeated := strings.Cut(s, "*")
	n := 1
	if repeated {
		var err error
		if n, err = strconv.Atoi(times); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Repeat(string(unhex(t, strings.Trim(digits, "-"))), n)
}

func mustCCM(t testing.TB, key []byte, nonceLen, tag int) cipher.AEAD {
	t.Helper()
	aead, err := newCCM(key, nonceLen, tag)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

func TestCCMKnownAnswers(t *testing.T) {
	vectors := ccmVectors(t)
	if len(vectors) != 31 {
		t.Fatalf("got %d vectors, want 31", len(vectors))
	}
	for _, v := range vectors {
		aead := mustCCM(t, []byte(v.key), len(v.nonce), len(v.sealed)-len(v.plain))
		for range 2 { // nothing stays from one call to the next
			sealed := aead.Seal([]byte("dst"), []byte(v.nonce), []byte(v.plain), []byte(v.additional))
			if got := string(sealed); got != "dst"+v.sealed {
				t.Errorf("%s: got %x, want dst and %x", v.name, got, v.sealed)
			}
			opened, err := aead.Open([]byte("dst"), []byte(v.nonce), []byte(v.sealed), []byte(v.additional))
			if got := string(opened); got != "dst"+v.plain || err != nil {
				t.Errorf("%s: got %x, error %v, want dst and %x", v.name, got, err, v.plain)
			}
		}
	}
}

// In place, where a record lies, it is the same.
func TestCCMInPlace(t *testing.T) {
	for _, v := range ccmVectors(t) {
		aead := mustCCM(t, []byte(v.key), len(v.nonce), len(v.sealed)-len(v.plain))
		buf := append(make([]byte, 0, len(v.sealed)), v.plain...)
		sealed := aead.Seal(buf[:0], []byte(v.nonce), buf, []byte(v.additional))
		if &sealed[0] != &buf[:1][0] || string(sealed) != v.sealed {
			t.Errorf("%s: got %x, in place %v, want %x, true", v.name, sealed, &sealed[0] == &buf[:1][0], v.sealed)
		}
		opened, err := aead.Open(sealed[:0], []byte(v.nonce), sealed, []byte(v.additional))
		if string(opened) != v.plain || err != nil {
			t.Errorf("%s: got %x, error %v, want %x", v.name, opened, err, v.plain)
		}
	}
}

// Any changed bit is found, in ciphertext, tag, nonce and additional data, and no plaintext comes out.
func TestCCMTampered(t *testing.T) {
	for _, v := range ccmVectors(t) {
		aead := mustCCM(t, []byte(v.key), len(v.nonce), len(v.sealed)-len(v.plain))
		parts := []string{v.nonce, v.sealed, v.additional[:min(len(v.additional), 300)]}
		for which := range parts {
			for i := range parts[which] {
				changed := [][]byte{[]byte(v.nonce), []byte(v.sealed), []byte(v.additional)}
				changed[which][i] ^= 1 << (i % 8)
				buf := bytes.Clone(changed[1])
				got, err := aead.Open(buf[:0], changed[0], buf, changed[2])
				if got != nil || err == nil || len(bytes.Trim(buf[:len(v.plain)], "\x00")) != 0 {
					t.Fatalf("%s: part %d, byte %d: got %x, %v, buffer %x, want an error and zeros", v.name, which, i, got, err, buf)
				}
			}
		}
		for n := range len(v.sealed) {
			if _, err := aead.Open(nil, []byte(v.nonce), []byte(v.sealed[:n]), []byte(v.additional)); err == nil {
				t.Errorf("%s: cut to %d bytes: got it opened", v.name, n)
			}
		}
	}
}

// The length of the additional data takes another form from 0xff00 bytes on (SP 800-38C §A.2.2).
func TestCCMLengthOfAdditionalData(t *testing.T) {
	for _, c := range []struct {
		n    uint64
		want string
	}{
		{1, "0001"},
		{0xfeff, "feff"},
		{0xff00, "fffe0000ff00"},
		{1<<32 - 1, "fffeffffffff"},
		{1 << 32, "ffff0000000100000000"},
	} {
		if got := appendLength(nil, c.n); !bytes.Equal(got, unhex(t, c.want)) {
			t.Errorf("%#x: got %x, want %s", c.n, got, c.want)
		}
	}
}

func TestCCMMisuse(t *testing.T) {
	aead := mustCCM(t, make([]byte, 16), 13, 8)
	for name, misuse := range map[string]func(){
		"short nonce":            func() { aead.Seal(nil, make([]byte, 12), nil, nil) },
		"long nonce":             func() { _, _ = aead.Open(nil, make([]byte, 14), make([]byte, 8), nil) },
		"plaintext of 2^16":      func() { aead.Seal(nil, make([]byte, 13), make([]byte, 1<<16), nil) },
		"ciphertext of 2^16 + 8": func() { _, _ = aead.Open(nil, make([]byte, 13), make([]byte, 1<<16+8), nil) },
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "suite: ") {
					t.Errorf("%s: got panic %q, want one of suite", name, text)
				}
			}()
			misuse()
		}()
	}
	longest := aead.Seal(nil, make([]byte, 13), make([]byte, 1<<16-1), nil)
	if _, err := aead.Open(nil, make([]byte, 13), longest, nil); err != nil {
		t.Errorf("the longest plaintext: %v", err)
	}
}

func TestCCMAllocations(t *testing.T) {
	aead := mustCCM(t, make([]byte, 16), 12, 16)
	nonce, additional, text := make([]byte, 12), make([]byte, 13), make([]byte, 1000)
	dst, opened := make([]byte, 0, 2000), make([]byte, 0, 2000)
	if got := testing.AllocsPerRun(100, func() { dst = aead.Seal(dst[:0], nonce, text, additional) }); got != 0 {
		t.Errorf("Seal: got %v allocations, want 0", got)
	}
	if got := testing.AllocsPerRun(100, func() {
		if _, err := aead.Open(opened, nonce, dst, additional); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("Open: got %v allocations, want 0", got)
	}
}

// plainCCM is SP 800-38C §6.1 step by step, as it is written there: all blocks first, then the MAC, then the counters.
func plainCCM(key, nonce, plain, additional []byte, tag int) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	lengthLen := 15 - len(nonce)
	length := []byte{0, 0, 0, 0, 0, byte(len(plain) >> 16), byte(len(plain) >> 8), byte(len(plain))}[8-min(8, lengthLen):]
	flags := byte(8*((tag-2)/2) + lengthLen - 1)
	var b []byte
	if len(additional) > 0 {
		flags += 64
		b = append([]byte{byte(len(additional) >> 8), byte(len(additional))}, additional...)
		b = append(b, make([]byte, (16-len(b)%16)%16)...)
	}
	b = append(append(append([]byte{flags}, nonce...), length...), b...)
	b = append(b, plain...)
	b = append(b, make([]byte, (16-len(b)%16)%16)...)
	y := make([]byte, 16)
	for ; len(b) > 0; b = b[16:] {
		for i := range y {
			y[i] ^= b[i]
		}
		block.Encrypt(y, y)
	}
	ctr := append(append([]byte{byte(lengthLen - 1)}, nonce...), make([]byte, lengthLen)...)
	sealed := append(y[:tag:tag], plain...)
	stream := cipher.NewCTR(block, ctr)
	first := make([]byte, 16) // S_0, of which the tag takes the beginning
	stream.XORKeyStream(first, first)
	for i := range tag {
		sealed[i] ^= first[i]
	}
	stream.XORKeyStream(sealed[tag:], sealed[tag:])
	return append(sealed[tag:], sealed[:tag]...)
}

func FuzzCCM(f *testing.F) {
	for _, v := range ccmVectors(f) {
		f.Add([]byte(v.key), []byte(v.nonce), []byte(v.additional[:min(len(v.additional), 300)]), []byte(v.plain), byte(len(v.sealed)-len(v.plain)), uint16(0))
	}
	f.Add(make([]byte, 32), make([]byte, 12), []byte(nil), []byte(nil), byte(16), uint16(3))
	f.Fuzz(func(t *testing.T, key, nonce, additional, plain []byte, tag byte, flip uint16) {
		if len(nonce) < 7 || len(nonce) > 13 || tag < 4 || tag > 16 || tag%2 != 0 || len(additional) >= 0xff00 || len(plain) >= 1<<16 {
			return
		}
		aead, err := newCCM(key, len(nonce), int(tag))
		if err != nil {
			if _, err := aes.NewCipher(key); err == nil {
				t.Error("refused a key that AES takes")
			}
			return
		}
		sealed := aead.Seal(nil, nonce, plain, additional)
		if want := plainCCM(key, nonce, plain, additional, int(tag)); !bytes.Equal(sealed, want) {
			t.Errorf("got %x, want %x", sealed, want)
		}
		if got, err := aead.Open(nil, nonce, sealed, additional); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("opened %x, %v, want %x", got, err, plain)
		}
		sealed[int(flip)%len(sealed)] ^= 1
		if got, err := aead.Open(nil, nonce, sealed, additional); err == nil {
			t.Errorf("opened a changed one: %x", got)
		}
	})
}

func BenchmarkCCM(b *testing.B) {
	aead := mustCCM(b, make([]byte, 16), 12, 16)
	nonce, additional, text, dst := make([]byte, 12), make([]byte, 13), make([]byte, 1<<14), make([]byte, 0, 1<<15)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		aead.Seal(dst, nonce, text, additional)
	}
}
