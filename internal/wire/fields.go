package wire

import "slices"

// Uint8 is a one-byte field.
func Uint8[T ~uint8](c *Codec, name string, v *T) {
	if c.mode == encoding {
		c.buf = append(c.buf, byte(*v))
		return
	}
	if b := c.take(name, 1); b != nil {
		*v = T(b[0])
		if c.rec != nil {
			c.leaf(name, 1, *v)
		}
	}
}

// Uint16 is a two-byte field, most significant byte first, as all numbers here.
func Uint16[T ~uint16](c *Codec, name string, v *T) {
	if c.mode == encoding {
		c.buf = append(c.buf, byte(*v>>8), byte(*v))
		return
	}
	if b := c.take(name, 2); b != nil {
		*v = T(b[0])<<8 | T(b[1])
		if c.rec != nil {
			c.leaf(name, 2, *v)
		}
	}
}

// Uint32 is a four-byte field.
func Uint32[T ~uint32](c *Codec, name string, v *T) {
	if c.mode == encoding {
		c.buf = append(c.buf, byte(*v>>24), byte(*v>>16), byte(*v>>8), byte(*v))
		return
	}
	if b := c.take(name, 4); b != nil {
		*v = T(b[0])<<24 | T(b[1])<<16 | T(b[2])<<8 | T(b[3])
		if c.rec != nil {
			c.leaf(name, 4, *v)
		}
	}
}

// Uint64 is an eight-byte field.
func Uint64[T ~uint64](c *Codec, name string, v *T) {
	var hi, lo uint32
	if c.mode == encoding {
		hi, lo = uint32(uint64(*v)>>32), uint32(*v)
		c.buf = append(c.buf, byte(hi>>24), byte(hi>>16), byte(hi>>8), byte(hi), byte(lo>>24), byte(lo>>16), byte(lo>>8), byte(lo))
		return
	}
	if b := c.take(name, 8); b != nil {
		hi = uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		lo = uint32(b[4])<<24 | uint32(b[5])<<16 | uint32(b[6])<<8 | uint32(b[7])
		*v = T(uint64(hi)<<32 | uint64(lo))
		if c.rec != nil {
			c.leaf(name, 8, *v)
		}
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
		if c.rec != nil {
			c.leaf(name, len(v), b)
		}
	}
}

// Bytes is a field of exactly n bytes, where n comes from an earlier field. Decoding
// aliases the input; encoding fails unless *v has n bytes.
func Bytes[T ~[]byte](c *Codec, name string, v *T, n int) {
	if c.mode == encoding {
		if len(*v) != n && c.err == nil {
			c.failAt(name, Truncated, n, len(*v))
			return
		}
		c.buf = append(c.buf, *v...)
		return
	}
	if b := c.take(name, n); b != nil {
		*v = b
		if c.rec != nil {
			c.leaf(name, n, b)
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

// Vec8 is a vector of min to max opaque bytes behind a one-byte length: the RFCs'
// opaque name<min..max>. Decoding aliases the input.
func Vec8[T ~[]byte](c *Codec, name string, v *T, min, max int) { vec(c, 1, name, v, min, max) }

// Vec16 is a vector behind a two-byte length.
func Vec16[T ~[]byte](c *Codec, name string, v *T, min, max int) { vec(c, 2, name, v, min, max) }

// Vec24 is a vector behind a three-byte length.
func Vec24[T ~[]byte](c *Codec, name string, v *T, min, max int) { vec(c, 3, name, v, min, max) }

func vec[T ~[]byte](c *Codec, prefix int, name string, v *T, min, max int) {
	f := c.open(prefix, name, min, max)
	if f.ok {
		Rest(c, "", v)
	}
	c.close(f)
}

// Block8 is a structure of min to max bytes behind a one-byte length.
func Block8(c *Codec, name string, min, max int, body func(*Codec)) {
	block(c, 1, name, min, max, body)
}

// Block16 is a structure behind a two-byte length.
func Block16(c *Codec, name string, min, max int, body func(*Codec)) {
	block(c, 2, name, min, max, body)
}

// Block24 is a structure behind a three-byte length.
func Block24(c *Codec, name string, min, max int, body func(*Codec)) {
	block(c, 3, name, min, max, body)
}

func block(c *Codec, prefix int, name string, min, max int, body func(*Codec)) {
	f := c.open(prefix, name, min, max)
	if f.ok {
		body(c)
	}
	c.close(f)
}

// Struct24 is the structure s behind a three-byte length.
func Struct24(c *Codec, name string, min, max int, s Struct) {
	f := c.open(3, name, min, max)
	if f.ok {
		s.Layout(c)
	}
	c.close(f)
}

// List8 is a list of elements that fill min to max bytes behind a one-byte length.
func List8[T any](c *Codec, name string, v *[]T, min, max int, elem func(*Codec, *T)) {
	list(c, 1, name, v, min, max, elem)
}

// List16 is a list behind a two-byte length.
func List16[T any](c *Codec, name string, v *[]T, min, max int, elem func(*Codec, *T)) {
	list(c, 2, name, v, min, max, elem)
}

// List24 is a list behind a three-byte length.
func List24[T any](c *Codec, name string, v *[]T, min, max int, elem func(*Codec, *T)) {
	list(c, 3, name, v, min, max, elem)
}

func list[T any](c *Codec, prefix int, name string, v *[]T, min, max int, elem func(*Codec, *T)) {
	f := c.open(prefix, name, min, max)
	if f.ok && c.mode == encoding {
		for i := range *v {
			c.index(i)
			elem(c, &(*v)[i])
		}
	} else if f.ok {
		*v = (*v)[:0]
		for i := 0; c.Remaining() > 0; i++ {
			c.index(i)
			*v = append(*v, *new(T))
			before := c.off
			elem(c, &(*v)[i])
			if c.off == before && c.err == nil {
				c.fail(Trailing, 0, c.Remaining()) // an element without bytes would repeat for ever
			}
		}
	}
	c.index(-1)
	c.close(f)
}

// Codes8 is a list of two-byte code points behind a one-byte length.
func Codes8[T ~uint16](c *Codec, name, elem string, v *[]T, min, max int) {
	codes(c, 1, name, elem, v, min, max)
}

// Codes16 is a list of two-byte code points behind a two-byte length.
func Codes16[T ~uint16](c *Codec, name, elem string, v *[]T, min, max int) {
	codes(c, 2, name, elem, v, min, max)
}

// codes is a list whose number of elements is known beforehand: one allocation, and
// no call per element unless spans are recorded.
func codes[T ~uint16](c *Codec, prefix int, name, elem string, v *[]T, min, max int) {
	f := c.open(prefix, name, min, max)
	if f.ok && c.mode == encoding {
		for _, code := range *v {
			c.buf = append(c.buf, byte(code>>8), byte(code))
		}
	} else if f.ok {
		*v = slices.Grow((*v)[:0], c.Remaining()/2)
		for i := 0; c.Remaining() > 0; i++ {
			c.index(i)
			var code T
			Uint16(c, elem, &code)
			*v = append(*v, code)
		}
	}
	c.index(-1)
	c.close(f)
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

// frame is an open vector.
type frame struct {
	ok     bool
	prefix int
	at     int // encoding: where the length stands
	end    int // decoding: the end of the vector around
	min    int
	max    int
	span   int
}

// open begins a vector: it reads its length and narrows the codec to it, or reserves
// room for the length. Each open needs its close, also where it failed.
func (c *Codec) open(prefix int, name string, min, max int) frame {
	c.push(name)
	f := frame{prefix: prefix, end: c.end, min: min, max: max, span: -1}
	if c.err != nil {
		return f
	}
	if c.mode == encoding {
		f.ok, f.at = true, len(c.buf)
		c.grow(prefix)
		return f
	}
	if name != "" {
		f.span = c.begin()
	}
	b := c.take("length", prefix)
	if b == nil {
		return f
	}
	n := 0
	for _, x := range b {
		n = n<<8 | int(x)
	}
	c.off -= prefix // a wrong length is a fault at the length
	switch {
	case n > c.end-c.off-prefix:
		c.fail(Truncated, n, c.end-c.off-prefix)
	case n < min:
		c.fail(TooShort, min, n)
	case n > max:
		c.fail(TooLong, max, n)
	default:
		f.ok = true
		c.off += prefix
		c.end = c.off + n
		if c.rec != nil {
			c.leaf("length", prefix, uint32(n))
		}
	}
	return f
}

func (c *Codec) close(f frame) {
	if c.mode == encoding {
		c.closeEncoding(f)
	} else {
		if f.ok {
			c.finish()
		}
		c.end = f.end
		c.finishSpan(f.span)
	}
	c.pop()
}

func (c *Codec) closeEncoding(f frame) {
	if !f.ok || c.err != nil {
		return
	}
	n := len(c.buf) - f.at - f.prefix
	switch {
	case n < f.min:
		c.fail(TooShort, f.min, n)
	case n > f.max:
		c.fail(TooLong, f.max, n)
	}
	for i := range f.prefix {
		c.buf[f.at+i] = byte(n >> (8 * (f.prefix - 1 - i)))
	}
}

// Uint24 is a three-byte field; encoding drops higher bits.
func Uint24[T ~uint32](c *Codec, name string, v *T) {
	if c.mode == encoding {
		c.buf = append(c.buf, byte(*v>>16), byte(*v>>8), byte(*v))
		return
	}
	if b := c.take(name, 3); b != nil {
		*v = T(b[0])<<16 | T(b[1])<<8 | T(b[2])
		if c.rec != nil {
			c.leaf(name, 3, *v)
		}
	}
}
