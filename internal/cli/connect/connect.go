// Package connect is the verb connect: one connection, shown and summed up.
package connect

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/pki"
	"github.com/akushu/akushu/tls"
)

type options struct {
	expected
	tls        cli.TLSFlags
	cert, key  string
	pcapng     string
	json       bool
	get        string
	pipe       bool
	wait       time.Duration
	sessionIn  string
	sessionOut string
	early      earlyData
	keys       cli.KeyFlags
}

// expected is where the server is, and who it has to be.
type expected struct {
	to         cli.Address
	caFile     string
	insecure   bool
	serverName string
}

// New makes the verb.
func New(env *cli.Env) *cobra.Command {
	var o options
	words := env.Words
	cmd := cli.NewCommand(words, "connect HOST[:PORT]", func(cmd *cobra.Command, args []string) error {
		if err := o.check(cmd, env, args[0]); err != nil {
			return err
		}
		return run(cmd.Context(), env, &o)
	})
	cmd.Args = cli.Args(words, "HOST[:PORT]")
	f := cmd.Flags()
	cli.String(f, words, &o.caFile, "cafile", "FILE", "")
	cli.String(f, words, &o.cert, "cert", "FILE", "")
	cli.String(f, words, &o.key, "key", "FILE", "")
	f.BoolVar(&o.insecure, "insecure", false, words.Text("help.flag.insecure"))
	cli.String(f, words, &o.serverName, "servername", "NAME", "")
	o.tls.Register(f, words)
	cli.String(f, words, &o.pcapng, "pcapng", "FILE", "")
	cli.String(f, words, &o.get, "get", "PATH", "")
	f.BoolVar(&o.pipe, "pipe", false, words.Text("help.flag.pipe"))
	f.DurationVar(&o.wait, "wait", 200*time.Millisecond, words.Text("help.flag.wait"))
	cli.String(f, words, &o.sessionOut, "session-out", "FILE", "")
	cli.String(f, words, &o.sessionIn, "session-in", "FILE", "")
	cli.VarAs(f, "early-data", "FILE", words.Text("help.flag.early-data_connect"), func(name string) error {
		o.early.name = name
		return nil
	})
	o.keys.Register(f, words)
	f.BoolVar(&o.json, "json", false, words.Text("help.flag.json_one"))
	return cmd
}

// check looks at what the flags say together.
func (o *options) check(cmd *cobra.Command, env *cli.Env, to string) error {
	if err := o.tls.Check(cmd.Flags(), env.Words); err != nil {
		return err
	}
	if err := o.keys.Check(env.Words); err != nil {
		return err
	}
	if (o.cert == "") != (o.key == "") {
		return cli.Usage(env.Words.Text("cli.flags_together", "--cert", "--key"))
	}
	if err := o.checkEarly(env.Words); err != nil {
		return err
	}
	if asks := o.get != "" || o.pipe; (o.cert != "" || asks) && !cmd.Flags().Changed("wait") {
		o.wait = time.Second // a refusal comes after the handshake
	}
	for _, pair := range []struct {
		a, b  string
		clash bool
	}{
		{"pipe", "json", o.pipe && o.json},
		{"pipe", "get", o.pipe && o.get != ""},
		{"cafile", "insecure", o.caFile != "" && o.insecure},
		{"early-data", "get", o.early.name != "" && o.get != ""},
		{"early-data -", "pipe", o.early.name == "-" && o.pipe},
		{"early-data -", "session-in -", o.early.name == "-" && o.sessionIn == "-"},
	} {
		if pair.clash {
			return cli.Usage(env.Words.Text("cli.flags_exclude", "--"+pair.a, "--"+pair.b))
		}
	}
	if o.get != "" && o.get[0] != '/' {
		return cli.Usage(env.Words.Text("cli.connect_path", o.get), env.Words.Text("hint.did_you_mean", "/"+o.get))
	}
	var err error
	o.to, err = cli.ParseAddress(env.Words, to)
	return err
}

func run(ctx context.Context, env *cli.Env, o *options) (err error) {
	cfg, err := config(ctx, env, o)
	if err != nil {
		return err
	}
	file, err := env.OpenKeyLog(o.tls.KeyLog)
	if err != nil {
		return err
	}
	var log io.Writer
	if file != nil {
		defer file.Close()
		log = file
	}
	watch := cli.WatchOptions{JSON: o.json, Ladders: o.ladders(env), Keys: o.keys.View()}
	if o.pcapng != "" {
		recording, finish, err := env.Record(o.pcapng)
		if err != nil {
			return err
		}
		watch.Recording = recording
		defer func() { err = cmp.Or(err, finish()) }()
	}
	kept, err := o.openSessions(ctx, env, cfg.ServerName)
	if err != nil {
		return err
	}
	switch {
	case len(cfg.NextProtos) > 0:
	case o.get != "":
		cfg.NextProtos = kept.protocols(cfg.ServerName)
	case o.early.name != "":
		cfg.NextProtos = protocol(kept.newest(cfg.ServerName))
	}
	if err := o.early.open(ctx, env); err != nil {
		return err
	}
	watcher := env.Watch(watch)
	if kept != nil {
		cfg.ClientSessionCache = watcher.Sessions(kept)
	}
	cfg.KeyLogWriter = watcher.KeyLog(log)
	err = connect(ctx, env, o, cfg, watcher, kept)
	return cmp.Or(err, watcher.Err())
}

// ladders is where the ladder goes: to standard output, unless that is for what the server
// sends, or for JSON.
func (o *options) ladders(env *cli.Env) io.Writer {
	switch {
	case o.json:
		return nil
	case o.pipe || o.get != "":
		return env.Err
	}
	return env.Out
}

func config(ctx context.Context, env *cli.Env, o *options) (*tls.Config, error) {
	cfg := &tls.Config{ServerName: cmp.Or(o.serverName, o.to.Host), InsecureSkipVerify: o.insecure}
	o.tls.Apply(cfg)
	if o.cert != "" {
		cert, err := env.LoadIdentity(ctx, o.cert, o.key)
		if err != nil {
			return nil, err
		}
		cfg.Certificates, cfg.PostHandshakeAuth = []tls.Certificate{cert}, true
	}
	if o.caFile == "" {
		return cfg, nil
	}
	roots, err := env.LoadRoots(ctx, o.caFile)
	cfg.RootCAs = roots
	return cfg, err
}

// timeout bounds connecting, and shaking hands.
const timeout = 10 * time.Second

// connect makes the connection and uses it as it was told to. When it returns, the
// connection has been shown.
func connect(ctx context.Context, env *cli.Env, o *options, cfg *tls.Config, watcher *cli.Watcher, kept *sessions) error {
	check := pki.Check{At: env.Now(), Usage: pki.Server}
	if o.insecure {
		cfg.VerifyConnection = func(s tls.ConnectionState) error {
			wouldFail(env, s, cfg.ServerName, check)
			return nil
		}
	}
	begin := time.Now()
	dialer := net.Dialer{Timeout: timeout}
	raw, err := dialer.DialContext(ctx, "tcp", o.to.String())
	if err != nil {
		return env.Connecting(o.to.String(), err)
	}
	connected := time.Since(begin)
	raw = o.early.hold(raw, kept, cfg.ServerName)
	conn := tls.Client(watcher.Client(raw, connected), cfg)
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	shake, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := o.early.handshake(shake, env, conn); err != nil {
		_ = conn.Close()
		return env.Handshake(err, check, watcher.Asked())
	}
	err = o.use(ctx, env, conn)
	if closed := conn.Close(); !cli.Quiet(closed) && !cli.HungUp(closed) {
		err = cmp.Or(err, closed)
	}
	return cmp.Or(err, o.saveSessions(env, kept, conn.ConnectionState()))
}

// wouldFail says what verification would have found, had it been on.
func wouldFail(env *cli.Env, s tls.ConnectionState, name string, check pki.Check) {
	opts := x509.VerifyOptions{DNSName: name, CurrentTime: check.At, Intermediates: x509.NewCertPool()}
	for _, cert := range s.PeerCertificates[1:] {
		opts.Intermediates.AddCert(cert)
	}
	if _, err := s.PeerCertificates[0].Verify(opts); err != nil {
		text, _ := env.Diagnosis(err, s.PeerCertificates, check)
		env.Warn(text + env.Words.Text("cli.connect_insecure"))
	}
}

// use does what the flags say with the connection.
func (o *options) use(ctx context.Context, env *cli.Env, conn *tls.Conn) error {
	if o.get == "" && !o.pipe {
		return o.listen(env, conn)
	}
	err := o.confirm(ctx, conn)
	if err == nil {
		if o.pipe {
			err = pipe(conn, o.early.before(env.In), env.Out)
		} else {
			err = o.request(ctx, env, conn)
		}
	}
	if cli.Refused(err) {
		return late(env, err)
	}
	return err
}

// confirm waits for what the server says of our certificate before anything is sent: a server
// that refuses it closes the connection, and its alert may be lost behind that. Where it says
// nothing, we go on.
func (o *options) confirm(ctx context.Context, conn *tls.Conn) error {
	if info, ok := conn.Info(); !ok || !info.CertificateRequested {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	if err := conn.ConfirmHandshake(ctx); cli.Refused(err) {
		return err
	}
	return nil
}

// late is an error that came after the handshake.
func late(env *cli.Env, err error) error {
	return env.Handshake(fmt.Errorf("after the handshake: %w", err), pki.Check{}, false)
}

// request makes one request, and writes the body of the answer to standard output.
func (o *options) request(ctx context.Context, env *cli.Env, conn *tls.Conn) error {
	host := o.to.Host
	if o.to.Port != cli.DefaultPort {
		host = o.to.String()
	}
	resp, err := cli.Get(ctx, conn, host, o.get)
	if err != nil {
		return &cli.Error{Code: cli.ExitFailure, Text: env.Words.Text("cli.connect_get", o.get, env.Reason(err)), Err: err}
	}
	defer resp.Body.Close()
	body := env.Out
	if o.json {
		body = io.Discard
	}
	_, err = io.Copy(body, resp.Body)
	return err
}

// pipe joins standard input and output with the connection. It ends when the server has
// ended its half.
func pipe(conn *tls.Conn, in io.Reader, out io.Writer) error {
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(conn, in)
		if err == nil {
			err = conn.CloseWrite()
		}
		sent <- err
	}()
	_, err := io.Copy(out, conn)
	if err != nil {
		return err
	}
	select {
	case err = <-sent:
		return err
	default: // the server hung up; standard input may never end
		return nil
	}
}

// listen reads for a while: tickets come, and late alerts.
func (o *options) listen(env *cli.Env, conn *tls.Conn) error {
	if len(o.early.data) > 0 {
		go func() { _, _ = conn.Write(o.early.data) }() // what becomes of it, the server's answer shows
	}
	_ = conn.SetReadDeadline(time.Now().Add(o.wait))
	_, err := io.Copy(io.Discard, conn)
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return late(env, err)
}
