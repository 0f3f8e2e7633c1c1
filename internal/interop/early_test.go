package interop_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/tls"
)

// An earlyCase is one fate of early data: what is different for the second connection, which
// sends it.
type earlyCase struct {
	name  string
	want  string // what becomes of it
	retry bool   // the server wants another key share
	later bool   // the clocks of the two ends differ by a minute then
	off   bool   // our server takes none then
	again bool   // the same ticket a third time, which is not accepted
	limit uint32 // of the server, in bytes; 0: room for all
	send  int    // bytes; 0: a word
}

func (x earlyCase) data() string {
	if x.send == 0 {
		return "early word"
	}
	return strings.Repeat("e", x.send)
}

func (x earlyCase) max() uint32 {
	if x.limit == 0 {
		return 1000
	}
	return x.limit
}

// earlyCases are those that every peer can take part in.
var earlyCases = []earlyCase{
	{name: "accepted", want: "accepted"},
	{name: "too old", want: "rejected", later: true},
	{name: "as much as the limit", want: "accepted", limit: 100, send: 100},
}

// Some cannot. GnuTLS 3.7 fails with HelloRetryRequest, also with OpenSSL: its server tries to
// decrypt the early data that it has rejected, its client waits for ever. OpenSSL's tickets are
// good once. Clients of others refuse to send more than they may, ours sends it behind the
// handshake.
var (
	retryFirst  = earlyCase{name: "HelloRetryRequest", want: "rejected", retry: true}
	overLimit   = earlyCase{name: "over the limit", want: "accepted", limit: 100, send: 300}
	ticketTwice = earlyCase{name: "a ticket twice", want: "accepted", again: true}
	turnedOff   = earlyCase{name: "turned off", want: "rejected", off: true}
)

// sticky keeps the first session that it is given.
type sticky struct {
	atomic.Pointer[tls.ClientSessionState]
}

func (s *sticky) Get(string) (*tls.ClientSessionState, bool) { cs := s.Load(); return cs, cs != nil }
func (s *sticky) Put(_ string, cs *tls.ClientSessionState)   { s.CompareAndSwap(nil, cs) }

// gate keeps what a server says from our client until that has sent early data.
type gate struct {
	net.Conn
	open chan struct{}
}

func (g gate) Read(b []byte) (int, error) {
	<-g.open
	return g.Conn.Read(b)
}

// dialEarly has our client connect, and then send early data over the session, and what is
// left of it behind the handshake. talk sends a line and sees to it that the server got that,
// after what is there early.
func (x earlyCase) dialEarly(t *testing.T, creds *credentials, addr string, talk func(c *tls.Conn, early, line string)) {
	t.Helper()
	var ahead atomic.Int64
	cfg := &tls.Config{
		RootCAs: creds.pool, ServerName: "localhost", ClientSessionCache: new(sticky), MinVersion: tls.VersionTLS13,
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP384},
		Time:             func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
	}
	c, err := tls.Dial("tcp", addr, cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(20 * time.Second))
	talk(c, "", "first") // a ticket comes before the answer
	c.Close()
	if x.later {
		ahead.Store(int64(time.Minute))
	}
	x.sendEarly(t, addr, cfg, x.want, talk)
	if x.again {
		x.sendEarly(t, addr, cfg, "rejected", talk)
	}
}

func (x earlyCase) sendEarly(t *testing.T, addr string, cfg *tls.Config, want string, talk func(c *tls.Conn, early, line string)) {
	t.Helper()
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	held := gate{raw, make(chan struct{})}
	c := tls.Client(held, cfg)
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if err := c.HandshakeEarly(context.Background()); err != nil {
		t.Fatal(err)
	}
	early, rest := x.data(), ""
	if left := c.EarlyDataLeft(); left != int64(x.max()) {
		t.Errorf("got room for %d bytes, want %d", left, x.max())
	}
	if n := int(x.max()); len(early) > n {
		early, rest = early[:n], early[n:]
	}
	if _, err := io.WriteString(c, early); err != nil {
		t.Fatal(err)
	}
	close(held.open)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	info, _ := c.Info()
	if retried := c.ConnectionState().HelloRetryRequest; info.EarlyData != want || retried != x.retry {
		t.Errorf("got early data %s, HelloRetryRequest %v, want %s, %v", info.EarlyData, retried, want, x.retry)
	}
	switch lost := c.AcknowledgeRejection(); {
	case want == "accepted":
		talk(c, early, rest+"behind it")
	case lost != int64(len(early)):
		t.Errorf("got %d bytes lost, want %d", lost, len(early))
	default:
		talk(c, "", "instead "+early)
	}
}

// TestEarlyToOpenSSL sends early data to openssl s_server.
func TestEarlyToOpenSSL(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	creds := newCredentials(t)
	y := newTally(t, "early data to openssl s_server")
	for _, x := range append(earlyCases, retryFirst, overLimit, ticketTwice) {
		y.run(t, x.name, func(t *testing.T) {
			groups := "X25519"
			if x.retry {
				groups = "P-384"
			}
			files := creds.files["ecdsa-p256"]
			p := peer.Start(t, openssl, "s_server", "-accept", "127.0.0.1:0", "-cert", files[0], "-key", files[1],
				"-early_data", "-max_early_data", fmt.Sprint(x.max()), "-groups", groups)
			before := 0 // in the output
			x.dialEarly(t, creds, p.Await(t, `ACCEPT (127\.0\.0\.1:\d+)`), func(c *tls.Conn, early, line string) {
				t.Helper()
				if _, err := io.WriteString(c, line+"\n"); err != nil {
					t.Fatal(err)
				}
				p.AwaitAfter(t, before, `(?m)`+line+`$`)
				text := p.Text()[before:]
				if got := strings.Contains(text, "Early data received"); got != (early != "") || !strings.Contains(text, early) {
					t.Errorf("%q was sent early: got OpenSSL say that it came: %v\n%s", early, got, text)
				}
				before = len(p.Text())
				p.Say(t, "answer")
				got := make([]byte, len("answer\n"))
				if _, err := io.ReadFull(c, got); err != nil || string(got) != "answer\n" {
					t.Fatalf("got %q, %v", got, err)
				}
			})
		})
	}
}

// TestEarlyToGnuTLS sends early data to gnutls-serv, which sends back what comes behind it.
func TestEarlyToGnuTLS(t *testing.T) {
	serv := peer.Find(t, "gnutls-serv")
	creds := newCredentials(t)
	y := newTally(t, "early data to gnutls-serv")
	for _, x := range append(earlyCases, overLimit) {
		y.run(t, x.name, func(t *testing.T) {
			files := creds.files["ecdsa-p256"]
			addr := startGnuTLS(t, serv, "--echo", "--disable-client-cert", "--x509certfile", files[0], "--x509keyfile", files[1],
				"--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3", "--earlydata", fmt.Sprint("--maxearlydata=", x.max()))
			x.dialEarly(t, creds, addr, func(c *tls.Conn, _, line string) {
				t.Helper()
				if _, err := io.WriteString(c, line+"\n"); err != nil {
					t.Fatal(err)
				}
				got := make([]byte, len(line)+1)
				if _, err := io.ReadFull(c, got); err != nil || string(got) != line+"\n" {
					t.Fatalf("got %q, %v, want %q", got, err, line)
				}
			})
		})
	}
}

// serveEarly is a server of ours for two connections. It says what became of early data, and
// echoes it, and then what comes.
func (x earlyCase) serveEarly(t *testing.T, creds *credentials) (addr string, heard <-chan string) {
	t.Helper()
	first := &tls.Config{
		Certificates: []tls.Certificate{creds.certs["ecdsa-p256"]}, MinVersion: tls.VersionTLS13, MaxEarlyData: x.max(),
	}
	if x.retry {
		first.CurvePreferences = []tls.CurveID{tls.CurveP521}
	}
	second := first.Clone() // with the same ticket keys and register
	if x.later {
		second.Time = func() time.Time { return time.Now().Add(time.Minute) }
	}
	if x.off {
		second.MaxEarlyData = 0
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	out := make(chan string, 2)
	go func() {
		for _, cfg := range []*tls.Config{first, second} {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(20 * time.Second))
			go func() { out <- hearEarly(tls.Server(c, cfg)) }()
		}
	}()
	return ln.Addr().String(), out
}

func hearEarly(c *tls.Conn) string {
	defer c.Close()
	early, err := c.EarlyData(context.Background())
	if err != nil {
		return err.Error()
	}
	told := ""
	if early != nil {
		b, err := io.ReadAll(early)
		if err != nil {
			return err.Error()
		}
		told = " " + string(b)
		if _, err := early.Write(b); err != nil {
			return err.Error()
		}
	}
	if err := c.Handshake(); err != nil {
		return err.Error()
	}
	info, _ := c.Info()
	told = fmt.Sprintf("resumed %v, early data %s%s", c.ConnectionState().DidResume, info.EarlyData, told)
	_, _ = io.Copy(c, c)
	return told
}

// hears compares what our server says with what it should.
func (x earlyCase) hears(t *testing.T, heard <-chan string, want string) {
	t.Helper()
	select {
	case got := <-heard:
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Errorf("nothing, want %s", want)
	}
}

// second is what our server should say of the second connection.
func (x earlyCase) second() string {
	if x.want == "accepted" {
		return "resumed true, early data accepted " + x.data()
	}
	return "resumed true, early data " + x.want
}

// TestEarlyFromOpenSSL has openssl s_client send early data to our server.
func TestEarlyFromOpenSSL(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	creds := newCredentials(t)
	y := newTally(t, "early data from openssl s_client")
	for _, x := range append(earlyCases, retryFirst, turnedOff) {
		y.run(t, x.name, func(t *testing.T) {
			addr, heard := x.serveEarly(t, creds)
			dir := t.TempDir()
			file := write(t, dir, "early", []byte(x.data()))
			for i, flags := range [][]string{
				{"-sess_out", dir + "/session"},
				{"-sess_in", dir + "/session", "-early_data", file},
			} {
				p := peer.Start(t, openssl, append([]string{
					"s_client", "-connect", addr, "-CAfile", creds.root, "-servername", "localhost", "-groups", "X25519:P-521",
				}, flags...)...)
				p.Await(t, `Early data was`)
				p.Say(t, "akushu")
				p.Await(t, `akushu\n`)
				p.Say(t, "Q")
				p.Wait()
				if i == 0 {
					x.hears(t, heard, "resumed false, early data none")
					continue
				}
				x.hears(t, heard, x.second())
				if !strings.Contains(p.Text(), "Early data was "+x.want) {
					t.Errorf("want OpenSSL say that it was %s\n%s", x.want, p.Text())
				}
				if came := strings.Contains(p.Text(), x.data()); came != (x.want == "accepted") {
					t.Errorf("early data that came back: got %v\n%s", came, p.Text())
				}
			}
		})
	}
}

// TestEarlyFromGnuTLS has gnutls-cli send early data to our server.
func TestEarlyFromGnuTLS(t *testing.T) {
	cli := peer.Find(t, "gnutls-cli")
	creds := newCredentials(t)
	y := newTally(t, "early data from gnutls-cli")
	for _, x := range append(earlyCases, turnedOff) {
		y.run(t, x.name, func(t *testing.T) {
			addr, heard := x.serveEarly(t, creds)
			_, port, _ := net.SplitHostPort(addr)
			file := write(t, t.TempDir(), "early", []byte(x.data()))
			p := peer.Start(t, cli, "--resume", "--waitresumption", "--earlydata="+file, "--port", port, "--x509cafile", creds.root,
				"--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3", "localhost")
			x.hears(t, heard, "resumed false, early data none")
			p.Await(t, `This is a resumed session`)
			p.Say(t, "akushu")
			p.Await(t, `akushu\n`)
			if err := p.In.Close(); err != nil {
				t.Error(err)
			}
			x.hears(t, heard, x.second())
			if came := strings.Contains(p.Text(), x.data()); came != (x.want == "accepted") {
				t.Errorf("early data that came back: got %v\n%s", came, p.Text())
			}
		})
	}
}
