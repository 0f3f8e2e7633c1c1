// Package filter is Wireshark's display filter language, for the fields that akushu has.
//
//	prog, err := filter.Compile(`tls.handshake.type == 1 and not ip.src == 10.0.0.0/8`)
//	packet := prog.NewPacket()
//	packet.Number(filter.TLSHandshakeType, 1)
//	…
//	prog.Match(packet)
//
// A field may have several values in one packet, or none. A comparison holds where it does
// for any of them, != and === where it does for all; where there is no value none holds.
// Names, types and meaning are Wireshark's (wireshark-filter(4)), as of version 4.
//
// The package knows no packets and no TLS: who has them fills in the fields that
// the expression uses.
package filter

import (
	"fmt"
	"net/netip"
)

// Program is an expression, compiled. Several goroutines may use it.
type Program struct {
	root node
	slot [fieldCount]uint8 // where a Packet has the field, from 1; 0 where it is not asked for
	size int               // how many are
}

// Compile reads an expression. The error is an *Error.
func Compile(text string) (*Program, error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, prog: new(Program)}
	p.prog.root, err = p.whole()
	if err != nil {
		return nil, err
	}
	return p.prog, nil
}

// Uses reports whether the expression asks for a field. Others need not be filled in.
func (p *Program) Uses(f Field) bool { return p.slot[f] != 0 }

// use notes that the expression asks for a field.
func (p *Program) use(f Field) {
	if p.slot[f] == 0 {
		p.size++
		p.slot[f] = uint8(p.size)
	}
}

// Match reports whether the expression holds for a packet, which NewPacket of the same program
// made.
func (p *Program) Match(k *Packet) bool { return p.root.match(k) }

// Error is what is wrong with an expression.
type Error struct {
	Code    Code
	Offset  int    // of Near in the expression, in bytes
	Near    string // the words that it is about; empty at the end of the expression
	Nearest string // what may have been meant; may be empty
}

// Code says what is wrong.
type Code string

// What can be wrong.
const (
	UnknownField Code = "unknown_field" // there is no such field
	BadValue     Code = "bad_value"     // the field cannot have this value
	BadPattern   Code = "bad_pattern"   // not a regular expression
	BadOperator  Code = "bad_operator"  // a field of this type cannot be compared so
	NoField      Code = "no_field"      // a comparison of constants
	NoOperator   Code = "no_operator"   // there is no such operator
	NoComma      Code = "no_comma"      // before a value of a set
	Unexpected   Code = "unexpected"    // not the word that may stand here
	Unfinished   Code = "unfinished"    // more must come, or a string is not closed
)

func (e *Error) Error() string {
	return fmt.Sprintf("filter: %s at offset %d: %q", e.Code, e.Offset, e.Near)
}

// Packet is the fields of one packet, as far as the program asks for them: the others that are
// filled in go nowhere.
type Packet struct {
	prog   *Program
	values [][]value // by slot; the first has none
}

// value is one value of a field. Which member holds it is the business of the field's type.
type value struct {
	number uint64
	text   string // text, or bytes
	addr   netip.Addr
}

// NewPacket makes a packet without fields.
func (p *Program) NewPacket() *Packet { return &Packet{p, make([][]value, p.size+1)} }

// Reset takes all fields away.
func (k *Packet) Reset() {
	for i := range k.values {
		k.values[i] = k.values[i][:0]
	}
}

func (k *Packet) of(f Field) []value { return k.values[k.prog.slot[f]] }

func (k *Packet) add(f Field, v value) {
	if slot := k.prog.slot[f]; slot != 0 {
		k.values[slot] = append(k.values[slot], v)
	}
}

// Has says that a field without a value is there: a protocol, a mark.
func (k *Packet) Has(f Field) {
	if len(k.of(f)) == 0 {
		k.add(f, value{})
	}
}

// Mark says once more that a field without a value is there.
func (k *Packet) Mark(f Field) { k.add(f, value{}) }

// Number adds a value to a field that is a number, of nanoseconds where it is a time.
func (k *Packet) Number(f Field, n uint64) { k.add(f, value{number: n}) }

// Bool adds a value to a field that is true or false.
func (k *Packet) Bool(f Field, b bool) {
	v := value{}
	if b {
		v.number = 1
	}
	k.add(f, v)
}

// Text adds a value to a field of text.
func (k *Packet) Text(f Field, s string) { k.add(f, value{text: s}) }

// Bytes adds a value to a field of bytes, which are copied.
func (k *Packet) Bytes(f Field, b []byte) {
	if k.prog.Uses(f) {
		k.add(f, value{text: string(b)})
	}
}

// Addr adds a value to a field that is an address.
func (k *Packet) Addr(f Field, a netip.Addr) { k.add(f, value{addr: a}) }

// Wants reports whether the program asks for any of the fields from one to another.
func (k *Packet) Wants(from, to Field) bool { return k.prog.UsesAny(from, to) }

// UsesAny reports whether the expression asks for any of the fields from one to another.
func (p *Program) UsesAny(from, to Field) bool {
	for f := from; f <= to; f++ {
		if p.Uses(f) {
			return true
		}
	}
	return false
}
