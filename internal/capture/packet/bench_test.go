package packet_test

import (
	"testing"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/packet"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

func plain(t testing.TB) []byte {
	t.Helper()
	ip, kind := datagram(false, 1)
	return []byte(eth(kind, ip))
}

// Ethernet, IP and TCP, as nearly every packet is.
func BenchmarkDecode(b *testing.B) {
	data := plain(b)
	p := capture.Packet{LinkType: capture.LinkEthernet, Length: len(data), Data: data}
	d := packet.NewDecoder()
	for b.Loop() {
		if !d.Decode(&p).IsTCP {
			b.Fatal("got no segment")
		}
	}
}

// The same by gopacket's parser, in its form that allocates nothing.
func BenchmarkDecodeByGopacket(b *testing.B) {
	data := plain(b)
	var (
		ethernet layers.Ethernet
		ip       layers.IPv4
		tcp      layers.TCP
		found    []gopacket.LayerType
	)
	parser := gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &ethernet, &ip, &tcp)
	parser.IgnoreUnsupported = true
	for b.Loop() {
		if err := parser.DecodeLayers(data, &found); err != nil || len(found) != 3 {
			b.Fatal(err, found)
		}
	}
}

func TestDecodingAllocatesNothing(t *testing.T) {
	data := plain(t)
	p := capture.Packet{LinkType: capture.LinkEthernet, Length: len(data), Data: data}
	d := packet.NewDecoder()
	d.Decode(&p)
	if got := testing.AllocsPerRun(100, func() { d.Decode(&p) }); got != 0 {
		t.Errorf("got %v allocations a packet, want 0", got)
	}
}

// TestGopacketDecodes the same from the plain packets of all shipments, whole and flipped.
func TestGopacketDecodes(t *testing.T) {
	for _, p := range shipment() {
		if p.LinkType != capture.LinkEthernet {
			continue
		}
		for n := range len(p.Data) + 1 {
			flipped := p
			flipped.Data = append([]byte(nil), p.Data...)
			if n > 0 {
				flipped.Data[n-1] ^= 0x11
			}
			compareToGopacket(t, &flipped)
		}
	}
}

// compareToGopacket compares what both find, if it is TCP right behind one IP header.
func compareToGopacket(t *testing.T, p *capture.Packet) {
	t.Helper()
	k := packet.NewDecoder().Decode(p)
	n := len(k.Layers)
	if !k.IsTCP || n < 3 || k.Layers[n-3].Kind != packet.Ethernet {
		return
	}
	g := gopacket.NewPacket(p.Data, layers.LayerTypeEthernet, gopacket.NoCopy)
	if n > 3 {
		g = gopacket.NewPacket(p.Data[len(p.Data)-rest(k, p):], layers.LayerTypeEthernet, gopacket.NoCopy)
	}
	tcp, ok := g.Layer(layers.LayerTypeTCP).(*layers.TCP)
	if !ok {
		return // it refuses what is cut, or options that are wrong
	}
	if uint16(tcp.SrcPort) != k.Src.Port() || tcp.Seq != k.TCP.Seq || tcp.Ack != k.TCP.Ack || tcp.Window != k.TCP.Window ||
		string(tcp.Payload) != string(k.Payload) || g.NetworkLayer().NetworkFlow().Src().String() != k.Src.Addr().String() {
		t.Errorf("got %+v, gopacket says %+v, of %x", k, tcp, p.Data)
	}
}

// rest is how much of a packet follows all but its last three headers.
func rest(k *packet.Packet, p *capture.Packet) int {
	n := len(p.Data)
	for _, l := range k.Layers[:len(k.Layers)-3] {
		n -= len(l.Header)
	}
	return n
}
