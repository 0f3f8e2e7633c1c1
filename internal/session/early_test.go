package session

import (
	"context"
	"crypto"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/akushu/akushu/internal/iana"
)

// early0 is a hello with early data that is accepted: its ticket is a minute old, by both clocks.
func early0() *EarlyFacts {
	s := server13()
	return &EarlyFacts{
		Offered: true, PSK: s.PSK([]byte("ticket")), Chosen: s.Params,
		Age: s.AgeAdd + 60_000, Now: s.Created.Add(s.RTT + time.Minute),
	}
}

// Each row breaks one thing of a hello whose early data would be accepted.
func TestAcceptEarlyData(t *testing.T) {
	var covered []Code
	for _, c := range []struct {
		name   string
		break_ func(*EarlyFacts)
		want   Code
	}{
		{"as it should be", func(*EarlyFacts) {}, OK},
		{"late by the window", func(f *EarlyFacts) { f.Now = f.Now.Add(10 * time.Second) }, OK},
		{"early by the window", func(f *EarlyFacts) { f.Now = f.Now.Add(-10 * time.Second) }, OK},
		{"late by a window of an hour", func(f *EarlyFacts) { f.Window = time.Hour; f.Now = f.Now.Add(time.Hour) }, OK},
		{"a limit above the ticket's", func(f *EarlyFacts) { f.Chosen.MaxEarlyData = 1 << 30 }, OK},
		{"no name and no protocol, both times", func(f *EarlyFacts) {
			f.PSK.ServerName, f.PSK.ALPN, f.Chosen.ServerName, f.Chosen.ALPN = "", "", "", ""
		}, OK},
		{"an external PSK, of any age", func(f *EarlyFacts) { f.PSK, f.Age = external(), 7 }, OK},

		{"not offered", func(f *EarlyFacts) { f.Offered = false }, EarlyNotOffered},
		{"not wanted", func(f *EarlyFacts) { f.Chosen.MaxEarlyData = 0 }, EarlyOff},
		{"after a HelloRetryRequest", func(f *EarlyFacts) { f.Retried = true }, EarlyRetried},
		{"a full handshake", func(f *EarlyFacts) { f.PSK = nil }, EarlyNoPSK},
		{"the second identity", func(f *EarlyFacts) { f.Index = 1 }, EarlyNotFirst},
		{"a ticket without early data", func(f *EarlyFacts) { f.PSK.MaxEarlyData = 0 }, EarlyNotAllowed},
		{"another version", func(f *EarlyFacts) { f.Chosen.Version = iana.VersionTLS12 }, EarlyVersion},
		{"another version, both times", func(f *EarlyFacts) { f.Chosen.Version, f.PSK.Version = iana.VersionTLS12, iana.VersionTLS12 }, EarlyVersion},
		{"a PSK of another version", func(f *EarlyFacts) { f.PSK.Version = iana.VersionTLS12 }, EarlyVersion},
		{"another suite of the hash", func(f *EarlyFacts) { f.Chosen.Suite = iana.TLS_CHACHA20_POLY1305_SHA256 }, EarlySuite},
		{"another protocol", func(f *EarlyFacts) { f.Chosen.ALPN = "http/1.1" }, EarlyALPN},
		{"no protocol", func(f *EarlyFacts) { f.Chosen.ALPN = "" }, EarlyALPN},
		{"a protocol where there was none", func(f *EarlyFacts) { f.PSK.ALPN = "" }, EarlyALPN},
		{"another name", func(f *EarlyFacts) { f.Chosen.ServerName = "other.example" }, EarlyServerName},
		{"a limit below the ticket's", func(f *EarlyFacts) { f.Chosen.MaxEarlyData-- }, EarlySize},
		{"late by more than the window", func(f *EarlyFacts) { f.Now = f.Now.Add(10*time.Second + 1) }, EarlyStale},
		{"late by more than a window of a second", func(f *EarlyFacts) { f.Window = time.Second; f.Now = f.Now.Add(time.Second + 1) }, EarlyStale},
		{"the same hello a day later", func(f *EarlyFacts) { f.Now = f.Now.Add(24 * time.Hour) }, EarlyStale},
		{"early by more than the window", func(f *EarlyFacts) { f.Now = f.Now.Add(-10*time.Second - 1) }, EarlyFuture},
		{"an age that is not obfuscated", func(f *EarlyFacts) { f.Age = 60_000 }, EarlyFuture},
		{"a client that says the ticket is older", func(f *EarlyFacts) { f.Age += 10_001 }, EarlyFuture},
	} {
		f := early0()
		c.break_(f)
		if ok, got := AcceptEarlyData(f); got != c.want || ok != (c.want == OK) {
			t.Errorf("%s: got %t, %q, want %q", c.name, ok, string(got), string(c.want))
		}
		if c.want != OK {
			covered = append(covered, c.want)
		}
	}
	wantEach(t, covered, rulesOf(earlyRules))
}

// An age that wraps around 2^32 says what it should.
func TestTicketAge(t *testing.T) {
	for _, c := range []struct {
		obfuscated, add uint32
		want            time.Duration
	}{
		{5, 5, 0},
		{0xffffffff, 0xfffffff0, 15 * time.Millisecond},
		{999, 0xffffffff, time.Second},
	} {
		if got := ticketAge(c.obfuscated, c.add); got != c.want {
			t.Errorf("%#x - %#x: got %v, want %v", c.obfuscated, c.add, got, c.want)
		}
	}
}

func TestMaySendEarlyData(t *testing.T) {
	var covered []Code
	for _, c := range []struct {
		name   string
		break_ func(*PSK, *Offer)
		want   Code
	}{
		{"as it should be", func(*PSK, *Offer) {}, OK},
		{"no protocol then", func(p *PSK, _ *Offer) { p.ALPN = "" }, OK},
		{"a ticket without early data", func(p *PSK, _ *Offer) { p.MaxEarlyData = 0 }, EarlyNotAllowed},
		{"TLS 1.2 at most", func(_ *PSK, o *Offer) { o.MaxVersion = iana.VersionTLS12 }, EarlyVersion},
		{"an external PSK of no version", func(p *PSK, _ *Offer) { p.Version = 0 }, EarlyVersion},
		{"another suite of the hash", func(_ *PSK, o *Offer) { o.Suites = suites(iana.TLS_CHACHA20_POLY1305_SHA256) }, EarlySuite},
		{"other protocols", func(_ *PSK, o *Offer) { o.ALPN = []string{"http/1.1"} }, EarlyALPN},
		{"another name", func(_ *PSK, o *Offer) { o.ServerName = "other.example" }, EarlyServerName},
	} {
		s := client13()
		p, o := s.PSK(s.Ticket), offer(s)
		c.break_(p, o)
		if ok, got := MaySendEarlyData(p, o); got != c.want || ok != (c.want == OK) {
			t.Errorf("%s: got %t, %q, want %q", c.name, ok, string(got), string(c.want))
		}
		if c.want != OK {
			covered = append(covered, c.want)
		}
	}
	wantEach(t, covered, rulesOf(sendRules))
}

// answering is a register that says what it is told to.
type answering func(ctx context.Context, id [32]byte, expires time.Time) (bool, error)

func (a answering) Claim(ctx context.Context, id [32]byte, expires time.Time) (bool, error) {
	return a(ctx, id, expires)
}

// Whatever a register does, early data is accepted only where it said so, in time.
func TestAdmit(t *testing.T) {
	boom := errors.New("boom")
	says := func(first bool, err error) answering {
		return func(context.Context, [32]byte, time.Time) (bool, error) { return first, err }
	}
	for _, c := range []struct {
		name     string
		register Register
		facts    func(*EarlyFacts)
		want     Code
		text     string
	}{
		{"first", says(true, nil), nil, OK, ""},
		{"not the first", says(false, nil), nil, EarlyReplayed, ""},
		{"refused by a rule, unasked", says(true, nil), func(f *EarlyFacts) { f.Retried = true }, EarlyRetried, ""},
		{"an error", says(false, boom), nil, EarlyFailed, "boom"},
		{"first, and an error", says(true, boom), nil, EarlyFailed, "boom"},
		{"a code", says(false, EarlyFull), nil, EarlyFull, ""},
		{"a deadline of its own", says(true, context.DeadlineExceeded), nil, EarlySlow, "deadline"},
		{"a panic", answering(func(context.Context, [32]byte, time.Time) (bool, error) { panic("no map") }), nil, EarlyFailed, "no map"},
		{"none", nil, nil, EarlyFailed, "there is none"},
	} {
		f := early0()
		if c.facts != nil {
			c.facts(f)
		}
		err := (&AntiReplay{Register: c.register, Timeout: time.Minute}).Admit(bg, f, []byte("binder"))
		if CodeOf(err) != c.want || (err == nil) != (c.want == OK) || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v, want %q with %q", c.name, err, string(c.want), c.text)
		}
	}
}

// A register is told the hash of the binder, and until when: the hello is fresh to the last moment before.
func TestAdmitClaims(t *testing.T) {
	f, want := early0(), ReplayID([]byte("binder"))
	for _, window := range []time.Duration{0, time.Second, time.Minute} {
		var until time.Time
		a := &AntiReplay{Window: window, Timeout: time.Minute, Register: answering(func(_ context.Context, id [32]byte, expires time.Time) (bool, error) {
			if id != want {
				t.Errorf("id: got %x, want %x", id, want)
			}
			until = expires
			return true, nil
		})}
		g := *f
		g.Now = g.Now.Add(-window) // a copy that comes at another time is claimed until the same
		for _, f := range []*EarlyFacts{f, &g} {
			if err := a.Admit(bg, f, []byte("binder")); err != nil {
				t.Fatal(err)
			}
			if got := f.Now.Add(orDefault(window, 10*time.Second) + time.Millisecond); f.Now.Equal(early0().Now) && !until.Equal(got) {
				t.Errorf("window %v: got %v, want %v", window, until, got)
			}
		}
		late := *f
		late.Window, late.Now = window, until
		if ok, why := AcceptEarlyData(&late); ok || why != EarlyStale {
			t.Errorf("window %v: when it is forgotten: got %t, %s, want %s", window, ok, string(why), string(EarlyStale))
		}
		late.Now = until.Add(-time.Millisecond)
		if ok, _ := AcceptEarlyData(&late); !ok {
			t.Errorf("window %v: it is remembered for longer than it is fresh", window)
		}
	}
}

// A register that is slow, whether it heeds its context or not, delays the handshake by the timeout at most.
func TestAdmitSlow(t *testing.T) {
	for name, register := range map[string]answering{
		"heeds its context": func(ctx context.Context, _ [32]byte, _ time.Time) (bool, error) {
			<-ctx.Done()
			return true, ctx.Err()
		},
		"does not": func(context.Context, [32]byte, time.Time) (bool, error) {
			time.Sleep(time.Minute)
			return true, nil
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			for _, timeout := range []time.Duration{0, 5 * time.Millisecond} {
				began := time.Now()
				err := (&AntiReplay{Register: register, Timeout: timeout}).Admit(bg, early0(), nil)
				took := time.Since(began)
				if want := orDefault(timeout, DefaultTimeout); CodeOf(err) != EarlySlow || took != want {
					t.Errorf("%s: got %v after %v, want %s after %v", name, err, took, string(EarlySlow), want)
				}
			}
			ctx, cancel := context.WithCancel(bg)
			cancel()
			if err := (&AntiReplay{Register: register}).Admit(ctx, early0(), nil); CodeOf(err) != EarlySlow {
				t.Errorf("%s, cancelled: got %v, want %s", name, err, string(EarlySlow))
			}
			time.Sleep(time.Hour)
		})
	}
}

// server is one process: ticket keys, and a register that may be its own.
type server struct {
	clock  *clock
	keys   *TicketKeys
	replay *AntiReplay
	early  uint32 // how much early data it takes
}

func newServer(t *testing.T, c *clock, r Register) *server {
	return &server{clock: c, keys: fixedKeys(t, c, 1), replay: &AntiReplay{Register: r, Timeout: time.Minute}, early: 16384}
}

// flight is a client's first flight, as it can be recorded and sent again.
type flight struct{ hello []byte }

// ticketAndFlight has the server issue a ticket, and the client use it a minute later.
func ticketAndFlight(t *testing.T, s *server) (client *PSK, f flight) {
	t.Helper()
	m, err := Issue(bg, s.clock.env(), s.keys, &State{
		Params: server13().Params, Side: server13().Side, Authenticated: s.clock.now(), Lifetime: MaxLifetime,
	}, testResumption, 0)
	if err != nil {
		t.Fatal(err)
	}
	session := Accept(client13As(s), m, testResumption, s.clock.now())
	s.clock.add(time.Minute)
	client = session.PSK(session.Ticket)
	return client, flight{hello(t, s.clock.env(), []*PSK{client}, nil)}
}

func client13As(s *server) *State {
	c := client13()
	c.Suite, c.Authenticated = server13().Suite, s.clock.now()
	return c
}

// receive is what the flow will do with a ClientHello: it reports whether the session is resumed, and the code for early
// data.
func (s *server) receive(t *testing.T, f flight) (resumed bool, early Code) {
	t.Helper()
	m := decodeHello(t, f.hello)
	want := facts(server13())
	want.Now, want.Auth = s.clock.now(), Fingerprint{}
	sel := Select(bg, FromTickets(s.keys), m.PSK.Identities, want)
	if sel.PSK == nil {
		return false, EarlyNoPSK
	}
	hash, err := BinderHash(crypto.SHA256, nil, f.hello, m.PSK.BindersAt)
	if err != nil {
		t.Fatal(err)
	}
	binder := m.PSK.Binders[sel.Index]
	if err := sel.PSK.VerifyBinder(sel.PSK.Schedule(nil), hash, binder); err != nil {
		t.Fatal(err)
	}
	chosen := server13().Params
	chosen.MaxEarlyData = s.early
	return true, CodeOf(s.replay.Admit(bg, &EarlyFacts{
		Offered: true, Index: sel.Index, PSK: sel.PSK, Chosen: chosen, Age: m.PSK.Identities[sel.Index].ObfuscatedTicketAge, Now: s.clock.now(),
	}, binder))
}

func wantReceived(t *testing.T, what string, s *server, f flight, early Code) {
	t.Helper()
	if resumed, got := s.receive(t, f); !resumed || got != early {
		t.Errorf("%s: got resumed %t, early data %q, want true, %q", what, resumed, string(got), string(early))
	}
}

// warmStrikes is a register that has been up for long enough.
func warmStrikes(c *clock) *Strikes {
	s := NewStrikes(0, DefaultStrikes, c.now)
	c.add(time.Hour)
	return s
}

// A first flight that is sent 1,000 times at once is accepted once. Run it with -race.
func TestReplayConcurrently(t *testing.T) {
	c := newClock()
	strikes := warmStrikes(c)
	servers := []*server{newServer(t, c, strikes)}
	_, f := ticketAndFlight(t, servers[0])
	wantOnce(t, servers, f)

	// Several processes that share keys and register accept it once in all.
	for range 3 {
		servers = append(servers, newServer(t, c, strikes))
	}
	_, f = ticketAndFlight(t, servers[0])
	wantOnce(t, servers, f)
}

func wantOnce(t *testing.T, servers []*server, f flight) {
	t.Helper()
	var accepted, refused atomic.Int32
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range 1000 {
		done.Go(func() {
			start.Wait()
			switch resumed, why := servers[i%len(servers)].receive(t, f); {
			case resumed && why == OK:
				accepted.Add(1)
			case resumed && why == EarlyReplayed:
				refused.Add(1)
			}
		})
	}
	start.Done()
	done.Wait()
	if a, r := accepted.Load(), refused.Load(); a != 1 || r != 999 {
		t.Errorf("%d servers: got %d accepted and %d refused as replays, want 1 and 999", len(servers), a, r)
	}
}

// A flight that was accepted is not accepted after a restart with the same ticket keys, while it is fresh and after; the
// session itself is resumed all along, and new flights are welcome once the warm-up is over.
func TestReplayAfterRestart(t *testing.T) {
	c := newClock()
	s := newServer(t, c, warmStrikes(c))
	psk, f := ticketAndFlight(t, s)
	wantReceived(t, "the original", s, f, OK)
	wantReceived(t, "at once", s, f, EarlyReplayed)
	sent := c.now()

	s = newServer(t, c, NewStrikes(0, DefaultStrikes, c.now))
	for c.now().Sub(sent) <= DefaultWindow {
		wantReceived(t, "after the restart, "+c.now().Sub(sent).String(), s, f, EarlyWarmUp)
		c.add(100 * time.Millisecond)
	}
	wantReceived(t, "after the window", s, f, EarlyStale)

	fresh := flight{hello(t, c.env(), []*PSK{psk}, nil)}
	wantReceived(t, "a new flight", s, fresh, OK)
	wantReceived(t, "a new flight, again", s, fresh, EarlyReplayed)
}

// No flight that a server may have accepted just before it was restarted is accepted after, whatever its clock said: the
// restart happens at each moment, and the copy comes at each moment after.
func TestRestartAtEveryMoment(t *testing.T) {
	const step = 500 * time.Millisecond
	for skew := -DefaultWindow; skew <= DefaultWindow; skew += step {
		c := newClock()
		before := NewStrikes(0, 10, c.now)
		c.add(time.Hour)
		f := early0()
		f.Now = c.now()
		f.PSK.Session.Created = f.Now.Add(skew - time.Minute - f.PSK.Session.RTT)
		a := &AntiReplay{Register: before, Timeout: time.Minute}
		if err := a.Admit(bg, f, nil); err != nil {
			t.Fatalf("skew %v: %v", skew, err)
		}
		c.add(time.Millisecond)
		a.Register = NewStrikes(0, 10, c.now)
		for range 45 * time.Second / step {
			f.Now = c.now()
			if err := a.Admit(bg, f, nil); err == nil {
				t.Fatalf("skew %v: accepted again %v after the restart", skew, c.now().Sub(epoch)-time.Hour)
			}
			c.add(step)
		}
	}
}

// With early data off the same flight is resumed without it.
func TestEarlyDataOff(t *testing.T) {
	c := newClock()
	s := newServer(t, c, warmStrikes(c))
	_, f := ticketAndFlight(t, s)
	s.early = 0
	wantReceived(t, "off", s, f, EarlyOff)
	s.early = 100
	wantReceived(t, "less than the ticket allows", s, f, EarlySize)
	s.early = 16384
	wantReceived(t, "on again", s, f, OK)
}

// A flight of an hour ago is refused by its age, without the register's help.
func TestReplayAfterWindow(t *testing.T) {
	c := newClock()
	s := newServer(t, c, warmStrikes(c))
	_, f := ticketAndFlight(t, s)
	c.add(time.Hour)
	s.replay.Register = answering(func(context.Context, [32]byte, time.Time) (bool, error) {
		t.Error("the register was asked")
		return true, nil
	})
	wantReceived(t, "an hour later", s, f, EarlyStale)
}

// An external PSK has no age, so that its hellos would have to be remembered for ever: a register in memory refuses.
func TestExternalEarlyData(t *testing.T) {
	c := newClock()
	f := early0()
	f.PSK, f.Now = external(), c.now()
	a := &AntiReplay{Register: warmStrikes(c), Timeout: time.Minute}
	if err := a.Admit(bg, f, []byte("binder")); err != EarlyHorizon {
		t.Errorf("in memory: got %v, want %s", err, string(EarlyHorizon))
	}
	var until time.Time
	a.Register = answering(func(_ context.Context, _ [32]byte, expires time.Time) (bool, error) {
		until = expires
		return true, nil
	})
	if err := a.Admit(bg, f, []byte("binder")); err != nil || !until.IsZero() {
		t.Errorf("a register for ever: got %v, until %v", err, until)
	}
}
