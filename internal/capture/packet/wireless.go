package packet

import "encoding/binary"

// radiotap reads the length of the header and whether the header of 802.11 that follows is padded.
func (d *Decoder) radiotap() (int, Kind) {
	n := int(binary.LittleEndian.Uint16(d.data[2:]))
	if n < 8 || n > len(d.data) {
		return broken, None
	}
	d.padded = radiotapFlags(d.data[:n])&0x20 != 0
	return n, Dot11
}

// radiotapFlags is the Flags field, which follows the words that say which fields are there, and TSFT, which is
// aligned to eight bytes.
func radiotapFlags(b []byte) byte {
	present := binary.LittleEndian.Uint32(b[4:])
	at := 8
	for word := present; word&(1<<31) != 0; at += 4 {
		if at+4 > len(b) {
			return 0
		}
		word = binary.LittleEndian.Uint32(b[at:])
	}
	if present&1 != 0 { // TSFT
		at = (at+7)&^7 + 8
	}
	if present&2 == 0 || at >= len(b) {
		return 0
	}
	return b[at]
}

// avsMagic begins an AVS header, which some drivers put where Prism's is announced.
const avsMagic = 0x80211000

func (d *Decoder) prism() (int, Kind) {
	if network.Uint32(d.data)&^0xfff == avsMagic {
		return 0, AVS
	}
	return int(binary.LittleEndian.Uint32(d.data[4:])), Dot11
}

func (d *Decoder) avs() (int, Kind) { return int(network.Uint32(d.data[4:])), Dot11 }

// Bits of 802.11's frame control (IEEE 802.11 §9.2.4.1): of its first byte, and of its second.
const (
	dot11Data   = 0x08 // type; subtypes in the upper half:
	dot11NoData = 0x40
	dot11QoS    = 0x80

	dot11BothDS    = 0x03 // to and from the distribution system: a fourth address
	dot11MoreFrags = 0x04
	dot11Protected = 0x40
	dot11Order     = 0x80
)

// dot11 reads the header of a data frame in clear. Fragments of one, and what is encrypted, are not looked into.
func (d *Decoder) dot11() (int, Kind) {
	control, flags, number := d.data[0], d.data[1], d.data[22]
	if control&0x0f != dot11Data && flags&0x0f == dot11Data { // CAPWAP, as some controllers speak it
		control, flags, number = flags, control, d.data[23]
	}
	n := 24
	if flags&dot11BothDS == dot11BothDS {
		n += 6
	}
	amsdu := false
	if control&dot11QoS != 0 {
		amsdu = n < len(d.data) && d.data[n]&0x80 != 0
		n += 2
		if flags&dot11Order != 0 {
			n += 4 // HT Control
		}
	}
	if d.padded {
		n = (n + 3) &^ 3
	}
	fragment := flags&dot11MoreFrags != 0 || number&0x0f != 0
	if control&0x0f != dot11Data || control&dot11NoData != 0 || flags&dot11Protected != 0 || fragment {
		return min(n, len(d.data)), None
	}
	if amsdu {
		n += 14 // the addresses and the length of the first of several
	}
	return n, LLC
}
