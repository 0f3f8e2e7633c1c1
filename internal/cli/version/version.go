// Package version is the verb version: of what akushu was built.
package version

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/akushu/akushu/internal/cli"
)

// Info says what a binary was built of.
type Info struct {
	Version  string `json:"version"`          // of the module, "(devel)" where it has none
	Commit   string `json:"commit,omitempty"` // hex
	Time     string `json:"time,omitempty"`   // of the commit, RFC 3339
	Modified bool   `json:"modified"`         // the tree held changes that are not in the commit
	Go       string `json:"go"`               // "go1.26.8"
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

// New makes the verb. read returns what the linker wrote into the binary:
// debug.ReadBuildInfo.
func New(env *cli.Env, read func() (*debug.BuildInfo, bool)) *cobra.Command {
	var asJSON bool
	cmd := cli.NewCommand(env.Words, "version", func(*cobra.Command, []string) error {
		info := newInfo(read())
		if asJSON {
			return json.NewEncoder(env.Out).Encode(info)
		}
		return info.write(env.Out)
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, env.Words.Text("help.flag.json"))
	return cmd
}

func newInfo(build *debug.BuildInfo, ok bool) Info {
	info := Info{Version: "(devel)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if !ok {
		return info
	}
	info.Go = build.GoVersion
	if build.Main.Version != "" {
		info.Version = build.Main.Version
	}
	for _, s := range build.Settings {
		switch s.Key {
		case "vcs.revision":
			info.Commit = s.Value
		case "vcs.time":
			info.Time = s.Value
		case "vcs.modified":
			info.Modified = s.Value == "true"
		}
	}
	return info
}

// write writes the information for people, in two lines that a bug report can quote.
func (i Info) write(w io.Writer) error {
	source := ""
	if i.Commit != "" {
		source = " commit " + i.Commit
		if i.Modified {
			source += " (modified)"
		}
	}
	_, err := fmt.Fprintf(w, "akushu %s%s\n%s %s/%s\n", i.Version, source, i.Go, i.OS, i.Arch)
	return err
}
