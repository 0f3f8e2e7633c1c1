package session

import (
	"bytes"
	"context"
	"fmt"
)

// IDs keeps TLS 1.2 sessions under their session IDs, at the server (RFC 5246 §7.4.1.2). What goes into the cache is
// sealed as a ticket would be, so that a cache which is shared, swapped or written down holds no secret.
type IDs struct {
	Cache   ServerCache
	Tickets Tickets
}

// Put keeps s, which has an ID, under that until it expires.
func (x *IDs) Put(ctx context.Context, s *State) error {
	if len(s.ID) == 0 {
		return fmt.Errorf("%w: it has no ID", SessionFormat)
	}
	sealed, err := x.Tickets.Seal(ctx, s)
	if err != nil {
		return err
	}
	return x.Cache.Put(ctx, s.ID, sealed, s.Expires())
}

// Issue keeps base, a session but for what belongs to its beginning, under id from now on. base is not changed.
func (x *IDs) Issue(ctx context.Context, env Env, base *State, id []byte) error {
	s := *base
	s.ID = id
	if err := s.begin(env.Now()); err != nil {
		return err
	}
	return x.Put(ctx, &s)
}

// Get returns the session under id, which the caller owns. An error says why there is none.
func (x *IDs) Get(ctx context.Context, id []byte) (*State, error) {
	sealed, err := x.Cache.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if sealed == nil {
		return nil, SessionUnknown
	}
	s, _, err := x.Tickets.Open(ctx, sealed)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(s.ID, id) { // somebody swapped entries in the cache
		s.Wipe()
		return nil, SessionUnknown
	}
	return s, nil
}

// Remove forgets the session under id: a session whose connection ended in an error is not resumed (RFC 5246 §7.2.2).
func (x *IDs) Remove(ctx context.Context, id []byte) error { return x.Cache.Remove(ctx, id) }
