package main

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/akushu/akushu/keylog"
	"github.com/akushu/akushu/tls"
)

// session is a connection that a plan is carried out over.
type session struct {
	*tls.Conn
	plan    *plan
	resumes bool // it is not the first of its test
	before  int  // how many sessions the client had got before it
	earlyData
	judged int           // how often the peer was judged: once in each handshake
	raw    *trickle      // nil unless the test is asynchronous
	ahead  *bufio.Reader // nil unless the test looks ahead
	keys   secrets
	used   int                         // the credential that signed, -1 for the default one
	hello  *tls.ClientHelloInfo        // at a server
	asked  *tls.CertificateRequestInfo // at a client, if it was asked for a certificate
	state  tls.ConnectionState
	info   tls.Info
}

// earlyData is the state of early data.
type earlyData struct {
	early     *tls.EarlyData // at a server, until it was read
	begin     func()         // lets the answer to it come
	allowance int            // how much of what a client says may go out early
}

func newSession(p *plan) *session {
	return &session{plan: p, before: p.news, keys: secrets{}, used: -1, earlyData: earlyData{begin: func() {}}}
}

// over begins the connection over conn.
func (s *session) over(conn net.Conn) error {
	config, err := s.config()
	if err != nil {
		return err
	}
	if s.mayBeEarly() {
		gate := newGate(conn)
		conn, s.begin = gate, gate.open
	}
	if s.plan.async {
		s.raw = newTrickle(conn)
		conn = s.raw
	}
	if s.plan.server {
		s.Conn = tls.Server(conn, config)
	} else {
		s.Conn = tls.Client(conn, config)
	}
	return nil
}

// elsewhere runs f, in asynchronous tests on another goroutine and later, as a callback does
// that must ask somebody.
func (s *session) elsewhere(f func()) {
	if !s.plan.async {
		f()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		time.Sleep(time.Millisecond)
		f()
	}()
	<-done
}

// secrets is a key log: secrets by their labels.
type secrets map[string][]byte

// Write implements io.Writer. A key log comes a line at a time.
func (s secrets) Write(line []byte) (int, error) {
	l, err := keylog.Parse(bytes.TrimSuffix(line, []byte("\n")))
	s[l.Label] = l.Secret
	return len(line), err
}

// trickle is a slow network: bytes come and go one at a time, and once the handshake is
// over every other Read finds that there is nothing yet.
type trickle struct {
	net.Conn
	waits  bool                          // Reads time out now and then
	turn   bool                          // the next one does
	budget atomic.Pointer[chan struct{}] // nil, or a byte for each value may leave
}

func newTrickle(conn net.Conn) *trickle { return &trickle{Conn: conn} }

// hold lets only as many bytes leave as budget has values, all once it is closed. It comes
// before the Write that it is about.
func (t *trickle) hold(budget chan struct{}) { t.budget.Store(&budget) }

// Read implements net.Conn.
func (t *trickle) Read(b []byte) (int, error) {
	if t.turn = t.waits && !t.turn; t.turn {
		return 0, os.ErrDeadlineExceeded
	}
	return t.Conn.Read(b[:min(1, len(b))])
}

// Write implements net.Conn.
func (t *trickle) Write(b []byte) (n int, err error) {
	for n = range b {
		if budget := t.budget.Load(); budget != nil {
			<-*budget
		}
		if _, err := t.Conn.Write(b[n : n+1]); err != nil {
			return n, err
		}
	}
	return len(b), nil
}

// gate is a network on which nothing comes before it is open, or for a moment: the handshake
// goes on by itself, and would else be over before an application has said anything early.
type gate struct {
	net.Conn
	open   func()
	opened chan struct{}
}

func newGate(conn net.Conn) *gate {
	g := &gate{Conn: conn, opened: make(chan struct{})}
	g.open = sync.OnceFunc(func() { close(g.opened) })
	time.AfterFunc(200*time.Millisecond, g.open)
	return g
}

// Read implements net.Conn.
func (g *gate) Read(b []byte) (int, error) {
	<-g.opened
	return g.Conn.Read(b)
}
