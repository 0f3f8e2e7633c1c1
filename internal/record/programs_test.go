package record

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/internal/suite"
)

// program is a pair of command line tools that talk to each other while we listen.
type program struct {
	server, client string
	// arguments says how to serve and to connect with a suite, on a port of the loopback interface.
	arguments func(p *pair, s *suite.Suite, etm bool) (server, client []string)
	has       func(s *suite.Suite) bool
}

// pair is what a conversation of two programs needs.
type pair struct {
	cert, key, keylog string // files
	port              string // of the server
	proxy             string // and where the client finds it
}

var openssl = program{
	server: "openssl", client: "openssl",
	arguments: func(p *pair, s *suite.Suite, etm bool) (server, client []string) {
		names := map[iana.Version]string{iana.VersionTLS10: "-tls1", iana.VersionTLS11: "-tls1_1", iana.VersionTLS12: "-tls1_2", iana.VersionTLS13: "-tls1_3"}
		server = []string{"s_server", "-accept", "127.0.0.1:" + p.port, "-naccept", "1", "-rev", "-cert", p.cert, "-key", p.key, "-cipher", "ALL:@SECLEVEL=0"}
		client = []string{"s_client", "-connect", "127.0.0.1:" + p.proxy, "-keylogfile", p.keylog, names[s.MinVersion]}
		if s.MinVersion == iana.VersionTLS13 {
			suites := []string{"-ciphersuites", s.ID.String()}
			return append(server, suites...), append(client, suites...)
		}
		client = append(client, "-cipher", opensslName(s.ID)+":@SECLEVEL=0")
		if !etm {
			client = append(client, "-no_etm")
		}
		return server, client
	},
	has: func(s *suite.Suite) bool { return s.Cipher.Name != "3DES-EDE-CBC" },
}

// opensslName is what OpenSSL calls a suite before TLS 1.3: IANA's name with fewer words and other hyphens.
func opensslName(id iana.CipherSuite) string {
	name := strings.TrimPrefix(id.String(), "TLS_")
	name = strings.NewReplacer("_WITH", "", "AES_128", "AES128", "AES_256", "AES256", "_CBC", "", "CCM_8", "CCM8", "_POLY1305_SHA256", "_POLY1305").Replace(name)
	return strings.TrimPrefix(strings.ReplaceAll(name, "_", "-"), "RSA-")
}

// gnutls is for 3DES, which OpenSSL is built without.
var gnutls = program{
	server: "gnutls-serv", client: "gnutls-cli",
	arguments: func(p *pair, s *suite.Suite, etm bool) (server, client []string) {
		version := strings.Replace(s.MinVersion.String(), "TLS ", "TLS", 1)
		priority := "NONE:+VERS-" + version + ":+3DES-CBC:+SHA1:+RSA:+COMP-NULL:+SIGN-ALL:+CTYPE-X509"
		if !etm {
			priority += ":%NO_ETM"
		}
		server = []string{"--echo", "--x509certfile", p.cert, "--x509keyfile", p.key, "-p", p.port, "--priority", priority}
		client = []string{"--insecure", "--priority", priority, "-p", p.proxy, "127.0.0.1"}
		return server, client
	},
	has: func(s *suite.Suite) bool { return s.Cipher.Name == "3DES-EDE-CBC" },
}

// What OpenSSL and GnuTLS say to each other opens, in every kind that they have: CCM and encrypt-then-MAC too, which
// crypto/tls has not.
func TestAgainstPrograms(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := writePEM(t, dir, "CERTIFICATE", selfSigned(t, key))
	keyFile := writePEM(t, dir, "PRIVATE KEY", pkcs8)
	for _, k := range kinds {
		s := withRSA(k)
		for _, with := range []program{openssl, gnutls} {
			if !with.has(s) {
				continue
			}
			t.Run(with.client+"/"+kindName(k), func(t *testing.T) {
				p := &pair{cert: cert, key: keyFile, keylog: filepath.Join(t.TempDir(), "keylog"), port: freePort(t)}
				c := with.converse(t, p, s, encryptThenMAC[k])
				poisoned(t)
				randoms := c.randoms() // before the streams are read
				for name, from := range c.ends {
					d := &direction{conversation: c, name: name, r: NewReader(borrow.From(&from.sent))}
					d.sealer.SetVersion(c.version)
					d.follow(t, randoms)
					d.r.Wipe()
					if !bytes.Contains(d.data, from.data) {
						t.Errorf("%s: got %d bytes of data, %.50q, want %.50q in them", name, len(d.data), d.data, from.data)
					}
				}
			})
		}
	}
}

// withRSA returns a suite of k's kind and version that our certificate can serve.
func withRSA(k *suite.Suite) *suite.Suite {
	for _, s := range suite.All() {
		if s.Cipher == k.Cipher && s.MAC == k.MAC && s.Supports(k.MinVersion) && (s.Auth == suite.AuthRSA || s.Auth == suite.AuthNegotiated) {
			row := *s
			row.MinVersion, row.MaxVersion = k.MinVersion, k.MaxVersion
			return &row
		}
	}
	panic("no suite with RSA for " + kindName(k))
}

// randoms returns the client's random and the server's, which stand at the same place in both hellos.
func (c *conversation) randoms() []byte {
	const random = HeaderLen + 4 + 2
	return append(bytes.Clone(c.ends["CLIENT"].sent.Bytes()[random:][:32]), c.ends["SERVER"].sent.Bytes()[random:][:32]...)
}

// converse has the client say a line, which the server sends back, in whichever order.
func (with program) converse(t *testing.T, p *pair, s *suite.Suite, etm bool) *conversation {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, p.proxy, _ = net.SplitHostPort(listener.Addr().String())
	serverArgs, clientArgs := with.arguments(p, s, etm)
	peer.Start(t, peer.Find(t, with.server), serverArgs...)
	cmd := exec.Command(peer.Find(t, with.client), clientArgs...)
	cmd.Env = append(os.Environ(), "SSLKEYLOGFILE="+p.keylog)
	client := peer.StartCommand(t, cmd)
	wires := make(chan map[string]*end, 1)
	go func() { wires <- forward(listener, p.port) }()

	line := strings.Repeat("0123456789", 50)
	client.Say(t, line)
	client.Await(t, line+"|"+reversed(line))
	client.In.Close()
	c := &conversation{version: s.MinVersion, suite: s, etm: etm}
	select {
	case c.ends = <-wires:
	case <-time.After(20 * time.Second):
		t.Fatal("the conversation does not end")
	}
	if c.ends == nil {
		t.Fatal("the server cannot be reached")
	}
	c.ends["CLIENT"].data, c.ends["SERVER"].data = []byte(line), []byte(line)
	if with.server == "openssl" {
		c.ends["SERVER"].data = []byte(reversed(line))
	}
	log, err := os.ReadFile(p.keylog)
	if err != nil {
		t.Fatal(err)
	}
	c.secrets = parseLog(t, string(log))
	return c
}

func reversed(s string) string {
	b := []byte(s)
	for i := range len(b) / 2 {
		b[i], b[len(b)-1-i] = b[len(b)-1-i], b[i]
	}
	return string(b)
}

// forward takes one connection, passes it on to the port, and returns what went either way when both have ended; nil if
// nobody is there.
func forward(listener net.Listener, port string) map[string]*end {
	near, err := listener.Accept()
	if err != nil {
		return nil
	}
	defer near.Close()
	var far net.Conn
	for range 500 { // the server may still be starting
		if far, err = net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		return nil
	}
	defer far.Close()
	client, server := new(end), new(end)
	var both sync.WaitGroup
	for from, to := range map[net.Conn]net.Conn{near: far, far: near} {
		sent := &client.sent
		if from == far {
			sent = &server.sent
		}
		both.Go(func() {
			_, _ = io.Copy(io.MultiWriter(sent, to), from)
			_ = to.(*net.TCPConn).CloseWrite()
		})
	}
	both.Wait()
	return map[string]*end{"CLIENT": client, "SERVER": server}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

func writePEM(t *testing.T, dir, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(dir, kind)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
