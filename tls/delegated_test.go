package tls_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/observe"
	"github.com/akushu/akushu/tls"
)

// delegationUsage is DelegationUsage, with its value NULL (RFC 9345 §4.2).
var delegationUsage = pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 44363, 44}, Value: []byte{5, 0}}

// delegating returns a certificate for localhost with which keys can be delegated to, as far as
// change leaves it so.
func delegating(t testing.TB, key crypto.Signer, change func(*x509.Certificate)) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber:    big.NewInt(9345),
		Subject:         pkix.Name{CommonName: "localhost"},
		DNSNames:        []string{"localhost"},
		NotBefore:       time.Now().Add(-time.Hour),
		NotAfter:        time.Now().Add(30 * 24 * time.Hour),
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{delegationUsage},
	}
	if change != nil {
		change(template)
	}
	return selfSigned(t, key, template)
}

func ecdsaKey(t testing.TB, c elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestDelegatedCredentials has servers show keys that were delegated to, of each kind by each kind,
// and says to whom they are not shown.
func TestDelegatedCredentials(t *testing.T) {
	owners := []crypto.Signer{ecdsaKey(t, elliptic.P256()), rsaKey(t), ed25519.NewKeyFromSeed(make([]byte, 32))}
	for _, tt := range []struct {
		key    crypto.Signer
		scheme tls.SignatureScheme // 0: what goes with the key
		want   string
	}{
		{ecdsaKey(t, elliptic.P256()), 0, "ecdsa_secp256r1_sha256"},
		{ecdsaKey(t, elliptic.P384()), 0, "ecdsa_secp384r1_sha384"},
		{ecdsaKey(t, elliptic.P521()), tls.ECDSAWithP521AndSHA512, "ecdsa_secp521r1_sha512"},
		{ed25519.NewKeyFromSeed(make([]byte, 32)), tls.Ed25519, "ed25519"},
		{owners[1], 0, "rsa_pss_pss_sha256"},
		{owners[1], 0x080a, "rsa_pss_pss_sha384"},
		{owners[1], 0x080b, "rsa_pss_pss_sha512"},
	} {
		for i, owner := range owners {
			t.Run(fmt.Sprintf("%s by %d", tt.want, i), func(t *testing.T) {
				cert, pool := delegating(t, owner, nil)
				end := time.Now().Add(24 * time.Hour)
				dc, err := tls.NewDelegatedCredential(rand.Reader, &cert, tt.key, tt.scheme, end)
				if err != nil {
					t.Fatal(err)
				}
				client := &tls.Config{RootCAs: pool, ServerName: "localhost", AcceptDelegatedCredentials: true}
				server := &tls.Config{DelegatedCredentials: []tls.DelegatedCredential{*dc}} // without the certificate's key
				got := delegated(t, client, server)
				if want := tt.want + ", delegated"; got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			})
		}
	}
}

// TestDelegatedCredentialsAreForThose shows the certificate's own key to all others.
func TestDelegatedCredentialsAreForThose(t *testing.T) {
	cert, pool := delegating(t, rsaKey(t), nil)
	other, _ := delegating(t, ecdsaKey(t, elliptic.P256()), func(c *x509.Certificate) { c.DNSNames = []string{"other.example"} })
	now := time.Now()
	key := ecdsaKey(t, elliptic.P384())
	issue := func(cert *tls.Certificate, end time.Duration) []tls.DelegatedCredential {
		dc, err := tls.NewDelegatedCredential(rand.Reader, cert, key, 0, now.Add(end))
		if err != nil {
			t.Fatal(err)
		}
		return []tls.DelegatedCredential{*dc}
	}
	const day, own, instead = 24 * time.Hour, "rsa_pss_rsae_sha256", "ecdsa_secp384r1_sha384, delegated"
	for _, tt := range []struct {
		name           string
		client, server func(*tls.Config)
		want           string
	}{
		{"who takes them", nil, nil, instead},
		{
			"with a certificate that is compressed", func(c *tls.Config) { c.CertificateCompression = []tls.CertificateCompression{tls.ZlibCertificates()} },
			func(c *tls.Config) { c.CertificateCompression = []tls.CertificateCompression{tls.ZlibCertificates()} }, instead,
		},
		{"after HelloRetryRequest", func(c *tls.Config) { c.KeyShares = []tls.CurveID{} }, nil, instead},
		{"another that comes first", nil, func(c *tls.Config) {
			c.DelegatedCredentials = append(issue(&other, day), c.DelegatedCredentials...)
		}, instead},
		{"who does not", func(c *tls.Config) { c.AcceptDelegatedCredentials = false }, nil, own},
		{"TLS 1.2 at the server", nil, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, own},
		{"TLS 1.2 at the client", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, nil, own},
		{"an end too far", nil, func(c *tls.Config) { c.DelegatedCredentials = issue(&cert, 8*day) }, own},
		{"an end that has come", nil, func(c *tls.Config) { c.DelegatedCredentials = issue(&cert, -time.Minute) }, own},
		{"another name", nil, func(c *tls.Config) { c.DelegatedCredentials = issue(&other, day) }, own},
		{
			"nobody else, without a certificate", func(c *tls.Config) { c.AcceptDelegatedCredentials = false }, func(c *tls.Config) { c.Certificates = nil },
			"server: the client takes none of our delegated credentials",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := &tls.Config{RootCAs: pool, ServerName: "localhost", AcceptDelegatedCredentials: true}
			server := &tls.Config{Certificates: []tls.Certificate{cert}, DelegatedCredentials: issue(&cert, day)}
			for change, c := range map[*func(*tls.Config)]*tls.Config{&tt.client: client, &tt.server: server} {
				if *change != nil {
					(*change)(c)
				}
			}
			if got := delegated(t, client, server); !matches(got, tt.want, tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// delegated says what the server signed with, as both ends and the observer see it.
func delegated(t *testing.T, clientConfig, serverConfig *tls.Config) string {
	t.Helper()
	rawC, rawS := loopback(t)
	var checked []string
	tap := observe.NewTap(observe.TapOptions{Sink: func(e observe.Event) {
		if c, ok := e.Body.(*observe.Checked); ok && c.What == observe.CheckCertificateVerify {
			checked = append(checked, c.Result)
		}
	}})
	clientConfig.KeyLogWriter = tap.KeyLog()
	client, server := tls.Client(tap.Conn(rawC, observe.Client, 0), clientConfig), tls.Server(rawS, serverConfig)
	client.SetDeadline(time.Now().Add(20 * time.Second))
	server.SetDeadline(time.Now().Add(20 * time.Second))
	done := make(chan error, 1)
	go func() {
		err := server.Handshake()
		if err == nil {
			_, err = io.WriteString(server, "x")
		}
		done <- err
	}()
	_, err := client.Read(make([]byte, 1))
	serverErr := <-done
	client.Close()
	server.Close()
	if err != nil || serverErr != nil {
		return fmt.Sprintf("client: %v\nserver: %v", err, serverErr)
	}
	var seen []string
	for _, c := range []*tls.Conn{client, server} {
		info, _ := c.Info()
		text := info.SignatureScheme
		if !info.DelegatedUntil.IsZero() {
			text += ", delegated"
		}
		seen = append(seen, text)
	}
	if want := []string{observe.ResultOK}; serverConfig.MaxVersion == 0 && clientConfig.MaxVersion == 0 && !slices.Equal(checked, want) {
		t.Errorf("the observer on CertificateVerify: got %v, want %v", checked, want)
	}
	if seen[0] != seen[1] {
		return strings.Join(seen, "; ")
	}
	return seen[0]
}

// TestNewDelegatedCredential refuses what no client would take.
func TestNewDelegatedCredential(t *testing.T) {
	now := time.Now()
	owner, key := ecdsaKey(t, elliptic.P256()), ecdsaKey(t, elliptic.P256())
	for _, tt := range []struct {
		name   string
		change func(*x509.Certificate)
		key    crypto.Signer
		scheme tls.SignatureScheme
		end    time.Time
		want   string
	}{
		{"no DelegationUsage", func(c *x509.Certificate) { c.ExtraExtensions = nil }, key, 0, now.Add(time.Hour), "has no DelegationUsage extension"},
		{"no digitalSignature", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }, key, 0, now.Add(time.Hour), "does not name digitalSignature"},
		{"an end before the beginning", nil, key, 0, now.Add(-2 * time.Hour), "end before the certificate begins"},
		{"an end in a century and a half", nil, key, 0, now.Add(150 * 365 * 24 * time.Hour), "or in a century"},
		{"an end behind the certificate's", nil, key, 0, now.Add(31 * 24 * time.Hour), "it outlives its certificate"},
		{"a scheme for another key", nil, key, tls.Ed25519, now.Add(time.Hour), "does not go with a ECDSA P-256 key"},
		{"a scheme for any RSA key", nil, rsaKey(t), tls.PSSWithSHA256, now.Add(time.Hour), "rsa_pss_rsae_sha256, which was not offered"},
		{"a key of no scheme", nil, ecdsaKey(t, elliptic.P224()), 0, now.Add(time.Hour), "cannot be delegated to"},
	} {
		cert, _ := delegating(t, owner, tt.change)
		if _, err := tls.NewDelegatedCredential(rand.Reader, &cert, tt.key, tt.scheme, tt.end); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestBadDelegatedCredentials refuses a Config that no handshake could be made with.
func TestBadDelegatedCredentials(t *testing.T) {
	cert, _ := delegating(t, ecdsaKey(t, elliptic.P256()), nil)
	good, err := tls.NewDelegatedCredential(rand.Reader, &cert, ecdsaKey(t, elliptic.P256()), 0, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*tls.DelegatedCredential)
		want   string
	}{
		{"no certificate", func(c *tls.DelegatedCredential) { c.Certificate = tls.Certificate{} }, "there is no certificate in it"},
		{"a certificate that does not parse", func(c *tls.DelegatedCredential) { c.Certificate.Certificate = [][]byte{{1}} }, "its leaf does not parse"},
		{"no key", func(c *tls.DelegatedCredential) { c.PrivateKey = nil }, "it has no private key"},
		{"another key", func(c *tls.DelegatedCredential) { c.PrivateKey = ecdsaKey(t, elliptic.P256()) }, "is not that which is delegated to"},
		{"a scheme for another key", func(c *tls.DelegatedCredential) {
			c.Raw = slices.Clone(c.Raw)
			c.Raw[4], c.Raw[5] = 8, 7
		}, "its key is for ed25519, which does not go with a ECDSA P-256 key"},
		{"a key that is none", func(c *tls.DelegatedCredential) { c.Raw = []byte{0, 0, 0, 1, 4, 3, 0, 0, 1, 0, 4, 3, 0, 1, 0} }, "asn1"},
		{"nothing", func(c *tls.DelegatedCredential) { c.Raw = nil }, "malformed delegated credential"},
		{"a byte too many", func(c *tls.DelegatedCredential) { c.Raw = append(c.Raw[:len(c.Raw):len(c.Raw)], 0) }, "malformed delegated credential"},
	} {
		bad := *good
		tt.change(&bad)
		_, rawS := loopback(t)
		server := tls.Server(rawS, &tls.Config{Certificates: []tls.Certificate{cert}, DelegatedCredentials: []tls.DelegatedCredential{bad}})
		if err := server.Handshake(); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "DelegatedCredentials[0]") {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}
