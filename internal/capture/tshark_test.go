package capture_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/peer"
	"github.com/google/go-cmp/cmp"
)

// strict has tshark read twice, with every check switched on.
var strict = []string{"-2", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"}

// tshark runs the field's own reader over a capture, and returns what it prints.
func tshark(t *testing.T, file string, args ...string) string {
	t.Helper()
	args = slices.Concat(strict, []string{"-r", file}, args)
	return strings.TrimSuffix(string(peer.Output(t, "tshark", args...)), "\n")
}

// fields are the values of fields, a row for each packet.
func fields(t *testing.T, file, filter string, names ...string) [][]string {
	t.Helper()
	return peer.Fields(t, file, names, append(slices.Clone(strict), "-Y", filter)...)
}

// spoken is a conversation with its bytes.
type spoken struct {
	fromClient, fromServer bytes.Buffer
	ports                  [2]string
	*capture.Conversation
	t   *testing.T
	now time.Time
}

func (s *spoken) say(fromClient bool, n int) {
	s.t.Helper()
	b := bytes.Repeat([]byte{byte(n), byte(n >> 8), 0xff}, n)[:n]
	if fromClient {
		s.fromClient.Write(b)
	} else {
		s.fromServer.Write(b)
	}
	s.now = s.now.Add(time.Millisecond)
	must(s.t, s.Data(fromClient, s.now, b))
}

// converse writes a file with one conversation and the secrets that it might need.
func converse(t *testing.T, client, server netip.AddrPort, run func(*spoken)) (path string, s *spoken) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "conversation.pcapng")
	file, err := os.Create(path)
	must(t, err)
	defer file.Close()
	b, err := capture.NewBuilder(file, capture.Section{Application: "akushu", Comment: capture.Synthesised})
	must(t, err)
	_, err = b.AddInterface(capture.Interface{LinkType: capture.LinkEthernet, Name: "tap"})
	must(t, err)
	c, err := capture.NewConversation(b, client, server, noon, 0)
	must(t, err)
	s = &spoken{Conversation: c, t: t, now: noon, ports: [2]string{fmt.Sprint(client.Port()), fmt.Sprint(server.Port())}}
	run(s)
	must(t, b.WriteSecrets(aLine))
	must(t, b.Close())
	return path, s
}

func TestTsharkReadsConversations(t *testing.T) {
	ends := map[string][2]string{
		"IPv4":          {"192.0.2.1:51000", "198.51.100.7:61234"},
		"IPv4 loopback": {"127.0.0.1:51001", "127.0.0.1:61234"},
		"IPv6":          {"[2001:db8::1]:51000", "[2001:db8::2]:61234"},
		"IPv6 loopback": {"[::1]:51001", "[::1]:61234"},
	}
	for name, pair := range ends {
		client, server := netip.MustParseAddrPort(pair[0]), netip.MustParseAddrPort(pair[1])
		t.Run(name+", closed", func(t *testing.T) {
			file, s := converse(t, client, server, func(s *spoken) {
				s.say(true, 517)
				s.say(false, 100_000)
				s.say(true, 1)
				s.say(true, 1)
				s.say(false, 1461)
				must(t, s.Close(true, s.now))
				s.say(false, 3)
				must(t, s.Close(false, s.now))
			})
			checkConversation(t, file, s, "31") // SYN, SYN-ACK, ACK, data, FIN
		})
		t.Run(name+", reset", func(t *testing.T) {
			file, s := converse(t, client, server, func(s *spoken) {
				s.say(true, 10)
				s.say(false, 10)
				must(t, s.Reset(false, s.now))
			})
			checkConversation(t, file, s, "47") // SYN, SYN-ACK, ACK, data, RST
		})
	}
}

func checkConversation(t *testing.T, file string, s *spoken, completeness string) {
	t.Helper()
	const complaints = "_ws.malformed || (_ws.expert.severity >= 0x600000 && tcp.flags.reset == 0) || tcp.analysis.flags || !tcp.checksum.status == 1 || ip.checksum.status != 1"
	if got := tshark(t, file, "-Y", complaints); got != "" {
		t.Errorf("got complaints:\n%s", got)
	}
	sent := map[string]string{}
	var complete string
	for _, values := range fields(t, file, "tcp", "tcp.srcport", "tcp.payload", "tcp.completeness") {
		sent[values[0]] += values[1]
		complete = values[2]
	}
	if complete != completeness {
		t.Errorf("got completeness %s, want %s", complete, completeness)
	}
	want := map[string]string{s.ports[0]: hex.EncodeToString(s.fromClient.Bytes()), s.ports[1]: hex.EncodeToString(s.fromServer.Bytes())}
	if !cmp.Equal(sent, want) {
		t.Errorf("got bytes that differ from the %d and %d bytes sent", s.fromClient.Len(), s.fromServer.Len())
	}
}

// What a section, an interface, secrets and a packet say is where tshark looks for it.
func TestTsharkReadsBlocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "blocks.pcapng")
	file, err := os.Create(path)
	must(t, err)
	defer file.Close()
	w, err := capture.NewWriter(file, capture.Section{Application: "akushu", Comment: capture.Synthesised})
	must(t, err)
	_, err = w.AddInterface(capture.Interface{LinkType: capture.LinkEthernet, Name: "tap"})
	must(t, err)
	must(t, w.WriteSecrets(aLine))
	must(t, w.WritePacket(capture.Packet{Time: noon, Data: make([]byte, 60), Comment: "a comment of its own"}))

	want := [][]string{{fmt.Sprintf("%d.%09d", noon.Unix(), noon.Nanosecond()), "tap", "a comment of its own", "60"}}
	got := fields(t, path, "frame", "frame.time_epoch", "frame.interface_name", "frame.comment", "frame.len")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("got other fields (-want +got):\n%s", diff)
	}

	blocks := tshark(t, path, "-X", "read_format:MIME Files Format", "-V")
	for _, want := range []string{
		"Block: Section Header Block", "Option: User Application = akushu", "Comment = " + capture.Synthesised,
		"Block: Decryption Secrets Block", "Secrets Type: TLS Key Log", "Block: Enhanced Packet Block",
	} {
		if !strings.Contains(blocks, want) {
			t.Errorf("got no %q in\n%s", want, blocks)
		}
	}
}

// What tshark writes of a capture, in any of its formats, gives the same packets.
func TestReaderReadsTshark(t *testing.T) {
	file, _ := converse(t, clientV4, serverV4, func(s *spoken) { s.say(true, 3000) })
	want := packets(t, file)
	for format, unit := range map[string]time.Duration{"pcap": time.Microsecond, "nsecpcap": time.Nanosecond, "pcapng": time.Nanosecond} {
		t.Run(format, func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), "copy")
			tshark(t, file, "-w", copied, "-F", format)
			for i, got := range packets(t, copied) {
				want := want[i]
				want.Time = want.Time.Truncate(unit)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("got another packet %d (-want +got):\n%s", i+1, diff)
				}
			}
		})
	}
}

func packets(t *testing.T, path string) []capture.Packet {
	t.Helper()
	file, err := os.Open(path)
	must(t, err)
	defer file.Close()
	items, err := collect(file)
	must(t, err)
	var packets []capture.Packet
	for _, item := range items {
		if p, ok := item.(*capture.Packet); ok {
			packets = append(packets, *p)
		}
	}
	if len(packets) == 0 {
		t.Fatalf("got no packets in %s", path)
	}
	return packets
}
