package tls_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/observe"
	"github.com/akushu/akushu/tls"
)

// TestRawPublicKeys has two ends of ours show keys, certificates, or one of each.
func TestRawPublicKeys(t *testing.T) {
	newKey := func() crypto.Signer {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	serverKey, clientKey, stranger := newKey(), newKey(), newKey()
	cert, pool := newCert(t)
	keys := func(all ...crypto.Signer) (public []crypto.PublicKey) {
		for _, k := range all {
			public = append(public, k.Public())
		}
		return public
	}
	knows := func(c *tls.Config) { c.PeerPublicKeys = keys(stranger, serverKey) }
	shows := func(c *tls.Config) { c.RawPublicKey = serverKey }
	tests := []struct {
		name           string
		client, server func(*tls.Config)
		want           string // what each end sees of the other, or the error of who refuses
	}{
		{"the server's key", knows, shows, "key; nothing"},
		{"no certificate at all", knows, func(c *tls.Config) { shows(c); c.Certificates = nil }, "key; nothing"},
		{"a server that has none", knows, nil, "certificate; nothing"},
		{"a client that knows none", nil, shows, "certificate; nothing"},
		{"both keys", func(c *tls.Config) { knows(c); c.RawPublicKey = clientKey }, func(c *tls.Config) {
			shows(c)
			c.ClientAuth, c.PeerPublicKeys = tls.RequireAndVerifyClientCert, keys(clientKey)
		}, "key; key"},
		{"the client's alone", func(c *tls.Config) { c.RawPublicKey = clientKey }, func(c *tls.Config) {
			c.ClientAuth, c.PeerPublicKeys = tls.RequireAndVerifyClientCert, keys(clientKey)
		}, "certificate; key"},
		{"the server's and a client's certificate", func(c *tls.Config) { knows(c); c.Certificates = []tls.Certificate{cert} }, func(c *tls.Config) {
			shows(c)
			c.ClientAuth, c.ClientCAs = tls.RequireAnyClientCert, pool
		}, "key; certificate"},
		{"any, as a function says", func(c *tls.Config) { c.VerifyPublicKey = func(crypto.PublicKey) error { return nil } }, shows, "key; nothing"},
		{"any, unverified", func(c *tls.Config) { c.PeerPublicKeys, c.InsecureSkipVerify = keys(stranger), true }, shows, "key; nothing"},

		{"a stranger's", func(c *tls.Config) { c.PeerPublicKeys = keys(stranger) }, shows, "client: the ECDSA P-256 key is not trusted: it is none of those that are expected; server: unknown certificate"},
		{"a function that says no", func(c *tls.Config) {
			c.VerifyPublicKey = func(crypto.PublicKey) error { return errors.New("not on the list") }
		}, shows, "client: not on the list; server: bad certificate"},
		{"a function that names its alert", func(c *tls.Config) {
			c.VerifyPublicKey = func(crypto.PublicKey) error { return tls.AlertError(49) }
		}, shows, "client: access denied; server: access denied"},
		{"a stranger's, of a client", func(c *tls.Config) { knows(c); c.RawPublicKey = stranger }, func(c *tls.Config) {
			shows(c)
			c.ClientAuth, c.PeerPublicKeys = tls.RequireAndVerifyClientCert, keys(clientKey)
		}, "server: the ECDSA P-256 key is not trusted; client: unknown certificate"},
	}
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, tt := range tests {
			t.Run(tls.VersionName(v)+"/"+tt.name, func(t *testing.T) {
				client := &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: v, MaxVersion: v, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
				server := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: v, MaxVersion: v}
				if tt.client != nil {
					tt.client(client)
				}
				if tt.server != nil {
					tt.server(server)
				}
				for range 2 { // the second time a session is resumed, if the first made one
					for _, want := range strings.Split(tt.want, "; ") {
						if got := rawKeyed(t, client, server); !matches(got, want, tt.want) {
							t.Errorf("got %s, want %s", got, tt.want)
						}
					}
				}
			})
		}
	}
}

// matches compares a report with what is wanted of it: all of it, or each end's error.
func matches(got, part, whole string) bool {
	who, what, isError := strings.Cut(part, ": ")
	if !isError {
		return got == whole
	}
	_, text, _ := strings.Cut(got, who+": ")
	return strings.Contains(text, what)
}

// rawKeyed says what each end sees of the other.
func rawKeyed(t *testing.T, clientConfig, serverConfig *tls.Config) string {
	t.Helper()
	rawC, rawS := loopback(t)
	tap := observe.NewTap(observe.TapOptions{})
	client, server := tls.Client(tap.Conn(rawC, observe.Client, 0), clientConfig), tls.Server(rawS, serverConfig)
	client.SetDeadline(time.Now().Add(20 * time.Second))
	server.SetDeadline(time.Now().Add(20 * time.Second))
	done := make(chan error, 1)
	go func() {
		err := server.Handshake()
		if err == nil {
			_, err = io.WriteString(server, "x")
		}
		if err == nil {
			_, err = server.Read(make([]byte, 1))
		}
		if err == io.EOF {
			err = nil
		}
		done <- err
	}()
	_, err := client.Read(make([]byte, 1))
	sees := sight(client) + "; " + sight(server)
	if err == nil {
		client.Close()
	}
	serverErr := <-done
	client.Close()
	server.Close()
	if err != nil || serverErr != nil {
		return fmt.Sprintf("client: %v\nserver: %v", err, serverErr)
	}
	return sees
}

// sight is what an end sees of the other.
func sight(c *tls.Conn) string {
	info, _ := c.Info()
	switch {
	case info.PeerPublicKey != nil && len(c.ConnectionState().PeerCertificates) == 0:
		return "key"
	case len(c.ConnectionState().PeerCertificates) > 0:
		return "certificate"
	}
	return "nothing"
}
