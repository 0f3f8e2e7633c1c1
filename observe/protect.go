package observe

import (
	"bytes"
	"errors"
	"slices"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/bygone"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/record"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/keylog"
)

// protection is what is known of how the next record of a direction is protected.
type protection struct {
	level
	opener    opener      // of level; nil until its secret is there and fits
	traffic   keys.Secret // TLS 1.3: what opener's keys come from
	finishing keys.Secret // TLS 1.3: what they came from when Finished came
	origin    origin      // of opener's keys
	tail      []byte      // what the last protected record ended with
	number    uint64      // of the next record under these keys
	hs        *handshake  // TLS 1.2: whose keys they are
	uncertain bool        // records were missed, or not opened: level and number may be behind
	holed     bool        // bytes are missing
	// specChanged tells of a ChangeCipherSpec while the version was not known.
	specChanged bool
	attempts    int    // how many keys and numbers were tried in vain for want of certainty
	protected   uint64 // Conn.order of the first protected record
}

// opener opens records: a record.Opener, or a bygone.Opener.
type opener interface {
	OpenInto(dst []byte, h record.Header, fragment []byte) (iana.ContentType, []byte, error)
	SetSequence(n uint64)
	Wipe()
}

// chained is an opener that needs to know how the record before ended.
type chained interface{ Chain(fragment []byte) }

// tailLen is how much of a record is kept for that.
const tailLen = bygone.ChainLen

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

// writeLabels are those of an extended key log for the keys themselves.
var writeLabels = map[Epoch][3]string{
	EpochEarlyData:   {ClientToServer: keylog.LabelClientEarlyWriteKeys},
	EpochHandshake:   {ClientToServer: keylog.LabelClientHandshakeWriteKeys, ServerToClient: keylog.LabelServerHandshakeWriteKeys},
	EpochApplication: {ClientToServer: keylog.LabelClientWriteKeys, ServerToClient: keylog.LabelServerWriteKeys},
}

// secretLabel is the key log's label of the secret of an epoch of this direction.
func (h *half) secretLabel(e Epoch) string {
	if !is13(h.c.tls) {
		return keylog.LabelClientRandom
	}
	return secretLabels[e][h.dir]
}

// is13 reports whether v is TLS 1.3 or a draft of it, or an experiment.
func is13(v iana.Version) bool { return v.Since13() }

// isProtected reports whether a record travels under keys.
func (h *half) isProtected(r *rawRecord) bool {
	if is13(h.c.tls) {
		return r.Type == iana.ContentApplicationData
	}
	if h.epoch != EpochInitial || r.Type == iana.ContentApplicationData {
		return true
	}
	if h.specChanged {
		return h.isProtectedSomehow(r)
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

// isProtectedSomehow reports whether a record travels under keys that follows a ChangeCipherSpec where no server's hello
// was seen: all do before TLS 1.3, and after it none but the ClientHello that answers a HelloRetryRequest, and alerts.
func (h *half) isProtectedSomehow(r *rawRecord) bool {
	switch r.Type {
	case iana.ContentHandshake:
		return !h.messages.Partial() && !(len(r.fragment) > 0 && beginsHello(r.fragment, len(r.fragment)) == likely)
	case iana.ContentAlert:
		return !plausibleAlert(r.fragment)
	}
	return false
}

// plausibleMessage reports whether b may be the beginning of handshake messages in clear. A HelloRequest, which is
// nothing but zeros, as counters begin, comes alone.
func plausibleMessage(b []byte) bool {
	if len(b) > msg.HeaderLength && iana.HandshakeType(b[0]) == iana.HandshakeHelloRequest {
		return false
	}
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
	opener  opener
	traffic keys.Secret
	origin
}

// origin is where keys come from.
type origin struct {
	label string     // of the key log; "" for what was worked out
	main  mainSecret // before TLS 1.3; nil in it where the keys themselves were given
	write keys.WriteKeys
}

// keysFor returns the keys of a level that the secrets make; why says why there are none.
func (h *half) keysFor(l level) (all []key, why DecryptError) {
	if l == h.level && h.opener != nil {
		return []key{{l, h.opener, h.traffic, h.origin}}, ""
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
	h.c.turnOf(hs)
	suites := hs.suites13(l.epoch)
	if why = hs.lacks(suites); why != "" {
		return nil, why
	}
	for _, s := range suites {
		for _, secret := range h.c.keys.traffic(hs, l.epoch, h.dir) {
			if len(secret) == s.Hash.Size() {
				all = append(all, newKey13(l, hs.version, s, secret.Clone()))
			}
		}
		for _, written := range h.c.keys.find(hs.randoms, writeLabels[l.epoch][h.dir]) {
			if n := s.Cipher.KeyLen; len(written) == n+s.Cipher.FixedIVLen {
				k := key{level: l, opener: new(record.Opener), origin: origin{label: writeLabels[l.epoch][h.dir]}}
				k.write = keys.WriteKeys{Key: bytes.Clone(written[:n]), IV: bytes.Clone(written[n:])}
				k.opener.(*record.Opener).SetKeys(&suite.TrafficKeys{Version: draftOf(hs.version), Suite: s, Key: keys.Secret(written[:n]).Clone(), IV: keys.Secret(written[n:]).Clone()})
				all = append(all, k)
			}
		}
	}
	if len(all) == 0 {
		why = h.whyNone(hs, l.epoch)
	}
	return all, why
}

func newKey13(l level, v iana.Version, s *suite.Suite, traffic keys.Secret) key {
	o := new(record.Opener)
	o.SetKeys(&suite.TrafficKeys{Version: draftOf(v), Suite: s, Secret: traffic}) // both let go of it together
	return key{level: l, opener: o, traffic: traffic}
}

// updated returns the keys of the generation after this one, where these are known.
func (h *half) updated(l level) ([]key, DecryptError) {
	if h.opener == nil || h.traffic == nil || h.generation+1 != l.generation || h.epoch != l.epoch {
		return nil, ""
	}
	hs := h.c.hs
	traffic := h.traffic.Clone()
	keys.TLS13(hs.suite.Hash, nil).Update(traffic)
	return []key{newKey13(l, hs.version, hs.suite, traffic)}, ""
}

// keys12 returns the keys that main secrets make (RFC 5246 §6.3), and those that were given as such.
func (h *half) keys12(l level) (all []key, why DecryptError) {
	hs := h.hs
	if hs == nil {
		return nil, DecryptNoHello
	}
	h.c.turnOf(hs)
	if why = hs.lacks([]*suite.Suite{hs.suite}); why != "" {
		return nil, why
	}
	for _, main := range h.c.keys.mains(hs) {
		block := hs.keyBlock(main.main)
		write := block.Client
		if h.dir == ServerToClient {
			write = block.Server
		}
		all = h.addKey12(all, l, hs, origin{main: main, write: write})
	}
	for _, written := range h.c.keys.find(hs.randoms, writeLabels[EpochApplication][h.dir]) {
		if write, ok := cutWriteKeys(written, hs.suite.Lengths()); ok {
			all = h.addKey12(all, l, hs, origin{label: writeLabels[EpochApplication][h.dir], write: write})
		}
	}
	if len(all) > 0 {
		return all, ""
	}
	if hs.old != nil && hs.old.Null() { // there is nothing to open, only a MAC that cannot be checked
		o, _ := bygone.NewOpener(hs.old, nil)
		return []key{{level: l, opener: o}}, ""
	}
	return nil, h.whyNone(hs, l.epoch)
}

// cutWriteKeys takes the line of an extended key log apart.
func cutWriteKeys(written []byte, n keys.Lengths) (keys.WriteKeys, bool) {
	if len(written) != n.MAC+n.Key+n.IV {
		return keys.WriteKeys{}, false
	}
	own := bytes.Clone(written)
	return keys.WriteKeys{MAC: own[:n.MAC], Key: own[n.MAC : n.MAC+n.Key], IV: own[n.MAC+n.Key:]}, true
}

func (h *half) addKey12(all []key, l level, hs *handshake, from origin) []key {
	k := key{level: l, origin: from}
	if hs.old != nil {
		o, err := bygone.NewOpener(hs.old, &bygone.Keys{
			Version: hs.version, MAC: from.write.MAC, Key: from.write.Key, IV: from.write.IV, EncryptThenMAC: hs.macLast,
		})
		if err != nil {
			return all
		}
		k.opener = o
		return append(all, k)
	}
	o := new(record.Opener)
	o.SetKeys(&suite.TrafficKeys{
		Version: hs.version, Suite: hs.suite, MAC: from.write.MAC.Clone(), Key: from.write.Key.Clone(), IV: from.write.IV.Clone(),
	})
	k.opener = o
	return append(all, k)
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
	if h.opener != nil && !h.uncertain { // as it is with nearly all records
		if o, ok := h.try(r, &key{h.level, h.opener, h.traffic, h.origin}); ok {
			return o
		}
	}
	var failed opened
	for i, l := range h.levels() {
		all, why := h.keysFor(l)
		for i := range all {
			k := &all[i]
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
func (h *half) mismatch(k *key) DecryptError {
	switch {
	case h.holed:
		return DecryptGap
	case k.opener != h.opener:
		return DecryptWrongSecret
	}
	return DecryptBadRecord
}

// maySoon reports whether it is worth waiting for the secret of a level.
func (h *half) maySoon(l level, why DecryptError) bool {
	if !awaited[why] {
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
func (h *half) try(r *rawRecord, k *key) (opened, bool) {
	first, n := uint64(0), 1
	if k.level == h.level {
		first = h.number
	}
	if h.uncertain && h.attempts < attemptsMax {
		n = numbersTried
	}
	for number := first; number < first+uint64(n); number++ {
		k.opener.SetSequence(number)
		if c, ok := k.opener.(chained); ok && number > 0 {
			c.Chain(h.tail)
		}
		typ, content, err := k.opener.OpenInto(h.c.room(len(r.fragment)), r.Header, r.fragment)
		fault, is := faultInside(err)
		if err == nil || is {
			return opened{key: *k, typ: typ, content: content, number: number, fault: fault}, true
		}
	}
	if n > 1 {
		h.attempts += n
	}
	return opened{}, false
}

// faultInside is the error of a record that opened, but breaks the rules.
func faultInside(err error) (*alert.Error, bool) {
	if err == nil {
		return nil, false
	}
	fault, ok := errors.AsType[*alert.Error](err)
	return fault, ok && fault.Kind != alert.KindBadRecord && fault.Kind != alert.KindInternal
}

// room is where a record of n bytes is opened.
func (c *Conn) room(n int) []byte {
	if c.scratch == nil {
		c.scratch = lend()
	}
	c.scratch = slices.Grow(c.scratch[:0], n)
	return c.scratch
}

// use goes on with the key that opened a record.
func (h *half) use(r *rawRecord, o *opened) {
	if o.level != h.level {
		h.install(r, o.level)
	}
	if o.opener != h.opener {
		h.tellUsed(&o.key)
	}
	fresh := h.opener != o.opener
	h.opener, h.traffic, h.origin = o.opener, o.traffic, o.origin
	if fresh && o.main.premaster != nil {
		h.c.turn()
		h.c.keys.learn(h.hs.clientRandom, o.main.main)
	}
	if fresh && h.c.opts.ListKeys != NoKeys {
		hs := h.c.hs
		if !is13(h.c.tls) && h.hs != nil {
			hs = h.hs
		}
		hs.used.note(o.level, h.dir, o.traffic, o.origin)
	}
	h.number, h.uncertain, h.attempts = o.number+1, false, 0
}

// install notes that records have new keys from here on.
func (h *half) install(r *rawRecord, l level) {
	h.level, h.opener, h.traffic, h.number = l, nil, nil, 0
	h.origin, h.tail = origin{}, nil
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
		h.opener, h.traffic, h.origin = all[0].opener, all[0].traffic, all[0].origin
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
