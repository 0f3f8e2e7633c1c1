package session

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"testing"
)

// The test vectors of https://c2sp.org/XAES-256-GCM: one for either case of the doubling.
func TestXAESVectors(t *testing.T) {
	for _, v := range []struct {
		key                    byte
		additional, k1, sealed string
	}{
		{1, "", "e531954aca063d5b8d9c47a47d4cc6f0", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "c2sp.org/XAES-256-GCM", "23810ec50edb99f374409466ed1f4b7b", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		x := mustXAES(t, bytes.Repeat([]byte{v.key}, xaesKey))
		nonce, plain := []byte("ABCDEFGHIJKLMNOPQRSTUVWX"), []byte("XAES-256-GCM")
		if got := hex.EncodeToString(x.k1[:]); got != v.k1 {
			t.Errorf("key %02x…: K1: got %s, want %s", v.key, got, v.k1)
		}
		sealed, err := x.seal(nil, nonce, plain, []byte(v.additional))
		if got := hex.EncodeToString(sealed); err != nil || got != v.sealed {
			t.Errorf("key %02x…: got %s, %v, want %s", v.key, got, err, v.sealed)
		}
		opened, err := x.open(nonce, sealed, []byte(v.additional))
		if err != nil || !bytes.Equal(opened, plain) {
			t.Errorf("key %02x…: opened: got %q, %v, want %q", v.key, opened, err, plain)
		}
	}
}

// The accumulated test of the same page: 10,000 random encryptions, hashed.
func TestXAESAccumulated(t *testing.T) {
	const want = "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"
	source, sum := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	read := func(n int) []byte {
		b := make([]byte, n)
		source.Read(b)
		return b
	}
	vector := func() []byte { return read(int(read(1)[0])) }
	for range 10_000 {
		x, nonce := mustXAES(t, read(xaesKey)), read(xaesNonce)
		plain, additional := vector(), vector()
		sealed, err := x.seal(nil, nonce, plain, additional)
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := x.open(nonce, sealed, additional); err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("opened: got %x, %v, want %x", opened, err, plain)
		}
		sum.Write(sealed)
	}
	got := make([]byte, 32)
	sum.Read(got)
	if hex.EncodeToString(got) != want {
		t.Errorf("got %x, want %s", got, want)
	}
}

func mustXAES(t testing.TB, key []byte) *xaes {
	t.Helper()
	x, err := newXAES(key)
	if err != nil {
		t.Fatal(err)
	}
	return x
}
