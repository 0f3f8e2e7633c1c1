package packet_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/packet"
	"github.com/akushu/akushu/internal/peer"
	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// Headers in the making: each puts its own in front of what it carries.

func be16(v int) string  { return string(binary.BigEndian.AppendUint16(nil, uint16(v))) }
func be32(v int) string  { return string(binary.BigEndian.AppendUint32(nil, uint32(v))) }
func le16(v int) string  { return string(binary.LittleEndian.AppendUint16(nil, uint16(v))) }
func le32(v int) string  { return string(binary.LittleEndian.AppendUint32(nil, uint32(v))) }
func zeros(n int) string { return strings.Repeat("\x00", n) }

const macs = "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02"

// Addresses: of the packet that is carried, and of those that carry it.
const (
	inner4, inner4b = "\x0a\x00\x00\x01", "\x0a\x00\x00\x02"
	outer4, outer4b = "\xc0\x00\x02\x01", "\xc0\x00\x02\x02"
)

var (
	inner6, inner6b = "\xfd\x00" + zeros(13) + "\x01", "\xfd\x00" + zeros(13) + "\x02"
	outer6, outer6b = "\x20\x01\x0d\xb8" + zeros(11) + "\x01", "\x20\x01\x0d\xb8" + zeros(11) + "\x02"
)

func ip4(src, dst string, proto, id, fragment int, payload string) string {
	head := "\x45\x00" + be16(20+len(payload)) + be16(id) + be16(fragment) + "\x40" + string(rune(proto))
	if proto > 0x7f {
		head = head[:9] + string([]byte{byte(proto)})
	}
	sum := 0
	for all, i := head+"\x00\x00"+src+dst, 0; i < 20; i += 2 {
		sum += int(all[i])<<8 | int(all[i+1])
	}
	sum = sum>>16 + sum&0xffff
	return head + be16(^(sum>>16 + sum)) + src + dst + payload
}

func ip6(src, dst string, next int, payload string) string {
	return "\x60\x00\x00\x00" + be16(len(payload)) + string([]byte{byte(next), 64}) + src + dst + payload
}

func out4(proto int, payload string) string { return ip4(outer4, outer4b, proto, 0, 0, payload) }

func udp(port int, payload string) string {
	return be16(40000) + be16(port) + be16(8+len(payload)) + be16(0) + payload
}

func eth(kind int, payload string) string { return macs + be16(kind) + payload }

// segment is a TCP segment whose sequence number tells which it is.
func segment(seq int) string {
	return be16(51000) + be16(443) + be32(seq) + be32(9) + "\x50\x18\x10\x00\x00\x00\x00\x00" + fmt.Sprintf("payload %d", seq)
}

// datagram is an IP packet with that segment, and its EtherType.
func datagram(v6 bool, seq int) (string, int) {
	if v6 {
		return ip6(inner6, inner6b, 6, segment(seq)), 0x86dd
	}
	return ip4(inner4, inner4b, 6, 1, 0, segment(seq)), 0x0800
}

// A carrier puts a datagram into one packet or several.
type carrier struct {
	name  string
	link  capture.LinkType
	carry func(ip string, kind int) []string
}

func one(carry func(ip string, kind int) string) func(string, int) []string {
	return func(ip string, kind int) []string { return []string{carry(ip, kind)} }
}

// overEthernet is a carrier whose own packets go over IPv4 in Ethernet.
func overEthernet(proto int, carry func(ip string, kind int) string) func(string, int) []string {
	return one(func(ip string, kind int) string { return eth(0x0800, out4(proto, carry(ip, kind))) })
}

func overUDP(port int, carry func(ip string, kind int) string) func(string, int) []string {
	return overEthernet(17, func(ip string, kind int) string { return udp(port, carry(ip, kind)) })
}

func pick[T any](kind int, v4, v6 T) T {
	if kind == 0x0800 {
		return v4
	}
	return v6
}

func snap(kind int, ip string) string { return "\xaa\xaa\x03\x00\x00\x00" + be16(kind) + ip }

// wifi is a data frame of 802.11, of a subtype.
func wifi(control, flags byte, more string, kind int, ip string) string {
	return string([]byte{control, flags, 0, 0}) + macs + "\x02\x00\x00\x00\x00\x03" + "\x10\x00" + more + snap(kind, ip)
}

var carriers = []carrier{
	{"Ethernet", 1, one(func(ip string, kind int) string { return eth(kind, ip) })},
	{"Ethernet, padded", 1, one(func(ip string, kind int) string { return eth(kind, ip) + zeros(9) })},
	{"VLAN", 1, one(func(ip string, kind int) string { return eth(0x8100, be16(7)+be16(kind)+ip) })},
	{"QinQ", 1, one(func(ip string, kind int) string { return eth(0x88a8, be16(7)+be16(0x8100)+be16(8)+be16(kind)+ip) })},
	{"802.3 with SNAP", 1, one(func(ip string, kind int) string { return eth(len(ip)+8, snap(kind, ip)) })},
	{"VLAN with SNAP", 1, one(func(ip string, kind int) string { return eth(0x8100, be16(7)+be16(len(ip)+8)+snap(kind, ip)) })},
	{"Linux cooked", 113, one(func(ip string, kind int) string {
		return be16(0) + be16(1) + be16(6) + macs[:6] + be16(0) + be16(kind) + ip
	})},
	{"Linux cooked, VLAN", 113, one(func(ip string, kind int) string {
		return be16(0) + be16(1) + be16(6) + macs[:6] + be16(0) + be16(0x8100) + be16(7) + be16(kind) + ip
	})},
	{"Linux cooked 2", 276, one(func(ip string, kind int) string {
		return be16(kind) + be16(0) + be32(2) + be16(1) + "\x00\x06" + macs[:6] + be16(0) + ip
	})},
	{"NULL, little-endian", 0, one(func(ip string, kind int) string { return le32(pick(kind, 2, 30)) + ip })},
	{"NULL, big-endian", 0, one(func(ip string, kind int) string { return be32(pick(kind, 2, 24)) + ip })},
	{"LOOP", 108, one(func(ip string, kind int) string { return be32(pick(kind, 2, 24)) + ip })},
	{"RAW", 101, one(func(ip string, _ int) string { return ip })},
	{"PPP", 9, one(func(ip string, kind int) string { return "\xff\x03" + be16(pick(kind, 0x21, 0x57)) + ip })},
	{"PPP, protocol compressed", 9, one(func(ip string, kind int) string { return string(rune(pick(kind, 0x21, 0x57))) + ip })},
	{"PPP in HDLC", 50, one(func(ip string, kind int) string { return "\xff\x03" + be16(pick(kind, 0x21, 0x57)) + ip })},
	{"PPP with direction", 204, one(func(ip string, kind int) string { return "\x01\xff\x03" + be16(pick(kind, 0x21, 0x57)) + ip })},
	{"PPPoE", 51, one(func(ip string, kind int) string {
		return "\x11\x00\x00\x01" + be16(len(ip)+2) + be16(pick(kind, 0x21, 0x57)) + ip
	})},
	{"PPPoE over VLAN", 1, one(func(ip string, kind int) string {
		return eth(0x8100, be16(7)+be16(0x8864)+"\x11\x00\x00\x01"+be16(len(ip)+2)+be16(pick(kind, 0x21, 0x57))+ip+zeros(3))
	})},
	{"Cisco HDLC, said to be PPP", 9, one(func(ip string, kind int) string { return "\x0f\x00" + be16(kind) + ip })},
	{"Cisco HDLC", 104, one(func(ip string, kind int) string { return "\x0f\x00" + be16(kind) + ip })},
	{"MPLS", 1, one(func(ip string, _ int) string { return eth(0x8847, be32(16<<12|1<<8|64)+ip) })},
	{"MPLS, two labels, VLAN", 1, one(func(ip string, _ int) string {
		return eth(0x8100, be16(7)+be16(0x8847)+be32(16<<12|64)+be32(17<<12|1<<8|64)+ip)
	})},
	{"MPLS alone", 219, one(func(ip string, _ int) string { return be32(16<<12|1<<8|64) + ip })},
	{"pseudowire", 1, one(func(ip string, kind int) string { return eth(0x8847, be32(16<<12|1<<8|64)+be32(0)+eth(kind, ip)) })},
	{"pseudowire without control word", 1, one(func(ip string, kind int) string {
		return eth(0x8847, be32(16<<12|1<<8|64)+"\x00\x1b\x21\x00\x00\x01"+eth(kind, ip)[6:])
	})},
	{"802.11", 105, one(func(ip string, kind int) string { return wifi(0x08, 0x01, "", kind, ip) })},
	{"802.11, QoS", 105, one(func(ip string, kind int) string { return wifi(0x88, 0x02, be16(0), kind, ip) })},
	{"802.11, QoS, four addresses", 105, one(func(ip string, kind int) string { return wifi(0x88, 0x03, macs[:6]+be16(0), kind, ip) })},
	{"radiotap", 127, one(func(ip string, kind int) string {
		return "\x00\x00" + le16(8) + le32(0) + wifi(0x08, 0x01, "", kind, ip)
	})},
	{"radiotap with time, padded", 127, one(func(ip string, kind int) string {
		return "\x00\x00" + le16(8+8+1) + le32(3) + zeros(8) + "\x20" + wifi(0x88, 0x02, be16(0)+zeros(2), kind, ip)
	})},
	{"radiotap, presence extended", 127, one(func(ip string, kind int) string {
		word := 1<<31 | 1<<29 | 2
		return "\x00\x00" + le16(8+4+1) + le32(word) + le32(0) + "\x20" + wifi(0x88, 0x02, be16(0)+zeros(2), kind, ip)
	})},
	{"Prism", 119, one(func(ip string, kind int) string {
		return le32(0x44) + le32(144) + zeros(136) + wifi(0x08, 0x01, "", kind, ip)
	})},
	{"AVS", 163, one(func(ip string, kind int) string {
		return be32(0x80211001) + be32(64) + zeros(56) + wifi(0x08, 0x01, "", kind, ip)
	})},

	{"in IPv4", 1, overEthernet4in()},
	{"in IPv6", 1, one(func(ip string, kind int) string { return eth(0x86dd, ip6(outer6, outer6b, pick(kind, 4, 41), ip)) })},
	{"in IPv6 in IPv4", 1, one(func(ip string, kind int) string {
		return eth(0x0800, out4(41, ip6(outer6, outer6b, pick(kind, 4, 41), ip)))
	})},
	{"IPv6 extension headers", 1, one(func(ip string, kind int) string {
		hop, options, route := "\x3c\x00\x01\x04"+zeros(4), "\x2b\x01\x01\x0c"+zeros(12), string([]byte{pick(kind, byte(4), 41)})+"\x00\x00\x00"+zeros(4)
		return eth(0x86dd, ip6(outer6, outer6b, 0, hop+options+route+ip))
	})},
	{"authentication header", 1, one(func(ip string, kind int) string {
		return eth(0x0800, out4(51, string([]byte{pick(kind, byte(4), 41), 4})+zeros(2)+be32(1)+be32(1)+zeros(12)+ip))
	})},
	{"GRE", 1, overEthernet(47, func(ip string, kind int) string { return be16(0) + be16(kind) + ip })},
	{"GRE with key, checksum and number", 1, overEthernet(47, func(ip string, kind int) string {
		return be16(0xb000) + be16(kind) + be32(0) + be32(5) + be32(6) + ip
	})},
	{"GRE with Ethernet", 1, overEthernet(47, func(ip string, kind int) string { return be16(0x2000) + be16(0x6558) + be32(5) + eth(kind, ip) })},
	{"ERSPAN II", 1, overEthernet(47, func(ip string, kind int) string {
		return be16(0x1000) + be16(0x88be) + be32(1) + "\x10\x01\x00\x01" + be32(0) + eth(kind, ip)
	})},
	{"ERSPAN III", 1, overEthernet(47, func(ip string, kind int) string {
		return be16(0x1000) + be16(0x22eb) + be32(1) + "\x20\x01\x00\x01" + be32(0) + be32(0) + eth(kind, ip)
	})},
	{"PPTP", 1, overEthernet(47, func(ip string, kind int) string {
		p := be16(pick(kind, 0x21, 0x57)) + ip
		return be16(0x3081) + be16(0x880b) + be16(len(p)) + be16(1) + be32(1) + be32(1) + p
	})},
	{"VXLAN", 1, overUDP(4789, func(ip string, kind int) string { return "\x08\x00\x00\x00\x00\x00\x2a\x00" + eth(kind, ip) })},
	{"VXLAN over IPv6 with VLAN", 1, one(func(ip string, kind int) string {
		return eth(0x86dd, ip6(outer6, outer6b, 17, udp(4789, "\x08\x00\x00\x00\x00\x00\x2a\x00"+eth(0x8100, be16(5)+be16(kind)+ip))))
	})},
	{"VXLAN-GPE", 1, overUDP(4790, func(ip string, kind int) string {
		return "\x0c\x00\x00" + string([]byte{pick(kind, byte(1), 2)}) + "\x00\x00\x2a\x00" + ip
	})},
	{"Geneve", 1, overUDP(6081, func(ip string, kind int) string { return "\x00\x00" + be16(0x6558) + be32(42<<8) + eth(kind, ip) })},
	{"Geneve with options and IP", 1, overUDP(6081, func(ip string, kind int) string {
		return "\x02\x00" + be16(kind) + be32(42<<8) + be16(0x0102) + "\x80\x01" + be32(7) + ip
	})},
	{"GTP-U", 1, overUDP(2152, func(ip string, _ int) string { return "\x30\xff" + be16(len(ip)) + be32(7) + ip })},
	{"GTP-U with number and extension", 1, overUDP(2152, func(ip string, _ int) string {
		return "\x36\xff" + be16(len(ip)+8) + be32(7) + be16(1) + "\x00\x85" + "\x01\x10\x05\x00" + ip
	})},
	{"CAPWAP with Ethernet", 1, overUDP(5247, func(ip string, kind int) string { return "\x00\x10\x02\x00" + be32(0) + eth(kind, ip) })},
	{"CAPWAP with 802.11", 1, overUDP(5247, func(ip string, kind int) string {
		swapped := []byte(wifi(0x01, 0x08, "", kind, ip)) // bytes exchanged
		swapped[22], swapped[23] = swapped[23], swapped[22]
		return "\x00\x10\x03\x00" + be32(0) + string(swapped)
	})},
	{"GRE with 802.11", 1, overEthernet(47, func(ip string, kind int) string { return be16(0) + be16(0x8200) + wifi(0x08, 0x01, "", kind, ip) })},
	{"WCCP", 1, overEthernet(47, func(ip string, _ int) string { return be16(0) + be16(0x883e) + zeros(4) + ip })},
	{"WCCP, version 1", 1, overEthernet(47, func(ip string, _ int) string { return be16(0) + be16(0x883e) + ip })},
	{"Teredo", 1, overUDP(3544, func(ip string, kind int) string {
		return zeros(8) + pick(kind, ip6(outer6, outer6b, 4, ip), ip)
	})},
	{"Teredo, authenticated", 1, overUDP(3544, func(ip string, kind int) string {
		return "\x00\x01\x02\x03" + zeros(2+3+8+1) + pick(kind, ip6(outer6, outer6b, 4, ip), ip)
	})},
	{"AYIYA", 1, overUDP(5072, func(ip string, kind int) string {
		return "\x41\x52\x11" + string([]byte{pick(kind, byte(4), 41)}) + be32(1) + zeros(16) + zeros(20) + ip
	})},
	{"L2TP", 1, overUDP(1701, func(ip string, kind int) string {
		return be16(0x4802) + be16(16+len(ip)) + be16(1) + be16(2) + be32(0) + "\xff\x03" + be16(pick(kind, 0x21, 0x57)) + ip
	})},
	{"L2TP with an offset", 1, overUDP(1701, func(ip string, kind int) string {
		return be16(0x0202) + be16(1) + be16(2) + be16(3) + zeros(3) + "\xff\x03" + be16(pick(kind, 0x21, 0x57)) + ip
	})},
	{"TZSP", 1, overUDP(37008, func(ip string, kind int) string { return "\x01\x00\x00\x01\x00\x0a\x01\x2a\x01" + eth(kind, ip) })},
	{"LISP", 1, overUDP(4341, func(ip string, _ int) string { return "\x80" + zeros(7) + ip })},
	{"EtherIP", 1, overEthernet(97, func(ip string, kind int) string { return be16(0x3000) + eth(kind, ip) })},
	{"VN-Tag", 1, one(func(ip string, kind int) string { return eth(0x8926, be32(0)+be16(0x8100)+be16(7)+be16(kind)+ip) })},
	{"E-Tag", 1, one(func(ip string, kind int) string { return eth(0x893f, zeros(6)+be16(kind)+ip) })},
	{"redundancy tag", 1, one(func(ip string, kind int) string { return eth(0xf1c1, be16(0)+be16(9)+be16(kind)+ip) })},
	{"HSR", 1, one(func(ip string, kind int) string { return eth(0x892f, be16(len(ip)+6)+be16(9)+be16(kind)+ip) })},
	{"Cisco MetaData", 1, one(func(ip string, kind int) string { return eth(0x8909, "\x01\x01"+be16(1)+be16(7)+be16(kind)+ip) })},
	{"provider backbone bridge", 1, one(func(ip string, kind int) string { return eth(0x88a8, be16(7)+be16(0x88e7)+be32(42)+eth(kind, ip)) })},
	{"MACsec, authenticated only", 1, one(func(ip string, kind int) string {
		return eth(0x88e5, "\x20\x00"+be32(1)+zeros(8)+be16(kind)+ip+zeros(16))
	})},
	{"NSH", 1, one(func(ip string, kind int) string {
		return eth(0x894f, "\x0f\xc6\x01"+string([]byte{pick(kind, byte(1), 2)})+be32(1)+zeros(16)+ip)
	})},
	{"NFLOG", 239, one(func(ip string, kind int) string {
		return string([]byte{pick(kind, byte(2), 10)}) + zeros(3) + le16(5) + le16(10) + zeros(4) + le16(4+len(ip)) + le16(9) + ip
	})},
	{"PFLOG", 117, one(func(ip string, kind int) string {
		return "\x3d" + string([]byte{pick(kind, byte(2), 24)}) + zeros(62) + ip
	})},
	{"ENC", 109, one(func(ip string, kind int) string { return le32(pick(kind, 2, 24)) + zeros(8) + ip })},
	{"PPI", 192, one(func(ip string, kind int) string { return "\x00\x00" + le16(8) + le32(1) + eth(kind, ip) })},
	{"PKTAP", 258, one(func(ip string, kind int) string { return le32(108) + le32(1) + le32(1) + zeros(96) + eth(kind, ip) })},
	{"ERF", 197, one(func(ip string, kind int) string {
		return zeros(8) + "\x82\x04" + be16(16+8+2+14+len(ip)) + zeros(2) + be16(14+len(ip)) + "\x03" + zeros(7) + zeros(2) + eth(kind, ip)
	})},
	{"Ethernet with preamble", 274, one(func(ip string, kind int) string { return strings.Repeat("\x55", 7) + "\xd5" + eth(kind, ip) })},
	{"FDDI", 10, one(func(ip string, kind int) string { return "\x50" + macs + snap(kind, ip) })},
	{"Token Ring", 6, one(func(ip string, kind int) string { return "\x10\x40" + macs + snap(kind, ip) })},
	{"Token Ring with a route", 6, one(func(ip string, kind int) string {
		return "\x10\x40" + macs[:6] + "\x82" + macs[7:] + "\x06\x30\x00\x11\x00\x20" + snap(kind, ip)
	})},
	{"ATM", 100, one(func(ip string, kind int) string { return snap(kind, ip) })},
	{"SunATM", 123, one(func(ip string, kind int) string { return "\x02\x00\x00\x20" + snap(kind, ip) })},
	{"IP over Fibre Channel", 122, one(func(ip string, kind int) string { return zeros(2) + macs[:6] + zeros(2) + macs[6:] + snap(kind, ip) })},
	{"IP over FireWire", 138, one(func(ip string, kind int) string { return zeros(16) + be16(kind) + ip })},
	{"IP over InfiniBand", 242, one(func(ip string, kind int) string { return zeros(40) + be16(kind) + zeros(2) + ip })},
	{"Frame Relay", 107, one(func(ip string, kind int) string { return "\x18\x41\x03" + pick(kind, "\xcc", "\x8e") + ip })},
	{"Frame Relay with SNAP", 107, one(func(ip string, kind int) string { return "\x18\x41\x03\x00\x80\x00\x00\x00" + be16(kind) + ip })},
	{"Frame Relay, Cisco's", 107, one(func(ip string, kind int) string { return "\x18\x41" + be16(kind) + ip })},
	{"Frame Relay with direction", 206, one(func(ip string, kind int) string { return "\x01\x18\x41\x03" + pick(kind, "\xcc", "\x8e") + ip })},
	{"Cisco HDLC with direction", 205, one(func(ip string, kind int) string { return "\x01\x0f\x00" + be16(kind) + ip })},
	{"pppd", 166, one(func(ip string, kind int) string { return "\x01\xff\x03" + be16(pick(kind, 0x21, 0x57)) + ip })},
	{"fragments of IPv4", 1, fragments4},
	{"fragments of IPv6", 1, fragments6},
	{"IPv6, a fragment that is whole", 1, one(func(ip string, kind int) string {
		return eth(0x86dd, ip6(outer6, outer6b, 44, string([]byte{pick(kind, byte(4), 41)})+"\x00\x00\x00"+be32(99)+ip))
	})},
}

func overEthernet4in() func(string, int) []string {
	return one(func(ip string, kind int) string { return eth(0x0800, out4(pick(kind, 4, 41), ip)) })
}

// fragments4 has the datagram travel in three pieces of a tunnel, in disorder.
func fragments4(ip string, kind int) []string {
	piece := func(from, to, more int) string {
		return eth(0x0800, ip4(outer4, outer4b, pick(kind, 4, 41), 77+kind, from/8|more, ip[from:to]))
	}
	return []string{piece(16, 32, 0x2000), piece(32, len(ip), 0), piece(0, 16, 0x2000)}
}

func fragments6(ip string, kind int) []string {
	piece := func(from, to, more int) string {
		head := string([]byte{pick(kind, byte(4), 41), 0}) + be16(from|more) + be32(kind)
		return eth(0x86dd, ip6(outer6, outer6b, 44, head+ip[from:to]))
	}
	return []string{piece(0, 24, 1), piece(40, len(ip), 0), piece(24, 40, 1)}
}

// unknown are the carriers that tshark 4.0 does not open: it knows no such link type, and makes other guesses of what
// follows a label.
var unknown = []string{
	"MPLS alone", "pseudowire", "pseudowire without control word", "Ethernet with preamble", "WCCP, version 1",
	"Frame Relay with direction", "Cisco HDLC with direction", "pppd",
}

// shipment is every datagram in every carrier, but for some.
func shipment(without ...string) []capture.Packet {
	var all []capture.Packet
	for i, c := range carriers {
		if slices.Contains(without, c.name) {
			continue
		}
		for v, v6 := range []bool{false, true} {
			ip, kind := datagram(v6, 1000+2*i+v)
			for _, data := range c.carry(ip, kind) {
				all = append(all, capture.Packet{
					Number: len(all) + 1, Interface: int(c.link), LinkType: c.link, Time: noon, Length: len(data), Data: []byte(data),
				})
			}
		}
	}
	for i, link := range []capture.LinkType{capture.LinkIPv4, capture.LinkIPv6} {
		ip, _ := datagram(i == 1, 5000+i)
		all = append(all, capture.Packet{Number: len(all) + 1, LinkType: link, Time: noon, Length: len(ip), Data: []byte(ip)})
	}
	return all
}

// Every carrier gives the segment, with the innermost addresses.
func TestCarriers(t *testing.T) {
	for i, c := range carriers {
		for v, v6 := range []bool{false, true} {
			seq := 1000 + 2*i + v
			ip, kind := datagram(v6, seq)
			d := packet.NewDecoder()
			var got *packet.Packet
			for _, data := range c.carry(ip, kind) {
				if got != nil && got.IsTCP {
					t.Errorf("%s: got a segment before all was there", c.name)
				}
				got = d.Decode(&capture.Packet{Number: 1, LinkType: c.link, Time: noon, Length: len(data), Data: []byte(data)})
			}
			src, dst := "10.0.0.1:51000", "10.0.0.2:443"
			if v6 {
				src, dst = "[fd00::1]:51000", "[fd00::2]:443"
			}
			if !got.IsTCP || got.TCP.Seq != uint32(seq) || got.Broken != packet.None || got.Missing != 0 ||
				got.Src != netip.MustParseAddrPort(src) || got.Dst != netip.MustParseAddrPort(dst) ||
				string(got.Payload) != fmt.Sprintf("payload %d", seq) {
				t.Errorf("%s, v6 %v: got %+v", c.name, v6, got)
			}
		}
	}
}

// TestTsharkFinds the same segments in the same packets.
func TestTsharkFinds(t *testing.T) {
	all := shipment(unknown...)
	want := tsharkSegments(t, peer.Store(t, all))
	d := packet.NewDecoder()
	var got []string
	for _, p := range all {
		if k := d.Decode(&p); k.IsTCP {
			got = append(got, fmt.Sprintf("%d %d %d %d %s", p.Number, k.Src.Port(), k.Dst.Port(), k.TCP.Seq, hex.EncodeToString(k.Payload)))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("got other segments (-tshark +got):\n%s", diff)
	}
}

func tsharkSegments(t *testing.T, file string) []string {
	t.Helper()
	names := []string{"frame.number", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.payload"}
	var all []string
	for _, row := range peer.Fields(t, file, names, "-Y", "tcp", "-E", "occurrence=l", "-o", "tcp.desegment_tcp_streams:FALSE", "-o", "ip.defragment:TRUE") {
		all = append(all, strings.Join(row, " "))
	}
	return all
}

// No cut and no flipped byte does more than hide the segment, and nothing beyond the captured bytes is touched.
func TestCutAndFlipped(t *testing.T) {
	for _, whole := range shipment() {
		for n := range whole.Data {
			cut := whole
			cut.Data = slices.Clip(slices.Clone(whole.Data[:n]))
			checkPacket(t, packet.NewDecoder().Decode(&cut), &cut)
			flipped := whole
			flipped.Data = slices.Clone(whole.Data)
			flipped.Data[n] ^= 0xff
			checkPacket(t, packet.NewDecoder().Decode(&flipped), &flipped)
		}
	}
}

// checkPacket checks what holds of every packet.
func checkPacket(t *testing.T, k *packet.Packet, p *capture.Packet) {
	t.Helper()
	if k.Missing < 0 || len(k.Layers) > 64 || k.IsTCP != (len(k.Layers) > 0 && k.Layers[len(k.Layers)-1].Kind == packet.TCPHeader) {
		t.Errorf("got %+v of %x", k, p.Data)
	}
	if len(k.Payload) > 1<<16 && len(k.Payload) > len(p.Data) {
		t.Errorf("got a payload of %d bytes of a packet of %d", len(k.Payload), len(p.Data))
	}
}

// What was not captured is missing.
func TestMissing(t *testing.T) {
	data := eth(0x0800, ip4(inner4, inner4b, 6, 1, 0, segment(1)))
	whole := len("payload 1")
	for cut := range whole + 1 {
		p := capture.Packet{LinkType: 1, Length: len(data), Data: []byte(data[:len(data)-cut])}
		k := packet.NewDecoder().Decode(&p)
		if !k.IsTCP || len(k.Payload) != whole-cut || k.Missing != cut {
			t.Errorf("got %d bytes and %d missing, want %d and %d", len(k.Payload), k.Missing, whole-cut, cut)
		}
	}
}

// What a header promises beyond the packet that was on the wire was never sent.
func TestPromised(t *testing.T) {
	padded := []byte("\x11\x00\x00\x01\x00\x2a\x00\x21" + ip4(inner4, inner4b, 6, 1, 0, segment(1)))
	whole := eth(0x0800, ip4(inner4, inner4b, 6, 1, 0, segment(1)))
	for name, data := range map[string]string{
		"IP in PPPoE":   eth(0x8864, string(padded)),
		"IP in a frame": whole[:len(whole)-len("payload 1")],
	} {
		p := capture.Packet{LinkType: 1, Length: len(data), Data: []byte(data)}
		if k := packet.NewDecoder().Decode(&p); !k.IsTCP || len(k.Payload) != 0 || k.Missing != 0 {
			t.Errorf("%s: got %d bytes and %d missing, want none", name, len(k.Payload), k.Missing)
		}
	}
}

// A header that does not end is Broken, whatever layer it is of.
func TestBroken(t *testing.T) {
	for _, row := range []struct {
		name string
		data string
		want packet.Kind
	}{
		{"nothing", "", packet.Ethernet},
		{"IPv4 of version 5", eth(0x0800, "\x55"+zeros(30)), packet.IPv4},
		{"IPv4 with a header of 16 bytes", eth(0x0800, "\x44"+zeros(30)), packet.IPv4},
		{"IPv4 shorter than its header", eth(0x0800, "\x45\x00\x00\x13"+zeros(30)), packet.IPv4},
		{"IPv6 cut", eth(0x86dd, "\x60"+zeros(38)), packet.IPv6},
		{"IPv6 of version 4", eth(0x86dd, "\x40"+zeros(39)), packet.IPv6},
		{"an extension header that is too long", eth(0x86dd, ip6(inner6, inner6b, 0, "\x06\xff"+zeros(6))), packet.IPv6Extension},
		{"TCP with a header of 16 bytes", eth(0x0800, ip4(inner4, inner4b, 6, 1, 0, zeros(12)+"\x40"+zeros(7))), packet.TCPHeader},
		{"labels without end", eth(0x8847, strings.Repeat(be32(16<<12), 100)), packet.MPLS},
		{"GTP-U with an empty extension", eth(0x0800, out4(17, udp(2152, "\x34\xff\x00\x08"+zeros(7)+"\x01\x00\x00\x00\x00"))), packet.GTPU},
		{"PPP cut", eth(0x8864, "\x11\x00\x00\x01\x00\x01\x00"), packet.PPP},
	} {
		p := capture.Packet{LinkType: 1, Length: len(row.data), Data: []byte(row.data)}
		if got := packet.NewDecoder().Decode(&p); got.Broken != row.want || got.IsTCP {
			t.Errorf("%s: got %v, want %v", row.name, got.Broken, row.want)
		}
	}
}

// Fragments without end stay bounded, and one of an earlier datagram of the same name is not mixed in.
func TestFragmentsAreBounded(t *testing.T) {
	d := packet.NewDecoder()
	feed := func(at time.Time, id, offset int, payload string) *packet.Packet {
		data := eth(0x0800, ip4(outer4, outer4b, 4, id, offset, payload))
		return d.Decode(&capture.Packet{LinkType: 1, Time: at, Length: len(data), Data: []byte(data)})
	}
	var before, after, held int
	for i := range 20_000 {
		feed(noon, i%65536, 0x2000, zeros(1024))
		if held = d.Held(); held > 5<<20 {
			t.Fatalf("got %d bytes held after %d fragments", held, i)
		}
		if i == 10_000 {
			before = held
		}
	}
	if after = held; after > before+1<<20 {
		t.Errorf("got %d bytes held, then %d", before, after)
	}
	ip := ip4(inner4, inner4b, 6, 1, 0, segment(1))
	feed(noon, 65535, 0x2000, zeros(16))
	late := noon.Add(2 * time.Minute)
	feed(late, 65535, 2, ip[16:])
	if k := feed(late, 65535, 0x2000, ip[:16]); !k.IsTCP || k.TCP.Seq != 1 {
		t.Errorf("got %+v, want the segment", k)
	}
}

func TestOptions(t *testing.T) {
	rows := []struct {
		raw  string
		want packet.Options
	}{
		{"", packet.Options{}},
		{"\x02\x04\x05\xb4\x01\x03\x03\x07\x04\x02\x08\x0a\x00\x00\x00\x01\x00\x00\x00\x02", packet.Options{
			MSS: 1460, WindowScale: 7, HasWindowScale: true, SACKPermitted: true, HasTimestamps: true, TSVal: 1, TSEcr: 2,
		}},
		{"\x01\x01\x05\x12" + be32(1) + be32(2) + be32(3) + be32(4), packet.Options{SACK: []packet.SACKBlock{{1, 2}, {3, 4}}}},
		{"\x00\x02\x04\x05\xb4", packet.Options{}},
		{"\x02\x04\x05", packet.Options{}},
		{"\x02\x00\x05\xb4", packet.Options{}},
		{"\x02\x03\x05\x03\x03\x02", packet.Options{WindowScale: 2, HasWindowScale: true}},
	}
	for _, row := range rows {
		h := packet.TCP{Options: []byte(row.raw)}
		if diff := cmp.Diff(row.want, h.ParseOptions()); diff != "" {
			t.Errorf("%x: got other options (-want +got):\n%s", row.raw, diff)
		}
	}
}

func TestFlags(t *testing.T) {
	if got, want := (packet.SYN | packet.ACK | packet.AE).String(), "SYN, ACK, AE"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	for _, p := range shipment() {
		f.Add(uint16(p.LinkType), p.Data)
	}
	f.Fuzz(func(t *testing.T, link uint16, data []byte) {
		p := capture.Packet{LinkType: capture.LinkType(link), Length: len(data) + 5, Data: data}
		d := packet.NewDecoder()
		before := bytes.Clone(data)
		for range 2 { // fragments may find themselves
			checkPacket(t, d.Decode(&p), &p)
		}
		if !bytes.Equal(before, data) {
			t.Error("the packet was changed")
		}
	})
}
