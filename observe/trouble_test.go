package observe_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"slices"
	"testing"

	"github.com/akushu/akushu/observe"
	"github.com/google/go-cmp/cmp"
)

func never(*observe.Conn, int) {}

func codes(s *observe.Session) []string {
	var list []string
	for _, f := range s.Findings {
		list = append(list, f.Code)
	}
	return list
}

// Without keys everything is there but what is inside.
func TestNoKeys(t *testing.T) {
	want := map[string]struct {
		messages string
		trips    int
	}{
		"TLS 1.2": {
			"c:ClientHello s:ServerHello s:Certificate s:ServerKeyExchange s:ServerHelloDone c:ClientKeyExchange c:ChangeCipherSpec " +
				"c:EncryptedHandshake* s:ChangeCipherSpec s:EncryptedHandshake* s:Alert* c:Alert*", 2,
		},
		"TLS 1.3": {
			"c:ClientHello s:ServerHello s:ChangeCipherSpec s:EncryptedHandshake* s:EncryptedHandshake* s:EncryptedHandshake* " +
				"s:EncryptedHandshake* c:ChangeCipherSpec c:EncryptedHandshake*", 1,
		},
	}
	both(t, func(t *testing.T, c *conversation) {
		s := watch(c, options(), never).session
		want := want[s.Version]
		if got := sorted(messageList(s)); got != sorted(want.messages) {
			t.Errorf("messages:\n got %s\nwant %s", got, sorted(want.messages))
		}
		outcome := observe.Outcome{Complete: true, DecryptError: observe.DecryptNoSecret, RoundTrips: observe.RoundTrips{TLS: want.trips}}
		if diff := cmp.Diff(outcome, s.Outcome); diff != "" {
			t.Errorf("outcome (-want +got):\n%s", diff)
		}
		for _, a := range s.Alerts {
			if a.Description != "" || a.Level != "" || !a.Encrypted {
				t.Errorf("got alert %+v, want nothing known of it", a)
			}
		}
		for _, d := range []observe.DataInfo{s.ApplicationData.Client, s.ApplicationData.Server} {
			if d != (observe.DataInfo{}) {
				t.Errorf("got data %+v, want none", d)
			}
		}
		for _, code := range codes(s) {
			if code != observe.CodeCannotDecrypt {
				t.Errorf("got finding %s, want only %s", code, observe.CodeCannotDecrypt)
			}
		}
	})
}

// Flush ends the wait, and later records are opened by keys that come later.
func TestFlush(t *testing.T) {
	both(t, func(t *testing.T, c *conversation) {
		var seen []string
		o := options()
		flushed := watch(c, o, func(conn *observe.Conn, i int) {
			if i == len(c.chunks)-4 { // the handshake is over
				before := len(conn.Session().Messages)
				conn.Flush()
				if after := len(conn.Session().Messages); after <= before {
					t.Errorf("got %d messages after Flush, want more than %d", after, before)
				}
				seen = codes(conn.Session())
				addKeys(conn, c.keys)
			}
		})
		if !slices.Contains(seen, observe.CodeCannotDecrypt) {
			t.Errorf("got findings %v after Flush, want %s", seen, observe.CodeCannotDecrypt)
		}
		s := flushed.session
		if !s.Decrypted || s.DecryptError != observe.DecryptNoSecret {
			t.Errorf("got decrypted %v, error %q, want true and %q", s.Decrypted, s.DecryptError, observe.DecryptNoSecret)
		}
		if got, want := s.ApplicationData.Server.Line, "HTTP/1.0 200 OK"; got != want {
			t.Errorf("got line %q from the server, want %q", got, want)
		}
	})
}

// A secret that does not fit is a finding, and a good one under the same label still helps.
func TestWrongKeys(t *testing.T) {
	both(t, func(t *testing.T, c *conversation) {
		wrong := wrongKeys(c.keys)
		before := 0
		s := watch(c, options(), func(conn *observe.Conn, i int) {
			switch i {
			case 0:
				addKeys(conn, wrong)
			case len(c.chunks):
				before = len(conn.Session().Messages)
			}
		}).session
		if got := len(s.Messages); got != before {
			t.Errorf("got %d messages before the end and %d then: some were held for a key that is there", before, got)
		}
		if s.Decrypted || s.DecryptError != observe.DecryptWrongSecret || !slices.Contains(codes(s), observe.CodeWrongSecret) {
			t.Errorf("got decrypted %v, error %q, findings %v, want false, %q, %s",
				s.Decrypted, s.DecryptError, codes(s), observe.DecryptWrongSecret, observe.CodeWrongSecret)
		}
		if got := s.Messages[0].Type; got != "ClientHello" || len(s.Messages) < 6 {
			t.Errorf("got %d messages, the first is %s, want what is in clear, and placeholders", len(s.Messages), got)
		}
		for _, order := range [][]byte{slices.Concat(wrong, c.keys), slices.Concat(c.keys, wrong)} {
			s = watch(c, options(), func(conn *observe.Conn, i int) {
				if i == 0 {
					addKeys(conn, order)
				}
			}).session
			if s.DecryptError != "" {
				t.Errorf("with the good keys as well: got error %q", s.DecryptError)
			}
			checkData(t, s)
		}
	})
}

// wrongKeys is a key log whose secrets are others.
func wrongKeys(log []byte) []byte {
	var wrong []byte
	for line := range bytes.Lines(log) {
		line = bytes.Clone(line)
		last := &line[len(line)-2]
		if *last != '0' {
			*last = '0'
		} else {
			*last = '1'
		}
		wrong = append(wrong, line...)
	}
	return wrong
}

// Only some of the secrets are there: what they open is opened.
func TestSomeKeys(t *testing.T) {
	client, server := configs(t, tls.VersionTLS13, "ECDSA")
	c := record(t, scene{client: client, server: server})
	for _, row := range []struct {
		only     string
		messages string
		data     bool
	}{
		{"HANDSHAKE", messages13[:len(messages13)-1], false},
		{
			"TRAFFIC_SECRET_0", "c:ClientHello s:ServerHello s:ChangeCipherSpec s:EncryptedHandshake* s:EncryptedHandshake* s:EncryptedHandshake* " +
				"s:EncryptedHandshake* c:ChangeCipherSpec c:EncryptedHandshake* " + closing, true,
		},
	} {
		var log []byte
		for line := range bytes.Lines(c.keys) {
			if bytes.Contains(line, []byte(row.only)) {
				log = append(log, line...)
			}
		}
		s := watch(c, options(), func(conn *observe.Conn, i int) {
			if i == 0 {
				addKeys(conn, log)
			}
		}).session
		if got := messageList(s); sorted(got) != sorted(row.messages) {
			t.Errorf("%s: messages:\n got %s\nwant %s", row.only, got, row.messages)
		}
		if got := s.ApplicationData.Server.Line != ""; got != row.data {
			t.Errorf("%s: got data opened: %v, want %v", row.only, got, row.data)
		}
		if s.DecryptError != observe.DecryptPartial {
			t.Errorf("%s: got error %q, want %q", row.only, s.DecryptError, observe.DecryptPartial)
		}
	}
}

// The watching may begin anywhere: nothing fails, and what is in clear is shown.
func TestMidConnection(t *testing.T) {
	both(t, func(t *testing.T, c *conversation) {
		whole := watch(c, options(), withKeys(c)).session
		for from := 1; from < len(c.chunks); from++ {
			for _, cut := range []int{0, 1, 7} {
				late := &conversation{keys: c.keys, chunks: slices.Clone(c.chunks[from:])}
				if k := &late.chunks[0]; !k.end {
					k.data = k.data[min(cut, len(k.data)):]
				}
				s := watch(late, options(), withKeys(late)).session
				if s.Decrypted {
					t.Errorf("from chunk %d, byte %d: got decrypted without a ClientHello", from, cut)
				}
				if len(s.Messages) > len(whole.Messages) {
					t.Errorf("from chunk %d, byte %d: got %s, more than there were", from, cut, messageList(s))
				}
				if s.Client != options().Client {
					t.Errorf("from chunk %d, byte %d: got client %s, want %s", from, cut, s.Client, options().Client)
				}
			}
		}
	})
}

// Only one direction was captured.
func TestOneSided(t *testing.T) {
	both(t, func(t *testing.T, c *conversation) {
		for _, row := range []struct {
			dir   observe.Dir
			first string
		}{{observe.ClientToServer, "c:ClientHello"}, {observe.ServerToClient, "s:ServerHello"}} {
			half := &conversation{}
			for _, k := range c.chunks {
				if k.dir == row.dir {
					half.chunks = append(half.chunks, k)
				}
			}
			s := watch(half, options(), withKeys(c)).session
			if got := messageList(s); len(got) < len(row.first) || got[:len(row.first)] != row.first {
				t.Errorf("%v: got %q, want %s first", row.dir, got, row.first)
			}
			if s.Decrypted || s.DecryptError != observe.DecryptNoHello && s.DecryptError != "" {
				t.Errorf("%v: got decrypted %v, error %q, want neither", row.dir, s.Decrypted, s.DecryptError)
			}
		}
	})
}

// A chunk is lost: there is a gap, and records after it are opened again.
func TestLost(t *testing.T) {
	both(t, func(t *testing.T, c *conversation) {
		for lost, k := range c.chunks {
			if k.end {
				continue
			}
			for _, known := range []bool{true, false} {
				w := watchLossy(c, lost, known)
				how := fmt.Sprintf("chunk %d of %v lost, length known: %v", lost, k.dir, known)
				if n := countKind(w.events, observe.KindGap); n == 0 {
					t.Errorf("%s: got no gap", how)
				}
				if got := dataOf(w.session, k.dir); got.SHA256 != "" {
					t.Errorf("%s: got a hash of data with a gap", how)
				}
				other := dataOf(w.session, k.dir.Opposite())
				if lost > 5 && other.SHA256 == "" {
					t.Errorf("%s: got no hash of the other direction", how)
				}
			}
		}
	})
}

func watchLossy(c *conversation, lost int, known bool) *watched {
	w := new(watched)
	o := options()
	o.Sink = func(e observe.Event) { w.events = append(w.events, e.Clone()) }
	conn := observe.New(o)
	addKeys(conn, c.keys)
	for i, k := range c.chunks {
		at := observe.At{Time: k.time, Frame: i + 1}
		switch {
		case k.end:
			conn.EndOfStream(k.dir, at, observe.EndFIN)
		case i == lost && known:
			conn.Lost(k.dir, at, int64(len(k.data)))
		case i == lost:
			conn.Lost(k.dir, at, 0)
		default:
			conn.Feed(k.dir, at, k.data)
		}
	}
	conn.Close(observe.At{}, observe.EndFIN, observe.TCP{})
	w.session = conn.Session()
	return w
}

func dataOf(s *observe.Session, d observe.Dir) observe.DataInfo {
	if d == observe.ClientToServer {
		return s.ApplicationData.Client
	}
	return s.ApplicationData.Server
}

func countKind(events []observe.Event, k observe.Kind) int {
	n := 0
	for _, e := range events {
		if e.Kind() == k {
			n++
		}
	}
	return n
}

// Records that were missed do not keep those behind from being opened.
func TestDataAfterAGap(t *testing.T) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := configs(t, v, "ECDSA")
		c := record(t, scene{client: client, server: server, talk: func(t testing.TB, client, server *tls.Conn) {
			go server.Handshake()
			for i := range 10 {
				fmt.Fprintf(client, "line %d\n", i)
			}
			client.Close()
			server.Close()
		}})
		var writes []int
		for i, k := range c.chunks {
			if k.dir == observe.ClientToServer && !k.end {
				writes = append(writes, i)
			}
		}
		for _, known := range []bool{true, false} {
			w := watchLossy(c, writes[len(writes)-6], known)
			var lines []string
			for _, e := range w.events {
				if d, ok := e.Body.(*observe.ApplicationData); ok {
					lines = append(lines, fmt.Sprint(d.Length))
				}
			}
			if len(lines) != 9 {
				t.Errorf("%s, length known: %v: got %d records opened of 10 with one lost, want 9", tls.VersionName(v), known, len(lines))
			}
		}
	}
}

// The stream ends without close_notify.
func TestNoCloseNotify(t *testing.T) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := configs(t, v, "ECDSA")
		c := record(t, scene{client: client, server: server, talk: func(t testing.TB, client, server *tls.Conn) {
			go func() {
				server.Write([]byte(answer))
				server.NetConn().Close()
			}()
			client.Read(make([]byte, 100))
			client.Read(make([]byte, 100))
			client.Close()
		}})
		s := watch(c, options(), withKeys(c)).session
		if got, want := codes(s), []string{observe.CodeNoCloseNotify}; !slices.Equal(got, want) {
			t.Errorf("%s: got findings %v, want %v", tls.VersionName(v), got, want)
		}
		s = watch(c, options(), never).session
		if slices.Contains(codes(s), observe.CodeNoCloseNotify) && v == tls.VersionTLS13 {
			t.Errorf("%s, no keys: got %s, but the last record may be it", tls.VersionName(v), observe.CodeNoCloseNotify)
		}
	}
}

// A handshake that fails shows how.
func TestAlerts(t *testing.T) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := configs(t, v, "ECDSA")
		client.RootCAs = nil
		client.InsecureSkipVerify = false
		fail := func(t testing.TB, client, server *tls.Conn) {
			go func() { server.Handshake(); server.Close() }()
			client.Handshake()
			client.Close()
		}
		c := record(t, scene{client: client, server: server, talk: fail})
		s := watch(c, options(), withKeys(c)).session
		want := []observe.AlertInfo{{From: "client", Level: "fatal", Description: "bad_certificate", Encrypted: v == tls.VersionTLS13}}
		for i := range s.Alerts {
			s.Alerts[i].Frame = 0
		}
		if diff := cmp.Diff(want, s.Alerts); diff != "" {
			t.Errorf("%s: alerts (-want +got):\n%s", tls.VersionName(v), diff)
		}
		if s.Complete {
			t.Errorf("%s: got a complete handshake", tls.VersionName(v))
		}
		if slices.Contains(codes(s), observe.CodeNoCloseNotify) {
			t.Errorf("%s: got %v, but after a fatal alert no close_notify is due", tls.VersionName(v), codes(s))
		}
	}
}

// A server of TLS 1.3 refuses the client's certificate after both finished.
func TestClientCertificateRefused(t *testing.T) {
	client, server := configs(t, tls.VersionTLS13, "ECDSA")
	server.ClientAuth = tls.RequireAnyClientCert
	c := record(t, scene{client: client, server: server, talk: func(t testing.TB, client, server *tls.Conn) {
		go func() { server.Handshake(); server.Close() }()
		client.Handshake()
		client.Read(make([]byte, 1))
		client.Close()
	}})
	s := watch(c, options(), withKeys(c)).session
	if s.Complete || !s.ClientAuth || s.Alerts[0].Description != "certificate_required" {
		t.Errorf("got complete %v, client_auth %v, alerts %v, want false, true, certificate_required", s.Complete, s.ClientAuth, s.Alerts)
	}
}

// The directions may be the wrong way round.
func TestRolesGuessed(t *testing.T) {
	both(t, func(t *testing.T, c *conversation) {
		want := watch(c, options(), withKeys(c))
		swapped := &conversation{keys: c.keys}
		for _, k := range c.chunks {
			k.dir = k.dir.Opposite()
			swapped.chunks = append(swapped.chunks, k)
		}
		o := options()
		o.Client, o.Server, o.RolesGuessed = o.Server, o.Client, true
		got := watch(swapped, o, withKeys(swapped))
		sameEvents(t, "swapped", got, want)
		o = options()
		o.RolesGuessed = true
		sameEvents(t, "guessed right", watch(c, o, withKeys(c)), want)
	})
}

// TLS may begin after another protocol, or not at all.
func TestNotTLS(t *testing.T) {
	both(t, func(t *testing.T, c *conversation) {
		const request, reply = "CONNECT example.com:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"
		tunnel := &conversation{keys: c.keys, chunks: []chunk{
			{dir: observe.ClientToServer, time: epoch, data: []byte(request)},
			{dir: observe.ServerToClient, time: epoch, data: []byte(reply)},
		}}
		tunnel.chunks = append(tunnel.chunks, c.chunks...)
		w := watch(tunnel, options(), withKeys(tunnel))
		var got []observe.NotTLS
		for _, e := range w.events {
			if n, ok := e.Body.(*observe.NotTLS); ok {
				got = append(got, *n)
			}
		}
		want := []observe.NotTLS{
			{Place: observe.Place{FrameFirst: 1, Frame: 1}, Length: len(request), Line: request[:len(request)-4]},
			{Place: observe.Place{FrameFirst: 2, Frame: 2}, Length: len(reply), Line: reply[:len(reply)-4]},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got, want := messageList(w.session), messageList(watch(c, options(), withKeys(c)).session); got != want {
			t.Errorf("messages:\n got %s\nwant %s", got, want)
		}
		checkData(t, w.session)
	})
	long := bytes.Repeat([]byte("no TLS at all "), 1000)
	plain := &conversation{chunks: []chunk{{dir: observe.ClientToServer, time: epoch, data: long}}}
	w := watch(plain, options(), never)
	if n := countKind(w.events, observe.KindNotTLS); n != 2 || w.session.Version != "" || len(w.session.Messages) > 0 || len(w.session.Findings) > 0 {
		t.Errorf("got %d events of what is not TLS, session %+v, want 2 and nothing", n, w.session)
	}
}

// What is held for want of keys is bounded.
func TestHeldLimit(t *testing.T) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		const size = 1 << 20
		c := bulk(t, v, size)
		w := watch(c, options(), keysAt(c, len(c.chunks)))
		dropped, opened := int64(0), 0
		for _, e := range w.events {
			switch b := e.Body.(type) {
			case *observe.Gap:
				if b.Reason != observe.GapHeld {
					t.Errorf("%s: got a gap for reason %s", tls.VersionName(v), b.Reason)
				}
				dropped += b.Length
			case *observe.ApplicationData:
				opened += b.Length
			}
		}
		if dropped < size-300<<10 || dropped > size-200<<10 {
			t.Errorf("%s: got %d bytes dropped of %d, want all but 256 KiB", tls.VersionName(v), dropped, size)
		}
		if v == tls.VersionTLS12 && opened < 200<<10 {
			t.Errorf("%s: got %d bytes opened when the key came, want those that were held", tls.VersionName(v), opened)
		}
		if s := w.session; s.DecryptError != observe.DecryptHeld || s.ApplicationData.Server.SHA256 != "" {
			t.Errorf("%s: got error %q, data %+v, want %q and no hash", tls.VersionName(v), s.DecryptError, s.ApplicationData, observe.DecryptHeld)
		}
	}
}

// Lists are bounded, counts are not.
func TestTruncated(t *testing.T) {
	conn := observe.New(options())
	ccs := []byte{20, 3, 3, 0, 1, 1}
	conn.Feed(observe.ClientToServer, observe.At{}, bytes.Repeat(ccs, observe.ListLimit+5))
	conn.Close(observe.At{}, observe.EndInput, observe.TCP{})
	s := conn.Session()
	if len(s.Messages) != observe.ListLimit || !slices.Equal(s.Truncated, []string{"messages"}) {
		t.Errorf("got %d messages, truncated %v, want %d and messages", len(s.Messages), s.Truncated, observe.ListLimit)
	}
}
