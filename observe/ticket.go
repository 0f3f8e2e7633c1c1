package observe

import (
	"bytes"
	"crypto/sha256"

	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
)

// rememberPSK keeps the pre-shared key that belongs to a ticket of TLS 1.3, where the main secret can be worked out
// (RFC 9846 §4.7.1).
func (c *Conn) rememberPSK(m *msg.NewSessionTicket) {
	hs := c.hs
	if !is13(hs.version) || hs.suite == nil || !hs.said.done[ClientToServer] || !hs.said.done[ServerToClient] || hs.said.partial {
		return
	}
	c.turnOf(hs)
	for _, s := range c.keys.schedules(hs) {
		if s.handshakeServ == nil || !bytes.Equal(s.handshakeServ, c.halves[ServerToClient].finishing) {
			continue
		}
		main := keys.TLS13(hs.suite.Hash, nil).Early(s.psk).Handshake(s.shared).Main()
		resumption := main.Resumption(hashOf(hs.suite.Hash, hs.said.order(hs.version)))
		c.turn()
		c.keys.AddTicket(m.Ticket, keys.TLS13(hs.suite.Hash, nil).TicketPSK(resumption, m.Nonce))
		resumption.Wipe()
		main.Wipe()
	}
}

// AddTicket tells the pre-shared key that belongs to a ticket of TLS 1.3, where somebody has kept it. Keys owns it from
// then on.
func (k *Keys) AddTicket(ticket, psk []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.tickets) >= sessionsLimit {
		clear(k.tickets)
	}
	id := sha256.Sum256(ticket)
	k.tickets[id] = append(k.tickets[id], psk)
}

// ticketPSK is the pre-shared keys that may be that of a ticket.
func (k *Keys) ticketPSK(ticket []byte) []keys.Secret {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.tickets[sha256.Sum256(ticket)]
}

// presharedFor lists the pre-shared keys that may belong to an identity that was offered.
func (k *Keys) presharedFor(hs *handshake, identity int) []keys.Secret {
	told := k.preshared()
	if identity < len(hs.offer.identities) {
		told = append(told, k.ticketPSK(hs.offer.identities[identity])...)
	}
	return told
}
