package tls

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
)

// LegacyPSK is a key that both ends were given, for TLS 1.2 and before (RFC 4279), with the name
// under which both know it. Key is secret, and must be random: who sees a handshake with
// TLS_PSK_WITH_… can try out guesses of a password.
type LegacyPSK struct {
	Identity []byte // up to 65,535 bytes
	Key      []byte // 1 to 65,535 bytes
}

// String names the key, and does not show it.
func (p LegacyPSK) String() string { return fmt.Sprintf("pre-shared key %q", p.Identity) }

// GoString is String, so that %#v does not show the key either.
func (p LegacyPSK) GoString() string { return p.String() }

// setLegacyPSKs takes the keys that are shared. It comes before setSuites.
func (c *Config) setLegacyPSKs(p *handshake.Policy) error {
	if p.PSKHint12 = c.LegacyPSKHint; len(p.PSKHint12) > 1<<16-1 {
		return configError("LegacyPSKHint", "%d bytes", len(p.PSKHint12))
	}
	for i, psk := range c.LegacyPSKs {
		switch {
		case len(psk.Key) == 0 || len(psk.Key) > 1<<16-1:
			return configError(fmt.Sprintf("LegacyPSKs[%d]", i), "a key of %d bytes", len(psk.Key))
		case len(psk.Identity) > 1<<16-1:
			return configError(fmt.Sprintf("LegacyPSKs[%d]", i), "an identity of %d bytes", len(psk.Identity))
		case slices.ContainsFunc(c.LegacyPSKs[:i], func(q LegacyPSK) bool { return bytes.Equal(q.Identity, psk.Identity) }):
			return configError(fmt.Sprintf("LegacyPSKs[%d]", i), "its identity stands twice")
		}
		p.PSKs12 = append(p.PSKs12, handshake.PSK12{Identity: bytes.Clone(psk.Identity), Key: bytes.Clone(psk.Key)})
	}
	return nil
}

// sharing is the suites in front of the default ones where there is a key to share: those with
// forward secrecy and authenticated encryption.
func sharing(p *handshake.Policy) []*suite.Suite {
	if len(p.PSKs12) == 0 {
		return nil
	}
	return slices.DeleteFunc(suite.All(), func(s *suite.Suite) bool {
		return !s.Shared() || s.KeyExchange != suite.KeyExchangeECDHE || s.Cipher.CBC() || s.Cipher.TagLen < 16
	})
}

// usableSuite is the suite of that number, or nil where p has no use for it.
func usableSuite(p *handshake.Policy, id iana.CipherSuite) *suite.Suite {
	s := suite.ByID(id)
	if s == nil || !s.Usable() && (!s.Shared() || len(p.PSKs12) == 0) {
		return nil
	}
	return s
}
