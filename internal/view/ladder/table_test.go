package ladder

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/observe"
)

// tabulated is connections whose cells are of every length.
func tabulated() []*observe.Session {
	made := func(stream int, begun time.Duration, client, server, version string, change func(*observe.Session)) *observe.Session {
		s := &observe.Session{}
		s.Stream, s.Start.Time, s.Client, s.Server, s.Version = stream, noon.Add(begun), client, server, version
		s.Complete, s.Decrypted = true, true
		change(s)
		return s
	}
	get := []observe.HTTP{{Protocol: "HTTP/2", Method: "GET", Path: "/", Status: 200}}
	return []*observe.Session{
		made(0, 0, "127.0.0.1:51000", "127.0.0.1:8443", "TLS 1.3", func(s *observe.Session) {
			s.ServerName, s.HTTP = "localhost", get
		}),
		made(1, 1234*time.Millisecond, "127.0.0.1:51002", "127.0.0.1:8443", "TLS 1.2", func(s *observe.Session) {
			s.ServerName, s.ALPN, s.DecryptError = "localhost", "http/1.1", observe.DecryptNoSecret
		}),
		made(12, time.Minute, "192.168.100.100:51000", "192.168.200.200:44300", "TLS 1.3 (draft 23)", func(s *observe.Session) {
			s.ServerName, s.ALPN, s.DecryptError, s.Resumed = "a-long-name.of.some.example.com", "h2", observe.DecryptNoSecret, true
			s.TCP.Retransmissions, s.TCP.Gaps = 1, 2
		}),
		made(12345, 3*time.Hour, "[2001:db8:1111:2222:3333:4444:5555:6666]:51000", "[2001:db8::1]:443", "TLS 1.3", func(s *observe.Session) {
			s.ServerName, s.Complete = "例え.テスト", false
			s.Alerts = []observe.AlertInfo{{From: "client", Level: "fatal", Description: "certificate_unknown"}}
		}),
		made(123456, 30*time.Hour, "10.0.0.1:1", "10.0.0.2:2", "TLS 1.3", func(s *observe.Session) {
			s.ServerName, s.ALPN = strings.Repeat("a", 4000)+"\x1b[2J", "\x1b]0;title\a"+strings.Repeat("b", 200)
		}),
		made(123457, 30*time.Hour, "10.0.0.1:3", "10.0.0.2:4", "", func(s *observe.Session) {
			s.TCP.SYN, s.TCP.RST = true, true
		}),
		made(123458, 31*time.Hour, "10.0.0.1:3", "10.0.0.2:4", "", func(s *observe.Session) {
			s.Complete, s.TCP.Gaps, s.TCP.Cut, s.DecryptError = false, 3, 2, observe.DecryptNoHello
			s.Findings = []observe.FindingInfo{{Code: observe.CodePartialMessage, Where: "ClientHello"}}
		}),
	}
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// TestTable draws a table at every width that people have, and for pipes. No line is wider, and what goes on does so below
// itself.
func TestTable(t *testing.T) {
	for lang, suffix := range map[explain.Lang]string{explain.English: "", explain.Japanese: ".ja"} {
		var got bytes.Buffer
		for _, width := range []int{40, 60, 80, 92, 100, 120, 200, 0} {
			o := Options{Width: width, Unfolded: width == 0, Words: explain.For(lang)}
			fmt.Fprintf(&got, "== %d columns\n", width)
			lines := NewTable(o).Head()
			for _, s := range tabulated() {
				lines = append(lines, NewTable(o).Row(s, noon)...)
			}
			for _, line := range lines {
				if n := Width(line.String()); n > width && width > 0 {
					t.Errorf("%s, %d columns: got %d in %q", lang, width, n, line)
				}
			}
			if width == 0 && len(lines) != 1+len(tabulated()) {
				t.Errorf("%s, for a pipe: got %d lines, want one a row", lang, len(lines))
			}
			if err := WritePlain(&got, lines); err != nil {
				t.Fatal(err)
			}
		}
		golden(t, filepath.Join("testdata", "table"+suffix+".golden"), got.Bytes())
	}
}

// TestTableAmbiguous draws with characters whose width every terminal agrees on, where ambiguous ones are wide.
func TestTableAmbiguous(t *testing.T) {
	wide := newRuler(true)
	for _, width := range []int{40, 80, 100} {
		o := Options{Width: width, WideAmbiguous: true, Words: explain.For(explain.Japanese)}
		for _, s := range tabulated() {
			for _, line := range NewTable(o).Row(s, noon) {
				if n := wide.line(line); n > width {
					t.Errorf("%d columns: got %d in %q", width, n, line)
				}
			}
		}
	}
}

// TestBrief requires that no value fills the screen, unless every field is wanted, and that what is missing is said.
func TestBrief(t *testing.T) {
	s := &observe.Session{}
	s.ServerName = strings.Repeat("a", 60_000)
	s.HTTP = []observe.HTTP{{Protocol: "HTTP/1.1", Status: 200}}
	for _, verbose := range []bool{false, true} {
		for _, width := range []int{32, 40, 80, 120} {
			lines := New(Options{Width: width, Verbose: verbose}).Lines(s)
			if brief := len(lines) < 30; brief == verbose {
				t.Errorf("%d columns, verbose %t: got %d lines", width, verbose, len(lines))
			}
			var text strings.Builder
			for _, line := range lines {
				if n := Width(line.String()); n > width {
					t.Errorf("%d columns: got %d in %q", width, n, line)
				}
				text.WriteString(line.String() + "\n")
			}
			if strings.Contains(text.String(), "a…\n") == verbose || !strings.Contains(text.String(), " → 200 HTTP/1.1") {
				t.Errorf("%d columns, verbose %t: got\n%s", width, verbose, text.String())
			}
		}
	}
}
