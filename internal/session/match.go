package session

import (
	"crypto"
	"slices"
	"time"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
)

// Facts is what a server knows of a handshake when it considers resuming a session, or taking a PSK.
type Facts struct {
	Version iana.Version // that was chosen
	// Suites are the cipher suites that may be used: in TLS 1.3 the one that was chosen, before that all that the client
	// offers and policy allows. What counts is a suite of the same hash in TLS 1.3, the session's own before.
	Suites       []iana.CipherSuite
	ServerName   string      // as the client sent it
	ALPN         string      // that was chosen
	Auth         Fingerprint // of today's policy for client certificates
	ExtendedMain bool        // TLS 1.2: the client offers extended_main_secret
	Now          time.Time
}

// maxSkew is by how much the clocks of servers that share ticket keys may differ.
const maxSkew = time.Minute

type resumption struct {
	*State
	facts *Facts
}

var matchRules = []rule[resumption]{
	{SessionVersion, func(r resumption) bool { return r.Version == r.facts.Version }},
	{SessionSuite, func(r resumption) bool { return r.suitable(r.facts.Suites) }},
	{SessionExpired, func(r resumption) bool { return r.facts.Now.Before(r.Expires()) }},
	{SessionFuture, func(r resumption) bool { return !r.Created.After(r.facts.Now.Add(maxSkew)) }},
	{SessionAuthAge, func(r resumption) bool { return r.recent(r.facts.Now) }},
	{SessionServerName, func(r resumption) bool { return r.ServerName == r.facts.ServerName }},
	{SessionALPN, func(r resumption) bool { return r.ALPN == r.facts.ALPN }},
	{SessionAuthPolicy, func(r resumption) bool { return r.Auth == r.facts.Auth }},
	{SessionMainUpgraded, func(r resumption) bool { return r.bound() || !r.facts.ExtendedMain }},
	{SessionMainLegacy, func(r resumption) bool { return r.bound() }},
	// The last, because it ends the handshake, which a session that is not resumed anyway must not.
	{SessionMainMissing, func(r resumption) bool { return !r.needsMain() || r.facts.ExtendedMain }},
}

// Matches decides whether a server resumes s in the handshake of facts. Where it does not, the code says why, and
// [Code.Abort] whether the handshake ends.
func Matches(s *State, facts *Facts) (ok bool, why Code) {
	return decide(matchRules, resumption{s, facts})
}

// bound reports whether the session's secret is bound to the handshake that made it, as all of TLS 1.3 are.
func (s *State) bound() bool { return s.ExtendedMain || s.Version >= iana.VersionTLS13 }

// needsMain reports whether a ClientHello that resumes s must have extended_main_secret.
func (s *State) needsMain() bool { return s.ExtendedMain && s.Version < iana.VersionTLS13 }

// recent reports whether the peer proved who it is not too long ago (RFC 9846 §4.7.1).
func (s *State) recent(now time.Time) bool { return now.Before(s.Authenticated.Add(MaxLifetime)) }

// suitable reports whether one of the suites may be used with s.
func (s *State) suitable(suites []iana.CipherSuite) bool {
	if s.Version >= iana.VersionTLS13 {
		return anyOfHash(suites, s.Hash())
	}
	return slices.Contains(suites, s.Suite)
}

// anyOfHash reports whether one of the suites is TLS 1.3's and has that hash.
func anyOfHash(suites []iana.CipherSuite, h crypto.Hash) bool {
	return slices.ContainsFunc(suites, func(id iana.CipherSuite) bool {
		return id>>8 == tls13Suites && hashOf(id) == h
	})
}

// tls13Suites is the first byte of TLS 1.3's cipher suites (RFC 9846 Appendix B.4).
const tls13Suites = 0x13

// Offer is what a client is about to offer in a ClientHello.
type Offer struct {
	MinVersion, MaxVersion iana.Version
	Suites                 []iana.CipherSuite
	ServerName             string
	ALPN                   []string
	Now                    time.Time
}

type proposal struct {
	*State
	offer *Offer
}

var offerRules = []rule[proposal]{
	{SessionVersion, func(p proposal) bool { return p.offer.allows(p.Version) }},
	{SessionSuite, func(p proposal) bool { return p.suitable(p.offer.Suites) }},
	{SessionExpired, func(p proposal) bool { return p.offer.Now.Before(p.Expires()) }},
	{SessionFuture, func(p proposal) bool { return !p.Created.After(p.offer.Now) }},
	{SessionAuthAge, func(p proposal) bool { return p.recent(p.offer.Now) }},
	{SessionServerName, func(p proposal) bool { return p.ServerName == p.offer.ServerName }},
	{SessionMainLegacy, func(p proposal) bool { return p.bound() }},
}

// Offerable decides whether a client offers s together with offer.
func Offerable(s *State, offer *Offer) (ok bool, why Code) {
	return decide(offerRules, proposal{s, offer})
}

func (o *Offer) allows(v iana.Version) bool { return o.MinVersion <= v && v <= o.MaxVersion }

// CheckResumed checks, for a client of TLS 1.2 whose offer to resume s was taken, that the server goes on with what the
// session has (RFC 5246 §7.4.1.3; RFC 7627 §5.3). An error ends the handshake.
func CheckResumed(s *State, v iana.Version, suite iana.CipherSuite, extendedMain bool) error {
	const where = "server_hello"
	switch {
	case v != s.Version:
		return alert.Illegal(where+".server_version", "RFC 5246 §7.4.1.3", "%v, where the session that is resumed is of %v", v, s.Version)
	case suite != s.Suite:
		return alert.Illegal(where+".cipher_suite", "RFC 5246 §7.4.1.3", "%v, where the session that is resumed has %v", suite, s.Suite)
	case extendedMain != s.ExtendedMain:
		return alert.NoCommonGround(where+"."+iana.ExtExtendedMainSecret.String(), "RFC 7627 §5.3",
			"sent: %t, where for the session that is resumed it was %t", extendedMain, s.ExtendedMain)
	}
	return nil
}
