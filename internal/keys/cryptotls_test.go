package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
)

// recorder keeps what is written to a connection.
type recorder struct {
	net.Conn
	written bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	r.written.Write(p)
	return r.Conn.Write(p)
}

// handshakeMessages returns the plain handshake messages of a flight: what stands in records before ChangeCipherSpec.
func handshakeMessages(flight []byte) []byte {
	var messages []byte
	for len(flight) > 5 && flight[0] == 22 {
		n := 5 + int(flight[3])<<8 + int(flight[4])
		messages = append(messages, flight[5:n]...)
		flight = flight[n:]
	}
	return messages
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TLS 1.2 as crypto/tls does it: given its main secret and the bytes on the wire, the exporters and the client's Finished
// must be what it says they are.
func TestTLS12AgainstCryptoTLS(t *testing.T) {
	for _, c := range []struct {
		suite uint16
		hash  crypto.Hash
	}{
		{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, crypto.SHA256},
		{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, crypto.SHA384},
	} {
		t.Run(tls.CipherSuiteName(c.suite), func(t *testing.T) {
			clientSide, serverSide := net.Pipe()
			defer clientSide.Close()
			defer serverSide.Close()
			fromClient, fromServer := &recorder{Conn: clientSide}, &recorder{Conn: serverSide}
			var keyLog bytes.Buffer
			client := tls.Client(fromClient, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{c.suite}, KeyLogWriter: &keyLog, SessionTicketsDisabled: true})
			server := tls.Server(fromServer, &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}, SessionTicketsDisabled: true})
			done := make(chan error, 1)
			go func() { done <- server.Handshake() }()
			if err := client.Handshake(); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			compareTLS12(t, client.ConnectionState(), TLS12(c.hash, nil), c.hash, keyLog.String(), fromClient.written.Bytes(), fromServer.written.Bytes())
		})
	}
}

func compareTLS12(t *testing.T, state tls.ConnectionState, prf PRF, h crypto.Hash, keyLog string, fromClient, fromServer []byte) {
	t.Helper()
	line := strings.Fields(keyLog)
	if len(line) != 3 || line[0] != MainSecret.KeyLog() {
		t.Fatalf("key log: got %q, want a line of %s", keyLog, MainSecret.KeyLog())
	}
	main, err := hex.DecodeString(line[2])
	if err != nil {
		t.Fatal(err)
	}
	clientMessages, serverMessages := handshakeMessages(fromClient), handshakeMessages(fromServer)
	clientRandom, serverRandom := clientMessages[6:38], serverMessages[6:38]
	for name, context := range map[string][]byte{"none": nil, "empty": {}, "some": []byte("context")} {
		want, err := state.ExportKeyingMaterial("EXPORTER-test", context, 100)
		if err != nil {
			t.Fatal(err)
		}
		got, err := prf.Export(main, "EXPORTER-test", clientRandom, serverRandom, context, 100)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("exporter, context %s: got %x, error %v, want %x", name, got, err, want)
		}
	}
	// ClientHello, the server's flight, ClientKeyExchange: the client's first message is followed by the server's.
	hello := 4 + int(clientMessages[1])<<16 + int(clientMessages[2])<<8 + int(clientMessages[3])
	transcript := h.New()
	for _, part := range [][]byte{clientMessages[:hello], serverMessages, clientMessages[hello:]} {
		if _, err := io.Copy(transcript, bytes.NewReader(part)); err != nil {
			t.Fatal(err)
		}
	}
	if got := prf.AppendFinished(nil, main, Client, transcript.Sum(nil)); !bytes.Equal(got, state.TLSUnique) {
		t.Errorf("client Finished: got %x, want %x", got, state.TLSUnique)
	}
	if got := prf.AppendFinished(nil, main, Server, transcript.Sum(nil)); bytes.Equal(got, state.TLSUnique) {
		t.Error("the server's Finished equals the client's")
	}
}
