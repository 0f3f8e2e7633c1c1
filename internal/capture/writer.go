package capture

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/akushu/akushu/keylog"
)

// A PacketWriter takes packets, in the order of the capture. It uses Packet.Data only until it returns.
type PacketWriter interface {
	WritePacket(Packet) error
}

// A Writer writes a pcapng file of one section, little-endian, with times in nanoseconds. Every block reaches the
// destination in one Write, so that who reads a file that is still growing sees few blocks that are cut.
//
// Secrets must come before the packets that they open; where the packets come first, use a Builder.
type Writer struct {
	packets    io.Writer // where packets go
	others     io.Writer // where the other blocks go
	interfaces int       // how many were declared
	block      block     // in the making
}

// NewWriter begins a file.
func NewWriter(dst io.Writer, s Section) (*Writer, error) {
	w := &Writer{packets: dst, others: dst}
	return w, w.begin(s)
}

func (w *Writer) begin(s Section) error {
	b := w.block.begin(blockSection)
	b.uint32(byteOrderMagic)
	b.uint16(majorVersion)
	b.uint16(minorVersion)
	b.uint64(sectionLengthUnknown)
	b.text(optComment, s.Comment)
	b.text(optHardware, s.Hardware)
	b.text(optOS, s.OS)
	b.text(optApplication, s.Application)
	return b.writeTo(w.others)
}

// AddInterface declares an interface and returns its ID, which its packets name. i.ID is not looked at.
func (w *Writer) AddInterface(i Interface) (id int, err error) {
	b := w.block.begin(blockInterface)
	b.uint16(uint16(i.LinkType))
	b.uint16(0) // reserved
	b.uint32(i.SnapLen)
	b.text(optName, i.Name)
	b.text(optDescription, i.Description)
	b.option(optResolution, []byte{resolutionNano})
	if err := b.writeTo(w.others); err != nil {
		return 0, err
	}
	w.interfaces++
	return w.interfaces - 1, nil
}

// WriteSecrets embeds key log lines, as one block; none are no block.
func (w *Writer) WriteSecrets(lines ...keylog.Line) error {
	if len(lines) == 0 {
		return nil
	}
	var text bytes.Buffer
	log := keylog.NewWriter(&text)
	for _, l := range lines {
		if err := log.WriteLine(l); err != nil {
			return err
		}
	}
	return w.WriteSecretsBlock(Secrets{Type: SecretsTLSKeyLog, Data: text.Bytes()})
}

// WriteSecretsBlock embeds secrets of any type as they are.
func (w *Writer) WriteSecretsBlock(s Secrets) error {
	b := w.block.begin(blockSecrets)
	b.uint32(uint32(s.Type))
	b.uint32(uint32(len(s.Data)))
	b.padded(s.Data)
	return b.writeTo(w.others)
}

// WriteNames writes what hosts are called; none are no block. A host without a name is left out.
func (w *Writer) WriteNames(names ...HostName) error {
	b := w.block.begin(blockNames)
	for _, n := range names {
		if len(n.Names) > 0 {
			b.name(n)
		}
	}
	if b.err == nil && len(b.buf) == blockHeader {
		return nil
	}
	b.uint16(nameRecordEnd)
	b.uint16(0)
	return b.writeTo(w.others)
}

// WritePacket writes one packet. Its interface must have been declared. A Length of 0 is that of Data; a zero Time is
// written as the start of 1970, as the format knows none.
func (w *Writer) WritePacket(p Packet) error {
	if p.Interface < 0 || p.Interface >= w.interfaces {
		return fmt.Errorf("capture: a packet of interface %d, of %d that were declared", p.Interface, w.interfaces)
	}
	if p.Length == 0 {
		p.Length = len(p.Data)
	}
	if p.Length < len(p.Data) || int64(p.Length) > maxLength {
		return fmt.Errorf("capture: a packet of which %d bytes were captured had %d on the wire", len(p.Data), p.Length)
	}
	stamp, err := nanoseconds(p.Time)
	if err != nil {
		return err
	}
	b := w.block.begin(blockEnhancedPacket)
	b.uint32(uint32(p.Interface))
	b.uint32(uint32(stamp >> 32))
	b.uint32(uint32(stamp))
	b.uint32(uint32(len(p.Data)))
	b.uint32(uint32(p.Length))
	b.padded(p.Data)
	b.text(optComment, p.Comment)
	return b.writeTo(w.packets)
}

// nanoseconds is a time as an Enhanced Packet Block has it with our resolution: unsigned, so from 1970 to 2554.
func nanoseconds(t time.Time) (uint64, error) {
	if t.IsZero() {
		return 0, nil
	}
	if seconds := t.Unix(); seconds < 0 || seconds >= lastSecond {
		return 0, fmt.Errorf("capture: a packet at %v, which the file cannot hold", t)
	}
	return uint64(t.Unix())*nanosPerSecond + uint64(t.Nanosecond()), nil
}

const (
	maxLength      = 1<<32 - 1
	nanosPerSecond = 1_000_000_000
	lastSecond     = (1<<64 - 1) / nanosPerSecond
)

// A Builder is a Writer that holds packets back, so that secrets which come after them still stand before them in the
// file. What it holds it holds in memory: Flush now and then bounds it.
type Builder struct {
	Writer
	dst         io.Writer
	front, back bytes.Buffer // secrets and the like; packets
}

// NewBuilder begins a file, of which nothing reaches the destination before Flush or Close.
func NewBuilder(dst io.Writer, s Section) (*Builder, error) {
	b := &Builder{dst: dst}
	b.packets, b.others = &b.back, &b.front
	return b, b.begin(s)
}

// Flush writes what the Builder holds, the secrets before the packets. Secrets that come later open later packets only.
func (b *Builder) Flush() error {
	for _, held := range []*bytes.Buffer{&b.front, &b.back} {
		if _, err := held.WriteTo(b.dst); err != nil {
			return err
		}
	}
	return nil
}

// Held is how many bytes the Builder holds.
func (b *Builder) Held() int { return b.front.Len() + b.back.Len() }

// Close is Flush. It does not close the destination.
func (b *Builder) Close() error { return b.Flush() }
