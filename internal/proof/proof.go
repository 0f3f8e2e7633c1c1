// Package proof checks signatures as somebody does who only looks on: of certificates and of handshakes, whatever
// their algorithm, also those that no endpoint here takes any more. It judges nobody: whether a key is strong, whom a
// certificate is for, and whether it may sign, is not asked.
//
// For RSA it says more than yes or no: the hash that was signed, which the public key brings back, beside the hash of
// what lies there.
package proof

import (
	"bytes"
	"crypto"
	//lint:ignore SA1019 old captures have its signatures
	"crypto/dsa"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"math/big"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"

	_ "crypto/sha512" // for crypto.Hash
)

// Kind is what a signature is made with.
type Kind uint8

// The kinds.
const (
	Unknown  Kind = iota
	RSAPKCS1      // RSASSA-PKCS1-v1_5
	RSAPSS
	DSA
	ECDSA
	Ed25519
)

// Algorithm is a kind with its hashes.
type Algorithm struct {
	Kind Kind
	Hash crypto.Hash // of the message; 0 for Ed25519, which hashes for itself
	MGF  crypto.Hash // of RSA-PSS, for its mask; 0: Hash
}

// Result is what came of checking a signature.
type Result struct {
	OK bool
	// Signed is the hash in an RSA signature, nil where it holds none; Computed is the hash of what was signed.
	// For RSA-PSS both are those after salting (RFC 8017 §9.1.2).
	Signed, Computed []byte
}

// ErrUnsupported says that an algorithm, or a key, is none that can be checked.
var ErrUnsupported = errors.New("the signature cannot be checked")

// Bounds of keys: what is larger costs more time than anybody should take of a looker-on, in bits.
const (
	maxRSA = 8192
	maxDSA = 4096
)

// Verify checks a signature of content.
func (a Algorithm) Verify(pub crypto.PublicKey, content, sig []byte) (Result, error) {
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		return a.verifyRSA(pub, content, sig)
	case *dsa.PublicKey:
		if a.Kind == DSA && pub.P != nil && pub.Q != nil && pub.P.BitLen() <= maxDSA {
			return Result{OK: verifyDSA(pub, a.digest(content), sig)}, nil
		}
	case *ecdsa.PublicKey:
		if a.Kind == ECDSA {
			return Result{OK: ecdsa.VerifyASN1(pub, a.digest(content), sig)}, nil
		}
	case ed25519.PublicKey:
		if a.Kind == Ed25519 && len(pub) == ed25519.PublicKeySize {
			return Result{OK: ed25519.Verify(pub, content, sig)}, nil
		}
	}
	return Result{}, ErrUnsupported
}

// digest hashes content.
func (a Algorithm) digest(content []byte) []byte {
	h := keys.NewTranscript(a.Hash)
	h.Write(content)
	return h.Sum(nil)
}

func verifyDSA(pub *dsa.PublicKey, digest, sig []byte) bool {
	var s struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(sig, &s); err != nil || len(rest) > 0 {
		return false
	}
	if n := (pub.Q.BitLen() + 7) / 8; len(digest) > n { // FIPS 186-4 §4.6
		digest = digest[:n]
	}
	return dsa.Verify(pub, digest, s.R, s.S)
}

// schemes is what the schemes of TLS 1.2 and 1.3 are (RFC 9846 §4.3.3; RFC 5246 §7.4.1.4.1).
var schemes = map[iana.SignatureScheme]Algorithm{
	iana.SchemeRSAPKCS1SHA1:         {Kind: RSAPKCS1, Hash: crypto.SHA1},
	iana.SchemeRSAPKCS1SHA256:       {Kind: RSAPKCS1, Hash: crypto.SHA256},
	iana.SchemeRSAPKCS1SHA384:       {Kind: RSAPKCS1, Hash: crypto.SHA384},
	iana.SchemeRSAPKCS1SHA512:       {Kind: RSAPKCS1, Hash: crypto.SHA512},
	iana.SchemeRSAPSSRSAESHA256:     {Kind: RSAPSS, Hash: crypto.SHA256},
	iana.SchemeRSAPSSRSAESHA384:     {Kind: RSAPSS, Hash: crypto.SHA384},
	iana.SchemeRSAPSSRSAESHA512:     {Kind: RSAPSS, Hash: crypto.SHA512},
	iana.SchemeRSAPSSPSSSHA256:      {Kind: RSAPSS, Hash: crypto.SHA256},
	iana.SchemeRSAPSSPSSSHA384:      {Kind: RSAPSS, Hash: crypto.SHA384},
	iana.SchemeRSAPSSPSSSHA512:      {Kind: RSAPSS, Hash: crypto.SHA512},
	iana.SchemeECDSASHA1:            {Kind: ECDSA, Hash: crypto.SHA1},
	iana.SchemeECDSASecp256r1SHA256: {Kind: ECDSA, Hash: crypto.SHA256},
	iana.SchemeECDSASecp384r1SHA384: {Kind: ECDSA, Hash: crypto.SHA384},
	iana.SchemeECDSASecp521r1SHA512: {Kind: ECDSA, Hash: crypto.SHA512},
	iana.SchemeEd25519:              {Kind: Ed25519},
	0x0101 /* md5, rsa */ :          {Kind: RSAPKCS1, Hash: crypto.MD5},
	0x0301 /* sha224, rsa */ :       {Kind: RSAPKCS1, Hash: crypto.SHA224},
	0x0202 /* sha1, dsa */ :         {Kind: DSA, Hash: crypto.SHA1},
	0x0302 /* sha224, dsa */ :       {Kind: DSA, Hash: crypto.SHA224},
	0x0402 /* sha256, dsa */ :       {Kind: DSA, Hash: crypto.SHA256},
	0x0502 /* sha384, dsa */ :       {Kind: DSA, Hash: crypto.SHA384},
	0x0602 /* sha512, dsa */ :       {Kind: DSA, Hash: crypto.SHA512},
	0x0303 /* sha224, ecdsa */ :     {Kind: ECDSA, Hash: crypto.SHA224},
}

// OfScheme is the algorithm of a scheme, of no kind where it is unknown.
func OfScheme(id iana.SignatureScheme) Algorithm { return schemes[id] }

// Before12 is the algorithm of handshakes before TLS 1.2, where the key says which it is (RFC 4346 §7.4.3, RFC 8422 §5.4).
func Before12(pub crypto.PublicKey) Algorithm {
	switch pub.(type) {
	case *rsa.PublicKey:
		return Algorithm{Kind: RSAPKCS1, Hash: crypto.MD5SHA1}
	case *dsa.PublicKey:
		return Algorithm{Kind: DSA, Hash: crypto.SHA1}
	case *ecdsa.PublicKey:
		return Algorithm{Kind: ECDSA, Hash: crypto.SHA1}
	}
	return Algorithm{}
}

// VerifyDigest is Verify for content that was hashed already.
func (a Algorithm) VerifyDigest(pub crypto.PublicKey, digest, sig []byte) (Result, error) {
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		if a.Kind == RSAPKCS1 {
			return verifyPKCS1(pub, a.Hash, digest, sig)
		}
	case *dsa.PublicKey:
		if a.Kind == DSA && pub.P != nil && pub.Q != nil && pub.P.BitLen() <= maxDSA {
			return Result{OK: verifyDSA(pub, digest, sig)}, nil
		}
	}
	return Result{}, ErrUnsupported
}

func (a Algorithm) verifyRSA(pub *rsa.PublicKey, content, sig []byte) (Result, error) {
	switch a.Kind {
	case RSAPKCS1:
		return verifyPKCS1(pub, a.Hash, a.digest(content), sig)
	case RSAPSS:
		return a.verifyPSS(pub, a.digest(content), sig)
	}
	return Result{}, ErrUnsupported
}

// raised is RSAVP1 and I2OSP (RFC 8017 §5.2.2, §4.1): what a signature was made of, nil for what is no signature under
// this key.
func raised(pub *rsa.PublicKey, sig []byte) ([]byte, error) {
	if pub.N == nil || pub.N.Sign() <= 0 || pub.N.BitLen() > maxRSA || pub.E < 2 {
		return nil, ErrUnsupported
	}
	s := new(big.Int).SetBytes(sig)
	if s.Cmp(pub.N) >= 0 {
		return nil, nil
	}
	return s.Exp(s, big.NewInt(int64(pub.E)), pub.N).FillBytes(make([]byte, pub.Size())), nil
}

// digestInfos is what stands before a hash in a signature: the DER of DigestInfo without it (RFC 8017 §9.2 note 1), with
// the parameters NULL, and without any.
var digestInfos = map[crypto.Hash][2][]byte{
	crypto.MD5SHA1: {{}, {}},
	crypto.MD5:     digestInfo(16, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05),
	crypto.SHA1:    digestInfo(20, 0x2b, 0x0e, 0x03, 0x02, 0x1a),
	crypto.SHA224:  digestInfo(28, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04),
	crypto.SHA256:  digestInfo(32, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01),
	crypto.SHA384:  digestInfo(48, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02),
	crypto.SHA512:  digestInfo(64, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03),
}

func digestInfo(size byte, oid ...byte) (both [2][]byte) {
	for i, parameters := range [][]byte{{5, 0}, nil} {
		n := byte(len(oid) + 2 + len(parameters))
		b := []byte{0x30, n + 4 + size, 0x30, n, 0x06, byte(len(oid))}
		b = append(append(b, oid...), parameters...)
		both[i] = append(b, 0x04, size)
	}
	return both
}

func verifyPKCS1(pub *rsa.PublicKey, h crypto.Hash, digest, sig []byte) (Result, error) {
	r := Result{Computed: digest}
	prefixes, known := digestInfos[h]
	if !known {
		return Result{}, ErrUnsupported
	}
	em, err := raised(pub, sig)
	if err != nil {
		return Result{}, err
	}
	for _, prefix := range prefixes {
		if padding := len(em) - 3 - len(prefix) - len(digest); padding >= 8 && isPadded(em, padding, prefix) {
			r.Signed = em[len(em)-len(digest):]
			r.OK = bytes.Equal(r.Signed, digest)
			return r, nil
		}
	}
	return r, nil
}

// isPadded reports whether em is 00 01 FF … FF 00 and a prefix, and something behind it.
func isPadded(em []byte, padding int, prefix []byte) bool {
	if em[0] != 0 || em[1] != 1 || em[2+padding] != 0 {
		return false
	}
	for _, b := range em[2 : 2+padding] {
		if b != 0xff {
			return false
		}
	}
	return bytes.HasPrefix(em[3+padding:], prefix)
}

// verifyPSS is EMSA-PSS-VERIFY with a salt of any length (RFC 8017 §9.1.2).
func (a Algorithm) verifyPSS(pub *rsa.PublicKey, digest, sig []byte) (Result, error) {
	r := Result{}
	em, err := raised(pub, sig)
	if err != nil || em == nil {
		return r, err
	}
	bits := pub.N.BitLen() - 1
	if len(em) > (bits+7)/8 { // the top byte holds none of it
		if em[0] != 0 {
			return r, nil
		}
		em = em[1:]
	}
	size := a.Hash.Size()
	if len(em) < size+2 || em[len(em)-1] != 0xbc {
		return r, nil
	}
	db, signed := em[:len(em)-size-1], em[len(em)-size-1:len(em)-1]
	mask := a.Hash
	if a.MGF != 0 {
		mask = a.MGF
	}
	unmask(mask, db, signed)
	db[0] &= 0xff >> (8*len(em) - bits)
	salt := bytes.TrimLeft(db, "\x00")
	if len(salt) == 0 || salt[0] != 1 {
		return r, nil
	}
	h := a.Hash.New()
	h.Write(make([]byte, 8))
	h.Write(digest)
	h.Write(salt[1:])
	r.Signed, r.Computed = signed, h.Sum(nil)
	r.OK = bytes.Equal(r.Signed, r.Computed)
	return r, nil
}

// unmask combines b with MGF1 of a seed (RFC 8017 §B.2.1).
func unmask(hash crypto.Hash, b, seed []byte) {
	for counter := byte(0); len(b) > 0; counter++ { // b is shorter than a modulus: one byte counts far enough
		h := hash.New()
		h.Write(seed)
		h.Write([]byte{0, 0, 0, counter})
		block := h.Sum(nil)
		n := min(len(b), len(block))
		for i := range n {
			b[i] ^= block[i]
		}
		b = b[n:]
	}
}
