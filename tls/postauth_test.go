package tls_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/akushu/akushu/observe"
	"github.com/akushu/akushu/tls"
)

// asked is a server and a client that may be asked for its certificate, after the handshake.
type asked struct {
	client, server *tls.Conn
	read           chan string // what the client read, and why it ended
}

// newAsked shakes hands, and has the client read from then on.
func newAsked(t *testing.T, l link, client func(*tls.Config), server func(*tls.Config)) *asked {
	t.Helper()
	cert, pool := newCert(t)
	c := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost", PostHandshakeAuth: true}
	s := &tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: pool}
	if client != nil {
		client(c)
	}
	if server != nil {
		server(s)
	}
	rawC, rawS := l.join(t)
	a := &asked{tls.Client(rawC, c), tls.Server(rawS, s), make(chan string, 1)}
	done := make(chan error, 1)
	go func() { done <- a.server.Handshake() }()
	if err := a.client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	go func() {
		var b bytes.Buffer
		_, err := io.Copy(&b, a.client)
		a.read <- fmt.Sprint(b.String(), err)
	}()
	t.Cleanup(func() {
		a.client.Close()
		a.server.Close()
	})
	return a
}

// TestRequestClientCertificate asks for certificates after the handshake, in each mode.
func TestRequestClientCertificate(t *testing.T) {
	none := func(c *tls.Config) { c.Certificates = nil }
	stranger := func(c *tls.Config) {
		other, _ := newCert(t)
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &other, nil }
	}
	broken := func(c *tls.Config) {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return nil, errTaken }
	}
	refuse := func(c *tls.Config) {
		c.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { return errTaken }
	}
	last := func(c *tls.Config) {
		c.VerifyConnection = func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) > 0 {
				return errTaken
			}
			return nil
		}
	}
	for _, tt := range []struct {
		name           string
		client, server func(*tls.Config)
		want           tls.ClientAuthType
		known          int    // certificates
		err            string // in what the server says; "": nothing
		heard          string // in what the client reads then
	}{
		{name: "verified", want: tls.RequireAndVerifyClientCert, known: 1},
		{name: "none", client: none, want: tls.VerifyClientCertIfGiven},
		{name: "none, required", client: none, want: tls.RequireAnyClientCert, err: "one is required", heard: "certificate required"},
		{name: "any", client: stranger, want: tls.RequestClientCert, known: 1},
		{name: "a stranger", client: stranger, want: tls.VerifyClientCertIfGiven, err: "failed to verify certificate", heard: "unknown certificate authority"},
		{name: "the client's callback fails", client: broken, want: tls.RequestClientCert, err: "remote error: tls: internal error", heard: errTaken.Error()},
		{name: "VerifyPeerCertificate refuses", server: refuse, want: tls.RequestClientCert, err: errTaken.Error(), heard: "bad certificate"},
		{name: "VerifyConnection refuses", server: last, want: tls.RequestClientCert, err: errTaken.Error(), heard: "bad certificate"},
	} {
		for _, l := range links {
			t.Run(tt.name+"/"+l.name, func(t *testing.T) {
				a := newAsked(t, l, tt.client, tt.server)
				err := a.server.RequestClientCertificate(context.Background(), tt.want)
				if tt.err != "" {
					if err == nil || !strings.Contains(err.Error(), tt.err) {
						t.Errorf("got %v, want %q in it", err, tt.err)
					}
					if got := <-a.read; !strings.Contains(got, tt.heard) {
						t.Errorf("the client reads %q, want %q in it", got, tt.heard)
					}
					if _, err := a.client.Write([]byte("x")); err == nil {
						t.Error("the client still writes")
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				s := a.server.ConnectionState()
				if len(s.PeerCertificates) != tt.known {
					t.Errorf("got %d certificates, want %d", len(s.PeerCertificates), tt.known)
				}
				verified := len(s.VerifiedChains) > 0
				if want := tt.known > 0 && tt.want >= tls.VerifyClientCertIfGiven; verified != want {
					t.Errorf("verified: got %v, want %v", verified, want)
				}
				if err := a.client.ConfirmHandshake(context.Background()); err != nil {
					t.Errorf("the client's confirmation: %v", err)
				}
				io.WriteString(a.server, "hello")
				a.server.CloseWrite()
				if got := <-a.read; got != "hello<nil>" {
					t.Errorf("the client reads %q, want hello", got)
				}
			})
		}
	}
}

// TestRequestBetweenKeyUpdates asks while both ends go on to other keys, many times over.
func TestRequestBetweenKeyUpdates(t *testing.T) {
	a := newAsked(t, links[1], nil, nil)
	for i := range 10 {
		if i%2 == 0 {
			if err := a.client.UpdateKeys(i%4 == 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.server.RequestClientCertificate(context.Background(), tls.RequireAndVerifyClientCert); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if _, err := a.server.Write([]byte{'.'}); err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 {
			if err := a.server.UpdateKeys(true); err != nil {
				t.Fatal(err)
			}
		}
	}
	a.server.CloseWrite()
	if got := <-a.read; got != "..........<nil>" {
		t.Errorf("the client reads %q", got)
	}
}

// TestRequestKeepsData has data on its way when the server asks: Read returns it, in order.
func TestRequestKeepsData(t *testing.T) {
	for _, tt := range []struct {
		size int
		err  string
	}{{3 * 1024, "<nil>"}, {1 << 20, "tls: more than 65536 bytes of application data came before the client's answer"}} {
		t.Run(fmt.Sprint(tt.size), func(t *testing.T) {
			held := make(chan struct{})
			hold := func(c *tls.Config) {
				cert := c.Certificates[0]
				c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					<-held
					return &cert, nil
				}
			}
			a := newAsked(t, links[1], hold, nil)
			sent := bytes.Repeat([]byte("0123456789abcde\n"), tt.size/16)
			go func() {
				_, _ = a.client.Write(sent)
				close(held)
			}()
			got := make([]byte, len(sent))
			if _, err := io.ReadFull(a.server, got[:100]); err != nil { // part of a record
				t.Fatal(err)
			}
			err := a.server.RequestClientCertificate(context.Background(), tls.RequireAnyClientCert)
			if fmt.Sprint(err) != tt.err {
				t.Errorf("got %v, want %s", err, tt.err)
			}
			if _, err := io.ReadFull(a.server, got[100:]); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("the data: %v, equal %v", err, bytes.Equal(got, sent))
			}
		})
	}
}

// TestRequestInItsOwnTime ends the wait for an answer, which counts when it comes.
func TestRequestInItsOwnTime(t *testing.T) {
	held := make(chan struct{})
	hold := func(c *tls.Config) {
		cert := c.Certificates[0]
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			<-held
			return &cert, nil
		}
	}
	a := newAsked(t, links[0], hold, nil)
	if err := a.server.RequestClientCertificate(briefly(t), tls.RequireAnyClientCert); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want %v", err, context.DeadlineExceeded)
	}
	if n := len(a.server.ConnectionState().PeerCertificates); n != 0 {
		t.Errorf("got %d certificates before the answer", n)
	}
	// The next one, beside a Read that waits: both answers come to it.
	read := make(chan string, 1)
	go func() {
		b := make([]byte, 8)
		n, err := a.server.Read(b)
		read <- fmt.Sprint(string(b[:n]), err)
	}()
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := a.server.RequestClientCertificate(context.Background(), tls.RequireAnyClientCert); err != nil {
			t.Errorf("beside a Read: %v", err)
		}
	})
	close(held)
	wait.Wait()
	if _, err := a.client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != "hello<nil>" {
		t.Errorf("Read: got %s", got)
	}
	if n := len(a.server.ConnectionState().PeerCertificates); n != 1 {
		t.Errorf("got %d certificates, want 1", n)
	}
}

// TestRequestEndsWithClose ends the context of a client's callback with the connection.
func TestRequestEndsWithClose(t *testing.T) {
	called, ended := make(chan struct{}), make(chan struct{})
	wait := func(c *tls.Config) {
		c.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			close(called)
			<-info.Context().Done()
			close(ended)
			return nil, info.Context().Err()
		}
	}
	a := newAsked(t, links[0], wait, nil)
	asked := make(chan error, 1)
	go func() {
		asked <- a.server.RequestClientCertificate(context.Background(), tls.RequestClientCert)
	}()
	<-called
	a.client.Close()
	<-ended
	if err := <-asked; err != io.EOF {
		t.Errorf("the server: got %v, want %v", err, io.EOF)
	}
}

// TestDataAmidAnswer refuses application data between the messages of an answer.
func TestDataAmidAnswer(t *testing.T) {
	a := newAsked(t, links[0], nil, nil)
	a.server.Amid()
	if _, err := a.client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	_, err := a.server.Read(make([]byte, 1))
	if err == nil || !strings.Contains(err.Error(), "amid the messages of an answer") {
		t.Errorf("got %v, want that it is in between", err)
	}
	if got := <-a.read; !strings.Contains(got, "unexpected message") {
		t.Errorf("the client reads %q, want unexpected_message", got)
	}
}

// TestRequestWithout says why a client cannot be asked.
func TestRequestWithout(t *testing.T) {
	off := func(c *tls.Config) { c.PostHandshakeAuth = false }
	old := func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }
	for _, change := range []func(*tls.Config){off, old} {
		a := newAsked(t, links[0], change, nil)
		if err := a.server.RequestClientCertificate(context.Background(), tls.RequestClientCert); err != tls.ErrNoPostHandshakeAuth {
			t.Errorf("got %v, want %v", err, tls.ErrNoPostHandshakeAuth)
		}
		if err := a.client.RequestClientCertificate(context.Background(), tls.RequestClientCert); err == nil {
			t.Error("at a client: got no error")
		}
		for _, want := range []tls.ClientAuthType{tls.NoClientCert, -1, tls.RequireAndVerifyClientCert + 1} {
			if err := a.server.RequestClientCertificate(context.Background(), want); err == nil || errors.Is(err, tls.ErrNoPostHandshakeAuth) {
				t.Errorf("%v: got %v, want another error", want, err)
			}
		}
	}
	raw, other := loopback(t)
	other.Close()
	cert, _ := newCert(t)
	if err := tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{cert}}).RequestClientCertificate(context.Background(), tls.RequestClientCert); err == nil {
		t.Error("without a handshake: got no error")
	}
}

// TestObservedRequest has the observer show what is said after the handshake, decrypted.
func TestObservedRequest(t *testing.T) {
	sessions := make(chan *observe.Session, 1)
	tap := observe.NewTap(observe.TapOptions{Done: func(s *observe.Session) { sessions <- s }})
	watched := link{"watched", func(t testing.TB) (net.Conn, net.Conn) {
		c, s := loopback(t)
		return tap.Conn(c, observe.Client, 0), s
	}}
	a := newAsked(t, watched, func(c *tls.Config) { c.KeyLogWriter = tap.KeyLog() }, nil)
	if err := a.client.UpdateKeys(false); err != nil {
		t.Fatal(err)
	}
	if err := a.server.RequestClientCertificate(context.Background(), tls.RequireAnyClientCert); err != nil {
		t.Fatal(err)
	}
	a.server.Close()
	<-a.read
	a.client.Close()
	s := <-sessions
	got := map[string][]string{}
	for _, m := range s.Messages {
		if m.Encrypted && m.Type != "Alert" {
			got[m.From] = append(got[m.From], m.Type)
		}
	}
	for from, want := range map[string][]string{
		"server": {"CertificateRequest"}, "client": {"Finished", "KeyUpdate", "Certificate", "CertificateVerify", "Finished"},
	} {
		if n := len(got[from]) - len(want); n < 0 || !slices.Equal(got[from][n:], want) {
			t.Errorf("the %s: got %q, want %q at the end", from, got[from], want)
		}
	}
	if !s.ClientAuth || !s.Decrypted || len(s.Findings) > 0 {
		t.Errorf("got client_auth %v, decrypted %v, findings %v", s.ClientAuth, s.Decrypted, s.Findings)
	}
}
