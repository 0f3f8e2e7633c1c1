package packet

import (
	"net/netip"
	"strings"
)

// Flags are the control bits of a segment, the last of which is that of accurate ECN.
type Flags uint16

// The flags (RFC 9293 §3.1, RFC 3168 §6.1, and AE, which RFC 3540 called NS).
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
	AE
)

var flagNames = [...]string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE"}

// String lists the flags that are set, as in "SYN, ACK".
func (f Flags) String() string {
	var names []string
	for i, name := range flagNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// TCP is the header of a segment (RFC 9293 §3.1). The ports are in Packet.Src and Packet.Dst.
type TCP struct {
	Seq, Ack uint32
	Flags    Flags
	Window   uint16 // as it stands there, not scaled
	Options  []byte // raw, see ParseOptions
}

func (d *Decoder) tcp() (int, Kind) {
	b := d.data
	n := int(b[12]>>4) * 4
	if cut := n - len(b); cut > 0 && cut <= d.missing { // options that were not captured
		n, d.missing = len(b), d.missing-cut
	}
	if n < 20 || n > len(b) {
		return broken, None
	}
	d.out.Src = netip.AddrPortFrom(d.src, network.Uint16(b))
	d.out.Dst = netip.AddrPortFrom(d.dst, network.Uint16(b[2:]))
	d.out.IsTCP = true
	d.out.TCP = TCP{
		Seq: network.Uint32(b[4:]), Ack: network.Uint32(b[8:]),
		Flags: Flags(network.Uint16(b[12:]) & 0x1ff), Window: network.Uint16(b[14:]), Options: b[20:n:n],
	}
	return n, None
}

// Options are the options of a segment that say something about its connection.
type Options struct {
	MSS            uint16 // RFC 9293 §3.7.1; 0 where there is none
	WindowScale    uint8  // RFC 7323 §2.2: the shift count, where HasWindowScale
	HasWindowScale bool
	SACKPermitted  bool // RFC 2018 §2
	HasTimestamps  bool // RFC 7323 §3.2:
	TSVal, TSEcr   uint32
	SACK           []SACKBlock // RFC 2018 §3
}

// A SACKBlock is a range that was received beyond the acknowledgement.
type SACKBlock struct{ Left, Right uint32 }

// ParseOptions reads the options. What is cut or of a wrong length ends them.
func (t *TCP) ParseOptions() Options {
	var o Options
	b := t.Options
	for len(b) > 0 && b[0] != 0 {
		if b[0] == 1 { // no operation
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			break
		}
		o.set(b[0], b[2:b[1]])
		b = b[b[1]:]
	}
	return o
}

func (o *Options) set(kind byte, v []byte) {
	switch {
	case kind == 2 && len(v) == 2:
		o.MSS = network.Uint16(v)
	case kind == 3 && len(v) == 1:
		o.WindowScale, o.HasWindowScale = v[0], true
	case kind == 4 && len(v) == 0:
		o.SACKPermitted = true
	case kind == 5:
		for ; len(v) >= 8; v = v[8:] {
			o.SACK = append(o.SACK, SACKBlock{network.Uint32(v), network.Uint32(v[4:])})
		}
	case kind == 8 && len(v) == 8:
		o.HasTimestamps, o.TSVal, o.TSEcr = true, network.Uint32(v), network.Uint32(v[4:])
	}
}
