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
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/suite"
)

// conversation is what a client and a server of crypto/tls said to each other. They go on listening.
type conversation struct {
	ends    map[string]*end // "CLIENT" and "SERVER", as in the key log
	secrets map[string][]byte
	version iana.Version
	suite   *suite.Suite
	etm     bool // encrypt_then_mac was negotiated
}

// end is one of the two.
type end struct {
	conn *tls.Conn
	raw  net.Conn     // under conn
	sent bytes.Buffer // what it sent, as it went over the wire
	data []byte       // that it sent
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

func converse(t *testing.T, version iana.Version, id iana.CipherSuite, key crypto.Signer) *conversation {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	// Several records each, the first of them small.
	client := &end{raw: near, data: bytes.Repeat([]byte("request "), 5000)}
	server := &end{raw: far, data: bytes.Repeat([]byte("response "), 9000)}
	var log bytes.Buffer
	config := &tls.Config{
		InsecureSkipVerify: true, KeyLogWriter: &log,
		MinVersion: uint16(version), MaxVersion: uint16(version), CipherSuites: []uint16{uint16(id)},
		Certificates: []tls.Certificate{{Certificate: [][]byte{selfSigned(t, key)}, PrivateKey: key}},
	}
	quiet := config.Clone()
	quiet.KeyLogWriter = nil
	client.conn, server.conn = tls.Client(recorded{near, &client.sent}, config), tls.Server(recorded{far, &server.sent}, quiet)
	failed := make(chan error, 1)
	go func() {
		_, err := io.CopyN(io.Discard, server.conn, int64(len(client.data)))
		if err == nil {
			_, err = server.conn.Write(server.data)
		}
		failed <- err
	}()
	if _, err := client.conn.Write(client.data); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, client.conn, int64(len(server.data))); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	state := client.conn.ConnectionState()
	return &conversation{
		ends: map[string]*end{"CLIENT": client, "SERVER": server}, secrets: parseLog(t, log.String()),
		version: iana.Version(state.Version), suite: suite.ByID(iana.CipherSuite(state.CipherSuite)),
	}
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
		if f := strings.Fields(line); len(f) == 3 {
			secrets[f[0]] = unhex(t, f[2])
		}
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
			d.resealed.Write(sealOne(t, &d.sealer, typ, content))
		}
		switch typ {
		case iana.ContentApplicationData:
			d.data = append(d.data, content...)
		case iana.ContentChangeCipherSpec:
			if d.version <= iana.VersionTLS12 {
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

// sealOne makes one record, also of data that Seal would split.
func sealOne(t *testing.T, s *Sealer, typ iana.ContentType, content []byte) []byte {
	t.Helper()
	guard, err := s.protection(typ)
	if err != nil {
		t.Fatal(err)
	}
	record := guard.seal(make([]byte, 0, 1<<15), s.header(typ), s.seq, content, 0)
	if guard != unprotected {
		s.seq++
	}
	return record
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
		prf := keys.TLS10(nil)
		if d.version == iana.VersionTLS12 {
			prf = keys.TLS12(d.suite.Hash, nil)
		}
		block := prf.KeyBlock(d.secrets["CLIENT_RANDOM"], randoms[:32], randoms[32:], d.suite.Lengths())
		mine := map[string]keys.WriteKeys{"CLIENT": block.Client, "SERVER": block.Server}[d.name]
		return &suite.TrafficKeys{Version: d.version, Suite: d.suite, MAC: mine.MAC, Key: mine.Key, IV: mine.IV, EncryptThenMAC: d.etm}
	}
}

// What crypto/tls sends opens, and sealed again it is the same, byte for byte where nothing in it is random; what is sealed
// behind that it takes: every suite and version that it has and we have, in TLS 1.3 the suite that it chooses.
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
	ran := 0
	for _, theirs := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		s := suite.ByID(iana.CipherSuite(theirs.ID))
		if s == nil {
			continue // RC4
		}
		for v := s.MinVersion; v <= s.MaxVersion; v++ {
			t.Run(fmt.Sprintf("%v/%v", v, s.ID), func(t *testing.T) {
				c := converse(t, v, s.ID, signers[s.Auth])
				if c.suite != s || c.version != v {
					if v < iana.VersionTLS13 {
						t.Errorf("crypto/tls chose %v in %v", c.suite.ID, c.version)
					}
					return
				}
				poisoned(t)
				c.check(t)
				ran++
			})
		}
	}
	if want := 36; ran != want {
		t.Errorf("got %d suites and versions compared, want %d", ran, want)
	}
}

func (c *conversation) check(t *testing.T) {
	randoms := c.randoms() // before the streams are read
	for name, from := range c.ends {
		stream := bytes.Clone(from.sent.Bytes())
		d := &direction{conversation: c, name: name, r: NewReader(borrow.From(&from.sent))}
		d.sealer.SetVersion(c.version)
		d.follow(t, randoms)
		d.r.Wipe()
		if !bytes.Equal(d.data, from.data) {
			t.Errorf("%s: got %d bytes of data, want %d", name, len(d.data), len(from.data))
		}
		if ours, theirs := d.compare(stream); ours != theirs || d.resealed.Len() < len(from.data) {
			t.Errorf("%s: got other records than crypto/tls sent:\n%.200s\n%.200s", name, ours, theirs)
		}
		d.goOn(t, from)
	}
}

// compare returns the records that we made and those that the stream has there, as text. CBC has IVs in its records from
// TLS 1.1 on, so that only the lengths are the same.
func (d *direction) compare(stream []byte) (ours, theirs string) {
	dump := func(records []byte) string {
		var b strings.Builder
		for len(records) > 0 {
			h := ParseHeader(records)
			if d.suite.Cipher.CBC() && d.version > iana.VersionTLS10 {
				fmt.Fprintln(&b, h)
			} else {
				fmt.Fprintf(&b, "%x\n", records[:HeaderLen+h.Length])
			}
			records = records[HeaderLen+h.Length:]
		}
		return b.String()
	}
	return dump(d.resealed.Bytes()), dump(stream[len(stream)-d.resealed.Len():])
}

// goOn sends more data in from's name, which crypto/tls must take.
func (d *direction) goOn(t *testing.T, from *end) {
	t.Helper()
	to := d.ends["SERVER"]
	if from == to {
		to = d.ends["CLIENT"]
	}
	for _, text := range []string{"x", "more", strings.Repeat("much more", 4000)} {
		records := mustSeal(t, &d.sealer, iana.ContentApplicationData, []byte(text), 0)
		go from.raw.Write(records)
		got := make([]byte, len(text))
		if _, err := io.ReadFull(to.conn, got); err != nil || string(got) != text {
			t.Fatalf("%s: got %.20q, %v, want %.20q", d.name, got, err, text)
		}
	}
}
