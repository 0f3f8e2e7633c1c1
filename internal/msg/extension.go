package msg

import (
	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/wire"
)

// Extensions is what stood, or is to stand, in a message's extension block, in order.
type Extensions struct {
	Present bool // the block is there at all; an absent block is not an empty one
	Order   []Extension
}

// Extension is one extension. Parsed ones are encoded from the message's typed field,
// others from Raw.
type Extension struct {
	Type   iana.ExtensionType
	Raw    []byte // extension_data as it was read; aliases the input
	Parsed bool
}

// Has reports whether t is there and its typed field holds it.
func (x *Extensions) Has(t iana.ExtensionType) bool {
	for i := range x.Order {
		if x.Order[i].Type == t && x.Order[i].Parsed {
			return true
		}
	}
	return false
}

// Add appends extensions whose typed fields are set.
func (x *Extensions) Add(types ...iana.ExtensionType) {
	x.Present = true
	for _, t := range types {
		x.Order = append(x.Order, Extension{Type: t, Parsed: true})
	}
}

// AddRaw appends an extension as bytes.
func (x *Extensions) AddRaw(t iana.ExtensionType, data []byte) {
	x.Present = true
	x.Order = append(x.Order, Extension{Type: t, Raw: data})
}

// Remove takes t out, every time it is there.
func (x *Extensions) Remove(t iana.ExtensionType) {
	kept := x.Order[:0]
	for _, e := range x.Order {
		if e.Type != t {
			kept = append(kept, e)
		}
	}
	x.Order = kept
}

// row says how one extension is laid out in message M.
type row[M any] struct {
	code   iana.ExtensionType
	layout func(*wire.Codec, *M)
}

// registry is the extensions whose layout is known in message M. The same code point
// may be laid out differently in another message.
type registry[M any] []row[M]

func (r registry[M]) find(t iana.ExtensionType) func(*wire.Codec, *M) {
	for i := range r {
		if r[i].code == t {
			return r[i].layout
		}
	}
	return nil
}

// layoutExtensions lays out the extension block of m (RFC 9846 §4.3). The least size of
// the block is not enforced: which extensions must be there is the flow's to say, and
// a TLS 1.2 hello may have an empty block.
func layoutExtensions[M any](c *wire.Codec, m *M, x *Extensions, known registry[M]) {
	if isHello(m) && !wire.Present(c, &x.Present) {
		return
	}
	wire.List16(c, "extensions", &x.Order, 0, 1<<16-1, func(c *wire.Codec, e *Extension) {
		layoutExtension(c, m, x, e, known)
	})
}

// isHello reports whether m may lack an extension block altogether (RFC 5246 §7.4.1.2).
func isHello(m any) bool {
	switch m.(type) {
	case *ClientHello, *ServerHello:
		return true
	}
	return false
}

func layoutExtension[M any](c *wire.Codec, m *M, x *Extensions, e *Extension, known registry[M]) {
	wire.Uint16(c, "extension_type", &e.Type)
	name := "extension_data"
	if e.Type.Registered() {
		name = e.Type.String()
		c.Elide()
	}
	layout := known.find(e.Type)
	if c.Decoding() && layout != nil {
		e.Parsed = !duplicate(c, name, x, e)
	}
	wire.Block16(c, name, 0, 1<<16-1, func(c *wire.Codec) {
		if c.Decoding() {
			e.Raw = c.Peek()
		}
		if e.Parsed && layout != nil {
			e.Parsed = wire.Try(c, m, layout)
		}
		if !e.Parsed {
			wire.Rest(c, "", &e.Raw)
		}
	})
}

// duplicate reports whether an extension of e's type stands before e, which is not
// allowed (RFC 9846 §4.3).
func duplicate(c *wire.Codec, name string, x *Extensions, e *Extension) bool {
	for i := range x.Order {
		first := &x.Order[i]
		if first != e && first.Type == e.Type {
			c.Note(name, alert.Illegal("", "RFC 9846 §4.3", "%v appears twice", e.Type))
			return true
		}
	}
	return false
}
