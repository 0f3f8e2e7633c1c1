package observe_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/observe"
	akushu "github.com/akushu/akushu/tls"
	"github.com/google/go-cmp/cmp"
)

// tcpdump captures what goes to and from a port of the loopback interface, until stop is
// called, which returns the file.
func tcpdump(t *testing.T, port int) (stop func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lo.pcap")
	// The buffer has a slot of the longest packet for each: there must be enough of them.
	cmd := exec.Command(
		peer.Find(t, "tcpdump"), "-i", "lo", "-U", "--immediate-mode", "-s", "65536", "-B", "32768", "-Z", "root", "-w", path,
		"tcp", "port", strconv.Itoa(port),
	)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	first, err := bufio.NewReader(stderr).ReadString('\n')
	if err != nil || !strings.Contains(first, "listening") {
		cmd.Wait()
		peer.Lacks(t, "tcpdump cannot capture: "+first)
	}
	return func() string {
		waitForMarker(t, path, port)
		cmd.Process.Signal(syscall.SIGINT)
		cmd.Wait()
		return path
	}
}

// waitForMarker sends something of its own to a port, where nobody reads it, until it is in the capture: then all that went before is, too.
func waitForMarker(t *testing.T, path string, port int) {
	t.Helper()
	const marker = "this is the end of the capture"
	for range 100 {
		c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, marker)
		time.Sleep(20 * time.Millisecond)
		c.Close()
		if file, _ := os.ReadFile(path); bytes.Contains(file, []byte(marker)) {
			return
		}
	}
	t.Fatal("tcpdump did not capture what was sent last")
}

// node is a protocol or a field in PDML.
type node struct {
	Name   string `xml:"name,attr"`
	Show   string `xml:"show,attr"`
	Protos []node `xml:"proto"`
	Fields []node `xml:"field"`
}

// dissect lists what tshark finds in a capture, in its order: "c record 53", "c message 20
// 32", "s alert 1 0", "c ccs".
func dissect(t *testing.T, path, keys string, port int) []string {
	t.Helper()
	out := peer.Output(t, "tshark", "-r", path, "-o", "tls.keylog_file:"+keys, "-d", fmt.Sprintf("tcp.port==%d,tls", port), "-Y", "tls", "-T", "pdml")
	var doc struct {
		Packets []node `xml:"packet"`
	}
	if err := xml.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, p := range doc.Packets {
		from := "c"
		if find(p, "tcp.srcport") == strconv.Itoa(port) {
			from = "s"
		}
		for _, proto := range p.Protos {
			if proto.Name == "tls" {
				list = proto.walk(list, from)
			}
		}
	}
	return list
}

// find returns what is shown of the first field of this name, at any depth.
func find(n node, name string) string {
	for _, child := range append(n.Protos, n.Fields...) {
		if child.Name == name {
			return child.Show
		}
		if s := find(child, name); s != "" {
			return s
		}
	}
	return ""
}

func (n node) walk(list []string, from string) []string {
	switch n.Name {
	case "tls.record":
		list = append(list, from+" record "+find(n, "tls.record.length"))
	case "tls.handshake":
		list = append(list, fmt.Sprintf("%s message %s %s", from, find(n, "tls.handshake.type"), find(n, "tls.handshake.length")))
		return list
	case "tls.alert_message":
		list = append(list, fmt.Sprintf("%s alert %s %s", from, find(n, "tls.alert_message.level"), find(n, "tls.alert_message.desc")))
		return list
	case "tls.change_cipher_spec":
		list = append(list, from+" ccs")
	}
	for _, child := range n.Fields {
		list = child.walk(list, from)
	}
	return list
}

// listed is the same of a tap's events.
func listed(events []observe.Event) []string {
	levels := map[string]int{"warning": 1, "fatal": 2}
	var list []string
	for _, e := range events {
		from := (e.Dir.From() + " ")[:1]
		switch b := e.Body.(type) {
		case *observe.Record:
			list = append(list, fmt.Sprintf("%s record %d", from, b.Length))
		case *observe.Message:
			list = append(list, fmt.Sprintf("%s message %d %d", from, b.Raw[0], b.Length))
		case *observe.Alert:
			list = append(list, fmt.Sprintf("%s alert %d %d", from, levels[b.Level], b.Code))
		case *observe.ChangeCipherSpec:
			list = append(list, from+" ccs")
		}
	}
	return list
}

// What a tap sees of a stack talking to itself, crypto/tls or ours, is what tshark finds in the packets of the
// same connection with the same key log: records and messages, their types, lengths,
// directions and order.
func TestTapAgainstTshark(t *testing.T) {
	peer.Find(t, "tshark")
	for _, row := range []struct {
		name    string
		version uint16
		change  func(client, server *tls.Config)
		warmUp  bool // a connection before, whose session is resumed
		fail    bool
		crosses bool // the ends do not always take turns
		ours    bool // our stack, not crypto/tls
	}{
		{name: "1.2", version: tls.VersionTLS12},
		{name: "1.2 client certificate", version: tls.VersionTLS12, change: clientAuth},
		{name: "1.2 resumed", version: tls.VersionTLS12, change: cache, warmUp: true},
		{name: "1.2 refused", version: tls.VersionTLS12, change: demand, fail: true},
		{name: "1.3", version: tls.VersionTLS13},
		{name: "1.3 HelloRetryRequest", version: tls.VersionTLS13, change: retry, crosses: true}, // the server's ChangeCipherSpec and the client's
		{name: "1.3 client certificate", version: tls.VersionTLS13, change: clientAuth},
		{name: "1.3 resumed", version: tls.VersionTLS13, change: cache, warmUp: true},
		{name: "1.3 refused", version: tls.VersionTLS13, change: demand, fail: true},
		{name: "ours 1.2", version: tls.VersionTLS12, ours: true},
		{name: "ours 1.3", version: tls.VersionTLS13, ours: true},
		{name: "ours 1.3 HelloRetryRequest", version: tls.VersionTLS13, change: retry, crosses: true, ours: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			clientConfig, serverConfig := configs(t, row.version, "ECDSA")
			if row.change != nil {
				row.change(clientConfig, serverConfig)
			}
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			var keys bytes.Buffer
			l := newLog()
			tap := observe.NewTap(l.options())
			clientConfig.KeyLogWriter = io.MultiWriter(&keys, tap.KeyLog())
			port := ln.Addr().(*net.TCPAddr).Port
			stop := tcpdump(t, port)
			speak := theirs
			if row.ours {
				speak = ours
			}
			s := speak(t, clientConfig, serverConfig)
			if row.warmUp {
				visit(t, ln, s, tap)
			}
			err = visit(t, ln, s, tap)
			path := stop()
			if (err != nil) != row.fail {
				t.Errorf("got error %v, want one: %v", err, row.fail)
			}
			if got := l.sessions[len(l.sessions)-1].Resumed; got != row.warmUp {
				t.Errorf("got resumed %v, want %v", got, row.warmUp)
			}
			log := filepath.Join(t.TempDir(), "keys")
			if row.warmUp && row.version == tls.VersionTLS12 { // crypto/tls does not log the secret again, and tshark needs it
				keys.Write(renamed(keys.Bytes(), clientRandom(l.events[1])))
			}
			if err := os.WriteFile(log, keys.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			got, want := listed(append(l.events[0], l.events[1]...)), dissect(t, path, log, port)
			if row.crosses {
				got, want = apart(got), apart(want)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the tap differs from tshark (-tshark +tap):\n%s", diff)
			}
			prints(t, path, log, port, l.sessions[len(l.sessions)-1])
			if len(want) < 8 {
				t.Errorf("tshark found %v, too little to compare with", want)
			}
		})
	}
}

// prints compares fingerprints, of which tshark has the last.
func prints(t *testing.T, path, keys string, port int, s *observe.Session) {
	t.Helper()
	for field, got := range map[string]string{"tls.handshake.ja3": s.JA3, "tls.handshake.ja3s": s.JA3S} {
		out := peer.Output(t, "tshark", "-r", path, "-o", "tls.keylog_file:"+keys, "-d", fmt.Sprintf("tcp.port==%d,tls", port), "-Y", field, "-T", "fields", "-e", field)
		all := strings.Fields(string(out))
		if len(all) == 0 {
			t.Errorf("%s: tshark sees none, got %s", field, got)
		} else if want := all[len(all)-1]; want != got && !s.HelloRetry {
			t.Errorf("%s: got %s, want %s", field, got, want)
		}
	}
}

// apart puts what the client sent before what the server sent.
func apart(list []string) []string {
	slices.SortStableFunc(list, func(a, b string) int { return strings.Compare(a[:1], b[:1]) })
	return list
}

// A stack speaks TLS on connections.
type stack struct {
	client, server func(net.Conn) io.ReadWriteCloser
}

func theirs(_ *testing.T, client, server *tls.Config) stack {
	return stack{
		func(c net.Conn) io.ReadWriteCloser { return tls.Client(c, client) },
		func(c net.Conn) io.ReadWriteCloser { return tls.Server(c, server) },
	}
}

func ours(t *testing.T, client, server *tls.Config) stack {
	from := func(c *tls.Config) *akushu.Config {
		own, err := akushu.FromStd(c)
		if err != nil {
			t.Fatal(err)
		}
		return own
	}
	clientConfig, serverConfig := from(client), from(server)
	return stack{
		func(c net.Conn) io.ReadWriteCloser { return akushu.Client(c, clientConfig) },
		func(c net.Conn) io.ReadWriteCloser { return akushu.Server(c, serverConfig) },
	}
}

// visit is one connection that a tap watches at the client. The ends take turns, so that
// there is but one order of what they send.
func visit(t *testing.T, ln net.Listener, s stack, tap *observe.Tap) error {
	t.Helper()
	const greeting = "ready"
	served := make(chan struct{})
	go func() {
		defer close(served)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		server := s.server(c)
		defer server.Close()
		if _, err := io.WriteString(server, greeting); err != nil {
			return
		}
		if _, err := io.ReadFull(server, make([]byte, len(question))); err == nil {
			io.WriteString(server, answer)
		}
	}()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client := s.client(tap.Conn(c, observe.Client, 0))
	defer func() { <-served }()
	defer client.Close()
	if _, err := io.ReadFull(client, make([]byte, len(greeting))); err != nil {
		return err
	}
	if _, err := io.WriteString(client, question); err != nil {
		return err
	}
	_, err = io.ReadAll(client)
	return err
}

func cache(client, _ *tls.Config) { client.ClientSessionCache = tls.NewLRUClientSessionCache(1) }

// demand has the server ask for a certificate that the client has not.
func demand(_, server *tls.Config) { server.ClientAuth = tls.RequireAnyClientCert }

// clientRandom is that of the first ClientHello.
func clientRandom(events []observe.Event) []byte {
	for _, e := range events {
		if m, ok := e.Body.(*observe.Message); ok && m.Type == "ClientHello" {
			return m.Raw[6:38]
		}
	}
	return nil
}

// renamed is the first line of a key log, for another connection.
func renamed(log, random []byte) []byte {
	words := bytes.Fields(log)
	return fmt.Appendf(nil, "%s %x %s\n", words[0], random, words[2])
}
