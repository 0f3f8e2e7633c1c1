package handshake

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"errors"
	"hash"
	"time"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/session"
	"github.com/akushu/akushu/internal/suite"
)

// Resumption (RFC 9846 §2.2; resume12.go for TLS 1.2): internal/session says what a session
// is and when it may be used, the flows when that is asked.

// ClientResumption is where a client keeps its sessions.
type ClientResumption struct {
	Cache session.ClientCache
}

// ServerResumption is how a server makes tickets, and takes them.
type ServerResumption struct {
	Tickets  session.Tickets     // nil: no tickets
	IDs      *session.IDs        // for sessions of TLS 1.2 without a ticket; nil: they are not kept
	Auth     session.Fingerprint // of the policy for client certificates
	Lifetime time.Duration       // of a session
	// Wrap and Unwrap, where they are set, make tickets of sessions and the reverse in place
	// of Tickets.
	Wrap   Wrapper
	Unwrap Unwrapper
}

// A Wrapper makes a ticket of a session, which it does not keep. It is told of the connection
// as far as that is known. An error ends the handshake.
type Wrapper interface {
	Wrap(*Result, *session.State) ([]byte, error)
}

// An Unwrapper makes a session of a ticket, or nil where there is none. It is told of the
// connection as far as that is known. An error ends the handshake.
type Unwrapper interface {
	Unwrap(*Result, []byte) (*session.State, error)
}

// tickets reports whether there are any.
func (r *ServerResumption) tickets() bool { return r != nil && r.Tickets != nil }

// hooked is Tickets that ask the hooks about one connection.
type hooked struct {
	*ServerResumption
	result *Result
	err    error // what a hook failed with, for good
}

// tickets makes and takes s's tickets.
func (s *server) tickets() *hooked { return &hooked{s.cfg.Resumption, s.result, nil} }

// errNoTicket is what a hook means that makes no ticket. Nobody is told.
var errNoTicket = errors.New("the hook makes no ticket")

// Seal implements [session.Tickets].
func (h *hooked) Seal(ctx context.Context, s *session.State) ([]byte, error) {
	if h.Wrap == nil {
		return h.Tickets.Seal(ctx, s)
	}
	ticket, err := h.Wrap.Wrap(h.result, s)
	if h.err = err; err == nil && ticket == nil {
		err = errNoTicket
	}
	return ticket, err
}

// Open implements [session.Tickets].
func (h *hooked) Open(ctx context.Context, ticket []byte) (*session.State, bool, error) {
	if h.Unwrap == nil {
		return h.Tickets.Open(ctx, ticket)
	}
	if h.err != nil {
		return nil, false, h.err
	}
	s, err := h.Unwrap.Unwrap(h.result, ticket)
	if h.err = err; err == nil && s == nil {
		err = session.TicketForeign
	}
	return s, false, err
}

// sessionEnv is e, as internal/session has it.
func (e Env) sessionEnv() session.Env { return session.Env{Rand: e.Rand, Now: e.Now} }

// offered is the session that a client offers to resume.
type offered struct {
	psks []*session.PSK // a session's, if there is one, before all others
	old  *session.State // of TLS 1.2, or nil
	peer auth.Peer      // of its server, judged anew
	used bool           // one was offered that could be offered again
}

// offerKnown offers what is known already: a session with the server, and PSKs.
func (c *client) offerKnown() error {
	if err := c.offerSession(); err != nil {
		return err
	}
	c.offerPSKs()
	return nil
}

// offerSession adds a session with the server to ClientHello, if there is one. Its
// certificates must be trusted still: nobody shows them again.
func (c *client) offerSession() error {
	c.offerTickets()
	if c.cfg.Resumption == nil {
		return nil
	}
	offer := session.Offer{
		MinVersion: c.cfg.MinVersion, MaxVersion: c.cfg.MaxVersion, Suites: c.hello.CipherSuites,
		ServerName: c.result.ServerName, ALPN: c.cfg.ALPN, Now: c.cfg.Now(),
	}
	s := c.cfg.Resumption.Cache.Take(c.cfg.ServerName, func(s *session.State) bool {
		ok, _ := session.Offerable(s, &offer)
		return ok
	})
	if s == nil {
		return nil
	}
	peer, err := c.judgeAgain(s, offer.Now)
	if err != nil {
		s.Wipe()
		return nil
	}
	peer.OCSP, peer.SCTs = s.Peer.OCSP, s.Peer.SCTs
	c.session.peer = peer
	if s.Version < iana.VersionTLS13 {
		c.session.used = true
		return c.offerOld(s)
	}
	c.session.psks = []*session.PSK{s.PSK(s.Ticket)}
	c.offerEarlyData(&offer)
	return nil
}

// judgeAgain judges the server of a session. One with which we shared a key showed nothing.
func (c *client) judgeAgain(s *session.State, now time.Time) (auth.Peer, error) {
	if suite.ByID(s.Suite).Shared() {
		return auth.Peer{}, nil
	}
	if len(s.Peer.Certificates) == 0 && len(c.cfg.PSKs) > 0 {
		return auth.Peer{}, nil
	}
	if len(s.Peer.Certificates) == 0 {
		return auth.Peer{}, session.SessionFormat // it is of nobody
	}
	return judgeAgain(c.cfg.Trust, useOf(suite.ByID(s.Suite)), &s.Peer, now)
}

// judgeAgain judges the peer of a session, who shows nothing in its resumption.
func judgeAgain(t *auth.Trust, use auth.Use, p *session.Peer, now time.Time) (auth.Peer, error) {
	if t == nil { // its peer was asked for a certificate, ours is not
		return auth.Peer{}, session.SessionAuthPolicy
	}
	return judge(t, use, p.Certificates, p.Raw, now)
}

// reofferSession offers again after a HelloRetryRequest what goes with the suite that the
// server chose (RFC 9846 §4.2.4). It must be the last extension.
func (c *client) reofferSession(h crypto.Hash) {
	c.hello.Extensions.Remove(iana.ExtPreSharedKey)
	var rest []*session.PSK
	for _, p := range c.session.psks {
		if p.Hash == h {
			rest = append(rest, p)
		} else {
			p.Key.Wipe()
		}
	}
	if c.session.psks = rest; len(rest) > 0 {
		c.hello.Extensions.Add(iana.ExtPreSharedKey)
		return
	}
	c.session.wipe()
}

func (o *offered) wipe() {
	for _, p := range o.psks {
		p.Key.Wipe()
	}
	o.psks = nil
	o.old.Wipe()
	o.old = nil
}

// dropSession forgets a session that was offered in a handshake that failed: it may be why
// (RFC 5077 §3.2).
func (c *client) dropSession() {
	if c.session.used {
		c.cfg.Resumption.Cache.Remove(c.cfg.ServerName)
	}
}

// sendHello sends ClientHello, with the binder of the session that it offers (RFC 9846
// §4.3.11.2).
func (c *client) sendHello() error {
	if len(c.session.psks) == 0 {
		return c.send(c.hello)
	}
	c.hello.PSK = session.Offered(c.cfg.sessionEnv(), c.session.psks)
	raw, err := msg.Append(c.buf[:0], &c.layout, c.hello)
	if err != nil {
		return err
	}
	if err := session.FillBinders(raw, c.hello.PSK.BindersAt, c.transcript.hash, c.session.psks); err != nil {
		return alert.Internal("client_hello.pre_shared_key.binders", "%w", err)
	}
	c.buf = raw
	return c.sendRaw(raw)
}

// takeSelected takes the server's answer to the session that was offered.
func (c *client13) takeSelected(hello *msg.ServerHello) error {
	if !hello.Extensions.Has(iana.ExtPreSharedKey) {
		return nil
	}
	psk, err := session.CheckSelected(c.session.psks, hello.SelectedIdentity, c.result.Suite.ID, false)
	if err != nil {
		return err
	}
	c.psk = psk
	if psk.External() {
		c.result.PSKIdentity = bytes.Clone(psk.Name())
		return nil
	}
	c.result.Peer, c.result.Resumed = c.session.peer, true
	return nil
}

// receiveTickets is what a client needs to make sessions of tickets.
func (c *client13) receiveTickets() *clientTickets {
	if c.cfg.Resumption == nil {
		return nil
	}
	now := c.cfg.Now()
	base := &session.State{
		Params:        c.result.params(),
		Side:          keys.Client,
		Group:         c.result.Group,
		Authenticated: now,
		Peer:          session.Peer{OCSP: c.result.Peer.OCSP, SCTs: c.result.Peer.SCTs},
	}
	base.Peer.Certificates, base.Peer.Raw = c.result.Peer.Shown()
	if c.psk != nil && !c.psk.External() {
		base.Authenticated = c.psk.Session.Authenticated
	}
	return &clientTickets{
		base: base, cache: c.cfg.Resumption.Cache, server: c.cfg.ServerName, now: c.cfg.Now,
		resumption: c.main.Resumption(c.transcript.sum()),
	}
}

// params is what goes with a session.
func (r *Result) params() session.Params {
	return session.Params{Version: r.Version, Suite: r.Suite.ID, ServerName: r.ServerName, ALPN: r.ALPN}
}

// clientTickets makes sessions of the tickets that come.
type clientTickets struct {
	base       *session.State
	resumption keys.Secret
	cache      session.ClientCache
	server     string
	now        func() time.Time
}

func (t *clientTickets) take(m *msg.NewSessionTicket) {
	if t == nil {
		return
	}
	if s := session.Accept(t.base, m, t.resumption, t.now()); s != nil {
		t.cache.Put(t.server, s)
	}
}

func (t *clientTickets) wipe() {
	if t != nil {
		t.resumption.Wipe()
	}
}

// choosePSK goes on with a PSK of the client's, if there is one that may be used: it resumes the
// session of a ticket, or is one that both ends were given (RFC 9846 §4.3.11). It settles the
// suite, which must have the PSK's hash, among several. A PSK that stands for nothing costs a
// full handshake and nothing else.
func (s *server13) choosePSK(among []*suite.Suite) error {
	mode, ok := s.usesPSKs()
	if !ok {
		return s.checkNoPSK(s.hello.Extensions.Has(iana.ExtPreSharedKey))
	}
	if err := session.CheckOffer(&s.hello.PSK); err != nil {
		return err
	}
	facts := &session.Facts{
		Version: iana.VersionTLS13, ServerName: s.result.ServerName, ALPN: s.result.ALPN, Now: s.cfg.Now(),
	}
	for _, each := range among {
		facts.Suites = append(facts.Suites, each.ID)
	}
	tickets := s.tickets()
	find := session.Lookup(s.findExternal)
	if s.cfg.Resumption.tickets() {
		facts.Auth = s.cfg.Resumption.Auth
		find = s.findSession(tickets).Else(find)
	}
	found := session.Select(s.ctx, find, s.hello.PSK.Identities, facts)
	if err := cmp.Or(tickets.err, s.pskErr); err != nil {
		return err
	}
	if found.PSK == nil {
		return s.checkNoPSK(true)
	}
	if s.result.Suite = ofHash(among, found.PSK.Hash)[0]; mode == iana.ModePSKKE {
		s.group, s.share, s.result.PSKOnly = nil, nil, true
	}
	return s.takePSK(found)
}

// findSession finds the session of a ticket. A client's certificates in it must be good
// still: nobody shows them again. Who they say the client is counts only once the session is
// chosen and the client has shown that it has its secret: see takePSK.
func (s *server13) findSession(tickets session.Tickets) session.Lookup {
	return func(ctx context.Context, identity []byte) (*session.PSK, error) {
		s.resumed = auth.Peer{}
		psk, err := session.FromTickets(tickets)(ctx, identity)
		if err != nil || psk.Session == nil || len(psk.Session.Peer.Certificates) == 0 {
			return psk, err
		}
		s.resumed, err = judgeAgain(s.cfg.ClientTrust, auth.ToSign, &psk.Session.Peer, s.cfg.Now())
		return psk, err
	}
}

// sendTicket gives the client a ticket, if it can use one (RFC 9846 §4.7.1).
func (s *server13) sendTicket() error {
	if !s.cfg.Resumption.tickets() {
		return nil
	}
	if _, ok := session.ChooseMode(s.hello.PSKModes, s.cfg.pskModes()); !ok {
		return nil
	}
	resumption := s.main.Resumption(s.transcript.sum())
	defer resumption.Wipe()
	tickets := s.tickets()
	m, err := session.Issue(s.ctx, s.cfg.sessionEnv(), tickets, s.sessionState(), resumption, 0)
	if err != nil {
		return tickets.err // there is no ticket then, and nothing worse where a hook does not say so
	}
	raw, err := msg.Append(s.buf[:0], &s.layout, m)
	if err != nil {
		return err
	}
	if err := s.t.WriteMessage(raw); err != nil {
		return err
	}
	return s.t.Flush()
}

// sessionState is the session that a ticket is to stand for.
func (s *server13) sessionState() *session.State {
	state := &session.State{
		Params:   s.result.params(),
		Side:     keys.Server,
		Group:    s.result.Group,
		Lifetime: s.cfg.Resumption.Lifetime,
		Auth:     s.cfg.Resumption.Auth,
	}
	if s.cfg.EarlyData != nil {
		state.MaxEarlyData = s.cfg.EarlyData.Max
	}
	state.Peer.Certificates, state.Peer.Raw = s.result.Peer.Shown()
	if s.psk != nil && !s.psk.External() {
		state.Authenticated = s.psk.Session.Authenticated
	}
	return state
}

// fork is a copy of the transcript so far.
func (t *transcript) fork() hash.Hash {
	c, err := t.hash.(hash.Cloner).Clone() // every hash of the standard library can
	if err != nil {
		panic("handshake: " + err.Error())
	}
	return c
}
