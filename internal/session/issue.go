package session

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
)

// Issue makes a NewSessionTicket of TLS 1.3 (RFC 9846 §4.7.1). base is the session but for what belongs to the ticket
// itself, and is not changed. resumption is the connection's resumption_secret, and number counts its tickets from 0. The
// ticket lives for base.Lifetime, or as long as base.Authenticated still allows; zero is now. An error means that there is no ticket
// to send, and nothing worse.
func Issue(ctx context.Context, env Env, t Tickets, base *State, resumption keys.Secret, number uint64) (*msg.NewSessionTicket, error) {
	var add [4]byte
	if _, err := io.ReadFull(env.Rand, add[:]); err != nil {
		return nil, fmt.Errorf("ticket_age_add: %w", err)
	}
	m := &msg.NewSessionTicket{
		AgeAdd:       binary.BigEndian.Uint32(add[:]),
		Nonce:        binary.AppendUvarint(nil, number),
		MaxEarlyData: base.MaxEarlyData,
	}
	if m.MaxEarlyData > 0 {
		m.Extensions.Add(iana.ExtEarlyData)
	}
	s := *base
	s.AgeAdd = m.AgeAdd
	s.Secret = ticketPSK(&s, resumption, m.Nonce)
	defer s.Secret.Wipe()
	var err error
	m.Ticket, m.Lifetime, err = seal(ctx, env, t, &s)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Issue12 makes a NewSessionTicket of TLS 1.2 (RFC 5077 §3.3). base is the session, main secret included, and is not
// changed. An error means that there is no ticket to send: an empty one is sent where one was promised.
func Issue12(ctx context.Context, env Env, t Tickets, base *State) (*msg.NewSessionTicket12, error) {
	s := *base
	ticket, lifetime, err := seal(ctx, env, t, &s)
	if err != nil {
		return nil, err
	}
	return &msg.NewSessionTicket12{LifetimeHint: lifetime, Ticket: ticket}, nil
}

// seal makes s a session that begins now, and a ticket of it. It returns the lifetime in seconds.
func seal(ctx context.Context, env Env, t Tickets, s *State) ([]byte, uint32, error) {
	if err := s.begin(env.Now()); err != nil {
		return nil, 0, err
	}
	ticket, err := t.Seal(ctx, s)
	return ticket, uint32(s.Lifetime / time.Second), err
}

// begin has s live from now on, as long as the handshake that authenticated the peer allows: this one, where s does not
// say.
func (s *State) begin(now time.Time) error {
	s.Created = wall(now)
	if s.Authenticated.IsZero() {
		s.Authenticated = s.Created
	}
	s.Lifetime = min(s.Lifetime, s.Authenticated.Add(MaxLifetime).Sub(s.Created)).Truncate(time.Second)
	if s.Lifetime <= 0 {
		return SessionAuthAge
	}
	return nil
}

// wall returns t without the monotonic clock, which stands still while a machine sleeps.
func wall(t time.Time) time.Time { return t.Round(0) }

func ticketPSK(s *State, resumption keys.Secret, nonce []byte) keys.Secret {
	return keys.TLS13(s.Hash(), nil).TicketPSK(resumption, nonce)
}

// Accept returns the session that a client has with a NewSessionTicket of TLS 1.3, or nil where it is not for keeping
// (RFC 9846 §4.7.1). base is the session but for what belongs to the ticket, and is not changed.
func Accept(base *State, m *msg.NewSessionTicket, resumption keys.Secret, now time.Time) *State {
	if m.Lifetime == 0 {
		return nil
	}
	s := accepted(base, m.Ticket, m.Lifetime, now)
	s.AgeAdd = m.AgeAdd
	s.MaxEarlyData = 0
	if m.Extensions.Has(iana.ExtEarlyData) {
		s.MaxEarlyData = m.MaxEarlyData
	}
	s.Secret = ticketPSK(s, resumption, m.Nonce)
	return s
}

// Accept12 returns the session that a client has with a NewSessionTicket of TLS 1.2, or nil where the ticket is empty
// (RFC 5077 §3.3). base is the session, main secret included, and is not changed.
func Accept12(base *State, m *msg.NewSessionTicket12, now time.Time) *State {
	if len(m.Ticket) == 0 {
		return nil
	}
	lifetime := m.LifetimeHint
	if lifetime == 0 {
		lifetime = uint32(DefaultLifetime / time.Second)
	}
	s := accepted(base, m.Ticket, lifetime, now)
	s.ID = nil
	s.Secret = base.Secret.Clone()
	return s
}

// AcceptID returns the session that a client has by a session ID, or nil where that is empty: the server keeps none
// (RFC 5246 §7.4.1.3). base is as for [Accept12].
func AcceptID(base *State, id []byte, now time.Time) *State {
	if len(id) == 0 {
		return nil
	}
	s := accepted(base, nil, uint32(DefaultLifetime/time.Second), now)
	s.ID = append([]byte(nil), id...)
	s.Secret = base.Secret.Clone()
	return s
}

// accepted returns a copy of base that begins now and has the ticket, which it copies.
func accepted(base *State, ticket []byte, seconds uint32, now time.Time) *State {
	s := *base
	s.Ticket = append([]byte(nil), ticket...)
	s.Created = wall(now)
	s.Lifetime = min(time.Duration(seconds)*time.Second, MaxLifetime)
	return &s
}
