// Package inspect is the verb inspect: a capture file, shown connection by connection.
package inspect

import (
	"cmp"
	"context"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/akushu/akushu/internal/capture/file"
	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/cli/show"
	"github.com/akushu/akushu/internal/dissect"
	"github.com/akushu/akushu/observe"
)

type options struct {
	path    string
	secrets show.Secrets
	stream  int
	follow  bool
	bodies  string // a folder
	show    show.Options
	keys    cli.KeyFlags
}

// New makes the verb.
func New(env *cli.Env) *cobra.Command {
	o := options{stream: -1}
	words := env.Words
	cmd := cli.NewCommand(words, "inspect FILE|-", func(cmd *cobra.Command, args []string) error {
		o.path = args[0]
		return run(cmd.Context(), env, &o)
	})
	cmd.Args = cli.Args(words, "FILE")
	f := cmd.Flags()
	o.secrets.Register(f, words)
	o.show.Register(f, words)
	show.Stream(f, words, &o.stream)
	o.keys.Register(f, words)
	f.BoolVar(&o.follow, "follow", false, words.Text("help.flag.follow"))
	cli.String(f, words, &o.bodies, "export-http", "DIR", "")
	return cmd
}

// manyLines of key logs take so much memory that none is spent on speed.
const manyLines = 200_000

func run(ctx context.Context, env *cli.Env, o *options) error {
	if err := cmp.Or(o.show.Check(env.Words), o.keys.Check(env.Words)); err != nil {
		return err
	}
	o.show.Live = o.follow
	o.show.Ladders = o.show.Verbose || o.show.Hex || o.stream >= 0 || o.follow || o.keys.View() != observe.NoKeys
	save := cli.Spend()
	defer save()
	keys, err := o.secrets.Load(ctx, env, o.follow)
	if err != nil {
		return err
	}
	o.show.Keyless = o.secrets.Keyless(keys)
	reading := dissect.Options{Keys: keys, ListKeys: o.keys.View(), Filter: o.show.Filter, Stream: o.stream, Live: o.follow}
	reading.Watched = !o.show.JSON && (o.show.Ladders && o.stream < 0 || o.show.Filter != nil)
	opening := file.Options{Follow: o.follow}
	if o.follow {
		reading.Secrets = o.secrets.Follow(env)
		tick := func() {}
		opening.Idle = func() { tick() }
		reading.Ready = func(f func()) { tick = f }
	}
	if reading.Watched || keys.Len() >= manyLines {
		save()
	}
	src, err := file.Open(ctx, o.path, env.In, opening)
	if err != nil {
		return show.Unreadable(env, o.path, err)
	}
	defer src.Close()
	return o.read(ctx, env, src, &reading)
}

// read shows what is in a file.
func (o *options) read(ctx context.Context, env *cli.Env, src *file.File, reading *dissect.Options) error {
	shower := show.New(env, o.show)
	exporter, err := shower.Export(o.bodies)
	if err != nil {
		return err
	}
	progress := show.NewProgress(env, src)
	shower.Before(progress.Clear)
	if exporter == nil && !o.show.Ladders {
		reading.Workers = runtime.GOMAXPROCS(0)
	}
	reading.Watch, reading.Watches, reading.Done, reading.Omit = shower.Watch, shower.Watches, shower.Done, shower.Omits()
	totals, err := dissect.Run(ctx, src, *reading)
	progress.Stop()
	err = show.Unreadable(env, o.path, err)
	if !o.follow {
		err = cmp.Or(err, ctx.Err()) // it was not read to its end
	}
	err = cmp.Or(shower.Finish(), exporter.Finish(), err)
	if err == nil {
		o.advise(env, shower, totals)
	}
	return err
}

// advise says on standard error what the output does not.
func (o *options) advise(env *cli.Env, shower *show.Shower, totals dissect.Totals) {
	words := env.Words
	switch {
	case totals.Packets == 0:
		env.Warn(words.Text("cli.inspect_no_packets"))
	case o.stream >= totals.Connections:
		env.Warn(words.Text("cli.inspect_no_stream", o.stream, totals.Connections))
	case totals.Connections == 0:
		env.Warn(words.Text("cli.inspect_no_tcp", totals.Packets))
	case shower.Count() == 0:
		env.Note(words.Text("cli.inspect_no_match", totals.Connections))
	case o.show.JSON:
	case shower.Opened().Shut > 0 && !o.secrets.Any():
		env.Note(words.Text("cli.inspect_keys", shower.Opened().Shut))
	}
}
