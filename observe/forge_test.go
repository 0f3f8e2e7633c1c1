package observe

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/record"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/keylog"
)

// forge makes conversations that no stack at hand has. Its secrets are made up: the observer
// derives none of them, and checks no Finished.
type forge struct {
	t       *testing.T
	conn    *Conn
	events  []Event
	version iana.Version
	suite   *suite.Suite
	random  [32]byte // of the client
	server  [32]byte
	sealers [3]record.Sealer
	main    keys.Secret // TLS 1.2
	mute    bool        // the key log gets nothing
}

func newForge(t *testing.T, v iana.Version, id iana.CipherSuite) *forge {
	f := &forge{t: t, version: v, suite: suite.ByID(id), main: make(keys.Secret, keys.MainSecretSize)}
	f.random[0], f.server[0] = 1, 2
	f.conn = New(Options{Sink: func(e Event) {
		f.events = append(f.events, e.Clone())
	}})
	return f
}

func (f *forge) at() At { return At{Time: time.Unix(1, 0)} }

// send puts content into one record, under the keys that were set.
func (f *forge) send(d Dir, typ iana.ContentType, content []byte) {
	f.t.Helper()
	out, err := f.sealers[d].Seal(nil, typ, content, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	f.conn.Feed(d, f.at(), out)
}

func (f *forge) messages(d Dir, list ...msg.Message) {
	f.t.Helper()
	var out []byte
	for _, m := range list {
		var err error
		if out, err = msg.Append(out, &msg.Context{Version: f.version, KeyExchange: msg.KeyExchangeECDHE}, m); err != nil {
			f.t.Fatal(err)
		}
	}
	f.send(d, iana.ContentHandshake, out)
}

func (f *forge) data(d Dir, text string) { f.send(d, iana.ContentApplicationData, []byte(text)) }

// traffic13 sets the sender's keys to those of an epoch, and logs their secret.
func (f *forge) traffic13(d Dir, e Epoch) {
	secret := make(keys.Secret, f.suite.Hash.Size())
	copy(secret, d.String()+string(e))
	f.log(secretLabels[e][d], secret)
	f.sealers[d].SetKeys(&suite.TrafficKeys{Version: iana.VersionTLS13, Suite: f.suite, Secret: secret})
}

func (f *forge) log(label string, secret keys.Secret) {
	if !f.mute {
		f.conn.AddSecret(keylog.Line{Label: label, ClientRandom: f.random, Secret: secret.Clone()})
	}
}

// traffic12 sends ChangeCipherSpec and sets the sender's keys.
func (f *forge) traffic12(d Dir) {
	f.send(d, iana.ContentChangeCipherSpec, []byte{1})
	f.log(keylog.LabelClientRandom, f.main)
	block := keys.TLS12(f.suite.Hash, nil).KeyBlock(f.main, f.random[:], f.server[:], f.suite.Lengths())
	k := block.Client
	if d == ServerToClient {
		k = block.Server
	}
	f.sealers[d].SetVersion(f.version)
	f.sealers[d].SetKeys(&suite.TrafficKeys{Version: f.version, Suite: f.suite, MAC: k.MAC, Key: k.Key, IV: k.IV})
}

func (f *forge) clientHello(extensions ...iana.ExtensionType) *msg.ClientHello {
	m := &msg.ClientHello{
		LegacyVersion: iana.VersionTLS12, Random: f.random, CipherSuites: []iana.CipherSuite{f.suite.ID}, CompressionMethods: []byte{0},
		SupportedVersions: []iana.Version{f.version},
		KeyShares:         []msg.KeyShareEntry{{Group: iana.GroupX25519, KeyExchange: make([]byte, 32)}},
		PSKModes:          []byte{1},
		PSK:               msg.OfferedPSKs{Identities: []msg.PSKIdentity{{Identity: []byte("ticket")}}, Binders: [][]byte{make([]byte, 32)}},
	}
	m.Extensions.Add(iana.ExtSupportedVersions, iana.ExtKeyShare)
	m.Extensions.Add(extensions...)
	return m
}

func (f *forge) serverHello(extensions ...iana.ExtensionType) *msg.ServerHello {
	m := &msg.ServerHello{
		LegacyVersion: iana.VersionTLS12, Random: f.server, CipherSuite: f.suite.ID, SelectedVersion: f.version,
		KeyShare: msg.KeyShareEntry{Group: iana.GroupX25519, KeyExchange: make([]byte, 32)},
	}
	if is13(f.version) {
		m.Extensions.Add(iana.ExtSupportedVersions)
	}
	m.Extensions.Add(extensions...)
	return m
}

func finished() *msg.Finished { return &msg.Finished{VerifyData: make([]byte, 32)} }

func withEarlyData() *msg.EncryptedExtensions {
	m := &msg.EncryptedExtensions{}
	m.Extensions.Add(iana.ExtEarlyData)
	return m
}

// server13 sends the server's flight of a handshake with a PSK.
func (f *forge) server13(hello *msg.ServerHello, encrypted *msg.EncryptedExtensions) {
	f.messages(ServerToClient, hello)
	f.traffic13(ServerToClient, EpochHandshake)
	f.messages(ServerToClient, encrypted, finished())
	f.traffic13(ServerToClient, EpochApplication)
}

func (f *forge) client13() {
	f.traffic13(ClientToServer, EpochHandshake)
	f.messages(ClientToServer, finished())
	f.traffic13(ClientToServer, EpochApplication)
}

func (f *forge) done() *Session {
	f.conn.Close(f.at(), EndInput, TCP{})
	return f.conn.Session()
}

// list is the names of messages and, in quotes, application data of one direction, with
// "|" where keys were installed.
func (f *forge) list(d Dir) string {
	var list []string
	for _, e := range f.events {
		if e.Dir != d {
			continue
		}
		switch b := e.Body.(type) {
		case *Message:
			list = append(list, b.Type)
		case *ApplicationData:
			list = append(list, "'"+string(b.Data)+"'")
		case *KeysInstalled:
			list = append(list, "|")
		}
	}
	return strings.Join(list, " ")
}

func (f *forge) want(d Dir, want string) {
	f.t.Helper()
	if got := f.list(d); got != want {
		f.t.Errorf("%v:\n got %s\nwant %s", d, got, want)
	}
}

func (f *forge) wantFindings(want ...string) {
	f.t.Helper()
	var got []string
	for _, e := range f.events {
		if b, ok := e.Body.(*Finding); ok {
			got = append(got, b.Code)
		}
	}
	if !slices.Equal(got, want) {
		f.t.Errorf("got findings %v, want %v", got, want)
	}
}

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func TestKeyUpdate(t *testing.T) {
	f := newForge(t, iana.VersionTLS13, iana.TLS_AES_256_GCM_SHA384)
	f.messages(ClientToServer, f.clientHello())
	f.server13(f.serverHello(iana.ExtKeyShare), &msg.EncryptedExtensions{})
	f.client13()
	for _, d := range []Dir{ClientToServer, ServerToClient} {
		f.data(d, "a")
		for range 3 {
			f.messages(d, &msg.KeyUpdate{})
			f.sealers[d].Update()
		}
		f.data(d, "b")
		f.data(d, "c")
	}
	f.messages(ServerToClient, &msg.NewSessionTicket{Ticket: []byte("t")})
	s := f.done()
	f.want(ClientToServer, "ClientHello | Finished | 'a' KeyUpdate | KeyUpdate | KeyUpdate | 'b' 'c'")
	f.want(ServerToClient, "ServerHello | EncryptedExtensions Finished | 'a' KeyUpdate | KeyUpdate | KeyUpdate | 'b' 'c' NewSessionTicket")
	f.wantFindings()
	if !s.Complete || s.DecryptError != "" || s.ApplicationData.Client.SHA256 != sha("abc") {
		t.Errorf("got %+v, data %+v", s.Outcome, s.ApplicationData)
	}
	last := 0
	for _, e := range f.events {
		if k, ok := e.Body.(*KeysInstalled); ok && e.Dir == ClientToServer {
			last = k.Generation
		}
	}
	if last != 3 {
		t.Errorf("got generation %d of the keys, want 3", last)
	}
}

func TestEarlyData(t *testing.T) {
	for _, row := range []struct {
		name   string
		secret bool // the early traffic secret is in the key log
		answer EarlyData
		client string
		sum    string
		trips  int
		err    DecryptError
	}{
		{"accepted", true, EarlyDataAccepted, "ClientHello | 'early' EndOfEarlyData | Finished | 'later'", sha("earlylater"), 0, ""},
		{"rejected", true, EarlyDataRejected, "ClientHello | 'early' | Finished | 'later'", sha("later"), 1, ""},
		{"accepted, without its secret", false, EarlyDataAccepted, "ClientHello | | Finished | 'later'", "", 0, DecryptPartial},
		{"rejected, without its secret", false, EarlyDataRejected, "ClientHello | | Finished | 'later'", "", 1, DecryptPartial},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newForge(t, iana.VersionTLS13, iana.TLS_AES_128_GCM_SHA256)
			f.messages(ClientToServer, f.clientHello(iana.ExtEarlyData, iana.ExtPSKKeyExchangeModes, iana.ExtPreSharedKey))
			f.mute = !row.secret
			f.traffic13(ClientToServer, EpochEarlyData)
			f.mute = false
			f.data(ClientToServer, "early")
			encrypted := &msg.EncryptedExtensions{}
			if row.answer == EarlyDataAccepted {
				encrypted = withEarlyData()
			}
			f.server13(f.serverHello(iana.ExtKeyShare, iana.ExtPreSharedKey), encrypted)
			if row.answer == EarlyDataAccepted {
				f.messages(ClientToServer, &msg.EndOfEarlyData{})
			}
			f.client13()
			f.data(ClientToServer, "later")
			s := f.done()
			f.want(ClientToServer, row.client)
			if s.EarlyData != row.answer || !s.Resumed || s.ApplicationData.Client.SHA256 != row.sum {
				t.Errorf("got early data %s, resumed %v, data %+v, want %s, true, %s", s.EarlyData, s.Resumed, s.ApplicationData.Client, row.answer, row.sum)
			}
			if s.RoundTrips.TLS != row.trips || s.DecryptError != row.err || !s.Complete {
				t.Errorf("got %+v, want %d round trips, complete, error %q", s.Outcome, row.trips, row.err)
			}
		})
	}
}

// A HelloRetryRequest ends early data, which was on its way by then.
func TestEarlyDataRetried(t *testing.T) {
	f := newForge(t, iana.VersionTLS13, iana.TLS_AES_128_GCM_SHA256)
	f.messages(ClientToServer, f.clientHello(iana.ExtEarlyData, iana.ExtPSKKeyExchangeModes, iana.ExtPreSharedKey))
	f.traffic13(ClientToServer, EpochEarlyData)
	f.data(ClientToServer, "early")
	retry := &msg.HelloRetryRequest{
		LegacyVersion: iana.VersionTLS12, Random: msg.HelloRetryRandom, CipherSuite: f.suite.ID,
		SelectedVersion: iana.VersionTLS13, SelectedGroup: iana.GroupSecp256r1,
	}
	retry.Extensions.Add(iana.ExtSupportedVersions, iana.ExtKeyShare)
	f.messages(ServerToClient, retry)
	f.sealers[ClientToServer] = record.Sealer{}
	f.messages(ClientToServer, f.clientHello(iana.ExtPSKKeyExchangeModes, iana.ExtPreSharedKey))
	f.server13(f.serverHello(iana.ExtKeyShare), &msg.EncryptedExtensions{})
	f.client13()
	f.data(ClientToServer, "later")
	s := f.done()
	f.want(ClientToServer, "ClientHello | 'early' ClientHello | Finished | 'later'")
	f.want(ServerToClient, "HelloRetryRequest ServerHello | EncryptedExtensions Finished |")
	f.wantFindings()
	if s.EarlyData != EarlyDataRejected || !s.HelloRetry || s.RoundTrips.TLS != 2 || s.ApplicationData.Client.SHA256 != sha("later") {
		t.Errorf("got %+v %+v %+v", s.Parameters, s.Outcome, s.ApplicationData.Client)
	}
}

func TestForwardSecrecyOfPSKs(t *testing.T) {
	f := newForge(t, iana.VersionTLS13, iana.TLS_AES_128_GCM_SHA256)
	f.messages(ClientToServer, f.clientHello(iana.ExtPSKKeyExchangeModes, iana.ExtPreSharedKey))
	f.server13(f.serverHello(iana.ExtPreSharedKey), &msg.EncryptedExtensions{})
	f.client13()
	s := f.done()
	want := SuiteParts{KeyExchange: "PSK", Authentication: "PSK", Cipher: "AES-128-GCM", Hash: "SHA-256"}
	if s.ForwardSecret != No || s.ForwardSecretWhy != WhyPSKOnly || s.Suite != want {
		t.Errorf("got %s because %s, %+v, want %s because %s, %+v", s.ForwardSecret, s.ForwardSecretWhy, s.Suite, No, WhyPSKOnly, want)
	}
}

// handshake12 is a whole handshake.
func (f *forge) handshake12() {
	f.messages(ClientToServer, f.clientHello())
	f.messages(ServerToClient, f.serverHello(), &msg.ServerHelloDone{})
	f.messages(ClientToServer, &msg.ClientKeyExchange{Public: make([]byte, 32)})
	for _, d := range []Dir{ClientToServer, ServerToClient} {
		f.traffic12(d)
		f.messages(d, &msg.Finished{VerifyData: make([]byte, 12)})
	}
}

func TestRenegotiation(t *testing.T) {
	f := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	f.handshake12()
	f.data(ClientToServer, "a")
	f.messages(ServerToClient, &msg.HelloRequest{})
	first := f.suite
	f.suite, f.random[1], f.server[1], f.main[0] = suite.ByID(iana.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256), 3, 4, 5
	f.handshake12()
	f.data(ClientToServer, "b")
	s := f.done()
	f.want(ClientToServer, "ClientHello ClientKeyExchange | Finished 'a' ClientHello ClientKeyExchange | Finished 'b'")
	f.want(ServerToClient, "ServerHello ServerHelloDone | Finished HelloRequest ServerHello ServerHelloDone | Finished")
	f.wantFindings()
	if s.CipherSuite != first.ID.String() || s.RoundTrips.TLS != 2 {
		t.Errorf("got suite %s and %d round trips, want those of the first handshake", s.CipherSuite, s.RoundTrips.TLS)
	}
}

// An abbreviated handshake is not forward secret.
func TestResumed12(t *testing.T) {
	f := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	f.messages(ClientToServer, f.clientHello())
	f.messages(ServerToClient, f.serverHello(), &msg.NewSessionTicket12{Ticket: []byte("t")})
	f.traffic12(ServerToClient)
	f.messages(ServerToClient, &msg.Finished{VerifyData: make([]byte, 12)})
	f.traffic12(ClientToServer)
	f.messages(ClientToServer, &msg.Finished{VerifyData: make([]byte, 12)})
	s := f.done()
	if !s.Resumed || s.ForwardSecret != No || s.ForwardSecretWhy != WhyResumed || s.RoundTrips.TLS != 1 || !s.Complete {
		t.Errorf("got %+v %+v", s.Parameters, s.Outcome)
	}
}

// Faults of records and messages are findings, and what follows is shown.
func TestFindings(t *testing.T) {
	hello := func(f *forge) []byte {
		raw, err := msg.Append(nil, &msg.Context{}, f.clientHello())
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for _, row := range []struct {
		name string
		feed func(f *forge)
		want []string
		list string
	}{
		{"a message in single bytes", func(f *forge) {
			for _, b := range hello(f) {
				f.send(ClientToServer, iana.ContentHandshake, []byte{b})
			}
		}, nil, "ClientHello"},
		{"a malformed message", func(f *forge) {
			raw := hello(f)
			raw[4+2+32] = 200 // the length of legacy_session_id
			f.send(ClientToServer, iana.ContentHandshake, raw)
			f.send(ClientToServer, iana.ContentHandshake, hello(f))
		}, []string{"malformed", "malformed"}, "ClientHello ClientHello"},
		{"an unknown message", func(f *forge) {
			f.send(ClientToServer, iana.ContentHandshake, append(hello(f), 99, 0, 0, 1, 7))
		}, []string{"unexpected"}, "ClientHello 0x63"},
		{"an empty record", func(f *forge) {
			f.conn.Feed(ClientToServer, f.at(), []byte{22, 3, 1, 0, 1, 1, 22, 3, 1, 0, 0})
		}, []string{"unexpected", CodePartialMessage}, ""},
		{"a message that is too long", func(f *forge) {
			f.send(ClientToServer, iana.ContentHandshake, append(hello(f), 1, 255, 255, 255))
			f.conn.Flush()
			f.send(ClientToServer, iana.ContentHandshake, hello(f))
		}, []string{"too_large"}, "ClientHello ClientHello"},
		{"a message that is cut", func(f *forge) {
			f.send(ClientToServer, iana.ContentHandshake, hello(f)[:50])
		}, []string{CodePartialMessage}, ""},
		{"a record that is cut", func(f *forge) {
			f.send(ClientToServer, iana.ContentHandshake, hello(f))
			f.conn.Feed(ClientToServer, f.at(), []byte{22, 3, 1, 0, 9, 1})
		}, []string{CodeTruncatedRecord}, "ClientHello"},
		{"no record where one should be", func(f *forge) {
			f.send(ClientToServer, iana.ContentHandshake, hello(f))
			f.conn.Feed(ClientToServer, f.at(), []byte("garbage"))
			f.send(ClientToServer, iana.ContentHandshake, hello(f))
		}, []string{CodeNotARecord}, "ClientHello ClientHello"},
		{"a record of an unknown type", func(f *forge) {
			f.send(ClientToServer, iana.ContentHandshake, hello(f))
			f.conn.Feed(ClientToServer, f.at(), []byte{24, 3, 1, 0, 1, 1})
		}, nil, "ClientHello"},
		{"an alert of one byte", func(f *forge) {
			f.send(ClientToServer, iana.ContentHandshake, hello(f))
			f.send(ClientToServer, iana.ContentAlert, []byte{2})
		}, []string{"malformed"}, "ClientHello"},
		{"a record that is too long", func(f *forge) {
			f.send(ClientToServer, iana.ContentHandshake, hello(f))
			f.conn.Feed(ClientToServer, f.at(), slices.Concat([]byte{22, 3, 1, 0x50, 0, 99, 0, 0x4f, 0xfc}, make([]byte, 0x4ffc)))
		}, []string{"too_large", "unexpected"}, "ClientHello 0x63"},
		{"a message that goes on under other keys", func(f *forge) {
			f.messages(ClientToServer, f.clientHello())
			f.messages(ServerToClient, f.serverHello(iana.ExtKeyShare))
			f.traffic13(ClientToServer, EpochHandshake)
			raw, _ := msg.Append(nil, &msg.Context{}, finished())
			f.send(ClientToServer, iana.ContentHandshake, append(raw, raw[:5]...))
			f.traffic13(ClientToServer, EpochApplication)
			f.data(ClientToServer, "a")
		}, []string{"unexpected"}, "ClientHello | Finished | 'a'"},
		{"messages out of order", func(f *forge) {
			f.messages(ClientToServer, f.clientHello())
			f.messages(ServerToClient, f.serverHello(iana.ExtKeyShare))
			f.traffic13(ServerToClient, EpochHandshake)
			f.messages(ServerToClient, finished()) // without EncryptedExtensions
		}, []string{"unexpected"}, "ClientHello"},
		{"so many faults that no more are told", func(f *forge) {
			for range 2 * violationsMax {
				f.send(ClientToServer, iana.ContentHandshake, append(hello(f)[:0:0], 14, 0, 0, 0))
			}
		}, slices.Repeat([]string{"unexpected"}, violationsMax), strings.TrimSpace(strings.Repeat("ServerHelloDone ", 2*violationsMax))},
		{"an extension that was not asked for", func(f *forge) {
			f.messages(ClientToServer, f.clientHello())
			f.messages(ServerToClient, f.serverHello(iana.ExtKeyShare, iana.ExtExtendedMainSecret))
		}, []string{"illegal"}, "ClientHello"},
		{"a record that was changed", func(f *forge) {
			f.messages(ClientToServer, f.clientHello())
			f.server13(f.serverHello(iana.ExtKeyShare), &msg.EncryptedExtensions{})
			f.client13()
			f.data(ClientToServer, "a")
			out, _ := f.sealers[ClientToServer].Seal(nil, iana.ContentApplicationData, []byte("b"), 0)
			out[len(out)-1] ^= 1
			f.conn.Feed(ClientToServer, f.at(), out)
			f.data(ClientToServer, "c")
		}, []string{CodeBadRecord}, "ClientHello | Finished | 'a' 'c'"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newForge(t, iana.VersionTLS13, iana.TLS_AES_128_GCM_SHA256)
			row.feed(f)
			f.done()
			f.want(ClientToServer, row.list)
			f.wantFindings(row.want...)
		})
	}
}

// A record with a hole in it is lost, and the next one is found by its length, also where the
// hole reaches beyond what was announced.
func TestHoleInARecord(t *testing.T) {
	for _, row := range []struct {
		name     string
		from, to int // the bytes of the second of three records that are lost
		want     string
	}{
		{"in the fragment", 20, 40, "ClientHello | Finished 'first' 'third'"},
		{"in the header", 2, 30, "ClientHello | Finished 'first' 'third'"},
		{"to the end", 10, 1022, "ClientHello | Finished 'first' 'third'"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256)
			f.messages(ClientToServer, f.clientHello())
			f.messages(ServerToClient, f.serverHello(), &msg.ServerHelloDone{})
			f.traffic12(ClientToServer)
			f.messages(ClientToServer, &msg.Finished{VerifyData: make([]byte, 12)})
			f.data(ClientToServer, "first")
			second, err := f.sealers[ClientToServer].Seal(nil, iana.ContentApplicationData, make([]byte, 1001), 0)
			if err != nil {
				t.Fatal(err)
			}
			f.conn.Feed(ClientToServer, f.at(), second[:row.from])
			f.conn.Lost(ClientToServer, f.at(), int64(row.to-row.from))
			f.conn.Feed(ClientToServer, f.at(), second[row.to:])
			f.data(ClientToServer, "third")
			f.data(ClientToServer, "")
			f.done()
			list := strings.TrimSuffix(f.list(ClientToServer), " ''")
			if list != row.want {
				t.Errorf("\n got %s\nwant %s", list, row.want)
			}
		})
	}
}

// The last record behind a hole has no other behind it to be known by; it ends where the stream does.
func TestLastRecordBehindAHole(t *testing.T) {
	f := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256)
	f.handshake12()
	f.data(ClientToServer, "first")
	second, err := f.sealers[ClientToServer].Seal(nil, iana.ContentApplicationData, []byte("second"), 0)
	if err != nil {
		t.Fatal(err)
	}
	f.conn.Lost(ClientToServer, f.at(), int64(len(second)))
	f.data(ClientToServer, "third")
	f.done()
	f.want(ClientToServer, "ClientHello ClientKeyExchange | Finished 'first' 'third'")
}

// A renegotiation of which the ClientHello was not seen has keys that nobody knows; those of the handshake before are not
// wrong.
func TestRenegotiationUnseen(t *testing.T) {
	f := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	f.handshake12()
	f.random[1], f.server[1], f.main[0] = 3, 4, 5
	f.conn.Lost(ClientToServer, f.at(), 200)
	f.messages(ServerToClient, f.serverHello(), &msg.ServerHelloDone{})
	f.traffic12(ServerToClient)
	f.messages(ServerToClient, &msg.Finished{VerifyData: make([]byte, 12)})
	if s := f.done(); s.DecryptError != DecryptNoHello {
		t.Errorf("got %s, want %s", s.DecryptError, DecryptNoHello)
	}
	f.want(ServerToClient, "ServerHello ServerHelloDone | Finished ServerHello ServerHelloDone | EncryptedHandshake")
}

// What is inside a record may be against the rules though it opens.
func TestFaultInside(t *testing.T) {
	f := newForge(t, iana.VersionTLS13, iana.TLS_AES_128_GCM_SHA256)
	f.messages(ClientToServer, f.clientHello())
	f.messages(ServerToClient, f.serverHello(iana.ExtKeyShare))
	f.traffic13(ServerToClient, EpochHandshake)
	empty, err := f.sealers[ServerToClient].Seal(nil, 0, nil, 5) // nothing but padding
	if err != nil {
		t.Fatal(err)
	}
	f.conn.Feed(ServerToClient, f.at(), empty)
	f.messages(ServerToClient, &msg.EncryptedExtensions{})
	f.send(ServerToClient, 99, []byte("?"))
	f.done()
	f.want(ServerToClient, "ServerHello | EncryptedExtensions")
	f.wantFindings("unexpected", "unexpected")
}
