package handshake

import (
	"bytes"
	"context"
	"io"
	"slices"
	"time"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/session"
	"github.com/akushu/akushu/internal/suite"
)

// Resumption in TLS 1.2 and before: by session ID (RFC 5246 §7.3) and by ticket (RFC 5077).
// Either makes the handshake an abbreviated one:
//
//	Client                                    Server
//	ClientHello
//	                                     ServerHello
//	                              [NewSessionTicket]
//	                                ChangeCipherSpec
//	                                        Finished
//	ChangeCipherSpec
//	Finished

// sessionIDSize is the length in bytes of the session IDs that are made here: the longest
// there may be (RFC 5246 §7.4.1.2).
const sessionIDSize = 32

// offerTickets says, to a server of TLS 1.2, that we can keep a ticket (RFC 5077 §3.2).
func (c *client) offerTickets() {
	if c.cfg.Resumption != nil && c.cfg.MinVersion < iana.VersionTLS13 {
		c.hello.Extensions.Add(iana.ExtSessionTicket)
	}
}

// offerOld offers a session of TLS 1.2 by its ID, or by its ticket beside a session ID that
// a server repeats who takes it (RFC 5077 §3.4).
func (c *client) offerOld(s *session.State) error {
	c.session.old = s
	if len(s.Ticket) == 0 {
		c.hello.SessionID = s.ID
		return nil
	}
	c.hello.SessionTicket = s.Ticket
	if len(c.hello.SessionID) > 0 { // it is there for middleboxes already
		return nil
	}
	c.hello.SessionID = make([]byte, sessionIDSize)
	if _, err := io.ReadFull(c.cfg.Rand, c.hello.SessionID); err != nil {
		return alert.Internal("client_hello.legacy_session_id", "no randomness: %w", err)
	}
	return nil
}

// takeSessionID tells whether the server resumes: it does where it repeats our session ID.
// One that stands for no session it may not repeat.
func (c *client12) takeSessionID() error {
	id := c.client.hello.SessionID
	if len(id) == 0 || !bytes.Equal(id, c.hello.SessionID) {
		c.session.wipe()
		return nil
	}
	old := c.session.old
	if old == nil {
		return alert.Illegal("server_hello.legacy_session_id_echo", "RFC 5246 §7.4.1.3", "there is no session to resume under it")
	}
	c.result.Resumed = true
	return session.CheckResumed(old, c.result.Version, c.result.Suite.ID, c.hello.Extensions.Has(iana.ExtExtendedMainSecret))
}

// resume goes through the rest of the abbreviated handshake.
func (c *client12) resume() (*Result, Post, error) {
	defer c.wipe()
	old := c.session.old
	c.result.Group, c.result.Peer = old.Group, c.session.peer
	c.transcript.forget()
	c.deriveFrom(old.Secret, c.result, c.cfg.log(&c.client.hello.Random), &c.client.hello.Random, &c.hello.Random)
	ticket, err := c.recvTicket()
	if err != nil {
		return nil, nil, err
	}
	first, err := c.recvFinished12(&c.flow, keys.Server)
	if err != nil {
		return nil, nil, err
	}
	if err := c.cfg.peer(c.result); err != nil {
		return nil, nil, err
	}
	second, err := c.sendFinished12(&c.flow, keys.Client)
	if err != nil {
		return nil, nil, err
	}
	c.result.Proof = ProofData
	c.keepSession(ticket)
	c.finish12(c.result, first, &c.client.hello.Random, &c.hello.Random)
	return c.result, post12{client: true, again: c.mayRenegotiate(second, first)}, nil
}

// recvTicket takes the ticket that ServerHello promised, if it did (RFC 5077 §3.3).
func (c *client12) recvTicket() (*msg.NewSessionTicket12, error) {
	if !c.hello.Extensions.Has(iana.ExtSessionTicket) {
		return nil, nil
	}
	m := &msg.NewSessionTicket12{}
	_, err := c.receive(m)
	return m, err
}

// keepSession keeps the session of a complete handshake: by the ticket that came, or by the
// ID that a full handshake's ServerHello gave it.
func (c *client12) keepSession(ticket *msg.NewSessionTicket12) {
	if c.cfg.Resumption == nil {
		return
	}
	now := c.cfg.Now()
	base := c.result.session(keys.Client, now)
	base.Secret = c.main
	base.Peer.OCSP, base.Peer.SCTs = c.result.Peer.OCSP, c.result.Peer.SCTs
	if c.result.Resumed {
		base.Authenticated = c.session.old.Authenticated
	}
	var s *session.State
	if ticket != nil {
		s = session.Accept12(base, ticket, now)
	}
	if s == nil && !c.result.Resumed {
		s = session.AcceptID(base, c.hello.SessionID, now)
	}
	if s == nil {
		return
	}
	cache, name := c.cfg.Resumption.Cache, c.cfg.ServerName
	if len(s.Ticket) == 0 { // it must not be offered again then (RFC 5246 §7.2.2)
		c.t.OnFatal(func() { cache.Remove(name) })
	}
	cache.Put(name, s)
}

// deriveFrom makes the keys of a session's main secret, which it copies (RFC 5246 §6.3).
func (s *secrets12) deriveFrom(main keys.Secret, r *Result, log keys.Log, client, server *[32]byte) {
	s.prf = prf12(r.Version, r.Suite, log)
	s.main = main.Clone()
	if log != nil {
		log(keys.MainSecret, s.main)
	}
	s.expand(r, client, server)
}

// resumption12 is what a server of TLS 1.2 has to do with sessions.
type resumption12 struct {
	session *session.State // that is resumed; nil: none
	renew   bool           // its ticket is old
	ticket  bool           // a ticket was promised
	id      []byte         // under which the session is kept; empty: under none
}

// chooseSession settles, ahead of anything else, what does not depend on whether a session
// is resumed, and then that (RFC 5246 §7.4.1.2). A session that may not be resumed costs a
// full handshake, and nothing else but for one case (RFC 7627 §5.3).
func (s *server12) chooseSession() error {
	var err error
	s.result.ExtendedMain = s.hello.Extensions.Has(iana.ExtExtendedMainSecret)
	if s.result.ALPN, err = chooseALPN(&s.cfg.Policy, s.hello); err != nil || s.cfg.Resumption == nil {
		return err
	}
	found, renew, err := s.lookUp()
	if found == nil {
		return err
	}
	if ok, why := session.Matches(found, s.facts12()); !ok {
		found.Wipe()
		return why.Abort()
	}
	if len(found.Peer.Certificates) > 0 {
		peer, err := judgeAgain(s.cfg.ClientTrust, auth.ToSign, &found.Peer, s.cfg.Now())
		if err != nil {
			found.Wipe() // the client's certificates were good, and are not any more
			return nil
		}
		s.result.Peer = peer
	}
	s.session, s.renew = found, renew
	return nil
}

// lookUp finds the session that the client offers, by its ticket, and only where there is
// none by its ID (RFC 5077 §3.4). An error is one of a hook.
func (s *server12) lookUp() (found *session.State, renew bool, _ error) {
	r, tickets := s.cfg.Resumption, s.tickets()
	var err error
	switch {
	case len(s.hello.SessionTicket) > 0 && r.tickets():
		found, renew, err = tickets.Open(s.ctx, s.hello.SessionTicket)
	case len(s.hello.SessionTicket) == 0 && len(s.hello.SessionID) > 0 && r.IDs != nil:
		if found, err = r.IDs.Get(s.ctx, s.hello.SessionID); found != nil {
			s.forgetOnFatal(s.hello.SessionID)
		}
	}
	if err != nil {
		return nil, false, tickets.err
	}
	return found, renew, nil
}

// facts12 is what decides whether a session may be resumed.
func (s *server12) facts12() *session.Facts {
	f := &session.Facts{
		Version: s.result.Version, ServerName: s.result.ServerName, ALPN: s.result.ALPN,
		Auth: s.cfg.Resumption.Auth, ExtendedMain: s.result.ExtendedMain, Now: s.cfg.Now(),
	}
	for _, ours := range s.cfg.Suites {
		if ours.Supports(f.Version) && slices.Contains(s.hello.CipherSuites, ours.ID) {
			f.Suites = append(f.Suites, ours.ID)
		}
	}
	return f
}

// resume goes through the abbreviated handshake from ServerHello on.
func (s *server12) resume() (*Result, Post, error) {
	s.result.Suite, s.result.Group, s.result.Resumed = suite.ByID(s.session.Suite), s.session.Group, true
	s.cred = &auth.Credential{} // none is shown
	s.transcript.begin(s.result.Suite.TranscriptHash(s.result.Version))
	s.ticket = s.renew && s.hello.Extensions.Has(iana.ExtSessionTicket)
	if err := s.sendServerHello(); err != nil {
		return nil, nil, err
	}
	s.deriveFrom(s.session.Secret, s.result, s.cfg.log(&s.hello.Random), &s.hello.Random, &s.random)
	if err := s.sendTicket(); err != nil {
		return nil, nil, err
	}
	first, err := s.sendFinished12(&s.flow, keys.Server)
	if err != nil {
		return nil, nil, err
	}
	if _, err := s.recvFinished12(&s.flow, keys.Client); err != nil {
		return nil, nil, err
	}
	if err := s.cfg.peer(s.result); err != nil {
		return nil, nil, err
	}
	s.finish12(s.result, first, &s.hello.Random, &s.random)
	return s.result, post12{}, nil
}

// promise decides how the session of a full handshake is to be resumed: by a ticket where
// the client keeps one, else by an ID that stands for it here.
func (s *server12) promise() error {
	r := s.cfg.Resumption
	if r == nil {
		return nil
	}
	if s.ticket = r.Tickets != nil && s.hello.Extensions.Has(iana.ExtSessionTicket); s.ticket || r.IDs == nil {
		return nil
	}
	s.id = make([]byte, sessionIDSize)
	if _, err := io.ReadFull(s.cfg.Rand, s.id); err != nil {
		return alert.Internal("server_hello.legacy_session_id_echo", "no randomness: %w", err)
	}
	return nil
}

// addSession says in ServerHello what becomes of sessions: the ID of the one that is
// resumed, or that the new one gets, and whether there will be a ticket.
func (s *server12) addSession(m *msg.ServerHello) {
	if m.SessionID = s.id; s.session != nil {
		m.SessionID = s.hello.SessionID
	}
	if s.ticket {
		m.Extensions.Add(iana.ExtSessionTicket)
	}
}

// sendTicket sends the ticket that ServerHello promised, an empty one where there is none
// after all (RFC 5077 §3.3).
func (s *server12) sendTicket() error {
	if !s.ticket {
		return nil
	}
	tickets := s.tickets()
	m, err := session.Issue12(s.ctx, s.cfg.sessionEnv(), tickets, s.sessionState())
	if tickets.err != nil {
		return tickets.err
	}
	if err != nil {
		m = &msg.NewSessionTicket12{}
	}
	return s.send(m)
}

// keepSession keeps the session of a full handshake under the ID that it was given. Where
// that fails, the client's offer to resume it will cost a full handshake.
func (s *server12) keepSession() {
	if len(s.id) > 0 {
		_ = s.cfg.Resumption.IDs.Issue(s.ctx, s.cfg.sessionEnv(), s.sessionState(), s.id)
		s.forgetOnFatal(s.id)
	}
}

// forgetTimeout is how long a cache may take to forget a session.
const forgetTimeout = 5 * time.Second

// forgetOnFatal has the session under an ID forgotten if a fatal alert ends a connection of it:
// it must not be resumed then (RFC 5246 §7.2.2).
func (s *server12) forgetOnFatal(id []byte) {
	ids, id, ctx := s.cfg.Resumption.IDs, bytes.Clone(id), context.WithoutCancel(s.ctx)
	s.t.OnFatal(func() {
		ctx, cancel := context.WithTimeout(ctx, forgetTimeout)
		defer cancel()
		_ = ids.Remove(ctx, id) // what it does not forget, a later connection may resume
	})
}

// sessionState is the session that is to be resumed later. It shares the main secret.
func (s *server12) sessionState() *session.State {
	state := s.result.session(keys.Server, time.Time{}) // it is authenticated when it is issued
	state.Secret = s.main
	state.Lifetime, state.Auth = s.cfg.Resumption.Lifetime, s.cfg.Resumption.Auth
	if s.session != nil {
		state.Authenticated = s.session.Authenticated
	}
	return state
}

// session is what a session keeps of a handshake that was complete at now.
func (r *Result) session(side keys.Side, now time.Time) *session.State {
	state := &session.State{Params: r.params(), Side: side, Group: r.Group, ExtendedMain: r.ExtendedMain, Authenticated: now}
	state.Peer.Certificates, state.Peer.Raw = r.Peer.Shown()
	return state
}
