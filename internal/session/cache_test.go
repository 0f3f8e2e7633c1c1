package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
)

var (
	_ ServerCache = (*MemoryServerCache)(nil)
	_ ClientCache = (*MemoryClientCache)(nil)
	_ Tickets     = (*TicketKeys)(nil)
)

func id(n int) []byte { return fmt.Appendf(nil, "id %d", n) }

func put(t *testing.T, c ServerCache, n int, session string, expires time.Time) {
	t.Helper()
	if err := c.Put(bg, id(n), []byte(session), expires); err != nil {
		t.Fatal(err)
	}
}

func wantSession(t *testing.T, c ServerCache, n int, want string) {
	t.Helper()
	got, err := c.Get(bg, id(n))
	if err != nil || string(got) != want || (got == nil) != (want == "") {
		t.Errorf("session %d: got %q, %v, want %q", n, got, err, want)
	}
}

func TestServerCache(t *testing.T) {
	k := newClock()
	c := NewServerCache(Limits{Entries: 3, Bytes: 1 << 20}, k.now)
	hour := epoch.Add(time.Hour)
	wantSession(t, c, 1, "")
	put(t, c, 1, "one", hour)
	put(t, c, 2, "two", hour)
	put(t, c, 3, "three", hour.Add(time.Second))
	wantSession(t, c, 1, "one")
	put(t, c, 4, "four", hour)
	wantSession(t, c, 2, "") // not used for longest
	wantSession(t, c, 1, "one")
	put(t, c, 1, "another one", hour)
	wantSession(t, c, 1, "another one")
	if err := c.Remove(bg, id(4)); err != nil {
		t.Fatal(err)
	}
	wantSession(t, c, 4, "")
	if err := c.Remove(bg, id(4)); err != nil {
		t.Errorf("removing what is not there: got %v", err)
	}
	k.add(time.Hour)
	wantSession(t, c, 1, "")
	wantSession(t, c, 3, "three")
	if got := c.lru.order.Len(); got != 1 {
		t.Errorf("got %d entries, want the one that has not expired", got)
	}
}

// What goes in and comes out is a copy, and what is dropped is wiped.
func TestServerCacheOwnership(t *testing.T) {
	c := NewServerCache(DefaultLimits, newClock().now)
	in := []byte("secret")
	if err := c.Put(bg, id(1), in, epoch.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	clear(in)
	out, _ := c.Get(bg, id(1))
	clear(out)
	wantSession(t, c, 1, "secret")
	first, _ := c.lru.get(string(id(1)))
	put(t, c, 1, "another", epoch.Add(time.Hour))
	second, _ := c.lru.get(string(id(1)))
	if err := c.Remove(bg, id(1)); err != nil {
		t.Fatal(err)
	}
	for _, dropped := range []*stored{first, second} {
		if !bytes.Equal(dropped.session, make([]byte, len(dropped.session))) {
			t.Errorf("dropped: got %q, want zeros", dropped.session)
		}
	}
}

// However much goes in, what stays is within both limits, and the count of bytes is right.
func TestServerCacheBounds(t *testing.T) {
	for _, limits := range []Limits{{Entries: 50, Bytes: 1 << 30}, {Entries: 1 << 30, Bytes: 20_000}, {}, {Entries: 1}} {
		c := NewServerCache(limits, newClock().now)
		for i := range 1000 {
			put(t, c, i%300, string(fill(i%500, 1)), epoch.Add(time.Hour))
			sum := 0
			for e := c.lru.order.Front(); e != nil; e = e.Next() {
				sum += e.Value.(*entry[*stored]).size
			}
			if n := c.lru.order.Len(); n > limits.Entries || c.lru.size > limits.Bytes || sum != c.lru.size || n != len(c.lru.byKey) {
				t.Fatalf("%+v: got %d entries, %d keys, %d bytes counted as %d", limits, n, len(c.lru.byKey), sum, c.lru.size)
			}
		}
	}
}

// heap returns how many bytes of heap keep needs while it is held.
func heap(t *testing.T, make_ func() any) int {
	t.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	keep := make_()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(keep)
	return int(after.HeapAlloc) - int(before.HeapAlloc)
}

// The limit in bytes is one of memory, whatever the size of sessions: 20 MB put in, of which 1 MiB stays.
func TestCacheMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector changes what things weigh")
	}
	const limit = 1 << 20
	limits := Limits{Entries: 1 << 30, Bytes: limit, Each: 4}
	for _, size := range []int{0, 200, 4000} {
		server := heap(t, func() any {
			c := NewServerCache(limits, newClock().now)
			for i := range 20 * limit / (size + overhead) {
				put(t, c, i, string(make([]byte, size)), epoch.Add(time.Hour))
			}
			return c
		})
		client := heap(t, func() any {
			c := NewClientCache(limits, newClock().now)
			for i := range 20 * limit / (size + 2*overhead) {
				s := server13()
				s.Ticket = make([]byte, size)
				c.Put(fmt.Sprint("server ", i/3), s)
			}
			return c
		})
		t.Logf("sessions of %d bytes: the server's cache takes %d KiB, the client's %d KiB, of 1024", size, server>>10, client>>10)
		if server > limit*5/4 || client > limit*5/4 {
			t.Errorf("sessions of %d bytes: got %d and %d bytes of memory, want about %d at most", size, server, client, limit)
		}
	}
}

func TestIDs(t *testing.T) {
	k := newClock()
	x := &IDs{Cache: NewServerCache(DefaultLimits, k.now), Tickets: fixedKeys(t, k, 1)}
	s := server12()
	if err := x.Put(bg, s); err != nil {
		t.Fatal(err)
	}
	got, err := x.Get(bg, s.ID)
	if d := diff(got, s); err != nil || d != "" {
		t.Errorf("got %v, (-want +got):\n%s", err, d)
	}
	if sealed, _ := x.Cache.Get(bg, s.ID); bytes.Contains(sealed, s.Secret) {
		t.Error("the cache holds the secret")
	}
	other := fill(32, 1)
	wantNoID(t, "another ID", x, other, SessionUnknown)
	sealed, _ := x.Cache.Get(bg, s.ID)
	if err := x.Cache.Put(bg, other, sealed, s.Expires()); err != nil {
		t.Fatal(err)
	}
	wantNoID(t, "a session under another's ID", x, other, SessionUnknown)
	if err := x.Cache.Put(bg, other, []byte("garbage"), s.Expires()); err != nil {
		t.Fatal(err)
	}
	wantNoID(t, "garbage in the cache", x, other, TicketForeign)
	if err := x.Remove(bg, s.ID); err != nil {
		t.Fatal(err)
	}
	wantNoID(t, "removed", x, s.ID, SessionUnknown)
	if err := x.Put(bg, s); err != nil {
		t.Fatal(err)
	}
	k.add(s.Expires().Sub(k.now()))
	wantNoID(t, "expired", x, s.ID, SessionUnknown)
}

func wantNoID(t *testing.T, what string, x *IDs, id []byte, want error) {
	t.Helper()
	if s, err := x.Get(bg, id); s != nil || !errors.Is(err, want) {
		t.Errorf("%s: got %v, %v, want %v", what, s, err, want)
	}
}

// broken is a cache that is out of reach.
type broken struct{ error }

func (b broken) Put(context.Context, []byte, []byte, time.Time) error { return b.error }
func (b broken) Get(context.Context, []byte) ([]byte, error)          { return nil, b.error }
func (b broken) Remove(context.Context, []byte) error                 { return b.error }

func TestIDsErrors(t *testing.T) {
	k, down := newClock(), broken{errors.New("down")}
	x := &IDs{Cache: down, Tickets: fixedKeys(t, k, 1)}
	s := server12()
	wantNoID(t, "a broken cache", x, s.ID, down.error)
	if err := x.Put(bg, s); !errors.Is(err, down.error) {
		t.Errorf("Put: got %v, want %v", err, down.error)
	}
	if err := x.Remove(bg, s.ID); !errors.Is(err, down.error) {
		t.Errorf("Remove: got %v, want %v", err, down.error)
	}
	client := client13()
	client.ID = s.ID
	for name, bad := range map[string]*State{"no ID": server13(), "a client's": client} {
		if err := x.Put(bg, bad); CodeOf(err) != SessionFormat {
			t.Errorf("%s: got %v, want %s", name, err, string(SessionFormat))
		}
	}
}

// lending is Tickets that gives a session that the test holds too.
type lending struct{ *State }

func (l lending) Seal(context.Context, *State) ([]byte, error)       { return []byte("sealed"), nil }
func (l lending) Open(context.Context, []byte) (*State, bool, error) { return l.State, false, nil }

// A session that turns up under another's ID is wiped.
func TestIDsWipes(t *testing.T) {
	s := server12()
	x := &IDs{Cache: NewServerCache(DefaultLimits, newClock().now), Tickets: lending{s}}
	if err := x.Cache.Put(bg, id(1), []byte("sealed"), epoch.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	wantNoID(t, "another's session", x, id(1), SessionUnknown)
	if !bytes.Equal(s.Secret, make([]byte, 48)) {
		t.Errorf("the secret: got %x, want zeros", s.Secret.Reveal())
	}
}

// A callback that panics leaves the cache as it was.
func TestTakePanics(t *testing.T) {
	k := newClock()
	c := NewClientCache(DefaultLimits, k.now)
	c.Put("host:443", numbered(1, iana.VersionTLS13))
	k.add(30 * time.Minute)
	late := numbered(2, iana.VersionTLS13)
	late.Created = k.now()
	c.Put("host:443", late)
	k.add(30 * time.Minute) // the first has expired
	func() {
		defer func() { _ = recover() }()
		c.Take("host:443", func(*State) bool { panic("no") })
	}()
	wantTaken(t, c, any_, 2, 0)
}

func any_(*State) bool { return true }

// numbered is a client's session with a ticket that is told from others.
func numbered(n byte, v iana.Version) *State {
	s := client13()
	if v == iana.VersionTLS12 {
		s = server12()
		s.ID = nil
	}
	s.Ticket, s.Created, s.Lifetime = []byte{n}, epoch, time.Hour
	return s
}

func wantTaken(t *testing.T, c ClientCache, usable func(*State) bool, want ...byte) {
	t.Helper()
	for _, n := range want {
		s := c.Take("host:443", usable)
		switch {
		case s == nil && n != 0, s != nil && (n == 0 || s.Ticket[0] != n):
			t.Errorf("got %v, want ticket %d", s, n)
		case s != nil && s.Secret[0] == 0:
			t.Errorf("ticket %d: its secret was wiped", n)
		}
	}
}

// A ticket of TLS 1.3 comes out once, the newest first; a session of TLS 1.2 stays. (0 stands for nothing.)
func TestClientCache(t *testing.T) {
	k := newClock()
	c := NewClientCache(DefaultLimits, k.now)
	fill := func(tickets ...byte) {
		for _, n := range tickets {
			c.Put("host:443", numbered(n, iana.VersionTLS13))
		}
	}
	wantTaken(t, c, any_, 0)
	fill(1, 2, 3)
	wantTaken(t, c, any_, 3, 2, 1, 0)

	fill(1, 2, 3, 4, 5)
	wantTaken(t, c, any_, 5, 4, 3, 2, 0) // four are kept

	fill(1)
	c.Put("host:443", numbered(2, iana.VersionTLS12))
	fill(3)
	wantTaken(t, c, any_, 3, 2, 2, 2)
	c.Put("host:443", numbered(4, iana.VersionTLS12))
	wantTaken(t, c, any_, 4, 4)
	wantTaken(t, c, func(s *State) bool { return s.Version == iana.VersionTLS13 }, 1, 0)
	wantTaken(t, c, any_, 4)

	c.Put("other:443", numbered(9, iana.VersionTLS13))
	c.Remove("host:443")
	wantTaken(t, c, any_, 0)
	if s := c.Take("other:443", any_); s == nil || s.Ticket[0] != 9 {
		t.Errorf("got %v, want the other server's ticket", s)
	}

	fill(1)
	k.add(time.Hour - 1)
	wantTaken(t, c, func(*State) bool { return false }, 0)
	wantTaken(t, c, any_, 1)
	fill(2)
	k.add(1)
	wantTaken(t, c, any_, 0)
	if got := len(c.lru.byKey); got != 0 || c.lru.size != 0 {
		t.Errorf("got %d servers, %d bytes, want an empty cache", got, c.lru.size)
	}
}

// What the cache drops, for whatever reason, is wiped; what it gives away is not its own any more.
func TestClientCacheWipes(t *testing.T) {
	k := newClock()
	fresh := func() (*MemoryClientCache, *State) {
		c := NewClientCache(Limits{Entries: 1, Bytes: 1 << 20, Each: 1}, k.now)
		s := numbered(1, iana.VersionTLS12)
		c.Put("host:443", s)
		return c, s
	}
	for name, drop := range map[string]func(*MemoryClientCache){
		"removed":             func(c *MemoryClientCache) { c.Remove("host:443") },
		"pushed out by more":  func(c *MemoryClientCache) { c.Put("host:443", numbered(2, iana.VersionTLS13)) },
		"pushed out by other": func(c *MemoryClientCache) { c.Put("other:443", numbered(2, iana.VersionTLS13)) },
		"replaced":            func(c *MemoryClientCache) { c.Put("host:443", numbered(2, iana.VersionTLS12)) },
		"expired": func(c *MemoryClientCache) {
			k.add(time.Hour)
			c.Take("host:443", any_)
			k.add(-time.Hour)
		},
	} {
		c, s := fresh()
		taken := c.Take("host:443", any_)
		drop(c)
		if !bytes.Equal(s.Secret, make([]byte, 48)) {
			t.Errorf("%s: the secret is still there", name)
		}
		if d := diff(taken, numbered(1, iana.VersionTLS12)); d != "" {
			t.Errorf("%s: what was taken before (-want +got):\n%s", name, d)
		}
	}
	none := NewClientCache(Limits{}, k.now)
	s := numbered(1, iana.VersionTLS13)
	if none.Put("host:443", s); s.Secret[0] != 0 {
		t.Error("a cache without room kept the secret")
	}
	wantTaken(t, none, any_, 0)
}

// Of many that take at once, each ticket goes to one. Run it with -race.
func TestClientCacheConcurrently(t *testing.T) {
	c := NewClientCache(Limits{Entries: 10, Bytes: 1 << 20, Each: 100}, newClock().now)
	for n := range byte(100) {
		c.Put("host:443", numbered(n, iana.VersionTLS13))
	}
	var got [100]atomic.Int32
	var wg sync.WaitGroup
	for range 300 {
		wg.Go(func() {
			if s := c.Take("host:443", any_); s != nil {
				got[s.Ticket[0]].Add(1)
			}
		})
	}
	wg.Wait()
	for n := range got {
		if times := got[n].Load(); times != 1 {
			t.Errorf("ticket %d: got %d takers, want 1", n, times)
		}
	}
}
