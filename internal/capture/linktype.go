package capture

import "fmt"

// LinkType says what the packets of an interface begin with: a LINKTYPE_ value of the registry that pcap and pcapng
// share.
type LinkType uint16

// The link types whose packets are decoded, by the registry's names.
const (
	LinkNull              LinkType = 0   // BSD loopback, address family in the byte order of the host that captured
	LinkEthernet          LinkType = 1   // Ethernet
	LinkPPP               LinkType = 9   // PPP, with or without address and control
	LinkRawBSD            LinkType = 12  // IP, as some systems number it
	LinkRawOpenBSD        LinkType = 14  // IP, as OpenBSD numbers it
	LinkPPPHDLC           LinkType = 50  // PPP in HDLC-like framing
	LinkPPPEther          LinkType = 51  // PPPoE, from its session header on
	LinkRaw               LinkType = 101 // IP of either version
	LinkCiscoHDLC         LinkType = 104 // Cisco's PPP with HDLC framing
	LinkIEEE80211         LinkType = 105 // 802.11
	LinkLoop              LinkType = 108 // OpenBSD loopback, address family in network byte order
	LinkLinuxSLL          LinkType = 113 // Linux "cooked" capture
	LinkIEEE80211Prism    LinkType = 119 // 802.11 after a Prism header
	LinkIEEE80211Radio    LinkType = 127 // 802.11 after a radiotap header
	LinkIEEE80211AVS      LinkType = 163 // 802.11 after an AVS header
	LinkPPPWithDir        LinkType = 204 // PPP after a byte that tells the direction
	LinkMPLS              LinkType = 219 // MPLS, from the first label on
	LinkIPv4              LinkType = 228 // IPv4
	LinkIPv6              LinkType = 229 // IPv6
	LinkTokenRing         LinkType = 6   // IEEE 802.5 Token Ring
	LinkFDDI              LinkType = 10  // FDDI
	LinkATM               LinkType = 100 // LLC over ATM
	LinkFrameRelay        LinkType = 107 // Frame Relay
	LinkEnc               LinkType = 109 // OpenBSD's enc interface
	LinkPFLog             LinkType = 117 // OpenBSD's packet filter log
	LinkIPOverFC          LinkType = 122 // IP over Fibre Channel
	LinkSunATM            LinkType = 123 // SunATM
	LinkFireWire          LinkType = 138 // IP over IEEE 1394
	LinkPPPD              LinkType = 166 // PPP after a byte that tells the direction, of pppd
	LinkPPI               LinkType = 192 // per-packet information
	LinkERF               LinkType = 197 // Endace's records
	LinkCHDLCWithDir      LinkType = 205 // Cisco's HDLC after a byte that tells the direction
	LinkFrameRelayWithDir LinkType = 206 // Frame Relay after a byte that tells the direction
	LinkNFLog             LinkType = 239 // Linux's packet filter log
	LinkIPoIB             LinkType = 242 // IP over InfiniBand
	LinkPKTAP             LinkType = 258 // macOS's header of several interfaces
	LinkMPacket           LinkType = 274 // Ethernet with its preamble
	LinkLinuxSLL2         LinkType = 276 // Linux "cooked" capture, version 2
)

var linkNames = map[LinkType]string{
	LinkNull: "NULL", LinkEthernet: "ETHERNET", LinkPPP: "PPP", LinkRawBSD: "RAW", LinkRawOpenBSD: "RAW",
	LinkPPPHDLC: "PPP_HDLC", LinkPPPEther: "PPP_ETHER", LinkRaw: "RAW", LinkCiscoHDLC: "C_HDLC",
	LinkIEEE80211: "IEEE802_11", LinkLoop: "LOOP", LinkLinuxSLL: "LINUX_SLL", LinkIEEE80211Prism: "IEEE802_11_PRISM",
	LinkIEEE80211Radio: "IEEE802_11_RADIOTAP", LinkIEEE80211AVS: "IEEE802_11_AVS", LinkPPPWithDir: "PPP_WITH_DIR",
	LinkMPLS: "MPLS", LinkIPv4: "IPV4", LinkIPv6: "IPV6", LinkLinuxSLL2: "LINUX_SLL2",
	LinkTokenRing:         "IEEE802_5",
	LinkFDDI:              "FDDI",
	LinkATM:               "ATM_RFC1483",
	LinkFrameRelay:        "FRELAY",
	LinkEnc:               "ENC",
	LinkPFLog:             "PFLOG",
	LinkIPOverFC:          "IP_OVER_FC",
	LinkSunATM:            "SUNATM",
	LinkFireWire:          "APPLE_IP_OVER_IEEE1394",
	LinkPPPD:              "PPP_PPPD",
	LinkPPI:               "PPI",
	LinkERF:               "ERF",
	LinkCHDLCWithDir:      "C_HDLC_WITH_DIR",
	LinkFrameRelayWithDir: "FRELAY_WITH_DIR",
	LinkNFLog:             "NFLOG",
	LinkIPoIB:             "IPOIB",
	LinkPKTAP:             "PKTAP",
	LinkMPacket:           "ETHERNET_MPACKET",
}

// String is the registry's name without its prefix, or the number.
func (l LinkType) String() string {
	if name, ok := linkNames[l]; ok {
		return name
	}
	return fmt.Sprintf("link type %d", uint16(l))
}
