package packet

// Tags stand between the header of Ethernet and what it carries, as those of VLANs do, and end with the EtherType of
// what follows.

// inserted reads a tag of n bytes, the last two of which are the EtherType of what follows.
func (d *Decoder) inserted(n int) (int, Kind) {
	t := network.Uint16(d.data[n-2:])
	if t <= maxLength {
		return n, LLC
	}
	return n, etherType(t)
}

// vnTag reads Cisco's tag of virtual interfaces, the forerunner of 802.1BR.
func (d *Decoder) vnTag() (int, Kind) { return d.inserted(6) }

// eTag reads IEEE 802.1BR §7.5.
func (d *Decoder) eTag() (int, Kind) { return d.inserted(8) }

// rTag reads the redundancy tag of IEEE 802.1CB §7.8; that of HSR (IEC 62439-3) is as long.
func (d *Decoder) rTag() (int, Kind) { return d.inserted(6) }

// metaData reads Cisco MetaData, which carries a security group: a version, how many words of options, the options.
func (d *Decoder) metaData() (int, Kind) {
	n := 2 + 4*int(d.data[1]) + 2
	if n > len(d.data) {
		return broken, None
	}
	return d.inserted(n)
}

// iTag reads the service tag of a provider backbone bridge (IEEE 802.1Q §9.7), whose customer addresses begin a whole
// frame.
func (d *Decoder) iTag() (int, Kind) { return 4, Ethernet }

// macSec reads the security tag of IEEE 802.1AE §9.3, where frames are authenticated and not encrypted. The check value
// behind the frame is left to the lengths of IP.
func (d *Decoder) macSec() (int, Kind) {
	const encrypted, changed, channel = 0x08, 0x04, 0x20
	control, n := d.data[0], 6
	if control&channel != 0 {
		n += 8
	}
	if control&(encrypted|changed) != 0 || len(d.data) < n+2 {
		return min(n, len(d.data)), None
	}
	return d.inserted(n + 2)
}

// nshProtocols is the Next Protocol of a network service header.
var nshProtocols = [...]Kind{1: IPv4, 2: IPv6, 3: Ethernet, 5: MPLS}

// nsh reads RFC 8300 §2.2, whose length counts words.
func (d *Decoder) nsh() (int, Kind) {
	n := 4 * int(d.data[1]&0x3f)
	if n < 8 {
		return broken, None
	}
	if p := int(d.data[3]); p < len(nshProtocols) {
		return n, nshProtocols[p]
	}
	return n, None
}
