package tlshttp

import (
	"net"
	"slices"
	"sync"
	"time"
)

// place is what connections are interchangeable by: the address, and whether they speak
// HTTP/2, or else HTTP/1.
type place struct {
	addr  string
	http2 bool
}

// parking has the connections that were dialled for one version of HTTP and speak the
// other, until they are taken. The zero value is ready.
type parking struct {
	mu    sync.Mutex
	conns map[place][]*parkedConn
}

type parkedConn struct {
	net.Conn
	limit *time.Timer
}

// parkingTime is how long a connection waits. The request for which it was dialled takes
// it at once, unless that was cancelled.
const parkingTime = 5 * time.Second

// put parks c.
func (p *parking) put(at place, c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		p.conns = make(map[place][]*parkedConn)
	}
	parked := &parkedConn{Conn: c}
	parked.limit = time.AfterFunc(parkingTime, func() { p.drop(at, parked) })
	p.conns[at] = append(p.conns[at], parked)
}

// take returns the connection that was parked last, or nil.
func (p *parking) take(at place) net.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.conns[at]
	if len(list) == 0 {
		return nil
	}
	c := list[len(list)-1]
	p.keep(at, list[:len(list)-1])
	c.limit.Stop()
	return c.Conn
}

// has reports whether a connection is parked.
func (p *parking) has(at place) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns[at]) > 0
}

// drop closes c, unless it was taken.
func (p *parking) drop(at place, c *parkedConn) {
	p.mu.Lock()
	i := slices.Index(p.conns[at], c)
	if i >= 0 {
		p.keep(at, slices.Delete(p.conns[at], i, i+1))
	}
	p.mu.Unlock()
	if i >= 0 {
		_ = c.Close()
	}
}

// keep sets what is parked at a place. The lock is held.
func (p *parking) keep(at place, list []*parkedConn) {
	if p.conns[at] = list; len(list) == 0 {
		delete(p.conns, at)
	}
}

// clear closes all.
func (p *parking) clear() {
	p.mu.Lock()
	conns := p.conns
	p.conns = nil
	p.mu.Unlock()
	for _, list := range conns {
		for _, c := range list {
			c.limit.Stop()
			_ = c.Close()
		}
	}
}

// hosts remembers which hosts chose HTTP/2, so that they are asked in it first. The zero
// value is ready.
type hosts struct {
	mu    sync.Mutex
	http2 map[string]struct{}
}

// maxHosts bounds what is remembered. A host that was forgotten costs one detour within
// the process.
const maxHosts = 1000

func (h *hosts) speakHTTP2(host string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, yes := h.http2[host]
	return yes
}

// note remembers what host chose.
func (h *hosts) note(host string, http2 bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !http2 {
		delete(h.http2, host)
		return
	}
	if len(h.http2) >= maxHosts || h.http2 == nil {
		h.http2 = make(map[string]struct{})
	}
	h.http2[host] = struct{}{}
}
