package packet_test

import (
	"testing"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/packet"
)

// A capture that keeps the beginning of packets only may cut the options of TCP: the segment is there all the same.
func TestOptionsCut(t *testing.T) {
	options := "\x02\x04\x05\xb4\x01\x03\x03\x07\x01\x01\x04\x02"
	whole := be16(51000) + be16(443) + be32(7) + be32(9) + "\x80\x18\x10\x00\x00\x00\x00\x00" + options + "payload"
	data := eth(0x0800, ip4(inner4, inner4b, 6, 1, 0, whole))
	for cut := len(data) - len("payload") - len(options); cut <= len(data); cut++ {
		p := packet.NewDecoder().Decode(&capture.Packet{LinkType: capture.LinkEthernet, Time: noon, Length: len(data), Data: []byte(data[:cut])})
		if !p.IsTCP || p.TCP.Seq != 7 || len(p.Payload)+p.Missing != len("payload") {
			t.Errorf("cut after %d bytes: got %+v, want a segment of 7 bytes", cut, p)
		}
	}
}
