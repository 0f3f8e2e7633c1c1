package handshake

import (
	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/order"
)

// post13 handles what may come after a TLS 1.3 handshake (RFC 9846 §4.7).
type post13 struct {
	client  bool
	tickets *clientTickets // nil: tickets are dropped
	asked   bool           // the server asked for our certificate in the handshake
	auth    *clientPost    // nil: a client that did not offer to be asked later
	server  *serverPost    // nil: a server whose client did not
}

// Wipe implements [Post].
func (p post13) Wipe() { p.tickets.wipe() }

// HandlePost implements [Post].
func (p post13) HandlePost(t PostTransport, raw []byte) error {
	switch typ := iana.HandshakeType(raw[0]); {
	case typ == iana.HandshakeKeyUpdate && !p.server.amid():
		return recvKeyUpdate(t, raw)
	case typ == iana.HandshakeNewSessionTicket && p.client:
		return p.recvTicket(t, raw)
	case typ == iana.HandshakeCertificateRequest && p.client:
		return p.auth.recvRequest(t, raw)
	case p.server != nil:
		return p.server.recv(t, raw)
	default:
		return alert.Unexpected(typ.String(), "RFC 9846 §4.7", "it may not come after the handshake")
	}
}

// recvTicket takes a ticket (RFC 9846 §4.7.1). It hangs on all that the client said. A server
// that did not ask for a certificate knows that beforehand, any other must have heard it.
func (p post13) recvTicket(t PostTransport, raw []byte) error {
	m := &msg.NewSessionTicket{}
	if err := msg.DecodeInto(m, &msg.Context{Version: iana.VersionTLS13}, raw); err != nil {
		return err
	}
	if err := order.CheckExtensions(order.Of(m), iana.VersionTLS13, &m.Extensions, nil); err != nil {
		return err
	}
	p.tickets.take(m)
	if p.asked {
		t.Confirm()
	}
	return nil
}

// recvKeyUpdate follows the peer to its next keys (RFC 9846 §4.7.3).
func recvKeyUpdate(t PostTransport, raw []byte) error {
	m := &msg.KeyUpdate{}
	if err := msg.DecodeInto(m, &msg.Context{Version: iana.VersionTLS13}, raw); err != nil {
		return err
	}
	if err := t.NextReadKeys(); err != nil {
		return err
	}
	if m.RequestUpdate == 1 {
		t.AnswerKeyUpdate()
	}
	return nil
}

// post12 handles what may come after a TLS 1.2 handshake: the wish for another one. It is
// declined with a warning, so that the connection goes on (RFC 5246 §7.2.2), but where a client
// may renegotiate.
type post12 struct {
	client bool
	again  *renegotiation // nil: it may not
}

// Wipe implements [Post].
func (post12) Wipe() {}

// HandlePost implements [Post].
func (p post12) HandlePost(t PostTransport, raw []byte) error {
	var wish msg.Message = &msg.ClientHello{}
	if p.client {
		wish = &msg.HelloRequest{}
	}
	if typ := iana.HandshakeType(raw[0]); typ != wish.Type() {
		return alert.Unexpected(typ.String(), "RFC 5246 §7.4", "it may not come after the handshake")
	}
	if err := msg.DecodeInto(wish, &msg.Context{Version: iana.VersionTLS12}, raw); err != nil {
		return err
	}
	if p.again != nil {
		return t.Renegotiate(p.again.run)
	}
	return t.Warn(iana.AlertNoRenegotiation)
}

// KeyUpdate returns a KeyUpdate message, header included (RFC 9846 §4.7.3). request asks the
// peer to update its keys too.
func KeyUpdate(request bool) []byte {
	update := byte(0)
	if request {
		update = 1
	}
	return []byte{byte(iana.HandshakeKeyUpdate), 0, 0, 1, update}
}
