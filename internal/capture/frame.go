package capture

import (
	"encoding/binary"
	"net/netip"
)

// Flags of a TCP segment (RFC 9293 §3.1).
const (
	flagFIN = 0x01
	flagSYN = 0x02
	flagRST = 0x04
	flagPSH = 0x08
	flagACK = 0x10
)

// Lengths of headers without options, in bytes, and what a frame holds besides them.
const (
	ethernetMTU   = 1500
	ipv4Header    = 20
	ipv6Header    = 40
	tcpHeader     = 20
	mssOption     = 4
	etherTypeIPv4 = 0x0800
	etherTypeIPv6 = 0x86dd
	protocolTCP   = 6
	hopLimit      = 64
	window        = 65535 // without the window scale option, the most there is
)

// maxSegment is how many bytes of data fit into a frame.
func maxSegment(a netip.Addr) int {
	if a.Is4() {
		return ethernetMTU - ipv4Header - tcpHeader
	}
	return ethernetMTU - ipv6Header - tcpHeader
}

// A segment is a TCP segment to be framed.
type segment struct {
	from, to *end
	flags    byte
	mss      uint16 // announced in a SYN
	data     []byte
}

// length is that of the TCP header and the data.
func (s *segment) length() int {
	if s.flags&flagSYN != 0 {
		return tcpHeader + mssOption + len(s.data)
	}
	return tcpHeader + len(s.data)
}

var network = binary.BigEndian // byte order

// appendFrame appends Ethernet, IP and TCP headers and the data.
func appendFrame(b []byte, s *segment) []byte {
	b = append(b, s.to.mac[:]...)
	b = append(b, s.from.mac[:]...)
	if s.from.addr.Addr().Is4() {
		b = network.AppendUint16(b, etherTypeIPv4)
		b = appendIPv4(b, s)
	} else {
		b = network.AppendUint16(b, etherTypeIPv6)
		b = appendIPv6(b, s)
	}
	return appendTCP(b, s)
}

// appendIPv4 appends a header that forbids fragments, and so needs no identification (RFC 6864 §4).
func appendIPv4(b []byte, s *segment) []byte {
	start := len(b)
	b = append(b, 0x45, 0) // version 4, five words; no service
	b = network.AppendUint16(b, uint16(ipv4Header+s.length()))
	b = append(b, 0, 0, 0x40, 0) // identification; don't fragment
	b = append(b, hopLimit, protocolTCP, 0, 0)
	from, to := s.from.addr.Addr().As4(), s.to.addr.Addr().As4()
	b = append(append(b, from[:]...), to[:]...)
	network.PutUint16(b[start+10:], checksum(b[start:], 0))
	return b
}

func appendIPv6(b []byte, s *segment) []byte {
	b = append(b, 0x60, 0, 0, 0) // version 6; no class, no flow
	b = network.AppendUint16(b, uint16(s.length()))
	b = append(b, protocolTCP, hopLimit)
	from, to := s.from.addr.Addr().As16(), s.to.addr.Addr().As16()
	return append(append(b, from[:]...), to[:]...)
}

func appendTCP(b []byte, s *segment) []byte {
	start := len(b)
	b = network.AppendUint16(b, s.from.addr.Port())
	b = network.AppendUint16(b, s.to.addr.Port())
	b = network.AppendUint32(b, s.from.seq)
	b = network.AppendUint32(b, s.acknowledgement())
	b = append(b, byte(s.length()-len(s.data))<<2, s.flags) // header length in words, in the upper half
	b = network.AppendUint16(b, window)
	b = append(b, 0, 0, 0, 0) // checksum; urgent pointer
	if s.flags&flagSYN != 0 {
		b = append(b, 2, mssOption)
		b = network.AppendUint16(b, s.mss)
	}
	b = append(b, s.data...)
	network.PutUint16(b[start+16:], checksum(b[start:], s.pseudoHeader()))
	return b
}

func (s *segment) acknowledgement() uint32 {
	if s.flags&flagACK == 0 {
		return 0
	}
	return s.to.seq
}

// pseudoHeader is the sum over what the TCP checksum covers of the IP header (RFC 9293 §3.1). It is the same for both
// versions of IP.
func (s *segment) pseudoHeader() uint32 {
	from, to := s.from.addr.Addr().As16(), s.to.addr.Addr().As16()
	if s.from.addr.Addr().Is4() {
		clear(from[:12]) // the prefix of IPv4 addresses in IPv6
		clear(to[:12])
	}
	return sum(from[:], sum(to[:], uint32(s.length())+protocolTCP))
}

// sum adds up 16-bit words. 64 KiB of them do not overflow it.
func sum(b []byte, start uint32) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		start += uint32(network.Uint16(b))
	}
	if len(b) == 1 {
		start += uint32(b[0]) << 8
	}
	return start
}

// checksum is the Internet checksum (RFC 1071) of b, with what start has summed up.
func checksum(b []byte, start uint32) uint16 {
	s := sum(b, start)
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}
