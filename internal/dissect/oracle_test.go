package dissect_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/rewrite"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/observe"
)

// said is what both say of a connection.
type said struct {
	Stream                        int
	Client                        string
	Version, Suite, Name          string
	ALPN, JA3, JA3S               string
	FromClient, FromServer        []string // handshake messages and alerts, in order
	Certificates                  []string
	ClientData, ServerData        string // what they said to each other
	SYN, SYNACK, FINOrRST, Opened bool   // the last: there are data, and they were decrypted
}

// overheard is the plaintext of both directions of a connection, as its events bring it.
type overheard struct {
	data  [3][]byte // by direction
	early [3]int    // how many bytes of them came as early data
}

func (o *overheard) event(e observe.Event) {
	switch b := e.Body.(type) {
	case *observe.RolesSwapped:
		o.data[observe.ClientToServer], o.data[observe.ServerToClient] = o.data[observe.ServerToClient], o.data[observe.ClientToServer]
	case *observe.ApplicationData:
		o.data[e.Dir] = append(o.data[e.Dir], b.Data...)
		if b.Early {
			o.early[e.Dir] += b.Length
		}
	}
}

// of is what one end said, without what the other one did not accept. It must be what its session sums up.
func (o *overheard) of(t testing.TB, s *observe.Session, d observe.Dir, sum observe.DataInfo) string {
	t.Helper()
	data := o.data[d]
	if s.EarlyData != observe.EarlyDataAccepted {
		data = data[o.early[d]:]
	}
	if whole := sum.SHA256 != ""; int64(len(data)) != sum.Bytes || whole && fmt.Sprintf("%x", sha256.Sum256(data)) != sum.SHA256 {
		t.Errorf("%s: got %d bytes and a sum of others, want those of %q", s.Client, sum.Bytes, data)
	}
	return string(data)
}

// ours is what we say, in the order of streams.
func ours(t testing.TB, all []capture.Packet, log []byte) ([]said, []*observe.Session) {
	t.Helper()
	heard := map[int]*overheard{}
	list := sessions(t, all, log, func(stream int) func(observe.Event) {
		heard[stream] = new(overheard)
		return heard[stream].event
	})
	said := summed(list)
	for i, s := range list {
		if o, a := heard[s.Stream], &s.ApplicationData; o != nil && said[i].Opened {
			said[i].ClientData = o.of(t, s, observe.ClientToServer, a.Client)
			said[i].ServerData = o.of(t, s, observe.ServerToClient, a.Server)
		}
	}
	return said, list
}

// summed is what sessions say.
func summed(list []*observe.Session) []said {
	var all []said
	for _, s := range list {
		k := said{
			Stream: s.Stream, Client: s.Client, Version: s.Version, Suite: s.CipherSuiteID, Name: s.ServerName, ALPN: s.ALPN, JA3: s.JA3, JA3S: s.JA3S,
			SYN: s.TCP.SYN, SYNACK: s.TCP.SYNACK, FINOrRST: s.TCP.FIN || s.TCP.RST,
		}
		alerts := s.Alerts
		for _, m := range s.Messages {
			what := m.Type
			if m.Type == "Alert" {
				what, alerts = "Alert "+alerts[0].Description, alerts[1:]
			}
			if m.From == "client" {
				k.FromClient = append(k.FromClient, what)
			} else {
				k.FromServer = append(k.FromServer, what)
			}
		}
		for _, c := range s.Certificates {
			k.Certificates = append(k.Certificates, c.SHA256)
		}
		k.Opened = s.ApplicationData.Client.Bytes+s.ApplicationData.Server.Bytes > 0
		all = append(all, k)
	}
	return all
}

// node is a field of PDML.
type node struct {
	Name, Show, Value string
	Inner             []*node
}

// all calls f with every field inside of n, in order.
func (n *node) all(f func(*node)) {
	for _, k := range n.Inner {
		f(k)
		k.all(f)
	}
}

// first is the value of the first field of a name.
func (n *node) first(name string) (show string) {
	n.all(func(k *node) {
		if show == "" && k.Name == name {
			show = k.Show
		}
	})
	return show
}

// theirs is what tshark says of a capture.
type theirs struct {
	t       *testing.T
	args    []string
	streams []*said
}

// tsharkSays has tshark say it.
func tsharkSays(t *testing.T, all []capture.Packet, log []byte) []said {
	t.Helper()
	k := &theirs{t: t, args: tsharkArgs(t, all, log)}
	readPDML(k.run("-T", "pdml", "-J", "ip ipv6 tcp tls"), k.packet)
	k.data()
	var list []said
	for _, s := range k.streams {
		list = append(list, *s)
	}
	return list
}

// looked is the fields of PDML that are looked at.
var looked = map[string]bool{
	"ip.src": true, "ipv6.src": true, "tcp.srcport": true, "tcp.stream": true, "tcp.flags": true,
	"tls.change_cipher_spec": true, "tls.handshake": true, "tls.alert_message": true, "tls.alert_message.desc": true, "tls.handshake.type": true, "tls.handshake.certificate": true,
	"tls.handshake.ja3": true, "tls.handshake.ja3s": true, "tls.handshake.extensions_server_name": true, "tls.handshake.extensions_alpn_str": true,
	"tls.handshake.random": true, "tls.handshake.version": true, "tls.handshake.extensions.supported_version": true, "tls.handshake.ciphersuite": true,
}

// readPDML reads packets, of which each tag has a line of its own, without the fields that nothing is in and nobody looks
// at, and without what is in certificates: most of it. A decoder of XML takes longer than all else.
func readPDML(pdml []byte, packet func(*node)) {
	var open []*node
	for line := range bytes.Lines(pdml) {
		tag := bytes.TrimSpace(line)
		switch {
		case bytes.HasPrefix(tag, []byte("<packet>")):
			open = []*node{{}}
		case bytes.HasPrefix(tag, []byte("</packet>")):
			packet(open[0])
			open = nil
		case len(open) == 0 || !bytes.HasPrefix(tag, []byte("<")):
		case bytes.HasPrefix(tag, []byte("</")):
			open = open[:len(open)-1]
		default:
			n, last := &node{Name: attribute(tag, "name")}, open[len(open)-1]
			leaf := bytes.HasSuffix(tag, []byte("/>"))
			if looked[n.Name] {
				n.Show, n.Value = attribute(tag, "show"), attribute(tag, "value")
			}
			if last != nil && (!leaf && !strings.HasPrefix(n.Name, "x509") || looked[n.Name]) {
				last.Inner = append(last.Inner, n)
			} else {
				n = nil // nor is what is in it
			}
			if !leaf {
				open = append(open, n)
			}
		}
	}
}

// attribute is an attribute of a tag; "" if it has none.
func attribute(tag []byte, name string) string {
	_, rest, _ := bytes.Cut(tag, []byte(" "+name+`="`))
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return html.UnescapeString(string(value))
}

// tsharkArgs stores a capture and its secrets, and tells tshark of them.
func tsharkArgs(t *testing.T, all []capture.Packet, log []byte) []string {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "keys")
	check(t, os.WriteFile(keys, log, 0o600))
	return []string{
		"-n", "-r", peer.Store(t, all), "-o", "tls.keylog_file:" + keys, "-o", "tcp.reassemble_out_of_order:TRUE", "-o", "tcp.try_heuristic_first:TRUE",
		"-d", "tcp.port==21001,http",
	}
}

func (k *theirs) run(args ...string) []byte {
	k.t.Helper()
	return peer.Output(k.t, "tshark", append(k.args, args...)...)
}

// packet takes what a packet brings.
func (k *theirs) packet(p *node) {
	var header *node
	for i := range p.Inner {
		if p.Inner[i].Name == "tcp" {
			header = p.Inner[i]
		}
	}
	id, err := strconv.Atoi(header.first("tcp.stream"))
	check(k.t, err)
	source := p.first("ip.src") + p.first("ipv6.src") + ":" + header.first("tcp.srcport")
	if strings.Count(source, ":") > 1 {
		source = "[" + p.first("ipv6.src") + "]:" + header.first("tcp.srcport")
	}
	if id == len(k.streams) {
		k.streams = append(k.streams, &said{Stream: id, Client: source})
	}
	s := k.streams[id]
	flags, _ := strconv.ParseUint(header.first("tcp.flags"), 0, 16)
	s.SYN, s.SYNACK = s.SYN || flags&0x12 == 2, s.SYNACK || flags&0x12 == 0x12
	s.FINOrRST = s.FINOrRST || flags&5 != 0
	for i := range p.Inner {
		if p.Inner[i].Name == "tls" {
			p.Inner[i].all(func(n *node) { k.field(s, source == s.Client, n) })
		}
	}
}

// field takes a field of TLS.
func (k *theirs) field(s *said, client bool, n *node) {
	list := &s.FromServer
	if client {
		list = &s.FromClient
	}
	switch n.Name {
	case "tls.change_cipher_spec":
		*list = append(*list, "ChangeCipherSpec")
	case "tls.alert_message":
		what := "Alert "
		if code, err := strconv.Atoi(n.first("tls.alert_message.desc")); err == nil {
			what += iana.Alert(code).String()
		}
		*list = append(*list, what)
	case "tls.handshake":
		*list = append(*list, k.message(s, client, n))
	case "tls.handshake.certificate":
		der, err := hex.DecodeString(n.Value)
		check(k.t, err)
		s.Certificates = append(s.Certificates, fmt.Sprintf("%x", sha256.Sum256(der)))
	}
}

// message takes a handshake message, and returns its name.
func (k *theirs) message(s *said, client bool, n *node) string {
	code, err := strconv.Atoi(n.first("tls.handshake.type"))
	if err != nil {
		return observe.TypeEncryptedHandshake
	}
	typ := iana.HandshakeType(code)
	switch typ {
	case iana.HandshakeClientHello:
		if s.JA3 == "" {
			s.JA3, s.Name = n.first("tls.handshake.ja3"), n.first("tls.handshake.extensions_server_name")
		}
	case iana.HandshakeEncryptedExtensions:
		s.ALPN = n.first("tls.handshake.extensions_alpn_str")
	case iana.HandshakeServerHello:
		if strings.HasPrefix(n.first("tls.handshake.random"), "cf:21:ad:74:e5:9a:61:11") {
			return iana.HandshakeHelloRetryRequest.StructName()
		}
		if s.Version == "" {
			k.hello(s, n)
		}
	}
	return typ.StructName()
}

func (k *theirs) hello(s *said, n *node) {
	version := n.first("tls.handshake.extensions.supported_version")
	if version == "" {
		version = n.first("tls.handshake.version")
	}
	v, err := strconv.ParseUint(version, 0, 16)
	check(k.t, err)
	s.Version, s.Suite = iana.Version(v).String(), n.first("tls.handshake.ciphersuite")
	s.JA3S, s.ALPN = n.first("tls.handshake.ja3s"), n.first("tls.handshake.extensions_alpn_str")
}

// data takes what was decrypted.
func (k *theirs) data() {
	args := []string{"-q"}
	for _, s := range k.streams {
		args = append(args, "-z", "follow,tls,raw,"+strconv.Itoa(s.Stream))
	}
	var s *said
	var data [2]bytes.Buffer
	var client bool // whether the first node is
	finish := func() {
		if s == nil || data[0].Len()+data[1].Len() == 0 {
			return
		}
		s.Opened, s.ClientData, s.ServerData = true, data[0].String(), data[1].String()
	}
	for line := range strings.Lines(string(k.run(args...))) {
		line = strings.TrimRight(line, "\n")
		if stream, ok := strings.CutPrefix(line, "Filter: tcp.stream eq "); ok {
			finish()
			id, err := strconv.Atoi(stream)
			check(k.t, err)
			s = k.streams[id]
			data[0].Reset()
			data[1].Reset()
		}
		if node, ok := strings.CutPrefix(line, "Node 0: "); ok {
			client = node == strings.NewReplacer("[", "", "]", "").Replace(s.Client)
		}
		from := 0
		if strings.HasPrefix(line, "\t") == client {
			from = 1
		}
		if b, err := hex.DecodeString(strings.TrimSpace(line)); err == nil {
			data[from].Write(b)
		}
	}
	finish()
}

// TestTsharkOnRecordings: of captures of real programs tshark says the same, as they are and as a network may deliver
// them: connections, messages, versions, suites, names, certificates, alerts, decrypted bytes.
func TestTsharkOnRecordings(t *testing.T) {
	for _, row := range []struct {
		name string
		do   func([]capture.Packet) []capture.Packet
	}{
		{"as they are", func(all []capture.Packet) []capture.Packet { return all }},
		{"MTU 300", func(all []capture.Packet) []capture.Packet { return rewrite.Split(all, 260) }},
		{"MTU 300, reordered", func(all []capture.Packet) []capture.Packet { return rewrite.Swap(rewrite.Split(all, 260), 3) }},
		{"repeated", func(all []capture.Packet) []capture.Packet { return rewrite.Twice(all, 3, time.Millisecond) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			all, log := album(t, capture.LinkEthernet)
			all = row.do(all)
			want := tsharkSays(t, all, log)
			got, _ := ours(t, all, log)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("got something else (-tshark +got):\n%.8000s", diff)
			}
			if opened := slices.DeleteFunc(got, func(s said) bool { return !s.Opened }); len(opened) < 20 {
				t.Errorf("got %d connections that were decrypted, want 20 and more", len(opened))
			}
		})
	}
}
