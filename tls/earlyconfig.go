package tls

import (
	"context"
	"time"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/session"
)

// EarlyDataRegister remembers which early data was accepted. It may be shared by many
// servers, and is safe for concurrent use.
//
// Of any number of claims to one id, at most one may be told that it is the first, whatever
// happens: a register that does not know must return an error or false. In Redis or Valkey
// that is SET id 1 NX PXAT expires. One that does not answer within 100 ms costs the client a
// round trip: its early data is rejected.
type EarlyDataRegister interface {
	// Claim records id until expires, and reports whether it was not there before. It
	// returns when ctx is done.
	Claim(ctx context.Context, id [32]byte, expires time.Time) (first bool, err error)
}

// NewEarlyDataRegister returns a register in memory, for Configs with the same
// EarlyDataWindow, which is window. It holds 100,000 claims, in 10 MB at most, and refuses
// what is more.
func NewEarlyDataRegister(window time.Duration) EarlyDataRegister {
	return session.NewStrikes(window, session.DefaultStrikes, time.Now)
}

// register is that of c and its clones, made on first use.
func (c *Config) register() *session.Strikes {
	if s := c.strikes.Load(); s != nil {
		return s
	}
	c.strikes.CompareAndSwap(nil, session.NewStrikes(c.EarlyDataWindow, session.DefaultStrikes, c.env().Now))
	return c.strikes.Load()
}

// setEarlyData has a server take early data, as far as c does.
func (r *resolved) setEarlyData(c *Config) {
	r.replayEarly = c.ReplayEarlyData
	r.register = func() session.Register {
		if c.EarlyDataRegister != nil {
			return c.EarlyDataRegister
		}
		return c.register()
	}
	if c.MaxEarlyData == 0 {
		return
	}
	r.early = handshake.ServerEarlyData{
		Max:        c.MaxEarlyData,
		AntiReplay: session.AntiReplay{Register: r.register(), Window: c.EarlyDataWindow},
	}
	r.server.EarlyData = &r.early
}

// lendRegister has other take early data once together with all that take the same tickets,
// unless it was given a register of its own.
func (r *resolved) lendRegister(other *Config, to *handshake.ServerConfig) {
	if to.EarlyData == nil || other.EarlyDataRegister != nil {
		return
	}
	lent := *to.EarlyData
	lent.AntiReplay.Register = r.register()
	to.EarlyData = &lent
}
