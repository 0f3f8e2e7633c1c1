package observe_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/observe"
)

// hexed is bytes in hexadecimal, spaces between them.
func hexed(t testing.TB, text string) string {
	t.Helper()
	var out []byte
	for _, word := range strings.Fields(text) {
		var b byte
		for _, c := range word {
			b = b<<4 | byte(strings.IndexRune("0123456789abcdef", c))
		}
		out = append(out, b)
	}
	return string(out)
}

// preludes is what comes before TLS, lines of the client ("c") and of the server ("s") in turn.
func preludes(t testing.TB) map[string][]string {
	const c, s = "c", "s"
	return map[string][]string{
		"smtp": {s, "220 mail ESMTP\r\n", c, "EHLO me\r\n", s, "250-mail\r\n250 STARTTLS\r\n", c, "STARTTLS\r\n", s, "220 go ahead\r\n"},
		"lmtp": {s, "220 mail LMTP\r\n", c, "LHLO me\r\n", s, "250 STARTTLS\r\n", c, "STARTTLS\r\n", s, "220 go ahead\r\n"},
		"imap": {s, "* OK IMAP4rev1\r\n", c, "a1 STARTTLS\r\n", s, "a1 OK begin\r\n"},
		"pop3": {s, "+OK ready\r\n", c, "STLS\r\n", s, "+OK begin\r\n"},
		"ftp":  {s, "220 ftp\r\n", c, "AUTH TLS\r\n", s, "234 go\r\n"},
		"ldap": {
			c, hexed(t, "30 1d 02 01 01 77 18 80 16") + "1.3.6.1.4.1.1466.20037",
			s, hexed(t, "30 0c 02 01 01 78 07 0a 01 00 04 00 04 00"),
		},
		"xmpp": {
			c, "<?xml version='1.0'?><stream:stream to='example.com' xmlns='jabber:client'>",
			s, "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>",
			c, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", s, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
		},
		"nntp":     {s, "200 news\r\n", c, "STARTTLS\r\n", s, "382 go\r\n"},
		"irc":      {c, "STARTTLS\r\n", s, ":irc 670 * :STARTTLS successful\r\n"},
		"sieve":    {s, "\"STARTTLS\"\r\nOK\r\n", c, "STARTTLS\r\n", s, "OK\r\n"},
		"postgres": {c, hexed(t, "00 00 00 08 04 d2 16 2f"), s, "S"},
		"mysql": {
			s, hexed(t, "4a 00 00 00 0a") + "8.0.36\x00" + strings.Repeat("x", 66),
			c, hexed(t, "20 00 00 01 05 ae ff 19 00 00 00 01 ff") + strings.Repeat("\x00", 23),
		},
		"rdp": {
			c, hexed(t, "03 00 00 13 0e e0 00 00 00 00 00 01 00 08 00 03 00 00 00"),
			s, hexed(t, "03 00 00 13 0e d0 00 00 12 34 00 02 1f 08 00 02 00 00 00"),
		},
		"http connect":                        {c, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", s, "HTTP/1.1 200 Connection established\r\n\r\n"},
		"http connect, refused":               {c, "CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n", s, "HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno", c, "CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\nProxy-Authorization: b\r\n\r\n", s, "HTTP/1.1 200 OK\r\n\r\n"},
		"http upgrade":                        {c, "OPTIONS * HTTP/1.1\r\nHost: a\r\nUpgrade: TLS/1.0\r\nConnection: Upgrade\r\n\r\n", s, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: TLS/1.0\r\nConnection: Upgrade\r\n\r\n"},
		"socks4":                              {c, hexed(t, "04 01 01 bb c0 00 02 02 00"), s, hexed(t, "00 5a 00 00 00 00 00 00")},
		"socks4a":                             {c, hexed(t, "04 01 01 bb 00 00 00 01 00") + "example.com\x00", s, hexed(t, "00 5a 00 00 00 00 00 00")},
		"socks5":                              {c, hexed(t, "05 01 00"), s, hexed(t, "05 00"), c, hexed(t, "05 01 00 03 0b") + "example.com" + hexed(t, "01 bb"), s, hexed(t, "05 00 00 01 00 00 00 00 00 00")},
		"proxy v1":                            {c, "PROXY TCP4 192.0.2.1 192.0.2.2 51000 443\r\n"},
		"proxy v2":                            {c, hexed(t, "0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a 21 11 00 0c c0 00 02 01 c0 00 02 02 c7 38 01 bb")},
		"proxy v2, from a port like a record": {c, hexed(t, "0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a 21 11 00 0c c0 00 02 01 c0 00 02 02 16 03 01 bb")},
		"something else":                      {c, "hello, encrypt please \x16\x03\x01\x02\x00\x01\x00", s, "\x00\x16\x03\x03\x00\x04\x02\x00 yes\n"},
		"a line from each":                    {c, "x\n", s, "y\n", c, "z\n", s, "w\n"},
	}
}

// TLS is found behind what comes before it, on any port, however the bytes are cut; what came before is shown as it was.
func TestStartTLS(t *testing.T) {
	both(t, func(t *testing.T, c *conversation) {
		want := messageList(watch(c, options(), withKeys(c)).session)
		for name, prelude := range preludes(t) {
			var before [3]string
			first := &conversation{keys: c.keys}
			for i := 0; i < len(prelude); i += 2 {
				d := observe.ClientToServer
				if prelude[i] == "s" {
					d = observe.ServerToClient
				}
				before[d] += prelude[i+1]
				first.chunks = append(first.chunks, chunk{dir: d, time: epoch, data: []byte(prelude[i+1])})
			}
			apart := &conversation{keys: c.keys, chunks: append(first.chunks[:len(first.chunks):len(first.chunks)], c.chunks...)}
			for how, conv := range map[string]*conversation{"": apart, ", byte by byte": single(apart), ", joined": joinedTo(first, c)} {
				w := watch(conv, options(), withKeys(conv))
				if got := messageList(w.session); got != want {
					t.Errorf("%s%s:\n got %s\nwant %s", name, how, got, want)
					continue
				}
				checkData(t, w.session)
				if len(w.session.Findings) > 0 {
					t.Errorf("%s%s: got findings %v", name, how, w.session.Findings)
				}
				for _, d := range []observe.Dir{observe.ClientToServer, observe.ServerToClient} {
					n := 0
					for _, e := range w.events {
						if b, ok := e.Body.(*observe.NotTLS); ok && e.Dir == d {
							n += b.Length
						}
					}
					if n != len(before[d]) {
						t.Errorf("%s%s: got %d bytes before TLS %v, want %d", name, how, n, d, len(before[d]))
					}
				}
			}
		}
	})
}

// single is a conversation whose bytes come one by one.
func single(c *conversation) *conversation {
	cut := &conversation{keys: c.keys}
	for _, k := range c.chunks {
		for i := range k.data {
			cut.chunks = append(cut.chunks, chunk{dir: k.dir, time: k.time, data: k.data[i : i+1]})
		}
		if k.end {
			cut.chunks = append(cut.chunks, k)
		}
	}
	return cut
}

// joinedTo is a conversation after another, with neighbours of one direction in one piece.
func joinedTo(first, c *conversation) *conversation {
	out := &conversation{keys: c.keys}
	for _, k := range append(first.chunks[:len(first.chunks):len(first.chunks)], c.chunks...) {
		if n := len(out.chunks); n > 0 && out.chunks[n-1].dir == k.dir && !k.end && !out.chunks[n-1].end {
			out.chunks[n-1].data = append(bytes.Clone(out.chunks[n-1].data), k.data...)
			continue
		}
		out.chunks = append(out.chunks, k)
	}
	return out
}

// What is no TLS stays what it is, even where it has bytes that records begin with.
func TestLooksLikeTLS(t *testing.T) {
	for name, text := range map[string]string{
		"in the middle":                   "some text \x16\x03\x01 and more of it, and more of it, and more of it",
		"with a length":                   "some text \x16\x03\x01\x00\x20\x01\x00 and more of it, and more of it, and more of it",
		"a hello of nonsense":             "some text \x16\x03\x01\x00\x40\x01\x00\x00\x3c\x02\x03" + strings.Repeat("and more of it ", 10),
		"a hello with a wrong session ID": "some text \x16\x03\x01\x00\x40\x01\x00\x00\x3c\x03\x03" + strings.Repeat("and more of it ", 10),
		"at the end":                      "some text \x16\x03\x01",
		"twice":                           "some text \x16\x03\x01 and \x16\x03\x03 and more of it, and more of it, and more of it",
		"application data":                "some text \x17\x03\x03\x00\x05 and more of it, and more of it, and more of it",
		"HTTP with such bytes":            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\nxx\x16\x03\x01\x00\x20\x01\x00yyyyyy",
	} {
		for how, c := range map[string]*conversation{
			"":               {chunks: []chunk{{dir: observe.ClientToServer, time: epoch, data: []byte(text)}}},
			", byte by byte": single(&conversation{chunks: []chunk{{dir: observe.ClientToServer, time: epoch, data: []byte(text)}}}),
		} {
			w := watch(c, options(), never)
			n := 0
			for _, e := range w.events {
				switch b := e.Body.(type) {
				case *observe.NotTLS:
					n += b.Length
				case *observe.Record:
					t.Errorf("%s%s: got a record of %s", name, how, b.Type)
				}
			}
			if n != len(text) || len(w.session.Findings) > 0 || len(w.session.Messages) > 0 {
				t.Errorf("%s%s: got %d bytes without TLS, findings %v, want %d", name, how, n, w.session.Findings, len(text))
			}
		}
	}
}

// turn is what a server of another protocol does before TLS: it waits until the client has said something, and answers.
type turn struct{ until, say string }

// OpenSSL's client asks servers of other protocols for TLS: what it says there is not TLS, and what comes then is.
func TestStartTLSOfOpenSSL(t *testing.T) {
	program := peer.Find(t, "openssl")
	cert := certificate(t, "ECDSA")
	for protocol, turns := range map[string][]turn{
		"smtp":     {{"", "220 mail ESMTP\r\n"}, {"\r\n", "250-mail\r\n250 STARTTLS\r\n"}, {"STARTTLS\r\n", "220 go\r\n"}},
		"imap":     {{"", "* OK ready\r\n"}, {"CAPABILITY\r\n", "* CAPABILITY IMAP4rev1 STARTTLS\r\n. OK\r\n"}, {"STARTTLS\r\n", ". OK\r\n"}},
		"pop3":     {{"", "+OK\r\n"}, {"STLS\r\n", "+OK\r\n"}},
		"ftp":      {{"", "220 ftp\r\n"}, {"AUTH TLS\r\n", "234 go\r\n"}},
		"nntp":     {{"", "200 news\r\n"}, {"CAPABILITIES\r\n", "101 list\r\nSTARTTLS\r\n.\r\n"}, {"STARTTLS\r\n", "382 go\r\n"}},
		"irc":      {{"STARTTLS\r\n", ":irc 670 * :go\r\n"}},
		"postgres": {{hexed(t, "04 d2 16 2f"), "S"}},
		"ldap":     {{"1466.20037", hexed(t, "30 0c 02 01 01 78 07 0a 01 00 04 00 04 00")}},
	} {
		conv := new(conversation)
		var keys bytes.Buffer
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() {
			served <- answerAfter(ln, turns, &tls.Config{Certificates: []tls.Certificate{cert}, KeyLogWriter: &keys})
		}()
		front, wait := proxy(t, ln.Addr().String(), conv)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		client := exec.CommandContext(ctx, program, "s_client", "-starttls", protocol, "-connect", front)
		client.Stdin = strings.NewReader(question)
		out, _ := client.CombinedOutput()
		cancel()
		ln.Close()
		if err := <-served; err != nil {
			t.Errorf("%s: %v\n%s", protocol, err, out)
			continue
		}
		wait()
		conv.keys = keys.Bytes()
		w := watch(conv, options(), withKeys(conv))
		if got := spoken(w, observe.ServerToClient); got != strings.TrimRight(answer, "\r\n") || w.session.Version != "TLS 1.3" || !w.session.Complete {
			t.Errorf("%s: got %q, %+v, %+v", protocol, got, w.session.Outcome, w.session.Findings)
		}
		if n := countKind(w.events, observe.KindNotTLS); n == 0 {
			t.Errorf("%s: got nothing before TLS", protocol)
		}
	}
}

// answerAfter serves one client: the turns, and an answer in TLS.
func answerAfter(ln net.Listener, turns []turn, cfg *tls.Config) error {
	c, err := ln.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	var heard []byte
	for _, turn := range turns {
		for !bytes.Contains(heard, []byte(turn.until)) {
			b := make([]byte, 1)
			if _, err := c.Read(b); err != nil {
				return fmt.Errorf("%q of the client instead of %q: %w", heard, turn.until, err)
			}
			heard = append(heard, b...)
		}
		heard = nil
		if _, err := io.WriteString(c, turn.say); err != nil {
			return err
		}
	}
	s := tls.Server(c, cfg)
	if _, err := s.Read(make([]byte, 100)); err != nil {
		return err
	}
	if _, err := io.WriteString(s, answer); err != nil {
		return err
	}
	return s.Close()
}
