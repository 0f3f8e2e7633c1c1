package interop_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

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

// program is a running OpenSSL.
type program struct {
	in  io.WriteCloser
	mu  sync.Mutex
	out bytes.Buffer
	cmd *exec.Cmd
}

func start(t *testing.T, path string, args ...string) *program {
	t.Helper()
	return startFor(t, 30*time.Second, path, args...)
}

// startFor starts a program that is to run for at most d.
func startFor(t *testing.T, d time.Duration, path string, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	p := &program{cmd: exec.CommandContext(ctx, path, args...)}
	pipe, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in = pipe
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = p.cmd.Wait()
		if t.Failed() {
			t.Logf("%s %s\n%s", path, strings.Join(args, " "), p.text())
		}
	})
	return p
}

// Write takes the program's output.
func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *program) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// await waits until the output matches, and returns what the pattern's group matched.
func (p *program) await(t *testing.T, pattern string) string {
	t.Helper()
	return p.awaitAfter(t, 0, pattern)
}

// awaitAfter is await for what comes after so many bytes of output.
func (p *program) awaitAfter(t *testing.T, before int, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && !t.Failed(); time.Sleep(2 * time.Millisecond) {
		if m := re.FindStringSubmatch(p.text()[before:]); m != nil {
			return m[len(m)-1]
		}
	}
	t.Fatalf("no %q in the output", pattern)
	return ""
}

func (p *program) say(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// settle waits until what OpenSSL's output shows is what it should be: it may come later than
// what OpenSSL did.
func (p *program) settle(t *testing.T, what string, shown func() string, want string) {
	t.Helper()
	got := shown()
	for end := time.Now().Add(5 * time.Second); got != want && time.Now().Before(end); got = shown() {
		time.Sleep(5 * time.Millisecond)
	}
	if got != want {
		t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

// hellos counts the ClientHellos that OpenSSL saw.
func (p *program) hellos() string { return fmt.Sprint(strings.Count(p.text(), ", ClientHello")) }

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
	p := start(t, openssl, args...)
	addr := p.await(t, `ACCEPT (127\.0\.0\.1:\d+)`)
	c, err := tls.Dial("tcp", addr, creds.config(x, append(before, x.group)...))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	x.check(t, c.ConnectionState(), len(before) > 0)
	if _, err := io.WriteString(c, "akushu\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := bufio.NewReader(c).ReadString('\n'); got != "uhsuka\n" {
		t.Errorf("got %q, %v, want %q", got, err, "uhsuka\n")
	}
	p.settle(t, "ClientHellos that OpenSSL saw", p.hellos, fmt.Sprint(1+len(before)))
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
	p := start(t, openssl, args...)
	p.await(t, `Verify return code: 0 \(ok\)`)
	p.say(t, "akushu")
	p.await(t, `(?m)^akushu$`)
	p.say(t, "Q")
	state, ok := <-states
	if !ok {
		t.Fatal("the server failed")
	}
	x.check(t, state, len(before) > 0)
	p.settle(t, "ClientHellos that OpenSSL sent", p.hellos, fmt.Sprint(1+len(before)))
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
			p := start(t, openssl, args...)
			c, err := tls.Dial("tcp", p.await(t, `ACCEPT (127\.0\.0\.1:\d+)`), creds.config(x))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			theirs := p.await(t, `Keying material: ([0-9A-F]+)\n`)
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
