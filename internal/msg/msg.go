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
	Version     iana.Version // 0 while unknown
	KeyExchange KeyExchange
	CertType    iana.CertificateType
}

func context(c *wire.Codec) *Context { return c.Context.(*Context) }

// tls13 reports whether v is TLS 1.3 or a draft of it.
func tls13(v iana.Version) bool { return v == iana.VersionTLS13 || v>>8 == 0x7f }

var codecs = sync.Pool{New: func() any { return new(wire.Codec) }}

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

// Append encodes m with its header onto dst and returns the longer slice.
func Append(dst []byte, ctx *Context, m Message) ([]byte, error) {
	c := codecs.Get().(*wire.Codec)
	defer codecs.Put(c)
	c.Context = ctx
	out, err := c.Encode(dst, m.Spec().Name, &framed{m})
	if err != nil {
		return dst, fault(m, err)
	}
	return out, nil
}

// DecodeInto reads raw, header included, into m, strictly. Errors are *[alert.Error]s.
// Slices in m alias raw.
func DecodeInto(m Message, ctx *Context, raw []byte) error {
	c := codecs.Get().(*wire.Codec)
	defer codecs.Put(c)
	c.Context = ctx
	if err := c.Decode(raw, m.Spec().Name, &framed{m}); err != nil {
		return fault(m, err)
	}
	return nil
}

// Decode reads raw, header included, as the message that its type and ctx say, strictly.
// Where ctx leaves that open, the first candidate that fits exactly is taken. A type that
// is not known gives an [*Unknown]. Slices in the result alias raw.
func Decode(ctx *Context, raw []byte) (Message, error) {
	var first error
	for _, cand := range candidates(ctx, raw) {
		m := cand.new()
		err := DecodeInto(m, &cand.ctx, raw)
		if err == nil {
			return m, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// Annotate decodes raw and says where each field stands. Lenient decoding does not fail
// (but for an empty raw): what cannot be read is noted in the findings and left raw.
// Where ctx leaves open what the message is, the first candidate without a finding is
// taken, else the first.
func Annotate(ctx *Context, raw []byte, lenient bool) (Message, wire.Annotation, error) {
	c := new(wire.Codec)
	var first struct {
		m   Message
		ann wire.Annotation
		err error
	}
	for _, cand := range candidates(ctx, raw) {
		m := cand.new()
		c.Context = &cand.ctx
		ann, err := c.Annotate(raw, m.Spec().Name, &framed{m}, lenient)
		if err != nil {
			err = fault(m, err)
		} else if len(ann.Findings) == 0 {
			return m, ann, nil
		}
		if first.m == nil {
			first.m, first.ann, first.err = m, ann, err
		}
	}
	return first.m, first.ann, first.err
}

// fault turns a fault of the codec into an error of the protocol: decode_error, unless the
// layout that failed said something more specific.
func fault(m Message, err error) *alert.Error {
	var at *wire.Error
	if !errors.As(err, &at) {
		return alert.Internal(m.Spec().Name, "%w", err)
	}
	return Finding(m, at)
}

// Finding is the error of the protocol that a fault in m amounts to.
func Finding(m Message, at *wire.Error) *alert.Error {
	var own *alert.Error
	if errors.As(at.Err, &own) {
		e := *own
		e.Where = at.Path
		return &e
	}
	return alert.Malformed(at.Path, m.Spec().Ref, "%s, at offset %d", at.Reason(), at.Offset)
}

// Type returns the msg_type of a message with its header, or false if raw is empty.
func Type(raw []byte) (iana.HandshakeType, bool) {
	if len(raw) == 0 {
		return 0, false
	}
	return iana.HandshakeType(raw[0]), true
}
