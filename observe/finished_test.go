package observe

import (
	"bytes"
	"crypto/sha1"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/bygone"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/keylog"
)

// record30 is the first record of SSL 3.0 that a MAC protects and nothing else (RFC 6101 §5.2.3.1).
func record30(mac []byte, content []byte) []byte {
	const typ = byte(iana.ContentHandshake)
	inner := sha1.Sum(slices.Concat(mac, bytes.Repeat([]byte{0x36}, 40), make([]byte, 8), []byte{typ, 0, byte(len(content))}, content))
	outer := sha1.Sum(slices.Concat(mac, bytes.Repeat([]byte{0x5c}, 40), inner[:]))
	return slices.Concat([]byte{typ, 3, 0, 0, byte(len(content) + len(outer))}, content, outer[:])
}

// Finished of SSL 3.0, of both ends: as it should be, and with one bit changed.
func TestFinished30(t *testing.T) {
	for _, row := range []struct {
		changed              Dir
		client, server       string
		clientWhy, serverWhy string
	}{
		{Neither, ResultOK, ResultOK, "", ""},
		{ClientToServer, ResultBad, ResultOK, ReasonMismatch, ""}, // the server saw it so
		{ServerToClient, ResultOK, ResultBad, "", ReasonMismatch},
	} {
		f := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
		f.version = iana.VersionSSL30
		hello := &msg.ClientHello{LegacyVersion: f.version, Random: f.random, CipherSuites: []iana.CipherSuite{iana.TLS_RSA_WITH_NULL_SHA}, CompressionMethods: []byte{0}}
		answer := &msg.ServerHello{LegacyVersion: f.version, Random: f.server, CipherSuite: iana.TLS_RSA_WITH_NULL_SHA}
		exchange := &msg.ClientKeyExchange{EncryptedPremaster: make([]byte, 64)}
		var said []byte
		say := func(d Dir, m msg.Message, kx msg.KeyExchange) {
			raw, err := msg.Append(nil, &msg.Context{Version: f.version, KeyExchange: kx}, m)
			if err != nil {
				t.Fatal(err)
			}
			said = append(said, raw...)
			f.send(d, iana.ContentHandshake, raw)
		}
		say(ClientToServer, hello, 0)
		say(ServerToClient, answer, 0)
		say(ServerToClient, &msg.ServerHelloDone{}, 0)
		say(ClientToServer, exchange, msg.KeyExchangeRSA)
		f.log(keylog.LabelClientRandom, f.main)
		block := bygone.KeyBlock30(f.main, f.random[:], f.server[:], keys.Lengths{MAC: 20})
		for _, end := range []struct {
			dir  Dir
			side keys.Side
			mac  []byte
		}{{ClientToServer, keys.Client, block.Client.MAC}, {ServerToClient, keys.Server, block.Server.MAC}} {
			raw := f.encoded(&msg.Finished{VerifyData: bygone.Finished30(f.main, end.side, said)})
			if row.changed == end.dir {
				raw[len(raw)-1] ^= 1
			}
			said = append(said, raw...)
			f.send(end.dir, iana.ContentChangeCipherSpec, []byte{1})
			f.conn.Feed(end.dir, f.at(), record30(end.mac, raw))
		}
		s := f.done()
		if s.Version != "SSL 3.0" || len(s.Checks) != 2 {
			t.Fatalf("got version %s, checks %+v", s.Version, s.Checks)
		}
		got := []string{s.Checks[0].Result, s.Checks[1].Result, s.Checks[0].Reason, s.Checks[1].Reason}
		if want := []string{row.client, row.server, row.clientWhy, row.serverWhy}; !slices.Equal(got, want) {
			t.Errorf("changed %v: got %q, want %q", row.changed, got, want)
		}
	}
}

// The binder of a pre-shared key that is known, also after a HelloRetryRequest, and with one bit changed.
func TestBinders(t *testing.T) {
	psk := keys.Secret("a pre-shared key")
	hello := func(f *forge) *msg.ClientHello {
		return f.clientHello(iana.ExtPSKKeyExchangeModes, iana.ExtPreSharedKey)
	}
	for _, row := range []struct {
		name   string
		suite  iana.CipherSuite
		given  []string
		retry  bool
		flip   bool
		age    uint32
		label  keys.Label
		result string
		reason string
	}{
		{name: "external", suite: iana.TLS_AES_128_GCM_SHA256, given: []string{string(psk)}, label: keys.ExternalBinderKey, result: ResultOK},
		{name: "of SHA-384", suite: iana.TLS_AES_256_GCM_SHA384, given: []string{string(psk)}, label: keys.ExternalBinderKey, result: ResultOK},
		{name: "of a ticket", suite: iana.TLS_AES_128_GCM_SHA256, given: []string{string(psk)}, age: 7, label: keys.ResumptionBinderKey, result: ResultOK},
		{name: "among several", suite: iana.TLS_AES_128_GCM_SHA256, given: []string{"x", string(psk), "y"}, label: keys.ExternalBinderKey, result: ResultOK},
		{name: "after a HelloRetryRequest", suite: iana.TLS_AES_128_GCM_SHA256, given: []string{string(psk)}, retry: true, label: keys.ExternalBinderKey, result: ResultOK},
		{name: "changed, or another's key", suite: iana.TLS_AES_128_GCM_SHA256, given: []string{string(psk)}, flip: true, label: keys.ExternalBinderKey, result: ResultUnknown, reason: ReasonUnknownPSK},
		{name: "the same after a HelloRetryRequest", suite: iana.TLS_AES_128_GCM_SHA256, given: []string{string(psk)}, retry: true, flip: true, label: keys.ExternalBinderKey, result: ResultUnknown, reason: ReasonUnknownPSK},
		{name: "of a ticket that is not known", suite: iana.TLS_AES_128_GCM_SHA256, given: []string{"x"}, age: 7, label: keys.ResumptionBinderKey, result: ResultUnknown, reason: ReasonUnknownPSK},
		{name: "without any key", suite: iana.TLS_AES_128_GCM_SHA256, label: keys.ExternalBinderKey, result: ResultUnknown, reason: ReasonUnknownPSK},
	} {
		f := newForge(t, iana.VersionTLS13, row.suite)
		for _, p := range row.given {
			f.conn.keys.AddPSK([]byte(p))
		}
		first := hello(f)
		var before []byte
		if row.retry {
			first.Extensions.Order = first.Extensions.Order[:3] // without pre_shared_key
			request := &msg.HelloRetryRequest{LegacyVersion: iana.VersionTLS12, Random: msg.HelloRetryRandom, CipherSuite: row.suite, SelectedVersion: f.version, SelectedGroup: iana.GroupX25519}
			request.Extensions.Add(iana.ExtSupportedVersions, iana.ExtKeyShare)
			h := f.suite.Hash.New()
			h.Write(f.encoded(first))
			before = slices.Concat([]byte{254, 0, 0, byte(h.Size())}, h.Sum(nil), f.encoded(request))
			f.messages(ClientToServer, first)
			f.messages(ServerToClient, request)
		}
		m := hello(f)
		m.PSK.Identities[0].ObfuscatedTicketAge = row.age
		f.bind(m, psk, row.label, before...)
		if row.flip {
			m.PSK.Binders[0][3] ^= 1
		}
		f.messages(ClientToServer, m)
		s := f.done()
		want := Check{What: CheckBinder, From: "client", Result: row.result, Reason: row.reason, Where: "binders[0]"}
		if len(s.Checks) != 1 || s.Checks[0] != want {
			t.Errorf("%s: got %+v, want %+v", row.name, s.Checks, want)
		}
	}
}

// bind fills in the first binder of a hello.
func (f *forge) bind(m *msg.ClientHello, psk keys.Secret, label keys.Label, before ...byte) {
	f.t.Helper()
	m.PSK.Binders[0] = make([]byte, f.suite.Hash.Size())
	raw := f.encoded(m)
	again, _, err := msg.Annotate(&msg.Context{}, raw, true)
	if err != nil {
		f.t.Fatal(err)
	}
	h := f.suite.Hash.New()
	h.Write(before)
	h.Write(raw[:again.(*msg.ClientHello).PSK.BindersAt])
	m.PSK.Binders[0] = keys.TLS13(f.suite.Hash, nil).Early(psk).AppendBinder(nil, label, h.Sum(nil))
}

// That a binder was changed is said where something else proves that the key at hand is the right one: what the server
// made of it. Who gives a wrong key is told that the right one is not known.
func TestBinderProof(t *testing.T) {
	psk, shared := keys.Secret("a pre-shared key"), keys.Secret(bytes.Repeat([]byte{7}, 32))
	const ok, bad = ResultOK, ResultBad + " " + ReasonMismatch
	const unknownPSK, earlier, closed = ResultUnknown + " " + ReasonUnknownPSK, ResultUnknown + " " + ReasonEarlierBad, ResultUnknown + " " + ReasonNotOpened
	for _, row := range []struct {
		name             string
		given            string
		share, log, flip bool
		want             []string // of the binder, the server's Finished and the client's
	}{
		{"alone", string(psk), false, false, false, []string{ok, ok, ok}},
		{"alone, changed", string(psk), false, false, true, []string{bad, earlier, earlier}},
		{"alone, a wrong key", "other", false, false, false, []string{unknownPSK, closed, closed}},
		{"alone, a wrong key and a key log", "other", false, true, false, []string{unknownPSK, ok, ok}},
		{"with (EC)DHE", string(psk), true, true, false, []string{ok, ok, ok}},
		{"with (EC)DHE, changed", string(psk), true, true, true, []string{bad, earlier, earlier}},
		{"with (EC)DHE, a wrong key", "other", true, true, false, []string{unknownPSK, ok, ok}},
		{"with (EC)DHE, no key log", "other", true, false, false, []string{unknownPSK, closed, closed}},
	} {
		f := newForge(t, iana.VersionTLS13, iana.TLS_AES_128_GCM_SHA256)
		f.conn.keys.AddPSK([]byte(row.given))
		kdf := keys.TLS13(f.suite.Hash, nil)
		hello, extensions, secret := f.clientHello(iana.ExtPSKKeyExchangeModes, iana.ExtPreSharedKey), []iana.ExtensionType{iana.ExtPreSharedKey}, keys.Secret(nil)
		if row.share {
			extensions, secret = append(extensions, iana.ExtKeyShare), shared
		}
		answer := f.serverHello(extensions...)
		f.bind(hello, psk, keys.ExternalBinderKey)
		transcript := slices.Concat(f.encoded(hello), f.encoded(answer))
		sum := func() []byte {
			h := f.suite.Hash.New()
			h.Write(transcript)
			return h.Sum(nil)
		}
		client, server := kdf.Early(psk).Handshake(secret).Traffic(sum())
		if row.flip {
			hello.PSK.Binders[0][3] ^= 1
		}
		f.messages(ClientToServer, hello)
		f.messages(ServerToClient, answer)
		if row.log {
			f.log(keylog.LabelClientHandshakeTrafficSecret, client)
			f.log(keylog.LabelServerHandshakeTrafficSecret, server)
		}
		say := func(d Dir, m msg.Message) {
			transcript = append(transcript, f.encoded(m)...)
			f.messages(d, m)
		}
		f.seal13(ServerToClient, f.version, server)
		say(ServerToClient, &msg.EncryptedExtensions{})
		say(ServerToClient, &msg.Finished{VerifyData: kdf.AppendFinished(nil, server, sum())})
		f.seal13(ClientToServer, f.version, client)
		say(ClientToServer, &msg.Finished{VerifyData: kdf.AppendFinished(nil, client, sum())})
		got := make([]string, 3)
		for _, c := range f.done().Checks {
			at := slices.Index([]string{"client " + CheckBinder, "server " + CheckFinished, "client " + CheckFinished}, c.From+" "+c.What)
			got[at] = strings.TrimSpace(c.Result + " " + c.Reason)
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

// What cannot be checked is said to be unknown, and why.
func TestUncheckable(t *testing.T) {
	f := newForge(t, iana.VersionTLS13, iana.TLS_AES_128_GCM_SHA256)
	f.mute = true
	f.messages(ClientToServer, f.clientHello())
	f.server13(f.serverHello(iana.ExtKeyShare), &msg.EncryptedExtensions{})
	f.client13()
	f.data(ClientToServer, "a")
	want := []Check{
		{What: CheckCertificateVerify, From: "server", Result: ResultUnknown, Reason: ReasonNotOpened},
		{What: CheckFinished, From: "server", Result: ResultUnknown, Reason: ReasonNotOpened},
		{What: CheckFinished, From: "client", Result: ResultUnknown, Reason: ReasonNotOpened},
	}
	if got := f.done().Checks; !slices.Equal(got, want) {
		t.Errorf("without keys: got %+v, want %+v", got, want)
	}
	f = newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	f.messages(ServerToClient, f.serverHello(), &msg.Certificate12{List: [][]byte{{1, 2, 3}}}, &msg.ServerKeyExchange{
		CurveType: iana.CurveTypeNamedCurve, NamedCurve: iana.GroupX25519, Public: make([]byte, 32), Algorithm: 0x0804, Signature: []byte{1},
	})
	want = []Check{
		{What: CheckCertificate, From: "server", Result: ResultUnknown, Reason: ReasonUnparsable, Where: "certificate_list[0]"},
		{What: CheckServerKeyExchange, From: "server", Result: ResultUnknown, Reason: ReasonMissing, Where: "signature"},
	}
	if got := f.done().Checks; !slices.Equal(got, want) {
		t.Errorf("one-sided: got %+v, want %+v", got, want)
	}
}
