package show

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/keylog"
	"github.com/akushu/akushu/observe"
)

// KeyLogs defines --keylog of the verbs that read secrets, which may be given several times.
func KeyLogs(flags *pflag.FlagSet, words *explain.Words, paths *[]string) {
	cli.VarAs(flags, "keylog", "FILE", words.Text("help.flag.keylog_read"), func(text string) error {
		*paths = append(*paths, text)
		return nil
	})
}

// linesKept is how many lines of key logs are kept, the newest: some hundred thousand connections.
const linesKept = 1 << 20

// LoadKeys reads key logs; without any the one that SSLKEYLOGFILE names, if it is there. It returns the files
// that were read.
func LoadKeys(env *cli.Env, paths []string) (*observe.Keys, []string, error) {
	keys := observe.NewKeysOf(linesKept)
	if len(paths) == 0 {
		path := env.Getenv("SSLKEYLOGFILE")
		if path == "" {
			return keys, nil, nil
		}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return keys, nil, nil
		}
		env.Note(env.Words.Text("cli.keylog_from_environment", path))
		paths = []string{path}
	}
	for _, path := range paths {
		if err := load(env, keys, path); err != nil {
			return nil, nil, err
		}
	}
	return keys, paths, nil
}

func load(env *cli.Env, keys *observe.Keys, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return env.FileError(path, err)
	}
	defer f.Close()
	log := keylog.NewReader(f)
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

// lookInterval is between two looks at a key log that is followed.
const lookInterval = 100 * time.Millisecond

// Follow tells the lines that key logs gain until ctx is done, and those that they have.
func Follow(ctx context.Context, paths []string) <-chan keylog.Line {
	if len(paths) == 0 {
		return nil
	}
	lines := make(chan keylog.Line)
	for _, path := range paths {
		go func() {
			_ = keylog.Follow(ctx, path, lookInterval, func(l keylog.Line) {
				select {
				case lines <- l:
				case <-ctx.Done():
				}
			}, nil)
		}()
	}
	return lines
}
