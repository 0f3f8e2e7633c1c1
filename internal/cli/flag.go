package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/pki"
	"github.com/akushu/akushu/internal/suite"
)

// value is a flag whose text is read by a function.
type value struct {
	text string
	kind string // what stands for the value in the usage: "V", "LIST", "FILE"
	set  func(string) error
}

func (v *value) String() string { return v.text }
func (v *value) Type() string   { return v.kind }

// Set reads the text.
func (v *value) Set(text string) error {
	v.text = text
	return v.set(text)
}

// Var defines a flag whose text set reads. Its usage is the text "help.flag." and its name.
func Var(flags *pflag.FlagSet, words *explain.Words, name, kind string, set func(string) error) {
	flags.Var(&value{kind: kind, set: set}, name, words.Text("help.flag."+name))
}

// VarShort is Var for a flag that has a letter, too.
func VarShort(flags *pflag.FlagSet, words *explain.Words, name, letter, kind string, set func(string) error) {
	flags.VarP(&value{kind: kind, set: set}, name, letter, words.Text("help.flag."+name))
}

// VarAs is Var for a flag with another usage than its name's.
func VarAs(flags *pflag.FlagSet, name, kind, usage string, set func(string) error) {
	flags.Var(&value{kind: kind, set: set}, name, usage)
}

// String defines a flag whose text is taken as it is.
func String(flags *pflag.FlagSet, words *explain.Words, v *string, name, kind, usual string) {
	*v = usual
	set := func(text string) error {
		*v = text
		return nil
	}
	flags.Var(&value{text: usual, kind: kind, set: set}, name, words.Text("help.flag."+name))
}

// TLSFlags is the flags that say what a TLS connection may consist of. Nil lists and zero
// versions are the defaults.
type TLSFlags struct {
	Min, Max iana.Version
	Suites   []iana.CipherSuite // in order of preference
	Groups   []iana.NamedGroup  // in order of preference
	ALPN     []string
	KeyLog   string // a file; see Env.OpenKeyLog
}

// Register defines the flags.
func (f *TLSFlags) Register(flags *pflag.FlagSet, words *explain.Words) {
	Var(flags, words, "tls", "V", func(text string) error {
		v, err := parseVersion(text)
		f.Min, f.Max = v, v
		return err
	})
	Var(flags, words, "tls-min", "V", func(text string) (err error) {
		f.Min, err = parseVersion(text)
		return err
	})
	Var(flags, words, "tls-max", "V", func(text string) (err error) {
		f.Max, err = parseVersion(text)
		return err
	})
	Var(flags, words, "suites", "LIST", func(text string) (err error) {
		f.Suites, err = parseList(text, parseSuite, suiteIDs(suite.Default()), suiteIDs(suite.Usable()))
		return err
	})
	Var(flags, words, "groups", "LIST", func(text string) (err error) {
		f.Groups, err = parseList(text, parseGroup, groupIDs(suite.DefaultGroups()), groupIDs(suite.Groups()))
		return err
	})
	Var(flags, words, "alpn", "LIST", func(text string) (err error) {
		f.ALPN, err = parseALPN(text)
		return err
	})
	Var(flags, words, "keylog", "FILE", func(text string) error {
		f.KeyLog = text
		return nil
	})
}

// Version defines --tls alone, for one version.
func Version(flags *pflag.FlagSet, words *explain.Words, v *iana.Version) {
	Var(flags, words, "tls", "V", func(text string) (err error) {
		*v, err = parseVersion(text)
		return err
	})
}

// DefaultKeyType is the kind of key that is made where none is asked for.
const DefaultKeyType = "ecdsa-p256"

// KeyType defines --key-type, the kind of key of a certificate that is made.
func KeyType(flags *pflag.FlagSet, words *explain.Words, kind *string) {
	Var(flags, words, "key-type", "T", func(text string) error {
		*kind = strings.ToLower(text)
		if slices.Contains(pki.KeyKinds(), *kind) {
			return nil
		}
		return &iana.UnknownNameError{Kind: "key type", Name: text, Nearest: iana.Nearest(pki.KeyKinds(), *kind)}
	})
}

// Check looks at what the flags say together, once they are all read.
func (f *TLSFlags) Check(flags *pflag.FlagSet, words *explain.Words) error {
	if flags.Changed("tls") && (flags.Changed("tls-min") || flags.Changed("tls-max")) {
		return Usage(words.Text("cli.tls_twice"))
	}
	if f.Min != 0 && f.Max != 0 && f.Min > f.Max {
		return Usage(words.Text("cli.tls_empty", f.Min, f.Max))
	}
	return nil
}

// CheckEarly refuses --early-data where TLS 1.3 is ruled out.
func (f *TLSFlags) CheckEarly(words *explain.Words) error {
	newest := f.newest()
	if f.Max != 0 && (newest == 0 || f.Max < newest) {
		newest = f.Max
	}
	if newest == 0 || newest == iana.VersionTLS13 {
		return nil
	}
	return Usage(words.Text("cli.flag_version", "--early-data", iana.VersionTLS13, newest))
}

// versions are those that akushu speaks.
var versions = []iana.Version{iana.VersionTLS10, iana.VersionTLS11, iana.VersionTLS12, iana.VersionTLS13}

// UnsupportedError is for a name that is registered, and that akushu cannot use.
type UnsupportedError struct {
	Name string
	Has  []string // what it has of this kind
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("%s is not supported; supported are %s", e.Name, strings.Join(e.Has, ", "))
}

func parseVersion(text string) (iana.Version, error) {
	v, err := iana.ParseVersion(text)
	return v, supported(v, err, versions)
}

func parseSuite(name string) (iana.CipherSuite, error) {
	id, err := iana.ParseCipherSuite(name)
	return id, supported(id, err, suiteIDs(suite.Usable()))
}

func parseGroup(name string) (iana.NamedGroup, error) {
	id, err := iana.ParseNamedGroup(name)
	return id, supported(id, err, groupIDs(suite.Groups()))
}

// supported returns err, or an error where id is not in the list.
func supported[T iana.Code](id T, err error, list []T) error {
	if err != nil || slices.Contains(list, id) {
		return err
	}
	has := make([]string, len(list))
	for i, each := range list {
		has[i] = each.String()
	}
	return &UnsupportedError{id.String(), has}
}

// parseList reads names between commas. The words default and all stand for what they say,
// default alone for nil.
func parseList[T iana.Code](text string, parse func(string) (T, error), usual, all []T) ([]T, error) {
	if strings.EqualFold(text, "default") {
		return nil, nil
	}
	var list []T
	for name := range strings.SplitSeq(text, ",") {
		switch name = strings.TrimSpace(name); strings.ToLower(name) {
		case "default":
			list = append(list, usual...)
		case "all":
			list = append(list, all...)
		default:
			id, err := parse(name)
			if err != nil {
				return nil, err
			}
			list = append(list, id)
		}
	}
	return unique(list), nil
}

// unique keeps the first of each.
func unique[T comparable](list []T) []T {
	var once []T
	for _, v := range list {
		if !slices.Contains(once, v) {
			once = append(once, v)
		}
	}
	return once
}

func suiteIDs(list []*suite.Suite) []iana.CipherSuite {
	ids := make([]iana.CipherSuite, len(list))
	for i, s := range list {
		ids[i] = s.ID
	}
	return ids
}

func groupIDs(list []*suite.Group) []iana.NamedGroup {
	ids := make([]iana.NamedGroup, len(list))
	for i, g := range list {
		ids[i] = g.ID
	}
	return ids
}

var errALPN = errors.New("a protocol name has 1 to 255 bytes (RFC 7301 §3.1)")

func parseALPN(text string) ([]string, error) {
	names := strings.Split(text, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
		if n := len(names[i]); n == 0 || n > 255 {
			return nil, errALPN
		}
	}
	return names, nil
}

// FlagError makes a usage error of what cobra says of the flags of a command.
func FlagError(cmd *cobra.Command, words *explain.Words, err error) error {
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return unknownFlag(cmd, words, e)
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return Usage(words.Text("cli.flag_value", dashed(e.GetSpecifiedName())), seeHelp(cmd, words))
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return badValue(cmd, words, e)
	}
	return Usage(err.Error(), seeHelp(cmd, words))
}

func badValue(cmd *cobra.Command, words *explain.Words, e *pflag.InvalidValueError) error {
	name := dashed(e.GetFlag().Name)
	if own, ok := errors.AsType[*Error](e.Unwrap()); ok {
		return own
	}
	if unknown, ok := errors.AsType[*iana.UnknownNameError](e); ok {
		text := words.Text("cli.flag_unknown", name, unknown.Name)
		return Usage(text, suggestion(cmd, words, unknown.Nearest))
	}
	if missing, ok := errors.AsType[*UnsupportedError](e); ok {
		return Usage(words.Text("cli.flag_unsupported", name, missing.Name), words.Text("hint.supported", strings.Join(missing.Has, ", ")))
	}
	return Usage(words.Text("cli.flag_bad", name, e.GetValue(), e.Unwrap()), seeHelp(cmd, words))
}

func unknownFlag(cmd *cobra.Command, words *explain.Words, e *pflag.NotExistError) error {
	name := e.GetSpecifiedName()
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	nearest := ""
	if len(name) > 1 {
		if nearest = iana.Nearest(names, name); nearest != "" {
			nearest = dashed(nearest)
		}
	}
	return Usage(words.Text("cli.flag_no_such", cmd.CommandPath(), dashed(name)), suggestion(cmd, words, nearest))
}

// dashed writes a flag's name as it is typed.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// suggestion asks whether nearest was meant, and points to the help where nothing is near.
func suggestion(cmd *cobra.Command, words *explain.Words, nearest string) string {
	if nearest == "" {
		return seeHelp(cmd, words)
	}
	return words.Text("hint.did_you_mean", nearest)
}

func seeHelp(cmd *cobra.Command, words *explain.Words) string {
	return words.Text("hint.see_help", cmd.CommandPath())
}

// Args returns a check that a verb is given that many arguments, which are called names.
func Args(words *explain.Words, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return Usage(words.Text("cli.arg_missing", cmd.CommandPath(), strings.Join(names[len(args):], " ")), seeHelp(cmd, words))
		}
		if len(args) > len(names) {
			return Usage(words.Text("cli.arg_surplus", cmd.CommandPath(), args[len(names)]), seeHelp(cmd, words))
		}
		return nil
	}
}
