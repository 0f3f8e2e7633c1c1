package observe

import (
	"time"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/order"
	"github.com/akushu/akushu/internal/record"
)

// source says how something came: when, where, under which keys.
type source struct {
	*rawRecord
	epoch Epoch
}

func (s *source) encrypted() bool { return s.epoch != EpochInitial }

// record takes a record. It reports false where the record must wait for a key, or for
// the other direction.
func (h *half) record(r *rawRecord) bool {
	if h.awaitsHello(r) {
		return false
	}
	if h.isProtected(r) {
		return h.protectedRecord(r)
	}
	ev := h.newRecord(r, EpochInitial)
	ev.Raw = r.raw
	h.emit(r.time(), ev)
	h.checkSize(r, record.MaxPlaintext)
	h.unopened = false
	h.content(&source{r, EpochInitial}, r.Type, r.fragment)
	return true
}

func (h *half) newRecord(r *rawRecord, e Epoch) *Record {
	ev := &h.telling.record
	*ev = Record{
		Place: r.place, Type: r.Type.String(), TypeCode: uint8(r.Type), Version: uint16(r.Version), Length: len(r.fragment),
		Epoch: e, Number: h.number,
	}
	if e == EpochInitial {
		ev.Inner, ev.Plaintext, ev.Number = ev.Type, ev.Length, 0
	}
	return ev
}

func (h *half) checkSize(r *rawRecord, most int) {
	if len(r.fragment) > most {
		h.fault(r.time(), alert.TooLarge("record", "RFC 9846 §5.1", "%d bytes, the most is %d", len(r.fragment), most))
	}
}

// awaitsHello reports whether a record means something only once the other direction's
// hello is there. It need not come: the watching may have begun later, bytes may be lost.
func (h *half) awaitsHello(r *rawRecord) bool {
	hs, peer := h.c.hs, h.peer()
	if h.c.final || h.forced || peer.told || peer.holed || h.epoch != EpochInitial || r.Type == iana.ContentAlert {
		return false
	}
	if h.dir == ClientToServer {
		return hs.client > hs.server
	}
	return hs.client == 0 && !peer.started && (h.started || beginsServerHello(r))
}

func beginsServerHello(r *rawRecord) bool {
	return r.Type == iana.ContentHandshake && len(r.fragment) > 0 && iana.HandshakeType(r.fragment[0]) == iana.HandshakeServerHello
}

// protectedRecord opens a record and takes what is in it.
func (h *half) protectedRecord(r *rawRecord) bool {
	if h.protected == 0 {
		h.protected = r.mark.order
	}
	h.missedChange(r)
	o := h.open(r)
	if o.opener != nil || !o.wait || h.forced || h.c.final {
		h.keepTail(r)
	}
	switch {
	case o.opener != nil:
		h.openedRecord(r, &o)
	case o.wait && h.forced:
		h.dropRecord(r, o.why)
	case o.wait && !h.c.final:
		return false
	default:
		h.closedRecord(r, o.why)
	}
	return true
}

// missedChange takes, before TLS 1.3, a protected record where no ChangeCipherSpec was seen for the sign that one is in
// the bytes that are missing.
func (h *half) missedChange(r *rawRecord) {
	if h.holed && h.epoch == EpochInitial && h.hs == nil && h.c.tls != 0 && !is13(h.c.tls) && h.c.hs.begun() {
		h.hs = h.c.hs
		h.abandon(r.time())
		h.changeKeys(r, level{epoch: EpochApplication})
	}
}

// keepTail notes what a record ends with, which may be the IV of the next (RFC 2246 §6.2.3.2).
func (h *half) keepTail(r *rawRecord) {
	if hs := h.hs; hs != nil && hs.old != nil {
		h.tail = append(h.tail[:0], r.fragment[max(0, len(r.fragment)-tailLen):]...)
	}
}

func (h *half) openedRecord(r *rawRecord, o *opened) {
	h.use(r, o)
	ev := h.newRecord(r, h.epoch)
	ev.Encrypted, ev.Opened, ev.Number = true, true, o.number
	h.unopened = false
	if o.fault != nil {
		h.emit(r.time(), ev)
		h.fault(r.time(), o.fault)
		return
	}
	ev.Inner, ev.Plaintext = o.typ.String(), len(o.content)
	h.emit(r.time(), ev)
	h.content(&source{r, h.epoch}, o.typ, o.content)
}

// closedRecord takes a record that cannot be opened.
func (h *half) closedRecord(r *rawRecord, why DecryptError) {
	if h.epoch == EpochInitial {
		h.install(r, h.levels()[0])
	}
	ev := h.newRecord(r, h.epoch)
	ev.Encrypted, ev.Raw = true, r.raw
	h.emit(r.time(), ev)
	h.tellUnused(why)
	h.missed(why)
	h.foundOnce(r.time(), cannotOpen(h.epoch, why, h.secretLabel(h.epoch)))
	h.unopened = true
	h.abandon(r.time())
	h.placeholder(&source{r, h.epoch})
}

// placeholder stands for what is known to be in a record that was not opened.
func (h *half) placeholder(s *source) {
	switch {
	case s.Type == iana.ContentAlert:
		h.emit(s.time(), &Alert{Place: s.place, Encrypted: true})
	case s.Type == iana.ContentChangeCipherSpec:
		h.changeCipherSpec(s)
	case s.Type == iana.ContentHandshake || h.likelyHandshake(s.rawRecord):
		h.tellMessage(s, Message{
			Place: s.place, Type: TypeEncryptedHandshake, Records: 1, Encrypted: true, Epoch: s.epoch,
			Inferred: s.Type != iana.ContentHandshake,
		})
		h.shutChecks(s)
	}
}

// likelyHandshake guesses whether a TLS 1.3 record that was not opened holds handshake
// messages: those of the server do until the client has sent protected records, and so
// does the client's first one.
func (h *half) likelyHandshake(r *rawRecord) bool {
	if h.epoch != EpochHandshake || h.c.hs.early != "" || h.holed {
		return false
	}
	if h.dir == ClientToServer {
		return h.number == 1
	}
	return h.peer().protected == 0 || r.mark.order < h.peer().protected
}

// dropRecord gives a record up for want of room, as one that could not be opened.
func (h *half) dropRecord(r *rawRecord, why DecryptError) {
	if h.dropped == 0 {
		h.droppedAt = r.place.Offset
	}
	h.dropped += int64(record.HeaderLen + len(r.fragment))
	h.closedRecord(r, why)
}

// tellDropped tells of what was given up before a key came that might have opened it.
func (h *half) tellDropped(t time.Time) {
	if h.dropped == 0 {
		return
	}
	h.emit(t, &Gap{Offset: h.droppedAt, Length: h.dropped, Reason: GapHeld})
	h.dropped = 0
	h.c.fold.s.DecryptError = DecryptHeld
}

// missed notes that a protected record was not opened.
func (h *half) missed(why DecryptError) {
	h.number++
	h.uncertain = true
	h.breakHTTP()
	if h.epoch != EpochEarlyData {
		h.missedMessages()
	}
	h.c.rules.resume()
	h.c.fold.closed(why)
}

// missedMessages notes that the transcript of a handshake that is not over has a hole.
func (h *half) missedMessages() {
	if said := &h.c.hs.said; !said.done[h.dir] {
		said.partial = true
	}
}

// skipped notes that records are missing.
func (h *half) skipped() {
	h.uncertain = true
	h.holed = true
	h.unopened = true
	h.breakHTTP()
	h.missedMessages()
	h.c.rules.resume()
	h.abandon(time.Time{})
}

// content takes what is in a record.
func (h *half) content(s *source, t iana.ContentType, b []byte) {
	if t != iana.ContentHandshake && is13(h.c.tls) {
		if err := h.messages.CheckOther(t); err != nil {
			h.fault(s.time(), err)
		}
	}
	switch t {
	case iana.ContentHandshake:
		h.handshakeBytes(s, b)
	case iana.ContentAlert:
		h.alerts(s, b)
	case iana.ContentChangeCipherSpec:
		h.changeCipherSpec(s)
	case iana.ContentApplicationData:
		h.applicationData(s, b)
	case iana.ContentHeartbeat:
		h.heartbeat(s, b)
	default:
		h.fault(s.time(), alert.Unexpected("record", "RFC 9846 §5", "a record of type %v", t))
	}
}

// alerts takes a record of alerts: one as a rule, of two bytes (RFC 9846 §6).
func (h *half) alerts(s *source, b []byte) {
	if len(b) == 0 || len(b)%2 != 0 {
		h.fault(s.time(), alert.Malformed("alert", "RFC 9846 §6", "%d bytes in a record of alerts", len(b)))
	}
	for ; len(b) >= 2; b = b[2:] {
		level, code := iana.AlertLevel(b[0]), iana.Alert(b[1])
		h.closeNotify = h.closeNotify || code == iana.AlertCloseNotify
		h.fatal = h.fatal || isFatal(h.c.tls, level, code)
		h.emit(s.time(), &Alert{
			Place: s.place, Level: level.String(), Description: code.String(), Code: uint8(code), Encrypted: s.encrypted(), Opened: true,
		})
		h.alertInOrder(s, level, code)
	}
}

// isFatal reports whether an alert ends the connection: in TLS 1.3 all do but two, whatever
// they say (RFC 9846 §6).
func isFatal(v iana.Version, level iana.AlertLevel, code iana.Alert) bool {
	if is13(v) {
		return code != iana.AlertCloseNotify && code != iana.AlertUserCanceled
	}
	return level == iana.AlertLevelFatal
}

// changeCipherSpec takes the message after which, before TLS 1.3, the sender's records are
// protected with what was just negotiated (RFC 5246 §7.1).
func (h *half) changeCipherSpec(s *source) {
	h.emit(s.time(), &ChangeCipherSpec{Place: s.place, Encrypted: s.encrypted()})
	h.inOrder(s, order.ChangeCipherSpec)
	h.specChanged = h.c.tls == 0
	if !is13(h.c.tls) && h.c.tls != 0 {
		h.c.hs.answered(h, s)
		h.hs = h.c.hs
		h.changeKeys(s.rawRecord, level{EpochApplication, h.generation12()})
	}
}

// generation12 counts the keys of TLS 1.2 from 0.
func (h *half) generation12() int {
	if h.epoch == EpochInitial {
		return 0
	}
	return h.generation + 1
}

// heartbeat looks at a heartbeat, which is counted by its record: whether it claims to hold more than it does, so that a
// careless peer answers with its memory (RFC 6520 §4).
func (h *half) heartbeat(s *source, b []byte) {
	const header, padding = 3, 16
	request := len(b) > 0 && iana.HeartbeatMessageType(b[0]) == iana.HeartbeatMessageHeartbeatRequest
	if request && len(b) >= header && header+int(b[1])<<8+int(b[2])+padding > len(b) {
		h.foundOnce(s.time(), overread())
	}
}

func (h *half) applicationData(s *source, b []byte) {
	ev := &h.telling.data
	*ev = ApplicationData{Place: s.place, Length: len(b), Early: s.epoch == EpochEarlyData, Data: b}
	if !h.spoke && len(b) > 0 {
		h.spoke = true
		ev.Line = firstLine(b)
	}
	h.emit(s.time(), ev)
	h.inOrder(s, order.ApplicationData)
	h.readHTTP(s, b)
}
