package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/akushu/akushu/internal/hook"
	"github.com/akushu/akushu/tls"
)

// early is early data, and what must become of it.
type early struct {
	on                bool // it may be sent, or is taken
	capable           bool // tickets must allow it
	accepted          bool
	rejected          bool
	notOffered        bool
	acceptedForReason bool // as accepted, as BoringSSL has it in its reasons
	otherReason       bool // a reason why it is not
}

// What the tests take for given: how much early data a server takes, and by how much its time
// may be off.
const (
	mostEarly   = 14336
	earlyWindow = 60 * time.Second
)

// setEarlyData has a server take early data.
func (s *session) setEarlyData(c *tls.Config) error {
	if s.plan.early.on {
		c.MaxEarlyData, c.EarlyDataWindow, c.EarlyDataRegister = mostEarly, earlyWindow, s.plan.memory
	}
	return nil
}

// shake shakes hands, up to where early data can be written or read.
func (s *session) shake() (err error) {
	ctx := context.Background()
	switch {
	case !s.plan.early.on && s.plan.implicit:
		return nil
	case !s.plan.early.on:
		return s.Handshake()
	case s.plan.server:
		s.early, err = s.EarlyData(ctx)
		return err
	}
	s.allowance = mostEarly
	if s.plan.session != nil {
		s.allowance = int(hook.MaxEarlyData(s.plan.session))
	}
	return s.HandshakeEarly(ctx)
}

// mayBeEarly reports whether a client has something to say early.
func (s *session) mayBeEarly() bool {
	p := s.plan
	return p.early.on && !p.server && s.resumes && p.session != nil && hook.MaxEarlyData(p.session) > 0
}

// readEarly is Read, and early data first. When that has ended, so has the handshake.
func (s *session) readEarly(buf []byte) (int, error) {
	if s.early == nil {
		return s.Read(buf)
	}
	n, err := s.early.Read(buf)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	s.early = nil
	return s.Read(buf)
}

// lose has the plan for a connection whose early data was rejected take over.
func (s *session) lose() error {
	if !s.plan.early.rejected {
		return mustFail{tls.ErrEarlyDataRejected}
	}
	s.AcknowledgeRejection()
	s.plan = s.plan.retry
	if err := s.check(); err != nil {
		return mustFail{err}
	}
	return s.say()
}

// checkEarly checks what became of early data.
func (s *session) checkEarly() error {
	info, complete := s.Info()
	if !complete {
		return nil
	}
	e := &s.plan.early
	for _, must := range []struct {
		wanted bool
		what   string
		holds  bool
	}{
		{e.accepted || e.acceptedForReason, "that early data is accepted", info.EarlyData == "accepted"},
		{e.rejected || e.otherReason, "that early data is not accepted", info.EarlyData != "accepted"},
		{e.notOffered, "that there is no early data", info.EarlyData == "none"},
	} {
		if !must.wanted {
			continue
		}
		if err := same(must.what, must.holds, true); err != nil {
			return mustFail{err}
		}
	}
	return nil
}

// reason takes BoringSSL's word for what became of early data. We have others, in sentences.
func reason(p *plan, v string) error {
	p.early.acceptedForReason, p.early.otherReason = v == "accept", v != "accept"
	return nil
}

// checkCapable checks that a ticket allows early data, or does not.
func (s *session) checkCapable() error {
	if s.plan.session == nil {
		return nil
	}
	if err := same("whether a ticket allows early data", hook.MaxEarlyData(s.plan.session) > 0, s.plan.early.capable); err != nil {
		return mustFail{err}
	}
	return nil
}
