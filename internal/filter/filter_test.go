package filter_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/akushu/akushu/internal/filter"
)

// sample is a packet with a bit of everything.
func sample(p *filter.Program) *filter.Packet {
	k := p.NewPacket()
	k.Bytes(filter.Frame, []byte("\x02\x00\x00\x00GET / HTTP/1.1"))
	k.Number(filter.FrameNumber, 7)
	k.Number(filter.FrameTimeRelative, 1_500_000_000)
	k.Number(filter.FrameTime, uint64(1_700_000_000_250_000_000))
	k.Has(filter.IP)
	k.Addr(filter.IPSrc, netip.MustParseAddr("10.0.0.1"))
	k.Addr(filter.IPDst, netip.MustParseAddr("192.0.2.9"))
	k.Addr(filter.IPAddr, netip.MustParseAddr("10.0.0.1"))
	k.Addr(filter.IPAddr, netip.MustParseAddr("192.0.2.9"))
	k.Has(filter.TCP)
	k.Number(filter.TCPSrcPort, 51000)
	k.Number(filter.TCPDstPort, 443)
	k.Number(filter.TCPPort, 51000)
	k.Number(filter.TCPPort, 443)
	k.Number(filter.TCPFlags, 0x18)
	k.Bool(filter.TCPFlagsSYN, false)
	k.Bool(filter.TCPFlagsACK, true)
	k.Has(filter.TLS)
	k.Has(filter.TLSHandshake)
	k.Number(filter.TLSHandshakeType, 1)
	k.Bytes(filter.TLSRandom, []byte{0xde, 0xad, 0xbe, 0xef})
	for _, suite := range []uint64{0x1301, 0x1302, 0xc02f} {
		k.Number(filter.TLSCipherSuite, suite)
	}
	k.Text(filter.TLSServerName, "www.example.com")
	return k
}

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		expression string
		want       bool
	}{
		{"tls", true},
		{"ssl", true},
		{"http", false},
		{"not http", true},
		{"!http && tls", true},
		{"tcp.flags.syn", true}, // the field is there, whatever it says
		{"tcp.flags.syn == 1", false},
		{"tcp.flags.ack == true", true},
		{"tcp.flags == 0x18", true},
		{"tcp.flags & 0x08", true},
		{"tcp.flags & 2", false},
		{"tcp.flags bitwise_and 8", true},
		{"tcp.flags & 0x18 == 8", false},
		{"tcp.port == 443", true},
		{"tcp.port eq 51000", true},
		{"443 == tcp.port", true},
		{"1024 < tcp.srcport", true},
		{"1024 < tcp.dstport", false},
		{"tcp.port != 443", false}, // all are to differ
		{"tcp.port !== 443", true}, // any is to differ
		{"tcp.port === 443", false},
		{"tcp.port any_ne 443", true},
		{"tcp.port all_ne 1", true},
		{"not tcp.port == 443", false},
		{"tcp.port != 80", true},
		{"http.response.code != 200", false}, // there is none
		{"all tcp.port > 400", true},
		{"all tcp.port > 1000", false},
		{"any tcp.port > 1000", true},
		{"tcp.port in {80, 443}", true},
		{"tcp.port in {440..445}", true},
		{"tcp.port in {1..3,8080}", false},
		{"tcp.port not in {1..3,8080}", true},
		{"any tcp.port in {443}", true},
		{"all tcp.port in {443}", false},
		{"all tcp.port in {443..60000}", true},
		{"all tcp.port in {443, 51000}", false}, // one member is to have them all
		{"all tcp.port not in {443}", false},
		{"all tcp.port not in {1..3}", true},
		{"tcp.srcport > tcp.dstport", true},
		{"tcp.srcport == tcp.dstport", false},
		{"ip.src == 10.0.0.1", true},
		{"ip.src == 10.0.0.0/8", true},
		{"ip.dst == 10.0.0.0/8", false},
		{"ip.addr == 192.0.2.0/24", true},
		{"ip.addr != 192.0.2.0/24", false},
		{"ip.src != 192.0.2.0/24", true},
		{"ip.addr in {10.0.0.0/8, 127.0.0.1}", true},
		{"ip.addr in {10.0.0.0..10.0.0.9}", true},
		{"ipv6.addr == 2001:db8::/32", false},
		{"tls.handshake.type == 1", true},
		{`tls.handshake.type == "Client Hello"`, true},
		{"tls.handshake.type == client_hello", true},
		{"tls.handshake.ciphersuite == TLS_AES_128_GCM_SHA256", true},
		{"tls.handshake.ciphersuite == 0xc02f", true},
		{"tls.handshake.ciphersuite == 0xc030", false},
		{"count(tls.handshake.ciphersuite) == 3", true},
		{`tls.handshake.extensions_server_name == "www.example.com"`, true},
		{`tls.handshake.extensions_server_name contains "example"`, true},
		{`tls.handshake.extensions_server_name contains example`, true},
		{`tls.handshake.extensions_server_name contains "Example"`, false},
		{`tls.handshake.extensions_server_name matches "EXAMPLE\.(com|org)$"`, true},
		{`tls.handshake.extensions_server_name ~ "^example"`, false},
		{`upper(tls.handshake.extensions_server_name) == "WWW.EXAMPLE.COM"`, true},
		{`len(tls.handshake.extensions_server_name) == 15`, true},
		{`tls.handshake.extensions_server_name[0:3] == "www"`, true},
		{`tls.handshake.extensions_server_name[-3:] == "com"`, true},
		{`tls.handshake.extensions_server_name[4-6] == "exa"`, true},
		{"tls.handshake.random == de:ad:be:ef", true},
		{"tls.handshake.random == deadbeef", true},
		{"tls.handshake.random[1:2] == ad-be", true},
		{"tls.handshake.random[3] == ef", true},
		{"tls.handshake.random[0,3] == deef", true},
		{"tls.handshake.random[9:2] == ad-be", false},
		{`tls.handshake.random contains "\xad\xbe"`, true},
		{`frame contains "GET /"`, true},
		{`frame contains 47:45:54`, true},
		{`frame[0:4] == 02:00:00:00`, true},
		{"frame.number == 7", true},
		{"frame.number > 6 and frame.number <= 7", true},
		{"frame.time_relative >= 1.5", true},
		{"frame.time_relative < 1s", false},
		{`frame.time > "2023-11-14 22:13:20"`, true},
		{`frame.time < "2023-11-14 22:13:20.5"`, true},
		{"tcp and tls or http", true},
		{"http and tls or tcp", true},
		{"tcp or tls and http", true}, // and binds more tightly
		{"(tcp or tls) and http", false},
		{"not (http or tls)", false},
		{"!!tls", true},
	} {
		p, err := filter.Compile(test.expression)
		if err != nil {
			t.Errorf("%s: %v", test.expression, err)
			continue
		}
		if got := p.Match(sample(p)); got != test.want {
			t.Errorf("%s: got %v, want %v", test.expression, got, test.want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		expression string
		want       filter.Error
	}{
		{"", filter.Error{Code: filter.Unfinished, Offset: 0}},
		{"tcp.prot == 443", filter.Error{Code: filter.UnknownField, Near: "tcp.prot", Nearest: "tcp.port"}},
		{"tls and tls.handshake.typ == 1", filter.Error{Code: filter.UnknownField, Offset: 8, Near: "tls.handshake.typ", Nearest: "tls.handshake.type"}},
		{"tsl", filter.Error{Code: filter.UnknownField, Near: "tsl", Nearest: "tls"}},
		{"bgp.open.myas.is.what == 1", filter.Error{Code: filter.UnknownField, Near: "bgp.open.myas.is.what"}},
		{"tcp.port == x", filter.Error{Code: filter.BadValue, Offset: 12, Near: "x"}},
		{"tcp.port == 65536", filter.Error{Code: filter.BadValue, Offset: 12, Near: "65536"}},
		{"tls.handshake.type in {1, 256}", filter.Error{Code: filter.BadValue, Offset: 26, Near: "256"}},
		{"tcp.port == -1", filter.Error{Code: filter.BadValue, Offset: 12, Near: "-1"}},
		{"ip.src == 10.0.0", filter.Error{Code: filter.BadValue, Offset: 10, Near: "10.0.0"}},
		{"ip.src == ::1", filter.Error{Code: filter.BadValue, Offset: 10, Near: "::1"}},
		{"ip.src > 10.0.0.0/8", filter.Error{Code: filter.BadOperator, Offset: 9, Near: "10.0.0.0/8"}},
		{"tls == 1", filter.Error{Code: filter.BadOperator, Offset: 4, Near: "=="}},
		{"tcp.port contains 4", filter.Error{Code: filter.BadOperator, Offset: 9, Near: "contains"}},
		{"tcp.port[0] == 4", filter.Error{Code: filter.BadOperator, Offset: 8, Near: "0"}},
		{"tcp.srcport == ip.src", filter.Error{Code: filter.BadOperator, Offset: 12, Near: "=="}},
		{`tls.handshake.extensions_server_name matches "("`, filter.Error{Code: filter.BadPattern, Offset: 45, Near: "("}},
		{"tls and", filter.Error{Code: filter.Unfinished, Offset: 7}},
		{"tcp.port ==", filter.Error{Code: filter.Unfinished, Offset: 11}},
		{"(tls", filter.Error{Code: filter.Unfinished, Offset: 4}},
		{"tls)", filter.Error{Code: filter.Unexpected, Offset: 3, Near: ")"}},
		{"tls tcp", filter.Error{Code: filter.Unexpected, Offset: 4, Near: "tcp"}},
		{"tcp.port in 443", filter.Error{Code: filter.Unexpected, Offset: 12, Near: "443"}},
		{"tcp xor tls", filter.Error{Code: filter.NoOperator, Offset: 4, Near: "xor"}}, // as tshark 4.0 says
		{"(tcp ^^ tls)", filter.Error{Code: filter.NoOperator, Offset: 5, Near: "^^"}},
		{"tcp.flags bitand 2", filter.Error{Code: filter.NoOperator, Offset: 10, Near: "bitand", Nearest: "&"}},
		{"xor", filter.Error{Code: filter.UnknownField, Near: "xor"}},
		{"tcp.port == xor", filter.Error{Code: filter.BadValue, Offset: 12, Near: "xor"}},
		{"tcp.port in {80 443}", filter.Error{Code: filter.NoComma, Offset: 16, Near: "443"}},
		{"tcp.port in {1..2 3}", filter.Error{Code: filter.NoComma, Offset: 18, Near: "3"}},
		{`http.host in {"a" "b"}`, filter.Error{Code: filter.NoComma, Offset: 18, Near: "b"}},
		{"tcp.port in {1, 2,}", filter.Error{Code: filter.Unexpected, Offset: 18, Near: "}"}},
		{"tcp.port in {1,,2}", filter.Error{Code: filter.Unexpected, Offset: 15, Near: ","}},
		{"tcp.port in {}", filter.Error{Code: filter.Unexpected, Offset: 13, Near: "}"}},
		{"tcp.port in {443", filter.Error{Code: filter.Unfinished, Offset: 16}},
		{`"a" == "b"`, filter.Error{Code: filter.NoField, Near: "a"}},
		{`"a"`, filter.Error{Code: filter.NoField, Near: "a"}},
		{`"a`, filter.Error{Code: filter.Unfinished, Near: `"a`}},
		{"tls @ tcp", filter.Error{Code: filter.Unexpected, Offset: 4, Near: "@"}},
		{"len(tcp.port) == 1", filter.Error{Code: filter.BadOperator, Near: "len"}},
		{"len(foo) == 1", filter.Error{Code: filter.UnknownField, Offset: 4, Near: "foo"}},
	} {
		_, err := filter.Compile(test.expression)
		got, ok := errors.AsType[*filter.Error](err)
		if !ok {
			t.Errorf("%s: got no error, want %v", test.expression, test.want)
			continue
		}
		if test.want.Nearest == "" {
			got.Nearest = ""
		}
		if *got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.expression, *got, test.want)
		}
	}
}

// TestUses requires a program to ask for the fields of its expression and no others.
func TestUses(t *testing.T) {
	p, err := filter.Compile("tcp.port == 443 or count(tls.handshake.type) > 1")
	if err != nil {
		t.Fatal(err)
	}
	for f, name := range filter.Names() {
		want := name == "tcp.port" || name == "tls.handshake.type"
		if got := p.Uses(filter.Field(f)); got != want {
			t.Errorf("Uses(%s): got %v, want %v", name, got, want)
		}
	}
}

// TestReset requires a packet that is filled anew to have nothing of before.
func TestReset(t *testing.T) {
	p, err := filter.Compile("tls or tcp.port == 443")
	if err != nil {
		t.Fatal(err)
	}
	k := sample(p)
	k.Reset()
	if p.Match(k) {
		t.Error("an empty packet matches")
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		"tcp.port == 443 and not tls", `tls.handshake.extensions_server_name matches "x\.y"`, "tcp.port in {1..2, 3}",
		"frame[0:2] == 17:03", "all ip.addr != 10.0.0.0/8", "(tcp.flags & 2) or 'a'", `r"\d" == http.host`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := filter.Compile(text)
		if err != nil {
			e, ok := errors.AsType[*filter.Error](err)
			if !ok || e.Offset < 0 || e.Offset > len(text) {
				t.Fatalf("got %#v, want an Error inside the expression", err)
			}
			return
		}
		p.Match(sample(p))
		p.Match(p.NewPacket())
	})
}
