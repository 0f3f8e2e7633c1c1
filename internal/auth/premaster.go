package auth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/subtle"
	"errors"
	"io"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
)

// PremasterSize is the length in bytes of the premaster secret that a client encrypts to
// the server's certificate (RFC 5246 §7.4.7.1).
const PremasterSize = 48

// minModulus is the length in bytes of the shortest modulus that has room for a premaster
// secret: eleven bytes are the padding's (RFC 8017 §7.2.1).
const minModulus = PremasterSize + 11

// EncryptPremaster makes a premaster secret, of the newest version that the client
// offered, which is what its hello says, not what was negotiated, and of bytes of rand.
// It returns the secret and its encryption under the server's key.
func EncryptPremaster(rand io.Reader, key *rsa.PublicKey, clientVersion iana.Version) (keys.Secret, []byte, error) {
	const where = "client_key_exchange.encrypted_pre_master_secret"
	secret, err := randomSecret(rand)
	if err != nil {
		return nil, nil, err
	}
	secret[0], secret[1] = byte(clientVersion>>8), byte(clientVersion)
	//lint:ignore SA1019 TLS before 1.3 has no other padding for this
	encrypted, err := rsa.EncryptPKCS1v15(rand, key, secret)
	if err != nil {
		secret.Wipe()
		return nil, nil, alert.Internal(where, "it cannot be encrypted to the certificate's %s key: %w", keyName(key), err)
	}
	return secret, encrypted, nil
}

// DecryptPremaster returns the premaster secret that a client encrypted to key's
// certificate, if it is one that begins with the client's version, and a random one in
// every other case: the handshake then fails at Finished, and nobody learns from when or
// how what the key made of a message of theirs (RFC 5246 §7.4.7.1, against Bleichenbacher
// and against Klíma, Pokorný and Rosa). What is done is the same for every encrypted, and
// that is bad is not said, by an error or in a log.
//
// It asks the key once, with [rsa.PKCS1v15DecryptOptions] and SessionKeyLen set: a key
// that keeps its side of that has no error for bad padding either, and takes as long.
// [rsa.ErrDecryption] counts as bad padding. Any other error is that the key cannot be
// used, and the only one that DecryptPremaster has, with a source that fails.
func DecryptPremaster(ctx context.Context, rand io.Reader, key crypto.Decrypter, clientVersion iana.Version, encrypted []byte) (keys.Secret, error) {
	const where = "client_key_exchange.encrypted_pre_master_secret"
	public, ok := key.Public().(*rsa.PublicKey)
	if !ok || public.Size() < minModulus {
		return nil, alert.Internal(where, "our %s key cannot decrypt a premaster secret", keyName(key.Public()))
	}
	secret, err := randomSecret(rand) // first, before anything depends on the message
	if err != nil {
		return nil, err
	}
	//lint:ignore SA1019 TLS before 1.3 has no other padding for this
	opened, err := decrypt(ctx, rand, key, decryptable(public, encrypted), &rsa.PKCS1v15DecryptOptions{SessionKeyLen: PremasterSize})
	if err != nil && !errors.Is(err, rsa.ErrDecryption) {
		return nil, alert.Internal(where, "the private key failed to decrypt: %w", err)
	}
	defer clear(opened)
	replaceIfGood(secret, opened, clientVersion)
	return secret, nil
}

// replaceIfGood makes opened the secret if it is a premaster secret of the version. It
// does the same whether it is or not.
func replaceIfGood(secret keys.Secret, opened []byte, v iana.Version) {
	var padded [PremasterSize]byte
	defer clear(padded[:])
	copy(padded[:], opened)
	good := subtle.ConstantTimeEq(int32(len(opened)), PremasterSize)
	good &= subtle.ConstantTimeByteEq(padded[0], byte(v>>8))
	good &= subtle.ConstantTimeByteEq(padded[1], byte(v))
	subtle.ConstantTimeCopy(good, secret, padded[:])
}

// decryptable returns encrypted if it is a number that RSA takes, as long as the modulus
// and below it. Everybody can see whether it is; but so that it makes no difference even
// then, what is not is replaced by one that decrypts to bad padding.
func decryptable(key *rsa.PublicKey, encrypted []byte) []byte {
	one := make([]byte, key.Size())
	one[len(one)-1] = 1
	if len(encrypted) != len(one) || bytes.Compare(encrypted, key.N.FillBytes(make([]byte, len(one)))) >= 0 {
		return one
	}
	return encrypted
}

func randomSecret(rand io.Reader) (keys.Secret, error) {
	secret := make(keys.Secret, PremasterSize)
	if _, err := io.ReadFull(rand, secret); err != nil {
		return nil, alert.Internal("client_key_exchange", "the random source failed: %w", err)
	}
	return secret, nil
}
