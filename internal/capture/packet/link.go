package packet

import "encoding/binary"

var network = binary.BigEndian // byte order

// maxLength is the greatest value of an Ethernet header's type field that is a length (IEEE 802.3 §3.2.6).
const maxLength = 1500

func (d *Decoder) ethernet() (int, Kind) {
	t := network.Uint16(d.data[12:])
	if t <= maxLength {
		return 14, LLC
	}
	return 14, etherType(t)
}

func (d *Decoder) vlan() (int, Kind) {
	t := network.Uint16(d.data[2:])
	if t <= maxLength {
		return 4, LLC
	}
	return 4, etherType(t)
}

// llc reads LLC with SNAP, which is how IP goes over 802 networks without EtherType (RFC 1042); it has an address of
// its own as well.
func (d *Decoder) llc() (int, Kind) {
	if d.data[0] == 6 && d.data[1] == 6 && d.data[2] == 3 {
		return 3, IPv4
	}
	if d.data[0] != 0xaa || d.data[1] != 0xaa || d.data[2] != 3 {
		return 3, None
	}
	return 8, etherType(network.Uint16(d.data[6:]))
}

func (d *Decoder) linuxSLL() (int, Kind) { return 16, sllProtocol(network.Uint16(d.data[14:])) }

func (d *Decoder) linuxSLL2() (int, Kind) { return 20, sllProtocol(network.Uint16(d.data)) }

// sllProtocol is what follows a protocol type, where small numbers are Linux's own.
func sllProtocol(t uint16) Kind {
	if t == 4 { // LINUX_SLL_P_802_2
		return LLC
	}
	return etherType(t)
}

// families is the address families of BSD's loopback header. That of IPv6 differs from system to system.
var families = map[uint32]Kind{2: IPv4, 10: IPv6, 24: IPv6, 28: IPv6, 30: IPv6}

func (d *Decoder) null() (int, Kind) {
	if k, ok := families[binary.LittleEndian.Uint32(d.data)]; ok {
		return 4, k
	}
	return d.loop()
}

func (d *Decoder) loop() (int, Kind) { return 4, families[network.Uint32(d.data)] }

func (d *Decoder) rawIP() (int, Kind) { return 0, ipVersion(d.data) }

// ipVersion tells by the first four bits which IP it is.
func ipVersion(b []byte) Kind {
	if len(b) == 0 {
		return None
	}
	switch b[0] >> 4 {
	case 4:
		return IPv4
	case 6:
		return IPv6
	}
	return None
}

// pppProtocols is what follows a protocol number of PPP.
var pppProtocols = map[uint16]Kind{0x0021: IPv4, 0x0057: IPv6, 0x0281: MPLS, 0x0283: MPLS, 0x0031: Ethernet}

// ppp reads a header whose address and control, and upper half of the protocol, may have been left out
// (RFC 1661 §6.5, §6.6).
func (d *Decoder) ppp() (int, Kind) {
	n := 0
	if len(d.data) >= 4 && (d.data[0] == 0x0f || d.data[0] == 0x8f) && d.data[1] == 0 {
		return 0, CiscoHDLC // its addresses
	}
	if len(d.data) >= 2 && d.data[0] == 0xff && d.data[1] == 3 {
		n = 2
	}
	b := d.data[n:]
	if len(b) > 0 && b[0]&1 == 1 {
		return n + 1, pppProtocols[uint16(b[0])]
	}
	if len(b) < 2 {
		return broken, None
	}
	return n + 2, pppProtocols[network.Uint16(b)]
}

// pppoe reads the header of a session (RFC 2516 §4); its length leaves out what pads an Ethernet frame.
func (d *Decoder) pppoe() (int, Kind) {
	if d.data[0] != 0x11 || d.data[1] != 0 {
		return 6, None
	}
	d.trim(6 + int(network.Uint16(d.data[4:])))
	return 6, PPP
}

func (d *Decoder) ciscoHDLC() (int, Kind) { return 4, etherType(network.Uint16(d.data[2:])) }

// mpls reads one label (RFC 3032 §2.1). What follows the last one is not said anywhere: a first half byte of 4 or 6 is
// IP, anything else an Ethernet frame, with a control word of a pseudowire before it that begins with 0 (RFC 4385 §3).
// As addresses of Ethernet may begin so too, the EtherType behind them decides.
func (d *Decoder) mpls() (int, Kind) {
	if d.data[2]&1 == 0 {
		return 4, MPLS
	}
	inner := d.data[4:]
	if k := ipVersion(inner); k != None {
		return 4, k
	}
	if len(inner) >= 14 && inner[0]>>4 == 0 && etherType(network.Uint16(inner[12:])) == None {
		return 4, PseudoWire
	}
	return 4, Ethernet
}

func (d *Decoder) pseudoWire() (int, Kind) { return 4, Ethernet }
