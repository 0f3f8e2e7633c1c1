//go:build unix

package tls_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/tls"
)

// keyServerEnv names, in a process that startKeyServer starts, the socket of the key server
// that it is.
const keyServerEnv = "AKUSHU_KEY_SERVER"

// The key server's process gets its keys from standard input, says where
// it listens, and serves until it is killed or nobody holds its standard input any more.
func init() {
	socket := os.Getenv(keyServerEnv)
	if socket == "" {
		return
	}
	var encoded map[string][]byte
	if err := gob.NewDecoder(os.Stdin).Decode(&encoded); err != nil {
		panic(err)
	}
	keys := map[string]crypto.Signer{}
	for id, der := range encoded {
		key, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			panic(err)
		}
		keys[id] = key.(crypto.Signer)
	}
	ln, err := net.Listen("unix", socket)
	if err != nil {
		panic(err)
	}
	go serveKeys(ln, keys)
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// A keyServer is a process that has private keys, and this one has none of them.
type keyServer struct {
	socket string
	cmd    *exec.Cmd
	stdin  io.Closer
	certs  map[string]*x509.Certificate // by kind of key
	roots  *x509.CertPool
}

func startKeyServer(t *testing.T) *keyServer {
	t.Helper()
	dir, err := os.MkdirTemp("", "akushu") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	k := &keyServer{socket: filepath.Join(dir, "keys"), certs: map[string]*x509.Certificate{}, roots: x509.NewCertPool()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	k.cmd = exec.Command(self)
	k.cmd.Env = append(os.Environ(), keyServerEnv+"="+k.socket)
	k.cmd.Stderr = os.Stderr
	stdin, err := k.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := k.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	k.stdin = stdin
	t.Cleanup(k.kill)
	if err := gob.NewEncoder(stdin).Encode(k.makeKeys(t)); err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(io.LimitReader(stdout, 6)); string(said) != "ready\n" {
		t.Fatalf("the key server said %q, %v", said, err)
	}
	return k
}

// kill ends the process.
func (k *keyServer) kill() {
	_ = k.cmd.Process.Kill()
	k.stdin.Close()
	_ = k.cmd.Wait()
}

// hang has the process take requests and do nothing.
func (k *keyServer) hang(t *testing.T) {
	t.Helper()
	if err := k.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(k.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the key server did not stop: %v, %v", status, err)
	}
}

// makeKeys makes a key of each kind with a certificate. Nobody keeps the keys.
func (k *keyServer) makeKeys(t *testing.T) map[string][]byte {
	t.Helper()
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encoded := map[string][]byte{}
	for id, key := range map[string]crypto.Signer{"ecdsa": ecdsaKey, "rsa": rsaKey, "ed25519": edKey} {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour),
			NotBefore: time.Now().Add(-time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		if k.certs[id], err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		k.roots.AddCert(k.certs[id])
		if encoded[id], err = x509.MarshalPKCS8PrivateKey(key); err != nil {
			t.Fatal(err)
		}
	}
	return encoded
}

// certificate is a certificate whose key is in the key server. asked is told of each answer.
func (k *keyServer) certificate(id string, asked func(KeyReply)) tls.Certificate {
	return tls.Certificate{
		Certificate: [][]byte{k.certs[id].Raw},
		PrivateKey:  &Keyless{PublicKey: k.certs[id].PublicKey, KeyID: id, Socket: k.socket, Asked: asked},
	}
}

// keylessCase is one use of a private key.
type keylessCase struct {
	version uint16
	key     string
	suite   iana.CipherSuite // 0: any
	where   string           // what fails where the key does
}

var keylessCases = []keylessCase{
	{tls.VersionTLS13, "ecdsa", 0, "signature"},
	{tls.VersionTLS13, "rsa", 0, "signature"},
	{tls.VersionTLS13, "ed25519", 0, "signature"},
	{tls.VersionTLS12, "ecdsa", iana.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "signature"},
	{tls.VersionTLS12, "rsa", iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "signature"},
	{tls.VersionTLS12, "rsa", iana.TLS_DHE_RSA_WITH_AES_128_GCM_SHA256, "signature"},
	{tls.VersionTLS12, "ed25519", iana.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "signature"},
	{tls.VersionTLS12, "rsa", iana.TLS_RSA_WITH_AES_128_GCM_SHA256, "client_key_exchange.encrypted_pre_master_secret"},
	{tls.VersionTLS11, "rsa", iana.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "signature"},
	{tls.VersionTLS10, "rsa", iana.TLS_RSA_WITH_AES_128_CBC_SHA, "client_key_exchange.encrypted_pre_master_secret"},
}

func (c keylessCase) String() string {
	if c.suite == 0 {
		return tls.VersionName(c.version) + "/" + c.key
	}
	return fmt.Sprintf("%s/%s/%v", tls.VersionName(c.version), c.key, c.suite)
}

// configs are both ends', the server's without a certificate.
func (c keylessCase) configs(k *keyServer) (client, server *tls.Config) {
	client = &tls.Config{RootCAs: k.roots, ServerName: "localhost", MinVersion: c.version, MaxVersion: c.version}
	if c.suite != 0 {
		client.CipherSuites = []uint16{uint16(c.suite)}
	}
	return client, client.Clone()
}

// A server whose key is in another process shakes hands with it; so does a client.
func TestKeyless(t *testing.T) {
	k := startKeyServer(t)
	for _, c := range keylessCases {
		t.Run(c.String(), func(t *testing.T) {
			var asked atomic.Int32
			count := func(r KeyReply) {
				if asked.Add(1); r.PID == os.Getpid() || r.PID != k.cmd.Process.Pid {
					t.Errorf("process %d answered, want the key server, %d", r.PID, k.cmd.Process.Pid)
				}
			}
			client, server := c.configs(k)
			server.Certificates = []tls.Certificate{k.certificate(c.key, count)}
			server.ClientAuth, client.Certificates = tls.RequireAnyClientCert, []tls.Certificate{k.certificate("ecdsa", count)}
			rawC, rawS := loopback(t)
			s := tls.Server(rawS, server)
			done := make(chan error, 1)
			go func() {
				_, err := io.CopyN(s, s, 6)
				done <- err
			}()
			cl := tls.Client(rawC, client)
			buf := make([]byte, 6)
			if _, err := io.WriteString(cl, "akushu"); err != nil {
				t.Fatal(err, <-done)
			}
			if _, err := io.ReadFull(cl, buf); err != nil || string(buf) != "akushu" {
				t.Errorf("got %q, %v", buf, err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			if asked.Load() != 2 {
				t.Errorf("the key server was asked %d times, want once for the server and once for the client", asked.Load())
			}
		})
	}
}

// wantRefusal checks what both ends hear of a key that is not to be had: the server why, the
// client nothing but internal_error.
func (c keylessCase) wantRefusal(t *testing.T, client, server error, why string) {
	t.Helper()
	if server == nil || !strings.HasPrefix(server.Error(), "tls: "+c.where+": the private key failed to ") || !strings.Contains(server.Error(), why) {
		t.Errorf("server: got %v, want it to say that the private key failed in %s because of %q", server, c.where, why)
	}
	var a tls.AlertError
	if !errors.As(client, &a) || iana.Alert(a) != iana.AlertInternalError {
		t.Errorf("client: got %v, want to be told internal_error", client)
	}
	if client != nil && strings.Contains(client.Error(), "key server") {
		t.Errorf("client: got %v, which says too much", client)
	}
}

// shake shakes hands with a server that has a key, under ctx, and returns what both ends came to.
func (c keylessCase) shake(ctx context.Context, t *testing.T, k *keyServer, key crypto.PrivateKey) (clientErr, serverErr error) {
	t.Helper()
	client, server := c.configs(k)
	server.Certificates = []tls.Certificate{{Certificate: [][]byte{k.certs[c.key].Raw}, PrivateKey: key}}
	rawC, rawS := loopback(t)
	done := make(chan error, 1)
	go func() { done <- tls.Server(rawS, server).HandshakeContext(ctx) }()
	clientErr = tls.Client(rawC, client).Handshake()
	return clientErr, <-done
}

// A key server that is dead is found out at once.
func TestKeylessDead(t *testing.T) {
	k := startKeyServer(t)
	k.kill()
	for _, c := range keylessCases {
		t.Run(c.String(), func(t *testing.T) {
			clientErr, serverErr := c.shake(context.Background(), t, k, k.certificate(c.key, nil).PrivateKey)
			c.wantRefusal(t, clientErr, serverErr, "key server: dial unix")
		})
	}
}

// One that hangs is left when nobody waits for the handshake any more, and the client still
// hears of it.
func TestKeylessHangs(t *testing.T) {
	k := startKeyServer(t)
	k.hang(t)
	for _, c := range keylessCases {
		t.Run(c.String(), func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			key := &stopping{Keyless: k.certificate(c.key, nil).PrivateKey.(*Keyless), stop: cancel}
			clientErr, serverErr := c.shake(ctx, t, k, key)
			c.wantRefusal(t, clientErr, serverErr, "key server: no answer: context canceled")
			if !errors.Is(serverErr, context.Canceled) {
				t.Errorf("server: got %v, want it to be that of the context", serverErr)
			}
		})
	}
}

// stopping is a key that has somebody lose patience as soon as it is asked.
type stopping struct {
	*Keyless
	stop func()
}

func (k *stopping) SignContext(ctx context.Context, rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	defer time.AfterFunc(10*time.Millisecond, k.stop).Stop()
	return k.Keyless.SignContext(ctx, rand, digest, opts)
}

func (k *stopping) DecryptContext(ctx context.Context, rand io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	defer time.AfterFunc(10*time.Millisecond, k.stop).Stop()
	return k.Keyless.DecryptContext(ctx, rand, msg, opts)
}

// Closing a connection ends the key's wait as well, and so does the context of another who
// waits for the same handshake.
func TestKeylessIsLeft(t *testing.T) {
	k := startKeyServer(t)
	k.hang(t)
	for name, leave := range map[string]func(*tls.Conn){
		"Close": func(c *tls.Conn) { c.Close() },
		"another's context": func(c *tls.Conn) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			if err := c.HandshakeContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := keylessCases[0]
			client, server := c.configs(k)
			rawC, rawS := loopback(t)
			key := &stopping{Keyless: k.certificate(c.key, nil).PrivateKey.(*Keyless)}
			server.Certificates = []tls.Certificate{{Certificate: [][]byte{k.certs[c.key].Raw}, PrivateKey: key}}
			s := tls.Server(rawS, server)
			key.stop = func() { leave(s) }
			done := make(chan error, 1)
			go func() { done <- s.Handshake() }()
			if err := tls.Client(rawC, client).Handshake(); err == nil {
				t.Error("client: got no error")
			}
			if err := <-done; err == nil || !strings.Contains(err.Error(), "key server: no answer") {
				t.Errorf("server: got %v, want to hear that the key server was left", err)
			}
		})
	}
}

// decrypterOnly is a key that cannot sign.
type decrypterOnly struct{ key *Keyless }

func (d decrypterOnly) Public() crypto.PublicKey { return d.key.Public() }

func (d decrypterOnly) Decrypt(rand io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	return d.key.Decrypt(rand, msg, opts)
}

// A key that decrypts and does not sign does RSA key exchange, and is passed over for all else.
func TestDecrypterOnly(t *testing.T) {
	k := startKeyServer(t)
	cert := k.certificate("rsa", nil)
	cert.PrivateKey = decrypterOnly{cert.PrivateKey.(*Keyless)}
	const rsaKX, ecdhe = iana.TLS_RSA_WITH_AES_128_GCM_SHA256, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
	for _, tt := range []struct {
		name   string
		newest uint16
		suites []uint16
		other  bool // the server has a key that signs as well
		want   iana.CipherSuite
		err    string
	}{
		{"RSA key exchange", tls.VersionTLS12, []uint16{uint16(rsaKX)}, false, rsaKX, ""},
		{"either", tls.VersionTLS12, []uint16{uint16(ecdhe), uint16(rsaKX)}, false, rsaKX, ""},
		{"ECDHE", tls.VersionTLS12, []uint16{uint16(ecdhe)}, false, 0, "does not sign"},
		{"TLS 1.3", 0, nil, false, 0, "does not sign"},
		{"ECDHE, beside a key that signs", tls.VersionTLS12, []uint16{uint16(ecdhe)}, true, ecdhe, ""},
		{"TLS 1.3, beside a key that signs", 0, nil, true, iana.TLS_AES_128_GCM_SHA256, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := &tls.Config{MaxVersion: tt.newest, CipherSuites: tt.suites}
			client.RootCAs, client.ServerName = k.roots, "localhost"
			server := client.Clone()
			if server.Certificates = []tls.Certificate{cert}; tt.other {
				server.Certificates = append(server.Certificates, k.certificate("rsa", nil))
			}
			rawC, rawS := loopback(t)
			done := make(chan error, 1)
			go func() { done <- tls.Server(rawS, server).Handshake() }()
			c := tls.Client(rawC, client)
			clientErr, serverErr := c.Handshake(), <-done
			if tt.err == "" {
				if got := iana.CipherSuite(c.ConnectionState().CipherSuite); clientErr != nil || serverErr != nil || got != tt.want {
					t.Errorf("got %v, client: %v, server: %v, want %v", got, clientErr, serverErr, tt.want)
				}
				return
			}
			var a tls.AlertError
			if serverErr == nil || !strings.Contains(serverErr.Error(), tt.err) || !errors.As(clientErr, &a) || iana.Alert(a) != iana.AlertHandshakeFailure {
				t.Errorf("client: got %v, server: %v, want handshake_failure, as the key %s", clientErr, serverErr, tt.err)
			}
		})
	}
}
