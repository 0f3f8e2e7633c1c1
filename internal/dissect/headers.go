package dissect

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/packet"
	"github.com/akushu/akushu/internal/capture/tcp"
	"github.com/akushu/akushu/internal/filter"
)

// header is what is known of a packet without looking into its connection.
type header struct {
	*capture.Packet
	decoded       *packet.Packet
	seen          *tcp.Seen
	first, before time.Time // of the first packet, and the one before
}

// fill fills in the fields of all headers, those of tunnels included, as Wireshark has them.
func (h *header) fill(k *filter.Packet) {
	h.fillFrame(k)
	for i := range h.decoded.Layers {
		l := &h.decoded.Layers[i]
		switch l.Kind {
		case packet.IPv4:
			fillIPv4(k, l.Header)
		case packet.IPv6:
			fillIPv6(k, l.Header)
		case packet.TCPHeader:
			h.fillTCP(k, l.Header)
		}
	}
	if h.seen.Conn != nil {
		h.fillStream(k)
	}
}

func (h *header) fillFrame(k *filter.Packet) {
	k.Bytes(filter.Frame, h.Data)
	k.Number(filter.FrameNumber, uint64(h.Number))
	k.Number(filter.FrameLen, uint64(h.Length))
	k.Number(filter.FrameCapLen, uint64(len(h.Data)))
	k.Number(filter.FrameTime, uint64(h.Time.UnixNano()))
	k.Number(filter.FrameTimeEpoch, uint64(h.Time.UnixNano()))
	k.Number(filter.FrameTimeRelative, uint64(h.Time.Sub(h.first)))
	k.Number(filter.FrameTimeDelta, uint64(h.Time.Sub(h.before)))
	k.Number(filter.FrameInterfaceID, uint64(h.Interface))
	if h.Comment != "" {
		k.Text(filter.FrameComment, h.Comment)
	}
}

var network = binary.BigEndian // byte order

func fillIPv4(k *filter.Packet, b []byte) {
	k.Has(filter.IP)
	k.Number(filter.IPVersion, uint64(b[0]>>4))
	k.Number(filter.IPLen, uint64(network.Uint16(b[2:])))
	k.Number(filter.IPID, uint64(network.Uint16(b[4:])))
	k.Number(filter.IPTTL, uint64(b[8]))
	k.Number(filter.IPProto, uint64(b[9]))
	src, dst := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	k.Addr(filter.IPSrc, src)
	k.Addr(filter.IPDst, dst)
	k.Addr(filter.IPAddr, src)
	k.Addr(filter.IPAddr, dst)
}

func fillIPv6(k *filter.Packet, b []byte) {
	if len(b) < 40 {
		return
	}
	k.Has(filter.IPv6)
	k.Number(filter.IPv6Version, uint64(b[0]>>4))
	k.Number(filter.IPv6PayloadLen, uint64(network.Uint16(b[4:])))
	k.Number(filter.IPv6HopLimit, uint64(b[7]))
	src, dst := netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	k.Addr(filter.IPv6Src, src)
	k.Addr(filter.IPv6Dst, dst)
	k.Addr(filter.IPv6Addr, src)
	k.Addr(filter.IPv6Addr, dst)
}

// flagFields are the fields of the control bits, the last bit first.
var flagFields = [...]filter.Field{
	filter.TCPFlagsFIN, filter.TCPFlagsSYN, filter.TCPFlagsRST, filter.TCPFlagsPSH,
	filter.TCPFlagsACK, filter.TCPFlagsURG, filter.TCPFlagsECE, filter.TCPFlagsCWR,
}

func (h *header) fillTCP(k *filter.Packet, b []byte) {
	payload := h.decoded.Payload
	if k.Wants(filter.TCP, filter.TCP) {
		k.Bytes(filter.TCP, append(b[:len(b):len(b)], payload...))
	}
	src, dst := uint64(network.Uint16(b)), uint64(network.Uint16(b[2:]))
	k.Number(filter.TCPSrcPort, src)
	k.Number(filter.TCPDstPort, dst)
	k.Number(filter.TCPPort, src)
	k.Number(filter.TCPPort, dst)
	k.Number(filter.TCPSeqRaw, uint64(network.Uint32(b[4:])))
	k.Number(filter.TCPAckRaw, uint64(network.Uint32(b[8:])))
	k.Number(filter.TCPHdrLen, uint64(len(b)))
	flags := network.Uint16(b[12:]) & 0xfff
	k.Number(filter.TCPFlags, uint64(flags))
	for bit, field := range flagFields {
		k.Bool(field, flags>>bit&1 != 0)
	}
	k.Number(filter.TCPWindow, uint64(network.Uint16(b[14:])))
	k.Number(filter.TCPLen, uint64(len(payload)+h.decoded.Missing))
	if len(payload) > 0 {
		k.Bytes(filter.TCPPayload, payload)
	}
}

// analysis is the fields of what is noticed about a segment.
var analysis = map[tcp.Kind]filter.Field{
	tcp.Retransmission: filter.TCPRetransmission,
	tcp.Duplicate:      filter.TCPOutOfOrder,
	tcp.OutOfOrder:     filter.TCPOutOfOrder,
	tcp.LostSegment:    filter.TCPLostSegment,
	tcp.AckedLost:      filter.TCPAckedLost,
	tcp.KeepAlive:      filter.TCPKeepAlive,
	tcp.KeepAliveACK:   filter.TCPKeepAliveACK,
	tcp.ZeroWindow:     filter.TCPZeroWindow,
	tcp.PortsReused:    filter.TCPReusedPorts,
}

func (h *header) fillStream(k *filter.Packet) {
	s := h.seen
	k.Number(filter.TCPStream, uint64(s.Conn.ID))
	k.Number(filter.TCPSeq, uint64(uint32(s.Seq)))
	k.Number(filter.TCPAck, uint64(uint32(s.Ack)))
	next := s.Seq + int64(s.Length)
	if h.decoded.TCP.Flags&(packet.SYN|packet.FIN) != 0 {
		next++
	}
	k.Number(filter.TCPNextSeq, uint64(uint32(next)))
	k.Number(filter.TCPTimeRelative, uint64(h.Time.Sub(s.Conn.First.Time)))
	for i := range s.Events {
		e := &s.Events[i]
		if field, ok := analysis[cmp.Or(e.Like, e.Kind)]; ok {
			k.Has(field)
			k.Has(filter.TCPAnalysisFlags)
		}
	}
}
