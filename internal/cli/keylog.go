package cli

import (
	"io"
	"os"

	"github.com/akushu/akushu/keylog"
)

// OpenKeyLog opens the key log of --keylog, or, where that was not given, the one that
// SSLKEYLOGFILE names, and says so. It is nil where neither does. Whoever reads the
// file can decrypt the connections: it is made for its owner only (RFC 9850 §1.1).
func (e *Env) OpenKeyLog(path string) (io.WriteCloser, error) {
	if path == "" {
		if path = e.Getenv("SSLKEYLOGFILE"); path == "" {
			return nil, nil
		}
		e.Note(e.Words.Text("cli.keylog_environment", path))
	}
	f, err := keylog.OpenFile(path)
	if err != nil {
		return nil, &Error{Code: ExitFailure, Text: e.Words.Text("cli.keylog_open", path, e.Reason(err)), Err: err}
	}
	e.warnOfReaders(f)
	return f, nil
}

func (e *Env) warnOfReaders(f *os.File) {
	if open, err := keylog.ReadableByOthers(f); err == nil && open {
		e.Warn(e.Words.Text("cli.keylog_readable", f.Name()))
	}
}
