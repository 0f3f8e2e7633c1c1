package capture

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/akushu/akushu/keylog"
)

// Pack copies a capture with other secrets: those that it holds are left out, lines stand before the first packet. What
// comes out is pcapng. Of pcapng every other block is copied as it stands, whatever it is, unless it says that a file
// which was changed must not have it; of pcap the packets are, with their times in nanoseconds. The error is that of
// Reader.Next; what came before it was written.
func Pack(dst io.Writer, src io.Reader, lines []keylog.Line) error {
	modern, old, err := recognise(src)
	if err != nil {
		return err
	}
	if old != nil {
		return packPcap(dst, old, lines)
	}
	p := &packer{pcapng: modern, dst: dst, lines: lines}
	for err == nil {
		err = p.block()
	}
	if err == io.EOF {
		return nil
	}
	return err
}

func packPcap(dst io.Writer, src *pcap, lines []keylog.Line) error {
	w, err := NewWriter(dst, Section{})
	for err == nil {
		var item Item
		if item, err = src.next(); err != nil {
			break
		}
		switch item := item.(type) {
		case *Interface:
			if _, err = w.AddInterface(*item); err == nil {
				err = writeSecrets(dst, order, lines)
			}
		case *Packet:
			err = w.WritePacket(*item)
		}
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// A packer copies a pcapng file block by block.
type packer struct {
	*pcapng
	dst   io.Writer
	lines []keylog.Line // nil once they are written
}

// blockCustomHere is a custom block that must not be copied into a file that was changed.
const blockCustomHere = 0x40000bad

// holdsPacket is which blocks need their secrets before them.
var holdsPacket = map[uint32]bool{blockPacket: true, blockSimplePacket: true, blockEnhancedPacket: true}

func (p *packer) block() error {
	start := p.offset
	typ, length, err := p.readHeader()
	if err != nil {
		return located(err, start, "block header")
	}
	var head [blockHeader]byte
	p.order.PutUint32(head[:], typ)
	p.order.PutUint32(head[4:], length)
	k, known := kinds[typ]
	switch {
	case typ == blockCustomHere:
		return located(p.skipBlock(length), start, "block of another kind")
	case !known:
		return located(p.copyBlock(head[:], length), start, "block of another kind")
	case length > maxBlock:
		return located(errTooLarge, start, k.name)
	}
	if _, err := p.readBlock(k, length); err != nil || typ == blockSecrets {
		return err
	}
	if typ == blockSection {
		copy(p.raw[8:16], bytes.Repeat([]byte{0xff}, 8)) // its length, which is another now
	}
	if holdsPacket[typ] {
		if err := writeSecrets(p.dst, p.order, p.lines); err != nil {
			return err
		}
		p.lines = nil
	}
	_, err = p.dst.Write(append(head[:], p.raw...))
	return err
}

// copyBlock copies a block of any size.
func (p *packer) copyBlock(head []byte, length uint32) error {
	if _, err := p.dst.Write(head); err != nil {
		return err
	}
	for left := int64(length) - blockHeader; left > 0; {
		b, err := p.rest(int(min(left, readSize)))
		if err != nil {
			return err
		}
		left -= int64(len(b))
		if left == 0 {
			if err := p.checkTrailer(b[len(b)-blockTrailer:], length); err != nil {
				return err
			}
		}
		if _, err := p.dst.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// maxSecrets is how much key log goes into a block, in bytes.
const maxSecrets = 4 << 20

// writeSecrets writes key log lines, as many blocks as they need; none are no block.
func writeSecrets(dst io.Writer, order binary.ByteOrder, lines []keylog.Line) error {
	var text bytes.Buffer
	log := keylog.NewWriter(&text)
	for i, l := range lines {
		if err := log.WriteLine(l); err != nil {
			return err
		}
		if text.Len() < maxSecrets && i < len(lines)-1 {
			continue
		}
		if _, err := dst.Write(secretsBlock(order, text.Bytes())); err != nil {
			return err
		}
		clear(text.Bytes())
		text.Reset()
	}
	return nil
}

// secretsBlock is a block of a key log, in any byte order.
func secretsBlock(order binary.ByteOrder, text []byte) []byte {
	b := make([]byte, blockHeader+8, blockHeader+8+len(text)+3+blockTrailer)
	b = append(append(b, text...), make([]byte, padding(len(text))+blockTrailer)...)
	for at, v := range map[int]uint32{0: blockSecrets, 4: uint32(len(b)), 8: uint32(SecretsTLSKeyLog), 12: uint32(len(text)), len(b) - blockTrailer: uint32(len(b))} {
		order.PutUint32(b[at:], v)
	}
	return b
}
