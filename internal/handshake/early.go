package handshake

import (
	"slices"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/session"
	"github.com/akushu/akushu/internal/suite"
)

// Early data, or 0-RTT (RFC 9846 §2.3, §4.3.10): internal/session says when it may be sent and
// accepted, this file when that is asked, and what comes of it.

// EarlyData is what became of early data.
type EarlyData uint8

// The fates of early data.
const (
	EarlyDataNone EarlyData = iota // it was not offered
	EarlyDataRejected
	EarlyDataAccepted
)

// String returns "none", "rejected" or "accepted".
func (e EarlyData) String() string { return [...]string{"none", "rejected", "accepted"}[e] }

// ServerEarlyData is how a server takes early data.
type ServerEarlyData struct {
	Max        uint32 // bytes that a ticket allows
	AntiReplay session.AntiReplay
}

// skippable is how many bytes of early data are passed over, records' overhead included,
// where nothing says how much a client may have been allowed: other stacks let it be that.
const skippable = 16 << 10

// skipRoom is how many bytes on the wire n bytes of early data may take, in records that
// carry 64 bytes or more.
func skipRoom(n uint32) int { return int(n) + (int(n)/64+1)*22 }

// skipEarlyData passes over the early data of a client whose ClientHello announces some. It
// is behind that in any case, whatever we answer.
func (s *server13) skipEarlyData() {
	if !s.hello.Extensions.Has(iana.ExtEarlyData) {
		return
	}
	most := skippable
	if s.cfg.EarlyData != nil {
		most = max(most, skipRoom(s.cfg.EarlyData.Max))
	}
	if s.psk != nil {
		most = max(most, skipRoom(s.psk.MaxEarlyData))
	}
	s.t.SkipEarlyData(most)
}

// chooseEarlyData decides about early data, if there is any (RFC 9846 §4.3.10, §8).
func (s *server13) chooseEarlyData() error {
	if !slices.Contains(s.facts.Extensions, iana.ExtEarlyData) {
		return nil
	}
	s.result.EarlyData = EarlyDataRejected
	if s.result.EarlyDataWhy = s.admitEarlyData(); s.result.EarlyDataWhy == nil {
		s.result.EarlyData = EarlyDataAccepted
		s.earlyTraffic = earlySecrets(s.early, s.transcript.sum(), &s.cfg.Hooks)
	}
	return nil
}

// earlySecrets derives what early data is protected with, and for a key log the secret of early
// exporters too, which otherwise nobody asks for (RFC 9850 §2.2). transcript is the hash of
// ClientHello.
func earlySecrets(schedule keys.Early, transcript []byte, h *Hooks) keys.Secret {
	if h.Secret != nil {
		schedule.Exporter(transcript).Wipe()
	}
	return schedule.ClientTraffic(transcript)
}

// admitEarlyData returns why early data is not accepted, nil if it is.
func (s *server13) admitEarlyData() error {
	if s.cfg.EarlyData == nil || !s.t.WantsEarlyData() {
		return session.EarlyOff
	}
	facts := &session.EarlyFacts{
		Offered: true, Retried: s.result.HelloRetry, Index: int(s.selected), PSK: s.psk,
		Chosen: s.result.params(), Now: s.cfg.Now(),
	}
	facts.Chosen.MaxEarlyData = s.cfg.EarlyData.Max
	if s.psk == nil {
		return s.cfg.EarlyData.AntiReplay.Admit(s.ctx, facts, nil)
	}
	facts.Age = s.hello.PSK.Identities[s.selected].ObfuscatedTicketAge
	return s.cfg.EarlyData.AntiReplay.Admit(s.ctx, facts, s.hello.PSK.Binders[s.selected])
}

// setReadKeys reads on under the keys of early data, if that is accepted, or else passes
// over it.
func (s *server13) setReadKeys() error {
	if s.result.EarlyData == EarlyDataAccepted {
		return s.t.SetReadKeys(EpochEarlyData, s.keys(s.earlyTraffic))
	}
	s.skipEarlyData()
	return s.t.SetReadKeys(EpochHandshake, s.keys(s.clientHandshake))
}

// recvEarlyData hands early data to the application, which may answer meanwhile, until
// EndOfEarlyData comes (RFC 9846 §4.6). The application judges the client before.
func (s *server13) recvEarlyData() error {
	if s.result.EarlyData != EarlyDataAccepted {
		return nil
	}
	if err := s.cfg.peer(s.result); err != nil {
		return err
	}
	soon := *s.result
	soon.Exporter = nil
	s.t.TakeEarlyData(int64(s.psk.MaxEarlyData))
	s.t.ShareWriting(&soon, unlimited)
	if _, err := s.receive(&msg.EndOfEarlyData{}); err != nil {
		return err
	}
	return s.t.SetReadKeys(EpochHandshake, s.keys(s.clientHandshake))
}

// unlimited is a bound for what may be written that bounds nothing.
const unlimited = 1<<63 - 1

// judgePeer lets the application judge the client, unless it has.
func (s *server13) judgePeer() error {
	if s.result.EarlyData == EarlyDataAccepted {
		return nil
	}
	return s.cfg.peer(s.result)
}

// offerEarlyData announces early data, if there is any and the session that is offered
// allows it (RFC 9846 §4.3.10).
func (c *client) offerEarlyData(offer *session.Offer) {
	if !c.t.WantsEarlyData() {
		return
	}
	if ok, why := session.MaySendEarlyData(c.session.psks[0], offer); !ok {
		c.result.EarlyDataWhy = why
		return
	}
	c.hello.Extensions.Add(iana.ExtEarlyData)
}

// offersEarlyData reports whether our last ClientHello announces early data.
func (c *client) offersEarlyData() bool { return c.hello.Extensions.Has(iana.ExtEarlyData) }

// startEarlyData protects what follows ClientHello with the keys of early data, but for the
// ChangeCipherSpec that middleboxes expect before it (RFC 9846 Appendix E.4). No version but
// TLS 1.3 can come of it, and headers say so from here on: only the first ClientHello's may
// say less (RFC 9846 §5.1).
func (c *client) startEarlyData() error {
	if !c.offersEarlyData() {
		return nil
	}
	c.t.SetVersion(iana.VersionTLS13)
	if err := c.changeCipherSpec(); err != nil {
		return err
	}
	psk := c.session.psks[0]
	schedule := psk.Schedule(c.cfg.log(&c.hello.Random))
	defer schedule.Wipe()
	sum := psk.Hash.New()
	sum.Write(c.transcript.messages)
	return c.t.SetWriteKeys(EpochEarlyData, &suite.TrafficKeys{
		Version: iana.VersionTLS13, Suite: suite.ByID(psk.Suite), Secret: earlySecrets(schedule, sum.Sum(nil), &c.cfg.Hooks),
	})
}

// shareEarlyData lets the application write, from here until the server has answered. The
// application judges the server before: early data is for nobody else.
func (c *client) shareEarlyData() error {
	if !c.offersEarlyData() {
		return nil
	}
	psk := c.session.psks[0]
	soon := &Result{
		Version: psk.Version, Suite: suite.ByID(psk.Suite), Agreed: Agreed{ALPN: psk.ALPN, ServerName: c.result.ServerName},
		Shared: Shared{Resumed: true}, Peer: c.session.peer, ClientRandom: c.hello.Random,
	}
	if err := c.cfg.peer(soon); err != nil {
		return err
	}
	c.t.ShareWriting(soon, int64(psk.MaxEarlyData))
	return nil
}

// changeCipherSpec sends the ChangeCipherSpec that is there for middleboxes, once (RFC 9846
// Appendix E.4).
func (c *client) changeCipherSpec() error {
	if c.changed {
		return nil
	}
	c.changed = true
	return c.t.WriteChangeCipherSpec()
}

// retractEarlyData ends early data where a HelloRetryRequest came instead of an answer: the
// second ClientHello goes out in the clear again, and without it (RFC 9846 §4.2.2).
func (c *client) retractEarlyData() error {
	if !c.offersEarlyData() {
		return nil
	}
	c.result.EarlyData, c.result.EarlyDataWhy = EarlyDataRejected, session.EarlyRetried
	c.hello.Extensions.Remove(iana.ExtEarlyData)
	return c.t.SetWriteKeys(EpochInitial, nil)
}

// checkEarlyVersion refuses a version in which early data means nothing: it is on its way
// already (RFC 9846 Appendix E.3).
func (c *client) checkEarlyVersion(v iana.Version) error {
	if c.offersEarlyData() && v < iana.VersionTLS13 {
		return alert.NoCommonGround("server_hello.legacy_version", "RFC 9846 Appendix E.3",
			"the server chose %v, where early data was sent in TLS 1.3", v).With(iana.AlertProtocolVersion)
	}
	return nil
}

// setWriteKeys encrypts what we send from here on with the handshake's keys, unless early
// data may still go out before.
func (c *client13) setWriteKeys() error {
	if c.offersEarlyData() && c.psk != nil {
		return nil
	}
	if c.offersEarlyData() {
		c.result.EarlyData = EarlyDataRejected
	}
	return c.t.SetWriteKeys(EpochHandshake, c.keys(c.clientHandshake))
}

// recvEarlyData takes the server's answer to early data (RFC 9846 §4.3.10). If that is no,
// none is sent any more.
func (c *client13) recvEarlyData(m *msg.EncryptedExtensions) error {
	switch {
	case m.Extensions.Has(iana.ExtEarlyData):
		c.result.EarlyData = EarlyDataAccepted
		return c.checkEarlyData()
	case c.offersEarlyData() && c.psk != nil:
		c.result.EarlyData = EarlyDataRejected
		return c.t.SetWriteKeys(EpochHandshake, c.keys(c.clientHandshake))
	}
	return nil
}

// checkEarlyData checks that what was negotiated is what early data was sent under.
func (c *client13) checkEarlyData() error {
	const where, ref = "encrypted_extensions.early_data", "RFC 9846 §4.3.10"
	sent := c.session.psks[0]
	switch {
	case c.psk == nil:
		return alert.Illegal(where, ref, "it was accepted, but not the PSK that it was sent under")
	case c.psk != sent:
		return alert.Illegal(where, ref, "it was accepted with another PSK than it was sent under")
	case c.result.Suite.ID != sent.Suite:
		return alert.Illegal(where, ref, "it was accepted with %v, and sent with %v", c.result.Suite.ID, sent.Suite)
	case c.result.ALPN != sent.ALPN:
		return alert.Illegal(where, ref, "it was accepted for %q, and sent for %q", c.result.ALPN, sent.ALPN)
	}
	return nil
}

// sendEndOfEarlyData ends early data that was accepted (RFC 9846 §4.6).
func (c *client13) sendEndOfEarlyData() error {
	if c.result.EarlyData != EarlyDataAccepted {
		return nil
	}
	if err := c.send(&msg.EndOfEarlyData{}); err != nil {
		return err
	}
	return c.t.SetWriteKeys(EpochHandshake, c.keys(c.clientHandshake))
}
