package interop_test

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/tls"
)

// TestRenegotiation has openssl s_server ask for other handshakes, of a client that takes part
// in none, in one, or in all, and talk in between.
func TestRenegotiation(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	creds := newCredentials(t)
	y := newTally(t, "our client renegotiates with openssl s_server")
	files := creds.files["ecdsa-p256"]
	for _, v := range []iana.Version{iana.VersionTLS10, iana.VersionTLS12} {
		for support, want := range map[tls.RenegotiationSupport]int{tls.RenegotiateNever: 0, tls.RenegotiateOnceAsClient: 1, tls.RenegotiateFreelyAsClient: 3} {
			y.run(t, fmt.Sprintf("%v/%d handshakes more", v, want), func(t *testing.T) {
				p := peer.Start(t, openssl, "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-cert", files[0], "-key", files[1],
					"-msg", "-cipher", "ALL:@SECLEVEL=0", map[bool]string{true: "-tls1", false: "-tls1_2"}[v == iana.VersionTLS10])
				cfg := &tls.Config{
					RootCAs: creds.pool, ServerName: "localhost", MinVersion: uint16(v), MaxVersion: tls.VersionTLS13,
					Renegotiation: support, Certificates: []tls.Certificate{creds.certs["rsa-2048"]},
				}
				verified := 0
				cfg.VerifyConnection = func(tls.ConnectionState) error { verified++; return nil }
				c := dial(t, p.Await(t, `ACCEPT (127\.0\.0\.1:\d+)`), cfg)
				defer c.Close()
				lines := bufio.NewReader(c)
				p.Await(t, `CIPHER is`)
				for i, command := range []string{"r", "R", "r"} { // R asks for a certificate too
					p.Say(t, command)
					p.Await(t, fmt.Sprintf(`(?s)(>>> [^\n]*, HelloRequest.*){%d}`, i+1))
					if i >= want { // OpenSSL gives up then, which it need not
						if _, err := lines.ReadString('\n'); err == nil {
							t.Error("got data, want OpenSSL to give up")
						}
						p.Await(t, `ssl3_read_bytes:no renegotiation`)
						break
					}
					p.Say(t, fmt.Sprint("ask ", i))
					if got, err := lines.ReadString('\n'); got != fmt.Sprintf("ask %d\n", i) {
						t.Fatalf("got %q, %v", got, err)
					}
					if _, err := io.WriteString(c, fmt.Sprintf("answer %d\n", i)); err != nil {
						t.Fatal(err)
					}
					p.Await(t, fmt.Sprintf(`nswer %d\n`, i))
				}
				if hellos := strings.Count(p.Text(), ", ClientHello"); hellos != 1+want || verified != 1+want {
					t.Errorf("got %d ClientHellos and %d verifications, want %d", hellos, verified, 1+want)
				}
				if _, err := c.ExportKeyingMaterial("EXPORTER-x", nil, 32); err == nil {
					t.Error("got keying material, want none")
				}
			})
		}
	}
}

// TestRenegotiationGnuTLSServer has gnutls-serv ask for another handshake, again and again.
func TestRenegotiationGnuTLSServer(t *testing.T) {
	serv := peer.Find(t, "gnutls-serv")
	creds := newCredentials(t)
	files := creds.files["ecdsa-p256"]
	y := newTally(t, "our client renegotiates with gnutls-serv")
	for support, want := range map[tls.RenegotiationSupport]int{tls.RenegotiateNever: 0, tls.RenegotiateOnceAsClient: 1, tls.RenegotiateFreelyAsClient: 3} {
		y.run(t, fmt.Sprint(want, " handshakes more"), func(t *testing.T) {
			addr := startGnuTLS(t, serv, "--echo", "--x509certfile", files[0], "--x509keyfile", files[1], "--disable-client-cert",
				"--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2")
			verified := 0
			cfg := &tls.Config{RootCAs: creds.pool, ServerName: "localhost", Renegotiation: support}
			cfg.VerifyConnection = func(tls.ConnectionState) error { verified++; return nil }
			c := dial(t, addr, cfg)
			defer c.Close()
			lines := reader(c)
			for i := range 3 {
				fmt.Fprint(c, "**REHANDSHAKE**\n")
				if i >= want {
					break
				}
				wantLine(t, lines, "Successfully executed command")
				fmt.Fprintf(c, "answer %d\n", i)
				wantLine(t, lines, fmt.Sprint("answer ", i))
			}
			if verified != 1+want {
				t.Errorf("got %d verifications, want %d", verified, 1+want)
			}
		})
	}
}

// TestRenegotiationGnuTLSClient has gnutls-cli begin another handshake, which our server refuses.
func TestRenegotiationGnuTLSClient(t *testing.T) {
	cli := peer.Find(t, "gnutls-cli")
	creds := newCredentials(t)
	addr, _ := echo(t, &tls.Config{Certificates: []tls.Certificate{creds.certs["ecdsa-p256"]}, MaxVersion: tls.VersionTLS12})
	p := peer.Start(t, cli, "--inline-commands", "--port", port(t, addr), "--x509cafile", creds.root, "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2", "localhost")
	p.Await(t, `Handshake was completed`)
	p.Say(t, "^renegotiate^")
	p.Await(t, `No renegotiation`)
}
