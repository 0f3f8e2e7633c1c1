package interop_test

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"testing"

	"github.com/akushu/akushu/tls"
)

// TestRawPublicKeys shows keys without certificates to GnuTLS, and takes GnuTLS's. OpenSSL has them
// since 3.2.
func TestRawPublicKeys(t *testing.T) {
	creds := newCredentials(t)
	key := func(kind string) (crypto.Signer, []string) {
		signer := creds.certs[kind].PrivateKey.(crypto.Signer)
		info, err := x509.MarshalPKIXPublicKey(signer.Public())
		if err != nil {
			t.Fatal(err)
		}
		public := write(t, t.TempDir(), "public.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: info}))
		return signer, []string{"--rawpkkeyfile", creds.files[kind][1], "--rawpkfile", public}
	}
	server, serverFlags := key("ecdsa-p256")
	client, clientFlags := key("rsa-2048")
	shown := func(c *tls.Conn) string {
		i, _ := c.Info()
		return fmt.Sprint(i.PeerPublicKey != nil, len(c.ConnectionState().PeerCertificates))
	}
	runAll(t, "raw public keys", []extra{
		{
			name: "of a server", versions: both, priority: ":+CTYPE-SRV-RAWPK",
			config: func(_ *credentials, c *tls.Config) {
				c.Certificates, c.RootCAs = nil, x509.NewCertPool()
				c.RawPublicKey, c.PeerPublicKeys = server, []crypto.PublicKey{server.Public()}
			},
			gnutls: ends{
				server: flags(serverFlags...),
				client: flags("--no-ca-verification"), clientShows: `(?i)Certificate type: Raw Public Key`,
			},
		},
		{
			name: "of both", versions: both, priority: ":+CTYPE-SRV-RAWPK:+CTYPE-CLI-RAWPK", said: shown, ours: "true 0",
			config: func(_ *credentials, c *tls.Config) {
				c.Certificates, c.RootCAs, c.ClientAuth = nil, x509.NewCertPool(), tls.RequireAndVerifyClientCert
				c.RawPublicKey, c.PeerPublicKeys = server, []crypto.PublicKey{server.Public(), client.Public()}
			},
			gnutls: ends{
				server: flags(append([]string{"--require-client-cert"}, serverFlags...)...),
				client: flags(append([]string{"--no-ca-verification"}, clientFlags...)...),
			},
		},
	})
}
