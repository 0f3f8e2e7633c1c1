package observe_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/observe"
)

// gnutlsTalks records a conversation of GnuTLS with itself, in which the server says what the client says.
func gnutlsTalks(t *testing.T, dir, priority string) *conversation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(free.Addr().(*net.TCPAddr).Port)
	free.Close()
	s := exec.CommandContext(ctx, peer.Find(t, "gnutls-serv"), "--echo", "--port", port, "--priority", priority, "--x509certfile", "cert.pem", "--x509keyfile", "key.pem")
	s.Dir = dir
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Wait()
	defer cancel()
	for ctx.Err() == nil { // until it listens
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	conv := new(conversation)
	address, wait := proxy(t, "127.0.0.1:"+port, conv)
	host, front, _ := net.SplitHostPort(address)
	keys := filepath.Join(t.TempDir(), "keys")
	c := exec.CommandContext(ctx, peer.Find(t, "gnutls-cli"), "--insecure", "--port", front, "--priority", priority, host)
	c.Env = append(os.Environ(), "SSLKEYLOGFILE="+keys)
	in, _ := c.StdinPipe()
	back, _ := c.StdoutPipe()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	io.WriteString(in, said+"\n")
	for lines := bufio.NewScanner(back); lines.Scan() && lines.Text() != said; {
	}
	in.Close()
	go io.Copy(io.Discard, back)
	c.Wait()
	wait()
	conv.keys, _ = os.ReadFile(keys)
	return conv
}

// What GnuTLS still has and OpenSSL has not.
func TestGnuTLSConversations(t *testing.T) {
	dir := t.TempDir()
	key := rsaServer(t, dir, "")
	for _, row := range []struct{ name, priority, version, suite string }{
		{"RC4", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+ARCFOUR-128:-KX-ALL:+RSA:%COMPAT", "TLS 1.2", "TLS_RSA_WITH_RC4_128_SHA"},
		{"RC4 and MD5 in TLS 1.0", "NONE:+VERS-TLS1.0:+ARCFOUR-128:+MD5:+RSA:+COMP-ALL:+SIGN-ALL", "TLS 1.0", "TLS_RSA_WITH_RC4_128_MD5"},
		{"3DES in TLS 1.0", "NONE:+VERS-TLS1.0:+3DES-CBC:+SHA1:+RSA:+COMP-ALL:+SIGN-ALL:%NO_ETM", "TLS 1.0", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"},
		{"3DES in TLS 1.1, encrypt-then-MAC", "NONE:+VERS-TLS1.1:+3DES-CBC:+SHA1:+RSA:+COMP-ALL:+SIGN-ALL", "TLS 1.1", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := gnutlsTalks(t, dir, row.priority)
			for how, w := range map[string]*watched{
				"with the key log": watch(c, options(), withKeys(c)),
				"with the key":     secretsOf(c, func(k *observe.Keys) { k.AddRSAKey(key) }),
			} {
				s := w.session
				if s.Version != row.version || s.CipherSuite != row.suite || !s.Complete || !s.Decrypted || s.DecryptError != "" {
					t.Errorf("%s: got %s %s %+v, want %s %s, decrypted", how, s.Version, s.CipherSuite, s.Outcome, row.version, row.suite)
				}
				for _, d := range []observe.Dir{observe.ClientToServer, observe.ServerToClient} {
					if got := spoken(w, d); got != said {
						t.Errorf("%s: got %q %v, want %q", how, got, d, said)
					}
				}
			}
		})
	}
}
