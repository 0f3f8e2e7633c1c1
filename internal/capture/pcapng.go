package capture

import (
	"encoding/binary"
	"io"
	"net/netip"
	"strings"
)

// maxInterfaces bounds what a section can make us remember.
const maxInterfaces = 1 << 16

// pcapng reads the blocks of a pcapng file.
type pcapng struct {
	*source
	order      binary.ByteOrder // of the section
	interfaces []origin         // of the section
	packets    int              // read so far
	body       fields           // of the block that is read
	raw        []byte           // the same, trailer included

	// The items, which are handed out again and again.
	section Section
	iface   Interface
	packet  Packet
	names   Names
	secrets Secrets
}

// An origin is what a packet needs to know of its interface.
type origin struct {
	link    LinkType
	snapLen uint32
	clock   clock
}

// A kind is a kind of block that is read.
type kind struct {
	name string
	read func(*pcapng, *fields) Item // where it sets fields.err, the item does not count
}

var kinds = map[uint32]kind{
	blockSection:        {"section header block", (*pcapng).readSection},
	blockInterface:      {"interface description block", (*pcapng).readInterface},
	blockPacket:         {"packet block", (*pcapng).readPacket},
	blockNames:          {"name resolution block", (*pcapng).readNames},
	blockSimplePacket:   {"simple packet block", (*pcapng).readSimplePacket},
	blockEnhancedPacket: {"enhanced packet block", (*pcapng).readEnhancedPacket},
	blockSecrets:        {"decryption secrets block", (*pcapng).readSecrets},
}

func (p *pcapng) next() (Item, error) {
	for {
		item, err := p.nextBlock()
		if item != nil || err != nil {
			return item, err
		}
	}
}

// nextBlock reads a block; of one that is of another kind, no item comes.
func (p *pcapng) nextBlock() (Item, error) {
	start := p.offset
	typ, length, err := p.readHeader()
	if err != nil {
		return nil, located(err, start, "block header")
	}
	k, ok := kinds[typ]
	if !ok {
		return nil, located(p.skipBlock(length), start, "block of another kind")
	}
	if length > maxBlock {
		return nil, located(errTooLarge, start, k.name)
	}
	return p.readBlock(k, length)
}

// readHeader reads type and total length. A section header's own byte order is needed to read its length.
func (p *pcapng) readHeader() (typ, length uint32, err error) {
	head, err := p.peek(blockHeader + 4)
	if err == io.EOF && len(head) > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return 0, 0, err
	}
	if binary.BigEndian.Uint32(head) == blockSection {
		if err := p.setOrder(head[blockHeader:]); err != nil {
			return 0, 0, err
		}
	}
	typ, length = p.order.Uint32(head), p.order.Uint32(head[4:])
	if length < blockHeader+blockTrailer || length%4 != 0 {
		return 0, 0, faultf("a block of %d bytes", length)
	}
	return typ, length, p.skip(blockHeader)
}

func (p *pcapng) setOrder(magic []byte) error {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if order.Uint32(magic) == byteOrderMagic {
			p.order = order
			return nil
		}
	}
	return faultf("byte-order magic %x", magic)
}

func (p *pcapng) skipBlock(length uint32) error {
	if err := p.skip(int64(length) - blockHeader - blockTrailer); err != nil {
		return err
	}
	trailer, err := p.rest(blockTrailer)
	if err != nil {
		return err
	}
	return p.checkTrailer(trailer, length)
}

func (p *pcapng) checkTrailer(trailer []byte, length uint32) error {
	if again := p.order.Uint32(trailer); again != length {
		return faultf("a block of %d bytes that ends as one of %d", length, again)
	}
	return nil
}

func (p *pcapng) readBlock(k kind, length uint32) (Item, error) {
	start := p.offset
	body, err := p.rest(int(length) - blockHeader)
	if err != nil {
		return nil, located(err, p.offset, k.name)
	}
	p.raw = body
	body, trailer := body[:len(body)-blockTrailer], body[len(body)-blockTrailer:]
	if err := p.checkTrailer(trailer, length); err != nil {
		return nil, located(err, p.offset-blockTrailer, k.name)
	}
	p.body = fields{order: p.order, data: body, size: len(body)}
	item := k.read(p, &p.body)
	if err := p.body.err; err != nil {
		return nil, located(err, start+int64(p.body.at()), k.name)
	}
	return item, nil
}

func (p *pcapng) readSection(f *fields) Item {
	f.uint32("byte-order magic")
	major := f.uint16("major version")
	f.uint16("minor version") // those that there are do not differ in what we read
	f.uint64("section length")
	if f.err == nil && major != majorVersion {
		f.err = faultf("version %d of pcapng, of which there is only %d", major, majorVersion)
	}
	p.interfaces = p.interfaces[:0]
	options := f.options()
	p.section = Section{
		Comment:     string(options[optComment]),
		Hardware:    string(options[optHardware]),
		OS:          string(options[optOS]),
		Application: string(options[optApplication]),
	}
	return &p.section
}

func (p *pcapng) readInterface(f *fields) Item {
	link := LinkType(f.uint16("link type"))
	f.uint16("reserved")
	snapLen := f.uint32("snap length")
	options := f.options()
	c, err := newClock(options, f.order)
	if f.err == nil && err == nil && len(p.interfaces) == maxInterfaces {
		err = faultf("more than %d interfaces", maxInterfaces)
	}
	if f.err == nil {
		f.err = err
	}
	p.iface = Interface{
		ID:          len(p.interfaces),
		LinkType:    link,
		SnapLen:     snapLen,
		Name:        string(options[optName]),
		Description: string(options[optDescription]),
	}
	p.interfaces = append(p.interfaces, origin{link: link, snapLen: snapLen, clock: c})
	return &p.iface
}

func (p *pcapng) readEnhancedPacket(f *fields) Item {
	return p.readTimedPacket(f, f.uint32("interface"))
}

// readPacket reads what came before enhanced packet blocks: it also counts what was dropped, if anybody knew.
func (p *pcapng) readPacket(f *fields) Item {
	id := f.uint16("interface")
	f.uint16("drops count")
	return p.readTimedPacket(f, uint32(id))
}

func (p *pcapng) readTimedPacket(f *fields, id uint32) Item {
	o := p.origin(f, id)
	stamp := uint64(f.uint32("time"))<<32 | uint64(f.uint32("time"))
	captured, length := f.uint32("captured length"), f.uint32("packet length")
	data := f.padded(captured, "packet")
	p.setPacket(o, data, length)
	p.packet.Interface = int(id)
	p.packet.Time = o.clock.time(stamp)
	p.packet.Comment = f.comment()
	return &p.packet
}

// readSimplePacket reads a packet of interface 0, whose time nobody knows.
func (p *pcapng) readSimplePacket(f *fields) Item {
	o := p.origin(f, 0)
	length := f.uint32("packet length")
	captured := length
	if o.snapLen != 0 {
		captured = min(length, o.snapLen)
	}
	p.setPacket(o, f.padded(captured, "packet"), length)
	return &p.packet
}

// origin looks an interface up.
func (p *pcapng) origin(f *fields, id uint32) origin {
	if f.err == nil && uint64(id) >= uint64(len(p.interfaces)) {
		f.err = faultf("a packet of interface %d, of %d that were described", id, len(p.interfaces))
	}
	if f.err != nil {
		return origin{}
	}
	return p.interfaces[id]
}

func (p *pcapng) setPacket(o origin, data []byte, length uint32) {
	p.packets++
	p.packet = Packet{Number: p.packets, LinkType: o.link, Length: max(int(length), len(data)), Data: data}
}

// addressSizes is how long the address of a record of names is.
var addressSizes = map[uint16]uint32{nameRecordIPv4: 4, nameRecordIPv6: 16}

// readNames reads records of names up to the last. Names of other things than hosts are passed over.
func (p *pcapng) readNames(f *fields) Item {
	p.names = p.names[:0]
	for f.err == nil && len(f.data) > 0 {
		kind := f.uint16("record type")
		value := f.padded(uint32(f.uint16("record length")), "record")
		if f.err != nil || kind == nameRecordEnd {
			break
		}
		size, ok := addressSizes[kind]
		if !ok {
			continue
		}
		if uint32(len(value)) < size {
			f.err = faultf("a record of %d bytes, of which the address takes %d", len(value), size)
			break
		}
		addr, _ := netip.AddrFromSlice(value[:size])
		p.names = append(p.names, HostName{Addr: addr, Names: nameList(value[size:])})
	}
	f.options()
	return &p.names
}

// nameList splits names that each end with a zero byte.
func nameList(b []byte) []string {
	return strings.FieldsFunc(string(b), func(c rune) bool { return c == 0 })
}

func (p *pcapng) readSecrets(f *fields) Item {
	p.secrets.Type = SecretsType(f.uint32("secrets type"))
	p.secrets.Data = f.padded(f.uint32("secrets length"), "secrets")
	f.options()
	return &p.secrets
}
