package capture

import (
	"encoding/binary"
	"time"
)

// A pcapFormat is one of the forms of pcap, known by the first four bytes of the file.
type pcapFormat struct {
	order binary.ByteOrder
	magic uint32
	unit  time.Duration // of the second part of a time
	extra int           // bytes of a packet header that only this form has
}

var pcapFormats = []pcapFormat{
	{binary.LittleEndian, 0xa1b2c3d4, time.Microsecond, 0},
	{binary.BigEndian, 0xa1b2c3d4, time.Microsecond, 0},
	{binary.LittleEndian, 0xa1b23c4d, time.Nanosecond, 0},
	{binary.BigEndian, 0xa1b23c4d, time.Nanosecond, 0},
	{binary.LittleEndian, 0xa1b2cd34, time.Microsecond, 8}, // Kuznetzov's, of old Linux
	{binary.BigEndian, 0xa1b2cd34, time.Microsecond, 8},
}

const (
	pcapFileHeader   = 24
	pcapPacketHeader = 16
	pcapMajorVersion = 2
)

// pcap reads the packets of a pcap file, which has one interface without a name.
type pcap struct {
	*source
	pcapFormat

	iface  *Interface // nil before the file header was read
	packet Packet
}

func (p *pcap) next() (Item, error) {
	if p.iface == nil {
		return p.readFileHeader()
	}
	start := p.offset
	head, err := p.read(pcapPacketHeader + p.extra)
	if err != nil {
		return nil, located(err, p.offset, "packet header")
	}
	seconds, fraction := p.order.Uint32(head), p.order.Uint32(head[4:])
	captured, length := p.order.Uint32(head[8:]), p.order.Uint32(head[12:])
	if captured > maxBlock {
		return nil, located(faultf("a packet of %d bytes", captured), start, "packet header")
	}
	data, err := p.rest(int(captured))
	if err != nil {
		return nil, located(err, p.offset, "packet")
	}
	p.packet = Packet{
		Number:   p.packet.Number + 1,
		LinkType: p.iface.LinkType,
		Time:     time.Unix(int64(seconds), int64(fraction)*int64(p.unit)).UTC(),
		Length:   max(int(length), len(data)),
		Data:     data,
	}
	return &p.packet, nil
}

func (p *pcap) readFileHeader() (Item, error) {
	head, err := p.rest(pcapFileHeader)
	if err != nil {
		return nil, located(err, p.offset, "file header")
	}
	if major := p.order.Uint16(head[4:]); major != pcapMajorVersion {
		return nil, located(faultf("version %d of pcap, of which there is only %d", major, pcapMajorVersion), 4, "file header")
	}
	p.iface = &Interface{
		LinkType: LinkType(p.order.Uint32(head[20:])), // the upper half says how long a frame check sequence is
		SnapLen:  p.order.Uint32(head[16:]),
	}
	return p.iface, nil
}
