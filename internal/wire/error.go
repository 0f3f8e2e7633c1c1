package wire

import (
	"fmt"
	"strconv"
)

// Kind says what is wrong with the bytes.
type Kind uint8

// The kinds of fault. Want and Got of [Error] are numbers of bytes.
const (
	Truncated Kind = iota // a field of Want bytes where Got are left
	Overrun               // a vector that declares Want bytes where Got are left
	TooShort              // a vector of Got bytes where Want is the least
	TooLong               // a vector of Got bytes where Want is the most
	Trailing              // Got bytes are left over
	Invalid               // Err says what
)

// An Error is a fault in the bytes, or in the fields to be encoded: what, in which
// field, and where.
type Error struct {
	Kind   Kind
	Path   string // "client_hello.extensions[3].key_share.client_shares[0].key_exchange"
	ID     string // the path without indexes and containers, as in [Span.ID]
	Offset int    // in bytes from the beginning of the structure
	Want   int
	Got    int
	Ref    string // the section that the layout cited last ([Codec.Cite]), or ""
	Err    error  // the cause, where Kind is Invalid
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s, at offset %d", e.Path, e.Reason(), e.Offset)
}

// Reason says what is wrong, without the place.
func (e *Error) Reason() string {
	switch e.Kind {
	case Truncated:
		return fmt.Sprintf("%s needed, %d left", count(e.Want), e.Got)
	case Overrun:
		return fmt.Sprintf("%s declared, %d left", count(e.Want), e.Got)
	case TooShort:
		return fmt.Sprintf("%s, at least %d expected", count(e.Got), e.Want)
	case TooLong:
		return fmt.Sprintf("%s, at most %d allowed", count(e.Got), e.Want)
	case Trailing:
		return fmt.Sprintf("%s left over", count(e.Got))
	default:
		return e.Err.Error()
	}
}

// Unwrap returns the layout's own error, where there is one.
func (e *Error) Unwrap() error { return e.Err }

func count(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return strconv.Itoa(n) + " bytes"
}

// where is the current path with indexes.
func (c *Codec) where() string {
	b := c.scratch[:0]
	for i, s := range c.path {
		if i > 0 && s.name != "" {
			b = append(b, '.')
		}
		b = append(b, s.name...)
		if s.index >= 0 {
			b = append(b, '[')
			b = strconv.AppendInt(b, int64(s.index), 10)
			b = append(b, ']')
		}
	}
	c.scratch = b
	return string(b)
}

// id is the current path without indexes and elided steps.
func (c *Codec) id() string {
	b := c.scratch[:0]
	for _, s := range c.path {
		if s.name == "" || s.elided {
			continue
		}
		if len(b) > 0 {
			b = append(b, '.')
		}
		b = append(b, s.name...)
	}
	c.scratch = b
	return c.intern(b)
}

// intern is b as a string, the same one every time. IDs are made of the names in layouts, so
// there are only so many.
func (c *Codec) intern(b []byte) string {
	if s, ok := c.ids[string(b)]; ok {
		return s
	}
	if c.ids == nil {
		c.ids = map[string]string{}
	}
	s := string(b)
	c.ids[s] = s
	return s
}
