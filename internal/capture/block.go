package capture

import (
	"encoding/binary"
	"fmt"
	"io"
)

// A block is a pcapng block in the making: type, length, body, options, length. The first fault stays, and writeTo
// returns it.
type block struct {
	buf     []byte
	options bool // some were written
	err     error
}

var order = binary.LittleEndian // of what we write

// begin starts a block in the memory of the last one.
func (b *block) begin(kind uint32) *block {
	b.buf, b.options, b.err = b.buf[:0], false, nil
	b.uint32(kind)
	b.uint32(0) // the total length, when it is known
	return b
}

func (b *block) uint16(v uint16) { b.buf = order.AppendUint16(b.buf, v) }
func (b *block) uint32(v uint32) { b.buf = order.AppendUint32(b.buf, v) }
func (b *block) uint64(v uint64) { b.buf = order.AppendUint64(b.buf, v) }

// padded appends bytes and what brings them to a multiple of four.
func (b *block) padded(data []byte) {
	if len(data) > maxBlock {
		b.err = fmt.Errorf("capture: %w", errTooLarge)
		return
	}
	b.buf = append(b.buf, data...)
	b.buf = append(b.buf, make([]byte, padding(len(data)))...)
}

// text appends an option, unless its value is empty.
func (b *block) text(code uint16, value string) {
	if value != "" {
		b.option(code, []byte(value))
	}
}

const maxOption = 1<<16 - 1

func (b *block) option(code uint16, value []byte) {
	if len(value) > maxOption {
		b.err = fmt.Errorf("capture: a text of %d bytes, of which a capture file holds %d", len(value), maxOption)
		return
	}
	b.options = true
	b.uint16(code)
	b.uint16(uint16(len(value)))
	b.padded(value)
}

// name appends a record of what a host is called.
func (b *block) name(n HostName) {
	kind, value := uint16(nameRecordIPv6), n.Addr.AsSlice()
	if n.Addr.Is4() {
		kind = nameRecordIPv4
	}
	for _, name := range n.Names {
		value = append(append(value, name...), 0)
	}
	if !n.Addr.IsValid() || len(value) > maxOption {
		b.err = fmt.Errorf("capture: the names of %v, which no record holds", n.Addr)
		return
	}
	b.uint16(kind)
	b.uint16(uint16(len(value)))
	b.padded(value)
}

const errTooLarge = fault("a block of more than 16 MiB")

// writeTo completes the block and writes it. The block may have held secrets, so it is wiped.
func (b *block) writeTo(dst io.Writer) error {
	if b.options {
		b.uint16(optEnd)
		b.uint16(0)
	}
	total := len(b.buf) + blockTrailer
	if b.err == nil && total > maxBlock {
		b.err = fmt.Errorf("capture: %w", errTooLarge)
	}
	order.PutUint32(b.buf[4:], uint32(total))
	b.uint32(uint32(total))
	defer clear(b.buf)
	if b.err != nil {
		return b.err
	}
	n, err := dst.Write(b.buf)
	if err == nil && n < len(b.buf) {
		err = io.ErrShortWrite
	}
	return err
}
