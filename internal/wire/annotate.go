package wire

// A Span says which bytes of a structure a field came from.
type Span struct {
	// ID names the field: the path without indexes, such as
	// "client_hello.key_share.client_shares.group". It is stable: words, filters
	// and highlights hang on it. The length in front of a vector is a field of its
	// own, ID + ".length".
	ID string
	// Path names this occurrence of the field, with indexes.
	Path string
	// Start and End are offsets in the structure: the bytes are [Start, End).
	Start, End int
	// Value is the decoded value of a leaf, of the field's own type; byte strings
	// alias the input. It is nil for a group of fields.
	Value any
	// Depth is the number of groups around this span; the structure itself has 0.
	Depth int
	// Leaf tells fields from groups. The leaves of a structure, in order, cover
	// each of its bytes exactly once.
	Leaf bool
}

// Undecoded is the last element of the ID of bytes that no field could be made of.
const Undecoded = "undecoded"

// An Annotation is what [Codec.Annotate] found out about some bytes: groups and leaves
// in the order of the bytes, each group before its members, and, when lenient, the
// faults that were passed over.
type Annotation struct {
	Spans    []Span
	Findings []*Error
	// Damaged says that the structure does not hold all that was in the bytes: encoding
	// it would give others. Findings alone do not mean that: what is at fault inside
	// of [Try] is kept raw.
	Damaged bool
}

type recorder struct {
	Annotation
	lenient bool
	terse   bool // there are no spans
	trying  bool // inside of Try
	depth   int  // open groups
}

// Annotate decodes like [Codec.Decode] and records where each field stands. Where it is
// lenient it never fails, and every fault becomes a finding. After a fault inside of
// [Try] the bytes stay raw. A vector whose length is not within its bounds is decoded all
// the same, up to the end of what is around it. After any other fault the rest of the
// innermost vector is one leaf called [Undecoded], and decoding goes on behind it.
// Fields of s that were not reached keep their values.
func (c *Codec) Annotate(b []byte, root string, s Struct, lenient bool) (Annotation, error) {
	r := &recorder{lenient: lenient}
	r.Spans = make([]Span, 0, 16+len(b)/8)
	return c.record(b, root, s, r)
}

// Survey is lenient Annotate without spans, which takes a tenth of the time.
func (c *Codec) Survey(b []byte, root string, s Struct) Annotation {
	c.survey = recorder{lenient: true, terse: true}
	a, _ := c.record(b, root, s, &c.survey) // a lenient one does not fail
	c.survey = recorder{}
	return a
}

func (c *Codec) record(b []byte, root string, s Struct, r *recorder) (Annotation, error) {
	c.reset(decoding, b, root)
	c.rec = r
	span := c.begin()
	s.Layout(c)
	c.settle()
	c.finishSpan(span)
	c.rec = nil
	return r.Annotation, c.result()
}

// spans reports whether spans are wanted.
func (c *Codec) spans() bool { return c.rec != nil && !c.rec.terse }

// Lenient reports whether faults become findings.
func (c *Codec) Lenient() bool { return c.rec != nil && c.rec.lenient }

// Try lays out body for v, and reports whether it succeeded. Where it did not, because of a
// fault in body (bytes left over included), *v, the cursor and the spans become what they
// were, so that the caller can take the same bytes raw: leniently always, with the fault as
// a finding; strictly only without must. With must, a fault stays a fault.
func Try[T any](c *Codec, v *T, must bool, body func(*Codec, *T)) bool {
	switch {
	case c.err != nil:
		return false
	case c.mode == encoding:
		body(c, v)
		return c.err == nil
	case must && !c.Lenient():
		body(c, v)
		c.finish()
		return c.err == nil
	}
	old, before := *v, c.attempt()
	body(c, v)
	c.finish()
	if c.attempted(before) {
		return true
	}
	*v = old
	return false
}

// attempt is where a codec was before a try.
type attempt struct {
	off, spans int
	trying     bool
}

func (c *Codec) attempt() attempt {
	a := attempt{off: c.off}
	if c.rec != nil {
		a.spans, a.trying = len(c.rec.Spans), c.rec.trying
		c.rec.trying = true
	}
	return a
}

// attempted reports whether a try succeeded, and undoes it if not.
func (c *Codec) attempted(a attempt) bool {
	if c.rec != nil {
		c.rec.trying = a.trying
	}
	if c.err == nil {
		return true
	}
	if c.Lenient() {
		c.note()
	}
	if c.rec != nil {
		c.rec.Spans = c.rec.Spans[:a.spans]
	}
	c.off, c.err = a.off, nil
	return false
}

// Note records a finding of the layout's own, at the field name, where the codec is
// lenient, and is a fault elsewhere.
func (c *Codec) Note(name string, err error) {
	if c.err != nil {
		return
	}
	c.Fail(name, err)
	if c.Lenient() {
		c.note()
	}
}

// note turns the fault into a finding.
func (c *Codec) note() {
	c.rec.Findings = append(c.rec.Findings, c.err)
	c.err = nil
}

// pardon turns a fault outside of Try into a finding where the codec is lenient, and
// reports whether it did.
func (c *Codec) pardon() bool {
	if !c.Lenient() || c.rec.trying {
		return false
	}
	c.rec.Damaged = true
	c.note()
	return true
}

// settle ends a vector: nothing may be left of it, and where the codec is lenient, what
// is left is taken as it is.
func (c *Codec) settle() {
	c.finish()
	if c.err == nil || !c.pardon() {
		return
	}
	n := c.Remaining()
	if n == 0 {
		return
	}
	if b := c.take(Undecoded, n); c.spans() {
		c.leaf(Undecoded, n, b)
		c.merge()
	}
}

// merge makes one of two neighbouring leaves of undecoded bytes, as there are behind a vector
// without a name.
func (c *Codec) merge() {
	spans := c.rec.Spans
	last := len(spans) - 1
	first, second := &spans[last-1], &spans[last]
	if first.Leaf && first.Path == second.Path {
		first.End, first.Value = second.End, c.buf[first.Start:second.End:second.End]
		c.rec.Spans = spans[:last]
	}
}

// begin opens a group's span and returns its index, or -1.
func (c *Codec) begin() int32 {
	if !c.spans() {
		return -1
	}
	r := c.rec
	r.Spans = append(r.Spans, Span{ID: c.id(), Path: c.where(), Start: c.off, Depth: r.depth})
	r.depth++
	return int32(len(r.Spans) - 1)
}

func (c *Codec) finishSpan(i int32) {
	if i >= 0 {
		c.rec.Spans[i].End = c.off
		c.rec.depth--
	}
}

// leaf records the n bytes just taken as the field name.
func (c *Codec) leaf(name string, n int, value any) {
	c.push(name)
	c.rec.Spans = append(c.rec.Spans, Span{
		ID: c.id(), Path: c.where(), Start: c.off - n, End: c.off, Value: value, Depth: c.rec.depth, Leaf: true,
	})
	c.pop()
}
