// Package capture is the verb capture: packets from an interface, shown connection by connection as these end.
package capture

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/akushu/akushu/internal/capture/capfilter"
	"github.com/akushu/akushu/internal/capture/file"
	"github.com/akushu/akushu/internal/capture/live"
	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/cli/show"
	"github.com/akushu/akushu/internal/dissect"
	"github.com/akushu/akushu/internal/iana"
)

type options struct {
	iface    string
	live     live.Options
	file     string
	rotation file.Rotation
	count    int
	secrets  show.Secrets
	show     show.Options
}

// New makes the verb.
func New(env *cli.Env) *cobra.Command {
	o := options{show: show.Options{Live: true, Ladders: true}}
	words := env.Words
	cmd := cli.NewCommand(words, "capture", func(cmd *cobra.Command, _ []string) error {
		if err := o.check(cmd, env); err != nil {
			return err
		}
		return run(cmd.Context(), env, &o)
	})
	f := cmd.Flags()
	cli.VarShort(f, words, "interface", "i", "IFACE", func(text string) error {
		o.iface = text
		return nil
	})
	cli.VarShort(f, words, "capture-filter", "f", "EXPR", func(text string) error {
		o.live.Filter = text
		if _, err := capfilter.Compile(text, capfilter.Ethernet); err != nil {
			return cli.Usage(err.Error())
		}
		return nil
	})
	cli.VarShort(f, words, "write", "w", "FILE", func(text string) error {
		o.file = text
		return nil
	})
	cli.Var(f, words, "rotate-size", "MB", number(words.Text("cli.number_bad"), func(n int) { o.rotation.Bytes = int64(n) * 1e6 }))
	f.DurationVar(&o.rotation.Age, "rotate-every", 0, words.Text("help.flag.rotate-every"))
	cli.Var(f, words, "keep", "N", number(words.Text("cli.number_bad"), func(n int) { o.rotation.Files = n }))
	cli.VarShort(f, words, "count", "c", "N", number(words.Text("cli.number_bad"), func(n int) { o.count = n }))
	f.BoolVarP(&o.live.Promiscuous, "promiscuous", "p", false, words.Text("help.flag.promiscuous"))
	o.secrets.Register(f, words)
	o.show.Register(f, words)
	return cmd
}

// number reads a number from 1 on.
func number(wrong string, set func(int)) func(string) error {
	return func(text string) error {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil || n == 0 {
			return errors.New(wrong)
		}
		set(int(n))
		return nil
	}
}

// check looks at what the flags say together.
func (o *options) check(cmd *cobra.Command, env *cli.Env) error {
	words, f := env.Words, cmd.Flags()
	if o.iface == "" {
		return cli.Usage(words.Text("cli.arg_missing", cmd.CommandPath(), "-i IFACE"), words.Text("hint.see_help", cmd.CommandPath()))
	}
	for _, flag := range []string{"rotate-size", "rotate-every"} {
		if f.Changed(flag) && (o.file == "" || o.file == file.Stdin) {
			return cli.Usage(words.Text("cli.flag_needs", "--"+flag, "-w FILE"))
		}
	}
	if o.rotation.Age < 0 {
		return cli.Usage(words.Text("cli.flag_bad", "--rotate-every", o.rotation.Age, words.Text("cli.number_bad")))
	}
	if o.rotation.Files > 0 && o.rotation.Bytes == 0 && o.rotation.Age == 0 {
		return cli.Usage(words.Text("cli.flag_needs", "--keep", "--rotate-size, --rotate-every"))
	}
	if o.file == file.Stdin && o.show.JSON {
		return cli.Usage(words.Text("cli.flags_exclude", "--json", "-w -"))
	}
	return o.show.Check(words)
}

func run(ctx context.Context, env *cli.Env, o *options) error {
	keys, err := o.secrets.Load(ctx, env, true)
	if err != nil {
		return err
	}
	handle, err := live.Open(o.iface, o.live)
	if err != nil {
		return unable(env, err)
	}
	defer handle.Close()
	out, err := newOutput(env, o, handle.Interface())
	if err != nil {
		return env.FileError(o.file, err)
	}
	env.Tell(env.Words.Text("cli.capturing", o.iface))
	talk := *env
	if o.file == file.Stdin {
		talk.Out = env.Err
	}
	o.show.Keyless = o.secrets.Keyless(keys)
	shower := show.New(&talk, o.show)
	src := &source{ctx: ctx, handle: handle, out: out, left: o.count, tick: func() {}}
	_, err = dissect.Run(context.WithoutCancel(ctx), src, dissect.Options{ // to the last packet
		Keys: keys, Watch: shower.Watch, Watches: shower.Watches, Done: shower.Done, Omit: shower.Omits(), Watched: !o.show.JSON, Filter: o.show.Filter, Stream: -1, Used: out.secret,
		Secrets: o.secrets.Follow(env), Live: true, Ready: func(tick func()) { src.tick = tick },
	})
	err = cmp.Or(shower.Finish(), unable(env, err))
	if wrong := out.close(); wrong != nil {
		err = cmp.Or(err, env.FileError(o.file, wrong))
	}
	return cmp.Or(err, sum(env, handle, out, shower.Count()))
}

// sum tells the counters at the end.
func sum(env *cli.Env, handle *live.Handle, out *output, shown int) error {
	stats, err := handle.Stats()
	if err != nil {
		return err
	}
	words := env.Words
	env.Tell(words.Text("cli.captured", int(stats.Received), int(stats.Dropped), shown))
	if stats.Dropped > 0 {
		env.Warn(words.Text("cli.capture_dropped", int(stats.Dropped)))
	}
	if names := out.names(); names != "" {
		env.Tell(words.Text("cli.capture_written", names))
	}
	return nil
}

// unable is the error of a capture that cannot be, or cannot go on; nil where there is none.
func unable(env *cli.Env, err error) error {
	if err == nil {
		return nil
	}
	words := env.Words
	if e, ok := errors.AsType[*live.PrivilegeError](err); ok {
		return &cli.Error{Code: cli.ExitFailure, Text: words.Text("cli.capture_privilege", e.Err), Hints: []string{e.Setcap}, Err: err}
	}
	if e, ok := errors.AsType[*live.InterfaceError](err); ok {
		hints := []string{words.Text("hint.interfaces", strings.Join(e.Known, ", "))}
		if nearest := iana.Nearest(e.Known, e.Name); nearest != "" {
			hints = append([]string{words.Text("hint.did_you_mean", nearest)}, hints...)
		}
		return cli.Usage(words.Text("cli.capture_interface", e.Name), hints...)
	}
	text := env.Reason(err)
	switch {
	case errors.Is(err, live.ErrNotSupported):
		text = words.Text("cli.capture_unsupported")
	case errors.Is(err, live.ErrDown):
		text = words.Text("cli.capture_down")
	}
	return &cli.Error{Code: cli.ExitFailure, Text: text, Err: err}
}

// lookInterval is between two looks at whether packets have come, or an interrupt.
const lookInterval = 50 * time.Millisecond
