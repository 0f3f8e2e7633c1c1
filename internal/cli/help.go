package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/internal/view/ladder"
)

// NewCommand makes the command of a verb. Use is its name and arguments; what it is for and
// the examples are the texts "help." and its name, and the same with ".examples", in which
// examples stand between bars: a command, then what it shows.
func NewCommand(words *explain.Words, use string, run func(*cobra.Command, []string) error) *cobra.Command {
	name, _, _ := strings.Cut(use, " ")
	return &cobra.Command{
		Use:     use,
		Short:   words.Text("help." + name),
		Example: words.Text("help.examples." + name),
		RunE:    run,
		Args:    Args(words),
	}
}

// Help writes the help of a command: what it is for, how it is called, its verbs, three
// examples, its flags. It is laid out for 80 columns.
func Help(w io.Writer, cmd *cobra.Command, words *explain.Words) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s %s\n", cmd.Short, words.Text("help.usage"), usageLine(cmd, words))
	section(&b, "", verbs(cmd))
	section(&b, words.Text("help.examples"), examples(cmd))
	section(&b, words.Text("help.flags"), flags(cmd.NonInheritedFlags()))
	if cmd.HasParent() {
		section(&b, words.Text("help.global_flags"), flags(cmd.InheritedFlags()))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func usageLine(cmd *cobra.Command, words *explain.Words) string {
	if cmd.HasParent() {
		return cmd.Parent().CommandPath() + " " + cmd.Use + " " + words.Text("help.placeholder.flags")
	}
	return cmd.CommandPath() + " " + words.Text("help.placeholder.verb")
}

// entry is a line of a list: what is typed, and what it means.
type entry struct{ typed, means string }

// widest is how wide the left of two columns may be.
const widest = 50

// section writes a list under a heading, in two columns.
func section(b *strings.Builder, heading string, list []entry) {
	if len(list) == 0 {
		return
	}
	b.WriteString("\n")
	if heading != "" {
		b.WriteString(heading + "\n")
	}
	width := 0
	for _, e := range list {
		width = max(width, len(e.typed))
	}
	if width > widest { // what it means stands below
		for _, e := range list {
			fmt.Fprintf(b, "  %s\n", e.typed)
			for _, line := range ladder.Wrap(e.means, 80-6) {
				fmt.Fprintf(b, "      %s\n", line)
			}
		}
		return
	}
	for _, e := range list {
		for i, line := range ladder.Wrap(e.means, 80-width-4) {
			typed := ""
			if i == 0 {
				typed = e.typed
			}
			fmt.Fprintf(b, "  %-*s  %s\n", width, typed, line)
		}
	}
}

func verbs(cmd *cobra.Command) []entry {
	var list []entry
	for _, verb := range cmd.Commands() {
		if !verb.Hidden {
			list = append(list, entry{verb.Name(), verb.Short})
		}
	}
	return list
}

func examples(cmd *cobra.Command) []entry {
	var list []entry
	parts := strings.Split(cmd.Example, "|")
	for i := 0; i+1 < len(parts); i += 2 {
		list = append(list, entry{strings.TrimSpace(parts[i]), strings.TrimSpace(parts[i+1])})
	}
	return list
}

func flags(set *pflag.FlagSet) []entry {
	var list []entry
	set.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			list = append(list, entry{flagSyntax(f), f.Usage + usual(f)})
		}
	})
	return list
}

// usual is a flag's value where it is not given, in parentheses; nothing for switches.
func usual(f *pflag.Flag) string {
	if f.DefValue == "" || f.Value.Type() == "bool" {
		return ""
	}
	return " (" + f.DefValue + ")"
}

// kinds renames pflag's own types of value.
var kinds = map[string]string{"bool": "", "duration": " TIME"}

// flagSyntax is how a flag is typed: "-h, --help", "--tls V".
func flagSyntax(f *pflag.Flag) string {
	text := "--" + f.Name
	if f.Shorthand != "" {
		text = "-" + f.Shorthand + ", " + text
	}
	kind, renamed := kinds[f.Value.Type()]
	if !renamed {
		kind = " " + f.Value.Type()
	}
	return text + kind
}
