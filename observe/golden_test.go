package observe_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/akushu/akushu/observe"
	"github.com/google/go-cmp/cmp"
)

var (
	update = flag.Bool("update", false, "write what comes of the conversations in testdata")
	anew   = flag.Bool("record", false, "record the conversations in testdata anew")
)

// Conversations of crypto/tls with itself, kept so that what comes of them can be kept too.
var golden = []struct {
	name    string
	version uint16
	change  func(client, server *tls.Config)
}{
	{"tls12", tls.VersionTLS12, nil},
	{"tls13", tls.VersionTLS13, nil},
	{"tls13-retry-client-auth", tls.VersionTLS13, func(client, server *tls.Config) {
		retry(client, server)
		clientAuth(client, server)
	}},
}

// load reads a conversation: "c" and "s" and what was sent, in hexadecimal, or "end"; "key" and
// a line of the key log.
func load(t testing.TB, name string) *conversation {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name+".conversation"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c := new(conversation)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		what, rest, _ := strings.Cut(lines.Text(), " ")
		switch what {
		case "c", "s":
			k := chunk{dir: observe.ClientToServer, time: tick(len(c.chunks)), end: rest == "end"}
			if what == "s" {
				k.dir = observe.ServerToClient
			}
			if !k.end {
				if k.data, err = hex.DecodeString(rest); err != nil {
					t.Fatal(err)
				}
			}
			c.chunks = append(c.chunks, k)
		case "key":
			c.keys = append(c.keys, rest+"\n"...)
		}
	}
	return c
}

func save(t *testing.T, name string, c *conversation) {
	t.Helper()
	var b bytes.Buffer
	for line := range bytes.Lines(c.keys) {
		fmt.Fprintf(&b, "key %s", line)
	}
	for _, k := range c.chunks {
		what := hex.EncodeToString(k.data)
		if k.end {
			what = "end"
		}
		fmt.Fprintf(&b, "%s %s\n", k.dir.From()[:1], what)
	}
	if err := os.WriteFile(filepath.Join("testdata", name+".conversation"), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The connection object of NDJSON is what encoding/json makes of a Session: all names, their
// order, and no list null.
func TestGoldenSessions(t *testing.T) {
	for _, g := range golden {
		if *anew {
			client, server := configs(t, g.version, "ECDSA")
			if g.change != nil {
				g.change(client, server)
			}
			save(t, g.name, record(t, scene{client: client, server: server}))
		}
		c := load(t, g.name)
		s := watch(c, options(), withKeys(c)).session
		got, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		compare(t, g.name+".session.json", append(got, '\n'))
	}
}

// The events of a conversation, one a line, with the most important of what each holds.
func TestGoldenEvents(t *testing.T) {
	for _, g := range golden {
		c := load(t, g.name)
		var b bytes.Buffer
		for _, e := range watch(c, options(), withKeys(c)).events {
			body, err := json.Marshal(e.Body)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%d %s %s %s %s\n", e.Seq, e.Time.Format("05.000"), e.Dir, e.Kind(), body)
			if m, ok := e.Body.(*observe.Message); ok {
				for _, f := range m.Fields() {
					if f.Leaf {
						fmt.Fprintf(&b, "\t%d-%d %s %s\n", f.Start, f.End, f.Path, f.Text)
					}
				}
			}
		}
		compare(t, g.name+".events", b.Bytes())
	}
}

func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// A Session of which nothing is known still has every key and no null.
func TestEmptySession(t *testing.T) {
	got, err := json.Marshal(observe.New(options()).Session())
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(got, []byte("null")) {
		t.Errorf("got null in %s", got)
	}
	const keys = "v stream client server start duration_ms end tcp version cipher_suite cipher_suite_id group signature_scheme " +
		"server_name alpn resumed early_data hello_retry client_auth forward_secret ja3 ja3s ja4 complete decrypted decrypt_error " +
		"round_trips messages alerts checks application_data http certificates findings truncated"
	at := 0
	for _, key := range strings.Fields(keys) {
		i := bytes.Index(got[at:], []byte(`"`+key+`":`))
		if i < 0 {
			t.Errorf("got no %s, or not in its place, in %s", key, got)
			continue
		}
		at += i
	}
}
