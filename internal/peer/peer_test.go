package peer

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/capture"
)

// outcome is a test that remembers how it ended.
type outcome struct {
	testing.TB
	how string
}

func (o *outcome) Helper()        {}
func (o *outcome) Fatal(a ...any) { o.how = "failed: " + fmt.Sprint(a...); runtime.Goexit() }
func (o *outcome) Skip(a ...any)  { o.how = "skipped: " + fmt.Sprint(a...); runtime.Goexit() }
func (o *outcome) Errorf(format string, a ...any) {
	o.how = "failed: " + fmt.Sprintf(format, a...)
}

// of runs a test to its end.
func (o *outcome) of(f func(testing.TB)) string {
	o.how = "passed"
	done := make(chan struct{})
	go func() { defer close(done); f(o) }()
	<-done
	return o.how
}

func TestMissing(t *testing.T) {
	for _, row := range []struct{ ci, want, partly string }{
		{"", "skipped: no-such-program is not installed", "passed"},
		{"true", "failed: no-such-program is not installed", "failed: no-such-program is not installed"},
	} {
		t.Setenv("CI", row.ci)
		if got := new(outcome).of(func(t testing.TB) { Find(t, "no-such-program") }); got != row.want {
			t.Errorf("CI=%s: got %s, want %s", row.ci, got, row.want)
		}
		if got := new(outcome).of(func(t testing.TB) { Has(t, "no-such-program") }); got != row.partly {
			t.Errorf("CI=%s, in a part of the test: got %s, want %s", row.ci, got, row.partly)
		}
	}
}

func TestFields(t *testing.T) {
	var packets []capture.Packet
	for i, link := range []capture.LinkType{capture.LinkEthernet, capture.LinkRaw, capture.LinkEthernet} {
		packets = append(packets, capture.Packet{LinkType: link, Time: time.Unix(int64(i), 0), Data: make([]byte, 60+i)})
	}
	file := Store(t, packets)
	want := [][]string{{"1", "0", "60"}, {"2", "1", "61"}, {"3", "0", "62"}}
	if diff := cmp.Diff(want, Fields(t, file, []string{"frame.number", "frame.interface_id", "frame.len"})); diff != "" {
		t.Errorf("got other rows (-want +got):\n%s", diff)
	}
	if got := Fields(t, file, []string{"frame.number"}, "-Y", "tcp"); got != nil {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestProgram(t *testing.T) {
	p := Start(t, Find(t, "cat"))
	for _, line := range []string{"one", "two"} {
		before := len(p.Text())
		p.Say(t, "line "+line)
		if got := p.AwaitAfter(t, before, `(?m)^line (\w+)$`); got != line {
			t.Errorf("got %s, want %s", got, line)
		}
	}
	p.In.Close()
	p.Wait()
	p.Settle(t, "the output", p.Text, "line one\nline two\n")
}
