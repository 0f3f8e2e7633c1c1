package tls

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
)

// policyNames is a policy in names.
type policyNames struct{ Versions, Suites, Groups, ALPN string }

func namesOf(p *handshake.Policy) policyNames {
	var suites, groups []string
	for _, s := range p.Suites {
		suites = append(suites, strings.TrimPrefix(s.ID.String(), "TLS_"))
	}
	for _, g := range p.Groups {
		groups = append(groups, g.ID.String())
	}
	return policyNames{
		p.MinVersion.String() + " to " + p.MaxVersion.String(), strings.Join(suites, " "),
		strings.Join(groups, " "), strings.Join(p.ALPN, " "),
	}
}

const (
	suites13      = "AES_128_GCM_SHA256 AES_256_GCM_SHA384 CHACHA20_POLY1305_SHA256"
	suites12      = "ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 ECDHE_RSA_WITH_AES_128_GCM_SHA256 ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 ECDHE_RSA_WITH_AES_256_GCM_SHA384 ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
	allGroups     = "X25519MLKEM768 x25519 secp256r1 secp384r1 secp521r1"
	bothVersions  = "TLS 1.2 to TLS 1.3"
	only13        = "TLS 1.3 to TLS 1.3"
	only12        = "TLS 1.2 to TLS 1.2"
	defaultSuites = suites13 + " " + suites12
)

func TestPolicy(t *testing.T) {
	for _, tc := range []struct {
		what   string
		config *Config
		want   policyNames
	}{
		{"nil", nil, policyNames{bothVersions, defaultSuites, allGroups, ""}},
		{"defaults", &Config{}, policyNames{bothVersions, defaultSuites, allGroups, ""}},
		{"versions", &Config{MinVersion: VersionTLS13}, policyNames{only13, defaultSuites, allGroups, ""}},
		{"suites in their order", &Config{
			CipherSuites: []uint16{TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256},
		}, policyNames{bothVersions, "ECDHE_RSA_WITH_AES_128_GCM_SHA256 CHACHA20_POLY1305_SHA256 ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 AES_128_GCM_SHA256", allGroups, ""}},
		{
			"suites of TLS 1.2 leave TLS 1.3 alone", &Config{CipherSuites: []uint16{TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}},
			policyNames{bothVersions, "ECDHE_RSA_WITH_AES_128_GCM_SHA256 " + suites13, allGroups, ""},
		},
		{
			"suites of TLS 1.2, and MaxVersion", &Config{CipherSuites: []uint16{TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, MaxVersion: VersionTLS12},
			policyNames{only12, "ECDHE_RSA_WITH_AES_128_GCM_SHA256 " + suites13, allGroups, ""},
		},
		{
			"suites of TLS 1.3 rule TLS 1.2 out", &Config{CipherSuites: []uint16{TLS_AES_256_GCM_SHA384}},
			policyNames{only13, "AES_256_GCM_SHA384", allGroups, ""},
		},
		{"no suites leave TLS 1.3 alone", &Config{CipherSuites: []uint16{}}, policyNames{only13, suites13, allGroups, ""}},
		{
			"a suite twice", &Config{CipherSuites: []uint16{TLS_AES_256_GCM_SHA384, TLS_AES_256_GCM_SHA384}},
			policyNames{only13, "AES_256_GCM_SHA384", allGroups, ""},
		},
		{
			"a signal among suites", &Config{CipherSuites: []uint16{TLS_AES_256_GCM_SHA384, TLS_FALLBACK_SCSV}},
			policyNames{only13, "AES_256_GCM_SHA384", allGroups, ""},
		},
		{"a signal alone", &Config{CipherSuites: []uint16{TLS_FALLBACK_SCSV}}, policyNames{bothVersions, defaultSuites, allGroups, ""}},
		{
			"groups in their order", &Config{CurvePreferences: []CurveID{CurveP384, X25519, CurveP384}},
			policyNames{bothVersions, defaultSuites, "secp384r1 x25519", ""},
		},
		{
			"a hybrid group rules TLS 1.2 out", &Config{CurvePreferences: []CurveID{X25519MLKEM768}},
			policyNames{only13, defaultSuites, "X25519MLKEM768", ""},
		},
		{
			"TLS 1.0 where it is asked for", &Config{MinVersion: VersionTLS10},
			policyNames{"TLS 1.0 to TLS 1.3", defaultSuites + " ECDHE_ECDSA_WITH_AES_128_CBC_SHA ECDHE_RSA_WITH_AES_128_CBC_SHA " +
				"ECDHE_ECDSA_WITH_AES_256_CBC_SHA ECDHE_RSA_WITH_AES_256_CBC_SHA", allGroups, ""},
		},
		{
			"DHE where it is asked for", &Config{CipherSuites: []uint16{0x009e}, MaxVersion: VersionTLS12},
			policyNames{only12, "DHE_RSA_WITH_AES_128_GCM_SHA256 " + suites13, allGroups + " ffdhe2048 ffdhe3072 ffdhe4096", ""},
		},
		{
			"DHE and RSA take no curve", &Config{CipherSuites: []uint16{0x009e, 0x009c}, CurvePreferences: []CurveID{X25519MLKEM768}, MaxVersion: VersionTLS12},
			policyNames{only12, "DHE_RSA_WITH_AES_128_GCM_SHA256 RSA_WITH_AES_128_GCM_SHA256 " + suites13, "X25519MLKEM768", ""},
		},
		{
			"protocols", &Config{NextProtos: []string{"h2", "http/1.1"}},
			policyNames{bothVersions, defaultSuites, allGroups, "h2 http/1.1"},
		},
	} {
		t.Run(tc.what, func(t *testing.T) {
			cfg, err := tc.config.client("a.example")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, namesOf(&cfg.Policy)); diff != "" {
				t.Errorf("client (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, namesOf(&tc.config.resolve().server.Policy)); diff != "" {
				t.Errorf("server (-want +got):\n%s", diff)
			}
		})
	}
}

// A version that has no suite or no group is not offered, at either end of the range.
func TestNarrow(t *testing.T) {
	suites := map[string][]*suite.Suite{"1.2": {suite.ByID(iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)}, "1.3": {suite.ByID(iana.TLS_AES_128_GCM_SHA256)}}
	groups := map[string][]*suite.Group{"both": {suite.GroupByID(iana.GroupX25519)}, "1.3": {suite.GroupByID(iana.GroupX25519MLKEM768)}}
	for _, tc := range []struct{ suites, groups, want string }{
		{"1.2", "both", only12},
		{"1.3", "both", only13},
		{"1.3", "1.3", only13},
		{"1.2", "1.3", ""},
	} {
		p := &handshake.Policy{MinVersion: iana.VersionTLS12, MaxVersion: iana.VersionTLS13, Suites: suites[tc.suites], Groups: groups[tc.groups]}
		if err := narrow(p); (err != nil) != (tc.want == "") || err == nil && namesOf(p).Versions != tc.want {
			t.Errorf("suites of %s, groups of %s: got %s, %v, want %q", tc.suites, tc.groups, namesOf(p).Versions, err, tc.want)
		}
	}
}

func TestBadConfigurations(t *testing.T) {
	good := parsed(t, keyP256(), "a.example")
	withKey := func(key any) []Certificate {
		cert := good
		cert.PrivateKey = key
		return []Certificate{good, cert}
	}
	for _, tc := range []struct {
		config *Config
		want   string
	}{
		{&Config{CipherSuites: []uint16{TLS_RSA_WITH_RC4_128_SHA}}, "tls: Config.CipherSuites: TLS_RSA_WITH_RC4_128_SHA is not a cipher suite that this package has"},
		{&Config{CipherSuites: []uint16{0xfefe}}, "tls: Config.CipherSuites: 0xFEFE is not a cipher suite that this package has"},
		{&Config{CurvePreferences: []CurveID{X25519, 0x4242}}, "tls: Config.CurvePreferences: 0x4242 is not a group that this package has"},
		{&Config{MinVersion: VersionTLS13, MaxVersion: VersionTLS12}, "tls: Config.MinVersion: TLS 1.3 is above MaxVersion, TLS 1.2"},
		{&Config{MinVersion: VersionSSL30}, "tls: Config.MinVersion: SSL 3.0 is not spoken here, only TLS 1.0 to TLS 1.3"},
		{&Config{MaxVersion: 0x0305}, "tls: Config.MaxVersion: 0x0305 is not spoken here, only TLS 1.0 to TLS 1.3"},
		{&Config{MaxVersion: VersionTLS11}, "tls: Config.MinVersion: TLS 1.2 is above MaxVersion, TLS 1.1"},
		{&Config{MinVersion: VersionTLS10, MaxVersion: VersionTLS11, CipherSuites: []uint16{TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}, "tls: Config.CipherSuites: no suite with a group of CurvePreferences is for a version from TLS 1.0 to TLS 1.1"},
		{&Config{CipherSuites: []uint16{0x00a8}}, "tls: Config.CipherSuites: TLS_PSK_WITH_AES_128_GCM_SHA256 is not a cipher suite that this package has"},
		{&Config{LegacyPSKs: []LegacyPSK{{}}}, "tls: Config.LegacyPSKs[0]: a key of 0 bytes"},
		{&Config{LegacyPSKs: []LegacyPSK{{Key: []byte("a")}, {Key: []byte("b")}}}, "tls: Config.LegacyPSKs[1]: its identity stands twice"},
		{&Config{LegacyPSKs: []LegacyPSK{{Identity: make([]byte, 1<<16), Key: []byte("a")}}}, "tls: Config.LegacyPSKs[0]: an identity of 65536 bytes"},
		{&Config{LegacyPSKHint: string(make([]byte, 1<<16))}, "tls: Config.LegacyPSKHint: 65536 bytes"},
		{&Config{KeyShares: []CurveID{0x4242}}, "tls: Config.KeyShares: 0x4242 is not a group of CurvePreferences"},
		{&Config{CurvePreferences: []CurveID{X25519}, KeyShares: []CurveID{CurveP256}}, "tls: Config.KeyShares: secp256r1 is not a group of CurvePreferences"},
		{&Config{KeyShares: []CurveID{X25519, CurveP256, X25519}}, "tls: Config.KeyShares: x25519 stands twice"},
		{&Config{MinDHBits: 4096, MaxDHBits: 2048}, "tls: Config.MinDHBits: no modulus has 4096 to 2048 bits"},
		{&Config{MinDHBits: -1}, "tls: Config.MinDHBits: no modulus has -1 to 8192 bits"},
		{&Config{MaxVersion: VersionTLS12, CipherSuites: []uint16{TLS_AES_128_GCM_SHA256}}, "tls: Config.CipherSuites: no suite with a group of CurvePreferences is for a version from TLS 1.2 to TLS 1.2"},
		{&Config{MaxVersion: VersionTLS12, CurvePreferences: []CurveID{X25519MLKEM768}}, "tls: Config.CipherSuites: no suite with a group of CurvePreferences is for a version from TLS 1.2 to TLS 1.2"},
		{&Config{NextProtos: []string{"h2", ""}}, `tls: Config.NextProtos: "" has 0 bytes, a protocol's name has 1 to 255`},
		{&Config{NextProtos: []string{strings.Repeat("x", 256)}}, `tls: Config.NextProtos: "` + strings.Repeat("x", 256) + `" has 256 bytes, a protocol's name has 1 to 255`},
		{&Config{NextProtos: strings.Split(strings.Repeat(strings.Repeat("x", 255)+" ", 256), " ")[:256]}, "tls: Config.NextProtos: 65536 bytes of names, at most 65535 can be sent"},
		{&Config{Renegotiation: RenegotiateFreelyAsClient + 1}, "tls: Config.Renegotiation: there is no kind 3"},
		{&Config{RequireALPN: true}, "tls: Config.RequireALPN: NextProtos is empty, so that there is nothing to require"},
		{&Config{RecordSizeLimit: 63}, "tls: Config.RecordSizeLimit: 63 bytes, a limit is from 64 to 16385 (RFC 8449 §4)"},
		{&Config{RecordSizeLimit: 16386}, "tls: Config.RecordSizeLimit: 16386 bytes, a limit is from 64 to 16385 (RFC 8449 §4)"},
		{&Config{MaxRecordSize: 63}, "tls: Config.MaxRecordSize: 63 bytes, it is from 64 to 16384"},
		{&Config{MaxRecordSize: 16385}, "tls: Config.MaxRecordSize: 16385 bytes, it is from 64 to 16384"},
		{&Config{RecordPadding: -1}, "tls: Config.RecordPadding: -1 bytes, a record holds up to 16384"},
		{&Config{Certificates: []Certificate{{}}}, "tls: Config.Certificates[0]: there is no certificate in it"},
		{&Config{Certificates: withKey(nil)}, "tls: Config.Certificates[1]: it has no private key"},
		{&Config{Certificates: withKey(*keyP256().(*ecdsa.PrivateKey))}, "tls: Config.Certificates[1]: its private key, a ecdsa.PrivateKey, is neither a crypto.Signer nor a crypto.Decrypter"},
		{&Config{Certificates: withKey(keyEd25519())}, "tls: Config.Certificates[1]: its Ed25519 private key does not belong to its leaf, which has another ECDSA P-256 key"},
		{&Config{Certificates: []Certificate{certificate(t, keyP224(), "a.example")}}, "tls: Config.Certificates[0]: no signature scheme is for its ECDSA P-224 key"},
		{&Config{Certificates: []Certificate{{Certificate: [][]byte{{0x30}}, PrivateKey: keyP256()}}}, "tls: Config.Certificates[0]: its leaf does not parse: x509: malformed certificate"},
	} {
		for i := range 2 { // the error stays
			if _, err := tc.config.client("a.example"); err == nil || err.Error() != tc.want {
				t.Errorf("client, use %d: got %v, want %s", i, err, tc.want)
			}
		}
		if _, err := tc.config.server(nil); err == nil || err.Error() != tc.want {
			t.Errorf("server: got %v, want %s", err, tc.want)
		}
	}
}

func TestServerNeedsCertificate(t *testing.T) {
	const want = "tls: Config.Certificates: a server needs a certificate here, or GetCertificate, or GetConfigForClient"
	for _, c := range []*Config{nil, {}} {
		if _, err := c.server(nil); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, c := range []*Config{
		{GetCertificate: func(*ClientHelloInfo) (*Certificate, error) { return nil, nil }},
		{GetConfigForClient: func(*ClientHelloInfo) (*Config, error) { return nil, nil }},
	} {
		if _, err := c.server(nil); err != nil {
			t.Errorf("with a callback: got %v, want none", err)
		}
	}
}

func TestServerNames(t *testing.T) {
	for _, tc := range []struct {
		config   *Config
		inferred string
		want     string // "" for an error
	}{
		{nil, "a.example", "a.example"},
		{nil, "", ""},
		{&Config{InsecureSkipVerify: true}, "", "anybody"},
		{&Config{ServerName: "b.example"}, "a.example", "b.example"},
		{&Config{ServerName: "b.example"}, "", "b.example"},
		{&Config{}, "[::1]", "[::1]"},
	} {
		cfg, err := tc.config.client(tc.inferred)
		if err != nil {
			if tc.want != "" || !strings.Contains(err.Error(), "Config.ServerName") {
				t.Errorf("%q: got %v, want %q", tc.inferred, err, tc.want)
			}
			continue
		}
		if got := cfg.ServerName; tc.want == "" || got != strings.TrimPrefix(tc.want, "anybody") || cfg.Trust.Name != got {
			t.Errorf("%q: got %q, verified as %q, want %q", tc.inferred, got, cfg.Trust.Name, tc.want)
		}
	}
}

func TestClientOfAnotherNameLeavesTemplate(t *testing.T) {
	c := &Config{}
	first, second := must(c.client("a.example")), must(c.client("b.example"))
	if first.ServerName != "a.example" || first.Trust.Name != "a.example" || second.Trust.Name != "b.example" {
		t.Errorf("got %q and %q, want each its own name", first.Trust.Name, second.Trust.Name)
	}
}

func TestEnvironmentOfFlows(t *testing.T) {
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	source := bytes.NewReader([]byte{42})
	cfg := must((&Config{Rand: source, Time: func() time.Time { return noon }, ServerName: "a.example"}).client(""))
	if cfg.Rand != io.Reader(source) || cfg.Now() != noon {
		t.Errorf("got %v and %v, want what the Config says", cfg.Rand, cfg.Now())
	}
	cfg = must((*Config)(nil).client("a.example"))
	if cfg.Rand != rand.Reader || time.Since(cfg.Now()).Abs() > time.Minute {
		t.Errorf("defaults: got %v and %v, want crypto/rand and now", cfg.Rand, cfg.Now())
	}
	if cfg.Secret != nil || cfg.Peer != nil {
		t.Error("defaults: got hooks, want none")
	}
}

func TestResolvingIsCheap(t *testing.T) {
	c := filled(t)
	c.SessionTicketsDisabled = false
	c.RawPublicKey, c.DelegatedCredentials = nil, nil // whose encoding is reflection's work
	must((*Config)(nil).client("a.example"))          // the process's first
	if n := testing.AllocsPerRun(100, func() { newResolved(c) }); n >= 32 {
		t.Errorf("got %v allocations, want under 32", n)
	}
	c.GetCertificate, c.GetConfigForClient, c.GetPreSharedKey = nil, nil, nil
	c = c.Clone()
	must(c.client(""))
	must(c.server(nil))
	if n := testing.AllocsPerRun(100, func() { must(c.client("")); must(c.server(nil)) }); n != 0 {
		t.Errorf("after that: got %v allocations, want 0", n)
	}
}

func TestFirstUseIsShared(t *testing.T) {
	for range 100 { // it takes luck to collide
		c := &Config{ServerName: "a.example"}
		got := make([]*handshake.ClientConfig, 8)
		begin := make(chan struct{})
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				<-begin
				got[i] = must(c.client(""))
			})
		}
		close(begin)
		wg.Wait()
		for i := range got {
			if got[i] != got[0] {
				t.Fatalf("use %d: got another value, want all to see the same", i)
			}
		}
	}
}

func TestGetConfigForClient(t *testing.T) {
	conn, peer := net.Pipe()
	defer conn.Close()
	defer peer.Close()
	mistake := errors.New("no such tenant")
	tenant := &Config{NextProtos: []string{"tenant"}, Certificates: []Certificate{parsed(t, keyP256(), "t.example")}, DynamicRecordSizingDisabled: true}
	var seen *ClientHelloInfo
	c := &Config{GetConfigForClient: func(hello *ClientHelloInfo) (*Config, error) {
		seen = hello
		switch hello.ServerName {
		case "t.example":
			return tenant, nil
		case "empty.example":
			return &Config{}, nil
		case "bad.example":
			return tenant, mistake
		}
		return nil, nil
	}}
	ask := func(name string) (*serverSetup, *handshake.ServerConfig, error) {
		setup := must(c.server(conn))
		cfg, err := setup.ForClient(t.Context(), &auth.ClientHelloFacts{ServerName: name})
		return setup, cfg, err
	}

	setup, cfg, err := ask("t.example")
	if err != nil || len(cfg.ALPN) != 1 || cfg.ALPN[0] != "tenant" || setup.dynamicRecords {
		t.Errorf("got %v, dynamic records %v, %v, want the tenant's configuration", cfg, setup.dynamicRecords, err)
	}
	if seen.Conn != conn || seen.Context() != t.Context() {
		t.Error("got another Conn or Context, want the connection's")
	}
	if setup, cfg, err = ask("other.example"); cfg != nil || err != nil || !setup.dynamicRecords {
		t.Errorf("no other Config: got %v, %v, want none", cfg, err)
	}
	_, _, err = ask("bad.example")
	if publicError(err) != mistake || alert.For(err) != iana.AlertInternalError {
		t.Errorf("got %v with %v, want what the callback returned and internal_error", publicError(err), alert.For(err))
	}
	if _, _, err = ask("empty.example"); err == nil || !strings.Contains(err.Error(), "Config.Certificates") {
		t.Errorf("a Config that no server can use: got %v, want its error", err)
	}
}

// The callbacks that judge a peer run in crypto/tls's order, and what they return comes
// back.
func TestVerificationCallbacks(t *testing.T) {
	leaf := parsed(t, keyP256(), "a.example").Leaf
	result := &handshake.Result{Version: iana.VersionTLS13, Agreed: handshake.Agreed{ServerName: "a.example"}}
	result.Peer.Certificates = append(result.Peer.Certificates, leaf)
	mistake := errors.New("not this one")
	for _, tc := range []struct {
		what               string
		peerErr, connErr   error
		wantCalls          string
		asServer, onlyConn bool
	}{
		{what: "client", wantCalls: "peer connection"},
		{what: "client, first refuses", peerErr: mistake, wantCalls: "peer"},
		{what: "client, second refuses", connErr: mistake, wantCalls: "peer connection"},
		{what: "client with one", onlyConn: true, wantCalls: "connection"},
		{what: "server", asServer: true, wantCalls: "connection"},
		{what: "server, refuses", asServer: true, connErr: mistake, wantCalls: "connection"},
	} {
		var calls []string
		c := &Config{
			ServerName:   "a.example",
			Certificates: []Certificate{parsed(t, keyP256(), "a.example")},
			VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
				if len(raw) != 1 || !bytes.Equal(raw[0], leaf.Raw) {
					t.Errorf("%s: got %d certificates, want the peer's as sent", tc.what, len(raw))
				}
				calls = append(calls, "peer")
				return tc.peerErr
			},
			VerifyConnection: func(state ConnectionState) error {
				if state.HandshakeComplete || state.ServerName != "a.example" || state.PeerCertificates[0] != leaf {
					t.Errorf("%s: got state %+v, want the connection's, not complete", tc.what, state)
				}
				calls = append(calls, "connection")
				return tc.connErr
			},
		}
		if tc.onlyConn {
			c.VerifyPeerCertificate = nil
		}
		judge := must(c.client("")).Peer
		if tc.asServer {
			judge = must(c.server(nil)).Peer
		}
		err := judge(result)
		if got := strings.Join(calls, " "); got != tc.wantCalls {
			t.Errorf("%s: got calls %q, want %q", tc.what, got, tc.wantCalls)
		}
		if tc.peerErr == nil && tc.connErr == nil {
			if err != nil {
				t.Errorf("%s: got %v, want none", tc.what, err)
			}
			continue
		}
		if publicError(err) != mistake || alert.For(err) != iana.AlertBadCertificate {
			t.Errorf("%s: got %v with %v, want the callback's error and bad_certificate", tc.what, publicError(err), alert.For(err))
		}
	}
}

func TestOnlyVerifyPeerCertificate(t *testing.T) {
	called := false
	c := &Config{
		Certificates:          []Certificate{parsed(t, keyP256(), "a.example")},
		VerifyPeerCertificate: func([][]byte, [][]*x509.Certificate) error { called = true; return nil },
	}
	if err := must(c.client("a.example")).Peer(&handshake.Result{}); err != nil || !called {
		t.Errorf("client: got %v, called %v, want it called", err, called)
	}
	if must(c.server(nil)).Peer != nil {
		t.Error("server: got a hook, want none: it asks for no certificate")
	}
}

// fipsEnv makes a test run its child process's half.
const fipsEnv = "AKUSHU_TEST_FIPS"

// TestFIPSModes runs itself under GODEBUG=fips140=only, where nothing may be done, and
// fips140=on, where the defaults are approved ones.
func TestFIPSModes(t *testing.T) {
	if mode := os.Getenv(fipsEnv); mode != "" {
		testFIPSMode(t, mode)
		return
	}
	for _, mode := range []string{"only", "on"} {
		cmd := exec.CommandContext(context.Background(), must(os.Executable()), "-test.run=^TestFIPSModes$")
		cmd.Env = append(os.Environ(), "GODEBUG=fips140="+mode, fipsEnv+"="+mode)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("fips140=%s: %v\n%s", mode, err, out)
		}
	}
}

func testFIPSMode(t *testing.T, mode string) {
	c := &Config{GetCertificate: func(*ClientHelloInfo) (*Certificate, error) { return nil, nil }}
	cfg, clientErr := c.client("a.example")
	_, serverErr := c.server(nil)
	if mode == "only" {
		for _, err := range []error{clientErr, serverErr} {
			if err == nil || !strings.Contains(err.Error(), "fips140=only") {
				t.Errorf("got %v, want it said that this cannot be", err)
			}
		}
		return
	}
	if clientErr != nil || serverErr != nil {
		t.Fatalf("got %v, %v, want none", clientErr, serverErr)
	}
	for _, s := range cfg.Suites {
		if !s.FIPS {
			t.Errorf("got %v among the defaults, want approved ones", s.ID)
		}
	}
	for _, g := range cfg.Groups {
		if !g.FIPS {
			t.Errorf("got %v among the defaults, want approved ones", g.ID)
		}
	}
}
