package observe

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"slices"

	"github.com/akushu/akushu/internal/bygone"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
)

// What is checked: the values of Check.What.
const (
	CheckCertificate       = "certificate_signature" // of one certificate, under the next one's key
	CheckServerKeyExchange = "server_key_exchange"   // its signature, under the certificate's key
	CheckCertificateVerify = "certificate_verify"    // its signature, under the certificate's key
	CheckFinished          = "finished"              // its MAC of the handshake
	CheckBinder            = "binder"                // the MAC by which a pre-shared key is bound to a ClientHello
)

// The results of a check.
const (
	ResultOK      = "ok"
	ResultBad     = "bad"
	ResultUnknown = "unknown"
)

// The reasons of a check that is not ok.
const (
	ReasonMismatch   = "mismatch"          // what was sent is not what comes out: the one reason for "bad"
	ReasonNotOpened  = "not_decrypted"     // the message is encrypted
	ReasonNoSecret   = "no_secret"         // it hangs on a secret that is not known
	ReasonMissing    = "messages_missing"  // it hangs on messages that were not seen
	ReasonNoKey      = "no_key"            // the certificate whose key it is was not seen, or that is no key that can be read
	ReasonNoIssuer   = "issuer_not_sent"   // who signed it is not in the chain
	ReasonAlgorithm  = "algorithm_unknown" // a signature that cannot be checked here
	ReasonUnparsable = "unparsable"        // a certificate that cannot be read
	ReasonUnknownPSK = "psk_unknown"       // the pre-shared key is not known
	ReasonEarlierBad = "earlier_bad"       // it does not fit, and what it covers was found bad already
)

// Checked is the result of verifying something that was sent: the event for it. The sender is the event's Dir.From.
type Checked struct {
	Place
	Check
	Message string // the type of the message that it stands in
}

// KindChecked is the kind of a Checked.
const KindChecked Kind = "checked"

// Kind implements Body.
func (*Checked) Kind() Kind { return KindChecked }

// verdict is what comes of a check. covers is how many messages it hangs on.
type verdict struct {
	result, reason   string
	signed, computed []byte
	covers           int
}

func unknown(why string) verdict { return verdict{result: ResultUnknown, reason: why} }

// matches is the verdict on a value that should be another.
func matches(got, want []byte, covers int) verdict {
	return verdictOf(bytes.Equal(got, want), covers)
}

func verdictOf(ok bool, covers int) verdict {
	if ok {
		return verdict{result: ResultOK, covers: covers}
	}
	return verdict{result: ResultBad, reason: ReasonMismatch, covers: covers}
}

// check is something that is to be verified. What it hangs on may come later.
type check struct {
	h       *half
	at      *source
	place   Place
	what    string
	where   string
	message string
	// judge reports false while more may come; its verdict stands then if nothing does.
	judge   func() (verdict, bool)
	verdict verdict
}

// Bounds of what is checked, for a signature takes its time: how many things of a connection, and after how many messages
// of a handshake it is looked whether they can be.
const (
	checksMax = 512
	roundsMax = 64
)

// checks is those of a handshake.
type checks struct {
	waiting []*check
	rounds  int  // in which they were looked at
	bad     bool // something is
	shut    [3]bool
}

// later notes a check of a message that just came.
func (h *half) later(s *source, what, where, message string, judge func() (verdict, bool)) {
	if h.c.omits(OmitDetails) || h.c.checks >= checksMax {
		return
	}
	h.c.checks++
	own := *s.rawRecord
	own.fragment = nil
	place := h.begins
	place.Frame = s.place.Frame
	h.c.hs.checks.waiting = append(h.c.hs.checks.waiting, &check{
		h: h, at: &source{&own, s.epoch}, place: place, what: what, where: where, message: message, judge: judge,
	})
}

// judge settles the checks of a handshake that can be, and all of them at its end.
func (c *Conn) judge(hs *handshake, final bool) {
	list := &hs.checks
	if list.rounds++; len(list.waiting) == 0 || list.rounds > roundsMax && !final {
		return
	}
	c.lastLook = final
	var done []*check
	rest := list.waiting[:0]
	for _, k := range list.waiting {
		v, settled := k.judge()
		if k.verdict = v; settled || final {
			done = append(done, k)
		} else {
			rest = append(rest, k)
		}
	}
	clear(list.waiting[len(rest):])
	list.waiting = rest
	slices.SortStableFunc(done, func(a, b *check) int { return cmp.Compare(a.verdict.covers, b.verdict.covers) })
	for _, k := range done {
		k.tell(list)
	}
}

// tell tells what came of a check. What covers something that is bad is not bad by itself.
func (k *check) tell(list *checks) {
	v := k.verdict
	if v.result == ResultBad && list.bad && v.covers > 0 {
		v = unknown(ReasonEarlierBad)
	}
	list.bad = list.bad || v.result == ResultBad
	b := &Checked{Place: k.place, Message: k.message, Check: Check{
		What: k.what, From: k.h.dir.From(), Result: v.result, Reason: v.reason, Where: k.where,
	}}
	if v.result != ResultUnknown {
		b.HashSigned, b.HashComputed = hex.EncodeToString(v.signed), hex.EncodeToString(v.computed)
	}
	k.h.emit(k.at.time(), b)
}

// shutChecks notes the checks of a handshake whose messages are there and were not opened.
func (h *half) shutChecks(s *source) {
	hs := h.c.hs
	is13 := is13(hs.version)
	if hs.checks.shut[h.dir] || hs.said.done[h.dir] || s.epoch == EpochEarlyData || is13 && s.epoch == EpochApplication {
		return
	}
	hs.checks.shut[h.dir] = true
	judge := func() (verdict, bool) { return unknown(ReasonNotOpened), true }
	if is13 && h.dir == ServerToClient && !hs.psk {
		h.later(s, CheckCertificateVerify, "", TypeEncryptedHandshake, judge)
	}
	h.later(s, CheckFinished, "", TypeEncryptedHandshake, judge)
	h.c.judge(hs, false)
}

// verify notes what is to be verified of a message that was just added to the transcript; late tells that the sender's
// handshake was over before.
func (h *half) verify(s *source, m msg.Message, late bool) {
	if h.c.omits(OmitDetails) {
		return
	}
	switch m := m.(type) {
	case *msg.ClientHello:
		h.verifyBinders(s, m)
	case *msg.ServerKeyExchange:
		h.verifyExchange(s, m)
	case *msg.CertificateVerify:
		h.verifyPossession(s, m.Algorithm, m.Signature, late)
	case *msg.CertificateVerify10:
		h.verifyPossession(s, 0, m.Signature, late)
	case *msg.Finished:
		h.verifyFinished(s, m, late)
	}
	h.c.judge(h.c.hs, false)
}

// covered returns what finds the messages that the one which just came hangs on: those before it. After the handshake a
// client may still be asked for a certificate; then they are those of the handshake, the request, and what the client
// sends (RFC 9846 §4.5).
func (h *half) covered(late bool) func() ([]said, bool) {
	hs, d := h.c.hs, h.dir
	if !late {
		n := len(hs.said.by[d]) - 1
		return func() ([]said, bool) { return hs.covered(d, n) }
	}
	after := slices.Clone(hs.said.after[:max(0, len(hs.said.after)-1)])
	return func() ([]said, bool) {
		if t := &hs.said; t.partial || !t.done[ClientToServer] || !t.done[ServerToClient] || len(after) == 0 {
			return nil, false
		}
		return slices.Concat(hs.said.order(hs.version), after), true
	}
}

// covered is the messages before one of an end; n counts the end's own. It reports false while some may be missing.
func (hs *handshake) covered(d Dir, n int) ([]said, bool) {
	t := &hs.said
	if !t.greeted() || hs.client == 0 || hs.server == 0 || len(t.by[ClientToServer]) < hs.client || !hs.heard(d) {
		return nil, false
	}
	list := t.order(hs.version)
	for i := range list {
		if list[i].dir != d {
			continue
		}
		if n == 0 {
			return list[:i], true
		}
		n--
	}
	return nil, false
}

// heard reports whether all is there that the other end says before an end's last flight.
func (hs *handshake) heard(d Dir) bool {
	t := &hs.said
	done := t.done[d.Opposite()]
	switch {
	case is13(hs.version):
		return d == ServerToClient || done
	case d == ClientToServer && t.full:
		return slices.ContainsFunc(t.by[ServerToClient], func(raw []byte) bool { return iana.HandshakeType(raw[0]) == iana.HandshakeServerHelloDone })
	case d == ServerToClient:
		return done || !t.full
	}
	return done
}

// missing is the verdict while messages are not there that a check hangs on. It is the last word where they will not come.
func (hs *handshake) missing() (verdict, bool) { return unknown(ReasonMissing), hs.said.partial }

// verifyFinished checks the MAC of a Finished under the keys that it came under (RFC 9846 §4.5.3; RFC 5246 §7.4.9;
// RFC 6101 §5.6.9).
func (h *half) verifyFinished(s *source, m *msg.Finished, late bool) {
	hs, d := h.c.hs, h.dir
	secret := h.origin.main.main
	if is13(hs.version) {
		secret = h.finishing
	}
	secret, data, covered := secret.Clone(), m.VerifyData, h.covered(late)
	if d == ServerToClient && len(hs.bounds) > 0 {
		hs.proof = finishedSeen{secret.Clone(), data}
	}
	h.later(s, CheckFinished, "verify_data", "Finished", func() (verdict, bool) {
		list, ok := covered()
		switch {
		case !ok:
			return hs.missing()
		case len(secret) == 0:
			return unknown(ReasonNoSecret), true
		}
		defer secret.Wipe()
		return matches(data, hs.finished(secret, d, list), len(list)), true
	})
}

// finished is the content of an end's Finished.
func (hs *handshake) finished(secret keys.Secret, d Dir, list []said) []byte {
	side := keys.Client
	if d == ServerToClient {
		side = keys.Server
	}
	switch {
	case is13(hs.version):
		return keys.TLS13(hs.suite.Hash, nil).AppendFinished(nil, secret, hashOf(hs.suite.Hash, list))
	case hs.version <= iana.VersionSSL30:
		return bygone.Finished30(secret, side, joined(list))
	}
	return hs.prf().AppendFinished(nil, secret, side, hashOf(hs.hash(), list))
}

// joined is messages one after the other.
func joined(list []said) []byte {
	var all []byte
	for i := range list {
		all = append(all, list[i].raw...)
	}
	return all
}
