package wire

import "errors"

// Uint8 is a one-byte field.
func Uint8[T ~uint8](c *Codec, name string, v *T) { number(c, 1, name, v) }

// Uint16 is a two-byte field, most significant byte first, as all numbers here.
func Uint16[T ~uint16](c *Codec, name string, v *T) { number(c, 2, name, v) }

// Uint24 is a three-byte field. Encoding fails where *v needs more.
func Uint24[T ~uint32](c *Codec, name string, v *T) {
	if c.mode == encoding && *v >= 1<<24 {
		c.Fail(name, errNot24)
	}
	number(c, 3, name, v)
}

var errNot24 = errors.New("number that does not fit in 3 bytes")

// Uint32 is a four-byte field.
func Uint32[T ~uint32](c *Codec, name string, v *T) { number(c, 4, name, v) }

// Uint64 is an eight-byte field.
func Uint64[T ~uint64](c *Codec, name string, v *T) { number(c, 8, name, v) }

func number[T ~uint8 | ~uint16 | ~uint32 | ~uint64](c *Codec, size int, name string, v *T) {
	if c.mode == encoding {
		c.appendNumber(size, uint64(*v))
		return
	}
	if b := c.take(name, size); b != nil {
		*v = T(parseNumber(b))
		if c.spans() {
			c.leaf(name, size, *v)
		}
	}
}

func parseNumber(b []byte) (n uint64) {
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	return n
}

func (c *Codec) appendNumber(size int, n uint64) {
	for shift := 8 * (size - 1); shift >= 0; shift -= 8 {
		c.buf = append(c.buf, byte(n>>shift))
	}
}

// Fixed is a field of exactly len(v) bytes, copied into v.
func Fixed(c *Codec, name string, v []byte) {
	if c.mode == encoding {
		c.buf = append(c.buf, v...)
		return
	}
	if b := c.take(name, len(v)); b != nil {
		copy(v, b)
		if c.spans() {
			c.leaf(name, len(v), b)
		}
	}
}

// Bytes is a field of exactly n bytes, where n comes from an earlier field. Decoding
// aliases the input; encoding fails unless *v has n bytes.
func Bytes[T ~[]byte](c *Codec, name string, v *T, n int) {
	if c.mode == encoding {
		if len(*v) < n {
			c.failAt(name, TooShort, n, len(*v))
		}
		if len(*v) > n {
			c.failAt(name, TooLong, n, len(*v))
		}
		c.buf = append(c.buf, *v...)
		return
	}
	if b := c.take(name, n); b != nil {
		*v = b
		if c.spans() {
			c.leaf(name, n, *v)
		}
	}
}

// Rest is a field that takes all that is left of the innermost vector.
func Rest[T ~[]byte](c *Codec, name string, v *T) {
	n := c.Remaining()
	if c.mode == encoding {
		n = len(*v)
	}
	Bytes(c, name, v, n)
}

// Group is a structure without a length of its own: it only adds a name to the path.
func Group(c *Codec, name string, body func(*Codec)) {
	c.push(name)
	s := c.begin()
	body(c)
	c.finishSpan(s)
	c.pop()
}

// Present reports whether an optional tail of the structure is there: bytes are left
// (decoding, which sets *p), or *p says so (encoding).
func Present(c *Codec, p *bool) bool {
	if c.mode == decoding {
		*p = c.Remaining() > 0
	}
	return *p && c.err == nil
}

// Mark sets *at to the offset of the next field, in both directions.
func Mark(c *Codec, at *int) { *at = c.Offset() }
