package session

import (
	"testing"
	"time"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
)

// facts are those of a handshake in which s may be resumed.
func facts(s *State) *Facts {
	return &Facts{
		Version: s.Version, Suites: []iana.CipherSuite{s.Suite}, ServerName: s.ServerName, ALPN: s.ALPN, Auth: s.Auth,
		ExtendedMain: s.ExtendedMain, Now: s.Created.Add(time.Minute),
	}
}

// Each row breaks one thing of a handshake in which the session would be resumed.
func TestMatches(t *testing.T) {
	var covered []Code
	for _, c := range []struct {
		name   string
		state  func() *State
		break_ func(*State, *Facts)
		want   Code
	}{
		{"TLS 1.3", server13, func(*State, *Facts) {}, OK},
		{"TLS 1.2", server12, func(*State, *Facts) {}, OK},
		{"another suite of the hash", server13, func(_ *State, f *Facts) { f.Suites = suites(iana.TLS_CHACHA20_POLY1305_SHA256) }, OK},
		{"one of the suites", server12, func(s *State, f *Facts) { f.Suites = suites(iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, s.Suite) }, OK},
		{"the last second", server12, func(s *State, f *Facts) { f.Now = s.Expires().Add(-1) }, OK},
		{"a clock behind by a minute", server13, func(s *State, f *Facts) { f.Now = s.Created.Add(-time.Minute) }, OK},
		{"extended main secret offered beside TLS 1.3", server13, func(_ *State, f *Facts) { f.ExtendedMain = true }, OK},
		{"extended main secret said of TLS 1.3", server13, func(s *State, _ *Facts) { s.ExtendedMain = true }, OK},

		{"TLS 1.2 now", server13, func(_ *State, f *Facts) { f.Version = iana.VersionTLS12 }, SessionVersion},
		{"TLS 1.3 now", server12, func(_ *State, f *Facts) { f.Version = iana.VersionTLS13 }, SessionVersion},
		{"another hash", server13, func(_ *State, f *Facts) { f.Suites = suites(iana.TLS_AES_256_GCM_SHA384) }, SessionSuite},
		{"another suite of the hash in 1.2", server12, func(_ *State, f *Facts) { f.Suites = suites(iana.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) }, SessionSuite},
		{"a suite of 1.2 with the hash", server13, func(_ *State, f *Facts) { f.Suites = suites(iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256) }, SessionSuite},
		{"a suite that nobody knows", server13, func(_ *State, f *Facts) { f.Suites = suites(0x1399) }, SessionSuite},
		{"expired", server12, func(s *State, f *Facts) { f.Now = s.Expires() }, SessionExpired},
		{"from the future", server13, func(s *State, f *Facts) { f.Now = s.Created.Add(-time.Minute - 1) }, SessionFuture},
		{"proved long ago", server13, func(s *State, f *Facts) { s.Authenticated = f.Now.Add(-MaxLifetime) }, SessionAuthAge},
		{"another name", server13, func(_ *State, f *Facts) { f.ServerName = "other.example" }, SessionServerName},
		{"no name", server13, func(_ *State, f *Facts) { f.ServerName = "" }, SessionServerName},
		{"another protocol", server13, func(_ *State, f *Facts) { f.ALPN = "http/1.1" }, SessionALPN},
		{"no protocol", server12, func(_ *State, f *Facts) { f.ALPN = "" }, SessionALPN},
		{"client certificates required now", server13, func(_ *State, f *Facts) { f.Auth = server12().Auth }, SessionAuthPolicy},
		{"extended main secret offered anew", server12, func(s *State, _ *Facts) { s.ExtendedMain = false }, SessionMainUpgraded},
		{"no extended main secret", server12, func(s *State, f *Facts) { s.ExtendedMain, f.ExtendedMain = false, false }, SessionMainLegacy},
		{"extended main secret gone", server12, func(_ *State, f *Facts) { f.ExtendedMain = false }, SessionMainMissing},
	} {
		s := c.state()
		f := facts(s)
		c.break_(s, f)
		if ok, got := Matches(s, f); got != c.want || ok != (c.want == OK) {
			t.Errorf("%s: got %t, %q, want %q", c.name, ok, string(got), string(c.want))
		}
		if c.want != OK {
			covered = append(covered, c.want)
		}
	}
	wantEach(t, covered, rulesOf(matchRules))
}

// A session that would not be resumed anyway does not end a handshake.
func TestAbortOnlyWhenResumed(t *testing.T) {
	s := server12()
	f := facts(s)
	f.ExtendedMain, f.Now = false, s.Expires()
	if _, why := Matches(s, f); why.Abort() != nil {
		t.Errorf("got %v for an expired session, want none", why.Abort())
	}
}

func suites(ids ...iana.CipherSuite) []iana.CipherSuite { return ids }

func offer(s *State) *Offer {
	return &Offer{
		MinVersion: iana.VersionTLS12, MaxVersion: iana.VersionTLS13, Suites: suites(s.Suite), ServerName: s.ServerName,
		ALPN: []string{"http/1.1", s.ALPN}, Now: s.Created.Add(time.Minute),
	}
}

func TestOfferable(t *testing.T) {
	var covered []Code
	for _, c := range []struct {
		name   string
		state  func() *State
		break_ func(*State, *Offer)
		want   Code
	}{
		{"TLS 1.3", client13, func(*State, *Offer) {}, OK},
		{"TLS 1.2", server12, func(*State, *Offer) {}, OK},
		{"another suite of the hash", server13, func(_ *State, o *Offer) { o.Suites = suites(iana.TLS_CHACHA20_POLY1305_SHA256) }, OK},
		{"another protocol", client13, func(_ *State, o *Offer) { o.ALPN = nil }, OK},

		{"TLS 1.2 at most", client13, func(_ *State, o *Offer) { o.MaxVersion = iana.VersionTLS12 }, SessionVersion},
		{"TLS 1.3 at least", server12, func(_ *State, o *Offer) { o.MinVersion = iana.VersionTLS13 }, SessionVersion},
		{"another hash", client13, func(_ *State, o *Offer) { o.Suites = suites(iana.TLS_AES_128_GCM_SHA256) }, SessionSuite},
		{"expired", client13, func(s *State, o *Offer) { o.Now = s.Expires() }, SessionExpired},
		{"from the future", client13, func(s *State, o *Offer) { o.Now = s.Created.Add(-1) }, SessionFuture},
		{"proved long ago", client13, func(s *State, o *Offer) { s.Authenticated = o.Now.Add(-MaxLifetime) }, SessionAuthAge},
		{"another name", client13, func(_ *State, o *Offer) { o.ServerName = "other.example" }, SessionServerName},
		{"no extended main secret", server12, func(s *State, _ *Offer) { s.ExtendedMain = false }, SessionMainLegacy},
	} {
		s := c.state()
		o := offer(s)
		c.break_(s, o)
		if ok, got := Offerable(s, o); got != c.want || ok != (c.want == OK) {
			t.Errorf("%s: got %t, %q, want %q", c.name, ok, string(got), string(c.want))
		}
		if c.want != OK {
			covered = append(covered, c.want)
		}
	}
	wantEach(t, covered, rulesOf(offerRules))
}

func TestCheckResumed(t *testing.T) {
	s := server12()
	for _, c := range []struct {
		name         string
		version      iana.Version
		suite        iana.CipherSuite
		extendedMain bool
		want         iana.Alert
	}{
		{"another version", iana.VersionTLS11, s.Suite, true, iana.AlertIllegalParameter},
		{"another suite", s.Version, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, true, iana.AlertIllegalParameter},
		{"no extended main secret", s.Version, s.Suite, false, iana.AlertHandshakeFailure},
	} {
		if err := CheckResumed(s, c.version, c.suite, c.extendedMain); err == nil || alert.For(err) != c.want {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	s.ExtendedMain = false
	if err := CheckResumed(s, s.Version, s.Suite, true); err == nil || alert.For(err) != iana.AlertHandshakeFailure {
		t.Errorf("an extended main secret that the session has not: got %v, want %v", err, iana.AlertHandshakeFailure)
	}
	if err := CheckResumed(s, s.Version, s.Suite, false); err != nil {
		t.Errorf("as it was: got %v", err)
	}
}
