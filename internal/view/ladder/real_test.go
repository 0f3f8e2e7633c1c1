package ladder

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/observe"
)

// wire is one end of a connection of which both directions are observed.
type wire struct {
	net.Conn
	conn *observe.Conn
}

func (w wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.conn.Feed(s2c, observe.At{Time: time.Now()}, b[:n])
	return n, err
}

func (w wire) Write(b []byte) (int, error) {
	w.conn.Feed(c2s, observe.At{Time: time.Now()}, b)
	return w.Conn.Write(b)
}

// TestRealConnection draws connections of crypto/tls, as observe really tells them.
func TestRealConnection(t *testing.T) {
	for _, tc := range []struct {
		version uint16
		want    []string
	}{
		{tls.VersionTLS13, []string{
			"ClientHello", "server name  localhost", "ServerHello", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
			"EncryptedExtensions", "Certificate", "subject      CN=ladder", "Ed25519", "CertificateVerify", "Finished",
			"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "Finished", "application data", "GET / HTTP/1.0", "Hello World!", "close_notify",
			"TLS 1.3 · TLS_AES_128_GCM_SHA256 · handshake complete",
			"key exchange ECDHE + ML-KEM · authentication EdDSA · cipher AES-128-GCM", "forward secret  yes", "TCP 1 + TLS 1",
			"everything that was encrypted",
		}},
		{tls.VersionTLS12, []string{
			"ClientHello", "ServerHello", "Certificate", "ServerKeyExchange", "ServerHelloDone", "ClientKeyExchange", "ChangeCipherSpec",
			"CLIENT_RANDOM", "Finished", "ChangeCipherSpec", "Finished", "GET / HTTP/1.0", "Hello World!",
			"TLS 1.2", "key exchange ECDHE · authentication ECDSA", "forward secret  yes", "TCP 1 + TLS 2",
		}},
	} {
		t.Run(tls.VersionName(tc.version), func(t *testing.T) {
			var text strings.Builder
			for _, line := range talk(t, tc.version) {
				text.WriteString(line.String() + "\n")
			}
			rest := text.String()
			for _, want := range tc.want {
				i := strings.Index(rest, want)
				if i < 0 {
					t.Fatalf("got no %q where it should be in\n%s", want, text.String())
				}
				rest = rest[i+len(want):]
			}
		})
	}
}

// talk lets a client and a server of crypto/tls talk, and draws them.
func talk(t *testing.T, version uint16) []Line {
	t.Helper()
	l, keys := New(Options{Width: 100}), observe.NewKeys()
	conn := observe.New(observe.Options{Client: "client:1", Server: "server:443", Tap: true, Connect: time.Millisecond, Keys: keys, Sink: l.Add})
	near, far := net.Pipe()
	client := tls.Client(wire{near, conn}, &tls.Config{
		ServerName: "localhost", InsecureSkipVerify: true, KeyLogWriter: keys, MaxVersion: version,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
	})
	done := make(chan error, 1)
	go func() { done <- serve(far, version, certificate(t)) }()
	if _, err := io.WriteString(client, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(client); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	conn.Close(observe.At{Time: time.Now()}, observe.EndFIN, observe.TCP{})
	return l.Lines(conn.Session())
}

func serve(c net.Conn, version uint16, cert tls.Certificate) error {
	server := tls.Server(c, &tls.Config{
		Certificates: []tls.Certificate{cert}, MaxVersion: version, SessionTicketsDisabled: true,
	})
	if _, err := server.Read(make([]byte, 100)); err != nil {
		return err
	}
	if _, err := io.WriteString(server, "Hello World!"); err != nil {
		return err
	}
	return server.Close()
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ladder"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}
