package inspect_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/cli/inspect"
	"github.com/akushu/akushu/internal/explain"
)

// TestFollowPipe shows a connection that has ended while the pipe that it came from waits for more: nothing more comes in
// it, and it does not end.
func TestFollowPipe(t *testing.T) {
	recording, err := os.ReadFile("../../dissect/testdata/rsa_tls12.pcap")
	must(t, err)
	in, feed, err := os.Pipe()
	must(t, err)
	shown, out := io.Pipe()
	env := &cli.Env{
		In: in, Out: out, Err: io.Discard,
		Getenv: func(string) string { return "" }, Words: explain.For(explain.English), Now: time.Now,
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		cmd := inspect.New(env)
		cmd.SetArgs([]string{"-", "--follow", "--json"})
		err := cmd.ExecuteContext(ctx)
		done <- errors.Join(err, out.Close())
	}()
	_, err = feed.Write(recording)
	must(t, err)
	line, err := bufio.NewReader(shown).ReadString('\n')
	if err != nil || ctx.Err() != nil || !strings.Contains(line, `"end":"fin"`) {
		t.Errorf("got %q and %v, %v, want the object of a connection that has ended", line, err, ctx.Err())
	}
	cancel()
	must(t, <-done)
	must(t, errors.Join(feed.Close(), in.Close()))
}
