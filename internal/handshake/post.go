package handshake

import (
	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// post13 handles what may come after a TLS 1.3 handshake (RFC 9846 §4.7).
type post13 struct {
	client bool
}

// HandlePost implements [Post].
func (p post13) HandlePost(t PostTransport, raw []byte) error {
	switch typ := iana.HandshakeType(raw[0]); {
	case typ == iana.HandshakeKeyUpdate:
		return recvKeyUpdate(t, raw)
	case typ == iana.HandshakeNewSessionTicket && p.client:
		return msg.DecodeInto(&msg.NewSessionTicket{}, &msg.Context{Version: iana.VersionTLS13}, raw)
	default:
		return alert.Unexpected(typ.String(), "RFC 9846 §4.7", "it may not come after the handshake")
	}
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

// post12 handles what may come after a TLS 1.2 handshake: a request for another one,
// which is declined (RFC 5246 §7.4.1.1, §7.2.2).
type post12 struct {
	client bool
}

// HandlePost implements [Post].
func (p post12) HandlePost(t PostTransport, raw []byte) error {
	typ := iana.HandshakeType(raw[0])
	switch {
	case typ == iana.HandshakeHelloRequest && p.client:
		if err := msg.DecodeInto(&msg.HelloRequest{}, &msg.Context{Version: iana.VersionTLS12}, raw); err != nil {
			return err
		}
		return t.Warn(iana.AlertNoRenegotiation)
	case typ == iana.HandshakeClientHello && !p.client:
		return alert.Unexpected(typ.String(), "RFC 5246 §7.2.2", "renegotiation is not allowed").With(iana.AlertNoRenegotiation)
	default:
		return alert.Unexpected(typ.String(), "RFC 5246 §7.4", "it may not come after the handshake")
	}
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
