package msg

import (
	"slices"

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
	e := x.find(t)
	return e != nil && e.Parsed
}

// Raw returns the extension_data of the first t as it was read, and whether t is there.
func (x *Extensions) Raw(t iana.ExtensionType) ([]byte, bool) {
	if e := x.find(t); e != nil {
		return e.Raw, true
	}
	return nil, false
}

func (x *Extensions) find(t iana.ExtensionType) *Extension {
	for i := range x.Order {
		if x.Order[i].Type == t {
			return &x.Order[i]
		}
	}
	return nil
}

// usualExtensions is as many as most of our messages have, or half of a ClientHello's.
const usualExtensions = 8

// Add appends extensions whose typed fields are set.
func (x *Extensions) Add(types ...iana.ExtensionType) {
	x.Present = true
	if x.Order == nil {
		x.Order = make([]Extension, 0, usualExtensions)
	}
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
	x.Order = slices.DeleteFunc(x.Order, func(e Extension) bool { return e.Type == t })
}

// row says how one extension is laid out in message M.
type row[M any] struct {
	code   iana.ExtensionType
	layout func(*wire.Codec, *M)
}

// registry is the extensions whose layout is known in message M. The same code point
// may be laid out differently in another message.
type registry[M any] struct {
	low  [64]kind[M] // by code point; without a name where there is no row
	high []kind[M]
}

// kind is what is to be known of one extension in message M.
type kind[M any] struct {
	row[M]
	name string
	ref  string
	must bool // an endpoint acts on it, so a fault in it is a fault
}

// register looks up once what would be looked up for every extension of every hello.
func register[M any](rows []row[M]) *registry[M] {
	r := &registry[M]{}
	for _, row := range rows {
		k := kind[M]{row, row.code.String(), ExtensionRef(row.code), !ignored(row.code)}
		if int(row.code) < len(r.low) {
			r.low[row.code] = k
		} else {
			r.high = append(r.high, k)
		}
	}
	return r
}

// find returns the kind of t, or nil.
func (r *registry[M]) find(t iana.ExtensionType) *kind[M] {
	if int(t) < len(r.low) {
		if k := &r.low[t]; k.layout != nil {
			return k
		}
		return nil
	}
	for i := range r.high {
		if r.high[i].code == t {
			return &r.high[i]
		}
	}
	return nil
}

// DraftKeyShare is the code point of key_share until draft 22 (draft-ietf-tls-tls13-22 §4.2). An observer reads it;
// to an endpoint it is an extension like any other that it does not know.
const DraftKeyShare = iana.ExtensionType(40)

// draft is the kind of key_share with its old number, or nil.
func (r *registry[M]) draft() *kind[M] {
	share := r.find(iana.ExtKeyShare)
	if share == nil {
		return nil
	}
	k := *share
	k.code, k.ref, k.must = DraftKeyShare, "draft-ietf-tls-tls13-22 §4.2.8", false
	return &k
}

// layoutExtensions lays out the extension block of m (RFC 9846 §4.3). The least size of
// the block is not enforced: which extensions must be there is the flow's to say, and
// a TLS 1.2 hello may have an empty block.
func layoutExtensions[M any](c *wire.Codec, m *M, x *Extensions, known *registry[M]) {
	var seen types
	x.Present = true
	wire.List16(c, "extensions", &x.Order, 0, 1<<16-1, func(c *wire.Codec, e *Extension) {
		layoutExtension(c, m, e, &seen, known)
	})
}

// layoutOptionalExtensions lays out the block of a hello, which may be absent altogether
// (RFC 5246 §7.4.1.2).
func layoutOptionalExtensions[M any](c *wire.Codec, m *M, x *Extensions, known *registry[M]) {
	if !wire.Present(c, &x.Present) {
		return
	}
	if c.Decoding() && x.Order == nil {
		x.Order = make([]Extension, 0, min(1+c.Remaining()/8, 16))
	}
	layoutExtensions(c, m, x, known)
}

func layoutExtension[M any](c *wire.Codec, m *M, e *Extension, seen *types, known *registry[M]) {
	wire.Uint16(c, "extension_type", &e.Type)
	k := known.find(e.Type)
	if e.Type == DraftKeyShare && c.Lenient() {
		k = known.draft()
	}
	if k == nil {
		layoutUnknown(c, e, seen)
		return
	}
	c.Elide()
	if c.Decoding() {
		e.Parsed = seen.first(c, k.name, e.Type)
	}
	cited := c.Cite(k.ref)
	wire.Block16(c, k.name, 0, 1<<16-1, func(c *wire.Codec) {
		if c.Decoding() {
			e.Raw = c.Peek()
		}
		if e.Parsed && (wire.Try(c, m, k.must, k.layout) || !c.Decoding()) {
			return
		}
		e.Parsed = false
		wire.Rest(c, "", &e.Raw)
	})
	c.Cite(cited)
}

// layoutUnknown lays out an extension that stays raw.
func layoutUnknown(c *wire.Codec, e *Extension, seen *types) {
	name := "extension_data"
	if e.Type.Registered() {
		name = e.Type.String()
		c.Elide()
	}
	switch {
	case c.Decoding():
		seen.first(c, name, e.Type)
	case e.Parsed:
		c.Fail(name, alert.Internal("", "%v has no typed field in this message", e.Type))
	}
	cited := c.Cite(ExtensionRef(e.Type))
	wire.Vec16(c, name, &e.Raw, 0, 1<<16-1)
	c.Cite(cited)
}

// ignored reports whether no endpoint here acts on t. What an endpoint does not know it has
// to pass over whatever it holds (RFC 9846 §4.3), so these stay raw where they are at
// fault, even where decoding is strict.
func ignored(t iana.ExtensionType) bool {
	switch t {
	case iana.ExtClientCertificateURL, iana.ExtTruncatedHMAC, iana.ExtUseSRTP, iana.ExtHeartbeat,
		iana.ExtTicketRequest, iana.ExtNextProtocolNegotiation,
		iana.ExtApplicationSettings, iana.ExtApplicationSettingsNew,
		iana.ExtECHOuterExtensions, iana.ExtEncryptedClientHello:
		return true
	}
	return false
}

// types is the extension types that a block has had so far. Most blocks are short, but one
// of thousands must not cost the square of that.
type types struct {
	few  [40]iana.ExtensionType
	n    int
	many map[iana.ExtensionType]bool
}

// first reports whether t was not there before. A second time is a fault (RFC 9846 §4.3).
func (s *types) first(c *wire.Codec, name string, t iana.ExtensionType) bool {
	if s.add(t) {
		return true
	}
	c.Note(name, alert.Illegal("", "RFC 9846 §4.3", "%v appears twice", t))
	return false
}

func (s *types) add(t iana.ExtensionType) bool {
	if slices.Contains(s.few[:s.n], t) || s.many[t] {
		return false
	}
	if s.n < len(s.few) {
		s.few[s.n] = t
		s.n++
		return true
	}
	if s.many == nil {
		s.many = map[iana.ExtensionType]bool{}
	}
	s.many[t] = true
	return true
}
