package packet

// What else goes over UDP.

// teredo reads RFC 4380 §5.1.1: IPv6, with an authentication header and an origin before it perhaps.
func (d *Decoder) teredo() (int, Kind) {
	const authentication, origin = 1, 0
	n := 0
	if network.Uint16(d.data) == authentication {
		n += 4 + int(d.data[2]) + int(d.data[3]) + 8 + 1
	}
	if n+8 <= len(d.data) && network.Uint16(d.data[n:]) == origin {
		n += 8
	}
	if n >= len(d.data) || ipVersion(d.data[n:]) != IPv6 {
		return min(n, len(d.data)), None
	}
	return n, IPv6
}

// ayiya reads the header of SixXS's tunnels: the identity has a power of two of bytes, the signature a number of words.
func (d *Decoder) ayiya() (int, Kind) {
	const forward = 1
	b := d.data
	n := 8 + 1<<(b[0]>>4) + 4*int(b[1]>>4)
	if b[2]&0x0f != forward || n > len(b) {
		return min(n, len(b)), None
	}
	return n, nextHeader(b[3])
}

// l2tp reads a data message of version 2 (RFC 2661 §3.1), whose flags say which fields there are.
func (d *Decoder) l2tp() (int, Kind) {
	const control, length, sequence, offset, version = 0x8000, 0x4000, 0x0800, 0x0200, 0x000f
	b := d.data
	flags := network.Uint16(b)
	if flags&control != 0 || flags&version != 2 {
		return 6, None
	}
	n := 6
	for _, f := range []struct {
		flag uint16
		size int
	}{{length, 2}, {sequence, 4}, {offset, 2}} {
		if flags&f.flag != 0 {
			n += f.size
		}
	}
	if n > len(b) {
		return broken, None
	}
	if flags&offset != 0 {
		n += int(network.Uint16(b[n-2:]))
	}
	return n, PPP
}

// tzspProtocols is what TaZmen's sniffers send.
var tzspProtocols = map[uint16]Kind{1: Ethernet, 0x12: Dot11, 0x77: Prism, 0x7f: AVS}

// tzsp reads a header of four bytes and its tags: a type, and but for the first two of them a length.
func (d *Decoder) tzsp() (int, Kind) {
	const padding, end = 0, 1
	b := d.data
	for n := 4; n < len(b); {
		switch {
		case b[n] == end:
			return n + 1, tzspProtocols[network.Uint16(b[2:])]
		case b[n] == padding:
			n++
		case n+1 < len(b):
			n += 2 + int(b[n+1])
		default:
			return broken, None
		}
	}
	return broken, None
}

// lisp reads RFC 9300 §5.3.
func (d *Decoder) lisp() (int, Kind) { return 8, ipVersion(d.data[8:]) }

// etherIP reads RFC 3378 §3.
func (d *Decoder) etherIP() (int, Kind) { return 2, Ethernet }
