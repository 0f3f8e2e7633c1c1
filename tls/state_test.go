package tls

import (
	"crypto/x509"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/session"
	"github.com/akushu/akushu/internal/suite"
)

// echo is an exporter that says what it was asked.
type echo struct{ wiped int }

func (e *echo) Export(label string, context []byte, length int) ([]byte, error) {
	return append([]byte(label), context...)[:length], nil
}

func (e *echo) Wipe() { e.wiped++ }

func result(t *testing.T) *handshake.Result {
	t.Helper()
	leaf := parsed(t, keyP256(), "a.example").Leaf
	return &handshake.Result{
		Version: iana.VersionTLS12, Suite: suite.ByID(iana.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
		Exchanged: handshake.Exchanged{Group: iana.GroupSecp256r1, Scheme: iana.SchemeRSAPSSRSAESHA256},
		Agreed:    handshake.Agreed{ALPN: "h2", ServerName: "a.example", ExtendedMain: true}, HelloRetry: true,
		Peer: auth.Peer{
			Certificates: []*x509.Certificate{leaf}, Chains: [][]*x509.Certificate{{leaf}},
			OCSP: []byte("ocsp"), SCTs: [][]byte{[]byte("sct")},
		},
		ClientRandom: [32]byte{1}, TLSUnique: []byte("unique"), Exporter: &echo{},
	}
}

// notOurs is the exported fields of ConnectionState for which there is nothing to tell.
var notOurs = map[string]string{"ECHAccepted": noECH}

func TestConnectionState(t *testing.T) {
	r := result(t)
	r.Resumed = true
	state := connectionState(r, true)
	v := reflect.ValueOf(state)
	for f, value := range v.Fields() {
		if _, absent := notOurs[f.Name]; f.IsExported() && absent != value.IsZero() {
			t.Errorf("%s: got %v, want it filled unless there is a reason (%q)", f.Name, value, notOurs[f.Name])
		}
	}
	if state.Version != VersionTLS12 || state.CipherSuite != TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 || state.CurveID != CurveP256 ||
		state.NegotiatedProtocol != "h2" || state.ServerName != "a.example" || string(state.TLSUnique) != "unique" {
		t.Errorf("got %+v, want what the handshake came to", state)
	}
	if got, err := state.ExportKeyingMaterial("label", []byte("context"), 6); string(got) != "labelc" || err != nil {
		t.Errorf("exporter: got %q, %v, want the flow's", got, err)
	}
	if connectionState(&handshake.Result{}, false).HandshakeComplete {
		t.Error("HandshakeComplete: got true, want false")
	}
}

func TestExporterIsRefused(t *testing.T) {
	wiped := guard(&echo{})
	wiped.Wipe()
	for _, tc := range []struct {
		what   string
		result handshake.Result
		want   string
	}{
		{"TLS 1.2 without extended_main_secret", handshake.Result{Version: iana.VersionTLS12, Exporter: &echo{}}, "extended_main_secret"},
		{"too early", handshake.Result{Version: iana.VersionTLS13}, "before the handshake is complete"},
		{"after Close", handshake.Result{Version: iana.VersionTLS13, Exporter: wiped}, "after Close"},
	} {
		state := connectionState(&tc.result, true)
		if _, err := state.ExportKeyingMaterial("label", nil, 1); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", tc.what, err, tc.want)
		}
	}
}

func TestGuard(t *testing.T) {
	inner := &echo{}
	g := guard(inner)
	if guard(g) != g || guard(nil) != nil {
		t.Error("got another guard for a guard or for nothing, want the same")
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { _, _ = g.Export("label", nil, 1) })
		wg.Go(g.Wipe)
	}
	wg.Wait()
	if inner.wiped != 1 {
		t.Errorf("got %d wipes, want 1", inner.wiped)
	}
}

// A ConnectionState that VerifyConnection kept does not export from a wiped secret.
func TestStateOfVerifyConnectionEndsWithTheConnection(t *testing.T) {
	var kept ConnectionState
	c := &Config{ServerName: "a.example", VerifyConnection: func(s ConnectionState) error { kept = s; return nil }}
	r := &handshake.Result{Version: iana.VersionTLS13, Exporter: &echo{}}
	if err := must(c.client("")).Peer(r); err != nil {
		t.Fatal(err)
	}
	if _, err := kept.ExportKeyingMaterial("label", nil, 1); err != nil {
		t.Errorf("before: got %v, want none", err)
	}
	r.Exporter.Wipe()
	if _, err := kept.ExportKeyingMaterial("label", nil, 1); err == nil {
		t.Error("after: got keying material, want an error")
	}
}

func TestInfo(t *testing.T) {
	for _, tc := range []struct {
		change func(*handshake.Result)
		want   Info
	}{
		{func(*handshake.Result) {}, Info{
			Version:   "TLS 1.2",
			SuiteInfo: SuiteInfo{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE", "RSA-PSS", "AES-256-GCM", "SHA-384"},
			KeyInfo:   KeyInfo{Group: "secp256r1", ForwardSecret: true},
			PeerInfo:  PeerInfo{SignatureScheme: "rsa_pss_rsae_sha256"}, EarlyInfo: EarlyInfo{EarlyData: "none"},
			ExtendedMainSecret: true, ClientRandom: [32]byte{1},
		}},
		{func(r *handshake.Result) {
			r.Version, r.Suite = iana.VersionTLS13, suite.ByID(iana.TLS_CHACHA20_POLY1305_SHA256)
			r.Group, r.Scheme, r.ExtendedMain = iana.GroupX25519MLKEM768, iana.SchemeEd25519, false
			r.ClientScheme = iana.SchemeECDSASecp384r1SHA384
			r.EarlyData, r.EarlyDataWhy = handshake.EarlyDataRejected, session.EarlyStale
		}, Info{
			Version:      "TLS 1.3",
			SuiteInfo:    SuiteInfo{"TLS_CHACHA20_POLY1305_SHA256", "ECDHE + ML-KEM", "Ed25519", "CHACHA20-POLY1305", "SHA-256"},
			KeyInfo:      KeyInfo{Group: "X25519MLKEM768", PostQuantum: true, ForwardSecret: true},
			PeerInfo:     PeerInfo{SignatureScheme: "ed25519", ClientSignatureScheme: "ecdsa_secp384r1_sha384"},
			EarlyInfo:    EarlyInfo{EarlyData: "rejected", EarlyDataWhy: "the ClientHello is older than the window"},
			ClientRandom: [32]byte{1},
		}},
		{func(r *handshake.Result) { r.Group, r.Scheme, r.ExtendedMain = 0, 0, false }, Info{
			Version:   "TLS 1.2",
			SuiteInfo: SuiteInfo{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE", "RSA", "AES-256-GCM", "SHA-384"},
			EarlyInfo: EarlyInfo{EarlyData: "none"}, ClientRandom: [32]byte{1},
		}},
	} {
		r := result(t)
		tc.change(r)
		if diff := cmp.Diff(tc.want, newInfo(r)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
