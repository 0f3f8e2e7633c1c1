package tls_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/record"
	"github.com/akushu/akushu/tls"
)

// A bound is the most of something that a peer may send. docs/SECURITY.md has the table.
type bound struct {
	what  string
	most  int
	since string // what the count begins with
	alert iana.Alert
	at    []moment
	heap  int // what we may hold meanwhile, in KiB
	// One of these sends n of it.
	send  func(p *puppet, n int)
	chain func(t *testing.T, v iana.Version, n int) (cert tls.Certificate, slice int)
	early func(t *testing.T, n int) error // to a server, and returns what that comes to
	own   int                             // of what the puppet sends by the book
}

// repeated is something that is sent n times.
func repeated(one func(*puppet)) func(*puppet, int) {
	return func(p *puppet, n int) {
		for range n {
			one(p)
		}
	}
}

// shown is the moments in which a peer shows its certificates.
var shown = slices.Concat(after12, after13)

// leastHello is the body of a ClientHello.
var leastHello = append(append([]byte{3, 3}, make([]byte, 32+1)...), 0, 2, 0xc0, 0x2b, 1, 0)

const sinceData = "application data"

var bounds = []bound{
	{
		what: "empty records", most: tls.MostEmptyRecords, since: sinceData, alert: iana.AlertUnexpectedMessage, at: slices.Concat(after12, after13), heap: 48,
		send: repeated(func(p *puppet) { p.say(iana.ContentApplicationData) }),
	},
	{
		what: "warnings", most: tls.MostAlerts, since: sinceData, alert: iana.AlertUnexpectedMessage, at: slices.Concat(within12, after12), heap: 48,
		send: repeated(func(p *puppet) { p.say(iana.ContentAlert, 1, byte(iana.AlertUnrecognizedName)) }),
	},
	{
		what: "user_canceled alerts", most: tls.MostAlerts, since: sinceData, alert: iana.AlertUnexpectedMessage, at: slices.Concat(within13, after13), heap: 48,
		send: repeated(func(p *puppet) { p.say(iana.ContentAlert, 1, byte(iana.AlertUserCanceled)) }),
	},
	{
		what: "ChangeCipherSpecs in TLS 1.3", most: tls.MostChangeCipherSpecs, since: "the begin of the handshake", alert: iana.AlertUnexpectedMessage, at: within13, heap: 48, own: 1,
		send: repeated(func(p *puppet) { p.clear(iana.ContentChangeCipherSpec, 1) }),
	},
	{
		what: "KeyUpdates", most: tls.MostKeyUpdates, since: sinceData, alert: iana.AlertUnexpectedMessage, at: after13, heap: 48,
		send: repeated(func(p *puppet) {
			p.message(iana.HandshakeKeyUpdate, 1)
			_ = p.out.Update()
		}),
	},
	{
		what: "HelloRequests", most: tls.MostMessages, since: sinceData, alert: iana.AlertUnexpectedMessage, at: client12, heap: 48,
		send: repeated(func(p *puppet) { p.message(iana.HandshakeHelloRequest) }),
	},
	{
		what: "ClientHellos after a handshake of TLS 1.2", most: tls.MostMessages, since: sinceData, alert: iana.AlertUnexpectedMessage, at: server12, heap: 48,
		send: repeated(func(p *puppet) { p.message(iana.HandshakeClientHello, leastHello...) }),
	},
	{
		what: "NewSessionTickets", most: tls.MostMessages, since: sinceData, alert: iana.AlertUnexpectedMessage, at: client13, heap: 48,
		send: repeated(func(p *puppet) {
			p.message(iana.HandshakeNewSessionTicket, append([]byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0x20, 0}, make([]byte, 0x2000+2)...)...)
		}),
	},
	{
		what: "bytes of a handshake message", most: record.DefaultMaxMessage, alert: iana.AlertIllegalParameter, at: shown, heap: 5 * 64,
		chain: func(t *testing.T, v iana.Version, n int) (tls.Certificate, int) {
			return chainOfBytes(t, v, n), 1 << 14
		},
	},
	{
		what: "records of a handshake message", most: record.MaxFragments, since: "the message before", alert: iana.AlertUnexpectedMessage, at: shown, heap: 5 * 64,
		chain: func(t *testing.T, v iana.Version, n int) (tls.Certificate, int) {
			const slice = 7
			return chainOfBytes(t, v, (n-1)*slice+1-4), slice
		},
	},
	{
		what: "certificates of a chain", most: auth.MaxChain, alert: iana.AlertBadCertificate, at: shown, heap: 5 * 64,
		chain: func(t *testing.T, _ iana.Version, n int) (tls.Certificate, int) {
			cert := leaf(t, 0)
			for len(cert.Certificate) < n {
				cert.Certificate = append(cert.Certificate, cert.Certificate[0])
			}
			return cert, 1 << 14
		},
	},
	{
		what: "bytes of early data, of a client whose ticket allows 1,000", most: 1000, alert: iana.AlertUnexpectedMessage,
		early: func(t *testing.T, n int) error { return sendEarly(t, 1000, n, n <= 1000, true) },
	},
	{
		what: "bytes on the wire of early data that is passed over, of a client whose ticket allows 16 KiB", most: 22038, alert: iana.AlertUnexpectedMessage,
		early: func(t *testing.T, n int) error {
			const records, overhead = 17, 17 // of 1,300 bytes each but the last
			return sendEarly(t, 16<<10, n-records*overhead, n <= 22038, false)
		},
	},
}

// TestBounds sends as much of each as is taken, has the connection go on, and sends one more.
func TestBounds(t *testing.T) {
	for _, b := range bounds {
		for _, n := range []int{b.most, b.most + 1} {
			if b.early != nil {
				t.Run(fmt.Sprintf("%d %s", n, b.what), func(t *testing.T) { b.check(t, n, b.early(t, n)) })
			}
			for _, m := range b.at {
				t.Run(fmt.Sprintf("%d %s/%v", n, b.what, m), func(t *testing.T) { b.check(t, n, b.flood(t, m, n)) })
			}
		}
	}
}

// check compares what n of it came to with the bound.
func (b *bound) check(t *testing.T, n int, err error) {
	var fact *alert.Error
	switch {
	case n <= b.most && err != nil:
		t.Errorf("got %v, want it taken", err)
	case n > b.most && (!errors.As(err, &fact) || fact.Alert != b.alert):
		t.Errorf("got %v, want %v", err, b.alert)
	}
}

// flood sends n, and returns what the victim comes to, which has to say the same to its peer.
func (b *bound) flood(t *testing.T, m moment, n int) error {
	f := newFlooded(t, m)
	f.puppet.pause = func() error {
		if b.send != nil {
			f.weigh()
			b.send(f.puppet, n-b.own)
		}
		f.checkHeap(t, b.heap)
		if n > b.most && b.send != nil {
			return errStopped
		}
		return nil
	}
	cert := leaf(t, 0)
	if b.chain != nil {
		cert, f.puppet.slice = b.chain(t, m.version, n)
	}
	f.weigh()
	go f.answer()
	err := f.puppet.perform(m.victim == "server", m.version, &cert)
	if err == nil && m.point == after && b.send != nil {
		err = f.puppet.pause()
	}
	if err == nil {
		f.puppet.say(iana.ContentApplicationData, []byte("ping")...)
	}
	want := `application_data "pong"`
	if n > b.most {
		want = "fatal " + b.alert.String()
	}
	if heard := f.puppet.listenFor(want); len(heard) == 0 || heard[len(heard)-1] != want {
		t.Errorf("the peer hears %v, want %s at the end; it came to %v", heard, want, err)
	}
	close(f.hangUp)
	return <-f.outcome
}

// TestBoundsAreDocumented compares the table of docs/SECURITY.md with the one above.
func TestBoundsAreDocumented(t *testing.T) {
	const path, begin, end = "../docs/SECURITY.md", "<!-- bounds: written by go test ./tls -run TestBoundsAreDocumented -update -->\n", "<!-- end of bounds -->\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, behind, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table", path)
	}
	want := before + begin + boundsTable() + end + behind
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// boundsTable is the bounds in Markdown.
func boundsTable() string {
	var b strings.Builder
	b.WriteString("| at most | of | since | tried against | beyond it |\n|---:|---|---|---|---|\n")
	for _, x := range bounds {
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %v |\n", x.most, x.what, x.since, x.victims(), x.alert)
	}
	return b.String()
}

// victims is who is tried, in which versions.
func (b *bound) victims() string {
	if b.early != nil {
		return "server 1.3"
	}
	var all []string
	for _, m := range b.at {
		if who := m.victim + strings.TrimPrefix(m.version.String(), "TLS"); !slices.Contains(all, who) {
			all = append(all, who)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// flooded is a connection of ours, its peer, and how much of what that said we have read.
type flooded struct {
	victim  *tls.Conn
	puppet  *puppet
	said    atomic.Int64
	read    atomic.Int64
	refused atomic.Bool
	base    uint64 // of the heap
	hangUp  chan struct{}
	outcome chan error
}

// counted counts what goes through a connection.
type counted struct {
	net.Conn
	in, out *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.in.Add(int64(n))
	return n, err
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.out.Add(int64(n))
	return n, err
}

func newFlooded(t *testing.T, m moment) *flooded {
	cert, _ := newCert(t)
	config := &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert, InsecureSkipVerify: true, SessionTicketsDisabled: true}
	f := &flooded{hangUp: make(chan struct{}), outcome: make(chan error, 1)}
	var ignored atomic.Int64
	near, far := loopback(t)
	near, far = counted{near, &ignored, &f.said}, counted{far, &f.read, &ignored}
	f.puppet = &puppet{conn: near, stop: m.point}
	if f.victim = tls.Server(far, config); m.victim == "client" {
		f.victim = tls.Client(far, config)
	}
	_ = near.SetDeadline(time.Now().Add(time.Minute))
	_ = far.SetDeadline(time.Now().Add(time.Minute))
	return f
}

// answer says "pong" to "ping", and closes the connection when it is told to.
func (f *flooded) answer() {
	buf := make([]byte, 4)
	_, err := io.ReadFull(f.victim, buf)
	if err == nil {
		_, err = f.victim.Write([]byte("pong"))
	}
	f.refused.Store(err != nil)
	<-f.hangUp
	f.victim.Close()
	f.outcome <- err
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func (f *flooded) weigh() { f.base = heap() }

// checkHeap waits until the victim has read all that was said, and for its heap to be no larger
// than it may be. Where it has refused what was said, it reads no more.
func (f *flooded) checkHeap(t *testing.T, most int) {
	t.Helper()
	var got int64
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if f.read.Load() < f.said.Load() && !f.refused.Load() {
			continue
		}
		if got = int64(heap()) - int64(f.base); got <= int64(most)<<10 {
			return
		}
	}
	t.Errorf("got %d bytes more on the heap, want no more than %d KiB", got, most)
}

// leaf is a certificate that is longer by n bytes than it need be. Its length depends on n
// alone.
func leaf(t *testing.T, n int) tls.Certificate {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0),
		ExtraExtensions: []pkix.Extension{{Id: []int{1, 3, 6, 1, 4, 1, 99999, 1}, Value: make([]byte, n)}},
	}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// chainOfBytes is a chain whose Certificate message has a body of n bytes.
func chainOfBytes(t *testing.T, v iana.Version, n int) tls.Certificate {
	t.Helper()
	body := func(certs ...[]byte) int {
		total, entry := 3, 3
		if v == iana.VersionTLS13 { // certificate_request_context, extensions
			total, entry = 1+3, 3+2
		}
		for _, c := range certs {
			total += entry + len(c)
		}
		return total
	}
	cert := leaf(t, 0)
	guess := n - body(cert.Certificate[0]) - 1000
	filler := leaf(t, guess).Certificate[0]
	filler = leaf(t, guess+n-body(cert.Certificate[0], filler)).Certificate[0]
	cert.Certificate = append(cert.Certificate, filler)
	if got := body(cert.Certificate...); got != n {
		t.Fatalf("got a chain of %d bytes, want %d", got, n)
	}
	return cert
}

// sendEarly sends n bytes of early data under a ticket, to a server that takes it or passes over
// it, and returns what that comes to.
func sendEarly(t *testing.T, allowed uint32, n int, fits, taken bool) error {
	p := newEarlyPair(t, links[0])
	p.server.MaxEarlyData = allowed
	p.server.SetSessionTicketKeys([][32]byte{{1}})
	cache := new(sticky)
	p.client.ClientSessionCache = cache
	p.prime(t)
	tls.AllowEarlyData(cache.Load(), 1<<30)
	if !taken { // the same keys, and no use for early data
		p.server = &tls.Config{Certificates: p.server.Certificates}
		p.server.SetSessionTicketKeys([][32]byte{{1}})
	}
	base := heap()
	c, done := p.meet(t, strings.Repeat("e", n))
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	c.AcknowledgeRejection()
	if fits {
		saysBack(t, c, "x", map[bool]string{true: "got " + strings.Repeat("e", n) + "\nx", false: "x"}[taken])
	} else if _, err := io.ReadAll(c); !strings.Contains(fmt.Sprint(err), "unexpected message") {
		t.Errorf("the client hears %v, want unexpected_message", err)
	}
	if got := int64(heap()) - int64(base); got > 256<<10 {
		t.Errorf("got %d bytes more on the heap, want no more than 256 KiB", got)
	}
	c.Close()
	return (<-done).err
}
