package dissect_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	stdtls "crypto/tls"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/internal/pki"
)

// fresh is a capture that is being made, of many connections that go on side by side: the bytes are those of real
// programs, the packets around them are made up.
type fresh struct {
	t     *testing.T
	dir   string // where the certificates are
	certs map[string]stdtls.Certificate
	pool  *pki.Authority

	mu      sync.Mutex
	packets []capture.Packet
	log     bytes.Buffer
	talks   map[string]talk // by the client's address
}

// talk is a connection, and what must have become of it.
type talk struct {
	name           string
	version, suite string // IANA's names; not looked at where they are empty
	fails          bool   // there are no application data
	open           bool   // there may be some or none
	foreign        bool   // tshark opens it, and we do not
	resumed, retry bool
}

// sharedKey is what ends have in common that need no certificate.
const sharedKey, sharedName = "00112233445566778899aabbccddeeff", "Client_identity"

func newFresh(t *testing.T) *fresh {
	t.Helper()
	for _, program := range []string{"tshark", "openssl", "gnutls-serv", "gnutls-cli"} {
		peer.Find(t, program)
	}
	f := &fresh{t: t, dir: t.TempDir(), certs: map[string]stdtls.Certificate{}, talks: map[string]talk{}}
	key, err := pki.GenerateKey("ecdsa-p256")
	check(t, err)
	f.pool, err = pki.NewAuthority(pki.Env{Now: time.Now, Rand: rand.Reader}, pki.Request{Key: key, CommonName: "a root"})
	check(t, err)
	check(t, os.WriteFile(filepath.Join(f.dir, "root.pem"), pki.EncodeChain(f.pool.Certificate), 0o600))
	check(t, os.WriteFile(filepath.Join(f.dir, "psk"), []byte(sharedName+":"+sharedKey+"\n"), 0o600))
	f.issue("rsa", "rsa-2048", pki.Server, f.pool)
	f.issue("ecdsa", "ecdsa-p256", pki.Server, f.pool)
	f.issue("client", "ecdsa-p256", pki.Client, f.pool)
	stranger, err := pki.NewAuthority(pki.Env{Now: time.Now, Rand: rand.Reader}, pki.Request{Key: key, CommonName: "another root"})
	check(t, err)
	f.issue("stranger", "ecdsa-p256", pki.Client, stranger)
	return f
}

// issue makes a certificate, in memory and as files.
func (f *fresh) issue(name, kind string, usage pki.Usage, by *pki.Authority) {
	key, err := pki.GenerateKey(kind)
	check(f.t, err)
	leaf, err := by.Issue(pki.Request{Key: key, CommonName: "localhost", Names: []string{"localhost", "127.0.0.1"}, Usage: usage})
	check(f.t, err)
	f.certs[name] = stdtls.Certificate{Certificate: leaf.DER(), PrivateKey: leaf.Key}
	private, err := pki.EncodeKey(key)
	check(f.t, err)
	check(f.t, os.WriteFile(filepath.Join(f.dir, name+".pem"), pki.EncodeChain(leaf.Chain...), 0o600))
	check(f.t, os.WriteFile(filepath.Join(f.dir, name+".key"), private, 0o600))
}

// Write takes lines of a key log.
func (f *fresh) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.Write(b)
}

// WritePacket takes a packet of a Conversation; f.mu is held.
func (f *fresh) WritePacket(p capture.Packet) error {
	p.Data = bytes.Clone(p.Data)
	f.packets = append(f.packets, p)
	return nil
}

// begin begins a connection in the capture.
func (f *fresh) begin(k talk) *tapped {
	f.mu.Lock()
	defer f.mu.Unlock()
	client := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(20000+len(f.talks)))
	f.talks[client.String()] = k
	c, err := capture.NewConversation(f, client, netip.MustParseAddrPort("198.51.100.7:4433"), time.Now(), 0)
	check(f.t, err)
	return &tapped{fresh: f, talk: c}
}

// tapped is a connection that is written down.
type tapped struct {
	*fresh
	talk *capture.Conversation
	over bool
}

// pass passes on what an end says, after it was written down.
func (p *tapped) pass(fromClient bool, dst, src net.Conn) {
	buf := make([]byte, 1<<16)
	for {
		n, err := src.Read(buf)
		p.note(fromClient, buf[:n], err)
		if n > 0 {
			_, _ = dst.Write(buf[:n])
		}
		if err != nil {
			if err != io.EOF {
				_ = dst.(*net.TCPConn).SetLinger(0)
				_ = dst.Close()
			}
			_ = dst.(*net.TCPConn).CloseWrite()
			return
		}
	}
}

func (p *tapped) note(fromClient bool, b []byte, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.over {
		return
	}
	if len(b) > 0 {
		check(p.t, p.talk.Data(fromClient, now, b))
	}
	switch {
	case err == io.EOF:
		check(p.t, p.talk.Close(fromClient, now))
	case err != nil:
		p.over = true
		check(p.t, p.talk.Reset(fromClient, now))
	}
}

// tap passes connections on to a server and writes them down. It returns its address, and what waits until they end.
func (f *fresh) tap(server string, talks ...talk) (address string, wait func()) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Error(err)
		return "", func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer ln.Close()
		for _, k := range talks {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", server)
			if err != nil {
				f.t.Error(err)
				c.Close()
				return
			}
			p := f.begin(k)
			up := make(chan struct{})
			go func() { defer close(up); p.pass(true, s, c) }()
			p.pass(false, c, s)
			<-up
			c.Close()
			s.Close()
		}
	}()
	return ln.Addr().String(), func() { ln.Close(); <-done }
}

// said is what the client says in a connection, and answers what servers say to that: OpenSSL's turns it round.
const question = "hello"

var answers = regexp.MustCompile(`(?m)^(olleh|hello)\r?$`)

// command is a program that does not outlive the test.
func (f *fresh) command(ctx context.Context, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = f.dir
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// serve starts a server program on a port of its own.
func (f *fresh) serve(port string, args ...string) {
	ctx, cancel := context.WithCancel(context.Background())
	cmd := f.command(ctx, args)
	in, err := cmd.StdinPipe() // which stays open
	check(f.t, err)
	check(f.t, cmd.Start())
	f.t.Cleanup(func() {
		cancel()
		in.Close()
		_ = cmd.Wait()
	})
	until := time.Now().Add(30 * time.Second)
	for {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(until) {
			f.t.Fatalf("%v does not listen: %v", args, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// freePort is a port that nobody listens on.
func (f *fresh) freePort() string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(f.t, err)
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	check(f.t, err)
	return port
}

// run runs a client program until it was answered or has ended, and returns what it printed.
func (f *fresh) run(args ...string) (output string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := f.command(ctx, args)
	keys := filepath.Join(f.dir, fmt.Sprintf("keys%p", cmd))
	defer os.Remove(keys)
	cmd.Env = append(os.Environ(), "SSLKEYLOGFILE="+keys)
	if args[0] == "openssl" {
		cmd.Args = append(cmd.Args, "-keylogfile", keys)
	}
	in, err := cmd.StdinPipe()
	check(f.t, err)
	out, err := cmd.StdoutPipe()
	check(f.t, err)
	cmd.Stderr = cmd.Stdout
	check(f.t, cmd.Start())
	_, _ = io.WriteString(in, question+"\n")
	var all strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		all.WriteString(lines.Text() + "\n")
		if answers.MatchString(lines.Text()) {
			break
		}
	}
	in.Close()
	_, _ = io.Copy(&all, out)
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		f.t.Error(args, err)
	}
	if log, err := os.ReadFile(keys); err == nil {
		_, _ = f.Write(log)
	}
	return all.String()
}
