package cli

import (
	"github.com/spf13/pflag"

	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/observe"
)

// KeyFlags are --keys and --show-secrets.
type KeyFlags struct{ list, show bool }

// Register defines the flags.
func (k *KeyFlags) Register(f *pflag.FlagSet, words *explain.Words) {
	f.BoolVar(&k.list, "keys", false, words.Text("help.flag.keys"))
	f.BoolVar(&k.show, "show-secrets", false, words.Text("help.flag.show-secrets"))
}

// View is what is to be listed.
func (k *KeyFlags) View() observe.KeyView {
	switch {
	case k.list && k.show:
		return observe.ShownKeys
	case k.list:
		return observe.MaskedKeys
	}
	return observe.NoKeys
}

// Check refuses --show-secrets alone.
func (k *KeyFlags) Check(words *explain.Words) error {
	if k.show && !k.list {
		return Usage(words.Text("cli.flag_needs", "--show-secrets", "--keys"))
	}
	return nil
}
