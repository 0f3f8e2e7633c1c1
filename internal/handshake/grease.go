package handshake

import (
	"io"
	"slices"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// grease offers values that mean nothing, and never will, wherever a client lists what it can
// do, so that servers which fail at what they do not know are found while that costs nothing
// (RFC 8701 §3). Which of the sixteen values it is in each place is random. A server that
// chooses one is refused as one that chooses what was not offered. It comes before pre_shared_key
// is added, which must be the last extension.
func (c *client) grease() error {
	if !c.cfg.GREASE {
		return nil
	}
	var random [7]byte
	if _, err := io.ReadFull(c.cfg.Rand, random[:]); err != nil {
		return alert.Internal("client_hello", "no randomness: %w", err)
	}
	h := c.hello
	h.CipherSuites = slices.Insert(h.CipherSuites, 0, greased[iana.CipherSuite](random[0]))
	h.SupportedGroups = slices.Insert(h.SupportedGroups, 0, greased[iana.NamedGroup](random[1]))
	h.SignatureAlgorithms = append(h.SignatureAlgorithms, greased[iana.SignatureScheme](random[2]))
	if h.Extensions.Has(iana.ExtSupportedVersions) {
		share := msg.KeyShareEntry{Group: h.SupportedGroups[0], KeyExchange: []byte{0}}
		h.KeyShares = slices.Insert(h.KeyShares, 0, share)
		h.SupportedVersions = slices.Insert(h.SupportedVersions, 0, greased[iana.Version](random[3]))
		h.PSKModes = append(h.PSKModes, 0x0b+0x1f*(random[4]&7)) // these are of one byte (RFC 8701 §2)
	}
	first, last := greased[iana.ExtensionType](random[5]), greased[iana.ExtensionType](random[6])
	if first == last {
		last ^= 0x1010
	}
	h.Extensions.Order = slices.Insert(h.Extensions.Order, 0, msg.Extension{Type: first})
	h.Extensions.AddRaw(last, []byte{0})
	return nil
}

// greased is the value of RFC 8701 §2 that n stands for, which counts modulo 16.
func greased[T ~uint16](n byte) T {
	b := uint16(n&0xf)<<4 | 0x0a
	return T(b<<8 | b)
}
