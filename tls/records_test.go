package tls_test

import (
	"bytes"
	std "crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/record"
	"github.com/akushu/akushu/observe"
	"github.com/akushu/akushu/tls"
)

// sizes remembers the lengths of the protected records that are written to a connection.
type sizes struct {
	net.Conn
	mu      sync.Mutex
	rest    []byte
	lengths []int
}

func (s *sizes) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.rest = append(s.rest, b...); len(s.rest) >= record.HeaderLen; {
		h := record.ParseHeader(s.rest)
		if len(s.rest) < record.HeaderLen+h.Length {
			break
		}
		if h.Type == iana.ContentApplicationData {
			s.lengths = append(s.lengths, h.Length)
		}
		s.rest = s.rest[record.HeaderLen+h.Length:]
	}
	return s.Conn.Write(b)
}

func (s *sizes) all() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]int(nil), s.lengths...)
}

// bulk sends much data through both ends, c to s and back, and returns the lengths of
// the protected records of either.
func bulk(t *testing.T, client, server *tls.Config) (fromClient, fromServer []int, c, s *tls.Conn) {
	t.Helper()
	near, far := loopback(t)
	a, b := &sizes{Conn: near}, &sizes{Conn: far}
	c, s = tls.Client(a, client), tls.Server(b, server)
	go func() { _, _ = io.Copy(s, s) }()
	data, back := bytes.Repeat([]byte("akushu"), 20000), make([]byte, 120000)
	go func() { _, _ = c.Write(data) }()
	if _, err := io.ReadFull(c, back); err != nil || !bytes.Equal(data, back) {
		t.Fatalf("got other data back, %v", err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return a.all(), b.all(), c, s
}

// Each end holds to the other's limit, in both versions, whatever its own is.
func TestRecordSizeLimit(t *testing.T) {
	cert, pool := newCert(t)
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, tt := range []struct{ client, server, wantClient, wantServer int }{ // limits; what the ends say the peer's is
			{0, 0, 0, 0},
			{0, 100, 0, 0}, // the client does not know the extension
			{100, 0, 16384, 100},
			{64, 64, 64, 64},
			{16385, 1000, 1000, 16384},
			{500, 16385, 16384, 500},
		} {
			t.Run(fmt.Sprintf("%s/%d/%d", tls.VersionName(v), tt.client, tt.server), func(t *testing.T) {
				config := func(limit int) *tls.Config {
					return &tls.Config{
						Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost",
						MinVersion: v, MaxVersion: v, RecordSizeLimit: limit, SessionTicketsDisabled: true,
					}
				}
				fromClient, fromServer, c, s := bulk(t, config(tt.client), config(tt.server))
				overhead := 8 + 16
				if v == tls.VersionTLS13 {
					overhead = 16
					for _, want := range []*int{&tt.wantClient, &tt.wantServer} {
						if *want == 16384 {
							*want++
						}
					}
				}
				for who, x := range map[string]struct {
					lengths []int
					limit   int
				}{"client": {fromClient, tt.wantClient}, "server": {fromServer, tt.wantServer}} {
					for _, n := range x.lengths {
						if x.limit > 0 && n-overhead > x.limit {
							t.Errorf("%s: got a record of %d bytes, want at most %d", who, n-overhead, x.limit)
						}
					}
				}
				ours, _ := c.Info()
				theirs, _ := s.Info()
				if ours.RecordSizeLimit != tt.wantClient || theirs.RecordSizeLimit != tt.wantServer {
					t.Errorf("got limits of %d and %d, want %d and %d", ours.RecordSizeLimit, theirs.RecordSizeLimit, tt.wantClient, tt.wantServer)
				}
			})
		}
	}
}

// A peer that agrees to a limit and does not hold to it is told record_overflow.
func TestRecordSizeLimitIsEnforced(t *testing.T) {
	cert, pool := newCert(t)
	for _, m := range append(after12, after13...) {
		t.Run(m.String(), func(t *testing.T) {
			config := &tls.Config{
				Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost",
				SessionTicketsDisabled: true, RecordSizeLimit: 4000,
			}
			c, p := victim(t, links[0], config, m)
			p.policy = func(p *handshake.Policy) { p.RecordSizeLimit = 100 }
			done := make(chan string, 1)
			go func() { done <- endure(t, c) }()
			p.play(t, m.victim == "server", m.version, &cert)
			p.say(iana.ContentApplicationData, make([]byte, 4001)...)
			heard := strings.Join(p.listen(), ", ")
			if got := <-done; heard != "fatal record_overflow" || !strings.Contains(got, "RFC 8449 §4") {
				t.Errorf("got %s and %s, want record_overflow", heard, got)
			}
		})
	}
}

// With padding, all records are of a few lengths.
func TestRecordPadding(t *testing.T) {
	cert, pool := newCert(t)
	config := &tls.Config{
		Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost",
		MinVersion: tls.VersionTLS13, RecordPadding: 650, SessionTicketsDisabled: true,
	}
	fromClient, fromServer, _, _ := bulk(t, config, config)
	for who, lengths := range map[string][]int{"client": fromClient, "server": fromServer} {
		for i, n := range lengths {
			if n -= 17; n%650 != 0 && n != record.MaxPlaintext {
				t.Errorf("%s: record %d has %d bytes, want a multiple of 650, or the most", who, i, n)
			}
		}
	}
}

// MaxRecordSize holds for every record, those of the handshake too, and counts what is in them.
func TestMaxRecordSize(t *testing.T) {
	cert, pool := newCert(t)
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		const most = 100
		config := &tls.Config{
			Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost",
			MinVersion: v, MaxVersion: v, MaxRecordSize: most, SessionTicketsDisabled: true,
		}
		fromClient, fromServer, _, _ := bulk(t, config, config)
		for who, lengths := range map[string][]int{"client": fromClient, "server": fromServer} {
			full := 0
			for i, n := range lengths {
				if n > most+8+17 { // a nonce, a tag, the type
					t.Errorf("%s, %s: record %d has %d bytes, want %d of content at most", tls.VersionName(v), who, i, n, most)
				}
				if n >= most+16 {
					full++
				}
			}
			if full < 100 {
				t.Errorf("%s, %s: %d full records of %d, want most of them", tls.VersionName(v), who, full, len(lengths))
			}
		}
	}
}

// GREASE changes nothing that either stack cares for.
func TestGREASE(t *testing.T) {
	for _, v := range []uint16{0, tls.VersionTLS12, tls.VersionTLS13} {
		cert, pool := newCert(t)
		config := &tls.Config{RootCAs: pool, ServerName: "localhost", MaxVersion: v, GREASE: true}
		greased := stack{"greased", func(c net.Conn) conn { return tls.Client(c, config) }, nil}
		server := &tls.Config{Certificates: []tls.Certificate{cert}, GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			n := 0
			for _, id := range hello.CipherSuites {
				if iana.IsGREASE(id) {
					n++
				}
			}
			for _, x := range hello.Extensions {
				if iana.IsGREASE(x) {
					n++
				}
			}
			if n != 3 {
				t.Errorf("got %d values that mean nothing among suites and extensions, want 3", n)
			}
			return nil, nil
		}}
		ours := stack{"akushu", nil, func(c net.Conn) conn { return tls.Server(c, server) }}
		theirs := stack{"crypto/tls", nil, func(c net.Conn) conn { return std.Server(c, &std.Config{Certificates: server.Certificates}) }}
		for i := range 40 { // the values are random
			client, server := shaken(t, links[0], greased, []stack{ours, theirs}[i%2])
			client.Close()
			server.Close()
		}
	}
}

// Certificates of both ends travel compressed, and an observer sees them all the same.
func TestCertificateCompression(t *testing.T) {
	cert, pool := newCert(t)
	sessions := make(chan *observe.Session, 2)
	tap := observe.NewTap(observe.TapOptions{Done: func(s *observe.Session) { sessions <- s }})
	config := &tls.Config{
		Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost", SessionTicketsDisabled: true,
		ClientAuth: tls.RequireAnyClientCert, CertificateCompression: []tls.CertificateCompression{tls.ZlibCertificates()}, KeyLogWriter: tap.KeyLog(),
	}
	near, far := loopback(t)
	client, server := tls.Client(tap.Conn(near, observe.Client, 0), config), tls.Server(far, config)
	go func() { _, _ = io.Copy(server, server); server.Close() }()
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(client, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if n := len(server.ConnectionState().PeerCertificates); n != 1 {
		t.Errorf("got %d certificates of the client, want 1", n)
	}
	client.Close()
	s := <-sessions
	var from, types []string
	for _, c := range s.Certificates {
		from = append(from, c.From)
	}
	for _, m := range s.Messages {
		if strings.Contains(m.Type, "Certificate") {
			types = append(types, m.Type)
		}
	}
	if got, want := strings.Join(from, " "), "server client"; got != want || len(s.Findings) > 0 {
		t.Errorf("got certificates of %s, want %s; findings %v", got, want, s.Findings)
	}
	want := "CertificateRequest CompressedCertificate CertificateVerify CompressedCertificate CertificateVerify"
	if got := strings.Join(types, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
