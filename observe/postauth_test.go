package observe_test

import (
	"io"
	"net"
	"slices"
	"testing"

	"github.com/akushu/akushu/observe"
	akushu "github.com/akushu/akushu/tls"
)

// A client that is asked for its certificate after the handshake proves what it then sends on top of it (RFC 9846 §4.5).
func TestChecksAfterTheHandshake(t *testing.T) {
	cert := certificate(t, "ECDSA")
	var seen *observe.Session
	tap := observe.NewTap(observe.TapOptions{Done: func(s *observe.Session) { seen = s }})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer ln.Close()
	served := make(chan error, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			served <- err
			return
		}
		s := akushu.Server(c, &akushu.Config{Certificates: []akushu.Certificate{cert}})
		err = s.RequestClientCertificate(t.Context(), akushu.RequireAnyClientCert)
		s.Close()
		served <- err
	}()
	c, err := net.Dial("tcp", ln.Addr().String())
	must(t, err)
	client := akushu.Client(tap.Conn(c, observe.Client, 0), &akushu.Config{
		InsecureSkipVerify: true, Certificates: []akushu.Certificate{cert}, KeyLogWriter: tap.KeyLog(), PostHandshakeAuth: true,
	})
	_, err = io.ReadAll(client)
	must(t, err)
	must(t, <-served)
	must(t, client.Close())
	var got []string
	for _, c := range seen.Checks {
		got = append(got, c.From+" "+c.What+" "+c.Result)
	}
	want := []string{
		"server certificate_signature ok", "server certificate_verify ok", "server finished ok", "client finished ok",
		"client certificate_signature ok", "client certificate_verify ok", "client finished ok",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
