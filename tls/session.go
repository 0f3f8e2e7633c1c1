package tls

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/session"
)

// ClientSessionCache keeps a client's sessions. Its methods may be called concurrently.
type ClientSessionCache interface {
	// Get returns a session under sessionKey. A session of TLS 1.3 is good for one
	// connection: whoever gets it takes it out by Put(sessionKey, nil).
	Get(sessionKey string) (session *ClientSessionState, ok bool)
	// Put keeps cs under sessionKey; nil forgets all that are there.
	Put(sessionKey string, cs *ClientSessionState)
}

// NewLRUClientSessionCache returns a cache that forgets what was not used for longest. It
// keeps capacity sessions; less than 1 means a default number.
func NewLRUClientSessionCache(capacity int) ClientSessionCache {
	limits := session.DefaultLimits
	if capacity > 0 {
		limits.Entries = capacity
	}
	return &lruCache{session.NewClientCache(limits, time.Now)}
}

// ServerSessionCache keeps a server's sessions of TLS 1.2 by session ID, perhaps for several
// servers at once. Sessions are bytes, already encrypted. A cache may forget what it likes,
// and may not give what it was not given; an error of any method costs a full handshake and
// nothing else. Its methods may be called concurrently.
type ServerSessionCache interface {
	// Put keeps a copy of session under id until expires.
	Put(ctx context.Context, id, session []byte, expires time.Time) error
	// Get returns the session under id, which the caller owns, or nil.
	Get(ctx context.Context, id []byte) (session []byte, err error)
	// Remove forgets the session under id, if there is one.
	Remove(ctx context.Context, id []byte) error
}

// NewLRUServerSessionCache returns a cache in memory that forgets what was not used for
// longest. It keeps capacity sessions; less than 1 means a default number.
func NewLRUServerSessionCache(capacity int) ServerSessionCache {
	limits := session.DefaultLimits
	if capacity > 0 {
		limits.Entries = capacity
	}
	return session.NewServerCache(limits, time.Now)
}

// lruCache is internal/session's cache, as crypto/tls would have it.
type lruCache struct{ session.ClientCache }

// Get takes a session out.
func (c *lruCache) Get(key string) (*ClientSessionState, bool) {
	s := c.Take(key, func(*session.State) bool { return true })
	return &ClientSessionState{s}, s != nil
}

// Put keeps a session.
func (c *lruCache) Put(key string, cs *ClientSessionState) {
	if cs == nil {
		c.Remove(key)
		return
	}
	c.ClientCache.Put(key, cs.state)
}

// userCache is a user's cache, as internal/session would have it.
type userCache struct{ ClientSessionCache }

// Put implements [session.ClientCache].
func (c userCache) Put(server string, s *session.State) {
	c.ClientSessionCache.Put(server, &ClientSessionState{s})
}

// Take implements [session.ClientCache].
func (c userCache) Take(server string, usable func(*session.State) bool) *session.State {
	cs, ok := c.Get(server)
	if !ok || cs == nil || cs.state == nil || !usable(cs.state) {
		return nil
	}
	s := cs.state.Clone()
	if s.Version >= iana.VersionTLS13 {
		c.Remove(server)
	}
	return s
}

// Remove implements [session.ClientCache].
func (c userCache) Remove(server string) { c.ClientSessionCache.Put(server, nil) }

// policies are the fingerprints of what a server may ask of clients: a session is good under
// the policy that it was made under.
var policies = sync.OnceValue(func() (all [auth.RequireAndVerifyClientCert + 1]session.Fingerprint) {
	for p := range all {
		all[p] = session.FingerprintOf([]byte{byte(p)})
	}
	return all
})

// setResumption has both ends resume sessions, as far as c does.
func (r *resolved) setResumption(c *Config) {
	if !c.SessionTicketsDisabled || c.ServerSessionCache != nil {
		r.ticketing = handshake.ServerResumption{
			Auth: policies()[r.server.ClientAuth%auth.ClientAuth(len(policies()))], Lifetime: session.MaxLifetime,
		}
		r.server.Resumption = &r.ticketing
	}
	if r.keys = c.ticketKeys(); !c.SessionTicketsDisabled {
		r.ticketing.Tickets = r.keys
	}
	r.setHooks(c)
	if c.ServerSessionCache != nil {
		r.ids = session.IDs{Cache: c.ServerSessionCache, Tickets: r.keys}
		r.ticketing.IDs = &r.ids
	}
	if c.SessionTicketsDisabled {
		return
	}
	switch cache := c.ClientSessionCache.(type) {
	case nil:
	case *lruCache:
		r.sessions.Cache = cache.ClientCache
		r.client.Resumption = &r.sessions
	default:
		r.sessions.Cache = userCache{cache}
		r.client.Resumption = &r.sessions
	}
}

// ticketKeys are those of c and its clones, made on first use.
func (c *Config) ticketKeys() *session.TicketKeys {
	if t := c.tickets.Load(); t != nil {
		return t
	}
	env := session.Env{Rand: c.Rand, Now: c.Time}
	if env.Rand == nil {
		env.Rand = rand.Reader
	}
	if env.Now == nil {
		env.Now = time.Now
	}
	c.tickets.CompareAndSwap(nil, session.NewTicketKeys(env))
	return c.tickets.Load()
}

// SetSessionTicketKeys has a server make tickets with the first of keys, and take those of
// all of them. Servers that share keys take each other's tickets. It may be called while
// c is in use, and holds for c's clones too; without it a new key is made every day and
// taken for seven. An empty list is an error of the program.
func (c *Config) SetSessionTicketKeys(ticketKeys [][32]byte) {
	if err := c.ticketKeys().SetKeys(ticketKeys); err != nil {
		panic("tls: SetSessionTicketKeys: " + err.Error())
	}
}
