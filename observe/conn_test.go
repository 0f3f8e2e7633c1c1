package observe_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/observe"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The messages of a whole connection, "c:" and "s:" telling the sender, "*" what travelled
// encrypted.
const (
	messages13 = "c:ClientHello s:ServerHello s:ChangeCipherSpec s:EncryptedExtensions* s:Certificate* s:CertificateVerify* s:Finished* " +
		"c:ChangeCipherSpec c:Finished* "
	messages13Retry = "c:ClientHello s:HelloRetryRequest s:ChangeCipherSpec c:ChangeCipherSpec c:ClientHello s:ServerHello " +
		"s:EncryptedExtensions* s:Certificate* s:CertificateVerify* s:Finished* c:Finished* "
	messages13ClientAuth = "c:ClientHello s:ServerHello s:ChangeCipherSpec s:EncryptedExtensions* s:CertificateRequest* s:Certificate* " +
		"s:CertificateVerify* s:Finished* c:ChangeCipherSpec c:Certificate* c:CertificateVerify* c:Finished* "
	messages12 = "c:ClientHello s:ServerHello s:Certificate s:ServerKeyExchange s:ServerHelloDone " +
		"c:ClientKeyExchange c:ChangeCipherSpec c:Finished* s:ChangeCipherSpec s:Finished* "
	messages12ClientAuth = "c:ClientHello s:ServerHello s:Certificate s:ServerKeyExchange s:CertificateRequest s:ServerHelloDone " +
		"c:Certificate c:ClientKeyExchange c:CertificateVerify c:ChangeCipherSpec c:Finished* s:ChangeCipherSpec s:Finished* "
	closing = "s:Alert* c:Alert*"
)

func messageList(s *observe.Session) string {
	var list []string
	for _, m := range s.Messages {
		encrypted := ""
		if m.Encrypted {
			encrypted = "*"
		}
		list = append(list, m.From[:1]+":"+m.Type+encrypted)
	}
	return strings.Join(list, " ")
}

// withKeys gives all keys before the first byte.
func withKeys(c *conversation) func(*observe.Conn, int) {
	return keysAt(c, 0)
}

// keysAt gives all keys before a chunk.
func keysAt(c *conversation, at int) func(*observe.Conn, int) {
	return func(conn *observe.Conn, chunk int) {
		if chunk == at {
			addKeys(conn, c.keys)
		}
	}
}

// Every parameter that crypto/tls knows of a connection, the observer knows too.
func TestConversations(t *testing.T) {
	type row struct {
		name      string
		version   uint16
		suite     uint16 // 0: any
		kind      string
		group     tls.CurveID // 0: any
		change    func(client, server *tls.Config)
		want      string
		scheme    string
		exchange  string
		tripsTLS  int
		moreCerts int
	}
	var rows []row
	for _, id := range []uint16{
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	} {
		rows = append(rows, row{
			name: "1.2 " + tls.CipherSuiteName(id), version: tls.VersionTLS12, suite: id, kind: "RSA", want: messages12,
			scheme: "rsa_pss_rsae_sha256", exchange: "ECDHE", tripsTLS: 2,
		})
	}
	for _, group := range []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521, tls.X25519MLKEM768} {
		exchange := "ECDHE"
		if group == tls.X25519MLKEM768 {
			exchange = "ECDHE + ML-KEM"
		}
		rows = append(rows, row{
			name: "1.3 " + group.String(), version: tls.VersionTLS13, kind: "ECDSA", group: group, want: messages13,
			scheme: "ecdsa_secp256r1_sha256", exchange: exchange, tripsTLS: 1,
		})
	}
	rows = append(
		rows,
		row{
			name: "1.2 ECDSA", version: tls.VersionTLS12, kind: "ECDSA", want: messages12, scheme: "ecdsa_secp256r1_sha256", exchange: "ECDHE", tripsTLS: 2,
		},
		row{name: "1.3 Ed25519", version: tls.VersionTLS13, kind: "Ed25519", want: messages13, scheme: "ed25519", exchange: "ECDHE + ML-KEM", tripsTLS: 1},
		row{name: "1.3 RSA", version: tls.VersionTLS13, kind: "RSA", want: messages13, scheme: "rsa_pss_rsae_sha256", exchange: "ECDHE + ML-KEM", tripsTLS: 1},
		row{
			name: "1.3 HelloRetryRequest", version: tls.VersionTLS13, kind: "ECDSA", want: messages13Retry,
			scheme: "ecdsa_secp256r1_sha256", exchange: "ECDHE", tripsTLS: 2, change: retry,
		},
		row{
			name: "1.3 client certificate", version: tls.VersionTLS13, kind: "ECDSA", want: messages13ClientAuth,
			scheme: "ecdsa_secp256r1_sha256", exchange: "ECDHE + ML-KEM", tripsTLS: 1, change: clientAuth, moreCerts: 1,
		},
		row{
			name: "1.2 client certificate", version: tls.VersionTLS12, kind: "ECDSA", want: messages12ClientAuth,
			scheme: "ecdsa_secp256r1_sha256", exchange: "ECDHE", tripsTLS: 2, change: clientAuth, moreCerts: 1,
		},
	)
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			client, server := configs(t, r.version, r.kind)
			if r.suite != 0 {
				client.CipherSuites = []uint16{r.suite}
			}
			if r.group != 0 {
				client.CurvePreferences = []tls.CurveID{r.group}
			}
			if r.change != nil {
				r.change(client, server)
			}
			c := record(t, scene{client: client, server: server})
			s, state := watch(c, options(), withKeys(c)).session, c.state

			got, want := messageList(s), r.want+closing
			if s.HelloRetry { // the server's ChangeCipherSpec may cross the client's answer
				got, want = sorted(got), sorted(want)
			}
			if got != want {
				t.Errorf("messages:\n got %s\nwant %s", got, want)
			}
			suite := tls.CipherSuiteName(state.CipherSuite)
			wantParameters := observe.Parameters{
				Version: tls.VersionName(state.Version), CipherSuite: suite, CipherSuiteID: fmt.Sprintf("0x%04x", state.CipherSuite),
				Group: groupNames[state.CurveID], SignatureScheme: r.scheme, ServerName: "example.com", ALPN: "http/1.1",
				EarlyData: observe.EarlyDataNone, HelloRetry: state.HelloRetryRequest, ClientAuth: r.moreCerts > 0,
				ForwardSecret: observe.Yes, ForwardSecretWhy: observe.WhyEphemeral,
				Suite: observe.SuiteParts{KeyExchange: r.exchange, Authentication: auths[r.kind], Cipher: s.Suite.Cipher, Hash: s.Suite.Hash}, // these two: TestPartsOf
			}
			if diff := cmp.Diff(wantParameters, s.Parameters); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
			wantOutcome := observe.Outcome{Complete: true, Decrypted: true, RoundTrips: observe.RoundTrips{TLS: r.tripsTLS}}
			if diff := cmp.Diff(wantOutcome, s.Outcome); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
			checkData(t, s)
			if len(s.Findings) > 0 {
				t.Errorf("got findings %v, want none", s.Findings)
			}
			if got, want := len(s.Certificates), 1+r.moreCerts; got != want {
				t.Errorf("got %d certificates, want %d", got, want)
			}
		})
	}
}

var (
	auths      = map[string]string{"RSA": "RSA", "ECDSA": "ECDSA", "Ed25519": "EdDSA"}
	groupNames = map[tls.CurveID]string{
		tls.X25519: "x25519", tls.CurveP256: "secp256r1", tls.CurveP384: "secp384r1", tls.CurveP521: "secp521r1",
		tls.X25519MLKEM768: "X25519MLKEM768",
	}
)

// retry makes the client offer a share that the server does not take.
func retry(client, server *tls.Config) {
	client.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}
	server.CurvePreferences = []tls.CurveID{tls.CurveP384}
}

func clientAuth(client, server *tls.Config) {
	client.Certificates = server.Certificates
	server.ClientAuth = tls.RequireAnyClientCert
}

func checkData(t *testing.T, s *observe.Session) {
	t.Helper()
	want := observe.ApplicationBytes{Client: dataInfo(question), Server: dataInfo(answer)}
	if diff := cmp.Diff(want, s.ApplicationData); diff != "" {
		t.Errorf("application data (-want +got):\n%s", diff)
	}
}

func dataInfo(text string) observe.DataInfo {
	sum := sha256.Sum256([]byte(text))
	line, _, _ := strings.Cut(text, "\r\n")
	return observe.DataInfo{Bytes: int64(len(text)), SHA256: hex.EncodeToString(sum[:]), Line: line}
}

// byDirection is the events without their numbers, one list a direction: what must not
// depend on how bytes and keys came.
func byDirection(events []observe.Event) [3][]observe.Event {
	var lists [3][]observe.Event
	for _, e := range events {
		e.Seq = 0
		lists[e.Dir] = append(lists[e.Dir], e)
	}
	return lists
}

var sameMessages = cmpopts.IgnoreUnexported(observe.Message{})

// sameEvents compares the events of one conversation that was watched in two ways.
func sameEvents(t *testing.T, how string, got, want *watched) {
	t.Helper()
	if diff := cmp.Diff(byDirection(want.events), byDirection(got.events), sameMessages); diff != "" {
		t.Errorf("%s: other events (-want +got):\n%s", how, diff)
	}
	for i, e := range got.events {
		if e.Seq != uint64(i) {
			t.Fatalf("%s: event %d has the number %d", how, i, e.Seq)
		}
	}
}

// both runs a test with a conversation of either version.
func both(t *testing.T, test func(t *testing.T, c *conversation)) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := configs(t, v, "ECDSA")
		c := record(t, scene{client: client, server: server})
		t.Run(tls.VersionName(v), func(t *testing.T) { test(t, c) })
	}
}

// Keys may come before, between and after the bytes, all at once or one by one.
func TestKeysAtAnyTime(t *testing.T) {
	both(t, func(t *testing.T, c *conversation) {
		want := watch(c, options(), withKeys(c))
		for i := 1; i <= len(c.chunks); i++ {
			how := fmt.Sprintf("keys before chunk %d", i)
			got := watch(c, options(), keysAt(c, i))
			sameEvents(t, how, got, want)
			if diff := cmp.Diff(want.session.Outcome, got.session.Outcome); diff != "" {
				t.Errorf("%s: other outcome (-want +got):\n%s", how, diff)
			}
			checkData(t, got.session)
		}
		lines := bytes.SplitAfter(c.keys, []byte("\n"))
		slices.Reverse(lines)
		got := watch(c, options(), func(conn *observe.Conn, chunk int) {
			if chunk == len(c.chunks) {
				for _, line := range lines {
					addKeys(conn, line)
				}
			}
		})
		sameEvents(t, "keys one by one, the last first", got, want)
	})
}

// However the bytes are cut, the events are the same.
func TestByteAtATime(t *testing.T) {
	both(t, func(t *testing.T, c *conversation) {
		for _, keys := range []int{0, len(c.chunks), -1} {
			cut := &conversation{keys: c.keys}
			for _, k := range c.chunks {
				for i := range k.data {
					cut.chunks = append(cut.chunks, chunk{dir: k.dir, time: k.time, data: k.data[i : i+1]})
				}
				if k.end {
					cut.chunks = append(cut.chunks, k)
				}
			}
			at := keys
			if keys > 0 {
				at = len(cut.chunks)
			}
			got, want := watch(cut, options(), keysAt(cut, at)), watch(c, options(), keysAt(c, keys))
			for _, w := range []*watched{got, want} {
				forgetFrames(w)
			}
			sameEvents(t, fmt.Sprintf("keys at %d", keys), got, want)
		}
	})
}

// forgetFrames takes out what depends on how bytes were cut: the numbers of the packets.
func forgetFrames(w *watched) {
	for _, e := range w.events {
		switch b := e.Body.(type) {
		case *observe.Record:
			b.FrameFirst, b.Frame = 0, 0
		case *observe.HTTPHead:
			b.FrameFirst, b.Frame = 0, 0
		case *observe.HTTPBody:
			b.FrameFirst, b.Frame = 0, 0
		case *observe.Message:
			b.FrameFirst, b.Frame = 0, 0
		case *observe.Alert:
			b.FrameFirst, b.Frame = 0, 0
		case *observe.ChangeCipherSpec:
			b.FrameFirst, b.Frame = 0, 0
		case *observe.ApplicationData:
			b.FrameFirst, b.Frame = 0, 0
		case *observe.Checked:
			b.FrameFirst, b.Frame = 0, 0
		}
	}
}

// One direction may be fed as a whole before the other.
func TestOneDirectionAfterTheOther(t *testing.T) {
	both(t, func(t *testing.T, c *conversation) {
		want := watch(c, options(), withKeys(c))
		for _, first := range []observe.Dir{observe.ClientToServer, observe.ServerToClient} {
			apart := &conversation{keys: c.keys}
			for _, d := range []observe.Dir{first, first.Opposite()} {
				for _, k := range c.chunks {
					if k.dir == d {
						apart.chunks = append(apart.chunks, k)
					}
				}
			}
			got := watch(apart, options(), withKeys(apart))
			for _, w := range []*watched{got, want} {
				forgetFrames(w)
			}
			if g, w := messageList(got.session), messageList(want.session); sorted(g) != sorted(w) {
				t.Errorf("%v first:\n got %s\nwant %s", first, g, w)
			}
			checkData(t, got.session)
		}
	})
}

func sorted(list string) string {
	words := strings.Fields(list)
	slices.SortStableFunc(words, func(a, b string) int { return strings.Compare(a[:1], b[:1]) })
	return strings.Join(words, " ")
}

// Keys may come so late that one direction is opened long before the other: the messages are listed as they went by.
func TestMessagesInTheirOrder(t *testing.T) {
	both(t, func(t *testing.T, c *conversation) {
		want := messageList(watch(c, options(), withKeys(c)).session)
		lines := bytes.SplitAfter(c.keys, []byte("\n"))
		for _, first := range []string{"CLIENT", "SERVER"} {
			got := watch(c, options(), func(conn *observe.Conn, chunk int) {
				if chunk < len(c.chunks) {
					return
				}
				for _, begins := range []bool{true, false} {
					for _, line := range lines {
						if strings.HasPrefix(string(line), first) == begins {
							addKeys(conn, line)
						}
					}
				}
			})
			if got := messageList(got.session); got != want {
				t.Errorf("keys of the %s first:\n got %s\nwant %s", first, got, want)
			}
		}
	})
}
