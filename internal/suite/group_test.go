package suite

import (
	"bytes"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/rfc8448"
)

// source is a random source that gives the same bytes every time.
func source(seed uint64) io.Reader {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	return rand.NewChaCha8(key)
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func generate(t testing.TB, g *Group, r io.Reader) PrivateKey {
	t.Helper()
	key, err := g.Generate(r)
	if err != nil {
		t.Fatalf("%v: %v", g.ID, err)
	}
	return key
}

func TestGroupsRoundTrip(t *testing.T) {
	for _, g := range Groups() {
		for seed := range uint64(8) {
			key := generate(t, g, source(seed))
			share, theirs, err := g.Respond(source(seed+100), key.Public())
			if err != nil {
				t.Fatalf("%v: %v", g.ID, err)
			}
			ours, err := key.Shared(share)
			if err != nil {
				t.Fatalf("%v: %v", g.ID, err)
			}
			if !bytes.Equal(ours, theirs) {
				t.Errorf("%v: got %x, want %x", g.ID, ours.Reveal(), theirs.Reveal())
			}
			if len(key.Public()) != g.ShareLen || len(share) != g.ReplyLen || len(ours) != g.SecretLen {
				t.Errorf("%v: got lengths %d, %d, %d, want %d, %d, %d", g.ID, len(key.Public()), len(share), len(ours), g.ShareLen, g.ReplyLen, g.SecretLen)
			}
		}
	}
}

// The same random bytes make the same share: golden tests count on it, and crypto/ecdh's own generation would not do it.
func TestGenerateUsesItsReader(t *testing.T) {
	for _, g := range Groups() {
		a, b, c := generate(t, g, source(1)), generate(t, g, source(1)), generate(t, g, source(2))
		if !bytes.Equal(a.Public(), b.Public()) || bytes.Equal(a.Public(), c.Public()) {
			t.Errorf("%v: got equal %v and %v for the same and for other bytes, want true and false", g.ID, bytes.Equal(a.Public(), b.Public()), bytes.Equal(a.Public(), c.Public()))
		}
	}
}

// A broken source ends with an error of ours, not with a weak key: one that fails, and one that gives no scalar below the
// order (or, with zeros, the zero scalar).
func TestGenerateRefusesABrokenSource(t *testing.T) {
	type reader struct {
		name string
		io.Reader
		curvesOnly bool
	}
	peers := map[iana.NamedGroup][]byte{}
	for _, g := range Groups() {
		peers[g.ID] = generate(t, g, source(1)).Public()
	}
	for _, r := range []func() reader{
		func() reader { return reader{"empty", strings.NewReader(""), false} },
		func() reader { return reader{"short", strings.NewReader("short"), false} },
		func() reader { return reader{"zeros", constant(0), true} },
		func() reader { return reader{"ones", constant(0xff), true} },
	} {
		for _, g := range Groups() {
			if _, ok := g.kem.(nist); r().curvesOnly && !ok {
				continue // any bytes are a key of X25519 and ML-KEM
			}
			_, err := g.Generate(r())
			wantAlert(t, fmt.Sprintf("%v, %s, Generate", g.ID, r().name), err, iana.AlertInternalError)
			if g.KeyExchange == KeyExchangeKEM {
				continue // crypto/mlkem has its own source for this
			}
			_, _, err = g.Respond(r(), peers[g.ID])
			wantAlert(t, fmt.Sprintf("%v, %s, Respond", g.ID, r().name), err, iana.AlertInternalError)
		}
	}
}

type constant byte

func (c constant) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c)
	}
	return len(p), nil
}

// A scalar that is too large is passed over for the next one.
func TestGenerateRetries(t *testing.T) {
	good := bytes.Repeat([]byte{1}, 32)
	key := generate(t, groupP256, io.MultiReader(bytes.NewReader(bytes.Repeat([]byte{0xff}, 32)), bytes.NewReader(good)))
	want, err := ecdh.P256().NewPrivateKey(good)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(key.Public(), want.PublicKey().Bytes()) {
		t.Errorf("got %x, want %x", key.Public(), want.PublicKey().Bytes())
	}
}

func wantAlert(t *testing.T, what string, err error, want iana.Alert) {
	t.Helper()
	var e *alert.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: got %v, want an alert.Error", what, err)
		return
	}
	if e.Alert != want || want == iana.AlertIllegalParameter && e.Ref == "" {
		t.Errorf("%s: got %v with reference %q, want alert %v", what, e, e.Ref, want)
	}
}

// Both ends of a group, as things that take a share.
func takers(t *testing.T, g *Group) map[string]func(peer []byte) (keys.Secret, error) {
	return map[string]func(peer []byte) (keys.Secret, error){
		"initiator": func(peer []byte) (keys.Secret, error) { return generate(t, g, source(1)).Shared(peer) },
		"responder": func(peer []byte) (keys.Secret, error) {
			share, secret, err := g.Respond(source(2), peer)
			if err != nil && share != nil {
				t.Errorf("%v: got a share with the error %v", g.ID, err)
			}
			return secret, err
		},
	}
}

func TestMalformedSharesAreIllegal(t *testing.T) {
	for _, g := range Groups() {
		for end, take := range takers(t, g) {
			valid := generate(t, g, source(3)).Public()
			if end == "initiator" {
				var err error
				if valid, _, err = g.Respond(source(3), generate(t, g, source(1)).Public()); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := take(valid); err != nil {
				t.Errorf("%v, %s: a valid share: %v", g.ID, end, err)
			}
			for name, bad := range malformed(g, end, valid) {
				secret, err := take(bad)
				wantAlert(t, fmt.Sprintf("%v, %s, %s", g.ID, end, name), err, iana.AlertIllegalParameter)
				if secret != nil {
					t.Errorf("%v, %s, %s: got a secret", g.ID, end, name)
				}
			}
		}
	}
}

// malformed returns what is wrong with any share, and what is wrong in a group's own way.
func malformed(g *Group, end string, valid []byte) map[string][]byte {
	with := func(change func(b []byte)) []byte {
		b := slices.Clone(valid)
		change(b)
		return b
	}
	bad := map[string][]byte{
		"nothing": nil, "one byte": {4}, "short": valid[:len(valid)-1], "long": append(slices.Clone(valid), 0), "two": append(slices.Clone(valid), valid...),
	}
	switch g.kem.(type) {
	case nist:
		bad["off the curve"] = with(func(b []byte) { b[len(b)-1] ^= 1 })
		bad["compressed, padded"] = with(func(b []byte) { b[0] = 2 })
		bad["hybrid form"] = with(func(b []byte) { b[0] = 6 + b[len(b)-1]&1 })
		bad["infinity, padded"] = make([]byte, len(valid))
		bad["infinity"] = []byte{0}
		bad["zeros"] = with(func(b []byte) { clear(b[1:]) })
		bad["coordinates not reduced"] = with(func(b []byte) { copy(b[1:], bytes.Repeat([]byte{0xff}, len(b))) })
		bad["compressed"] = append([]byte{2 + valid[len(valid)-1]&1}, valid[1:1+len(valid)/2]...)
	case x25519:
		for name, point := range smallOrder() {
			bad[name] = point
		}
	case finiteField:
		p := g.Field().P
		bad["0"] = make([]byte, len(p))
		bad["1"] = append(make([]byte, len(p)-1), 1)
		bad["p-1"] = minus(p, 1)
		bad["p"] = p
		bad["all ones"] = bytes.Repeat([]byte{0xff}, len(p))
	case pure:
		if end == "responder" {
			bad["encapsulation key not reduced"] = with(func(b []byte) { b[0], b[1] = 0xff, b[1]|0x0f })
		}
	case x25519MLKEM768:
		for name, point := range smallOrder() {
			bad["X25519 half: "+name] = with(func(b []byte) { copy(b[len(b)-32:], point) })
		}
		if end == "responder" {
			// The key's coefficients are numbers of 12 bits, below 3329 (FIPS 203 §7.2).
			bad["encapsulation key not reduced"] = with(func(b []byte) { b[0], b[1] = 0xff, b[1]|0x0f })
		}
	}
	return bad
}

// smallOrder are the points of RFC 7748 §6.1's kind: u coordinates of order 1, 2, 4 and 8 on the curve and its twist, the
// non-canonical spellings too. Source of the list: https://cr.yp.to/ecdh.html#validate.
func smallOrder() map[string][]byte {
	points := map[string][]byte{}
	for i, digits := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		point, err := hex.DecodeString(digits)
		if err != nil {
			panic(err)
		}
		points[fmt.Sprintf("small order %d", i)] = point
		high := slices.Clone(point)
		high[31] |= 0x80
		points[fmt.Sprintf("small order %d with the top bit", i)] = high
	}
	return points
}

// RFC 7748 §5.2 (the two vectors and the iteration) and §6.1.
func TestX25519KnownAnswers(t *testing.T) {
	x := func(scalar, u []byte) []byte {
		secret, err := generate(t, groupX25519, bytes.NewReader(scalar)).Shared(u)
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	for _, c := range []struct{ scalar, u, want string }{
		{"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
		{"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d", "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493", "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
	} {
		if got := x(unhex(t, c.scalar), unhex(t, c.u)); !bytes.Equal(got, unhex(t, c.want)) {
			t.Errorf("got %x, want %s", got, c.want)
		}
	}
	k := append([]byte{9}, make([]byte, 31)...)
	u := slices.Clone(k)
	for i := 1; i <= 1000; i++ {
		k, u = x(k, u), k
		want := map[int]string{1: "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079", 1000: "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"}[i]
		if want != "" && !bytes.Equal(k, unhex(t, want)) {
			t.Errorf("iteration %d: got %x, want %s", i, k, want)
		}
	}
	alice := generate(t, groupX25519, bytes.NewReader(unhex(t, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")))
	if got, want := alice.Public(), unhex(t, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"); !bytes.Equal(got, want) {
		t.Errorf("Alice's public key: got %x, want %x", got, want)
	}
	secret, err := alice.Shared(unhex(t, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"))
	if want := unhex(t, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"); err != nil || !bytes.Equal(secret, want) {
		t.Errorf("secret: got %x, error %v, want %x", secret.Reveal(), err, want)
	}
}

// The keys and shares of RFC 8448's handshakes, P-256 among them, and the secrets that its key schedules start from.
func TestRFC8448Exchanges(t *testing.T) {
	checked := map[iana.NamedGroup]int{}
	for _, section := range rfc8448.Handshakes {
		private := map[string]PrivateKey{}
		var group *Group
		for _, step := range rfc8448.Section(section) {
			switch {
			case strings.HasPrefix(step.Action, "create an ephemeral"):
				group = groupX25519
				if strings.Contains(step.Action, "P-256") {
					group = groupP256
				}
				private[step.Side] = generate(t, group, bytes.NewReader(step.Values["private key"]))
				if got, want := private[step.Side].Public(), step.Values["public key"]; !bytes.Equal(got, want) {
					t.Errorf("%s: got %x, want %x", section, got, want)
				}
			case strings.HasPrefix(step.Action, `extract secret "handshake"`):
				got, err := private["client"].Shared(private["server"].Public())
				if want := step.Values["IKM"]; err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: got %x, error %v, want %x", section, got.Reveal(), err, want)
				}
				checked[group.ID]++
			}
		}
	}
	if checked[iana.GroupX25519] != 4 || checked[iana.GroupSecp256r1] != 1 {
		t.Errorf("got %v exchanges, want 4 of x25519 and 1 of secp256r1", checked)
	}
}

// NIST CAVP, ECC CDH primitive vectors (KAS_ECC_CDH_PrimitiveTest.txt), the first of each curve.
func TestNISTKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		group               *Group
		x, y, private, want string
	}{
		{
			groupP256, "700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287", "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac",
			"7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534", "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b",
		},
		{
			groupP384, "a7c76b970c3b5fe8b05d2838ae04ab47697b9eaf52e764592efda27fe7513272734466b400091adbf2d68c58e0c50066", "ac68f19f2e1cb879aed43a9969b91a0839c4c38a49749b661efedf243451915ed0905a32b060992b468c64766fc8437a",
			"3cc3122a68f0d95027ad38c067916ba0eb8c38894d22e1b15618b6818a661774ad463b205da88cf699ab4d43c9cf98a1", "5f9d29dc5e31a163060356213669c8ce132e22f57c9a04f40ba7fcead493b457e5621e766c40a2e3d4d6a04b25e533f1",
		},
		{
			groupP521, "000000685a48e86c79f0f0875f7bc18d25eb5fc8c0b07e5da4f4370f3a9490340854334b1e1b87fa395464c60626124a4e70d0f785601d37c09870ebf176666877a2046d", "000001ba52c56fc8776d9e8f5db4f0cc27636d0b741bbe05400697942e80b739884a83bde99e0f6716939e632bc8986fa18dccd443a348b6c3e522497955a4f3c302f676",
			"0000017eecc07ab4b329068fba65e56a1f8890aa935e57134ae0ffcce802735151f4eac6564f6ee9974c5e6887a1fefee5743ae2241bfeb95d5ce31ddcb6f9edb4d6fc47", "005fc70477c3e63bc3954bd0df3ea0d1f41ee21746ed95fc5e1fdf90930d5e136672d72cc770742d1711c3c3a4c334a0ad9759436a4d3c5bf6e74b9578fac148c831",
		},
	} {
		n := c.group.SecretLen
		last := func(s string) []byte { b := unhex(t, s); return b[len(b)-n:] }
		share := append(append([]byte{4}, last(c.x)...), last(c.y)...)
		got, err := generate(t, c.group, bytes.NewReader(last(c.private))).Shared(share)
		if err != nil || !bytes.Equal(got, unhex(t, c.want)) {
			t.Errorf("%v: got %x, error %v, want %s", c.group.ID, got.Reveal(), err, c.want)
		}
	}
}

// X25519MLKEM768 as its two parts, put together by hand: ML-KEM first in either share and in the secret.
func TestHybridIsItsParts(t *testing.T) {
	g := groupX25519MLKEM768
	randomness := make([]byte, mlkem.SeedSize+32)
	if _, err := io.ReadFull(source(6), randomness); err != nil {
		t.Fatal(err)
	}
	seed, scalar := randomness[:mlkem.SeedSize], randomness[mlkem.SeedSize:]
	key := generate(t, g, bytes.NewReader(randomness))
	decapsulation, err := mlkem.NewDecapsulationKey768(seed)
	if err != nil {
		t.Fatal(err)
	}
	classical, err := ecdh.X25519().NewPrivateKey(scalar)
	if err != nil {
		t.Fatal(err)
	}
	if want := append(decapsulation.EncapsulationKey().Bytes(), classical.PublicKey().Bytes()...); !bytes.Equal(key.Public(), want) {
		t.Errorf("share: got %x, want %x", key.Public(), want)
	}
	share, secret, err := g.Respond(source(7), key.Public())
	if err != nil {
		t.Fatal(err)
	}
	first, err := decapsulation.Decapsulate(share[:1088])
	if err != nil {
		t.Fatal(err)
	}
	peer, err := ecdh.X25519().NewPublicKey(share[1088:])
	if err != nil {
		t.Fatal(err)
	}
	second, err := classical.ECDH(peer)
	if err != nil {
		t.Fatal(err)
	}
	if want := append(first, second...); !bytes.Equal(secret, want) {
		t.Errorf("secret: got %x, want %x", secret.Reveal(), want)
	}
}

// The classical half of a hybrid key makes the exchange of X25519 by itself.
func TestHybridClassicalHalf(t *testing.T) {
	key := generate(t, groupX25519MLKEM768, source(8))
	id, half := key.(Combined).Classical()
	if id != iana.GroupX25519 || !bytes.Equal(half.Public(), key.Public()[1184:]) {
		t.Errorf("got %v share %x, want the last part of %x", id, half.Public(), key.Public())
	}
	share, theirs, err := GroupByID(id).Respond(source(9), half.Public())
	if err != nil {
		t.Fatal(err)
	}
	ours, err := half.Shared(share)
	if err != nil || !bytes.Equal(ours, theirs) {
		t.Errorf("got %x, error %v, want %x", ours.Reveal(), err, theirs.Reveal())
	}
}

// A ciphertext of the right length that is not ours gives another secret, never an error (FIPS 203 §6.3): the handshake
// fails at Finished.
func TestImplicitRejection(t *testing.T) {
	for _, g := range []*Group{groupX25519MLKEM768, groupMLKEM768, groupMLKEM1024} {
		key := generate(t, g, source(10))
		share, theirs, err := g.Respond(source(11), key.Public())
		if err != nil {
			t.Fatal(err)
		}
		share[0] ^= 1
		ours, err := key.Shared(share)
		if err != nil || bytes.Equal(ours, theirs) {
			t.Errorf("%v: got the same secret %v, error %v, want another secret", g.ID, bytes.Equal(ours, theirs), err)
		}
	}
}

func TestWipe(t *testing.T) {
	key := generate(t, groupX25519MLKEM768, source(12)).(*hybridKey)
	key.Wipe()
	if key.x25519.key != nil || key.decapsulation != nil {
		t.Error("the hybrid key is still there after Wipe")
	}
	kem := generate(t, groupMLKEM1024, source(12)).(*kemKey)
	kem.Wipe()
	if kem.decapsulation != nil {
		t.Error("the ML-KEM key is still there after Wipe")
	}
	curve := generate(t, groupP256, source(12)).(*nistKey)
	curve.Wipe()
	if curve.key != nil {
		t.Error("the P-256 key is still there after Wipe")
	}
}

func TestGroupTable(t *testing.T) {
	var order []string
	for _, g := range Groups() {
		order = append(order, g.ID.String())
		if GroupByID(g.ID) != g {
			t.Errorf("GroupByID(%v): not the row", g.ID)
		}
		if g.Supports(iana.VersionTLS12) == g.PostQuantum || !g.Supports(iana.VersionTLS13) {
			t.Errorf("%v: supports TLS 1.2 %v, TLS 1.3 %v", g.ID, g.Supports(iana.VersionTLS12), g.Supports(iana.VersionTLS13))
		}
		if g.PostQuantum != strings.Contains(g.ID.String(), "MLKEM") || g.Hybrid != (g.KeyExchange == KeyExchangeHybrid) ||
			g.PostQuantum != (g.Hybrid || g.KeyExchange == KeyExchangeKEM) {
			t.Errorf("%v: hybrid %v, key exchange %v", g.ID, g.Hybrid, g.KeyExchange)
		}
	}
	want := []string{"X25519MLKEM768", "x25519", "secp256r1", "secp384r1", "secp521r1", "MLKEM1024", "MLKEM768", "ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192"}
	if !slices.Equal(order, want) {
		t.Errorf("got order %v, want %v", order, want)
	}
	if got := defaultGroups(false); !slices.Equal(got, groups[:5]) {
		t.Errorf("got %d default groups, want the first 5", len(got))
	}
	if !slices.Equal(DefaultGroups(), defaultGroups(false)) && !slices.Equal(DefaultGroups(), defaultGroups(true)) {
		t.Errorf("got defaults %v", DefaultGroups())
	}
	for _, g := range defaultGroups(true) {
		if g == groupX25519 {
			t.Error("x25519 alone is not approved by FIPS 140-3")
		}
	}
	if got := len(defaultGroups(true)); got != 4 {
		t.Errorf("got %d approved groups, want 4", got)
	}
	if g := GroupByID(iana.GroupX448); g != nil {
		t.Errorf("GroupByID of a group without a row: got %v, want nil", g)
	}
	// crypto/tls's numbers, as a second source.
	for id, std := range map[iana.NamedGroup]tls.CurveID{
		groupX25519MLKEM768.ID: tls.X25519MLKEM768, groupX25519.ID: tls.X25519, groupP256.ID: tls.CurveP256, groupP384.ID: tls.CurveP384, groupP521.ID: tls.CurveP521,
	} {
		if uint16(id) != uint16(std) {
			t.Errorf("%v: got %#x, want %#x", id, uint16(id), uint16(std))
		}
	}
}

func BenchmarkGroups(b *testing.B) {
	for _, g := range Groups() {
		b.Run(g.ID.String(), func(b *testing.B) {
			r := source(1)
			b.ReportAllocs()
			for b.Loop() {
				key := generate(b, g, r)
				share, _, err := g.Respond(r, key.Public())
				if err != nil {
					b.Fatal(err)
				}
				if _, err := key.Shared(share); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Whatever bytes a peer sends, it is told that they are illegal, or there is a secret of the group's length.
func FuzzShares(f *testing.F) {
	for i, g := range Groups() {
		key := generate(f, g, source(1))
		share, _, err := g.Respond(source(2), key.Public())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i, key.Public())
		f.Add(i, share)
		f.Add(i, make([]byte, g.ShareLen))
	}
	f.Fuzz(func(t *testing.T, i int, peer []byte) {
		g := groups[uint(i)%uint(len(groups))]
		for end, take := range takers(t, g) {
			secret, err := take(peer)
			switch {
			case err != nil:
				wantAlert(t, fmt.Sprintf("%v, %s", g.ID, end), err, iana.AlertIllegalParameter)
			case len(secret) != g.SecretLen || len(bytes.Trim(secret, "\x00")) == 0:
				t.Errorf("%v, %s: got secret %x, want %d bytes, not zero", g.ID, end, secret.Reveal(), g.SecretLen)
			}
		}
	})
}
