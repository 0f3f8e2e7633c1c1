package tls

import "github.com/akushu/akushu/internal/auth"

// Private keys may live elsewhere, behind a [crypto.Signer], and for RSA key exchange a
// [crypto.Decrypter]: in another process, on another machine, in a device. One that may take
// its time implements these as well. It is given the handshake's context then, which ends
// with the handshake, and an error of its ends the handshake: the peer is told
// internal_error and no more, and the error that Handshake returns wraps it.
type (
	// ContextSigner is a crypto.Signer whose SignContext is called in place of Sign.
	ContextSigner = auth.ContextSigner
	// ContextDecrypter is a crypto.Decrypter whose DecryptContext is called in place of
	// Decrypt. Like Decrypt it must not tell bad padding from good: its options are an
	// [rsa.PKCS1v15DecryptOptions] with a SessionKeyLen, by which [rsa.PrivateKey] knows that.
	ContextDecrypter = auth.ContextDecrypter
)
