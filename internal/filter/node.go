package filter

import "slices"

// A node is a part of an expression that is true or false for a packet.
type node interface{ match(*Packet) bool }

type join uint8

const (
	joinOr join = iota
	joinAnd
)

type joined struct {
	how         join
	left, right node
}

func (n *joined) match(k *Packet) bool {
	if n.how == joinOr {
		return n.left.match(k) || n.right.match(k)
	}
	return n.left.match(k) && n.right.match(k)
}

type negated struct{ node }

func (n *negated) match(k *Packet) bool { return !n.node.match(k) }

// quantifier says of which of a field's values a comparison must hold.
type quantifier uint8

const (
	anyOf quantifier = iota
	allOf
)

// holds applies a test to values. Of none it does not hold.
func (q quantifier) holds(values []value, test predicate) bool {
	for _, v := range values {
		if test(v) == (q == anyOf) {
			return q == anyOf
		}
	}
	return q == allOf && len(values) > 0
}

type predicate func(value) bool

// compared is a field that is held against something constant.
type compared struct {
	operand
	quantifier
	test predicate
}

func (n *compared) match(k *Packet) bool { return n.holds(n.of(k), n.test) }

// sought is a field that is looked for in a set. As in Wireshark, all of its values are in it where one member, such as a
// range, has them all.
type sought struct {
	operand
	quantifier
	set []predicate
}

func (n *sought) match(k *Packet) bool {
	values := n.of(k)
	return slices.ContainsFunc(n.set, func(m predicate) bool { return n.holds(values, m) })
}

// paired is two fields of one packet that are held against each other.
type paired struct {
	left, right operand
	quantifier
	test func(a, b value) bool
}

func (n *paired) match(k *Packet) bool {
	right := n.right.of(k)
	return len(right) > 0 && n.holds(n.left.of(k), func(a value) bool {
		return n.holds(right, func(b value) bool { return n.test(a, b) })
	})
}

// operand is one side of a comparison: a field with what is made of its values, or a
// constant, which is read once the type of the other side is known.
type operand struct {
	token
	constant bool
	field    Field
	kind     kind // of what comes out
	steps    []step
	nonzero  bool // alone it is a question whether it is not zero
}

// step makes other values of values.
type step func([]value) []value

func (o *operand) of(k *Packet) []value {
	values := k.of(o.field)
	for _, make := range o.steps {
		values = make(values)
	}
	return values
}
