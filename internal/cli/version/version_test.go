package version

import (
	"bytes"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/explain"
)

func TestVersion(t *testing.T) {
	build := &debug.BuildInfo{
		GoVersion: "go1.26.8", Main: debug.Module{Version: "v0.1.0"},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123abcd"}, {Key: "vcs.time", Value: "2026-11-20T10:00:00Z"}, {Key: "vcs.modified", Value: "true"},
		},
	}
	platform := runtime.GOOS + "/" + runtime.GOARCH
	for _, tc := range []struct {
		build *debug.BuildInfo
		args  []string
		want  string
	}{
		{build, nil, "akushu v0.1.0 commit 0123abcd (modified)\ngo1.26.8 " + platform + "\n"},
		{&debug.BuildInfo{GoVersion: "go1.26.8"}, nil, "akushu (devel)\ngo1.26.8 " + platform + "\n"},
		{nil, nil, "akushu (devel)\n" + runtime.Version() + " " + platform + "\n"},
		{build, []string{"--json"}, `{"version":"v0.1.0","commit":"0123abcd","time":"2026-11-20T10:00:00Z","modified":true,"go":"go1.26.8","os":"` +
			runtime.GOOS + `","arch":"` + runtime.GOARCH + `"}` + "\n"},
	} {
		var out bytes.Buffer
		env := &cli.Env{Out: &out, Words: explain.For(explain.English)}
		cmd := New(env, func() (*debug.BuildInfo, bool) { return tc.build, tc.build != nil })
		cmd.SetArgs(tc.args)
		if err := cmd.Execute(); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != tc.want {
			t.Errorf("version %v: got\n%s, want\n%s", tc.args, got, tc.want)
		}
	}
}
