package observe_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/observe"
)

// chainOf is a certificate that another one issued, with both in it.
func chainOf(t testing.TB, kind string, ca tls.Certificate) tls.Certificate {
	t.Helper()
	priv, pub := newKey(t, kind)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}, DNSNames: []string{"example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Leaf, pub, ca.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der, ca.Certificate[0]}, PrivateKey: priv}
}

// mutual is a conversation in which both ends show a chain of two.
func mutual(t testing.TB, version uint16, kind string) *conversation {
	t.Helper()
	client, server := configs(t, version, kind)
	chain := chainOf(t, kind, server.Certificates[0])
	server.Certificates, client.Certificates = []tls.Certificate{chain}, []tls.Certificate{chain}
	server.ClientAuth = tls.RequireAnyClientCert
	server.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	return record(t, scene{client: client, server: server})
}

// checkList is what the checks of a session are and say.
func checkList(s *observe.Session, result string) string {
	var list []string
	for _, c := range s.Checks {
		if c.Result != result {
			continue
		}
		text := c.From + " " + c.What
		if c.What == observe.CheckCertificate || c.What == observe.CheckBinder {
			text += " " + c.Where
		}
		if c.Result == observe.ResultUnknown {
			text += " " + c.Reason
		}
		list = append(list, text)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

const (
	chains = "client certificate_signature certificate_list[0], client certificate_signature certificate_list[1], " +
		"client certificate_verify, client finished, " +
		"server certificate_signature certificate_list[0], server certificate_signature certificate_list[1], "
	all13 = chains + "server certificate_verify, server finished"
	all12 = chains + "server finished, server server_key_exchange"
)

// The last byte of a message, of its first certificate, of its last one in TLS 1.3, and one of a server's key share.
func last(m []byte) int { return len(m) - 1 }

func leafEnd(m []byte) int {
	at := 7
	if int(m[5])<<8+int(m[6]) != len(m)-7 { // TLS 1.3 has a context, which is empty here
		at = 8
	}
	return at + 3 + int(m[at+1])<<8 + int(m[at+2]) - 1
}

func lastOf13(m []byte) int { return len(m) - 3 }

func parameters([]byte) int { return 20 }

// Of what is checked, one bit turns exactly that bad: what comes after it and covers it is not known then.
func TestChecks(t *testing.T) {
	for _, row := range []struct {
		version uint16
		kind    string
		from    observe.Dir
		message iana.HandshakeType
		at      func(m []byte) int // the byte that is changed
		bad     string
		after   string // what cannot be said any more
	}{
		{tls.VersionTLS13, "ECDSA", observe.ServerToClient, iana.HandshakeCertificate, leafEnd, "server certificate_signature certificate_list[0]", "server certificate_verify, server finished, client certificate_verify, client finished"},
		{tls.VersionTLS13, "ECDSA", observe.ServerToClient, iana.HandshakeCertificate, lastOf13, "server certificate_signature certificate_list[1]", "server certificate_verify, server finished, client certificate_verify, client finished"},
		{tls.VersionTLS13, "ECDSA", observe.ServerToClient, iana.HandshakeCertificateVerify, last, "server certificate_verify", "server finished, client certificate_verify, client finished"},
		{tls.VersionTLS13, "RSA", observe.ServerToClient, iana.HandshakeCertificateVerify, last, "server certificate_verify", "server finished, client certificate_verify, client finished"},
		{tls.VersionTLS13, "Ed25519", observe.ServerToClient, iana.HandshakeCertificateVerify, last, "server certificate_verify", "server finished, client certificate_verify, client finished"},
		{tls.VersionTLS13, "ECDSA", observe.ServerToClient, iana.HandshakeFinished, last, "server finished", "client certificate_verify, client finished"},
		{tls.VersionTLS13, "ECDSA", observe.ClientToServer, iana.HandshakeCertificate, leafEnd, "client certificate_signature certificate_list[0]", "client certificate_verify, client finished"},
		{tls.VersionTLS13, "ECDSA", observe.ClientToServer, iana.HandshakeCertificateVerify, last, "client certificate_verify", "client finished"},
		{tls.VersionTLS13, "ECDSA", observe.ClientToServer, iana.HandshakeFinished, last, "client finished", ""},
		{tls.VersionTLS12, "ECDSA", observe.ServerToClient, iana.HandshakeCertificate, leafEnd, "server certificate_signature certificate_list[0]", "client certificate_verify, client finished, server finished"},
		{tls.VersionTLS12, "RSA", observe.ServerToClient, iana.HandshakeCertificate, last, "server certificate_signature certificate_list[1]", "client certificate_verify, client finished, server finished"},
		{tls.VersionTLS12, "ECDSA", observe.ServerToClient, iana.HandshakeServerKeyExchange, last, "server server_key_exchange", "client certificate_verify, client finished, server finished"},
		{tls.VersionTLS12, "RSA", observe.ServerToClient, iana.HandshakeServerKeyExchange, last, "server server_key_exchange", "client certificate_verify, client finished, server finished"},
		{tls.VersionTLS12, "RSA", observe.ServerToClient, iana.HandshakeServerKeyExchange, parameters, "server server_key_exchange", "client certificate_verify, client finished, server finished"},
		{tls.VersionTLS12, "ECDSA", observe.ClientToServer, iana.HandshakeCertificateVerify, last, "client certificate_verify", "client finished, server finished"},
		{tls.VersionTLS12, "RSA", observe.ClientToServer, iana.HandshakeCertificateVerify, last, "client certificate_verify", "client finished, server finished"},
		{tls.VersionTLS12, "ECDSA", observe.ClientToServer, iana.HandshakeFinished, last, "client finished", "server finished"},
		{tls.VersionTLS12, "ECDSA", observe.ServerToClient, iana.HandshakeFinished, last, "server finished", ""},
	} {
		t.Run(fmt.Sprintf("%s %s %s", tls.VersionName(row.version), row.kind, row.bad), func(t *testing.T) {
			c := mutual(t, row.version, row.kind)
			want := map[uint16]string{tls.VersionTLS12: all12, tls.VersionTLS13: all13}[row.version]
			same := watch(rewrite(t, c, func(observe.Dir, []byte) {}), options(), withKeys(c)).session
			if got := checkList(same, observe.ResultOK); got != want || len(same.Checks) != 8 {
				t.Errorf("unchanged: got %s ok, of %+v", got, same.Checks)
			}
			changed := rewrite(t, c, func(d observe.Dir, m []byte) {
				if d == row.from && iana.HandshakeType(m[0]) == row.message {
					m[row.at(m)] ^= 1
				}
			})
			s := watch(changed, options(), withKeys(c)).session
			if got := checkList(s, observe.ResultBad); got != row.bad {
				t.Errorf("got %q bad, want %q", got, row.bad)
			}
			after := strings.Split(row.after, ", ")
			if row.after == "" {
				after = nil
			}
			for i := range after {
				after[i] += " " + observe.ReasonEarlierBad
			}
			slices.Sort(after)
			if got := checkList(s, observe.ResultUnknown); got != strings.Join(after, ", ") {
				t.Errorf("got %q unknown, want %q", got, strings.Join(after, ", "))
			}
		})
	}
}

// Who issued a certificate need not be the next one, and need not be there.
func TestChainOrder(t *testing.T) {
	client, server := configs(t, tls.VersionTLS12, "ECDSA")
	client.InsecureSkipVerify = true
	ca := server.Certificates[0]
	chain, other := chainOf(t, "ECDSA", ca), certificate(t, "RSA")
	for _, row := range []struct {
		name string
		list [][]byte
		want []string
	}{
		{"the leaf alone", [][]byte{chain.Certificate[0]}, []string{observe.ReasonNoIssuer}},
		{"another one of that name between", [][]byte{chain.Certificate[0], other.Certificate[0], ca.Certificate[0]}, []string{"", "", ""}},
	} {
		server.Certificates = []tls.Certificate{{Certificate: row.list, PrivateKey: chain.PrivateKey}}
		c := record(t, scene{client: client, server: server})
		var got []string
		for _, check := range watch(c, options(), withKeys(c)).session.Checks {
			if check.What == observe.CheckCertificate {
				got = append(got, check.Reason)
			}
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: got reasons %q, want %q", row.name, got, row.want)
		}
	}
}
