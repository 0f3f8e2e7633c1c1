package observe

import (
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/wire"
)

// TypeEncryptedHandshake is the Type of a handshake record that could not be opened:
// which messages are in it is not known.
const TypeEncryptedHandshake = "EncryptedHandshake"

// Message is a handshake message, complete. Its sender is the event's Dir.From.
type Message struct {
	Place
	// Type is the RFC's name of the structure: "ClientHello", "HelloRetryRequest", …; a
	// number for a type that is not registered, and TypeEncryptedHandshake where
	// nothing can be told.
	Type string
	// ID begins the IDs of the message's fields: "client_hello", "certificate_1_2". It
	// is empty for TypeEncryptedHandshake.
	ID        string
	Ref       string // the section that defines it: "RFC 9846 §4.2.2"
	Length    int    // of the body, the 4-byte header excluded
	Records   int    // how many records it is spread over
	Encrypted bool   // it travelled under keys, and was opened unless Raw is nil
	Inferred  bool   // that there is a message is a guess, by where the record stands
	Epoch     Epoch
	// Raw is the message with its header. It is the event's own and may be kept; it
	// must not be changed.
	Raw []byte

	ctx msg.Context
	two bool // it has the form of SSL 2.0
}

// Opened reports whether the message can be read.
func (m *Message) Opened() bool { return m.Raw != nil }

// Field is a field of a message, or a group of fields.
type Field struct {
	// ID is the path without indexes: "client_hello.key_share.client_shares.group". It is
	// stable. The length in front of a vector has the vector's ID and ".length".
	ID string
	// Path is this occurrence of the field, with indexes.
	Path string
	// Start and End are offsets in Message.Raw: the bytes are [Start, End).
	Start, End int
	// Value is a uint64 for a number, a []byte (which aliases Raw) for bytes, and nil for
	// a group.
	Value any
	// Text is Value as a symbol: an IANA name, a quoted string where the field is text,
	// decimal for other numbers, hexadecimal for bytes. It is empty for a group.
	Text  string
	Leaf  bool // a field, not a group
	Depth int  // number of groups around it; the message itself has 0
}

// Fields takes the message apart: every field and group of fields in the order of the
// bytes, each group before its members. The leaves cover each byte of Raw once. Bytes
// of which no field could be made are a leaf whose ID ends in "undecoded", or, inside an
// extension, the extension itself. It decodes anew with each call, and is empty where
// the message was not opened.
func (m *Message) Fields() []Field {
	if !m.Opened() {
		return nil
	}
	ann, ok := m.annotate()
	if !ok {
		return nil
	}
	fields := make([]Field, len(ann.Spans))
	for i := range ann.Spans {
		fields[i] = newField(&ann.Spans[i])
	}
	return fields
}

func (m *Message) annotate() (wire.Annotation, bool) {
	if m.two {
		two, ann := msg.Decode2(m.Raw)
		return ann, two != nil
	}
	ctx := m.ctx
	_, ann, err := msg.Annotate(&ctx, m.Raw, true)
	return ann, err == nil
}

func newField(s *wire.Span) Field {
	f := Field{ID: s.ID, Path: s.Path, Start: s.Start, End: s.End, Leaf: s.Leaf, Depth: s.Depth}
	if s.Leaf {
		f.Value, f.Text = plain(s.Value), fieldText(s.ID, s.Value)
	}
	return f
}

// Texts returns the Text of every leaf with this ID, in order.
func Texts(fields []Field, id string) []string {
	var all []string
	for i := range fields {
		if fields[i].Leaf && fields[i].ID == id {
			all = append(all, fields[i].Text)
		}
	}
	return all
}

// Text returns the Text of the first leaf with this ID, or "".
func Text(fields []Field, id string) string {
	for i := range fields {
		if fields[i].Leaf && fields[i].ID == id {
			return fields[i].Text
		}
	}
	return ""
}

// structName is the RFC's name of the structure that m was decoded as.
func structName(m msg.Message) string {
	if _, ok := m.(*msg.HelloRetryRequest); ok {
		return iana.HandshakeHelloRetryRequest.StructName()
	}
	return m.Type().StructName()
}
