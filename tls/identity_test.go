package tls

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
)

// modern is a client that takes everything.
func modern(name string) *auth.ClientHelloFacts {
	return &auth.ClientHelloFacts{
		ServerName:   name,
		ALPN:         []string{"h2"},
		Versions:     []iana.Version{iana.VersionTLS13, iana.VersionTLS12},
		CipherSuites: []iana.CipherSuite{iana.TLS_AES_128_GCM_SHA256, iana.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
		Groups:       []iana.NamedGroup{iana.GroupX25519, iana.GroupSecp256r1},
		PointFormats: []byte{0},
		Schemes: []iana.SignatureScheme{
			iana.SchemeECDSASecp256r1SHA256, iana.SchemeECDSASecp384r1SHA384, iana.SchemeEd25519, iana.SchemeRSAPSSRSAESHA256, iana.SchemeRSAPKCS1SHA256,
		},
		Extensions: []iana.ExtensionType{iana.ExtServerName},
	}
}

// changed is modern with a change.
func changed(name string, change func(*auth.ClientHelloFacts)) *auth.ClientHelloFacts {
	hello := modern(name)
	change(hello)
	return hello
}

func tls12(hello *auth.ClientHelloFacts) { hello.Versions = []iana.Version{iana.VersionTLS12} }

func TestSupportsCertificate(t *testing.T) {
	p256, p384 := parsed(t, keyP256(), "a.example"), parsed(t, keyP384(), "a.example")
	rsa, ed := parsed(t, keyRSA(), "a.example"), parsed(t, keyEd25519(), "a.example")
	only384 := p384
	only384.SupportedSignatureAlgorithms = []SignatureScheme{ECDSAWithP384AndSHA384}
	no := func(change func(*auth.ClientHelloFacts)) *auth.ClientHelloFacts {
		return changed("a.example", func(h *auth.ClientHelloFacts) { tls12(h); change(h) })
	}
	for _, tc := range []struct {
		what  string
		cert  Certificate
		hello *auth.ClientHelloFacts
		want  string // part of the error; "" for none
	}{
		{"P-256", p256, modern("a.example"), ""},
		{"RSA", rsa, modern("a.example"), ""},
		{"Ed25519", ed, modern("a.example"), ""},
		{"no name", p256, modern(""), ""},
		{"another name", p256, modern("b.example"), "not for the name that the client asks for: x509:"},
		{"a curve that only signs, in TLS 1.3", p384, modern("a.example"), ""},
		{"that in TLS 1.2", p384, no(func(*auth.ClientHelloFacts) {}), "the certificate's curve, secp384r1"},
		{"no groups said, in TLS 1.2", p384, no(func(h *auth.ClientHelloFacts) { h.Groups = nil }), ""},
		{"no version in common", p256, changed("a.example", func(h *auth.ClientHelloFacts) { h.Versions = []iana.Version{iana.VersionTLS11} }), "no version"},
		{"no scheme in common", rsa, changed("a.example", func(h *auth.ClientHelloFacts) {
			h.Schemes = []iana.SignatureScheme{iana.SchemeEd25519, iana.SchemeRSAPKCS1SHA256}
		}), "no signature scheme"},
		{"a scheme for TLS 1.2 alone", rsa, no(func(h *auth.ClientHelloFacts) { h.Schemes = []iana.SignatureScheme{iana.SchemeRSAPKCS1SHA256} }), ""},
		{"schemes that the certificate is restricted to", only384, changed("a.example", func(h *auth.ClientHelloFacts) {
			tls12(h)
			h.Groups = []iana.NamedGroup{iana.GroupSecp384r1}
			h.Schemes = []iana.SignatureScheme{iana.SchemeECDSASecp256r1SHA256}
		}), "no signature scheme"},
		{"compressed points alone", p256, no(func(h *auth.ClientHelloFacts) { h.PointFormats = []byte{1} }), "uncompressed points"},
		{"points said nothing of", p256, no(func(h *auth.ClientHelloFacts) { h.PointFormats = nil }), ""},
		{"no group in common", rsa, no(func(h *auth.ClientHelloFacts) { h.Groups = []iana.NamedGroup{iana.GroupX448} }), "no group in common"},
		{"a hybrid group alone, in TLS 1.2", rsa, no(func(h *auth.ClientHelloFacts) { h.Groups = []iana.NamedGroup{iana.GroupX25519MLKEM768} }), "no group in common"},
		{"suites for the other kind", rsa, no(func(h *auth.ClientHelloFacts) {
			h.CipherSuites = []iana.CipherSuite{iana.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
		}), "no cipher suite for RSA certificates"},
		{"Ed25519 goes with ECDSA suites", ed, no(func(h *auth.ClientHelloFacts) {
			h.CipherSuites = []iana.CipherSuite{iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
		}), "no cipher suite for ECDSA certificates"},
		{"no key", Certificate{Certificate: p256.Certificate}, modern("a.example"), "no private key"},
	} {
		err := SupportsCertificate(nil, helloInfo(t.Context(), tc.hello, nil), &tc.cert)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: got %v, want %q", tc.what, err, tc.want)
		}
	}
	bad := &Config{MinVersion: VersionSSL30}
	if err := SupportsCertificate(bad, helloInfo(t.Context(), modern(""), nil), &p256); err == nil || !strings.Contains(err.Error(), "MinVersion") {
		t.Errorf("a bad Config: got %v, want its error", err)
	}
	only13 := &Config{MinVersion: VersionTLS13}
	if err := SupportsCertificate(only13, helloInfo(t.Context(), changed("", tls12), nil), &p256); err == nil || !strings.Contains(err.Error(), "no version") {
		t.Errorf("a Config of TLS 1.3 alone: got %v, want no version in common", err)
	}
}

// The order of GetCertificate and Certificates, as crypto/tls has it.
func TestServerChoosesCertificate(t *testing.T) {
	a, b, wild := parsed(t, keyP256(), "a.example"), parsed(t, keyRSA(), "b.example"), parsed(t, keyEd25519(), "*.wild.example")
	called := parsed(t, keyP384(), "called.example")
	mistake := errors.New("the vault is closed")
	get := func(hello *ClientHelloInfo) (*Certificate, error) {
		switch hello.ServerName {
		case "called.example", "":
			return &called, nil
		case "fail.example":
			return nil, mistake
		case "panic.example":
			panic(mistake)
		case "keyless.example":
			return &Certificate{Certificate: called.Certificate}, nil
		}
		return nil, nil
	}
	all := []Certificate{a, b, wild}
	for _, tc := range []struct {
		what  string
		own   []Certificate
		get   func(*ClientHelloInfo) (*Certificate, error)
		hello *auth.ClientHelloFacts
		want  *Certificate
	}{
		{"by name", all, nil, modern("b.example"), &b},
		{"by wildcard", all, nil, modern("x.wild.example"), &wild},
		{"no name: the first that fits", all, nil, changed("", func(h *auth.ClientHelloFacts) { h.Schemes = []iana.SignatureScheme{iana.SchemeEd25519} }), &wild},
		{"nothing fits: the first", all, nil, modern("c.example"), &a},
		{"a single one always", all[1:2], nil, modern("c.example"), &b},
		{"callback, named", all, get, modern("called.example"), &called},
		{"callback, named, passes", all, get, modern("b.example"), &b},
		{"callback is not asked without a name", all, get, modern(""), &a},
		{"unless there is nothing else", nil, get, modern(""), &called},
		{"nothing at all", nil, get, modern("c.example"), nil},
	} {
		setup := must((&Config{Certificates: tc.own, GetCertificate: tc.get, GetConfigForClient: func(*ClientHelloInfo) (*Config, error) { return nil, nil }}).server(nil))
		cred, err := setup.Identity.ServerCredential(t.Context(), tc.hello)
		if err != nil {
			t.Errorf("%s: %v", tc.what, err)
			continue
		}
		if got, want := nameOf(cred), ""; tc.want == nil && got != want || tc.want != nil && got != tc.want.Leaf.DNSNames[0] {
			t.Errorf("%s: got the certificate of %q, want %v", tc.what, got, tc.want)
		}
	}
	setup := must((&Config{GetCertificate: get}).server(nil))
	if _, err := setup.Identity.ServerCredential(t.Context(), modern("fail.example")); publicError(err) != mistake || alert.For(err) != iana.AlertInternalError {
		t.Errorf("error: got %v with %v, want the callback's and internal_error", err, alert.For(err))
	}
	if _, err := setup.Identity.ServerCredential(t.Context(), modern("keyless.example")); err == nil || !strings.Contains(err.Error(), "Config.GetCertificate returned a certificate that cannot be used: it has no private key") {
		t.Errorf("no key: got %v, want it said", err)
	}
	func() {
		defer func() {
			if recover() != mistake {
				t.Error("panic: got none, want the callback's to come through")
			}
		}()
		_, _ = setup.Identity.ServerCredential(t.Context(), modern("panic.example"))
	}()
}

// nameOf is the name that a credential is for.
func nameOf(cred *auth.Credential) string {
	if cred == nil {
		return ""
	}
	return cred.Leaf.DNSNames[0]
}

func TestClientChoosesCertificate(t *testing.T) {
	ca := authority(t, "root", nil)
	intermediate := authority(t, "intermediate", ca)
	first := parsed(t, keyRSA(), "first.example")
	second := issued(t, "second.example", intermediate)
	second.Certificate = append(second.Certificate, intermediate.der)
	bad := issued(t, "bad.example", intermediate)
	bad.Certificate = append(bad.Certificate, []byte{0x30})
	request := func(schemes []iana.SignatureScheme, names ...[]byte) *auth.CertificateRequestFacts {
		return &auth.CertificateRequestFacts{Version: iana.VersionTLS13, Schemes: schemes, Authorities: names}
	}
	schemes := modern("").Schemes
	for _, tc := range []struct {
		what    string
		own     []Certificate
		request *auth.CertificateRequestFacts
		want    string
	}{
		{"any", []Certificate{first, second}, request(schemes), "first.example"},
		{"by scheme", []Certificate{first, second}, request(schemes[:1]), "second.example"},
		{"by the leaf's issuer", []Certificate{first, second}, request(schemes, []byte("x"), intermediate.cert.RawSubject), "second.example"},
		{"by the intermediate's issuer", []Certificate{first, second}, request(schemes, ca.cert.RawSubject), "second.example"},
		{"a chain that does not parse", []Certificate{bad, second}, request(schemes, ca.cert.RawSubject), "second.example"},
		{"none", []Certificate{first}, request(schemes, ca.cert.RawSubject), ""},
		{"none there", nil, request(schemes), ""},
	} {
		cfg := must((&Config{Certificates: tc.own, ServerName: "a.example"}).client(""))
		cred, err := cfg.Identity.ClientCredential(t.Context(), tc.request)
		if got := nameOf(cred); err != nil || got != tc.want {
			t.Errorf("%s: got %q, %v, want %q", tc.what, got, err, tc.want)
		}
		if len(tc.own) == 0 {
			continue
		}
		info := requestInfo(t.Context(), tc.request)
		supported := SupportsClientCertificate(info, &tc.own[0]) == nil
		if want := tc.want == tc.own[0].Leaf.DNSNames[0]; supported != want {
			t.Errorf("%s: SupportsClientCertificate: got %v, want %v", tc.what, supported, want)
		}
	}
	if err := SupportsClientCertificate(requestInfo(t.Context(), request(schemes)), &Certificate{}); err == nil {
		t.Error("an empty certificate: got none, want an error")
	}
}

func TestGetClientCertificate(t *testing.T) {
	own, other := parsed(t, keyP256(), "own.example"), parsed(t, keyRSA(), "other.example")
	mistake := errors.New("the card is not in the reader")
	for _, tc := range []struct {
		what    string
		cert    *Certificate
		err     error
		want    string
		wantErr string
	}{
		{"a certificate", &other, nil, "other.example", ""},
		{"none", &Certificate{}, nil, "", ""},
		{"nil", nil, nil, "", "Config.GetClientCertificate returned neither"},
		{"an error", nil, mistake, "", mistake.Error()},
		{"no key", &Certificate{Certificate: own.Certificate}, nil, "", "no private key"},
	} {
		var seen *CertificateRequestInfo
		cfg := must((&Config{
			ServerName:   "a.example",
			Certificates: []Certificate{own},
			GetClientCertificate: func(info *CertificateRequestInfo) (*Certificate, error) {
				seen = info
				return tc.cert, tc.err
			},
		}).client(""))
		facts := &auth.CertificateRequestFacts{Version: iana.VersionTLS12, Authorities: [][]byte{{1}}, Schemes: []iana.SignatureScheme{iana.SchemeEd25519}}
		cred, err := cfg.Identity.ClientCredential(t.Context(), facts)
		if got := nameOf(cred); got != tc.want || (err == nil) != (tc.wantErr == "") || err != nil && !strings.Contains(err.Error(), tc.wantErr) {
			t.Errorf("%s: got %q, %v, want %q, %q", tc.what, got, err, tc.want, tc.wantErr)
		}
		if seen.Version != VersionTLS12 || len(seen.AcceptableCAs) != 1 || seen.SignatureSchemes[0] != Ed25519 || seen.Context() != t.Context() {
			t.Errorf("%s: got %+v, want what the server asks for", tc.what, seen)
		}
	}
}

// What a callback sees of a client is all there is, and its own to keep.
func TestHelloInfo(t *testing.T) {
	conn, peer := net.Pipe()
	defer conn.Close()
	defer peer.Close()
	hello := modern("a.example")
	info := helloInfo(t.Context(), hello, conn)
	if info.Conn != conn || info.Context() != t.Context() {
		t.Error("got another Conn or Context, want what was given")
	}
	if diff := cmp.Diff(hello, helloFacts(info)); diff != "" {
		t.Errorf("facts → info → facts (-want +got):\n%s", diff)
	}
	hello.ALPN[0], hello.CipherSuites[0], hello.PointFormats[0] = "changed", 0, 9
	if info.SupportedProtos[0] != "h2" || info.CipherSuites[0] != TLS_AES_128_GCM_SHA256 || info.SupportedPoints[0] != 0 {
		t.Errorf("got %+v, want it unchanged when the message is reused", info)
	}
	if empty := helloInfo(t.Context(), &auth.ClientHelloFacts{}, nil); empty.SupportedCurves != nil || empty.SignatureSchemes != nil {
		t.Errorf("got %+v, want nil for what the client did not say", empty)
	}
}

func TestCredentialsAreRemembered(t *testing.T) {
	cert := certificate(t, keyP256(), "a.example") // without Leaf: parsing it would cost
	first := must(credentials.of(&cert))
	if got := must(credentials.of(&cert)); got != first {
		t.Error("got another credential for the same certificate, want the first")
	}
	if n := testing.AllocsPerRun(100, func() { must(credentials.of(&cert)) }); n > 1 {
		t.Errorf("got %v allocations, want at most 1", n)
	}
	runtime.KeepAlive(&cert)
}

func TestCredentialsAreForgotten(t *testing.T) {
	var cache credentialCache
	cert := parsed(t, keyP256(), "a.example")
	for range 10 {
		held := new(Certificate)
		*held = cert
		must(cache.of(held))
	}
	for range 100 {
		runtime.GC()
		left := 0
		cache.m.Range(func(any, any) bool { left++; return true })
		if left == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("got credentials of certificates that nobody holds, want none left")
}

func TestCredentialCarriesEverything(t *testing.T) {
	cert := parsed(t, keyP256(), "a.example")
	cert.OCSPStaple, cert.SignedCertificateTimestamps = []byte("ocsp"), [][]byte{[]byte("sct")}
	cert.SupportedSignatureAlgorithms = []SignatureScheme{ECDSAWithP256AndSHA256}
	got := must(newCredential(&cert))
	want := &auth.Credential{
		Chain: cert.Certificate, Leaf: cert.Leaf, Key: keyP256(), Schemes: []iana.SignatureScheme{iana.SchemeECDSASecp256r1SHA256},
		OCSP: []byte("ocsp"), SCTs: [][]byte{[]byte("sct")},
	}
	same := cmp.Comparer(func(a, b crypto.Signer) bool { return a == b })
	if diff := cmp.Diff(want, got, same, cmp.Comparer((*x509.Certificate).Equal)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// issuer is a certificate authority of the tests.
type issuer struct {
	cert *x509.Certificate
	der  []byte
	key  crypto.Signer
}

func authority(t *testing.T, name string, parent *issuer) *issuer {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	ca := &issuer{key: key}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0), IsCA: true, BasicConstraintsValid: true,
	}
	if parent == nil {
		parent = &issuer{cert: template, key: key}
	}
	ca.der = must(x509.CreateCertificate(rand.Reader, template, parent.cert, key.Public(), parent.key))
	ca.cert = must(x509.ParseCertificate(ca.der))
	return ca
}

// issued returns a P-256 certificate that ca signed.
func issued(t *testing.T, name string, ca *issuer) Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0), DNSNames: []string{name}}
	der := must(x509.CreateCertificate(rand.Reader, template, ca.cert, keyP256().Public(), ca.key))
	return Certificate{Certificate: [][]byte{der}, PrivateKey: keyP256(), Leaf: must(x509.ParseCertificate(der))}
}
