package msg_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// theirs is the messages of crypto/tls's handshakes, made now: TLS 1.2 as it travels before
// ChangeCipherSpec, TLS 1.3 as QUIC sees it, which is all of it in the clear.
func theirs(t testing.TB) (all []sample) {
	if t, ok := t.(*testing.T); ok {
		cryptotest.SetGlobalRandom(t, 1)
	}
	client, server := configs(t)
	for i := range 2 {
		all = append(all, handshake12(t, fmt.Sprintf("crypto/tls 1.2, connection %d", i), client, server)...)
	}
	for i := range 2 {
		all = append(all, handshake13(t, fmt.Sprintf("crypto/tls 1.3, connection %d", i), client, server)...)
	}
	server.CurvePreferences = []tls.CurveID{tls.CurveP384}
	client.ClientSessionCache = nil
	return append(all, handshake13(t, "crypto/tls 1.3, retried", client, server)...)
}

// configs is a client and a server that send as many different messages as crypto/tls can.
func configs(t testing.TB) (client, server *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"example.com"}, NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert := tls.Certificate{
		Certificate: [][]byte{der}, PrivateKey: key,
		OCSPStaple: fill(0x30, 50), SignedCertificateTimestamps: [][]byte{fill(1, 47)},
	}
	protos := []string{"h2", "http/1.1"}
	client = &tls.Config{
		ServerName: "example.com", NextProtos: protos, InsecureSkipVerify: true,
		Certificates: []tls.Certificate{cert}, ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}
	server = &tls.Config{NextProtos: protos, Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert}
	server.SetSessionTicketKeys([][32]byte{{1}}) // clones share them, so that the second connection resumes
	return client, server
}

// handshake12 is the messages of a handshake over a pipe, of both ends, up to
// ChangeCipherSpec.
func handshake12(t testing.TB, name string, client, server *tls.Config) (all []sample) {
	client, server = client.Clone(), server.Clone()
	client.MaxVersion, server.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	c, s := net.Pipe()
	fromClient, fromServer := &tap{Conn: c}, &tap{Conn: s}
	done := make(chan error, 1)
	go func() { done <- tls.Server(fromServer, server).Handshake() }()
	if err := tls.Client(fromClient, client).Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	ctx := exchange(iana.VersionTLS12, msg.KeyExchangeECDHE)
	all = split(name+", client", ctx, fromClient.handshake())
	return append(all, split(name+", server", ctx, fromServer.handshake())...)
}

// tap keeps what is written.
type tap struct {
	net.Conn
	written []byte
}

func (t *tap) Write(b []byte) (int, error) {
	t.written = append(t.written, b...)
	return t.Conn.Write(b)
}

// handshake is the content of the handshake records before ChangeCipherSpec.
func (t *tap) handshake() (content []byte) {
	for b := t.written; len(b) > 5 && iana.ContentType(b[0]) == iana.ContentHandshake; {
		n := 5 + (int(b[3])<<8 | int(b[4]))
		content, b = append(content, b[5:n]...), b[n:]
	}
	return content
}

// handshake13 is the messages of a handshake over nothing but function calls.
func handshake13(t testing.TB, name string, client, server *tls.Config) (all []sample) {
	client, server = client.Clone(), server.Clone()
	client.MinVersion, server.MinVersion = tls.VersionTLS13, tls.VersionTLS13
	c, s := tls.QUICClient(&tls.QUICConfig{TLSConfig: client}), tls.QUICServer(&tls.QUICConfig{TLSConfig: server})
	defer c.Close()
	defer s.Close()
	for _, end := range []*tls.QUICConn{c, s} {
		end.SetTransportParameters(fill(1, 8))
		if err := end.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	var fromClient, fromServer []byte
	for {
		a, b := pump(t, c, s), pump(t, s, c)
		fromClient, fromServer = append(fromClient, a...), append(fromServer, b...)
		if len(a)+len(b) == 0 {
			break
		}
		if len(b) == 0 { // the client's last flight: a ticket follows
			if err := s.SendSessionTicket(tls.QUICSessionTicketOptions{EarlyData: true}); err != nil {
				t.Fatal(err)
			}
		}
	}
	all = split(name+", client", tls13, fromClient)
	return append(all, split(name+", server", tls13, fromServer)...)
}

// pump hands what from has to say to to, and returns it.
func pump(t testing.TB, from, to *tls.QUICConn) (sent []byte) {
	for {
		e := from.NextEvent()
		if e.Kind == tls.QUICNoEvent {
			return sent
		}
		if e.Kind == tls.QUICWriteData {
			sent = append(sent, e.Data...)
			if err := to.HandleData(e.Level, e.Data); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// split takes messages apart.
func split(name string, ctx msg.Context, b []byte) (all []sample) {
	for i := 0; len(b) > 0; i++ {
		n := msg.HeaderLength + (int(b[1])<<16 | int(b[2])<<8 | int(b[3]))
		t, _ := msg.Type(b)
		all = append(all, sample{fmt.Sprintf("%s, message %d, %v", name, i, t), ctx, b[:n:n], false})
		b = b[n:]
	}
	return all
}
