package capture

import "encoding/binary"

// fields reads the body of a block. The first fault stays; after it all values are zero.
type fields struct {
	order binary.ByteOrder
	data  []byte // what is left
	size  int    // of the whole body
	err   error
}

// at is how much of the body was read.
func (f *fields) at() int { return f.size - len(f.data) }

// bytes returns the next n bytes, which alias the block.
func (f *fields) bytes(n uint32, what string) []byte {
	if f.err != nil {
		return nil
	}
	if uint64(n) > uint64(len(f.data)) {
		f.err = faultf("%s of %d bytes, but %d are left", what, n, len(f.data))
		return nil
	}
	b := f.data[:n:n]
	f.data = f.data[n:]
	return b
}

// padded returns the next n bytes and passes over what brings them to a multiple of four.
func (f *fields) padded(n uint32, what string) []byte {
	b := f.bytes(n, what)
	f.bytes(uint32(padding(int(n))), "padding")
	return b
}

func (f *fields) uint16(what string) uint16 {
	if b := f.bytes(2, what); b != nil {
		return f.order.Uint16(b)
	}
	return 0
}

func (f *fields) uint32(what string) uint32 {
	if b := f.bytes(4, what); b != nil {
		return f.order.Uint32(b)
	}
	return 0
}

func (f *fields) uint64(what string) uint64 {
	if b := f.bytes(8, what); b != nil {
		return f.order.Uint64(b)
	}
	return 0
}

// options reads the rest of the block: the value of each option, by its code. The values of one that comes several
// times, as comments may, stand below each other. Without options the map is nil.
func (f *fields) options() map[uint16][]byte {
	var options map[uint16][]byte
	for code, value, ok := f.option(); ok; code, value, ok = f.option() {
		if options == nil {
			options = make(map[uint16][]byte)
		}
		if first, again := options[code]; again {
			value = append(append(first, '\n'), value...)
		}
		options[code] = value
	}
	return options
}

// option reads the next option, unless there is none.
func (f *fields) option() (code uint16, value []byte, ok bool) {
	if f.err != nil || len(f.data) == 0 {
		return 0, nil, false
	}
	code = f.uint16("option code")
	value = f.padded(uint32(f.uint16("option length")), "option")
	return code, value, f.err == nil && code != optEnd
}

// comment reads the options of a packet, of which only the comment is wanted: no map is made.
func (f *fields) comment() string {
	var comment string
	for code, value, ok := f.option(); ok; code, value, ok = f.option() {
		switch {
		case code != optComment:
		case comment == "":
			comment = string(value)
		default:
			comment += "\n" + string(value)
		}
	}
	return comment
}
