package connect

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/tls"
)

// A session file, of --session-out and --session-in, is text (docs/SESSIONS.md): the line
// fileHeader, and then a line for each session: the server's name as Go quotes strings, the
// ticket and the session as tls.SessionState.Bytes encodes it, both in base64. A session that
// stands under a session ID has "-" for a ticket.
const fileHeader = "akushu sessions 1"

// noTicket stands for the ticket of a session without one.
const noTicket = "-"

// sessions is the client's cache for one connection: what may be resumed, and what the server
// gave. Its methods may be called concurrently.
type sessions struct {
	mu      sync.Mutex
	offered map[string][]*tls.ClientSessionState // by server, the newest last
	used    *entry                               // that was asked for last
	given   []entry
}

// entry is one session for a server.
type entry struct {
	server  string
	session *tls.ClientSessionState
}

// Get implements [tls.ClientSessionCache].
func (s *sessions) Get(server string) (*tls.ClientSessionState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.offered[server]
	if len(all) == 0 {
		return nil, false
	}
	s.used = &entry{server, all[len(all)-1]}
	return s.used.session, true
}

// Put implements [tls.ClientSessionCache].
func (s *sessions) Put(server string, session *tls.ClientSessionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if session == nil {
		delete(s.offered, server)
		return
	}
	s.given = append(s.given, entry{server, session})
}

// protocols is what a request is offered over where nothing else is said: the protocol of the
// session for the server, which goes with no other, or HTTP as it is usual.
func (s *sessions) protocols(server string) []string {
	state := s.newest(server)
	if state == nil {
		return []string{"h2", "http/1.1"}
	}
	return protocol(state)
}

// protocol is that of a session, as a list.
func protocol(state *tls.SessionState) []string {
	if name := state.NegotiatedProtocol(); name != "" {
		return []string{name}
	}
	return nil
}

// newest is the session that is offered to the server, nil where there is none.
func (s *sessions) newest(server string) *tls.SessionState {
	if s == nil || !s.has(server) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.offered[server]
	_, state, err := all[len(all)-1].ResumptionState()
	if err != nil {
		return nil
	}
	return state
}

// has reports whether there is a session for the server.
func (s *sessions) has(server string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.offered[server]) > 0
}

// left is what the connection leaves: what the server gave, or where that is nothing the
// session that it resumed, if that can be resumed again.
func (s *sessions) left(state tls.ConnectionState) []entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.given) == 0 && s.used != nil && state.DidResume && state.Version < tls.VersionTLS13 {
		return []entry{*s.used}
	}
	return s.given
}

// encode makes a session file.
func encode(all []entry) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintln(&b, fileHeader)
	for _, e := range all {
		ticket, state, err := e.session.ResumptionState()
		if err != nil {
			return nil, err
		}
		encoded, err := state.Bytes()
		if err != nil {
			return nil, err
		}
		label := noTicket
		if len(ticket) > 0 {
			label = base64.StdEncoding.EncodeToString(ticket)
		}
		fmt.Fprintf(&b, "%q %s %s\n", e.server, label, base64.StdEncoding.EncodeToString(encoded))
	}
	return b.Bytes(), nil
}

var (
	errNotSessions = errors.New("not a session file of akushu connect --session-out")
	errOtherFormat = errors.New("a session file of another version of akushu")
)

// decode reads a session file.
func decode(data []byte) (map[string][]*tls.ClientSessionState, error) {
	all := map[string][]*tls.ClientSessionState{}
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, len(data)+1)
	for n := 1; scanner.Scan(); n++ {
		line := scanner.Text()
		if n == 1 {
			if err := checkHeader(line); err != nil {
				return nil, err
			}
			continue
		}
		if line == "" {
			continue
		}
		server, session, err := decodeLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		all[server] = append(all[server], session)
	}
	if err := scanner.Err(); err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, errNotSessions
	}
	return all, nil
}

func checkHeader(line string) error {
	switch {
	case line == fileHeader:
		return nil
	case strings.HasPrefix(line, "akushu sessions "):
		return errOtherFormat
	}
	return errNotSessions
}

func decodeLine(line string) (server string, session *tls.ClientSessionState, err error) {
	quoted, err := strconv.QuotedPrefix(line)
	if err != nil {
		return "", nil, errNotSessions
	}
	if server, err = strconv.Unquote(quoted); err != nil {
		return "", nil, errNotSessions
	}
	fields := strings.Fields(line[len(quoted):])
	if len(fields) != 2 {
		return "", nil, errNotSessions
	}
	var ticket []byte
	if fields[0] != noTicket {
		if ticket, err = base64.StdEncoding.DecodeString(fields[0]); err != nil {
			return "", nil, err
		}
	}
	encoded, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil {
		return "", nil, err
	}
	state, err := tls.ParseSessionState(encoded)
	if err != nil {
		return "", nil, err
	}
	session, err = tls.NewResumptionState(ticket, state)
	return server, session, err
}

// openSessions makes the cache that the flags ask for, or nil where they ask for none.
func (o *options) openSessions(ctx context.Context, env *cli.Env, server string) (*sessions, error) {
	if o.sessionIn == "" && o.sessionOut == "" {
		return nil, nil
	}
	s := &sessions{}
	if o.sessionIn == "" {
		return s, nil
	}
	data, err := env.ReadFile(ctx, o.sessionIn)
	if err != nil {
		return nil, err
	}
	if s.offered, err = decode(data); err != nil {
		return nil, env.FileError(o.sessionIn, err)
	}
	if !s.has(server) {
		env.Warn(env.Words.Text("cli.session_none_for", o.sessionIn, server))
	}
	return s, nil
}

// saveSessions writes what the connection leaves, so that nobody else can read it.
func (o *options) saveSessions(env *cli.Env, s *sessions, state tls.ConnectionState) error {
	if o.sessionOut == "" {
		return nil
	}
	left := s.left(state)
	if len(left) == 0 {
		env.Warn(env.Words.Text("cli.session_none", o.sessionOut))
	}
	data, err := encode(left)
	if err != nil {
		return err
	}
	write := func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
	if err := cli.Replace(o.sessionOut, write); err != nil {
		return env.FileError(o.sessionOut, err)
	}
	return nil
}
