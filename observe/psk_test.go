package observe

import (
	"bytes"
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/keylog"
)

// seal13 sets the sender's keys to those of a traffic secret.
func (f *forge) seal13(d Dir, v iana.Version, secret keys.Secret) {
	f.sealers[d].SetKeys(&suite.TrafficKeys{Version: v, Suite: f.suite, Secret: secret.Clone()})
}

func (f *forge) encoded(m msg.Message) []byte {
	f.t.Helper()
	raw, err := msg.Append(nil, &msg.Context{Version: f.version}, m)
	if err != nil {
		f.t.Fatal(err)
	}
	return raw
}

// derived plays a handshake whose keys come from a schedule of its own, and then a word of each end.
func (f *forge) derived(psk, shared keys.Secret, extensions ...iana.ExtensionType) {
	f.t.Helper()
	kdf := keys.TLS13(f.suite.Hash, nil)
	hello := f.clientHello(iana.ExtEarlyData, iana.ExtPSKKeyExchangeModes, iana.ExtPreSharedKey)
	answer := f.serverHello(extensions...)
	transcript := bytes.Join([][]byte{f.encoded(hello)}, nil)
	sum := func() []byte {
		h := f.suite.Hash.New()
		h.Write(transcript)
		return h.Sum(nil)
	}
	f.messages(ClientToServer, hello)
	if psk != nil {
		f.seal13(ClientToServer, f.version, kdf.Early(psk).ClientTraffic(sum()))
		f.data(ClientToServer, "early")
	}
	transcript = append(transcript, f.encoded(answer)...)
	f.messages(ServerToClient, answer)
	handshake := kdf.Early(psk).Handshake(shared)
	client, server := handshake.Traffic(sum())
	f.seal13(ServerToClient, f.version, server)
	for _, m := range []msg.Message{withEarlyData(), finished()} {
		transcript = append(transcript, f.encoded(m)...)
		f.messages(ServerToClient, m)
	}
	clientData, serverData, _ := handshake.Main().Application(sum())
	f.seal13(ServerToClient, f.version, serverData)
	if psk != nil {
		f.messages(ClientToServer, &msg.EndOfEarlyData{})
	}
	f.seal13(ClientToServer, f.version, client)
	f.messages(ClientToServer, finished())
	f.seal13(ClientToServer, f.version, clientData)
	f.data(ClientToServer, "question")
	f.data(ServerToClient, "answer")
}

// A PSK opens early data always, and the rest where it is alone; with the shared secret it opens all.
func TestPSK13(t *testing.T) {
	psk, shared := keys.Secret("a pre-shared key"), keys.Secret(bytes.Repeat([]byte{7}, 32))
	for _, row := range []struct {
		name       string
		psk, share bool // of ServerHello
		give       func(f *forge)
		data       string
		why        DecryptError
	}{
		{"alone", true, false, func(f *forge) { f.conn.keys.AddPSK(psk) }, "earlyquestion", ""},
		{"a wrong one first", true, false, func(f *forge) { f.conn.keys.AddPSK(psk); f.conn.keys.AddPSK([]byte("other")) }, "earlyquestion", ""},
		{"with (EC)DHE", true, true, func(f *forge) { f.conn.keys.AddPSK(psk) }, "early", DecryptPSKNotEnough},
		{"with (EC)DHE, both known", true, true, func(f *forge) {
			f.conn.keys.AddPSK(psk)
			f.log(keylog.LabelSharedSecret, shared)
		}, "earlyquestion", ""},
		{"not given", true, false, func(*forge) {}, "", DecryptPSK},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newForge(t, iana.VersionTLS13, iana.TLS_AES_128_GCM_SHA256)
			row.give(f)
			extensions, secret := []iana.ExtensionType{iana.ExtPreSharedKey}, keys.Secret(nil)
			if row.share {
				extensions, secret = append(extensions, iana.ExtKeyShare), shared
			}
			f.derived(psk, secret, extensions...)
			s := f.done()
			var got []byte
			for _, e := range f.events {
				if d, ok := e.Body.(*ApplicationData); ok && e.Dir == ClientToServer {
					got = append(got, d.Data...)
				}
			}
			if string(got) != row.data || s.DecryptError != row.why {
				t.Errorf("got data %q, error %q, want %q, %q; findings %v", got, s.DecryptError, row.data, row.why, s.Findings)
			}
		})
	}
}

// A line of write keys opens its direction only.
func TestWriteKeys13(t *testing.T) {
	const id = iana.TLS_AES_128_GCM_SHA256
	kdf := keys.TLS13(suite.ByID(id).Hash, nil)
	secret := make(keys.Secret, 32)
	key, iv := make([]byte, 16), make([]byte, 12)
	kdf.TrafficKeys(secret, key, iv)
	g := newForge(t, iana.VersionTLS13, id)
	g.log(keylog.LabelServerHandshakeWriteKeys, append(bytes.Clone(key), iv...))
	g.messages(ClientToServer, g.clientHello())
	g.messages(ServerToClient, g.serverHello(iana.ExtKeyShare))
	g.seal13(ServerToClient, g.version, secret)
	g.messages(ServerToClient, &msg.EncryptedExtensions{})
	g.seal13(ClientToServer, g.version, secret)
	g.messages(ClientToServer, finished())
	s := g.done()
	g.want(ServerToClient, "ServerHello | EncryptedExtensions")
	g.want(ClientToServer, "ClientHello | EncryptedHandshake")
	if !s.Decrypted || s.DecryptError != DecryptPartial {
		t.Errorf("got decrypted %v, error %q, want true and %q", s.Decrypted, s.DecryptError, DecryptPartial)
	}
}

func TestWriteKeys12(t *testing.T) {
	f := newForge(t, iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	block := keys.TLS12(f.suite.Hash, nil).KeyBlock(f.main, f.random[:], f.server[:], f.suite.Lengths())
	f.log(keylog.LabelClientWriteKeys, append(block.Client.Key.Clone(), block.Client.IV...))
	f.mute = true
	f.handshake12()
	f.data(ClientToServer, "a")
	f.data(ServerToClient, "b")
	f.done()
	f.want(ClientToServer, "ClientHello ClientKeyExchange | Finished 'a'")
	f.want(ServerToClient, "ServerHello ServerHelloDone | EncryptedHandshake")
}

// Drafts from 23 on are opened, up to 24 without a header that is authenticated; older ones are not, and it is said.
func TestDrafts(t *testing.T) {
	shared := keys.Secret(bytes.Repeat([]byte{7}, 32))
	for _, row := range []struct {
		version iana.Version
		name    string
		why     DecryptError
	}{
		{iana.VersionTLS13Draft23, "TLS 1.3 (draft 23)", ""},
		{iana.VersionTLS13Draft24, "TLS 1.3 (draft 24)", ""},
		{iana.VersionTLS13Draft25, "TLS 1.3 (draft 25)", ""},
		{iana.VersionTLS13Draft28, "TLS 1.3 (draft 28)", ""},
		{iana.VersionTLS13Draft22, "TLS 1.3 (draft 22)", DecryptDraft},
	} {
		f := newForge(t, row.version, iana.TLS_AES_128_GCM_SHA256)
		f.log(keylog.LabelSharedSecret, shared)
		f.derived(nil, shared, iana.ExtKeyShare)
		s := f.done()
		if s.Version != row.name || s.Decrypted != (row.why == "") || s.DecryptError != row.why {
			t.Errorf("got version %s, decrypted %v, error %q, want %s, error %q; %v", s.Version, s.Decrypted, s.DecryptError, row.name, row.why, s.Findings)
		}
	}
}
