package observe_test

import (
	"bytes"
	"compress/gzip"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/observe"
)

// reason is a way in which a connection stays closed.
type reason struct {
	why  observe.DecryptError
	conv *conversation
	lost [2]int          // these chunks are not in the capture
	log  string          // the key log
	late string          // a key log behind the packets, in the file
	key  *rsa.PrivateKey // given with --key
	psk  string          // in hexadecimal, given with --psk
}

// without is a conversation without its first chunks.
func without(c *conversation, n int) *conversation { return &conversation{chunks: c.chunks[n:]} }

// replaced is a conversation with some bytes changed into others.
func replaced(t testing.TB, c *conversation, from, to string) *conversation {
	t.Helper()
	out, n := &conversation{keys: c.keys}, 0
	for _, k := range c.chunks {
		n += bytes.Count(k.data, []byte(from))
		k.data = bytes.ReplaceAll(k.data, []byte(from), []byte(to))
		out.chunks = append(out.chunks, k)
	}
	if n != 1 {
		t.Fatalf("%x is there %d times", from, n)
	}
	return out
}

// linesOf are those of a key log whose label begins with one of some.
func linesOf(log []byte, labels ...string) string {
	var kept strings.Builder
	for line := range strings.Lines(string(log)) {
		for _, label := range labels {
			if strings.HasPrefix(line, label+" ") {
				kept.WriteString(line)
			}
		}
	}
	return kept.String()
}

// reasons is each reason with a recording of it.
func reasons(t *testing.T) []reason {
	pair := func(version uint16, kind string, suites ...uint16) (c, s *tls.Config) {
		c, s = configs(t, version, kind)
		s.CipherSuites = suites
		c.CipherSuites = suites
		return c, s
	}
	talk := func(version uint16, kind string, suites ...uint16) *conversation {
		c, s := pair(version, kind, suites...)
		return record(t, scene{client: c, server: s})
	}
	c12 := talk(tls.VersionTLS12, "ECDSA", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
	c13 := talk(tls.VersionTLS13, "ECDSA")
	client, server := pair(tls.VersionTLS12, "RSA", tls.TLS_RSA_WITH_AES_128_GCM_SHA256)
	key := server.Certificates[0].PrivateKey.(*rsa.PrivateKey)
	static := record(t, scene{client: client, server: server})
	other := certificate(t, "RSA").PrivateKey.(*rsa.PrivateKey)
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	record(t, scene{client: client, server: server})
	again := record(t, scene{client: client, server: server})
	random := string(bytes.Fields(c13.keys)[1])
	secret := strings.Repeat("5a", 32)
	all := []reason{
		{why: observe.DecryptNoHello, conv: without(c13, 3), log: string(c13.keys)},
		{why: observe.DecryptNoSecret, conv: c12, log: string(static.keys)},
		{why: observe.DecryptPartial, conv: c13, log: linesOf(c13.keys, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET")},
		{why: observe.DecryptWrongSecret, conv: c13, log: fmt.Sprintf("SERVER_HANDSHAKE_TRAFFIC_SECRET %s %s\nCLIENT_HANDSHAKE_TRAFFIC_SECRET %s %s\n", random, secret, random, secret)},
		{why: observe.DecryptBadRecord, conv: damaged(c12), log: string(c12.keys)},
		{why: observe.DecryptUnsupported, conv: replaced(t, c12, "\xc0\x2b\x00", "\xc0\x5c\x00"), log: string(c12.keys)},
		{why: observe.DecryptOnly12, conv: c13, log: fmt.Sprintf("CLIENT_RANDOM %s %s%s\n", random, secret, strings.Repeat("5a", 16))},
		{why: observe.DecryptOnly13, conv: c12, log: fmt.Sprintf("CLIENT_TRAFFIC_SECRET_0 %s %s\n", bytes.Fields(c12.keys)[1], secret)},
		{why: observe.DecryptLength, conv: c12, log: strings.TrimSpace(string(c12.keys))[:13+1+64+1+90] + "\n"},
		{why: observe.DecryptEncrypted, conv: static},
		{why: observe.DecryptForward, conv: talk(tls.VersionTLS12, "RSA", tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256), key: key},
		{why: observe.DecryptOtherKey, conv: static, key: other},
		{why: observe.DecryptRSA, conv: rewrite(t, static, damagePremaster), key: key},
		{why: observe.DecryptResumed, conv: again, log: string(c12.keys)},
		{why: observe.DecryptDraft, conv: replaced(t, c13, "\x00\x2b\x00\x02\x03\x04", "\x00\x2b\x00\x02\x7f\x16"), log: string(c13.keys)},
	}
	all = append(all, reason{why: observe.DecryptExtended, conv: inRecords(static), lost: [2]int{2, 3}, key: key})
	if peer.Has(t, "openssl") {
		dir := t.TempDir()
		rsaServer(t, dir, "")
		flags := func(more ...string) (s, c []string) {
			more = append(more, "-psk", pskHex)
			return append([]string{"-cert", "cert.pem", "-key", "key.pem"}, more...), more
		}
		s, c := flags("-tls1_2", "-cipher", "PSK-AES128-GCM-SHA256")
		all = append(all, reason{why: observe.DecryptPSK, conv: opensslTalks(t, dir, s, c)})
		s, c = flags("-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256")
		all = append(all, reason{why: observe.DecryptPSKNotEnough, conv: opensslTalks(t, dir, s, c), psk: pskHex})
	}
	c, s := pair(tls.VersionTLS12, "ECDSA", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
	long := record(t, scene{client: c, server: s, talk: func(t testing.TB, client, server *tls.Conn) {
		go io.Copy(io.Discard, server)
		for range 100 {
			if _, err := client.Write([]byte(".")); err != nil {
				t.Error(err)
			}
		}
		client.Close()
	}})
	all = append(all, reason{why: observe.DecryptHeld, conv: followed(c12, 300<<10), late: string(c12.keys)})
	return append(all, reason{why: observe.DecryptGap, conv: long, lost: [2]int{6, 90}, log: string(long.keys)})
}

// followed is a conversation after which the server sends so many bytes more, in records. They are zeros, so that a file of
// them is small.
func followed(c *conversation, n int) *conversation {
	out := &conversation{keys: c.keys}
	for _, k := range c.chunks {
		if !k.end {
			out.chunks = append(out.chunks, k)
		}
	}
	const size = 16 << 10
	record := append([]byte{23, 3, 3, size >> 8, size & 0xff}, make([]byte, size)...)
	for range n / size {
		out.chunks = append(out.chunks, chunk{dir: observe.ServerToClient, time: out.chunks[len(out.chunks)-1].time, data: record})
	}
	return out
}

// inRecords is a conversation with each record in a chunk of its own.
func inRecords(c *conversation) *conversation {
	out := &conversation{keys: c.keys}
	var rest [3][]byte
	for _, k := range c.chunks {
		if k.end {
			out.chunks = append(out.chunks, k)
		}
		b := append(rest[k.dir], k.data...)
		for len(b) >= 5 {
			n := 5 + int(b[3])<<8 + int(b[4])
			if len(b) < n {
				break
			}
			out.chunks = append(out.chunks, chunk{dir: k.dir, time: k.time, data: b[:n:n]})
			b = b[n:]
		}
		rest[k.dir] = b
	}
	return out
}

// damaged is a conversation in which the client's application data was changed on its way.
func damaged(c *conversation) *conversation {
	out := &conversation{keys: c.keys}
	for _, k := range c.chunks {
		if k.data = bytes.Clone(k.data); k.dir == observe.ClientToServer && len(k.data) > 0 && k.data[0] == 23 {
			k.data[len(k.data)-1] ^= 1
		}
		out.chunks = append(out.chunks, k)
	}
	return out
}

func damagePremaster(d observe.Dir, m []byte) {
	if d == observe.ClientToServer && m[0] == 16 {
		m[20] ^= 1
	}
}

// TestReasons makes a recording for each reason, and compares what is said. With -record the recordings are kept where
// the verb inspect is tested, which compares the sentences.
func TestReasons(t *testing.T) {
	for _, r := range reasons(t) {
		o := options()
		o.Keys = observe.NewKeys()
		io.WriteString(o.Keys, r.log)
		if r.key != nil {
			o.Keys.AddRSAKey(r.key)
		}
		if r.psk != "" {
			o.Keys.AddPSK(psk)
		}
		conn := observe.New(o)
		for i, k := range r.conv.chunks {
			at := observe.At{Time: k.time, Frame: i + 1}
			switch {
			case r.lost[0] <= i && i < r.lost[1]:
				conn.Lost(k.dir, at, int64(len(k.data)))
			case k.end:
				conn.EndOfStream(k.dir, at, observe.EndFIN)
			default:
				conn.Feed(k.dir, at, k.data)
			}
		}
		io.WriteString(o.Keys, r.late)
		conn.Close(observe.At{}, observe.EndFIN, observe.TCP{})
		if got := conn.Session().DecryptError; got != r.why {
			t.Errorf("got %q, want %q; findings %v", got, r.why, conn.Session().Findings)
		}
		if *anew {
			r.keep(t, filepath.Join("..", "internal", "cli", "inspect", "testdata", "reasons"))
		}
	}
}

// A session that is resumed, and whose first connection was seen and stays shut as well, is not called unseen.
func TestReasonOfResumed(t *testing.T) {
	for _, test := range []struct {
		suite uint16
		key   bool
		want  observe.DecryptError
	}{
		{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, false, observe.DecryptNoSecret},
		{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, true, observe.DecryptForward},
		{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, false, observe.DecryptEncrypted},
	} {
		client, server := configs(t, tls.VersionTLS12, "RSA")
		client.CipherSuites, server.CipherSuites = []uint16{test.suite}, []uint16{test.suite}
		client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		o := options()
		o.Keys = observe.NewKeys()
		if test.key {
			o.Keys.AddRSAKey(server.Certificates[0].PrivateKey.(*rsa.PrivateKey))
		}
		first := watch(record(t, scene{client: client, server: server}), o, func(*observe.Conn, int) {})
		again := watch(record(t, scene{client: client, server: server}), o, func(*observe.Conn, int) {})
		if first.session.Resumed || !again.session.Resumed {
			t.Fatalf("%04x: resumed %v and %v, want only the second", test.suite, first.session.Resumed, again.session.Resumed)
		}
		if got := again.session.DecryptError; got != test.want {
			t.Errorf("%04x, --key %v: got %q, want %q", test.suite, test.key, got, test.want)
		}
	}
}

// keep writes a recording with the secrets that are given, and how they are given.
func (r *reason) keep(t *testing.T, dir string) {
	t.Helper()
	var file bytes.Buffer
	b, err := capture.NewBuilder(&file, capture.Section{Comment: capture.Synthesised})
	must(t, err)
	_, err = b.AddInterface(capture.Interface{LinkType: capture.LinkEthernet, Name: "made"})
	must(t, err)
	client, server := netip.MustParseAddrPort("192.0.2.1:51000"), netip.MustParseAddrPort("192.0.2.2:443")
	keep := &dropping{to: b}
	talk, err := capture.NewConversation(keep, client, server, epoch, 0)
	must(t, err)
	for i, k := range r.conv.chunks {
		keep.drop = r.lost[0] <= i && i < r.lost[1]
		if k.end {
			must(t, talk.Close(k.dir == observe.ClientToServer, k.time))
		} else {
			must(t, talk.Data(k.dir == observe.ClientToServer, k.time, k.data))
		}
	}
	must(t, b.Flush())
	if r.late != "" {
		must(t, b.WriteSecretsBlock(capture.Secrets{Type: capture.SecretsTLSKeyLog, Data: []byte(r.late)}))
	}
	must(t, b.Close())
	must(t, os.MkdirAll(dir, 0o755))
	base := filepath.Join(dir, string(r.why))
	if r.late == "" {
		must(t, os.WriteFile(base+".pcapng", file.Bytes(), 0o644))
	} else {
		must(t, os.WriteFile(base+".pcapng.gz", packed(t, file.Bytes()), 0o644))
	}
	must(t, os.WriteFile(base+".keylog", []byte(r.log), 0o644))
	if r.key != nil {
		der, err := x509.MarshalPKCS8PrivateKey(r.key)
		must(t, err)
		must(t, os.WriteFile(base+".pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o644))
	}
	if r.psk != "" {
		must(t, os.WriteFile(base+".psk", []byte(r.psk), 0o644))
	}
}

func packed(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	must(t, err)
	_, err = w.Write(b)
	must(t, err)
	must(t, w.Close())
	return out.Bytes()
}

// dropping is a writer of packets that loses some.
type dropping struct {
	to   capture.PacketWriter
	drop bool
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (d *dropping) WritePacket(p capture.Packet) error {
	if d.drop {
		return nil
	}
	return d.to.WritePacket(p)
}

// A ChangeCipherSpec is lost: what comes after it is opened all the same.
func TestLostChangeCipherSpec(t *testing.T) {
	client, server := configs(t, tls.VersionTLS12, "ECDSA")
	c := inRecords(record(t, scene{client: client, server: server}))
	for _, lost := range []observe.Dir{observe.ClientToServer, observe.ServerToClient} {
		conn := observe.New(options())
		addKeys(conn, c.keys)
		for i, k := range c.chunks {
			at := observe.At{Time: k.time, Frame: i + 1}
			switch {
			case k.end:
				conn.EndOfStream(k.dir, at, observe.EndFIN)
			case k.dir == lost && k.data[0] == 20:
				conn.Lost(k.dir, at, int64(len(k.data)))
			default:
				conn.Feed(k.dir, at, k.data)
			}
		}
		conn.Close(observe.At{}, observe.EndFIN, observe.TCP{})
		s := conn.Session()
		if d := s.ApplicationData; d.Client.Bytes != int64(len(question)) || d.Server.Bytes != int64(len(answer)) || s.DecryptError != "" {
			t.Errorf("lost by the %s: got data %+v, error %q", lost.From(), d, s.DecryptError)
		}
	}
}
