package observe

import (
	"bytes"
	"crypto"
	"fmt"
	"slices"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
)

// binding is what tells of the binders of a handshake.
type binding struct {
	bounds []bound      // of its ClientHellos that have some
	fit    []fitting    // the identities whose binder is that of a key at hand
	proof  finishedSeen // of the server, for a handshake that has some
}

// bound is the binders of one ClientHello.
type bound struct {
	n          int // the ClientHello, from 0
	at         int // where they stand in it
	identities []msg.PSKIdentity
	binders    [][]byte
}

// fitting is a pre-shared key that is known to be an identity's.
type fitting struct {
	identity string
	psk      keys.Secret
}

// finishedSeen is a Finished that was opened, and the secret that it is made with.
type finishedSeen struct {
	secret keys.Secret
	data   []byte
}

// bindersMax bounds the binders of one hello that are looked at.
const bindersMax = 16

// verifyBinders checks the MACs that bind pre-shared keys to a ClientHello (RFC 9846 §4.3.11.2).
func (h *half) verifyBinders(s *source, m *msg.ClientHello) {
	if !m.Extensions.Has(iana.ExtPreSharedKey) {
		return
	}
	hs, raw := h.c.hs, h.c.hs.said.by[ClientToServer]
	if hs.said.partial || len(raw) == 0 || m.PSK.BindersAt > len(raw[len(raw)-1]) {
		h.unboundBinders(s, m)
		return
	}
	n := min(len(m.PSK.Binders), len(m.PSK.Identities), bindersMax)
	b := bound{len(raw) - 1, m.PSK.BindersAt, m.PSK.Identities[:n], m.PSK.Binders[:n]}
	hs.bounds = append(hs.bounds, b)
	for i := range b.binders {
		looked := -1
		h.laterBinder(s, i, func() (verdict, bool) {
			if looked == h.c.news && !h.c.lastLook && !hs.said.done[ServerToClient] {
				return unknown(ReasonUnknownPSK), false
			}
			looked = h.c.news
			before, ok := hs.beforeHello(b.n)
			if !ok {
				return hs.missing()
			}
			h.c.turn()
			v := h.c.keys.judgeBinder(hs, &b, i, before)
			return v, v.result == ResultOK || hs.said.done[ServerToClient]
		})
	}
}

func (h *half) laterBinder(s *source, i int, judge func() (verdict, bool)) {
	h.later(s, CheckBinder, fmt.Sprintf("binders[%d]", i), "ClientHello", judge)
}

// unboundBinders notes the binders of a hello before which something may be missing.
func (h *half) unboundBinders(s *source, m *msg.ClientHello) {
	for i := range min(len(m.PSK.Binders), bindersMax) {
		h.laterBinder(s, i, func() (verdict, bool) { return unknown(ReasonMissing), true })
	}
}

// beforeHello is the messages before the n-th ClientHello, of which none was missing when it came. It reports false while
// they are not there.
func (hs *handshake) beforeHello(n int) ([]said, bool) {
	t := &hs.said
	switch {
	case n >= len(t.by[ClientToServer]): // they were too many to keep
		return nil, false
	case n == 0:
		return nil, true
	case len(t.by[ServerToClient]) == 0 || !isRetry(t.by[ServerToClient][0]):
		return nil, false
	}
	return []said{{ClientToServer, t.by[ClientToServer][0]}, {ServerToClient, t.by[ServerToClient][0]}}, true
}

// binderHashes is the hashes that a binder may be of, by its length.
var binderHashes = map[int]crypto.Hash{32: crypto.SHA256, 48: crypto.SHA384}

// bindersCover is the messages that the binders of a hello cover, those before it included.
func (hs *handshake) bindersCover(b *bound, before []said) []said {
	return append(before, said{ClientToServer, hs.said.by[ClientToServer][b.n][:b.at]})
}

// judgeBinder tries the pre-shared keys that are known. That none fits is the binder's fault only where it is known that
// one of them is the identity's. Who gives a wrong key does not make a binder wrong.
func (k *Keys) judgeBinder(hs *handshake, b *bound, i int, before []said) verdict {
	identity, binder := &b.identities[i], b.binders[i]
	hash, ok := binderHashes[len(binder)]
	if !ok {
		return unknown(ReasonAlgorithm)
	}
	hello := hs.bindersCover(b, before)
	sum := hashOf(hash, hello)
	told, resumed := k.preshared(), k.ticketPSK(identity.Identity)
	for label, psks := range map[keys.Label][]keys.Secret{keys.ExternalBinderKey: told, keys.ResumptionBinderKey: slices.Concat(resumed, told)} {
		for _, psk := range psks {
			if bytes.Equal(keys.TLS13(hash, nil).Early(psk).AppendBinder(nil, label, sum), binder) {
				hs.fit = append(hs.fit, fitting{string(identity.Identity), psk})
				return verdict{result: ResultOK, covers: len(hello)}
			}
		}
	}
	proven := func(psk keys.Secret) bool { return hs.proves(hs.mended(b, i, psk)) }
	if len(resumed) > 0 || hs.fitting(identity.Identity) != nil || slices.ContainsFunc(told, proven) {
		return verdictOf(false, len(hello))
	}
	return unknown(ReasonUnknownPSK)
}

// fitting is the pre-shared key that is known to be an identity's, nil where none is.
func (hs *handshake) fitting(identity []byte) keys.Secret {
	for _, f := range hs.fit {
		if f.identity == string(identity) {
			return f.psk
		}
	}
	return nil
}

// mended is the transcript with the binder in it that a pre-shared key makes; nil where it is the one that was sent. If
// the server's keys and Finished come of this transcript, the key is the right one and the binder is not what the client sent.
func (hs *handshake) mended(b *bound, i int, psk keys.Secret) *transcript {
	before, ok := hs.beforeHello(b.n)
	if !ok || hs.suite == nil || i >= len(b.binders) || len(b.binders[i]) != hs.suite.Hash.Size() {
		return nil
	}
	label := keys.ExternalBinderKey
	if b.identities[i].ObfuscatedTicketAge != 0 {
		label = keys.ResumptionBinderKey
	}
	at := b.at + 2
	for _, other := range b.binders[:i] {
		at += 1 + len(other)
	}
	raw := slices.Clone(hs.said.by[ClientToServer][b.n])
	right := keys.TLS13(hs.suite.Hash, nil).Early(psk).AppendBinder(nil, label, hashOf(hs.suite.Hash, hs.bindersCover(b, before)))
	if bytes.Equal(right, b.binders[i]) || copy(raw[at+1:], right) < len(right) {
		return nil
	}
	t := hs.said
	t.by[ClientToServer] = slices.Clone(t.by[ClientToServer])
	t.by[ClientToServer][b.n] = raw
	return &t
}

// proves reports whether the server's Finished is that of a transcript.
func (hs *handshake) proves(t *transcript) bool {
	if t == nil || len(hs.proof.secret) == 0 || t.partial {
		return false
	}
	list := t.order(hs.version)
	end := before(list, ServerToClient, iana.HandshakeFinished)
	return end >= 0 && bytes.Equal(hs.finished(hs.proof.secret, ServerToClient, list[:end]), hs.proof.data)
}

// transcripts is what the server's keys may hang on: the messages as they were seen, and with the binder that belongs to
// the pre-shared key where it was another.
func (hs *handshake) transcripts(psk keys.Secret) []*transcript {
	all := []*transcript{&hs.said}
	if n := len(hs.bounds); hs.psk && n > 0 {
		if t := hs.mended(&hs.bounds[n-1], hs.identity, psk); t != nil {
			all = append(all, t)
		}
	}
	return all
}
