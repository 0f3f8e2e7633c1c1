package capfilter_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/capfilter"
	"github.com/akushu/akushu/internal/peer"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/bpf"
)

// expressions are those that tcpdump understands as well. Where it needs another spelling, that follows.
var expressions = [][2]string{
	{"tcp"},
	{"not tcp"},
	{"port 443"},
	{"tcp port 443"},
	{"src port 443"},
	{"tcp dst port 443"},
	{"tcp and port 443"},
	{"host 10.0.0.1"},
	{"src host 10.0.0.1"},
	{"dst host 10.0.0.1 and not port 80"},
	{"host 2001:db8::1"},
	{"src host 2001:db8::1 or dst host 10.0.0.2"},
	{"net 10.0.0.0/8"},
	{"net 10.0.0.0/31"},
	{"net 0.0.0.0/0"},
	{"src net 10.0.0.2/32"},
	{"net 2001:db8::/32"},
	{"dst net 2001:db8::/127"},
	{"net 2001:db8:0:1::/65"},
	{"net ::/0"},
	{"not net 10.0.0.0/31 and not net 2001:db8::/127"},
	{"port 80 or port 443 and host 10.0.0.1"},
	{"port 80 or (port 443 and host 10.0.0.1)"},
	{"host 10.0.0.1 and port 80 or host 10.0.0.2 and port 443"},
	{"not (tcp and (port 80 or port 443)) and net 10.0.0.0/8"},
	{"!(tcp port 443) && !(tcp port 80)"},
	{"not not tcp || port 80"},
	{"tcp host 10.0.0.1 port 443", "tcp and host 10.0.0.1 and port 443"},
	{"port 80 or tcp net 10.0.0.0/31 port 443", "port 80 or (tcp and net 10.0.0.0/31 and port 443)"},
	{"host ::ffff:10.0.0.1", "host 10.0.0.1"},
	{"", ""},
}

// TestTcpdumpChooses the same packets. VLAN tags make no difference to us, so tcpdump is asked without them.
func TestTcpdumpChooses(t *testing.T) {
	peer.Find(t, "tcpdump")
	plain := traffic()
	file := store(t, plain)
	for _, row := range expressions {
		t.Run(row[0], func(t *testing.T) {
			want := choiceOfTcpdump(t, file, cmpOr(row[1], row[0]))
			for tags := range 3 {
				if diff := cmp.Diff(want, choice(t, row[0], capfilter.Ethernet, tagged(plain, tags))); diff != "" {
					t.Errorf("got another choice with %d tags (-want +got):\n%s", tags, diff)
				}
			}
			if diff := cmp.Diff(want, choice(t, row[0], capfilter.IP, stripped(plain))); diff != "" {
				t.Errorf("got another choice of bare IP (-want +got):\n%s", diff)
			}
			if n := len(want); row[0] != "" && (n == 0 || n == len(plain)) && !strings.Contains(row[0], "/0") {
				t.Errorf("got a choice of %d packets of %d, which says little", n, len(plain))
			}
		})
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// traffic is packets of few hosts and ports, so that each expression meets some, in Ethernet.
func traffic() [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	var packets [][]byte
	for range 600 {
		proto := []byte{6, 6, 17, 132, 1, 44}[r.IntN(6)]
		if r.IntN(2) == 0 {
			packets = append(packets, ipv4(r, proto))
		} else {
			packets = append(packets, ipv6(r, proto))
		}
	}
	return packets
}

func ports(r *rand.Rand) []byte {
	p := []uint16{80, 443, 8443, 51000}
	b := binary.BigEndian.AppendUint16(nil, p[r.IntN(4)])
	b = binary.BigEndian.AppendUint16(b, p[r.IntN(4)])
	return append(b, make([]byte, 20)...)
}

func ipv4(r *rand.Rand, proto byte) []byte {
	b := append(make([]byte, 12), 8, 0)
	words := 5 + byte(r.IntN(3))
	b = append(b, 0x40|words, 0, 0, words*4+24, 0, 0, 0, byte(r.IntN(8)/7)*5, 64, proto, 0, 0)
	for range 2 {
		b = append(b, 10, 0, 0, byte(r.IntN(4)))
	}
	return append(append(b, make([]byte, (words-5)*4)...), ports(r)...)
}

func ipv6(r *rand.Rand, proto byte) []byte {
	b := append(make([]byte, 12), 0x86, 0xdd)
	b = append(b, 0x60, 0, 0, 0, 0, 24, proto, 64)
	for range 2 {
		b = append(b, 0x20, 1, 0xd, 0xb8, 0, 0, 0, byte(r.IntN(2)), 0, 0, 0, 0, 0, 0, 0, byte(r.IntN(4)))
	}
	if proto == 44 {
		b = append(b, []byte{6, 17}[r.IntN(2)], 0, 0, 0, 0, 0, 0, 0)
	}
	return append(b, ports(r)...)
}

func tagged(packets [][]byte, tags int) [][]byte {
	var all [][]byte
	for _, p := range packets {
		p = slices.Clone(p)
		for i := range tags {
			p = slices.Insert(p, 12, []byte{0x81, 0x88}[i], []byte{0, 0xa8}[i], 0, 7)
		}
		all = append(all, p)
	}
	return all
}

func stripped(packets [][]byte) [][]byte {
	var all [][]byte
	for _, p := range packets {
		all = append(all, p[14:])
	}
	return all
}

func choice(t *testing.T, expression string, l capfilter.Link, packets [][]byte) []int {
	t.Helper()
	program, err := capfilter.Compile(expression, l)
	must(t, err)
	vm, err := bpf.NewVM(program)
	must(t, err)
	_, err = bpf.Assemble(program)
	must(t, err)
	chosen := []int{}
	for i, p := range packets {
		n, err := vm.Run(p)
		must(t, err)
		if n != 0 && n < len(p) {
			t.Fatalf("got %d bytes of a packet of %d, want all or none", n, len(p))
		}
		if n > 0 {
			chosen = append(chosen, i)
		}
	}
	return chosen
}

// store stores packets whose time is their number.
func store(t *testing.T, packets [][]byte) string {
	t.Helper()
	var all []capture.Packet
	for i, p := range packets {
		all = append(all, capture.Packet{LinkType: capture.LinkEthernet, Time: time.Unix(int64(i), 0), Data: p})
	}
	return peer.Store(t, all)
}

func choiceOfTcpdump(t *testing.T, file, expression string) []int {
	t.Helper()
	out := peer.Output(t, "tcpdump", "-n", "-r", file, "-w", "-", expression)
	r, err := capture.NewReader(bytes.NewReader(out))
	must(t, err)
	chosen := []int{}
	for item, err := r.Next(); err == nil; item, err = r.Next() {
		if p, ok := item.(*capture.Packet); ok {
			chosen = append(chosen, int(p.Time.Unix()))
		}
	}
	return chosen
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What is neither IPv4 nor IPv6 is chosen by what an expression says when no host, port or TCP is there.
func TestOtherPackets(t *testing.T) {
	arp := append(make([]byte, 12), 8, 6, 0, 1, 8, 0, 6, 4, 0, 1)
	for expression, want := range map[string]int{"tcp": 0, "not port 22": 1, "host 10.0.0.1": 0, "net ::/0 or not tcp": 1} {
		if got := len(choice(t, expression, capfilter.Ethernet, [][]byte{arp})); got != want {
			t.Errorf("%s: got %d, want %d", expression, got, want)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	rows := map[string]string{
		"udp":                            "unexpected \"udp\"",
		"tcp and":                        "it ends where",
		"host":                           "nothing follows host",
		"host example.com":               "no IP address",
		"host fe80::1%eth0":              "no IP address",
		"port 65536":                     "no port",
		"port -1":                        "no port",
		"net 10.0.0.1/8":                 "the network is 10.0.0.0/8",
		"net 10.0.0.0":                   "no network",
		"src tcp":                        "unexpected \"tcp\"",
		"(tcp":                           "not closed",
		"tcp)":                           "unexpected \")\"",
		"tcp 443":                        "unexpected \"443\"",
		"or tcp":                         "unexpected \"or\"",
		strings.Repeat("(", 200) + "tcp": "nested",
		strings.Repeat("port 1 or ", 300) + "tcp": "too long",
	}
	for expression, want := range rows {
		if _, err := capfilter.Compile(expression, capfilter.Ethernet); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: got %v, want %q", expression, err, want)
		}
	}
}

// Every expression compiles to what the kernel takes, or is refused.
func FuzzCompile(f *testing.F) {
	for _, row := range expressions {
		f.Add(row[0])
	}
	f.Fuzz(func(t *testing.T, expression string) {
		for _, l := range []capfilter.Link{capfilter.Ethernet, capfilter.IP} {
			program, err := capfilter.Compile(expression, l)
			if err != nil {
				continue
			}
			if _, err := bpf.NewVM(program); err != nil {
				t.Errorf("%q: %v", expression, err)
			}
		}
	})
}

func ExampleCompile() {
	program, err := capfilter.Compile("tcp port 443", capfilter.IP)
	fmt.Println(len(program) > 0, err)
	// Output: true <nil>
}
