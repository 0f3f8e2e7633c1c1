package handshake

import (
	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// Application protocols (RFC 7301), at both ends and in both versions.

// noProtocol is what stops an end that requires a protocol where the other end has none to
// say. The RFC has a server refuse only where both name some; that a client refuses too, and
// a server one without the extension, keeps one protocol from being taken for another.
func noProtocol(where, format string, args ...any) error {
	return alert.NoCommonGround(where, "RFC 7301 §3.2", format, args...).With(iana.AlertNoApplicationProtocol)
}

// chooseALPN picks the first of our protocols that the client offers (RFC 7301 §3.2).
func chooseALPN(p *Policy, hello *msg.ClientHello) (string, error) {
	const where = "client_hello.application_layer_protocol_negotiation"
	if len(p.ALPN) == 0 {
		return "", nil
	}
	if !hello.Extensions.Has(iana.ExtApplicationLayerProtocolNegotiation) {
		if p.RequireALPN {
			return "", noProtocol(where, "the client offers no protocol, one of %q is required", p.ALPN)
		}
		return "", nil
	}
	for _, ours := range p.ALPN {
		for _, theirs := range hello.ALPN {
			if string(theirs) == ours {
				return ours, nil
			}
		}
	}
	return "", noProtocol(where, "no protocol in common; the client offers %q, this server speaks %q",
		hello.ALPN[:min(len(hello.ALPN), mostListed)], p.ALPN)
}

// recvALPN takes the server's choice of protocol (RFC 7301 §3.1).
func (c *client) recvALPN(message string, x *msg.Extensions, chosen []msg.ProtocolName) error {
	const ref, extension = "RFC 7301 §3.1", ".application_layer_protocol_negotiation"
	if !x.Has(iana.ExtApplicationLayerProtocolNegotiation) {
		if c.cfg.RequireALPN {
			return noProtocol(message+extension, "the server chose no protocol, one of %q is required", c.cfg.ALPN)
		}
		return nil
	}
	if len(chosen) != 1 {
		return alert.Illegal(message+extension, ref, "%d protocols, where one is chosen", len(chosen))
	}
	for _, p := range c.cfg.ALPN {
		if p == string(chosen[0]) {
			c.result.ALPN = p
			return nil
		}
	}
	return alert.Illegal(message+extension, ref, "%q was not offered", chosen[0])
}
