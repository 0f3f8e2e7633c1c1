// Package msg is the TLS handshake messages and their extensions: one layout each, in
// the RFCs' words and order, and no policy. What may stand where is internal/order's;
// what is accepted is the flows' and internal/auth's.
//
// A message is read and written with its four-byte header (RFC 9846 §4: msg_type and
// length). [Decode] is strict, for an endpoint; [Annotate] also tells which byte is which
// field and can be lenient, for an observer. Slices in decoded messages alias the input.
//
// Extensions keep their order, their duplicates and what nobody understands: a message
// has a list of what was there ([Extensions]) beside its typed fields, and encoding
// walks the list, so that decoding and encoding give the same bytes back.
package msg

import (
	"errors"
	"strconv"
	"sync"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/wire"
)

// MaxLength is the largest length that a handshake header can declare.
const MaxLength = 1<<24 - 1

// HeaderLength is the size in bytes of the header of a handshake message.
const HeaderLength = 4

// A Message is a handshake message.
type Message interface {
	wire.Struct
	// Type is the message's msg_type on the wire.
	Type() iana.HandshakeType
	// Spec returns the name that begins the paths of the message's fields, such as
	// "client_hello" or "certificate_1_2", and the section that defines it.
	Spec() Spec
}

// Spec names a message.
type Spec struct {
	Name string // root of paths and IDs
	Ref  string // "RFC 9846 §4.2.2"
}

// Protocol is what carries the handshake.
type Protocol uint8

// The protocols that share this handshake.
const (
	TLS Protocol = iota
	DTLS
	QUIC
)

// KeyExchange is the form of ServerKeyExchange and ClientKeyExchange, TLS 1.2 and
// older: what their fields are depends on it and nothing in them says which it is.
type KeyExchange uint8

// The forms. Anonymous ones carry no signature.
const (
	KeyExchangeUnknown KeyExchange = iota
	KeyExchangeECDHE
	KeyExchangeDHE
	KeyExchangeRSA
	KeyExchangePSK
	KeyExchangeECDHEPSK
	KeyExchangeDHEPSK
	KeyExchangeRSAPSK
	KeyExchangeECDHAnon
	KeyExchangeDHAnon
)

// Context is what a layout must know that is not in the message. The zero value is an
// observer that knows nothing; an endpoint fills in what it negotiated.
type Context struct {
	Protocol    Protocol
	Version     iana.Version // in TLS's numbers also for DTLS; 0 while unknown
	KeyExchange KeyExchange
	CertType    iana.CertificateType
}

func context(c *wire.Codec) *Context { return c.Context.(*Context) }

// workers keeps the scratch space of one call for the next.
var workers = sync.Pool{New: func() any { return new(worker) }}

type worker struct {
	codec wire.Codec
	frame framed
}

// work runs do on m in its frame, in the context ctx.
func work(ctx *Context, m Message, do func(c *wire.Codec, root string, s wire.Struct) error) error {
	w := workers.Get().(*worker)
	w.codec.Context, w.frame.Message = ctx, m
	err := do(&w.codec, m.Spec().Name, &w.frame)
	w.codec.Context, w.frame.Message = nil, nil
	workers.Put(w)
	if err != nil {
		return Finding(m, err.(*wire.Error)) // the codec has no other
	}
	return nil
}

// framed is a message with its header.
type framed struct{ Message }

// Layout implements RFC 9846 §4.
func (f *framed) Layout(c *wire.Codec) {
	t := f.Type()
	wire.Uint8(c, "msg_type", &t)
	if t != f.Type() {
		c.Fail("msg_type", alert.Unexpected("", "RFC 9846 §4", "%v, where %v was expected", t, f.Type()))
	}
	wire.Struct24(c, "", 0, MaxLength, f.Message)
}

// Append encodes m with its header onto dst and returns the longer slice, or dst and an
// *[alert.Error] where a field is out of its bounds.
func Append(dst []byte, ctx *Context, m Message) ([]byte, error) {
	out := dst
	err := work(ctx, m, func(c *wire.Codec, root string, s wire.Struct) (err error) {
		out, err = c.Encode(dst, root, s)
		return err
	})
	if err != nil {
		return dst, err
	}
	return out, nil
}

// DecodeInto reads raw, header included, into m, strictly. Errors are *[alert.Error]s, with
// the *[wire.Error] in their chain. Slices in m alias raw; a typed field of an extension
// that raw does not have keeps its value.
func DecodeInto(m Message, ctx *Context, raw []byte) error {
	return work(ctx, m, func(c *wire.Codec, root string, s wire.Struct) error {
		return c.Decode(raw, root, s)
	})
}

// Decode reads raw, header included, as the message that its type and ctx say, strictly.
// Where ctx leaves that open, the first candidate that fits exactly is taken; where none
// does, the error is the first candidate's. A type that is not known gives an [*Unknown].
// Slices in the result alias raw.
func Decode(ctx *Context, raw []byte) (Message, error) {
	var first error
	for ctx, m := range Candidates(ctx, raw) {
		err := DecodeInto(m, ctx, raw)
		if err == nil {
			return m, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// AnnotateInto reads raw into m as [DecodeInto] does, but says where each field stands, and
// can be lenient. Offsets count from the beginning of the header.
func AnnotateInto(m Message, ctx *Context, raw []byte, lenient bool) (ann wire.Annotation, err error) {
	err = work(ctx, m, func(c *wire.Codec, root string, s wire.Struct) (err error) {
		ann, err = c.Annotate(raw, root, s, lenient)
		return err
	})
	return ann, err
}

// Annotate decodes raw and says where each field stands. Lenient decoding never fails: what
// cannot be read is noted in the findings and left raw. Where ctx leaves open what the
// message is, the candidate with the fewest findings is taken, the first of several.
func Annotate(ctx *Context, raw []byte, lenient bool) (Message, wire.Annotation, error) {
	best := choose(ctx, raw, func(m Message, ctx *Context) (wire.Annotation, error) { return AnnotateInto(m, ctx, raw, lenient) })
	return best.m, best.ann, best.err
}

// Survey is lenient [Annotate] without spans.
func Survey(ctx *Context, raw []byte) (Message, wire.Annotation) {
	best := choose(ctx, raw, func(m Message, ctx *Context) (ann wire.Annotation, err error) {
		err = work(ctx, m, func(c *wire.Codec, root string, s wire.Struct) error {
			ann = c.Survey(raw, root, s)
			return nil
		})
		return ann, err
	})
	return best.m, best.ann
}

// choose takes the candidate that fits best.
func choose(ctx *Context, raw []byte, read func(Message, *Context) (wire.Annotation, error)) annotated {
	var best annotated
	for ctx, m := range Candidates(ctx, raw) {
		try := annotated{m: m}
		try.ann, try.err = read(m, ctx)
		if best.m == nil || try.better(&best) {
			best = try
		}
		if best.err == nil && len(best.ann.Findings) == 0 {
			break
		}
	}
	return best
}

type annotated struct {
	m   Message
	ann wire.Annotation
	err error
}

func (a *annotated) better(b *annotated) bool {
	if (a.err == nil) != (b.err == nil) {
		return a.err == nil
	}
	return len(a.ann.Findings) < len(b.ann.Findings)
}

// Finding is the error of the protocol that a fault in m amounts to: decode_error, unless
// the layout that failed said something more specific.
func Finding(m Message, at *wire.Error) *alert.Error {
	var own *alert.Error
	if errors.As(at.Err, &own) {
		e := *own
		e.Where, e.Err = at.Path, &located{own.Err.Error(), at}
		return &e
	}
	ref := at.Ref
	if ref == "" {
		ref = m.Spec().Ref
	}
	return alert.Malformed(at.Path, ref, "%w", &located{at.Reason(), at})
}

// located says what is wrong and at which byte, and unwraps to the fault.
type located struct {
	reason string
	at     *wire.Error
}

func (l *located) Error() string { return l.reason + ", at offset " + strconv.Itoa(l.at.Offset) }

func (l *located) Unwrap() error { return l.at }

// Type returns the msg_type of a message with its header, or false if raw is empty.
func Type(raw []byte) (iana.HandshakeType, bool) {
	if len(raw) == 0 {
		return 0, false
	}
	return iana.HandshakeType(raw[0]), true
}
