package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	std "crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// identity writes a certificate and its key to files.
func identity(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, b []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return write("cert", "CERTIFICATE", cert), write("key", "PRIVATE KEY", der)
}

// TestConversations has the shim talk with crypto/tls in the place of the runner.
func TestConversations(t *testing.T) {
	certFile, keyFile := identity(t)
	cert, err := std.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	own := []string{"-server", "-cert-file", certFile, "-key-file", keyFile}
	for _, tt := range []struct {
		name  string
		flags []string
		want  string // what the shim says, after having been told "hi"
		code  int
	}{
		{"a client answers", nil, "\x97\x96", exitOK},
		{"a server answers", own, "\x97\x96", exitOK},
		{"a client writes first", []string{"-shim-writes-first", "-implicit-handshake"}, "hello\x97\x96", exitOK},
		{"a slow client", []string{"-async", "-shim-writes-first"}, "hello\x97\x96", exitOK},
		{"a slow server", append(own, "-async"), "\x97\x96", exitOK},
		{"words that are under way meanwhile", []string{"-async", "-read-with-unfinished-write"}, "hello\x97\x96", exitOK},
		{"what is expected", []string{"-expect-version", "772", "-expect-curve-id", "29", "-expect-no-hrr", "-curves", "29"}, "\x97\x96", exitOK},
		{"what is not", []string{"-expect-version", "771"}, "", exitMustFail},
		{"a handshake that must not succeed", []string{"-handshake-never-done"}, "", exitMustFail},
		{"a peer that is refused", []string{"-verify-peer", "-verify-fail"}, "", exitFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newFakeRunner(t)
			var code int
			var stderr bytes.Buffer
			done := make(chan struct{})
			go func() {
				defer close(done)
				code = run(append(r.flags(), tt.flags...), io.Discard, &stderr)
			}()
			said := r.talk(t, cert, strings.Contains(strings.Join(tt.flags, " "), "-server"))
			<-done
			if code != tt.code {
				t.Errorf("got exit code %d, want %d: %s", code, tt.code, stderr.String())
			}
			if diff := cmp.Diff(tt.want, said); diff != "" {
				t.Errorf("the shim says (-want +got):\n%s", diff)
			}
			if code == exitOK && stderr.Len() > 0 {
				t.Errorf("got %q on stderr, where the runner wants nothing", stderr.String())
			}
		})
	}
}

// fakeRunner is what the shim connects to.
type fakeRunner struct{ ln net.Listener }

const shimID = 0x0123456789

func newFakeRunner(t *testing.T) *fakeRunner {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return &fakeRunner{ln}
}

func (r *fakeRunner) flags() []string {
	return []string{
		"-port", strconv.Itoa(r.ln.Addr().(*net.TCPAddr).Port), "-shim-id", strconv.Itoa(shimID),
	}
}

// talk says "hi" and returns what the shim says until it has answered that, or hung up.
func (r *fakeRunner) talk(t *testing.T, cert std.Certificate, shimIsServer bool) string {
	t.Helper()
	raw, err := r.ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	var id [8]byte
	if _, err := io.ReadFull(raw, id[:]); err != nil || binary.LittleEndian.Uint64(id[:]) != shimID {
		t.Fatalf("the shim began with %x, %v", id, err)
	}
	conn := std.Server(raw, &std.Config{Certificates: []std.Certificate{cert}})
	if shimIsServer {
		conn = std.Client(raw, &std.Config{InsecureSkipVerify: true})
	}
	if _, err := conn.Write([]byte("hi")); err != nil {
		return ""
	}
	var said []byte
	for b := make([]byte, 64); !strings.HasSuffix(string(said), "\x97\x96"); {
		n, err := conn.Read(b)
		if said = append(said, b[:n]...); err != nil {
			break
		}
	}
	return string(said)
}

// TestFlags checks what becomes of flags that lead to no conversation.
func TestFlags(t *testing.T) {
	for _, tt := range []struct {
		flags string
		code  int
	}{
		{"-is-handshaker-supported", exitOK},
		{"-no-such-flag", exitUnimplemented},
		{"-dtls", exitUnimplemented},
		{"-psk secret -no-such-flag", exitUnimplemented},
		{"-max-version 768", exitUnimplemented},
		{"-curves 1", exitUnimplemented},
		{"-port", exitFailed},
		{"-port x", exitFailed},
		{"-ocsp-response !", exitFailed},
	} {
		if code := run(strings.Fields(tt.flags), io.Discard, io.Discard); code != tt.code {
			t.Errorf("%s: got exit code %d, want %d", tt.flags, code, tt.code)
		}
	}
}

// A prefix says to which connections a flag belongs.
func TestPrefixes(t *testing.T) {
	p, err := parse(strings.Fields("-host-name a -on-resume-host-name b -on-shim-on-retry-host-name c -on-handshaker-host-name d"))
	if err != nil {
		t.Fatal(err)
	}
	got := []string{p.first.offer.serverName, p.resume.offer.serverName, p.retry.offer.serverName}
	if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
