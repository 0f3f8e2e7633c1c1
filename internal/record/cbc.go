package record

import (
	"crypto/cipher"
	"crypto/subtle"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/suite"
)

// cbc is a block cipher in CBC mode and an HMAC (RFC 5246 §6.2.3.2). The MAC is of the content and encrypted with it, or,
// with encrypt_then_mac, of the ciphertext and behind it (RFC 7366 §3).
//
// The first of the two has cost TLS dearly, since a receiver knows where the MAC is only once it believed the padding
// (Lucky 13). So open does the same work on every record of a length, whatever is in it: it looks at every byte that may be
// padding or MAC, hashes every block that may be the last (keys.RecordMAC.SumSecret), and says nothing of what was wrong.
//
// In TLS 1.0 a record's IV is the last block of the record before. That lies in the traffic keys, so that it outlives the
// cipher. It goes on with the sequence number, after a record that opened: there is no opening behind a gap.
type cbc struct {
	block   cipher.Block
	mode    blockMode // encrypts or decrypts, for one half does one of these; nil until it does
	mac     *keys.RecordMAC
	etm     bool
	chained keys.Secret // the next IV in TLS 1.0; nil where records carry their own

	// What would need an allocation a record elsewhere.
	header       [pseudoHeaderLen]byte
	last         [maxBlockLen]byte
	found, moved [maxMACLen]byte
}

const (
	maxBlockLen = 16  // bytes, AES
	maxMACLen   = 48  // bytes, HMAC-SHA384
	maxPadding  = 256 // bytes, with the one that says how many
)

// blockMode is CBC as crypto/cipher makes it. That an IV can be set is not in its documentation, but crypto/tls counts on
// it too.
type blockMode interface {
	cipher.BlockMode
	SetIV([]byte)
}

func newCBC(k *suite.TrafficKeys) (*cbc, error) {
	s := k.Suite
	block, err := s.Cipher.NewBlock(k.Key.Reveal())
	if err != nil {
		return nil, alert.Internal("record", "%s: %w", s.Cipher.Name, err)
	}
	if len(k.IV) != block.BlockSize() || len(k.MAC) != s.MAC.Size() {
		return nil, alert.Internal("record", "%s with an IV of %d bytes and a MAC key of %d", s.Cipher.Name, len(k.IV), len(k.MAC))
	}
	c := &cbc{block: block, mac: keys.NewRecordMAC(s.MAC.New, k.MAC), etm: k.EncryptThenMAC}
	if k.Version <= iana.VersionTLS10 {
		c.chained = k.IV
	}
	return c, nil
}

// ivLen is the length in bytes of the IV that a record carries.
func (c *cbc) ivLen() int {
	if c.chained != nil {
		return 0
	}
	return c.block.BlockSize()
}

// macIn is the length in bytes of the MAC inside of the encryption, macBehind of that behind it.
func (c *cbc) macIn() int {
	if c.etm {
		return 0
	}
	return c.mac.Size()
}

func (c *cbc) macBehind() int { return c.mac.Size() - c.macIn() }

func (c *cbc) overhead() int { return c.ivLen() + c.mac.Size() + c.block.BlockSize() }

func (c *cbc) wipe() {
	c.mac.Wipe()
	clear(c.last[:])
	clear(c.found[:])
	clear(c.moved[:])
}

func (c *cbc) seal(dst []byte, h Header, seq uint64, content []byte, _ int) []byte {
	plain := len(content) + c.macIn()
	padding := c.block.BlockSize() - plain%c.block.BlockSize() // its length byte is one of them
	h.Length = c.ivLen() + plain + padding + c.macBehind()
	dst = h.Append(dst)
	start := len(dst)
	iv := c.nextIV(seq)
	dst = append(dst, iv[:c.ivLen()]...)
	dst = append(dst, content...)
	if !c.etm {
		dst = append(dst, c.mac.Sum(appendPseudoHeader(c.header[:0], seq, h, len(content)), content)...)
	}
	for range padding {
		dst = append(dst, byte(padding-1))
	}
	c.encrypt(dst[start+c.ivLen():], iv)
	if c.etm {
		sealed := dst[start:]
		dst = append(dst, c.mac.Sum(appendPseudoHeader(c.header[:0], seq, h, len(sealed)), sealed)...)
	}
	return dst
}

// nextIV returns the IV for the next record to be sealed. It must be one that nobody could predict (RFC 5246 §6.2.3.2): in
// TLS 1.0, where everybody can, [Sealer] has the first byte of data go ahead in a record of its own. Later it is the HMAC of
// the sequence number, which comes once, and which is shorter than anything else that this key makes a MAC of.
func (c *cbc) nextIV(seq uint64) []byte {
	iv := c.last[:c.block.BlockSize()]
	if c.chained != nil {
		copy(iv, c.chained)
		return iv
	}
	header := appendPseudoHeader(c.header[:0], seq, Header{}, 0)
	copy(iv, c.mac.Sum(header[:8], nil))
	return iv
}

// encrypt encrypts p, whole blocks, in place.
func (c *cbc) encrypt(p, iv []byte) {
	if c.mode == nil {
		c.mode = cipher.NewCBCEncrypter(c.block, iv).(blockMode)
	}
	c.mode.SetIV(iv)
	c.mode.CryptBlocks(p, p)
	copy(c.chained, p[len(p)-c.block.BlockSize():])
}

func (c *cbc) open(dst []byte, h Header, seq uint64, fragment []byte) (iana.ContentType, []byte, error) {
	if dst != nil {
		fragment = append(dst[:0], fragment...)
	}
	body := len(fragment) - c.macBehind()
	size := c.block.BlockSize()
	if body < c.ivLen()+size || body%size != 0 || body < c.ivLen()+c.macIn()+1 {
		return 0, nil, badRecord()
	}
	if c.etm {
		header := appendPseudoHeader(c.header[:0], seq, h, body)
		if subtle.ConstantTimeCompare(c.mac.Sum(header, fragment[:body]), fragment[body:]) == 0 {
			clear(fragment)
			return 0, nil, badRecord()
		}
	}
	copy(c.last[:], fragment[body-size:body])
	plain := c.decrypt(fragment[:body])
	length, good := c.check(h, seq, plain)
	if good == 0 {
		clear(fragment)
		return 0, nil, badRecord()
	}
	copy(c.chained, c.last[:])
	if length > MaxPlaintext {
		return 0, nil, tooLong(length, MaxPlaintext, "RFC 5246 §6.2.1")
	}
	return h.Type, plain[:length], nil
}

// decrypt decrypts in place, and returns what was behind the IV.
func (c *cbc) decrypt(fragment []byte) []byte {
	iv, p := fragment[:c.ivLen()], fragment[c.ivLen():]
	if c.chained != nil {
		iv = c.chained
	}
	if c.mode == nil {
		c.mode = cipher.NewCBCDecrypter(c.block, iv).(blockMode)
	}
	c.mode.SetIV(iv)
	c.mode.CryptBlocks(p, p)
	return p
}

// check returns how long the content at the beginning of plain is, and 1 if padding and MAC are right, 0 otherwise, both
// without a branch that depends on plain.
func (c *cbc) check(h Header, seq uint64, plain []byte) (length, good int) {
	most := len(plain) - c.macIn() - 1 // bytes of content, and of padding
	padding, good := paddingOf(plain, most)
	length = most - padding
	if c.etm {
		return length, good
	}
	least := max(0, most-maxPadding+1)
	header := appendPseudoHeader(c.header[:0], seq, h, length)
	mac := c.mac.SumSecret(header, plain[:most], length, least)
	return length, good & subtle.ConstantTimeCompare(mac, c.macAt(plain[least:len(plain)-1], length-least))
}

// paddingOf returns how much padding, its length byte apart, ends plain, and 1 if it is right: at most most bytes, all of
// which say how many there are. Otherwise both are 0. It reads all bytes that may be padding.
func paddingOf(plain []byte, most int) (padding, good int) {
	said := plain[len(plain)-1]
	good = subtle.ConstantTimeLessOrEq(int(said), most)
	var wrong byte
	for i := range min(len(plain), maxPadding) {
		is := byte(-subtle.ConstantTimeLessOrEq(i, int(said)))
		wrong |= is & (plain[len(plain)-1-i] ^ said)
	}
	good &= subtle.ConstantTimeByteEq(wrong, 0)
	return int(said) & -good, good
}

// macAt returns the MAC that lies in zone from the place at, which is secret, on. It reads all bytes of zone, into a ring,
// and turns that until the MAC begins at its beginning.
func (c *cbc) macAt(zone []byte, at int) []byte {
	size := c.mac.Size()
	ring, turned := c.found[:size], c.moved[:size]
	clear(ring)
	begin, slot := 0, 0 // where the MAC begins in the ring, which is secret; where the next byte of zone belongs
	for i, b := range zone {
		begin |= slot & -subtle.ConstantTimeEq(int32(i), int32(at))
		is := subtle.ConstantTimeLessOrEq(at, i) & subtle.ConstantTimeLessOrEq(i+1, at+size)
		ring[slot] |= b & byte(-is)
		if slot++; slot == size {
			slot = 0
		}
	}
	for step := 1; step < size; step *= 2 {
		turn := subtle.ConstantTimeEq(int32(begin&step), int32(step))
		for i := range turned {
			turned[i] = byte(subtle.ConstantTimeSelect(turn, int(ring[(i+step)%size]), int(ring[i])))
		}
		ring, turned = turned, ring
	}
	return ring
}
