package handshake_test

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/sidechannel"
	"github.com/akushu/akushu/internal/suite"
)

// What is wrong with the key exchanges of TLS 1.2 and before, and with what there was before TLS 1.2.

const (
	ske = "server ServerKeyExchange"
	cke = "client ClientKeyExchange"

	weak = iana.AlertInsufficientSecurity
)

type setup = func(*handshake.ClientConfig, *handshake.ServerConfig)

// suitesOf has both ends, the server's certificate being one of RSA, do one suite.
func suitesOf(t *testing.T, id iana.CipherSuite) setup {
	useRSA := useRSA(t)
	return func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
		useRSA(c, s)
		c.Suites, s.Suites = []*suite.Suite{suite.ByID(id)}, []*suite.Suite{suite.ByID(id)}
	}
}

// each gives the rows a setup and a form of messages.
func each(rows []rejection, setup setup, form msg.KeyExchange) []rejection {
	for i := range rows {
		own := rows[i].setup
		rows[i].form = form
		rows[i].setup = func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
			setup(c, s)
			if own != nil {
				own(c, s)
			}
		}
	}
	return rows
}

// number is a number of so many bits, of which the lowest says whether it is odd.
func number(bits int, odd bool) []byte {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	if odd {
		n.SetBit(n, 0, 1)
	}
	return n.Bytes()
}

// less returns p less n.
func less(p []byte, n int64) []byte {
	v := new(big.Int).SetBytes(p)
	return v.Sub(v, big.NewInt(n)).FillBytes(make([]byte, len(p)))
}

// The field that a server chooses, and how it says so.
func TestClientRejectsDHE(t *testing.T) {
	field := func(f func(*msg.ServerKeyExchange)) change { return edit(f) }
	p := func(p []byte) change { return field(func(m *msg.ServerKeyExchange) { m.P = p }) }
	g := func(g func(m *msg.ServerKeyExchange) []byte) change {
		return field(func(m *msg.ServerKeyExchange) { m.G = g(m) })
	}
	const atP, atG, ref = "server_key_exchange.dh_p", "server_key_exchange.dh_g", "RFC 5246 §7.4.3"
	rows := []rejection{
		{name: "p of 512 bits, as Logjam had", change: p(number(512, true)), where: atP, alert: weak, ref: ref},
		{name: "p of 1,024 bits", change: p(number(1024, true)), where: atP, alert: weak, ref: ref},
		{name: "p of 2,047 bits", change: p(number(2047, true)), where: atP, alert: weak, ref: ref},
		{name: "p of 1,024 bits behind zeros", change: p(append(make([]byte, 128), number(1024, true)...)), where: atP, alert: weak, ref: ref},
		{name: "p of 8,193 bits", change: p(number(8193, true)), where: atP, alert: illegal, ref: ref},
		{name: "p of 65,535 bytes", change: p(bytes.Repeat([]byte{0xff}, 1<<16-1)), where: atP, alert: illegal, ref: ref},
		{name: "p even", change: p(number(2048, false)), where: atP, alert: illegal, ref: ref},
		{name: "p zero", change: p(make([]byte, 256)), where: atP, alert: weak, ref: ref},
		{name: "p empty", change: body(func(b []byte) []byte { return append([]byte{0, 0}, b[2+256:]...) }), where: atP, alert: malformed, ref: ref},
		{name: "p within bounds of our own", change: p(number(3072, true)), where: atP, alert: illegal, ref: ref, setup: func(c *handshake.ClientConfig, _ *handshake.ServerConfig) {
			c.MaxFieldBits = 3071
		}},
		{name: "p of a size that we do not want", change: field(func(*msg.ServerKeyExchange) {}), where: atP, alert: weak, ref: ref, setup: func(c *handshake.ClientConfig, _ *handshake.ServerConfig) {
			c.MinFieldBits = 2049
		}},
		{name: "g zero", change: g(func(*msg.ServerKeyExchange) []byte { return []byte{0} }), where: atG, alert: illegal, ref: ref},
		{name: "g one", change: g(func(*msg.ServerKeyExchange) []byte { return []byte{1} }), where: atG, alert: illegal, ref: ref},
		{name: "g p-1", change: g(func(m *msg.ServerKeyExchange) []byte { return less(m.P, 1) }), where: atG, alert: illegal, ref: ref},
		{name: "g p", change: g(func(m *msg.ServerKeyExchange) []byte { return m.P }), where: atG, alert: illegal, ref: ref},
		{name: "no Ys", change: body(func(b []byte) []byte { return b[:2+256+2+1] }), where: "server_key_exchange.dh_Ys.length", alert: malformed, ref: ref},
		{name: "Ys cut short", change: body(func(b []byte) []byte { return b[:2+256+2+1+2+255] }), where: "server_key_exchange.dh_Ys", alert: malformed, ref: ref},
		{name: "no signature", change: body(func(b []byte) []byte { return b[:2+256+2+1+2+256] }), where: "server_key_exchange.algorithm", alert: malformed, ref: ref},
		{name: "a byte behind the signature", change: body(func(b []byte) []byte { return append(b, 0) }), where: "server_key_exchange", alert: malformed, ref: ref},
		{name: "a curve", change: body(func([]byte) []byte { return []byte{3, 0, 29, 1, 1} }), where: atP, alert: malformed, ref: ref},
		{name: "a wrong signature", change: flip, where: "server_key_exchange.signature", alert: decrypt, ref: ref},
		{name: "a signature of another share", change: field(func(m *msg.ServerKeyExchange) { m.Public[255] ^= 1 }), where: "server_key_exchange.signature", alert: decrypt, ref: ref},
		{name: "a signature of another field", change: p(number(2048, true)), where: "server_key_exchange.signature", alert: decrypt, ref: ref},
		{name: "no ServerKeyExchange", change: drop, where: "server_key_exchange", alert: unexpected, ref: ref},
	}
	for i := range rows {
		rows[i].message = ske
	}
	rejects(t, flowOf{"client", iana.VersionTLS12}, each(rows, suitesOf(t, iana.TLS_DHE_RSA_WITH_AES_128_GCM_SHA256), msg.KeyExchangeDHE))
}

// A server that signs a share which is none, in a field that it may have: the signature does not help.
func TestClientRejectsSignedDHE(t *testing.T) {
	for _, tt := range []struct {
		name  string
		share func(p []byte) []byte
	}{
		{"0", func([]byte) []byte { return []byte{0} }},
		{"0, as long as p", func(p []byte) []byte { return make([]byte, len(p)) }},
		{"1", func([]byte) []byte { return []byte{1} }},
		{"1, as long as p", func(p []byte) []byte { return append(make([]byte, len(p)-1), 1) }},
		{"p-1", func(p []byte) []byte { return less(p, 1) }},
		{"p", func(p []byte) []byte { return p }},
		{"p+1", func(p []byte) []byte { return less(p, -1) }},
		{"longer than p", func(p []byte) []byte { return append([]byte{1}, p...) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client, server := ends(t)
			server.MaxVersion = iana.VersionTLS12
			suitesOf(t, iana.TLS_DHE_RSA_WITH_AES_128_GCM_SHA256)(client, server)
			p := &pair{tamper: signAgain(t, server, msg.KeyExchangeDHE, func(m *msg.ServerKeyExchange) { m.Public = tt.share(m.P) })}
			c, _ := p.run(client, server)
			wantAlert(t, c.err, "server_key_exchange.dh_Ys", failure, "RFC 7919 §3")
		})
	}
}

// signAgain changes what a server says in ServerKeyExchange, and signs it.
func signAgain(t *testing.T, server *handshake.ServerConfig, form msg.KeyExchange, spoil func(*msg.ServerKeyExchange)) func(string, []byte) [][]byte {
	ctx := &msg.Context{Version: iana.VersionTLS12, KeyExchange: form}
	var randoms []byte
	return func(_ string, raw []byte) [][]byte {
		switch iana.HandshakeType(raw[0]) {
		case iana.HandshakeClientHello, iana.HandshakeServerHello:
			randoms = append(randoms, raw[msg.HeaderLength+2:][:32]...)
		case iana.HandshakeServerKeyExchange:
			return edit(func(m *msg.ServerKeyExchange) {
				spoil(m)
				unsigned := encode(ctx, m)
				var err error
				m.Signature, err = suite.SchemeByID(m.Algorithm).Sign(rand.Reader, server.Identity.(identity).cred.Key.(crypto.Signer),
					append(randoms, unsigned[msg.HeaderLength:m.ParamsEnd]...))
				if err != nil {
					t.Fatal(err)
				}
			})(ctx, raw)
		}
		return [][]byte{raw}
	}
}

// The client's share.
func TestServerRejectsDHE(t *testing.T) {
	share := func(f func(p []byte) []byte) change {
		return edit(func(m *msg.ClientKeyExchange) { m.Public = f(suite.GroupByID(iana.GroupFFDHE2048).Field().P) })
	}
	const at, ref = "client_key_exchange.dh_Yc", "RFC 7919 §3"
	rows := []rejection{
		{name: "0", change: share(func([]byte) []byte { return []byte{0} }), where: at, alert: failure, ref: ref},
		{name: "1", change: share(func([]byte) []byte { return []byte{1} }), where: at, alert: failure, ref: ref},
		{name: "1, as long as p", change: share(func(p []byte) []byte { return append(make([]byte, len(p)-1), 1) }), where: at, alert: failure, ref: ref},
		{name: "p-1", change: share(func(p []byte) []byte { return less(p, 1) }), where: at, alert: failure, ref: ref},
		{name: "p", change: share(func(p []byte) []byte { return p }), where: at, alert: failure, ref: ref},
		{name: "longer than p", change: share(func(p []byte) []byte { return append([]byte{1}, p...) }), where: at, alert: failure, ref: ref},
		{name: "65,535 bytes", change: share(func([]byte) []byte { return bytes.Repeat([]byte{0xff}, 1<<16-1) }), where: at, alert: failure, ref: ref},
		{name: "an empty share", change: body(func([]byte) []byte { return []byte{0, 0} }), where: at, alert: malformed, ref: "RFC 5246 §7.4.7"},
		{name: "nothing", change: body(func([]byte) []byte { return nil }), where: at + ".length", alert: malformed, ref: "RFC 5246 §7.4.7"},
		{name: "cut short", change: body(func(b []byte) []byte { return b[:len(b)-1] }), where: at, alert: malformed, ref: "RFC 5246 §7.4.7"},
	}
	for i := range rows {
		rows[i].message = cke
	}
	rows = append(rows, rejection{
		name: "none of the fields that the client names", message: ch,
		change: hello(func(m *msg.ClientHello) { m.SupportedGroups = []iana.NamedGroup{0x01fc} }),
		where:  "client_hello.supported_groups", alert: weak, ref: "RFC 7919 §4",
	})
	only2048 := func(c *handshake.ClientConfig, s *handshake.ServerConfig) { s.Groups = groups(iana.GroupFFDHE2048) }
	dhe := suitesOf(t, iana.TLS_DHE_RSA_WITH_AES_128_GCM_SHA256)
	rejects(t, flowOf{"server", iana.VersionTLS12}, each(rows, func(c *handshake.ClientConfig, s *handshake.ServerConfig) { dhe(c, s); only2048(c, s) }, msg.KeyExchangeDHE))
}

// What a server of RSA key exchange says, which is its certificate and no more.
func TestClientRejectsRSA(t *testing.T) {
	rows := []rejection{
		{
			name: "a certificate with a key of another kind", message: "server Certificate",
			setup:  func(c *handshake.ClientConfig, _ *handshake.ServerConfig) { c.Trust = &auth.Trust{Skip: true} },
			change: instead(&msg.Certificate12{List: [][]byte{certificateOn(t, elliptic.P256())}}),
			where:  "certificate_1_2.certificate_list", alert: illegal, ref: "RFC 5246 §7.4.2",
		},
		{
			name: "a ServerKeyExchange, as an export suite had", message: "server ServerHelloDone",
			change: func(_ *msg.Context, raw []byte) [][]byte {
				return [][]byte{{byte(iana.HandshakeServerKeyExchange), 0, 0, 1, 0}, raw}
			},
			where: "server_hello_done", alert: unexpected, ref: "RFC 5246 §7.4.5",
		},
		{
			name: "the suite of another key exchange", message: "server ServerHello",
			change: edit(func(m *msg.ServerHello) { m.CipherSuite = iana.TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 }),
			where:  "server_hello.cipher_suite", alert: illegal, ref: "RFC 9846 §4.2.3",
		},
	}
	rejects(t, flowOf{"client", iana.VersionTLS12}, each(rows, suitesOf(t, iana.TLS_RSA_WITH_AES_128_GCM_SHA256), msg.KeyExchangeRSA))
}

// A certificate that is for signatures is not for this, at either end.
func TestRSANeedsKeyEncipherment(t *testing.T) {
	signs, trust := identityOf(t, rsaKey(), x509.KeyUsageDigitalSignature)
	both, _ := identityOf(t, rsaKey(), x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment)
	rsaSuite := []*suite.Suite{suite.ByID(iana.TLS_RSA_WITH_AES_128_GCM_SHA256)}
	for _, tt := range []struct {
		name   string
		tamper func(string, []byte) [][]byte
		server identity
		end    string
		where  string
		alert  iana.Alert
		ref    string
	}{
		{"the server's own", nil, signs, "server", "certificate", failure, "RFC 5246 §7.4.2"},
		{"what the client is shown", nth("server Certificate", func(raw []byte) [][]byte {
			return instead(&msg.Certificate12{List: signs.cred.Chain})(&msg.Context{Version: iana.VersionTLS12}, raw)
		}), both, "client", "certificate.certificate_list", iana.AlertUnsupportedCertificate, "RFC 9846 §4.5.1.2"},
	} {
		client, server := ends(t)
		server.MaxVersion = iana.VersionTLS12
		server.Identity, client.Trust, client.Suites = tt.server, trust, rsaSuite
		c, s := (&pair{tamper: tt.tamper}).run(client, server)
		t.Run(tt.name, func(t *testing.T) {
			wantAlert(t, map[string]error{"client": c.err, "server": s.err}[tt.end], tt.where, tt.alert, tt.ref)
		})
	}
}

// premasters are what a client may encrypt, or say it did, none of it the secret that it has itself.
func premasters(key *rsa.PublicKey) map[string][]byte {
	size := key.Size()
	pad := func(kind byte, message []byte) []byte {
		block := append([]byte{0, kind}, bytes.Repeat([]byte{0xaa}, size-3-len(message))...)
		m := new(big.Int).SetBytes(append(append(block, 0), message...))
		return m.Exp(m, big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, size))
	}
	secret := func(v iana.Version, n int) []byte {
		return append([]byte{byte(v >> 8), byte(v)}, bytes.Repeat([]byte{0x5e}, n-2)...)
	}
	return map[string][]byte{
		"good, but another":       pad(2, secret(iana.VersionTLS12, 48)),
		"the negotiated version":  pad(2, secret(iana.VersionTLS11, 48)),
		"version 2.3":             pad(2, secret(0x0203, 48)),
		"47 bytes":                pad(2, secret(iana.VersionTLS12, 47)),
		"49 bytes":                pad(2, secret(iana.VersionTLS12, 49)),
		"no bytes":                pad(2, nil),
		"bad padding":             pad(1, secret(iana.VersionTLS12, 48)),
		"nothing":                 nil,
		"shorter than the key":    make([]byte, size-1),
		"longer than the key":     make([]byte, size+1),
		"as long as can be":       make([]byte, 1<<16-1),
		"zero":                    make([]byte, size),
		"more than the modulus":   bytes.Repeat([]byte{0xff}, size),
		"the modulus":             key.N.FillBytes(make([]byte, size)),
		"not a number of anybody": bytes.Repeat([]byte{0x3c}, size),
	}
}

// Whatever is wrong with a premaster secret, the server goes on, says nothing, and fails at Finished, which it cannot
// decrypt: there is no other place and no other way (RFC 5246 §7.4.7.1).
func TestServerTakesEveryPremaster(t *testing.T) {
	for v := iana.VersionTLS10; v <= iana.VersionTLS12; v++ {
		for name, encrypted := range premasters(&rsaKey().PublicKey) {
			t.Run(v.String()+"/"+name, func(t *testing.T) {
				client, server := ends(t)
				suitesOf(t, iana.TLS_RSA_WITH_AES_128_CBC_SHA)(client, server)
				client.MinVersion, server.MinVersion, server.MaxVersion = v, v, v
				ctx := &msg.Context{Version: v, KeyExchange: msg.KeyExchangeRSA}
				p := &pair{tamper: nth(cke, func(raw []byte) [][]byte {
					return edit(func(m *msg.ClientKeyExchange) { m.EncryptedPremaster = encrypted })(ctx, raw)
				})}
				var ops []string
				p.fail = func(who, op string) error {
					if who == "server" {
						ops = append(ops, op)
					}
					return nil
				}
				_, s := p.run(client, server)
				var e *alert.Error
				if s.err == nil || errors.As(s.err, &e) || !strings.Contains(s.err.Error(), "server reads with") {
					t.Errorf("got %v, want that of a record that does not open", s.err)
				}
				want := []string{
					"ReadMessage", "WriteMessage", "WriteMessage", "WriteMessage", "Flush", // ServerHello, Certificate, ServerHelloDone
					"ReadMessage", "ReadChangeCipherSpec", "SetReadKeys", "ReadMessage",
				}
				if !slices.Equal(ops, want) {
					t.Errorf("the server did %v, want %v", ops, want)
				}
			})
		}
	}
}

// What of a ClientKeyExchange everybody can see is wrong.
func TestServerRejectsRSA(t *testing.T) {
	const at, ref = "client_key_exchange.encrypted_pre_master_secret", "RFC 5246 §7.4.7"
	rows := []rejection{
		{name: "no length", message: cke, change: body(func([]byte) []byte { return nil }), where: at + ".length", alert: malformed, ref: ref},
		{name: "as SSL 3.0 had it, without a length", message: cke, change: body(func(b []byte) []byte { return b[2:] }), where: at, alert: malformed, ref: ref},
		{name: "cut short", message: cke, change: body(func(b []byte) []byte { return b[:len(b)-1] }), where: at, alert: malformed, ref: ref},
		{name: "a byte more", message: cke, change: body(func(b []byte) []byte { return append(b, 0) }), where: "client_key_exchange", alert: malformed, ref: ref},
	}
	rejects(t, flowOf{"server", iana.VersionTLS12}, each(rows, suitesOf(t, iana.TLS_RSA_WITH_AES_128_GCM_SHA256), msg.KeyExchangeRSA))
}

// encrypt_then_mac where there is nothing to make a MAC of, or where nobody asked (RFC 7366 §2, §3).
func TestRejectsEncryptThenMAC(t *testing.T) {
	answer := func(data ...byte) change {
		return edit(func(m *msg.ServerHello) { m.Extensions.AddRaw(iana.ExtEncryptThenMAC, data) })
	}
	const sh = "server ServerHello"
	both := func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
		c.Suites = []*suite.Suite{suite.ByID(iana.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256), suite.ByID(iana.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA)}
		s.Suites = c.Suites[:1]
	}
	aead := func(c *handshake.ClientConfig, s *handshake.ServerConfig) { both(c, s); c.Suites = s.Suites }
	cbc := func(c *handshake.ClientConfig, s *handshake.ServerConfig) { both(c, s); s.Suites = c.Suites[1:] }
	rejects(t, flowOf{"client", iana.VersionTLS12}, []rejection{
		{
			name: "with an AEAD", message: sh, setup: both, change: answer(),
			where: "server_hello.encrypt_then_mac", alert: illegal, ref: "RFC 7366 §3",
		},
		{
			name: "not asked for, with an AEAD", message: sh, setup: aead, change: answer(),
			where: "server_hello.encrypt_then_mac", alert: unsupported, ref: "RFC 9846 §4.3",
		},
		{
			name: "twice", message: sh, setup: cbc, change: answer(),
			where: "server_hello.extensions[6].encrypt_then_mac", alert: illegal, ref: "RFC 9846 §4.3",
		},
		{
			name: "with data", message: sh, setup: both, change: answer(0),
			where: "server_hello.extensions[5].encrypt_then_mac", alert: malformed, ref: "RFC 7366 §2",
		},
	})
	rejects(t, flowOf{"client", iana.VersionTLS13}, []rejection{{
		name: "in TLS 1.3", message: sh, change: answer(),
		where: "server_hello.encrypt_then_mac", alert: illegal, ref: "RFC 9846 §4.3",
	}})
	rejects(t, flowOf{"server", iana.VersionTLS12}, []rejection{{
		name: "with data", message: ch, setup: cbc,
		change: hello(func(m *msg.ClientHello) {
			m.Extensions.Remove(iana.ExtEncryptThenMAC)
			m.Extensions.Order = slices.Insert(m.Extensions.Order, 0, msg.Extension{Type: iana.ExtEncryptThenMAC, Raw: []byte{0}})
		}),
		where: "client_hello.extensions[0].encrypt_then_mac", alert: malformed, ref: "RFC 7366 §2",
	}})
}

// An end that makes its MAC otherwise than was agreed on is found out at once: by its first record, which is Finished.
func TestEncryptThenMACStripped(t *testing.T) {
	for _, who := range []string{"client ClientHello", "server ServerHello"} {
		client, server := ends(t)
		suitesOf(t, iana.TLS_RSA_WITH_AES_128_CBC_SHA)(client, server)
		server.MaxVersion = iana.VersionTLS12
		p := &pair{tamper: nth(who, func(raw []byte) [][]byte {
			ctx := &msg.Context{Version: iana.VersionTLS12}
			if who == ch {
				return without(iana.ExtEncryptThenMAC)(ctx, raw)
			}
			return edit(func(m *msg.ServerHello) { m.Extensions.Remove(iana.ExtEncryptThenMAC) })(ctx, raw)
		})}
		if c, s := p.run(client, server); c.result != nil || s.err == nil {
			t.Errorf("%s without it: got client %v, server %v, want neither to finish", who, c.err, s.err)
		}
	}
}

// TLS 1.0 and 1.1: what is not theirs, and signs that somebody in between wants them.
func TestRejectsOldVersions(t *testing.T) {
	const sh = "server ServerHello"
	serverHello := func(f func(*msg.ServerHello)) change { return edit(f) }
	old := func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
		c.MinVersion, s.MinVersion = iana.VersionTLS10, iana.VersionTLS10
	}
	upTo := func(newest iana.Version) setup {
		return func(c *handshake.ClientConfig, s *handshake.ServerConfig) { old(c, s); c.MaxVersion = newest }
	}
	mark := func(last byte) change {
		return serverHello(func(m *msg.ServerHello) { copy(m.Random[24:], "DOWNGRD"+string(rune(last))) })
	}
	asks := func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
		old(c, s)
		s.ClientAuth, s.ClientTrust = auth.RequireAnyClientCert, &auth.Trust{Skip: true}
		c.Identity = asked{s.Identity.(identity).cred}
	}
	for v := iana.VersionTLS10; v < iana.VersionTLS12; v++ {
		rejects(t, flowOf{"client", v}, []rejection{
			{name: "SSL 3.0", message: sh, setup: old, change: serverHello(func(m *msg.ServerHello) { m.LegacyVersion = iana.VersionSSL30 }), where: "server_hello.legacy_version", alert: version, ref: "RFC 5246 §7.4.1.3"},
			{name: "a version before our oldest", message: sh, change: serverHello(func(m *msg.ServerHello) { m.LegacyVersion = v - 1 }), setup: func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
				old(c, s)
				c.MinVersion = v
			}, where: "server_hello.legacy_version", alert: version, ref: "RFC 5246 §7.4.1.3"},
			{name: "a version that supported_versions names", message: sh, setup: old, change: serverHello(func(m *msg.ServerHello) {
				m.SelectedVersion = v
				m.Extensions.Add(iana.ExtSupportedVersions)
			}), where: "server_hello.supported_versions.selected_version", alert: illegal, ref: "RFC 9846 §4.3.1"},
			{name: "a suite of TLS 1.2", message: sh, setup: old, change: serverHello(func(m *msg.ServerHello) {
				m.CipherSuite = iana.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
			}), where: "server_hello.cipher_suite", alert: illegal, ref: "RFC 9846 §4.2.3"},
			{name: "the sentinel of a server of TLS 1.2, at a client of TLS 1.3", message: sh, setup: old, change: mark(0), where: "server_hello.random", alert: illegal, ref: "RFC 9846 §4.2.3"},
			{name: "the sentinel of a server of TLS 1.3", message: sh, setup: old, change: mark(1), where: "server_hello.random", alert: illegal, ref: "RFC 9846 §4.2.3"},
			{name: "the sentinel of a server of TLS 1.2, at a client of TLS 1.2", message: sh, setup: upTo(iana.VersionTLS12), change: mark(0), where: "server_hello.random", alert: illegal, ref: "RFC 9846 §4.2.3"},
			{name: "a wrong signature", message: ske, setup: old, change: flip, where: "server_key_exchange.signature", alert: decrypt, ref: "RFC 4346 §7.4.3"},
			{name: "a signature that names its algorithm", message: ske, setup: old, change: body(func(b []byte) []byte {
				at := 4 + int(b[3])
				return slices.Insert(b, at, 4, 3)
			}), where: "server_key_exchange.signature", alert: malformed, ref: "RFC 5246 §7.4.3"},
			{name: "a wrong Finished", message: "server Finished", setup: old, change: flip, where: "finished.verify_data", alert: decrypt, ref: "RFC 5246 §7.4.9"},
		})
		rejects(t, flowOf{"server", v}, []rejection{
			{name: "suites of TLS 1.2 alone", message: ch, setup: old, change: hello(func(m *msg.ClientHello) {
				m.CipherSuites = []iana.CipherSuite{iana.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
			}), where: "client_hello.cipher_suites", alert: failure, ref: "RFC 9846 §4.2.1"},
			{name: "SSL 3.0", message: ch, setup: old, change: hello(func(m *msg.ClientHello) {
				m.LegacyVersion = iana.VersionSSL30
				m.Extensions.Remove(iana.ExtSupportedVersions)
			}), where: "client_hello.supported_versions", alert: version, ref: "RFC 9846 §4.3.1"},
			{name: "a fallback", message: ch, setup: func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
				old(c, s)
				s.MaxVersion = iana.VersionTLS12
			}, change: hello(func(m *msg.ClientHello) {
				m.LegacyVersion = v
				m.Extensions.Remove(iana.ExtSupportedVersions)
				m.CipherSuites = append(m.CipherSuites, iana.TLS_FALLBACK_SCSV)
			}), where: "client_hello.cipher_suites", alert: iana.AlertInappropriateFallback, ref: "RFC 7507 §3"},
			{name: "a wrong signature", message: "client CertificateVerify", setup: asks, change: flip, where: "certificate_verify.signature", alert: decrypt, ref: "RFC 4346 §7.4.3"},
			{name: "a signature that names its algorithm", message: "client CertificateVerify", setup: asks, change: body(func(b []byte) []byte {
				return append([]byte{4, 3}, b...)
			}), where: "certificate_verify_1_0.signature", alert: malformed, ref: "RFC 4346 §7.4.8"},
			{name: "no CertificateVerify", message: "client CertificateVerify", setup: asks, change: instead(&msg.Finished{}), where: "certificate_verify_1_0", alert: unexpected, ref: "RFC 4346 §7.4.8"},
			{name: "a wrong Finished", message: "client Finished", setup: old, change: flip, where: "finished.verify_data", alert: decrypt, ref: "RFC 5246 §7.4.9"},
		})
	}
}

// A server that speaks more than it is asked for says so, and a client that offered it sees it: whoever takes TLS 1.2 out
// of a hello on its way is found out before anything is agreed on.
func TestDowngradeToOldVersions(t *testing.T) {
	for _, tt := range []struct {
		client, server, left iana.Version // the newest of either end, and what is left in the hello
		mark                 string       // that the server makes; "": none
	}{
		{iana.VersionTLS13, iana.VersionTLS13, iana.VersionTLS12, "DOWNGRD\x01"},
		{iana.VersionTLS13, iana.VersionTLS13, iana.VersionTLS11, "DOWNGRD\x00"},
		{iana.VersionTLS13, iana.VersionTLS13, iana.VersionTLS10, "DOWNGRD\x00"},
		{iana.VersionTLS13, iana.VersionTLS12, iana.VersionTLS11, "DOWNGRD\x00"},
		{iana.VersionTLS12, iana.VersionTLS13, iana.VersionTLS11, "DOWNGRD\x00"},
		{iana.VersionTLS12, iana.VersionTLS12, iana.VersionTLS10, "DOWNGRD\x00"},
	} {
		t.Run(fmt.Sprintf("%v and %v to %v", tt.client, tt.server, tt.left), func(t *testing.T) {
			client, server := ends(t)
			client.MinVersion, server.MinVersion = iana.VersionTLS10, iana.VersionTLS10
			client.MaxVersion, server.MaxVersion = tt.client, tt.server
			var random []byte
			p := &pair{tamper: func(from string, raw []byte) [][]byte {
				switch iana.HandshakeType(raw[0]) {
				case iana.HandshakeClientHello:
					return hello(func(m *msg.ClientHello) {
						m.LegacyVersion = tt.left
						m.Extensions.Remove(iana.ExtSupportedVersions)
						m.Extensions.Remove(iana.ExtKeyShare)
						m.Extensions.Remove(iana.ExtPSKKeyExchangeModes)
					})(&msg.Context{}, raw)
				case iana.HandshakeServerHello:
					random = raw[msg.HeaderLength+2:][:32]
				}
				return [][]byte{raw}
			}}
			c, _ := p.run(client, server)
			wantAlert(t, c.err, "server_hello.random", illegal, "RFC 9846 §4.2.3")
			if got := string(random[24:]); got != tt.mark {
				t.Errorf("got a random that ends in %q, want %q", got, tt.mark)
			}
		})
	}
}

// Where both ends end, there is no mark.
func TestNoMarkWithoutDowngrade(t *testing.T) {
	for newest := iana.VersionTLS10; newest <= iana.VersionTLS12; newest++ {
		client, server := ends(t)
		client.MinVersion, server.MinVersion = iana.VersionTLS10, iana.VersionTLS10
		server.MaxVersion = newest
		var random []byte
		p := &pair{tamper: nth("server ServerHello", func(raw []byte) [][]byte {
			random = raw[msg.HeaderLength+2:][:32]
			return [][]byte{raw}
		})}
		c, s := p.run(client, server)
		if c.err != nil || s.err != nil || bytes.HasPrefix(random[24:], []byte("DOWNGRD")) {
			t.Errorf("%v: got %v, %v, a random that ends in %q", newest, c.err, s.err, random[24:])
		}
	}
}

// sealed is a transport of which nothing can be read behind a change of keys, whoever said what there.
type sealed struct {
	replay
	changed bool
}

func (d *sealed) SetReadKeys(handshake.Epoch, *suite.TrafficKeys) error { d.changed = true; return nil }

func (d *sealed) ReadMessage() ([]byte, error) {
	if d.changed {
		return nil, errors.New("it does not open")
	}
	return d.replay.ReadMessage()
}

// Every statement of a server's flow, from ClientHello to the Finished that does not open, runs as often whatever is in
// the premaster secret. (internal/sidechannel counts hashes, private key and randomness in a whole server.)
func TestPremasterTakesTheSamePath(t *testing.T) {
	key := fixedRSA().(*rsa.PrivateKey)
	ctx := &msg.Context{Version: iana.VersionTLS12, KeyExchange: msg.KeyExchangeRSA}
	hello := &msg.ClientHello{
		LegacyVersion: iana.VersionTLS12, CipherSuites: []iana.CipherSuite{iana.TLS_RSA_WITH_AES_128_GCM_SHA256}, CompressionMethods: []uint8{0},
	}
	runs := map[string]func(){}
	for name, encrypted := range premasters(&key.PublicKey) {
		if len(encrypted) != key.Size() || new(big.Int).SetBytes(encrypted).Cmp(key.N) >= 0 {
			continue // which everybody can see
		}
		_, server := fixed(repeatable[slices.IndexFunc(repeatable, func(r repeat) bool { return r.suite == iana.TLS_RSA_WITH_AES_128_GCM_SHA256 })])
		server.ALPN = nil
		said := slices.Concat(encode(ctx, hello), encode(ctx, &msg.ClientKeyExchange{EncryptedPremaster: encrypted}))
		runs[name] = func() {
			d := &sealed{replay: replay{in: said}}
			if _, _, err := handshake.Server(t.Context(), d, server); err == nil || !d.changed {
				t.Errorf("%s: got %v, want it to come as far as Finished", name, err)
			}
		}
	}
	const module = "github.com/akushu/akushu/internal/"
	sidechannel.SamePath(t, []string{module + "handshake", module + "auth", module + "keys", module + "suite"}, runs)
}
