// Package pack is the verb pack: a capture and the secrets that open it, in one file that other programs open decrypted.
package pack

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/akushu/akushu/internal/capture/file"
	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/cli/show"
	"github.com/akushu/akushu/internal/dissect"
	"github.com/akushu/akushu/keylog"
	"github.com/akushu/akushu/observe"
)

type options struct {
	in, out string
	secrets show.Secrets
}

// New makes the verb.
func New(env *cli.Env) *cobra.Command {
	var o options
	words := env.Words
	cmd := cli.NewCommand(words, "pack FILE|-", func(cmd *cobra.Command, args []string) error {
		o.in = args[0]
		if o.out == "" {
			return cli.Usage(words.Text("cli.arg_missing", cmd.CommandPath(), "--output FILE"))
		}
		return run(cmd.Context(), env, &o)
	})
	cmd.Args = cli.Args(words, "FILE")
	f := cmd.Flags()
	o.secrets.Register(f, words)
	cli.VarShort(f, words, "output", "o", "FILE", func(text string) error {
		o.out = text
		return nil
	})
	return cmd
}

// found is what was found in a capture.
type found struct {
	lines  []keylog.Line
	known  map[string]bool // lines, as they are written
	tls    int             // connections
	opened int             // of those
}

func (f *found) add(l keylog.Line) {
	text := string(l.AppendTo(nil))
	if !f.known[text] {
		f.known[text] = true
		f.lines = append(f.lines, l)
	}
}

func (f *found) count(c *dissect.Connection) {
	if c.Version == "" && len(c.Messages) == 0 {
		return
	}
	f.tls++
	if c.Decrypted && c.DecryptError == "" {
		f.opened++
	}
}

// run reads the capture twice: which secrets are needed is known at its end, and they must stand at its beginning. What
// is wrong with the capture is told when all that came before it is written.
func run(ctx context.Context, env *cli.Env, o *options) error {
	name, remove, err := twice(ctx, env, o.in)
	if err != nil {
		return err
	}
	defer remove()
	f, wrong := o.look(ctx, env, name)
	if f == nil {
		return wrong
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := o.write(ctx, env, name, f, wrong); err != nil {
		return err
	}
	env.Note(env.Words.Text("cli.packed", o.out, f.tls, f.opened, len(f.lines)))
	return wrong
}

// twice makes sure that the capture can be read twice. The function it returns takes away what that took.
func twice(ctx context.Context, env *cli.Env, name string) (string, func(), error) {
	if info, err := os.Stat(name); name != file.Stdin && (err != nil || info.Mode().IsRegular() || info.IsDir()) {
		return name, func() {}, nil
	}
	copied, err := os.CreateTemp("", "akushu-*.pcapng")
	if err != nil {
		return "", nil, env.FileError(os.TempDir(), err)
	}
	remove := func() { _ = os.Remove(copied.Name()) }
	_, err = env.CopyFile(ctx, copied, name)
	if err = errors.Join(err, copied.Close()); err != nil {
		remove()
		return "", nil, env.FileError(name, err)
	}
	return copied.Name(), remove, nil
}

// look finds out which secrets are needed. Where it could read nothing, the first result is nil.
func (o *options) look(ctx context.Context, env *cli.Env, name string) (*found, error) {
	keys, err := o.secrets.Load(ctx, env, false)
	if err != nil {
		return nil, err
	}
	if o.secrets.Among(o.out) {
		return nil, cli.Usage(env.Words.Text("cli.pack_onto_secrets", o.out))
	}
	src, err := file.Open(ctx, name, nil, file.Options{})
	if err != nil {
		return nil, show.Unreadable(env, o.in, err)
	}
	defer src.Close()
	f := &found{known: make(map[string]bool)}
	progress := show.NewProgress(env, src)
	_, err = dissect.Run(ctx, src, dissect.Options{Keys: keys, Stream: -1, Used: f.add, Done: f.count, Omit: observe.OmitHashes | observe.OmitDetails})
	progress.Stop()
	return f, show.Unreadable(env, o.in, err)
}
