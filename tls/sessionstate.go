package tls

import (
	"context"
	"errors"
	"slices"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/session"
)

// SessionState is a session that can be resumed. It holds secrets.
type SessionState struct {
	// Extra is the program's own: each layer may add items at the end and keeps what is there.
	// In a server's session it is in the ticket, which has room for 16 KiB with all that it
	// holds.
	Extra [][]byte
	// EarlyData says whether the session may be resumed with early data. To clear it is to
	// forbid that.
	EarlyData bool

	state *session.State
}

var errNoSession = errors.New("tls: this SessionState is none: it comes from ParseSessionState, a cache or WrapSession")

// newSessionState returns s as users see it. It shares s.
func newSessionState(s *session.State) *SessionState {
	return &SessionState{Extra: s.Extra, EarlyData: s.MaxEarlyData > 0, state: s}
}

// NegotiatedProtocol is the application protocol (ALPN) of the connection that the session
// comes from, or empty. A session is resumed for the same protocol only.
func (s *SessionState) NegotiatedProtocol() string {
	if s == nil || s.state == nil {
		return ""
	}
	return s.state.ALPN
}

// inner is the session with what the program changed. It shares the secret.
func (s *SessionState) inner() (*session.State, error) {
	if s == nil || s.state == nil {
		return nil, errNoSession
	}
	state := *s.state
	state.Extra = s.Extra
	if !s.EarlyData {
		state.MaxEarlyData = 0
	}
	return &state, nil
}

// Bytes encodes the session, without its ticket, for [ParseSessionState]. The encoding is
// akushu's own, and says its version. Who has it can decrypt connections that resume the
// session without a new key exchange, and in TLS 1.2 the one that it comes from: it is to
// be kept secret.
func (s *SessionState) Bytes() ([]byte, error) {
	state, err := s.inner()
	if err != nil {
		return nil, err
	}
	state.Ticket = nil
	return state.Append(nil)
}

// ParseSessionState decodes what [SessionState.Bytes] has encoded. The error says why data
// is not that, or that it is of a version that is not known here.
func ParseSessionState(data []byte) (*SessionState, error) {
	state, err := session.Decode(data)
	if err != nil {
		return nil, err
	}
	return newSessionState(state), nil
}

// ClientSessionState is a session that a client can resume: a [SessionState] and what stands
// for it, a ticket or a session ID. It holds secrets.
type ClientSessionState struct{ state *session.State }

// ResumptionState returns the ticket and the session, so that a program can keep them. The
// ticket is nil for a session of TLS 1.2 that stands under a session ID, which is in the
// SessionState.
func (cs *ClientSessionState) ResumptionState() (ticket []byte, state *SessionState, err error) {
	if cs == nil || cs.state == nil {
		return nil, nil, nil
	}
	return slices.Clone(cs.state.Ticket), newSessionState(cs.state.Clone()), nil
}

// NewResumptionState is the reverse of [ClientSessionState.ResumptionState]. state must be a
// client's, and have either a ticket or a session ID.
func NewResumptionState(ticket []byte, state *SessionState) (*ClientSessionState, error) {
	s, err := state.inner()
	if err != nil {
		return nil, err
	}
	if s.Side != keys.Client {
		return nil, errors.New("tls: this SessionState is a server's")
	}
	if (len(ticket) == 0) == (len(s.ID) == 0) {
		return nil, errors.New("tls: a session has either a ticket or, in TLS 1.2, a session ID")
	}
	s = s.Clone()
	s.Ticket = slices.Clone(ticket)
	return &ClientSessionState{s}, nil
}

// EncryptTicket makes a ticket of a server's session, under c's ticket keys. It is what a
// server does without WrapSession, and may be called by that.
func (c *Config) EncryptTicket(_ ConnectionState, ss *SessionState) ([]byte, error) {
	s, err := ss.inner()
	if err != nil {
		return nil, err
	}
	return c.ticketKeys().Seal(context.Background(), s)
}

// DecryptTicket makes a session of a ticket that EncryptTicket made under a key that c still
// accepts. It returns nil, and no error, for any other. It is what a server does without
// UnwrapSession, and may be called by that.
func (c *Config) DecryptTicket(identity []byte, _ ConnectionState) (*SessionState, error) {
	s, _, err := c.ticketKeys().Open(context.Background(), identity)
	if err != nil {
		return nil, nil
	}
	return newSessionState(s), nil
}

// setHooks has flows ask WrapSession and UnwrapSession.
func (r *resolved) setHooks(c *Config) {
	if c.WrapSession != nil {
		r.ticketing.Wrap = sessionHooks{c}
	}
	if c.UnwrapSession != nil {
		r.ticketing.Unwrap = sessionHooks{c}
	}
}

// sessionHooks is a Config's, as flows would have them.
type sessionHooks struct{ c *Config }

// Wrap implements [handshake.Wrapper]. The session that WrapSession is given is its own.
func (h sessionHooks) Wrap(result *handshake.Result, s *session.State) ([]byte, error) {
	ticket, err := h.c.WrapSession(connectionState(result, false), newSessionState(s.Clone()))
	if err == nil && (ticket != nil && len(ticket) == 0 || len(ticket) > session.MaxTicket) {
		err = errors.New("tls: WrapSession returned a ticket that is empty, or of more than 16 KiB")
	}
	if err != nil {
		return nil, refused(err)
	}
	return ticket, nil
}

// Unwrap implements [handshake.Unwrapper]. It copies the session.
func (h sessionHooks) Unwrap(result *handshake.Result, ticket []byte) (*session.State, error) {
	ss, err := h.c.UnwrapSession(slices.Clone(ticket), connectionState(result, false))
	if err == nil && ss == nil {
		return nil, nil
	}
	var s *session.State
	if err == nil {
		s, err = ss.inner()
	}
	if err == nil && s.Side != keys.Server {
		err = errors.New("tls: UnwrapSession returned a client's session")
	}
	if err != nil {
		return nil, refused(err)
	}
	return s.Clone(), nil
}

// lendKeys returns what other, which a callback has given for one client, amounts to: with
// our ticket keys, unless it was given keys of its own, as in crypto/tls.
func (r *resolved) lendKeys(other *Config, to *handshake.ServerConfig) *handshake.ServerConfig {
	if to.Resumption == nil || other.ticketKeys().Given() {
		return to
	}
	lent, resumption := *to, *to.Resumption
	lent.Resumption = &resumption
	if resumption.Tickets != nil {
		resumption.Tickets = r.ticketing.Tickets
	}
	if resumption.IDs != nil {
		resumption.IDs = &session.IDs{Cache: resumption.IDs.Cache, Tickets: r.keys}
	}
	r.lendRegister(other, &lent)
	return &lent
}
