package observe

import (
	"bytes"
	"crypto"
	"slices"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
)

// transcriptLimit bounds the messages of a handshake that are kept until it is over, in bytes.
const transcriptLimit = heldLimit

// transcript is the messages of a handshake, in the order of each direction: what keys are derived from and what is
// signed. One direction may be ahead of the other.
type transcript struct {
	by      [3][][]byte // by Dir
	done    [3]bool     // its Finished is there
	size    int
	partial bool   // messages are missing
	full    bool   // before TLS 1.3: it is not an abbreviated handshake
	after   []said // TLS 1.3: the latest request for a certificate after the handshake, and what came of it
}

// add takes a message, header included.
func (t *transcript) add(d Dir, raw []byte, m msg.Message) {
	if _, asks := m.(*msg.HelloRequest); asks { // RFC 5246 §7.4.1.1
		return
	}
	if t.done[d] {
		t.addAfter(d, raw, m)
		return
	}
	if t.size += len(raw); t.size > transcriptLimit {
		*t = transcript{partial: true, size: t.size}
		return
	}
	t.by[d] = append(t.by[d], raw)
	switch m.(type) {
	case *msg.Finished:
		t.done[d] = true
	case *msg.Certificate12, *msg.ServerKeyExchange, *msg.ServerHelloDone, *msg.ClientKeyExchange:
		t.full = true
	}
}

// afterMax bounds the messages that are kept of an authentication after the handshake.
const afterMax = 4

// addAfter takes a message that came after the handshake. What a client is asked for counts on top of it (RFC 9846 §4.5).
func (t *transcript) addAfter(d Dir, raw []byte, m msg.Message) {
	switch m.(type) {
	case *msg.CertificateRequest:
		t.after = []said{{d, raw}}
	case *msg.Certificate, *msg.CompressedCertificate, *msg.CertificateVerify, *msg.Finished:
		if len(t.after) > 0 && len(t.after) < afterMax {
			t.after = append(t.after, said{d, raw})
		}
	}
}

// newest is the latest message of an end.
func (t *transcript) newest(d Dir) []byte {
	if list := t.by[d]; len(list) > 0 {
		return list[len(list)-1]
	}
	return nil
}

// said is one message of a transcript.
type said struct {
	dir Dir
	raw []byte
}

func (s *said) is(t iana.HandshakeType) bool { return iana.HandshakeType(s.raw[0]) == t }

// order is the messages in the order in which they count: the client's hello, and then the flights in turn.
func (t *transcript) order(v iana.Version) []said {
	var all []said
	client, server := t.by[ClientToServer], t.by[ServerToClient]
	take := func(d Dir, list *[][]byte, n int) {
		for _, raw := range (*list)[:n] {
			all = append(all, said{d, raw})
		}
		*list = (*list)[n:]
	}
	take(ClientToServer, &client, min(1, len(client)))
	if len(server) > 0 && isRetry(server[0]) {
		take(ServerToClient, &server, 1)
		take(ClientToServer, &client, min(1, len(client)))
	}
	if !is13(v) && t.full {
		done := slices.IndexFunc(server, func(raw []byte) bool { return iana.HandshakeType(raw[0]) == iana.HandshakeServerHelloDone })
		if done < 0 {
			done = len(server) - 1
		}
		take(ServerToClient, &server, done+1)
		take(ClientToServer, &client, len(client))
	}
	take(ServerToClient, &server, len(server))
	take(ClientToServer, &client, len(client))
	return all
}

// isRetry reports whether a message is a HelloRetryRequest (RFC 9846 §4.2.3).
func isRetry(raw []byte) bool {
	const random = msg.HeaderLength + 2
	return raw[0] == byte(iana.HandshakeServerHello) && len(raw) >= random+32 && bytes.Equal(raw[random:random+32], msg.HelloRetryRandom[:])
}

// before is the index of the first message of a type that an end sent.
func before(list []said, d Dir, t iana.HandshakeType) int {
	return slices.IndexFunc(list, func(s said) bool { return s.dir == d && s.is(t) })
}

// hashOf is the transcript hash of messages. The first hello counts by its hash where it was asked for again
// (RFC 9846 §4.1).
func hashOf(h crypto.Hash, list []said) []byte {
	sum := keys.NewTranscript(h)
	for i := range list {
		if i == 1 && isRetry(list[1].raw) {
			first := sum.Sum([]byte{byte(iana.HandshakeMessageHash), 0, 0, byte(h.Size())})
			sum.Reset()
			sum.Write(first)
		}
		sum.Write(list[i].raw)
	}
	return sum.Sum(nil)
}

// through is the hash of all messages up to the first of a type, included, if they are there; of a ServerHello that is no
// HelloRetryRequest.
func (t *transcript) through(h crypto.Hash, what iana.HandshakeType) ([]byte, bool) {
	if !t.greeted() {
		return nil, false
	}
	list := t.order(0)
	switch what {
	case iana.HandshakeServerHello:
		list = t.order(iana.VersionTLS13)
	case iana.HandshakeClientKeyExchange: // before which the server said all that it had to
		if before(list, ServerToClient, iana.HandshakeServerHelloDone) < 0 {
			return nil, false
		}
	}
	i := slices.IndexFunc(list, func(s said) bool { return s.is(what) && !isRetry(s.raw) })
	if i < 0 {
		return nil, false
	}
	return hashOf(h, list[:i+1]), true
}

// greeted reports whether the hellos of both ends are there, as far as they were asked for.
func (t *transcript) greeted() bool {
	client, server := t.by[ClientToServer], t.by[ServerToClient]
	return !t.partial && len(client) > 0 && len(server) > 0 && (!isRetry(server[0]) || len(client) > 1)
}

// throughServer is the hash of ClientHello...server Finished in TLS 1.3.
func (t *transcript) throughServer(h crypto.Hash) ([]byte, bool) {
	if !t.greeted() || !t.done[ServerToClient] {
		return nil, false
	}
	list := t.order(iana.VersionTLS13)
	return hashOf(h, list[:before(list, ServerToClient, iana.HandshakeFinished)+1]), true
}

// throughClient is the hash of the first ClientHello.
func (t *transcript) throughClient(h crypto.Hash) ([]byte, bool) {
	if t.partial || len(t.by[ClientToServer]) == 0 {
		return nil, false
	}
	return hashOf(h, []said{{ClientToServer, t.by[ClientToServer][0]}}), true
}
