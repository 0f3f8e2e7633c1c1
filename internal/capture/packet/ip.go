package packet

import "net/netip"

// addresses notes those of an IP header. The ports of a tunnel around it are not theirs.
func (d *Decoder) addresses(src, dst netip.Addr) {
	d.src, d.dst = src, dst
	d.out.Src, d.out.Dst = netip.AddrPortFrom(src, 0), netip.AddrPortFrom(dst, 0)
}

// ipv4 reads a header (RFC 791 §3.1).
func (d *Decoder) ipv4() (int, Kind) {
	b := d.data
	n := int(b[0]&0x0f) * 4
	total := int(network.Uint16(b[2:]))
	if total == 0 {
		total = len(b) + d.missing // left to the network card, which segments
	}
	if b[0]>>4 != 4 || n < 20 || total < n {
		return broken, None
	}
	d.addresses(netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20])))
	d.trim(total)
	next := protocol(b[9])
	offset := network.Uint16(b[6:])
	if offset&0x3fff == 0 {
		return n, next
	}
	d.fragment = fragment{
		datagram: datagram{d.src, d.dst, uint32(network.Uint16(b[4:])), b[9]},
		start:    int(offset&0x1fff) * 8, more: offset&0x2000 != 0, next: next,
	}
	return n, reassembly
}

// ipv6 reads a header (RFC 8200 §3). A length of zero is that of a jumbogram, or left to the network card.
func (d *Decoder) ipv6() (int, Kind) {
	b := d.data
	if b[0]>>4 != 6 {
		return broken, None
	}
	d.addresses(netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40])))
	if length := int(network.Uint16(b[4:])); length != 0 {
		d.trim(40 + length)
	}
	return 40, nextHeader(b[6])
}

// nextHeader is what follows a Next Header of IPv6: an extension header or a protocol.
func nextHeader(p byte) Kind {
	switch p {
	case 0, 43, 60, 135, 139, 140: // Hop-by-Hop, Routing, Destination Options, Mobility, HIP, Shim6
		return IPv6Extension
	case 44:
		return IPv6Fragment
	}
	return protocol(p)
}

func (d *Decoder) ipv6Extension() (int, Kind) {
	return 8 + 8*int(d.data[1]), nextHeader(d.data[0])
}

// ipv6Fragment reads RFC 8200 §4.5. One that is whole all by itself is common enough (RFC 6946).
func (d *Decoder) ipv6Fragment() (int, Kind) {
	b := d.data
	offset := network.Uint16(b[2:])
	next := nextHeader(b[0])
	if offset&^6 == 0 {
		return 8, next
	}
	d.fragment = fragment{
		datagram: datagram{d.src, d.dst, network.Uint32(b[4:]), 0},
		start:    int(offset &^ 7), more: offset&1 != 0, next: next,
	}
	return 8, reassembly
}

// ah reads an authentication header (RFC 4302 §2), whose payload is in clear. It counts words, less two.
func (d *Decoder) ah() (int, Kind) { return 4 * (int(d.data[1]) + 2), nextHeader(d.data[0]) }
