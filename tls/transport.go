package tls

import (
	"errors"
	"time"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/record"
	"github.com/akushu/akushu/internal/suite"
)

// transport carries a handshake over a connection's two halves, which it has for itself
// until the flow ends. It implements [handshake.Transport].
type transport struct {
	run    *run
	in     *inHalf
	out    *outHalf
	limit  int             // of what is read (RFC 8449); 0 is none
	epoch  handshake.Epoch // of the read keys
	shared bool            // the application may write: the lock of out is not held
	taking bool            // early data goes to the application
	takes  int64           // at most this many bytes
	again  bool            // it is a renegotiation, and the server's flight has not begun: data may still come
}

// ReadMessage implements [handshake.Transport].
func (t *transport) ReadMessage() ([]byte, error) {
	for {
		if raw, err := t.in.messages.Next(); raw != nil || err != nil {
			return raw, err
		}
		typ, content, err := t.next()
		if err != nil {
			return nil, err
		}
		switch {
		case typ == iana.ContentHandshake:
			t.again = false
			err = t.in.messages.Push(content)
		case typ == iana.ContentApplicationData && t.again:
			err = t.in.keepData(content)
		case typ == iana.ContentChangeCipherSpec && t.in.version == iana.VersionTLS13:
			err = t.passOver(content)
		case typ == iana.ContentApplicationData && t.taking:
			err = t.takeEarlyData(content)
		default:
			err = alert.Unexpected("record", "RFC 9846 §5", "a record of type %v during the handshake", typ)
		}
		t.in.records.Done()
		if err != nil {
			return nil, err
		}
	}
}

// next returns the next record that is no alert.
func (t *transport) next() (iana.ContentType, []byte, error) {
	for {
		typ, content, err := t.read()
		if err != nil {
			return 0, nil, err
		}
		if err := t.in.checkOther(typ); err != nil {
			return 0, nil, err
		}
		if typ != iana.ContentAlert {
			return typ, content, nil
		}
		if err := t.in.takeAlert(content); err != nil {
			return 0, nil, err
		}
	}
}

// read reads a record.
func (t *transport) read() (iana.ContentType, []byte, error) {
	if err := t.run.wait(); err != nil {
		return 0, nil, err
	}
	defer t.run.become(working)
	return t.in.records.Next()
}

// passOver ignores a ChangeCipherSpec that is there for middleboxes (RFC 9846 §5).
func (t *transport) passOver(content []byte) error {
	if err := checkChangeCipherSpec(content, "RFC 9846 §5"); err != nil {
		return err
	}
	return t.in.floods.add(floodCCS)
}

func checkChangeCipherSpec(content []byte, ref string) error {
	if len(content) != 1 || content[0] != 1 {
		return alert.Unexpected("change_cipher_spec", ref, "its content is [% x], where it is always [01]", content)
	}
	return nil
}

// ReadChangeCipherSpec implements [handshake.Transport].
func (t *transport) ReadChangeCipherSpec() error {
	if err := t.in.messages.CheckKeyChange(); err != nil {
		return err
	}
	typ, content, err := t.next()
	if err != nil {
		return err
	}
	defer t.in.records.Done()
	if typ != iana.ContentChangeCipherSpec {
		return alert.Unexpected("change_cipher_spec", "RFC 5246 §7.1", "a record of type %v came instead", typ)
	}
	return checkChangeCipherSpec(content, "RFC 5246 §7.1")
}

// WriteMessage implements [handshake.Transport].
func (t *transport) WriteMessage(raw []byte) error {
	if err := t.checkTurn(); err != nil {
		return err
	}
	t.reclaim()
	return t.out.records.WriteMessage(raw)
}

// WriteChangeCipherSpec implements [handshake.Transport].
func (t *transport) WriteChangeCipherSpec() error {
	t.reclaim()
	return t.out.records.WriteRecord(iana.ContentChangeCipherSpec, []byte{1})
}

// checkTurn refuses a peer that has said more than its flight has when it is our turn: it
// cannot know yet what it should say next.
func (t *transport) checkTurn() error {
	if t.in.messages.Partial() {
		return alert.Unexpected("record", "RFC 9846 §4", "handshake messages go on where the peer's flight ends")
	}
	return nil
}

// Flush implements [handshake.Transport].
func (t *transport) Flush() error {
	t.reclaim()
	if err := t.run.wait(); err != nil {
		return err
	}
	defer t.run.become(working)
	return t.out.records.Flush()
}

// SetReadKeys implements [handshake.Transport].
func (t *transport) SetReadKeys(epoch handshake.Epoch, k *suite.TrafficKeys) error {
	if err := t.in.messages.CheckKeyChange(); err != nil {
		k.Wipe()
		return err
	}
	t.endEarlyData()
	t.in.records.SetKeys(k)
	t.epoch = epoch
	t.limitReads()
	return nil
}

// SetRecordLimits implements [handshake.Transport].
func (t *transport) SetRecordLimits(read, write int) {
	t.limit = read
	t.limitReads()
	defer t.lockShared()()
	t.out.records.SetLimit(write)
}

// limitReads holds the peer to our limit, but for early data, which was sent before it knew.
func (t *transport) limitReads() {
	limit := t.limit
	if t.epoch == handshake.EpochEarlyData {
		limit = 0
	}
	t.in.records.SetLimit(limit)
}

// SetWriteKeys implements [handshake.Transport].
func (t *transport) SetWriteKeys(_ handshake.Epoch, k *suite.TrafficKeys) error {
	t.reclaim()
	return t.out.records.SetKeys(k)
}

// SetVersion implements [handshake.Transport].
func (t *transport) SetVersion(v iana.Version) {
	t.in.version = v
	t.in.records.SetVersion(v)
	defer t.lockShared()()
	t.out.records.SetVersion(v)
}

// Warn implements [handshake.Transport].
func (t *transport) Warn(a iana.Alert) error {
	t.reclaim()
	return t.out.alert(iana.AlertLevelWarning, a)
}

// OnFatal implements [handshake.Transport].
func (t *transport) OnFatal(forget func()) { t.in.forget = forget }

// refuse tells the peer why the handshake failed, where it is to be told. Where a context ended
// it, the user's deadline may be over too, and does not keep the peer from hearing of it.
func (t *transport) refuse(err error) {
	if a, ok := alertFor(err); ok {
		if !t.run.become(working) || ofContext(err) {
			_ = t.out.conn.deadline.set(t.out.conn.raw, time.Time{}, false)
		}
		_ = t.out.alert(iana.AlertLevelFatal, a)
	}
}

// apologise tells the peer that a callback did not return. What that left behind may be
// broken, so that this may panic as well.
func (t *transport) apologise() {
	defer func() { _ = recover() }()
	t.refuse(alert.Internal("handshake", "%w", errNoReturn))
}

// forget wipes what a failed handshake established (RFC 9846 §6).
func (t *transport) forget() {
	t.in.wipe()
	t.out.wipe()
}

// plainError is what the caller gets where the first bytes are not TLS.
func (c *Conn) plainError(err error) error {
	var plain *record.NotTLSError
	if !errors.As(err, &plain) {
		return publicError(err)
	}
	e := RecordHeaderError{Msg: "first record does not look like a TLS handshake (RFC 9846 §5.1)", RecordHeader: plain.Header}
	if !c.client {
		e.Conn = c.raw
	}
	return e
}
