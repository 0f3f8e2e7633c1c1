package main

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"time"

	"github.com/akushu/akushu/keylog"
	"github.com/akushu/akushu/tls"
)

// session is a connection that a plan is carried out over.
type session struct {
	*tls.Conn
	plan    *plan
	resumes bool          // it is not the first of its test
	before  int           // how many sessions the client had got before it
	raw     *trickle      // nil unless the test is asynchronous
	ahead   *bufio.Reader // nil unless the test looks ahead
	keys    secrets
	used    int                         // the credential that signed, -1 for the default one
	hello   *tls.ClientHelloInfo        // at a server
	asked   *tls.CertificateRequestInfo // at a client, if it was asked for a certificate
	state   tls.ConnectionState
	info    tls.Info
}

func newSession(p *plan) *session {
	return &session{plan: p, before: p.news, keys: secrets{}, used: -1}
}

// over begins the connection over conn.
func (s *session) over(conn net.Conn) error {
	config, err := s.config()
	if err != nil {
		return err
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
	waits  bool          // Reads time out now and then
	turn   bool          // the next one does
	budget chan struct{} // nil, or a byte for each value may leave
}

func newTrickle(conn net.Conn) *trickle { return &trickle{Conn: conn} }

// hold lets only as many bytes leave as budget has values, all once it is closed. It comes
// before the Write that it is about.
func (t *trickle) hold(budget chan struct{}) { t.budget = budget }

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
		if t.budget != nil {
			<-t.budget
		}
		if _, err := t.Conn.Write(b[n : n+1]); err != nil {
			return n, err
		}
	}
	return len(b), nil
}
