package demo_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/cli/demo"
	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/peer"
)

// TestCapturesDecrypt has tshark decrypt what each demo wrote: it sees the same handshake
// messages from each end, in the same order, and what was said.
func TestCapturesDecrypt(t *testing.T) {
	peer.Find(t, "tshark")
	dir := t.TempDir()
	for _, d := range demos {
		var objects string
		file := filepath.Join(dir, d.name)
		t.Run("demo/"+d.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			objects = run(t, explain.English, append([]string{"--json"}, d.flags...))
			if err := os.Rename(demo.File, file); err != nil {
				t.Fatal(err)
			}
		})
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			want := messages(t, objects)
			seen := tshark(t, file)
			if diff := cmp.Diff(want, seen.messages); diff != "" {
				t.Errorf("(-akushu +tshark):\n%s", diff)
			}
			if n := len(want) / 2; seen.answers != n || seen.requests < n { // more, where early data was rejected
				t.Errorf("tshark sees %d requests and %d answers, want %d", seen.requests, seen.answers, n)
			}
		})
	}
}

// messages is the handshake messages of each end of each connection, as akushu names them.
func messages(t *testing.T, objects string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for line := range strings.Lines(objects) {
		var o struct {
			Stream         int
			Client, Server string
			Messages       []struct{ From, Type string }
		}
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		ports := map[string]string{"client": o.Client, "server": o.Server}
		for _, m := range o.Messages {
			addr := ports[m.From]
			end := fmt.Sprint(o.Stream, " port ", addr[strings.LastIndex(addr, ":")+1:])
			switch m.Type {
			case "ChangeCipherSpec", "Alert":
			case "HelloRetryRequest": // which is a ServerHello by its number
				all[end] = append(all[end], iana.HandshakeServerHello.String())
			default:
				all[end] = append(all[end], typeOf(t, m.Type))
			}
		}
	}
	return all
}

// typeOf is the type of a message that has a struct's name.
func typeOf(t *testing.T, name string) string {
	t.Helper()
	for typ := range iana.HandshakeType(255) {
		if strings.EqualFold(strings.ReplaceAll(typ.String(), "_", ""), name) {
			return typ.String()
		}
	}
	t.Fatalf("no message is called %s", name)
	return ""
}

// seen is what tshark sees of a capture.
type seen struct {
	messages          map[string][]string
	requests, answers int // of HTTP
}

func tshark(t *testing.T, file string) seen {
	t.Helper()
	fields := []string{"tcp.stream", "tcp.srcport", "tls.handshake.type", "http.request.method", "http.file_data"}
	all := seen{messages: map[string][]string{}}
	for _, f := range peer.Fields(t, file, fields, "-o", "tcp.try_heuristic_first:TRUE", "-Y", "tls.handshake or http") {
		all.requests += strings.Count(f[3], "GET")
		all.answers += strings.Count(f[4], "Hello World!")
		end := f[0] + " port " + f[1]
		for number := range strings.FieldsFuncSeq(f[2], func(r rune) bool { return r == ',' }) {
			typ, err := strconv.ParseUint(number, 10, 8)
			if err != nil {
				t.Fatal(err)
			}
			all.messages[end] = append(all.messages[end], iana.HandshakeType(typ).String())
		}
	}
	return all
}
