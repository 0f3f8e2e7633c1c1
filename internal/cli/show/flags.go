package show

import (
	"errors"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/internal/filter"
)

// Register defines the flags that say how connections are shown.
func (o *Options) Register(flags *pflag.FlagSet, words *explain.Words) {
	cli.Var(flags, words, "filter", "EXPR", func(text string) (err error) {
		o.Filter, err = parseFilter(words, text)
		return err
	})
	flags.BoolVar(&o.Only, "only", false, words.Text("help.flag.only"))
	flags.BoolVarP(&o.Verbose, "verbose", "v", false, words.Text("help.flag.verbose"))
	flags.BoolVarP(&o.Hex, "hex", "x", false, words.Text("help.flag.hex"))
	flags.BoolVar(&o.JSON, "json", false, words.Text("help.flag.json_each"))
}

// Check looks at what the flags say together.
func (o *Options) Check(words *explain.Words) error {
	if o.Only && o.Filter == nil {
		return cli.Usage(words.Text("cli.flag_needs", "--only", "--filter"))
	}
	return nil
}

// parseFilter compiles a display filter. An empty one is none.
func parseFilter(words *explain.Words, text string) (*filter.Program, error) {
	if text == "" {
		return nil, nil
	}
	program, err := filter.Compile(text)
	bad, ok := errors.AsType[*filter.Error](err)
	if !ok {
		return program, err
	}
	told := cli.Usage(words.Text("cli.filter."+string(bad.Code), bad.Near, bad.Offset+1))
	if bad.Nearest != "" {
		told.Hints = []string{words.Text("hint.did_you_mean", bad.Nearest)}
	}
	return nil, told
}

// Stream defines --stream.
func Stream(flags *pflag.FlagSet, words *explain.Words, stream *int) {
	cli.Var(flags, words, "stream", "N", func(text string) error {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return errors.New(words.Text("cli.number_bad"))
		}
		*stream = int(n)
		return nil
	})
}
