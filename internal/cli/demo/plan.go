package demo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/tls"
)

// versions is a list of versions; the first one is shown where nothing else is asked for.
type versions []iana.Version

var (
	only13  = versions{iana.VersionTLS13}
	newest  = versions{iana.VersionTLS13, iana.VersionTLS12}
	older   = versions{iana.VersionTLS12, iana.VersionTLS11, iana.VersionTLS10}
	all     = append(older[:1:1], iana.VersionTLS13, iana.VersionTLS11, iana.VersionTLS10)
	nothing = versions{}
)

// A choice is one of the values of a flag, with the versions that have it.
type choice struct {
	name string
	versions
}

// resumptions are the ways to resume a session: a second connection goes on with what the
// first one agreed on.
var resumptions = []choice{{"id", older}, {"ticket", all}, {"psk", only13}}

// exchanges are the key exchanges. Those without ephemeral keys went with TLS 1.2.
var exchanges = []choice{{"rsa", older}, {"dhe", all}, {"ecdhe", all}}

// register defines a flag for one of choices.
func register(flags *pflag.FlagSet, words *explain.Words, flag, kind string, choices []choice, to *string) {
	var names []string
	for _, c := range choices {
		names = append(names, c.name)
	}
	cli.Var(flags, words, flag, strings.Join(names, "|"), func(text string) error {
		*to = strings.ToLower(text)
		if !slices.Contains(names, *to) {
			return &iana.UnknownNameError{Kind: kind, Name: text, Nearest: iana.Nearest(names, *to)}
		}
		return nil
	})
}

// find returns the versions that have the choice with a name, none for an empty name.
func find(choices []choice, name string) versions {
	for _, c := range choices {
		if c.name == name {
			return c.versions
		}
	}
	return nothing
}

// forFlag is v where a flag is set.
func (v versions) forFlag(set bool) versions {
	if set {
		return v
	}
	return nothing
}

// wishes is what the flags ask for, each with the versions that have it; none where nothing
// is asked for.
func (o *options) wishes() []choice {
	named := nothing
	if o.version != 0 {
		named = versions{o.version}
	}
	return []choice{
		{fmt.Sprintf("--tls %s", strings.TrimPrefix(o.version.String(), "TLS ")), named},
		{"--kx " + o.kx, find(exchanges, o.kx)},
		{"--resume " + o.resume, find(resumptions, o.resume)},
		{"--early-data", only13.forFlag(o.earlyData)},
		{"--hello-retry", only13.forFlag(o.helloRetry)},
		{"--key-type " + o.keyType, newest.forFlag(o.keyType == "ed25519")},
	}
}

// settle chooses what is not named, and refuses what does not go together.
func (o *options) settle(words *explain.Words) error {
	wishes := slices.DeleteFunc(o.wishes(), func(w choice) bool { return len(w.versions) == 0 })
	for i, a := range wishes {
		for _, b := range wishes[:i] {
			if len(common(a.versions, b.versions)) == 0 {
				return clash(words, b, a)
			}
		}
	}
	left := newest
	for i, w := range wishes {
		if left = common(left, w.versions); i == 0 {
			left = w.versions
		}
	}
	o.version = left[0]
	if o.earlyData {
		o.resume = cmp.Or(o.resume, "psk")
	}
	return o.settleKey(words)
}

// clash is the error of two flags that no version has both of. Only the first may be --tls.
func clash(words *explain.Words, a, b choice) error {
	if len(a.versions) == 1 && strings.HasPrefix(a.name, "--tls ") {
		return cli.Usage(words.Text("cli.flag_version", b.name, list(b.versions), list(a.versions)))
	}
	return cli.Usage(words.Text("cli.demo_clash", a.name, list(a.versions), b.name, list(b.versions)))
}

// settleKey chooses a key that can do the key exchange: before TLS 1.3, RSA and DHE go with
// RSA certificates alone.
func (o *options) settleKey(words *explain.Words) error {
	if o.version == iana.VersionTLS13 || o.kx != "rsa" && o.kx != "dhe" {
		o.keyType = cmp.Or(o.keyType, cli.DefaultKeyType)
		return nil
	}
	o.keyType = cmp.Or(o.keyType, "rsa-2048")
	if !strings.HasPrefix(o.keyType, "rsa") {
		return cli.Usage(words.Text("cli.demo_needs_rsa", o.kx, o.keyType), words.Text("hint.did_you_mean", "--key-type rsa-2048"))
	}
	return nil
}

// common is what is in both, in the order of a.
func common(a, b versions) versions {
	return slices.DeleteFunc(slices.Clone(a), func(v iana.Version) bool { return !slices.Contains(b, v) })
}

// list names versions, the newest first.
func list(v versions) string {
	v = slices.Clone(v)
	slices.SortFunc(v, func(a, b iana.Version) int { return cmp.Compare(b, a) })
	names := make([]string, len(v))
	for i := range v {
		names[i] = v[i].String()
	}
	return strings.Join(names, ", ")
}

// connections is how many there are.
func (o *options) connections() int {
	if o.resume == "" {
		return 1
	}
	return 2
}

// setResume has both ends keep sessions, and the client insist on resuming the second time.
func (o *options) setResume(client, server *tls.Config) {
	if o.resume == "" {
		return
	}
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	if o.resume == "id" {
		server.SessionTicketsDisabled = true
		server.ServerSessionCache = tls.NewLRUServerSessionCache(1)
	}
	if o.earlyData {
		server.MaxEarlyData = maxEarlyData
		client.ReplayEarlyData = true // a request for a page does no harm twice
	}
}

// maxEarlyData is how many bytes of early data the server takes: more than a request has.
const maxEarlyData = 4096

// groups are those of the key exchanges in TLS 1.3, where suites say nothing of it. The last
// one is what the server has where the client is to guess wrong.
var groups = map[string][]tls.CurveID{
	"":      {tls.X25519, tls.CurveP256},
	"ecdhe": {tls.X25519, tls.CurveP256},
	"dhe":   {tls.CurveID(iana.GroupFFDHE3072), tls.CurveID(iana.GroupFFDHE2048)},
}

// setExchange has both ends exchange keys as they are told to: before TLS 1.3, the suites say
// how.
func (o *options) setExchange(client, server *tls.Config) {
	switch {
	case o.version != iana.VersionTLS13:
		client.CipherSuites = suitesOf(o.kx, o.version)
		server.CipherSuites = client.CipherSuites
	case o.helloRetry: // the client sends a share for the first group, the server wants the last
		client.CurvePreferences = groups[o.kx]
		server.CurvePreferences = groups[o.kx][1:]
	case o.kx != "":
		client.CurvePreferences = groups[o.kx]
		server.CurvePreferences = groups[o.kx]
	}
}

// suitesOf are the suites with a key exchange, nil for those of the default policy.
func suitesOf(exchange string, v iana.Version) (ids []uint16) {
	kind, named := map[string]suite.KeyExchange{
		"rsa": suite.KeyExchangeRSA, "dhe": suite.KeyExchangeDHE, "ecdhe": suite.KeyExchangeECDHE,
	}[exchange]
	for _, s := range suite.Usable() {
		if named && s.KeyExchange == kind && s.Supports(v) {
			ids = append(ids, uint16(s.ID))
		}
	}
	return ids
}
