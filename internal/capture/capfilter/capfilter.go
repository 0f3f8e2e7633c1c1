// Package capfilter compiles the filter of a live capture to classic BPF, which the kernel runs on every packet.
//
// The language is the part of tcpdump's that people type by heart:
//
//	expression = term { ( "and" | "&&" | "or" | "||" ) term }
//	term       = ( "not" | "!" ) term | "(" expression ")" | primitive { primitive }
//	primitive  = "tcp" | [ "src" | "dst" ] ( "host" ADDRESS | "port" NUMBER | "net" CIDR )
//
// As in tcpdump, "and" and "or" bind alike, from left to right, "not" binds tighter, and primitives side by side, as in
// "tcp port 443", tighter than "and". Unlike there, the packets of VLANs are looked into as all others are, and a host
// or a net is that of an IP header: ARP, which may name them too, never matches.
package capfilter

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/bpf"
)

// Link is what packets begin with.
type Link uint8

// The links that a filter can be compiled for.
const (
	Ethernet Link = iota
	IP            // no link layer: an IP header comes first
)

// Compile compiles an expression; the empty one takes all packets. The program returns how many bytes of a packet are
// wanted: all, or none. The error names the word at fault.
func Compile(expression string, l Link) ([]bpf.Instruction, error) {
	p := &parser{words: split(expression)}
	if len(p.words) == 0 {
		return []bpf.Instruction{bpf.RetConstant{Val: wholePacket}}, nil
	}
	n, err := p.expression()
	if err == nil && len(p.words) > 0 {
		err = p.unexpected()
	}
	if err != nil {
		return nil, err
	}
	return assemble(n, l)
}

// split cuts an expression into words, parentheses and signs.
func split(s string) []string {
	for _, sign := range []string{"(", ")", "!", "&&", "||"} {
		s = strings.ReplaceAll(s, sign, " "+sign+" ")
	}
	return strings.Fields(s)
}

// maxDepth bounds how deep parentheses and negations nest.
const maxDepth = 100

type parser struct {
	words []string
	depth int
}

// next is the next word, empty at the end.
func (p *parser) next() string {
	if len(p.words) == 0 {
		return ""
	}
	return p.words[0]
}

// take takes the next word if it is one of those.
func (p *parser) take(words ...string) bool {
	if !slices.Contains(words, p.next()) {
		return false
	}
	p.words = p.words[1:]
	return true
}

func (p *parser) unexpected() error {
	if len(p.words) == 0 {
		return fmt.Errorf("capture filter: it ends where tcp, host, port, net, not or ( should follow")
	}
	return fmt.Errorf("capture filter: unexpected %q: known are tcp, host, port, net, src, dst, and, or, not and parentheses", p.next())
}

func (p *parser) expression() (node, error) {
	left, err := p.term()
	for err == nil && len(p.words) > 0 && p.next() != ")" {
		both := p.take("and", "&&")
		if !both && !p.take("or", "||") {
			return nil, p.unexpected()
		}
		var right node
		right, err = p.term()
		if both {
			left = and{left, right}
		} else {
			left = or{left, right}
		}
	}
	return left, err
}

func (p *parser) term() (node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, fmt.Errorf("capture filter: more than %d nested terms", maxDepth)
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("not", "!"):
		n, err := p.term()
		return not{n}, err
	case p.take("("):
		n, err := p.expression()
		if err == nil && !p.take(")") {
			err = fmt.Errorf("capture filter: a parenthesis is not closed")
		}
		return n, err
	}
	n, err := p.primitive()
	for err == nil && slices.Contains(beginnings, p.next()) {
		var more node
		more, err = p.primitive()
		n = and{n, more}
	}
	return n, err
}

// beginnings is what primitives begin with.
var beginnings = []string{"tcp", "host", "port", "net", "src", "dst"}

func (p *parser) primitive() (node, error) {
	if p.take("tcp") {
		return tcp{}, nil
	}
	e := either
	switch {
	case p.take("src"):
		e = source
	case p.take("dst"):
		e = destination
	}
	word := p.next()
	read, ok := primitives[word]
	if !ok {
		return nil, p.unexpected()
	}
	p.words = p.words[1:]
	if len(p.words) == 0 {
		return nil, fmt.Errorf("capture filter: nothing follows %s", word)
	}
	n, err := read(p.next(), e)
	p.words = p.words[1:]
	return n, err
}

// primitives is how the word after each of those words is read.
var primitives = map[string]func(string, end) (node, error){"host": readHost, "port": readPort, "net": readNet}

func readHost(word string, e end) (node, error) {
	a, err := netip.ParseAddr(word)
	if err != nil || a.Zone() != "" {
		return nil, fmt.Errorf("capture filter: %q is no IP address", word)
	}
	a = a.Unmap()
	return network{netip.PrefixFrom(a, a.BitLen()), e}, nil
}

func readNet(word string, e end) (node, error) {
	n, err := netip.ParsePrefix(word)
	if err != nil {
		return nil, fmt.Errorf("capture filter: %q is no network such as 10.0.0.0/8", word)
	}
	if n != n.Masked() {
		return nil, fmt.Errorf("capture filter: %q has bits beyond its length: the network is %v", word, n.Masked())
	}
	return network{n, e}, nil
}

func readPort(word string, e end) (node, error) {
	n, err := strconv.ParseUint(word, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("capture filter: %q is no port from 0 to 65535", word)
	}
	return port{uint32(n), e}, nil
}
