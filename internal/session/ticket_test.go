package session

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

var bg = context.Background()

// fixedKeys returns TicketKeys with given keys, whose bytes are all the same.
func fixedKeys(t testing.TB, c *clock, seeds ...byte) *TicketKeys {
	t.Helper()
	k := NewTicketKeys(c.env())
	mustSetKeys(t, k, seeds...)
	return k
}

func mustSetKeys(t testing.TB, k *TicketKeys, seeds ...byte) {
	t.Helper()
	if err := k.SetKeys(seedsOf(seeds...)); err != nil {
		t.Fatal(err)
	}
}

func seedsOf(seeds ...byte) (all [][32]byte) {
	for _, b := range seeds {
		all = append(all, [32]byte(bytes.Repeat([]byte{b}, 32)))
	}
	return all
}

func mustSeal(t testing.TB, k Tickets, s *State) []byte {
	t.Helper()
	ticket, err := k.Seal(bg, s)
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

// wantOpen fails unless the ticket gives want, and whether a new one is due.
func wantOpen(t *testing.T, what string, k Tickets, ticket []byte, want *State, wantRenew bool) {
	t.Helper()
	s, renew, err := k.Open(bg, ticket)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if d := diff(s, want); d != "" || renew != wantRenew {
		t.Errorf("%s: got renew %t, want %t; (-want +got):\n%s", what, renew, wantRenew, d)
	}
}

// wantNot fails unless the ticket is refused for that reason.
func wantNot(t *testing.T, what string, k Tickets, ticket []byte, want Code) {
	t.Helper()
	if s, renew, err := k.Open(bg, ticket); err != want || s != nil || renew {
		t.Errorf("%s: got %v, %t, %v, want %s", what, s, renew, err, string(want))
	}
}

func TestTickets(t *testing.T) {
	k := NewTicketKeys(newClock().env())
	for _, s := range []*State{server13(), server12()} {
		ticket := mustSeal(t, k, s)
		if again := mustSeal(t, k, s); bytes.Equal(ticket, again) {
			t.Error("two tickets of one session are the same")
		}
		if bytes.Contains(ticket, s.Secret) || bytes.Contains(ticket, []byte(s.ServerName)) {
			t.Error("the ticket shows what is in it")
		}
		wantOpen(t, "just made", k, ticket, s, false)
	}
}

// The golden ticket was made once, of known keys and randomness. It opens for ever, or the format has another number.
func TestGoldenTicket(t *testing.T) {
	k := NewTicketKeys(Env{Rand: bytes.NewReader(fill(24, 0x60)), Now: newClock().now})
	mustSetKeys(t, k, 1)
	ticket := mustSeal(t, k, server13())
	golden(t, "testdata/ticket_2.txt", hex.EncodeToString(ticket)+"\n")
	wantOpen(t, "golden", fixedKeys(t, newClock(), 1), ticket, server13(), false)
}

// A key is made every day, and each is accepted for seven, by a clock that a test moves.
func TestRotation(t *testing.T) {
	c := newClock()
	k := NewTicketKeys(c.env())
	first := mustSeal(t, k, server13())
	sealed := map[[keyIDSize]byte]bool{k.keys[0].id: true}
	for _, step := range []struct {
		after time.Duration // since the first
		keys  int           // that have sealed so far
		renew bool          // the first ticket
		opens bool
	}{
		{24*time.Hour - 1, 1, false, true},
		{24 * time.Hour, 2, true, true},
		{48*time.Hour - 1, 2, true, true},
		{72 * time.Hour, 3, true, true},
		{7*24*time.Hour - 1, 4, true, true},
		{7 * 24 * time.Hour, 4, true, false},
	} {
		c.add(epoch.Add(step.after).Sub(c.now()))
		if step.opens {
			wantOpen(t, step.after.String(), k, first, server13(), step.renew)
		} else {
			wantNot(t, step.after.String(), k, first, TicketForeign)
		}
		mustSeal(t, k, server13())
		sealed[k.keys[0].id] = true
		if got := len(sealed); got != step.keys {
			t.Errorf("%v: got %d keys that sealed, want %d", step.after, got, step.keys)
		}
	}
	c.add(20 * 24 * time.Hour)
	mustSeal(t, k, server13())
	if got := len(k.keys); got != 1 {
		t.Errorf("after 20 days: got %d keys, want the newest alone", got)
	}
}

// A ticket that was opened says that a new one is due as soon as its key may not seal any more.
func TestRenewWhenKeyIsDue(t *testing.T) {
	c := newClock()
	k := NewTicketKeys(c.env())
	ticket := mustSeal(t, k, server13())
	c.add(24 * time.Hour)
	wantOpen(t, "before the next key is made", k, ticket, server13(), true)
}

// A clock that was far in the future when a key was made does not make the key last.
func TestClockSetBack(t *testing.T) {
	c := newClock()
	k := NewTicketKeys(c.env())
	c.add(365 * 24 * time.Hour)
	ticket := mustSeal(t, k, server13())
	c.add(-365 * 24 * time.Hour)
	mustSeal(t, k, server13())
	wantNot(t, "a key from next year", k, ticket, TicketForeign)
	if got := len(k.keys); got != 1 || !k.keys[0].made.Equal(epoch) {
		t.Errorf("got %d keys, want one of today", got)
	}
}

// A fleet rotates: the next key is given before it is used, the last one is accepted after.
func TestSetKeys(t *testing.T) {
	c := newClock()
	old, next := fixedKeys(t, c, 1, 2), fixedKeys(t, c, 2, 1)
	ticket := mustSeal(t, old, server13())
	wantOpen(t, "where it was made", old, ticket, server13(), false)
	wantOpen(t, "where the next key is used", next, ticket, server13(), true)
	wantOpen(t, "where the next key is not used yet", old, mustSeal(t, next, server13()), server13(), true)

	mustSetKeys(t, next, 3, 2)
	wantNot(t, "after the key was taken away", next, ticket, TicketForeign)
	c.add(365 * 24 * time.Hour)
	wantOpen(t, "a year later: given keys do not grow old", next, mustSeal(t, next, server13()), server13(), false)
	if err := next.SetKeys(nil); err == nil {
		t.Error("no keys at all were accepted")
	}
	wantOpen(t, "after SetKeys failed", next, mustSeal(t, next, server13()), server13(), false)
}

// SetKeys takes the place of keys that were made here, and the other way round never.
func TestSetKeysEndsAutomatic(t *testing.T) {
	c := newClock()
	k := NewTicketKeys(c.env())
	ticket := mustSeal(t, k, server13())
	mustSetKeys(t, k, 1)
	wantNot(t, "made before SetKeys", k, ticket, TicketForeign)
	ticket = mustSeal(t, k, server13())
	c.add(48 * time.Hour)
	mustSeal(t, k, server13())
	wantOpen(t, "two days on", fixedKeys(t, c, 1), ticket, server13(), false)
}

// A restart with the same keys changes nothing.
func TestRestart(t *testing.T) {
	c := newClock()
	wantOpen(t, "after a restart", fixedKeys(t, c, 7), mustSeal(t, fixedKeys(t, c, 7), server13()), server13(), false)
}

// Half of a fleet on crypto/tls shares the 32 bytes: neither half mistakes the other's tickets for its own.
func TestSharedWithCryptoTLS(t *testing.T) {
	seed := seedsOf(9)
	ours := fixedKeys(t, newClock(), 9)
	theirs := &tls.Config{}
	theirs.SetSessionTicketKeys(seed)

	ticket, err := theirs.EncryptTicket(tls.ConnectionState{}, stdSession(t))
	if err != nil {
		t.Fatal(err)
	}
	wantNot(t, "crypto/tls's ticket", ours, ticket, TicketForeign)
	if s, err := theirs.DecryptTicket(ticket, tls.ConnectionState{}); s == nil || err != nil {
		t.Errorf("crypto/tls's ticket at crypto/tls: got %v, %v", s, err)
	}
	s, err := theirs.DecryptTicket(mustSeal(t, ours, server13()), tls.ConnectionState{})
	if s != nil || err != nil {
		t.Errorf("our ticket at crypto/tls: got %v, %v, want nothing", s, err)
	}
}

// stdSession is a session of crypto/tls, in its encoding: TLS 1.3, a server's, without certificates.
func stdSession(t *testing.T) *tls.SessionState {
	t.Helper()
	b, err := hex.DecodeString("0304" + "01" + "1301" + "0000000065000000" + "20" + strings.Repeat("11", 32) +
		"000000" + "00" + "00" + "000000" + "000000")
	if err != nil {
		t.Fatal(err)
	}
	s, err := tls.ParseSessionState(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Each byte of a ticket counts, and so does their number.
func TestTamperedTicket(t *testing.T) {
	k := fixedKeys(t, newClock(), 1, 2)
	ticket := mustSeal(t, k, server13())
	for i := range ticket {
		bad := bytes.Clone(ticket)
		bad[i] ^= 1
		want := TicketForged
		if i < keyIDSize {
			want = TicketForeign
		}
		wantNot(t, fmt.Sprintf("byte %d", i), k, bad, want)
	}
	for n := range ticket {
		want := TicketForged
		if n < ticketHead {
			want = TicketForeign
		}
		wantNot(t, fmt.Sprintf("%d bytes", n), k, ticket[:n], want)
	}
	wantNot(t, "a byte more", k, append(bytes.Clone(ticket), 0), TicketForged)
	swapped := append(bytes.Clone(k.keys[1].id[:]), ticket[keyIDSize:]...)
	wantNot(t, "another key's ID", k, swapped, TicketForged)
}

// What our key sealed, but is no session of this format, is as foreign as anything.
func TestSealedGarbage(t *testing.T) {
	k := fixedKeys(t, newClock(), 1)
	other := mustEncode(t, server13())
	other[0] = format + 1
	for name, plain := range map[string][]byte{"nothing": nil, "garbage": []byte("garbage"), "another format": other} {
		ticket, err := k.keys[0].seal(newSeeded(1), plain)
		if err != nil {
			t.Fatal(err)
		}
		wantNot(t, name, k, ticket, SessionFormat)
	}
}

func TestSealRefuses(t *testing.T) {
	c := newClock()
	long, most := server12(), server12()
	long.Extra = [][]byte{make([]byte, MaxTicket)}
	broken := server13()
	broken.Secret = nil
	k := fixedKeys(t, c, 1)
	for _, r := range []struct {
		name  string
		state *State
		want  Code
	}{
		{"a client's session", client13(), SessionFormat},
		{"a session without a secret", broken, SessionFormat},
		{"a session that is too long", long, SessionTooLong},
	} {
		if ticket, err := k.Seal(bg, r.state); ticket != nil || CodeOf(err) != r.want {
			t.Errorf("%s: got %d bytes, %v, want %s", r.name, len(ticket), err, string(r.want))
		}
	}
	most.Extra = [][]byte{nil}
	most.Extra[0] = make([]byte, MaxTicket-len(mustSeal(t, k, most)))
	if got := len(mustSeal(t, k, most)); got != MaxTicket {
		t.Errorf("the longest ticket: got %d bytes, want %d", got, MaxTicket)
	}
}

// Without randomness there is no ticket, and no panic.
func TestSealWithoutRandomness(t *testing.T) {
	dry := errors.New("dry")
	for _, after := range []int{0, 31, 32, 55} {
		k := NewTicketKeys(Env{Rand: &drying{left: after, err: dry}, Now: newClock().now})
		if ticket, err := k.Seal(bg, server13()); ticket != nil || !errors.Is(err, dry) {
			t.Errorf("after %d bytes: got %x, %v, want %v", after, ticket, err, dry)
		}
	}
}

// drying is a reader that fails after so many bytes.
type drying struct {
	left int
	err  error
}

func (d *drying) Read(p []byte) (int, error) {
	if d.left == 0 {
		return 0, d.err
	}
	n := min(len(p), d.left)
	d.left -= n
	return n, nil
}

func TestTicketKeysShowNoKey(t *testing.T) {
	k := fixedKeys(t, newClock(), 1)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if got := fmt.Sprintf(verb, k); got != "[ticket keys]" {
			t.Errorf("%s: got %s", verb, got)
		}
	}
}

// Sealing, opening and rotating at once: every ticket of the last six days opens. Run it with -race.
func TestTicketsConcurrently(t *testing.T) {
	c := newClock()
	k := NewTicketKeys(c.env())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				ticket := mustSeal(t, k, server13())
				c.add(20 * time.Minute)
				if s, _, err := k.Open(bg, ticket); err != nil || s.ServerName != "example.com" {
					t.Errorf("got %v, %v", s, err)
				}
			}
		})
	}
	wg.Wait()
	if got := len(k.keys); got < 2 || got > 7 {
		t.Errorf("got %d keys after %v, want one a day and at most seven", got, c.now().Sub(epoch))
	}
}

// Whatever the bytes are: a session that our key sealed, or a Code.
func FuzzOpenTicket(f *testing.F) {
	k := fixedKeys(f, newClock(), 1)
	genuine := mustSeal(f, k, server13())
	f.Add(genuine)
	f.Add(mustSeal(f, k, server12()))
	f.Add(mustSeal(f, fixedKeys(f, newClock(), 2), server12()))
	f.Add(genuine[:ticketHead])
	f.Fuzz(func(t *testing.T, ticket []byte) {
		before := bytes.Clone(ticket)
		s, _, err := k.Open(bg, ticket)
		if (s == nil) == (err == nil) {
			t.Errorf("got %v and %v, want one of them", s, err)
		}
		if _, ok := err.(Code); err != nil && !ok {
			t.Errorf("got %v, want a Code", err)
		}
		if !bytes.Equal(ticket, before) {
			t.Error("the ticket was changed")
		}
	})
}
