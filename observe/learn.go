package observe

import (
	"bytes"
	"strconv"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/suite"
)

// learn takes from a message what it settles.
func (h *half) learn(s *source, m msg.Message) {
	switch m := m.(type) {
	case *msg.ClientHello:
		h.clientHello(s, m)
	case *msg.HelloRetryRequest:
		h.helloRetryRequest(s, m)
	case *msg.HelloRetryRequestDraft:
		h.helloRetryRequest(s, &msg.HelloRetryRequest{LegacyVersion: m.Version, CipherSuite: m.CipherSuite, Extensions: m.Extensions})
	case *msg.ServerHello:
		h.serverHello(s, m)
	case *msg.EncryptedExtensions:
		h.encryptedExtensions(s, m)
	case *msg.CertificateRequest, *msg.CertificateRequest12:
		h.tell(s, Negotiated{What: WhatClientAuth, Chosen: "true"})
	case *msg.Certificate:
		h.certificates(s, entries(m.List))
		h.c.hs.delegated[h.dir] = delegatedKey(m.List)
	case *msg.CompressedCertificate:
		h.compressedCertificate(s, m)
	case *msg.Certificate12:
		h.certificates(s, m.List)
		if m.PublicKey != nil { // RFC 7250 §3
			h.certificates(s, [][]byte{m.PublicKey})
		}
	case *msg.CertificateVerify:
		h.certificateVerify(s, m)
	case *msg.ServerKeyExchange:
		h.serverKeyExchange(s, m)
	case *msg.Finished:
		h.finished(s)
	case *msg.KeyUpdate:
		if is13(h.c.tls) && h.epoch == EpochApplication {
			h.updateKeys(s.rawRecord)
		}
	case *msg.EndOfEarlyData:
		h.endOfEarlyData(s)
	case *msg.ClientKeyExchange:
		h.c.hs.premaster = m.EncryptedPremaster
		h.c.changed()
	case *msg.NewSessionTicket12:
		h.c.remember(m.Ticket)
	case *msg.NewSessionTicket:
		h.c.rememberPSK(m)
	}
	h.c.hs.note(m)
}

func (h *half) tell(s *source, n Negotiated) {
	n.Again = h.c.hs.again
	told := &h.c.negotiated
	if h.c.opts.Sink != nil {
		told = new(Negotiated)
	}
	*told = n
	h.emit(s.time(), told)
}

// note takes a message as a sign that a handshake before TLS 1.3 is not abbreviated.
func (hs *handshake) note(m msg.Message) {
	switch m.(type) {
	case *msg.Certificate12, *msg.ServerKeyExchange, *msg.ServerHelloDone, *msg.ClientKeyExchange:
		hs.full = true
	}
}

// clientHello begins a handshake, unless it answers a HelloRetryRequest.
func (h *half) clientHello(s *source, m *msg.ClientHello) {
	hs := h.c.hs
	if hs.client > 0 && !(hs.retried && hs.client == 1) {
		hs = h.c.renegotiate()
	}
	hs.client++
	h.c.changed()
	if hs.client > 1 { // the first one counts, and early data ends here (RFC 9846 §4.2.2)
		h.level = level{epoch: EpochInitial}
		h.clientPrints(s, m, true)
		return
	}
	hs.clientRandom = m.Random
	h.c.unwatch()
	h.c.watch(hs, m.Random)
	hs.offer = newOffer(m)
	if !hs.hello2 {
		h.clientPrints(s, m, hs.again)
	}
	if m.Extensions.Has(iana.ExtServerName) && len(m.ServerName) > 0 {
		h.tell(s, Negotiated{What: WhatServerName, Chosen: string(m.ServerName[0].HostName)})
	}
	if _, offered := m.Extensions.Raw(iana.ExtEarlyData); offered || m.Extensions.Has(iana.ExtEarlyData) {
		hs.early = EarlyDataOffered
		h.tell(s, Negotiated{What: WhatEarlyData, Chosen: string(EarlyDataOffered)})
	}
}

// draftVersion is the extension in which some clients of drafts before 16, whose version was that of the standard to come,
// said which one it was. It has no specification: Firefox had it.
const draftVersion = iana.ExtensionType(0xff02)

// renegotiate begins another handshake of the connection.
func (c *Conn) renegotiate() *handshake {
	c.judge(c.hs, true)
	c.hs = &handshake{again: true}
	return c.hs
}

func newOffer(m *msg.ClientHello) offer {
	o := offer{
		sessionID: m.SessionID, ticket: m.SessionTicket, versions: m.SupportedVersions, suites: m.CipherSuites, groups: m.SupportedGroups,
		schemes: m.SignatureAlgorithms, alpn: m.ALPN,
		extendedMainSecret: m.Extensions.Has(iana.ExtExtendedMainSecret),
	}
	if raw, ok := m.Extensions.Raw(draftVersion); ok && len(raw) == 2 {
		o.draft = 0x7f00 | iana.Version(raw[1])
	}
	for i := range m.PSK.Identities {
		o.identities = append(o.identities, m.PSK.Identities[i].Identity)
	}
	if len(o.versions) == 0 {
		o.versions = []iana.Version{m.LegacyVersion}
	}
	return o
}

func (h *half) helloRetryRequest(s *source, m *msg.HelloRetryRequest) {
	hs := h.c.hs
	hs.server++
	hs.retried = true
	h.version(hs, m.SelectedVersion, m.LegacyVersion)
	hs.cipherSuite, hs.suite = m.CipherSuite, suite.ByID(m.CipherSuite)
	h.c.changed()
	h.serverPrint(s, m.LegacyVersion, &m.Extensions)
	h.tell(s, Negotiated{What: WhatHelloRetry, Chosen: "true"})
	h.tellChoice(s)
	if group, ok := groupOf(&m.Extensions, m.SelectedGroup); ok {
		h.tell(s, Negotiated{What: WhatGroup, Chosen: group.String(), Code: uint16(group), Offered: names(h.c, hs.offer.groups)})
	}
	h.earlyData(s, EarlyDataRejected) // RFC 9846 §4.3.10
}

func (h *half) serverHello(s *source, m *msg.ServerHello) {
	hs := h.c.hs
	if hs.server > 0 && !hs.retried && !is13(hs.version) { // of a handshake that began in what was not seen
		hs = h.c.renegotiate()
	}
	hs.server++
	hs.serverRandom, hs.sessionID = m.Random, m.SessionID
	if hs.retried {
		h.tell(s, Negotiated{What: WhatGroup}) // what the request asked for is not what was taken
	}
	h.version(hs, m.SelectedVersion, m.LegacyVersion)
	hs.cipherSuite = m.CipherSuite
	hs.suite, hs.old = suiteOf(m.CipherSuite, hs.version)
	hs.extended = m.Extensions.Has(iana.ExtExtendedMainSecret)
	hs.macLast = m.Extensions.Has(iana.ExtEncryptThenMAC)
	hs.psk = m.Extensions.Has(iana.ExtPreSharedKey)
	_, hs.share = groupOf(&m.Extensions, 0)
	hs.keyExchange = keyExchangeOf(m.CipherSuite)
	h.certificateTypes(&m.Extensions, m.ClientCertType, m.ServerCertType)
	h.c.changed()
	h.serverPrint(s, m.LegacyVersion, &m.Extensions)
	h.tellChoice(s)
	if is13(hs.version) {
		h.serverHello13(s, m)
		return
	}
	h.alpn(s, &m.Extensions, m.ALPN)
	h.earlyData(s, EarlyDataRejected)
	if hs.offer.extendedMainSecret {
		h.tell(s, Negotiated{What: WhatExtendedMainSecret, Chosen: strconv.FormatBool(m.Extensions.Has(iana.ExtExtendedMainSecret))})
	}
	if len(m.SessionID) > 0 && bytes.Equal(m.SessionID, hs.offer.sessionID) {
		h.resumed(s, true)
	}
}

// groupOf is the group that a server's hello names in key_share: the one that was parsed, or that of a draft.
func groupOf(x *msg.Extensions, parsed iana.NamedGroup) (iana.NamedGroup, bool) {
	if x.Has(iana.ExtKeyShare) {
		return parsed, true
	}
	raw, ok := x.Raw(msg.DraftKeyShare)
	if !ok || len(raw) < 2 {
		return 0, false
	}
	return iana.NamedGroup(raw[0])<<8 | iana.NamedGroup(raw[1]), true
}

func (h *half) serverHello13(s *source, m *msg.ServerHello) {
	group, share := groupOf(&m.Extensions, m.KeyShare.Group)
	if share {
		h.tell(s, Negotiated{What: WhatGroup, Chosen: group.String(), Code: uint16(group), Offered: names(h.c, h.c.hs.offer.groups)})
	}
	psk := m.Extensions.Has(iana.ExtPreSharedKey)
	h.c.hs.identity = int(m.SelectedIdentity)
	h.resumed(s, psk)
	if !psk || m.SelectedIdentity != 0 { // it belongs to the first PSK (RFC 9846 §4.3.10)
		h.earlyData(s, EarlyDataRejected)
	}
	if psk && !share {
		h.tell(s, Negotiated{What: WhatPSKOnly, Chosen: "true"})
	}
}

// clientPrints tells the fingerprints of a client's hello.
func (h *half) clientPrints(s *source, m *msg.ClientHello, again bool) {
	if h.c.omits(OmitDetails) {
		return
	}
	for _, f := range []*Fingerprint{ja3(m), ja4(m)} {
		f.Again = again
		h.emit(s.time(), f)
	}
}

// serverPrint tells the fingerprint of a server's hello.
func (h *half) serverPrint(s *source, legacy iana.Version, x *msg.Extensions) {
	if h.c.omits(OmitDetails) {
		return
	}
	f := ja3s(legacy, h.c.hs.cipherSuite, x)
	f.Again = h.c.hs.again
	h.emit(s.time(), f)
}

// version settles the version by a server's hello.
func (h *half) version(hs *handshake, selected, legacy iana.Version) {
	hs.version = selected
	if selected == 0 {
		hs.version = legacy
		if hs.early13 = legacy == iana.VersionTLS13; hs.early13 && hs.offer.draft != 0 {
			hs.version = hs.offer.draft
		}
	}
	h.c.tls = hs.version
	h.c.rules.tracker.Version(hs.version)
}

// tellChoice tells version and suite.
func (h *half) tellChoice(s *source) {
	hs := h.c.hs
	h.tell(s, Negotiated{What: WhatVersion, Chosen: hs.version.String(), Code: uint16(hs.version), Offered: names(h.c, hs.offer.versions)})
	h.tell(s, Negotiated{What: WhatCipherSuite, Chosen: hs.cipherSuite.String(), Code: uint16(hs.cipherSuite), Offered: names(h.c, hs.offer.suites)})
}

func (h *half) certificateTypes(x *msg.Extensions, client, server uint8) {
	if x.Has(iana.ExtClientCertificateType) {
		h.c.hs.certTypes[ClientToServer] = iana.CertificateType(client)
	}
	if x.Has(iana.ExtServerCertificateType) {
		h.c.hs.certTypes[ServerToClient] = iana.CertificateType(server)
	}
}

func (h *half) alpn(s *source, x *msg.Extensions, list []msg.ProtocolName) {
	if x.Has(iana.ExtApplicationLayerProtocolNegotiation) && len(list) > 0 {
		if isHTTP2(string(list[0])) {
			h.c.inside.decoder.SetHTTP2()
		}
		h.tell(s, Negotiated{What: WhatALPN, Chosen: string(list[0]), Offered: protocolNames(h.c, h.c.hs.offer.alpn)})
	}
}

// resumed tells, once, whether the handshake is abbreviated.
func (h *half) resumed(s *source, yes bool) {
	hs := h.c.hs
	if hs.settled {
		return
	}
	hs.settled = true
	h.tell(s, Negotiated{What: WhatResumed, Chosen: strconv.FormatBool(yes)})
	if yes && !is13(hs.version) {
		h.c.resume(hs)
	}
}

// resume finds the connection whose main secret a resumed one has.
func (c *Conn) resume(hs *handshake) {
	for _, session := range [][]byte{hs.offer.ticket, hs.offer.sessionID} {
		c.turn()
		if random, ok := c.keys.origin(session); ok && random != hs.clientRandom {
			c.watch(hs, random)
			c.changed()
			return
		}
	}
}

// remember notes a session that may be resumed. The connection that its main secret comes
// from is this one, or the one that this one resumes.
func (c *Conn) remember(session []byte) {
	if hs := c.hs; len(hs.randoms) > 0 && len(session) > 0 {
		c.turn()
		c.keys.remember(session, hs.randoms[len(hs.randoms)-1])
	}
}

// earlyData tells, once, what becomes of early data that was offered.
func (h *half) earlyData(s *source, fate EarlyData) {
	if hs := h.c.hs; hs.early == EarlyDataOffered {
		hs.early = fate
		h.c.changed()
		h.c.settleEarly(s.time())
		h.tell(s, Negotiated{What: WhatEarlyData, Chosen: string(fate), Inferred: fate == EarlyDataRejected})
	}
}

func (h *half) encryptedExtensions(s *source, m *msg.EncryptedExtensions) {
	h.certificateTypes(&m.Extensions, m.ClientCertType, m.ServerCertType)
	h.alpn(s, &m.Extensions, m.ALPN)
	if m.Extensions.Has(iana.ExtEarlyData) {
		h.earlyData(s, EarlyDataAccepted)
	} else {
		h.earlyData(s, EarlyDataRejected)
	}
}

// endOfEarlyData is sent only if the data was accepted (RFC 9846 §4.6).
func (h *half) endOfEarlyData(s *source) {
	h.earlyData(s, EarlyDataAccepted)
	if h.epoch == EpochEarlyData {
		h.changeKeys(s.rawRecord, level{epoch: EpochHandshake})
	}
}

func (h *half) certificateVerify(s *source, m *msg.CertificateVerify) {
	if h.dir == ServerToClient {
		h.scheme(s, m.Algorithm)
	}
}

func (h *half) serverKeyExchange(s *source, m *msg.ServerKeyExchange) {
	if id := finiteGroup(m); id != 0 {
		h.tell(s, Negotiated{What: WhatGroup, Chosen: id.String(), Code: uint16(id), Offered: names(h.c, h.c.hs.offer.groups), Inferred: true})
	}
	if m.CurveType == iana.CurveTypeNamedCurve {
		h.tell(s, Negotiated{What: WhatGroup, Chosen: m.NamedCurve.String(), Code: uint16(m.NamedCurve), Offered: names(h.c, h.c.hs.offer.groups)})
	}
	if m.Algorithm != 0 {
		h.scheme(s, m.Algorithm)
	}
}

func (h *half) scheme(s *source, id iana.SignatureScheme) {
	h.tell(s, Negotiated{What: WhatSignatureScheme, Chosen: id.String(), Code: uint16(id), Offered: names(h.c, h.c.hs.offer.schemes)})
}

// finished ends the sender's handshake.
func (h *half) finished(s *source) {
	h.finishing = h.traffic
	if is13(h.c.tls) && h.epoch == EpochHandshake {
		h.changeKeys(s.rawRecord, level{epoch: EpochApplication})
	}
}

// answered settles by the server's ChangeCipherSpec whether the handshake is abbreviated: it
// is if nothing but hellos and tickets came before (RFC 5246 §7.3).
func (hs *handshake) answered(h *half, s *source) {
	if h.dir == ServerToClient && hs.begun() {
		h.resumed(s, !hs.full)
		h.c.remember(hs.sessionID)
	}
}

// watch has the secrets of a client random announced: they are those of hs.
func (c *Conn) watch(hs *handshake, random [32]byte) {
	hs.randoms = append(hs.randoms, random)
	c.watched = append(c.watched, random)
	c.keys.watch(random, c)
}

// unwatch ends what watch began.
func (c *Conn) unwatch() {
	for _, random := range c.watched {
		c.keys.forget(random, c)
	}
	c.watched = nil
}

func entries(list []msg.CertificateEntry) [][]byte {
	ders := make([][]byte, len(list))
	for i := range list {
		ders[i] = list[i].Data
	}
	return ders
}

// delegatedKey is the key that stands in for that of the first certificate, nil where there is none.
func delegatedKey(list []msg.CertificateEntry) []byte {
	if len(list) == 0 || !list[0].Extensions.Has(iana.ExtDelegatedCredential) {
		return nil
	}
	return list[0].Credential.PublicKey
}

// certificates tells a chain.
func (h *half) certificates(s *source, ders [][]byte) {
	if len(ders) == 0 {
		return
	}
	h.c.hs.leaves[h.dir] = ders[0]
	if h.c.omits(OmitDetails) {
		return
	}
	p := &Peer{Certificates: make([]Certificate, len(ders))}
	for i, der := range ders {
		p.Certificates[i] = newCertificate(h.dir.From(), der)
	}
	h.emit(s.time(), p)
	h.verifyChain(s, ders)
}
