package observe

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"

	"github.com/akushu/akushu/internal/bygone"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/proof"
)

// owner is the key of the end that sends in this direction, by its certificate, or what its owner
// delegated to; nil where it is not known.
func (hs *handshake) owner(d Dir) crypto.PublicKey {
	leaf := hs.leaves[d]
	if len(leaf) == 0 {
		return nil
	}
	info := hs.delegated[d]
	if hs.certTypes[d] == iana.CertTypeRawPublicKey {
		info = leaf
	}
	if info != nil {
		key, err := proof.ParseKey(info)
		if err != nil {
			return nil
		}
		return key
	}
	c, err := proof.ParseCertificate(leaf)
	if err != nil {
		return nil
	}
	return c.Key
}

// keyless is the verdict on a signature where owner finds no key: none was shown, or one of a kind that is not known.
func (hs *handshake) keyless(d Dir) verdict {
	if c, err := proof.ParseCertificate(hs.leaves[d]); err == nil && c.Key == nil && hs.delegated[d] == nil {
		return unknown(ReasonAlgorithm)
	}
	return unknown(ReasonNoKey)
}

// signedBy is the verdict on a signature.
func signedBy(r proof.Result, err error, covers int) verdict {
	if err != nil {
		return unknown(ReasonAlgorithm)
	}
	v := verdictOf(r.OK, covers)
	v.signed, v.computed = r.Signed, r.Computed
	return v
}

// scheme is the algorithm of a signature in a handshake: before TLS 1.2 the key says which.
func (hs *handshake) scheme(key crypto.PublicKey, id iana.SignatureScheme) proof.Algorithm {
	if !is13(hs.version) && hs.version < iana.VersionTLS12 {
		return proof.Before12(key)
	}
	return proof.OfScheme(id)
}

// verifyExchange checks the signature of a ServerKeyExchange (RFC 5246 §7.4.3; RFC 8422 §5.4).
func (h *half) verifyExchange(s *source, m *msg.ServerKeyExchange) {
	hs := h.c.hs
	raw := hs.said.newest(h.dir)
	if len(m.Signature) == 0 || m.ParamsEnd > len(raw) || m.ParamsEnd < msg.HeaderLength {
		return // an anonymous exchange, or one with a pre-shared key
	}
	h.later(s, CheckServerKeyExchange, "signature", "ServerKeyExchange", func() (verdict, bool) {
		if hs.client == 0 || hs.server == 0 {
			return hs.missing()
		}
		key := hs.owner(ServerToClient)
		if key == nil {
			return hs.keyless(ServerToClient), true
		}
		content := slices.Concat(hs.clientRandom[:], hs.serverRandom[:], raw[msg.HeaderLength:m.ParamsEnd])
		r, err := hs.scheme(key, m.Algorithm).Verify(key, content, m.Signature)
		return signedBy(r, err, 1), true
	})
}

// contexts is what TLS 1.3 puts before a transcript that is signed (RFC 9846 §4.5.2).
var contexts = [3]string{ClientToServer: "TLS 1.3, client CertificateVerify", ServerToClient: "TLS 1.3, server CertificateVerify"}

// verifyPossession checks the signature of a CertificateVerify (RFC 9846 §4.5.2; RFC 5246 §7.4.8).
func (h *half) verifyPossession(s *source, id iana.SignatureScheme, sig []byte, late bool) {
	hs, d, covered := h.c.hs, h.dir, h.covered(late)
	var list []said
	h.later(s, CheckCertificateVerify, "signature", "CertificateVerify", func() (verdict, bool) {
		if list == nil { // what was there once may be given up when it is looked at again
			var ok bool
			if list, ok = covered(); !ok {
				return hs.missing()
			}
		}
		key := hs.owner(d)
		if key == nil {
			return hs.keyless(d), true
		}
		if !is13(hs.version) && hs.version <= iana.VersionSSL30 {
			return h.possession30(key, sig, list)
		}
		content := joined(list)
		if is13(hs.version) {
			content = slices.Concat(bytes.Repeat([]byte{' '}, 64), []byte(contexts[d]), []byte{0}, hashOf(hs.suite.Hash, list))
		}
		r, err := hs.scheme(key, id).Verify(key, content, sig)
		return signedBy(r, err, len(list)), true
	})
}

// possession30 is the verdict on a CertificateVerify of SSL 3.0, into which the main secret goes (RFC 6101 §5.6.8). That is
// known once something that came under it was opened.
func (h *half) possession30(key crypto.PublicKey, sig []byte, list []said) (verdict, bool) {
	main := keys.Secret(nil)
	for _, end := range h.c.halves[ClientToServer:] {
		if end != nil && end.origin.main.main != nil {
			main = end.origin.main.main
		}
	}
	if main == nil {
		return unknown(ReasonNoSecret), false
	}
	digest := bygone.Signed30(main, joined(list), "")
	a := proof.Before12(key)
	if a.Kind == proof.DSA { // its signature is of the SHA-1 alone
		digest = digest[md5Size:]
	}
	r, err := a.VerifyDigest(key, digest, sig)
	return signedBy(r, err, len(list)), true
}

// md5Size is the length of an MD5 hash.
const md5Size = 16

// verifyChain checks the signature of each certificate under the key of who issued it, as far as that is in the chain: the
// next one as a rule, or itself.
func (h *half) verifyChain(s *source, ders [][]byte) {
	if h.c.omits(OmitDetails) || h.c.hs.certTypes[h.dir] == iana.CertTypeRawPublicKey {
		return
	}
	verdicts := chains.judge(ders[:min(len(ders), chainMax)])
	for i := range verdicts {
		h.later(s, CheckCertificate, fmt.Sprintf("certificate_list[%d]", i), "Certificate", func() (verdict, bool) { return verdicts[i], true })
	}
}

// chainMax bounds the certificates of one chain that are looked at.
const chainMax = 32

// chains remembers what came of chains: a server sends the same one to everybody.
var chains = chainMemo{known: make(map[[sha256.Size]byte][]verdict)}

type chainMemo struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte][]verdict
}

// chainsKept is how many chains are remembered.
const chainsKept = 1 << 10

// judge returns a verdict for each certificate, which must not be changed.
func (m *chainMemo) judge(ders [][]byte) []verdict {
	sum := sha256.New()
	for _, der := range ders {
		one := sha256.Sum256(der)
		sum.Write(one[:])
	}
	id := [sha256.Size]byte(sum.Sum(nil))
	m.mu.Lock()
	defer m.mu.Unlock()
	verdicts, known := m.known[id]
	if !known {
		if len(m.known) >= chainsKept {
			clear(m.known)
		}
		verdicts = judgeChain(ders)
		m.known[id] = verdicts
	}
	return verdicts
}

// judgeChain begins with the last one: what is signed with a key that somebody changed is not bad by itself.
func judgeChain(ders [][]byte) []verdict {
	chain := make([]*proof.Certificate, len(ders))
	for i, der := range ders {
		chain[i], _ = proof.ParseCertificate(der)
	}
	verdicts := make([]verdict, len(ders))
	for i, c := range slices.Backward(chain) {
		if c == nil {
			verdicts[i] = unknown(ReasonUnparsable)
			continue
		}
		verdicts[i] = unknown(ReasonNoIssuer)
		for n, at := range issuersOf(chain, i) {
			v := unknown(ReasonAlgorithm)
			if key := chain[at].Key; key != nil {
				r, err := c.Check(key)
				if v = signedBy(r, err, 0); v.result == ResultBad && v.signed == nil && !c.MayIssue(chain[at]) {
					v = unknown(ReasonNoIssuer) // another one of that name has signed it
				}
			}
			if v.result == ResultBad && at > i && verdicts[at].result == ResultBad {
				v = unknown(ReasonEarlierBad)
			}
			if n == 0 || v.result == ResultOK {
				verdicts[i] = v
			}
		}
	}
	return verdicts
}

// issuersOf is the indexes of the certificates whose name is that of another's issuer: itself, those behind it, those
// before it.
func issuersOf(chain []*proof.Certificate, i int) []int {
	var all []int
	for n := range chain {
		at := (i + n) % len(chain)
		if c := chain[at]; c != nil && bytes.Equal(c.Subject, chain[i].Issuer) {
			all = append(all, at)
		}
	}
	return all
}
