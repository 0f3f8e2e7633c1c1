package tls_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/tls"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// An attack is something that a peer should not do.
type attack struct {
	name string
	at   []moment
	do   func(*puppet) // at moments "before" a message and "after the handshake"
	say  []byte        // at moments "behind" a message: what follows it in its record
}

// A moment is when a peer does it: who is attacked, in which version, at which point of
// what the peer itself would say.
type moment struct {
	victim  string
	version iana.Version
	point   string
}

func (m moment) String() string { return fmt.Sprintf("%s %v %s", m.victim, m.version, m.point) }

// The moments.
var (
	serverFirst = []moment{
		{"server", iana.VersionTLS12, "before ClientHello"},
		{"server", iana.VersionTLS13, "before ClientHello"},
	}
	clientFirst = []moment{
		{"client", iana.VersionTLS12, "before ServerHello"},
		{"client", iana.VersionTLS13, "before ServerHello"},
	}
	first    = slices.Concat(serverFirst, clientFirst) // nothing is negotiated yet
	within12 = []moment{                               // nothing is protected yet
		{"server", iana.VersionTLS12, "before ClientKeyExchange"},
		{"client", iana.VersionTLS12, "before ServerKeyExchange"},
	}
	change12 = []moment{ // the next is ChangeCipherSpec
		{"server", iana.VersionTLS12, "before ChangeCipherSpec"},
		{"client", iana.VersionTLS12, "before ChangeCipherSpec"},
	}
	finish12 = []moment{
		{"server", iana.VersionTLS12, "before Finished"},
		{"client", iana.VersionTLS12, "before Finished"},
	}
	within13 = []moment{
		{"server", iana.VersionTLS13, "before Finished"},
		{"client", iana.VersionTLS13, "before EncryptedExtensions"},
		{"client", iana.VersionTLS13, "before Finished"},
	}
	opening13 = slices.Concat(within13[:2], after13) // the first record under keys
	after12   = []moment{
		{"server", iana.VersionTLS12, after},
		{"client", iana.VersionTLS12, after},
	}
	after13 = []moment{
		{"server", iana.VersionTLS13, after},
		{"client", iana.VersionTLS13, after},
	}
	protected12 = slices.Concat(finish12, after12)
	protected13 = slices.Concat(within13, after13)
	changes     = []moment{ // the keys change behind these messages
		{"server", iana.VersionTLS12, "behind ClientKeyExchange"},
		{"client", iana.VersionTLS12, "behind ServerHelloDone"},
		{"server", iana.VersionTLS13, "behind ClientHello"},
		{"client", iana.VersionTLS13, "behind ServerHello"},
		{"server", iana.VersionTLS13, "behind Finished"},
		{"client", iana.VersionTLS13, "behind Finished"},
	}
	always   = slices.Concat(first, within12, change12, finish12, within13, after12, after13)
	server13 = after13[:1]
	client13 = after13[1:]
	server12 = after12[:1]
	client12 = after12[1:]
)

var attacks = []attack{
	// Not TLS, or not quite.
	{name: "plain HTTP", at: serverFirst, do: func(p *puppet) { p.raw([]byte("GET / HTTP/1.0\r\n\r\n")...) }},
	{name: "an answer in plain HTTP", at: clientFirst, do: func(p *puppet) { p.raw([]byte("HTTP/1.0 400 Bad Request\r\n\r\n")...) }},
	{name: "SSH", at: first, do: func(p *puppet) { p.raw([]byte("SSH-2.0-OpenSSH_9.6\r\n")...) }},
	{name: "an SSL 2.0 hello", at: serverFirst, do: func(p *puppet) { p.raw(0x80, 0x1c, 1, 3, 1, 0, 3, 0, 0, 0, 16, 0, 0, 5) }},
	{name: "random bytes", at: always, do: func(p *puppet) { p.raw(noise...) }},
	{name: "zeros", at: always, do: func(p *puppet) { p.raw(make([]byte, 100)...) }},
	{name: "a record of DTLS", at: first, do: func(p *puppet) { p.header(iana.ContentHandshake, 0xfefd, 1) }},

	// Records.
	{name: "a record of an unknown type", at: slices.Concat(within12, change12), do: func(p *puppet) { p.clear(99, 1, 2, 3) }},
	{name: "a protected record of an unknown type", at: slices.Concat(protected12, protected13), do: func(p *puppet) { p.say(99, 1, 2, 3) }},
	{name: "a heartbeat", at: slices.Concat(within12, protected12, protected13), do: func(p *puppet) { p.say(24, 1, 0, 0) }},
	{name: "a record version that was not negotiated", at: slices.Concat(within12, after12), do: func(p *puppet) { p.header(iana.ContentHandshake, iana.VersionTLS11, 4) }},
	{name: "a record one byte too long", at: slices.Concat(first, within12), do: func(p *puppet) { p.header(iana.ContentHandshake, iana.VersionTLS12, 1<<14+1) }},
	{name: "a protected record one byte too long", at: protected12, do: func(p *puppet) { p.header(iana.ContentApplicationData, iana.VersionTLS12, 1<<14+2048+1) }},
	{name: "a protected record one byte too long", at: protected13, do: func(p *puppet) { p.header(iana.ContentApplicationData, iana.VersionTLS12, 1<<14+256+1) }},
	{name: "a record of 65535 bytes", at: always, do: func(p *puppet) { p.header(iana.ContentHandshake, iana.VersionTLS12, 1<<16-1) }},
	{name: "protected content one byte too long", at: opening13, do: func(p *puppet) { p.inner(append(make([]byte, 1<<14+1), 23)...) }},
	{name: "a record with nothing but padding", at: opening13, do: func(p *puppet) { p.inner(make([]byte, 100)...) }},
	{name: "a record with nothing at all inside", at: opening13, do: func(p *puppet) { p.inner() }},
	{name: "a record that is too short to be protected", at: slices.Concat(protected12, protected13), do: func(p *puppet) { p.clear(iana.ContentApplicationData, 1, 2, 3) }},
	{name: "a record that does not open", at: slices.Concat(protected12, protected13), do: func(p *puppet) { p.clear(iana.ContentApplicationData, make([]byte, 64)...) }},
	{name: "an unprotected handshake record", at: slices.Concat(protected12, protected13), do: func(p *puppet) { p.clear(iana.ContentHandshake, 0, 0, 0, 0) }},
	{name: "an unprotected alert", at: slices.Concat(protected12, protected13), do: func(p *puppet) { p.clear(iana.ContentAlert, 2, 80) }},
	{name: "unprotected data", at: slices.Concat(within12, protected13), do: func(p *puppet) { p.clear(iana.ContentApplicationData, 'h', 'i') }},
	{name: "data during the handshake", at: slices.Concat(finish12, within13), do: func(p *puppet) { p.say(iana.ContentApplicationData, 'h', 'i') }},
	{name: "33 empty records in a row", at: slices.Concat(after12, after13), do: func(p *puppet) {
		for range 33 {
			p.say(iana.ContentApplicationData)
		}
	}},
	{name: "the end within a header", at: always, do: func(p *puppet) { p.raw(23, 3, 3); p.hangUp() }},
	{name: "the end within a record", at: always, do: func(p *puppet) { p.raw(22, 3, 3, 0, 200, 1, 2, 3); p.hangUp() }},
	{name: "the end", at: always, do: (*puppet).hangUp},

	// Handshake messages in records.
	{name: "an empty handshake record", at: always, do: func(p *puppet) { p.say(iana.ContentHandshake) }},
	{name: "a message of 64 KiB and a byte", at: always, do: func(p *puppet) { p.say(iana.ContentHandshake, 11, 1, 0, 1) }},
	{name: "a message of 16 MiB", at: always, do: func(p *puppet) { p.say(iana.ContentHandshake, 1, 255, 255, 255) }},
	{name: "an alert within a message", at: within13, do: func(p *puppet) {
		p.say(iana.ContentHandshake, 20, 0, 0, 32, 1, 2, 3)
		p.say(iana.ContentAlert, 1, 90)
	}},
	{name: "data within a message", at: after13, do: func(p *puppet) {
		p.say(iana.ContentHandshake, 24, 0)
		p.say(iana.ContentApplicationData, 'h', 'i')
	}},
	{name: "a ChangeCipherSpec within a message", at: within13, do: func(p *puppet) {
		p.say(iana.ContentHandshake, 20, 0, 0, 32, 1, 2, 3)
		p.clear(iana.ContentChangeCipherSpec, 1)
	}},
	{name: "a message that goes on where the keys change", at: change12, do: func(p *puppet) {
		p.say(iana.ContentHandshake, 20, 0)
		p.clear(iana.ContentChangeCipherSpec, 1)
	}},
	{name: "a message behind KeyUpdate in one record", at: after13, do: func(p *puppet) {
		p.say(iana.ContentHandshake, 24, 0, 0, 1, 0, 24, 0, 0, 1, 0)
	}},
	{name: "a message that begins where the keys change", at: changes, say: []byte{24}},
	{name: "a message where the keys change", at: changes, say: []byte{24, 0, 0, 1, 0}},
	{name: "a message that nobody knows", at: always, do: func(p *puppet) { p.message(77, 1, 2, 3) }},

	// ChangeCipherSpec.
	{name: "a ChangeCipherSpec as the first word", at: first, do: func(p *puppet) { p.clear(iana.ContentChangeCipherSpec, 1) }},
	{name: "a ChangeCipherSpec too early", at: within12, do: func(p *puppet) { p.clear(iana.ContentChangeCipherSpec, 1) }},
	{name: "two ChangeCipherSpecs", at: finish12, do: func(p *puppet) { p.say(iana.ContentChangeCipherSpec, 1) }},
	{name: "a ChangeCipherSpec after the handshake", at: slices.Concat(after12, after13), do: func(p *puppet) { p.say(iana.ContentChangeCipherSpec, 1) }},
	{name: "a ChangeCipherSpec with another byte", at: slices.Concat(change12, within13), do: func(p *puppet) { p.clear(iana.ContentChangeCipherSpec, 2) }},
	{name: "a ChangeCipherSpec of two bytes", at: slices.Concat(change12, within13), do: func(p *puppet) { p.clear(iana.ContentChangeCipherSpec, 1, 1) }},
	{name: "an empty ChangeCipherSpec", at: slices.Concat(change12, within13), do: func(p *puppet) { p.clear(iana.ContentChangeCipherSpec) }},
	{name: "a protected ChangeCipherSpec", at: opening13, do: func(p *puppet) { p.inner(1, 20) }},
	{name: "34 ChangeCipherSpecs", at: within13, do: func(p *puppet) {
		for range 34 {
			p.clear(iana.ContentChangeCipherSpec, 1)
		}
	}},
	{name: "no ChangeCipherSpec", at: change12, do: func(p *puppet) { p.message(iana.HandshakeFinished, make([]byte, 12)...) }},

	// Alerts.
	{name: "a fatal alert", at: always, do: func(p *puppet) { p.say(iana.ContentAlert, 2, 40) }},
	{name: "an alert that nobody knows", at: always, do: func(p *puppet) { p.say(iana.ContentAlert, 2, 200) }},
	{name: "a warning that is an error", at: slices.Concat(within13, after13), do: func(p *puppet) { p.say(iana.ContentAlert, 1, 40) }},
	{name: "an alert of no level", at: always, do: func(p *puppet) { p.say(iana.ContentAlert, 7, 40) }},
	{name: "an alert of one byte", at: always, do: func(p *puppet) { p.say(iana.ContentAlert, 2) }},
	{name: "two alerts in one record", at: always, do: func(p *puppet) { p.say(iana.ContentAlert, 2, 40, 2, 40) }},
	{name: "an empty alert", at: always, do: func(p *puppet) { p.say(iana.ContentAlert) }},
	{name: "33 warnings", at: slices.Concat(first, after12), do: func(p *puppet) {
		for range 33 {
			p.say(iana.ContentAlert, 1, 112)
		}
	}},
	{name: "33 times user_canceled", at: after13, do: func(p *puppet) {
		for range 33 {
			p.say(iana.ContentAlert, 1, 90)
		}
	}},
	{name: "close_notify", at: always, do: func(p *puppet) { p.say(iana.ContentAlert, 1, 0) }},
	{name: "close_notify, then data", at: slices.Concat(after12, after13), do: func(p *puppet) {
		p.say(iana.ContentAlert, 1, 0)
		p.say(iana.ContentApplicationData, 'h', 'i')
	}},

	// After the handshake.
	{name: "a KeyUpdate that asks for what there is not", at: after13, do: func(p *puppet) { p.message(iana.HandshakeKeyUpdate, 2) }},
	{name: "a KeyUpdate of two bytes", at: after13, do: func(p *puppet) { p.message(iana.HandshakeKeyUpdate, 0, 0) }},
	{name: "a KeyUpdate without the update", at: after13, do: func(p *puppet) {
		p.message(iana.HandshakeKeyUpdate, 0)
		p.say(iana.ContentApplicationData, 'h', 'i')
	}},
	{name: "33 KeyUpdates", at: after13, do: func(p *puppet) {
		for range 33 {
			p.message(iana.HandshakeKeyUpdate, 0)
			_ = p.out.Update()
		}
	}},
	{name: "a KeyUpdate in TLS 1.2", at: after12, do: func(p *puppet) { p.message(iana.HandshakeKeyUpdate, 0) }},
	{name: "a ClientHello", at: after13, do: func(p *puppet) { p.message(iana.HandshakeClientHello, 3, 3) }},
	{name: "a ClientHello that is none", at: server12, do: func(p *puppet) { p.message(iana.HandshakeClientHello, 3, 3) }},
	{name: "a ClientHello to a client", at: client12, do: func(p *puppet) { p.message(iana.HandshakeClientHello, 3, 3) }},
	{name: "a HelloRequest with a body", at: client12, do: func(p *puppet) { p.message(iana.HandshakeHelloRequest, 1) }},
	{name: "33 HelloRequests", at: client12, do: func(p *puppet) {
		for range 33 {
			p.message(iana.HandshakeHelloRequest)
		}
	}},
	{name: "a HelloRequest to a server", at: server12, do: func(p *puppet) { p.message(iana.HandshakeHelloRequest) }},
	{name: "a HelloRequest", at: client13, do: func(p *puppet) { p.message(iana.HandshakeHelloRequest) }},
	{name: "a NewSessionTicket to a server", at: server13, do: func(p *puppet) { p.message(iana.HandshakeNewSessionTicket, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0) }},
	{name: "a NewSessionTicket without a ticket", at: client13, do: func(p *puppet) { p.message(iana.HandshakeNewSessionTicket, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0) }},
	{name: "a NewSessionTicket with an extension of another message", at: client13, do: func(p *puppet) {
		p.message(iana.HandshakeNewSessionTicket, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 4, 0, 51, 0, 0)
	}},
	{name: "33 NewSessionTickets", at: client13, do: func(p *puppet) {
		for range 33 {
			p.message(iana.HandshakeNewSessionTicket, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0)
		}
	}},
	{name: "a NewSessionTicket in TLS 1.2", at: client12, do: func(p *puppet) { p.message(iana.HandshakeNewSessionTicket, 0, 0, 0, 1, 0, 1, 1) }},
	{name: "a request for a certificate", at: client13, do: func(p *puppet) { p.message(iana.HandshakeCertificateRequest, 1, 1, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3) }},
	{name: "a second Finished", at: slices.Concat(after12, after13), do: func(p *puppet) { p.message(iana.HandshakeFinished, make([]byte, 32)...) }},

	// Nothing at all.
	{name: "silence", at: slices.Concat(first, within12, change12, finish12, within13), do: func(*puppet) {}},
	{name: "silence within a record", at: slices.Concat(first, within12, within13), do: func(p *puppet) { p.raw(22, 3, 3, 0, 200, 1, 2, 3) }},
}

var noise = []byte("\x9e\x1f\xc3\x07\x5a\xee\x42\x90\x11\xd8\x6b\xf4\x33\x00\x7f\xa5\x16\x03\x01\x02\x00\xfe\x8d\x71")

// TestHostilePeers lets a peer do what it should not, at each moment where it could, and
// compares what comes of it with a golden file: what the user is told, what the peer is told,
// and that the connection is over for both reading and writing.
func TestHostilePeers(t *testing.T) {
	const golden = "testdata/hostile.txt"
	cert, pool := newCert(t)
	for _, l := range links {
		t.Run(l.name, func(t *testing.T) {
			var all strings.Builder
			for _, a := range attacks {
				var r report
				for _, m := range a.at {
					t.Run(fmt.Sprintf("%s/%v", a.name, m), func(t *testing.T) {
						config := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost", SessionTicketsDisabled: true}
						r.add(m, suffer(t, l, config, a, m))
					})
				}
				all.WriteString(a.name + "\n" + r.String() + "\n")
			}
			if *update {
				if err := os.WriteFile(golden, []byte(all.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(all.String(), "\n")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", golden, diff)
			}
		})
	}
}

// A report is what came of an attack at its moments, those together where the same came of it.
type report struct {
	outcomes []string
	moments  map[string][]string
}

func (r *report) add(m moment, outcome string) {
	if r.moments == nil {
		r.moments = map[string][]string{}
	}
	if r.moments[outcome] == nil {
		r.outcomes = append(r.outcomes, outcome)
	}
	r.moments[outcome] = append(r.moments[outcome], m.String())
}

func (r *report) String() string {
	var b strings.Builder
	for _, o := range r.outcomes {
		fmt.Fprintf(&b, "  %s:\n%s", strings.Join(r.moments[o], "; "), o)
	}
	return b.String()
}

// suffer runs one attack and says what came of it.
func suffer(t *testing.T, l link, config *tls.Config, a attack, m moment) string {
	c, p := victim(t, l, config, m)
	p.trail = a.say
	if strings.HasPrefix(a.name, "silence") {
		_ = c.SetDeadline(time.Now().Add(300 * time.Millisecond))
	}
	done := make(chan string, 1)
	go func() { done <- endure(t, c) }()
	p.play(t, m.victim == "server", m.version, &config.Certificates[0])
	if a.do != nil {
		a.do(p)
	}
	heard := p.listen()
	got := <-done
	if len(heard) == 0 {
		heard = []string{"nothing"}
	}
	return fmt.Sprintf("%s    the peer hears: %s\n", got, strings.Join(heard, ", "))
}

// endure uses the connection c until it fails, and says how.
func endure(t *testing.T, c *tls.Conn) string {
	var out strings.Builder
	step, err := "Handshake", c.Handshake()
	if err == nil {
		buf := make([]byte, 100)
		var n int
		for step = "Read"; err == nil; n, err = c.Read(buf) {
			if n > 0 {
				fmt.Fprintf(&out, "    Read: %q\n", buf[:n])
			}
		}
	}
	fmt.Fprintf(&out, "    %s: %s\n", step, tell(err))
	checkSticky(t, c, step, err)
	_, werr := c.Write([]byte("more"))
	switch {
	case werr == nil:
		out.WriteString("    Write: works\n")
	case werr.Error() != err.Error():
		fmt.Fprintf(&out, "    Write: %s\n", tell(werr))
	}
	_ = c.Close()
	return out.String()
}

// checkSticky wants the same error again, and a section in one that is the peer's fault.
func checkSticky(t *testing.T, c *tls.Conn, step string, err error) {
	_, again := c.Read(make([]byte, 1))
	var timeout net.Error
	if again != err && !(errors.As(err, &timeout) && timeout.Timeout()) {
		t.Errorf("%s: got %v, and then %v, want the same again", step, err, again)
	}
	if complete := c.ConnectionState().HandshakeComplete; complete != (step == "Read") {
		t.Errorf("%s failed: got HandshakeComplete %v", step, complete)
	}
	var fact *alert.Error
	if errors.As(err, &fact) && !strings.Contains(fact.Ref, "RFC ") {
		t.Errorf("got %q, want a section of an RFC", err)
	}
}

// tell is an error without addresses.
func tell(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Source != nil {
		return op.Err.Error()
	}
	return err.Error()
}

// TestTolerated has a peer do what is odd but allowed, and then exchange data.
func TestTolerated(t *testing.T) {
	alerts := func(n int, level, code byte) func(*puppet) {
		return func(p *puppet) {
			for range n {
				p.say(iana.ContentAlert, level, code)
			}
		}
	}
	hello := append([]byte{3, 3}, make([]byte, 32+1)...) // legacy_version, random, no session ID
	hello = append(hello, 0, 2, 0xc0, 0x2b, 1, 0)
	tests := []struct {
		name string
		at   []moment
		do   func(*puppet)
		hear string // beside "pong"
	}{
		{"an empty record", slices.Concat(after12, after13), func(p *puppet) { p.say(iana.ContentApplicationData) }, ""},
		{"4 warnings", after12, alerts(4, 1, 112), ""},
		{"user_canceled", after13, alerts(1, 1, 90), ""},
		{"user_canceled, said to be fatal", after13, alerts(1, 2, 90), ""},
		{"a HelloRequest", client12, func(p *puppet) { p.message(iana.HandshakeHelloRequest) }, "warning no_renegotiation, "},
		{"a ClientHello", server12, func(p *puppet) { p.message(iana.HandshakeClientHello, hello...) }, "warning no_renegotiation, "},
		{"a HelloRequest in pieces, with data and a warning between", client12, func(p *puppet) {
			p.say(iana.ContentHandshake, 0, 0)
			p.say(iana.ContentAlert, 1, 112)
			p.say(iana.ContentApplicationData)
			p.say(iana.ContentHandshake, 0, 0)
		}, "warning no_renegotiation, "},
		{"a KeyUpdate", after13, func(p *puppet) {
			p.message(iana.HandshakeKeyUpdate, 0)
			_ = p.out.Update()
		}, ""},
		{"a KeyUpdate that asks for one", after13, func(p *puppet) {
			p.message(iana.HandshakeKeyUpdate, 1)
			_ = p.out.Update()
		}, "KeyUpdate, "},
		{"three KeyUpdates that ask for one", after13, func(p *puppet) {
			for range 3 {
				p.message(iana.HandshakeKeyUpdate, 1)
				_ = p.out.Update()
			}
		}, "KeyUpdate, "},
		{"a KeyUpdate in pieces", after13, func(p *puppet) {
			for _, b := range handshake.KeyUpdate(false) {
				p.say(iana.ContentHandshake, b)
			}
			_ = p.out.Update()
		}, ""},
		{"two NewSessionTickets in one record", client13, func(p *puppet) {
			ticket := []byte{4, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0}
			p.say(iana.ContentHandshake, append(ticket, ticket...)...)
		}, ""},
		{"a NewSessionTicket with extensions that nobody knows", client13, func(p *puppet) {
			p.message(iana.HandshakeNewSessionTicket, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 8, 0xfa, 0xfa, 0, 0, 0xfe, 0xfe, 0, 0)
		}, ""},
	}
	cert, pool := newCert(t)
	config := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost", SessionTicketsDisabled: true}
	for _, l := range links {
		for _, tt := range tests {
			for _, m := range tt.at {
				t.Run(fmt.Sprintf("%s/%s/%v", l.name, tt.name, m), func(t *testing.T) {
					c, p := victim(t, l, config, m)
					done := make(chan error, 1)
					go func() { done <- answer(c) }()
					p.play(t, m.victim == "server", m.version, &cert)
					tt.do(p)
					p.say(iana.ContentApplicationData, []byte("ping")...)
					if got, want := strings.Join(p.listen(), ", "), tt.hear+`application_data "pong", warning close_notify`; got != want {
						t.Errorf("the peer hears: got %s, want %s", got, want)
					}
					if err := <-done; err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// victim returns a connection of ours that is to be attacked at m, and the puppet that does.
func victim(t *testing.T, l link, config *tls.Config, m moment) (*tls.Conn, *puppet) {
	near, far := l.join(t)
	c, p := tls.Server(far, config), &puppet{conn: near, stop: m.point}
	if m.victim == "client" {
		c, p.conn = tls.Client(near, config), far
	}
	_ = p.conn.SetDeadline(time.Now().Add(10 * time.Second))
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c, p
}

// answer waits for "ping", says "pong" and closes c.
func answer(c *tls.Conn) error {
	defer c.Close()
	buf := make([]byte, 4)
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "ping" {
		return fmt.Errorf("got %q, %w, want ping", buf, err)
	}
	_, err := c.Write([]byte("pong"))
	return err
}
