package handshake

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/suite"
)

// Negotiation is pure: what a hello offers and what the policy allows go in, the choice or
// the reason why there is none comes out.

// versions lists what p allows, the newest first.
func (p *Policy) versions() []iana.Version {
	all := make([]iana.Version, 0, 4) // as many as there are
	for v := p.MaxVersion; v >= max(p.MinVersion, iana.VersionTLS10); v-- {
		all = append(all, v)
	}
	return all
}

func (p *Policy) allows(v iana.Version) bool { return p.MinVersion <= v && v <= p.MaxVersion }

// suites lists p's suites for version v.
func (p *Policy) suites(v iana.Version) []*suite.Suite {
	var all []*suite.Suite
	for _, s := range p.Suites {
		if s.Supports(v) {
			all = append(all, s)
		}
	}
	return all
}

func (p *Policy) suite(id iana.CipherSuite, v iana.Version) *suite.Suite {
	for _, s := range p.Suites {
		if s.ID == id && s.Supports(v) {
			return s
		}
	}
	return nil
}

func (p *Policy) group(id iana.NamedGroup) *suite.Group {
	for _, g := range p.Groups {
		if g.ID == id {
			return g
		}
	}
	return nil
}

// groups lists the groups of p that can be used in version v: hybrids are for TLS 1.3.
func (p *Policy) groups(v iana.Version) []*suite.Group {
	var all []*suite.Group
	for _, g := range p.Groups {
		if g.Supports(v) {
			all = append(all, g)
		}
	}
	return all
}

// schemes lists the code points for signatures that p accepts.
func (p *Policy) schemes() []iana.SignatureScheme {
	all := make([]iana.SignatureScheme, len(p.Schemes))
	for i, s := range p.Schemes {
		all[i] = s.ID
	}
	return all
}

// offeredVersions is what a client offers: supported_versions, or everything up to
// legacy_version where that is missing (RFC 9846 §4.3.1, Appendix E.2).
func offeredVersions(hello *msg.ClientHello) []iana.Version {
	if hello.Extensions.Has(iana.ExtSupportedVersions) {
		return hello.SupportedVersions
	}
	var all []iana.Version
	for v := min(hello.LegacyVersion, iana.VersionTLS12); v >= iana.VersionTLS10; v-- {
		all = append(all, v)
	}
	return all
}

// chooseVersion picks the newest version that both ends allow. Only a client that offers TLS 1.3
// is held to a legacy_version of TLS 1.2: crypto/tls says there what it ends at, if that is less.
func chooseVersion(p *Policy, hello *msg.ClientHello) (iana.Version, error) {
	if slices.Contains(hello.SupportedVersions, iana.VersionTLS13) && hello.LegacyVersion != iana.VersionTLS12 {
		return 0, alert.Illegal("client_hello.legacy_version", "RFC 9846 §4.2.2",
			"%v, where a client that offers TLS 1.3 always says TLS 1.2", hello.LegacyVersion).
			With(iana.AlertProtocolVersion)
	}
	offered := offeredVersions(hello)
	for _, v := range p.versions() {
		if slices.Contains(offered, v) {
			return v, nil
		}
	}
	return 0, alert.NoCommonGround("client_hello.supported_versions", "RFC 9846 §4.3.1",
		"the client offers %s, this server speaks %v to %v", list(offered), p.MinVersion, p.MaxVersion).
		With(iana.AlertProtocolVersion)
}

// mostListed bounds what an error message lists of a peer's offer.
const mostListed = 30

// list prints code points for an error message, without GREASE.
func list[T interface {
	~uint16
	String() string
}](codes []T,
) string {
	var names []string
	for _, c := range codes {
		if len(names) == mostListed {
			names = append(names, "…")
			break
		}
		if !iana.IsGREASE(uint16(c)) {
			names = append(names, c.String())
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func noSuite(offered []iana.CipherSuite) error {
	return alert.NoCommonGround("client_hello.cipher_suites", "RFC 9846 §4.2.1",
		"no cipher suite in common; the client offers %s", list(offered))
}

// chooseGroup picks a group for TLS 1.3 and the client's share for it; the share is nil
// where a HelloRetryRequest must ask for one. Our first choice among those that come with
// a share wins, so that no round trip is lost, except that a post-quantum group is
// worth one.
func chooseGroup(p *Policy, hello *msg.ClientHello) (*suite.Group, []byte, error) {
	var first, shared *suite.Group
	var share []byte
	for _, g := range p.groups(iana.VersionTLS13) {
		if !slices.Contains(hello.SupportedGroups, g.ID) {
			continue
		}
		if first == nil {
			first = g
		}
		if s := shareFor(hello, g.ID); s != nil && shared == nil {
			shared, share = g, s
		}
	}
	switch {
	case first == nil:
		return nil, nil, alert.NoCommonGround("client_hello.supported_groups", "RFC 9846 §4.2.1",
			"no group in common; the client offers %s", list(hello.SupportedGroups))
	case shared == nil || first.PostQuantum && !shared.PostQuantum:
		return first, nil, nil
	}
	return shared, share, nil
}

func shareFor(hello *msg.ClientHello, id iana.NamedGroup) []byte {
	for _, s := range hello.KeyShares {
		if s.Group == id {
			return s.KeyExchange
		}
	}
	return nil
}

// maxHostName is the length of the longest name of the DNS (RFC 1035 §2.3.4).
const maxHostName = 255

// serverName returns the host name that the client asks for, or "" (RFC 6066 §3).
func serverName(hello *msg.ClientHello) (string, error) {
	const where, ref = "client_hello.server_name", "RFC 6066 §3"
	name := ""
	for _, n := range hello.ServerName {
		if n.NameType != 0 {
			continue
		}
		if name != "" {
			return "", alert.Illegal(where, ref, "two host names")
		}
		if len(n.HostName) > maxHostName {
			return "", alert.Illegal(where, ref, "a host name of %d bytes, the longest has %d", len(n.HostName), maxHostName)
		}
		name = string(n.HostName)
		if strings.ContainsRune(name, 0) {
			return "", alert.Illegal(where, ref, "%q is not a host name", name)
		}
	}
	return strings.TrimSuffix(name, "."), nil
}

// hostName is name as a client may send it in server_name: an IP address may not be
// (RFC 6066 §3).
func hostName(name string) string {
	host := strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if i := strings.IndexByte(host, '%'); i > 0 {
		host = host[:i]
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return ""
	}
	return strings.TrimRight(name, ".")
}

// facts says what hello tells about the client.
func facts(hello *msg.ClientHello, name string) *auth.ClientHelloFacts {
	f := &auth.ClientHelloFacts{
		ServerName:   name,
		Versions:     offeredVersions(hello),
		CipherSuites: hello.CipherSuites,
		Groups:       hello.SupportedGroups,
		PointFormats: hello.PointFormats,
		Schemes:      hello.SignatureAlgorithms,
		Delegated:    hello.DelegatedCredential,
		Authorities:  names(hello.Authorities),
	}
	for _, p := range hello.ALPN {
		f.ALPN = append(f.ALPN, string(p))
	}
	f.Extensions = make([]iana.ExtensionType, 0, len(hello.Extensions.Order))
	for _, e := range hello.Extensions.Order {
		f.Extensions = append(f.Extensions, e.Type)
	}
	return f
}

// sameHello checks that a second ClientHello differs from the first only where it may
// (RFC 9846 §4.2.2).
func sameHello(first, second *msg.ClientHello) error {
	const ref = "RFC 9846 §4.2.2"
	for _, f := range []struct {
		name string
		same bool
	}{
		{"legacy_version", first.LegacyVersion == second.LegacyVersion},
		{"random", first.Random == second.Random},
		{"legacy_session_id", bytes.Equal(first.SessionID, second.SessionID)},
		{"cipher_suites", slices.Equal(first.CipherSuites, second.CipherSuites)},
		{"legacy_compression_methods", bytes.Equal(first.CompressionMethods, second.CompressionMethods)},
	} {
		if !f.same {
			return alert.Illegal("client_hello."+f.name, ref, "the second ClientHello changed it")
		}
	}
	return sameExtensions(steady(first), steady(second))
}

// steady returns the extensions that a HelloRetryRequest may not change.
func steady(hello *msg.ClientHello) []msg.Extension {
	return slices.DeleteFunc(slices.Clone(hello.Extensions.Order), func(e msg.Extension) bool {
		switch e.Type {
		case iana.ExtKeyShare, iana.ExtEarlyData, iana.ExtPreSharedKey, iana.ExtPadding:
			return true // and a cookie, if we sent one
		}
		return false
	})
}

func sameExtensions(first, second []msg.Extension) error {
	for i := range max(len(first), len(second)) {
		switch {
		case i >= len(first):
			return changed(second[i].Type)
		case i >= len(second) || first[i].Type != second[i].Type || !bytes.Equal(first[i].Raw, second[i].Raw):
			return changed(first[i].Type)
		}
	}
	return nil
}

func changed(t iana.ExtensionType) error {
	return alert.Illegal("client_hello."+t.String(), "RFC 9846 §4.2.2", "the second ClientHello changed it")
}
