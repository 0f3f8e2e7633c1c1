package tls_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/record"
	"github.com/akushu/akushu/tls"
)

// deafConn reads from a string of bytes, and takes whatever is written.
type deafConn struct {
	in   io.Reader
	sent int
}

func (c *deafConn) Read(p []byte) (int, error)       { return c.in.Read(p) }
func (c *deafConn) Write(p []byte) (int, error)      { c.sent += len(p); return len(p), nil }
func (c *deafConn) Close() error                     { return nil }
func (c *deafConn) LocalAddr() net.Addr              { return new(net.TCPAddr) }
func (c *deafConn) RemoteAddr() net.Addr             { return new(net.TCPAddr) }
func (c *deafConn) SetDeadline(time.Time) error      { return nil }
func (c *deafConn) SetReadDeadline(time.Time) error  { return nil }
func (c *deafConn) SetWriteDeadline(time.Time) error { return nil }

// counter is a source of randomness that is none.
type counter struct{ n byte }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		c.n++
		p[i] = c.n
	}
	return len(p), nil
}

// repeatable returns the configurations of a connection that is the same each time: its
// randomness is counted out, its signatures are Ed25519's, its group draws none of its own.
func repeatable(v uint16) (client, server *tls.Config) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	day := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: day, NotAfter: day.AddDate(0, 0, 1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	client = &tls.Config{
		Rand: &counter{}, Time: func() time.Time { return day.Add(time.Hour) },
		RootCAs: x509.NewCertPool(), ServerName: "localhost", MaxVersion: v, CurvePreferences: []tls.CurveID{tls.X25519},
	}
	client.RootCAs.AddCert(leaf)
	server = client.Clone()
	server.Rand = &counter{n: 100}
	server.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	return client, server
}

// The data of a recorded connection, to the client and to the server.
var spoken = map[bool]string{true: strings.Repeat("what the server says ", 100), false: "what the client says"}

// recorded returns the bytes of a connection that go to the client, or to the server.
func recorded(f testing.TB, v uint16, toClient bool) []byte {
	clientConfig, serverConfig := repeatable(v)
	rawC, rawS := loopback(f)
	var seen [2]bytes.Buffer
	client := tls.Client(recordedConn{rawC, &seen[0]}, clientConfig)
	server := tls.Server(recordedConn{rawS, &seen[1]}, serverConfig)
	var wg sync.WaitGroup
	for _, end := range []struct {
		*tls.Conn
		says string
	}{{client, spoken[false]}, {server, spoken[true]}} {
		wg.Go(func() {
			_, err := io.WriteString(end, end.says)
			if err == nil {
				err = end.CloseWrite()
			}
			if err == nil {
				_, err = io.Copy(io.Discard, end)
			}
			if err != nil {
				f.Error(err)
			}
		})
	}
	wg.Wait()
	client.Close()
	server.Close()
	if toClient {
		return seen[1].Bytes()
	}
	return seen[0].Bytes()
}

// recordedConn keeps what is written.
type recordedConn struct {
	net.Conn
	sent *bytes.Buffer
}

func (c recordedConn) Write(p []byte) (int, error) {
	c.sent.Write(p)
	return c.Conn.Write(p)
}

// hear feeds a connection and returns what it reads.
func hear(v uint16, client bool, wire []byte) (string, error) {
	clientConfig, serverConfig := repeatable(v)
	raw := &deafConn{in: bytes.NewReader(wire)}
	c := tls.Server(raw, serverConfig)
	if client {
		c = tls.Client(raw, clientConfig)
	}
	defer c.Close()
	data, err := io.ReadAll(c)
	return string(data), err
}

// checkHeard wants nothing else to be read than what was said, and an error that says what is
// wrong with the bytes.
func checkHeard(t *testing.T, client bool, data string, err error) {
	t.Helper()
	if !strings.HasPrefix(spoken[client], data) {
		t.Errorf("got data that nobody sent: %q", data)
	}
	var fact *alert.Error
	var header tls.RecordHeaderError
	var remote tls.AlertError
	switch {
	case errors.As(err, &fact):
		if fact.Alert == iana.AlertInternalError || fact.Ref == "" {
			t.Errorf("got %v with %v, want the peer's fault and a section", err, fact.Alert)
		}
	case errors.As(err, &header), errors.As(err, &remote), err == nil, err == io.EOF, err == io.ErrUnexpectedEOF:
	default:
		t.Errorf("got %v, want what is wrong with the bytes", err)
	}
}

// FuzzConn feeds both ends, in both versions, whatever may come over the network.
func FuzzConn(f *testing.F) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, client := range []bool{true, false} {
			f.Add(v == tls.VersionTLS13, client, recorded(f, v, client))
		}
	}
	f.Fuzz(func(t *testing.T, tls13, client bool, wire []byte) {
		v := uint16(tls.VersionTLS12)
		if tls13 {
			v = tls.VersionTLS13
		}
		data, err := hear(v, client, wire)
		checkHeard(t, client, data, err)
	})
}

// TestEveryByteCounts changes each byte of recorded connections. What is read is at most what
// was sent, and never all of it.
func TestEveryByteCounts(t *testing.T) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, client := range []bool{true, false} {
			wire := recorded(t, v, client)
			if data, err := hear(v, client, wire); data != spoken[client] || err != nil {
				t.Fatalf("got %q, %v from what was really sent", data, err)
			}
			for at := range wire {
				changed := bytes.Clone(wire)
				changed[at] ^= 0x40
				data, err := hear(v, client, changed)
				checkHeard(t, client, data, err)
				if err == nil && !harmless(v, wire, at) {
					t.Errorf("%s, client %v: byte %d was changed, and nobody noticed", tls.VersionName(v), client, at)
				}
			}
		}
	}
}

// harmless reports whether a byte is of a version in the header of an unprotected record that
// is ignored: the minor one before there is a version, both in TLS 1.3 (RFC 9846 §5.1).
func harmless(v uint16, wire []byte, at int) bool {
	begin := 0
	for next := 0; next <= at; {
		begin = next
		next += record.HeaderLen + record.ParseHeader(wire[begin:]).Length
	}
	dummy := v == tls.VersionTLS13 && wire[begin] == byte(iana.ContentChangeCipherSpec)
	return at == 2 || dummy && (at == begin+1 || at == begin+2)
}
