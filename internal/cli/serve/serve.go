// Package serve is the verb serve: a server to try clients on.
package serve

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/pki"
	"github.com/akushu/akushu/tls"
	"github.com/akushu/akushu/tlshttp"
)

type options struct {
	tls         cli.TLSFlags
	addr, plain string
	cert, key   string
	keyType     string
	dir         string
	echo        bool
	watch, json bool
	clientCA    string
	requireCert bool
	earlyData   bool
}

// New makes the verb.
func New(env *cli.Env) *cobra.Command {
	var o options
	words := env.Words
	cmd := cli.NewCommand(words, "serve", func(cmd *cobra.Command, _ []string) error {
		if err := o.check(cmd, env); err != nil {
			return err
		}
		return run(cmd.Context(), env, &o)
	})
	f := cmd.Flags()
	cli.String(f, words, &o.addr, "addr", "ADDR", "127.0.0.1:8443")
	cli.String(f, words, &o.cert, "cert", "FILE", "")
	cli.String(f, words, &o.key, "key", "FILE", "")
	cli.KeyType(f, words, &o.keyType)
	cli.String(f, words, &o.plain, "http", "ADDR", "")
	cli.String(f, words, &o.dir, "dir", "DIR", "")
	f.BoolVar(&o.echo, "echo", false, words.Text("help.flag.echo"))
	cli.String(f, words, &o.clientCA, "client-ca", "FILE", "")
	f.BoolVar(&o.requireCert, "require-client-cert", false, words.Text("help.flag.require-client-cert"))
	f.BoolVar(&o.earlyData, "early-data", false, words.Text("help.flag.early-data_serve"))
	o.tls.Register(f, words)
	f.BoolVar(&o.watch, "watch", false, words.Text("help.flag.watch"))
	f.BoolVar(&o.json, "json", false, words.Text("help.flag.json_each"))
	return cmd
}

// check looks at what the flags say together.
func (o *options) check(cmd *cobra.Command, env *cli.Env) error {
	if err := o.tls.Check(cmd.Flags(), env.Words); err != nil {
		return err
	}
	for _, pair := range []struct {
		a, b   string
		clash  bool
		reason string
	}{
		{"cert", "key", (o.cert == "") != (o.key == ""), "cli.flags_together"},
		{"cert", "key-type", o.cert != "" && o.keyType != "", "cli.flags_exclude"},
		{"dir", "echo", o.dir != "" && o.echo, "cli.flags_exclude"},
		{"http", "echo", o.plain != "" && o.echo, "cli.flags_exclude"},
		{"require-client-cert", "client-ca", o.requireCert && o.clientCA == "", "cli.flags_together"},
	} {
		if pair.clash {
			return cli.Usage(env.Words.Text(pair.reason, "--"+pair.a, "--"+pair.b))
		}
	}
	if o.earlyData {
		return o.tls.CheckEarly(env.Words)
	}
	return nil
}

func run(ctx context.Context, env *cli.Env, o *options) error {
	cfg, err := config(ctx, env, o)
	if err != nil {
		return err
	}
	file, err := env.OpenKeyLog(o.tls.KeyLog)
	if err != nil {
		return err
	}
	if file != nil {
		defer file.Close()
		cfg.KeyLogWriter = file
	}
	handler, err := o.handler(env)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", o.addr)
	if err != nil {
		return env.Listening(o.addr, err)
	}
	defer ln.Close()
	s := &server{env: env, o: o, inner: ln, handler: handler}
	if o.plain != "" {
		if s.plain, err = net.Listen("tcp", o.plain); err != nil {
			return env.Listening(o.plain, err)
		}
		defer s.plain.Close()
	}
	if o.watch || o.json {
		s.watch(cfg, file)
	}
	s.ln = tls.NewListener(s.inner, cfg)
	return s.run(ctx, cfg)
}

// handler answers requests: with the files of a folder, out of which no link leads, or
// with the same for all.
func (o *options) handler(env *cli.Env) (http.Handler, error) {
	if o.dir == "" {
		return cli.HelloHandler(), nil
	}
	root, err := os.OpenRoot(o.dir)
	if err != nil {
		return nil, env.FileError(o.dir, err)
	}
	return http.FileServerFS(root.FS()), nil
}

// config is the server's configuration. Without a certificate it makes one.
func config(ctx context.Context, env *cli.Env, o *options) (*tls.Config, error) {
	cfg := &tls.Config{ServerSessionCache: tls.NewLRUServerSessionCache(0)} // for clients without tickets
	o.tls.Apply(cfg)
	if o.earlyData {
		cfg.MaxEarlyData = maxEarlyData
	}
	if len(cfg.NextProtos) == 0 && !o.echo {
		cfg.NextProtos = append(slices.Clone(tlshttp.NextProtos), "http/1.0") // which curl --http1.0 offers
	}
	if err := o.askClients(ctx, env, cfg); err != nil {
		return nil, err
	}
	if o.cert != "" {
		cert, err := env.LoadIdentity(ctx, o.cert, o.key)
		cfg.Certificates = []tls.Certificate{cert}
		return cfg, err
	}
	key, err := pki.GenerateKey(cmp.Or(o.keyType, cli.DefaultKeyType))
	if err != nil {
		return nil, err
	}
	id, err := pki.SelfSigned(pki.Env{Now: env.Now, Rand: rand.Reader}, pki.Request{Key: key})
	if err != nil {
		return nil, err
	}
	cfg.Certificates = []tls.Certificate{cli.Certificate(id)}
	return cfg, nil
}

// maxEarlyData is how many bytes of early data are taken.
const maxEarlyData = 16 << 10

// askClients has the server ask for certificates, if that is wanted.
func (o *options) askClients(ctx context.Context, env *cli.Env, cfg *tls.Config) error {
	if o.clientCA == "" {
		return nil
	}
	cfg.ClientAuth = tls.VerifyClientCertIfGiven
	if o.requireCert {
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	roots, err := env.LoadRoots(ctx, o.clientCA)
	cfg.ClientCAs = roots
	return err
}

// server is the verb at work.
type server struct {
	env     *cli.Env
	o       *options
	inner   net.Listener // TCP, watched if asked for
	ln      net.Listener // TLS
	plain   net.Listener // plain HTTP; nil: none
	watcher *cli.Watcher
	handler http.Handler
}

// watch shows connections as they end.
func (s *server) watch(cfg *tls.Config, file io.Writer) {
	w := cli.WatchOptions{JSON: s.o.json}
	if s.o.watch && !s.o.json {
		w.Ladders = s.env.Out
	}
	s.watcher = s.env.Watch(w)
	s.inner = s.watcher.Tap.Listener(s.inner)
	cfg.KeyLogWriter = s.watcher.KeyLog(file)
}

// run serves until ctx ends.
func (s *server) run(ctx context.Context, cfg *tls.Config) error {
	s.announce(cfg)
	serve := s.serveHTTP
	if s.o.echo {
		serve = s.serveEcho
	}
	if err := serve(ctx); !cli.Quiet(err) {
		return err
	}
	if s.watcher != nil {
		return s.watcher.Err()
	}
	return nil
}

// announce says where the server is, and with which certificate.
func (s *server) announce(cfg *tls.Config) {
	addr := s.ln.Addr().String()
	leaf := cfg.Certificates[0].Leaf
	words := s.env.Words
	s.env.Tell(words.Text("cli.serve_listening", addr))
	s.env.Tell(words.Text("cli.serve_certificate", pki.CertificateKeyName(leaf), fmt.Sprintf("%x", sha256.Sum256(leaf.Raw))))
	if s.o.echo {
		s.env.Tell(words.Text("cli.serve_try", "openssl s_client -connect "+addr+" -quiet"))
		return
	}
	s.env.Tell(words.Text("cli.serve_try", "curl -k https://"+addr))
}

// grace is how long requests may take to end after an interrupt.
const grace = 2 * time.Second

// serveHTTP serves HTTP over TLS, and on a plain port too if asked for, until ctx ends or one of the two fails.
func (s *server) serveHTTP(ctx context.Context) error {
	ends := make(chan error, 2)
	servers := []*http.Server{s.start(ends, func(srv *http.Server) error { return tlshttp.Serve(srv, s.ln) })}
	if s.plain != nil {
		s.env.Tell(s.env.Words.Text("cli.serve_plain", s.plain.Addr()))
		servers = append(servers, s.start(ends, func(srv *http.Server) error { return srv.Serve(s.plain) }))
	}
	running := len(servers)
	var err error
	select {
	case <-ctx.Done():
	case err = <-ends:
		running--
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	for _, srv := range servers {
		if srv.Shutdown(stop) != nil {
			_ = srv.Close()
		}
	}
	for ; running > 0; running-- {
		<-ends // http.ErrServerClosed
	}
	return err
}

// start starts a server, whose end comes to ends.
func (s *server) start(ends chan<- error, serve func(*http.Server) error) *http.Server {
	srv := &http.Server{Handler: s.handler, ErrorLog: log.New(writer(s.env.Warn), "", 0), ReadHeaderTimeout: time.Minute}
	go func() { ends <- serve(srv) }()
	return srv
}

// serveEcho sends back what it decrypts.
func (s *server) serveEcho(ctx context.Context) error {
	var conns sync.WaitGroup
	defer conns.Wait()
	stop := context.AfterFunc(ctx, func() { _ = s.ln.Close() })
	defer stop()
	for {
		c, err := s.ln.Accept()
		if err != nil {
			return err
		}
		conns.Go(func() {
			unblock := context.AfterFunc(ctx, func() { _ = c.Close() })
			defer unblock()
			defer c.Close()
			if err := echo(ctx, c.(*tls.Conn)); err != nil && ctx.Err() == nil {
				s.env.Warn(fmt.Sprintf("%v: %s", c.RemoteAddr(), s.env.Reason(err)))
			}
		})
	}
}

// echo sends back what it reads, early data at once.
func echo(ctx context.Context, c *tls.Conn) error {
	early, err := c.EarlyData(ctx)
	if err != nil {
		return err
	}
	var both net.Conn = c
	if early != nil {
		both = early.Conn()
	}
	defer both.Close()
	_, err = io.Copy(both, both)
	return err
}

// writer makes a log of a function that tells one line.
type writer func(string)

func (w writer) Write(p []byte) (int, error) {
	w(strings.TrimSpace(string(p)))
	return len(p), nil
}
