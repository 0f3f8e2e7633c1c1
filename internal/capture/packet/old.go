package packet

// Networks of other kinds that carried IP.

// fddi reads a frame of FDDI: a control byte, the addresses, LLC.
func (d *Decoder) fddi() (int, Kind) { return 13, LLC }

// tokenRing reads a frame of IEEE 802.5, with the route in it that the first bit of the source address announces.
func (d *Decoder) tokenRing() (int, Kind) {
	if d.data[8]&0x80 == 0 {
		return 14, LLC
	}
	if len(d.data) < 15 {
		return broken, None
	}
	return 14 + int(d.data[14]&0x1f), LLC
}

// fibreChannel reads the network header of RFC 4338 §3: two names.
func (d *Decoder) fibreChannel() (int, Kind) { return 16, LLC }

// sunATM reads what SunATM captured: four bytes that say what it is of.
func (d *Decoder) sunATM() (int, Kind) { return 4, LLC }

// fireWire reads IP over IEEE 1394 as Apple captures it: two addresses of eight bytes, an EtherType.
func (d *Decoder) fireWire() (int, Kind) { return 18, etherType(network.Uint16(d.data[16:])) }

// infiniBand reads IP over InfiniBand: a global routing header, and four bytes that begin with an EtherType (RFC 4391 §6).
func (d *Decoder) infiniBand() (int, Kind) { return 44, etherType(network.Uint16(d.data[40:])) }

// nlpids is the identifiers of network protocols that are IP (RFC 2427 §3).
var nlpids = map[byte]Kind{0xcc: IPv4, 0x8e: IPv6}

// frameRelay reads an address of two bytes, and either an EtherType, as Cisco does, or what RFC 2427 says: control, a
// byte of padding perhaps, the identifier of the network protocol, which may be that of SNAP.
func (d *Decoder) frameRelay() (int, Kind) {
	const control, snap = 3, 0x80
	b := d.data
	if b[2] != control {
		return 4, etherType(network.Uint16(b[2:]))
	}
	n := 3
	if b[n] == 0 {
		n++
	}
	if b[n] != snap {
		return n + 1, nlpids[b[n]]
	}
	if len(b) < n+6 {
		return broken, None
	}
	return n + 6, etherType(network.Uint16(b[n+4:]))
}

// directed reads a byte that tells the direction, before what another kind of link has.
func directed(next Kind) func(*Decoder) (int, Kind) {
	return func(*Decoder) (int, Kind) { return 1, next }
}
