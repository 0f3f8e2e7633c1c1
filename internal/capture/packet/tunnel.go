package packet

import "net/netip"

// Flags of GRE (RFC 2784 §2, RFC 2890 §2, RFC 2637 §4.1).
const (
	greChecksum = 0x8000
	greRouting  = 0x4000
	greKey      = 0x2000
	greSequence = 0x1000
	greAck      = 0x0080 // version 1
	greVersion  = 0x0007
)

// gre reads a header: four bytes, and four more for each of the fields that flags say are there. Source routes are
// long gone.
func (d *Decoder) gre() (int, Kind) {
	flags := network.Uint16(d.data)
	next := greProtocol(network.Uint16(d.data[2:]))
	n := 4
	for _, flag := range []uint16{greChecksum, greKey, greSequence} {
		if flags&flag != 0 {
			n += 4
		}
	}
	if flags&greVersion == 1 && flags&greAck != 0 {
		n += 4
	}
	if next == ERSPAN && flags&greSequence == 0 {
		next = Ethernet // type I has no header of its own
	}
	if flags&greRouting != 0 || flags&greVersion > 1 {
		return n, None
	}
	return n, next
}

// greProtocol is what follows the protocol type of GRE: an EtherType, or 802.11 as controllers of Aruba send it.
func greProtocol(t uint16) Kind {
	if t&0xff00 == 0x8200 || t == 0x9000 {
		return Dot11
	}
	if t == 0x883e {
		return WCCP
	}
	return etherType(t)
}

// wccp reads what routers redirect to caches: IP, behind four bytes in version 2 of the protocol.
func (d *Decoder) wccp() (int, Kind) {
	if k := ipVersion(d.data); k != None {
		return 0, k
	}
	return 4, ipVersion(d.data[4:])
}

// erspan reads type II and III, which their version tells apart. III has four bytes more, and eight where the last bit
// of its first twelve says so.
func (d *Decoder) erspan() (int, Kind) {
	if d.data[0]>>4 != 2 {
		return 8, Ethernet
	}
	if len(d.data) < 12 {
		return broken, None
	}
	if d.data[11]&1 != 0 {
		return 20, Ethernet
	}
	return 12, Ethernet
}

// udpTunnels is what goes over UDP to a port.
func udpTunnel(port uint16) Kind {
	switch port {
	case 4789, 8472:
		return VXLAN
	case 4790:
		return VXLANGPE
	case 6081:
		return Geneve
	case 2152:
		return GTPU
	case 5247:
		return CAPWAP
	case 6635:
		return MPLS
	case 4754:
		return GRE
	case 3544:
		return Teredo
	case 5072:
		return AYIYA
	case 1701:
		return L2TP
	case 37008:
		return TZSP
	case 4341:
		return LISP
	}
	return None
}

func (d *Decoder) udp() (int, Kind) {
	from, to := network.Uint16(d.data), network.Uint16(d.data[2:])
	d.out.Src, d.out.Dst = netip.AddrPortFrom(d.src, from), netip.AddrPortFrom(d.dst, to)
	if length := int(network.Uint16(d.data[4:])); length >= 8 && length <= len(d.data) {
		d.trim(length)
	}
	next := udpTunnel(to)
	if next == None && answers(from) {
		next = udpTunnel(from)
	}
	return 8, next
}

// answers reports whether what goes over UDP to a port is answered from it.
func answers(port uint16) bool {
	switch port {
	case 2152, 5247, 3544, 5072, 1701:
		return true
	}
	return false
}

// vxlan reads RFC 7348 §5.
func (d *Decoder) vxlan() (int, Kind) {
	if d.data[0]&0x08 == 0 {
		return 8, None
	}
	return 8, Ethernet
}

// gpeProtocols is the Next Protocol of VXLAN-GPE.
var gpeProtocols = [...]Kind{1: IPv4, 2: IPv6, 3: Ethernet, 5: MPLS}

func (d *Decoder) vxlanGPE() (int, Kind) {
	if p := int(d.data[3]); d.data[0]&0x04 != 0 && p < len(gpeProtocols) {
		return 8, gpeProtocols[p]
	}
	return d.vxlan()
}

// geneve reads RFC 8926 §3.4.
func (d *Decoder) geneve() (int, Kind) {
	if d.data[0]>>6 != 0 {
		return 8, None
	}
	return 8 + 4*int(d.data[0]&0x3f), etherType(network.Uint16(d.data[2:]))
}

// gtpu reads version 1 of GTP-U (3GPP TS 29.281 §5): its header, the fields that are there if one of three flags is
// set, and the extension headers, which give their own length in words.
func (d *Decoder) gtpu() (int, Kind) {
	const version, extension, optional, userData = 0x30, 0x04, 0x07, 255
	b := d.data
	if b[0]&0xf0 != version || b[1] != userData {
		return 8, None
	}
	if b[0]&optional == 0 {
		return 8, ipVersion(b[8:])
	}
	n := 12
	if len(b) < n {
		return broken, None
	}
	for b[0]&extension != 0 && b[n-1] != 0 {
		if n >= len(b) || b[n] == 0 || n+4*int(b[n]) > len(b) {
			return broken, None
		}
		n += 4 * int(b[n])
	}
	return n, ipVersion(b[n:])
}

// capwap reads the header of a data packet (RFC 5415 §4.3): Ethernet or 802.11 in clear. What DTLS protects, and
// fragments, are not looked into.
func (d *Decoder) capwap() (int, Kind) {
	b := d.data
	n := int(b[1]>>3) * 4
	if b[0] != 0 || n < 8 {
		return min(8, len(b)), None
	}
	const native, isFragment, keepAlive = 0x01, 0x80, 0x08 // of bytes 2, 3 and 3
	switch {
	case b[3]&(isFragment|keepAlive) != 0:
		return n, None
	case b[2]&native != 0:
		d.padded = false
		return n, Dot11
	}
	return n, Ethernet
}
