package interop_test

import (
	"crypto"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/tls"
)

// TestOCSP staples an OCSP response to a certificate.
func TestOCSP(t *testing.T) {
	file, response := stapled(t)
	runAll(t, "OCSP stapling", []extra{{
		name: "OCSP", versions: both, ours: fmt.Sprint(len(response)),
		config: func(_ *credentials, c *tls.Config) { c.Certificates[0].OCSPStaple = response },
		said: func(c *tls.Conn) string {
			if len(c.ConnectionState().PeerCertificates) == 0 {
				return fmt.Sprint(len(response)) // it is the server
			}
			return fmt.Sprint(len(c.OCSPResponse()))
		},
		openssl: ends{
			server: flags("-status_file", file),
			client: flags("-status"), clientShows: `OCSP Response Status: successful`,
		},
		gnutls: ends{
			server: flags("--ocsp-response", file, "--ignore-ocsp-response-errors"),
			client: flags("--no-ocsp", "--no-ca-verification"), clientShows: `- Options:.* OCSP status request`,
		},
	}})
}

// stapled is an OCSP response of an authority of its own: what is in it is for the client to say.
func stapled(t *testing.T) (file string, response []byte) {
	t.Helper()
	creds := newCredentials(t)
	pair := creds.certs["ecdsa-p256"]
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	response, err = ocsp.CreateResponse(leaf, leaf, ocsp.Response{
		Status: ocsp.Good, SerialNumber: leaf.SerialNumber, ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour),
	}, pair.PrivateKey.(crypto.Signer))
	if err != nil {
		t.Fatal(err)
	}
	return write(t, t.TempDir(), "ocsp.der", response), response
}

// sct is a timestamp in the form of RFC 6962 §3.2, of a log that there is not.
var sct = append(append(make([]byte, 1+32), 0, 0, 1, 0x80, 0, 0, 0, 0, 0, 0, 4, 3, 0, 8), make([]byte, 8)...)

// TestSCTs sends signed certificate timestamps.
func TestSCTs(t *testing.T) {
	logs := write(t, t.TempDir(), "logs.cnf", []byte("enabled_logs=\n"))
	runAll(t, "SCTs", []extra{{
		name: "SCTs", versions: both, ours: "[" + fmt.Sprint(sct) + "]",
		config: func(_ *credentials, c *tls.Config) { c.Certificates[0].SignedCertificateTimestamps = [][]byte{sct} },
		said: func(c *tls.Conn) string {
			if len(c.ConnectionState().PeerCertificates) == 0 {
				return "[" + fmt.Sprint(sct) + "]"
			}
			return fmt.Sprint(c.ConnectionState().SignedCertificateTimestamps)
		},
		openssl: ends{
			server: flags("-serverinfo", serverInfo(t)),
			client: flags("-ct", "-ctlogfile", logs), clientShows: `SCTs present \(1\)`,
		},
	}})
}

// serverInfo is a file that has openssl s_server send sct: in ServerHello of TLS 1.2, and with the
// certificate in TLS 1.3. The first number of each is OpenSSL's, of the messages that it is for.
func serverInfo(t *testing.T) string {
	t.Helper()
	list := binary.BigEndian.AppendUint16(nil, uint16(2+len(sct)))
	list = append(binary.BigEndian.AppendUint16(list, uint16(len(sct))), sct...)
	const clientHello, serverHello12, certificate13 = 0x80, 0x100, 0x1000
	info := binary.BigEndian.AppendUint32(nil, clientHello|serverHello12|certificate13)
	info = binary.BigEndian.AppendUint16(info, uint16(iana.ExtSignedCertificateTimestamp))
	info = append(binary.BigEndian.AppendUint16(info, uint16(len(list))), list...)
	path := filepath.Join(t.TempDir(), "serverinfo.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "SERVERINFOV2 FOR SCT", Bytes: info}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestExtensions is what two ends agree on by an extension.
func TestExtensions(t *testing.T) {
	limit := func(c *tls.Conn) string {
		i, _ := c.Info()
		return fmt.Sprint(i.RecordSizeLimit > 0)
	}
	protocol := func(c *tls.Conn) string { return c.ConnectionState().NegotiatedProtocol }
	runAll(t, "extensions", []extra{
		{
			name: "record_size_limit", versions: both, ours: "true", said: limit,
			config: func(_ *credentials, c *tls.Config) { c.RecordSizeLimit = 600 },
			gnutls: ends{server: flags("--recordsize", "1000"), client: flags("--recordsize", "1000")},
		},
		{
			name: "ALPN that is required", versions: both, ours: "second", said: protocol,
			config: func(_ *credentials, c *tls.Config) { c.NextProtos, c.RequireALPN = []string{"first", "second"}, true },
			openssl: ends{
				server: flags("-alpn", "second,third"), client: flags("-alpn", "second,third"),
				clientShows: `ALPN protocol: second`, serverShows: `ALPN protocols selected: second`,
			},
			gnutls: ends{server: flags("--alpn", "second"), client: flags("--alpn", "second"), clientShows: `Application protocol: second`},
		},
		{
			name: "GREASE", versions: both,
			config:  func(_ *credentials, c *tls.Config) { c.GREASE = true },
			openssl: ends{server: flags()}, gnutls: ends{server: flags()},
		},
		{
			name: "messages in small records", versions: both,
			openssl: ends{server: flags("-max_send_frag", "512"), client: flags("-max_send_frag", "512")},
		},
		{
			name: "max_fragment_length, which we do not answer", versions: both,
			openssl: ends{client: flags("-maxfraglen", "512")},
		},
	})
}

// TestRequiredALPN is refused where there is nothing in common.
func TestRequiredALPN(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	creds := newCredentials(t)
	x := extra{config: func(_ *credentials, c *tls.Config) { c.NextProtos, c.RequireALPN = []string{"first"}, true }}
	for _, v := range both {
		files := creds.files["ecdsa-p256"]
		p := peer.Start(t, openssl, "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-cert", files[0], "-key", files[1])
		if _, err := tls.Dial("tcp", p.Await(t, `ACCEPT (127\.0\.0\.1:\d+)`), x.our(creds, v)); err == nil || !strings.Contains(err.Error(), "the server chose no protocol") {
			t.Errorf("%v: got %v, want it refused", v, err)
		}
		addr, done := x.host(t, creds, v)
		peer.Start(t, openssl, "s_client", "-connect", addr, opensslVersion(v))
		if err := <-done; err == nil || !strings.Contains(err.Error(), "no_application_protocol") && !strings.Contains(err.Error(), "RFC 7301") {
			t.Errorf("%v: our server comes to %v, want it to refuse", v, err)
		}
	}
}
