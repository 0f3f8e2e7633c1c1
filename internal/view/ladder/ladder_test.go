package ladder

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/observe"
)

var update = flag.Bool("update", false, "write the golden files anew")

// conversation is a connection and what observe would say of it.
type conversation func(testing.TB) (*script, *observe.Session)

var conversations = map[string]conversation{
	"tls13":       tls13,
	"tls12":       tls12,
	"hello_retry": helloRetry,
	"mutual":      mutual,
	"refused":     refused,
	"undecrypted": undecrypted,
	"half_open":   halfOpen,
	"plain":       plain,
	"damaged":     damaged,
}

const suite13 = "TLS_AES_128_GCM_SHA256"

// tls13 is what demo shows.
func tls13(t testing.TB) (*script, *observe.Session) {
	s := newScript(t, iana.VersionTLS13).tap("127.0.0.1:51234", "127.0.0.1:8443", 100*time.Microsecond)
	s.after(310).send(c2s, clientHello(iana.GroupX25519MLKEM768, iana.GroupX25519))
	s.after(520).send(s2c, serverHello13(iana.GroupX25519MLKEM768, 1120)).chose(observe.WhatVersion, "TLS 1.3")
	s.keys(s2c, observe.EpochHandshake, "SERVER_HANDSHAKE_TRAFFIC_SECRET", suite13)
	s.keys(c2s, observe.EpochHandshake, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", suite13)
	s.ccs(s2c)
	s.sealed(s2c, &msg.EncryptedExtensions{
		Extensions: extensions(iana.ExtApplicationLayerProtocolNegotiation), ALPN: []msg.ProtocolName{msg.ProtocolName("http/1.1")},
	})
	s.sealed(s2c, chainOf(2)).add(s2c, &observe.Peer{Certificates: []observe.Certificate{localhost("server", "ECDSA P-256"), authority("server")}})
	s.sealed(s2c, &msg.CertificateVerify{Algorithm: iana.SchemeECDSASecp256r1SHA256, Signature: make([]byte, 71)})
	s.sealed(s2c, &msg.Finished{VerifyData: make([]byte, 32)})
	s.keys(s2c, observe.EpochApplication, "SERVER_TRAFFIC_SECRET_0", suite13)
	s.after(430).ccs(c2s).sealed(c2s, &msg.Finished{VerifyData: make([]byte, 32)})
	s.keys(c2s, observe.EpochApplication, "CLIENT_TRAFFIC_SECRET_0", suite13)
	s.after(60).data(c2s, 37, "GET / HTTP/1.1")
	s.after(90).sealed(s2c, &msg.NewSessionTicket{
		Lifetime: 7 * 86400, Nonce: make([]byte, 8), Ticket: make([]byte, 208), Extensions: extensions(),
	})
	s.after(40).data(s2c, 131, "HTTP/1.1 200 OK").data(s2c, 13, "")
	s.after(30).closeNotify(s2c).fin(s2c).after(80).closeNotify(c2s).fin(c2s)
	s.add(observe.Neither, &observe.FlowClosed{End: observe.EndFIN})
	return s, s.session(func(r *observe.Session) {
		finish13(r)
		r.Group, r.Suite.KeyExchange = "X25519MLKEM768", "ECDHE + ML-KEM"
		r.HTTP = []observe.HTTP{{Protocol: "HTTP/1.1", Method: "GET", Path: "/", Status: 200}}
	})
}

// finish13 fills in what a complete TLS 1.3 handshake comes to.
func finish13(r *observe.Session) {
	r.Version, r.CipherSuite, r.SignatureScheme = "TLS 1.3", suite13, "ecdsa_secp256r1_sha256"
	r.Group, r.ServerName, r.ALPN = "x25519", "localhost", "http/1.1"
	r.Suite = observe.SuiteParts{KeyExchange: "ECDHE", Authentication: "ECDSA", Cipher: "AES-128-GCM", Hash: "SHA-256"}
	r.ForwardSecret, r.ForwardSecretWhy = observe.Yes, "ephemeral_key_exchange"
	r.Complete, r.Decrypted = true, true
	r.RoundTrips = observe.RoundTrips{TCP: 1, TLS: 1}
}

// tls12 was captured with its packets, and renews no keys.
func tls12(t testing.TB) (*script, *observe.Session) {
	const suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
	s := newScript(t, iana.VersionTLS12).captured("192.0.2.7:51000", "198.51.100.20:443",
		observe.TCP{SYN: true, SYNACK: true, ACK: true, FIN: true, RTT: 11.4, Retransmissions: 1})
	hello := clientHello()
	hello.Extensions = extensions(iana.ExtServerName, iana.ExtSupportedGroups, iana.ExtSignatureAlgorithms,
		iana.ExtSessionTicket, iana.ExtExtendedMainSecret)
	s.after(11600).send(c2s, hello)
	s.after(11900).send(s2c, &msg.ServerHello{
		LegacyVersion: iana.VersionTLS12, CipherSuite: iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		Extensions: extensions(iana.ExtExtendedMainSecret, iana.ExtSessionTicket),
	}).chose(observe.WhatVersion, "TLS 1.2")
	leaf := localhost("server", "RSA 2048")
	leaf.Subject, leaf.Issuer, leaf.DNSNames = "CN=www.example.com", "C=US,O=Example Trust Services,CN=Example TLS RSA CA G4",
		[]string{"www.example.com", "example.com"}
	s.send(s2c, &msg.Certificate12{List: [][]byte{make([]byte, 900)}}).add(s2c, &observe.Peer{Certificates: []observe.Certificate{leaf}})
	s.send(s2c, &msg.ServerKeyExchange{
		CurveType: iana.CurveTypeNamedCurve, NamedCurve: iana.GroupX25519, Public: make([]byte, 32),
		Algorithm: iana.SchemeRSAPSSRSAESHA256, Signature: make([]byte, 256),
	})
	s.send(s2c, &msg.ServerHelloDone{})
	s.after(800).send(c2s, &msg.ClientKeyExchange{Public: make([]byte, 32)}).ccs(c2s)
	s.keys(c2s, observe.EpochApplication, "CLIENT_RANDOM", suite)
	s.sealed(c2s, &msg.Finished{VerifyData: make([]byte, 12)})
	s.after(12100).send(s2c, &msg.NewSessionTicket12{LifetimeHint: 7200, Ticket: make([]byte, 176)}).ccs(s2c)
	s.keys(s2c, observe.EpochApplication, "CLIENT_RANDOM", suite)
	s.sealed(s2c, &msg.Finished{VerifyData: make([]byte, 12)})
	s.after(700).data(c2s, 77, "GET /index.html HTTP/1.1")
	s.after(13000)
	for range 12 {
		s.after(20).data(s2c, 16384, "")
	}
	s.segment(s2c, observe.SegmentRetransmission, 5001, 640, 1448).segment(c2s, observe.SegmentLost, 700, 9000, 31)
	s.closeNotify(s2c).segment(s2c, observe.SegmentFIN, 199001, 640, 0).fin(s2c).after(400)
	s.segment(c2s, observe.SegmentRST, 640, 199002, 0).add(c2s, &observe.StreamEnded{How: observe.EndRST})
	s.add(observe.Neither, &observe.FlowClosed{End: observe.EndFIN})
	return s, s.session(func(r *observe.Session) {
		r.Version, r.CipherSuite, r.Group, r.SignatureScheme = "TLS 1.2", suite, "x25519", "rsa_pss_rsae_sha256"
		r.ServerName = "localhost"
		r.Suite = observe.SuiteParts{KeyExchange: "ECDHE", Authentication: "RSA", Cipher: "AES-128-GCM", Hash: "SHA-256"}
		r.ForwardSecret, r.ForwardSecretWhy = observe.Yes, "ephemeral_key_exchange"
		r.Complete, r.Decrypted = true, true
		r.RoundTrips = observe.RoundTrips{TCP: 1, TLS: 2}
		r.TCP.Gaps = 0
	})
}

// helloRetry has one round trip more, and a KeyUpdate later.
func helloRetry(t testing.TB) (*script, *observe.Session) {
	s := newScript(t, iana.VersionTLS13).tap("[2001:db8::7]:51000", "[2001:db8::1]:443", 0)
	s.after(200).send(c2s, clientHello(iana.GroupX25519))
	s.after(300).send(s2c, &msg.HelloRetryRequest{
		LegacyVersion: iana.VersionTLS12, Random: msg.HelloRetryRandom, SessionID: make([]byte, 32), CipherSuite: iana.TLS_AES_128_GCM_SHA256,
		Extensions:      extensions(iana.ExtSupportedVersions, iana.ExtKeyShare, iana.ExtCookie),
		SelectedVersion: iana.VersionTLS13, SelectedGroup: iana.GroupSecp256r1, Cookie: make([]byte, 64),
	}).chose(observe.WhatVersion, "TLS 1.3").ccs(s2c)
	second := clientHello(iana.GroupSecp256r1)
	second.Extensions.Order = append(second.Extensions.Order, msg.Extension{Type: iana.ExtCookie, Parsed: true})
	second.HRRCookie = make([]byte, 64)
	s.after(250).ccs(c2s).send(c2s, second)
	s.after(400).send(s2c, serverHello13(iana.GroupSecp256r1, 65))
	s.keys(s2c, observe.EpochHandshake, "SERVER_HANDSHAKE_TRAFFIC_SECRET", suite13)
	s.sealed(s2c, &msg.EncryptedExtensions{Extensions: extensions()}).sealed(s2c, chainOf(1))
	self := localhost("server", "Ed25519")
	self.Issuer = self.Subject
	s.add(s2c, &observe.Peer{Certificates: []observe.Certificate{self}})
	s.sealed(s2c, &msg.CertificateVerify{Algorithm: iana.SchemeEd25519, Signature: make([]byte, 64)})
	s.sealed(s2c, &msg.Finished{VerifyData: make([]byte, 32)})
	s.keys(c2s, observe.EpochHandshake, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", suite13)
	s.after(350).sealed(c2s, &msg.Finished{VerifyData: make([]byte, 32)})
	s.keys(c2s, observe.EpochApplication, "CLIENT_TRAFFIC_SECRET_0", suite13)
	s.data(c2s, 5, "ping").after(2_300_000).sealed(c2s, &msg.KeyUpdate{RequestUpdate: 1})
	s.add(c2s, &observe.KeysInstalled{Epoch: observe.EpochApplication, Secret: "CLIENT_TRAFFIC_SECRET_0", Generation: 1, CipherSuite: suite13})
	s.data(c2s, 5, "")
	s.after(100).add(s2c, &observe.StreamEnded{How: observe.EndRST})
	s.add(observe.Neither, &observe.FlowClosed{End: observe.EndRST})
	return s, s.session(func(r *observe.Session) {
		finish13(r)
		r.Group, r.HelloRetry, r.RoundTrips.TLS, r.SignatureScheme, r.ALPN = "secp256r1", true, 2, "ed25519", ""
		r.Suite.Authentication = "EdDSA"
	})
}

// mutual is refused after the handshake, as TLS 1.3 does it.
func mutual(t testing.TB) (*script, *observe.Session) {
	s := newScript(t, iana.VersionTLS13).tap("127.0.0.1:51234", "127.0.0.1:8443", 80*time.Microsecond)
	s.after(310).send(c2s, clientHello(iana.GroupX25519))
	s.after(520).send(s2c, serverHello13(iana.GroupX25519, 32)).chose(observe.WhatVersion, "TLS 1.3")
	s.keys(s2c, observe.EpochHandshake, "SERVER_HANDSHAKE_TRAFFIC_SECRET", suite13)
	s.sealed(s2c, &msg.EncryptedExtensions{Extensions: extensions()})
	s.sealed(s2c, &msg.CertificateRequest{
		Extensions:          extensions(iana.ExtSignatureAlgorithms, iana.ExtCertificateAuthorities),
		SignatureAlgorithms: []iana.SignatureScheme{iana.SchemeECDSASecp256r1SHA256, iana.SchemeEd25519},
		Authorities:         []msg.DistinguishedName{make([]byte, 40), make([]byte, 50)},
	})
	expired := localhost("server", "ECDSA P-256")
	expired.NotAfter = observe.Timestamp{Time: start.Add(-time.Minute)}
	s.sealed(s2c, chainOf(1)).add(s2c, &observe.Peer{Certificates: []observe.Certificate{expired}})
	s.sealed(s2c, &msg.CertificateVerify{Algorithm: iana.SchemeECDSASecp256r1SHA256, Signature: make([]byte, 71)})
	s.sealed(s2c, &msg.Finished{VerifyData: make([]byte, 32)})
	s.keys(c2s, observe.EpochHandshake, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", suite13)
	s.after(300).sealed(c2s, chainOf(0)).add(c2s, &observe.Peer{}).sealed(c2s, &msg.Finished{VerifyData: make([]byte, 32)})
	s.after(150).add(s2c, &observe.Alert{Level: "fatal", Description: "certificate_required", Code: 116, Encrypted: true, Opened: true}).fin(s2c)
	s.add(observe.Neither, &observe.FlowClosed{End: observe.EndFIN})
	return s, s.session(func(r *observe.Session) {
		finish13(r)
		r.ClientAuth, r.ALPN = true, ""
		r.Checks = []observe.Check{
			{What: "certificate_verify", From: "server", Result: "ok"},
			{What: "finished", From: "client", Result: "bad", Reason: "the value differs"},
		}
	})
}

// refused has nothing in common.
func refused(t testing.TB) (*script, *observe.Session) {
	s := newScript(t, iana.VersionTLS13).captured("10.0.0.2:51000", "10.0.0.1:443", observe.TCP{SYN: true, SYNACK: true, ACK: true, RTT: 0.31})
	hello := clientHello(iana.GroupX25519)
	hello.CipherSuites = []iana.CipherSuite{iana.TLS_CHACHA20_POLY1305_SHA256}
	s.after(500).send(c2s, hello)
	s.after(700).add(s2c, &observe.Alert{Level: "fatal", Description: "handshake_failure", Code: 40, Opened: true}).fin(s2c)
	s.after(200).fin(c2s).add(observe.Neither, &observe.FlowClosed{End: observe.EndFIN})
	return s, s.session(func(r *observe.Session) { r.ServerName = "localhost" })
}

// undecrypted is a capture without a key log.
func undecrypted(t testing.TB) (*script, *observe.Session) {
	s := newScript(t, iana.VersionTLS13).captured("10.0.0.2:51000", "10.0.0.1:443", observe.TCP{SYN: true, SYNACK: true, ACK: true, RTT: 0.31})
	s.after(500).send(c2s, clientHello(iana.GroupX25519))
	s.after(900).send(s2c, serverHello13(iana.GroupX25519, 32)).chose(observe.WhatVersion, "TLS 1.3").ccs(s2c)
	for _, n := range []int{27, 112, 337, 95, 53} {
		s.shut(s2c, n)
	}
	s.after(300).ccs(c2s).shut(c2s, 25).shut(c2s, 53)
	s.after(200).shut(s2c, 19).add(s2c, &observe.Finding{
		Code: "cannot_decrypt", Severity: observe.SeverityInfo, Where: "handshake records, SERVER_HANDSHAKE_TRAFFIC_SECRET", Text: "there is no secret of this connection",
	}).fin(s2c)
	s.add(observe.Neither, &observe.FlowClosed{End: observe.EndFIN})
	return s, s.session(func(r *observe.Session) {
		r.Version, r.CipherSuite, r.Group, r.ServerName = "TLS 1.3", suite13, "x25519", "localhost"
		r.Suite = observe.SuiteParts{KeyExchange: "ECDHE", Cipher: "AES-128-GCM", Hash: "SHA-256"}
		r.ForwardSecret, r.ForwardSecretWhy = observe.Yes, "ephemeral_key_exchange"
		r.DecryptError = observe.DecryptNoSecret
	})
}

// halfOpen is a server that never answers.
func halfOpen(t testing.TB) (*script, *observe.Session) {
	s := newScript(t, iana.VersionTLS13).captured("10.0.0.2:51000", "10.0.0.1:443", observe.TCP{SYN: true, SYNACK: true, ACK: true, RTT: 0.31})
	s.after(500).send(c2s, clientHello(iana.GroupX25519))
	s.after(30_000_000).add(observe.Neither, &observe.FlowClosed{End: observe.EndInput})
	return s, s.session(func(r *observe.Session) { r.ServerName = "localhost" })
}

// plain has no TLS.
func plain(t testing.TB) (*script, *observe.Session) {
	s := newScript(t, 0).captured("10.0.0.2:51000", "10.0.0.1:80", observe.TCP{SYN: true, SYNACK: true, ACK: true, RTT: 0.31})
	s.after(400).add(c2s, &observe.NotTLS{Length: 77, Line: "GET / HTTP/1.1"})
	s.after(800).add(s2c, &observe.NotTLS{Length: 1448, Line: "HTTP/1.1 200 OK"}).add(s2c, &observe.NotTLS{Length: 1000})
	s.fin(s2c).after(100).fin(c2s).add(observe.Neither, &observe.FlowClosed{End: observe.EndFIN})
	return s, s.session(func(r *observe.Session) {
		r.HTTP = []observe.HTTP{{Protocol: "HTTP/1.1", Method: "GET", Path: "/", Status: 200}}
	})
}

// damaged begins mid-connection, has holes, and tries to paint the terminal.
func damaged(t testing.TB) (*script, *observe.Session) {
	s := newScript(t, iana.VersionTLS12).captured("", "", observe.TCP{})
	s.add(s2c, &observe.Gap{Length: 1448, Reason: observe.GapLost})
	s.add(c2s, &observe.Message{Type: observe.TypeEncryptedHandshake, Length: 40, Encrypted: true})
	s.after(100).add(s2c, &observe.Alert{Encrypted: true})
	s.add(s2c, &observe.NotTLS{Length: 4, Line: "a\x1b[2Jb\u202ec"})
	s.after(50).add(c2s, &observe.Finding{
		Code: "malformed", Severity: observe.SeverityError, Where: "client_hello.key_share",
		Text: "65 bytes declared, 12 left, at offset 212", Ref: "RFC 9846 §4.3.8",
	})
	s.add(c2s, &observe.Gap{Length: 300_000, Reason: observe.GapHeld})
	s.add(s2c, &observe.Gap{Length: 20_000_000, Reason: observe.GapSkip})
	s.add(observe.Neither, &observe.FlowClosed{End: observe.EndEvicted})
	return s, s.session(func(r *observe.Session) {
		r.DecryptError = observe.DecryptNoHello
		r.Truncated = []string{"messages"}
	})
}

// looks is the forms in which a conversation is drawn: the most telling ones, not all.
var looks = []struct {
	name          string
	conversations []string // nil: all
	options       Options
	write         func(*bytes.Buffer, []Line) error
}{
	{"100", nil, Options{Width: 100}, plainText},
	{"80", []string{"tls13", "tls12", "undecrypted", "damaged"}, Options{Width: 80}, plainText},
	{"120", []string{"tls13", "tls12"}, Options{Width: 200}, plainText},
	{"40", []string{"tls13", "refused", "half_open", "damaged"}, Options{Width: 40}, plainText},
	{"100.ja", nil, Options{Width: 100, Words: explain.For(explain.Japanese)}, plainText},
	{"40.ja", []string{"tls13"}, Options{Width: 40, Words: explain.For(explain.Japanese)}, plainText},
	{"100.ansi", []string{"tls13", "refused"}, Options{Width: 100}, coloured},
	{"80.ascii", []string{"tls13", "undecrypted", "hello_retry"}, Options{Width: 80, ASCII: true}, plainText},
	{"80.wide.ja", []string{"refused"}, Options{Width: 80, WideAmbiguous: true, Words: explain.For(explain.Japanese)}, plainText},
}

func plainText(b *bytes.Buffer, lines []Line) error { return WritePlain(b, lines) }
func coloured(b *bytes.Buffer, lines []Line) error  { return WriteANSI(b, lines) }

func TestGolden(t *testing.T) {
	for _, look := range looks {
		for name, conversation := range conversations {
			if look.conversations != nil && !contains(look.conversations, name) {
				continue
			}
			t.Run(name+"."+look.name, func(t *testing.T) {
				s, session := conversation(t)
				l := New(look.options)
				for _, e := range s.events {
					l.Add(e)
				}
				var got bytes.Buffer
				if err := look.write(&got, l.Lines(session)); err != nil {
					t.Fatal(err)
				}
				golden(t, filepath.Join("testdata", name+"."+look.name+".golden"), got.Bytes())
			})
		}
	}
}

func contains(list []string, wanted string) bool {
	for _, s := range list {
		if s == wanted {
			return true
		}
	}
	return false
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); go test -update writes it anew:\n%s", file, diff)
	}
}

// TestEveryLabelHasWords looks at the tables: what they name must be in the catalogue.
func TestEveryLabelHasWords(t *testing.T) {
	words := explain.For(explain.English)
	for message, fields := range fieldTable {
		for _, f := range fields {
			if id := "ladder.label." + f.label; !words.Has(id) {
				t.Errorf("%s: no text for %s", message, id)
			}
			for _, id := range f.ids {
				if !strings.HasPrefix(id, message+".") {
					t.Errorf("%s: the field %s belongs to another message", message, id)
				}
			}
		}
	}
	for _, row := range summaryTable {
		if id := "summary.label." + row.label; !words.Has(id) {
			t.Errorf("no text for %s", id)
		}
	}
}

// TestNoIDShows draws everything and looks for ids that should have been words.
func TestNoIDShows(t *testing.T) {
	unworded := regexp.MustCompile(`\b(ladder|summary|forward_secret|decrypt)\.[a-z]`)
	for name, conversation := range conversations {
		s, session := conversation(t)
		for _, line := range drawn(Options{Width: 100}, s, session) {
			if id := unworded.FindString(line.String()); id != "" {
				t.Errorf("%s shows %s…", name, id)
			}
		}
	}
}

func drawn(o Options, s *script, session *observe.Session) []Line {
	l := New(o)
	for _, e := range s.events {
		l.Add(e)
	}
	return l.Lines(session)
}

// TestWidth draws everything in every width: no line may be wider, and all lines of the
// ladder proper are equally wide.
func TestWidth(t *testing.T) {
	for name, conversation := range conversations {
		s, session := conversation(t)
		for _, lang := range explain.Languages() {
			for width := 20; width <= 130; width++ {
				r := newRuler(false)
				limit := min(max(width, leastWidth), mostWidth)
				for _, line := range drawn(Options{Width: width, Words: explain.For(lang)}, s, session) {
					n := r.StringWidth(line.String())
					if n > limit {
						t.Fatalf("%s in %d columns, %s: a line of %d:\n%s", name, width, lang, n, line)
					}
					if strings.HasSuffix(line.String(), "│") && n != limit {
						t.Fatalf("%s in %d columns, %s: the right lifeline is at %d:\n%s", name, width, lang, n, line)
					}
				}
			}
		}
	}
}

// TestFieldIDs decodes the messages of all conversations: every id in fieldTable must be the
// id of some field, or its row would never show.
func TestFieldIDs(t *testing.T) {
	known := make(map[string]bool)
	for _, conversation := range conversations {
		s, _ := conversation(t)
		s.rare()
		for _, e := range s.events {
			if m, ok := e.Body.(*observe.Message); ok {
				for _, f := range m.Fields() {
					known[f.ID] = true
				}
			}
		}
	}
	for _, fields := range fieldTable {
		for _, f := range fields {
			for _, id := range f.ids {
				if !known[id] {
					t.Errorf("no message here has a field %s", id)
				}
			}
		}
	}
}

func TestRunsAreFolded(t *testing.T) {
	s := newScript(t, iana.VersionTLS13)
	s.data(c2s, 10, "one").data(c2s, 20, "").data(s2c, 5, "").data(c2s, 1, "").data(c2s, 1, "")
	s.add(c2s, &observe.ApplicationData{Length: 7, Early: true})
	l := New(Options{})
	for _, e := range s.events {
		l.Add(e)
	}
	var got []string
	for _, st := range l.fold.steps() {
		got = append(got, st.dir.From()+" "+st.title.String()+" "+st.size)
	}
	want := []string{
		"client application data\u00a0· 2 records 30\u00a0B",
		"server application data 5\u00a0B",
		"client application data\u00a0· 2 records 2\u00a0B",
		"client early data (0-RTT) 7\u00a0B",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// TestDataIsText has each run of application data show how it begins, where that is text, and HTTP what it says instead.
func TestDataIsText(t *testing.T) {
	s := newScript(t, iana.VersionTLS13)
	text := func(d observe.Dir, line, data string) {
		s.add(d, &observe.ApplicationData{Length: len(data), Line: line, Data: []byte(data)})
	}
	text(c2s, "EHLO me", "EHLO me\r\n")
	text(s2c, "250-you", "250-you\r\n250 HELP\r\n")
	text(c2s, "", "NOOP\r\n")
	text(s2c, "", "\x00\x01binary")
	text(c2s, "", "1\n2\n3\n4\n5\n")
	text(s2c, "", "HTTP/1.1 200 OK\r\n\r\nbody")
	s.add(s2c, &observe.HTTPHead{Protocol: "HTTP/1.1", Status: 200, Encrypted: true})
	s.add(s2c, &observe.HTTPBody{Data: []byte("body"), Encrypted: true})
	text(c2s, "", "GET / HTTP/1.1")
	l := New(Options{})
	for _, e := range s.events {
		l.Add(e)
	}
	var got []string
	for _, st := range l.fold.steps() {
		for _, d := range st.more {
			got = append(got, st.dir.From()+": "+d.text.String())
		}
	}
	want := []string{
		"client: EHLO me", "server: 250-you", "server: 250 HELP", "client: NOOP",
		"client: 1", "client: 2", "client: 3", "client: 4", "client: …",
		"server: HTTP/1.1 200", "server: body",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is shown (-want +got):\n%s", diff)
	}
}

// TestOrderOfTime lets the client's direction run ahead, as it does while the server's waits
// for keys, and a key be known later than the record that it opens was seen.
func TestOrderOfTime(t *testing.T) {
	l := New(Options{})
	at := func(ms int, seq uint64, d observe.Dir, body observe.Body) {
		l.Add(observe.Event{Seq: seq, Time: start.Add(time.Duration(ms) * time.Millisecond), Dir: d, Body: body})
	}
	named := func(name string) *observe.Message { return &observe.Message{Type: name} }
	at(1, 0, c2s, named("c1"))
	at(4, 1, c2s, named("c4"))
	at(6, 2, c2s, named("c6"))
	at(7, 3, s2c, named("s7, the key of s2"))
	at(2, 4, s2c, named("s2"))
	at(5, 5, s2c, named("s5"))
	var got []string
	for _, st := range l.fold.steps() {
		got = append(got, st.title.String())
	}
	want := []string{"c1", "s7, the key of s2", "s2", "c4", "s5", "c6"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestStepsAreBounded(t *testing.T) {
	l := New(Options{})
	for i := range stepLimit + 500 {
		d := c2s
		if i%2 == 1 {
			d = s2c
		}
		l.Add(observe.Event{Seq: uint64(i), Time: start, Dir: d, Body: &observe.ApplicationData{Length: 1}})
	}
	steps := l.fold.steps()
	if got, want := len(steps), stepLimit+1; got != want {
		t.Fatalf("got %d steps, want %d", got, want)
	}
	if got, want := steps[stepLimit].title.String(), "500 more, not shown"; got != want {
		t.Errorf("got %q at the end, want %q", got, want)
	}
}

func TestUnknownEventsAreSkipped(t *testing.T) {
	l := New(Options{})
	l.Add(observe.Event{Time: start, Body: novelty{}})
	if got := len(l.fold.steps()); got != 0 {
		t.Errorf("got %d steps, want none", got)
	}
}

type novelty struct{}

func (novelty) Kind() observe.Kind { return "novelty" }
