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
	keyType    string
	helloRetry bool
	resume     string // how the second connection resumes the first one; empty: there is none
	json       bool
}

// New makes the verb.
func New(env *cli.Env) *cobra.Command {
	var o options
	cmd := cli.NewCommand(env.Words, "demo", func(cmd *cobra.Command, _ []string) error {
		return run(cmd.Context(), env, &o)
	})
	cli.Version(cmd.Flags(), env.Words, &o.version)
	cli.KeyType(cmd.Flags(), env.Words, &o.keyType)
	cmd.Flags().BoolVar(&o.helloRetry, "hello-retry", false, env.Words.Text("help.flag.hello-retry"))
	registerResume(cmd.Flags(), env.Words, &o.resume)
	cmd.Flags().BoolVar(&o.json, "json", false, env.Words.Text("help.flag.json"))
	return cmd
}

func run(ctx context.Context, env *cli.Env, o *options) error {
	if o.helloRetry && o.version == iana.VersionTLS12 {
		return cli.Usage(env.Words.Text("cli.demo_hello_retry_1_2"))
	}
	if err := o.checkResume(env.Words); err != nil {
		return err
	}
	recording, finish, err := env.Record(File)
	if err != nil {
		return err
	}
	watch := cli.WatchOptions{JSON: o.json, Recording: recording}
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
	for n := 0; n < o.connections() && err == nil; n++ {
		err = ask(ctx, ln.Addr().String(), client, watcher, n > 0)
	}
	err = cmp.Or(err, srv.Shutdown(ctx))
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = cmp.Or(err, ended)
	}
	return err
}

// configs are those of the two ends.
func configs(env *cli.Env, o *options) (client, server *tls.Config, err error) {
	key, err := pki.GenerateKey(cmp.Or(o.keyType, cli.DefaultKeyType))
	if err != nil {
		return nil, nil, err
	}
	id, err := pki.SelfSigned(pki.Env{Now: env.Now, Rand: rand.Reader}, pki.Request{Key: key})
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(id.Leaf())
	version := uint16(cmp.Or(o.version, iana.VersionTLS13))
	protocols := []string{"http/1.1"}
	client = &tls.Config{RootCAs: roots, ServerName: serverName, NextProtos: protocols, MinVersion: version, MaxVersion: version}
	server = &tls.Config{Certificates: []tls.Certificate{cli.Certificate(id)}, NextProtos: protocols, MinVersion: version, MaxVersion: version}
	if o.helloRetry { // the client sends a share for X25519, the server wants another
		client.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256}
		server.CurvePreferences = []tls.CurveID{tls.CurveP256}
	}
	o.setResume(client, server)
	return client, server, nil
}

// ask makes one request, watched. resumed says whether it is to be over a session that is
// resumed.
func ask(ctx context.Context, addr string, cfg *tls.Config, watcher *cli.Watcher, resumed bool) error {
	begin := time.Now()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	conn := tls.Client(watcher.Client(raw, time.Since(begin)), cfg)
	defer conn.Close()
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	if got := conn.ConnectionState().DidResume; got != resumed {
		return fmt.Errorf("demo: resumed %v, want %v", got, resumed)
	}
	resp, err := cli.Get(ctx, conn, serverName, "/")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
