package observe

import (
	"crypto/rsa"
	"crypto/x509"
	"slices"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/keylog"
)

// The reasons that have to do with secrets that are there, or could be.
const (
	DecryptOnly12       DecryptError = "only_tls12_secret"    // TLS 1.3, and the key log has a secret of TLS 1.2 for it
	DecryptOnly13       DecryptError = "only_tls13_secret"    // the reverse
	DecryptLength       DecryptError = "secret_length"        // the secret has not the length that one here has
	DecryptEncrypted    DecryptError = "premaster_encrypted"  // the premaster secret is in the capture, for the server's RSA key
	DecryptForward      DecryptError = "forward_secret"       // an RSA key is there, and cannot help
	DecryptOtherKey     DecryptError = "other_certificate"    // the RSA key is not that of the server's certificate
	DecryptRSA          DecryptError = "premaster_unreadable" // the RSA key is the right one, and what it opens is no secret
	DecryptResumed      DecryptError = "resumed_unseen"       // the session that is resumed was not seen from its beginning
	DecryptPSK          DecryptError = "psk_missing"          // the keys come from a pre-shared key
	DecryptPSKNotEnough DecryptError = "psk_not_enough"       // a pre-shared key is there, and there is (EC)DHE beside it
	DecryptExtended     DecryptError = "transcript_missing"   // a premaster secret is there, and messages that its use depends on are not
	DecryptDraft        DecryptError = "draft_not_supported"  // a draft of TLS 1.3 that protects records otherwise
)

// awaited are the reasons that a secret may end that still comes.
var awaited = map[DecryptError]bool{
	DecryptNoSecret: true, DecryptPartial: true, DecryptOnly12: true, DecryptOnly13: true, DecryptLength: true,
	DecryptEncrypted: true, DecryptForward: true, DecryptOtherKey: true, DecryptRSA: true, DecryptResumed: true,
	DecryptPSK: true, DecryptPSKNotEnough: true, DecryptExtended: true,
}

// whyNone says why no keys could be made of the secrets at hand.
func (h *half) whyNone(hs *handshake, e Epoch) DecryptError {
	k := h.c.keys
	if why := k.misfit(hs, h.secretLabel(e)); why != "" {
		return why
	}
	if is13(hs.version) {
		return k.whyNone13(hs)
	}
	return k.whyNone12(hs)
}

// misfit looks at the lines that the key log has for a connection, for one that should do and does not.
func (k *Keys) misfit(hs *handshake, label string) DecryptError {
	var other, same, half bool
	for _, random := range hs.randoms {
		for _, l := range k.store.Lines(random) {
			known, _ := keylog.Lookup(l.Label)
			other = other || (known.Protocol == keylog.TLS13) != is13(hs.version) && !known.Extended
			same = same || l.Label != label
			half = half || l.Label == keylog.LabelClientWriteKeys || l.Label == keylog.LabelServerWriteKeys // the other one
			if l.Label == label {
				return DecryptLength
			}
		}
	}
	switch {
	case other && is13(hs.version):
		return DecryptOnly12
	case other:
		return DecryptOnly13
	case same && is13(hs.version), half:
		return DecryptPartial
	}
	return ""
}

func (k *Keys) whyNone13(hs *handshake) DecryptError {
	switch psks := len(k.preshared()) > 0; {
	case hs.psk && hs.share && psks:
		return DecryptPSKNotEnough
	case hs.psk && !hs.share && !psks:
		return DecryptPSK
	case len(k.private()) > 0:
		return DecryptForward
	}
	return DecryptNoSecret
}

func (k *Keys) whyNone12(hs *handshake) DecryptError {
	if hs.settled && !hs.full {
		return k.whyResumed(hs)
	}
	if len(k.premasters(hs)) > 0 {
		return DecryptExtended
	}
	psks := len(k.preshared()) > 0
	switch hs.keyExchange {
	case msg.KeyExchangeRSA:
		return k.whyEncrypted(hs)
	case msg.KeyExchangePSK:
		return DecryptPSK
	case msg.KeyExchangeRSAPSK:
		if psks {
			return k.whyEncrypted(hs)
		}
		return DecryptPSK
	case msg.KeyExchangeDHEPSK, msg.KeyExchangeECDHEPSK:
		if psks {
			return DecryptPSKNotEnough
		}
	}
	if len(k.private()) > 0 {
		return DecryptForward
	}
	return DecryptNoSecret
}

// whyResumed tells a session that was seen from its beginning, in an earlier connection that stays shut too, from others.
func (k *Keys) whyResumed(hs *handshake) DecryptError {
	switch {
	case len(hs.randoms) < 2:
		return DecryptResumed
	case hs.keyExchange == msg.KeyExchangeRSA && len(k.private()) == 0:
		return DecryptEncrypted
	case hs.keyExchange != msg.KeyExchangeRSA && len(k.private()) > 0:
		return DecryptForward
	}
	return DecryptNoSecret
}

// whyEncrypted says why a premaster secret that the client encrypted was not opened.
func (k *Keys) whyEncrypted(hs *handshake) DecryptError {
	private := k.private()
	if len(private) == 0 {
		return DecryptEncrypted
	}
	leaf, err := x509.ParseCertificate(hs.leaves[ServerToClient])
	if err != nil {
		return DecryptRSA
	}
	if slices.ContainsFunc(private, func(key *rsa.PrivateKey) bool { return key.PublicKey.Equal(leaf.PublicKey) }) {
		return DecryptRSA
	}
	return DecryptOtherKey
}

// draftOf is the draft that a version is like: some went by numbers of their own (0xfb17 is draft 23).
func draftOf(v iana.Version) iana.Version {
	if v>>8 == 0xfb {
		return 0x7f00 | v&0xff
	}
	return v
}

// supportedDraft reports whether records of a version of TLS 1.3 can be opened: of the standard and of drafts from 23 on.
func supportedDraft(v iana.Version) bool {
	v = draftOf(v)
	return v == iana.VersionTLS13 || iana.VersionTLS13Draft23 <= v && v <= iana.VersionTLS13Draft28
}
