package suite

import (
	"crypto"

	"github.com/akushu/akushu/internal/iana"
)

// agreement is what a suite's name says before WITH: how the secret is agreed on, and who vouches for the server.
type agreement struct {
	exchange KeyExchange
	auth     Authentication
}

var (
	negotiated = agreement{KeyExchangeNegotiated, AuthNegotiated}
	ecdheECDSA = agreement{KeyExchangeECDHE, AuthECDSA}
	ecdheRSA   = agreement{KeyExchangeECDHE, AuthRSA}
	ecdhePSK   = agreement{KeyExchangeECDHE, AuthPSK}
	dheRSA     = agreement{KeyExchangeDHE, AuthRSA}
	dhePSK     = agreement{KeyExchangeDHE, AuthPSK}
	rsaAlone   = agreement{KeyExchangeRSA, AuthRSA}
	rsaPSK     = agreement{KeyExchangeRSA, AuthPSK}
	pskAlone   = agreement{KeyExchangePSK, AuthPSK}
)

// protection is what a suite's name says behind WITH: how records are protected, from which version to which.
type protection struct {
	cipher    *Cipher
	mac, hash crypto.Hash
	min, max  iana.Version
	fips      bool
}

var (
	gcm128    = protection{aes128GCM, 0, crypto.SHA256, iana.VersionTLS13, iana.VersionTLS13, true}
	gcm256    = protection{aes256GCM, 0, crypto.SHA384, iana.VersionTLS13, iana.VersionTLS13, true}
	chacha    = protection{chacha20Poly1305, 0, crypto.SHA256, iana.VersionTLS13, iana.VersionTLS13, false}
	ccm128    = protection{aes128CCM, 0, crypto.SHA256, iana.VersionTLS13, iana.VersionTLS13, true}
	ccm128tag = protection{aes128CCM8, 0, crypto.SHA256, iana.VersionTLS13, iana.VersionTLS13, true}

	gcm128In12    = protection{aes128GCM12, 0, crypto.SHA256, iana.VersionTLS12, iana.VersionTLS12, true}
	gcm256In12    = protection{aes256GCM12, 0, crypto.SHA384, iana.VersionTLS12, iana.VersionTLS12, true}
	chachaIn12    = protection{chacha20Poly1305, 0, crypto.SHA256, iana.VersionTLS12, iana.VersionTLS12, false}
	ccm128In12    = protection{aes128CCM12, 0, crypto.SHA256, iana.VersionTLS12, iana.VersionTLS12, true}
	ccm256In12    = protection{aes256CCM12, 0, crypto.SHA256, iana.VersionTLS12, iana.VersionTLS12, true}
	ccm128tagIn12 = protection{aes128CCM812, 0, crypto.SHA256, iana.VersionTLS12, iana.VersionTLS12, true}
	ccm256tagIn12 = protection{aes256CCM812, 0, crypto.SHA256, iana.VersionTLS12, iana.VersionTLS12, true}

	cbc128SHA256 = protection{aes128CBC, crypto.SHA256, crypto.SHA256, iana.VersionTLS12, iana.VersionTLS12, true}
	cbc256SHA256 = protection{aes256CBC, crypto.SHA256, crypto.SHA256, iana.VersionTLS12, iana.VersionTLS12, true}
	cbc256SHA384 = protection{aes256CBC, crypto.SHA384, crypto.SHA384, iana.VersionTLS12, iana.VersionTLS12, true}
	cbc128SHA1   = protection{aes128CBC, crypto.SHA1, crypto.SHA256, iana.VersionTLS10, iana.VersionTLS12, true}
	cbc256SHA1   = protection{aes256CBC, crypto.SHA1, crypto.SHA256, iana.VersionTLS10, iana.VersionTLS12, true}
	tripleDES    = protection{tripleDESCBC, crypto.SHA1, crypto.SHA256, iana.VersionTLS10, iana.VersionTLS12, false}
)

// The order is of preference. What everybody should use comes first; then forward secrecy goes before authenticated
// encryption, that before its absence, and a long tag before a short one. 3DES, with its blocks of 64 bits, is last. AES-128
// stands before AES-256, being as good and faster, ECDSA before RSA, being cheaper for the server.
var suites = [...]*Suite{
	common(iana.TLS_AES_128_GCM_SHA256, negotiated, gcm128),
	common(iana.TLS_AES_256_GCM_SHA384, negotiated, gcm256),
	common(iana.TLS_CHACHA20_POLY1305_SHA256, negotiated, chacha),
	row(iana.TLS_AES_128_CCM_SHA256, negotiated, ccm128),
	row(iana.TLS_AES_128_CCM_8_SHA256, negotiated, ccm128tag),

	common(iana.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, ecdheECDSA, gcm128In12),
	common(iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, ecdheRSA, gcm128In12),
	common(iana.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, ecdheECDSA, gcm256In12),
	common(iana.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, ecdheRSA, gcm256In12),
	common(iana.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, ecdheECDSA, chachaIn12),
	common(iana.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, ecdheRSA, chachaIn12),
	row(iana.TLS_ECDHE_ECDSA_WITH_AES_128_CCM, ecdheECDSA, ccm128In12),
	row(iana.TLS_ECDHE_ECDSA_WITH_AES_256_CCM, ecdheECDSA, ccm256In12),

	row(iana.TLS_DHE_RSA_WITH_AES_128_GCM_SHA256, dheRSA, gcm128In12),
	row(iana.TLS_DHE_RSA_WITH_AES_256_GCM_SHA384, dheRSA, gcm256In12),
	row(iana.TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256, dheRSA, chachaIn12),
	row(iana.TLS_DHE_RSA_WITH_AES_128_CCM, dheRSA, ccm128In12),
	row(iana.TLS_DHE_RSA_WITH_AES_256_CCM, dheRSA, ccm256In12),

	row(iana.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256, ecdhePSK, gcm128In12),
	row(iana.TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384, ecdhePSK, gcm256In12),
	row(iana.TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256, ecdhePSK, chachaIn12),
	row(iana.TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256, ecdhePSK, ccm128In12),
	row(iana.TLS_DHE_PSK_WITH_AES_128_GCM_SHA256, dhePSK, gcm128In12),
	row(iana.TLS_DHE_PSK_WITH_AES_256_GCM_SHA384, dhePSK, gcm256In12),
	row(iana.TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256, dhePSK, chachaIn12),
	row(iana.TLS_DHE_PSK_WITH_AES_128_CCM, dhePSK, ccm128In12),
	row(iana.TLS_DHE_PSK_WITH_AES_256_CCM, dhePSK, ccm256In12),

	row(iana.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, ecdheECDSA, ccm128tagIn12),
	row(iana.TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8, ecdheECDSA, ccm256tagIn12),
	row(iana.TLS_DHE_RSA_WITH_AES_128_CCM_8, dheRSA, ccm128tagIn12),
	row(iana.TLS_DHE_RSA_WITH_AES_256_CCM_8, dheRSA, ccm256tagIn12),
	row(iana.TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256, ecdhePSK, ccm128tagIn12),
	row(iana.TLS_PSK_DHE_WITH_AES_128_CCM_8, dhePSK, ccm128tagIn12),
	row(iana.TLS_PSK_DHE_WITH_AES_256_CCM_8, dhePSK, ccm256tagIn12),

	row(iana.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, ecdheECDSA, cbc128SHA256),
	row(iana.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, ecdheRSA, cbc128SHA256),
	row(iana.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384, ecdheECDSA, cbc256SHA384),
	row(iana.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384, ecdheRSA, cbc256SHA384),
	row(iana.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, ecdheECDSA, cbc128SHA1),
	row(iana.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, ecdheRSA, cbc128SHA1),
	row(iana.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, ecdheECDSA, cbc256SHA1),
	row(iana.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, ecdheRSA, cbc256SHA1),

	row(iana.TLS_DHE_RSA_WITH_AES_128_CBC_SHA256, dheRSA, cbc128SHA256),
	row(iana.TLS_DHE_RSA_WITH_AES_256_CBC_SHA256, dheRSA, cbc256SHA256),
	row(iana.TLS_DHE_RSA_WITH_AES_128_CBC_SHA, dheRSA, cbc128SHA1),
	row(iana.TLS_DHE_RSA_WITH_AES_256_CBC_SHA, dheRSA, cbc256SHA1),

	row(iana.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256, ecdhePSK, cbc128SHA256),
	row(iana.TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA384, ecdhePSK, cbc256SHA384),
	row(iana.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA, ecdhePSK, cbc128SHA1),
	row(iana.TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA, ecdhePSK, cbc256SHA1),
	row(iana.TLS_DHE_PSK_WITH_AES_128_CBC_SHA256, dhePSK, cbc128SHA256),
	row(iana.TLS_DHE_PSK_WITH_AES_256_CBC_SHA384, dhePSK, cbc256SHA384),
	row(iana.TLS_DHE_PSK_WITH_AES_128_CBC_SHA, dhePSK, cbc128SHA1),
	row(iana.TLS_DHE_PSK_WITH_AES_256_CBC_SHA, dhePSK, cbc256SHA1),

	row(iana.TLS_RSA_WITH_AES_128_GCM_SHA256, rsaAlone, gcm128In12),
	row(iana.TLS_RSA_WITH_AES_256_GCM_SHA384, rsaAlone, gcm256In12),
	row(iana.TLS_RSA_WITH_AES_128_CCM, rsaAlone, ccm128In12),
	row(iana.TLS_RSA_WITH_AES_256_CCM, rsaAlone, ccm256In12),
	row(iana.TLS_RSA_PSK_WITH_AES_128_GCM_SHA256, rsaPSK, gcm128In12),
	row(iana.TLS_RSA_PSK_WITH_AES_256_GCM_SHA384, rsaPSK, gcm256In12),
	row(iana.TLS_RSA_PSK_WITH_CHACHA20_POLY1305_SHA256, rsaPSK, chachaIn12),
	row(iana.TLS_PSK_WITH_AES_128_GCM_SHA256, pskAlone, gcm128In12),
	row(iana.TLS_PSK_WITH_AES_256_GCM_SHA384, pskAlone, gcm256In12),
	row(iana.TLS_PSK_WITH_CHACHA20_POLY1305_SHA256, pskAlone, chachaIn12),
	row(iana.TLS_PSK_WITH_AES_128_CCM, pskAlone, ccm128In12),
	row(iana.TLS_PSK_WITH_AES_256_CCM, pskAlone, ccm256In12),
	row(iana.TLS_RSA_WITH_AES_128_CCM_8, rsaAlone, ccm128tagIn12),
	row(iana.TLS_RSA_WITH_AES_256_CCM_8, rsaAlone, ccm256tagIn12),
	row(iana.TLS_PSK_WITH_AES_128_CCM_8, pskAlone, ccm128tagIn12),
	row(iana.TLS_PSK_WITH_AES_256_CCM_8, pskAlone, ccm256tagIn12),

	row(iana.TLS_RSA_WITH_AES_128_CBC_SHA256, rsaAlone, cbc128SHA256),
	row(iana.TLS_RSA_WITH_AES_256_CBC_SHA256, rsaAlone, cbc256SHA256),
	row(iana.TLS_RSA_WITH_AES_128_CBC_SHA, rsaAlone, cbc128SHA1),
	row(iana.TLS_RSA_WITH_AES_256_CBC_SHA, rsaAlone, cbc256SHA1),
	row(iana.TLS_RSA_PSK_WITH_AES_128_CBC_SHA256, rsaPSK, cbc128SHA256),
	row(iana.TLS_RSA_PSK_WITH_AES_256_CBC_SHA384, rsaPSK, cbc256SHA384),
	row(iana.TLS_RSA_PSK_WITH_AES_128_CBC_SHA, rsaPSK, cbc128SHA1),
	row(iana.TLS_RSA_PSK_WITH_AES_256_CBC_SHA, rsaPSK, cbc256SHA1),
	row(iana.TLS_PSK_WITH_AES_128_CBC_SHA256, pskAlone, cbc128SHA256),
	row(iana.TLS_PSK_WITH_AES_256_CBC_SHA384, pskAlone, cbc256SHA384),
	row(iana.TLS_PSK_WITH_AES_128_CBC_SHA, pskAlone, cbc128SHA1),
	row(iana.TLS_PSK_WITH_AES_256_CBC_SHA, pskAlone, cbc256SHA1),

	row(iana.TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA, ecdheECDSA, tripleDES),
	row(iana.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, ecdheRSA, tripleDES),
	row(iana.TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA, dheRSA, tripleDES),
	row(iana.TLS_ECDHE_PSK_WITH_3DES_EDE_CBC_SHA, ecdhePSK, tripleDES),
	row(iana.TLS_DHE_PSK_WITH_3DES_EDE_CBC_SHA, dhePSK, tripleDES),
	row(iana.TLS_RSA_WITH_3DES_EDE_CBC_SHA, rsaAlone, tripleDES),
	row(iana.TLS_RSA_PSK_WITH_3DES_EDE_CBC_SHA, rsaPSK, tripleDES),
	row(iana.TLS_PSK_WITH_3DES_EDE_CBC_SHA, pskAlone, tripleDES),
}

// row is a suite that somebody has to ask for.
func row(id iana.CipherSuite, a agreement, p protection) *Suite {
	return &Suite{
		ID: id, KeyExchange: a.exchange, Auth: a.auth, Cipher: p.cipher, MAC: p.mac, Hash: p.hash,
		MinVersion: p.min, MaxVersion: p.max,
		FIPS: p.fips && a.exchange != KeyExchangeRSA, // RSA with this padding transports no keys: SP 800-131A
	}
}

// common is a suite of the default policy.
func common(id iana.CipherSuite, a agreement, p protection) *Suite {
	s := row(id, a, p)
	s.Default = true
	return s
}
