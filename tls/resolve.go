package tls

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/record"
	"github.com/akushu/akushu/internal/session"
	"github.com/akushu/akushu/internal/suite"
)

// resolved is what a Config amounts to: small values that do not change any more, of which
// a flow is handed those that it needs. It is made at the Config's first use, and serves
// both ends, since one Config may be used for either.
type resolved struct {
	client               handshake.ClientConfig // for Config.ServerName
	server               serverSetup            // for a connection that no callback asks about
	clientErr, serverErr error                  // why it cannot be used
	certificates         certificates
	identity             serverIdentity // asks no callback, so serves every connection
	trust                auth.Trust
	clientTrust          auth.Trust // of clients
	psks                 pskSource  // asks no callback
	resuming
	callbacks
	recordSizes
	earlyRules
}

// callbacks are the Config's, nil where it has none.
type callbacks struct {
	getConfigForClient    func(*ClientHelloInfo) (*Config, error)
	verifyPeerCertificate func(rawCerts [][]byte, verifiedChains [][]*x509.Certificate) error
	verifyConnection      func(ConnectionState) error
	getPreSharedKey       func(*ClientHelloInfo, []byte) (*PreSharedKey, error)
}

// resuming is what sessions are kept in, and sealed with.
type resuming struct {
	sessions  handshake.ClientResumption
	ticketing handshake.ServerResumption
	ids       session.IDs
	keys      *session.TicketKeys
}

// earlyRules say what becomes of early data.
type earlyRules struct {
	replayEarly bool // what is rejected may be sent again
	early       handshake.ServerEarlyData
	register    func() session.Register
}

// recordSizes are those of what is sent.
type recordSizes struct {
	dynamicRecords bool // records grow with the connection, instead of being large at once
	padding        int  // records of TLS 1.3 are filled up to multiples of it; 0: as they come
	largest        int  // bytes of content in a record; 0: as many as there may be
}

// serverSetup is what a server does for one connection. What a Config that
// GetConfigForClient returned says is in it once the flow has asked.
type serverSetup struct {
	handshake.ServerConfig
	recordSizes
}

// zero stands for a nil *Config.
var zero Config

// resolve returns what c amounts to. The first to come decides, if several do at once.
func (c *Config) resolve() *resolved {
	if c == nil {
		c = &zero
	}
	if r := c.resolved.Load(); r != nil {
		return r
	}
	c.resolved.CompareAndSwap(nil, newResolved(c))
	return c.resolved.Load()
}

// client returns what a client flow is given to reach the server called name, unless c
// has a name of its own. name may have the form of an address's host, "[::1]" too.
func (c *Config) client(name string) (*handshake.ClientConfig, error) {
	r := c.resolve()
	if err := cmp.Or(checkEnvironment(), r.clientErr); err != nil {
		return nil, err
	}
	if name = cmp.Or(r.client.ServerName, name); name == "" && !r.client.Trust.Skip {
		return nil, configError("ServerName", "it is empty, so that nobody knows whom to expect; only InsecureSkipVerify allows that")
	}
	if name == r.client.ServerName {
		return &r.client, nil
	}
	cfg, trust := r.client, *r.client.Trust
	cfg.ServerName, trust.Name = name, name
	cfg.Trust = &trust
	return &cfg, nil
}

// server returns what a server flow is given for a connection over conn.
func (c *Config) server(conn net.Conn) (*serverSetup, error) {
	r := c.resolve()
	if err := cmp.Or(checkEnvironment(), r.serverErr); err != nil {
		return nil, err
	}
	if r.getConfigForClient == nil && r.certificates.forClient == nil && r.getPreSharedKey == nil {
		return &r.server, nil
	}
	setup := r.server
	r.bind(&setup, conn)
	return &setup, nil
}

// bind gives setup the callbacks that are asked about one connection.
func (r *resolved) bind(setup *serverSetup, conn net.Conn) {
	if setup.Identity != nil {
		setup.Identity = &serverIdentity{&r.certificates, conn}
	}
	if setup.PSKs != nil {
		setup.PSKs = &pskSource{r, conn}
	}
	if r.getConfigForClient == nil {
		return
	}
	setup.ForClient = func(ctx context.Context, hello *auth.ClientHelloFacts) (*handshake.ServerConfig, error) {
		c, err := r.getConfigForClient(helloInfo(ctx, hello, conn))
		if err != nil {
			return nil, refused(err)
		}
		if c == nil {
			return nil, nil
		}
		other, err := c.server(conn)
		if err != nil {
			return nil, err
		}
		setup.recordSizes = other.recordSizes
		return r.lendKeys(c, &other.ServerConfig), nil
	}
}

// newResolved reads every field of c.
func newResolved(c *Config) *resolved {
	r := &resolved{
		callbacks: callbacks{
			getConfigForClient:    c.GetConfigForClient,
			verifyPeerCertificate: c.VerifyPeerCertificate,
			verifyConnection:      c.VerifyConnection,
		},
		recordSizes: recordSizes{!c.DynamicRecordSizingDisabled, c.RecordPadding, c.MaxRecordSize},
		trust:       auth.Trust{Roots: c.RootCAs, Name: c.ServerName, Usage: x509.ExtKeyUsageServerAuth, Skip: c.InsecureSkipVerify},
	}
	r.identity.certificates = &r.certificates
	policy, err := c.policy()
	err = cmp.Or(err, r.certificates.init(c, &r.client.Policy))
	env, hooks := c.env(), c.hooks()
	r.client = handshake.ClientConfig{
		Env: env, Policy: policy, Hooks: hooks,
		ServerName:        c.ServerName,
		Trust:             &r.trust,
		Identity:          clientIdentity{&r.certificates},
		PostHandshakeAuth: c.PostHandshakeAuth,
		Renegotiate:       handshake.Renegotiate(c.Renegotiation),
		Fallback:          slices.Contains(c.CipherSuites, TLS_FALLBACK_SCSV),
		MinFieldBits:      c.MinDHBits, MaxFieldBits: c.MaxDHBits,
	}
	r.server = serverSetup{handshake.ServerConfig{Env: env, Policy: policy, Hooks: hooks, Identity: &r.identity}, r.recordSizes}
	r.setClientAuth(c)
	r.setResumption(c)
	r.setEarlyData(c)
	r.setJudges()
	err = cmp.Or(err, r.setPSKs(c), r.setRawKeys(c), r.setDelegated(c))
	r.clientErr, r.serverErr = err, cmp.Or(err, c.checkServer())
	return r
}

func (c *Config) checkServer() error {
	if c.ClientAuth < NoClientCert || c.ClientAuth > RequireAndVerifyClientCert {
		return configError("ClientAuth", "there is no kind %d", int(c.ClientAuth))
	}
	if len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil && c.RawPublicKey == nil && len(c.DelegatedCredentials) == 0 && len(c.LegacyPSKs) == 0 && !c.knowsPSKs() {
		return configError("Certificates", "a server needs a certificate here, or GetCertificate, or GetConfigForClient")
	}
	return nil
}

func (c *Config) env() handshake.Env {
	env := handshake.Env{Rand: c.Rand, Now: c.Time}
	if env.Rand == nil {
		env.Rand = rand.Reader
	}
	if env.Now == nil {
		env.Now = time.Now
	}
	return env
}

func (c *Config) hooks() handshake.Hooks {
	if c.KeyLogWriter == nil {
		return handshake.Hooks{}
	}
	return handshake.Hooks{Secret: keyLogTo(c.KeyLogWriter).secret}
}

// setJudges gives the callbacks that judge a peer to the flows. VerifyPeerCertificate is the
// client's only, for a server sees no certificate.
func (r *resolved) setJudges() {
	if r.verifyPeerCertificate != nil {
		r.client.Peer = r.judgeChain
		if r.server.ClientAuth.Requests() {
			r.server.Peer = r.client.Peer
			return
		}
	}
	if r.verifyConnection == nil {
		return
	}
	if r.server.Peer = r.judge; r.client.Peer == nil {
		r.client.Peer = r.server.Peer
	}
}

// setClientAuth has a server ask for certificates, if c does.
func (r *resolved) setClientAuth(c *Config) {
	s := &r.server.ServerConfig
	s.ClientAuth, s.Clients = auth.ClientAuth(c.ClientAuth), r
	r.clientTrust = auth.Trust{Roots: c.ClientCAs, Usage: x509.ExtKeyUsageClientAuth, Skip: !s.ClientAuth.Verifies()}
	if !s.ClientAuth.Requests() {
		return
	}
	s.ClientTrust, s.ClientAuthorities = &r.clientTrust, authorities(c.ClientCAs)
	if s.ClientAuth.Requires() { // where a key is shared, no certificate is shown
		s.PSKs12 = nil
	}
}

// authorities are the names of those that vouch for clients; none where the system's do.
func authorities(pool *x509.CertPool) [][]byte {
	if pool == nil {
		return nil
	}
	//lint:ignore SA1019 a pool that somebody made has all its subjects
	return pool.Subjects()
}

// judgeChain asks VerifyPeerCertificate, then VerifyConnection.
func (r *resolved) judgeChain(result *handshake.Result) error {
	if result.Resumed || result.PSKIdentity != nil { // as in crypto/tls: who resumes was judged before
		return r.judge(result)
	}
	if err := r.judgeCertificates(result); err != nil {
		return err
	}
	return r.judge(result)
}

// judgeCertificates asks VerifyPeerCertificate.
func (r *resolved) judgeCertificates(result *handshake.Result) error {
	raw := make([][]byte, len(result.Peer.Certificates))
	for i, cert := range result.Peer.Certificates {
		raw[i] = cert.Raw
	}
	if err := r.verifyPeerCertificate(raw, result.Peer.Chains); err != nil {
		return distrusted(err)
	}
	return nil
}

// judge asks VerifyConnection.
func (r *resolved) judge(result *handshake.Result) error {
	if r.verifyConnection == nil {
		return nil
	}
	result.Exporter = guard(result.Exporter)
	if err := r.verifyConnection(connectionState(result, false)); err != nil {
		return distrusted(err)
	}
	return nil
}

// defaults is the default policy, the same for the life of the process.
var defaults = sync.OnceValue(func() handshake.Policy {
	return handshake.Policy{
		MinVersion: iana.VersionTLS12,
		MaxVersion: iana.VersionTLS13,
		Suites:     suite.Default(),
		Groups:     suite.DefaultGroups(),
		Schemes:    suite.DefaultSchemes(),
	}
})

// policy says what c is willing to do, or what is wrong with that.
func (c *Config) policy() (handshake.Policy, error) {
	p := defaults()
	err := cmp.Or(c.setVersions(&p), c.setLegacyPSKs(&p), c.setSuites(&p), c.setGroups(&p), c.setKeyShares(&p), c.setProtocols(&p), c.setRecords(&p), c.setCompression(&p), c.setPSKModes(&p),
		c.checkRenegotiation(), c.checkDHBits(), narrow(&p))
	return p, err
}

func (c *Config) setVersions(p *handshake.Policy) error {
	for _, bound := range []struct {
		field string
		value uint16
		at    *iana.Version
	}{{"MinVersion", c.MinVersion, &p.MinVersion}, {"MaxVersion", c.MaxVersion, &p.MaxVersion}} {
		v := iana.Version(bound.value)
		if v == 0 {
			continue
		}
		if oldest, newest := iana.VersionTLS10, defaults().MaxVersion; v < oldest || v > newest {
			return configError(bound.field, "%v is not spoken here, only %v to %v", v, oldest, newest)
		}
		*bound.at = v
	}
	if p.MinVersion > p.MaxVersion {
		return configError("MinVersion", "%v is above MaxVersion, %v", p.MinVersion, p.MaxVersion)
	}
	return nil
}

// setSuites honours the order in which the suites stand. TLS 1.3 keeps its defaults where
// none of its suites is named, as in crypto/tls.
func (c *Config) setSuites(p *handshake.Policy) error {
	if c.CipherSuites == nil || slices.Equal(c.CipherSuites, []uint16{TLS_FALLBACK_SCSV}) {
		if p.MinVersion < iana.VersionTLS12 {
			p.Suites = suite.DefaultSince(p.MinVersion)
		}
		if len(p.PSKs12) > 0 {
			p.Suites = append(sharing(p), p.Suites...)
		}
		return nil
	}
	list := make([]*suite.Suite, 0, len(c.CipherSuites)+len(p.Suites))
	named13 := false
	for _, id := range c.CipherSuites {
		if id == TLS_FALLBACK_SCSV {
			continue // it is a signal, see newResolved
		}
		s := usableSuite(p, iana.CipherSuite(id))
		if s == nil {
			return configError("CipherSuites", "%s is not a cipher suite that this package has", CipherSuiteName(id))
		}
		named13 = named13 || s.Supports(iana.VersionTLS13)
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	for _, s := range p.Suites {
		if !named13 && s.Supports(iana.VersionTLS13) {
			list = append(list, s)
		}
	}
	p.Suites = list
	return nil
}

func (c *Config) setGroups(p *handshake.Policy) error {
	if len(c.CurvePreferences) == 0 {
		if slices.ContainsFunc(p.Suites, func(s *suite.Suite) bool { return s.KeyExchange == suite.KeyExchangeDHE }) {
			p.Groups = slices.Concat(p.Groups, suite.DefaultFields())
		}
		return nil
	}
	list := make([]*suite.Group, 0, len(c.CurvePreferences))
	for _, id := range c.CurvePreferences {
		g := suite.GroupByID(iana.NamedGroup(id))
		if g == nil {
			return configError("CurvePreferences", "%v is not a group that this package has", iana.NamedGroup(id))
		}
		if !slices.Contains(list, g) {
			list = append(list, g)
		}
	}
	p.Groups = list
	return nil
}

// setProtocols takes names that fit into the extension (RFC 7301 §3.1).
func (c *Config) setProtocols(p *handshake.Policy) error {
	total := 0
	for _, name := range c.NextProtos {
		if len(name) == 0 || len(name) > 255 {
			return configError("NextProtos", "%q has %d bytes, a protocol's name has 1 to 255", name, len(name))
		}
		total += 1 + len(name)
	}
	if total > 1<<16-1 {
		return configError("NextProtos", "%d bytes of names, at most 65535 can be sent", total)
	}
	if c.RequireALPN && total == 0 {
		return configError("RequireALPN", "NextProtos is empty, so that there is nothing to require")
	}
	p.ALPN, p.RequireALPN = slices.Clone(c.NextProtos), c.RequireALPN
	return nil
}

// setRecords takes what says how large records are, and the values that mean nothing.
func (c *Config) setRecords(p *handshake.Policy) error {
	if n := c.RecordSizeLimit; n != 0 && (n < 64 || n > record.MaxPlaintext+1) {
		return configError("RecordSizeLimit", "%d bytes, a limit is from 64 to %d (RFC 8449 §4)", n, record.MaxPlaintext+1)
	}
	if n := c.MaxRecordSize; n != 0 && (n < 64 || n > record.MaxPlaintext) {
		return configError("MaxRecordSize", "%d bytes, it is from 64 to %d", n, record.MaxPlaintext)
	}
	if n := c.RecordPadding; n < 0 || n > record.MaxPlaintext {
		return configError("RecordPadding", "%d bytes, a record holds up to %d", n, record.MaxPlaintext)
	}
	p.RecordSizeLimit, p.GREASE = uint16(c.RecordSizeLimit), c.GREASE
	return nil
}

// narrow drops the versions for which p has no suite or no group, so that they are not
// offered.
func narrow(p *handshake.Policy) error {
	low, high := p.MinVersion, p.MaxVersion
	for p.MinVersion <= p.MaxVersion && !usable(p, p.MinVersion) {
		p.MinVersion++
	}
	for p.MinVersion <= p.MaxVersion && !usable(p, p.MaxVersion) {
		p.MaxVersion--
	}
	if p.MinVersion > p.MaxVersion {
		return configError("CipherSuites", "no suite with a group of CurvePreferences is for a version from %v to %v", low, high)
	}
	return nil
}

func usable(p *handshake.Policy, v iana.Version) bool {
	return slices.ContainsFunc(p.Suites, func(s *suite.Suite) bool { return s.Supports(v) && p.HasGroup(s, v) })
}

func (c *Config) checkDHBits() error {
	least, most := cmp.Or(c.MinDHBits, suite.MinFieldBits), cmp.Or(c.MaxDHBits, suite.MaxFieldBits)
	if least < 0 || most < least {
		return configError("MinDHBits", "no modulus has %d to %d bits", least, most)
	}
	return nil
}

// configError says which field of a Config cannot be carried out, and why.
func configError(field, format string, args ...any) error {
	return fmt.Errorf("tls: Config.%s: %w", field, fmt.Errorf(format, args...))
}
