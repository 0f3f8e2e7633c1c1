// Package root is the command akushu itself: it puts the verbs together and runs one of
// them.
package root

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/cli/capture"
	"github.com/akushu/akushu/internal/cli/connect"
	"github.com/akushu/akushu/internal/cli/demo"
	"github.com/akushu/akushu/internal/cli/inspect"
	"github.com/akushu/akushu/internal/cli/pack"
	"github.com/akushu/akushu/internal/cli/serve"
	"github.com/akushu/akushu/internal/cli/version"
	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/internal/iana"
)

// Main runs the command line args, which do not begin with the program's name, and
// returns the code to end with. What went wrong has been told by then.
func Main(ctx context.Context, env *cli.Env, args []string) cli.ExitCode {
	if err := chooseLanguage(env, args); err != nil {
		return env.Report(err)
	}
	c := &command{env: env, args: args}
	c.build()
	c.root.SetArgs(args)
	err := c.root.ExecuteContext(ctx)
	return env.Report(errors.Join(err, c.helpErr))
}

// chooseLanguage looks for --lang before anything else does, as the texts of the flags have a
// language too.
func chooseLanguage(env *cli.Env, args []string) error {
	for i, arg := range args {
		code, given := strings.CutPrefix(arg, "--lang=")
		if arg == "--" {
			return nil
		}
		if arg == "--lang" && i+1 < len(args) {
			code, given = args[i+1], true
		}
		if !given {
			continue
		}
		lang, ok := explain.ParseLang(code)
		if !ok {
			return cli.Usage(env.Words.Text("cli.lang_unknown", code), env.Words.Text("hint.lang"))
		}
		env.Words = explain.For(lang)
	}
	return nil
}

// command is akushu with its verbs.
type command struct {
	env     *cli.Env
	args    []string
	root    *cobra.Command
	helpErr error // of writing the help, which cobra has no way to return
}

func (c *command) build() {
	cobra.EnableCommandSorting = false // the order of the help is ours
	c.root = cli.NewCommand(c.env.Words, "akushu", c.run)
	c.root.Args = cobra.ArbitraryArgs // run says which verb there is not
	c.root.SilenceErrors, c.root.SilenceUsage = true, true
	c.root.CompletionOptions.HiddenDefaultCmd = true
	c.root.SetIn(c.env.In)
	c.root.SetOut(c.env.Out)
	c.root.SetErr(c.env.Err)
	c.flags()
	c.root.SetHelpFunc(func(of *cobra.Command, _ []string) { c.helpErr = cli.Help(c.env.Out, of, c.env.Words) })
	c.root.SetHelpCommand(c.help())
	c.root.AddCommand(demo.New(c.env), serve.New(c.env), connect.New(c.env), inspect.New(c.env), capture.New(c.env), pack.New(c.env), version.New(c.env, debug.ReadBuildInfo))
}

// flags defines the flags of every verb.
func (c *command) flags() {
	words, set := c.env.Words, c.root.PersistentFlags()
	set.SortFlags = false
	cli.Var(set, words, "lang", "en|ja", func(string) error { return nil }) // chooseLanguage has read it
	set.BoolVar(&c.env.NoColor, "no-color", false, words.Text("help.flag.no-color"))
	set.BoolP("help", "h", false, words.Text("help.flag.help"))
	c.root.SetFlagErrorFunc(func(of *cobra.Command, err error) error {
		if verb := firstWord(c.args); of == c.root && verb != "" {
			return c.unknownVerb(verb)
		}
		return cli.FlagError(of, words, err)
	})
}

// run is akushu without a verb that there is.
func (c *command) run(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return c.unknownVerb(args[0])
	}
	return cli.Help(c.env.Out, c.root, c.env.Words)
}

// help is the verb help: of akushu, or of another verb.
func (c *command) help() *cobra.Command {
	help := cli.NewCommand(c.env.Words, "help [VERB]", func(_ *cobra.Command, args []string) error {
		of, rest, err := c.root.Find(args)
		if err != nil || len(rest) > 0 {
			return c.unknownVerb(args[0])
		}
		return cli.Help(c.env.Out, of, c.env.Words)
	})
	help.Args, help.Hidden = cobra.ArbitraryArgs, true
	return help
}

func (c *command) unknownVerb(name string) error {
	var names []string
	for _, verb := range c.root.Commands() {
		if !verb.Hidden {
			names = append(names, verb.Name())
		}
	}
	words := c.env.Words
	hint := words.Text("hint.see_help", c.root.Name())
	if nearest := iana.Nearest(names, name); nearest != "" {
		hint = words.Text("hint.did_you_mean", c.root.Name()+" "+nearest)
	}
	return cli.Usage(words.Text("cli.verb_unknown", name), hint)
}

// firstWord is the first argument that is no flag.
func firstWord(args []string) string {
	for i, arg := range args {
		if !strings.HasPrefix(arg, "-") && (i == 0 || args[i-1] != "--lang") {
			return arg
		}
	}
	return ""
}
