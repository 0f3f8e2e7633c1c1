package keys

// extract is HKDF-Extract (RFC 5869 §2.2) into out, which may not be m.out. An empty salt is a salt of zeros.
func (m *mac) extract(out, salt, ikm []byte) {
	m.setKey(salt)
	m.begin()
	m.write(ikm)
	copy(out, m.sum())
}

// hkdfLabel is the struct HkdfLabel of RFC 9846 §7.1, with the prefix apart from the label. The two together are at most
// 255 bytes, and so is the context.
type hkdfLabel struct {
	length        int
	prefix, label string
	context       []byte
}

func (m *mac) writeLabel(l hkdfLabel) {
	m.writeByte(byte(l.length >> 8))
	m.writeByte(byte(l.length))
	m.writeByte(byte(len(l.prefix) + len(l.label)))
	m.writeString(l.prefix)
	m.writeString(l.label)
	m.writeByte(byte(len(l.context)))
	m.write(l.context)
}

// expand is HKDF-Expand (RFC 5869 §2.3) under the key that m has, for len(out) bytes of output. out may be m.tmp.
func (m *mac) expand(out []byte, info hkdfLabel) {
	for i := byte(1); len(out) > 0; i++ {
		m.begin()
		if i > 1 {
			m.write(m.out[:m.h.Size()]) // T(i-1), still there from the last round
		}
		m.writeLabel(info)
		m.writeByte(i)
		out = out[copy(out, m.sum()):]
	}
}
