package packet

import "github.com/akushu/akushu/internal/capture"

// Kind names a kind of header.
type Kind uint8

// The kinds. None stands for all that is not looked into.
const (
	None Kind = iota
	Ethernet
	VLAN
	LLC
	LinuxSLL
	LinuxSLL2
	Null
	Loop
	RawIP
	PPP
	PPPWithDir
	PPPoE
	CiscoHDLC
	MPLS
	PseudoWire
	Radiotap
	Prism
	AVS
	Dot11
	IPv4
	IPv6
	IPv6Extension
	IPv6Fragment
	AH
	GRE
	ERSPAN
	UDP
	VXLAN
	VXLANGPE
	Geneve
	GTPU
	CAPWAP
	Teredo
	AYIYA
	WCCP
	L2TP
	TZSP
	LISP
	EtherIP
	VNTag
	ETag
	RTag
	MetaData
	ITag
	MACsec
	NSH
	NFLog
	PFLog
	Enc
	PPI
	PKTAP
	ERF
	Preamble
	FDDI
	TokenRing
	FibreChannel
	SunATM
	FireWire
	InfiniBand
	FrameRelay
	FrameRelayWithDir
	CiscoHDLCWithDir
	TCPHeader
	reassembly // of fragments: not a header
	kinds
)

// A step reads the header at Decoder.data, of which at least min bytes are there: it returns how long it is, and what
// follows. A length beyond the data, or broken, ends the walk.
type step struct {
	name string
	min  int
	read func(*Decoder) (n int, next Kind)
}

// steps has a row for every kind. The names are Wireshark's, for its filters.
var steps = [kinds]step{
	None:              {name: "data"},
	Ethernet:          {"eth", 14, (*Decoder).ethernet},
	VLAN:              {"vlan", 4, (*Decoder).vlan},
	LLC:               {"llc", 8, (*Decoder).llc},
	LinuxSLL:          {"sll", 16, (*Decoder).linuxSLL},
	LinuxSLL2:         {"sll", 20, (*Decoder).linuxSLL2},
	Null:              {"null", 4, (*Decoder).null},
	Loop:              {"null", 4, (*Decoder).loop},
	RawIP:             {"raw", 1, (*Decoder).rawIP},
	PPP:               {"ppp", 1, (*Decoder).ppp},
	PPPWithDir:        {"ppp", 1, directed(PPP)},
	PPPoE:             {"pppoes", 6, (*Decoder).pppoe},
	CiscoHDLC:         {"chdlc", 4, (*Decoder).ciscoHDLC},
	MPLS:              {"mpls", 4, (*Decoder).mpls},
	PseudoWire:        {"pwethcw", 4, (*Decoder).pseudoWire},
	Radiotap:          {"radiotap", 8, (*Decoder).radiotap},
	Prism:             {"prism", 8, (*Decoder).prism},
	AVS:               {"wlancap", 8, (*Decoder).avs},
	Dot11:             {"wlan", 24, (*Decoder).dot11},
	IPv4:              {"ip", 20, (*Decoder).ipv4},
	IPv6:              {"ipv6", 40, (*Decoder).ipv6},
	IPv6Extension:     {"ipv6", 8, (*Decoder).ipv6Extension},
	IPv6Fragment:      {"ipv6", 8, (*Decoder).ipv6Fragment},
	AH:                {"ah", 12, (*Decoder).ah},
	GRE:               {"gre", 4, (*Decoder).gre},
	ERSPAN:            {"erspan", 8, (*Decoder).erspan},
	UDP:               {"udp", 8, (*Decoder).udp},
	VXLAN:             {"vxlan", 8, (*Decoder).vxlan},
	VXLANGPE:          {"vxlan", 8, (*Decoder).vxlanGPE},
	Geneve:            {"geneve", 8, (*Decoder).geneve},
	GTPU:              {"gtp", 8, (*Decoder).gtpu},
	CAPWAP:            {"capwap", 8, (*Decoder).capwap},
	Teredo:            {"teredo", 4, (*Decoder).teredo},
	AYIYA:             {"ayiya", 8, (*Decoder).ayiya},
	WCCP:              {"wccp", 5, (*Decoder).wccp},
	L2TP:              {"l2tp", 6, (*Decoder).l2tp},
	TZSP:              {"tzsp", 5, (*Decoder).tzsp},
	LISP:              {"lisp-data", 8, (*Decoder).lisp},
	EtherIP:           {"etherip", 2, (*Decoder).etherIP},
	VNTag:             {"vntag", 6, (*Decoder).vnTag},
	ETag:              {"ieee8021br", 8, (*Decoder).eTag},
	RTag:              {"rtag", 6, (*Decoder).rTag},
	MetaData:          {"cmd", 4, (*Decoder).metaData},
	ITag:              {"ieee8021ah", 4, (*Decoder).iTag},
	MACsec:            {"macsec", 6, (*Decoder).macSec},
	NSH:               {"nsh", 8, (*Decoder).nsh},
	NFLog:             {"nflog", 8, (*Decoder).nflog},
	PFLog:             {"pflog", 4, (*Decoder).pfLog},
	Enc:               {"enc", 12, (*Decoder).enc},
	PPI:               {"ppi", 8, (*Decoder).ppi},
	PKTAP:             {"pktap", 12, (*Decoder).pktap},
	ERF:               {"erf", 16, (*Decoder).erf},
	Preamble:          {"mpacket", 8, (*Decoder).preamble},
	FDDI:              {"fddi", 13, (*Decoder).fddi},
	TokenRing:         {"tr", 14, (*Decoder).tokenRing},
	FibreChannel:      {"ipfc", 16, (*Decoder).fibreChannel},
	SunATM:            {"atm", 4, (*Decoder).sunATM},
	FireWire:          {"ap1394", 18, (*Decoder).fireWire},
	InfiniBand:        {"ipoib", 44, (*Decoder).infiniBand},
	FrameRelay:        {"fr", 5, (*Decoder).frameRelay},
	FrameRelayWithDir: {"fr", 1, directed(FrameRelay)},
	CiscoHDLCWithDir:  {"chdlc", 1, directed(CiscoHDLC)},
	TCPHeader:         {"tcp", 20, (*Decoder).tcp},
	reassembly:        {"reassembly", 0, (*Decoder).reassemble},
}

// String is the protocol's name as Wireshark's filters spell it.
func (k Kind) String() string { return steps[min(k, kinds-1)].name }

// links is what packets begin with.
var links = map[capture.LinkType]Kind{
	capture.LinkNull:              Null,
	capture.LinkEthernet:          Ethernet,
	capture.LinkPPP:               PPP,
	capture.LinkRawBSD:            RawIP,
	capture.LinkRawOpenBSD:        RawIP,
	capture.LinkPPPHDLC:           PPP,
	capture.LinkPPPEther:          PPPoE,
	capture.LinkRaw:               RawIP,
	capture.LinkCiscoHDLC:         CiscoHDLC,
	capture.LinkIEEE80211:         Dot11,
	capture.LinkLoop:              Loop,
	capture.LinkLinuxSLL:          LinuxSLL,
	capture.LinkIEEE80211Prism:    Prism,
	capture.LinkIEEE80211Radio:    Radiotap,
	capture.LinkIEEE80211AVS:      AVS,
	capture.LinkPPPWithDir:        PPPWithDir,
	capture.LinkMPLS:              MPLS,
	capture.LinkIPv4:              IPv4,
	capture.LinkIPv6:              IPv6,
	capture.LinkLinuxSLL2:         LinuxSLL2,
	capture.LinkTokenRing:         TokenRing,
	capture.LinkFDDI:              FDDI,
	capture.LinkATM:               LLC,
	capture.LinkFrameRelay:        FrameRelay,
	capture.LinkEnc:               Enc,
	capture.LinkPFLog:             PFLog,
	capture.LinkIPOverFC:          FibreChannel,
	capture.LinkSunATM:            SunATM,
	capture.LinkFireWire:          FireWire,
	capture.LinkPPPD:              PPPWithDir,
	capture.LinkPPI:               PPI,
	capture.LinkERF:               ERF,
	capture.LinkCHDLCWithDir:      CiscoHDLCWithDir,
	capture.LinkFrameRelayWithDir: FrameRelayWithDir,
	capture.LinkNFLog:             NFLog,
	capture.LinkIPoIB:             InfiniBand,
	capture.LinkPKTAP:             PKTAP,
	capture.LinkMPacket:           Preamble,
}

// etherTypes is what follows an EtherType (IEEE 802 numbers). A switch, for it is asked for every packet.
func etherType(t uint16) Kind {
	switch t {
	case 0x0800:
		return IPv4
	case 0x86dd:
		return IPv6
	case 0x8100, 0x88a8, 0x9100, 0x9200:
		return VLAN
	case 0x8847, 0x8848:
		return MPLS
	case 0x8864:
		return PPPoE
	case 0x6558: // transparent Ethernet bridging
		return Ethernet
	case 0x880b:
		return PPP
	case 0x88be, 0x22eb:
		return ERSPAN
	case 0x8926:
		return VNTag
	case 0x893f:
		return ETag
	case 0xf1c1, 0x892f:
		return RTag
	case 0x8909:
		return MetaData
	case 0x88e7:
		return ITag
	case 0x88e5:
		return MACsec
	case 0x894f:
		return NSH
	}
	return None
}

// protocol is what follows an IP protocol number, or the next header of IPv6.
func protocol(p byte) Kind {
	switch p {
	case 6:
		return TCPHeader
	case 17:
		return UDP
	case 4:
		return IPv4
	case 41:
		return IPv6
	case 47:
		return GRE
	case 51:
		return AH
	case 97:
		return EtherIP
	case 137:
		return MPLS
	}
	return None
}
