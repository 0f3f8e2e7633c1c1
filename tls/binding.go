package tls

import (
	"errors"
	"fmt"
	"slices"

	"github.com/akushu/akushu/internal/iana"
)

// errNoUnique is why there is no tls-unique.
var errNoUnique = errors.New("tls: there is no tls-unique here: TLS 1.3 has none (RFC 9846 Appendix C.5), " +
	"and without extended_main_secret two connections may have the same one (RFC 7627 §1); use tls-exporter")

// bindings is the types of channel binding, by the names under which IANA registers them.
var bindings = map[string]func(*Conn) ([]byte, error){
	"tls-exporter": func(c *Conn) ([]byte, error) {
		return c.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
	},
	"tls-unique": func(c *Conn) ([]byte, error) {
		r := c.result.Load()
		if r.Version >= iana.VersionTLS13 || len(r.TLSUnique) == 0 {
			return nil, errNoUnique
		}
		return slices.Clone(r.TLSUnique), nil
	},
}

// ChannelBinding returns what ties an authentication inside of the connection (SCRAM-PLUS,
// GSS-API, tokens) to this connection and no other: both ends get the same bytes, and nobody
// between them can have connections of its own with these. kind is "tls-exporter" (RFC 9266),
// which every connection has but those of TLS 1.2 without extended_main_secret, or
// "tls-unique" (RFC 5929 §3), which TLS 1.2 has under the same condition. It is an error
// before the handshake is complete.
func (c *Conn) ChannelBinding(kind string) ([]byte, error) {
	binding, known := bindings[kind]
	if !known {
		return nil, fmt.Errorf("tls: %q is not a channel binding that this package has", kind)
	}
	if c.result.Load() == nil {
		return nil, errNotComplete
	}
	return binding(c)
}
