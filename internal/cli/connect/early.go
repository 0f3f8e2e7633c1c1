package connect

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/tls"
)

// earlyData is the file of --early-data: it goes out with the first flight as far as the
// session allows, and the rest of it behind the handshake.
type earlyData struct {
	name string // of the file; empty: none
	data []byte // what is still to be sent
	held *cli.Hold
}

// checkEarly refuses early data where there cannot be any.
func (o *options) checkEarly(words *explain.Words) error {
	switch {
	case o.early.name == "":
		return nil
	case o.sessionIn == "":
		return cli.Usage(words.Text("cli.early_without_session"))
	}
	return o.tls.CheckEarly(words)
}

// open reads the file.
func (e *earlyData) open(ctx context.Context, env *cli.Env) (err error) {
	if e.name != "" {
		e.data, err = env.ReadFile(ctx, e.name)
	}
	return err
}

// patience is how long the server's answer waits for early data to be sent.
const patience = time.Second

// hold has no answer overtake early data, if there may be some.
func (e *earlyData) hold(raw net.Conn, kept *sessions, server string) net.Conn {
	if e.name == "" || !kept.early(server) {
		return raw
	}
	e.held = cli.NewHold(raw, patience)
	return e.held
}

// handshake shakes hands, and sends early data where it can. It says what became of it.
func (e *earlyData) handshake(ctx context.Context, env *cli.Env, conn *tls.Conn) error {
	if e.name == "" {
		return conn.HandshakeContext(ctx)
	}
	err := conn.HandshakeEarly(ctx)
	sent := min(conn.EarlyDataLeft(), int64(len(e.data)))
	if err == nil && sent > 0 {
		_, err = conn.Write(e.data[:sent])
	}
	if e.held != nil {
		e.held.Release()
	}
	// Why writing failed, the handshake knows better.
	if err = cmp.Or(conn.HandshakeContext(ctx), err); err != nil && !errors.Is(err, tls.ErrEarlyDataRejected) {
		return err
	}
	e.data = e.data[sent:]
	e.report(env, conn)
	return nil
}

// report says why early data did not get there. What comes behind it does not go out then,
// either.
func (e *earlyData) report(env *cli.Env, conn *tls.Conn) {
	info, _ := conn.Info()
	switch info.EarlyData {
	case "accepted":
		return
	case "rejected":
		env.Warn(env.Words.Text("cli.early_rejected", conn.AcknowledgeRejection()))
	default:
		env.Warn(env.Words.Text("cli.early_not_sent", cmp.Or(info.EarlyDataWhy, env.Words.Text("cli.early_no_session"))))
	}
	e.data = nil
}

// before returns what is left of the file, and then what is in next.
func (e *earlyData) before(next io.Reader) io.Reader {
	return io.MultiReader(bytes.NewReader(e.data), next)
}

// early reports whether there is a session for the server under which data may go early.
func (s *sessions) early(server string) bool {
	state := s.newest(server)
	return state != nil && state.EarlyData
}
