package keys

import (
	"crypto"
	"testing"
)

// The budgets are what each call gives back: its result, and nothing for the computing.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool drop what it holds")
	}
	hash, random, secret := make([]byte, 32), make([]byte, 32), make(Secret, 32)
	key, iv, finished := make([]byte, 16), make([]byte, 12), make([]byte, 0, 64)
	kdf, prf, old := TLS13(crypto.SHA256, nil), TLS12(crypto.SHA256, nil), TLS10(nil)
	early := kdf.Early(secret)
	for _, c := range []struct {
		name string
		want float64
		call func()
	}{
		{"Early…Main, every secret of a 1-RTT handshake", 4, func() { allSecrets(kdf, secret, hash) }},
		{"TrafficKeys", 0, func() { kdf.TrafficKeys(secret, key, iv) }},
		{"Update", 0, func() { kdf.Update(secret) }},
		{"AppendFinished", 0, func() { kdf.AppendFinished(finished, secret, hash) }},
		{"AppendBinder", 0, func() { early.AppendBinder(finished, ResumptionBinderKey, hash) }},
		{"TicketPSK", 1, func() { kdf.TicketPSK(secret, iv) }},
		{"Export", 1, func() { _, _ = kdf.Export(secret, "label", random, 32) }},
		{"1.2 MainSecret", 1, func() { prf.MainSecret(secret, random, random) }},
		{"1.2 ExtendedMainSecret", 1, func() { prf.ExtendedMainSecret(secret, hash) }},
		{"1.2 KeyBlock", 1, func() { prf.KeyBlock(secret, random, random, Lengths{Key: 16, IV: 4}) }},
		{"1.2 AppendFinished", 0, func() { prf.AppendFinished(finished, secret, Client, hash) }},
		{"1.2 Export with context", 1, func() { _, _ = prf.Export(secret, "label", random, random, hash, 32) }},
		{"1.0 KeyBlock", 1, func() { old.KeyBlock(secret, random, random, Lengths{MAC: 20, Key: 16, IV: 16}) }},
	} {
		if got := testing.AllocsPerRun(200, c.call); got > c.want {
			t.Errorf("%s: got %v allocations, want %v", c.name, got, c.want)
		}
	}
}

func allSecrets(kdf KDF, shared Secret, hash []byte) {
	handshake := kdf.Early(nil).Handshake(shared)
	handshake.Traffic(hash)
	main := handshake.Main()
	main.Application(hash)
	main.Resumption(hash)
	main.Wipe()
}

func BenchmarkSchedule13(b *testing.B) {
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384} {
		b.Run(h.String(), func(b *testing.B) {
			kdf, secret, hash := TLS13(h, nil), make(Secret, 32), make([]byte, h.Size())
			key, iv, out := make([]byte, 16), make([]byte, 12), make([]byte, 0, 64)
			b.ReportAllocs()
			for b.Loop() {
				allSecrets(kdf, secret, hash)
				for range 4 {
					kdf.TrafficKeys(secret, key, iv)
				}
				kdf.AppendFinished(out, secret, hash)
				kdf.AppendFinished(out, secret, hash)
			}
		})
	}
}

func BenchmarkSchedule12(b *testing.B) {
	prf, secret, hash := TLS12(crypto.SHA256, nil), make(Secret, 32), make([]byte, 32)
	out := make([]byte, 0, 16)
	b.ReportAllocs()
	for b.Loop() {
		main := prf.ExtendedMainSecret(secret, hash)
		prf.KeyBlock(main, hash, hash, Lengths{Key: 16, IV: 4})
		prf.AppendFinished(out, main, Client, hash)
		prf.AppendFinished(out, main, Server, hash)
	}
}
