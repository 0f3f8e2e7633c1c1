package tls

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/auth"
)

// The keys of the tests, each made once.
var (
	keyP256    = sync.OnceValue(func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	keyP384    = sync.OnceValue(func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	keyP224    = sync.OnceValue(func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader)) })
	keyRSA     = sync.OnceValue(func() crypto.Signer { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	keyEd25519 = sync.OnceValue(func() crypto.Signer { return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// certificate returns a self-signed certificate for the names, without its parsed form.
func certificate(t *testing.T, key crypto.Signer, names ...string) Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "akushu test"},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Unix(1<<32, 0),
		DNSNames:     names,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// parsed is certificate with Leaf, as X509KeyPair makes it.
func parsed(t *testing.T, key crypto.Signer, names ...string) Certificate {
	t.Helper()
	cert := certificate(t, key, names...)
	cert.Leaf = must(x509.ParseCertificate(cert.Certificate[0]))
	return cert
}

// filled returns a Config that has something in every exported field.
func filled(t *testing.T) *Config {
	t.Helper()
	return &Config{
		Rand:                  rand.Reader,
		Time:                  time.Now,
		Certificates:          []Certificate{parsed(t, keyP256(), "a.example")},
		GetCertificate:        func(*ClientHelloInfo) (*Certificate, error) { return nil, nil },
		GetClientCertificate:  func(*CertificateRequestInfo) (*Certificate, error) { return nil, nil },
		GetConfigForClient:    func(*ClientHelloInfo) (*Config, error) { return nil, nil },
		VerifyPeerCertificate: func([][]byte, [][]*x509.Certificate) error { return nil },
		VerifyConnection:      func(ConnectionState) error { return nil },
		RootCAs:               x509.NewCertPool(),
		PreSharedKeys:         []PreSharedKey{{Identity: []byte{1}, Key: []byte{1}}}, PSKModes: []PSKMode{PSKModeDHE}, GetPreSharedKey: func(*ClientHelloInfo, []byte) (*PreSharedKey, error) { return nil, nil }, PostHandshakeAuth: true, ClientAuth: RequestClientCert, ClientCAs: x509.NewCertPool(), SessionTicketsDisabled: true, WrapSession: func(ConnectionState, *SessionState) ([]byte, error) { return nil, nil },
		UnwrapSession:      func([]byte, ConnectionState) (*SessionState, error) { return nil, nil },
		ServerSessionCache: NewLRUServerSessionCache(1), ClientSessionCache: NewLRUClientSessionCache(1),
		RawPublicKey: keyP256(), PeerPublicKeys: []crypto.PublicKey{keyP256().Public()}, VerifyPublicKey: func(crypto.PublicKey) error { return nil },
		DelegatedCredentials: []DelegatedCredential{*delegatedTo(t, keyP256())}, AcceptDelegatedCredentials: true,
		MaxEarlyData:                1,
		EarlyDataRegister:           NewEarlyDataRegister(0),
		EarlyDataWindow:             time.Second,
		ReplayEarlyData:             true,
		NextProtos:                  []string{"h2", "http/1.1"},
		RequireALPN:                 true,
		ServerName:                  "a.example",
		InsecureSkipVerify:          true,
		CipherSuites:                []uint16{TLS_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		MinVersion:                  VersionTLS12,
		MaxVersion:                  VersionTLS13,
		CurvePreferences:            []CurveID{X25519, CurveP256},
		LegacyPSKs:                  []LegacyPSK{{[]byte("a"), []byte("k")}},
		LegacyPSKHint:               "hint",
		KeyShares:                   []CurveID{CurveP256},
		MinDHBits:                   1024,
		MaxDHBits:                   4096,
		DynamicRecordSizingDisabled: true,
		RecordSizeLimit:             4096,
		MaxRecordSize:               1024,
		RecordPadding:               512,
		CertificateCompression:      []CertificateCompression{{ID: 1, Decompress: func(r io.Reader) (io.Reader, error) { return r, nil }}},
		GREASE:                      true,
		Renegotiation:               RenegotiateFreelyAsClient,
		KeyLogWriter:                io.Discard,
	}
}

func TestCloneCopiesEveryField(t *testing.T) {
	c := filled(t)
	c.resolve()
	clone := c.Clone()
	from, to := reflect.ValueOf(c).Elem(), reflect.ValueOf(clone).Elem()
	for i := range from.NumField() {
		f := from.Type().Field(i)
		switch {
		case !f.IsExported():
		case from.Field(i).IsZero():
			t.Errorf("%s: filled leaves it empty, so that nothing is tested", f.Name)
		case f.Type.Kind() == reflect.Func:
			if from.Field(i).Pointer() != to.Field(i).Pointer() {
				t.Errorf("%s: got another function, want the same", f.Name)
			}
		case !reflect.DeepEqual(from.Field(i).Interface(), to.Field(i).Interface()):
			t.Errorf("%s: got %v, want %v", f.Name, to.Field(i), from.Field(i))
		}
	}
}

func TestCloneBeginsAnew(t *testing.T) {
	c := &Config{ServerName: "a.example"}
	before := must(c.client(""))
	c.ServerName = "b.example"
	if got := must(c.client("")); got != before {
		t.Errorf("got a change for %s, want what was resolved at first use", got.ServerName)
	}
	if got := must(c.Clone().client("")).ServerName; got != "b.example" {
		t.Errorf("clone: got %s, want what its fields say, b.example", got)
	}
	if (*Config)(nil).Clone() != nil {
		t.Error("clone of nil: got a Config, want nil")
	}
}

func TestKeyPairs(t *testing.T) {
	cert := certificate(t, keyP256(), "a.example")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(keyP256()))})
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, text := range map[string][]byte{certFile: certPEM, keyFile: keyPEM} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fromText, err := X509KeyPair(certPEM, keyPEM)
	if err != nil || !reflect.DeepEqual(fromText.Certificate, cert.Certificate) {
		t.Errorf("X509KeyPair: got %v, %v, want the pair", fromText, err)
	}
	fromFiles, err := LoadX509KeyPair(certFile, keyFile)
	if err != nil || !reflect.DeepEqual(fromFiles.Certificate, cert.Certificate) {
		t.Errorf("LoadX509KeyPair: got %v, %v, want the pair", fromFiles, err)
	}
}

// delegatedTo is what the owner of a certificate delegated to key.
func delegatedTo(t *testing.T, key crypto.Signer) *DelegatedCredential {
	t.Helper()
	owner := keyP256()
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(48 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: auth.OIDDelegationUsage, Value: []byte{5, 0}}},
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, owner.Public(), owner))
	return must(NewDelegatedCredential(rand.Reader, &Certificate{Certificate: [][]byte{der}, PrivateKey: owner}, key, 0, now.Add(24*time.Hour)))
}
