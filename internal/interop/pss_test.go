package interop_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/akushu/akushu/tls"
)

// TestRSAPSSKeys uses keys for RSASSA-PSS alone that OpenSSL made (openssl req -newkey rsa-pss), for
// servers and for clients: one for any hash, and one for SHA-384.
func TestRSAPSSKeys(t *testing.T) {
	var all []extra
	for name, scheme := range map[string]string{"any": "rsa_pss_pss_sha256", "sha384": "rsa_pss_pss_sha384"} {
		cert, key := filepath.Join("../spki/testdata", name+".pem"), filepath.Join("../spki/testdata", name+".key")
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		config := func(_ *credentials, c *tls.Config) {
			c.Certificates = []tls.Certificate{pair}
			c.RootCAs, c.ClientCAs = x509.NewCertPool(), x509.NewCertPool()
			c.RootCAs.AddCert(pair.Leaf)
			c.ClientCAs.AddCert(pair.Leaf)
		}
		all = append(all, extra{
			name: name, versions: both, config: config, ours: scheme,
			said: func(c *tls.Conn) string { i, _ := c.Info(); return i.SignatureScheme },
			openssl: ends{
				server: flags("-cert", cert, "-key", key),
				client: flags("-CAfile", cert), clientShows: `Peer signature type: RSA-PSS`,
			},
			gnutls: ends{
				server: flags("--x509certfile", cert, "--x509keyfile", key),
				client: flags("--x509cafile", cert), clientShows: `RSA-PSS`,
			},
		}, extra{
			name: name + ", of a client", versions: both, ours: scheme,
			config: func(creds *credentials, c *tls.Config) {
				roots := c.RootCAs
				own := c.Certificates[0]
				config(creds, c)
				c.RootCAs, c.ClientAuth = roots, tls.RequireAndVerifyClientCert
				client := pair
				c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &client, nil }
				c.Certificates = []tls.Certificate{own}
			},
			said: func(c *tls.Conn) string { i, _ := c.Info(); return i.ClientSignatureScheme },
			openssl: ends{
				server: flags("-Verify", "1", "-verify_return_error", "-CAfile", cert),
				client: flags("-cert", cert, "-key", key),
			},
			gnutls: ends{
				server: flags("--require-client-cert", "--verify-client-cert", "--x509cafile", cert),
				client: flags("--x509certfile", cert, "--x509keyfile", key),
			},
		})
	}
	runAll(t, "keys for RSASSA-PSS alone", all)
}

// An OpenSSL key for RSASSA-PSS says so, where crypto/tls reads nothing.
func TestRSAPSSKeyPairs(t *testing.T) {
	read := func(name string) []byte {
		text, err := os.ReadFile("../spki/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if _, err := tls.X509KeyPair(read("any.pem"), read("any.key")); err != nil {
		t.Error(err)
	}
	if _, err := tls.X509KeyPair(read("any.pem"), read("sha384.key")); err == nil || !strings.Contains(err.Error(), "tls: ") {
		t.Errorf("another's key: got %v", err)
	}
	if _, err := tls.LoadX509KeyPair("../spki/testdata/any.pem", "there is none"); err == nil {
		t.Error("no file: got no error")
	}
}
