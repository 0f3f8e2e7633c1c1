package tls

import (
	"bytes"
	"context"
	"crypto"
	_ "crypto/sha256" // the hashes of PSKs
	_ "crypto/sha512"
	"fmt"
	"net"
	"slices"

	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/session"
)

// A PreSharedKey is a secret that both ends were given before they connect, and by which each
// knows the other: no certificate is needed then (RFC 9846 §2.2). It is for TLS 1.3.
type PreSharedKey struct {
	// Identity names the key. It is sent in the clear, and has 1 to 65,535 bytes.
	Identity []byte
	// Key is the secret, 1 to 65,535 bytes. It must be random: whoever watches a handshake, or
	// just connects, can try passwords at leisure.
	Key []byte
	// Hash is what TLS 1.3 uses the key with, and the hash of the cipher suite then: SHA-256 or
	// SHA-384. Zero: SHA-256. The same key must not be used with both.
	Hash crypto.Hash
	// Import makes of the key one for each hash, and in Context, which both ends must know alike,
	// for different uses of it (RFC 9258): so one key goes with every cipher suite, and nothing
	// else is known of it where it is used elsewhere. Both ends must do so. Hash is then that
	// with which it is imported.
	Import  bool
	Context []byte
}

// Format prints the key's name alone.
func (k PreSharedKey) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "[pre-shared key %q]", k.Identity)
}

// PSKMode is a way to use a PSK, or a ticket, in TLS 1.3 (RFC 9846 §4.3.9).
type PSKMode uint8

// The modes.
const (
	// PSKModeOnly makes the keys of the PSK alone: whoever gets that opens all connections that
	// were recorded. It saves a key exchange.
	PSKModeOnly = PSKMode(iana.ModePSKKE)
	// PSKModeDHE makes them of a key exchange as well.
	PSKModeDHE = PSKMode(iana.ModePSKDHEKE)
)

// String returns the mode's name.
func (m PSKMode) String() string { return iana.PSKKeyExchangeMode(m).String() }

// check says what is wrong with a key.
func (k *PreSharedKey) check() error {
	const most = 1<<16 - 1
	switch {
	case len(k.Identity) == 0 || len(k.Identity) > most:
		return fmt.Errorf("an identity of %d bytes, it has 1 to %d", len(k.Identity), most)
	case len(k.Key) == 0 || len(k.Key) > most:
		return fmt.Errorf("a key of %d bytes, it has 1 to %d", len(k.Key), most)
	case k.Import && len(k.Identity)+len(k.Context) > session.MaxImported:
		return fmt.Errorf("an identity and a context of %d bytes, they have at most %d together", len(k.Identity)+len(k.Context), session.MaxImported)
	case k.Hash != 0 && k.Hash != crypto.SHA256 && k.Hash != crypto.SHA384:
		return fmt.Errorf("no cipher suite of TLS 1.3 has %v", k.Hash)
	}
	return nil
}

// addTo adds k as the flows have it: several, if it is imported.
func (k *PreSharedKey) addTo(all []*session.PSK) []*session.PSK {
	p := session.NewExternal(k.Identity, keys.Secret(k.Key))
	if k.Hash != 0 {
		p.Hash = k.Hash
	}
	if k.Import {
		return append(all, session.Import(p, k.Context)...)
	}
	return append(all, p)
}

// setPSKModes takes the ways in which PSKs are used.
func (c *Config) setPSKModes(p *handshake.Policy) error {
	for _, mode := range c.PSKModes {
		if mode > PSKModeDHE {
			return configError("PSKModes", "there is no mode %v", mode)
		}
		p.PSKModes = append(p.PSKModes, iana.PSKKeyExchangeMode(mode))
	}
	return nil
}

// setPSKs gives both ends the keys that they have.
func (r *resolved) setPSKs(c *Config) error {
	for i := range c.PreSharedKeys {
		k := &c.PreSharedKeys[i]
		if err := k.check(); err != nil {
			return configError("PreSharedKeys", "number %d: %w", i, err)
		}
		if slices.ContainsFunc(c.PreSharedKeys[:i], func(other PreSharedKey) bool { return bytes.Equal(other.Identity, k.Identity) }) {
			return configError("PreSharedKeys", "two are called %q", k.Identity)
		}
		r.client.PSKs = k.addTo(r.client.PSKs)
	}
	if !c.knowsPSKs() {
		return nil
	}
	r.psks.resolved = r
	r.getPreSharedKey, r.server.PSKs = c.GetPreSharedKey, &r.psks
	if len(c.Certificates) == 0 && c.GetCertificate == nil {
		r.server.Identity = nil
	}
	return nil
}

// knowsPSKs reports whether a server has pre-shared keys, and may so do without certificates.
func (c *Config) knowsPSKs() bool { return len(c.PreSharedKeys) > 0 || c.GetPreSharedKey != nil }

// pskSource finds a server's pre-shared keys for one connection.
type pskSource struct {
	*resolved
	conn net.Conn // nil where no callback is asked
}

// FindPSK implements [handshake.PSKSource].
func (s *pskSource) FindPSK(ctx context.Context, client *auth.ClientHelloFacts, identity []byte) (*session.PSK, error) {
	for _, p := range s.resolved.client.PSKs {
		if bytes.Equal(p.Identity, identity) {
			return p, nil
		}
	}
	if s.getPreSharedKey == nil {
		return nil, nil
	}
	k, err := s.getPreSharedKey(helloInfo(ctx, client, s.conn), bytes.Clone(identity))
	if err != nil {
		return nil, refused(err)
	}
	if k == nil {
		return nil, nil
	}
	found := *k
	if !found.Import {
		found.Identity = identity
	}
	if err := found.check(); err != nil {
		return nil, refused(fmt.Errorf("tls: GetPreSharedKey: %w", err))
	}
	for _, p := range found.addTo(nil) {
		if bytes.Equal(p.Identity, identity) {
			return p, nil
		}
	}
	return nil, nil
}
