package tls

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
)

// talkative sends one byte more than the message after, in the same record.
type talkative struct {
	*transport
	after iana.HandshakeType
}

// WriteMessage implements handshake.Transport.
func (t *talkative) WriteMessage(raw []byte) error {
	if iana.HandshakeType(raw[0]) == t.after {
		raw = append(raw[:len(raw):len(raw)], byte(iana.HandshakeClientHello))
	}
	return t.transport.WriteMessage(raw)
}

// TestEndOfFlight has a peer that says more than its flight has. It is not read on as if it
// were the beginning of the next one.
func TestEndOfFlight(t *testing.T) {
	for _, tt := range []struct {
		name          string
		version       uint16
		client, retry bool // the talkative end; whether there is a HelloRetryRequest
		after         iana.HandshakeType
	}{
		{name: "ClientHello", version: VersionTLS12, client: true, after: iana.HandshakeClientHello},
		{name: "ClientHello before HelloRetryRequest", version: VersionTLS13, client: true, retry: true, after: iana.HandshakeClientHello},
		{name: "HelloRetryRequest", version: VersionTLS13, retry: true, after: iana.HandshakeServerHello},
		{name: "ServerHelloDone", version: VersionTLS12, after: iana.HandshakeServerHelloDone},
		{name: "a client's Finished", version: VersionTLS12, client: true, after: iana.HandshakeFinished},
		{name: "a server's Finished", version: VersionTLS12, after: iana.HandshakeFinished},
		{name: "a client's Finished in TLS 1.3", version: VersionTLS13, client: true, after: iana.HandshakeFinished},
		{name: "a server's Finished in TLS 1.3", version: VersionTLS13, after: iana.HandshakeFinished},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clientRaw, serverRaw := net.Pipe()
			defer clientRaw.Close()
			defer serverRaw.Close()
			config := &Config{Certificates: []Certificate{certificate(t, keyP256(), "localhost")}, InsecureSkipVerify: true, MinVersion: tt.version, MaxVersion: tt.version}
			clientConfig := config.Clone()
			if tt.retry {
				clientConfig.CurvePreferences = []CurveID{CurveP256, CurveP384}
				config.CurvePreferences = []CurveID{CurveP384}
			}
			bad, good := Client(clientRaw, clientConfig), Server(serverRaw, config)
			if !tt.client {
				bad, good = Server(serverRaw, config), Client(clientRaw, clientConfig)
			}
			go bad.flowOver(&talkative{&transport{run: &run{}, in: &bad.in, out: &bad.out}, tt.after})
			err := good.Handshake()
			var fact *alert.Error
			if !errors.As(err, &fact) || fact.Alert != iana.AlertUnexpectedMessage {
				t.Errorf("got %v, want an unexpected_message", err)
			}
		})
	}
}

// flowOver runs c's flow over t, and then reads what the peer has to say about it.
func (c *Conn) flowOver(t *talkative) {
	if c.client {
		cfg, _ := c.config.client("")
		_, _, _ = handshake.Client(context.Background(), t, cfg)
	} else {
		setup, _ := c.config.server(c.raw)
		_, _, _ = handshake.Server(context.Background(), t, &setup.ServerConfig)
	}
	_, _ = c.raw.Read(make([]byte, 1<<10))
}
