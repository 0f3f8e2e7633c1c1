package tls

import "github.com/akushu/akushu/internal/auth"

// Private keys may live elsewhere, behind a [crypto.Signer], and for RSA key exchange a
// [crypto.Decrypter]: in another process, on another machine, in a device. One that may take
// its time implements these as well. It is given the handshake's context then, which ends
// with the handshake: also when the context of HandshakeContext ends, or the connection is
// closed. An error of its ends the handshake: the peer is told internal_error and no more, and
// the error that Handshake returns wraps it. The example has a key server.
//
// A key that decrypts and does not sign serves where MaxVersion is TLS 1.2 or less and
// CipherSuites names suites with RSA key exchange, or beside another certificate.
type (
	// ContextSigner is a crypto.Signer whose SignContext is called in place of Sign.
	ContextSigner = auth.ContextSigner
	// ContextDecrypter is a crypto.Decrypter whose DecryptContext is called in place of
	// Decrypt. Like Decrypt it must not tell bad padding from good: its options are an
	// [rsa.PKCS1v15DecryptOptions] with a SessionKeyLen, by which [rsa.PrivateKey] knows that.
	ContextDecrypter = auth.ContextDecrypter
)
