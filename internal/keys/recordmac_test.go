package keys

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"fmt"
	"hash"
	"testing"
)

var recordHashes = []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384}

func stdMAC(h crypto.Hash, key []byte, parts ...[]byte) []byte {
	m := hmac.New(h.New, key)
	for _, p := range parts {
		m.Write(p)
	}
	return m.Sum(nil)
}

// Against crypto/hmac: every length of data, and every secret length within it, from every least that may be known.
func TestRecordMAC(t *testing.T) {
	header, text := []byte("a header of 13"[:13]), make([]byte, 400)
	for i := range text {
		text[i] = byte(i * 7)
	}
	for _, h := range recordHashes {
		key := bytes.Repeat([]byte{9}, h.Size())
		m := NewRecordMAC(h.New, key)
		for n := range text {
			data := text[:n]
			if got, want := m.Sum(header, data), stdMAC(h, key, header, data); !bytes.Equal(got, want) {
				t.Fatalf("%v of %d bytes: got %x, want %x", h, n, got, want)
			}
			for _, least := range []int{0, n / 2, max(0, n-256), n} {
				for length := least; length <= n; length += 1 + (n-least)/23 {
					got := m.SumSecret(header, data, length, least)
					if want := stdMAC(h, key, header, data[:length]); !bytes.Equal(got, want) {
						t.Fatalf("%v of %d bytes, %d to %d: got %x, want %x", h, length, least, n, got, want)
					}
				}
			}
		}
		if m.Size() != h.Size() {
			t.Errorf("%v: got size %d, want %d", h, m.Size(), h.Size())
		}
	}
}

// counting is a hash that says what it was given.
type counting struct {
	marshalledHash
	log *[]string
}

func (c counting) say(what string, n int) { *c.log = append(*c.log, fmt.Sprint(what, " ", n)) }

func (c counting) Write(p []byte) (int, error) {
	c.say("write", len(p))
	return c.marshalledHash.Write(p)
}

func (c counting) Sum(b []byte) []byte {
	c.say("sum", 0)
	return c.marshalledHash.Sum(b)
}

func (c counting) UnmarshalBinary(state []byte) error {
	c.say("restore", len(state))
	return c.marshalledHash.UnmarshalBinary(state)
}

// What is hashed, in pieces of which length, is the same for every secret length, down to the last call.
func TestSumSecretDoesTheSameForEveryLength(t *testing.T) {
	header, data := make([]byte, 13), make([]byte, 600)
	for _, h := range recordHashes {
		for _, n := range []int{0, 1, 50, 51, 52, 60, 255, 256, 300, 600} {
			least := max(0, n-256)
			var log []string
			m := NewRecordMAC(func() hash.Hash { return counting{h.New().(marshalledHash), &log} }, make(Secret, h.Size()))
			var want string
			for length := least; length <= n; length++ {
				log = nil
				m.SumSecret(header, data[:n], length, least)
				got := fmt.Sprint(log)
				if length == least {
					want = got
				}
				if got != want {
					t.Fatalf("%v of %d of %d to %d bytes: got %s, want %s", h, length, least, n, got, want)
				}
			}
		}
	}
}

// The test above sees an ordinary HMAC, which ends where the message ends.
func TestCountingSeesTheLength(t *testing.T) {
	var log []string
	m := NewRecordMAC(func() hash.Hash { return counting{crypto.SHA256.New().(marshalledHash), &log} }, make(Secret, 32))
	m.Sum(nil, make([]byte, 5))
	five := fmt.Sprint(log)
	log = nil
	if m.Sum(nil, make([]byte, 6)); fmt.Sprint(log) == five {
		t.Errorf("got %s for 5 and for 6 bytes, want a difference", five)
	}
}

func TestRecordMACAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool drop what it holds")
	}
	header, data := make([]byte, 13), make([]byte, 1000)
	for _, h := range recordHashes {
		m := NewRecordMAC(h.New, make(Secret, h.Size()))
		if got := testing.AllocsPerRun(100, func() { m.Sum(header, data) }); got != 0 {
			t.Errorf("%v: Sum: got %v allocations, want 0", h, got)
		}
		if got := testing.AllocsPerRun(100, func() { m.SumSecret(header, data, 800, 744) }); got != 0 {
			t.Errorf("%v: SumSecret: got %v allocations, want 0", h, got)
		}
	}
}

func TestRecordMACIsBlankAfterWipe(t *testing.T) {
	m := NewRecordMAC(crypto.SHA384.New, testSecret())
	m.SumSecret(testSecret(), bytes.Repeat(testSecret(), 9), 200, 100)
	m.Wipe()
	for name, part := range map[string][]byte{
		"states": append(m.states[0][:], m.states[1][:]...), "buf": m.buf[:], "out": m.out[:],
		"block": m.block[:], "state": m.state[:], "digest": m.digest[:],
	} {
		if len(bytes.Trim(part, "\x00")) != 0 {
			t.Errorf("%s: got %x, want zeros", name, part)
		}
	}
}

func TestComparisonsWithoutBranches(t *testing.T) {
	for _, a := range []int{0, 1, 2, 63, 64, 1 << 17} {
		for _, b := range []int{0, 1, 2, 63, 64, 1 << 17} {
			if got, want := less(a, b) == 0xff, a < b; got != want || less(a, b) != 0 && less(a, b) != 0xff {
				t.Errorf("%d < %d: got %#x, want %v", a, b, less(a, b), want)
			}
			if got, want := equal(a, b) == 0xff, a == b; got != want || equal(a, b) != 0 && equal(a, b) != 0xff {
				t.Errorf("%d = %d: got %#x, want %v", a, b, equal(a, b), want)
			}
		}
	}
}

func FuzzSumSecret(f *testing.F) {
	f.Add([]byte("key"), []byte("header"), []byte("data"), uint16(2), uint16(1), byte(0))
	f.Add(make([]byte, 200), []byte(nil), make([]byte, 300), uint16(300), uint16(300), byte(2))
	f.Fuzz(func(t *testing.T, key, header, data []byte, length, least uint16, which byte) {
		if int(length) > len(data) || least > length || len(header) >= 64 {
			return
		}
		h := recordHashes[int(which)%len(recordHashes)]
		got := NewRecordMAC(h.New, key).SumSecret(header, data, int(length), int(least))
		if want := stdMAC(h, key, header, data[:length]); !bytes.Equal(got, want) {
			t.Errorf("got %x, want %x", got, want)
		}
	})
}

func BenchmarkRecordMAC(b *testing.B) {
	for _, h := range recordHashes {
		for _, n := range []int{100, 1 << 14} {
			header, data, m := make([]byte, 13), make([]byte, n), NewRecordMAC(h.New, make(Secret, h.Size()))
			b.Run(fmt.Sprintf("%v/%d", h, n), func(b *testing.B) {
				for b.Loop() {
					m.Sum(header, data)
				}
			})
			b.Run(fmt.Sprintf("%v/%d/secret", h, n), func(b *testing.B) {
				for b.Loop() {
					m.SumSecret(header, data, n, max(0, n-256))
				}
			})
		}
	}
}
