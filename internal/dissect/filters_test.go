package dissect_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/dissect"
	"github.com/akushu/akushu/internal/filter"
	"github.com/akushu/akushu/observe"
)

// expressions are filters of every kind, with the fields of every protocol.
var expressions = []string{
	"tls",
	"http",
	"tcp.port == 21001",
	"tcp.port in {21002..21004, 21009}",
	"all tcp.port in {1..65535} and not any tcp.port in {21001}",
	"all tcp.port in {21001, 21002..65535} or all tcp.port not in {21003}",
	"tcp.srcport == 21003 || tcp.dstport == 21005",
	"all tcp.port >= tcp.dstport",
	"any tls.record.content_type != 23",
	"all tls.handshake.type in {1..4}",
	"count(tls.record.content_type) > 2",
	"tcp.flags & 0x12 == 0x12",
	"ip.addr == 127.0.0.0/8 && tcp.len > 1000",
	"ip.src == 127.0.0.1 and not tls",
	"ipv6",
	"!tcp.len",
	"tcp.len == 0 and tcp.flags.ack == 1",
	"tcp.flags.syn == 1 && tcp.flags.ack == 0",
	"tcp.flags & 2",
	"tcp.flags.fin == 1 or tcp.flags.reset == 1",
	"tcp.stream in {1,3,5} and tls.handshake",
	"tcp.payload contains \"Hello\"",
	"frame.number <= 20",
	"frame contains \"localhost\"",
	"tls.record.content_type == 23",
	"tls.record.version == 0x0301",
	"tls.change_cipher_spec",
	"tls.alert_message",
	"tls.alert_message.level == 2",
	"tls.handshake.type == 1",
	"tls.handshake.type == 2 or tls.handshake.type == 11",
	"tls.handshake.type == 4 && tls.record.content_type",
	"tls.handshake.ciphersuite == 0x1302",
	"tls.handshake.ciphersuite == 0x002f and tls.handshake.type == 2",
	"tls.handshake.extensions_server_name contains \"local\"",
	"tls.handshake.extensions_server_name matches \"^LOCAL.*t$\"",
	"tls.handshake.extensions_alpn_str == \"h2\"",
	"tls.handshake.extension.type == 43",
	"tls.handshake.extension.type == 41 or tls.handshake.extension.type == 42",
	"tls.handshake.extensions.supported_version == 0x0304",
	"tls.handshake.extensions_key_share_group == 29",
	"tls.handshake.session_id_length == 32 and tls.handshake.type == 2",
	"tls.handshake.version < 0x0303",
	"tls.handshake.ja3",
	"tls.app_data",
	"http.request.uri == \"/missing\"",
	"http.response.code == 404",
	"http.response.code >= 200 && http.response.code < 300",
	"http.request",
	"http.response",
	"http.content_length > 10000",
	"http2",
	"http2.streamid == 1",
	"count(tls.record) > 2",
	"tls contains \"localhost\"",
	"tls and not tls.handshake",
	"tls.handshake.session_id",
	"tls.handshake.extensions_server_name !== \"localhost\"",
	"http.host contains \"localhost\" && !(tcp.port == 21001)",
	"tls.handshake.type == 1 && !(tls.handshake.extensions_alpn_str)",
	"tls.handshake.random[0:1] == 00 || tls.handshake.session_id_length > 0",
}

// TestTsharkSelects: expressions select the frames that tshark -Y does, of all recordings together.
func TestTsharkSelects(t *testing.T) {
	all, log := album(t, 0)
	k := &theirs{t: t, args: tsharkArgs(t, all, log)}
	all = numbered(all)
	selected := make([]string, len(expressions)) // by tshark, two at a time
	var wait sync.WaitGroup
	for half := range 2 {
		wait.Go(func() {
			for i := half; i < len(expressions); i += 2 {
				out := k.run("-Y", expressions[i], "-T", "fields", "-e", "frame.number")
				selected[i] = strings.Join(strings.Fields(string(out)), " ")
			}
		})
	}
	wait.Wait()
	for i, expression := range expressions {
		program, err := filter.Compile(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		src := sheets(all)
		var frames []int
		_, err = dissect.Run(context.Background(), &src, dissect.Options{
			Stream: -1, Keys: secrets(t, log), Filter: program,
			Judged: func(frame int, matches bool) {
				if matches {
					frames = append(frames, frame)
				}
			},
		})
		check(t, err)
		slices.Sort(frames)
		got := make([]string, len(frames))
		for i, n := range frames {
			got[i] = strconv.Itoa(n)
		}
		if diff := cmp.Diff(strings.Fields(selected[i]), got); diff != "" {
			t.Errorf("%s: got other frames (-tshark +got):\n%.1500s", expression, diff)
		}
	}
}

// TestFilterChangesNoEvents requires a filter to leave what happens as it is told: the same events as without one, in order.
func TestFilterChangesNoEvents(t *testing.T) {
	all, log := album(t, 0)
	told := func(expression string) (list []string) {
		var f *filter.Program
		if expression != "" {
			var err error
			f, err = filter.Compile(expression)
			check(t, err)
		}
		src := sheets(numbered(all))
		_, err := dissect.Run(context.Background(), &src, dissect.Options{
			Stream: -1, Keys: secrets(t, log), Filter: f,
			Watch: func(stream int) func(observe.Event) {
				return func(e observe.Event) {
					list = append(list, fmt.Sprintf("%d %d %s %d", stream, e.Dir, e.Kind(), e.Frame()))
				}
			},
		})
		check(t, err)
		slices.Sort(list)
		return list
	}
	want := told("")
	for _, expression := range []string{"tls", "http.response", "tls.handshake.ja3"} {
		if diff := cmp.Diff(want, told(expression)); diff != "" {
			t.Errorf("%s (-without +with):\n%s", expression, diff)
		}
	}
}
