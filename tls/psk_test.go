package tls_test

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/observe"
	"github.com/akushu/akushu/tls"
)

var (
	pskA   = tls.PreSharedKey{Identity: []byte("alice"), Key: bytes.Repeat([]byte{1}, 32)}
	pskB   = tls.PreSharedKey{Identity: []byte("bob"), Key: bytes.Repeat([]byte{2}, 16)}
	psk384 = tls.PreSharedKey{Identity: []byte("carol"), Key: bytes.Repeat([]byte{3}, 48), Hash: crypto.SHA384}
)

// imported is one for every hash.
var imported = tls.PreSharedKey{Identity: []byte("dave"), Key: bytes.Repeat([]byte{4}, 32), Import: true, Context: []byte("tests")}

// pskCase is a client and a server that may share a key, and what comes of them.
type pskCase struct {
	name           string
	client, server func(*tls.Config)
	identity       string // by which they know each other; "": by a certificate
	want           string // in either end's error; "": none
	check          func(*testing.T, tls.Info)
}

func keysOf(all ...tls.PreSharedKey) func(*tls.Config) {
	return func(c *tls.Config) { c.PreSharedKeys = all }
}

func together(f ...func(*tls.Config)) func(*tls.Config) {
	return func(c *tls.Config) {
		for _, each := range f {
			each(c)
		}
	}
}

func certified(t *testing.T) func(*tls.Config) {
	cert, pool := newCert(t)
	return func(c *tls.Config) { c.Certificates, c.RootCAs = []tls.Certificate{cert}, pool }
}

func modes(m ...tls.PSKMode) func(*tls.Config) { return func(c *tls.Config) { c.PSKModes = m } }

// TestPreSharedKeys shakes hands with keys that both ends were given, and with keys that they
// were not.
func TestPreSharedKeys(t *testing.T) {
	cert := certified(t)
	asked := func(k *tls.PreSharedKey, err error) func(*tls.Config) {
		return func(c *tls.Config) {
			c.GetPreSharedKey = func(info *tls.ClientHelloInfo, identity []byte) (*tls.PreSharedKey, error) {
				if info.ServerName != "localhost" || info.Conn == nil || string(identity) != "alice" {
					return nil, fmt.Errorf("asked about %q, %q", info.ServerName, identity)
				}
				return k, err
			}
		}
	}
	curves := func(ids ...tls.CurveID) func(*tls.Config) {
		return func(c *tls.Config) { c.CurvePreferences = ids }
	}
	only := func(ids ...uint16) func(*tls.Config) { return func(c *tls.Config) { c.CipherSuites = ids } }
	forward := func(want bool, how string) func(*testing.T, tls.Info) {
		return func(t *testing.T, i tls.Info) {
			if i.ForwardSecret != want || i.KeyExchange != how {
				t.Errorf("got forward secret %v, %s, want %v, %s", i.ForwardSecret, i.KeyExchange, want, how)
			}
		}
	}
	suite := func(want string) func(*testing.T, tls.Info) {
		return func(t *testing.T, i tls.Info) {
			if i.CipherSuite != want {
				t.Errorf("got %s, want %s", i.CipherSuite, want)
			}
		}
	}
	const unknown = "remote error: tls: unknown PSK identity"
	wrong := tls.PreSharedKey{Identity: pskA.Identity, Key: pskB.Key}
	for _, tt := range []pskCase{
		{name: "one", client: keysOf(pskA), server: keysOf(pskA), identity: "alice", check: forward(true, "ECDHE + ML-KEM")},
		{name: "the second", client: keysOf(pskA, pskB), server: keysOf(pskB), identity: "bob"},
		{name: "of the callback", client: keysOf(pskA), server: asked(&pskA, nil), identity: "alice"},
		{name: "unknown to the callback", client: keysOf(pskA), server: asked(nil, nil), want: unknown},
		{name: "an error of the callback", client: keysOf(pskA), server: asked(nil, errTaken), want: errTaken.Error()},
		{name: "a bad key of the callback", client: keysOf(pskA), server: asked(&tls.PreSharedKey{}, nil), want: "a key of 0 bytes"},
		{name: "unknown", client: keysOf(pskA), server: keysOf(pskB), want: unknown},
		{name: "unknown, but there is a certificate", client: together(cert, keysOf(pskA)), server: together(cert, keysOf(pskB))},
		{name: "another key", client: keysOf(pskA), server: keysOf(wrong), want: "remote error: tls: error decrypting message"},
		{name: "a client without", client: cert, server: keysOf(pskA), want: "remote error: tls: handshake failure"},
		{name: "a server without", client: together(cert, keysOf(pskA)), server: cert},
		{name: "in place of the certificates", client: together(cert, keysOf(pskA)), server: together(cert, keysOf(pskA)), identity: "alice"},
		{name: "SHA-384", client: keysOf(psk384), server: keysOf(psk384), identity: "carol", check: suite("TLS_AES_256_GCM_SHA384")},
		{name: "another hash", client: keysOf(psk384), server: keysOf(tls.PreSharedKey{Identity: psk384.Identity, Key: psk384.Key}), want: "remote error: tls: error decrypting message"},
		{name: "no suite of the hash", client: together(keysOf(psk384), cert), server: together(keysOf(psk384), cert, only(tls.TLS_CHACHA20_POLY1305_SHA256))},
		{name: "imported", client: keysOf(imported), server: keysOf(imported), identity: "dave"},
		{name: "imported, SHA-384", client: keysOf(imported), server: together(keysOf(imported), only(tls.TLS_AES_256_GCM_SHA384)), identity: "dave", check: suite("TLS_AES_256_GCM_SHA384")},
		{name: "imported, HelloRetryRequest", client: keysOf(imported), server: together(keysOf(imported), curves(tls.CurveP521)), identity: "dave"},
		{name: "imported by one end", client: keysOf(imported), server: keysOf(tls.PreSharedKey{Identity: imported.Identity, Key: imported.Key}), want: unknown},
		{name: "imported into another context", client: keysOf(imported), server: keysOf(tls.PreSharedKey{Identity: imported.Identity, Key: imported.Key, Import: true}), want: unknown},
		{name: "imported, of the callback", client: keysOf(imported), server: func(c *tls.Config) {
			c.GetPreSharedKey = func(*tls.ClientHelloInfo, []byte) (*tls.PreSharedKey, error) { return &imported, nil }
		}, identity: "dave"},
		{name: "HelloRetryRequest", client: keysOf(pskA), server: together(keysOf(pskA), curves(tls.CurveP521)), identity: "alice", check: forward(true, "ECDHE")},
		{name: "HelloRetryRequest, SHA-384", client: keysOf(pskB, psk384), server: together(keysOf(psk384), curves(tls.CurveP521)), identity: "carol"},
		{name: "alone", client: together(keysOf(pskA), modes(tls.PSKModeOnly)), server: together(keysOf(pskA), modes(tls.PSKModeDHE, tls.PSKModeOnly)), identity: "alice", check: forward(false, "PSK")},
		{name: "alone, as the server likes it", client: together(keysOf(pskA), modes(tls.PSKModeDHE, tls.PSKModeOnly)), server: together(keysOf(pskA), modes(tls.PSKModeOnly)), identity: "alice", check: forward(false, "PSK")},
		{name: "alone, for want of a group", client: together(keysOf(pskA), modes(tls.PSKModeDHE, tls.PSKModeOnly), curves(tls.X25519)), server: together(keysOf(pskA), modes(tls.PSKModeDHE, tls.PSKModeOnly), curves(tls.CurveP384)), identity: "alice", check: forward(false, "PSK")},
		{name: "alone is not allowed", client: together(keysOf(pskA), modes(tls.PSKModeOnly)), server: keysOf(pskA), want: unknown},
		{name: "alone is not allowed, but there is a certificate", client: together(cert, keysOf(pskA), modes(tls.PSKModeOnly)), server: together(cert, keysOf(pskA))},
	} {
		for _, l := range links {
			t.Run(tt.name+"/"+l.name, func(t *testing.T) { tt.run(t, l) })
		}
	}
}

func (tt *pskCase) run(t *testing.T, l link) {
	judged := 0
	c := &tls.Config{ServerName: "localhost", MinVersion: tls.VersionTLS13, VerifyConnection: func(tls.ConnectionState) error { judged++; return nil }}
	s := &tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: tls.RequestClientCert}
	tt.client(c)
	tt.server(s)
	rawC, rawS := l.join(t)
	client, server := tls.Client(rawC, c), tls.Server(rawS, s)
	defer client.Close()
	defer server.Close()
	echoed := make(chan error, 1)
	go func() {
		_, err := io.CopyN(server, server, 5)
		echoed <- err
	}()
	_, err := client.Write([]byte("hello"))
	if err == nil {
		_, err = io.ReadFull(client, make([]byte, 5))
	}
	other := <-echoed
	if tt.want != "" {
		if got := fmt.Sprint(err, " / ", other); !strings.Contains(got, tt.want) {
			t.Errorf("got %s, want %s", got, tt.want)
		}
		return
	}
	if err != nil || other != nil {
		t.Fatalf("client: %v, server: %v", err, other)
	}
	for _, end := range []*tls.Conn{client, server} {
		info, _ := end.Info()
		if info.PSKIdentity != tt.identity {
			t.Errorf("got identity %q, want %q", info.PSKIdentity, tt.identity)
		}
		if info.CertificateRequested != (tt.identity == "") {
			t.Errorf("a certificate was asked for: %v", info.CertificateRequested)
		}
		if tt.check != nil {
			tt.check(t, info)
		}
	}
	state := client.ConnectionState()
	if n := len(state.PeerCertificates); (n == 0) != (tt.identity != "") || state.DidResume || judged != 1 {
		t.Errorf("got %d certificates, resumed %v, judged %d times", n, state.DidResume, judged)
	}
}

// TestPSKModesOfTickets resumes by psk_ke, where both ends allow that.
func TestPSKModesOfTickets(t *testing.T) {
	cert := certified(t)
	cache := tls.NewLRUClientSessionCache(4)
	c := &tls.Config{ServerName: "localhost", ClientSessionCache: cache}
	s := &tls.Config{}
	for _, end := range []*tls.Config{c, s} {
		cert(end)
		end.PSKModes = []tls.PSKMode{tls.PSKModeOnly, tls.PSKModeDHE}
	}
	for i := range 3 {
		rawC, rawS := loopback(t)
		client, server := tls.Client(rawC, c), tls.Server(rawS, s)
		go func() { _, _ = io.Copy(server, server); server.Close() }()
		if _, err := client.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(client, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		info, _ := client.Info()
		resumed := client.ConnectionState().DidResume
		if resumed != (i > 0) || info.ForwardSecret == resumed || resumed && info.KeyExchange != "PSK" || info.PSKIdentity != "" {
			t.Errorf("connection %d: resumed %v, %+v", i, resumed, info)
		}
		client.Close()
	}
}

// TestResumePSK resumes the session of ends that share a key, by a ticket, which is of nobody else:
// a client that shares none would not offer it.
func TestResumePSK(t *testing.T) {
	cache := tls.NewLRUClientSessionCache(4)
	c := &tls.Config{ServerName: "localhost", PreSharedKeys: []tls.PreSharedKey{pskA}, ClientSessionCache: cache}
	s := &tls.Config{PreSharedKeys: []tls.PreSharedKey{pskA}}
	for i, want := range []string{"alice", "", ""} {
		client, _, err := shakePSK(t, c, s)
		if err != nil {
			t.Fatal(err)
		}
		info, _ := client.Info()
		if state := client.ConnectionState(); state.DidResume != (want == "") || info.PSKIdentity != want || len(state.PeerCertificates) > 0 {
			t.Errorf("connection %d: resumed %v, identity %q, want %q", i, state.DidResume, info.PSKIdentity, want)
		}
	}
	stranger := &tls.Config{ServerName: "localhost", ClientSessionCache: cache}
	if client, _, err := shakePSK(t, stranger, s); err == nil {
		t.Errorf("without the key: got no error, resumed %v", client.ConnectionState().DidResume)
	}
}

// shakePSK shakes hands and sends a byte each way.
func shakePSK(t *testing.T, c, s *tls.Config) (client, server *tls.Conn, err error) {
	t.Helper()
	rawC, rawS := loopback(t)
	client, server = tls.Client(rawC, c), tls.Server(rawS, s)
	t.Cleanup(func() { client.Close(); server.Close() })
	go func() { _, _ = io.Copy(server, server); server.Close() }()
	if _, err = client.Write([]byte("x")); err == nil {
		_, err = io.ReadFull(client, make([]byte, 1))
	}
	return client, server, err
}

// TestBadPreSharedKeys refuses keys that cannot be.
func TestBadPreSharedKeys(t *testing.T) {
	for _, tt := range []struct {
		change func(*tls.Config)
		want   string
	}{
		{keysOf(tls.PreSharedKey{Key: []byte{1}}), "tls: Config.PreSharedKeys: number 0: an identity of 0 bytes, it has 1 to 65535"},
		{keysOf(pskA, tls.PreSharedKey{Identity: []byte{1}}), "tls: Config.PreSharedKeys: number 1: a key of 0 bytes, it has 1 to 65535"},
		{keysOf(tls.PreSharedKey{Identity: []byte{1}, Key: []byte{1}, Hash: crypto.SHA512}), "tls: Config.PreSharedKeys: number 0: no cipher suite of TLS 1.3 has SHA-512"},
		{keysOf(tls.PreSharedKey{Identity: make([]byte, 65000), Key: []byte{1}, Import: true, Context: make([]byte, 600)}), "tls: Config.PreSharedKeys: number 0: an identity and a context of 65600 bytes, they have at most 65527 together"},
		{keysOf(pskA, pskA), `tls: Config.PreSharedKeys: two are called "alice"`},
		{modes(7), "tls: Config.PSKModes: there is no mode 0x07"},
	} {
		cfg := &tls.Config{ServerName: "localhost"}
		tt.change(cfg)
		raw, _ := loopback(t)
		for _, end := range []*tls.Conn{tls.Client(raw, cfg), tls.Server(raw, cfg)} {
			if err := end.Handshake(); err == nil || err.Error() != tt.want && !strings.HasSuffix(err.Error(), tt.want) && errors.Unwrap(err) == nil {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		}
	}
	if got := fmt.Sprintf("%v %+v %s", pskA, pskA, pskA); strings.Contains(got, "1 1") || strings.Contains(got, "\x01") {
		t.Errorf("a key is printed: %s", got)
	}
}

// TestObservedPSK opens a recording by the PSK alone, where nothing but that made the keys; with
// a key exchange it takes a key log, which has all of the handshake too.
func TestObservedPSK(t *testing.T) {
	for _, tt := range []struct {
		mode      tls.PSKMode
		psk, log  bool
		decrypted bool
	}{
		{tls.PSKModeOnly, true, false, true},
		{tls.PSKModeOnly, false, true, true},
		{tls.PSKModeOnly, false, false, false},
		{tls.PSKModeDHE, true, false, false},
		{tls.PSKModeDHE, false, true, true},
	} {
		t.Run(fmt.Sprint(tt), func(t *testing.T) {
			sessions := make(chan *observe.Session, 1)
			tap := observe.NewTap(observe.TapOptions{Done: func(s *observe.Session) { sessions <- s }})
			cfg := &tls.Config{ServerName: "localhost", PreSharedKeys: []tls.PreSharedKey{pskA}, PSKModes: []tls.PSKMode{tt.mode}}
			if tt.log {
				cfg.KeyLogWriter = tap.KeyLog()
			}
			if tt.psk {
				tap.AddPSK(pskA.Key)
			}
			near, far := loopback(t)
			client, server := tls.Client(tap.Conn(near, observe.Client, 0), cfg), tls.Server(far, cfg)
			go func() { _, _ = io.Copy(server, server); server.Close() }()
			if _, err := client.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(client, make([]byte, 5)); err != nil {
				t.Fatal(err)
			}
			client.Close()
			s := <-sessions
			if s.Decrypted != tt.decrypted || !s.Resumed || tt.decrypted && len(s.Findings) > 0 {
				t.Errorf("got decrypted %v (%s), resumed %v, findings %v", s.Decrypted, s.DecryptError, s.Resumed, s.Findings)
			}
		})
	}
}

// TestKeyLogOfPSKs has both ends log the same secrets, those that every handshake of TLS 1.3 has.
func TestKeyLogOfPSKs(t *testing.T) {
	want := []string{
		"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
		"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0", "EXPORTER_SECRET",
	}
	for _, mode := range []tls.PSKMode{tls.PSKModeDHE, tls.PSKModeOnly} {
		var client, server logbook
		config := &tls.Config{ServerName: "localhost", PreSharedKeys: []tls.PreSharedKey{psk384, pskA}, PSKModes: []tls.PSKMode{mode}, KeyLogWriter: &client}
		other := config.Clone()
		other.KeyLogWriter = &server
		rawC, rawS := loopback(t)
		c, s := tls.Client(rawC, config), tls.Server(rawS, other)
		exchange(t, c, s)
		c.Close()
		s.Close()
		theirs := server.named()
		slices.Sort(theirs)
		ours := client.named()
		slices.Sort(ours)
		if !slices.Equal(ours, theirs) {
			t.Errorf("%v: the client logs %q, the server %q", mode, ours, theirs)
		}
		for _, label := range want {
			if !slices.ContainsFunc(ours, func(line string) bool { return strings.HasPrefix(line, label+" ") }) {
				t.Errorf("%v: no %s in %q", mode, label, ours)
			}
		}
		if len(ours) != len(want) {
			t.Errorf("%v: got %d secrets, want %d", mode, len(ours), len(want))
		}
	}
}
