package packet

import (
	"encoding/binary"

	"github.com/akushu/akushu/internal/capture"
)

// Headers that no wire carries: what captured the packet put them before it.

var little = binary.LittleEndian // byte order of hosts

// nflog reads what Linux's packet filter logs: four bytes and then values, each with a length, which is padded to four
// bytes, and a type. The packet is the value of type 9.
func (d *Decoder) nflog() (int, Kind) {
	const payload = 9
	for n := 4; n+4 <= len(d.data); {
		length := int(little.Uint16(d.data[n:]))
		if length < 4 || n+length > len(d.data) && little.Uint16(d.data[n+2:]) != payload {
			break
		}
		if little.Uint16(d.data[n+2:])&0x7fff == payload {
			d.trim(n + length)
			return n + 4, ipVersion(d.data[n+4:])
		}
		n += (length + 3) &^ 3
	}
	return broken, None
}

// pfLog reads what OpenBSD's packet filter logs. Its length leaves out what pads it to four bytes.
func (d *Decoder) pfLog() (int, Kind) {
	n := (int(d.data[0]) + 3) &^ 3
	if n > len(d.data) {
		return broken, None
	}
	return n, ipVersion(d.data[n:])
}

// enc reads what OpenBSD's enc interface puts before packets on their way into and out of IPsec.
func (d *Decoder) enc() (int, Kind) { return 12, ipVersion(d.data[12:]) }

// ppi reads a per-packet information header: the link type of what follows is in it.
func (d *Decoder) ppi() (int, Kind) {
	n := int(little.Uint16(d.data[2:]))
	if n < 8 {
		return broken, None
	}
	d.padded = false
	return n, links[capture.LinkType(little.Uint32(d.data[4:]))]
}

// pktap reads what macOS puts before the packets of several interfaces: its length, the type of the header, which is 1
// where a packet follows, and the link type of that.
func (d *Decoder) pktap() (int, Kind) {
	n := int(little.Uint32(d.data))
	if n < 12 || n > len(d.data) || little.Uint32(d.data[4:]) != 1 {
		return broken, None
	}
	next := links[capture.LinkType(little.Uint32(d.data[8:]))]
	if next == PKTAP {
		return broken, None
	}
	return n, next
}

// erf reads a record of Endace's format: a header, extensions of it, which say whether more follow, and for Ethernet
// two bytes of padding.
func (d *Decoder) erf() (int, Kind) {
	const more, ethernet, colour, dsm, ipv4, ipv6 = 0x80, 2, 11, 16, 22, 23
	b := d.data
	n := 16
	for has := b[8]&more != 0; has; n += 8 {
		if n+8 > len(b) {
			return broken, None
		}
		has = b[n]&more != 0
	}
	switch b[8] &^ more {
	case ethernet, colour, dsm:
		return n + 2, Ethernet
	case ipv4, ipv6:
		return n, RawIP
	}
	return n, None
}

// preamble reads the eight bytes that precede every frame of Ethernet.
func (d *Decoder) preamble() (int, Kind) { return 8, Ethernet }
