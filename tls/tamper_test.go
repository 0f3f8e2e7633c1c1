package tls_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/record"
	"github.com/akushu/akushu/tls"
)

// A tampering is what somebody on the way does to a handshake, who sees and changes what is
// in the clear, and can change but not read what is not.
type tampering struct {
	name     string
	versions []uint16 // that both ends would agree on
	edit     func(x *exchanged)
	setup    func(client, server *tls.Config) // nil: both ends do what they do by default
	flip     func(from string, n int) bool    // whether to change a bit of the sender's nth protected record, from 1
}

// exchanged is a message on its way.
type exchanged struct {
	from string
	msg.Message
}

var (
	both   = []uint16{tls.VersionTLS12, tls.VersionTLS13}
	only12 = both[:1]
	only13 = both[1:]
)

// ofClient and ofServer change one kind of message.
func ofClient[M msg.Message](f func(M)) func(*exchanged) { return of("client", f) }
func ofServer[M msg.Message](f func(M)) func(*exchanged) { return of("server", f) }

func of[M msg.Message](from string, f func(M)) func(*exchanged) {
	return func(x *exchanged) {
		if m, ok := x.Message.(M); ok && x.from == from {
			f(m)
		}
	}
}

func all(edits ...func(*exchanged)) func(*exchanged) {
	return func(x *exchanged) {
		for _, e := range edits {
			e(x)
		}
	}
}

// offer changes ClientHello, chosen changes ServerHello.
func offer(f func(m *msg.ClientHello)) func(*exchanged)  { return ofClient(f) }
func chosen(f func(m *msg.ServerHello)) func(*exchanged) { return ofServer(f) }

func strip(types ...iana.ExtensionType) func(*exchanged) {
	return offer(func(m *msg.ClientHello) {
		for _, t := range types {
			m.Extensions.Remove(t)
		}
	})
}

func stripAnswer(t iana.ExtensionType) func(*exchanged) {
	return chosen(func(m *msg.ServerHello) { m.Extensions.Remove(t) })
}

// without13 has a hello offer TLS 1.2 and no more.
var without13 = offer(func(m *msg.ClientHello) {
	for _, t := range []iana.ExtensionType{
		iana.ExtSupportedVersions, iana.ExtKeyShare, iana.ExtPSKKeyExchangeModes,
	} {
		m.Extensions.Remove(t)
	}
})

func suites(ids ...iana.CipherSuite) func(*exchanged) {
	return offer(func(m *msg.ClientHello) { m.CipherSuites = ids })
}

func protocols(client, server *tls.Config) {
	client.NextProtos, server.NextProtos = []string{"h2", "http/1.1"}, []string{"h2", "http/1.1"}
}

func askClient(client, server *tls.Config) {
	client.Certificates, server.ClientAuth = server.Certificates, tls.RequireAnyClientCert
}

func limits(client, server *tls.Config) { client.RecordSizeLimit, server.RecordSizeLimit = 1000, 1000 }

// retries has the server ask for another group.
func retries(client, server *tls.Config) {
	client.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384}
	server.CurvePreferences = []tls.CurveID{tls.CurveP384}
}

func nthRecord(who string, n int) func(string, int) bool {
	return func(from string, k int) bool { return from == who && k == n }
}

// The suites that a FREAK of today would go for: the weakest that a server still has.
const (
	strong12, weak12 = iana.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, iana.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
	strong13, weak13 = iana.TLS_AES_256_GCM_SHA384, iana.TLS_AES_128_GCM_SHA256
	export           = iana.TLS_RSA_EXPORT_WITH_RC4_40_MD5
)

func preferStrong(client, server *tls.Config) {
	client.CipherSuites = []uint16{uint16(strong13), uint16(strong12)}
	server.CipherSuites = []uint16{uint16(strong13), uint16(strong12), uint16(weak13), uint16(weak12)}
}

var tamperings = []tampering{
	// What the client offers.
	{name: "ClientHello: TLS 1.3 is taken out of supported_versions", versions: only13, edit: offer(func(m *msg.ClientHello) {
		m.SupportedVersions = []iana.Version{iana.VersionTLS12}
	})},
	{name: "ClientHello: supported_versions is taken out", versions: only13, edit: strip(iana.ExtSupportedVersions)},
	{name: "ClientHello: all of TLS 1.3 is taken out", versions: only13, edit: without13},
	{name: "ClientHello: TLS 1.1 is all that is left", versions: both, edit: all(without13, offer(func(m *msg.ClientHello) {
		m.LegacyVersion = iana.VersionTLS11
	}))},
	{name: "ClientHello: a version that nobody speaks is put first", versions: both, edit: offer(func(m *msg.ClientHello) {
		m.SupportedVersions = slices.Insert(m.SupportedVersions, 0, iana.Version(0x0305))
	})},
	{name: "ClientHello: another random", versions: both, edit: offer(func(m *msg.ClientHello) { m.Random[0] ^= 1 })},
	{name: "ClientHello: another session ID", versions: both, edit: offer(func(m *msg.ClientHello) { m.SessionID = make([]byte, 32) })},
	{name: "ClientHello: suites of export strength alone, as FREAK did", versions: both, edit: suites(export)},
	{name: "ClientHello: a weaker suite that the server has, as FREAK did", versions: only12, setup: preferStrong, edit: suites(weak12)},
	{name: "ClientHello: a weaker suite, and the answer changed back", versions: only12, setup: preferStrong, edit: all(
		suites(weak12), chosen(func(m *msg.ServerHello) { m.CipherSuite = strong12 }))},
	{name: "ClientHello: a weaker suite that the server has, as FREAK did", versions: only13, setup: preferStrong, edit: suites(weak13)},
	{name: "ClientHello: a weaker suite, and the answer changed back", versions: only13, setup: preferStrong, edit: all(
		suites(weak13), chosen(func(m *msg.ServerHello) { m.CipherSuite = strong13 }))},
	{name: "ClientHello: a suite is added", versions: both, edit: offer(func(m *msg.ClientHello) { m.CipherSuites = append(m.CipherSuites, 0xdada) })},
	{name: "ClientHello: the signal of a fallback is added", versions: both, edit: offer(func(m *msg.ClientHello) {
		m.CipherSuites = append(m.CipherSuites, iana.TLS_FALLBACK_SCSV)
	})},
	{name: "ClientHello: compression is offered", versions: both, edit: offer(func(m *msg.ClientHello) { m.CompressionMethods = []byte{1, 0} })},
	{name: "ClientHello: one group is left", versions: both, edit: offer(func(m *msg.ClientHello) {
		m.SupportedGroups = []iana.NamedGroup{iana.GroupSecp256r1}
	})},
	{name: "ClientHello: groups in another order", versions: both, edit: offer(func(m *msg.ClientHello) { slices.Reverse(m.SupportedGroups) })},
	{name: "ClientHello: no groups", versions: both, edit: strip(iana.ExtSupportedGroups)},
	{name: "ClientHello: no key shares", versions: only13, edit: offer(func(m *msg.ClientHello) { m.KeyShares = nil })},
	{name: "ClientHello: the post-quantum share is taken out", versions: only13, edit: offer(func(m *msg.ClientHello) {
		m.KeyShares, m.SupportedGroups = m.KeyShares[1:], m.SupportedGroups[1:]
	})},
	{name: "ClientHello: another key", versions: only13, edit: offer(func(m *msg.ClientHello) { m.KeyShares[0].KeyExchange[1200] ^= 1 })},
	{name: "ClientHello: signatures with SHA-1 alone", versions: both, edit: offer(func(m *msg.ClientHello) {
		m.SignatureAlgorithms = []iana.SignatureScheme{iana.SchemeECDSASHA1, iana.SchemeRSAPKCS1SHA1}
	})},
	{name: "ClientHello: a weaker signature", versions: both, edit: offer(func(m *msg.ClientHello) {
		m.SignatureAlgorithms = []iana.SignatureScheme{iana.SchemeECDSASecp256r1SHA256}
	})},
	{name: "ClientHello: another name", versions: both, edit: offer(func(m *msg.ClientHello) { m.ServerName[0].HostName = []byte("elsewhere") })},
	{name: "ClientHello: no name", versions: both, edit: strip(iana.ExtServerName)},
	{name: "ClientHello: one protocol is left", versions: both, setup: protocols, edit: offer(func(m *msg.ClientHello) { m.ALPN = m.ALPN[1:] })},
	{name: "ClientHello: other protocols", versions: both, setup: protocols, edit: offer(func(m *msg.ClientHello) { m.ALPN = []msg.ProtocolName{[]byte("imap")} })},
	{name: "ClientHello: no protocols", versions: both, setup: protocols, edit: strip(iana.ExtApplicationLayerProtocolNegotiation)},
	{name: "ClientHello: no extended_main_secret", versions: only12, edit: strip(iana.ExtExtendedMainSecret)},
	{name: "ClientHello: no extended_main_secret, nor the answer", versions: only12, edit: all(
		strip(iana.ExtExtendedMainSecret), stripAnswer(iana.ExtExtendedMainSecret))},
	{name: "ClientHello: no renegotiation_info", versions: only12, edit: strip(iana.ExtRenegotiationInfo)},
	{name: "ClientHello: no status_request", versions: both, edit: strip(iana.ExtStatusRequest)},
	{name: "ClientHello: another limit of records", versions: both, setup: limits, edit: offer(func(m *msg.ClientHello) { m.RecordSizeLimit = 64 })},
	{name: "ClientHello: an extension that nobody knows is added", versions: both, edit: offer(func(m *msg.ClientHello) {
		m.Extensions.Order = slices.Insert(m.Extensions.Order, 0, msg.Extension{Type: 0xfafa})
	})},
	{name: "ClientHello: extensions in another order", versions: both, edit: offer(func(m *msg.ClientHello) {
		x := m.Extensions.Order
		x[0], x[1] = x[1], x[0]
	})},

	// What the server answers.
	{name: "ServerHello: TLS 1.2, where TLS 1.3 was chosen", versions: only13, edit: stripAnswer(iana.ExtSupportedVersions)},
	{name: "ServerHello: TLS 1.3, where TLS 1.2 was chosen", versions: only12, edit: chosen(func(m *msg.ServerHello) {
		m.SelectedVersion = iana.VersionTLS13
		m.Extensions.Add(iana.ExtSupportedVersions)
	})},
	{name: "ServerHello: TLS 1.0", versions: both, edit: chosen(func(m *msg.ServerHello) { m.LegacyVersion = iana.VersionTLS10 })},
	{name: "ServerHello: another random", versions: both, edit: chosen(func(m *msg.ServerHello) { m.Random[0] ^= 1 })},
	{name: "both hellos: all of TLS 1.3 is taken out, and the server's sign that it was", versions: only13, edit: all(
		without13, chosen(func(m *msg.ServerHello) { m.Random[24] ^= 1 }))},
	{name: "ServerHello: another session ID", versions: both, edit: chosen(func(m *msg.ServerHello) { m.SessionID = make([]byte, 32) })},
	{name: "ServerHello: another suite", versions: only12, edit: chosen(func(m *msg.ServerHello) { m.CipherSuite = strong12 })},
	{name: "ServerHello: another suite", versions: only13, edit: chosen(func(m *msg.ServerHello) { m.CipherSuite = strong13 })},
	{name: "ServerHello: another suite with the same hash", versions: only13, edit: chosen(func(m *msg.ServerHello) {
		m.CipherSuite = iana.TLS_CHACHA20_POLY1305_SHA256
	})},
	{name: "ServerHello: a suite of export strength", versions: both, edit: chosen(func(m *msg.ServerHello) { m.CipherSuite = export })},
	{name: "ServerHello: compression", versions: both, edit: chosen(func(m *msg.ServerHello) { m.CompressionMethod = 1 })},
	{name: "ServerHello: another group", versions: only13, edit: chosen(func(m *msg.ServerHello) { m.KeyShare.Group = iana.GroupX25519 })},
	{name: "ServerHello: a group that was not offered", versions: only13, edit: chosen(func(m *msg.ServerHello) { m.KeyShare.Group = iana.GroupFFDHE2048 })},
	{name: "ServerHello: another key", versions: only13, edit: chosen(func(m *msg.ServerHello) { m.KeyShare.KeyExchange[0] ^= 1 })},
	{name: "ServerHello: another protocol", versions: only12, setup: protocols, edit: chosen(func(m *msg.ServerHello) {
		m.ALPN = []msg.ProtocolName{[]byte("http/1.1")}
	})},
	{name: "ServerHello: no protocol", versions: only12, setup: protocols, edit: stripAnswer(iana.ExtApplicationLayerProtocolNegotiation)},
	{name: "ServerHello: no extended_main_secret", versions: only12, edit: stripAnswer(iana.ExtExtendedMainSecret)},
	{name: "ServerHello: no renegotiation_info", versions: only12, edit: stripAnswer(iana.ExtRenegotiationInfo)},
	{name: "ServerHello: another limit of records", versions: only12, setup: limits, edit: chosen(func(m *msg.ServerHello) { m.RecordSizeLimit = 64 })},
	{name: "ServerHello: an extension that was not asked for", versions: both, edit: chosen(func(m *msg.ServerHello) {
		m.Extensions.AddRaw(iana.ExtCookie, []byte{0, 1, 1})
	})},
	{name: "HelloRetryRequest: another group", versions: only13, setup: retries, edit: ofServer(func(m *msg.HelloRetryRequest) { m.SelectedGroup = iana.GroupSecp256r1 })},
	{name: "HelloRetryRequest: a group that was not offered", versions: only13, setup: retries, edit: ofServer(func(m *msg.HelloRetryRequest) {
		m.SelectedGroup = iana.GroupSecp521r1
	})},
	{name: "HelloRetryRequest: another suite", versions: only13, setup: retries, edit: ofServer(func(m *msg.HelloRetryRequest) {
		m.CipherSuite = iana.TLS_CHACHA20_POLY1305_SHA256
	})},
	{name: "HelloRetryRequest: a cookie is added", versions: only13, setup: retries, edit: ofServer(func(m *msg.HelloRetryRequest) {
		m.Cookie = []byte("x")
		m.Extensions.Add(iana.ExtCookie)
	})},

	// What else is in the clear before TLS 1.3.
	{name: "Certificate: somebody else's", versions: only12, edit: ofServer(func(m *msg.Certificate12) { m.List = [][]byte{somebodyElses} })},
	{name: "Certificate: a bit", versions: only12, edit: ofServer(func(m *msg.Certificate12) { m.List[0][len(m.List[0])-1] ^= 1 })},
	{name: "ServerKeyExchange: another group", versions: only12, edit: ofServer(func(m *msg.ServerKeyExchange) { m.NamedCurve = iana.GroupSecp256r1 })},
	{name: "ServerKeyExchange: another key", versions: only12, edit: ofServer(func(m *msg.ServerKeyExchange) { m.Public[0] ^= 1 })},
	{name: "ServerKeyExchange: another scheme", versions: only12, edit: ofServer(func(m *msg.ServerKeyExchange) { m.Algorithm = iana.SchemeECDSASecp384r1SHA384 })},
	{name: "ServerKeyExchange: another signature", versions: only12, edit: ofServer(func(m *msg.ServerKeyExchange) { m.Signature[9] ^= 1 })},
	{name: "CertificateRequest: fewer schemes", versions: only12, setup: askClient, edit: ofServer(func(m *msg.CertificateRequest12) {
		m.SignatureAlgorithms = []iana.SignatureScheme{iana.SchemeECDSASecp256r1SHA256}
	})},
	{name: "CertificateRequest: a type is added", versions: only12, setup: askClient, edit: ofServer(func(m *msg.CertificateRequest12) {
		m.CertificateTypes = append(m.CertificateTypes, 1)
	})},
	{name: "Certificate of the client: none", versions: only12, setup: askClient, edit: ofClient(func(m *msg.Certificate12) { m.List = nil })},
	{name: "CertificateVerify of the client: another signature", versions: only12, setup: askClient, edit: ofClient(func(m *msg.CertificateVerify) { m.Signature[9] ^= 1 })},
	{name: "ClientKeyExchange: another key", versions: only12, edit: ofClient(func(m *msg.ClientKeyExchange) { m.Public[0] ^= 1 })},

	// What is not.
	{name: "the client's first protected record: a bit", versions: both, flip: nthRecord("client", 1)},
	{name: "the client's second protected record: a bit", versions: both, flip: nthRecord("client", 2)},
	{name: "the server's first protected record: a bit", versions: both, flip: nthRecord("server", 1)},
	{name: "the server's second protected record: a bit", versions: both, flip: nthRecord("server", 2)},
}

// somebodyElses is a certificate that nobody trusts.
var somebodyElses = func() []byte {
	cert, _ := newCert(new(testing.T))
	return cert.Certificate[0]
}()

// TestTampering changes handshakes on their way, and compares who notices, at which message,
// and what the other end is told, with a golden table. Each is noticed before either end gets
// any data.
func TestTampering(t *testing.T) {
	const golden = "testdata/tampering.txt"
	cert, pool := newCert(t)
	var table strings.Builder
	for _, x := range tamperings {
		for _, v := range x.versions {
			client := &tls.Config{RootCAs: pool, ServerName: "localhost"}
			server := &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: v, SessionTicketsDisabled: true}
			if x.setup != nil {
				x.setup(client, server)
			}
			fmt.Fprintf(&table, "%s (%s)\n  %s\n", x.name, tls.VersionName(v), x.run(t, v, client, server))
		}
	}
	if *update {
		if err := os.WriteFile(golden, []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(strings.Split(string(want), "\n"), strings.Split(table.String(), "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", golden, diff)
	}
}

// run has a client say something to a server, and says how that failed.
func (x *tampering) run(t *testing.T, v uint16, client, server *tls.Config) string {
	t.Helper()
	near, clientEnd := loopback(t)
	serverEnd, far := loopback(t)
	known := new(settled)
	go (&middle{x: x, from: "client", in: clientEnd, out: serverEnd, known: known}).run()
	go (&middle{x: x, from: "server", in: serverEnd, out: clientEnd, known: known}).run()
	c, s := tls.Client(near, client), tls.Server(far, server)
	ends := map[string]*tls.Conn{"client": c, "server": s}
	errs := map[string]error{}
	done := make(chan error, 1)
	for _, end := range ends {
		_ = end.SetDeadline(time.Now().Add(20 * time.Second))
	}
	go func() { done <- converse(s) }()
	errs["client"] = converse(c)
	errs["server"] = <-done
	_, _ = c.Close(), s.Close() // not before: what an end was told must not be lost
	for _, who := range []string{"client", "server"} {
		var fact *alert.Error
		if errors.As(errs[who], &fact) {
			other := map[string]string{"client": "server", "server": "client"}[who]
			return fmt.Sprintf("the %s, at %s: %v (%s); the %s: %v", who, place(fact.Where, who, v), fact.Alert, fact.Ref, other, tellAny(errs[other]))
		}
	}
	t.Errorf("%s: nobody noticed: %v", x.name, errs)
	return "nobody"
}

// tellAny is tell, where there may be no error.
func tellAny(err error) string {
	if err == nil {
		return "no error"
	}
	return tell(err)
}

// converse sends a word and waits for one.
func converse(c *tls.Conn) error {
	if _, err := c.Write([]byte("akushu")); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 6))
	return err
}

// place names the message in a record that does not open: the first under keys.
func place(where, who string, v uint16) string {
	if where != "record" {
		return where
	}
	if v == tls.VersionTLS13 && who == "client" {
		return "record (EncryptedExtensions, or what came behind it)"
	}
	return "record (Finished, or what came behind it)"
}

// middle carries one direction of a connection.
type middle struct {
	x       *tampering
	from    string
	in, out net.Conn
	known   *settled

	messages  record.Messages
	protected int // records under keys
	changed   bool
}

// settled is what the two directions know of the handshake.
type settled struct {
	mu  sync.Mutex
	ctx msg.Context
}

func (s *settled) get() *msg.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx := s.ctx
	return &ctx
}

// learn takes the version from ServerHello.
func (s *settled) learn(m msg.Message) {
	if sh, ok := m.(*msg.ServerHello); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ctx.Version = cmp.Or(sh.SelectedVersion, sh.LegacyVersion)
		s.ctx.KeyExchange = msg.KeyExchangeECDHE
	}
}

// run carries records until its sender hangs up.
func (m *middle) run() {
	defer m.in.Close()
	for {
		header := make([]byte, record.HeaderLen)
		if _, err := io.ReadFull(m.in, header); err != nil {
			return
		}
		h := record.ParseHeader(header)
		body := make([]byte, h.Length)
		if _, err := io.ReadFull(m.in, body); err != nil {
			return
		}
		if _, err := m.out.Write(m.pass(h, body)); err != nil {
			return
		}
	}
}

// pass returns what goes on in place of a record.
func (m *middle) pass(h record.Header, body []byte) []byte {
	switch {
	case h.Type == iana.ContentChangeCipherSpec:
		m.changed = m.changed || m.known.get().Version != iana.VersionTLS13
	case h.Type == iana.ContentApplicationData || m.changed:
		m.protected++
		if m.x.flip != nil && m.x.flip(m.from, m.protected) {
			body[len(body)/2] ^= 1
		}
	case h.Type == iana.ContentHandshake && m.x.edit != nil:
		if err := m.messages.Push(bytes.Clone(body)); err != nil {
			panic(err)
		}
		return m.rewrite(h)
	}
	return append(h.Append(nil), body...)
}

// rewrite returns the messages that are complete, changed, in records of their own.
func (m *middle) rewrite(h record.Header) (out []byte) {
	for {
		raw, err := m.messages.Next()
		if err != nil {
			panic(err)
		}
		if raw == nil {
			return out
		}
		decoded, err := msg.Decode(m.known.get(), raw)
		if err != nil {
			panic(err)
		}
		m.known.learn(decoded)
		m.x.edit(&exchanged{m.from, decoded})
		changed, err := msg.Append(nil, m.known.get(), decoded)
		if err != nil {
			panic(err)
		}
		h.Length = len(changed)
		out = append(h.Append(out), changed...)
	}
}
