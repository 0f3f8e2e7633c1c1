package suite

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
)

// Scheme is a signature scheme (RFC 9846 §4.3.3).
type Scheme struct {
	ID    iana.SignatureScheme
	Kind  Kind
	Hash  crypto.Hash    // of the message; 0 for Ed25519, which hashes for itself
	Curve elliptic.Curve // that TLS 1.3 ties the scheme to; nil where there is none
	// The versions of TLS in which the scheme may sign handshake messages, both included. Certificates may be signed
	// with any scheme in any version.
	MinVersion, MaxVersion iana.Version
	FIPS                   bool // approved by FIPS 140-3
}

// Kind is the algorithm of a scheme and the kind of key that it goes with.
type Kind uint8

// The kinds.
const (
	RSAPKCS1   Kind = iota // RSASSA-PKCS1-v1_5
	RSAPSSRSAE             // RSASSA-PSS, with a key for any use of RSA
	RSAPSSPSS              // RSASSA-PSS, with a key for that alone
	ECDSA
	Ed25519
)

// kinds is what each kind does.
var kinds = [...]struct {
	name   string
	auth   Authentication
	fits   func(*Scheme, crypto.PublicKey, iana.Version) bool
	opts   func(*Scheme) crypto.SignerOpts
	verify func(s *Scheme, pub crypto.PublicKey, msg, sig []byte) error
}{
	RSAPKCS1:   {"RSA PKCS#1", AuthRSA, fitsPKCS1, optsHash, verifyPKCS1},
	RSAPSSRSAE: {"RSA-PSS", AuthRSA, fitsPSS, optsPSS, verifyPSS},
	RSAPSSPSS:  {"RSA-PSS", AuthRSA, fitsPSSKey, optsPSS, verifyPSSKey},
	ECDSA:      {"ECDSA", AuthECDSA, fitsECDSA, optsHash, verifyECDSA},
	Ed25519:    {"Ed25519", AuthECDSA, fitsEd25519, optsHash, verifyEd25519},
}

// String returns the algorithm's name: "RSA-PSS".
func (k Kind) String() string { return kinds[k].name }

// PSSKey is an RSA key that signs with RSASSA-PSS and does nothing else (OID id-RSASSA-PSS, RFC 4055 §1.2), which the
// standard library has no type for.
type PSSKey struct {
	*rsa.PublicKey
	Hash crypto.Hash // that the key is tied to, with MGF1 of the same; 0: any
	Salt int         // the length in bytes of the shortest salt, where Hash is not 0
}

// Allows reports whether the key signs with a hash and a salt as long as that.
func (k *PSSKey) Allows(hash crypto.Hash) bool {
	return k.Hash == 0 || k.Hash == hash && k.Salt <= hash.Size()
}

// Equal reports whether x is the same key: for the same use, or an *rsa.PublicKey, which says of none.
func (k *PSSKey) Equal(x crypto.PublicKey) bool {
	switch x := x.(type) {
	case *PSSKey:
		return k.Hash == x.Hash && k.Salt == x.Salt && k.PublicKey.Equal(x.PublicKey)
	case *rsa.PublicKey:
		return k.PublicKey.Equal(x)
	}
	return false
}

// The order is of preference: cheap to make and small first, PKCS#1 and SHA-1 last (RFC 9846 §4.3.3 asks for the latter).
var schemes = [...]*Scheme{
	{iana.SchemeECDSASecp256r1SHA256, ECDSA, crypto.SHA256, elliptic.P256(), iana.VersionTLS12, iana.VersionTLS13, true},
	{iana.SchemeEd25519, Ed25519, 0, nil, iana.VersionTLS12, iana.VersionTLS13, true},
	{iana.SchemeRSAPSSRSAESHA256, RSAPSSRSAE, crypto.SHA256, nil, iana.VersionTLS12, iana.VersionTLS13, true},
	{iana.SchemeECDSASecp384r1SHA384, ECDSA, crypto.SHA384, elliptic.P384(), iana.VersionTLS12, iana.VersionTLS13, true},
	{iana.SchemeRSAPSSRSAESHA384, RSAPSSRSAE, crypto.SHA384, nil, iana.VersionTLS12, iana.VersionTLS13, true},
	{iana.SchemeECDSASecp521r1SHA512, ECDSA, crypto.SHA512, elliptic.P521(), iana.VersionTLS12, iana.VersionTLS13, true},
	{iana.SchemeRSAPSSRSAESHA512, RSAPSSRSAE, crypto.SHA512, nil, iana.VersionTLS12, iana.VersionTLS13, true},
	{iana.SchemeRSAPSSPSSSHA256, RSAPSSPSS, crypto.SHA256, nil, iana.VersionTLS12, iana.VersionTLS13, true},
	{iana.SchemeRSAPSSPSSSHA384, RSAPSSPSS, crypto.SHA384, nil, iana.VersionTLS12, iana.VersionTLS13, true},
	{iana.SchemeRSAPSSPSSSHA512, RSAPSSPSS, crypto.SHA512, nil, iana.VersionTLS12, iana.VersionTLS13, true},
	{iana.SchemeRSAPKCS1SHA256, RSAPKCS1, crypto.SHA256, nil, iana.VersionTLS12, iana.VersionTLS12, true},
	{iana.SchemeRSAPKCS1SHA384, RSAPKCS1, crypto.SHA384, nil, iana.VersionTLS12, iana.VersionTLS12, true},
	{iana.SchemeRSAPKCS1SHA512, RSAPKCS1, crypto.SHA512, nil, iana.VersionTLS12, iana.VersionTLS12, true},
	{iana.SchemeRSAPKCS1SHA1, RSAPKCS1, crypto.SHA1, nil, iana.VersionTLS12, iana.VersionTLS12, false},
	{iana.SchemeECDSASHA1, ECDSA, crypto.SHA1, nil, iana.VersionTLS12, iana.VersionTLS12, false},
}

// before12 are the schemes of TLS 1.0 and 1.1. They have no number, for there the key says which it is (RFC 4346 §7.4.3,
// RFC 8422 §5.4). What they hash with is broken; that they are there means that somebody asked for these versions.
var before12 = [...]*Scheme{
	{0, RSAPKCS1, crypto.MD5SHA1, nil, iana.VersionTLS10, iana.VersionTLS11, false},
	{0, ECDSA, crypto.SHA1, nil, iana.VersionTLS10, iana.VersionTLS11, false},
}

// SchemeBefore12 returns the scheme with which the owner of pub signs in TLS 1.0 and 1.1, or nil.
func SchemeBefore12(pub crypto.PublicKey) *Scheme {
	for _, s := range before12 {
		if s.Fits(pub, s.MaxVersion) {
			return s
		}
	}
	return nil
}

// Schemes returns every scheme, in order of preference.
func Schemes() []*Scheme { return append([]*Scheme(nil), schemes[:]...) }

// DefaultSchemes returns the schemes of the default policy, in order of preference: no SHA-1 (RFC 9155), and under
// GODEBUG=fips140=on only approved ones.
func DefaultSchemes() []*Scheme { return defaultSchemes(fips140.Enabled()) }

func defaultSchemes(fips bool) []*Scheme {
	var list []*Scheme
	for _, s := range schemes {
		if s.Hash != crypto.SHA1 && (s.FIPS || !fips) {
			list = append(list, s)
		}
	}
	return list
}

// SchemeByID returns the scheme, or nil for one that is not supported.
func SchemeByID(id iana.SignatureScheme) *Scheme {
	for _, s := range schemes {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// SchemesFor returns the schemes with which the owner of pub can sign handshake messages of version v, in order of
// preference. SHA-1 is never among them (RFC 9155 §4, §5).
func SchemesFor(pub crypto.PublicKey, v iana.Version) []*Scheme {
	var list []*Scheme
	for _, s := range schemes {
		if s.Signs(pub, v) {
			list = append(list, s)
		}
	}
	return list
}

// Signs reports whether the scheme is one of SchemesFor.
func (s *Scheme) Signs(pub crypto.PublicKey, v iana.Version) bool {
	return s.Hash != crypto.SHA1 && s.Handshake(v) && s.Fits(pub, v)
}

// Handshake reports whether the scheme may sign handshake messages of version v.
func (s *Scheme) Handshake(v iana.Version) bool { return s.MinVersion <= v && v <= s.MaxVersion }

// Auth returns the kind of TLS 1.2 suite that the scheme's signatures go with.
func (s *Scheme) Auth() Authentication { return kinds[s.Kind].auth }

// Fits reports whether the scheme goes with the key in version v: its type, its curve, and for RSA its size.
func (s *Scheme) Fits(pub crypto.PublicKey, v iana.Version) bool {
	return kinds[s.Kind].fits(s, pub, v)
}

// Sign signs msg, which it hashes unless the signer is a [crypto.MessageSigner]. rand is the signer's to use or to leave.
func (s *Scheme) Sign(rand io.Reader, signer crypto.Signer, msg []byte) ([]byte, error) {
	if s.Hash == crypto.MD5SHA1 { // which the standard library signs, but does not make
		return signer.Sign(rand, s.digest(msg), s.Hash)
	}
	return crypto.SignMessage(signer, rand, msg, kinds[s.Kind].opts(s))
}

// Verify checks a signature of msg. Whether the scheme goes with the key's curve in a version is what Fits says.
func (s *Scheme) Verify(pub crypto.PublicKey, msg, sig []byte) error {
	return kinds[s.Kind].verify(s, pub, msg, sig)
}

// digest hashes msg.
func (s *Scheme) digest(msg []byte) []byte {
	h := keys.NewTranscript(s.Hash)
	h.Write(msg)
	return h.Sum(nil)
}

func optsHash(s *Scheme) crypto.SignerOpts { return s.Hash }

func optsPSS(s *Scheme) crypto.SignerOpts {
	return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: s.Hash}
}

// fitsPKCS1 asks for room for padding and DigestInfo, whose frame is at most 19 bytes here (RFC 8017 §9.2).
func fitsPKCS1(s *Scheme, pub crypto.PublicKey, _ iana.Version) bool {
	k, ok := pub.(*rsa.PublicKey)
	return ok && k.Size() >= 11+19+s.Hash.Size()
}

// fitsPSS asks for room for hash, salt of the same length and two bytes, in all but one bit of the modulus
// (RFC 8017 §9.1.1).
func fitsPSS(s *Scheme, pub crypto.PublicKey, _ iana.Version) bool {
	k, ok := pub.(*rsa.PublicKey)
	return ok && (k.N.BitLen()-1+7)/8 >= 2*s.Hash.Size()+2
}

// fitsPSSKey asks of a key for RSASSA-PSS alone that its parameters, if it has any, go with the scheme's.
func fitsPSSKey(s *Scheme, pub crypto.PublicKey, v iana.Version) bool {
	k, ok := pub.(*PSSKey)
	return ok && k.Allows(s.Hash) && fitsPSS(s, k.PublicKey, v)
}

// fitsECDSA: TLS 1.3 ties each scheme to its curve, TLS 1.2 takes any that supported_groups may name
// (RFC 9846 §4.3.3).
func fitsECDSA(s *Scheme, pub crypto.PublicKey, v iana.Version) bool {
	k, ok := pub.(*ecdsa.PublicKey)
	if !ok {
		return false
	}
	if v >= iana.VersionTLS13 {
		return k.Curve == s.Curve
	}
	return k.Curve == elliptic.P256() || k.Curve == elliptic.P384() || k.Curve == elliptic.P521()
}

func fitsEd25519(_ *Scheme, pub crypto.PublicKey, _ iana.Version) bool {
	_, ok := pub.(ed25519.PublicKey)
	return ok
}

var errSignature = errors.New("invalid signature")

func errKey(s *Scheme, pub crypto.PublicKey) error {
	return fmt.Errorf("%v does not go with a %s key", s.ID, KeyName(pub))
}

func verifyPKCS1(s *Scheme, pub crypto.PublicKey, msg, sig []byte) error {
	k, ok := pub.(*rsa.PublicKey)
	if !ok {
		return errKey(s, pub)
	}
	return rsa.VerifyPKCS1v15(k, s.Hash, s.digest(msg), sig)
}

func verifyPSS(s *Scheme, pub crypto.PublicKey, msg, sig []byte) error {
	k, ok := pub.(*rsa.PublicKey)
	if !ok {
		return errKey(s, pub)
	}
	return rsa.VerifyPSS(k, s.Hash, s.digest(msg), sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
}

func verifyPSSKey(s *Scheme, pub crypto.PublicKey, msg, sig []byte) error {
	k, ok := pub.(*PSSKey)
	if !ok {
		return errKey(s, pub)
	}
	return verifyPSS(s, k.PublicKey, msg, sig)
}

func verifyECDSA(s *Scheme, pub crypto.PublicKey, msg, sig []byte) error {
	k, ok := pub.(*ecdsa.PublicKey)
	if !ok {
		return errKey(s, pub)
	}
	if !ecdsa.VerifyASN1(k, s.digest(msg), sig) {
		return errSignature
	}
	return nil
}

func verifyEd25519(s *Scheme, pub crypto.PublicKey, msg, sig []byte) error {
	k, ok := pub.(ed25519.PublicKey)
	if !ok {
		return errKey(s, pub)
	}
	if len(k) != ed25519.PublicKeySize || !ed25519.Verify(k, msg, sig) {
		return errSignature
	}
	return nil
}

// AuthFor returns the kind of TLS 1.2 suite that a certificate with this key is for, AuthNegotiated for none.
func AuthFor(pub crypto.PublicKey) Authentication {
	switch pub.(type) {
	case *rsa.PublicKey, *PSSKey:
		return AuthRSA
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return AuthECDSA
	}
	return AuthNegotiated
}

// KeyName says what a public key is: "ECDSA P-256", "RSA 2048", "Ed25519"; the Go type for others.
func KeyName(pub crypto.PublicKey) string {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *PSSKey:
		return fmt.Sprintf("RSA-PSS %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return fmt.Sprintf("%T", pub)
}
