package observe

import (
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/record"
)

// tellPart tells of a handshake message of which b, the beginning of a record whose rest is missing, has a part. Packets
// are cut by captures that keep the beginning of each only, and then it is all that is left of a hello: enough to say
// that there is one.
func (h *half) tellPart(b []byte) {
	t, ok := h.partOf(b)
	if !ok {
		return
	}
	if !h.started {
		h.prove(t, h.markAt(0).at.Time)
		h.started = true
	}
	h.found(h.markAt(len(b)-1).at.Time, partialMessage(t.StructName()))
}

// partOf is which handshake message is cut in b: the one that does not end there, or the last one. It must be in the
// clear, and where nothing was seen before, a hello.
func (h *half) partOf(b []byte) (iana.HandshakeType, bool) {
	const least = record.HeaderLen + msg.HeaderLength
	if h.epoch != EpochInitial || h.lost || h.messages.Partial() || len(b) < least || b[0] != byte(iana.ContentHandshake) {
		return 0, false
	}
	n, _ := recordSize(b)
	if !h.started && (!plausibleHeader(b) || beginsHello(b[record.HeaderLen:min(n, len(b))], n-record.HeaderLen) == unlikely) {
		return 0, false
	}
	t, rest := iana.HandshakeType(0), b[record.HeaderLen:min(n, len(b))]
	for len(rest) >= msg.HeaderLength {
		t = iana.HandshakeType(rest[0])
		rest = rest[min(len(rest), msg.HeaderLength+(int(rest[1])<<16|int(rest[2])<<8|int(rest[3]))):]
	}
	return t, t.Registered()
}
