package tls

import (
	"crypto/x509"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/auth"
)

// TestServerHeedsAuthorities has clients say whom they trust: that chooses among certificates
// that suit them otherwise, and refuses none.
func TestServerHeedsAuthorities(t *testing.T) {
	a, b, other := parsed(t, keyP256(), "a.example"), parsed(t, keyRSA(), "a.example"), parsed(t, keyEd25519(), "b.example")
	setup, err := (&Config{Certificates: []Certificate{other, a, b}}).server(nil)
	if err != nil {
		t.Fatal(err)
	}
	issuer := func(c Certificate) []byte { return c.Leaf.RawIssuer }
	for i, leaf := range []*x509.Certificate{a.Leaf, b.Leaf, other.Leaf} {
		leaf.RawIssuer = []byte{0x30, 1, byte(i)} // all are issued by the same
	}

	for _, tt := range []struct {
		what  string
		names [][]byte
		want  Certificate
	}{
		{"nothing", nil, a},
		{"the first's", [][]byte{issuer(a)}, a},
		{"the second's", [][]byte{{0x30, 0}, issuer(b)}, b},
		{"both", [][]byte{issuer(b), issuer(a)}, a},
		{"nobody's", [][]byte{{0x30, 0}}, a},
		{"of a certificate for another name", [][]byte{issuer(other)}, a},
	} {
		hello := changed("a.example", func(h *auth.ClientHelloFacts) { h.Authorities = tt.names })
		cred, err := setup.Identity.ServerCredential(t.Context(), hello)
		if err != nil {
			t.Fatal(err)
		}
		if !cred.Leaf.Equal(tt.want.Leaf) {
			t.Errorf("%s: got a %T key, want %T", tt.what, cred.Leaf.PublicKey, tt.want.Leaf.PublicKey)
		}
		if diff := cmp.Diff(tt.names, AcceptableCAs(helloInfo(t.Context(), hello, nil))); diff != "" {
			t.Errorf("%s: AcceptableCAs (-want +got):\n%s", tt.what, diff)
		}
	}
	if got := AcceptableCAs(&ClientHelloInfo{}); got != nil {
		t.Errorf("of nobody's hello: got %x, want nil", got)
	}
}
