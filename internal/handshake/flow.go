package handshake

import (
	"crypto"
	"hash"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
)

// flow is what all four flows stand on: messages in and out, and the transcript of them.
type flow struct {
	t          Transport
	transcript transcript
	layout     msg.Context // what the layouts must know, filled in as it is negotiated
	peeked     []byte      // a message that was read but not taken yet
	requests   requests
	buf        []byte // for encoding
}

// What every hello of ours says, and nobody writes to.
var (
	noCompression = []byte{0} // the null method (RFC 5246 §7.4.1.2)
	uncompressed  = []byte{0} // points (RFC 8422 §5.1.2)
)

// newFlow returns what a flow stands on, with room for hellos and certificates of the usual length.
func newFlow(t Transport) flow {
	const each = 1024
	room := make([]byte, 2*each)
	return flow{t: t, buf: room[:0:each], transcript: transcript{messages: room[each:each]}}
}

// send appends m to the flight and to the transcript.
func (f *flow) send(m msg.Message) error {
	raw, err := msg.Append(f.buf[:0], &f.layout, m)
	if err != nil {
		return err
	}
	f.buf = raw
	return f.sendRaw(raw)
}

func (f *flow) sendRaw(raw []byte) error {
	f.transcript.add(raw)
	return f.t.WriteMessage(raw)
}

// peek returns the type of the next message without taking it.
func (f *flow) peek() (iana.HandshakeType, error) {
	for f.peeked == nil {
		raw, err := f.t.ReadMessage()
		if err != nil {
			return 0, err
		}
		passed, err := f.requests.pass(raw)
		if err != nil {
			return 0, err
		}
		if !passed {
			f.peeked = raw
		}
	}
	return iana.HandshakeType(f.peeked[0]), nil
}

// next takes the next message.
func (f *flow) next() ([]byte, error) {
	if _, err := f.peek(); err != nil {
		return nil, err
	}
	raw := f.peeked
	f.peeked = nil
	return raw, nil
}

// receive takes the next message, which must be of m's type, decodes it into m and adds it
// to the transcript.
func (f *flow) receive(m msg.Message) ([]byte, error) {
	got, err := f.peek()
	if err != nil {
		return nil, err
	}
	if got != m.Type() {
		return nil, unexpected(got, m)
	}
	raw, err := f.next()
	if err != nil {
		return nil, err
	}
	if err := msg.DecodeInto(m, &f.layout, raw); err != nil {
		return nil, err
	}
	f.transcript.add(raw)
	return raw, nil
}

func unexpected(got iana.HandshakeType, want msg.Message) error {
	spec := want.Spec()
	return alert.Unexpected(spec.Name, spec.Ref, "%v came where %v was expected", got, want.Type())
}

// at says where an error stands that does not say so itself, as one about a share, whose
// place the group does not know.
func at(where string, err error) error {
	if e, ok := err.(*alert.Error); ok && e.Where == "" {
		e.Where = where
	}
	return err
}

// transcript is the hash of all handshake messages so far (RFC 9846 §4.1). The messages
// themselves are kept until the hash is known, and longer where keep is set: TLS 1.2
// signs them with a hash that is known later (RFC 5246 §7.4.8).
type transcript struct {
	hash     hash.Hash
	messages []byte
	keep     bool
	last     [64]byte // the last sum; no hash is longer
}

func (t *transcript) add(raw []byte) {
	if t.hash == nil || t.keep {
		t.messages = append(t.messages, raw...)
	}
	if t.hash != nil {
		t.hash.Write(raw)
	}
}

// begin tells which hash it is.
func (t *transcript) begin(h crypto.Hash) {
	t.hash = keys.NewTranscript(h)
	t.hash.Write(t.messages)
	if !t.keep {
		t.messages = nil
	}
}

// forget drops the messages.
func (t *transcript) forget() { t.keep, t.messages = false, nil }

// sum returns the hash of what was added so far. It is good until the next sum.
func (t *transcript) sum() []byte { return t.hash.Sum(t.last[:0]) }

// retry replaces ClientHello1 by a message_hash, as if that had been sent (RFC 9846
// §4.1). It comes right after begin, before HelloRetryRequest is added.
func (t *transcript) retry() {
	sum := t.sum()
	t.hash.Reset()
	t.hash.Write([]byte{byte(iana.HandshakeMessageHash), 0, 0, byte(len(sum))})
	t.hash.Write(sum)
}

// exporter13 is the exporter of TLS 1.3 (RFC 9846 §7.5).
type exporter13 struct {
	kdf    keys.KDF
	secret keys.Secret
}

func (e *exporter13) Export(label string, context []byte, length int) ([]byte, error) {
	return e.kdf.Export(e.secret, label, context, length)
}

func (e *exporter13) Wipe() { e.secret.Wipe() }

// exporter12 is the exporter of RFC 5705.
type exporter12 struct {
	prf            keys.PRF
	main           keys.Secret
	client, server [32]byte
}

func (e *exporter12) Export(label string, context []byte, length int) ([]byte, error) {
	return e.prf.Export(e.main, label, e.client[:], e.server[:], context, length)
}

func (e *exporter12) Wipe() { e.main.Wipe() }
