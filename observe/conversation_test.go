package observe_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/observe"
)

// chunk is some bytes as they went by.
type chunk struct {
	dir  observe.Dir
	time time.Time
	data []byte
	end  bool // of the stream, instead of bytes
}

// conversation is what passed between a client and a server of crypto/tls.
type conversation struct {
	chunks []chunk
	keys   []byte
	state  tls.ConnectionState // as the client has it
}

// scene says what client and server do.
type scene struct {
	client, server *tls.Config
	talk           func(t testing.TB, client, server *tls.Conn) // nil: one question, one answer, both close
}

// recorder is a net.Conn of which everything is written down, in the order in which the
// client sees it.
type recorder struct {
	net.Conn
	mu *sync.Mutex
	c  *conversation
}

func (r *recorder) add(d observe.Dir, b []byte, end bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.c.chunks = append(r.c.chunks, chunk{dir: d, time: tick(len(r.c.chunks)), data: bytes.Clone(b), end: end})
}

func (r *recorder) Write(b []byte) (int, error) {
	r.add(observe.ClientToServer, b, false)
	return r.Conn.Write(b)
}

func (r *recorder) Read(b []byte) (int, error) {
	n, err := r.Conn.Read(b)
	if n > 0 {
		r.add(observe.ServerToClient, b[:n], false)
	}
	if err == io.EOF {
		r.add(observe.ServerToClient, nil, true)
	}
	return n, err
}

func (r *recorder) Close() error {
	r.add(observe.ClientToServer, nil, true)
	return r.Conn.Close()
}

var epoch = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// tick is when a chunk went by: one each millisecond.
func tick(chunk int) time.Time { return epoch.Add(time.Duration(chunk) * time.Millisecond) }

// record lets a client and a server talk over loopback.
func record(t testing.TB, s scene) *conversation {
	t.Helper()
	c := new(conversation)
	var keys bytes.Buffer
	s.client.KeyLogWriter = &keys
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dialed, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	client := tls.Client(&recorder{Conn: dialed, mu: new(sync.Mutex), c: c}, s.client)
	server := tls.Server(accepted, s.server)
	talk := s.talk
	if talk == nil {
		talk = questionAndAnswer
	}
	talk(t, client, server)
	c.keys, c.state = keys.Bytes(), client.ConnectionState()
	return c
}

const (
	question = "GET / HTTP/1.0\r\n\r\n"
	answer   = "HTTP/1.0 200 OK\r\nContent-Length: 12\r\n\r\nHello World!"
)

func questionAndAnswer(t testing.TB, client, server *tls.Conn) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(server, make([]byte, len(question)))
		if err == nil {
			_, err = server.Write([]byte(answer))
		}
		server.Close()
		done <- err
	}()
	if _, err := client.Write([]byte(question)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(client); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	client.Close()
}

// certificate makes a self-signed certificate with a key of a kind.
func certificate(t testing.TB, kind string) tls.Certificate {
	t.Helper()
	priv, pub := newKey(t, kind)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "observed"}, DNSNames: []string{"example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, pub, priv)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: priv, Leaf: leaf}
}

func newKey(t testing.TB, kind string) (priv, pub any) {
	t.Helper()
	var err error
	switch kind {
	case "RSA":
		var k *rsa.PrivateKey
		k, err = rsa.GenerateKey(rand.Reader, 2048)
		priv, pub = k, &k.PublicKey
	case "Ed25519":
		pub, priv, err = ed25519.GenerateKey(rand.Reader)
	default:
		var k *ecdsa.PrivateKey
		k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		priv, pub = k, &k.PublicKey
	}
	if err != nil {
		t.Fatal(err)
	}
	return priv, pub
}

// configs are a client and a server that trust each other and agree on a version.
func configs(t testing.TB, version uint16, kind string) (client, server *tls.Config) {
	t.Helper()
	cert := certificate(t, kind)
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	client = &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: version, MaxVersion: version, NextProtos: []string{"http/1.1"}}
	server = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: version, MaxVersion: version, NextProtos: []string{"http/1.1"}}
	return client, server
}

// watched is what came of a conversation.
type watched struct {
	events  []observe.Event
	session *observe.Session
}

// options are those of a connection between two addresses.
func options() observe.Options {
	return observe.Options{Client: "192.0.2.1:51000", Server: "192.0.2.2:443", Start: epoch}
}

// watch feeds a conversation; before is called before each chunk, with its number, and
// once behind the last.
func watch(c *conversation, o observe.Options, before func(conn *observe.Conn, chunk int)) *watched {
	w := new(watched)
	o.Sink = func(e observe.Event) {
		w.events = append(w.events, e.Clone())
	}
	conn := observe.New(o)
	var last observe.At
	for i, k := range c.chunks {
		before(conn, i)
		last = observe.At{Time: k.time, Frame: i + 1}
		if k.end {
			conn.EndOfStream(k.dir, last, observe.EndFIN)
			continue
		}
		conn.Feed(k.dir, last, k.data)
	}
	before(conn, len(c.chunks))
	conn.Close(last, observe.EndFIN, observe.TCP{})
	w.session = conn.Session()
	return w
}
