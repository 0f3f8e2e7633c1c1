package show

import (
	"context"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/pflag"

	"github.com/akushu/akushu/internal/capture/file"
	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/internal/pki"
	"github.com/akushu/akushu/keylog"
	"github.com/akushu/akushu/observe"
)

// Secrets is what connections are decrypted with, as the verbs that read packets are told it.
type Secrets struct {
	logs []string // files
	keys []string // files
	psks [][]byte
}

// Register defines the flags, each of which may be given several times.
func (s *Secrets) Register(flags *pflag.FlagSet, words *explain.Words) {
	s.RegisterKeyLogs(flags, words)
	cli.VarAs(flags, "key", "FILE", words.Text("help.flag.key_rsa"), func(text string) error {
		s.keys = append(s.keys, text)
		return nil
	})
	cli.Var(flags, words, "psk", "HEX", func(text string) error {
		psk, err := hex.DecodeString(text)
		if err != nil || len(psk) == 0 {
			return cli.Usage(words.Text("cli.psk_bad"))
		}
		s.psks = append(s.psks, psk)
		return nil
	})
}

// RegisterKeyLogs defines --keylog alone.
func (s *Secrets) RegisterKeyLogs(flags *pflag.FlagSet, words *explain.Words) {
	cli.VarAs(flags, "keylog", "FILE", words.Text("help.flag.keylog_read"), func(text string) error {
		s.logs = append(s.logs, text)
		return nil
	})
}

// linesKept is how many lines of key logs are kept, the newest: some hundred thousand connections.
const linesKept = 1 << 20

// Load reads the secrets; without a key log those of the one that SSLKEYLOGFILE names. Of logs that are followed none
// needs to be there yet.
func (s *Secrets) Load(ctx context.Context, env *cli.Env, followed bool) (*observe.Keys, error) {
	keys := observe.NewKeysOf(linesKept)
	for _, path := range s.keys {
		key, err := loadKey(ctx, env, path)
		if err != nil {
			return nil, err
		}
		keys.AddRSAKey(key)
	}
	for _, psk := range s.psks {
		keys.AddPSK(psk)
	}
	s.fromEnvironment(env, followed)
	for _, path := range s.logs {
		if _, err := os.Stat(path); followed && errors.Is(err, fs.ErrNotExist) {
			env.Note(env.Words.Text("cli.keylog_awaited", path))
			continue
		}
		if err := load(ctx, env, keys, path); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func (s *Secrets) fromEnvironment(env *cli.Env, followed bool) {
	path := env.Getenv("SSLKEYLOGFILE")
	if path == "" || len(s.logs) > 0 {
		return
	}
	if _, err := os.Stat(path); !followed && errors.Is(err, fs.ErrNotExist) {
		return
	}
	env.Note(env.Words.Text("cli.keylog_from_environment", path))
	s.logs = []string{path}
}

// Any reports whether there was any place to look for secrets, after Load.
func (s *Secrets) Any() bool { return len(s.logs)+len(s.keys)+len(s.psks) > 0 }

// Keyless returns what reports, after Load, whether no key log was given and none came with the capture so far.
func (s *Secrets) Keyless(keys *observe.Keys) func() bool {
	return func() bool { return len(s.logs) == 0 && keys.Len() == 0 }
}

// Among reports whether a file is one that secrets are read from.
func (s *Secrets) Among(name string) bool {
	info, err := os.Stat(name)
	return err == nil && slices.ContainsFunc(slices.Concat(s.logs, s.keys), func(path string) bool {
		other, err := os.Stat(path)
		return err == nil && os.SameFile(info, other)
	})
}

// loadKey reads the private key of a server.
func loadKey(ctx context.Context, env *cli.Env, path string) (*rsa.PrivateKey, error) {
	text, err := env.ReadFile(ctx, path)
	if err != nil {
		return nil, err
	}
	signer, err := pki.LoadKey(text)
	if err != nil {
		return nil, env.FileError(path, err)
	}
	key, ok := signer.(*rsa.PrivateKey)
	if !ok {
		return nil, &cli.Error{Code: cli.ExitFailure, Text: env.Words.Text("cli.key_not_rsa", path, pki.KeyName(signer.Public()))}
	}
	return key, nil
}

func load(ctx context.Context, env *cli.Env, keys *observe.Keys, path string) error {
	f, err := file.OpenPatiently(ctx, path)
	if err != nil {
		return env.FileError(path, err)
	}
	defer f.Close()
	log := keylog.NewReader(file.Patiently(ctx, f))
	for {
		l, err := log.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return env.FileError(path, err)
		}
		keys.Add(l)
	}
	if n := log.Skipped(); n > 0 {
		env.Warn(env.Words.Text("cli.keylog_bad_lines", path, n))
	}
	return nil
}

// Follow returns what tells the lines that the key logs have gained since it was asked last, those that they had at first
// too. It comes after Load. What cannot be read is told once.
func (s *Secrets) Follow(env *cli.Env) func() []keylog.Line {
	if len(s.logs) == 0 {
		return nil
	}
	var lines []keylog.Line
	logs := make(map[string]*keylog.Follower)
	for _, path := range s.logs {
		logs[path] = keylog.NewFollower(path, func(l keylog.Line) { lines = append(lines, l) }, nil)
	}
	return func() []keylog.Line {
		lines = lines[:0]
		for path, log := range logs {
			if err := log.Look(); err != nil {
				env.Warn(env.FileError(path, err).Error())
				delete(logs, path)
			}
		}
		return lines
	}
}
