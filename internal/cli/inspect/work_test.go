package inspect_test

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/file"
	"github.com/akushu/akushu/internal/capture/rewrite"
	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/cli/inspect"
	"github.com/akushu/akushu/internal/explain"
)

// unended is a capture of connections that do not end: most speak HTTP, one in ten TLS as well.
func unended(t *testing.T, connections int) []byte {
	t.Helper()
	var tracks []rewrite.Track
	for i, name := range []string{"plain_http", "gnutls_tls13"} {
		src, err := file.Open(context.Background(), "../../dissect/testdata/"+name+".pcap", nil, file.Options{})
		must(t, err)
		tracks = append(tracks, rewrite.Track{Packets: rewrite.Unended(rewrite.Load(src.Next)), Weight: 9 - 8*i})
		must(t, src.Close())
	}
	var out bytes.Buffer
	w, err := capture.NewWriter(&out, capture.Section{})
	must(t, err)
	_, err = w.AddInterface(capture.Interface{LinkType: capture.LinkEthernet})
	must(t, err)
	m := rewrite.NewMixture(tracks)
	must(t, m.Play(w, func() bool { return m.Started < connections }))
	return out.Bytes()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestWorkPerConnection holds what a connection costs to what it costs in a capture of a third of the size: connections
// that never end must not make each other more expensive. It counts what is allocated, which no other program changes.
func TestWorkPerConnection(t *testing.T) {
	for _, flags := range [][]string{{"-v"}, {"--json"}, nil} {
		few, many := work(t, 600, flags), work(t, 1800, flags)
		t.Logf("%s: %.0f pieces of memory, %.0f bytes", flags, many.pieces, many.bytes)
		if many.pieces > few.pieces*1.15 || many.bytes > few.bytes*1.15 {
			t.Errorf("%s: got %.0f pieces of memory, %.0f bytes, for each of many connections, want hardly more than %.0f and %.0f",
				flags, many.pieces, many.bytes, few.pieces, few.bytes)
		}
	}
}

// cost is what a connection takes.
type cost struct{ pieces, bytes float64 }

func work(t *testing.T, connections int, flags []string) cost {
	t.Helper()
	env := &cli.Env{
		In: bytes.NewReader(unended(t, connections)), Out: io.Discard, Err: io.Discard,
		Getenv: func(string) string { return "" }, Words: explain.For(explain.English), Now: time.Now,
	}
	cmd := inspect.New(env)
	cmd.SetArgs(append([]string{"-", "--keylog", "../../dissect/testdata/gnutls_tls13.keys"}, flags...))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	must(t, cmd.ExecuteContext(t.Context()))
	runtime.ReadMemStats(&after)
	n := float64(connections)
	return cost{float64(after.Mallocs-before.Mallocs) / n, float64(after.TotalAlloc-before.TotalAlloc) / n}
}
