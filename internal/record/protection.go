package record

import (
	"crypto/cipher"
	"encoding/binary"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/suite"
)

// protection is what protects records under one key. A kind of cipher that protects them another way is one more type with
// these methods, and a line in [protect].
type protection interface {
	// seal appends a record: the header, whose Length it sets, and the protected content. dst has room for
	// overhead bytes beside header, content and padding, and content lies elsewhere.
	seal(dst []byte, h Header, seq uint64, content []byte, padding int) []byte
	// open unprotects fragment. What it returns lies in dst, which has room for the fragment, and the fragment stays as it
	// is. Where dst is nil it lies in the fragment, and one that does not open is destroyed.
	open(dst []byte, h Header, seq uint64, fragment []byte) (iana.ContentType, []byte, error)
	// overhead is the most bytes that protection adds to a record.
	overhead() int
	// wipe overwrites what it knows of its key.
	wipe()
}

// protect makes the protection that the keys are for; nil keys are none.
func protect(k *suite.TrafficKeys) (protection, error) {
	switch {
	case k == nil:
		return unprotected, nil
	case k.Version >= iana.VersionTLS13:
		return protect13(k)
	case k.Suite.Cipher.CBC():
		return newCBC(k)
	default:
		a, err := newAEAD(k.Suite.Cipher, k.Key, k.IV)
		if err != nil {
			return nil, err
		}
		return &aead12{a}, nil
	}
}

func protect13(k *suite.TrafficKeys) (protection, error) {
	c := k.Suite.Cipher
	key, iv := k.Key, k.IV
	if k.Secret != nil {
		derived := make(keys.Secret, c.KeyLen+c.FixedIVLen)
		defer derived.Wipe()
		key, iv = derived[:c.KeyLen], derived[c.KeyLen:]
		keys.TLS13(k.Suite.Hash, nil).TrafficKeys(k.Secret, key, iv)
	}
	a, err := newAEAD(c, key, iv)
	if err != nil {
		return nil, err
	}
	if bare(k.Version) {
		return &aeadBare{aead13{a}}, nil
	}
	return &aead13{a}, nil
}

// plain is no protection: the state before the first keys, and that of a ChangeCipherSpec in TLS 1.3.
type plain struct{}

var unprotected protection = plain{}

func (plain) seal(dst []byte, h Header, _ uint64, content []byte, _ int) []byte {
	h.Length = len(content)
	return append(h.Append(dst), content...)
}

func (plain) open(_ []byte, h Header, _ uint64, fragment []byte) (iana.ContentType, []byte, error) {
	return h.Type, fragment, nil
}

func (plain) overhead() int { return 0 }
func (plain) wipe()         {}

// nonceLen is the length in bytes of every nonce of TLS: no cipher has shorter ones, and none needs longer ones.
const nonceLen = 12

// aead is what both generations of AEAD protection share: a cipher and its nonces.
type aead struct {
	cipher.AEAD
	iv       [nonceLen]byte // the fixed part of the nonce, zeros behind it
	explicit int            // bytes of the nonce that travel with each record

	// Arguments of AEAD's methods, which would need an allocation each elsewhere.
	nonce      [nonceLen]byte
	additional [pseudoHeaderLen]byte
}

func newAEAD(c *suite.Cipher, key, iv keys.Secret) (aead, error) {
	made, err := c.New(key.Reveal())
	if err != nil {
		return aead{}, alert.Internal("record", "%s: %w", c.Name, err)
	}
	if made.NonceSize() != nonceLen || len(iv)+c.ExplicitNonceLen != nonceLen {
		return aead{}, alert.Internal("record", "%s with an IV of %d bytes", c.Name, len(iv))
	}
	a := aead{AEAD: made, explicit: c.ExplicitNonceLen}
	copy(a.iv[:], iv.Reveal())
	return a, nil
}

// nonceFor returns the nonce with n in its last eight bytes, combined by XOR. For n the sequence number that is RFC 9846
// §5.3 and RFC 7905 §2. Where a part is explicit these bytes of the IV are zero, so that n itself stands there: RFC 5288 §3.
func (a *aead) nonceFor(n uint64) []byte {
	a.nonce = a.iv
	last := a.nonce[nonceLen-8:]
	binary.BigEndian.PutUint64(last, binary.BigEndian.Uint64(last)^n)
	return a.nonce[:]
}

// room is where what ciphertext holds goes: into dst, or in its own place if that is nil.
func room(dst, ciphertext []byte) []byte {
	if dst == nil {
		return ciphertext[:0]
	}
	return dst[:0]
}

func (a *aead) overhead() int { return a.explicit + a.Overhead() }

func (a *aead) wipe() {
	clear(a.iv[:])
	clear(a.nonce[:])
}

// aead13 is RFC 9846 §5.2: the type is inside, before padding of zeros, and the header is authenticated.
type aead13 struct{ aead }

func (a *aead13) overhead() int { return a.aead.overhead() + 1 }

func (a *aead13) seal(dst []byte, h Header, seq uint64, content []byte, padding int) []byte {
	inner := h.Type
	h = Header{iana.ContentApplicationData, iana.VersionTLS12, len(content) + 1 + padding + a.Overhead()}
	start := len(dst)
	dst = h.Append(dst)
	body := len(dst)
	dst = append(dst, content...)
	dst = append(dst, byte(inner))
	dst = dst[:len(dst)+padding]
	clear(dst[len(dst)-padding:])
	return a.Seal(dst[:body], a.nonceFor(seq), dst[body:], dst[start:body])
}

func (a *aead13) open(dst []byte, h Header, seq uint64, fragment []byte) (iana.ContentType, []byte, error) {
	additional := h.Append(a.additional[:0])
	inner, err := a.Open(room(dst, fragment), a.nonceFor(seq), fragment, additional)
	if err != nil {
		return 0, nil, badRecord()
	}
	if len(inner) > MaxPlaintext+1 {
		return 0, nil, tooLong(len(inner)-1, MaxPlaintext, "RFC 9846 §5.4")
	}
	return unpad(inner)
}

// bare reports whether v is one of the drafts of TLS 1.3 up to 24, which authenticate no header
// (draft-ietf-tls-tls13-25 §1.2). No endpoint here speaks them; an observer reads them.
func bare(v iana.Version) bool { return v > iana.VersionTLS13 && v <= iana.VersionTLS13Draft24 }

// aeadBare is the protection of those.
type aeadBare struct{ aead13 }

func (a *aeadBare) open(dst []byte, _ Header, seq uint64, fragment []byte) (iana.ContentType, []byte, error) {
	inner, err := a.Open(room(dst, fragment), a.nonceFor(seq), fragment, nil)
	if err != nil {
		return 0, nil, badRecord()
	}
	return unpad(inner)
}

func (a *aeadBare) seal(dst []byte, h Header, seq uint64, content []byte, padding int) []byte {
	start := len(dst)
	dst = Header{iana.ContentApplicationData, iana.VersionTLS10, len(content) + 1 + padding + a.Overhead()}.Append(dst)
	body := len(dst)
	dst = append(append(dst, content...), byte(h.Type))
	dst = append(dst, make([]byte, padding)...)
	return a.Seal(dst[:body], a.nonceFor(seq), dst[start+HeaderLen:], nil)
}

// unpad takes the content type and the padding off a TLSInnerPlaintext (RFC 9846 §5.4).
func unpad(inner []byte) (iana.ContentType, []byte, error) {
	last := len(inner) - 1
	for last >= 0 && inner[last] == 0 {
		last--
	}
	if last < 0 {
		return 0, nil, alert.Unexpected("record", "RFC 9846 §5.4", "nothing but padding in a record")
	}
	typ := iana.ContentType(inner[last])
	if typ == iana.ContentChangeCipherSpec {
		return 0, nil, alert.Unexpected("record", "RFC 9846 §5", "change_cipher_spec in a protected record")
	}
	return typ, inner[:last], nil
}

// aead12 is RFC 5246 §6.2.3.3: the header stays as it is, and is authenticated with the sequence number and the length
// of the content.
type aead12 struct{ aead }

func (a *aead12) seal(dst []byte, h Header, seq uint64, content []byte, _ int) []byte {
	h.Length = a.overhead() + len(content)
	dst = h.Append(dst)
	if a.explicit > 0 {
		dst = binary.BigEndian.AppendUint64(dst, seq)
	}
	return a.Seal(dst, a.nonceFor(seq), content, appendPseudoHeader(a.additional[:0], seq, h, len(content)))
}

func (a *aead12) open(dst []byte, h Header, seq uint64, fragment []byte) (iana.ContentType, []byte, error) {
	length := len(fragment) - a.overhead()
	if length < 0 {
		return 0, nil, badRecord()
	}
	if length > MaxPlaintext {
		return 0, nil, tooLong(length, MaxPlaintext, "RFC 5246 §6.2.1")
	}
	nonce, ciphertext := seq, fragment[a.explicit:]
	if a.explicit > 0 {
		nonce = binary.BigEndian.Uint64(fragment)
	}
	content, err := a.Open(room(dst, ciphertext), a.nonceFor(nonce), ciphertext, appendPseudoHeader(a.additional[:0], seq, h, length))
	if err != nil {
		return 0, nil, badRecord()
	}
	return h.Type, content, nil
}

// pseudoHeaderLen is the length in bytes of what appendPseudoHeader appends.
const pseudoHeaderLen = 8 + HeaderLen

// appendPseudoHeader appends what is authenticated before length bytes of content, up to TLS 1.2: the additional data of
// an AEAD (RFC 5246 §6.2.3.3), and the beginning of what a MAC covers (§6.2.3.1).
func appendPseudoHeader(dst []byte, seq uint64, h Header, length int) []byte {
	h.Length = length
	return h.Append(binary.BigEndian.AppendUint64(dst, seq))
}

// badRecord reports a record that does not open. It is the same error whatever is wrong, in every version, so that nobody
// can learn from it (RFC 5246 §7.2.2 has but one alert for the same reason).
func badRecord() error {
	return alert.BadRecord("record", "RFC 9846 §5.2", "it does not open with these keys, or was changed on its way")
}

func tooLong(got, most int, ref string) error {
	return alert.TooLarge("record", ref, "%d bytes, the most is %d", got, most)
}
