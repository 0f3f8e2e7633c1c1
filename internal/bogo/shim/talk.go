package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/akushu/akushu/internal/hook"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/tls"
)

// talk is what is said after the handshake.
type talk struct {
	export      export
	secrets     bool // the traffic secrets are sent
	unique      bool // tls-unique is sent
	alert       bool // an alert is sent, and nothing else
	sizes       bool // records of many sizes are sent
	writesFirst bool
	words       string // with which we begin
	repeat      int    // how often
	unfinished  bool   // they stay under way until we have read
	silent      bool   // we say goodbye at once
	goodbye     bool   // close_notify is sent and awaited
	updates
	again    bool // Handshake is called once more
	peeks    bool // what is read is looked at before
	readSize int
}

// updates is when keys are updated.
type updates struct {
	updateBefore bool // before each Read
	updateAfter  bool // and before each answer
}

// export is keying material to be sent.
type export struct {
	length         int
	label, context string
	hasContext     bool
}

// converse has the conversation over a connection that has been made.
func (s *session) converse() error {
	if err := s.shake(); err != nil {
		return err
	}
	if !s.plan.implicit {
		if s.plan.talk.again && s.ConnectionState().HandshakeComplete {
			if err := s.Handshake(); err != nil {
				return mustFail{err}
			}
		}
		if s.plan.wanted.never {
			return mustFail{errors.New("the handshake succeeded")}
		}
		if err := s.check(); err != nil {
			return mustFail{err}
		}
	}
	return s.say()
}

// say says what is to be said, and listens.
func (s *session) say() error {
	t := &s.plan.talk
	for _, step := range []struct {
		wanted bool
		do     func() error
	}{
		{t.export.length > 0, s.sendExport},
		{t.secrets, s.sendSecrets},
		{t.unique, s.sendUnique},
		{t.alert, s.sendAlert},
		{t.sizes, s.sendSizes},
		{t.writesFirst && !t.unfinished, s.sendWords},
		{!t.silent && !t.alert, s.answer},
		{!s.plan.server && !t.silent && !t.alert, s.checkSession},
		{true, s.checkEarly},
		{s.plan.server, s.checkSkew},
		{!s.plan.server, s.checkRenegotiations},
		{t.goodbye, s.sayGoodbye},
	} {
		if !step.wanted {
			continue
		}
		if err := step.do(); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) send(b []byte) error {
	var to io.Writer = s
	if s.early != nil {
		to = s.early
	}
	if n := s.allowance; 0 < n && n < len(b) { // only what fits goes out early
		if _, err := to.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	s.allowance = 0
	_, err := to.Write(b)
	return err
}

func (s *session) sendExport() error {
	e := &s.plan.talk.export
	var context []byte
	if e.hasContext {
		context = append([]byte{}, e.context...)
	}
	material, err := s.ExportKeyingMaterial(e.label, context, e.length)
	if err != nil {
		return err
	}
	return s.send(material)
}

// sendSecrets sends the traffic secrets with which we read and write.
func (s *session) sendSecrets() error {
	read, write := s.keys["SERVER_TRAFFIC_SECRET_0"], s.keys["CLIENT_TRAFFIC_SECRET_0"]
	if s.plan.server {
		read, write = write, read
	}
	both := binary.LittleEndian.AppendUint16(nil, uint16(len(read)))
	return s.send(append(append(both, read...), write...))
}

func (s *session) sendUnique() error { return s.send(s.ConnectionState().TLSUnique) }

func (s *session) sendAlert() error { return hook.Alert(s.Conn, iana.AlertDecompressionFailure) }

// sendSizes writes around the sizes where a stack that splits records might err.
func (s *session) sendSizes() error {
	data := make([]byte, 32769)
	for i := range data {
		data[i] = 0x42
	}
	for _, n := range []int{1, 255, 256, 257, 16383, 16384, 16385, 32767, 32768, 32769} {
		if err := s.send(data[:n]); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) sendWords() error {
	for range s.plan.talk.repeat {
		if err := s.send([]byte(s.plan.talk.words)); err != nil {
			return err
		}
	}
	return nil
}

// answer reads until the end, and answers each Read with its complement.
func (s *session) answer() error {
	t := &s.plan.talk
	finish := func() error { return nil }
	if t.unfinished {
		finish = s.beginWords()
	}
	buf := make([]byte, t.readSize)
	for {
		if t.updateBefore {
			if err := s.Conn.UpdateKeys(false); err != nil {
				return err
			}
		}
		n, err := s.read(buf)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, tls.ErrEarlyDataRejected):
			_ = finish() // what was lost may have failed
			return s.lose()
		case err != nil:
			return err
		}
		if err := finish(); err != nil {
			return err
		}
		finish = func() error { return nil }
		if t.updateAfter {
			if err := s.Conn.UpdateKeys(false); err != nil {
				return err
			}
		}
		for i := range buf[:n] {
			buf[i] ^= 0xff
		}
		if err := s.send(buf[:n]); err != nil {
			return err
		}
	}
}

// read is Read, tried again where the slow network had nothing.
func (s *session) read(buf []byte) (int, error) {
	s.begin()
	for {
		if s.raw != nil {
			s.raw.waits = s.ConnectionState().HandshakeComplete && s.plan.offer.renegotiate == tls.RenegotiateNever
		}
		n, err := s.readOrPeek(buf)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
}

// readOrPeek is Read, where the test is about that after a look at what comes.
func (s *session) readOrPeek(buf []byte) (int, error) {
	if !s.plan.talk.peeks {
		return s.readEarly(buf)
	}
	if s.ahead == nil {
		s.ahead = bufio.NewReader(s.Conn)
	}
	seen, err := s.ahead.Peek(1)
	if err != nil {
		return 0, err
	}
	first := seen[0]
	n, err := s.ahead.Read(buf)
	if err == nil && buf[0] != first {
		err = mustFail{errors.New("what was read is not what was seen ahead")}
	}
	return n, err
}

// beginWords begins to write, of which only the first byte leaves until the function is
// called that it returns, and that waits for the end.
func (s *session) beginWords() (finish func() error) {
	budget := make(chan struct{})
	s.raw.hold(budget)
	release := sync.OnceFunc(func() { close(budget) })
	written := make(chan error, 1)
	go func() { written <- s.send([]byte(s.plan.talk.words)) }()
	select {
	case budget <- struct{}{}:
	case err := <-written:
		written <- err
	}
	if !s.ConnectionState().HandshakeComplete {
		time.AfterFunc(10*time.Millisecond, release) // the handshake goes on only behind that
	}
	return func() error {
		release()
		return <-written
	}
}

// checkSession checks that a client has got a session, or none. In TLS 1.3 it comes after the
// handshake.
func (s *session) checkSession() error {
	if s.ConnectionState().Version < tls.VersionTLS13 {
		return nil
	}
	if err := same("whether a session came", s.plan.news > s.before, !s.plan.wanted.noSession); err != nil {
		return mustFail{err}
	}
	return s.checkCapable()
}

// checkRenegotiations checks how many handshakes there were beyond the first.
func (s *session) checkRenegotiations() error {
	if state := s.ConnectionState(); !state.HandshakeComplete || state.Version >= tls.VersionTLS13 {
		return nil // early data has a peer judged twice
	}
	if err := same("the number of renegotiations", s.judged-1, s.plan.wanted.renegotiations); err != nil {
		return mustFail{err}
	}
	return nil
}

// sayGoodbye sends close_notify and waits for the runner's.
func (s *session) sayGoodbye() error {
	if err := s.CloseWrite(); err != nil {
		return err
	}
	for {
		n, err := s.read(make([]byte, 1))
		switch {
		case n > 0:
			return fmt.Errorf("data came after close_notify was sent")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}
