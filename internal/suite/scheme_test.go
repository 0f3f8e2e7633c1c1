package suite

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/rfc8448"
)

type testKey struct {
	name   string
	signer crypto.Signer
}

// pssSigner is an RSA key for RSASSA-PSS alone.
type pssSigner struct {
	*rsa.PrivateKey
	hash crypto.Hash
}

func (k pssSigner) Public() crypto.PublicKey {
	return &PSSKey{PublicKey: &k.PublicKey, Hash: k.hash, Salt: 32}
}

// testKeys makes one key of each kind, once.
var testKeys = sync.OnceValue(func() []testKey {
	must := func(s crypto.Signer, err error) crypto.Signer {
		if err != nil {
			panic(err)
		}
		return s
	}
	ec := func(c elliptic.Curve) crypto.Signer { return must(ecdsa.GenerateKey(c, rand.Reader)) }
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	return []testKey{
		{"RSA 1024", must(rsa.GenerateKey(rand.Reader, 1024))},
		{"RSA 2048", must(rsa.GenerateKey(rand.Reader, 2048))},
		{"ECDSA P-224", ec(elliptic.P224())},
		{"ECDSA P-256", ec(elliptic.P256())},
		{"ECDSA P-384", ec(elliptic.P384())},
		{"ECDSA P-521", ec(elliptic.P521())},
		{"Ed25519", must(ed, err)},
		{"RSA-PSS 2048", pssSigner{must(rsa.GenerateKey(rand.Reader, 2048)).(*rsa.PrivateKey), 0}},
	}
})

func names(list []*Scheme) []string {
	all := []string{}
	for _, s := range list {
		all = append(all, s.ID.String())
	}
	return all
}

// RFC 9846 §4.3.3, row by row: which key signs handshake messages with what, in which version.
func TestSchemesFor(t *testing.T) {
	const (
		p256, p384, p521       = "ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384", "ecdsa_secp521r1_sha512"
		pss256, pss384, pss512 = "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512"
		p1256, p1384, p1512    = "rsa_pkcs1_sha256", "rsa_pkcs1_sha384", "rsa_pkcs1_sha512"
	)
	want := map[string]map[iana.Version][]string{
		"RSA 1024":    {iana.VersionTLS13: {pss256, pss384}, iana.VersionTLS12: {pss256, pss384, p1256, p1384, p1512}},
		"RSA 2048":    {iana.VersionTLS13: {pss256, pss384, pss512}, iana.VersionTLS12: {pss256, pss384, pss512, p1256, p1384, p1512}},
		"ECDSA P-224": {iana.VersionTLS13: {}, iana.VersionTLS12: {}},
		"ECDSA P-256": {iana.VersionTLS13: {p256}, iana.VersionTLS12: {p256, p384, p521}},
		"ECDSA P-384": {iana.VersionTLS13: {p384}, iana.VersionTLS12: {p256, p384, p521}},
		"ECDSA P-521": {iana.VersionTLS13: {p521}, iana.VersionTLS12: {p256, p384, p521}},
		"RSA-PSS 2048": {
			iana.VersionTLS13: {"rsa_pss_pss_sha256", "rsa_pss_pss_sha384", "rsa_pss_pss_sha512"},
			iana.VersionTLS12: {"rsa_pss_pss_sha256", "rsa_pss_pss_sha384", "rsa_pss_pss_sha512"},
		},
		"Ed25519": {iana.VersionTLS13: {"ed25519"}, iana.VersionTLS12: {"ed25519"}},
	}
	for _, k := range testKeys() {
		for v, list := range want[k.name] {
			if diff := cmp.Diff(list, names(SchemesFor(k.signer.Public(), v))); diff != "" {
				t.Errorf("%s in %v (-want +got):\n%s", k.name, v, diff)
			}
		}
		if got := SchemesFor(k.signer.Public(), iana.VersionTLS11); got != nil {
			t.Errorf("%s in TLS 1.1, which has no schemes: got %v", k.name, names(got))
		}
	}
	if got := SchemesFor("no key", iana.VersionTLS13); got != nil {
		t.Errorf("a key of an unknown type: got %v", names(got))
	}
}

// Each scheme with each key that fits it: it signs and verifies, and a changed message, signature or key does not verify.
func TestSignAndVerify(t *testing.T) {
	msg := []byte("what is signed")
	signed := map[iana.SignatureScheme]int{}
	for _, k := range testKeys() {
		for _, s := range Schemes() {
			pub := k.signer.Public()
			if !s.Fits(pub, iana.VersionTLS12) || s.Hash == crypto.SHA1 {
				continue
			}
			sig, err := s.Sign(rand.Reader, k.signer, msg)
			if err != nil {
				t.Errorf("%v with %s: %v", s.ID, k.name, err)
				continue
			}
			signed[s.ID]++
			if err := s.Verify(pub, msg, sig); err != nil {
				t.Errorf("%v with %s: %v", s.ID, k.name, err)
			}
			checkStd(t, s, pub, msg, sig)
			for name, bad := range map[string]error{
				"another message":     s.Verify(pub, []byte("what was signed"), sig),
				"a changed signature": s.Verify(pub, msg, append([]byte{sig[0] ^ 1}, sig[1:]...)),
				"a short signature":   s.Verify(pub, msg, sig[:len(sig)-1]),
				"no signature":        s.Verify(pub, msg, nil),
			} {
				if bad == nil {
					t.Errorf("%v with %s: %s verifies", s.ID, k.name, name)
				}
			}
			for _, other := range testKeys() {
				if other.name != k.name && s.Verify(other.signer.Public(), msg, sig) == nil {
					t.Errorf("%v: the signature of %s verifies with %s", s.ID, k.name, other.name)
				}
			}
		}
	}
	for _, s := range DefaultSchemes() {
		if signed[s.ID] == 0 {
			t.Errorf("%v was not tried", s.ID)
		}
	}
}

// checkStd verifies with the standard library called by hand.
func checkStd(t *testing.T, s *Scheme, pub crypto.PublicKey, msg, sig []byte) {
	t.Helper()
	digest := msg
	if s.Hash != 0 {
		h := s.Hash.New()
		h.Write(msg)
		digest = h.Sum(nil)
	}
	ok := false
	name := s.ID.String()
	switch k := pub.(type) {
	case *rsa.PublicKey:
		if strings.HasPrefix(name, "rsa_pkcs1") {
			ok = rsa.VerifyPKCS1v15(k, s.Hash, digest, sig) == nil
		} else {
			ok = rsa.VerifyPSS(k, s.Hash, digest, sig, &rsa.PSSOptions{SaltLength: s.Hash.Size()}) == nil
		}
	case *PSSKey:
		ok = rsa.VerifyPSS(k.PublicKey, s.Hash, digest, sig, &rsa.PSSOptions{SaltLength: s.Hash.Size()}) == nil
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(k, digest, sig)
	case ed25519.PublicKey:
		ok = ed25519.Verify(k, digest, sig)
	}
	if !ok {
		t.Errorf("%v: the standard library does not verify it", s.ID)
	}
}

// A PSS signature must have a salt of the hash's length (RFC 9846 §4.3.3).
func TestPSSSaltLength(t *testing.T) {
	key := testKeys()[1].signer.(*rsa.PrivateKey)
	s, digest := SchemeByID(iana.SchemeRSAPSSRSAESHA256), sha256.Sum256([]byte("x"))
	for length, want := range map[int]bool{32: true, 20: false, 0: false} {
		opts := &rsa.PSSOptions{SaltLength: length}
		if length == 0 {
			opts.SaltLength = rsa.PSSSaltLengthAuto // as long as fits
		}
		sig, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], opts)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Verify(key.Public(), []byte("x"), sig) == nil; got != want {
			t.Errorf("salt of %d: got verified %v, want %v", length, got, want)
		}
	}
}

// A key for RSASSA-PSS alone goes with what its parameters say, and with nothing else of RSA.
func TestPSSKey(t *testing.T) {
	public := &testKeys()[1].signer.(*rsa.PrivateKey).PublicKey
	tests := []struct {
		hash crypto.Hash
		salt int
		want string
	}{
		{0, 0, "[rsa_pss_pss_sha256 rsa_pss_pss_sha384 rsa_pss_pss_sha512]"},
		{crypto.SHA256, 32, "[rsa_pss_pss_sha256]"},
		{crypto.SHA384, 20, "[rsa_pss_pss_sha384]"},
		{crypto.SHA256, 33, "[]"}, // TLS has no longer salts
		{crypto.SHA1, 20, "[]"},
	}
	for _, tt := range tests {
		key := &PSSKey{public, tt.hash, tt.salt}
		for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
			if got := fmt.Sprint(names(SchemesFor(key, v))); got != tt.want {
				t.Errorf("%v, salts of %d, %v: got %s, want %s", tt.hash, tt.salt, v, got, tt.want)
			}
		}
		if s := SchemeBefore12(key); s != nil {
			t.Errorf("it signs before TLS 1.2, with %v", s.Kind)
		}
	}
	unrestricted := &PSSKey{PublicKey: public}
	if !unrestricted.Equal(public) || !unrestricted.Equal(&PSSKey{PublicKey: public}) || unrestricted.Equal(&PSSKey{public, crypto.SHA256, 32}) || unrestricted.Equal("x") {
		t.Error("Equal is not what it should be")
	}
}

// SHA-1 verifies where it is asked for by name, in TLS 1.2 alone.
func TestSHA1(t *testing.T) {
	for i, id := range map[int]iana.SignatureScheme{1: iana.SchemeRSAPKCS1SHA1, 3: iana.SchemeECDSASHA1} {
		key, s := testKeys()[i].signer, SchemeByID(id)
		sig, err := s.Sign(rand.Reader, key, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(key.Public(), []byte("x"), sig); err != nil {
			t.Errorf("%v: %v", id, err)
		}
		if s.Handshake(iana.VersionTLS13) || !s.Handshake(iana.VersionTLS12) || !s.Fits(key.Public(), iana.VersionTLS12) {
			t.Errorf("%v: handshake signatures in 1.3 %v, in 1.2 %v", id, s.Handshake(iana.VersionTLS13), s.Handshake(iana.VersionTLS12))
		}
	}
}

func TestVerifyRefusesKeysOfAnotherKind(t *testing.T) {
	ecdsaKey, rsaKey := testKeys()[3].signer.Public(), testKeys()[1].signer.Public()
	for _, s := range Schemes() {
		pub := ecdsaKey
		if s.Kind == ECDSA {
			pub = rsaKey
		}
		err := s.Verify(pub, []byte("x"), []byte("sig"))
		if err == nil || !strings.Contains(err.Error(), s.ID.String()) || !strings.Contains(err.Error(), KeyName(pub)) {
			t.Errorf("%v: got %v, want an error that names scheme and key", s.ID, err)
		}
	}
	if err := SchemeByID(iana.SchemeEd25519).Verify(ed25519.PublicKey{1}, nil, make([]byte, 64)); err == nil {
		t.Error("an Ed25519 key of one byte verifies")
	}
}

// A signer that hashes for itself is given the message.
func TestSignGivesTheMessageToAMessageSigner(t *testing.T) {
	s := SchemeByID(iana.SchemeECDSASecp256r1SHA256)
	signer := &messageSigner{Signer: testKeys()[3].signer}
	if _, err := s.Sign(rand.Reader, signer, []byte("message")); err != nil || signer.got != "message" {
		t.Errorf("got %q, error %v, want the message", signer.got, err)
	}
}

type messageSigner struct {
	crypto.Signer
	got string
}

func (m *messageSigner) SignMessage(_ io.Reader, msg []byte, _ crypto.SignerOpts) ([]byte, error) {
	m.got = string(msg)
	return []byte("signature"), nil
}

// The server's CertificateVerify of RFC 8448 §3 verifies under the key of §2.
func TestRFC8448Signature(t *testing.T) {
	keys := rfc8448.Section(rfc8448.PrivateKeys)[0].Values
	var transcript []byte
	for _, step := range rfc8448.Section(rfc8448.SimpleOneRTT) {
		for name, message := range step.Values {
			switch name {
			case "ClientHello", "ServerHello", "EncryptedExtensions", "Certificate":
				transcript = append(transcript, message...)
			case "CertificateVerify":
				pub := &rsa.PublicKey{N: new(big.Int).SetBytes(keys["modulus"]), E: 65537}
				hash := sha256.Sum256(transcript)
				content := strings.Repeat(" ", 64) + "TLS 1.3, server CertificateVerify\x00" + string(hash[:])
				s := SchemeByID(iana.SignatureScheme(uint16(message[4])<<8 | uint16(message[5])))
				if s == nil || s.ID != iana.SchemeRSAPSSRSAESHA256 {
					t.Fatalf("got scheme %v, want rsa_pss_rsae_sha256", s)
				}
				if err := s.Verify(pub, []byte(content), message[8:]); err != nil {
					t.Error(err)
				}
				return
			}
		}
	}
	t.Error("no CertificateVerify in the trace")
}

func TestSchemeTable(t *testing.T) {
	hashes := map[string]crypto.Hash{"sha1": crypto.SHA1, "sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512}
	kinds := map[string]Kind{"rsa_pkcs1": RSAPKCS1, "rsa_pss_rsae": RSAPSSRSAE, "rsa_pss_pss": RSAPSSPSS, "ecdsa": ECDSA, "ed25519": Ed25519}
	curves := map[string]elliptic.Curve{"secp256r1": elliptic.P256(), "secp384r1": elliptic.P384(), "secp521r1": elliptic.P521()}
	seen := map[iana.SignatureScheme]bool{}
	for _, s := range Schemes() {
		name := s.ID.String()
		if seen[s.ID] || SchemeByID(s.ID) != s {
			t.Errorf("%s: not the only row of its code point", name)
		}
		seen[s.ID] = true
		words := strings.Split(name, "_")
		if got, want := s.Hash, hashes[words[len(words)-1]]; got != want {
			t.Errorf("%s: got hash %v, want %v", name, got, want)
		}
		if algorithm := strings.ToUpper(strings.NewReplacer(" PKCS#1", "", "-PSS", "").Replace(s.Kind.String())); !strings.HasPrefix(strings.ToUpper(name), algorithm) {
			t.Errorf("%s: got kind called %v", name, s.Kind)
		}
		for prefix, kind := range kinds {
			if strings.HasPrefix(name, prefix) && s.Kind != kind {
				t.Errorf("%s: got kind %v, want %v", name, s.Kind, kind)
			}
		}
		if len(words) > 1 && s.Curve != curves[words[1]] {
			t.Errorf("%s: got curve %v, want the one of its name", name, s.Curve)
		}
		if only12 := s.Kind == RSAPKCS1 || s.Hash == crypto.SHA1; s.Handshake(iana.VersionTLS13) == only12 || !s.Handshake(iana.VersionTLS12) {
			t.Errorf("%s: signs handshakes in 1.2 %v, in 1.3 %v", name, s.Handshake(iana.VersionTLS12), s.Handshake(iana.VersionTLS13))
		}
		if want := map[bool]Authentication{true: AuthRSA, false: AuthECDSA}[strings.HasPrefix(name, "rsa")]; s.Auth() != want {
			t.Errorf("%s: got authentication %v, want %v", name, s.Auth(), want)
		}
	}
	if s := SchemeByID(iana.SchemeEd448); s != nil {
		t.Errorf("SchemeByID of a scheme without a row: got %v, want nil", s)
	}
}

func TestDefaultSchemes(t *testing.T) {
	want := []string{
		"ecdsa_secp256r1_sha256", "ed25519", "rsa_pss_rsae_sha256", "ecdsa_secp384r1_sha384", "rsa_pss_rsae_sha384",
		"ecdsa_secp521r1_sha512", "rsa_pss_rsae_sha512", "rsa_pss_pss_sha256", "rsa_pss_pss_sha384", "rsa_pss_pss_sha512",
		"rsa_pkcs1_sha256", "rsa_pkcs1_sha384", "rsa_pkcs1_sha512",
	}
	for _, fips := range []bool{false, true} {
		if diff := cmp.Diff(want, names(defaultSchemes(fips))); diff != "" {
			t.Errorf("fips %v (-want +got):\n%s", fips, diff)
		}
	}
	// crypto/tls's numbers, as a second source.
	for ours, std := range map[iana.SignatureScheme]tls.SignatureScheme{
		iana.SchemeECDSASecp256r1SHA256: tls.ECDSAWithP256AndSHA256, iana.SchemeEd25519: tls.Ed25519, iana.SchemeRSAPSSRSAESHA512: tls.PSSWithSHA512,
		iana.SchemeRSAPKCS1SHA384: tls.PKCS1WithSHA384, iana.SchemeECDSASHA1: tls.ECDSAWithSHA1,
	} {
		if uint16(ours) != uint16(std) {
			t.Errorf("%v: got %#x, want %#x", ours, uint16(ours), uint16(std))
		}
	}
}

func TestKeyNames(t *testing.T) {
	auths := map[string]Authentication{"RSA": AuthRSA, "ECD": AuthECDSA, "Ed2": AuthECDSA}
	for _, k := range testKeys() {
		if got := KeyName(k.signer.Public()); got != k.name {
			t.Errorf("got %q, want %q", got, k.name)
		}
		if got, want := AuthFor(k.signer.Public()), auths[k.name[:3]]; got != want {
			t.Errorf("%s: got authentication %v, want %v", k.name, got, want)
		}
	}
	if got := KeyName("x"); got != "string" || AuthFor("x") != AuthNegotiated {
		t.Errorf("a key of an unknown type: got %q, %v", got, AuthFor("x"))
	}
}
