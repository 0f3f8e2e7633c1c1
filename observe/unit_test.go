package observe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/google/go-cmp/cmp"
)

func TestPartsOf(t *testing.T) {
	for _, row := range []struct {
		suite   iana.CipherSuite
		want    SuiteParts
		forward Answer
		form    msg.KeyExchange
	}{
		{iana.TLS_AES_128_GCM_SHA256, SuiteParts{"", "", "AES-128-GCM", "SHA-256"}, "", 0},
		{iana.TLS_CHACHA20_POLY1305_SHA256, SuiteParts{"", "", "CHACHA20-POLY1305", "SHA-256"}, "", 0},
		{iana.TLS_AES_128_CCM_8_SHA256, SuiteParts{"", "", "AES-128-CCM-8", "SHA-256"}, "", 0},
		{iana.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, SuiteParts{"ECDHE", "RSA", "AES-256-GCM", "SHA-384"}, Yes, msg.KeyExchangeECDHE},
		{iana.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, SuiteParts{"ECDHE", "ECDSA", "AES-128-CCM-8", "SHA-256"}, Yes, msg.KeyExchangeECDHE},
		{iana.TLS_RSA_WITH_AES_128_CBC_SHA, SuiteParts{"RSA", "RSA", "AES-128-CBC", "SHA-1"}, No, msg.KeyExchangeRSA},
		{iana.TLS_RSA_EXPORT_WITH_RC4_40_MD5, SuiteParts{"RSA", "RSA", "RC4-40", "MD5"}, No, msg.KeyExchangeRSA},
		{iana.TLS_DH_anon_WITH_AES_128_GCM_SHA256, SuiteParts{"DHE", "anonymous", "AES-128-GCM", "SHA-256"}, Yes, msg.KeyExchangeDHAnon},
		{iana.TLS_DH_RSA_WITH_AES_128_CBC_SHA, SuiteParts{"DH", "RSA", "AES-128-CBC", "SHA-1"}, No, 0},
		{iana.TLS_DHE_PSK_WITH_AES_128_GCM_SHA256, SuiteParts{"DHE", "PSK", "AES-128-GCM", "SHA-256"}, Yes, msg.KeyExchangeDHEPSK},
		{iana.TLS_PSK_WITH_AES_128_GCM_SHA256, SuiteParts{"PSK", "PSK", "AES-128-GCM", "SHA-256"}, No, msg.KeyExchangePSK},
		{iana.CipherSuite(0x9999), SuiteParts{"", "", "0x9999", "SHA-256"}, "", 0},
	} {
		x, got := partsOf(row.suite.String())
		if got != row.want || x.forwardSecret != row.forward || x.form != row.form {
			t.Errorf("%v: got %+v, %s, form %d, want %+v, %s, form %d", row.suite, got, x.forwardSecret, x.form, row.want, row.forward, row.form)
		}
	}
}

// Every suite with a key exchange in its name has one that is known, but for those that no
// RFC for TLS has.
func TestExchangesAreComplete(t *testing.T) {
	for _, id := range iana.All[iana.CipherSuite]() {
		name := id.String()
		if x, _ := partsOf(name); x.keyExchange == "" && strings.Contains(name, "_WITH_") &&
			!strings.Contains(name, "GOST") && !strings.Contains(name, "FORTEZZA") {
			t.Errorf("%s: got no key exchange", name)
		}
	}
}

func TestGroupsAndSchemes(t *testing.T) {
	for id, want := range map[iana.NamedGroup]string{
		iana.GroupX25519: "ECDHE", iana.GroupX448: "ECDHE", iana.GroupFFDHE2048: "DHE", iana.GroupX25519MLKEM768: "ECDHE + ML-KEM",
		iana.GroupSecP256r1MLKEM768: "ECDHE + ML-KEM", iana.GroupMLKEM768: "ML-KEM",
	} {
		if got := groupExchange(id); got != want {
			t.Errorf("%v: got %s, want %s", id, got, want)
		}
	}
	for id, want := range map[iana.SignatureScheme]string{
		iana.SchemeRSAPSSRSAESHA256: "RSA", iana.SchemeECDSASecp256r1SHA256: "ECDSA", iana.SchemeEd25519: "EdDSA", iana.SchemeEd448: "EdDSA",
		iana.SignatureScheme(0x9999): "",
	} {
		if got := schemeAuth(id.String()); got != want {
			t.Errorf("%v: got %q, want %q", id, got, want)
		}
	}
}

func TestFieldText(t *testing.T) {
	for _, row := range []struct {
		id   string
		v    any
		want string
	}{
		{"client_hello.cipher_suites.cipher_suite", iana.TLS_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256"},
		{"client_hello.legacy_version", iana.VersionTLS12, "TLS 1.2"},
		{"client_hello.random", []byte{1, 0xab}, "01ab"},
		{"client_hello.server_name.server_name_list.host_name", []byte("example.com"), `"example.com"`},
		{"client_hello.application_layer_protocol_negotiation.protocol_name_list.protocol_name", msg.ProtocolName("h\x1b2"), `"h\x1b2"`},
		{"client_hello.psk_key_exchange_modes.ke_modes", []byte{1, 0}, "psk_dhe_ke, psk_ke"},
		{"client_hello.legacy_compression_methods", []byte{0}, "null"},
		{"key_update.request_update", uint8(1), "update_requested"},
		{"new_session_ticket.ticket_lifetime", uint32(7200), "7200"},
		{"client_hello.record_size_limit", uint16(16385), "16385"},
	} {
		if got := fieldText(row.id, row.v); got != row.want {
			t.Errorf("%s: got %s, want %s", row.id, got, row.want)
		}
	}
}

// The fields of a message cover it, and their values are plain types.
func TestFields(t *testing.T) {
	f := newForge(t, iana.VersionTLS13, iana.TLS_AES_128_GCM_SHA256)
	f.messages(ClientToServer, f.clientHello())
	var m *Message
	for _, e := range f.events {
		if b, ok := e.Body.(*Message); ok {
			m = b
		}
	}
	at := 0
	fields := m.Fields()
	for _, x := range fields {
		if !x.Leaf {
			if x.Value != nil || x.Text != "" {
				t.Errorf("%s: got value %v of a group", x.Path, x.Value)
			}
			continue
		}
		if x.Start != at {
			t.Errorf("%s begins at %d, want %d", x.Path, x.Start, at)
		}
		at = x.End
		switch x.Value.(type) {
		case uint64, []byte:
		default:
			t.Errorf("%s: got a value of type %T", x.Path, x.Value)
		}
	}
	if at != len(m.Raw) {
		t.Errorf("the fields end at %d, want %d", at, len(m.Raw))
	}
	if got := Texts(fields, "client_hello.supported_versions.versions.version"); !cmp.Equal(got, []string{"TLS 1.3"}) {
		t.Errorf("got %v, want TLS 1.3", got)
	}
	if got := Text(fields, "client_hello.key_share.client_shares.group"); got != "x25519" {
		t.Errorf("got %s, want x25519", got)
	}
	if got := (&Message{Type: TypeEncryptedHandshake}).Fields(); got != nil {
		t.Errorf("got fields %v of a message that was not opened", got)
	}
}

func TestFirstLine(t *testing.T) {
	for in, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: x": "GET / HTTP/1.1",
		"a\tb\nc":                   "a\tb",
		"no end":                    "no end",
		"\x1b[2J":                   "",
		"caf\xc3\xa9":               "",
		"":                          "",
		strings.Repeat("a", 500):    strings.Repeat("a", lineMax),
	} {
		if got := firstLine([]byte(in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestCertificates(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a", Organization: []string{"o"}},
		DNSNames: []string{"a.example"}, NotBefore: from, NotAfter: from.AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	got := newCertificate("server", der)
	want := Certificate{
		From: "server", Subject: "CN=a,O=o", Issuer: "CN=a,O=o", NotBefore: Timestamp{from}, NotAfter: Timestamp{from.AddDate(1, 0, 0)},
		DNSNames: []string{"a.example"}, Key: "ECDSA P-384", SignatureAlgorithm: "ecdsa-with-SHA384", SHA256: got.SHA256, DER: der,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := newCertificate("server", []byte("no DER")); got.Subject != "" || len(got.SHA256) != 64 {
		t.Errorf("got %+v of what does not parse, want its hash", got)
	}
}

func TestJSONOfTimes(t *testing.T) {
	berlin := time.FixedZone("", 3600)
	for _, row := range []struct {
		v    any
		want string
	}{
		{Timestamp{time.Date(2026, 11, 20, 11, 0, 0, 123000, berlin)}, `"2026-11-20T10:00:00.000123Z"`},
		{Timestamp{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, `""`},
		{Milliseconds(1234567 * time.Nanosecond), `1.2346`},
		{Milliseconds(100 * time.Microsecond), `0.1`},
		{Milliseconds(0), `0`},
	} {
		got, err := json.Marshal(row.v)
		if err != nil || string(got) != row.want {
			t.Errorf("%v: got %s, %v, want %s", row.v, got, err, row.want)
		}
	}
}

// A key log may be written in pieces of any size, and its bad lines are passed over.
func TestKeysWrite(t *testing.T) {
	var random [32]byte
	random[0] = 7
	log := "# comment\r\nno line\n" + fmt.Sprintf("CLIENT_RANDOM %x %096x\n", random, 1) + fmt.Sprintf("EXPORTER_SECRET %x %064x\n", random, 2)
	for size := 1; size <= len(log); size += 13 {
		k := NewKeys()
		for at := 0; at < len(log); at += size {
			if n, err := k.Write([]byte(log[at:min(at+size, len(log))])); err != nil || n == 0 {
				t.Fatalf("got %d, %v", n, err)
			}
		}
		for _, label := range []string{"CLIENT_RANDOM", "EXPORTER_SECRET"} {
			if got := len(k.find([][32]byte{random}, label)); got != 1 {
				t.Errorf("in pieces of %d: got %d secrets of label %s, want 1", size, got, label)
			}
		}
	}
}

// What connections leave behind in Keys is bounded.
func TestKeysForget(t *testing.T) {
	k := NewKeys()
	for i := range 10 {
		c := New(Options{Keys: k})
		f := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
		f.conn, f.random[3] = c, byte(i)
		f.handshake12()
		if len(k.watching) != 1 {
			t.Errorf("got %d client randoms watched, want 1", len(k.watching))
		}
		c.Close(At{}, EndInput, TCP{})
	}
	if len(k.watching) != 0 {
		t.Errorf("got %d client randoms watched after the end, want none", len(k.watching))
	}
	for i := range 2 * sessionsLimit {
		k.remember(fmt.Appendf(nil, "session %d", i), [32]byte{})
	}
	if len(k.sessions) != sessionsLimit || len(k.order) != sessionsLimit {
		t.Errorf("got %d sessions remembered, want %d", len(k.sessions), sessionsLimit)
	}
}

// A session of TLS 1.2 is resumed, and its secret stands in the key log once.
func TestResumedWithoutItsOwnSecret(t *testing.T) {
	k := NewKeys()
	first := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	second := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	sink := second.conn.opts.Sink
	first.conn, second.conn = New(Options{Keys: k}), New(Options{Keys: k, Sink: sink})
	hello := first.serverHello()
	hello.SessionID = []byte("the session")
	first.messages(ClientToServer, first.clientHello())
	first.messages(ServerToClient, hello, &msg.ServerHelloDone{})
	first.traffic12(ServerToClient)
	first.done()

	second.random[5], second.mute = 9, true
	resuming := second.clientHello()
	resuming.SessionID = hello.SessionID
	second.messages(ClientToServer, resuming)
	second.messages(ServerToClient, hello)
	second.traffic12(ServerToClient)
	second.messages(ServerToClient, &msg.Finished{VerifyData: make([]byte, 12)})
	s := second.done()
	second.want(ServerToClient, "ServerHello | Finished")
	if !s.Resumed || s.DecryptError != "" {
		t.Errorf("got resumed %v, error %q, want true and none", s.Resumed, s.DecryptError)
	}
}

// TestSegmentsWait requires segments to come after the records before them, also where those are held for want of a key.
func TestSegmentsWait(t *testing.T) {
	f := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	f.mute = true
	f.handshake12()
	f.conn.Segment(ClientToServer, f.at(), Segment{What: SegmentZeroWindow})
	f.data(ClientToServer, "held")
	f.conn.Segment(ServerToClient, f.at(), Segment{What: SegmentFIN})
	f.conn.EndOfStream(ServerToClient, f.at(), EndFIN)
	f.conn.Segment(ServerToClient, f.at(), Segment{What: SegmentRST})
	f.done()
	var got []string
	for _, e := range f.events {
		switch b := e.Body.(type) {
		case *Segment:
			got = append(got, string(b.What))
		case *Record:
			got = append(got, b.Type)
		}
	}
	want := []string{
		"handshake", "handshake", "handshake", "change_cipher_spec", "change_cipher_spec", "handshake", "handshake",
		"zero_window", "application_data", "fin", "rst",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestSegments requires segments to come after FlowOpened, those of a FIN after the bytes before it, and
// all with the right direction where the caller had the ends the wrong way round.
func TestSegments(t *testing.T) {
	var got []string
	c := New(Options{Client: "a", Server: "b", RolesGuessed: true, Sink: func(e Event) {
		text := string(e.Kind())
		if s, ok := e.Body.(*Segment); ok {
			text = e.Dir.From() + " " + string(s.What)
		}
		if text != "record" && text != "finding" && text != "fingerprint" {
			got = append(got, text)
		}
	}})
	at := At{Frame: 1}
	c.Segment(ServerToClient, at, Segment{What: SegmentSYN})
	c.Segment(ClientToServer, at, Segment{What: SegmentSYNACK})
	c.Segment(ServerToClient, at, Segment{What: SegmentFIN}) // comes before its bytes can be judged
	c.Feed(ServerToClient, at, []byte{22, 3, 1, 0, 5, 1, 0, 0, 1, 0})
	c.Segment(ServerToClient, at, Segment{What: SegmentRetransmission})
	c.EndOfStream(ServerToClient, at, EndFIN)
	c.Segment(ClientToServer, at, Segment{What: SegmentRST})
	c.Close(at, EndRST, TCP{})
	want := []string{
		"flow_opened", "client syn", "server syn_ack", "message", "client fin", "stream_ended", "client retransmission",
		"server rst", "stream_ended", "flow_closed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
