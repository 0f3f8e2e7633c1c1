package interop_test

import (
	std "crypto/tls"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/tls"
)

// stdConfig is crypto/tls's end of a cell. It does not let a caller choose the suites of
// TLS 1.3; ours does, and so decides.
func (c *credentials) stdConfig(x cell, groups ...*suite.Group) *std.Config {
	ours := c.config(x, groups...)
	return &std.Config{
		Certificates: ours.Certificates, RootCAs: ours.RootCAs, ServerName: ours.ServerName,
		MinVersion: ours.MinVersion, MaxVersion: ours.MaxVersion,
		CipherSuites: ours.CipherSuites, CurvePreferences: ours.CurvePreferences,
	}
}

// without is the groups that crypto/tls lacks, beside finite fields.
var without = map[iana.NamedGroup]bool{iana.GroupMLKEM512: true, iana.GroupMLKEM768: true, iana.GroupMLKEM1024: true}

// stdHas reports whether crypto/tls can do x.
func stdHas(x cell) bool {
	return !without[x.group.ID] && x.group.KeyExchange != suite.KeyExchangeDHE && slices.ContainsFunc(slices.Concat(std.CipherSuites(), std.InsecureCipherSuites()), func(s *std.CipherSuite) bool { return s.ID == uint16(x.suite.ID) })
}

// TestStdServer has our client connect to crypto/tls.
func TestStdServer(t *testing.T) {
	creds := newCredentials(t)
	y := newTally(t, "connect to crypto/tls")
	for _, x := range cells() {
		if stdHas(x) {
			y.run(t, x.String(), func(t *testing.T) { withStd(t, x, creds.config(x), creds.stdConfig(x), true, false) })
		}
	}
	for _, x := range retries() {
		if !stdHas(x) {
			continue
		}
		y.run(t, "HelloRetryRequest/"+x.String(), func(t *testing.T) {
			withStd(t, x, creds.config(x, x.another(), x.group), creds.stdConfig(x), true, true)
		})
	}
}

// TestStdClient has crypto/tls connect to our server.
func TestStdClient(t *testing.T) {
	creds := newCredentials(t)
	y := newTally(t, "crypto/tls to our server")
	for _, x := range cells() {
		if stdHas(x) {
			y.run(t, x.String(), func(t *testing.T) { withStd(t, x, creds.config(x), creds.stdConfig(x), false, false) })
		}
	}
	for _, x := range retries() {
		if !stdHas(x) || x.group.ID == iana.GroupX25519MLKEM768 || x.group.ID == iana.GroupX25519 {
			continue // it cannot, or: crypto/tls has an order of its own, and sends a share for these first
		}
		y.run(t, "HelloRetryRequest/"+x.String(), func(t *testing.T) {
			first := suite.GroupByID(iana.GroupX25519)
			withStd(t, x, creds.config(x), creds.stdConfig(x, first, x.group), false, true)
		})
	}
}

// shaker is what both connections can do.
type shaker interface {
	net.Conn
	ConnectionState() tls.ConnectionState
}

// withStd shakes hands in cell x, our end with ours, the other with theirs, sends data
// both ways, and looks at both ends' states.
func withStd(t *testing.T, x cell, ours *tls.Config, theirs *std.Config, weDial, retried bool) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var client, server shaker
	accepted := make(chan error, 1)
	go func() {
		raw, err := ln.Accept()
		if err != nil {
			accepted <- err
			return
		}
		if weDial {
			server = std.Server(raw, theirs)
		} else {
			server = tls.Server(raw, ours)
		}
		server.SetDeadline(time.Now().Add(20 * time.Second))
		_, err = io.CopyN(server, server, 6)
		accepted <- err
	}()
	raw, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if weDial {
		client = tls.Client(raw, ours)
	} else {
		client = std.Client(raw, theirs)
	}
	defer client.Close()
	client.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(client, "akushu"); err != nil {
		t.Fatal(err, <-accepted)
	}
	buf := make([]byte, 6)
	if _, err := io.ReadFull(client, buf); err != nil || string(buf) != "akushu" {
		t.Fatalf("got %q, %v", buf, err)
	}
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	x.check(t, client.ConnectionState(), retried)
	x.check(t, server.ConnectionState(), retried)
}
