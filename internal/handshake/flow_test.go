package handshake_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/suite"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// identity is a server with one certificate.
type identity struct{ cred *auth.Credential }

func (i identity) ServerCredential(context.Context, *auth.ClientHelloFacts) (*auth.Credential, error) {
	return i.cred, nil
}

// newIdentity makes a self-signed certificate for example.com, and trust in it.
func newIdentity(t testing.TB) (identity, *auth.Trust) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return identityOf(t, key, x509.KeyUsageDigitalSignature)
}

// rsaKey is one key for all tests.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// useRSA gives the server an RSA certificate, for any use.
func useRSA(t testing.TB) func(*handshake.ClientConfig, *handshake.ServerConfig) {
	id, trust := identityOf(t, rsaKey(), x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment)
	return func(c *handshake.ClientConfig, s *handshake.ServerConfig) { c.Trust, s.Identity = trust, id }
}

// identityOf is newIdentity with a key of the caller's.
func identityOf(t testing.TB, key crypto.Signer, usage x509.KeyUsage) (identity, *auth.Trust) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "example.com"},
		DNSNames:     []string{"example.com"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(time.Hour),
		KeyUsage:     usage,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return identity{&auth.Credential{Chain: [][]byte{der}, Leaf: leaf, Key: key}},
		&auth.Trust{Roots: roots, Name: "example.com", Usage: x509.ExtKeyUsageServerAuth}
}

// ends returns configurations of two ends that can do everything.
func ends(t testing.TB) (*handshake.ClientConfig, *handshake.ServerConfig) {
	t.Helper()
	id, trust := newIdentity(t)
	policy := handshake.Policy{
		MinVersion: iana.VersionTLS12,
		MaxVersion: iana.VersionTLS13,
		Suites:     suite.Usable(),
		Groups:     suite.Groups(),
		Schemes:    suite.Schemes(),
		ALPN:       []string{"h2", "http/1.1"},
	}
	env := handshake.Env{Rand: rand.Reader, Now: func() time.Time { return now }}
	return &handshake.ClientConfig{Env: env, Policy: policy, ServerName: "example.com", Trust: trust},
		&handshake.ServerConfig{Env: env, Policy: policy, Identity: id}
}

var full13 = []string{
	"client ClientHello",
	"server ServerHello",
	"server ChangeCipherSpec",
	"server EncryptedExtensions",
	"server Certificate",
	"server CertificateVerify",
	"server Finished",
	"client ChangeCipherSpec",
	"client Finished",
}

var retried13 = []string{
	"client ClientHello",
	"server ServerHello", // HelloRetryRequest
	"server ChangeCipherSpec",
	"client ChangeCipherSpec",
	"client ClientHello",
	"server ServerHello",
	"server EncryptedExtensions",
	"server Certificate",
	"server CertificateVerify",
	"server Finished",
	"client Finished",
}

var full12 = []string{
	"client ClientHello",
	"server ServerHello",
	"server Certificate",
	"server ServerKeyExchange",
	"server ServerHelloDone",
	"client ClientKeyExchange",
	"client ChangeCipherSpec",
	"client Finished",
	"server ChangeCipherSpec",
	"server Finished",
}

// TestHandshakes runs every suite in every version that has it, with every group, and
// compares the messages with the RFCs' figures (RFC 9846 §2, RFC 5246 §7.3) and what the two
// ends came to.
func TestHandshakes(t *testing.T) {
	rsa := useRSA(t)
	for _, s := range suite.Usable() {
		for v := s.MinVersion; v <= s.MaxVersion; v++ {
			for _, g := range groupsFor(s, v) {
				t.Run(fmt.Sprintf("%v/%v/%v", v, s.ID, g), func(t *testing.T) {
					client, server := ends(t)
					if s.Auth == suite.AuthRSA {
						rsa(client, server)
					}
					client.Suites = []*suite.Suite{s}
					oneGroup(g)(client, server)
					client.MinVersion, client.MaxVersion = v, v
					server.MinVersion, server.MaxVersion = v, v
					p := new(pair)
					c, d := p.run(client, server)
					if c.err != nil || d.err != nil {
						t.Fatalf("client: %v, server: %v", c.err, d.err)
					}
					if diff := cmp.Diff(messagesOf(s, v), p.log); diff != "" {
						t.Errorf("messages (-want +got):\n%s", diff)
					}
					agree(t, c.result, d.result)
					want := fmt.Sprint(v, s.ID, g, s.Cipher.CBC())
					if s.KeyExchange == suite.KeyExchangeRSA {
						want = fmt.Sprint(v, s.ID, iana.NamedGroup(0), s.Cipher.CBC())
					}
					if got := fmt.Sprint(c.result.Version, c.result.Suite.ID, c.result.Group, c.result.EncryptThenMAC); got != want {
						t.Errorf("got %s, want %s", got, want)
					}
				})
			}
		}
	}
}

// groupsFor lists the groups that a suite is tried with: each, but of the finite fields,
// which take long, the smallest in all suites but one.
func groupsFor(s *suite.Suite, v iana.Version) []iana.NamedGroup {
	if s.KeyExchange == suite.KeyExchangeRSA {
		return []iana.NamedGroup{iana.GroupX25519} // which must not matter
	}
	var all []iana.NamedGroup
	for _, g := range suite.Groups() {
		small := g.KeyExchange != suite.KeyExchangeDHE || g.ID == iana.GroupFFDHE2048
		if g.Serves(s, v) && (small || s.ID == iana.TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 || s.ID == iana.TLS_AES_128_GCM_SHA256) {
			all = append(all, g.ID)
		}
	}
	return all
}

// messagesOf is a full handshake with a suite.
func messagesOf(s *suite.Suite, v iana.Version) []string {
	switch {
	case v >= iana.VersionTLS13:
		return full13
	case s.KeyExchange == suite.KeyExchangeRSA:
		return slices.DeleteFunc(slices.Clone(full12), func(m string) bool { return m == "server ServerKeyExchange" })
	}
	return full12
}

// agree checks that both ends have the same view of the connection.
func agree(t *testing.T, c, s *handshake.Result) {
	t.Helper()
	if c.Version != s.Version || c.Suite != s.Suite || c.Group != s.Group || c.ALPN != s.ALPN || c.Scheme != s.Scheme ||
		c.HelloRetry != s.HelloRetry || c.ExtendedMain != s.ExtendedMain || c.EncryptThenMAC != s.EncryptThenMAC || c.Field != s.Field || !bytes.Equal(c.TLSUnique, s.TLSUnique) {
		t.Errorf("the ends disagree:\nclient %+v\nserver %+v", c, s)
	}
	if c.ALPN != "h2" || s.ServerName != "example.com" {
		t.Errorf("got ALPN %q and server name %q", c.ALPN, s.ServerName)
	}
	if c.Version == iana.VersionTLS12 && (!c.ExtendedMain || len(c.TLSUnique) != keys.VerifyDataSize) {
		t.Errorf("extended main secret %v, tls-unique %x", c.ExtendedMain, c.TLSUnique)
	}
	mine, err := c.Exporter.Export("EXPORTER-test", []byte("context"), 40)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := s.Exporter.Export("EXPORTER-test", []byte("context"), 40)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(mine, theirs) || bytes.Equal(mine, make([]byte, 40)) {
		t.Errorf("exported %x and %x", mine, theirs)
	}
}

// TestHelloRetryRequest has a server that wants a group for which the client has sent no
// share.
func TestHelloRetryRequest(t *testing.T) {
	for _, g := range suite.Groups() {
		t.Run(g.ID.String(), func(t *testing.T) {
			client, server := ends(t)
			first := suite.GroupByID(iana.GroupSecp521r1)
			if g == first {
				first = suite.GroupByID(iana.GroupX25519)
			}
			client.Groups = []*suite.Group{first, g}
			server.Groups = []*suite.Group{g}
			p := new(pair)
			c, s := p.run(client, server)
			if c.err != nil || s.err != nil {
				t.Fatalf("client: %v, server: %v", c.err, s.err)
			}
			if diff := cmp.Diff(retried13, p.log); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
			if !c.result.HelloRetry || c.result.Group != g.ID {
				t.Errorf("retried %v, group %v, want %v", c.result.HelloRetry, c.result.Group, g.ID)
			}
			agree(t, c.result, s.result)
		})
	}
}

// TestNoCommonGround changes one thing, so that the two ends cannot agree.
func TestNoCommonGround(t *testing.T) {
	tests := []struct {
		name   string
		change func(*handshake.ClientConfig, *handshake.ServerConfig)
		where  string
		alert  iana.Alert
	}{
		{"versions", func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
			c.MaxVersion, s.MinVersion = iana.VersionTLS12, iana.VersionTLS13
		}, "client_hello.supported_versions", iana.AlertProtocolVersion},
		{"suites 1.3", func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
			c.MinVersion, s.MinVersion = iana.VersionTLS13, iana.VersionTLS13
			c.Suites = []*suite.Suite{suite.ByID(iana.TLS_AES_128_GCM_SHA256)}
			s.Suites = []*suite.Suite{suite.ByID(iana.TLS_AES_256_GCM_SHA384)}
		}, "client_hello.cipher_suites", iana.AlertHandshakeFailure},
		{"suites 1.2", func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
			c.MaxVersion = iana.VersionTLS12
			c.Suites = []*suite.Suite{suite.ByID(iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)}
		}, "client_hello.cipher_suites", iana.AlertHandshakeFailure},
		{"groups", func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
			c.Groups = []*suite.Group{suite.GroupByID(iana.GroupSecp384r1)}
			s.Groups = []*suite.Group{suite.GroupByID(iana.GroupX25519)}
		}, "client_hello.supported_groups", iana.AlertHandshakeFailure},
		{"protocols", func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
			s.ALPN = []string{"imap"}
		}, "client_hello.application_layer_protocol_negotiation", iana.AlertNoApplicationProtocol},
		{"schemes", func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
			c.Schemes = []*suite.Scheme{suite.SchemeByID(iana.SchemeRSAPSSRSAESHA256)}
		}, "signature_algorithms", iana.AlertHandshakeFailure},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, server := ends(t)
			tt.change(client, server)
			_, s := new(pair).run(client, server)
			var e *alert.Error
			if !errors.As(s.err, &e) {
				t.Fatalf("server: got %v, want an alert.Error", s.err)
			}
			if e.Where != tt.where || e.Alert != tt.alert {
				t.Errorf("got %q with %v, want %q with %v\n%v", e.Where, e.Alert, tt.where, tt.alert, e)
			}
		})
	}
}

// TestUntrusted changes what the client trusts.
func TestUntrusted(t *testing.T) {
	tests := []struct {
		name   string
		change func(*handshake.ClientConfig)
		alert  iana.Alert
	}{
		{"nobody", func(c *handshake.ClientConfig) { c.Trust.Roots = x509.NewCertPool() }, iana.AlertUnknownCA},
		{"name", func(c *handshake.ClientConfig) { c.Trust.Name = "example.org" }, iana.AlertBadCertificate},
		{"late", func(c *handshake.ClientConfig) {
			c.Now = func() time.Time { return now.Add(2 * time.Hour) }
		}, iana.AlertCertificateExpired},
		{"usage", func(c *handshake.ClientConfig) { c.Trust.Usage = x509.ExtKeyUsageClientAuth }, iana.AlertUnsupportedCertificate},
	}
	for _, tt := range tests {
		for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
			t.Run(fmt.Sprintf("%s/%v", tt.name, v), func(t *testing.T) {
				client, server := ends(t)
				client.MaxVersion = v
				tt.change(client)
				c, _ := new(pair).run(client, server)
				var bad *auth.VerificationError
				if !errors.As(c.err, &bad) {
					t.Fatalf("got %v, want a VerificationError", c.err)
				}
				if got := alert.For(c.err); got != tt.alert {
					t.Errorf("got alert %v, want %v", got, tt.alert)
				}
			})
		}
	}
}

// TestKeyLog compares the labels with RFC 9850.
func TestKeyLog(t *testing.T) {
	for v, want := range map[iana.Version][]string{
		iana.VersionTLS12: {"CLIENT_RANDOM"},
		iana.VersionTLS13: {
			"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
			"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0", "EXPORTER_SECRET",
		},
	} {
		t.Run(v.String(), func(t *testing.T) {
			client, server := ends(t)
			client.MaxVersion = v
			logs := map[string][]string{}
			var random [32]byte
			hook := func(who string) func(string, *[32]byte, keys.Secret) {
				return func(label string, r *[32]byte, _ keys.Secret) {
					logs[who] = append(logs[who], label)
					random = *r
				}
			}
			client.Secret, server.Secret = hook("client"), hook("server")
			c, s := new(pair).run(client, server)
			if c.err != nil || s.err != nil {
				t.Fatalf("client: %v, server: %v", c.err, s.err)
			}
			if diff := cmp.Diff(map[string][]string{"client": want, "server": want}, logs); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
			if random != c.result.ClientRandom {
				t.Errorf("the key log names another client random")
			}
		})
	}
}

// clientIdentity is a client with one certificate, or none.
type clientIdentity struct{ cred *auth.Credential }

func (i clientIdentity) ClientCredential(context.Context, *auth.CertificateRequestFacts) (*auth.Credential, error) {
	return i.cred, nil
}

// TestClientCertificates has a server ask for a certificate in each of crypto/tls's ways.
func TestClientCertificates(t *testing.T) {
	const fine = iana.AlertCloseNotify // stands for no alert
	tests := []struct {
		mode             auth.ClientAuth
		none, known, odd iana.Alert // of a client without, with a trusted, with another certificate
	}{
		{auth.NoClientCert, fine, fine, fine},
		{auth.RequestClientCert, fine, fine, fine},
		{auth.RequireAnyClientCert, iana.AlertCertificateRequired, fine, fine},
		{auth.VerifyClientCertIfGiven, fine, fine, iana.AlertUnknownCA},
		{auth.RequireAndVerifyClientCert, iana.AlertCertificateRequired, fine, iana.AlertUnknownCA},
	}
	known, trust := newIdentity(t)
	odd, _ := newIdentity(t)
	for _, tt := range tests {
		for v := iana.VersionTLS10; v <= iana.VersionTLS13; v++ {
			for name, c := range map[string]struct {
				cred *auth.Credential
				want iana.Alert
			}{"none": {nil, tt.none}, "known": {known.cred, tt.known}, "odd": {odd.cred, tt.odd}} {
				t.Run(fmt.Sprintf("%d/%v/%s", tt.mode, v, name), func(t *testing.T) {
					client, server := ends(t)
					client.MinVersion, client.MaxVersion, server.MinVersion = v, v, v
					client.Identity = clientIdentity{c.cred}
					server.ClientAuth = tt.mode
					server.ClientTrust = &auth.Trust{Roots: trust.Roots, Usage: x509.ExtKeyUsageAny, Skip: !tt.mode.Verifies()}
					_, s := new(pair).run(client, server)
					want := c.want
					if want == iana.AlertCertificateRequired && v < iana.VersionTLS13 {
						want = iana.AlertHandshakeFailure
					}
					if s.err != nil && alert.For(s.err) != want || s.err == nil && want != fine {
						t.Fatalf("server: got %v, want %v", s.err, want)
					}
					if seen := s.err == nil && len(s.result.Peer.Certificates) == 1; seen != (want == fine && c.cred != nil && tt.mode.Requests()) {
						t.Errorf("the server saw a certificate: %v", seen)
					}
				})
			}
		}
	}
}
