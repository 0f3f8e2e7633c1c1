package capfilter

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/net/bpf"
)

// A node is a part of an expression. It writes code that goes on at one of two labels, for packets of one version of
// IP, whose header begins at the index register; 0 stands for all other packets.
type node interface {
	code(p *program, version int, yes, no label)
}

// end is which of its two ends a packet is judged by.
type end uint8

const (
	either end = iota
	source
	destination
)

type (
	and  struct{ left, right node }
	or   struct{ left, right node }
	not  struct{ node }
	tcp  struct{}
	port struct {
		number uint32
		end
	}
	network struct {
		netip.Prefix
		end
	}
)

func (n and) code(p *program, version int, yes, no label) {
	right := p.label()
	n.left.code(p, version, right, no)
	p.place(right)
	n.right.code(p, version, yes, no)
}

func (n or) code(p *program, version int, yes, no label) {
	right := p.label()
	n.left.code(p, version, yes, right)
	p.place(right)
	n.right.code(p, version, yes, no)
}

func (n not) code(p *program, version int, yes, no label) { n.node.code(p, version, no, yes) }

// Where fields of IP headers stand, in bytes.
const (
	v4Fragment, v4Protocol, v4Source, v4Destination      = 6, 9, 12, 16
	v6NextHeader, v6Source, v6Destination, v6Header      = 6, 8, 24, 40
	protocolTCP, protocolUDP, protocolSCTP, nextFragment = 6, 17, 132, 44
)

// code looks for TCP right behind the IP header or, in IPv6, in a fragment, as tcpdump does.
func (tcp) code(p *program, version int, yes, no label) {
	switch version {
	case 4:
		p.load(v4Protocol, 1)
		p.choose(bpf.JumpEqual, protocolTCP, yes, no)
	case 6:
		first, fragment := p.label(), p.label()
		p.load(v6NextHeader, 1)
		p.choose(bpf.JumpEqual, protocolTCP, yes, first)
		p.place(first)
		p.choose(bpf.JumpEqual, nextFragment, fragment, no)
		p.place(fragment)
		p.load(v6Header, 1)
		p.choose(bpf.JumpEqual, protocolTCP, yes, no)
	default:
		p.jump(no)
	}
}

// code looks at the first four bytes behind the IP header, where TCP, UDP and SCTP have their ports. Fragments but the
// first have none.
func (n port) code(p *program, version int, yes, no label) {
	has := p.label()
	switch version {
	case 4:
		whole := p.label()
		p.load(v4Protocol, 1)
		p.oneOf(has, no, protocolTCP, protocolUDP, protocolSCTP)
		p.place(has)
		p.load(v4Fragment, 2)
		p.choose(bpf.JumpBitsSet, 0x1fff, no, whole)
		p.place(whole)
		p.skipIPv4Header()
		n.ports(p, 0, yes, no)
	case 6:
		p.load(v6NextHeader, 1)
		p.oneOf(has, no, protocolTCP, protocolUDP, protocolSCTP)
		p.place(has)
		n.ports(p, v6Header, yes, no)
	default:
		p.jump(no)
	}
}

// ports compares the ports at an offset from the index register, which it sets back to the IP header.
func (n port) ports(p *program, at uint32, yes, no label) {
	found, not := p.label(), p.label()
	p.eachEnd(n.end, found, not, func(e end, yes, no label) {
		p.load(at+map[end]uint32{source: 0, destination: 2}[e], 2)
		p.choose(bpf.JumpEqual, n.number, yes, no)
	})
	for _, way := range []struct{ here, next label }{{found, yes}, {not, no}} {
		p.place(way.here)
		p.backToHeader()
		p.jump(way.next)
	}
}

func (n network) code(p *program, version int, yes, no label) {
	at := map[end]uint32{source: v4Source, destination: v4Destination}
	want := 4
	if n.Addr().Is6() {
		at, want = map[end]uint32{source: v6Source, destination: v6Destination}, 6
	}
	if version != want {
		p.jump(no)
		return
	}
	p.eachEnd(n.end, yes, no, func(e end, yes, no label) { p.prefix(n.Prefix, at[e], yes, no) })
}

// prefix compares the bits of an address that a network has, word by word.
func (p *program) prefix(n netip.Prefix, at uint32, yes, no label) {
	b := n.Addr().AsSlice()
	for bits := n.Bits(); bits > 0; bits, at, b = bits-32, at+4, b[4:] {
		p.load(at, 4)
		if bits < 32 {
			p.add(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: ^uint32(0) << (32 - bits)})
		}
		more := p.label()
		p.choose(bpf.JumpEqual, binary.BigEndian.Uint32(b), more, no)
		p.place(more)
	}
	p.jump(yes)
}

// eachEnd writes code for one end of a packet, or for one and then the other.
func (p *program) eachEnd(e end, yes, no label, code func(e end, yes, no label)) {
	if e != either {
		code(e, yes, no)
		return
	}
	second := p.label()
	code(source, yes, second)
	p.place(second)
	code(destination, yes, no)
}
