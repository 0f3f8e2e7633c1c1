package msg_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/wire"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestSamples holds every sample to all that a layout promises, whole, cut off and mutated.
func TestSamples(t *testing.T) {
	for i, s := range samples(t) {
		t.Run(s.name, func(t *testing.T) {
			_, err := msg.Decode(&s.ctx, s.raw)
			if got := err != nil; got != s.flawed {
				t.Fatalf("got %v, want an error: %v", err, s.flawed)
			}
			promises(t, &s.ctx, s.raw)
			if !s.flawed {
				prefixes(t, &s.ctx, s.raw)
			}
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for range 100 {
				promises(t, &s.ctx, mutate(random, s.raw))
			}
		})
	}
}

// promises checks what holds of any bytes whatever, decoded strictly and leniently.
func promises(t *testing.T, ctx *msg.Context, raw []byte) {
	t.Helper()
	for ctx, m := range msg.Candidates(ctx, raw) {
		strictly(t, ctx, m, raw)
	}
	for ctx, m := range msg.Candidates(ctx, raw) {
		leniently(t, ctx, m, raw)
	}
	surveyed(t, ctx, raw)
	if t.Failed() {
		t.Fatalf("in %x", raw)
	}
}

// surveyed: without spans the same is found.
func surveyed(t *testing.T, ctx *msg.Context, raw []byte) {
	t.Helper()
	want, ann, _ := msg.Annotate(ctx, raw, true)
	got, survey := msg.Survey(ctx, raw)
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) || survey.Damaged != ann.Damaged || fmt.Sprint(survey.Findings) != fmt.Sprint(ann.Findings) {
		t.Errorf("got %+v with %v, want %+v with %v", got, survey.Findings, want, ann.Findings)
	}
	if len(survey.Spans) > 0 {
		t.Errorf("got %d spans, want none", len(survey.Spans))
	}
}

// strictly: what is accepted encodes to itself, and what is refused is told where and why.
func strictly(t *testing.T, ctx *msg.Context, m msg.Message, raw []byte) {
	t.Helper()
	ann, err := msg.AnnotateInto(m, ctx, raw, false)
	if again := msg.DecodeInto(m, ctx, raw); fmt.Sprint(again) != fmt.Sprint(err) {
		t.Errorf("%s: decoding says %v, annotating %v", m.Spec().Name, again, err)
	}
	if err != nil {
		if err := placed(err, len(raw)); err != nil {
			t.Errorf("%s: %v", m.Spec().Name, err)
		}
		return
	}
	if got, err := msg.Append(nil, ctx, m); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("%s: encoding what was decoded gave %x, %v", m.Spec().Name, got, err)
	}
	if err := tiled(ann.Spans, len(raw)); err != nil {
		t.Errorf("%s: %v", m.Spec().Name, err)
	}
}

// leniently: nothing fails, nothing is lost, and what is not damaged encodes to itself unless
// it cannot be encoded.
func leniently(t *testing.T, ctx *msg.Context, m msg.Message, raw []byte) {
	t.Helper()
	ann, err := msg.AnnotateInto(m, ctx, raw, true)
	if err != nil {
		t.Errorf("%s: lenient decoding fails: %v", m.Spec().Name, err)
	}
	if err := tiled(ann.Spans, len(raw)); err != nil {
		t.Errorf("%s, leniently: %v", m.Spec().Name, err)
	}
	for _, f := range ann.Findings {
		if err := placed(msg.Finding(m, f), len(raw)); err != nil {
			t.Errorf("%s: %v", m.Spec().Name, err)
		}
	}
	got, err := msg.Append(nil, ctx, m)
	if err == nil && !ann.Damaged && !bytes.Equal(got, raw) {
		t.Errorf("%s: encoding what is not damaged gave %x", m.Spec().Name, got)
	}
}

// placed checks that an error says where it is, in n bytes, and which section is broken.
func placed(err error, n int) error {
	var e *alert.Error
	var at *wire.Error
	if !errors.As(err, &e) || !errors.As(err, &at) {
		return fmt.Errorf("got %T %v, want an alert.Error around a wire.Error", err, err)
	}
	if e.Where == "" || e.Where != at.Path || e.Ref == "" {
		return fmt.Errorf("%v: got place %q and section %q, want %q and any section", err, e.Where, e.Ref, at.Path)
	}
	if at.Offset < 0 || at.Offset > n {
		return fmt.Errorf("%v: offset %d is outside of %d bytes", err, at.Offset, n)
	}
	return nil
}

// tiled checks that the leaves cover n bytes, each once, in order and under a path of its
// own, and that every span lies within the group around it.
func tiled(spans []wire.Span, n int) error {
	at := 0
	var around []wire.Span
	paths := map[string]bool{}
	for _, s := range spans {
		if s.Depth > len(around) {
			return fmt.Errorf("%s has depth %d inside of %d groups", s.Path, s.Depth, len(around))
		}
		around = around[:s.Depth]
		if s.Depth > 0 && (s.Start < around[s.Depth-1].Start || s.End > around[s.Depth-1].End) {
			return fmt.Errorf("%s is outside of %s", s.Path, around[s.Depth-1].Path)
		}
		switch {
		case !s.Leaf:
			around = append(around, s)
			continue
		case s.Start != at:
			return fmt.Errorf("%s begins at %d, want %d", s.Path, s.Start, at)
		case paths[s.Path]:
			return fmt.Errorf("%s is the path of two leaves", s.Path)
		}
		at, paths[s.Path] = s.End, true
	}
	if at != n {
		return fmt.Errorf("leaves end at %d, want %d", at, n)
	}
	return nil
}

// prefixes: a message that is cut off anywhere is refused, with the place.
func prefixes(t *testing.T, ctx *msg.Context, raw []byte) {
	for n := range raw {
		_, err := msg.Decode(ctx, raw[:n])
		if err == nil {
			t.Fatalf("%d of %d bytes: got no error", n, len(raw))
		}
		if err := placed(err, n); err != nil {
			t.Fatalf("%d of %d bytes: %v", n, len(raw), err)
		}
		if got := alert.For(err); got != iana.AlertDecodeError {
			t.Fatalf("%d of %d bytes: got alert %v, want decode_error", n, len(raw), got)
		}
	}
}

// mutate changes a byte or two, takes some out or puts some in. Half of the time it makes the
// header's length right again, so that the change is found further in.
func mutate(random *rand.Rand, raw []byte) []byte {
	b := bytes.Clone(raw)
	for range 1 + random.IntN(2) {
		at := random.IntN(len(b) + 1)
		switch n := min(random.IntN(4), len(b)-at); random.IntN(4) {
		case 0:
			b = slices.Delete(b, at, at+n)
		case 1:
			b = slices.Insert(b, at, fill(byte(random.Uint32()), n)...)
		default:
			if at < len(b) {
				b[at] = []byte{0, 1, 0xff, b[at] + 1, b[at] - 1, byte(random.Uint32())}[random.IntN(6)]
			}
		}
	}
	if random.IntN(2) == 0 {
		reframe(b)
	}
	return b
}

// reframe makes the length in the header right.
func reframe(b []byte) {
	if n := len(b) - msg.HeaderLength; n >= 0 {
		b[1], b[2], b[3] = byte(n>>16), byte(n>>8), byte(n)
	}
}

// TestCoverage: no layout is without a sample.
func TestCoverage(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range samples(t) {
		m, ann, _ := msg.Annotate(&s.ctx, s.raw, true)
		if s.flawed {
			continue
		}
		seen[m.Type().String()] = true
		for _, span := range ann.Spans {
			seen[span.ID] = true
		}
		if s.ctx.KeyExchange != msg.KeyExchangeUnknown {
			seen[fmt.Sprint(m.Spec().Name, s.ctx.KeyExchange)] = true
		}
	}
	for _, typ := range msg.Types() {
		if !seen[typ.String()] {
			t.Errorf("there is no sample of %v", typ)
		}
	}
	for name, codes := range msg.Rows() {
		if name == "certificate" {
			name += ".certificate_list"
		}
		for _, code := range codes {
			if id := name + "." + code.String(); !seen[id] {
				t.Errorf("there is no sample with %s", id)
			}
		}
	}
	for kx := msg.KeyExchangeECDHE; kx <= msg.KeyExchangeDHAnon; kx++ {
		for _, name := range []string{"client_key_exchange", "server_key_exchange"} {
			rsa := kx == msg.KeyExchangeRSA && name == "server_key_exchange" // which does not exist
			if !rsa && !seen[fmt.Sprint(name, kx)] {
				t.Errorf("there is no sample of %s with key exchange %d", name, kx)
			}
		}
	}
}

// TestIDs compares the IDs of all spans of all samples with testdata/ids.txt. Words, filters
// and highlights hang on them, so an ID is not to change.
func TestIDs(t *testing.T) {
	ids := map[string]bool{}
	for _, s := range samples(t) {
		_, ann, err := msg.Annotate(&s.ctx, s.raw, false)
		if err != nil && !s.flawed {
			t.Errorf("%s: %v", s.name, err)
		}
		for _, span := range ann.Spans {
			if !s.flawed {
				ids[span.ID] = true
			}
		}
	}
	golden(t, "testdata/ids.txt", strings.Join(slices.Sorted(maps.Keys(ids)), "\n")+"\n")
}

// TestSpans compares the spans of one ClientHello, field by field, with
// testdata/client_hello.txt, and what is found in flawed messages with testdata/flawed.txt.
func TestSpans(t *testing.T) {
	raw, err := msg.Append(nil, &unknown, fullClientHello())
	if err != nil {
		t.Fatal(err)
	}
	_, ann, err := msg.Annotate(&unknown, raw, false)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/client_hello.txt", draw(ann.Spans))

	var b strings.Builder
	for _, s := range flawed() {
		m, ann, err := msg.Annotate(&s.ctx, s.raw, true)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "== %s\n", s.name)
		for _, f := range ann.Findings {
			e := msg.Finding(m, f)
			fmt.Fprintf(&b, "%v: %v\n", e.Alert, e)
		}
		fmt.Fprintf(&b, "damaged: %v\n%s\n", ann.Damaged, draw(ann.Spans))
	}
	golden(t, "testdata/flawed.txt", b.String())
}

// draw is spans as text, an indented line each.
func draw(spans []wire.Span) string {
	var b strings.Builder
	for _, s := range spans {
		fmt.Fprintf(&b, "%4d-%-4d %s%s", s.Start, s.End, strings.Repeat("  ", s.Depth), s.Path)
		switch v := s.Value.(type) {
		case nil:
		case fmt.Stringer:
			fmt.Fprintf(&b, " = %v", v)
		case uint8, uint16, uint32, uint64:
			fmt.Fprintf(&b, " = %d", v)
		default:
			fmt.Fprintf(&b, " = %x", v)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", name, diff)
	}
}
