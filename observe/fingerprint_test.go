package observe

import (
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/suite"
)

// hello is the one that the specification of JA4 takes as its example, with GREASE in it.
func exampleHello() *msg.ClientHello {
	m := &msg.ClientHello{
		LegacyVersion: iana.VersionTLS12,
		CipherSuites: []iana.CipherSuite{
			0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
		},
		SupportedVersions:   []iana.Version{0x1a1a, iana.VersionTLS12, iana.VersionTLS13},
		SignatureAlgorithms: []iana.SignatureScheme{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601},
		ALPN:                []msg.ProtocolName{[]byte("h2"), []byte("http/1.1")},
		SupportedGroups:     []iana.NamedGroup{0x2a2a, 29, 23},
		PointFormats:        []byte{0, 1},
	}
	m.Extensions.Add(0x3a3a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015)
	return m
}

func TestJA4(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(m *msg.ClientHello)
		want   string
	}{
		{"the example", func(*msg.ClientHello) {}, "t13d1516h2_8daaf6152771_e5627efa2ab1"},
		{"no schemes", func(m *msg.ClientHello) { m.SignatureAlgorithms = nil }, "t13d1516h2_8daaf6152771_6d807ffa2a79"},
		{"nothing", func(m *msg.ClientHello) { *m = msg.ClientHello{LegacyVersion: iana.VersionSSL30} }, "ts3i000000_000000000000_000000000000"},
		{"GREASE alone", func(m *msg.ClientHello) {
			m.SupportedVersions = []iana.Version{0x1a1a}
		}, "t00d1516h2_8daaf6152771_e5627efa2ab1"},
	} {
		m := exampleHello()
		row.change(m)
		if got := ja4(m).Value; got != row.want {
			t.Errorf("%s: got %s, want %s", row.name, got, row.want)
		}
	}
	for alpn, want := range map[string]string{
		"": "00", "h": "hh", "http/1.1": "h1", "\xab": "ab", "\xab\xcd": "ad", "0\xab": "3b", "01\xab\xcd": "3d", "0\xab\xcd1": "01",
	} {
		if got := ja4ALPN([]msg.ProtocolName{[]byte(alpn)}); got != want {
			t.Errorf("ALPN %q: got %s, want %s", alpn, got, want)
		}
	}
}

func TestJA3(t *testing.T) {
	const text = "771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53," +
		"27-0-51-16-17513-23-45-13-5-35-18-43-65281-11-10-21,29-23,0-1"
	if got := ja3(exampleHello()); got.Text != text || len(got.Value) != 32 {
		t.Errorf("got %+v, want text %s", got, text)
	}
	m := &msg.ClientHello{LegacyVersion: iana.VersionTLS10, CipherSuites: []iana.CipherSuite{49199}}
	if got := ja3(m).Text; got != "769,49199,,," {
		t.Errorf("got %s without extensions", got)
	}
	var x msg.Extensions
	x.Add(43, 51)
	if got := ja3s(iana.VersionTLS12, 0x1301, &x).Text; got != "771,4865,43-51" {
		t.Errorf("got %s of a server", got)
	}
}

// The first hellos count: neither a second one after a HelloRetryRequest nor a renegotiation.
func TestFirstHellosCount(t *testing.T) {
	f := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	f.handshake12()
	first := f.conn.Session().Fingerprints
	hello := f.clientHello(iana.ExtPadding)
	f.messages(ClientToServer, hello)
	f.messages(ServerToClient, f.serverHello(iana.ExtExtendedMainSecret))
	if got := f.done().Fingerprints; got != first || first.JA3 == "" || first.JA3S == "" || first.JA4 == "" {
		t.Errorf("got %+v after a renegotiation, want %+v", got, first)
	}
}

func finiteP(id iana.NamedGroup) []byte { return suite.GroupByID(id).Field().P }

func TestGroupOfDHE(t *testing.T) {
	for _, row := range []struct {
		name  string
		p, g  []byte
		group string
	}{
		{"ffdhe3072", finiteP(iana.GroupFFDHE3072), []byte{2}, "ffdhe3072"},
		{"with zeros before", append([]byte{0}, finiteP(iana.GroupFFDHE2048)...), []byte{0, 2}, "ffdhe2048"},
		{"another generator", finiteP(iana.GroupFFDHE2048), []byte{3}, ""},
		{"another prime", []byte{23}, []byte{2}, ""},
	} {
		f := newForge(t, iana.VersionTLS12, iana.TLS_DHE_RSA_WITH_AES_128_GCM_SHA256)
		f.messages(ClientToServer, f.clientHello())
		f.messages(ServerToClient, f.serverHello())
		raw, err := msg.Append(nil, &msg.Context{Version: f.version, KeyExchange: msg.KeyExchangeDHE},
			&msg.ServerKeyExchange{P: row.p, G: row.g, Public: []byte{5}, Algorithm: iana.SchemeRSAPKCS1SHA256, Signature: []byte{1}})
		if err != nil {
			t.Fatal(err)
		}
		f.send(ServerToClient, iana.ContentHandshake, raw)
		if got := f.done().Group; got != row.group {
			t.Errorf("%s: got group %q, want %q", row.name, got, row.group)
		}
	}
}
