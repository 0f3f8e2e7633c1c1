package dissect_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/observe"
)

// cut is what a capture with a snap length has of packets.
func cut(all []capture.Packet, length int) []capture.Packet {
	all = slices.Clone(all)
	for i := range all {
		all[i].Data = all[i].Data[:min(len(all[i].Data), length)]
	}
	return all
}

// TestCutPackets: where a capture has the beginning of packets only, that is said, and the part of a hello is enough to
// know that there is TLS; a message that is not whole is no message.
func TestCutPackets(t *testing.T) {
	for _, tc := range []struct {
		name   string
		length int
		want   string // findings
		tls    bool
	}{
		{"curl_h2_tls13", 1 << 16, "", true},
		{"curl_h2_tls13", 96, "client partial_message ClientHello, server partial_message ServerHello, packets_cut", true},
		{"rsa_tls12", 96, "client partial_message ClientHello, client partial_message ClientKeyExchange, server partial_message ServerHello, packets_cut", true},
		{"curl_h2_tls13", 66 + 9, "client partial_message ClientHello, server partial_message ServerHello, packets_cut", true},
		{"curl_h2_tls13", 66 + 2, "packets_cut", false},
		{"plain_http", 96, "packets_cut", false},
	} {
		all, _ := packets(t, filepath.Join("testdata", tc.name+".pcap"))
		s := sessions(t, cut(all, tc.length), nil, nil)[0]
		var got []string
		for _, f := range s.Findings {
			if f.Code != observe.CodeCannotDecrypt {
				got = append(got, strings.Join(strings.Fields(f.From+" "+f.Code+" "+f.Where), " "))
			}
		}
		if got := strings.Join(got, ", "); got != tc.want || s.TLS() != tc.tls {
			t.Errorf("%s, %d bytes a packet: got TLS %t and %s, want %t and %s", tc.name, tc.length, s.TLS(), got, tc.tls, tc.want)
		}
		if tc.want != "" && (s.TCP.Cut == 0 || len(s.Messages) > 1) {
			t.Errorf("%s, %d bytes a packet: got %d that were cut and the messages %v", tc.name, tc.length, s.TCP.Cut, s.Messages)
		}
	}
}

// TestCutHead: of a head of HTTP whose end is missing the first line counts.
func TestCutHead(t *testing.T) {
	all, _ := packets(t, filepath.Join("testdata", "plain_http.pcap"))
	list := sessions(t, cut(all, 100), nil, nil)[0].HTTP
	if len(list) == 0 || list[0].Method != "GET" || list[0].Path != "/" || list[0].Status != 200 || list[0].Protocol != "HTTP/1.1" {
		t.Errorf("got %+v, want GET / and 200 in HTTP/1.1", list)
	}
}
