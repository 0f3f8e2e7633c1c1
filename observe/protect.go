package observe

import (
	"errors"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/record"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/keylog"
)

// protection is what is known of how the next record of a direction is protected.
type protection struct {
	level
	opener    *record.Opener // of level; nil until its secret is there and fits
	traffic   keys.Secret    // TLS 1.3: what opener's keys come from
	number    uint64         // of the next record under these keys
	hs        *handshake     // TLS 1.2: whose keys they are
	uncertain bool           // records were missed, or not opened: level and number may be behind
	holed     bool           // bytes are missing
	attempts  int            // how many keys and numbers were tried in vain for want of certainty
	protected uint64         // Conn.order of the first protected record
}

// level is a set of keys of one direction.
type level struct {
	epoch      Epoch
	generation int
}

// secretLabels are the key log's labels in TLS 1.3, by epoch and direction.
var secretLabels = map[Epoch][3]string{
	EpochEarlyData:   {ClientToServer: keylog.LabelClientEarlyTrafficSecret},
	EpochHandshake:   {ClientToServer: keylog.LabelClientHandshakeTrafficSecret, ServerToClient: keylog.LabelServerHandshakeTrafficSecret},
	EpochApplication: {ClientToServer: keylog.LabelClientTrafficSecret0, ServerToClient: keylog.LabelServerTrafficSecret0},
}

// secretLabel is the key log's label of the secret of an epoch of this direction.
func (h *half) secretLabel(e Epoch) string {
	if !is13(h.c.tls) {
		return keylog.LabelClientRandom
	}
	return secretLabels[e][h.dir]
}

// is13 reports whether v is TLS 1.3 or a draft of it.
func is13(v iana.Version) bool { return v == iana.VersionTLS13 || v>>8 == 0x7f }

// isProtected reports whether a record travels under keys.
func (h *half) isProtected(r *rawRecord) bool {
	if is13(h.c.tls) {
		return r.Type == iana.ContentApplicationData
	}
	if h.epoch != EpochInitial || r.Type == iana.ContentApplicationData {
		return true
	}
	if h.c.hs.begun() && !h.holed {
		return false
	}
	switch r.Type { // the beginning was not seen
	case iana.ContentHandshake:
		return !h.messages.Partial() && !plausibleMessage(r.fragment)
	case iana.ContentAlert:
		return !plausibleAlert(r.fragment)
	}
	return false
}

// plausibleMessage reports whether b may be the beginning of handshake messages in clear.
func plausibleMessage(b []byte) bool {
	return len(b) == 0 || iana.HandshakeType(b[0]).Registered() && (len(b) < 2 || b[1] < 4)
}

// plausibleAlert reports whether b may be an alert in clear.
func plausibleAlert(b []byte) bool { return len(b) == 2 && iana.AlertLevel(b[0]).Registered() }

// levels lists under which keys the next record may be, the likeliest first. In TLS 1.3
// the end of early data and of the handshake may be in what was missed, and where nothing
// is sure any more, so may a KeyUpdate.
func (h *half) levels() []level {
	if !is13(h.c.tls) {
		return []level{h.level}
	}
	now := h.level
	if now.epoch == EpochInitial {
		now = h.first()
	}
	list := []level{now}
	if now.epoch == EpochEarlyData {
		now = now.next()
		list = append(list, now)
	}
	if h.uncertain || h.c.final || h.forced {
		list = append(list, now.next())
	}
	return list
}

// first is the first keys of a direction in TLS 1.3.
func (h *half) first() level {
	hs := h.c.hs
	if h.dir == ClientToServer && hs.early != "" && hs.client == 1 {
		return level{epoch: EpochEarlyData}
	}
	return level{epoch: EpochHandshake}
}

func (l level) next() level {
	switch l.epoch {
	case EpochEarlyData:
		return level{epoch: EpochHandshake}
	case EpochHandshake:
		return level{epoch: EpochApplication}
	}
	return level{epoch: EpochApplication, generation: l.generation + 1}
}

// key is one way to open a record that is worth trying.
type key struct {
	level
	opener  *record.Opener
	traffic keys.Secret
}

// keysFor returns the keys of a level that the secrets make; why says why there are none.
func (h *half) keysFor(l level) (all []key, why DecryptError) {
	if l == h.level && h.opener != nil {
		return []key{{l, h.opener, h.traffic}}, ""
	}
	if !is13(h.c.tls) {
		return h.keys12(l)
	}
	if l.epoch == EpochApplication && l.generation > 0 {
		return h.updated(l)
	}
	return h.keys13(l)
}

func (h *half) keys13(l level) (all []key, why DecryptError) {
	hs := h.c.hs
	suites := hs.suites13(l.epoch)
	if why = hs.lacks(suites); why != "" {
		return nil, why
	}
	secrets := h.c.keys.find(hs.randoms, secretLabels[l.epoch][h.dir])
	for _, secret := range secrets {
		for _, s := range suites {
			if len(secret) == s.Hash.Size() {
				all = append(all, newKey13(l, s, keys.Secret(secret).Clone()))
			}
		}
	}
	return all, h.missing(hs, secrets)
}

func newKey13(l level, s *suite.Suite, traffic keys.Secret) key {
	k := key{level: l, opener: new(record.Opener), traffic: traffic}
	k.opener.SetKeys(&suite.TrafficKeys{Version: iana.VersionTLS13, Suite: s, Secret: traffic.Clone()})
	return k
}

// updated returns the keys of the generation after this one, where these are known.
func (h *half) updated(l level) ([]key, DecryptError) {
	if h.opener == nil || h.generation+1 != l.generation || h.epoch != l.epoch {
		return nil, ""
	}
	s := h.c.hs.suite
	traffic := h.traffic.Clone()
	keys.TLS13(s.Hash, nil).Update(traffic)
	return []key{newKey13(l, s, traffic)}, ""
}

// keys12 returns the keys that the main secret makes (RFC 5246 §6.3).
func (h *half) keys12(l level) (all []key, why DecryptError) {
	hs := h.hs
	if hs == nil {
		return nil, DecryptNoHello
	}
	if why = hs.lacks([]*suite.Suite{hs.suite}); why != "" {
		return nil, why
	}
	secrets := h.c.keys.find(hs.randoms, keylog.LabelClientRandom)
	for _, secret := range secrets {
		if len(secret) == keys.MainSecretSize {
			all = append(all, h.newKey12(l, hs, keys.Secret(secret)))
		}
	}
	return all, h.missing(hs, secrets)
}

func (h *half) newKey12(l level, hs *handshake, main keys.Secret) key {
	block := keys.TLS12(hs.suite.Hash, nil).KeyBlock(main, hs.clientRandom[:], hs.serverRandom[:], hs.suite.Lengths())
	ours, theirs := block.Client, block.Server
	if h.dir == ServerToClient {
		ours, theirs = theirs, ours
	}
	for _, s := range []keys.Secret{theirs.MAC, theirs.Key, theirs.IV} {
		s.Wipe()
	}
	k := key{level: l, opener: new(record.Opener)}
	k.opener.SetKeys(&suite.TrafficKeys{Version: hs.version, Suite: hs.suite, MAC: ours.MAC, Key: ours.Key, IV: ours.IV})
	return k
}

// missing says why there is no key, where there is none.
func (h *half) missing(hs *handshake, secrets [][]byte) DecryptError {
	switch {
	case len(secrets) > 0:
		return ""
	case h.c.keys.has(hs.randoms):
		return DecryptPartial
	}
	return DecryptNoSecret
}

// opened is what came of trying to open a record.
type opened struct {
	key
	typ     iana.ContentType
	content []byte
	number  uint64
	fault   *alert.Error // it opened, but what is inside is against the rules
	why     DecryptError // it did not open
	wait    bool         // a secret may still come that opens it
}

// open tries the keys that may fit. The record itself is not touched.
func (h *half) open(r *rawRecord) opened {
	var failed opened
	for i, l := range h.levels() {
		all, why := h.keysFor(l)
		for _, k := range all {
			if o, ok := h.try(r, k); ok {
				return o
			}
			why = h.mismatch(k)
		}
		if i == 0 || failed.why == "" {
			failed.why = why
		}
		failed.wait = failed.wait || h.maySoon(l, why)
	}
	return failed
}

// mismatch says why a record does not open with a key.
func (h *half) mismatch(k key) DecryptError {
	switch {
	case k.opener != h.opener:
		return DecryptWrongSecret
	case h.holed:
		return DecryptGap
	}
	return DecryptBadRecord
}

// maySoon reports whether it is worth waiting for the secret of a level.
func (h *half) maySoon(l level, why DecryptError) bool {
	if why != DecryptNoSecret && why != DecryptPartial {
		return false
	}
	return l.epoch != EpochEarlyData || h.c.hs.early != EarlyDataRejected
}

// Records that were missed leave the number of the next one open: so many are tried for a
// record, and so many in all.
const (
	numbersTried = 64
	attemptsMax  = 4096
)

// try opens a record with a key, under the number that it should have, and where that is
// not sure, those that follow.
func (h *half) try(r *rawRecord, k key) (opened, bool) {
	first, n := uint64(0), 1
	if k.level == h.level {
		first = h.number
	}
	if h.uncertain && h.attempts < attemptsMax {
		n = numbersTried
	}
	for number := first; number < first+uint64(n); number++ {
		h.c.scratch = append(h.c.scratch[:0], r.fragment...)
		k.opener.SetSequence(number)
		typ, content, err := k.opener.Open(r.Header, h.c.scratch)
		var fault *alert.Error
		if err == nil || errors.As(err, &fault) && fault.Kind != alert.KindBadRecord && fault.Kind != alert.KindInternal {
			return opened{key: k, typ: typ, content: content, number: number, fault: fault}, true
		}
	}
	if n > 1 {
		h.attempts += n
	}
	return opened{}, false
}

// use goes on with the key that opened a record.
func (h *half) use(r *rawRecord, o *opened) {
	if o.level != h.level {
		h.install(r, o.level)
	}
	h.opener, h.traffic = o.opener, o.traffic
	h.number, h.uncertain, h.attempts = o.number+1, false, 0
}

// install notes that records have new keys from here on.
func (h *half) install(r *rawRecord, l level) {
	h.level, h.opener, h.traffic, h.number = l, nil, nil, 0
	h.emit(r.time(), &KeysInstalled{
		Epoch: l.epoch, Secret: h.secretLabel(l.epoch), Generation: l.generation, CipherSuite: h.c.hs.suiteName(),
	})
}

// changeKeys follows a message after which the sender's keys are others.
func (h *half) changeKeys(r *rawRecord, l level) {
	if err := h.messages.CheckKeyChange(); err != nil {
		h.fault(r.time(), err)
		h.messages = newMessages()
	}
	h.install(r, l)
}

// updateKeys follows a KeyUpdate (RFC 9846 §7.2).
func (h *half) updateKeys(r *rawRecord) {
	l := h.level.next()
	all, _ := h.updated(l)
	h.changeKeys(r, l)
	if len(all) > 0 {
		h.opener, h.traffic = all[0].opener, all[0].traffic
	}
}

// wipe drops the keys.
func (h *half) wipe() {
	if h.opener != nil {
		h.opener.Wipe()
	}
	h.traffic.Wipe()
	h.opener, h.traffic = nil, nil
}
