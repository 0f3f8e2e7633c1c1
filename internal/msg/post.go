package msg

import (
	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/wire"
)

// NewSessionTicket gives a TLS 1.3 client a PSK for later (RFC 9846 §4.7.1).
type NewSessionTicket struct {
	Lifetime   uint32 // in seconds
	AgeAdd     uint32
	Nonce      []byte
	Ticket     []byte
	Extensions Extensions

	MaxEarlyData uint32 // early_data: max_early_data_size in bytes
}

// Type implements [Message].
func (*NewSessionTicket) Type() iana.HandshakeType { return iana.HandshakeNewSessionTicket }

// Spec implements [Message].
func (*NewSessionTicket) Spec() Spec { return Spec{"new_session_ticket", "RFC 9846 §4.7.1"} }

// Layout implements RFC 9846 §4.7.1.
func (m *NewSessionTicket) Layout(c *wire.Codec) {
	wire.Uint32(c, "ticket_lifetime", &m.Lifetime)
	wire.Uint32(c, "ticket_age_add", &m.AgeAdd)
	wire.Vec8(c, "ticket_nonce", &m.Nonce, 0, 255)
	wire.Vec16(c, "ticket", &m.Ticket, 1, 1<<16-1)
	layoutExtensions(c, m, &m.Extensions, newSessionTicketExtensions)
}

// NewSessionTicket12 gives a TLS 1.2 client its session in a form only the server can
// read (RFC 5077 §3.3).
type NewSessionTicket12 struct {
	LifetimeHint uint32 // in seconds; 0 is unspecified
	Ticket       []byte
}

// Type implements [Message].
func (*NewSessionTicket12) Type() iana.HandshakeType { return iana.HandshakeNewSessionTicket }

// Spec implements [Message].
func (*NewSessionTicket12) Spec() Spec {
	return Spec{"new_session_ticket_1_2", "RFC 5077 §3.3"}
}

// Layout implements RFC 5077 §3.3.
func (m *NewSessionTicket12) Layout(c *wire.Codec) {
	wire.Uint32(c, "ticket_lifetime_hint", &m.LifetimeHint)
	wire.Vec16(c, "ticket", &m.Ticket, 0, 1<<16-1)
}

// KeyUpdate tells that the sender's next records have new keys (RFC 9846 §4.7.3).
type KeyUpdate struct {
	RequestUpdate uint8 // 0 update_not_requested, 1 update_requested
}

// Type implements [Message].
func (*KeyUpdate) Type() iana.HandshakeType { return iana.HandshakeKeyUpdate }

// Spec implements [Message].
func (*KeyUpdate) Spec() Spec { return Spec{"key_update", "RFC 9846 §4.7.3"} }

// Layout implements RFC 9846 §4.7.3.
func (m *KeyUpdate) Layout(c *wire.Codec) {
	wire.Uint8(c, "request_update", (*iana.KeyUpdateRequest)(&m.RequestUpdate))
	if m.RequestUpdate > uint8(iana.KeyUpdateRequested) {
		c.Note("request_update", alert.Illegal("", "RFC 9846 §4.7.3", "value %d is neither 0 nor 1", m.RequestUpdate))
	}
}
