package session

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
)

// epoch is when tests begin.
var epoch = time.Date(2026, time.November, 21, 9, 30, 0, 250e6, time.UTC)

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: epoch} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// seeded is randomness that is the same in every run, safe for concurrent use.
type seeded struct {
	mu  sync.Mutex
	rng *rand.ChaCha8
}

func newSeeded(seed byte) *seeded { return &seeded{rng: rand.NewChaCha8([32]byte{seed})} }

func (s *seeded) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rng.Read(p)
}

func (c *clock) env() Env { return Env{Rand: newSeeded(1), Now: c.now} }

func fill(n int, b byte) []byte {
	s := make([]byte, n)
	for i := range s {
		s[i] = b + byte(i)
	}
	return s
}

// server13 is a TLS 1.3 session as a server has it, without a client certificate.
func server13() *State {
	return &State{
		Params: Params{
			Version: iana.VersionTLS13, Suite: iana.TLS_AES_128_GCM_SHA256,
			ServerName: "example.com", ALPN: "h2", MaxEarlyData: 16384,
		},
		Side: keys.Server, Group: iana.GroupX25519, Secret: fill(32, 0x40),
		Created: epoch, Authenticated: epoch, Lifetime: MaxLifetime, RTT: 20 * time.Millisecond, AgeAdd: 0xfedcba98,
		Auth: FingerprintOf([]byte("no client certificates")),
	}
}

// server12 is a TLS 1.2 session as a server has it, with everything in it that it can have.
func server12() *State {
	return &State{
		Params: Params{
			Version: iana.VersionTLS12, Suite: iana.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			ServerName: "example.com", ALPN: "http/1.1",
		},
		Side: keys.Server, Group: iana.GroupSecp256r1, ExtendedMain: true, Secret: fill(48, 0x80),
		Created: epoch.Add(time.Hour), Authenticated: epoch, Lifetime: DefaultLifetime,
		Auth: FingerprintOf([]byte("client certificates required")),
		Peer: Peer{Certificates: [][]byte{{0x30, 1, 2}, {0x30, 3}}},
		ID:   fill(32, 0xa0), Extra: [][]byte{[]byte("user 7"), {}},
	}
}

// client13 is a TLS 1.3 session as a client has it, with everything in it that it can have.
func client13() *State {
	s := server13()
	s.Side, s.RTT, s.Suite, s.Secret = keys.Client, 0, iana.TLS_AES_256_GCM_SHA384, fill(48, 0x20)
	s.Peer = Peer{
		Certificates: [][]byte{{0x30, 9}},
		OCSP:         []byte("staple"),
		SCTs:         [][]byte{[]byte("log 1"), []byte("log 2")},
	}
	s.Ticket = fill(24, 0xd0)
	return s
}

func mustEncode(t testing.TB, s *State) []byte {
	t.Helper()
	b, err := s.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// diff compares sessions with their secrets; nil and empty are the same.
func diff(got, want any) string {
	return cmp.Diff(want, got, cmpopts.EquateEmpty())
}
