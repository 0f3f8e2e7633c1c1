package record

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/suite"
)

// conversation is what a client and a server of crypto/tls said to each other.
type conversation struct {
	client, server bytes.Buffer // what each sent
	secrets        map[string][]byte
	version        iana.Version
	suite          *suite.Suite
}

// recorded is a connection whose writes are kept.
type recorded struct {
	net.Conn
	sent *bytes.Buffer
}

func (r recorded) Write(p []byte) (int, error) {
	r.sent.Write(p)
	return r.Conn.Write(p)
}

// The data that each end of a conversation sends: several records, the first of them small.
var (
	request  = bytes.Repeat([]byte("request "), 5000)
	response = bytes.Repeat([]byte("response "), 9000)
)

func converse(t *testing.T, version iana.Version, id iana.CipherSuite, key crypto.Signer) *conversation {
	t.Helper()
	var c conversation
	var log bytes.Buffer
	near, far := net.Pipe()
	client := tls.Client(recorded{near, &c.client}, &tls.Config{
		InsecureSkipVerify: true, KeyLogWriter: &log, MaxVersion: uint16(version), CipherSuites: []uint16{uint16(id)},
	})
	server := tls.Server(recorded{far, &c.server}, &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{selfSigned(t, key)}, PrivateKey: key}}, MaxVersion: uint16(version),
	})
	failed := make(chan error, 1)
	go func() {
		_, err := io.CopyN(io.Discard, server, int64(len(request)))
		if err == nil {
			_, err = server.Write(response)
		}
		server.Close()
		failed <- err
	}()
	if _, err := client.Write(request); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, client); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	state := client.ConnectionState()
	c.version, c.suite = iana.Version(state.Version), suite.ByID(iana.CipherSuite(state.CipherSuite))
	c.secrets = parseLog(t, log.String())
	return &c
}

func selfSigned(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func parseLog(t *testing.T, log string) map[string][]byte {
	t.Helper()
	secrets := map[string][]byte{}
	for line := range strings.Lines(log) {
		f := strings.Fields(line)
		secrets[f[0]] = unhex(t, f[2])
	}
	return secrets
}

// direction is one end's stream of a conversation, followed.
type direction struct {
	*conversation
	name     string // "CLIENT" or "SERVER", as in the key log
	r        *Reader
	sealer   Sealer
	messages Messages
	data     []byte
	resealed bytes.Buffer
}

// follow reads a stream to its end, changing keys where they change, and makes all of its records again.
func (d *direction) follow(t *testing.T, randoms []byte) {
	t.Helper()
	for {
		protected := d.r.Protected()
		typ, content, err := d.r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", d.name, err)
		}
		if protected {
			d.resealed.Write(mustSeal(t, &d.sealer, typ, content, 0))
		}
		switch typ {
		case iana.ContentApplicationData:
			d.data = append(d.data, content...)
		case iana.ContentChangeCipherSpec:
			if d.version == iana.VersionTLS12 {
				d.setKeys(d.keys12(randoms))
			} else if !protected {
				d.setKeys(d.keys13("HANDSHAKE_TRAFFIC_SECRET"))
			}
		case iana.ContentHandshake:
			if d.version == iana.VersionTLS13 && d.finished(t, content) {
				d.setKeys(d.keys13("TRAFFIC_SECRET_0"))
			}
		}
	}
}

func (d *direction) finished(t *testing.T, content []byte) (finished bool) {
	t.Helper()
	if err := d.messages.Push(content); err != nil {
		t.Fatal(err)
	}
	for {
		m, err := d.messages.Next()
		if err != nil {
			t.Fatal(err)
		}
		if m == nil {
			return finished
		}
		finished = finished || iana.HandshakeType(m[0]) == iana.HandshakeFinished
	}
}

func (d *direction) setKeys(k func() *suite.TrafficKeys) {
	d.r.SetKeys(k())
	d.sealer.SetKeys(k())
}

func (d *direction) keys13(label string) func() *suite.TrafficKeys {
	return func() *suite.TrafficKeys {
		return &suite.TrafficKeys{Version: d.version, Suite: d.suite, Secret: bytes.Clone(d.secrets[d.name+"_"+label])}
	}
}

func (d *direction) keys12(randoms []byte) func() *suite.TrafficKeys {
	return func() *suite.TrafficKeys {
		block := keys.TLS12(d.suite.Hash, nil).KeyBlock(d.secrets["CLIENT_RANDOM"], randoms[:32], randoms[32:], d.suite.Lengths())
		mine := map[string]keys.WriteKeys{"CLIENT": block.Client, "SERVER": block.Server}[d.name]
		return &suite.TrafficKeys{Version: d.version, Suite: d.suite, MAC: mine.MAC, Key: mine.Key, IV: mine.IV}
	}
}

// What crypto/tls sends opens, and sealed again it is the same, byte for byte: every suite of TLS 1.2, and the one that
// crypto/tls chooses in TLS 1.3.
func TestAgainstCryptoTLS(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signers := map[suite.Authentication]crypto.Signer{suite.AuthNegotiated: ecdsaKey, suite.AuthRSA: rsaKey, suite.AuthECDSA: ecdsaKey}
	forSuites(t, func(t *testing.T, s *suite.Suite) {
		c := converse(t, s.MinVersion, s.ID, signers[s.Auth])
		if c.suite != s {
			t.Skip("crypto/tls chose " + c.suite.ID.String())
		}
		poisoned(t)
		const random = HeaderLen + 4 + 2 // where it is in both hellos
		randoms := append(bytes.Clone(c.client.Bytes()[random:][:32]), c.server.Bytes()[random:][:32]...)
		for _, end := range []struct {
			name string
			sent *bytes.Buffer
			data []byte
		}{
			{"CLIENT", &c.client, request},
			{"SERVER", &c.server, response},
		} {
			stream := bytes.Clone(end.sent.Bytes())
			d := &direction{conversation: c, name: end.name, r: NewReader(borrow.From(end.sent))}
			d.sealer.SetVersion(c.version)
			d.follow(t, randoms)
			d.r.Wipe()
			if !bytes.Equal(d.data, end.data) {
				t.Errorf("%s: got %d bytes of data, want %d", end.name, len(d.data), len(end.data))
			}
			if !bytes.HasSuffix(stream, d.resealed.Bytes()) || d.resealed.Len() < len(end.data) {
				t.Errorf("%s: got other records than crypto/tls sent:\n%s", end.name, hex.Dump(d.resealed.Bytes()[:100]))
			}
		}
	})
}
