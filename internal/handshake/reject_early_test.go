package handshake_test

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/session"
	"github.com/akushu/akushu/internal/suite"
)

// early13 is a resumption with early data.
var early13 = []string{
	"client ClientHello",
	"client ChangeCipherSpec",
	"client early data",
	"server ServerHello",
	"server ChangeCipherSpec",
	"server EncryptedExtensions",
	"server Finished",
	"client EndOfEarlyData",
	"client Finished",
	"server NewSessionTicket",
}

// warmEarly has a client hold a ticket that allows early data.
func warmEarly(c *handshake.ClientConfig, s *handshake.ServerConfig) {
	keeps(false)(c, s)
	s.EarlyData = &handshake.ServerEarlyData{
		Max: 100, AntiReplay: session.AntiReplay{Register: session.NewStrikes(0, 100, s.Now)},
	}
	p := new(pair)
	client, server := p.run(c, s)
	if client.err != nil || server.err != nil || len(p.toClient) != 1 {
		panic(fmt.Sprint("the first handshake: ", client.err, server.err, len(p.toClient)))
	}
	if err := client.post.HandlePost(nil, p.toClient[0].raw); err != nil {
		panic(err)
	}
}

// TestEarlyFlow has a server take early data: the order of messages, what is logged, and what
// is left of the secrets.
func TestEarlyFlow(t *testing.T) {
	client, server := ends(t)
	warmEarly(client, server)
	var logged []string
	hook := func(who string) func(string, *[32]byte, keys.Secret) {
		return func(label string, _ *[32]byte, s keys.Secret) {
			logged = append(logged, fmt.Sprintf("%s %s %x", who, label, s.Reveal()))
		}
	}
	client.Secret, server.Secret = hook("client"), hook("server")
	p := &pair{early: "early"}
	c, s := p.run(client, server)
	if c.err != nil || s.err != nil {
		t.Fatalf("client: %v, server: %v", c.err, s.err)
	}
	if diff := cmp.Diff(early13, p.log); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s.end.took != "early" || s.end.takes != 100 || c.result.EarlyData != handshake.EarlyDataAccepted || s.result.EarlyData != handshake.EarlyDataAccepted {
		t.Errorf("got %q of %d bytes, %v and %v", s.end.took, s.end.takes, c.result.EarlyData, s.result.EarlyData)
	}
	for _, o := range []outcome{c, s} {
		if o.end.soon.Suite != o.result.Suite || o.end.soon.ALPN != o.result.ALPN || o.end.soon.Version != o.result.Version || o.end.soon.Exporter != nil {
			t.Errorf("%s: foreseen was %+v, and it came to %+v", o.end.name, o.end.soon, o.result)
		}
	}
	agree(t, c.result, s.result)

	ofClient, ofServer := []string{}, []string{}
	for _, line := range logged {
		if rest, ok := strings.CutPrefix(line, "client "); ok {
			ofClient = append(ofClient, rest)
		} else {
			ofServer = append(ofServer, strings.TrimPrefix(line, "server "))
		}
	}
	slices.Sort(ofClient)
	slices.Sort(ofServer)
	if diff := cmp.Diff(ofClient, ofServer); diff != "" || len(ofClient) != 7 ||
		!strings.HasPrefix(ofClient[0], "CLIENT_EARLY_TRAFFIC_SECRET ") || !strings.HasPrefix(ofClient[3], "EARLY_EXPORTER_SECRET ") {
		t.Errorf("key logs (-client +server):\n%s\n%q", diff, ofClient)
	}
}

// A server that does not take early data logs no secret of it (RFC 9850 §3).
func TestEarlySecretIsNotLogged(t *testing.T) {
	client, server := ends(t)
	warmEarly(client, server)
	server.EarlyData = nil
	var labels []string
	server.Secret = func(label string, _ *[32]byte, _ keys.Secret) { labels = append(labels, label) }
	c, s := (&pair{early: "early"}).run(client, server)
	if c.err != nil || s.err != nil || c.result.EarlyData != handshake.EarlyDataRejected || !c.result.Resumed {
		t.Fatalf("client: %v, server: %v, %+v", c.err, s.err, c.result)
	}
	if slices.Contains(labels, "CLIENT_EARLY_TRAFFIC_SECRET") || slices.Contains(labels, "EARLY_EXPORTER_SECRET") {
		t.Errorf("got %q", labels)
	}
}

// otherKeys has the server's ticket keys lost: it knows no ticket.
func otherKeys(c *handshake.ClientConfig, s *handshake.ServerConfig) {
	warmEarly(c, s)
	s.Resumption = &handshake.ServerResumption{
		Tickets: session.NewTicketKeys(session.Env{Rand: rand.Reader, Now: s.Now}), Lifetime: session.MaxLifetime,
	}
}

// otherSuite has the server prefer another suite with the same hash: the PSK is good for it, early
// data is not.
func otherSuite(c *handshake.ClientConfig, s *handshake.ServerConfig) {
	aes, chacha := suite.ByID(iana.TLS_AES_128_GCM_SHA256), suite.ByID(iana.TLS_CHACHA20_POLY1305_SHA256)
	c.Suites = []*suite.Suite{aes, chacha}
	s.Suites = []*suite.Suite{aes}
	warmEarly(c, s)
	s.Suites = []*suite.Suite{chacha}
}

// noEarly has the server take no early data any more.
func noEarly(c *handshake.ClientConfig, s *handshake.ServerConfig) {
	warmEarly(c, s)
	s.EarlyData = nil
}

// earlyRetried has the server want another key share now.
func earlyRetried(c *handshake.ClientConfig, s *handshake.ServerConfig) {
	warmEarly(c, s)
	retryWith(iana.GroupSecp384r1)(c, s)
}

// older has the server speak TLS 1.2 alone now.
func older(c *handshake.ClientConfig, s *handshake.ServerConfig) {
	warmEarly(c, s)
	s.MaxVersion = iana.VersionTLS12
}

// TestRejectsEarlyData has each end get 0-RTT wrong.
func TestRejectsEarlyData(t *testing.T) {
	const ee, eoed = "server EncryptedExtensions", "client EndOfEarlyData"
	accept := edit(func(m *msg.EncryptedExtensions) { m.Extensions.Add(iana.ExtEarlyData) })
	asIs := func(_ *msg.Context, raw []byte) [][]byte { return [][]byte{raw} }
	rows := map[string][]rejection{
		"client": {
			{
				name: "accepted without the PSK", message: ee, setup: otherKeys, change: accept,
				where: "encrypted_extensions.early_data", alert: illegal, ref: "RFC 9846 §4.3.10",
			},
			{
				name: "accepted with another suite", message: ee, setup: otherSuite, change: accept,
				where: "encrypted_extensions.early_data", alert: illegal, ref: "RFC 9846 §4.3.10",
			},
			{
				name: "accepted for another protocol", message: ee, setup: warmEarly,
				change: edit(func(m *msg.EncryptedExtensions) { m.ALPN = []msg.ProtocolName{msg.ProtocolName("http/1.1")} }),
				where:  "encrypted_extensions.early_data", alert: illegal, ref: "RFC 9846 §4.3.10",
			},
			{
				name: "accepted for no protocol", message: ee, setup: warmEarly,
				change: edit(func(m *msg.EncryptedExtensions) {
					m.ALPN = nil
					m.Extensions.Remove(iana.ExtApplicationLayerProtocolNegotiation)
				}),
				where: "encrypted_extensions.early_data", alert: illegal, ref: "RFC 9846 §4.3.10",
			},
			{
				name: "accepted with a byte too many", message: ee, setup: warmEarly,
				change: edit(func(m *msg.EncryptedExtensions) {
					m.Extensions.Remove(iana.ExtEarlyData)
					m.Extensions.AddRaw(iana.ExtEarlyData, []byte{0})
				}),
				where: "encrypted_extensions.extensions[1].early_data", alert: malformed, ref: "RFC 9846 §4.3.10",
			},
			{
				name: "accepted twice", message: ee, setup: warmEarly,
				change: edit(func(m *msg.EncryptedExtensions) { m.Extensions.AddRaw(iana.ExtEarlyData, nil) }),
				where:  "encrypted_extensions.extensions[2].early_data", alert: illegal, ref: "RFC 9846 §4.3",
			},
			{
				name: "accepted after a HelloRetryRequest", message: ee,
				setup: earlyRetried, change: accept, where: "encrypted_extensions.early_data", alert: unsupported, ref: "RFC 9846 §4.3",
			},
			{
				name: "a certificate asked for beside it", message: "server Finished", setup: warmEarly,
				change: before(&msg.CertificateRequest{}), where: "finished", alert: unexpected, ref: "RFC 9846 §4.5.3",
			},
			{
				name: "TLS 1.2 chosen", message: "server ServerHello", setup: older, change: asIs,
				where: "server_hello.legacy_version", alert: iana.AlertProtocolVersion, ref: "RFC 9846 Appendix E.3",
			},
		},
		"server": {
			{
				name: "another binder", message: ch, setup: warmEarly, change: flip,
				where: "client_hello.pre_shared_key.binders", alert: iana.AlertDecryptError, ref: "RFC 9846 §4.3.11.2",
			},
			{
				name: "Finished in place of EndOfEarlyData", message: eoed, setup: warmEarly,
				change: instead(&msg.Finished{VerifyData: make([]byte, 32)}), where: "end_of_early_data", alert: unexpected, ref: "RFC 9846 §4.6",
			},
			{
				name: "KeyUpdate before EndOfEarlyData", message: eoed, setup: warmEarly,
				change: before(&msg.KeyUpdate{}), where: "end_of_early_data", alert: unexpected, ref: "RFC 9846 §4.6",
			},
			{
				name: "a second ClientHello", message: eoed, setup: warmEarly,
				change: before(&msg.ClientHello{LegacyVersion: iana.VersionTLS12, CipherSuites: []iana.CipherSuite{1}, CompressionMethods: []byte{0}}),
				where:  "end_of_early_data", alert: unexpected, ref: "RFC 9846 §4.6",
			},
			{
				name: "EndOfEarlyData with a byte", message: eoed, setup: warmEarly,
				change: body(func(b []byte) []byte { return append(b, 0) }), where: "end_of_early_data", alert: malformed, ref: "RFC 9846 §4.6",
			},
			{
				name: "EndOfEarlyData for what was rejected", message: "client Finished", setup: noEarly,
				change: before(&msg.EndOfEarlyData{}), where: "finished", alert: unexpected, ref: "RFC 9846 §4.5.3",
			},
		},
	}
	for end, list := range rows {
		for _, row := range list {
			t.Run(end+"/"+row.name, func(t *testing.T) {
				client, server := ends(t)
				row.setup(client, server)
				changed := false
				p := &pair{early: "early", tamper: nth(row.message, func(raw []byte) [][]byte {
					changed = true
					return row.change(&msg.Context{Version: iana.VersionTLS13}, raw)
				})}
				c, s := p.run(client, server)
				o := map[string]outcome{"client": c, "server": s}[end]
				if !changed {
					t.Fatalf("no %s was sent: %v, client: %v, server: %v", row.message, p.log, c.err, s.err)
				}
				if o.result != nil || o.post != nil {
					t.Error("got a result beside the error")
				}
				wantAlert(t, o.err, row.where, row.alert, row.ref)
			})
		}
	}
}
