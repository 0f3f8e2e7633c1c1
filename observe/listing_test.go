package observe

import (
	"bytes"
	"crypto/hkdf"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/keylog"
)

// listed is the list of a session's keys, a line each.
func listed(s *Session) []string {
	var lines []string
	for _, k := range s.Keys {
		line := strings.TrimSpace(strings.Join([]string{k.What, k.Label, k.From}, " "))
		switch {
		case k.Why != "":
			line += ": " + k.Why
		case k.Value != "":
			line += " = " + k.Value
		default:
			line += fmt.Sprintf(", %d bytes", k.Length)
		}
		lines = append(lines, line)
	}
	return lines
}

func wantList(t *testing.T, what string, s *Session, want ...string) {
	t.Helper()
	if got := listed(s); !slices.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func TestListKeys12(t *testing.T) {
	play := func(view KeyView, id iana.CipherSuite, mute bool) (*forge, *Session) {
		f := newForge(t, iana.VersionTLS12, id)
		f.conn.opts.ListKeys, f.mute = view, mute
		copy(f.main, "a main secret")
		f.handshake12()
		f.data(ClientToServer, "a")
		return f, f.done()
	}
	f, s := play(ShownKeys, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, false)
	b := keys.TLS12(f.suite.Hash, nil).KeyBlock(f.main, f.random[:], f.server[:], f.suite.Lengths())
	wantList(t, "an AEAD", s,
		fmt.Sprintf("client_random  client = %x", f.random), fmt.Sprintf("server_random  server = %x", f.server),
		"premaster_secret: main_secret_given", fmt.Sprintf("main_secret CLIENT_RANDOM = %x", f.main.Reveal()),
		"write_mac_key CLIENT_RANDOM client: none_with_aead", "write_mac_key CLIENT_RANDOM server: none_with_aead",
		fmt.Sprintf("write_key CLIENT_RANDOM client = %x", b.Client.Key.Reveal()), fmt.Sprintf("write_key CLIENT_RANDOM server = %x", b.Server.Key.Reveal()),
		fmt.Sprintf("write_iv CLIENT_RANDOM client = %x", b.Client.IV.Reveal()), fmt.Sprintf("write_iv CLIENT_RANDOM server = %x", b.Server.IV.Reveal()))
	f, s = play(MaskedKeys, iana.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, false)
	wantList(t, "a block cipher, masked", s,
		fmt.Sprintf("client_random  client = %x", f.random), fmt.Sprintf("server_random  server = %x", f.server),
		"premaster_secret: main_secret_given", "main_secret CLIENT_RANDOM, 48 bytes",
		"write_mac_key CLIENT_RANDOM client, 32 bytes", "write_mac_key CLIENT_RANDOM server, 32 bytes",
		"write_key CLIENT_RANDOM client, 16 bytes", "write_key CLIENT_RANDOM server, 16 bytes",
		"write_iv CLIENT_RANDOM client: none_in_the_secrets", "write_iv CLIENT_RANDOM server: none_in_the_secrets")
	f, s = play(ShownKeys, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, true)
	wantList(t, "nothing known", s,
		fmt.Sprintf("client_random  client = %x", f.random), fmt.Sprintf("server_random  server = %x", f.server),
		"premaster_secret: no_secret", "main_secret CLIENT_RANDOM: no_secret",
		"write_mac_key CLIENT_RANDOM client: none_with_aead", "write_mac_key CLIENT_RANDOM server: none_with_aead",
		"write_key CLIENT_RANDOM client: no_secret", "write_key CLIENT_RANDOM server: no_secret",
		"write_iv CLIENT_RANDOM client: no_secret", "write_iv CLIENT_RANDOM server: no_secret")
	if _, s = play(NoKeys, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, false); s.Keys != nil {
		t.Errorf("not asked for: got %v", s.Keys)
	}
}

// What a cipher does not have is not said to be unknown, nor to be in the records.
func TestListKeysOfOldCiphers(t *testing.T) {
	for _, row := range []struct {
		id       iana.CipherSuite
		version  iana.Version
		mac, key string
		iv       string
	}{
		{iana.TLS_RSA_WITH_RC4_128_MD5, iana.VersionSSL30, ", 16 bytes", ", 16 bytes", ": none_with_cipher"},
		{iana.TLS_RSA_WITH_RC4_128_SHA, iana.VersionTLS12, ", 20 bytes", ", 16 bytes", ": none_with_cipher"},
		{iana.TLS_RSA_WITH_NULL_SHA256, iana.VersionTLS12, ", 32 bytes", ": none_with_cipher", ": none_with_cipher"},
		{iana.TLS_RSA_WITH_3DES_EDE_CBC_SHA, iana.VersionTLS10, ", 20 bytes", ", 24 bytes", ", 8 bytes"},
		{iana.TLS_RSA_WITH_3DES_EDE_CBC_SHA, iana.VersionTLS11, ", 20 bytes", ", 24 bytes", ": none_in_the_secrets"},
		{iana.TLS_RSA_WITH_AES_128_CCM_8, iana.VersionTLS12, ": none_with_aead", ", 16 bytes", ", 4 bytes"},
		{iana.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, iana.VersionTLS12, ": none_with_aead", ", 32 bytes", ", 12 bytes"},
	} {
		f := newForge(t, row.version, row.id)
		f.conn.opts.ListKeys = MaskedKeys
		f.suite = &suite.Suite{ID: row.id}
		answer := f.serverHello()
		answer.LegacyVersion = row.version
		f.log(keylog.LabelClientRandom, f.main)
		f.messages(ClientToServer, f.clientHello())
		f.messages(ServerToClient, answer)
		got := listed(f.done())
		for i, want := range []string{"write_mac_key", "write_key", "write_iv"} {
			for _, end := range []string{"client", "server"} {
				want := want + " CLIENT_RANDOM " + end + []string{row.mac, row.key, row.iv}[i]
				if !slices.Contains(got, want) {
					t.Errorf("%v, %v: no %q in\n%s", row.version, row.id, want, strings.Join(got, "\n"))
				}
			}
		}
	}
}

// The keys of a renegotiation come from a premaster secret of its own.
func TestListKeysAgain(t *testing.T) {
	var u used
	u.note(level{epoch: EpochApplication, generation: 1}, ClientToServer, nil, origin{main: mainSecret{keys.Secret("main"), keys.Secret("premaster")}})
	if string(u.main.premaster) != "premaster" {
		t.Errorf("got premaster secret %q", u.main.premaster.Reveal())
	}
	u = used{}
	u.note(level{epoch: EpochApplication, generation: 1}, ClientToServer, keys.Secret("traffic"), origin{})
	if u.traffic != nil {
		t.Error("got the keys after a KeyUpdate, want those before it")
	}
}

// With a pre-shared key and the shared secret all rungs of the ladder are known: each traffic secret comes from them.
func TestListKeys13(t *testing.T) {
	psk, shared := keys.Secret("a pre-shared key"), keys.Secret(bytes.Repeat([]byte{7}, 32))
	f := newForge(t, iana.VersionTLS13, iana.TLS_AES_128_GCM_SHA256)
	f.conn.opts.ListKeys = ShownKeys
	f.conn.keys.AddPSK(psk)
	f.log(keylog.LabelSharedSecret, shared)
	f.derived(psk, shared, iana.ExtPreSharedKey, iana.ExtKeyShare)
	s := f.done()
	value := func(what, label, from string) []byte {
		for _, k := range s.Keys {
			if k.What == what && (label == "" || k.Label == label) && k.From == from {
				b, _ := hex.DecodeString(k.Value)
				return b
			}
		}
		t.Errorf("no %s %s %s in %s", what, label, from, strings.Join(listed(s), "\n"))
		return nil
	}
	if got := value(KeyPSK, "", ""); !bytes.Equal(got, psk) {
		t.Errorf("got PSK %x", got)
	}
	if got := value(KeyShared, "", ""); !bytes.Equal(got, shared) {
		t.Errorf("got shared secret %x", got)
	}
	h := f.suite.Hash
	for _, row := range []struct {
		from, label, name string
		through           func(*transcript) ([]byte, bool)
	}{
		{KeyEarlySecret, keylog.LabelClientEarlyTrafficSecret, "c e traffic", func(tr *transcript) ([]byte, bool) { return tr.throughClient(h) }},
		{KeyHandshakeSecret, keylog.LabelClientHandshakeTrafficSecret, "c hs traffic", func(tr *transcript) ([]byte, bool) { return tr.through(h, iana.HandshakeServerHello) }},
		{KeyMain, keylog.LabelClientTrafficSecret0, "c ap traffic", func(tr *transcript) ([]byte, bool) { return tr.throughServer(h) }},
	} {
		sum, _ := row.through(&f.conn.hs.said)
		info := append([]byte{0, byte(h.Size()), byte(6 + len(row.name))}, "tls13 "+row.name...)
		info = append(append(info, byte(len(sum))), sum...)
		want, err := hkdf.Expand(h.New, value(row.from, "", ""), string(info), h.Size())
		if err != nil {
			t.Fatal(err)
		}
		got := value(KeyTraffic, row.label, "client")
		if !bytes.Equal(got, want) {
			t.Errorf("%s: got %x, want %x", row.label, got, want)
		}
		key, iv := make([]byte, 16), make([]byte, 12)
		keys.TLS13(h, nil).TrafficKeys(want, key, iv)
		if !bytes.Equal(value(KeyWrite, row.label, "client"), key) || !bytes.Equal(value(KeyWriteIV, row.label, "client"), iv) {
			t.Errorf("%s: other keys", row.label)
		}
	}
}

// Where keys themselves were given, they are listed, and no secret; what is not known is said where it would be.
func TestListKeysPartly(t *testing.T) {
	f := newForge(t, iana.VersionTLS13, iana.TLS_AES_128_GCM_SHA256)
	f.conn.opts.ListKeys = MaskedKeys
	f.messages(ClientToServer, f.clientHello())
	f.messages(ServerToClient, f.serverHello(iana.ExtKeyShare))
	f.traffic13(ServerToClient, EpochHandshake)
	f.messages(ServerToClient, &msg.EncryptedExtensions{}, finished())
	s := f.done()
	got := strings.Join(listed(s), "\n")
	for _, want := range []string{
		"shared_secret SHARED_SECRET: not_in_key_logs", "main_secret: not_in_key_logs",
		"traffic_secret SERVER_HANDSHAKE_TRAFFIC_SECRET server, 32 bytes", "write_key SERVER_HANDSHAKE_TRAFFIC_SECRET server, 16 bytes",
		"traffic_secret SERVER_TRAFFIC_SECRET_0 server: not_known", "write_iv CLIENT_TRAFFIC_SECRET_0 client: not_known",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for _, k := range s.Keys {
		if k.Secret && k.Value != "" {
			t.Errorf("masked, got %s %s = %s", k.What, k.Label, k.Value)
		}
	}
}
