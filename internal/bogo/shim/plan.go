package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/akushu/akushu/tls"
)

// plan is one connection: how it is made, what is said over it, what must come of it.
type plan struct {
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
}

// wanted is what must come of the handshake and has a value also where no flag names one.
type wanted struct {
	protocol      string // of ALPN, by a client
	noCertificate bool   // from the peer
	never         bool   // the handshake is not to succeed
	schemes       []tls.SignatureScheme
}

// runner is where the runner is and what the test is called there.
type runner struct {
	port        uint16
	id          uint64
	ipv6        bool
	resumptions int // connections after the first
}

func newPlan() *plan {
	return &plan{own: []*credential{{}}, talk: talk{words: "hello", repeat: 1, readSize: 512}}
}

// last returns the credential that was named last.
func (p *plan) last() *credential { return p.own[len(p.own)-1] }

// check refuses what cannot be carried out.
func (p *plan) check() error {
	switch {
	case p.runner.resumptions > 0:
		return notOffered(featureResumption)
	case p.server && p.callback.verifyPeer:
		return notOffered(featureClientAuth)
	case p.server && slices.ContainsFunc(p.own, func(c *credential) bool { return c.matchIssuer }):
		return notOffered(boringIssuer)
	}
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
		if err := each.run(); err != nil {
			return fmt.Errorf("connection %d: %w", i+1, err)
		}
	}
	return nil
}

// run has one conversation.
func (p *plan) run() error {
	raw, err := p.runner.dial()
	if err != nil {
		return err
	}
	defer hangUp(raw)
	s := newSession(p)
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
