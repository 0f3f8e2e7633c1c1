package observe

import (
	"bytes"
	"crypto"
	"crypto/hkdf"
	"encoding/binary"
	"encoding/hex"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/keylog"
)

// KeyView says whether a Session lists the connection's keys.
type KeyView uint8

// The ways.
const (
	NoKeys     KeyView = iota
	MaskedKeys         // their names and lengths
	ShownKeys          // their values too
)

// Key is a secret of a connection, or a random that goes into one.
type Key struct {
	What   string `json:"what"`   // one of the constants whose names begin with Key
	Label  string `json:"label"`  // the key log's label of the secret that it is, or comes from
	From   string `json:"from"`   // whose it is: "client", "server", or "" for both's
	Length int    `json:"length"` // in bytes; 0 where it is not known
	Value  string `json:"value"`  // in hexadecimal; empty where it is not known, or not shown
	Secret bool   `json:"secret"` // it is for nobody else
	// Why is a code that says why there is none: of the constants whose names begin with Lacks, or a DecryptError.
	Why string `json:"why"`
}

// What keys there are, in the words of RFC 5246 and RFC 9846.
const (
	KeyClientRandom    = "client_random"
	KeyServerRandom    = "server_random"
	KeyPremaster       = "premaster_secret" // what the key exchange comes to, before TLS 1.3
	KeyShared          = "shared_secret"    // the same in TLS 1.3
	KeyPSK             = "pre_shared_key"
	KeyEarlySecret     = "early_secret"
	KeyHandshakeSecret = "handshake_secret"
	KeyMain            = "main_secret"
	KeyTraffic         = "traffic_secret" // or an exporter secret; see Label
	KeyWriteMAC        = "write_mac_key"
	KeyWrite           = "write_key"
	KeyWriteIV         = "write_iv"
)

// Why a key is not there.
const (
	LacksMainLogged = "main_secret_given"   // what comes out of it is in the key log
	LacksNotLogged  = "not_in_key_logs"     // key logs have no line for it
	LacksAEAD       = "none_with_aead"      // the cipher needs none
	LacksExplicitIV = "none_in_the_secrets" // each record brings its own
	LacksInCipher   = "none_with_cipher"    // there is none in this cipher
	LacksNotKnown   = "not_known"
)

// used is what opened records of a handshake.
type used struct {
	main    mainSecret
	traffic map[Epoch]*[3]keys.Secret
	write   map[Epoch]*[3]keys.WriteKeys
}

// note keeps what opened a record, where keys are to be listed.
func (u *used) note(l level, d Dir, traffic keys.Secret, from origin) {
	if l.generation > 0 && from.main.main == nil { // after a KeyUpdate; a renegotiation has a main secret of its own
		return
	}
	if from.main.main != nil && u.main.premaster == nil { // the second direction finds the main secret alone
		u.main = from.main
	}
	if u.traffic == nil {
		u.traffic, u.write = make(map[Epoch]*[3]keys.Secret), make(map[Epoch]*[3]keys.WriteKeys)
	}
	if u.traffic[l.epoch] == nil {
		u.traffic[l.epoch], u.write[l.epoch] = new([3]keys.Secret), new([3]keys.WriteKeys)
	}
	u.traffic[l.epoch][d] = traffic.Clone()
	if from.label != "" {
		u.write[l.epoch][d] = from.write
	}
}

// lister makes the list.
type lister struct {
	c    *Conn
	hs   *handshake
	list []Key
}

// listKeys lists what is known of the latest handshake's keys, and where something is not known, why.
func (c *Conn) listKeys() []Key {
	hs := c.hs
	if c.opts.ListKeys == NoKeys || !hs.begun() {
		return nil
	}
	l := &lister{c: c, hs: hs}
	l.random(KeyClientRandom, ClientToServer, hs.client > 0, hs.clientRandom)
	l.random(KeyServerRandom, ServerToClient, hs.server > 0 && !(hs.retried && hs.server == 1), hs.serverRandom)
	switch {
	case hs.suite == nil:
	case is13(hs.version):
		l.keys13()
	default:
		l.keys12()
	}
	return l.list
}

func (l *lister) random(what string, d Dir, known bool, random [32]byte) {
	k := Key{What: what, From: d.From(), Why: string(DecryptNoHello)}
	if known {
		k.Length, k.Value, k.Why = len(random), hex.EncodeToString(random[:]), ""
	}
	l.list = append(l.list, k)
}

// secret adds a secret; why counts where it is nil.
func (l *lister) secret(what, label string, d Dir, value []byte, why string) {
	k := Key{What: what, Label: label, From: d.From(), Length: len(value), Secret: true}
	switch {
	case value == nil:
		k.Why = why
	case l.c.opts.ListKeys == ShownKeys:
		k.Value = hex.EncodeToString(value)
	}
	l.list = append(l.list, k)
}

// why is why keys are not there: what the connection says of its records, as far as it does.
func (l *lister) why() string {
	if why := l.c.fold.s.DecryptError; why != "" {
		return string(why)
	}
	return LacksNotKnown
}

// keys12 lists the secrets before TLS 1.3 (RFC 5246 §8.1), and the key block, cut up (§6.3).
func (l *lister) keys12() {
	hs, main := l.hs, l.hs.used.main
	if main.main == nil { // no record was opened, but it may be at hand
		if all := l.c.keys.mains(hs); len(all) > 0 && hs.lacks([]*suite.Suite{hs.suite}) == "" {
			main = all[0]
		}
	}
	why := l.why()
	premaster := why
	if main.main != nil {
		premaster = LacksMainLogged
	}
	l.secret(KeyPremaster, "", Neither, main.premaster, premaster)
	l.secret(KeyMain, keylog.LabelClientRandom, Neither, main.main, why)
	var both [3]keys.WriteKeys
	if main.main != nil {
		block := hs.keyBlock(main.main)
		both[ClientToServer], both[ServerToClient] = block.Client, block.Server
	} else if w := hs.used.write[EpochApplication]; w != nil {
		both = *w
	}
	n := hs.suite.Lengths()
	if hs.old != nil && hs.version >= iana.VersionTLS11 { // RFC 4346 §6.2.3.2
		n.IV = 0
	}
	noMAC, noIV := LacksAEAD, LacksExplicitIV
	if hs.old != nil && hs.old.Lengths.IV == 0 { // RC4 and NULL
		noMAC, noIV = LacksInCipher, LacksInCipher
	}
	for _, part := range []struct {
		what string
		size int
		of   func(*keys.WriteKeys) keys.Secret
		none string
	}{
		{KeyWriteMAC, n.MAC, func(w *keys.WriteKeys) keys.Secret { return w.MAC }, noMAC},
		{KeyWrite, n.Key, func(w *keys.WriteKeys) keys.Secret { return w.Key }, LacksInCipher},
		{KeyWriteIV, n.IV, func(w *keys.WriteKeys) keys.Secret { return w.IV }, noIV},
	} {
		for _, d := range []Dir{ClientToServer, ServerToClient} {
			value, because := part.of(&both[d]), why
			if part.size == 0 {
				value, because = nil, part.none
			}
			l.secret(part.what, keylog.LabelClientRandom, d, value, because)
		}
	}
}

// keys13 lists the ladder of TLS 1.3 as far as it is known (RFC 9846 §7.1), and the traffic secrets with their keys (§7.3).
func (l *lister) keys13() {
	hs := l.hs
	s := l.schedule()
	if hs.psk && s.psk == nil && hs.identity < len(hs.offer.identities) {
		s.psk = hs.fitting(hs.offer.identities[hs.identity])
	}
	if hs.psk {
		l.secret(KeyPSK, "", Neither, s.psk, string(DecryptPSK))
	}
	if hs.share {
		l.secret(KeyShared, keylog.LabelSharedSecret, Neither, s.shared, LacksNotLogged)
	}
	early, handshake, main := hs.rungs(s)
	l.secret(KeyEarlySecret, "", Neither, early, LacksNotLogged)
	l.secret(KeyHandshakeSecret, "", Neither, handshake, LacksNotLogged)
	l.secret(KeyMain, "", Neither, main, LacksNotLogged)
	if hs.early != "" {
		l.traffic(EpochEarlyData, ClientToServer)
	}
	for _, e := range []Epoch{EpochHandshake, EpochApplication} {
		for _, d := range []Dir{ClientToServer, ServerToClient} {
			l.traffic(e, d)
		}
	}
	for _, exporter := range l.c.keys.find(hs.randoms, keylog.LabelExporterSecret) {
		l.secret(KeyTraffic, keylog.LabelExporterSecret, Neither, exporter, "")
		break
	}
}

// schedule is the run of the key schedule that the records opened with.
func (l *lister) schedule() schedule {
	hs := l.hs
	for _, s := range l.c.keys.schedules(hs) {
		u := hs.used.traffic[EpochHandshake]
		if s.handshakeServ != nil && u != nil && (bytes.Equal(u[ServerToClient], s.handshakeServ) || bytes.Equal(u[ClientToServer], s.handshakeClient)) {
			return s
		}
	}
	return schedule{}
}

// rungs are the secrets of the ladder; nil for those that hang on what is not known.
func (hs *handshake) rungs(s schedule) (early, handshake, main []byte) {
	if hs.psk && s.psk == nil {
		return nil, nil, nil
	}
	h := hs.suite.Hash
	zeros := make([]byte, h.Size())
	psk, shared := []byte(s.psk), []byte(s.shared)
	if psk == nil {
		psk = zeros
	}
	early = extract(h, psk, nil)
	if shared == nil {
		if hs.share {
			return early, nil, nil
		}
		shared = zeros
	}
	handshake = extract(h, shared, derived(h, early))
	return early, handshake, extract(h, zeros, derived(h, handshake))
}

func extract(h crypto.Hash, secret, salt []byte) []byte {
	prk, err := hkdf.Extract(h.New, secret, salt)
	if err != nil {
		return nil
	}
	return prk
}

// derived is Derive-Secret(secret, "derived", "") (RFC 9846 §7.1).
func derived(h crypto.Hash, secret []byte) []byte {
	const label = "tls13 derived"
	info := binary.BigEndian.AppendUint16(nil, uint16(h.Size()))
	info = append(append(info, byte(len(label))), label...)
	info = append(info, byte(h.Size()))
	out, err := hkdf.Expand(h.New, secret, string(h.New().Sum(info)), h.Size())
	if err != nil {
		return nil
	}
	return out
}

// traffic lists a traffic secret with the key and the IV that come from it.
func (l *lister) traffic(e Epoch, d Dir) {
	hs, label := l.hs, secretLabels[e][d]
	var secret keys.Secret
	var write keys.WriteKeys
	if u := hs.used.traffic[e]; u != nil {
		secret, write = u[d], hs.used.write[e][d]
	}
	if secret == nil && write.Key == nil { // no record was opened, but it may be at hand
		for _, s := range l.c.keys.traffic(hs, e, d) {
			if len(s) == hs.suite.Hash.Size() {
				secret = s
				break
			}
		}
	}
	why := l.why()
	l.secret(KeyTraffic, label, d, secret, why)
	if secret != nil {
		write.Key, write.IV = make(keys.Secret, hs.suite.Cipher.KeyLen), make(keys.Secret, hs.suite.Cipher.FixedIVLen)
		keys.TLS13(hs.suite.Hash, nil).TrafficKeys(secret, write.Key, write.IV)
	}
	l.secret(KeyWrite, label, d, write.Key, why)
	l.secret(KeyWriteIV, label, d, write.IV, why)
}
