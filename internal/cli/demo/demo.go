// Package demo is the verb demo: a real server and a real client over loopback TCP, watched
// from outside.
package demo

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/pki"
	"github.com/akushu/akushu/tls"
	"github.com/akushu/akushu/tlshttp"
)

// File is what demo writes in the working folder.
const File = "demo.pcapng"

// serverName is who the client asks for.
const serverName = "localhost"

type options struct {
	version    iana.Version
	kx         string // key exchange; empty: the default ones
	keyType    string
	helloRetry bool
	resume     string // how the second connection resumes the first one; empty: there is none
	earlyData  bool   // and it sends its request early
	clientCert bool
	json       bool
	keys       cli.KeyFlags
}

// New makes the verb.
func New(env *cli.Env) *cobra.Command {
	var o options
	cmd := cli.NewCommand(env.Words, "demo", func(cmd *cobra.Command, _ []string) error {
		return run(cmd.Context(), env, &o)
	})
	cli.Version(cmd.Flags(), env.Words, &o.version)
	f := cmd.Flags()
	register(f, env.Words, "kx", "key exchange", exchanges, &o.kx)
	register(f, env.Words, "resume", "way to resume", resumptions, &o.resume)
	f.BoolVar(&o.earlyData, "early-data", false, env.Words.Text("help.flag.early-data_demo"))
	f.BoolVar(&o.clientCert, "client-cert", false, env.Words.Text("help.flag.client-cert"))
	f.BoolVar(&o.helloRetry, "hello-retry", false, env.Words.Text("help.flag.hello-retry"))
	cli.KeyType(f, env.Words, &o.keyType)
	o.keys.Register(f, env.Words)
	f.BoolVar(&o.json, "json", false, env.Words.Text("help.flag.json"))
	return cmd
}

func run(ctx context.Context, env *cli.Env, o *options) error {
	if err := o.settle(env.Words); err != nil {
		return err
	}
	if err := o.keys.Check(env.Words); err != nil {
		return err
	}
	recording, finish, err := env.Record(File)
	if err != nil {
		return err
	}
	watch := cli.WatchOptions{JSON: o.json, Recording: recording, Keys: o.keys.View()}
	if !o.json {
		watch.Ladders = env.Out
	}
	watcher := env.Watch(watch)
	err = cmp.Or(converse(ctx, env, o, watcher), finish(), watcher.Err())
	if err == nil {
		env.Note(env.Words.Text("cli.demo_written", File))
	}
	return err
}

// converse has a client of ours ask a server of ours.
func converse(ctx context.Context, env *cli.Env, o *options, watcher *cli.Watcher) error {
	client, server, err := configs(env, o)
	if err != nil {
		return err
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: cli.HelloHandler(), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- tlshttp.Serve(srv, ln) }()
	client.KeyLogWriter = watcher.KeyLog(nil)
	if o.resume != "" {
		client.ClientSessionCache = watcher.Sessions(client.ClientSessionCache)
	}
	for n := 0; n < o.connections() && err == nil; n++ {
		err = o.ask(ctx, ln.Addr().String(), client, watcher, n > 0)
	}
	err = cmp.Or(err, srv.Shutdown(ctx))
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = cmp.Or(err, ended)
	}
	return err
}

// configs are those of the two ends.
func configs(env *cli.Env, o *options) (client, server *tls.Config, err error) {
	makes := pki.Env{Now: env.Now, Rand: rand.Reader}
	key, err := pki.GenerateKey(o.keyType)
	if err != nil {
		return nil, nil, err
	}
	id, err := pki.SelfSigned(makes, pki.Request{Key: key})
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(id.Leaf())
	version := uint16(o.version)
	protocols := []string{"http/1.1"}
	client = &tls.Config{RootCAs: roots, ServerName: serverName, NextProtos: protocols, MinVersion: version, MaxVersion: version}
	server = &tls.Config{Certificates: []tls.Certificate{cli.Certificate(id)}, NextProtos: protocols, MinVersion: version, MaxVersion: version}
	o.setExchange(client, server)
	o.setResume(client, server)
	if o.clientCert {
		err = o.identify(makes, client, server)
	}
	return client, server, err
}

// identify gives the client a certificate, of an authority that the server trusts, and has the
// server require one.
func (o *options) identify(makes pki.Env, client, server *tls.Config) error {
	key, err := pki.GenerateKey(o.keyType)
	if err != nil {
		return err
	}
	root, err := pki.NewAuthority(makes, pki.Request{Key: key, CommonName: "akushu demo clients"})
	if err != nil {
		return err
	}
	if key, err = pki.GenerateKey(o.keyType); err != nil {
		return err
	}
	id, err := root.Issue(pki.Request{Key: key, CommonName: "client", Usage: pki.Client})
	if err != nil {
		return err
	}
	client.Certificates = []tls.Certificate{cli.Certificate(id)}
	server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, root.Pool()
	return nil
}

// ask makes one request, watched. resumed says whether it is to be over a session that is
// resumed.
func (o *options) ask(ctx context.Context, addr string, cfg *tls.Config, watcher *cli.Watcher, resumed bool) error {
	begin := time.Now()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	connected := time.Since(begin)
	shake, shaken := (*tls.Conn).HandshakeContext, func() {}
	if o.earlyData && resumed {
		held := cli.NewHold(raw, time.Minute)
		raw, shake, shaken = held, (*tls.Conn).HandshakeEarly, held.ReleaseAtWrite
	}
	conn := tls.Client(watcher.Client(raw, connected), cfg)
	defer conn.Close()
	if err := shake(conn, ctx); err != nil {
		return err
	}
	shaken() // but for the answer to early data, the request to come
	resp, err := cli.Get(ctx, conn, serverName, "/")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	// To the end of the answer, and then of the connection: what comes behind is shown too.
	for _, rest := range []io.Reader{resp.Body, conn} {
		if _, err = io.Copy(io.Discard, rest); err != nil {
			return err
		}
	}
	return o.check(conn, resumed)
}

// check checks that the handshake was what it was to be.
func (o *options) check(conn *tls.Conn, resumed bool) error {
	info, _ := conn.Info()
	early := "none"
	if o.earlyData && resumed {
		early = "accepted"
		if o.helloRetry { // which goes with no early data
			early = "rejected"
		}
	}
	got, want := fmt.Sprint(conn.ConnectionState().DidResume, " ", info.EarlyData), fmt.Sprint(resumed, " ", early)
	if got != want {
		return fmt.Errorf("demo: resumed and early data: %s, want %s", got, want)
	}
	return nil
}
