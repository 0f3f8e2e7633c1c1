package keylog

import (
	"bytes"
	"io"
	"slices"
	"sync"
)

// A Store holds lines and finds them by what names their connection. Several goroutines may use it at once.
type Store struct {
	mu    sync.Mutex
	limit int
	lines map[connection][]held // oldest first
	order []connection          // of each line, oldest first: what goes when there is no room
}

// held is what a line says of its connection.
type held struct {
	label  string
	secret []byte
}

// line is the line of a connection that says it.
func (h *held) line(c *connection) Line {
	l := Line{Label: h.label, Secret: h.secret}
	copy(l.id(), c.id[:])
	return l
}

// connection is what names the connection in a line.
type connection struct {
	rsa bool // the first eight bytes of id are of an encrypted premaster secret; else id is a client random
	id  [32]byte
}

func (l *Line) connection() connection {
	c := connection{rsa: l.Label == LabelRSA}
	copy(c.id[:], l.id())
	return c
}

// NewStore returns a Store that holds up to limit lines, and forgets the oldest when there is no room. A limit of 0
// or less is none.
func NewStore(limit int) *Store {
	return &Store{limit: limit, lines: make(map[connection][]held)}
}

// Add keeps a line, and owns its secret from then on. It reports false, and does nothing, where it has the line
// already. Another secret under the same label does not replace the first: logs are forged, damaged and shared by two
// ends, so a user tries each.
func (s *Store) Add(l Line) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := l.connection()
	lines := s.lines[c]
	if slices.ContainsFunc(lines, l.equal) {
		return false
	}
	if s.limit > 0 && len(s.order) >= s.limit {
		s.evict()
		lines = s.lines[c]
	}
	s.lines[c] = append(lines, held{l.Label, l.Secret})
	s.order = append(s.order, c)
	return true
}

// equal reports whether a line of the same connection is the same. That it does so in a time that depends on the
// secrets tells only who could write the log.
func (l *Line) equal(other held) bool {
	return l.Label == other.label && bytes.Equal(l.Secret, other.secret)
}

// evict forgets the oldest line, which is the oldest of its connection too.
func (s *Store) evict() {
	c := s.order[0]
	s.order = s.order[1:]
	lines := s.lines[c]
	lines[0] = held{} // let its secret go before the slice does
	if len(lines) == 1 {
		delete(s.lines, c)
		return
	}
	s.lines[c] = lines[1:]
}

// ReadFrom adds every good line that r has left, and reports how many were new. The error is that of the source.
func (s *Store) ReadFrom(r *Reader) (added int, err error) {
	for {
		l, err := r.Next()
		if err == io.EOF {
			return added, nil
		}
		if err != nil {
			return added, err
		}
		if s.Add(l) {
			added++
		}
	}
}

// Lines returns the lines of a client random, newest first. The slice is the caller's, the secrets are not.
func (s *Store) Lines(clientRandom [32]byte) []Line {
	return s.find(connection{id: clientRandom})
}

// Secrets returns the secrets of a client random under one label, newest first. The secrets must not be written to.
func (s *Store) Secrets(clientRandom [32]byte, label string) [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var secrets [][]byte
	lines := s.lines[connection{id: clientRandom}]
	for i := len(lines) - 1; i >= 0; i-- {
		if lines[i].label == label {
			secrets = append(secrets, lines[i].secret)
		}
	}
	return secrets
}

// Premaster returns the lines with LabelRSA for an encrypted premaster secret, of which the first eight bytes are
// given, newest first.
func (s *Store) Premaster(encrypted [8]byte) []Line {
	c := connection{rsa: true}
	copy(c.id[:], encrypted[:])
	return s.find(c)
}

func (s *Store) find(c connection) []Line {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []Line
	for _, h := range slices.Backward(s.lines[c]) {
		lines = append(lines, h.line(&c))
	}
	return lines
}

// ClientRandoms returns every client random that the Store has a line of, in no order.
func (s *Store) ClientRandoms() [][32]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var randoms [][32]byte
	for c := range s.lines {
		if !c.rsa {
			randoms = append(randoms, c.id)
		}
	}
	return randoms
}

// Len is the number of lines in the Store.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.order)
}
