package keys

import (
	"bytes"
	"crypto"
	"crypto/hkdf"
	"crypto/hmac"
	"encoding/binary"
	"fmt"
	"hash"
	"math/rand/v2"
	"testing"
)

// The schedule once more, from the standard library's parts, as plainly as it can be said.

func referenceExpandLabel(h func() hash.Hash, secret []byte, label string, context []byte, length int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(length))
	info = append(info, byte(len("tls13 ")+len(label)))
	info = append(info, "tls13 "+label...)
	info = append(info, byte(len(context)))
	info = append(info, context...)
	out, err := hkdf.Expand(h, secret, string(info), length)
	if err != nil {
		panic(err)
	}
	return out
}

func referenceExtract(h func() hash.Hash, salt, ikm []byte) []byte {
	out, err := hkdf.Extract(h, ikm, salt)
	if err != nil {
		panic(err)
	}
	return out
}

func referencePHash(h func() hash.Hash, secret, seed []byte, length int) []byte {
	mac := func(parts ...[]byte) []byte {
		m := hmac.New(h, secret)
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	var out []byte
	for a := mac(seed); len(out) < length; a = mac(a) {
		out = append(out, mac(a, seed)...)
	}
	return out[:length]
}

// random returns n bytes from a fixed source, so that a failure can be repeated.
func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

var hashes13 = []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}

func TestScheduleAgainstReference(t *testing.T) {
	for _, id := range hashes13 {
		t.Run(id.String(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(id)))
			h, n := id.New, id.Size()
			psk, shared, transcript := random(r, n), random(r, 97), random(r, n)
			empty := h().Sum(nil)
			kdf := TLS13(id, nil)
			check := func(name string, got, want []byte) {
				t.Helper()
				if !bytes.Equal(got, want) || len(got) == 0 {
					t.Errorf("%s: got %x, want %x", name, got, want)
				}
			}
			early := referenceExtract(h, nil, psk)
			e := kdf.Early(psk)
			check("client early", e.ClientTraffic(transcript), referenceExpandLabel(h, early, "c e traffic", transcript, n))
			check("early exporter", e.Exporter(transcript), referenceExpandLabel(h, early, "e exp master", transcript, n))
			for kind, label := range map[Label]string{ExternalBinderKey: "ext binder", ResumptionBinderKey: "res binder"} {
				key := referenceExpandLabel(h, early, label, empty, n)
				mac := hmac.New(h, referenceExpandLabel(h, key, "finished", nil, n))
				mac.Write(transcript)
				check(label, e.AppendBinder([]byte("head"), kind, transcript), mac.Sum([]byte("head")))
			}
			handshake := referenceExtract(h, referenceExpandLabel(h, early, "derived", empty, n), shared)
			hs := e.Handshake(shared)
			client, server := hs.Traffic(transcript)
			check("client handshake", client, referenceExpandLabel(h, handshake, "c hs traffic", transcript, n))
			check("server handshake", server, referenceExpandLabel(h, handshake, "s hs traffic", transcript, n))
			main := referenceExtract(h, referenceExpandLabel(h, handshake, "derived", empty, n), make([]byte, n))
			ms := hs.Main()
			client, server, exporter := ms.Application(transcript)
			check("client application", client, referenceExpandLabel(h, main, "c ap traffic", transcript, n))
			check("server application", server, referenceExpandLabel(h, main, "s ap traffic", transcript, n))
			check("exporter", exporter, referenceExpandLabel(h, main, "exp master", transcript, n))
			resumption := ms.Resumption(transcript)
			check("resumption", resumption, referenceExpandLabel(h, main, "res master", transcript, n))
			check("ticket", kdf.TicketPSK(resumption, []byte{7, 8}), referenceExpandLabel(h, resumption, "resumption", []byte{7, 8}, n))
			key, iv := make([]byte, 32), make([]byte, 12)
			kdf.TrafficKeys(client, key, iv)
			check("key", key, referenceExpandLabel(h, client, "key", nil, 32))
			check("iv", iv, referenceExpandLabel(h, client, "iv", nil, 12))
			next := client.Clone()
			kdf.Update(next)
			check("next", next, referenceExpandLabel(h, client, "traffic upd", nil, n))
		})
	}
}

// No PSK and no (EC)DHE count as zeros of the hash's length, not as nothing (RFC 9846 §7.1).
func TestMissingSecretsAreZeros(t *testing.T) {
	for _, id := range hashes13 {
		zero, transcript := make(Secret, id.Size()), []byte("transcript")
		a, _ := TLS13(id, nil).Early(nil).Handshake(nil).Traffic(transcript)
		b, _ := TLS13(id, nil).Early(zero).Handshake(zero).Traffic(transcript)
		if !bytes.Equal(a, b) {
			t.Errorf("%v: got %x, want %x", id, a.Reveal(), b.Reveal())
		}
	}
}

func TestExport13AgainstReference(t *testing.T) {
	for _, id := range hashes13 {
		r := rand.New(rand.NewPCG(2, uint64(id)))
		secret, h := random(r, id.Size()), id.New
		for _, c := range []struct{ label, context, length int }{{0, 0, 0}, {1, 0, 1}, {12, 1, 32}, {30, 5000, 255}, {249, 64, 255 * id.Size()}} {
			t.Run(fmt.Sprintf("%v %+v", id, c), func(t *testing.T) {
				label, context := string(random(r, c.label)), random(r, c.context)
				base := referenceExpandLabel(h, secret, label, h().Sum(nil), id.Size())
				sum := h()
				sum.Write(context)
				want := referenceExpandLabel(h, base, "exporter", sum.Sum(nil), c.length)
				got, err := TLS13(id, nil).Export(secret, label, context, c.length)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("got %x, error %v, want %x", got, err, want)
				}
			})
		}
	}
}

func TestExport13Refuses(t *testing.T) {
	kdf, secret := TLS13(crypto.SHA256, nil), make(Secret, 32)
	for name, call := range map[string]func() ([]byte, error){
		"long label":      func() ([]byte, error) { return kdf.Export(secret, string(make([]byte, 250)), nil, 32) },
		"long output":     func() ([]byte, error) { return kdf.Export(secret, "x", nil, 255*32+1) },
		"negative length": func() ([]byte, error) { return kdf.Export(secret, "x", nil, -1) },
	} {
		if got, err := call(); err == nil || got != nil {
			t.Errorf("%s: got %x, error %v, want an error alone", name, got, err)
		}
	}
}

func TestMACAgainstReference(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, id := range []crypto.Hash{crypto.MD5, crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		m := acquire(id)
		for _, keyLen := range []int{0, 1, 63, 64, 65, 127, 128, 129, 1024} {
			key := random(r, keyLen)
			m.setKey(key)
			for _, length := range []int{0, 1, 127, 128, 129, 1000} {
				message := random(r, length)
				want := hmac.New(id.New, key)
				want.Write(message)
				m.begin()
				m.write(message[:length/2])
				m.writeString(string(message[length/2:]))
				if got := m.sum(); !bytes.Equal(got, want.Sum(nil)) {
					t.Errorf("%v, key of %d, message of %d: got %x, want %x", id, keyLen, length, got, want.Sum(nil))
				}
			}
		}
		m.release()
	}
}
