package observe

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// hello2 is a client's hello in the form of SSL 2.0.
func hello2(v iana.Version, challenge []byte, kinds ...uint32) []byte {
	body := []byte{msg.TypeClientHello2}
	body = binary.BigEndian.AppendUint16(body, uint16(v))
	body = binary.BigEndian.AppendUint16(body, uint16(3*len(kinds)))
	body = append(body, 0, 0, 0, byte(len(challenge)))
	for _, k := range kinds {
		body = append(body, byte(k>>16), byte(k>>8), byte(k))
	}
	return record2(append(body, challenge...))
}

func record2(body []byte) []byte {
	return append([]byte{0x80 | byte(len(body)>>8), byte(len(body))}, body...)
}

func (f *forge) feed(d Dir, b []byte) { f.conn.Feed(d, f.at(), b) }

// shown is the messages of a connection object.
func shown(s *Session) string {
	var list []string
	for _, m := range s.Messages {
		text := m.From[:1] + ":" + m.Type
		if m.Inferred {
			text += "?"
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

// A client of TLS greets in the form of SSL 2.0; all else is as ever, keys and checks too (RFC 5246 §E.2).
func TestHelloSSL2(t *testing.T) {
	for _, cut := range []int{0, 1} {
		f := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
		challenge := bytes.Repeat([]byte{9}, 16)
		f.random = [32]byte{}
		copy(f.random[16:], challenge)
		raw := hello2(iana.VersionTLS12, challenge, 0x010080, 0x0700c0, uint32(f.suite.ID), 0x0000ff)
		if cut > 0 {
			for i := range raw {
				f.feed(ClientToServer, raw[i:i+1])
			}
		} else {
			f.feed(ClientToServer, raw)
		}
		f.messages(ServerToClient, f.serverHello(), &msg.ServerHelloDone{})
		f.messages(ClientToServer, &msg.ClientKeyExchange{Public: make([]byte, 65)})
		f.traffic12(ClientToServer)
		f.messages(ClientToServer, &msg.Finished{VerifyData: make([]byte, 12)})
		f.data(ClientToServer, "a")
		s := f.done()
		f.want(ClientToServer, "ClientHello ClientKeyExchange | Finished 'a'")
		f.wantFindings()
		if s.Version != "TLS 1.2" || !s.Decrypted || s.JA3 != "" || s.Messages[0].Length != len(raw)-3 || s.ApplicationData.Client.SHA256 != sha("a") {
			t.Errorf("got %+v %+v %+v, data %+v, message %+v", s.Parameters, s.Fingerprints, s.Outcome, s.ApplicationData, s.Messages[0])
		}
		for _, e := range f.events {
			m, ok := e.Body.(*Message)
			if !ok || m.ID != "client_hello_ssl2" {
				continue
			}
			if got := Text(m.Fields(), "client_hello_ssl2.version"); got != "TLS 1.2" {
				t.Errorf("got version %q among the fields", got)
			}
		}
	}
}

// SSL 2.0 itself: its hellos, the server's certificate, the cipher that the client chose.
func TestSSL2(t *testing.T) {
	f := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	f.feed(ClientToServer, hello2(iana.VersionSSL20, make([]byte, 16), 0x010080, 0x0700c0))
	f.feed(ServerToClient, record2(slices.Concat([]byte{msg.TypeServerHello2, 0, 1, 0, 2, 0, 4, 0, 3, 0, 16}, []byte("cert"), []byte{1, 0, 0x80}, make([]byte, 16))))
	f.feed(ClientToServer, record2(slices.Concat([]byte{msg.TypeClientMasterKey2, 1, 0, 0x80, 0, 0, 0, 8, 0, 0}, make([]byte, 8))))
	f.feed(ServerToClient, record2(make([]byte, 33)))
	f.feed(ClientToServer, record2(make([]byte, 33)))
	f.feed(ServerToClient, record2(make([]byte, 33)))
	f.feed(ClientToServer, append([]byte{0x00, 40, 7}, make([]byte, 40)...)) // with padding
	s := f.done()
	const want = "c:ClientHello s:ServerHello c:ClientMasterKey s:EncryptedHandshake? c:EncryptedHandshake? s:EncryptedHandshake?"
	if got := shown(s); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if s.Version != "SSL 2.0" || s.CipherSuite != "0x010080" || s.CipherSuiteID != "0x010080" || s.ForwardSecret != No ||
		s.DecryptError != DecryptUnsupported || len(s.Certificates) != 1 || !s.Complete {
		t.Errorf("got %+v %+v, certificates %v", s.Parameters, s.Outcome, s.Certificates)
	}
	f.wantFindings(CodeUnsupported)
}

// Bytes that only look like SSL 2.0 at first are another protocol's.
func TestNotSSL2(t *testing.T) {
	for _, raw := range [][]byte{
		{0x80}, {0x80, 0x2e, 1}, append([]byte{0x80, 0x2e, 1, 3, 1}, make([]byte, 60)...), append([]byte{0x80, 0x80, 9}, make([]byte, 60)...),
	} {
		f := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
		f.feed(ClientToServer, raw)
		f.conn.EndOfStream(ClientToServer, f.at(), EndFIN)
		if s := f.done(); len(s.Messages) > 0 || s.Version != "" || len(s.Findings) > 0 {
			t.Errorf("%x: got %s, version %q, findings %v", raw, shown(s), s.Version, s.Findings)
		}
	}
}

// Before draft 16 a server's version was that of the standard to come, and some clients said in an extension of their own
// which draft it was.
func TestEarliestDrafts(t *testing.T) {
	for _, row := range []struct{ said, want string }{
		{"\x00\x0e", "TLS 1.3 (draft 14)"}, {"\x00\x0f", "TLS 1.3 (draft 15)"}, {"", "TLS 1.3"},
	} {
		f := newForge(t, iana.VersionTLS13, iana.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
		share := append([]byte{0, 23, 0, 65}, make([]byte, 65)...)
		hello := f.clientHello()
		hello.LegacyVersion, hello.Extensions = iana.VersionTLS13, msg.Extensions{}
		hello.Extensions.AddRaw(msg.DraftKeyShare, append([]byte{0, 69}, share...))
		if row.said != "" {
			hello.Extensions.AddRaw(draftVersion, []byte(row.said))
		}
		f.messages(ClientToServer, hello)
		raw := binary.BigEndian.AppendUint16(nil, uint16(iana.VersionTLS13))
		raw = append(raw, make([]byte, 32)...)
		raw = binary.BigEndian.AppendUint16(raw, uint16(f.suite.ID))
		raw = append(append(raw, 0, 73, 0, byte(msg.DraftKeyShare), 0, 69), share...)
		f.send(ServerToClient, iana.ContentHandshake, append([]byte{byte(iana.HandshakeServerHello), 0, 0, byte(len(raw))}, raw...))
		f.send(ServerToClient, iana.ContentApplicationData, make([]byte, 40))
		s := f.done()
		if s.Version != row.want || s.CipherSuite != f.suite.ID.String() || s.Group != "secp256r1" || s.DecryptError != DecryptDraft {
			t.Errorf("%q: got %+v, %s", row.said, s.Parameters, s.DecryptError)
		}
		if slices.ContainsFunc(s.Findings, func(f FindingInfo) bool { return f.Code == "malformed" }) {
			t.Errorf("%q: got findings %v, want none of malformed messages", row.said, s.Findings)
		}
	}
}

// Servers' hellos of the drafts up to 21 are shorter, and their HelloRetryRequest is a message of its own; key_share had
// another code point until 22. None of them is opened, and an experiment of that time is not either.
func TestOldDrafts(t *testing.T) {
	for _, row := range []struct {
		version iana.Version
		name    string
		short   bool
	}{
		{iana.VersionTLS13Draft18, "TLS 1.3 (draft 18)", true},
		{iana.VersionTLS13Draft19, "TLS 1.3 (draft 19)", true},
		{iana.VersionTLS13Draft20, "TLS 1.3 (draft 20)", true},
		{iana.VersionTLS13Draft21, "TLS 1.3 (draft 21)", true},
		{iana.VersionTLS13Draft22, "TLS 1.3 (draft 22)", false},
		{0x7e01, "0x7e01", false},
		{0x7e02, "0x7e02", false},
	} {
		f := newForge(t, iana.VersionTLS13, iana.TLS_AES_128_GCM_SHA256)
		f.version = row.version
		hello := f.clientHello()
		share := append([]byte{0, 29, 0, 32}, make([]byte, 32)...)
		hello.Extensions.Order[1] = msg.Extension{Type: msg.DraftKeyShare, Raw: append([]byte{0, 36}, share...)}
		answer := f.serverHello()
		answer.Extensions.AddRaw(msg.DraftKeyShare, share)
		f.messages(ClientToServer, hello)
		want := "c:ClientHello s:ServerHello s:EncryptedHandshake? c:EncryptedHandshake?"
		if row.short {
			retry := &msg.HelloRetryRequestDraft{Version: row.version, CipherSuite: f.suite.ID}
			retry.Extensions.AddRaw(msg.DraftKeyShare, []byte{0, 23})
			f.messages(ServerToClient, retry)
			f.messages(ClientToServer, hello)
			answer.LegacyVersion, answer.Extensions = row.version, msg.Extensions{}
			answer.Extensions.AddRaw(msg.DraftKeyShare, share)
			want = "c:ClientHello s:HelloRetryRequest c:ClientHello s:ServerHello s:EncryptedHandshake? c:EncryptedHandshake?"
		}
		f.messages(ServerToClient, answer)
		f.traffic13(ServerToClient, EpochHandshake)
		f.messages(ServerToClient, &msg.EncryptedExtensions{}, finished())
		f.client13()
		s := f.done()
		if got := shown(s); got != want {
			t.Errorf("%v:\n got %s\nwant %s", row.version, got, want)
		}
		if s.Version != row.name || s.Group != "x25519" || s.CipherSuite != "TLS_AES_128_GCM_SHA256" || s.HelloRetry != row.short || s.DecryptError != DecryptDraft {
			t.Errorf("%v: got %+v %+v", row.version, s.Parameters, s.Outcome)
		}
	}
}

// A version that nobody registered is a number.
func TestUnknownVersion(t *testing.T) {
	f := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	answer := f.serverHello()
	answer.LegacyVersion, answer.CipherSuite = 0x0299, 0x1234
	f.messages(ClientToServer, f.clientHello())
	f.messages(ServerToClient, answer)
	if s := f.done(); s.Version != "0x0299" || s.CipherSuite != "0x1234" || s.CipherSuiteID != "0x1234" {
		t.Errorf("got %+v", s.Parameters)
	}
}

// Who is the client is said by the first message that only one end sends, whoever opened the TCP connection, and whatever
// came before it; where no message says so, who opened it counts.
func TestWhoIsClient(t *testing.T) {
	plain := func(f *forge, d Dir) { f.feed(d, []byte("220 ready\r\n")) }
	for _, row := range []struct {
		name string
		syn  bool // seen, of what the caller takes for the client
		talk func(f *forge)
		swap bool
	}{
		{"ClientHello of who opened it", true, func(f *forge) { f.messages(ClientToServer, f.clientHello()) }, false},
		{"ClientHello of the other", true, func(f *forge) { f.messages(ServerToClient, f.clientHello()) }, true},
		{"ClientHello of the other, after plaintext", true, func(f *forge) {
			plain(f, ClientToServer)
			f.messages(ServerToClient, f.clientHello())
		}, true},
		{"ClientHello of the other, after plaintext of both, nothing known", false, func(f *forge) {
			plain(f, ServerToClient)
			plain(f, ClientToServer)
			f.messages(ServerToClient, f.clientHello())
		}, true},
		{"ServerHello of who opened it", true, func(f *forge) { f.messages(ClientToServer, f.serverHello()) }, true},
		{"CertificateURL", false, func(f *forge) {
			f.messages(ServerToClient, &msg.CertificateURL{URLs: []msg.URLAndHash{{URL: []byte("u"), Padding: 1}}})
		}, true},
		{"ClientKeyExchange behind a certificate", false, func(f *forge) {
			f.messages(ServerToClient, &msg.Certificate12{}, &msg.ClientKeyExchange{Public: []byte{1}})
		}, true},
		{"ServerKeyExchange", false, func(f *forge) {
			f.messages(ClientToServer, &msg.ServerKeyExchange{CurveType: 3, NamedCurve: 29, Public: []byte{1}})
		}, true},
		{"a hello of SSL 2.0", true, func(f *forge) { f.feed(ServerToClient, hello2(iana.VersionTLS10, make([]byte, 16), 5)) }, true},
		{"nothing but data", false, func(f *forge) { f.data(ServerToClient, "x") }, false},
	} {
		f := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
		f.conn = New(Options{Client: "a", Server: "b", RolesGuessed: true, TCP: TCP{SYN: row.syn}})
		row.talk(f)
		s := f.done()
		want := "a"
		if row.swap {
			want = "b"
		}
		if s.Client != want {
			t.Errorf("%s: got client %s, want %s", row.name, s.Client, want)
		}
		if len(s.Messages) > 0 && strings.HasPrefix(s.Messages[0].Type, "Client") != (s.Messages[0].From == "client") && s.Messages[0].Type != "Certificate" && s.Messages[0].Type != "CertificateURL" {
			t.Errorf("%s: got messages %s", row.name, shown(s))
		}
	}
}

// Heartbeats are counted, in clear and sealed; one that asks for more than it holds is a finding.
func TestHeartbeats(t *testing.T) {
	f := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	good := append([]byte{1, 0, 4}, make([]byte, 4+16)...)
	f.messages(ClientToServer, f.clientHello())
	f.messages(ServerToClient, f.serverHello(), &msg.ServerHelloDone{})
	f.send(ClientToServer, iana.ContentHeartbeat, good)
	f.send(ServerToClient, iana.ContentHeartbeat, append([]byte{2}, good[1:]...))
	f.wantFindings()
	f.send(ClientToServer, iana.ContentHeartbeat, []byte{1, 0x40, 0})
	f.messages(ClientToServer, &msg.ClientKeyExchange{Public: make([]byte, 65)})
	f.traffic12(ClientToServer)
	f.messages(ClientToServer, &msg.Finished{VerifyData: make([]byte, 12)})
	f.send(ClientToServer, iana.ContentHeartbeat, good)
	s := f.done()
	if s.Heartbeats != (Counts{3, 1}) || !strings.HasSuffix(shown(s), "Finished") {
		t.Errorf("got %+v, messages %s", s.Heartbeats, shown(s))
	}
	f.wantFindings(CodeOverread)
}

// A connection that is watched from its middle on is there, whatever of it is seen.
func TestOnlyItsMiddle(t *testing.T) {
	f := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	for range 3 {
		f.feed(ServerToClient, append([]byte{23, 3, 3, 0, 40}, make([]byte, 40)...))
	}
	f.feed(ClientToServer, append([]byte{21, 3, 3, 0, 26}, make([]byte, 26)...))
	s := f.done()
	if s.Version != "" || shown(s) != "c:Alert" || s.Alerts[0].Description != "" || !s.Alerts[0].Encrypted || s.DecryptError != DecryptNoHello {
		t.Errorf("got %+v %+v, %s, alerts %+v", s.Parameters, s.Outcome, shown(s), s.Alerts)
	}
}
