package order

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/rfc8448"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestFigures compares what is drawn with testdata.
func TestFigures(t *testing.T) {
	golden(t, "testdata/tls13.txt", Draw(iana.VersionTLS13))
	golden(t, "testdata/tls12.txt", Draw(iana.VersionTLS12))
	golden(t, "testdata/extensions.txt", DrawExtensions())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", name, diff)
	}
}

func TestOf(t *testing.T) {
	for _, test := range []struct {
		m          msg.Message
		name, text string
	}{
		{&msg.ServerHello{}, "server_hello", "ServerHello"},
		{&msg.HelloRetryRequest{}, "hello_retry_request", "HelloRetryRequest"},
		{&msg.Certificate{}, "certificate", "Certificate"},
		{&msg.Certificate12{}, "certificate", "Certificate"},
		{&msg.Unknown{MsgType: 0x7f}, "0x7f", "0x7f"},
	} {
		m := Of(test.m)
		if m.Name() != test.name || m.String() != test.text {
			t.Errorf("%T: got %s, %s, want %s, %s", test.m, m.Name(), m, test.name, test.text)
		}
	}
	for m, want := range map[Message]string{ChangeCipherSpec: "change_cipher_spec", ApplicationData: "application_data"} {
		if got := m.Name(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got, want := fmt.Sprint(Client, Server, Client.Peer(), Server.Peer()), "client server server client"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// said is a message of one end.
type said struct {
	from Side
	what Message
}

// abbreviations of the messages in the tests' conversations.
var abbreviations = map[string]Message{
	"CH": ClientHello, "SH": ServerHello, "HRR": HelloRetryRequest, "EE": EncryptedExtensions,
	"CR": CertificateRequest, "CT": Certificate, "CC": CompressedCertificate, "CV": CertificateVerify,
	"F": Finished, "EOED": EndOfEarlyData, "NST": NewSessionTicket, "KU": KeyUpdate, "CCS": ChangeCipherSpec,
	"AD": ApplicationData, "HR": HelloRequest, "SKE": ServerKeyExchange, "SHD": ServerHelloDone,
	"CKE": ClientKeyExchange, "CS": CertificateStatus, "CU": CertificateURL, "SD": SupplementalData, "NP": NextProtocol,
}

// talk reads a conversation: abbreviations, the client's behind >, the server's behind <.
func talk(s string) (all []said) {
	from := Client
	for _, word := range strings.Fields(s) {
		switch word {
		case ">":
			from = Client
		case "<":
			from = Server
		default:
			m, ok := abbreviations[word]
			if !ok {
				panic("no message is abbreviated " + word)
			}
			all = append(all, said{from, m})
		}
	}
	return all
}

// conversations is legal, complete handshakes.
var conversations = []struct {
	name    string
	version iana.Version
	text    string
}{
	{"1.3", iana.VersionTLS13, "> CH < SH EE CT CV F > F"},
	{"1.3 as crypto/tls does it", iana.VersionTLS13, "> CH < SH CCS EE CT CV F > CCS F < NST AD > AD"},
	{"1.3, draft", iana.VersionTLS13Draft23, "> CH < SH EE CT CV F > F"},
	{"1.3 with a retry", iana.VersionTLS13, "> CH < HRR CCS > CCS CH < SH EE CT CV F > F"},
	{"1.3 with a client certificate", iana.VersionTLS13, "> CH < SH EE CR CT CV F > CT CV F"},
	{"1.3 without the certificate that was asked for", iana.VersionTLS13, "> CH < SH EE CR CT CV F > CT F"},
	{"1.3 with compressed certificates", iana.VersionTLS13, "> CH < SH EE CR CC CV F > CC CV F"},
	{"1.3 resumed", iana.VersionTLS13, "> CH < SH EE F > F < NST NST"},
	{"1.3 with early data", iana.VersionTLS13, "> CH CCS AD AD < SH CCS EE F AD NST > EOED F AD"},
	{"1.3 with key updates", iana.VersionTLS13, "> CH < SH EE CT CV F > F KU AD < KU AD KU > KU"},
	{"1.3 with a late client certificate", iana.VersionTLS13, "> CH < SH EE CT CV F > F AD < CR NST > CT CV F < KU CR > CT F"},
	{"1.2", iana.VersionTLS12, "> CH < SH CT SKE SHD > CKE CCS F < CCS F > AD < AD"},
	{"1.2 with RSA", iana.VersionTLS12, "> CH < SH CT SHD > CKE CCS F < CCS F"},
	{"1.2 without certificates", iana.VersionTLS12, "> CH < SH SKE SHD > CKE CCS F < CCS F"},
	{"1.2 with a PSK without a hint", iana.VersionTLS12, "> CH < SH SHD > CKE CCS F < CCS F"},
	{"1.2 with a ticket and OCSP", iana.VersionTLS12, "> CH < SH CT CS SKE SHD > CKE CCS F < NST CCS F"},
	{"1.2 with a client certificate", iana.VersionTLS12, "> CH < SH CT SKE CR SHD > CT CKE CV CCS F < CCS F"},
	{"1.2 without the certificate that was asked for", iana.VersionTLS12, "> CH < SH CT SKE CR SHD > CT CKE CCS F < CCS F"},
	{"1.2 with the place of a certificate", iana.VersionTLS12, "> CH < SH CT SKE CR SHD > CU CKE CV CCS F < CCS F"},
	{"1.2 with supplemental data and next protocol", iana.VersionTLS12, "> CH < SH SD CT SKE SHD > SD CKE CCS NP F < CCS F"},
	{"1.2 resumed", iana.VersionTLS12, "> CH < SH CCS F > CCS F"},
	{"1.2 resumed with a new ticket", iana.VersionTLS12, "> CH < SH NST CCS F > CCS NP F"},
	{"1.2 renegotiated", iana.VersionTLS12, "> CH < SH CT SKE SHD > CKE CCS F < CCS F AD HR > CH < SH CT SKE CR SHD > CT CKE CV CCS F < CCS F > CH < SH CCS F > CCS F"},
	{"1.0", iana.VersionTLS10, "> CH < HR SH CT SKE SHD > CKE CCS F < CCS F"},
}

// TestConversations: each is legal, in whatever order the two directions are seen, whether the
// version is known or not, and from any point on.
func TestConversations(t *testing.T) {
	for i, test := range conversations {
		t.Run(test.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			all := talk(test.text)
			for n := range 100 {
				tr := NewTracker()
				known := random.IntN(len(all) + 1)
				for i, s := range all {
					if i == known {
						tr.Version(test.version)
					}
					if err := tr.Next(s.from, s.what); err != nil {
						t.Fatalf("%v: %v", all[:i+1], err)
					}
				}
				if !tr.Complete() {
					t.Errorf("%v: got not complete", all)
				}
				if n > 0 { // the first time in the order of the text
					all = shuffle(random, all)
				}
			}
			for start := range all {
				tr := NewTracker()
				tr.Resume()
				for _, s := range all[start:] {
					if err := tr.Next(s.from, s.what); err != nil {
						t.Fatalf("from message %d on: %v", start, err)
					}
				}
				if tr.Complete() {
					t.Errorf("from message %d on: got complete, which cannot be known", start)
				}
			}
		})
	}
}

// TestTraces: the handshakes of RFC 8448 are legal and complete.
func TestTraces(t *testing.T) {
	for _, section := range rfc8448.Handshakes {
		tr := NewTracker()
		for _, step := range rfc8448.Section(section) {
			for name, raw := range step.Values {
				if !strings.HasPrefix(step.Action, "construct a") || !strings.Contains(step.Action, name) {
					continue
				}
				from := map[string]Side{"client": Client, "server": Server}[step.Side]
				what := Message(raw[0])
				if what == ServerHello && bytes.Contains(raw, msg.HelloRetryRandom[:]) {
					what = HelloRetryRequest
				}
				if err := tr.Next(from, what); err != nil {
					t.Errorf("§%s: %v", section, err)
				}
			}
		}
		if !tr.Complete() {
			t.Errorf("§%s: got not complete", section)
		}
	}
}

// shuffle makes another order of the two directions, keeping that within each.
func shuffle(random *rand.Rand, all []said) (mixed []said) {
	var sides [2][]said
	for _, s := range all {
		sides[s.from] = append(sides[s.from], s)
	}
	for len(mixed) < len(all) {
		from := random.IntN(2)
		if len(sides[from]) > 0 {
			mixed = append(mixed, sides[from][0])
			sides[from] = sides[from][1:]
		}
	}
	return mixed
}

// violations is conversations that go wrong at their last message, or at the one in front of
// a bar, after which they go on rightly.
var violations = []struct {
	name    string
	version iana.Version
	text    string
	want    string
}{
	{
		"begins with nothing", iana.VersionTLS13, "> F",
		"Finished from the client, where ClientHello was expected (RFC 9846 §4)",
	},
	{
		"1.3 without EncryptedExtensions", iana.VersionTLS13, "> CH < SH CT | CV F > F",
		"Certificate from the server, where EncryptedExtensions was expected (RFC 9846 §4)",
	},
	{
		"1.3 without CertificateVerify", iana.VersionTLS13, "> CH < SH EE CT F | > F",
		"Finished from the server, where CertificateVerify was expected (RFC 9846 §4)",
	},
	{
		"1.3 with two retries", iana.VersionTLS13, "> CH < HRR > CH < HRR",
		"HelloRetryRequest from the server, where ServerHello was expected (RFC 9846 §4)",
	},
	{
		"1.3 with a hello too many", iana.VersionTLS13, "> CH < SH > CH",
		"ClientHello from the client, where EndOfEarlyData, Certificate, CompressedCertificate or Finished was expected (RFC 9846 §4)",
	},
	{
		"1.3 with a certificate that nobody asked for", iana.VersionTLS13, "> CH < SH EE CT CV F > CT | CV F",
		"Certificate from the client, where EndOfEarlyData or Finished was expected (RFC 9846 §4)",
	},
	{
		"1.3 without the certificate that was asked for", iana.VersionTLS13, "> CH < SH EE CR CT CV F > F",
		"Finished from the client, where EndOfEarlyData, Certificate or CompressedCertificate was expected (RFC 9846 §4)",
	},
	{
		"1.3 with ChangeCipherSpec after Finished", iana.VersionTLS13, "> CH < SH EE CT CV F CCS",
		"ChangeCipherSpec from the server, where CertificateRequest was expected (RFC 9846 §4)",
	},
	{
		"1.3 with an early KeyUpdate", iana.VersionTLS13, "> CH < SH EE KU",
		"KeyUpdate from the server, where CertificateRequest, Certificate, CompressedCertificate or Finished was expected (RFC 9846 §4)",
	},
	{
		"1.3 with an early ticket", iana.VersionTLS13, "> CH < SH NST",
		"NewSessionTicket from the server, where EncryptedExtensions was expected (RFC 9846 §4)",
	},
	{
		"1.3 with data before Finished", iana.VersionTLS13, "> CH < SH EE AD",
		"application data from the server, where CertificateRequest, Certificate, CompressedCertificate or Finished was expected (RFC 9846 §4)",
	},
	{
		"1.3 renegotiated", iana.VersionTLS13, "> CH < SH EE CT CV F > F CH",
		"ClientHello from the client, where Certificate or CompressedCertificate was expected (RFC 9846 §4)",
	},
	{
		"1.2 message in 1.3", iana.VersionTLS13, "> CH < SH EE CT CV F > F < HR",
		"HelloRequest from the server, where CertificateRequest was expected (RFC 9846 §4)",
	},
	{
		"1.2 without ServerHelloDone", iana.VersionTLS12, "> CH < SH CT SKE > CKE CCS F < CCS | F",
		"ChangeCipherSpec from the server, where ServerHelloDone was expected (RFC 5246 §7.4)",
	},
	{
		"1.2 with ChangeCipherSpec instead of ClientKeyExchange", iana.VersionTLS12, "> CH < SH CT SKE SHD > CCS | F < CCS F",
		"ChangeCipherSpec from the client, where SupplementalData or ClientKeyExchange was expected (RFC 5246 §7.4)",
	},
	{
		"1.2 without ChangeCipherSpec", iana.VersionTLS12, "> CH < SH CT SKE SHD > CKE F",
		"Finished from the client, where ChangeCipherSpec was expected (RFC 5246 §7.4)",
	},
	{
		"1.2 with signatures that nobody asked for", iana.VersionTLS12, "> CH < SH CT SKE SHD > CKE CV",
		"CertificateVerify from the client, where ChangeCipherSpec was expected (RFC 5246 §7.4)",
	},
	{
		"1.2 full and abbreviated", iana.VersionTLS12, "> CH CCS < SH CT",
		"Certificate from the server, where NewSessionTicket or ChangeCipherSpec was expected (RFC 5246 §7.4)",
	},
	{
		"1.2 with status before certificate", iana.VersionTLS12, "> CH < SH CS | SKE SHD > CKE",
		"CertificateStatus from the server, where SupplementalData, Certificate, ServerKeyExchange, CertificateRequest, " +
			"ServerHelloDone, NewSessionTicket or ChangeCipherSpec was expected (RFC 5246 §7.4)",
	},
	{
		"1.2 with data before Finished", iana.VersionTLS12, "> CH AD",
		"application data from the client, where SupplementalData, Certificate, CertificateURL, ClientKeyExchange or " +
			"ChangeCipherSpec was expected (RFC 5246 §7.4)",
	},
	{
		"1.2 with a message that it does not have", iana.VersionTLS12, "> CH < SH CT SKE SHD > CKE EOED | CCS F < CCS F > AD",
		"EndOfEarlyData from the client, where ChangeCipherSpec was expected (RFC 5246 §7.4)",
	},
	{
		"neither", 0, "> CH < SH F",
		"Finished from the server, where EncryptedExtensions, SupplementalData, Certificate, ServerKeyExchange, " +
			"CertificateRequest, ServerHelloDone, NewSessionTicket or ChangeCipherSpec was expected (RFC 9846 §4)",
	},
}

func TestViolations(t *testing.T) {
	for _, test := range violations {
		before, after, _ := strings.Cut(test.text, "|")
		wrong := len(talk(before)) - 1
		tr := NewTracker()
		if test.version != 0 {
			tr.Version(test.version)
		}
		for i, s := range talk(before + after) {
			err := tr.Next(s.from, s.what)
			switch {
			case i != wrong && err != nil:
				t.Errorf("%s: at message %d got %v", test.name, i, err)
			case i != wrong:
			case err == nil:
				t.Errorf("%s: got no error", test.name)
			case err.Error() != "tls: "+s.what.Name()+": "+test.want || err.Alert != iana.AlertUnexpectedMessage:
				t.Errorf("%s:\n got %v: %v\nwant unexpected_message: tls: %s: %s", test.name, err.Alert, err, s.what.Name(), test.want)
			}
		}
	}
}

// TestOracle compares trackers with a plain list of all conversations, on random ones.
func TestOracle(t *testing.T) {
	for _, g := range []*grammar{&tls13, &tls12} {
		likely, legal := list(g.order, 2), list(g.order, 3)
		for seed := range uint64(3000) {
			random := rand.New(rand.NewPCG(2, seed))
			all := shuffle(random, likely[random.IntN(len(likely))].join())
			all = disturb(random, all)
			r := newTrack(compile(&grammar{order: g.order}), fromBoth, thread{})
			var sent pair
			for i, s := range all {
				sent[s.from] = append(sent[s.from], s.what)
				want := slices.ContainsFunc(legal, func(p pair) bool { return sent.begins(p) })
				_, got := r.next(s.from, s.what)
				if got != want {
					t.Fatalf("%s, %v: got %v, want %v", g.name, all[:i+1], got, want)
				}
				if !got {
					break
				}
			}
		}
	}
}

// disturb drops, doubles or swaps a message, or leaves all as it is.
func disturb(random *rand.Rand, all []said) []said {
	i := random.IntN(len(all))
	switch random.IntN(4) {
	case 0:
		return slices.Delete(all, i, i+1)
	case 1:
		return slices.Insert(all, i, all[random.IntN(len(all))])
	case 2:
		j := random.IntN(len(all))
		all[i], all[j] = all[j], all[i]
	}
	return all
}

// pair is what each end says.
type pair [2][]Message

func (p pair) join() (all []said) {
	for side, what := range p {
		for _, m := range what {
			all = append(all, said{Side(side), m})
		}
	}
	return all
}

// begins reports whether p is how q begins, in both directions.
func (p pair) begins(q pair) bool {
	for side := range p {
		if len(p[side]) > len(q[side]) || !slices.Equal(p[side], q[side][:len(p[side])]) {
			return false
		}
	}
	return true
}

// list writes out all conversations of a part that repeats nothing more than so many times.
func list(n node, times int) []pair {
	all := expand(n, times, []conversation{{}})
	set := map[string]pair{}
	for _, c := range all {
		set[fmt.Sprint(c.said)] = c.said
	}
	var pairs []pair
	for _, key := range slices.Sorted(maps.Keys(set)) {
		pairs = append(pairs, set[key])
	}
	return pairs
}

type conversation struct {
	said  pair
	asked bool
}

func expand(n node, times int, before []conversation) (after []conversation) {
	inner := func(from []conversation) []conversation {
		for _, part := range n.parts {
			from = expand(part, times, from)
		}
		return from
	}
	switch n.kind {
	case message:
		for _, c := range before {
			c.said[n.from] = append(slices.Clone(c.said[n.from]), n.what)
			c.asked = c.asked || n.what == CertificateRequest
			after = append(after, c)
		}
		return after
	case optional:
		return append(slices.Clone(before), inner(before)...)
	case repeated:
		after = slices.Clone(before)
		for range times {
			before = inner(before)
			after = append(after, before...)
		}
		return after
	case either:
		for _, part := range n.parts {
			after = append(after, expand(part, times, before)...)
		}
		return after
	case answer:
		var with, without []conversation
		for _, c := range before {
			if c.asked {
				with = append(with, c)
			} else {
				without = append(without, c)
			}
		}
		return append(without, inner(with)...)
	default:
		return inner(before)
	}
}

// TestVersion: a version that nothing so far fits is believed, and what follows is followed.
func TestVersion(t *testing.T) {
	tr := NewTracker()
	for _, s := range talk("> CH < HRR") {
		if err := tr.Next(s.from, s.what); err != nil {
			t.Fatal(err)
		}
	}
	tr.Version(iana.VersionTLS12)
	for _, s := range talk("> CKE CCS F") {
		if err := tr.Next(s.from, s.what); err != nil {
			t.Error(err)
		}
	}
	if err := tr.Next(Client, ClientKeyExchange); err == nil {
		t.Error("ClientKeyExchange after Finished: got no error")
	}
}

// TestAlert: an end that said goodbye has nothing more to say; the other has.
func TestAlert(t *testing.T) {
	tr := NewTracker()
	tr.Version(iana.VersionTLS12)
	for _, s := range talk("> CH < SH CT SKE SHD > CKE CCS F < CCS F") {
		if err := tr.Next(s.from, s.what); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		from  Side
		level iana.AlertLevel
		alert iana.Alert
		want  string
	}{
		{Server, iana.AlertLevelWarning, iana.AlertNoRenegotiation, "<nil>"},
		{Server, iana.AlertLevelWarning, iana.AlertCloseNotify, "<nil>"},
		{Server, iana.AlertLevelWarning, iana.AlertCloseNotify, "tls: alert: close_notify from the server, which ended the connection with close_notify (RFC 9846 §6.1)"},
		{Client, iana.AlertLevelFatal, iana.AlertDecryptError, "<nil>"},
	} {
		if got := fmt.Sprint(tr.Alert(test.from, test.level, test.alert)); got != test.want {
			t.Errorf("%v of the %v: got %s, want %s", test.alert, test.from, got, test.want)
		}
	}
	got := fmt.Sprint(tr.Next(Client, ApplicationData))
	if want := "tls: application_data: application data from the client, which ended the connection with decrypt_error (RFC 9846 §6.1)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestNoCertificate: in SSL 3.0 an alert stands for the certificate that a client lacks.
func TestNoCertificate(t *testing.T) {
	tr := NewTracker()
	tr.Version(iana.VersionSSL30)
	for _, s := range talk("> CH < SH CT CR SHD") {
		if err := tr.Next(s.from, s.what); err != nil {
			t.Fatal(err)
		}
	}
	if err := tr.Alert(Client, iana.AlertLevelWarning, iana.AlertNoCertificate); err != nil {
		t.Error(err)
	}
	for _, s := range talk("> CKE CCS F < CCS F") {
		if err := tr.Next(s.from, s.what); err != nil {
			t.Error(err)
		}
	}
	if !tr.Complete() {
		t.Error("got not complete")
	}
}

// TestOneSide: where one direction is invisible, what waits for it is bounded.
func TestOneSide(t *testing.T) {
	tr := NewTracker()
	tr.Version(iana.VersionTLS12)
	for range 100 {
		for _, s := range talk("> CH CKE CCS F AD") {
			if err := tr.Next(s.from, s.what); err != nil {
				t.Fatal(err)
			}
		}
		if got := len(tr.at.runs[0].track(Client).tapes[Client]); got > backlog {
			t.Fatalf("got %d messages that wait, want at most %d", got, backlog)
		}
	}
}

func FuzzTracker(f *testing.F) {
	for _, c := range conversations {
		var b []byte
		for _, s := range talk(c.text) {
			b = append(b, byte(s.from), byte(s.what>>8), byte(s.what))
		}
		f.Add(uint16(c.version), b)
	}
	f.Fuzz(func(t *testing.T, version uint16, b []byte) {
		tr := NewTracker()
		for ; len(b) >= 3; b = b[3:] {
			from, what := Side(b[0]&1), Message(b[1])<<8|Message(b[2])
			switch b[0] >> 1 {
			case 0, 1:
				expected := tr.Expected(from)
				if err := tr.Next(from, what); err != nil && slices.Contains(expected, what) {
					t.Fatalf("%v was expected, but: %v", what, err)
				}
			case 2:
				tr.Version(iana.Version(version))
			case 3:
				tr.Resume()
			case 4:
				tr.Alert(from, iana.AlertLevel(b[1]), iana.Alert(b[2]))
			}
		}
		for _, side := range []Side{Client, Server} {
			track := tr.at.runs[0].track(side)
			if n := len(track.tapes[side]); n > backlog || len(track.threads) == 0 {
				t.Fatalf("got %d messages that wait and %d threads, want at most %d and some", n, len(track.threads), backlog)
			}
		}
	})
}

func BenchmarkTracker(b *testing.B) {
	all := talk(conversations[1].text)
	b.ReportAllocs()
	for b.Loop() {
		tr := NewTracker()
		for i, s := range all {
			if i == 2 {
				tr.Version(iana.VersionTLS13)
			}
			if err := tr.Next(s.from, s.what); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// TestStatesAreBounded: wrong conversations, of which there is no end, do not fill the memory, and cost no others their way.
func TestStatesAreBounded(t *testing.T) {
	for i := range 4 * statesMax {
		tr := NewTracker()
		for n := i; n > 0; n /= 5 {
			tr.Next(Side(n%2), []Message{ClientHello, ServerHello, Finished, Certificate, EncryptedExtensions}[n%5]) // legal or not
		}
	}
	if known.n > statesMax {
		t.Errorf("got %d states that are remembered, want at most %d", known.n, statesMax)
	}
	for _, c := range conversations {
		tr := NewTracker()
		tr.Version(c.version)
		for _, s := range talk(c.text) {
			if err := tr.Next(s.from, s.what); err != nil {
				t.Errorf("%s: got %v, want a legal conversation", c.text, err)
				break
			}
		}
	}
}
