package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/akushu/akushu/tls"
)

// plan is one connection: how it is made, what is said over it, what must come of it.
type plan struct {
	*memory
	runner   runner
	server   bool
	async    bool // bytes trickle, and callbacks take their time
	implicit bool // nobody calls Handshake
	offer    offer
	own      []*credential // the first is the default one
	callback callbacks
	talk     talk
	wanted   wanted
	expect   []expectation
	delay    int // seconds to the next connection
	early    early
	retry    *plan // what takes over when early data was rejected
}

// wanted is what must come of the handshake and has a value also where no flag names one.
type wanted struct {
	protocol       string // of ALPN, by a client
	noCertificate  bool   // from the peer
	miss           bool   // a session is not resumed
	noSession      bool   // a client gets no session
	skew           string // of the ticket's age, in seconds
	renegotiations int
	never          bool // the handshake is not to succeed
	schemes        []tls.SignatureScheme
}

// runner is where the runner is and what the test is called there.
type runner struct {
	port        uint16
	id          uint64
	ipv6        bool
	resumptions int // connections after the first
}

func newPlan(m *memory) *plan {
	return &plan{memory: m, own: []*credential{{}}, talk: talk{words: "hello", repeat: 1, readSize: 512}}
}

// memory is what the connections of a test share.
type memory struct {
	session *tls.ClientSessionState // the client's newest, nil if there is none
	news    int                     // how many the client has got
	later   time.Duration           // by which the clock is ahead
	byID    tls.ServerSessionCache  // the server's sessions without tickets
	kept    int                     // how many it has kept

	start   time.Time         // when the clock stands still
	claimed map[[32]byte]bool // early data that a server has taken
}

// Claim implements tls.EarlyDataRegister.
func (m *memory) Claim(_ context.Context, id [32]byte, _ time.Time) (first bool, err error) {
	first = !m.claimed[id]
	m.claimed[id] = true
	return first, nil
}

// servers is memory as a server's cache.
type servers struct{ *memory }

// Put implements tls.ServerSessionCache.
func (m servers) Put(ctx context.Context, id, session []byte, expires time.Time) error {
	m.kept++
	return m.byID.Put(ctx, id, session, expires)
}

// Get implements tls.ServerSessionCache.
func (m servers) Get(ctx context.Context, id []byte) ([]byte, error) { return m.byID.Get(ctx, id) }

// Remove implements tls.ServerSessionCache.
func (m servers) Remove(ctx context.Context, id []byte) error { return m.byID.Remove(ctx, id) }

// Get implements tls.ClientSessionCache. Under which name a session was kept does not matter.
func (m *memory) Get(string) (*tls.ClientSessionState, bool) { return m.session, m.session != nil }

// Put implements tls.ClientSessionCache.
func (m *memory) Put(_ string, s *tls.ClientSessionState) {
	if m.session = s; s != nil {
		m.news++
	}
}

func (m *memory) now() time.Time { return m.start.Add(m.later) }

// last returns the credential that was named last.
func (p *plan) last() *credential { return p.own[len(p.own)-1] }

// check refuses what cannot be carried out.
func (p *plan) check() error {
	_, err := newSession(p).config()
	return err
}

// run has the conversations, one after the other.
func (p *plans) run() error {
	for i := range p.first.runner.resumptions + 1 {
		each := p.first
		if i > 0 {
			each = p.resume
		}
		if err := each.run(i > 0); err != nil {
			return fmt.Errorf("connection %d: %w", i+1, err)
		}
		each.later += time.Duration(each.delay) * time.Second
	}
	return nil
}

// run has one conversation.
func (p *plan) run(resume bool) error {
	if resume && !p.server && p.session == nil {
		return errors.New("there is no session to resume")
	}
	raw, err := p.runner.dial()
	if err != nil {
		return err
	}
	defer hangUp(raw)
	s := newSession(p)
	s.resumes = resume
	if err := s.over(raw); err != nil {
		return err
	}
	return s.converse()
}

// dial connects to the runner and says which test this is.
func (r *runner) dial() (*net.TCPConn, error) {
	host := "127.0.0.1"
	if r.ipv6 {
		host = "::1"
	}
	conn, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(int(r.port))))
	if err != nil {
		return nil, err
	}
	var id [8]byte
	binary.LittleEndian.PutUint64(id[:], r.id)
	if _, err := conn.Write(id[:]); err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// hangUp closes conn without losing what is on its way: what the runner still sends is read,
// since a reset would overtake our last alert.
func hangUp(conn *net.TCPConn) {
	_ = conn.CloseWrite()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
}
