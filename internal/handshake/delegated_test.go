package handshake_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/spki"
	"github.com/akushu/akushu/internal/suite"
)

// delegatedTo is an identity whose key somebody delegated to, good or bad.
type delegatedTo struct{ cred *auth.Credential }

func (d delegatedTo) DelegatedCredential(*auth.ClientHelloFacts, time.Time) *auth.Credential {
	return d.cred
}

// delegation is what a test delegates, and how.
type delegation struct {
	leaf      x509.Certificate // what is asked of it, nothing else
	ends      time.Duration    // from now
	key       crypto.Signer
	scheme    iana.SignatureScheme // of key
	algorithm iana.SignatureScheme // of the owner
}

// sign makes a credential with a delegation that is signed as any would be, however bad.
func (d *delegation) sign(t testing.TB) *auth.Credential {
	t.Helper()
	owner, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d.leaf.SerialNumber, d.leaf.Subject = big.NewInt(9345), pkix.Name{CommonName: "example.com"}
	der, err := x509.CreateCertificate(rand.Reader, &d.leaf, &d.leaf, owner.Public(), owner)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	info, err := spki.MarshalPublicKey(d.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	to := &auth.Delegation{
		ValidTime: uint32(now.Add(d.ends).Sub(leaf.NotBefore) / time.Second), Scheme: d.scheme, Info: info,
		Algorithm: d.algorithm, Signature: []byte{0}, Key: d.key.Public(),
	}
	raw, err := to.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	// The signed content by the RFC's text: 64 spaces, the context, a zero, the certificate, and all
	// of the credential that stands before the signature.
	content := []byte("                                                                TLS, server delegated credentials\x00")
	content = append(append(content, leaf.Raw...), raw[:len(raw)-len("\x00\x01\x00")]...)
	with := suite.SchemeByID(iana.SchemeECDSASecp256r1SHA256)
	if to.Signature, err = auth.Sign(context.Background(), rand.Reader, &auth.Credential{Key: owner, Leaf: leaf}, with, content); err != nil {
		t.Fatal(err)
	}
	return &auth.Credential{Chain: [][]byte{der}, Leaf: leaf, Key: d.key, Delegation: to}
}

// newDelegation is one that is good.
func newDelegation(t testing.TB) *delegation {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &delegation{
		leaf: x509.Certificate{
			NotBefore: now.Add(-time.Hour), NotAfter: now.Add(30 * 24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
			ExtraExtensions: []pkix.Extension{{Id: auth.OIDDelegationUsage, Value: []byte{5, 0}}},
		},
		ends: auth.MaxDelegation, key: key, scheme: iana.SchemeECDSASecp384r1SHA384, algorithm: iana.SchemeECDSASecp256r1SHA256,
	}
}

// use has a server show the delegation and a client take such.
func (d *delegation) use(t testing.TB) func(*handshake.ClientConfig, *handshake.ServerConfig) {
	cred := d.sign(t)
	return func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
		c.Delegated, s.Delegated, c.Trust = true, delegatedTo{cred}, &auth.Trust{Skip: true}
	}
}

// TestDelegated has a client take what is good to the last second, and one key for another.
func TestDelegated(t *testing.T) {
	for name, change := range map[string]func(*delegation){
		"seven days":                       func(*delegation) {},
		"the last second":                  func(d *delegation) { d.ends = 0 },
		"to the certificate's last second": func(d *delegation) { d.leaf.NotAfter = now.Add(d.ends) },
	} {
		t.Run(name, func(t *testing.T) {
			client, server := ends(t)
			d := newDelegation(t)
			change(d)
			d.use(t)(client, server)
			c, s := new(pair).run(client, server)
			if c.err != nil || s.err != nil {
				t.Fatal(c.err, s.err)
			}
			until := now.Add(d.ends)
			if c.result.Scheme != d.scheme || !c.result.DelegatedUntil.Equal(until) || !s.result.DelegatedUntil.Equal(until) {
				t.Errorf("got %v until %v, server: %v; want %v until %v", c.result.Scheme, c.result.DelegatedUntil, s.result.DelegatedUntil, d.scheme, until)
			}
		})
	}
}

// TestClientRejectsDelegated refuses delegated credentials (RFC 9345 §4.1.3), all with
// illegal_parameter, and one that was not asked for with unexpected_message.
func TestClientRejectsDelegated(t *testing.T) {
	const place = "certificate.certificate_list.delegated_credential"
	const message, verify = "server Certificate", "server CertificateVerify"
	as := func(change func(*delegation)) func(*handshake.ClientConfig, *handshake.ServerConfig) {
		d := newDelegation(t)
		change(d)
		return d.use(t)
	}
	good := as(func(*delegation) {})
	same := func(_ *msg.Context, raw []byte) [][]byte { return [][]byte{raw} }
	changed := func(f func(*msg.DelegatedCredential)) change {
		return edit(func(m *msg.Certificate) { f(&m.List[0].Credential) })
	}
	const judged, algorithms = "RFC 9345 §4.1.3", "RFC 9345 §4.1.1"
	rejects(t, flowOf{"client", iana.VersionTLS13}, []rejection{
		{
			name: "one that expired", message: message, change: same, setup: as(func(d *delegation) { d.ends = -time.Second }),
			where: place + ".valid_time", alert: illegal, ref: judged,
		},
		{
			name: "more than seven days", message: message, change: same, setup: as(func(d *delegation) { d.ends += time.Second }),
			where: place + ".valid_time", alert: illegal, ref: judged,
		},
		{
			name: "one that outlives its certificate", message: message, change: same,
			setup: as(func(d *delegation) { d.leaf.NotAfter = now.Add(d.ends - time.Second) }),
			where: place + ".valid_time", alert: illegal, ref: judged,
		},
		{
			name: "a certificate without DelegationUsage", message: message, change: same,
			setup: as(func(d *delegation) { d.leaf.ExtraExtensions = nil }),
			where: place, alert: illegal, ref: "RFC 9345 §4.2",
		},
		{
			name: "a certificate that says nothing of its use", message: message, change: same, setup: as(func(d *delegation) { d.leaf.KeyUsage = 0 }),
			where: place, alert: illegal, ref: "RFC 9345 §4.2",
		},
		{
			name: "another certificate's", message: message, change: same,
			setup: func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
				good(c, s)
				cred, other := *s.Delegated.(delegatedTo).cred, newDelegation(t).sign(t)
				cred.Leaf, cred.Chain = other.Leaf, other.Chain
				s.Delegated = delegatedTo{&cred}
			},
			where: place + ".signature", alert: illegal, ref: judged,
		},
		{
			name: "a changed time", message: message, change: changed(func(d *msg.DelegatedCredential) { d.ValidTime-- }), setup: good,
			where: place + ".signature", alert: illegal, ref: judged,
		},
		{
			name: "a changed signature", message: message,
			change: changed(func(d *msg.DelegatedCredential) { d.Signature[len(d.Signature)-1] ^= 1 }), setup: good,
			where: place + ".signature", alert: illegal, ref: judged,
		},
		{
			name: "a signature of a scheme for another key", message: message,
			change: changed(func(d *msg.DelegatedCredential) { d.Algorithm = iana.SchemeEd25519 }), setup: good,
			where: place + ".signature", alert: illegal, ref: judged,
		},
		{
			name: "a signature with a scheme of TLS 1.2", message: message, change: same,
			setup: as(func(d *delegation) { d.algorithm = iana.SchemeRSAPKCS1SHA256 }),
			where: place + ".signature", alert: illegal, ref: judged,
		},
		{
			name: "a signature with a scheme that was not offered", message: message, change: same,
			setup: func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
				good(c, s)
				c.Schemes = []*suite.Scheme{suite.SchemeByID(iana.SchemeECDSASecp384r1SHA384)}
			},
			where: place + ".signature", alert: illegal, ref: judged,
		},
		{
			name: "a key for a scheme that was not offered", message: message, change: changed(func(d *msg.DelegatedCredential) {
				d.CertVerifyAlgorithm = iana.SchemeECDSASHA1
			}), setup: good,
			where: place + ".dc_cert_verify_algorithm", alert: illegal, ref: algorithms,
		},
		{
			name: "a key for any use of RSA", message: message,
			change: changed(func(d *msg.DelegatedCredential) {
				d.CertVerifyAlgorithm = iana.SchemeRSAPSSRSAESHA256
				d.PublicKey = rsaInfo(t)
			}), setup: good,
			where: place + ".dc_cert_verify_algorithm", alert: illegal, ref: algorithms,
		},
		{
			name: "a key of another kind than its scheme", message: message, change: changed(func(d *msg.DelegatedCredential) { d.PublicKey = rsaInfo(t) }), setup: good,
			where: place + ".dc_cert_verify_algorithm", alert: illegal, ref: algorithms,
		},
		{
			name: "a key that does not parse", message: message, change: changed(func(d *msg.DelegatedCredential) { d.PublicKey = []byte{0x30, 0} }), setup: good,
			where: place + ".dc_cert_verify_algorithm", alert: illegal, ref: algorithms,
		},
		{
			name: "one that was not asked for", message: message, change: edit(func(m *msg.Certificate) {
				m.List[0].Extensions.Add(iana.ExtDelegatedCredential)
				m.List[0].Credential = msg.DelegatedCredential{PublicKey: []byte{1}, Signature: []byte{1}}
			}),
			where: place, alert: unexpected, ref: algorithms,
		},
		{
			name: "a CertificateVerify with another scheme", message: verify, setup: good,
			change: edit(func(m *msg.CertificateVerify) { m.Algorithm = iana.SchemeECDSASecp256r1SHA256 }),
			where:  "certificate_verify.algorithm", alert: illegal, ref: "RFC 9846 §4.5.2",
		},
		{
			name: "a CertificateVerify of another key", message: verify, setup: good, change: flip,
			where: "certificate_verify.signature", alert: decrypt, ref: "RFC 9846 §4.5.2",
		},
	})
}

func rsaInfo(t testing.TB) []byte {
	t.Helper()
	info, err := spki.MarshalPublicKey(rsaKey().Public().(*rsa.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// TestDelegatedElsewhere passes over delegations of certificates that are not the server's own
// (RFC 9345 §4.1.1), and of clients that nobody asked.
func TestDelegatedElsewhere(t *testing.T) {
	client, server := ends(t)
	d := newDelegation(t)
	d.use(t)(client, server)
	cred := server.Delegated.(delegatedTo).cred
	cred.Chain = append(cred.Chain, cred.Chain[0])
	p := &pair{tamper: nth("server Certificate", func(raw []byte) [][]byte {
		return edit(func(m *msg.Certificate) {
			m.List[1].Extensions.Add(iana.ExtDelegatedCredential)
			m.List[1].Credential = m.List[0].Credential
			m.List[1].Credential.ValidTime = 0
		})(&msg.Context{Version: iana.VersionTLS13}, raw)
	})}
	c, _ := p.run(client, server)
	// What was changed in flight is found out by the signature of the transcript, and not before.
	wantAlert(t, c.err, "certificate_verify.signature", decrypt, "RFC 9846 §4.5.2")
}
