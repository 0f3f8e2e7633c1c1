package observe

import (
	"encoding/hex"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/order"
	"github.com/akushu/akushu/internal/record"
)

// SSL 2.0 has records of its own: two bytes of header, of which the top bit is set, or three where there is padding
// (draft-hickman-netscape-ssl §1.1). Clients of later versions began with one of them too (RFC 5246 §E.2).

// header2 takes a header of SSL 2.0 apart: its length, and that of what comes behind it.
func header2(b []byte) (header, body int, ok bool) {
	switch {
	case len(b) < 2:
		return 0, 0, false
	case b[0]&0x80 != 0:
		return 2, int(b[0]&0x7f)<<8 | int(b[1]), true
	}
	return 3, int(b[0]&0x3f)<<8 | int(b[1]), true
}

// size2 is the size of the record of SSL 2.0 at the beginning of b.
func size2(b []byte) (int, bool) {
	header, body, ok := header2(b)
	return header + body, ok
}

// hello2Least is how much of a hello of SSL 2.0 tells for sure that it is one.
const hello2Least = 13

// beginsHello2 judges whether b begins with a hello of SSL 2.0: its lengths must add up.
func beginsHello2(b []byte) guess {
	switch {
	case len(b) == 0 || b[0]&0x80 == 0 || len(b) > 2 && b[2] != msg.TypeClientHello2 && b[2] != msg.TypeServerHello2:
		return unlikely
	case len(b) > 4 && b[2] == msg.TypeClientHello2 && !greets2(b[3], b[4]):
		return unlikely
	case len(b) > 3 && b[2] == msg.TypeServerHello2 && b[3] > 1:
		return unlikely
	case len(b) < hello2Least:
		return possible
	}
	_, n, _ := header2(b)
	length := func(at int) int { return int(b[at])<<8 | int(b[at+1]) }
	fits := b[2] == msg.TypeClientHello2 && n == 9+length(5)+length(7)+length(9) &&
		length(5) > 0 && length(5)%3 == 0 && length(7) <= 32 && length(9) >= 16 && length(9) <= 32 ||
		b[2] == msg.TypeServerHello2 && n == 11+length(7)+length(9)+length(11) &&
			length(5) == int(iana.VersionSSL20) && length(9)%3 == 0
	if fits {
		return likely
	}
	return unlikely
}

// greets2 reports whether a version may stand in a client's hello of SSL 2.0.
func greets2(major, minor byte) bool { return major == 0 && minor == 2 || major == 3 && minor <= 4 }

// in2 reports whether what comes next in this direction is a record of SSL 2.0, or may be.
func (h *half) in2(b []byte) guess {
	switch {
	case len(b) == 0:
		return unlikely
	case !h.started && h.offset() == 0 && !h.lost:
		return beginsHello2(b)
	case h.c.two:
		return likely
	case h.started && h.c.hs.hello2 && h.dir == ClientToServer && b[0]&0x80 != 0:
		return likely
	}
	return unlikely
}

// step2 takes a record of SSL 2.0. It reports whether it was all there.
func (h *half) step2() bool {
	b := h.window()
	n, ok := size2(b)
	if !ok || len(b) < n {
		return h.cross()
	}
	raw := append([]byte(nil), b[:n]...)
	s := &source{&rawRecord{fragment: raw, mark: h.markAt(n - 1), place: h.place(n)}, h.epoch}
	s.Header = record.Header{Version: iana.VersionSSL20, Length: n}
	h.started = true
	h.begins, h.records = s.place, 1
	h.record2(s, raw)
	h.take(n)
	return true
}

func (h *half) record2(s *source, raw []byte) {
	var m msg.SSL2
	if raw[0]&0x80 != 0 && !h.c.hs.master2 {
		m, _ = msg.Decode2(raw)
	}
	ev := &h.telling.record
	*ev = Record{Place: s.place, Type: "ssl2", Version: uint16(iana.VersionSSL20), Length: len(raw), Epoch: h.epoch}
	if m != nil {
		ev.Inner, ev.Plaintext = ev.Type, ev.Length
		h.emit(s.time(), ev)
		h.message2(s, m, raw)
		return
	}
	ev.Encrypted, ev.Epoch, ev.Number = true, EpochApplication, h.number
	if h.epoch = EpochApplication; h.c.hs.begun() || h.c.two {
		h.c.two = true
	}
	h.emit(s.time(), ev)
	h.missed(DecryptUnsupported)
	h.foundOnce(s.time(), cannotOpen(EpochApplication, DecryptUnsupported, "SSL 2.0"))
	h.unopened = true
	if h.number <= finished2[h.dir] {
		h.tellMessage(s, Message{Place: s.place, Type: TypeEncryptedHandshake, Records: 1, Encrypted: true, Epoch: EpochApplication, Inferred: true})
	}
}

// finished2 is how many encrypted records belong to the handshake: CLIENT-FINISHED; SERVER-VERIFY and SERVER-FINISHED
// (draft-hickman-netscape-ssl §4).
var finished2 = [3]uint64{ClientToServer: 1, ServerToClient: 2}

// names2 is the messages in the spelling of later versions.
var names2 = map[byte]string{
	msg.TypeClientHello2: "ClientHello", msg.TypeServerHello2: "ServerHello", msg.TypeClientMasterKey2: "ClientMasterKey",
}

func (h *half) message2(s *source, m msg.SSL2, raw []byte) {
	h.prove(map[byte]iana.HandshakeType{msg.TypeClientHello2: iana.HandshakeClientHello, msg.TypeServerHello2: iana.HandshakeServerHello}[raw[2]], s.time())
	spec := m.Spec()
	const header = 3 // and the type
	h.tellMessage(s, Message{
		Place: s.place, Type: names2[raw[2]], ID: spec.Name, Ref: spec.Ref, Length: len(raw) - header, Records: 1,
		Epoch: EpochInitial, Raw: raw, two: true,
	})
	switch m := m.(type) {
	case *msg.ClientHello2:
		h.clientHello2(s, m, raw)
	case *msg.ServerHello2:
		h.serverHello2(s, m)
	case *msg.ClientMasterKey2:
		h.c.two, h.c.hs.master2 = true, true
		h.tell(s, Negotiated{What: WhatCipherSuite, Chosen: kindName(m.Cipher)})
	}
}

// clientHello2 takes a client's hello as that of a later version (RFC 5246 §E.2).
func (h *half) clientHello2(s *source, m *msg.ClientHello2, raw []byte) {
	hello := &msg.ClientHello{LegacyVersion: m.Version, SessionID: m.SessionID, CompressionMethods: []byte{0}}
	copy(hello.Random[max(0, len(hello.Random)-len(m.Challenge)):], m.Challenge)
	for _, kind := range m.Ciphers {
		if kind[0] == 0 {
			hello.CipherSuites = append(hello.CipherSuites, iana.CipherSuite(kind[1])<<8|iana.CipherSuite(kind[2]))
		}
	}
	h.c.hs.hello2 = true
	h.inOrder(s, order.ClientHello)
	h.clientHello(s, hello)
	h.c.hs.said.add(h.dir, raw[2:], hello)
	h.inPlace(s, hello)
}

func (h *half) serverHello2(s *source, m *msg.ServerHello2) {
	hs := h.c.hs
	h.c.two = true
	hs.server++
	hs.version, h.c.tls = m.Version, m.Version
	h.c.changed()
	h.tell(s, Negotiated{What: WhatVersion, Chosen: m.Version.String(), Code: uint16(m.Version), Offered: names(h.c, hs.offer.versions)})
	if len(m.Certificate) > 0 {
		h.certificates(s, [][]byte{m.Certificate})
		h.c.judge(hs, false)
	}
	if m.SessionIDHit != 0 {
		h.resumed(s, true)
		hs.master2 = true // there is none: what follows is encrypted
	}
}

// kindName is how a cipher kind of SSL 2.0 is shown: it has no registered name.
func kindName(k msg.CipherKind2) string { return "0x" + hex.EncodeToString(k[:]) }
