package packet

import (
	"net/netip"
	"slices"
	"sort"
	"time"
)

// A datagram names what fragments belong to (RFC 791 §3.2, RFC 8200 §4.5).
type datagram struct {
	src, dst netip.Addr
	id       uint32
	protocol byte // 0 for IPv6, where it is no part of the name
}

// A fragment is where a piece stands.
type fragment struct {
	datagram
	start int  // of its bytes in the datagram
	more  bool // it is not the last
	next  Kind // what the datagram begins with; that of its first fragment counts
}

// Bounds on what fragments may hold.
const (
	maxDatagram     = 1<<16 - 1
	maxHeld         = 4 << 20 // bytes, of all datagrams
	pieceSize       = 64      // what a piece costs besides its bytes
	fragmentTimeout = 60 * time.Second
)

// fragments holds the datagrams that are not whole, oldest first in order.
type fragments struct {
	partial map[datagram]*partial
	order   []*partial
	held    int
}

func newFragments() fragments { return fragments{partial: make(map[datagram]*partial)} }

// partial is a datagram of which pieces are there, sorted and without overlap.
type partial struct {
	datagram
	since  time.Time
	pieces []piece
	size   int // of the whole; 0 where the last piece is not there
	next   Kind
	held   int
}

type piece struct {
	start int
	data  []byte
}

// reassemble adds the fragment that is read. The one that completes its datagram is followed by what the datagram
// holds.
func (d *Decoder) reassemble() (int, Kind) {
	f := &d.fragment
	if d.missing > 0 || f.start+len(d.data) > maxDatagram || f.more && len(d.data)%8 != 0 {
		return 0, None
	}
	p := d.fragments.find(f.datagram, d.out.Time)
	d.fragments.add(p, f, d.data)
	whole := p.whole()
	if whole == nil {
		return 0, None
	}
	d.fragments.forget(p)
	d.data = whole
	return 0, p.next
}

// find returns the datagram that a fragment belongs to. One that is too old was another with the same name.
func (s *fragments) find(name datagram, now time.Time) *partial {
	if p := s.partial[name]; p != nil {
		if now.Sub(p.since) < fragmentTimeout {
			return p
		}
		s.forget(p)
	}
	p := &partial{datagram: name, since: now}
	s.partial[name] = p
	s.order = append(s.order, p)
	return p
}

func (s *fragments) forget(p *partial) {
	delete(s.partial, p.datagram)
	s.held -= p.held
	if i := slices.Index(s.order, p); i >= 0 {
		s.order = slices.Delete(s.order, i, i+1)
	}
}

// add keeps what is new of a fragment, and makes room by forgetting the oldest datagrams.
func (s *fragments) add(p *partial, f *fragment, data []byte) {
	if f.start == 0 {
		p.next = f.next
	}
	if !f.more && p.size == 0 {
		p.size = f.start + len(data)
	}
	before := p.held
	p.insert(f.start, data)
	s.held += p.held - before
	for s.held > maxHeld && s.order[0] != p {
		s.forget(s.order[0])
	}
}

// insert keeps the bytes that no earlier fragment brought: the first copy wins, as it does in TCP here.
func (p *partial) insert(start int, data []byte) {
	end := start + len(data)
	i := sort.Search(len(p.pieces), func(i int) bool { return p.pieces[i].end() > start })
	for start < end {
		stop := end
		if i < len(p.pieces) {
			stop = min(end, p.pieces[i].start)
		}
		if start < stop {
			fresh := piece{start, slices.Clone(data[:stop-start])}
			p.pieces = slices.Insert(p.pieces, i, fresh)
			p.held += len(fresh.data) + pieceSize
			i++
		}
		if i == len(p.pieces) {
			return
		}
		skip := min(end, p.pieces[i].end()) - start
		start, data, i = start+skip, data[skip:], i+1
	}
}

func (p *piece) end() int { return p.start + len(p.data) }

// whole is the bytes of the datagram once they are all there.
func (p *partial) whole() []byte {
	if p.size == 0 {
		return nil
	}
	b := make([]byte, 0, p.size)
	for _, piece := range p.pieces {
		if piece.start != len(b) || piece.end() > p.size {
			return nil
		}
		b = append(b, piece.data...)
	}
	if len(b) < p.size {
		return nil
	}
	return b
}
