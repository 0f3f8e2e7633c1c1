package handshake

import (
	"bytes"
	"context"
	"io"
	"slices"
	"time"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/order"
	"github.com/akushu/akushu/internal/suite"
)

// client is what both client flows share: what was offered, and with which keys.
type client struct {
	flow
	ctx     context.Context
	cfg     *ClientConfig
	hello   *msg.ClientHello
	shares  []share // the private halves of hello.KeyShares
	session offered
	changed bool // a ChangeCipherSpec went out
	types   certTypes
	again   *renegotiation // what a renegotiation has to agree with; nil in a first handshake
	result  *Result
}

// share is a key that was offered for one group.
type share struct {
	group *suite.Group
	key   suite.PrivateKey
}

// Client runs the client's side of a handshake, RFC 9846 Appendix A.1 or RFC 5246 §7.3,
// whichever the server chooses.
//
//	START ──ClientHello──► WAIT_SH ──ServerHello──► TLS 1.3: client13.go
//	                          ▲ │                 └► TLS 1.2: client12.go
//	                          └─┘ HelloRetryRequest, once
func Client(ctx context.Context, t Transport, cfg *ClientConfig) (result *Result, post Post, err error) {
	return runClient(ctx, t, cfg, nil)
}

func runClient(ctx context.Context, t Transport, cfg *ClientConfig, again *renegotiation) (result *Result, post Post, err error) {
	c := &client{flow: newFlow(t), ctx: ctx, cfg: cfg, again: again, result: &Result{Agreed: Agreed{ServerName: hostName(cfg.ServerName)}}}
	c.requests.ignored = true
	defer c.wipeShares()
	defer c.session.wipe()
	defer func() {
		if post == nil { // it failed, or a callback did not return
			c.result.wipe()
			c.dropSession()
		}
	}()
	return c.run()
}

func (c *client) run() (*Result, Post, error) {
	if err := c.sendClientHello(); err != nil {
		return nil, nil, err
	}
	raw, err := c.nextServerHello()
	if err != nil {
		return nil, nil, err
	}
	var retried *msg.HelloRetryRequest
	if isRetry(raw) {
		if retried, err = c.recvHelloRetryRequest(raw); err != nil {
			return nil, nil, err
		}
		if raw, err = c.nextServerHello(); err != nil {
			return nil, nil, err
		}
	}
	hello, err := c.recvServerHello(raw, retried)
	if err != nil {
		return nil, nil, err
	}
	if c.result.Version == iana.VersionTLS13 {
		c.requests.ignored = false
		return (&client13{client: c}).run(hello)
	}
	return (&client12{client: c}).run(hello)
}

// sendClientHello opens the handshake with all that the policy allows.
func (c *client) sendClientHello() error {
	c.hello = &msg.ClientHello{
		LegacyVersion:      min(c.cfg.MaxVersion, iana.VersionTLS12),
		CompressionMethods: noCompression,
	}
	if _, err := io.ReadFull(c.cfg.Rand, c.hello.Random[:]); err != nil {
		return alert.Internal("client_hello.random", "no randomness: %w", err)
	}
	c.result.ClientRandom = c.hello.Random
	c.offerSuites()
	c.offerCommon()
	if c.cfg.MinVersion <= iana.VersionTLS12 {
		c.offer12()
	}
	if c.cfg.MaxVersion >= iana.VersionTLS13 {
		if err := c.offer13(); err != nil {
			return err
		}
	}
	c.offerRecordLimit()
	for _, step := range []func() error{c.grease, c.offerKnown, c.sendHello, c.t.Flush, c.startEarlyData, c.shareEarlyData} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// offerSuites lists the suites of the versions that are offered.
func (c *client) offerSuites() {
	c.hello.CipherSuites = make([]iana.CipherSuite, 0, len(c.cfg.Suites)+1)
	for _, s := range c.cfg.Suites {
		if s.MinVersion <= c.cfg.MaxVersion && s.MaxVersion >= c.cfg.MinVersion {
			c.hello.CipherSuites = append(c.hello.CipherSuites, s.ID)
		}
	}
	if c.cfg.Fallback {
		c.hello.CipherSuites = append(c.hello.CipherSuites, iana.TLS_FALLBACK_SCSV) // RFC 7507 §4
	}
}

// offerCommon adds the extensions that mean the same in both versions.
func (c *client) offerCommon() {
	h := c.hello
	if name := c.result.ServerName; name != "" {
		h.ServerName = []msg.ServerName{{HostName: []byte(name)}}
		h.Extensions.Add(iana.ExtServerName)
	}
	c.offerGroups()
	if c.cfg.MaxVersion >= iana.VersionTLS12 {
		h.SignatureAlgorithms = c.cfg.schemes()
		h.Extensions.Add(iana.ExtSignatureAlgorithms)
	}
	h.StatusRequest.StatusType = iana.CertStatusOCSP
	h.Extensions.Add(iana.ExtStatusRequest, iana.ExtSignedCertificateTimestamp)
	for _, p := range c.cfg.ALPN {
		h.ALPN = append(h.ALPN, msg.ProtocolName(p))
	}
	if len(h.ALPN) > 0 {
		h.Extensions.Add(iana.ExtApplicationLayerProtocolNegotiation)
	}
	c.offerCertTypes()
	c.offerDelegated()
}

// offerGroups adds the groups that a suite of ours has a use for.
func (c *client) offerGroups() {
	for _, g := range c.cfg.Groups {
		if g.Supports(c.cfg.MaxVersion) && c.offers(func(s *suite.Suite, v iana.Version) bool { return g.Serves(s, v) }) {
			c.hello.SupportedGroups = append(c.hello.SupportedGroups, g.ID)
		}
	}
	if len(c.hello.SupportedGroups) > 0 {
		c.hello.Extensions.Add(iana.ExtSupportedGroups)
	}
}

// offers reports whether one of our suites is as asked for, in one of our versions.
func (c *client) offers(as func(*suite.Suite, iana.Version) bool) bool {
	for _, v := range c.cfg.versions() {
		if slices.ContainsFunc(c.cfg.Suites, func(s *suite.Suite) bool { return s.Supports(v) && as(s, v) }) {
			return true
		}
	}
	return false
}

// offer12 adds what TLS 1.2 needs, and before.
func (c *client) offer12() {
	x := &c.hello.Extensions
	if c.offers(func(s *suite.Suite, _ iana.Version) bool { return s.KeyExchange == suite.KeyExchangeECDHE }) {
		c.hello.PointFormats = uncompressed
		x.Add(iana.ExtECPointFormats)
	}
	x.Add(iana.ExtExtendedMainSecret, iana.ExtRenegotiationInfo)
	c.hello.RenegotiatedConnInfo = c.again.ofClient()
	if c.offers(func(s *suite.Suite, _ iana.Version) bool { return s.Cipher.CBC() }) {
		x.Add(iana.ExtEncryptThenMAC)
	}
}

// offer13 adds what TLS 1.3 needs: versions, key shares, and a session ID so that the
// handshake looks like a resumption to middleboxes (RFC 9846 Appendix E.4).
func (c *client) offer13() error {
	h := c.hello
	h.SessionID = make([]byte, 32)
	if _, err := io.ReadFull(c.cfg.Rand, h.SessionID); err != nil {
		return alert.Internal("client_hello.legacy_session_id", "no randomness: %w", err)
	}
	h.SupportedVersions = c.cfg.versions()
	h.Extensions.Add(iana.ExtSupportedVersions)
	c.offerModes()
	h.Extensions.Add(iana.ExtKeyShare)
	c.offerCompression()
	c.offerPostAuth()
	if c.cfg.Shares != nil {
		return c.offerTheseShares(c.cfg.Shares)
	}
	return c.offerShares(c.cfg.groups(iana.VersionTLS13))
}

// offerShare makes a key for g and offers its public half.
func (c *client) offerShare(g *suite.Group) (suite.PrivateKey, error) {
	key, err := g.Generate(c.cfg.Rand)
	if err != nil {
		return nil, alert.Internal("client_hello.key_share", "no key for %v: %w", g.ID, err)
	}
	c.addShare(g, key)
	return key, nil
}

func (c *client) addShare(g *suite.Group, key suite.PrivateKey) {
	c.shares = append(c.shares, share{g, key})
	c.hello.KeyShares = append(c.hello.KeyShares, msg.KeyShareEntry{Group: g.ID, KeyExchange: key.Public()})
}

// offerShares sends a share for the first group, and if that is post-quantum one that is not
// as well, for servers that do not know it yet: a hybrid's classical half, which costs no second
// key, or the first group that there is.
func (c *client) offerShares(groups []*suite.Group) error {
	if len(groups) == 0 {
		return nil
	}
	key, err := c.offerShare(groups[0])
	if err != nil {
		return err
	}
	if both, hybrid := key.(suite.Combined); hybrid {
		id, half := both.Classical()
		if i := slices.IndexFunc(groups, func(g *suite.Group) bool { return g.ID == id }); i >= 0 {
			c.addShare(groups[i], half)
			return nil
		}
	}
	i := slices.IndexFunc(groups, func(g *suite.Group) bool { return !g.PostQuantum })
	if i > 0 {
		_, err = c.offerShare(groups[i])
	}
	return err
}

// offerTheseShares sends a share for each of groups, which may be none: that costs a round trip.
func (c *client) offerTheseShares(groups []*suite.Group) error {
	for _, g := range groups {
		if _, err := c.offerShare(g); err != nil {
			return err
		}
	}
	return nil
}

// wipeShares ends the use of our keys.
func (c *client) wipeShares() {
	for _, s := range c.shares {
		s.key.Wipe()
	}
	c.shares = nil
}

// nextServerHello takes the next message, which must be a ServerHello of either kind.
func (c *client) nextServerHello() ([]byte, error) {
	got, err := c.peek()
	if err != nil {
		return nil, err
	}
	if got != iana.HandshakeServerHello {
		return nil, unexpected(got, &msg.ServerHello{})
	}
	return c.next()
}

// isRetry reports whether raw, a ServerHello, is a HelloRetryRequest.
func isRetry(raw []byte) bool {
	const random = msg.HeaderLength + 2
	return len(raw) >= random+32 && bytes.Equal(raw[random:random+32], msg.HelloRetryRandom[:])
}

// recvHelloRetryRequest does what the server asks for and sends the second ClientHello
// (RFC 9846 §4.2.4).
func (c *client) recvHelloRetryRequest(raw []byte) (*msg.HelloRetryRequest, error) {
	const where, ref = "hello_retry_request", "RFC 9846 §4.2.4"
	m := &msg.HelloRetryRequest{}
	if err := msg.DecodeInto(m, &c.layout, raw); err != nil {
		return nil, err
	}
	if c.cfg.MaxVersion < iana.VersionTLS13 {
		return nil, alert.Unexpected(where, ref, "TLS 1.3 was not offered")
	}
	if err := order.CheckExtensions(order.Of(m), iana.VersionTLS13, &m.Extensions, c.requested); err != nil {
		return nil, err
	}
	if !m.Extensions.Has(iana.ExtSupportedVersions) {
		return nil, alert.Illegal(where, ref, "supported_versions is missing").With(iana.AlertMissingExtension)
	}
	if m.SelectedVersion != iana.VersionTLS13 {
		return nil, alert.Illegal(where+".supported_versions.selected_version", ref, "%v was selected", m.SelectedVersion)
	}
	if err := c.checkEcho(where, m.LegacyVersion, m.SessionID, m.CompressionMethod); err != nil {
		return nil, err
	}
	s, err := c.checkSuite(where, m.CipherSuite, iana.VersionTLS13)
	if err != nil {
		return nil, err
	}
	c.t.SetVersion(iana.VersionTLS13)
	c.transcript.begin(s.Hash)
	c.transcript.retry()
	c.transcript.add(raw)
	c.result.HelloRetry = true
	return m, c.sendSecondHello(m)
}

// sendSecondHello changes ClientHello as the server asked and sends it again.
func (c *client) sendSecondHello(m *msg.HelloRetryRequest) error {
	const where, ref = "hello_retry_request", "RFC 9846 §4.3.8"
	wantsShare, hasCookie := m.Extensions.Has(iana.ExtKeyShare), m.Extensions.Has(iana.ExtCookie)
	if !wantsShare && !hasCookie {
		return alert.Illegal(where, "RFC 9846 §4.2.4", "it asks for no change")
	}
	if wantsShare {
		g := c.cfg.group(m.SelectedGroup)
		if g == nil || !slices.Contains(c.hello.SupportedGroups, m.SelectedGroup) {
			return alert.Illegal(where+".key_share.selected_group", ref, "%v was not offered", m.SelectedGroup)
		}
		if shareFor(c.hello, m.SelectedGroup) != nil {
			return alert.Illegal(where+".key_share.selected_group", ref, "a share for %v was already sent", m.SelectedGroup)
		}
		c.wipeShares()
		c.hello.KeyShares = nil
		if _, err := c.offerShare(g); err != nil {
			return err
		}
	}
	if hasCookie {
		c.hello.HRRCookie = m.Cookie
		c.hello.Extensions.Add(iana.ExtCookie)
	}
	if err := c.retractEarlyData(); err != nil {
		return err
	}
	c.reofferSession(suite.ByID(m.CipherSuite).Hash)
	if err := c.changeCipherSpec(); err != nil { // Appendix E.4: before the second flight
		return err
	}
	if err := c.sendHello(); err != nil {
		return err
	}
	return c.t.Flush()
}

// recvServerHello checks what holds for both versions and settles version and suite.
func (c *client) recvServerHello(raw []byte, retried *msg.HelloRetryRequest) (*msg.ServerHello, error) {
	const where, ref = "server_hello", "RFC 9846 §4.2.3"
	if isRetry(raw) {
		return nil, alert.Unexpected("hello_retry_request", "RFC 9846 §4.2.4", "it came a second time")
	}
	m := &msg.ServerHello{}
	if err := msg.DecodeInto(m, &c.layout, raw); err != nil {
		return nil, err
	}
	v, err := c.checkVersion(m, retried)
	if err != nil {
		return nil, err
	}
	if err := c.checkEarlyVersion(v); err != nil {
		return nil, err
	}
	c.t.SetVersion(v) // what is wrong beyond it, the server is told in it
	if err := c.checkSentinel(m, v); err != nil {
		return nil, err
	}
	if err := order.CheckExtensions(order.Of(m), v, &m.Extensions, c.requested); err != nil {
		return nil, err
	}
	s, err := c.checkSuite(where, m.CipherSuite, v)
	if err != nil {
		return nil, err
	}
	if retried != nil && m.CipherSuite != retried.CipherSuite {
		return nil, alert.Illegal(where+".cipher_suite", "RFC 9846 §4.2.4",
			"%v, but HelloRetryRequest said %v", m.CipherSuite, retried.CipherSuite)
	}
	if m.CompressionMethod != 0 {
		return nil, alert.Illegal(where+".legacy_compression_method", ref, "method %d was not offered", m.CompressionMethod)
	}
	c.layout.Version, c.result.Version, c.result.Suite = v, v, s
	if retried == nil {
		c.transcript.keep = v <= iana.VersionTLS12
		c.transcript.begin(s.TranscriptHash(v))
	}
	c.transcript.add(raw)
	return m, nil
}

// checkVersion returns the version that the server chose.
func (c *client) checkVersion(m *msg.ServerHello, retried *msg.HelloRetryRequest) (iana.Version, error) {
	v := m.LegacyVersion
	if m.Extensions.Has(iana.ExtSupportedVersions) {
		if v = m.SelectedVersion; v < iana.VersionTLS13 || !c.cfg.allows(v) {
			return 0, alert.Illegal("server_hello.supported_versions.selected_version", "RFC 9846 §4.3.1", "%v was not offered there", v)
		}
		return v, nil
	}
	if retried != nil {
		return 0, alert.Illegal("server_hello", "RFC 9846 §4.2.4", "it is not of TLS 1.3, as the HelloRetryRequest before it was")
	}
	if v >= iana.VersionTLS13 || !c.cfg.allows(v) {
		return 0, alert.NoCommonGround("server_hello.legacy_version", "RFC 5246 §7.4.1.3",
			"the server chose %v, we offered %v to %v", v, c.cfg.MinVersion, c.cfg.MaxVersion).
			With(iana.AlertProtocolVersion)
	}
	return v, nil
}

// checkSentinel looks for signs that somebody talked the two ends into an older version.
func (c *client) checkSentinel(m *msg.ServerHello, v iana.Version) error {
	if v < iana.VersionTLS13 && hasSentinel(&m.Random, v, c.cfg.MaxVersion) {
		return alert.Illegal("server_hello.random", "RFC 9846 §4.2.3",
			"it ends in the downgrade sentinel: the server speaks a newer version, somebody in between does not want it")
	}
	return nil
}

// checkEcho checks the fields of a TLS 1.3 ServerHello that only repeat.
func (c *client) checkEcho(where string, legacy iana.Version, sessionID []byte, compression uint8) error {
	const ref = "RFC 9846 §4.2.3"
	switch {
	case legacy != iana.VersionTLS12:
		return alert.Illegal(where+".legacy_version", ref, "%v, where TLS 1.3 always says TLS 1.2", legacy).
			With(iana.AlertProtocolVersion)
	case !bytes.Equal(sessionID, c.hello.SessionID):
		return alert.Illegal(where+".legacy_session_id_echo", ref, "it is not what was sent")
	case compression != 0:
		return alert.Illegal(where+".legacy_compression_method", ref, "method %d was not offered", compression)
	}
	return nil
}

func (c *client) checkSuite(where string, id iana.CipherSuite, v iana.Version) (*suite.Suite, error) {
	s := c.cfg.suite(id, v)
	if s == nil {
		return nil, alert.Illegal(where+".cipher_suite", "RFC 9846 §4.2.3", "%v was not offered for %v", id, v)
	}
	return s, nil
}

// requested reports whether our ClientHello has the extension t.
func (c *client) requested(t iana.ExtensionType) bool { return c.hello.Extensions.Has(t) }

// judge decides about the server's certificates and remembers them.
func (c *client) judge(use auth.Use, shown [][]byte, stapled auth.Peer) error {
	peer, err := judge(c.cfg.Trust, use, shown, c.types.server == iana.CertTypeRawPublicKey, c.cfg.Now())
	peer.OCSP, peer.SCTs = stapled.OCSP, stapled.SCTs
	c.result.Peer = peer
	return err
}

// judge decides about what a peer shows: a chain or, where raw, its key alone (RFC 7250).
func judge(t *auth.Trust, use auth.Use, shown [][]byte, raw bool, now time.Time) (auth.Peer, error) {
	if raw {
		return t.JudgeKey(shown)
	}
	return t.JudgeFor(use, shown, now)
}

// useOf is what a handshake with s does with the key of the server's certificate.
func useOf(s *suite.Suite) auth.Use {
	if s.KeyExchange == suite.KeyExchangeRSA {
		return auth.ToEncipher
	}
	return auth.ToSign
}

// The last bytes of the random of a server that speaks a newer version than it chose
// (RFC 9846 §4.2.3).
var (
	sentinel12 = [8]byte{'D', 'O', 'W', 'N', 'G', 'R', 'D', 1}
	sentinel11 = [8]byte{'D', 'O', 'W', 'N', 'G', 'R', 'D', 0}
)

// hasSentinel reports whether the random of a server that chose version chosen says that it
// would have spoken one of ours that is newer.
func hasSentinel(random *[32]byte, chosen, newest iana.Version) bool {
	tail := [8]byte(random[24:])
	return newest >= iana.VersionTLS13 && tail == sentinel12 ||
		newest > max(chosen, iana.VersionTLS11) && tail == sentinel11
}
