package main

import (
	"errors"
	"fmt"

	"github.com/akushu/akushu/tls"
)

// ticketKey is every server's, so that one takes the tickets of the one before it.
// anotherKey is newer: tickets of the older one are renewed.
var ticketKey, anotherKey = [32]byte{'b', 'o', 'g', 'o'}, [32]byte{'n', 'e', 'w'}

// setTickets gives a server its ticket keys, and callbacks where the test is about those.
func (s *session) setTickets(c *tls.Config) error {
	call := &s.plan.callback
	if call.renewTicket && s.resumes {
		c.SetSessionTicketKeys([][32]byte{anotherKey, ticketKey})
		return nil // UnwrapSession has no say in that
	}
	c.SetSessionTicketKeys([][32]byte{ticketKey})
	if !call.ticket {
		return nil
	}
	c.WrapSession = func(state tls.ConnectionState, session *tls.SessionState) (ticket []byte, err error) {
		if call.noTicket {
			return nil, nil
		}
		s.elsewhere(func() { ticket, err = c.EncryptTicket(state, session) })
		return ticket, err
	}
	asked := false
	c.UnwrapSession = func(ticket []byte, state tls.ConnectionState) (session *tls.SessionState, err error) {
		if asked {
			return nil, mustFail{errors.New("the callback for tickets is asked twice")}
		}
		asked = true
		s.elsewhere(func() { session, err = c.DecryptTicket(ticket, state) })
		return session, err
	}
	return nil
}

// checkSkew checks by how many seconds a client's idea of its ticket's age is ahead of ours.
func (s *session) checkSkew() error {
	info, complete := s.Info()
	if !complete || s.plan.wanted.skew == "" || !s.resumes {
		return nil
	}
	if err := same("by how many seconds the client is ahead", fmt.Sprint((-info.TicketLateness).Seconds()), s.plan.wanted.skew); err != nil {
		return mustFail{err}
	}
	return nil
}
