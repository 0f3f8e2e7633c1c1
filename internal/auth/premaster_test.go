package auth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/rsa"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/pki"
	"github.com/akushu/akushu/internal/sidechannel"
)

// source is a random source that gives the same bytes every time.
func source(seed uint64) io.Reader {
	var key [32]byte
	key[0] = byte(seed)
	return mathrand.NewChaCha8(key)
}

func rsaKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := pki.GenerateKey("rsa-2048")
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PrivateKey)
}

// encryptRaw encrypts a block, padding and all, that need not be right.
func encryptRaw(key *rsa.PublicKey, block []byte) []byte {
	m := new(big.Int).SetBytes(block)
	return m.Exp(m, big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, key.Size()))
}

// pad is PKCS #1 v1.5's padding (RFC 8017 §7.2.1): 00 02, bytes that are not zero, 00, the message.
func pad(size int, message []byte) []byte {
	block := append([]byte{0, 2}, bytes.Repeat([]byte{0xaa}, size-3-len(message))...)
	return append(append(block, 0), message...)
}

// premaster is what a client that behaves encrypts.
func premaster(v iana.Version) []byte {
	return append([]byte{byte(v >> 8), byte(v)}, bytes.Repeat([]byte{0x5e}, 46)...)
}

// messages are what a client may send, those that are right and those that are not.
func messages(key *rsa.PublicKey) map[string][]byte {
	size := key.Size()
	with := func(change func(block []byte)) []byte {
		block := pad(size, premaster(iana.VersionTLS12))
		change(block)
		return encryptRaw(key, block)
	}
	n := key.N.FillBytes(make([]byte, size))
	return map[string][]byte{
		"right":                      with(func([]byte) {}),
		"another version":            encryptRaw(key, pad(size, premaster(iana.VersionTLS11))),
		"the major version is wrong": encryptRaw(key, pad(size, premaster(0x0203))),
		"first byte not 0":           with(func(b []byte) { b[0] = 1 }),
		"block type 1":               with(func(b []byte) { b[1] = 1 }),
		"no end of the padding":      with(func(b []byte) { b[size-49] = 1 }),
		"padding ends at once":       with(func(b []byte) { b[2] = 0 }),
		"padding too short":          with(func(b []byte) { b[9] = 0 }),
		"padding ends early":         with(func(b []byte) { b[100] = 0 }),
		"a byte short":               encryptRaw(key, pad(size, premaster(iana.VersionTLS12)[:47])),
		"a byte long":                encryptRaw(key, pad(size, append(premaster(iana.VersionTLS12), 1))),
		"no message":                 encryptRaw(key, pad(size, nil)),
		"zero":                       make([]byte, size),
		"one":                        encryptRaw(key, []byte{1}),
		"noise":                      encryptRaw(key, bytes.Repeat([]byte{0x77}, size)),
		"nothing":                    nil,
		"too short":                  make([]byte, size-1),
		"too long":                   make([]byte, size+1),
		"much too long":              make([]byte, 1<<16-1),
		"the modulus":                n,
		"above the modulus":          bytes.Repeat([]byte{0xff}, size),
	}
}

// A right message decrypts; any other gives a secret that nobody knows, and no error.
func TestDecryptPremaster(t *testing.T) {
	key := rsaKey(t)
	secrets := map[string]bool{}
	for name, m := range messages(&key.PublicKey) {
		secret, err := DecryptPremaster(context.Background(), source(1), key, iana.VersionTLS12, m)
		if err != nil || len(secret) != PremasterSize {
			t.Errorf("%s: got %d bytes, %v, want %d", name, len(secret), err, PremasterSize)
			continue
		}
		if right := bytes.Equal(secret, premaster(iana.VersionTLS12)); right != (name == "right") {
			t.Errorf("%s: got %x", name, secret.Reveal())
		}
		if bytes.Contains(secret, bytes.Repeat([]byte{0x5e}, 5)) && name != "right" {
			t.Errorf("%s: got %x, want nothing of the message", name, secret.Reveal())
		}
		again, _ := DecryptPremaster(context.Background(), source(2), key, iana.VersionTLS12, m)
		if same := bytes.Equal(secret, again); same != (name == "right") {
			t.Errorf("%s: got the same secret from other random bytes: %v", name, same)
		}
		secrets[string(secret)] = true
	}
	if len(secrets) < 2 {
		t.Errorf("got %d secrets, want a right one and random ones", len(secrets))
	}
}

// Each version is compared whole.
func TestVersionInPremaster(t *testing.T) {
	key := rsaKey(t)
	versions := []iana.Version{iana.VersionTLS10, iana.VersionTLS11, iana.VersionTLS12, iana.VersionTLS13, 0x0203, 0x0403}
	for _, sent := range versions {
		m := encryptRaw(&key.PublicKey, pad(key.Size(), premaster(sent)))
		for _, offered := range versions {
			secret, err := DecryptPremaster(context.Background(), source(1), key, offered, m)
			if got := bytes.Equal(secret, premaster(sent)); err != nil || got != (sent == offered) {
				t.Errorf("sent %v, offered %v: got it taken %v, error %v", sent, offered, got, err)
			}
		}
	}
}

func TestEncryptPremaster(t *testing.T) {
	key := rsaKey(t)
	for _, v := range []iana.Version{iana.VersionTLS10, iana.VersionTLS12} {
		secret, encrypted, err := EncryptPremaster(source(3), &key.PublicKey, v)
		if err != nil {
			t.Fatal(err)
		}
		if len(secret) != PremasterSize || secret[0] != byte(v>>8) || secret[1] != byte(v) || len(encrypted) != key.Size() {
			t.Errorf("%v: got %x in %d bytes", v, secret.Reveal(), len(encrypted))
		}
		got, err := DecryptPremaster(context.Background(), source(4), key, v, encrypted)
		if err != nil || !bytes.Equal(got, secret) {
			t.Errorf("%v: got %x, error %v, want %x", v, got.Reveal(), err, secret.Reveal())
		}
		again, _, _ := EncryptPremaster(source(3), &key.PublicKey, v)
		other, _, _ := EncryptPremaster(source(5), &key.PublicKey, v)
		if !bytes.Equal(secret, again) || bytes.Equal(secret[2:], other[2:]) {
			t.Errorf("%v: the secret does not come from the source", v)
		}
	}
}

// spy is a key that says what it is asked for, and may be another one's answer.
type spy struct {
	*rsa.PrivateKey
	calls  *[]string
	answer func(opts crypto.DecrypterOpts) ([]byte, error) // nil: as the key answers
}

func (s spy) Decrypt(rand io.Reader, m []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	if s.calls != nil {
		*s.calls = append(*s.calls, fmt.Sprintf("decrypt %d bytes with %+v", len(m), opts))
	}
	if s.answer != nil {
		return s.answer(opts)
	}
	return s.PrivateKey.Decrypt(rand, m, opts)
}

// drawn counts what is read of a random source.
type drawn struct {
	io.Reader
	calls *[]string
}

func (d drawn) Read(p []byte) (int, error) {
	*d.calls = append(*d.calls, fmt.Sprintf("draw %d", len(p)))
	return d.Reader.Read(p)
}

type decryption func(rand io.Reader, key crypto.Decrypter, v iana.Version, m []byte) error

func ours(rand io.Reader, key crypto.Decrypter, v iana.Version, m []byte) error {
	_, err := DecryptPremaster(context.Background(), rand, key, v, m)
	return err
}

// naive is a server in a hurry: it decrypts, and draws a secret only if that was nothing.
func naive(rand io.Reader, key crypto.Decrypter, v iana.Version, m []byte) error {
	opened, err := key.Decrypt(rand, m, nil)
	if err != nil || len(opened) != PremasterSize || opened[0] != byte(v>>8) || opened[1] != byte(v) {
		_, err = randomSecret(rand)
	}
	return err
}

// differs returns two messages for which the key or the source is asked for other things, or nothing.
func differs(t *testing.T, key *rsa.PrivateKey, decrypt decryption) string {
	t.Helper()
	var first, firstName string
	for name, m := range messages(&key.PublicKey) {
		var calls []string
		if err := decrypt(drawn{source(1), &calls}, spy{key, &calls, nil}, iana.VersionTLS12, m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := strings.Join(calls, ", ")
		if first == "" {
			first, firstName = got, name
		}
		if got != first {
			return fmt.Sprintf("%s: %s\n%s: %s", firstName, first, name, got)
		}
	}
	return ""
}

// The key is asked the same, and as many random bytes are drawn, whatever the message: one RSA operation, on as many bytes.
func TestPremasterDoesTheSameWork(t *testing.T) {
	if d := differs(t, rsaKey(t), ours); d != "" {
		t.Error(d)
	}
}

// The test above sees what it is there to see: without the countermeasure it is red.
func TestNaivePremasterDoesNot(t *testing.T) {
	if differs(t, rsaKey(t), naive) == "" {
		t.Error("got the same work for every message of a naive server, want a difference")
	}
}

// notNumbers are the messages that everybody can see are nothing for RSA.
var notNumbers = []string{"nothing", "too short", "too long", "much too long", "the modulus", "above the modulus"}

// Every statement runs as often for every message that RSA takes.
func TestPremasterTakesTheSamePath(t *testing.T) {
	key := rsaKey(t)
	runs := map[string]func(){}
	for name, m := range messages(&key.PublicKey) {
		if !slices.Contains(notNumbers, name) {
			runs[name] = func() { _, _ = DecryptPremaster(context.Background(), source(1), key, iana.VersionTLS12, m) }
		}
	}
	sidechannel.SamePath(t, []string{"github.com/akushu/akushu/internal/auth"}, runs)
}

// A key of another make that does not know SessionKeyLen may say that the padding is bad, or have a message of another
// length: nobody learns of it.
func TestPremasterFromOtherKeys(t *testing.T) {
	key := rsaKey(t)
	right := premaster(iana.VersionTLS12)
	for _, c := range []struct {
		name   string
		answer []byte
		err    error
		taken  bool
	}{
		{"bad padding", nil, rsa.ErrDecryption, false},
		{"bad padding, wrapped", nil, fmt.Errorf("pkcs11: %w", rsa.ErrDecryption), false},
		{"nothing", nil, nil, false},
		{"a byte short", bytes.Clone(right[:47]), nil, false},
		{"a byte long", append(bytes.Clone(right), 0), nil, false},
		{"right", bytes.Clone(right), nil, true},
	} {
		s := spy{key, nil, func(opts crypto.DecrypterOpts) ([]byte, error) {
			//lint:ignore SA1019 as in DecryptPremaster
			if o, ok := opts.(*rsa.PKCS1v15DecryptOptions); !ok || o.SessionKeyLen != PremasterSize {
				t.Errorf("%s: got options %+v", c.name, opts)
			}
			return c.answer, c.err
		}}
		secret, err := DecryptPremaster(context.Background(), source(1), s, iana.VersionTLS12, make([]byte, key.Size()))
		if err != nil || len(secret) != PremasterSize || bytes.Equal(secret, right) != c.taken {
			t.Errorf("%s: got %x, %v, want it taken: %v", c.name, secret.Reveal(), err, c.taken)
		}
		if len(bytes.Trim(c.answer, "\x00")) != 0 {
			t.Errorf("%s: got the key's answer %x left, want zeros", c.name, c.answer)
		}
	}
}

// Only what says nothing of the message is an error: a key that cannot be used, a source that is empty.
func TestPremasterErrors(t *testing.T) {
	key := rsaKey(t)
	offline := errors.New("the key server does not answer")
	small := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 8*58-1), E: 65537}}
	for _, c := range []struct {
		name string
		rand io.Reader
		key  crypto.Decrypter
		is   error
	}{
		{"a key that fails", source(1), spy{key, nil, func(crypto.DecrypterOpts) ([]byte, error) { return nil, offline }}, offline},
		{"no source", strings.NewReader(""), key, io.EOF},
		{"a source that ends", strings.NewReader("short"), key, io.ErrUnexpectedEOF},
		{"a key of another kind", source(1), other{}, nil},
		{"a key that is too short", source(1), small, nil},
	} {
		secret, err := DecryptPremaster(context.Background(), c.rand, c.key, iana.VersionTLS12, make([]byte, 256))
		var e *alert.Error
		if !errors.As(err, &e) || e.Alert != iana.AlertInternalError || c.is != nil && !errors.Is(err, c.is) || secret != nil {
			t.Errorf("%s: got %x, %v, want an internal error of %v", c.name, secret.Reveal(), err, c.is)
		}
	}
	for name, c := range map[string]struct {
		rand io.Reader
		key  *rsa.PublicKey
	}{
		"no source":                 {strings.NewReader(""), &key.PublicKey},
		"a key that is too short":   {source(1), &small.PublicKey},
		"a key that is not allowed": {source(1), &rsa.PublicKey{N: big.NewInt(15), E: 3}},
	} {
		secret, encrypted, err := EncryptPremaster(c.rand, c.key, iana.VersionTLS12)
		if alert.For(err) != iana.AlertInternalError || err == nil || secret != nil || encrypted != nil {
			t.Errorf("encrypt with %s: got %v, want an internal error", name, err)
		}
	}
}

// other is a Decrypter that is not RSA.
type other struct{}

func (other) Public() crypto.PublicKey { return (*ecdh.PublicKey)(nil) }
func (other) Decrypt(io.Reader, []byte, crypto.DecrypterOpts) ([]byte, error) {
	panic("it was asked")
}

func FuzzDecryptPremaster(f *testing.F) {
	key := rsaKey(f)
	for _, m := range messages(&key.PublicKey) {
		f.Add(m, uint16(iana.VersionTLS12))
	}
	f.Fuzz(func(t *testing.T, m []byte, v uint16) {
		if secret, err := DecryptPremaster(context.Background(), source(1), key, iana.Version(v), m); err != nil || len(secret) != PremasterSize {
			t.Errorf("got %d bytes, %v, want %d and no error", len(secret), err, PremasterSize)
		}
	})
}

// timing is how many messages a longer run measures. The figures in docs/SECURITY.md are from such a run.
var timing = flag.Int("timing", 0, "messages to time for each comparison of TestPremasterTiming")

// TestPremasterTiming compares how long messages take.
func TestPremasterTiming(t *testing.T) {
	if *timing == 0 {
		return
	}
	key := rsaKey(t)
	all := messages(&key.PublicKey)
	for _, pair := range [][2]string{{"right", "block type 1"}, {"right", "another version"}, {"right", "a byte short"}, {"padding ends early", "first byte not 0"}} {
		var m []byte
		v := sidechannel.Compare(*timing, func(kind int) { m = bytes.Clone(all[pair[kind]]) }, func() {
			_, _ = DecryptPremaster(context.Background(), source(1), key, iana.VersionTLS12, m)
		})
		t.Logf("%q against %q: %v", pair[0], pair[1], v)
		if v.Leaks() {
			t.Errorf("%q against %q: a difference in time: %v", pair[0], pair[1], v)
		}
	}
}
