package capture_test

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/keylog"
	"github.com/google/go-cmp/cmp"
)

var (
	noon    = time.Date(2026, 11, 20, 12, 0, 0, 123_456_789, time.UTC)
	section = capture.Section{Comment: "a comment", Hardware: "a loom", OS: "an OS", Application: "akushu"}
	ether   = capture.Interface{LinkType: capture.LinkEthernet, SnapLen: 1 << 18, Name: "tap", Description: "a tap"}
	aLine   = keylog.Line{Label: keylog.LabelExporterSecret, ClientRandom: [32]byte{1}, Secret: make([]byte, 32)}
)

// collect reads a capture to its end and copies the items.
func collect(r io.Reader) ([]capture.Item, error) {
	reader, err := capture.NewReader(r)
	if err != nil {
		return nil, err
	}
	var items []capture.Item
	for {
		item, err := reader.Next()
		if err == io.EOF {
			return items, nil
		}
		if err != nil {
			return items, err
		}
		items = append(items, clone(item))
	}
}

func clone(item capture.Item) capture.Item {
	switch item := item.(type) {
	case *capture.Section:
		c := *item
		return &c
	case *capture.Interface:
		c := *item
		return &c
	case *capture.Packet:
		c := *item
		c.Data = bytes.Clone(c.Data)
		return &c
	case *capture.Names:
		c := slices.Clone(*item)
		return &c
	case *capture.Secrets:
		return &capture.Secrets{Type: item.Type, Data: bytes.Clone(item.Data)}
	}
	return item
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What is written is read again, whatever the lengths.
func TestWriter(t *testing.T) {
	var file bytes.Buffer
	w, err := capture.NewWriter(&file, section)
	must(t, err)
	first, err := w.AddInterface(ether)
	must(t, err)
	must(t, w.WriteSecrets()) // no lines, no block
	must(t, w.WriteNames())
	hosts := capture.Names{
		{Addr: netip.MustParseAddr("192.0.2.1"), Names: []string{"one", "one.example"}},
		{Addr: netip.MustParseAddr("2001:db8::2"), Names: []string{"two"}},
	}
	must(t, w.WriteNames(append(hosts, capture.HostName{Addr: hosts[0].Addr})...))
	must(t, w.WriteSecrets(aLine, aLine))
	second, err := w.AddInterface(capture.Interface{LinkType: 113})
	must(t, err)
	want := []capture.Item{
		&section, &ether, &hosts,
		&capture.Secrets{Type: capture.SecretsTLSKeyLog, Data: []byte(text(aLine) + text(aLine))},
		&capture.Interface{ID: second, LinkType: 113},
	}
	for n := range 6 {
		p := capture.Packet{
			Number: n + 1, Interface: first, LinkType: capture.LinkEthernet,
			Time: noon.Add(time.Duration(n)), Length: n + 100, Data: bytes.Repeat([]byte{7}, n), Comment: strings.Repeat("c", n),
		}
		must(t, w.WritePacket(p))
		want = append(want, &p)
	}
	other := capture.Secrets{Type: 0x57474b4c, Data: []byte("WireGuard's")}
	must(t, w.WriteSecretsBlock(other))
	must(t, w.WritePacket(capture.Packet{Interface: second, Data: []byte{1, 2}}))
	want = append(want, &other, &capture.Packet{
		Number: 7, Interface: second, LinkType: 113, Time: time.Unix(0, 0).UTC(), Length: 2, Data: []byte{1, 2},
	})
	got, err := collect(&file)
	must(t, err)
	if diff := cmp.Diff(want, got, sameAddr); diff != "" {
		t.Errorf("got other items (-want +got):\n%s", diff)
	}
}

func text(l keylog.Line) string { return string(l.AppendTo(nil)) + "\n" }

func TestBuilderPutsSecretsFirst(t *testing.T) {
	var file bytes.Buffer
	b, err := capture.NewBuilder(&file, section)
	must(t, err)
	id, err := b.AddInterface(ether)
	must(t, err)
	packet := capture.Packet{Interface: id, Time: noon, Data: []byte("a packet")}
	for range 2 {
		must(t, b.WritePacket(packet))
		must(t, b.WriteSecrets(aLine))
		if file.Len() != 0 || b.Held() == 0 {
			t.Fatalf("got %d bytes written and %d held, want all held", file.Len(), b.Held())
		}
		must(t, b.WritePacket(packet))
	}
	must(t, b.Flush())
	if file.Len() == 0 || b.Held() != 0 {
		t.Errorf("got %d bytes written and %d held, want all written", file.Len(), b.Held())
	}
	must(t, b.WritePacket(packet))
	must(t, b.WriteSecrets(aLine))
	must(t, b.Close())
	if got, want := kinds(t, &file), "section interface secrets secrets packet packet packet packet secrets packet"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func kinds(t *testing.T, file io.Reader) string {
	t.Helper()
	items, err := collect(file)
	must(t, err)
	var names []string
	for _, item := range items {
		switch item.(type) {
		case *capture.Section:
			names = append(names, "section")
		case *capture.Interface:
			names = append(names, "interface")
		case *capture.Packet:
			names = append(names, "packet")
		case *capture.Secrets:
			names = append(names, "secrets")
		}
	}
	return strings.Join(names, " ")
}

func TestWriterRefuses(t *testing.T) {
	rows := []struct {
		name  string
		write func(w *capture.Writer) error
		want  string
	}{
		{"a packet of no interface", packetWriter(capture.Packet{Interface: 1}), "interface 1, of 1"},
		{"a packet of interface -1", packetWriter(capture.Packet{Interface: -1}), "interface -1"},
		{"more captured than there was", packetWriter(capture.Packet{Data: make([]byte, 3), Length: 2}), "3 bytes were captured had 2"},
		{"a length of no packet", packetWriter(capture.Packet{Length: 1 << 32}), "4294967296"},
		{"a packet that is too large", packetWriter(capture.Packet{Data: make([]byte, 17<<20)}), "16 MiB"},
		{"a block that is too large", packetWriter(capture.Packet{Data: make([]byte, 16<<20)}), "16 MiB"},
		{"a comment that is too long", packetWriter(capture.Packet{Comment: strings.Repeat("x", 1<<16)}), "65536 bytes"},
		{"a time before 1970", packetWriter(capture.Packet{Time: time.Unix(-1, 0)}), "1969"},
		{"a time after 2554", packetWriter(capture.Packet{Time: time.Unix(1<<35, 0)}), "3058"},
		{"a line that is none", func(w *capture.Writer) error { return w.WriteSecrets(keylog.Line{}) }, "label"},
		{"names of no address", func(w *capture.Writer) error { return w.WriteNames(capture.HostName{Names: []string{"x"}}) }, "names of invalid IP"},
		{"an interface with a long name", func(w *capture.Writer) error {
			_, err := w.AddInterface(capture.Interface{Name: strings.Repeat("x", 1<<16)})
			return err
		}, "65536 bytes"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var file bytes.Buffer
			w, err := capture.NewWriter(&file, capture.Section{})
			must(t, err)
			_, err = w.AddInterface(ether)
			must(t, err)
			before := file.Len()
			if err := row.write(w); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want an error with %q", err, row.want)
			}
			if file.Len() != before {
				t.Errorf("got %d bytes written, want none", file.Len()-before)
			}
		})
	}
}

func packetWriter(p capture.Packet) func(*capture.Writer) error {
	return func(w *capture.Writer) error { return w.WritePacket(p) }
}

// limited takes so many bytes and then fails, or lies, about the rest.
type limited struct {
	left int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(l.left, len(p))
	l.left -= n
	if n < len(p) {
		return n, l.err
	}
	return n, nil
}

func TestWriterPassesErrorsOn(t *testing.T) {
	full := errors.New("full")
	for _, row := range []struct{ dst, want error }{{full, full}, {nil, io.ErrShortWrite}} {
		if _, err := capture.NewWriter(&limited{err: row.dst}, section); err != row.want {
			t.Errorf("got %v, want %v", err, row.want)
		}
	}
	b, err := capture.NewBuilder(&limited{left: 50, err: full}, section)
	must(t, err)
	if err := b.Close(); err != full {
		t.Errorf("got %v, want %v", err, full)
	}
}

func TestWritingPacketsAllocatesNothing(t *testing.T) {
	w, err := capture.NewWriter(io.Discard, section)
	must(t, err)
	_, err = w.AddInterface(ether)
	must(t, err)
	p := capture.Packet{Time: noon, Data: make([]byte, 1500)}
	if got := testing.AllocsPerRun(100, func() { must(t, w.WritePacket(p)) }); got != 0 {
		t.Errorf("got %v allocations a packet, want 0", got)
	}
}
