package record

import (
	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
)

// messageHeaderLen is the length of msg_type and length (RFC 9846 §4).
const messageHeaderLen = 4

// DefaultMaxMessage is the length in bytes of the longest handshake message that [Messages] takes if it is not told
// otherwise: room for a long chain of certificates, and little for a peer to have us hold.
const DefaultMaxMessage = 64 << 10

// MaxFragments is how many records a message may come in: enough for one of [DefaultMaxMessage] in records of 8 bytes,
// where RFC 8449 lets nobody ask for less than 64, and for a ClientHello with a ticket of some kilobytes byte by byte; and
// little for a peer to keep us busy with.
const MaxFragments = 8192

// Messages makes handshake messages of the fragments of handshake records, in which they may lie several together or one
// in many pieces (RFC 9846 §5.1). It reads nothing itself; the zero value is ready.
type Messages struct {
	max       int
	buf       []byte // what was pushed and has not been returned, nil if there is nothing
	fragments int    // pushed since Next returned a message
}

// SetMax refuses messages of more than n bytes, their header apart. Zero is [DefaultMaxMessage].
func (m *Messages) SetMax(n int) { m.max = n }

// Push takes the content of a handshake record, which it copies. Before the next Push, call Next until there is no
// message: that is what bounds the memory.
//
// An empty fragment is an unexpected_message (RFC 9846 §5.1, §5.4), and so is one more than [MaxFragments] of a message.
func (m *Messages) Push(fragment []byte) error {
	if len(fragment) == 0 {
		return alert.Unexpected("record", "RFC 9846 §5.1", "an empty fragment of type handshake")
	}
	if m.fragments == MaxFragments {
		return alert.Unexpected("record", "RFC 9846 §5.1", "a handshake message in more than %d records", MaxFragments)
	}
	m.fragments++
	if m.buf == nil {
		m.buf = make([]byte, 0, len(fragment)) // and no more: most records end with a message
	}
	m.buf = append(m.buf, fragment...)
	return nil
}

// Next returns the next message, header included, or nil if the rest of it, or all of it, has not come yet. The bytes
// are the caller's: they are neither pooled nor written again. Messages of one record share one piece of memory.
//
// A message that says that it is longer than the limit is an illegal_parameter, at once.
func (m *Messages) Next() ([]byte, error) {
	if len(m.buf) < messageHeaderLen {
		return nil, nil
	}
	length := int(m.buf[1])<<16 | int(m.buf[2])<<8 | int(m.buf[3])
	if most := m.limit(); length > most {
		return nil, alert.TooLarge(iana.HandshakeType(m.buf[0]).String(), "RFC 9846 §4", "a message of %d bytes, the most taken is %d", length, most).
			With(iana.AlertIllegalParameter)
	}
	length += messageHeaderLen
	if len(m.buf) < length {
		return nil, nil
	}
	m.fragments = 0
	message := m.buf[:length:length]
	if m.buf = m.buf[length:]; len(m.buf) == 0 {
		m.buf = nil
	}
	return message, nil
}

func (m *Messages) limit() int {
	if m.max == 0 {
		return DefaultMaxMessage
	}
	return m.max
}

// Partial reports whether bytes were pushed that Next has not returned. Once it returned nil, they are the beginning of a
// message.
func (m *Messages) Partial() bool { return m.buf != nil }

// CheckOther is to be asked before a record of another type is taken: TLS 1.3 lets none come between the pieces of a
// message (RFC 9846 §5.1), TLS 1.2 does (RFC 5246 §6.2.1).
func (m *Messages) CheckOther(typ iana.ContentType) error {
	if m.Partial() {
		return alert.Unexpected("record", "RFC 9846 §5.1", "a record of type %v within a handshake message", typ)
	}
	return nil
}

// CheckKeyChange is to be asked before the keys are changed: the message before must end its record (RFC 9846 §5.1).
func (m *Messages) CheckKeyChange() error {
	if m.Partial() {
		return alert.Unexpected("record", "RFC 9846 §5.1", "handshake messages go on where the keys change")
	}
	return nil
}
