package auth

import (
	"context"
	"crypto"
	"io"

	"github.com/akushu/akushu/internal/suite"
)

// Private keys that live elsewhere: in another process, on another machine, in a device.

// ContextSigner is a [crypto.Signer] that may take its time, and can be told when nobody
// waits for it any more. SignContext is Sign, which is not called then.
type ContextSigner interface {
	crypto.Signer
	SignContext(ctx context.Context, rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

// ContextDecrypter is the same of a [crypto.Decrypter].
type ContextDecrypter interface {
	crypto.Decrypter
	DecryptContext(ctx context.Context, rand io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error)
}

// sign signs content with a scheme.
func sign(ctx context.Context, rand io.Reader, key crypto.Signer, s *suite.Scheme, content []byte) ([]byte, error) {
	if remote, ok := key.(ContextSigner); ok {
		key = signerIn{remote, ctx}
	}
	return s.Sign(rand, key, content)
}

// decrypt is key.Decrypt.
func decrypt(ctx context.Context, rand io.Reader, key crypto.Decrypter, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	if remote, ok := key.(ContextDecrypter); ok {
		return remote.DecryptContext(ctx, rand, msg, opts)
	}
	return key.Decrypt(rand, msg, opts)
}

// signerIn is a ContextSigner in one handshake's context.
type signerIn struct {
	ContextSigner
	ctx context.Context
}

// Sign implements [crypto.Signer].
func (s signerIn) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.SignContext(s.ctx, rand, digest, opts)
}
