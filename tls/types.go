package tls

import (
	"fmt"
	"os"
	"slices"

	std "crypto/tls"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
)

// The types of crypto/tls that are ours too: programs and libraries name them, and a value
// of one side can be given to the other.
type (
	Certificate                  = std.Certificate
	CertificateRequestInfo       = std.CertificateRequestInfo
	ClientAuthType               = std.ClientAuthType
	CertificateVerificationError = std.CertificateVerificationError
	CipherSuite                  = std.CipherSuite
	ClientHelloInfo              = std.ClientHelloInfo
	ConnectionState              = std.ConnectionState
	CurveID                      = std.CurveID
	RecordHeaderError            = std.RecordHeaderError
	RenegotiationSupport         = std.RenegotiationSupport
	SignatureScheme              = std.SignatureScheme
	// AlertError is an alert that the peer sent. It is found with errors.As.
	AlertError = std.AlertError
)

// The versions of the protocol. SSL 3.0 is not spoken, TLS 1.0 and 1.1 only where
// [Config.MinVersion] says so.
const (
	VersionSSL30 = 0x0300 // RFC 6101; only so that it has a name
	VersionTLS10 = std.VersionTLS10
	VersionTLS11 = std.VersionTLS11
	VersionTLS12 = std.VersionTLS12
	VersionTLS13 = std.VersionTLS13
)

// The cipher suites that crypto/tls names. [CipherSuites] lists those that this package
// has; the others are here because programs name them.
const (
	TLS_AES_128_GCM_SHA256       = std.TLS_AES_128_GCM_SHA256
	TLS_AES_256_GCM_SHA384       = std.TLS_AES_256_GCM_SHA384
	TLS_CHACHA20_POLY1305_SHA256 = std.TLS_CHACHA20_POLY1305_SHA256

	TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256       = std.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
	TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384       = std.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
	TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = std.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
	TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256         = std.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
	TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384         = std.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
	TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256   = std.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256

	TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA    = std.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA
	TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256 = std.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256
	TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA    = std.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA
	TLS_ECDHE_ECDSA_WITH_RC4_128_SHA        = std.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA
	TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA     = std.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA
	TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA      = std.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
	TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256   = std.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256
	TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA      = std.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA
	TLS_ECDHE_RSA_WITH_RC4_128_SHA          = std.TLS_ECDHE_RSA_WITH_RC4_128_SHA

	TLS_RSA_WITH_3DES_EDE_CBC_SHA   = std.TLS_RSA_WITH_3DES_EDE_CBC_SHA
	TLS_RSA_WITH_AES_128_CBC_SHA    = std.TLS_RSA_WITH_AES_128_CBC_SHA
	TLS_RSA_WITH_AES_128_CBC_SHA256 = std.TLS_RSA_WITH_AES_128_CBC_SHA256
	TLS_RSA_WITH_AES_128_GCM_SHA256 = std.TLS_RSA_WITH_AES_128_GCM_SHA256
	TLS_RSA_WITH_AES_256_CBC_SHA    = std.TLS_RSA_WITH_AES_256_CBC_SHA
	TLS_RSA_WITH_AES_256_GCM_SHA384 = std.TLS_RSA_WITH_AES_256_GCM_SHA384
	TLS_RSA_WITH_RC4_128_SHA        = std.TLS_RSA_WITH_RC4_128_SHA

	// TLS_FALLBACK_SCSV is no suite but a signal (RFC 7507).
	TLS_FALLBACK_SCSV = std.TLS_FALLBACK_SCSV

	// Older names of the two.
	TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305 = std.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305
	TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305   = std.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305
)

// The groups of key exchange that crypto/tls names.
const (
	CurveP256          = std.CurveP256
	CurveP384          = std.CurveP384
	CurveP521          = std.CurveP521
	X25519             = std.X25519
	X25519MLKEM768     = std.X25519MLKEM768
	SecP256r1MLKEM768  = std.SecP256r1MLKEM768
	SecP384r1MLKEM1024 = std.SecP384r1MLKEM1024
)

// The signature schemes that crypto/tls names.
const (
	PKCS1WithSHA256        = std.PKCS1WithSHA256
	PKCS1WithSHA384        = std.PKCS1WithSHA384
	PKCS1WithSHA512        = std.PKCS1WithSHA512
	PSSWithSHA256          = std.PSSWithSHA256
	PSSWithSHA384          = std.PSSWithSHA384
	PSSWithSHA512          = std.PSSWithSHA512
	ECDSAWithP256AndSHA256 = std.ECDSAWithP256AndSHA256
	ECDSAWithP384AndSHA384 = std.ECDSAWithP384AndSHA384
	ECDSAWithP521AndSHA512 = std.ECDSAWithP521AndSHA512
	Ed25519                = std.Ed25519
	PKCS1WithSHA1          = std.PKCS1WithSHA1
	ECDSAWithSHA1          = std.ECDSAWithSHA1
)

// The answers to a request for renegotiation: see [Config.Renegotiation].
const (
	RenegotiateNever          = std.RenegotiateNever
	RenegotiateOnceAsClient   = std.RenegotiateOnceAsClient
	RenegotiateFreelyAsClient = std.RenegotiateFreelyAsClient
)

// X509KeyPair reads a certificate chain and its private key, both PEM, and checks that
// they belong together. Keys for RSASSA-PSS alone (RFC 4055), which crypto/tls's function does not
// read, are read too.
func X509KeyPair(certPEMBlock, keyPEMBlock []byte) (Certificate, error) {
	cert, err := std.X509KeyPair(certPEMBlock, keyPEMBlock)
	if err == nil {
		return cert, nil
	}
	if pss, ok := pssKeyPair(certPEMBlock, keyPEMBlock); ok {
		return pss, nil
	}
	return Certificate{}, err
}

// LoadX509KeyPair is [X509KeyPair] on files.
func LoadX509KeyPair(certFile, keyFile string) (Certificate, error) {
	certPEM, err := os.ReadFile(certFile)
	if err != nil {
		return Certificate{}, err
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return Certificate{}, err
	}
	return X509KeyPair(certPEM, keyPEM)
}

// VersionName returns the name of a version, such as "TLS 1.3", or its number in
// hexadecimal.
func VersionName(version uint16) string { return std.VersionName(version) }

// CipherSuiteName returns IANA's name of a cipher suite, also of one that this package does
// not have, or its number in hexadecimal, as crypto/tls writes it.
func CipherSuiteName(id uint16) string {
	if s := iana.CipherSuite(id); s.Registered() {
		return s.String()
	}
	return fmt.Sprintf("0x%04X", id)
}

// CipherSuites lists the cipher suites of the default policy, by ascending ID. In what order
// that prefers them is another matter.
func CipherSuites() []*CipherSuite {
	return listed(func(s *suite.Suite) bool { return s.Default }, false)
}

// InsecureCipherSuites lists the cipher suites that are used only where
// [Config.CipherSuites] names them, by ascending ID: without forward secrecy, without
// authenticated encryption, with short tags, or hardly in use.
func InsecureCipherSuites() []*CipherSuite {
	return listed(func(s *suite.Suite) bool { return !s.Default }, true)
}

// listed is the suites that can be used and are as asked for.
func listed(as func(*suite.Suite) bool, insecure bool) []*CipherSuite {
	all := slices.DeleteFunc(suite.Usable(), func(s *suite.Suite) bool { return !as(s) })
	slices.SortFunc(all, func(a, b *suite.Suite) int { return int(a.ID) - int(b.ID) })
	list := make([]*CipherSuite, len(all))
	for i, s := range all {
		list[i] = &CipherSuite{ID: uint16(s.ID), Name: s.ID.String(), Insecure: insecure}
		for v := s.MinVersion; v <= s.MaxVersion; v++ {
			list[i].SupportedVersions = append(list[i].SupportedVersions, uint16(v))
		}
	}
	return list
}

// What a server asks of its clients: see [Config.ClientAuth].
const (
	NoClientCert               = std.NoClientCert
	RequestClientCert          = std.RequestClientCert
	RequireAnyClientCert       = std.RequireAnyClientCert
	VerifyClientCertIfGiven    = std.VerifyClientCertIfGiven
	RequireAndVerifyClientCert = std.RequireAndVerifyClientCert
)
