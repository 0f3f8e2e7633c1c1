package wire

import "slices"

// Vec8 is a vector of min to max opaque bytes behind a one-byte length: the RFCs'
// opaque name<min..max>. Decoding aliases the input.
func Vec8[T ~[]byte](c *Codec, name string, v *T, min, max int) { vec(c, 1, name, v, min, max) }

// Vec16 is a vector behind a two-byte length.
func Vec16[T ~[]byte](c *Codec, name string, v *T, min, max int) { vec(c, 2, name, v, min, max) }

// Vec24 is a vector behind a three-byte length.
func Vec24[T ~[]byte](c *Codec, name string, v *T, min, max int) { vec(c, 3, name, v, min, max) }

func vec[T ~[]byte](c *Codec, prefix uint8, name string, v *T, min, max int) {
	if c.open(prefix, name, min, max) {
		Rest(c, "", v)
	}
	c.close()
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

func block(c *Codec, prefix uint8, name string, min, max int, body func(*Codec)) {
	if c.open(prefix, name, min, max) {
		body(c)
	}
	c.close()
}

// Struct24 is the structure s behind a three-byte length.
func Struct24(c *Codec, name string, min, max int, s Struct) {
	if c.open(3, name, min, max) {
		s.Layout(c)
	}
	c.close()
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

func list[T any](c *Codec, prefix uint8, name string, v *[]T, min, max int, elem func(*Codec, *T)) {
	switch ok := c.open(prefix, name, min, max); {
	case ok && c.mode == encoding:
		encodeElements(c, v, elem)
	case ok:
		elements(c, v, elem)
	}
	c.close()
}

// ListRest is a list without a length of its own: its elements fill what is left of the
// innermost vector.
func ListRest[T any](c *Codec, name string, v *[]T, elem func(*Codec, *T)) {
	c.push(name)
	c.top().span = c.begin()
	if c.mode == encoding {
		encodeElements(c, v, elem)
	} else {
		elements(c, v, elem)
	}
	c.element(-1)
	c.finishSpan(c.top().span)
	c.pop()
}

func encodeElements[T any](c *Codec, v *[]T, elem func(*Codec, *T)) {
	for i := range *v {
		c.element(i)
		elem(c, &(*v)[i])
	}
}

// elements decodes the elements of a list until nothing is left. One that is at fault is
// not kept.
func elements[T any](c *Codec, v *[]T, elem func(*Codec, *T)) {
	*v = (*v)[:0]
	for i := 0; c.Remaining() > 0; i++ {
		before := c.off
		c.element(i)
		*v = append(*v, *new(T))
		elem(c, &(*v)[i])
		if c.off == before {
			c.fail(Trailing, 0, c.Remaining()) // an element without bytes would repeat for ever
		}
		if c.err != nil {
			*v = (*v)[:i]
		}
	}
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
func codes[T ~uint16](c *Codec, prefix uint8, name, elem string, v *[]T, min, max int) {
	ok := c.open(prefix, name, min, max)
	switch {
	case !ok:
	case c.mode == encoding:
		appendCodes(c, *v)
	case c.spans() || c.Remaining()%2 != 0:
		elements(c, v, func(c *Codec, code *T) { Uint16(c, elem, code) })
	default:
		b := c.take("", c.Remaining())
		*v = slices.Grow((*v)[:0], len(b)/2)[:len(b)/2]
		for i := range *v {
			(*v)[i] = T(b[2*i])<<8 | T(b[2*i+1])
		}
	}
	c.close()
}

func appendCodes[T ~uint16](c *Codec, v []T) {
	n := len(c.buf)
	c.buf = slices.Grow(c.buf, 2*len(v))[:n+2*len(v)]
	out := c.buf[n:]
	for i, code := range v {
		out[2*i], out[2*i+1] = byte(code>>8), byte(code)
	}
}

// Octets8 is a list of one-byte code points of type E behind a one-byte length. Decoding
// aliases the input. Annotating makes a leaf of each.
func Octets8[E ~uint8](c *Codec, name, elem string, v *[]byte, min, max int) {
	ok := c.open(1, name, min, max)
	if ok && c.spans() {
		*v = c.Peek()
		for i := range *v {
			var code E
			c.element(i)
			Uint8(c, elem, &code)
		}
	} else if ok {
		Rest(c, "", v)
	}
	c.close()
}

// open begins a vector: it reads its length and narrows the codec to it, or reserves
// room for the length. It reports whether the vector may be laid out; each open needs its
// close, also where it failed.
func (c *Codec) open(prefix uint8, name string, min, max int) bool {
	v := c.push(name)
	v.prefix, v.min, v.max, v.outer = prefix, int32(min), int32(max), c.end
	if c.err != nil {
		return false
	}
	if c.mode == encoding {
		v.ok, v.outer = true, len(c.buf)
		c.buf = append(c.buf, 0, 0, 0)[:v.outer+int(prefix)]
		return true
	}
	if c.spans() && name != "" {
		v.span = c.begin()
	}
	b := c.take("length", int(prefix))
	ok := b != nil && c.narrow(v, int(parseNumber(b)))
	c.top().ok = ok // not v: the path may have moved
	return ok
}

// narrow makes the next n bytes the innermost vector, or reports that it may not have
// that length. Leniently, a vector has any length, and ends where its surroundings end.
func (c *Codec) narrow(v *step, n int) bool {
	left := c.end - c.off
	if n > left || n < int(v.min) || n > int(v.max) {
		c.off -= int(v.prefix) // a wrong length is a fault at the length
		c.misfit(v, n, left)
		if !c.pardon() {
			return false
		}
		c.off += int(v.prefix)
	}
	if c.spans() {
		c.leaf("length", int(v.prefix), uint32(n))
	}
	c.end = c.off + min(n, left)
	return true
}

// misfit records the fault of a vector of n bytes that does not fit its bounds or the
// bytes that are left.
func (c *Codec) misfit(v *step, n, left int) {
	switch {
	case n > left:
		c.fail(Overrun, n, left)
	case n < int(v.min):
		c.fail(TooShort, int(v.min), n)
	case n > int(v.max):
		c.fail(TooLong, int(v.max), n)
	}
}

// close ends the vector that open began.
func (c *Codec) close() {
	v := c.top()
	v.index, v.elided = -1, false
	if c.mode == encoding {
		c.writeLength(v)
	} else {
		if v.ok {
			c.settle()
		}
		v = c.top()
		c.end = v.outer
		c.finishSpan(v.span)
	}
	c.pop()
}

func (c *Codec) writeLength(v *step) {
	if !v.ok || c.err != nil {
		return
	}
	n := len(c.buf) - v.outer - int(v.prefix)
	if n < int(v.min) || n > int(v.max) {
		c.misfit(v, n, n)
	}
	length := c.buf[v.outer : v.outer+int(v.prefix)]
	for i := len(length) - 1; i >= 0; i-- {
		length[i] = byte(n)
		n >>= 8
	}
}
