package demo

import (
	"slices"

	"github.com/spf13/pflag"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/tls"
)

// A resumption is a way to resume a session: a second connection that goes on with what the
// first one agreed on.
type resumption struct {
	name     string
	versions []iana.Version // that have it, the one that is shown where none is named first
}

var resumptions = []resumption{
	{"id", []iana.Version{iana.VersionTLS12}},
	{"ticket", []iana.Version{iana.VersionTLS12, iana.VersionTLS13}},
	{"psk", []iana.Version{iana.VersionTLS13}},
}

func registerResume(flags *pflag.FlagSet, words *explain.Words, to *string) {
	var names []string
	for _, r := range resumptions {
		names = append(names, r.name)
	}
	cli.Var(flags, words, "resume", "id|ticket|psk", func(text string) error {
		*to = text
		if !slices.Contains(names, text) {
			return &iana.UnknownNameError{Kind: "way to resume", Name: text, Nearest: iana.Nearest(names, text)}
		}
		return nil
	})
}

// checkResume chooses the version where none is named, and refuses one that does not have
// the way to resume.
func (o *options) checkResume(words *explain.Words) error {
	for _, r := range resumptions {
		switch {
		case r.name != o.resume:
		case o.version == 0:
			o.version = r.versions[0]
		case !slices.Contains(r.versions, o.version):
			return cli.Usage(words.Text("cli.demo_resume_version", o.version, o.resume, r.versions[0]))
		}
	}
	return nil
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
}
