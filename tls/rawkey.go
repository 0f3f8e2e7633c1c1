package tls

import (
	"crypto"

	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/spki"
)

// Public keys without certificates (RFC 7250).

// setRawKeys has both ends show and take keys alone, as c says.
func (r *resolved) setRawKeys(c *Config) error {
	for i, key := range c.PeerPublicKeys {
		if !signs(key) {
			return configError("PeerPublicKeys", "key %d, a %T, is not one that can sign handshakes", i, key)
		}
	}
	for _, trust := range []*auth.Trust{&r.trust, &r.clientTrust} {
		trust.Keys, trust.VerifyKey = c.PeerPublicKeys, verifyKey(c.VerifyPublicKey)
	}
	if c.RawPublicKey == nil {
		return nil
	}
	if !signs(c.RawPublicKey.Public()) {
		return configError("RawPublicKey", "a %T is not one that can sign handshakes", c.RawPublicKey.Public())
	}
	info, err := spki.MarshalPublicKey(c.RawPublicKey.Public())
	if err != nil {
		return configError("RawPublicKey", "%w", err)
	}
	own := &auth.Credential{Chain: [][]byte{info}, Key: c.RawPublicKey, Raw: true}
	r.client.RawKey, r.server.RawKey = own, own
	return nil
}

// verifyKey has what VerifyPublicKey says told to the peer as it says.
func verifyKey(verify func(crypto.PublicKey) error) func(crypto.PublicKey) error {
	if verify == nil {
		return nil
	}
	return func(key crypto.PublicKey) error {
		if err := verify(key); err != nil {
			return distrusted(err)
		}
		return nil
	}
}
