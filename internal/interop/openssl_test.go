package interop_test

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/tls"
)

// opensslNames is what OpenSSL calls things.
var opensslNames = struct {
	groups map[iana.NamedGroup]string
}{
	groups: map[iana.NamedGroup]string{
		iana.GroupX25519:    "X25519",
		iana.GroupSecp256r1: "P-256",
		iana.GroupSecp384r1: "P-384",
		iana.GroupSecp521r1: "P-521",
		iana.GroupFFDHE2048: "ffdhe2048",
		iana.GroupFFDHE3072: "ffdhe3072",
		iana.GroupFFDHE4096: "ffdhe4096",
		iana.GroupFFDHE6144: "ffdhe6144",
		iana.GroupFFDHE8192: "ffdhe8192",
	},
}

// opensslName is what OpenSSL calls a suite of TLS 1.2 and before: IANA's name with fewer
// words and other hyphens.
func opensslName(id iana.CipherSuite) string {
	name := strings.TrimPrefix(id.String(), "TLS_")
	name = strings.NewReplacer("_WITH", "", "AES_128", "AES128", "AES_256", "AES256", "_CBC", "", "CCM_8", "CCM8", "_POLY1305_SHA256", "_POLY1305").Replace(name)
	return strings.TrimPrefix(strings.ReplaceAll(name, "_", "-"), "RSA-")
}

// opensslFlags is a cell, as OpenSSL's command line says it.
func opensslFlags(x cell, groups ...*suite.Group) []string {
	var names []string
	for _, g := range append(groups, x.group) {
		names = append(names, opensslNames.groups[g.ID])
	}
	flags := []string{"-groups", strings.Join(names, ":"), "-msg"}
	if x.version == iana.VersionTLS13 {
		return append(flags, "-tls1_3", "-ciphersuites", x.suite.ID.String())
	}
	return append(flags, "-tls1_2", "-cipher", opensslName(x.suite.ID)+":@SECLEVEL=0")
}

// opensslHas reports whether OpenSSL 3.0 can do x: it has no ML-KEM, and is built without
// 3DES. Those cells run against crypto/tls.
func opensslHas(x cell) bool {
	return !x.group.PostQuantum && !strings.Contains(x.suite.Cipher.Name, "3DES")
}

// hellos counts the ClientHellos that OpenSSL saw.
func hellos(p *peer.Program) string { return fmt.Sprint(strings.Count(p.Text(), ", ClientHello")) }

// TestOpenSSLServer has our client connect to openssl s_server.
func TestOpenSSLServer(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	creds := newCredentials(t)
	y := newTally(t, "connect to openssl s_server")
	for _, x := range cells() {
		if opensslHas(x) {
			y.run(t, x.String(), func(t *testing.T) { toOpenSSL(t, openssl, creds, x) })
		}
	}
	for _, x := range retries() {
		if opensslHas(x) {
			y.run(t, "HelloRetryRequest/"+x.String(), func(t *testing.T) { toOpenSSL(t, openssl, creds, x, x.another()) })
		}
	}
}

// toOpenSSL shakes hands in cell x. Groups before x's make it a HelloRetryRequest.
func toOpenSSL(t *testing.T, openssl string, creds *credentials, x cell, before ...*suite.Group) {
	files := creds.files[x.key]
	args := append([]string{"s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-rev", "-cert", files[0], "-key", files[1]}, opensslFlags(x)...)
	p := peer.Start(t, openssl, args...)
	addr := p.Await(t, `ACCEPT (127\.0\.0\.1:\d+)`)
	c := dial(t, addr, creds.config(x, append(before, x.group)...))
	defer c.Close()
	x.check(t, c.ConnectionState(), len(before) > 0)
	if _, err := io.WriteString(c, "akushu\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := bufio.NewReader(c).ReadString('\n'); got != "uhsuka\n" {
		t.Errorf("got %q, %v, want %q", got, err, "uhsuka\n")
	}
	p.Settle(t, "ClientHellos that OpenSSL saw", func() string { return hellos(p) }, fmt.Sprint(1+len(before)))
}

// TestOpenSSLClient has openssl s_client connect to our server.
func TestOpenSSLClient(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	creds := newCredentials(t)
	y := newTally(t, "openssl s_client to our server")
	for _, x := range cells() {
		if opensslHas(x) {
			y.run(t, x.String(), func(t *testing.T) { fromOpenSSL(t, openssl, creds, x) })
		}
	}
	for _, x := range retries() {
		if opensslHas(x) {
			y.run(t, "HelloRetryRequest/"+x.String(), func(t *testing.T) { fromOpenSSL(t, openssl, creds, x, x.another()) })
		}
	}
}

func fromOpenSSL(t *testing.T, openssl string, creds *credentials, x cell, before ...*suite.Group) {
	addr, states := echo(t, creds.config(x))
	args := append([]string{
		"s_client", "-connect", addr, "-CAfile", creds.root, "-verify_return_error", "-verify_hostname", "localhost", "-servername", "localhost",
	}, opensslFlags(x, before...)...)
	p := peer.Start(t, openssl, args...)
	p.Await(t, `Verify return code: 0 \(ok\)`)
	p.Say(t, "akushu")
	p.Await(t, `(?m)^akushu$`)
	p.Say(t, "Q")
	state, ok := <-states
	if !ok {
		t.Fatal("the server failed")
	}
	x.check(t, state, len(before) > 0)
	p.Settle(t, "ClientHellos that OpenSSL sent", func() string { return hellos(p) }, fmt.Sprint(1+len(before)))
}

// TestOpenSSLExporter compares keying material that both ends export.
func TestOpenSSLExporter(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	creds := newCredentials(t)
	const label, length = "EXPORTER-akushu-test", 32
	for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
		t.Run(v.String(), func(t *testing.T) {
			i := 0
			for all := cells(); all[i].version != v || all[i].key != "ecdsa-p256" || !opensslHas(all[i]); i++ {
			}
			x := cells()[i]
			files := creds.files[x.key]
			args := append([]string{
				"s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-cert", files[0], "-key", files[1],
				"-keymatexport", label, "-keymatexportlen", fmt.Sprint(length),
			}, opensslFlags(x)...)
			p := peer.Start(t, openssl, args...)
			c, err := tls.Dial("tcp", p.Await(t, `ACCEPT (127\.0\.0\.1:\d+)`), creds.config(x))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			theirs := p.Await(t, `Keying material: ([0-9A-F]+)\n`)
			state := c.ConnectionState()
			for from, export := range map[string]func(string, []byte, int) ([]byte, error){
				"Conn": c.ExportKeyingMaterial, "ConnectionState": state.ExportKeyingMaterial,
			} {
				ours, err := export(label, nil, length)
				if got := fmt.Sprintf("%X", ours); got != theirs || err != nil {
					t.Errorf("%s: got %s, %v, want %s", from, got, err, theirs)
				}
			}
		})
	}
}
