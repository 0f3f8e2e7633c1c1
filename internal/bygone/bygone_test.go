package bygone

import (
	"bytes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/record"
)

// sealer does what an Opener undoes, said again in other words.
type sealer struct {
	c      *Cipher
	k      *Keys
	seq    byte
	iv     []byte
	stream *rc4.Cipher
}

func (s *sealer) mac(b []byte, typ byte) []byte {
	header := []byte{0, 0, 0, 0, 0, 0, 0, s.seq, typ}
	length := []byte{byte(len(b) >> 8), byte(len(b))}
	if s.k.Version > iana.VersionSSL30 {
		h := hmac.New(s.c.MAC.New, s.k.MAC)
		h.Write(bytes.Join([][]byte{header, {byte(s.k.Version >> 8), byte(s.k.Version)}, length, b}, nil))
		return h.Sum(nil)
	}
	inner, outer, n := s.c.MAC.New(), s.c.MAC.New(), padLen(s.c.MAC)
	inner.Write(bytes.Join([][]byte{s.k.MAC, bytes.Repeat([]byte{0x36}, n), header, length, b}, nil))
	outer.Write(bytes.Join([][]byte{s.k.MAC, bytes.Repeat([]byte{0x5c}, n), inner.Sum(nil)}, nil))
	return outer.Sum(nil)
}

func (s *sealer) seal(t *testing.T, content []byte) []byte {
	t.Helper()
	b := bytes.Clone(content)
	if s.c.MAC != 0 && !s.k.EncryptThenMAC {
		b = append(b, s.mac(content, 23)...)
	}
	switch {
	case s.c.rc4:
		s.stream.XORKeyStream(b, b)
	case s.c.block != nil:
		block, err := s.c.block(s.k.Key)
		if err != nil {
			t.Fatal(err)
		}
		n := block.BlockSize() - len(b)%block.BlockSize()
		b = append(b, bytes.Repeat([]byte{byte(n - 1)}, n)...)
		iv := s.iv
		if s.k.Version >= iana.VersionTLS11 {
			iv = bytes.Repeat([]byte{s.seq + 1}, block.BlockSize())
		}
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(b, b)
		s.iv = bytes.Clone(b[len(b)-block.BlockSize():])
		if s.k.Version >= iana.VersionTLS11 {
			b = append(bytes.Clone(iv), b...)
		}
	}
	if s.k.EncryptThenMAC {
		b = append(b, s.mac(b, 23)...)
	}
	s.seq++
	return b
}

func testKeys(c *Cipher, v iana.Version) *Keys {
	n := c.Lengths.Key
	if c.Export > 0 {
		n = c.Export
	}
	return &Keys{
		Version: v, MAC: bytes.Repeat([]byte{1}, c.Lengths.MAC), Key: []byte("0123456789abcdef0123456789ABCDEF")[:n], IV: bytes.Repeat([]byte{3}, c.Lengths.IV),
	}
}

var versions = []iana.Version{iana.VersionSSL30, iana.VersionTLS10, iana.VersionTLS11, iana.VersionTLS12}

func pair(t *testing.T, c *Cipher, v iana.Version, etm bool) (*sealer, *Opener) {
	t.Helper()
	k := testKeys(c, v)
	k.EncryptThenMAC = etm
	s := &sealer{c: c, k: k, iv: k.IV}
	if c.rc4 {
		s.stream, _ = rc4.NewCipher(k.Key)
	}
	o, err := NewOpener(c, k)
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

// Every cipher, MAC and version: several records open, one that was changed does not, and the next one does again.
func TestOpen(t *testing.T) {
	ran := 0
	for name, b := range ciphers {
		for mac := range hashes {
			for _, v := range versions {
				for _, etm := range []bool{false, true} {
					if mac == "NULL" && name != "NULL" || v == iana.VersionSSL30 && len(mac) > 3 || etm && b.block == nil {
						continue
					}
					ran++
					how := fmt.Sprintf("%s %s %v, encrypt then MAC %v", name, mac, v, etm)
					openAll(t, how, Lookup(name, mac), v, etm)
				}
			}
		}
	}
	if ran < 100 {
		t.Errorf("got %d combinations, want more", ran)
	}
}

func openAll(t *testing.T, how string, c *Cipher, v iana.Version, etm bool) {
	t.Helper()
	s, o := pair(t, c, v, etm)
	for i, want := range []string{"one", "", "0123456789abcdef0123456789abcdef", "four"} {
		sealed := s.seal(t, []byte(want))
		h := record.Header{Type: iana.ContentApplicationData, Version: v, Length: len(sealed)}
		if c.MAC != 0 {
			wrong := bytes.Clone(sealed)
			wrong[len(wrong)-1] ^= 0x40
			if _, _, err := o.Open(h, wrong); err == nil {
				t.Errorf("%s: record %d opened though it was changed", how, i)
			}
		}
		typ, got, err := o.Open(h, bytes.Clone(sealed))
		if err != nil || string(got) != want || typ != iana.ContentApplicationData {
			t.Errorf("%s: record %d: got %q, %v, want %q", how, i, got, err, want)
			return
		}
	}
}

// Behind a record that is missing, the end of the one before the next is enough, with a MAC behind its last block or not.
func TestChain(t *testing.T) {
	for _, etm := range []bool{false, true} {
		c := Lookup("AES-128-CBC", "SHA")
		s, o := pair(t, c, iana.VersionTLS10, etm)
		missed := s.seal(t, bytes.Repeat([]byte("missed"), 100))
		sealed := s.seal(t, []byte("seen"))
		h := record.Header{Type: iana.ContentApplicationData, Version: iana.VersionTLS10, Length: len(sealed)}
		o.SetSequence(1)
		if _, _, err := o.Open(h, bytes.Clone(sealed)); err == nil {
			t.Error("got it opened with another record's IV")
		}
		o.Chain(missed[len(missed)-ChainLen:])
		if _, got, err := o.Open(h, sealed); err != nil || string(got) != "seen" {
			t.Errorf("encrypt-then-MAC %v: got %q, %v, want it opened", etm, got, err)
		}
	}
}

// Without keys, what is not encrypted is read.
func TestNull(t *testing.T) {
	c := Lookup("NULL", "SHA256")
	o, err := NewOpener(c, nil)
	if err != nil || !c.Null() || Lookup("RC4-128", "MD5").Null() {
		t.Fatalf("got %v, null %v", err, c.Null())
	}
	if _, got, err := o.Open(record.Header{}, append([]byte("text"), make([]byte, 32)...)); err != nil || string(got) != "text" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, _, err := o.Open(record.Header{}, make([]byte, 31)); err == nil {
		t.Error("got a record without room for a MAC opened")
	}
}

func TestLookup(t *testing.T) {
	for _, row := range [][2]string{{"SEED-CBC", "SHA"}, {"AES-128-GCM", "SHA256"}, {"AES-128-CBC", "SM3"}, {"", ""}} {
		if c := Lookup(row[0], row[1]); c != nil {
			t.Errorf("%v: got %+v, want nothing", row, c)
		}
	}
}

// The first 16 bytes of SSL 3.0's expansion, said again: MD5(secret + SHA("A" + secret + randoms)).
func TestExpand30(t *testing.T) {
	secret, cr, sr := []byte("secret"), []byte("client"), []byte("server")
	// printf 'Asecretclientserver' | sha1sum
	inner := unhex(t, "19f633a529f0faa3b0bd50b62da25d5c51640df2")
	want := md5.Sum(append([]byte("secret"), inner...))
	main := MainSecret30(secret, cr, sr)
	if len(main) != keys.MainSecretSize || !bytes.Equal(main[:16], want[:]) {
		t.Errorf("got %x, want it to begin with %x", main.Reveal(), want)
	}
	b := KeyBlock30(main, cr, sr, keys.Lengths{MAC: 20, Key: 16, IV: 16})
	if len(b.Server.IV) != 16 || len(b.Client.MAC) != 20 || bytes.Equal(b.Client.Key, b.Server.Key) {
		t.Errorf("got %d and %d bytes", len(b.Server.IV), len(b.Client.MAC))
	}
	if a, c := Finished30(main, keys.Client, []byte("x")), Finished30(main, keys.Server, []byte("x")); len(a) != 36 || bytes.Equal(a, c) {
		t.Errorf("got Finished of %d bytes, or the same of both ends", len(a))
	}
}

// Export ciphers make keys of few bytes, and IVs of none.
func TestExported(t *testing.T) {
	for _, v := range []iana.Version{iana.VersionSSL30, iana.VersionTLS10} {
		c := Lookup("DES40-CBC", "SHA")
		b := c.Exported(v, keys.KeyBlock{Client: keys.WriteKeys{Key: []byte("12345")}, Server: keys.WriteKeys{Key: []byte("54321")}}, []byte("c"), []byte("s"))
		if len(b.Client.Key) != 8 || len(b.Server.IV) != 8 || bytes.Equal(b.Client.IV, b.Server.IV) {
			t.Errorf("%v: got keys of %d bytes, IVs %x and %x", v, len(b.Client.Key), b.Client.IV.Reveal(), b.Server.IV.Reveal())
		}
	}
	whole := keys.KeyBlock{Client: keys.WriteKeys{Key: []byte("1")}}
	if got := Lookup("DES-CBC", "SHA").Exported(iana.VersionTLS10, whole, nil, nil); string(got.Client.Key) != "1" {
		t.Error("got the keys of another cipher changed")
	}
}

// Nothing is allocated for a record.
func TestOpenAllocatesNothing(t *testing.T) {
	for _, name := range []string{"AES-128-CBC", "RC4-128", "3DES-EDE-CBC"} {
		_, o := pair(t, Lookup(name, "SHA"), iana.VersionTLS12, false)
		fragment := make([]byte, 1<<10)
		h := record.Header{Type: iana.ContentApplicationData, Version: iana.VersionTLS12, Length: len(fragment)}
		o.Open(h, fragment)
		if n := testing.AllocsPerRun(20, func() { o.openForAllocs(h, fragment) }); n > 1 { // RC4's state is kept aside
			t.Errorf("%s: got %v allocations, want at most one", name, n)
		}
	}
}

// openForAllocs opens without the error, which allocates.
func (o *Opener) openForAllocs(h record.Header, fragment []byte) {
	if o.mode != nil {
		o.openCBC(h, fragment)
		return
	}
	o.openStream(h, fragment)
}

// Whatever comes: no panic.
func FuzzOpen(f *testing.F) {
	f.Add("AES-128-CBC", "SHA", uint16(iana.VersionTLS10), false, []byte("0123456789abcdef"))
	f.Add("RC4-128", "MD5", uint16(iana.VersionSSL30), false, []byte("0123456789abcdef"))
	f.Add("3DES-EDE-CBC", "SHA", uint16(iana.VersionTLS12), true, make([]byte, 64))
	f.Fuzz(func(t *testing.T, name, mac string, v uint16, etm bool, fragment []byte) {
		c := Lookup(name, mac)
		if c == nil {
			return
		}
		k := testKeys(c, iana.Version(v))
		k.EncryptThenMAC = etm
		o, err := NewOpener(c, k)
		if err != nil {
			t.Fatal(err)
		}
		n := len(fragment)
		if _, content, err := o.Open(record.Header{Version: iana.Version(v), Length: n}, fragment); err == nil && len(content) > n {
			t.Errorf("got %d bytes of %d", len(content), n)
		}
	})
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
