package suite

import (
	"bytes"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/iana"
)

// digitsOfE returns [2^n·e], from the series of inverse factorials.
func digitsOfE(n uint) *big.Int {
	const guard = 64 // bits, for what is cut off each term
	sum, term := new(big.Int), new(big.Int).Lsh(big.NewInt(1), n+guard)
	for k := int64(1); term.Sign() > 0; k++ {
		sum.Add(sum, term)
		term.Quo(term, big.NewInt(k))
	}
	return sum.Rsh(sum, guard)
}

// digitsOfPi returns [2^n·π], by Machin's formula: π = 16·arctan(1/5) - 4·arctan(1/239).
func digitsOfPi(n uint) *big.Int {
	const guard = 64
	arctan := func(x int64) *big.Int {
		sum, power := new(big.Int), new(big.Int).Quo(new(big.Int).Lsh(big.NewInt(1), n+guard), big.NewInt(x))
		for k := int64(1); power.Sign() != 0; k += 2 {
			sum.Add(sum, new(big.Int).Quo(power, big.NewInt(k)))
			power.Quo(power, big.NewInt(-x*x))
		}
		return sum
	}
	pi := new(big.Int).Mul(big.NewInt(16), arctan(5))
	pi.Sub(pi, new(big.Int).Mul(big.NewInt(4), arctan(239)))
	return pi.Rsh(pi, guard)
}

// The primes are what their formula makes of e and π, with the numbers X that the RFCs give, rather than what somebody typed.
func TestPrimesAreTheirFormula(t *testing.T) {
	for _, c := range []struct {
		primes []*prime
		digits func(n uint) *big.Int
		x      []int64
	}{
		{ffdhe[:], digitsOfE, []int64{560316, 2625351, 5736041, 15705020, 10965728}},
		{modp[:], digitsOfPi, []int64{124476, 1690314, 240904, 929484, 4743158}},
	} {
		for i, p := range c.primes {
			b := uint(p.bits)
			one := big.NewInt(1)
			want := new(big.Int).Lsh(one, b)
			want.Sub(want, new(big.Int).Lsh(one, b-64))
			middle := new(big.Int).Add(c.digits(b-130), big.NewInt(c.x[i]))
			want.Add(want, middle.Lsh(middle, 64))
			want.Sub(want, one)
			if got := new(big.Int).SetBytes(p.bytes()); got.Cmp(want) != 0 {
				t.Errorf("%s: got %x, want %x", p.name, got, want)
			}
			if got, want := p.name, fmt.Sprintf("%s%d", strings.TrimRight(p.name, "0123456789"), p.bits); got != want {
				t.Errorf("got name %s, want %s", got, want)
			}
		}
	}
	// RFC 7919 Appendix A, "at least" these many bits.
	for i, want := range []int{225, 275, 325, 375, 400} {
		if ffdhe[i].exponent != want || modp[i].exponent != want || ffdhe[i].bits != modp[i].bits {
			t.Errorf("%s: got exponents of %d bits, and %d for %s, want %d", ffdhe[i].name, ffdhe[i].exponent, modp[i].exponent, modp[i].name, want)
		}
	}
}

// They are safe primes, which is why a share in the right range is enough to check.
func TestPrimesAreSafe(t *testing.T) {
	for _, p := range slices.Concat(ffdhe[:], modp[:]) {
		rounds := 2
		if p.bits > 3072 {
			rounds = 0 // Baillie-PSW alone, which nobody has seen fail: a round takes up to half a second
		}
		n := new(big.Int).SetBytes(p.bytes())
		if !n.ProbablyPrime(rounds) || !new(big.Int).Rsh(n, 1).ProbablyPrime(rounds) {
			t.Errorf("%s is no safe prime", p.name)
		}
	}
}

// power is what a private key makes of a number, by math/big.
func power(k *fieldKey, x []byte) *big.Int {
	return new(big.Int).Exp(new(big.Int).SetBytes(x), new(big.Int).SetBytes(k.exponent), new(big.Int).SetBytes(k.field.P))
}

func asPadded(t testing.TB, key PrivateKey) *fieldKey {
	t.Helper()
	return key.(*paddedKey).fieldKey
}

// Every group computes what math/big does, with an exponent of the bits that it should have.
func TestFiniteFieldsAgainstBig(t *testing.T) {
	for i, p := range ffdhe {
		g := GroupByID(p.id)
		for seed := range uint64(3) {
			key, peer := asPadded(t, generate(t, g, source(seed))), generate(t, g, source(seed+50))
			if got, want := new(big.Int).SetBytes(key.Public()), power(key, []byte{2}); got.Cmp(want) != 0 {
				t.Errorf("%v: share: got %x, want %x", g.ID, got, want)
			}
			secret, err := (&paddedKey{key, g}).Shared(peer.Public())
			if want := power(key, peer.Public()); err != nil || new(big.Int).SetBytes(secret).Cmp(want) != 0 {
				t.Errorf("%v: secret: got %x, error %v, want %x", g.ID, secret.Reveal(), err, want)
			}
			if got := new(big.Int).SetBytes(key.exponent).BitLen(); got != ffdhe[i].exponent {
				t.Errorf("%v: got an exponent of %d bits, want %d", g.ID, got, ffdhe[i].exponent)
			}
		}
	}
}

// What a group takes from its source: the bytes of the exponent and no more.
func TestExponentsAreDrawn(t *testing.T) {
	for _, p := range ffdhe {
		r := bytes.NewReader(bytes.Repeat([]byte{0xff}, 100))
		key := asPadded(t, generate(t, GroupByID(p.id), r))
		want := new(big.Int).Lsh(big.NewInt(1), uint(p.exponent))
		want.Sub(want, big.NewInt(1))
		if got := new(big.Int).SetBytes(key.exponent); got.Cmp(want) != 0 || 100-r.Len() != (p.exponent+7)/8 {
			t.Errorf("%s: got exponent %x of %d bytes, want %x", p.name, got, 100-r.Len(), want)
		}
	}
}

// TLS 1.3 keeps a secret's leading zeros (RFC 9846 §7.4.1), TLS 1.2 drops them (RFC 5246 §8.1.2). Both take the same number.
func TestLeadingZeros(t *testing.T) {
	g := GroupByID(iana.GroupFFDHE2048)
	padded := generate(t, g, source(1))
	key := asPadded(t, padded)
	stripping := &strippingKey{key}
	share := make([]byte, g.ShareLen)
	for n := 2; ; n++ { // one in 256 makes such a secret
		share[254], share[255] = byte(n>>8), byte(n)
		secret, err := padded.Shared(share)
		if err != nil {
			t.Fatal(err)
		}
		if secret[0] != 0 {
			continue
		}
		if len(secret) != 256 {
			t.Errorf("TLS 1.3: got %d bytes, want 256", len(secret))
		}
		for _, y := range [][]byte{share, bytes.TrimLeft(share, "\x00"), append([]byte{0, 0, 0}, share...)} {
			short, err := stripping.Shared(y)
			if err != nil || short[0] == 0 || !bytes.Equal(short, bytes.TrimLeft(secret, "\x00")) {
				t.Errorf("TLS 1.2, share of %d bytes: got %x, error %v, want %x without zeros", len(y), short.Reveal(), err, secret.Reveal())
			}
		}
		return
	}
}

func minus(p []byte, n int64) []byte {
	return new(big.Int).Sub(new(big.Int).SetBytes(p), big.NewInt(n)).Bytes()
}

// shares are numbers at the bounds of what a share may be.
func shares(p []byte) map[string]struct {
	share []byte
	good  bool
} {
	return map[string]struct {
		share []byte
		good  bool
	}{
		"nothing": {nil, false}, "0": {[]byte{0}, false}, "1": {[]byte{1}, false}, "2": {[]byte{2}, true},
		"p-2": {minus(p, 2), true}, "p-1": {minus(p, 1), false}, "p": {p, false}, "p+1": {minus(p, -1), false}, "p+2": {minus(p, -2), false},
		"far above p": {bytes.Repeat([]byte{0xff}, len(p)), false}, "longer than p": {append([]byte{1}, p...), false},
	}
}

func TestRangeOfShares(t *testing.T) {
	for _, p := range slices.Concat(ffdhe[:2], modp[:1]) {
		f := p.field()
		for name, c := range shares(f.P) {
			key, err := f.Generate(source(1))
			if err != nil {
				t.Fatal(err)
			}
			_, one := key.Shared(c.share)
			_, _, other := f.Respond(source(2), c.share)
			for end, err := range map[string]error{"initiator": one, "responder": other} {
				if c.good && err != nil {
					t.Errorf("%v, %s, %s: %v", f, end, name, err)
				} else if !c.good {
					wantAlert(t, fmt.Sprintf("%v, %s, %s", f, end, name), err, iana.AlertHandshakeFailure)
				}
			}
			if p.id == 0 || len(c.share) > len(f.P) {
				continue
			}
			padded := append(make([]byte, len(f.P)-len(c.share)), c.share...)
			_, err = generate(t, GroupByID(p.id), source(1)).Shared(padded)
			if c.good && err != nil {
				t.Errorf("%v in TLS 1.3, %s: %v", f, name, err)
			} else if !c.good {
				wantAlert(t, fmt.Sprintf("%v in TLS 1.3, %s", f, name), err, iana.AlertIllegalParameter)
			}
		}
	}
}

// What a server of TLS 1.2 may say, and what is said of it.
func TestFiniteField(t *testing.T) {
	two := []byte{2}
	odd := func(bits int) []byte { return minus(new(big.Int).Lsh(big.NewInt(1), uint(bits)).Bytes(), 1) }
	for _, c := range []struct {
		name        string
		p, g        []byte
		least, most int
		want        string // its name
		alert       iana.Alert
	}{
		{"ffdhe3072", ffdhe[1].bytes(), two, 0, 0, "ffdhe3072", 0},
		{"ffdhe8192", ffdhe[4].bytes(), two, 0, 0, "ffdhe8192", 0},
		{"modp2048", modp[0].bytes(), two, 0, 0, "modp2048", 0},
		{"modp4096", modp[2].bytes(), two, 0, 0, "modp4096", 0},
		{"with zeros before both", append([]byte{0, 0}, modp[0].bytes()...), []byte{0, 2}, 0, 0, "modp2048", 0},
		{"known prime, other generator", ffdhe[0].bytes(), []byte{5}, 0, 0, "a field of 2048 bits without a name", 0},
		{"unknown", minus(ffdhe[0].bytes(), 2), two, 0, 0, "a field of 2048 bits without a name", 0},
		{"shortest", odd(2048), two, 0, 0, "a field of 2048 bits without a name", 0},
		{"too short", odd(2047), two, 0, 0, "", iana.AlertInsufficientSecurity},
		{"much too short", odd(512), two, 0, 0, "", iana.AlertInsufficientSecurity},
		{"nothing", nil, two, 0, 0, "", iana.AlertInsufficientSecurity},
		{"zeros", make([]byte, 256), two, 0, 0, "", iana.AlertInsufficientSecurity},
		{"longest", odd(8192), two, 0, 0, "a field of 8192 bits without a name", 0},
		{"too long", odd(8193), two, 0, 0, "", iana.AlertIllegalParameter},
		{"much too long", odd(524280), two, 0, 0, "", iana.AlertIllegalParameter},
		{"even", minus(ffdhe[0].bytes(), 1), two, 0, 0, "", iana.AlertIllegalParameter},
		{"short, and that is allowed", odd(1024), two, 1024, 0, "a field of 1024 bits without a name", 0},
		{"short, and even that is too short", odd(1023), two, 1024, 0, "", iana.AlertInsufficientSecurity},
		{"long, and that is not allowed", ffdhe[1].bytes(), two, 0, 3071, "", iana.AlertIllegalParameter},
		{"no generator", ffdhe[0].bytes(), nil, 0, 0, "", iana.AlertIllegalParameter},
		{"generator 1", ffdhe[0].bytes(), []byte{1}, 0, 0, "", iana.AlertIllegalParameter},
		{"generator p-1", ffdhe[0].bytes(), minus(ffdhe[0].bytes(), 1), 0, 0, "", iana.AlertIllegalParameter},
		{"generator p-2", ffdhe[0].bytes(), minus(ffdhe[0].bytes(), 2), 0, 0, "a field of 2048 bits without a name", 0},
		{"generator above p", ffdhe[0].bytes(), bytes.Repeat([]byte{0xff}, 256), 0, 0, "", iana.AlertIllegalParameter},
		{"1 is nothing to compute with", []byte{1}, two, 1, 0, "", iana.AlertInsufficientSecurity},
	} {
		f, err := FiniteField(c.p, c.g, c.least, c.most)
		if c.alert != 0 {
			wantAlert(t, c.name, err, c.alert)
			if f != nil {
				t.Errorf("%s: got a field with the error", c.name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if f.String() != c.want || (f.Name != "") != !strings.Contains(c.want, " ") || (f.Group != 0) != strings.HasPrefix(c.want, "ffdhe") {
			t.Errorf("%s: got %v, name %q, group %v, want %s", c.name, f, f.Name, f.Group, c.want)
		}
		if !bytes.Equal(f.P, bytes.TrimLeft(c.p, "\x00")) || !bytes.Equal(f.G, bytes.TrimLeft(c.g, "\x00")) || f.Bits != new(big.Int).SetBytes(c.p).BitLen() {
			t.Errorf("%s: got %x, %x of %d bits, want what was said", c.name, f.P, f.G, f.Bits)
		}
	}
}

// Both ends of TLS 1.2 come to the same secret: the server with its group's field, the client with what it was told.
func TestFieldsRoundTrip(t *testing.T) {
	for _, c := range []struct {
		server   *Field
		exponent int // bits of the client's
	}{
		{GroupByID(iana.GroupFFDHE2048).Field(), 225},
		{GroupByID(iana.GroupFFDHE6144).Field(), 375},
		{modp[0].field(), 225},
		{must(FiniteField(ffdhe[0].bytes(), []byte{5}, 0, 0)), 225},           // still a safe prime
		{must(FiniteField(minus(modp[0].bytes(), 2), []byte{3}, 0, 0)), 2047}, // who knows
	} {
		client, err := FiniteField(c.server.P, c.server.G, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		key, err := c.server.Generate(source(1))
		if err != nil {
			t.Fatal(err)
		}
		yc, theirs, err := client.Respond(source(2), key.Public())
		if err != nil {
			t.Fatal(err)
		}
		ours, err := key.Shared(yc)
		if err != nil || !bytes.Equal(ours, theirs) {
			t.Errorf("%v: got %x, error %v, want %x", client, ours.Reveal(), err, theirs.Reveal())
		}
		if len(key.Public()) != len(client.P) || len(yc) != len(client.P) {
			t.Errorf("%v: got shares of %d and %d bytes, want %d", client, len(key.Public()), len(yc), len(client.P))
		}
		k, err := client.generate(source(2))
		if err != nil {
			t.Fatal(err)
		}
		if got := new(big.Int).SetBytes(k.exponent).BitLen(); got != c.exponent {
			t.Errorf("%v: got an exponent of %d bits, want %d", client, got, c.exponent)
		}
		if got, want := new(big.Int).SetBytes(ours), power(k, key.Public()); got.Cmp(want) != 0 {
			t.Errorf("%v: got %x, want %x", client, got, want)
		}
	}
	if f := groupX25519.Field(); f != nil {
		t.Errorf("x25519: got %v, want no field", f)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// In a field that nobody knows, a share of small order makes a secret that is none: 2 has order 5 modulo 31.
func TestSecretInASubgroup(t *testing.T) {
	f := must(FiniteField([]byte{31}, []byte{3}, 3, 0))
	_, _, err := f.Respond(bytes.NewReader([]byte{2}), []byte{2}) // the exponent is 10
	wantAlert(t, "2 to the 10th", err, iana.AlertHandshakeFailure)
	_, secret, err := f.Respond(bytes.NewReader([]byte{3}), []byte{2})
	if err != nil || !bytes.Equal(secret, []byte{2}) {
		t.Errorf("2 to the 11th: got %x, error %v, want 2", secret.Reveal(), err)
	}
}

func TestFieldNeedsRandomness(t *testing.T) {
	f := ffdhe[0].field()
	_, err := f.Generate(strings.NewReader("short"))
	wantAlert(t, "Generate", err, iana.AlertInternalError)
	_, _, err = f.Respond(strings.NewReader(""), []byte{2})
	wantAlert(t, "Respond", err, iana.AlertInternalError)
}

func TestFieldKeyWipe(t *testing.T) {
	key, err := ffdhe[0].field().Generate(source(1))
	if err != nil {
		t.Fatal(err)
	}
	key.Wipe()
	if got := key.(*strippingKey).exponent; len(bytes.Trim(got, "\x00")) != 0 || len(key.Public()) != 256 {
		t.Errorf("got exponent %x, share of %d bytes, want zeros and 256", got.Reveal(), len(key.Public()))
	}
}

// Any numbers at all: an error with its alert, or what math/big computes.
func FuzzFiniteField(f *testing.F) {
	f.Add([]byte{31}, []byte{3}, []byte{2}, byte(2))
	f.Add([]byte{0, 23}, []byte{5}, []byte{0, 8}, byte(7))
	f.Add(ffdhe[0].bytes(), []byte{2}, []byte{9}, byte(1))
	f.Add(modp[0].bytes()[:100], []byte{2}, modp[0].bytes(), byte(255))
	f.Fuzz(func(t *testing.T, p, g, y []byte, seed byte) {
		field, err := FiniteField(p, g, 3, 2048)
		if err != nil {
			return
		}
		key, err := field.generate(io.MultiReader(bytes.NewReader([]byte{seed}), source(uint64(seed))))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := new(big.Int).SetBytes(key.public), power(key, g); got.Cmp(want) != 0 {
			t.Errorf("share: got %x, want %x", got, want)
		}
		secret, err := (&strippingKey{key}).Shared(y)
		number, want := new(big.Int).SetBytes(y), power(key, y)
		inRange := number.Cmp(big.NewInt(1)) > 0 && number.Cmp(new(big.Int).SetBytes(minus(p, 1))) < 0
		if good := inRange && want.Cmp(big.NewInt(1)) > 0; good != (err == nil) {
			t.Errorf("%x: got %v, want it taken: %v", y, err, good)
		}
		if err != nil {
			wantAlert(t, "share", err, iana.AlertHandshakeFailure)
		} else if !bytes.Equal(secret, want.Bytes()) {
			t.Errorf("secret: got %x, want %x", secret.Reveal(), want)
		}
	})
}

func BenchmarkField(b *testing.B) {
	for _, f := range []*Field{
		ffdhe[0].field(), ffdhe[2].field(), ffdhe[4].field(),
		must(FiniteField(minus(modp[0].bytes(), 2), []byte{2}, 0, 0)),
		must(FiniteField(minus(modp[2].bytes(), 2), []byte{2}, 0, 0)),
		must(FiniteField(minus(modp[4].bytes(), 2), []byte{2}, 0, 0)),
	} {
		b.Run(strings.ReplaceAll(f.String(), " ", "-"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := f.Respond(source(1), []byte{9}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
