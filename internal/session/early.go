package session

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/akushu/akushu/internal/iana"
)

// DefaultWindow is by how much the time at which a ClientHello should have arrived and the time at which it did may
// differ. RFC 9846 §8.3 gives ten seconds for clients on the Internet.
const DefaultWindow = 10 * time.Second

// EarlyFacts is what a server knows when it considers early data. The PSK is the selected one, and its binder must have
// been verified: otherwise nothing of the ClientHello can be relied on.
type EarlyFacts struct {
	Offered bool // the ClientHello has early_data
	Retried bool // a HelloRetryRequest was sent
	Index   int  // selected_identity
	PSK     *PSK // nil: none was selected
	// Chosen is what this handshake came to, with how many bytes of early data the server takes; 0: none.
	Chosen Params
	Age    uint32        // the obfuscated_ticket_age of the selected identity
	Now    time.Time     // when the ClientHello came
	Window time.Duration // 0: DefaultWindow
}

// earlyRules is RFC 9846 §4.3.10 with §8.3, and one rule that is ours: the server name, for a request that is processed
// before the handshake is over should not be one for another virtual host.
var earlyRules = []rule[*EarlyFacts]{
	{EarlyNotOffered, func(f *EarlyFacts) bool { return f.Offered }},
	{EarlyOff, func(f *EarlyFacts) bool { return f.Chosen.MaxEarlyData > 0 }},
	{EarlyRetried, func(f *EarlyFacts) bool { return !f.Retried }},
	{EarlyNoPSK, func(f *EarlyFacts) bool { return f.PSK != nil }},
	{EarlyNotFirst, func(f *EarlyFacts) bool { return f.Index == 0 }},
	{EarlyNotAllowed, func(f *EarlyFacts) bool { return f.PSK.MaxEarlyData > 0 }},
	{EarlyVersion, func(f *EarlyFacts) bool {
		return f.Chosen.Version == iana.VersionTLS13 && f.PSK.Version == f.Chosen.Version
	}},
	{EarlySuite, func(f *EarlyFacts) bool { return f.PSK.Suite == f.Chosen.Suite }},
	{EarlyALPN, func(f *EarlyFacts) bool { return f.PSK.ALPN == f.Chosen.ALPN }},
	{EarlyServerName, func(f *EarlyFacts) bool { return f.PSK.ServerName == f.Chosen.ServerName }},
	{EarlySize, func(f *EarlyFacts) bool { return f.PSK.MaxEarlyData <= f.Chosen.MaxEarlyData }},
	{EarlyStale, func(f *EarlyFacts) bool { return f.lateness() <= f.window() }},
	{EarlyFuture, func(f *EarlyFacts) bool { return f.lateness() >= -f.window() }},
}

// AcceptEarlyData decides whether early data may be accepted, were it not for replays: [AntiReplay.Admit] asks this and
// then the register.
func AcceptEarlyData(f *EarlyFacts) (ok bool, why Code) { return decide(earlyRules, f) }

func (f *EarlyFacts) window() time.Duration { return orDefault(f.Window, DefaultWindow) }

func orDefault(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// expectedArrival is when the ClientHello should have come, by the age that the client says the ticket has (RFC 9846
// §8.3).
func (f *EarlyFacts) expectedArrival() time.Time {
	s := f.PSK.Session
	adjustedCreation := s.Created.Add(s.RTT)
	return adjustedCreation.Add(ticketAge(f.Age, s.AgeAdd))
}

// lateness is by how much the ClientHello came after it should have, below zero for before.
func (f *EarlyFacts) lateness() time.Duration { return f.PSK.Lateness(f.Age, f.Now) }

// Lateness is by how much now is after the time by the age that a client says its ticket has, below zero for before,
// and zero for an external PSK, where a client says 0.
func (p *PSK) Lateness(obfuscatedAge uint32, now time.Time) time.Duration {
	if p.External() {
		return 0
	}
	return now.Sub((&EarlyFacts{PSK: p, Age: obfuscatedAge}).expectedArrival())
}

// forgettable is when the ClientHello needs no longer be remembered, for it is stale from then on. It is the same for
// every copy of the ClientHello. It is zero, for never, where the PSK is external and a ClientHello has no age (RFC 9846
// §4.3.11).
func (f *EarlyFacts) forgettable() time.Time {
	if f.PSK.External() {
		return time.Time{}
	}
	return f.expectedArrival().Add(f.window() + time.Millisecond)
}

// ticketAge undoes ObfuscatedAge, modulo 2^32 milliseconds, which is 49 days.
func ticketAge(obfuscated, add uint32) time.Duration {
	return time.Duration(obfuscated-add) * time.Millisecond
}

type early struct {
	*PSK
	offer *Offer
}

var sendRules = []rule[early]{
	{EarlyNotAllowed, func(e early) bool { return e.MaxEarlyData > 0 }},
	{EarlyVersion, func(e early) bool { return e.Version == iana.VersionTLS13 && e.offer.allows(e.Version) }},
	{EarlySuite, func(e early) bool { return contains(e.offer.Suites, e.Suite) }},
	{EarlyALPN, func(e early) bool { return e.ALPN == "" || contains(e.offer.ALPN, e.ALPN) }},
	{EarlyServerName, func(e early) bool { return e.ServerName == e.offer.ServerName }},
}

// MaySendEarlyData decides whether a client may send early data under psk, which must be the first that it offers.
func MaySendEarlyData(psk *PSK, offer *Offer) (ok bool, why Code) {
	return decide(sendRules, early{psk, offer})
}

// Register remembers what was accepted once, for one server or for many that share their ticket keys. It is safe for
// concurrent use.
//
// Of any number of claims to one id, at most one may be told that it is the first, whatever happens: a register that does
// not know must return an error or false. In Redis or Valkey that is SET id 1 NX PXAT expires.
type Register interface {
	// Claim records id until expires (the zero time: for ever), and reports whether it was not there before. It returns
	// when ctx is done.
	Claim(ctx context.Context, id [32]byte, expires time.Time) (first bool, err error)
}

// DefaultTimeout is how long an answer of the register is waited for: much longer, and the round trip that early data
// saves is lost.
const DefaultTimeout = 100 * time.Millisecond

// AntiReplay lets the early data of one ClientHello in once (RFC 9846 §8). Servers that share a register have the same
// window.
type AntiReplay struct {
	Register Register      // nil refuses all
	Window   time.Duration // 0: DefaultWindow
	Timeout  time.Duration // for the register; 0: DefaultTimeout
}

// Admit decides whether early data is accepted: nil if it is, and otherwise why not, an error whose code [CodeOf] gives.
// binder is the verified one of the selected identity. Where the register fails, or does not answer in time, early data
// is refused, and the handshake goes on.
func (a *AntiReplay) Admit(ctx context.Context, facts *EarlyFacts, binder []byte) error {
	f := *facts
	f.Window = a.Window
	if ok, why := AcceptEarlyData(&f); !ok {
		return why
	}
	first, err := a.claim(ctx, &f, ReplayID(binder))
	switch {
	case err != nil:
		return refusal(err)
	case !first:
		return EarlyReplayed
	}
	return nil
}

// refusal gives an error of the register a code, where it has none.
func refusal(err error) error {
	switch {
	case CodeOf(err) != OK:
		return err
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: %w", EarlySlow, err)
	}
	return fmt.Errorf("%w: %w", EarlyFailed, err)
}

// ReplayID is what a ClientHello is remembered by: the hash of its binder, which is unique to it, cannot be made without
// the PSK, and has been verified (RFC 9846 §8.2).
func ReplayID(binder []byte) [32]byte { return sha256.Sum256(binder) }

var errNoRegister = errors.New("there is none")

// claim asks the register. One in memory answers at once, and is told more.
func (a *AntiReplay) claim(ctx context.Context, f *EarlyFacts, id [32]byte) (first bool, err error) {
	switch r := a.Register.(type) {
	case nil:
		return false, errNoRegister
	case *Strikes:
		return r.claim(id, f.forgettable(), f.PSK.issued())
	}
	return a.await(ctx, id, f.forgettable())
}

// issued is when the PSK's ticket was made, zero for an external PSK.
func (p *PSK) issued() time.Time {
	if p.External() {
		return time.Time{}
	}
	return p.Session.Created
}

// await asks the register, and does not wait for one that does not keep to its deadline.
func (a *AntiReplay) await(ctx context.Context, id [32]byte, expires time.Time) (first bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, orDefault(a.Timeout, DefaultTimeout))
	defer cancel()
	type answer struct {
		first bool
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				answered <- answer{err: fmt.Errorf("it panicked: %v", p)}
			}
		}()
		first, err := a.Register.Claim(ctx, id, expires)
		answered <- answer{first, err}
	}()
	select {
	case got := <-answered:
		return got.first, got.err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
