package keys

import (
	"bytes"
	"crypto"
	"reflect"
	"strings"
	"testing"
)

// A secret may be derived only from the rung that owns it, and a rung left behind is of no use.
func TestRungsAreLeftForGood(t *testing.T) {
	kdf, hash := TLS13(crypto.SHA256, nil), make([]byte, 32)
	for name, misuse := range map[string]func(){
		"early traffic after Handshake": func() { e := kdf.Early(nil); e.Handshake(nil); e.ClientTraffic(hash) },
		"binder after Handshake":        func() { e := kdf.Early(nil); e.Handshake(nil); e.AppendBinder(nil, ResumptionBinderKey, hash) },
		"Handshake twice":               func() { e := kdf.Early(nil); e.Handshake(nil); e.Handshake(nil) },
		"handshake traffic after Main":  func() { h := kdf.Early(nil).Handshake(nil); h.Main(); h.Traffic(hash) },
		"Main twice":                    func() { h := kdf.Early(nil).Handshake(nil); h.Main(); h.Main() },
		"after Wipe":                    func() { m := kdf.Early(nil).Handshake(nil).Main(); m.Wipe(); m.Resumption(hash) },
		"another rung's label":          func() { kdf.Early(nil).AppendBinder(nil, ClientHandshakeTraffic, hash) },
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "keys: ") {
					t.Errorf("%s: got panic %q, want one of keys", name, text)
				}
			}()
			misuse()
		}()
	}
}

func TestStepsOverwriteTheSecret(t *testing.T) {
	e := TLS13(crypto.SHA384, nil).Early(testSecret())
	early := *e.secret
	h := e.Handshake(testSecret())
	if *e.secret == early {
		t.Error("the early secret is still there after the step to Handshake")
	}
	m := h.Main()
	m.Wipe()
	m.Wipe()
	if *m.secret != [maxHash]byte{} {
		t.Errorf("after Wipe: got %x, want zeros", *m.secret)
	}
}

// What a released mac holds, the hash object's own buffer included, is what a new one holds: nothing of the secrets.
func TestReleasedMacIsBlank(t *testing.T) {
	for _, id := range []crypto.Hash{crypto.MD5, crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		blank := acquire(id)
		blank.wipe()
		m := acquire(id)
		m.setKey(testSecret())
		m.begin()
		m.write(bytes.Repeat(testSecret(), 7)[:200])
		copy(m.tmp[:], m.sum())
		m.keepHash(testSecret())
		m.write(testSecret()) // a message that is never ended stays in the hash's buffer
		if !strings.Contains(string(memory(reflect.ValueOf(m.h))), string(testSecret())) {
			t.Fatalf("%v: the test does not see the hash's buffer", id)
		}
		m.wipe()
		if got, want := memory(reflect.ValueOf(m.h)), memory(reflect.ValueOf(blank.h)); !bytes.Equal(got, want) {
			t.Errorf("%v: hash object: got %x, want %x", id, got, want)
		}
		for name, part := range map[string][]byte{
			"states": append(m.states[0][:], m.states[1][:]...), "buf": m.buf[:], "out": m.out[:], "tmp": m.tmp[:], "kept": m.kept[:],
		} {
			if len(bytes.Trim(part, "\x00")) != 0 {
				t.Errorf("%v: %s: got %x, want zeros", id, name, part)
			}
		}
	}
}

// memory returns every byte reachable from v through unexported fields.
func memory(v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return memory(v.Elem())
	case reflect.Struct:
		var all []byte
		for i := range v.NumField() {
			all = append(all, memory(v.Field(i))...)
		}
		return all
	case reflect.Array, reflect.Slice:
		var all []byte
		for i := range v.Len() {
			all = append(all, memory(v.Index(i))...)
		}
		return all
	case reflect.Uint8:
		return []byte{byte(v.Uint())}
	case reflect.Uint32, reflect.Uint64:
		n := v.Uint()
		return []byte{byte(n >> 56), byte(n >> 48), byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	}
	return nil
}

// Each secret is its own to wipe, though some share an allocation.
func TestWipingOneSecretLeavesTheOthers(t *testing.T) {
	client, server, exporter := TLS13(crypto.SHA256, nil).Early(nil).Handshake(nil).Main().Application(make([]byte, 32))
	before := [2]Secret{server.Clone(), exporter.Clone()}
	client.Wipe()
	client = append(client, 1)
	if len(client) != 33 || !bytes.Equal(server, before[0]) || !bytes.Equal(exporter, before[1]) {
		t.Errorf("got %x %x, want %x %x", server.Reveal(), exporter.Reveal(), before[0].Reveal(), before[1].Reveal())
	}
}

func TestLogGetsACopy(t *testing.T) {
	var got Secret
	kdf := TLS13(crypto.SHA256, func(_ Label, s Secret) { got = s; s[0] ^= 0xff })
	client, _ := kdf.Early(nil).Handshake(nil).Traffic(make([]byte, 32))
	want, _ := TLS13(crypto.SHA256, nil).Early(nil).Handshake(nil).Traffic(make([]byte, 32))
	if !bytes.Equal(client, want) {
		t.Errorf("a log changed the secret: got %x, want %x", client.Reveal(), want.Reveal())
	}
	if !bytes.Equal(got, make([]byte, 32)) {
		t.Errorf("the log's copy after its return: got %x, want zeros", got.Reveal())
	}
}
