package record

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/akushu/akushu/internal/iana"
)

// message returns a handshake message with a body of n bytes.
func message(typ iana.HandshakeType, n int) []byte {
	m := []byte{byte(typ), byte(n >> 16), byte(n >> 8), byte(n)}
	return append(m, bytes.Repeat([]byte{byte(typ)}, n)...)
}

// collect pushes fragments and returns every message that comes of them.
func collect(t *testing.T, m *Messages, fragments ...[]byte) (got [][]byte) {
	t.Helper()
	for _, f := range fragments {
		f = bytes.Clone(f)
		if err := m.Push(f); err != nil {
			t.Fatal(err)
		}
		clear(f) // it was borrowed
		for {
			raw, err := m.Next()
			if err != nil {
				t.Fatal(err)
			}
			if raw == nil {
				break
			}
			got = append(got, raw)
		}
	}
	return got
}

// However a flight is cut into fragments, the same messages come out, and they stay as they are.
func TestMessagesOfAnyFragments(t *testing.T) {
	for _, size := range []int{1, 3, 4, 5, 6, 7, 10, 100, MaxPlaintext, 1 << 16} {
		want := [][]byte{
			message(iana.HandshakeEncryptedExtensions, 2),
			message(iana.HandshakeServerHelloDone, 0),
			message(iana.HandshakeCertificate, min(40000, size*(MaxFragments-messageHeaderLen))),
			message(iana.HandshakeFinished, 32),
		}
		flight := bytes.Join(want, nil)
		var m Messages
		got := collect(t, &m, slices.Collect(slices.Chunk(flight, size))...)
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("fragments of %d bytes: got %d messages, or other ones, want %d", size, len(got), len(want))
		}
		if m.Partial() {
			t.Errorf("fragments of %d bytes: got something left, want nothing", size)
		}
		for i := range got {
			_ = append(got[i], "more"...) // must not reach the next message
		}
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("fragments of %d bytes: messages changed when one was appended to", size)
		}
	}
}

func TestPartialMessages(t *testing.T) {
	whole := message(iana.HandshakeFinished, 4)
	for n := range len(whole) + 1 {
		var m Messages
		if n > 0 {
			collect(t, &m, whole[:n])
		}
		partial := n > 0 && n < len(whole)
		if m.Partial() != partial {
			t.Errorf("%d bytes: got partial %v, want %v", n, m.Partial(), partial)
		}
		for name, err := range map[string]error{
			"other record": m.CheckOther(iana.ContentAlert),
			"key change":   m.CheckKeyChange(),
		} {
			if partial {
				wantAlert(t, fmt.Sprintf("%d bytes, %s", n, name), err, iana.AlertUnexpectedMessage)
			} else if err != nil {
				t.Errorf("%d bytes, %s: got %v, want none", n, name, err)
			}
		}
	}
}

// A message that lies ready behind the one that changes the keys was sent too early, whole or not (RFC 9846 §5.1).
func TestMessageBehindAKeyChange(t *testing.T) {
	var m Messages
	if err := m.Push(append(message(iana.HandshakeServerHello, 10), message(iana.HandshakeFinished, 5)...)); err != nil {
		t.Fatal(err)
	}
	if raw, err := m.Next(); err != nil || iana.HandshakeType(raw[0]) != iana.HandshakeServerHello {
		t.Fatalf("got %x, %v, want the ServerHello", raw, err)
	}
	wantAlert(t, "a whole message", m.CheckKeyChange(), iana.AlertUnexpectedMessage)
}

// A message may come in as many records as there may be, and the next one again.
func TestMostFragments(t *testing.T) {
	whole := message(iana.HandshakeCertificate, MaxFragments-messageHeaderLen)
	var m Messages
	for range 2 {
		if got := collect(t, &m, slices.Collect(slices.Chunk(whole, 1))...); len(got) != 1 || !bytes.Equal(got[0], whole) {
			t.Fatalf("got %d messages, want one, whole", len(got))
		}
	}
	whole = message(iana.HandshakeCertificate, MaxFragments)
	collect(t, &m, slices.Collect(slices.Chunk(whole[:MaxFragments], 1))...)
	wantAlert(t, "one more", m.Push(whole[MaxFragments:]), iana.AlertUnexpectedMessage)
}

func TestEmptyFragment(t *testing.T) {
	var m Messages
	wantAlert(t, "between messages", m.Push(nil), iana.AlertUnexpectedMessage)
	collect(t, &m, []byte{1, 0})
	wantAlert(t, "within a message", m.Push([]byte{}), iana.AlertUnexpectedMessage)
}

// The limit holds as soon as a message says how long it is.
func TestLongMessages(t *testing.T) {
	for _, test := range []struct{ set, length, want int }{
		{0, DefaultMaxMessage, 0},
		{0, DefaultMaxMessage + 1, 1},
		{10, 10, 0},
		{10, 11, 1},
		{1 << 20, 1 << 20, 0},
		{1<<24 - 1, 1<<24 - 1, 0},
	} {
		var m Messages
		m.SetMax(test.set)
		if err := m.Push(message(iana.HandshakeCertificate, test.length)[:messageHeaderLen]); err != nil {
			t.Fatal(err)
		}
		_, err := m.Next()
		if test.want != 0 {
			wantAlert(t, fmt.Sprintf("%d bytes", test.length), err, iana.AlertIllegalParameter)
		} else if err != nil {
			t.Errorf("%d bytes: got %v, want none", test.length, err)
		}
	}
}

// A flight in one record is one allocation, for all of its messages.
func TestMessagesAllocateOncePerRecord(t *testing.T) {
	fragment := bytes.Repeat(message(iana.HandshakeCertificate, 500), 4)
	var m Messages
	got := testing.AllocsPerRun(100, func() {
		if err := m.Push(fragment); err != nil {
			t.Fatal(err)
		}
		for raw, err := m.Next(); raw != nil; raw, err = m.Next() {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	if got != 1 {
		t.Errorf("got %v allocations, want 1", got)
	}
}
