package pki_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/internal/pki"
	"github.com/google/go-cmp/cmp"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 5, time.UTC)

// env is a world that stands still and draws the same numbers in every run.
func env() pki.Env {
	return pki.Env{Now: func() time.Time { return now }, Rand: rand.NewChaCha8([32]byte{1})}
}

var (
	keys   = map[string]crypto.Signer{}
	keysMu sync.Mutex
)

// key makes one key of each kind: RSA takes its time.
func key(t *testing.T, kind string) crypto.Signer {
	t.Helper()
	keysMu.Lock()
	defer keysMu.Unlock()
	if keys[kind] == nil {
		k, err := pki.GenerateKey(kind)
		must(t, err)
		keys[kind] = k
	}
	return keys[kind]
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestGenerateKey(t *testing.T) {
	names := map[string]string{
		"ecdsa-p256": "ECDSA P-256",
		"ecdsa-p384": "ECDSA P-384",
		"ecdsa-p521": "ECDSA P-521",
		"rsa-2048":   "RSA 2048",
		"rsa-3072":   "RSA 3072",
		"rsa-4096":   "RSA 4096",
		"ed25519":    "Ed25519",
	}
	if len(pki.KeyKinds()) != len(names) || pki.KeyKinds()[0] != pki.DefaultKeyKind {
		t.Errorf("got kinds %v, want these %d, the default first", pki.KeyKinds(), len(names))
	}
	for _, kind := range pki.KeyKinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			if got := pki.KeyName(key(t, kind).Public()); got != names[kind] {
				t.Errorf("got %s, want %s", got, names[kind])
			}
		})
	}
	if got, err := pki.GenerateKey("ECDSA-P256"); err != nil {
		t.Errorf("got %v, %v for upper case, want a key", got, err)
	}
	if got := pki.KeyName("no key"); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestGenerateKeySuggests(t *testing.T) {
	rows := map[string]string{
		"rsa":                          "rsa-2048",
		"RSA4096":                      "rsa-4096",
		"p256":                         "ecdsa-p256",
		"P-384":                        "ecdsa-p384",
		"ecdsa":                        "ecdsa-p256",
		"ecdsa-p512":                   "ecdsa-p521",
		"ed448":                        "ed25519",
		"ed22519":                      "ed25519",
		"":                             "ed25519",
		strings.Repeat("rsa-3072", 99): "rsa-3072",
	}
	for kind, want := range rows {
		_, err := pki.GenerateKey(kind)
		unknown, ok := errors.AsType[*pki.UnknownKindError](err)
		if !ok || unknown.Nearest != want || unknown.Kind != kind {
			t.Errorf("%s: got %v, want %q suggested", kind, err, want)
		}
	}
	_, err := pki.GenerateKey("rsa")
	want := `unknown key type "rsa", did you mean "rsa-2048"? possible are ` +
		"ecdsa-p256, ecdsa-p384, ecdsa-p521, rsa-2048, rsa-3072, rsa-4096, ed25519"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

// profile is what RFC 5280 wants to see of a certificate, in words.
func profile(c *x509.Certificate) string {
	var usages []string
	for _, u := range c.ExtKeyUsage {
		usages = append(usages, u.String())
	}
	return fmt.Sprintf("%s by %s, %v %v, CA %t, for %s to %s, usage %03b %v, v%d", c.Subject, c.Issuer, c.DNSNames, c.IPAddresses,
		c.IsCA, c.NotBefore.Format("01-02T15:04:05"), c.NotAfter.Format("01-02T15:04:05"), c.KeyUsage, usages, c.Version)
}

func TestProfiles(t *testing.T) {
	ec, rsa := key(t, "ecdsa-p256"), key(t, "rsa-2048")
	root, err := pki.NewAuthority(env(), pki.Request{Key: ec, CommonName: "a root", Validity: 365 * 24 * time.Hour})
	must(t, err)
	sub, err := root.Subordinate(pki.Request{Key: rsa, CommonName: "below it"})
	must(t, err)
	const long = "a.very.long.name.that.does.not.fit.into.the.common.name.of.a.subject.example"
	rows := []struct {
		name string
		make func() (*pki.Identity, error)
		want string
	}{
		{
			"self-signed for this machine",
			func() (*pki.Identity, error) { return pki.SelfSigned(env(), pki.Request{Key: ec}) },
			"CN=localhost by CN=localhost, [localhost] [127.0.0.1 ::1], CA false, for 11-20T11:00:00 to 02-18T10:59:59, usage 001 [serverAuth], v3",
		},
		{
			"self-signed for a minute, with RSA",
			func() (*pki.Identity, error) {
				return pki.SelfSigned(env(), pki.Request{Key: rsa, Names: []string{"example.com", "*.example.com"}, NotBefore: now, Validity: time.Minute})
			},
			"CN=example.com by CN=example.com, [example.com *.example.com] [], CA false, for 11-20T12:00:00 to 11-20T12:00:59, usage 101 [serverAuth], v3",
		},
		{
			"issued by a root",
			func() (*pki.Identity, error) { return root.Issue(pki.Request{Key: ec, Names: []string{"192.0.2.1"}}) },
			"CN=192.0.2.1 by CN=a root, [] [192.0.2.1], CA false, for 11-20T11:00:00 to 02-18T10:59:59, usage 001 [serverAuth], v3",
		},
		{
			"issued to a client",
			func() (*pki.Identity, error) {
				return sub.Issue(pki.Request{Key: rsa, CommonName: "Alice", Usage: pki.Client})
			},
			"CN=Alice by CN=below it, [] [], CA false, for 11-20T11:00:00 to 02-18T10:59:59, usage 001 [clientAuth], v3",
		},
		{
			"issued for both ends",
			func() (*pki.Identity, error) {
				return sub.Issue(pki.Request{Key: ec, CommonName: "both", Names: []string{"x"}, Usage: pki.Server | pki.Client})
			},
			"CN=both by CN=below it, [x] [], CA false, for 11-20T11:00:00 to 02-18T10:59:59, usage 001 [serverAuth clientAuth], v3",
		},
		{
			"a name that is no common name",
			func() (*pki.Identity, error) { return root.Issue(pki.Request{Key: ec, Names: []string{long}}) },
			" by CN=a root, [" + long + "] [], CA false, for 11-20T11:00:00 to 02-18T10:59:59, usage 001 [serverAuth], v3",
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			id, err := row.make()
			must(t, err)
			leaf := id.Leaf()
			if diff := cmp.Diff(row.want, profile(leaf)); diff != "" {
				t.Errorf("got another profile (-want +got):\n%s", diff)
			}
			if len(leaf.SubjectKeyId) != 20 || len(leaf.AuthorityKeyId) != 20 {
				t.Errorf("got key ids %x and %x, want 20 bytes each", leaf.SubjectKeyId, leaf.AuthorityKeyId)
			}
		})
	}
	for c, want := range map[*x509.Certificate]string{
		root.Certificate: "CN=a root by CN=a root, [] [], CA true, for 11-20T11:00:00 to 11-20T10:59:59, usage 1100000 [], v3",
		sub.Certificate:  "CN=below it by CN=a root, [] [], CA true, for 11-20T11:00:00 to 02-18T10:59:59, usage 1100000 [], v3",
	} {
		if diff := cmp.Diff(want, profile(c)); diff != "" {
			t.Errorf("got another profile (-want +got):\n%s", diff)
		}
		if !bytes.Equal(c.AuthorityKeyId, root.Certificate.SubjectKeyId) {
			t.Errorf("got authority key id %x, want %x", c.AuthorityKeyId, root.Certificate.SubjectKeyId)
		}
	}
}

func TestSerialNumbers(t *testing.T) {
	world := env()
	seen := map[string]bool{}
	for range 20 {
		id, err := pki.SelfSigned(world, pki.Request{Key: key(t, "ed25519")})
		must(t, err)
		serial := id.Leaf().SerialNumber
		if serial.Sign() != 1 || serial.BitLen() != 127 || seen[serial.String()] {
			t.Errorf("got serial number %x, want another positive one of 127 bits", serial)
		}
		seen[serial.String()] = true
	}
	id, err := pki.SelfSigned(world, pki.Request{Key: key(t, "ed25519"), Serial: big.NewInt(7)})
	must(t, err)
	if id.Leaf().SerialNumber.Int64() != 7 {
		t.Errorf("got %v, want the serial number that was asked for", id.Leaf().SerialNumber)
	}
}

// The same world and the same Ed25519 key give the same certificate.
func TestReproducible(t *testing.T) {
	var got [2]*pki.Identity
	for i := range got {
		id, err := pki.SelfSigned(env(), pki.Request{Key: key(t, "ed25519")})
		must(t, err)
		got[i] = id
	}
	if !got[0].Leaf().Equal(got[1].Leaf()) {
		t.Error("got two certificates that differ")
	}
}

// Chains go up to the root, which is not sent, and verify.
func TestChains(t *testing.T) {
	for _, kind := range []string{"ecdsa-p256", "ecdsa-p384", "rsa-2048", "ed25519"} {
		t.Run(kind, func(t *testing.T) {
			k := key(t, kind)
			root, err := pki.NewAuthority(env(), pki.Request{Key: k, CommonName: "root"})
			must(t, err)
			first, err := root.Subordinate(pki.Request{Key: k, CommonName: "first"})
			must(t, err)
			second, err := first.Subordinate(pki.Request{Key: k, CommonName: "second"})
			must(t, err)
			for issuer, want := range map[*pki.Authority][]string{
				root: {"leaf"}, first: {"leaf", "first"}, second: {"leaf", "second", "first"},
			} {
				id, err := issuer.Issue(pki.Request{Key: k, CommonName: "leaf", Names: []string{"a.example"}})
				must(t, err)
				var got []string
				for _, c := range id.Chain {
					got = append(got, c.Subject.CommonName)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("got another chain (-want +got):\n%s", diff)
				}
				if err := verify(id.Chain, root.Pool(), "a.example", pki.Check{At: now}); err != nil {
					t.Errorf("got %v from the verifier", err)
				}
				if der := id.DER(); len(der) != len(want) || !bytes.Equal(der[0], id.Leaf().Raw) {
					t.Errorf("got %d certificates as DER, want %d", len(der), len(want))
				}
			}
		})
	}
}

// verify does what a TLS end does with a chain.
func verify(chain []*x509.Certificate, roots *x509.CertPool, host string, check pki.Check) error {
	usage := x509.ExtKeyUsageServerAuth
	if check.Usage == pki.Client {
		usage = x509.ExtKeyUsageClientAuth
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		DNSName: host, Roots: roots, Intermediates: between, CurrentTime: check.At, KeyUsages: []x509.ExtKeyUsage{usage},
	})
	return err
}

func TestMakingRefuses(t *testing.T) {
	k := key(t, "ed25519")
	root, err := pki.NewAuthority(env(), pki.Request{Key: k, CommonName: "root"})
	must(t, err)
	leaf := func(r pki.Request) error { _, err := root.Issue(r); return err }
	self := func(r pki.Request) error { _, err := pki.SelfSigned(env(), r); return err }
	authority := func(r pki.Request) error { _, err := pki.NewAuthority(env(), r); return err }
	below := func(r pki.Request) error { _, err := root.Subordinate(r); return err }
	rows := []struct {
		name    string
		make    func(pki.Request) error
		request pki.Request
		want    string
	}{
		{"no key", leaf, pki.Request{}, "needs a key"},
		{"no key, self-signed", self, pki.Request{}, "needs a key"},
		{"a client without a name", leaf, pki.Request{Key: k, Usage: pki.Client}, "needs a common name"},
		{"no name at all", leaf, pki.Request{Key: k, Names: []string{}}, "needs a common name"},
		{"a common name that is too long", leaf, pki.Request{Key: k, CommonName: strings.Repeat("x", 65)}, "65 bytes"},
		{"a name that is not ASCII", leaf, pki.Request{Key: k, Names: []string{"例え.jp"}}, `"例え.jp" is no DNS name`},
		{"an empty name", leaf, pki.Request{Key: k, CommonName: "x", Names: []string{""}}, `"" is no DNS name`},
		{"a URL", self, pki.Request{Key: k, Names: []string{"https://a.example"}}, "no DNS name"},
		{"a name that is too long", leaf, pki.Request{Key: k, CommonName: "x", Names: []string{strings.Repeat("x", 254)}}, "no DNS name"},
		{"a serial number below zero", leaf, pki.Request{Key: k, Serial: big.NewInt(-1)}, "serial number"},
		{"the same, self-signed", self, pki.Request{Key: k, Serial: big.NewInt(-1)}, "serial number"},
		{"an authority without a name", authority, pki.Request{Key: k}, "an authority has a common name"},
		{"an authority with names", authority, pki.Request{Key: k, CommonName: "x", Names: []string{"x"}}, "neither names"},
		{"an authority for an end", below, pki.Request{Key: k, CommonName: "x", Usage: pki.Server}, "nor a usage"},
		{"an authority without a key", authority, pki.Request{CommonName: "x"}, "needs a key"},
		{"an authority with a serial number below zero", authority, pki.Request{Key: k, CommonName: "x", Serial: big.NewInt(-1)}, "serial number"},
		{"the same, subordinate", below, pki.Request{Key: k, CommonName: "x", Serial: big.NewInt(-1)}, "serial number"},
		{"a key that is none", leaf, pki.Request{Key: noKey{}}, "public key"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if err := row.make(row.request); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want an error with %q", err, row.want)
			}
		})
	}
	dry := errors.New("dry")
	world := pki.Env{Now: env().Now, Rand: iotest.ErrReader(dry)}
	if _, err := pki.SelfSigned(world, pki.Request{Key: k}); !errors.Is(err, dry) {
		t.Errorf("got %v, want %v", err, dry)
	}
}

type noKey struct{}

func (noKey) Public() crypto.PublicKey { return nil }

func (noKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { panic("not reached") }

// OpenSSL, with its strictest checks, trusts what we make: a chain under its root, and a self-signed leaf as its own.
func TestOpenSSLVerifies(t *testing.T) {
	openssl := peer.Find(t, "openssl")
	root, err := pki.NewAuthority(env(), pki.Request{Key: key(t, "ecdsa-p256"), CommonName: "root"})
	must(t, err)
	sub, err := root.Subordinate(pki.Request{Key: key(t, "rsa-2048"), CommonName: "below it"})
	must(t, err)
	for _, kind := range []string{"ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "ed25519"} {
		t.Run(kind, func(t *testing.T) {
			issued, err := sub.Issue(pki.Request{Key: key(t, kind)})
			must(t, err)
			own, err := pki.SelfSigned(env(), pki.Request{Key: key(t, kind)})
			must(t, err)
			opensslVerify(t, openssl, issued, pki.EncodeChain(root.Certificate), "-x509_strict")
			opensslVerify(t, openssl, own, pki.EncodeChain(own.Leaf()))
		})
	}
}

func opensslVerify(t *testing.T, openssl string, id *pki.Identity, roots []byte, flags ...string) {
	t.Helper()
	dir := t.TempDir()
	chain, root := filepath.Join(dir, "chain.pem"), filepath.Join(dir, "root.pem")
	must(t, os.WriteFile(chain, pki.EncodeChain(id.Chain...), 0o600))
	must(t, os.WriteFile(root, roots, 0o600))
	args := append([]string{
		"verify", "-CAfile", root, "-untrusted", chain, "-purpose", "sslserver",
		"-verify_hostname", "localhost", "-attime", fmt.Sprint(now.Unix()),
	}, flags...)
	if out, err := exec.CommandContext(t.Context(), openssl, append(args, chain)...).CombinedOutput(); err != nil {
		t.Errorf("got %v\n%s", err, out)
	}
}

func addressesOf(texts ...string) []net.IP {
	var ips []net.IP
	for _, text := range texts {
		ips = append(ips, net.ParseIP(text))
	}
	return ips
}
