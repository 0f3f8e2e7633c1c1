package tls

import (
	"io"
	"reflect"
	"runtime"
	"sync"
	"weak"

	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/keylog"
)

// keyLog writes the secrets of connections to a key log (RFC 9850). All that log to one
// writer share one keyLog, whatever their Configs, so that no two Writes run at once.
type keyLog struct{ w *keylog.Writer }

func newKeyLog(w io.Writer) *keyLog { return &keyLog{keylog.NewWriter(w)} }

// secret writes one line, in one Write. It is handshake.Hooks.Secret.
func (l *keyLog) secret(label string, clientRandom *[32]byte, secret keys.Secret) {
	// A log that cannot be written is no reason to refuse service.
	_ = l.w.WriteLine(keylog.Line{Label: label, ClientRandom: *clientRandom, Secret: secret.Reveal()})
}

// keyLogs has the keyLogs in use by their writers. A writer that nobody uses any more is
// let go.
var keyLogs sync.Map // io.Writer → weak.Pointer[keyLog]

// keyLogTo returns the keyLog of w. A writer that cannot be compared gets one of its own.
func keyLogTo(w io.Writer) *keyLog {
	if !reflect.ValueOf(w).Comparable() {
		return newKeyLog(w)
	}
	for {
		if p, ok := keyLogs.Load(w); ok {
			if l := p.(weak.Pointer[keyLog]).Value(); l != nil {
				return l
			}
			keyLogs.CompareAndDelete(w, p)
		}
		l := newKeyLog(w)
		p := weak.Make(l)
		if _, loaded := keyLogs.LoadOrStore(w, p); !loaded {
			runtime.AddCleanup(l, func(w io.Writer) { keyLogs.CompareAndDelete(w, p) }, w)
			return l
		}
	}
}
