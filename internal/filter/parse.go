package filter

import (
	"slices"
	"strings"

	"github.com/akushu/akushu/internal/iana"
)

// parser reads tokens into a tree. Its methods are the rules of the grammar, the loosest first:
//
//	or      = and {("or" | "||") and}
//	and     = not {("and" | "&&") not}
//	not     = ("not" | "!") not | "(" or ")" | test
//	test    = ["any" | "all"] operand [relation operand | ["not"] "in" set]
//	operand = function "(" operand ")" | field ["[" slices "]"] [("&" | "bitwise_and") number] | value
//	set     = "{" value [".." value] {"," value [".." value]} "}"
type parser struct {
	tokens []token
	prog   *Program
}

func (p *parser) peek() token { return p.tokens[0] }

func (p *parser) take() token {
	t := p.tokens[0]
	if t.sort != atEnd {
		p.tokens = p.tokens[1:]
	}
	return t
}

// accept takes the next token if it is one of these words or signs.
func (p *parser) accept(texts ...string) bool {
	t := p.peek()
	if t.sort != word && t.sort != sign || !slices.Contains(texts, t.text) {
		return false
	}
	p.take()
	return true
}

func (p *parser) expect(text string) error {
	if p.accept(text) {
		return nil
	}
	return surprise(p.peek())
}

// missing are operators that one may expect and Wireshark 4.0 does not have, with what stands for them if anything does.
var missing = map[string]string{"xor": "", "^^": "", "bitand": "&"}

// surprise is the error of a token that may not stand where it does.
func surprise(t token) error {
	instead, isOperator := missing[t.text]
	switch {
	case t.sort == atEnd:
		return fault(Unfinished, t)
	case isOperator && t.sort != quoted:
		return &Error{Code: NoOperator, Offset: t.pos, Near: t.text, Nearest: instead}
	}
	return fault(Unexpected, t)
}

func fault(code Code, t token) error { return &Error{Code: code, Offset: t.pos, Near: t.text} }

// whole reads the expression to its end.
func (p *parser) whole() (node, error) {
	n, err := p.or()
	if err == nil && p.peek().sort != atEnd {
		err = surprise(p.peek())
	}
	return n, err
}

func (p *parser) or() (node, error) { return p.chain(p.and, joinOr, "or", "||") }

func (p *parser) and() (node, error) { return p.chain(p.not, joinAnd, "and", "&&") }

// chain reads operands of one operator.
func (p *parser) chain(operand func() (node, error), how join, names ...string) (node, error) {
	left, err := operand()
	for err == nil && p.accept(names...) {
		var right node
		right, err = operand()
		left = &joined{how, left, right}
	}
	return left, err
}

func (p *parser) not() (node, error) {
	switch {
	case p.accept("not", "!"):
		n, err := p.not()
		return &negated{n}, err
	case p.accept("("):
		n, err := p.or()
		if err != nil {
			return nil, err
		}
		return n, p.expect(")")
	}
	return p.test()
}

// relations are the operators between operands, by all their names.
var relations = map[string]relation{
	"==": {equal, anyOf}, "eq": {equal, anyOf}, "any_eq": {equal, anyOf},
	"!=": {differs, allOf}, "ne": {differs, allOf}, "all_ne": {differs, allOf},
	"===": {equal, allOf}, "all_eq": {equal, allOf},
	"!==": {differs, anyOf}, "any_ne": {differs, anyOf},
	">": {above, anyOf}, "gt": {above, anyOf}, "<": {below, anyOf}, "lt": {below, anyOf},
	">=": {aboveOrEqual, anyOf}, "ge": {aboveOrEqual, anyOf}, "<=": {belowOrEqual, anyOf}, "le": {belowOrEqual, anyOf},
	"contains": {contains, anyOf}, "matches": {matches, anyOf}, "~": {matches, anyOf},
}

// test reads a comparison, or what is asked to be there.
func (p *parser) test() (node, error) {
	how, asked := p.quantifier()
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	at := p.peek()
	if p.accept("in") {
		return p.in(left, how)
	}
	if len(p.tokens) > 1 && at.text == "not" && p.tokens[1].text == "in" {
		p.tokens = p.tokens[2:]
		n, err := p.in(left, anyOf) // Wireshark passes over what is asked here
		return &negated{n}, err
	}
	rel, ok := relations[at.text]
	if !ok || at.sort == quoted {
		return p.exists(left)
	}
	p.take()
	right, err := p.operand()
	if err != nil {
		return nil, err
	}
	if asked {
		rel.quantifier = how
	}
	return p.compare(rel, at, left, right)
}

// quantifier reads "any" or "all" before a field.
func (p *parser) quantifier() (how quantifier, asked bool) {
	if len(p.tokens) < 2 || p.tokens[1].sort != word || relations[p.tokens[1].text] != (relation{}) {
		return anyOf, false
	}
	switch {
	case p.accept("any"):
		return anyOf, true
	case p.accept("all"):
		return allOf, true
	}
	return anyOf, false
}

// operand reads a field with what is made of it, or a value.
func (p *parser) operand() (operand, error) {
	t := p.take()
	if t.sort != word && t.sort != quoted {
		return operand{}, surprise(t)
	}
	if f, ok := functions[strings.ToLower(t.text)]; ok && t.sort == word && p.accept("(") {
		return p.call(t, f)
	}
	o := operand{token: t, constant: true}
	if f, ok := lookup(t.text); ok && t.sort == word {
		p.prog.use(f)
		o.constant, o.field, o.kind = false, f, table[f].kind
	}
	return p.derived(o)
}

func (p *parser) call(t token, f function) (operand, error) {
	o, err := p.operand()
	if err != nil {
		return o, err
	}
	if o.constant {
		return o, unknown(o.token)
	}
	if !slices.Contains(f.takes, o.kind) {
		return o, fault(BadOperator, t)
	}
	o.steps = append(o.steps, f.step)
	if f.gives != kindNone {
		o.kind = f.gives
	}
	return o, p.expect(")")
}

// derived reads what stands behind a field: slices, and a mask.
func (p *parser) derived(o operand) (operand, error) {
	if t := p.peek(); t.sort == bracket && !o.constant {
		p.take()
		cut, ok := parseSlices(t.text)
		if !ok || o.kind != kindText && o.kind != kindBytes && o.kind != kindProtocol {
			return o, fault(BadOperator, t)
		}
		o.steps = append(o.steps, cut)
		if o.kind == kindProtocol {
			o.kind = kindBytes
		}
	}
	if t := p.peek(); !o.constant && p.accept("&", "bitwise_and") {
		mask := p.take()
		n, ok := parseNumber(mask.text)
		if !ok || o.kind != kindNumber {
			return o, fault(BadOperator, t)
		}
		o.steps = append(o.steps, masked(n))
		o.nonzero = true
	}
	return o, nil
}

// exists is a test without a comparison.
func (p *parser) exists(o operand) (node, error) {
	switch {
	case o.constant && o.token.sort == quoted:
		return nil, fault(NoField, o.token)
	case o.constant:
		return nil, unknown(o.token)
	case o.nonzero:
		return &compared{o, anyOf, func(v value) bool { return v.number != 0 }}, nil
	}
	return &compared{o, anyOf, func(value) bool { return true }}, nil
}

// unknown is the error of a field that there is not.
func unknown(t token) error {
	e := &Error{Code: UnknownField, Offset: t.pos, Near: t.text}
	e.Nearest = iana.Nearest(Names(), strings.ToLower(t.text))
	return e
}

// in reads the set that a field's values are looked for in.
func (p *parser) in(o operand, how quantifier) (node, error) {
	if o.constant {
		return nil, unknown(o.token)
	}
	if err := p.expect("{"); err != nil {
		return nil, err
	}
	var set []predicate
	for {
		m, err := p.member(o)
		if err != nil {
			return nil, err
		}
		set = append(set, m)
		if p.accept("}") {
			return &sought{o, how, set}, nil
		}
		if t := p.peek(); t.sort == word || t.sort == quoted {
			return nil, fault(NoComma, t)
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
}

// member reads a value of a set, or a range of values.
func (p *parser) member(o operand) (predicate, error) {
	low := p.take()
	if low.sort != word && low.sort != quoted {
		return nil, surprise(low)
	}
	if !p.accept("..") {
		return predicateOf(equal, o, low)
	}
	high := p.take()
	if high.sort != word && high.sort != quoted {
		return nil, surprise(high)
	}
	from, err := predicateOf(aboveOrEqual, o, low)
	if err != nil {
		return nil, err
	}
	to, err := predicateOf(belowOrEqual, o, high)
	return func(v value) bool { return from(v) && to(v) }, err
}
