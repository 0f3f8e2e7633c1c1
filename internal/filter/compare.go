package filter

import (
	"cmp"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// relation is a comparison, and of which values it must hold.
type relation struct {
	comparison
	quantifier
}

type comparison uint8

const (
	equal comparison = iota + 1
	differs
	above
	below
	aboveOrEqual
	belowOrEqual
	contains
	matches
)

// mirrored is what each comparison becomes when its sides change places.
var mirrored = map[comparison]comparison{
	equal: equal, differs: differs, above: below, below: above, aboveOrEqual: belowOrEqual, belowOrEqual: aboveOrEqual,
}

// ordering are the comparisons that need an order of values.
var ordering = []comparison{equal, differs, above, below, aboveOrEqual, belowOrEqual}

// allowed is how the values of each kind can be compared.
var allowed = map[kind][]comparison{
	kindProtocol: {contains, matches},
	kindNumber:   ordering,
	kindBool:     {equal, differs},
	kindIPv4:     ordering,
	kindIPv6:     ordering,
	kindDuration: ordering,
	kindTime:     ordering,
	kindText:     append([]comparison{contains, matches}, ordering...),
	kindBytes:    append([]comparison{contains, matches}, ordering...),
}

// compare makes a test of two operands.
func (p *parser) compare(rel relation, at token, left, right operand) (node, error) {
	switch {
	case left.constant && right.constant && left.sort == quoted:
		return nil, fault(NoField, left.token)
	case left.constant && right.constant:
		return nil, unknown(left.token)
	case left.constant:
		back, ok := mirrored[rel.comparison]
		if !ok {
			return nil, fault(BadOperator, at)
		}
		left, right, rel.comparison = right, left, back
	}
	if !slices.Contains(allowed[left.kind], rel.comparison) {
		return nil, fault(BadOperator, at)
	}
	if right.constant {
		test, err := predicateOf(rel.comparison, left, right.token)
		return &compared{left, rel.quantifier, test}, err
	}
	if left.kind != right.kind || rel.comparison >= contains {
		return nil, fault(BadOperator, at)
	}
	order := left.kind.order()
	return &paired{left, right, rel.quantifier, func(a, b value) bool { return rel.says(order(a, b)) }}, nil
}

// says is what a comparison makes of an order of two values.
func (c comparison) says(order int) bool {
	switch c {
	case equal:
		return order == 0
	case differs:
		return order != 0
	case above:
		return order > 0
	case below:
		return order < 0
	case aboveOrEqual:
		return order >= 0
	}
	return order <= 0
}

// order is how values of a kind are ordered.
func (k kind) order() func(a, b value) int {
	switch k {
	case kindText, kindBytes, kindProtocol:
		return func(a, b value) int { return strings.Compare(a.text, b.text) }
	case kindIPv4, kindIPv6:
		return func(a, b value) int { return a.addr.Compare(b.addr) }
	case kindDuration, kindTime:
		return func(a, b value) int { return cmp.Compare(int64(a.number), int64(b.number)) }
	}
	return func(a, b value) int { return cmp.Compare(a.number, b.number) }
}

// predicateOf is a comparison with a constant.
func predicateOf(c comparison, o operand, t token) (predicate, error) {
	switch {
	case c == matches:
		return pattern(t)
	case (o.kind == kindIPv4 || o.kind == kindIPv6) && strings.Contains(t.text, "/"):
		return within(c, o, t)
	}
	constant, ok := o.read(t)
	if !ok {
		return nil, fault(BadValue, t)
	}
	if c == contains && constant.text == "" {
		return func(value) bool { return false }, nil // so Wireshark
	}
	if c == contains {
		return func(v value) bool { return strings.Contains(v.text, constant.text) }, nil
	}
	order := o.kind.order()
	return func(v value) bool { return c.says(order(v, constant)) }, nil
}

// pattern is a regular expression, which knows no case and sees bytes.
func pattern(t token) (predicate, error) {
	re, err := regexp.Compile("(?is)" + t.text)
	if err != nil {
		return nil, fault(BadPattern, t)
	}
	return func(v value) bool { return re.MatchString(v.text) }, nil
}

// within is a comparison of an address with a net.
func within(c comparison, o operand, t token) (predicate, error) {
	net, err := netip.ParsePrefix(t.text)
	if err != nil || net.Addr().Is4() != (o.kind == kindIPv4) {
		return nil, fault(BadValue, t)
	}
	if c != equal && c != differs {
		return nil, fault(BadOperator, t)
	}
	return func(v value) bool { return net.Contains(v.addr) == (c == equal) }, nil
}
