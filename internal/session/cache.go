package session

import (
	"bytes"
	"container/list"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/akushu/akushu/internal/iana"
)

// ServerCache keeps what a server remembers of TLS 1.2 sessions, by session ID, perhaps for many servers. Sessions are
// bytes, already encrypted ([IDs]). A cache may forget what it likes, and may not give what it was not given. It is safe
// for concurrent use.
type ServerCache interface {
	// Put keeps a copy of session under id until expires.
	Put(ctx context.Context, id, session []byte, expires time.Time) error
	// Get returns the session under id, which the caller owns, or nil.
	Get(ctx context.Context, id []byte) (session []byte, err error)
	// Remove forgets the session under id, if there is one.
	Remove(ctx context.Context, id []byte) error
}

// ClientCache keeps a client's sessions by server, so that it can offer them. It is safe for concurrent use.
type ClientCache interface {
	// Put keeps s, which is the cache's from then on, for the server.
	Put(server string, s *State)
	// Take returns the newest session for the server that usable accepts, or nil. It is the caller's. One of TLS 1.3 is
	// taken out of the cache, for a ticket that is used twice lets an observer link connections (RFC 9846 Appendix C.4);
	// of an older one, it is a copy. What usable is given it may not keep.
	Take(server string, usable func(*State) bool) *State
	// Remove forgets every session for the server.
	Remove(server string)
}

// Limits bounds what a cache in memory keeps. What was not used for longest goes first.
type Limits struct {
	Entries int // sessions (server), servers (client)
	Bytes   int // of all, roughly
	Each    int // client: sessions for one server
}

// DefaultLimits is 4,096 entries, 8 MiB, and four sessions for a server.
var DefaultLimits = Limits{Entries: 4096, Bytes: 8 << 20, Each: 4}

// overhead is about what an entry costs in memory beside its key and its content, in bytes.
const overhead = 256

// lru is a map that is bounded. It is not safe for concurrent use.
type lru[V any] struct {
	limits Limits
	drop   func(V) // called with what goes
	size   int
	order  list.List // of *entry[V], the most recently used first
	byKey  map[string]*list.Element
}

type entry[V any] struct {
	key   string
	value V
	size  int
}

func newLRU[V any](limits Limits, drop func(V)) *lru[V] {
	return &lru[V]{limits: limits, drop: drop, byKey: map[string]*list.Element{}}
}

// get returns the value under key and makes it the most recently used.
func (l *lru[V]) get(key string) (value V, ok bool) {
	e, ok := l.byKey[key]
	if !ok {
		return value, false
	}
	l.order.MoveToFront(e)
	return e.Value.(*entry[V]).value, true
}

// put sets the value under key, of size bytes, and makes room for it. What was there before is not dropped.
func (l *lru[V]) put(key string, value V, size int) {
	l.unlink(key)
	e := &entry[V]{key, value, size + len(key) + overhead}
	l.byKey[key] = l.order.PushFront(e)
	l.size += e.size
	for l.size > l.limits.Bytes || l.order.Len() > l.limits.Entries {
		last := l.order.Back().Value.(*entry[V])
		l.unlink(last.key)
		l.drop(last.value)
	}
}

// remove drops the value under key.
func (l *lru[V]) remove(key string) {
	if v, ok := l.get(key); ok {
		l.unlink(key)
		l.drop(v)
	}
}

// unlink takes out the entry under key, if there is one, without dropping its value.
func (l *lru[V]) unlink(key string) {
	if e, ok := l.byKey[key]; ok {
		l.size -= l.order.Remove(e).(*entry[V]).size
		delete(l.byKey, key)
	}
}

// MemoryServerCache is a [ServerCache] in memory.
type MemoryServerCache struct {
	now func() time.Time
	mu  sync.Mutex
	lru *lru[*stored]
}

type stored struct {
	session []byte
	expires time.Time
}

// NewServerCache returns an empty cache.
func NewServerCache(limits Limits, now func() time.Time) *MemoryServerCache {
	return &MemoryServerCache{now: now, lru: newLRU(limits, func(s *stored) { clear(s.session) })}
}

// Put implements [ServerCache]. It never fails.
func (c *MemoryServerCache) Put(_ context.Context, id, session []byte, expires time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.remove(string(id))
	c.lru.put(string(id), &stored{bytes.Clone(session), expires}, len(session))
	return nil
}

// Get implements [ServerCache]. It never fails.
func (c *MemoryServerCache) Get(_ context.Context, id []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.lru.get(string(id))
	if !ok {
		return nil, nil
	}
	if !c.now().Before(s.expires) {
		c.lru.remove(string(id))
		return nil, nil
	}
	return bytes.Clone(s.session), nil
}

// Remove implements [ServerCache]. It never fails.
func (c *MemoryServerCache) Remove(_ context.Context, id []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.remove(string(id))
	return nil
}

// MemoryClientCache is a [ClientCache] in memory. It wipes what it drops.
type MemoryClientCache struct {
	now func() time.Time
	mu  sync.Mutex
	lru *lru[[]*State] // the newest last
}

// NewClientCache returns an empty cache.
func NewClientCache(limits Limits, now func() time.Time) *MemoryClientCache {
	return &MemoryClientCache{now: now, lru: newLRU(limits, wipeAll)}
}

func wipeAll(all []*State) {
	for _, s := range all {
		s.Wipe()
	}
}

// Put implements [ClientCache]. One session of TLS 1.2 or older is kept for a server, for it can be used again and again.
func (c *MemoryClientCache) Put(server string, s *State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all, _ := c.lru.get(server)
	all = c.discard(all, func(old *State) bool { return s.reusable() && old.reusable() })
	if room := max(c.lru.limits.Each, 1) - 1; len(all) > room {
		wipeAll(all[:len(all)-room])
		all = all[len(all)-room:]
	}
	c.set(server, append(all, s))
}

// Take implements [ClientCache].
func (c *MemoryClientCache) Take(server string, usable func(*State) bool) *State {
	c.mu.Lock()
	defer c.mu.Unlock()
	all, ok := c.lru.get(server)
	if !ok {
		return nil
	}
	all = c.discard(all, func(*State) bool { return false })
	var taken *State
	for i, s := range slices.Backward(all) {
		if !usable(s) {
			continue
		}
		if taken = s; s.reusable() {
			taken = s.Clone()
		} else {
			all = slices.Delete(all, i, i+1)
		}
		break
	}
	c.set(server, all)
	return taken
}

// Remove implements [ClientCache].
func (c *MemoryClientCache) Remove(server string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.remove(server)
}

// reusable reports whether the session may be offered more than once.
func (s *State) reusable() bool { return s.Version < iana.VersionTLS13 }

// discard returns all without the sessions that have expired, and those for which also is true. Those it wipes.
func (c *MemoryClientCache) discard(all []*State, also func(*State) bool) []*State {
	now := c.now()
	return slices.DeleteFunc(slices.Clone(all), func(s *State) bool {
		gone := !now.Before(s.Expires()) || also(s)
		if gone {
			s.Wipe()
		}
		return gone
	})
}

// set keeps all for the server.
func (c *MemoryClientCache) set(server string, all []*State) {
	if len(all) == 0 {
		c.lru.unlink(server)
		return
	}
	size := 0
	for _, s := range all {
		size += s.sizeHint() + overhead
	}
	c.lru.put(server, all, size)
}
