package observe_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/keylog"
	"github.com/akushu/akushu/observe"
)

// said is what the client says in a conversation of OpenSSL with itself; the server turns it round.
const said, answered = "olleh", "hello"

var accepting = regexp.MustCompile(`ACCEPT .*:(\d+)`)

// opensslTalks records a conversation of OpenSSL with itself.
func opensslTalks(t *testing.T, dir string, server, client []string) *conversation {
	t.Helper()
	program := peer.Find(t, "openssl")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	keys := filepath.Join(t.TempDir(), "keys")
	s := exec.CommandContext(ctx, program, append([]string{"s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-rev"}, server...)...)
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.Dir, s.Env = dir, append(os.Environ(), "OPENSSL_CONF="+filepath.Join(dir, "openssl.cnf"))
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Wait()
	defer cancel()
	port := ""
	for lines := bufio.NewScanner(out); port == "" && lines.Scan(); {
		if m := accepting.FindStringSubmatch(lines.Text()); m != nil {
			port = m[1]
		}
	}
	go io.Copy(io.Discard, out)
	conv := new(conversation)
	front, wait := proxy(t, "127.0.0.1:"+port, conv)
	c := exec.CommandContext(ctx, program, append([]string{"s_client", "-connect", front, "-keylogfile", keys}, client...)...)
	in, _ := c.StdinPipe()
	back, _ := c.StdoutPipe()
	c.Dir = dir
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	io.WriteString(in, said+"\n")
	for lines := bufio.NewScanner(back); lines.Scan() && lines.Text() != answered; {
	}
	in.Close()
	go io.Copy(io.Discard, back)
	c.Wait()
	wait()
	conv.keys, _ = os.ReadFile(keys)
	return conv
}

// plainMainSecret has the servers in a folder not negotiate extended_main_secret, from now on.
func plainMainSecret(t *testing.T, dir string) {
	t.Helper()
	const text = "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nOptions = -ExtendedMasterSecret\n"
	path := filepath.Join(dir, "openssl.cnf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(path) })
}

// proxy passes one connection on, and writes it down. It returns its address, and what waits for the connection's end.
func proxy(t *testing.T, to string, conv *conversation) (address string, wait func()) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var running sync.WaitGroup
	pass := func(d observe.Dir, dst, src net.Conn) {
		defer running.Done()
		buf := make([]byte, 1<<16)
		for {
			n, err := src.Read(buf)
			mu.Lock()
			conv.chunks = append(conv.chunks, chunk{dir: d, time: tick(len(conv.chunks)), data: bytes.Clone(buf[:n]), end: n == 0})
			mu.Unlock()
			dst.Write(buf[:n])
			if err != nil {
				dst.(*net.TCPConn).CloseWrite()
				return
			}
		}
	}
	running.Add(1)
	go func() {
		defer running.Done()
		c, err := ln.Accept()
		ln.Close()
		if err != nil {
			return
		}
		s, err := net.Dial("tcp", to)
		if err != nil {
			c.Close()
			return
		}
		running.Add(2)
		go pass(observe.ClientToServer, s, c)
		pass(observe.ServerToClient, c, s)
	}()
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String(), running.Wait
}

// rsaServer makes a folder with cert.pem and key.pem, of RSA, and returns the key.
func rsaServer(t *testing.T, dir, name string) *rsa.PrivateKey {
	t.Helper()
	cert := certificate(t, "RSA")
	key := cert.PrivateKey.(*rsa.PrivateKey)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		"cert": {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, "key": {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(filepath.Join(dir, name+file+".pem"), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return key
}

// spoken is the plaintext of a direction.
func spoken(w *watched, d observe.Dir) string {
	var b strings.Builder
	for _, e := range w.events {
		if a, ok := e.Body.(*observe.ApplicationData); ok && e.Dir == d {
			b.Write(a.Data)
		}
	}
	return strings.TrimRight(b.String(), "\r\n")
}

// secretsOf watches a conversation with what a function puts into Keys, and nothing else.
func secretsOf(c *conversation, fill func(k *observe.Keys)) *watched {
	o := options()
	o.Keys = observe.NewKeys()
	fill(o.Keys)
	return watch(c, o, never)
}

func checkOpened(t *testing.T, how string, w *watched) {
	t.Helper()
	if got := spoken(w, observe.ClientToServer); got != said {
		t.Errorf("%s: got %q from the client, want %q (error %q)", how, got, said, w.session.DecryptError)
	}
	if got := spoken(w, observe.ServerToClient); got != answered {
		t.Errorf("%s: got %q from the server, want %q", how, got, answered)
	}
	if s := w.session; !s.Decrypted || s.DecryptError != "" || !s.Complete {
		t.Errorf("%s: got %+v", how, s.Outcome)
	}
	if bad := checkList(w.session, observe.ResultBad); bad != "" {
		t.Errorf("%s: got %s bad", how, bad)
	}
}

const pskHex = "00112233445566778899aabbccddeeff"

var psk = []byte{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}

// Everything that OpenSSL does, opened by the key log, and by the server's key or the pre-shared key where that is enough;
// where it is not, the reason.
func TestOpenSSLConversations(t *testing.T) {
	dir := t.TempDir()
	key := rsaServer(t, dir, "")
	other := rsaServer(t, dir, "other")
	withKey := func(k *observe.Keys) { k.AddRSAKey(key) }
	withPSK := func(k *observe.Keys) { k.AddPSK(psk) }
	both := func(k *observe.Keys) { withKey(k); withPSK(k) }
	for _, row := range []struct {
		name    string
		flags   string // of both ends
		server  string
		fill    func(*observe.Keys) // nil: nothing opens it but the key log
		fails   func(*observe.Keys) // what does not open it
		why     observe.DecryptError
		without observe.DecryptError // with nothing at all
		null    bool                 // it is not encrypted
		version string
	}{
		{
			name: "RSA, AES-GCM", flags: "-tls1_2 -cipher AES128-GCM-SHA256", fill: withKey,
			fails: func(k *observe.Keys) { k.AddRSAKey(other) }, why: observe.DecryptOtherKey, without: observe.DecryptEncrypted, version: "TLS 1.2",
		},
		{name: "RSA, AES-CBC, encrypt-then-MAC", flags: "-tls1_2 -cipher AES256-SHA256", fill: withKey, version: "TLS 1.2"},
		{name: "RSA, no extended main secret", flags: "-tls1_2 -cipher AES128-GCM-SHA256", server: "-no_ems", fill: withKey, version: "TLS 1.2"},
		{name: "RSA, AES-CBC, MAC-then-encrypt", flags: "-tls1_2 -cipher AES128-SHA", server: "-no_etm", fill: withKey, version: "TLS 1.2"},
		{name: "RSA, CCM-8", flags: "-tls1_2 -cipher AES128-CCM8", fill: withKey, version: "TLS 1.2"},
		{name: "RSA, TLS 1.1", flags: "-tls1_1 -cipher AES128-SHA:@SECLEVEL=0", fill: withKey, version: "TLS 1.1"},
		{name: "RSA, TLS 1.0, IVs chained", flags: "-tls1 -cipher AES256-SHA:@SECLEVEL=0", server: "-no_etm", fill: withKey, version: "TLS 1.0"},
		{name: "NULL", flags: "-tls1_2 -cipher NULL-SHA256:@SECLEVEL=0", fill: withKey, null: true, version: "TLS 1.2"},
		{name: "NULL, ECDHE", flags: "-tls1_2 -cipher ECDHE-RSA-NULL-SHA:@SECLEVEL=0", null: true, version: "TLS 1.2"},
		{
			name: "ECDHE", flags: "-tls1_2 -cipher ECDHE-RSA-AES128-SHA256", fails: withKey, why: observe.DecryptForward,
			without: observe.DecryptNoSecret, version: "TLS 1.2",
		},
		{
			name: "DHE", flags: "-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256", fails: withKey, why: observe.DecryptForward,
			without: observe.DecryptNoSecret, version: "TLS 1.2",
		},
		{name: "anonymous", flags: "-tls1_2 -cipher ADH-AES128-GCM-SHA256:@SECLEVEL=0", without: observe.DecryptNoSecret, version: "TLS 1.2"},
		{
			name: "PSK", flags: "-tls1_2 -cipher PSK-AES128-GCM-SHA256 -psk " + pskHex, fill: withPSK,
			fails: withKey, why: observe.DecryptPSK, without: observe.DecryptPSK, version: "TLS 1.2",
		},
		{
			name: "RSA-PSK", flags: "-tls1_2 -cipher RSA-PSK-AES128-CBC-SHA256 -psk " + pskHex, fill: both,
			fails: withPSK, why: observe.DecryptEncrypted, without: observe.DecryptPSK, version: "TLS 1.2",
		},
		{
			name: "DHE-PSK", flags: "-tls1_2 -cipher DHE-PSK-AES128-GCM-SHA256 -psk " + pskHex,
			fails: withPSK, why: observe.DecryptPSKNotEnough, without: observe.DecryptNoSecret, version: "TLS 1.2",
		},
		{name: "TLS 1.3", flags: "-tls1_3", fails: withKey, why: observe.DecryptForward, without: observe.DecryptNoSecret, version: "TLS 1.3"},
		{name: "TLS 1.3, CCM-8", flags: "-tls1_3 -ciphersuites TLS_AES_128_CCM_8_SHA256", without: observe.DecryptNoSecret, version: "TLS 1.3"},
		{
			name: "TLS 1.3, PSK and ECDHE", flags: "-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256 -psk " + pskHex, fails: withPSK,
			why: observe.DecryptPSKNotEnough, without: observe.DecryptNoSecret, version: "TLS 1.3",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			flags := strings.Fields(row.flags)
			server := append([]string{"-cert", "cert.pem", "-key", "key.pem"}, flags...)
			if row.server == "-no_ems" { // there is no such switch
				plainMainSecret(t, dir)
			} else {
				server = append(server, strings.Fields(row.server)...)
			}
			c := opensslTalks(t, dir, server, flags)
			logged := watch(c, options(), withKeys(c))
			checkOpened(t, "with the key log", logged)
			if got := checkList(logged.session, observe.ResultOK); !strings.Contains(got, "client finished") || !strings.Contains(got, "server finished") {
				t.Errorf("with the key log: of the checks, %s are ok; %+v", got, logged.session.Checks)
			}
			if row.fill != nil {
				checkOpened(t, "with the keys", secretsOf(c, row.fill))
			}
			if row.fails != nil {
				if got := secretsOf(c, row.fails).session; got.Decrypted || got.DecryptError != row.why {
					t.Errorf("with keys that do not help: got decrypted %v, error %q, want %q", got.Decrypted, got.DecryptError, row.why)
				}
			}
			bare := secretsOf(c, func(*observe.Keys) {})
			if row.null {
				checkOpened(t, "with nothing", bare)
				return
			}
			if got := bare.session; row.without != "" && (got.Decrypted || got.DecryptError != row.without) {
				t.Errorf("with nothing: got decrypted %v, error %q, want %q", got.Decrypted, got.DecryptError, row.without)
			}
			if bare.session.Version != row.version {
				t.Errorf("got version %s, want %s", bare.session.Version, row.version)
			}
		})
	}
}

// The lines that a key log may have instead of main secrets, and lines that do not do.
func TestOtherLines(t *testing.T) {
	dir := t.TempDir()
	key := rsaServer(t, dir, "")
	c := opensslTalks(t, dir, []string{"-cert", "cert.pem", "-key", "key.pem", "-tls1_2", "-cipher", "AES128-GCM-SHA256"}, []string{"-tls1_2", "-cipher", "AES128-GCM-SHA256"})
	encrypted := encryptedPremaster(t, c)
	//lint:ignore SA1019 TLS before 1.3 has no other padding for this
	premaster, err := rsa.DecryptPKCS1v15(nil, key, encrypted)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := keylog.Parse(bytes.TrimSpace(lastLine(c.keys)))
	if err != nil {
		t.Fatal(err)
	}
	random := whole.ClientRandom
	for _, row := range []struct {
		name string
		log  string
		why  observe.DecryptError
	}{
		{"RSA", fmt.Sprintf("RSA %x %x\n", encrypted[:8], premaster), ""},
		{"PMS_CLIENT_RANDOM", fmt.Sprintf("PMS_CLIENT_RANDOM %x %x\n", random, premaster), ""},
		{"a wrong line before the right one", fmt.Sprintf("PMS_CLIENT_RANDOM %x %x\nCLIENT_RANDOM %x %x\n", random, premaster[1:], random, whole.Secret), ""},
		{"the line cut", fmt.Sprintf("CLIENT_RANDOM %x %x\n", random, whole.Secret[:47]), observe.DecryptLength},
		{"a line of TLS 1.3", fmt.Sprintf("CLIENT_TRAFFIC_SECRET_0 %x %x\n", random, whole.Secret), observe.DecryptOnly13},
		{"another connection's", fmt.Sprintf("CLIENT_RANDOM %x %x\n", premaster[:32], whole.Secret), observe.DecryptEncrypted},
		{"a wrong secret", fmt.Sprintf("CLIENT_RANDOM %x %x\n", random, premaster), observe.DecryptWrongSecret},
	} {
		w := secretsOf(c, func(k *observe.Keys) { io.WriteString(k, row.log) })
		if row.why == "" {
			checkOpened(t, row.name, w)
		} else if got := w.session; got.Decrypted || got.DecryptError != row.why {
			t.Errorf("%s: got decrypted %v, error %q, want %q", row.name, got.Decrypted, got.DecryptError, row.why)
		}
	}
}

func lastLine(log []byte) []byte {
	var last []byte
	for line := range bytes.Lines(log) {
		last = line
	}
	return last
}

// encryptedPremaster is what ClientKeyExchange has.
func encryptedPremaster(t *testing.T, c *conversation) []byte {
	t.Helper()
	for _, e := range watch(c, options(), never).events {
		if m, ok := e.Body.(*observe.Message); ok && m.Type == "ClientKeyExchange" {
			return m.Raw[6:]
		}
	}
	t.Fatal("no ClientKeyExchange")
	return nil
}
