package observe_test

import (
	"bytes"

	"github.com/akushu/akushu/keylog"
	"github.com/akushu/akushu/observe"
)

// addKeys gives a connection the lines of a key log.
func addKeys(conn *observe.Conn, log []byte) {
	for line := range bytes.Lines(log) {
		l, err := keylog.Parse(bytes.TrimSpace(line))
		if err == nil {
			conn.AddSecret(l)
		}
	}
}
