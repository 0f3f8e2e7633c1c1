// Package bygone opens records as they were protected before AEADs, for an observer that has the keys: block ciphers in CBC
// mode, RC4, and no cipher at all, each with a MAC, from SSL 3.0 to TLS 1.2; the export ciphers; and how SSL 3.0 derived keys.
//
// None of it may be used by an endpoint. It tells by its time what is wrong with a record, which is what attacks on CBC are
// made of (internal/record does not), and most of the algorithms were broken long ago. Who only looks at old captures has
// nobody to hide from, and reads them the faster for it.
package bygone

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/rc4"
	"encoding/binary"
	"hash"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/record"
)

// Cipher is a cipher and a MAC, as a suite's name has them.
type Cipher struct {
	Lengths keys.Lengths // of what the key block gives to one end, in bytes
	Export  int          // bytes of the key that an export cipher makes of that; 0 for others
	MAC     crypto.Hash  // of the MAC; 0 for none

	block func(key []byte) (cipher.Block, error) // in CBC mode; nil for the others
	rc4   bool
}

// base is a cipher without its MAC.
type base struct {
	material, iv, export int
	block                func(key []byte) (cipher.Block, error)
	rc4                  bool
}

// ciphers is keyed by what stands in a suite's name before the hash, "-" for "_".
var ciphers = map[string]base{
	"NULL":         {},
	"RC4-128":      {material: 16, rc4: true},
	"RC4-40":       {material: 5, export: 16, rc4: true},
	"RC4-56":       {material: 7, export: 16, rc4: true},
	"DES-CBC":      {material: 8, iv: 8, block: des.NewCipher},
	"DES40-CBC":    {material: 5, iv: 8, export: 8, block: des.NewCipher},
	"DES-CBC-40":   {material: 5, iv: 8, export: 8, block: des.NewCipher},
	"3DES-EDE-CBC": {material: 24, iv: 8, block: des.NewTripleDESCipher},
	"AES-128-CBC":  {material: 16, iv: 16, block: aes.NewCipher},
	"AES-256-CBC":  {material: 32, iv: 16, block: aes.NewCipher},
}

var hashes = map[string]crypto.Hash{
	"NULL": 0, "MD5": crypto.MD5, "SHA": crypto.SHA1, "SHA256": crypto.SHA256, "SHA384": crypto.SHA384,
}

// Lookup returns what the second half of a suite's name stands for, such as "DES-CBC" and "SHA"; nil for what is not known
// here.
func Lookup(cipherName, hashName string) *Cipher {
	b, known := ciphers[cipherName]
	h, also := hashes[hashName]
	if !known || !also {
		return nil
	}
	c := &Cipher{Lengths: keys.Lengths{Key: b.material, IV: b.iv}, Export: b.export, MAC: h, block: b.block, rc4: b.rc4}
	if h != 0 {
		c.Lengths.MAC = h.Size()
	}
	return c
}

// Null reports whether nothing is encrypted, so that it can be read without keys.
func (c *Cipher) Null() bool { return c.block == nil && !c.rc4 }

// Keys is what one direction is protected with.
type Keys struct {
	Version        iana.Version
	MAC, Key, IV   keys.Secret
	EncryptThenMAC bool
}

// Opener opens the records of one direction. It is for one goroutine at a time.
type Opener struct {
	cipher   *Cipher
	version  iana.Version
	etm      bool
	seq      uint64
	mode     cbcMode
	stream   *rc4.Cipher
	mac      mac
	iv       [aes.BlockSize]byte // of the next record, where records carry none
	previous [aes.BlockSize]byte
	header   [13]byte
}

// cbcMode is CBC as crypto/cipher makes it, with its IV set anew.
type cbcMode interface {
	cipher.BlockMode
	SetIV([]byte)
}

// mac is a MAC under one key.
type mac interface {
	start()
	write(p []byte)
	sum() []byte // good until the next start
}

// NewOpener returns an opener that knows the keys. Without keys, nil, it opens what is not encrypted and checks no MAC.
func NewOpener(c *Cipher, k *Keys) (*Opener, error) {
	if k == nil {
		return &Opener{cipher: c, version: iana.VersionTLS12}, nil
	}
	o := &Opener{cipher: c, version: k.Version, etm: k.EncryptThenMAC && c.block != nil}
	if err := o.setKey(k); err != nil {
		return nil, alert.Internal("record", "%w", err)
	}
	switch {
	case c.MAC == 0:
	case k.Version <= iana.VersionSSL30:
		o.mac = newMAC30(c.MAC, k.MAC)
	default:
		o.mac = &hmacMAC{Hash: hmac.New(c.MAC.New, k.MAC)}
	}
	return o, nil
}

func (o *Opener) setKey(k *Keys) (err error) {
	switch {
	case o.cipher.rc4:
		o.stream, err = rc4.NewCipher(k.Key)
	case o.cipher.block != nil:
		var block cipher.Block
		if block, err = o.cipher.block(k.Key); err != nil {
			return err
		}
		copy(o.iv[:], k.IV)
		o.mode = cipher.NewCBCDecrypter(block, o.iv[:block.BlockSize()]).(cbcMode)
	}
	return err
}

// SetSequence says which record is next.
func (o *Opener) SetSequence(n uint64) { o.seq = n }

// ChainLen is how much of the end of a record Chain looks at, in bytes: a block, and a MAC behind it.
const ChainLen = aes.BlockSize + 64

// Chain says what the record before ended with, if it was not opened here. It matters where the last block of that is the
// IV of the next one.
func (o *Opener) Chain(fragment []byte) {
	if o.etm {
		fragment = fragment[:max(0, len(fragment)-o.cipher.Lengths.MAC)]
	}
	if n := o.blockSize(); n > 0 && len(fragment) >= n {
		copy(o.iv[:], fragment[len(fragment)-n:])
	}
}

// Wipe drops the keys.
func (o *Opener) Wipe() { *o = Opener{} }

func (o *Opener) blockSize() int {
	if o.mode == nil {
		return 0
	}
	return o.mode.BlockSize()
}

func bad() error {
	return alert.BadRecord("record", "RFC 5246 §6.2.3", "it does not open with these keys, or was changed on its way")
}

// Open unprotects a record in place: content lies in fragment, which is destroyed where it fails. A record that does not
// open changes nothing of the opener.
func (o *Opener) Open(h record.Header, fragment []byte) (iana.ContentType, []byte, error) {
	var content []byte
	var ok bool
	switch {
	case o.mode != nil:
		content, ok = o.openCBC(h, fragment)
	case o.stream != nil:
		content, ok = o.openStream(h, fragment)
	default:
		content, ok = o.checkMAC(h, fragment)
	}
	if !ok {
		return 0, nil, bad()
	}
	o.seq++
	return h.Type, content, nil
}

// OpenInto is Open of a copy of the fragment in dst's memory.
func (o *Opener) OpenInto(dst []byte, h record.Header, fragment []byte) (iana.ContentType, []byte, error) {
	return o.Open(h, append(dst[:0], fragment...))
}

func (o *Opener) openStream(h record.Header, fragment []byte) ([]byte, bool) {
	before := *o.stream
	o.stream.XORKeyStream(fragment, fragment)
	content, ok := o.checkMAC(h, fragment)
	if !ok {
		*o.stream = before
	}
	return content, ok
}

// explicitIV reports whether records carry their IV (RFC 4346 §6.2.3.2).
func (o *Opener) explicitIV() bool { return o.version >= iana.VersionTLS11 }

func (o *Opener) openCBC(h record.Header, fragment []byte) ([]byte, bool) {
	size := o.blockSize()
	body := fragment
	if o.etm {
		if body = o.behindMAC(h, fragment); body == nil {
			return nil, false
		}
	}
	iv := o.iv[:size]
	if o.explicitIV() && len(body) >= size {
		iv, body = body[:size], body[size:]
	}
	if len(body) == 0 || len(body)%size != 0 {
		return nil, false
	}
	copy(o.previous[:], body[len(body)-size:])
	o.mode.SetIV(iv)
	o.mode.CryptBlocks(body, body)
	content, ok := o.unpad(body)
	if ok && !o.etm {
		content, ok = o.checkMAC(h, content)
	}
	if ok {
		o.iv = o.previous
	}
	return content, ok
}

// unpad takes the padding off. SSL 3.0 says nothing of what is in it but its length (RFC 6101 §5.2.3.2).
func (o *Opener) unpad(b []byte) ([]byte, bool) {
	n := int(b[len(b)-1]) + 1
	if n > len(b) {
		return nil, false
	}
	content, padding := b[:len(b)-n], b[len(b)-n:]
	if o.version > iana.VersionSSL30 {
		for _, c := range padding {
			if int(c) != n-1 {
				return nil, false
			}
		}
	}
	return content, true
}

// behindMAC is what stands before the MAC of encrypt_then_mac (RFC 7366 §3), nil where that is wrong.
func (o *Opener) behindMAC(h record.Header, fragment []byte) []byte {
	body, ok := o.checkMAC(h, fragment)
	if !ok {
		return nil
	}
	return body
}

// checkMAC takes the MAC off.
func (o *Opener) checkMAC(h record.Header, b []byte) ([]byte, bool) {
	n := o.cipher.Lengths.MAC
	if n > len(b) {
		return nil, false
	}
	content := b[:len(b)-n]
	if o.mac == nil {
		return content, true
	}
	o.mac.start()
	o.mac.write(o.pseudoHeader(h, len(content)))
	o.mac.write(content)
	return content, bytes.Equal(o.mac.sum(), b[len(content):])
}

// pseudoHeader is what goes before the content: sequence number, type, version and length (RFC 5246 §6.2.3.1), of which SSL
// 3.0 has no version (RFC 6101 §5.2.3.1).
func (o *Opener) pseudoHeader(h record.Header, n int) []byte {
	b := binary.BigEndian.AppendUint64(o.header[:0], o.seq)
	b = append(b, byte(h.Type))
	if o.version > iana.VersionSSL30 {
		b = binary.BigEndian.AppendUint16(b, uint16(h.Version))
	}
	return binary.BigEndian.AppendUint16(b, uint16(n))
}

// hmacMAC is that of TLS.
type hmacMAC struct {
	hash.Hash
	out [64]byte
}

func (m *hmacMAC) start()         { m.Reset() }
func (m *hmacMAC) write(p []byte) { m.Write(p) }
func (m *hmacMAC) sum() []byte    { return m.Sum(m.out[:0]) }

// mac30 is that of SSL 3.0 (RFC 6101 §5.2.3.1), from before HMAC had its present form.
type mac30 struct {
	hash.Hash
	key keys.Secret
	pad int
	out [64]byte
}

func newMAC30(h crypto.Hash, key keys.Secret) *mac30 {
	return &mac30{Hash: h.New(), key: key, pad: padLen(h)}
}

// padLen is how often 0x36 and 0x5c are repeated.
func padLen(h crypto.Hash) int {
	if h == crypto.MD5 {
		return 48
	}
	return 40
}

var (
	pad1 = bytes.Repeat([]byte{0x36}, 48)
	pad2 = bytes.Repeat([]byte{0x5c}, 48)
)

func (m *mac30) start() {
	m.Reset()
	m.Write(m.key)
	m.Write(pad1[:m.pad])
}

func (m *mac30) write(p []byte) { m.Write(p) }

func (m *mac30) sum() []byte {
	inner := m.Sum(m.out[:0])
	m.Reset()
	m.Write(m.key)
	m.Write(pad2[:m.pad])
	m.Write(inner)
	return m.Sum(m.out[:0])
}
