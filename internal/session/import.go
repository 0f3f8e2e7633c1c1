package session

import (
	"crypto"
	"encoding/binary"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
)

// targets is the key derivation functions for which keys are imported, one for each hash of TLS 1.3's cipher suites, with
// their numbers in IANA's registry TLS KDF Identifiers (RFC 9258 §10).
var targets = []struct {
	hash crypto.Hash
	kdf  uint16
}{{crypto.SHA256, 1}, {crypto.SHA384, 2}}

// Import returns what TLS 1.3 is to use in the place of an external PSK (RFC 9258): a PSK of its own for each hash, so
// that no key is used with two of them, nor in two protocols, nor in two contexts. p.Hash is the external key's, SHA-256
// where it came without one. A client offers all of them; a server takes any.
func Import(p *PSK, context []byte) []*PSK {
	imported := make([]*PSK, len(targets))
	for i, target := range targets {
		identity := importedIdentity(p.Identity, context, target.kdf)
		imported[i] = &PSK{
			Identity: identity,
			Key:      keys.TLS13(p.Hash, nil).ImportPSK(p.Key, identity, target.hash.Size()),
			Hash:     target.hash,
			Params:   p.Params,
			Imported: true,
		}
	}
	return imported
}

// Name is the identity of an external PSK as it was given, before it was imported.
func (p *PSK) Name() []byte {
	if !p.Imported {
		return p.Identity
	}
	return p.Identity[2:][:binary.BigEndian.Uint16(p.Identity)]
}

// MaxImported is how many bytes of identity and context together fit into an imported identity.
const MaxImported = 1<<16 - 1 - 8

// importedIdentity is an ImportedIdentity (RFC 9258 §5.1). external and context have MaxImported bytes or less.
func importedIdentity(external, context []byte, kdf uint16) []byte {
	b := make([]byte, 0, 2+len(external)+2+len(context)+2+2)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(external))), external...)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(context))), context...)
	b = binary.BigEndian.AppendUint16(b, uint16(iana.VersionTLS13))
	return binary.BigEndian.AppendUint16(b, kdf)
}
