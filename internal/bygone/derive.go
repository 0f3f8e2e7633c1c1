package bygone

import (
	"bytes"
	"crypto"
	"crypto/md5"
	"crypto/sha1"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
)

// expand30 is how SSL 3.0 makes n bytes of a secret: MD5 of the secret and of the SHA-1 of "A", "BB", …, the secret and two
// randoms (RFC 6101 §6.1, §6.2.2).
func expand30(secret, first, second []byte, n int) keys.Secret {
	var out keys.Secret
	for i := 1; len(out) < n; i++ {
		inner := sha1.New()
		inner.Write(bytes.Repeat([]byte{'A' + byte(i-1)}, i))
		inner.Write(secret)
		inner.Write(first)
		inner.Write(second)
		outer := md5.New()
		outer.Write(secret)
		outer.Write(inner.Sum(nil))
		out = outer.Sum(out)
	}
	return out[:n]
}

// MainSecret30 is the main secret of SSL 3.0 (RFC 6101 §6.1).
func MainSecret30(premaster, clientRandom, serverRandom []byte) keys.Secret {
	return expand30(premaster, clientRandom, serverRandom, keys.MainSecretSize)
}

// KeyBlock30 is the key block of SSL 3.0 (RFC 6101 §6.2.2).
func KeyBlock30(main keys.Secret, clientRandom, serverRandom []byte, n keys.Lengths) keys.KeyBlock {
	rest := expand30(main, serverRandom, clientRandom, 2*(n.MAC+n.Key+n.IV))
	var b keys.KeyBlock
	for _, part := range []struct {
		key *keys.Secret
		n   int
	}{
		{&b.Client.MAC, n.MAC},
		{&b.Server.MAC, n.MAC},
		{&b.Client.Key, n.Key},
		{&b.Server.Key, n.Key},
		{&b.Client.IV, n.IV},
		{&b.Server.IV, n.IV},
	} {
		*part.key, rest = rest[:part.n:part.n], rest[part.n:]
	}
	return b
}

// Exported makes of what the key block gave to an export cipher the keys that it works with (RFC 2246 §6.3.1; RFC 6101
// §6.2.2.1). They depend on what everybody can see but for a few bytes.
func (c *Cipher) Exported(v iana.Version, b keys.KeyBlock, clientRandom, serverRandom []byte) keys.KeyBlock {
	if c.Export == 0 {
		return b
	}
	if v <= iana.VersionSSL30 {
		b.Client.Key = digest(b.Client.Key, clientRandom, serverRandom)[:c.Export]
		b.Server.Key = digest(b.Server.Key, serverRandom, clientRandom)[:c.Export]
		b.Client.IV = digest(clientRandom, serverRandom)[:c.Lengths.IV]
		b.Server.IV = digest(serverRandom, clientRandom)[:c.Lengths.IV]
		return b
	}
	b.Client.Key = prf(b.Client.Key, "client write key", clientRandom, serverRandom, c.Export)
	b.Server.Key = prf(b.Server.Key, "server write key", clientRandom, serverRandom, c.Export)
	ivs := prf(nil, "IV block", clientRandom, serverRandom, 2*c.Lengths.IV)
	b.Client.IV, b.Server.IV = ivs[:c.Lengths.IV], ivs[c.Lengths.IV:]
	return b
}

func digest(parts ...[]byte) []byte {
	h := md5.New()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// prf is the PRF of TLS 1.0.
func prf(secret keys.Secret, label string, first, second []byte, n int) []byte {
	out, err := keys.TLS10(nil).Export(secret, label, first, second, nil, n)
	if err != nil {
		panic("bygone: " + err.Error()) // the label is none of the handshake's
	}
	return out
}

// The senders, as SSL 3.0 has them in Finished.
var senders30 = map[keys.Side]string{keys.Client: "CLNT", keys.Server: "SRVR"}

// Finished30 is the content of Finished in SSL 3.0 (RFC 6101 §5.6.9): an MD5 and a SHA-1. messages is what was said before,
// header and body of each.
func Finished30(main keys.Secret, sender keys.Side, messages []byte) []byte {
	return Signed30(main, messages, senders30[sender])
}

// Signed30 is what CertificateVerify signs in SSL 3.0 (RFC 6101 §5.6.8), sender being empty there.
func Signed30(main keys.Secret, messages []byte, sender string) []byte {
	var out []byte
	for _, id := range []crypto.Hash{crypto.MD5, crypto.SHA1} {
		inner := id.New()
		inner.Write(messages)
		inner.Write([]byte(sender))
		inner.Write(main)
		inner.Write(pad1[:padLen(id)])
		outer := id.New()
		outer.Write(main)
		outer.Write(pad2[:padLen(id)])
		outer.Write(inner.Sum(nil))
		out = outer.Sum(out)
	}
	return out
}
