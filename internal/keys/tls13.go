package keys

import (
	"crypto"
	"fmt"
)

// KDF is TLS 1.3's key derivation (RFC 9846 §7.1) with the hash of a cipher suite. It is a small value; the zero one is
// of no use.
type KDF struct {
	hash   crypto.Hash
	prefix string // of every label; DTLS 1.3 has another (RFC 9147 §5.9)
	log    Log
}

// TLS13 returns the key derivation of TLS 1.3 with h. Every secret of the key log goes to log, which may be nil.
func TLS13(h crypto.Hash, log Log) KDF { return KDF{hash: h, prefix: "tls13 ", log: log} }

// The ladder of RFC 9846 §7.1. What goes in stands on the left, what comes out on the right, and the type that stands on
// each rung is the one that can derive from it.
//
//	                   0
//	                   ↓
//	PSK or 0 → HKDF-Extract ═ Early Secret        Early
//	                   ├─→ "ext binder" | "res binder" | "imp binder"  binder_key
//	                   ├─→ "c e traffic"                client_early_traffic_secret
//	                   ├─→ "e exp master"               early_exporter_secret
//	                   ↓
//	               "derived"
//	                   ↓
//	(EC)DHE or 0 → HKDF-Extract ═ Handshake Secret  Handshake
//	                   ├─→ "c hs traffic"               client_handshake_traffic_secret
//	                   ├─→ "s hs traffic"               server_handshake_traffic_secret
//	                   ↓
//	               "derived"
//	                   ↓
//	           0 → HKDF-Extract ═ Main Secret       Main
//	                   ├─→ "c ap traffic"               client_application_traffic_secret_0
//	                   ├─→ "s ap traffic"               server_application_traffic_secret_0
//	                   ├─→ "exp master"                 exporter_secret
//	                   └─→ "res master"                 resumption_secret
//
// One ladder carries the secret of one rung at a time: a step down overwrites the rung above, so that its type is of no
// more use, and a call on it panics.
type ladder struct {
	kdf    KDF
	rung   Source
	secret *[maxHash]byte // in store; a pointer, because fmt follows none inside a struct that it prints
}

// store is the memory of a ladder: one allocation.
type store struct {
	ladder
	secret [maxHash]byte
}

type (
	// Early derives from the Early Secret.
	Early struct{ *ladder }
	// Handshake derives from the Handshake Secret.
	Handshake struct{ *ladder }
	// Main derives from the Main Secret.
	Main struct{ *ladder }
)

// Early starts the schedule with a pre-shared key, or with none (RFC 9846 §7.1: zeros stand in for it).
func (k KDF) Early(psk Secret) Early {
	s := &store{ladder: ladder{kdf: k, rung: FromEarly}}
	l := &s.ladder
	l.secret = &s.secret
	m := acquire(k.hash)
	defer m.release()
	m.extract(l.secret[:], nil, orZeros(psk, k.hash))
	return Early{l}
}

// AppendBinder appends a PskBinderEntry to dst (RFC 9846 §4.3.11.2): the HMAC, under kind, of the transcript hash up to
// the truncated ClientHello. kind is ExternalBinderKey, ResumptionBinderKey or ImportedBinderKey.
func (e Early) AppendBinder(dst []byte, kind Label, transcript []byte) []byte {
	m := e.open(kind)
	defer m.release()
	key := m.tmp[:e.kdf.hash.Size()]
	e.kdf.expand(m, key, kind, kind.Wire(), emptyHash(m))
	return e.kdf.appendFinished(dst, m, key, transcript)
}

// ClientTraffic returns client_early_traffic_secret, for 0-RTT. transcript is the hash of ClientHello.
func (e Early) ClientTraffic(transcript []byte) Secret {
	return e.derive(transcript, ClientEarlyTraffic)[0]
}

// Exporter returns early_exporter_secret. transcript is the hash of ClientHello.
func (e Early) Exporter(transcript []byte) Secret {
	return e.derive(transcript, EarlyExporter)[0]
}

// Handshake steps down with the (EC)DHE shared secret, or nil for a PSK alone. The Early Secret is gone then.
func (e Early) Handshake(shared Secret) Handshake {
	e.step(FromEarly, FromHandshake, shared)
	return Handshake(e)
}

// Traffic returns client_ and server_handshake_traffic_secret. transcript is the hash of ClientHello...ServerHello.
func (h Handshake) Traffic(transcript []byte) (client, server Secret) {
	s := h.derive(transcript, ClientHandshakeTraffic, ServerHandshakeTraffic)
	return s[0], s[1]
}

// Main steps down. The Handshake Secret is gone then.
func (h Handshake) Main() Main {
	h.step(FromHandshake, FromMain, nil)
	return Main(h)
}

// Application returns client_ and server_application_traffic_secret_0 and exporter_secret. transcript is the hash of
// ClientHello...server Finished.
func (m Main) Application(transcript []byte) (client, server, exporter Secret) {
	s := m.derive(transcript, ClientApplicationTraffic, ServerApplicationTraffic, ExporterSecret)
	return s[0], s[1], s[2]
}

// Resumption returns resumption_secret. transcript is the hash of ClientHello...client Finished.
func (m Main) Resumption(transcript []byte) Secret {
	return m.derive(transcript, ResumptionSecret)[0]
}

// Wipe ends the schedule. It is safe on a ladder of any rung, and twice.
func (l *ladder) Wipe() {
	clear(l.secret[:])
	l.rung = 0
}

// Format prints no secret.
func (l *ladder) Format(f fmt.State, _ rune) { redact(f, "[key schedule]") }

// open returns a mac keyed with the rung's secret, after checking that this is the rung that owns the label.
func (l *ladder) open(label Label) *mac {
	if from := label.From(); from != l.rung && from != FromAnyRung {
		panic("keys: " + label.String() + " is not derived from this rung of the schedule")
	}
	m := acquire(l.kdf.hash)
	m.setKey(l.secret[:l.kdf.hash.Size()])
	return m
}

// derive is Derive-Secret (RFC 9846 §7.1) for up to three labels of one transcript. The results share one allocation.
func (l *ladder) derive(transcript []byte, labels ...Label) (secrets [3]Secret) {
	m := l.open(labels[0])
	defer m.release()
	n := l.kdf.hash.Size()
	block := make([]byte, n*len(labels))
	for i, label := range labels {
		secrets[i] = block[i*n : (i+1)*n : (i+1)*n]
		l.kdf.expand(m, secrets[i], label, label.Wire(), transcript)
	}
	return secrets
}

// step puts the secret of the next rung in place of this one's: HKDF-Extract of ikm, salted with "derived".
func (l *ladder) step(from, to Source, ikm Secret) {
	if l.rung != from {
		panic("keys: the schedule has already left this rung")
	}
	m := l.open(Derived)
	defer m.release()
	salt := m.tmp[:l.kdf.hash.Size()]
	l.kdf.expand(m, salt, Derived, Derived.Wire(), emptyHash(m))
	m.extract(l.secret[:], salt, orZeros(ikm, l.kdf.hash))
	l.rung = to
}

// TrafficKeys fills key and iv from a traffic secret (RFC 9846 §7.3).
func (k KDF) TrafficKeys(traffic Secret, key, iv []byte) {
	m := k.keyed(traffic)
	defer m.release()
	k.expand(m, key, WriteKey, WriteKey.Wire(), nil)
	k.expand(m, iv, WriteIV, WriteIV.Wire(), nil)
}

// Update replaces an application traffic secret by its successor, as a KeyUpdate asks for (RFC 9846 §7.2).
func (k KDF) Update(traffic Secret) {
	m := k.keyed(traffic)
	defer m.release()
	k.expand(m, traffic, NextTraffic, NextTraffic.Wire(), nil)
}

// AppendFinished appends Finished.verify_data to dst (RFC 9846 §4.5.3). base is the sender's handshake traffic secret, or
// its application traffic secret in post-handshake authentication.
func (k KDF) AppendFinished(dst []byte, base Secret, transcript []byte) []byte {
	m := acquire(k.hash)
	defer m.release()
	return k.appendFinished(dst, m, base, transcript)
}

func (k KDF) appendFinished(dst []byte, m *mac, base, transcript []byte) []byte {
	m.setKey(base)
	key := m.tmp[:k.hash.Size()]
	k.expand(m, key, FinishedKey, FinishedKey.Wire(), nil)
	m.setKey(key)
	m.begin()
	m.write(transcript)
	return append(dst, m.sum()...)
}

// TicketPSK returns the pre-shared key that goes with a ticket (RFC 9846 §4.7.1). nonce is the ticket's, at most 255
// bytes.
func (k KDF) TicketPSK(resumption Secret, nonce []byte) Secret {
	m := k.keyed(resumption)
	defer m.release()
	psk := make(Secret, k.hash.Size())
	k.expand(m, psk, TicketPSK, TicketPSK.Wire(), nonce)
	return psk
}

// ImportPSK returns the key of length bytes that is imported from an external one under an ImportedIdentity (RFC 9258
// §5.1). The hash is the external key's, whatever that of the imported one.
func (k KDF) ImportPSK(external Secret, identity []byte, length int) Secret {
	m := acquire(k.hash)
	defer m.release()
	epskx := make(Secret, k.hash.Size())
	defer epskx.Wipe()
	m.extract(epskx, nil, external)
	m.setKey(epskx)
	psk := make(Secret, length)
	k.expand(m, psk, ImportedPSK, ImportedPSK.Wire(), m.keepHash(identity))
	return psk
}

// Export is TLS-Exporter (RFC 9846 §7.5): length bytes of keying material from exporter_secret or early_exporter_secret,
// under the application's label. No context and an empty one give the same. It fails where the label or the length is
// more than HKDF can take.
func (k KDF) Export(exporter Secret, label string, context []byte, length int) ([]byte, error) {
	if most := 255 - len(k.prefix); len(label) > most {
		return nil, fmt.Errorf("exporter label of %d bytes, the most is %d", len(label), most)
	}
	if most := 255 * k.hash.Size(); length < 0 || length > most {
		return nil, fmt.Errorf("exporter length %d, the most is %d", length, most)
	}
	m := k.keyed(exporter)
	defer m.release()
	base := m.tmp[:k.hash.Size()]
	k.expand(m, base, ExporterBase, label, emptyHash(m))
	m.setKey(base)
	material := make([]byte, length)
	k.expand(m, material, ExporterValue, ExporterValue.Wire(), m.keepHash(context))
	return material, nil
}

// keyed returns a mac keyed with secret.
func (k KDF) keyed(secret Secret) *mac {
	m := acquire(k.hash)
	m.setKey(secret)
	return m
}

// expand is HKDF-Expand-Label (RFC 9846 §7.1) under the key that m has. Every derivation of TLS 1.3 runs through here.
func (k KDF) expand(m *mac, out []byte, l Label, wire string, context []byte) {
	m.expand(out, hkdfLabel{length: len(out), prefix: k.prefix, label: wire, context: context})
	k.log.write(l, out)
}

// emptyHash returns the hash of no messages, Transcript-Hash("").
func emptyHash(m *mac) []byte { return m.keepHash(nil) }

// zeros stands for a secret that there is none of.
var zeros [maxHash]byte

func orZeros(s Secret, h crypto.Hash) Secret {
	if s == nil {
		return zeros[:h.Size()]
	}
	return s
}
