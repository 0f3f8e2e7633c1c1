package handshake_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
)

// Handshakes that are the same each time: all randomness is counted out, signatures are
// Ed25519's, and no group draws randomness of its own. So what one end said once can be said
// to the other again, with changes.

// A repeat is such a handshake.
type repeat struct {
	version iana.Version
	group   iana.NamedGroup
	suite   iana.CipherSuite                                       // 0: any; with RSA the certificate is of another key
	setup   func(*handshake.ClientConfig, *handshake.ServerConfig) // nil: nothing more
	random  bool                                                   // the client draws what nobody can repeat, so that only it can be repeated to the server
}

// repeatable is the handshakes that fuzzing starts from.
var repeatable = []repeat{
	{version: iana.VersionTLS13, group: iana.GroupX25519},
	{version: iana.VersionTLS13, group: iana.GroupSecp256r1}, // with a HelloRetryRequest
	{version: iana.VersionTLS12, group: iana.GroupX25519},
	{version: iana.VersionTLS12, group: iana.GroupFFDHE2048, suite: iana.TLS_DHE_RSA_WITH_AES_128_CBC_SHA},
	{version: iana.VersionTLS12, group: iana.GroupX25519, suite: iana.TLS_RSA_WITH_AES_128_GCM_SHA256, random: true},
	{version: iana.VersionTLS10, group: iana.GroupX25519, suite: iana.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA},
	{version: iana.VersionTLS11, group: iana.GroupX25519, suite: iana.TLS_RSA_WITH_AES_128_CBC_SHA, random: true},
	{version: iana.VersionTLS13, group: iana.GroupX25519, setup: share},
	{version: iana.VersionTLS13, group: iana.GroupSecp256r1, setup: share}, // with a HelloRetryRequest
	{version: iana.VersionTLS13, group: iana.GroupX25519, setup: alone},
}

// fixedRSA is a key of no importance.
var fixedRSA = sync.OnceValue(func() crypto.Signer {
	text, err := os.ReadFile("testdata/rsa.key")
	if err != nil {
		panic(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	return key.(crypto.Signer)
})

// fixedCredentials are a certificate of an Ed25519 key and one of fixedRSA.
var fixedCredentials = sync.OnceValue(func() (all [2]*auth.Credential) {
	for i, key := range []crypto.Signer{ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), fixedRSA()} {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1),
			Subject:      pkix.Name{CommonName: "example.com"},
			DNSNames:     []string{"example.com"},
			NotBefore:    now.Add(-time.Hour),
			NotAfter:     now.Add(time.Hour),
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			panic(err)
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			panic(err)
		}
		all[i] = &auth.Credential{Chain: [][]byte{der}, Leaf: leaf, Key: key, OCSP: []byte("response")}
	}
	return all
})

// fixed returns both ends' configurations of a repeatable handshake.
func fixed(r repeat) (*handshake.ClientConfig, *handshake.ServerConfig) {
	cred := fixedCredentials()[0]
	suites, schemes := suite.All(), suite.DefaultSchemes()
	if r.suite != 0 {
		cred = fixedCredentials()[1]
		suites = []*suite.Suite{suite.ByID(r.suite)}
		schemes = []*suite.Scheme{suite.SchemeByID(iana.SchemeRSAPKCS1SHA256)} // which draws no randomness
	}
	roots := x509.NewCertPool()
	roots.AddCert(cred.Leaf)
	policy := handshake.Policy{
		MinVersion: min(r.version, iana.VersionTLS12), MaxVersion: iana.VersionTLS13,
		Suites: suites, Groups: groups(iana.GroupX25519, iana.GroupSecp256r1), Schemes: schemes,
		ALPN: []string{"h2", "http/1.1"},
	}
	clock := func() time.Time { return now }
	client := &handshake.ClientConfig{
		Env: handshake.Env{Rand: &counter{}, Now: clock}, Policy: policy, ServerName: "example.com",
		Trust: &auth.Trust{Roots: roots, Name: "example.com", Usage: x509.ExtKeyUsageServerAuth},
	}
	server := &handshake.ServerConfig{
		Env: handshake.Env{Rand: &counter{n: 100}, Now: clock}, Policy: policy,
		Identity: identity{cred},
	}
	if r.setup != nil {
		r.setup(client, server)
	}
	server.MaxVersion = r.version
	server.Groups = groups(r.group)
	return client, server
}

// said returns all messages of one end of a repeatable handshake.
func said(f testing.TB, i int, who string) []byte {
	var all []byte
	p := &pair{tamper: func(from string, raw []byte) [][]byte {
		if from == who {
			all = append(all, raw...)
		}
		return [][]byte{raw}
	}}
	c, s := p.run(fixed(repeatable[i]))
	if c.err != nil || s.err != nil {
		f.Fatal(c.err, s.err)
	}
	return all
}

// seed has fuzzing begin with what one end said, and returns that if it is what it will say in
// every process.
func seed(f *testing.F, i int, who string) []byte {
	all := said(f, i, who)
	f.Add(i, all)
	if repeatable[i].random {
		return nil
	}
	return all
}

// replay is a transport that reads messages from a stream of them.
type replay struct {
	in   []byte
	read int // bytes that were read
}

func (r *replay) ReadMessage() ([]byte, error) {
	if len(r.in) < 4 {
		return nil, io.ErrUnexpectedEOF
	}
	n := 4 + (int(r.in[1])<<16 | int(r.in[2])<<8 | int(r.in[3]))
	if n > len(r.in) {
		return nil, io.ErrUnexpectedEOF
	}
	raw := bytes.Clone(r.in[:n])
	r.in, r.read = r.in[n:], r.read+n
	return raw, nil
}

func (r *replay) ReadChangeCipherSpec() error           { return nil }
func (r *replay) WriteMessage([]byte) error             { return nil }
func (r *replay) WriteChangeCipherSpec() error          { return nil }
func (r *replay) Flush() error                          { return nil }
func (r *replay) SkipEarlyData(int)                     {}
func (r *replay) WantsEarlyData() bool                  { return true }
func (r *replay) ShareWriting(*handshake.Result, int64) {}
func (r *replay) TakeEarlyData(int64)                   {}
func (r *replay) SetVersion(iana.Version)               {}
func (r *replay) SetRecordLimits(int, int)              {}
func (r *replay) OnFatal(func())                        {}

func (r *replay) Warn(iana.Alert) error                                  { return nil }
func (r *replay) SetReadKeys(handshake.Epoch, *suite.TrafficKeys) error  { return nil }
func (r *replay) SetWriteKeys(handshake.Epoch, *suite.TrafficKeys) error { return nil }

// checkOutcome wants a result for what was really said, and nothing else: the peer's Finished
// stands for every byte of it. Nil stands for what another process said, which drew otherwise.
func checkOutcome(t *testing.T, r *replay, fed, genuine []byte, result *handshake.Result, post handshake.Post, err error) {
	if err == nil {
		if genuine != nil && !bytes.Equal(fed[:r.read], genuine) || result == nil || post == nil {
			t.Errorf("messages were accepted that nobody said:\n%x", fed)
		}
		return
	}
	if genuine != nil && bytes.Equal(fed, genuine) {
		t.Errorf("what was really said is refused: %v", err)
	}
	var e *alert.Error
	if !errors.As(err, &e) && err != io.ErrUnexpectedEOF || result != nil || post != nil {
		t.Errorf("got %v, %v, want an alert.Error or the transport's, and no result", result, err)
	}
	if e != nil && (e.Alert == iana.AlertInternalError || e.Where == "" || e.Ref == "") {
		t.Errorf("got %v with %v, want the peer's fault, a place and a section", e, e.Alert)
	}
}

// FuzzClient feeds a client what a server may say.
func FuzzClient(f *testing.F) {
	var genuine [][]byte
	for i := range repeatable {
		genuine = append(genuine, seed(f, i, "server"))
	}
	f.Fuzz(func(t *testing.T, i int, messages []byte) {
		if i < 0 || i >= len(repeatable) {
			return
		}
		client, _ := fixed(repeatable[i])
		r := &replay{in: messages}
		result, post, err := handshake.Client(context.Background(), r, client)
		checkOutcome(t, r, messages, genuine[i], result, post, err)
	})
}

// FuzzServer feeds a server what a client may say.
func FuzzServer(f *testing.F) {
	var genuine [][]byte
	for i := range repeatable {
		genuine = append(genuine, seed(f, i, "client"))
	}
	f.Fuzz(func(t *testing.T, i int, messages []byte) {
		if i < 0 || i >= len(repeatable) {
			return
		}
		_, server := fixed(repeatable[i])
		r := &replay{in: messages}
		result, post, err := handshake.Server(context.Background(), r, server)
		checkOutcome(t, r, messages, genuine[i], result, post, err)
	})
}

// FuzzPost feeds both ends what may come after the handshake.
func FuzzPost(f *testing.F) {
	var posts []handshake.Post
	for i := range repeatable {
		c, s := new(pair).run(fixed(repeatable[i]))
		posts = append(posts, c.post, s.post)
	}
	for i := range posts {
		f.Add(i, handshake.KeyUpdate(true))
		f.Add(i, message(0))
		f.Add(i, message(4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0))
	}
	f.Fuzz(func(t *testing.T, i int, raw []byte) {
		if i < 0 || i >= len(posts) || len(raw) < 4 {
			return
		}
		var did spoken
		err := posts[i].HandlePost(&did, raw)
		var e *alert.Error
		if err != nil && (!errors.As(err, &e) || e.Ref == "") {
			t.Errorf("got %v, want an alert.Error with a section", err)
		}
	})
}

// TestEveryByteCounts changes each byte of each message of repeatable handshakes: none is
// accepted then.
func TestEveryByteCounts(t *testing.T) {
	for i, h := range repeatable {
		for _, who := range []string{"client", "server"} {
			genuine := said(t, i, who)
			step := 1
			if h.suite != 0 { // whose keys take long
				step = 31
			}
			for at := 0; at < len(genuine); at += step {
				fed := bytes.Clone(genuine)
				fed[at] ^= 0x20
				client, server := fixed(h)
				r := &replay{in: fed}
				var result *handshake.Result
				var post handshake.Post
				var err error
				if who == "client" {
					result, post, err = handshake.Server(context.Background(), r, server)
				} else {
					result, post, err = handshake.Client(context.Background(), r, client)
				}
				checkOutcome(t, r, fed, genuine, result, post, err)
			}
		}
	}
}
